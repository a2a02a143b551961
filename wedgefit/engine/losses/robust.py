"""Huber's loss, which large residuals cannot pull: its slope is bounded."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.losses.base import INSIDE

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Huber:
    """Σ weights h(output − y): half the square up to ``delta`` (in units of y), beyond it a line
    that goes on as steeply."""

    delta: float = 1.0

    name = "huber"
    quadratic = False
    of_differences = True

    def value(self, y, output, weights) -> float:
        away = np.abs(output - y)
        near = np.minimum(away, self.delta)
        return float(np.sum(weights @ (near * (away - 0.5 * near))))

    def negative_gradient(self, y, output, weights):
        return (np.clip(y - output, -self.delta, self.delta).T * weights).T

    def curvature(self, y, output, weights):
        # Of the parabola that touches the loss here and lies above it everywhere.
        away = np.maximum(np.abs(output - y), self.delta)
        return (self.delta / away.T * weights).T

    def shift(self, y, output, weights):
        return balanced(y - output, weights, -self.delta, self.delta)

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


def balanced(rest: np.ndarray, weights: np.ndarray, low: float, high: float):
    """The t at which Σ weights clip(rest − t, low, high) is zero: a number, or (K,) of rest (n, K).

    Of an interval of such t its middle.
    """
    if rest.ndim == 2:
        return np.array([balanced(column, weights, low, high) for column in rest.T])
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
