"""How far the networks of the folds are from a model's effects: each fold trained as a model of its
own says the same, and folds that learn from all rows are not away at all."""

import json
from dataclasses import replace

import numpy as np
import pytest
from as_json import certify
from kinds import mixed, table_of, with_targets
from quick import only

from wedgefit.data import encoding
from wedgefit.errors import ModelFileError
from wedgefit.learning.path import Pace
from wedgefit.learning.splits import splits_of
from wedgefit.model.build import Options, Training, train
from wedgefit.model.file import loads
from wedgefit.watch import Silent


def rows(count=45, seed=0):
    """A column of numbers, one with gaps, one of text with rare levels, and a target."""
    columns, signal = mixed(count, seed)
    return table_of(columns | {"y": signal + 0.1 * np.random.default_rng(seed).normal(size=count)})


def with_folds(table, options):
    """A model at the alpha that is told, whose folds are run all the same."""
    return train(table, replace(options, intervals=not options.calibrate), Silent())


@pytest.fixture(scope="module")
def fitted():
    """A table, its options, the model, and the rows that each of three folds learns from."""
    options = Options(target=("y",), cv=3, order=2, alpha_ratio=0.05)
    table = rows()
    design = Training(table, options, Silent()).design
    learnt = [learn for learn, _ in splits_of(design, 3, options.seed, "")]
    return table, options, with_folds(table, options), learnt


def apart(model, table, options, learnt):
    """Every fold as a model of its own, at the model's alpha, over the model's distributions."""
    own = replace(options, alpha=model.problem.alpha, alpha_ratio=None, cv="auto")
    for learn in learnt:
        fold = train(table.take(learn), own, Silent())
        yield replace(fold, distributions=model.distributions).effects()


def at(effects, part):
    """The effect of a column at the places of its record, 0 where a network has none."""
    (name,) = part.columns
    if part.columns not in effects.keys:
        return 0.0
    states = effects.levels(name, part.levels) if part.levels else None
    states = effects.numbers(name, np.array(part.at)) if states is None else states
    return effects.of_states(part.columns, states)[:, 0]


def test_folds_say_what_models_of_their_rows_say(fitted):
    table, options, model, learnt = fitted
    whole, folds = model.effects(), [*apart(model, table, options, learnt)]
    assert [part.columns for part in model.over_folds] == [p.columns for p in model.importances]
    most = model.importances[0].importance
    for part, own in zip(model.over_folds, model.importances):
        sizes = [
            float(effects.at(table).get(part.columns, np.zeros((1, 1))).std()) for effects in folds
        ]
        expected = np.sqrt(np.mean((np.array(sizes) - own.importance) ** 2))
        assert part.importance == pytest.approx(expected, abs=0.02 * most), part.columns
        if len(part.columns) == 2:
            assert part.at + part.levels + part.effect == ()
            continue
        away = [at(effects, part) - at(whole, part) for effects in folds]
        expected = np.sqrt(np.mean(np.square(away), axis=0))
        assert np.allclose(part.effect, expected, atol=0.03 * most), part.columns
    assert max(part.importance for part in model.over_folds) > 0.02 * most


@pytest.mark.parametrize(
    "target, more",
    only(
        [("two", {"calibrate": True})],
        [("y", {}), ("two", {"calibrate": True}), ("three", {"calibrate": True})],
    ),
)
def test_folds_that_learn_from_all_rows_are_not_away(target, more, monkeypatch):
    """Of a calibrated network too, whose outputs are on another line than those of its folds."""
    monkeypatch.setattr("wedgefit.learning.path.FINE", Pace(fold_tol=1e-3))
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 60))
    table = with_targets(a, b, np.abs(a) + b + rng.normal(size=60), rng)
    everyone = np.arange(60)
    splits = [(everyone, everyone[k::3]) for k in range(3)]
    dropped = tuple({"w", "two", "three", "y"} - {target})
    options = Options(target=(target,), drop=dropped, cv=splits, order=1, alpha_ratio=0.02, **more)
    model = with_folds(table, options)
    for part, own in zip(model.over_folds, model.importances):
        both = (part.importance, own.importance)
        for off, size in zip(*(v.values() if isinstance(v, dict) else [v] for v in both)):
            assert off < 0.02 * size
        several = isinstance(part.effect, dict)
        assert several == (target == "three")
        most = np.max([*part.effect.values()] if several else part.effect)
        assert most < 0.05 * np.max([*own.importance.values()] if several else own.importance)
    assert len(model.over_folds) == 2
    assert target != "two" or abs(model.problem.calibration.slope - 1) > 0.1


def test_without_folds_nothing_is_said():
    table = rows()
    assert train(table, Options(target=("y",), alpha_ratio=0.2), Silent()).over_folds == ()
    # Where they are run for something else, they say it.
    model = train(table, Options(target=("y",), alpha_ratio=0.2, intervals=True, cv=2), Silent())
    assert len(model.over_folds) == len(model.importances) > 0
    # Neurons of three columns have no effects.
    three = table_of(dict(zip("abcy", np.random.default_rng(0).normal(size=(4, 20)))))
    wide = with_folds(three, Options(target=("y",), order="full", cv=2, alpha_ratio=0.05))
    assert wide.importances == wide.over_folds == ()


def test_the_file_keeps_it(fitted):
    _, _, model, _ = fitted
    assert loads(model.dumps()).over_folds == model.over_folds
    text = next(part for part in model.over_folds if part.levels)
    assert text.levels == next(p for p in model.distributions if p.column == "town").levels


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda parts: parts[:-1], "one for each effect"),
        (lambda parts: [parts[0] | {"importance": -1.0}, *parts[1:]], "importance"),
        (lambda parts: [parts[0] | {"importance": {"y": 1.0}}, *parts[1:]], "a number"),
        (lambda parts: [p | {"effect": p["effect"][1:]} for p in parts], "one for each place"),
        (lambda parts: [p | {"effect": {"y": p["effect"]}} for p in parts], "a list"),
        (lambda parts: [p | {"at": p["at"][::-1]} for p in parts], "rising"),
        (lambda parts: [p | {"levels": p["levels"][::-1]} for p in parts], "levels"),
        (lambda parts: [p | {"at": [], "levels": [], "effect": []} for p in parts], "over_folds"),
    ],
)
def test_a_damaged_file_is_refused(fitted, change, words):
    data = json.loads(fitted[2].dumps())
    data["over_folds"] = change(data["over_folds"])
    with pytest.raises(ModelFileError, match=words):
        loads(json.dumps(data))


def test_only_training_again_checks_it(fitted):
    table, options, model, _ = fitted
    wrong = replace(model.over_folds[0], importance=2 * model.over_folds[0].importance)
    changed = replace(model, over_folds=(wrong, *model.over_folds[1:]))
    found = certify(changed, table)
    assert found["agrees"]
    assert "over_folds" in [part["name"] for part in found["not_checked"]]
    again = certify(changed, table, everything=True)
    assert not again["agrees"]
    assert "over_folds[0].importance" in again["message"]
    assert certify(model, table, everything=True)["agrees"]


def test_folds_learn_their_encoding_once(monkeypatch):
    learnt, original = [], encoding._learnt
    counted = lambda table, *told: learnt.append(table.rows) or original(table, *told)
    monkeypatch.setattr(encoding, "_learnt", counted)
    model = train(rows(), Options(target=("y",), order=1, cv=3), Silent())
    assert model.over_folds
    assert learnt == [45, 30, 30, 30]
