"""Tables of the pairs of values of two columns, compiled by numba: what ``coinciding`` does in
NumPy, some times faster."""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import OPTIONS, sort_by

# Neighbouring rows are added in so many tables by turns: few cells would have to wait for each
# other.
TURNS = 4


def table(one, other, others: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How many rows each cell of a table with ``others`` columns has, and its first row."""
    counts, first = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    _count(one, other, others, counts, first)
    return counts, first


def points(one, other, others: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cells of such a table that have rows, ascending, the first row of each, and how many
    there are."""
    found = np.empty((3, len(one)), dtype=np.int64)
    at, first, counts = found[:, : _points(one, other, others, found)]
    return at, first, counts


def points_of_all(which, counts, pairs) -> tuple[np.ndarray, np.ndarray]:
    """The same of many pairs of columns: the cells, their first rows and how many there are,
    (P, 3, n), and how many cells of each count, (P,)."""
    found = np.empty((len(pairs), 3, which.shape[1]), dtype=np.int64)
    sizes = np.empty(len(pairs), dtype=np.int64)
    _points_of_all(which, counts, pairs, found, sizes)
    return found, sizes


def add(which, counts, numbers, pairs, starts, cells, most, v, sums) -> None:
    """Into ``sums`` (m, K) those of v (n, K) at the points of these pairs; in a table where this
    has at most so many cells."""
    _add(which, counts, numbers, pairs, starts, cells, most, np.ascontiguousarray(v), sums)


@njit(**OPTIONS)
def _count(one, other, others, counts, first):
    for i in range(len(one) - 1, -1, -1):
        cell = one[i] * others + other[i]
        counts[cell] += 1
        first[cell] = i


@njit(**OPTIONS)
def _points(one, other, others, found):
    n = len(one)
    cells, order, room = np.empty(n, dtype=np.int64), np.arange(n), np.empty(n, dtype=np.int64)
    for i in range(n):
        cells[i] = one[i] * others + other[i]
    sort_by(cells, order, room)
    count = 0
    for place in range(n):
        i = order[place]
        if count == 0 or cells[i] != found[0, count - 1]:
            found[0, count], found[1, count], found[2, count] = cells[i], i, 0
            count += 1
        found[2, count - 1] += 1
    return count


@njit(**OPTIONS)
def _points_of_all(which, counts, pairs, found, sizes):
    for k in range(len(pairs)):
        a, b = pairs[k]
        sizes[k] = _points(which[a], which[b], counts[b], found[k])


@njit(**OPTIONS)
def _add(which, counts, numbers, pairs, starts, cells, most, v, sums):
    n, targets = v.shape
    table = np.zeros((TURNS, most))
    for k in numbers:
        a, b = pairs[k]
        others = counts[b]
        in_table = counts[a] * others <= most
        for t in range(targets):
            if in_table:
                for i in range(n):
                    table[i % TURNS, which[a, i] * others + which[b, i]] += v[i, t]
                for j in range(starts[k], starts[k + 1]):
                    total = 0.0
                    for turn in range(TURNS):
                        total += table[turn, cells[j]]
                        table[turn, cells[j]] = 0.0
                    sums[j, t] = total
                continue
            sums[starts[k] : starts[k + 1], t] = 0.0
            for i in range(n):
                cell = which[a, i] * others + which[b, i]
                low, high = starts[k], starts[k + 1] - 1
                while low < high:
                    middle = (low + high) // 2
                    if cells[middle] < cell:
                        low = middle + 1
                    else:
                        high = middle
                sums[low, t] += v[i, t]
