"""Intervals around predictions of numbers, from the command line to the estimator."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from shell import columns_of, fails, run

from wedgefit import WedgeRegressor
from wedgefit.cli import main
from wedgefit.errors import ModelFileError, UsageError
from wedgefit.model.file import load, loads
from wedgefit.model.intervals import (
    MOST_QUANTILES,
    Bend,
    Spread,
    conformal_quantiles,
    quantiles_around,
)

pytestmark = pytest.mark.usefixtures("few_alphas")

TOLD = ("--intervals", "--order", "1", "--cv", "3")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def numbers(path, *names):
    found = columns_of(path)
    return [np.array(found[name], dtype=float) for name in names]


def noisy(rng, n=90, name="d.csv"):
    """y = |x| with noise that is ten times as large where x is above 0, in a file."""
    x = rng.uniform(-1, 1, n)
    y = np.abs(x) + np.where(x > 0, 1.0, 0.1) * rng.normal(size=n)
    lines = ["x,y", *(f"{a:.6f},{b:.6f}" for a, b in zip(x, y))]
    Path(name).write_text("\n".join(lines) + "\n")
    return x, y


def test_intervals_hold_what_they_should_and_are_narrow_where_the_noise_is(rng):
    noisy(rng)
    x, y = noisy(rng, n=2000, name="new.csv")
    run("train", "d.csv", *TOLD)
    run("predict", "new.csv", "--interval", "0.9", "-o", "p.csv")
    middle, lower, upper = numbers("p.csv", "prediction_y", "lower_y", "upper_y")
    np.testing.assert_allclose((lower + upper) / 2, middle, atol=1e-12)
    within = (lower <= y) & (y <= upper)
    assert 0.82 <= within.mean() <= 0.96
    widths = upper - lower
    assert np.median(widths[x > 0.2]) > 1.7 * np.median(widths[x < -0.2])
    # The noisy side holds its part, too: where all widths are alike the other side makes up for it.
    assert within[x > 0].mean() >= 0.78
    record = json.loads(run("evaluate", "new.csv", "--json").stdout)["intervals"]["y"]
    assert [one["level"] for one in record] == [0.5, 0.8, 0.9, 0.95]
    assert record[2]["coverage"] == pytest.approx(within.mean())
    assert record[2]["width"] == pytest.approx(widths.mean())
    assert "rows within" in run("evaluate", "new.csv").stdout
    told = json.loads(run("predict", "new.csv", "--interval", "0.9", "--json").stdout)
    assert told["interval"] == 0.9 and told["ends"]["lower_y"] == lower.tolist()


def test_certify_trains_again_to_look_at_intervals(rng):
    noisy(rng, n=40)
    run("train", "d.csv", *TOLD)
    text = run("certify", "d.csv").stdout
    assert "intervals" in text and "The stored figures hold." in text
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    data = json.loads(Path("wedgefit.json").read_text())
    data["intervals"][0]["quantiles"][-1] *= 2
    Path("wedgefit.json").write_text(json.dumps(data))
    done = CliRunner().invoke(main, ["certify", "d.csv", "--all"])
    assert done.exit_code == 1 and "intervals" in done.stderr


def test_intervals_do_not_change_the_network(rng):
    noisy(rng, n=40)
    run("train", "d.csv", *TOLD)
    run("train", "d.csv", *TOLD[1:], "-o", "plain.json")
    one, other = load("wedgefit.json"), load("plain.json")
    assert one.neurons == other.neurons and one.intercept == other.intercept
    assert one.certificate == other.certificate and not other.intervals


def test_a_given_alpha_holds_rows_out_all_the_same(rng):
    noisy(rng, n=40)
    run("train", "d.csv", *TOLD, "--alpha-ratio", "0.1")
    assert len(load("wedgefit.json").intervals[0].quantiles) == 40
    assert load("wedgefit.json").score.curve is None


@pytest.mark.parametrize("loss", ["huber", "gamma", "poisson"])
def test_other_losses_of_means(loss, rng):
    x = rng.uniform(-1, 1, 60)
    y = rng.poisson(np.exp(1 + x)) + (loss == "gamma")
    lines = ["x,y", *(f"{a:.6f},{b}" for a, b in zip(x, y))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    run("train", "d.csv", *TOLD, "--loss", loss)
    run("predict", "d.csv", "--interval", "0.8", "-o", "p.csv")
    middle, lower, upper = numbers("p.csv", "prediction_y", "lower_y", "upper_y")
    assert (lower <= middle).all() and (middle <= upper).all()
    assert loss == "huber" or (lower >= 0).all()
    assert 0.65 <= np.mean((lower <= y) & (y <= upper)) <= 0.98


def test_sizes_have_no_shape(rng):
    """Where the network must rise, how far it is off may fall."""
    x = rng.uniform(-1, 1, 60)
    y = x + np.where(x > 0, 0.02, 0.5) * rng.normal(size=60)
    lines = ["x,y", *(f"{a:.6f},{b:.6f}" for a, b in zip(x, y))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    run("train", "d.csv", *TOLD, "--increasing", "x")
    run("predict", "d.csv", "--interval", "0.9", "-o", "p.csv")
    lower, upper = numbers("p.csv", "lower_y", "upper_y")
    assert np.median((upper - lower)[x < -0.2]) > 2 * np.median((upper - lower)[x > 0.2])


def test_several_targets_groups_and_weights(rng):
    """Each target has its own intervals; rows of weight 0 are not there."""
    x, n = rng.uniform(-1, 1, 60), 60
    lines = ["x,a,b,w,g"]
    for k, (value, one, two) in enumerate(zip(x, *rng.normal(size=(2, n)))):
        lines.append(f"{value:.4f},{one:.4f},{100 * two:.4f},{k % 3},{k % 7}")
    Path("d.csv").write_text("\n".join(lines) + "\n")
    told = ["--target", "a", "--target", "b", "--weight", "w", "--group", "g"]
    run("train", "d.csv", *TOLD, *told)
    run("predict", "d.csv", "--interval", "0.9", "-o", "p.csv")
    ends = numbers("p.csv", "lower_a", "upper_a", "lower_b", "upper_b")
    assert np.median(ends[3] - ends[2]) > 20 * np.median(ends[1] - ends[0])
    found = json.loads(run("evaluate", "d.csv", "--json").stdout)["intervals"]
    assert {*found} == {"a", "b"}


def test_the_estimator_has_them(rng):
    x, y = noisy(rng, n=60)
    model = WedgeRegressor(order=1, cv=3, intervals=True).fit(x[:, None], y)
    lower, upper = model.predict_interval(x[:, None], coverage=0.8)
    assert lower.shape == (60,) and (lower < model.predict(x[:, None])).all()
    np.testing.assert_allclose(lower + upper, 2 * model.predict(x[:, None]), atol=1e-12)
    wider = model.predict_interval(x[:, None])
    assert (wider[1] > upper).all()
    with pytest.raises(ValueError, match="intervals"):
        WedgeRegressor(alpha=0.1).fit(x[:, None], y).predict_interval(x[:, None])


@pytest.mark.parametrize(
    "told, words",
    [
        (["--loss", "quantile"], "train two quantiles"),
        (["--task", "classification", "--target", "c"], "predict --proba says"),
        (["--loss", "poisson", "--exposure", "e"], "--intervals is not for counts"),
    ],
)
def test_what_does_not_go_together_is_refused(told, words, rng):
    Path("d.csv").write_text("x,e,c,y\n" + "".join(f"{k},{k + 1},{k % 3},{k % 4}\n" for k in
                                                  range(24)))  # fmt: skip
    fails("train", "d.csv", "--intervals", *told, code=2, words=[words])


def test_what_a_model_cannot_say_is_refused(rng):
    noisy(rng, n=30)
    run("train", "d.csv", "--alpha-ratio", "0.1", "-o", "without.json")
    words = ["does not know how far", "--intervals"]
    fails("predict", "without.json", "d.csv", "--interval", "0.9", code=2, words=words)
    run("train", "d.csv", *TOLD)
    model = load("wedgefit.json")
    for part in (-1, 0, 1, 1.5, np.nan):
        with pytest.raises(UsageError, match="between 0 and 1"):
            model.interval(np.zeros((1, 2)), np.zeros((1, 1)), part)
    words = ["needs more rows than were held out", "0.967 or less"]
    fails("predict", "d.csv", "--interval", "0.99", code=2, words=words)
    fails("predict", "d.csv", "--interval", "1.5", code=2, words=["--interval"])
    noisy(rng, n=9)
    fails("train", "d.csv", *TOLD, words=["9 rows were held out, too few"])


def test_files_with_intervals_that_mean_nothing_are_refused(rng):
    noisy(rng, n=30)
    run("train", "d.csv", *TOLD)
    data = json.loads(Path("wedgefit.json").read_text())
    whole = data["intervals"][0]
    for change in (
        {"output": "z"},
        {"quantiles": whole["quantiles"][::-1]},
        {"quantiles": []},
        {"low": whole["high"] + 1},
        {"bends": [{"feature": "z", "weight": 1.0, "bias": 0.0, "coefficient": 1.0}]},
    ):
        with pytest.raises(ModelFileError):
            loads(json.dumps(data | {"intervals": [whole | change]}))


def test_a_perfect_fit_and_a_constant_size(rng):
    """Residuals of zero, and columns that say nothing of them, are no faults."""
    lines = ["x,y", *(f"{k},{2 * k}" for k in range(30))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    run("train", "d.csv", *TOLD)
    run("predict", "d.csv", "--interval", "0.9", "-o", "p.csv")
    lower, upper = numbers("p.csv", "lower_y", "upper_y")
    assert np.isfinite(lower).all() and (lower <= upper).all()


def test_quantiles_are_conformal(rng):
    """The smallest score that, with one more row of their kind, is exceeded seldom enough."""
    scores = rng.exponential(size=39)
    spread = Spread("y", 0.0, (), 0.0, 0.0, conformal_quantiles(scores, None))
    assert spread.quantiles == tuple(np.sort(scores))
    assert spread.factor(0.9) == np.sort(scores)[35]  # The 36th: ⌈0.9 · 40⌉.
    with pytest.raises(UsageError):
        spread.factor(0.98)
    many = rng.exponential(size=5000)
    spread = Spread("y", 0.0, (), 0.0, 0.0, conformal_quantiles(many, None))
    assert len(spread.quantiles) == MOST_QUANTILES
    assert spread.factor(0.9) == pytest.approx(np.quantile(many, 0.9), rel=5e-3)
    # A weight of two is a row that stands there twice, but for the one more.
    weights = rng.integers(1, 3, 300).astype(float)
    some = rng.exponential(size=300)
    weighted = Spread("y", 0.0, (), 0.0, 0.0, conformal_quantiles(some, weights))
    repeated = Spread("y", 0, (), 0, 0, conformal_quantiles(np.repeat(some, weights.astype(int)),
                                                            None))  # fmt: skip
    assert weighted.factor(0.8) == pytest.approx(repeated.factor(0.8), rel=2e-2)


def test_sizes_stay_within_those_of_training():
    spread = Spread("y", 0.0, (Bend("x", 1.0, 0.0, 2.0),), -1.0, 3.0, (1.0,))
    X = np.array([[-5.0], [1.0], [50.0]])
    np.testing.assert_allclose(np.log(spread.sizes(X, ("x",))), [0.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "told, words",
    [
        (["--loss", "quantile"], "Train it with --quantile 0.05 --quantile 0.95"),
        (["--target", "kind"], "Intervals are for numbers; of classes take --proba"),
        (["--loss", "poisson", "--exposure", "days"], "With --exposure there are none"),
    ],
)
def test_nobody_is_told_to_train_with_intervals_that_train_would_refuse(told, words):
    rows = [f"{k},{k % 3 + 1},{'abc'[k % 3]},{k // 4}" for k in range(24)]
    Path("d.csv").write_text("\n".join(["x,days,kind,y", *rows]) + "\n")
    run("train", "d.csv", "--order", "1", "--alpha-ratio", "0.3", *told)
    message = fails("predict", "d.csv", "--interval", "0.9", code=2, words=[words])
    assert "--intervals" not in message


def test_an_alpha_that_was_given_is_not_called_the_best_of_those_tried():
    rows = [f"{k},{(k * 7 % 11) + abs(k - 12)}" for k in range(30)]
    Path("d.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    told = ["--alpha-ratio", "0.1", "--cv", "3"]
    for more in (["--layers", "auto"], ["--intervals"]):
        assert "last that was tried" not in run("train", "d.csv", *told, *more).stderr


def test_an_export_says_that_it_has_no_intervals(rng):
    noisy(rng)
    run("train", "d.csv", *TOLD, "--alpha-ratio", "0.1")
    assert "without intervals" in run("export", "--format", "python").stderr


def test_two_quantiles_are_an_interval_too(rng):
    """With the part of the rows between them, and no other."""
    noisy(rng)
    levels = [word for level in ("0.05", "0.1", "0.9", "0.95") for word in ("--quantile", level)]
    run("train", "d.csv", "--order", "1", "--alpha-ratio", "0.1", "--loss", "quantile", *levels)
    for part, low, high in (("0.9", "0.05", "0.95"), ("0.8", "0.1", "0.9")):
        header, *rows = run("predict", "d.csv", "--interval", part).stdout.splitlines()
        names = header.split(",")
        assert names[-2:] == ["lower_y", "upper_y"]
        for cells in (dict(zip(names, row.split(","))) for row in rows):
            assert cells["lower_y"] == cells[f"prediction_q{low}"]
            assert cells["upper_y"] == cells[f"prediction_q{high}"]
    words = ["(0.05 and 0.1 and 0.9 and 0.95) have a part 0.5", "--quantile 0.25 --quantile 0.75"]
    fails("predict", "d.csv", "--interval", "0.5", code=2, words=words)


def test_the_estimator_takes_two_quantiles_for_an_interval(rng):
    X = rng.uniform(size=(40, 1))
    y = X[:, 0] + rng.exponential(size=40)
    model = WedgeRegressor(loss="quantile", quantile=(0.1, 0.9), order=1, alpha_ratio=0.1).fit(X, y)
    low, high = model.predict_interval(X, coverage=0.8)
    np.testing.assert_array_equal(np.column_stack([low, high]), model.predict_quantiles(X))
    with pytest.raises(ValueError, match="no two of the model's quantiles"):
        model.predict_interval(X, coverage=0.9)


def test_of_pairs_with_the_same_part_between_them_the_one_in_the_middle_counts():
    assert quantiles_around([0.05, 0.1, 0.6, 0.9, 0.95], 0.5) == (1, 2)
    assert quantiles_around([0.1, 0.2, 0.3, 0.7, 0.8], 0.5) == (1, 3)
    assert quantiles_around([0.1, 0.9], 0.8) == (0, 1)
    with pytest.raises(UsageError, match="0.25 --quantile 0.75"):
        quantiles_around([0.5], 0.5)


def test_intervals_and_their_sizes_are_learnt_on_ten_folds(rng):
    x, y = noisy(rng)
    told, alike = (
        WedgeRegressor(order=1, intervals=True, cv=cv).fit(x[:, None], y).model_.intervals
        for cv in ("auto", 10)
    )
    assert told == alike and told[0].bends
