"""What it costs the training objective to leave something out: a column, a pair of columns, or all
neurons that read as many columns as some do; proven from both sides.

The problem without it is solved at the same alpha. With [L, P] around the optimum with it and [L',
P'] around the one without it, leaving it out costs between L' − P and P' − L: no permutation, no
noise of retraining. It is a statement about the rows trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wedgefit.data.pairs import every_pair
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate, total
from wedgefit.errors import FitError
from wedgefit.learning.curve import Curve
from wedgefit.learning.learn import Learner
from wedgefit.learning.scores import MeanAndError
from wedgefit.learning.settings import OF_ANY_NETWORK, Settings
from wedgefit.model.left_out import Part
from wedgefit.model.origin import learner_of, rows_trained_on, sample_trained_on
from wedgefit.model.record import Model
from wedgefit.watch import Deadline


@dataclass(frozen=True)
class Cost:
    """Leaving it out costs at least ``at_least`` and at most ``at_most`` of the objective; None
    where that is not proven.

    ``objective`` is that of the best network without it that was found, with so many ``neurons``,
    ``lower_bound`` what no such network is below, None where that is not known. ``scope`` is that
    of the certificate of the problem without it. ``held_out``: how much larger the loss on rows
    that so many ``folds`` hold out is without it, at the same alpha; None where that is not known.
    That is the other question: about new rows, and with the noise of the folds.
    """

    without: str
    columns: tuple[str, ...]
    at_least: float | None
    at_most: float | None
    objective: float
    lower_bound: float | None
    neurons: int
    scope: Literal["exact", "sampled"]
    held_out: MeanAndError | None
    folds: int | None


def costs(
    model: Model, table: Table, certificate: Certificate, parts: Sequence[Part], progress, jobs
) -> list[Cost]:
    """What leaving each of the parts out costs; ``certificate`` is the model's own, recomputed on
    the rows of ``table``."""
    sample = sample_trained_on(model, rows_trained_on(model, table))
    learner = learner_of(model, sample, jobs)
    # With fewer columns a table may no longer count as large.
    settings = replace(learner.settings, tol=learner.tol)
    folds = model.options.get("cv")
    settings = settings if folds is None else replace(settings, cv=folds)
    lower = proven_bound(certificate, settings)
    losses = _fold_losses(model, Learner(sample, settings, progress.note), progress)
    found = []
    for part in parts:
        learner = _without(model, sample, settings, part, progress)
        here, neurons = (
            (_constant(model, sample, settings), 0)
            if learner is None
            else _solved(learner, progress)
        )
        below = proven_bound(here, settings)
        others = None if learner is None else _fold_losses(model, learner, progress)
        found.append(
            Cost(
                part.name,
                part.columns,
                None if below is None else below - certificate.objective,
                None if lower is None else here.objective - lower,
                here.objective,
                below,
                neurons,
                here.scope,
                change := _paired(losses, others),
                None if change is None else len(losses),
            )
        )
    return found


def _fold_losses(model: Model, learner: Learner, progress) -> np.ndarray | None:
    """The loss on the rows that each fold holds out, at the model's alpha and in its columns,
    (folds,); None where rows belong to groups or have times, which are no part of the sample here,
    or are too few."""
    if model.data.group is not None or model.data.time is not None:
        return None
    try:
        curve = learner.cross_validated(progress.advance, 2, alpha=learner.settings.alpha)
    except FitError:
        return None
    return np.array([fold.loss for fold in curve.folds[0]])


def _paired(losses: np.ndarray | None, others: np.ndarray | None) -> MeanAndError | None:
    """By how much the others are larger, fold by fold."""
    if losses is None or others is None:
        return None
    return MeanAndError(float((others - losses).mean()), Curve.standard_error(others - losses))


def proven_bound(certificate: Certificate, settings: Settings) -> float | None:
    """What no network of the class is below: with norm 1 no wedges are, which is the same; None
    where only some wedges were looked at, or networks may be better than wedges."""
    if certificate.scope != "exact":
        return None
    return certificate.lower_bound if settings.norm == 1 else certificate.network_lower_bound


# The problem without it ---------------------------------------------------------------------------


def _without(
    model: Model, sample: Sample, settings: Settings, part: Part, progress
) -> Learner | None:
    """What learns without the part; None where no column is left."""
    sources, pairs = sample.sources, sample.pairs
    order, kept = model.problem.order, np.ones(len(sources), dtype=bool)
    if part.order is not None:
        order = part.order - 1
    elif len(part.columns) == 1:
        kept = sources != part.columns[0]
    else:
        pairs = every_pair(sources) if pairs is None else pairs
        pairs = tuple(pair for pair in pairs if {*pair} != {*part.columns})
    if not kept.any():
        return None
    if order != "full":
        order = min(order, int(kept.sum()))
    here = replace(
        sample,
        X=np.ascontiguousarray(sample.X[:, kept]),
        shapes=None if sample.shapes is None else sample.shapes[kept],
        sources=sources[kept],
        pairs=pairs,
    )
    # Neurons off the wedges are networks, too: with them the bound can be met.
    refine = settings.norm == 2 and sample.y.shape[1] == 1
    refine = refine and settings.loss in OF_ANY_NETWORK and here.shapes is None
    settings = replace(settings, order=order, refine=refine)
    return Learner(here, settings, progress.note)


def _solved(learner: Learner, progress) -> tuple[Certificate, int]:
    """The certificate of the best networks, and how many neurons they have."""
    solved = learner.solved(learner.settings.alpha, progress.advance, 2)
    found = [stages[-1].solution for stages in solved]
    certificates = [solution.certificate for solution in found]
    together = certificates[0] if len(certificates) == 1 else total(certificates)
    return together, sum(len(solution.fit.wedges) for solution in found)


def _constant(model: Model, sample: Sample, settings: Settings) -> Certificate:
    """The best constants, which are all networks without a column."""
    learner = Learner(sample, settings, lambda _: None, Deadline())
    value = 0.0
    for problem in learner.problems:
        nothing = np.zeros_like(problem.y)
        value += problem.value(nothing, problem.shift(nothing))
    return Certificate(value, value, 0.0, "exact", 0, 0, value, 0.0)
