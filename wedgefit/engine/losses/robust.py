"""Losses that large residuals cannot pull, since their slopes are bounded: Huber's, and that of a
quantile."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.losses.base import INSIDE, OfNumbers

# The kink of a quantile's loss is rounded over this part of the mean size of the targets: what that
# leaves open is part of the gap. Ten times narrower, rounding blurred the slopes
# within where alpha was a hundredth of alpha_max.
WIDTH = 1e-6
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Huber(OfNumbers):
    """Σ weights h(output − y): half the square up to ``delta`` (in units of y), beyond it a line
    that goes on as steeply."""

    delta: float = 1.0

    name = "huber"
    link = "identity"
    quadratic = False
    of_differences = True

    def value(self, y, output, weights) -> float:
        away = np.abs(output - y)
        near = np.minimum(away, self.delta)
        return float(np.sum(weights @ (near * (away - 0.5 * near))))

    def negative_gradient(self, y, output, weights):
        return (np.clip(y - output, -self.delta, self.delta).T * weights).T

    def curvature(self, y, output, weights):
        return (np.where(np.abs(output - y) < self.delta, 1.0, 0.0).T * weights).T

    def largest_curvature(self, y, weights) -> float:
        return 1.0

    def shift(self, y, output, weights):
        rest = y - output
        return np.array([balanced(part, weights, -self.delta, self.delta) for part in rest.T])

    def dual_value(self, y, dual, weights) -> float:
        part = (dual.T / weights).T
        if np.abs(part).max(initial=0.0) > self.delta:
            return -np.inf
        return float(np.vdot(dual, y) - 0.5 * np.vdot(dual, part))

    def dual_terms(self, y, dual, weights) -> float:
        return float(np.abs(dual * y).sum() + 0.5 * np.vdot(dual, (dual.T / weights).T))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        part = (dual.T / weights).T
        square, largest = float(np.vdot(dual, part)), np.abs(part).max(initial=0.0)
        if square <= 0:
            return 0.0
        best = max(float(np.vdot(dual, y)), 0.0) / square
        return min(limit, best, INSIDE * self.delta / largest)


@dataclass(frozen=True)
class Quantile(OfNumbers):
    """Σ weights max(level (y − output), (level − 1) (y − output)), smallest where a part ``level``
    of the rows lies below the output.

    Value and dual are those of the kink. The slope within it is that of a parabola so narrow that
    no figure shows it, so that the output alone says which dual point belongs to it.
    """

    level: float = 0.5

    name = "quantile"
    link = "identity"
    quadratic = False
    of_differences = True

    @property
    def rounded(self) -> "RoundedQuantile":
        """The loss that has this one's slopes for its own."""
        return RoundedQuantile(self.level)

    def value(self, y, output, weights) -> float:
        rest = y - output
        return float(np.sum(weights @ np.maximum(self.level * rest, (self.level - 1) * rest)))

    def negative_gradient(self, y, output, weights):
        steep = (y - output) / self.width(y, weights) + (self.level - 0.5)
        return (np.clip(steep, self.level - 1, self.level).T * weights).T

    def curvature(self, y, output, weights):
        width = self.width(y, weights)
        return (np.where(2 * np.abs(y - output) < width, 1 / width, 0.0).T * weights).T

    def largest_curvature(self, y, weights) -> float:
        return 1 / self.width(y, weights)

    def shift(self, y, output, weights):
        width = self.width(y, weights)
        rest = (y - output) + width * (self.level - 0.5)
        ends = (self.level - 1) * width, self.level * width
        return np.array([balanced(part, weights, *ends) for part in rest.T])

    def dual_value(self, y, dual, weights) -> float:
        part = (dual.T / weights).T
        if part.min(initial=0.0) < self.level - 1 or part.max(initial=0.0) > self.level:
            return -np.inf
        return float(np.vdot(dual, y))

    def dual_terms(self, y, dual, weights) -> float:
        return float(np.abs(dual * y).sum())

    def best_scale(self, y, dual, weights, limit: float) -> float:
        if np.vdot(dual, y) <= 0:
            return 0.0
        part = (dual.T / weights).T
        used = max(part.max() / self.level, part.min() / (self.level - 1))
        return min(limit, INSIDE / used)

    def width(self, y, weights) -> float:
        """Over how much of the output the kink is rounded."""
        return WIDTH * float(np.mean(weights @ np.abs(y)) / weights.sum()) or WIDTH


class RoundedQuantile(Quantile):
    """The loss of a quantile with its kink rounded: what the solver minimises in its place
    (Nesterov, Smooth minimization of non-smooth functions, 2005)."""

    def value(self, y, output, weights) -> float:
        rest, middle, width = y - output, self.level - 0.5, self.width(y, weights)
        part = np.clip(rest / width + middle, self.level - 1, self.level)
        return float(np.sum(weights @ (part * rest - 0.5 * width * (part - middle) ** 2)))


@dataclass(frozen=True)
class Quantiles(OfNumbers):
    """Several quantiles of one target: outputs (n, K), one for each of the ``levels``, ascending,
    held against y (n, 1). Each has a network and a problem of its own, those of ``parts``.

    What is predicted are the outputs of a row in ascending order, so that none of the quantiles
    crosses another on any row. No target has a larger loss by that: of the sum over the levels only
    −Σ level · output depends on the order, and it is smallest in the ascending one (Chernozhukov,
    Fernández-Val and Galichon, Econometrica 78, 2010).
    """

    levels: tuple[float, ...]

    name = "quantile"
    link = "sorted"

    @property
    def parts(self) -> tuple[Quantile, ...]:
        """The loss of every output."""
        return tuple(map(Quantile, self.levels))

    def value(self, y, output, weights) -> float:
        """The loss of what is predicted."""
        columns = np.sort(output, axis=1).T[:, :, None]
        return sum(part.value(y, column, weights) for part, column in zip(self.parts, columns))


def balanced(rest: np.ndarray, weights: np.ndarray, low: float, high: float) -> float:
    """The t at which Σ weights clip(rest − t, low, high) is zero, for rest (n,); of an interval of
    such t its middle."""
    total = lambda t: float(weights @ np.clip(rest - t, low, high))
    ends = np.unique(np.concatenate([rest - high, rest - low]))
    # What rounding in the ends leaves of a sum that is zero.
    slack = 8 * EPS * float(weights.sum()) * (float(np.abs(ends).max()) + high - low)
    start = _first(ends, lambda t: total(t) <= slack)
    stop = _first(ends, lambda t: total(t) < -slack) - 1
    if start <= stop:
        t = 0.5 * float(ends[start] + ends[stop])
    else:
        left, right = float(ends[stop]), float(ends[start])
        above, below = total(left), total(right)
        t = left + (right - left) * above / (above - below)
    inside = float(weights[(rest - t > low) & (rest - t < high)].sum())
    moved = t + total(t) / inside if inside > 0 else t
    return moved if abs(total(moved)) < abs(total(t)) else t


def _first(ends: np.ndarray, holds) -> int:
    """The first place of these ends, sorted, at which a condition holds that then goes on to
    hold; their number if there is none."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(float(ends[middle])) else (middle + 1, high)
    return low
