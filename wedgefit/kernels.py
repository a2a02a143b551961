"""The sweep, compiled by numba (extra ``fast``): the same contract as ``sweep.sweep``, several times faster."""

import numpy as np
from numba import njit

from wedgefit.sweep import TIE


def sweep(qx, qy, order, v, to_weights, norm, want_supremum):
    """See ``sweep.sweep``: best scores (P,), their samples (P,), suprema between lines (P,), their weights (P, 2)."""
    pencils = len(qx)
    best, samples = np.empty(pencils), np.empty(pencils, dtype=np.int64)
    suprema, weights = np.zeros(pencils), np.zeros((pencils, 2))
    _sweep(qx, qy, order, v, np.ascontiguousarray(to_weights), norm, best, samples)
    if want_supremum:
        _search_arcs(qx, qy, order, v, np.ascontiguousarray(to_weights), suprema, weights)
    return best, samples, suprema, weights


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"})
def _sweep(qx, qy, order, v, to_weights, norm, best, samples):
    pencils, n = qx.shape
    for p in range(pencils):
        total_x, total_y, left_x, left_y = _start(qx[p], qy[p], v)
        map_x, map_y = to_weights[p, :, 0], to_weights[p, :, 1]
        top, chosen = -np.inf, n
        for k in range(n):
            i = order[p, k]
            ux, uy = qx[p, i], qy[p, i]
            if ux < 0 or (ux == 0 and uy < 0):
                ux, uy = -ux, -uy
            left_x -= v[i] * ux
            left_y -= v[i] * uy
            one_face = ux * left_y - uy * left_x
            other_face = one_face - (ux * total_y - uy * total_x)
            length = 0.0
            for row in range(len(map_x)):
                weight = map_y[row] * ux - map_x[row] * uy
                length += abs(weight) if norm == 1 else weight * weight
            if length == 0:
                continue
            score = max(abs(one_face), abs(other_face)) / (length if norm == 1 else np.sqrt(length))
            if score > top * (1 + TIE) or chosen == n:
                top, chosen = score, i
            elif score >= top * (1 - TIE):
                top, chosen = max(top, score), min(chosen, i)
        best[p] = top
        samples[p] = chosen if chosen < n else 0


@njit(cache=True, nogil=True)
def _search_arcs(qx, qy, order, v, to_weights, suprema, weights):
    pencils, n = qx.shape
    for p in range(pencils):
        total_x, total_y, left_x, left_y = _start(qx[p], qy[p], v)
        scale_x, scale_y = 1 / to_weights[p, 0, 0], 1 / to_weights[p, 1, 1]
        below, top = -np.inf, 0.0
        for face in range(2):
            upright = scale_x * (left_x - face * total_x)
            if upright * upright > top:
                top = upright * upright
                weights[p, 0], weights[p, 1] = upright, 0.0
        for k in range(n + 1):
            above, ux, uy, weight = np.inf, 0.0, 0.0, 0.0
            if k < n:
                i = order[p, k]
                ux, uy, weight = qx[p, i], qy[p, i], v[i]
                if ux < 0 or (ux == 0 and uy < 0):
                    ux, uy = -ux, -uy
                if ux > 0:
                    above = uy / ux
            for face in range(2):
                ax = scale_x * (left_x - face * total_x)
                ay = scale_y * (left_y - face * total_y)
                square = ax * ax + ay * ay
                if square > top and scale_y * ay != 0:
                    slope = -(scale_x * ax) / (scale_y * ay)
                    if below <= slope <= above:
                        top = square
                        weights[p, 0], weights[p, 1] = ax, ay
            left_x -= weight * ux
            left_y -= weight * uy
            below = above
        suprema[p] = np.sqrt(top)
        if top > 0:
            weights[p] /= suprema[p]


@njit(cache=True, nogil=True)
def _start(qx, qy, v):
    """Σ v q over all samples, and over those on the left of a line of slope −∞."""
    total_x, total_y, left_x, left_y = 0.0, 0.0, 0.0, 0.0
    for i in range(len(v)):
        x, y = v[i] * qx[i], v[i] * qy[i]
        total_x += x
        total_y += y
        if qx[i] > 0 or (qx[i] == 0 and qy[i] > 0):
            left_x += x
            left_y += y
    return total_x, total_y, left_x, left_y
