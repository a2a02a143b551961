"""All wedges of order 1 at once: exact, in O(n) a column once it is sorted."""

import numpy as np

from wedgefit.engine.choice import Choices
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.problem import row_norms
from wedgefit.engine.sweep import TIE


class SortedColumns:
    """All wedges of order 1: each column is sorted once, then suffix sums price its 2n hinges in
    O(n)."""

    def __init__(self, dictionary: Dictionary):
        self.X, self.bias = dictionary.X, dictionary.bias
        if self.bias:
            self.order = np.argsort(self.X, axis=0, kind="stable")
            self.values = np.take_along_axis(self.X, self.order, axis=0)

    def best(self, v: np.ndarray, alpha: float) -> tuple[Choices, float]:
        """The best hinge of each stretch of neighbouring hinges above alpha, and the largest score
        of all under v (n, K)."""
        if not self.bias:
            scores = np.maximum(
                *(row_norms(np.maximum(side, 0.0).T @ v) for side in (self.X, -self.X))
            )
            columns = np.flatnonzero(scores > alpha)[:, None]
            return Choices(
                columns, np.empty((len(columns), 0), dtype=np.int64), scores[columns[:, 0]]
            ), scores.max()
        scores = self._scores(v)
        padded = _parted(scores > alpha)
        edges = np.flatnonzero(np.diff(padded, prepend=False))
        n = len(v)
        flat, samples = _parted(scores), _parted(self.order.T)
        if not len(edges):
            nothing = np.empty((0, 1), dtype=np.int64)
            return Choices(nothing, nothing, np.empty(0)), float(scores.max())
        highest = np.maximum.reduceat(flat, edges)[::2]
        lengths = np.diff(edges)[::2]
        inside = np.concatenate([np.arange(a, b) for a, b in edges.reshape(-1, 2)])
        tied = flat[inside] >= np.repeat(highest, lengths) * (1 - TIE)
        starts = np.cumsum(lengths) - lengths
        best = np.minimum.reduceat(np.where(tied, samples[inside], n), starts)
        return Choices((edges[::2] // (n + 1))[:, None], best[:, None], highest), float(
            scores.max()
        )

    def _scores(self, v: np.ndarray) -> np.ndarray:
        """The larger score of both faces at every sample, in sorted order, (d, n)."""
        faces = [self._faces(target[self.order]) for target in v.T]
        if len(faces) == 1:
            return np.maximum(*np.abs(faces[0])).T
        return np.sqrt(sum(np.square(face) for face in faces).max(axis=0)).T

    def _faces(self, v: np.ndarray) -> np.ndarray:
        """The signed score of the lower and of the upper face at every sample, for v in sorted
        order (n, d): (2, n, d)."""
        sums, moments = np.cumsum(v, axis=0), np.cumsum(v * self.values, axis=0)
        below = self.values * sums - moments
        above = (moments[-1] - moments) - self.values * (sums[-1] - sums)
        return np.stack([below, above])


def _parted(columns: np.ndarray) -> np.ndarray:
    """Columns (d, n) one behind the other, each followed by a zero."""
    parted = np.zeros((len(columns), columns.shape[1] + 1), dtype=columns.dtype)
    parted[:, :-1] = columns
    return parted.ravel()
