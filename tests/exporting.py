"""How exports are run in the tests, and what they should find: the rows, and what the model itself
predicts for them."""

import csv
import io
import sqlite3
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from kinds import kinds, table_of, trained

from wedgefit.data.reading import DEFAULT_NA
from wedgefit.data.table import read_table
from wedgefit.errors import WedgefitError
from wedgefit.exports.dialects import DIALECTS
from wedgefit.exports.formats import exported

KINDS = list(kinds())
EXTREME = [0.0, -0.0, 5e-324, 1e-300, 1e6, -1e6, 1e12, -1e12, 1e100, -1e100]
NEAR = [0.999, 1.001]  # times the limits of a column, beyond which numbers count as its ends
SAME = {"rtol": 1e-9, "atol": 1e-9}


def rows_for(model, seed=1, count=80):
    """Rows as a file has them, dicts by column: numbers or texts, None for an empty cell. Random,
    with gaps, unseen, extreme."""
    rng = np.random.default_rng(seed)
    columns = {}
    for column in model.encoding.inputs:
        if column.kind == "numeric":
            values = rng.normal(column.fill, 3.0, size=count).tolist()
            ends = [
                limit * factor for limit in column.limits if limit is not None for factor in NEAR
            ]
            for value in [None, None, *EXTREME, *ends]:
                values[rng.integers(count)] = value
        else:
            texts = [
                *column.cells,
                *DEFAULT_NA,
                "(rare)",
                "(missing)",
                '"(rare)"',
                "unseen",
                "x' OR 1=1 --",
                "bonn",
                "NAN",
                "Null",
            ]
            values = [texts[i] for i in rng.integers(len(texts), size=count)]
        columns[column.name] = values
    return [dict(zip(columns, cells)) for cells in zip(*columns.values())]


def as_table(model, rows):
    """The rows as ``read_table`` would have them."""
    columns = {}
    for column in model.encoding.inputs:
        cells = [row[column.name] for row in rows]
        if column.kind == "numeric":
            columns[column.name] = np.array([np.nan if cell is None else cell for cell in cells])
        else:
            columns[column.name] = np.array(
                [None if cell in DEFAULT_NA else cell for cell in cells], dtype=object
            )
    return table_of(columns)


def expected(model, rows):
    """Predictions, and probabilities (rows, classes) or None."""
    scores = model.scores(as_table(model, rows))
    return model.decided(scores), model.probabilities(scores)


def agree(found, probabilities, model, rows):
    """What an export found is what the model predicts."""
    want, chances = expected(model, rows)
    if model.encoding.target.classes is None:
        np.testing.assert_allclose(np.array(found, dtype=float), np.array(want), **SAME)
    else:
        assert list(found) == want
    if chances is not None:
        np.testing.assert_allclose(np.array(probabilities, dtype=float), chances, **SAME)


def run_python(model, rows):
    """What the module predicts, and no probabilities."""
    return list(map(module_of(model)["predict"], rows)), None


@cache
def module_of(model):
    namespace = {"__name__": "written_out"}
    exec(compile(exported(model, "python"), "written_out.py", "exec"), namespace)
    return namespace


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def filled(connection, model, rows, table="data"):
    """A table in SQLite with these rows, and columns of its own before and after."""
    kinds_ = [
        f"{quoted(column.name)} {'REAL' if column.kind == 'numeric' else 'TEXT'}"
        for column in model.encoding.inputs
    ]
    connection.execute(
        f"CREATE TABLE {quoted(table)} (number INTEGER, {', '.join(kinds_)}, more TEXT)"
    )
    marks = ", ".join("?" * (len(kinds_) + 2))
    connection.executemany(
        f"INSERT INTO {quoted(table)} VALUES ({marks})",
        [(i, *row.values(), "-") for i, row in enumerate(rows)],
    )


def run_sql(model, rows, table="data"):
    """The predictions and probabilities that SQLite computes, and the names of the columns."""
    with sqlite3.connect(":memory:") as connection:
        filled(connection, model, rows, table)
        cursor = connection.execute(exported(model, "sql", table=table))
        names = [part[0] for part in cursor.description]
        lines = cursor.fetchall()
        assert connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone() == (1,)
    connection.close()
    assert [line[1] for line in lines] == list(range(len(rows)))
    start, targets = len(model.encoding.inputs) + 3, len(model.predicted_names)
    found = [line[start] if targets == 1 else line[start : start + targets] for line in lines]
    return found, [line[start + targets :] for line in lines], names[start:]


def run_postgresql(postgresql, model, rows):
    """The predictions and probabilities that PostgreSQL computes."""
    done = postgresql(postgresql_script(model, rows))
    assert done.returncode == 0, done.stderr
    lines = list(csv.reader(io.StringIO(done.stdout, newline="")))
    target, start = model.encoding.target, len(model.encoding.inputs)
    numbers = target.classes and not isinstance(target.classes[0], str)
    many = len(model.predicted_names)
    found = [line[start] if many == 1 else line[start : start + many] for line in lines]
    return [float(label) for label in found] if numbers else found, [
        line[start + many :] for line in lines
    ]


def postgresql_script(model, rows):
    """Makes the table, fills it, and runs the query on it."""
    text = DIALECTS["postgresql"].text
    literal = lambda cell: (
        "NULL" if cell is None else repr(cell) if isinstance(cell, float) else text(cell)
    )
    kinds_ = [
        f"{quoted(column.name)} {'float8' if column.kind == 'numeric' else 'text'}"
        for column in model.encoding.inputs
    ]
    lines = ",\n".join(f"({', '.join(map(literal, row.values()))})" for row in rows)
    table = (
        f"CREATE TEMPORARY TABLE data ({', '.join(kinds_)});\nINSERT INTO data VALUES {lines};\n"
    )
    return table + exported(model, "sql", dialect="postgresql")


def run_onnx(model, rows):
    """What onnxruntime computes: predictions, and probabilities or None."""
    onnxruntime = pytest.importorskip("onnxruntime")
    feed = {}
    for column in model.encoding.inputs:
        cells = [row[column.name] for row in rows]
        numeric = column.kind == "numeric"
        cells = [(np.nan if numeric else "") if cell is None else cell for cell in cells]
        feed[column.name] = np.array(cells, dtype=float if numeric else object)[:, None]
    session = onnxruntime.InferenceSession(
        exported(model, "onnx"), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    results = dict(zip(names, session.run(None, feed)))
    assert [part.name for part in session.get_inputs()] == [
        column.name for column in model.encoding.inputs
    ]
    assert names == ["prediction", "probabilities"][: 1 + (model.has_probabilities)]
    return results["prediction"].tolist(), results.get("probabilities")


# One cell -----------------------------------------------------------------------------------------

REFUSED = None
exported_once = cache(exported)


@cache
def plain_model():
    """It reads a number, a truth and a code, and every cell of them makes a difference."""
    rng = np.random.default_rng(0)
    a = rng.uniform(-5, 20, size=120)
    flag = np.where(rng.random(120) < 0.4, "TRUE", "FALSE").astype(object)
    code = rng.choice(np.array(["007", "12", "3.50", None], dtype=object), size=120)
    y = np.abs(a - 3) + 9.0 * (flag == "TRUE") + 4.0 * (code == "007") - 7.0 * (code == "12")
    a[::9] = np.nan
    return trained({"a": a, "flag": flag, "code": code, "y": y}, alpha_ratio=0.01)


def row(**cells):
    return {"a": 5.0, "flag": "TRUE", "code": "12"} | cells


def predicted(model, cells, tmp_path, **options):
    """What ``wedgefit predict`` says of a file with these texts, or that it refuses it."""
    path = tmp_path / "rows.csv"
    quote = lambda text: '"' + str(text).replace('"', '""') + '"'
    lines = [",".join(map(quote, cells)), ",".join(map(quote, cells.values()))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        return model.predict(read_table(path, schema=model.encoding.schema(), **options))[0]
    except WedgefitError:
        return REFUSED


def by_python(model, cells):
    try:
        return module_of(model)["predict"](cells)
    except ValueError as error:
        assert "column '" in str(error)
        return REFUSED


def by_sqlite(model, cells, types=("", "", "")):
    """The prediction of a table of one row, whose columns have these types."""
    with sqlite3.connect(":memory:") as connection:
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in zip(cells, types))
        connection.execute(f"CREATE TABLE data ({columns})")
        marks = ", ".join("?" * len(cells))
        connection.execute(f"INSERT INTO data VALUES ({marks})", list(cells.values()))
        found = connection.execute(exported_once(model, "sql")).fetchall()
    connection.close()
    assert len(found) == 1
    return found[0][-1]


def by_postgresql(postgresql, model, literals, types):
    """The prediction for one row of these literals in columns of these types."""
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(literals, types))
    done = postgresql(
        f"CREATE TEMPORARY TABLE data ({columns}); "
        f"INSERT INTO data VALUES ({', '.join(literals.values())});\n"
        + exported_once(model, "sql", dialect="postgresql")
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.strip().split(",")[-1]
    return float(found) if found else REFUSED


def same(found, expected):
    if expected is REFUSED:
        assert found is REFUSED
    else:
        np.testing.assert_allclose(found, expected, **SAME)


def written_module(model, tmp_path):
    path = tmp_path / "model.py"
    path.write_text(exported_once(model, "python"), encoding="utf-8")
    return path


def script(raw, path):
    """The module run as a script on these bytes."""
    command = [sys.executable, "-I", "-S", str(path)]
    return subprocess.run(command, input=raw, capture_output=True, timeout=60)
