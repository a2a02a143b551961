"""Bounds of patches of directions, compiled by numba: the contract of ``bound_patch.look`` for one
target.

The rows of each patch are sorted, and walked through with running sums of v x and of the tents'
sides.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import EPSILON, Looks
from wedgefit.engine.bound_patch import Patches

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


def look(rows, v, patches: Patches, *, norm, bias, limit, floor) -> Looks:
    """See ``bound_patch.look``; v is (n, 1)."""
    count, dense = len(patches), np.ascontiguousarray
    bounds, rounding, values = np.empty(count), np.empty(count), np.empty(count)
    samples = np.full(count, -1)
    _look(
        dense(rows.T), dense(v[:, 0]), dense(patches.columns), dense(patches.lows),
        dense(patches.highs), norm, bias, bounds, rounding, values, samples,
    )  # fmt: skip
    return Looks(bounds, rounding, values, np.where(values > floor, samples, -1))


@njit(**OPTIONS)
def _look(X, v, columns, lows, highs, norm, bias, bounds, rounding, values, samples):
    n, d = len(v), columns.shape[1]
    points, p, r = np.empty((n, d)), np.empty(n), np.empty(n)
    patch = np.empty((4, d))
    total = 0.0
    for i in range(n):
        total += abs(v[i])
    for which in range(len(columns)):
        for i in range(n):
            for c in range(d):
                points[i, c] = X[i, columns[which, c]]
        T, length, least = _patch_of(lows[which], highs[which], norm, patch)
        scale, reach = 0.0, 0.0
        for i in range(n):
            p[i], r[i] = _row(points[i], patch, T, norm)
            scale, reach = max(scale, abs(p[i])), max(reach, r[i])
        order = np.argsort(p)
        bound, value, sample = _walk(points, p, r, v, order, patch, T, (norm, length), bias)
        rounding[which] = 16 * (8 + n) * EPSILON * total * (scale + reach) / least
        bounds[which] = bound + rounding[which]
        values[which] = value / length
        samples[which] = sample


@njit(**OPTIONS)
def _patch_of(low, high, norm, patch):
    """Centre, half sides, signs and slots of a patch; T, ‖w‖ at the centre, and the least ‖w‖."""
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
    square = np.sqrt(square)
    for c in range(d):
        patch[0, c] /= square
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


@njit(**OPTIONS)
def _row(x, patch, T, norm):
    """p of a row, and how far it can move."""
    p, size, reach = 0.0, 0.0, 0.0
    for c in range(len(x)):
        p += patch[0, c] * x[c]
        size += x[c] * x[c]
        reach += patch[1, c] * abs(x[c])
    if norm == 1:
        return p, reach
    return p, T * np.sqrt(max(size - p * p, 0.0) + 1e-14 * size)


@njit(**OPTIONS)
def _walk(points, p, r, v, order, patch, T, shape, bias):
    """The bound, the longest S and the row at it."""
    n, d = points.shape
    starts, ends = np.argsort(p - r), np.argsort(p + r)
    above, everything = np.zeros(d + 1), np.zeros(d + 1)
    for i in range(n):
        everything[d] += v[i]
        for c in range(d):
            everything[c] += v[i] * points[i, c]
    above[:] = everything
    tents = np.zeros((2, 2))
    E = np.empty((2, 2))
    at = np.zeros(2, dtype=np.int64)
    bound, best, sample, j = 0.0, 0.0, -1, 0
    reach = 0.0
    for i in range(n):
        reach = max(reach, r[i])
    b = p[order[0]] - reach
    if not bias:
        while j < n and p[order[j]] <= 0:
            _drop(points, p, v, order[j], above, tents)
            j += 1
        b = 0.0
    while True:
        _begin_tents(p, r, v, starts, ends, at, b, tents)
        _heights(tents, b, E[0])
        right = b
        if bias:
            right = p[order[j]] if j < n else p[order[n - 1]] + reach
        # The tents that begin or end in between make the bound convex there, no larger.
        _begin_tents(p, r, v, starts, ends, at, right, tents)
        _heights(tents, right, E[1])
        for end in range(2):
            here = b if end == 0 else right
            for face in range(2):
                S, Q = _moments(above, everything, face, here, patch)
                bound = max(bound, _face(S, Q, E[end], above, everything, face, patch, T, shape))
                if end == 1 and abs(S) > best and (j < n or not bias):
                    best, sample = abs(S), (order[j] if bias else -1)
        if not bias or j == n:
            break
        level = p[order[j]]
        while j < n and p[order[j]] == level:
            _drop(points, p, v, order[j], above, tents)
            j += 1
        b = right
    return bound, best, sample


@njit(**OPTIONS)
def _moments(above, everything, face, b, patch):
    """S at b of one face, and the length of M across the centre."""
    d = patch.shape[1]
    along, square = 0.0, 0.0
    for c in range(d):
        m = above[c] - face * everything[c]
        along += m * patch[0, c]
        square += m * m
    S = along - b * (above[d] - face * everything[d])
    return S, np.sqrt(max(square - along * along, 0.0) + 1e-14 * square)


@njit(**OPTIONS)
def _face(S, Q, E, above, everything, face, patch, T, shape):
    """The bound of one face from S, Q and E of rows that pull up and down."""
    norm, length = shape
    if norm == 2:
        return max(_on_cap(S, Q + E[0] / T, T), _on_cap(-S, Q + E[1] / T, T))
    up = _in_box(S, E[0], above, everything, face, 1.0, patch, length)
    return max(up, _in_box(-S, E[1], above, everything, face, -1.0, patch, length))


@njit(**OPTIONS)
def _drop(points, p, v, i, above, tents):
    """Row i is below now: its tent falls."""
    d = points.shape[1]
    above[d] -= v[i]
    for c in range(d):
        above[c] -= v[i] * points[i, c]
    sign = 0 if v[i] > 0 else 1
    tents[sign, 0] -= 2 * abs(v[i])
    tents[sign, 1] -= 2 * abs(v[i]) * p[i]


@njit(**OPTIONS)
def _begin_tents(p, r, v, starts, ends, at, b, tents):
    """Bring in the tents that begin, and take out those that end, up to b."""
    while at[0] < len(p) and p[starts[at[0]]] - r[starts[at[0]]] <= b:
        i = starts[at[0]]
        sign = 0 if v[i] > 0 else 1
        tents[sign, 0] += abs(v[i])
        tents[sign, 1] += abs(v[i]) * (p[i] - r[i])
        at[0] += 1
    while at[1] < len(p) and p[ends[at[1]]] + r[ends[at[1]]] <= b:
        i = ends[at[1]]
        sign = 0 if v[i] > 0 else 1
        tents[sign, 0] += abs(v[i])
        tents[sign, 1] += abs(v[i]) * (p[i] + r[i])
        at[1] += 1


@njit(**OPTIONS)
def _heights(tents, b, E):
    for sign in range(2):
        E[sign] = max(tents[sign, 0] * b - tents[sign, 1], 0.0)


@njit(**OPTIONS)
def _on_cap(S, Q, T):
    """The largest S cos φ + Q sin φ with 0 ≤ tan φ ≤ T, for Q ≥ 0."""
    if S > 0 and Q <= S * T:
        return np.sqrt(S * S + Q * Q)
    return (S + Q * T) / np.sqrt(1 + T * T)


@njit(**OPTIONS)
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
