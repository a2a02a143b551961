"""What is stored of a column, and how it is applied: numbers, far-out values, texts, agreement
with scikit-learn."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from encoded import NAN, column_of, encode, fit, make, new
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from wedgefit.data import fitting
from wedgefit.data.columns import MISSING, RARE, Feature
from wedgefit.data.encoding import Encoding
from wedgefit.errors import ColumnError, ModelFileError
from wedgefit.records import plain, read

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
    assert (
        design.y.tolist() == [[0], [1], [4]]
        and design.row_ids == [1, 2, 3]
        and encoding.standardized
    )


def test_numbers_as_they_are():
    encoding, design = encode(make(a=[1, 2, 6.0], y=[1, 2, 5]), standardize=False)
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
        encode(make(**columns), standardize=standardize)


def test_a_small_spread_is_standardised():
    _, design = encode(make(a=np.array([1, 2, 6]) * 1e-200, y=[1, 2, 5]))
    _, plain = encode(make(a=[1, 2, 6], y=[1, 2, 5]))
    np.testing.assert_allclose(design.X, plain.X, rtol=1e-14)


def test_columns_far_from_zero_are_shifted_where_biases_make_up_for_it():
    cells = 1e9 + np.array([1.0, 2, 6])
    encoding, design = encode(make(a=cells, y=[1, 2, 5]), standardize=False, shift=True)
    assert design.X[:, 0].tolist() == (cells - encoding.features[0].center).tolist()
    assert abs(design.X.mean()) < 1e-6 and encoding.features[0].scale == 1
    for options in ({"shift": False}, {"shift": True, "a": [1.0, 2, 6]}):
        given = options.pop("a", cells)
        table = make(a=given, y=[1, 2, 5])
        assert encode(table, standardize=False, **options)[1].X[:, 0].tolist() == list(given)


# Values that are far out --------------------------------------------------------------------------


CROWD = np.linspace(-1.0, 3.0, 57)  # around a median of 1


@pytest.mark.parametrize("factor", [1.0, 1e-20, 1e-150])
@pytest.mark.parametrize(
    "slips, ends, note",
    [
        ([1e12], (None, 3), "the value of 1 row (58) counts as {high}"),
        ([1e155], (None, 3), "the value of 1 row (58) counts as {high}"),
        ([1.7e308], (None, 3), "the value of 1 row (58) counts as {high}"),
        ([-1e300], (-1, None), "the value of 1 row (58) counts as {low}"),
        (
            [-1e6, 1e300],
            (-1, 3),
            "the value of 1 row (58) counts as {low}; the value of 1 row (59) counts as {high}",
        ),
        ([22], (None, 3), "the value of 1 row (58) counts as {high}"),
        ([20.9], (None, None), None),
        ([200, 300, 1e5], (None, 3), "the value of 3 rows (58, 59, 60) counts as {high}"),
        ([200, 300, 400, 500], (None, None), None),
    ],
)
def test_far_out_values_count_as_the_end_of_the_others(slips, ends, note, factor):
    """More than ten times as far from the median as the rest (2 at most), in at most one row in
    20."""
    crowd = CROWD[: 60 - len(slips)] if len(slips) > 3 else CROWD
    values = np.concatenate(
        [crowd * factor, np.array(slips) * (1.0 if max(map(abs, slips)) > 1e12 else factor)]
    )
    encoding, design = fit(a=values, b=CROWD.max() * np.arange(len(values)))
    low, high = (None if end is None else end * factor for end in ends)
    stored, near = encoding.inputs[0], values if note is None else crowd * factor
    assert stored.seen == (near.min(), near.max())
    reach = 10 * max(stored.fill - near.min(), near.max() - stored.fill)
    assert stored.limits == pytest.approx((stored.fill - reach, stored.fill + reach), rel=1e-12)
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
    later = make(a=[2.0, 3.5, -17.0, NAN, 1e200, -21.0, 19.0])
    assert encoding.remarks(later) == (
        'column "a": the value of 1 row (6) counts as -1; the value of 1 row (5) counts as 3, '
        "where most rows of training end",
        'column "a": 3 rows (2, 3, 7) lie outside -1 to 3, all that training saw',
    )
    assert encoding.remarks(make(a=[2.0, NAN])) == ()
    feature = encoding.features[0]
    raw = encoding.transform(later)[:, 0] * feature.scale + feature.center
    fill = encoding.inputs[0].fill
    np.testing.assert_allclose(raw, [2, 3.5, -17, fill, 3, -1, 19], rtol=1e-12)
    assert read(Encoding, json.loads(json.dumps(plain(encoding)))) == encoding


def slipped_columns():
    """Crowds in any order of magnitude, with and without slips, small, and mostly of one value."""
    numbers = st.integers(-999, 999).map(lambda number: number / 10)
    crowd = st.lists(numbers, min_size=3, max_size=60, unique=True)
    slips = st.lists(st.sampled_from([1e4, -1e5, 1e9, -1e200]), max_size=2)
    repeated = st.tuples(st.integers(0, 40), crowd).map(lambda some: [0.0] * some[0] + some[1])
    return st.tuples(repeated, slips).map(lambda parts: np.array(parts[0] + parts[1]))


@given(slipped_columns(), st.integers(-40, 40))
def test_one_rule_for_training_and_later(values, power):
    """Whether a number is far out is the same question of the same limits: those of training are
    beyond ten times the distance of the others, and the limits are that distance to the bit."""
    values = np.ldexp(values, power)
    (stored,) = fit(a=values)[0].inputs
    low, high = stored.limits
    near = values[(values >= low) & (values <= high)]
    assert stored.seen == (near.min(), near.max())
    reach = 10 * np.abs(near - stored.fill).max()
    assert (low, high) == pytest.approx((stored.fill - reach, stored.fill + reach), rel=1e-12)
    far = len(values) - len(near)
    assert 20 * far <= len(values)
    later = np.array([low, high, np.nextafter(low, -np.inf), np.nextafter(high, np.inf)])
    np.testing.assert_array_equal(stored.limited(later), [low, high, *stored.seen])


@pytest.mark.parametrize("values", [CROWD[:5], CROWD, np.r_[np.zeros(40), 1, 2], np.r_[0.0, 1.0]])
def test_a_column_without_slips_has_ends_too(values):
    """Small tables and columns of mostly one value among them; nine times as far is itself."""
    encoding, _ = fit(a=values)
    fill, far = np.median(values), np.abs(values - np.median(values)).max()
    later = [1e12, fill + 9 * far, fill - 9 * far, -1e300]
    feature = encoding.features[0]
    raw = encoding.transform(make(a=later))[:, 0] * feature.scale + feature.center
    np.testing.assert_allclose(raw, [values.max(), *later[1:3], values.min()], atol=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        np.exp(1.5 * np.random.default_rng(0).standard_normal(1_000)),
        np.random.default_rng(0).standard_t(3, 2_000),
        np.r_[np.zeros(40), 1e6, 5, 1],
        np.r_[np.tile([0.0, 1.0], 20), 10],
        np.r_[np.zeros(30), np.arange(29), 200],
        np.r_[CROWD[:18], 1e12],
    ],
)
def test_heavy_tails_and_rare_values_are_kept(values):
    """Tails that thin out, columns of mostly one value, and tables too small for one row to be
    rare."""
    encoding, design = fit(a=values)
    assert encoding.inputs[0].seen == (values.min(), values.max()) and not design.notes


def test_numbers_as_they_are_are_not_held_back():
    values = np.r_[CROWD, 1e9]
    encoding, design = encode(make(a=values, y=np.arange(58) ** 2.0), standardize=False)
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
    weighted = encode(
        make(a=values, w=counts * unit, y=np.arange(6) ** 2.0), target="y", weight="w"
    )[0]
    repeated = fit(a=np.repeat(values, counts))[0].inputs[0]
    assert weighted.inputs[0].limits == repeated.limits and weighted.inputs[0].seen == repeated.seen


@pytest.mark.parametrize("unit", [0.1, 0.3, 1.0, 1e3])
@pytest.mark.parametrize("far, end", [(10, 189), (11, 1e6 + 10)])
def test_the_boundary_of_far_out(far, end, unit):
    """5 % of the weight, to rounding: 10 of 200 rows are far out, 11 of 201 are not."""
    values = np.r_[np.arange(190), 1e6 + np.arange(far)]
    table = make(a=values, w=np.full(len(values), unit), y=values)
    assert encode(table, target="y", weight="w")[0].inputs[0].seen == (0, end)


@pytest.mark.parametrize("limits, field", [([None, 0.5], "fill"), ([None, 2.5], "seen")])
def test_stored_limits_hold_the_fill_and_the_ends(limits, field):
    data = plain(fit(a=[*CROWD, 1e9])[0])
    data["inputs"][0]["limits"] = limits
    with pytest.raises(ModelFileError, match=rf"inputs\[0\].{field} should be within the limits"):
        read(Encoding, data)


def test_limits_of_older_files_are_ends_themselves():
    """They did not know what training saw."""
    (stored,) = fit(a=[*CROWD, 1e9])[0].inputs
    old = replace(stored, limits=(None, 3.0), seen=None)
    assert old.limited([-1e9, 2, 3.5, 1e9]).tolist() == [-1e9, 2, 3, 3]


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
    _, design = encode(make(**dict(zip("abcd", raw.T)), y=rng.normal(size=200)))
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
    encoding, design = encode(
        make(c=cells, z=np.arange(len(cells)), y=np.arange(len(cells)) ** 2.0)
    )
    assert list(design.names) == [*kept, "z"]
    np.testing.assert_array_equal(design.X[:, :-1], oracle[:, columns])
    X = encoding.transform(make(c=later, z=np.zeros(len(later))))
    np.testing.assert_array_equal(
        X[:, :-1], sklearn.transform(np.array(later)[:, None])[:, columns]
    )


@pytest.mark.parametrize("rows", [2, 9, 130, 3000])
@pytest.mark.parametrize("weighted", [False, True])
def test_scales_are_those_of_scikit_learn(rows, weighted, rng):
    """To the bit, also of a value that stands alone among equal ones, and of a weight near zero."""
    weights = rng.uniform(0.1, 2, size=rows) if weighted else None
    for values in (
        rng.normal(size=rows),
        1.0 * (np.arange(rows) == 1),
        1e-12 * rng.normal(size=rows),
    ):
        values = values - values[0]
        scaler = StandardScaler().fit(values[:, None], sample_weight=weights)
        found = fitting._mean_and_deviation(values, weights)
        assert found == (scaler.mean_[0], scaler.scale_[0])
    if weighted:
        weights[0] = 1e-32
        values = (np.arange(rows) > 0).astype(float)
        scaler = StandardScaler().fit(values[:, None], sample_weight=weights)
        assert fitting._mean_and_deviation(values, weights) == (scaler.mean_[0], scaler.scale_[0])


def test_a_stored_number_comes_back_as_it_was_written(rng):
    """Of what rounding does not tell apart the value with few digits; long ones keep theirs."""
    written = [*np.arange(1, 200) / 20, *(10.0**15 + np.arange(9)), *rng.normal(size=50)]
    for center, scale in ((3.7, 1.9), (1e15, 3.0), (0.0, 1.0)):
        feature = Feature("a", "a", "number", None, center, scale)
        stored = (np.array(written) - center) / scale
        back = np.array([feature.raw(number) for number in stored])
        np.testing.assert_array_equal((back - center) / scale, stored)
    feature = Feature("a", "a", "number", None, 3.7, 1.9)
    found = [feature.raw((value - 3.7) / 1.9) for value in written[:199]]
    assert found == written[:199]
