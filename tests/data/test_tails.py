"""Columns taken apart: numbers beyond a boxplot's whiskers count as the nearest of the rest, and an
end that many rows share has a feature of its own."""

import json

import numpy as np
import pytest
from encoded import NAN, column_of, encode, error_of, make, new

from wedgefit.data.encoding import Encoding, uneven
from wedgefit.errors import ModelFileError, UsageError
from wedgefit.records import plain, read

# Quartiles 2 and 6, so that whiskers end at −4 and 12 at the latest.
EIGHT = [1, 2, 2, 3, 5, 6, 6, 7.0]


def clipped(table=None, **columns):
    rows = len(next(iter(columns.values()), []))
    table = table or make(**{"y": np.arange(rows) ** 2.0} | columns)
    return encode(table, target="y", robust="on")


def test_tails_count_as_the_nearest_number_within_the_whiskers():
    encoding, design = clipped(a=[*EIGHT[:-1], 30.0])
    (column,) = encoding.inputs
    assert (column.limits, column.seen, encoding.robust) == ((-4, 12), (1, 6), True)
    counted = np.array([*EIGHT[:-1], 6.0])
    np.testing.assert_allclose(
        column_of(design, "a"), (counted - counted.mean()) / counted.std(), rtol=1e-14
    )
    later = new(encoding, a=[12.5, 1e300, 6, 12, -4.5, 1])["a"]
    assert later[0] == later[1] == later[2] and later[3] > later[2] and later[4] == later[5]


def test_as_a_boxplot_draws_them():
    """Where quartiles lie between rows, matplotlib puts them elsewhere; here they do not."""
    cbook = pytest.importorskip("matplotlib.cbook")
    values = np.sinh(2 * np.random.default_rng(0).normal(size=41))
    (drawn,) = cbook.boxplot_stats(values)
    encoding, _ = clipped(a=values.tolist())
    assert encoding.inputs[0].seen == (drawn["whislo"], drawn["whishi"])


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (EIGHT, "no number is beyond"),
        ([0, 0, 0, 0, 0, 0, 0, 9.0], "the quartiles are one value"),
        ([0, 1, 0, 1, 1, 0, 1, 1.0], "two values"),
        ([3, NAN, 4, 5, NAN, 6, 7, 8.0], "gaps are beyond nothing"),
    ],
)
def test_columns_without_tails_stay_as_they_are(values, why):
    table = make(a=values, y=np.arange(8) ** 2.0)
    (_, own), (encoding, design) = encode(table), clipped(table)
    assert np.array_equal(own.X, design.X), why
    assert not any("tails" in note for note in design.notes)
    assert encoding.tails(table) == ()


def test_gaps_count_as_the_median_beside_clipped_tails():
    encoding, design = clipped(a=[*EIGHT, NAN, 40.0], y=np.arange(10.0))
    assert design.names == ("a", "a is missing")
    row = column_of(design, "a")
    assert row[8] == new(encoding, a=[encoding.inputs[0].fill])["a"][0]
    assert row[9] == row[7]


def test_weights_count_as_repetitions():
    rng = np.random.default_rng(1)
    a, count = np.exp(2 * rng.normal(size=30)), rng.integers(1, 5, 30)
    y = rng.normal(size=30)
    weighted, _ = encode(make(a=a, w=count.astype(float), y=y), weight="w", robust="on")
    repeated, _ = encode(make(a=a.repeat(count), y=y.repeat(count)), robust="on")
    one, other = weighted.inputs[0], repeated.inputs[0]
    assert (one.limits, one.seen) == (other.limits, other.seen)
    assert weighted.features[0].scale == pytest.approx(repeated.features[0].scale, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-200, 1e200, 2e306])
def test_numbers_at_the_ends_of_float64(unit):
    values = np.array([*EIGHT, 30.0]) * unit
    encoding, design = clipped(a=values.tolist())
    assert np.isfinite(design.X).all() and encoding.inputs[0].seen == (unit, 7 * unit)
    same, _ = clipped(a=[*EIGHT, 30.0])
    np.testing.assert_allclose(design.X, same.transform(make(a=[*EIGHT, 30.0])), rtol=1e-12)


def test_what_is_told():
    """Of tails a sentence with counts; a slip, which is far out, still by its row."""
    values = [*EIGHT * 3, 20.0, 1e9]
    encoding, design = clipped(a=values, y=np.arange(26.0))
    assert [note for note in design.notes if "tails" in note] == ['tails are clipped: 2 of "a"']
    (slip,) = (note for note in design.notes if "far out" in note)
    assert "26" in slip and "counts as 7," in slip
    later = make(a=[1.0, 15.0, NAN], y=[0, 1, 2.0])
    assert encoding.remarks(later)[0] == 'tails are clipped: 1 of "a"'
    assert encoding.remarks(make(a=[1.0, 2.0])) == ()


def test_which_columns_make_it_worth_trying():
    rng = np.random.default_rng(0)
    for values, heavy in (
        (rng.normal(size=400), False),
        (rng.uniform(size=400), False),
        (rng.integers(0, 3, 400).astype(float), False),
        (rng.exponential(size=400), True),
        (rng.standard_t(2, size=400), True),
        (np.where(rng.random(400) < 0.5, 0.0, rng.uniform(size=400)), True),
    ):
        table = make(a=values, b=rng.normal(size=400), y=rng.normal(size=400))
        assert uneven(encode(table)[0], encode(table, robust="on")[0]) is heavy


AMOUNTS = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6.0]


def test_an_end_that_many_rows_share_is_told_apart():
    """Standardised, as the numbers beside it are."""
    encoding, design = clipped(a=AMOUNTS)
    assert design.names == ("a", "a = 0") and encoding.features[1].at == 0
    there = np.array(AMOUNTS) == 0
    np.testing.assert_allclose(
        column_of(design, "a = 0"), (there - 0.4) / np.sqrt(0.4 * 0.6), rtol=1e-14
    )
    later = new(encoding, a=[0, -0.0, 0.5, 7])["a = 0"]
    assert later[0] == later[1] > later[2] == later[3]
    upper, design = clipped(a=[8 - value for value in AMOUNTS])
    assert design.names == ("a", "a = 8") and upper.features[1].at == 8


def test_an_end_of_minus_zero_is_zero():
    encoding, design = clipped(a=[-float(value) for value in AMOUNTS])
    assert design.names == ("a", "a = 0")
    ends = [encoding.features[1].at, encoding.inputs[0].seen[1], encoding.inputs[0].limits[1]]
    assert not np.signbit(ends).any()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], "two values need no more than one feature"),
        ([0, 0, 0, 0, 1, 1, 2, 2, 3, 4], "a count, of which others are nearly as frequent"),
        ([1, 2, 3, 4, 5, 5, 5, 5, 6, 7], "it is no end"),
        ([*range(1, 12)], "one row in eleven"),
    ],
)
def test_ends_that_are_not_told_apart(values, why):
    assert clipped(a=[float(value) for value in values])[1].names == ("a",), why


def test_an_end_is_no_part_of_the_boxplot():
    """Nine rows of nothing would make tails of all others; and nothing is never clipped itself."""
    encoding, _ = clipped(a=[0] * 9 + [10, 11, 12, 13, 14, 99.0])
    (column,) = encoding.inputs
    assert (column.limits, column.seen) == ((0, 18.5), (0, 14))
    assert new(encoding, a=[99.0]) == new(encoding, a=[14.0])


def test_a_gap_where_the_median_is_the_end():
    encoding, design = clipped(a=[0, 0, 0, 0, 0, 0, NAN, 3, 4, 5.0])
    assert design.names == ("a", "a = 0", "a is missing")
    assert new(encoding, a=[NAN])["a = 0"] == new(encoding, a=[0.0])["a = 0"]


def test_names_that_are_taken():
    table = make(**{"a": AMOUNTS, "a = 0": AMOUNTS[::-1], "y": np.arange(10.0)})
    _, design = encode(table, robust="on")
    assert sorted(design.names) == ["a", "a = 0", "a = 0 (2)", "a = 0 = 0"]


def test_networks_with_a_shape_have_no_ends_told_apart():
    table = make(a=AMOUNTS, y=np.arange(10.0))
    words = error_of(UsageError, encode, table, robust="on", increasing=("a",))
    assert "--robust on" in words


def test_columns_as_they_are_have_no_tails_to_clip():
    table = make(a=EIGHT, y=np.arange(8.0))
    words = error_of(UsageError, encode, table, standardize=False, robust="on")
    assert "--robust on" in words and "--no-standardize" in words
    assert not encode(table, standardize=False)[0].robust


def test_stored_and_read_again():
    encoding, _ = clipped(a=[*EIGHT, 30.0], b=[0.0] * 4 + [1, 2, 3, 4, 9])
    data = json.loads(json.dumps(plain(encoding)))
    assert read(Encoding, data) == encoding
    wrong = error_of(ModelFileError, read, Encoding, data | {"standardized": False})
    assert wrong.startswith("robust should be false")
    for place, value in (("at", None), ("kind", "number")):
        changed = json.loads(json.dumps(data))
        changed["features"][2][place] = value
        assert "features[2].at should be" in error_of(ModelFileError, read, Encoding, changed)
    # A file of before says nothing of it, and has no ends.
    del data["robust"]
    words = error_of(ModelFileError, read, Encoding, data)
    assert words.startswith("features should be none of an end")
    del data["features"][2]
    assert not read(Encoding, data).robust
