"""The Lasso on given columns: coordinate descent from nothing, then a polish to KKT precision
(theory, section 4).

The columns are seen through their centred Gram matrix alone, so the cost does not depend on the
number of samples. scikit-learn, which takes a second to load, is asked for what few fits need.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.linalg import lapack

from wedgefit.engine.exchange import exchange
from wedgefit.engine.shared import Shared
from wedgefit.engine.support import DEPENDENT, Gram

# Coordinate descent only has to find most of the support: more sweeps than this, or steps that move
# the coefficients by less, relatively, are cheaper done by the polish.
SWEEPS = 50
STILL = 1e-6
# scikit-learn's words for a descent that was cut short; the remark tells our filter from others.
UNFINISHED = "Objective did not converge(?#held back by wedgefit)"


def solve_lasso(
    gram: Gram,
    alpha: float,
    start: np.ndarray,
    *,
    kkt: float = 1e-12,
    nonnegative: bool = False,
) -> np.ndarray:
    """The optimal coefficients (m,), from any start (m,); no |gradient| exceeds alpha by more than
    ``kkt``, relatively. ``nonnegative``: of those without a negative one, no gradient does."""
    if not len(start):
        return start
    # From nothing, descent finds most of the support at once; near the optimum it is slower than
    # exchanging what is wrong.
    begun = start if start.any() else coordinate_descent(gram, alpha, start, nonnegative)
    independent = _on_independent_columns(gram, begun)
    return exchange(gram, alpha, independent, nonnegative).run(kkt)


def coordinate_descent(
    gram: Gram, alpha: float, start: np.ndarray, nonnegative: bool = False
) -> np.ndarray:
    """A few sweeps over the columns that a step would move, (m,): most of the support and its
    signs.

    Not scikit-learn's, which warns of a descent that is cut short, and no filter of warnings holds
    for one of several threads.
    """
    z, squares = start.copy(), gram.matrix.diagonal()
    gradient = gram.correlation - gram.matrix @ z
    for _ in range(SWEEPS):
        moved = 0.0
        ahead = gradient if nonnegative else np.abs(gradient)
        for j in np.flatnonzero(((ahead > alpha) | (z != 0)) & (squares > 0)):
            at = float(gradient[j] + squares[j] * z[j])
            size = max(at if nonnegative else abs(at), alpha) - alpha
            step = float(np.copysign(size, at) / squares[j] - z[j])
            if step:
                z[j] += step
                gradient -= step * gram.matrix[j]
                moved = max(moved, abs(step))
        if moved <= STILL * np.abs(z).max(initial=0.0):
            break
    return z


def full_lasso(
    columns: np.ndarray,
    y: np.ndarray,
    alpha: float,
    intercept: bool,
    tol: float,
    weights: np.ndarray,
) -> np.ndarray:
    """scikit-learn's Lasso on a dictionary written out, once: the coefficients (m,)."""
    from sklearn.linear_model import Lasso

    model = Lasso(alpha, fit_intercept=intercept, tol=tol, max_iter=100_000, copy_X=False)
    with _quiet():
        model.fit(columns, y, sample_weight=weights)
    return model.coef_


def least_squares(
    columns: np.ndarray, y: np.ndarray, intercept: bool, weights: np.ndarray
) -> np.ndarray:
    """The coefficients (m, K) without a penalty for y (n, K), the shortest where the columns are
    dependent."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression(fit_intercept=intercept).fit(columns, y, sample_weight=weights).coef_.T


@contextmanager
def _quiet() -> Iterator[None]:
    """No warning about unfinished descent: the certificate measures what is left.

    Not warnings.catch_warnings, which puts back a whole list: of two threads that overlap the later
    one would put back the other's.
    """
    with _held_back():
        # Each time: another thread may have put another list in place, as scikit-learn's workers
        # do when they begin.
        _hold_back()
        yield


# The lists of filters that hold it back at present.
_holding: list[list] = []


def _hold_back() -> None:
    from sklearn.exceptions import ConvergenceWarning

    filters: list = warnings.filters  # type: ignore[assignment]  # Its stub shows it read-only.
    if not any(filters is other for other in _holding):
        warnings.filterwarnings("ignore", UNFINISHED, ConvergenceWarning)
        _holding.append(filters)


def _let_go() -> None:
    """Take it out of every list, the one that is in place and those that others may put back."""
    while _holding:
        filters = _holding.pop()
        for entry in [one for one in filters if getattr(one[1], "pattern", None) == UNFINISHED]:
            filters.remove(entry)


_held_back = Shared(lambda: _let_go)


def _pivoted_cholesky(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A permutation (m,) and a factor (rank, m) with factorᵀ factor = matrix[permutation][:,
    permutation].

    Columns are compared at equal length, so a hinge that few samples see is not taken for a
    dependent one.
    """
    length = np.sqrt(np.maximum(matrix.diagonal(), 0.0))
    length[length == 0] = 1.0
    factor, pivots, rank, _ = lapack.dpstrf(matrix / np.outer(length, length), tol=DEPENDENT)
    pivots = pivots - 1
    return pivots, np.triu(factor)[:rank] * length[pivots]


def _on_independent_columns(gram: Gram, z: np.ndarray) -> np.ndarray:
    """The coefficients with those of columns in the span of the others set to zero."""
    support = np.flatnonzero(z)
    if not len(support):
        return z
    pivots, factor = _pivoted_cholesky(gram.matrix[np.ix_(support, support)])
    kept = np.zeros_like(z)
    independent = support[pivots[: len(factor)]]
    kept[independent] = z[independent]
    return kept
