"""Proximal Newton on the working set: the optimum of the logistic loss, on data that make Newton
steps fail, with true certificates."""

import json
from dataclasses import replace

import numpy as np
import oracles
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import only

from wedgefit.cli import main
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve, working_set

CASES = [record for record in oracles.reference_cases() if record["loss"] == "logistic"]
case = pytest.mark.parametrize("record", CASES, ids=lambda record: record["file"][:5])


def problem_of(y, alpha=1.0, intercept=True, weights=None):
    return Problem(y, alpha, intercept, LOSSES["logistic"], weights)


def pricer_of(X, bias=True, norm=1):
    orders = oracles.orders_of(min(2, X.shape[1]) if norm == 1 else "full", norm, X.shape[1])
    return Pricer(Dictionary(X, tuple(orders), norm, bias))


def fitted(X, y, ratio, intercept=True, bias=True, weights=None, tol=1e-9, **options):
    """Problem and solution at this fraction of alpha_max."""
    pricer, problem = pricer_of(X, bias), problem_of(y, intercept=intercept, weights=weights)
    problem = replace(problem, alpha=ratio * largest_alpha(problem, pricer))
    return problem, solve(problem, pricer, tol=tol, **options)


def hinges_of_all(X, bias=True, norm=1):
    """Every hinge of the dictionary, by enumeration: (n, m)."""
    orders = oracles.orders_of(min(2, X.shape[1]), norm, X.shape[1])
    return oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, orders, norm, bias)))


def separable(rng, n=16):
    X = rng.normal(size=(n, 2))
    return X, np.where(X[:, 0] - X[:, 1] > 0.1, 1.0, -1.0)


def imbalanced(rng, n=40):
    X, y = rng.normal(size=(n, 2)), np.full(n, -1.0)
    y[:2] = 1
    return X, y


def noisy(rng, n=25):
    X = rng.normal(size=(n, 2))
    return X, np.where(np.abs(X[:, 0]) + rng.normal(size=n) > 1, 1.0, -1.0)


def duplicated(rng):
    """Every row several times, some with either label, on a grid."""
    X = rng.integers(-2, 3, size=(30, 2)).astype(float)
    return X, np.where(X[:, 0] * X[:, 1] + rng.normal(size=30) > 0, 1.0, -1.0)


# The stored optima --------------------------------------------------------------------------------


@case
def test_solve_reaches_the_stored_optimum(record):
    X, y = oracles.load_case(record)
    pricer = Pricer(Dictionary(X, tuple(oracles.orders_of("full", 1, X.shape[1])), 1, True))
    problem = problem_of(y, record["alpha"])
    seen = []
    found = solve(problem, pricer, tol=1e-6, on_round=lambda *round_: seen.append(round_[2]))
    certificate = found.certificate
    assert found.status == "converged" and certificate.scope == "exact"
    assert certificate.wedges_priced == certificate.wedges_total == pricer.dictionary.size
    assert certificate.objective == pytest.approx(record["objective"], rel=1e-6)
    assert 0 <= certificate.relative_gap <= 1e-6
    assert certificate.network_lower_bound == certificate.lower_bound, (
        "norm 1 with all orders: the bound of all networks"
    )
    for each in seen:
        assert each.lower_bound <= record["objective"] * (1 + 1e-7)
        assert each.objective >= record["objective"] * (1 - 1e-7)


@case
def test_the_command_reaches_the_stored_optimum(record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [
        "--target",
        "label",
        "--drop",
        "y",
        "--no-standardize",
        "--order",
        "full",
        "--alpha",
        str(record["alpha"]),
        "--json",
    ]
    done = CliRunner().invoke(main, ["train", str(oracles.CASES / record["file"]), *options])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["problem"]["loss"] == "logistic" and report["certificate"]["scope"] == "exact"
    assert report["certificate"]["objective"] == pytest.approx(record["objective"], rel=1e-6)
    assert report["certificate"]["relative_gap"] <= 1e-6
    done = CliRunner().invoke(main, ["certify", str(oracles.CASES / record["file"])])
    assert done.exit_code == 0, done.output


# Hard data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", only([True], [True, False]))
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    "make", only([separable, imbalanced], [separable, imbalanced, noisy, duplicated])
)
def test_kkt_by_brute_force(make, intercept, bias, rng):
    """Over every wedge, from large alphas to small ones."""
    X, y = make(rng)
    K = hinges_of_all(X, bias)
    for ratio in (0.5, 0.05, 0.003):
        problem, found = fitted(X, y, ratio, intercept, bias)
        assert found.status == "converged" and found.certificate.relative_gap <= 1e-9
        v = problem.weights * y / (1 + np.exp(y * found.fit.output[:, 0]))
        assert abs(v.sum()) <= 1e-10 * np.abs(v).sum() if intercept else found.fit.intercept == 0
        assert np.abs(v @ K).max() <= problem.alpha * (1 + 1e-4)
        own = v @ found.fit.wedges.hinges(X)
        signs = np.sign(found.fit.coefficients[:, 0])
        np.testing.assert_allclose(own, problem.alpha * signs, rtol=1e-4)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.floats(0.01, 1.2), st.booleans())
def test_random_problems_against_the_conic_solver(seed, bias, intercept, ratio, weighted):
    """Any data, any options: lower bound ≤ optimum ≤ objective, and the two meet."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 9)), int(rng.integers(1, 3))
    X = rng.integers(-2, 3, size=(n, d)).astype(float) if seed % 2 else rng.normal(size=(n, d))
    y = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    y[:2] = 1, -1
    weights = rng.exponential(size=n) + 0.1 if weighted else None
    pricer = pricer_of(X, bias)
    problem = problem_of(y, intercept=intercept, weights=weights)
    top = largest_alpha(problem, pricer)
    if top < 1e-3:
        return
    problem = replace(problem, alpha=ratio * top)
    best, _, _ = oracles.logistic_lasso_optimum(
        hinges_of_all(X, bias), y, problem.alpha, intercept, problem.weights
    )
    found = solve(problem, pricer, tol=1e-6).certificate
    assert found.objective == pytest.approx(best, rel=1e-6, abs=1e-8)
    assert found.lower_bound <= best * (1 + 1e-6) + 1e-8
    assert found.relative_gap <= 1e-6


@pytest.mark.parametrize(
    "make", only([separable, duplicated], [separable, imbalanced, noisy, duplicated])
)
def test_the_certificate_bounds_what_is_left_to_gain(make, rng):
    """In every round, far from the optimum and near it; and a worse network has no better bound."""
    X, y = make(rng)
    seen = []
    problem, found = fitted(X, y, 0.05, on_round=lambda *round_: seen.append(round_[2]))
    best, _, _ = oracles.logistic_lasso_optimum(hinges_of_all(X), y, problem.alpha, True)
    assert found.certificate.objective == pytest.approx(best, rel=1e-6) and len(seen) > 2
    for each in seen:
        assert each.lower_bound <= best * (1 + 1e-6)
        assert each.relative_gap >= (each.objective - best) / each.objective - 1e-6


@pytest.mark.parametrize("make", [separable, noisy])
@pytest.mark.parametrize("ratio", [1e-4, 1e-6])
def test_tiny_alphas(make, ratio, rng):
    """Without a penalty separable labels have no optimum: outputs in the tens, curvature zero, and
    the loop must end all the same."""
    X, y = make(rng)
    problem, found = fitted(X, y, ratio, tol=1e-6)
    assert found.rounds < 60 and found.certificate.relative_gap <= 1e-6
    assert found.status == "converged" and np.all(np.sign(found.fit.output[:, 0]) == y)


def test_alpha_max_is_where_neurons_begin(rng):
    X, y = noisy(rng)
    weights = rng.exponential(size=len(y)) + 0.1
    for ratio, empty in ((1.0001, True), (0.99, False)):
        problem, found = fitted(X, y, ratio, weights=weights)
        assert (len(found.fit.wedges) == 0) == empty and found.certificate.relative_gap <= 1e-8
    _, above = fitted(X, y, 2.0, weights=weights)
    share = weights[y > 0].sum() / weights.sum()
    assert above.fit.intercept == pytest.approx(np.log(share / (1 - share)), rel=1e-12)
    assert above.certificate.objective == pytest.approx(
        -share * np.log(share) - (1 - share) * np.log(1 - share), rel=1e-12
    )


def test_swapping_the_labels_negates_the_network(rng):
    X, y = noisy(rng)
    problem, found = fitted(X, y, 0.05)
    other = solve(replace(problem, y=-y), pricer_of(X), tol=1e-9)
    assert other.certificate.objective == pytest.approx(found.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(other.fit.output, -found.fit.output, atol=1e-4)


def test_a_warm_path_is_a_series_of_cold_starts(rng):
    """The working set of the last alpha is a start, never part of the answer; also upwards, and to
    no neuron at all."""
    X, y = noisy(rng)
    pricer, problem = pricer_of(X), problem_of(y)
    working, top = working_set(pricer.dictionary, problem), largest_alpha(problem, pricer)
    for ratio in (0.7, 0.1, 0.01, 0.001, 0.2, 1.5):
        warm = solve(replace(problem, alpha=ratio * top), pricer, tol=1e-9, working=working)
        _, cold = fitted(X, y, ratio)
        assert warm.status == cold.status == "converged"
        assert warm.certificate.objective == pytest.approx(cold.certificate.objective, rel=1e-8)
    assert len(warm.fit.wedges) == 0


def test_norm_2(rng):
    """The round ball: the optimum over wedges, and a bound on every network that lies a little
    below."""
    X, y = noisy(rng, 12)
    pricer, problem = pricer_of(X, norm=2), problem_of(y)
    problem = replace(problem, alpha=0.1 * largest_alpha(problem, pricer))
    found = solve(problem, pricer, tol=1e-8).certificate
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, [2], 2, True)))
    best, _, _ = oracles.logistic_lasso_optimum(K, y, problem.alpha, True)
    assert found.objective == pytest.approx(best, rel=1e-6)
    assert 0.9 * best <= found.network_lower_bound <= found.lower_bound * (1 + 1e-12)


def test_sampled_fits_are_near(rng, few_draws):
    """What folds are fitted with: partial rounds, and a bound that is not passed off as exact."""
    X, y = noisy(rng, 60)
    problem, exact = fitted(X, y, 0.02)
    found = solve(problem, pricer_of(X), tol=1e-3, exact=False)
    assert found.certificate.scope == "sampled"
    assert found.certificate.objective <= exact.certificate.objective * 1.003
