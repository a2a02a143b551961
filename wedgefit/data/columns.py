"""How one column of a table becomes columns of the design: what is stored of it, and applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike

from wedgefit.data.kinds import as_texts, numbers_of
from wedgefit.data.table import Table
from wedgefit.records import Complaint, above

MISSING, RARE = "(missing)", "(rare)"
UNLIMITED: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True)
class Feature:
    """One column of the design: (raw − center) / scale, where raw is the value, or 0/1 for
    "missing", "level" and "end"."""

    name: str
    source: Annotated[str, "The column of the table that it comes from."]
    kind: Literal["number", "missing", "level", "end"]
    level: Annotated[str | None, 'The level, or "(missing)", for which a column of text gives 1.']
    center: float
    scale: Annotated[float, above(0)]
    at: Annotated[
        float | None, "The smallest or largest number of a column, for which an end gives 1."
    ] = None

    def complaints(self) -> Iterator[Complaint]:
        """What the fields promise each other."""
        if (self.kind == "end") != (self.at is not None):
            words = "a number" if self.kind == "end" else "null but for an end"
            yield Complaint("at", words)

    def raw(self, number: float) -> float:
        """The value that the design has this number for: of those that rounding does not tell
        apart the one with the fewest digits, so that 0.05 comes back as 0.05."""
        value = float(number * self.scale + self.center)
        shorter = (float(f"{value:.{digits}g}") for digits in range(1, 17))
        same = (short for short in shorter if (short - self.center) / self.scale == number)
        return next(same, value)


@dataclass(frozen=True)
class InputColumn:
    """One column of the table: the median that fills gaps, and the limits beyond which a number
    counts as the end of those that training saw (numeric); or its levels and those grouped as
    rare."""

    name: str
    kind: Literal["numeric", "category"]
    fill: Annotated[float | None, "The median; missing values count as it. null: a column of text."]
    limits: Annotated[
        tuple[float | None, float | None],
        "Numbers below the first and above the second count as the ends in ``seen`` (where that is "
        "null, as the limits themselves); null for no limit.",
    ]
    levels: tuple[str, ...]
    rare: Annotated[tuple[str, ...], 'Levels that count as "(rare)".']
    seen: Annotated[
        tuple[float, float] | None,
        "The smallest and the largest number of training, within the limits; null where it is not "
        "known, and in a column of text.",
    ] = None

    def complaints(self) -> Iterator[Complaint]:
        """What the fields promise each other."""
        low, high = self.limits
        low_end, high_end = self.ends
        numeric = self.kind == "numeric"
        if numeric != (self.fill is not None):
            yield Complaint("fill", "a number" if numeric else "null in a column of text")
        elif low is not None and high is not None and not low <= high:
            yield Complaint("limits", "a lowest and a highest value")
        elif numeric and not self.limited(np.array(self.fill)) == self.fill:
            yield Complaint("fill", "within the limits")
        if self.seen is not None and not (numeric and self.seen[0] <= self.seen[1]):
            yield Complaint("seen", "the smallest and the largest number, null in a column of text")
        elif (low_end and low_end[0] > low_end[1]) or (high_end and high_end[0] < high_end[1]):
            yield Complaint("seen", "within the limits")
        if not numeric and self.limits != UNLIMITED:
            yield Complaint("limits", "[null, null] in a column of text")
        if numeric and self.levels + self.rare:
            yield Complaint("levels", "[] in a column of numbers")
        if len({*self.levels, *self.rare}) < len(self.levels + self.rare):
            yield Complaint("levels", "distinct, and none of them rare")

    @property
    def ends(self) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
        """Below and above which number all count as which: (limit, end) per side, None for no
        limit."""
        pairs = zip(self.limits, self.limits if self.seen is None else self.seen)
        low, high = (None if limit is None or end is None else (limit, end) for limit, end in pairs)
        return low, high

    def limited(self, numbers: ArrayLike) -> np.ndarray:
        """The numbers, those beyond the limits as the ends that they count as; NaN stays."""
        given = np.asarray(numbers, dtype=float)
        low, high = self.ends
        held = given if low is None else np.where(given < low[0], low[1], given)
        return held if high is None else np.where(given > high[0], high[1], held)

    @property
    def groups(self) -> dict[str, str]:
        """For each level that training saw, the level it is encoded as."""
        return {level: level for level in self.levels} | {level: RARE for level in self.rare}

    @property
    def other(self) -> str | None:
        """The level of texts that training did not see; None where they are 0 in all features."""
        return RARE if self.rare else None

    @property
    def cells(self) -> dict[str | None, str]:
        """For each text that training saw, None for a missing one, the level it is encoded as:
        ``groups`` by what a file holds."""
        groups = self.groups
        reserved = {
            cell: groups[level_of(cell)]
            for cell in (None, MISSING, RARE)
            if level_of(cell) in groups
        }
        return {level: group for level, group in groups.items() if level != MISSING} | reserved


def level_of(cell: str | None) -> str:
    """The level of a cell; cells that spell a reserved level are set apart by quotes."""
    if cell is None:
        return MISSING
    return f'"{cell}"' if cell in (MISSING, RARE) else cell


def with_unique_names(features: Sequence[Feature], columns: Sequence[str]) -> tuple[Feature, ...]:
    """The features, renamed where a generated name is taken: "sex = male" and "sex = male (2)"."""
    taken, unique = set(columns), []
    for feature in features:
        name, count = feature.name, 1
        while feature.kind != "number" and name in taken:
            count += 1
            name = f"{feature.name} ({count})"
        taken.add(name)
        unique.append(replace(feature, name=name))
    return tuple(unique)


def may_come_from(feature: Feature, column: InputColumn) -> bool:
    """Whether a column of this kind, and with these levels, gives such a feature."""
    if column.kind == "numeric":
        return feature.level is None and feature.kind != "level"
    kind = "missing" if feature.level == MISSING else "level"
    return feature.kind == kind and feature.level in column.groups.values()


# From cells to values -----------------------------------------------------------------------------


def values_of(column: InputColumn, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """The values of an input column, and where they are missing.

    Numbers with gaps filled, or texts: the level that each cell is encoded as.
    """
    if column.kind == "numeric":
        numbers = _own_numbers(column, table)
        missing = np.isnan(numbers)
        return np.where(missing, np.float64(column.fill or 0.0), column.limited(numbers)), missing
    groups = column.groups
    levels = np.array(
        [groups.get(level, column.other) for level in levels_of(column, table)], dtype=object
    )
    return levels, levels == MISSING


def levels_of(column: InputColumn, table: Table) -> list[str]:
    return [level_of(cell) for cell in as_texts(table.columns[column.name], column.groups)]


def beyond_limits(column: InputColumn, table: Table) -> str:
    """``the value of 2 rows (3, 8) counts as 4.2``; "" if no value is beyond the limits."""
    numbers = _own_numbers(column, table)
    low, high = column.ends
    held = []
    if low is not None:
        held.append((numbers < low[0], low[1]))
    if high is not None:
        held.append((numbers > high[0], high[1]))
    return "; ".join(
        f"the value of {table.some_rows(rows)} counts as {end:.10g}"
        for rows, end in held
        if rows.any()
    )


def count_beyond(column: InputColumn, table: Table) -> int:
    """How many numbers of a column are beyond its limits."""
    numbers = _own_numbers(column, table)
    # Gaps are beyond nothing.
    return int((column.limited(numbers) != numbers)[~np.isnan(numbers)].sum())


def outside_range(column: InputColumn, table: Table) -> str:
    """``2 rows (3, 8) lie outside 70 to 82, all that training saw``; "" if there is none.

    A value beyond the limits counts as an end, which is none of these.
    """
    if column.kind != "numeric" or column.seen is None:
        return ""
    numbers = column.limited(_own_numbers(column, table))
    low, high = column.seen
    outside = (numbers < low) | (numbers > high)
    if not outside.any():
        return ""
    verb = "lies" if outside.sum() == 1 else "lie"
    ends = f"{low:.10g} to {high:.10g}"
    return f"{table.some_rows(outside)} {verb} outside {ends}, all that training saw"


def _own_numbers(column: InputColumn, table: Table) -> np.ndarray:
    remedy = "The model was trained on numbers in this column: correct the cell."
    return numbers_of(table.columns[column.name], table, remedy)


def raw_values(feature: Feature, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if feature.kind == "number":
        return values
    if feature.kind == "end":
        return values == feature.at
    return missing if feature.kind == "missing" else values == feature.level
