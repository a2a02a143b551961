"""A language is one room: this one is defined here alone, and writes models of every kind.

It is the plan spelled out as one list of words for a machine with a stack, and the machine.
"""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from exporting import KINDS, agree, rows_for
from kinds import kinds

from wedgefit.cli import main
from wedgefit.exports.formats import LANGUAGES, Language, exported
from wedgefit.exports.plan import NumberColumn, Plan


def to_words(plan: Plan, place) -> str:
    """One JSON list per line: where a number comes from, then what is done with it."""
    lines = []
    for feature in plan.features:
        column = feature.column
        cell = {"name": column.name, "kind": feature.kind, "level": feature.level}
        if isinstance(column, NumberColumn):
            far = {"low": column.low, "high": column.high}
            cell |= {"fill": column.fill, "far": far, "missing": plan.missing}
        else:
            cell |= {"levels": column.levels, "empty": column.empty, "other": column.other}
        lines.append(["feature", cell, feature.center, feature.scale])
    for layer in plan.network.layers:
        steps = zip(layer.weights.T.tolist(), layer.biases.tolist())
        lines.append(["layer", layer is not plan.network.output, list(steps)])
    lines.append(["result", plan.classes, plan.link, plan.cut])
    return "".join(json.dumps(line) + "\n" for line in lines)


def run_words(source, row):
    """The prediction for one row, and the probabilities of classes."""
    values, features = [], []
    for word, *parts in map(json.loads, source.splitlines()):
        if word == "feature":
            cell, center, scale = parts
            features.append((raw(cell, row[cell["name"]]) - center) / scale)
            values = features
        elif word == "layer":
            hidden, units = parts
            sums = [float(np.dot(weights, values)) + bias for weights, bias in units]
            values = [max(0.0, value) for value in sums] if hidden else sums
        else:
            return decided(values, *parts)


def raw(cell, found):
    if "levels" in cell:
        level = cell["levels"].get(found, cell["other"]) if found is not None else cell["empty"]
        return level == cell["level"]
    if cell["kind"] == "missing":
        return found is None
    number = cell["fill"] if found is None else found
    low, high = cell["far"].values()
    if low is not None and number < low[0]:
        number = low[1]
    number = high[1] if high is not None and number > high[0] else number
    return number == cell["level"] if cell["kind"] == "level" else number


def decided(scores, classes, link, cut):
    log_expit = lambda score: min(score, 0.0) - math.log1p(math.exp(-abs(score)))
    if link == "log":
        scores = [math.exp(max(-700.0, min(700.0, score))) for score in scores]
    if link == "sorted":
        scores = sorted(scores)
    if classes is None:
        return (scores[0] if len(scores) == 1 else scores), None
    label = classes[scores[0] > cut if len(scores) == 1 else int(np.argmax(scores))]
    logs = scores
    if link == "logistic":
        logs = [
            log_expit(score) for score in ([-scores[0], *scores] if len(scores) == 1 else scores)
        ]
    parts = [math.exp(log - max(logs)) for log in logs]
    return label, [part / sum(parts) for part in parts] if link != "identity" else None


@pytest.fixture
def words(monkeypatch):
    """The language, known to wedgefit as long as a test runs."""
    monkeypatch.setitem(LANGUAGES, "words", Language(to_words))


@pytest.mark.parametrize("kind", KINDS)
def test_a_language_of_ones_own_writes_every_kind(kind, words):
    model = kinds()[kind]
    rows, source = rows_for(model), exported(model, "words")
    found, chances = zip(*(run_words(source, row) for row in rows))
    agree(list(found), chances, model, rows)


def test_the_command_knows_the_language(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = kinds()["mixed"]
    model.save("wedgefit.json")
    run = lambda *parts: CliRunner().invoke(main, ["export", *parts])
    assert run("--format", "words").stdout == exported(model, "words")
    assert "words" in run("--help").stdout and "words" in run().stderr
    assert "--table is for --format sql" in run("--format", "words", "--table", "x").stderr


def test_a_language_that_nobody_defined_is_refused():
    done = CliRunner().invoke(main, ["export", "--format", "words"])
    assert done.exit_code == 2 and "'words' is not one of" in done.stderr
