"""Deep networks: every stage against the conic solver, activations as degenerate as they come, and
the composed network."""

from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import only
from stages import stages_of

from wedgefit.engine import layers, pencil
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.layers import (
    composed,
    orders_in_stage,
    pass_through,
    solve_stage,
    with_both_faces,
)
from wedgefit.engine.network import Layer, Network
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha
from wedgefit.errors import FitError, UsageError
from wedgefit.watch import Deadline

SAMPLES = Path(__file__).parents[2] / "sample_data"
SETTINGS = [
    (norm, bias, intercept)
    for norm in (1, 2)
    for bias in (True, False)
    for intercept in (True, False)
]


def pricer_for(X, stage=2, order=2, norm=1, bias=True, **options):
    return Pricer(
        Dictionary(X, orders_in_stage(order, norm, X.shape[1], stage), norm, bias), **options
    )


def pricers(depth, **options):
    """What makes the pricers of a network with ``depth`` hidden layers."""
    return [partial(pricer_for, stage=stage, **options) for stage in range(1, depth + 1)]


def deep(
    X, y, depth=2, ratio=0.05, norm=1, bias=True, intercept=True, tol=1e-6, exact=True, **options
):
    """Problem and stages at a ratio of the first stage's alpha_max."""
    makers = pricers(depth, norm=norm, bias=bias, **options)
    problem = Problem(y, ratio * largest_alpha(Problem(y, 1.0, intercept), makers[0](X)), intercept)
    return problem, stages_of(problem, X, makers, tol=tol, exact=exact)


def regression(rng, n=30, d=2):
    X = rng.normal(size=(n, d))
    return X, np.abs(X @ np.linspace(1, -1, d) + 0.3) * X[:, 0] + 0.1 * rng.normal(size=n)


def objectives(stages):
    return [stage.solution.certificate.objective for stage in stages]


@cache
def spirals():
    """The 160 points of ``sample_data/spiral.csv`` as they stand, and the arms as ±1."""
    rows = [line.split(",") for line in (SAMPLES / "spiral.csv").read_text().split()[1:]]
    return np.array([[float(x), float(y)] for x, y, _ in rows]), np.array(
        [1.0 if arm == "A" else -1.0 for *_, arm in rows]
    )


# Every stage against the slow twins ---------------------------------------------------------------


def conic_optimum_on(A, problem, orders, norm, bias):
    K = oracles.hinge_matrix(A, list(oracles.enumerate_wedges(A, orders, norm, bias)))
    # Equal columns are one column to the Lasso; the conic solver is spared the thousands that
    # degenerate rows make.
    return oracles.lasso_optimum(
        np.unique(np.round(K, 12), axis=1), problem.y[:, 0], problem.alpha, problem.intercept
    )[0]


@pytest.mark.parametrize("norm, bias, intercept", SETTINGS)
@pytest.mark.parametrize("kind", only(["plain", "copies"], ["plain", "grid", "copies"]))
def test_every_stage_reaches_the_conic_optimum(kind, norm, bias, intercept):
    """The product's promise, layer by layer: the optimum over all wedges of the activations, and a
    proof of it."""
    rng = np.random.default_rng(7)
    X = {
        "plain": rng.normal(size=(9, 2)),
        "grid": rng.integers(-1, 2, (9, 2)) * 1.0,
        "copies": rng.normal(size=(4, 2))[[0, 1, 2, 3] * 2],
    }[kind]
    y = X[:, 0] * X[:, 1] + rng.normal(size=len(X))
    problem, stages = deep(X, y, 3, 0.15, norm, bias, intercept)
    assert len(stages) == 3
    for number, stage in enumerate(stages, 1):
        orders = orders_in_stage(2, norm, stage.X.shape[1], number)
        best = conic_optimum_on(stage.X, problem, orders, norm, bias)
        certificate = stage.solution.certificate
        assert certificate.objective == pytest.approx(best, rel=1e-7)
        assert certificate.lower_bound <= best * (1 + 1e-7)
        assert certificate.scope == "exact" and certificate.relative_gap <= 1e-8


def activations_of(kind, rng):
    """Matrices (9, m) that stages meet: mostly zeros, units that never fire or twice, rows on a
    line, rounding."""
    A = np.maximum(rng.normal(size=(9, 3)) - 0.3, 0.0)
    if kind == "mostly zeros":
        A[rng.random(A.shape) < 0.6] = 0.0
    if kind == "dead and twin units":
        A = np.column_stack([A[:, 0], np.zeros(9), A[:, 0], 2 * A[:, 0], A[:, 1]])
    if kind == "on a line":
        A = np.outer(np.maximum(np.arange(9) - 4.0, 0.0), [1.0, 0.5, 3.0]) + [0.0, 1.0, 0.0]
    if kind == "one row fires":
        A = np.zeros((9, 3))
        A[4] = [1.0, 2.0, 0.5]
    if kind == "rounding":
        A[rng.random(A.shape) < 0.5] = 0.0
        A += rng.choice([0.0, 1e-16, 3e-17], A.shape)
    if kind == "unlike scales":
        A *= [1e-6, 1.0, 1e5]
    return A


KINDS = [
    "mostly zeros",
    "dead and twin units",
    "on a line",
    "one row fires",
    "rounding",
    "unlike scales",
]


@pytest.mark.parametrize("compiled", only([True], [False, True]))
@pytest.mark.parametrize("kind", KINDS)
def test_pricing_degenerate_activations_against_every_wedge(kind, compiled, monkeypatch):
    """The largest score found by sweeping is that of the written-out dictionary, however many rows
    or units coincide."""
    if compiled:
        pytest.importorskip("numba")
        monkeypatch.setattr(pencil, "COMPILED_PAYS", 0)
    for seed, norm, bias in product(range(2), (1, 2), (True, False)):
        rng = np.random.default_rng(seed)
        A = activations_of(kind, rng)
        v = rng.normal(size=9)
        v -= v.mean()
        pricer = pricer_for(A, order=3, norm=norm, bias=bias)
        found = pricer.price(v[:, None], 0.0, pricer.dictionary.none(), every_pencil=True)
        _, score, *_ = oracles.best_wedge(A, v, pricer.dictionary.orders, norm, bias)
        assert found.bound == pytest.approx(abs(score), rel=1e-9)
        assert found.scores[0] == pytest.approx(abs(score), rel=1e-9)
        assert abs(v @ found.wedges.hinges(A)[:, 0]) == pytest.approx(abs(score), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_solving_on_degenerate_activations(kind, rng):
    """Rank deficiency everywhere: copies of columns, columns of zeros, fewer distinct rows than
    wedges in use."""
    A = activations_of(kind, rng)
    y = rng.normal(size=9) + A.sum(axis=1) / np.abs(A).max()
    for norm, bias in product((1, 2), (True, False)):
        pricer = pricer_for(A, norm=norm, bias=bias)
        problem = Problem(y, 0.02 * largest_alpha(Problem(y, 1.0), pricer))
        certificate = layers.solve(problem, pricer, tol=1e-6).certificate
        best = conic_optimum_on(
            A / np.abs(A).max(),
            Problem(y, problem.alpha / np.abs(A).max()),
            pricer.dictionary.orders,
            norm,
            bias,
        )
        assert certificate.objective == pytest.approx(best, rel=1e-6)
        assert certificate.relative_gap <= 1e-7


def test_activations_have_exact_zeros(rng):
    """A unit is zero on the rows its wedge passes through, not 1e-17 on some of them."""
    X, y = regression(rng)
    _, stages = deep(X, y, 3)
    for stage in stages:
        wedges, activations = stage.units, stage.activations
        assert np.all(
            activations[wedges.samples[wedges.orders == 2].T, np.flatnonzero(wedges.orders == 2)]
            == 0
        )
        assert not np.any((activations > 0) & (activations < 1e-12))
        np.testing.assert_allclose(activations, wedges.hinges(stage.X), atol=1e-12)


# Passing through ----------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(SETTINGS), st.floats(0.01, 1.2), st.booleans())
def test_the_objective_never_rises(seed, setting, ratio, exact):
    norm, bias, intercept = setting
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(3, 12)), int(rng.integers(1, 4))
    X = rng.integers(-2, 3, size=(n, d)).astype(float) if seed % 2 else rng.normal(size=(n, d))
    problem = Problem(rng.normal(size=n), 1.0, intercept)
    makers = pricers(3, order=min(2, d), norm=norm, bias=bias)
    top = largest_alpha(problem, makers[0](X))
    if top < 1e-6:
        return
    problem = Problem(problem.y, ratio * top, intercept)
    stages = stages_of(problem, X, makers, tol=1e-6, exact=exact)
    values = objectives(stages)
    assert all(after <= before * (1 + 1e-10) for before, after in zip(values, values[1:]))
    assert len(stages) == 1 if ratio > 1.0001 else len(stages) == 3 or ratio > 0.999


@pytest.mark.parametrize("norm, bias, intercept", SETTINGS)
def test_every_later_stage_begins_where_the_one_before_ended(norm, bias, intercept, rng):
    X, y = regression(rng)
    seen = []
    makers = pricers(3, norm=norm, bias=bias)
    stage = None
    for maker in makers:
        begun = len(seen)
        hear = lambda *round_: seen.append(round_)
        stage = solve_stage(Problem(y, 0.02, intercept), X, maker, stage, tol=1e-6, on_round=hear)
        assert seen[begun][0] == 1
        if begun:
            before, after = seen[begun - 1], seen[begun]
            assert after[2].objective == pytest.approx(before[2].objective, rel=1e-12)
            np.testing.assert_allclose(after[1].output, before[1].output, atol=1e-9)


def test_the_working_set_starts_at_the_network_before(rng, monkeypatch):
    """Not merely with its columns: a Lasso that stalls, or a deadline, must not lose what was
    there."""
    X, y = regression(rng)
    first = solve_stage(Problem(y, 0.02), X, partial(pricer_for, stage=1), tol=1e-6)
    starts = []
    solve = layers.solve
    monkeypatch.setattr(
        layers,
        "solve",
        lambda *args, working, **options: starts.append(working.fit()) or solve(*args, **options),
    )
    solve_stage(Problem(y, 0.02), X, pricer_for, first, tol=1e-6)
    np.testing.assert_allclose(starts[0].output, first.fit.output, atol=1e-12)
    np.testing.assert_array_equal(starts[0].coefficients, first.fit.coefficients)


@pytest.mark.parametrize("norm, refine", [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("bias", [True, False])
def test_an_activation_passes_unchanged_on_new_rows_too(norm, refine, bias, rng):
    X, y = regression(rng)
    _, stages = deep(X, y, 1, norm=norm, bias=bias, refine=refine)
    passing = pass_through(pricer_for(stages[0].activations, norm=norm, bias=bias).dictionary)
    assert np.all(passing.orders == 1) and len(passing) == len(stages[0].units)
    activations = stages[0].units.hinges(3 * rng.normal(size=(50, 2)))
    np.testing.assert_allclose(passing.hinges(activations), activations, atol=1e-12)


def test_passing_needs_order_1(rng):
    X, y = regression(rng)
    first = solve_stage(Problem(y, 0.02), X, pricer_for, tol=1e-6)
    with pytest.raises(UsageError, match="order 1"):
        solve_stage(
            Problem(y, 0.02), X, lambda A: Pricer(Dictionary(A, (2,), 2, True)), first, tol=1e-6
        )


def test_a_rise_is_refused(rng, monkeypatch):
    X, y = regression(rng)
    first, worse = (
        solve_stage(Problem(y, alpha), X, pricer_for, tol=1e-6) for alpha in (0.02, 0.2)
    )
    monkeypatch.setattr(layers, "solve", lambda *_, **__: worse.solution)
    with pytest.raises(FitError, match="rose"):
        solve_stage(Problem(y, 0.02), X, pricer_for, first, tol=1e-6)


def test_orders_of_a_stage():
    assert [orders_in_stage("full", norm, 3, 1) for norm in (1, 2)] == [(1, 2, 3), (3,)]
    assert [orders_in_stage("full", norm, 3, 2) for norm in (1, 2)] == [(1, 2, 3), (1, 2, 3)]
    assert [orders_in_stage(2, 2, width, 2) for width in (1, 2, 9)] == [(1,), (1, 2), (1, 2)]
    with pytest.raises(UsageError):
        orders_in_stage(3, 1, 2, 1)


# Stages -------------------------------------------------------------------------------------------


def with_one_face(monkeypatch):
    """Hand on only the faces that a solution uses."""
    monkeypatch.setattr(layers, "with_both_faces", lambda wedges: wedges)


def test_both_faces_are_at_least_as_good_as_any_choice(monkeypatch):
    """The next stage has every wedge it had, and more: on a symmetric problem, where the choice is
    chance, it shows."""
    X, y = spirals()
    X, y = X[::4] @ [[1, 0.5], [0, 1]], X[::4, 0] * X[::4, 1] * 20
    _, both = deep(X, y, 2, 0.03)
    with_one_face(monkeypatch)
    _, used = deep(X, y, 2, 0.03)
    assert objectives(both)[0] == objectives(used)[0]
    assert objectives(both)[1] < objectives(used)[1] * 0.999


def test_one_dimension_with_both_faces_is_a_narrow_network(monkeypatch):
    """Three layers in 1-D: the dictionary of all hinges of one hinge, written out, has the optimum
    of the two stages."""
    data = np.random.default_rng(30)
    n = int(data.integers(5, 40))
    x, y = data.integers(0, 12, n) * 1.0, data.normal(size=n)
    hinges = np.array([np.maximum(sign * (x - a), 0) for a in x for sign in (1, -1)]).T
    ramps = np.array([np.maximum(c - hinge, 0) for hinge in hinges.T for c in hinge[hinge > 0]]).T
    objective = {}
    for faces in (True, False):
        if not faces:
            with_one_face(monkeypatch)
        problem, stages = deep(x[:, None], y, 2, 0.0212, order=1)
        objective[faces] = objectives(stages)[1]
    best, *_ = oracles.lasso_optimum(
        np.unique(np.hstack([hinges, ramps]), axis=1), y, problem.alpha, True
    )
    assert objective[True] == pytest.approx(best, rel=1e-7)
    assert objective[False] > best * 1.01


def test_with_both_faces_adds_the_missing_ones_once(rng):
    X, y = regression(rng)
    wedges = deep(X, y, 1)[1][0].fit.wedges
    units = with_both_faces(wedges)
    faces = {
        (*np.round(normal, 9) + 0.0, round(offset, 9) + 0.0)
        for normal, offset in zip(units.normals, units.offsets)
    }
    assert len(faces) == len(units)
    assert all(tuple(-np.array(face) + 0.0) in faces for face in faces)
    np.testing.assert_array_equal(units.normals[: len(wedges)], wedges.normals)
    assert len(with_both_faces(units)) == len(units)


def test_it_ends_early_without_neurons_or_time(rng):
    X, y = regression(rng)
    assert len(stages_of(Problem(y, 1e3), X, pricers(3), tol=1e-6)) == 1
    stopped = stages_of(Problem(y, 0.01), X, pricers(3), tol=1e-6, deadline=Deadline(0.0))
    assert [stage.solution.status for stage in stopped] == ["stopped"]
    deadline = Deadline()
    deadline.due = lambda reserve=0.0: deadline.over
    deadline.share = lambda parts: deadline
    deadline.over = False

    def over_after_the_first(_, round_, total, words, part):
        gap = float(words.split("gap ")[1].split(",")[0])
        deadline.over = gap <= 1e-9

    in_time = stages_of(
        Problem(y, 0.01), X, pricers(3), tol=1e-6, deadline=deadline, advance=over_after_the_first
    )
    assert [stage.solution.status for stage in in_time] == ["converged"]
    assert len(in_time[0].units) > 0


def test_the_same_bytes_twice(rng):
    X, y = regression(rng)
    one, two = (composed(deep(X, y, 3, exact=False)[1]) for _ in range(2))
    for ours, theirs in zip(one.layers, two.layers):
        assert ours.normals.tobytes() == theirs.normals.tobytes()
    assert one.coefficients.tobytes() == two.coefficients.tobytes()


# The composed network -----------------------------------------------------------------------------


@pytest.mark.parametrize("norm, bias, intercept", SETTINGS)
def test_the_composed_network(norm, bias, intercept, rng):
    """One network three times: as stages, as units, as balanced weights; its penalty is the last
    stage's."""
    X, y = regression(rng, 25)
    problem, stages = deep(X, y, 3, 0.05, norm, bias, intercept)
    found, new = composed(stages), 2 * rng.normal(size=(20, 2))
    network = found.network()
    np.testing.assert_allclose(found.predict(X), stages[-1].fit.output, atol=1e-9)
    np.testing.assert_allclose(network.forward(new), found.predict(new), atol=1e-10)
    slowly = [oracles.network_forward(network.layers, row) for row in new]
    np.testing.assert_allclose(found.predict(new), slowly, atol=1e-10)
    loss = problem.loss.value(problem.y, network.forward(X), problem.weights)
    assert loss + problem.alpha * oracles.path_norm(network, norm) == pytest.approx(
        objectives(stages)[-1], rel=1e-9
    )
    inputs = replace(found, layers=found.layers[:-1]).activations(X)
    head = oracles.network_objective(network.layers[-2:], inputs, y, problem.alpha, norm)
    assert head == pytest.approx(objectives(stages)[-1], rel=1e-9)


def test_path_norm_by_walking_all_paths(rng):
    sizes = (3, 4, 2, 5, 1)
    network = Network(
        tuple(Layer(rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in zip(sizes, sizes[1:]))
    )
    paths = list(product(*map(range, sizes)))
    lengths = [
        np.prod([abs(W[i, j]) for (W, _), i, j in zip(network.layers, path, path[1:])])
        for path in paths
    ]
    assert oracles.path_norm(network, 1) == pytest.approx(sum(lengths))
    *hidden, (outer, _) = network.layers
    total = 0.0
    for j in range(sizes[-2]):
        products = [
            np.prod([W[a, b] for (W, _), a, b in zip(hidden, (*path, j), (*path[1:], j))])
            for path in product(*map(range, sizes[:-2]))
        ]
        total += abs(outer[j, 0]) * np.linalg.norm(products)
    assert oracles.path_norm(network, 2) == pytest.approx(total)


@pytest.mark.parametrize("norm", [1, 2])
def test_path_norm_knows_no_scales(norm, rng):
    """Rescaling a unit leaves function and path norm alone, so no rescaled copy of the network is
    cheaper."""
    X, y = regression(rng)
    network = composed(deep(X, y, 3, norm=norm)[1]).network()
    scaled = [list(layer) for layer in network.layers]
    for before, after in zip(scaled, scaled[1:]):
        factors = np.exp(rng.normal(size=len(before[1])))
        before[0], before[1], after[0] = (
            before[0] * factors,
            before[1] * factors,
            after[0] / factors[:, None],
        )
    scaled = Network(tuple(Layer(*layer) for layer in scaled))
    np.testing.assert_allclose(scaled.forward(X), network.forward(X), atol=1e-9)
    assert oracles.path_norm(scaled, norm) == pytest.approx(oracles.path_norm(network, norm))


def test_pruning_takes_only_what_nobody_reads(rng):
    X, y = regression(rng, 40)
    found = composed(deep(X, y, 3, 0.02)[1])
    pruned = found.pruned()
    new = 2 * rng.normal(size=(20, 2))
    np.testing.assert_allclose(pruned.predict(new), found.predict(new), atol=1e-12)
    assert oracles.path_norm(pruned.network(), 1) == pytest.approx(
        oracles.path_norm(found.network(), 1), rel=1e-12
    )
    assert sum(map(len, pruned.layers)) < sum(map(len, found.layers))
    for lower, upper in zip(pruned.layers, pruned.layers[1:]):
        assert set(upper.columns[upper.columns >= 0]) == set(range(len(lower)))
        off = np.ones(upper.normals.shape, dtype=bool)
        for row, columns in zip(off, upper.columns):
            row[columns[columns >= 0]] = False
        assert np.all(upper.normals[off] == 0), "a wedge has weights on the columns it reads only"
    again = pruned.pruned()
    assert [len(layer) for layer in again.layers] == [len(layer) for layer in pruned.layers]
    assert len(found.layers[-1]) == len(pruned.layers[-1])


@pytest.mark.parametrize("bias", [True, False])
def test_deeper_wedges_pass_through_training_rows(bias, rng):
    """What ``explain`` will say of a deep unit: the rows whose activations lie on its
    hyperplane."""
    X, y = regression(rng, 40)
    found = composed(deep(X, y, 3, bias=bias)[1]).pruned()
    for depth, wedges in enumerate(found.layers):
        inputs = X
        for lower in found.layers[:depth]:
            inputs = lower.hinges(inputs)
        heights = inputs @ wedges.normals.T + wedges.offsets
        for unit, samples in enumerate(wedges.samples):
            assert np.abs(heights[samples[samples >= 0], unit]).max(initial=0.0) <= 1e-12


# The figures that the project promises ------------------------------------------------------------


def test_spirals_with_two_and_three_layers():
    """Exactly, from the command line, in test_deep_cli; here on sampled pencils, which takes a
    second."""
    X, y = spirals()
    _, stages = deep(X, y, 2, 0.01, exact=False)
    assert objectives(stages)[0] == pytest.approx(0.418432, abs=5e-7)
    assert objectives(stages)[1] <= 0.3
    assert np.mean((stages[0].fit.output[:, 0] > 0) == (y > 0)) == 0.75
    assert np.all((stages[1].fit.output[:, 0] > 0) == (y > 0))


@pytest.mark.slow
def test_spirals_with_five_layers():
    X, y = spirals()
    _, stages = deep(X, y, 4, 0.01, jobs=2)
    assert np.all(objectives(stages) <= np.array([0.4185, 0.2952, 0.2635, 0.2485]))
    assert all(stage.solution.certificate.scope == "exact" for stage in stages)
    assert max(stage.solution.certificate.relative_gap for stage in stages) <= 1e-6
    assert all(np.all((stage.fit.output[:, 0] > 0) == (y > 0)) for stage in stages[1:])


@pytest.mark.slow
def test_a_product_of_three_columns_needs_a_third_layer():
    """Order 2 cannot make x₁x₂x₃ in one hidden layer; in two it can, and on new rows too."""
    rng = np.random.default_rng(0)
    X, new = rng.uniform(-1, 1, (300, 4)), rng.uniform(-1, 1, (2000, 4))
    _, stages = deep(X, X[:, :3].prod(axis=1) + 0.02 * rng.normal(size=300), 2, 0.01, jobs=2)
    truth = new[:, :3].prod(axis=1, keepdims=True)
    r2 = [
        1 - np.mean((composed(stages[:k]).predict(new) - truth) ** 2) / truth.var() for k in (1, 2)
    ]
    assert r2[0] < 0 and r2[1] > 0.9
