"""A model held against its training data: every figure recomputed from the rows and the weights
alone, and compared with the one that is stored.

The record that is found has the shape of the record that is stored, so no field can be forgotten:
what differs is refused by its name, and what only training again could tell is listed as not
checked.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from wedgefit.data.encoding import fit_encoding
from wedgefit.data.roles import row_weights, training_rows
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate, relative_gap
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import refitted
from wedgefit.errors import CertificateError, WedgefitError
from wedgefit.learning.learn import Learner
from wedgefit.learning.path import pace_for
from wedgefit.learning.scores import SCORES, score_values
from wedgefit.learning.settings import Options, Settings
from wedgefit.learning.threshold import Threshold
from wedgefit.model.build import train
from wedgefit.model.differences import Check, compared, same
from wedgefit.model.evaluation import constant_output, refuse_targets, trained_exposures
from wedgefit.model.figures import (
    StageFound,
    measured,
    networks_of,
    neurons_found,
    stages_found,
    together,
    with_status,
)
from wedgefit.model.notes import scale_notes, status_notes
from wedgefit.model.record import Model, Stage, per_output
from wedgefit.records import plain

# Bounds that depend on the wedges drawn.
DRAWN = ("lower_bound", "relative_gap", "wedges_priced")
DRAWN += ("network_lower_bound", "network_relative_gap")
TRAINING = "only training again can tell (--all)"
SHOWN = 8  # So many fields are named in a message; the others are counted.
HISTORY = "says where the model comes from, and no figure follows from it"


@dataclass(frozen=True, eq=False)
class Found:
    """What is found of a model: its record, how far rounding may have moved each kind of field, and
    checks that compare no field."""

    record: dict[str, Any]
    slack: dict[str, float]
    checks: list[Check]
    skipped: dict[str, str] = field(default_factory=dict)


def certify(model: Model, table: Table, jobs: int | None = None, everything: bool = False) -> dict:
    """Recompute a model's claims from the data and its weights alone, and hold the stored figures
    against them; with ``everything`` train again, and hold the rest against that.

    Raises CertificateError when the data cannot be those that the model was trained on.
    """
    with np.errstate(all="ignore"):  # A damaged figure may overflow: it differs, and is named.
        found = _found(model, table, jobs)
        checks = (
            compared(stored_record(model), found.record, found.slack, found.skipped) + found.checks
        )
        checks += _gap_checks(model, {check.name for check in checks if not check.agrees})
    skipped = found.skipped
    if everything:
        again = stored_record(_trained_again(model, table, jobs))
        kinds = tuple(name for name, why in skipped.items() if why.endswith(TRAINING))
        skipped = {name: why for name, why in skipped.items() if name not in kinds}
        checks += compared(stored_record(model), again, {}, only=kinds)
    names = list(dict.fromkeys(check.name for check in checks if not check.agrees))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    wrong = ", ".join(names[:SHOWN]) + more
    return {
        "schema": "wedgefit.certification/1",
        "agrees": not wrong,
        "checks": _finite([plain(check) for check in checks]),
        "certificate": _finite(found.record["certificate"]),
        "not_checked": [{"name": name, "why": why} for name, why in skipped.items()],
        "message": f"the stored figures do not hold: {wrong}"
        if wrong
        else "the stored figures hold",
    }


def _finite(value: Any) -> Any:
    """JSON data without the infinities that damaged figures lead to."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def stored_record(model: Model) -> dict[str, Any]:
    """All that a model file holds, as JSON data."""
    parts = ("data", "problem", "certificate", "stages", "score", "intercept", "neurons")
    record = {name: plain(getattr(model, name)) for name in (*parts, "distributions")}
    return record | {
        "effects": plain(model.importances),
        "samples": model.samples,
        "anchors": [{"id": row, "values": list(v)} for row, v in model.anchors.items()],
        "encoding": plain(model.encoding),
        "notes": list(model.notes),
        "options": plain(model.options),
        "threshold": plain(model.threshold),
    }


# What the rows say --------------------------------------------------------------------------------


def _found(model: Model, table: Table, jobs: int | None) -> Found:
    rows = rows_trained_on(model, table)
    row_of = _rows_by_id(model, rows)
    sample = sample_trained_on(model, rows)
    refuse_targets(model, rows, sample)
    learner = learner_of(model, sample, jobs)
    networks = networks_of(model, row_of)
    tol = model.options.get("tol", Settings.tol)
    tol = tol if isinstance(tol, float) else Settings.tol
    stages: list[StageFound] = []
    last, checks = [], []
    for network, problem, pricer in zip(networks, learner.problems, learner.pricers):
        here = replace(problem, alpha=model.problem.alpha)
        stages += stages_found(network, here, learner, pricer, tol)
        last.append(len(stages) - 1)
        if model.problem.refitted:
            checks.append(_refit_check(here, stages[-1]))
    for each in stages:
        checks += _wedge_checks(each, model.problem.norm)
    kept = [_kept(model, each) for each in stages]
    kept, told = _with_stored_status(model, kept, learner, tol)
    record = stored_record(model) | {
        "data": _data(model, table, rows),
        "problem": _problem(model, learner),
        "threshold": _threshold(model),
        "certificate": plain(together([kept[i].certificate for i in last])),
        "stages": plain(kept),
        "neurons": plain(neurons_found(model, networks, learner)),
        "intercept": _intercept(model, [stages[i] for i in last], learner),
        "anchors": [
            {"id": row, "values": sample.X[row_of[row]].tolist()}
            for row in sorted(model.samples, key=row_of.__getitem__)
        ],
    }
    slack = _slack(stages, sample, last, learner.problems[0].floor)
    score, score_slack = _scores(model, sample, slack["output"])
    record["score"] = stored_record(model)["score"] | {"train": score} | _selected(model, sample)
    if model.options:
        constant = score_values(sample, constant_output(sample, model.loss), model.loss)
        record["score"]["baseline"] = constant
        score_slack |= {f"score.baseline.{name}": 1e-12 for name in constant}
    found = Found(record, slack | score_slack, checks)
    if model.options or model.distributions or model.importances:
        seen = measured(model, rows, sample.X, sample.weights)
        record["distributions"] = plain(seen.distributions)
        record["effects"] = plain(seen.importances)
    _encoded(model, table, found)
    _noted(model, table, [*learner.notes, *told], found)
    _set_aside(model, stages, kept, found)
    ids = [neuron.id for neuron in model.neurons]
    if ids != list(range(1, len(ids) + 1)):
        found.checks.append(Check("neurons[*].id", str(ids), f"1 to {len(ids)}", False))
    return found


def sample_trained_on(model: Model, rows: Table) -> Sample:
    """The model's rows in the numbers that its solver saw."""
    encoding = model.encoding
    return Sample(
        encoding.transform(rows),
        encoding.target_values(rows),
        encoding.target.task,
        row_weights(rows, model.data.weight),
        exposure=trained_exposures(model, rows),
    )


def learner_of(model: Model, sample: Sample, jobs: int | None) -> Learner:
    """What learnt from these rows as the model says. Raises CertificateError where nothing can have
    learnt so."""
    problem, told = model.problem, model.options
    certificate = told.get("certificate")
    if certificate not in ("auto", "exact", "sampled"):
        certificate = "exact" if model.certificate.scope == "exact" else "sampled"
    seed = told.get("seed", 0)
    given = dict(
        loss=problem.loss,
        quantile=problem.quantile,
        # A number that was left open is found anew.
        huber_delta=None if told and told.get("huber_delta") is None else problem.huber_delta,
        class_weight=problem.class_weight,
        alpha=problem.alpha,
        # An order that was left open is chosen anew.
        order=None if told and told.get("order") is None else problem.order,
        norm=problem.norm,
        layers=problem.layers,
        bias=problem.hidden_bias,
        intercept=problem.intercept,
        refine=problem.refined,
        certificate=certificate,
        seed=seed if type(seed) is int and 0 <= seed < 2**32 else 0,
        jobs=jobs or os.cpu_count() or 1,
    )
    try:
        return Learner(sample, Settings(**given), lambda _: None)
    except WedgefitError as error:
        raise CertificateError(
            f"the model's problem cannot be that of these rows: {error.message}",
            remedy="Is it the training data?",
        ) from None


def rows_trained_on(model: Model, table: Table) -> Table:
    """The rows that the model was trained on: those with a target and a weight. Also checks that
    the weights are weights."""
    names = model.encoding.target.names
    table, _ = training_rows(table, names, model.data.weight, drop_missing=True)
    if table.rows != model.data.rows:
        raise CertificateError(
            f"the model was trained on {model.data.rows:,} rows, this file has {table.rows:,}.",
            where=table.title,
            remedy="Certify against the very data the model was trained on.",
        )
    return table


def _rows_by_id(model: Model, rows: Table) -> dict[int | str, int]:
    row_of = {row_id: position for position, row_id in enumerate(rows.row_ids)}
    if absent := [row for row in model.anchors if row not in row_of]:
        raise CertificateError(
            f"the model stands on row {absent[0]}, which is not in this file.",
            where=rows.title,
            remedy="Is it the training data?",
        )
    return row_of


def _data(model: Model, table: Table, rows: Table) -> dict:
    encoding, data = model.encoding, model.data
    names = encoding.target.names
    return plain(data) | {
        "rows": rows.rows,
        "columns": list(encoding.names),
        "target": names[0] if len(names) == 1 else list(names),
        "task": encoding.target.task,
        "classes": plain(encoding.target.classes),
        "outputs": list(encoding.target.outputs),
        "id": table.id_column,
        "rows_left_out": table.rows - rows.rows,
        "left_out": plain(encoding.left_out),
    }


# Fields of the problem, by the option that says the same.
SAME = {
    "norm": "norm", "hidden_bias": "bias", "intercept": "intercept", "standardized": "standardize",
    "refined": "refine", "refitted": "refit", "class_weight": "class_weight", "loss": "loss",
    "quantile": "quantile", "huber_delta": "huber_delta",
}  # fmt: skip


def _problem(model: Model, learner: Learner) -> dict:
    """The problem as the options, the rows and the path of alphas say it."""
    problem, told = model.problem, model.options
    found = plain(problem) | {
        "alpha": _alpha(model, learner),
        "alpha_max": learner.alpha_max,
        "order": plain(learner.order_of_layers(model.depth)),
        "standardized": model.encoding.standardized,
        "range_dispersion": learner.dispersion,
        "huber_delta": getattr(learner.loss, "delta", None),
        "floor": learner.problems[0].floor,
    }
    found |= {name: told[option] for name, option in SAME.items() if told.get(option) is not None}
    if (order := told.get("order")) is not None:
        several = isinstance(order, tuple) and bool(order)
        layers = [order[min(k, len(order) - 1)] if several else order for k in range(model.depth)]
        found["order"] = layers[0] if len(set(layers)) == 1 else layers
    return found


def _threshold(model: Model) -> dict | None:
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


def _selected(model: Model, sample: Sample) -> dict:
    """Scores and ways of the choice of alpha that follow from the curve and the options."""
    score, told = model.score, model.options
    if not score.curve:
        return {"cv": None, "selection": None}
    points = [point for point in score.curve if point.alpha == model.problem.alpha]
    found = {"cv": plain(points[0].scores) if points else None}
    selection = score.selection
    if told and selection:
        folds = told.get("cv") if type(told.get("cv")) is int else selection.folds
        scoring, gap = told.get("scoring") or "loss", pace_for(sample.X.size).fold_tol
        found["selection"] = {
            "rule": told.get("rule"), "scoring": scoring, "folds": folds, "relative_gap": gap,
        }  # fmt: skip
    return found


def _kept(model: Model, found: StageFound) -> Stage:
    """A stage as found; of a sampled one the figures that depend on the wedges drawn as stored."""
    stage = found.stage
    if not model.options:  # An older version wrote none.
        stage = replace(stage, penalty=None)
    if found.exact:
        return stage
    stored = _stored_stage(model, stage).certificate
    drawn = {name: getattr(stored, name) for name in DRAWN}
    return replace(stage, certificate=replace(stage.certificate, **drawn))


def _with_stored_status(model: Model, stages: list[Stage], learner: Learner, tol: float):
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


def _intercept(model: Model, last: list[StageFound], learner: Learner) -> Any:
    """The best output bias of each network, given its neurons."""
    values: list[np.ndarray] = []
    for found, problem in zip(last, learner.problems):
        combined = found.fit.combined
        if model.problem.refitted:
            z, _ = found.network.stored()
            combined = found.wedges.combine(found.X, z)
        values.append(problem.shift(combined))
    return per_output(np.concatenate(values), model.outputs)


def _scores(model: Model, sample: Sample, off: float) -> tuple[dict, dict[str, float]]:
    """The scores on the training rows, and how far they move where outputs move by ``off``."""
    output = model.network.forward(sample.X)
    y = sample.y
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
            score_values(sample, output + s * off * along, model.loss, model.cut) for s in (1, -1)
        ]
        slack = {
            name: max(abs((other[name] or 0.0) - (value or 0.0)) for other in others) + off
            for name, value in found.items()
        }
    return found, {f"score.train.{name}": value for name, value in slack.items()}


def _slack(
    stages: list[StageFound], sample: Sample, last: list[int], floor: float
) -> dict[str, float]:
    """How far rounding may move each kind of field, by its path."""
    slack = {"anchors[*].values[*]": 1e-12 * max(1.0, float(np.abs(sample.X).max(initial=0.0)))}
    output = max(each.leeway.output for each in stages)
    slack |= {"intercept": output, "intercept.*": output, "output": output}
    slack |= {"neurons[*].share": 1e-14}
    for place, some in (("stages[*]", stages), ("certificate", [stages[i] for i in last])):
        objective = sum(each.leeway.objective for each in some)
        bound = sum(each.leeway.all for each in some)
        least = min(each.stage.certificate.objective for each in some) - floor
        gap = bound / least if least > 0 else 0.0
        slack |= {
            f"{place}.objective": objective,
            f"{place}.penalty": objective,
            f"{place}.lower_bound": bound,
            f"{place}.relative_gap": gap,
            f"{place}.network_lower_bound": bound,
            f"{place}.network_relative_gap": gap,
        }
    return slack


def _encoded(model: Model, table: Table, found: Found) -> None:
    """The encoding as these rows teach it, and the notes that go with it."""
    encoding, data = model.encoding, model.data
    columns = [column.name for column in encoding.inputs]
    fitted, design = fit_encoding(
        table,
        target=encoding.target.names,
        task=encoding.target.task,
        keep=columns + [name for name, _ in encoding.left_out],
        weight=data.weight,
        exposure=data.exposure,
        standardize=model.options.get("standardize", encoding.standardized) is True,
        shift=model.problem.hidden_bias,
        drop_missing_target=True,
    )
    found.record["encoding"] = plain(fitted)
    found.record["data"]["left_out"] = plain(fitted.left_out)
    scale = max(feature.scale for feature in fitted.features)
    found.slack["encoding.features[*].center"] = 1e-12 * scale
    if not model.options and fitted != encoding:
        found.record["encoding"] = plain(encoding)
        found.skipped["encoding"] = "an older version learnt it, by rules of its own"
    found.record["notes"] = [
        *design.notes,
        *(f"column {name!r} left out: {reason}" for name, reason in fitted.left_out),
        *scale_notes(design, fitted.target),
    ]


def _noted(model: Model, table: Table, more: list[str], found: Found) -> None:
    """Which notes follow from rows and stages. Those that do must be there; what else is there only
    training, or reading the file without a model, could have found."""
    stored = list(model.notes)
    follow = [*found.record["notes"], *more]
    missing = [note for note in follow if note not in stored] if model.options else []
    # Said twice, a note would look like two: one that follows once may be there once.
    once = [
        note
        for i, note in enumerate(stored)
        if stored[:i].count(note) < max(1, follow.count(note), table.notes.count(note))
    ]
    found.record["notes"] = once + missing
    for i, note in enumerate(stored):
        if note not in (*follow, *table.notes, *stored[:i]):
            found.skipped[f"notes[{i}]"] = f"{note!r}: {TRAINING}"


def _set_aside(model: Model, stages: list[StageFound], kept: list[Stage], found: Found) -> None:
    """What rows and weights cannot tell."""
    skipped = found.skipped
    skipped |= {"version": HISTORY, "data.source": HISTORY, "data.delimiter": HISTORY}
    skipped["encoding.reading"] = "the data are read as it says"
    if model.data.group is not None or not model.options:
        skipped["data.group"] = TRAINING
    skipped["options"] = TRAINING
    if isinstance(model.options.get("threshold"), str):
        judged = (part.name for part in fields(Threshold) if part.name != "rule")
        skipped |= {f"threshold.{name}": TRAINING for name in judged}
    if model.score.curve:
        skipped |= dict.fromkeys(("score.cv", "score.curve"), TRAINING)
    if model.score.selection and not model.options:
        skipped["score.selection"] = TRAINING
    places = {(stage.layer, stage.output): i for i, stage in enumerate(model.stages)}
    drawn = False
    for each, stage in zip(stages, kept):
        place = f"stages[{places[each.stage.layer, each.stage.output]}]"
        # Which of the other two it is, the gap does not say.
        if "converged" not in (stage.status, each.stage.status):
            skipped[f"{place}.status"] = TRAINING
        if not each.exact:
            drawn = True
            skipped |= {f"{place}.{name}": TRAINING for name in DRAWN}
    if drawn:
        skipped |= {f"certificate.{name}": TRAINING for name in DRAWN}


# Checks -------------------------------------------------------------------------------------------


def _gap_checks(model: Model, wrong: set[str]) -> Iterator[Check]:
    """Gaps that are not those of the objectives and bounds beside them, where these hold: a gap is
    far smaller than what rounding may change in a bound, but it follows to the last digit."""
    places = {"certificate": model.certificate}
    places |= {f"stages[{i}]": stage.certificate for i, stage in enumerate(model.stages)}
    for place, stored in places.items():
        gaps = {"relative_gap": (stored.relative_gap, stored.lower_bound)}
        gaps["network_relative_gap"] = stored.network_relative_gap, stored.network_lower_bound
        for name, (gap, bound) in gaps.items():
            right = None
            if bound is not None:
                right = relative_gap(stored.objective, bound, model.problem.floor)
            # Older versions took a bound that rounding put above the objective for a gap of zero.
            slack = 0.0 if model.options else 1e-15
            holds = gap == right or None not in (gap, right) and same(gap, right, slack)
            others = {
                f"{place}.{part}"
                for part in ("objective", name.replace("relative_gap", "lower_bound"), name)
            }
            if not holds and not others & wrong:
                yield Check(f"{place}.{name}", gap, right, False)


def _wedge_checks(found: StageFound, norm: int) -> Iterator[Check]:
    """Is each neuron a unit wedge through the rows it names?"""
    wedges, X = found.wedges, found.X
    if not len(wedges):
        return
    away = np.abs(np.linalg.norm(wedges.normals, ord=norm, axis=1) - 1)
    heights = np.abs(X @ wedges.normals.T + wedges.offsets)
    reach = heights.max(axis=0, initial=0.0)
    off = np.zeros(len(wedges))
    for i, samples in enumerate(wedges.samples):
        if reach[i] and len(through := samples[samples >= 0]):
            off[i] = heights[through, i].max() / reach[i]
    for name, values, limit in (("weights", away, 1e-11), ("bias", off, 1e-9)):
        worst = int(np.argmax(np.where(np.isfinite(values), values, np.inf)))
        yield Check(
            f"neurons[{found.neurons[worst].id - 1}].{name}",
            float(values[worst]),
            0.0,
            bool(values[worst] <= limit),
        )


def _refit_check(problem: Problem, found: StageFound) -> Check:
    """Are the coefficients those of least squares on the wedges selected?"""
    X, wedges, (z, _) = found.X, found.wedges, found.network.stored()
    stored = fit_on(X, problem, wedges, z)
    best = refitted(X, problem, fit_on(X, problem, wedges, np.ones_like(z)))
    values = [_loss(problem, fit) for fit in (stored, best)]
    slack = 1e-9 * (abs(values[1]) + problem.value(np.zeros_like(problem.y), problem.location))
    agrees = bool(abs(values[0] - values[1]) <= slack)
    return Check("neurons[*].coefficient", values[0], values[1], agrees)


def _loss(problem: Problem, fit: Fit) -> float:
    return problem.value(fit.combined, fit.intercept)


def _trained_again(model: Model, table: Table, jobs: int | None) -> Model:
    """What training with the model's own options gives. Raises CertificateError where the file does
    not say how it was trained."""
    told = dict(model.options)
    if not told or told.get("cv") is None:
        raise CertificateError(
            "the file does not say how the model was trained, so it cannot be trained again.",
            remedy="Leave out --all.",
        )
    try:
        return train(table, Options(**told, jobs=jobs), _Silent())
    except (TypeError, ValueError, KeyError, AttributeError, WedgefitError) as error:
        raise CertificateError(
            f"nothing can be trained with the options of the file ({error}).",
            remedy="Leave out --all.",
        ) from None


class _Silent:
    """Progress that nobody watches."""

    def note(self, words: str) -> None:
        pass

    def advance(self, *step) -> None:
        pass
