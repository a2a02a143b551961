"""Random hostile tables, through the command line: a table is refused with one message, or it ends
in a model that loads, certifies and predicts. No traceback, no bug, no half-written file.

``pytest -m slow -s tests/campaigns/test_tables.py`` prints what became of 10,000 of them, in ten
pieces of a thousand; ``-k "tables[3-"`` runs one piece.
"""

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from wedgefit.cli import main
from wedgefit.model.file import load

PEN = ("--order", "1", "--jobs", "1", "--quiet")
NAMES = (
    "a",
    "b",
    "y",
    "x",
    "Größe",
    "a b",
    "id",
    "select",
    "neuron 1",
    "(rare)",
    "1",
    "x=1",
    '"',
    " ",
)
WORDS = (
    "", "NA", "N/A", "?", "-", "null", "nan", "Inf", "-inf", "none", "(missing)", "(rare)", "1e400",
    "0x1f", "1_000", "１２", "½", "#REF!", "\u200b", "é", "A" * 300, "x,y", 'say "x"', "two\nlines",
    "\x1b[31m", "=1+1", "'", "\\N", "TRUE", "1/2", "\u2028",
)  # fmt: skip
DECORATIONS = (
    "{}%", "${}", "{} kg", "({})", "€ {}", "{}-", "−{}", "{},5", "1,{:03}", "1 {:03}", "1.{:03},5",
    "2024-01-{:02}", "{:02}:30", "{:05}", "9007199254740{:03}", "{}e3", "{}e-320", "{}e299", "+{}",
)  # fmt: skip
SCALES = (1.0, 1e-3, 1e6, 1e12, 1e99, 1e101, 1e-99, 1e-160, 1e-310, 1e300)
DELIMITERS = (",", ",", ",", ";", "\t", "|")
CODECS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1252")
TOLD = (
    ("--decimal", ","), ("--thousands", ","), ("--decimal", ",", "--thousands", "."),
    ("--na", "N/A"), ("--na", "0"), ("--na-only", ""), ("--no-header",), ("--comment", "#"),
    ("--drop-missing-target",), ("--task", "classification"), ("--task", "regression"),
    ("--no-standardize",), ("--norm", "2"), ("--encoding", "latin-1"), ("--weight", "c0"),
    ("--group", "c0"), ("--id", "c0"), ("--type", "c0=category"), ("--type", "c1=numeric"),
)  # fmt: skip


def cells_of(rng, rows):
    """One column, of a random sort, as texts."""
    kind = rng.choice([0, 0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8])
    numbers = rng.integers(-20, 40, rows)
    if kind == 0:
        return [str(cell) for cell in numbers]
    if kind == 1:
        scale, shift = rng.choice((1.0,) * 10 + SCALES), rng.choice([0, 0, 1, 1e8])
        with np.errstate(over="ignore"):
            return [repr(float(cell)) for cell in (rng.normal(size=rows) + shift) * scale]
    if kind == 2:
        shape = rng.choice(DECORATIONS)
        return [shape.format(abs(int(cell))) for cell in numbers]
    if kind == 3:
        return [str(cell) for cell in rng.choice(WORDS, rows)]
    if kind == 4:
        levels = rng.choice(WORDS, rng.integers(1, 4))
        return [str(cell) for cell in rng.choice(levels, rows)]
    if kind == 5:
        return [str(10**18 + int(cell)) for cell in numbers]
    if kind == 6:
        return [str(cell) for cell in range(rng.integers(2), rows + 2)][:rows]
    if kind == 7:
        return [str(rng.choice(WORDS + SCALES))] * rows
    return [str(cell) for cell in (numbers > 5).astype(int)]


def spoilt(rng, column):
    """The same with gaps, words or decorated numbers in some cells."""
    share, with_ = rng.choice([0] * 10 + [0.02, 0.2, 0.7]), rng.choice(WORDS[:20], 2)
    with_ = ["", "NA"] if rng.random() < 0.5 else with_
    return [str(rng.choice(with_)) if rng.random() < share else cell for cell in column]


def quoted(rng, cell, delimiter):
    must = any(mark in cell for mark in f'"\r\n{delimiter}')
    if (must and rng.random() < 0.99) or rng.random() < 0.03:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def table(seed):
    """The bytes of a CSV file and the options to train on it."""
    rng = np.random.default_rng(seed)
    rows, width = int(rng.choice([1, 2, *[8] * 5, *[20] * 10])), int(rng.integers(2, 5))
    names = [str(rng.choice(NAMES)) if rng.random() < 0.1 else f"c{j}" for j in range(width)]
    columns = [spoilt(rng, cells_of(rng, rows)) for _ in names]
    if rng.random() < 0.7:
        columns[-1] = [str(cell) for cell in rng.integers(0, rng.choice([2, 3, 100]), rows)]
    records = [names, *map(list, zip(*columns, strict=True))]
    if rng.random() < 0.1:
        records += records[-1:] * int(rng.integers(1, 30))
    if rng.random() < 0.02:
        records[rng.integers(len(records))].append("1")
    if rng.random() < 0.05:
        records = [[*record, ""] for record in records]
    if rng.random() < 0.05:
        records = [["" if i == 0 else str(i), *record] for i, record in enumerate(records)]
    delimiter, end = str(rng.choice(DELIMITERS)), str(rng.choice(["\n", "\n", "\r\n", "\r"]))
    space = " " if rng.random() < 0.1 else ""
    lines = [
        (delimiter + space).join(quoted(rng, cell, delimiter) for cell in record)
        for record in records
    ]
    if rng.random() < 0.1:
        lines.insert(int(rng.integers(len(lines))), str(rng.choice(["", "# note", "  ", "sep=;"])))
    codec = str(rng.choice(CODECS))
    raw = (end.join(lines) + end * int(rng.integers(3))).encode(codec, "replace")
    told = TOLD[rng.integers(len(TOLD))] if rng.random() < 0.4 else ()
    if codec in ("utf-16", "cp1252") and rng.random() < 0.9:
        told = (*told, "--encoding", codec)
    return raw, (*told, "--alpha-ratio", str(rng.choice([0.5, 0.05])))


def outcome(seed):
    """What became of a table, as a word; raises AssertionError for what must not be."""
    raw, told = table(seed)
    Path("d.csv").write_bytes(raw)
    Path("wedgefit.json").write_text("an older model")
    done = CliRunner().invoke(main, ["train", "d.csv", *PEN, *told])
    said = done.stderr
    assert "Traceback" not in said and "bug" not in said, said
    if done.exit_code:
        assert done.exit_code in (1, 2), said
        assert [line[:6] for line in said.splitlines()].count("Error:") == 1, said
        assert Path("wedgefit.json").read_text() == "an older model"
        return "refused" if done.exit_code == 1 else "wrong usage"
    assert done.stdout == "" and load("wedgefit.json")
    options = [part for pair in zip(told, told[1:]) if pair[0] == "--encoding" for part in pair]
    certified = CliRunner().invoke(main, ["certify", "d.csv", "--json", "--jobs", "1", *options])
    assert certified.exit_code == 0, certified.stderr
    assert json.loads(certified.stdout)["agrees"]
    # A training row may lack nothing that the model reads, but rows without a target are there too.
    predicted = CliRunner().invoke(main, ["predict", "d.csv", "--json", *options])
    assert predicted.exit_code == 0, predicted.stderr
    found = json.loads(predicted.stdout)
    assert len(found["predictions"]) == found["data"]["rows"] > 0
    explained = CliRunner().invoke(main, ["explain", "--json"])
    assert explained.exit_code == 0, explained.stderr
    return "model"


def campaign(seeds):
    counts = Counter()
    for seed in seeds:
        try:
            counts[outcome(seed)] += 1
        except AssertionError as error:
            raise AssertionError(f"table {seed}: {table(seed)}\n{error}") from error
    return counts


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_thirty_tables():
    counts = campaign(range(30))
    assert min(counts["model"], counts["refused"]) > 5


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(10), ids="{}-".format)
def test_ten_thousand_tables(piece, capsys):
    clock = time.perf_counter()
    counts = campaign(range(1000 * (piece + 1), 1000 * (piece + 2)))
    with capsys.disabled():
        print(f"\n1,000 tables in {time.perf_counter() - clock:.0f} s: {dict(counts)}")
    assert min(counts["model"], counts["refused"]) > 120
