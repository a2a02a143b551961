"""A table becomes a design matrix, by an encoding that is plain data: the model file stores it,
numpy applies it.

The rules, learnt from the training table by ``fit_encoding`` and applied by ``Encoding.transform``:

- A numeric column gives one feature, (value − center) / scale, in which a missing value counts as
the median. If
  values were missing in training, a second feature, 0 or 1, says where: "age is missing".
- A number that is far out counts as the end of the others: in training, at most one row in 20 (so
never in fewer than 20
  rows) and more than ten times as far from the median as all the rest; later, whatever lies beyond
  this end. Columns without such rows have no ends, nor have those in which half of the rows or more
  hold one value.
- A text column gives one 0/1 feature per level, "town = Paris". Missing text is a level of its own,
"(missing)",
  when it occurs in training. Levels of fewer than max(2, min(10, n // 20)) of the n distinct rows share the level
  "(rare)", unless they have a larger part of the weight than a twentieth, or than one of these rows has on average.
- A text column of exactly two levels (after grouping) gives one feature only, for the less frequent
one (by weight; on a tie
  the later in sorted order), so that 0 means the most frequent level.
- A level that training did not see, and missing text when training had none, counts as "(rare)"
where there is such
  a group; otherwise it is 0 in all features of its column.
- Features that would be constant are left out; a column without features is listed in ``left_out``
with the reason.
- Only the ratios of weights count, and a weight of 2 is a row that stands there twice, in every
rule above.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import compress
from typing import Annotated, Literal

import numpy as np

from wedgefit.data.cells import Column
from wedgefit.data.reading import Reading, parse_number
from wedgefit.data.table import Table
from wedgefit.data.words import listed, shown, unknown_columns
from wedgefit.errors import ColumnError, FitError, UsageError
from wedgefit.records import DISTINCT, Complaint, above, items

MISSING, RARE = "(missing)", "(rare)"
UNLIMITED = (None, None)
TASKS = ("auto", "regression", "classification")
LARGEST = 1e100  # Sums of squares of larger values may leave the range of float64.
# Of a smaller spread squares are lost; a standardised column only needs its own digits.
SMALLEST, SMALLEST_STANDARDISED = 1e-100, 1e-290
# Values more than FAR_OUT times as far from the median as all others are far out: in at most
# MOST_FAR_OUT of the rows, and only where the CORE of the rows that is nearest to the median is not
# all one value.
FAR_OUT, MOST_FAR_OUT, CORE = 10.0, 0.05, 0.5
# A column whose mean is so many times its range would lose as much of its digits in w·x + b.
FAR_FROM_ZERO = 1e3
LIGHT = 0.05  # A level of a larger part of the weight is not rare, in however few distinct rows.
ROUNDING = 1e-9  # Parts of the weight that differ by less are equal.
MOST_CLASSES = 20  # More classes than this, and than a tenth of the rows, are a column of names.


@dataclass(frozen=True)
class Feature:
    """One column of the design: (raw − center) / scale, where raw is the value, or 0/1 for
    "missing" and "level"."""

    name: str
    source: Annotated[str, "The column of the table that it comes from."]
    kind: Literal["number", "missing", "level"]
    level: Annotated[str | None, 'The level, or "(missing)", for which a column of text gives 1.']
    center: float
    scale: Annotated[float, above(0)]


@dataclass(frozen=True)
class InputColumn:
    """One column of the table: the median that fills gaps and the limits (numeric), or its levels
    and those grouped as rare."""

    name: str
    kind: Literal["numeric", "category"]
    fill: Annotated[float | None, "The median; missing values count as it. null: a column of text."]
    limits: Annotated[
        tuple[float | None, float | None],
        "Values below the first and above the second count as these; null for no limit.",
    ]
    levels: tuple[str, ...]
    rare: Annotated[tuple[str, ...], 'Levels that count as "(rare)".']

    def complaints(self) -> Iterator[Complaint]:
        """What the fields promise each other."""
        low, high = self.limits
        numeric = self.kind == "numeric"
        if numeric != (self.fill is not None):
            yield Complaint("fill", "a number" if numeric else "null in a column of text")
        elif low is not None and high is not None and not low <= high:
            yield Complaint("limits", "a lowest and a highest value")
        elif numeric and not self.limited(np.array(self.fill)) == self.fill:
            yield Complaint("fill", "within the limits")
        if not numeric and self.limits != UNLIMITED:
            yield Complaint("limits", "[null, null] in a column of text")
        if numeric and self.levels + self.rare:
            yield Complaint("levels", "[] in a column of numbers")
        if len({*self.levels, *self.rare}) < len(self.levels + self.rare):
            yield Complaint("levels", "distinct, and none of them rare")

    def limited(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers within the limits; NaN stays."""
        lowest, highest = self.limits
        return np.clip(
            numbers,
            -math.inf if lowest is None else lowest,
            math.inf if highest is None else highest,
        )

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
            cell: groups[_level(cell)] for cell in (None, MISSING, RARE) if _level(cell) in groups
        }
        return {level: group for level, group in groups.items() if level != MISSING} | reserved


@dataclass(frozen=True)
class Target:
    """What is predicted: one column or several, and for classification the sorted classes (None for
    regression)."""

    names: Annotated[tuple[str, ...], items(1), DISTINCT]
    task: Literal["regression", "classification"]
    classes: tuple[str, ...] | tuple[int | float, ...] | None

    def complaints(self) -> Iterator[Complaint]:
        """What the fields promise each other."""
        if self.task == "regression" and self.classes is not None:
            yield Complaint("classes", "null in a regression")
        if self.task == "classification":
            labels = self.classes or ()
            if len(labels) < 2 or any(a >= b for a, b in zip(labels, labels[1:])):
                yield Complaint("classes", "two sorted labels or more")
            if len(self.names) > 1:
                yield Complaint("names", "a list of one name in a classification")

    @property
    def name(self) -> str:
        """All columns as one text, for people."""
        return ", ".join(self.names)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the network's outputs stand for: the target columns; the second of two classes;
        every one of more classes."""
        if self.classes is None:
            return self.names
        return tuple(
            str(label) for label in (self.classes[1:] if len(self.classes) == 2 else self.classes)
        )


@dataclass(frozen=True, eq=False)
class Design:
    """The problem in numbers: X (n×d float64, C order), y (n) or (n×K), and per row its id, weight
    and group.

    ``encoder``: of rows to learn from and rows held out (positions), their design matrices by what
    the first ones alone teach. y holds numbers; for two classes ±1, +1 being the second; for K > 2 classes K columns of ±1.
    ``weights`` (n,), all positive, is None where all rows count alike, ``groups`` (n,) None where
    rows may be split in any way.
    """

    X: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    row_ids: list
    encoder: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    notes: tuple[str, ...] = ()
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class Encoding:
    """How tables become numbers; see the top of this module for the rules."""

    inputs: tuple[InputColumn, ...]
    features: tuple[Feature, ...]
    target: Target
    left_out: tuple[tuple[str, str], ...]
    standardized: bool
    reading: Annotated[Reading, "How the cells of training were read, and later ones are."] = (
        Reading()
    )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def schema(self, *, target: bool = False) -> dict[str, str]:
        """The kind of each column, for ``read_table(schema=...)``; with the target for labelled
        data."""
        kinds = {column.name: column.kind for column in self.inputs}
        return kinds | dict.fromkeys(self.target.names, self._target_kind) if target else kinds

    @property
    def _target_kind(self) -> str:
        labels = self.target.classes or ()
        return "category" if any(isinstance(label, str) for label in labels) else "numeric"

    def transform(self, table: Table) -> np.ndarray:
        """The design matrix, n×d float64 in C order; columns are matched by name and others
        ignored.

        Raises ColumnError for missing columns (naming all), columns of the wrong kind, and values
        out of range.
        """
        _require(table, [column.name for column in self.inputs])
        values = {column.name: _input_values(column, table) for column in self.inputs}
        X = np.empty((table.rows, len(self.features)))
        for j, feature in enumerate(self.features):
            raw = _raw(feature, *values[feature.source])
            with np.errstate(over="ignore"):
                X[:, j] = (raw - feature.center) / feature.scale
            _check_range(X[:, j], raw, sys.float_info.max, table, feature.source)
        return X

    def target_values(self, table: Table) -> np.ndarray:
        """y of labelled data, as in ``Design``: (n,) or (n, K).

        Raises ColumnError for missing values, text in a regression, and labels of no known class.
        """
        columns = [table.column(name) for name in self.target.names]
        for column in columns:
            _refuse_missing(column, table, "Leave out these rows.")
        if self.target.task == "regression":
            return _side_by_side(
                [
                    _numbers(column, table, "The model predicts numbers: correct the cell.")
                    for column in columns
                ]
            )
        labels = (
            _as_text(columns[0], self.target.classes)
            if self._target_kind == "category"
            else _as_numbers(columns[0])
        )
        return _signs(labels, self.target, table)

    def unseen(self, table: Table) -> dict[str, tuple[str, ...]]:
        """Per text column the levels (sorted) that did not occur in training, if there are any."""
        _require(table, [column.name for column in self.inputs])
        found = {}
        for column in self.inputs:
            if column.kind == "category":
                found[column.name] = tuple(
                    sorted(set(_input_levels(column, table)) - column.groups.keys())
                )
        return {name: levels for name, levels in found.items() if levels}

    def remarks(self, table: Table) -> tuple[str, ...]:
        """What to tell about rows that do not look like those of training: levels that it did not
        see, and values beyond its limits."""
        levels = (
            f"column {shown(name)} has levels that training did not see: {listed(found)}"
            for name, found in self.unseen(table).items()
        )
        ends = (
            f"column {shown(name)}: {words}, where most rows of training end"
            for name, words in self.beyond(table).items()
        )
        return (*levels, *ends)

    def beyond(self, table: Table) -> dict[str, str]:
        """Per column with values beyond its limits which rows these are, and as what they count."""
        _require(table, [column.name for column in self.inputs])
        limited = [column for column in self.inputs if column.limits != UNLIMITED]
        found = {column.name: _beyond(column, table) for column in limited}
        return {name: words for name, words in found.items() if words}

    def complaints(self) -> Iterator[Complaint]:
        """What inputs and features promise each other."""
        inputs = {column.name: column for column in self.inputs}
        if len(inputs) < len(self.inputs):
            yield Complaint("inputs", "a list of distinct names")
        if len(set(self.names)) < len(self.names):
            yield Complaint("features", "a list of distinct names")
        for position, feature in enumerate(self.features):
            where = f"features[{position}]"
            if feature.source not in inputs:
                yield Complaint(f"{where}.source", "one of the inputs", shown(feature.source))
            elif not _may_come_from(feature, inputs[feature.source]):
                kind = inputs[feature.source].kind
                yield Complaint(where, f"a feature of the {kind} column {shown(feature.source)}")


def fit_encoding(
    table: Table,
    *,
    target: Sequence[str] = (),
    task: str = "auto",
    keep: Iterable[str] = (),
    drop: Iterable[str] = (),
    weight: str | None = None,
    group: str | None = None,
    standardize: bool = True,
    shift: bool = False,
    drop_missing_target: bool = False,
) -> tuple[Encoding, Design]:
    """Learn how to encode this table, and encode it.

    ``target`` is by default the last column; several are learnt together. ``task`` "auto" means
    classification for text or exactly two distinct values, else regression. ``keep`` and ``drop``
    choose among the other columns; ``weight`` and ``group`` name columns that are no inputs: how
    often a row counts, and which rows belong together. With ``standardize``, numeric columns get
    (weighted) mean 0 and standard deviation 1 (ddof 0) after gaps are filled; 0/1 features stay as
    they are, and numbers that are far out are held back and noted. Without, ``shift`` allows to
    take the mean out of columns that lie far from zero beside their spread, which changes nothing
    for neurons with biases but the digits that are left. Rows without a target are refused, or left
    out and noted with ``drop_missing_target``; rows of weight zero are left out and noted.

    Raises ColumnError for a column that does not exist or does not suit its role, FitError when
    fewer than two rows or no column with information are left.
    """
    targets = _target_names(table, target, exclude=(weight, group))
    names = _chosen(
        table,
        {"target": targets, "column of weights": [weight], "column of groups": [group]},
        keep,
        drop,
    )
    table, notes = training_rows(table, targets, weight, drop_missing_target)
    weights = row_weights(table, weight)
    rows = _Rows(table, (*names, *targets), weights)
    described, y = _fit_target(rows, [table.column(name) for name in targets], task, notes)
    scaling = "standard" if standardize else "shift" if shift else "none"
    encoding = _learnt(table, names, described, scaling, weights)
    if not encoding.features:
        reasons = (
            "; ".join(
                _reason(table, table.column(name), reason) for name, reason in encoding.left_out
            )
            or "only the target is there"
        )
        raise FitError(
            f"no column is left to predict {shown(described.name)} from: {reasons}.",
            where=table.title,
        )
    groups = None if group is None else _groups(table, group)
    notes += tuple(
        f"column {shown(name)}: {words}, being far out"
        for name, words in encoding.beyond(table).items()
    )
    return encoding, Design(
        encoding.transform(table),
        y,
        encoding.names,
        table.row_ids,
        partial(_encoded_apart, table, names, described, scaling, weights),
        notes,
        weights,
        groups,
    )


def _encoded_apart(
    table: Table,
    names: Sequence[str],
    target: Target,
    scaling: str,
    weights: np.ndarray | None,
    learn: np.ndarray,
    held_out: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Some rows of the training table encoded by what they alone teach, and held-out rows by the
    same: two design matrices of one width.

    A column that does not vary in the rows to learn from has no feature, so the width may be zero.
    """
    rows = table.take(learn)
    apart = _learnt(rows, names, target, scaling, None if weights is None else weights[learn])
    return apart.transform(rows), apart.transform(table.take(held_out))


def _learnt(
    table: Table,
    names: Sequence[str],
    target: Target,
    scaling: str,
    weights: np.ndarray | None,
) -> Encoding:
    """How to encode these columns, by all rows of the table; there may be no feature."""
    rows = _Rows(table, (*names, *target.names), weights)
    fits = [_fit_column(table.column(name), rows, scaling) for name in names]
    features = _with_unique_names(
        [feature for _, features, _ in fits for feature in features], [*names, *target.names]
    )
    return Encoding(
        tuple(column for column, features, _ in fits if features),
        features,
        target,
        tuple((column.name, reason) for column, features, reason in fits if not features),
        scaling == "standard",
        table.reading,
    )


def _reason(table: Table, column: Column, reason: str) -> str:
    """Why a column is left out, and what would help if its texts were meant as numbers."""
    words = f"{shown(column.name)} is {reason}"
    return f"{words} (such as {_example(table, column)}: {column.hint})" if column.hint else words


def _example(table: Table, column: Column) -> str:
    """A text of the column that is no number."""
    texts = (cell for cell in column.values.tolist() if cell is not None)
    return next(text for text in texts if table.reading.number(text) is None)


# Choosing columns and rows ------------------------------------------------------------------------


def _target_names(table: Table, target: Sequence[str], exclude: Sequence[str | None]) -> list[str]:
    """The target columns: those named, or the last that has no other role. Raises ColumnError,
    FitError."""
    free = [name for name in table.columns if name not in exclude]
    if not free:
        raise FitError("there is no column left to be the target.", where=table.title)
    names = [table.column(name).name for name in _names(target)] or free[-1:]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ColumnError(
            f"{shown(twice[0])} is a --target twice.", where=table.title, remedy="Name it once."
        )
    return names


def _chosen(
    table: Table, roles: dict[str, list[str | None]], keep: Iterable[str], drop: Iterable[str]
) -> list[str]:
    """The input columns in the order of the table, without those that have another role. Raises
    ColumnError."""
    keep, drop = _names(keep), _names(drop)
    taken = {name: role for role, names in roles.items() for name in names if name is not None}
    if sum(len(names) - names.count(None) for names in roles.values()) > len(taken):
        twice = next(
            name for name in taken if sum(names.count(name) for names in roles.values()) > 1
        )
        raise ColumnError(
            f"{shown(twice)} cannot have two roles.", where=table.title, remedy="Choose one."
        )
    for name in [*keep, *drop, *taken]:
        if name in taken and name in keep + drop:
            raise ColumnError(
                f"{shown(name)} is the {taken[name]}.",
                where=table.title,
                remedy="Remove it from --keep and --drop.",
            )
        table.column(name)
    both = [name for name in keep if name in drop]
    if both:
        raise ColumnError(
            f"{shown(both[0])} is in both --keep and --drop.",
            where=table.title,
            remedy="Choose one.",
        )
    return [
        name
        for name in table.columns
        if name not in taken and name not in drop and (not keep or name in keep)
    ]


def _names(names: Iterable[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def training_rows(
    table: Table, targets: Sequence[str], weight: str | None, drop_missing: bool
) -> tuple[Table, tuple[str, ...]]:
    """The rows that have every target and a positive weight, and notes if that is not all of them.

    Raises ColumnError for missing targets (unless ``drop_missing``) and for weights that are no
    numbers from 0 up.
    """
    table, notes = (table, ()) if weight is None else weighed_rows(table, weight)
    for name in targets:
        column = table.column(name)
        if column.missing.all():
            raise ColumnError(
                "all values of the target are missing.",
                where=_at(table, name),
                remedy="Choose another --target.",
            )
        if column.missing.any() and not drop_missing:
            _refuse_missing(column, table, "Leave these rows out with --drop-missing-target.")
        if column.missing.any():
            notes += (
                f"{_rows(table, column.missing)} left out: no value of the target {shown(name)}",
            )
            table = table.take(np.flatnonzero(~column.missing))
    if table.rows < 2:
        # Rows that were left out are in the file, so a bare "one row" would look wrong there.
        message = "; ".join(("one row is not enough to fit anything", *notes))
        raise FitError(f"{message}.", where=table.title, remedy="Add rows.")
    return table, notes


def weighed_rows(table: Table, weight: str) -> tuple[Table, tuple[str, ...]]:
    """The rows of positive weight, and a note if that is not all of them. Raises ColumnError for
    weights that are no numbers from 0 up."""
    weights = _numbers(table.column(weight), table, "A weight is a number.")
    if len(wrong := np.flatnonzero(~(weights >= 0) | ~(weights <= LARGEST))):
        text = "missing" if np.isnan(weights[wrong[0]]) else f"{weights[wrong[0]]:g}"
        message = f"this weight is {text}; expected a number from 0 up, at most {LARGEST:g}."
        raise ColumnError(
            message,
            where=table.place(wrong[0], weight),
            remedy="Correct it, or leave out --weight.",
        )
    if not np.any(weights):
        raise ColumnError(
            "every weight is zero.", where=_at(table, weight), remedy="Choose another --weight."
        )
    if np.all(weights):
        return table, ()
    return table.take(np.flatnonzero(weights)), (
        f"{_rows(table, weights == 0)} left out: their weight is zero",
    )


def row_weights(table: Table, weight: str | None) -> np.ndarray | None:
    """How much each row counts, (n,) of mean 1; None where all count alike.

    Only ratios count, so this is the one place that reads the unit of a column of weights. The rows
    are those of ``training_rows`` or ``weighed_rows``. Raises ColumnError for a weight that is lost
    beside the largest.
    """
    if weight is None:
        return None
    weights = _numbers(table.column(weight), table, "A weight is a number.")
    largest = weights.max()
    if len(lost := np.flatnonzero(weights < largest / LARGEST)):
        raise ColumnError(
            f"this weight is {weights[lost[0]]:g}, lost beside the largest, {largest:g}.",
            where=table.place(lost[0], weight),
            remedy="Make it 0 to leave the row out.",
        )
    parts = weights / largest
    return None if parts.min() == 1.0 else parts / parts.mean()


def _groups(table: Table, name: str) -> np.ndarray:
    """The group of each row as a number, (n,). Raises ColumnError where one is missing."""
    column = table.column(name)
    if column.missing.any():
        message = f"the group is missing in {_rows(table, column.missing)}."
        raise ColumnError(
            message, where=_at(table, name), remedy="Fill it in, or leave out --group."
        )
    return np.unique(column.values, return_inverse=True)[1]


def _refuse_missing(column: Column, table: Table, remedy: str) -> None:
    if column.missing.any():
        words = [gap for gap in column.gaps if gap]
        found = f", which hold {listed(list(map(shown, words)))}" if words else ""
        message = f"the target is missing in {_rows(table, column.missing)}{found}."
        if words and column.kind == "category":
            remedy += f' If {shown(words[0])} is a label, try --na-only "".'
        raise ColumnError(message, where=_at(table, column.name), remedy=remedy)


def _require(table: Table, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise unknown_columns(absent, table.names, where=table.title)


def _at(table: Table, column: str) -> str:
    return f"{table.title}, column {shown(column)}"


def _rows(table: Table, mask: np.ndarray) -> str:
    """``2 rows (3, 8)``: how many rows the mask holds, and the ids of the first."""
    ids = [table.row_ids[row] for row in np.flatnonzero(mask)]
    return f"{len(ids)} row{'s' * (len(ids) != 1)} ({listed(ids)})"


# The target ---------------------------------------------------------------------------------------


def _fit_target(
    rows: _Rows, columns: list[Column], task: str, notes: Sequence[str] = ()
) -> tuple[Target, np.ndarray]:
    """Settle the task and, for classification, the classes. No value of the columns is missing.
    ``notes``: which rows are not in the table."""
    table = rows.table
    if task not in TASKS:
        raise UsageError(f"the task must be {', '.join(TASKS)}, not {shown(task)}.")
    names = tuple(column.name for column in columns)
    distinct = [sorted(set(column.values.tolist())) for column in columns]
    for name, values in zip(names, distinct):
        if len(values) == 1:
            # Rows that were left out are in the file, where "in every row" alone would look wrong.
            message = "; ".join(
                (f"the target is {_label_text(values[0])} in every row: nothing to predict", *notes)
            )
            raise ColumnError(
                f"{message}.", where=_at(table, name), remedy="Choose another --target."
            )
    if task == "auto":
        classes = len(columns) == 1 and (columns[0].kind == "category" or len(distinct[0]) == 2)
        task = "classification" if classes else "regression"
    if task == "regression":
        remedy = "Regression needs numbers: correct the cell, or choose --task classification."
        values = [_numbers(column, table, remedy) for column in columns]
        for column, y in zip(columns, values):
            _check_range(y, y, LARGEST, table, column.name)
            _check_spread(y, SMALLEST, table, column.name)
        return Target(names, task, None), _side_by_side(values)
    if len(columns) > 1:
        raise UsageError(
            "several targets are for regression: their neurons are shared.",
            remedy="Give one --target to classify.",
        )
    if len(distinct[0]) > MOST_CLASSES and len(distinct[0]) > rows.first.sum() // 10:
        found = listed([_label_text(label) for label in distinct[0]])
        message = (
            f"the target has {len(distinct[0])} classes ({found}), too many for {table.rows} rows."
        )
        remedy = "Choose another --target, or group the classes."
        if hint := columns[0].hint:
            remedy = f"Its cells look like numbers, such as {_example(table, columns[0])}: {hint}."
        raise ColumnError(message, where=_at(table, names[0]), remedy=remedy)
    target = Target(names, task, tuple(map(_as_written, distinct[0])))
    return target, _signs(columns[0].values.tolist(), target, table)


def _side_by_side(columns: list[np.ndarray]) -> np.ndarray:
    """One target (n,), several (n, K)."""
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _as_written(label: str | float) -> str | float | int:
    """The label as its user would write it: 1 rather than 1.0."""
    integral = isinstance(label, float) and label.is_integer() and abs(label) < 1e16
    return int(label) if integral else label


def _label_text(label: str | float) -> str:
    return shown(label) if isinstance(label, str) else str(_as_written(label))


def _signs(labels: Sequence, target: Target, table: Table) -> np.ndarray:
    """±1 for two classes, (n,), else one column of ±1 per class, (n, K). Raises ColumnError for
    other labels."""
    code_of = {label: code for code, label in enumerate(target.classes)}
    codes = np.array([code_of.get(label, -1) for label in labels])
    if np.any(codes < 0):
        unknown = sorted({_label_text(label) for label, code in zip(labels, codes) if code < 0})
        expected = " or ".join(map(_label_text, target.classes))
        message = f"{_rows(table, codes < 0)} with labels other than {expected}: {listed(unknown)}."
        raise ColumnError(
            message, where=_at(table, target.name), remedy="Correct them or leave these rows out."
        )
    signs = np.where(codes[:, None] == np.arange(len(target.classes)), 1.0, -1.0)
    return signs[:, 1] if len(target.classes) == 2 else signs


# Columns of another kind than expected ------------------------------------------------------------


def _numbers(column: Column, table: Table, remedy: str) -> np.ndarray:
    """The column as finite numbers, NaN where missing. Raises ColumnError naming the first cell of
    text."""
    if column.kind == "numeric":
        return column.values
    values = _as_numbers(column)
    for row, value in enumerate(values):
        if isinstance(value, str):
            raise ColumnError(
                f"{shown(value)} is not a number.",
                where=table.place(row, column.name),
                remedy=remedy,
            )
    return np.array(values)


def _as_numbers(column: Column) -> list[float | str]:
    """Each cell as a number where it spells a finite one; NaN where it is missing."""
    return [_as_number(value) for value in column.values.tolist()]


def _as_number(value: str | float | None) -> float | str:
    if not isinstance(value, str):
        return math.nan if value is None else value
    number = parse_number(value)
    return value if number is None or math.isinf(number) else number


def _as_text(column: Column, levels: Iterable[str]) -> list[str | None]:
    """The cells as texts, None where missing; numbers as the level that spells them, else in the
    plainest way.

    A text column whose cells in a new file all happen to be numbers is read as numeric: 7.0 is then
    the level "7", or "007" or "7.0" if that is what training saw.
    """
    if column.kind == "category":
        return column.values.tolist()
    spelling = spellings(levels)
    return [
        None if math.isnan(value) else spelling.get(value) or _plain(value)
        for value in column.values.tolist()
    ]


def spellings(levels: Iterable[str]) -> dict[float, str]:
    """By number the level that spells it, the plainest if there are several."""
    spelling = {}
    for level in levels:
        number = parse_number(level)
        if number is not None and (number not in spelling or level == _plain(number)):
            spelling[number] = level
    return spelling


def _plain(number: float) -> str:
    return repr(_as_written(number))


# From cells to raw feature values -----------------------------------------------------------------


def _level(cell: str | None) -> str:
    """The level of a cell; cells that spell a reserved level are set apart by quotes."""
    if cell is None:
        return MISSING
    return f'"{cell}"' if cell in (MISSING, RARE) else cell


def _input_levels(column: InputColumn, table: Table) -> list[str]:
    return [_level(cell) for cell in _as_text(table.columns[column.name], column.groups)]


def _input_values(column: InputColumn, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """The values of an input column, and where they are missing.

    Numbers with gaps filled, or texts: the level that each cell is encoded as.
    """
    if column.kind == "numeric":
        remedy = "The model was trained on numbers in this column: correct the cell."
        numbers = _numbers(table.columns[column.name], table, remedy)
        missing = np.isnan(numbers)
        return np.where(missing, column.fill, column.limited(numbers)), missing
    groups = column.groups
    levels = np.array(
        [groups.get(level, column.other) for level in _input_levels(column, table)], dtype=object
    )
    return levels, levels == MISSING


def _beyond(column: InputColumn, table: Table) -> str:
    """``the value of 2 rows (3, 8) counts as 4.2``; "" if no value is beyond the limits."""
    numbers = _numbers(
        table.columns[column.name],
        table,
        "The model was trained on numbers in this column: correct the cell.",
    )
    limited, parts = column.limited(numbers), []
    for limit in column.limits:
        if limit is not None and np.any(held := (limited == limit) & (numbers != limit)):
            parts.append(f"the value of {_rows(table, held)} counts as {limit:.10g}")
    return "; ".join(parts)


def _raw(feature: Feature, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if feature.kind == "number":
        return values
    return missing if feature.kind == "missing" else values == feature.level


def _check_spread(values: np.ndarray, smallest: float, table: Table, name: str) -> None:
    """Raises ColumnError where values differ by so little that computing loses the difference."""
    with np.errstate(over="ignore"):
        spread = float(np.ptp(values))
    if 0.0 < spread < smallest:
        raise ColumnError(
            f"its values differ by {spread:.1g} at most, too little to compute with.",
            where=_at(table, name),
            remedy="Give them in a smaller unit, so that the numbers are larger.",
        )


def _check_range(
    values: np.ndarray, raw: np.ndarray, largest: float, table: Table, column: str
) -> None:
    beyond = np.flatnonzero(~(np.abs(values) <= largest))
    if len(beyond):
        message = f"the value {raw[beyond[0]]:g} is too large to compute with."
        raise ColumnError(
            message,
            where=table.place(beyond[0], column),
            remedy="Change the unit, or correct the cell.",
        )


# Learning the encoding of a column ----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Rows:
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
                values = _codes(values, set(values))
            cells = np.unique(values, return_inverse=True)[1]
            kinds = np.unique(kinds * (cells.max() + 1) + cells, return_inverse=True)[1]
        first = np.zeros(self.table.rows, dtype=bool)
        first[np.unique(kinds, return_index=True)[1]] = True
        return first


def _fit_column(
    column: Column, rows: _Rows, scaling: str
) -> tuple[InputColumn, list[Feature], str]:
    """What to store of a column, its features, and if there are none the reason."""
    missing = column.missing
    if missing.all():
        return InputColumn(column.name, column.kind, None, UNLIMITED, (), ()), [], "all missing"
    fit = _fit_numeric if column.kind == "numeric" else _fit_category
    stored, features = fit(column, rows, scaling)
    return stored, features, "constant" if stored.levels or not stored.rare else "all levels rare"


def _fit_numeric(column: Column, rows: _Rows, scaling: str) -> tuple[InputColumn, list[Feature]]:
    weights = rows.weights
    missing = column.missing
    present, counts = column.values[~missing], None if weights is None else weights[~missing]
    # Of halves, which cannot overflow and have the same bits.
    median = 2.0 * _median(0.5 * present, counts)
    limits = _limits(present, median, counts) if scaling == "standard" else UNLIMITED
    stored = InputColumn(column.name, "numeric", median, limits, (), ())
    values = stored.limited(np.where(missing, median, column.values))
    features = []
    if values.min() < values.max():
        smallest = SMALLEST_STANDARDISED if scaling == "standard" else SMALLEST
        _check_spread(values, smallest, rows.table, column.name)
        center, scale = _center_scale(values, weights)
        if scaling != "standard":
            far = abs(center) > FAR_FROM_ZERO * np.ptp(values)
            center, scale = center if far and scaling == "shift" else 0.0, 1.0
        features.append(Feature(column.name, column.name, "number", None, center, scale))
    if scaling != "standard":
        _check_range(np.nan_to_num(column.values), column.values, LARGEST, rows.table, column.name)
    if missing.any():
        features.append(
            Feature(f"{column.name} is missing", column.name, "missing", None, 0.0, 1.0)
        )
    return stored, features


def _limits(
    values: np.ndarray, median: float, weights: np.ndarray | None
) -> tuple[float | None, float | None]:
    """The ends of the values that are not far out, None on a side where none is; see the top of
    this module."""
    distances = np.abs(0.5 * values - 0.5 * median)
    order = np.argsort(distances, kind="stable")
    sizes = distances[order]
    parts = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    parts = parts / parts[-1] + ROUNDING
    if sizes[np.searchsorted(parts, CORE)] == 0:
        return UNLIMITED
    with np.errstate(over="ignore"):
        gaps = np.flatnonzero((sizes[1:] > FAR_OUT * sizes[:-1]) & (parts[:-1] >= 1 - MOST_FAR_OUT))
    if not len(gaps):
        return UNLIMITED
    near, far = values[order[: gaps[0] + 1]], values[order[gaps[0] + 1 :]]
    return float(near.min()) if np.any(far < median) else None, float(near.max()) if np.any(
        far > median
    ) else None


def _median(values: np.ndarray, weights: np.ndarray | None) -> float:
    """The median; with weights that of each value repeated so many times: halfway between the lower
    and the upper one."""
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    reached = reached / reached[-1]
    # Parts that are equal but for rounding are equal: 0.1 + 0.2 is half of 0.6.
    lower, upper = (np.searchsorted(reached, 0.5 + slack) for slack in (-ROUNDING, ROUNDING))
    return float(0.5 * (values[order[lower]] + values[order[upper]]))


def _unit(values: np.ndarray) -> float:
    """The largest power of two up to the largest absolute value (1/2 if all are zero)."""
    return math.ldexp(0.5, int(np.frexp(np.nanmax(np.abs(values)))[1]))


def _center_scale(values: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """Mean and standard deviation of a column (n, not constant)."""
    from sklearn.preprocessing import StandardScaler

    # In a unit near the largest value, a power of two: 1e300 cannot overflow, and the results have
    # the same bits as without it.
    unit = _unit(values)
    scaled = (values / unit)[:, None]
    # Measured from the first value: a spread that is tiny beside the mean would be lost in the
    # squares.
    first = scaled[0, 0]
    scaler = StandardScaler().fit(scaled - first, sample_weight=weights)
    return float(first + scaler.mean_[0]) * unit, float(scaler.scale_[0]) * unit or 1.0


def _fit_category(column: Column, rows: _Rows, scaling: str) -> tuple[InputColumn, list[Feature]]:
    cells = [_level(cell) for cell in column.values]
    every = sorted(set(cells))
    codes = _codes(cells, every)
    parts = np.bincount(codes, rows.parts)
    distinct = np.bincount(codes[rows.first], minlength=len(every))
    count = int(rows.first.sum())
    rare = distinct < max(2, min(10, count // 20))
    rare &= parts <= max(LIGHT, 1 / count) + ROUNDING
    stored = InputColumn(
        column.name,
        "category",
        None,
        UNLIMITED,
        *(tuple(compress(every, of)) for of in (~rare, rare)),
    )
    part_of = dict(zip(stored.levels, parts[~rare]))
    if stored.rare:
        part_of[RARE] = parts[rare].sum()
    return stored, [_level_feature(column.name, level) for level in _shown_levels(part_of)]


def _codes(cells: Iterable, kinds: Iterable) -> np.ndarray:
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


def _with_unique_names(features: Sequence[Feature], columns: Sequence[str]) -> tuple[Feature, ...]:
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


# What a file may hold -----------------------------------------------------------------------------


def _may_come_from(feature: Feature, column: InputColumn) -> bool:
    """Whether a column of this kind, and with these levels, gives such a feature."""
    if column.kind == "numeric":
        return feature.level is None and feature.kind != "level"
    kind = "missing" if feature.level == MISSING else "level"
    return feature.kind == kind and feature.level in column.groups.values()
