"""The look along sorted directions, compiled by numba: the contract of ``scout.best``, in one pass
over the rows."""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import BORROWING, OPTIONS, PART_OF_ONE


def best(
    v: np.ndarray, rows: np.ndarray, columns: np.ndarray, normals: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """See ``scout.best``: places (p,) and scores (p,)."""
    places, values = np.empty(len(order), dtype=np.intp), np.empty(len(order))
    if v.shape[1] == 1:
        weights = np.ascontiguousarray(v[:, 0])
        _best(weights, rows, rows @ weights, columns, normals, order, places, values)
    else:
        _best_of_several(np.ascontiguousarray(v.T), rows, columns, normals, order, places, values)
    return places, values


@njit(**PART_OF_ONE)
def _in_order(rows, columns, normal, order, heights):
    """Into ``heights`` (n,) those of the rows along one direction, ascending."""
    x, y = rows[columns[0]], rows[columns[1]]
    for i in range(len(order)):
        heights[i] = normal[0] * x[order[i]] + normal[1] * y[order[i]]


@njit(**OPTIONS)
def _best(v, rows, moments, columns, normals, order, places, values):
    """``moments`` (d,) are those of v along each of the rows. Two directions side by side: a sum
    waits for the one before, and not for the other direction's."""
    total, last = v.sum(), len(order) - 1
    for p in range(0, len(order), 2):
        q = min(p + 1, last)
        one = normals[p, 0], normals[p, 1], columns[p, 0], columns[p, 1]
        other = normals[q, 0], normals[q, 1], columns[q, 0], columns[q, 1]
        moment, moment_of_other = _along(moments, one), _along(moments, other)
        seen, seen_by_other = (0.0, 0.0, -1.0, 0), (0.0, 0.0, -1.0, 0)
        for i in range(len(v)):
            seen = _seen(seen, i, order[p, i], v, rows, one, total, moment)
            seen_by_other = _seen(
                seen_by_other, i, order[q, i], v, rows, other, total, moment_of_other
            )
        places[p], values[p] = seen[3], seen[2]
        places[q], values[q] = seen_by_other[3], seen_by_other[2]


@njit(**PART_OF_ONE)
def _along(moments, direction):
    x, y, first, second = direction
    return x * moments[first] + y * moments[second]


@njit(**BORROWING)
def _seen(so_far, i, row, v, rows, direction, total, moment):
    """Σ v and Σ v height of the rows up to this one, the i-th, the largest score and where it
    is."""
    x, y, first, second = direction
    sum_, turned, top, at = so_far
    weight, height = v[row], x * rows[first, row] + y * rows[second, row]
    sum_ += weight
    turned += weight * height
    below = height * sum_ - turned
    score = max(abs(below), abs(below - height * total + moment))
    if score > top:
        top, at = score, i
    return sum_, turned, top, at


@njit(**OPTIONS)
def _best_of_several(v, rows, columns, normals, order, places, values):
    """The same for v (K, n): a score is the root of the sum of the targets' squares."""
    targets, n = v.shape
    heights, below, above = np.empty(n), np.empty(n), np.empty(n)
    for p in range(len(order)):
        _in_order(rows, columns[p], normals[p], order[p], heights)
        below[:], above[:] = 0.0, 0.0
        for t in range(targets):
            total, moment = 0.0, 0.0
            for i in range(n):
                weight = v[t, order[p, i]]
                total += weight
                moment += weight * heights[i]
            sum_, turned = 0.0, 0.0
            for i in range(n):
                weight, height = v[t, order[p, i]], heights[i]
                sum_ += weight
                turned += weight * height
                one_side = height * sum_ - turned
                other_side = one_side - height * total + moment
                below[i] += one_side * one_side
                above[i] += other_side * other_side
        top, at = -1.0, 0
        for i in range(n):
            square = max(below[i], above[i])
            if square > top:
                top, at = square, i
        places[p], values[p] = at, np.sqrt(top)
