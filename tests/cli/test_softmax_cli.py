"""Classes that share their neurons, from the command line to exports and the estimator."""

import json
from pathlib import Path

import numpy as np
import oracles
import pytest
from shell import columns_of, fails, run
from sklearn import metrics

from wedgefit import WedgeClassifier
from wedgefit.exports.formats import exported
from wedgefit.model.file import load, loads

pytestmark = pytest.mark.usefixtures("few_alphas")

CASES = oracles.further_cases("softmax")
TOLD = ("--loss", "softmax", "--alpha-ratio", "0.1")


def fast(record):
    return record["file"] == "loss3_2d_grid.csv" and record["alpha"] == 0.1


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(rng):
    """Three classes in d.csv, two numbers and a text; their labels."""
    x, z = rng.normal(size=(2, 40)).round(3)
    town = rng.choice(["Bonn", "Ulm"], 40)
    places = np.abs(x) + 0.3 * (town == "Ulm") + 0.3 * rng.normal(size=40)
    labels = np.array(["low", "mid", "top"])[np.digitize(places, np.quantile(places, [0.3, 0.7]))]
    lines = ["x,z,town,kind", *(",".join(map(str, row)) for row in zip(x, z, town, labels))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    return np.column_stack([x, z]), labels


@pytest.mark.parametrize(
    "record",
    [pytest.param(one, marks=() if fast(one) else pytest.mark.slow) for one in CASES],
    ids=lambda r: f"{r['file']}-{r['order']}-{r['alpha']}",
)
def test_the_command_reaches_the_stored_optimum(record):
    data = str(oracles.CASES / "losses" / record["file"])
    report = json.loads(run("train", data, *oracles.told_of(record), "--json").stdout)
    certificate, best = report["certificate"], record["objective"]
    assert certificate["scope"] == "exact" and certificate["relative_gap"] <= 1e-6
    assert certificate["objective"] == pytest.approx(best, rel=1e-5)
    assert certificate["lower_bound"] <= best + 1e-8
    assert "The stored figures hold." in run("certify", data).stdout


def test_one_network_for_all_classes(table, without_pictures):
    """The report, scores, certify with training again, explain, predict and the page."""
    report = json.loads(
        run("train", "d.csv", "--loss", "softmax", "--order", "1", "--cv", "2", "--json").stdout
    )
    assert len(report["stages"]) == 1 and report["stages"][0]["output"] is None
    assert all(neuron["output"] is None for neuron in report["neurons"])
    assert {*report["neurons"][0]["coefficient"]} == {"low", "mid", "top"}
    for neuron in report["neurons"]:
        assert sum(neuron["coefficient"].values()) == pytest.approx(0, abs=1e-12)
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    run("predict", "d.csv", "--proba", "--contributions", "-o", "p.csv")
    found = columns_of("p.csv")
    named = lambda kind: np.array([found[f"{kind}_{c}"] for c in ("low", "mid", "top")], float)
    scores, chances = named("score"), named("probability")
    np.testing.assert_allclose(chances, np.exp(scores) / np.exp(scores).sum(axis=0), rtol=1e-9)
    record = json.loads(run("evaluate", "d.csv", "--json").stdout)
    labels = columns_of("d.csv")["kind"]
    assert record["score"]["log_loss"] == pytest.approx(metrics.log_loss(labels, chances.T))
    right = np.mean(np.array(found["prediction_kind"]) == labels)
    assert record["score"]["accuracy"] == pytest.approx(right)
    frequency = np.unique(labels, return_counts=True)[1] / len(labels)
    assert record["baseline"]["log_loss"] == pytest.approx(-frequency @ np.log(frequency))
    text = run("explain").stdout
    assert text.startswith("score of low = ") and "log-probability" in text or "scores" in text
    one = json.loads(run("explain", "d.csv", "--row", "3", "--json").stdout)
    assert one["scale"] == "log-probability"
    assert one["probabilities"]["mid"] == pytest.approx(chances[1, 2])
    run("report", "d.csv", "-o", "page.html")
    run("plot", "wedgefit.json", "d.csv", "--kind", "calibration", "-o", "c.svg")


def test_classes_share_their_neurons_by_default(table):
    """Of more than two classes, in networks that can; the record says how, the report does not."""
    for told, loss in (((), "softmax"), (("--layers", "3"), "logistic"),
                       (("--norm", "2", "--refine"), "logistic"),
                       (("--target", "town", "--drop", "kind"), "logistic")):  # fmt: skip
        run("train", "d.csv", *told, "--alpha-ratio", "0.3", "--order", "1")
        model = load("wedgefit.json")
        assert model.problem.loss == loss and model.options["loss"] is None
    shown = lambda *told: (
        run("train", "d.csv", *told, "--alpha-ratio", "0.3", "--order", "1").stdout
    )
    assert "softmax loss" not in shown() and "logistic loss" in shown("--loss", "logistic")


def test_training_again_keeps_the_loss_of_the_file(table):
    """An older version had another default."""
    run("train", "d.csv", "--loss", "logistic", "--alpha-ratio", "0.3", "--order", "1")
    data = json.loads(Path("wedgefit.json").read_text())
    data["options"]["loss"] = None
    Path("wedgefit.json").write_text(json.dumps(data))
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout


def test_numbers_agree_with_scikit_learn_where_nothing_is_penalised(table):
    """With a tiny alpha a straight line per class is multinomial regression, on a table whose
    classes overlap so much that hinges gain nothing: here one column of two values."""
    rows = [(v, c) for v, counts in ((0, (5, 3, 2)), (1, (2, 2, 6))) for c, k in
            zip("abc", counts) for _ in range(k)]  # fmt: skip
    Path("two.csv").write_text("x,kind\n" + "".join(f"{v},{c}\n" for v, c in rows))
    run("train", "two.csv", "--loss", "softmax", "--alpha-ratio", "1e-7")
    run("predict", "two.csv", "--proba", "-o", "p.csv")
    found = columns_of("p.csv")
    chances = np.array([found[f"probability_{c}"] for c in "abc"], float).T
    np.testing.assert_allclose(chances[0], [0.5, 0.3, 0.2], atol=1e-5)
    np.testing.assert_allclose(chances[-1], [0.2, 0.2, 0.6], atol=1e-5)


@pytest.mark.parametrize(
    "told, words",
    [
        (["--drop", "kind", "--target", "town"], "the target has two"),
        (["--target", "x"], "the softmax loss is for classes"),
        (["--layers", "3"], "the softmax loss is for one hidden layer"),
        (["--norm", "2", "--refine"], "--refine is not for the softmax loss"),
        (["--solver", "full"], "--solver full is for the squared loss"),
        (["--refit"], "--refit is for the squared loss"),
        (["--threshold", "0.3"], "--threshold is for two classes"),
        (["--scoring", "r2"], "--scoring r2 is not for classification"),
    ],
)
def test_what_does_not_go_together_is_refused(told, words, table):
    fails("train", "d.csv", "--loss", "softmax", *told, code=2, words=[words])


def test_what_a_shared_network_has_no_answer_for_is_refused(table):
    run("train", "d.csv", *TOLD, "--order", "1")
    fails("certify", "d.csv", "--unique", code=2, words=["--unique", "the softmax loss"])
    words = ["--threshold needs a model of two classes"]
    fails("predict", "d.csv", "--threshold", "0.3", code=2, words=words)
    without = json.loads(run("certify", "d.csv", "--without", "x", "--json").stdout)
    assert "x" in json.dumps(without)


def test_a_file_that_mixes_both_kinds_is_refused(table):
    run("train", "d.csv", *TOLD, "--order", "1")
    text = Path("wedgefit.json").read_text()
    for old, new in (('"softmax"', '"logistic"'), ('"loss": "softmax"', '"loss": "gamma"')):
        with pytest.raises(Exception, match="neurons|problem.loss"):
            loads(text.replace(old, new))


def test_weights_balance_classes(table):
    run("train", "d.csv", *TOLD, "--class-weight", "balanced", "--alpha-ratio", "2")
    run("predict", "d.csv", "--proba", "-o", "p.csv")
    found = columns_of("p.csv")
    for label in ("low", "mid", "top"):
        assert float(found[f"probability_{label}"][0]) == pytest.approx(1 / 3)


def test_exports_say_the_same_far_out(table):
    run("train", "d.csv", *TOLD)
    model, space = load("wedgefit.json"), {}
    exec(exported(model, "python"), space)
    for x in (0.5, 1e6, -1e9):
        row = {"x": x, "z": -x, "town": "Ulm"}
        outputs = np.array([space["scores"](row)])
        expected = model.probabilities(outputs)[0]
        np.testing.assert_allclose([*space["probabilities"](row).values()], expected, rtol=1e-12)


def test_the_estimator_is_the_command(table):
    X, labels = table
    model = WedgeClassifier(loss="softmax", alpha=0.05, order=1).fit(X, labels)
    chances = model.predict_proba(X)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    outputs = model.decision_function(X)
    assert outputs.shape == (40, 3) and model.coef_.shape == (len(model.wedges_), 3)
    assert (model.predict(X) == model.classes_[outputs.argmax(axis=1)]).all()
    lines = ["x0,x1,y", *(f"{float(a)!r},{float(b)!r},{c}" for (a, b), c in zip(X, labels))]
    Path("e.csv").write_text("\n".join(lines) + "\n")
    run("train", "e.csv", "--loss", "softmax", "--alpha", "0.05", "--order", "1")
    told = load("wedgefit.json")
    assert told.certificate.objective == pytest.approx(model.certificate_.objective, rel=1e-12)
