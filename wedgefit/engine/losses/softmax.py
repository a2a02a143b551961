"""The loss of several classes whose outputs share their neurons: minus the logarithm of the true
class's probability, which the softmax of all outputs gives it."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.losses.base import LEAST_CURVATURE, TINY, OfNumbers, best_multiple

EPS = float(np.finfo(float).eps)
# The best constants take a handful of Newton steps; more where rows are so far out that the slope
# is made of jumps, and each step then some tries with more damping.
NEWTON_STEPS = 200
TRIES = 20
LEAST_DAMPING = 1e-12
SETTLED = 1e-9
FARTHEST = 1e6
# What rounding may leave of the sum of a row's dual point, which is zero.
NO_SUM = 1e-12


class Softmax(OfNumbers):
    """Σ weights (ln Σ_k exp(output_k) − output_c) of K > 1 columns of labels: +1 in that of the
    row's class c, −1 in the others. The outputs are logarithms of probabilities, up to a constant
    of the row.
    """

    name = "softmax"
    link = "softmax"
    quadratic = False
    of_differences = False
    couples = True

    def value(self, y, output, weights) -> float:
        return float(weights @ np.logaddexp.reduce(_beside_true(y, output), axis=1))

    def negative_gradient(self, y, output, weights):
        return _pull(y, softmax(output), weights)

    def curvature(self, y, output, weights):
        """For every output the largest that any direction of a row's outputs has (Gershgorin)."""
        chances = softmax(output)
        largest = 2 * (chances * (1 - chances)).max(axis=1, keepdims=True)
        rows = np.broadcast_to(np.maximum(largest, LEAST_CURVATURE), output.shape)
        return (rows.T * weights).T

    def largest_curvature(self, y, weights) -> float:
        return 0.5

    def shift(self, y, output, weights):
        frequency = weights @ (y > 0)
        # Where all rows have the same outputs this is the answer; else a step of iterative scaling,
        # which takes every start to where Newton's method is at home.
        logs = log_softmax(output) + np.log(weights)[:, None]
        with np.errstate(divide="ignore"):  # A class that no row has: its best output is −∞.
            at = np.log(frequency) - np.logaddexp.reduce(logs, axis=0)
        if not np.isfinite(at).all():
            return at
        return self._newton(y, output, weights, at - at.mean())

    def _newton(self, y, output, weights, at: np.ndarray) -> np.ndarray:
        """The best constants from these on: Newton's method, damped where a step would not pay
        (Levenberg and Marquardt), as where all rows are far on one side."""
        here, damping = self._around(y, output, weights, at), 0.0
        for _ in range(NEWTON_STEPS):
            for _ in range(TRIES):
                step = here.step(damping)
                if step is not None:
                    if not damping and np.abs(step).max() <= SETTLED * max(1.0, np.abs(at).max()):
                        # The error behind it is its square; what further steps find is rounding.
                        return at + step
                    there = self._around(y, output, weights, at + step)
                    if there.improves_on(here):
                        break
                damping = max(10 * damping, LEAST_DAMPING)
            else:
                break
            at, here = at + step, there
            damping = damping / 100 if damping > LEAST_DAMPING else 0.0
        return at

    def _around(self, y, output, weights, at: np.ndarray) -> "_Around":
        moved = output + at
        chances = softmax(moved)
        slope = _pull(y, chances, weights).sum(axis=0)
        return _Around(self.value(y, moved, weights), slope, chances, weights)

    def dual_value(self, y, dual, weights) -> float:
        part = (dual.T / weights).T
        others = np.where(y > 0, 0.0, -part)
        away = others.sum(axis=1)
        if others.min(initial=0.0) < 0 or away.max(initial=0.0) > 1:
            return -np.inf
        if np.abs(part.sum(axis=1)).max(initial=0.0) > NO_SUM:
            return -np.inf
        true = -(1 - away) * np.log1p(-np.minimum(away, 1 - EPS))
        return float(weights @ (_entropy(others).sum(axis=1) + true))

    def dual_terms(self, y, dual, weights) -> float:
        # −p ln p moves with p by |ln p + 1|; of 1 − p a unit in the last place of 1 is lost.
        others = np.where(y > 0, 0.0, np.clip((-dual.T / weights).T, 0.0, 1.0))
        true = np.maximum(1 - others.sum(axis=1), EPS)
        steep = lambda p: 1 + np.abs(np.log(np.maximum(p, EPS)))
        return float(weights @ ((others * steep(others)).sum(axis=1) + steep(true)))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        part = (dual.T / weights).T
        largest = np.where(y > 0, part, 0.0).max(initial=0.0)
        if largest <= 0:
            return 0.0
        hit, end = (y > 0).astype(float), min(limit, (1 - 1e-12) / largest)
        # The dual is concave in s, with this slope: Σ dual · ln(the probabilities at s).
        at = lambda s: np.maximum(hit - s * part, TINY)
        slope = lambda s: float(np.vdot(dual, np.log(at(s))))
        curvature = lambda s: float(np.vdot(dual, part / at(s)))
        return best_multiple(slope, curvature, end)


@dataclass(frozen=True, eq=False)
class _Around:
    """The loss as a function of constants (K,) that are added to the outputs: at some of them its
    value, minus its derivative, and the probabilities (n, K), from which the second follows."""

    value: float
    slope: np.ndarray
    chances: np.ndarray
    weights: np.ndarray

    def step(self, damping: float) -> np.ndarray | None:
        """Newton's step, which leaves the mean of the constants, as that changes nothing; None
        where it leads beyond all numbers."""
        matrix = -(self.chances.T * self.weights) @ self.chances
        diagonal = np.einsum("ii->i", matrix)
        diagonal += self.weights @ self.chances
        # The mean counts as one more direction of the matrix's size.
        matrix += float(diagonal.sum()) / len(matrix) ** 2
        diagonal += damping + TINY
        try:
            step = np.linalg.solve(matrix, self.slope)
        except np.linalg.LinAlgError:
            return None
        return step - step.mean() if np.abs(step).max() < FARTHEST else None

    def improves_on(self, other: "_Around") -> bool:
        """Whether it lies lower; where the value does not tell, whether it is flatter."""
        slack = 4 * EPS * abs(other.value)
        flatter = np.abs(self.slope).max() < np.abs(other.slope).max()
        return self.value < other.value - slack or flatter and self.value <= other.value + slack


def softmax(output: np.ndarray) -> np.ndarray:
    """exp(output_k) / Σ exp(output), row by row of (n, K), without overflow."""
    return np.exp(log_softmax(output))


def log_softmax(output: np.ndarray) -> np.ndarray:
    """Its logarithm."""
    below = output - output.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _pull(y: np.ndarray, chances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Minus the loss's derivative in the outputs that give these chances, (n, K)."""
    # That of the true class as what the others have: taken from one, it would lose the digits of
    # rows far on their side.
    others = np.where(y > 0, 0.0, chances)
    return (np.where(y > 0, others.sum(axis=1, keepdims=True), -others).T * weights).T


def _beside_true(y: np.ndarray, output: np.ndarray) -> np.ndarray:
    """The outputs less that of the row's class, (n, K)."""
    return output - np.where(y > 0, output, 0.0).sum(axis=1, keepdims=True)


def _entropy(part: np.ndarray) -> np.ndarray:
    """−part ln part, 0 at 0."""
    return -part * np.log(np.maximum(part, TINY))
