"""The first pass of compiled bounds of intervals: a histogram of p, which tells where the score may
exceed a limit (see ``bound``).

Its bins are narrow where rows are many: each is some cells of an even grid, and a row's cell tells
its bin. At the edges of bins S and Q are exact; between them they differ by what the rows of the
bin can change, and e is at most that of the tents that reach into the bin.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound_walk import (
    bin_of,
    copy_sums,
    count_down,
    half_bound,
    lower_of_two,
)
from wedgefit.engine.compiling import BORROWING, INNER, PART_OF_ONE

# Cells for each bin, and about how many rows are counted to divide them into bins.
CELLS = 16
COUNTED = 2048


@njit(**PART_OF_ONE)
def divided(p, low, high, reach, bins, bin_of_cell, edges):
    """Bins from ``reach`` below the lowest row to as much above the highest: half of them share the
    rows evenly, half the range. Where they begin, cells a unit, and how many bins there are;
    ``edges`` gets their edges, ``bin_of_cell`` the bin of every cell."""
    cells = len(bin_of_cell)
    scale = max(abs(low), abs(high)) + reach
    low -= reach + 1e-12 * scale
    high += reach + 1e-12 * scale
    width = (high - low) / cells if high > low else 1.0 / cells
    bin_of_cell[:] = 0
    step = max(1, len(p) // COUNTED)
    counted = (len(p) - 1) // step + 1
    for i in range(0, len(p), step):
        bin_of_cell[bin_of(p[i], low, 1 / width, cells)] += 1
    before, last, used = 0, -1, -1
    per_row, per_cell = 0.5 * bins / counted, 0.5 * bins / cells
    for cell in range(cells):
        here = int(per_row * before + per_cell * cell)
        before += bin_of_cell[cell]
        if here > last:
            used += 1
            edges[used] = low + cell * width
            last = here
        bin_of_cell[cell] = used
    edges[used + 1] = low + cells * width
    return low, 1 / width, used + 1


@njit(**INNER)
def fill(p, q, v, sizes, low, per_cell, bin_of_cell, T, hist, tents, counts):
    """Per bin Σ v, Σ v p and Σ v q of its rows (K each), ``hist`` (bins, 3 K); and of the tents
    p ± T|q| Σ |v|, Σ |v p| and Σ |v| T|q|, ``tents`` (bins, 3, 4, 3): of those whose row is in the
    bin, of those that begin there and of those that end there, by sign of v (one, where targets are
    several) and of q. ``counts`` (bins,): how many terms all sums of a bin have together."""
    cells, targets = len(bin_of_cell), v.shape[1]
    tents[:] = 0.0
    counts[:] = 0
    for i in range(len(p)):
        size, reach = sizes[i], T * abs(q[i])
        along, around = size * p[i], size * reach
        # No branch on the sign of v: half of the guesses would be wrong.
        kind = 2 * ((targets == 1) & (v[i, 0] < 0)) + (q[i] < 0)
        k = bin_of_cell[bin_of(p[i], low, per_cell, cells)]
        begin = bin_of_cell[max(int((p[i] - reach - low) * per_cell), 0)]
        end = bin_of_cell[bin_of(p[i] + reach, low, per_cell, cells)]
        tents[k, 0, kind, 0] += size
        tents[k, 0, kind, 1] += along
        tents[k, 0, kind, 2] += around
        tents[begin, 1, kind, 0] += size
        tents[begin, 1, kind, 1] += along
        tents[begin, 1, kind, 2] += around
        tents[end, 2, kind, 0] += size
        tents[end, 2, kind, 1] += along
        tents[end, 2, kind, 2] += around
        counts[k] += 1
        counts[begin] += 1
        counts[end] += 1
    if targets == 1:
        for k in range(len(hist)):
            for c in range(2):
                ups = tents[k, 0, 0, c] + tents[k, 0, 1, c]
                hist[k, c] = ups - (tents[k, 0, 2, c] + tents[k, 0, 3, c])
            across = tents[k, 0, 0, 2] - tents[k, 0, 1, 2]
            hist[k, 2] = (across - (tents[k, 0, 2, 2] - tents[k, 0, 3, 2])) / T
        return
    hist[:] = 0.0
    for i in range(len(p)):
        k = bin_of_cell[bin_of(p[i], low, per_cell, cells)]
        for t in range(targets):
            hist[k, t] += v[i, t]
            hist[k, targets + t] += v[i, t] * p[i]
            hist[k, 2 * targets + t] += v[i, t] * q[i]


@njit(**PART_OF_ONE)
def _totals(hist, sums, targets):
    """Into sums[0] and sums[1] (3, K): Σ v, Σ v p, Σ v q of all rows, and a copy to count down."""
    for c in range(3):
        for t in range(targets):
            total = 0.0
            for k in range(len(hist)):
                total += hist[k, c * targets + t]
            sums[0, c, t] = total
            sums[1, c, t] = total


@njit(**BORROWING)
def _lengths(sums, b, targets):
    """‖S‖ and ‖Q‖ of the rows above b, and of those below."""
    if targets == 1:
        S, Q = sums[1, 1, 0] - b * sums[1, 0, 0], sums[1, 2, 0]
        other, across = S - (sums[0, 1, 0] - b * sums[0, 0, 0]), Q - sums[0, 2, 0]
        return abs(S), abs(Q), abs(other), abs(across)
    s0, q0, s1, q1 = 0.0, 0.0, 0.0, 0.0
    for t in range(targets):
        S = sums[1, 1, t] - b * sums[1, 0, t]
        Q = sums[1, 2, t]
        other = S - (sums[0, 1, t] - b * sums[0, 0, t])
        across = Q - sums[0, 2, t]
        s0 += S * S
        q0 += Q * Q
        s1 += other * other
        q1 += across * across
    return np.sqrt(s0), np.sqrt(q0), np.sqrt(s1), np.sqrt(q1)


@njit(**INNER)
def screen(hist, tents, sums, edges, T, shape, least, limit, targets, hot):
    """Which bins are hot; the largest bound of the others, and of the hot ones."""
    bins = len(hist)
    _totals(hist, sums, targets)
    e, against, under_way = np.empty((2, 2)), np.empty((3, 2, 2)), np.zeros((2, 4, 3))
    done, hottest = 0.0, 0.0
    s0, q0, s1, q1 = _lengths(sums, edges[0], targets)
    for k in range(bins):
        b0, b1 = edges[k], edges[k + 1]
        _slopes_in(tents, k, under_way, b0, b1, T, e, against)
        before, across = (0.0, 0.0), (0.0, 0.0)
        if targets == 1:
            before = (sums[1, 1, 0] - b0 * sums[1, 0, 0], sums[1, 2, 0])
        count_down(hist, k, k + 1, sums)
        n0, m0, n1, m1 = _lengths(sums, b1, targets)
        # A hinge lies under its chord, and where v is negative above it.
        bend = 0.25 * (b1 - b0)
        bends = (
            bend * (tents[k, 0, 2, 0] + tents[k, 0, 3, 0]),
            bend * (tents[k, 0, 0, 0] + tents[k, 0, 1, 0]),
        )
        swing = 0.0
        for kind in range(4):
            swing += tents[k, 0, kind, 2] / T
        S = max(max(s0, n0), max(s1, n1)) + max(bends[0], bends[1])
        Q = max(max(q0, m0), max(q1, m1)) + swing
        z = (S + T * (Q + max(max(e[0, 0], e[0, 1]), max(e[1, 0], e[1, 1])))) / least
        if z > limit:
            if targets == 1:
                across = (sums[1, 1, 0] - b1 * sums[1, 0, 0], sums[1, 2, 0])
                z = _signed(before, across, sums, b0, b1, bends, swing, e, against, shape, limit)
            else:
                z = max(
                    half_bound(S, Q + e[0, 0], shape[5], shape),
                    half_bound(S, Q + e[1, 0], shape[6], shape),
                )
        hot[k] = z > limit
        if z > limit:
            hottest = max(hottest, z)
        else:
            done = max(done, z)
        s0, q0, s1, q1 = n0, m0, n1, m1
    return done, hottest


@njit(**PART_OF_ONE)
def _slopes_in(tents, k, under_way, left, right, T, e, against):
    """The most that e can be in a bin, [half, sign of v], from its tents: those that rise through
    it are highest on its right, those that fall on its left, and those of its own rows anywhere.
    And of all tents but these e at its least, twice, and D: ``against``, as a piece of the walk has
    them. ``under_way``: the tents on their rising and on their falling side; it is brought up to
    the next bin."""
    for kind in range(4):
        for c in range(3):
            under_way[0, kind, c] += tents[k, 1, kind, c] - tents[k, 0, kind, c]
    for sign in range(2):
        its_own = tents[k, 0, 2 * sign, 2] + tents[k, 0, 2 * sign + 1, 2]
        for half in range(2):
            # With t > 0 rows above with q < 0 fall, and rows below with q > 0 rise.
            up, down = 2 * sign + 1 - half, 2 * sign + half
            rising, falling = under_way[0, up, 0], under_way[1, down, 0]
            foot = under_way[0, up, 1] - under_way[0, up, 2]
            end = under_way[1, down, 1] + under_way[1, down, 2]
            risen, fallen = rising * right - foot, end - falling * left
            e[half, sign] = (max(risen + fallen, 0.0) + its_own) / T
            least = min(risen + end - falling * right, fallen + rising * left - foot)
            against[0, half, sign] = against[1, half, sign] = least / T
            against[2, half, sign] = (under_way[0, up, 2] + under_way[1, down, 2]) / T
    for kind in range(4):
        for c in range(3):
            under_way[1, kind, c] += tents[k, 0, kind, c] - tents[k, 2, kind, c]


@njit(**PART_OF_ONE)
def _signed(left, right, sums, b0, b1, bends, swing, e, against, shape, limit):
    """The bound of a bin for one target, from (S, Q) at both its ends: by face, by sign, by
    half."""
    z = 0.0
    for face in range(2):
        s0, s1, q0, q1 = left[0], right[0], left[1], right[1]
        if face == 1:
            s0 -= sums[0, 1, 0] - b0 * sums[0, 0, 0]
            s1 -= sums[0, 1, 0] - b1 * sums[0, 0, 0]
            q0 -= sums[0, 2, 0]
            q1 -= sums[0, 2, 0]
        # Q at one end is that at the other plus all of the bin's v q; between, plus some of them.
        q_most, q_least = 0.5 * (q0 + q1 + swing), 0.5 * (q0 + q1 - swing)
        for sign in range(2):
            S = (max(s0, s1) if sign == 0 else -min(s0, s1)) + bends[sign]
            forward = q_most if sign == 0 else -q_least
            backward = -q_least if sign == 0 else q_most
            for half in range(2):
                Q = (forward if half == 0 else backward) + e[half, sign]
                length = shape[5] if half == 0 else shape[6]
                simple = half_bound(S, Q, length, shape)
                if simple > limit:
                    simple = lower_of_two(S, S, Q, against, half, 1 - sign, length, shape)
                z = max(z, simple)
    return z


@njit(**PART_OF_ONE)
def best_edge(hist, tents, sums, edges, targets):
    """The longest S at the edges between bins, and its b."""
    copy_sums(sums, 0, 1)
    best, at, bins = 0.0, edges[0], len(hist)
    first, last = -1, -1
    for k in range(bins):
        here = 0.0
        for kind in range(4):
            here += tents[k, 0, kind, 0]
        if here > 0:
            if first < 0:
                first = k
            last = k
    for k in range(bins):
        # Beyond the outermost rows there is no neuron at this direction.
        if k > first and k <= last:
            s0, _, s1, _ = _lengths(sums, edges[k], targets)
            if max(s0, s1) > best:
                best, at = max(s0, s1), edges[k]
        count_down(hist, k, k + 1, sums)
    return best, at
