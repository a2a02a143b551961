"""The best so many pairs of columns: what is chosen, by which rows, and what a file may claim of
it."""

from dataclasses import replace

import numpy as np
import pytest
from kinds import table_of
from quick import only

from wedgefit.data.encoding import fit_encoding
from wedgefit.errors import WedgefitError
from wedgefit.learning import learn
from wedgefit.learning.best_pairs import strengths
from wedgefit.learning.learn import Learner
from wedgefit.learning.settings import Options, Settings
from wedgefit.model.audit import certify
from wedgefit.model.build import train
from wedgefit.watch import Silent


def columns(rows=60, seed=0, columns=5):
    """Numbers of which the first two act together, and the fourth by itself."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns)).round(2)
    y = 2 * np.maximum(X[:, 0] - X[:, 1], 0) + np.abs(X[:, 3]) + 0.2 * rng.normal(size=rows)
    return dict(zip("abcdefgh", X.T)) | {"y": y}


def fitted(found, **told):
    return train(table_of(found), Options(**{"alpha_ratio": 0.05, "jobs": 1} | told), Silent())


def test_none_are_the_networks_of_order_1(few_alphas):
    told = {"alpha_ratio": None, "cv": 3, "tol": 1e-4}
    none, one = fitted(columns(), max_pairs=0, **told), fitted(columns(), order=1, **told)
    assert none.problem.pairs == () and none.neurons == one.neurons
    assert none.certificate == one.certificate and none.score == one.score


def test_as_many_as_there_are_are_all():
    free, every = fitted(columns(columns=4)), fitted(columns(columns=4), max_pairs=6)
    assert len(every.problem.pairs) == 6 and every.neurons == free.neurons


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"loss": "huber"},
        pytest.param({"loss": "quantile", "quantile": (0.3, 0.7)}, marks=pytest.mark.slow),
        {"increasing": ("a",)},
        pytest.param({"bias": False}, marks=pytest.mark.slow),
        pytest.param({"intercept": False}, marks=pytest.mark.slow),
        {"solver": "full", "alpha_ratio": 0.3},
        pytest.param({"refit": True}, marks=pytest.mark.slow),
        {"weight": "e"},
    ],
)
def test_the_pair_that_acts_is_chosen(told):
    found = columns(rows=25 if "solver" in told else 60)
    found["e"] = np.abs(found["e"]) + 0.5
    model = fitted(found, max_pairs=1, tol=1e-4, **told)
    assert model.problem.pairs == (("a", "b"),) and model.certificate.scope == "exact"
    assert {("a", "b")} == {(*n.columns,) for n in model.neurons if len(n.columns) == 2}
    named = fitted(found, pairs=("a:b",), tol=1e-4, **told)
    assert named.neurons == model.neurons and named.certificate == model.certificate
    assert certify(model, table_of(found), jobs=1).agrees


@pytest.mark.parametrize("loss", only(["softmax"], ["logistic", "softmax"]))
def test_classes_choose_together(loss):
    found = columns(rows=90)
    cuts = np.quantile(found["y"], [0.4, 0.7])
    found["y"] = np.array(["low", "mid", "high"], dtype=object)[np.digitize(found["y"], cuts)]
    model = fitted(found, max_pairs=1, loss=loss, tol=1e-3)
    assert model.problem.pairs == (("a", "b"),)
    assert certify(model, table_of(found), jobs=1).agrees


def test_a_column_of_text_acts_with_all_its_levels():
    found = columns(rows=90)
    town = np.array(["Bonn", "Hof", "Ulm"] * 30, dtype=object)
    y = found["c"] * (2.0 * (town == "Ulm") - (town == "Hof"))
    found = {"town": town} | found | {"y": y + 0.1 * np.random.default_rng(2).normal(size=90)}
    model = fitted(found, max_pairs=1)
    assert model.problem.pairs == (("town", "c"),)


def test_the_best_are_of_those_that_are_named():
    model = fitted(columns(), max_pairs=1, pairs=("a:c", "b:d", "c:e"))
    (pair,) = model.problem.pairs
    assert pair in {("a", "c"), ("b", "d"), ("c", "e")}
    assert model.options["pairs"] == (("a", "c"), ("b", "d"), ("c", "e"))
    assert certify(model, table_of(columns()), jobs=1, everything=True).agrees


def test_folds_choose_by_their_own_rows(monkeypatch):
    """What a fold holds out has no say in its pairs."""
    seen, found = [], columns(rows=60)

    def spy(sample, *args):
        seen.append({*sample.y[:, 0].tolist()})
        return (("a", "c"),) if len(seen) > 1 else (("a", "b"),)

    monkeypatch.setattr(learn, "best_pairs", spy)
    splits = [(np.arange(20, 60), np.arange(20)), (np.arange(40), np.arange(40, 60))]
    model = fitted(found, max_pairs=1, alpha_ratio=None, cv=splits, tol=1e-3)
    assert model.problem.pairs == (("a", "b"),)
    every, *folds = seen
    assert every == {*found["y"]}
    assert folds == [{*found["y"][rows]} for rows, _ in splits]


def test_training_again_chooses_the_same(few_alphas):
    found = columns()
    model = fitted(found, max_pairs=2, alpha_ratio=None, cv=3, tol=1e-4)
    again = certify(model, table_of(found), jobs=1, everything=True)
    assert again.agrees and "problem.pairs" not in {part.name for part in again.not_checked}
    assert len(model.problem.pairs) == 2 and ("a", "b") in model.problem.pairs


def test_files_claim_no_more_than_they_may():
    found = columns()
    model, table = fitted(found, max_pairs=1), table_of(found)
    plain = certify(model, table, jobs=1)
    assert plain.agrees and "problem.pairs" in {part.name for part in plain.not_checked}
    for pairs, options in (
        ((("a", "b"), ("a", "c")), {}),
        (None, {}),
        ((("a", "b"),), {"pairs": (("a", "c"),)}),
        ((("a", "b"),), {"max_pairs": "one"}),
    ):
        problem = replace(model.problem, pairs=pairs)
        changed = replace(model, problem=problem, options=model.options | options)
        wrong = {check.name for check in certify(changed, table, jobs=1).checks if not check.agrees}
        assert "problem.pairs" in wrong
    other = fitted(found, pairs=("a:c",))
    told = {"pairs": (), "max_pairs": 1}
    assert certify(replace(other, options=other.options | told), table, jobs=1).agrees
    again = certify(replace(other, options=other.options | told), table, jobs=1, everything=True)
    assert not again.agrees
    assert any(check.name.startswith("problem.pairs") for check in again.checks if not check.agrees)


def test_a_row_that_counts_twice_has_two_votes():
    found = columns(rows=40, seed=4)
    twice = {name: np.repeat(values, 2) for name, values in found.items()}
    weighed = found | {"w": np.full(40, 2.0)}
    weighed["w"][:20] = 1.0
    thrice = {name: np.concatenate([v[:20], np.repeat(v[20:], 2)]) for name, v in found.items()}
    told = {"max_pairs": 2, "certificate": "exact"}
    pairs = fitted(found, **told).problem.pairs
    assert fitted(twice, **told).problem.pairs == pairs
    own = fitted(weighed, weight="w", **told).problem.pairs
    assert own == fitted(thrice, **told).problem.pairs


def test_strengths_are_those_of_centred_effects():
    """Loop by loop; a part that one column has by itself counts for nothing."""
    found = columns(rows=30) | {"town": np.array(["Bonn", "Hof", "Ulm"] * 10, dtype=object)}
    _, design = fit_encoding(table_of(found), Options(target=("y",)))
    settings = Settings(alpha_ratio=0.01, order=2, jobs=1, tol=1e-3)
    fit = Learner(design, settings, print).learn(lambda *_: None).fits[0]
    acting = strengths(design, [fit])
    rows = np.minimum(np.searchsorted(np.arange(1, 31), (np.arange(100) + 0.5) * 0.3), 29)
    assert {*rows} == {*range(30)}
    for (one, other), strength in acting.items():
        effect = np.zeros((100, 100))
        for normal, offset, z in zip(fit.wedges.normals, fit.wedges.offsets, fit.coefficients):
            read = {*design.sources[normal != 0]}
            if read == {one, other}:
                first, second = (
                    np.where(design.sources == name, normal, 0) for name in (one, other)
                )
                for i, row in enumerate(rows):
                    heights = design.X[row] @ first + design.X[rows] @ second + offset
                    effect[i] += z[0] * np.maximum(heights, 0)
        effect -= effect.mean(axis=0, keepdims=True)
        effect -= effect.mean(axis=1, keepdims=True)
        assert strength == pytest.approx(effect.std(), rel=1e-9)
    assert any("town" in pair for pair in acting) and len(acting) > 3
    alone = replace(fit, coefficients=np.zeros_like(fit.coefficients))
    assert {*strengths(design, [alone]).values()} == {0.0}


def test_folds_without_a_signal_have_constants():
    """A fold in which the target does not vary has no pair to choose."""
    found = columns(rows=40)
    found["y"] = np.where(np.arange(40) < 20, found["y"], 1.0)
    splits = [(np.arange(20, 40), np.arange(20)), (np.arange(20), np.arange(20, 40))]
    model = fitted(found, max_pairs=1, alpha_ratio=None, cv=splits, tol=1e-3)
    assert len(model.problem.pairs) == 1


def test_one_column_has_no_pair_and_time_may_be_short():
    found = columns()
    assert fitted({"a": found["a"], "y": found["y"]}, max_pairs=3).problem.pairs == ()
    assert len(fitted(found, max_pairs=2, max_seconds=1e-3).problem.pairs) <= 2


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"order": 1}, "--max-pairs is for neurons of two columns, and --order 1 has none"),
        ({"order": 3}, "--max-pairs is for neurons that read one column or two"),
        ({"norm": 2}, "--max-pairs is for --norm 1"),
        ({"layers": 3}, "--max-pairs is for one hidden layer"),
        ({"max_pairs": -1}, "--max-pairs is -1; expected a whole number from 0 up"),
    ],
)
def test_what_has_no_pairs_is_refused(told, words):
    with pytest.raises(WedgefitError, match=words):
        fitted(columns(), **{"max_pairs": 1} | told)
