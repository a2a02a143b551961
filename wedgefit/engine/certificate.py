"""The dual lower bound of a network's objective, and the gap between them with its scope (theory,
section 4)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wedgefit.engine.fit import Fit
from wedgefit.engine.problem import Problem
from wedgefit.engine.rounding import leeway_of

# What the sums of a dual value may be off by, beside the sizes of their terms.
ROUNDING = 4 * float(np.finfo(float).eps)
# The part of the objective that this slope is taken for, at least.
LEAST_SHARE = 0.02


@dataclass(frozen=True)
class Certificate:
    """How far a network is, at most, from the optimum, and among which wedges.

    ``scope`` is "exact" when every wedge of the dictionary was priced, or with ``bounded`` lies
    below a proven bound, else "sampled": then the bound speaks only of the ``wedges_priced`` wedges
    looked at in the last round. The network bound holds against *all* networks with weight decay
    (of the class named by the order), and is None where no such proof exists.
    """

    objective: float
    lower_bound: float
    relative_gap: float
    scope: Literal["exact", "sampled"]
    wedges_total: int
    wedges_priced: int
    network_lower_bound: float | None
    network_relative_gap: float | None
    bounded: bool = False


def certify(X: np.ndarray, problem: Problem, fit: Fit, dual: np.ndarray, priced) -> Certificate:
    """The certificate of a network on the rows X (n, d), from a pricing of its dual point."""
    objective = problem.objective(fit.combined, fit.intercept, fit.coefficients)

    def below(score: float) -> float:
        lower = lower_bound(problem, dual, score)
        rounding = lambda: leeway_of(X, problem, fit, score).all
        return proven(problem, objective, lower, rounding)

    lower = below(priced.bound)
    network = None if priced.supremum is None else below(priced.supremum)
    return Certificate(
        objective=objective,
        lower_bound=lower,
        relative_gap=relative_gap(objective, lower, problem.floor),
        scope="exact" if priced.exact else "sampled",
        wedges_total=priced.wedges_total,
        wedges_priced=priced.wedges_priced,
        network_lower_bound=network,
        network_relative_gap=(
            None if network is None else relative_gap(objective, network, problem.floor)
        ),
        bounded=priced.bounded,
    )


def sharp_enough(problem: Problem, fit: Fit, dual: np.ndarray, gap: float) -> float:
    """How far above alpha, relatively, the largest score of a network with this dual point (n, K)
    may be bounded so that its relative gap is about half of ``gap``, were it optimal.

    A dual point that is scaled down by ε loses ε times the slope of the dual value along it, which
    of a loss without kinks in its slope is the penalty: where that is a small part of the
    objective, scores need few digits.
    """
    objective = problem.objective(fit.combined, fit.intercept, fit.coefficients)
    above = objective - problem.floor
    step = 0.5 * float(np.sqrt(gap))
    lost = problem.dual_value(dual) - problem.dual_value(dual / (1 + step))
    if not (np.isfinite(lost) and above > 0):
        return 0.5 * gap
    return min(0.5 * gap / max(lost / (step * above), LEAST_SHARE), step)


def lower_bound(problem: Problem, dual: np.ndarray, largest_score: float) -> float:
    """The dual value at the best feasible multiple of ``dual``, given the largest score of any
    neuron under it, less what rounding may have added."""
    limit = problem.alpha / largest_score if largest_score > 0 else np.inf
    scale = problem.loss.best_scale(problem.centred, dual, problem.weights, limit)
    value = problem.dual_value(scale * dual)
    return value - ROUNDING * problem.dual_terms(scale * dual)


def proven(
    problem: Problem, objective: float, lower: float, rounding: Callable[[], float]
) -> float:
    """The bound. One that rounding put above the objective leaves open what rounding may have
    added: then it lies that far below. One that lies higher than ``rounding`` can tell contradicts
    the objective, and gives way to the one that always holds, that of the zero dual point.

    No bound exceeds an objective. One that does by more has proven nothing but a mistake; taken for
    a gap of zero it would pass for a proof of optimality.
    """
    if lower <= objective:
        return lower
    left_open = rounding()
    if lower - objective > left_open:
        return problem.floor
    return max(problem.floor, objective - left_open)


def relative_gap(objective: float, lower: float, floor: float = 0.0) -> float:
    """(objective − bound) / (objective − floor), with the problem's floor: losses that can be
    negative, by the unit of their targets perhaps, have no other zero. A perfect fit at no cost has
    no gap."""
    return (objective - lower) / (objective - floor) if objective > floor else 0.0


def total(parts: list[Certificate]) -> Certificate:
    """Of several networks: sums of objectives and bounds, the weakest scope, the largest
    dictionary."""
    objective, lower = (
        sum(getattr(part, name) for part in parts) for name in ("objective", "lower_bound")
    )
    bounds = [part.network_lower_bound for part in parts]
    known = [bound for bound in bounds if bound is not None]
    network = sum(known) if len(known) == len(bounds) else None
    return Certificate(
        objective=objective,
        lower_bound=lower,
        relative_gap=relative_gap(objective, lower),
        scope="exact" if all(part.scope == "exact" for part in parts) else "sampled",
        wedges_total=max(part.wedges_total for part in parts),
        wedges_priced=min(part.wedges_priced for part in parts),
        network_lower_bound=network,
        network_relative_gap=None if network is None else relative_gap(objective, network),
        bounded=any(part.bounded for part in parts),
    )
