"""Are probabilities what they say, before and after calibration, on rows held out of five folds:

    python tests/benchmarks/calibration.py FOLDER [NAME ...] [--order N] [--rule best|1se]

FOLDER is as for ``intervals.py``. ``off``: how far the part that came true is from the probability
given, on average over tenths of the rows by that probability, each class against the others.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import print_table

from wedgefit.data.table import read_table
from wedgefit.learning.settings import ISOTONIC, SIGMOID, Options
from wedgefit.model.build import train
from wedgefit.model.calibration import calibration
from wedgefit.watch import Silent

WAYS = {"as it is": False, "on a line": SIGMOID, "in steps": ISOTONIC}


def held_out(folder: Path, about: dict, told: Options) -> tuple[np.ndarray, np.ndarray, float]:
    """Over all folds the probabilities (n, classes), the class of each row by number, (n,), and the
    mean number of neurons."""
    table = read_table(folder / about["file"])
    folds = np.loadtxt(folder / "folds" / f"{about['name']}.csv", skiprows=1, dtype=int)
    given, true, neurons = [], [], []
    for fold in np.unique(folds):
        learn, test = (table.take(np.flatnonzero(part)) for part in (folds != fold, folds == fold))
        model = train(learn, told, Silent())
        classes = [str(label) for label in model.encoding.target.classes]
        given.append(model.probabilities(model.scores(test)))
        y = model.encoding.target_values(test)
        true.append((y[:, 0] > 0).astype(int) if len(classes) == 2 else y.argmax(axis=1))
        neurons.append(len(model.neurons))
    return np.vstack(given), np.concatenate(true), float(np.mean(neurons))


def off(given: np.ndarray, true: np.ndarray) -> float:
    """The mean distance between what was given and what came, over tenths of the rows."""
    classes = range(given.shape[1])
    sums = [
        sum(each.rows * abs(each.given - each.came) for each in calibration(given[:, k], true == k))
        for k in (classes if len(classes) > 2 else [1])
    ]
    return float(np.mean(sums)) / len(true)


def rows_of(folder: Path, about: dict, told: Options):
    """A row of the table for each way."""
    own = {"target": (about["target"],), "drop": tuple(about.get("ignore") or ())}
    for words, way in WAYS.items():
        settings = replace(told, task="classification", calibrate=way, **own)
        given, true, neurons = held_out(folder, about, settings)
        chance = given[np.arange(len(true)), true]
        yield [
            about["name"], words, f"{-np.log(chance).mean():.4f}", f"{off(given, true):.3f}",
            f"{np.mean(given.argmax(axis=1) == true):.3f}", f"{neurons:.1f}",
        ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--order", type=int, default=1)
    parser.add_argument("--rule", default="best")
    told = parser.parse_args()
    known = json.loads((told.folder / "datasets.json").read_text())
    tables = [about | {"name": name} for name, about in known.items()]
    chosen = [
        about
        for about in tables
        if about["task"] != "regression" and (not told.names or about["name"] in told.names)
    ]
    options = Options(order=told.order, rule=told.rule)
    header = ["table", "probabilities", "log loss", "off", "accuracy", "neurons"]
    rows = (row for about in chosen for row in rows_of(told.folder, about, options))
    print_table(f"order {told.order}, --rule {told.rule}", header, rows)


if __name__ == "__main__":
    main()
