"""Arrays, as users of scikit-learn hand them over, become tables: names, labels, weights, groups,
folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from wedgefit.data.cells import Column
from wedgefit.data.table import Table

WEIGHTS, GROUPS, TARGET = "sample_weight", "groups", "y"


@dataclass(frozen=True, eq=False)
class Handed:
    """What an estimator was given: the table, the columns of it that play a part besides inputs
    and target, and the rows that count, (n,)."""

    table: Table
    roles: dict[str, str]
    kept: np.ndarray


def handed_over(
    X: np.ndarray, names: Sequence[str], target: Mapping[str, Column], sample_weight, groups
) -> Handed:
    """X (n, d) under these names with its target, and the weights (n,) and groups (n,) if there are
    any. Raises ValueError."""
    columns, roles, kept = columns_of(names, X) | target, {}, np.ones(len(X), dtype=bool)
    if sample_weight is not None:
        weights = column_or_1d(
            check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=WEIGHTS)
        )
        check_consistent_length(X, weights)
        roles["weight"], kept = WEIGHTS, weights > 0
        columns[WEIGHTS] = Column(WEIGHTS, "numeric", weights)
    if groups is not None:
        codes = _codes(column_or_1d(groups))
        check_consistent_length(X, codes)
        roles["group"] = GROUPS
        columns[GROUPS] = Column(GROUPS, "numeric", codes)
    return Handed(table_of(columns), roles, kept)


def columns_of(names: Sequence[str], X: np.ndarray) -> dict[str, Column]:
    """The columns of X (n, d) by name."""
    return {name: Column(name, "numeric", values) for name, values in zip(names, X.T)}


def table_of(columns: dict[str, Column]) -> Table:
    """The table of columns of equal length; rows go by their number from 1."""
    rows = len(next(iter(columns.values())).values)
    return Table("the data", ",", list(range(1, rows + 1)), np.arange(1, rows + 1), columns)


def column_names(estimator: Any) -> list[str]:
    """The names of the inputs of a fitted estimator: those of the frame, or x0, x1, …"""
    names = getattr(estimator, "feature_names_in_", None)
    names = (
        [f"x{j}" for j in range(estimator.n_features_in_)]
        if names is None
        else [str(name) for name in names]
    )
    distinct = len({*names, WEIGHTS, GROUPS}) == len(names) + 2
    return names if distinct else [f"x{j}: {name}" for j, name in enumerate(names)]


def free_names(estimator: Any, wished: Sequence[str]) -> list[str]:
    """Names for target columns that no input has."""
    taken = {*column_names(estimator), WEIGHTS, GROUPS}
    return [
        next(free for k in range(len(taken) + 1) if (free := name + "_" * k) not in taken)
        for name in wished
    ]


def folds(cv, X: np.ndarray, y: np.ndarray, task: str, groups, kept: np.ndarray):
    """The number of folds, or the splits that a splitter or an iterable gives, counted in the rows
    that are kept."""
    if isinstance(cv, int | np.integer | str):
        return cv
    position = np.cumsum(kept) - 1
    splits = check_cv(cv, y, classifier=task == "classification").split(X, y, groups)
    return [tuple(position[part[kept[part]]] for part in split) for split in splits]


def counted(y: np.ndarray, sample_weight) -> np.ndarray:
    """The targets of the rows that count."""
    if sample_weight is None:
        return y
    weights = column_or_1d(sample_weight)
    check_consistent_length(y, weights)
    return y[weights > 0]


def labels_of(name: str, y: np.ndarray) -> Column:
    """Labels as a column: numbers as they are, anything else as text. Raises ValueError for whole
    numbers that float64 confuses."""
    if y.dtype.kind in "iuf":
        if len(np.unique(y.astype(float))) < len(np.unique(y)):
            raise ValueError(
                "some labels are whole numbers too large to tell apart (beyond 2**53);"
                " pass them as text: y.astype(str)."
            )
        return Column(name, "numeric", y.astype(float))
    return Column(name, "category", np.array([str(label) for label in y], dtype=object))


def _codes(groups: np.ndarray) -> np.ndarray:
    """Groups by number. Raises ValueError for a row without a group."""
    absent = [k for k, group in enumerate(groups.tolist()) if group is None or group != group]
    if absent:
        raise ValueError(f"groups has no value in row {absent[0]} (from 0); expected one per row.")
    return np.unique(groups, return_inverse=True)[1].astype(float)
