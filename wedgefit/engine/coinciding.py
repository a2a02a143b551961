"""Rows that coincide in a pair of columns: they change sides together, so that one of them with the
sum of their v is as good.

Two columns of 0/1 have four points however many rows there are, and integers not many more. Apart,
the rows of a point that pull up would be bounded without those that pull down.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np

from wedgefit.engine.bound import EPSILON

# Where two columns have at most so many pairs of values for each row, points are found in a table
# of these; else by sorting the rows, if they are not more than this.
PAIRS_PER_ROW = 2
ROWS_SORTED = 50_000
# Of so few rows the points of all pairs are told together.
FEW_ROWS = 1_000
# So many points are kept, some 200 MB.
MOST_POINTS = 5_000_000
# Unless a tenth of the rows coincide with others, all are taken as they are.
FEWER = 0.9


@dataclass(frozen=True, eq=False)
class Coded:
    """What the values of columns are: those of each, ascending, and ``which`` of them every row
    has, (d, n)."""

    values: list[np.ndarray]
    which: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "Coded":
        values, which = [], np.empty(rows.shape, dtype=np.int32)
        for column, row in enumerate(rows):
            own, which[column] = np.unique(row, return_inverse=True)
            values.append(own)
        return cls(values, which)

    @cached_property
    def counts(self) -> np.ndarray:
        """How many values each column has, (d,)."""
        return np.array([len(own) for own in self.values])

    def cells(self, a: int, b: int, rows=slice(None)) -> np.ndarray:
        """Which pair of values of two columns each of the rows has, (n,)."""
        return self.which[a, rows] * self.counts[b] + self.which[b, rows]

    def points(self, a: int, b: int, few: int = 0) -> tuple[np.ndarray, np.ndarray, int] | None:
        """The cells with rows of two columns, ascending, the first row of each, and how many the
        most of one are; None where there are hardly fewer than rows, and more than ``few``."""
        n, size = self.which.shape[1], int(self.counts[a] * self.counts[b])
        if n > few and n in (self.counts[a], self.counts[b]):
            return None
        if size <= PAIRS_PER_ROW * n:
            counts, first = self._table(a, b, size)
            at = np.flatnonzero(counts)
            first, counts = first[at], counts[at]
        elif n <= ROWS_SORTED:
            at, first, counts = self._sorted(a, b)
        else:
            return None
        fewer = len(at) <= max(FEWER * n, few)
        return (at, first, int(counts.max())) if fewer else None

    def _sorted(self, a: int, b: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cells with rows, the first row of each, and how many there are."""
        if find_spec("numba") is not None:
            from wedgefit.engine.coinciding_compiled import points

            return points(self.which[a], self.which[b], self.counts[b])
        return np.unique(self.cells(a, b), return_index=True, return_counts=True)

    def _table(self, a: int, b: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """How many rows each of the cells has, and its first row, (size,) each."""
        if find_spec("numba") is not None:
            from wedgefit.engine.coinciding_compiled import table

            return table(self.which[a], self.which[b], self.counts[b], size)
        cells, first = self.cells(a, b), np.zeros(size, dtype=np.int64)
        # Of several rows at a place the one that is written last stays.
        first[cells[::-1]] = np.arange(len(cells))[::-1]
        return np.bincount(cells, minlength=size), first


@dataclass(frozen=True, eq=False)
class Clouds:
    """The points of P ``pairs`` (P, 2) of columns, those of pair k at ``starts``[k] up to
    ``starts``[k + 1]: which cell of its table each is, ``cells`` (m,), the ``first`` row there,
    (m,), and how many rows the ``most`` of one are, (P,)."""

    coded: Coded
    pairs: np.ndarray
    starts: np.ndarray
    cells: np.ndarray
    first: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, pairs: np.ndarray, few: int = 0) -> "Clouds":
        """The points of those of the pairs (m, 2) of columns, ``rows`` (d, n), that have fewer of
        them than there are rows, or no more than ``few``."""
        coded = Coded.of(rows)
        if rows.shape[1] <= FEW_ROWS and pairs.size * rows.shape[1] <= MOST_POINTS:
            if find_spec("numba") is not None:
                return cls._together(coded, pairs, max(FEWER * rows.shape[1], few))
        fewer, left = {}, MOST_POINTS
        # Where all points would be too many those of few values come first.
        sizes = coded.counts[pairs].prod(axis=1)
        for a, b in pairs[np.argsort(sizes, kind="stable")].tolist():
            points = coded.points(a, b, few) if left > 0 else None
            if points is not None and len(points[0]) <= left:
                fewer[a, b] = points
                left -= len(points[0])
        fewer = dict(sorted(fewer.items()))
        cells, first, most = zip(*fewer.values()) if fewer else ((), (), ())
        nothing = np.empty(0, dtype=np.int64)
        return cls(
            coded,
            np.array(list(fewer), dtype=np.int64).reshape(-1, 2),
            np.cumsum([0, *map(len, cells)]),
            np.concatenate([nothing, *cells]),
            np.concatenate([nothing, *first]),
            np.array(most, dtype=np.int64),
        )

    @classmethod
    def _together(cls, coded: Coded, pairs: np.ndarray, most: float) -> "Clouds":
        """Of few rows those of all pairs at once, that have at most so many points."""
        from wedgefit.engine.coinciding_compiled import points_of_all

        found, sizes = points_of_all(coded.which, coded.counts, pairs)
        fewer = sizes <= most
        found, sizes = found[fewer], sizes[fewer]
        there = np.arange(found.shape[2]) < sizes[:, None]
        cells, first, counts = (part[there] for part in found.transpose(1, 0, 2))
        starts = np.cumsum([0, *sizes])
        most_of = np.maximum.reduceat(counts, starts[:-1]) if len(sizes) else counts
        return cls(coded, pairs[fewer], starts, cells, first, most_of)

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many points each pair has, (P,)."""
        return np.diff(self.starts)

    @cached_property
    def values(self) -> np.ndarray:
        """The points themselves, (2, m)."""
        coded, (one, other) = self.coded, np.repeat(self.pairs.T, self.sizes, axis=1)
        begins = np.cumsum([0, *coded.counts[:-1]])
        places = begins[[one, other]] + np.divmod(self.cells, coded.counts[other])
        return np.concatenate(coded.values)[places]

    def which(self, columns: np.ndarray) -> np.ndarray:
        """The number of each of these pairs (m, 2), −1 where its rows are taken as they are."""
        return self._numbers[columns[:, 0], columns[:, 1]]

    @cached_property
    def _numbers(self) -> np.ndarray:
        width = len(self.coded.values)
        numbers = np.full((width, width), -1)
        numbers[self.pairs[:, 0], self.pairs[:, 1]] = np.arange(len(self))
        return numbers

    def slice_of(self, number: int) -> slice:
        """Which of the points are those of one pair."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))

    def of_pair(self, number: int) -> np.ndarray:
        """The points of one pair, (2, k)."""
        return self.values[:, self.slice_of(number)]

    def place_of(self, number: int, rows: np.ndarray) -> np.ndarray:
        """Which of a pair's points these rows (r,) are at, (r,)."""
        a, b = self.pairs[number]
        cells = self.coded.cells(a, b, rows)
        return np.searchsorted(self.cells[self.slice_of(number)], cells)

    def under(self, v: np.ndarray) -> np.ndarray:
        """The sums of v (n, K) at the points, (m, K)."""
        sums, two = np.empty((len(self.cells), v.shape[1])), self._two_valued
        for target, column in enumerate(v.T):
            sums[two.points, target] = two.under(column)
        self._add(np.delete(np.arange(len(self)), two.numbers), v, sums)
        return sums

    @cached_property
    def _two_valued(self) -> "_TwoValued":
        columns = np.flatnonzero(self.coded.counts == 2)
        numbers = np.flatnonzero(np.isin(self.pairs, columns).all(axis=1))
        which = np.repeat(np.arange(len(self)), self.sizes)
        points = np.flatnonzero(np.isin(which, numbers))
        one, other = np.searchsorted(columns, self.pairs[which[points]]).T
        place = np.ravel_multi_index(
            (*np.divmod(self.cells[points], 2), one, other), (2, 2, len(columns), len(columns))
        )
        return _TwoValued(self.coded.which[columns].T.astype(float), numbers, points, place)

    def _add(self, numbers: np.ndarray, v: np.ndarray, sums: np.ndarray) -> None:
        """Into ``sums`` (m, K) those at the points of these pairs."""
        if find_spec("numba") is not None:
            from wedgefit.engine.coinciding_compiled import add

            coded, most = self.coded, PAIRS_PER_ROW * len(v)
            where = self.pairs, self.starts, self.cells
            add(coded.which, coded.counts, numbers, *where, most, v, sums)
            return
        for number in numbers:
            mine = self.slice_of(number)
            place = np.searchsorted(self.cells[mine], self.coded.cells(*self.pairs[number]))
            for target, column in enumerate(v.T):
                sums[mine, target] = np.bincount(place, column, self.sizes[number])

    def rounding(self, v: np.ndarray, reach: float) -> np.ndarray:
        """More than these sums can be wrong in a score of each pair, (P,), hinges being no larger
        than ``reach``."""
        return EPSILON * self.most * float(np.abs(v).sum()) * reach


@dataclass(frozen=True, eq=False)
class Dual:
    """v (n, K) with its sums ``at_points`` (m, K), and what their rounding adds to a score of each
    pair, (P,)."""

    v: np.ndarray
    at_points: np.ndarray
    rounding: np.ndarray


@dataclass(frozen=True, eq=False)
class _TwoValued:
    """The pairs of columns with two values, ``numbers`` (p,), whose sums are products of matrices:
    which value rows have, ``second`` (n, d), 0 or 1. ``points`` (m,): which of all points are
    theirs, and at which ``place`` of all tables, (2, 2, d, d), these are, (m,)."""

    second: np.ndarray
    numbers: np.ndarray
    points: np.ndarray
    place: np.ndarray

    def under(self, v: np.ndarray) -> np.ndarray:
        """The sums of v (n,) at these points."""
        sides = 1.0 - self.second, self.second
        tables = [[(v[:, None] * one).T @ other for other in sides] for one in sides]
        return np.array(tables).ravel()[self.place]
