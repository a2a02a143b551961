"""One prediction: how every output is put together."""

from math import fsum

import numpy as np

from wedgefit.data.table import Table
from wedgefit.data.words import shown
from wedgefit.errors import TableError
from wedgefit.model.parts import Neuron
from wedgefit.model.record import Model
from wedgefit.records import plain
from wedgefit.views.effects import effects_of, why_none
from wedgefit.views.phrases import hinge_text, where
from wedgefit.views.units import Hinge, hinges, intercept_of, outputs_of

LOCAL_SCHEMA = "wedgefit.local/1"


def contributions(model: Model, table: Table) -> dict[str, dict]:
    """Per output how each score is put together: ``intercept``, the ids of its ``neurons``, and
    their ``parts`` (n, m).

    Intercept plus the parts of a row is the row's score. Neurons of deeper layers contribute, those
    below feed them.
    """
    last = model.layer(model.depth)
    activations = model.network.activations(model.encoding.transform(table))
    z, found = model.coefficients, {}
    for k, output in enumerate(model.outputs):
        # Adding 0 turns the -0.0 of idle neurons into 0.0.
        own = [j for j, neuron in enumerate(last) if output in outputs_of(model, neuron)]
        ids = [last[j].id for j in own]
        found[output] = {
            "intercept": intercept_of(model, output),
            "neurons": ids,
            "parts": activations[:, own] * z[own, k] + 0.0,
        }
    return found


def parts_of(model: Model, table: Table) -> dict[str, list[tuple[str, tuple, np.ndarray]]]:
    """Per output what adds up to its score, names with the columns that are meant and values (n,):
    first "average", then what each column adds ("contribution_age") and each pair
    ("contribution_age:size"); or "intercept", then the neurons by id where the model has no
    effects."""
    effects = effects_of(model)
    found = {}
    if effects is None:
        for output, record in contributions(model, table).items():
            start = ("intercept", (), np.full(table.rows, record["intercept"]))
            parts = zip(record["neurons"], record["parts"].T)
            found[output] = [start, *((f"contribution_{k}", (), part) for k, part in parts)]
        return found
    values = effects.at(table)
    for k, output in enumerate(model.outputs):
        start = ("average", (), np.full(table.rows, effects.baseline[output]))
        # Adding 0 turns -0.0 into 0.0.
        parts = (
            (f"contribution_{':'.join(key)}", key, part[:, k] + 0.0) for key, part in values.items()
        )
        found[output] = [start, *parts]
    return found


def explain_row(model: Model, table: Table, row: str) -> dict:
    """The record behind ``wedgefit explain DATA --row``: the prediction as baseline plus effects,
    and as intercept plus what every wedge adds, the largest first.

    ``effects`` add up to the score minus the ``baseline``, on the ``scale`` that is named; the
    ``score`` of each of the ``outputs`` is the sum of its wedges, from which probabilities follow,
    or are ``in_steps`` by rows held out. Scores of counts are for one unit
    of the ``exposure``, whose value the prediction is multiplied by where the table has it (a null
    value: it has not). Raises TableError where the table has no such row.
    """
    one = _taken(table, row, model)
    scores = model.scores(one)
    probabilities = model.probabilities(scores)
    classes = plain(model.data.classes)
    return {
        "schema": LOCAL_SCHEMA,
        "data": {"source": table.source, "row": one.row_ids[0]},
        "target": plain(model.data.target),
        "classes": classes,
        "values": {
            column.name: _cell(one.columns[column.name].values[0])
            for column in model.encoding.inputs
        },
        "remarks": list(model.encoding.remarks(one)),
        "exposure": _exposure(model, one),
        "prediction": model.decided(scores, exposure=model.exposures(one))[0],
        "probabilities": None
        if probabilities is None
        else dict(zip(map(str, classes), probabilities[0].tolist())),
        "in_steps": bool(model.steps),
        "row": one.row_ids[0],
        "scale": model.scale,
        **_effects(model, one),
        "outputs": _sums(model, one),
    }


def _exposure(model: Model, one: Table) -> dict | None:
    """How long or how much the row was counted, by the name of the column."""
    if model.data.exposure is None:
        return None
    values = model.exposures(one)
    value = None if values is None else float(values[0])
    return {"name": model.data.exposure, "value": value}


def _effects(model: Model, one: Table) -> dict:
    """The baseline, and every effect on a table of one row, the largest first; null and none where
    the model has no effects."""
    effects = effects_of(model)
    if effects is None:
        return {"baseline": None, "effects": [], "no_effects": why_none(model)}
    found = []
    for key, values in effects.at(one).items():
        cells = [_cell(one.columns[name].values[0]) for name in key]
        for output, value in zip(model.outputs, values[0].tolist()):
            if value:
                found.append({
                    "columns": list(key),
                    "value": cells[0] if len(cells) == 1 else cells,
                    "output": output,
                    "contribution": value,
                })  # fmt: skip
    found.sort(key=lambda effect: -abs(effect["contribution"]))
    several = len(model.outputs) > 1
    baseline = effects.baseline if several else effects.baseline[model.outputs[0]]
    return {"baseline": baseline, "effects": found, "no_effects": None}


def _taken(table: Table, row: str, model: Model) -> Table:
    """The row of that id alone. Raises TableError where there is none."""
    ids = [str(known) for known in table.row_ids]
    if row not in ids:
        some = f"Rows are numbered {ids[0]} to {ids[-1]}."
        if table.id_column is not None:
            some = f"Rows are named by column {shown(table.id_column)}."
        # A table of lags has lost those that the model cannot read.
        which = "" if model.lags is None else " whose history is whole"
        raise TableError(f"there is no row {shown(row)}{which}.", where=table.title, remedy=some)
    return table.take([ids.index(row)])


def _sums(model: Model, one: Table) -> list[dict]:
    """Per output its score on a table of one row, and the parts of it."""
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
        outputs.append({
            "output": output,
            "score": score,
            "intercept": record["intercept"],
            "contributions": terms,
        })  # fmt: skip
    return outputs


def _local(model: Model, neuron: Neuron, hinge: Hinge, contribution: float) -> dict:
    return {
        "id": neuron.id,
        "columns": neuron.columns,
        "samples": neuron.samples,
        "where": where(model, neuron, hinge),
        "hinge": hinge_text(hinge),
        "contribution": contribution,
    }


def _cell(value) -> float | str | None:
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else float(value)
