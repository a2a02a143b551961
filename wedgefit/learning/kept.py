"""The networks of folds, kept beside their scores: how far what was learnt depends on the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.engine.layers import DeepFit
from wedgefit.engine.network import Network, unit_network

# Neurons that read more columns of the design than this have no effects, and take more room.
MOST_COLUMNS = 2


@dataclass(frozen=True, eq=False)
class FoldNetwork:
    """One hidden layer of m unit neurons by what they read: columns (m, s), −1 where there are
    fewer, their weights (m, s), offsets (m,), coefficients (m, K) and the output bias (K,)."""

    columns: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    coefficients: np.ndarray
    intercept: np.ndarray

    def network(self, width: int) -> Network:
        """The network, which reads so many columns."""
        normals = np.zeros((len(self.offsets), width + 1))
        rows = np.arange(len(self.offsets))[:, None]
        normals[rows, self.columns] = self.weights  # What is not read falls into the last column.
        hidden = [(normals[:, :width], self.offsets)]
        return unit_network(hidden, self.coefficients, self.intercept)

    def times(self, slope: float) -> "FoldNetwork":
        """The network whose outputs are so many times as large, but for a constant."""
        return replace(self, coefficients=slope * self.coefficients)


def kept(networks: Sequence[DeepFit]) -> FoldNetwork | None:
    """The networks side by side, each with outputs of its own; None where they have several hidden
    layers, or neurons of many columns."""
    if any(len(network.layers) > 1 for network in networks):
        return None
    hidden = [network.layers[0] for network in networks]
    if any(wedges.orders.max(initial=0) > MOST_COLUMNS for wedges in hidden):
        return None
    parts = [_read(wedges.columns, wedges.normals) for wedges in hidden]
    intercept = np.concatenate([network.intercept for network in networks])
    coefficients = np.zeros((sum(map(len, hidden)), len(intercept)))
    row = column = 0
    for network in networks:
        m, K = network.coefficients.shape
        coefficients[row : row + m, column : column + K] = network.coefficients
        row, column = row + m, column + K
    return FoldNetwork(
        np.vstack([columns for columns, _ in parts]),
        np.vstack([weights for _, weights in parts]),
        np.concatenate([wedges.offsets for wedges in hidden]),
        coefficients,
        intercept,
    )


def _read(columns: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns of wedges with room for MOST_COLUMNS, and their weights."""
    found = np.full((len(columns), MOST_COLUMNS), -1)
    found[:, : columns.shape[1]] = columns[:, :MOST_COLUMNS]
    padded = np.hstack([normals, np.zeros((len(normals), 1))])
    return found, np.take_along_axis(padded, found, axis=1)
