"""The function that a network computes, and its weights balanced as weight decay leaves them
(theory, section 1)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wedgefit.engine.problem import row_norms
from wedgefit.engine.wedge import row_chunks


class Layer(NamedTuple):
    """Affine units: weights (inputs, units) and biases (units,)."""

    weights: np.ndarray
    biases: np.ndarray


@dataclass(frozen=True, eq=False)
class Network:
    """A ReLU network: layers of which each but the last gives the larger of zero and every unit."""

    layers: tuple[Layer, ...]

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """All layers but the last."""
        return self.layers[:-1]

    @property
    def output(self) -> Layer:
        """The last layer, which is linear."""
        return self.layers[-1]

    @property
    def inputs(self) -> int:
        """How many numbers of each row it reads."""
        return len(self.layers[0].weights)

    def activations(self, X: np.ndarray) -> np.ndarray:
        """What the last hidden layer gives on the rows of X (n, d), (n, units)."""
        activations = X
        for weights, biases in self.hidden:
            activations = np.maximum(activations @ weights + biases, 0.0)
        return activations

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The output on the rows of X (n, d), (n, outputs), without the units on all rows in
        memory."""
        weights, biases = self.output
        output = np.empty((len(X), len(biases)))
        for rows in row_chunks(
            len(X), max((len(layer.biases) for layer in self.hidden), default=1)
        ):
            output[rows] = self.activations(X[rows]) @ weights + biases
        return output

    def penalty(self, alpha: float, norm: int) -> float:
        """(alpha/2) Σ_j (‖w_j‖² + ‖a_j‖₂²) over the hidden neurons of a two-layer network; biases
        are free."""
        (hidden, _), (outer, _) = self.layers
        return (
            0.5
            * alpha
            * float(np.sum(np.linalg.norm(hidden, ord=norm, axis=0) ** 2) + np.sum(outer**2))
        )


def unit_network(
    hidden: list[tuple[np.ndarray, np.ndarray]], coefficients: np.ndarray, intercept: np.ndarray
) -> Network:
    """The network of unit neurons: per hidden layer normals (units, inputs) and offsets (units,),
    then coefficients (m, K) and t (K,)."""
    first = (Layer(normals.T, offsets) for normals, offsets in hidden)
    return Network((*first, Layer(coefficients, intercept)))


def balanced_network(
    normals: np.ndarray, offsets: np.ndarray, coefficients: np.ndarray, intercept: np.ndarray
) -> Network:
    """The two-layer network of m unit neurons, normals (m, d) and offsets (m,), with coefficients z
    (m, K) and output bias (K,).

    w_j √‖z_j‖, b_j √‖z_j‖ and z_j / √‖z_j‖: then ‖w_j‖ = ‖a_j‖, and the penalty is alpha Σ ‖z_j‖.
    """
    root = np.sqrt(row_norms(coefficients))
    return unit_network(
        [(normals * root[:, None], offsets * root)],
        coefficients / np.where(root > 0, root, 1.0)[:, None],
        intercept,
    )
