"""A Parquet file becomes a sheet of texts, spelled as the cells of a CSV file would be."""

from __future__ import annotations

import math
import os
from importlib.util import find_spec

from wedgefit.data.csv_file import read_bytes
from wedgefit.data.reading import Reading
from wedgefit.data.sheet import FileOptions, Sheet, sheet_of
from wedgefit.data.words import shown
from wedgefit.errors import TableError, UsageError

# What stands for several files in a name that DuckDB is given.
WILD = set("*?[")
# What a value of several parts is in Python: no cell of a table.
PARTS = (list, dict, tuple, bytes)


def read_parquet(source: str, reading: Reading, options: FileOptions) -> Sheet:
    """Its columns as texts: numbers to the last digit, NaN and NULL as missing, True and False as
    pandas writes them. Read by DuckDB, which needs no other package.

    Raises TableError for files that are no Parquet, and columns of lists; UsageError for options of
    CSV files.
    """
    if not reading.header or options != FileOptions():
        raise UsageError(
            "--no-header, --encoding and --delimiter are for CSV: Parquet knows its columns.",
            where=source,
            remedy="Leave them out.",
        )
    if not find_spec("duckdb"):
        raise TableError(
            "reading Parquet needs the package duckdb.",
            where=source,
            remedy="Install it: pip install 'wedgefit[parquet]', or write the table as CSV.",
        )
    if not os.path.isfile(source) or not os.access(source, os.R_OK):
        read_bytes(source)  # Says why not.
    names, rows = _read(source)
    records = [(0, names)]
    for k, row in enumerate(rows, start=1):
        cells = [_spelled(value, reading, source, name) for name, value in zip(names, row)]
        records.append((k, cells))
    return sheet_of(records, source, reading)


def _read(source: str) -> tuple[list[str], list[tuple]]:
    """The names of the columns, and the rows."""
    import duckdb

    if WILD & set(source):
        raise TableError(
            "a name with *, ? or [ may stand for several Parquet files.",
            where=source,
            remedy="Rename it.",
        )
    try:
        with duckdb.connect() as database:
            found = database.execute("SELECT * FROM read_parquet(?)", [source])
            return [part[0] for part in found.description], found.fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"this cannot be read as Parquet ({reason}).", where=source) from None


def _spelled(value, reading: Reading, source: str, name: str) -> str:
    """A value as the cell of a file that is read so."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, PARTS):
        raise TableError(
            f"its cells are values of several parts, such as {shown(str(value), 30)}.",
            where=f"{source}, column {shown(name)}",
            remedy="Write the table without it, or with a column for every part.",
        )
    if isinstance(value, str | bool):
        return str(value)
    text = repr(value) if isinstance(value, float) else str(value)
    return text.replace(".", reading.decimal) if _is_number(value) else text


def _is_number(value) -> bool:
    """Dates are spelled with marks of their own."""
    return hasattr(value, "real")
