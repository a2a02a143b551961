"""States of the whole process that fits in several threads share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController


class Shared:
    """A state that lasts as long as anyone needs it: the first to come sets it, the last takes it
    back.

    ``begin`` sets it and returns what takes it back. Were every thread to restore what it found
    itself, two that overlap would leave the state behind for good.
    """

    def __init__(self, begin: Callable[[], Callable[[], None]]):
        self._begin = begin
        self._end: Callable[[], None]  # of those who use it now
        self._lock, self._users = Lock(), 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._end = self._begin()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._end()


@cache
def _pools() -> ThreadpoolController:
    """The loaded thread pools; finding them takes milliseconds, so it is done once."""
    return ThreadpoolController()


def _limit_blas() -> Callable[[], None]:
    limited = _pools().limit(limits=1, user_api="blas")

    def restore() -> None:
        # The last user need not be the thread that set the limit, the only one that threadpoolctl
        # listens to until it is let go.
        _let_go()
        limited.restore_original_limits()
        _let_go()

    return restore


def _let_go() -> None:
    """Any thread may set limits; versions of threadpoolctl before 3.7 always let it."""
    for pool in _pools().lib_controllers:
        if hasattr(pool, "clear_controlling_thread"):
            pool.clear_controlling_thread(force=True)


# On matrices as small as those of a Lasso more threads cost far more than they give.
one_blas_thread = Shared(_limit_blas)
