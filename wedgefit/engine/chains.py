"""Depth in one column, all layers at once: the best networks of three layers or more that are
chains, whose deeper neurons read one neuron each (theory, section 5).

Such a chain of neurons is monotone in the column and has slope ±1 or 0: on the rows it is a
constant and a *ramp*, flat up to a, straight to b, and flat from there. A ramp costs what a hinge
costs, and among all a < b those at rows score highest. So there are finitely many features, n(n −
1)/2, of which hinges are those that end at the outermost rows; and since the score of a ramp is the
difference of the scores of two hinges, the best of all is found in O(n).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from wedgefit.engine.certificate import lower_bound, proven, relative_gap
from wedgefit.engine.dictionary import Order
from wedgefit.engine.fit import Fit
from wedgefit.engine.layers import Stage
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import column_scales, wedges_through
from wedgefit.watch import Deadline


def are_chains(X: np.ndarray, problem: Problem, bias: bool, deeper: Iterable[Order]) -> bool:
    """Whether networks with deeper neurons of these orders are chains on X (n, d), with an end to
    what they can make of it: hidden ``bias`` and output bias."""
    chains = all(order == 1 for order in deeper)
    return X.shape[1] == 1 and chains and bias and problem.intercept and problem.targets == 1


def hinge_scores(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Σ v_i (x_i − a)₊ at every row a of x (n,), (n,): in O(n) once x is sorted."""
    order = np.argsort(x, kind="stable")
    values, v = x[order], v[order]
    sums, moments = (np.cumsum(part[::-1])[::-1] for part in (v, v * values))
    scores = np.empty_like(values)
    scores[order] = moments - values * sums
    return scores


def largest_score(x: np.ndarray, v: np.ndarray) -> float:
    """The largest score of a ramp under v (n,), which adds up to zero."""
    return float(np.ptp(hinge_scores(x, v)))


def all_layers_bound(
    problem: Problem, x: np.ndarray, fit: Fit, rounding: Callable[[], float]
) -> tuple[float, float]:
    """What no network of three layers or more is below, if its deeper neurons read one neuron each,
    and the relative gap of ``fit`` to that; ``rounding`` as for ``certificate.proven``."""
    objective = problem.objective(fit.combined, fit.intercept, fit.coefficients)
    dual = problem.dual_point(fit.combined)
    below = lower_bound(problem, dual, largest_score(x, dual[:, 0]))
    below = proven(problem, objective, below, rounding)
    return below, relative_gap(objective, below, problem.floor)


def solve_all_layers(
    problem: Problem,
    below: Stage,
    solve_next: Callable[[Stage], Stage],
    *,
    tol: float,
    deadline: Deadline | None = None,
) -> tuple[Stage, Stage]:
    """The first hidden layer, which is ``below`` and what it must hand on besides, and the second
    one on that, such that no chains are better than both together by more than ``tol``.

    ``solve_next`` prices the ramps that begin where a neuron of the first layer bends. Where others
    score more the first layer hands on the neurons that they begin with, and the second is solved
    again.
    """
    X, deadline = below.X, deadline or Deadline()
    while True:
        stage = solve_next(below)
        _, gap = all_layers_bound(problem, X[:, 0], stage.fit, lambda: np.inf)
        rows = _missing(below, problem, stage.fit, tol)
        if gap <= tol or not len(rows) or deadline.due():
            return below, stage
        first = np.zeros((len(rows), 1), dtype=np.int64)
        scales = column_scales(X, True)
        fresh, _ = wedges_through(X, first, rows[:, None], norm=1, bias=True, scales=scales)
        more = fresh if below.more is None else below.more.joined_with(fresh)
        below = replace(below, more=more)


def _missing(below: Stage, problem: Problem, fit: Fit, tol: float) -> np.ndarray:
    """The ends of ramps that score more than alpha, the best of every stretch of neighbouring ends,
    where no neuron of the first layer bends yet."""
    x = below.X[:, 0]
    scores = hinge_scores(x, problem.dual_point(fit.combined)[:, 0])
    order = np.argsort(x, kind="stable")
    limit = problem.alpha * (1 + 0.1 * tol)
    rows: list[int] = []
    for side in (scores - scores.min(), scores.max() - scores):
        above = np.flatnonzero(np.diff(side[order] > limit, prepend=False, append=False))
        rows += [
            int(order[first:end][side[order[first:end]].argmax()])
            for first, end in above.reshape(-1, 2)
        ]
    bends = x[below.units.samples[:, 0]]
    return np.array([row for row in dict.fromkeys(rows) if x[row] not in bends], dtype=np.int64)
