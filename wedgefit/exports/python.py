"""A model as one Python module that needs nothing but Python: data tables from the model, then a
few fixed functions.

Every text of the model reaches the module through ``repr``, so that no name or level can become
code.
"""

import math

import numpy as np

from wedgefit import __version__
from wedgefit.data.encoding import Feature, InputColumn, spellings
from wedgefit.data.table import DEFAULT_NA
from wedgefit.model.record import Model


def to_python(model: Model) -> str:
    """The module's source text: ``predict(row)``, ``probabilities(row)``, ``scores(row)``, and a
    script for CSV files."""
    *hidden, (outer, intercepts) = model.network.layers
    target = model.encoding.target
    tables = {
        "TARGETS": target.names,
        "CLASSES": target.classes,
        "LOGISTIC": model.problem["loss"] == "logistic",
        "MISSING": DEFAULT_NA,
        "INPUTS": {column.name: _described(column) for column in model.encoding.inputs},
        "FEATURES": [_encoded(feature) for feature in model.encoding.features],
        "LAYERS": [_units(weights, biases) for weights, biases in hidden if len(biases)],
        "OUTPUTS": _units(outer, intercepts),
    }
    notes = {
        "INPUTS": "Per column the number that fills gaps, and between which limits numbers count; of text what each cell counts as (None: a missing one), how numbers\n"
        "# are spelled, and what texts that training did not see count as.",
        "FEATURES": "(column, what it is 1 for unless a number, center, scale): (value - center) / scale.",
        "LAYERS": "Per hidden layer its neurons: the weights by the position of what they read, and the bias.",
        "OUTPUTS": "The same for the outputs.",
    }
    parts = [_HEAD.format(version=__version__)]
    for name, value in tables.items():
        parts.append(
            (f"# {notes[name]}\n" if name in notes else "") + f"{name} = {_laid_out(value)}\n"
        )
    return "\n".join(parts) + _CODE


def _described(column: InputColumn) -> tuple:
    """The fill and the limits of a numeric column; of text the level of each cell, the spelling of
    numbers, and the level of other texts."""
    if column.kind == "numeric":
        return (column.fill, *column.limits)
    # No cell holds an infinite number, and Python source has no word for one.
    spelling = {
        number: level for number, level in spellings(column.groups).items() if math.isfinite(number)
    }
    return column.cells, spelling, column.other


def _encoded(feature: Feature) -> tuple:
    return feature.source, feature.kind, feature.level, feature.center, feature.scale


def _units(weights: np.ndarray, biases: np.ndarray) -> list[tuple[dict[int, float], float]]:
    """Per column of ``weights`` (inputs, units) its non-zero entries by position, and its bias."""
    columns = ({int(i): float(column[i]) for i in np.flatnonzero(column)} for column in weights.T)
    return [(column, float(bias)) for column, bias in zip(columns, biases)]


def _laid_out(value, indent: str = "") -> str:
    """The value as Python source, long lists and dicts with one entry per line."""
    if len(text := repr(value)) <= 100 or not isinstance(value, list | dict):
        return text
    deeper = indent + "    "
    if isinstance(value, dict):
        lines = [f"{deeper}{key!r}: {_laid_out(item, deeper)},\n" for key, item in value.items()]
        return "{\n" + "".join(lines) + indent + "}"
    return "[\n" + "".join(f"{deeper}{_laid_out(item, deeper)},\n" for item in value) + indent + "]"


_HEAD = '''"""A ReLU network, written out by wedgefit {version}; it needs Python 3.8 or newer and nothing else.

    predict(row)         a number, a list of numbers where there are several targets, or the label of a class
    probabilities(row)   the probability of every class, by its label (models with the logistic loss)
    scores(row)          the outputs of the network

``row`` is a dict of the columns in INPUTS: numbers, or texts as in a CSV file; None, NaN and the texts in MISSING are missing.
As a script it reads a CSV file and writes predictions: python THIS_FILE < rows.csv > predictions.csv
"""

import csv
import math
import sys
'''

_CODE = '''

def predict(row):
    """What the model predicts for one row, a dict by column."""
    return decided(scores(row))


def probabilities(row):
    """The probability of every class, a dict by label."""
    if not LOGISTIC:
        raise ValueError("this model has no probabilities: it was not trained with the logistic loss")
    return dict(zip(CLASSES, class_probabilities(scores(row))))


def scores(row):
    """The outputs of the network, a list."""
    values = encoded(row)
    for layer in LAYERS:
        values = [max(0.0, value) for value in affine(layer, values)]
    return affine(OUTPUTS, values)


def affine(units, values):
    """Per unit the weighted sum of what it reads, plus its bias."""
    return [sum(weight * values[i] for i, weight in weights.items()) + bias for weights, bias in units]


def decided(outputs):
    """The numbers themselves; of two classes the second where the output is positive, else the class of the largest."""
    if CLASSES is None:
        return outputs[0] if len(outputs) == 1 else outputs
    if len(outputs) == 1:
        return CLASSES[outputs[0] > 0]
    return CLASSES[outputs.index(max(outputs))]


def class_probabilities(outputs):
    """From log-odds: of the second of two classes, or of every class against the rest, normalised."""
    if len(outputs) == 1:
        return [math.exp(log_expit(-outputs[0])), math.exp(log_expit(outputs[0]))]
    logs = [log_expit(output) for output in outputs]
    parts = [math.exp(log - max(logs)) for log in logs]
    return [part / sum(parts) for part in parts]


def log_expit(x):
    """log(1 / (1 + exp(-x)))."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def encoded(row):
    """The features of one row, in the units the network reads. Raises ValueError for what the model cannot read."""
    absent = [column for column in INPUTS if column not in row]
    if absent:
        raise ValueError("columns are missing: " + ", ".join(map(repr, absent)))
    values = {column: read(column, row[column]) for column in INPUTS}
    features = []
    for column, kind, level, center, scale in FEATURES:
        value, missing = values[column]
        raw = value if kind == "number" else missing if level is None else value == level
        feature = (raw - center) / scale
        if not abs(feature) < math.inf:
            raise ValueError("column %r: the value %r is too large to compute with" % (column, value))
        features.append(feature)
    return features


def read(column, cell):
    """The number of a cell, gaps filled and within the limits, or the level that its text counts as; and whether it is missing."""
    rule = INPUTS[column]
    if isinstance(rule[0], dict):
        cells, spelling, other = rule
        text = spelled(cell, spelling)
        return cells.get(None if text in MISSING and text not in cells else text, other), False
    number, (fill, lowest, highest) = as_number(column, cell), rule
    if math.isnan(number):
        return fill, True
    number = number if lowest is None else max(lowest, number)
    return number if highest is None else min(highest, number), False


def spelled(cell, spelling):
    """A cell as text without surrounding space, a number as training spelled it; None where it is missing."""
    if cell is None or isinstance(cell, str):
        return cell if cell is None else cell.strip()
    number = float(cell)
    if math.isnan(number):
        return None
    plain = int(number) if number.is_integer() and abs(number) < 1e16 else number
    return spelling.get(number) or repr(plain)


def as_number(column, cell):
    """A cell as a finite number, NaN where it is missing."""
    if cell is None or (isinstance(cell, str) and cell.strip() in MISSING):
        return math.nan
    try:
        # Python would also read 1_000 and digits of other scripts.
        if isinstance(cell, str) and ("_" in cell or not cell.strip().isascii() or "n" in cell.lower()):
            raise ValueError
        number = float(cell)
        if math.isinf(number):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError("column %r: %r is not a finite number" % (column, cell)) from None
    return number


def main():
    """Predictions for a CSV file from standard input to standard output."""
    csv.field_size_limit(2**24)
    with open(0, encoding="utf-8-sig", newline="") as source, open(1, "w", encoding="utf-8", newline="") as sink:
        names, *rows = [[cell.strip() for cell in cells] for cells in csv.reader(source, strict=True)] or [[]]
        writer = csv.writer(sink, lineterminator="\\n")
        labels = ["probability_%s" % label for label in CLASSES] if LOGISTIC else []
        writer.writerow(["prediction_%s" % name for name in TARGETS] + labels)
        while rows and not rows[-1]:
            rows.pop()
        for position, cells in enumerate(rows, start=2):
            # A blank line is no row, unless an empty cell looks like one.
            cells = cells or [""]
            if len(cells) == len(names):
                outputs = scores(dict(zip(names, cells)))
                decision = decided(outputs)
                found = class_probabilities(outputs) if LOGISTIC else []
                writer.writerow((decision if len(TARGETS) > 1 else [decision]) + found)
            elif cells != [""]:
                raise ValueError("record %d has %d fields, %d expected" % (position, len(cells), len(names)))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        pass  # The reader, like head, has seen enough.
    except (ValueError, csv.Error) as error:
        sys.exit("error: %s" % error)
'''
