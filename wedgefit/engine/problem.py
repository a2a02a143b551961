"""The one objective: what is minimised over the coefficients of a dictionary's hinges (theory,
section 4)."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from wedgefit.engine.losses import LOSSES, Loss

# An output bias beyond is sought from nothing, even where one close to it is known.
LARGEST_START = 1e4
# A sum below this part of what it adds up, without signs, is rounding.
SUMS_TO_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Problem:
    """loss(K z + t, y) + alpha Σ_j ‖z_j‖ over a dictionary's hinge columns K; t is 0 without
    ``intercept``.

    ``y`` is (n, K), K targets whose neurons are shared: z_j is a row (K,) and its norm is ‖·‖₂. A
    single target may be handed in as (n,). ``sample_weight`` (n,), positive, in any unit: only the
    ratios count; None weighs all rows alike. ``exposure`` (n,), positive: how long or how large
    what a row counts was; the loss is then that of the rates y / exposure, and a row weighs as many
    times as it was exposed.

    A network comes in two parts, both in the units of y: ``combined``, what its neurons add up to
    on the rows, shaped like y, and its output bias t. Kept apart, nothing large is ever added and
    taken away again: a loss of differences is computed from y less its mean.
    """

    y: np.ndarray
    alpha: float
    intercept: bool = True
    loss: Loss = LOSSES["squared"]
    sample_weight: np.ndarray | None = None
    exposure: np.ndarray | None = None

    def __post_init__(self) -> None:
        # The one door: behind it there are always K columns.
        if self.y.ndim == 1:
            object.__setattr__(self, "y", self.y[:, None])

    def on(self, rows: np.ndarray) -> "Problem":
        """The same problem on some of its rows (m,) alone."""
        weight, exposure = (
            None if part is None else part[rows] for part in (self.sample_weight, self.exposure)
        )
        return replace(self, y=self.y[rows], sample_weight=weight, exposure=exposure)

    @property
    def targets(self) -> int:
        """K, how many outputs the network has."""
        return self.y.shape[1]

    @cached_property
    def shares(self) -> np.ndarray:
        """What part of the whole each row is, (n,), adding up to one."""
        if self.sample_weight is None:
            return np.full(len(self.y), 1 / len(self.y))
        return self.sample_weight / self.sample_weight.sum()

    @cached_property
    def weights(self) -> np.ndarray:
        """The rows' parts of the loss, (n,): their shares, times their exposure."""
        return self.shares if self.exposure is None else self.shares * self.exposure

    @cached_property
    def rates(self) -> np.ndarray:
        """What the network's outputs are held against: y, or with an exposure y by unit of it."""
        return self.y if self.exposure is None else self.y / self.exposure[:, None]

    @cached_property
    def location(self) -> np.ndarray:
        """What an output bias takes out of y before anything is computed, (K,)."""
        if self.intercept and self.loss.of_differences:
            return self.weights @ self.rates
        return np.zeros(self.targets)

    @cached_property
    def centred(self) -> np.ndarray:
        """The rates less their location: the targets that every sum is formed with."""
        return self.rates - self.location

    @cached_property
    def floor(self) -> float:
        """The smallest loss that any outputs have on these rows, which is the dual value of the
        zero dual point: what a relative gap is measured above."""
        return self.dual_value(np.zeros_like(self.centred))

    def value(self, combined: np.ndarray, intercept: np.ndarray) -> float:
        """The loss of a network."""
        output = combined + (intercept - self.location)
        return self.loss.value(self.centred, output, self.weights)

    def objective(
        self, combined: np.ndarray, intercept: np.ndarray, coefficients: np.ndarray
    ) -> float:
        """The primal value of a network with these coefficients, (m, K)."""
        return self.value(combined, intercept) + self.alpha * float(row_norms(coefficients).sum())

    def shift(self, combined: np.ndarray, near: np.ndarray | None = None) -> np.ndarray:
        """The best output bias t (K,) for a network whose neurons add up to this; ``near``: a bias
        close to it, if one is known."""
        return self.location + self._beyond_location(combined, near)

    def settled(self, combined: np.ndarray) -> np.ndarray:
        """The neurons' sum with the best output bias in it, but for the location: the outputs for
        the targets less theirs."""
        return combined + self._beyond_location(combined)

    def dual_point(self, combined: np.ndarray, near: np.ndarray | None = None) -> np.ndarray:
        """The negative gradient at the best output bias, shaped like y: orthogonal to constants if
        there is a bias. ``near``: see ``shift``."""
        return self.dual_at(combined + self._beyond_location(combined, near))

    def dual_at(self, output: np.ndarray) -> np.ndarray:
        """The same at outputs that have their best bias (``settled``)."""
        dual = self.loss.negative_gradient(self.centred, output, self.weights)
        if not (self.intercept and self.loss.of_differences):
            return dual
        # Where the fit is close, what rounding left in the sum is not small beside the dual itself.
        return dual - self.weights[:, None] * dual.sum(axis=0)

    def curvature_at(self, output: np.ndarray, damping: float = 0.0) -> np.ndarray:
        """The loss's second derivative in outputs that have their best bias, shaped like y; where
        the loss is a line, ``damping`` times the largest there is."""
        curvature = self.loss.curvature(self.centred, output, self.weights)
        if curvature.all():
            return curvature
        largest = self.loss.largest_curvature(self.centred, self.weights)
        return curvature + (curvature == 0) * (damping * largest * self.weights[:, None])

    def null_dual(self) -> np.ndarray:
        """The dual point of the best network without neurons, shaped like y."""
        return self.dual_point(np.zeros_like(self.y))

    def dual_value(self, dual: np.ndarray) -> float:
        """The dual objective, −inf outside its domain; its best multiple bounds from below."""
        return self.loss.dual_value(self.centred, dual, self.weights)

    def dual_terms(self, dual: np.ndarray) -> float:
        """The sizes of the terms that ``dual_value`` adds up: units in their last place are what it
        may be off by."""
        return self.loss.dual_terms(self.centred, dual, self.weights)

    def _beyond_location(self, combined: np.ndarray, near: np.ndarray | None = None) -> np.ndarray:
        if not self.intercept:
            return self.location
        start = None if near is None else near - self.location
        # The biases of coupled outputs are sought together, which takes long from far away. So far
        # off as a damaged model says, nothing would be left of what the neurons add up to.
        if start is None or not self.loss.couples or not np.abs(start).max() < LARGEST_START:
            return self.loss.shift(self.centred, combined, self.weights)
        return start + self.loss.shift(self.centred, combined + start, self.weights)


def has_sum(v: np.ndarray) -> bool:
    """Whether the sum of some dual in v (n, K) is more than rounding, as without an output bias.

    Then a neuron whose hyperplane lies far beyond the rows scores without end.
    """
    return bool(np.any(np.abs(v.sum(axis=0)) > SUMS_TO_NOTHING * np.abs(v).sum(axis=0)))


def row_norms(coefficients: np.ndarray) -> np.ndarray:
    """‖z_j‖₂ of coefficients (m, K): (m,)."""
    if coefficients.shape[1] == 1:
        # No square, which would take time and the digits of the smallest numbers.
        return np.abs(coefficients[:, 0])
    return np.sqrt(np.vecdot(coefficients, coefficients))
