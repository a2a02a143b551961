"""Several targets that share their neurons: the group penalty in pricing, solver, certificate,
model and command line."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import oracles
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

from wedgefit import WedgeRegressor
from wedgefit.cli import main
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.group_lasso import solve_group_lasso
from wedgefit.engine.pencil import Sweeper, sweep_block
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.engine.support import Gram
from wedgefit.errors import FitError

SETTINGS = [
    (norm, bias, intercept)
    for norm in (1, 2)
    for bias in (True, False)
    for intercept in (True, False)
]


def data(rows=14, columns=2, targets=2, seed=0, kind="plain"):
    rng = np.random.default_rng(seed)
    X = (
        rng.integers(-2, 3, (rows, columns)) * 1.0
        if kind == "grid"
        else rng.normal(size=(rows, columns))
    )
    if kind == "copies":
        X = X[np.arange(rows) // 2]
    shapes = np.column_stack(
        [np.abs(X[:, 0] + X[:, -1]), np.maximum(X[:, 0], 0) - X[:, -1], X[:, 0] * X[:, -1]]
    )
    return X, shapes[:, :targets] + 0.1 * rng.normal(size=(rows, targets))


# The optimum --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "grid", "copies"])
@pytest.mark.parametrize("norm, bias, intercept", SETTINGS)
def test_the_conic_optimum_is_reached_and_proven(kind, norm, bias, intercept):
    X, Y = data(11, kind=kind)
    weights = np.random.default_rng(3).integers(1, 4, len(X)).astype(float)
    orders = (2,) if norm == 2 else (1, 2)
    pricer = Pricer(Dictionary(X, orders, norm, bias))
    problem = Problem(Y, 1.0, intercept, sample_weight=weights)
    problem = Problem(Y, 0.1 * largest_alpha(problem, pricer), intercept, sample_weight=weights)
    found = solve(problem, pricer, tol=1e-9)
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, orders, norm, bias)))
    K = np.unique(np.round(K, 12), axis=1)
    expected = oracles.group_lasso_optimum(K, Y, problem.alpha, intercept, weights / weights.sum())
    assert found.certificate.objective == pytest.approx(expected, rel=1e-7)
    assert found.certificate.relative_gap <= 1e-9 and found.certificate.lower_bound <= expected * (
        1 + 1e-9
    )
    assert found.fit.coefficients.shape == (len(found.fit.wedges), 2)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("norm, bias", [(1, True), (1, False), (2, True)])
def test_pricing_finds_the_best_wedge_of_all(norm, bias, compiled, monkeypatch):
    """Brute force over the dictionary: the largest root of the sum of the targets' squares."""
    monkeypatch.setattr("wedgefit.engine.pencil.COMPILED_PAYS", 0 if compiled else np.inf)
    X, Y = data(12, 3, 3)
    V = Y - Y.mean(axis=0)
    orders = (1, 2, 3)
    pricer = Pricer(Dictionary(X, orders, norm, bias))
    priced = pricer.price(V, 0.0, pricer.dictionary.none(), every_pencil=True)
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, orders, norm, bias)))
    scores = np.linalg.norm(K.T @ V, axis=1)
    assert priced.bound == pytest.approx(scores.max(), rel=1e-10)
    assert priced.scores[0] == pytest.approx(scores.max(), rel=1e-10)
    hinges = priced.wedges.hinges(X)
    np.testing.assert_allclose(np.linalg.norm(hinges.T @ V, axis=1), priced.scores, rtol=1e-10)


def test_compiled_and_reference_sweeps_agree_across_chunks(monkeypatch):
    X, _ = data(1_100)
    V = np.random.default_rng(5).normal(size=(1_100, 3))
    V -= V.mean(axis=0)
    dictionary = Dictionary(X, (2,), 1, True)
    pencils = next(Pricer(dictionary).nominations.every(2)).take(slice(0, 5))
    results = []
    for pays in (0, np.inf):
        monkeypatch.setattr("wedgefit.engine.pencil.COMPILED_PAYS", pays)
        results.append(sweep_block(Sweeper(dictionary, 0), pencils, V, False))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-10)
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_one_target_of_several_is_that_target_alone():
    """Targets that are zero change nothing: K = 1 in the group penalty is the Lasso."""
    X, Y = data(40)
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    alone = solve(Problem(Y[:, 0], 0.02), pricer.sibling(), tol=1e-9)
    padded = solve(Problem(np.column_stack([Y[:, 0], np.zeros(40)]), 0.02), pricer, tol=1e-9)
    assert padded.certificate.objective == pytest.approx(alone.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(padded.fit.output[:, 0], alone.fit.output[:, 0], atol=1e-6)
    assert np.abs(padded.fit.output[:, 1]).max() <= 1e-9


def test_turning_the_targets_turns_the_outputs():
    """‖z_j‖₂ does not know the axes."""
    X, Y = data(40)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    one, two = (
        solve(Problem(targets, 0.02), pricer.sibling(), tol=1e-9) for targets in (Y, Y @ turn)
    )
    assert two.certificate.objective == pytest.approx(one.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(two.fit.output, one.fit.output @ turn, atol=1e-4)


def test_no_column_of_the_whole_matrix_is_violated():
    X, Y = data(120, targets=3)
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    problem = Problem(Y, 0.01 * largest_alpha(Problem(Y, 1.0), pricer))
    found = solve(problem, pricer, tol=1e-9)
    V = (Y - found.fit.output) / 120
    np.testing.assert_allclose(V.sum(axis=0), 0, atol=1e-12)
    z = found.fit.coefficients
    np.testing.assert_allclose(
        found.fit.wedges.hinges(X).T @ V,
        problem.alpha * z / np.linalg.norm(z, axis=1)[:, None],
        atol=1e-5 * problem.alpha,
    )
    assert np.linalg.norm(
        pricer.dictionary.written_out().hinges(X).T @ V, axis=1
    ).max() <= problem.alpha * (1 + 1e-6)


def test_the_solver_on_nearly_equal_columns(rng):
    """Columns beside each other, some equal: the case that neighbouring wedges make."""
    base = rng.normal(size=(50, 8))
    K = np.hstack([base, base + 1e-7 * rng.normal(size=base.shape), base[:, :3]])
    Y = base[:, :2] @ rng.normal(size=(2, 2)) + 0.1 * rng.normal(size=(50, 2))
    gram = Gram(K.T @ K / 50, K.T @ Y / 50)
    z = solve_group_lasso(gram, 0.05, np.zeros((19, 2)))
    gradient, length = gram.correlation - gram.matrix @ z, np.linalg.norm(z, axis=1)
    used = length > 0
    np.testing.assert_allclose(gradient[used], 0.05 * z[used] / length[used, None], atol=1e-9)
    assert np.linalg.norm(gradient, axis=1).max() <= 0.05 * (1 + 1e-9)


# From table to prediction -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, Y = data(60)
    lines = ["a,b,u,v", *(",".join(map(repr, row)) for row in np.hstack([X, Y]).tolist())]
    Path("d.csv").write_text("\n".join(lines) + "\n")
    return X, Y


def run(*args, code=0):
    done = CliRunner().invoke(main, list(map(str, args)))
    assert done.exit_code == code, done.output
    return done


def test_two_targets_on_the_command_line(folder):
    X, Y = folder
    report = json.loads(
        run(
            "train", "d.csv", "--target", "u", "--target", "v", "--alpha-ratio", "0.02", "--json"
        ).stdout
    )
    assert report["data"]["target"] == report["data"]["outputs"] == ["u", "v"]
    assert (
        report["certificate"]["relative_gap"] <= 1e-6 and report["certificate"]["scope"] == "exact"
    )
    assert all(
        set(neuron["coefficient"]) == {"u", "v"} and neuron["output"] is None
        for neuron in report["neurons"]
    )
    assert set(report["intercept"]) == {"u", "v"} and len(report["stages"]) == 1
    rows = list(csv.DictReader(io.StringIO(run("predict", "d.csv").stdout)))
    assert list(rows[0]) == ["prediction_u", "prediction_v"]
    mine = WedgeRegressor(alpha_ratio=0.02).fit(X, Y)
    found = np.array([[float(row["prediction_u"]), float(row["prediction_v"])] for row in rows])
    np.testing.assert_allclose(found, mine.predict(X), rtol=1e-9, atol=1e-12)
    assert json.loads(run("certify", "d.csv", "--json").stdout)["agrees"]
    explanation = json.loads(run("explain", "--json").stdout)
    assert [
        line.split(" = ")[0] for line in (explanation["formula"] or "u = \nv = ").split("\n")
    ] == ["u", "v"]
    assert (
        "u" in run("explain").stdout
        and json.loads(run("evaluate", "d.csv", "--json").stdout)["score"]["r2"] > 0.9
    )


def test_a_changed_coefficient_is_noticed(folder):
    run("train", "d.csv", "--target", "u", "--target", "v", "--alpha-ratio", "0.05", "-q")
    record = json.loads(Path("wedgefit.json").read_text())
    record["neurons"][-1]["coefficient"]["v"] += 1e-3
    Path("wedgefit.json").write_text(json.dumps(record))
    assert "do not hold" in run("certify", "d.csv", code=1).stderr


def test_refitted_targets_are_least_squares(folder):
    X, Y = folder
    mine = WedgeRegressor(alpha_ratio=0.05, refit=True).fit(X, Y)
    normals, offsets = mine.model_.units(1)
    hinges = np.maximum((X - X.mean(axis=0)) / X.std(axis=0) @ normals.T + offsets, 0)
    np.testing.assert_allclose(
        mine.predict(X), LinearRegression().fit(hinges, Y).predict(hinges), atol=1e-8
    )


@pytest.mark.parametrize("columns", [2, 3])
def test_neurons_of_several_targets_are_not_refined(columns, rng):
    """They descended as if they were of the first, or ended in shapes that do not fit."""
    X = rng.standard_normal((20, columns))
    pricer = Pricer(Dictionary(X, (columns,), 2, True), refine=True)
    with pytest.raises(FitError, match="one target, and here are 2"):
        solve(Problem(X[:, :2] ** 2, 0.01), pricer, tol=1e-3)


def test_units_that_drown_a_target_are_noted(folder):
    rows = Path("d.csv").read_text().splitlines()
    scaled = [
        rows[0],
        *(",".join([*row.split(",")[:3], str(1e4 * float(row.split(",")[3]))]) for row in rows[1:]),
    ]
    Path("d.csv").write_text("\n".join(scaled) + "\n")
    assert (
        "u hardly counts"
        in run("train", "d.csv", "--target", "u", "--target", "v", "--alpha-ratio", "0.1").stderr
    )


@pytest.mark.parametrize(
    "options, words",
    [
        (["--target", "u", "--target", "u"], "twice"),
        (["--target", "u", "--target", "v", "--solver", "full"], "one target"),
        (["--target", "u", "--target", "v", "--refine", "--norm", "2"], "one target"),
        (["--target", "u", "--target", "v", "--task", "classification"], "several targets"),
        (["--target", "u", "--target", "w"], '"w"'),
    ],
)
def test_what_cannot_be_is_said(options, words, folder):
    done = CliRunner().invoke(main, ["train", "d.csv", *options, "--alpha-ratio", "0.1"])
    assert done.exit_code in (1, 2) and words in done.stderr and "Traceback" not in done.stderr
    assert not Path("wedgefit.json").exists()
