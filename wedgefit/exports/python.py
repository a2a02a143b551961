"""A model as one Python module that needs nothing but Python: ``standalone.py`` with the tables of
the model in place of its own.

Every text of the model reaches the module through ``repr``, so that no name or level can become
code.
"""

import ast
from dataclasses import asdict
from importlib.resources import files

import numpy as np

from wedgefit import __version__
from wedgefit.engine.network import Layer
from wedgefit.exports.plan import Feature, NumberColumn, Plan, TextColumn


def to_python(plan: Plan) -> str:
    """The module's source text: ``predict(row)``, ``probabilities(row)``, ``scores(row)``, and a
    script for CSV files."""
    tables = {
        "WRITTEN_BY": f"wedgefit {__version__}",
        "TARGETS": plan.targets,
        "CLASSES": plan.classes,
        "PROBABLE": plan.probable,
        "SOFTMAX": plan.shared,
        "EXPONENTIAL": plan.exponential,
        "ASCENDING": plan.ascending,
        "EXPOSURE": plan.exposure,
        "CUT": plan.cut,
        "MISSING": plan.missing,
        "MISSING_NUMBERS": plan.reading.missing_numbers,
        "DECIMAL": plan.reading.decimal,
        "THOUSANDS": plan.reading.thousands,
        "COMMENT": plan.reading.comment,
        "HEADER": plan.reading.header,
        "INPUTS": {column.name: _described(column) for column in plan.columns},
        "FEATURES": list(map(_encoded, plan.features)),
        "LAYERS": list(map(_units, plan.network.hidden)),
        "OUTPUTS": _units(plan.network.output),
    }
    source = files("wedgefit.exports").joinpath("standalone.py").read_text(encoding="utf-8")
    lines = source.split("\n")
    # From the last to the first, so that the numbers of the lines above stay right.
    for statement in reversed(ast.parse(source).body):
        if isinstance(statement, ast.Assign):
            name = statement.targets[0].id
            written = f"{name} = {_laid_out(tables[name])}"
            lines[statement.lineno - 1 : statement.end_lineno] = [written]
    return "\n".join(lines)


def _described(column: NumberColumn | TextColumn) -> dict:
    """All of the column but its name."""
    return {key: part for key, part in asdict(column).items() if key != "name"}


def _encoded(feature: Feature) -> tuple:
    return feature.column.name, feature.kind, feature.level, feature.center, feature.scale


def _units(layer: Layer) -> list[tuple[dict[int, float], float]]:
    """Per unit its non-zero weights by the position of what it reads, and its bias."""
    columns = (
        {int(i): float(weights[i]) for i in np.flatnonzero(weights)} for weights in layer.weights.T
    )
    return [(column, float(bias)) for column, bias in zip(columns, layer.biases)]


def _laid_out(value, indent: str = "") -> str:
    """The value as Python source, long lists and dicts with one entry per line."""
    if len(text := repr(value)) <= 100 or not isinstance(value, list | dict):
        return text
    deeper = indent + "    "
    if isinstance(value, dict):
        lines = [f"{deeper}{key!r}: {_laid_out(item, deeper)},\n" for key, item in value.items()]
        return "{\n" + "".join(lines) + indent + "}"
    return "[\n" + "".join(f"{deeper}{_laid_out(item, deeper)},\n" for item in value) + indent + "]"
