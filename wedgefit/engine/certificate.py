"""The one objective, its dual lower bound, and the gap between them with its scope (theory, section
4)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wedgefit.engine.loss import LOSSES, Loss


@dataclass(frozen=True, eq=False)
class Problem:
    """loss(K z + t, y) + alpha Σ_j ‖z_j‖ over a dictionary's hinge columns K; t is 0 without
    ``intercept``.

    ``y`` is (n,), or (n, K) for several targets whose neurons are shared: then z_j is a row (K,)
    and its norm is ‖·‖₂. ``sample_weight`` (n,), positive, in any unit: only the ratios count; None
    weighs all rows alike.
    """

    y: np.ndarray
    alpha: float
    intercept: bool = True
    loss: Loss = LOSSES["squared"]
    sample_weight: np.ndarray | None = None

    @cached_property
    def weights(self) -> np.ndarray:
        """The rows' parts of the loss, (n,), adding up to one."""
        if self.sample_weight is None:
            return np.full(len(self.y), 1 / len(self.y))
        return self.sample_weight / self.sample_weight.sum()

    def objective(self, output: np.ndarray, coefficients: np.ndarray) -> float:
        """The primal value of a network with this output, shaped like y, and these coefficients,
        (m,) or (m, K)."""
        return self.loss.value(self.y, output, self.weights) + self.alpha * float(
            row_norms(coefficients).sum()
        )

    def shift(self, output: np.ndarray):
        """The best output bias t for a network whose neurons give ``output``: a number, or (K,)."""
        return (
            self.loss.shift(self.y, output, self.weights)
            if self.intercept
            else np.zeros(self.y.shape[1:])[()]
        )

    def null_output(self) -> np.ndarray:
        """The output of the best network without neurons, shaped like y."""
        nothing = np.zeros_like(self.y)
        return nothing + self.shift(nothing)

    def dual_point(self, output: np.ndarray) -> np.ndarray:
        """The negative gradient at the output with its best bias, shaped like y: orthogonal to
        constants if there is a bias."""
        return self.loss.negative_gradient(self.y, output + self.shift(output), self.weights)


def row_norms(coefficients: np.ndarray) -> np.ndarray:
    """|z_j| of coefficients (m,), ‖z_j‖₂ of those of several targets, (m, K): (m,)."""
    return np.abs(coefficients) if coefficients.ndim == 1 else np.linalg.norm(coefficients, axis=1)


@dataclass(frozen=True)
class Certificate:
    """How far a network is, at most, from the optimum, and among which wedges.

    ``scope`` is "exact" when every wedge of the dictionary was priced, else "sampled": then the
    bound speaks only of the ``wedges_priced`` wedges looked at in the last round. The network bound
    holds against *all* networks with weight decay (of the class named by the order), and is None
    where no such proof exists.
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
    """The certificate of a network, from its output and coefficients, and a pricing of its dual
    point."""
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
    """The dual value at the best feasible multiple of ``dual``, given the largest score of any
    neuron under it."""
    limit = problem.alpha / largest_score if largest_score > 0 else np.inf
    scale = problem.loss.best_scale(problem.y, dual, problem.weights, limit)
    return problem.loss.dual_value(problem.y, scale * dual, problem.weights)


def relative_gap(objective: float, lower: float) -> float:
    """(objective − bound) / objective, not below zero (rounding can put the bound a few ulps
    above)."""
    return max(objective - lower, 0.0) / objective if objective > 0 else 0.0
