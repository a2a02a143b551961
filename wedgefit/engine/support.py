"""The columns of a Lasso: what is known of all, and those in use with the inverse of their Gram
matrix."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

# A column whose part outside the support's span is smaller than this (squared, relatively) counts
# as dependent.
DEPENDENT = 1e-11
# Room for so many columns to enter before memory is asked for again.
SPARE = 32
# A column of which at most this part (squared) lies outside the support's span is measured twice.
CLOSE = 1e-3
# So many changes of the support's inverse are added to it together, and each at once where columns
# are few.
CHANGES = 32
FEW = 100


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


class Support:
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
        self._space = np.empty((0, 0))
        self._members[: self.size], self._rows[: self.size] = columns, gram.matrix[columns]
        self.renew()

    @property
    def members(self) -> np.ndarray:
        """Which columns, (k,)."""
        return self._members[: self.size]

    def parts(self, vectors: int) -> tuple[np.ndarray, ...]:
        """What compiled steps change in place, with room for more: the members, their rows of the
        Gram matrix, what these hold in common, and its inverse; and space for so many vectors."""
        if self._space.shape != (vectors, len(self._members)):
            self._space = np.empty((vectors, len(self._members)))
        return self._members, self._rows, self._inner, self._base, self._space

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
        self.reserve(1)
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

    def reserve(self, more: int) -> None:
        """Have room for so many more columns, or for all there are."""
        k, most = self.size, len(self.gram.matrix)
        if min(k + more, most) <= len(self._members):
            return
        room = min(most, 2 * k + max(more, SPARE))
        members, rows = np.empty(room, dtype=np.intp), np.empty((room, len(self.gram.matrix)))
        members[:k], rows[:k] = self._members[:k], self._rows[:k]
        self._members, self._rows = members, rows
        inner, base, vectors = (np.empty((length, room)) for length in (room, room, CHANGES))
        inner[:k, :k], base[:k, :k] = self._inner[:k, :k], self._base[:k, :k]
        vectors[:, :k] = self._vectors[:, :k]
        self._inner, self._base, self._vectors = inner, base, vectors
