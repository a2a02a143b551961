"""What cannot be learnt, known as soon as alpha_max is: wedges that explain nothing, and an alpha
that is none."""

from collections.abc import Sequence

import numpy as np

from wedgefit.data.fitting import FAR_FROM_ZERO
from wedgefit.data.sample import Sample
from wedgefit.engine.dictionary import Order
from wedgefit.engine.problem import Problem
from wedgefit.errors import FitError
from wedgefit.learning.settings import Settings

# A smaller part of alpha_max drowns in the rounding of the correlations it is compared with.
SMALLEST_ALPHA = 1e-13
# No score is larger than Σ|v| times the columns' ranges: one below this part of it is rounding.
ROUNDED = 1e-12


def is_rounding(
    alpha_max: float, problems: Sequence[Problem], X: np.ndarray, with_biases: bool
) -> bool:
    """Whether the largest score of any wedge on X (n, d), at the constant networks, is 0 but for
    rounding; without biases hinges are measured from the origin."""
    points = X if with_biases else np.vstack([X, np.zeros(X.shape[1])])
    largest = max(float(np.abs(problem.null_dual()).sum()) for problem in problems)
    return alpha_max <= ROUNDED * largest * float(np.ptp(points, axis=0).sum())


def no_wedge_helps(sample: Sample, settings: Settings, order: Order) -> FitError:
    """The error where none does, with what to try."""
    if sample.shapes is not None:
        return FitError(
            "no network of these shapes does better on these rows than a constant.",
            remedy="Does the target go the other way? Leave a shape out, or turn it round.",
        )
    return FitError(
        "every hinge of this dictionary is zero on the rows, or unrelated to the target.",
        remedy=_what_else_to_try(sample.X, settings, order),
    )


def _what_else_to_try(X: np.ndarray, settings: Settings, order: Order) -> str:
    far = np.abs(X.mean(axis=0)) > FAR_FROM_ZERO * np.ptp(X, axis=0)
    if not settings.bias and far.any():
        return (
            "Leave out --no-bias or --no-standardize: a column lies so far from zero beside "
            "its spread that without a bias its hinges are all but constant."
        )
    if order == "full":
        return "Try --order 2: rows in a hyperplane have no wedges of full order."
    return "Use other columns."


def refuse_next_to_nothing(alpha: float, alpha_max: float) -> None:
    """Raises FitError for an alpha that the scores it is compared with drown in rounding."""
    if alpha < SMALLEST_ALPHA * alpha_max:
        raise FitError(
            f"alpha {alpha:.3g} is below what numbers of 16 digits can tell from "
            f"zero, beside an alpha_max of {alpha_max:.3g}.",
            remedy=f"Try --alpha {1e-9 * alpha_max:.1g}, which leaves next to no penalty.",
        )
