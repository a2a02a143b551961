"""What the compiled bounds of patches are made of: the patch, how far rows move in it, the bound of
one piece of b, and the walk over sorted rows (see ``bound_patch``).

``patch`` (4, d) holds the centre, half of each side and the signs of the centre; its last row the
length of the centre before it was divided by it, the least length along it of a direction in the
patch, and the radius of the ball within.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import EPSILON
from wedgefit.engine.compiling import INNER, PART_OF_ONE, sort_by


@njit(**PART_OF_ONE)
def patch_of(low, high, norm, patch):
    """Fill ``patch``; T, ‖w‖ at the centre, and the least ‖w‖."""
    d = len(low)
    length, least, square = 0.0, 0.0, 0.0
    for c in range(d):
        patch[0, c] = 0.5 * (low[c] + high[c])
        patch[1, c] = 0.5 * (high[c] - low[c])
        patch[2, c] = 1.0 if patch[0, c] > 0 else -1.0
        length += abs(patch[0, c])
        least += min(abs(low[c]), abs(high[c]))
        square += patch[0, c] * patch[0, c]
    if norm == 1:
        return 1.0, length, least
    size = np.sqrt(square)
    within, back = np.inf, 0.0
    for c in range(d):
        patch[0, c] /= size
        back += patch[1, c] * abs(patch[0, c])
        if patch[1, c] > 0:
            end = max(abs(low[c]), abs(high[c]))
            within = min(within, patch[1, c] / np.sqrt(1 + end * end))
    patch[3, 0], patch[3, 1] = (size - back) * (1 - 1e-14), within / size * (1 - 1e-14)
    T = 0.0
    for corner in range(1 << d):
        along, away = 0.0, 0.0
        for c in range(d):
            along += (high[c] if (corner >> c) & 1 else low[c]) * patch[0, c]
        for c in range(d):
            across = (high[c] if (corner >> c) & 1 else low[c]) - along * patch[0, c]
            away += across * across
        T = max(T, np.sqrt(away) / along)
    # Not by an arc cosine, which loses half of its digits near 1.
    return T * (1 + 1e-14) + 4 * EPSILON, 1.0, 1.0


@njit(**PART_OF_ONE)
def row_in(x, patch, T, norm):
    """p of a row, how far it can move, its distance from the centre's line, and the size of the
    products that p is the sum of."""
    p, size, parts = 0.0, 0.0, 0.0
    for c in range(len(x)):
        product = patch[0, c] * x[c]
        p += product
        parts += abs(product)
        size += x[c] * x[c]
    reach = 0.0
    if norm == 1:
        for c in range(len(x)):
            reach += patch[1, c] * abs(x[c])
        return p, reach, 0.0, parts
    across = np.sqrt(max(size - p * p, 0.0) + 1e-14 * size)
    for c in range(len(x)):
        reach += patch[1, c] * abs(x[c] - p * patch[0, c])
    reach = reach / patch[3, 0] + 1e-14 * np.sqrt(size) * T
    return p, min(T * across, reach), across, parts


@njit(**INNER)
def moments(above, everything, face, b, patch, T, norm):
    """Of one face at b: S, the length of M across the centre, and how much it can add to S."""
    d = patch.shape[1]
    along, square = 0.0, 0.0
    for c in range(d):
        m = above[c] - face * everything[c]
        along += m * patch[0, c]
        square += m * m
    S = along - b * (above[d] - face * everything[d])
    if norm == 1:
        return S, 0.0, 0.0
    Q = np.sqrt(max(square - along * along, 0.0) + 1e-14 * square)
    turn = 0.0
    for c in range(d):
        m = above[c] - face * everything[c]
        turn += patch[1, c] * abs(m - along * patch[0, c])
    return S, Q, min(T * Q, turn / patch[3, 0] + 1e-14 * Q)


@njit(**INNER)
def in_cell(S, Q, H, E, within, limit):
    """The largest (S + min(s Q, H) + min(s / ρ, 1) E) / √(1 + s²), s ≥ 0, ρ = ``within``; more,
    where that is below the limit."""
    if S + H + E <= limit:
        return S + H + E
    near = _on_arc(S, Q + E / within, 0.0, within)
    if H <= within * Q:
        return near
    return max(near, _on_arc(S + E, Q, within, H / Q))


@njit(**INNER)
def _on_arc(S, Q, begin, end):
    """The largest S cos φ + Q sin φ with begin ≤ tan φ ≤ end, for Q ≥ 0."""
    if S > 0 and S * begin <= Q <= S * end:
        return np.sqrt(S * S + Q * Q)
    return max((S + Q * begin) / np.sqrt(1 + begin * begin), (S + Q * end) / np.sqrt(1 + end * end))


@njit(**INNER)
def _in_box(S, E, above, everything, face, pull, patch, length):
    """The largest (S + τ·M + E) / ‖c + τ‖₁ over the corners, and S / ‖c‖₁, by Dinkelbach's steps:
    each goes to the corner that is best against the value so far."""
    top = S / length
    while True:
        value, size = S + E, length
        for c in range(patch.shape[1]):
            m = pull * (above[c] - face * everything[c])
            step = patch[1, c] if m > top * patch[2, c] else -patch[1, c]
            value += step * m
            size += step * patch[2, c]
        value /= size
        if value <= top + 1e-15 * abs(top):
            return max(top, value)
        top = value


@njit(**PART_OF_ONE)
def _face_bound(S, Q, H, E, above, everything, face, patch, shape, limit):
    """The bound of one face from S, Q, H and E of rows that pull up and down."""
    norm, length = shape
    if norm == 2:
        within = patch[3, 1]
        up = in_cell(S, Q, H, E[0], within, limit)
        return max(up, in_cell(-S, Q, H, E[1], within, limit))
    up = _in_box(S, E[0], above, everything, face, 1.0, patch, length)
    return max(up, _in_box(-S, E[1], above, everything, face, -1.0, patch, length))


@njit(**INNER)
def walk(points, p, r, v, some, stretch, sums, patch, T, shape, bias, limit):
    """The bound over a ``stretch`` of b, the longest S at a row in it, and this row.

    ``some`` (m,): the rows that the stretch holds or that reach into it. ``sums`` (2, d + 1): Σ v x
    and Σ v over the rows above its begin, which is counted down, and over all. ``stretch``: its
    ends, and how many of ``some``, sorted, are below it. ``limit``: bounds below it need not be
    sharp. ``some`` is sorted afterwards.
    """
    m, order = len(some), some
    places, feet = np.empty((3, m), dtype=np.int64), np.empty((2, len(p)))
    starts, ends = places[0], places[1]
    sort_by(p, order, places[2])
    _feet(p, r, order, places, feet)
    # In the order of p they are nearly sorted.
    sort_by(feet[0], starts, places[2])
    sort_by(feet[1], ends, places[2])
    above, everything = sums[0], sums[1]
    tents, E, at = np.zeros((2, 2)), np.empty((2, 2)), np.zeros(2, dtype=np.int64)
    bound, best, sample = 0.0, 0.0, -1
    b, last, j = stretch
    for i in range(j):
        _turn(p, v, order[i], tents)
    while True:
        _begin_tents(p, r, v, starts, ends, at, b, tents)
        _heights(tents, b, E[0])
        at_row = bias and j < m and p[order[j]] < last
        right = max(p[order[j]], b) if at_row else last
        # The tents that begin or end in between make the bound convex there, no larger.
        _begin_tents(p, r, v, starts, ends, at, right, tents)
        _heights(tents, right, E[1])
        for end, here in enumerate((b, right)):
            for face in (0.0, 1.0):
                S, Q, H = moments(above, everything, face, here, patch, T, shape[0])
                top = _face_bound(S, Q, H, E[end], above, everything, face, patch, shape, limit)
                bound = max(bound, top)
                if end == 1 and abs(S) > best and (at_row or not bias):
                    best, sample = abs(S), (order[j] if bias else -1)
        if not at_row:
            break
        while j < m and p[order[j]] <= right:
            _drop(points, v, order[j], above)
            _turn(p, v, order[j], tents)
            j += 1
        b = right
    return bound, best, sample


@njit(**PART_OF_ONE)
def _feet(p, r, order, places, feet):
    """Where the tents of the rows in ``order`` begin and end; and these rows twice, to be sorted by
    it."""
    for j in range(len(order)):
        i = order[j]
        places[0, j] = places[1, j] = i
        feet[0, i], feet[1, i] = p[i] - r[i], p[i] + r[i]


@njit(**PART_OF_ONE)
def _drop(points, v, i, above):
    """Row i is below now."""
    d = points.shape[1]
    above[d] -= v[i]
    for c in range(d):
        above[c] -= v[i] * points[i, c]


@njit(**INNER)
def _turn(p, v, i, tents):
    """From row i on its tent falls."""
    sign = 0 if v[i] > 0 else 1
    tents[sign, 0] -= 2 * abs(v[i])
    tents[sign, 1] -= 2 * abs(v[i]) * p[i]


@njit(**INNER)
def _begin_tents(p, r, v, starts, ends, at, b, tents):
    """Bring in the tents that begin, and take out those that end, up to b."""
    while at[0] < len(starts) and p[starts[at[0]]] - r[starts[at[0]]] <= b:
        i = starts[at[0]]
        sign = 0 if v[i] > 0 else 1
        tents[sign, 0] += abs(v[i])
        tents[sign, 1] += abs(v[i]) * (p[i] - r[i])
        at[0] += 1
    while at[1] < len(ends) and p[ends[at[1]]] + r[ends[at[1]]] <= b:
        i = ends[at[1]]
        sign = 0 if v[i] > 0 else 1
        tents[sign, 0] += abs(v[i])
        tents[sign, 1] += abs(v[i]) * (p[i] + r[i])
        at[1] += 1


@njit(**INNER)
def _heights(tents, b, E):
    for sign in range(2):
        E[sign] = max(tents[sign, 0] * b - tents[sign, 1], 0.0)
