"""What a model says of itself: hinges in the units of the file, the rows they stand on, and a formula that adds up."""

from dataclasses import replace

import numpy as np
import pytest

from wedgefit.explain import LONGEST_FORMULA, explain, original_units
from wedgefit.fit import Options, train
from wedgefit.table import read_table


class Quiet:
    """Progress that nobody watches."""

    def advance(self, *_):
        pass

    note = advance


MIXED = "mixed.csv"


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
    """A feature as a person reads it off the table: the number (gaps filled), or 0/1 for a level or a gap."""
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
    """Intercept plus coefficient × hinge in original units, from the terms and the raw table alone."""
    scores = []
    for row in range(table.rows):
        total = record["intercept"]
        for term in record["terms"]:
            hinge = term["hinge"]
            height = hinge["bias"] + sum(weight * raw_value(table, row, name, encoding) for name, weight in hinge["weights"].items())
            total += hinge["coefficient"] * max(height, 0)
        scores.append(total)
    return np.array(scores)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("label", [True, False])
def test_terms_in_original_units_are_the_model(label, standardize, tmp_path):
    """The equations are the product: evaluated by hand on the raw cells they must give the network's output."""
    table = read_table(write_mixed(tmp_path, label=label))
    model = train(table, Options(alpha_ratio=0.003, standardize=standardize), Quiet())
    record = explain(model)
    kinds = {feature.kind for feature in model.encoding.features}
    assert kinds == {"number", "level", "missing"}
    assert len(record["terms"]) == len(model.neurons) > 3
    by_hand = scores_by_hand(record, table, model.encoding)
    np.testing.assert_allclose(by_hand, model.scores(table), rtol=1e-9, atol=1e-9)
    new = read_table(write_mixed(tmp_path, rows=15, seed=9, label=label))
    by_hand = scores_by_hand(record, new, model.encoding)
    np.testing.assert_allclose(by_hand, model.scores(new), rtol=1e-9, atol=1e-9)


def test_terms_in_the_solvers_units_are_unit_neurons(tmp_path):
    table = read_table(write_mixed(tmp_path))
    model = train(table, Options(alpha_ratio=0.03), Quiet())
    for term, neuron in zip(explain(model)["terms"], sorted(model.neurons, key=lambda neuron: -neuron.share)):
        assert sum(map(abs, term["weights"].values())) == pytest.approx(1, rel=1e-12)
        assert (term["id"], term["weights"], term["bias"]) == (neuron.id, neuron.weights, neuron.bias)
        assert list(term["weights"]) == term["columns"] and term["order"] == len(term["columns"])


def test_shares_add_up_and_fall(tmp_path):
    """A share is the part of a neuron in the prediction's variation, measured on the training rows."""
    table = read_table(write_mixed(tmp_path))
    model = train(table, Options(alpha_ratio=0.03), Quiet())
    shares = [term["share"] for term in explain(model)["terms"]]
    assert sum(shares) == pytest.approx(1, rel=1e-12) and shares == sorted(shares, reverse=True) and min(shares) >= 0
    (normals, offsets), z = model.units(1), model.coefficients
    heights = model.encoding.transform(table) @ normals.T + offsets
    spread = np.abs(z) * np.maximum(heights, 0).std(axis=0)
    assert [neuron.share for neuron in model.neurons] == pytest.approx((spread / spread.sum()).tolist(), rel=1e-9)
    assert [neuron.active_rows for neuron in model.neurons] == (heights > 1e-9 * np.abs(heights).max(axis=0)).sum(axis=0).tolist()


@pytest.mark.parametrize("id_column", [None, "name"])
def test_samples_are_rows_of_the_table(id_column, tmp_path):
    """"Rows 118 and 42": the ids and values named are those in the file, and the wedges pass through them."""
    table = read_table(write_mixed(tmp_path, id_column=bool(id_column)), id_column=id_column)
    model = train(table, Options(alpha_ratio=0.03), Quiet())
    record = explain(model)
    assert len({sample["id"] for sample in record["samples"]}) == len(record["samples"]) > 3
    for sample in record["samples"]:
        row = table.row_ids.index(sample["id"])
        assert id_column is None or isinstance(sample["id"], str)
        assert list(sample["values"]) == list(model.encoding.names)
        for name, value in sample["values"].items():
            assert value == pytest.approx(raw_value(table, row, name, model.encoding), rel=1e-12, abs=1e-12)
        holds = [term["id"] for term in record["terms"] if sample["id"] in term["samples"]]
        assert sorted(sample["neurons"]) == sorted(holds) != []
        for term in record["terms"]:
            if sample["id"] in term["samples"]:
                height = term["bias"] + sum(
                    weight * model.anchors[sample["id"]][model.encoding.names.index(name)] for name, weight in term["weights"].items()
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
    model = train(read_table(write_tent(folder)), Options(alpha=0.1, standardize=False), Quiet())
    made = [
        replace(model.neurons[0], id=i, weights={"x": weight}, bias=bias, coefficient=coefficient, share=1 / (i + 1))
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
    model = train(table, Options(alpha_ratio=0.01), Quiet())
    text = explain(model)["formula"]
    for sign, plain in (("−", "-"), ("·", "*")):
        text = text.replace(sign, plain)
    name, formula = text.split(" = ")
    assert name == "y"
    values = [eval(formula, {"max": max, "x": x}) for x in table.column("x").values]
    np.testing.assert_allclose(values, model.scores(table), atol=5e-3)


def test_formula_names_the_class_it_speaks_for(tmp_path):
    model = train(read_table(write_mixed(tmp_path, label=True)), Options(alpha_ratio=0.5), Quiet())
    record = explain(model)
    assert record["classes"] == ["high", "low"]
    assert record["formula"].startswith("score of low = ")


def test_long_formulas_are_left_out(tmp_path):
    table = read_table(write_mixed(tmp_path))
    for ratio in (0.5, 0.001):
        record = explain(train(table, Options(alpha_ratio=ratio), Quiet()))
        assert (record["formula"] is None) == (len(record["terms"]) > LONGEST_FORMULA)


def test_a_model_without_neurons_explains_itself(tmp_path):
    """Above alpha_max nothing is left but the mean."""
    table = read_table(write_tent(tmp_path))
    model = train(table, Options(alpha_ratio=2.0), Quiet())
    record = explain(model)
    assert record["terms"] == [] and record["samples"] == []
    assert record["formula"] == f"y = {table.column('y').values.mean():.4g}".replace("-", "−")


def test_original_units_of_one_neuron(tmp_path):
    """x = center + scale · u: weights are divided by the scale, the bias shifted by the center."""
    table = read_table(write_tent(tmp_path))
    model = train(table, Options(alpha_ratio=0.01), Quiet())
    (feature,) = model.encoding.features
    for neuron in model.neurons:
        weights, bias, coefficient = original_units(model, neuron)
        assert abs(weights["x"]) == 1, "the largest weight is one: max(0, x − 2)"
        u = 1.7
        before = neuron.coefficient * (neuron.weights["x"] * u + neuron.bias)
        assert coefficient * (weights["x"] * (feature.center + feature.scale * u) + bias) == pytest.approx(before, rel=1e-12)
