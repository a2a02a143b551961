"""wedgefit with its default settings beside other models, in 5-fold cross-validation: python tests/benchmarks/tables.py [FOLDER [NAME ...]]

FOLDER holds the CSV files below (those that are missing are left out; default: sample_data); NAMEs choose among them.
Needs the extra ``bench``.
"""

import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from common import print_table
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from wedgefit.fit import Options, train
from wedgefit.table import read_table

TITANIC = ("PassengerId", "Name", "Ticket", "Cabin")
# file, target, columns to leave out (identifiers)
TABLES = [
    ("mcycle", "accel", ()),
    ("quakes", "depth", ()),
    ("auto_mpg", "mpg", ("name",)),
    ("concrete", "compressive_strength", ()),
    ("diabetes", "progression", ()),
    ("california_housing", "median_house_value", ()),
    ("breast_cancer", "diagnosis", ()),
    ("titanic", "Survived", TITANIC),
    ("two_spirals", "arm", ()),
    ("penguins", "species", ()),
]
LINEAR, MLP, FOREST, BOOSTING, EBM, OURS = "linear", "MLP", "random forest", "boosting", "EBM", "wedgefit"


@dataclass
class Result:
    """One model on one table: the mean over the folds of R² or accuracy, of the log loss, of its terms, and all seconds."""

    score: float
    log_loss: float | None
    terms: float
    seconds: float


class Silent:
    """Progress that nobody watches."""

    def note(self, words):
        pass

    def advance(self, *step):
        pass


def encoded(model, frame):
    """The model behind medians, scaled numbers and one-hot text, as its users would set it up."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="constant", fill_value="(missing)"), OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    text = make_column_selector(dtype_exclude=np.number)
    return make_pipeline(make_column_transformer((numbers, make_column_selector(dtype_include=np.number)), (texts, text)), model)


def peers(frame, classes):
    """Each peer at the settings its library recommends, and how to count its terms."""
    if classes:
        models = {
            LINEAR: LogisticRegressionCV(max_iter=5_000, n_jobs=2, scoring="neg_log_loss", use_legacy_attributes=False, l1_ratios=(0.0,)),
            MLP: MLPClassifier(max_iter=2_000, early_stopping=False, random_state=0),
            FOREST: RandomForestClassifier(300, n_jobs=2, random_state=0),
            BOOSTING: HistGradientBoostingClassifier(random_state=0),
        }
        ebm = ExplainableBoostingClassifier(random_state=0, n_jobs=2)
    else:
        models = {
            LINEAR: RidgeCV(np.logspace(-4, 4, 17)),
            MLP: MLPRegressor(max_iter=2_000, random_state=0),
            FOREST: RandomForestRegressor(300, n_jobs=2, random_state=0),
            BOOSTING: HistGradientBoostingRegressor(random_state=0),
        }
        ebm = ExplainableBoostingRegressor(random_state=0, n_jobs=2)
    return {name: encoded(model, frame) for name, model in models.items()} | {EBM: ebm}


def terms(name, model):
    """How many numbers a reader would have to look at: coefficients, weights, leaves, or shapes of one or two columns."""
    if name == EBM:
        return len(model.term_features_)
    last = model[-1]
    if name == LINEAR:
        return np.count_nonzero(last.coef_)
    if name == MLP:
        return sum(weights.size for weights in last.coefs_)
    if name == FOREST:
        return sum(tree.tree_.n_leaves for tree in last.estimators_)
    return sum(tree.get_n_leaf_nodes() for round_ in last._predictors for tree in round_)  # no public count exists


def wedgefit_fold(table, target, drop, train_rows, test_rows, classes):
    """What ``wedgefit train`` makes of the training rows: predictions and probabilities of the others, and its neurons."""
    model = train(table.take(train_rows), Options(target=(target,), drop=drop), Silent())
    scores = model.scores(table.take(test_rows))
    return model.decided(scores), model.probabilities(scores) if classes else None, len(model.neurons)


def peer_fold(name, model, frame, y, train_rows, test_rows, classes):
    model.fit(frame.iloc[train_rows], y[train_rows])
    held_out = frame.iloc[test_rows]
    return model.predict(held_out), model.predict_proba(held_out) if classes else None, terms(name, model)


def compared(folder, file, target, drop):
    """Every model on one table: name → Result."""
    table = read_table(folder / f"{file}.csv")
    drop = tuple(name for name in drop if name in table.columns)
    frame = pd.read_csv(folder / f"{file}.csv", skipinitialspace=True).drop(columns=list(drop))
    y = frame.pop(target).to_numpy()
    classes = y.dtype.kind == "O" or len(np.unique(y)) == 2
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=0)
    runs = {name: [] for name in (OURS, LINEAR, MLP, FOREST, BOOSTING, EBM)}
    for train_rows, test_rows in folds.split(frame, y if classes else None):
        for name in runs:
            clock = time.perf_counter()
            if name == OURS:
                predicted, probabilities, count = wedgefit_fold(table, target, drop, train_rows, test_rows, classes)
            else:
                model = peers(frame, classes)[name]
                predicted, probabilities, count = peer_fold(name, model, frame, y, train_rows, test_rows, classes)
            seconds = time.perf_counter() - clock
            truth = y[test_rows]
            score = accuracy_score(truth, predicted) if classes else r2_score(truth, predicted)
            loss = log_loss(truth, probabilities, labels=np.unique(y)) if classes else np.nan
            runs[name].append((score, loss, count, seconds))
        print(f"{file}: a fold done", file=sys.stderr)
    return {name: Result(*np.mean([run[:3] for run in kept], axis=0), sum(run[3] for run in kept)) for name, kept in runs.items()}


def rows(results):
    """One line per table: score, terms and seconds of every model."""
    for file, by_name in results:
        yield [file, *(f"{r.score:.3f} · {r.terms:,.0f} · {r.seconds:,.0f}" for r in by_name.values())]


def mean_ranks(results):
    """The mean rank of every model by score, and by log loss over the tables with classes; 1 is best, ties share."""
    scores = pd.DataFrame([{name: r.score for name, r in by_name.items()} for _, by_name in results])
    losses = pd.DataFrame([{name: r.log_loss for name, r in by_name.items()} for _, by_name in results]).dropna()
    for title, ranks in (("score", scores.round(3).rank(axis=1, ascending=False)), ("log loss", losses.round(4).rank(axis=1))):
        yield [title, str(len(ranks)), *(f"{value:.2f}" for value in ranks.mean())]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "sample_data")
    names = sys.argv[2:] or [file for file, *_ in TABLES]
    results = []
    header = ["table", OURS, LINEAR, MLP, FOREST, BOOSTING, EBM]

    def fresh():
        for file, target, drop in TABLES:
            if file in names and (folder / f"{file}.csv").exists():
                results.append((file, compared(folder, file, target, drop)))
                yield from rows(results[-1:])

    print_table("R² or accuracy · terms · seconds of 5 fits", header, fresh())
    losses = ([file, *(f"{r.log_loss:.3f}" for r in by_name.values())] for file, by_name in results if not np.isnan(by_name[OURS].log_loss))
    print_table("Log loss", header, losses)
    print_table("Mean ranks", ["by", "tables", *header[1:]], mean_ranks(results))
