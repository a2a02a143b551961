"""Losses beyond the squared and the logistic one: the certified optimum is that of independent
solvers, and no bound lies above it."""

from dataclasses import replace

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import every, only

from wedgefit.engine.certificate import lower_bound, relative_gap
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import LOSSES, Huber, Quantile
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve, working_set

NAMES = ("huber", "quantile", "poisson", "gamma")
CASES = oracles.further_cases(*NAMES)


def loss_of(name, parameter=None):
    return (
        {"huber": Huber, "quantile": Quantile}[name](parameter)
        if parameter is not None
        else LOSSES[name]
    )


def objective_of_nothing(problem):
    """That of the best constant."""
    nothing = np.zeros_like(problem.y)
    return problem.objective(nothing, problem.shift(nothing), np.empty((0, 1)))


def named(record):
    return "-".join(str(record[key]) for key in ("loss", "file", "alpha", "order"))


def pricer_of(X, bias=True):
    return Pricer(Dictionary(X, tuple(range(1, X.shape[1] + 1)), 1, bias))


def targets_of(name, rng, n):
    """Targets that suit the loss, with ties."""
    if name == "poisson":
        return np.append(rng.poisson(1.5, size=n - 1), 1.0).astype(float)
    if name == "gamma":
        return np.round(rng.gamma(1.5, size=n), 1) + 0.1
    return np.round(2 * rng.standard_t(2, size=n), int(rng.integers(0, 3)))


@pytest.mark.parametrize("record", every(3, CASES), ids=named)
def test_solve_reaches_the_stored_optimum(record):
    X, y, exposure = oracles.load_further_case(record)
    orders = tuple(range(1, min(record["order"], X.shape[1]) + 1))
    loss = loss_of(record["loss"], record.get("huber_delta", record.get("quantile")))
    problem = Problem(y, record["alpha"], loss=loss, exposure=exposure)
    seen = []
    found = solve(
        problem,
        Pricer(Dictionary(X, orders, 1, True)),
        tol=1e-6,
        on_round=lambda *round_: seen.append(round_[2]),
    )
    best = record["objective"]
    assert found.status == "converged" and found.certificate.scope == "exact"
    assert found.certificate.objective == pytest.approx(best, rel=5e-7)
    assert 0 <= found.certificate.relative_gap <= 1e-6
    for each in seen:
        assert each.lower_bound <= best + 1e-8 * abs(best)
        assert each.objective >= best - 1e-8 * abs(best)


@settings(max_examples=20)
@given(
    st.sampled_from(NAMES),
    st.integers(0, 10**6),
    st.booleans(),
    st.booleans(),
    st.floats(0.01, 1.2),
    st.booleans(),
)
def test_random_problems_against_the_conic_solver(name, seed, bias, intercept, ratio, weighted):
    """Any data, any options: lower bound ≤ optimum ≤ objective, and the two meet."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(5, 10)), int(rng.integers(1, 3))
    X = rng.integers(-2, 3, size=(n, d)).astype(float) if seed % 2 else rng.normal(size=(n, d))
    y = targets_of(name, rng, n)
    parameter = {"huber": rng.uniform(0.2, 2), "quantile": rng.uniform(0.05, 0.95)}.get(name)
    exposure = rng.uniform(0.5, 3, size=n) if name == "poisson" and seed % 3 else None
    weights = rng.exponential(size=n) + 0.1 if weighted else None
    problem = Problem(y, 1.0, intercept, loss_of(name, parameter), weights, exposure)
    pricer = pricer_of(X, bias)
    top = largest_alpha(problem, pricer)
    if top < 1e-3:
        return
    problem = replace(problem, alpha=ratio * top)
    orders = list(range(1, d + 1))
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, orders, 1, bias)))
    best, _, _ = oracles.further_lasso_optimum(
        K, problem.rates[:, 0], problem.alpha, intercept, problem.weights, name, parameter
    )
    found = solve(problem, pricer, tol=1e-6).certificate
    slack = 1e-6 * max(abs(best), best - problem.floor, 1e-2)
    assert found.objective == pytest.approx(best, abs=slack)
    assert found.lower_bound <= best + 1e-2 * slack
    assert found.relative_gap <= 1e-6


@pytest.mark.parametrize("name", only({*NAMES} - {"quantile"}, NAMES))
def test_a_warm_path_is_a_series_of_cold_starts(name, rng):
    X, y = rng.normal(size=(25, 2)), targets_of(name, rng, 25)
    problem, pricer = Problem(y, 1.0, loss=loss_of(name)), pricer_of(X)
    working, top = working_set(pricer.dictionary, problem), largest_alpha(problem, pricer)
    for ratio in (0.7, 0.1, 0.02, 0.2, 1.5):
        at_alpha = replace(problem, alpha=ratio * top)
        tol = 1e-6 if name == "quantile" else 1e-8
        warm = solve(at_alpha, pricer, tol=tol, working=working)
        cold = solve(at_alpha, pricer, tol=tol)
        assert warm.status == cold.status == "converged"
        assert warm.certificate.objective == pytest.approx(cold.certificate.objective, rel=1e-6)
    assert len(warm.fit.wedges) == 0


def test_exposure_is_a_weighted_rate(rng):
    """Counts over exposures are rates that weigh as much as they were exposed, on another scale of
    alpha."""
    X, exposure = rng.normal(size=(20, 1)), rng.uniform(0.5, 4, size=20)
    y, mean = rng.poisson(2 * exposure).astype(float), float(exposure.mean())
    counts = Problem(y, 0.05, loss=LOSSES["poisson"], exposure=exposure)
    rates = Problem(y / exposure, 0.05 / mean, loss=LOSSES["poisson"], sample_weight=exposure)
    found, other = (solve(problem, pricer_of(X), tol=1e-9) for problem in (counts, rates))
    assert found.certificate.objective == pytest.approx(mean * other.certificate.objective)
    np.testing.assert_allclose(found.fit.output, other.fit.output, atol=1e-6)


def test_the_unit_of_an_amount_changes_neither_network_nor_gap(rng):
    """In cents, not euros: the output moves by ln 100, the objective too, and the gap is the same
    part of what is left above the floor, also where an objective is negative."""
    X, y = rng.normal(size=(20, 1)), targets_of("gamma", rng, 20)
    problem = Problem(y, 0.05, loss=LOSSES["gamma"])
    small = replace(problem, y=y / 1000)
    found, other = (solve(one, pricer_of(X), tol=1e-9) for one in (problem, small))
    assert other.certificate.objective < 0 < found.certificate.objective
    np.testing.assert_allclose(other.fit.output + np.log(1000), found.fit.output, atol=1e-6)
    for one in (problem, small):
        start = lower_bound(one, one.null_dual(), 0.1)
        objective = objective_of_nothing(one)
        assert relative_gap(objective, start, one.floor) == pytest.approx(
            (objective - start) / (objective - one.floor)
        )
    gaps = [
        relative_gap(
            objective_of_nothing(one),
            lower_bound(one, one.null_dual(), 0.1),
            one.floor,
        )
        for one in (problem, small)
    ]
    assert 0.01 < gaps[0] == pytest.approx(gaps[1], rel=1e-9)


def test_far_away_targets_keep_their_digits(rng):
    """Huber on 10⁶ ± 1: the output bias takes the mean out before anything is multiplied."""
    X, y = rng.normal(size=(20, 1)), targets_of("huber", rng, 20)
    near, far = (
        solve(Problem(y + mean, 0.05, loss=Huber(0.5)), pricer_of(X), tol=1e-7)
        for mean in (0.0, 1e6)
    )
    assert far.status == "converged"
    assert far.certificate.objective == pytest.approx(near.certificate.objective, rel=1e-8)


def test_a_quantile_has_its_part_of_the_rows_below_it(rng):
    """What a quantile means, at any alpha: an output bias makes the part of the rows below it
    right, up to the rows that the network passes through."""
    X, y = rng.normal(size=(60, 2)), rng.gamma(1.0, size=60)
    for level in (0.1, 0.5, 0.9):
        found = solve(Problem(y, 0.02, loss=Quantile(level)), pricer_of(X), tol=1e-6)
        away = y - found.fit.output[:, 0]
        through = np.abs(away) <= 1e-5
        below = (away < -1e-5).mean()
        assert 0 < through.sum() <= len(found.fit.wedges) + 1
        assert below <= level + 1e-9 and level <= below + through.mean() + 1e-9


def test_quantiles_mirror_each_other(rng):
    """The level of −y is 1 − level, and the unit of y changes nothing but the unit."""
    X, y = rng.normal(size=(25, 1)), rng.gamma(1.0, size=25)
    found = solve(Problem(y, 0.03, loss=Quantile(0.2)), pricer_of(X), tol=1e-6)
    other = solve(Problem(-1e-5 * y, 0.03, loss=Quantile(0.8)), pricer_of(X), tol=1e-6)
    assert found.status == other.status == "converged" and len(found.fit.wedges)
    assert other.certificate.objective == pytest.approx(
        1e-5 * found.certificate.objective, rel=1e-6
    )


def test_huber_with_a_large_delta_is_the_squared_loss(rng):
    X, y = rng.normal(size=(30, 2)), targets_of("huber", rng, 30)
    squared = solve(Problem(y, 0.1), pricer_of(X), tol=1e-9)
    huber = solve(Problem(y, 0.1, loss=Huber(1e6)), pricer_of(X), tol=1e-9)
    assert huber.certificate.objective == pytest.approx(squared.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(huber.fit.output, squared.fit.output, atol=1e-5)
