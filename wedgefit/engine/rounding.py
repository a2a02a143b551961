"""What rounding may change in the objective and the bounds of one network: its own, not a
constant."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.fit import Fit
from wedgefit.engine.problem import Problem, row_norms

# A sum of some hundred products is off by less than so many units in the last place of its terms.
ULPS = 2 * float(np.finfo(float).eps)


@dataclass(frozen=True)
class Leeway:
    """How far rounding may move a network's output, its objective and its bound."""

    output: float
    objective: float
    bound: float

    @property
    def all(self) -> float:
        """How far objective and bound may move against each other."""
        return self.objective + self.bound


def leeway_of(X: np.ndarray, problem: Problem, fit: Fit, score: float) -> Leeway:
    """How far rounding in the output on the rows X (n, d), and in the largest ``score``, may move
    objective and bound.

    To first order: each row's output is off by units in the last place of the terms that it adds
    up; the objective by that times the dual point; the largest score, which scales the dual point,
    by that times the reach of a unit wedge. Where alpha is small beside its largest value the dual
    point is small beside the output, and a bound keeps few digits.
    """
    sizes = row_norms(fit.coefficients)
    slopes, heights = sizes @ np.abs(fit.wedges.normals), float(sizes @ np.abs(fit.wedges.offsets))
    shift = float(np.abs(fit.intercept - problem.location).max())
    terms = np.abs(X) @ slopes + heights + row_norms(problem.centred) + shift
    rows = ULPS * terms * problem.weights
    dual = problem.dual_point(fit.combined, fit.intercept)
    objective = float(row_norms(dual) @ (ULPS * terms)) + _objective_sums(problem, fit, sizes)
    reach = float(np.sqrt((np.ptp(np.vstack([X, np.zeros(X.shape[1])]), axis=0) ** 2).sum()))
    # Errors of different rows have nothing to do with each other: their squares add up.
    moved = reach * float(np.linalg.norm(rows) + ULPS * np.linalg.norm(row_norms(dual)))
    limit = problem.alpha / score if score > 0 else np.inf
    scale = problem.loss.best_scale(problem.centred, dual, problem.weights, limit)
    bound = problem.dual_value(scale * dual)
    part = min(moved / score, 0.5) if score > 0 else 0.0
    others = [problem.dual_value(scale * (1 + s * part) * dual) for s in (1, -1)]
    spread = max([abs(other - bound) for other in others if np.isfinite(other)], default=abs(bound))
    bound_moves = spread + scale * float(rows @ terms) + ULPS * problem.dual_terms(scale * dual)
    return Leeway(float(ULPS * terms.max(initial=0.0)), objective, bound_moves)


def _objective_sums(problem: Problem, fit: Fit, sizes: np.ndarray) -> float:
    """What the objective's own sums are off by, and what an output bias costs that is rounded at
    the size of the targets, far from zero perhaps."""
    value = problem.value(fit.combined, fit.intercept)
    penalty = problem.alpha * float(sizes.sum())
    last = ULPS * np.abs(fit.intercept)
    moved = [problem.value(fit.combined, fit.intercept + s * last) for s in (1, -1)]
    return ULPS * (abs(value) + abs(problem.floor) + penalty) + max(
        abs(other - value) for other in moved
    )
