"""What the solver asks of a loss, and what several losses compute with."""

from typing import Protocol

# Only numpy: the model file's commands read this package too, and scipy would double the time they
# take to start.
import numpy as np

# Curvature never counts as less than this part of a row's weight: rows far on their side would make
# the Newton step singular.
LEAST_CURVATURE = 1e-9
TINY = 1e-300
# PostgreSQL has no exponential of numbers beyond this size: it refuses results that are rounded to
# zero or infinity.
LARGEST_EXPONENT = 700.0
# A point on the edge of a dual's domain is taken this far inside, so that rounding leaves it there.
INSIDE = 1 - 1e-15


class OfNumbers:
    """A loss for which any number is a target."""

    targets = "numbers"
    couples = False

    def refuses(self, y: np.ndarray) -> np.ndarray:
        return np.zeros(y.shape, dtype=bool)


class Loss(Protocol):
    """What the solver asks of a loss."""

    name: str
    link: str  # what makes predictions of outputs, one of ``predicted``
    quadratic: bool  # the curvature is the same everywhere
    of_differences: bool  # only y − output counts, so that a shift of both changes nothing
    couples: bool  # it is no sum over the outputs of a row, which share their neurons

    targets: str  # what they may be, in words

    def refuses(self, y: np.ndarray) -> np.ndarray:
        """Which of the targets are none, (n,) or (n, K)."""

    def value(self, y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> float:
        """The loss itself."""

    def negative_gradient(
        self, y: np.ndarray, output: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """−∂loss/∂output, shaped like the output."""

    def largest_curvature(self, y: np.ndarray, weights: np.ndarray) -> float:
        """The curvature that no row of weight one exceeds."""

    def curvature(self, y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """∂²loss/∂output², shaped like the output, positive, or 0 where the loss is a line."""

    def shift(self, y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The constants t (K,) that make the loss of output + t smallest."""

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


def predicted(link: str, output: np.ndarray) -> np.ndarray:
    """What outputs (n, K) predict of numbers: themselves, with the link "log" their exponential,
    with "sorted" the outputs of each row in ascending order."""
    if link == "sorted":
        return np.sort(output, axis=1)
    if link != "log":
        return output
    return np.exp(np.clip(output, -LARGEST_EXPONENT, LARGEST_EXPONENT))


def best_multiple(slope, curvature, end: float) -> float:
    """The s in [0, end] at which a concave function with this falling ``slope`` is largest; where
    ``end`` is infinite there is such an s all the same."""
    if not np.isfinite(end):
        end = 1.0
        while slope(end) > 0:
            end *= 8
    if slope(end) >= 0:
        return end
    return safeguarded_newton(lambda s: (slope(s), curvature(s)), 0.5 * end, 0.0, end)


def safeguarded_newton(slope_and_curvature, start: float, low: float, high: float) -> float:
    """The zero in [low, high] of a slope that falls as fast as its curvature says: Newton steps,
    halving the interval where one would leave it."""
    at = start
    for _ in range(100):
        value, curvature = slope_and_curvature(at)
        low, high = (at, high) if value > 0 else (low, at)
        step = value / max(curvature, TINY)
        newton = low < at + step < high
        target = at + step if newton else 0.5 * (low + high)
        if value == 0 or abs(target - at) <= 1e-15 * max(1.0, abs(at)):
            break
        at = target
        # Behind so small a step the error is its square; what further steps find is rounding.
        if newton and abs(step) <= 1e-10 * max(1.0, abs(at)):
            break
    return at
