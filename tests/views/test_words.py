"""Names in sentences are not taken for several, or for its words; intervals in words."""

import pytest
from kinds import kinds, mixed, table_of

from wedgefit.model.build import Options, train
from wedgefit.model.intervals import LEVELS, reaches
from wedgefit.views import tables
from wedgefit.views.explain import explain
from wedgefit.views.page import page
from wedgefit.views.terminal import to_text
from wedgefit.views.words import (
    either,
    error_number,
    in_lines,
    interval_words,
    listed,
    number,
    score_text,
    shape_words,
    value_text,
)
from wedgefit.watch import Silent


@pytest.mark.parametrize("name", ["a, b", "salt and pepper", " x", ","])
def test_ambiguous_names_are_quoted(name):
    quoted = f'"{name}"'
    assert listed(["x", name, "y"]) == f"x, {quoted}, y"
    assert either(["x", name]) == f"x or {quoted}"
    assert in_lines("No effect: ", [name, "y"], 80) == f"No effect: {quoted}, y"
    assert shape_words({name: ("increasing",), "y": ("increasing",)}) == (
        f"increasing in {quoted} and y"
    )


def test_a_standard_error_of_rounding_alone_is_zero():
    score = {"accuracy": {"mean": 0.6, "se": 2.5e-17}, "auc": {"mean": 0.5, "se": None}}
    assert score_text(score) == "accuracy 0.6000 ± 0, AUC 0.5000"
    assert error_number(0.6, 1.23e-9) == "1.2e-09" and error_number(None, None) == "–"


def test_plain_names_are_not():
    assert listed(["age", "town = Bonn", "sand", 12]) == "age, town = Bonn, sand, 12"


@pytest.mark.parametrize("value, text", [
    (2008.0, "2008"), (-9999.5, "-9999.5"), (10000.0, "10,000"), (3.0, "3"), ("a,b", "a,b"),
])  # fmt: skip
def test_years_have_no_comma(value, text):
    assert value_text(value) == text


def test_in_hinges_and_claims():
    columns, signal = mixed(names=("a, b", "c", "town"))
    options = Options(alpha_ratio=0.1, increasing=("a, b",), order=1, target=("y",))
    model = train(table_of(columns | {"y": signal}), options, Silent())
    assert any('"a, b"' in term["hinge"]["text"] for term in explain(model)["terms"])
    shown = to_text(tables.train(model.report(), "m.json"), None)
    assert 'increasing in "a, b"' in shown


def test_intervals_in_words(without_pictures):
    """The narrowest and the widest of a level, as ``predict --interval`` gives them; in the report
    of train, in explain and on the page, and only of models that have them."""
    model, without = kinds()["folds"], kinds()["mixed"]
    (spread,) = model.intervals
    columns, signal = mixed()
    table = table_of(columns | {"y": signal})
    X = model.encoding.transform(table)
    for reach in (found := reaches(model.intervals)):
        lower, upper = model.interval(X, model.network.forward(X), reach.level)
        half = (upper - lower) / 2
        # The rows of training reach both ends.
        assert half.min() == pytest.approx(reach.least)
        assert half.max() == pytest.approx(reach.most)
    assert [reach.level for reach in found] == list(LEVELS)
    assert explain(model)["interval_reach"] == model.report()["interval_reach"]
    (words,) = interval_words(explain(model)["interval_reach"])
    nine = next(reach for reach in found if reach.level == 0.9)
    assert f"90% within ± {number(nine.least, 3)}" in words
    for shown in (
        to_text(tables.train(model.report(), "m.json"), None),
        to_text(tables.explain(explain(model)), None),
    ):
        assert words in shown
    assert "interval_reach" not in without.report() and "interval_reach" not in model.dumps()
    assert "within ±" not in to_text(tables.explain(explain(without)), None)
    there = page(model, table)
    assert "rows of this page within" in there and f"± {number(nine.least, 3)}" in there
    assert "rows of this page within" not in page(without, table)
