"""The sweep, compiled by numba (extra ``fast``): the same contract as ``sweep.sweep``, several
times faster.

The line's turn is a sum that depends on itself, all else is not: so each pencil goes by in chunks,
and per chunk one loop gathers and sums, and plain loops over the chunk, which the compiler turns
into vector instructions, do the rest.
"""

import numpy as np
from numba import njit

from wedgefit.engine.sweep import TIE

# So many samples at a time stay in the processor's nearest cache.
CHUNK = 512
# No score is NaN, and the sign of a zero does not matter: what the compiler must know to take a
# maximum in vectors.
VECTORS = {"contract", "nsz", "nnan"}


def sweep(qx, qy, order, v, to_weights, norm, want_supremum):
    """See ``sweep.sweep``: best scores (P,), their samples (P,), suprema between lines (P,), their
    weights (P, 2)."""
    pencils = len(qx)
    best, samples = np.empty(pencils), np.empty(pencils, dtype=np.int64)
    suprema, weights = np.zeros(pencils), np.zeros((pencils, 2))
    to_weights = np.ascontiguousarray(to_weights)
    if v.shape[1] > 1:
        _sweep_several(qx, qy, order, v, to_weights, norm, best, samples)
        return best, samples, suprema, weights
    column = np.ascontiguousarray(v[:, 0])
    _sweep(qx, qy, order, column, to_weights, norm, best, samples)
    if want_supremum:
        _search_arcs(qx, qy, order, column, to_weights, suprema, weights)
    return best, samples, suprema, weights


@njit(cache=True, nogil=True)
def _sweep(qx, qy, order, v, to_weights, norm, best, samples):
    pencils, n = qx.shape
    room = np.empty((6, CHUNK))
    for p in range(pencils):
        total_x, total_y, x, y = _start(qx[p], qy[p], v)
        top, chosen = -1.0, n
        for begin in range(0, n, CHUNK):
            some = order[p, begin : begin + CHUNK]
            ux, uy, left_x, left_y, length, scores = _first(room, len(some))
            x, y = _turn(qx[p], qy[p], v, some, x, y, ux, uy, left_x, left_y)
            _lengths(ux, uy, to_weights[p], norm, length)
            highest = _scores(ux, uy, left_x, left_y, total_x, total_y, length, scores)
            if highest < 0 or highest < top * (1 - TIE):
                continue
            if highest > top * (1 + TIE):
                chosen = n
            top = max(top, highest)
            for k in range(len(some)):
                if scores[k] >= top * (1 - TIE):
                    chosen = min(chosen, some[k])
        best[p] = top if chosen < n else -np.inf
        samples[p] = chosen if chosen < n else 0


@njit(cache=True, nogil=True)
def _sweep_several(qx, qy, order, v, to_weights, norm, best, samples):
    """The same for v (n, K): a line's score is the root of the sum of the targets' squares."""
    pencils, n = qx.shape
    targets = v.shape[1]
    room = np.empty((6, CHUNK))
    totals, at = np.empty((2, targets)), np.empty((2, targets))
    squares = np.empty((2, CHUNK))
    for p in range(pencils):
        for t in range(targets):
            totals[0, t], totals[1, t], at[0, t], at[1, t] = _start(qx[p], qy[p], v[:, t])
        top, chosen = -1.0, n
        for begin in range(0, n, CHUNK):
            some = order[p, begin : begin + CHUNK]
            ux, uy, left_x, left_y, length, scores = _first(room, len(some))
            squares[:] = 0.0
            for t in range(targets):
                at[0, t], at[1, t] = _turn(
                    qx[p], qy[p], v[:, t], some, at[0, t], at[1, t], ux, uy, left_x, left_y
                )
                for k in range(len(some)):
                    one_face = ux[k] * left_y[k] - uy[k] * left_x[k]
                    other_face = one_face - (ux[k] * totals[1, t] - uy[k] * totals[0, t])
                    squares[0, k] += one_face * one_face
                    squares[1, k] += other_face * other_face
            _lengths(ux, uy, to_weights[p], norm, length)
            for k in range(len(some)):
                if length[k] == 0:
                    continue
                score = np.sqrt(max(squares[0, k], squares[1, k])) / length[k]
                if score > top * (1 + TIE) or chosen == n:
                    top, chosen = score, some[k]
                elif score >= top * (1 - TIE):
                    top, chosen = max(top, score), min(chosen, some[k])
        best[p] = top if chosen < n else -np.inf
        samples[p] = chosen if chosen < n else 0


@njit(cache=True, nogil=True)
def _search_arcs(qx, qy, order, v, to_weights, suprema, weights):
    pencils, n = qx.shape
    room = np.empty((6, CHUNK + 1))
    for p in range(pencils):
        total_x, total_y, x, y = _start(qx[p], qy[p], v)
        scale_x, scale_y = 1 / to_weights[p, 0, 0], 1 / to_weights[p, 1, 1]
        slope, top = -np.inf, 0.0
        for face in range(2):
            upright = scale_x * (x - face * total_x)
            if upright * upright > top:
                top = upright * upright
                weights[p, 0], weights[p, 1] = upright, 0.0
        for begin in range(0, n, CHUNK):
            some = order[p, begin : begin + CHUNK]
            ux, uy, left_x, left_y, slopes, squares = _first(room, len(some) + 1)
            left_x[0], left_y[0], slopes[0] = x, y, slope
            x, y = _turn(qx[p], qy[p], v, some, x, y, ux, uy, left_x[1:], left_y[1:])
            _slopes(ux[:-1], uy, slopes[1:])
            slope = slopes[len(some)]
            top = _best_arc(
                left_x[:-1],
                left_y,
                slopes,
                total_x,
                total_y,
                scale_x,
                scale_y,
                squares,
                top,
                weights[p],
            )
        ux, uy, left_x, left_y, slopes, squares = _first(room, 2)
        left_x[0], left_y[0], slopes[0], slopes[1] = x, y, slope, np.inf
        top = _best_arc(
            left_x[:1], left_y, slopes, total_x, total_y, scale_x, scale_y, squares, top, weights[p]
        )
        suprema[p] = np.sqrt(top)
        if top > 0:
            weights[p, 0] /= suprema[p]
            weights[p, 1] /= suprema[p]


@njit(cache=True, nogil=True)
def _first(room, count):
    """The first ``count`` places of each of the six rows; contiguous one by one, as vector
    instructions need it."""
    return (
        room[0, :count],
        room[1, :count],
        room[2, :count],
        room[3, :count],
        room[4, :count],
        room[5, :count],
    )


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"})
def _start(qx, qy, v):
    """Σ v q over all samples, and over those on the left of a line of slope −∞."""
    total_x, total_y, left_x, left_y = 0.0, 0.0, 0.0, 0.0
    for i in range(len(v)):
        x, y = v[i] * qx[i], v[i] * qy[i]
        # No branch: which way a sample faces is as good as random, and half of the guesses would be
        # wrong.
        right = (qx[i] > 0) | ((qx[i] == 0) & (qy[i] > 0))
        total_x += x
        total_y += y
        left_x += x if right else 0.0
        left_y += y if right else 0.0
    return total_x, total_y, left_x, left_y


@njit(cache=True, nogil=True)
def _turn(qx, qy, v, some, x, y, ux, uy, left_x, left_y):
    """Turn the line past ``some`` samples: each one facing right, and A after it; A at the end is
    returned."""
    for k in range(len(some)):
        i = some[k]
        across, up = qx[i], qy[i]
        face = -1.0 if (across < 0) | ((across == 0) & (up < 0)) else 1.0
        across *= face
        up *= face
        x -= v[i] * across
        y -= v[i] * up
        ux[k], uy[k], left_x[k], left_y[k] = across, up, x, y
    return x, y


@njit(cache=True, nogil=True, fastmath=VECTORS)
def _lengths(ux, uy, to_weights, norm, length):
    """‖w‖ of the line through each sample."""
    for k in range(len(ux)):
        length[k] = 0.0
    for row in range(len(to_weights)):
        map_x, map_y = to_weights[row, 0], to_weights[row, 1]
        if norm == 1:
            for k in range(len(ux)):
                length[k] += abs(map_y * ux[k] - map_x * uy[k])
        else:
            for k in range(len(ux)):
                length[k] += (map_y * ux[k] - map_x * uy[k]) ** 2
    if norm == 2:
        for k in range(len(ux)):
            length[k] = np.sqrt(length[k])


@njit(cache=True, nogil=True, fastmath=VECTORS)
def _scores(ux, uy, left_x, left_y, total_x, total_y, length, scores):
    """The score of the line through each sample, −1 where there is no line, and the largest."""
    highest = -1.0
    for k in range(len(ux)):
        one_face = ux[k] * left_y[k] - uy[k] * left_x[k]
        other_face = one_face - (ux[k] * total_y - uy[k] * total_x)
        score = max(abs(one_face), abs(other_face)) / (length[k] if length[k] > 0 else 1.0)
        scores[k] = score if length[k] > 0 else -1.0
        highest = max(highest, scores[k])
    return highest


@njit(cache=True, nogil=True, fastmath=VECTORS)
def _slopes(ux, uy, slopes):
    """The slope of the line through each sample."""
    for k in range(len(ux)):
        slope = uy[k] / (ux[k] if ux[k] > 0 else 1.0)
        slopes[k] = slope if ux[k] > 0 else np.inf


@njit(cache=True, nogil=True)
def _best_arc(left_x, left_y, slopes, total_x, total_y, scale_x, scale_y, squares, top, weights):
    """The larger of ``top`` and the best ‖A‖² of these arcs, each between two ``slopes``; where it
    is an arc's, also its A."""
    for face in range(2):
        over_x, over_y = face * total_x, face * total_y
        if _squares(left_x, left_y, slopes, over_x, over_y, scale_x, scale_y, squares) > top:
            k = np.argmax(squares[: len(left_x)])
            top = squares[k]
            weights[0], weights[1] = scale_x * (left_x[k] - over_x), scale_y * (left_y[k] - over_y)
    return top


@njit(cache=True, nogil=True, fastmath=VECTORS)
def _squares(left_x, left_y, slopes, over_x, over_y, scale_x, scale_y, squares):
    """‖A‖² of each arc where the line along A lies in the arc, else 0, and the largest."""
    highest = 0.0
    for k in range(len(left_x)):
        across, up = scale_x * (left_x[k] - over_x), scale_y * (left_y[k] - over_y)
        rise, run = -scale_x * across, scale_y * up
        slope = rise / (run if run != 0 else 1.0)
        inside = (run != 0) & (slopes[k] <= slope) & (slope <= slopes[k + 1])
        squares[k] = across * across + up * up if inside else 0.0
        highest = max(highest, squares[k])
    return highest
