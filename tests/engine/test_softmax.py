"""The softmax loss: its certified optimum is that of an independent solver, no bound lies above it,
and its parts are what their definitions say, also far out."""

import sys
from dataclasses import replace

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wedgefit.engine.coupled_lasso import curvature_of, differing
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import LOSSES, class_probabilities
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve, working_set

LOSS = LOSSES["softmax"]
softmax_module = sys.modules[type(LOSS).__module__]
CASES = oracles.further_cases("softmax")


def signs(labels):
    return np.where(labels[:, None] == np.arange(labels.max() + 1), 1.0, -1.0)


def problem_of(labels, alpha=1.0, **options):
    return Problem(signs(labels), alpha, loss=LOSS, **options)


def pricer_of(X, order=2, bias=True):
    return Pricer(Dictionary(X, tuple(range(1, min(order, X.shape[1]) + 1)), 1, bias))


def solved(problem, pricer, tol=1e-6):
    """The solution, and the certificates of all rounds."""
    seen = []
    found = solve(problem, pricer, tol=tol, on_round=lambda *round_: seen.append(round_[2]))
    return found, seen


@pytest.mark.parametrize("record", CASES, ids=lambda r: f"{r['file']}-{r['order']}-{r['alpha']}")
def test_solve_reaches_the_stored_optimum(record):
    X, labels, _ = oracles.load_further_case(record)
    found, seen = solved(problem_of(labels, record["alpha"]), pricer_of(X, record["order"]))
    best = record["objective"]
    assert found.status == "converged" and found.certificate.scope == "exact"
    assert found.certificate.objective == pytest.approx(best, rel=1e-8)
    for each in seen:
        assert each.lower_bound <= best + 1e-8 and each.objective >= best - 1e-8


def against_the_conic_solver(seed, bias, intercept, ratio, weighted):
    """Lower bound ≤ optimum ≤ objective, and the two meet."""
    rng = np.random.default_rng(seed)
    n, d, count = int(rng.integers(6, 11)), int(rng.integers(1, 3)), int(rng.integers(3, 5))
    X = rng.integers(-2, 3, size=(n, d)).astype(float) if seed % 2 else rng.normal(size=(n, d))
    labels = np.append(np.arange(count), rng.integers(0, count, size=n - count))
    weights = rng.exponential(size=n) + 0.1 if weighted else None
    problem = problem_of(labels, intercept=intercept, sample_weight=weights)
    pricer = pricer_of(X, bias=bias)
    top = largest_alpha(problem, pricer)
    if top < 1e-3:
        return
    problem = replace(problem, alpha=ratio * top)
    found, seen = solved(problem, pricer)
    wedges = list(oracles.enumerate_wedges(X, range(1, d + 1), 1, bias))
    K = oracles.hinge_matrix(X, wedges)
    best, *_ = oracles.softmax_lasso_optimum(K, labels, problem.alpha, intercept, problem.shares)
    assert found.status == "converged"
    assert found.certificate.objective == pytest.approx(best, rel=1e-6)
    for each in seen:
        # The solver's own optimum is a little above the true one.
        assert each.lower_bound <= best + 1e-8 and each.objective >= best - 1e-6


ANYTHING = (
    st.integers(0, 10**6),
    st.booleans(),
    st.booleans(),
    st.floats(0.02, 1.2),
    st.booleans(),
)


@settings(max_examples=6)
@given(*ANYTHING)
def test_random_problems_against_the_conic_solver(seed, bias, intercept, ratio, weighted):
    against_the_conic_solver(seed, bias, intercept, ratio, weighted)


@pytest.mark.slow
@settings(max_examples=60)
@given(*ANYTHING)
def test_many_random_problems_against_the_conic_solver(seed, bias, intercept, ratio, weighted):
    against_the_conic_solver(seed, bias, intercept, ratio, weighted)


def test_gradient_and_curvature_are_derivatives(rng):
    n, count = 7, 4
    labels = np.append(np.arange(count), rng.integers(0, count, n - count))
    y, output, weights = signs(labels), 2 * rng.normal(size=(n, count)), rng.uniform(0.5, 1, n)
    gradient = -LOSS.negative_gradient(y, output, weights)
    step = 1e-6
    for i, k in ((0, 0), (0, 2), (5, 1)):
        moved = output.copy()
        moved[i, k] += step
        rise = LOSS.value(y, moved, weights) - LOSS.value(y, output, weights)
        assert rise / step == pytest.approx(gradient[i, k], abs=1e-5)
    # The bound of a row's curvature holds in every direction, and is not far off.
    p = class_probabilities("softmax", output)
    bound = LOSS.curvature(y, output, weights)
    for i in range(n):
        largest = np.linalg.eigvalsh(weights[i] * (np.diag(p[i]) - np.outer(p[i], p[i])))[-1]
        assert largest <= bound[i, 0] * (1 + 1e-12) and bound[i, 0] <= 2.5 * largest
    assert bound.max() <= LOSS.largest_curvature(y, weights) * weights.max()


def test_the_curvature_of_columns_is_that_of_the_loss(rng):
    """By differences along any move of the coefficients."""
    n, count = 12, 3
    labels = np.append(np.arange(count), rng.integers(0, count, n - count))
    y, weights = signs(labels), rng.uniform(0.5, 2, n)
    columns, z = rng.normal(size=(n, 2)), rng.normal(size=(2, count))
    matrix = curvature_of(columns, class_probabilities("softmax", columns @ z), weights)
    move, h = rng.normal(size=(2, count - 1)), 1e-3
    value = lambda s: LOSS.value(y, columns @ (z + s * move @ differing(count).T), weights)
    second = (value(h) - 2 * value(0) + value(-h)) / h**2
    assert move.ravel() @ matrix @ move.ravel() == pytest.approx(second, rel=1e-4)


def test_the_best_biases_leave_no_slope(rng):
    for scale in (0.0, 1.0, 30.0, 400.0):
        labels = np.append(np.arange(5), rng.integers(0, 5, 25))
        problem = problem_of(labels)
        output = scale * rng.normal(size=(30, 5))
        t = problem.shift(output)
        assert t.sum() == pytest.approx(0, abs=1e-9)
        left = problem.dual_point(output).sum(axis=0)
        assert np.abs(left).max() <= 1e-13
    frequency = np.bincount(labels) / 30
    constants = problem.shift(np.zeros((30, 5)))
    np.testing.assert_allclose(
        class_probabilities("softmax", constants[None])[0], frequency, rtol=1e-12
    )


def test_the_best_biases_are_found_from_any_start(rng, monkeypatch):
    """Also from what a damaged model says; from close by in a look or two."""
    problem = problem_of(np.append(np.arange(5), rng.integers(0, 5, 25)))
    combined = 3 * rng.normal(size=(30, 5))
    best, dual = problem.shift(combined), problem.dual_point(combined)
    for start in (best + 1e-6, best - 3, 500 * rng.normal(size=5), np.full(5, np.inf), best * 1e99):
        found = problem.shift(combined, start)
        np.testing.assert_allclose(found - found.mean(), best, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(problem.dual_point(combined, start), dual, atol=1e-14)
    looks, odds = [], softmax_module._odds
    monkeypatch.setattr(softmax_module, "_odds", lambda *at: looks.append(at) or odds(*at))
    problem.shift(combined, best + 1e-6 * rng.normal(size=5))
    assert len(looks) <= 2


def test_the_best_biases_of_classes_that_hardly_count(rng):
    """Where weights differ by ten powers of ten, no step leads beyond all numbers."""
    labels = np.append(np.arange(3), rng.integers(0, 3, 30))
    weights = np.where(labels == 0, 1000.0, 1e-4)
    problem = problem_of(labels, sample_weight=weights)
    for scale in (1.0, 30.0, 1000.0):
        output = scale * rng.normal(size=(33, 3))
        t = problem.shift(output)
        assert np.isfinite(t).all()
        assert np.abs(problem.dual_point(output).sum(axis=0)).max() <= 1e-12


def test_outputs_far_out_keep_their_digits():
    y = signs(np.array([0, 1, 2]))
    weights = np.full(3, 1 / 3)
    output = 40 * (y > 0) + 1e6
    assert LOSS.value(y, output, weights) == pytest.approx(2 * np.exp(-40), rel=1e-9)
    dual = LOSS.negative_gradient(y, output, weights)
    np.testing.assert_allclose(3 * dual[0, 0], 2 * np.exp(-40), rtol=1e-9)
    assert np.abs(dual.sum(axis=1)).max() <= 1e-30
    wrong = -1000.0 * (y > 0)
    assert LOSS.value(y, wrong, weights) == pytest.approx(1000 + np.log(2))
    assert np.isfinite(LOSS.negative_gradient(y, wrong, weights)).all()


def test_the_dual_has_its_domain(rng):
    y, weights = signs(np.array([0, 1, 2, 1])), np.full(4, 0.25)
    dual = LOSS.negative_gradient(y, rng.normal(size=(4, 3)), weights)
    scale = LOSS.best_scale(y, dual, weights, np.inf)
    best = LOSS.dual_value(y, scale * dual, weights)
    for s in (0.9, 0.99, 1.01):
        assert LOSS.dual_value(y, s * scale * dual, weights) <= best + 1e-12
    assert LOSS.best_scale(y, dual, weights, 0.5 * scale) == 0.5 * scale
    assert LOSS.dual_value(y, 50 * dual, weights) == -np.inf
    uneven = dual.copy()
    uneven[0, 0] *= 1.1
    assert LOSS.dual_value(y, uneven, weights) == -np.inf
    assert LOSS.best_scale(y, np.zeros((4, 3)), weights, 1.0) == 0.0


def test_many_columns_settle_without_newton(rng, monkeypatch):
    """Where there are too many unknowns for Newton's method the optimum is the same."""
    X, labels = rng.normal(size=(40, 2)), rng.integers(0, 3, 40)
    problem, pricer = problem_of(labels), pricer_of(X)
    problem = replace(problem, alpha=0.2 * largest_alpha(problem, pricer))
    best = solved(problem, pricer)[0].certificate
    monkeypatch.setattr("wedgefit.engine.working_set.MOST_UNKNOWNS", 1)
    slow = solved(problem, pricer, tol=1e-5)[0].certificate
    assert slow.relative_gap <= 1e-5
    assert slow.objective == pytest.approx(best.objective, rel=1e-5)


def test_starting_coefficients_do_not_matter(rng):
    X, labels = rng.normal(size=(25, 1)), rng.integers(0, 3, 25)
    problem, pricer = problem_of(labels, 0.02), pricer_of(X)
    found = solved(problem, pricer)[0]
    working = working_set(pricer.dictionary, problem)
    working.grow(found.fit.wedges)
    working.coefficients = 5 * rng.normal(size=working.coefficients.shape)
    working.solve(problem.alpha, 1e-9)
    again = working.fit()
    objective = problem.objective(again.combined, again.intercept, again.coefficients)
    assert objective == pytest.approx(found.certificate.objective, rel=1e-9)
