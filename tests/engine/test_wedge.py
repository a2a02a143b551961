"""Wedges and the dictionary against the slow twins: one by one, in number and order, and at every
scale."""

from math import comb

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wedgefit.engine import dictionary as dictionary_module
from wedgefit.engine import wedge as wedge_module
from wedgefit.engine.dictionary import Dictionary, all_subsets, orders_for
from wedgefit.engine.wedge import Hyperplanes, Wedges, column_scales, row_chunks, wedges_through
from wedgefit.errors import UsageError

EVERY_KIND = [(norm, bias) for norm in (1, 2) for bias in (True, False)]


def present(row):
    """A row of columns or samples without its padding."""
    return tuple(int(i) for i in row if i >= 0)


def small_wedges(m=5, d=3, order=2, seed=0):
    """Wedges that go through nothing in particular."""
    rng = np.random.default_rng(seed)
    samples = rng.permutation(4 * m)[: m * order].reshape(m, order)
    columns = np.sort(rng.random((m, d)).argsort(axis=1)[:, :order], axis=1)
    return Wedges(columns, samples, rng.normal(size=(m, d)), rng.normal(size=m))


def assert_same_wedges(found, expected, X):
    """``found`` (Wedges) are the oracle's, in its order; offsets up to rounding in units of the
    data."""
    assert len(found) == len(expected)
    assert [present(row) for row in found.columns] == [columns for columns, *_ in expected]
    assert [present(row) for row in found.samples] == [samples for _, samples, *_ in expected]
    if expected:
        normals, offsets = (np.array(part) for part in zip(*[(w, b) for *_, w, b in expected]))
        reach = np.abs(normals) @ np.abs(X).max(axis=0)
        np.testing.assert_allclose(
            found.normals * np.ptp(X, axis=0),
            normals * np.ptp(X, axis=0),
            rtol=1e-7,
            atol=1e-9 * np.ptp(X),
        )
        assert np.all(np.abs(found.offsets - offsets) <= 1e-9 * reach)


# Every wedge --------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_written_out_is_the_enumeration(d, norm, bias, rng):
    """A wedge left out, doubled, turned or misplaced: the full solver would solve another
    problem."""
    X = rng.normal(size=(6, d)) * np.array([1, 1e3, 1e-3, 5])[:d]
    orders = tuple(range(1, d + 1))
    dictionary = Dictionary(X, orders, norm, bias)
    expected = list(oracles.enumerate_wedges(X, orders, norm, bias))
    assert_same_wedges(dictionary.written_out(), expected, X)
    assert dictionary.size == len(expected) == oracles.dictionary_size(6, d, orders, bias)


@pytest.mark.parametrize("order", [(2,), (1, 2), (3,), (2, 3)])
def test_written_out_with_some_orders_only(order, rng):
    """Norm 2 asks for one order alone: the padding must not depend on lower orders being there."""
    X = rng.normal(size=(5, 3))
    assert_same_wedges(
        Dictionary(X, order, 2, True).written_out(),
        list(oracles.enumerate_wedges(X, order, 2, True)),
        X,
    )


@pytest.mark.parametrize(
    "record", {r["file"]: r for r in oracles.reference_cases()}.values(), ids=lambda r: r["file"]
)
@pytest.mark.parametrize("bias", [True, False])
def test_written_out_on_the_reference_files(record, bias):
    """Repeated rows and collinear points must be judged as the oracle judges them."""
    X, _ = oracles.load_case(record)
    orders = range(1, X.shape[1] + 1)
    written = Dictionary(X, tuple(orders), 1, bias).written_out()
    assert_same_wedges(written, list(oracles.enumerate_wedges(X, orders, 1, bias)), X)


@pytest.mark.parametrize("batch", [1, 7, 20])
def test_written_out_does_not_depend_on_the_batch(batch, rng, monkeypatch):
    """A batch that ends in the middle of a column set must not lose the rest."""
    dictionary = Dictionary(rng.normal(size=(6, 2)), (1, 2), 1, True)
    whole = dictionary.written_out()
    monkeypatch.setattr(dictionary_module, "BATCH", batch)
    pieces = dictionary.written_out()
    assert pieces.keys() == whole.keys()
    np.testing.assert_array_equal(pieces.normals, whole.normals)


@given(
    hnp.arrays(float, st.tuples(st.integers(2, 5), st.integers(1, 3)), elements=st.integers(-2, 2)),
    st.booleans(),
)
def test_written_out_on_small_grids(X, bias):
    """Ties, repeated points, constant columns, lines through the origin: what is degenerate is left
    out, nothing else."""
    orders = range(1, X.shape[1] + 1)
    written = Dictionary(X, tuple(orders), 1, bias).written_out()
    expected = list(oracles.enumerate_wedges(X, orders, 1, bias))
    assert [(present(c), present(s)) for c, s in zip(written.columns, written.samples)] == [
        wedge[:2] for wedge in expected
    ]
    for row, offset, (*_, w, b) in zip(written.normals, written.offsets, expected):
        np.testing.assert_allclose([*row, offset], [*w, b], atol=1e-12)


# Degeneracy and scale -----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("shift", [0, 1e-13])
def test_degeneracy_is_relative(scale, shift):
    """A determinant against zero would take 1e-8-sized data for degenerate, and rounding for a
    wedge."""
    X = np.array([[0, 0, 0], [0, 0, 0], [1, 2, 3], [2, 4, 6], [1, 0, 0]]) * 1.0
    X[1, 0] += shift
    X *= scale
    samples = all_subsets(5, 3)
    wedges, sound = wedges_through(
        X, np.tile([0, 1, 2], (10, 1)), samples, norm=1, bias=True, scales=column_scales(X, True)
    )
    assert {tuple(row) for row in samples[sound].tolist()} == {
        (0, 2, 4),
        (0, 3, 4),
        (1, 2, 4),
        (1, 3, 4),
        (2, 3, 4),
    }
    assert len(wedges) == 5


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
def test_close_samples_among_far_ones_have_wedges(norm, bias, rng):
    """A cluster of a ten-billionth of the range is small, not degenerate: its own shape is what
    counts."""
    X = np.vstack([1e-10 * rng.normal(size=(4, 3)), rng.normal(size=(2, 3))])
    found = Dictionary(X, (2, 3), norm, bias).written_out()
    expected = list(oracles.enumerate_wedges(X, [2, 3], norm, bias))
    assert [present(row) for row in found.samples] == [samples for _, samples, *_ in expected]
    assert found.normals == pytest.approx(np.array([w for *_, w, _ in expected]), abs=1e-5)


def test_powers_of_two_change_no_digit(rng):
    """Column scales that were not powers of two would round every normal once more."""
    X = rng.normal(size=(7, 3))
    units = np.array([2.0**12, 1.0, 2.0**-9])
    plain, scaled = (Dictionary(points, (2,), 2, True).written_out() for points in (X, X * units))
    directions = scaled.normals * units
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(directions, plain.normals, rtol=1e-14, atol=1e-15)


def test_column_scales_are_powers_of_two_near_the_range(rng):
    X = rng.normal(size=(20, 4)) * [1e-5, 1, 1e7, 0] + [0, 1e4, 0, 3]
    for bias in (True, False):
        scales = column_scales(X, bias)
        mantissas, _ = np.frexp(scales)
        assert np.all(mantissas == 0.5)
        points = X if bias else np.vstack([X, np.zeros(4)])
        ratios = scales[:3] / np.ptp(points, axis=0)[:3]
        assert np.all((ratios >= 0.7) & (ratios <= 1.5))
        assert scales[3] > 0, "a constant column has a scale too"
    assert column_scales(np.zeros((3, 1)), True).tolist() == [1.0]


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
def test_wedges_pass_through_their_samples(norm, bias, rng):
    """Normal, offset and samples belong together, with columns of very different sizes far from the
    origin."""
    X = rng.normal(size=(6, 3)) * [1, 1e6, 1e-4] + [1e3, 0, -1]
    wedges = Dictionary(X, (1, 2, 3), norm, bias).written_out()
    np.testing.assert_allclose(np.linalg.norm(wedges.normals, norm, axis=1), 1, rtol=1e-13)
    for columns, samples, w, b in zip(
        wedges.columns, wedges.samples, wedges.normals, wedges.offsets
    ):
        assert set(np.flatnonzero(w)) <= set(present(columns))
        through = X[list(present(samples))]
        assert np.all(np.abs(through @ w + b) <= 1e-12 * (np.abs(through) @ np.abs(w)))
        assert bias or b == 0


# The records --------------------------------------------------------------------------------------


def test_hinges_and_their_sum(rng, monkeypatch):
    """The chunks of ``combine`` must cover every row once, the last short one too."""
    wedges, X, z = small_wedges(), rng.normal(size=(333, 3)), rng.normal(size=(5, 2))
    expected = oracles.hinge_matrix(
        X, [((), (), w, b) for w, b in zip(wedges.normals, wedges.offsets)]
    )
    np.testing.assert_allclose(wedges.hinges(X), expected, atol=1e-14)
    assert wedges.hinges(X).min() == 0
    for chunk in (1, 500, 1_000_000):
        monkeypatch.setattr(wedge_module, "CHUNK", chunk)
        np.testing.assert_allclose(wedges.combine(X, z), expected @ z, atol=1e-13)


@given(st.integers(0, 500), st.integers(0, 200_000))
def test_row_chunks_cover_every_row_once(rows, width):
    taken = np.zeros(rows, dtype=int)
    for chunk in row_chunks(rows, width):
        taken[chunk] += 1
    assert np.all(taken == 1)


def test_no_wedges_are_a_network_without_neurons(rng):
    """Above alpha_max the solution has none: predicting must still give a row of zeros."""
    none = Wedges.none(3, 2)
    X = rng.normal(size=(4, 3))
    assert len(none) == 0 and none.keys() == [] and none.hinges(X).shape == (4, 0)
    assert none.combine(X, np.empty((0, 2))).tolist() == [[0, 0]] * 4
    wedges = small_wedges()
    assert none.joined_with(wedges).keys() == wedges.keys()


def test_keys_tell_faces_and_samples_apart():
    """A working set that takes the other face of a wedge for the same one can never add it."""
    wedges = small_wedges()
    both = wedges.joined_with(wedges.flipped(-np.ones(5)))
    assert len(set(both.keys())) == 10
    assert wedges.take([1, 1]).keys()[0] == wedges.take([1, 1]).keys()[1]
    moved = Wedges(wedges.columns, wedges.samples + 1, wedges.normals, wedges.offsets)
    assert not set(moved.keys()) & set(wedges.keys())


def test_taking_joining_and_flipping_keep_rows_together():
    wedges = small_wedges()
    picked = wedges.take([3, 0]).joined_with(
        wedges.take(np.array([False, True, False, False, True]))
    )
    for field in ("columns", "samples", "normals", "offsets"):
        np.testing.assert_array_equal(getattr(picked, field), getattr(wedges, field)[[3, 0, 1, 4]])
    signs = np.array([1.0, -1, 1, -1, 1])
    turned = wedges.flipped(signs)
    np.testing.assert_array_equal(turned.normals, signs[:, None] * wedges.normals)
    np.testing.assert_array_equal(turned.offsets, signs * wedges.offsets)
    np.testing.assert_array_equal(turned.samples, wedges.samples)


def test_orders_count_columns_not_samples(rng):
    """Without biases a wedge has a sample less than columns; its order must not shrink with it."""
    for bias in (True, False):
        dictionary = Dictionary(rng.normal(size=(4, 3)), (1, 2, 3), 1, bias)
        assert np.unique(dictionary.written_out().orders).tolist() == [1, 2, 3]


# Which wedges are allowed -------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_size_counts_the_choices(n, d, most, bias):
    orders = tuple(range(1, min(d, most) + 1))
    assert Dictionary(np.zeros((n, d)), orders, 1, bias).size == oracles.dictionary_size(
        n, d, orders, bias
    )


def test_size_of_large_data_is_exact():
    """10⁶ rows and order 4 overflow 64 bits."""
    n = 10**6
    expected = 2 * (4 * n + 6 * comb(n, 2) + 4 * comb(n, 3) + comb(n, 4))
    assert Dictionary(np.empty((n, 4)), (1, 2, 3, 4), 1, True).size == expected > 2**64


@given(st.integers(0, 7), st.integers(0, 4))
def test_subsets_are_all_in_order(population, size):
    subsets = all_subsets(population, size)
    assert subsets.shape == (comb(population, size), size)
    rows = [tuple(row) for row in subsets.tolist()]
    assert rows == sorted(set(rows)) and all(list(row) == sorted(set(row)) for row in rows)


def test_orders_for():
    """Theorem 2 needs all orders for norm 1; with norm 2 the lower ones are faces of nothing."""
    assert orders_for("full", 1, 3) == (1, 2, 3)
    assert orders_for("full", 2, 3) == (3,)
    assert orders_for(2, 1, 3) == orders_for(2, 2, 3) == (1, 2)
    with pytest.raises(UsageError, match="order 4 .* only 3") as refused:
        orders_for(4, 1, 3)
    assert "--order 3" in refused.value.remedy


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
def test_hyperplanes_are_found_again_among_more_rows_in_other_scales(norm, bias, rng):
    """What a fold found, by rows of all: the same places, facing the same way."""
    X, scales = rng.normal(size=(12, 3)), np.array([1.0, 10.0, 0.1])
    rows = np.array([1, 2, 4, 5, 7, 8, 11])
    part = Dictionary(X[rows] * scales, (1, 2), norm, bias)
    wedges = part.written_out()
    wedges = wedges.take(rng.permutation(len(wedges))[:20])
    every = Dictionary(X, (1, 2), norm, bias)
    found = every.through(Hyperplanes.of(wedges, rows))
    assert len(found) == 20
    there = {key[0]: heights for key, heights in zip(wedges.keys(), _heights(wedges, X * scales))}
    here = {key[0]: heights for key, heights in zip(found.keys(), _heights(found, X))}
    by_rows = {np.where(w >= 0, rows[w], -1).tobytes(): w.tobytes() for w in wedges.samples}
    for key, heights in here.items():
        others = there[by_rows[key]]
        np.testing.assert_allclose(np.sign(heights), np.sign(others))


def _heights(wedges, X):
    """On which side of each hyperplane rows are, (m, n): 0 on it."""
    heights = wedges.normals @ X.T + wedges.offsets[:, None]
    return np.where(np.abs(heights) > 1e-9 * np.abs(heights).max(), heights, 0.0)


def test_hyperplanes_that_are_no_wedges_here_are_left_out(rng):
    """Those of a column that is not there, of pairs that may not be read together, and refined
    ones, which pass through one row."""
    X = rng.normal(size=(9, 3))
    wedges = Dictionary(X, (1, 2), 1, True).written_out()
    of = Hyperplanes.of(wedges, np.arange(9))
    narrow = Dictionary(X[:, :2], (1, 2), 1, True)
    assert len(narrow.through(of)) == len(narrow.written_out())
    together = np.zeros((3, 3), bool)
    together[0, 2] = together[2, 0] = True
    some = Dictionary(X, (1, 2), 1, True, together)
    assert len(some.through(of)) == len(some.written_out())
    refined = narrow.through_one(np.array([[0, 1]]), np.array([[0.6, 0.8]]), np.array([3]))
    assert len(narrow.through(Hyperplanes.of(refined, np.arange(9)))) == 0
