"""The command line run in process, as tests of several rooms need it."""

import csv
import json
import os
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from wedgefit.cli import main

ROOT = Path(__file__).parents[1]
# Two informative columns and a kink: a handful of neurons in a fraction of a second.
X1, X2 = np.linspace(0, 5, 30).round(3), np.cos(np.arange(30)).round(3)
SMALL = (
    "\n".join(["x,z,y", *(f"{a},{b},{round(abs(a - 2) + b, 3)}" for a, b in zip(X1, X2))]) + "\n"
)
FAST = ("--alpha-ratio", "0.05")
# Run in a process of its own: prints the large packages that the command has loaded.
LOADED = """
import sys
from wedgefit.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
heavy = {"numpy", "scipy", "sklearn", "rich", "joblib", "pandas", "matplotlib"}
print(*sorted(heavy & sys.modules.keys()), file=sys.stderr)
"""


def run(*args, code=0, **more):
    done = CliRunner().invoke(main, list(map(str, args)), **more)
    assert done.exit_code == code, done.output
    return done


def columns_of(path):
    """The cells of a CSV file as texts, by column."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def strict(text):
    """The JSON document; NaN and infinity are no JSON."""

    def refuse(name):
        raise AssertionError(f"{name} in JSON")

    return json.loads(text, parse_constant=refuse)


def contents():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def fails(*args, code=1, words=(), **more):
    """The command ends with the code and one message that has the words; it prints nothing else and
    writes nothing."""
    before = contents()
    done = CliRunner().invoke(main, list(map(str, args)), **more)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert [line[:6] for line in done.stderr.splitlines()].count("Error:") == 1, done.stderr
    assert "Traceback" not in done.stderr
    message = done.stderr[done.stderr.index("Error:") :].strip()
    assert "\n" not in message
    for word in words:
        assert word in message
    assert contents() == before
    return message


def environment(**more):
    """That of a user's shell, in which a process finds this wedgefit."""
    special = ("NO_COLOR", "COLUMNS", "PYTHONUNBUFFERED")
    return (
        {key: value for key, value in os.environ.items() if key not in special}
        | {"PYTHONPATH": str(ROOT)}
        | more
    )
