"""The look along sorted directions, compiled by numba: the contract of ``scout.best``, in one pass
over the rows."""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import OPTIONS, PART_OF_ONE


def best(
    v: np.ndarray, rows: np.ndarray, columns: np.ndarray, normals: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """See ``scout.best``: places (p,) and scores (p,)."""
    places, values = np.empty(len(order), dtype=np.intp), np.empty(len(order))
    if v.shape[1] == 1:
        _best(np.ascontiguousarray(v[:, 0]), rows, columns, normals, order, places, values)
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
def _best(v, rows, columns, normals, order, places, values):
    n = len(v)
    heights, weights = np.empty(n), np.empty(n)
    for p in range(len(order)):
        _in_order(rows, columns[p], normals[p], order[p], heights)
        total, moment = 0.0, 0.0
        for i in range(n):
            weights[i] = v[order[p, i]]
            total += weights[i]
            moment += weights[i] * heights[i]
        sum_, turned, top, at = 0.0, 0.0, -1.0, 0
        for i in range(n):
            weight, height = weights[i], heights[i]
            sum_ += weight
            turned += weight * height
            below = height * sum_ - turned
            score = max(abs(below), abs(below - height * total + moment))
            if score > top:
                top, at = score, i
        places[p], values[p] = at, top


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
