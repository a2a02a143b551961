"""A ReLU network, written out by wedgefit; it needs Python 3.8 or newer and nothing else.

    predict(row)         a number; a list of numbers where there are several targets or
                         quantiles; or a label
    probabilities(row)   the probability of every class, by its label (where the loss gives some)
    scores(row)          the outputs of the network

``row`` is a dict of the columns in INPUTS: numbers, or texts as in a CSV file. None, NaN and the
texts in MISSING are missing. A bool is a number in a column of numbers, and in a column of text
what training saw for it. As a script it reads a CSV file and writes predictions:

    python THIS_FILE < rows.csv > predictions.csv
"""

import csv
import math
import re
import sys

# The model. wedgefit writes a trained one in place of this, which is |x|, and 1 more at night.

WRITTEN_BY = "wedgefit"
TARGETS = ("y",)
CLASSES = None
PROBABLE = False
SOFTMAX = False
EXPONENTIAL = False
ASCENDING = False
EXPOSURE = None
CUT = 0.0
MISSING = ("", "NA")
MISSING_NUMBERS = ()

# How files are read: marks in numbers, the mark that begins lines without data, and whether the
# first line names the columns.
DECIMAL = "."
THOUSANDS = None
COMMENT = None
HEADER = True

# Per column of numbers what fills its gaps, and below and above which number all count as the
# second of the pair. Per column of text the level that each text counts as, of an empty cell and of
# any other text, and as which text a number and a bool count.
INPUTS = {
    "x": {"fill": 0.0, "low": None, "high": (1000000.0, 1000.0)},
    "night": {
        "levels": {"": None, "NA": None, "no": "no", "yes": "yes"},
        "empty": None,
        "other": None,
        "numbers": {},
        "booleans": {},
    },
}

# (column, kind, level, center, scale): (value - center) / scale, where the value is the number of
# the column, or 1 where it is missing, or 1 where its text counts as the level, else 0.
FEATURES = [("x", "number", None, 0.0, 1.0), ("night", "level", "yes", 0.0, 1.0)]

# Per hidden layer its units: the weights by the position of what they read, and the bias.
LAYERS = [[({0: 1.0}, 0.0), ({0: -1.0}, 0.0), ({1: 1.0}, 0.0)]]

# The same for the outputs.
OUTPUTS = [({0: 1.0, 1: 1.0, 2: 1.0}, 0.0)]


# Predictions


def predict(row):
    """What the model predicts for one row, a dict by column: a count for the exposure of the row,
    where EXPOSURE names its column and the row has it."""
    decision = decided(scores(row))
    return decision if EXPOSURE is None else decision * exposure_of(row)


def probabilities(row):
    """The probability of every class, a dict by label."""
    if not PROBABLE:
        raise ValueError("this model has no probabilities: its loss gives none")
    return dict(zip(CLASSES, class_probabilities(scores(row))))


def scores(row):
    """The outputs of the network, a list."""
    values = encoded(row)
    for layer in LAYERS:
        values = [max(0.0, value) for value in affine(layer, values)]
    return affine(OUTPUTS, values)


def exposure_of(row):
    """How long the row is counted, one unit where it does not say. Raises ValueError for what is no
    positive number."""
    if EXPOSURE not in row:
        return 1.0
    number = number_of(EXPOSURE, row[EXPOSURE])
    if number is None or not 1e-100 < number <= 1e100:
        raise ValueError(f"column {EXPOSURE!r}: {row[EXPOSURE]!r} is no exposure above 0")
    return number


def affine(units, values):
    """Per unit the weighted sum of what it reads, plus its bias."""
    return [
        sum(weight * values[i] for i, weight in weights.items()) + bias for weights, bias in units
    ]


def decided(outputs):
    """The numbers, or with EXPONENTIAL those of which they are logarithms, with ASCENDING in that
    order, so that quantiles do not cross; of two classes the
    second where the output is above CUT, else the class of the largest."""
    if EXPONENTIAL:
        outputs = [math.exp(max(-700.0, min(700.0, output))) for output in outputs]
    if ASCENDING:
        outputs = sorted(outputs)
    if CLASSES is None:
        return outputs[0] if len(outputs) == 1 else outputs
    if len(outputs) == 1:
        return CLASSES[outputs[0] > CUT]
    return CLASSES[outputs.index(max(outputs))]


def class_probabilities(outputs):
    """From log-odds: of the second of two classes, or of every class against the rest,
    normalised; with SOFTMAX from logarithms up to a constant."""
    if len(outputs) == 1:
        return [math.exp(log_expit(-outputs[0])), math.exp(log_expit(outputs[0]))]
    # In logarithms, so that rows far from every class do not divide zero by zero.
    logs = outputs if SOFTMAX else [log_expit(output) for output in outputs]
    parts = [math.exp(log - max(logs)) for log in logs]
    return [part / sum(parts) for part in parts]


def log_expit(x):
    """log(1 / (1 + exp(-x)))."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


# Cells


def encoded(row):
    """The features of one row. Raises ValueError for what the model cannot read."""
    absent = [column for column in INPUTS if column not in row]
    if absent:
        raise ValueError("columns are missing: " + ", ".join(map(repr, absent)))
    cells = {column: read(column, row[column]) for column in INPUTS}
    features = []
    for column, kind, level, center, scale in FEATURES:
        value, missing = cells[column]
        raw = {"number": value, "missing": missing, "level": value == level}[kind]
        feature = (raw - center) / scale
        if not abs(feature) < math.inf:
            raise ValueError(f"column {column!r}: {value!r} is too large to compute with")
        features.append(feature)
    return features


def read(column, cell):
    """The number of a cell, its gap filled and no longer far out, or the level that it counts as;
    and whether it is missing."""
    rule = INPUTS[column]
    if "levels" in rule:
        text = text_of(column, cell)
        level = rule["empty"] if text is None else rule["levels"].get(text, rule["other"])
        return level, text is None
    number = number_of(column, cell)
    if number is None:
        return rule["fill"], True
    low, high = rule["low"], rule["high"]
    if low is not None and number < low[0]:
        return low[1], False
    return high[1] if high is not None and number > high[0] else number, False


def text_of(column, cell):
    """A cell as the text that training saw, None where it is empty."""
    if isinstance(cell, str):
        return cell.strip()
    rule = INPUTS[column]
    if is_bool(cell):
        if bool(cell) not in rule["booleans"]:
            raise ValueError(f"column {column!r}: training saw no text that is {bool(cell)}")
        return rule["booleans"][bool(cell)]
    number, exact = plain_number(column, cell), str(cell)
    if number is None:
        return None
    if not isinstance(cell, float) and exact in rule["levels"]:
        return exact
    whole = number.is_integer() and abs(number) < 1e16
    return rule["numbers"].get(number, repr(int(number) if whole else number))


def number_of(column, cell):
    """A cell as a finite number, None where it is missing."""
    if not isinstance(cell, str):
        number = plain_number(column, cell)
    elif cell.strip() in MISSING:
        number = None
    else:
        number = parsed(cell.strip())
        if number is None:
            raise not_a_number(column, cell)
    return None if number in MISSING_NUMBERS else number


def parsed(text):
    """The finite number that a text spells, or None."""
    if THOUSANDS is not None:
        marks = "[" + re.escape(" \u00a0\u202f" if THOUSANDS == " " else THOUSANDS) + "]"
        grouped = r"[+-]?[1-9]\d{0,2}(%s\d{3})+(%s\d*)?([eE][+-]?\d+)?\Z"
        if re.match(grouped % (marks, re.escape(DECIMAL)), text, re.ASCII):
            text = re.sub(marks, "", text)
    if DECIMAL == ",":
        # Swapped rather than replaced, so that 1.234 is not taken for a number.
        text = text.translate(str.maketrans(",.", ".,"))
    # Python would also read 1_000 and digits of other scripts.
    if "_" in text or not text.isascii():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < math.inf else None


def plain_number(column, cell):
    """A cell that is no text as a finite number; None for NaN, None, and what pandas has for
    them."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return None
    # Bytes have neither, though Python would read a number in them.
    if not hasattr(cell, "__float__") and not hasattr(cell, "__index__"):
        raise not_a_number(column, cell)
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        raise not_a_number(column, cell) from None
    if math.isinf(number):
        raise not_a_number(column, cell)
    return None if math.isnan(number) else number


def is_bool(cell):
    """Whether a cell is true or false; numpy has its own type for it."""
    return type(cell).__name__ in ("bool", "bool_")


def not_a_number(column, cell):
    return ValueError(f"column {column!r}: {cell!r} is not a finite number")


# CSV files


def main():
    """Predictions for a CSV file from standard input to standard output."""
    csv.field_size_limit(2**24)
    with open(0, encoding="utf-8-sig", newline="") as source:
        lines = source.readlines()
    # The delimiter that splits the first record into most cells; on a tie a comma.
    marks = sorted(",;\t|", key=lambda mark: mark == DECIMAL)
    delimiter = max(marks, key=lambda mark: first_width(lines, mark))
    found = [results(row) for row in rows_of(records_of(lines, delimiter))]
    labels = [f"probability_{label}" for label in CLASSES] if PROBABLE else []
    with open(1, "w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow([f"prediction_{name}" for name in TARGETS] + labels)
        writer.writerows(found)


def first_width(lines, delimiter):
    """How many cells this delimiter makes of the first record."""
    try:
        return len(next(filter(any, records_of(lines, delimiter)), []))
    except csv.Error:
        return 1.5  # Quotes do not fit: better than one cell, which would hide that.


def records_of(lines, delimiter):
    """The cells of each record, without space around them; none of a blank line."""
    inside = False  # a cell of several lines, in which no line is a comment

    def data():
        nonlocal inside
        for line in lines:
            if inside or COMMENT is None or not line.lstrip().startswith(COMMENT):
                inside = True
                yield line

    for cells in csv.reader(data(), delimiter=delimiter, strict=True, skipinitialspace=True):
        inside = False
        yield [cell.strip() for cell in cells]


def rows_of(records):
    """Each row as a dict by column. Raises ValueError for names and rows that do not fit."""
    names = None
    blank = 0  # Blank lines since the last row; those at the end are none.
    for position, cells in enumerate(records, start=1):
        if names is None:
            if not any(cells):
                continue
            if HEADER:
                names = checked_names(cells)
                continue
            names = [f"column_{k}" for k in range(1, len(cells) + 1)]
        if not cells:
            blank += 1
        elif len(cells) == len(names):
            # Between rows of one column a blank line is an empty cell.
            yield from ({names[0]: ""} for _ in range(blank) if len(names) == 1)
            yield dict(zip(names, cells))
            blank = 0
        elif cells != [""]:
            raise ValueError(f"record {position}: {len(cells)} fields, {len(names)} expected")


def checked_names(names):
    """The header. Raises ValueError where a name is there twice."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ValueError("several columns are called " + ", ".join(map(repr, twice)))
    return names


def results(row):
    """Predictions, then probabilities, of one row."""
    decision = predict(row)
    found = class_probabilities(scores(row)) if PROBABLE else []
    return (decision if len(TARGETS) > 1 else [decision]) + found


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        pass  # The reader, like head, has seen enough.
    except (ValueError, csv.Error) as error:
        sys.exit(f"error: {error}")
