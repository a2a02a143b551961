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
        _best_of_several(np.ascontiguousarray(v), order, heights, places, values)
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
    """The same for v (n, K): a score is the root of the sum of the targets' squares."""
    n, targets = v.shape
    sums, totals = np.empty((2, targets)), np.empty((2, targets))
    for p in range(len(order)):
        totals[:] = 0.0
        for i in range(n):
            totals[0] += v[order[p, i]]
            totals[1] += v[order[p, i]] * heights[p, i]
        sums[:] = 0.0
        top, at = -1.0, 0
        for i in range(n):
            row, height = order[p, i], heights[p, i]
            below, above = 0.0, 0.0
            for t in range(targets):
                sums[0, t] += v[row, t]
                sums[1, t] += v[row, t] * height
                one_side = height * sums[0, t] - sums[1, t]
                other_side = one_side - height * totals[0, t] + totals[1, t]
                below += one_side * one_side
                above += other_side * other_side
            square = max(below, above)
            if square > top:
                top, at = square, i
        places[p], values[p] = at, np.sqrt(top)
