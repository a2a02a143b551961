"""Rows count by the weights of training where nobody says otherwise, and that is said."""

from pathlib import Path

import numpy as np
import pytest
from shell import fails, run, strict


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with weights, one without, and models that were trained with either, or none."""
    path = tmp_path_factory.mktemp("weighting")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 40)).round(3)
    y, w, v = np.abs(a) + b + rng.normal(size=40), rng.integers(1, 9, 40), rng.integers(1, 9, 40)
    rows = list(zip(w, v, a, b, y.round(3)))
    write = lambda name, head, cut: (path / name).write_text(
        "\n".join([head, *(",".join(map(str, row[cut:])) for row in rows)]) + "\n"
    )
    write("d.csv", "w,v,a,b,y", 0)
    write("bare.csv", "a,b,y", 2)
    for name, weight in (("w", ["--weight", "w"]), ("v", ["--weight", "v"]), ("none", [])):
        drop = [f"--drop={other}" for other in "wv" if other != name]
        options = ("--order", 1, "--alpha-ratio", 0.05, *drop, *weight, "-o", path / f"{name}.json")
        run("train", path / "d.csv", *options, "--quiet")
    return path


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_evaluate_counts_rows_as_training_did():
    own = run("evaluate", "w.json", "d.csv", "--json")
    told = run("evaluate", "w.json", "d.csv", "--weight", "w", "--json")
    alike = run("evaluate", "w.json", "d.csv", "--unweighted", "--json")
    assert own.stdout == told.stdout != alike.stdout
    assert strict(own.stdout)["score"] == strict(Path("w.json").read_text())["score"]["train"]
    assert strict(alike.stdout)["data"]["weight"] is None
    assert 'count by column "w", as in training' in own.stderr
    assert "count" not in told.stderr + alike.stderr
    assert "count" not in run("evaluate", "none.json", "d.csv").stderr


def test_without_the_column_rows_count_alike():
    done = run("evaluate", "w.json", "bare.csv", "--json")
    assert 'no column "w", the weights of training: rows count alike' in done.stderr
    alike = run("evaluate", "w.json", "d.csv", "--unweighted", "--json")
    assert strict(done.stdout)["score"] == strict(alike.stdout)["score"]


def test_compare_counts_rows_as_both_did():
    own = run("compare", "w.json", "w.json", "d.csv", "--json")
    assert strict(own.stdout)["data"]["weight"] == "w"
    assert 'count by column "w"' in own.stderr
    other = run("compare", "w.json", "v.json", "d.csv", "--json")
    assert strict(other.stdout)["data"]["weight"] is None
    assert "other weights than each other: rows count alike" in other.stderr
    mixed = run("compare", "w.json", "none.json", "d.csv", "--weight", "v", "--json")
    assert strict(mixed.stdout)["data"]["weight"] == "v" and "alike" not in mixed.stderr


def test_one_cannot_have_both():
    for command in (("evaluate", "w.json"), ("compare", "w.json", "v.json")):
        done = run(*command, "d.csv", "--weight", "w", "--unweighted", code=2)
        assert "exclude each other" in done.stderr


def test_a_cell_that_is_no_weight_is_no_word_on_what_the_model_was_trained_on():
    """The column is told to the command: none.json has never seen it."""
    lines = Path("d.csv").read_text().splitlines()
    Path("words.csv").write_text(
        "\n".join([f"{lines[0]},u", *(f"{line},much" for line in lines[1:])])
    )
    told = ["evaluate", "none.json", "words.csv", "--weight", "u"]
    said = fails(*told, words=['"much" is not a number', "numbers are expected in this column"])
    assert "trained" not in said
