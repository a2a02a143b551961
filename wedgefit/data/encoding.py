"""A table becomes a design matrix, by an encoding that is plain data: the model file stores it,
numpy applies it.

The rules, learnt from the training table by ``fit_encoding`` and applied by ``Encoding.transform``:

- A numeric column gives one feature, (value − center) / scale, in which a missing value counts as
  the median. If values were missing in training, a second feature, 0 or 1, says where: "age is
  missing".
- A number that is far out, more than ten times as far from the median as all others of training,
  counts as the nearest end of these others, in training as later; numbers between are themselves.
  In training at most one row in 20 is far out (so never in fewer than 20 rows), and none where half
  of the rows or more hold one value. Without standardising, numbers are as they are.
- Where columns are taken apart (``robust``), all numbers beyond a boxplot's whiskers count so:
  those further from the quartiles than 1.5 times the distance between them, unless this is zero.
  The smallest or largest number has a feature of its own, "lead = 0", where a tenth of the rows
  share it and three times as many as any other; the boxplot is then that of the others.
- A text column gives one 0/1 feature per level, "town = Paris". Missing text is a level of its own,
  "(missing)", when it occurs in training. Levels of fewer than max(2, min(10, n // 20)) of the n
  distinct rows share the level "(rare)", unless they have a larger part of the weight than a
  twentieth, or than one of these rows has on average.
- A text column of exactly two levels (after grouping) gives one feature only, for the less frequent
  one (by weight; on a tie the later in sorted order), so that 0 means the most frequent level.
- A level that training did not see, and missing text when training had none, counts as "(rare)"
  where there is such a group; otherwise it is 0 in all features of its column.
- Features that would be constant are left out; a column without features is listed in ``left_out``
  with the reason.
- Only the ratios of weights count, and a weight of 2 is a row that stands there twice, in every
  rule above.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import numpy as np

from wedgefit.data.columns import (
    UNLIMITED,
    Feature,
    InputColumn,
    beyond_limits,
    count_beyond,
    levels_of,
    may_come_from,
    outside_range,
    raw_values,
    values_of,
    with_unique_names,
)
from wedgefit.data.fitting import (
    ALL_RARE,
    NONE,
    ROBUST,
    SHIFT,
    STANDARD,
    STANDARDISED,
    Rows,
    fit_column,
)
from wedgefit.data.guards import guards
from wedgefit.data.kinds import check_range, example_of
from wedgefit.data.pairs import pairs_named, sources_of
from wedgefit.data.reading import Reading
from wedgefit.data.roles import (
    exposures_of,
    groups_of,
    require,
    row_weights,
    targets_and_inputs,
    times_of,
    training_rows,
)
from wedgefit.data.sample import Design, Encoded
from wedgefit.data.settings import TableSettings
from wedgefit.data.shape import Shapes, gap_notes, refuse_shapes, shapes_of
from wedgefit.data.table import Table
from wedgefit.data.target import Target, fit_target
from wedgefit.data.words import listed, shown
from wedgefit.errors import FitError, UsageError
from wedgefit.records import Complaint

# Of so many folds it is remembered what they teach.
MOST_KNOWN = 32
# What is left of a column's deviation where its tails were heavy.
HEAVY = 0.9


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
    robust: Annotated[bool, "Whether tails of numbers are clipped and ends told apart."] = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def schema(self, *, target: bool = False) -> dict[str, str]:
        """The kind of each column, for ``read_table(schema=...)``; with the target for labelled
        data."""
        kinds: dict[str, str] = {column.name: column.kind for column in self.inputs}
        return kinds | dict.fromkeys(self.target.names, self.target.kind) if target else kinds

    def transform(self, table: Table) -> np.ndarray:
        """The design matrix, n×d float64 in C order; columns are matched by name and others
        ignored.

        Raises ColumnError for missing columns (naming all), columns of the wrong kind, and values
        out of range.
        """
        require(table, [column.name for column in self.inputs])
        values = {column.name: values_of(column, table) for column in self.inputs}
        X = np.empty((table.rows, len(self.features)))
        for j, feature in enumerate(self.features):
            raw = raw_values(feature, *values[feature.source])
            with np.errstate(over="ignore"):
                X[:, j] = (raw - feature.center) / feature.scale
            check_range(X[:, j], raw, sys.float_info.max, table, feature.source)
        return X

    def target_values(self, table: Table) -> np.ndarray:
        """y of labelled data, as in ``Design``: (n, K).

        Raises ColumnError for missing values, text in a regression, and labels of no known class.
        """
        return self.target.values(table)

    def unseen(self, table: Table) -> dict[str, tuple[str, ...]]:
        """Per text column the levels (sorted) that did not occur in training, if there are any."""
        require(table, [column.name for column in self.inputs])
        found = {}
        for column in self.inputs:
            if column.kind == "category":
                found[column.name] = tuple(
                    sorted(set(levels_of(column, table)) - column.groups.keys())
                )
        return {name: levels for name, levels in found.items() if levels}

    def remarks(self, table: Table) -> tuple[str, ...]:
        """What to tell about rows that do not look like those of training: levels that it did not
        see, values beyond its limits, and others beyond all that it saw."""
        levels = (
            f"column {shown(name)} has levels that training did not see: {listed(found)}"
            for name, found in self.unseen(table).items()
        )
        if self.robust:
            ends = self.tails(table)
        else:
            ends = tuple(
                f"column {shown(name)}: {words}, where most rows of training end"
                for name, words in self.beyond(table).items()
            )
        return (*levels, *ends, *self._outside(table))

    def tails(self, table: Table) -> tuple[str, ...]:
        """Where columns are taken apart, which have how many numbers in them: a sentence, or
        none."""
        found = {column.name: count_beyond(column, table) for column in self._limited(table)}
        words = [f"{count} of {shown(name)}" for name, count in found.items() if count]
        return (f"tails are clipped: {listed(words)}",) if words else ()

    def _outside(self, table: Table) -> Iterator[str]:
        for column in self.inputs:
            if words := outside_range(column, table):
                yield f"column {shown(column.name)}: {words}"

    def beyond(self, table: Table) -> dict[str, str]:
        """Per column with values beyond its limits which rows these are, and as what they count."""
        found = {column.name: beyond_limits(column, table) for column in self._limited(table)}
        return {name: words for name, words in found.items() if words}

    def _limited(self, table: Table) -> list[InputColumn]:
        """The inputs that have limits, all being columns of the table."""
        require(table, [column.name for column in self.inputs])
        return [column for column in self.inputs if column.limits != UNLIMITED]

    def complaints(self) -> Iterator[Complaint]:
        """What inputs and features promise each other."""
        inputs = {column.name: column for column in self.inputs}
        if len(inputs) < len(self.inputs):
            yield Complaint("inputs", "a list of distinct names")
        if self.robust and not self.standardized:
            yield Complaint("robust", "false, columns being as they are")
        if not self.robust and any(feature.kind == "end" for feature in self.features):
            yield Complaint("features", "none of an end where columns are not taken apart")
        if len(set(self.names)) < len(self.names):
            yield Complaint("features", "a list of distinct names")
        for position, feature in enumerate(self.features):
            where = f"features[{position}]"
            if feature.source not in inputs:
                yield Complaint(f"{where}.source", "one of the inputs", shown(feature.source))
            elif not may_come_from(feature, inputs[feature.source]):
                kind = inputs[feature.source].kind
                yield Complaint(where, f"a feature of the {kind} column {shown(feature.source)}")


def fit_encoding(
    table: Table, told: TableSettings, *, shift: bool = False
) -> tuple[Encoding, Design]:
    """Learn how to encode this table as it is ``told``, and encode it.

    Several targets are learnt together. The columns of weights, groups, times and exposures are no
    inputs. With ``standardize``, numeric columns get (weighted) mean 0 and standard deviation 1
    (ddof 0) after gaps are filled; 0/1 features stay as they are, and numbers that are far out are
    held back and noted. With ``robust`` "on" all tails are, and ends told apart ("auto", which is
    for learning to choose, is here as "off"). Without ``standardize``, ``shift`` allows to take the
    mean out of columns that lie far from zero beside their spread, which changes nothing for
    neurons with biases but the digits that are left. Rows without a target are refused, or left out
    and noted with ``drop_missing_target``; rows of weight zero are left out and noted.

    Raises ColumnError for a column that does not exist or does not suit its role, FitError when
    fewer than two rows or no column with information are left.
    """
    (targets, names), shapes = targets_and_inputs(table, told), told.shapes
    refuse_shapes(table, shapes, names)
    pairs = pairs_named(table, told.pairs, names)
    chosen = bool(told.target)
    table, notes = training_rows(table, targets, told.weight, told.drop_missing_target, chosen)
    weights = row_weights(table, told.weight)
    rows = Rows(table, (*names, *targets), weights)
    target, y = fit_target(rows, [table.column(name) for name in targets], told.task, notes)
    scaling = _scaling(told, shift)
    encoding = _learnt(table, names, target, scaling, weights)
    if not encoding.features:
        raise _nothing_left(encoding, table)
    apart = _Apart(partial(_learnt_apart, table, names, target, scaling, weights))
    held = _far_out(encoding, table)
    if encoding.robust:
        plain = _learnt(table, names, target, STANDARD, weights)
        held = (*_far_out(_counted_as(plain, encoding), table), *encoding.tails(table))
    design = _design(table, told, encoding, y, weights, apart, (*notes, *held))
    return encoding, replace(design, pairs=pairs)


def _scaling(told: TableSettings, shift: bool) -> str:
    """How numbers become features, as they are told to."""
    if told.robust == "on" and told.shapes:
        raise UsageError(
            "--robust on is not for a network with a shape: at an end told apart it may leap.",
            remedy="Leave --robust or the shape out.",
        )
    if told.standardize:
        return ROBUST if told.robust == "on" else STANDARD
    if told.robust == "on":
        raise UsageError(
            "--robust on is for standardised columns: without, all numbers are as they are.",
            remedy="Leave --robust or --no-standardize out.",
        )
    return SHIFT if shift else NONE


def _design(
    table: Table,
    told: TableSettings,
    encoding: Encoding,
    y: np.ndarray,
    weights: np.ndarray | None,
    apart: _Apart,
    notes: Sequence[str],
) -> Design:
    """The rows of training in numbers, and what folds need to encode rows of their own."""
    X, shapes = encoding.transform(table), told.shapes
    doubts = guards(encoding.inputs, encoding.features, table, X, y, weights)
    together = None if told.group is None else groups_of(table, told.group)
    return Design(
        X,
        y,
        encoding.target.task,
        weights,
        # Of lags they are series, each with its own past, and folds go by times.
        groups=None if told.lags else together,
        encoder=partial(_encoded_apart, table, apart, shapes),
        times=None if told.time is None else times_of(table, told.time),
        horizon=told.horizon,
        series=together if told.lags else None,
        exposure=None if told.exposure is None else exposures_of(table, told.exposure),
        names=encoding.names,
        table=table,
        shapes=shapes_of(encoding.features, shapes),
        sources=sources_of(encoding.features),
        notes=(*notes, *doubts, *gap_notes(encoding.features, shapes)),
        encoding_of=apart,
    )


def _far_out(encoding: Encoding, table: Table) -> tuple[str, ...]:
    """Notes about numbers that are held back."""
    return tuple(
        f"column {shown(name)}: {words}, being far out"
        for name, words in encoding.beyond(table).items()
    )


def _counted_as(plain: Encoding, robust: Encoding) -> Encoding:
    """The encoding that knows what is far out, with the ends as which such numbers count."""
    seen = {column.name: column.seen for column in robust.inputs}
    return replace(plain, inputs=tuple(replace(one, seen=seen[one.name]) for one in plain.inputs))


def uneven(plain: Encoding, robust: Encoding) -> bool:
    """Whether taking columns apart makes a difference: an end is told apart, or some column has
    less than nine tenths of its deviation without its tails; a normal one keeps nearly all."""
    before = {feature.name: feature.scale for feature in plain.features}
    return any(
        feature.kind == "end" or feature.scale < HEAVY * before[feature.name]
        for feature in robust.features
    )


def _nothing_left(encoding: Encoding, table: Table) -> FitError:
    reasons = "; ".join(_reason(table, *left_out) for left_out in encoding.left_out)
    return FitError(
        f"no column is left to predict {' and '.join(map(shown, encoding.target.names))} from: "
        f"{reasons or 'only the target is there'}.",
        where=table.title,
    )


def _reason(table: Table, name: str, reason: str) -> str:
    """Why a column is left out, and what would help if its texts were meant as numbers."""
    column, verb = table.column(name), "has" if reason == ALL_RARE else "is"
    words = f"{shown(name)} {verb} {reason}"
    return f"{words} (such as {example_of(table, column)}: {column.hint})" if column.hint else words


class _Apart:
    """What some rows of the training table alone teach; folds, which are asked for it again by what
    looks at their networks, learn it once."""

    def __init__(self, learn: Callable[[np.ndarray], Encoding]):
        self._learn = learn
        self._known: deque[tuple[np.ndarray, Encoding]] = deque(maxlen=MOST_KNOWN)

    def __call__(self, rows: np.ndarray) -> Encoding:
        for known, encoding in self._known:
            if known is rows:
                return encoding
        encoding = self._learn(rows)
        self._known.append((rows, encoding))
        return encoding


def _learnt_apart(
    table: Table,
    names: Sequence[str],
    target: Target,
    scaling: str,
    weights: np.ndarray | None,
    learn: np.ndarray,
) -> Encoding:
    """What some rows of the training table alone teach.

    A column that does not vary in them has no feature, so there may be none.
    """
    own = None if weights is None else weights[learn]
    return _learnt(table.take(learn), names, target, scaling, own)


def _encoded_apart(
    table: Table,
    apart: Callable[[np.ndarray], Encoding],
    shapes: Shapes,
    learn: np.ndarray,
    held_out: np.ndarray,
) -> Encoded:
    """Some rows of the training table encoded by what they alone teach, and held-out rows by the
    same."""
    own = apart(learn)
    rows, unseen = (own.transform(table.take(part)) for part in (learn, held_out))
    return Encoded(rows, unseen, shapes_of(own.features, shapes), sources_of(own.features))


def _learnt(
    table: Table,
    names: Sequence[str],
    target: Target,
    scaling: str,
    weights: np.ndarray | None,
) -> Encoding:
    """How to encode these columns, by all rows of the table; there may be no feature."""
    rows = Rows(table, (*names, *target.names), weights)
    fits = [fit_column(table.column(name), rows, scaling) for name in names]
    features = with_unique_names(
        [feature for _, features, _ in fits for feature in features], [*names, *target.names]
    )
    return Encoding(
        tuple(column for column, features, _ in fits if features),
        features,
        target,
        tuple((column.name, reason) for column, features, reason in fits if not features),
        scaling in STANDARDISED,
        table.reading,
        scaling == ROBUST,
    )
