"""How far the work is, on standard error."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from wedgefit.views.terminal import console_for, is_terminal
from wedgefit.views.words import plain


class Progress:
    """Shows on standard error how far the work is: a bar on a terminal, with ``verbose`` else a
    line now and then."""

    BETWEEN_LINES = 2.0  # seconds
    BETWEEN_FRAMES = 0.05

    def __init__(self, *, quiet: bool = False, verbose: bool = False):
        self._stream, self._quiet = sys.stderr, quiet
        terminal = is_terminal(self._stream) and not quiet
        self._bar = _bar(self._stream) if terminal else None
        self._lines = verbose and not quiet and not terminal and self._stream is not None
        self._stage, self._next, self._task = None, 0.0, None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, words: str) -> None:
        """Say something that must not be missed, unless all is to be quiet."""
        if not self._quiet and self._stream is not None:
            print(f"Note: {plain(words)}.", file=self._stream, flush=True)

    def advance(
        self, stage: str, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Say where the work is; cheap enough to be called in every round."""
        if self._bar is None and not self._lines:
            return
        now = time.monotonic()
        if stage == self._stage and now < self._next:
            return
        self._next = now + (self.BETWEEN_FRAMES if self._bar else self.BETWEEN_LINES)
        if self._bar is not None:
            self._draw(stage, done, total, detail)
        else:
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
