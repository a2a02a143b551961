"""The first look at all pairs against every hyperplane written out."""

import numpy as np
import pytest

from wedgefit.engine import bound_choice, instruments, scout
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.scout import Scout

PAIRS = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])


def rows(kind: str, n: int = 40) -> np.ndarray:
    X = np.random.default_rng(1).normal(size=(n, 4))
    if kind == "ties":
        X = np.round(X)
    if kind == "far":
        X = 3.0 * X + 1e4
    return X


def by_hand(X, normal, v) -> np.ndarray:
    """The score of the hyperplane through every row, (n,)."""
    heights = X @ normal
    sides = [
        np.linalg.norm(np.maximum(sign * (heights - heights[:, None]), 0.0) @ v, axis=1)
        for sign in (1, -1)
    ]
    return np.maximum(*sides)


@pytest.mark.parametrize("kind", ("plain", "ties", "far"))
@pytest.mark.parametrize("norm", (1, 2))
@pytest.mark.parametrize("targets", (1, 3))
def test_every_place_is_the_best_of_its_direction(kind, norm, targets):
    X = rows(kind)
    v = np.random.default_rng(2).normal(size=(len(X), targets))
    v -= v.mean(axis=0)
    places = Scout(X, PAIRS, norm, 3).look(v, 0.0)
    assert len(places) == 6 * 6 and (np.diff(places.values) <= 0).all()
    for pair, normal, sample, value in zip(
        places.columns, places.normals, places.samples, places.values
    ):
        scores = by_hand(X[:, pair], normal, v) / np.linalg.norm(normal, ord=norm)
        assert value == pytest.approx(scores.max(), rel=1e-9)
        assert scores[sample] == pytest.approx(scores.max(), rel=1e-9)


@pytest.mark.parametrize("targets", (1, 3))
def test_the_compiled_look_finds_what_the_reference_finds(targets):
    compiled = pytest.importorskip("wedgefit.engine.scout_compiled")
    X = rows("plain")
    v = np.random.default_rng(2).normal(size=(len(X), targets))
    looker = Scout(X, PAIRS, 1, 3)
    told = v, looker.rows, looker.columns, looker.normals, looker.order
    place, value = scout.best(*told)
    at, found = compiled.best(*told)
    assert (at == place).all()
    np.testing.assert_allclose(found, value, rtol=1e-12)


def test_only_what_lies_above_the_floor_is_told():
    X = rows("plain")
    v = np.random.default_rng(2).normal(size=(len(X), 1))
    looker = Scout(X, PAIRS, 1, 3)
    every = looker.look(v, 0.0)
    floor = float(np.median(every.values))
    some = looker.look(v, floor)
    assert len(some) == np.count_nonzero(every.values > floor)
    assert (some.values == every.values[: len(some)]).all()


@pytest.mark.parametrize("kept, directions", ((10**6, 8), (6 * 40 * 6, 6), (6 * 40, 0)))
def test_directions_get_fewer_where_pairs_are_many(monkeypatch, kept, directions):
    monkeypatch.setattr(scout, "KEPT_ROWS", kept)
    found = scout.scout_for(Dictionary(rows("plain"), (1, 2), 1, True))
    assert (len(found.columns) if found else 0) == 6 * directions


def test_pairs_that_no_wedge_reads_are_not_looked_at():
    together = np.ones((4, 4), dtype=bool)
    together[0, 2] = together[2, 0] = False
    dictionary = Dictionary(rows("plain"), (1, 2), 1, True, together)
    assert not (scout.scout_for(dictionary).columns == (0, 2)).all(axis=1).any()


def test_a_partial_round_finds_what_a_full_round_finds():
    """Among 105 pairs, with none in use: what random pencils would mostly miss."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(120, 15))
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    assert pricer.scouts and not pricer.full_rounds_only
    v = np.maximum(X[:, [3]] - 2 * X[:, [11]], 0.0)
    v -= v.mean()
    full = pricer.price(v, 0.1, pricer.dictionary.none(), every_pencil=True)
    partial = pricer.price(v, 0.1, pricer.dictionary.none(), every_pencil=False)
    assert not partial.exact and partial.bound <= full.bound * (1 + 1e-12)
    assert partial.bound == pytest.approx(full.bound, rel=1e-12)


@pytest.mark.parametrize("columns, full", ((4, True), (24, False)))
def test_where_nothing_scouts_a_look_at_all_intervals_takes_the_place_of_random_pencils(
    monkeypatch, columns, full
):
    """Unless pairs are so many that the random few cost less; or something glimpses."""
    monkeypatch.setattr(scout, "KEPT_ROWS", 0)
    monkeypatch.setattr(instruments, "find_spec", lambda _: None)
    X = np.random.default_rng(4).normal(size=(2_100, columns))
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    assert pricer.bounds and pricer._instruments.scout is None and pricer.full_rounds_only == full


def test_where_rows_are_too_many_to_keep_them_sorted_a_glimpse_scouts(monkeypatch):
    monkeypatch.setattr(scout, "KEPT_ROWS", 0)
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(size=(2_100, 9)), rng.integers(2, size=(2_100, 9))])
    v = np.maximum(X[:, [3]] - 2 * X[:, [9]], 0.0)
    v -= v.mean()
    found = []
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr(instruments, "find_spec", lambda _: None)
        pricer = Pricer(Dictionary(X, (1, 2), 1, True))
        assert pricer.scouts == compiled
        found.append(pricer.price(v, 0.1, pricer.dictionary.none(), every_pencil=False))
    full = pricer.price(v, 0.1, pricer.dictionary.none(), every_pencil=True)
    glimpsed, drawn = (part.scores[0] for part in found)
    assert drawn <= glimpsed and full.scores[0] * (1 - 1e-3) <= glimpsed <= full.bound


def test_where_sweeping_all_pencils_costs_no_more_nothing_scouts(monkeypatch):
    """However few the rows are that bounds are asked for."""
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    pricer = Pricer(Dictionary(np.random.default_rng(0).normal(size=(40, 3)), (1, 2), 1, True))
    assert pricer.bounds and not pricer.scouts and pricer.full_rounds_only
