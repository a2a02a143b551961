"""A file becomes typed columns, and every row keeps its id and its line in the file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wedgefit.data.cells import Column, Question, typed
from wedgefit.data.csv_file import read_csv
from wedgefit.data.parquet_file import read_parquet
from wedgefit.data.reading import Reading
from wedgefit.data.sheet import FileOptions, Reader, Sheet
from wedgefit.data.words import listed, place, shown, title, unknown_column
from wedgefit.errors import TableError, UsageError

KINDS = ("numeric", "category", "skip")
# What reads files of other formats than CSV, by the end of their name.
FORMATS: dict[str, Reader] = {".parquet": read_parquet}


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length; ``row_ids`` are data row numbers from 1, or the texts of the id
    column; ``names`` are all columns of the file, read or not, and ``cells`` what it says in
    them, letter by letter, where that was asked for. ``reading``: how the cells were read."""

    source: str
    delimiter: str | None
    row_ids: Sequence[int | str]
    line_numbers: np.ndarray
    columns: dict[str, Column]
    notes: tuple[str, ...] = ()
    id_column: str | None = None
    names: tuple[str, ...] = ()
    cells: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reading: Reading = Reading()

    def __post_init__(self):
        if not self.names:
            object.__setattr__(self, "names", tuple(self.columns))

    @property
    def rows(self) -> int:
        return len(self.row_ids)

    @property
    def title(self) -> str:
        """What messages call this table."""
        return title(self.source)

    def column(self, name: str) -> Column:
        """The column of that name. Raises ColumnError with near names."""
        if name not in self.columns:
            raise unknown_column(name, self.names, where=self.title)
        return self.columns[name]

    def take(self, rows: Sequence[int] | np.ndarray) -> Table:
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

    def at(self, column: str) -> str:
        """The words for a column in messages."""
        return f"{self.title}, column {shown(column)}"

    def some_rows(self, mask: np.ndarray) -> str:
        """``2 rows (3, 8)``: how many rows the mask holds, and the ids of the first."""
        ids = [self.row_ids[row] for row in np.flatnonzero(mask).tolist()]
        return f"{len(ids)} row{'s' * (len(ids) != 1)} ({listed(ids)})"

    def place(self, row: int, column: str | None = None) -> str:
        """The words for a cell or row in messages: ``iris.csv, row 57 (line 58), column
        "petal_len"``."""
        row_id = self.row_ids[row]
        return place(
            self.source,
            row_id if isinstance(row_id, int) else shown(row_id),
            self.line_numbers[row],
            column,
        )


def read_table(
    source: str | os.PathLike,
    *,
    reading: Reading | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    types: Mapping[str, str] | None = None,
    id_column: str | None = None,
    schema: Mapping[str, str | None] | None = None,
    apart: Collection[str] = (),
    keep_cells: bool = False,
) -> Table:
    """Read a CSV file, plain or gzipped, or a file of another of the ``FORMATS``; ``-`` is
    standard input.

    Cells and names lose surrounding white space. What is missing and how numbers are spelled says
    ``reading``. A column is numeric when all its other cells are finite numbers, except that digits
    with a leading zero (00123) and whole numbers beyond 2^53 are names, hence text. A column of
    numbers with a few cells of text, or with one and the same text in any number of cells, is
    refused rather than guessed at.

    ``types`` sets the kind of columns that must exist ("numeric", "category", or "skip" to leave
    one out); the table's ``reading`` remembers it, and it then holds wherever the cells would
    decide. ``schema`` names the kinds that a fitted model expects (None: the cells decide): such
    columns are read so when they are there, and all others are skipped, so that a stray cell in an
    unused column cannot stop a prediction. With a schema ``id_column`` is a wish: rows count by
    number where it is not there or does not tell the rows apart. ``apart`` names groups or times:
    texts do as well there as numbers. ``keep_cells``: also as they stand in the file.

    Raises TableError (file, encoding, records, cells), ColumnError (a named column), UsageError (an
    option).
    """
    source, types, reading = os.fspath(source), dict(types or {}), reading or Reading()
    reading.check()
    _check_kinds(types)
    read = FORMATS.get(os.path.splitext(source)[1].lower(), read_csv)
    sheet = read(source, reading, FileOptions(encoding, delimiter))
    table = _typed(sheet, source, reading, types, id_column, schema, apart)
    return replace(table, cells=sheet.cells) if keep_cells else table


def _typed(
    sheet: Sheet,
    source: str,
    reading: Reading,
    types: Mapping[str, str],
    id_column: str | None,
    schema: Mapping[str, str | None] | None,
    apart: Collection[str],
) -> Table:
    """The texts of a sheet as typed columns, and what names its rows."""
    wished: list[str] = []
    if schema is not None and id_column is not None and (why := _unusable_ids(sheet, id_column)):
        wished, id_column = [f"rows count by number: {why}"], None
    kinds = _kinds(list(sheet.cells), types, _known(sheet, reading, schema), id_column, source)
    row_ids = _row_ids(sheet, id_column)
    fitted = [name for name in kinds if schema is not None and name not in types]
    columns, notes = _columns(sheet, kinds, reading, fitted, apart)
    return Table(
        source,
        sheet.delimiter,
        row_ids,
        np.array(sheet.lines),
        columns,
        (*sheet.notes, *wished, *notes),
        id_column,
        tuple(sheet.cells),
        reading=reading.typed(types),
    )


def _check_kinds(types: Mapping[str, str]) -> None:
    for name, kind in types.items():
        if kind not in KINDS:
            raise UsageError(
                f"column {shown(name)}: the type must be {', '.join(KINDS)}, "
                f"not {shown(str(kind))}."
            )


def _known(
    sheet: Sheet, reading: Reading, schema: Mapping[str, str | None] | None
) -> dict[str, str | None]:
    """The kind of each column that is known before it is asked for; None where the cells decide."""
    kinds = dict.fromkeys(sheet.cells) if schema is None else schema
    return {
        name: (kinds[name] or reading.types.get(name)) if name in kinds else "skip"
        for name in sheet.cells
    }


def _kinds(
    names: Sequence[str],
    types: Mapping[str, str],
    known: Mapping[str, str | None],
    id_column: str | None,
    source: str,
) -> dict[str, str | None]:
    """The kind asked for, per column that will be read; None where the cells decide."""
    for name in [*types, *([] if id_column is None else [id_column])]:
        if name not in names:
            raise unknown_column(name, names, where=title(source))
    asked = {**known, **types}
    return {name: kind for name, kind in asked.items() if kind != "skip" and name != id_column}


def _row_ids(sheet: Sheet, id_column: str | None) -> Sequence[int | str]:
    """Row numbers, or the texts of the id column, which names rows: NA is a name like others."""
    if id_column is None:
        # Not a list: a number here and there among a million cells would keep the memory of all.
        return range(1, len(sheet.lines) + 1)
    if clash := _id_clash(sheet, id_column):
        row, problem = clash
        raise TableError(
            f"{problem}.",
            where=sheet.place(row, id_column),
            remedy="Choose another --id column, or none.",
        )
    return list(map(str.strip, sheet.cells[id_column]))


def _id_clash(sheet: Sheet, id_column: str) -> tuple[int, str] | None:
    """The first row whose id does not name it, with the reason; None where all do."""
    seen: dict[str, int] = {}
    for row, cell in enumerate(map(str.strip, sheet.cells[id_column])):
        if not cell:
            return row, "the id is missing"
        if cell in seen:
            return row, f"the id {shown(cell)} is also that of row {seen[cell] + 1}"
        seen[cell] = row
    return None


def _unusable_ids(sheet: Sheet, id_column: str) -> str:
    """Why the column cannot name the rows, or nothing."""
    if id_column not in sheet.cells:
        return f"there is no column {shown(id_column)}, which named the rows of training"
    row, problem = _id_clash(sheet, id_column) or (0, "")
    return problem and f"in row {row + 1} of column {shown(id_column)} {problem}"


# Columns ------------------------------------------------------------------------------------------


def _columns(
    sheet: Sheet,
    kinds: Mapping[str, str | None],
    reading: Reading,
    fitted: Collection[str],
    apart: Collection[str],
) -> tuple[dict[str, Column], list[str]]:
    """The typed columns and what the reader should be told about them."""
    columns, notes = {}, {}
    for name, kind in kinds.items():
        question = Question(
            kind,
            name in fitted,
            reading,
            lambda row, name=name: sheet.place(row, name),  # type: ignore[misc]
            lambda: _has_points(sheet, list(kinds), reading),
            name in apart,
        )
        columns[name], notes[name] = typed(name, sheet.cells[name], question)
    commas = [name for name, column in columns.items() if column.hint == 'try --decimal ","']
    if sheet.delimiter != ";" or not commas:
        return columns, [note for found in notes.values() for note in found]
    example = next(cell for cell in map(str.strip, sheet.cells[commas[0]]) if "," in cell)
    first = (
        f"the file has semicolons between its cells, and commas in numbers such as {example} "
        f"(column{'s' * (len(commas) > 1)} {listed(list(map(shown, commas)))}), which are read as "
        f'text: try --decimal ","'
    )
    others = [note for name, found in notes.items() if name not in commas for note in found]
    return columns, [first, *others]


def _has_points(sheet: Sheet, names: Sequence[str], reading: Reading) -> bool:
    """Whether the file has numbers with the decimal mark that was told."""
    return any(
        reading.decimal in cell and reading.number(cell.strip()) is not None
        for name in names
        for cell in sheet.cells[name]
    )
