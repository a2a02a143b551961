"""A file as texts under names: what every input format delivers, and where its rows stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wedgefit.data.reading import Reading, parse_number
from wedgefit.data.words import listed, place, shown, title
from wedgefit.errors import TableError


@dataclass(frozen=True)
class Sheet:
    """Per column name its cells, all equally many, and the line on which each row starts."""

    source: str
    cells: dict[str, Sequence[str]]
    lines: Sequence[int]
    delimiter: str | None = None
    notes: tuple[str, ...] = ()

    def place(self, row: int, column: str | None = None) -> str:
        """The words for a row (from 0) or a cell in messages."""
        return place(self.source, row + 1, self.lines[row], column)


@dataclass(frozen=True)
class FileOptions:
    """How the bytes of a file become texts; None where the file says."""

    encoding: str = "utf-8"
    delimiter: str | None = None


# What reads a format: from the name of a file, how cells are to be read, and the file's options.
Reader = Callable[[str, Reading, FileOptions], Sheet]

NO_INDEX = "In pandas, to_csv(index=False) writes the file without it."


def sheet_of(
    records: Sequence[tuple[int, list[str]]],
    source: str,
    reading: Reading,
    delimiter: str | None = None,
    notes: tuple[str, ...] = (),
) -> Sheet:
    """Records, each with its line, as equally long rows under checked names; the first names the
    columns unless the reading says otherwise. A record without cells is a blank line.

    An empty column at the end, which a trailing delimiter makes, and a first column without a name
    that only numbers the rows are left out with a note. Raises TableError.
    """
    start = next(i for i, (_, cells) in enumerate(records) if cells)
    names, body = list(map(str.strip, records[start][1])), records[start + 1 :]
    if not reading.header:
        names, body = [f"column_{i + 1}" for i in range(len(names))], records[start:]
    lines, rows, blank = _rows(body, len(names))
    where = title(source)
    if not rows:
        message = "there are column names but no data rows."
        raise TableError(message, where=where, remedy="Add rows.")
    names, rows, ended = _without_empty_end(names, rows)
    _check_rows(rows, lines, names, source, reading)
    cells = list(zip(*rows))
    counted: tuple[str, ...] = ()
    if len(names) > 1 and not names[0] and _numbers_rows(cells[0]):
        names, cells = names[1:], cells[1:]
        counted = ("the first column has no name and numbers the rows: it is left out",)
    _check_names(names, where)
    found = (*notes, *ended, *counted, *_notes(names, cells, blank, reading))
    return Sheet(source, dict(zip(names, cells)), lines, delimiter, found)


def _rows(
    body: Sequence[tuple[int, list[str]]], width: int
) -> tuple[list[int], list[list[str]], list[int]]:
    """The lines and cells of the rows, and the lines that were blank between them."""
    end = len(body)
    while end and _is_blank(body[end - 1][1], width):
        end -= 1
    if width > 1 and all(len(cells) > 1 for _, cells in body[:end]):
        return [line for line, _ in body[:end]], [cells for _, cells in body[:end]], []
    lines, rows, blank = [], [], []
    for line, cells in body[:end]:
        if not _is_blank(cells, width) or width == 1:
            lines.append(line)
            rows.append(cells or [""])
        else:
            blank.append(line)
    return lines, rows, blank


def _is_blank(cells: list[str], width: int) -> bool:
    return not cells or (width > 1 and len(cells) == 1 and not cells[0].strip())


def _without_empty_end(
    names: list[str], rows: list[list[str]]
) -> tuple[list[str], list[list[str]], tuple[str, ...]]:
    """Names and rows without the empty columns at their end, if these hold nothing in any row."""
    named = len(names)
    while named > 1 and not names[named - 1]:
        named -= 1
    width = max(map(len, rows))
    even = named < len(names) or min(map(len, rows)) == width
    over = max(width, len(names)) > named
    if not (over and even and all(_ends_empty(row, named) for row in rows)):
        return names, rows, ()
    note = "lines end in a delimiter: the empty column behind it is left out"
    return names[:named], [row[:named] for row in rows], (note,)


def _ends_empty(row: list[str], named: int) -> bool:
    return len(row) >= named and not any(map(str.strip, row[named:]))


def _numbers_rows(cells: Sequence[str]) -> bool:
    """Whether all cells are different whole numbers, as an index is, also that of some rows."""
    stripped = [cell.strip() for cell in cells]
    return all(map(str.isdigit, stripped)) and len(set(stripped)) == len(stripped)


# Refusals and notes -------------------------------------------------------------------------------


def _check_rows(
    rows: list[list[str]], lines: list[int], names: list[str], source: str, reading: Reading
) -> None:
    """Raises TableError for the first row that is not as long as the names."""
    width = len(names)
    if set(map(len, rows)) == {width}:
        return
    for row, cells in enumerate(rows):
        if len(cells) != width:
            remedy = "Check its delimiters and quotes, or set --delimiter."
            if all(len(other) == width + 1 for other in rows):
                remedy = (
                    "Every row has one field more than the first line: is it an index without a "
                    "name (give it one there), or a decimal comma (quote such cells)?"
                )
            elif width == 1 and reading.header and all(map(_is_wide, rows)):
                remedy = (
                    f"{shown(names[0])} is taken for the names of the columns: take off all lines "
                    "above these."
                )
            elif len(cells) > width and _ends_empty(cells, width):
                remedy = "It ends in a delimiter, and other rows do not: remove it."
            raise TableError(
                f"{len(cells)} field{'s' * (len(cells) != 1)} found, {width} expected.",
                where=place(source, row + 1, lines[row]),
                remedy=remedy,
            )


def _is_wide(row: list[str]) -> bool:
    """Whether a row has several fields, or nothing at all, as a blank line does."""
    return len(row) > 1 or row == [""]


def _check_names(names: list[str], where: str) -> None:
    where = f"{where}, header"
    for position, name in enumerate(names, start=1):
        if not name:
            remedy = "Name every column."
            if position == 1:
                remedy = f"Name it, or leave it out if it is an index. {NO_INDEX}"
            message = f"column {position} of {len(names)} has no name."
            raise TableError(message, where=where, remedy=remedy)
        first = names.index(name) + 1
        if first < position:
            message = f"columns {first} and {position} are both called {shown(name)}."
            remedy = "Rename one of them."
            if parse_number(name) is not None:
                remedy = "Is the first line data? Then try --no-header."
            raise TableError(message, where=where, remedy=remedy)


def _notes(
    names: list[str], cells: list[tuple[str, ...]], blank: list[int], reading: Reading
) -> list[str]:
    notes = []
    if reading.header and _looks_like_data(names, cells):
        notes.append("the first line looks like data, not names: if it is, try --no-header")
    if blank:
        notes.append(f"blank lines were skipped: {listed(blank)}")
    return notes


def _looks_like_data(names: list[str], cells: list[tuple[str, ...]]) -> bool:
    """Whether all names are numbers, or some have decimals and each of the others is a text of its
    own column."""
    numbers = [name for name in names if parse_number(name) is not None]
    if len(numbers) == len(names):
        return True
    texts = [j for j, name in enumerate(names) if parse_number(name) is None]
    return bool(numbers) and all(names[j] in map(str.strip, cells[j]) for j in texts)
