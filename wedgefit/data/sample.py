"""The problem in numbers: what learning is given of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wedgefit.data.pairs import Names, read_together
from wedgefit.data.table import Table


@dataclass(frozen=True, eq=False)
class Encoded:
    """The rows to learn from and the rows held out in the same columns, and of these columns the
    ``shapes`` and the ``sources``, as in ``Sample``."""

    rows: np.ndarray
    held_out: np.ndarray
    shapes: np.ndarray | None = None
    sources: np.ndarray | None = None


# Of the rows to learn from and the rows held out (positions).
Encoder = Callable[[np.ndarray, np.ndarray], Encoded]
# Of every fold the rows to train and to test on, by position.
Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows that a fit learns from: X (n×d float64, C order), y (n×K), the task, and per row a
    weight, a group and an exposure.

    y holds numbers; for two classes one column of ±1, +1 being the second; for K > 2 classes K
    columns of ±1. ``weights`` (n,), all positive, is None where all rows count alike, ``groups``
    (n,) None where rows may be split in any way, ``exposure`` (n,) None where all counts are of the
    same time or size. ``encoder``: of rows to learn from and rows held out (positions), their
    design matrices by what the first ones alone teach; without one X is taken as it is, also in the
    folds of a cross-validation. ``shapes`` (d, 2): the direction and the curvature that the network
    is to have in each column, 1, −1 or 0 where either will do; None where all will. ``times`` (n,):
    rows of a later time are held out from what is learnt of earlier ones, ``horizon`` times before
    or more; None where rows have no order. ``series`` (n,): which of several series each row
    belongs to, of which the horizon counts rows, too; None where there is one. ``sources`` (d,):
    the column of the table that each column comes from, None where there is no table. ``pairs``:
    those of sources that neurons may read together, None where all may.
    """

    X: np.ndarray
    y: np.ndarray
    task: str
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    encoder: Encoder | None = None
    exposure: np.ndarray | None = None
    shapes: np.ndarray | None = None
    times: np.ndarray | None = None
    horizon: int = 1
    series: np.ndarray | None = None
    sources: np.ndarray | None = None
    pairs: tuple[Names, ...] | None = None

    @property
    def together(self) -> np.ndarray | None:
        """Which columns a neuron may read together, (d, d); None where all."""
        if self.pairs is None:
            return None
        assert self.sources is not None, "pairs are of columns of the table"
        return read_together(self.sources, self.pairs)

    @property
    def labels(self) -> np.ndarray | None:
        """The class of each row as a number, (n,); None in regression."""
        if self.task != "classification":
            return None
        return class_codes(self.y)

    def take(self, rows) -> Sample:
        """Some of the rows, in the columns of all."""
        weights, groups, exposure, times, series = (
            None if part is None else part[rows]
            for part in (self.weights, self.groups, self.exposure, self.times, self.series)
        )
        return Sample(
            self.X[rows],
            self.y[rows],
            self.task,
            weights,
            groups,
            exposure=exposure,
            shapes=self.shapes,
            times=times,
            horizon=self.horizon,
            series=series,
            sources=self.sources,
            pairs=self.pairs,
        )

    def split(self, train: np.ndarray, test: np.ndarray) -> tuple[Sample, Sample]:
        """Rows to learn from and rows held out, both in the columns that the first ones teach:
        their medians, scales, ends and levels."""
        learn, held_out = self.take(train), self.take(test)
        if self.encoder is None:
            return learn, held_out
        found = self.encoder(train, test)
        learn, held_out = (
            replace(part, X=X, shapes=found.shapes, sources=found.sources)
            for part, X in ((learn, found.rows), (held_out, found.held_out))
        )
        return learn, held_out


@dataclass(frozen=True, eq=False, kw_only=True)
class Design(Sample):
    """A sample that comes from a table: the names of its columns, the rows of the table that it
    stands for, and what is to be told of them. ``encoding_of``: what some of the rows (positions)
    alone teach, as an ``Encoding``."""

    names: tuple[str, ...]
    table: Table
    notes: tuple[str, ...] = ()
    encoding_of: Callable[[np.ndarray], Any] | None = None

    @property
    def row_ids(self) -> Sequence[int | str]:
        """What each row is called."""
        return self.table.row_ids


def class_codes(values: np.ndarray, cut: float = 0.0) -> np.ndarray:
    """The class that each row of targets or outputs (n, K) stands for, as a number, (n,): with one
    column the second of two where it exceeds ``cut``, else that of the largest."""
    return (values[:, 0] > cut).astype(int) if values.shape[1] == 1 else values.argmax(axis=1)
