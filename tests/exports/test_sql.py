"""The query runs in SQLite and PostgreSQL, and reads cells as ``wedgefit predict`` does."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from exporting import KINDS, agree, as_table, postgresql_script, rows_for, run_postgresql, run_sql
from kinds import kinds, trained
from quick import every

from wedgefit.errors import ColumnError
from wedgefit.exports.formats import exported


@pytest.mark.parametrize("kind", KINDS)
def test_sqlite_agrees(kind):
    model = kinds()[kind]
    rows = rows_for(model)
    found, chances, names = run_sql(model, rows)
    labels = model.encoding.target.classes if model.has_probabilities else ()
    assert names == [f"prediction_{name}" for name in model.predicted_names] + [
        f"probability_{label}" for label in labels
    ]
    agree(found, chances, model, rows)
    assert (
        type(found[0]) is type(model.predict(as_table(model, rows))[0])
        or model.encoding.target.classes is None
    )


def test_sqlite_reads_texts_as_cells():
    """A table imported from CSV holds numbers as texts; one that is no number gives NULL, not the
    prediction of zero."""
    model = kinds()["two classes"]
    rows = rows_for(model)
    texts = [
        {name: "" if cell is None else str(cell) for name, cell in row.items()} for row in rows
    ]
    for table in ("main.data", "data"):
        assert exported(model, "sql", table=table)
    with sqlite3.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE data (a TEXT COLLATE NOCASE, b TEXT, town TEXT COLLATE NOCASE)"
        )
        connection.executemany(
            "INSERT INTO data VALUES (?, ?, ?)", [tuple(row.values()) for row in texts]
        )
        lines = connection.execute(exported(model, "sql", table="main.data")).fetchall()
        agree([line[4] for line in lines], [line[5:] for line in lines], model, rows)
        for word in ("abc", "1,5", "inf", "-"):
            connection.execute("DELETE FROM data")
            connection.execute("INSERT INTO data VALUES (?, '5.0', 'Ulm')", [word])
            assert connection.execute(exported(model, "sql")).fetchone()[4:] == (None, None, None)
    connection.close()


@pytest.mark.parametrize("table", ['odd "name"', "select", "data--", "it's"])
def test_any_table_name_is_quoted(table):
    model = kinds()["one column"]
    rows = rows_for(model)
    agree(run_sql(model, rows, table)[0], None, model, rows)


def test_a_network_of_many_neurons_is_no_deep_expression():
    """SQLite refuses expressions more than 1,000 levels deep; a plain sum of 1,500 terms would be
    one."""
    model = kinds()["one column"]
    first = model.neurons[0]
    many = [replace(first, id=k + 1, bias=k / 100, coefficient=(-1.0) ** k) for k in range(1500)]
    model = replace(model, neurons=many)
    rows = rows_for(model, count=20)
    agree(run_sql(model, rows)[0], None, model, rows)
    with pytest.raises(ColumnError, match="2,000"):
        exported(replace(model, neurons=[replace(first, id=k) for k in range(2001)]), "sql")


@pytest.mark.parametrize(
    "dialect, name, words",
    [
        ("sqlite", "A", "one name"),
        ("sqlite", "a\0b", "does not store"),
        ("postgresql", "x\ud800", "does not store"),
        ("postgresql", "ü" * 40, "63 bytes"),
    ],
)
def test_names_that_a_database_cannot_hold_are_refused(dialect, name, words):
    x = np.linspace(-1, 1, 30)
    model = trained({"a": x, name: x**2, "y": np.abs(x) + x**2})
    with pytest.raises(ColumnError, match=words):
        exported(model, "sql", dialect=dialect)


def test_the_querys_own_names_give_way():
    x = np.linspace(-1, 1, 30)
    model = trained({"wedgefit_c1": x, "WEDGEFIT__row": x**2, "y": np.abs(x) + x**2})
    rows = rows_for(model)
    agree(run_sql(model, rows)[0], None, model, rows)


# PostgreSQL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", every(3, KINDS))
def test_postgresql_agrees(kind, postgresql):
    model = kinds()[kind]
    rows = [row for row in rows_for(model) if 5e-324 not in row.values()]
    agree(*run_postgresql(postgresql, model, rows), model, rows)


@pytest.mark.parametrize("setting", ["on", "off"])
def test_postgresql_texts_hold_backslashes(setting, postgresql):
    """Whether a backslash escapes in a plain literal depends on a setting of the server."""
    model = kinds()["hostile"]
    rows = rows_for(model)
    script = postgresql_script(model, rows)
    settings = f"escape_string_warning = off; SET standard_conforming_strings = {setting}"
    assert postgresql(f"SET {settings};\n{script}").stdout == postgresql(script).stdout != ""
