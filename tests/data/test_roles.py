"""Which columns play which part, and which rows take part."""

import numpy as np
import pytest
from encoded import NAN, encode, error_of, fit, make

from wedgefit.data.table import Table
from wedgefit.errors import ColumnError, FitError


def test_target_by_name_and_by_default():
    table = make(a=[1, 2, 4], b=[3, 5, 9], c=[1, 2, 3])
    assert encode(table)[0].target.name == "c"
    encoding, design = encode(table, target=["a"])
    assert design.names == ("b", "c") and design.y.tolist() == [[1], [2], [4]]


def test_keep_and_drop():
    table = make(a=[1, 2, 4], b=[3, 5, 9], c=[1, 2, 3], y=[1, 2, 4])
    assert encode(table, drop=["b"])[1].names == ("a", "c")
    assert encode(table, keep=("c", "a"))[1].names == ("a", "c")
    assert encode(table, keep="a")[1].names == ("a",)


def test_missing_targets_are_left_out_on_request():
    table = make(a=[1, 2, 3, 4.0], c=["p", "q", "q", None], y=[NAN, 2, NAN, 5])
    _, design = encode(table, drop_missing_target=True, task="regression")
    assert design.y.tolist() == [[2], [5]] and design.row_ids == [2, 4]
    assert design.notes == ('2 rows (1, 3) left out: no value of the target "y"',)
    assert fit(a=[1, 2, 3.0])[1].notes == ()


@pytest.mark.parametrize("y", [[NAN, 2.0, 3.0], [NAN, NAN, NAN]])
def test_a_target_that_nobody_named_is_said_to_be_the_last_column(y):
    table, words = make(a=[1, 2, 3.0], y=y), "It is the last column"
    assert words in error_of(ColumnError, encode, table)
    assert "--target NAME" in error_of(ColumnError, encode, table)
    assert words not in error_of(ColumnError, encode, table, target=["y"])


@pytest.mark.parametrize(
    "table, options, words",
    [
        (make(a=[1], y=[2]), {}, "one row"),
        (make(a=[1, 2, 3], y=[NAN, NAN, 2]), {"drop_missing_target": True}, "one row"),
        (make(a=[1, 1], y=[1, 2]), {}, '"a" is constant'),
        (make(y=[1, 2]), {}, "only the target is there"),
        (make(a=[1, 2], y=[1, 2]), {"drop": ["a"]}, "no column is left"),
        (Table("t.csv", ",", [1], np.array([2]), {}), {}, "no column left"),
    ],
)
def test_refused_tables(table, options, words):
    assert words in error_of(FitError, encode, table, **options)


WEIGHED = {"a": [1, 2, 4.0, 5], "w": [1, 2, 0, 1], "g": ["u", "v", "u", "v"], "y": [1, 2, 3, 5.0]}


@pytest.mark.parametrize(
    "cells, words",
    [
        (
            [1, -2, 0, 1],
            'row 2 (line 3), column "w": this weight is -2; expected a number from 0 up',
        ),
        ([1, 2, NAN, 1], 'row 3 (line 4), column "w": this weight is missing'),
        (["1", "x", "1", "1"], 'row 2 (line 3), column "w": "x" is not a number'),
        ([1, 1, 1, 1e200], 'row 4 (line 5), column "w": this weight is 1e+200'),
    ],
    ids=["negative", "missing", "text", "huge"],
)
def test_weights_are_numbers_from_0_up(cells, words):
    assert words in error_of(ColumnError, encode, make(**WEIGHED | {"w": cells}), weight="w")


def test_rows_of_weight_zero_are_left_out_and_noted():
    _, design = encode(make(**WEIGHED), weight="w", drop=["g"])
    assert (
        design.names == ("a",)
        and design.row_ids == [1, 2, 4]
        and design.weights.tolist() == [0.75, 1.5, 0.75]
    )
    assert design.notes == ("1 row (3) left out: their weight is zero",)
    assert "one row" in error_of(
        FitError, encode, make(**WEIGHED | {"w": [0, 0, 0, 3]}), weight="w"
    )


def test_groups_are_numbered_and_no_input():
    _, design = encode(make(**WEIGHED), group="g", weight="w")
    assert design.names == ("a",) and design.groups.tolist() == [0, 1, 1]
    missing = make(**WEIGHED | {"g": ["u", None, "u", None]})
    assert "the group is missing in 2 rows (2, 4)" in error_of(
        ColumnError, encode, missing, group="g"
    )


@pytest.mark.parametrize(
    "options, words",
    [
        ({"weight": "y", "target": ["y"]}, '"y" cannot have two roles'),
        ({"weight": "w", "group": "w"}, '"w" cannot have two roles'),
        ({"target": ["y", "y"]}, '"y" is a --target twice'),
        ({"weight": "zz"}, 'no column "zz"'),
        ({"group": "zz"}, 'no column "zz"'),
        ({"weight": "w", "keep": ["w"]}, '"w" is the column of weights'),
        ({"group": "g", "drop": ["g"]}, '"g" is the column of groups'),
    ],
    ids=str,
)
def test_a_column_has_one_role(options, words):
    assert words in error_of(ColumnError, encode, make(**WEIGHED), **options)


def test_the_last_column_with_no_other_role_is_the_target():
    assert encode(make(**WEIGHED), weight="y", group="g")[0].target.names == ("w",)
