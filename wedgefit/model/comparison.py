"""Two models on the same rows: row by row, by how much the loss differs, and whether by more than
chance would make of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wedgefit.data.roles import weighed_rows
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.data.words import listed
from wedgefit.engine.losses import Quantile, fitted_apart
from wedgefit.engine.losses.base import TINY
from wedgefit.errors import UsageError
from wedgefit.learning.scores import score_values
from wedgefit.model.evaluation import looks_learnt, sample_of
from wedgefit.model.record import Model

# A mean difference of so many standard errors is not put down to chance: of equally good models one
# pair in twenty looks so different.
ERRORS = 2.0
NAMES = ("A", "B")
MEDIAN = 0.5


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows with their targets, and the ``scores`` that one model gives them."""

    model: Model
    sample: Sample
    scores: np.ndarray


@dataclass(frozen=True)
class RowLoss:
    """The loss of every row: its ``name`` in options and records, its ``title``, its task, and its
    ``values`` (n,), None where a model has none."""

    name: str
    title: str
    task: str
    values: Callable[[Rows], np.ndarray | None]


def _left(rows: Rows) -> np.ndarray:
    """Observed minus predicted, (n, K)."""
    predicted = np.array(
        rows.model.decided(rows.scores, exposure=rows.sample.exposure), dtype=float
    )
    return rows.sample.y - predicted.reshape(len(predicted), -1)


def _own(rows: Rows) -> np.ndarray:
    """The loss that the model was trained with, of every row for as long as it was counted."""
    sample, loss = rows.sample, rows.model.loss
    shares = np.ones(len(sample.y)) if sample.exposure is None else sample.exposure
    rates = sample.y / shares[:, None]
    parts = zip(rates[:, None], rows.scores[:, None], shares[:, None])
    return np.array([loss.value(*part) for part in parts])


def _log_loss(rows: Rows) -> np.ndarray | None:
    probabilities = rows.model.probabilities(rows.scores)
    if probabilities is None:
        return None
    true = np.take_along_axis(probabilities, rows.sample.labels[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(true, TINY))


def _error(rows: Rows) -> np.ndarray:
    return (rows.model.codes(rows.scores) != rows.sample.labels).astype(float)


LOSSES = {
    loss.name: loss
    for loss in (
        RowLoss("squared", "squared error", "regression", lambda r: (_left(r) ** 2).mean(axis=1)),
        RowLoss("own", "the loss of both", "regression", _own),
        RowLoss("absolute", "absolute error", "regression", lambda r: abs(_left(r)).mean(axis=1)),
        RowLoss("log_loss", "log loss", "classification", _log_loss),
        RowLoss("error", "wrong class", "classification", _error),
    )
}


@dataclass(frozen=True, eq=False)
class Contest:
    """Models A and B, the files they come from, and the same rows as each of them reads them."""

    models: tuple[Model, Model]
    sources: tuple[str, str]
    tables: tuple[Table, Table]


def compare(contest: Contest, weight: str | None = None, loss: str | None = None) -> dict:
    """The record behind ``wedgefit compare``: the losses of A and B on the same rows, and the mean
    of loss A − loss B with its standard error.

    ``loss`` is one of ``LOSSES``; None: of numbers the loss that both were trained with, or the
    squared error; of classes the log loss, or how many are wrong where a model has no
    probabilities. ``better`` is the model whose loss is smaller by
    more than ``ERRORS`` standard errors, None where chance may have made the difference. A row
    counts as often as its cell in the column ``weight`` says. Raises UsageError for models that
    cannot be compared so.
    """
    _refuse_other_targets(*contest.models)
    if loss is None:
        _refuse_other_quantiles(*contest.models)
    rows = [_rows(*each, weight) for each in zip(contest.models, contest.tables)]
    chosen, losses = _losses(rows, loss)
    weights = rows[0].sample.weights
    weights = np.ones(len(losses[0])) if weights is None else weights
    mean, se = mean_and_error(losses[0] - losses[1], weights)
    better = None
    if se is not None and abs(mean) > ERRORS * se:
        better = NAMES[int(mean > 0)]
    first = contest.tables[0]
    return {
        "schema": "wedgefit.comparison/1",
        "data": {"source": first.source, "rows": len(losses[0]), "weight": weight},
        "loss": {"name": chosen.name, "title": chosen.title},
        "models": [
            _described(*each, weights) for each in zip(NAMES, contest.sources, rows, losses)
        ],
        "difference": {"mean": mean, "se": se},
        "better": better,
        "rows": {
            "id": [*first.row_ids] if weight is None else [*weighed_rows(first, weight)[0].row_ids],
            **{name: part.tolist() for name, part in zip(NAMES, losses)},
        },
        "notes": _notes(contest),
    }


def mean_and_error(values: np.ndarray, weights: np.ndarray) -> tuple[float, float | None]:
    """The weighted mean of values (n,), and its standard error; None of a single row."""
    part, n = weights / weights.sum(), len(values)
    mean = float(part @ values)
    if n < 2:
        return mean, None
    spread = np.sum((part * (values - mean)) ** 2)
    return mean, float(np.sqrt(spread * n / (n - 1)))


def _rows(model: Model, table: Table, weight: str | None) -> Rows:
    rows = table if weight is None else weighed_rows(table, weight)[0]
    sample = sample_of(model, rows, weight)
    return Rows(model, sample, model.predictor.forward(sample.X))


def _refuse_other_targets(a: Model, b: Model) -> None:
    """Raises UsageError where the models do not predict the same."""
    first, second = a.encoding.target, b.encoding.target
    for what, one, other in (
        ("targets", first.names, second.names),
        ("tasks", (first.task,), (second.task,)),
        ("classes", first.classes or (), second.classes or ()),
    ):
        if one != other:
            left, right = (", ".join(map(str, each)) for each in (one, other))
            raise UsageError(
                f"the models have different {what}: {left} and {right}.",
                remedy="Compare models that were trained to predict the same.",
            )


def _refuse_other_quantiles(a: Model, b: Model) -> None:
    """Raises UsageError where the models predict other quantiles, or one a quantile and one a mean:
    no loss is fair to both. Median and mean are both a middle."""
    levels = [_levels(a), _levels(b)]
    if levels[0] == levels[1] or all(each in ((), (MEDIAN,)) for each in levels):
        return
    one, other = (
        f"the quantile{'s' * (len(each) > 1)} {listed([f'{level:g}' for level in each])}"
        if each
        else "means"
        for each in levels
    )
    raise UsageError(
        f"the models predict different things: {one}, and {other}.",
        remedy="Compare models of the same, or say by what: --loss absolute, --loss squared.",
    )


def _levels(model: Model) -> tuple[float, ...]:
    """The quantiles that a model predicts, none where it predicts means or classes."""
    return tuple(loss.level for loss in fitted_apart(model.loss) if isinstance(loss, Quantile))


def _losses(rows: list[Rows], name: str | None) -> tuple[RowLoss, list[np.ndarray]]:
    """The loss to compare by, and its values for every model."""
    task = rows[0].sample.task
    known = [loss for loss in LOSSES.values() if loss.task == task]
    # With its own number: quantiles of two levels are two losses.
    trained = {each.model.loss for each in rows}
    further = {loss.name for loss in trained} != {"squared"}
    if name is None and len(trained) == 1 and task == "regression" and further:
        # What both were trained for is what they are to be judged by.
        name = "own"
    if name is not None:
        known = [loss for loss in known if loss.name == name]
    if len(trained) > 1:
        known = [loss for loss in known if loss.name != "own"]
    for loss in known:
        values = [loss.values(each) for each in rows]
        if not any(each is None for each in values):
            return loss, values
    usable = " or ".join(loss.name for loss in LOSSES.values() if loss.task == task)
    raise UsageError(
        f"--loss {name} is not for these models.", remedy=f"Leave it out, or try {usable}."
    )


def _described(name: str, source: str, rows: Rows, losses: np.ndarray, weights: np.ndarray) -> dict:
    model = rows.model
    return {
        "name": name,
        "source": source,
        "neurons": len(model.neurons),
        "samples": len(model.samples),
        "columns": len(_columns_read(model)),
        "score": score_values(rows.sample, rows.scores, model.loss, model.cut),
        "loss": float(weights @ losses / weights.sum()),
    }


def _columns_read(model: Model) -> set[str]:
    """The columns of the file that neurons read, by name."""
    sources = {feature.name: feature.source for feature in model.encoding.features}
    return {sources[name] for neuron in model.layer(1) for name in neuron.columns}


def _notes(contest: Contest) -> list[str]:
    """What makes a comparison unfair."""
    notes = []
    for name, model, table in zip(NAMES, contest.models, contest.tables):
        if looks_learnt(model, table):
            notes.append(
                f"{name} was trained on a file of this name and length: rows that a model learnt "
                "from favour the larger model"
            )
    remarks = (m.encoding.remarks(t) for m, t in zip(contest.models, contest.tables))
    tables = (table.notes for table in contest.tables)
    return list(dict.fromkeys([*notes, *(note for some in (*tables, *remarks) for note in some)]))
