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

from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.data.words import shown
from wedgefit.engine.certificate import Certificate, total
from wedgefit.errors import UsageError
from wedgefit.learning.learn import Learner
from wedgefit.learning.settings import Settings
from wedgefit.model.origin import learner_of, rows_trained_on, sample_trained_on
from wedgefit.model.record import Model
from wedgefit.watch import Deadline

ORDER = "order="


@dataclass(frozen=True)
class Part:
    """What to leave out: a column, the pair of two ``columns``, or every neuron that reads
    ``order`` columns or more."""

    name: str
    columns: tuple[str, ...] = ()
    order: int | None = None


@dataclass(frozen=True)
class Cost:
    """Leaving it out costs at least ``at_least`` and at most ``at_most`` of the objective; None
    where that is not proven.

    ``objective`` is that of the best network without it that was found, with so many ``neurons``,
    ``lower_bound`` what no such network is below, None where that is not known. ``scope`` is that
    of the certificate of the problem without it.
    """

    without: str
    columns: tuple[str, ...]
    at_least: float | None
    at_most: float | None
    objective: float
    lower_bound: float | None
    neurons: int
    scope: Literal["exact", "sampled"]


def parts_named(model: Model, names: Sequence[str]) -> list[Part]:
    """What these names mean: a column, ``A:B`` for a pair, ``order=K`` for all neurons that read K
    columns or more. Raises UsageError for what the model does not have."""
    if names and model.depth > 1:
        raise UsageError(
            "what a column costs is proven for one hidden layer.", remedy="Leave out --without."
        )
    return [_part(model, name) for name in names]


def costs(
    model: Model, table: Table, certificate: Certificate, parts: Sequence[Part], progress, jobs
) -> list[Cost]:
    """What leaving each of the parts out costs; ``certificate`` is the model's own, recomputed on
    the rows of ``table``."""
    sample = sample_trained_on(model, rows_trained_on(model, table))
    settings = learner_of(model, sample, jobs).settings
    lower = proven_bound(certificate, settings)
    found = []
    for part in parts:
        here, neurons = _without(model, sample, settings, part, progress)
        below = proven_bound(here, settings)
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
            )
        )
    return found


def proven_bound(certificate: Certificate, settings: Settings) -> float | None:
    """What no network of the class is below: with norm 1 no wedges are, which is the same; None
    where only some wedges were looked at, or networks may be better than wedges."""
    if certificate.scope != "exact":
        return None
    return certificate.lower_bound if settings.norm == 1 else certificate.network_lower_bound


def _part(model: Model, name: str) -> Part:
    inputs = [column.name for column in model.encoding.inputs]
    if name in inputs:
        return Part(name, (name,))
    if name.startswith(ORDER) and (digits := name.removeprefix(ORDER)).isdigit():
        return _order(model, name, int(digits))
    for k, mark in enumerate(name):
        pair = name[:k], name[k + 1 :]
        if mark == ":" and pair[0] != pair[1] and {*pair} <= {*inputs}:
            if model.problem.norm != 1:
                raise UsageError(
                    "pairs are left out of networks of norm 1: neurons of norm 2 read all columns.",
                    remedy="Leave out a column.",
                )
            return Part(name, pair)
    raise UsageError(
        f"--without {shown(name)}: there is no such column, pair or order.",
        remedy=f"Columns are {', '.join(map(shown, inputs))}; A:B is a pair, order=2 all pairs.",
    )


def _order(model: Model, name: str, order: int) -> Part:
    widest = len(model.encoding.names) if model.problem.order == "full" else model.problem.order
    if model.problem.norm != 1 or not 2 <= order <= widest:
        raise UsageError(
            f"--without {name}: neurons of this model read at most {widest} columns.",
            remedy="An order from 2 up to that can be left out of a network of norm 1.",
        )
    return Part(name, order=order)


# The problem without it ---------------------------------------------------------------------------


def _without(
    model: Model, sample: Sample, settings: Settings, part: Part, progress
) -> tuple[Certificate, int]:
    """The certificate of the best networks without the part, and how many neurons they have."""
    sources = np.array([feature.source for feature in model.encoding.features])
    order, apart = model.problem.order, ()
    kept = np.ones(len(sources), dtype=bool)
    if part.order is not None:
        order = part.order - 1
    elif len(part.columns) == 1:
        kept = sources != part.columns[0]
    else:
        first, second = (np.flatnonzero(sources == name) for name in part.columns)
        apart = tuple((int(a), int(b)) for a in first for b in second)
    shapes = None if sample.shapes is None else sample.shapes[kept]
    here = replace(sample, X=np.ascontiguousarray(sample.X[:, kept]), shapes=shapes)
    if not kept.any():
        return _constant(model, sample, settings), 0
    if order != "full":
        order = min(order, int(kept.sum()))
    # Neurons off the wedges are networks, too: with them the bound can be met.
    refine = settings.norm == 2 and sample.y.shape[1] == 1
    refine = refine and settings.loss in ("squared", "logistic") and shapes is None
    settings = replace(settings, order=order, refine=refine)
    learner = Learner(here, settings, progress.note, apart=apart)
    solved = learner.solved(settings.alpha, progress.advance, 2)
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
