"""A target's own past as columns: what it was in the rows before, along a column of times.

A row knows nothing of rows that are not at least ``horizon`` times before its own, so that folds in
the order of time, and predictions, never look ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from wedgefit.data.cells import Column
from wedgefit.data.kinds import numbers_of
from wedgefit.data.roles import groups_of, targets_and_inputs, times_of
from wedgefit.data.settings import TableSettings
from wedgefit.data.table import Table
from wedgefit.data.words import listed, shown
from wedgefit.errors import ColumnError, FitError, UsageError

# Steps of time differ by as much where months do, and where hours change.
UNEVEN = 1.5


@dataclass(frozen=True)
class Lags:
    """The ``target`` of so many ``rows`` before, counted along the column ``time``; where a column
    names the ``series`` that rows belong to, along their own."""

    target: str
    time: str
    rows: tuple[int, ...]
    series: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return tuple(f"{self.target} lag {k}" for k in self.rows)


def rows_before(lags: tuple[int, int], horizon: int) -> tuple[int, ...]:
    """How many rows before its own a row looks at: the first lag is the last row that is known
    where ``horizon`` rows ahead are predicted."""
    first, last = lags
    return tuple(range(first + horizon - 1, last + horizon))


def lags_told(table: Table, told: TableSettings) -> Lags | None:
    """The lags that training is told to look at; None where it is not. Raises UsageError for
    settings that go with lags alone, and for those that lags do not go with."""
    if told.lags is None:
        if told.horizon != 1:
            raise UsageError("--horizon is for --lags.", remedy="Add --lags, or leave it out.")
        return None
    if told.time is None:
        raise UsageError("--lags needs --time, which says what is before what.")
    targets, _ = targets_and_inputs(table, replace(told, keep=(), drop=()))
    if len(targets) > 1:
        raise UsageError("--lags is for one target.", remedy="Give one --target.")
    first, last = (lag + told.horizon - 1 for lag in told.lags)
    # Before a column is made for each: so many may not fit into memory.
    if last >= table.rows:
        nearer = " or a smaller --horizon" if told.horizon > 1 else ""
        raise _no_history(table, first, last, f"Add rows, or try fewer --lags{nearer}.")
    return Lags(targets[0], told.time, rows_before(told.lags, told.horizon), told.group)


def _no_history(table: Table, first: int, last: int, remedy: str) -> FitError:
    message = f"no row knows the target of all of {first} to {last} rows before."
    return FitError(message, where=table.title, remedy=remedy)


def with_history(table: Table, told: TableSettings) -> tuple[Table, TableSettings]:
    """The table with the lags that training is told to look at, and the settings that name its
    columns; both as they are where there are none, or where they have been made already."""
    lags = lags_told(table, told)
    if lags is None:
        return table, told
    # Columns of the file that are called so are none of these, and are refused.
    if not table.columns.keys() - set(table.names) >= set(lags.names):
        table = with_lags(table, lags)
    keep = tuple(dict.fromkeys([*told.keep, *lags.names])) if told.keep else ()
    return table, replace(told, target=(lags.target,), keep=keep)


def with_lags(table: Table, lags: Lags) -> Table:
    """The table with a column for each lag, without the rows whose history is not whole; a note
    says which.

    Raises ColumnError for columns of such names, for times that two rows share, and for a target
    that is no number, FitError where no row has a whole history.
    """
    if both := [name for name in lags.names if name in (*table.names, *table.columns)]:
        raise ColumnError(
            f"{shown(both[0])} is in the file, and --lags makes a column of that name.",
            where=table.title,
            remedy="Rename it.",
        )
    order, starts = _ordered(table, lags)
    values = numbers_of(table.column(lags.target), table, "Lags are of a target of numbers.")
    before = np.arange(table.rows)[:, None] - np.array(lags.rows)
    history = np.empty(before.shape)
    known = before >= starts[:, None]
    history[order] = np.where(known, values[order][np.maximum(before, 0)], np.nan)
    whole = np.logical_and.reduce(np.isfinite(history), axis=1)
    if not whole.any():
        # A model cannot do with fewer lags than it was trained on.
        remedy = f"Add the rows before with their targets: a row needs {lags.rows[-1]}."
        raise _no_history(table, lags.rows[0], lags.rows[-1], remedy)
    made = {
        name: Column(name, "numeric", column.copy()) for name, column in zip(lags.names, history.T)
    }
    notes = table.notes + _uneven(table, lags.time, order, starts)
    if not whole.all():
        notes += (f"{table.some_rows(~whole)} left out: their history is not whole",)
    return replace(table, columns=table.columns | made, notes=notes).take(np.flatnonzero(whole))


def _ordered(table: Table, lags: Lags) -> tuple[np.ndarray, np.ndarray]:
    """The rows series by series in the order of time, (n,), and where in that order the series of
    each begins, (n,). Raises ColumnError where two rows of a series share their time."""
    times = times_of(table, lags.time)
    series = np.zeros_like(times) if lags.series is None else groups_of(table, lags.series)
    order = np.lexsort((times, series))
    same = np.append(False, np.diff(series[order]) == 0)
    if len(twice := np.flatnonzero(same[1:] & (np.diff(times[order]) == 0))):
        first = order[twice[0]]
        together = (times == times[first]) & (series == series[first])
        whose = "or name the column of series when you train"
        if lags.series is not None:
            whose = f"or each series its own {shown(lags.series)}"
        raise ColumnError(
            f"{table.some_rows(together)} have the same time, and none is before another.",
            where=table.at(lags.time),
            remedy=f"Give each row a time of its own, {whose}.",
        )
    return order, np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))


def _uneven(table: Table, time: str, order: np.ndarray, starts: np.ndarray) -> tuple[str, ...]:
    """A note where the rows, in this ``order`` of time within series that begin at ``starts``, are
    not about equally far apart: there the row before is not always one step before."""
    values = table.column(time).values[order]
    if table.column(time).kind == "category":
        try:
            values = np.array([text.rstrip("Z") for text in values.tolist()], dtype="datetime64[s]")
        except ValueError:  # No day of the calendar, like 2024-02-30: its order is known, no more.
            return ()
        values = values.astype(float)
    places = np.flatnonzero(np.diff(starts) == 0)
    steps = np.diff(values)[places]
    if not len(steps) or steps.max() < UNEVEN * np.median(steps):
        return ()
    widest = int(steps.argmax())
    place = int(places[widest])
    rows = listed([table.row_ids[order[k]] for k in (place, place + 1)])
    return (
        f"lags count rows, and those of {shown(time)} are not equally far apart: between rows "
        f"{rows} it is {steps[widest] / np.median(steps):.3g} times as far as usual",
    )
