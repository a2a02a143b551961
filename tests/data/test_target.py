"""What is predicted: numbers or classes, and what is refused."""

import numpy as np
import pytest
from encoded import NAN, ROWS, encode, error_of, make

from wedgefit.data.target import Target
from wedgefit.errors import ColumnError, UsageError


@pytest.mark.parametrize(
    "cells, task, classes, y",
    [
        (["no", "yes", "no"], "auto", ("no", "yes"), [-1, 1, -1]),
        ([1, 0, 1], "auto", (0, 1), [1, -1, 1]),
        ([2.5, 2.5, -1], "auto", (-1, 2.5), [1, 1, -1]),
        ([1, 2, 4], "auto", None, [1, 2, 4]),
        ([0, 1, 1], "regression", None, [0, 1, 1]),
        ([7, 9, 9], "classification", (7, 9), [-1, 1, 1]),
        (["007", "1.5", "2"], "regression", None, [7, 1.5, 2]),
        (["r", "p", "q"], "auto", ("p", "q", "r"), [[-1, -1, 1], [1, -1, -1], [-1, 1, -1]]),
        ([3.5, 1, 2], "classification", (1, 2, 3.5), [[-1, -1, 1], [1, -1, -1], [-1, 1, -1]]),
    ],
)
def test_tasks(cells, task, classes, y):
    encoding, design = encode(make(a=[1, 2, 4], t=cells), task=task)
    assert encoding.target == Target(("t",), "classification" if classes else "regression", classes)
    again = encoding.target_values(make(a=[1, 2, 4], t=cells))
    assert design.y.tolist() == again.tolist() == np.reshape(y, (3, -1)).tolist()
    for label in classes or ():
        assert isinstance(label, (str, int)) or not label.is_integer()


@pytest.mark.parametrize(
    "cells, options, words",
    [
        ([1, 2, 3], {"target": "yy"}, 't.csv: there is no column "yy"'),
        ([1, 1, 1], {}, 'column "y": the target is 1 in every row'),
        (["x"] * 3, {}, 'the target is "x" in every row'),
        ([NAN] * 3, {}, "all values of the target are missing"),
        ([None] * 3, {"drop_missing_target": True}, "all values of the target are missing"),
        (
            ["1", "x", "y"],
            {"task": "regression"},
            't.csv, row 2 (line 3), column "y": "x" is not a number',
        ),
        (["1", "1e400", "2"], {"task": "regression"}, "row 2"),
        (
            [1, NAN, NAN],
            {},
            "missing in 2 rows (2, 3). Leave these rows out with --drop-missing-target",
        ),
        ([1, 2, 1e200], {}, "1e+200 is too large"),
        ([1, 2, 3], {"keep": ["zz"]}, 'no column "zz"'),
        ([1, 2, 3], {"drop": ["zz"]}, 'no column "zz"'),
        ([1, 2, 3], {"drop": ["y"]}, '"y" is the target'),
        ([1, 2, 3], {"keep": ["a", "y"]}, '"y" is the target'),
        ([1, 2, 3], {"keep": ["a"], "drop": ["a"]}, "both --keep and --drop"),
    ],
)
def test_refused_columns(cells, options, words):
    assert words in error_of(ColumnError, encode, make(**ROWS, y=cells), **options)


def test_a_column_of_names_is_no_target():
    """One class per row or so: a fit would take for ever and say nothing."""
    names = make(a=np.arange(21.0), y=[f"n{i:02d}" for i in range(21)])
    assert 'the target has 21 classes ("n00", "n01"' in error_of(ColumnError, encode, names)
    numbers = make(a=np.arange(21.0), y=np.arange(21) + 0.5)
    assert "21 classes (0.5, 1.5" in error_of(ColumnError, encode, numbers, task="classification")
    assert (
        len(encode(make(a=np.arange(20.0), y=[f"n{i:02d}" for i in range(20)]))[0].target.classes)
        == 20
    )


def test_refused_options():
    error_of(UsageError, encode, make(**ROWS, y=[1, 2, 3]), task="cluster")
    table = make(a=[1, 2, 1e200], y=[1, 2, 3])
    assert "row 3" in error_of(ColumnError, encode, table, standardize=False)


@pytest.mark.parametrize(
    "labels, words",
    [
        ([0, 1, 2], "1 row (3) with labels other than 0 or 1: 2"),
        ([0, NAN, NAN], "missing in 2 rows (2, 3)"),
        (["0", "x", "1"], '1 row (2) with labels other than 0 or 1: "x"'),
    ],
)
def test_labels_of_new_data(labels, words):
    encoding, _ = encode(make(a=[1, 2, 3], y=[0, 1, 1]))
    assert words in error_of(ColumnError, encoding.target_values, make(y=labels))


def test_target_of_new_data_of_another_kind():
    classes, _ = encode(make(a=[1, 2, 3], y=["07", "1", "1"]))
    assert classes.target_values(make(y=[7.0, 1.0])).tolist() == [[-1], [1]]
    numbers, _ = encode(make(a=[1, 2, 3], y=[1, 2, 3]))
    assert numbers.target_values(make(y=["007", "2"])).tolist() == [[7], [2]]
    assert "row 2" in error_of(ColumnError, numbers.target_values, make(y=["1", "x"]))
    assert 'no column "y"' in error_of(ColumnError, numbers.target_values, make(a=[1]))
