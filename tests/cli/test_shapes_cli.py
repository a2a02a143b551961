"""Networks with a shape through the command line: reference optima, what is refused, and what a
changed file can claim."""

import csv
import json
from pathlib import Path

import numpy as np
import oracles
import pytest
from quick import every
from shell import fails, run

from wedgefit.model.file import load


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def named(record):
    return "-".join(map(str, (record["file"], record["target"], record["alpha"])))


@pytest.mark.parametrize("record", every(4, oracles.shaped_cases()), ids=named)
def test_the_command_reaches_the_stored_optimum(record):
    data = oracles.CASES / "losses" / record["file"]
    report = json.loads(run("train", str(data), *oracles.told_of(record), "--json").stdout)
    certificate, best = report["certificate"], record["objective"]
    assert certificate["scope"] == "exact" and certificate["relative_gap"] <= 1e-6
    assert certificate["objective"] == pytest.approx(best, rel=1e-5)
    assert certificate["lower_bound"] <= best + 1e-8 * abs(best)
    assert report["problem"]["shapes"] == {record["increasing"]: ["increasing"]}
    assert "The stored figures hold." in run("certify", str(data)).stdout


def table(rng, n=70, gaps=False):
    """Ages, debts and an x, whose target goes up, down and in a valley, in d.csv."""
    age, debt, x = rng.uniform(18, 80, n), rng.exponential(5, n), rng.normal(size=n)
    y = np.tanh((age - 45) / 8) + 0.5 * np.sin(age / 4) - 0.1 * debt + np.abs(x)
    y = y + 0.3 * rng.normal(size=n)
    cells = [f"{a:.1f}" for a in age]
    cells = ["" if gaps and i % 9 == 4 else cell for i, cell in enumerate(cells)]
    lines = ["age,debt,x,town,y,paid"]
    for i, cell in enumerate(cells):
        label = "yes" if y[i] > np.median(y) else "no"
        lines.append(f"{cell},{debt[i]:.2f},{x[i]:.3f},{'ab'[i % 2]},{y[i]:.3f},{label}")
    Path("d.csv").write_text("\n".join(lines) + "\n")


ALL = ("--increasing", "age", "--decreasing", "debt", "--convex", "x")
NUMBER = ("--target", "y", "--drop", "paid", "--alpha-ratio", "0.05")


def predictions(rows, column):
    """What the model says of rows (age, debt, x), as numbers."""
    lines = ["age,debt,x,town", *(f"{a!r},{b!r},{c!r},a" for a, b, c in rows.tolist())]
    Path("new.csv").write_text("\n".join(lines) + "\n")
    more = () if column == "prediction_y" else ("--proba",)
    run("predict", "new.csv", "-o", "p.csv", "-q", *more)
    with open("p.csv", newline="") as file:
        return np.array([float(row[column]) for row in csv.DictReader(file)])


@pytest.mark.parametrize(
    ("target", "column"),
    [
        (NUMBER, "prediction_y"),
        pytest.param(
            ("--target", "paid", "--drop", "y"), "probability_yes", marks=pytest.mark.slow
        ),
    ],
)
def test_no_pair_of_rows_is_out_of_order(target, column, rng):
    """10,000 pairs that differ in age alone, of which the older has more; so with debt, the other
    way round."""
    table(rng)
    run("train", "d.csv", *target, *ALL[:4])
    low = np.column_stack([rng.uniform(0, 100, 5_000), rng.exponential(8, 5_000),
                           2 * rng.normal(size=5_000)])  # fmt: skip
    older, deeper = low.copy(), low.copy()
    older[:, 0] += rng.exponential(10, 5_000)
    deeper[:, 1] += rng.exponential(10, 5_000)
    said = predictions(np.vstack([low, older, deeper]), column).reshape(3, -1)
    assert (said[1] - said[0]).min() >= -1e-12 and np.ptp(said[1] - said[0]) > 0.01
    assert (said[2] - said[0]).max() <= 1e-12
    assert "The stored figures hold." in run("certify", "d.csv").stdout


def test_reports_say_what_is_proven(rng, without_pictures):
    table(rng, gaps=True)
    found = run("train", "d.csv", *NUMBER, *ALL)
    assert "increasing in age, decreasing in debt, convex in x" in found.stdout
    last = found.stdout.strip().split("\n")[-1]
    assert "that are increasing in age, decreasing in debt, convex in x: at most" in last
    assert "rows where it is missing have a level of their own" in found.stderr
    told = run("explain", "--show", "effects").stdout
    assert "increasing by construction" in told and "convex by construction" in told
    record = json.loads(run("explain", "--json").stdout)
    shapes = {effect["columns"][0]: effect.get("shapes") for effect in record["effects"]}
    assert shapes["age"] == ["increasing"] and shapes["x"] == ["convex"]
    run("report", "d.csv", "-o", "r.html")
    page = Path("r.html").read_text()
    assert "of those that are increasing in age, decreasing in debt, convex in x" in page
    assert json.loads(run("certify", "d.csv", "--without", "age", "--json").stdout)


def test_a_shape_that_holds_anyway_leaves_the_objective(rng):
    rows = [f"{x},{x + 0.01 * x * x}" for x in range(1, 30)]
    Path("d.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    found = []
    for told in ((), ("--increasing", "x"), ("--increasing", "x", "--convex", "x")):
        run("train", "d.csv", "--alpha-ratio", "0.01", *told)
        found.append(load("wedgefit.json").certificate.objective)
    assert found[1:] == pytest.approx(found[:1] * 2, rel=1e-9)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("--increasing", "age", "--decreasing", "age"), "which leaves a constant"),
        (("--convex", "age", "--concave", "age"), "which leaves a line"),
        (("--increasing", "town"), "a column of text has no order"),
        (("--increasing", "ages"), "age"),
        (("--increasing", "y"), "is for columns that the network reads"),
        (("--increasing", "paid"), "is both in --drop and in --increasing"),
        (("--increasing", "age", "--layers", "3"), "--layers is not for networks with a shape"),
        (("--increasing", "age", "--refit"), "--refit is not for networks with a shape"),
        (("--increasing", "age", "--no-intercept"), "--no-intercept is not for"),
        (("--increasing", "age", "--no-bias"), "--no-bias is not for"),
        (("--increasing", "age", "--solver", "full"), "--solver full is not for"),
        (("--increasing", "age", "--norm", "2", "--refine"), "--refine is not for"),
        (("--increasing", "age", "--order", "3"), "read one column or two"),
        (("--increasing", "age", "--order", "2", "--norm", "2"), "are for --norm 1"),
        (("--increasing", "age", "--target", "x"), "is for one target"),
    ],
)
def test_what_has_no_shape_is_refused(told, words, rng):
    table(rng)
    code = 1 if told[1] in ("town", "ages", "y") else 2
    fails("train", "d.csv", *NUMBER, *told, code=code, words=(words,))


def test_a_target_that_goes_the_other_way_is_told(rng):
    Path("d.csv").write_text("\n".join(["x,y", *(f"{x},{-x}" for x in range(20))]) + "\n")
    words = ("does better on these rows than a constant",)
    fails("train", "d.csv", "--increasing", "x", "--alpha", "0.1", words=words)


def tampered(change):
    model = json.loads(Path("wedgefit.json").read_text())
    change(model)
    Path("wedgefit.json").write_text(json.dumps(model))
    return run("certify", "d.csv", code=1)


def coefficient_of(model, column):
    return next(neuron for neuron in model["neurons"] if neuron["columns"] == [column])


def test_changed_files_are_refused(rng):
    table(rng)
    run("train", "d.csv", *NUMBER[:4], "--alpha-ratio", "0.005", *ALL)
    honest = Path("wedgefit.json").read_text()

    def bent(model):
        neuron = coefficient_of(model, "age")
        neuron["coefficient"] = -neuron["coefficient"]

    def unclaimed(model):
        model["problem"]["shapes"].pop("age")

    def unclaimed_and_untold(model):
        model["problem"]["shapes"].pop("age")
        model["options"]["increasing"] = []

    def turned(model):
        model["problem"]["shapes"]["age"] = ["decreasing"]
        model["options"] |= {"increasing": [], "decreasing": ["age", "debt"]}

    def more(model):
        model["problem"]["shapes"]["x"] = ["increasing", "convex"]
        model["options"]["increasing"] = ["age", "x"]

    def contradicting(model):
        model["problem"]["shapes"]["age"] = ["increasing", "decreasing"]

    def of_text(model):
        model["problem"]["shapes"]["town"] = ["increasing"]

    for change, words in (
        (bent, "problem.shapes.age"), (unclaimed, "problem.shapes.age"),
        (unclaimed_and_untold, "lower_bound"), (turned, "problem.shapes.age"),
        (more, "problem.shapes.x"), (contradicting, "not both"), (of_text, "columns of numbers"),
    ):  # fmt: skip
        Path("wedgefit.json").write_text(honest)
        found = tampered(change)
        assert words in found.stdout + found.stderr, (change.__name__, found.stdout, found.stderr)


def test_norms_and_standardising_make_no_difference_in_kind(rng):
    table(rng)
    for told in (
        ("--norm", "2"),
        ("--no-standardize",),
        ("--loss", "huber"),
        ("--loss", "quantile"),
    ):
        run("train", "d.csv", *NUMBER, *ALL, *told)
        certificate = load("wedgefit.json").certificate
        assert certificate.scope == "exact" and certificate.relative_gap <= 1e-6
        assert certificate.network_relative_gap <= 1e-6
        assert "The stored figures hold." in run("certify", "d.csv").stdout


def test_a_column_that_folds_lack_and_one_that_is_constant(rng):
    """Folds see other columns than all rows do: shapes go with names."""
    lines = [f"{int(i == 3)},7,{i},{i + rng.normal():.3f}" for i in range(30)]
    Path("d.csv").write_text("\n".join(["rare,still,x,y", *lines]) + "\n")
    told = ("--increasing", "rare", "--increasing", "still", "--increasing", "x")
    report = json.loads(run("train", "d.csv", *told, "--json").stdout)
    assert list(report["problem"]["shapes"]) == ["rare", "still", "x"]
    assert "The stored figures hold." in run("certify", "d.csv").stdout


def test_neurons_of_two_columns(rng):
    """Sums of ridges that rise with age and fall with debt, whatever x is: proven, checked, and in
    order for all pairs of rows."""
    table(rng, n=40)
    told = ("--target", "y", "--drop", "paid", "--drop", "town", "--alpha-ratio", "0.02")
    found = run("train", "d.csv", *told, *ALL, "--order", "2")
    assert "made of ridges that are increasing in age, decreasing in debt, convex in x" in (
        found.stdout
    )
    model = load("wedgefit.json")
    assert any(neuron.order == 2 for neuron in model.neurons)
    assert model.certificate.scope == "exact" and model.certificate.relative_gap <= 1e-6
    assert "The stored figures hold." in run("certify", "d.csv", "--without", "x").stdout
    low = np.column_stack([rng.uniform(0, 100, 2_000), rng.exponential(8, 2_000),
                           2 * rng.normal(size=2_000)])  # fmt: skip
    high = low + np.column_stack([rng.exponential(10, 2_000), -low[:, 1] * rng.random(2_000),
                                  np.zeros(2_000)])  # fmt: skip
    said = predictions(np.vstack([low, high]), "prediction_y").reshape(2, -1)
    assert (said[1] - said[0]).min() >= -1e-12
    Path("alone.py").write_bytes(b"")


def test_a_pair_bent_both_ways_is_left_to_lines(rng):
    table(rng, n=30)
    told = ("--target", "y", "--keep", "debt", "--keep", "x", "--alpha-ratio", "0.02")
    run("train", "d.csv", *told, "--convex", "x", "--concave", "debt", "--order", "2")
    assert all(neuron.order == 1 for neuron in load("wedgefit.json").neurons)
    assert "The stored figures hold." in run("certify", "d.csv").stdout
