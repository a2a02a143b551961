"""The one objective, its dual lower bound, and the gap between them with its scope (theory, section 4)."""

from dataclasses import dataclass

import numpy as np

from wedgefit.loss import Squared


@dataclass(frozen=True, eq=False)
class Problem:
    """loss(K z + t, y) + alpha ‖z‖₁ over a dictionary's hinge columns K; t is 0 without ``intercept``."""

    y: np.ndarray
    alpha: float
    intercept: bool = True
    loss: Squared = Squared()

    def objective(self, output: np.ndarray, coefficients: np.ndarray) -> float:
        """The primal value of a network with this output (n,) and these coefficients (m,)."""
        return self.loss.value(self.y, output) + self.alpha * float(np.abs(coefficients).sum())

    def null_output(self) -> np.ndarray:
        """The output of the best network without neurons, (n,)."""
        return np.full(len(self.y), self.y.mean() if self.intercept else 0.0)

    def dual_point(self, output: np.ndarray) -> np.ndarray:
        """The negative gradient, made orthogonal to constants when there is an intercept, (n,)."""
        dual = self.loss.negative_gradient(self.y, output)
        return dual - dual.mean() if self.intercept else dual


@dataclass(frozen=True)
class Certificate:
    """How far a network is, at most, from the optimum, and among which wedges.

    ``scope`` is "exact" when every wedge of the dictionary was priced, else "sampled": then the bound speaks only of
    the ``wedges_priced`` wedges looked at in the last round. The network bound holds against *all* networks with
    weight decay (of the class named by the order), and is None where no such proof exists.
    """

    objective: float
    lower_bound: float
    relative_gap: float
    scope: str
    wedges_total: int
    wedges_priced: int
    network_lower_bound: float | None
    network_relative_gap: float | None


def certify(problem: Problem, output, coefficients, priced) -> Certificate:
    """The certificate of a network, from its output (n,), coefficients (m,) and a pricing of its dual point."""
    objective = problem.objective(output, coefficients)
    dual = problem.dual_point(output)
    lower = lower_bound(problem, dual, priced.bound)
    network = None if priced.supremum is None else lower_bound(problem, dual, priced.supremum)
    return Certificate(
        objective=objective,
        lower_bound=lower,
        relative_gap=relative_gap(objective, lower),
        scope="exact" if priced.exact else "sampled",
        wedges_total=priced.wedges_total,
        wedges_priced=priced.wedges_priced,
        network_lower_bound=network,
        network_relative_gap=None if network is None else relative_gap(objective, network),
    )


def lower_bound(problem: Problem, dual: np.ndarray, largest_score: float) -> float:
    """The dual value at the best feasible multiple of ``dual``, given the largest score of any neuron under it."""
    limit = problem.alpha / largest_score if largest_score > 0 else np.inf
    scale = problem.loss.best_scale(problem.y, dual, limit)
    return problem.loss.dual_value(problem.y, scale * dual)


def relative_gap(objective: float, lower: float) -> float:
    """(objective − bound) / objective, not below zero (rounding can put the bound a few ulps above)."""
    return max(objective - lower, 0.0) / objective if objective > 0 else 0.0
