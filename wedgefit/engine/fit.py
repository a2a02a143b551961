"""A network on the rows that it was fitted to."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Wedges


@dataclass(frozen=True, eq=False)
class Fit:
    """A network on the training rows: its wedges (m), coefficients z (m,), output bias t, and what
    its neurons add up to there, (n,).

    With several targets coefficients are (m, K), the bias (K,) and the sum (n, K).
    """

    wedges: Wedges
    coefficients: np.ndarray
    intercept: float | np.ndarray
    combined: np.ndarray

    @property
    def output(self) -> np.ndarray:
        """What the network says on the training rows, shaped like the targets."""
        return self.combined + self.intercept

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The network's output on other rows (n, d)."""
        return self.wedges.combine(X, self.coefficients) + self.intercept


def fit_on(X: np.ndarray, problem: Problem, wedges: Wedges, coefficients: np.ndarray) -> Fit:
    """The network of these wedges with its best output bias."""
    combined = wedges.combine(X, coefficients)
    return Fit(wedges, coefficients, problem.shift(combined), combined)
