"""Counts of unequal exposure: exports multiply by the column as predict does, and have no count for
what is no exposure."""

import sqlite3
from functools import cache

import numpy as np
import pytest
from exporting import module_of
from kinds import table_of

from wedgefit.data.reading import Reading
from wedgefit.exports.formats import exported
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.watch import Silent

GOOD = [1.0, 0.25, 7.5, 1e-6, 300.0]
# What predict refuses.
BAD = [0.0, -1.0, None, 1e101]


@cache
def model():
    rng = np.random.default_rng(0)
    x, days = rng.normal(size=40), rng.uniform(0.5, 4, size=40)
    y = rng.poisson(days * np.exp(0.5 * np.abs(x))).astype(float)
    told = Options(loss="poisson", exposure="days", order=1, alpha_ratio=0.1)
    return train(table_of({"x": x, "days": days, "y": y}), told, Silent())


def wanted(x, days):
    table = table_of({"x": np.array([x]), "days": np.array([days])})
    return model().decided(model().scores(table), exposure=model().exposures(table))[0]


def by_database(cells, dialect="sqlite", connect=sqlite3.connect, kind=""):
    with connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE data (days {kind}, x {kind})")
        connection.executemany("INSERT INTO data VALUES (?, ?)", cells)
        found = connection.execute(exported(model(), "sql", dialect=dialect)).fetchall()
    connection.close()
    assert [line[-3:-1] for line in found] == cells
    return [line[-1] for line in found]


CELLS = [(days, x) for days in GOOD for x in (-1.5, 0.3)]


def test_python_counts_for_the_exposure():
    predict = module_of(model())["predict"]
    for days, x in CELLS:
        found = predict({"x": x, "days": str(days)})
        assert found == pytest.approx(wanted(x, days), rel=1e-9)
    assert predict({"x": 0.3}) == pytest.approx(wanted(0.3, 1.0), rel=1e-9)
    for cell in BAD:
        with pytest.raises(ValueError, match="no exposure above 0"):
            predict({"x": 0.3, "days": cell})


def test_databases_count_for_the_exposure():
    wished = [wanted(x, days) for days, x in CELLS]
    np.testing.assert_allclose(by_database(CELLS), wished, rtol=1e-9)
    texts = [(str(days), x) for days, x in CELLS]
    np.testing.assert_allclose(by_database(texts), wished, rtol=1e-9)
    assert by_database([(cell, 0.3) for cell in (*BAD, "", "many")]) == [None] * 6
    # A gap in an input is filled, as ever.
    (found,) = by_database([(2.0, None)])
    assert found == pytest.approx(wanted(np.nan, 2.0), rel=1e-9)


def test_duckdb_counts_for_the_exposure():
    duckdb = pytest.importorskip("duckdb")
    found = by_database(CELLS, "duckdb", duckdb.connect, "DOUBLE")
    np.testing.assert_allclose(found, [wanted(x, days) for days, x in CELLS], rtol=1e-9)
    assert by_database([(-1.0, 0.3), (None, 0.3)], "duckdb", duckdb.connect, "DOUBLE") == [None] * 2


def test_onnx_counts_for_the_exposure():
    onnxruntime = pytest.importorskip("onnxruntime")
    written = exported(model(), "onnx")
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    assert [part.name for part in session.get_inputs()] == ["x", "days"]
    cells = np.array([*CELLS, *((np.nan if cell is None else cell, 0.3) for cell in BAD)])
    (found,) = session.run(None, {"x": cells[:, 1:], "days": cells[:, :1]})
    wished = [wanted(x, days) for days, x in CELLS] + [np.nan] * len(BAD)
    np.testing.assert_allclose(found, wished, rtol=1e-9)


def test_a_number_that_means_a_missing_cell_is_no_exposure():
    table = table_of({"x": np.linspace(-2, 2, 30), "days": np.full(30, 2.0), "y": np.arange(30.0)})
    object.__setattr__(table, "reading", Reading(na=("-9", "7")))
    told = Options(loss="poisson", exposure="days", order=1, alpha_ratio=0.3)
    other = train(table, told, Silent())
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE data (days, x)")
        connection.executemany("INSERT INTO data VALUES (?, ?)", [(7.0, 0.1), (2.0, 0.1)])
        found = connection.execute(exported(other, "sql")).fetchall()
    connection.close()
    assert found[0][-1] is None and found[1][-1] > 0
    with pytest.raises(ValueError, match="no exposure above 0"):
        module_of(other)["predict"]({"x": 0.1, "days": 7.0})
