"""What a model says: its wedges in original units, the rows they pass through, and the samples it stands on."""

from collections.abc import Iterator

import numpy as np

from wedgefit.model import Model, Neuron

# A formula of more terms than this is no longer readable.
LONGEST_FORMULA = 12


def explain(model: Model) -> dict:
    """The record behind ``wedgefit explain``: one term per active wedge, then the distinct samples selected.

    Every term has its hinge twice: ``weights``, ``bias`` and ``coefficient`` as the solver saw it (‖weights‖_p = 1), and under
    ``hinge`` the same three in original units, with the largest weight 1. Either way the output is the intercept plus the
    sum of coefficient × max(0, weights · columns + bias).
    """
    terms = [_term(model, neuron) for neuron in sorted(model.neurons, key=lambda neuron: -neuron.share)]
    return {
        "schema": "wedgefit.explanation/1",
        "target": model.data["target"],
        "classes": model.data["classes"],
        "outputs": list(model.outputs),
        "formula": "\n".join(_formulas(model, terms)) if len(terms) <= LONGEST_FORMULA * len(model.outputs) else None,
        "intercept": model.intercept,
        "terms": terms,
        "samples": _samples(model),
    }


def original_units(model: Model, neuron: Neuron) -> tuple[dict[str, float], float, float | dict[str, float]]:
    """Weights by column, bias and coefficient, for columns as the CSV file has them (levels and gaps as 0/1).

    Scaled such that the largest weight is 1: "max(0, times − 13.8)".
    """
    features = {feature.name: feature for feature in model.encoding.features}
    weights = {name: weight / features[name].scale for name, weight in neuron.weights.items()}
    largest = max(map(abs, weights.values()))
    weights = {name: weight / largest for name, weight in weights.items()}
    bias = neuron.bias / largest - sum(weight * features[name].center for name, weight in weights.items())
    z = neuron.coefficient
    return weights, bias, {name: value * largest for name, value in z.items()} if isinstance(z, dict) else z * largest


def hinge_texts(model: Model) -> list[str]:
    """The hinges of the last hidden layer in original units, in the order of the neurons."""
    return [_hinge_text(*original_units(model, neuron)[:2]) for neuron in model.layer(model.depth)]


def _term(model: Model, neuron: Neuron) -> dict:
    weights, bias, coefficient = original_units(model, neuron)
    return {
        "id": neuron.id,
        "layer": neuron.layer,
        "output": neuron.output,
        "order": neuron.order,
        "columns": neuron.columns,
        "samples": neuron.samples,
        "hinge": {"weights": weights, "bias": bias, "coefficient": coefficient, "text": _hinge_text(weights, bias)},
        "weights": neuron.weights,
        "bias": neuron.bias,
        "coefficient": neuron.coefficient,
        "share": neuron.share,
        "active_rows": neuron.active_rows,
    }


def _hinge_text(weights: dict[str, float], bias: float) -> str:
    """``max(0, age − 0.5·bmi + 3)``, to four digits: for reading, not for computing."""
    # A wedge through rows that are equal in a column does not depend on the other.
    return f"max(0, {_linear_text([(weight, name) for name, weight in weights.items() if weight], bias)})"


def _formulas(model: Model, terms: list[dict]) -> Iterator[str]:
    """One equation per output."""
    for output in model.outputs:
        parts = [(factor, term["hinge"]["text"]) for term in terms if (factor := coefficient_for(term, output))]
        name = output if model.encoding.target.classes is None else f"score of {output}"
        intercept = model.intercept[output] if isinstance(model.intercept, dict) else model.intercept
        yield f"{name} = {_linear_text(parts, intercept, constant_first=True)}"


def coefficient_for(term: dict, output: str) -> float:
    """The coefficient of a term's hinge in one output."""
    coefficient = term["hinge"]["coefficient"]
    if isinstance(coefficient, dict):
        return coefficient[output]
    return coefficient if term["output"] in (None, output) else 0.0


def _linear_text(parts: list[tuple[float, str]], constant: float, constant_first: bool = False) -> str:
    """A sum of factor·name terms and a constant, with proper signs and factors of one left out."""
    products = [(factor, name if f"{abs(factor):.4g}" == "1" else f"{abs(factor):.4g}·{name}") for factor, name in parts]
    alone = [(constant, f"{abs(constant):.4g}")] if constant or not parts else []
    signed = alone + products if constant_first else products + alone
    text = "".join(f" {'−' if value < 0 else '+'} {words}" for value, words in signed).strip()
    return text[2:] if text.startswith("+") else text.replace("− ", "−", 1)


def _samples(model: Model) -> list[dict]:
    """Each distinct row that a wedge passes through: its values in original units, its neurons, and the classes that share it."""
    features = model.encoding.features
    center, scale = (np.array([getattr(feature, part) for feature in features]) for part in ("center", "scale"))
    return [
        {
            "id": row,
            "values": dict(zip(model.encoding.names, (np.array(model.anchors[row]) * scale + center).tolist())),
            "neurons": [neuron.id for neuron in model.neurons if row in neuron.samples],
            "outputs": sorted({neuron.output for neuron in model.neurons if row in neuron.samples and neuron.output is not None}),
        }
        for row in model.report()["samples"]
    ]
