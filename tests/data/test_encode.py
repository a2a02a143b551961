"""The encoding: its rules one by one, agreement with scikit-learn, storage, and what it refuses."""

import copy
import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from wedgefit.data.cells import Column
from wedgefit.data.columns import MISSING, RARE
from wedgefit.data.encoding import Encoding, fit_encoding
from wedgefit.data.table import Table, read_table
from wedgefit.data.target import Target
from wedgefit.errors import ColumnError, FitError, ModelFileError, UsageError, WedgefitError
from wedgefit.records import plain, read

SAMPLES = Path(__file__).parents[2] / "sample_data"
NAN = math.nan


def make(**columns):
    """A table of these columns: numeric where all values are numbers."""
    typed = {}
    for name, cells in columns.items():
        text = any(isinstance(cell, str) for cell in cells) or all(cell is None for cell in cells)
        typed[name] = Column(
            name,
            "category" if text else "numeric",
            np.array(cells, dtype=object if text else float),
        )
    rows = len(next(iter(columns.values())))
    return Table("t.csv", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), typed)


def fit(table=None, /, **columns):
    """The encoding and design of these columns with a regression target y that is not standard."""
    if table is None:
        table = make(**columns, y=np.arange(len(next(iter(columns.values())))) ** 2.0)
    return fit_encoding(table)


def column_of(design, name):
    return design.X[:, design.names.index(name)]


def new(encoding, **columns):
    return dict(zip(encoding.names, encoding.transform(make(**columns)).T.tolist()))


# Numbers ------------------------------------------------------------------------------------------


def test_numbers_are_standardised():
    encoding, design = fit(a=[1, 2, 6.0])
    assert design.X.dtype == np.float64 and design.X.flags.c_contiguous and design.X.shape == (3, 1)
    np.testing.assert_allclose(
        design.X.ravel(), StandardScaler().fit_transform([[1], [2], [6.0]]).ravel(), rtol=1e-14
    )
    feature = encoding.features[0]
    assert (feature.name, feature.source, feature.kind, feature.level) == ("a", "a", "number", None)
    assert (feature.center, feature.scale) == (3.0, pytest.approx(math.sqrt(14 / 3), rel=1e-15))
    assert design.y.tolist() == [0, 1, 4] and design.row_ids == [1, 2, 3] and encoding.standardized


def test_numbers_as_they_are():
    encoding, design = fit_encoding(make(a=[1, 2, 6.0], y=[1, 2, 5]), standardize=False)
    assert design.X.ravel().tolist() == [1, 2, 6] and not encoding.standardized


def test_missing_numbers_take_the_median_and_an_indicator():
    encoding, design = fit(a=[1, NAN, 3, 8.0], b=[1, 2, 3, 4.0])
    assert design.names == ("a", "a is missing", "b")
    filled = np.array([1, 3, 3, 8.0])
    np.testing.assert_allclose(
        column_of(design, "a"), (filled - filled.mean()) / filled.std(), rtol=1e-14
    )
    assert column_of(design, "a is missing").tolist() == [0, 1, 0, 0]
    assert encoding.inputs[0].fill == 3 and encoding.features[1].kind == "missing"
    later = new(encoding, a=[NAN], b=[NAN])
    assert later["a is missing"] == [1] and later["b"] == [0]  # the median of b is its mean


def test_constant_apart_from_gaps_keeps_the_indicator():
    encoding, design = fit(a=[5, NAN, 5, 5.0])
    assert design.names == ("a is missing",) and encoding.left_out == ()


@pytest.mark.parametrize(
    "values",
    [
        [1e300, -1e300, 3e300],
        [1e307, 8e307, NAN, -8e307],
        [1e-280, 2e-280, 9e-280],
        [1e9, 1e9 + 1e-6, 1e9 + 3e-6],
        [1e16, 1e16 + 2, 1e16],
        [-1.0, -1 - 2e-16, -1 - 4e-16],
    ],
)
def test_extreme_columns_stay_finite(values):
    _, design = fit(a=values)
    x = column_of(design, "a")
    assert np.isfinite(x).all() and len(set(x)) > 1
    assert abs(x.mean()) < 1.5 and 0.3 < x.std() < 3


def test_tiny_spread_beside_a_large_mean():
    steps = np.array([0, 1, 2, 3, 4, 5.0])
    _, design = fit(a=1e8 + steps * 2.0**-20)
    np.testing.assert_allclose(column_of(design, "a"), (steps - 2.5) / steps.std(), rtol=0.02)


@given(
    st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=3, max_size=30),
    st.integers(-600, 600),
)
def test_a_power_of_two_as_unit_changes_no_bit(values, power):
    values = [*values, 1.0, 2.0, 4.0]
    X = fit(a=values)[1].X
    assert fit(a=np.ldexp(values, power))[1].X.tobytes() == X.tobytes()


# Values that are far out --------------------------------------------------------------------------

CROWD = np.linspace(-1.0, 3.0, 57)  # around a median of 1


@pytest.mark.parametrize("factor", [1.0, 1e-20, 1e-150])
@pytest.mark.parametrize("slips, limits, note", [
    ([1e12], (None, 3), "the value of 1 row (58) counts as {high}"),
    ([1e155], (None, 3), "the value of 1 row (58) counts as {high}"),
    ([1.7e308], (None, 3), "the value of 1 row (58) counts as {high}"),
    ([-1e300], (-1, None), "the value of 1 row (58) counts as {low}"),
    ([-1e6, 1e300], (-1, 3), "the value of 1 row (58) counts as {low}; the value of 1 row (59) counts as {high}"),
    ([22], (None, 3), "the value of 1 row (58) counts as {high}"),
    ([20.9], (None, None), None),
    ([200, 300, 1e5], (None, 3), "the value of 3 rows (58, 59, 60) counts as {high}"),
    ([200, 300, 400, 500], (None, None), None),
])  # fmt: skip
def test_far_out_values_count_as_the_end_of_the_others(slips, limits, note, factor):
    """More than ten times as far from the median as the rest (2 at most), in at most one row in
    20."""
    crowd = CROWD[: 60 - len(slips)] if len(slips) > 3 else CROWD
    values = np.concatenate(
        [crowd * factor, np.array(slips) * (1.0 if max(map(abs, slips)) > 1e12 else factor)]
    )
    encoding, design = fit(a=values, b=CROWD.max() * np.arange(len(values)))
    low, high = (None if limit is None else limit * factor for limit in limits)
    assert encoding.inputs[0].limits == (low, high) and encoding.inputs[1].limits == (None, None)
    held = (
        np.clip(values, -np.inf if low is None else low, np.inf if high is None else high) / factor
    )
    np.testing.assert_allclose(column_of(design, "a"), (held - held.mean()) / held.std(), atol=1e-9)
    words = () if note is None else (f'column "a": {note}, being far out',)
    assert design.notes == tuple(
        text.format(low=f"{low:.10g}" if low else "", high=f"{high:.10g}" if high else "")
        for text in words
    )


def test_far_out_values_later():
    encoding, design = fit(a=[*CROWD, 1e9])
    assert design.notes == ('column "a": the value of 1 row (58) counts as 3, being far out',)
    later = make(a=[2.0, 3.5, -50.0, NAN, 1e200])
    assert encoding.remarks(later) == (
        'column "a": the value of 2 rows (2, 5) counts as 3, where most rows of training end',
        'column "a": 1 row (3) lies outside -1 to 3, all that training saw',
    )
    assert encoding.remarks(make(a=[2.0, NAN])) == ()
    feature = encoding.features[0]
    raw = encoding.transform(later)[:, 0] * feature.scale + feature.center
    np.testing.assert_allclose(raw, [2, 3, -50, encoding.inputs[0].fill, 3], rtol=1e-12)
    assert read(Encoding, json.loads(json.dumps(plain(encoding)))) == encoding


@pytest.mark.parametrize("values", [
    np.exp(1.5 * np.random.default_rng(0).standard_normal(1_000)), np.random.default_rng(0).standard_t(3, 2_000),
    np.r_[np.zeros(40), 1e6, 5, 1], np.r_[np.tile([0.0, 1.0], 20), 10], np.r_[np.zeros(30), np.arange(29), 200], np.r_[CROWD[:18], 1e12]])  # fmt: skip
def test_heavy_tails_and_rare_values_are_kept(values):
    """Tails that thin out, columns of mostly one value, and tables too small for one row to be
    rare."""
    encoding, design = fit(a=values)
    assert encoding.inputs[0].limits == (None, None) and not design.notes


def test_numbers_as_they_are_are_not_held_back():
    values = np.r_[CROWD, 1e9]
    encoding, design = fit_encoding(make(a=values, y=np.arange(58) ** 2.0), standardize=False)
    assert (
        encoding.inputs[0].limits == (None, None)
        and design.X[:, 0].tolist() == values.tolist()
        and not design.notes
    )


@given(
    st.lists(st.integers(1, 30), min_size=6, max_size=6), st.sampled_from([1.0, 0.1, 1 / 3, 7e5])
)
def test_limits_count_weights_as_repeated_rows(counts, unit):
    """Only ratios of weights count: those at the very boundary, too."""
    values, counts = np.array([0.0, 1.0, 2.0, 2.5, 1e3, -1e5]), np.array(counts)
    weighted = fit_encoding(
        make(a=values, w=counts * unit, y=np.arange(6) ** 2.0), target="y", weight="w"
    )[0]
    assert weighted.inputs[0].limits == fit(a=np.repeat(values, counts))[0].inputs[0].limits


@pytest.mark.parametrize("unit", [0.1, 0.3, 1.0, 1e3])
@pytest.mark.parametrize("far, limit", [(10, 189), (11, None)])
def test_the_boundary_of_far_out(far, limit, unit):
    """5 % of the weight, to rounding: 10 of 200 rows are far out, 11 of 201 are not."""
    values = np.r_[np.arange(190), 1e6 + np.arange(far)]
    table = make(a=values, w=np.full(len(values), unit), y=values)
    assert fit_encoding(table, target="y", weight="w")[0].inputs[0].limits == (None, limit)


def test_stored_limits_hold_the_fill():
    data = plain(fit(a=[*CROWD, 1e9])[0])
    data["inputs"][0]["limits"] = [None, 0.5]
    with pytest.raises(ModelFileError, match=r"inputs\[0\].fill should be within the limits"):
        read(Encoding, data)


# Text ---------------------------------------------------------------------------------------------


def test_levels_become_features():
    encoding, design = fit(town=["P", "R", "Q"] * 2)
    assert design.names == ("town = P", "town = Q", "town = R")
    assert design.X.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]] * 2
    assert {(f.kind, f.center, f.scale) for f in encoding.features} == {("level", 0.0, 1.0)}
    assert new(encoding, town=["Q", "new", None]) == {
        "town = P": [0, 0, 0],
        "town = Q": [1, 0, 0],
        "town = R": [0, 0, 0],
    }


@pytest.mark.parametrize(
    "cells, name", [("aab" + "b", "c = b"), ("aabbb", "c = a"), ("aaabb", "c = b")]
)
def test_two_levels_become_one_feature_for_the_rarer(cells, name):
    encoding, design = fit(c=list(cells))
    level = name[-1]
    assert design.names == (name,) and design.X.ravel().tolist() == [
        float(cell == level) for cell in cells
    ]
    assert new(encoding, c=["zzz"]) == {name: [0]}


def test_rare_levels_share_one():
    encoding, design = fit(c=list("aaabbbcdef"))
    assert encoding.inputs[0].levels == ("a", "b") and encoding.inputs[0].rare == (
        "c",
        "d",
        "e",
        "f",
    )
    assert design.names == ("c = a", "c = b", "c = (rare)")
    assert column_of(design, "c = (rare)").tolist() == [0] * 6 + [1] * 4
    assert new(encoding, c=["new", None, "c"])["c = (rare)"] == [1, 1, 1]


@pytest.mark.parametrize("rows, least", [(20, 2), (79, 3), (100, 5), (400, 10), (1000, 10)])
def test_how_rare_is_rare(rows, least):
    cells = ["kept"] * least + ["rare"] * (least - 1)
    cells += ["other"] * (rows - len(cells))
    assert fit(c=cells)[0].inputs[0].rare == ("rare",)


def test_two_groups_one_of_them_rare():
    encoding, design = fit(c=list("aaaaabcd"))
    assert design.names == ("c = (rare)",) and new(encoding, c=["a", "new"]) == {
        "c = (rare)": [0, 1]
    }
    encoding, design = fit(c=list("aabcdefgh"))  # the rare ones are the most
    assert design.names == ("c = a",) and new(encoding, c=["a", "new"]) == {"c = a": [1, 0]}


def test_missing_text_is_a_level():
    encoding, design = fit(c=["a", "a", None, None, "b", "b"])
    assert design.names == ("c = (missing)", "c = a", "c = b")
    assert encoding.features[0].kind == "missing" and new(encoding, c=[None, "a"])[
        "c = (missing)"
    ] == [1, 0]


def test_missing_text_as_the_most_frequent_level_is_zero_not_rare():
    encoding, design = fit(c=[None] * 5 + ["a", "b"])
    assert design.names == ("c = (rare)",) and new(encoding, c=[None, "a", "new"]) == {
        "c = (rare)": [0, 1, 1]
    }


def test_few_missing_texts_are_rare():
    encoding, _ = fit(c=["a", "a", "a", None, "b", "b"])
    assert encoding.inputs[0].rare == (MISSING,) and new(encoding, c=[None])["c = (rare)"] == [1]


def test_cells_that_spell_reserved_levels():
    encoding, design = fit(c=[RARE, RARE, RARE, "x", None, None, None, MISSING, MISSING])
    assert design.names == ('c = "(missing)"', 'c = "(rare)"', "c = (missing)", "c = (rare)")
    assert new(encoding, c=[RARE, MISSING, None, "x"]) == dict(
        zip(design.names, [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    )


def test_unseen():
    encoding, _ = fit(c=list("aabbc"), n=[1, 2, 3, 4, 5.0], d=["x", None, "x", None, "x"])
    assert encoding.unseen(
        make(c=["z", "c", "y", None], n=[9, 9, 9, 9], d=["x", None, "x", "x"])
    ) == {"c": (MISSING, "y", "z")}
    assert encoding.unseen(make(c=["a"], n=[1], d=[None])) == {}


def test_columns_without_information_are_left_out():
    encoding, design = fit(
        a=[1, 2, 3.0], b=[7, 7, 7], c=[NAN] * 3, d=["x"] * 3, e=["p", "q", "r"], f=[None] * 3
    )
    assert design.names == ("a",) and [column.name for column in encoding.inputs] == ["a"]
    assert encoding.left_out == (
        ("b", "constant"),
        ("c", "all missing"),
        ("d", "constant"),
        ("e", "all levels rare"),
        ("f", "all missing"),
    )


def test_feature_names_stay_unique():
    columns = {
        "sex": list("mfnmfn"),
        "sex = m": [1, 2, 3, 4, 5, 7.0],
        "age": [1, NAN, 3, 4, 5, 6],
        "age is missing": [0, 1, 5, 0, 0, 0],
    }
    encoding, design = fit(make(**columns, **{"sex = f": np.arange(6.0)}))
    assert design.names == (
        "sex = f (2)",
        "sex = m (2)",
        "sex = n",
        "sex = m",
        "age",
        "age is missing (2)",
        "age is missing",
    )
    assert column_of(design, "sex = m (2)").tolist() == [1, 0, 0, 1, 0, 0]
    assert column_of(design, "age is missing (2)").tolist() == [0, 1, 0, 0, 0, 0]


# Agreement with scikit-learn ----------------------------------------------------------------------


def test_numbers_agree_with_sklearn():
    rng = np.random.default_rng(0)
    raw = rng.normal(3, 50, (200, 4)) * [1, 1e-5, 1e7, 1]
    raw[rng.random(raw.shape) < 0.1] = NAN
    _, design = fit_encoding(make(**dict(zip("abcd", raw.T)), y=rng.normal(size=200)))
    imputed = SimpleImputer(strategy="median", add_indicator=True).fit_transform(raw)
    numbers = [design.names.index(name) for name in "abcd"]
    np.testing.assert_allclose(
        design.X[:, numbers], StandardScaler().fit_transform(imputed[:, :4]), rtol=1e-10, atol=1e-13
    )
    np.testing.assert_array_equal(np.delete(design.X, numbers, axis=1), imputed[:, 4:])


@given(
    st.sampled_from(["ab", "aab", "aaaabbbccdefg"]).flatmap(
        lambda some: st.lists(st.sampled_from(some), min_size=6, max_size=60)
    ),
    st.lists(st.sampled_from("abcxyz"), min_size=1),
)
def test_text_agrees_with_sklearn(cells, later):
    least = max(2, min(10, len(cells) // 20))
    sklearn = OneHotEncoder(
        min_frequency=least, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    oracle = sklearn.fit_transform(np.array(cells)[:, None])
    levels = sorted(level for level in set(cells) if cells.count(level) >= least)
    names = levels + [RARE] * (oracle.shape[1] - len(levels))
    kept = [f"c = {name}" for name in names]
    if len(names) <= 2:  # scikit-learn would keep both, or drop the first, whichever is rarer
        earlier, *later_one = sorted(kept)
        count = dict(zip(kept, oracle.sum(axis=0)))
        kept = [min(name, earlier, key=count.get) for name in later_one]
    columns = [f"c = {name}" in kept for name in names]
    encoding, design = fit_encoding(
        make(c=cells, z=np.arange(len(cells)), y=np.arange(len(cells)) ** 2.0)
    )
    assert list(design.names) == [*kept, "z"]
    np.testing.assert_array_equal(design.X[:, :-1], oracle[:, columns])
    X = encoding.transform(make(c=later, z=np.zeros(len(later))))
    np.testing.assert_array_equal(
        X[:, :-1], sklearn.transform(np.array(later)[:, None])[:, columns]
    )


def test_transform_starts_without_sklearn():
    code = (
        "import sys, json; from wedgefit.data.encoding import Encoding; from wedgefit.data.table import read_table;"
        "from wedgefit.records import read; e = read(Encoding, json.load(sys.stdin)); t = read_table(sys.argv[1]); e.transform(t); e.target_values(t);"
        "assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules"
    )
    encoding, _ = fit_encoding(read_table(SAMPLES / "titanic.csv"))
    subprocess.run(
        [sys.executable, "-c", code, str(SAMPLES / "titanic.csv")],
        input=json.dumps(plain(encoding)),
        text=True,
        check=True,
        cwd=SAMPLES.parent,
    )


# Targets ------------------------------------------------------------------------------------------


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
    encoding, design = fit_encoding(make(a=[1, 2, 4], t=cells), task=task)
    assert encoding.target == Target(("t",), "classification" if classes else "regression", classes)
    assert (
        design.y.tolist() == y and encoding.target_values(make(a=[1, 2, 4], t=cells)).tolist() == y
    )
    for label in classes or ():
        assert isinstance(label, (str, int)) or not label.is_integer()


def test_target_by_name_and_by_default():
    table = make(a=[1, 2, 4], b=[3, 5, 9], c=[1, 2, 3])
    assert fit_encoding(table)[0].target.name == "c"
    encoding, design = fit_encoding(table, target=["a"])
    assert design.names == ("b", "c") and design.y.tolist() == [1, 2, 4]


def test_keep_and_drop():
    table = make(a=[1, 2, 4], b=[3, 5, 9], c=[1, 2, 3], y=[1, 2, 4])
    assert fit_encoding(table, drop=["b"])[1].names == ("a", "c")
    assert fit_encoding(table, keep=("c", "a"))[1].names == ("a", "c")
    assert fit_encoding(table, keep="a")[1].names == ("a",)


def test_missing_targets_are_left_out_on_request():
    table = make(a=[1, 2, 3, 4.0], c=["p", "q", "q", None], y=[NAN, 2, NAN, 5])
    _, design = fit_encoding(table, drop_missing_target=True, task="regression")
    assert design.y.tolist() == [2, 5] and design.row_ids == [2, 4]
    assert design.notes == ('2 rows (1, 3) left out: no value of the target "y"',)
    assert fit(a=[1, 2, 3.0])[1].notes == ()


def error_of(kind, call, *args, **options):
    with pytest.raises(kind) as caught:
        call(*args, **options)
    assert type(caught.value) is kind and "\n" not in str(caught.value)
    return str(caught.value)


ROWS = {"a": [1, 2, 4.0], "b": ["u", "v", "u"]}


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
    assert words in error_of(ColumnError, fit_encoding, make(**ROWS, y=cells), **options)


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
    assert words in error_of(FitError, fit_encoding, table, **options)


def test_a_column_of_names_is_no_target():
    """One class per row or so: a fit would take for ever and say nothing."""
    names = make(a=np.arange(21.0), y=[f"n{i:02d}" for i in range(21)])
    assert 'the target has 21 classes ("n00", "n01"' in error_of(ColumnError, fit_encoding, names)
    numbers = make(a=np.arange(21.0), y=np.arange(21) + 0.5)
    assert "21 classes (0.5, 1.5" in error_of(
        ColumnError, fit_encoding, numbers, task="classification"
    )
    assert (
        len(
            fit_encoding(make(a=np.arange(20.0), y=[f"n{i:02d}" for i in range(20)]))[
                0
            ].target.classes
        )
        == 20
    )


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
    assert words in error_of(ColumnError, fit_encoding, make(**WEIGHED | {"w": cells}), weight="w")


def test_rows_of_weight_zero_are_left_out_and_noted():
    _, design = fit_encoding(make(**WEIGHED), weight="w", drop=["g"])
    assert (
        design.names == ("a",)
        and design.row_ids == [1, 2, 4]
        and design.weights.tolist() == [0.75, 1.5, 0.75]
    )
    assert design.notes == ("1 row (3) left out: their weight is zero",)
    assert "one row" in error_of(
        FitError, fit_encoding, make(**WEIGHED | {"w": [0, 0, 0, 3]}), weight="w"
    )


def test_groups_are_numbered_and_no_input():
    _, design = fit_encoding(make(**WEIGHED), group="g", weight="w")
    assert design.names == ("a",) and design.groups.tolist() == [0, 1, 1]
    missing = make(**WEIGHED | {"g": ["u", None, "u", None]})
    assert "the group is missing in 2 rows (2, 4)" in error_of(
        ColumnError, fit_encoding, missing, group="g"
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
    assert words in error_of(ColumnError, fit_encoding, make(**WEIGHED), **options)


def test_the_last_column_with_no_other_role_is_the_target():
    assert fit_encoding(make(**WEIGHED), weight="y", group="g")[0].target.names == ("w",)


def test_refused_options():
    error_of(UsageError, fit_encoding, make(**ROWS, y=[1, 2, 3]), task="cluster")
    table = make(a=[1, 2, 1e200], y=[1, 2, 3])
    assert "row 3" in error_of(ColumnError, fit_encoding, table, standardize=False)


@pytest.mark.parametrize(
    "labels, words",
    [
        ([0, 1, 2], "1 row (3) with labels other than 0 or 1: 2"),
        ([0, NAN, NAN], "missing in 2 rows (2, 3)"),
        (["0", "x", "1"], '1 row (2) with labels other than 0 or 1: "x"'),
    ],
)
def test_labels_of_new_data(labels, words):
    encoding, _ = fit_encoding(make(a=[1, 2, 3], y=[0, 1, 1]))
    assert words in error_of(ColumnError, encoding.target_values, make(y=labels))


def test_target_of_new_data_of_another_kind():
    classes, _ = fit_encoding(make(a=[1, 2, 3], y=["07", "1", "1"]))
    assert classes.target_values(make(y=[7.0, 1.0])).tolist() == [-1, 1]
    numbers, _ = fit_encoding(make(a=[1, 2, 3], y=[1, 2, 3]))
    assert numbers.target_values(make(y=["007", "2"])).tolist() == [7, 2]
    assert "row 2" in error_of(ColumnError, numbers.target_values, make(y=["1", "x"]))
    assert 'no column "y"' in error_of(ColumnError, numbers.target_values, make(a=[1]))


# New tables ---------------------------------------------------------------------------------------


def test_columns_are_matched_by_name():
    encoding, design = fit(a=[1, 2, 4.0], b=["u", "v", "u"])
    again = encoding.transform(make(junk=["?"] * 3, b=["u", "v", "u"], a=[1, 2, 4.0]))
    assert again.tobytes() == design.X.tobytes()
    assert encoding.transform(make(a=[1.0], b=["u"]).take([])).shape == (0, 2)


def test_missing_columns_are_named_at_once():
    encoding, _ = fit(a=[1, 2, 4.0], b=["u", "v", "u"], c=[1, 2, 3])
    for method in (encoding.transform, encoding.unseen):
        assert '2 columns are missing: "a", "b"' in error_of(ColumnError, method, make(c=[1]))
        assert 'there is no column "b". Did you mean "B"?' in error_of(
            ColumnError, method, make(a=[1], B=["u"], c=[1])
        )


def test_text_where_numbers_are_expected():
    encoding, _ = fit(a=[1, 2, 4.0])
    message = error_of(ColumnError, encoding.transform, make(a=["1", None, "x"]))
    assert 't.csv, row 3 (line 4), column "a": "x" is not a number' in message
    assert new(encoding, a=["007", None])["a"] == new(encoding, a=[7, NAN])["a"]


@pytest.mark.parametrize(
    "levels, number, level",
    [
        (["7", "x"], 7.0, "7"),
        (["007", "x"], 7.0, "007"),
        (["1.50", "x"], 1.5, "1.50"),
        (["7.0", "7", "x"], 7.0, "7"),
        (["07", "7", "x"], 7.0, "7"),
        (["0", "x"], 0.0, "0"),
        (["1e3", "x"], 1000.0, "1e3"),
    ],
)
def test_numbers_where_text_is_expected(levels, number, level):
    encoding, _ = fit(c=levels * 2 + ["many"] * 3)
    assert {name: value for name, (value,) in new(encoding, c=[number]).items() if value} == {
        f"c = {level}": 1
    }
    assert encoding.unseen(make(c=[number, 12.0, 0.25, NAN])) == {"c": (MISSING, "0.25", "12")}


def test_values_out_of_range():
    error_of(ColumnError, fit, a=[1.7e308, 1.6e308, -1.7e308])
    encoding, _ = fit(a=[1e-200, 2e-200, 4e-200])
    assert 'row 2 (line 3), column "a": the value 1e+200 is too large' in error_of(
        ColumnError, encoding.transform, make(a=[0, 1e200])
    )


def test_schema_reads_new_files_as_in_training(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("zip,junk,a,y\n1.50,1,1,0\n7,2,2,1\n8,x,3,1\n", encoding="utf-8")
    encoding, _ = fit_encoding(make(a=[1, 2, 3, 4], zip=["1.50", "x", "7", "7"], y=[0, 1, 1, 0]))
    assert encoding.schema() == {"a": "numeric", "zip": "category"}
    assert encoding.schema(target=True)["y"] == "numeric"
    table = read_table(path, schema=encoding.schema(target=True))
    assert (
        table.columns["zip"].values.tolist() == ["1.50", "7", "8"] and "junk" not in table.columns
    )
    assert encoding.target_values(table).tolist() == [-1, 1, 1]
    assert fit_encoding(make(a=[1, 2], y=["p", "q"]))[0].schema(target=True)["y"] == "category"


def test_row_permutation_permutes_the_design():
    table = read_table(SAMPLES / "titanic.csv")
    order = np.random.default_rng(0).permutation(table.rows)
    (encoding, design), (moved_encoding, moved) = (
        fit_encoding(table),
        fit_encoding(table.take(order)),
    )
    assert moved.row_ids == (order + 1).tolist() and moved.names == design.names
    np.testing.assert_allclose(moved.X, design.X[order], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(moved.y, design.y[order])
    assert encoding.inputs == moved_encoding.inputs


# Storage ------------------------------------------------------------------------------------------


def through_json(encoding):
    return read(Encoding, json.loads(json.dumps(plain(encoding), allow_nan=False)))


@pytest.mark.parametrize("name", ["spiral", "mcycle", "concrete", "titanic"])
def test_stored_encodings_are_bit_equal(name):
    table = read_table(SAMPLES / f"{name}.csv")
    encoding, design = fit_encoding(table)
    stored = through_json(encoding)
    assert stored == encoding == read(Encoding, plain(encoding)) and repr(stored) == repr(encoding)
    assert (
        stored.transform(table).tobytes()
        == design.X.tobytes()
        == encoding.transform(table).tobytes()
    )
    assert stored.target_values(table).tobytes() == design.y.tobytes()


CELL = st.one_of(
    st.none(),
    st.sampled_from(["a", "b", "é\n", "7", RARE, MISSING]),
    st.text(max_size=3).filter(bool),
)
NUMBER = st.one_of(
    st.just(NAN), st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3).map(float)
)


@given(
    st.integers(2, 25).flatmap(
        lambda n: st.tuples(
            *[st.lists(kind, min_size=n, max_size=n) for kind in (CELL, NUMBER, NUMBER)]
        )
    )
)
def test_any_table_is_stored_bit_equal_or_refused(columns):
    text, number, y = columns
    table = make(n=number, t=text, y=y)
    try:
        encoding, design = fit_encoding(table, drop_missing_target=True)
    except WedgefitError as error:
        assert str(error)
        return
    stored = through_json(encoding)
    rows = table.take([row - 1 for row in design.row_ids])
    assert repr(stored) == repr(encoding) and stored.transform(rows).tobytes() == design.X.tobytes()
    assert np.isfinite(design.X).all() and len(set(design.names)) == design.X.shape[1]
    assert (np.ptp(design.X, axis=0) > 0).all() and not encoding.unseen(rows)


GOOD = plain(
    fit_encoding(make(a=[1, NAN, 4, 5.0], c=["u", "v", "u", "w"], k=[1, 1, 1, 1], y=[0, 1, 1, 0]))[
        0
    ]
)


def broken(path, value):
    data = copy.deepcopy(GOOD)
    *parents, last = path
    part = data
    for key in parents:
        part = part[key]
    if value is KeyError:
        del part[last]
    else:
        part[last] = value
    return data


@pytest.mark.parametrize(
    "path, value",
    [
        (["inputs"], KeyError),
        (["inputs"], {}),
        (["inputs", 0], []),
        (["inputs", 0, "fill"], KeyError),
        (["inputs", 0, "extra"], 1),
        (["inputs", 0, "fill"], NAN),
        (["inputs", 0, "fill"], None),
        (["inputs", 0, "fill"], "4"),
        (["inputs", 0, "fill"], True),
        (["inputs", 0, "fill"], 10**400),
        (["inputs", 0, "levels"], ["x"]),
        (["inputs", 0, "kind"], "number"),
        (["inputs", 0, "kind"], []),
        (["inputs", 0, "name"], "c"),
        (["inputs", 0, "name"], "other"),
        (["inputs", 1, "fill"], 1.0),
        (["inputs", 1, "levels"], "u"),
        (["inputs", 1, "levels"], ["u", "u"]),
        (["inputs", 1, "levels"], [1]),
        (["inputs", 1, "rare"], ["u"]),
        (["inputs", 1, "name"], 1),
        (["features"], None),
        (["features", 0, "scale"], 0),
        (["features", 0, "scale"], -1.0),
        (["features", 0, "center"], math.inf),
        (["features", 0, "level"], "u"),
        (["features", 0, "kind"], "level"),
        (["features", 0, "kind"], "fourth"),
        (["features", 0, "name"], None),
        (["features", 0, "source"], "zzz"),
        (["features", 0, "name"], "a is missing"),
        (["features", 2, "level"], "zzz"),
        (["features", 2, "level"], None),
        (["features", 2, "kind"], "missing"),
        (["features", 2, "kind"], "number"),
        (["target"], None),
        (["target", "task"], "auto"),
        (["target", "task"], "regression"),
        (["target", "classes"], None),
        (["target", "classes"], [0]),
        (["target", "classes"], [1, 0]),
        (["target", "classes"], [0, 0]),
        (["target", "classes"], [0, "1"]),
        (["target", "classes"], [0, NAN]),
        (["target", "classes"], [False, True]),
        (["target", "classes"], [None, 1]),
        (["target", "name"], 3),
        (["left_out", 0], ["k"]),
        (["left_out", 0], "kc"),
        (["left_out", 0, 1], 1),
        (["standardized"], 1),
        (["more"], 1),
    ],
)
def test_damaged_encodings(path, value):
    assert read(Encoding, GOOD).left_out == (("k", "constant"),)
    message = error_of(ModelFileError, read, Encoding, broken(path, value))
    assert " should be " in message and "Train the model again." in message


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_not_an_encoding(data):
    error_of(ModelFileError, read, Encoding, data)


def test_records_are_frozen():
    encoding, design = fit(a=[1, 2, 4.0])
    for record in (encoding, design, encoding.target, encoding.inputs[0], encoding.features[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.name = "x"


@pytest.mark.parametrize(
    "column, cells, standardize",
    [
        ("a", [0, 5e-324, 0], True),
        ("a", [1e-310, 2e-310, 9e-310], True),
        ("a", [0, 1e-320, 3e-320], False),
        ("a", [1e-200, 2e-200, 4e-200], False),
        ("y", [0, 1e-161, 3e-161], True),
    ],
)
def test_spreads_too_small_to_compute_with_are_refused(column, cells, standardize):
    """Squares of such numbers are zero: they once gave models of objective 0 that did not load."""
    columns = {"a": [1.0, 2, 4], "b": [1.0, 4, 9], "y": [1.0, 2, 5]} | {column: cells}
    with pytest.raises(ColumnError, match="too little to compute with"):
        fit_encoding(make(**columns), standardize=standardize)


def test_a_small_spread_is_standardised():
    _, design = fit_encoding(make(a=np.array([1, 2, 6]) * 1e-200, y=[1, 2, 5]))
    _, plain = fit_encoding(make(a=[1, 2, 6], y=[1, 2, 5]))
    np.testing.assert_allclose(design.X, plain.X, rtol=1e-14)


def test_columns_far_from_zero_are_shifted_where_biases_make_up_for_it():
    cells = 1e9 + np.array([1.0, 2, 6])
    encoding, design = fit_encoding(make(a=cells, y=[1, 2, 5]), standardize=False, shift=True)
    assert design.X[:, 0].tolist() == (cells - encoding.features[0].center).tolist()
    assert abs(design.X.mean()) < 1e-6 and encoding.features[0].scale == 1
    for options in ({"shift": False}, {"shift": True, "a": [1.0, 2, 6]}):
        given = options.pop("a", cells)
        table = make(a=given, y=[1, 2, 5])
        assert fit_encoding(table, standardize=False, **options)[1].X[:, 0].tolist() == list(given)
