"""What a model says of itself: hinges in the units of the file, the rows they stand on, and a
formula that adds up."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from kinds import kinds, mixed, table_of
from quick import only
from rich.console import Console

from wedgefit.cli import main
from wedgefit.data.table import read_table
from wedgefit.errors import ColumnError, TableError
from wedgefit.model import build
from wedgefit.model.build import Options
from wedgefit.views import tables
from wedgefit.views.curves import curve_values
from wedgefit.views.explain import explain
from wedgefit.views.flat import arranged, flat
from wedgefit.views.phrases import LONGEST_FORMULA
from wedgefit.views.prediction import contributions, explain_row, parts_of
from wedgefit.views.terminal import Meter, Spark, to_text
from wedgefit.views.units import hinges
from wedgefit.watch import Silent

MIXED = "mixed.csv"
TRAINED = {}


def train(table, options, watch):
    """The model; that of an equal table under the same name and options is trained once."""
    cells = [
        (column.name, column.kind, column.values.tolist()) for column in table.columns.values()
    ]
    key = repr((Path(table.source).name, table.row_ids, cells, options))
    if key not in TRAINED:
        TRAINED[key] = build.train(table, options, watch)
    return TRAINED[key]


def write_mixed(folder, rows=40, seed=0, label=False, id_column=False):
    """Numbers with gaps, a column of text with three levels, one with two, and a target."""
    rng = np.random.default_rng(seed)
    lines = [("name," if id_column else "") + "age,size,town,smoker,y"]
    for i in range(rows):
        age, size = rng.uniform(20, 80), rng.normal(5e3, 1e3)
        town, smoker = rng.choice(["Bonn", "Köln", "Ulm"]), rng.choice(["yes", "no"])
        value = abs(age - 45) / 10 + (size - 5e3) / 1e3 + 2 * (town == "Ulm") + 0.1 * rng.normal()
        gap = "" if i % 7 == 3 else f"{age:.3f}"
        y = ("high" if value > 2 else "low") if label else f"{value:.4f}"
        lines.append((f"p{i:02d}," if id_column else "") + f"{gap},{size:.2f},{town},{smoker},{y}")
    path = folder / MIXED
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def raw_value(table, row, column, encoding):
    """A feature as a person reads it off the table: the number (gaps filled), or 0/1 for a level or
    a gap."""
    feature = next(feature for feature in encoding.features if feature.name == column)
    source = table.columns[feature.source]
    if feature.kind == "level":
        return float(source.values[row] == feature.level)
    if feature.kind == "missing":
        return float(source.missing[row])
    if source.missing[row]:
        return next(stored.fill for stored in encoding.inputs if stored.name == feature.source)
    return source.values[row]


def scores_by_hand(record, table, encoding):
    """Intercept plus coefficient × hinge in original units, from the terms and the raw table
    alone."""
    scores = []
    for row in range(table.rows):
        total = record["intercept"]
        for term in record["terms"]:
            hinge = term["hinge"]
            height = hinge["bias"] + sum(
                weight * raw_value(table, row, name, encoding)
                for name, weight in hinge["weights"].items()
            )
            total += hinge["coefficient"] * max(height, 0)
        scores.append(total)
    return np.array(scores)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("label", [True, False])
def test_terms_in_original_units_are_the_model(label, standardize, tmp_path):
    """The equations are the product: evaluated by hand on the raw cells they must give the
    network's output."""
    table = read_table(write_mixed(tmp_path, label=label))
    model = train(table, Options(alpha_ratio=0.003, standardize=standardize), Silent())
    record = explain(model)
    kinds = {feature.kind for feature in model.encoding.features}
    assert kinds == {"number", "level", "missing"}
    assert len(record["terms"]) == len(model.neurons) > 3
    by_hand = scores_by_hand(record, table, model.encoding)
    np.testing.assert_allclose(by_hand, model.scores(table)[:, 0], rtol=1e-9, atol=1e-9)
    new = read_table(write_mixed(tmp_path, rows=15, seed=9, label=label))
    by_hand = scores_by_hand(record, new, model.encoding)
    np.testing.assert_allclose(by_hand, model.scores(new)[:, 0], rtol=1e-9, atol=1e-9)


def test_terms_in_the_solvers_units_are_unit_neurons(tmp_path):
    table = read_table(write_mixed(tmp_path))
    model = train(table, Options(alpha_ratio=0.03), Silent())
    for term, neuron in zip(
        explain(model)["terms"], sorted(model.neurons, key=lambda neuron: -neuron.share)
    ):
        assert sum(map(abs, term["weights"].values())) == pytest.approx(1, rel=1e-12)
        assert (term["id"], term["weights"], term["bias"]) == (
            neuron.id,
            neuron.weights,
            neuron.bias,
        )
        assert list(term["weights"]) == term["columns"] and term["order"] == len(term["columns"])


def test_shares_add_up_and_fall(tmp_path):
    """A share is the part of a neuron in the prediction's variation, measured on the training
    rows."""
    table = read_table(write_mixed(tmp_path))
    model = train(table, Options(alpha_ratio=0.03), Silent())
    shares = [term["share"] for term in explain(model)["terms"]]
    assert (
        sum(shares) == pytest.approx(1, rel=1e-12)
        and shares == sorted(shares, reverse=True)
        and min(shares) >= 0
    )
    normals, offsets = model.units(1)
    heights = model.encoding.transform(table) @ normals.T + offsets
    spread = np.abs(model.coefficients[:, 0]) * np.maximum(heights, 0).std(axis=0)
    assert [neuron.share for neuron in model.neurons] == pytest.approx(
        (spread / spread.sum()).tolist(), rel=1e-9
    )
    assert [neuron.active_rows for neuron in model.neurons] == (
        heights > 1e-9 * np.abs(heights).max(axis=0)
    ).sum(axis=0).tolist()


@pytest.mark.parametrize("id_column", [None, "name"])
def test_samples_are_rows_of_the_table(id_column, tmp_path):
    """ "Rows 118 and 42": the ids and values named are those in the file, and the wedges pass
    through them."""
    table = read_table(write_mixed(tmp_path, id_column=bool(id_column)), id_column=id_column)
    model = train(table, Options(alpha_ratio=0.03), Silent())
    record = explain(model)
    assert len({sample["id"] for sample in record["samples"]}) == len(record["samples"]) > 3
    for sample in record["samples"]:
        row = table.row_ids.index(sample["id"])
        assert id_column is None or isinstance(sample["id"], str)
        assert list(sample["values"]) == list(model.encoding.names)
        for name, value in sample["values"].items():
            assert value == pytest.approx(
                raw_value(table, row, name, model.encoding), rel=1e-12, abs=1e-12
            )
        for name, cell in sample["cells"].items():
            read = table.column(name)
            assert (
                cell is None
                if read.missing[row]
                else cell == read.values[row] or cell == pytest.approx(read.values[row])
            )
        holds = [term["id"] for term in record["terms"] if sample["id"] in term["samples"]]
        assert sorted(sample["neurons"]) == sorted(holds) != []
        for term in record["terms"]:
            if sample["id"] in term["samples"]:
                height = term["bias"] + sum(
                    weight * model.anchors[sample["id"]][model.encoding.names.index(name)]
                    for name, weight in term["weights"].items()
                )
                assert abs(height) <= 1e-9
    named = {sample for term in record["terms"] for sample in term["samples"]}
    assert named == {sample["id"] for sample in record["samples"]}


def write_tent(folder):
    """y = 3 − 2·max(0, x − 2) + max(0, 1 − x), without noise."""
    x = np.array([-1, 0, 1, 2, 3, 4, 5.0])
    y = 3 - 2 * np.maximum(x - 2, 0) + np.maximum(1 - x, 0)
    path = folder / "tent.csv"
    path.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y)))
    return path


def tent_model(folder, intercept, *neurons):
    """A model in x, not standardised, with these (weight, bias, coefficient)."""
    model = train(read_table(write_tent(folder)), Options(alpha=0.1, standardize=False), Silent())
    made = [
        replace(
            model.neurons[0],
            id=i,
            weights={"x": weight},
            bias=bias,
            coefficient=coefficient,
            share=1 / (i + 1),
        )
        for i, (weight, bias, coefficient) in enumerate(neurons)
    ]
    return replace(model, neurons=made, intercept=intercept)


@pytest.mark.parametrize("intercept, neurons, formula", [
    (3.0, [(1.0, -2.0, -2.0), (-1.0, 1.0, 1.0)], "y = 3 − 2·max(0, x − 2) + max(0, −x + 1)"),
    (-0.25, [(1.0, 1.5, -1.0)], "y = −0.25 − max(0, x + 1.5)"),
    (0.0, [(-1.0, 0.0, -12.34567), (1.0, 0.0, 1.0)], "y = −12.35·max(0, −x) + max(0, x)"),
    (0.0, [], "y = 0"),
    (-2.0, [], "y = −2"),
])  # fmt: skip
def test_formula_signs_and_numbers(intercept, neurons, formula, tmp_path):
    """The text is read by people: a minus lost there is a wrong equation."""
    record = explain(tent_model(tmp_path, intercept, *neurons))
    assert record["formula"] == formula
    assert record["target"] == "y" and record["classes"] is None


def test_formula_evaluates_to_the_model(tmp_path):
    """To the digits shown, also with a negative leading coefficient and original units."""
    table = read_table(write_tent(tmp_path))
    model = train(table, Options(alpha_ratio=0.01), Silent())
    text = explain(model)["formula"]
    for sign, plain in (("−", "-"), ("·", "*")):
        text = text.replace(sign, plain)
    name, formula = text.split(" = ")
    assert name == "y"
    values = [eval(formula, {"max": max, "x": x}) for x in table.column("x").values]
    np.testing.assert_allclose(values, model.scores(table)[:, 0], atol=5e-3)


def test_formula_names_the_class_it_speaks_for(tmp_path):
    model = train(read_table(write_mixed(tmp_path, label=True)), Options(alpha_ratio=0.5), Silent())
    record = explain(model)
    assert record["classes"] == ["high", "low"]
    assert record["formula"].startswith("score of low = ")


def test_long_formulas_are_left_out(tmp_path):
    table = read_table(write_mixed(tmp_path))
    for ratio in (0.5, 0.001):
        record = explain(train(table, Options(alpha_ratio=ratio), Silent()))
        assert (record["formula"] is None) == (len(record["terms"]) > LONGEST_FORMULA)


def test_a_model_without_neurons_explains_itself(tmp_path):
    """Above alpha_max nothing is left but the mean."""
    table = read_table(write_tent(tmp_path))
    model = train(table, Options(alpha_ratio=2.0), Silent())
    record = explain(model)
    assert record["terms"] == [] and record["samples"] == []
    assert record["formula"] == f"y = {table.column('y').values.mean():.4g}".replace("-", "−")


def test_original_units_of_one_neuron(tmp_path):
    """x = center + scale · u: weights are divided by the scale, the bias shifted by the center."""
    table = read_table(write_tent(tmp_path))
    model = train(table, Options(alpha_ratio=0.01), Silent())
    (feature,) = model.encoding.features
    for neuron in model.neurons:
        hinge = hinges(model)[neuron.id]
        assert abs(hinge.weights["x"]) == 1, "the largest weight is one: max(0, x − 2)"
        u = 1.7
        before = neuron.coefficient * (neuron.weights["x"] * u + neuron.bias)
        height = hinge.weights["x"] * (feature.center + feature.scale * u) + hinge.bias
        after = hinge.rescaled(neuron.coefficient) * height
        assert after == pytest.approx(before, rel=1e-12)


# Importance, curves, contributions ----------------------------------------------------------------


def three_classes(folder, rows=60, seed=0):
    """Text with three classes, so that there are three networks."""
    rng = np.random.default_rng(seed)
    lines = ["age,size,kind"]
    for _ in range(rows):
        age, size = rng.uniform(20, 80), rng.normal(5, 2)
        lines.append(f"{age:.2f},{size:.3f},{'a' if age < 40 else 'b' if size > 5 else 'c'}")
    path = folder / "classes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def two_targets(folder, rows=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 2))
    u, v = np.maximum(X[:, 0], 0) + X[:, 1], np.abs(X[:, 0] - X[:, 1])
    path = folder / "targets.csv"
    path.write_text(
        "p,q,u,v\n" + "".join(f"{a:.3f},{b:.3f},{c:.3f},{d:.3f}\n" for (a, b), c, d in zip(X, u, v))
    )
    return path


def shared_model(folder):
    """One network for two targets: every neuron has a coefficient for each."""
    table = read_table(two_targets(folder))
    model = train(table, Options(alpha_ratio=0.05, target=("u",), drop=("v",)), Silent())
    target = replace(model.encoding.target, names=("u", "v"))
    neurons = [
        replace(neuron, coefficient={"u": neuron.coefficient, "v": 0.5 - neuron.id})
        for neuron in model.neurons
    ]
    data = replace(model.data, target=("u", "v"), outputs=("u", "v"))
    encoding = replace(model.encoding, target=target)
    return replace(
        model,
        encoding=encoding,
        neurons=neurons,
        data=data,
        intercept={"u": model.intercept, "v": -1.5},
    ), table


def deep_model(folder):
    """Two hidden layers made by hand: the second reads the hinges of the first."""
    model = train(read_table(write_tent(folder)), Options(alpha=0.1), Silent())
    first = replace(model.neurons[0], coefficient=None, share=0.0, samples=[3], columns=["x"])
    below = [
        replace(first, id=1, weights={"x": 1.0}, bias=-0.25),
        replace(first, id=2, weights={"x": -1.0}, bias=0.75),
    ]
    second = replace(first, layer=2, order=2, columns=["neuron 1", "neuron 2"], samples=[3, 5])
    above = [
        replace(
            second,
            id=3,
            weights={"neuron 1": 0.75, "neuron 2": -0.25},
            bias=0.1,
            coefficient=2.0,
            share=0.75,
        ),
        replace(
            second,
            id=4,
            weights={"neuron 2": 1.0},
            columns=["neuron 2"],
            order=1,
            samples=[2],
            bias=0.0,
            coefficient=-1.0,
            share=0.25,
        ),
    ]
    return replace(
        model,
        neurons=below + above,
        problem=replace(model.problem, layers=3),
        anchors={row: [0.0] for row in (2, 3, 5)},
    )


def models(folder):
    """A model of every kind, with its table."""
    cases = {
        "mixed": (write_mixed(folder), Options(alpha_ratio=0.003)),
        "labels": (write_mixed(folder, label=True), Options(alpha_ratio=0.01)),
        "classes": (three_classes(folder), Options(alpha_ratio=0.05)),
        "norm 2": (two_targets(folder), Options(alpha_ratio=0.05, norm=2)),
        "no bias": (two_targets(folder), Options(alpha_ratio=0.05, bias=False)),
    }
    for name, (path, options) in cases.items():
        table = read_table(
            write_mixed(folder, label=name == "labels") if path.name == MIXED else path
        )
        yield name, train(table, options, Silent()), table
    yield "targets", *shared_model(folder)
    yield "deep", deep_model(folder), read_table(folder / "tent.csv")


def test_contributions_add_up_to_the_score(tmp_path):
    """The relation that makes a local explanation one: intercept + contributions = score, in every
    output and row."""
    seen = set()
    for name, model, table in models(tmp_path):
        scores = model.scores(table)
        for k, record in enumerate(contributions(model, table).values()):
            total = record["intercept"] + record["parts"].sum(axis=1)
            np.testing.assert_allclose(
                total,
                scores[:, k],
                rtol=0,
                atol=1e-12 * (1 + np.abs(record["parts"]).sum(axis=1).max()),
            )
            assert len(record["neurons"]) == record["parts"].shape[1] > 0
        seen.add(name)
        one = explain_row(model, table, "5")
        for k, output in enumerate(one["outputs"]):
            parts = [term["contribution"] for term in output["contributions"]]
            assert output["score"] == math.fsum([output["intercept"], *parts]), (
                "exactly: the same sum"
            )
            assert output["score"] == pytest.approx(
                scores[4, k], rel=1e-12, abs=1e-12 * sum(map(abs, parts))
            )
            assert parts == sorted(parts, key=abs, reverse=True)
            assert all(term["samples"] or name == "no bias" for term in output["contributions"])
        predicted = model.predict(table)[4]
        classes = model.encoding.target.classes is not None
        assert one["prediction"] == (predicted if classes else pytest.approx(predicted, rel=1e-12))
        if one["no_effects"] is None and model.importances:
            baseline = one["baseline"]
            for k, output in enumerate(model.outputs):
                own = [part for part in one["effects"] if part["output"] == output]
                start = baseline[output] if isinstance(baseline, dict) else baseline
                found = math.fsum([start, *(part["contribution"] for part in own)])
                assert found == pytest.approx(scores[4, k], rel=1e-12, abs=1e-12)
    assert len(seen) == 7


def test_a_row_is_found_by_its_id_or_not_at_all(tmp_path):
    table = read_table(write_mixed(tmp_path, id_column=True), id_column="name")
    model = train(table, Options(alpha_ratio=0.05), Silent())
    record = explain_row(model, table, "p03")
    assert (
        record["data"]["row"] == "p03"
        and record["values"]["age"] is None
        and record["values"]["town"] in {"Bonn", "Köln", "Ulm"}
    )
    with pytest.raises(TableError, match='no row "17".*name'):
        explain_row(model, table, "17")


@pytest.mark.parametrize("order", [1, 2])
def test_curves_are_the_sums_of_their_hinges(order, tmp_path):
    """A curve read off between its knots, beyond them, at levels and at gaps is what the terms of
    its column add."""
    path = write_mixed(tmp_path)
    model = train(read_table(path), Options(alpha_ratio=0.001, order=order), Silent())
    units, neurons = hinges(model), {neuron.id: neuron for neuron in model.neurons}
    record = explain(model)
    assert {curve["column"] for curve in record["curves"]} >= {"age", "town"}

    def by_hand(curve, raw):
        total = 0.0
        for k in curve["neurons"]:
            inner = units[k].bias + sum(
                weight * raw.get(name, 0.0) for name, weight in units[k].weights.items()
            )
            total += neurons[k].coefficient * units[k].factor * max(0.0, inner)
        return total

    for curve in record["curves"]:
        name = curve["column"]
        if curve["kind"] == "category":
            for level, value in curve["levels"].items():
                assert value == pytest.approx(by_hand(curve, {f"{name} = {level}": 1.0}), abs=1e-9)
            continue
        at = [knot["at"] for knot in curve["knots"]]
        assert at == sorted(set(at))
        span = at[-1] - at[0] + 1
        grid = np.linspace(at[0] - span, at[-1] + span, 257)
        np.testing.assert_allclose(
            curve_values(curve, grid),
            [by_hand(curve, {name: x}) for x in grid],
            atol=1e-9 * (1 + span),
        )
        for knot in curve["knots"]:
            for row in knot["samples"]:
                values = {sample["id"]: sample["values"] for sample in record["samples"]}
                assert values[row][name] == pytest.approx(knot["at"], rel=1e-9), (
                    "a kink is at its rows"
                )
        fill = next(column.fill for column in model.encoding.inputs if column.name == name)
        assert curve["missing"] == pytest.approx(
            by_hand(curve, {name: fill, f"{name} is missing": 1.0}), abs=1e-9
        )


def test_an_additive_model_is_its_curves(tmp_path):
    """Order 1: intercept plus the curves at a row's cells is the prediction, also where cells are
    missing."""
    table = read_table(write_mixed(tmp_path))
    model = train(table, Options(alpha_ratio=0.003, order=1), Silent())
    record = explain(model)
    for row in range(table.rows):
        total = record["intercept"]
        for curve in record["curves"]:
            cell = table.columns[curve["column"]]
            if curve["kind"] == "category":
                total += curve["levels"][cell.values[row]]
            else:
                total += (
                    curve["missing"]
                    if cell.missing[row]
                    else curve_values(curve, [cell.values[row]])[0]
                )
        assert total == pytest.approx(model.scores(table)[row, 0], rel=1e-9)


def test_importances_add_up(tmp_path):
    for name, model, _ in models(tmp_path):
        record = explain(model)
        assert sum(column["importance"] for column in record["columns"]) == pytest.approx(1), name
        if name != "no bias":
            assert sum(sample["influence"] for sample in record["samples"]) == pytest.approx(1), (
                name
            )
        assert [column["importance"] for column in record["columns"]] == sorted(
            (c["importance"] for c in record["columns"]), reverse=True
        )
        for column in record["columns"]:
            for k in column["neurons"]:
                neuron = next(neuron for neuron in model.neurons if neuron.id == k)
                assert set(neuron.columns) & set(column["features"])


def test_a_column_that_nothing_reads_has_no_importance(tmp_path):
    table = read_table(write_mixed(tmp_path))
    record = explain(train(table, Options(alpha_ratio=0.9), Silent()))
    unread = [column for column in record["columns"] if not column["neurons"]]
    assert unread and all(column["importance"] == 0 for column in unread)


def test_the_side_of_a_line_is_the_side_where_the_hinge_is_active(tmp_path):
    """ "Above the line" must mean it: a point with a larger second column is on the active side."""
    table = read_table(two_targets(tmp_path))
    model = train(table, Options(alpha_ratio=0.01, drop=("u",)), Silent())
    lines = [term for term in explain(model)["terms"] if "line" in term["where"]]
    assert {term["where"].split()[0] for term in lines} == {"above", "below"}
    for term in lines:
        assert term["where"].endswith(
            f"the line through rows {term['samples'][0]} and {term['samples'][1]}"
        )
        up = {"p": 0.0, "q": 1e6 if term["where"].startswith("above") else -1e6}
        assert (
            term["hinge"]["bias"]
            + sum(weight * up[name] for name, weight in term["hinge"]["weights"].items())
            > 0
        )


def test_deep_terms_refer_to_hinges_as_they_are_listed(tmp_path):
    """A term of the second layer, evaluated on the listed hinges of the first, gives the network's
    output."""
    model = deep_model(tmp_path)
    table = read_table(tmp_path / "tent.csv")
    record = explain(model)
    for x, score in zip(table.column("x").values, model.scores(table)[:, 0]):
        raw, total = {"x": x}, record["intercept"]
        for term in sorted(record["terms"], key=lambda term: term["layer"]):
            inner = term["hinge"]["bias"] + sum(
                weight * raw[name] for name, weight in term["hinge"]["weights"].items()
            )
            raw[f"neuron {term['id']}"] = max(0.0, inner)
            total += (term["hinge"]["coefficient"] or 0.0) * max(0.0, inner)
        assert total == pytest.approx(score, rel=1e-9)
    text = record["formula"].replace("−", "-").replace("·", "*").removeprefix("y = ")
    assert "neuron" not in text, "the layers are put into each other"
    values = [eval(text, {"max": max, "x": x}) for x in table.column("x").values]
    np.testing.assert_allclose(values, model.scores(table)[:, 0], atol=2e-2)
    assert record["curves"] == [] and record["columns"][0]["importance"] == pytest.approx(1)


def test_sorting_and_cutting_tell_what_is_left_out(tmp_path):
    table = read_table(write_mixed(tmp_path))
    record = explain(train(table, Options(alpha_ratio=0.003), Silent()))
    cut = arranged(record, "importance", 2)
    assert [len(cut[name]) for name in ("terms", "samples", "columns")] == [2, 2, 2]
    assert cut["sizes"]["terms"] == len(record["terms"]) > 2 and cut["formula"] == record["formula"]
    influence = [sample["influence"] for sample in arranged(record)["samples"]]
    assert influence == sorted(influence, reverse=True)
    ids = [term["id"] for term in arranged(record, "id")["terms"]]
    assert ids == sorted(ids)
    assert [c["name"] for c in arranged(record, "columns")["columns"]] == sorted(
        c["name"] for c in record["columns"]
    )


@pytest.mark.parametrize("table", ["wedges", "columns", "curves", "samples"])
def test_flat_tables_hold_plain_values(table, tmp_path):
    for _, model, _ in models(tmp_path):
        columns = flat(explain(model), table)
        assert len({len(values) for values in columns.values()}) <= 1
        assert all(
            isinstance(value, str | int | float | None)
            for values in columns.values()
            for value in values
        )


# At the command line ------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with mixed.csv and its model wedgefit.json; returns what runs a command there."""
    monkeypatch.chdir(tmp_path)
    train(read_table(write_mixed(tmp_path)), Options(alpha_ratio=0.01), Silent()).save(
        "wedgefit.json"
    )

    def run(*args, code=0, **more):
        done = CliRunner().invoke(main, list(map(str, args)), **more)
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr

    return run


def test_local_explanations_at_the_command_line(desk):
    record = json.loads(desk("explain", MIXED, "--row", 17, "--json"))
    assert record == json.loads(
        desk("explain", "wedgefit.json", MIXED, "--row", 17, "--format", "json")
    )
    assert record == json.loads(
        desk("explain", "--row", 17, "-", "--json", input=Path(MIXED).read_text())
    ) | {"data": record["data"]}
    (output,) = record["outputs"]
    predicted = desk("predict", MIXED).splitlines()[17]
    assert output["score"] == pytest.approx(float(predicted), rel=1e-12)
    rows = list(csv.DictReader(desk("explain", MIXED, "--row", 17, "--format", "csv").splitlines()))
    assert math.fsum(float(row["contribution"]) for row in rows) == output["score"]
    text = desk("explain", MIXED, "--row", 17, "--top", 1, "--show", "wedges")
    assert "the others" in text and "intercept" in text
    text = desk("explain", MIXED, "--row", 17, "--top", 1)
    assert "the others" in text and "average" in text and "wedge" not in text
    parts = csv.DictReader(
        desk("explain", MIXED, "--row", 17, "--show", "effects", "--format", "csv").splitlines()
    )
    added = math.fsum(float(row["contribution"]) for row in parts)
    assert added == pytest.approx(output["score"], rel=1e-12)


def test_a_far_out_value_is_noted_wherever_it_counts(desk):
    header, first, *lines = Path(MIXED).read_text().splitlines()
    Path("slip.csv").write_text("\n".join([header, first, "1e9,5000,Ulm,no,3", *lines]))
    trained = CliRunner().invoke(main, ["train", "slip.csv", "--alpha-ratio", "0.05"])
    explained = json.loads(desk("explain", "--json"))
    limits, reach = explained["limits"], explained["reach"]
    assert limits.keys() == reach.keys() and reach["age"][1] > 4 * limits["age"][1] > 0
    words = f'column "age": the value of 1 row (2) counts as {limits["age"][1]:.10g}, '
    assert words + "being far out" in trained.stderr and "counts as" not in desk("explain")
    predicted = CliRunner().invoke(main, ["predict", "slip.csv"])
    assert words + "where most rows of training end" in predicted.stderr
    assert words in desk("explain", "slip.csv", "--row", 2)
    assert words in json.loads(desk("evaluate", "slip.csv", "--json"))["notes"][0]
    assert "counts as" not in desk("explain", "slip.csv", "--row", 1)
    Path("end.csv").write_text(f"{header}\n{limits['age'][1]!r},5000,Ulm,no,3\n")
    assert desk("predict", "end.csv").splitlines()[1] == predicted.stdout.splitlines()[2]
    assert "counts as" not in CliRunner().invoke(main, ["predict", "end.csv"]).stderr
    assert "limits" not in desk("explain", "--show", "columns")


def test_predictions_with_contributions_add_up(desk):
    rows = list(csv.DictReader(desk("predict", MIXED, "--contributions").splitlines()))
    for row in rows:
        parts = [
            float(value)
            for name, value in row.items()
            if name.startswith(("average", "contribution"))
        ]
        assert len(parts) == len(row) - 1 and math.fsum(parts) == pytest.approx(
            float(row["prediction_y"]), rel=1e-12
        )
        assert "-0.0" not in row.values()
    record = json.loads(desk("predict", MIXED, "--contributions", "--json"))
    assert list(record["contributions"]) == list(rows[0])[1:]
    names = {"contribution_y_age", "contribution_y_size", "average_y"}
    assert names <= set(rows[0]) and any(":" in name for name in rows[0])


def test_contributions_of_columns_with_strange_names(tmp_path, monkeypatch):
    """A column called average, and one called like the pair of two others: nothing is written
    over."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    a, b, c, d = rng.normal(size=(4, 60)).round(3)
    y = np.maximum(a - b, 0) + np.abs(c) + np.abs(d)
    lines = [f"{p},{q},{r},{s},{v:.4f}" for p, q, r, s, v in zip(a, b, c, d, y)]
    Path("odd.csv").write_text("\n".join(["a,b,a:b,average,y", *lines]) + "\n")
    train(read_table("odd.csv"), Options(alpha_ratio=0.01), Silent()).save("wedgefit.json")
    done = CliRunner().invoke(main, ["predict", "odd.csv", "--contributions"])
    (names, *rows) = csv.reader(done.stdout.splitlines())
    assert {"average_y", "contribution_y_average", "contribution_y_a:b"} <= set(names)
    assert len(set(names)) == len(names) and "contribution_y_a:b (2)" in names
    assert '"contribution_y_a:b (2)" is of "a" and "b" together' in done.stderr
    for row in rows:
        assert math.fsum(map(float, row[1:])) == pytest.approx(float(row[0]), abs=1e-9)


def test_predictions_without_effects_are_made_of_wedges():
    model, table = kinds()["deep"], table_of(mixed()[0])
    parts = parts_of(model, table)
    last = [f"contribution_{neuron.id}" for neuron in model.layer(model.depth)]
    assert [name for name, *_ in parts["y"]] == ["intercept", *last]
    total = sum(values for *_, values in parts["y"])
    np.testing.assert_allclose(total, model.scores(table)[:, 0], rtol=1e-12)


def test_the_wedges_of_several_layers_are_listed_layer_by_layer():
    record = arranged(explain(kinds()["deep"]))
    lines = to_text(tables.explain(record, ["wedges"]), None).splitlines()
    layers = [int(line.split()[1]) for line in lines if re.match(r" *\d+ +\d", line)]
    assert layers == sorted(layers) and set(layers) == {1, 2, 3}


@pytest.mark.parametrize("args, words", [
    ([MIXED, "wedgefit.json"], "--row"),
    (["--row", "3"], "DATA"),
    ([MIXED, "--row", "3", "--show", "columns"], "--show"),
    (["--json", "--format", "csv"], "exclude"),
    (["--format", "csv", "--show", "wedges", "--show", "columns"], "one table"),
])  # fmt: skip
def test_a_grammar_without_ambiguity(args, words, desk):
    assert words in desk("explain", *args, code=2)


def test_an_unknown_row_is_one_message(desk):
    assert (
        desk("explain", MIXED, "--row", 41, code=1)
        .strip()
        .endswith('there is no row "41". Rows are numbered 1 to 40.')
    )


def test_formats_hold_the_same_wedges(desk):
    record = json.loads(desk("explain", "--json"))
    ids = [str(term["id"]) for term in record["terms"]]
    rows = list(csv.DictReader(desk("explain", "--format", "csv").splitlines()))
    assert [row["id"] for row in rows] == ids
    assert [float(row["coefficient"]) for row in rows] == [
        term["hinge"]["coefficient"] for term in record["terms"]
    ]
    markdown = desk("explain", "--format", "markdown", "--show", "wedges").splitlines()
    assert [line.split("|")[1].strip() for line in markdown if line.startswith("| ")][2:] == ids
    assert "(2 of " in desk("explain", "--top", 2)


def test_wide_tables_are_not_cut_when_piped(tmp_path, desk, monkeypatch):
    """With forty columns of long names every cell is there, whatever COLUMNS says."""
    rng = np.random.default_rng(0)
    names = [f"a column with a rather long name, number {j}" for j in range(40)]
    X = rng.normal(size=(30, 40)).round(3)
    lines = [
        ",".join(f'"{name}"' for name in names) + ",y",
        *(",".join(map(str, row)) + f",{row[0] + abs(row[1]):.3f}" for row in X),
    ]
    (tmp_path / "wide.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("COLUMNS", "80")
    desk("train", "wide.csv", "--alpha-ratio", 0.2, "--order", 1, "-q", "-o", "wide.json")
    text = desk("explain", "wide.json")
    assert all(name in text for name in names) and "…" not in text
    assert max(map(len, text.splitlines())) < 400, "no list of forty names in one line"
    row = desk("explain", "wide.json", "wide.csv", "--row", 3)
    assert all(name in row for name in names) and max(map(len, row.splitlines())) < 200


def test_markdown_escapes_hostile_names(tmp_path, desk):
    (tmp_path / "bad.csv").write_text(
        "a|b <b>*x*,y\n" + "".join(f"{i},{abs(i - 5)}\n" for i in range(12))
    )
    desk("train", "bad.csv", "--alpha-ratio", 0.05, "-q", "-o", "bad.json")
    text = desk("explain", "bad.json", "--format", "markdown", "--show", "wedges")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert r"a\|b \<b\>\*x\*" in text


FAR = {
    "subnormal": ["1e-320", "3e-320", "4e-320", "2e-320", "9e-320", "6e-320"],
    "tiny": ["1e-230", "3e-230", "4e-230", "2e-230", "9e-230", "6e-230"],
}


@pytest.mark.parametrize("column", FAR)
def test_numbers_that_float64_cannot_hold_are_null(column, tmp_path):
    """A slope per unit of the file may be 1e320: the wedge is named, its rows are, and the number
    is null in JSON and a dash in tables, never NaN or infinity."""
    lines = [f"{x},{y}e90" for x, y in zip(FAR[column], (1, 5, 4, 2, 9, 3))]
    (tmp_path / "far.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    try:
        model = train(read_table(tmp_path / "far.csv"), Options(alpha_ratio=0.001), Silent())
    except ColumnError:
        assert column == "subnormal", "a column that cannot be computed with may be refused"
        return
    record = explain(model)
    text = json.dumps(record, allow_nan=False)
    assert json.loads(text)["terms"][0]["hinge"]["coefficient"] is None
    assert record["terms"][0]["hinge"]["weights"] in ({"x": 1.0}, {"x": -1.0})
    printed = to_text(tables.explain(record), None)
    assert not re.search(r"\b(nan|inf)\b", printed) and "–" in printed


def test_tables_suit_narrow_terminals(tmp_path):
    """On a phone's width a table becomes one cell a line; nothing is broken letter by letter."""
    record = explain(train(read_table(write_mixed(tmp_path)), Options(alpha_ratio=0.01), Silent()))
    for width in (30, 45, 59, 80, 120):
        console = Console(file=io.StringIO(), width=width, color_system=None)
        for part in tables.explain(record, ["wedges"]):
            console.print(part)
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        whole = [line.split() for line in lines]
        assert any("smoker" in " ".join(words) for words in whole) or width < 45
        assert sum(len(line.strip()) == 1 for line in lines) <= 2 * len(record["terms"])


def test_small_pictures_fit_their_terminal():
    assert (
        Meter(1.0, 1.0).drawn() == "█" * 10
        and Meter(0.5, 1.0).drawn() == "█" * 5
        and Meter(0.0, 1.0).drawn() == ""
    )
    assert Meter(0.5, 1.0).drawn(ascii_only=True) == "#####" and Meter(0.0, 0.0).drawn() == ""
    assert Spark([0, 1, 2, 3]).drawn() == "▁▃▆█" and Spark([1, 1]).drawn() == "▅▅"
    assert Spark([0, 4]).drawn(ascii_only=True).isascii()


# By effects ---------------------------------------------------------------------------------------


def test_effects_lead_and_say_what_columns_do(tmp_path):
    """|age − 45| has its least at 45, size rises, Ulm is highest; importances are the model's."""
    model = train(read_table(write_mixed(tmp_path, rows=120)), Options(alpha_ratio=0.01), Silent())
    record = explain(model)
    found = {tuple(effect["columns"]): effect for effect in record["effects"]}
    assert found[("age",)]["words"].startswith("falls to 4")
    assert found[("size",)]["words"] == "rises"
    assert found[("town",)]["words"].startswith("highest Ulm")
    assert [effect["share"] for effect in record["effects"]] == sorted(
        (effect["share"] for effect in record["effects"]), reverse=True
    )
    assert sum(effect["share"] for effect in record["effects"]) == pytest.approx(1)
    for part in model.importances:
        assert found[part.columns]["importance"] == part.importance
    assert record["wedges"] == record["terms"] and record["rows"] == record["samples"]
    assert record["baseline"] == list(model.effects().baseline.values())[0]


def test_shapes_of_effects_are_the_effects(tmp_path):
    """Curves, levels, gaps and grids in the record are the values of the effects there."""
    model = train(read_table(write_mixed(tmp_path, rows=120)), Options(alpha_ratio=0.003), Silent())
    effects = model.effects()
    states = {
        "age": lambda at: effects.numbers("age", np.array(at)),
        "size": lambda at: effects.numbers("size", np.array(at)),
        "town": lambda at: effects.levels("town", at),
        "smoker": lambda at: effects.levels("smoker", at),
    }
    kinds = set()
    for effect in explain(model)["effects"]:
        key = tuple(effect["columns"])
        if "curve" in effect:
            at, values = zip(*effect["curve"])
            assert list(at) == sorted(set(at))
            np.testing.assert_allclose(values, effects.of_states(key, states[key[0]](at))[:, 0])
        elif "levels" in effect:
            at, values = zip(*effect["levels"].items())
            np.testing.assert_allclose(values, effects.of_states(key, states[key[0]](at))[:, 0])
        else:
            x, y = effect["grid"]["x"], effect["grid"]["y"]
            for i, k in ((0, 0), (len(x) - 1, 0), (len(x) // 2, len(y) - 1)):
                here = [states[name]([at]) for name, at in zip(key, (x[i], y[k]))]
                expected = effects.of_states(key, *here)[0, 0]
                assert effect["grid"]["values"][i][k] == pytest.approx(expected, abs=1e-12)
        kinds |= {"curve", "levels", "grid"} & effect.keys()
    assert kinds == {"curve", "levels", "grid"}


def crossing(folder):
    """y = a·b: what b does turns with a; c·(level) does more at one level."""
    rng = np.random.default_rng(5)
    a, b, c = rng.uniform(-1, 1, size=(3, 150)).round(3)
    kind = np.where(rng.random(150) < 0.5, "x", "z")
    y = 3 * a * b + c + 2 * c * (kind == "z")
    lines = [f"{p},{q},{r},{k},{v:.4f}" for p, q, r, k, v in zip(a, b, c, kind, y)]
    (folder / "cross.csv").write_text("\n".join(["a,b,c,kind,y", *lines]) + "\n")
    return read_table(folder / "cross.csv")


def test_pairs_in_words(tmp_path):
    model = train(crossing(tmp_path), Options(alpha_ratio=0.01), Silent())
    words = {tuple(effect["columns"]): effect["words"] for effect in explain(model)["effects"]}
    assert words[("a", "b")] in (
        "b raises it where a is high, lowers it where it is low",
        "a raises it where b is high, lowers it where it is low",
    )
    assert words[("c", "kind")] in (
        "c raises it more with kind = z",
        "c raises it less with kind = x",
    )


@pytest.mark.parametrize("width", only([80], [80, 140]))
def test_any_model_fits_one_screen(width, tmp_path):
    """On a terminal: effects, pairs and the strongest wedges with their rows within 60 lines."""
    for name, model, _ in models(tmp_path):
        console = Console(file=io.StringIO(), width=width, color_system=None)
        record = explain(model)
        for part in tables.explain(record, short=True):
            console.print(part)
        lines = console.file.getvalue().splitlines()
        assert len(lines) <= 60 and max(map(len, lines)) <= width, name
        assert any("through rows" in line for line in lines), name
    long = train(read_table(write_mixed(tmp_path)), Options(alpha_ratio=1e-4), Silent())
    text = to_text(tables.explain(explain(long), short=True), None)
    assert len(long.neurons) > 20 and len(text.splitlines()) <= 60
    whole = to_text(tables.explain(explain(long)), None)
    assert all(f"\n{neuron.id:2d}   " in whole for neuron in long.neurons)


def test_classes_that_share_neurons_fit_one_screen_too(tmp_path):
    """Their equations repeat every hinge, and a list of coefficients leaves hinges no room."""
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=80) for name in ("age", "size", "weight", "height")}
    kind = np.array(["long name a", "long name b", "long name c"], dtype=object)
    table = table_of(columns | {"kind": kind[rng.integers(3, size=80)]})
    model = train(table, Options(loss="softmax", order=1, alpha_ratio=0.05), Silent())
    record = explain(model)
    assert len(model.neurons) > LONGEST_FORMULA and record["formula"] is None
    console = Console(file=io.StringIO(), width=100, color_system=None)
    for part in tables.explain(record, short=True):
        console.print(part)
    text = console.file.getvalue()
    assert len(text.splitlines()) <= 60 and "all coefficients are in" in text
    assert record["terms"][0]["hinge"]["text"] in text
    sizes = [effect["importance"] for effect in record["effects"]]
    assert sizes == sorted(sizes, reverse=True) and arranged(record)["effects"] == record["effects"]


def test_models_without_effects_say_why(tmp_path):
    deep = to_text(tables.explain(explain(kinds()["deep"])), None)
    assert "no effects: the network has more than one hidden layer" in deep
    assert "share of the penalty" in deep
    model = train(read_table(write_mixed(tmp_path)), Options(alpha_ratio=0.05), Silent())
    old = replace(model, distributions=(), importances=())
    record = explain(old)
    assert record["effects"] == [] and record["baseline"] is None
    assert "Train it again" in to_text(tables.explain(record), None)
    assert "Train it again" in to_text(tables.explain(record, ["effects"]), None)
    one = explain_row(old, read_table(tmp_path / MIXED), "5")
    assert "intercept" in to_text(tables.local(one), None)


def test_totals_rank_columns_as_shuffling_them_does(tmp_path):
    """A column's effects together, its own and its pairs', against what is lost when its cells are
    shuffled."""
    table = read_table(write_mixed(tmp_path, rows=150))
    model = train(table, Options(alpha_ratio=0.005, tol=1e-4), Silent())
    X, rng = model.encoding.transform(table), np.random.default_rng(0)
    lost = {}
    for column in model.encoding.inputs:
        own = [j for j, part in enumerate(model.encoding.features) if part.source == column.name]
        changes = []
        for _ in range(20):
            shuffled = X.copy()
            shuffled[:, own] = X[rng.permutation(len(X))][:, own]
            moved = model.network.forward(shuffled) - model.network.forward(X)
            changes.append(np.mean(moved**2))
        lost[column.name] = np.mean(changes)
    totals = {column["name"]: column["total"] for column in explain(model)["columns"]}
    assert sorted(totals, key=totals.get) == sorted(lost, key=lost.get)
    for name, total in totals.items():
        assert total == pytest.approx(math.sqrt(lost[name] / 2), rel=0.25)


def test_penalty_shares_are_those_of_the_penalty(tmp_path):
    table = read_table(write_mixed(tmp_path))
    model = train(table, Options(alpha_ratio=0.01, order=1), Silent())
    whole = sum(abs(neuron.coefficient) for neuron in model.neurons)
    for column in explain(model)["columns"]:
        own = sum(abs(n.coefficient) for n in model.neurons if n.id in column["neurons"])
        assert column["penalty_share"] == pytest.approx(own / whole, abs=1e-12)
