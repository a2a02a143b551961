"""From wedges and their coefficients to the weights of a network, balanced as weight decay leaves them (theory, section 1)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Network:
    """A ReLU network: per layer the weights (inputs, outputs) and biases (outputs,); the last layer is linear."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The output on the rows of X (n, d), (n,)."""
        *hidden, (weights, biases) = self.layers
        activations = X
        for hidden_weights, hidden_biases in hidden:
            activations = np.maximum(activations @ hidden_weights + hidden_biases, 0.0)
        return (activations @ weights + biases)[:, 0]

    def penalty(self, alpha: float, norm: int) -> float:
        """(alpha/2) Σ_j (‖w_j‖² + a_j²) over the hidden neurons of a two-layer network; biases are free."""
        (hidden, _), (outer, _) = self.layers
        return 0.5 * alpha * float(np.sum(np.linalg.norm(hidden, ord=norm, axis=0) ** 2) + np.sum(outer**2))


def balanced_network(normals: np.ndarray, offsets: np.ndarray, coefficients: np.ndarray, intercept: float) -> Network:
    """The two-layer network of m unit neurons, normals (m, d) and offsets (m,), with coefficients z (m,).

    w_j √|z_j|, b_j √|z_j| and sign(z_j) √|z_j|: then ‖w_j‖ = |a_j|, and the penalty is alpha ‖z‖₁.
    """
    root = np.sqrt(np.abs(coefficients))
    outer = (np.sign(coefficients) * root)[:, None]
    return Network((((normals * root[:, None]).T, offsets * root), (outer, np.array([intercept]))))
