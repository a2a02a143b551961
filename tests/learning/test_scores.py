"""One list of scores: a toy that is defined here alone is chosen by, reported, drawn and
certified."""

import json

import numpy as np
import pytest
from as_json import certify, evaluate
from quick import only
from sklearn import metrics

from wedgefit.data.cells import Column
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.engine.losses import LOSSES, Quantile, class_probabilities
from wedgefit.learning.scores import SCORES, Score, score_values, scores_of, shown_score
from wedgefit.learning.settings import Options
from wedgefit.model import trace
from wedgefit.model.build import train
from wedgefit.model.file import loads
from wedgefit.model.whole_path import path
from wedgefit.watch import Silent


def table_of(classes=False, rows=40):
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    y = np.abs(x) + 0.4 * rng.normal(size=rows)
    y = np.where(y > 0.7, "yes", "no").astype(object) if classes else y
    columns = {
        "x": Column("x", "numeric", x),
        "y": Column("y", "category" if classes else "numeric", y),
    }
    return Table("t.csv", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), columns)


def worst(predicted):
    """The largest error, of the rows as they count."""
    errors = np.abs(predicted.truth - predicted.output)[:, 0]
    return errors.max() if predicted.weights is None else (errors * predicted.weights).max()


def brier(predicted):
    return np.mean((predicted.probabilities[:, 1] - predicted.truth) ** 2)


TOYS = {
    False: Score("worst", "largest error", "regression", False, worst, in_units=True),
    True: Score("brier", "Brier score", "classification", False, brier, from_classes=2),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(2, 1), (9, 1), (200, 1), (30, 3)])
def test_scores_of_numbers_are_those_of_scikit_learn(shape, weighted, rng):
    truth = 3 + rng.normal(size=shape)
    output, weights = truth + 0.3 * rng.normal(size=shape), None
    if weighted:
        weights = rng.uniform(0.1, 2, size=shape[0])
    found = score_values(
        Sample(np.zeros((len(truth), 1)), truth, "regression", weights), output, LOSSES["squared"]
    )
    assert found == {
        "r2": metrics.r2_score(truth, output, sample_weight=weights),
        "rmse": metrics.mean_squared_error(truth, output, sample_weight=weights) ** 0.5,
        "mae": metrics.mean_absolute_error(truth, output, sample_weight=weights),
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("many", [2, 4])
def test_scores_of_classes_are_those_of_scikit_learn(many, weighted, rng):
    labels = np.arange(60) % many
    output = rng.normal(scale=40 if weighted else 2, size=(60, many))
    y = np.where(np.eye(many)[labels] > 0, 1.0, -1.0)
    if many == 2:
        y, output = y[:, 1:], output[:, 1:]
    weights = rng.uniform(0.1, 2, size=60) if weighted else None
    found = score_values(
        Sample(np.zeros((60, 1)), y, "classification", weights), output, LOSSES["logistic"]
    )
    decided = (output[:, 0] > 0).astype(int) if many == 2 else output.argmax(axis=1)
    shares = class_probabilities("logistic", output)
    assert found["accuracy"] == metrics.accuracy_score(labels, decided, sample_weight=weights)
    assert found["log_loss"] == metrics.log_loss(
        labels, shares, labels=range(many), sample_weight=weights
    )
    output = output.round(1)  # With ties.
    shares = class_probabilities("logistic", output)
    sample = Sample(np.zeros((60, 1)), y, "classification", weights)
    assert score_values(sample, output, LOSSES["logistic"])["auc"] == pytest.approx(
        metrics.roc_auc_score(
            labels, output if many == 2 else shares, multi_class="ovr", sample_weight=weights
        ),
        rel=1e-14,
    )


@pytest.mark.parametrize("classes", only([False], [False, True]))
def test_a_toy_score_works_everywhere(classes, monkeypatch):
    toy, table = TOYS[classes], table_of(classes)
    monkeypatch.setitem(SCORES, toy.name, toy)
    options = Options(scoring=toy.name, order=1, cv=3, jobs=1)
    model = train(table, options, Silent())
    curve = [point[toy.name]["mean"] for point in json.loads(model.dumps())["score"]["curve"]]
    chosen = json.loads(model.dumps())["score"]["cv"][toy.name]["mean"]
    assert chosen == min(curve) < 0.9 * curve[0]
    again = loads(model.dumps())
    outputs = again.network.forward(again.encoding.transform(table))
    truth = again.encoding.target_values(table)
    slow = (
        np.mean((1 / (1 + np.exp(-outputs)) - (truth > 0)) ** 2)
        if classes
        else np.abs(outputs - truth).max()
    )
    assert evaluate(again, table)["score"][toy.name] == pytest.approx(slow)
    record = path(table, options, Silent()).report()
    assert record["score_name"] == toy.name
    # A path looks at more, where one standard error would choose, and folds are solved to 1e-2.
    points = {point["alpha"]: point["cv"]["mean"] for point in record["points"]}
    alphas = [point.alpha for point in again.score.curve]
    assert [points[alpha] for alpha in alphas] == pytest.approx(curve, rel=1e-2)
    drawn = trace.path(again, table, Silent())
    assert drawn.score_name == toy.name
    assert [point.scores[drawn.score_name].mean for point in drawn.curve] == pytest.approx(curve)
    assert certify(again, table, jobs=1)["agrees"]


def test_a_toy_that_is_not_defined_contradicts():
    with pytest.raises(Exception, match="worst"):
        train(table_of(), Options(scoring="worst"), Silent())


@pytest.mark.parametrize("scoring", ["mae", "rmse", None])
def test_pictures_show_the_score_that_chose(scoring):
    """A model trained by the absolute error was drawn with R²."""
    table = table_of()
    model = train(table, Options(scoring=scoring, order=1, cv=3, jobs=1), Silent())
    drawn = trace.path(model, table, Silent())
    assert drawn.score_name == (scoring or "r2")
    curve = json.loads(model.dumps())["score"]["curve"]
    assert [point.scores[drawn.score_name].mean for point in drawn.curve] == [
        point[scoring or "r2"]["mean"] for point in curve
    ]


def test_the_score_that_goes_with_the_loss():
    assert shown_score(None, "regression", "squared") == "r2"
    assert shown_score("loss", "classification", "squared") == "accuracy"
    assert shown_score(None, "classification", "logistic") == "log_loss"
    assert shown_score("auc", "classification", "logistic") == "auc"


def test_what_needs_probabilities():
    needs = {
        score.name: [score.needs_probabilities(k) for k in (2, 3)] for score in SCORES.values()
    }
    assert needs.pop("auc") == [False, True] and needs.pop("log_loss") == [True, True]
    assert all(value == [False, False] for value in needs.values())
    assert [score.name for score in scores_of("regression", "squared")] == ["r2", "rmse", "mae"]


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_the_best_constant_explains_nothing(far, rng):
    """Also of a quantile far from zero, whose kink is rounded by the spread and not by the place:
    no constant is better, and no other explains as much."""
    y = far + rng.gamma(1.0, size=(80, 1))
    sample, loss = Sample(np.zeros((80, 1)), y, "regression"), Quantile(0.05)
    best = np.full_like(y, np.quantile(y, 0.05, method="inverted_cdf"))
    assert score_values(sample, best, loss)["d2"] == pytest.approx(0, abs=1e-6)
    assert score_values(sample, best + 0.3, loss)["d2"] < -0.1
