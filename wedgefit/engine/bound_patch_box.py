"""What the compiled bounds of patches are made of: which rows hyperplanes of a box pass, and the
largest value of F at its corners (see ``bound_patch``).

``rows`` (k + 1, m) are the columns of the rows in question, and v behind them. ``box`` holds the
lines named below, (``LINES``, k + 1), of w and of b.
"""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import INNER

# The box; the hyperplane at which sides are told, the normal that ‖w‖ is measured along (0 for b);
# Σ v (x, 1) over the rows above; Σ |v| (|x|, 1) over those that change sides; where to look in the
# halves, as parts of their sides; and the signs of a corner.
LOW, HIGH, CENTRE, SIDE, AT, ALONG, ABOVE, SWING, TOWARDS, SIGN = range(10)
LINES = 10
# Sums may be taken in any order: that is what makes them fast, and rounding is allowed for.
QUICK = INNER | {"fastmath": {"reassoc", "contract", "nsz", "nnan"}}


@njit(**INNER)
def copy(source, target):
    """Copy numbers; numba's own assignment of arrays takes long to compile."""
    for i in range(len(source)):
        target[i] = source[i]


@njit(**INNER)
def enter(box, norm):
    """Fill in the centre, sides, where to look and along what; the free coordinates, ‖w‖ where it
    looks, and the least ‖w‖, along the same."""
    d = box.shape[1] - 1
    free, count, square = np.empty(d + 1, dtype=np.int64), 0, 0.0
    for c in range(d + 1):
        box[CENTRE, c] = 0.5 * (box[LOW, c] + box[HIGH, c])
        box[SIDE, c] = 0.5 * (box[HIGH, c] - box[LOW, c])
        box[AT, c] = box[CENTRE, c] + box[TOWARDS, c] * box[SIDE, c]
        if box[SIDE, c] > 0:
            free[count] = c
            count += 1
        square += box[AT, c] ** 2 if c < d else 0.0
    size, least, at = np.sqrt(square), 0.0, 0.0
    box[ALONG, d] = 0.0
    for c in range(d):
        box[ALONG, c] = np.sign(box[CENTRE, c]) if norm == 1 else box[AT, c] / size
        least += box[ALONG, c] * box[CENTRE, c] - abs(box[ALONG, c]) * box[SIDE, c]
        at += box[ALONG, c] * box[AT, c]
    return free[:count], at, least


@njit(**QUICK)
def measure(rows, box, height, reach):
    """Fill in w·x − b of each row at the centre, and how far it is from there at most."""
    d = len(rows) - 1
    for i in range(len(height)):
        height[i], reach[i] = -box[CENTRE, d], box[SIDE, d]
    for c in range(d):
        x, w, side = rows[c], box[CENTRE, c], box[SIDE, c]
        for i in range(len(x)):
            height[i] += w * x[i]
            reach[i] += side * abs(x[i])


@njit(**INNER)
def sift(height, reach, v, some, others):
    """Which rows change sides, those with v > 0 first, in ``some``; those that are above
    everywhere, in ``others``; how many: of the first kind, of both, of the last."""
    up, down, above, last = 0, 0, 0, len(others) - 1
    for i in range(len(height)):
        if abs(height[i]) < reach[i]:
            if v[i] > 0:
                some[up] = i
                up += 1
            else:
                others[last - down] = i
                down += 1
        elif height[i] > 0:
            others[above] = i
            above += 1
    for j in range(down):
        some[up + j] = others[last - j]
    return up, up + down, above


@njit(**QUICK)
def count_in(rows, which, sums):
    """Add Σ v x and Σ v of these rows to the sums (k + 1,)."""
    d = len(rows) - 1
    v = rows[d]
    for c in range(d + 1):
        x, total = rows[c], 0.0
        for j in range(len(which)):
            i = which[j]
            total += v[i] * x[i] if c < d else v[i]
        sums[c] += total


@njit(**QUICK)
def tell_sides(rows, box, height, side, sizes):
    """Fill in the side of each row where the box is looked at, and |v|; add up the rows above, and
    the swings; how many are above. ``box[ABOVE]`` holds those that are so everywhere."""
    d = len(rows) - 1
    v, shift, above = rows[d], box[AT, d] - box[CENTRE, d], 0
    for i in range(len(v)):
        side[i] = height[i] - shift
        sizes[i] = abs(v[i])
    for c in range(d):
        x, step = rows[c], box[AT, c] - box[CENTRE, c]
        for i in range(len(v)):
            side[i] += step * x[i]
    for i in range(len(v)):
        side[i] = 1.0 if side[i] > 0 else -1.0
        above += side[i] > 0
    for c in range(d + 1):
        x, total, swing = rows[c], 0.0, 0.0
        for i in range(len(v)):
            total += v[i] * (side[i] + 1.0) * (x[i] if c < d else 1.0)
            swing += sizes[i] * (abs(x[i]) if c < d else 1.0)
        box[ABOVE, c] += 0.5 * total
        box[SWING, c] = swing
    return above


@njit(**QUICK)
def most_excess(height, reach, side, sizes):
    """Σ |v| times what the hinges of these rows add at most."""
    total = 0.0
    for i in range(len(height)):
        total += sizes[i] * (reach[i] - side[i] * height[i])
    return total


@njit(**INNER)
def score_at(point, box, everything, face):
    """The linear part of a face's score at a hyperplane (k + 1,)."""
    d = len(point) - 1
    score = -point[d] * (box[ABOVE, d] - face * everything[d])
    for c in range(d):
        score += point[c] * (box[ABOVE, c] - face * everything[c])
    return score


@njit(**INNER)
def swing_of(box, everything, face):
    """How much more than at the centre that is at most."""
    total = 0.0
    for c in range(box.shape[1]):
        total += box[SIDE, c] * abs(box[ABOVE, c] - face * everything[c])
    return total


@njit(**QUICK)
def _excesses(height, way, sizes):
    """Σ |v| times what the hinges of these rows add at a corner, and at the one opposite."""
    here, there = 0.0, 0.0
    for i in range(len(height)):
        here += sizes[i] * max(0.0, -height[i] - way[i])
        there += sizes[i] * max(0.0, way[i] - height[i])
    return here, there


@njit(**QUICK)
def _go(way, step, part):
    for i in range(len(way)):
        way[i] += part * step[i]


@njit(**QUICK)
def _steps(rows, box, free, height, side, way, steps):
    """Heights as seen from the side that each row is on, and how a step along each free coordinate
    changes them; the way to the first corner."""
    d = len(rows) - 1
    for i in range(len(way)):
        way[i] = 0.0
    for f in range(len(free)):
        c, step = free[f], steps[f]
        x, length = rows[c], box[SIDE, c]
        for i in range(len(way)):
            step[i] = side[i] * (length * x[i] if c < d else -length)
            way[i] += step[i]
    for i in range(len(way)):
        height[i] *= side[i]


@njit(**INNER)
def _turn(code, box, free, way, steps):
    """Go on to the next corner, in the order of Gray's code."""
    f = 0
    while (code >> f) & 1 == 0:
        f += 1
    c = free[f]
    box[SIGN, c] = -box[SIGN, c]
    _go(way, steps[f], 2 * box[SIGN, c])


@njit(**INNER)
def at_corners(rows, up, box, free, everything, height, side, sizes, way, steps):
    """The largest of F over the norm at the corners, and the face and sign that have it; the first
    ``up`` rows have v > 0. Corners come in pairs that lie opposite, each a step from one before."""
    _steps(rows, box, free, height, side, way, steps)
    d, best, face, sign = len(rows) - 1, 0.0, 0, 1.0
    centres = (
        score_at(box[CENTRE], box, everything, 0),
        score_at(box[CENTRE], box, everything, 1),
    )
    length = 0.0
    for c in range(d):
        length += box[ALONG, c] * box[CENTRE, c]
    for c in range(d + 1):
        box[SIGN, c] = 1.0
    for code in range(1 << max(len(free) - 1, 0)):
        if code > 0:
            _turn(code, box, free, way, steps)
        pulls = (
            _excesses(height[:up], way[:up], sizes[:up]),
            _excesses(height[up:], way[up:], sizes[up:]),
        )
        longer = 0.0
        for c in range(d):
            longer += box[SIGN, c] * box[SIDE, c] * box[ALONG, c]
        for which in range(2):
            more = 0.0
            for f in range(len(free)):
                c = free[f]
                moment = box[ABOVE, c] - which * everything[c]
                more += box[SIGN, c] * box[SIDE, c] * (moment if c < d else -moment)
            for k in range(2):
                way_sign, pull = (1.0, pulls[0]) if k == 0 else (-1.0, pulls[1])
                top = max(
                    (way_sign * (centres[which] + more) + pull[0]) / (length + longer),
                    (way_sign * (centres[which] - more) + pull[1]) / (length - longer),
                )
                if top > best:
                    best, face, sign = top, which, way_sign
    return best, face, sign


@njit(**INNER)
def divide(box, free, everything, face, sign, value):
    """Across which coordinate the box is to be halved, and where to look in its halves: towards
    where this face and sign, with this score per ‖w‖, rise."""
    d, cut, most = box.shape[1] - 1, 0, -1.0
    for f in range(len(free)):
        c = free[f]
        slope = box[ABOVE, c] - face * everything[c]
        slope = slope - value * box[ALONG, c] if c < d else -slope
        weight = box[SIDE, c] * (box[SWING, c] + abs(slope))
        if weight > most:
            cut, most = c, weight
        box[TOWARDS, c] = sign * slope / (abs(slope) + 0.1 * box[SWING, c] + 1e-300)
    return cut
