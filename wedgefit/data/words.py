"""How messages name cells, rows, columns and options."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence

from wedgefit.errors import ColumnError


def shown(text: str, longest: int = 40) -> str:
    """The text in double quotes, shortened, with control characters made visible."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return f'"{short}"' if short.isprintable() else repr(short)


def listed(items: Sequence, most: int = 5) -> str:
    """The first few items and how many more there are: ``3, 8, 12 and 40 more``."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more


def title(source: str) -> str:
    """What messages call a file."""
    return "standard input" if source == "-" else source


def place(source: str, row: object, line: int, column: str | None = None) -> str:
    """The words for a row or a cell: ``iris.csv, row 57 (line 58), column "petal_len"``."""
    words = f"{title(source)}, row {row} (line {line})"
    return words if column is None else f"{words}, column {shown(column)}"


def option(name: str, value: str) -> str:
    """The option as one would type it in a shell, shortened where that could not be typed."""
    typeable = len(value) <= 60 and value.isprintable()
    return f"{name} {shlex.quote(value)}" if typeable else f"{name} …"


def unknown_column(name: str, names: Iterable[str], *, where: str) -> ColumnError:
    """The error for a column that does not exist, with near names or else the first of all
    names."""
    return ColumnError(
        f"there is no column {shown(name)}.", where=where, remedy=_near(name, list(names))
    )


def unknown_columns(absent: Sequence[str], names: Iterable[str], *, where: str) -> ColumnError:
    """The error for columns that a model needs and a file does not have."""
    if len(absent) == 1:
        return unknown_column(absent[0], names, where=where)
    message = f"{len(absent)} columns are missing: {', '.join(map(shown, absent))}."
    remedy = "The model needs every column that it was trained on. "
    return ColumnError(message, where=where, remedy=remedy + _all(list(names)))


def _near(name: str, names: list[str]) -> str:
    near = [other for other in names if other.casefold() == name.casefold()]
    near = near or difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(map(shown, near))}?" if near else _all(names)


def _all(names: list[str]) -> str:
    return f"The columns are {listed(list(map(shown, names)), 10)}."
