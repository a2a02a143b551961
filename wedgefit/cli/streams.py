"""Standard streams that are closed, full, or read by nobody."""

import io
import os
import sys


class _Patient(io.FileIO):
    """Standard error. What it cannot take is lost, as there is nowhere left to say so; the command
    and its exit code go on."""

    def write(self, data) -> int | None:
        try:
            return super().write(data)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(data)


def prepare() -> None:
    """Make the three standard streams safe to work with, once, at the start of the program."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file that is opened would get the number of a closed stream, and a word meant
            # for standard error would be written into it.
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is not None and sys.stderr is sys.__stderr__:
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_Patient(sys.stderr.fileno(), "w", closefd=False)),
            encoding=sys.stderr.encoding,
            errors=sys.stderr.errors,
            line_buffering=True,
        )
