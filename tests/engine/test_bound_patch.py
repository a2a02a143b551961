"""Bounds over patches of directions in three to five columns against dense evaluation, and the
proofs that rest on them."""

import tracemalloc
from dataclasses import replace

import numpy as np
import oracles
import pytest

from wedgefit.engine import bound_choice, bound_patch, bound_patch_compiled, bound_search
from wedgefit.engine.bound_patch import Patches
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.watch import Deadline, InterruptibleDeadline

MODULES = {"numpy": bound_patch, "compiled": bound_patch_compiled}


def scores_at(points, v, w, b, norm):
    """The larger score of either face of the hyperplanes w·x = b, for w (m, k) and b (m,)."""
    heights = w @ points - b[:, None]
    faces = (np.linalg.norm(np.maximum(sign * heights, 0) @ v, axis=1) for sign in (1, -1))
    return np.maximum(*faces) / np.linalg.norm(w, norm, axis=1)


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
    bias = bool(rng.random() < 0.75)
    if rng.random() < 0.6:
        v -= v.mean(axis=0)
    patches = Patches.all(np.arange(d)[None], points, bias)
    patch = patches.take(rng.integers(len(patches), size=1))
    for _ in range(int(rng.integers(0, 25))):
        free = np.flatnonzero(patch.highs[0] > patch.lows[0])
        patch = replace(patch, cuts=rng.choice(free, 1)).halved().take(rng.integers(2, size=1))
    return points, v, patch, int(rng.choice([1, 2])), bias


def hyperplanes_in(patch, points, bias, rng, count):
    """Hyperplanes (w, b) of a patch that meet the points' range, also through points: (m, k),
    (m,)."""
    low, high, d = patch.lows[0], patch.highs[0], len(points)
    parts = np.concatenate(
        [rng.random((count, d + 1)), rng.integers(2, size=(20, d + 1)), np.full((1, d + 1), 0.5)]
    )
    planes = low + (high - low) * parts
    w, b = planes[:, :-1], planes[:, -1]
    if bias:
        through = (w @ points).ravel()
        w = np.concatenate([w, np.repeat(w, points.shape[1], axis=0)])
        b = np.concatenate([b, through])
    heights = w @ points
    inside = (b >= low[-1]) & (b <= high[-1])
    inside &= (heights.min(axis=1) <= b) & (b <= heights.max(axis=1)) if bias else True
    return w[inside], b[inside]


def ratios(count, name, *, seed, directions, apart=0):
    """True / bound on random patches."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        points, v, patch, norm, bias = random_patch(rng)
        if name == "compiled" and v.shape[1] > 1:
            continue
        w, b = hyperplanes_in(patch, points, bias, rng, directions)
        scores = scores_at(points, v, w, b, norm)
        limit = float(scores.max(initial=0.0)) * 1.001 if apart else 0.0
        opened = MODULES[name].look(
            points, v, patch, norm=norm, bias=bias, limit=limit, floor=0.0, apart=apart
        )
        looks, bound = opened.looks, float(opened.looks.bounds.max())
        assert np.all(opened.origins == 0)
        seen = [best_along(points, v, some, norm, bias) for some in opened.regions.normals]
        rounding = 1e-12 * np.abs(v).sum() * np.abs(points).max() + 1e-300
        assert np.all(looks.values <= np.array(seen) * (1 + 1e-9) + rounding)
        found.append(scores.max(initial=0.0) / bound if bound > 0 else 0.0)
    return np.array(found)


def best_along(points, v, w, norm, bias):
    """The largest score along a direction, through every row; without ``bias`` at the origin."""
    b = w @ points if bias else np.zeros(1)
    return scores_at(points, v, np.tile(w, (len(b), 1)), b, norm).max()


@pytest.mark.parametrize("name", MODULES)
def test_no_score_in_the_patch_exceeds_its_bound(name):
    found = ratios(60, name, seed=1, directions=60)
    assert found.max() <= 1
    assert np.median(found[found > 0]) > 0.5


def test_no_score_exceeds_the_bounds_of_what_a_patch_is_taken_apart_to():
    found = ratios(60, "compiled", seed=3, directions=60, apart=20)
    assert found.max() <= 1
    assert np.median(found[found > 0]) > 0.99


def test_the_compiled_bound_is_that_of_the_reference():
    rng, seen = np.random.default_rng(4), 0
    while seen < 100:
        points, v, patch, norm, bias = random_patch(rng)
        if v.shape[1] > 1:
            continue
        asked = {"norm": norm, "bias": bias, "limit": 0.0, "floor": 0.0}
        slow, fast = (module.look(points, v, patch, **asked) for module in MODULES.values())
        rounding = 1e-12 * np.abs(v).sum() * (np.abs(points).max() + 1)
        for part in ("bounds", "values", "rounding"):
            one, other = (getattr(each.looks, part)[0] for each in (slow, fast))
            assert one == pytest.approx(other, rel=1e-9, abs=rounding)
        free = patch.highs[0] > patch.lows[0]
        assert len(fast.origins) == 1 and (free[fast.regions.cuts[0]] or not free.any())
        seen += 1


def test_what_is_handed_back_open_covers_what_is_above_the_limit(rng):
    """Every hyperplane of a patch is below the bound of what is closed, or in an open part that is
    not below it."""
    points, v = rng.standard_normal((3, 200)), rng.standard_normal((200, 1))
    v -= v.mean()
    patch = Patches.all(np.arange(3)[None], points, True).take([3])
    asked = {"norm": 2, "bias": True, "floor": 0.0}
    whole = bound_patch_compiled.look(points, v, patch, limit=0.0, **asked).looks.bounds[0]
    opened = bound_patch_compiled.look(points, v, patch, limit=0.4 * whole, apart=4, **asked)
    regions, bounds = opened.regions, opened.looks.bounds
    closed = (regions.lows == patch.lows).all(axis=1) & (regions.highs == patch.highs).all(axis=1)
    assert closed.sum() == 1 and 3 <= len(bounds) and 5 * 200 <= opened.visits <= 12 * 200
    assert bounds[closed][0] <= 0.4 * whole * (1 + 1e-9) < bounds[~closed].min() * (1 + 1e-9)
    w, b = hyperplanes_in(patch, points, True, rng, 2000)
    planes, scores = np.column_stack([w, b])[:, None], scores_at(points, v, w, b, 2)
    inside = ((planes >= regions.lows) & (planes <= regions.highs)).all(axis=2)
    inside[:, closed] = False
    part_bounds = np.where(inside, bounds, 0.0).max(axis=1)
    assert np.all(scores <= np.maximum(part_bounds, bounds[closed]) * (1 + 1e-12))


def test_a_first_look_at_many_patches_takes_as_much_memory_as_they_do(rng):
    """Each leaves one line, and there is no room for the parts of what is not taken apart."""
    points, v = rng.standard_normal((3, 4)), rng.standard_normal((4, 1))
    patches = Patches.all(np.tile(np.arange(3), (50, 1)), points, True)
    asked = {"norm": 2, "bias": True, "floor": 0.0}
    bound_patch_compiled.look(points, v, patches.take([0]), limit=np.inf, **asked)
    for limit in (0.0, np.inf):
        tracemalloc.start()
        opened = bound_patch_compiled.look(points, v, patches, limit=limit, **asked)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.all(opened.origins == np.arange(len(patches)))
        assert most < 10 * len(patches) * (2 * 4 + 3 + 3 + 3) * 8


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_thousand_random_patches(name):
    apart = 10 if name == "compiled" else 0
    found = ratios(1000, name, seed=2, directions=150, apart=apart)
    print(f"{name}: largest true/bound {found.max():.15f}, median {np.median(found):.6f}")
    assert found.max() <= 1


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("d", [3, 4])
def test_patches_cover_every_hyperplane_once(d, bias, rng):
    """Each that meets a row, up to its sign, lies in one patch; halves share none but their
    seam."""
    points = rng.standard_normal((d, 5))
    patches = Patches.all(np.arange(d)[None], points, bias)
    w = rng.standard_normal((200, d))
    face = np.abs(w).argmax(axis=1)
    w /= w[np.arange(200), face][:, None]
    b = (w @ points)[np.arange(200), rng.integers(5, size=200)] if bias else np.zeros(200)
    planes = np.column_stack([w, b])[:, None]
    inside = (planes >= patches.lows) & (planes <= patches.highs)
    assert np.all(inside.all(axis=2).sum(axis=1) == 1)
    assert len(patches) == bound_patch.most_first(d) // (1 if bias else bound_patch.FIRST_INTERVALS)
    halves = patches.halved()
    assert len(halves) == 2 * len(patches)
    volume = lambda some: (
        np.where(some.highs > some.lows, some.highs - some.lows, 1.0).prod(axis=1).sum()
    )
    assert volume(halves) == pytest.approx(volume(patches))


def test_a_proof_visits_few_rows_however_many_there_are():
    """Deep down a part of a patch visits the rows that its hyperplanes pass, and no others."""
    each = []
    for n in (300, 3000):
        rng = np.random.default_rng(0)
        X = rng.uniform(-1, 1, (n, 3))
        y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) * X[:, 2] + np.abs(X[:, 2])
        v = ((y - y.mean()) / n)[:, None]
        found = Bounder(X, np.arange(3)[None], norm=2, bias=True).search(v, 0.0, 1e-3)
        assert found.value <= found.bound <= found.value * 1.0011
        each.append(found.visits / n)
    assert max(each) < 2500


def test_threads_prove_the_same(rng):
    X, v = rng.standard_normal((200, 3)), rng.standard_normal((200, 1))
    v -= v.mean()
    one, two = (Bounder(X, np.arange(3)[None], norm=2, bias=True, jobs=jobs) for jobs in (1, 2))
    one, two = one.search(v, 0.0, 1e-2), two.search(v, 0.0, 1e-2)
    assert (one.bound, one.value, one.visits) == (two.bound, two.value, two.visits)


def test_several_targets_are_bounded_by_the_reference(rng):
    X, v = rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
    v -= v.mean(axis=0)
    found = Bounder(X, np.arange(3)[None], norm=2, bias=True).search(v, 0.0, 0.3)
    w = rng.standard_normal((300, 3))
    best = max(best_along(X.T, v, each, 2, True) for each in w)
    assert best <= found.bound <= 1.3 * found.value * (1 + 1e-9)


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
    assert 4 * bounder.first_look <= late.visits < 5 * bounder.first_look < sharp.visits / 2
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


def test_with_limited_effort_a_proof_goes_to_four_digits():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(60, 3))
    y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) + np.abs(X[:, 2])
    pricer = Pricer(Dictionary(X, (3,), 2, True), refine=True, effort=3e9)
    problem = Problem(y, 0.1 * largest_alpha(Problem(y, 1.0), pricer))
    found = solve(problem, pricer, tol=1e-9).certificate
    assert 1e-6 < found.network_relative_gap <= 1e-4


def test_alpha_max_by_patches_goes_no_further_than_is_of_use(rng):
    """Where a linear function gains most a peak is so round that its last digits take a million
    parts, and six digits hardly any."""
    X = rng.standard_normal((100, 4))
    y = X.sum(axis=1) + 0.1 * rng.standard_normal(100)
    pricer = Pricer(Dictionary(X, (4,), 2, True), refine=True)
    largest = largest_alpha(Problem(y, 1.0), pricer)
    v = (y - y.mean()) / len(y)
    best = np.linalg.norm(v @ X)
    assert best * (1 - 1e-9) <= largest <= best * (1 + 2e-6)
    assert pricer._bounder._last.found.visits < 20_000 * 100


def test_a_proof_is_foretold_by_what_it_visits(rng):
    """A column more takes some seven times the visits in all."""
    X = rng.uniform(-1, 1, (300, 5))
    foretold = [
        Pricer(Dictionary(X[:, :k], (k,), 2, True), refine=True).full_round_seconds
        for k in (3, 4, 5)
    ]
    assert all(5 < more / fewer < 10 for fewer, more in zip(foretold, foretold[1:]))


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


def visits_of_proofs(pricer):
    """A list that hears how many rows each proof of this pricer visits."""
    heard, price = [], pricer.price

    def listening(*told, **more):
        priced = price(*told, **more)
        heard.extend([priced.visits] if more["every_pencil"] else [])
        return priced

    pricer.price = listening
    return heard


@pytest.mark.parametrize("effort", [3e9, np.inf])
def test_a_tiny_table_is_proven_by_few_long_proofs(effort):
    """Each round proved, the last ones to digits that nobody asked for, for a minute; or few wedges
    passed for all neurons."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((7, 3)), rng.standard_normal(7)
    pricer = Pricer(Dictionary(X, (3,), 2, True), refine=True, effort=effort)
    visits = visits_of_proofs(pricer)
    found = solve(Problem(y, 1e-3), pricer, tol=1e-4)
    assert found.certificate.network_relative_gap <= 1e-4
    assert found.certificate.scope == "exact" and found.rounds > len(visits)
    assert sum(visits) < 1e8


def test_a_proof_as_sharp_as_effort_allows_is_the_last():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    pricer = Pricer(Dictionary(X, (3,), 2, True), refine=True, effort=3e9)
    problem = Problem(y, 0.05 * largest_alpha(Problem(y, 1.0), pricer))
    visits = visits_of_proofs(pricer)
    found = solve(problem, pricer, tol=1e-9)
    assert found.status == "stalled" and 1e-6 < found.certificate.network_relative_gap < 1.7e-4
    assert sum(number > 0.5 * max(visits) for number in visits) <= 4
