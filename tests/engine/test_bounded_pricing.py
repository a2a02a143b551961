"""Certificates that rest on bounds, against pricings that sweep every pencil; campaigns/test_conic
holds them against an independent solver."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from quick import only

from wedgefit.engine import bound_choice
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve


@pytest.fixture
def bounding(monkeypatch):
    """Everything is bounded that can be, however few the rows, and nothing swept instead."""
    monkeypatch.setattr(bound_choice, "WEDGES_SWEPT", 0)
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    monkeypatch.setattr(bound_choice, "WEDGES_BOUNDED", 0)


def price(X, v, norm, **options):
    dictionary = Dictionary(X, (1, 2), norm, True)
    return Pricer(dictionary, **options).price(v, 0.0, dictionary.none(), every_pencil=True)


@pytest.mark.parametrize("targets", only([1], [1, 2]))
@pytest.mark.parametrize("norm", [1, 2])
def test_a_bound_is_a_little_above_what_sweeps_find(norm, targets, rng, monkeypatch):
    X = rng.normal(size=(60, 3))
    v = rng.normal(size=(60, targets))
    v -= v.mean(axis=0)
    swept = price(X, v, norm)
    monkeypatch.setattr(bound_choice, "WEDGES_BOUNDED", 0)
    bounded = price(X, v, norm)
    assert not swept.bounded and bounded.bounded and bounded.exact
    assert bounded.wedges_priced == bounded.wedges_total == swept.wedges_total
    assert swept.bound <= bounded.bound
    assert bounded.bound <= swept.bound * (1 + 2e-10)
    if norm == 1:
        assert bounded.supremum == bounded.bound
    elif targets == 1:
        assert bounded.supremum == pytest.approx(swept.supremum, rel=1e-9)
    if norm == 1:
        # The pencils that bounds point at hold the best wedge of all.
        assert bounded.scores[0] == pytest.approx(swept.scores[0], rel=1e-9)


@pytest.mark.parametrize("alpha", (0.0, np.inf))
def test_pairs_that_bounds_find_hard_are_swept(alpha, rng, monkeypatch):
    """A pair is given up after few intervals: what is proven is as sharp as sweeps are."""
    X = np.round(rng.normal(size=(60, 4)), 1)
    v = rng.normal(size=(60, 1))
    v -= v.mean()
    swept = price(X, v, 1)
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    monkeypatch.setattr(bound_choice, "VISITS_PER_LOOK", 0.01)
    dictionary = Dictionary(X, (1, 2), 1, True)
    mixed = Pricer(dictionary).price(v, alpha, dictionary.none(), every_pencil=True)
    assert mixed.bounded and mixed.exact
    assert swept.bound <= mixed.bound * (1 + 1e-15) and mixed.bound <= swept.bound * (1 + 2e-10)
    if alpha == 0:
        assert mixed.scores[0] == pytest.approx(swept.scores[0], rel=1e-9)


def test_what_is_bounded_and_what_is_swept(rng):
    many, few = rng.normal(size=(2500, 2)), rng.normal(size=(60, 3))
    bounds = lambda X, orders, norm, bias=True, **options: (
        Pricer(Dictionary(X, orders, norm, bias), **options).bounds
    )
    assert bounds(many, (1, 2), 1) and bounds(many, (1, 2), 2, refine=True)
    assert not bounds(many, (1, 2), 1, False), "through the origin one sweep a pair is all"
    assert not bounds(many, (2,), 1), "of order 2 alone the axes are no part"
    assert not bounds(few, (1, 2), 1) and not bounds(few, (1, 2, 3), 1)
    wide, quick = rng.normal(size=(300, 12)), rng.normal(size=(300, 4))
    compiled = find_spec("numba") is not None
    assert bounds(wide, (1, 2), 1) == compiled, "compiled bounds are quicker than so many sweeps"
    assert bounds(many, (1, 2), 2) == compiled, "wedges of norm 2 take more intervals"
    assert not bounds(quick, (1, 2), 1) and not bounds(wide, (1, 2), 2)


def test_no_effort_means_a_loose_bound_that_holds(bounding, rng):
    X, v = rng.normal(size=(300, 3)), rng.normal(size=(300, 1))
    v -= v.mean()
    sharp, loose = price(X, v, 1), price(X, v, 1, effort=0)
    assert loose.exact and loose.bounded and loose.bound > 1.001 * sharp.bound


def test_threads_price_the_same(bounding, rng):
    X, v = rng.normal(size=(3000, 3)), rng.normal(size=(3000, 1))
    one, two = (price(X, v - v.mean(), 1, jobs=jobs) for jobs in (1, 2))
    assert one.bound == two.bound and np.array_equal(one.scores, two.scores)
    assert np.array_equal(one.wedges.samples, two.wedges.samples)


def test_a_large_plane_is_proven_without_sweeping_it(rng):
    """2,500 rows: pencils are swept only where bounds point at them."""
    X = rng.uniform(-1, 1, size=(2500, 2))
    y = np.sin(3 * X[:, 0] + X[:, 1]) + np.abs(X[:, 0] - X[:, 1])
    problem, pricer = Problem(y, 1.0), Pricer(Dictionary(X, (1, 2), 1, True))
    problem = replace(problem, alpha=0.02 * largest_alpha(problem, pricer))
    swept = []
    sweep = pricer._sweep
    pricer._sweep = lambda blocks, *rest: (
        swept.append(sum(map(len, blocks))) or sweep(blocks, *rest)
    )
    found = solve(problem, pricer, tol=1e-6)
    assert found.status == "converged" and found.certificate.relative_gap <= 1e-6
    assert found.certificate.scope == "exact" and found.certificate.bounded
    assert found.certificate.network_relative_gap == found.certificate.relative_gap
    assert max(swept) < 1000


def test_partial_rounds_see_what_no_column_shows_alone():
    """x₀ · x₁ among 30 columns: pencils drawn at random hardly ever lie in the one pair of 435 that
    matters, and a sampled run would end with a constant; one coarse look at all pairs sees it."""
    X = np.random.default_rng(1).normal(size=(2000, 30))
    y = X[:, 0] * X[:, 1]
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    problem = Problem(y, 0.5 * largest_alpha(Problem(y, 1.0), pricer))
    found = solve(problem, pricer, tol=1e-2, exact=False)
    assert found.certificate.scope == "sampled" and not found.certificate.bounded
    assert found.certificate.objective < 0.9 * 0.5 * y.var()
    assert found.fit.wedges.reads[:, :2].all(axis=1).any()
