"""Bounds over patches of directions in three to five columns against dense evaluation, and the
proofs that rest on them."""

from dataclasses import replace

import numpy as np
import oracles
import pytest

from wedgefit.engine import bound_choice, bound_patch, bound_patch_compiled, bound_search
from wedgefit.engine import bound_patch_screen as screening
from wedgefit.engine.bound_patch import Patches
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.watch import Deadline, InterruptibleDeadline

MODULES = {"numpy": bound_patch, "compiled": bound_patch_compiled}


def best_at(points, v, w, norm, bias):
    """The largest score of either face of a direction, at every row."""
    p = w @ points
    heights = (p - p[:, None]) if bias else p[None]
    faces = (np.maximum(sign * heights, 0) @ v for sign in (1, -1))
    return max(np.linalg.norm(face, axis=1).max() for face in faces) / np.linalg.norm(w, norm)


def random_patch(rng):
    """Points, v, a patch, a norm, and whether there are biases."""
    d, n = int(rng.integers(2, 6)), int(rng.choice([1, 2, 3, 5, 10, 30]))
    points, v = rng.standard_normal((d, n)), rng.standard_normal((n, int(rng.choice([1, 1, 2]))))
    kind = rng.integers(4)
    if kind == 1:
        points = np.round(points)
    elif kind == 2:
        points = (points > 0) * 1.0
    elif kind == 3:
        points = points[:, rng.integers(n, size=n)]
    if rng.random() < 0.6:
        v -= v.mean(axis=0)
    patches = Patches.all(np.arange(d)[None])
    patch = patches.take(rng.integers(len(patches), size=1))
    for _ in range(int(rng.integers(0, 25))):
        patch = patch.halved().take(rng.integers(2, size=1))
    return points, v, patch, int(rng.choice([1, 2])), bool(rng.random() < 0.75)


def ratios(count, name, *, seed, directions):
    """True / bound on random patches."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        points, v, patch, norm, bias = random_patch(rng)
        if name == "compiled" and v.shape[1] > 1:
            continue
        d = len(points)
        inside = [rng.random((directions, d)), rng.integers(2, size=(20, d)), np.full((1, d), 0.5)]
        looks = MODULES[name].look(points, v, patch, norm=norm, bias=bias, limit=0, floor=0)
        scores = [
            best_at(points, v, patch.lows[0] + (patch.highs - patch.lows)[0] * part, norm, bias)
            for part in np.concatenate(inside)
        ]
        rounding = 1e-12 * np.abs(v).sum() * np.abs(points).max()
        if name == "numpy" or norm == 1 or not bias:
            assert looks.values[0] == pytest.approx(scores[-1], rel=1e-9, abs=rounding)
        # Where a histogram says enough no row is looked at for itself.
        assert looks.values[0] <= scores[-1] * (1 + 1e-9) + rounding
        found.append(max(scores) / looks.bounds[0] if looks.bounds[0] > 0 else 0.0)
    return np.array(found)


@pytest.mark.parametrize("name", MODULES)
def test_no_score_in_the_patch_exceeds_its_bound(name):
    found = ratios(40, name, seed=1, directions=40)
    assert found.max() <= 1
    assert np.median(found) > 0.9


def test_histograms_leave_to_the_walk_what_they_do_not_prove():
    """Above the limit the compiled bound is that of the reference where rows were walked through,
    and never below it."""
    rng, alike, seen = np.random.default_rng(4), 0, 0
    while seen < 50:
        points, v, patch, norm, bias = random_patch(rng)
        if v.shape[1] > 1 or norm == 1 or not bias:
            continue
        asked = {"norm": 2, "bias": True, "floor": 0.0}
        sharp = bound_patch.look(points, v, patch, limit=0.0, **asked)
        limit = float(sharp.bounds[0]) * rng.uniform(0.98, 1.005)
        found = bound_patch_compiled.look(points, v, patch, limit=limit, **asked).bounds[0]
        slack = 1e-9 * float(sharp.bounds[0])
        if sharp.bounds[0] > limit + slack:
            seen += 1
            assert found >= sharp.bounds[0] - slack
            alike += found <= sharp.bounds[0] + slack
    assert alike >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_thousand_random_patches(name):
    found = ratios(1000, name, seed=2, directions=150)
    print(f"{name}: largest true/bound {found.max():.15f}, median {np.median(found):.6f}")
    assert found.max() <= 1


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("d", [3, 4])
def test_patches_cover_every_direction_once(d, norm, rng):
    """Each direction, up to its sign, lies in a cell of a face; cells do not overlap."""
    patches = Patches.all(np.arange(d)[None])
    w = rng.standard_normal((200, d))
    face = np.abs(w).argmax(axis=1)
    w /= w[np.arange(200), face][:, None]
    inside = (w[:, None] >= patches.lows) & (w[:, None] <= patches.highs)
    assert np.all(inside.all(axis=2).sum(axis=1) == 1)
    halves = patches.halved()
    assert len(halves) == 2 * len(patches)
    volume = lambda some: (
        np.where(some.highs > some.lows, some.highs - some.lows, 1.0).prod(axis=1).sum()
    )
    assert volume(halves) == pytest.approx(volume(patches))


@pytest.mark.parametrize("bias", [True, False])
def test_search_meets_the_best_wedge_of_three_columns(bias, rng):
    """For norm 1 the best of all neurons is a wedge of some order."""
    X, v = rng.standard_normal((9, 3)), rng.standard_normal((9, 1))
    v -= v.mean()
    best = abs(oracles.best_wedge(X, v[:, 0], [1, 2, 3], 1, bias)[1])
    found = Bounder(X, np.arange(3)[None], norm=1, bias=bias).search(v, 0.0, 1e-3)
    assert best <= found.bound <= best * 1.002 and found.value <= best * (1 + 1e-9)


def test_a_search_ends_when_time_is_up(rng, monkeypatch):
    """Not at once, so that something is proven; and no less is true of it."""
    X, v = rng.standard_normal((60, 3)), rng.standard_normal((60, 1))
    v -= v.mean()
    monkeypatch.setattr(bound_search, "AT_A_TIME", 1)
    sharp, bounder = (Bounder(X, np.arange(3)[None], norm=2, bias=True) for _ in range(2))
    sharp = sharp.search(v, 0.0, 1e-3)
    late = bounder.search(v, 0.0, 1e-3, deadline=Deadline(0.0))
    assert 4 * bounder.first_look <= late.visits < 5 * bounder.first_look < sharp.visits / 4
    assert sharp.value <= late.bound and late.bound > 1.002 * sharp.bound
    timely = bounder.search(v, 0.0, 1e-3, deadline=Deadline(3600.0))
    assert timely.bound == pytest.approx(sharp.bound, rel=1e-3)
    # Ctrl-C ends a search whose end was not known; it is not what a whole one would have proven.
    ctrl_c = InterruptibleDeadline(None, print)
    ctrl_c.due = lambda reserve=0.0: True
    assert bounder.search(v, 0.0, 1e-3, deadline=ctrl_c).bound > 1.002 * sharp.bound
    assert bounder.search(v, 0.0, 1e-3).bound == sharp.bound


def test_ordinary_weight_decay_is_proven_in_three_columns():
    """Neurons that read all columns with any weights: no network at all can gain more."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(80, 3))
    y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) + np.abs(X[:, 2])
    pricer = Pricer(Dictionary(X, (3,), 2, True), refine=True, effort=3e9)
    problem = Problem(y, 1.0)
    problem = replace(problem, alpha=0.1 * largest_alpha(problem, pricer))
    found = solve(problem, pricer, tol=3e-3).certificate
    assert found.scope == "exact" and found.bounded
    assert found.network_relative_gap <= 3e-3
    assert found.network_lower_bound == found.lower_bound


def test_order_three_is_proven_where_sweeps_would_be_many(monkeypatch, rng):
    monkeypatch.setattr(bound_choice, "WEDGES_BOUNDED", 0)
    X = rng.uniform(-1, 1, size=(40, 3))
    y = np.maximum(X.sum(axis=1), 0) + 0.1 * rng.standard_normal(40)
    problem = Problem(y, 1.0)
    dictionary = Dictionary(X, (1, 2, 3), 1, True)
    problem = replace(problem, alpha=0.1 * largest_alpha(problem, Pricer(dictionary, effort=3e9)))
    bounded = solve(problem, Pricer(dictionary, effort=3e9), tol=2e-3).certificate
    assert bounded.bounded and bounded.relative_gap <= 2e-3
    monkeypatch.setattr(bound_choice, "WEDGES_BOUNDED", np.inf)
    swept = solve(problem, Pricer(dictionary), tol=1e-6).certificate
    assert not swept.bounded
    assert bounded.lower_bound <= swept.objective <= bounded.objective * (1 + 1e-6)


def test_rows_on_the_edge_of_a_bin_are_counted_once():
    """What a walk begins with is the sum of all rows but those that it walks through."""
    rng, bins = np.random.default_rng(0), 64
    for _ in range(200):
        low, width = rng.normal(), rng.uniform(0.01, 1)
        p = low + width * rng.integers(0, bins, size=50)
        points, one = rng.normal(size=(50, 3)), np.ones(50)
        hist = np.empty((bins + 1, 3 + screening.COLUMNS))
        screening.fill(points, p, 0 * one, 0 * one, one, low, 1 / width, hist)
        sums = np.stack([np.zeros(4), hist[:bins, :4].sum(axis=0)])
        first = int(rng.integers(1, bins))
        some, stretch = screening.stretch_of(hist, sums, p, 0 * one, low, width, first, bins - 1)
        assert sums[0, 3] == len(some) - stretch[2]
