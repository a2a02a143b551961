"""Every loss beside scikit-learn's own estimator for it: the loss on rows held out and the seconds
of the processor for three fits, on data that scikit-learn ships or that are made here. The first
fit of a process loads what it needs before the clock starts.

    python tests/benchmarks/losses.py [ORDER]
"""

import os
import sys
from functools import partial

import numpy as np
from common import print_table
from sklearn import datasets, linear_model, metrics
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from wedgefit import WedgeClassifier, WedgeRegressor


def counts(n=400):
    """Visits that fall with age, then rise, and rise with a second column."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(n, 4))
    return X, rng.poisson(np.exp(0.8 * np.abs(X[:, 0]) + 0.4 * X[:, 1])).astype(float)


def claims(n=400):
    """Amounts whose spread grows with them."""
    rng = np.random.default_rng(1)
    X = rng.uniform(-2, 2, size=(n, 4))
    mean = 100 * np.exp(np.maximum(X[:, 0], 0) - 0.5 * np.maximum(X[:, 1] - 1, 0))
    return X, mean * rng.gamma(2, 0.5, size=n)


def with_slips():
    """Diabetes, a tenth of its targets ten times too large."""
    X, y = datasets.load_diabetes(return_X_y=True)
    slips = np.random.default_rng(2).random(len(y)) < 0.1
    return X, np.where(slips, 10 * y, y)


def diabetes():
    return datasets.load_diabetes(return_X_y=True)


def wine():
    return datasets.load_wine(return_X_y=True)


def breast_cancer():
    return datasets.load_breast_cancer(return_X_y=True)


def scaled(model):
    return make_pipeline(StandardScaler(), model)


def log_loss(model, X, y):
    return metrics.log_loss(y, model.predict_proba(X), labels=model.classes_)


def measured_by(score):
    return lambda model, X, y: score(y, model.predict(X))


pinball = partial(metrics.mean_pinball_loss, alpha=0.9)
# What it is, the data, our settings, scikit-learn's estimator, and the loss of rows held out.
LINEAR = linear_model
CASES = (
    ("squared, diabetes", diabetes, {}, LINEAR.LassoCV(), measured_by(metrics.mean_squared_error)),
    ("huber, diabetes with slips", with_slips, {"loss": "huber"}, LINEAR.HuberRegressor(),
     measured_by(metrics.median_absolute_error)),
    ("quantile 0.9, diabetes", diabetes, {"loss": "quantile", "quantile": 0.9},
     LINEAR.QuantileRegressor(quantile=0.9, alpha=0.01), measured_by(pinball)),
    ("poisson, counts", counts, {"loss": "poisson"}, LINEAR.PoissonRegressor(alpha=1e-3),
     measured_by(metrics.mean_poisson_deviance)),
    ("gamma, claims", claims, {"loss": "gamma"}, LINEAR.GammaRegressor(alpha=1e-3),
     measured_by(metrics.mean_gamma_deviance)),
    ("logistic, breast_cancer", breast_cancer, {}, LINEAR.LogisticRegression(), log_loss),
    ("softmax, wine", wine, {}, LINEAR.LogisticRegression(), log_loss),
)  # fmt: skip


def held_out(make, X, y, loss, classes):
    """The mean loss over three folds, and the seconds of their fits, processes of their own
    included."""
    folds = (StratifiedKFold if classes else KFold)(3, shuffle=True, random_state=0)
    clock, losses = sum(os.times()[:4]), []
    for learn, test in folds.split(X, y):
        losses.append(loss(make().fit(X[learn], y[learn]), X[test], y[test]))
    return float(np.mean(losses)), sum(os.times()[:4]) - clock


def rows(order):
    WedgeRegressor(order=order, alpha_ratio=0.5).fit(*counts(20))
    for name, load, settings, peer, loss in CASES:
        X, y = load()
        classes = loss is log_loss
        kind = WedgeClassifier if classes else WedgeRegressor
        ours = held_out(
            lambda kind=kind, told=settings: kind(order=order, **told), X, y, loss, classes
        )
        theirs = held_out(lambda peer=peer: scaled(peer), X, y, loss, classes)
        figures = (f"{value:.4g}" for pair in (ours, theirs) for value in pair)
        yield [name, *figures, type(peer).__name__]


if __name__ == "__main__":
    order = int((sys.argv[1:] or [1])[0])
    heads = ["loss, data", "wedgefit", "s", "scikit-learn", "s", "its estimator"]
    print_table(f"Held out, order {order}", heads, rows(order))
