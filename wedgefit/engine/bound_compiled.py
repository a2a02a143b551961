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

# Rows per bin of the histogram, and its fewest and most bins: more say hardly more, and leave the
# caches.
ROWS_PER_BIN = 8
FEWEST_BINS, MOST_BINS = 8, 512
# Through each of so few points a glimpse looks at a hyperplane.
FEW_POINTS = 64
# An interval wider than this is not sorted when more than this part of many rows would be; nor, of
# fewer, one that is so wide for each row: its halves take less than a walk that is mostly in vain.
WIDE, PART = 3e-4, 8
MANY = 2_000
WIDE_OF_FEW, PART_OF_FEW = 16, 2


def look(rows, v, intervals: Intervals, *, norm, bias, limit, floor, glimpse=False) -> Looks:
    """See ``bound.look``."""
    n, columns = rows.shape[1], intervals.columns.T
    every = np.full(len(intervals), n)
    asked = norm, bias, limit, floor, glimpse
    return _looked(rows, v, columns * n, 0 * every, every, intervals, *asked)


def look_among(
    points, v, starts, which, intervals, *, norm, bias, limit, floor, glimpse=False
) -> Looks:
    """See ``bound.look_among``."""
    begins, lengths = starts[which], np.diff(starts)[which]
    places = np.stack([begins, begins + points.shape[1]])
    asked = norm, bias, limit, floor, glimpse
    return _looked(points, v, places, begins, lengths, intervals, *asked)


def _looked(
    values, v, places, begins, lengths, intervals: Intervals, norm, bias, limit, floor, glimpse
) -> Looks:
    """Look at intervals, each at points of its own, ``lengths`` (m,) of them: their coordinates
    begin at ``places`` (2, m) of the flat ``values``, their v at ``begins`` (m,)."""
    count, dense = len(intervals), np.ascontiguousarray
    bounds, rounding, seen = np.empty(count), np.empty(count), np.empty(count)
    samples = np.full(count, -1)
    if glimpse:
        _glimpse(
            dense(values).ravel(), dense(v), dense(places), dense(begins), dense(lengths),
            dense(intervals.centres), norm, float(floor), seen, samples,
        )  # fmt: skip
        return Looks(np.full(count, np.inf), np.zeros(count), seen, samples)
    sizes = np.abs(v[:, 0]) if v.shape[1] == 1 else np.linalg.norm(v, axis=1)
    kernel = _look if bias else _look_through_origin
    # One type for each argument: another one would be compiled anew.
    kernel(
        dense(values).ravel(), dense(v), sizes, dense(places), dense(begins), dense(lengths),
        dense(intervals.centres), dense(intervals.halves), norm, float(limit), float(floor),
        bounds, rounding, seen, samples,
    )  # fmt: skip
    return Looks(bounds, rounding, seen, samples)


@njit(**INNER)
def _bins(n):
    """How many bins the histogram of so many rows has."""
    return min(max(n // ROWS_PER_BIN, FEWEST_BINS), MOST_BINS)


@njit(**PART_OF_ONE)
def _axes(values, places, n):
    """The coordinates of n points, which begin at these places."""
    return values[places[0] : places[0] + n], values[places[1] : places[1] + n]


@njit(**INNER)
def _worth_a_walk(hot, n, T):
    """Whether so many of n rows are to be sorted."""
    if n <= MANY:
        return hot * PART_OF_FEW <= n or T * n <= WIDE_OF_FEW
    return hot * PART <= n or T <= WIDE


@njit(**PART_OF_ONE)
def _rounding(sizes, terms, scale, widest):
    """More than sums over rows of these sizes can be wrong, made of so many ``terms``: rows, or
    sums of rows."""
    return 8 * EPSILON * sizes.sum() * ((8 + terms) * scale + TURNED * widest)


@njit(**OPTIONS)
def _look(
    values, all_v, all_sizes, places, begins, lengths, centres, halves, norm, limit, floor,
    bounds, rounding, seen, samples,
):  # fmt: skip
    targets = all_v.shape[1]
    room_p, room_q = np.empty(lengths.max()), np.empty(lengths.max())
    bins = _bins(lengths.max())
    sums_of_bins, tents_of_bins = np.empty((bins + 1, 3 * targets)), np.empty((bins + 1, 3, 4, 3))
    edges, bins_of_cells = np.empty(bins + 2), np.empty(CELLS * bins, dtype=np.int16)
    hot, sums = np.empty(bins + 1, dtype=np.bool_), np.empty((4, 3, targets))
    counts = np.empty(bins + 1, dtype=np.int64)
    for i in range(len(centres)):
        n, begin = lengths[i], begins[i]
        x, y = _axes(values, places[:, i], n)
        v, sizes = all_v[begin : begin + n], all_sizes[begin : begin + n]
        p, q, bins = room_p[:n], room_q[:n], _bins(n)
        bin_of_cell = bins_of_cells[: CELLS * bins]
        shape = shape_of(centres[i], halves[i], norm)
        T, least = shape[3], min(shape[4], min(shape[5], shape[6]))
        low, high, widest = _project(x, y, np.cos(centres[i]), np.sin(centres[i]), p, q)
        scale = max(abs(low), abs(high)) + T * widest
        low, per_cell, used = divided(p, low, high, T * widest, bins, bin_of_cell, edges)
        hist, tents = sums_of_bins[:used], tents_of_bins[:used]
        fill(p, q, v, sizes, low, per_cell, bin_of_cell, T, hist, tents, counts[:used])
        # Rows make the sum of a bin, and bins those over all; a walk takes out row by row.
        terms = counts[:used].max() + used
        done, hottest = screen(hist, tents, sums, edges, T, shape, least, limit, targets, hot)
        value, b = best_edge(hist, tents, sums, edges, targets)
        bound, sample = max(done, hottest), -1
        if hottest > 0 and hottest > limit:
            some = _gathered(p, q, hot[:used], low, per_cell, bin_of_cell, T)
            if _worth_a_walk(len(some), n, T):
                terms += len(some)
                inside, inner, at = walk(
                    p, q, some, v, sizes, hist, sums, hot[:used], edges, low,
                    per_cell, bin_of_cell, T, shape, limit,
                )  # fmt: skip
                bound = max(done, inside)
                if inner > value:
                    value, sample = inner, at
        rounding[i] = _rounding(sizes, terms, scale, widest) / least
        bounds[i], seen[i] = bound + rounding[i], value / shape[4]
        if seen[i] > floor:
            samples[i] = begin + (sample if sample >= 0 else nearest(p, b))


@njit(**OPTIONS)
def _glimpse(
    values, all_v, places, begins, lengths, centres, norm, floor, seen, samples
):  # fmt: skip
    """Of every interval the direction in its middle alone, and hyperplanes on the edges of bins,
    or through each of a few points."""
    targets, most = all_v.shape[1], lengths.max()
    room_p, room_q = np.empty(most), np.empty(most)
    bins = _bins(most)
    edges, bins_of_cells = np.empty(bins + 2), np.empty(CELLS * bins, dtype=np.int16)
    sums, total = np.empty((bins + 1, 2, targets)), np.empty((2, targets))
    for i in range(len(centres)):
        n, begin = lengths[i], begins[i]
        x, y = _axes(values, places[:, i], n)
        v, p = all_v[begin : begin + n], room_p[:n]
        low, high, _ = _project(x, y, np.cos(centres[i]), np.sin(centres[i]), p, room_q[:n])
        total[:] = 0.0
        if n <= FEW_POINTS:
            value, b = _best_point(p, v, total)
        else:
            bin_of_cell = bins_of_cells[: CELLS * _bins(n)]
            begin_of_bins, per_cell, used = divided(p, low, high, 0.0, _bins(n), bin_of_cell, edges)
            sums[:used] = 0.0
            for r in range(n):
                k = bin_of_cell[bin_of(p[r], begin_of_bins, per_cell, len(bin_of_cell))]
                for t in range(targets):
                    sums[k, 0, t] += v[r, t]
                    sums[k, 1, t] += v[r, t] * p[r]
            value, b = _best_edge_of(sums[:used], edges, low, high, total)
        seen[i] = value / shape_of(centres[i], 0.0, norm)[4]
        if seen[i] > floor:
            samples[i] = begin + nearest(p, b)


@njit(**PART_OF_ONE)
def _best_edge_of(sums, edges, low, high, total):
    """The longest S at the edges between bins, and its b."""
    targets, value, b = sums.shape[2], 0.0, low
    for k in range(len(sums)):
        for t in range(targets):
            total[0, t] += sums[k, 0, t]
            total[1, t] += sums[k, 1, t]
    above = total.copy()
    for k in range(1, len(sums)):
        at, one, other = edges[k], 0.0, 0.0
        for t in range(targets):
            above[0, t] -= sums[k - 1, 0, t]
            above[1, t] -= sums[k - 1, 1, t]
            S = above[1, t] - at * above[0, t]
            rest = S - (total[1, t] - at * total[0, t])
            one += S * S
            other += rest * rest
        if max(one, other) > value * value and low < at < high:
            value, b = np.sqrt(max(one, other)), at
    return value, b


@njit(**PART_OF_ONE)
def _best_point(p, v, total):
    """The longest S through one of a few points, and its b."""
    value, b = 0.0, p[0]
    for i in range(len(p)):
        one, other = 0.0, 0.0
        for t in range(v.shape[1]):
            up, down = 0.0, 0.0
            for r in range(len(p)):
                up += v[r, t] * max(p[r] - p[i], 0.0)
                down += v[r, t] * max(p[i] - p[r], 0.0)
            one += up * up
            other += down * down
        if max(one, other) > value * value:
            value, b = np.sqrt(max(one, other)), p[i]
    return value, b


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
    values, all_v, all_sizes, places, begins, lengths, centres, halves, norm, limit, floor,
    bounds, rounding, seen, samples,
):  # fmt: skip
    """Without biases b = 0 only: no histogram and no sort."""
    targets = all_v.shape[1]
    sums = np.empty((4, 3, targets))
    e = np.empty((3, 2, 2))
    for i in range(len(centres)):
        n, begin = lengths[i], begins[i]
        x, y = _axes(values, places[:, i], n)
        v, sizes = all_v[begin : begin + n], all_sizes[begin : begin + n]
        shape = shape_of(centres[i], halves[i], norm)
        T = np.tan(halves[i])
        cos, sin = np.cos(centres[i]), np.sin(centres[i])
        sums[:], e[:] = 0.0, 0.0
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
        rounding[i] = _rounding(sizes, n, scale, widest) / least
        bounds[i] = piece_bound(sums, 0.0, 0.0, e, shape, targets, 0.0) + rounding[i]
        seen[i] = longest_face(sums, 0.0, targets) / shape[4]
