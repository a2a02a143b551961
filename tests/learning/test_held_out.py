"""What folds predict of the rows that they hold out, and the threshold that follows."""

from dataclasses import replace

import numpy as np
import pytest
from as_json import certify
from kinds import mixed, table_of
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

import wedgefit
from wedgefit.errors import ModelFileError, UsageError
from wedgefit.learning.curve import Curve, HeldOut
from wedgefit.learning.settings import Options
from wedgefit.learning.threshold import log_odds, threshold_on
from wedgefit.model.build import train, trained
from wedgefit.model.file import loads
from wedgefit.watch import Silent

pytestmark = pytest.mark.usefixtures("few_alphas")

ALPHA = {"alpha_ratio": 0.1, "order": 1, "tol": 1e-3}


def data(kind="two", rows=60):
    columns, signal = mixed(rows)
    labels = {"two": ["no", "yes"], "three": ["low", "mid", "top"], "numbers": None}[kind]
    if labels is None:
        return table_of(columns | {"y": signal, "z": -(signal**2)})
    edges = np.quantile(signal, np.linspace(0, 1, len(labels) + 1)[1:-1])
    return table_of(columns | {"y": np.array(labels, dtype=object)[np.digitize(signal, edges)]})


def test_rows_are_predicted_by_folds_without_them():
    """As scikit-learn's own loop over the folds finds them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=40)
    table = table_of({"a": X[:, 0], "b": X[:, 1], "y": y})
    model, rows = trained(table, Options(alpha=0.05, cv=4), Silent(), held_out=True)
    estimator = wedgefit.WedgeRegressor(alpha=0.05)
    folds = KFold(4, shuffle=True, random_state=0)
    expected = cross_val_predict(estimator, X, y, cv=folds)
    # Folds are solved to a gap of a hundredth.
    np.testing.assert_allclose(rows.scores[:, 0], expected, atol=0.05)
    columns = rows.columns(model)
    assert columns["row"] == list(range(1, 41)) and columns["y"] == y.tolist()
    assert columns["prediction_y"] == rows.scores[:, 0].tolist()


def test_the_outputs_belong_to_the_alpha_chosen():
    table = data("numbers")
    _, rows = trained(table, Options(target=("y",), drop=("z",), order=1), Silent(), held_out=True)
    model = train(table, Options(target=("y",), drop=("z",), order=1), Silent())
    left = table.columns["y"].values - rows.scores[:, 0]
    # Folds of equal size: the mean over them of their means is that of all rows.
    assert np.abs(left).mean() == pytest.approx(model.score.cv["mae"].mean, rel=1e-9)


def test_several_folds_of_a_row_are_averaged_and_none_is_nan():
    folds = [
        [HeldOut(0.0, 0, {}, np.array([[1.0], [2.0]])), HeldOut(0.0, 0, {}, np.array([[4.0]]))]
    ]
    curve = Curve(np.array([1.0]), folds, held_out=(np.array([0, 2]), np.array([2])))
    np.testing.assert_array_equal(curve.outputs(0, 4)[:, 0], [1.0, np.nan, 3.0, np.nan])


@pytest.mark.parametrize(
    "kind, names",
    [
        ("two", ["row", "y", "prediction_y", "probability_no", "probability_yes"]),
        (
            "three",
            ["row", "y", "prediction_y", "probability_low", "probability_mid", "probability_top"],
        ),
        ("numbers", ["row", "y", "prediction_y", "z", "prediction_z"]),
    ],
)
def test_the_table_of_rows_held_out(kind, names):
    table = data(kind)
    target = ("y", "z") if kind == "numbers" else ("y",)
    model, rows = trained(table, Options(target=target, **ALPHA), Silent(), held_out=True)
    columns = rows.columns(model)
    assert [*columns] == names
    assert columns["y"] == table.columns["y"].values.tolist()
    assert len({len(values) for values in columns.values()}) == 1
    # Far better than chance, and not as good as rows that were learnt from.
    if kind != "numbers":
        right = np.mean(np.array(columns["y"]) == np.array(columns["prediction_y"]))
        assert 0.6 < right <= model.score.train["accuracy"] + 0.05


@pytest.mark.parametrize("rule", ["best-f1", "cost=1:6", 0.3])
def test_a_threshold_is_found_on_rows_held_out_and_kept(rule):
    table = data()
    model, rows = trained(table, Options(threshold=rule, **ALPHA), Silent(), held_out=True)
    yes = table.columns["y"].values == "yes"
    if isinstance(rule, str):
        assert model.threshold == threshold_on(rule, rows.scores[:, 0], yes)
    else:
        assert (model.threshold.value, model.threshold.f1) == (0.3, None)
    assert loads(model.dumps()).threshold == model.threshold
    said = model.probabilities(model.scores(table))[:, 1] > model.threshold.value
    assert model.predict(table) == np.where(said, "yes", "no").tolist()
    assert model.score.train["accuracy"] == pytest.approx(np.mean(said == yes))
    # Nothing else depends on it.
    plain = train(table, Options(**ALPHA), Silent())
    assert plain.threshold is None and plain.neurons == model.neurons


def test_certify_holds_the_threshold():
    table = data()
    model = train(table, Options(threshold="cost=1:6", **ALPHA), Silent())
    assert certify(model, table, everything=True)["agrees"]
    moved = replace(model, threshold=replace(model.threshold, value=0.9))
    found = certify(moved, table, everything=True)
    assert not found["agrees"] and "threshold.value" in found["message"]
    assert "score.train.accuracy" in found["message"]
    told = train(table, Options(threshold=0.4, **ALPHA), Silent())
    for wrong in (replace(told.threshold, value=0.41), replace(told.threshold, f1=0.9), None):
        assert not certify(replace(told, threshold=wrong), table)["agrees"]


def test_a_threshold_is_for_two_classes_with_probabilities():
    for kind, more in (
        ("numbers", {"target": ("y",)}),
        ("three", {}),
        ("two", {"loss": "squared"}),
    ):
        with pytest.raises(UsageError, match="two classes"):
            train(data(kind), Options(threshold=0.3, **ALPHA, **more), Silent())
    model = train(data("three"), Options(**ALPHA), Silent())
    two = train(data(), Options(threshold=0.3, **ALPHA), Silent())
    with pytest.raises(ModelFileError, match="threshold should be null"):
        loads(replace(model, threshold=two.threshold).dumps())
    with pytest.raises(ModelFileError, match="below 1"):
        loads(replace(two, threshold=replace(two.threshold, value=1.0)).dumps())


def test_the_classifier_predicts_by_it():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 2))
    y = np.where(X[:, 0] + rng.normal(size=60) > 0.5, "b", "a")
    model = wedgefit.WedgeClassifier(alpha_ratio=0.1, threshold="cost=1:9").fit(X, y)
    t = model.model_.threshold.value
    assert t < 0.4
    np.testing.assert_array_equal(model.predict(X) == "b", model.predict_proba(X)[:, 1] > t)
    assert clone(model).threshold == "cost=1:9"
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    plain = wedgefit.WedgeClassifier(alpha=model.alpha_)
    odds = cross_val_predict(plain, X, y, cv=folds, method="decision_function")
    said = odds > log_odds(t)
    costs = [np.sum((odds > c) & (y == "a")) + 9 * np.sum((odds <= c) & (y == "b")) for c in odds]
    assert np.sum(said & (y == "a")) + 9 * np.sum(~said & (y == "b")) <= min(costs) + 1
