"""``train --threshold`` and ``--predictions``, and what other commands make of a threshold."""

import csv
from pathlib import Path

import numpy as np
import pytest
from shell import fails, run, strict

ROWS = [f"{k / 10},{'yes' if (k * 7) % 40 > 24 - k / 4 else 'no'}" for k in range(40)]
FAST = ("--alpha-ratio", "0.1", "--order", "1")


@pytest.fixture
def classes():
    Path("c.csv").write_text("\n".join(["x,bought", *ROWS]) + "\n")
    return "c.csv"


def test_predictions_are_a_table(classes):
    run("train", classes, *FAST, "--predictions", "p.csv", "-q")
    with open("p.csv") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == ["row", "bought", "prediction_bought", "probability_no", "probability_yes"]
    assert [row["bought"] for row in rows] == [line.split(",")[1] for line in ROWS]
    p = np.array([float(row["probability_yes"]) for row in rows])
    assert [row["prediction_bought"] for row in rows] == np.where(p > 0.5, "yes", "no").tolist()


def test_the_model_is_the_same_with_predictions_and_without(classes):
    run("train", classes, *FAST, "--threshold", "0.2", "-o", "a.json", "-q")
    run(
        "train",
        classes,
        *FAST,
        "--threshold",
        "0.2",
        "-o",
        "b.json",
        "--predictions",
        "p.csv",
        "-q",
    )
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_predictions_want_a_file_of_their_own(classes):
    fails("train", classes, "--predictions", "wedgefit.json", code=2, words=["two"])
    fails("train", classes, "--predictions", classes, code=2, words=["overwritten"])
    words = ["no such folder", "choose another --predictions"]
    fails("train", classes, "--predictions", "no/p.csv", words=words)


def test_every_command_knows_the_threshold(classes):
    done = run("train", classes, *FAST, "--threshold", "cost=1:4")
    assert "Threshold" in done.stdout and "the least cost=1:4 on rows held out" in done.stdout
    value = strict(Path("wedgefit.json").read_text())["threshold"]["value"]
    p = strict(run("predict", classes, "--proba", "--json").stdout)
    said = np.array(p["probabilities"]["yes"]) > value
    assert p["predictions"] == np.where(said, "yes", "no").tolist()
    half = strict(run("predict", classes, "--threshold", "0.5", "--json").stdout)
    assert half["predictions"] != p["predictions"]
    found = strict(run("evaluate", classes, "--json").stdout)
    assert found["threshold"]["value"] == value
    assert strict(run("explain", "--json").stdout)["threshold"] == value
    assert f"its probability exceeds {value:.4f}" in run("explain").stdout
    run("certify", classes)
    other = run("evaluate", classes, "--threshold", "best-f1", "--json").stdout
    assert strict(other)["threshold"]["rule"] == "best-f1"


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_numbers_have_no_threshold(command, model):
    fails(command, "d.csv", "--threshold", "0.3", code=2, words=["two classes"])
    fails(command, "d.csv", "--threshold", "2", code=2, words=["between 0 and 1"])


def test_a_single_fold_of_a_large_table_has_no_error_anywhere(classes, monkeypatch):
    """Scores have no ± then, and nothing stumbles over its absence."""
    monkeypatch.setattr("wedgefit.learning.splits.ROWS_FOR_ONE", 30)
    own = ("--order", "1", "--intercept")
    said = run("train", classes, *own, "--threshold", "best-f1", "--predictions", "p.csv").output
    assert "on rows held out" in said and "±" not in said
    assert "over 1 fold," in run("train", classes, *own, "--verbose").output
    assert len(Path("p.csv").read_text().splitlines()) == 1 + 40 // 5
    for command in (
        ("path", classes, *own),
        ("path", classes, *own, "--json"),
        ("explain",),
        ("evaluate", "wedgefit.json", classes),
        ("certify", "wedgefit.json", classes, "--all"),
        ("certify", "wedgefit.json", classes, "--unique"),
        ("plot", "wedgefit.json", classes, "--kind", "path", "-o", "p.svg"),
    ):
        run(*command)
    assert "±" in run("train", classes, *own, "--rule", "1se").output
