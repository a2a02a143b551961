"""Bounds of intervals of directions, compiled by numba: the contract of ``bound.look``, in O(n) an
interval.

Two passes. A histogram of p gives S and Q exactly at the edges of its bins, and between them what
the rows of the bin can change; a bin whose bound is below the limit is done. The rows of the
others, and those that reach into them, are sorted and walked through, where the bound is that of
the reference. While an interval is wide and most rows are in such bins, halving it is cheaper.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import EPSILON, Intervals, Looks
from wedgefit.engine.bound_walk import (
    bin_of,
    copy_sums,
    count_down,
    half_bound,
    longest_face,
    nearest,
    piece_bound,
    shape_of,
    walk,
)
from wedgefit.engine.compiling import INNER, OPTIONS, PART_OF_ONE

# Rows per bin of the histogram, and its most bins: they stay in the processor's nearest cache.
ROWS_PER_BIN = 8
MOST_BINS = 1024
# An interval wider than this is not sorted when more than this part of many rows would be.
WIDE = 2e-3
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
    hist = np.empty((bins + 1, 3 * targets + 5))
    hot = np.empty((2, bins), dtype=np.bool_)
    sums = np.empty((4, 3, targets))
    for i in range(len(centres)):
        shape = shape_of(centres[i], halves[i], norm)
        T, least = shape[3], min(shape[4], min(shape[5], shape[6]))
        x, y = rows[columns[i, 0]], rows[columns[i, 1]]
        low, high, widest = _project(x, y, np.cos(centres[i]), np.sin(centres[i]), p, q)
        low, width, reach, scale = _bins_over(low, high, widest, T, bins)
        most = _fill(p, q, v, sizes, low, 1 / width, T, hist)
        done, hottest = _screen(hist, sums, low, width, T, shape, least, limit, targets, hot)
        value, b = _best_edge(hist, sums, low, width, targets, bins)
        bound, sample, walked = max(done, hottest), -1, 0
        if hottest > 0 and hottest > limit:
            some = _gathered(p, q, hot, low, 1 / width, reach)
            walked = len(some)
            if walked * PART <= n or n <= MANY or T <= WIDE:
                inside, inner, at = walk(
                    p, q, some, v, sizes, hist, sums, hot[0], low, width, T, shape, limit
                )
                bound = max(done, inside)
                if inner > value:
                    value, sample = inner, at
        slack = 8 * EPSILON * (8 + bins + most + walked) * size * scale
        rounding[i] = slack / least
        bounds[i] = bound + rounding[i]
        values[i] = value / shape[4]
        if values[i] > floor:
            samples[i] = sample if sample >= 0 else nearest(p, b)


@njit(**PART_OF_ONE)
def _bins_over(low, high, widest, T, bins):
    """Bins over all that the rows from ``low`` to ``high`` reach: where they begin, their width,
    the reach, and the size of what is summed."""
    reach = T * widest
    scale = max(abs(low), abs(high)) + reach
    low -= reach + 1e-12 * scale
    high += reach + 1e-12 * scale
    return low, ((high - low) / bins if high > low else 1.0), reach, scale


@njit(**INNER, fastmath={"contract", "nsz", "nnan"})
def _project(x, y, cos, sin, p, q):
    """p and q of every row; the smallest and largest p, and the largest |q|."""
    low, high, widest = np.inf, -np.inf, 0.0
    for i in range(len(x)):
        p[i] = cos * x[i] + sin * y[i]
        q[i] = cos * y[i] - sin * x[i]
        low, high, widest = min(low, p[i]), max(high, p[i]), max(widest, abs(q[i]))
    return low, high, widest


@njit(**INNER)
def _fill(p, q, v, sizes, low, per_bin, T, hist):
    """The histogram: per bin Σ v, Σ v p, Σ v q (K each), Σ |v|, Σ |v q|, Σ |v q| over the rows that
    reach into the bin, of either sign, as differences along the bins, and the number of rows.

    The most rows in a bin is returned.
    """
    bins, targets = len(hist) - 1, v.shape[1]
    base = 3 * targets
    hist[:] = 0.0
    for i in range(len(p)):
        k = bin_of(p[i], low, per_bin, bins)
        if targets == 1:
            hist[k, 0] += v[i, 0]
            hist[k, 1] += v[i, 0] * p[i]
            hist[k, 2] += v[i, 0] * q[i]
        else:
            for t in range(targets):
                hist[k, t] += v[i, t]
                hist[k, targets + t] += v[i, t] * p[i]
                hist[k, 2 * targets + t] += v[i, t] * q[i]
        across = abs(q[i])
        reach = T * across
        across *= sizes[i]
        hist[k, base] += sizes[i]
        hist[k, base + 1] += across
        hist[k, base + 4] += 1.0
        begin = max(int((p[i] - reach - low) * per_bin), 0)
        end = min(int((p[i] + reach - low) * per_bin), bins - 1) + 1
        # No branch on the sign of v: half of the guesses would be wrong.
        side = base + 2 + ((targets == 1) & (v[i, 0] < 0))
        hist[begin, side] += across
        hist[end, side] -= across
    most = 0.0
    for k in range(bins):
        most = max(most, hist[k, base + 4])
    return most


@njit(**PART_OF_ONE)
def _totals(hist, sums, targets):
    """Into sums[0] and sums[1] (3, K): Σ v, Σ v p, Σ v q of all rows, and a copy to count down."""
    for c in range(3):
        for t in range(targets):
            total = 0.0
            for k in range(len(hist) - 1):
                total += hist[k, c * targets + t]
            sums[0, c, t] = total
            sums[1, c, t] = total


@njit(**INNER)
def _lengths(sums, b, targets):
    """‖S‖ and ‖Q‖ of the rows above b, and of those below."""
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
def _screen(hist, sums, low, width, T, shape, least, limit, targets, hot):
    """Which bins are hot; the largest bound of the others, and of the hot ones."""
    bins = len(hist) - 1
    _totals(hist, sums, targets)
    done, hottest, up, down = 0.0, 0.0, 0.0, 0.0
    s0, q0, s1, q1 = _lengths(sums, low, targets)
    for k in range(bins):
        up += hist[k, 3 * targets + 2]
        down += hist[k, 3 * targets + 3]
        before, across = (0.0, 0.0), (0.0, 0.0)
        if targets == 1:
            before = (sums[1, 1, 0] - (low + k * width) * sums[1, 0, 0], sums[1, 2, 0])
        count_down(hist[k : k + 1], sums)
        b = low + (k + 1) * width
        n0, m0, n1, m1 = _lengths(sums, b, targets)
        bend = hist[k, 3 * targets] * width * 0.25
        swing = hist[k, 3 * targets + 1]
        e = max(up, down, 0.0)
        S = max(max(s0, n0), max(s1, n1)) + bend
        Q = max(max(q0, m0), max(q1, m1)) + swing + e
        z = (S + T * Q) / least
        if z > limit:
            if targets == 1:
                across = (sums[1, 1, 0] - b * sums[1, 0, 0], sums[1, 2, 0])
                z = _signed(before, across, sums, low + k * width, b, bend, swing, up, down, shape)
            else:
                z = max(half_bound(S, Q, shape[5], shape), half_bound(S, Q, shape[6], shape))
        hot[0, k] = z > limit
        if z > limit:
            hottest = max(hottest, z)
        else:
            done = max(done, z)
        s0, q0, s1, q1 = n0, m0, n1, m1
    return done, hottest


@njit(**PART_OF_ONE)
def _signed(left, right, sums, b0, b1, bend, swing, up, down, shape):
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
            S = (max(s0, s1) if sign == 0 else -min(s0, s1)) + bend
            e = max(up if sign == 0 else down, 0.0)
            forward = q_most if sign == 0 else -q_least
            backward = -q_least if sign == 0 else q_most
            z = max(z, half_bound(S, forward + e, shape[5], shape))
            z = max(z, half_bound(S, backward + e, shape[6], shape))
    return z


@njit(**PART_OF_ONE)
def _best_edge(hist, sums, low, width, targets, bins):
    """The longest S at the edges between bins, and its b."""
    copy_sums(sums[0], sums[1])
    best, at = 0.0, low
    first, last = -1, -1
    for k in range(bins):
        if hist[k, 3 * targets] > 0:
            if first < 0:
                first = k
            last = k
    for k in range(bins):
        # Beyond the outermost rows there is no neuron at this direction.
        if k > first and k <= last:
            s0, _, s1, _ = _lengths(sums, low + k * width, targets)
            if max(s0, s1) > best:
                best, at = max(s0, s1), low + k * width
        count_down(hist[k : k + 1], sums)
    return best, at


@njit(**PART_OF_ONE)
def _gathered(p, q, hot, low, per_bin, reach):
    """The rows in hot bins, and those that can reach into one."""
    bins = hot.shape[1]
    away = int(reach * per_bin) + 1
    last = -bins
    for k in range(bins):
        if hot[0, k]:
            last = k
        hot[1, k] = k - last <= away
    last = 2 * bins
    for k in range(bins - 1, -1, -1):
        if hot[0, k]:
            last = k
        hot[1, k] |= last - k <= away
    some = np.empty(len(p), dtype=np.int64)
    count = 0
    for i in range(len(p)):
        some[count] = i
        count += hot[1, bin_of(p[i], low, per_bin, bins)]
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
        scale = 0.0
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
            scale = max(scale, abs(p) + T * abs(q))
        for half in range(2):
            for pull in range(2):
                e[1, half, pull] = e[0, half, pull]
        least = min(shape[4], min(shape[5], shape[6]))
        slack = 8 * EPSILON * (8 + n) * size * scale
        rounding[i] = slack / least
        bounds[i] = piece_bound(sums, 0.0, 0.0, e, shape, targets, 0.0) + rounding[i]
        values[i] = longest_face(sums, 0.0, targets) / shape[4]
