"""What a model says: its wedges in original units, its columns and curves, and the rows that the
wedges pass through."""

import math
from collections import defaultdict
from functools import lru_cache
from math import fsum

from wedgefit.data.columns import RARE, UNLIMITED, InputColumn
from wedgefit.engine.problem import row_norms
from wedgefit.model.intervals import reaches
from wedgefit.model.parts import Neuron, row_order, unit_name
from wedgefit.model.record import Model
from wedgefit.records import plain
from wedgefit.views.curves import curve_records
from wedgefit.views.effects import effect_records, effects_of, why_none
from wedgefit.views.phrases import formula, hinge_text, side, where
from wedgefit.views.units import (
    Hinge,
    hinges,
    outputs_of,
    rescaled,
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
    limited = [column for column in model.encoding.inputs if column.limits != UNLIMITED]
    record = {
        "schema": "wedgefit.explanation/1",
        "target": plain(model.data.target),
        "classes": plain(model.data.classes),
        "threshold": model.threshold and model.threshold.value,
        "steps": [plain(steps) for steps in model.steps],
        "outputs": list(model.outputs),
        "scale": model.scale,
        "formula": formula(model, lists["terms"]),
        "intercept": model.intercept,
        "baseline": None if effects is None else _joined(model, effects.baseline),
        "no_effects": why_none(model),
        "interval_reach": plain(reaches(model.intervals)),
        "limits": {
            column.name: [None if end is None else end[1] for end in column.ends]
            for column in limited
        },
        "reach": {column.name: list(column.limits) for column in limited},
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
        "curves": list(curve_records(model, units)),
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
        values = {feature.name: feature.raw(number) for feature, number in zip(features, numbers)}
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
