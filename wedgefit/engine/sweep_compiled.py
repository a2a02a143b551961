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
    column, wanted = np.ascontiguousarray(v[:, 0]), bool(want_supremum)
    _sweep(qx, qy, order, column, to_weights, norm, wanted, best, samples, suprema, weights)
    return best, samples, suprema, weights


@njit(cache=True, nogil=True)
def _sweep(qx, qy, order, v, to_weights, norm, wanted, best, samples, suprema, weights):
    pencils, n = qx.shape
    room = np.empty((8, CHUNK + 1))
    for p in range(pencils):
        total_x, total_y, x, y = _start(qx[p], qy[p], v)
        top, chosen = -1.0, n
        # The turn begins at the line of slope −∞.
        highest = _upright(x, total_x, to_weights[p], weights[p]) if wanted else 0.0
        room[0, 0], room[1, 0] = 0.0, -1.0
        for begin in range(0, n, CHUNK):
            some = order[p, begin : begin + CHUNK]
            ux, uy, left_x, left_y, length, scores = _after_first(room, len(some))
            room[2, 0], room[3, 0] = x, y
            x, y = _turn(qx[p], qy[p], v, some, x, y, ux, uy, left_x, left_y)
            _lengths(ux, uy, to_weights[p], norm, length)
            largest = _scores(ux, uy, left_x, left_y, total_x, total_y, length, scores)
            if wanted:
                highest = _between(
                    room, len(some), total_x, total_y, to_weights[p], highest, weights[p]
                )
                room[0, 0], room[1, 0] = ux[-1], uy[-1] if ux[-1] > 0 else 1.0
            if largest < 0 or largest < top * (1 - TIE):
                continue
            if largest > top * (1 + TIE):
                chosen = n
            top = max(top, largest)
            for k in range(len(some)):
                if scores[k] >= top * (1 - TIE):
                    chosen = min(chosen, some[k])
        best[p] = top if chosen < n else -np.inf
        samples[p] = chosen if chosen < n else 0
        if wanted:
            # It ends at that of slope ∞, where all samples that make no line stand, too.
            room[0, 1], room[1, 1], room[2, 0], room[3, 0] = 0.0, 1.0, x, y
            highest = _between(room, 1, total_x, total_y, to_weights[p], highest, weights[p])
            suprema[p] = np.sqrt(highest)
            if highest > 0:
                weights[p, 0] /= suprema[p]
                weights[p, 1] /= suprema[p]


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


@njit(cache=True, nogil=True)
def _after_first(room, count):
    """``count`` places of each of the first six rows behind the first, which is for the line
    before."""
    return (
        room[0, 1 : count + 1],
        room[1, 1 : count + 1],
        room[2, 1 : count + 1],
        room[3, 1 : count + 1],
        room[4, 1 : count + 1],
        room[5, 1 : count + 1],
    )


@njit(cache=True, nogil=True)
def _upright(x, total_x, to_weights, weights):
    """‖A‖² of the better face of the upright line, where the turn begins, with A."""
    scale = 1 / to_weights[0, 0]
    one, other = scale * x, scale * (x - total_x)
    weights[0], weights[1] = one if abs(one) >= abs(other) else other, 0.0
    return weights[0] * weights[0]


@njit(cache=True, nogil=True)
def _between(room, count, total_x, total_y, to_weights, highest, weights):
    """The larger of ``highest`` and the best ‖A‖² of so many arcs, each before a line; where it is
    an arc's, also its A."""
    scale_x, scale_y = 1 / to_weights[0, 0], 1 / to_weights[1, 1]
    ux, uy, left_x, left_y = room[0], room[1], room[2], room[3]
    ends, squares = room[6, : count + 1], room[7, :count]
    _ends(ux, uy, ends)
    for face in range(2):
        over_x, over_y = face * total_x, face * total_y
        if _squares(ux, ends, left_x, left_y, over_x, over_y, scale_x, scale_y, squares) > highest:
            k = np.argmax(squares)
            highest = squares[k]
            weights[0], weights[1] = scale_x * (left_x[k] - over_x), scale_y * (left_y[k] - over_y)
    return highest


@njit(cache=True, nogil=True, fastmath=VECTORS)
def _ends(ux, uy, ends):
    """How far the lines rise; one that no sample makes is taken for that of slope ∞, behind all
    others."""
    ends[0] = uy[0]
    for k in range(1, len(ends)):
        ends[k] = uy[k] if ux[k] > 0 else 1.0


@njit(cache=True, nogil=True, fastmath=VECTORS)
def _squares(ux, ends, left_x, left_y, over_x, over_y, scale_x, scale_y, squares):
    """‖A‖² of each arc where the line along A lies in the arc, else 0, and the largest: there A
    pulls the lines at its two ends in opposite ways."""
    highest = 0.0
    for k in range(len(squares)):
        across, up = scale_x * (left_x[k] - over_x), scale_y * (left_y[k] - over_y)
        pull_x, pull_y = scale_x * across, scale_y * up
        before = pull_x * ux[k] + pull_y * ends[k]
        after = pull_x * ux[k + 1] + pull_y * ends[k + 1]
        squares[k] = across * across + up * up if before * after <= 0 else 0.0
        highest = max(highest, squares[k])
    return highest
