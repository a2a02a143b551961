"""All wedges of order 1 at once: exact, in O(n) a column once it is sorted."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.bound_look import joined
from wedgefit.engine.choice import Choices
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.problem import row_norms
from wedgefit.engine.sweep import TIE

# Columns with so many values or fewer are looked at value by value.
FEW_VALUES = 100


class SortedColumns:
    """All wedges of order 1: each column is sorted once, then suffix sums price its 2n hinges in
    O(n), or one for each value where these are few."""

    def __init__(self, dictionary: Dictionary):
        self.X, self.bias = dictionary.X, dictionary.bias
        if self.bias:
            # Far from zero, sums of values would lose the digits that tell rows apart.
            middle = 0.5 * (self.X.min(axis=0) + self.X.max(axis=0))
            self._kinds = _ranked(self.X - middle)

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
        found, largest = zip(*(kind.best(v, alpha) for kind in self._kinds))
        return joined(*found), max(largest)


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Columns by their ``values`` (m, d), ascending, and a row at each, ``samples`` (m, d);
    ``which`` of the values every row has, (d, n), None where each row has a place of its own.
    ``columns`` (d,): which they are."""

    columns: np.ndarray
    values: np.ndarray
    samples: np.ndarray
    which: np.ndarray | None = None

    def best(self, v: np.ndarray, alpha: float) -> tuple[Choices, float]:
        """See ``SortedColumns.best``."""
        scores = self._scores(v)
        padded = _parted(scores > alpha)
        edges = np.flatnonzero(np.diff(padded, prepend=False))
        n, m = len(v), len(self.values)
        flat, samples = _parted(scores), _parted(self.samples.T)
        if not len(edges):
            return Choices.none(1, 1), float(scores.max())
        highest = np.maximum.reduceat(flat, edges)[::2]
        lengths = np.diff(edges)[::2]
        inside = np.concatenate([np.arange(a, b) for a, b in edges.reshape(-1, 2)])
        tied = flat[inside] >= np.repeat(highest, lengths) * (1 - TIE)
        starts = np.cumsum(lengths) - lengths
        best = np.minimum.reduceat(np.where(tied, samples[inside], n), starts)
        columns = self.columns[edges[::2] // (m + 1)]
        return Choices(columns[:, None], best[:, None], highest), float(scores.max())

    def _scores(self, v: np.ndarray) -> np.ndarray:
        """The larger score of both faces at every value, (d, m)."""
        faces = [self._faces(self._sums(target)) for target in v.T]
        if len(faces) == 1:
            return np.maximum(*np.abs(faces[0])).T
        return np.sqrt(sum(np.square(face) for face in faces).max(axis=0)).T

    def _sums(self, v: np.ndarray) -> np.ndarray:
        """The sums (m, d) of v (n,) over the rows at every value."""
        if self.which is None:
            return v[self.samples]
        return np.stack([np.bincount(own, v, len(self.values)) for own in self.which], axis=1)

    def _faces(self, v: np.ndarray) -> np.ndarray:
        """The signed score of the lower and of the upper face at every value, for sums of v
        (m, d): (2, m, d)."""
        sums, moments = np.cumsum(v, axis=0), np.cumsum(v * self.values, axis=0)
        below = self.values * sums - moments
        above = (moments[-1] - moments) - self.values * (sums[-1] - sums)
        return np.stack([below, above])


def _ranked(X: np.ndarray) -> list[_Ranked]:
    """The columns of X (n, d), those with few values apart from the others."""
    order = np.argsort(X, axis=0, kind="stable")
    values = np.take_along_axis(X, order, axis=0)
    new = np.diff(values, axis=0, prepend=-np.inf) > 0
    few = new.sum(axis=0) <= min(FEW_VALUES, len(X) // 2)
    kinds = []
    if not few.all():
        others = np.flatnonzero(~few)
        kinds.append(_Ranked(others, values[:, others], order[:, others]))
    if few.any():
        kinds.append(_with_few_values(X, np.flatnonzero(few)))
    return kinds


def _with_few_values(X: np.ndarray, columns: np.ndarray) -> _Ranked:
    """These columns value by value; one with fewer than another repeats its last, at which no row
    is counted again."""
    found = [np.unique(X[:, j], return_index=True, return_inverse=True) for j in columns]
    most = max(len(own) for own, _, _ in found)
    padded = lambda own: np.pad(own, (0, most - len(own)), mode="edge")
    return _Ranked(
        columns,
        np.column_stack([padded(own) for own, _, _ in found]),
        np.column_stack([padded(first) for _, first, _ in found]),
        np.stack([which for _, _, which in found]),
    )


def _parted(columns: np.ndarray) -> np.ndarray:
    """Columns (d, n) one behind the other, each followed by a zero."""
    parted = np.zeros((len(columns), columns.shape[1] + 1), dtype=columns.dtype)
    parted[:, :-1] = columns
    return parted.ravel()
