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
# Where classes are as frequent as expected, up to this in the logarithm, Newton is at home.
NEARBY = 1.0
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
        return float(weights @ _odds(y, output)[2][:, 0])

    def negative_gradient(self, y, output, weights):
        true, others, _ = _odds(y, output)
        return weights[:, None] * _pull(y, true, others)

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
        if not frequency.all():
            # A class that no row has: its best output is −∞.
            with np.errstate(divide="ignore"):
                return np.log(frequency)
        at, here = np.zeros(y.shape[1]), _Around.of(y, output, weights)
        with np.errstate(divide="ignore"):
            off = np.abs(np.log(frequency / (weights @ here.chances)))
        if off.max() > NEARBY:
            # Where all rows have the same outputs this is the answer; else a step of iterative
            # scaling, which takes every start to where Newton's method is at home.
            logs = log_softmax(output) + np.log(weights)[:, None]
            at = np.log(frequency) - np.logaddexp.reduce(logs, axis=0)
            at -= at.mean()
            here = _Around.of(y, output + at, weights)
        return self._newton(y, output, weights, at, here)

    def _newton(self, y, output, weights, at: np.ndarray, here: "_Around") -> np.ndarray:
        """The best constants from these on: Newton's method, damped where a step would not pay
        (Levenberg and Marquardt), as where all rows are far on one side."""
        damping = 0.0
        for _ in range(NEWTON_STEPS):
            for _ in range(TRIES):
                step = here.step(damping)
                if step is not None:
                    if not damping and np.abs(step).max() <= SETTLED * max(1.0, np.abs(at).max()):
                        # The error behind it is its square; what further steps find is rounding.
                        return at + step
                    there = _Around.of(y, output + (at + step), weights)
                    if there.improves_on(here):
                        break
                damping = max(10 * damping, LEAST_DAMPING)
            else:
                break
            at, here = at + step, there
            damping = damping / 100 if damping > LEAST_DAMPING else 0.0
        return at

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

    @classmethod
    def of(cls, y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> "_Around":
        """The loss around these outputs (n, K)."""
        true, others, losses = _odds(y, output)
        pull = _pull(y, true, others)
        whole = true + others.sum(axis=1, keepdims=True)
        chances = np.where(y > 0, true, others) / whole
        return cls(float(weights @ losses[:, 0]), weights @ pull, chances, weights)

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


def _odds(y: np.ndarray, output: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row: exp(−top); the odds of the other classes, exp(output_k − output_c − top), 0 for
    its own; and the loss. All (n, K) or (n, 1); top is chosen so that nothing overflows.

    The true class's own odds are left out, and its probability is never taken from one: of rows far
    on their side the digits would be lost.
    """
    # One run of memory per class: sums over a handful of classes take far longer than over rows.
    own, output = np.ascontiguousarray(y.T) > 0, np.ascontiguousarray(output.T)
    beside = output - np.where(own, output, 0.0).sum(axis=0)
    top = np.maximum(np.where(own, -np.inf, beside).max(axis=0), 0.0)
    others = np.where(own, 0.0, np.exp(beside - top))
    true, away = np.exp(-top), others.sum(axis=0)
    losses = np.where(top > 0, top + np.log(true + away), np.log1p(away))
    return true[:, None], others.T, losses[:, None]


def _pull(y: np.ndarray, true: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Minus the derivative of a row's loss in its outputs, (n, K), from its odds."""
    away = others.sum(axis=1, keepdims=True)
    return np.where(y > 0, away, -others) / (true + away)


def _entropy(part: np.ndarray) -> np.ndarray:
    """−part ln part, 0 at 0."""
    return -part * np.log(np.maximum(part, TINY))
