"""A CSV file becomes typed columns, and every row keeps its id and its line in the file."""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import io
import math
import os
import re
import shlex
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from wedgefit.errors import ColumnError, TableError, UsageError

DEFAULT_NA = ("", "NA", "NaN", "nan", "null", "NULL")
DELIMITERS = ",;\t|"
KINDS = ("numeric", "category", "skip")
LONGEST_CELL = 2**24
FEW = 0.1  # A column with a smaller share of text than this was meant to be numbers.

_SWAP_MARKS = str.maketrans(",.", ".,")
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, eq=False)
class Column:
    """One column: float64 with NaN for missing cells, or an object array of str with None for
    missing cells."""

    name: str
    kind: str  # "numeric" or "category"
    values: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Mask of the missing cells, shape (rows,)."""
        if self.kind == "numeric":
            return np.isnan(self.values)
        return np.array([value is None for value in self.values], dtype=bool)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length; ``row_ids`` are data row numbers from 1, or the texts of the id
    column; ``names`` are all columns of the file, read or not, and ``cells`` what it says in
    them, letter by letter, where that was asked for."""

    source: str
    delimiter: str
    row_ids: list
    line_numbers: np.ndarray
    columns: dict[str, Column]
    notes: tuple[str, ...] = ()
    id_column: str | None = None
    names: tuple[str, ...] = ()
    cells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self):
        if not self.names:
            object.__setattr__(self, "names", tuple(self.columns))

    @property
    def rows(self) -> int:
        return len(self.row_ids)

    @property
    def title(self) -> str:
        """What messages call this table."""
        return _title(self.source)

    def column(self, name: str) -> Column:
        """The column of that name. Raises ColumnError with near names."""
        if name not in self.columns:
            raise unknown_column(name, self.names, where=self.title)
        return self.columns[name]

    def take(self, rows: Sequence[int]) -> Table:
        """The same table with these rows only (indices from 0, in the order given)."""
        rows = np.asarray(rows, dtype=np.intp)
        columns = {
            name: replace(column, values=column.values[rows])
            for name, column in self.columns.items()
        }
        row_ids = [self.row_ids[row] for row in rows]
        cells = {name: tuple(texts[row] for row in rows) for name, texts in self.cells.items()}
        lines = self.line_numbers[rows]
        return replace(self, row_ids=row_ids, line_numbers=lines, columns=columns, cells=cells)

    def place(self, row: int, column: str | None = None) -> str:
        """The words for a cell or row in messages: ``iris.csv, row 57 (line 58), column
        "petal_len"``."""
        row_id = self.row_ids[row]
        return _place(
            self.source,
            row_id if isinstance(row_id, int) else shown(row_id),
            self.line_numbers[row],
            column,
        )


def read_table(
    source: str | os.PathLike,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    decimal: str = ".",
    na: Iterable[str] = DEFAULT_NA,
    types: Mapping[str, str] | None = None,
    id_column: str | None = None,
    schema: Mapping[str, str] | None = None,
    keep_cells: bool = False,
) -> Table:
    """Read a CSV file with a header line, plain or gzipped; ``-`` is standard input.

    Cells and names lose surrounding white space. A cell is missing when it is empty or one of
    ``na``. A column is numeric when all its other cells are finite numbers, except that digits with
    a leading zero (00123) are text. A column of numbers with a few cells of text is refused rather
    than guessed at.

    ``types`` sets the kind of columns that must exist ("numeric", "category", or "skip" to leave
    one out). ``schema`` names the kinds that a fitted model expects: such columns are read so when
    they are there, and all others are skipped, so that a stray cell in an unused column cannot stop
    a prediction. With a schema ``id_column`` is a wish: rows count by number where it is not there
    or does not tell the rows apart.

    Raises TableError (file, encoding, records, cells), ColumnError (a named column), UsageError (an
    option).
    """
    source, na = (
        os.fspath(source),
        {"", *(cell.strip() for cell in ([na] if isinstance(na, str) else na))},
    )
    delimiter = _checked_options(delimiter, decimal, types)
    text = _decoded(_read_bytes(source), encoding, source)
    with _long_cells():
        delimiter = delimiter or _guess_delimiter(text, decimal, source)
        records = _read_records(text, delimiter, source)
    columns, notes = {}, list(records.notes)
    if schema is not None and id_column is not None:
        if problem := _unusable_ids(records, id_column, na):
            notes += [f"rows count by number: {problem}"]
            id_column = None
    kinds = _kinds(records.names, types or {}, schema, id_column, source)
    row_ids = _row_ids(records, id_column, na)
    for name, kind in kinds.items():
        promised = schema is not None and name not in (types or {})
        columns[name], column_notes = _column(records, name, kind, na, decimal, promised)
        notes += column_notes
    return Table(
        source,
        delimiter,
        row_ids,
        np.array(records.lines),
        columns,
        tuple(notes),
        id_column,
        tuple(records.names),
        records.cells if keep_cells else {},
    )


def parse_number(cell: str) -> float | None:
    """The number that a stripped cell spells, infinite when it is too large; None for text.

    Stricter than ``float``: 1_000, fullwidth digits and spellings of NaN are text.
    """
    if "_" in cell or not cell.isascii():
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def shown(text: str, longest: int = 40) -> str:
    """The text in double quotes, shortened, with control characters made visible."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return f'"{short}"' if short.isprintable() else repr(short)


def unknown_column(name: str, names: Iterable[str], *, where: str) -> ColumnError:
    """The error for a column that does not exist, with near names or else the first of all
    names."""
    names = list(names)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    near = near or [other for other in names if other.casefold() == name.casefold()]
    if near:
        remedy = f"Did you mean {' or '.join(map(shown, near))}?"
    else:
        remedy = f"The columns are {listed(list(map(shown, names)), 10)}."
    return ColumnError(f"there is no column {shown(name)}.", where=where, remedy=remedy)


# Options ------------------------------------------------------------------------------------------


def _checked_options(
    delimiter: str | None, decimal: str, types: Mapping[str, str] | None
) -> str | None:
    """The delimiter as one character (or None), once all options have been found in range."""
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise UsageError(f'the delimiter must be one character or "tab", not {shown(delimiter)}.')
    if decimal not in (".", ","):
        raise UsageError(f'the decimal mark must be "." or ",", not {shown(decimal)}.')
    for name, kind in (types or {}).items():
        if kind not in KINDS:
            raise UsageError(
                f"column {shown(name)}: the type must be {', '.join(KINDS)}, not {shown(str(kind))}."
            )
    return delimiter


def _kinds(names, types, schema, id_column, source) -> dict[str, str | None]:
    """The kind asked for, per column that will be read; None where the cells decide."""
    for name in [*types, *([] if id_column is None else [id_column])]:
        if name not in names:
            raise unknown_column(name, names, where=_title(source))
    asked = {
        name: schema.get(name, "skip") if schema is not None else None for name in names
    } | dict(types)
    return {name: kind for name, kind in asked.items() if kind != "skip" and name != id_column}


# Bytes and text -----------------------------------------------------------------------------------


def _title(source: str) -> str:
    return "standard input" if source == "-" else source


def _place(source: str, row: object, line: int, column: str | None = None) -> str:
    place = f"{_title(source)}, row {row} (line {line})"
    return place if column is None else f"{place}, column {shown(column)}"


def _read_bytes(source: str) -> bytes:
    try:
        if source == "-":
            if sys.stdin is None:
                raise TableError("it is closed.", where=_title(source), remedy="Name a file.")
            raw = sys.stdin.buffer.read()
        else:
            with open(source, "rb") as file:
                raw = file.read()
        return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TableError(
            f"the gzip data is damaged ({error}).",
            where=_title(source),
            remedy="Copy the file again.",
        ) from None
    except FileNotFoundError:
        raise TableError(
            "there is no such file.", where=source, remedy="Check the path; - reads standard input."
        ) from None
    except IsADirectoryError:
        raise TableError(
            "this is a folder, not a CSV file.", where=source, remedy="Name a file in it."
        ) from None
    except PermissionError:
        raise TableError(
            "no permission to read this file.", where=source, remedy="Change its permissions."
        ) from None
    except (OSError, ValueError) as error:
        raise TableError(f"cannot be read: {error}.", where=_title(source)) from None


def _decoded(raw: bytes, encoding: str, source: str) -> str:
    """The text of the file, without a byte order mark. Raises TableError for binary data, with the
    byte offset."""
    where = _title(source)
    codec = _codec(encoding)
    if raw.startswith(_UTF16_MARKS) and not codec.startswith(("utf-16", "utf-32")):
        raise TableError("the file is UTF-16 text.", where=where, remedy="Try --encoding utf-16.")
    if codec == "utf-8" and raw.startswith(codecs.BOM_UTF8):
        codec = "utf-8-sig"
    try:
        text = raw.decode(codec)
    except UnicodeError as error:
        raise _not_text(raw, getattr(error, "start", 0), codec, where) from None
    if "\0" in text:
        raise _not_text(raw, len(text[: text.index("\0")].encode(codec)), codec, where)
    if not text.strip():
        raise TableError(
            "the file is empty.", where=where, remedy="Expected a line of column names, then rows."
        )
    return text


def _codec(encoding: str) -> str:
    """Python's name for the encoding. Raises UsageError when it has none that makes text of
    bytes."""
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise UsageError(
            f"unknown encoding {shown(encoding)}.", remedy="Try utf-8, latin-1 or utf-16."
        ) from None


def _not_text(raw: bytes, offset: int, codec: str, where: str) -> TableError:
    return TableError(
        f"byte {offset} (0x{raw[offset]:02x}) is not {codec} text."
        if raw[offset:]
        else f"the file is not {codec} text.",
        where=where,
        remedy="Try --encoding latin-1 or utf-16 if it is text; save a spreadsheet as CSV first.",
    )


# Records ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Records:
    """The file as texts: per column name its cells, and the line on which each row starts."""

    source: str
    names: list[str]
    cells: dict[str, tuple[str, ...]]
    lines: list[int]
    notes: list[str]

    def place(self, row: int, column: str | None = None) -> str:
        return _place(self.source, row + 1, self.lines[row], column)


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells be longer than the 131,072 characters of Python's csv module, whose limit is
    global."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _guess_delimiter(text: str, decimal: str, source: str) -> str:
    """The delimiter that splits the header into most fields; on a tie the comma, unless it is the
    decimal mark."""
    candidates = sorted(DELIMITERS, key=lambda mark: mark == decimal)
    return max(candidates, key=lambda mark: _header_width(text, mark, source))


def _header_width(text: str, delimiter: str, source: str) -> float:
    try:
        return next(len(cells) for _, cells in _parsed(text, delimiter, source) if cells)
    except TableError:
        # Quotes that do not close: worse than two fields, but better than one, which would hide the
        # mistake.
        return 1.5


def _parsed(text: str, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it starts on; a blank line is an empty list."""
    # strict: without it an unclosed quote would swallow the rest of the file as one cell.
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise _not_csv(str(error), f"{_title(source)}, line {line}") from None


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends, for LF, CRLF and CR alike."""
    # Not StringIO: it splits lines five times slower than a buffered reader does.
    return io.TextIOWrapper(
        io.BytesIO(text.encode(errors="surrogatepass")), "utf-8", "surrogatepass", newline=""
    )


def _not_csv(reason: str, where: str) -> TableError:
    if "unexpected end of data" in reason:
        return TableError(
            "a quoted cell that starts in this record is never closed.",
            where=where,
            remedy='Add the missing ".',
        )
    if "field larger" in reason:
        message = f"a cell is longer than {LONGEST_CELL:,} characters."
        return TableError(message, where=where, remedy='Is a closing " missing?')
    return TableError(
        f"not valid CSV: {reason}.", where=where, remedy='Inside a quoted cell, write " as "".'
    )


def _read_records(text: str, delimiter: str, source: str) -> _Records:
    """Split the text into equally long rows under checked names. Raises TableError."""
    parsed = _parsed(text, delimiter, source)
    names = _checked_names(next(cells for _, cells in parsed if cells), source)
    lines, rows, blank = [], [], []
    for line, cells in _without_blank_end(list(parsed), len(names)):
        if not _is_blank(cells, len(names)):
            lines.append(line)
            rows.append(
                _checked_row(cells, names, f"{_title(source)}, row {len(rows) + 1} (line {line})")
            )
        elif len(names) == 1:
            lines.append(line)
            rows.append([""])
        else:
            blank.append(line)
    if not rows:
        raise TableError(
            "there are column names but no data rows.", where=_title(source), remedy="Add rows."
        )
    return _Records(source, names, dict(zip(names, zip(*rows))), lines, _record_notes(names, blank))


def _is_blank(cells: list[str], width: int) -> bool:
    return not cells or (width > 1 and len(cells) == 1 and not cells[0].strip())


def _without_blank_end(records: list, width: int) -> list:
    while records and _is_blank(records[-1][1], width):
        records.pop()
    return records


def _checked_names(header: list[str], source: str) -> list[str]:
    names = [name.strip() for name in header]
    for position, name in enumerate(names, start=1):
        where = f"{_title(source)}, header"
        if not name:
            raise TableError(
                f"column {position} of {len(names)} has no name.",
                where=where,
                remedy="Name every column.",
            )
        first = names.index(name) + 1
        if first < position:
            message = f"columns {first} and {position} are both called {shown(name)}."
            raise TableError(message, where=where, remedy="Rename one of them.")
    return names


def _checked_row(cells: list[str], names: list[str], where: str) -> list[str]:
    if len(cells) != len(names):
        message = f"{len(cells)} field{'s' * (len(cells) != 1)} found, {len(names)} expected."
        raise TableError(
            message, where=where, remedy="Check its delimiters and quotes, or set --delimiter."
        )
    return cells


def _record_notes(names: list[str], blank: list[int]) -> list[str]:
    notes = []
    if all(parse_number(name) is not None for name in names):
        notes.append("the first line looks like data, not names")
    if blank:
        notes.append(f"blank lines were skipped: {listed(blank)}")
    return notes


def listed(items: Sequence, most: int = 5) -> str:
    """The first few items and how many more there are: ``3, 8, 12 and 40 more``."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more


# Columns ------------------------------------------------------------------------------------------


def _row_ids(records: _Records, id_column: str | None, na: set[str]) -> list:
    if id_column is None:
        return list(range(1, len(records.lines) + 1))
    if clash := _id_clash(records, id_column, na):
        row, problem = clash
        raise TableError(
            f"{problem}.",
            where=records.place(row, id_column),
            remedy="Choose another --id column, or none.",
        )
    return list(map(str.strip, records.cells[id_column]))


def _id_clash(records: _Records, id_column: str, na: set[str]) -> tuple[int, str] | None:
    """The first row whose id does not name it, with the reason; None where all do."""
    seen: dict[str, int] = {}
    for row, cell in enumerate(map(str.strip, records.cells[id_column])):
        if cell in na:
            return row, "the id is missing"
        if cell in seen:
            return row, f"the id {shown(cell)} is also that of row {seen[cell] + 1}"
        seen[cell] = row
    return None


def _unusable_ids(records: _Records, id_column: str, na: set[str]) -> str:
    """Why the column cannot name the rows, or nothing."""
    if id_column not in records.names:
        return f"there is no column {shown(id_column)}, which named the rows of training"
    row, problem = _id_clash(records, id_column, na) or (0, "")
    return problem and f"in row {row + 1} of column {shown(id_column)} {problem}"


def _column(
    records: _Records, name: str, kind: str | None, na: set[str], decimal: str, promised: bool
) -> tuple[Column, list[str]]:
    """The typed column and what the reader should be told about it; ``promised``: a fitted model
    asks for this kind, so that no other would do."""
    stripped = list(map(str.strip, records.cells[name]))
    values = None if kind == "category" else _plain_numbers(stripped, na, decimal)
    if values is not None:
        return Column(name, "numeric", values), []
    cells = [None if cell in na else cell for cell in stripped]
    category = Column(name, "category", np.array(cells, dtype=object))
    if kind == "category":
        return category, []
    numbers = _numbers(cells, decimal)
    text = [row for row, number in enumerate(numbers) if number is None]
    if kind is None and _are_codes(cells, numbers):
        return category, [f"column {shown(name)} has leading zeros and is read as text"]
    if (
        kind is None
        and text
        and not _is_slip(len(text), sum(cell is not None for cell in cells) - len(text))
    ):
        return category, _comma_note(name, [cells[row] for row in text])
    if text:
        place = records.place(text[0], name)
        raise _text_cell(place, name, cells[text[0]], len(text), promised)
    values = np.array(numbers, dtype=np.float64)
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise _infinite_cell(records.place(row, name), name, cells[row], promised)
    return Column(name, "numeric", values), []


def _plain_numbers(cells: list[str], na: set[str], decimal: str) -> np.ndarray | None:
    """The cells as numbers where none needs a second look; None where one may."""
    # The fast path for most columns of most files: a fifth of the time of looking at each cell.
    text = "".join(cells)
    if (
        not text.isascii()
        or "_" in text
        or decimal == ","
        or any(parse_number(cell) is not None for cell in na)
    ):
        return None
    if text.isdigit() and any(map(_has_leading_zero, cells)):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _has_leading_zero(cell: str) -> bool:
    return cell[:1] == "0" and len(cell) > 1 and cell.isdigit()


def _numbers(cells: list[str | None], decimal: str) -> list[float | None]:
    """Per cell its number, NaN if it is missing, None if it is text."""
    if decimal == ",":
        # Swapped rather than replaced, so that 1.234 (thousands?) is not taken for a number.
        cells = [cell and cell.translate(_SWAP_MARKS) for cell in cells]
    return [math.nan if cell is None else parse_number(cell) for cell in cells]


def _are_codes(cells: list[str | None], numbers: list[float | None]) -> bool:
    """Whether the numbers are digits only, some of them with a leading zero, like zip codes."""
    spelled = [
        cell for cell, number in zip(cells, numbers) if cell is not None and number is not None
    ]
    return any(map(_has_leading_zero, spelled)) and all(map(str.isdigit, spelled))


def _is_slip(text: int, numbers: int) -> bool:
    """Whether so few cells of text among numbers are mistakes rather than the nature of the
    column."""
    return (text == 1 and numbers >= 2) or text < FEW * (text + numbers)


def _comma_note(name: str, texts: list[str]) -> list[str]:
    if all(map(_COMMA_NUMBER.fullmatch, texts)):
        return [
            f'column {shown(name)} is read as text, but its cells look like {texts[0]}: try --decimal ","'
        ]
    return []


def _text_cell(where: str, name: str, cell: str, count: int, promised: bool) -> TableError:
    if _COMMA_NUMBER.fullmatch(cell):
        remedy = 'Is the decimal mark a comma? Try --decimal ",". Otherwise '
    else:
        remedy = "Correct it, or "
    remedy += f"try {_option('--na', cell)} if it means missing{_other_kind(name, promised)}."
    more = f" (nor are {count - 1} more cells of the column)" if count > 1 else ""
    return TableError(f"{shown(cell)} is not a number{more}.", where=where, remedy=remedy)


def _infinite_cell(where: str, name: str, cell: str, promised: bool) -> TableError:
    message = f"{shown(cell)} is not a finite number that a computer can hold."
    remedy = f"Correct it, or try {_option('--na', cell)} if it means missing"
    return TableError(message, where=where, remedy=f"{remedy}{_other_kind(name, promised)}.")


def _other_kind(name: str, promised: bool) -> str:
    """The advice to read the column as text, which is of no use to a model of numbers."""
    if promised:
        return ": the model was trained on numbers here"
    return f", {_option('--type', name + '=category')} if the column is text"


def _option(option: str, value: str) -> str:
    """The option as one would type it in a shell, shortened where that could not be typed."""
    return (
        f"{option} {shlex.quote(value)}"
        if len(value) <= 60 and value.isprintable()
        else f"{option} …"
    )
