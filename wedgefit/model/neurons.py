"""The wedges of fitted networks as records: by the names of columns and rows, with how far each
moves the prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from wedgefit.data.sample import Design
from wedgefit.engine.layers import DeepFit
from wedgefit.engine.problem import row_norms
from wedgefit.engine.wedge import Wedges, row_chunks
from wedgefit.model.parts import Neuron, per_output, unit_name

# Heights below this part of the largest are those of rows that lie on the hyperplane.
ON_PLANE = 1e-9


def neuron_records(
    design: Design,
    outputs: Sequence[str],
    networks: Sequence[DeepFit],
    separate: Sequence[str | None],
    weights: np.ndarray,
) -> tuple[list[Neuron], list[list[list[int]]]]:
    """The wedges of all networks as records that name columns and rows, layer by layer, in each the
    largest share first; ``separate`` names the class of each network, None where there is one.

    Also their ids by network, layer (from 0) and position in the layer.
    """
    reach = [reach_of(network, design.X, weights) for network in networks]
    shares = shares_of(networks, reach)
    ids = [[[0] * len(wedges) for wedges in network.layers] for network in networks]
    neurons: list[Neuron] = []
    for layer in range(max(len(network.layers) for network in networks)):
        places = [
            (k, i)
            for k, network in enumerate(networks)
            if layer < len(network.layers)
            for i in range(len(network.layers[layer]))
        ]
        for k, i in sorted(places, key=lambda place: -shares[place[0]][layer][place[1]]):
            names = list(map(unit_name, ids[k][layer - 1])) if layer else design.names
            ids[k][layer][i] = len(neurons) + 1
            figures = {
                "active_rows": int(reach[k][layer][0][i]),
                "share": float(shares[k][layer][i]),
            }
            unit = _Unit(networks[k], layer, i, separate[k])
            named = unit.named(names, design.row_ids, outputs)
            neurons.append(Neuron(id=len(neurons) + 1, **named, **figures))
    return neurons, ids


@dataclass(frozen=True, eq=False)
class _Unit:
    """Unit ``i`` of a hidden layer (from 0) of the network of one class, or of all."""

    network: DeepFit
    layer: int
    i: int
    output: str | None

    def named(
        self, names: Sequence[str], row_ids: Sequence[int | str], outputs: Sequence[str]
    ) -> dict:
        """What its record says of it, with its inputs by name."""
        wedges, i = self.network.layers[self.layer], self.i
        last = self.layer == len(self.network.layers) - 1
        columns = [int(column) for column in wedges.columns[i] if column >= 0]
        z = per_output(self.network.coefficients[i], outputs) if last else None
        return {
            "layer": self.layer + 1,
            "order": len(columns),
            "columns": [names[column] for column in columns],
            "samples": [row_ids[sample] for sample in wedges.samples[i] if sample >= 0],
            "weights": {names[column]: float(wedges.normals[i, column]) for column in columns},
            "bias": float(wedges.offsets[i]),
            "coefficient": z,
            "output": self.output,
        }


def reach_of(
    network: DeepFit, X: np.ndarray, weights: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per layer on how many training rows each unit is active, and the standard deviation of its
    activation, (units,); X (n, d) and the rows' weights (n,)."""
    reach = []
    for depth, wedges in enumerate(network.layers):
        heights = partial(_heights, network.layers[: depth + 1])
        chunks = row_chunks(len(X), sum(map(len, network.layers[: depth + 1])))
        largest, mean = np.full(len(wedges), 1e-300), np.zeros(len(wedges))
        for rows in chunks:
            some = heights(X[rows])
            np.maximum(largest, np.abs(some).max(axis=0, initial=0.0), out=largest)
            mean += weights[rows] @ np.maximum(some, 0.0)
        active, variance = np.zeros(len(wedges), dtype=int), np.zeros(len(wedges))
        for rows in chunks:
            some = heights(X[rows])
            active += (some > ON_PLANE * largest).sum(axis=0)
            variance += weights[rows] @ (np.maximum(some, 0.0) - mean) ** 2
        reach.append((active, np.sqrt(variance)))
    return reach


def _heights(layers: Sequence[Wedges], X: np.ndarray) -> np.ndarray:
    """How far the rows of X (n, d) are above the hyperplanes of the last of these layers,
    (n, units)."""
    *below, last = layers
    for wedges in below:
        X = wedges.hinges(X)
    return X @ last.normals.T + last.offsets


def shares_of(networks: list[DeepFit], reach) -> list[list[np.ndarray]]:
    """Per network and layer the units' parts of the variation of all predictions, (units,): in
    every layer they add up to one.

    A unit of a layer below has its parts in the neurons that read it, by |weight| times its
    standard deviation.
    """
    tops = [
        below[-1][1] * row_norms(network.coefficients) for network, below in zip(networks, reach)
    ]
    whole = sum(top.sum() for top in tops) or 1.0
    every = []
    for network, below, top in zip(networks, reach, tops):
        shares = [top / whole]
        for wedges, (_, deviation) in zip(network.layers[:0:-1], below[-2::-1]):
            parts = np.abs(wedges.normals) * deviation
            shares.insert(
                0,
                shares[0] @ (parts / np.where(parts.any(axis=1), parts.sum(axis=1), 1.0)[:, None]),
            )
        every.append(shares)
    return every
