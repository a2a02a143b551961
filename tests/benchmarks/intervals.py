"""The part of held-out rows that lies within intervals of 90 %, over five folds, their widths, and
by how much networks of all rows are off on new ones beside those of the folds on theirs:

    python tests/benchmarks/intervals.py FOLDER [NAME ...] [--order N] [--rows N --alpha-ratio R]

FOLDER/datasets.json says of every table its file, target and the columns to ignore, and
FOLDER/folds/NAME.csv in which fold each row is held out. Without --order it is that of ``train``.
With --rows so many random rows of a fold are learnt from, the certificate is sampled, and all other
rows are held out.
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


def measured(folder: Path, about: dict, options: argparse.Namespace):
    """Per fold what ``evaluate`` says of the intervals, and the error on its rows beside that of
    cross-validation, where there was one."""
    table, target = read_table(folder / about["file"]), about["target"]
    folds = np.loadtxt(folder / "folds" / f"{about['name']}.csv", skiprows=1, dtype=int)
    told = {
        "target": (target,),
        "drop": tuple(about.get("ignore") or ()),
        "order": options.order,
        "alpha_ratio": options.alpha_ratio,
        "certificate": "sampled" if options.rows else "auto",
        "intervals": True,
    }
    for fold in range(5):
        learn = np.flatnonzero(folds != fold)
        if options.rows:
            rng = np.random.default_rng(fold)
            learn = np.sort(rng.choice(learn, options.rows, replace=False))
        test = np.setdiff1d(np.arange(len(folds)), learn)
        model = train(table.take(learn), Options(**told), Silent())
        found, before = evaluate(model, table.take(test)), model.score.cv
        ratio = found.score["rmse"] / before["rmse"].mean if before else np.nan
        yield found.intervals[target], ratio


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--order", type=int)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--alpha-ratio", type=float)
    told = parser.parse_args()
    known = json.loads((told.folder / "datasets.json").read_text())
    for name, about in known.items():
        about["name"] = name
        if about["task"] != "regression" or told.names and about["name"] not in told.names:
            continue
        folds = [*measured(told.folder, about, told)]
        for k, level in enumerate(folds[0][0]):
            parts = [levels[k].coverage for levels, _ in folds]
            widths = [levels[k].width for levels, _ in folds]
            print(
                f"{about['name']:20} {level.level:.0%} intervals hold {np.mean(parts):.3f}"
                f" ({', '.join(f'{part:.2f}' for part in parts)}), width {np.mean(widths):.4g}",
                flush=True,
            )
        ratio = np.sqrt(np.mean(np.square([ratio for _, ratio in folds])))
        if np.isfinite(ratio):
            print(f"{name:20} error on new rows / of cross-validation: {ratio:.3f}", flush=True)


if __name__ == "__main__":
    main()
