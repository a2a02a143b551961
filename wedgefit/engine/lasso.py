"""The Lasso on given columns: scikit-learn's coordinate descent, then a polish to KKT precision
(theory, section 4).

The columns are seen through their centred Gram matrix alone, so the cost does not depend on the
number of samples.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, lapack, qr_delete, solve_triangular
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LinearRegression

from wedgefit.engine.shared import Shared

# A column whose part outside the support's span is smaller than this (squared, relatively) counts
# as dependent.
DEPENDENT = 1e-11
# Coordinate descent only has to find most of the support: more sweeps than this are cheaper done by
# the polish.
SWEEPS = 50
# The polish gives up when the objective has not fallen for this many exchanges.
PATIENCE = 20


@dataclass(frozen=True, eq=False)
class Gram:
    """The Lasso's sufficient statistics: ``matrix`` KᵀK/n (m, m) and ``correlation`` Kᵀy/n, centred
    or not.

    The correlation is (m,), or (m, T) for T targets that share their columns.
    """

    matrix: np.ndarray
    correlation: np.ndarray

    def objective(self, z: np.ndarray, alpha: float) -> float:
        """½ zᵀGz − cᵀz + alpha ‖z‖₁: the Lasso objective up to the constant ‖y‖²/(2n)."""
        return float(0.5 * z @ self.matrix @ z - self.correlation @ z + alpha * np.abs(z).sum())


def solve_lasso(gram: Gram, alpha: float, start: np.ndarray, *, kkt: float = 1e-12) -> np.ndarray:
    """The optimal coefficients (m,), from any start (m,); no |gradient| exceeds alpha by more than
    ``kkt``, relatively."""
    if not len(start):
        return start
    starts = [
        _on_independent_columns(gram, z) for z in (start, coordinate_descent(gram, alpha, start))
    ]
    better = min(starts, key=lambda z: gram.objective(z, alpha))
    return _Polish(gram, alpha, better).run(kkt)


def coordinate_descent(gram: Gram, alpha: float, start: np.ndarray) -> np.ndarray:
    """A few sweeps of scikit-learn's Lasso with a precomputed Gram matrix, (m,): most of the
    support and its signs."""
    columns, target = _square_root(gram)
    if not len(target):
        return np.zeros_like(start)
    scaled = np.sqrt(len(target))
    model = Lasso(
        alpha,
        fit_intercept=False,
        precompute=gram.matrix * len(target),
        warm_start=True,
        max_iter=SWEEPS,
        tol=1e-6,
    )
    model.coef_ = start.copy()
    with _quiet():
        model.fit(np.asfortranarray(columns * scaled), target * scaled, check_input=False)
    return model.coef_


def full_lasso(
    columns: np.ndarray,
    y: np.ndarray,
    alpha: float,
    intercept: bool,
    tol: float,
    weights: np.ndarray,
) -> np.ndarray:
    """scikit-learn's Lasso on a dictionary written out, once: the coefficients (m,)."""
    model = Lasso(alpha, fit_intercept=intercept, tol=tol, max_iter=100_000, copy_X=False)
    with _quiet():
        model.fit(columns, y, sample_weight=weights)
    return model.coef_


def least_squares(
    columns: np.ndarray, y: np.ndarray, intercept: bool, weights: np.ndarray
) -> np.ndarray:
    """The coefficients (m,) or (m, K) without a penalty, the shortest where the columns are
    dependent."""
    return LinearRegression(fit_intercept=intercept).fit(columns, y, sample_weight=weights).coef_.T


def _ignore_unfinished() -> Callable[[], None]:
    """No warning about unfinished descent: the polish finishes it, and the certificate measures
    what is left."""
    warnings.filterwarnings("ignore", "Objective did not converge", ConvergenceWarning)
    added = warnings.filters[0]

    def end() -> None:
        # Someone else's context may have taken it away with the list that it was in.
        if added in warnings.filters:
            # The module's own list, which its stub shows as a sequence to read.
            warnings.filters.remove(added)  # type: ignore[attr-defined]

    return end


# Not warnings.catch_warnings, which puts back a whole list: of two threads that overlap the later
# one would put back the other's.
_quiet = Shared(_ignore_unfinished)


def _square_root(gram: Gram) -> tuple[np.ndarray, np.ndarray]:
    """A small data set (rank, m), (rank,) with this Gram matrix and correlation: what scikit-learn
    wants to see."""
    pivots, factor = _pivoted_cholesky(gram.matrix)
    columns = np.empty_like(factor)
    columns[:, pivots] = factor
    independent = pivots[: len(factor)]
    target = solve_triangular(factor[:, : len(factor)], gram.correlation[independent], trans="T")
    return columns, target


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


class _Polish:
    """Feature-sign search: solve the stationarity equations on the support, step to it, exchange,
    until KKT holds.

    The start's support must be independent; ``support`` lists the columns in the order of the
    Cholesky factor ``R`` (upper) of their Gram matrix.
    """

    def __init__(self, gram: Gram, alpha: float, start: np.ndarray):
        self.gram, self.alpha = gram, alpha
        self.support: list[int] = np.flatnonzero(start).tolist()
        self.z = start.copy()
        self.sign = np.sign(self.z)
        self.R = self._factorised()

    def run(self, kkt: float) -> np.ndarray:
        """The coefficients (m,) at which no column violates the KKT conditions by more than
        ``kkt``, relatively; where rounding does not let them get there, the best on the way."""
        # An alpha near the rounding of the correlations leaves steps to chance, and they may leave
        # the range of numbers.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._exchanged(kkt)

    def _exchanged(self, kkt: float) -> np.ndarray:
        refined, lowest, idle, best = False, np.inf, 0, self.z.copy()
        while idle < PATIENCE:
            self._settle()
            if not np.isfinite(self.z).all():
                return best
            gradient = self.gram.correlation - self.gram.matrix @ self.z
            rounding = gradient[self.support] - self.alpha * self.sign[self.support]
            # The factor has been updated many times: one step of iterative refinement takes its
            # rounding errors back.
            if not refined and np.abs(rounding).max(initial=0.0) > 0.1 * kkt * self.alpha:
                self.z[self.support] += self._solve(rounding)
                refined = True
                continue
            violation = np.abs(gradient)
            violation[self.support] = 0.0
            worst = int(violation.argmax())
            if violation[worst] <= self.alpha * (1 + kkt):
                return self.z
            # Among nearly dependent columns exchanges can go in circles at the level of rounding:
            # then it is enough.
            objective = self.alpha * np.abs(self.z).sum() - 0.5 * self.z @ (
                self.gram.correlation + gradient
            )
            idle = 0 if objective < lowest - 1e-15 * abs(lowest) else idle + 1
            if objective < lowest:
                lowest, best = objective, self.z.copy()
            self._enter(worst, np.sign(gradient[worst]))
            refined = False
        return best

    def _settle(self) -> None:
        """Move to the stationary point of the support, dropping what reaches zero on the way."""
        for _ in range(10 * len(self.z) + 100):
            if not self.support:
                return
            z = self.z[self.support]
            step = (
                self._solve(
                    self.gram.correlation[self.support] - self.alpha * self.sign[self.support]
                )
                - z
            )
            fraction, leaving = self._line_search(z, step)
            self.z[self.support] = z + fraction * step
            if leaving is not None:
                self._leave(leaving)
            # A column that has just entered may not have moved yet: it keeps the sign it came with.
            self.sign = np.where(self.z != 0, np.sign(self.z), self.sign)
            if leaving is None and fraction == 1.0:
                return

    def _solve(self, target: np.ndarray) -> np.ndarray:
        """G_SS⁻¹ target, from the factor."""
        return lapack.dpotrs(self.R, target)[0]

    def _line_search(self, z: np.ndarray, step: np.ndarray) -> tuple[float, int | None]:
        """How far along ``step`` the objective falls, past sign changes: the fraction, and who
        stops there at zero."""
        crossing = np.flatnonzero((z != 0) & (np.sign(z + step) != np.sign(z)))
        if not len(crossing):
            return 1.0, None
        fractions = z[crossing] / (z[crossing] - (z + step)[crossing])
        order = np.argsort(fractions, kind="stable")
        # Along the step the derivative is (t − 1) stepᵀG step while no sign changes, and jumps by 2
        # alpha |step| at each.
        curvature = float(np.sum((self.R @ step) ** 2))
        jumps = 0.0
        for k in order:
            before = (fractions[k] - 1.0) * curvature + jumps
            jumps += 2 * self.alpha * abs(step[crossing[k]])
            if before >= 0:
                return min(1.0, max(0.0, fractions[k] - before / curvature)), None
            if before + 2 * self.alpha * abs(step[crossing[k]]) >= 0:
                return float(fractions[k]), int(crossing[k])
        return min(1.0, 1.0 - jumps / curvature), None

    def _enter(self, column: int, sign: float) -> None:
        """Take a violating column into the support; one in the support's span pushes another
        out."""
        along, rest = self._projection(column)
        if rest <= DEPENDENT * self.gram.matrix[column, column]:
            self._exchange(column, sign, along)
            along, rest = self._projection(column)
        rest = max(rest, DEPENDENT * self.gram.matrix[column, column])
        k = len(self.support)
        grown = np.zeros((k + 1, k + 1), order="F")
        grown[:k, :k], grown[:k, k], grown[k, k] = self.R, along, np.sqrt(rest)
        self.R = grown
        self.support.append(column)
        self.sign[column] = sign

    def _projection(self, column: int) -> tuple[np.ndarray, float]:
        """The column in the support's orthonormal coordinates, (k,), and the square of what lies
        outside."""
        if not self.support:
            return np.empty(0), self.gram.matrix[column, column]
        along = lapack.dtrtrs(self.R, self.gram.matrix[column, self.support], trans=1)[0]
        return along, self.gram.matrix[column, column] - along @ along

    def _exchange(self, column: int, sign: float, along: np.ndarray) -> None:
        """Shift weight from the support to a dependent column, which leaves the output alone, until
        a member is zero."""
        direction = -sign * lapack.dtrtrs(self.R, along)[0]
        z = self.z[self.support]
        shrinking = np.flatnonzero(z * direction < 0)
        if not len(shrinking):
            return
        amounts = -z[shrinking] / direction[shrinking]
        first = amounts.argmin()
        self.z[self.support] += amounts[first] * direction
        self.z[column] = sign * amounts[first]
        self._leave(int(shrinking[first]))

    def _leave(self, position: int) -> None:
        """Drop one column of the support and update the factor."""
        column = self.support.pop(position)
        self.z[column] = self.sign[column] = 0.0
        size = len(self.support) + 1
        _, reduced = qr_delete(np.eye(size), self.R, position, which="col", check_finite=False)
        signs = np.where(reduced.diagonal() < 0, -1.0, 1.0)
        self.R = np.asfortranarray(reduced[: size - 1] * signs[:, None])

    def _factorised(self) -> np.ndarray:
        if not self.support:
            return np.zeros((0, 0), order="F")
        return np.asfortranarray(
            cholesky(self.gram.matrix[np.ix_(self.support, self.support)], check_finite=False)
        )
