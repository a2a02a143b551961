"""The part of held-out rows that lies within intervals of 90 %, over five folds, and their widths:

    python tests/benchmarks/intervals.py FOLDER [NAME ...] [--order N]

FOLDER/datasets.json says of every table its file, target and the columns to ignore, and
FOLDER/folds/NAME.csv in which fold each row is held out. Without --order it is that of ``train``.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from wedgefit.data.table import read_table
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.evaluation import evaluate
from wedgefit.watch import Silent


def measured(folder: Path, about: dict, order: int | None):
    """Per fold what ``evaluate`` says of the intervals, and the model's R²."""
    table = read_table(folder / about["file"])
    folds = np.loadtxt(folder / "folds" / f"{about['name']}.csv", skiprows=1, dtype=int)
    told = {
        "target": (about["target"],),
        "drop": tuple(about.get("ignore") or ()),
        "order": order,
        "intervals": True,
    }
    for fold in range(5):
        learn, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        model = train(table.take(learn), Options(**told), Silent())
        found = evaluate(model, table.take(test))
        yield found.intervals[about["target"]], found.score["r2"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--order", type=int)
    told = parser.parse_args()
    known = json.loads((told.folder / "datasets.json").read_text())
    for name, about in known.items():
        about["name"] = name
        if about["task"] != "regression" or told.names and about["name"] not in told.names:
            continue
        folds = [*measured(told.folder, about, told.order)]
        for k, level in enumerate(folds[0][0]):
            parts = [levels[k].coverage for levels, _ in folds]
            widths = [levels[k].width for levels, _ in folds]
            print(
                f"{about['name']:20} {level.level:.0%} intervals hold {np.mean(parts):.3f}"
                f" ({', '.join(f'{part:.2f}' for part in parts)}), width {np.mean(widths):.4g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
