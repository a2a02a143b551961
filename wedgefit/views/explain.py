"""What a model says: its wedges in original units, its columns and curves, and the rows that the
wedges pass through."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from math import fsum

import numpy as np

from wedgefit.data.columns import RARE, UNLIMITED, InputColumn
from wedgefit.engine.problem import row_norms
from wedgefit.model.parts import Neuron, row_order, unit_name
from wedgefit.model.record import Model
from wedgefit.records import plain
from wedgefit.views.effects import effect_records, effects_of, why_none
from wedgefit.views.phrases import formula, hinge_text, side, where
from wedgefit.views.units import (
    ROUNDING,
    Hinge,
    hinges,
    inputs_at,
    outputs_of,
    part,
    rescaled,
    sum_at,
)


@lru_cache(maxsize=2)  # A page and its pictures all read the same one.
def explain(model: Model) -> dict:
    """The record behind ``wedgefit explain``: the effects of columns and pairs, which with the
    baseline add up to the output; the active wedges and the rows that they pass through; then the
    columns, curves and pairs as the wedges give them.

    Every wedge has its hinge twice: ``weights``, ``bias`` and ``coefficient`` as the solver saw it
    (‖weights‖_p = 1), and under ``hinge`` the same three in original units, with the largest weight
    1. Either way the output is the intercept plus the sum of coefficient × max(0, weights · columns
    + bias) over the terms of the last layer. Importances are shares of the prediction's variation,
    split over the columns by their weights and over the rows in equal parts; each kind adds up to
    1.

    ``limits`` and ``reach`` per column of numbers: numbers below the first and above the second of
    its reach count as the first and second of its limits; the formula and the curves hold within.
    """
    lists = _lists(model)
    effects = effects_of(model)
    record = {
        "schema": "wedgefit.explanation/1",
        "target": plain(model.data.target),
        "classes": plain(model.data.classes),
        "threshold": model.threshold and model.threshold.value,
        "outputs": list(model.outputs),
        "scale": model.scale,
        "formula": formula(model, lists["terms"]),
        "intercept": model.intercept,
        "baseline": None if effects is None else _joined(model, effects.baseline),
        "no_effects": why_none(model),
        "limits": {
            column.name: [None if end is None else end[1] for end in column.ends]
            for column in model.encoding.inputs
            if column.limits != UNLIMITED
        },
        "reach": {
            column.name: list(column.limits)
            for column in model.encoding.inputs
            if column.limits != UNLIMITED
        },
        **lists,
        "sizes": {name: len(items) for name, items in lists.items()},
    }
    return within_float64(record)


def _lists(model: Model) -> dict[str, list[dict]]:
    """The parts of the record that there are many of."""
    units = hinges(model)
    terms = [
        _term(model, neuron, units[neuron.id])
        for neuron in sorted(model.neurons, key=lambda neuron: -neuron.share)
    ]
    importance = _importance(model)
    samples = _samples(model, importance)
    effects = effects_of(model)
    return {
        "effects": [] if effects is None else effect_records(model, effects),
        "wedges": terms,
        "rows": samples,
        "terms": terms,
        "columns": _columns(model, importance),
        "curves": list(_curves(model, units)),
        "pairs": _pairs(model, units),
        "samples": samples,
    }


def _joined(model: Model, by_output: dict[str, float]) -> float | dict[str, float]:
    """A number for one output, else one per output."""
    return by_output if len(model.outputs) > 1 else by_output[model.outputs[0]]


def within_float64(value):
    """The record with None for numbers that leave the range of float64 in the units of the file, as
    a slope does where a column's spread is 1e-320."""
    if isinstance(value, dict):
        return {name: within_float64(part) for name, part in value.items()}
    if isinstance(value, list):
        return [within_float64(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _term(model: Model, neuron: Neuron, hinge: Hinge) -> dict:
    coefficient = rescaled(neuron.coefficient, hinge)
    return {
        "id": neuron.id,
        "layer": neuron.layer,
        "output": neuron.output,
        "order": neuron.order,
        "columns": neuron.columns,
        "samples": neuron.samples,
        "side": side(model, neuron, hinge),
        "where": where(model, neuron, hinge),
        "hinge": {
            "weights": hinge.weights,
            "bias": hinge.bias,
            "coefficient": coefficient,
            "text": hinge_text(hinge),
        },
        "weights": neuron.weights,
        "bias": neuron.bias,
        "coefficient": neuron.coefficient,
        "share": neuron.share,
        "active_rows": neuron.active_rows,
    }


def _importance(model: Model) -> dict[str, float]:
    """Of every neuron, by its ``unit_name``, and every feature: the share of the last layer, handed
    down by the weights.

    The importances of each layer, and those of the features, add up to 1 (0 for a constant).
    """
    return _handed_down(model, {neuron.id: neuron.share for neuron in model.layer(model.depth)})


def _penalty_shares(model: Model) -> dict[int, float]:
    """Of every neuron of the last layer, by its id: its part of Σ ‖coefficient‖."""
    last = model.layer(model.depth)
    sizes = row_norms(model.coefficients)
    whole = sizes.sum() or 1.0
    return dict(zip((neuron.id for neuron in last), (sizes / whole).tolist()))


def _handed_down(model: Model, shares: dict[int, float]) -> dict[str, float]:
    """Shares of the last layer's neurons, and what follows for the units and features below."""
    found: dict[str, float] = defaultdict(float)
    for neuron in model.layer(model.depth):
        found[unit_name(neuron.id)] = shares[neuron.id]
    for number in range(model.depth, 0, -1):
        for neuron in model.layer(number):
            whole = sum(map(abs, neuron.weights.values()))
            for name, weight in neuron.weights.items():
                found[name] += found[unit_name(neuron.id)] * abs(weight) / whole
    return found


def _columns(model: Model, importance: dict[str, float]) -> list[dict]:
    """The input columns of the table, the most important first, those that nothing reads last.

    ``total`` is how far the column moves the output with all effects that it has a part in, its
    own and those of pairs (null where there are no effects); ``importance`` is its part of the
    wedges' shares, ``penalty_share`` of the penalty: a size in the training problem, no measure of
    what a column does.
    """
    totals = _totals(model)
    penalty = _handed_down(model, _penalty_shares(model))
    records = []
    for column in model.encoding.inputs:
        names = [
            feature.name for feature in model.encoding.features if feature.source == column.name
        ]
        readers = [
            neuron.id
            for neuron in model.layer(1)
            if any(neuron.weights.get(name) for name in names)
        ]
        records.append({
            "name": column.name,
            "kind": column.kind,
            "total": None if totals is None else totals.get(column.name, 0.0),
            "importance": fsum(importance.get(name, 0.0) for name in names),
            "penalty_share": fsum(penalty.get(name, 0.0) for name in names),
            "features": names,
            "neurons": readers,
        })  # fmt: skip
    return sorted(records, key=lambda record: -record["importance"])


def _totals(model: Model) -> dict[str, float] | None:
    """By column the standard deviation that its effects would have together if they were
    uncorrelated, over all outputs; None where there are no effects."""
    if why_none(model) is not None:
        return None
    squares: dict[str, float] = defaultdict(float)
    for effect in model.importances:
        several = isinstance(effect.importance, dict)
        sizes = effect.importance.values() if several else [effect.importance]
        for column in effect.columns:
            squares[column] += sum(size**2 for size in sizes) / len(sizes)
    return {column: math.sqrt(square) for column, square in squares.items()}


def _samples(model: Model, importance: dict[str, float]) -> list[dict]:
    """Each distinct row that a wedge passes through, by its id.

    Its values in original units (levels and gaps as 0/1) and the cells that they stand for, its
    neurons, the classes that share it, and its ``influence``: its parts of the neurons' importance.
    """
    features = model.encoding.features
    through: dict[int | str, list[Neuron]] = defaultdict(list)
    for neuron in model.neurons:
        for row in neuron.samples:
            through[row].append(neuron)
    records = []
    for row in sorted(through, key=row_order):
        neurons, numbers = through[row], model.anchors[row]
        values = {
            feature.name: float(number * feature.scale + feature.center)
            for feature, number in zip(features, numbers)
        }
        records.append({
            "id": row,
            "values": values,
            "cells": {
                column.name: stored_cell(model, column, values) for column in model.encoding.inputs
            },
            "neurons": [neuron.id for neuron in neurons],
            "outputs": sorted({neuron.output for neuron in neurons if neuron.output is not None}),
            "influence": fsum(
                importance.get(unit_name(neuron.id), 0.0) / len(neuron.samples)
                for neuron in neurons
            ),
        })  # fmt: skip
    whole = fsum(record["influence"] for record in records) or 1.0
    return [record | {"influence": record["influence"] / whole} for record in records]


def stored_cell(model: Model, column: InputColumn, values: dict[str, float]) -> float | str | None:
    """The cell of a row from the values of its features; None where it was missing, or its level is
    not known any more."""
    own = [feature for feature in model.encoding.features if feature.source == column.name]
    on = [feature for feature in own if feature.kind != "number" and values[feature.name] == 1.0]
    if any(feature.kind == "missing" for feature in on):
        return None
    if column.kind == "numeric":
        return next((values[feature.name] for feature in own if feature.kind == "number"), None)
    rest = {*column.levels, *([RARE] if column.rare else [])} - {feature.level for feature in own}
    return on[0].level if on else rest.pop() if len(rest) == 1 else None


def _pairs(model: Model, units: dict[int, Hinge]) -> list[dict]:
    """The pairs of features that wedges of order 2 read, per output, the strongest first. None of a
    deep network."""
    found: dict[tuple, list[Neuron]] = defaultdict(list)
    for neuron in model.neurons if model.depth == 1 else ():
        if len(reads := units[neuron.id].reads) == 2:
            for output in outputs_of(model, neuron):
                found[*reads, output].append(neuron)
    records = [
        {
            "columns": [first, second],
            "output": output,
            "importance": fsum(neuron.share for neuron in neurons),
            "neurons": [neuron.id for neuron in neurons],
        }
        for (first, second, output), neurons in found.items()
    ]
    return sorted(records, key=lambda record: -record["importance"])


def _curves(model: Model, units: dict[int, Hinge]) -> Iterator[dict]:
    """Per output and column what its wedges of order 1 add to the output together. None of a deep
    network.

    Of a numeric column: the ``knots`` (where, the value there, the rows that the kink passes
    through), the slopes ``below`` the first and ``above`` the last, and the value for a ``missing``
    cell. Of a text column: the value of each level.
    """
    if model.depth > 1:
        return
    for output in model.outputs:
        for column in model.encoding.inputs:
            own = {
                feature.name for feature in model.encoding.features if feature.source == column.name
            }
            neurons = [
                neuron
                for neuron in model.neurons
                if output in outputs_of(model, neuron)
                and len(reads := units[neuron.id].reads) == 1
                and reads.keys() <= own
            ]
            if neurons:
                sum_ = _Sum(model, output, column, neurons)
                shape = _levels(sum_) if column.kind == "category" else _piecewise(sum_, units)
                yield {
                    "column": column.name,
                    "output": output,
                    "kind": column.kind,
                    "neurons": [neuron.id for neuron in neurons],
                    "importance": fsum(neuron.share for neuron in neurons),
                } | shape


@dataclass(frozen=True)
class _Sum:
    """What some neurons that read one column add to an output."""

    model: Model
    output: str
    column: InputColumn
    neurons: list[Neuron]

    def at(self, numbers: Sequence[float], missing: bool = False) -> list[float]:
        """At these numbers, which may stand for missing cells."""
        values = {self.column.name: np.array(numbers, dtype=float)}
        for feature in self.model.encoding.features:
            if (feature.source, feature.kind) == (self.column.name, "missing"):
                values[feature.name] = np.full(len(numbers), float(missing))
        return self._sum(values)

    def of(self, levels: Sequence[str]) -> list[float]:
        """At these levels."""
        values = {
            feature.name: np.array([float(level == feature.level) for level in levels])
            for feature in self.model.encoding.features
            if feature.source == self.column.name
        }
        return self._sum(values)

    def _sum(self, values: dict[str, np.ndarray]) -> list[float]:
        X = inputs_at(self.model, values)
        return sum_at(self.model, self.neurons, self.output, X).tolist()


def _levels(sum_: _Sum) -> dict:
    levels = [*sum_.column.levels, *([RARE] if sum_.column.rare else [])]
    return {"levels": dict(zip(levels, sum_.of(levels)))}


def _piecewise(sum_: _Sum, units: dict[int, Hinge]) -> dict:
    column, name = sum_.column, sum_.column.name
    readers = [neuron for neuron in sum_.neurons if name in units[neuron.id].reads]
    kinks = [(-units[neuron.id].bias / units[neuron.id].reads[name], neuron) for neuron in readers]
    span = max((abs(at) for at, _ in kinks), default=0.0)
    places: dict[float, set] = {}
    last = -math.inf
    for at, neuron in sorted(kinks, key=lambda kink: kink[0]):
        # Two hinges through one row, or through rows of one value, differ by rounding only.
        last = at if at - last > ROUNDING * span or not places else last
        places.setdefault(last, set()).update(neuron.samples)
    places = places or {column.fill: set()}
    # Where all beyond an end counts as it, the curve stays there; elsewhere it is told as far as
    # numbers count as themselves.
    stays = [end is not None and end[0] == end[1] for end in column.ends]
    for limit in compress(column.limits, stays):
        places.setdefault(limit, set())
    at = sorted(places)
    slopes = [
        (neuron.weights[name], units[neuron.id].rescaled(part(neuron, sum_.output)))
        for neuron in readers
    ]
    return {
        "knots": [
            {"at": x, "value": value, "samples": sorted(places[x], key=row_order)}
            for x, value in zip(at, sum_.at(at))
        ],
        "below": 0.0 if stays[0] else _slope(slopes, -1),
        "above": 0.0 if stays[1] else _slope(slopes, 1),
        "missing": sum_.at([column.fill], missing=True)[0],
    }


def _slope(slopes: list[tuple[float, float]], side: int) -> float:
    """Per original unit, of the hinges (weight, coefficient) that rise on this side, on which their
    largest weight, 1, is their only one."""
    return sum(side * coefficient for weight, coefficient in slopes if side * weight > 0)


def curve_values(curve: dict, grid: Sequence[float] | np.ndarray) -> np.ndarray:
    """The curve of a numeric column at these places, (k,); NaN beyond knots where the slope leaves
    float64."""
    grid = np.asarray(grid)
    at, values = (np.array([knot[part] for knot in curve["knots"]]) for part in ("at", "value"))
    total = np.interp(grid, at, values)
    for slope, beyond in (
        (curve["below"], np.minimum(grid - at[0], 0.0)),
        (curve["above"], np.maximum(grid - at[-1], 0.0)),
    ):
        total = total + np.where(beyond == 0, 0.0, math.nan if slope is None else slope) * beyond
    return total
