"""What to look at twice before a model is believed: columns that only number the rows, and columns
that all but are the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wedgefit.data.columns import Feature, InputColumn
from wedgefit.data.table import Table
from wedgefit.data.words import shown

FEWEST_ROWS = 20  # In fewer rows a column may count them by chance.
LEAK = 0.99  # A column that alone explains more of the target than this may have been made of it.


def guards(
    inputs: Sequence[InputColumn],
    features: Sequence[Feature],
    table: Table,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
) -> Iterator[str]:
    """Notes about inputs that look like the number of the row, or like the target; a single input
    is what the user chose. X (n, d) is the design of these rows, y (n, K) their targets."""
    if len(inputs) < 2 or table.rows < FEWEST_ROWS:
        return
    for column in inputs:
        if column.kind == "numeric" and _counts(table.column(column.name).values):
            # The model keeps this, and whoever opens it in Python knows of no options.
            yield (
                f"column {shown(column.name)} counts the rows: if it only names them, drop it or "
                f"make it the id"
            )
    for column in inputs:
        own = [j for j, feature in enumerate(features) if feature.source == column.name]
        if 10 * len(own) <= table.rows and (part := _explained(X[:, own], y, weights)) > LEAK:
            yield (
                f"column {shown(column.name)} alone explains {_percent(part)} of the target: was "
                f"it known before, or does it give the answer away?"
            )


def _counts(values: np.ndarray) -> bool:
    """Whether the values (n,) are n consecutive whole numbers in any order, from 0 or 1 on."""
    if np.isnan(values).any():
        return False
    ordered = np.sort(values)
    return ordered[0] in (0.0, 1.0) and np.array_equal(ordered, ordered[0] + np.arange(len(values)))


def _explained(X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
    """The largest R² that a linear function of these features (n, f) has for one of the outputs."""
    root = np.ones(len(X)) if weights is None else np.sqrt(weights)
    design, outputs = (_centred(part, weights) * root[:, None] for part in (X, y))
    if X.shape[1] == 1:
        # Of one feature the square of a correlation, at a fraction of the cost.
        products, size = design[:, 0] @ outputs, design[:, 0] @ design[:, 0]
        left = outputs - design * products / (size or 1.0)
    else:
        left = outputs - design @ np.linalg.lstsq(design, outputs)[0]
    totals = np.square(outputs).sum(axis=0)
    parts = 1 - np.square(left).sum(axis=0) / np.where(totals > 0, totals, np.inf)
    return float(parts[totals > 0].max(initial=0.0))


def _centred(columns: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Columns (n, k) in units of their largest value, less their mean."""
    sizes = np.abs(columns).max(axis=0)
    columns = columns / np.where(sizes > 0, sizes, 1.0)
    return columns - np.average(columns, axis=0, weights=weights)


def _percent(part: float) -> str:
    """``99.7 %``, and never all of it unless it is."""
    return "all" if part > 1 - 1e-9 else f"{min(100 * part, 99.99):.4g} %"
