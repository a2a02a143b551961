"""What the rows of training teach about a column: its gaps, ends, scale, levels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np

from wedgefit.data.cells import Column
from wedgefit.data.columns import MISSING, RARE, UNLIMITED, Feature, InputColumn, level_of
from wedgefit.data.kinds import LARGEST, SMALLEST, SMALLEST_STANDARDISED, check_range, check_spread
from wedgefit.data.table import Table

# Numbers more than FAR_OUT times as far from the median as all others are far out. Among those to
# learn from these are at most MOST_FAR_OUT of the rows, and only where the CORE of the rows that is
# nearest to the median is not all one value.
FAR_OUT, MOST_FAR_OUT, CORE = 10.0, 0.05, 0.5
# The whiskers of a boxplot end so many times the distance of the quartiles away from them.
WHISKER = 1.5
# An end is told apart where so many rows share it, and so many times as many as any other number.
SHARED, STANDS_OUT = 0.1, 3.0
# How numbers become features: with mean 0 and deviation 1, where what is far out is held back, or
# tails are, and ends told apart; or as they are, less their mean where that may be taken out.
STANDARD, ROBUST, SHIFT, NONE = "standard", "robust", "shift", "none"
STANDARDISED = (STANDARD, ROBUST)
# A column whose mean is so many times its range would lose as much of its digits in w·x + b.
FAR_FROM_ZERO = 1e3
LIGHT = 0.05  # A level of a larger part of the weight is not rare, in however few distinct rows.
ALL_RARE = "all levels rare"  # Why a column of text has no feature.
ROUNDING = 1e-9  # Parts of the weight that differ by less are equal.


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows to learn from and how they count: a weight of 2 is a row that stands there twice.

    So nothing counts rows as such. What depends on how many there are asks for distinct rows, in
    the columns ``names``, and for parts of the weight, (n,) adding up to one.
    """

    table: Table
    names: tuple[str, ...]
    weights: np.ndarray | None

    @cached_property
    def parts(self) -> np.ndarray:
        weights = np.ones(self.table.rows) if self.weights is None else self.weights
        return weights / weights.sum()

    @cached_property
    def first(self) -> np.ndarray:
        """Which rows are the first of their kind, (n,)."""
        kinds = np.zeros(self.table.rows, dtype=np.int64)
        for name in self.names:
            values = self.table.column(name).values
            if values.dtype == object:
                values = codes_of(values, set(values))
            cells = np.unique(values, return_inverse=True)[1]
            kinds = np.unique(kinds * (cells.max() + 1) + cells, return_inverse=True)[1]
        first = np.zeros(self.table.rows, dtype=bool)
        first[np.unique(kinds, return_index=True)[1]] = True
        return first


def fit_column(column: Column, rows: Rows, scaling: str) -> tuple[InputColumn, list[Feature], str]:
    """What to store of a column, its features, and if there are none the reason."""
    missing = column.missing
    if missing.all():
        return InputColumn(column.name, column.kind, None, UNLIMITED, (), ()), [], "all missing"
    fit = _fit_numeric if column.kind == "numeric" else _fit_category
    stored, features = fit(column, rows, scaling)
    return stored, features, "constant" if stored.levels or not stored.rare else ALL_RARE


# Numbers ------------------------------------------------------------------------------------------


def _fit_numeric(column: Column, rows: Rows, scaling: str) -> tuple[InputColumn, list[Feature]]:
    weights = rows.weights
    missing = column.missing
    # With zero added −0 is 0, which is what it is called wherever it is an end.
    present, counts = column.values[~missing] + 0.0, None if weights is None else weights[~missing]
    # Of halves, which cannot overflow and have the same bits.
    median = 2.0 * _median(0.5 * present, counts)
    limits, end = UNLIMITED, None
    if scaling in STANDARDISED:
        limits = _limits(present, median, counts)
    if scaling == ROBUST:
        end = _end(present, counts)
        limits = _whiskers(present, counts, end) or limits
    within = present[_within(present, limits)]
    seen = float(within.min()), float(within.max())
    stored = InputColumn(column.name, "numeric", median, limits, (), (), seen)
    values = stored.limited(np.where(missing, median, column.values))
    features = []
    if values.min() < values.max():
        smallest = SMALLEST_STANDARDISED if scaling in STANDARDISED else SMALLEST
        check_spread(values, smallest, rows.table, column.name)
        center, scale = _center_scale(values, weights)
        if scaling not in STANDARDISED:
            far = abs(center) > FAR_FROM_ZERO * np.ptp(values)
            center, scale = center if far and scaling == SHIFT else 0.0, 1.0
        features.append(Feature(column.name, column.name, "number", None, center, scale))
        if end is not None:
            name = f"{column.name} = {end:.10g}"
            # In the unit of its own deviation, as the number is: what tells "none" from "little"
            # should cost no more than what tells much from little.
            features.append(
                Feature(name, column.name, "end", None, *_center_scale(values == end, weights), end)
            )
    if scaling not in STANDARDISED:
        check_range(np.nan_to_num(column.values), column.values, LARGEST, rows.table, column.name)
    if missing.any():
        features.append(
            Feature(f"{column.name} is missing", column.name, "missing", None, 0.0, 1.0)
        )
    return stored, features


def _limits(
    values: np.ndarray, median: float, weights: np.ndarray | None
) -> tuple[float | None, float | None]:
    """How far numbers may lie before they are far out, beyond all values that are not; None on a
    side where no float64 is, or where the values are all the same. See ``wedgefit.data.encoding``.
    """
    near = float(np.max(_near(0.5 * values, 0.5 * median, weights)))
    if near == 0:
        return UNLIMITED
    return _doubled(0.5 * median - FAR_OUT * near, 0.5 * median + FAR_OUT * near)


def _end(values: np.ndarray, weights: np.ndarray | None) -> float | None:
    """The smallest or the largest of the values, where it is one that many rows share, and others
    vary: none of an amount, or all that a scale can show."""
    distinct, which = np.unique(values, return_inverse=True)
    if len(distinct) < 3:
        return None
    parts = np.bincount(which, weights)
    parts = parts / parts.sum() + ROUNDING
    place = 0 if parts[0] >= parts[-1] else len(parts) - 1
    least = max(SHARED, STANDS_OUT * float(np.delete(parts, place).max()) - ROUNDING)
    return float(distinct[place]) if parts[place] >= least else None


def _whiskers(
    values: np.ndarray, weights: np.ndarray | None, end: float | None
) -> tuple[float | None, float | None] | None:
    """Where the whiskers of a boxplot end at the latest, the numbers beyond being its tails; None
    where the quartiles are one value, so that the others are no tails. An end that is told apart is
    no part of the boxplot, and within."""
    others = slice(None) if end is None else values != end
    some, counts = values[others], None if weights is None else weights[others]
    low, high = (_quantile(0.5 * some, counts, part) for part in (0.25, 0.75))
    reach = WHISKER * (high - low)
    if reach == 0:
        return None
    low, high = low - reach, high + reach
    return _doubled(*(low, high) if end is None else (min(low, 0.5 * end), max(high, 0.5 * end)))


def _doubled(low: float, high: float) -> tuple[float | None, float | None]:
    """Limits of values, given those of their halves, so that only what leaves float64 itself is
    infinite: None."""
    with np.errstate(over="ignore"):
        limits = 2.0 * np.array([low, high])
    least, most = (float(limit) if np.isfinite(limit) else None for limit in limits)
    return least, most


def _within(values: np.ndarray, limits: tuple[float | None, float | None]) -> np.ndarray:
    """Which values (n,) are not beyond the limits."""
    low, high = limits
    least, most = -math.inf if low is None else low, math.inf if high is None else high
    return (values >= least) & (values <= most)


def _near(values: np.ndarray, median: float, weights: np.ndarray | None) -> np.ndarray:
    """The distances from the median of the values (n,) that are not far out."""
    distances = np.abs(values - median)
    order = np.argsort(distances, kind="stable")
    sizes = distances[order]
    parts = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    parts = parts / parts[-1] + ROUNDING
    if sizes[np.searchsorted(parts, CORE)] == 0:
        return sizes
    with np.errstate(over="ignore"):
        reach = FAR_OUT * sizes[:-1]
        # Compared as later numbers are, so that no rounding sets the two apart.
        next_, low, high = values[order[1:]], median - reach, median + reach
    gaps = np.flatnonzero(((next_ < low) | (next_ > high)) & (parts[:-1] >= 1 - MOST_FAR_OUT))
    return sizes[: gaps[0] + 1] if len(gaps) else sizes


def _median(values: np.ndarray, weights: np.ndarray | None) -> float:
    """The median; with weights that of each value repeated so many times: halfway between the lower
    and the upper one."""
    if weights is None:
        return float(np.median(values))
    return _quantile(values, weights, 0.5)


def _quantile(values: np.ndarray, weights: np.ndarray | None, part: float) -> float:
    """The number that this part of the values is below, weights counting as repetitions: halfway
    between the lower and the upper one, where there are two."""
    weights = np.ones(len(values)) if weights is None else weights
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    reached = reached / reached[-1]
    # Parts that are equal but for rounding are equal: 0.1 + 0.2 is half of 0.6.
    lower, upper = (np.searchsorted(reached, part + slack) for slack in (-ROUNDING, ROUNDING))
    return float(0.5 * (values[order[lower]] + values[order[upper]]))


def _unit(values: np.ndarray) -> float:
    """The largest power of two up to the largest absolute value (1/2 if all are zero)."""
    return math.ldexp(0.5, int(np.frexp(np.nanmax(np.abs(values)))[1]))


def _center_scale(values: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """Mean and standard deviation of a column (n, not constant)."""
    # In a unit near the largest value, a power of two: 1e300 cannot overflow, and the results have
    # the same bits as without it.
    unit = _unit(values)
    scaled = (values / unit)[:, None]
    # Measured from the first value: a spread that is tiny beside the mean would be lost in the
    # squares.
    first = scaled[0, 0]
    mean, scale = _mean_and_deviation((scaled - first)[:, 0], weights)
    return float(first + mean) * unit, scale * unit or 1.0


def _mean_and_deviation(values: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """What scikit-learn's StandardScaler finds of a column, to the bit; its checks of what it is
    given would take most of the time in which a small fit encodes its folds."""
    parts = np.ones(len(values)) if weights is None else weights
    count = float(len(values)) if weights is None else float(weights.sum())
    total = np.sum if weights is None else parts.__matmul__
    mean = float(total(values)) / count
    away = values - mean
    # Sums of squares about a rounded mean, less what that rounding added.
    variance = (float(total(away**2)) - float(total(away)) ** 2 / count) / count
    eps = float(np.finfo(float).eps)
    constant = variance <= count * eps * variance + (count * mean * eps) ** 2
    return mean, 1.0 if constant else math.sqrt(variance)


# Texts --------------------------------------------------------------------------------------------


def _fit_category(column: Column, rows: Rows, scaling: str) -> tuple[InputColumn, list[Feature]]:
    cells = [level_of(cell) for cell in column.values]
    every = sorted(set(cells))
    codes = codes_of(cells, every)
    parts = np.bincount(codes, rows.parts)
    distinct = np.bincount(codes[rows.first], minlength=len(every))
    count = int(rows.first.sum())
    rare = distinct < max(2, min(10, count // 20))
    rare &= parts <= max(LIGHT, 1 / count) + ROUNDING
    common, scarce = (tuple(compress(every, of)) for of in (~rare, rare))
    stored = InputColumn(column.name, "category", None, UNLIMITED, common, scarce)
    part_of = dict(zip(stored.levels, parts[~rare]))
    if stored.rare:
        part_of[RARE] = parts[rare].sum()
    return stored, [_level_feature(column.name, level) for level in _shown_levels(part_of)]


def codes_of(cells: Iterable, kinds: Iterable) -> np.ndarray:
    """For each cell the position of its kind."""
    code_of = {kind: code for code, kind in enumerate(kinds)}
    return np.array([code_of[cell] for cell in cells])


def _shown_levels(part_of: dict[str, float]) -> list[str]:
    """The levels that get a feature: all, but only the less frequent one of two, and not the only
    one."""
    if len(part_of) > 2:
        return list(part_of)
    return sorted(sorted(part_of), key=lambda level: -round(part_of[level] / ROUNDING))[1:]


def _level_feature(column: str, level: str) -> Feature:
    return Feature(
        f"{column} = {level}", column, "missing" if level == MISSING else "level", level, 0.0, 1.0
    )
