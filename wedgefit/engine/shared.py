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


# On matrices as small as those of a Lasso more threads cost far more than they give.
one_blas_thread = Shared(lambda: _pools().limit(limits=1, user_api="blas").restore_original_limits)
