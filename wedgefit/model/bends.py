"""How few bends would do: a model of one column beside the best broken lines of few bends."""

from dataclasses import dataclass

import numpy as np

from wedgefit.data.table import Table
from wedgefit.engine.broken_line import BrokenLine, broken_lines, cost_of_bends
from wedgefit.errors import UsageError
from wedgefit.model.origin import rows_trained_on, sample_trained_on
from wedgefit.model.parts import RowId
from wedgefit.model.record import Model

# Every value may bend the line: the effort grows with the square of their number.
MOST_VALUES = 5_000
MOST_BENDS = 50


@dataclass(frozen=True)
class Line:
    """The best line found of at most so many ``bends``, at values ``at`` that ``rows`` have, with
    its ``heights`` at the smallest value, the bends, and the largest.

    ``loss`` is half the mean squared error. No line of so many bends at values of rows is below
    ``lower_bound``, none at all below ``lower_bound_anywhere``, wherever it bends. ``proven``: it
    is the best of those that bend at values of rows.
    """

    bends: int
    at: tuple[float, ...]
    rows: tuple[RowId, ...]
    heights: tuple[float, ...]
    loss: float
    r2: float | None
    lower_bound: float
    lower_bound_anywhere: float
    proven: bool


@dataclass(frozen=True)
class Bends:
    """The model's own line over the rows between ``ends``: its ``bends`` and ``loss``, and the
    least loss with these bends and no penalty; beside it the best ``lines`` of fewer.

    ``enough``: the fewest bends, of those looked at, whose line is as good as the model; None where
    none is. ``fewer_do_not``: that no line of fewer is, is proven.
    """

    column: str
    ends: tuple[float, float]
    bends: int
    loss: float
    unpenalised: float
    lines: tuple[Line, ...]
    enough: int | None
    fewer_do_not: bool


def check(model: Model, most: int) -> None:
    """Raises UsageError for models that are no line of one column."""
    features = model.encoding.features
    for holds, what in (
        (len(features) != 1 or features[0].kind != "number", "one column of numbers"),
        (model.depth > 1, "one hidden layer"),
        (bool(model.problem.shapes), "no shape"),
        # Without biases they all bend at the origin, where no row need be.
        (not model.problem.hidden_bias, "neurons with biases"),
        (model.problem.loss != "squared" or model.data.task != "regression", "the squared loss"),
        (len(model.outputs) > 1, "one target"),
    ):
        if holds:
            raise UsageError(f"--bends is for models of {what}.", remedy="Leave it out.")
    if not 0 <= most <= MOST_BENDS:
        raise UsageError(f"--bends {most}: lines of 0 to {MOST_BENDS} bends are looked for.")


def bends(model: Model, table: Table, most: int) -> Bends:
    """The best lines of 0, …, ``most`` bends on the rows that the model was trained on.

    Raises UsageError where these hold too many values.
    """
    check(model, most)
    rows = rows_trained_on(model, table)
    sample = sample_trained_on(model, rows)
    (column,) = model.encoding.inputs
    given = rows.columns[column.name].values
    x = column.limited(np.where(np.isnan(given), column.fill, given))
    values, first = np.unique(x, return_index=True)
    if len(values) > MOST_VALUES:
        raise UsageError(
            f"{column.name} has {len(values):,} different values here; the best broken lines are "
            f"found for up to {MOST_VALUES:,}.",
            remedy="Leave --bends out, or round the column.",
        )
    y = sample.y[:, 0]
    weights = np.ones(len(y)) if sample.weights is None else sample.weights
    weights = weights / weights.sum()
    row_at = {value: rows.row_ids[i] for value, i in zip(values, first)}
    variance = float(weights @ (y - weights @ y) ** 2)
    lines = broken_lines(x, y, weights, most)
    found = tuple(_line(k, line, row_at, variance) for k, line in enumerate(lines))
    own = float(weights @ (y - model.network.forward(sample.X)[:, 0]) ** 2) / 2
    at = _own_bends(model, rows, x)
    enough = next((line.bends for line in found if line.loss <= own), None)
    below = found[: len(found) if enough is None else enough]
    return Bends(
        column.name,
        (float(values[0]), float(values[-1])),
        len(at),
        own,
        cost_of_bends(x, y, weights, at),
        found,
        enough,
        all(line.lower_bound > own for line in below),
    )


def _own_bends(model: Model, rows: Table, x: np.ndarray) -> list[float]:
    """Where the model's line bends between the ends of the rows."""
    row_of = {row: place for place, row in enumerate(rows.row_ids)}
    at = {float(x[row_of[row]]) for row in model.anchors}
    return sorted(at - {float(x.min()), float(x.max())})


def _line(bends: int, line: BrokenLine, row_at: dict[float, RowId], variance: float) -> Line:
    return Line(
        bends,
        tuple(map(float, line.bends)),
        tuple(row_at[value] for value in line.bends),
        tuple(map(float, line.heights)),
        line.loss,
        1 - 2 * line.loss / variance if variance > 0 else None,
        line.lower_bound,
        line.anywhere,
        line.proven,
    )
