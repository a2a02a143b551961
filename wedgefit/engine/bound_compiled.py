"""Bounds of intervals of directions, compiled by numba: the contract of ``bound.look``, in O(n) an
interval.

Two passes. A histogram of p gives S and Q exactly at the edges of its bins, and between them what
the rows of the bin can change; a bin whose bound is below the limit is done. The rows of the
others, and those that reach into them, are sorted and walked through, where the bound is that of
the reference. While an interval is wide and most rows are in such bins, halving it is cheaper.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import EPSILON, TURNED, Intervals, Looks
from wedgefit.engine.bound_histogram import (
    CELLS,
    best_edge,
    divided,
    fill,
    screen,
)
from wedgefit.engine.bound_walk import (
    bin_of,
    longest_face,
    nearest,
    piece_bound,
    shape_of,
    walk,
)
from wedgefit.engine.compiling import INNER, OPTIONS, PART_OF_ONE

# Rows per bin of the histogram, and its most bins: more say hardly more, and leave the caches.
ROWS_PER_BIN = 8
MOST_BINS = 512
# An interval wider than this is not sorted when more than this part of many rows would be.
WIDE = 3e-4
PART = 8
MANY = 2_000


def look(rows, v, intervals: Intervals, *, norm, bias, limit, floor) -> Looks:
    """See ``bound.look``."""
    count, dense = len(intervals), np.ascontiguousarray
    bounds, rounding, values = np.empty(count), np.empty(count), np.empty(count)
    samples = np.full(count, -1)
    sizes = np.abs(v[:, 0]) if v.shape[1] == 1 else np.linalg.norm(v, axis=1)
    bins = int(np.clip(rows.shape[1] // ROWS_PER_BIN, 8, MOST_BINS))
    kernel = _look if bias else _look_through_origin
    # One type for each argument: another one would be compiled anew.
    kernel(
        dense(rows), dense(v), sizes, float(sizes.sum()), dense(intervals.columns),
        dense(intervals.centres), dense(intervals.halves), norm, bins, float(limit),
        float(floor), bounds, rounding, values, samples,
    )  # fmt: skip
    return Looks(bounds, rounding, values, samples)


@njit(**OPTIONS)
def _look(
    rows, v, sizes, size, columns, centres, halves, norm, bins, limit, floor,
    bounds, rounding, values, samples,
):  # fmt: skip
    n, targets = v.shape
    p, q = np.empty(n), np.empty(n)
    sums_of_bins, tents_of_bins = np.empty((bins + 1, 3 * targets)), np.empty((bins + 1, 3, 4, 3))
    edges, bin_of_cell = np.empty(bins + 2), np.empty(CELLS * bins, dtype=np.int16)
    hot, sums = np.empty(bins + 1, dtype=np.bool_), np.empty((4, 3, targets))
    for i in range(len(centres)):
        shape = shape_of(centres[i], halves[i], norm)
        T, least = shape[3], min(shape[4], min(shape[5], shape[6]))
        x, y = rows[columns[i, 0]], rows[columns[i, 1]]
        low, high, widest = _project(x, y, np.cos(centres[i]), np.sin(centres[i]), p, q)
        reach = T * widest
        scale = max(abs(low), abs(high)) + reach
        low, per_cell, used = divided(p, low, high, reach, bins, bin_of_cell, edges)
        hist, tents = sums_of_bins[:used], tents_of_bins[:used]
        fill(p, q, v, sizes, low, per_cell, bin_of_cell, T, hist, tents)
        done, hottest = screen(hist, tents, sums, edges, T, shape, least, limit, targets, hot)
        value, b = best_edge(hist, tents, sums, edges, targets)
        bound, sample = max(done, hottest), -1
        if hottest > 0 and hottest > limit:
            some = _gathered(p, q, hot[:used], low, per_cell, bin_of_cell, T)
            if len(some) * PART <= n or n <= MANY or T <= WIDE:
                inside, inner, at = walk(
                    p, q, some, v, sizes, hist, sums, hot[:used], edges, low,
                    per_cell, bin_of_cell, T, shape, limit,
                )  # fmt: skip
                bound = max(done, inside)
                if inner > value:
                    value, sample = inner, at
        slack = 8 * EPSILON * size * ((8 + bins + n) * scale + TURNED * widest)
        rounding[i] = slack / least
        bounds[i] = bound + rounding[i]
        values[i] = value / shape[4]
        if values[i] > floor:
            samples[i] = sample if sample >= 0 else nearest(p, b)


@njit(**INNER, fastmath={"contract", "nsz", "nnan"})
def _project(x, y, cos, sin, p, q):
    """p and q of every row; the smallest and largest p, and the largest |q|."""
    low, high, widest = np.inf, -np.inf, 0.0
    for i in range(len(x)):
        p[i] = cos * x[i] + sin * y[i]
        q[i] = cos * y[i] - sin * x[i]
        low, high, widest = min(low, p[i]), max(high, p[i]), max(widest, abs(q[i]))
    return low, high, widest


@njit(**PART_OF_ONE)
def _gathered(p, q, hot, low, per_cell, bin_of_cell, T):
    """The rows in hot bins, and those that reach into one."""
    cells, before = len(bin_of_cell), np.zeros(len(hot) + 1, dtype=np.int64)
    for k in range(len(hot)):
        before[k + 1] = before[k] + hot[k]
    some = np.empty(len(p), dtype=np.int64)
    count = 0
    for i in range(len(p)):
        reach = T * abs(q[i])
        begin = bin_of_cell[max(int((p[i] - reach - low) * per_cell), 0)]
        end = bin_of_cell[bin_of(p[i] + reach, low, per_cell, cells)]
        some[count] = i
        count += before[end + 1] > before[begin]
    return some[:count].copy()


@njit(**OPTIONS)
def _look_through_origin(
    rows, v, sizes, size, columns, centres, halves, norm, bins, limit, floor,
    bounds, rounding, values, samples,
):  # fmt: skip
    """Without biases b = 0 only: no histogram and no sort."""
    n, targets = v.shape
    sums = np.empty((4, 3, targets))
    e = np.empty((3, 2, 2))
    for i in range(len(centres)):
        shape = shape_of(centres[i], halves[i], norm)
        T = np.tan(halves[i])
        x, y = rows[columns[i, 0]], rows[columns[i, 1]]
        cos, sin = np.cos(centres[i]), np.sin(centres[i])
        sums[:] = 0.0
        e[:] = 0.0
        scale, widest = 0.0, 0.0
        for r in range(n):
            p, q = cos * x[r] + sin * y[r], cos * y[r] - sin * x[r]
            above = p > 0
            for t in range(targets):
                moment, across = v[r, t] * p, v[r, t] * q
                sums[0, 1, t] += moment
                sums[0, 2, t] += across
                sums[2, 1, t] += moment if above else 0.0
                sums[2, 2, t] += across if above else 0.0
            pull = 1 if targets == 1 and v[r, 0] < 0 else 0
            # With t > 0 the rows above with q < 0 and those below with q > 0 can cross.
            half = 0 if above == (q < 0) else 1
            if T * abs(q) > abs(p):
                e[0, half, pull] += sizes[r] * (T * abs(q) - abs(p)) / T
                e[2, half, pull] += sizes[r] * abs(q)
            scale, widest = max(scale, abs(p) + T * abs(q)), max(widest, abs(q))
        for half in range(2):
            for pull in range(2):
                e[1, half, pull] = e[0, half, pull]
        least = min(shape[4], min(shape[5], shape[6]))
        slack = 8 * EPSILON * size * ((8 + n) * scale + TURNED * widest)
        rounding[i] = slack / least
        bounds[i] = piece_bound(sums, 0.0, 0.0, e, shape, targets, 0.0) + rounding[i]
        values[i] = longest_face(sums, 0.0, targets) / shape[4]
