"""Outputs of classes on a line or in steps that fit rows held out, from the command line to
exports."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from quick import only
from shell import fails, run
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from wedgefit import WedgeClassifier
from wedgefit.cli import main
from wedgefit.engine.losses import LOSSES, class_probabilities
from wedgefit.engine.problem import Problem
from wedgefit.errors import ModelFileError
from wedgefit.exports.formats import exported
from wedgefit.learning.calibrating import line_through, steps_through
from wedgefit.model.file import load, loads

TOLD = ("--calibrate", "--order", "1", "--cv", "4")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(classes=2, n=160):
    """Classes by how far x + z is up, in d.csv."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)).round(4)
    place = X.sum(axis=1) + rng.logistic(size=n) * 0.5
    labels = np.digitize(place, np.quantile(place, np.arange(1, classes) / classes))
    lines = ["x,z,kind", *(f"{a},{b},c{k}" for (a, b), k in zip(X, labels))]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    return X, labels


def predictions(*told):
    """Probabilities (n, classes), and the rows of the file."""
    run("predict", *told, "d.csv", "--proba", "-o", "p.csv")
    with open("p.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name.startswith("probability_")]
    return np.array([[float(row[name]) for name in names] for row in rows])


def better_chances(model, labels):
    """The probabilities (n, classes) of the calibrated model, whose log loss is smaller than that
    of plain.json, and the one that is told."""
    chances, before = predictions("wedgefit.json"), predictions("plain.json")
    loss = lambda p: -np.log(p[np.arange(len(labels)), labels]).mean()
    assert loss(chances) < loss(before) - 0.005
    record = json.loads(run("evaluate", "d.csv", "--json").stdout)
    assert record["score"]["log_loss"] == pytest.approx(loss(chances))
    assert model.score.train["log_loss"] == pytest.approx(loss(chances))
    return chances


@pytest.mark.parametrize("classes", only([3], [2, 3]))
def test_outputs_lie_on_the_line(classes):
    """The same wedges and certificate; what predict prints is of the line, and so is the loss."""
    _, labels = table(classes)
    told = ["--alpha-ratio", "0.4"]
    run("train", "d.csv", *TOLD[1:3], *told, "-o", "plain.json")
    run("train", "d.csv", *TOLD, *told)
    plain, model = load("plain.json"), load("wedgefit.json")
    line = model.problem.calibration
    assert model.certificate == plain.certificate and plain.problem.calibration is None
    np.testing.assert_allclose(model.coefficients, line.slope * plain.coefficients, rtol=1e-12)
    # A large alpha keeps outputs small: they are put farther apart.
    assert line.slope > 1.1 and len(line.shifts) == len(model.outputs)
    better_chances(model, labels)
    space = {}
    exec(exported(model, "python"), space)
    found = [*space["probabilities"]({"x": 0.3, "z": -0.2}).values()]
    run("explain", "wedgefit.json")
    assert sum(found) == pytest.approx(1)
    assert "The stored figures hold." in run("certify", "wedgefit.json", "d.csv", "--all").stdout
    assert "Calibrated" in run("train", "d.csv", *TOLD, *told).stdout


def test_scores_of_folds_are_of_lines_through_the_other_folds():
    """The curve, what is written of rows held out, and the choice of alpha, which is the best of
    that very curve."""
    _, labels = table()
    run("train", "d.csv", *TOLD, "--predictions", "held.csv")
    model = load("wedgefit.json")
    with open("held.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    chances = np.array([float(row["probability_c1"]) for row in rows])
    truth = np.array([row["kind"] == "c1" for row in rows])
    own = -np.log(np.where(truth, chances, 1 - chances)).mean()
    # Folds are of equal size, so that their mean is that of all rows.
    assert model.score.cv["log_loss"].mean == pytest.approx(own, rel=1e-9)
    assert "The stored figures hold." in run("certify", "d.csv").stdout
    run("train", "d.csv", *TOLD[1:], "-o", "plain.json")
    plain = load("plain.json")
    assert plain.score.cv["log_loss"] != model.score.cv["log_loss"]
    # What a large penalty takes from outputs, a line gives back.
    for each in (plain, model):
        best = min(each.score.curve, key=lambda point: point.scores["log_loss"].mean)
        assert each.problem.alpha == best.alpha
    assert plain.problem.alpha < model.problem.alpha


def test_no_line_is_of_later_rows():
    """What is held out first stands as it was, and later classes change none of what is earlier."""
    X, labels = table(n=120)

    def chances(*told, flipped=0):
        kinds = np.where(np.arange(120) >= 120 - flipped, 1 - labels, labels)
        rows = [f"{a},{b},{t},c{k}" for t, ((a, b), k) in enumerate(zip(X, kinds))]
        Path("d.csv").write_text("\n".join(["x,z,day,kind", *rows]) + "\n")
        told = ("--order", "1", "--alpha", "0.02", "--cv", "3", "--time", "day", *told)
        run("train", "d.csv", *told, "--predictions", "held.csv")
        with open("held.csv", newline="") as file:
            found = [row["probability_c1"] for row in csv.DictReader(file)]
        return np.array([float(chance) for chance in found if chance])

    plain, moved = chances(), chances("--calibrate")
    assert len(moved) == 90 and (moved[:30] == plain[:30]).all()
    assert (moved[30:] != plain[30:]).all()
    later = chances("--calibrate", flipped=30)
    assert (later[:60] == moved[:60]).all()


def test_rows_that_are_held_out_twice_have_no_say_in_their_own_line():
    X, labels = table(n=80)
    split = np.arange(40), np.arange(40, 80)
    told = {"order": 1, "cv": [split, split], "alpha_ratio": None}
    plain, moved = (
        WedgeClassifier(calibrate=calibrate, **told).fit(X, labels).model_.score.cv
        for calibrate in (False, True)
    )
    assert moved == plain


def test_a_changed_coefficient_or_line_is_found():
    table(n=60)
    run("train", "d.csv", *TOLD, "--alpha-ratio", "0.4")
    text = Path("wedgefit.json").read_text()

    def coefficient(data):
        data["neurons"][0]["coefficient"] *= 1.001

    def line(data):
        data["problem"]["calibration"]["slope"] *= 1.001

    def none(data):
        data["problem"]["calibration"] = None

    for lie in (coefficient, line, none):
        data = json.loads(text)
        lie(data)
        Path("wedgefit.json").write_text(json.dumps(data))
        assert CliRunner().invoke(main, ["certify", "d.csv"]).exit_code == 1
    for change in ({"slope": 0.0, "shifts": [0.0]}, {"slope": 1.0, "shifts": [0.0, 1.0]}):
        data = json.loads(text)
        data["problem"]["calibration"] = change
        with pytest.raises(ModelFileError):
            loads(json.dumps(data))


def test_the_line_is_that_of_scikit_learn():
    """But for one more row that speaks for the outputs as they were."""
    rng = np.random.default_rng(0)
    output = rng.normal(size=(4000, 1))
    y = np.where(rng.random(4000) < 1 / (1 + np.exp(-2.5 * output[:, 0] - 0.7)), 1.0, -1.0)
    line = line_through(Problem(y, 1.0, loss=LOSSES["logistic"]), output)
    platt = LogisticRegression(C=1e8, tol=1e-10).fit(output, y)
    assert line.slope == pytest.approx(platt.coef_[0, 0], rel=1e-2)
    assert line.shifts[0] == pytest.approx(platt.intercept_[0], abs=1e-2)
    # Outputs that are no use are never turned round.
    assert line_through(Problem(-y, 1.0, loss=LOSSES["logistic"]), output).slope > 0


def test_of_several_classes_all_outputs_share_the_slope():
    rng = np.random.default_rng(0)
    output = rng.normal(size=(3000, 3))
    chances = class_probabilities("softmax", 2 * output + [0.5, 0.0, -0.5])
    labels = np.array([rng.choice(3, p=p) for p in chances])
    y = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    line = line_through(Problem(y, 1.0, loss=LOSSES["softmax"]), output)
    assert line.slope == pytest.approx(2, rel=0.1)
    assert line.shifts[0] - line.shifts[2] == pytest.approx(1, abs=0.15)


def numbers(rows):
    """Steps through made outputs, and these, (n, 1): the part that is true rises with a bend."""
    rng = np.random.default_rng(1)
    output = rng.normal(size=(rows, 1))
    y = np.where(rng.random(rows) < np.where(output[:, 0] < 0, 0.2, 0.9), 1.0, -1.0)
    return steps_through(Problem(y, 1.0, loss=LOSSES["logistic"]), output), output, y


def test_the_steps_are_those_of_scikit_learn():
    """But for one row more of each class, and lines that are straight in log-odds."""
    found, output, y = numbers(2000)
    given = 1 / (1 + np.exp(-found.of(output)))
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(output[:, 0], y > 0)
    np.testing.assert_allclose(given[:, 0], isotonic.predict(output[:, 0]), atol=4e-3)
    yes = np.count_nonzero(y > 0)
    ends = 1 / (1 + np.exp(-found.of(np.array([[-9.0], [9.0]]))))
    assert 1 / (2002 - yes) - 1e-12 <= ends[0, 0] and ends[1, 0] <= (yes + 1) / (yes + 2) + 1e-12


def test_steps_keep_their_values_at_and_between_the_knots():
    """To the last digits, however steep they are, and whatever lies beyond."""
    found, output, _ = numbers(2000)
    (steps,) = found.outputs
    places = np.concatenate([steps.at, output[:, 0], [-1e9, 1e9, np.nextafter(steps.at[3], 9)]])
    expected = np.interp(places, steps.at, steps.to)
    np.testing.assert_allclose(found.of(places[:, None])[:, 0], expected, rtol=1e-9, atol=1e-9)
    assert len(steps.rising) > 5 and min(np.diff(steps.at)) > 1e-7
    # One level alone, of outputs that tell nothing.
    flat = steps_through(Problem(-np.sign(output), 1.0, loss=LOSSES["logistic"]), output)
    assert np.ptp(flat.of(output)) == 0


@pytest.mark.parametrize("classes", only([2], [2, 3]))
def test_outputs_pass_steps(classes):
    """Coefficients and certificate stay; what predict prints, and every score, is of the steps."""
    X, labels = table(classes)
    told = ["--order", "1", "--alpha-ratio", "0.4"]
    run("train", "d.csv", *told, "-o", "plain.json")
    told += ["--cv", "4"]
    # A file after the option is no way to calibrate.
    run("train", "--calibrate", "d.csv", *told, "-o", "line.json")
    assert "steps learnt" in run("train", "--calibrate", "isotonic", "d.csv", *told).stdout
    plain, model = load("plain.json"), load("wedgefit.json")
    assert load("line.json").problem.calibration.slope > 1
    assert model.certificate == plain.certificate
    np.testing.assert_array_equal(model.coefficients, plain.coefficients)
    chances = better_chances(model, labels)
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    assert "in steps" in run("explain", "wedgefit.json").stdout
    row = run("explain", "wedgefit.json", "d.csv", "--row", "1").stdout
    assert "in steps" in row and f"{100 * chances[0, 0]:.1f}%" in row
    # Parts add up to the score before the steps.
    run("predict", "d.csv", "--contributions", "-o", "parts.csv")
    with open("parts.csv", newline="") as file:
        line = next(csv.DictReader(file))
    own = [float(v) for name, v in line.items() if name.split("_", 1)[-1].startswith("c1")]
    assert own[0] == pytest.approx(sum(own[1:]))
    estimator = WedgeClassifier(
        order=1, calibrate="isotonic", cv=4, alpha_ratio=0.4, random_state=0
    ).fit(X, [f"c{k}" for k in labels])
    np.testing.assert_allclose(estimator.predict_proba(X), chances, atol=1e-9)
    right = np.array(estimator.classes_)[chances.argmax(axis=1)]
    assert (estimator.predict(X) == right).all()


def test_a_changed_step_is_found():
    table(n=60)
    run("train", "d.csv", *TOLD[1:], "--calibrate=isotonic", "--alpha-ratio", "0.4")
    text = Path("wedgefit.json").read_text()
    steps = json.loads(text)["problem"]["calibration"]["outputs"][0]
    lower = {"at": steps["at"], "to": [value - 0.5 for value in steps["to"]]}
    for change in ({"outputs": [lower]}, {"slope": 1.0, "shifts": [0.0]}, None):
        data = json.loads(text)
        data["problem"]["calibration"] = change
        Path("wedgefit.json").write_text(json.dumps(data))
        assert CliRunner().invoke(main, ["certify", "d.csv"]).exit_code == 1
    for change in ({"at": steps["at"][::-1]}, {"to": steps["to"][::-1]}, {"to": steps["to"][1:]}):
        data = json.loads(text)
        data["problem"]["calibration"]["outputs"][0].update(change)
        with pytest.raises(ModelFileError):
            loads(json.dumps(data))
    data = json.loads(text)
    data["problem"]["calibration"]["outputs"] *= 2
    with pytest.raises(ModelFileError):
        loads(json.dumps(data))


def test_the_estimator_has_it():
    X, labels = table(n=80)
    model = WedgeClassifier(order=1, calibrate=True, cv=3, alpha_ratio=0.4).fit(X, labels)
    assert model.model_.problem.calibration.slope > 1
    np.testing.assert_allclose(model.coef_, model.model_.coefficients[:, 0])


@pytest.mark.parametrize(
    "told, words",
    [
        (["--target", "x"], "--calibrate is for two classes"),
        (["--loss", "squared"], "probabilities, which the squared loss has none of"),
        (["--layers", "3"], "--calibrate is for one hidden layer"),
        (["--no-intercept"], "--calibrate is for one hidden layer"),
    ],
)
def test_what_does_not_go_together_is_refused(told, words):
    table(n=40)
    fails("train", "d.csv", *TOLD[:1], *told, code=2, words=[words])


def test_networks_of_their_own_are_not_calibrated():
    table(3, n=40)
    told = ["--loss", "logistic", "--calibrate"]
    fails("train", "d.csv", *told, code=2, words=["several that share their neurons"])


def test_a_class_too_rare_for_folds_is_not_told_to_give_an_alpha_that_it_has():
    rows = [f"{k},{'no' if k % 20 else 'yes'}" for k in range(40)]
    Path("d.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    told = ["--calibrate", "--cv", "5"]
    fails("train", "d.csv", *told, words=["give --alpha or --alpha-ratio"])
    told += ["--alpha-ratio", "0.2"]
    error = fails("train", "d.csv", *told, words=["2 rows of the smallest class", "--calibrate"])
    assert "choose alpha" not in error and "--alpha" not in error
