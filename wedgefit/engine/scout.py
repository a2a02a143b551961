"""A first look at all pairs of columns: a few directions in each, with every hyperplane that is
parallel to them.

Where pencils are too many to sweep them all, this tells which are worth it. A pencil turns around a
row; here the direction stays, and the hyperplane moves from row to row. In which order it meets the
rows depends on the directions alone, so they are sorted once, and a look costs cumulative sums.
"""

from functools import reduce
from importlib.util import find_spec

import numpy as np

from wedgefit.engine.bound import Intervals
from wedgefit.engine.bound_look import Places
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.sweep import index_type

# Sorts of about so many rows are kept, two or four bytes each.
KEPT_ROWS = 13_000_000
# In every quadrant of a pair directions are this many, fewer where pairs are many.
PER_QUADRANT = 4
# One block of directions × rows has about this many entries: it stays in the processor's cache.
BLOCK = 1 << 15


class Scout:
    """Directions in pairs (m, 2) of the columns of X (n, d), with the rows sorted along each."""

    def __init__(self, X: np.ndarray, pairs: np.ndarray, norm: int, per_quadrant: int):
        every = Intervals.all(pairs, per_quadrant)
        self.columns, self.normals = every.columns, every.normals
        self.lengths = np.linalg.norm(self.normals, ord=norm, axis=1)
        # Biases make the middle of the columns free; sums then lose fewest digits.
        self.rows = np.ascontiguousarray((X - X.mean(axis=0)).T)
        self.order: np.ndarray = np.empty((len(every), len(X)), dtype=index_type(len(X)))
        for some in self._blocks():
            self.order[some] = heights(self.rows, self.columns[some], self.normals[some]).argsort()

    def look(self, v: np.ndarray, floor: float) -> Places:
        """The best hyperplane of every direction under ``v`` (n, K), those with a score above
        ``floor``, best first."""
        positions, values = self._best(v)
        values = values / self.lengths
        seen = np.flatnonzero(values > floor)
        seen = seen[np.argsort(-values[seen], kind="stable")]
        samples = self.order[seen, positions[seen]].astype(np.intp)
        return Places(self.columns[seen], self.normals[seen], samples, values[seen])

    def _best(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``best``, of all directions; in NumPy block by block."""
        if find_spec("numba") is not None:
            from wedgefit.engine import scout_compiled

            return scout_compiled.best(v, self.rows, self.columns, self.normals, self.order)
        found = [
            best(v, self.rows, self.columns[some], self.normals[some], self.order[some])
            for some in self._blocks()
        ]
        positions, values = (np.concatenate(parts) for parts in zip(*found))
        return positions, values

    def _blocks(self):
        """The directions in blocks."""
        step = max(1, BLOCK // self.rows.shape[1])
        return [slice(start, start + step) for start in range(0, len(self.columns), step)]


def scout_for(dictionary: Dictionary) -> Scout | None:
    """A scout of all pairs of a dictionary, with fewer directions where they are many; None where
    not even one in each quadrant can be kept."""
    X, pairs = dictionary.X, dictionary.column_sets(2)
    per_quadrant = min(PER_QUADRANT, KEPT_ROWS // (2 * max(1, len(pairs)) * len(X)))
    return Scout(X, pairs, dictionary.norm, per_quadrant) if per_quadrant else None


def heights(rows: np.ndarray, columns: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How far along each of p directions, ``normals`` (p, 2) in two ``columns`` (p, 2), the
    ``rows`` (d, n) are, (p, n)."""
    return normals[:, :1] * rows[columns[:, 0]] + normals[:, 1:] * rows[columns[:, 1]]


def best(
    v: np.ndarray, rows: np.ndarray, columns: np.ndarray, normals: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of the hyperplanes through each row, in each of p directions, the position (p,) of the best
    and its score (p,) under v (n, K): ``order`` (p, n) are the rows by their ``heights``."""
    sorted_heights = np.take_along_axis(heights(rows, columns, normals), order, axis=1)
    sides = reduce(np.add, (_squares(target[order], sorted_heights) for target in v.T))
    squares = sides.max(axis=0)
    return squares.argmax(axis=1), np.sqrt(squares.max(axis=1))


def _squares(v: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """The squared scores of the hyperplane through each row, of both its sides, (2, p, n), from v
    in the order of the rows."""
    sums, moments = np.cumsum(v, axis=1), np.cumsum(v * heights, axis=1)
    below = heights * sums - moments
    above = below - heights * sums[:, -1:] + moments[:, -1:]
    return np.stack([below * below, above * above])
