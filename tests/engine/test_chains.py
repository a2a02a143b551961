"""Three layers in one column against every chain of neurons there is, written out and solved by a
conic solver."""

from dataclasses import replace
from functools import partial

import numpy as np
import oracles
import pytest

from wedgefit.engine.chains import (
    all_layers_bound,
    are_chains,
    hinge_scores,
    largest_score,
    solve_all_layers,
)
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.layers import solve_stage
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem

TOL = 1e-9
# Of the first 200 problems those on which stage by stage loses most.
MISSED = (4, 104, 116)


def every_chain(x, depth=2):
    """What all chains of ``depth`` neurons give on x, each bending at a row: (n, many)."""
    rows = np.unique(x)
    units = [np.maximum(sign * (x - a), 0) for a in rows for sign in (1, -1)]
    for _ in range(depth - 1):
        # The unit as it is, or less what it is at a row, facing either way.
        units = [
            np.maximum(sign * (unit - level), 0)
            for unit in units
            for level in np.unique([0, *unit])
            for sign in (1, -1)
        ]
    return np.unique(np.round(np.array(units), 12), axis=0).T


def pricer(X):
    return Pricer(Dictionary(X, (1,), 1, True), jobs=1)


def solved(problem, x, tol=TOL):
    """The two stages one after the other, and both together."""
    solve = partial(solve_stage, problem, x[:, None], pricer, tol=tol, exact=True)
    first = solve()
    return solve(first), *solve_all_layers(problem, first, solve, tol=tol)


def data(seed):
    """Up to 39 rows, of every second problem many of equal x, every fifth weighted."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 40))
    x = rng.integers(0, 9, n).astype(float) if seed % 2 else rng.normal(size=n).round(2)
    y = rng.normal(size=n)
    weights = rng.uniform(0.2, 2, n) if seed % 5 == 0 else None
    return x, y, weights, 10.0 ** rng.uniform(-3, -0.7)


def checked(seed):
    """How far stage by stage is above the optimum, as a part of it; both together are there."""
    x, y, weights, part = data(seed)
    null = Problem(y, 1.0, sample_weight=weights)
    alpha = part * largest_score(x, null.null_dual()[:, 0])
    problem = replace(null, alpha=alpha)
    by_stage, _, together = solved(problem, x)
    shares = problem.shares if weights is not None else None
    best, *_ = oracles.lasso_optimum(every_chain(x), y, alpha, True, shares)
    bound, gap = all_layers_bound(problem, x, together.fit, lambda: 0.0)
    objective = together.solution.certificate.objective
    assert objective == pytest.approx(best, rel=1e-6, abs=1e-12), seed
    assert bound <= best * (1 + 1e-6) + 1e-12 and gap <= 1e-8, seed
    # The bound of a network that is not the best is one, too.
    assert all_layers_bound(problem, x, by_stage.fit, lambda: 0.0)[0] <= best * (1 + 1e-6) + 1e-12
    return by_stage.solution.certificate.objective / objective - 1


def test_both_layers_together_are_the_best_there_are():
    for seed in range(6):
        checked(seed)


@pytest.mark.slow
def test_both_layers_together_on_two_hundred_problems():
    missed = [seed for seed in range(200) if checked(seed) > 1e-7]
    print(f"stage by stage missed the optimum in {len(missed)} of 200: {missed}")
    assert missed


def test_where_stages_miss_the_optimum_the_first_layer_hands_on_more():
    for seed in MISSED:
        x, y, weights, part = data(seed)
        problem = Problem(y, 1.0, sample_weight=weights)
        alpha = part * largest_score(x, problem.null_dual()[:, 0])
        by_stage, first, together = solved(replace(problem, alpha=alpha), x)
        lost = by_stage.solution.certificate.objective
        assert together.solution.certificate.objective < lost * (1 - 1e-7)
        assert len(first.more) and len(first.units) > 2 * len(first.fit.wedges)


def test_scores_are_those_of_the_features_written_out(rng):
    x = rng.integers(0, 8, 20) * 0.5
    v = rng.normal(size=20)
    v -= v.mean()
    every = [np.maximum(x - a, 0) @ v for a in x]
    np.testing.assert_allclose(hinge_scores(x, v), every, atol=1e-13)
    chains = every_chain(x)
    assert largest_score(x, v) == pytest.approx(np.abs(v @ chains).max())
    # Bends between rows score no more.
    ends = np.sort(rng.uniform(-2, 6, size=(500, 2)), axis=1)
    between = np.clip(x[:, None], *ends.T)
    assert np.abs(v @ between).max() <= largest_score(x, v) + 1e-12


def test_more_layers_of_chains_make_nothing_else(rng):
    x = rng.normal(size=6)
    v = rng.normal(size=6)
    v -= v.mean()
    assert np.abs(v @ every_chain(x, 3)).max() == pytest.approx(largest_score(x, v))


def test_other_losses():
    rng = np.random.default_rng(3)
    x = rng.normal(size=14)
    y = np.where(np.sin(3 * x) > 0, 1.0, -1.0)
    null = Problem(y, 1.0, loss=LOSSES["logistic"])
    alpha = 0.05 * largest_score(x, null.null_dual()[:, 0])
    problem = replace(null, alpha=alpha)
    *_, together = solved(problem, x)
    best, *_ = oracles.logistic_lasso_optimum(every_chain(x), y, alpha, True)
    assert together.solution.certificate.objective == pytest.approx(best, rel=1e-6)
    assert all_layers_bound(problem, x, together.fit, lambda: 0.0)[1] <= 1e-8


def test_where_deeper_neurons_are_no_ramps():
    x, y = np.arange(5.0)[:, None], np.arange(5.0)
    problem = Problem(y, 0.1)
    assert are_chains(x, problem, True, (1, 1))
    assert not are_chains(x, problem, True, (2,)) and not are_chains(x, problem, False, (1,))
    assert not are_chains(np.hstack([x, x]), problem, True, (1,))
    assert not are_chains(x, replace(problem, intercept=False), True, (1,))
    assert not are_chains(x, replace(problem, y=np.column_stack([y, y])), True, (1,))
