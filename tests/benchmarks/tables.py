"""wedgefit with its default settings beside other models, in 5-fold cross-validation: python
tests/benchmarks/tables.py --help

Needs the extra ``bench``.
"""

import json
import time
import warnings
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import pandas as pd
from common import print_table
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from wedgefit.data.table import read_table
from wedgefit.model.build import Options, train
from wedgefit.watch import Silent

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
OURS, LINEAR, SPLINES, MLP, FOREST, BOOSTING, EBM = MODELS = (
    "wedgefit",
    "linear",
    "splines",
    "MLP",
    "random forest",
    "boosting",
    "EBM",
)


@dataclass
class Result:
    """One model on one table: the mean over the folds of R² or accuracy, of the log loss, of its
    terms, and all seconds."""

    score: float
    log_loss: float | None
    terms: float
    seconds: float


def encoded(model, *numeric):
    """The model behind medians, scaled numbers (then the steps ``numeric``) and one-hot text, as
    its users would set it up."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), *numeric)
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="(missing)"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    text = make_column_selector(dtype_exclude=np.number)
    return make_pipeline(
        make_column_transformer(
            (numbers, make_column_selector(dtype_include=np.number)), (texts, text)
        ),
        model,
    )


def peer(name, classes):
    """The peer at the settings its library recommends; linear models and splines choose their
    penalty by cross-validation."""
    knots = SplineTransformer(n_knots=10, knots="quantile", extrapolation="linear")
    if classes:
        penalised = LogisticRegressionCV(
            max_iter=5_000,
            n_jobs=2,
            scoring="neg_log_loss",
            use_legacy_attributes=False,
            l1_ratios=(0.0,),
        )
        return {
            LINEAR: encoded(penalised),
            SPLINES: encoded(penalised, knots),
            MLP: encoded(MLPClassifier(max_iter=2_000, early_stopping=False, random_state=0)),
            FOREST: encoded(RandomForestClassifier(300, n_jobs=2, random_state=0)),
            BOOSTING: encoded(HistGradientBoostingClassifier(random_state=0)),
            EBM: explainable(classes),
        }[name]
    penalised = RidgeCV(np.logspace(-4, 4, 17))
    return {
        LINEAR: encoded(penalised),
        SPLINES: encoded(penalised, knots),
        MLP: encoded(MLPRegressor(max_iter=2_000, random_state=0)),
        FOREST: encoded(RandomForestRegressor(300, n_jobs=2, random_state=0)),
        BOOSTING: encoded(HistGradientBoostingRegressor(random_state=0)),
        EBM: explainable(classes),
    }[name]


def explainable(classes):
    """The EBM, None where interpret is not installed."""
    if not find_spec("interpret"):
        return None
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    if classes:
        # By default 50,000 rounds: on breast_cancer, whose classes can be told apart, one fold had
        # not ended after 17 minutes.
        return ExplainableBoostingClassifier(random_state=0, n_jobs=2, max_rounds=5_000)
    return ExplainableBoostingRegressor(random_state=0, n_jobs=2)


def terms(name, model):
    """How many numbers a reader would have to look at: coefficients, weights, leaves, or shapes of
    one or two columns."""
    if name == EBM:
        return len(model.term_features_)
    last = model[-1]
    if name in (LINEAR, SPLINES):
        return np.count_nonzero(last.coef_)
    if name == MLP:
        return sum(weights.size for weights in last.coefs_)
    if name == FOREST:
        return sum(tree.tree_.n_leaves for tree in last.estimators_)
    return sum(
        tree.get_n_leaf_nodes() for round_ in last._predictors for tree in round_
    )  # no public count exists


def wedgefit_fold(name, table, target, drop, train_rows, test_rows, classes):
    """What ``wedgefit train`` makes of the training rows: predictions and probabilities of the
    others, and its neurons."""
    settings = dict(setting.split("=") for setting in name.split()[1:])
    options = Options(
        target=(target,), drop=drop, **{key: json.loads(value) for key, value in settings.items()}
    )
    model = train(table.take(train_rows), options, Silent())
    scores = model.scores(table.take(test_rows))
    return (
        model.decided(scores),
        model.probabilities(scores) if classes else None,
        len(model.neurons),
    )


def peer_fold(name, frame, y, train_rows, test_rows, classes):
    model = peer(name, classes)
    model.fit(frame.iloc[train_rows], y[train_rows])
    held_out = frame.iloc[test_rows]
    return (
        model.predict(held_out),
        model.predict_proba(held_out) if classes else None,
        terms(name, model),
    )


def measured(folder, file, target, drop, name):
    """One model on one table."""
    table = read_table(folder / f"{file}.csv")
    drop = tuple(column for column in drop if column in table.columns)
    frame = pd.read_csv(folder / f"{file}.csv", skipinitialspace=True).drop(columns=list(drop))
    y = frame.pop(target).to_numpy()
    classes = y.dtype.kind == "O" or len(np.unique(y)) == 2
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=0)
    runs = []
    for train_rows, test_rows in folds.split(frame, y if classes else None):
        clock = time.perf_counter()
        if name.startswith(OURS):
            predicted, probabilities, count = wedgefit_fold(
                name, table, target, drop, train_rows, test_rows, classes
            )
        else:
            predicted, probabilities, count = peer_fold(
                name, frame, y, train_rows, test_rows, classes
            )
        seconds = time.perf_counter() - clock
        truth = y[test_rows]
        score = accuracy_score(truth, predicted) if classes else r2_score(truth, predicted)
        runs.append(
            (
                score,
                log_loss(truth, probabilities, labels=np.unique(y)) if classes else np.nan,
                count,
                seconds,
            )
        )
        click.echo(f"{file}, {name}: score {score:.4f} in {seconds:.0f} s", err=True)
    score, loss, count = (float(value) for value in np.mean([run[:3] for run in runs], axis=0))
    return Result(score, loss if classes else None, count, sum(run[3] for run in runs))


def rows(results):
    """One line per table: score, terms and seconds of every model."""
    for file, by_name in results:
        yield [
            file,
            *(f"{r.score:.3f} · {r.terms:,.0f} · {r.seconds:,.0f}" for r in by_name.values()),
        ]


def loss_rows(results):
    """One line per table with classes: the log loss of every model."""
    for file, by_name in results:
        if all(r.log_loss is not None for r in by_name.values()):
            yield [file, *(f"{r.log_loss:.3f}" for r in by_name.values())]


def mean_ranks(results):
    """The mean rank of every model by score, and by log loss over the tables with classes; 1 is
    best, ties share."""
    scores = pd.DataFrame(
        [{name: r.score for name, r in by_name.items()} for _, by_name in results]
    )
    losses = pd.DataFrame(
        [{name: r.log_loss for name, r in by_name.items()} for _, by_name in results], dtype=float
    ).dropna()
    for title, ranks in (
        ("score", scores.round(3).rank(axis=1, ascending=False)),
        ("log loss", losses.round(3).rank(axis=1)),
    ):
        yield [title, str(len(ranks)), *(f"{value:.2f}" for value in ranks.mean())]


@click.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="sample_data"
)
@click.option(
    "--table",
    "files",
    multiple=True,
    type=click.Choice([file for file, *_ in TABLES]),
    help="Only this table; may be repeated.",
)
@click.option(
    "--model",
    "names",
    multiple=True,
    type=click.Choice(MODELS),
    default=MODELS,
    help="Only this model; may be repeated.",
)
@click.option(
    "--with",
    "settings",
    multiple=True,
    metavar="KEY=JSON",
    help="A setting of wedgefit in place of the default; may be repeated.",
)
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A JSON file of results: those in it are not measured again, new ones are added.",
)
def main(folder, files, names, settings, keep):
    """Score, terms, seconds, log loss and mean ranks of wedgefit and its peers on the CSV files in
    FOLDER (those that are missing are left out)."""
    warnings.simplefilter("ignore")
    kept = json.loads(keep.read_text()) if keep and keep.exists() else {}
    names = [" ".join([OURS, *settings]) if name == OURS else name for name in names]
    results = []
    for file, target, drop in TABLES:
        if (files and file not in files) or not (folder / f"{file}.csv").exists():
            continue
        by_name = kept.setdefault(file, {})
        for name in names:
            if name not in by_name:
                by_name[name] = asdict(measured(folder, file, target, drop, name))
                if keep:
                    keep.write_text(json.dumps(kept, indent=1))
        results.append((file, {name: Result(**by_name[name]) for name in names}))
    print_table("R² or accuracy · terms · seconds of 5 fits", ["table", *names], rows(results))
    print_table("Log loss", ["table", *names], loss_rows(results))
    print_table("Mean ranks", ["by", "tables", *names], mean_ranks(results))


if __name__ == "__main__":
    main()
