"""What is predicted: numbers, or the labels of classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Protocol, cast

import numpy as np

from wedgefit.data.cells import Column
from wedgefit.data.fitting import Rows
from wedgefit.data.kinds import (
    LARGEST,
    SMALLEST,
    as_numbers,
    as_texts,
    as_written,
    check_range,
    check_spread,
    example_of,
    label_text,
    numbers_of,
)
from wedgefit.data.roles import refuse_missing
from wedgefit.data.table import Table
from wedgefit.data.words import listed, shown
from wedgefit.errors import ColumnError, UsageError
from wedgefit.records import DISTINCT, Complaint, items

TASKS = ("auto", "regression", "classification")
MOST_CLASSES = 20  # More classes than this, and than a tenth of the rows, are a column of names.


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
            labels: tuple = self.classes or ()
            if len(labels) < 2 or any(a >= b for a, b in pairwise(labels)):
                yield Complaint("classes", "two sorted labels or more")
            if len(self.names) > 1:
                yield Complaint("names", "a list of one name in a classification")

    @property
    def kind(self) -> Literal["numeric", "category"]:
        """The kind of its columns in a table."""
        labels = self.classes or ()
        texts = any(isinstance(label, str) for label in labels)
        return "category" if texts else "numeric"

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

    def values(self, table: Table) -> np.ndarray:
        """y of labelled data, as in ``Design``: (n, K).

        Raises ColumnError for missing values, text in a regression, and labels of no known class.
        """
        columns = [table.column(name) for name in self.names]
        for column in columns:
            refuse_missing(column, table, "Leave out these rows.")
        if self.classes is None:
            remedy = "The model predicts numbers: correct the cell."
            return np.column_stack([numbers_of(column, table, remedy) for column in columns])
        labels = (
            as_texts(columns[0], map(str, self.classes))
            if self.kind == "category"
            else as_numbers(columns[0], table.reading)
        )
        return _signs(labels, self, table)


def fit_target(
    rows: Rows, columns: list[Column], task: str, notes: Sequence[str] = ()
) -> tuple[Target, np.ndarray]:
    """Settle the task and, for classification, the classes. No value of the columns is missing.
    ``notes``: which rows are not in the table.

    Raises ColumnError for targets that do not vary, are too large, or have too many classes,
    UsageError for a task that does not suit them.
    """
    if task not in TASKS:
        raise UsageError(f"the task must be {', '.join(TASKS)}, not {shown(task)}.")
    distinct = [_distinct(column) for column in columns]
    for column, values in zip(columns, distinct):
        if len(values) == 1:
            # Rows that were left out are in the file, where "in every row" alone would look wrong.
            message = "; ".join(
                (f"the target is {label_text(values[0])} in every row: nothing to predict", *notes)
            )
            where = rows.table.at(column.name)
            raise ColumnError(f"{message}.", where=where, remedy="Choose another --target.")
    one = len(columns) == 1
    classes = one and (columns[0].kind == "category" or len(distinct[0]) == 2)
    if task == "regression" or (task == "auto" and not classes):
        return _fit_numbers(rows.table, columns)
    if not one:
        raise UsageError(
            "several targets are for regression: their neurons are shared.",
            remedy="Give one --target to classify.",
        )
    return _fit_classes(rows, columns[0], distinct[0])


def _distinct(column: Column) -> list:
    """The values of a column, each once, in rising order."""
    if column.kind == "numeric":
        return (np.unique(column.values) + 0.0).tolist()
    return sorted(set(column.values.tolist()))


class Loss(Protocol):
    """What a loss says of targets: what they should be in words, and which of some (n,) are not."""

    name: str
    targets: str

    def refuses(self, y: np.ndarray) -> np.ndarray: ...


def refuse_targets(table: Table, target: Target, loss: Loss) -> None:
    """Raises ColumnError for the first row whose target, of numbers, the loss does not take."""
    for name in target.names if target.classes is None else ():
        values = np.asarray(table.column(name).values, dtype=float)
        if len(refused := np.flatnonzero(loss.refuses(values))):
            value = as_written(float(values[refused[0]]))
            raise ColumnError(
                f"the target is {value}, and the {loss.name} loss is for {loss.targets}.",
                where=table.place(int(refused[0]), name),
                remedy="Correct the cell, or choose another --loss.",
            )


def _fit_numbers(table: Table, columns: list[Column]) -> tuple[Target, np.ndarray]:
    remedy = "Regression needs numbers: correct the cell, or choose --task classification."
    values = [numbers_of(column, table, remedy) for column in columns]
    for column, y in zip(columns, values):
        check_range(y, y, LARGEST, table, column.name)
        check_spread(y, SMALLEST, table, column.name)
    names = tuple(column.name for column in columns)
    return Target(names, "regression", None), np.column_stack(values)


def _fit_classes(
    rows: Rows, column: Column, labels: list[str] | list[float]
) -> tuple[Target, np.ndarray]:
    """``labels``: the distinct ones, sorted."""
    table = rows.table
    if len(labels) > MOST_CLASSES and len(labels) > rows.first.sum() // 10:
        found = listed([label_text(label) for label in labels])
        message = f"the target has {len(labels)} classes ({found}), too many for {table.rows} rows."
        remedy = "Choose another --target, or group the classes."
        if hint := column.hint:
            remedy = f"Its cells look like numbers, such as {example_of(table, column)}: {hint}."
        raise ColumnError(message, where=table.at(column.name), remedy=remedy)
    classes = cast("tuple[str, ...] | tuple[int | float, ...]", tuple(map(as_written, labels)))
    target = Target((column.name,), "classification", classes)
    return target, _signs(column.values.tolist(), target, table)


def _signs(labels: Sequence, target: Target, table: Table) -> np.ndarray:
    """One column of ±1 for two classes, (n, 1), else one per class, (n, K). Raises ColumnError for
    other labels."""
    classes = target.classes or ()
    code_of = {label: code for code, label in enumerate(classes)}
    codes = np.array([code_of.get(label, -1) for label in labels])
    if np.any(codes < 0):
        unknown = sorted({label_text(label) for label, code in zip(labels, codes) if code < 0})
        expected = " or ".join(map(label_text, classes))
        found = table.some_rows(codes < 0)
        raise ColumnError(
            f"{found} with labels other than {expected}: {listed(unknown)}.",
            where=table.at(target.name),
            remedy="Correct them or leave these rows out.",
        )
    signs = np.where(codes[:, None] == np.arange(len(classes)), 1.0, -1.0)
    return np.ascontiguousarray(signs[:, 1:]) if len(classes) == 2 else signs
