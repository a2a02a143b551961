"""The best unit with a shape along each of many directions, compiled by numba (extra ``fast``): the
contract of ``shaped_units.best_units``, some twenty times as fast."""

import numpy as np
from numba import njit


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


@njit(cache=True, nogil=True)
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
