"""A model held against its training data: every figure recomputed from the rows and the weights
alone, and compared with the one that is stored.

The record that is found has the shape of the record that is stored, so no field can be forgotten:
what differs is refused by its name, and what only training again could tell is listed as not
checked.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from wedgefit import __version__
from wedgefit.data.encoding import fit_encoding
from wedgefit.data.sample import Sample
from wedgefit.data.settings import TableSettings, columns_by_shape
from wedgefit.data.table import Table
from wedgefit.data.words import listed
from wedgefit.engine.certificate import Certificate
from wedgefit.errors import CertificateError, WedgefitError
from wedgefit.learning.checks import unused_beside_alpha
from wedgefit.learning.scores import score_values
from wedgefit.learning.settings import Options
from wedgefit.learning.threshold import Threshold
from wedgefit.model.audited import Audited
from wedgefit.model.build import train
from wedgefit.model.claims import (
    DRAWN,
    data_of,
    problem_of,
    scores_of,
    selection_of,
    threshold_of,
)
from wedgefit.model.differences import Certification, Check, NotChecked, compared
from wedgefit.model.evaluation import constant_output
from wedgefit.model.figures import StageFound, measured
from wedgefit.model.notes import left_out_notes, notes_of_readings, scale_notes
from wedgefit.model.origin import learner_of, rows_trained_on, sample_trained_on
from wedgefit.model.parts import Stage
from wedgefit.model.record import Model
from wedgefit.model.soundness import gap_checks
from wedgefit.records import plain
from wedgefit.watch import Silent

TRAINING = "only training again can tell (--all)"
READING = "only reading the file without the model can tell"
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


def certify(
    model: Model, table: Table, jobs: int | None = None, everything: bool = False
) -> Certification:
    """Recompute a model's claims from the data and its weights alone, and hold the stored figures
    against them; with ``everything`` train again, and hold the rest against that.

    Raises CertificateError when the data cannot be those that the model was trained on.
    """
    with np.errstate(all="ignore"):  # A damaged figure may overflow: it differs, and is named.
        found = _found(model, table, jobs)
        checks = (
            compared(stored_record(model), found.record, found.slack, found.skipped) + found.checks
        )
        checks += gap_checks(model, {check.name for check in checks if not check.agrees})
    skipped = found.skipped
    if everything:
        again = stored_record(_trained_again(model, table, jobs))
        for i, note in notes_of_readings(model.notes, again["notes"]).items():
            again["notes"].insert(i, note)
            skipped = skipped | {f"notes[{i}]": f"{note!r}: {READING}"}
        kinds = tuple(name for name, why in skipped.items() if why.endswith(TRAINING))
        skipped = {name: why for name, why in skipped.items() if name not in kinds}
        checks += compared(stored_record(model), again, {}, only=kinds)
    names = list(dict.fromkeys(check.name for check in checks if not check.agrees))
    wrong = listed(names, SHOWN)
    return Certification(
        agrees=not wrong,
        checks=tuple(Check(**_finite(plain(check))) for check in checks),
        certificate=Certificate(**_finite(found.record["certificate"])),
        not_checked=tuple(NotChecked(name, why) for name, why in skipped.items()),
        message=f"the stored figures do not hold: {wrong}" if wrong else "the stored figures hold",
    )


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
    if model.all_layers is not None:
        record["all_layers"] = plain(model.all_layers)
    return record | {
        "effects": plain(model.importances),
        "over_folds": plain(model.over_folds),
        "samples": model.samples,
        "anchors": [{"id": row, "values": list(v)} for row, v in model.anchors.items()],
        "encoding": plain(model.encoding),
        "notes": list(model.notes),
        "options": plain(model.options),
        "threshold": plain(model.threshold),
        "intervals": plain(model.intervals),
    }


# What the rows say --------------------------------------------------------------------------------


def _found(model: Model, table: Table, jobs: int | None) -> Found:
    rows = rows_trained_on(model, table)
    sample = sample_trained_on(model, rows)
    learner = learner_of(model, sample, jobs)
    audited = Audited(model, rows, sample, learner)
    kept, told = audited.kept()
    slack = audited.slack()
    score, score_slack = _score(model, sample, slack["output"])
    record = (
        stored_record(model)
        | audited.record(kept)
        | {
            "data": data_of(model, table, rows),
            "problem": problem_of(model, learner),
            "threshold": threshold_of(model),
            "score": score,
        }
    )
    unclaimed = {}
    if model.options or model.distributions or model.importances:
        seen = measured(model, rows, sample.X, sample.weights)
        record["distributions"] = plain(seen.distributions)
        # Before networks of one column and several layers had any, their files claim none.
        if model.importances or model.depth == 1:
            record["effects"] = plain(seen.importances)
        elif seen.importances:
            unclaimed["effects"] = "the file claims none"
    found = Found(record, slack | score_slack, [*audited.checks()], unclaimed)
    _encoded(model, table, found)
    _noted(model, table, [*learner.notes, *told], found)
    _set_aside(model, audited.stages, kept, found)
    return found


def _score(model: Model, sample: Sample, off: float) -> tuple[dict, dict[str, float]]:
    """The scores as these rows and the curve give them, and how far they move where outputs move by
    ``off``."""
    train, slack = scores_of(model, sample, off)
    score = plain(model.score) | {"train": train} | selection_of(model, sample)
    if model.options:
        constant = score_values(sample, constant_output(sample, model.loss), model.loss)
        score["baseline"] = constant
        slack = slack | {f"score.baseline.{name}": 1e-12 for name in constant}
    return score, slack


def _encoded(model: Model, table: Table, found: Found) -> None:
    """The encoding as these rows teach it, and the notes that go with it."""
    encoding, data = model.encoding, model.data
    columns = [column.name for column in encoding.inputs]
    told = TableSettings(
        target=encoding.target.names,
        task=encoding.target.task,
        keep=(*columns, *(name for name, _ in encoding.left_out)),
        weight=data.weight,
        exposure=data.exposure,
        standardize=model.options.get("standardize", encoding.standardized) is True,
        robust="on" if model.problem.robust else "off",
        drop_missing_target=True,
        **columns_by_shape(model.problem.shapes),
    )
    fitted, design = fit_encoding(table, told, shift=model.problem.hidden_bias)
    found.record["encoding"] = plain(fitted)
    found.record["data"]["left_out"] = plain(fitted.left_out)
    scale = max(feature.scale for feature in fitted.features)
    found.slack["encoding.features[*].center"] = 1e-12 * scale
    if not model.options and fitted != encoding:
        found.record["encoding"] = plain(encoding)
        found.skipped["encoding"] = "an older version learnt it, by rules of its own"
    found.record["notes"] = [
        *design.notes,
        *left_out_notes(fitted),
        *scale_notes(design, fitted.target),
    ]


def _noted(model: Model, table: Table, more: list[str], found: Found) -> None:
    """Which notes follow from rows and stages. Those that do must be there; what else is there only
    training, or reading the file without a model, could have found."""
    stored = list(model.notes)
    follow = [*found.record["notes"], *more]
    missing = [note for note in follow if note not in stored] if model.options else []
    told = TRAINING
    if missing and model.version != __version__:
        told = f"version {model.version} may say in other words what this one would: "
        told += "; ".join(map(repr, missing))
        found.skipped["notes[*]"] = told
        missing = []
    # Said twice, a note would look like two: one that follows once may be there once.
    once = [
        note
        for i, note in enumerate(stored)
        if stored[:i].count(note) < max(1, follow.count(note), table.notes.count(note))
    ]
    found.record["notes"] = once + missing
    for i, note in enumerate(stored):
        if note not in (*follow, *table.notes, *stored[:i]):
            found.skipped[f"notes[{i}]"] = f"{note!r}: {told}"


def _set_aside(model: Model, stages: list[StageFound], kept: list[Stage], found: Found) -> None:
    """What rows and weights cannot tell."""
    skipped = found.skipped
    skipped |= {"version": HISTORY, "data.source": HISTORY, "data.delimiter": HISTORY}
    skipped["encoding.reading"] = "the data are read as it says"
    if model.data.group is not None or not model.options:
        skipped["data.group"] = TRAINING
    if model.data.time is not None:
        skipped["data.time"] = TRAINING
    skipped["options"] = TRAINING
    if isinstance(model.options.get("threshold"), str):
        judged = (part.name for part in fields(Threshold) if part.name != "rule")
        skipped |= {f"threshold.{name}": TRAINING for name in judged}
    if model.intervals:
        skipped["intervals"] = TRAINING
    # Whoever took them out of the file would not be noticed.
    if model.over_folds or _had_folds(model):
        skipped["over_folds"] = TRAINING
    if model.options.get("max_pairs") is not None:
        skipped["problem.pairs"] = TRAINING
    if model.problem.calibration is not None:
        skipped["problem.calibration"] = TRAINING
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


def _had_folds(model: Model) -> bool:
    """Whether training looked at rows held out: to choose alpha, or for what else they teach."""
    told = model.options
    by_rule = isinstance(told.get("threshold"), str)
    return bool(model.score.curve or told.get("calibrate") or told.get("intervals") or by_rule)


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
        # The default of another version may have been another loss.
        told_loss = {"loss": model.problem.loss}
        options = Options(**told | told_loss, jobs=jobs)
        # Other versions took them beside a given alpha, and did nothing with them.
        unused = {name: told[name] for name in unused_beside_alpha(options) if name in told}
        options = replace(options, **{name: getattr(Options, name) for name in unused})
        found = train(table, options, Silent())
        return replace(found, options=found.options | unused | {"loss": told.get("loss")})
    except (TypeError, ValueError, KeyError, AttributeError, WedgefitError) as error:
        raise CertificateError(
            f"nothing can be trained with the options of the file ({error}).",
            remedy="Leave out --all.",
        ) from None
