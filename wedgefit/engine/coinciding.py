"""Rows that coincide in a pair of columns: they change sides together, so that one of them with the
sum of their v is as good.

Two columns of 0/1 have four points however many rows there are, and integers not many more. Apart,
the rows of a point that pull up would be bounded without those that pull down.
"""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.bound import EPSILON

# Where two columns have at most so many pairs of values for each row, points are found in a table
# of these; else by sorting the rows, if they are not more than this.
PAIRS_PER_ROW = 2
ROWS_SORTED = 50_000
# Unless a tenth of the rows coincide with others, all are taken as they are.
FEWER = 0.9


@dataclass(frozen=True, eq=False)
class Coded:
    """The distinct values of a column, and which of them each row has, (n,)."""

    values: np.ndarray
    which: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Points:
    """The m points of a pair of columns, ``at`` which pair of their values each is, ascending,
    (m,); the ``first`` row at each (m,), and how many the ``most`` of one are."""

    one: Coded
    other: Coded
    at: np.ndarray
    first: np.ndarray
    most: int

    def __len__(self) -> int:
        return len(self.at)

    @property
    def values(self) -> np.ndarray:
        """The points themselves, (2, m)."""
        one, other = np.divmod(self.at, len(self.other))
        return np.stack([self.one.values[one], self.other.values[other]])

    def under(self, v: np.ndarray) -> np.ndarray:
        """The sums of v (n, K) at the points, (m, K)."""
        pairs, size = _pairs(self.one, self.other), len(self.one) * len(self.other)
        if size <= PAIRS_PER_ROW * len(v):
            sums = [np.bincount(pairs, column, size)[self.at] for column in v.T]
        else:
            which = np.searchsorted(self.at, pairs)
            sums = [np.bincount(which, column, len(self)) for column in v.T]
        return np.ascontiguousarray(np.transpose(sums))

    def rounding(self, v: np.ndarray, reach: float) -> float:
        """More than these sums can be wrong in a score, hinges being no larger than ``reach``."""
        return EPSILON * self.most * float(np.abs(v).sum()) * reach


def points_of(rows: np.ndarray, pairs: np.ndarray) -> dict[tuple[int, int], Points]:
    """The points of those of the pairs (m, 2) of columns, ``rows`` (d, n), that have fewer of them
    than there are rows."""
    n = rows.shape[1]
    columns = {
        column: Coded(*np.unique(rows[column], return_inverse=True))
        for column in np.unique(pairs).tolist()
    }
    found = {}
    for a, b in pairs.tolist():
        one, other = columns[a], columns[b]
        if n in (len(one), len(other)):
            continue
        if len(one) * len(other) <= PAIRS_PER_ROW * n:
            points = _in_table(one, other)
        elif n <= ROWS_SORTED:
            points = _by_sorting(one, other)
        else:
            continue
        if len(points) <= FEWER * n:
            found[a, b] = points
    return found


def _pairs(one: Coded, other: Coded) -> np.ndarray:
    """Which pair of values each row has, (n,)."""
    return one.which * len(other) + other.which


def _in_table(one: Coded, other: Coded) -> Points:
    pairs = _pairs(one, other)
    counts = np.bincount(pairs, minlength=len(one) * len(other))
    first = np.empty(len(counts), dtype=np.intp)
    # Of several rows at a place the one that is written last stays.
    first[pairs[::-1]] = np.arange(len(pairs))[::-1]
    at = np.flatnonzero(counts)
    return Points(one, other, at, first[at], int(counts.max()))


def _by_sorting(one: Coded, other: Coded) -> Points:
    at, first, counts = np.unique(_pairs(one, other), return_index=True, return_counts=True)
    return Points(one, other, at, first, int(counts.max()))
