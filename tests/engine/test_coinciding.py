"""Rows that coincide in a pair of columns, taken as one: the same bounds from less work."""

import numpy as np
import pytest

from wedgefit.engine import bound_search, coinciding
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.coinciding import points_of
from wedgefit.engine.dictionary import all_subsets


def mixed(rng, n=300):
    """Two columns of 0/1, one of integers, and two of numbers, of which one is often zero."""
    zeros = np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n))
    columns = rng.random(n) < 0.5, rng.random(n) < 0.2, rng.integers(8, size=n)
    return np.column_stack([*columns, rng.normal(size=n), zeros]).astype(float)


@pytest.mark.parametrize("tables", [coinciding.PAIRS_PER_ROW, 0])
def test_points_and_their_sums_by_hand(tables, rng, monkeypatch):
    monkeypatch.setattr(coinciding, "PAIRS_PER_ROW", tables)
    X = mixed(rng)
    found = points_of(X.T, all_subsets(5, 2))
    assert set(found) == {(0, 1), (0, 2), (1, 2), (0, 4), (1, 4), (2, 4)}
    v = rng.normal(size=(300, 2))
    for pair, points in found.items():
        rows = X[:, pair]
        np.testing.assert_array_equal(rows[points.first], points.values.T)
        assert len(points) == len(np.unique(rows, axis=0))
        sums = [v[(rows == point).all(axis=1)].sum(axis=0) for point in points.values.T]
        np.testing.assert_allclose(points.under(v), sums, atol=1e-12)
        assert points.most == np.unique(rows, axis=0, return_counts=True)[1].max()
        _, first = np.unique(rows, axis=0, return_index=True)
        np.testing.assert_array_equal(points.first, first)


def test_many_rows_are_told_apart_where_values_are_few(rng, monkeypatch):
    monkeypatch.setattr(coinciding, "ROWS_SORTED", 100)
    found = points_of(mixed(rng).T, all_subsets(5, 2))
    assert set(found) == {(0, 1), (0, 2), (1, 2), (0, 4), (1, 4)}, "not eight times 150 values"


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("bias, targets", [(True, 1), (True, 2), (False, 1)])
def test_bounds_are_those_of_all_rows(norm, bias, targets, rng, monkeypatch):
    X, v = mixed(rng), rng.normal(size=(300, targets))
    v -= v.mean(axis=0)
    pairs = all_subsets(5, 2)
    found = Bounder(X, pairs, norm=norm, bias=bias, jobs=2).search(v, 0.0, 1e-4)
    monkeypatch.setattr(bound_search, "points_of", lambda *_: {})
    slow = Bounder(X, pairs, norm=norm, bias=bias).search(v, 0.0, 1e-4)
    assert found.visits < 0.8 * slow.visits
    assert found.value <= slow.bound and slow.value <= found.bound
    assert found.bound == pytest.approx(slow.bound, rel=2e-4)
    if bias:
        # What is pointed at is a row at the best place.
        best = found.places.take([0])
        heights = X[:, best.columns[0]] @ best.normals[0]
        above = np.maximum(heights - heights[best.samples[0]], 0)
        below = np.maximum(heights[best.samples[0]] - heights, 0)
        scores = [np.linalg.norm(v.T @ side) for side in (above, below)]
        assert max(scores) / np.linalg.norm(best.normals[0], norm) == pytest.approx(found.value)


def test_rows_of_one_point_that_pull_both_ways_leave_little_to_bound(rng):
    """Apart, their pulls would be bounded one by one, however small their sum is."""
    X, v = np.repeat(np.eye(2)[[0, 1, 0, 1]], 500, axis=0), rng.normal(size=(2000, 1))
    X[:500], v = 0.0, v - v.mean()
    found = Bounder(X, np.array([[0, 1]]), norm=1, bias=True).search(v, 0.0, 1e-6)
    assert found.bound <= found.value * (1 + 1e-6) and found.visits < 20_000
