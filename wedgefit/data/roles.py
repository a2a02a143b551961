"""Which columns play which part, and which rows take part in training."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from wedgefit.data.cells import Column
from wedgefit.data.kinds import LARGEST, numbers_of
from wedgefit.data.settings import TableSettings
from wedgefit.data.table import Table
from wedgefit.data.words import listed, shown, unknown_columns
from wedgefit.errors import ColumnError, FitError

# Dates whose texts sort as they do, once there is no T or Z in them: a T comes after the space of
# other texts of that day, and a Z after their seconds.
DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?)?)?")


def targets_and_inputs(table: Table, told: TableSettings) -> tuple[list[str], list[str]]:
    """The target columns, those named or the last that has no other role; and the input columns in
    the order of the table. Raises ColumnError, FitError."""
    roles = {"weights": told.weight, "groups": told.group, "times": told.time}
    roles["exposures"] = told.exposure
    apart = [(name, f"column of {role}") for role, name in roles.items() if name is not None]
    others = [name for name, _ in apart]
    targets = _targets(table, told.target, others)
    taken = [*((name, "target") for name in targets), *apart]
    return targets, _inputs(table, taken, told.keep, told.drop)


def _targets(table: Table, target: Sequence[str], others: Sequence[str]) -> list[str]:
    free = [name for name in table.columns if name not in others]
    if not free:
        raise FitError("there is no column left to be the target.", where=table.title)
    names = [table.column(name).name for name in target] or free[-1:]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ColumnError(
            f"{shown(twice[0])} is a --target twice.", where=table.title, remedy="Name it once."
        )
    return names


def _inputs(
    table: Table, roles: Sequence[tuple[str, str]], keep: Sequence[str], drop: Sequence[str]
) -> list[str]:
    """What is left of the columns, given those that have a role, each with its name."""
    taken = dict(roles)
    names = [name for name, _ in roles]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ColumnError(
            f"{shown(twice[0])} cannot have two roles.", where=table.title, remedy="Choose one."
        )
    for name in [*keep, *drop, *taken]:
        if name in taken and name in {*keep, *drop}:
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


def require(table: Table, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise unknown_columns(absent, table.names, where=table.title)


def training_rows(
    table: Table,
    targets: Sequence[str],
    weight: str | None,
    drop_missing: bool,
    chosen: bool = True,
) -> tuple[Table, tuple[str, ...]]:
    """The rows that have every target and a positive weight, and notes if that is not all of them.
    ``chosen``: whether anybody named the targets.

    Raises ColumnError for missing targets (unless ``drop_missing``) and for weights that are no
    numbers from 0 up.
    """
    table, notes = (table, ()) if weight is None else weighed_rows(table, weight)
    for name in targets:
        column = table.column(name)
        if column.missing.all():
            raise ColumnError(
                "all values of the target are missing.",
                where=table.at(name),
                remedy="Choose another --target."
                if chosen
                else "It is the last column: choose another with --target NAME.",
            )
        if column.missing.any() and not drop_missing:
            remedy = "Leave these rows out with --drop-missing-target."
            if not chosen:
                remedy += " It is the last column: another is the target with --target NAME."
            refuse_missing(column, table, remedy)
        if column.missing.any():
            notes += (
                f"{table.some_rows(column.missing)} left out: no value of the target {shown(name)}",
            )
            table = table.take(np.flatnonzero(~column.missing))
    if table.rows < 2:
        # Rows that were left out are in the file, so a bare "one row" would look wrong there.
        message = "; ".join(("one row is not enough to fit anything", *notes))
        raise FitError(f"{message}.", where=table.title, remedy="Add rows.")
    return table, notes


def refuse_missing(column: Column, table: Table, remedy: str) -> None:
    if column.missing.any():
        words = [gap for gap in column.gaps if gap]
        found = f", which hold {listed(list(map(shown, words)))}" if words else ""
        message = f"the target is missing in {table.some_rows(column.missing)}{found}."
        if words and column.kind == "category":
            remedy += f' If {shown(words[0])} is a label, try --na-only "".'
        raise ColumnError(message, where=table.at(column.name), remedy=remedy)


def weighed_rows(table: Table, weight: str) -> tuple[Table, tuple[str, ...]]:
    """The rows of positive weight, and a note if that is not all of them. Raises ColumnError for
    weights that are no numbers from 0 up."""
    weights = numbers_of(table.column(weight), table, "A weight is a number.")
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
            "every weight is zero.", where=table.at(weight), remedy="Choose another --weight."
        )
    if np.all(weights):
        return table, ()
    return table.take(np.flatnonzero(weights)), (
        f"{table.some_rows(weights == 0)} left out: their weight is zero",
    )


def row_weights(table: Table, weight: str | None) -> np.ndarray | None:
    """How much each row counts, (n,) of mean 1; None where all count alike.

    Only ratios count, so this is the one place that reads the unit of a column of weights. The rows
    are those of ``training_rows`` or ``weighed_rows``. Raises ColumnError for a weight that is lost
    beside the largest.
    """
    if weight is None:
        return None
    weights = numbers_of(table.column(weight), table, "A weight is a number.")
    largest = weights.max()
    if len(lost := np.flatnonzero(weights < largest / LARGEST)):
        raise ColumnError(
            f"this weight is {weights[lost[0]]:g}, lost beside the largest, {largest:g}.",
            where=table.place(lost[0], weight),
            remedy="Make it 0 to leave the row out.",
        )
    parts = weights / largest
    return None if parts.min() == 1.0 else parts / parts.mean()


def times_of(table: Table, name: str) -> np.ndarray:
    """Where the time of each row stands among all times, from 0 up, (n,). Raises ColumnError where
    one is missing, or is no number and no date whose texts sort as it does."""
    column = table.column(name)
    if column.missing.any():
        message = f"the time is missing in {table.some_rows(column.missing)}."
        raise ColumnError(message, where=table.at(name), remedy="Fill it in, or leave the row out.")
    if column.kind == "category":
        for row, text in enumerate(column.values.tolist()):
            if not DATE.fullmatch(text):
                raise _no_time(table, row, column)
        texts = [text.replace("T", " ").rstrip("Z") for text in column.values.tolist()]
        return np.unique(texts, return_inverse=True)[1]
    return np.unique(column.values, return_inverse=True)[1]


def _no_time(table: Table, row: int, column: Column) -> ColumnError:
    """What is wrong with a row's time that is no date in a column that is not all numbers."""
    texts = column.values.tolist()
    message = f"this time is {shown(texts[row])}; expected a number or a date like 2024-01-31."
    remedy = "Spell times so, the year first, or number them."
    dates = [k for k, text in enumerate(texts) if DATE.fullmatch(text)]
    numbers = [k for k, text in enumerate(texts) if table.reading.number(text) is not None]
    if dates and len(dates) + len(numbers) == len(texts):
        # The fewer of both are the slip.
        (row, *_), (other, *_) = sorted((dates, numbers), key=len)
        message = f"this time is {texts[row]}, and others are like {texts[other]}."
        remedy = "Spell all as dates, or number them all."
    return ColumnError(message, where=table.place(row, column.name), remedy=remedy)


def exposures_of(table: Table, name: str) -> np.ndarray:
    """For how long, or for how much, each row was counted, (n,). Raises ColumnError for what is no
    positive number."""
    values = numbers_of(table.column(name), table, "An exposure is a number.")
    if len(wrong := np.flatnonzero(~(values > 1 / LARGEST) | ~(values <= LARGEST))):
        text = "missing" if np.isnan(values[wrong[0]]) else f"{values[wrong[0]]:g}"
        raise ColumnError(
            f"this exposure is {text}; expected a number above 0, at most {LARGEST:g}.",
            where=table.place(wrong[0], name),
            remedy="Correct it, or leave the row out.",
        )
    return values


def groups_of(table: Table, name: str) -> np.ndarray:
    """The group of each row as a number, (n,). Raises ColumnError where one is missing."""
    column = table.column(name)
    if column.missing.any():
        message = f"the group is missing in {table.some_rows(column.missing)}."
        raise ColumnError(message, where=table.at(name), remedy="Fill it in, or leave out --group.")
    return np.unique(column.values, return_inverse=True)[1]
