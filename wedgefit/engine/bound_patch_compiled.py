"""Bounds of patches of directions, compiled by numba: the contract of ``bound_patch.look`` for one
target.

With norm 2 and biases a histogram of the rows bounds most b (``bound_patch_screen``). The rows of
the others are sorted, and walked through with running sums of v x and of the tents' sides, unless
the patch is so wide that halving it is cheaper. Else all rows are walked through.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import EPSILON, Looks
from wedgefit.engine.bound_patch import Patches
from wedgefit.engine.bound_patch_screen import COLUMNS, fill, screen, stretch_of
from wedgefit.engine.bound_patch_walk import patch_of, row_in, walk
from wedgefit.engine.bound_walk import nearest
from wedgefit.engine.compiling import OPTIONS, PART_OF_ONE

# Rows per bin of the histogram, and its fewest and most bins.
ROWS_PER_BIN = 2
FEWEST_BINS, MOST_BINS = 16, 512
# A patch wider than this is not walked through where more than this part of its rows would be.
WIDE, PART = 2e-3, 2


def look(rows, v, patches: Patches, *, norm, bias, limit, floor) -> Looks:
    """See ``bound_patch.look``; v is (n, 1)."""
    count, dense = len(patches), np.ascontiguousarray
    bounds, rounding, values = np.empty(count), np.empty(count), np.empty(count)
    samples = np.full(count, -1)
    bins = int(np.clip(rows.shape[1] // ROWS_PER_BIN, FEWEST_BINS, MOST_BINS))
    _look(
        dense(rows.T), dense(v[:, 0]), float(np.abs(v).sum()), dense(patches.columns),
        dense(patches.lows), dense(patches.highs), norm, bias, bins, float(limit), bounds, rounding,
        values, samples,
    )  # fmt: skip
    return Looks(bounds, rounding, values, np.where(values > floor, samples, -1))


@njit(**OPTIONS)
def _look(
    X, v, total, columns, lows, highs, norm, bias, bins, limit, bounds, rounding, values, samples
):  # fmt: skip
    n, d = len(v), columns.shape[1]
    points, rows = np.empty((n, d)), np.empty((3, n))
    patch, sums = np.empty((4, d)), np.empty((2, d + 1))
    hist = np.empty((bins + 1, d + COLUMNS))
    for which in range(len(columns)):
        T, length, least = patch_of(lows[which], highs[which], norm, patch)
        scale, reach, ends = _measured(X, columns[which], patch, T, norm, points, rows)
        shape, screened = (norm, length), norm == 2 and bias
        if screened:
            bound, done, value, b, some, stretch = _screened(
                points, rows, v, patch, T, sums, hist, ends, reach, shape, limit
            )
        else:
            bound, done, value, b = 0.0, 0.0, 0.0, 0.0
            some, stretch = _everyone(points, rows, v, sums, ends, reach, bias)
        sample = -1
        if len(some) > 0:
            inside, inner, at = walk(
                points, rows[0], rows[1], v, some, stretch, sums, patch, T, shape, bias,
                limit if screened else 0.0,
            )  # fmt: skip
            bound = max(done, inside)
            if inner > value:
                value, sample = inner, at
        if screened and sample < 0:
            sample = nearest(rows[0], b)
        rounding[which] = 16 * (8 + n) * EPSILON * total * (scale + reach) / least
        bounds[which] = bound + rounding[which]
        values[which] = value / length
        samples[which] = sample


@njit(**PART_OF_ONE)
def _measured(X, columns, patch, T, norm, points, rows):
    """Fill ``points`` (n, d) and ``rows`` (3, n): p, how far it can move, and the distance from the
    centre's line. The largest sum of products, the farthest move, and the ends of p."""
    scale, reach, low, high = 0.0, 0.0, np.inf, -np.inf
    for i in range(len(points)):
        for c in range(len(columns)):
            points[i, c] = X[i, columns[c]]
        p, r, across, parts = row_in(points[i], patch, T, norm)
        rows[0, i], rows[1, i], rows[2, i] = p, r, across
        scale, reach = max(scale, parts), max(reach, r)
        low, high = min(low, p), max(high, p)
    return scale, reach, (low, high)


@njit(**PART_OF_ONE)
def _screened(points, rows, v, patch, T, sums, hist, ends, reach, shape, limit):
    """By the histogram: the bound, that of the b which need no walk, the longest S at an edge and
    its b; then the rows and the stretch to be walked through, no rows where the patch is not."""
    p, r, across = rows[0], rows[1], rows[2]
    # A little wider than the rows reach, so that no b between them and the edge is left out.
    low, high = ends[0] - reach, ends[1] + reach
    margin = 1e-12 * max(abs(low), abs(high)) + 1e-300
    low, high = low - margin, high + margin
    width = (high - low) / (len(hist) - 1)
    fill(points, p, r, across, v, low, 1 / width, hist)
    first, last, hottest, done, value, b = screen(
        hist, sums, low, width, ends, patch, T, shape[0], limit
    )
    some, stretch = np.empty(0, dtype=np.int64), (low, high, 0)
    if first >= 0 and value <= limit:
        some, stretch = stretch_of(hist, sums, p, r, low, width, first, last)
        if len(some) * PART > len(p) and T > WIDE:
            some = some[:0].copy()
    return max(done, hottest), done, value, b, some, stretch


@njit(**PART_OF_ONE)
def _everyone(points, rows, v, sums, ends, reach, bias):
    """All rows, and the stretch to be walked through: all b that they reach, or b = 0."""
    n, d = points.shape
    sums[:] = 0.0
    some, below = np.empty(n, dtype=np.int64), n
    for i in range(n):
        some[i] = i
        above = bias or rows[0, i] > 0
        below -= above
        for c in range(d):
            sums[0, c] += above * v[i] * points[i, c]
            sums[1, c] += v[i] * points[i, c]
        sums[0, d] += above * v[i]
        sums[1, d] += v[i]
    begin, end = (ends[0] - reach, ends[1] + reach) if bias else (0.0, 0.0)
    return some, (begin, end, below)
