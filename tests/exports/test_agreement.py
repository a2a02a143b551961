"""Every export of every kind of model agrees with ``wedgefit predict`` on whatever a file holds.

Each row is a file of its own: one bad cell refuses a file, and nothing but its own row of a query.
"""

import csv
import io
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from exporting import KINDS, NEAR, module_of, quoted, run_onnx
from kinds import kinds, table_of
from quick import every, only
from scipy import optimize
from translated import asked

from wedgefit.data.reading import parse_number
from wedgefit.data.table import read_table
from wedgefit.errors import WedgefitError
from wedgefit.exports.dialects import DIALECTS
from wedgefit.exports.formats import exported
from wedgefit.exports.plan import NumberColumn, plan_of
from wedgefit.model.build import Options, train
from wedgefit.watch import Silent

ROWS = 40
# One cell in so many is drawn from the hostile ones, so that a row often has one and seldom more.
ODD = 0.3
NUMBERS = [
    *"0 -0 1e100 -1E100 +7 .5 5. 007 1e-300 9007199254740993 NA NaN null".split(), "", " 2 ", "\t",
    *"1-2 1e 0x10 1_0 1,5 1.5.2 ١ inf -Infinity nAn true abc 3% 1e999 -- ½".split(), "1 2", "(5)",
]  # fmt: skip
TEXTS = [
    "unseen", "", " ", "NA", "NAN", "Null", "(rare)", "(missing)", '"(rare)"', "true", "TRUE", "1",
    "007", "x' OR 1=1 --", "bonn", "\\", "\u2028", "é", "e\u0301", "1e400", "a\nb", "\u3000ulm ",
]  # fmt: skip
# Kinds whose queries differ in their steps, and not in their numbers alone.
SHAPES = [
    "mixed", "far out", "as they are", "no neurons", "counts", "several quantiles",
    "two classes, in steps", "two classes, threshold", "three classes", "three classes, shared",
    "two targets", "deep classes",
]  # fmt: skip


def hostile_rows(plan, rng):
    """Rows of texts, dicts by column: cells like those of training, and others."""
    return [{column.name: cell(column, rng) for column in plan.columns} for _ in range(ROWS)]


def cell(column, rng):
    number = isinstance(column, NumberColumn)
    if rng.random() < ODD:
        odd = [*NUMBERS, *beside_the_limits(column)] if number else TEXTS
        return odd[rng.integers(len(odd))]
    if number:
        return repr(float(rng.normal(column.fill, 2.0)))
    texts = list(column.levels)
    return texts[rng.integers(len(texts))]


def beside_the_limits(column):
    """Numbers on both sides of where a column's numbers begin to count as its ends, several times
    each."""
    limits = [pair[0] for pair in (column.low, column.high) if pair is not None]
    return 3 * [repr(limit * factor) for limit in limits for factor in NEAR]


@cache
def drawn(kind):
    """Rows of a kind, the same for every export, each with the score that predict gives it as a
    file of its own; None where the file is refused."""
    model = kinds()[kind]
    rows = hostile_rows(plan_of(model), np.random.default_rng(KINDS.index(kind)))
    scores = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "row.csv"
        for row in rows:
            text = io.StringIO()
            csv.writer(text, quoting=csv.QUOTE_ALL).writerows([row.keys(), row.values()])
            path.write_text(text.getvalue(), encoding="utf-8", newline="")
            reading = model.encoding.reading
            try:
                table = read_table(path, schema=model.encoding.schema(), reading=reading)
                scores.append(model.scores(table))
            except WedgefitError:
                scores.append(None)
    return list(zip(rows, scores))


def by_sqlite(model, rows):
    """Per row prediction and probabilities, None where they are NULL; all columns hold text."""
    with sqlite3.connect(":memory:") as connection:
        names = list(rows[0])
        connection.execute(f"CREATE TABLE data ({', '.join(map(quoted, names))})")
        marks = ", ".join("?" * len(names))
        lines = [tuple(row.values()) for row in rows]
        connection.executemany(f"INSERT INTO data VALUES ({marks})", lines)
        found = connection.execute(exported(model, "sql")).fetchall()
    connection.close()
    return [line[len(names) + 1 :] for line in found]


def by_duckdb(model, rows):
    """Likewise; the row number stays inside."""
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        names = list(rows[0])
        connection.execute(f"CREATE TABLE data ({', '.join(f'{quoted(n)} TEXT' for n in names)})")
        marks = ", ".join("?" * len(names))
        lines = [tuple(row.values()) for row in rows]
        connection.executemany(f"INSERT INTO data VALUES ({marks})", lines)
        found = connection.execute(exported(model, "sql", dialect="duckdb")).fetchall()
    assert [line[: len(names)] for line in found] == lines
    return [line[len(names) :] for line in found]


def by_bigquery(model, rows):
    """Likewise."""
    lines = [tuple(row.values()) for row in rows]
    query = exported(model, "sql", dialect="bigquery")
    found = asked(query, dict.fromkeys(rows[0], "TEXT"), lines)
    assert [line[: len(rows[0])] for line in found] == lines
    return [line[len(rows[0]) :] for line in found]


def by_python(model, rows):
    module = module_of(model)
    found = []
    for row in rows:
        try:
            decision = module["predict"](row)
            chances = list(module["probabilities"](row).values()) if plan_of(model).probable else []
            found.append((*(decision if isinstance(decision, list) else [decision]), *chances))
        except ValueError:
            found.append(None)
    return found


def wanted(model, score):
    """What an export should find where the output is this."""
    decision, chances = model.decided(score)[0], model.probabilities(score)
    several = isinstance(decision, list)
    return (*(decision if several else [decision]), *([] if chances is None else chances[0]))


def same(found, expected):
    assert len(found) == len(expected)
    for ours, other in zip(found, expected):
        if isinstance(other, str):
            assert ours == other
        else:
            np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_python_agrees_with_predict_on_hostile_cells(kind):
    model = kinds()[kind]
    rows, scores = zip(*drawn(kind))
    assert 0 < sum(score is None for score in scores) < ROWS
    for found, score in zip(by_python(model, rows), scores):
        if score is None:
            assert found is None
        else:
            same(found, wanted(model, score))


@pytest.mark.parametrize("run", [by_sqlite, by_duckdb])
@pytest.mark.parametrize("kind", only(SHAPES, KINDS))
def test_databases_agree_with_predict_on_hostile_cells(kind, run):
    model = kinds()[kind]
    check_query(model, drawn(kind), run(model, [row for row, _ in drawn(kind)]))


@pytest.mark.parametrize("kind", every(2, SHAPES))
def test_bigquery_agrees_with_predict_on_hostile_cells(kind):
    test_databases_agree_with_predict_on_hostile_cells(kind, by_bigquery)


@pytest.mark.parametrize("kind", only(SHAPES, KINDS))
def test_postgresql_agrees_with_predict_on_hostile_cells(kind, postgresql):
    model = kinds()[kind]
    # Its error for a number beyond its range would end the query.
    known = [pair for pair in drawn(kind) if "1e999" not in pair[0].values()]
    rows = [row for row, _ in known]
    text = DIALECTS["postgresql"].text
    lines = ",\n".join(f"({', '.join(map(text, row.values()))})" for row in rows)
    columns = ", ".join(f"{quoted(name)} text" for name in rows[0])
    done = postgresql(
        f"CREATE TEMPORARY TABLE data ({columns});\nINSERT INTO data VALUES {lines};\n"
        + exported(model, "sql", dialect="postgresql")
    )
    assert done.returncode == 0, done.stderr
    found = csv.reader(io.StringIO(done.stdout, newline=""))
    found = [[cell or None for cell in line[len(rows[0]) :]] for line in found]
    labels = isinstance((model.encoding.target.classes or [0])[0], str)
    numbers = lambda line, start: [cell and float(cell) for cell in line[start:]]
    found = [line[:labels] + numbers(line, labels) for line in found]
    check_query(model, known, found)


def check_query(model, known, found):
    """NULL in rows that predict refuses, what it predicts in others."""
    plan = plan_of(model)
    looked_at = {plan.features[j].column.name for j in plan.read}
    for (row, score), line in zip(known, found, strict=True):
        if score is not None:
            same(line, wanted(model, score))
            continue
        bad = {name for name, text in row.items() if not readable(plan, name, text)}
        # A query leaves the columns that no neuron reads alone.
        assert set(line) == {None} or not bad & looked_at


def readable(plan, name, text):
    """Whether a number of this column is one, for the columns of numbers."""
    column = plan.columns[plan.names.index(name)]
    if not isinstance(column, NumberColumn) or text.strip() in plan.missing:
        return True
    number = parse_number(text.strip())
    return number is not None and np.isfinite(number)


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_agrees_with_predict_on_the_cells_that_it_can_hold(kind):
    """It is given numbers, and texts without space around them."""
    model = kinds()[kind]
    plan = plan_of(model)
    held = lambda row: all(readable(plan, name, text) for name, text in row.items())
    rows, scores = zip(*(pair for pair in drawn(kind) if held(pair[0])))
    assert all(score is not None for score in scores) and len(rows) > 5
    cells = [{name: typed(plan, name, text) for name, text in row.items()} for row in rows]
    found, chances = run_onnx(model, cells)
    chances = [[]] * len(rows) if chances is None else chances
    for decision, chance, score in zip(found, chances, scores):
        several = isinstance(decision, list)
        same((*(decision if several else [decision]), *chance), wanted(model, score))


def test_exports_agree_with_predict_at_the_knots_of_steps():
    """Where the score is a knot to the last digits, beside it, and far beyond the last one."""
    x = np.random.default_rng(0).normal(size=150).round(3)
    labels = np.where(x + np.sin(7 * x) > 0.3, "yes", "no").astype(object)
    told = {"alpha_ratio": 0.1, "order": 1, "cv": 3, "calibrate": "isotonic"}
    model = train(table_of({"x": x, "y": labels}), Options(**told), Silent())
    raw = lambda at: model.network.forward(model.encoding.transform(table_of({"x": at})))[:, 0]
    grid = np.linspace(-3, 3, 2001)
    places = [-50.0, 50.0]
    for knot in model.steps[0].at:
        over = raw(grid) > knot
        for k in np.flatnonzero(over[1:] != over[:-1]):
            away = lambda at, knot=knot: raw(np.array([at]))[0] - knot
            there = optimize.brentq(away, *grid[k : k + 2])
            places += [there, np.nextafter(there, 9), np.nextafter(there, -9), there + 1e-9]
    assert len(places) > 20
    rows = [{"x": repr(float(at))} for at in places]
    scores = model.scores(table_of({"x": np.array(places)}))[:, None]
    cells = [{"x": float(at)} for at in places]
    found, chances = run_onnx(model, cells)
    by_onnx = [(one, *more) for one, more in zip(found, chances)]
    for lines in (by_python(model, rows), by_sqlite(model, rows), by_onnx):
        for line, score in zip(lines, scores):
            # On a knot the last digits of the score decide which side of the cut it is on.
            same(line[1:], wanted(model, score)[1:])


def typed(plan, name, text):
    column = plan.columns[plan.names.index(name)]
    if not isinstance(column, NumberColumn):
        return text.strip()
    return None if text.strip() in plan.missing else float(text)
