"""Which b of a patch need a walk over sorted rows: a histogram of the rows bounds the others
(norm 2, with biases).

At the edges of its bins S and M are exact; between them they are off by what the rows of the bin
can change, and E is at most that of all rows which reach into the bin.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound_patch_walk import in_cell, moments
from wedgefit.engine.bound_walk import bin_of
from wedgefit.engine.compiling import INNER, OPTIONS

# Columns of the histogram after Σ v x (d) and Σ v: Σ |v|, Σ |v| times the distance from the
# centre's line, Σ |v| r of the rows in the bin, Σ |v| r of those that reach into it, of either
# sign, as differences along the bins.
SIZE, ACROSS, SWING, UP, DOWN = range(1, 6)
COLUMNS = 6


@njit(**OPTIONS)
def fill(points, p, r, across, v, low, per_bin, hist):
    """The histogram (bins + 1, d + ``COLUMNS``) of the rows; the last line ends differences."""
    bins, d = len(hist) - 1, points.shape[1]
    hist[:] = 0.0
    for i in range(len(p)):
        size = abs(v[i])
        k = bin_of(p[i], low, per_bin, bins)
        for c in range(d):
            hist[k, c] += v[i] * points[i, c]
        hist[k, d] += v[i]
        hist[k, d + SIZE] += size
        hist[k, d + ACROSS] += size * across[i]
        hist[k, d + SWING] += size * r[i]
        begin = max(int((p[i] - r[i] - low) * per_bin), 0)
        end = min(int((p[i] + r[i] - low) * per_bin), bins - 1) + 1
        side = d + (UP if v[i] > 0 else DOWN)
        hist[begin, side] += size * r[i]
        hist[end, side] -= size * r[i]


@njit(**INNER)
def screen(hist, sums, low, width, rows, patch, T, norm, limit):
    """The first and the last bin with a bound above the limit (−1 where there is none), their
    largest bound, that of all others, the longest S at an edge between the outermost ``rows`` (two
    values of p), and its b.

    ``sums`` (2, d + 1): a place to count in, and the sums over all rows.
    """
    bins, d = len(hist) - 1, patch.shape[1]
    above, everything = sums[0], sums[1]
    first, last, hottest, done, best, at = -1, -1, 0.0, 0.0, 0.0, low
    everything[:] = 0.0
    for k in range(bins):
        _count(hist[k], everything, 1.0)
    _copy(everything, above)
    up, down = 0.0, 0.0
    before = _of_faces(above, everything, low, patch, T, norm)
    for k in range(bins):
        up += hist[k, d + UP]
        down += hist[k, d + DOWN]
        _count(hist[k], above, -1.0)
        b = low + (k + 1) * width
        after = _of_faces(above, everything, b, patch, T, norm)
        bend = 0.25 * width * hist[k, d + SIZE]
        z = 0.0
        for face in range(2):
            S0, Q0, H0 = before[face]
            S1, Q1, H1 = after[face]
            Q = max(Q0, Q1) + hist[k, d + ACROSS]
            H = max(H0, H1) + hist[k, d + SWING]
            z = max(z, in_cell(max(S0, S1) + bend, Q, H, max(up, 0.0), patch[3, 1], limit))
            z = max(z, in_cell(bend - min(S0, S1), Q, H, max(down, 0.0), patch[3, 1], limit))
            if abs(S1) > best and rows[0] <= b <= rows[1]:
                best, at = abs(S1), b
        if z > limit:
            first, last, hottest = (k if first < 0 else first), k, max(hottest, z)
        else:
            done = max(done, z)
        before = after
    return first, last, hottest, done, best, at


@njit(**INNER)
def _of_faces(above, everything, b, patch, T, norm):
    """The moments of either face at b."""
    return (
        moments(above, everything, 0.0, b, patch, T, norm),
        moments(above, everything, 1.0, b, patch, T, norm),
    )


@njit(**INNER)
def _copy(source, target):
    for c in range(len(target)):
        target[c] = source[c]


@njit(**INNER)
def _count(line, sums, sign):
    """Count the rows of a bin in, or out."""
    for c in range(len(sums)):
        sums[c] += sign * line[c]


@njit(**OPTIONS)
def stretch_of(hist, sums, p, r, low, width, first, last):
    """The rows that the bins from ``first`` to ``last`` hold or that reach into them, and the
    stretch to walk; ``sums`` counts down to its begin."""
    bins = len(hist) - 1
    _copy(sums[1], sums[0])
    for k in range(first):
        _count(hist[k], sums[0], -1.0)
    begin, end = low + first * width, low + (last + 1) * width
    some, count, below = np.empty(len(p), dtype=np.int64), 0, 0
    for i in range(len(p)):
        k = bin_of(p[i], low, 1 / width, bins)
        some[count] = i
        if first <= k <= last or (p[i] + r[i] >= begin and p[i] - r[i] <= end):
            count += 1
            below += k < first
    return some[:count].copy(), (begin, end, below)
