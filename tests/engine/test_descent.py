"""Joint descent: a local minimum of the network objective, and the Lasso over the samples beside
its neurons is as good."""

import numpy as np
import oracles
import pytest
from quick import only

from wedgefit.engine.descent import beside, descend, descended, nearest
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.engine.working_set import working_set


def start(seed, bias=True, intercept=True, orders=(3,)):
    """A small problem, its dictionary, and a random network of wedges with neither tiny nor equal
    coefficients."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (25, 3))
    y = np.abs(X @ [1.0, -2.0, 0.5]) + X[:, 0] * X[:, 1] + 0.1 * rng.standard_normal(25)
    dictionary = Dictionary(X, orders, 2, bias)
    wedges = dictionary.written_out()
    wedges = wedges.take(rng.choice(len(wedges), 6, replace=False))
    return (
        Problem(y, 0.01, intercept),
        dictionary,
        wedges,
        rng.uniform(0.2, 0.5, 6) * [1, -1, 1, -1, 1, -1],
        0.3 * intercept,
    )


def fit_of(wedges, X, z, t):
    """The network of one target with these coefficients (m,) and this output bias."""
    return Fit(wedges, z[:, None], np.array([t]), wedges.combine(X, z[:, None]))


def objective(problem, X, normals, offsets, coefficients, intercept):
    """The balanced network's objective, by loops."""
    split = np.sqrt(np.abs(coefficients))
    hidden = (normals * split[:, None]).T, offsets * split
    return oracles.network_objective(
        [hidden, ((np.sign(coefficients) * split)[:, None], [intercept])],
        X,
        problem.y[:, 0],
        problem.alpha,
        2,
    )


@pytest.mark.parametrize(
    "bias, intercept", only([(True, True)], [(True, True), (False, True), (False, False)])
)
def test_a_descent_ends_lower_where_no_small_step_helps(bias, intercept, monkeypatch):
    monkeypatch.setattr("wedgefit.engine.descent.STEPS", 3_000)
    problem, dictionary, wedges, z, t = start(1, bias, intercept)
    before = objective(problem, dictionary.X, wedges.normals, wedges.offsets, z, t)
    alive, normals, offsets, z, t = descend(problem, dictionary.X, wedges, z, t, bias)
    after = objective(problem, dictionary.X, normals, offsets, z, t)
    assert alive.sum() == len(offsets) > 1 and after < 0.7 * before
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    assert bias or (offsets == 0).all()
    assert intercept or t == 0
    rng = np.random.default_rng(0)
    for size in (1e-2, 1e-3):
        for _ in range(100):
            turned = normals + size * rng.standard_normal(normals.shape)
            turned /= np.linalg.norm(turned, axis=1, keepdims=True)
            shifted = offsets + bias * size * rng.standard_normal(len(offsets))
            # Where many rows lie on a hyperplane the objective has a kink, at which L-BFGS comes to
            # rest a little early.
            moved = objective(
                problem,
                dictionary.X,
                turned,
                shifted,
                z * (1 + size * rng.standard_normal(len(z))),
                t,
            )
            assert moved >= after * (1 - 1e-4)


def test_every_neuron_goes_on_reading_the_columns_of_its_wedge():
    problem, dictionary, wedges, z, t = start(2, orders=(1, 2))
    alive, normals, *_ = descend(problem, dictionary.X, wedges, z, t, True)
    reads = wedges.reads[alive]
    assert (normals[~reads] == 0).all() and set(reads.sum(axis=1)) == {1, 2}
    assert np.abs(normals - wedges.normals[alive]).max() > 0.1


def test_a_neuron_between_two_samples_is_a_mixture_of_those_through_them():
    rng = np.random.default_rng(3)
    X, normals = rng.standard_normal((20, 3)), rng.standard_normal((4, 3))
    heights = np.sort(X @ normals.T, axis=0)
    # In the middle, below every sample, above every sample, and on one.
    offsets = -np.array(
        [
            0.7 * heights[9, 0] + 0.3 * heights[10, 0],
            heights[0, 1] - 1,
            heights[-1, 2] + 1,
            heights[5, 3],
        ]
    )
    which, samples = beside(X, normals, offsets)
    assert which.tolist() == [0, 3, 0, 1, 3], "the one that no sample reaches is left out"
    through = np.maximum((X[:, None] - X[samples]) @ normals.T, 0)[:, np.arange(5), which]
    hinges = np.maximum(X @ normals.T + offsets, 0)
    np.testing.assert_allclose(0.7 * through[:, 0] + 0.3 * through[:, 2], hinges[:, 0], atol=1e-12)
    np.testing.assert_allclose(through[:, 3] + 1, hinges[:, 1], atol=1e-12)
    np.testing.assert_allclose(through[:, 1], hinges[:, 3], atol=1e-12)


@pytest.mark.parametrize("bias", only([True], [True, False]))
def test_the_lasso_over_what_comes_back_is_as_good_as_the_descended_network(bias):
    problem, dictionary, wedges, z, t = start(4, bias)
    X = dictionary.X
    reached = objective(problem, X, *descend(problem, X, wedges, z, t, bias)[1:])
    offered = descended(problem, dictionary, fit_of(wedges, X, z, t))
    assert ((offered.samples >= 0).sum(axis=1) == int(bias)).all()
    heights = X @ offered.normals.T + offered.offsets
    assert np.abs(heights[offered.samples[:, 0], np.arange(len(offered))]).max() < 1e-12 or not bias
    optimum, *_ = oracles.lasso_optimum(
        np.maximum(heights, 0), problem.y[:, 0], problem.alpha, True
    )
    assert optimum <= reached * (1 + 1e-7)
    assert optimum >= 0.9 * reached


def test_a_neuron_that_dies_is_left_out():
    """At an alpha where no neuron pays, all weights shrink to nothing."""
    problem, dictionary, wedges, z, t = start(5)
    alive, normals, *_ = descend(Problem(problem.y, 100.0), dictionary.X, wedges, z, t, True)
    assert not alive.any() and normals.shape == (0, 3)


def test_descents_reach_what_climbs_alone_do_not(monkeypatch):
    """In many columns one neuron at a time ends above the network whose neurons have moved
    together, and takes more rounds."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 6))
    y = (
        np.sin(2 * X[:, 0] + X[:, 1])
        + np.abs(X @ rng.standard_normal(6))
        + 0.3 * rng.standard_normal(50)
    )

    def solved():
        pricer = Pricer(Dictionary(X, (6,), 2, True), refine=True)
        problem = Problem(y, largest_alpha(Problem(y, 1.0), pricer, exact=False) / 20)
        return solve(problem, pricer, tol=1e-3, exact=False)

    together = solved()
    monkeypatch.setattr(
        "wedgefit.engine.solve.descended", lambda problem, dictionary, fit, _: fit.wedges.take([])
    )
    apart = solved()
    assert (
        together.certificate.objective < apart.certificate.objective
        and together.rounds < apart.rounds
    )


def many_rows(n=4_000):
    """A plane with many rows, a network of wedges in it, and its coefficients."""
    rng = np.random.default_rng(7)
    X = rng.uniform(-1, 1, (n, 2))
    y = np.abs(X @ [1.0, -0.5]) + np.sin(3 * X[:, 0]) + 0.1 * rng.standard_normal(n)
    dictionary = Dictionary(X, (2,), 2, True)
    samples = np.sort(rng.choice(n, (8, 2), replace=False), axis=1)
    wedges, _ = dictionary.wedges(np.tile([0, 1], (8, 1)), samples)
    return Problem(y, 0.01), dictionary, wedges, rng.uniform(0.2, 0.5, 8) * ([1, -1] * 4)


@pytest.mark.parametrize("precision, some", only([(1e-2, True)], [(1e-2, True), (1e-9, False)]))
def test_a_coarse_descent_looks_at_some_of_many_rows_and_ends_as_low(monkeypatch, precision, some):
    problem, dictionary, wedges, z = many_rows()
    monkeypatch.setattr("wedgefit.engine.descent.ALL_ROWS", 500)
    seen = []
    value = problem.loss.value
    monkeypatch.setattr(
        type(problem.loss), "value", lambda self, y, *rest: seen.append(len(y)) or value(y, *rest)
    )
    offered = descended(problem, dictionary, fit_of(wedges, dictionary.X, z, 0.0), precision)
    blocks = {500} if some else {4_000}
    assert {sum(seen[:k]) for k in (1, 2)} & blocks
    if some:
        assert len(offered) <= len(wedges), "each neuron in one place"
    working = working_set(dictionary, problem)
    working.grow(offered)
    working.solve(problem.alpha, 1e-9)
    fit = working.fit()
    reached = problem.objective(fit.combined, fit.intercept, fit.coefficients)
    exact = objective(problem, dictionary.X, *descend(
        problem, dictionary.X, wedges, z, 0.0, True)[1:])  # fmt: skip
    assert reached <= exact * (1 + 0.05)


def test_blocks_of_rows_change_nothing_but_rounding(monkeypatch):
    problem, dictionary, wedges, z = many_rows()
    found = []
    for block in (1 << 16, 1 << 10):
        monkeypatch.setattr("wedgefit.engine.descent.BLOCK", block)
        monkeypatch.setattr("wedgefit.engine.descent.STEPS", 5)
        found.append(descend(problem, dictionary.X, wedges, z, 0.1, True))
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-8)


@pytest.mark.parametrize("rows", [20, 300])
def test_the_one_sample_is_the_nearest_of_the_two(rows, monkeypatch):
    monkeypatch.setattr("wedgefit.engine.wedge.CHUNK", 1)
    rng = np.random.default_rng(3)
    X, normals = rng.standard_normal((rows, 3)), rng.standard_normal((4, 3))
    offsets = np.array([0.3, -0.2, -50.0, 0.1])
    which, samples = nearest(X, normals, offsets)
    assert which.tolist() == [0, 1, 3], "the one that no sample reaches is left out"
    away = np.abs(X @ normals.T + offsets)
    assert samples.tolist() == [int(away[:, k].argmin()) for k in which]
