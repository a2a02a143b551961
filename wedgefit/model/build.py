"""From a table to a model: what the commands do, without their words."""

import time
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from wedgefit.data.table import Table
from wedgefit.engine.layers import Stage as FitStage
from wedgefit.engine.proof import Proof
from wedgefit.errors import FitError, ModelFileError
from wedgefit.learning.calibrating import Line
from wedgefit.learning.checks import check_choice
from wedgefit.learning.curve import Curve
from wedgefit.learning.learn import Learned
from wedgefit.learning.scores import score_values
from wedgefit.learning.settings import Options
from wedgefit.model.evaluation import constant_output
from wedgefit.model.figures import (
    agree,
    all_layers_found,
    measured,
    networks_of,
    neurons_found,
    stages_found,
    together,
    with_status,
)
from wedgefit.model.file import loads
from wedgefit.model.held_out import HeldOutRows
from wedgefit.model.neurons import neuron_records
from wedgefit.model.notes import curve_notes, depth_notes, held_out_notes, status_notes
from wedgefit.model.over_folds import over_folds
from wedgefit.model.parts import Score, Selection, Stage, Told, per_output, unit_name
from wedgefit.model.record import Model, separate_networks
from wedgefit.model.residuals import spreads
from wedgefit.model.training import Training, with_columns_chosen
from wedgefit.watch import Deadline

# Options that leave the result alone.
WITHOUT_EFFECT = {"jobs", "cluster", "max_memory"}


def train(table: Table, options: Options, progress, deadline: Deadline | None = None) -> Model:
    """Fit a table: choose alpha where it is not given, solve, certify. ``progress.advance`` hears
    of every step.

    ``deadline``: ends the fit early, with a certificate for the network as it stands; by default
    ``max_seconds`` from now.
    """
    return trained(table, options, progress, deadline)[0]


def trained(
    table: Table,
    options: Options,
    progress,
    deadline: Deadline | None = None,
    held_out: bool = False,
) -> tuple[Model, HeldOutRows | None]:
    """As ``train``; with ``held_out`` also what folds predict of the rows that they hold out.

    Raises UsageError where options say how to choose an alpha that is given.
    """
    check_choice(options, held_out)
    clock = time.perf_counter()
    # The largest alpha prices every wedge, and kernels may have to be compiled.
    progress.advance("setup")
    training = Training(table, options, progress, deadline)
    ready = time.perf_counter()
    training, selected = with_columns_chosen(
        training, table, lambda learner, part: learner.selected(progress.advance, part)
    )
    with training.named():
        asked = held_out or options.intervals
        chosen = time.perf_counter()
        learned = training.learner.learn(progress.advance, asked, selected)
        learned = replace(learned, seconds=learned.seconds | {"selection": chosen - ready})
        model = _model(training, learned, ready - clock)
        if options.intervals:
            found = spreads(
                training.design, model.outputs, learned.held_out, training.learner, progress.advance
            )
            model = replace(model, intervals=found)
    # To prove one layer again takes little, and then all digits are those that certify will find.
    # What is proven of units with a shape does not speak of hinges.
    deep = learned.depth > 1 and training.design.shapes is None
    proofs = [[s.solution.proof for s in stages if deep] for stages in learned.networks]
    model = _certified(training, _stored(training, model), proofs)
    if learned.folds and model.importances:
        keys = [part.columns for part in model.importances]
        found = over_folds(model.effects(), keys, training.design, learned.folds)
        model = replace(model, over_folds=found)
    return model, HeldOutRows(training.design, learned.held_out) if held_out else None


def _model(training: Training, learned: Learned, setup: float) -> Model:
    design, outputs = training.design, training.outputs
    separate = separate_networks(training.encoding.target, training.learner.loss)
    networks = learned.deep_fits
    samples = np.concatenate(
        [wedges.samples.ravel() for network in networks for wedges in network.layers]
    )
    weights = training.learner.problems[0].shares
    neurons, ids = neuron_records(design, outputs, networks, separate, weights)
    return Model(
        data=training.data(),
        problem=training.problem(learned.alpha, learned.depth, learned.calibration),
        certificate=learned.certificate,
        stages=_stages(training, learned, separate, ids),
        score=_score(training, learned),
        intercept=per_output(np.concatenate([fit.intercept for fit in learned.fits]), outputs),
        neurons=neurons,
        anchors={
            design.row_ids[row]: tuple(design.X[row].tolist())
            for row in np.unique(samples[samples >= 0])
        },
        encoding=training.encoding,
        notes=(
            *training.notes(),
            *curve_notes(learned.curve),
            *held_out_notes(design, training.learner.loss, learned),
            *depth_notes(training.options.layers, learned),
        ),
        options=_told(training.options),
        threshold=learned.threshold,
        seconds={"setup": setup, **learned.seconds},
    )


def _score(training: Training, learned: Learned) -> Score:
    """The scores on the training rows, those of a constant, and those that chose alpha."""
    sample, loss, curve = training.design, training.learner.loss, learned.curve
    return Score(
        train=score_values(sample, np.hstack([fit.output for fit in learned.fits]), loss),
        cv=None if learned.position is None else curve.summary(learned.position),
        curve=None if curve is None else curve.points(),
        selection=_selection(curve, training.options.rule),
        baseline=score_values(sample, constant_output(sample, loss), loss),
    )


def _stored(training: Training, model: Model) -> Model:
    """The model as its file will give it back. Raises FitError where it would not."""
    try:
        return replace(loads(model.dumps()), seconds=model.seconds)
    except (ModelFileError, ValueError) as error:
        found = getattr(error, "message", str(error)).rstrip(".")
        raise FitError(
            f"the model cannot be stored: {found}.",
            where=training.table.title,
            remedy="Such numbers lie at the ends of float64: change the unit of a column, or the "
            "target's.",
        ) from None


def _certified(training: Training, model: Model, proofs: Sequence[Sequence[Proof]]) -> Model:
    """The stored model with its figures as ``certify`` will find them, but for rounding: what
    ``proofs``, one for each stage of each network, have shown holds of it as well.

    A stage whose bound speaks of wedges drawn keeps what its own last round said, and so does one
    whose gap is larger now by no more than rounding.
    """
    row_of = {row: k for k, row in enumerate(training.design.row_ids) if row in model.anchors}
    networks, stages, last, at_last = networks_of(model, row_of), [], [], []
    problems = []
    learner, told = training.learner, iter(model.stages)
    for network, problem, pricer, own in zip(networks, learner.problems, learner.pricers, proofs):
        here = replace(problem, alpha=model.problem.alpha)
        for found in stages_found(network, here, learner, pricer, learner.tol, own):
            stage, before = found.stage, network.stage(found.stage.layer).certificate
            gap = max(before.relative_gap, learner.tol)
            wider = stage.certificate.relative_gap > gap
            if not found.exact or wider and agree(before, stage.certificate, found.leeway):
                stage = replace(stage, certificate=before)
            stages.append(with_status(stage, learner, learner.tol))
        last.append(stages[-1].certificate)
        at_last.append(found)
        problems.append(here)
    order = {(stage.layer, stage.output): stage for stage in stages}
    stages = tuple(order[stage.layer, stage.output] for stage in told)
    notes = status_notes(stages, model.depth)
    found = replace(
        model,
        certificate=together(last),
        stages=stages,
        neurons=neurons_found(model, networks, learner),
        notes=(*model.notes, *notes),
        all_layers=all_layers_found(learner.sample.X, problems, at_last),
    )
    design = training.design
    found = measured(found, design.table, design.X, design.weights)
    output = found.predictor.forward(design.X)
    train = score_values(design, output, found.loss, found.cut)
    return replace(found, score=replace(found.score, train=train))


def _stages(
    training: Training,
    learned: Learned,
    separate: Sequence[str | None],
    ids: list[list[list[int]]],
) -> tuple[Stage, ...]:
    """The certificates of all networks, layer by layer; ``ids`` are those of their neurons."""
    found = []
    for below, output, own in zip(learned.networks, separate, ids):
        for layer, stage in enumerate(below, 1):
            apart = training.options.refit or isinstance(learned.calibration, Line)
            elsewhere = layer < len(below) or apart
            named = own[layer - 1] if elsewhere else None
            found.append(_stage(training, layer, output, stage, named))
    return tuple(found)


def _stage(
    training: Training, layer: int, output: str | None, stage: FitStage, ids: list[int] | None
) -> Stage:
    """The certificate of one stage, with the coefficients that it speaks of where the network does
    not have them, by neuron."""
    fit, outputs = stage.fit, training.outputs
    names = map(unit_name, ids or ())
    z = zip(names, fit.coefficients)
    return Stage(
        layer=layer,
        output=output,
        status=stage.solution.status,
        neurons=len(fit.wedges),
        certificate=stage.solution.certificate,
        coefficients=None if ids is None else {name: per_output(row, outputs) for name, row in z},
    )


def _told(options: Options) -> dict[str, Told]:
    """The options that decide the result, for the record; splits that were handed over are none."""
    told = {}
    for part in fields(options):
        value = getattr(options, part.name)
        value = value.item() if isinstance(value, np.generic) else value
        value = tuple(value) if isinstance(value, list) else value
        if part.name not in WITHOUT_EFFECT:
            plain_value = isinstance(value, bool | int | float | str | None)
            several = isinstance(value, tuple) and all(map(_is_told, value))
            told[part.name] = value if plain_value or several else None
    return told


def _is_told(part) -> bool:
    """A number or a text, or a pair of names."""
    names = isinstance(part, tuple) and all(isinstance(name, str) for name in part)
    return names or isinstance(part, int | float | str)


def _selection(curve: Curve | None, rule: str) -> Selection | None:
    """How alpha was chosen: the rule and the score, and how well the folds were solved (on sampled
    wedges, if there are many)."""
    if curve is None:
        return None
    return Selection(rule, curve.scoring or "loss", len(curve.folds[0]), curve.pace.fold_tol)
