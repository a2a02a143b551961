"""Classes that share their neurons (softmax) beside one network per class (logistic): scores
of cross-validation on the same folds, for the choice of the default.

    python tests/benchmarks/classes.py [ORDER] [NAME ...]
"""

import sys
import time

import numpy as np
from sklearn import datasets

from wedgefit import WedgeClassifier


def many_small(sizes, width, seed, spread):
    """Classes of these sizes whose means lie ``spread`` apart in all columns, each with its own
    scales."""
    rng = np.random.default_rng(seed)
    rows = []
    for size in sizes:
        center, scale = spread * rng.normal(size=width), rng.gamma(3, 0.4, size=width)
        rows.append(center + scale * rng.normal(size=(size, width)))
    return np.vstack(rows), np.repeat(np.arange(len(sizes)), sizes)


def bands(sizes, width, seed):
    """Classes that are bands of a sum of bends, in the order of their sizes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(sum(sizes), width))
    latent = np.abs(X[:, 0]) + np.maximum(X[:, 1], 0) - X[:, 2] + 0.3 * rng.normal(size=len(X))
    labels = np.empty(len(X), int)
    labels[np.argsort(latent)] = np.repeat(np.arange(len(sizes)), sizes)
    return X, labels


def bundled(load):
    return lambda: load(return_X_y=True)


def digits():
    """Three hundred rows of ten classes, every third pixel."""
    X, y = datasets.load_digits(return_X_y=True)
    return X[:300, ::3], y[:300]


UNEVEN = (76, 70, 29, 17, 13, 9)
TABLES = {
    "iris": bundled(datasets.load_iris),
    "wine": bundled(datasets.load_wine),
    "digits": digits,
    "uneven": lambda: many_small(UNEVEN, 9, 0, 0.5),
    "uneven, closer": lambda: many_small(UNEVEN, 9, 1, 0.35),
    "ten of fifteen": lambda: many_small([15] * 10, 6, 2, 0.9),
    "bands": lambda: bands(UNEVEN, 5, 3),
}


def main(order: int, names: list[str]) -> None:
    for name in names or TABLES:
        X, y = TABLES[name]()
        for loss in ("logistic", "softmax"):
            clock = time.process_time()
            model = WedgeClassifier(loss=loss, order=order, n_jobs=1).fit(X, y).model_
            seconds, scores = time.process_time() - clock, model.score.cv
            found = "  ".join(
                f"{key} {scores[key].mean:.4f} ± {scores[key].se:.4f}"
                for key in ("accuracy", "log_loss")
            )
            print(
                f"{name:16} {loss:9} {found}  {len(model.neurons):4} neurons {seconds:6.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(int((sys.argv[1:] or [1])[0]), sys.argv[2:])
