"""A model in the units of its file: neurons as hinges, and its output away from the rows."""

import math
from dataclasses import dataclass

import numpy as np

from wedgefit.data.columns import RARE
from wedgefit.model.parts import Neuron, unit_name
from wedgefit.model.record import Model

# Beside the largest, a weight or a bias of this relative size is what rounding left of zero.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Hinge:
    """A unit neuron in original units: its activation is ``factor`` × max(0, weights · inputs +
    bias), the largest weight being 1.

    Inputs are columns as the CSV file has them (levels and gaps as 0/1); in a deeper layer the
    hinges of the layer below, by ``unit_name``. ``reads``: the weights that are not zero but for
    rounding, since two rows with the same value in a column make a wedge of order 2 that reads this
    column alone. ``factor`` is infinite where a column's spread lies below what float64 can divide
    by.
    """

    weights: dict[str, float]
    bias: float
    factor: float
    reads: dict[str, float]
    heaviest: float
    unit: float

    def rescaled(self, coefficient: float) -> float:
        """What a coefficient of the unit neuron is as one of this hinge."""
        return _product_over(coefficient, self.heaviest, self.unit)


def hinges(model: Model) -> dict[int, Hinge]:
    """All neurons in original units, by id."""
    found: dict[int, Hinge] = {}
    units = {feature.name: (feature.center, feature.scale) for feature in model.encoding.features}
    for neuron in sorted(model.neurons, key=lambda neuron: neuron.layer):
        found[neuron.id] = _hinge(neuron, units)
        units[unit_name(neuron.id)] = 0.0, _product_over(1.0, 1.0, found[neuron.id].factor)
    return found


def _hinge(neuron: Neuron, units: dict[str, tuple[float, float]]) -> Hinge:
    """``units``: per input its center in original units, and what one unit of the solver is in
    them."""
    read = {name: weight for name, weight in neuron.weights.items() if weight}
    # Compared by logarithms: a weight in original units may leave the range of float64.
    largest = max(read, key=lambda name: math.log(abs(read[name])) - _log(units[name][1]))
    heaviest, unit = abs(read[largest]), units[largest][1]
    weights = {
        name: _product_over(weight / heaviest, unit, units[name][1])
        for name, weight in neuron.weights.items()
    }
    shifts = [
        _product_over(neuron.bias, unit, heaviest),
        *(-weight * units[name][0] for name, weight in weights.items()),
    ]
    bias = sum(shifts)
    if not abs(bias) > ROUNDING * max(map(abs, shifts)):
        bias = 0.0
    most = max(map(abs, read.values()))
    reads = {name: weights[name] for name in read if abs(read[name]) > ROUNDING * most}
    return Hinge(weights, bias, _product_over(heaviest, 1.0, unit), reads, heaviest, unit)


def _log(value: float) -> float:
    return math.log(value) if value else -math.inf


def _product_over(a: float, b: float, c: float) -> float:
    """a·b/c without an overflow on the way; infinite where the result itself leaves float64."""
    if not c or math.isinf(a) or math.isinf(b):
        return math.copysign(math.inf, a) if a else 0.0
    (first, p), (second, q), (third, r) = map(math.frexp, (a, b, c))
    try:
        return math.ldexp(first * second / third, p + q - r)
    except OverflowError:
        return math.copysign(math.inf, a)


def rescaled(coefficient, hinge: Hinge):
    """A coefficient, or one per target, as that of the hinge; None of a layer below the last."""
    if isinstance(coefficient, dict):
        return {name: hinge.rescaled(value) for name, value in coefficient.items()}
    return None if coefficient is None else hinge.rescaled(coefficient)


def part(neuron: Neuron, output: str) -> float:
    """The coefficient of a neuron of the last layer in one output."""
    coefficient = neuron.coefficient
    return coefficient[output] if isinstance(coefficient, dict) else coefficient


def intercept_of(model: Model, output: str) -> float:
    """The output bias of one output."""
    return model.intercept[output] if isinstance(model.intercept, dict) else model.intercept


def outputs_of(model: Model, neuron: Neuron) -> tuple[str, ...]:
    """The outputs that a neuron adds to."""
    return model.outputs if neuron.output is None else (neuron.output,)


# The model away from the rows ---------------------------------------------------------------------


def inputs_at(model: Model, values: dict[str, np.ndarray]) -> np.ndarray:
    """The inputs of the network, (k, d), where the features have these values (k,) in original
    units; a feature that is not named is 0 for the network, but an end follows from its number."""
    rows = len(next(iter(values.values())))
    limited = {column.name: column.limited for column in model.encoding.inputs}
    X = np.zeros((rows, len(model.encoding.features)))
    for j, feature in enumerate(model.encoding.features):
        name = feature.source if feature.kind == "end" else feature.name
        if name in values:
            raw = np.asarray(values[name], dtype=float)
            raw = limited[feature.source](raw) if feature.kind in ("number", "end") else raw
            raw = raw == feature.at if feature.kind == "end" else raw
            X[:, j] = (raw - feature.center) / feature.scale
    return X


def scores_at(model: Model, values: dict[str, np.ndarray]) -> np.ndarray:
    """What is predicted by, (k, K) as of ``Model.scores``, where the features have these values
    (k,) in original units: all numbers are named, levels and gaps that are not are 0."""
    return model.predictor.forward(inputs_at(model, values))


def typical_row(model: Model) -> int | str | None:
    """Of the rows that the network stands on the one nearest to their medians; None where there are
    none."""
    if not model.anchors:
        return None
    rows = np.array(list(model.anchors.values()))
    return list(model.anchors)[int(np.abs(rows - np.median(rows, axis=0)).sum(axis=1).argmin())]


def responses(model: Model, row: int | str, grids: dict[str, np.ndarray]) -> list[dict]:
    """How the output changes from a stored row when one column changes: a record per output and
    column.

    ``grids``: the values to try of each numeric column. Of a numeric column ``at`` and ``values``
    (k,), of a text column the values of its ``levels``. This is what can be drawn of networks whose
    terms read many columns.
    """
    features = model.encoding.features
    start = {
        feature.name: feature.raw(number) for feature, number in zip(features, model.anchors[row])
    }
    base = scores_at(model, {name: np.array([value]) for name, value in start.items()})
    records = []
    for column in model.encoding.inputs:
        levels = [*column.levels, *([RARE] if column.rare else [])]
        at = grids.get(column.name, np.array([column.fill])) if column.kind == "numeric" else levels
        values = {name: np.full(len(at), value) for name, value in start.items()}
        for feature in (feature for feature in features if feature.source == column.name):
            if feature.kind == "end":
                del values[feature.name]
                continue
            number = feature.kind == "number"
            tried = at if number else [float(level == feature.level) for level in at]
            values[feature.name] = np.array(tried, dtype=float)
        change = scores_at(model, values) - base
        for k, output in enumerate(model.outputs):
            place = {"column": column.name, "output": output, "kind": column.kind, "row": row}
            added = change[:, k].tolist()
            shape = {"levels": dict(zip(levels, added))} if levels else {"at": at.tolist()}
            records.append(place | shape | ({} if levels else {"values": added}))
    return records


def sum_at(model: Model, neurons: list[Neuron], output: str, X: np.ndarray) -> np.ndarray:
    """What these neurons of a network with one hidden layer add to an output together, (k,), at the
    inputs X (k, d) of the network."""
    position = {name: j for j, name in enumerate(model.encoding.names)}
    total = np.zeros(len(X))
    for neuron in neurons:
        height = np.full(len(X), neuron.bias)
        for name, weight in neuron.weights.items():
            height += weight * X[:, position[name]]
        total += part(neuron, output) * np.maximum(height, 0.0)
    return total
