"""The Python module runs alone, and reads cells as ``wedgefit predict`` does."""

import ast
import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exporting import KINDS, agree, module_of, rows_for
from kinds import kinds, trained

from wedgefit.exports import standalone
from wedgefit.exports.formats import exported


@pytest.mark.parametrize("kind", KINDS)
def test_python_agrees(kind):
    model = kinds()[kind]
    rows, module = rows_for(model), module_of(model)
    probable = model.has_probabilities
    chances = [module["probabilities"](row) for row in rows] if probable else None
    if probable:
        assert all(list(chance) == list(model.encoding.target.classes) for chance in chances)
        chances = [list(chance.values()) for chance in chances]
    agree([module["predict"](row) for row in rows], chances, model, rows)


@pytest.mark.parametrize("kind", ["mixed", "hostile classes", "two targets", "deep classes"])
def test_python_script_agrees_with_predict_on_a_file(kind, tmp_path):
    """As a script it needs Python alone: it runs isolated, without site-packages."""
    model = kinds()[kind]
    rows = rows_for(model, count=30)
    path = tmp_path / "model.py"
    path.write_text(exported(model, "python"), encoding="utf-8")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    command = [sys.executable, "-I", "-S", str(path)]
    done = subprocess.run(
        command, input=("\ufeff" + text.getvalue()).encode(), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    header, *lines = csv.reader(io.StringIO(done.stdout.decode(), newline=""))
    target = model.encoding.target
    labels = target.classes if model.has_probabilities else ()
    assert header == [f"prediction_{name}" for name in model.predicted_names] + [
        f"probability_{label}" for label in labels
    ]
    decisions = [line[: len(model.predicted_names)] for line in lines]
    found = [cells[0] if len(cells) == 1 else cells for cells in decisions]
    agree(found, [line[len(model.predicted_names) :] for line in lines], model, rows)


def test_python_reads_numbers_as_predict_does():
    """A text column may be given numbers, and cells have space around them; a number in words is
    refused with its column."""
    rng = np.random.default_rng(0)
    zips = rng.choice(np.array(["007", "12", "3.50"], dtype=object), size=60)
    x = rng.normal(size=60)
    module = module_of(trained({"zip": zips, "x": x, "y": x + (zips == "007") - (zips == "12")}))
    for number, text in (
        (7, " 007 "),
        (12.0, "12"),
        (3.5, "3.50"),
        (np.int64(7), "007"),
        (float("nan"), "NA"),
    ):
        assert module["predict"]({"zip": number, "x": 1}) == module["predict"](
            {"zip": text, "x": " 1.0"}
        )
    for cell in ("one", "1_0", "inf", "nAn", "١", float("inf"), [1]):
        with pytest.raises(ValueError, match="'x'.*not a finite number"):
            module["predict"]({"zip": "12", "x": cell})
    with pytest.raises(ValueError, match="missing: 'zip'"):
        module["predict"]({"x": 1.0})
    with pytest.raises(ValueError, match="no probabilities"):
        module["probabilities"]({"zip": "12", "x": 1.0})


def test_the_file_that_modules_are_made_from_is_a_module_itself():
    """It holds a model to look at, the absolute value, and is written in the Python of old
    machines."""
    assert standalone.predict({"x": -2, "night": "yes"}) == 3.0
    assert standalone.predict({"x": "NA", "night": "no"}) == 0.0
    assert standalone.predict({"x": 1e9, "night": ""}) == 1e3
    assert standalone.predict({"x": 1e6, "night": ""}) == 1e6
    source = Path(standalone.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))
    imported = {
        alias.name
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.Import)
        for alias in statement.names
    }
    assert imported == {"csv", "math", "re", "sys"}


def test_a_module_is_that_file_with_other_tables():
    """Each table is written, and nothing else differs."""
    named = lambda source: {
        statement.targets[0].id if isinstance(statement, ast.Assign) else None: None
        for statement in ast.parse(source).body
    }
    rest = lambda source: [
        ast.unparse(statement)
        for statement in ast.parse(source).body
        if not isinstance(statement, ast.Assign)
    ]
    source = Path(standalone.__file__).read_text(encoding="utf-8")
    written = exported(kinds()["mixed"], "python")
    assert named(source) == named(written) and rest(source) == rest(written)
