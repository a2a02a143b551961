"""Networks whose neurons read named pairs of columns alone: reference optima, what is refused, and
what a changed file can claim."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import oracles
import pytest
from kinds import table_of
from quick import only
from shell import fails, run

from wedgefit.engine import bound_choice, dictionary, instruments
from wedgefit.errors import WedgefitError
from wedgefit.learning.settings import Options
from wedgefit.model.audit import certify
from wedgefit.model.build import train
from wedgefit.model.file import load
from wedgefit.model.origin import rows_trained_on, sample_trained_on
from wedgefit.watch import Silent


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def columns(rows=9, seed=0):
    """Three columns of numbers, the first with a gap, and one of three towns."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, rows)).round(2)
    town = np.array(["Bonn", "Hof", "Ulm"] * rows, dtype=object)[:rows]
    y = np.maximum(a - b, 0) + np.abs(c) * (town == "Ulm") + 0.3 * rng.normal(size=rows)
    return {"a": a, "b": b, "c": c, "town": town, "y": y}


def gaps(found):
    a = found["a"].copy()
    a[3] = np.nan
    return found | {"a": a}


def optimum(model, table, allowed):
    """The conic solver's optimum over the wedges that read one column of the table, or two that are
    ``allowed``."""
    sample = sample_trained_on(model, rows_trained_on(model, table))
    source = [feature.source for feature in model.encoding.features]
    wedges = []
    for one in oracles.enumerate_wedges(sample.X, [1, 2], 1, model.problem.hidden_bias):
        read = {source[j] for j in one[0]}
        if len(read) == 1 or read in allowed:
            wedges.append(one)
    classes = model.data.classes is not None
    solve = oracles.logistic_lasso_optimum if classes else oracles.lasso_optimum
    K = oracles.hinge_matrix(sample.X, wedges)
    return solve(K, sample.y[:, 0], model.problem.alpha, model.problem.intercept)[0], len(wedges)


@pytest.mark.parametrize(
    "pairs, options",
    [
        (("a:b",), {}),
        (("c:town", "a:b"), {}),
        (("a:town",), {"standardize": False}),
        (("b:a", "a:b", "a:c"), {"intercept": False}),
        (("a:b",), {"bias": False}),
        (("b:c",), {"task": "classification", "drop": ("town",)}),
        (("a:b",), {"solver": "full", "alpha_ratio": 0.3}),
    ],
)
def test_the_optimum_is_that_of_the_wedges_that_are_left(pairs, options):
    # Wedges of levels are alike on the rows, which the conic solver of classes does not bear.
    found = columns(rows=12) if options.get("task") else gaps(columns())
    if options.get("task"):
        found["y"] = np.where(found["y"] > 0.5, "yes", "no").astype(object)
    table = table_of(found)
    model = train(table, Options(pairs=pairs, jobs=1, **{"alpha_ratio": 0.05} | options), Silent())
    allowed = [{*pair.split(":")} for pair in pairs]
    best, wedges = optimum(model, table, allowed)
    assert model.certificate.scope == "exact" and model.certificate.relative_gap <= 1e-6
    assert model.certificate.objective == pytest.approx(best, rel=2e-6)
    assert model.certificate.lower_bound <= best + 1e-8
    assert wedges <= model.certificate.wedges_total
    assert [*map(set, model.problem.pairs)] == [pair for pair in map(set, PAIRS) if pair in allowed]
    for seen in map(read_by(model), model.neurons):
        assert len(seen) == 1 or seen in allowed
    assert certify(model, table, jobs=1).agrees


# In the order of the table, as they are kept.
PAIRS = [*combinations(["a", "b", "c", "town"], 2)]


def read_by(model):
    source = {feature.name: feature.source for feature in model.encoding.features}
    return lambda neuron: {source[name] for name in neuron.columns}


def test_all_pairs_are_no_restriction_and_fewer_are_worse():
    table = table_of(columns(rows=30))

    def fitted(**told):
        return train(table, Options(alpha_ratio=0.02, jobs=1, **told), Silent())

    free, every = fitted(), fitted(pairs=PAIRS)
    assert every.neurons == free.neurons
    assert every.certificate.objective == free.certificate.objective
    held = [
        train(table, Options(alpha=free.problem.alpha, jobs=1, **told), Silent()).certificate
        for told in ({"pairs": PAIRS[:2]}, {"pairs": PAIRS[:1]}, {"order": 1})
    ]
    objectives = [free.certificate.objective, *(one.objective for one in held)]
    assert objectives == sorted(objectives) and objectives[0] < 0.98 * objectives[-1]


@pytest.mark.parametrize("way", only(["increasing"], ["increasing", "convex"]))
def test_pairs_go_with_shapes(way):
    """With all pairs named it is the network of order 2; its neurons read no others."""
    found = {name: values for name, values in columns(rows=25).items() if name != "town"}
    table, told = table_of(found), {"alpha_ratio": 0.02, "jobs": 1, way: ("a",)}
    free = train(table, Options(order=2, **told), Silent())
    every = train(table, Options(pairs=("a:b", "a:c", "b:c"), **told), Silent())
    assert every.certificate.objective == pytest.approx(free.certificate.objective, rel=1e-9)
    some = train(table, Options(pairs=("a:c", "b:c"), **told), Silent())
    assert {*map(len, map(read_by(some), some.neurons))} <= {1, 2}
    assert all({*neuron.columns} != {"a", "b"} for neuron in some.neurons)
    assert some.certificate.scope == "exact" and certify(some, table, jobs=1).agrees


def test_bounds_prove_what_sweeps_do(monkeypatch):
    """Also where a column stands in no pair: its own wedges are priced by themselves."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(130, 4))
    y = np.abs(X[:, 3]) + np.maximum(X[:, 0] - X[:, 1], 0) + 0.2 * rng.normal(size=130)
    table = table_of(dict(zip("abcd", X.T)) | {"y": y})
    options = Options(alpha_ratio=0.05, pairs=("a:b", "b:c"), jobs=1)
    swept = train(table, options, Silent())
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 100)
    monkeypatch.setattr(instruments, "LINES_PER_VISIT", 1e-9)
    bounded = train(table, options, Silent())
    assert bounded.certificate.bounded and not swept.certificate.bounded
    assert bounded.certificate.objective == pytest.approx(swept.certificate.objective, rel=2e-6)
    assert bounded.certificate.lower_bound <= swept.certificate.objective
    assert any(neuron.columns == ["d"] for neuron in bounded.neurons)


def test_a_few_pairs_of_many_columns_are_not_looked_for_among_all(monkeypatch):
    together = np.eye(400, dtype=bool)
    together[3, 399] = together[399, 3] = True
    own = dictionary.Dictionary(np.zeros((5, 400)), (1, 2), 1, True, together)
    monkeypatch.setattr(dictionary, "all_subsets", None)
    assert own.column_sets(2).tolist() == [[3, 399]] and own.sets_of(2) == 1


def test_sets_of_three_have_all_their_pairs():
    together = np.ones((4, 4), dtype=bool)
    together[0, 2] = together[2, 0] = False
    own = dictionary.Dictionary(np.zeros((5, 4)), (1, 2, 3), 1, True, together)
    assert own.column_sets(1).tolist() == [[0], [1], [2], [3]]
    assert own.column_sets(3).tolist() == [[0, 1, 3], [1, 2, 3]]
    assert own.size == 2 * (4 * 5 + 5 * 10 + 2 * 10)


# Folds, words and files ---------------------------------------------------------------------------


def written(found, name="d.csv"):
    """The columns as a CSV file."""
    rows = zip(*(values.tolist() for values in found.values()))
    lines = [",".join("" if cell != cell else str(cell) for cell in row) for row in rows]
    Path(name).write_text("\n".join([",".join(found), *lines]) + "\n")


def test_folds_have_pairs_by_name():
    """Folds see other columns than all rows do: one without the rare level, one where a column is
    constant."""
    found = columns(rows=40)
    found["town"][5] = "Ulm"
    found |= {"still": np.where(np.arange(40) == 3, 1.0, 0.0)}
    table = table_of({name: found[name] for name in ("still", "a", "b", "c", "town", "y")})
    pairs = ("still:a", "c:town", "a:b")
    told = Options(pairs=pairs, cv=3, jobs=1, tol=1e-3, rule="1se")
    model = train(table, told, Silent())
    spelt = [*map(":".join, model.problem.pairs)]
    assert spelt == ["still:a", "a:b", "c:town"] and model.score.cv["r2"].mean > 0.2
    others = [effect.columns for effect in model.importances if len(effect.columns) == 2]
    assert {*map(":".join, others)} <= {*pairs}
    assert certify(model, table, jobs=1, everything=True).agrees


def test_scores_of_folds_are_those_of_whole_fits():
    """A fold that read other pairs would have other scores."""
    found = {name: values for name, values in columns(rows=60, seed=3).items() if name != "town"}
    told = {"alpha": 0.02, "jobs": 1, "pairs": ("a:c",), "tol": 1e-8}
    order = np.arange(60)
    splits = [(order[30:], order[:30]), (order[:30], order[30:])]
    curve = train(table_of(found), Options(**told | {"alpha": None}, cv=splits), Silent()).score
    point = curve.curve[6]
    slow = []
    for learn, new in splits:
        fold, rest = (
            table_of({name: values[rows] for name, values in found.items()})
            for rows in (learn, new)
        )
        own = train(fold, Options(**told | {"alpha": point.alpha}), Silent())
        off = np.array(own.predict(rest)) - found["y"][new]
        slow.append(1 - np.mean(off**2) / np.var(found["y"][new]))
    assert point.scores["r2"].mean == pytest.approx(np.mean(slow), abs=0.02)


def test_reports_say_which_networks_it_is_the_best_of(without_pictures):
    written(columns(rows=40))
    found = run("train", "d.csv", "--alpha-ratio", "0.02", "--pairs", "b:a", "--pairs", "town:c")
    assert "neurons of one column, or one of the pairs a with b, c with town" in found.stdout
    last = " ".join(found.stdout.split())
    assert "hidden neurons read one column, or one of the pairs a with b, c with town: at" in last
    told = run("explain", "--show", "pairs", "--json").stdout
    effects = json.loads(told)["effects"]
    pairs = [{*effect["columns"]} for effect in effects if len(effect["columns"]) == 2]
    assert pairs and all(pair in ({"a", "b"}, {"c", "town"}) for pair in pairs)
    run("report", "d.csv", "-o", "r.html")
    assert "each reading one column, or one of the pairs a with b" in Path("r.html").read_text()
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    assert run("path", "d.csv", "--pairs", "a:b", "--cv", "2", "--tol", "1e-2").stdout


def test_a_pair_of_the_model_can_be_left_out():
    """Without its only pair there are the neurons of one column."""
    found = {name: values for name, values in columns(rows=40).items() if name != "town"}
    written(found)
    run("train", "d.csv", "--alpha-ratio", "0.02", "--pairs", "a:b", "-q")
    (cost,) = json.loads(run("certify", "d.csv", "--without", "a:b", "--json").stdout)["without"]
    alpha = load("wedgefit.json").problem.alpha
    run("train", "d.csv", "--alpha", alpha, "--order", "1", "-o", "one.json", "-q")
    one = load("one.json").certificate.objective
    assert cost["objective"] == pytest.approx(one, rel=1e-6) and cost["at_least"] > 0
    column = json.loads(run("certify", "d.csv", "--without", "a", "--json").stdout)["without"][0]
    assert column["objective"] > load("wedgefit.json").certificate.objective
    words = ("no neuron of this model may read both", 'Its pairs are "a:b"')
    fails("certify", "d.csv", "--without", "a:c", code=2, words=words)


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        (("--pairs", "a:x"), 1, ('there is no column "x"', '"town"')),
        (("--pairs", "a:toun"), 1, ('Did you mean "town"?',)),
        (("--pairs", "a"), 2, ("'a' is not two columns like A:B",)),
        (("--pairs", ""), 2, ("'' is not two columns like A:B",)),
        (("--pairs", "a:"), 1, ('there is no column ""',)),
        (("--pairs", "a:b:c"), 1, ('"a:b:c" is no pair of columns', '"town"')),
        (("--pairs", "a:a"), 2, ('"a" and itself are no pair',)),
        (("--pairs", "a:y"), 1, ("for columns that the network reads",)),
        (("--pairs", "a:b", "--drop", "b"), 1, ('the network reads, and "b" is none',)),
        (("--pairs", "a:b", "--weight", "c", "--pairs", "a:c"), 1, ('and "c" is none',)),
        (
            ("--pairs", "a:b", "--order", "1"),
            2,
            ("for neurons of two columns, and --order 1 has none",),
        ),
        (("--pairs", "a:b", "--order", "3"), 2, ("read one column or two", "Try --order 2")),
        (("--pairs", "a:b", "--order", "full"), 2, ("read one column or two",)),
        (("--pairs", "a:b", "--norm", "2"), 2, ("--pairs is for --norm 1",)),
        (("--pairs", "a:b", "--layers", "3"), 2, ("--pairs is for one hidden layer",)),
        (("--pairs", "a:b", "--layers", "auto"), 2, ("--pairs is for one hidden layer",)),
    ],
)
def test_what_is_no_pair_is_refused(told, code, words):
    written(columns(rows=20))
    fails("train", "d.csv", "--target", "y", *told, code=code, words=words)


def test_names_with_colons_are_what_they_can_be():
    found = columns(rows=20)
    names = {"a": "a", "b": "b", "c": "a:b", "town": "b:c", "y": "y"}
    written({names[name]: values for name, values in found.items()})

    def pairs(*told):
        told = [part for pair in told for part in ("--pairs", pair)]
        run("train", "d.csv", "--alpha-ratio", "0.1", "-q", *told)
        return load("wedgefit.json").problem.pairs

    assert pairs("a:b") == (("a", "b"),)
    assert pairs("a:b:a") == (("a", "a:b"),)
    assert pairs("a:b:b:c", "b:a:b") == (("b", "a:b"), ("a:b", "b:c"))
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    written({name: found[key] for key, name in zip("abc", ("a", "a:b", "b:c"))} | {
        "c": found["a"] ** 2, "y": found["y"]})  # fmt: skip
    words = ('"a" and "b:c", or "a:b" and "c"', "The other way round", '"b:c:a"', '"c:a:b"')
    fails("train", "d.csv", "--pairs", "a:b:c", code=2, words=words)
    assert pairs("c:a:b") == (("a:b", "c"),)


def test_a_pair_whose_column_says_nothing_is_no_pair_left():
    """A constant column has no feature: what is left are neurons of one column."""
    found = {name: values for name, values in columns(rows=20).items() if name != "town"}
    written({"still": np.ones(20)} | found)
    report = json.loads(
        run("train", "d.csv", "--alpha", "0.02", "--json", "--pairs", "still:a").stdout
    )
    run("train", "d.csv", "--alpha", "0.02", "--order", "1", "-o", "one.json", "-q")
    one = load("one.json").certificate
    assert report["certificate"]["objective"] == pytest.approx(one.objective, rel=1e-9)
    assert report["certificate"]["wedges_total"] == one.wedges_total
    assert "The stored figures hold." in run("certify", "d.csv").stdout


def test_changed_files_are_refused():
    written(columns(rows=30))
    told = ("--pairs", "a:b", "--pairs", "c:town", "--pairs", "b:c")
    run("train", "d.csv", "--alpha-ratio", "0.05", "-q", *told)
    honest = Path("wedgefit.json").read_text()

    def both(model, pairs):
        model["problem"]["pairs"] = pairs
        model["options"]["pairs"] = pairs

    def more(model):
        model["problem"]["pairs"].append(["a", "c"])

    def unclaimed(model):
        model["problem"]["pairs"] = None

    def untold(model):
        both(model, None)
        model["options"]["pairs"] = []

    def another(model):
        both(model, [["a", "b"], ["b", "c"], ["a", "c"], ["c", "town"]])

    def fewer(model):
        """One that no neuron reads."""
        used = [{*neuron["columns"]} for neuron in model["neurons"]]
        assert {"b", "c"} not in used
        both(model, [["a", "b"], ["c", "town"]])

    def none(model):
        both(model, [])

    def unknown(model):
        both(model, [["a", "b"], ["c", "town"], ["b", "x"]])

    def itself(model):
        both(model, [["a", "b"], ["c", "town"], ["b", "b"]])

    def twice(model):
        both(model, [["a", "b"], ["c", "town"], ["b", "a"]])

    for change, words in (
        (more, "problem.pairs"), (unclaimed, "problem.pairs"), (untold, "wedges_total"),
        (another, "wedges_total"), (fewer, "wedges_total"), (none, "one of problem.pairs"),
        (unknown, "columns that the model has"), (itself, "two different columns"),
        (twice, "of distinct pairs"),
    ):  # fmt: skip
        model = json.loads(honest)
        change(model)
        Path("wedgefit.json").write_text(json.dumps(model))
        found = run("certify", "d.csv", code=1)
        assert words in found.stdout + found.stderr, (change.__name__, found.stdout, found.stderr)


def test_options_of_python_are_names_or_places():
    table = table_of(columns(rows=20))

    def pairs(*told):
        return train(table, Options(alpha_ratio=0.2, pairs=told, jobs=1), Silent()).problem.pairs

    assert pairs(("b", "a"), (2, "town"), [0, 1]) == (("a", "b"), ("c", "town"))
    for told, words in (((0, 4), "column 4 .from 0., and there are 4"), (("a", "q"), '"q"')):
        with pytest.raises(WedgefitError, match=words):
            pairs(told)
    for told in (("a",), ("a", "b", "c"), (0, -1), (0, True), 3):
        with pytest.raises(WedgefitError, match="--pairs is .* two columns like A:B"):
            pairs(told)
