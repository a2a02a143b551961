"""Depth: python tests/benchmarks/depth.py [DATA ...]; ours beside an Adam-trained network of the same widths.

Alpha (shared by the stages) and Adam's weight decay are chosen per depth on a fifth of the training rows held back; on the
spirals, where held-back points tell nothing about the turns that miss, alpha is alpha_max/100.
"""

import csv
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from common import print_table, standardized
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from wedgefit.certificate import Problem
from wedgefit.dictionary import Dictionary
from wedgefit.layers import composed, orders_in_stage, solve_layers
from wedgefit.pricing import Pricer
from wedgefit.solve import largest_alpha

SAMPLES = Path(__file__).parents[2] / "sample_data"
RATIOS = (1 / 10, 1 / 30, 1 / 100, 1 / 300)
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SEEDS = range(5)
# With more training rows than this the stages are solved on sampled pencils.
MOST_ROWS_EXACT = 300


def read(name):
    """Inputs and target, the last column, of a sample table; a target of two words becomes ±1."""
    with open(SAMPLES / f"{name}.csv", newline="") as file:
        _, *rows = csv.reader(file)
    target = [row[-1] for row in rows]
    y = np.where(np.array(target) == "A", 1.0, -1.0) if "A" in target else np.array(target, dtype=float)
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
    "Friedman 1": (friedman, 4, RATIOS),
    "mcycle": (lambda: split(*read("mcycle")), 4, RATIOS),
    "diabetes": (lambda: split(*load_diabetes(return_X_y=True)), 3, RATIOS),
    "concrete": (lambda: split(*read("concrete")), 3, RATIOS),
}


def score(y, output):
    """Accuracy of labels ±1, else R²."""
    if set(np.unique(y)) == {-1.0, 1.0}:
        return float(np.mean((output > 0) == (y > 0)))
    return float(1 - np.mean((y - output) ** 2) / y.var())


def pricer_for(A, stage, jobs=2):
    return Pricer(Dictionary(A, orders_in_stage(min(2, A.shape[1]), 1, A.shape[1], stage), 1, True), jobs=jobs)


def stages_at(X, y, ratio, depth, *, tol, exact):
    """``depth`` − 1 stages at a ratio of the first alpha_max."""
    alpha = ratio * largest_alpha(Problem(y, 1.0), pricer_for(X, 1))
    makers = [partial(pricer_for, stage=stage) for stage in range(1, depth)]
    return solve_layers(Problem(y, alpha), X, makers, tol=tol, exact=exact)


def chosen(candidates, fit, X, y):
    """The candidate whose fit on four fifths of the rows does best on the rest."""
    train, held = train_test_split(np.arange(len(y)), test_size=0.2, random_state=0)
    return max(candidates, key=lambda candidate: score(y[held], fit(X[train], y[train], candidate)(X[held])))


def adam(X, y, decay, widths, seed):
    """A trained network's predictor; the target is standardised for it."""
    mean, scale = y.mean(), y.std()
    patience = {"max_iter": 2_000, "tol": 1e-6, "n_iter_no_change": 50}
    model = MLPRegressor(hidden_layer_sizes=widths, alpha=decay, learning_rate_init=3e-3, random_state=seed, **patience)
    model.fit(X, (y - mean) / scale)
    return lambda rows: model.predict(rows) * scale + mean


def rows(load, deepest, ratios):
    X, y, new, truth = load()
    for depth in range(2, deepest + 1):
        ratio = chosen(ratios, lambda A, b, r: composed(stages_at(A, b, r, depth, tol=1e-3, exact=False)).predict, X, y)
        clock = time.perf_counter()
        stages = stages_at(X, y, ratio, depth, tol=1e-6, exact=len(y) <= MOST_ROWS_EXACT)
        seconds = time.perf_counter() - clock
        network, certificate = composed(stages).pruned(), stages[-1].solution.certificate
        widths = tuple(map(len, network.layers))
        decay = chosen(DECAYS, lambda A, b, c: adam(A, b, c, widths, 0), X, y)
        clock = time.perf_counter()
        peers = [adam(X, y, decay, widths, seed) for seed in SEEDS]
        theirs = (time.perf_counter() - clock) / len(SEEDS)
        tests = [score(truth, peer(new)) for peer in peers]
        yield [
            str(depth), f"1/{1 / ratio:.0f}", f"{certificate.objective:.6g}", certificate.scope, "+".join(map(str, widths)),
            f"{score(y, network.predict(X)):.3f}", f"{score(truth, network.predict(new)):.3f}", f"{seconds:.1f}",
            f"{np.mean([score(y, peer(X)) for peer in peers]):.3f}", f"{np.mean(tests):.3f} ± {np.std(tests):.3f}", f"{theirs:.1f}",
        ]  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    header = ["layers", "alpha / alpha_max", "objective", "scope", "neurons", "train", "test", "s", "Adam: train", "test, 5 seeds", "s"]
    for name in sys.argv[1:] or DATA:
        load, *how = DATA[name]
        print_table(f"{name}: {len(load()[1])} training rows, order 2, norm 1", header, rows(load, *how))
