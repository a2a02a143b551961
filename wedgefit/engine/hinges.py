"""The values of hinges on the rows, which one solution asks for again and again."""

from collections.abc import Iterator

import numpy as np

from wedgefit.engine.wedge import Wedges, row_chunks

# So many are kept, 240 MB: to make them takes as long as a step of Newton's method does with them.
KEPT = 30_000_000


class Hinges:
    """The hinges of some wedges on the rows X (n, d), in blocks: kept where they are few numbers,
    else made whenever they are asked for."""

    def __init__(self, X: np.ndarray, wedges: Wedges, kept: np.ndarray | None = None):
        self.X, self.wedges = X, wedges
        few = kept is None and len(X) * len(wedges) <= KEPT
        self.kept = wedges.hinges(X) if few else kept

    def take(self, which: np.ndarray) -> "Hinges":
        """Those at these positions."""
        kept = None if self.kept is None else self.kept[:, which]
        return Hinges(self.X, self.wedges.take(which), kept)

    def values(self) -> np.ndarray:
        """All of them, (n, m)."""
        return self.wedges.hinges(self.X) if self.kept is None else self.kept

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of rows, with the hinges (rows, m) there."""
        if self.kept is not None:
            yield slice(None), self.kept
            return
        for rows in row_chunks(len(self.X), len(self.wedges)):
            yield rows, self.wedges.hinges(self.X[rows])

    def combined(self, coefficients: np.ndarray) -> np.ndarray:
        """Their sums (n, K) by coefficients (m, K)."""
        total = np.empty((len(self.X), coefficients.shape[1]))
        for rows, columns in self.blocks():
            total[rows] = columns @ coefficients
        return total

    def products(self, dual: np.ndarray) -> np.ndarray:
        """Every hinge's products with a dual point (n, K), (m, K)."""
        total = np.zeros((len(self.wedges), dual.shape[1]))
        for rows, columns in self.blocks():
            total += columns.T @ dual[rows]
        return total
