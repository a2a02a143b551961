"""The rows of a table as a network from elsewhere saw them, and how to learn from them under its
own weight decay."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wedgefit.data.encoding import Encoding, fit_encoding
from wedgefit.data.kinds import LARGEST, SMALLEST
from wedgefit.data.roles import targets_and_inputs
from wedgefit.data.sample import Design, Sample
from wedgefit.data.settings import TableSettings
from wedgefit.data.table import Table
from wedgefit.data.words import shown
from wedgefit.engine.bound_choice import MOST_COLUMNS
from wedgefit.engine.dictionary import Dictionary, orders_for
from wedgefit.engine.pricing import Pricer
from wedgefit.errors import ColumnError, FitError, UsageError
from wedgefit.learning.policy import EXACT_UP_TO
from wedgefit.learning.settings import Settings
from wedgefit.model.foreign import Foreign

# A round over all wedges is not ended in the middle: one that would take more than this part of the
# time that there is, is not begun.
LONGEST_ROUND = 0.25


def sample_seen(
    foreign: Foreign, table: Table, target: Sequence[str], loss: str | None
) -> tuple[Sample, Encoding]:
    """The rows as the network saw them; its ``loss`` is None where that is not known. Raises
    ColumnError where its inputs are not the table's columns."""
    told = TableSettings(target=target, standardize=False)
    encoding, design = fit_encoding(table, replace(told, task=_task(foreign, table, told, loss)))
    if design.y.shape[1] > 1:
        raise UsageError(
            "only one number, or two classes, have a yardstick.", remedy="Choose another --target."
        )
    X = _inputs(foreign, table, encoding, design)
    y = design.y
    with np.errstate(all="ignore"):
        X = (X - foreign.center) / foreign.scale
        if not encoding.target.classes:
            y = (y - foreign.target_center) / foreign.target_scale
    for values, what, remedy in (
        (X, "inputs", "Are center and scale those of the training?"),
        (y, "target", "Are target_center and target_scale those of the training?"),
    ):
        _check_units(values, what, remedy)
    return Sample(np.ascontiguousarray(X), y, encoding.target.task), encoding


def _task(foreign: Foreign, table: Table, told: TableSettings, loss: str | None) -> str:
    """What the network was trained for. Two numbers may be classes, but not for a network that has
    the squared loss, or a target with units: that saw them as they stand."""
    (target, *_), _ = targets_and_inputs(table, told)
    if table.column(target).kind != "numeric":
        return "auto"
    units = foreign.target_scale != 1 or foreign.target_center != 0
    return "regression" if loss == "squared" or (loss is None and units) else "auto"


def _check_units(values: np.ndarray, what: str, remedy: str) -> None:
    """Raises FitError where the units of the network leave nothing to compute with."""
    if not np.abs(values).max() < LARGEST:
        raise FitError(
            f"in the network's units values of the {what} are too large to compute with.",
            remedy=remedy,
        )
    if np.ptp(values, axis=0).min() < SMALLEST:
        raise FitError(
            f"in the network's units values of the {what} differ too little to compute with.",
            remedy=remedy,
        )


def _inputs(foreign: Foreign, table: Table, encoding: Encoding, design: Design) -> np.ndarray:
    names, wanted = list(design.names), len(foreign.center)
    chosen = list(foreign.columns or names)
    if absent := [name for name in chosen if name not in names]:
        reasons = dict(encoding.left_out) | {encoding.target.name: "the target"}
        left_out = reasons.get(absent[0], "not in the table")
        message = f"the network reads {shown(absent[0])}, which is {left_out}."
        raise ColumnError(message, where=table.title, remedy=f"There are: {', '.join(names)}.")
    if twice := [name for name in chosen if chosen.count(name) > 1]:
        raise ColumnError(
            f"the network reads {shown(twice[0])} twice.",
            where=table.title,
            remedy="Add up its weights for the two, and name the column once.",
        )
    if len(chosen) != wanted:
        raise ColumnError(
            f"the network reads {wanted} input{'s' * (wanted != 1)}, "
            f"and the table has {len(chosen)}: {', '.join(names)}.",
            where=table.title,
            remedy="Give a table with its inputs and the target alone, or name the inputs in"
            ' "columns" of a JSON file.',
        )
    sources = {feature.name: feature.source for feature in encoding.features}
    for name in chosen:
        if (
            table.columns[sources[name]].kind == "numeric"
            and table.columns[sources[name]].missing.any()
        ):
            raise ColumnError(
                f"values of {shown(name)} are missing.",
                where=table.title,
                remedy="Fill them as they were for the training.",
            )
    return design.X[:, [names.index(name) for name in chosen]]


def settled(foreign: Foreign, sample: Sample, settings: Settings) -> Settings:
    """The settings with what only the network and the table can say."""
    alpha = settings.alpha or foreign.alpha
    if alpha is None:
        raise UsageError(
            "the strength of weight decay is not known.",
            remedy='Give --alpha, or "alpha" in the JSON file.',
        )
    if (settings.loss or foreign.loss) not in (None, "squared", "logistic"):
        raise UsageError(
            f"there is no yardstick for the {settings.loss} loss.",
            remedy="Try --loss squared, or logistic for classes.",
        )
    if (settings.loss or foreign.loss) == "logistic" and sample.task != "classification":
        raise UsageError(
            "the network gives probabilities of two classes, and the target is a number of more"
            " than two values.",
            remedy="Choose the --target that has the classes.",
        )
    settled = replace(
        settings,
        alpha=alpha,
        loss=settings.loss or foreign.loss,
        order="full",
        refine=settings.norm == 2,
        bias=foreign.hidden_bias,
        intercept=foreign.intercept,
    )
    return _as_provable(settled, sample.X)


def _as_provable(settings: Settings, X: np.ndarray) -> Settings:
    """The same settings, or those of a search that does not try to prove what takes too long, or
    what says nothing of all networks."""
    width = X.shape[1]
    dictionary = Dictionary(
        X, orders_for("full", settings.norm, width), settings.norm, settings.bias
    )
    if settings.norm == 1 and dictionary.size > EXACT_UP_TO:
        # All orders are needed for a bound, but too many for one: then two columns a neuron are the
        # better search.
        return replace(settings, order=min(2, width))
    seconds = np.inf if settings.max_seconds is None else LONGEST_ROUND * settings.max_seconds
    if settings.norm == 1 and np.isfinite(seconds):
        longest = Pricer(dictionary, jobs=settings.cores).full_round_seconds
    elif settings.norm == 2 and width > MOST_COLUMNS:
        # Neurons off the wedges may be better, and nothing bounds them.
        quick = Pricer(dictionary, jobs=settings.cores, refine=True).full_rounds_are_quick
        longest = 0.0 if quick else np.inf
    else:
        return settings
    return replace(settings, certificate="sampled") if longest >= seconds else settings
