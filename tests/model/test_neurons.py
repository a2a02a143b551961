"""How far the units of a network reach over the rows, against plain NumPy on all rows at once."""

import numpy as np
import pytest

from wedgefit.engine.layers import DeepFit
from wedgefit.engine.wedge import Wedges
from wedgefit.model.neurons import reach_of


def layer(rng, units, inputs):
    blank = np.zeros((units, 1), dtype=int)
    return Wedges(blank, blank, rng.normal(size=(units, inputs)), rng.normal(size=units))


@pytest.mark.parametrize("chunk", [1, 10**6])
def test_reach_does_not_depend_on_how_many_rows_are_looked_at_together(chunk, rng, monkeypatch):
    monkeypatch.setattr("wedgefit.engine.wedge.CHUNK", chunk)
    X, weights = rng.normal(size=(150, 3)), rng.dirichlet(np.ones(150))
    layers = layer(rng, 4, 3), layer(rng, 2, 4)
    found = reach_of(DeepFit(layers, np.ones((2, 1)), np.zeros(1)), X, weights)
    for wedges, (active, deviation) in zip(layers, found):
        X = np.maximum(X @ wedges.normals.T + wedges.offsets, 0)
        np.testing.assert_array_equal(active, (X > 0).sum(axis=0))
        variance = np.diag(np.cov(X.T, aweights=weights, ddof=0))
        np.testing.assert_allclose(deviation, np.sqrt(variance), rtol=1e-12)
