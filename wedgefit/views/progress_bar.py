"""How far the work is, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from wedgefit.views.terminal import console_for, is_terminal
from wedgefit.views.words import about, plain


class Progress:
    """Shows on standard error how far the work is: a bar on a terminal, with ``verbose`` else a
    line now and then.

    ``quicker``: by stages of the work what would take less time. A stage of which much is left is
    told of once, with that.
    """

    BETWEEN_LINES = 2.0  # seconds
    BETWEEN_FRAMES = 0.05
    # A forecast takes so many seconds of work to learn from, and is told where so many are left.
    LEARNT_FROM = 3.0
    WORTH_TELLING = 10.0
    # With less of the work behind nothing can be foretold.
    LEAST_PART = 0.05
    # One step of the work may take minutes, in which nothing is heard of it: so often, in seconds,
    # it is looked whether to tell.
    BETWEEN_LOOKS = 1.0

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        quicker: Mapping[str, str] | None = None,
    ):
        self._stream, self._quiet = sys.stderr, quiet
        self._quicker = {} if quiet or sys.stderr is None else dict(quicker or {})
        terminal = is_terminal(self._stream) and not quiet
        self._bar = _bar(self._stream) if terminal else None
        self._lines = verbose and not quiet and not terminal and self._stream is not None
        self._stage, self._next, self._task = None, 0.0, None
        self._began, self._part = 0.0, 0.0
        self._over, self._telling = threading.Event(), threading.Lock()

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        if self._quicker:
            threading.Thread(target=self._keep_looking, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.stop()

    def note(self, words: str) -> None:
        """Say something that must not be missed, unless all is to be quiet."""
        if not self._quiet and self._stream is not None:
            print(f"Note: {plain(words)}.", file=self._stream, flush=True)

    def advance(
        self,
        stage: str,
        done: int | None = None,
        total: int | None = None,
        detail: str = "",
        part: float = 0.0,
    ) -> None:
        """Say where the work is, and which ``part`` of the stage's work lies behind, 0 where nobody
        knows; cheap enough to be called in every round."""
        if self._bar is None and not self._lines and not self._quicker:
            return
        now = time.monotonic()
        anew = stage != self._stage
        if anew:
            self._began, self._part = now, 0.0
        # What was said once is not taken back.
        self._part = max(self._part, part)
        left = self._left(now)
        self._warn(stage, left, now - self._began)
        if not anew and now < self._next:
            return
        if left is not None:
            detail = f"{detail}, about {about(left)} left"
        self._tell(stage, done, total, detail, now)

    def _keep_looking(self) -> None:
        """Tell of a stage of which much is left also while nothing is heard of it."""
        while not self._over.wait(self.BETWEEN_LOOKS):
            now, stage = time.monotonic(), self._stage
            if stage is not None:
                self._warn(stage, self._left(now), now - self._began)

    def _warn(self, stage: str, left: float | None, elapsed: float) -> None:
        """Tell, once, what would be quicker than a stage of which much is left."""
        if stage not in self._quicker:
            return
        if left is None:
            if self._part > self.LEAST_PART or elapsed < self.WORTH_TELLING:
                return
            far = "it cannot be foretold yet how long this takes"
        elif left < self.WORTH_TELLING:
            return
        else:
            far = f"about {about(left)} left"
        with self._telling:
            if words := self._quicker.pop(stage, None):
                print(plain(f"{stage}: {far}; {words}"), file=self._stream, flush=True)

    def _left(self, now: float) -> float | None:
        """The seconds that the rest of the stage takes if it goes on as it has; None where too
        little is known."""
        elapsed = now - self._began
        if not self.LEAST_PART < self._part < 1 or elapsed < self.LEARNT_FROM:
            return None
        return elapsed * (1 - self._part) / self._part

    def _tell(
        self, stage: str, done: int | None, total: int | None, detail: str, now: float
    ) -> None:
        """Draw the bar, or print the line."""
        self._next = now + (self.BETWEEN_FRAMES if self._bar else self.BETWEEN_LINES)
        if self._bar is not None:
            self._draw(stage, done, total, detail)
        elif self._lines:
            count = (
                "" if done is None else f" {done:,}" if total is None else f" {done:,}/{total:,}"
            )
            print(
                f"{plain(stage)}{count}{f': {plain(detail)}' if detail else ''}",
                file=self._stream,
                flush=True,
            )
        self._stage = stage

    def _draw(self, stage: str, done: int | None, total: int | None, detail: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task("", total=None, detail="")
        elif stage != self._stage:
            self._bar.reset(self._task)
        self._bar.update(
            self._task,
            description=plain(stage),
            completed=done or 0,
            total=total,
            detail=plain(detail),
        )


def _bar(stream: TextIO) -> Bar:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    return Bar(
        *columns,
        TimeElapsedColumn(),
        console=console_for(stream),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
