"""Tables of several classes, most of them small: what costs accuracy there?

    python tests/benchmarks/small_classes.py [TABLE ...] [--order N]

Scores of cross-validation on the same folds, alpha chosen by the log loss in each: the default,
which takes columns apart where that predicts better, and columns as they are: with classes that
share their neurons, a network per class, classes balanced, columns in units of the
distance between their quartiles (where that is less than the standard deviation), and columns by
the ranks of their rows in place of their numbers; beside them a random forest and a logistic
regression of splines. ``amounts`` are made as chemical analyses are: columns whose rows crowd at
one end, or are zero in most rows of some classes, so that there a hinge has to be steep.
``clusters`` are narrow, in the midst of columns with heavy tails.
"""

import argparse
import warnings

import numpy as np
from common import print_table
from scipy.stats import rankdata
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from wedgefit import WedgeClassifier

SIZES = (70, 76, 17, 13, 9, 29)


def normal(seed: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Classes whose means lie ``spread`` apart in nine columns, each with its own scales."""
    rng, rows = np.random.default_rng(seed), []
    for size in SIZES:
        center, scale = spread * rng.normal(size=9), rng.gamma(3, 0.4, size=9)
        rows.append(center + scale * rng.normal(size=(size, 9)))
    return np.vstack(rows), np.repeat(np.arange(len(SIZES)), SIZES)


def amounts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Nine amounts with heavy tails, the last five never below zero, and of each class some that
    most of its rows have nothing of."""
    rng, rows = np.random.default_rng(seed), []
    base = rng.normal(0, 1, 9)
    for size in SIZES:
        center = base + rng.normal(0, 1, 9) * (rng.random(9) < 0.45)
        mixed = np.eye(9) + 0.3 * rng.normal(size=(9, 9))
        found = rng.standard_t(4, size=(size, 9)) @ mixed * 0.6 + center
        absent = rng.random(9) < 0.3
        gone = rng.random((size, 9)) < np.where(absent, 0.85, 0.05)
        gone[:, :4] = False
        rows.append(np.where(gone, -2.5, found))
    X, order = np.vstack(rows), rng.permutation(sum(SIZES))
    X[:, 4:] = np.maximum(np.exp(0.6 * X[:, 4:]) - np.exp(-1.5), 0)
    return X[order], np.repeat(np.arange(len(SIZES)), SIZES)[order]


def clusters(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes of one to three narrow clusters each, of which the smaller ones lie apart in some
    columns: five with far tails, four that are zero in a third of the rows and more."""
    rng, rows = np.random.default_rng(100 + seed), []
    base, mixed = rng.normal(0, 0.3, 9), np.eye(9) + 0.4 * rng.normal(size=(9, 9))
    for k, size in enumerate(SIZES):
        apart = rng.normal(0, 1.5, 9) * (rng.random(9) < 0.3) * (k > 2)
        count = rng.integers(1, 4)
        centers = base + apart + rng.normal(0, 0.5, (count, 9))
        which, spread = rng.integers(count, size=size), rng.gamma(4, 0.06, 9)
        rows.append(centers[which] + spread * (rng.standard_t(3, size=(size, 9)) @ mixed))
    X = np.vstack(rows)
    least = np.quantile(X, np.linspace(0.3, 0.6, 4), axis=0).diagonal(5)
    X[:, 5:] = np.maximum(0, np.exp(1.2 * (X[:, 5:] - least)) - 1)
    for column in X.T[:3]:
        far = rng.choice(len(X), 3, replace=False)
        column[far] += rng.choice([-1, 1]) * rng.gamma(2, 3, 3)
    order = rng.permutation(len(X))
    return X[order], np.repeat(np.arange(len(SIZES)), SIZES)[order]


def quartile_scales(X: np.ndarray) -> np.ndarray:
    """What the standard deviation would be of a normal column with these quartiles, or the standard
    deviation where that is less, or they are one value."""
    spread = np.subtract(*np.quantile(X, [0.75, 0.25], axis=0)) / 1.349
    return np.where(spread > 0, np.minimum(spread, X.std(axis=0)), X.std(axis=0))


TABLES = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "normal": lambda: normal(0, 0.5),
    "normal, closer": lambda: normal(1, 0.35),
    **{f"amounts {seed}": lambda seed=seed: amounts(seed) for seed in range(3)},
    **{f"clusters {seed}": lambda seed=seed: clusters(seed) for seed in range(3)},
}
KINDS = {
    "by default": {},
    "columns as they are": {"robust": "off"},
    "a network per class": {"robust": "off", "loss": "logistic"},
    "classes balanced": {"robust": "off", "class_weight": "balanced"},
    "columns by quartiles": {"robust": "off", "standardize": False},
    "columns by ranks": {"robust": "off"},
}
COLUMNS = {
    "columns by quartiles": lambda X: X / quartile_scales(X),
    "columns by ranks": lambda X: np.column_stack([rankdata(column) for column in X.T]),
}
SPLINES = (StandardScaler(), SplineTransformer(6), LogisticRegression(max_iter=2000))
OTHERS = {
    "random forest": RandomForestClassifier(300, random_state=0),
    "splines": make_pipeline(*SPLINES),
}


def rows_of(name: str, order: int):
    """A row of the table for each kind of fit."""
    X, y = TABLES[name]()
    for kind, told in KINDS.items():
        Z = COLUMNS[kind](X) if kind in COLUMNS else X
        model = WedgeClassifier(order=order, n_jobs=1, **told).fit(Z, y).model_
        scores = model.score.cv
        best = max(point.scores["accuracy"].mean for point in model.score.curve)
        yield [
            name, kind, f"{scores['accuracy'].mean:.3f}", f"{scores['log_loss'].mean:.3f}",
            f"{best:.3f}", str(len(model.neurons)),
        ]  # fmt: skip
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for kind, model in OTHERS.items():
        found = cross_validate(model, X, y, cv=folds, scoring=["accuracy", "neg_log_loss"])
        accuracy, loss = (found[f"test_{part}"].mean() for part in ("accuracy", "neg_log_loss"))
        yield [name, kind, f"{accuracy:.3f}", f"{-loss:.3f}", "–", "–"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--order", type=int, default=1)
    told = parser.parse_args()
    # Solvers of the others that stop early are none of this.
    warnings.filterwarnings("ignore")
    header = ["table", "fit", "accuracy", "log loss", "best accuracy of any alpha", "neurons"]
    names = told.tables or TABLES
    rows = (row for name in names for row in rows_of(name, told.order))
    print_table(f"order {told.order}", header, rows)


if __name__ == "__main__":
    main()
