"""Losses of positive means on the scale of their logarithm: Poisson's for counts, gamma's for
amounts."""

import numpy as np

from wedgefit.engine.losses.base import LEAST_CURVATURE, TINY, best_multiple

EPS = float(np.finfo(float).eps)


class Poisson:
    """Σ weights (exp(output) − y · output) of rates y ≥ 0; the output is the logarithm of the
    expected one."""

    name = "poisson"
    targets = "counts, from 0 up"
    link = "log"
    quadratic = False
    of_differences = False
    couples = False

    def refuses(self, y):
        return y < 0

    def value(self, y, output, weights) -> float:
        with np.errstate(over="ignore"):
            return float(np.sum(weights @ (np.exp(output) - y * output)))

    def negative_gradient(self, y, output, weights):
        with np.errstate(over="ignore"):
            return ((y - np.exp(output)).T * weights).T

    def curvature(self, y, output, weights):
        with np.errstate(over="ignore"):
            return (np.maximum(np.exp(output), LEAST_CURVATURE).T * weights).T

    def largest_curvature(self, y, weights) -> float:
        return np.inf

    def shift(self, y, output, weights):
        # The largest output taken out first: its exponential alone may be no number.
        largest = output.max(axis=0)
        with np.errstate(divide="ignore"):  # Where every rate is zero the best output is −∞.
            return np.log(weights @ y) - np.log(weights @ np.exp(output - largest)) - largest

    def dual_value(self, y, dual, weights) -> float:
        mean = y - (dual.T / weights).T
        return _entropy_of(mean, weights) if mean.min(initial=0.0) >= 0 else -np.inf

    def dual_terms(self, y, dual, weights) -> float:
        mean = np.maximum(y - (dual.T / weights).T, 0.0)
        # mean − mean ln mean moves by |ln mean| with a mean that is as exact as the rate it comes
        # from.
        steep = 1 + np.abs(np.log(np.maximum(mean, EPS * y + TINY)))
        return float(np.sum(weights @ (np.maximum(mean, y) * steep)))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        part = (dual.T / weights).T
        if not part.any():
            return 0.0
        # Where a rate would fall below zero.
        ends = y[part > 0] / part[part > 0]
        end = min(limit, float(ends.min(initial=np.inf)) * (1 - 1e-12))
        # The dual is concave in s, with this slope: Σ weights · part · ln(y − s · part).
        slope = lambda s: float(np.vdot(dual, np.log(np.maximum(y - s * part, TINY))))
        curvature = lambda s: float(np.vdot(dual, part / np.maximum(y - s * part, TINY)))
        return best_multiple(slope, curvature, end)


class Gamma:
    """Σ weights (y · exp(−output) + output) of amounts y > 0; the output is the logarithm of the
    expected one."""

    name = "gamma"
    targets = "amounts above 0"
    link = "log"
    quadratic = False
    of_differences = False
    couples = False

    def refuses(self, y):
        return y <= 0

    def value(self, y, output, weights) -> float:
        with np.errstate(over="ignore"):
            return float(np.sum(weights @ (y * np.exp(-output) + output)))

    def negative_gradient(self, y, output, weights):
        with np.errstate(over="ignore"):
            return ((y * np.exp(-output) - 1).T * weights).T

    def curvature(self, y, output, weights):
        with np.errstate(over="ignore"):
            return (np.maximum(y * np.exp(-output), LEAST_CURVATURE).T * weights).T

    def largest_curvature(self, y, weights) -> float:
        return np.inf

    def shift(self, y, output, weights):
        exponents = np.log(y) - output
        largest = exponents.max(axis=0)
        return np.log((weights @ np.exp(exponents - largest)) / weights.sum()) + largest

    def dual_value(self, y, dual, weights) -> float:
        ratio = 1 + (dual.T / weights).T
        if ratio.min(initial=1.0) < 0:
            return -np.inf
        return _entropy_of(ratio, weights) + float(np.vdot(dual.T + weights, np.log(y).T))

    def dual_terms(self, y, dual, weights) -> float:
        ratio = np.maximum(1 + (dual.T / weights).T, 0.0)
        steep = 1 + np.abs(np.log(np.maximum(ratio, EPS))) + np.abs(np.log(y))
        return float(np.sum(weights @ (np.maximum(ratio, 1.0) * steep)))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        part = (dual.T / weights).T
        least = part.min(initial=0.0)
        end = min(limit, (1 - 1e-12) / -least) if least < 0 else limit
        if not part.any():
            return 0.0
        # The dual is concave in s, with this slope: Σ weights · part · (ln y − ln(1 + s · part)).
        slope = lambda s: float(np.vdot(dual, np.log(y) - np.log(np.maximum(1 + s * part, TINY))))
        curvature = lambda s: float(np.vdot(dual, part / np.maximum(1 + s * part, TINY)))
        return best_multiple(slope, curvature, end)


def _entropy_of(mean: np.ndarray, weights: np.ndarray) -> float:
    """Σ weights (mean − mean ln mean), with 0 ln 0 = 0."""
    return float(np.sum(weights @ (mean - mean * np.log(np.maximum(mean, TINY)))))
