"""Bounds that are not sharp: no score is above them, and no network below."""

import numpy as np
import pytest

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.loose import _Scores, loose_lower_bound
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve


def data(seed, columns, rows=40, flat=0.1):
    """Columns of falling spread, in other coordinates."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns)) * np.linspace(1, flat, columns)
    X = X @ np.linalg.qr(rng.normal(size=(columns, columns)))[0] + rng.normal(size=columns)
    y = np.sin(2 * X[:, 0]) + np.abs(X[:, 1]) + 0.1 * rng.normal(size=rows)
    return X, y, rng


def scores(X, v, rng, many=3000):
    """The largest scores of random directions, each at the best of all rows."""
    W = rng.normal(size=(many, X.shape[1]))
    W /= np.linalg.norm(W, axis=1)[:, None]
    best = 0.0
    for heights in W @ X.T:
        hinges = np.maximum(heights[:, None] - heights, 0)
        best = max(best, np.abs(v @ hinges).max(), np.abs(v @ np.maximum(-hinges, 0)).max())
    return best


@pytest.mark.parametrize("columns, weighted", [(2, False), (3, True), (6, False), (8, True)])
def test_no_neuron_scores_more(columns, weighted):
    X, y, rng = data(columns, columns)
    weights = rng.uniform(0.1, 3, len(y)) if weighted else None
    problem = Problem(y, 1.0, sample_weight=weights)
    bounds = _Scores(problem, X, 1)
    for step in range(3):
        v = problem.null_dual()
        v = v if not step else v * rng.uniform(-1, 1, v.shape)
        v -= v.mean()
        found = scores(X, v[:, 0], rng, 500)
        every = list(bounds._bounds(v))
        assert len(every) == 3 + (bounds.norm_one is not None)
        assert found <= min(every) * (1 + 1e-9)
        assert bounds.largest(v) == min(every)
    if columns == 2:
        assert found >= 0.9 * bounds.largest(v)


def test_flat_columns_cost_little():
    """Of rows that all but lie in a plane the bound is nearly sharp."""
    X, y, _ = data(0, 6, flat=0.0)
    sharp = X @ np.diag([1.0] * 6)
    U, s, V = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    X = (U[:, :2] * s[:2]) @ V[:2] + 1e-6 * sharp
    problem = Problem(y, 0.02)
    flat = Pricer(Dictionary((U * s)[:, :2].copy(), (2,), 2, True), jobs=1, refine=True)
    best = solve(problem, flat, tol=1e-6, exact=True)
    bound = loose_lower_bound(problem, X, best.fit.combined, 1)
    assert bound <= best.certificate.objective * (1 + 1e-4)
    assert bound >= best.certificate.objective * (1 - 0.01)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("ratio", [0.5, 0.1, 0.01])
def test_no_network_is_below(loss, ratio):
    X, y, _ = data(3, 7, flat=0.5)
    y = np.where(y > np.median(y), 1.0, -1.0) if loss == "logistic" else y
    problem = Problem(y, 1.0, loss=LOSSES[loss])
    # Neurons of two columns are some of all.
    pricer = Pricer(Dictionary(X, (2,), 2, True), jobs=1)
    alpha = ratio * largest_alpha(problem, pricer)
    problem = Problem(y, alpha, loss=LOSSES[loss])
    best = solve(problem, pricer, tol=1e-6)
    bound = loose_lower_bound(problem, X, best.fit.combined, 1)
    assert 0 < bound <= best.certificate.objective
    # It says something where the penalty is strong.
    assert bound >= {0.5: 0.3, 0.1: 0.05, 0.01: 0.0}[ratio] * best.certificate.objective
