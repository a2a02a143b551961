"""A model's scores on labelled data, beside those of a constant, and where it errs."""

import os
from dataclasses import dataclass

import numpy as np

from wedgefit.data.pairs import sources_of
from wedgefit.data.roles import exposures_of, row_weights, weighed_rows
from wedgefit.data.sample import Sample, class_codes
from wedgefit.data.shape import shapes_of
from wedgefit.data.table import Table
from wedgefit.data.target import refuse_targets
from wedgefit.data.words import shown
from wedgefit.engine.losses import Loss, Quantile, Quantiles, fitted_apart
from wedgefit.engine.losses.robust import WIDTH
from wedgefit.engine.problem import Problem
from wedgefit.errors import ColumnError, UsageError
from wedgefit.learning.scores import score_values
from wedgefit.learning.threshold import Threshold, log_odds, threshold_on
from wedgefit.model.calibration import Bin, calibration
from wedgefit.model.intervals import known_levels
from wedgefit.model.record import Model

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# A class that all rows have, or none, has log-odds beyond any number.
SUREST = 40.0


@dataclass(frozen=True)
class Scored:
    """The rows that a model was scored on, and the columns that they counted by."""

    source: str
    rows: int
    weight: str | None
    exposure: str | None


@dataclass(frozen=True)
class Confusion:
    """How often (by weight) each class of the data, a row of ``counts``, was taken for each."""

    classes: tuple[str | int | float, ...]
    counts: tuple[tuple[int | float, ...], ...]


@dataclass(frozen=True)
class Coverage:
    """Of intervals that are to hold a part ``level`` of the rows the part that they hold, and their
    mean width."""

    level: float
    coverage: float
    width: float


@dataclass(frozen=True)
class Below:
    """Of the quantile of a ``level`` the part of the rows that is not above, and the pinball
    loss."""

    level: float
    below: float
    pinball: float


@dataclass(frozen=True)
class Quantified:
    """What models of quantiles are judged by: every level, and pairs of levels with as much beyond
    on either side, ``from`` one ``to`` the other: the part of rows between and the mean distance.
    """

    levels: tuple[Below, ...]
    between: tuple[dict[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's scores on labelled data, the record behind ``wedgefit evaluate``.

    ``baseline``: the same scores of the best that needs no inputs, the mean of these rows or the
    frequencies of their classes. ``threshold``: of two classes with probabilities, where yes begins
    and how right that is. ``calibration``: of classes with probabilities, by output, how often they
    came true. ``residuals``: of numbers, quantiles of observed minus predicted, per target.
    ``intervals``: where the model has some, which part of these rows lies within, by target and
    level.
    """

    schema: str = "wedgefit.evaluation/1"
    data: Scored
    score: dict[str, float | None]
    baseline: dict[str, float | None]
    threshold: Threshold | None
    confusion: Confusion | None
    calibration: dict[str, list[Bin]] | None
    residuals: dict[str, dict[str, float]] | None
    intervals: dict[str, list[Coverage]] | None
    quantiles: Quantified | None
    notes: tuple[str, ...]


def evaluate(
    model: Model, table: Table, weight: str | None = None, rule: float | str | None = None
) -> Evaluation:
    """The model's scores on labelled data, in which a row counts as often as its cell in the column
    ``weight`` says, and yes is said by ``rule`` (``learning.threshold``; None: as the model says).

    Raises ColumnError for rows without a target or a usable weight, UsageError for a rule that the
    model has no use for.
    """
    encoding = model.encoding
    if rule is not None:
        require_threshold(model)
    if weight in encoding.target.names:
        raise ColumnError(
            f"{shown(weight)} is the target.", where=table.title, remedy="Choose another --weight."
        )
    rows, notes = (table, ()) if weight is None else weighed_rows(table, weight)
    sample = sample_of(model, rows, weight)
    output = model.predictor.forward(sample.X)
    found = _threshold(model, sample, output, rule)
    cut = log_odds(found and found.value)
    return Evaluation(
        data=Scored(table.source, rows.rows, weight, model.data.exposure),
        score=score_values(sample, output, model.loss, cut),
        baseline=score_values(sample, constant_output(sample, model.loss), model.loss),
        threshold=found,
        confusion=_confusion(model, sample, output, cut),
        calibration=_calibration(model, sample, output),
        residuals=_residuals(model, sample, output),
        intervals=coverage(model, sample, output),
        quantiles=_quantiles(model, sample, output),
        notes=(*table.notes, *notes, *encoding.remarks(rows), *_learnt(model, table)),
    )


def looks_learnt(model: Model, table: Table) -> bool:
    """Whether the model was trained on a file of this name and length."""
    same = os.path.basename(model.data.source) == os.path.basename(table.source)
    return same and model.data.rows + model.data.rows_left_out == table.rows


def _learnt(model: Model, table: Table) -> list[str]:
    """What makes scores too good."""
    if not looks_learnt(model, table):
        return []
    words = "the model was trained on a file of this name and length: on new rows it is worse"
    held_out = "; train told how well it does on rows held out" if model.score.cv else ""
    return [words + held_out]


def constant_output(sample: Sample, loss: Loss | Quantiles) -> np.ndarray:
    """What a network without neurons would give, (n, K): of numbers the best constant, of the
    squared loss their mean, of several quantiles each; of classes the log-odds of their
    frequencies, or where these share their neurons the logarithms."""
    if sample.task == "regression" and loss.name != "squared":
        nothing, told = np.zeros_like(sample.y), (sample.weights, sample.exposure)
        best = [
            Problem(sample.y, 1.0, True, part, *told).shift(nothing) for part in fitted_apart(loss)
        ]
        return np.broadcast_to(np.concatenate(best), (len(sample.y), len(best)))
    mean = np.average(sample.y, axis=0, weights=sample.weights)
    if sample.task == "classification":
        frequency = (1 + mean) / 2
        with np.errstate(divide="ignore"):
            others = 0.0 if loss.couples else np.log1p(-frequency)
            odds = np.log(frequency) - others
        mean = np.clip(odds, -SUREST, SUREST)
    return np.broadcast_to(mean, sample.y.shape)


def sample_of(model: Model, rows: Table, weight: str | None) -> Sample:
    """Labelled rows in the numbers that the model's network reads, a row counting as often as the
    column ``weight`` says. Raises ColumnError where a column is not there, and for a row whose
    target the model's loss does not take."""
    encoding, exposure = model.encoding, model.data.exposure
    sample = Sample(
        encoding.transform(rows),
        encoding.target_values(rows),
        encoding.target.task,
        row_weights(rows, weight),
        exposure=None if exposure is None else exposures_of(rows, exposure),
        shapes=shapes_of(encoding.features, model.problem.shapes),
        sources=sources_of(encoding.features),
        pairs=model.problem.pairs,
    )
    refuse_targets(rows, encoding.target, model.loss)
    return sample


def require_threshold(model: Model) -> None:
    """Raises UsageError unless a probability decides between two classes."""
    if not model.has_threshold:
        raise UsageError(
            "--threshold needs a model of two classes with probabilities.",
            remedy="Leave it out; of two classes, train with the logistic loss.",
        )


def _threshold(
    model: Model, sample: Sample, output: np.ndarray, rule: float | str | None
) -> Threshold | None:
    """Where yes begins by the rule, else by the model, and how right that is on these rows."""
    if not model.has_threshold:
        return None
    if rule is None and model.threshold is not None:
        rule = model.threshold.value
    return threshold_on(rule, output[:, 0], sample.labels == 1, sample.weights)


def _calibration(model: Model, sample: Sample, output: np.ndarray) -> dict[str, list[Bin]] | None:
    """By output (the second of two classes, every one of more), from low to high probabilities."""
    probabilities = model.probabilities(output)
    if probabilities is None:
        return None
    first = probabilities.shape[1] - len(model.outputs)
    return {
        name: calibration(probabilities[:, k], sample.labels == k, sample.weights)
        for k, name in enumerate(model.outputs, first)
    }


def _confusion(model: Model, sample: Sample, output: np.ndarray, cut: float) -> Confusion | None:
    classes = model.encoding.target.classes
    if classes is None:
        return None
    counts = np.zeros((len(classes), len(classes)))
    weights = 1.0 if sample.weights is None else sample.weights
    np.add.at(counts, (sample.labels, class_codes(output, cut)), weights)
    counts = counts if sample.weights is not None else counts.astype(int)
    return Confusion(tuple(classes), tuple(map(tuple, counts.tolist())))


def _residuals(model: Model, sample: Sample, output: np.ndarray) -> dict | None:
    """Per target, or per quantile that is predicted, the quantiles by their share of the rows."""
    if sample.task == "classification":
        return None
    names = model.predicted_names
    expected = model.predicted(output)
    residuals = sample.y - (
        expected if sample.exposure is None else expected * sample.exposure[:, None]
    )
    if sample.weights is None:
        found = np.quantile(residuals, QUANTILES, axis=0)
    else:
        by_weight = {"weights": sample.weights, "method": "inverted_cdf"}
        columns = [np.quantile(column, QUANTILES, **by_weight) for column in residuals.T]
        found = np.column_stack(columns)
    return {
        name: dict(zip(map(str, QUANTILES), column.tolist()))
        for name, column in zip(names, found.T)
    }


def coverage(model: Model, sample: Sample, output: np.ndarray) -> dict[str, list[Coverage]] | None:
    """Per target, level by level, the part of the rows within their intervals, and the mean width;
    None for a model without intervals."""
    if not model.intervals:
        return None
    found: dict[str, list[Coverage]] = {name: [] for name in model.encoding.target.names}
    for level in known_levels(model.intervals):
        lower, upper = model.interval(sample.X, output, level)
        within = (lower <= sample.y) & (sample.y <= upper)
        parts = np.average(within, axis=0, weights=sample.weights)
        widths = np.average(upper - lower, axis=0, weights=sample.weights)
        for k, name in enumerate(found):
            found[name].append(Coverage(level, float(parts[k]), float(widths[k])))
    return found


def _quantiles(model: Model, sample: Sample, output: np.ndarray) -> Quantified | None:
    """Of every level the part of the rows at or below it and the pinball loss; of the outermost two
    levels, the next two and so on, the part of the rows between and the mean distance. A row that a
    network passes through is not below for the rounding of its last digits."""
    parts = [part for part in fitted_apart(model.loss) if isinstance(part, Quantile)]
    if not parts:
        return None
    y, expected = sample.y, model.predicted(output)
    weights = np.ones(len(y)) if sample.weights is None else sample.weights
    weights = weights / weights.sum()
    off = WIDTH * float(weights @ np.abs(y[:, 0] - weights @ y[:, 0]))
    below, above = y <= expected + off, y >= expected - off
    levels = tuple(
        Below(part.level, float(weights @ below[:, k]), part.value(y, expected[:, [k]], weights))
        for k, part in enumerate(parts)
    )
    between = tuple(
        {
            "from": parts[k].level,
            "to": parts[-1 - k].level,
            "expected": parts[-1 - k].level - parts[k].level,
            "coverage": float(weights @ (above[:, k] & below[:, -1 - k])),
            "width": float(weights @ (expected[:, -1 - k] - expected[:, k])),
        }
        for k in range(len(parts) // 2)
    )
    return Quantified(levels, between)
