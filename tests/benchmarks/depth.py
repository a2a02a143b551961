"""Depth: python tests/benchmarks/depth.py [DATA ...]; ours beside an Adam-trained network of the
same widths.

Alpha (shared by the stages) and Adam's weight decay are chosen per depth on a fifth of the training
rows held back; on the spirals, where held-back points tell nothing about the turns that miss, alpha
is alpha_max/100. A stage of more wedges than ``EXACT_UP_TO`` is solved on sampled pencils, and one
that takes longer than ``SECONDS`` is stopped; the columns say so.
"""

import csv
import sys
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from common import print_table, standardized
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.layers import composed, orders_in_stage, solve_stage
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha
from wedgefit.watch import Deadline

SAMPLES = Path(__file__).parents[2] / "sample_data"
RATIOS = (1 / 10, 1 / 30, 1 / 100, 1 / 300)
DECAYS = (1e-4, 1e-2, 1e-1, 1.0)
SEEDS = range(3)
EXACT_UP_TO = 400_000_000
SECONDS = 30


def read(name):
    """Inputs and target, the last column, of a sample table; a target of two words becomes ±1."""
    with open(SAMPLES / f"{name}.csv", newline="") as file:
        _, *rows = csv.reader(file)
    target = [row[-1] for row in rows]
    y = (
        np.where(np.array(target) == "A", 1.0, -1.0)
        if "A" in target
        else np.array(target, dtype=float)
    )
    return np.array([row[:-1] for row in rows], dtype=float), y


def split(X, y):
    """Two thirds to train on, one third to test on, columns standardised."""
    train, test = train_test_split(np.arange(len(y)), test_size=1 / 3, random_state=0)
    X = standardized(X)
    return X[train], y[train], X[test], y[test]


def spirals():
    """Every fifth point is for testing; the columns as they are."""
    X, y = read("spiral")
    test = np.arange(len(y)) // 2 % 5 == 4
    return X[~test], y[~test], X[test], y[test]


def product():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2300, 4))
    clean = X[:, :3].prod(axis=1)
    return X[:300], clean[:300] + 0.02 * rng.normal(size=300), X[300:], clean[300:]


def friedman():
    X, y = make_friedman1(2300, 10, noise=1, random_state=0)
    X = standardized(X)
    return X[:300], y[:300], X[300:], y[300:]


DATA = {
    "two spirals": (spirals, 5, (1 / 100,)),
    "x1 x2 x3": (product, 4, RATIOS),
    "Friedman 1": (friedman, 3, RATIOS),
    "mcycle": (lambda: split(*read("mcycle")), 4, RATIOS),
    "diabetes": (lambda: split(*load_diabetes(return_X_y=True)), 3, RATIOS),
    "concrete": (lambda: split(*read("concrete")), 3, RATIOS),
}


def score(y, output):
    """Accuracy of labels ±1, else R²; y (n,), output (n,) or (n, 1)."""
    output = np.reshape(output, y.shape)
    if set(np.unique(y)) == {-1.0, 1.0}:
        return float(np.mean((output > 0) == (y > 0)))
    return float(1 - np.mean((y - output) ** 2) / y.var())


def pricer_for(A, stage, jobs=2):
    return Pricer(
        Dictionary(A, orders_in_stage(min(2, A.shape[1]), 1, A.shape[1], stage), 1, True), jobs=jobs
    )


def stages_at(X, y, ratio, depth, *, tol, exact_up_to):
    """The ``depth`` − 1 stages at a ratio of the first alpha_max, and when each was done, in
    seconds."""
    problem, clock = (
        Problem(y, ratio * largest_alpha(Problem(y, 1.0), pricer_for(X, 1))),
        time.perf_counter(),
    )
    stages, done = [], []
    while len(stages) < depth - 1:
        previous = stages[-1] if stages else None
        pricer = pricer_for(previous.activations if stages else X, len(stages) + 1)
        exact = pricer.dictionary.size <= exact_up_to
        stages.append(
            solve_stage(
                problem,
                X,
                lambda _, pricer=pricer: pricer,
                previous,
                tol=tol,
                exact=exact,
                deadline=Deadline(SECONDS),
            )
        )
        done.append(time.perf_counter() - clock)
    return stages, done


def held_back(y):
    """Four fifths of the rows to learn from, and the rest to choose by."""
    return train_test_split(np.arange(len(y)), test_size=0.2, random_state=0)


def chosen_ratios(X, y, ratios, deepest):
    """For every depth the ratio that does best on the rows held back."""
    if len(ratios) == 1:
        return {depth: ratios[0] for depth in range(2, deepest + 1)}
    train, held = held_back(y)
    found = {
        ratio: stages_at(X[train], y[train], ratio, deepest, tol=1e-3, exact_up_to=0)[0]
        for ratio in ratios
    }
    return {
        depth: max(
            ratios,
            key=lambda ratio: score(y[held], composed(found[ratio][: depth - 1]).predict(X[held])),
        )
        for depth in range(2, deepest + 1)
    }


def chosen_decay(X, y, widths):
    """The weight decay of the network that does best on the rows held back."""
    train, held = held_back(y)
    return max(
        DECAYS,
        key=lambda decay: score(y[held], adam(X[train], y[train], decay, widths, 0)(X[held])),
    )


def adam(X, y, decay, widths, seed):
    """A trained network's predictor; the target is standardised for it."""
    mean, scale = y.mean(), y.std()
    patience = {"max_iter": 1_000, "tol": 1e-6, "n_iter_no_change": 50}
    model = MLPRegressor(
        hidden_layer_sizes=widths,
        alpha=decay,
        learning_rate_init=3e-3,
        random_state=seed,
        **patience,
    )
    model.fit(X, (y - mean) / scale)
    return lambda rows: model.predict(rows) * scale + mean


def rows(load, deepest, ratios):
    X, y, new, truth = load()

    @cache
    def solved(ratio):
        return stages_at(X, y, ratio, deepest, tol=1e-6, exact_up_to=EXACT_UP_TO)

    for depth, ratio in chosen_ratios(X, y, ratios, deepest).items():
        stages, done = solved(ratio)
        stages, last = stages[: depth - 1], stages[depth - 2].solution
        network = composed(stages).pruned()
        widths = tuple(map(len, network.layers))
        decay = chosen_decay(X, y, widths)
        clock = time.perf_counter()
        peers = [adam(X, y, decay, widths, seed) for seed in SEEDS]
        theirs = (time.perf_counter() - clock) / len(SEEDS)
        tests = [score(truth, peer(new)) for peer in peers]
        yield [
            str(depth), f"1/{1 / ratio:.0f}", f"{last.certificate.objective:.6g}",
            f"{last.certificate.relative_gap:.0e}",
            f"{last.certificate.scope}{', stopped' * (last.status == 'stopped')}",
            "+".join(map(str, widths)),
            f"{score(y, network.predict(X)):.3f}",
            f"{score(truth, network.predict(new)):.3f}", f"{done[depth - 2]:.1f}",
            f"{np.mean([score(y, peer(X)) for peer in peers]):.3f}",
            f"{np.mean(tests):.3f} ± {np.std(tests):.3f}", f"{theirs:.1f}",
        ]  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    header = [
        "layers",
        "alpha / alpha_max",
        "objective",
        "gap",
        "scope",
        "neurons",
        "train",
        "test",
        "s",
        "Adam: train",
        "test, 3 seeds",
        "s",
    ]
    for name in sys.argv[1:] or DATA:
        load, *how = DATA[name]
        print_table(
            f"{name}: {len(load()[1])} training rows, order 2, norm 1", header, rows(load, *how)
        )
