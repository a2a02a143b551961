"""Deep networks from the command line to the file and back: every layer's certificate, and what
trips it."""

import copy
import json
import tempfile
from collections import defaultdict
from contextlib import chdir
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import oracles
import pytest
from as_json import certify
from click.testing import CliRunner
from kinds import with_targets
from quick import only
from stages import stages_of

from wedgefit import WedgeClassifier, WedgeFeatures, WedgeRegressor
from wedgefit.cli import main
from wedgefit.data.cells import Column
from wedgefit.data.sample import Sample
from wedgefit.data.table import read_table
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.layers import composed, orders_in_stage
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.errors import CertificateError, ModelFileError, UsageError, WedgefitError
from wedgefit.learning.curve import Curve, HeldOut
from wedgefit.learning.learn import Learner, Settings
from wedgefit.model.build import Options, train
from wedgefit.model.figures import networks_of
from wedgefit.model.file import loads
from wedgefit.model.parts import unit_name
from wedgefit.views.explain import explain
from wedgefit.watch import Deadline, Silent

SPIRAL = Path(__file__).parents[2] / "sample_data" / "spiral.csv"
EXACT = [
    "--order",
    "2",
    "--norm",
    "1",
    "--alpha-ratio",
    "0.01",
    "--no-standardize",
    "--certificate",
    "exact",
    "--loss",
    "squared",
]


def run(*args, code=0):
    done = CliRunner().invoke(main, list(map(str, args)))
    assert done.exit_code == code, done.output
    return done


@cache
def table(rows=40):
    """A product of two columns and a kink: one hidden layer of order 1 cannot make it, and a second
    one helps."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=rows), rng.uniform(2, 6, size=rows)
    value = a * (b - 4) + np.abs(a) + 0.1 * rng.normal(size=rows)
    return with_targets(a, b, value, rng)


KINDS = {
    "numbers": {},
    "norm 2": {"norm": 2},
    "refined": {"norm": 2, "refine": True, "alpha_ratio": 0.05},
    "no hidden bias": {"bias": False},
    "no intercept": {"intercept": False, "alpha_ratio": 0.01},
    "orders": {"order": (2, 1)},
    "refitted": {"refit": True},
    "sampled": {"certificate": "sampled"},
    "weights": {"weight": "w"},
    "two classes": {"target": ("two",)},
    "three classes": {"target": ("three",), "class_weight": "balanced"},
}  # fmt: skip
QUICK = KINDS.keys() - {"refined", "no hidden bias", "no intercept"}


def fitted(layers=4, **options):
    usual = {"alpha_ratio": 0.1, "jobs": 1, "keep": ("a", "b"), "target": ("y",), "layers": layers}
    return train(table(), Options(**usual | options), Silent())


@cache
def trained(kind):
    return fitted(**KINDS[kind])


@cache
def text(kind):
    return trained(kind).dumps()


def wrong(data):
    """The names of the checks that the model's JSON does not pass, or the refusal."""
    try:
        found = certify(loads(json.dumps(data)), table(), jobs=1)
    except WedgefitError as refusal:
        return {str(refusal)}
    names = [check["name"] for check in found["checks"]]
    assert len(set(names)) == len(names), "two figures by one name cannot be told apart"
    return {check["name"] for check in found["checks"] if not check["agrees"]}


# Spirals: the figures that the project promises ---------------------------------------------------


@cache
def spirals(layers):
    return run("train", SPIRAL, "--layers", layers, *EXACT, "-q", "-o", "-").stdout


def check_spirals(layers, objectives):
    """Objectives, exact gaps at every stage, and the accuracy on the training rows."""
    model = loads(spirals(layers))
    stages, data = model.stages, read_table(SPIRAL)
    assert [stage.layer for stage in stages] == list(range(1, layers)) and model.depth == layers - 1
    assert np.all([stage.certificate.objective for stage in stages] <= np.array(objectives))
    assert all(
        stage.certificate.scope == "exact" and stage.certificate.relative_gap <= 1e-6
        for stage in stages
    )
    assert model.certificate.objective == stages[-1].certificate.objective
    accuracy = np.mean(np.array(model.predict(data)) == data.columns["label"].values)
    assert accuracy == model.score.train["accuracy"] == (1 if layers > 2 else 0.75)


def test_two_layers_of_spirals():
    check_spirals(2, [0.4185])


@pytest.mark.slow
def test_three_layers_of_spirals():
    """Its quick twin, of the engine alone, is in engine/test_deep.py."""
    check_spirals(3, [0.4185, 0.2952])


@pytest.mark.slow
def test_five_layers_of_spirals_and_every_changed_weight(tmp_path):
    """certify takes the model as it is, and not after one weight of any layer, or a bias or
    coefficient, is 0.001 off."""
    check_spirals(5, [0.4185, 0.2952, 0.2635, 0.2485])
    file = tmp_path / "m.json"
    file.write_text(spirals(5))
    assert "The stored figures hold." in run("certify", file, SPIRAL).stdout
    for layer in range(1, 5):
        for change in CHANGES:
            data = json.loads(spirals(5))
            if change(next(neuron for neuron in data["neurons"] if neuron["layer"] == layer)):
                file.write_text(json.dumps(data))
                assert "do not hold" in run("certify", file, SPIRAL, code=1).stderr


# What is stored -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", only(QUICK, KINDS))
def test_the_file_is_the_network(kind):
    """Saved, loaded and saved again; predictions to the bit, also those of the deep network walked
    through by loops."""
    model, fresh = loads(text(kind)), trained(kind)
    assert model.dumps() == text(kind) and model.depth == 3 == model.problem.layers - 1
    assert fresh.scores(table()).tobytes() == model.scores(table()).tobytes()
    X = model.encoding.transform(table())
    slowly = np.array([oracles.network_forward(model.network.layers, row) for row in X])
    np.testing.assert_allclose(model.scores(table()), slowly, atol=1e-9)


def test_the_same_input_gives_the_same_bytes():
    assert fitted(**KINDS["numbers"]).dumps() == text("numbers")


@pytest.mark.parametrize("order, norm", only([(2, 1), ((2, 1), 1)], [(2, 1), ((2, 1), 1), (2, 2)]))
def test_it_is_the_deep_fit_of_the_stages(order, norm):
    """Beside the array-level engine: the same objectives, and the same function on rows that nobody
    trained on."""
    model = fitted(order=order, norm=norm)
    X = model.encoding.transform(table())
    y = model.encoding.target_values(table())
    pricers = [
        lambda A, stage=stage: Pricer(
            Dictionary(A, orders_in_stage(order, norm, A.shape[1], stage), norm, True)
        )
        for stage in (1, 2, 3)
    ]
    stages = stages_of(Problem(y, model.problem.alpha), X, pricers, tol=1e-6)
    assert [stage.certificate.objective for stage in model.stages] == pytest.approx(
        [stage.solution.certificate.objective for stage in stages], rel=1e-12
    )
    assert model.problem.order == ((2, 1, 1) if order == (2, 1) else order)
    new = np.random.default_rng(1).normal(size=(30, 2))
    np.testing.assert_allclose(model.network.forward(X), stages[-1].fit.output, atol=1e-9)
    # Linear neurons of the last layer are turned to rise, which the rows do not tell apart; new
    # rows beyond them may.
    inside = np.abs(new).max(axis=1) < 1
    assert inside.sum() > 5
    np.testing.assert_allclose(
        model.network.forward(new[inside]), composed(stages).predict(new[inside]), atol=1e-9
    )


@pytest.mark.parametrize("kind", only(QUICK, KINDS))
def test_the_record(kind):
    """Layers below hold their stage's solution and the other faces that are read; shares of every
    layer add up to one."""
    model = loads(text(kind))
    for layer in (1, 2, 3):
        neurons = model.layer(layer)
        assert sum(neuron.share for neuron in neurons) == pytest.approx(1, rel=1e-9)
        assert [neuron.share for neuron in neurons] == sorted(
            (neuron.share for neuron in neurons), reverse=True
        )
        assert all((neuron.coefficient is not None) == (layer == 3) for neuron in neurons)
        read = {name for neuron in model.layer(layer + 1) for name in neuron.columns}
        own = [stage for stage in model.stages if stage.layer == layer]
        in_solution = {name for stage in own for name in stage.coefficients or ()}
        assert (layer == 3 and kind != "refitted") == all(
            stage.coefficients is None for stage in own
        )
        if layer < 3:
            assert {unit_name(neuron.id) for neuron in neurons} == in_solution | read
            assert sum(stage.neurons for stage in own) == len(in_solution)
    assert len({name for stage in model.stages for name in stage.coefficients or ()}) < len(
        model.neurons
    )
    assert {row for neuron in model.neurons for row in neuron.samples} == set(model.anchors)


def test_shares_are_handed_down_by_weight_times_spread():
    model = loads(text("numbers"))
    values, shares = model.encoding.transform(table()), {}
    spread = {name: column.std() for name, column in zip(model.encoding.names, values.T)}
    for layer in (1, 2, 3):
        normals, offsets = model.units(layer)
        values = np.maximum(values @ normals.T + offsets, 0)
        spread |= {
            unit_name(neuron.id): column.std()
            for neuron, column in zip(model.layer(layer), values.T)
        }
    top = {
        unit_name(neuron.id): abs(neuron.coefficient) * spread[unit_name(neuron.id)]
        for neuron in model.layer(3)
    }
    shares = {name: part / sum(top.values()) for name, part in top.items()}
    for layer in (3, 2):
        for neuron in model.layer(layer):
            parts = {name: abs(weight) * spread[name] for name, weight in neuron.weights.items()}
            for name, part in parts.items():
                shares[name] = shares.get(name, 0) + shares.get(
                    unit_name(neuron.id), 0
                ) * part / sum(parts.values())
    for neuron in model.neurons:
        assert neuron.share == pytest.approx(
            shares.get(unit_name(neuron.id), 0), rel=1e-9, abs=1e-15
        )


@pytest.mark.parametrize("kind", only(QUICK, KINDS))
def test_the_objective_never_rises(kind):
    stages = loads(text(kind)).stages
    values = np.array(
        [
            [stage.certificate.objective for stage in stages if stage.layer == layer]
            for layer in (1, 2, 3)
        ]
    )
    assert np.all(values[1:] <= values[:-1] * (1 + 1e-9))
    assert np.any(values[-1] < 0.996 * values[0]), "or deeper layers do nothing"


# certify ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", only(QUICK, KINDS))
def test_honest_models_pass(kind):
    assert wrong(json.loads(text(kind))) == set()


@pytest.mark.parametrize("kind", only(QUICK, KINDS))
def test_columns_are_told_in_their_order_as_units_stand_now(kind):
    """Sorts are kept by pairs of columns: one whose second comes first would be taken for
    another."""
    for network in networks_of(loads(text(kind)), defaultdict(int)):
        for layer in range(1, network.depth + 1):
            read = network.wedges(layer, 2, 200).columns
            assert ((read[:, 1] < 0) | (read[:, 0] < read[:, 1])).all()


def changed_weight(neuron, by=1e-3):
    neuron["weights"][next(iter(neuron["weights"]))] += by
    return True


def changed_bias(neuron, by=1e-3):
    neuron["bias"] += by
    return True


def changed_coefficient(neuron, by=1e-3):
    if neuron["coefficient"] is not None:
        neuron["coefficient"] += by
    return neuron["coefficient"] is not None


CHANGES = [changed_weight, changed_bias, changed_coefficient]
SIGNED = [("numbers", 1e-3), ("numbers", -1e-3), ("refitted", 1e-3), ("two classes", -1e-3)]


def check_changes(kind, by, some):
    """Every change of the neurons at these positions of each layer is found."""
    honest = json.loads(text(kind))
    for layer in (1, 2, 3):
        places = [i for i, neuron in enumerate(honest["neurons"]) if neuron["layer"] == layer]
        for position in places[some]:
            for change in CHANGES:
                data = copy.deepcopy(honest)
                if change(data["neurons"][position], by):
                    assert wrong(data), f"neuron {position} of layer {layer}, {change.__name__}"


@pytest.mark.parametrize("kind, by", only(SIGNED[1:2] + SIGNED[3:], SIGNED[1:]))
def test_one_change_in_a_neuron_of_any_layer_is_found(kind, by):
    """In the one of the largest share, or in the one of the smallest but one."""
    check_changes(kind, by, slice(-2, -1) if kind == "refitted" else slice(0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("kind, by", SIGNED)
def test_one_change_in_any_neuron_of_any_layer_is_found(kind, by):
    check_changes(kind, by, slice(None))


FIGURES = [
    ("objective", 1 - 1e-6),
    ("wedges_total", 2),
    ("lower_bound", 1 + 1e-6),
]


@pytest.mark.parametrize(
    "kind", only(["numbers", "three classes"], ["numbers", "refined", "three classes"])
)
@pytest.mark.parametrize("figure, by", FIGURES)
def test_every_figure_of_every_stage_is_held_to_account(kind, figure, by):
    data = json.loads(text(kind))
    for stage in data["stages"]:
        stage[figure] *= by
    assert wrong(data) == {f"stages[{number}].{figure}" for number in range(len(data["stages"]))}


def test_coefficients_of_the_layers_below_are_held_to_account():
    for number in (0, 1):
        names = list(json.loads(text("numbers"))["stages"][number]["coefficients"])
        for name in (names[0], names[-1]):
            data = json.loads(text("numbers"))
            data["stages"][number]["coefficients"][name] += 1e-3
            assert wrong(data)
            del data["stages"][number]["coefficients"][name]
            assert wrong(data)


def test_a_neuron_that_nobody_claimed():
    """A made-up unit among those of a layer is no other face of the stage's, so its certificate is
    about other wedges."""
    data = json.loads(text("numbers"))
    row = data["anchors"][0]
    extra = {
        "id": 999,
        "columns": ["a"],
        "order": 1,
        "samples": [row["id"]],
        "weights": {"a": 1.0},
        "bias": -row["values"][0],
    }
    data["neurons"].append(data["neurons"][0] | extra | {"share": 0.0})
    assert "stages[1].wedges_total" in wrong(data)


def test_without_the_coefficients_of_a_layer_there_is_no_certificate():
    data = json.loads(text("numbers"))
    data["stages"][0]["coefficients"] = None
    with pytest.raises(CertificateError, match="no coefficients of its layer 1"):
        certify(loads(json.dumps(data)), table(), jobs=1)


DAMAGE = {
    "layers": (lambda data: data["problem"].update(layers=5), "in all of 4 hidden layers"),
    "too few layers": (
        lambda data: data["problem"].update(layers=3),
        "below a neuron of the last hidden layer, 2",
    ),
    "one layer": (lambda data: data["problem"].update(layers=1), "2 or more, not 1"),
    "orders": (lambda data: data["problem"].update(order=[2, 2]), "one for each hidden layer"),
    "order": (
        lambda data: data["problem"].update(order=[2, 0, 2]),
        "a whole number 1 or more, not 0",
    ),
    "too wide": (
        lambda data: data["problem"].update(order=[2, 1, 2]),
        "the number of its columns, at most 1",
    ),
    "a name": (
        lambda data: data["stages"][0]["coefficients"].update({"neuron 999": 1.0}),
        "of neurons of this layer, not neuron 999",
    ),
    "a coefficient": (
        lambda data: data["stages"][0]["coefficients"].update({"neuron 1": {"y": 1.0, "z": 1.0}}),
        "should be a number",
    ),
    "a layer": (lambda data: data["neurons"][-1].update(layer=2), "of columns that the model has"),
    "an early coefficient": (
        lambda data: data["neurons"][0].update(coefficient=1.0),
        "null below the last hidden layer",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_refused(damage):
    data = json.loads(text("numbers"))
    change, words = DAMAGE[damage]
    change(data)
    with pytest.raises(ModelFileError, match=words):
        loads(json.dumps(data))


def test_a_network_reads_no_neuron_of_another():
    data = json.loads(text("three classes"))
    names = {
        output: [
            neuron
            for neuron in data["neurons"]
            if neuron["layer"] == 1 and neuron["output"] == output
        ]
        for output in "pq"
    }
    reader = next(
        neuron for neuron in data["neurons"] if neuron["layer"] == 2 and neuron["output"] == "p"
    )
    stranger = unit_name(names["q"][0]["id"])
    own = reader["columns"][0]
    reader["columns"][0] = stranger
    reader["weights"][stranger] = reader["weights"].pop(own)
    with pytest.raises(ModelFileError, match="of columns that the model has"):
        loads(json.dumps(data))


# The command line ---------------------------------------------------------------------------------


def as_file():
    """The text of the table as a CSV file."""
    columns = (table().columns[name].values.tolist() for name in ("a", "b", "y"))
    return "a,b,y\n" + "".join(f"{a!r},{b!r},{y!r}\n" for a, b, y in zip(*columns))


@cache
def of_three_layers():
    """The model file of three layers of that file."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("d.csv").write_text(as_file())
        run("train", "d.csv", "--alpha-ratio", "0.1", "--layers", "3", "-q")
        return Path("wedgefit.json").read_text()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The table as a file in a folder of its own, and a model of three layers."""
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text(as_file())
    Path("wedgefit.json").write_text(of_three_layers())


def test_all_commands_know_layers(files):
    report = json.loads(
        run("train", "d.csv", "--alpha-ratio", "0.1", "--layers", "3", "--json").stdout
    )
    assert report["problem"]["layers"] == 3 and [stage["layer"] for stage in report["stages"]] == [
        1,
        2,
    ]
    certificate = json.loads(run("certify", "d.csv", "--json").stdout)
    assert certificate["agrees"] and certificate["certificate"]["objective"] == pytest.approx(
        report["certificate"]["objective"], rel=1e-9
    )
    assert {neuron["layer"] for neuron in report["neurons"]} == {1, 2}
    score = json.loads(run("evaluate", "d.csv", "--json").stdout)["score"]
    assert score["r2"] == pytest.approx(report["score"]["train"]["r2"], rel=1e-9)
    predictions = [float(line) for line in run("predict", "d.csv").stdout.split()[1:]]
    np.testing.assert_allclose(
        predictions,
        loads(Path("wedgefit.json").read_text()).predict(read_table("d.csv")),
        rtol=1e-15,
    )
    terms = json.loads(run("explain", "--json").stdout)["terms"]
    assert {name for term in terms if term["layer"] == 2 for name in term["columns"]} <= {
        unit_name(term["id"]) for term in terms if term["layer"] == 1
    }


def test_the_report_says_what_is_proven(files):
    lines = run("train", "d.csv", "--alpha-ratio", "0.1", "--layers", "3").stdout.splitlines()
    assert (
        lines[-2] == "Layer by layer: this is about hidden layer 2 of 2, given those below it; "
        "no claim is made about all layers together."
    )
    assert (
        lines[-1].startswith("Optimal, given the layers below, among all ")
        and "Globally" not in lines[-1]
    )
    stages = json.loads(Path("wedgefit.json").read_text())["stages"]
    table_ = lines[lines.index("Certificates") + 3 :][:2]
    assert [line.split()[:2] for line in table_] == [
        [str(stage["layer"]), str(stage["neurons"])] for stage in stages
    ]
    layers = [
        sum(
            neuron["layer"] == k
            for neuron in json.loads(Path("wedgefit.json").read_text())["neurons"]
        )
        for k in (1, 2)
    ]
    assert f"{layers[0]} + {layers[1]} neurons, objective" in "\n".join(lines)


def test_a_short_formula_puts_the_layers_into_each_other(files):
    """Evaluated as Python it is the network."""
    run("train", "d.csv", "--alpha-ratio", "0.5", "--layers", "3", "--no-standardize", "-q")
    formula = json.loads(run("explain", "--json").stdout)["formula"]
    assert "max(0, " in formula.split("max(0, ", 1)[1]
    code = formula.removeprefix("y = ").replace("−", "-").replace("·", "*")
    model = loads(Path("wedgefit.json").read_text())
    values = [
        eval(code, {"max": max, "a": a, "b": b})
        for a, b in zip(table().columns["a"].values, table().columns["b"].values)
    ]
    np.testing.assert_allclose(
        values, model.predict(read_table("d.csv")), atol=5e-3 * np.ptp(table().columns["y"].values)
    )


def test_a_path_of_deeper_networks(files):
    record = json.loads(
        run("path", "d.csv", "--layers", "3", "--order", "1", "--cv", "2", "--json").stdout
    )
    flat = json.loads(run("path", "d.csv", "--order", "1", "--cv", "2", "--json").stdout)
    assert record["problem"]["layers"] == 3 and len(record["points"]) > 3
    for deep, one in zip(record["points"], flat["points"]):
        assert deep["alpha"] == one["alpha"] and deep["objective"] <= one["objective"] * (1 + 1e-6)
    assert (
        record["points"][-1]["objective"]
        < 0.99 * flat["points"][len(record["points"]) - 1]["objective"]
    )
    assert record["points"][-1]["cv"] != flat["points"][len(record["points"]) - 1]["cv"]


@pytest.mark.parametrize("args, words", [
    (["train", "--layers", "1"], "not a whole number from 2 up or 'auto'"),
    (["train", "--layers", "many"], "not a whole number from 2 up or 'auto'"),
    (["train", "--order", "2,0", "--layers", "3"], "'2,0' is not a whole number"),
    (["train", "--order", "2,1"], "--order names 2 hidden layers, and --layers 2 has 1"),
    (
        ["train", "--order", "2,1,1", "--layers", "3"],
        "--order names 3 hidden layers, and --layers 3 has 2",
    ),
    (["train", "--solver", "full", "--layers", "3"], "--solver full is for one hidden layer"),
    (["path", "--layers", "auto"], "a path has one number of layers"),
])  # fmt: skip
def test_contradictions_are_refused_before_the_work(files, args, words):
    done = run(*args, "d.csv", code=2)
    assert words in done.stderr and done.stdout == ""


def test_an_order_that_a_later_layer_cannot_have(files):
    done = run(
        "train",
        "d.csv",
        "--norm",
        "2",
        "--order",
        "2,full",
        "--layers",
        "3",
        "--alpha-ratio",
        "0.001",
        code=1,
    )
    assert "too many to choose" in done.stderr and "--order full,2" in done.stderr


# Settings -----------------------------------------------------------------------------------------


def sample(rows=50):
    """What one additive layer cannot make, but the second one can from its |x|."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, size=(rows, 2))
    y = np.maximum(0, np.abs(X).sum(axis=1) - 1) + 0.02 * rng.normal(size=rows)
    return Sample(X, y[:, None], "regression")


def learner(deadline=None, **settings):
    return Learner(
        sample(),
        Settings(
            **{"order": (1, 2) if settings.get("layers", 2) != 2 else 1, "cv": 4, "jobs": 1}
            | settings
        ),
        lambda words: None,
        deadline,
    )


def curve(errors, spread=0.1):
    """A curve with these mean errors on three folds, each of standard error ``spread``."""
    folds = np.array([-1, 0, 1]) * spread * np.sqrt(3)
    return Curve(
        np.arange(len(errors), 0, -1) * 0.01,
        [[HeldOut(error + fold, 1, {}) for fold in folds] for error in errors],
    )


@pytest.mark.parametrize(
    "best, depth", [([1.0, 0.95], 1), ([1.0, 0.8, 0.75, 0.1], 2), ([1.0, 0.8, 0.6, 0.7], 3)]
)
def test_auto_adds_layers_while_the_score_gains_more_than_a_standard_error(
    best, depth, monkeypatch
):
    """And stops at the first that does not, with the alpha that was chosen for the depth it
    keeps."""
    every = learner(layers="auto")
    asked = []
    monkeypatch.setattr(
        every,
        "cross_validated",
        lambda advance, layers, deadline: (
            asked.append(layers) or curve([2.0] * layers + [best[layers - 2]])
        ),
    )
    found = every.learn(lambda *_: None)
    assert found.depth == depth and asked == list(range(2, depth + 3))
    assert found.alpha == found.curve.alphas[-1] == 0.01 and len(found.curve.alphas) == depth + 2


def test_auto_with_alpha_given_compares_depths_at_it():
    """Where the second hidden layer makes what the first cannot."""
    found = learner(layers="auto", alpha_ratio=0.03).learn(lambda *_: None)
    assert found.depth >= 2 and found.alpha == 0.03 * learner().alpha_max
    assert len(found.curve.alphas) == 1


def test_more_than_one_standard_error():
    """Errors of mean 1 and standard error 0.1: 0.91 is not enough, 0.89 is."""
    for mean, enough in ((0.91, False), (0.89, True)):
        assert curve([mean], spread=5.0).improves_on(curve([1.0]), 0, 0) == enough


def test_max_neurons_counts_all_layers():
    found = learner(layers=3, order=1, max_neurons=12, cv=2).learn(lambda *_: None)
    assert 2 <= sum(network.neurons for network in found.deep_fits) <= 12 and found.depth == 2


def test_refitting_changes_the_last_layer_only():
    plain, found = (fitted(refit=refit) for refit in (False, True))
    # Both are recomputed from what each file stores: equal but for rounding.
    assert found.certificate.objective == pytest.approx(plain.certificate.objective, rel=1e-12)
    assert found.certificate.lower_bound == pytest.approx(plain.certificate.lower_bound, rel=1e-9)
    first = lambda model: {str(neuron.weights) for neuron in model.neurons if neuron.layer == 1}
    assert first(plain) == first(found) and found.problem.refitted
    X, last = plain.encoding.transform(table()), found.network.layers[:-1]
    for weights, biases in last:
        X = np.maximum(X @ weights + biases, 0)
    slow = np.linalg.lstsq(
        np.column_stack([np.ones(len(X)), X]), found.encoding.target_values(table())
    )[0]
    np.testing.assert_allclose(
        found.scores(table()), np.column_stack([np.ones(len(X)), X]) @ slow, atol=1e-7
    )
    assert found.score.train["r2"] > plain.score.train["r2"]


@pytest.mark.parametrize("kind", only(["three classes"], ["numbers", "three classes"]))
def test_a_deadline_ends_after_a_certified_layer(kind):
    """All networks are equally deep, the note says how deep, and certify agrees."""
    looks = iter(range(10**6))

    class Late(Deadline):
        def due(self, reserve=0.0):
            return next(looks) > 40

    model = train(
        table(),
        Options(
            **{"alpha_ratio": 0.05, "jobs": 1, "keep": ("a", "b"), "target": ("y",), "layers": 9}
            | KINDS[kind]
        ),
        Silent(),
        Late(),
    )
    assert 2 <= model.depth < 8
    assert f"the network has {model.depth + 1} layers, not 9: time was up" in model.notes
    assert {stage.layer for stage in model.stages} == set(range(1, model.depth + 1))
    assert wrong(json.loads(model.dumps())) == set()


def test_a_constant_has_one_layer_and_says_why():
    model = fitted(alpha_ratio=2.0)
    assert model.neurons == [] and model.problem.layers == 2
    assert (
        "the network has 2 layers, not 4: there is no neuron that another layer could read"
        in model.notes
    )
    assert wrong(json.loads(model.dumps())) == set()


def test_a_class_without_neurons_beside_deep_ones():
    """Its network is a constant; the others go on."""
    rng = np.random.default_rng(0)
    three = table().columns["three"].values.copy()
    three[:] = np.where(table().columns["a"].values > 0, "p", "q")
    three[rng.choice(len(three), 2, replace=False)] = "r"
    changed = replace(
        table(), columns=table().columns | {"three": Column("three", "category", three)}
    )
    model = train(
        changed,
        Options(target=("three",), keep=("a", "b"), alpha_ratio=0.6, layers=3, jobs=1),
        Silent(),
    )
    depths = {
        output: max(
            (neuron.layer for neuron in model.neurons if neuron.output == output), default=0
        )
        for output in "pqr"
    }
    assert depths == {"p": 2, "q": 2, "r": 0}
    found = certify(loads(model.dumps()), changed, jobs=1)
    assert found["agrees"], found["message"]


# Estimators ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", only(["numbers", "two classes"], ["numbers", "two classes", "three classes"])
)
def test_estimators_are_the_command_line(kind):
    target = KINDS[kind].get("target", ("y",))[0]
    X, y = (
        np.column_stack([table().columns[name].values for name in ("a", "b")]),
        table().columns[target].values,
    )
    make = (
        WedgeRegressor
        if kind == "numbers"
        else partial(WedgeClassifier, class_weight=KINDS[kind].get("class_weight"))
    )
    found = make(layers=3, alpha_ratio=0.1, n_jobs=1).fit(X, y)
    model = fitted(layers=3, **KINDS[kind])
    assert [stage.certificate.objective for stage in found.model_.stages] == [
        stage.certificate.objective for stage in model.stages
    ]
    assert found.coef_.tobytes() == model.coefficients.tobytes()
    assert list(found.predict(X)) == model.predict(table())
    np.testing.assert_array_equal(found.coef_.shape[0], len(found.wedges_))
    assert all(neuron.layer == 2 for neuron in found.wedges_)


def test_features_of_the_last_layer():
    X, y = sample().X, sample().y[:, 0]
    found = WedgeFeatures(layers=3, alpha_ratio=0.1, order=1).fit(X, y)
    regressor = WedgeRegressor(layers=3, alpha_ratio=0.1, order=1).fit(X, y)
    np.testing.assert_allclose(
        found.transform(X) @ found.coef_ + found.intercept_, regressor.predict(X), atol=1e-12
    )
    assert len(found.get_feature_names_out()) == found.transform(X).shape[1]


def test_explanations_add_up():
    """The terms of the last layer, each evaluated through those that it reads, are the network."""
    model = loads(text("numbers"))
    record = explain(model)
    values = {name: table().columns[name].values for name in ("a", "b")}
    for term in sorted(record["terms"], key=lambda term: term["layer"]):
        hinge = term["hinge"]
        values[unit_name(term["id"])] = np.maximum(
            hinge["bias"] + sum(weight * values[name] for name, weight in hinge["weights"].items()),
            0,
        )
    total = model.intercept + sum(
        term["hinge"]["coefficient"] * values[unit_name(term["id"])]
        for term in record["terms"]
        if term["layer"] == 3
    )
    np.testing.assert_allclose(total, model.scores(table())[:, 0], atol=1e-9)


def test_usage_error_for_arrays_too():
    with pytest.raises(UsageError, match="--order names 2 hidden layers"):
        learner(order=(2, 1))
