"""What is to be told of a fit beside its figures."""

from collections.abc import Sequence

import numpy as np

from wedgefit.data.encoding import Encoding
from wedgefit.data.sample import Design, Sample
from wedgefit.data.target import Target
from wedgefit.data.words import shown
from wedgefit.engine.losses import Loss, Quantile, Quantiles, fitted_apart, predicted
from wedgefit.learning.curve import Curve
from wedgefit.learning.learn import Learned
from wedgefit.learning.out_of_fold import known_rows
from wedgefit.learning.path import FINE
from wedgefit.model.parts import Stage


def curve_notes(curve: Curve | None) -> list[str]:
    if curve is None:
        return []
    pace, last = curve.pace, f"{curve.alphas[-1]:.3g}"
    coarse = f"large table: cross-validation looked at {pace.per_decade} alphas per factor of ten"
    ended = f"time was up for cross-validation at alpha {last}: a smaller alpha may score better"
    edge = f"the best alpha, {last}, is the last that was tried: a smaller alpha may score better"
    if curve.sizes[-1] > pace.most_neurons:
        edge += "; --max-neurons lets the path go on to so many"
    constant = "no network predicts held-out rows better than a constant does"
    best = curve.chosen("best")
    # A single alpha was not chosen: it was given.
    at_edge = 0 < best == len(curve.alphas) - 1 and not curve.has_turned and not curve.cut_short
    cases = (
        (coarse, pace != FINE),
        (ended, curve.cut_short),
        (edge, at_edge),
        (constant, best == 0 and len(curve.alphas) > 1),
    )
    return [note for note, holds in cases if holds]


def left_out_notes(encoding: Encoding) -> list[str]:
    """Which columns have no feature, and why."""
    return [f"column {shown(name)} left out: {reason}" for name, reason in encoding.left_out]


def notes_of_readings(stored: Sequence[str], again: Sequence[str]) -> dict[int, str]:
    """The stored notes of how a column was read, by their positions, that training again does not
    tell: its rows were read as the model says, and the first ones without a model."""
    return {
        i: note
        for i, note in enumerate(stored)
        if note.startswith('column "') and note not in again
    }


def depth_notes(layers: int | str, learned: Learned) -> list[str]:
    """Why there are fewer layers than asked for."""
    if layers == "auto" or learned.depth == layers - 1:
        return []
    constant = not any(len(fit.wedges) for fit in learned.fits)
    reason = "there is no neuron that another layer could read" if constant else "time was up"
    return [f"the network has {learned.depth + 1} layers, not {layers}: {reason}"]


def status_notes(stages: Sequence[Stage], depth: int) -> list[str]:
    """What is to be told of stages that ended above the gap asked for."""
    told = []
    for stage in stages:
        which = "" if stage.output is None else f" for {shown(str(stage.output))}"
        which += "" if depth == 1 else f" in hidden layer {stage.layer}"
        certificate = stage.certificate
        gap = f"at a relative gap of {certificate.relative_gap:.1e}"
        if certificate.scope == "sampled":
            looked_at = f"{certificate.wedges_priced:,} of {certificate.wedges_total:,} wedges"
            gap += f" among those looked at in the last round, {looked_at}"
        if stage.status == "stalled":
            told.append(f"the solver came to an end{which} {gap}, above the tolerance")
        elif stage.status == "stopped":
            told.append(f"stopped early{which}, {gap}")
    return told


def scale_notes(design: Design, target: Target) -> list[str]:
    """Targets learnt together share one loss: those of a small spread hardly count."""
    if target.task != "regression" or len(target.names) == 1:
        return []
    weights = np.ones(len(design.y)) if design.weights is None else design.weights
    mean = np.average(design.y, axis=0, weights=weights)
    spread = np.sqrt(np.average((design.y - mean) ** 2, axis=0, weights=weights))
    small = [name for name, part in zip(target.names, spread) if part < 0.1 * spread.max()]
    return (
        [f"the targets' units differ much, and {', '.join(small)} hardly counts: scale them alike"]
        if small
        else []
    )


def quantile_notes(loss: Loss | Quantiles, rows: int) -> list[str]:
    """Of quantiles beyond which so many rows have not one to be expected."""
    levels = [part.level for part in fitted_apart(loss) if isinstance(part, Quantile)]
    return [
        f"{rows:,} rows say next to nothing of the quantile {level:g}: fewer than one of them is "
        f"expected {'below' if level < 0.5 else 'above'} it"
        for level in levels
        if rows * min(level, 1 - level) < 1
    ]


def held_out_notes(sample: Sample, loss: Loss | Quantiles, learned: Learned) -> list[str]:
    """Of quantiles the parts of the rows below one, or between two, that rows held out contradict
    by more than two standard errors."""
    levels = [part.level for part in fitted_apart(loss) if isinstance(part, Quantile)]
    if learned.curve is None or not levels:
        return []
    outputs = learned.curve.outputs(learned.position, len(sample.y))
    known = known_rows(outputs)
    y, found = sample.y[known, 0], predicted(loss.link, outputs[known])
    weights = np.ones(len(known)) if sample.weights is None else sample.weights[known]
    parts = weights / weights.sum()
    cases = [
        (
            f"lie between the quantiles {levels[k]:g} and {levels[-1 - k]:g}",
            levels[-1 - k] - levels[k],
            (found[:, k] <= y) & (y <= found[:, -1 - k]),
        )
        for k in range(len(levels) // 2)
    ]
    cases = cases or [(f"lie below the quantile {levels[0]:g}", levels[0], y <= found[:, 0])]
    told = []
    for words, wanted, within in cases:
        part = float(parts @ within)
        if abs(part - wanted) > 2 * np.sqrt(wanted * (1 - wanted) * (parts @ parts)):
            told.append(f"of rows held out {part:.1%} {words}, not {wanted:.1%}")
    return told
