"""Small tables, and what the encoding makes of them."""

import math

import numpy as np
import pytest

from wedgefit.data.cells import Column
from wedgefit.data.encoding import fit_encoding
from wedgefit.data.settings import TableSettings
from wedgefit.data.table import Table

NAN = math.nan
ROWS = {"a": [1, 2, 4.0], "b": ["u", "v", "u"]}


def make(**columns):
    """A table of these columns: numeric where all values are numbers."""
    typed = {}
    for name, cells in columns.items():
        text = any(isinstance(cell, str) for cell in cells) or all(cell is None for cell in cells)
        typed[name] = Column(
            name,
            "category" if text else "numeric",
            np.array(cells, dtype=object if text else float),
        )
    rows = len(next(iter(columns.values())))
    return Table("t.csv", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), typed)


def encode(table, *, shift=False, **told):
    """The encoding and design of a table as it is told; of names one may be given as a text."""
    several = {"target", "keep", "drop"} & told.keys()
    told |= {name: (told[name],) for name in several if isinstance(told[name], str)}
    return fit_encoding(table, TableSettings(**told), shift=shift)


def fit(table=None, /, **columns):
    """The encoding and design of these columns with a regression target y that is not standard."""
    if table is None:
        table = make(**columns, y=np.arange(len(next(iter(columns.values())))) ** 2.0)
    return encode(table)


def column_of(design, name):
    return design.X[:, design.names.index(name)]


def new(encoding, **columns):
    return dict(zip(encoding.names, encoding.transform(make(**columns)).T.tolist()))


def error_of(kind, call, *args, **options):
    with pytest.raises(kind) as caught:
        call(*args, **options)
    assert type(caught.value) is kind and "\n" not in str(caught.value)
    return str(caught.value)
