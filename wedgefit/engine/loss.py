"""The losses of a network's output. A further convex loss is one more class with these methods.

Every method sees the targets ``y`` and the network's ``output``, both (n,), and the rows'
``weights`` (n,), positive and adding up to one. A loss is Σ weights_i ℓ(y_i, output_i) with ℓ
convex in the output. The squared loss also takes several targets at once, y and output (n, K).
"""

from typing import Protocol

# Only numpy: the model file's commands read this module too, and scipy would double the time they
# take to start.
import numpy as np

# Curvature never counts as less than this part of a row's weight: rows far on their side would make
# the Newton step singular.
LEAST_CURVATURE = 1e-9
TINY = 1e-300


class Loss(Protocol):
    """What the solver asks of a loss."""

    name: str
    quadratic: bool  # the curvature is the same everywhere
    of_differences: bool  # only y − output counts, so that a shift of both changes nothing

    def value(self, y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> float:
        """The loss itself."""

    def negative_gradient(
        self, y: np.ndarray, output: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """−∂loss/∂output, shaped like the output."""

    def curvature(self, y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """∂²loss/∂output², (n,), positive."""

    def shift(self, y: np.ndarray, output: np.ndarray, weights: np.ndarray):
        """The constant t that makes the loss of output + t smallest: a number, or (K,)."""

    def dual_value(self, y: np.ndarray, dual: np.ndarray, weights: np.ndarray) -> float:
        """The dual objective at ``dual``, shaped like the output (theory, section 4); −inf outside
        its domain."""

    def dual_terms(self, y: np.ndarray, dual: np.ndarray, weights: np.ndarray) -> float:
        """The sizes of the terms that ``dual_value`` adds up, each with what it gains from one unit
        in the last place of what it is computed from."""

    def best_scale(
        self, y: np.ndarray, dual: np.ndarray, weights: np.ndarray, limit: float
    ) -> float:
        """The s in [0, limit] that makes ``dual_value`` of s · dual largest."""


class Squared:
    """½ Σ weights (output − y)²; with equal weights scikit-learn's ``Lasso`` scale, ‖output − y‖² /
    (2n)."""

    name = "squared"
    quadratic = True
    of_differences = True

    def value(self, y, output, weights) -> float:
        return 0.5 * float(np.sum(weights @ (output - y) ** 2))

    def negative_gradient(self, y, output, weights):
        return ((y - output).T * weights).T

    def curvature(self, y, output, weights):
        return weights

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


class Logistic:
    """Σ weights ln(1 + exp(−y · output)) of labels y = ±1; the output is the log-odds of +1."""

    name = "logistic"
    quadratic = False
    of_differences = False

    def value(self, y, output, weights) -> float:
        return float(weights @ np.logaddexp(0.0, -y * output))

    def negative_gradient(self, y, output, weights):
        return weights * y * sigmoid(-y * output)

    def curvature(self, y, output, weights):
        return weights * np.maximum(sigmoid(output) * sigmoid(-output), LEAST_CURVATURE)

    def shift(self, y, output, weights) -> float:
        # The slope falls with t and has both signs where both labels occur; beyond these ends it is
        # settled.
        positive = float(weights[y > 0].sum())
        odds = np.log(positive) - np.log(float(weights[y < 0].sum()))
        low, high = odds - output.max() - 1e-9, odds - output.min() + 1e-9
        slope = lambda t: float(self.negative_gradient(y, output + t, weights).sum())
        start = 0.0 if low < 0.0 < high else 0.5 * (low + high)
        # Not ``curvature``, whose least value would make the steps too short where all rows are far
        # on their side.
        curvature = lambda t: float(weights @ (sigmoid(output + t) * sigmoid(-output - t)))
        return _safeguarded_newton(slope, curvature, start, low, high)

    def dual_value(self, y, dual, weights) -> float:
        part = dual * y / weights
        if part.min(initial=0.0) < 0 or part.max(initial=0.0) > 1:
            return -np.inf
        return float(weights @ (_entropy(part) + _entropy(1 - part)))

    def dual_terms(self, y, dual, weights) -> float:
        # −p ln p moves with p by |ln p + 1|; of 1 − p a unit in the last place of 1 is lost.
        part = np.clip(dual * y / weights, 0.0, 1.0)
        steep = lambda p: 1 + np.abs(np.log(np.maximum(p, float(np.finfo(float).eps))))
        return float(weights @ (part * steep(part) + steep(1 - part)))

    def best_scale(self, y, dual, weights, limit: float) -> float:
        part = dual * y / weights
        largest = part.max(initial=0.0)
        if largest <= 0:
            return 0.0
        # The dual is concave in s, with this slope: −Σ weights · part · logit(s · part).
        weighted = weights * part
        slope = lambda s: float(
            weighted @ (np.log1p(-s * part) - np.log(np.maximum(s * part, TINY)))
        )
        end = min(limit, (1 - 1e-12) / largest)
        if slope(end) >= 0:
            return end
        return _safeguarded_newton(
            slope, lambda s: float(weighted @ (1 / (s * (1 - s * part)))), 0.5 * end, 0.0, end
        )


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−x)), without overflow."""
    return np.exp(log_sigmoid(x))


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """ln sigmoid(x), exact in both tails."""
    return -np.logaddexp(0.0, -x)


def _entropy(part: np.ndarray) -> np.ndarray:
    """−part ln part, 0 at 0."""
    return -part * np.log(np.maximum(part, TINY))


LOSSES = {loss.name: loss for loss in (Squared(), Logistic())}


def _safeguarded_newton(slope, curvature, start: float, low: float, high: float) -> float:
    """The zero of a falling ``slope`` in [low, high]: Newton steps, halving the interval where one
    would leave it."""
    at = start
    for _ in range(100):
        value = slope(at)
        low, high = (at, high) if value > 0 else (low, at)
        step = value / max(curvature(at), TINY)
        target = at + step if low < at + step < high else 0.5 * (low + high)
        if value == 0 or abs(target - at) <= 1e-15 * max(1.0, abs(at)):
            break
        at = target
    return at


def class_probabilities(scores: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) from log-odds: of two classes (n,), or of each class against the
    rest, (n, K), normalised."""
    if scores.ndim == 1:
        return np.column_stack([sigmoid(-scores), sigmoid(scores)])
    # From logarithms, the largest taken out, so that rows far from every class do not divide zero
    # by zero.
    logarithms = log_sigmoid(scores)
    parts = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)
