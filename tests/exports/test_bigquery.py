"""Queries for BigQuery: what its types hold, its names, and what it does not have. That they agree
with ``wedgefit predict`` on every kind of model is in test_agreement."""

from dataclasses import replace

import numpy as np
import pytest
from exporting import REFUSED, exported_once, plain_model, predicted, row, same
from kinds import kinds, trained
from test_exposure import BAD, CELLS, wanted
from test_exposure import model as counting
from test_told import GROUPED, MARKED, told
from translated import asked

from wedgefit.errors import ColumnError
from wedgefit.exports.formats import exported

written = lambda model: exported_once(model, "sql", dialect="bigquery")


@pytest.mark.parametrize(
    "name, kind, cell, text",
    [
        ("flag", "BOOLEAN", True, "TRUE"),
        ("flag", "BOOLEAN", False, "FALSE"),
        ("flag", "BOOLEAN", None, ""),
        ("flag", "TEXT", "true", "true"),
        ("code", "BOOLEAN", True, REFUSED),
        ("code", "BIGINT", 7, "007"),
        ("code", "DECIMAL(5,2)", 3.5, "3.50"),
        ("code", "DOUBLE", float("nan"), ""),
        ("code", "DATE", "2026-01-02", "2026-01-02"),
        ("code", "BLOB", b"007", REFUSED),
        ("a", "BOOLEAN", True, "1"),
        ("a", "DECIMAL(9,4)", 2.5, "2.5"),
        ("a", "DOUBLE", float("nan"), ""),
        ("a", "DOUBLE", float("inf"), REFUSED),
        ("a", "DOUBLE", -1e-7, "-1e-7"),
        ("a", "DATE", "2026-01-02", REFUSED),
        ("a", "BLOB", b"5", REFUSED),
        ("a", "BIGINT", 9007199254740993, "9007199254740993"),
    ],
)
def test_cells_have_types(name, kind, cell, text, tmp_path):
    expected = (
        REFUSED if text is REFUSED else predicted(plain_model(), row(**{name: text}), tmp_path)
    )
    columns = {"a": "DOUBLE", "flag": "TEXT", "code": "TEXT"} | {name: kind}
    (found,) = asked(written(plain_model()), columns, [row(**{name: cell}).values()])
    same(found[-1], expected)


@pytest.mark.parametrize("decimal, mark, texts", [(",", ".", GROUPED), (".", ",", MARKED)])
def test_marks_in_numbers_are_those_of_training(decimal, mark, texts, tmp_path):
    model = told(decimal, mark)
    columns = {"a": "TEXT", "flag": "TEXT", "code": "TEXT"}
    found = asked(written(model), columns, [row(a=text).values() for text in texts])
    for text, line in zip(texts, found, strict=True):
        reading = model.encoding.reading
        same(line[-1], predicted(model, row(a=text), tmp_path, reading=reading))


def test_counts_are_for_the_exposure():
    columns = {"days": "DOUBLE", "x": "DOUBLE"}
    found = [line[-1] for line in asked(written(counting()), columns, CELLS)]
    np.testing.assert_allclose(found, [wanted(x, days) for days, x in CELLS], rtol=1e-9)
    found = asked(written(counting()), columns, [(days, 0.3) for days in BAD])
    assert [line[-1] for line in found] == [None] * len(BAD)


def test_rows_pass_through_the_steps_and_are_not_numbered():
    """Steps are inlined: a number that two of them see need not be the same."""
    for model in (plain_model(), counting(), kinds()["three classes"]):
        query = written(model)
        assert "ROW_NUMBER" not in query and "JOIN" not in query and "MATERIALIZED" not in query
        assert query.count("FROM `data`") == 1
        assert "FROM `my-project`.`place`.`rows`" in exported(
            model, "sql", dialect="bigquery", table="my-project.place.rows"
        )


@pytest.mark.parametrize(
    "name", ["a.b", "price (EUR)", "`", "\\", "_TABLE_x", "x" * 301, "Y\n", "A"]
)
def test_names_that_its_tables_cannot_have_are_refused(name):
    x = np.linspace(-1, 1, 30)
    model = trained({"a": x, name: x**2, "y": np.abs(x) + x**2})
    with pytest.raises(ColumnError, match="bigquery cannot hold this model"):
        exported(model, "sql", dialect="bigquery")


def test_results_are_called_what_it_can_call_them():
    """A quantile has a point in its name, a target or a class may have anything."""
    query = written(kinds()["several quantiles"])
    assert "AS `prediction_q0_2`" in query and "q0.2" not in query
    x = np.linspace(-1, 1, 30)
    query = written(trained({"größe in m": x, "price (EUR/m)": np.abs(x)}))
    assert ".`größe in m`" in query and "AS `prediction_price _EUR_m_`" in query


def test_a_query_beyond_a_megabyte_is_refused():
    model = kinds()["one column"]
    first = model.neurons[0]
    many = [replace(first, id=k + 1, bias=k / 7000) for k in range(8000)]
    with pytest.raises(ColumnError, match="more than 1,048,576"):
        exported(replace(model, neurons=many), "sql", dialect="bigquery")


def test_texts_are_literals_whatever_they_hold(tmp_path):
    texts = ["it's", '"', "`", "\\", "\\u0041", "a\nb", "\u2028z", "\U000e0001", "?@p", "é"]
    column = np.array(texts * 12, dtype=object)
    table = {"x": column, "z": np.arange(120.0), "y": np.arange(120.0) % len(texts)}
    model = trained(table, alpha_ratio=0.001)
    lines = [(text, 5.0) for text in texts]
    found = asked(written(model), {"x": "TEXT", "z": "DOUBLE"}, lines)
    for text, line in zip(texts, found, strict=True):
        same(line[-1], predicted(model, {"x": text, "z": "5.0"}, tmp_path))
    assert len({line[-1] for line in found}) > 6
