"""``compare``: two models and a file, in that order."""

import csv
from pathlib import Path

import numpy as np
import pytest
from shell import FAST, fails, run, strict


@pytest.fixture
def models(folder):
    run("train", "d.csv", *FAST, "-o", "a.json", "-q")
    run("train", "d.csv", "--alpha-ratio", "0.5", "-o", "b.json", "-q")
    return "a.json", "b.json"


def test_it_says_which_is_better(models):
    done = run("compare", *models, "d.csv")
    assert "A is better" in done.stdout and "trained on a file of this name" in done.stderr
    record = strict(run("compare", *models, "d.csv", "--json").stdout)
    assert record["better"] == "A" and "rows" not in record
    assert [model["source"] for model in record["models"]] == ["a.json", "b.json"]


def test_the_losses_row_by_row(models):
    record = strict(run("compare", *models, "d.csv", "-o", "l.csv", "--json").stdout)
    with open("l.csv") as file:
        rows = list(csv.DictReader(file))
    a, b = (np.array([float(row[f"loss_{name}"]) for row in rows]) for name in "AB")
    assert (a - b).mean() == pytest.approx(record["difference"]["mean"])
    assert [row["row"] for row in rows] == [str(k) for k in range(1, 31)]


def test_standard_input_is_read_once(models):
    text = Path("d.csv").read_text()
    piped = strict(run("compare", *models, "-", "--json", input=text).stdout)
    named = strict(run("compare", *models, "d.csv", "--json").stdout)
    assert piped["difference"] == named["difference"]
    run("train", "d.csv", *FAST, "--na", "x", "-o", "c.json", "-q")
    fails("compare", "a.json", "c.json", "-", input=text, code=2, words=["only once"])
    assert strict(run("compare", "a.json", "c.json", "d.csv", "--json").stdout)["better"] is None


def test_what_is_missing_or_misplaced(models):
    fails("compare", "a.json", "d.csv", code=2, words=["DATA"])
    fails("compare", "a.json", "d.csv", "b.json", code=2, words=["does not look like a model"])
    fails("compare", "a.json", "b.json", "a.json", code=2, words=["DATA is missing"])
    fails("compare", "a.json", "b.json", "d.csv", "--loss", "error", code=2, words=["squared or"])
    fails("compare", "a.json", "b.json", "d.csv", "-o", "a.json", code=2, words=["overwritten"])
    fails("compare", "a.json", "none.json", "d.csv", words=["no such model file"])
