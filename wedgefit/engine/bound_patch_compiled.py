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
from wedgefit.engine.bound_patch_walk import OPTIONS, patch_of, row_in, walk
from wedgefit.engine.bound_walk import nearest

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
        dense(rows.T), dense(v[:, 0]), dense(patches.columns), dense(patches.lows),
        dense(patches.highs), norm, bias, bins, float(limit), bounds, rounding, values, samples,
    )  # fmt: skip
    return Looks(bounds, rounding, values, np.where(values > floor, samples, -1))


@njit(**OPTIONS)
def _look(
    X, v, columns, lows, highs, norm, bias, bins, limit, bounds, rounding, values, samples
):  # fmt: skip
    n, d = len(v), columns.shape[1]
    points, rows = np.empty((n, d)), np.empty((3, n))
    patch, sums = np.empty((4, d)), np.empty((2, d + 1))
    hist = np.empty((bins + 1, d + COLUMNS))
    total = np.abs(v).sum()
    for which in range(len(columns)):
        for i in range(n):
            for c in range(d):
                points[i, c] = X[i, columns[which, c]]
        T, length, least = patch_of(lows[which], highs[which], norm, patch)
        scale, reach, ends = 0.0, 0.0, (np.inf, -np.inf)
        for i in range(n):
            p, r, across, parts = row_in(points[i], patch, T, norm)
            rows[0, i], rows[1, i], rows[2, i] = p, r, across
            scale, reach, ends = (
                max(scale, parts),
                max(reach, r),
                (min(ends[0], p), max(ends[1], p)),
            )
        shape = norm, length
        if norm == 2 and bias:
            found = _screened(
                points, rows, v, patch, T, sums, hist, ends, reach, shape, bias, limit
            )
        else:
            found = _walked(points, rows, v, patch, T, sums, ends, reach, shape, bias)
        bound, value, sample = found
        rounding[which] = 16 * (8 + n) * EPSILON * total * (scale + reach) / least
        bounds[which] = bound + rounding[which]
        values[which] = value / length
        samples[which] = sample


@njit(**OPTIONS)
def _screened(points, rows, v, patch, T, sums, hist, ends, reach, shape, bias, limit):
    """The bound, the longest S seen and the row at it: by the histogram, and a walk through what it
    leaves above the limit."""
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
    bound, sample = max(done, hottest), -1
    if first >= 0 and value <= limit:
        some, stretch = stretch_of(hist, sums, p, r, low, width, first, last)
        if len(some) * PART <= len(p) or T <= WIDE:
            inside, inner, at = walk(
                points, p, r, v, some, stretch, sums, patch, T, shape, bias, limit
            )
            bound = max(done, inside)
            if inner > value:
                value, sample = inner, at
    return bound, value, (nearest(p, b) if sample < 0 else sample)


@njit(**OPTIONS)
def _walked(points, rows, v, patch, T, sums, ends, reach, shape, bias):
    """The bound, the longest S at a row and this row, by a walk through all rows."""
    n, d = points.shape
    p, r = rows[0], rows[1]
    sums[:] = 0.0
    below = n
    for i in range(n):
        above = bias or p[i] > 0
        below -= above
        for c in range(d):
            sums[0, c] += above * v[i] * points[i, c]
            sums[1, c] += v[i] * points[i, c]
        sums[0, d] += above * v[i]
        sums[1, d] += v[i]
    begin, end = (ends[0] - reach, ends[1] + reach) if bias else (0.0, 0.0)
    everyone = np.arange(n)
    return walk(points, p, r, v, everyone, (begin, end, below), sums, patch, T, shape, bias, 0.0)
