"""Rows that coincide in a pair of columns: they change sides together, so that one of them with the
sum of their v is as good.

Two columns of 0/1 have four points however many rows there are, and integers not many more. Apart,
the rows of a point that pull up would be bounded without those that pull down.
"""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.bound import EPSILON

# Points are told apart by sorting all rows up to this many; beyond, where both columns have so few
# values that there is a point for every two rows at most.
ROWS_SORTED = 50_000
# Unless a tenth of the rows coincide with others, all are taken as they are.
FEWER = 0.9


@dataclass(frozen=True, eq=False)
class Points:
    """The m points of a pair of columns (2, m), which one each row is at (n,), the ``first`` row at
    each (m,), and how many the ``most`` of one are."""

    values: np.ndarray
    which: np.ndarray
    first: np.ndarray
    most: int

    def __len__(self) -> int:
        return len(self.first)

    def under(self, v: np.ndarray) -> np.ndarray:
        """The sums of v (n, K) at the points, (m, K)."""
        sums = [np.bincount(self.which, column, len(self)) for column in v.T]
        return np.ascontiguousarray(np.transpose(sums))

    def rounding(self, v: np.ndarray, reach: float) -> float:
        """More than these sums can be wrong in a score, hinges being no larger than ``reach``."""
        return EPSILON * self.most * float(np.abs(v).sum()) * reach


def points_of(rows: np.ndarray, pairs: np.ndarray) -> dict[tuple[int, int], Points]:
    """The points of those of the pairs (m, 2) of columns, ``rows`` (d, n), that have fewer of them
    than there are rows."""
    n = rows.shape[1]
    used = np.unique(pairs)
    codes = {}
    for column in used.tolist():
        values, code = np.unique(rows[column], return_inverse=True)
        codes[column] = len(values), code
    found = {}
    for a, b in pairs.tolist():
        (count, one), (others, other) = codes[a], codes[b]
        if n in (count, others) or n > ROWS_SORTED and 2 * count * others > n:
            continue
        _, first, which, sizes = np.unique(
            one * others + other, return_index=True, return_inverse=True, return_counts=True
        )
        if len(first) <= FEWER * n:
            found[a, b] = Points(rows[[a, b]][:, first], which, first, int(sizes.max()))
    return found
