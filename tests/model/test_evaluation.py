"""Scores beside a baseline, and where a model errs: against sklearn's dummies and plain loops."""

import json
from dataclasses import replace

import numpy as np
import pytest
from as_json import evaluate
from shell import run, strict
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier, DummyRegressor

from wedgefit.data.table import Column, Table
from wedgefit.errors import UsageError
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.evaluation import QUANTILES
from wedgefit.views.tables import evaluate as shown
from wedgefit.views.terminal import to_text
from wedgefit.watch import Silent


def table(rng, kind="numbers", rows=40):
    x = rng.normal(size=rows)
    noisy = np.abs(x) + 0.3 * rng.normal(size=rows)
    columns = {"x": Column("x", "numeric", x)}
    if kind == "numbers":
        columns["y"] = Column("y", "numeric", noisy)
    else:
        labels = np.array(["low", "mid", "top"][: 2 + (kind == "three")], dtype=object)
        edges = np.quantile(noisy, [0.3, 0.8][: len(labels) - 1])
        columns["y"] = Column("y", "category", labels[np.digitize(noisy, edges)])
    columns["w"] = Column("w", "numeric", rng.integers(1, 4, rows).astype(float))
    ids = list(range(1, rows + 1))
    return Table("d.csv", ",", ids, np.arange(2, rows + 2), columns)


def fitted(data, **options):
    given = {"alpha_ratio": 0.1, "order": 1, "keep": ("x",), "target": ("y",)}
    return train(data, Options(**given | options), Silent())


def test_the_baseline_of_numbers_is_their_mean(rng):
    data = table(rng)
    record = evaluate(fitted(data), data)
    y = data.columns["y"].values
    dummy = DummyRegressor().fit(np.zeros((40, 1)), y).predict(np.zeros((40, 1)))
    assert record["baseline"]["r2"] == pytest.approx(0, abs=1e-12)
    assert record["baseline"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, dummy))
    assert record["baseline"]["mae"] == pytest.approx(metrics.mean_absolute_error(y, dummy))
    assert record["baseline"].keys() == record["score"].keys()
    assert record["score"]["rmse"] < record["baseline"]["rmse"]


@pytest.mark.parametrize("kind", ["two", "three"])
def test_the_baseline_of_classes_is_their_frequency(kind, rng):
    data = table(rng, kind)
    record = evaluate(fitted(data), data)
    y, zeros = data.columns["y"].values.astype(str), np.zeros((40, 1))
    dummy = DummyClassifier(strategy="prior").fit(zeros, y)
    assert record["baseline"]["accuracy"] == pytest.approx(dummy.score(zeros, y))
    assert record["baseline"]["log_loss"] == pytest.approx(
        metrics.log_loss(y, dummy.predict_proba(zeros))
    )
    assert record["baseline"]["auc"] == pytest.approx(0.5)


def test_rows_of_one_class_have_a_baseline(rng):
    data = table(rng, "two")
    model = fitted(data)
    one = data.take(np.flatnonzero(data.columns["y"].values == "low"))
    record = evaluate(model, one)
    assert record["baseline"]["accuracy"] == 1 and record["baseline"]["log_loss"] < 1e-12
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("kind", ["two", "three"])
def test_confusion_counts_what_each_class_was_taken_for(kind, rng):
    data = table(rng, kind)
    model = fitted(data, alpha_ratio=0.3)
    found = evaluate(model, data)["confusion"]
    y, predicted = data.columns["y"].values, model.decided(model.scores(data))
    for i, true in enumerate(found["classes"]):
        for j, taken in enumerate(found["classes"]):
            pairs = [1 for a, b in zip(y, predicted) if (a, b) == (true, taken)]
            assert found["counts"][i][j] == len(pairs)
    assert np.sum(found["counts"]) == 40
    assert evaluate(model, data)["residuals"] is None


def test_residuals_are_observed_minus_predicted(rng):
    data = table(rng)
    model = fitted(data)
    found = evaluate(model, data)
    left = data.columns["y"].values - model.scores(data)[:, 0]
    assert list(found["residuals"]["y"]) == [str(share) for share in QUANTILES]
    np.testing.assert_allclose(
        list(found["residuals"]["y"].values()), np.quantile(left, QUANTILES), rtol=1e-12
    )
    assert found["confusion"] is None


@pytest.mark.parametrize("kind", ["numbers", "two", "three"])
def test_weights_are_repeated_rows(kind, rng):
    data = table(rng, kind)
    model = fitted(data)
    repeated = data.take(np.repeat(np.arange(40), data.columns["w"].values.astype(int)))
    weighted, plain = evaluate(model, data, "w"), evaluate(model, repeated)
    for part in ("score", "baseline"):
        assert weighted[part] == pytest.approx(plain[part], rel=1e-9)
    if kind == "numbers":
        left = np.sort(repeated.columns["y"].values - model.scores(repeated)[:, 0])
        by_row = np.quantile(left, QUANTILES, method="inverted_cdf")
        np.testing.assert_allclose(list(weighted["residuals"]["y"].values()), by_row, atol=1e-12)
    else:
        share = np.array(plain["confusion"]["counts"]) / repeated.rows
        np.testing.assert_allclose(np.array(weighted["confusion"]["counts"]) / 40, share)


def test_a_threshold_decides(rng):
    data = table(rng, "two")
    model = fitted(data)
    yes, p = data.columns["y"].values == "mid", model.probabilities(model.scores(data))[:, 1]
    for rule, value in ((0.2, 0.2), ("best-f1", None), ("cost=1:9", None), (None, 0.5)):
        found = evaluate(model, data, rule=rule)
        t = found["threshold"]["value"]
        assert value is None or t == value
        said = p > t
        (a, b), (c, d) = found["confusion"]["counts"]
        assert [a, b, c, d] == [
            np.sum(m) for m in (~yes & ~said, ~yes & said, yes & ~said, yes & said)
        ]
        assert found["score"]["accuracy"] == pytest.approx((said == yes).mean())
        assert found["threshold"]["f1"] == pytest.approx(metrics.f1_score(yes, said))
        assert model.decided(model.scores(data), t) == np.where(said, "mid", "low").tolist()
    costs = evaluate(model, data, rule="cost=1:9")["threshold"]
    assert costs["cost"] <= costs["baseline_cost"] == pytest.approx((~yes).mean())
    assert evaluate(model, data, rule=0.2)["baseline"] == evaluate(model, data)["baseline"]
    assert "is predicted above a probability of" in to_text(
        shown(evaluate(model, data, rule="best-f1")), None
    )


def test_a_threshold_needs_probabilities_of_two_classes(rng):
    for kind, more in (("numbers", {}), ("three", {}), ("two", {"loss": "squared"})):
        data = table(rng, kind)
        model = fitted(data, **more)
        assert evaluate(model, data)["threshold"] is None
        with pytest.raises(UsageError, match="two classes"):
            evaluate(model, data, rule=0.3)


@pytest.mark.parametrize("kind, outputs", [("two", ["mid"]), ("three", ["low", "mid", "top"])])
def test_calibration_is_by_output(kind, outputs, rng):
    data = table(rng, kind)
    model = fitted(data)
    record = evaluate(model, data)
    assert [*record["calibration"]] == outputs
    p = model.probabilities(model.scores(data))[:, -len(outputs) :]
    for k, name in enumerate(outputs):
        bins, came = record["calibration"][name], data.columns["y"].values == name
        true, said = calibration_curve(came, p[:, k], n_bins=10, strategy="quantile")
        np.testing.assert_allclose([part["given"] for part in bins], said)
        np.testing.assert_allclose([part["came"] for part in bins], true)
    assert "came true" in to_text(shown(record), None)
    assert evaluate(fitted(data, loss="squared"), data)["calibration"] is None


def test_several_targets_have_residuals_each(rng):
    data = table(rng)
    both = data.columns | {"z": Column("z", "numeric", 2 * data.columns["y"].values)}
    data = replace(data, columns=both)
    record = evaluate(fitted(data, target=("y", "z")), data)
    assert [*record["residuals"]] == ["y", "z"]


def test_what_a_reader_sees(rng):
    numbers, classes = table(rng), table(rng, "two")
    text = to_text(shown(evaluate(fitted(numbers), numbers)), None)
    assert "baseline" in text and "observed − predicted" in text and "median" in text
    text = to_text(shown(evaluate(fitted(classes), classes)), None)
    assert "taken for low" in text and "taken for mid" in text


def test_the_command_prints_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{k / 10},{abs(k - 15) / 10}" for k in range(30)]
    (tmp_path / "d.csv").write_text("\n".join(["x,y", *lines]))
    run("train", "d.csv", "--alpha-ratio", "0.1", "-q")
    record = strict(run("evaluate", "d.csv", "--json").stdout)
    assert {"score", "baseline", "confusion", "residuals"} <= record.keys()
    assert "Baseline: every row is predicted as the mean of all." in run("evaluate", "d.csv").stdout


def test_scores_on_rows_of_training_are_called_too_good(rng):
    data = table(rng)
    model = fitted(data)
    (note,) = evaluate(model, data)["notes"]
    assert "on new rows it is worse" in note and "held out" not in note
    assert "held out" in evaluate(fitted(data, alpha_ratio=None, cv=2), data)["notes"][0]
    assert evaluate(model, data.take(np.arange(20)))["notes"] == []
    assert evaluate(model, replace(data, source="test.csv"))["notes"] == []
