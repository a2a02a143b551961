"""The Lasso on given columns: coordinate descent from nothing, then a polish to KKT precision
(theory, section 4).

The columns are seen through their centred Gram matrix alone, so the cost does not depend on the
number of samples. scikit-learn, which takes a second to load, is asked for what few fits need.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from wedgefit.engine.shared import Shared

# A column whose part outside the support's span is smaller than this (squared, relatively) counts
# as dependent.
DEPENDENT = 1e-11
# Coordinate descent only has to find most of the support: more sweeps than this, or steps that move
# the coefficients by less, relatively, are cheaper done by the polish.
SWEEPS = 50
STILL = 1e-6
# Room for so many columns to enter before memory is asked for again.
SPARE = 32
# scikit-learn's words for a descent that was cut short; the remark tells our filter from others.
UNFINISHED = "Objective did not converge(?#held back by wedgefit)"
# A column of which at most this part (squared) lies outside the support's span is measured twice.
CLOSE = 1e-3
# So many violating columns are exchanged before the gradient of all is computed anew.
TOGETHER = 32
# So many changes of the support's inverse are added to it together, and each at once where columns
# are few.
CHANGES = 32
FEW = 100
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
    return _Polish(gram, alpha, independent, nonnegative).run(kkt)


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


class _Support:
    """The columns in use, with the inverse of their Gram matrix.

    A column that enters or leaves changes the inverse by a matrix of rank one; these are kept as
    they are and added together when they have become many, which takes a fraction of the time.
    """

    def __init__(self, gram: Gram, columns: np.ndarray):
        self.gram, self.size, self.changes = gram, len(columns), 0
        room = min(len(gram.matrix), self.size + SPARE)
        self._members = np.empty(room, dtype=np.intp)
        self._rows = np.empty((room, len(gram.matrix)))
        self._inner, self._base = np.empty((room, room)), np.empty((room, room))
        self._vectors, self._factors = np.empty((CHANGES, room)), np.empty(CHANGES)
        self._members[: self.size], self._rows[: self.size] = columns, gram.matrix[columns]
        self.renew()

    @property
    def members(self) -> np.ndarray:
        """Which columns, (k,)."""
        return self._members[: self.size]

    def times(self, z: np.ndarray) -> np.ndarray:
        """The Gram matrix times coefficients (m,) that are zero elsewhere."""
        return z[self.members] @ self._rows[: self.size]

    def inverse_times(self, pull: np.ndarray) -> np.ndarray:
        """The inverse of the Gram matrix of the columns times a vector (k,), which may be zero in
        most places."""
        k, r = self.size, self.changes
        base = self._base[:k, :k]
        if not r:
            return base @ pull
        vectors, some = self._vectors[:r, :k], np.flatnonzero(pull)
        if len(some) > k // 4:
            found = base @ pull
        else:
            pull, found = pull[some], pull[some] @ base[some]
            vectors = vectors[:, some]
        return found + (self._factors[:r] * (vectors @ pull)) @ self._vectors[:r, :k]

    def renew(self) -> None:
        """Compute the inverse anew."""
        k, members = self.size, self.members
        self.changes = 0
        self._inner[:k, :k] = self._rows[:k, members]
        factor, failed = lapack.dpotrf(self._inner[:k, :k], lower=1)
        if failed:
            # Dependent up to rounding: the shortest of all steps is as good as any.
            self._base[:k, :k] = np.linalg.pinv(self._inner[:k, :k], hermitian=True)
            return
        half = lapack.dpotri(factor, lower=1)[0] if k else factor
        self._base[:k, :k] = np.tril(half) + np.tril(half, -1).T

    def projection(self, column: int) -> tuple[np.ndarray, float]:
        """The coefficients (k,) that bring the support closest to a column, and the square of what
        lies outside."""
        target, own = self._rows[: self.size, column], self.gram.matrix[column, column]
        along = self.inverse_times(target)
        rest = float(own - along @ target)
        if rest > CLOSE * own:
            return along, rest
        # What is left tells more digits of a short length outside.
        left = target - self._inner[: self.size, : self.size] @ along
        return along + self.inverse_times(left), float(own - along @ (target + left))

    def enter(self, column: int, along: np.ndarray, rest: float) -> None:
        """Take in a column with this projection, at the end."""
        k = self.size
        if k == len(self._members):
            self._grow()
        self._members[k], self._rows[k] = column, self.gram.matrix[column]
        self._inner[k, :k] = self._inner[:k, k] = self._rows[:k, column]
        self._inner[k, k] = self.gram.matrix[column, column]
        self._base[k, : k + 1] = self._base[: k + 1, k] = 0.0
        self._vectors[: self.changes, k] = 0.0
        self.size = k + 1
        self._change(np.append(along, -1.0), 1 / rest)

    def leave(self, position: int) -> None:
        """Drop the column at this position, and put the last one in its place."""
        unit = np.zeros(self.size)
        unit[position] = 1.0
        pivot = self.inverse_times(unit)
        self._change(pivot, -1 / pivot[position])
        last = self.size - 1
        self._members[position], self._rows[position] = self._members[last], self._rows[last]
        self._vectors[: self.changes, position] = self._vectors[: self.changes, last]
        for matrix in (self._inner, self._base):
            matrix[position, :last], matrix[:last, position] = (
                matrix[last, :last],
                matrix[:last, last],
            )
            matrix[position, position] = matrix[last, last]
        self.size = last

    def _change(self, vector: np.ndarray, factor: float) -> None:
        """Add a vector's (k,) product with itself to the inverse, ``factor`` times."""
        k = self.size
        if k <= FEW:
            self._base[:k, :k] += np.multiply.outer(factor * vector, vector)
            return
        self._vectors[self.changes, :k], self._factors[self.changes] = vector, factor
        self.changes += 1
        if self.changes == CHANGES:
            self._add_changes()

    def _add_changes(self) -> None:
        vectors, k = self._vectors[: self.changes, : self.size], self.size
        self._base[:k, :k] += (vectors.T * self._factors[: self.changes]) @ vectors
        self.changes = 0

    def _grow(self) -> None:
        k, room = self.size, min(len(self.gram.matrix), 2 * self.size + SPARE)
        members, rows = np.empty(room, dtype=np.intp), np.empty((room, len(self.gram.matrix)))
        members[:k], rows[:k] = self._members, self._rows
        self._members, self._rows = members, rows
        inner, base, vectors = (np.empty((length, room)) for length in (room, room, CHANGES))
        inner[:k, :k], base[:k, :k], vectors[:, :k] = self._inner, self._base, self._vectors
        self._inner, self._base, self._vectors = inner, base, vectors


class _Polish:
    """Feature-sign search: solve the stationarity equations on the support, step to it, exchange,
    until KKT holds.

    The start's support must be independent. Every step begins at the gradient itself, so what
    rounding does to the support's inverse makes a step worse, never the solution.
    """

    def __init__(self, gram: Gram, alpha: float, start: np.ndarray, nonnegative: bool):
        self.gram, self.alpha, self.nonnegative = gram, alpha, nonnegative
        self.support = _Support(gram, np.flatnonzero(start))
        self.z = start.copy()
        self.sign = np.sign(self.z)

    def run(self, kkt: float) -> np.ndarray:
        """The coefficients (m,) at which no column violates the KKT conditions by more than
        ``kkt``, relatively; where rounding does not let them get there, the best on the way."""
        # An alpha near the rounding of the correlations leaves steps to chance, and they may leave
        # the range of numbers.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._exchanged(kkt)

    def _exchanged(self, kkt: float) -> np.ndarray:
        lowest, idle, best = np.inf, 0, self.z.copy()
        while idle < PATIENCE:
            gradient = self._settled(kkt)
            if gradient is None:
                return best
            violation = self._sizes(gradient)
            violation[self.support.members] = 0.0
            worst = int(violation.argmax())
            if violation[worst] <= self.alpha * (1 + kkt):
                return self.z
            # Among nearly dependent columns exchanges can go in circles at the level of rounding:
            # then it is enough.
            objective = self.alpha * np.abs(self.z).sum() - 0.5 * self.z @ (
                self.gram.correlation + gradient
            )
            falls = lowest == np.inf or objective < lowest - 1e-15 * abs(lowest)
            idle = 0 if falls else idle + 1
            if objective < lowest:
                lowest, best = objective, self.z.copy()
            most = 1 if idle else TOGETHER
            violating = np.flatnonzero(violation > self.alpha * (1 + kkt))
            some = violating[np.argsort(-violation[violating], kind="stable")[:most]]
            self._exchange_among(some, gradient, kkt)
        return best

    def _exchange_among(self, some: np.ndarray, gradient: np.ndarray, kkt: float) -> None:
        """Take in the most violating of ``some`` columns (j,), again and again, until none of them
        violates, with the gradient (m,) of before; only theirs is computed anew."""
        matrix, correlation = self.gram.matrix[some], self.gram.correlation[some]
        pulls = gradient[some]
        for _ in range(2 * len(some)):
            violation = np.where(self.sign[some] != 0, 0.0, self._sizes(pulls))
            worst = int(violation.argmax())
            if violation[worst] <= self.alpha * (1 + kkt):
                return
            independent = self._enter(some[worst], np.sign(pulls[worst]))
            # Beside the new column only what rounding left is not balanced, and comes later.
            at = self.alpha * self.sign[self.support.members]
            at[-1] = pulls[worst]
            self._settle(at)
            if not independent:
                # What rounding left may be large, and all must be looked at.
                return
            pulls = correlation - matrix @ self.z

    def _sizes(self, gradient: np.ndarray) -> np.ndarray:
        """What is to be at most alpha where columns are not in use, shaped like the gradient."""
        return gradient.copy() if self.nonnegative else np.abs(gradient)

    def _settled(self, kkt: float) -> np.ndarray | None:
        """The gradient, (m,), at the stationary point of the support; None where numbers end."""
        before, renewed = np.inf, False
        while True:
            gradient = self.gram.correlation - self.support.times(self.z)
            if not np.isfinite(gradient).all():
                return None
            members = self.support.members
            pull = gradient[members] - self.alpha * self.sign[members]
            left = float(np.abs(pull).max(initial=0.0))
            if left <= 0.1 * kkt * self.alpha:
                return gradient
            # Another step takes most of what rounding left, as long as the inverse is good.
            if left > 0.5 * before:
                if renewed:
                    return gradient
                self.support.renew()
                renewed = True
            before = left
            self._settle(gradient[members])

    def _settle(self, gradient: np.ndarray) -> None:
        """Move to the stationary point of the support, dropping what reaches zero on the way;
        ``gradient`` (k,) is that of the support."""
        for _ in range(10 * len(self.z) + 100):
            members = self.support.members
            if not len(members):
                return
            z, pull = self.z[members], gradient - self.alpha * self.sign[members]
            step = self.support.inverse_times(pull)
            fraction, leaving = self._line_search(z, step, float(step @ pull))
            self.z[members] = z + fraction * step
            gradient = gradient - fraction * pull
            if leaving is not None:
                self._leave(leaving)
                gradient[leaving] = gradient[-1]
                gradient = gradient[:-1]
            # A column that has just entered may not have moved yet: it keeps the sign it came with.
            self.sign = np.where(self.z != 0, np.sign(self.z), self.sign)
            if leaving is None and fraction == 1.0:
                return

    def _line_search(
        self, z: np.ndarray, step: np.ndarray, curvature: float
    ) -> tuple[float, int | None]:
        """How far along ``step`` the objective falls, past sign changes: the fraction, and who
        stops there at zero."""
        if self.nonnegative:
            return _first_at_zero(z, step)
        crossing = np.flatnonzero((z != 0) & (np.sign(z + step) != np.sign(z)))
        if not len(crossing):
            return 1.0, None
        fractions = z[crossing] / (z[crossing] - (z + step)[crossing])
        order = np.argsort(fractions, kind="stable")
        # Along the step the derivative is (t − 1) stepᵀG step while no sign changes, and jumps by 2
        # alpha |step| at each.
        jumps = 0.0
        for k in order:
            before = (fractions[k] - 1.0) * curvature + jumps
            jumps += 2 * self.alpha * abs(step[crossing[k]])
            if before >= 0:
                return min(1.0, max(0.0, fractions[k] - before / curvature)), None
            if before + 2 * self.alpha * abs(step[crossing[k]]) >= 0:
                return float(fractions[k]), int(crossing[k])
        return min(1.0, 1.0 - jumps / curvature), None

    def _enter(self, column: int, sign: float) -> bool:
        """Take a violating column into the support; one in the support's span pushes another out.
        Whether it was independent."""
        own = self.gram.matrix[column, column]
        along, rest = self.support.projection(column)
        independent = rest > DEPENDENT * own
        if not independent:
            self._exchange(column, sign, along)
            along, rest = self.support.projection(column)
        self.support.enter(column, along, max(rest, DEPENDENT * own))
        self.sign[column] = sign
        return independent

    def _exchange(self, column: int, sign: float, along: np.ndarray) -> None:
        """Shift weight from the support to a dependent column, which leaves the output alone, until
        a member is zero."""
        direction, members = -sign * along, self.support.members
        z = self.z[members]
        shrinking = np.flatnonzero(z * direction < 0)
        if not len(shrinking):
            return
        amounts = -z[shrinking] / direction[shrinking]
        first = amounts.argmin()
        self.z[members] += amounts[first] * direction
        self.z[column] = sign * amounts[first]
        self._leave(int(shrinking[first]))

    def _leave(self, position: int) -> None:
        """Drop one column of the support."""
        column = self.support.members[position]
        self.z[column] = self.sign[column] = 0.0
        self.support.leave(position)


def _first_at_zero(z: np.ndarray, step: np.ndarray) -> tuple[float, int | None]:
    """How far along ``step`` no coefficient is negative, and who stops there at zero."""
    crossing = np.flatnonzero(z + step < 0)
    if not len(crossing):
        return 1.0, None
    fractions = z[crossing] / -step[crossing]
    first = int(fractions.argmin())
    return float(fractions[first]), int(crossing[first])
