"""What rows, options and weights say that a model's record should hold, part by part."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.data.settings import SHAPES, shapes_by_column
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate, relative_gap
from wedgefit.engine.losses import numbers_of
from wedgefit.learning.calibrating import Line
from wedgefit.learning.learn import Learner
from wedgefit.learning.path import pace_for
from wedgefit.learning.scores import SCORES, score_values
from wedgefit.learning.threshold import Threshold
from wedgefit.model.figures import StageFound, with_status
from wedgefit.model.notes import status_notes
from wedgefit.model.parts import KEPT, Stage, per_output
from wedgefit.model.record import Model
from wedgefit.records import plain

# Bounds that depend on the wedges drawn.
DRAWN = ("lower_bound", "relative_gap", "wedges_priced")
DRAWN += ("network_lower_bound", "network_relative_gap")


def data_of(model: Model, table: Table, rows: Table) -> dict:
    encoding, data = model.encoding, model.data
    names = encoding.target.names
    return plain(data) | {
        "rows": rows.rows,
        "columns": list(encoding.names),
        "target": names[0] if len(names) == 1 else list(names),
        "task": encoding.target.task,
        "classes": plain(encoding.target.classes),
        "outputs": list(model.outputs),
        "id": table.id_column,
        "rows_left_out": table.rows - rows.rows,
        "left_out": plain(encoding.left_out),
    }


# Options that the problem says word for word where they were given.
SAME = {name: name for name in ("loss", "quantile", "huber_delta")} | KEPT


def problem_of(model: Model, learner: Learner) -> dict:
    """The problem as the options, the rows and the path of alphas say it."""
    problem, told = model.problem, model.options
    found = plain(problem) | {
        "alpha": _alpha(model, learner),
        "alpha_max": learner.alpha_max,
        "order": plain(learner.order_of_layers(model.depth)),
        "standardized": model.encoding.standardized,
        "robust": model.encoding.robust,
        "range_dispersion": learner.dispersion,
        "huber_delta": numbers_of(learner.loss)["huber_delta"],
        "floor": learner.problems[0].floor,
    }
    if told:
        named = {name: told.get(name) for name in SHAPES}
        named = {name: own for name, own in named.items() if isinstance(own, tuple)}
        found["shapes"] = plain(shapes_by_column(named))
        # Which are the best, only training again can tell.
        if told.get("max_pairs") is None:
            found["pairs"] = plain(told.get("pairs") or None)
    given = {part: told.get(option) for option, part in SAME.items()}
    found |= {part: plain(value) for part, value in given.items() if value is not None}
    if (order := told.get("order")) is not None:
        several = isinstance(order, tuple) and bool(order)
        layers = [order[min(k, len(order) - 1)] if several else order for k in range(model.depth)]
        found["order"] = layers[0] if len(set(layers)) == 1 else layers
    return found


def threshold_of(model: Model) -> dict | None:
    """The threshold as it was told; what folds found of it is not looked at."""
    told = model.options.get("threshold")
    if told is None:
        return None
    if isinstance(told, str) and model.threshold is not None:
        return plain(replace(model.threshold, rule=told))
    return {part.name: None for part in fields(Threshold)} | {"value": told, "rule": told}


def _alpha(model: Model, learner: Learner) -> Any:
    """The alpha that was given, or that of the curve's point whose scores are the model's."""
    told, score = model.options, model.score
    if told.get("alpha") is not None:
        return told["alpha"]
    if isinstance(ratio := told.get("alpha_ratio"), float):
        return ratio * learner.alpha_max
    if score.curve and score.cv is not None:
        places = [point.alpha for point in score.curve if point.scores == score.cv]
        return min(places, key=lambda alpha: abs(alpha - model.problem.alpha), default=None)
    return model.problem.alpha


def selection_of(model: Model, sample: Sample) -> dict:
    """Scores and ways of the choice of alpha that follow from the curve and the options."""
    score, told = model.score, model.options
    if not score.curve:
        return {"cv": None, "selection": None}
    points = [point for point in score.curve if point.alpha == model.problem.alpha]
    found = {"cv": plain(points[0].scores) if points else None}
    selection = score.selection
    chosen = told.get("alpha") is None and told.get("alpha_ratio") is None
    if told and (selection or chosen):
        found["selection"] = {
            "rule": told.get("rule"),
            "scoring": told.get("scoring") or "loss",
            "folds": _folds_of(model),
            "relative_gap": pace_for(sample.X.size).fold_tol,
        }
    return found


def _folds_of(model: Model) -> int | None:
    """As they were told, or else as they are stored."""
    told, selection = model.options.get("cv"), model.score.selection
    return told if type(told) is int else selection and selection.folds


def intercept_of(model: Model, last: list[StageFound], learner: Learner) -> Any:
    """The best output bias of each network, given its neurons."""
    values: list[np.ndarray] = []
    for found, problem in zip(last, learner.problems):
        combined = found.fit.combined
        if model.problem.refitted:
            z, _ = found.network.stored()
            combined = found.wedges.combine(found.X, z)
        best = problem.shift(combined)
        line = model.problem.calibration
        values.append(line.of(best) if isinstance(line, Line) else best)
    return per_output(np.concatenate(values), model.outputs)


def scores_of(model: Model, sample: Sample, off: float) -> tuple[dict, dict[str, float]]:
    """The scores on the training rows, and how far they move where outputs move by ``off``."""
    raw = model.network.forward(sample.X)
    output, y = model.calibrated(raw), sample.y
    if not np.isfinite(output).all():  # Only damaged weights give such outputs.
        return {name: None for name in model.score.train}, {}
    found = score_values(sample, output, model.loss, model.cut)
    if model.problem.loss == "squared" and sample.task == "regression":
        spread = float(np.sqrt(np.var(y, axis=0).min())) or 1.0
        rmse = found["rmse"]
        ratio = 2 * off * (rmse + off) / spread**2
        slack = {name: off if SCORES[name].in_units else ratio for name in found}
    else:
        # Where outputs are equal but for rounding, the last digit decides on classes and ranks.
        along = y
        if sample.task == "regression":
            exposure = 1.0 if sample.exposure is None else sample.exposure[:, None]
            along = np.sign(y / exposure - model.predicted(output))
        others = [
            score_values(sample, model.calibrated(raw + s * off * along), model.loss, model.cut)
            for s in (1, -1)
        ]
        slack = {
            name: max(abs((other[name] or 0.0) - (value or 0.0)) for other in others) + off
            for name, value in found.items()
        }
    return found, {f"score.train.{name}": value for name, value in slack.items()}


def stage_kept(model: Model, found: StageFound) -> Stage:
    """A stage as found; of a sampled one the figures that depend on the wedges drawn as stored."""
    stage = found.stage
    if not model.options:  # An older version wrote none.
        stage = replace(stage, penalty=None)
    if found.exact:
        return stage
    stored = _stored_stage(model, stage).certificate
    drawn = {name: getattr(stored, name) for name in DRAWN}
    return replace(stage, certificate=replace(stage.certificate, **drawn))


def with_stored_status(model: Model, stages: list[Stage], learner: Learner, tol: float):
    """The stages, each called what its stored bound says, and the notes on them that go with it.

    The gaps that are found differ in their last digits, which may lie on the other side of ``tol``:
    objective and bound are compared as figures, and nothing else is to hang on those digits.
    """
    stored = [
        replace(own, certificate=_with_its_gaps(own.certificate, model.problem.floor))
        for own in (_stored_stage(model, stage) for stage in stages)
    ]
    stored = [with_status(own, learner, tol) for own in stored]
    named = [replace(stage, status=own.status) for stage, own in zip(stages, stored)]
    return named, status_notes(stored, model.depth)


def _with_its_gaps(stored: Certificate, floor: float) -> Certificate:
    """With the gaps that follow from objective and bounds, whatever gaps are stored."""
    network = stored.network_lower_bound
    return replace(
        stored,
        relative_gap=relative_gap(stored.objective, stored.lower_bound, floor),
        network_relative_gap=(
            None if network is None else relative_gap(stored.objective, network, floor)
        ),
    )


def _stored_stage(model: Model, stage: Stage) -> Stage:
    place = stage.layer, stage.output
    return next(own for own in model.stages if (own.layer, own.output) == place)
