"""What training saw of each column: the numbers and levels that its rows hold, and how often.

An effect of a column is measured against its average over these (theory, section 6), so that a
model explains itself without its data.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from wedgefit.data.columns import RARE, InputColumn
from wedgefit.data.encoding import Encoding
from wedgefit.data.table import Column, Table
from wedgefit.records import Complaint, at_least

# More distinct numbers than this are gathered in as many groups of equal weight, each by its mean:
# averages of what is linear within a group stay exact.
MOST_VALUES = 256
ROUNDING = 1e-6  # Of parts that add up to 1.


@dataclass(frozen=True)
class Distribution:
    """How the training rows lie along one column: its numbers or levels, with their parts of the
    rows."""

    column: str
    values: Annotated[
        tuple[float, ...],
        "Of a column of numbers: its distinct values in rising order, or the means of up to "
        "256 groups of them, far-out ones as they count.",
    ]
    levels: Annotated[tuple[str, ...], "Of a column of text: its levels."]
    parts: Annotated[
        tuple[Annotated[float, at_least(0)], ...],
        "The part of the rows that has each value or level; with ``missing`` they add up to 1.",
    ]
    missing: Annotated[float, at_least(0), "The part of the rows without a number."]

    def complaints(self) -> Iterator[Complaint]:
        """Parts of a whole, one for each value; numbers in rising order."""
        if len(self.parts) != len(self.values) + len(self.levels):
            yield Complaint("parts", "one for each value or level")
        elif abs(sum(self.parts) + self.missing - 1) > ROUNDING:
            yield Complaint("parts", "adding up to 1 with missing")
        if self.levels and self.values:
            yield Complaint("values", "[] in a column of text")
        elif any(one >= other for one, other in zip(self.values, self.values[1:])):
            yield Complaint("values", "rising")


def distributions(
    encoding: Encoding, rows: Table, weights: np.ndarray | None
) -> tuple[Distribution, ...]:
    """The distributions of all input columns over the training rows, (n,) weights counting as
    repetitions."""
    weights = np.ones(rows.rows) if weights is None else weights
    parts = weights / weights.sum()
    return tuple(
        _distribution(column, rows.columns[column.name], parts) for column in encoding.inputs
    )


def _distribution(column: InputColumn, cells: Column, parts: np.ndarray) -> Distribution:
    if column.kind == "category":
        return _of_levels(column, cells.values, parts)
    there = ~cells.missing
    numbers = column.limited(cells.values[there].astype(float))
    values, found = np.unique(numbers, return_inverse=True)
    sums = np.bincount(found, weights=parts[there], minlength=len(values))
    values, sums = _gathered(values, sums)
    missing = float(parts[~there].sum())
    return Distribution(column.name, _plain(values), (), _plain(sums), missing)


def _of_levels(column: InputColumn, cells: Iterable, parts: np.ndarray) -> Distribution:
    levels = [*column.levels, *([RARE] if column.rare else [])]
    position = {level: k for k, level in enumerate(levels)}
    known = column.cells
    found = [position[known[cell]] for cell in cells]
    sums = np.bincount(found, weights=parts, minlength=len(levels))
    return Distribution(column.name, (), tuple(levels), _plain(sums), 0.0)


def _gathered(values: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most MOST_VALUES numbers for these, by groups of neighbours of equal weight."""
    if len(values) <= MOST_VALUES:
        return values, parts
    middle = (np.cumsum(parts) - 0.5 * parts) / parts.sum()
    group = np.minimum((middle * MOST_VALUES).astype(int), MOST_VALUES - 1)
    _, group = np.unique(group, return_inverse=True)  # Without those that a heavy value left empty.
    sums = np.bincount(group, weights=parts)
    # From the middle of the column: a sum of numbers near 1e300 would overflow.
    middle_value = values[len(values) // 2]
    means = np.bincount(group, weights=parts / sums[group] * (values - middle_value))
    # A mean lies within its group; rounding can take it out, and a single value from itself.
    ends = np.searchsorted(group, [np.arange(len(means)), np.arange(len(means)) + 1])
    return np.clip(means + middle_value, values[ends[0]], values[ends[1] - 1]), sums


def quantile(seen: Distribution, part: float) -> float:
    """The number below which this part of the rows with a number lies."""
    parts = np.cumsum(seen.parts)
    place = int(np.searchsorted(parts, part * parts[-1] * (1 - 1e-12)))
    return seen.values[min(place, len(seen.values) - 1)]


def _plain(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(numbers.tolist())
