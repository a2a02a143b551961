"""The best unit with a shape along each of many directions, compiled by numba (extra ``fast``): the
contracts of ``shaped_units.by_height`` and ``best_units``, ten to twenty times as fast."""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import OPTIONS
from wedgefit.engine.sweep import index_type

# An order that takes more moves a row than this is not nearly sorted.
PATIENCE = 8


def by_height(points, weights):
    """See ``shaped_units.by_height``."""
    order = np.empty((len(weights), len(points)), dtype=index_type(len(points)))
    heights, now = np.empty(len(points)), np.arange(len(points))
    # Neighbours have their rows in nearly the same order.
    turn = np.argsort(np.arctan2(weights[:, 1], weights[:, 0]))
    _by_height(np.ascontiguousarray(points.T), weights, turn, heights, now, order)
    return order


@njit(**OPTIONS)
def _by_height(rows, weights, turn, heights, now, order):
    for d in turn:
        for i in range(len(heights)):
            heights[i] = weights[d, 0] * rows[0, i] + weights[d, 1] * rows[1, i]
        sort(heights, now)
        for i in range(len(heights)):
            order[d, i] = now[i]


@njit(**OPTIONS)
def sort(keys, order):
    """Bring ``order`` into that of the keys, and of the places where these are equal: quick where
    it nearly is, else by Shell's gaps."""
    gap = 1 if _inserted(keys, order, 1, PATIENCE * len(order)) else len(order)
    while gap > 1:
        gap = max(1, gap * 4 // 9)
        _inserted(keys, order, gap, np.inf)


@njit(**OPTIONS)
def _inserted(keys, order, gap, most):
    """Sort by insertion those that are so far apart; whether that took no more moves than this."""
    moves = 0
    for k in range(gap, len(order)):
        row = order[k]
        key, j = keys[row], k
        while j >= gap:
            other = order[j - gap]
            if keys[other] < key or (keys[other] == key and other < row):
                break
            order[j] = other
            j -= gap
            moves += 1
        order[j] = row
        if moves > most:
            return False
    return True


def best_units(points, v, weights, order, faces, ramp):
    """See ``shaped_units.best_units``."""
    count = len(weights)
    scores, facing, signs = np.zeros(count), np.ones(count), np.ones(count)
    start, stop = np.full(count, -1), np.full(count, -1)
    if count:
        sides = np.array(faces, dtype=float).reshape(-1, 2)
        found = scores, start, stop, facing, signs
        _best(np.ascontiguousarray(points), v, weights, order, sides, ramp, *found)
    return scores, start, stop, facing, signs


@njit(**OPTIONS)
def _best(points, v, weights, order, faces, ramp, scores, start, stop, facing, signs):
    n = len(v)
    places = np.empty(n)
    for d in range(len(weights)):
        total, moment = 0.0, 0.0
        for k in range(n):
            i = order[d, k]
            places[k] = weights[d, 0] * points[i, 0] + weights[d, 1] * points[i, 1]
            total += v[i]
            moment += v[i] * places[k]
        head, first, highest, begin = 0.0, 0.0, -np.inf, 0
        for k in range(n):
            i = order[d, k]
            head += v[i]
            first += v[i] * places[k]
            below = places[k] * head - first
            above = (moment - first) - places[k] * (total - head)
            for side in range(len(faces)):
                score = faces[side, 1] * (above if faces[side, 0] > 0 else below)
                if score > scores[d]:
                    scores[d], start[d], stop[d] = score, i, -1
                    facing[d], signs[d] = faces[side]
            if ramp != 0:
                if ramp * above > highest:
                    highest, begin = ramp * above, i
                score = 0.5 * (highest - ramp * above)
                if score > scores[d]:
                    scores[d], start[d], stop[d] = score, begin, i
                    facing[d], signs[d] = 1.0, ramp
