"""What the compiled bounds of intervals are made of: the norm over an interval, the bound of one
piece of b, and the walk over sorted rows (see ``bound``).

``sums`` [which, c, target] holds Σ v, Σ v p and Σ v q (c = 0, 1, 2): of all rows, of those from a
bin on, and of those above b.
"""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import BORROWING, INNER, PART_OF_ONE, sort_by


@njit(**BORROWING)
def bin_of(p, low, per_bin, bins):
    """The bin of a row, the same wherever it is asked for, to the last bit: a row on an edge that
    was in one bin here and in another there would be counted twice, or not at all."""
    return min(int((p - low) * per_bin), bins - 1)


@njit(**INNER)
def shape_of(centre, half, norm):
    """The norm over an interval: (norm, cos δ, sin δ, T, ‖w‖ at the centre, at the end with t > 0,
    at the other)."""
    T = np.tan(half)
    at, turn = 1.0, 0.0
    if norm == 1:
        cos, sin = np.cos(centre), np.sin(centre)
        at = abs(cos) + abs(sin)
        turn = np.sign(sin) * cos - np.sign(cos) * sin
    return (norm, np.cos(half), np.sin(half), T, at, at + T * turn, at - T * turn)


@njit(**BORROWING)
def half_bound(S, Q, length, shape):
    """The largest score of a half interval, from S and from Q with e added; ``length``: ‖w‖ at its
    end."""
    norm, cos, sin, T, centre, up, down = shape
    if norm == 1:
        return max(S / centre, (S + T * Q) / length)
    return _on_arc(S, Q, 1.0, 0.0, cos, sin)


@njit(**BORROWING)
def _on_arc(S, Q, cos0, sin0, cos1, sin1):
    """The largest S cos φ + Q sin φ on an arc of less than a right angle."""
    # The sum is largest where φ points along (S, Q).
    if S * sin0 < Q * cos0 and Q * cos1 < S * sin1 and (S > 0 or Q > 0):
        return np.sqrt(S * S + Q * Q)
    return max(S * cos0 + Q * sin0, S * cos1 + Q * sin1)


@njit(**BORROWING)
def lower_of_two(s0, s1, Q, e, half, pull, length, shape):
    """The largest of the lower of S + t Q and S + Z + t (Q − D), Z = T (D − e), over the norm, on a
    piece with S from ``s0`` to ``s1``; e and D are of the rows that ``pull`` it down, ``length`` is
    ‖w‖ at the end of the half."""
    D = e[2, half, pull]
    if D <= 0:
        return max(half_bound(s0, Q, length, shape), half_bound(s1, Q, length, shape))
    T = shape[3]
    z0, z1 = T * (D - e[0, half, pull]), T * (D - e[1, half, pull])
    t0, t1 = min(max(z0 / D, 0.0), T), min(max(z1 / D, 0.0), T)
    top = max(_stretch(s0, Q, 0.0, t0, length, shape), _stretch(s1, Q, 0.0, t1, length, shape))
    top = max(top, _stretch(s0 + z0, Q - D, t0, T, length, shape))
    top = max(top, _stretch(s1 + z1, Q - D, t1, T, length, shape))
    if shape[0] == 2 and t0 != t1:
        # Where the lines meet, from one end of the piece to the other.
        at0, at1 = s0 + t0 * Q, s1 + t1 * Q
        slope = (at1 - at0) / (t1 - t0)
        seam = _stretch(at0 - slope * t0, slope, min(t0, t1), max(t0, t1), length, shape)
        top = max(top, seam)
    return top


@njit(**BORROWING)
def _stretch(S, Q, begin, end, length, shape):
    """The largest (S + t Q) / ‖w‖ with begin ≤ t ≤ end, of a half with ‖w‖ = ``length`` at its
    end."""
    norm, cos, sin, T, centre, up, down = shape
    if norm == 1:
        turn = (length - centre) / T
        return max((S + begin * Q) / (centre + begin * turn), (S + end * Q) / (centre + end * turn))
    from0, from1 = np.sqrt(1 + begin * begin), np.sqrt(1 + end * end)
    return _on_arc(S, Q, 1 / from0, begin / from0, 1 / from1, end / from1)


@njit(**PART_OF_ONE)
def _several(sums, b, e, shape, targets, face):
    """The bound at b for several targets: the length of S + t Q, and e."""
    s2, q2, sq = 0.0, 0.0, 0.0
    for t in range(targets):
        S = sums[2, 1, t] - b * sums[2, 0, t] - face * (sums[0, 1, t] - b * sums[0, 0, t])
        Q = sums[2, 2, t] - face * sums[0, 2, t]
        s2 += S * S
        q2 += Q * Q
        sq += S * Q
    norm, cos, sin, T, centre, up, down = shape
    z = np.sqrt(s2) / centre
    for half in range(2):
        cross = sq if half == 0 else -sq
        most = max(e[0, half, 0], e[1, half, 0])
        if norm == 1:
            end = np.sqrt(max(s2 + 2 * T * cross + T * T * q2, 0.0)) + T * most
            z = max(z, end / (up if half == 0 else down))
            continue
        top = s2 * cos * cos + 2 * cross * cos * sin + q2 * sin * sin
        angle = 0.5 * np.arctan2(2 * cross, s2 - q2)
        if angle > 0 and np.sin(angle) < sin and np.cos(angle) > 0:
            top = max(top, 0.5 * (s2 + q2) + 0.5 * np.hypot(s2 - q2, 2 * cross))
        z = max(z, np.sqrt(max(top, 0.0)) + most * sin)
    return z


@njit(**BORROWING)
def piece_bound(sums, left, right, e, shape, targets, limit):
    """The bound over a piece of b of the rows above, sums[2], and of those below."""
    if targets > 1:
        z = 0.0
        for face in range(2):
            for b in (left, right):
                z = max(z, _several(sums, b, e, shape, targets, face))
        return z
    z, loose = 0.0, 0.0
    norm, cos, sin, T, centre, up, down = shape
    least = min(centre, min(up, down))
    for face in range(2):
        s0 = sums[2, 1, 0] - left * sums[2, 0, 0]
        s1 = sums[2, 1, 0] - right * sums[2, 0, 0]
        Q = sums[2, 2, 0]
        if face == 1:
            s0 -= sums[0, 1, 0] - left * sums[0, 0, 0]
            s1 -= sums[0, 1, 0] - right * sums[0, 0, 0]
            Q -= sums[0, 2, 0]
        for sign in range(2):
            side0, side1 = (s0, s1) if sign == 0 else (-s0, -s1)
            highest = max(side0, side1)
            for half in range(2):
                slope = Q if half == sign else -Q
                slope += max(e[0, half, sign], e[1, half, sign])
                simple = highest + T * max(slope, 0.0)
                if simple > limit * least:
                    length = up if half == 0 else down
                    sharper = lower_of_two(side0, side1, slope, e, half, 1 - sign, length, shape)
                    z = max(z, sharper)
                else:
                    loose = max(loose, simple)
    return max(z, loose / least)


@njit(**BORROWING)
def longest_face(sums, b, targets):
    s0, s1 = 0.0, 0.0
    for t in range(targets):
        S = sums[2, 1, t] - b * sums[2, 0, t]
        other = S - (sums[0, 1, t] - b * sums[0, 0, t])
        s0 += S * S
        s1 += other * other
    return np.sqrt(max(s0, s1))


@njit(**INNER)
def nearest(p, b):
    """The row that b is closest to."""
    found = 0
    for i in range(len(p)):
        if abs(p[i] - b) < abs(p[found] - b):
            found = i
    return found


@njit(**BORROWING)
def copy_sums(sums, source, target):
    """Make ``target`` (which) of the sums what ``source`` is."""
    for c in range(3):
        for t in range(sums.shape[2]):
            sums[target, c, t] = sums[source, c, t]


@njit(**BORROWING)
def count_down(hist, begin, end, sums):
    """Take the bins of the histogram from ``begin`` up to ``end`` out of sums[1]."""
    targets = sums.shape[2]
    for k in range(begin, end):
        for c in range(3):
            for t in range(targets):
                sums[1, c, t] -= hist[k, c * targets + t]


@njit(**INNER)
def walk(p, q, some, v, sizes, hist, sums, hot, edges, low, per_cell, bin_of_cell, T, shape, limit):
    """The bound over the hot bins, the longest S at a row in them, and this row; ``some``: the rows
    that are in one or reach into one."""
    rows, places = np.empty((6, len(some))), np.empty((3, len(some)), dtype=np.int64)
    at, heights, e = np.zeros(3, dtype=np.int64), np.zeros((2, 2, 2, 3)), np.empty((3, 2, 2))
    _sort(p, q, some, v, sizes, T, rows, places[0], places[1], places[2])
    return _along(
        rows, rows[4], rows[5], some, places[0], places[1], v, hist, sums, hot, edges, low,
        per_cell, bin_of_cell, T, shape, limit, at, heights, e,
    )  # fmt: skip


@njit(**BORROWING)
def _along(
    rows, p, q, some, starts, ends, v, hist, sums, hot, edges, low, per_cell, bin_of_cell, T,
    shape, limit, at, heights, e,
):  # fmt: skip
    """See ``walk``, along the sorted ``rows`` with these p and q."""
    targets, bins, m = v.shape[1], len(hot), len(some)
    copy_sums(sums, 0, 1)
    bound, best, sample, counted, j, k = 0.0, 0.0, -1, 0, 0, 0
    while k < bins:
        if not hot[k]:
            k += 1
            continue
        end = k
        while end < bins and hot[end]:
            end += 1
        count_down(hist, counted, k, sums)
        counted = k
        copy_sums(sums, 1, 2)
        # The rows above are those in this bin or a later one; binning keeps the order of p.
        while j < m and bin_of_cell[bin_of(p[j], low, per_cell, len(bin_of_cell))] < k:
            j += 1
        b, last = edges[k], edges[end]
        while True:
            _cross(rows, starts, ends, at, j, b, heights)
            inside = j < m and p[j] < last
            right = _piece_end(rows, starts, ends, at, b, p[j] if inside else last)
            _slopes(heights, b, right, 1 / T, e)
            bound = max(bound, piece_bound(sums, b, right, e, shape, targets, limit))
            if not inside and right == last:
                break
            if inside and p[j] <= right:
                value = longest_face(sums, right, targets)
                if value > best:
                    best, sample = value, some[j]
                j = _pass(p, q, some, v, sums, j)
            b = right
        k = end
    return bound, best, sample


@njit(**PART_OF_ONE)
def _piece_end(tents, starts, ends, at, b, farthest):
    """Where the piece that begins at b ends: where a tent begins or is over, if not farther on."""
    if at[0] < len(starts):
        farthest = min(farthest, tents[0, starts[at[0]]])
    if at[2] < len(ends):
        farthest = min(farthest, tents[1, ends[at[2]]])
    return max(farthest, b)


@njit(**PART_OF_ONE)
def _pass(p, q, index, v, sums, j):
    """Take row j, and all with the same p, out of sums[2]; the next row is returned."""
    here = p[j]
    while j < len(p) and p[j] == here:
        i = index[j]
        for t in range(v.shape[1]):
            sums[2, 0, t] -= v[i, t]
            sums[2, 1, t] -= v[i, t] * p[j]
            sums[2, 2, t] -= v[i, t] * q[j]
        j += 1
    return j


@njit(**BORROWING)
def _sort(p, q, some, v, sizes, T, rows, starts, ends, room):
    """Sort ``some`` (m,) by p. ``rows`` (6, m) gets where the tent of each begins and ends, its
    size, and its kind, 2 · (v pulls down) + (q < 0), p, and q; ``starts`` and ``ends`` (m,) get
    their places in the order of these."""
    sort_by(p, some, room)
    for j in range(len(some)):
        i = some[j]
        reach = T * abs(q[i])
        rows[0, j] = p[i] - reach
        rows[1, j] = p[i] + reach
        rows[2, j] = sizes[i]
        pulls_down = v.shape[1] == 1 and v[i, 0] < 0
        rows[3, j] = (2 if pulls_down else 0) + (1 if q[i] < 0 else 0)
        rows[4, j], rows[5, j] = p[i], q[i]
        starts[j] = ends[j] = j
    # In the order of p they are nearly sorted.
    sort_by(rows[0], starts, room)
    sort_by(rows[1], ends, room)


@njit(**PART_OF_ONE)
def _cross(tents, starts, ends, at, below, b, heights):
    """Bring the tents' sides up to b: the first ``below`` rows are on their falling side; ``at``
    counts the tents begun, turned and over. ``heights`` [rising or falling, sign, side of q] holds
    Σ size, Σ size · foot and Σ size · reach."""
    while at[0] < len(starts) and tents[0, starts[at[0]]] <= b:
        j = starts[at[0]]
        _add(heights, 0, tents, j, 1.0)
        at[0] += 1
    while at[1] < below:
        j = at[1]
        _add(heights, 0, tents, j, -1.0)
        _add(heights, 1, tents, j, 1.0)
        at[1] += 1
    while at[2] < len(ends) and tents[1, ends[at[2]]] <= b:
        j = ends[at[2]]
        _add(heights, 1, tents, j, -1.0)
        at[2] += 1


@njit(**BORROWING)
def _add(heights, side, tents, j, sign):
    """Add the rising or falling ``side`` of a tent, which stands on one of its ends, or take it
    away."""
    kind = int(tents[3, j])
    size = sign * tents[2, j]
    heights[side, kind // 2, kind % 2, 0] += size
    heights[side, kind // 2, kind % 2, 1] += size * tents[side, j]
    heights[side, kind // 2, kind % 2, 2] += size * 0.5 * (tents[1, j] - tents[0, j])


@njit(**PART_OF_ONE)
def _slopes(heights, left, right, per_T, e):
    """e at both ends of a piece, and D, [which, half, sign]: with t > 0 rows above with q < 0 fall
    and rows below with q > 0 rise."""
    for sign in range(2):
        for half in range(2):
            slope = heights[0, sign, 1 - half, 0] - heights[1, sign, half, 0]
            height = heights[1, sign, half, 1] - heights[0, sign, 1 - half, 1]
            swing = heights[0, sign, 1 - half, 2] + heights[1, sign, half, 2]
            e[0, half, sign] = max(slope * left + height, 0.0) * per_T
            e[1, half, sign] = max(slope * right + height, 0.0) * per_T
            e[2, half, sign] = max(swing, 0.0) * per_T
