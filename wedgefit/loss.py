"""The loss of the network's output: value, negative gradient and dual value. Nothing here iterates."""

import numpy as np


class Squared:
    """‖f − y‖² / (2n), scikit-learn's ``Lasso`` scale."""

    name = "squared"

    def value(self, y: np.ndarray, output: np.ndarray) -> float:
        """The loss of ``output`` (n,) on the targets ``y`` (n,)."""
        return float(np.sum((output - y) ** 2)) / (2 * len(y))

    def negative_gradient(self, y: np.ndarray, output: np.ndarray) -> np.ndarray:
        """−∂loss/∂output, (n,): the residual over n."""
        return (y - output) / len(y)

    def dual_value(self, y: np.ndarray, dual: np.ndarray) -> float:
        """The dual objective at a feasible point ``dual`` (n,): dualᵀy − (n/2)‖dual‖²."""
        return float(dual @ y - 0.5 * len(y) * dual @ dual)

    def best_scale(self, y: np.ndarray, dual: np.ndarray, limit: float) -> float:
        """The s in [0, limit] that makes ``dual_value(y, s · dual)`` largest (theory, section 4)."""
        square = len(y) * float(dual @ dual)
        return min(limit, max(float(dual @ y), 0.0) / square) if square > 0 else 0.0
