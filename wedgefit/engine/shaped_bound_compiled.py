"""Bounds of units with a shape over intervals of directions, compiled by numba (extra ``fast``):
the contract of ``shaped_bound.look``, some forty times as fast.

Rows in order of their places p at the first direction, and of p' at the last, are walked through
together: at p, and at p', a tent begins or ends, and at p' a row leaves those above. Neighbouring
intervals have their rows in nearly the same order, so each sort begins with the last one's.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import EPSILON, TURNED
from wedgefit.engine.compiling import OPTIONS
from wedgefit.engine.shaped_compiled import sort


def look(points, v, intervals, faces, ramp):
    """See ``shaped_bound.look``."""
    values, bounds, n = np.empty(len(intervals)), np.empty(len(intervals)), len(v)
    rows, room = np.ascontiguousarray(points.T), np.empty((6, n))
    orders, turn = np.tile(np.arange(n), (2, 1)), np.argsort(intervals[:, 0])
    sides, v = np.array(faces, dtype=float).reshape(-1, 2), np.ascontiguousarray(v)
    size = 8 * EPSILON * float(np.abs(v).sum())
    _look(rows, v, size, intervals, turn, sides, float(ramp), room, orders, values, bounds)
    return values, bounds


@njit(**OPTIONS)
def _look(rows, v, size, intervals, turn, faces, ramp, room, orders, values, bounds):
    p, there, order, last = room[0], room[1], orders[0], orders[1]
    up, down = room[2:4].ravel(), room[4:6].ravel()
    for i in turn:
        T = np.tan(intervals[i, 1] - intervals[i, 0])
        cos, sin = np.cos(intervals[i, 0]), np.sin(intervals[i, 0])
        reach, across, total, moment, final_moment = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(len(v)):
            p[k] = cos * rows[0, k] + sin * rows[1, k]
            q = cos * rows[1, k] - sin * rows[0, k]
            there[k] = p[k] + T * q
            reach, across = max(reach, abs(p[k])), max(across, abs(q))
            total += v[k]
            moment += v[k] * p[k]
            final_moment += v[k] * there[k]
        sort(p, order)
        sort(there, last)
        first = abs(cos) + abs(sin)
        final = abs(cos - T * sin) + abs(sin + T * cos)
        # Rows that stay where they are have no tents.
        count = _sides(p, p, order, order, v, total, moment, up, down)
        values[i] = _highest(up, down, count, moment, faces, ramp) / first
        count = _sides(p, there, order, last, v, total, final_moment, up, down)
        highest = _highest(up, down, count, final_moment, faces, ramp) / final
        wrong = size * ((8 + len(v)) * (reach + T * across) + TURNED * across)
        bounds[i] = max(values[i], highest) + wrong / min(first, final)


@njit(**OPTIONS)
def _sides(p, there, order, last, v, sums, moment, up, down):
    """The scores ``up`` of hinges of rows that end up ``there``, and their opposites ``down``, each
    as much higher as rows make it that change sides on their way from p, at every place of either,
    given Σ v and Σ v p' of all rows; how many places these are.

    Tents are held as lines in b: slopes (a, c) and heights at 0 (A, C) of those over v below and
    above 0. No branch on a sign of v or of a way: half of the guesses would be wrong.
    """
    a, A, c, C = 0.0, 0.0, 0.0, 0.0
    n, count, i, j, from_, to = len(v), 0, 0, 0, p[order[0]], there[last[0]]
    while i < n or j < n:
        b, begun, arrived = min(from_, to), i, j
        # What begins here counts here already, and what ends here still does.
        while from_ == b:
            low, high = _sizes(v[order[i]], there[order[i]] > b)
            foot = there[order[i]]
            a, A, c, C = a - low, A + low * foot, c - high, C + high * foot
            i += 1
            from_ = p[order[i]] if i < n else np.inf
        while to == b:
            low, high = _sizes(v[last[j]], p[last[j]] > b)
            a, A, c, C = a + low, A - low * b, c + high, C - high * b
            sums, moment = sums - v[last[j]], moment - v[last[j]] * b
            j += 1
            to = there[last[j]] if j < n else np.inf
        above = moment - b * sums
        up[count] = above + max(b * a + A, 0.0)
        down[count] = -above + max(b * c + C, 0.0)
        count += 1
        for k in range(begun, i):
            row = order[k]
            low, high = _sizes(v[row], there[row] < b)
            a, A, c, C = a - low, A + low * there[row], c - high, C + high * there[row]
        for k in range(arrived, j):
            row = last[k]
            low, high = _sizes(v[row], p[row] < b)
            a, A, c, C = a + low, A - low * b, c + high, C - high * b
    return count


@njit(**OPTIONS)
def _sizes(v, counts):
    """|v| of a row with v below 0, and with v above 0, where it counts."""
    return counts * max(-v, 0.0), counts * max(v, 0.0)


@njit(**OPTIONS)
def _highest(up, down, count, whole, faces, ramp):
    """The largest score of any unit that begins and ends at so many places (``_sides``)."""
    top, start = 0.0, -np.inf
    for side in range(len(faces)):
        some = up if faces[side, 1] > 0 else down
        rest = 0.0 if faces[side, 0] > 0 else faces[side, 1] * whole
        for k in range(count):
            top = max(top, some[k] - rest)
    if ramp != 0:
        rises, falls = (up, down) if ramp > 0 else (down, up)
        for k in range(count):
            start = max(start, rises[k])
            top = max(top, 0.5 * (start + falls[k]))
    return top
