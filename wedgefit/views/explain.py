"""What a model says: its wedges in original units, the rows they pass through, and how a prediction
is put together."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from wedgefit.data.encoding import RARE, UNLIMITED, Feature, InputColumn
from wedgefit.data.table import Table, shown
from wedgefit.errors import TableError
from wedgefit.model.record import Model, Neuron, row_order, unit_name

# A formula of more hinges than this, per output, is no longer readable.
LONGEST_FORMULA = 12
# Beside the largest, a weight or a bias of this relative size is what rounding left of zero.
ROUNDING = 1e-12
LOCAL_SCHEMA = "wedgefit.local/1"
SORTS = ("importance", "id", "columns")
TABLES = ("wedges", "columns", "curves", "samples")


@dataclass(frozen=True)
class Hinge:
    """A unit neuron in original units: its activation is ``factor`` × max(0, weights · inputs +
    bias), the largest weight being 1.

    Inputs are columns as the CSV file has them (levels and gaps as 0/1); in a deeper layer the
    hinges of the layer below, by ``unit_name``. ``reads``: the weights that are not zero but for
    rounding, since two rows with the same value in a column make a wedge of order 2 that reads this
    column alone.
    """

    weights: dict[str, float]
    bias: float
    factor: float
    reads: dict[str, float]


def hinges(model: Model) -> dict[int, Hinge]:
    """All neurons in original units, by id."""
    features = {feature.name: feature for feature in model.encoding.features}
    found: dict[int, Hinge] = {}
    scales = {name: (feature.center, 1.0 / feature.scale) for name, feature in features.items()}
    for neuron in sorted(model.neurons, key=lambda neuron: neuron.layer):
        found[neuron.id] = _hinge(neuron, scales)
        scales[unit_name(neuron.id)] = 0.0, found[neuron.id].factor
    return found


def _hinge(neuron: Neuron, scales: dict[str, tuple[float, float]]) -> Hinge:
    """``scales``: per input its center in original units, and what one original unit is in those of
    the solver."""
    weights = {name: weight * scales[name][1] for name, weight in neuron.weights.items()}
    largest = max(map(abs, weights.values()))
    weights = {name: weight / largest for name, weight in weights.items()}
    shifts = [
        neuron.bias / largest,
        *(-weight * scales[name][0] for name, weight in weights.items()),
    ]
    bias = sum(shifts)
    bias = bias if abs(bias) > ROUNDING * max(map(abs, shifts)) else 0.0
    heaviest = max(map(abs, neuron.weights.values()))
    return Hinge(
        weights,
        bias,
        largest,
        {
            name: weights[name]
            for name, weight in neuron.weights.items()
            if abs(weight) > ROUNDING * heaviest
        },
    )


def original_units(
    model: Model, neuron: Neuron
) -> tuple[dict[str, float], float, float | dict[str, float] | None]:
    """Weights by input, bias and coefficient in original units: "max(0, times − 13.8)"."""
    hinge = hinges(model)[neuron.id]
    return hinge.weights, hinge.bias, _rescaled(neuron.coefficient, hinge.factor)


def _rescaled(coefficient, factor: float):
    if isinstance(coefficient, dict):
        return {name: value * factor for name, value in coefficient.items()}
    return None if coefficient is None else coefficient * factor


# The whole model ----------------------------------------------------------------------------------


def explain(model: Model) -> dict:
    """The record behind ``wedgefit explain``: the active wedges, the columns, their curves, the
    strongest pairs, the samples.

    Every term has its hinge twice: ``weights``, ``bias`` and ``coefficient`` as the solver saw it
    (‖weights‖_p = 1), and under ``hinge`` the same three in original units, with the largest weight
    1. Either way the output is the intercept plus the sum of coefficient × max(0, weights · columns
    + bias) over the terms of the last layer. Importances are shares of the prediction's variation,
    split over the columns by their weights and over the rows in equal parts; each kind adds up to
    1.
    """
    units = hinges(model)
    terms = [
        _term(model, neuron, units[neuron.id])
        for neuron in sorted(model.neurons, key=lambda neuron: -neuron.share)
    ]
    importance = _importance(model)
    lists = {
        "terms": terms,
        "columns": _columns(model, importance),
        "curves": list(_curves(model, units)),
        "pairs": _pairs(model, units),
        "samples": _samples(model, importance),
    }
    return {
        "schema": "wedgefit.explanation/1",
        "target": model.data["target"],
        "classes": model.data["classes"],
        "outputs": list(model.outputs),
        "formula": _formula(model, terms),
        "intercept": model.intercept,
        "limits": {
            column.name: list(column.limits)
            for column in model.encoding.inputs
            if column.limits != UNLIMITED
        },
        **lists,
        "sizes": {name: len(items) for name, items in lists.items()},
    }


def limit_texts(limits: dict[str, list[float | None]]) -> list[str]:
    """Per column with limits how its far values count: "Fare counts as at most 263"."""
    words = {
        name: [
            f"at {least} {limit:.10g}"
            for least, limit in zip(("least", "most"), pair)
            if limit is not None
        ]
        for name, pair in limits.items()
    }
    return [f"{name} counts as {' and '.join(ends)}" for name, ends in words.items()]


def hinge_texts(model: Model) -> list[str]:
    """The hinges of the last hidden layer in original units, in the order of the neurons."""
    units = hinges(model)
    return [_hinge_text(units[neuron.id]) for neuron in model.layer(model.depth)]


def _term(model: Model, neuron: Neuron, hinge: Hinge) -> dict:
    coefficient = _rescaled(neuron.coefficient, hinge.factor)
    return {
        "id": neuron.id,
        "layer": neuron.layer,
        "output": neuron.output,
        "order": neuron.order,
        "columns": neuron.columns,
        "samples": neuron.samples,
        "side": _side(model, neuron, hinge),
        "where": _where(model, neuron, hinge),
        "hinge": {
            "weights": hinge.weights,
            "bias": hinge.bias,
            "coefficient": coefficient,
            "text": _hinge_text(hinge),
        },
        "weights": neuron.weights,
        "bias": neuron.bias,
        "coefficient": neuron.coefficient,
        "share": neuron.share,
        "active_rows": neuron.active_rows,
    }


def coefficient_for(term: dict, output: str) -> float:
    """The coefficient of a term's hinge in one output; 0 of a term that only feeds deeper
    layers."""
    coefficient = term["hinge"]["coefficient"]
    if isinstance(coefficient, dict):
        return coefficient[output]
    return coefficient if coefficient is not None and term["output"] in (None, output) else 0.0


def _intercept(model: Model, output: str) -> float:
    return model.intercept[output] if isinstance(model.intercept, dict) else model.intercept


def _importance(model: Model) -> dict[str, float]:
    """Of every neuron, by its ``unit_name``, and every feature: the share of the last layer, handed
    down by the weights.

    The importances of each layer, and those of the features, add up to 1 (0 for a constant).
    """
    found: dict[str, float] = defaultdict(float)
    for neuron in model.layer(model.depth):
        found[unit_name(neuron.id)] = neuron.share
    for number in range(model.depth, 0, -1):
        for neuron in model.layer(number):
            whole = sum(map(abs, neuron.weights.values()))
            for name, weight in neuron.weights.items():
                found[name] += found[unit_name(neuron.id)] * abs(weight) / whole
    return found


def _columns(model: Model, importance: dict[str, float]) -> list[dict]:
    """The input columns of the table, the most important first, those that nothing reads last."""
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
        record = {
            "name": column.name,
            "kind": column.kind,
            "importance": fsum(importance.get(name, 0.0) for name in names),
        }
        records.append(record | {"features": names, "neurons": readers})
    return sorted(records, key=lambda record: -record["importance"])


def _samples(model: Model, importance: dict[str, float]) -> list[dict]:
    """Each distinct row that a wedge passes through, by its id.

    Its values in original units (levels and gaps as 0/1) and the cells that they stand for, its
    neurons, the classes that share it, and its ``influence``: its parts of the neurons' importance.
    """
    features = model.encoding.features
    center, scale = (
        np.array([getattr(feature, part) for feature in features]) for part in ("center", "scale")
    )
    records = []
    for row in model.report()["samples"]:
        neurons = [neuron for neuron in model.neurons if row in neuron.samples]
        influence = fsum(
            importance.get(unit_name(neuron.id), 0.0) / len(neuron.samples) for neuron in neurons
        )
        values = dict(
            zip(model.encoding.names, (np.array(model.anchors[row]) * scale + center).tolist())
        )
        records.append({
            "id": row,
            "values": values,
            "cells": {column.name: _stored_cell(model, column, values) for column in model.encoding.inputs},
            "neurons": [neuron.id for neuron in neurons],
            "outputs": sorted({neuron.output for neuron in neurons if neuron.output is not None}),
            "influence": influence,
        })  # fmt: skip
    whole = fsum(record["influence"] for record in records) or 1.0
    return [record | {"influence": record["influence"] / whole} for record in records]


def _stored_cell(model: Model, column: InputColumn, values: dict[str, float]) -> float | str | None:
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
            for output in _outputs_of(model, neuron):
                found[*reads, output].append(neuron)
    records = [
        {"columns": [first, second], "output": output, "importance": fsum(neuron.share for neuron in neurons),
         "neurons": [neuron.id for neuron in neurons]}
        for (first, second, output), neurons in found.items()
    ]  # fmt: skip
    return sorted(records, key=lambda record: -record["importance"])


def _outputs_of(model: Model, neuron: Neuron) -> Sequence[str]:
    return model.outputs if neuron.output is None else (neuron.output,)


# One column: a piecewise-linear curve -------------------------------------------------------------


def _curves(model: Model, units: dict[int, Hinge]) -> Iterator[dict]:
    """Per output and column what its terms of order 1 add to the output together. None of a deep
    network.

    Of a numeric column: the ``knots`` (where, the value there, the rows that the kink passes
    through), the slopes ``below`` the first and ``above`` the last, and the value for a ``missing``
    cell. Of a text column: the value of each level.
    """
    if model.depth > 1:
        return
    for output in model.outputs:
        for column in model.encoding.inputs:
            features = {
                feature.name: feature
                for feature in model.encoding.features
                if feature.source == column.name
            }
            parts = [
                (term, units[term.id])
                for term in model.neurons
                if output in _outputs_of(model, term)
            ]
            parts = [
                (term, hinge)
                for term, hinge in parts
                if len(hinge.reads) == 1 and hinge.reads.keys() <= features.keys()
            ]
            if parts:
                share = fsum(neuron.share for neuron, _ in parts)
                start = {
                    "column": column.name,
                    "output": output,
                    "kind": column.kind,
                    "neurons": [neuron.id for neuron, _ in parts],
                }
                effect = _Effect(
                    features,
                    [(_part(neuron, output) * hinge.factor, hinge) for neuron, hinge in parts],
                )
                shape = (
                    _levels(column, effect)
                    if column.kind == "category"
                    else _piecewise(column, parts, effect)
                )
                yield start | {"importance": share} | shape


def _part(neuron: Neuron, output: str) -> float:
    return (
        neuron.coefficient[output] if isinstance(neuron.coefficient, dict) else neuron.coefficient
    )


@dataclass(frozen=True)
class _Effect:
    """A sum of hinges, given as (coefficient, hinge), that each read one of the ``features`` of a
    column."""

    features: dict[str, Feature]
    parts: list[tuple[float, Hinge]]

    def __call__(
        self, number: float = 0.0, level: str | None = None, missing: bool = False
    ) -> float:
        """The sum where the cell is this number or level, or is missing."""
        raw = {"number": number, "missing": float(missing)}
        values = {name: raw.get(feature.kind, 0.0) for name, feature in self.features.items()}
        values |= {
            name: float(feature.level == level)
            for name, feature in self.features.items()
            if feature.level is not None
        }
        return fsum(coefficient * max(0.0, hinge.bias + sum(weight * values[name] for name, weight in hinge.reads.items()))
                    for coefficient, hinge in self.parts)  # fmt: skip


def _levels(column: InputColumn, effect: _Effect) -> dict:
    levels = [*column.levels, *([RARE] if column.rare else [])]
    return {"levels": {level: effect(level=level) for level in levels}}


def _piecewise(column: InputColumn, parts: list[tuple[Neuron, Hinge]], effect: _Effect) -> dict:
    kinks = [
        (-hinge.bias / hinge.reads[column.name], neuron)
        for neuron, hinge in parts
        if column.name in hinge.reads
    ]
    span = max((abs(at) for at, _ in kinks), default=0.0)
    knots: list[dict] = []
    for at, neuron in sorted(kinks, key=lambda kink: kink[0]):
        # Two hinges through one row, or through rows of one value, differ by rounding only.
        if not knots or at - knots[-1]["at"] > ROUNDING * span:
            knots.append({"at": at, "value": effect(at), "samples": []})
        knots[-1]["samples"] = sorted({*knots[-1]["samples"], *neuron.samples}, key=row_order)
    knots = knots or [{"at": column.fill, "value": effect(column.fill), "samples": []}]
    lowest, highest = column.limits
    ends = [
        {"at": limit, "value": effect(limit), "samples": []}
        for limit in (lowest, highest)
        if limit is not None
    ]
    knots = sorted(
        [*knots, *(end for end in ends if all(end["at"] != knot["at"] for knot in knots))],
        key=lambda knot: knot["at"],
    )
    slopes = [
        (coefficient * weight, weight)
        for coefficient, hinge in effect.parts
        for name, weight in hinge.reads.items()
        if name == column.name
    ]
    return {
        "knots": knots,
        "below": fsum(slope for slope, weight in slopes if weight < 0) if lowest is None else 0.0,
        "above": fsum(slope for slope, weight in slopes if weight > 0) if highest is None else 0.0,
        "missing": effect(column.fill, missing=True),
    }


def curve_values(curve: dict, grid: Sequence[float] | np.ndarray) -> np.ndarray:
    """The curve of a numeric column at these places, (k,)."""
    grid = np.asarray(grid)
    at, values = (np.array([knot[part] for knot in curve["knots"]]) for part in ("at", "value"))
    inner = np.interp(grid, at, values)
    return (
        inner
        + curve["below"] * np.minimum(grid - at[0], 0.0)
        + curve["above"] * np.maximum(grid - at[-1], 0.0)
    )


# The model away from the rows ---------------------------------------------------------------------


def scores_at(model: Model, values: dict[str, np.ndarray]) -> np.ndarray:
    """The network's output, (k,) or (k, K), where the features have these values (k,) in original
    units, one array for each."""
    limited = {column.name: column.limited for column in model.encoding.inputs}
    raw = [
        limited[feature.source](values[feature.name])
        if feature.kind == "number"
        else values[feature.name]
        for feature in model.encoding.features
    ]
    columns = [
        (value - feature.center) / feature.scale
        for value, feature in zip(raw, model.encoding.features)
    ]
    return model.network.forward(np.column_stack(columns))


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
        feature.name: value * feature.scale + feature.center
        for feature, value in zip(features, model.anchors[row])
    }
    base = scores_at(model, {name: np.array([value]) for name, value in start.items()}).reshape(
        1, len(model.outputs)
    )
    records = []
    for column in model.encoding.inputs:
        own = [feature for feature in features if feature.source == column.name]
        levels = [*column.levels, *([RARE] if column.rare else [])]
        at = grids.get(column.name, np.array([column.fill])) if column.kind == "numeric" else levels
        values = {name: np.full(len(at), value) for name, value in start.items()}
        for feature in own:
            tried = (
                at if feature.kind == "number" else [float(level == feature.level) for level in at]
            )
            values[feature.name] = np.array(tried, dtype=float)
        change = scores_at(model, values).reshape(len(at), len(model.outputs)) - base
        for k, output in enumerate(model.outputs):
            shape = (
                {"levels": dict(zip(levels, change[:, k].tolist()))}
                if levels
                else {"at": at.tolist(), "values": change[:, k].tolist()}
            )
            records.append(
                {"column": column.name, "output": output, "kind": column.kind, "row": row} | shape
            )
    return records


def pair_values(model: Model, pair: dict, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What the wedges of a pair of features add to its output, (k,), where the features have these
    values (k,)."""
    units, neurons = hinges(model), {neuron.id: neuron for neuron in model.neurons}
    total = np.zeros(len(first))
    for k in pair["neurons"]:
        across, up = (units[k].reads[name] for name in pair["columns"])
        factor = _part(neurons[k], pair["output"]) * units[k].factor
        total += factor * np.maximum(across * first + up * second + units[k].bias, 0.0)
    return total


# One prediction -----------------------------------------------------------------------------------


def contributions(model: Model, table: Table) -> dict[str, dict]:
    """Per output how each score is put together: ``intercept``, the ids of its ``neurons``, and
    their ``parts`` (n, m).

    Intercept plus the parts of a row is the row's score. Neurons of deeper layers contribute, those
    below feed them.
    """
    last = model.layer(model.depth)
    activations = model.network.activations(model.encoding.transform(table))
    z = model.coefficients.reshape(len(last), len(model.outputs))
    found = {}
    for k, output in enumerate(model.outputs):
        # Adding 0 turns the -0.0 of idle neurons into 0.0.
        own = [j for j, neuron in enumerate(last) if output in _outputs_of(model, neuron)]
        ids = [last[j].id for j in own]
        found[output] = {
            "intercept": _intercept(model, output),
            "neurons": ids,
            "parts": activations[:, own] * z[own, k] + 0.0,
        }
    return found


def explain_row(model: Model, table: Table, row: str) -> dict:
    """The record behind ``wedgefit explain DATA --row``: the prediction as intercept plus
    contributions, the largest first.

    The ``score`` is their sum. Raises TableError where the table has no such row.
    """
    ids = [str(known) for known in table.row_ids]
    if row not in ids:
        some = (
            f"Rows are numbered 1 to {table.rows}."
            if table.id_column is None
            else f"Rows are named by column {shown(table.id_column)}."
        )
        raise TableError(f"there is no row {shown(row)}.", where=table.title, remedy=some)
    one = table.take([ids.index(row)])
    units = hinges(model)
    neurons = {neuron.id: neuron for neuron in model.neurons}
    outputs = []
    for output, record in contributions(model, one).items():
        terms = [
            _local(model, neurons[k], units[k], part)
            for k, part in zip(record["neurons"], record["parts"][0].tolist())
        ]
        score = fsum([record["intercept"], *(term["contribution"] for term in terms)])
        terms.sort(key=lambda term: -abs(term["contribution"]))
        outputs.append(
            {
                "output": output,
                "score": score,
                "intercept": record["intercept"],
                "contributions": terms,
            }
        )
    scores = model.scores(one)
    probabilities = model.probabilities(scores)
    prediction = model.decided(scores)[0]
    return {
        "schema": LOCAL_SCHEMA,
        "data": {"source": table.source, "row": one.row_ids[0]},
        "target": model.data["target"],
        "classes": model.data["classes"],
        "values": {
            column.name: _cell(one.columns[column.name].values[0])
            for column in model.encoding.inputs
        },
        "remarks": list(model.encoding.remarks(one)),
        "prediction": prediction,
        "probabilities": None
        if probabilities is None
        else dict(zip(map(str, model.data["classes"]), probabilities[0].tolist())),
        "outputs": outputs,
    }


def _local(model: Model, neuron: Neuron, hinge: Hinge, contribution: float) -> dict:
    return {
        "id": neuron.id,
        "columns": neuron.columns,
        "samples": neuron.samples,
        "where": _where(model, neuron, hinge),
        "hinge": _hinge_text(hinge),
        "contribution": contribution,
    }


def _cell(value) -> float | str | None:
    return (
        None
        if value is None or value != value
        else value
        if isinstance(value, str)
        else float(value)
    )


# What to show of a record -------------------------------------------------------------------------


def arranged(record: dict, sort: str = "importance", top: int | None = None) -> dict:
    """The record with its lists sorted ("importance", "id" or "columns") and only so many entries
    of each.

    Its ``sizes`` go on telling how many there are.
    """
    if record["schema"] == LOCAL_SCHEMA:
        parts = [
            output | {"contributions": _arranged(output["contributions"], sort, top)}
            for output in record["outputs"]
        ]
        return record | {"outputs": parts}
    return record | {name: _arranged(record[name], sort, top) for name in record["sizes"]}


def _arranged(items: list[dict], sort: str, top: int | None) -> list[dict]:
    return sorted(
        items, key={"importance": _by_importance, "id": _by_id, "columns": _by_columns}[sort]
    )[:top]


def _by_importance(item: dict) -> float:
    sizes = (
        item[name] for name in ("importance", "influence", "share", "contribution") if name in item
    )
    return -abs(next(sizes))


def _by_id(item: dict) -> tuple:
    return row_order(item["id"]) if "id" in item else ()


def _by_columns(item: dict) -> list[str]:
    names = item.get("columns") or [item.get("name", item.get("column", ""))]
    return list(map(str, names))


def flat(record: dict, table: str) -> dict[str, list]:
    """One table of a record as columns of plain values, at full precision: what CSV can hold."""
    rows = _flat_local(record) if record["schema"] == LOCAL_SCHEMA else list(_FLAT[table](record))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _flat_local(record: dict) -> list[dict]:
    rows = []
    for output in record["outputs"]:
        start = {"output": output["output"]}
        rows.append(
            start
            | {
                "id": "intercept",
                "contribution": output["intercept"],
                "columns": "",
                "samples": "",
                "where": "",
                "hinge": "",
            }
        )
        rows += [
            start
            | {name: term[name] for name in ("id", "contribution")}
            | _words(term, "where", "hinge")
            for term in output["contributions"]
        ]
    return rows


def _words(item: dict, *names: str) -> dict[str, str]:
    return {name: "; ".join(map(str, item[name])) for name in ("columns", "samples")} | {
        name: item[name] for name in names
    }


def _flat_wedges(record: dict) -> Iterator[dict]:
    for term in record["terms"]:
        hinge = term["hinge"]
        several = {
            f"coefficient_{output}": coefficient_for(term, output) for output in record["outputs"]
        }
        coefficient = (
            several
            if isinstance(hinge["coefficient"], dict)
            else {"coefficient": hinge["coefficient"]}
        )
        start = {name: term[name] for name in ("id", "layer", "output")}
        yield (
            start
            | _words(term, "where")
            | {"hinge": hinge["text"]}
            | coefficient
            | {name: term[name] for name in ("share", "active_rows")}
        )


def _flat_columns(record: dict) -> Iterator[dict]:
    for column in record["columns"]:
        yield {
            "name": column["name"],
            "importance": column["importance"],
            "neurons": "; ".join(map(str, column["neurons"])),
        }


def _flat_curves(record: dict) -> Iterator[dict]:
    """A line per knot, or per level."""
    for curve in record["curves"]:
        start = {"output": curve["output"], "column": curve["column"]}
        for knot in curve.get("knots", ()):
            yield start | {
                "at": knot["at"],
                "value": knot["value"],
                "samples": "; ".join(map(str, knot["samples"])),
            }
        for level, value in curve.get("levels", {}).items():
            yield start | {"at": level, "value": value, "samples": ""}


def _flat_samples(record: dict) -> Iterator[dict]:
    for sample in record["samples"]:
        own = {
            "id": sample["id"],
            "influence": sample["influence"],
            "neurons": "; ".join(map(str, sample["neurons"])),
        }
        yield own | {
            f"{name} (cell)" if name in own else name: cell
            for name, cell in sample["cells"].items()
        }


_FLAT = {
    "wedges": _flat_wedges,
    "columns": _flat_columns,
    "curves": _flat_curves,
    "samples": _flat_samples,
}


# Words --------------------------------------------------------------------------------------------


def _side(model: Model, neuron: Neuron, hinge: Hinge) -> str:
    """On which side of what the hinge is active: "above the line", of which the first column goes
    across and the second up."""
    name, weight = list(hinge.reads.items())[-1]
    side = "above" if weight > 0 else "below"
    kinds = {feature.name: feature.kind for feature in model.encoding.features}
    if len(hinge.reads) == 1:
        return (
            side
            if kinds.get(name) not in ("level", "missing")
            else name
            if weight > 0
            else f"not {name}"
        )
    expected = neuron.order - (not model.problem["hidden_bias"])
    thing = {2: "line", 3: "plane"}.get(len(hinge.reads), "hyperplane")
    return f"{side} {'the' if len(neuron.samples) == expected else 'a'} {thing}"


def _where(model: Model, neuron: Neuron, hinge: Hinge) -> str:
    """The same with the rows: "above the line through rows 12 and 57"."""
    side = _side(model, neuron, hinge)
    if len(hinge.reads) == 1 and side not in ("above", "below"):
        return side
    through = [_row_words(neuron.samples)] if neuron.samples else []
    if not model.problem["hidden_bias"]:
        through.append(
            "the means" if model.problem["standardized"] and neuron.layer == 1 else "the origin"
        )
    return f"{side} {'through ' if len(hinge.reads) > 1 else ''}{' and '.join(through)}"


def _row_words(samples: Sequence[int | str]) -> str:
    """``rows 12, 57 and 90``."""
    *first, last = map(str, samples)
    return f"rows {', '.join(first)} and {last}" if first else f"row {last}"


def _hinge_text(hinge: Hinge, names: dict[str, str] | None = None) -> str:
    """``max(0, age − 0.5·bmi + 3)``, to four digits: for reading, not for computing. ``names``:
    what to write for an input."""
    parts = [(weight, (names or {}).get(name, name)) for name, weight in hinge.reads.items()]
    return f"max(0, {_linear_text(parts, hinge.bias)})"


def _formula(model: Model, terms: list[dict]) -> str | None:
    """One equation per output and line, the layers put into each other; None where it would be too
    long to read."""
    units = hinges(model)
    size: dict[str, int] = {}
    for neuron in sorted(model.neurons, key=lambda neuron: neuron.layer):
        size[unit_name(neuron.id)] = 1 + sum(size.get(name, 0) for name in units[neuron.id].reads)
    last = [term for term in terms if term["layer"] == model.depth]
    if sum(size[unit_name(term["id"])] for term in last) > LONGEST_FORMULA * len(model.outputs):
        return None
    # Only the short ones are written out: text put into text grows without limit.
    texts: dict[str, str] = {}
    for neuron in sorted(model.neurons, key=lambda neuron: neuron.layer):
        if size[unit_name(neuron.id)] <= LONGEST_FORMULA * len(model.outputs):
            texts[unit_name(neuron.id)] = _hinge_text(units[neuron.id], texts)
    return "\n".join(_equation(model, output, last, texts) for output in model.outputs)


def _equation(model: Model, output: str, terms: list[dict], texts: dict[str, str]) -> str:
    parts = [
        (factor, texts[unit_name(term["id"])])
        for term in terms
        if (factor := coefficient_for(term, output))
    ]
    name = output if model.encoding.target.classes is None else f"score of {output}"
    return f"{name} = {_linear_text(parts, _intercept(model, output), constant_first=True)}"


def _linear_text(
    parts: list[tuple[float, str]], constant: float, constant_first: bool = False
) -> str:
    """A sum of factor·name terms and a constant, with proper signs and factors of one left out."""
    products = [
        (factor, name if f"{abs(factor):.4g}" == "1" else f"{abs(factor):.4g}·{name}")
        for factor, name in parts
    ]
    alone = [(constant, f"{abs(constant):.4g}")] if constant or not parts else []
    signed = alone + products if constant_first else products + alone
    text = "".join(f" {'−' if value < 0 else '+'} {words}" for value, words in signed).strip()
    return text[2:] if text.startswith("+") else text.replace("− ", "−", 1)
