"""The squared loss: the mean, and nothing but linear algebra."""

import numpy as np

from wedgefit.engine.losses.base import OfNumbers


class Squared(OfNumbers):
    """½ Σ weights (output − y)²; with equal weights scikit-learn's ``Lasso`` scale, ‖output − y‖² /
    (2n)."""

    name = "squared"
    link = "identity"
    quadratic = True
    of_differences = True

    def value(self, y, output, weights) -> float:
        return 0.5 * float(np.sum(weights @ (output - y) ** 2))

    def negative_gradient(self, y, output, weights):
        return ((y - output).T * weights).T

    def curvature(self, y, output, weights):
        return np.broadcast_to(weights[:, None], output.shape)

    def largest_curvature(self, y, weights) -> float:
        return 1.0

    def shift(self, y, output, weights):
        return weights @ (y - output)

    def dual_value(self, y, dual, weights) -> float:
        return float(np.vdot(dual, y) - 0.5 * self._square(dual, weights))

    def dual_terms(self, y, dual, weights) -> float:
        return float(np.abs(dual * y).sum() + 0.5 * self._square(dual, weights))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        square = self._square(dual, weights)
        return min(limit, max(float(np.vdot(dual, y)), 0.0) / square) if square > 0 else 0.0

    def _square(self, dual, weights) -> float:
        return float(np.sum((dual.T**2) / weights))
