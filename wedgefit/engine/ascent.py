"""Neurons off the wedges (norm 2): local ascent of the score |vᵀ(Xw + b)₊| over all unit
directions.

Between two samples' hyperplanes the score is linear with one vector A, the sum of v_i (x_i − x_j)
over the active rows, so A/‖A‖ is the best direction while the active rows stay the same. They need
not: a full step can lower the score, so steps are shortened until it rises. Offsets are exact: the
best hyperplane of a direction passes through a sample.
"""

import numpy as np

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.wedge import Wedges

# Ascents end when a step gains less than this, relatively, or after this many steps.
GAIN = 1e-9
STEPS = 60
HALVINGS = 5


def ascend(
    X: np.ndarray, v: np.ndarray, normals: np.ndarray, reads: np.ndarray, bias: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Climb from unit normals (m, d) within the columns that each ``reads`` (m, d).

    The normals reached (m, d), and the sample each passes through (m,), −1 at the origin.
    """
    normals, samples, scores, vectors = _best_offsets(X, v, normals, reads, bias)
    moving = np.arange(len(normals))
    for _ in range(STEPS):
        if not len(moving):
            break
        length = np.ones(len(moving))
        trying, gained = moving, np.zeros(len(normals), dtype=bool)
        for _ in range(HALVINGS):
            step = length[:, None] * (vectors[trying] - normals[trying])
            target = normals[trying] + step
            target /= np.maximum(np.linalg.norm(target, axis=1, keepdims=True), 1e-300)
            found = _best_offsets(X, v, target, reads[trying], bias)
            better = found[2] > scores[trying] * (1 + GAIN)
            rows = trying[better]
            normals[rows], samples[rows], scores[rows], vectors[rows] = (
                part[better] for part in found
            )
            gained[rows] = True
            trying, length = trying[~better], length[~better] / 2
            if not len(trying):
                break
        moving = np.flatnonzero(gained)
    return normals, samples


def random_neurons(dictionary: Dictionary, rng: np.random.Generator, count: int) -> Wedges:
    """Random directions in random columns, as many as the order allows, through the first
    sample."""
    width, room = dictionary.X.shape[1], dictionary.room
    columns = np.sort(rng.permuted(np.tile(np.arange(width), (count, 1)), axis=1)[:, :room], axis=1)
    normals = np.zeros((count, width))
    np.put_along_axis(normals, columns, rng.standard_normal((count, room)), axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return dictionary.through_one(columns, normals, np.zeros(count, dtype=np.int64))


def _best_offsets(X, v, normals, reads, bias):
    """The best face and offset of each direction: normals (m, d), samples (m,), scores (m,), and
    A/‖A‖ of the columns read (m, d)."""
    heights = X @ normals.T
    n, m = heights.shape
    if not bias:
        scores = np.stack([v @ np.maximum(heights, 0.0), v @ np.maximum(-heights, 0.0)])
        samples, base = np.full(m, -1), np.zeros((m, X.shape[1]))
        thresholds = np.zeros(m)
    else:
        order = np.argsort(heights, axis=0)
        sorted_heights, weights = np.take_along_axis(heights, order, axis=0), v[order]
        sums, moments = np.cumsum(weights, axis=0), np.cumsum(weights * sorted_heights, axis=0)
        below = sorted_heights * sums - moments
        above = (moments[-1] - moments) - sorted_heights * (sums[-1] - sums)
        place = np.stack([np.abs(above).argmax(axis=0), np.abs(below).argmax(axis=0)])
        column = np.arange(m)
        scores = np.stack([above[place[0], column], below[place[1], column]])
        place = np.where(np.abs(scores[0]) >= np.abs(scores[1]), *place)
        samples = order[place, column]
        base, thresholds = X[samples], sorted_heights[place, column]
    faces = np.where(np.abs(scores[0]) >= np.abs(scores[1]), 1.0, -1.0)
    best = np.where(faces > 0, *scores)
    active = (heights - thresholds) * faces > 0
    weights = np.where(active, v[:, None], 0.0)
    vectors = (weights.T @ X - weights.sum(axis=0)[:, None] * base) * np.sign(best)[:, None]
    vectors *= reads
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    return normals * faces[:, None], samples, np.abs(best), vectors
