"""The loss of several classes whose outputs share their neurons: minus the logarithm of the true
class's probability, which the softmax of all outputs gives it."""

from dataclasses import dataclass
from functools import cached_property

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
        return self.around(y, output, weights).value

    def negative_gradient(self, y, output, weights):
        return self.around(y, output, weights).pull.T

    def around(self, y, output, weights) -> "Around":
        """The loss at these outputs (n, K), with what its derivatives are made of."""
        return Around(_by_class(y) > 0, _by_class(output), weights)

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
        at, here = np.zeros(y.shape[1]), self.around(y, output, weights)
        with np.errstate(divide="ignore", over="ignore"):
            off = np.abs(np.log(frequency / (here.chances @ weights)))
        if off.max() > NEARBY:
            # Where all rows have the same outputs this is the answer; else a step of iterative
            # scaling, which takes every start to where Newton's method is at home.
            logs = log_softmax(output) + np.log(weights)[:, None]
            at = np.log(frequency) - np.logaddexp.reduce(logs, axis=0)
            at -= at.mean()
            here = self.around(y, output + at, weights)
        return self._newton(_by_class(output), at, here)

    def _newton(self, output: np.ndarray, at: np.ndarray, here: "Around") -> np.ndarray:
        """The best constants from these on, for outputs (K, n): Newton's method, damped where a
        step would not pay (Levenberg and Marquardt), as where all rows are far on one side."""
        damping = 0.0
        for _ in range(NEWTON_STEPS):
            for _ in range(TRIES):
                step = here.step(damping)
                if step is not None:
                    if not damping and np.abs(step).max() <= SETTLED * max(1.0, np.abs(at).max()):
                        # The error behind it is its square; what further steps find is rounding.
                        return at + step
                    there = here.moved_to(output + (at + step)[:, None])
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
class Around:
    """The loss at some outputs (K, n) of rows with these weights (n,), whose ``own`` class is
    marked (K, n), and what its derivatives are made of.

    One run of memory per class: sums over a handful of classes take far longer than over rows.
    """

    own: np.ndarray
    output: np.ndarray
    weights: np.ndarray

    def moved_to(self, output: np.ndarray) -> "Around":
        """The loss of the same rows at other outputs (K, n)."""
        return Around(self.own, output, self.weights)

    @cached_property
    def _odds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return _odds(self.own, self.output)

    @cached_property
    def value(self) -> float:
        """The loss."""
        true, _, away, top = self._odds
        # Of rows far on their side only the odds of the others are left, which are far below one.
        return float(self.weights @ (top + np.log1p((true - 1) + away)))

    @cached_property
    def pull(self) -> np.ndarray:
        """Minus the loss's derivative in the outputs, (K, n)."""
        true, others, away, _ = self._odds
        return np.where(self.own, away, -others) * (self.weights / (true + away))

    @cached_property
    def chances(self) -> np.ndarray:
        """The classes' probabilities, (K, n), from which the second derivative follows."""
        true, others, away, _ = self._odds
        return np.where(self.own, true, others) / (true + away)

    @cached_property
    def slope(self) -> np.ndarray:
        """Minus its derivative in constants (K,) that are added to the outputs."""
        return self.pull.sum(axis=1)

    def step(self, damping: float) -> np.ndarray | None:
        """Newton's step of such constants, which leaves their mean, as that changes nothing; None
        where it leads beyond all numbers."""
        # Who predicts needs no scipy.
        from scipy.linalg import lapack

        weighted = self.chances * self.weights
        matrix = -weighted @ self.chances.T
        diagonal = matrix.reshape(-1)[:: len(matrix) + 1]
        diagonal += weighted.sum(axis=1)
        # The mean counts as one more direction of the matrix's size.
        matrix += float(diagonal.sum()) / len(matrix) ** 2
        diagonal += damping + TINY
        _, step, failed = lapack.dposv(matrix, self.slope)
        return step - step.mean() if not failed and np.abs(step).max() < FARTHEST else None

    def improves_on(self, other: "Around") -> bool:
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


def _by_class(rows: np.ndarray) -> np.ndarray:
    """(n, K) as (K, n), one run of memory per class."""
    return np.ascontiguousarray(rows.T)


def _odds(
    own: np.ndarray, output: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each row, whose own class is marked (K, n): exp(−top), (n,); the odds of the other
    classes, exp(output_k − output_c − top), 0 for its own, (K, n); their sum, (n,); and top, (n,),
    the least at which nothing overflows.

    The true class's own odds are left out, and its probability is never taken from one: of rows far
    on their side the digits would be lost.
    """
    beside = output - np.where(own, output, 0.0).sum(axis=0)
    # Beside itself the own class lies at zero.
    top = beside.max(axis=0)
    others = np.exp(beside - top)
    others[own] = 0.0
    return np.exp(-top), others, others.sum(axis=0), top


def _entropy(part: np.ndarray) -> np.ndarray:
    """−part ln part, 0 at 0."""
    return -part * np.log(np.maximum(part, TINY))
