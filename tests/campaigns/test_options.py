"""Honest models under any options, through the command line: what ``train`` wrote is accepted by
``certify``, also where it trains again, and says the same of the rows as ``predict`` and
``evaluate`` do; with one cell of the data changed it is refused.

``pytest -m slow -s tests/campaigns/test_options.py`` prints what became of 500 of them.
"""

import gzip
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from wedgefit.cli import main

TOWNS = np.array(["Bonn", "Köln", "Ulm"])


def columns(rng, rows):
    """Inputs with gaps, levels, far-out and far-away values, weights, groups and four targets."""
    a, b = rng.normal(size=rows), rng.normal(5, 3, size=rows).round(1)
    town = TOWNS[rng.integers(3, size=rows)]
    y = np.abs(a) + np.maximum(0, b - 5) + (town == "Ulm") + 0.3 * rng.normal(size=rows)
    if rng.random() < 0.3:
        a = a * 1e6 + rng.choice([0, 1e8])
    some = {
        "id": [f" r{i}" for i in range(rows)],
        "a": a.tolist(),
        "b": ["" if rng.random() < 0.1 else value for value in b.tolist()],
        "town": town.tolist(),
        "w": rng.integers(0, 4, rows).tolist(),
        "g": rng.integers(0, 5, rows).tolist(),
        "z": (10 * y - a / np.abs(a).max()).tolist(),
        "three": np.array(["p", "q", "r"])[np.digitize(y, np.quantile(y, [0.3, 0.6]))].tolist(),
        "two": np.where(y > np.median(y), "yes", "no").tolist(),
        "y": y.tolist(),
    }
    some["w"][0] = 1
    return some


def written(rng, table):
    """The file's name, and the options to read it."""
    delimiter = str(rng.choice([",", ",", ";", "\t"]))
    lines = [delimiter.join(map(str, row)) for row in [list(table), *zip(*table.values())]]
    raw = ("\n".join(lines) + "\n").encode()
    name = str(rng.choice(["d.csv", "d.csv", "d.csv.gz"]))
    Path(name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    return name


def options(rng):
    """Options that may go together, as often as not with a choice of alpha."""
    target = str(rng.choice(["y", "y", "y", "two", "three", "y+z"]))
    told = [part for name in target.split("+") for part in ("--target", name)]
    told += ["--keep", "a", "--keep", "b"] + ["--keep", "town"] * int(rng.integers(2))
    if rng.random() < 0.5:
        told += ["--alpha-ratio", str(rng.choice([0.5, 0.1, 0.02]))]
    else:
        told += ["--cv", "2", *rng.choice(["", "--rule=1se", "--max-neurons=3"], 1)]
    maybe = {
        "--weight=w": 0.3, "--group=g": 0.2, "--id=id": 0.3, "--no-standardize": 0.15,
        "--no-bias": 0.15, "--no-intercept": 0.1, "--norm=2": 0.3, "--layers=3": 0.15,
        "--certificate=sampled": 0.2, "--tol=1e-3": 0.2, "--seed=7": 0.1,
    }  # fmt: skip
    told += [option for option, share in maybe.items() if rng.random() < share]
    # Of full order a second layer prices all sets of a dozen activations: minutes, on any table.
    order = str(rng.choice(["1", "1", "2", *["full"] * ("--layers=3" not in told)]))
    told += ["--order", order] if rng.random() < 0.8 else []
    if "--norm=2" in told and rng.random() < 0.4:
        told.append("--refine")
    if target in ("two", "three"):
        told += ["--loss=squared"] * (rng.random() < 0.3)
        told += ["--class-weight=balanced"] * (rng.random() < 0.3)
        told += ["--threshold=0.3"] * (target == "two" and rng.random() < 0.2)
    told += ["--refit"] * (rng.random() < 0.15)
    if rng.random() < 0.15:
        shape = str(rng.choice(["increasing", "decreasing", "convex", "concave"]))
        told.append(f"--{shape}={rng.choice(['a', 'b'])}")
    return [part for part in told if part]


def run(*args):
    done = CliRunner().invoke(main, list(args))
    assert "Traceback" not in done.stderr and "bug" not in done.stderr, done.stderr
    return done


def outcome(seed):
    """What became of one table under one set of options, as a word."""
    rng = np.random.default_rng(seed)
    told, table = options(rng), columns(rng, int(rng.choice([9, 14, 25])))
    data = written(rng, table)
    done = run("train", data, "--json", "-o", "m.json", "--jobs", "1", *told)
    if done.exit_code:
        assert done.exit_code in (1, 2) and not Path("m.json").exists(), done.stderr
        return "refused" if done.exit_code == 1 else "wrong usage"
    report = json.loads(done.stdout)
    whole = ["--all"] * bool(rng.random() < 0.3)
    certified = run("certify", "m.json", data, "--json", "--jobs", "1", *whole)
    assert certified.exit_code == 0, certified.stderr
    predicted = run("predict", "m.json", data, "--json")
    assert predicted.exit_code == 0 and len(json.loads(predicted.stdout)["predictions"]) == len(
        table["y"]
    )
    for command in (("evaluate", "m.json", data), ("explain", "m.json")):
        assert run(*command, "--json").exit_code == 0
    if not report["neurons"]:
        return "constant"
    table["a"][1] += 0.5 * (max(table["a"]) - min(table["a"]))
    counts = "--weight=w" not in told or table["w"][1]
    if counts:
        other = written(rng, table)
        assert run("certify", "m.json", other, "--json", "--jobs", "1").exit_code == 1, "changed"
    return "model"


def campaign(seeds):
    counts = Counter()
    for seed in seeds:
        Path("m.json").unlink(missing_ok=True)
        try:
            counts[outcome(seed)] += 1
        except Exception as error:
            told = options(np.random.default_rng(seed))
            raise AssertionError(f"options {seed} {told}: {error}") from error
    return counts


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_five_sets_of_options():
    assert campaign(range(5))["model"] > 2


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(5), ids="{}-".format)
def test_five_hundred_sets_of_options(piece, capsys):
    clock = time.perf_counter()
    counts = campaign(range(100 * (piece + 1), 100 * (piece + 2)))
    with capsys.disabled():
        print(f"\n100 sets of options in {time.perf_counter() - clock:.0f} s: {dict(counts)}")
    assert counts["model"] > 40
