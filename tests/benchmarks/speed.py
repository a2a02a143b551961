"""Seconds of one default fit beside those of other trainers, in one run: python
tests/benchmarks/speed.py [FOLDER], by default the bundled tables.

Every seconds are those of one fit of all rows but a fifth, and the score is that of the fifth; a
fit of wedgefit includes the choice of alpha by 5-fold cross-validation, with a proof.
"""

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from common import print_table
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from tables import BOOSTING, EBM, FOREST, MLP, OURS, TABLES, explainable, peer

from wedgefit.data.table import read_table
from wedgefit.model.build import Options, train
from wedgefit.watch import Silent

PEERS = (MLP, FOREST, BOOSTING, EBM)


def rows(folder):
    for file, target, drop in TABLES:
        path = folder / f"{file}.csv"
        if path.exists():
            yield [file, *measured(path, target, drop)]


def measured(path, target, drop):
    """Score and seconds of wedgefit with its proven gap, then of every peer."""
    frame = pd.read_csv(path, skipinitialspace=True)
    drop = tuple(column for column in drop if column in frame)
    frame = frame.drop(columns=list(drop))
    y = frame.pop(target).to_numpy()
    classes = y.dtype.kind == "O" or len(np.unique(y)) == 2
    score = accuracy_score if classes else r2_score
    split = train_test_split(
        np.arange(len(y)), test_size=0.2, random_state=0, stratify=y if classes else None
    )
    learn, test = map(np.sort, split)
    table, clock = read_table(path), time.perf_counter()
    model = train(table.take(learn), Options(target=(target,), drop=drop), Silent())
    seconds = time.perf_counter() - clock
    predicted = model.decided(model.scores(table.take(test)))
    gap = f"{model.certificate.relative_gap:.0e} {model.certificate.scope}"
    yield f"{score(y[test], predicted):.3f} · {seconds:.1f} · {gap}"
    for name in PEERS:
        if name == EBM and explainable(classes) is None:
            yield "interpret is not installed"
            continue
        other, clock = peer(name, classes), time.perf_counter()
        other.fit(frame.iloc[learn], y[learn])
        seconds = time.perf_counter() - clock
        yield f"{score(y[test], other.predict(frame.iloc[test])):.3f} · {seconds:.1f}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    bundled = Path(__file__).parents[2] / "sample_data"
    print_table(
        f"R² or accuracy on a fifth held out · seconds of one fit, {os.cpu_count()} cores",
        ["table", f"{OURS} (and proven gap)", *PEERS],
        rows(Path(sys.argv[1]) if len(sys.argv) > 1 else bundled),
    )
