"""Watching long work: when it should end early."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


class Deadline:
    """When a solve should end before it is done: after ``seconds`` from now, or never."""

    def __init__(self, seconds: float | None = None):
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def known(self) -> bool:
        """Whether it is known when it will be due."""
        return self._end is not None

    def due(self, reserve: float = 0.0) -> bool:
        """Whether it is time to end, if the last step will still take ``reserve`` seconds."""
        return self._end is not None and time.monotonic() + reserve >= self._end

    def share(self, parts: int) -> "Deadline":
        """The deadline of the first of so many equal parts of the time that is left."""
        return _Share(
            self, None if self._end is None else max(0.0, self._end - time.monotonic()) / parts
        )

    def watching(self) -> AbstractContextManager:
        """What surrounds the fit that may be ended early."""
        return nullcontext()


class _Share(Deadline):
    """A part of another deadline; whatever brings the whole forward brings the part forward."""

    def __init__(self, whole: Deadline, seconds: float | None):
        super().__init__(seconds)
        self._whole = whole

    def due(self, reserve: float = 0.0) -> bool:
        return super().due(reserve) or self._whole.due(reserve)


class InterruptibleDeadline(Deadline):
    """A deadline that the first Ctrl-C during the fit brings forward; the second one stops at once.

    ``tell`` is called with a sentence when the first arrives.
    """

    def __init__(self, seconds: float | None, tell: Callable[[str], None]):
        super().__init__(seconds)
        self._tell, self._asked = tell, False

    def due(self, reserve: float = 0.0) -> bool:
        return self._asked or super().due(reserve)

    @contextmanager
    def watching(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupted(self, *_) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._tell(
            "ending after this round, with a certificate for the network so far; "
            "press Ctrl-C again to stop at once"
        )


class Silent:
    """Progress that nobody watches."""

    def note(self, words: str) -> None:
        pass

    def advance(self, *step) -> None:
        pass
