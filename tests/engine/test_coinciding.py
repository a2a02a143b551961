"""Rows that coincide in a pair of columns, taken as one: the same bounds from less work."""

import numpy as np
import pytest

from wedgefit.engine import coinciding
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.coinciding import Clouds
from wedgefit.engine.dictionary import Dictionary, all_subsets
from wedgefit.engine.pencil import Pencils, in_blocks
from wedgefit.engine.pricing import Pricer


def mixed(rng, n=300):
    """Two columns of 0/1, one of integers, and two of numbers, of which one is often zero."""
    zeros = np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n))
    columns = rng.random(n) < 0.5, rng.random(n) < 0.2, rng.integers(8, size=n)
    return np.column_stack([*columns, rng.normal(size=n), zeros]).astype(float)


KERNELS = pytest.mark.parametrize("compiled", [True, False])


@KERNELS
@pytest.mark.parametrize("tables", [coinciding.PAIRS_PER_ROW, 0])
def test_points_and_their_sums_by_hand(compiled, tables, rng, monkeypatch):
    monkeypatch.setattr(coinciding, "PAIRS_PER_ROW", tables)
    if not compiled:
        monkeypatch.setattr(coinciding, "find_spec", lambda _: None)
    X = mixed(rng)
    clouds = Clouds.of(X.T, all_subsets(5, 2))
    assert clouds.pairs.tolist() == [[0, 1], [0, 2], [0, 4], [1, 2], [1, 4], [2, 4]]
    v = rng.normal(size=(300, 2))
    under = clouds.under(v)
    for number, pair in enumerate(clouds.pairs):
        rows, points, mine = X[:, pair], clouds.of_pair(number), clouds.slice_of(number)
        np.testing.assert_array_equal(rows[clouds.first[mine]], points.T)
        distinct, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
        np.testing.assert_array_equal(points.T, distinct)
        np.testing.assert_array_equal(clouds.first[mine], first)
        assert clouds.most[number] == counts.max()
        sums = [v[(rows == point).all(axis=1)].sum(axis=0) for point in distinct]
        np.testing.assert_allclose(under[mine], sums, atol=1e-12)
        np.testing.assert_array_equal(points[:, clouds.place_of(number, np.arange(300))].T, rows)
    assert clouds.which(np.array([[0, 3], [1, 2]])).tolist() == [-1, 3]


def test_many_rows_are_told_apart_where_values_are_few(rng, monkeypatch):
    monkeypatch.setattr(coinciding, "FEW_ROWS", 0)
    monkeypatch.setattr(coinciding, "ROWS_SORTED", 100)
    clouds = Clouds.of(mixed(rng).T, all_subsets(5, 2))
    found = set(map(tuple, clouds.pairs.tolist()))
    assert found == {(0, 1), (0, 2), (1, 2), (0, 4), (1, 4)}, "not eight times 150 values"


def test_where_points_are_too_many_those_of_few_values_are_kept(rng, monkeypatch):
    X = mixed(rng)
    every = Clouds.of(X.T, all_subsets(5, 2))
    monkeypatch.setattr(coinciding, "MOST_POINTS", 4 + 16 + 16)
    clouds = Clouds.of(X.T, all_subsets(5, 2))
    assert clouds.pairs.tolist() == [[0, 1], [0, 2], [1, 2]] and len(every) == 6
    assert len(clouds.cells) == 4 + 16 + 16


def test_two_values_that_never_meet_have_three_points():
    X = np.eye(2)[[0, 1, 1, 0, 0]].tolist() + [[0.0, 0.0]]
    clouds, v = Clouds.of(np.array(X).T, np.array([[0, 1]])), np.arange(1.0, 7.0)[:, None]
    assert clouds.of_pair(0).T.tolist() == [[0, 0], [0, 1], [1, 0]]
    assert clouds.under(v).ravel().tolist() == [6, 2 + 3, 1 + 4 + 5]


def test_where_no_rows_coincide_there_is_nothing_to_sum(rng):
    clouds = Clouds.of(rng.normal(size=(3, 50)), all_subsets(3, 2))
    assert not len(clouds) and clouds.under(np.ones((50, 1))).shape == (0, 1)


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("bias, targets", [(True, 1), (True, 2), (False, 1)])
def test_bounds_are_those_of_all_rows(norm, bias, targets, rng, monkeypatch):
    X, v = mixed(rng), rng.normal(size=(300, targets))
    v -= v.mean(axis=0)
    pairs = all_subsets(5, 2)
    found = Bounder(X, pairs, norm=norm, bias=bias, jobs=2).search(v, 0.0, 1e-4)
    monkeypatch.setattr(coinciding, "FEWER", 0.0)
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


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("norm", [1, 2])
def test_a_glimpse_sees_nearly_the_best_hyperplane_of_its_directions(targets, norm, rng):
    X, v = mixed(rng, 900), rng.normal(size=(900, targets))
    v -= v.mean(axis=0)
    bounder = Bounder(X, all_subsets(5, 2), norm=norm, bias=True)
    seen = bounder.glimpse(v, 0.0)
    assert len(seen) == 10 * 4 and np.all(np.diff(seen.values) <= 0)
    for place in range(len(seen)):
        normal, sample = seen.normals[place], seen.samples[place]
        heights = X[:, seen.columns[place]] @ normal
        away = heights[:, None] - heights
        sides = np.linalg.norm([np.maximum(side, 0) @ v for side in (away.T, -away.T)], axis=2)
        scores = sides.max(axis=0) / np.linalg.norm(normal, norm)
        assert 0.97 * scores.max() <= seen.values[place] <= scores.max() * (1 + 1e-12)
        assert scores[sample] >= 0.9 * scores.max()
    assert len(bounder.glimpse(v, float(seen.values[4]))) == 4


def test_pencils_are_swept_at_points_as_at_all_rows(rng, monkeypatch):
    X, v = mixed(rng), rng.normal(size=(300, 1))
    v -= v.mean()
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    bounder = Bounder(X, all_subsets(5, 2), norm=1, bias=True)
    pencils = Pencils(np.repeat(all_subsets(5, 2), 30, axis=0), np.tile(np.arange(30), 10)[:, None])
    monkeypatch.setattr(pricer._instruments, "bounder", bounder)
    blocks, merged = in_blocks(pencils, 300, bounder.clouds)
    assert sum(len(block.pencils) for block in merged) == 6 * 30 == 300 - sum(map(len, blocks))
    partly = pricer._outlook(v, np.inf, False, False, 1.0, None)
    found = pricer._sweep(blocks, merged, v, partly)
    plain = pricer._sweep(in_blocks(pencils, 300, None)[0], [], v, partly)
    ours, theirs = (np.lexsort((*s.pencils.fixed.T, *s.pencils.columns.T)) for s in (found, plain))
    np.testing.assert_allclose(found.scores[ours], plain.scores[theirs], rtol=1e-9)
    best = np.flatnonzero(np.isfinite(found.scores))
    through = np.sort(np.column_stack([found.pencils.fixed, found.samples]), axis=1)[best]
    wedges, sound = pricer.dictionary.wedges(found.pencils.columns[best], through)
    sides = [wedges.hinges(X).T @ v, wedges.flipped(-np.ones(len(wedges))).hinges(X).T @ v]
    scores = np.abs(np.hstack(sides)).max(axis=1)
    assert sound.all() and len(best) > 200
    np.testing.assert_allclose(scores, found.scores[best], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("few", [0, 256])
def test_points_of_all_pairs_together_are_those_of_each(few, rng, monkeypatch):
    X = np.column_stack([mixed(rng, 90), np.ones(90), np.maximum(rng.normal(size=(90, 2)), 0)])
    pairs, found = all_subsets(X.shape[1], 2), []
    for rows_together in (1_000, 0):
        monkeypatch.setattr(coinciding, "FEW_ROWS", rows_together)
        found.append(Clouds.of(X.T, pairs, few=few))
    together, single = found
    for part in ("pairs", "starts", "cells", "first", "most"):
        np.testing.assert_array_equal(getattr(together, part), getattr(single, part))
    assert len(together) == len(pairs) if few else 10 < len(together) < len(pairs)
    assert len(Clouds.of(X.T, pairs[:0], few=few)) == 0
