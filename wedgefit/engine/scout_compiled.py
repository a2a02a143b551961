"""The look along sorted directions, compiled by numba: the contract of ``scout.best``, in one pass
over the rows."""

import numpy as np
from numba import njit


def best(v: np.ndarray, order: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See ``scout.best``: places (p,) and scores (p,)."""
    places, values = np.empty(len(order), dtype=np.intp), np.empty(len(order))
    if v.shape[1] == 1:
        _best(np.ascontiguousarray(v[:, 0]), order, heights, places, values)
    else:
        _best_of_several(np.ascontiguousarray(v.T), order, heights, places, values)
    return places, values


@njit(cache=True, nogil=True)
def _best(v, order, heights, places, values):
    n = len(v)
    for p in range(len(order)):
        total, moment = 0.0, 0.0
        for i in range(n):
            weight = v[order[p, i]]
            total += weight
            moment += weight * heights[p, i]
        sum_, turned, top, at = 0.0, 0.0, -1.0, 0
        for i in range(n):
            weight, height = v[order[p, i]], heights[p, i]
            sum_ += weight
            turned += weight * height
            below = height * sum_ - turned
            score = max(abs(below), abs(below - height * total + moment))
            if score > top:
                top, at = score, i
        places[p], values[p] = at, top


@njit(cache=True, nogil=True)
def _best_of_several(v, order, heights, places, values):
    """The same for v (K, n): a score is the root of the sum of the targets' squares."""
    targets, n = v.shape
    below, above = np.empty(n), np.empty(n)
    for p in range(len(order)):
        below[:], above[:] = 0.0, 0.0
        for t in range(targets):
            total, moment = 0.0, 0.0
            for i in range(n):
                weight = v[t, order[p, i]]
                total += weight
                moment += weight * heights[p, i]
            sum_, turned = 0.0, 0.0
            for i in range(n):
                weight, height = v[t, order[p, i]], heights[p, i]
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
