"""The logistic loss of two classes, and probabilities from log-odds."""

import numpy as np

from wedgefit.engine.losses.base import (
    LEAST_CURVATURE,
    TINY,
    OfNumbers,
    best_multiple,
    safeguarded_newton,
)


class Logistic(OfNumbers):
    """Σ weights ln(1 + exp(−y · output)) of labels y = ±1; the output is the log-odds of +1."""

    name = "logistic"
    link = "logistic"
    quadratic = False
    of_differences = False

    def value(self, y, output, weights) -> float:
        return float(np.sum(weights @ np.logaddexp(0.0, -y * output)))

    def negative_gradient(self, y, output, weights):
        return (weights * y.T).T * sigmoid(-y * output)

    def curvature(self, y, output, weights):
        return (np.maximum(sigmoid(output) * sigmoid(-output), LEAST_CURVATURE).T * weights).T

    def largest_curvature(self, y, weights) -> float:
        return 0.25

    def shift(self, y, output, weights):
        return np.array([self._shift(*column, weights) for column in zip(y.T, output.T)])

    def _shift(self, y, output, weights) -> float:
        """That of one output, y and output (n,)."""
        # The slope falls with t and has both signs where both labels occur; beyond these ends it is
        # settled.
        positive = float(weights[y > 0].sum())
        odds = np.log(positive) - np.log(float(weights[y < 0].sum()))
        low, high = odds - output.max() - 1e-9, odds - output.min() + 1e-9
        start = 0.0 if low < 0.0 < high else 0.5 * (low + high)
        pull, towards = weights * y, -y * output

        # Not ``curvature``, whose least value would make the steps too short where all rows are far
        # on their side.
        def slope_and_curvature(t: float) -> tuple[float, float]:
            wrong = sigmoid(towards - y * t)
            return float(pull @ wrong), float(weights @ (wrong * (1 - wrong)))

        return safeguarded_newton(slope_and_curvature, start, low, high)

    def dual_value(self, y, dual, weights) -> float:
        part = ((dual * y).T / weights).T
        if part.min(initial=0.0) < 0 or part.max(initial=0.0) > 1:
            return -np.inf
        return float(np.sum(weights @ (_entropy(part) + _entropy(1 - part))))

    def dual_terms(self, y, dual, weights) -> float:
        # −p ln p moves with p by |ln p + 1|; of 1 − p a unit in the last place of 1 is lost.
        part = np.clip(((dual * y).T / weights).T, 0.0, 1.0)
        steep = lambda p: 1 + np.abs(np.log(np.maximum(p, float(np.finfo(float).eps))))
        return float(np.sum(weights @ (part * steep(part) + steep(1 - part))))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        part = ((dual * y).T / weights).T
        largest = part.max(initial=0.0)
        if largest <= 0:
            return 0.0
        # The dual is concave in s, with this slope: −Σ weights · part · logit(s · part).
        weighted = dual * y
        slope = lambda s: float(
            np.vdot(weighted, np.log1p(-s * part) - np.log(np.maximum(s * part, TINY)))
        )
        end = min(limit, (1 - 1e-12) / largest)
        curvature = lambda s: float(np.vdot(weighted, 1 / (s * (1 - s * part))))
        return best_multiple(slope, curvature, end)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−x)), without overflow and exact in both tails."""
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (1.0 + small)


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """ln sigmoid(x), exact in both tails."""
    return -np.logaddexp(0.0, -x)


def _entropy(part: np.ndarray) -> np.ndarray:
    """−part ln part, 0 at 0."""
    return -part * np.log(np.maximum(part, TINY))


def one_against_rest(scores: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) from log-odds: of the second of two classes (n, 1), or of each
    class against the rest, (n, K), normalised."""
    if scores.shape[1] == 1:
        return np.hstack([sigmoid(-scores), sigmoid(scores)])
    # From logarithms, the largest taken out, so that rows far from every class do not divide zero
    # by zero.
    logarithms = log_sigmoid(scores)
    parts = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)
