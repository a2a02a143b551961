"""The objective and the bound below it: weak duality for any network at all, equality at the
optimum."""

from dataclasses import replace
from functools import partial

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick import only

from wedgefit.engine.certificate import certify, lower_bound, proven, relative_gap, sharp_enough
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.priced import Priced
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import solve
from wedgefit.engine.wedge import Wedges


def small_problem(seed, intercept=True, bias=True):
    """A dictionary's hinges K, targets and alpha, with the optimum by the conic solver."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(9, 2)), rng.normal(size=9) + 1
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, [1, 2], 1, bias)))
    alpha = 10.0 ** rng.uniform(-3, -0.5)
    return X, K, y, alpha, *oracles.lasso_optimum(K, y, alpha, intercept)


ROWS = np.array([[0.0], [1.0]])


def network(combined, z, t):
    """A network known by what its neurons add up to; its wedges say nothing of it."""
    nowhere = np.zeros((len(z), 1), dtype=int)
    wedges = Wedges(nowhere, nowhere, np.zeros((len(z), 1)), np.zeros(len(z)))
    return Fit(wedges, z[:, None], np.array([t]), combined[:, None])


def certified(problem, fit, priced):
    dual = problem.dual_point(fit.combined, fit.intercept)
    return certify(ROWS, problem, fit, dual, priced)


def priced_with(bound, supremum=None, exact=True):
    return Priced(Wedges.none(1, 1), np.empty(0), 0.0, bound, supremum, exact, False, 10, 20)


# The objective ------------------------------------------------------------------------------------


def test_objective_is_the_theorys(rng):
    X, K, y, alpha, optimum, z, t = small_problem(0)
    problem, nothing = Problem(y, alpha), network(np.zeros(9), np.zeros(0), 0.0)
    for fit, value in ((network(K @ z, z, t), optimum), (nothing, y @ y / 18)):
        found = problem.objective(fit.combined, fit.intercept, fit.coefficients)
        assert found == pytest.approx(value, rel=1e-14)


def test_null_model_and_dual_point():
    y = np.array([1.0, 2, 6])
    with_bias, without = Problem(y, 1.0, True), Problem(y, 1.0, False)
    nothing, output = np.zeros((3, 1)), np.ones((3, 1))
    assert with_bias.shift(nothing) == [3] and without.shift(nothing) == [0]
    assert with_bias.null_dual()[:, 0] == pytest.approx(np.array([-2, -1, 3]) / 3)
    assert without.null_dual()[:, 0] == pytest.approx(y / 3)
    assert without.dual_point(output)[:, 0] == pytest.approx(np.array([0, 1, 5]) / 3, rel=1e-15)
    assert with_bias.dual_point(output)[:, 0] == pytest.approx(np.array([-2, -1, 3]) / 3)


# The bound ----------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.floats(0, 3))
def test_weak_duality_for_any_network(seed, intercept, bias, noise):
    """However bad the network, the bound stays below the optimum and the objective above it."""
    X, K, y, alpha, optimum, z, t = small_problem(seed % 12, intercept, bias)
    rng = np.random.default_rng(seed)
    z = z + noise * rng.normal(size=len(z)) * (rng.random(len(z)) < 0.1)
    problem = Problem(y, alpha, intercept)
    fit = network(K @ z, z, t)
    dual = problem.dual_point(fit.combined)
    found = certify(X[:, :1], problem, fit, dual, priced_with(np.abs(K.T @ dual).max()))
    assert found.lower_bound <= optimum * (1 + 1e-7) <= found.objective * (1 + 2e-7)
    assert found.relative_gap >= (found.objective - optimum) / found.objective - 1e-7
    assert noise or found.relative_gap <= 1e-5


def test_bound_meets_the_optimum():
    """A bound that stayed below it could never prove anything."""
    for seed in range(12):
        X, K, y, alpha, optimum, z, t = small_problem(seed)
        problem = Problem(y, alpha)
        dual = problem.dual_point((K @ z)[:, None])
        score = np.abs(K.T @ dual).max()
        bound = lower_bound(problem, dual, score)
        assert bound == pytest.approx(optimum, rel=1e-6)
        # Had some wedge with a higher score been overlooked, the bound would be false: it must fall
        # with the score.
        assert lower_bound(problem, dual, 1.1 * score) < bound


def test_bound_by_hand():
    """y = (0, 2) with an intercept and v = (−½, ½): D(s) = s − s²/2, cut off at alpha / score."""
    problem = Problem(np.array([0.0, 2.0]), 0.5)
    dual = problem.null_dual()
    assert dual.tolist() == [[-0.5], [0.5]]
    close = partial(pytest.approx, rel=1e-14)
    assert lower_bound(problem, dual, 0.5) == close(0.5)
    assert lower_bound(problem, dual, 1.0) == close(0.375)
    assert lower_bound(problem, dual, 0.1) == close(0.5), "the best multiple, not the largest"
    assert lower_bound(problem, dual, 0.0) == close(0.5)
    assert lower_bound(problem, dual, 0.5) < 0.5, "what rounding may have added is taken off"
    assert lower_bound(problem, dual, np.inf) == 0, (
        "no bound holds where a neuron scores without limit"
    )
    assert lower_bound(problem, np.zeros((2, 1)), 0.0) == 0


def test_a_bound_above_the_objective_proves_nothing():
    """Were it a gap of zero, the mistake would pass for a proof of optimality."""
    problem = Problem(np.array([0.0, 2.0]), 0.5)
    within = lambda: 1e-12
    assert proven(problem, 0.5, 0.5, within) == 0.5 and proven(problem, 0.5, 0.4, within) == 0.4
    assert proven(problem, 0.5, 0.5 + 1e-9, within) == 0
    assert proven(problem, 0.5, 0.5 + 1e-13, within) == 0.5 - 1e-12, "rounding is left open"
    best = network(np.zeros(2), np.empty(0), 1.0)
    too_low = certified(problem, best, priced_with(0.5, supremum=0.5))
    assert too_low.relative_gap < 1e-14
    wrong = certified(
        Problem(problem.y, 0.5),
        network(np.array([-0.5, 0.5]), np.empty(0), 1.0),
        priced_with(0.1),
    )
    assert (wrong.lower_bound, wrong.relative_gap) == (0, 1)


def test_gap_is_relative():
    assert relative_gap(2.0, 1.5) == 0.25
    assert relative_gap(0.0, 0.0) == 0, "a perfect fit at no cost has no gap"


def test_certificate_says_what_was_priced():
    """A gap over some wedges must not be passed off as one over all."""
    problem = Problem(np.array([0.0, 2.0]), 0.5)
    none = network(np.zeros(2), np.empty(0), 1.0)
    close = partial(pytest.approx, rel=1e-14, abs=1e-14)
    exact = certified(problem, none, priced_with(0.5, supremum=1.0))
    assert (exact.scope, exact.wedges_total, exact.wedges_priced) == ("exact", 20, 10)
    assert (exact.objective, exact.lower_bound, exact.relative_gap) == close((0.5, 0.5, 0))
    assert (exact.network_lower_bound, exact.network_relative_gap) == close((0.375, 0.25))
    sampled = certified(problem, none, priced_with(0.5, exact=False))
    assert sampled.scope == "sampled"
    assert sampled.network_lower_bound is None and sampled.network_relative_gap is None
    unbounded = certified(problem, none, priced_with(0.5, supremum=np.inf))
    assert (unbounded.network_lower_bound, unbounded.network_relative_gap) == (0, 1)


@pytest.mark.parametrize("bias", [True, False])
def test_network_bound_holds_for_networks_found_by_search(bias, rng):
    """Norm 2: the bound speaks of every network; random continuous neurons, optimally combined,
    never beat it."""
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    W = rng.normal(size=(400, 2))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    offsets = -np.einsum("md,md->m", W, X[rng.integers(8, size=400)]) if bias else np.zeros(400)
    wedges = Wedges(np.tile([0, 1], (400, 1)), np.zeros((400, 2), dtype=int), W, offsets)
    pricer = Pricer(Dictionary(X, (2,), 2, bias))
    for alpha in (0.1, 0.02):
        problem = Problem(y, alpha)
        optimum, z, t = oracles.lasso_optimum(wedges.hinges(X), y, alpha, True)
        fit = Fit(wedges, z[:, None], np.array([t]), wedges.combine(X, z[:, None]))
        dual = problem.dual_point(fit.combined)
        found = certify(
            X, problem, fit, dual, pricer.price(dual, np.inf, wedges, every_pencil=True)
        )
        assert found.network_lower_bound <= optimum * (1 + 1e-9)
        assert found.network_lower_bound >= 0.9 * optimum, "and it is not an empty one"


def test_rounding_alone_does_not_take_a_proof_away():
    """Logarithms round more than the products of a dual and its targets: the bound of an optimum
    lay 6e-17 above its objective, and the zero dual point's stood in for it, a gap of 100 %."""
    low, high = -0.9045340337332908, 1.1055415967851334
    X = np.where(np.arange(20) < 11, low, high)[:, None]
    y = np.where(np.arange(20) < 18, -1.0, 1.0)
    wedge = Wedges(np.array([[0]]), np.array([[0]]), np.array([[1.0]]), np.array([-low]))
    pricer = Pricer(Dictionary(X, (1,), 1, True))
    problem = Problem(y, 0.06011872212509599, loss=LOSSES["logistic"])
    for steps in range(-8, 9):
        z = np.array([[0.5799400597659197 * (1 + steps * 2e-16)]])
        fit = fit_on(X, problem, wedge, z)
        dual = problem.dual_point(fit.combined)
        priced = pricer.price(dual, problem.alpha, wedge, every_pencil=True)
        found = certify(X, problem, fit, dual, priced)
        assert 0 <= found.relative_gap < 1e-13, steps
        assert 0 <= found.network_relative_gap < 1e-13, steps


def test_the_terms_of_an_entropy_are_what_it_rounds_by():
    """Moved by a unit in the last place, a part p of a row moves its entropy by no more."""
    for part in (1e-300, 1e-20, 1e-8, 0.3, 0.5, 1 - 1e-8, 1 - 1e-15, 1.0):
        loss, one = LOSSES["logistic"], np.ones(1)
        y = one[:, None]
        near = [loss.dual_value(y, p * y, one) for p in np.nextafter(part, [0.0, part])]
        terms = loss.dual_terms(y, part * y, one)
        assert abs(near[0] - near[1]) <= np.finfo(float).eps * terms


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson", "huber", "quantile"])
@pytest.mark.parametrize("ratio", only([0.1], [0.5, 0.1, 0.01]))
@pytest.mark.parametrize("gap", [1e-4, 5e-3])
def test_scores_bounded_as_sharply_as_the_gap_needs_prove_it(loss, ratio, gap):
    """Of an optimal network: with a bound that far above alpha, the gap is about half of it; and
    where the penalty is a small part, that is further than half the gap."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    mean = np.maximum(X[:, 0], 0) + 0.3 * X[:, 1]
    y = {
        **dict.fromkeys(["squared", "huber", "quantile"], mean + 0.1 * rng.normal(size=40)),
        "logistic": np.sign(mean - 0.4 + 0.3 * rng.normal(size=40)),
        "poisson": rng.poisson(np.exp(mean)).astype(float),
    }[loss]
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    problem = Problem(y, 1.0, loss=LOSSES[loss])
    top = pricer.price(problem.null_dual(), np.inf, pricer.dictionary.none(), every_pencil=True)
    problem = replace(problem, alpha=ratio * top.bound)
    fit = solve(problem, pricer, tol=1e-10).fit
    dual = problem.dual_point(fit.combined)
    sharp = sharp_enough(problem, fit, dual, gap)
    loose = priced_with(problem.alpha * (1 + sharp))
    found = certify(X, problem, fit, dual, loose).relative_gap
    assert 0.2 * gap < found < 0.6 * gap
    assert sharp > (0.5 if loss == "squared" else 0.3) * gap
