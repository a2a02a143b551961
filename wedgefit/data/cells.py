"""The cells of a column become numbers or texts: one column, read as its cells ask for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wedgefit.data.hints import WORDS_FOR_MISSING, are_dates, grouped_as_decimals, hint
from wedgefit.data.reading import Reading
from wedgefit.data.words import listed, option, shown
from wedgefit.errors import TableError

FEW = 0.1  # A column with a smaller share of text than this was meant to be numbers.
# Beyond this float64 cannot tell a whole number from the next.
LARGEST_WHOLE = 2.0**53


@dataclass(frozen=True, eq=False)
class Column:
    """One column: float64 with NaN for missing cells, or an object array of str with None for
    missing cells.

    ``gaps``: the texts that count as missing here, the most frequent first. ``hint``: what would
    make numbers of its texts, None where they are no numbers.
    """

    name: str
    kind: Literal["numeric", "category"]
    values: np.ndarray
    gaps: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def missing(self) -> np.ndarray:
        """Mask of the missing cells, shape (rows,)."""
        if self.kind == "numeric":
            return np.isnan(self.values)
        return np.array([value is None for value in self.values], dtype=bool)


@dataclass(frozen=True)
class Question:
    """What is asked of a column of texts.

    ``kind``: "numeric" or "category", None where the cells decide. ``fitted``: a model asks, so
    that another kind is no way out. ``place`` names a cell by its row; ``pointed`` says whether
    other columns have numbers with the decimal mark that was told. ``apart``: the column names
    groups or times, which texts do as well, so that nobody is told how to make numbers of them.
    """

    kind: str | None
    fitted: bool
    reading: Reading
    place: Callable[[int], str]
    pointed: Callable[[], bool]
    apart: bool = False


def typed(name: str, texts: Sequence[str], question: Question) -> tuple[Column, list[str]]:
    """The column of these texts and what its reader should be told. Raises TableError for a cell
    of text in a column of numbers."""
    reading, kind = question.reading, question.kind
    stripped = list(map(str.strip, texts))
    values = None if kind == "category" else _plain_numbers(stripped, reading)
    if values is not None and (kind or not _beyond_whole(values, stripped)):
        return Column(name, "numeric", values), _grouped_note(name, values, stripped, reading)
    cells = [None if cell in reading.words else cell for cell in stripped]
    gaps = _by_frequency(cell for cell in stripped if cell in reading.words)
    if kind == "category":
        return _category(name, cells, gaps, None)
    numbers = _numbers(cells, reading)
    text = [row for row, number in enumerate(numbers) if number is None]
    if kind is None and (words := _names(cells, numbers)):
        column, notes = _category(name, cells, gaps, None)
        return column, [f"column {shown(name)} has {words} and is read as text", *notes]
    if text:
        return _texts(name, cells, numbers, gaps, question)
    column = Column(name, "numeric", np.array(numbers, dtype=np.float64), gaps)
    if np.isinf(column.values).any():
        row = int(np.flatnonzero(np.isinf(column.values))[0])
        raise _infinite_cell(question.place(row), name, cells[row] or "", question.fitted)
    present = [cell for cell in cells if cell is not None]
    return column, _grouped_note(name, column.values, present, reading)


# Numbers ------------------------------------------------------------------------------------------


def _plain_numbers(cells: list[str], reading: Reading) -> np.ndarray | None:
    """The cells as numbers where none needs a second look; None where one may."""
    # The fast path for most columns of most files: a fifth of the time of looking at each cell.
    text = "".join(cells)
    if not text.isascii() or "_" in text or not reading.plain or reading.missing_numbers:
        return None
    if text.isdigit() and any(map(_has_leading_zero, cells)):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _numbers(cells: list[str | None], reading: Reading) -> list[float | None]:
    """Per cell its number, NaN if it is missing, None if it is text."""
    numbers = [math.nan if cell is None else reading.number(cell) for cell in cells]
    absent = reading.missing_numbers
    return [math.nan if number in absent else number for number in numbers] if absent else numbers


def _grouped_note(
    name: str, values: np.ndarray, cells: Sequence[str], reading: Reading
) -> list[str]:
    # Most columns of decimals have other than three of them, which numbers tell faster than texts.
    with np.errstate(over="ignore"):
        thousandths = values[np.isfinite(values)] * 1000
    if not np.allclose(thousandths, np.round(thousandths), rtol=1e-12, atol=0):
        return []
    cell = grouped_as_decimals(cells, reading)
    if cell is None:
        return []
    told = reading.decimal
    other, mark = (".", "comma") if told == "," else (",", "point")
    return [
        f"column {shown(name)}: {cell} is read as {reading.number(cell):g}, beside whole numbers; "
        f'if the {mark} groups thousands, try --decimal "{other}" --thousands "{told}"'
    ]


# Numbers that are names ---------------------------------------------------------------------------


def _has_leading_zero(cell: str) -> bool:
    return cell[:1] == "0" and len(cell) > 1 and cell.isdigit()


def _beyond_whole(values: np.ndarray, cells: list[str]) -> bool:
    """Whether whole numbers are too large to be told apart."""
    large = len(values) > 0 and float(np.abs(values).max()) >= LARGEST_WHOLE
    return large and _names(list(cells), values.tolist()) is not None


def _names(cells: Sequence[str | None], numbers: Sequence[float | None]) -> str | None:
    """Why the numbers are names (codes, like zip codes, or keys of a database): all are digits
    only, and some have a leading zero or are too large for float64. None where they are
    numbers."""
    spelled = [
        cell for cell, number in zip(cells, numbers) if cell is not None and number is not None
    ]
    digits = [cell[1:] if cell[:1] in "+-" else cell for cell in spelled]
    if not all(cell.isascii() and cell.isdigit() for cell in digits):
        return None
    if any(map(_has_leading_zero, spelled)) and all(map(str.isdigit, spelled)):
        return "leading zeros"
    large = any(len(cell) > 15 and int(cell[:400]) > LARGEST_WHOLE for cell in digits)
    return "whole numbers beyond 2^53, which would run together as numbers," if large else None


# Texts --------------------------------------------------------------------------------------------


def _category(
    name: str, cells: list[str | None], gaps: tuple[str, ...], advice: str | None
) -> tuple[Column, list[str]]:
    column = Column(name, "category", np.array(cells, dtype=object), gaps, advice)
    words = [gap for gap in gaps if gap]
    if "" not in gaps or not words:
        return column, []
    return column, [
        f"column {shown(name)}: empty cells and {listed(list(map(shown, words)))} both count as "
        f'missing; --na-only "" keeps words as text'
    ]


def _texts(
    name: str,
    cells: list[str | None],
    numbers: list[float | None],
    gaps: tuple[str, ...],
    question: Question,
) -> tuple[Column, list[str]]:
    """A column in which some cells are no numbers: text, or numbers with a mistake, which is an
    error."""
    rows = [row for row, number in enumerate(numbers) if number is None]
    texts = list(dict.fromkeys(cells[row] or "" for row in rows))
    plain = [cell for cell, number in zip(cells, numbers) if cell and number is not None]
    advice = hint(texts, plain, question.reading, question.pointed)
    slip = _is_slip(len(rows), texts, len(plain))
    # Dates among the numbers of a column of times are for those to judge who know it is one.
    slip = slip and not (question.apart and are_dates(texts))
    if question.kind is not None or slip:
        place = question.place(rows[0])
        if rows == [0] and not question.reading.header and question.kind is None:
            advice = "leave --no-header out if the first line names the columns"
        raise _text_cell(place, name, texts, len(rows), advice, question.fitted)
    if question.apart:
        return _category(name, cells, gaps, None)
    column, notes = _category(name, cells, gaps, advice)
    if advice is None:
        return column, notes
    start = f"column {shown(name)} is read as text, but its cells look like {texts[0]}"
    return column, [f"{start}: {advice}", *notes]


def _is_slip(text: int, texts: Sequence[str], numbers: int) -> bool:
    """Whether cells of text among numbers are mistakes or gaps rather than the nature of the
    column: one and the same word, words that commonly mean missing, or few cells."""
    one_meaning = len(texts) == 1 or WORDS_FOR_MISSING.issuperset(texts)
    return (numbers >= 2 and one_meaning) or text < FEW * (text + numbers)


def _by_frequency(cells: Iterable[str]) -> tuple[str, ...]:
    return tuple(cell for cell, _ in Counter(cells).most_common())


# Refusals -----------------------------------------------------------------------------------------


def _text_cell(
    where: str, name: str, texts: list[str], count: int, advice: str | None, fitted: bool
) -> TableError:
    """``texts``: those of ``count`` cells, each once."""
    cell, others = texts[0], listed(list(map(shown, texts[1:4])))
    if cell == name:
        advice = "remove the line if it repeats the header"
    remedy = "Correct it" if advice is None else advice[0].upper() + advice[1:]
    kinds = f", such as {others}" if others else ""
    more = f" (nor are {count - 1} more cells of the column{kinds})" if count > 1 else ""
    return TableError(
        f"{shown(cell)} is not a number{more}.",
        where=where,
        remedy=f"{remedy}{'.' if advice else ''}{_ways_out(name, cell, fitted, bool(advice))}",
    )


def _infinite_cell(where: str, name: str, cell: str, fitted: bool) -> TableError:
    message = f"{shown(cell)} is not a finite number that a computer can hold."
    return TableError(
        message, where=where, remedy=f"Correct it{_ways_out(name, cell, fitted, False)}"
    )


def _ways_out(name: str, cell: str, fitted: bool, anew: bool) -> str:
    start = " Otherwise try" if anew else ", or try"
    missing = f"{start} {option('--na', cell)} if it means missing"
    if fitted:
        return f"{missing}: numbers are expected in this column."
    return f"{missing}, {option('--type', name + '=category')} if the column is text."
