"""Columns of another kind than is asked for: texts that spell numbers, and numbers as texts."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from wedgefit.data.cells import Column
from wedgefit.data.reading import Reading, parse_number
from wedgefit.data.table import Table
from wedgefit.data.words import shown
from wedgefit.errors import ColumnError

LARGEST = 1e100  # Sums of squares of larger values may leave the range of float64.
# Of a smaller spread squares are lost; a standardised column only needs its own digits.
SMALLEST, SMALLEST_STANDARDISED = 1e-100, 1e-290


def numbers_of(column: Column, table: Table, remedy: str) -> np.ndarray:
    """The column as finite numbers, NaN where missing. Raises ColumnError naming the first cell of
    text."""
    if column.kind == "numeric":
        return column.values
    values = as_numbers(column, table.reading)
    for row, value in enumerate(values):
        if isinstance(value, str):
            raise ColumnError(
                f"{shown(value)} is not a number.",
                where=table.place(row, column.name),
                remedy=remedy,
            )
    return np.array(values)


def as_numbers(column: Column, reading: Reading) -> list[float | str]:
    """Each cell as a number where it spells a finite one; NaN where it is missing."""
    return [_as_number(value, reading) for value in column.values.tolist()]


def _as_number(value: str | float | None, reading: Reading) -> float | str:
    if not isinstance(value, str):
        return math.nan if value is None else value
    number = reading.number(value)
    return value if number is None or math.isinf(number) else number


def as_texts(column: Column, levels: Iterable[str]) -> list[str | None]:
    """The cells as texts, None where missing; numbers as the level that spells them, else in the
    plainest way.

    A text column whose cells in a new file all happen to be numbers is read as numeric: 7.0 is then
    the level "7", or "007" or "7.0" if that is what training saw.
    """
    if column.kind == "category":
        return column.values.tolist()
    spelling = spellings(levels)
    return [
        None if math.isnan(value) else spelling.get(value) or plain(value)
        for value in column.values.tolist()
    ]


def spellings(levels: Iterable[str]) -> dict[float, str]:
    """By number the level that spells it, the plainest if there are several."""
    spelling = {}
    for level in levels:
        number = parse_number(level)
        if number is not None and (number not in spelling or level == plain(number)):
            spelling[number] = level
    return spelling


def as_written(label: str | float) -> str | float | int:
    """The label as its user would write it: 1 rather than 1.0."""
    integral = isinstance(label, float) and label.is_integer() and abs(label) < 1e16
    return int(label) if integral else label


def label_text(label: str | float) -> str:
    return shown(label) if isinstance(label, str) else str(as_written(label))


def plain(number: float) -> str:
    return repr(as_written(number))


def example_of(table: Table, column: Column) -> str:
    """A text of the column that is no number."""
    texts = (cell for cell in column.values.tolist() if cell is not None)
    return next(text for text in texts if table.reading.number(text) is None)


def check_spread(values: np.ndarray, smallest: float, table: Table, name: str) -> None:
    """Raises ColumnError where values differ by so little that computing loses the difference."""
    with np.errstate(over="ignore"):
        spread = float(np.ptp(values))
    if 0.0 < spread < smallest:
        raise ColumnError(
            f"its values differ by {spread:.1g} at most, too little to compute with.",
            where=table.at(name),
            remedy="Give them in a smaller unit, so that the numbers are larger.",
        )


def check_range(
    values: np.ndarray, raw: np.ndarray, largest: float, table: Table, column: str
) -> None:
    """Raises ColumnError for the first of ``values`` beyond ``largest``; ``raw`` as in the file."""
    beyond = np.flatnonzero(~(np.abs(values) <= largest))
    if len(beyond):
        message = f"the value {raw[beyond[0]]:g} is too large to compute with."
        raise ColumnError(
            message,
            where=table.place(beyond[0], column),
            remedy="Change the unit, or correct the cell.",
        )
