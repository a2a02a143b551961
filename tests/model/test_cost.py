"""What it costs to leave something out: the proven interval holds the truth of a conic solver, over
all wedges written out."""

from dataclasses import replace

import numpy as np
import pytest
from as_json import certify
from kinds import table_of
from oracles import enumerate_wedges, hinge_matrix, lasso_optimum, logistic_lasso_optimum
from quick import only
from shell import fails, run, strict

from wedgefit.engine.certificate import Certificate
from wedgefit.errors import UsageError
from wedgefit.learning.learn import Learner
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.cost import costs
from wedgefit.model.left_out import parts_named
from wedgefit.model.origin import learner_of, rows_trained_on, sample_trained_on
from wedgefit.views.tables.proof import _of_folds
from wedgefit.watch import Silent

# Beyond the gap of 1e-6 only the rounding of a conic solver.
SLACK = 1e-8


def data(seed, rows=9, classes=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)).round(2)
    y = np.abs(X[:, 0]) + np.maximum(X[:, 0] - X[:, 1], 0) + 0.3 * rng.normal(size=rows)
    columns = dict(zip("abc", X.T))
    if classes:
        y = np.where(y > np.median(y), "yes", "no").astype(object)
    return table_of(columns | {"w": rng.integers(1, 4, rows).astype(float), "y": y})


def fitted(table, **options):
    given = {"alpha_ratio": 0.1, "drop": ("w",), "target": ("y",)}
    return train(table, Options(**given | options), Silent())


def found(model, table, *names):
    certificate = Certificate(**certify(model, table)["certificate"])
    return costs(model, table, certificate, parts_named(model, names), Silent(), 1)


def optimum(model, table, allowed):
    """The conic solver's optimum over the wedges that may read these sets of columns."""
    sample = sample_trained_on(model, rows_trained_on(model, table))
    problem, X = model.problem, sample.X
    orders = list(range(1, problem.order + 1))
    wedges = [w for w in enumerate_wedges(X, orders, 1, problem.hidden_bias) if allowed({*w[0]})]
    weights = sample.weights
    weights = None if weights is None else weights / weights.sum()
    solve = lasso_optimum if problem.loss == "squared" else logistic_lasso_optimum
    return solve(
        hinge_matrix(X, wedges) if wedges else np.zeros((len(X), 1)),
        sample.y[:, 0], problem.alpha, problem.intercept, weights,
    )[0]  # fmt: skip


WITHOUT = {
    "a": lambda read: 0 not in read,
    "c": lambda read: 2 not in read,
    "a:b": lambda read: not {0, 1} <= read,
    "order=2": lambda read: len(read) < 2,
}


@pytest.mark.parametrize(
    "seed, options",
    [(0, {})]
    + [pytest.param(seed, {}, marks=pytest.mark.slow) for seed in (1, 2, 3, 4, 5)]
    + [
        (6, {"weight": "w", "drop": ()}),
        pytest.param(7, {"weight": "w", "drop": ()}, marks=pytest.mark.slow),
        (8, {"intercept": False}),
        (9, {"bias": False}),
        pytest.param(10, {"order": 3}, marks=pytest.mark.slow),
        pytest.param(11, {"alpha_ratio": 0.5}, marks=pytest.mark.slow),
    ],
)
def test_the_interval_holds_the_truth_of_a_conic_solver(seed, options):
    bracketed(seed, options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 58))
def test_the_interval_on_more_problems(seed):
    """With those above fifty."""
    bracketed(seed, {"alpha_ratio": 10 ** -(0.3 + seed % 5 / 4)})


def bracketed(seed, options):
    table = data(seed)
    model = fitted(table, **options)
    whole = optimum(model, table, lambda read: True)
    for cost in found(model, table, *WITHOUT):
        truth = optimum(model, table, WITHOUT[cost.without]) - whole
        assert cost.at_least - SLACK <= truth <= cost.at_most + SLACK, cost
        # As narrow as the gaps on both sides.
        assert cost.at_most - cost.at_least <= 3e-6 * cost.objective
        assert cost.scope == "exact"


@pytest.mark.parametrize("seed", only([0], [0, 1]))
def test_classes_too(seed):
    table = data(seed, rows=12, classes=True)
    model = fitted(table)
    whole = optimum(model, table, lambda read: True)
    for cost in found(model, table, "a", "a:b"):
        truth = optimum(model, table, WITHOUT[cost.without]) - whole
        assert cost.at_least - 1e-7 <= truth <= cost.at_most + 1e-7, cost


def test_the_other_question_is_about_rows_held_out():
    """What decides is missed there, and noise is not; fold by fold, in the same folds."""
    rng = np.random.default_rng(0)
    a, noise = rng.normal(size=(2, 80))
    table = table_of({"a": a, "noise": noise, "y": np.abs(a) + 0.1 * rng.normal(size=80)})
    model = fitted(table, drop=(), order=1)
    signal, nothing = found(model, table, "a", "noise")
    assert signal.held_out.mean > 3 * signal.held_out.se > 0
    assert abs(nothing.held_out.mean) < 0.01 * signal.held_out.mean
    sample = sample_trained_on(model, rows_trained_on(model, table))
    settings = learner_of(model, sample, 1).settings
    losses = []
    for X in (sample.X, sample.X[:, 1:].copy()):
        learner = Learner(replace(sample, X=X), settings, lambda _: None)
        curve = learner.cross_validated(lambda *_: None, 2, alpha=model.problem.alpha)
        losses.append(np.array([fold.loss for fold in curve.folds[0]]))
    differences = losses[1] - losses[0]
    assert signal.held_out.mean == pytest.approx(differences.mean())
    assert signal.held_out.se == pytest.approx(differences.std(ddof=1) / np.sqrt(5))
    assert signal.folds == 5


@pytest.mark.parametrize("folds, rough", [(2, True), (4, True), (5, False)])
def test_of_few_folds_the_error_is_called_rough(folds, rough):
    words = _of_folds(folds)
    assert f"the mean of {folds} folds ± its standard error" in words
    assert ("only roughly" in words) == rough


def test_groups_are_not_split_by_guess():
    columns = {name: column.values for name, column in data(0, rows=30).columns.items()}
    table = table_of(columns | {"g": np.arange(30.0) // 6})
    model = fitted(table, order=1, group="g", drop=("w",))
    (cost,) = found(model, table, "a")
    assert cost.held_out is None and cost.at_least is not None


def test_times_are_not_shuffled():
    """Nor is the loss on rows told that later ones have taught."""
    columns = {name: column.values for name, column in data(0, rows=40).columns.items()}
    table = table_of(columns | {"day": np.arange(40.0)})
    model = fitted(table, order=1, time="day", target=("y",))
    (cost,) = found(model, table, "a")
    assert cost.held_out is None and cost.at_least is not None


def test_the_only_column_leaves_a_constant():
    table = data(0)
    model = fitted(table, keep=("a",), drop=())
    (cost,) = found(model, table, "a")
    y = table.columns["y"].values
    assert cost.objective == pytest.approx(np.var(y) / 2) and cost.neurons == 0
    assert cost.at_least == pytest.approx(np.var(y) / 2 - model.certificate.objective)


def test_a_text_column_goes_with_all_its_levels():
    table = data(0, rows=30)
    town = np.array(["x", "y", "z"] * 10, dtype=object)
    shifted = table.columns["y"].values + (town == "z") * 2
    columns = {name: table.columns[name].values for name in "ab"}
    table = table_of(columns | {"town": town, "y": shifted})
    model = fitted(table, drop=())
    (cost,) = found(model, table, "town")
    other = fitted(table, drop=("town",), alpha_ratio=None, alpha=model.problem.alpha)
    assert cost.objective == pytest.approx(other.certificate.objective, rel=1e-5)


def test_several_classes_add_up():
    table = data(3, rows=24)
    y = np.digitize(table.columns["y"].values, [0.7, 1.6])
    columns = {name: table.columns[name].values for name in "abc"}
    table = table_of(columns | {"y": np.array(["p", "q", "r"], dtype=object)[y]})
    model = fitted(table, order=1, drop=())
    (cost,) = found(model, table, "a")
    other = fitted(table, order=1, drop=("a",), alpha_ratio=None, alpha=model.problem.alpha)
    assert cost.objective == pytest.approx(other.certificate.objective, rel=1e-5)
    assert cost.at_least > 0


def test_what_is_not_proven_is_not_said():
    table = data(1, rows=20)
    model = fitted(table)
    certificate = Certificate(**certify(model, table)["certificate"])
    sampled = replace(certificate, scope="sampled")
    (cost,) = costs(model, table, sampled, parts_named(model, ["a"]), Silent(), 1)
    assert cost.at_most is None and cost.at_least is not None
    wide = fitted(table, norm=2)
    (cost,) = found(wide, table, "c")
    # In two columns networks of norm 2 are bounded, in three the whole is by patches.
    assert cost.at_least is None or cost.at_least <= cost.objective


def test_what_there_is_not():
    model = fitted(data(0))
    for name in ("d", "a:d", "a:a", "order=1", "order=3", "order=x"):
        with pytest.raises(UsageError, match="--without"):
            parts_named(model, [name])
    with pytest.raises(UsageError, match="norm 1"):
        parts_named(fitted(data(0), norm=2, order=2), ["a:b"])


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{k % 7},{k % 5},{abs(k % 7 - 3) + k % 5}" for k in range(35)]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,y", *lines]))
    run("train", "d.csv", "--alpha-ratio", "0.1", "-q")
    record = strict(run("certify", "d.csv", "--without", "a", "--without", "a:b", "--json").stdout)
    assert [cost["without"] for cost in record["without"]] == ["a", "a:b"]
    assert 0 < record["without"][0]["at_least"] <= record["without"][0]["at_most"]
    text = run("certify", "d.csv", "--without", "a").stdout
    assert (
        "costs at least" in text and "held-out loss" in text and "The stored figures hold." in text
    )
    assert "without" not in strict(run("certify", "d.csv", "--json").stdout)
    twice = [word for name in ("a", "b", "a", "a:b", "b:a") for word in ("--without", name)]
    record = strict(run("certify", "d.csv", *twice, "--json").stdout)
    assert [cost["without"] for cost in record["without"]] == ["a", "b", "a:b"]
    fails("certify", "d.csv", "--without", "q", code=2, words=["no such column"])


def named_oddly(**options):
    values = data(0).columns
    columns = {name: values[k].values for name, k in (("a", "a"), ("b", "b"), ("a:b", "c"))}
    columns["order=2"], columns["y"] = np.cos(values["a"].values), values["y"].values
    return fitted(table_of(columns), drop=(), **options)


def test_a_name_that_means_two_things_is_not_taken_for_one_of_them():
    model = named_oddly()
    for name, ways in (
        ("a:b", ('"column=a:b" is the column "a:b"', '"b:a" is the pair of "a" and "b"')),
        ("order=2", ('"column=order=2" is the column "order=2"', '"order=02" is all neurons')),
    ):
        with pytest.raises(UsageError, match="that may be the column .*, or") as caught:
            parts_named(model, [name])
        assert all(way in caught.value.remedy for way in ways)
    meant = {
        "column=a:b": (("a:b",), None),
        "b:a": (("b", "a"), None),
        "pair=a:b": (("a", "b"), None),
        "a:a:b": (("a", "a:b"), None),
        "column=a": (("a",), None),
        "column=order=2": (("order=2",), None),
        "order=02": ((), 2),
    }
    for name, (columns, order) in meant.items():
        (part,) = parts_named(model, [name])
        assert (part.columns, part.order) == (columns, order)
    # Where it can only be one of them nobody is asked.
    (part,) = parts_named(named_oddly(norm=2, order=2), ["a:b"])
    assert part.columns == ("a:b",)
    for name in ("order=²", "order=" + "9" * 5000):
        with pytest.raises(UsageError, match="no such column"):
            parts_named(model, [name])


def test_pairs_that_are_written_alike_are_told_apart():
    values = data(0).columns
    names = {"a": "a", "b": "b", "a:b": "c", "b:a": "w"}
    columns = {name: values[k].values for name, k in names.items()}
    model = fitted(table_of(columns | {"y": values["y"].values}), drop=())
    with pytest.raises(UsageError) as caught:
        parts_named(model, ["a:b:a"])
    assert '"b:a:a" is the pair of "a" and "b:a"' in caught.value.remedy
    assert '"a:a:b" is the pair of "a:b" and "a"' in caught.value.remedy


def test_an_order_that_cannot_be_left_out_is_answered_by_what_can():
    table = data(0)
    for told, words in (
        ({"order": 1}, "at most 1 column, by norm 1. It has no order to leave out"),
        ({"order": 2}, "at most 2 columns, by norm 1. Try order=2"),
        ({"norm": 2, "order": 2}, "by norm 2. It has no order to leave out"),
    ):
        with pytest.raises(UsageError, match=words):
            parts_named(fitted(table, **told), ["order=3"])
