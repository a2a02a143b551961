"""From wedges to layer weights and back: the same function at the same cost."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wedgefit.engine.fit import Fit
from wedgefit.engine.network import Layer, Network, balanced_network
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Wedges


def random_fit(seed, m, d, norm):
    """m unit neurons with coefficients of any sign, some of them zero, and rows to try them on."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(2 * d + 3, d)), rng.normal(size=2 * d + 3)
    normals = rng.normal(size=(m, d)) * (rng.random((m, d)) < 0.8) + 1e-3
    normals /= np.linalg.norm(normals, norm, axis=1, keepdims=True)
    z = rng.normal(size=m) * 10.0 ** rng.integers(-6, 7, size=m) * (rng.random(m) < 0.9)
    z = z[:, None]
    samples = np.zeros((m, d), dtype=int)
    wedges = Wedges(samples, samples, normals, rng.normal(size=m))
    fit = Fit(wedges, z, rng.normal(size=1), wedges.combine(X, z))
    return X, y, fit, balanced_network(normals, wedges.offsets, z, fit.intercept)


CASES = (st.integers(0, 10**6), st.integers(0, 8), st.integers(1, 4), st.sampled_from([1, 2]))


@given(*CASES)
def test_network_costs_what_the_lasso_costs(seed, m, d, norm):
    """Theory, section 1: else the certified number is not that of the network handed out."""
    X, y, fit, network = random_fit(seed, m, d, norm)
    alpha = 0.37
    objective = Problem(y, alpha).objective(fit.combined, fit.intercept, fit.coefficients)
    assert oracles.network_objective(network.layers, X, y, alpha, norm) == pytest.approx(
        objective, rel=1e-10
    )
    assert network.penalty(alpha, norm) == pytest.approx(
        alpha * np.abs(fit.coefficients).sum(), rel=1e-12, abs=1e-15
    )


@given(*CASES)
def test_network_is_balanced(seed, m, d, norm):
    """Both layers share a neuron's weight: any other split costs more."""
    _, _, fit, network = random_fit(seed, m, d, norm)
    (hidden, biases), (outer, bias) = network.layers
    assert (
        hidden.shape == (d, m)
        and biases.shape == (m,)
        and outer.shape == (m, 1)
        and bias.shape == (1,)
    )
    np.testing.assert_allclose(
        np.linalg.norm(hidden, norm, axis=0), np.abs(outer[:, 0]), rtol=1e-12
    )
    np.testing.assert_array_equal(np.sign(outer), np.sign(fit.coefficients))


@given(*CASES)
def test_forward_is_the_fit_and_the_loops(seed, m, d, norm):
    X, _, fit, network = random_fit(seed, m, d, norm)
    size = 1 + np.abs(fit.coefficients).sum()
    np.testing.assert_allclose(network.forward(X), fit.predict(X), atol=1e-12 * size)
    loops = np.array([oracles.network_forward(network.layers, row) for row in X])
    np.testing.assert_allclose(network.forward(X), loops, atol=1e-12 * size)


def test_deeper_networks_by_hand(rng):
    """The ReLU stands after every layer but the last, however many there are."""
    layers = tuple(
        Layer(rng.normal(size=(a, b)), rng.normal(size=b))
        for a, b in ((3, 4), (4, 2), (2, 5), (5, 1))
    )
    X = rng.normal(size=(6, 3))
    loops = [oracles.network_forward(layers, row) for row in X]
    np.testing.assert_allclose(Network(layers).forward(X), loops, rtol=1e-12)


def test_a_network_without_neurons_is_its_bias():
    nothing = np.empty((0, 1))
    network = balanced_network(np.empty((0, 2)), np.empty(0), nothing, np.array([1.5]))
    assert network.forward(np.ones((3, 2))).tolist() == [[1.5]] * 3
    assert network.penalty(1.0, 1) == 0


def test_the_output_does_not_depend_on_how_many_rows_are_looked_at_together(monkeypatch, rng):
    layers = Layer(rng.normal(size=(3, 7)), rng.normal(size=7)), Layer(np.ones((7, 2)), np.ones(2))
    network, X = Network(layers), rng.normal(size=(200, 3))
    once = network.activations(X) @ np.ones((7, 2)) + 1
    monkeypatch.setattr("wedgefit.engine.wedge.CHUNK", 1)
    np.testing.assert_allclose(network.forward(X), once, rtol=1e-13)
    assert network.forward(X[:0]).shape == (0, 2)
