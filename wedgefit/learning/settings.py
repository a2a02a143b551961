"""The settings of a fit, declared once: the options of ``train`` and ``path``, the parameters of
the estimators, their docstrings and checks, and the README's table are made from these fields and
those of ``data.settings``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wedgefit.data.settings import CLASSES, NUMBERS, TableSettings
from wedgefit.learning.scores import SCORES
from wedgefit.learning.threshold import Probability, ProbabilityOrRule
from wedgefit.ranges import (
    Bytes,
    Flag,
    Folds,
    OneOf,
    OneOrSeveral,
    PerLayer,
    Positive,
    Switch,
    Text,
    Whole,
)
from wedgefit.setting import (
    LEARN,
    NETWORK,
    SOLVE,
    STRENGTH,
    Declared,
    setting,
)

if TYPE_CHECKING:
    from wedgefit.data.sample import Splits
    from wedgefit.engine.dictionary import Order

# The losses by name, as options and model files spell them: those of ``engine.losses``.
LOSS_NAMES = ("squared", "huber", "quantile", "poisson", "gamma", "logistic", "softmax")
# Those of them that networks of any depth may have, and such with neurons off the wedges.
OF_ANY_NETWORK = ("squared", "logistic")
# How outputs of classes may be calibrated, in scikit-learn's words (``CalibratedClassifierCV``).
SIGMOID, ISOTONIC = "sigmoid", "isotonic"

# The relative gaps that fits reach by default, and those to large tables.
TOL, TOL_OF_LARGE = 1e-6, 1e-2


@dataclass(frozen=True)
class Settings(Declared):
    """How to learn from a sample. Raises UsageError for a value that is out of range."""

    loss: str | None = setting(
        None,
        OneOf(*LOSS_NAMES),
        LEARN,
        "The loss to minimise: squared for means, huber for means that large residuals cannot pull,"
        " quantile for medians and other quantiles, poisson for counts, gamma for positive amounts,"
        " logistic for probabilities of classes, of several by a network each, softmax by one"
        " network whose neurons they share.",
        by_default="squared for numbers, logistic for two classes, softmax for more (with --layers"
        " or --refine logistic)",
        parameter=True,
    )
    quantile: float | tuple[float, ...] | None = setting(
        None,
        OneOrSeveral(Probability()),
        LEARN,
        "With --loss quantile: the part of the rows that lies below the prediction; of several each"
        " has a network, and their predictions do not cross.",
        by_default="0.5, the median",
        parameter=True,
        task=NUMBERS,
    )
    huber_delta: float | None = setting(
        None,
        Positive(),
        LEARN,
        "With --loss huber: from which residual on, in units of the target, the loss is a line.",
        by_default="the distance between the quartiles of the target",
        parameter=True,
        task=NUMBERS,
    )
    class_weight: str | None = setting(
        None,
        OneOf("balanced"),
        LEARN,
        "With balanced all classes have the same total weight.",
        by_default="rows count alike",
        parameter=True,
        task=CLASSES,
        in_python="a dict from class to weight",
    )
    threshold: float | str | None = setting(
        None,
        ProbabilityOrRule(),
        LEARN,
        "Of two classes the second is predicted above this probability, or above the one that folds"
        " find best: by F1, or by what a false and a missed positive cost.",
        by_default="0.5",
        parameter=True,
        task=CLASSES,
    )
    calibrate: bool | str = setting(
        False,
        Switch(SIGMOID, ISOTONIC),
        LEARN,
        "Refit the outputs of classes, by rows held out, so that probabilities come true as often"
        " as they say: on a line (sigmoid, and where no way is named), or in steps that only rise"
        " (isotonic).",
        parameter=True,
        task=CLASSES,
        in_python="True or False",
    )
    intervals: bool = setting(
        False,
        Flag(),
        LEARN,
        "Also learn from rows held out how far predictions of numbers are off, by how the columns"
        " stand: what predict --interval needs.",
        parameter=True,
        task=NUMBERS,
    )
    order: Order | None = setting(
        None,
        PerLayer(Whole(1, "full")),
        NETWORK,
        "Most columns that one hidden neuron may read; several like 2,1 are for each hidden layer.",
        by_default="2; 1 with a shape; with --norm 2 full, if the rows allow it",
        parameter=True,
    )
    norm: int = setting(1, OneOf(1, 2), NETWORK, "The norm on the hidden weights.", parameter=True)
    layers: int | str = setting(
        2,
        Whole(2, "auto"),
        NETWORK,
        "2 is one hidden layer; more are each certified given those below; auto adds layers while"
        " the cross-validated score gains more than a standard error.",
        parameter=True,
    )
    alternate: int = setting(
        0,
        Whole(0),
        NETWORK,
        "With more layers: how often each may ask the one below for neurons that it misses, and is"
        " solved again.",
        parameter=True,
    )
    bias: bool = setting(
        True,
        Flag(),
        NETWORK,
        "Whether hidden neurons have a bias; without it they pass through the origin.",
        parameter=True,
    )
    intercept: bool = setting(
        True, Flag(), NETWORK, "Whether the output has a bias.", parameter="fit_intercept"
    )
    refine: bool = setting(
        False,
        Flag(),
        NETWORK,
        "With --norm 2, also use neurons that are no wedges.",
        parameter=True,
    )
    alpha: float | None = setting(
        None,
        Positive(),
        STRENGTH,
        "Strength of regularisation, on the scale of scikit-learn's Lasso.",
        by_default="chosen by cross-validation",
        parameter=True,
    )
    alpha_ratio: float | None = setting(
        None,
        Positive(),
        STRENGTH,
        "The same as a fraction of alpha_max, from which on there are no neurons.",
        parameter=True,
    )
    cv: int | str | Splits = setting(
        "auto",
        Folds(2, "auto"),
        STRENGTH,
        "Folds of the cross-validation that chooses alpha; auto is 5, or as many as the smallest"
        " class has rows, or 10 with --intervals, and from 5000 rows on the first of 5 only (the"
        " first two where one is too few).",
        parameter=True,
        in_python="a splitter or splits",
    )
    rule: str = setting(
        "best",
        OneOf("best", "1se"),
        STRENGTH,
        "Take the alpha of the best score, or the largest within one standard error of it.",
        parameter=True,
    )
    scoring: str | None = setting(
        None,
        OneOf(of=SCORES),
        STRENGTH,
        "The score to choose alpha by.",
        by_default="the loss",
        parameter=True,
    )
    max_pairs: int | None = setting(
        None,
        Whole(0),
        NETWORK,
        "With --order 2: only so many pairs of columns are read together, those in which a network"
        " of all pairs, or of those named, acts most on the rows; folds choose their own.",
        by_default="any number",
        parameter=True,
    )
    max_neurons: int | None = setting(
        None,
        Whole(0),
        STRENGTH,
        "Choose alpha so that the network has at most so many neurons.",
        parameter=True,
    )
    refit: bool = setting(
        False,
        Flag(),
        STRENGTH,
        "Then fit the chosen neurons without a penalty (squared loss).",
        parameter=True,
    )
    certificate: str = setting(
        "auto",
        OneOf("auto", "exact", "sampled"),
        SOLVE,
        "How far pricing goes before it may stop; auto is exact where it takes seconds.",
        parameter=True,
    )
    tol: float | str = setting(
        "auto",
        Positive("auto"),
        SOLVE,
        "The relative duality gap to reach; auto is 1e-6, and 1e-2 where rows times columns are "
        "100000 or more.",
        parameter=True,
    )
    solver: str = setting(
        "auto",
        OneOf("auto", "full", synonyms={"working-set": "auto"}),
        SOLVE,
        "full solves the whole dictionary at once by scikit-learn's Lasso (small data, reference).",
    )
    max_seconds: float | None = setting(
        None,
        Positive(),
        SOLVE,
        "End the fit early, with a certificate of what there is.",
        parameter=True,
    )
    max_memory: float | None = setting(
        None, Bytes(), SOLVE, "Refuse to use more memory, like 500M or 2G."
    )
    cluster: str | None = setting(
        None,
        Text("ADDRESS"),
        SOLVE,
        "A dask scheduler whose workers share the work, like tcp://host:8786.",
    )
    jobs: int | None = setting(
        None,
        Whole(1),
        SOLVE,
        "Cores to use.",
        by_default="all cores",
        parameter="n_jobs",
        in_python="-1",
    )
    seed: int = setting(
        0,
        Whole(0),
        SOLVE,
        "Of everything random: equal data and settings give equal results.",
        parameter="random_state",
        in_python="a RandomState",
    )

    @property
    def cores(self) -> int:
        """How many cores may be used at a time."""
        return self.jobs or os.cpu_count() or 1


@dataclass(frozen=True)
class Options(TableSettings, Settings):
    """What ``train`` and ``path`` may be told: what to learn from which columns, and how."""


def own_splits(settings: Settings) -> bool:
    """Whether the splits themselves were handed over."""
    return not isinstance(settings.cv, int | str)


def given_alpha(settings: Settings) -> str | None:
    """The option that gives alpha; None where it is left to be chosen."""
    if settings.alpha_ratio is not None:
        return "--alpha-ratio"
    return None if settings.alpha is None else "--alpha"


def learn_from_folds(settings: Settings) -> bool:
    """Whether these settings ask for what only rows held out can tell, beside alpha."""
    by_rule = isinstance(settings.threshold, str)
    return bool(settings.calibrate or settings.intervals or by_rule)


def loss_name(settings: Settings, task: str, outputs: int) -> str:
    """The name of the loss that the settings ask for, else that of the task, with so many outputs.

    Several classes share their neurons where that is possible: on four of five tables the log loss
    on rows held out was 3 to 14 % smaller, on the fifth 2 % larger, with half the neurons or fewer
    on all (tests/benchmarks/small_classes.py has some of these).
    """
    if settings.loss is not None or task != CLASSES:
        return settings.loss or "squared"
    shared = outputs > 1 and settings.layers == 2 and not settings.refine
    return "softmax" if shared else "logistic"
