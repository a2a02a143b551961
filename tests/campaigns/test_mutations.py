"""Changed model files: none is certified beyond what is listed as not checked, and none makes
``certify`` stumble or warn.

Every change is one field of one file: a number by some parts in a million or by a lot, a word, a
switch, a row taken out or put in twice, a value of another type.

``pytest -m slow -s tests/campaigns/test_mutations.py`` prints what became of 10,000 of them, in ten
pieces of a thousand; ``-k "changed_files[3-"`` runs one piece.
"""

import copy
import json
import time
from collections import Counter
from functools import cache

import numpy as np
import pytest
from as_json import certify

from wedgefit.data.table import Column, Table
from wedgefit.errors import WedgefitError
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.file import loads
from wedgefit.watch import Silent

# A change by less than this, relatively, may pass.
DIGITS = 1e-6


@cache
def table():
    """Numbers with gaps and one slip, a text, a weight, and targets of two and of three classes."""
    rng = np.random.default_rng(5)
    rows = 45
    a, b = rng.normal(size=rows), rng.normal(5, 3, size=rows)
    town = rng.choice(["Bonn", "Köln", "Ulm"], size=rows).astype(object)
    y = np.abs(a) + np.maximum(0, b - 5) + (town == "Ulm") + 0.1 * rng.normal(size=rows)
    kinds = np.array(["low", "mid", "top"], dtype=object)
    three = kinds[np.digitize(y, np.quantile(y, [0.3, 0.7]))]
    a[7] = 1e4
    b[3::9] = np.nan
    columns = {
        "a": a, "b": b, "w": rng.choice([1.0, 2.0], size=rows), "y": y, "z": -y + a.clip(-2, 2),
    }  # fmt: skip
    texts = {"town": town, "two": np.where(three == "top", "yes", "no"), "three": three}
    held = {name: Column(name, "numeric", values) for name, values in columns.items()}
    held |= {name: Column(name, "category", v.astype(object)) for name, v in texts.items()}
    return Table("t.csv", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), held)


INPUTS = ("a", "b", "town")
SETTINGS = {
    "chosen": {"target": ("y",), "order": 1, "cv": 3, "weight": "w"},
    "pairs": {"target": ("y",), "keep": ("a", "b"), "alpha_ratio": 0.1},
    "classes": {"target": ("two",), "order": 1, "alpha_ratio": 0.05},
    "three": {"target": ("three",), "order": 1, "alpha_ratio": 0.1, "class_weight": "balanced"},
    "refitted": {"target": ("y",), "order": 1, "alpha_ratio": 0.1, "refit": True},
    "targets": {"target": ("y", "z"), "order": 1, "alpha_ratio": 0.1},
    "deep": {"target": ("y",), "keep": ("a",), "alpha_ratio": 0.2, "layers": 3, "order": (1, 1)},
    "sampled": {"target": ("y",), "keep": ("a", "b"), "alpha_ratio": 0.1, "certificate": "sampled"},
    "intervals": {"target": ("y",), "order": 1, "cv": 3, "intervals": True},
    "plain": {"target": ("y",), "keep": ("b",), "alpha_ratio": 0.1, "standardize": False},
}


@cache
def record(kind):
    options = {"keep": INPUTS} | SETTINGS[kind]
    model = train(table(), Options(**options, jobs=1), Silent())
    assert certify(model, table(), jobs=1)["agrees"]
    return model.dumps()


def places(value, path=()):
    """The path of every value inside JSON data."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def another(value, rng):
    """Another value, mostly of the same type."""
    if rng.random() < 0.1:
        odd = [None, True, "x", -1, 0.5, 10**25, 1e299, [], {}, [1], float("1e308")]
        return odd[rng.integers(len(odd))]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + int(rng.choice([-2, -1, 1, 7, 1000]))
    if isinstance(value, float):
        sign = rng.choice([-1, 1])
        factors = [1 + sign * 10.0 ** rng.uniform(-5.5, 0), -1.0, 0.0, 10.0 ** rng.uniform(-9, 9)]
        return float(value * factors[rng.integers(4)] + (value == 0) * 10.0 ** rng.uniform(-5, 3))
    if isinstance(value, str):
        words = ["exact", "sampled", "y", "a", "neuron 1", "best", value + "x", ""]
        return words[rng.integers(len(words))]
    if isinstance(value, list) and value:
        some = [value[:-1], [*value, value[0]], value[::-1]]
        return copy.deepcopy(some[rng.integers(3)])
    if isinstance(value, dict) and value:
        return dict(list(value.items())[:-1])
    return 0.25


def name_of(path):
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return words.removeprefix(".")


def close(one, other):
    """The same but for what a file may lose: 1 for 1.0, and the last digits of a number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= DIGITS * max(abs(one), abs(other))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return all(map(close, one, other))
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return all(close(one[key], other[key]) for key in one)
    return one == other


def judged(text, data, path):
    """How the changed file ends: refused when read, refused by figures, not checked, the same."""
    try:
        model = loads(json.dumps(data))
        found = certify(model, table(), jobs=1)
    except WedgefitError as error:
        assert "\n" not in str(error)
        return "refused"
    json.dumps(found, allow_nan=False)
    if not found["agrees"]:
        assert found["message"].startswith("the stored figures do not hold: ")
        return "differs"
    where = name_of(path)
    names = [part["name"] for part in found["not_checked"]]
    if any(where == name or where.startswith((f"{name}.", f"{name}[")) for name in names):
        return "not checked"
    if where == "notes" and any(name.startswith("notes[") for name in names):
        return "not checked"
    if close(json.loads(text), json.loads(model.dumps())):
        return "the same"
    return "as true" if through_another_row(model, path) else f"ACCEPTED {where}"


def through_another_row(model, path):
    """Whether the change names another row that the neuron passes through: rows that have the same
    level lie on the same hyperplanes."""
    if path[0] != "neurons" or path[2:3] != ("samples",):
        return False
    neuron = model.neurons[path[1]]
    points = dict(zip(table().row_ids, model.encoding.transform(table())))
    names = list(model.encoding.names)
    heights = [
        sum(w * points[row][names.index(name)] for name, w in neuron.weights.items()) + neuron.bias
        for row in neuron.samples
    ]
    return len({*neuron.samples}) == len(neuron.samples) and max(map(abs, heights)) < 1e-9


def campaign(numbers):
    ends = Counter()
    for number in numbers:
        rng = np.random.default_rng(number)
        kind = sorted(SETTINGS)[number % len(SETTINGS)]
        text = record(kind)
        data = json.loads(text)
        everywhere = list(places(data))
        path = everywhere[rng.integers(len(everywhere))]
        before = at(data, path)
        at(data, path[:-1])[path[-1]] = another(before, rng)
        end = judged(text, data, path)
        if end.startswith("ACCEPTED"):
            end += f" of {kind}, number {number}: {before!r} -> {at(data, path)!r}"
        ends[end] += 1
    return ends


def check(ends):
    accepted = [end for end in ends if end.startswith("ACCEPTED")]
    assert accepted == []
    assert ends["differs"] > ends["not checked"] > 0 and ends["refused"] > 0


@pytest.fixture(autouse=True)
def sampling(few_draws):
    """So that there is something to sample in a table of 45 rows."""


def test_changed_files_are_refused_by_the_name_of_the_field():
    check(campaign(range(60)))
    assert '"scope": "sampled"' in record("sampled")


@pytest.mark.parametrize("kind", ["chosen", "intervals"])
def test_what_was_taken_out_of_a_file_is_missed(kind):
    """Where nothing else tells what training found it is at least listed as not checked."""
    text = record(kind)
    for path in places(json.loads(text)):
        if len(path) == 1 or path[0] == "score" and len(path) == 2:
            data = json.loads(text)
            parts = at(data, path[:-1])
            parts[path[-1]] = [] if isinstance(parts[path[-1]], list) else None
            assert not judged(text, data, path).startswith("ACCEPTED")


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(10), ids="{}-".format)
def test_ten_thousand_changed_files(piece, capsys):
    clock = time.perf_counter()
    ends = campaign(range(1000 * (piece + 1), 1000 * (piece + 2)))
    with capsys.disabled():
        seconds = time.perf_counter() - clock
        print(f"\n1,000 changed model files in {seconds:.0f} s: {dict(ends)}")
    check(ends)
