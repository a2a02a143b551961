"""Losses through the command line: reference optima, domains, links, what is refused."""

import json
import os
from pathlib import Path

import numpy as np
import oracles
import pytest
from shell import columns_of, fails, run
from sklearn import metrics

from wedgefit.exports.formats import exported
from wedgefit.model.file import load
from wedgefit.views.words import number, score_number, score_text

LOSSES = ("huber", "quantile", "poisson", "gamma")
CASES = oracles.further_cases(*LOSSES)
NUMBERS = ("huber_delta", "quantile")


def fast(record):
    return record["file"] == "loss3_2d_grid.csv" and record["alpha"] == 0.1


def named(record):
    numbers = [str(record[name]) for name in (*NUMBERS, "exposure") if name in record]
    return "-".join([record["loss"], *numbers, record["file"], str(record["order"])])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "record",
    [pytest.param(one, marks=() if fast(one) else pytest.mark.slow) for one in CASES],
    ids=[named(one) for one in CASES],
)
def test_the_command_reaches_the_stored_optimum(record):
    data = str(oracles.CASES / "losses" / record["file"])
    report = json.loads(run("train", data, *oracles.told_of(record), "--json").stdout)
    certificate, best = report["certificate"], record["objective"]
    assert certificate["scope"] == "exact" and certificate["relative_gap"] <= 1e-6
    assert certificate["objective"] == pytest.approx(best, rel=1e-5)
    assert certificate["lower_bound"] <= best + 1e-8 * abs(best)
    for name in NUMBERS:
        assert report["problem"][name] == record.get(name)
    assert "The stored figures hold." in run("certify", data).stdout


def counted(name, rng, n=40):
    """A table with a target for this loss, in d.csv."""
    x, z = rng.normal(size=n), rng.normal(size=n)
    mean = np.exp(0.7 * np.abs(x) + 0.2 * z)
    y = {
        "poisson": rng.poisson(mean),
        "gamma": np.round(mean * rng.gamma(3, 1 / 3, size=n) + 0.01, 3),
        "huber": np.round(mean + rng.standard_t(1, size=n), 3),
        "quantile": np.round(mean * rng.gamma(3, 1 / 3, size=n), 3),
    }[name]
    lines = ["x,z,y", *(f"{a:.4f},{b:.4f},{c}" for a, b, c in zip(x, z, y))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    return y.astype(float)


TOLD = {"quantile": ("--quantile", "0.8"), "huber": ("--huber-delta", "0.7")}


@pytest.mark.parametrize("name", LOSSES)
def test_scores_are_those_of_scikit_learn(name, rng):
    """Of predictions on the scale of the target, beside those of the best constant."""
    y = counted(name, rng)
    run("train", "d.csv", "--loss", name, *TOLD.get(name, ()), "--alpha-ratio", "0.1")
    run("predict", "d.csv", "-o", "p.csv")
    p = np.array(columns_of("p.csv")["prediction_y"], dtype=float)
    record = json.loads(run("evaluate", "d.csv", "--json").stdout)
    away = np.abs(y - p)
    expected = {
        "poisson": lambda: {
            "deviance": metrics.mean_poisson_deviance(y, p),
            "d2": metrics.d2_tweedie_score(y, p, power=1),
        },
        "gamma": lambda: {
            "deviance": metrics.mean_gamma_deviance(y, p),
            "d2": metrics.d2_tweedie_score(y, p, power=2),
        },
        "quantile": lambda: {
            "pinball": metrics.mean_pinball_loss(y, p, alpha=0.8),
            "d2": metrics.d2_pinball_score(y, p, alpha=0.8),
        },
        "huber": lambda: {
            "huber": np.mean(np.where(away < 0.7, away**2 / 2, 0.7 * away - 0.245)),
            "r2": metrics.r2_score(y, p),
        },
    }[name]()
    for score, value in expected.items():
        assert record["score"][score] == pytest.approx(value, rel=1e-6)
    assert record["score"]["mae"] == pytest.approx(away.mean())
    if "d2" in expected:
        assert record["baseline"]["d2"] == pytest.approx(0, abs=1e-12)
    assert record["residuals"]["y"]["0.5"] == pytest.approx(np.median(y - p))


@pytest.mark.parametrize("name", LOSSES)
def test_alpha_is_chosen_and_the_model_certified(name, rng, request, few_alphas):
    """Cross-validation, the report, certify with training again, explain, the page."""
    if name != "poisson":
        request.getfixturevalue("without_pictures")
    counted(name, rng, n=24)
    told = [*TOLD.get(name, ()), "--order", "1", "--cv", "2"]
    text = run("train", "d.csv", "--loss", name, *told).stdout
    shown = {"poisson": "deviance", "gamma": "deviance", "quantile": "pinball", "huber": "Huber"}
    assert f"{name} loss" in text and f"Cross-validated  {shown[name]}" in text
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    log = name in ("poisson", "gamma")
    text = run("explain", "wedgefit.json").stdout
    assert text.startswith("log y = " if log else "y = ")
    assert ("log of the prediction" in text) == log
    one = json.loads(run("explain", "d.csv", "--row", "3", "--json").stdout)
    score = one["outputs"][0]["score"]
    assert one["scale"] == ("log" if log else "prediction")
    assert one["prediction"] == pytest.approx(np.exp(score) if log else score)
    run("predict", "d.csv", "--contributions", "-o", "c.csv")
    parts = {k: np.array(v, dtype=float) for k, v in columns_of("c.csv").items()}
    added = sum(v for k, v in parts.items() if k.startswith(("average", "contribution")))
    np.testing.assert_allclose(np.exp(added) if log else added, parts["prediction_y"], rtol=1e-9)
    assert np.array_equal(added.round(9), parts["score_y"].round(9)) if log else True
    run("report", "d.csv", "-o", "page.html")
    assert "log y" in Path("page.html").read_text() or not log


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_exports_take_the_exponential(name, rng):
    """The tests of exports run all kinds; here the link itself, also where it leaves float64."""
    counted(name, rng)
    run("train", "d.csv", "--loss", name, "--alpha-ratio", "0.05")
    model = load("wedgefit.json")
    space = {}
    exec(exported(model, "python"), space)
    rows = [{"x": 0.5, "z": 1.0}, {"x": 1e4, "z": 0.0}, {"x": -1e9, "z": 1e9}]
    for row in rows:
        (score,) = space["scores"](row)
        assert space["predict"](row) == pytest.approx(np.exp(np.clip(score, -700, 700)))


@pytest.mark.parametrize(
    "name, cell, words",
    [
        ("poisson", "-2", "the target is -2, and the poisson loss is for counts, from 0 up"),
        ("gamma", "0", "the target is 0, and the gamma loss is for amounts above 0"),
    ],
)
def test_targets_that_are_none_are_refused_by_their_row(name, cell, words, rng):
    """In training, evaluation and certification alike."""
    counted(name, rng)
    run("train", "d.csv", "--loss", name, "--alpha-ratio", "0.5")
    lines = Path("d.csv").read_text().split("\n")
    lines[7] = ",".join([*lines[7].split(",")[:2], cell])
    Path("wrong.csv").write_text("\n".join(lines))
    os.rename("wedgefit.json", "m.json")
    where = "line 8"
    fails("train", "wrong.csv", "--loss", name, words=[words, where, "y"])
    for command in ("evaluate", "certify"):
        fails(command, "m.json", "wrong.csv", words=[words, where])


@pytest.mark.parametrize(
    "told, words",
    [
        (["--quantile", "0.3"], "--quantile is for --loss quantile"),
        (["--loss", "poisson", "--huber-delta", "1"], "--huber-delta is for --loss huber"),
        (["--loss", "gamma", "--layers", "3"], "the gamma loss is for one hidden layer"),
        (["--loss", "huber", "--norm", "2", "--refine"], "--refine is not for the huber loss"),
        (["--loss", "huber", "--refit"], "--refit is for the squared loss"),
        (["--loss", "gamma", "--solver", "full"], "--solver full is for the squared loss"),
        (["--loss", "gamma", "--target", "y", "--target", "z"], "the gamma loss is for one target"),
        (["--loss", "gamma", "--scoring", "r2"], "--scoring r2 is not for the gamma loss"),
        (["--scoring", "deviance"], "--scoring deviance is not for regression"),
        (["--loss", "logistic"], "the logistic loss is for classes"),
        (["--loss", "quantile", "--quantile", "1"], "a probability between 0 and 1"),
    ],
)
def test_what_does_not_go_together_is_refused(told, words, rng):
    counted("gamma", rng)
    Path("d.csv").write_text(Path("d.csv").read_text().replace("-", ""))
    fails("train", "d.csv", *told, code=2, words=[words])


def test_a_fold_without_a_count_is_refused(rng):
    lines = ["x,y", *(f"{k / 10},{4 if k < 2 else 0}" for k in range(20)), "9,7"]
    groups = [int(k < 2 or k > 19) for k in range(len(lines) - 1)]
    text = [f"{lines[0]},g", *(f"{line},{g}" for line, g in zip(lines[1:], groups))]
    Path("groups.csv").write_text("\n".join(text) + "\n")
    told = ["--loss", "poisson", "--group", "g", "--cv", "2", "--task", "regression"]
    fails("train", "groups.csv", *told, words=["target is 0 throughout"])


def test_huber_needs_a_spread(rng):
    lines = ["x,y", *(f"{k},{0 if k < 25 else k}" for k in range(30))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    fails("train", "d.csv", "--loss", "huber", words=["--huber-delta", "quartiles"])
    run("train", "d.csv", "--loss", "huber", "--huber-delta", "2", "--alpha-ratio", "0.1")


def test_quantiles_of_different_levels_have_no_loss_in_common(rng):
    """Each model's own loss would judge it by another measure than the other, and the squared error
    be fair to none: they are refused, unless it is said what by."""
    counted("quantile", rng)
    told = ["--loss", "quantile", "--order", "1", "--alpha-ratio", "0.1", "--quantile"]
    run("train", "d.csv", *told, "0.2", "-o", "low.json")
    run("train", "d.csv", *told, "0.8", "-o", "high.json")

    def name(*told):
        return json.loads(run("compare", *told, "--json").stdout)["loss"]["name"]

    assert name("low.json", "low.json", "d.csv") == "own"
    assert name("low.json", "high.json", "d.csv", "--loss", "absolute") == "absolute"
    run("train", "d.csv", *told, "0.2", "--quantile", "0.8", "-o", "both.json")
    run("train", "d.csv", *told, "0.5", "-o", "median.json")
    run("train", "d.csv", *told[2:-1], "-o", "mean.json")
    assert name("median.json", "mean.json", "d.csv") == "squared"
    for files, words in (
        (["low.json", "high.json"], "the quantile 0.2, and the quantile 0.8"),
        (["both.json", "high.json"], "the quantiles 0.2, 0.8, and the quantile 0.8"),
        (["mean.json", "low.json"], "means, and the quantile 0.2"),
    ):
        fails("compare", *files, "d.csv", code=2, words=[words, "--loss absolute"])


# Exposures ----------------------------------------------------------------------------------------


def exposed(rng, n=40):
    """Counts of unequal times, in d.csv."""
    x, days = rng.normal(size=n).round(4), rng.uniform(0.2, 5, size=n).round(3)
    y = rng.poisson(days * np.exp(0.5 * np.abs(x)))
    lines = ["x,days,y", *(f"{a},{b},{c}" for a, b, c in zip(x, days, y))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    return x, days, y.astype(float)


def test_what_rounding_leaves_of_a_quotient_is_0_to_a_reader():
    assert score_number("d2", -2.22e-16) == score_number("r2", 4e-13) == "0"
    assert score_number("r2", -2e-12) == "-2.000e-12" and score_number("mae", 1e-16) == "1.000e-16"
    assert score_number("d2", None) == "–"
    assert score_text({"r2": {"mean": -1e-16, "se": 0.1}, "d2": 1e-17}) == "R² 0 ± 0.10, D² 0"
    assert score_text({"r2": {"mean": 0.5, "se": None}}) == "R² 0.5000", "of a single fold"


def test_counts_of_unequal_exposure(without_pictures, rng):
    """Predictions are for the exposure of each row, scores those of rates that weigh as much, in
    every command that has counts beside predictions."""
    x, days, y = exposed(rng)
    told = ["--loss", "poisson", "--exposure", "days", "--order", "1", "--cv", "2"]
    text = run("train", "d.csv", *told, "--predictions", "held.csv").stdout
    assert "Exposures" in text and "The stored figures hold." in run("certify", "d.csv").stdout
    model = load("wedgefit.json")
    assert [column.name for column in model.encoding.inputs] == ["x"]
    predicted = np.array(run_predictions("d.csv"))
    assert predicted.sum() == pytest.approx(y.sum(), rel=1e-6)
    record = json.loads(run("evaluate", "d.csv", "--json").stdout)
    rates = predicted / days
    expected = metrics.mean_poisson_deviance(y / days, rates, sample_weight=days)
    assert record["score"]["deviance"] == pytest.approx(expected)
    d2 = metrics.d2_tweedie_score(y / days, rates, sample_weight=days, power=1)
    assert record["score"]["d2"] == pytest.approx(d2) and abs(record["baseline"]["d2"]) < 1e-12
    assert record["residuals"]["y"]["0.5"] == pytest.approx(np.median(y - predicted))
    one = json.loads(run("explain", "d.csv", "--row", "4", "--json").stdout)
    score = one["outputs"][0]["score"]
    assert one["prediction"] == pytest.approx(days[3] * np.exp(score))
    assert one["exposure"] == {"name": "days", "value": days[3]}
    said = run("explain", "d.csv", "--row", "4").stdout
    assert f"predicted for days {days[3]:g}\n" in said
    assert "log of the prediction for one unit of days" in said
    said = run("evaluate", "d.csv").stdout
    (line,) = [line.split() for line in said.splitlines() if line.startswith("D²")]
    assert line[2] == "0" and "the mean of all per unit of days, times its own." in said
    run("report", "d.csv", "--row", "4", "-o", "r.html", "-q")
    mean = number(y.sum() / days.sum() * days[3])
    page = Path("r.html").read_text()
    assert f"the mean of the rows for its days, {mean}," in page
    assert "That is the logarithm of the prediction for one unit of days." in page
    assert 'reads the column "days" too' in run("export", "--format", "sql").stderr
    held = np.array(columns_of("held.csv")["prediction_y"], dtype=float)
    assert np.corrcoef(held, days)[0, 1] > 0.5
    both = ["wedgefit.json", "wedgefit.json", "d.csv", "--json"]
    for told, loss in (
        ([], np.mean(predicted - y * np.log(rates))),
        (["--loss", "squared"], np.mean((y - predicted) ** 2)),
    ):
        compared = json.loads(run("compare", *both, *told).stdout)
        assert compared["models"][0]["loss"] == pytest.approx(loss)
    run("plot", "wedgefit.json", "d.csv", "--kind", "path", "-o", "path.svg")
    # Without the column a prediction is for one unit, as in the exported module.
    Path("new.csv").write_text("\n".join(["x", *map(str, x)]) + "\n")
    done = run("predict", "new.csv", "-o", "n.csv")
    assert "counts are for one unit" in done.stderr
    np.testing.assert_allclose(np.array(columns_of("n.csv")["prediction_y"], float), rates)
    space = {}
    exec(exported(model, "python"), space)
    assert space["predict"]({"x": x[0]}) == pytest.approx(rates[0])
    assert space["predict"]({"x": x[0], "days": days[0]}) == pytest.approx(predicted[0])


def run_predictions(data):
    run("predict", data, "-o", "p.csv")
    return [float(value) for value in columns_of("p.csv")["prediction_y"]]


def test_exposures_that_are_none_are_refused(rng):
    exposed(rng)
    told = ["--exposure", "days", "--alpha-ratio", "0.2"]
    words = ["--exposure is for --loss poisson"]
    fails("train", "d.csv", *told, code=2, words=words)
    # Whatever stands in the column.
    Path("zero.csv").write_text("x,days,y\n" + "".join(f"{k},{k % 2},{k}\n" for k in range(9)))
    fails("train", "zero.csv", "--exposure", "days", code=2, words=words)
    fails("train", "d.csv", "--loss", "poisson", "--exposure", "no", words=["no"])
    fails(
        "train",
        "d.csv",
        "--loss",
        "poisson",
        "--keep",
        "days",
        *told,
        words=["column of exposures"],
    )
    run("train", "d.csv", "--loss", "poisson", *told)
    lines = Path("d.csv").read_text().split("\n")
    for cell, words in (("0", "this exposure is 0"), ("", "this exposure is missing")):
        lines[3] = ",".join([lines[3].split(",")[0], cell, lines[3].split(",")[2]])
        Path("wrong.csv").write_text("\n".join(lines))
        for command in (
            ["train", "wrong.csv", "--loss", "poisson", *told],
            ["evaluate", "wrong.csv"],
        ):
            fails(*command, words=[words, "line 4", "days"])
    Path("without.csv").write_text("x,y\n1,2\n2,3\n")
    fails("evaluate", "without.csv", words=["days"])
