"""Effects: they add up to the network's output, each has mean 0 over what training saw, and their
importances are those of the training rows."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from as_json import certify
from kinds import kinds, mixed, table_of

from wedgefit.data.distribution import MOST_VALUES, distributions
from wedgefit.engine.network import unit_network
from wedgefit.errors import NoEffects
from wedgefit.model.build import Options, train
from wedgefit.model.effects import Purified, Source, importances
from wedgefit.model.file import loads
from wedgefit.watch import Silent

KINDS = [name for name in kinds() if not name.startswith("deep")]


def hostile_rows(model, rows=40, seed=3):
    """Inputs of the network that training need not have seen, (n, d): far numbers, levels that do
    not exist, gaps."""
    rng = np.random.default_rng(seed)
    X = np.zeros((rows, len(model.encoding.features)))
    for j, feature in enumerate(model.encoding.features):
        number = feature.kind == "number"
        X[:, j] = 3 * rng.normal(size=rows) if number else rng.random(rows) < 0.3
    return X


@pytest.mark.parametrize("name", KINDS)
def test_effects_add_up_to_the_output(name):
    """In every kind of model, on any rows: baseline plus effects is the score."""
    model = kinds()[name]
    X = hostile_rows(model)
    effects = model.effects()
    total = np.array(list(effects.baseline.values())) + sum(
        effects.at_inputs(X).values(), np.zeros((len(X), len(model.outputs)))
    )
    scores = model.network.forward(X)
    assert np.abs(total - scores).max() <= 1e-12 * (1 + np.abs(scores).max())
    assert list(effects.baseline) == list(model.outputs)


def product_states(effects, key):
    """All states of the columns of an effect in training, with their parts of the product."""
    sources = [effects._source(name) for name in key]
    rows = list(product(*(range(len(source.parts)) for source in sources)))
    states = [np.array([source.states[row[k]] for row in rows]) for k, source in enumerate(sources)]
    shape = tuple(len(source.parts) for source in sources)
    return states, shape, [source.parts for source in sources]


@pytest.mark.parametrize("name", KINDS)
def test_every_effect_has_mean_zero_over_each_of_its_columns(name):
    effects = kinds()[name].effects()
    size = 1 + np.abs(kinds()[name].coefficients).sum()
    for key in effects.keys:
        states, shape, parts = product_states(effects, key)
        values = effects.of_states(key, *states).reshape(*shape, -1)
        for axis, weights in enumerate(parts):
            mean = np.tensordot(weights, values, axes=(0, axis))
            assert np.abs(mean).max() <= 1e-12 * size, key


def test_a_slow_twin_by_all_combinations():
    """The baseline and the effect of a column are averages of the output over all combinations of
    the other columns' states."""
    rng = np.random.default_rng(0)
    sources = [
        Source(np.array([0]), rng.normal(size=(5, 1)), np.array([0.1, 0.2, 0.3, 0.15, 0.25])),
        Source(np.array([1, 2]), np.array([[0, 0], [1, 0], [0, 1.0]]), np.array([0.5, 0.3, 0.2])),
        Source(np.array([3]), rng.normal(size=(4, 1)), np.full(4, 0.25)),
    ]
    normals = np.zeros((12, 4))
    for normal in normals:
        for c in rng.choice(3, size=rng.integers(1, 3), replace=False):
            normal[sources[c].features] = rng.normal(size=len(sources[c].features))
    offsets = rng.normal(size=12)
    network = unit_network([(normals, offsets)], rng.normal(size=(12, 2)), rng.normal(size=2))
    purified = Purified(network, sources)

    def output(*states):
        x = np.concatenate(states)
        return np.maximum(normals @ x + offsets, 0) @ network.output.weights + network.output.biases

    def mean(fixed):
        """The mean output where some columns are fixed at a state, by position."""
        total = np.zeros(2)
        ranges = [
            [(1.0, fixed[c])] if c in fixed else list(zip(source.parts, source.states))
            for c, source in enumerate(sources)
        ]
        for choice in product(*ranges):
            total += np.prod([part for part, _ in choice]) * output(*(s for _, s in choice))
        return total

    np.testing.assert_allclose(purified.baseline, mean({}), rtol=1e-12)
    for c, source in enumerate(sources):
        for state in source.states:
            found = purified.column(c, state[None])[0] if c in purified.columns else 0.0
            np.testing.assert_allclose(found, mean({c: state}) - mean({}), atol=1e-12)
    for j, k in purified.pairs:
        for one, other in product(sources[j].states, sources[k].states):
            alone = mean({j: one}) + mean({k: other}) - mean({})
            found = purified.pair((j, k), one[None], other[None])[0]
            np.testing.assert_allclose(found, mean({j: one, k: other}) - alone, atol=1e-12)


def test_importances_are_standard_deviations_over_the_training_rows():
    columns, signal = mixed()
    weights = np.random.default_rng(1).integers(1, 4, size=len(signal)).astype(float)
    table = table_of(columns | {"y": signal, "w": weights})
    model = train(table, Options(alpha_ratio=0.02, weight="w", tol=1e-3), Silent())
    values = model.effects().at(table)
    assert {part.columns for part in model.importances} <= set(values)
    sizes = [part.importance for part in model.importances]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) > 3
    for part in model.importances:
        repeated = np.repeat(values[part.columns][:, 0], weights.astype(int))
        assert part.importance == pytest.approx(repeated.std(), rel=1e-9)


def test_one_effect_for_all_levels_and_gaps_of_a_column():
    """A text column has one effect, however many 0/1 features; a gap belongs to its column."""
    effects = kinds()["mixed"].effects()
    assert len(kinds()["mixed"].encoding.features) > len(kinds()["mixed"].encoding.inputs)
    names = {column.name for column in kinds()["mixed"].encoding.inputs}
    assert {name for key in effects.keys for name in key} <= names
    assert ("town",) in effects.keys and all(len(set(key)) == len(key) for key in effects.keys)


def test_distributions_count_rows_by_their_weights():
    columns, signal = mixed()
    table = table_of(columns | {"y": signal})
    encoding = kinds()["mixed"].encoding
    weights = np.random.default_rng(2).integers(1, 5, size=table.rows)
    repeated = table.take(np.repeat(np.arange(table.rows), weights))
    weighed = distributions(encoding, table, weights.astype(float))
    for one, other in zip(weighed, distributions(encoding, repeated, None)):
        assert (one.column, one.values, one.levels) == (other.column, other.values, other.levels)
        np.testing.assert_allclose(one.parts, other.parts, rtol=1e-12)
        assert one.missing == pytest.approx(other.missing)
        assert sum(one.parts) + one.missing == pytest.approx(1)


def test_many_numbers_are_gathered_by_their_means():
    rng = np.random.default_rng(0)
    x = np.round(rng.lognormal(size=3000), 3)
    x[:400] = 1.5  # One value that outweighs whole groups.
    table = table_of({"x": x, "y": np.abs(x - 1.5)})
    model = train(table, Options(alpha_ratio=0.1), Silent())
    (seen,) = model.distributions
    assert len(seen.values) <= MOST_VALUES and list(seen.values) == sorted(set(seen.values))
    limited = model.encoding.inputs[0].limited(x)
    assert np.dot(seen.values, seen.parts) == pytest.approx(limited.mean(), rel=1e-12)
    assert model.encoding.inputs[0].seen == (limited.min(), limited.max())
    assert max(seen.parts) > 0.1


def test_what_is_no_sum_of_pairs_says_so():
    columns = dict(zip("abc", np.random.default_rng(0).normal(size=(3, 20))))
    y = np.abs(sum(columns.values()))
    model = train(table_of(columns | {"y": y}), Options(alpha_ratio=0.1, order=3), Silent())
    assert any(len(set(neuron.columns)) > 2 for neuron in model.neurons)
    with pytest.raises(NoEffects, match="more than two columns"):
        model.effects()
    assert model.importances == ()
    with pytest.raises(NoEffects, match="more than one hidden layer"):
        kinds()["deep"].effects()
    with pytest.raises(NoEffects, match="Train it again"):
        replace(kinds()["mixed"], distributions=(), importances=()).effects()


@pytest.mark.parametrize("gaps", [False, True])
def test_of_one_column_depth_is_no_obstacle(gaps):
    """A deep network of one column is a function of it: the output less its mean."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=30)
    y = np.abs(a)
    if gaps:
        a[::5] = np.nan
    table = table_of({"a": a, "y": y})
    model = train(table, Options(layers=3, alpha_ratio=0.02, target=("y",)), Silent())
    effects, scores = model.effects(), model.scores(table)
    assert model.depth == 2 and effects.keys == (("a",),)
    values = effects.at(table)["a",]
    assert np.allclose(values + effects.baseline["y"], scores, atol=1e-12)
    assert np.mean(values) == pytest.approx(0, abs=1e-12)
    assert model.importances[0].importance == pytest.approx(float(scores.std()))
    assert loads(model.dumps()).importances == model.importances
    assert certify(model, table)["agrees"]
    # A file from before claimed none.
    assert certify(replace(model, importances=()), table)["agrees"]


def test_effects_are_in_the_file():
    model = kinds()["mixed"]
    again = loads(model.dumps())
    assert (again.distributions, again.importances) == (model.distributions, model.importances)
    X = hostile_rows(model)
    for key, values in model.effects().at_inputs(X).items():
        assert np.array_equal(values, again.effects().at_inputs(X)[key])


def test_of_very_many_rows_every_so_many_th_is_measured(monkeypatch):
    from wedgefit.model import effects as module

    model = kinds()["mixed"]
    X = hostile_rows(model, rows=60)
    effects = model.effects()
    monkeypatch.setattr(module, "MOST_WORK", 20 * effects.neurons)
    assert importances(effects, X, None) == importances(effects, X[::3], None)
