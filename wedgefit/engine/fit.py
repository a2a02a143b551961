"""A network on the rows that it was fitted to."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Wedges


@dataclass(frozen=True, eq=False)
class Fit:
    """A network on the training rows: its wedges (m), coefficients z (m, K), output bias t (K,),
    and what its neurons add up to there, (n, K)."""

    wedges: Wedges
    coefficients: np.ndarray
    intercept: np.ndarray
    combined: np.ndarray

    @property
    def output(self) -> np.ndarray:
        """What the network says on the training rows, (n, K)."""
        return self.combined + self.intercept

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The network's output on other rows (n, d), (n, K)."""
        return self.wedges.combine(X, self.coefficients) + self.intercept


def fit_on(
    X: np.ndarray,
    problem: Problem,
    wedges: Wedges,
    coefficients: np.ndarray,
    near: np.ndarray | None = None,
) -> Fit:
    """The network of these wedges with its best output bias, which is ``near`` this one if any is
    known."""
    combined = wedges.combine(X, coefficients)
    return Fit(wedges, coefficients, problem.shift(combined, near), combined)
