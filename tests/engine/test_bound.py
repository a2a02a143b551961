"""Bounds over intervals of directions against dense evaluation, on data that is pleasant and on
data that is not."""

import numpy as np
import oracles
import pytest

from wedgefit.engine import bound, bound_compiled, bound_look, bound_search
from wedgefit.engine.bound import Intervals
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.dictionary import all_subsets

MODULES = {"numpy": bound, "compiled": bound_compiled}
PLANE = np.array([[0, 1]])


def best_of(points, v, directions, norm, bias):
    """The largest score of either face over these directions, (m, d), at every row."""
    best = 0.0
    for w in directions:
        p = w @ points
        if bias:
            faces = sorted_faces(p, v)
        else:
            faces = (np.maximum(sign * p, 0)[None] @ v for sign in (1, -1))
        scores = max(np.linalg.norm(face, axis=1).max() for face in faces)
        best = max(best, scores / np.linalg.norm(w, norm))
    return best


def sorted_faces(p, v):
    """Σ v (p − b)₊ and Σ v (b − p)₊ with b at every row, (n, K) each, in ascending order of p."""
    order = np.argsort(p)
    p, v = p[order, None], v[order]
    # From either end: nothing large is added and taken away again.
    rising = np.cumsum(v[::-1], axis=0)[::-1]
    above = np.cumsum((rising[1:] * np.diff(p, axis=0))[::-1], axis=0)[::-1]
    below = np.cumsum(np.cumsum(v, axis=0)[:-1] * np.diff(p, axis=0), axis=0)
    nothing = np.zeros((1, v.shape[1]))
    return np.concatenate([above, nothing]), np.concatenate([nothing, below])


def turning(angles):
    return np.column_stack([np.cos(angles), np.sin(angles)])


def points_of(kind, n, rng, d=2):
    X = rng.standard_normal((d, n))
    if kind == "grid":
        return np.round(X)
    if kind == "0/1":
        return (X > 0) * 1.0
    if kind == "collinear":
        return np.outer(rng.standard_normal(d), np.round(2 * rng.standard_normal(n)))
    if kind == "duplicates":
        return X[:, rng.integers(n, size=n)]
    if kind == "far away":
        return X + 1e3
    return X


KINDS = ["generic", "grid", "0/1", "collinear", "duplicates", "far away"]


def random_question(rng, sizes):
    """Points, v with ties and weights far apart, an interval inside a quadrant, a norm, and whether
    there are biases."""
    n, targets = int(rng.choice(sizes)), int(rng.choice([1, 1, 2, 3]))
    points, v = points_of(rng.choice(KINDS), n, rng), rng.standard_normal((n, targets))
    if rng.random() < 0.3:
        v = np.sign(v)
    if rng.random() < 0.3:
        v *= 10.0 ** rng.uniform(-4, 0, size=(n, 1))
    if rng.random() < 0.6:
        v -= v.mean(axis=0)
    half = min(10 ** rng.uniform(-5, -0.1), np.pi / 4)
    centre = half + rng.integers(2) * np.pi / 2
    if rng.random() < 0.8:
        centre += rng.random() * (np.pi / 2 - 2 * half)
    interval = Intervals(PLANE, np.array([centre]), np.array([half]))
    return points, v, interval, int(rng.choice([1, 2])), bool(rng.random() < 0.7)


FEW_ROWS = (1, 2, 3, 4, 5, 8, 20, 40)
# With compiled bounds histograms decide, and of whole numbers many rows lie on the edges of bins.
MANY_ROWS = (60, 150, 400)


def through_two_rows(points, interval, rng, count):
    """Directions across lines through two rows, as far as they lie in the interval: there the score
    has its kinks."""
    n = points.shape[1]
    x, y = points[:, rng.integers(n, size=count)] - points[:, rng.integers(n, size=count)]
    angles = np.arctan2(x, -y) % np.pi
    return angles[np.abs(angles - interval.centres) <= interval.halves]


def ratios(count, module, *, seed, directions, sizes=FEW_ROWS):
    """True / bound on random intervals, and how many bounds were asked to be sharp."""
    rng = np.random.default_rng(seed)
    found, sharp = [], []
    for _ in range(count):
        points, v, interval, norm, bias = random_question(rng, sizes)
        angles = interval.centres + interval.halves * np.linspace(-1, 1, directions)
        angles = np.append(angles, through_two_rows(points, interval, rng, directions))
        true = best_of(points, v, turning(angles), norm, bias)
        limit = 0.0 if rng.random() < 0.5 else true * rng.uniform(0.5, 1.5)
        looks = module.look(points, v, interval, norm=norm, bias=bias, limit=limit, floor=0.0)
        at_centre = best_of(points, v, turning(interval.centres), norm, bias)
        slack = 1e-12 * np.abs(v).sum() * np.abs(points).max(initial=1.0)
        assert looks.values[0] <= at_centre * (1 + 1e-9) + slack
        found.append(true / looks.bounds[0] if looks.bounds[0] > 0 else float(true > 0))
        sharp.append(limit < true)
    return np.array(found), np.array(sharp)


@pytest.mark.parametrize("name", MODULES)
def test_no_score_in_the_interval_exceeds_its_bound(name):
    found, sharp = ratios(60, MODULES[name], seed=1, directions=60)
    assert found.max() <= 1
    assert np.median(found[sharp]) > 0.995


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [FEW_ROWS, MANY_ROWS], ids=["few", "many"])
@pytest.mark.parametrize("name", MODULES)
def test_a_thousand_random_intervals(name, sizes):
    found, sharp = ratios(1000, MODULES[name], seed=2, directions=300, sizes=sizes)
    print(f"{name}: largest true/bound {found.max():.15f}, median {np.median(found[sharp]):.6f}")
    assert found.max() <= 1
    assert np.median(found[sharp]) > 0.999


@pytest.mark.parametrize("norm, targets", [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_both_kernels_bound_alike_where_all_is_sorted(norm, targets, rng):
    points, v = rng.standard_normal((2, 300)), rng.standard_normal((300, targets))
    centres, halves = np.array([0.4, 1.0, 2.2]), np.array([0.04, 1e-2, 1e-5])
    intervals = Intervals(np.repeat(PLANE, 3, axis=0), centres, halves)
    some, others = (
        module.look(points, v - v.mean(axis=0), intervals, norm=norm, bias=True, limit=0, floor=0)
        for module in MODULES.values()
    )
    np.testing.assert_allclose(some.bounds, others.bounds, rtol=1e-9)
    np.testing.assert_allclose(some.values, others.values, rtol=1e-9)
    np.testing.assert_array_equal(some.samples, others.samples)


@pytest.mark.parametrize("bias", [True, False])
def test_the_limit_spares_work_and_nothing_else(bias, rng):
    """Below the limit a bound may be coarse, above it is as sharp as without."""
    points, v = rng.standard_normal((2, 400)), rng.standard_normal((400, 1))
    intervals = Intervals.all(PLANE)
    options = {"norm": 1, "bias": bias, "floor": np.inf}
    sharp = bound_compiled.look(points, v, intervals, limit=0.0, **options)
    limit = np.median(sharp.bounds)
    coarse = bound_compiled.look(points, v, intervals, limit=limit, **options)
    above = sharp.bounds > limit
    np.testing.assert_allclose(coarse.bounds[above], sharp.bounds[above], rtol=1e-9)
    assert np.all(coarse.bounds[~above] <= limit * (1 + 1e-9))
    assert np.all(coarse.bounds >= sharp.bounds * (1 - 1e-9)) and np.all(coarse.samples == -1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_rows_on_a_line_are_told_apart_by_the_rounding_of_directions(name, bias):
    """Across such a line what is left of a score is less than rounding turns a direction by."""
    rng = np.random.default_rng(0)
    for angle in rng.uniform(0.01, np.pi / 2 - 0.01, 40):
        points = np.outer([np.cos(angle), np.sin(angle)], rng.standard_normal(6))
        v = rng.standard_normal((6, 1))
        v -= bias * v.mean()
        interval = Intervals(PLANE, np.array([angle + np.pi / 2]), np.array([1e-11]))
        told = {"norm": 2, "bias": bias, "limit": 0.0, "floor": 0.0}
        found = MODULES[name].look(points, v, interval, **told)
        ends = np.longdouble(interval.centres) + np.longdouble(interval.halves) * [-1, 1]
        exact = points.astype(np.longdouble), v.astype(np.longdouble)
        assert found.bounds[0] >= best_of(*exact, turning(ends), 2, bias)


@pytest.mark.parametrize("norm, targets", [(1, 1), (2, 1), (1, 2)])
def test_without_sorting_skewed_columns_are_bounded_nearly_as_well(norm, targets, rng):
    """Most rows in a hundredth of the range: bins of even width would hold hundreds of them."""
    n = bound_compiled.MANY + 500
    points, v = np.exp(1.5 * rng.standard_normal((2, n))), rng.standard_normal((n, targets))
    v -= v.mean(axis=0)
    intervals = Intervals.all(PLANE, 16).take(np.arange(0, 32, 5))
    options = {"norm": norm, "bias": True, "limit": 0.0, "floor": 0.0}
    assert np.all(intervals.halves > bound_compiled.WIDE)
    sharp, coarse = (module.look(points, v, intervals, **options) for module in MODULES.values())
    assert np.all(coarse.bounds >= sharp.bounds * (1 - 1e-9))
    assert np.median(coarse.bounds / sharp.bounds) < 1.06


def test_a_ridge_is_bounded_exactly():
    """|x₂| with one row in its bend: turning round that row the score is linear, its bound too."""
    points = np.array([[0.0, -1, 1, -1, 1], [0.0, 2, 2, -2, -2]])
    v = np.array([[-4.0], [1], [1], [1], [1]])
    interval = Intervals(PLANE, np.array([1.5]), np.array([1e-3]))
    true = best_of(points, v, turning(1.5 + 1e-3 * np.linspace(-1, 1, 5)), 1, True)
    for module in MODULES.values():
        looks = module.look(points, v, interval, norm=1, bias=True, limit=0.0, floor=0.0)
        assert looks.bounds[0] == pytest.approx(true, rel=1e-12)


# The search over all directions of all pairs ------------------------------------------------------


def searched(X, v, *, norm=1, bias=True, alpha=0.0, tolerance=1e-6, budget=1e9, jobs=1):
    bounder = Bounder(X, all_subsets(X.shape[1], 2), norm=norm, bias=bias, jobs=jobs)
    return bounder.search(v, alpha, tolerance, budget)


@pytest.mark.parametrize(
    ("seed", "levels", "norm"), [(858, 2, 1), (858, 2, 2), (1, 3, 1), (2, 3, 2)]
)
def test_rows_on_the_edge_of_a_bin_are_counted_once(seed, levels, norm, monkeypatch):
    """Of whole numbers many rows lie where bins meet: counted in one there and taken out with
    another, they would change a bound by all that they weigh."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(100, 400))
    X = rng.integers(-levels, levels + 1, size=(n, 2)).astype(float)
    v = rng.normal(size=(n, 1))
    v -= v.mean()
    found = searched(X, v, norm=norm, tolerance=1e-4)
    monkeypatch.setattr(bound_look, "kernels_for", lambda *_: bound)
    slow = searched(X, v, norm=norm, tolerance=1e-4)
    assert found.value <= found.bound * (1 + 1e-12) and slow.value <= found.bound * (1 + 1e-12)
    assert found.bound == pytest.approx(slow.bound, rel=2e-4)


@pytest.mark.parametrize("norm", [1, 2])
def test_what_rounding_moved_is_answered_from_memory(norm, rng, monkeypatch):
    """And holds: what is remembered is raised by as much as any score can have moved."""
    X, v = rng.normal(size=(40, 3)), rng.standard_normal((40, 1))
    v -= v.mean()
    bounder = Bounder(X, all_subsets(3, 2), norm=norm, bias=True)
    first = bounder.search(v, 0.0, 1e-3)
    looked = []
    monkeypatch.setattr(Bounder, "_look", lambda *told: looked.append(told))
    moved = v + 1e-13 * np.abs(v).sum() * np.sign(rng.normal(size=v.shape)) / len(v)
    again = bounder.search(moved, 0.0, 1e-3 * (1 + 1e-14))
    assert not looked and 0 < again.bound - first.bound <= 1e-10 * first.bound
    reach = np.abs(X - 0.5 * (X.min(axis=0) + X.max(axis=0))).max()
    assert again.bound - first.bound >= 1e-13 * np.abs(v).sum() * reach
    monkeypatch.undo()
    whole = Bounder(X, all_subsets(3, 2), norm=norm, bias=True).search(moved, 0.0, 1e-3)
    assert again.bound == pytest.approx(whole.bound, rel=1e-10)
    v *= 2
    doubled = bounder.search(v, 0.0, 1e-3)
    assert doubled.bound == pytest.approx(2 * first.bound, rel=1e-2), "v is a copy there"
    for other in ((1.001 * v, 0.0, 1e-3), (v, 0.0, 1e-4), (v, 0.5 * first.value, 1e-3)):
        alone = Bounder(X, all_subsets(3, 2), norm=norm, bias=True).search(*other)
        assert bounder.search(*other).bound == alone.bound


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_search_meets_the_best_wedge_of_brute_force(kind, bias, norm, rng):
    X = points_of(kind, 9, rng, d=3).T
    v = rng.standard_normal((9, 1))
    v -= v.mean()
    best = abs(oracles.best_wedge(X, v[:, 0], [1, 2], norm, bias)[1])
    found = searched(X, v, norm=norm, bias=bias)
    rounding = 1e-12 * np.abs(v).sum() * np.abs(X).max()
    assert best <= found.bound * (1 + 1e-12) and found.value <= found.bound
    assert found.bound <= found.value * (1 + 1e-6) + rounding
    if norm == 1:
        # The class of all neurons has its best at a wedge.
        assert found.bound <= best * (1 + 1e-6) + rounding


@pytest.mark.parametrize("norm", [1, 2])
def test_search_of_several_targets_and_without_output_bias(norm, rng):
    X, v = rng.standard_normal((12, 2)), rng.standard_normal((12, 2))
    angles = np.linspace(0, np.pi, 2001)
    true = best_of(X.T, v, turning(angles), norm, True)
    found = searched(X, v, norm=norm, tolerance=1e-4)
    assert true <= found.bound <= true * (1 + 1e-3)


def test_a_search_that_ends_early_still_bounds(rng):
    X, v = rng.standard_normal((200, 3)), rng.standard_normal((200, 1))
    v -= v.mean()
    sharp = searched(X, v)
    bounds = [searched(X, v, budget=intervals * 200).bound for intervals in (24, 26, 40, 2000)]
    assert all(a >= b for a, b in zip(bounds, bounds[1:])) and bounds[0] > 1.01 * bounds[-1]
    assert bounds[-1] >= sharp.value and sharp.visits < 4000 * 200


def test_above_alpha_a_bound_is_as_sharp_as_the_gap_asks():
    """The best score lies two per cent above alpha, and the gap leaves open no more than four."""
    rng = np.random.default_rng(0)
    X, v = np.exp(1.5 * rng.normal(size=(1000, 4))), rng.normal(size=(1000, 1))
    v -= v.mean(axis=0)
    bounder = Bounder(X, all_subsets(4, 2), norm=1, bias=True)
    alpha = bounder.search(v, 0.0, 1e-6).value / 1.0199
    found = bounder.search(v, alpha, 0.021)
    assert alpha * 1.0199 <= found.bound <= alpha * (1 + bound_search.ENOUGH * 0.021) * (1 + 1e-9)


def test_bounds_below_alpha_need_few_intervals(rng):
    X, v = rng.standard_normal((200, 3)), rng.standard_normal((200, 1))
    v -= v.mean()
    sharp = searched(X, v)
    lazy = searched(X, v, alpha=3 * sharp.value)
    assert lazy.bound <= 3 * sharp.value * (1 + 1e-6) and lazy.visits < sharp.visits / 2
    assert not len(lazy.places) and len(sharp.places)
    assert sharp.places.values[0] == sharp.value


def test_the_number_of_intervals_hardly_depends_on_the_rows():
    counts = []
    for n in (300, 3000):
        rng = np.random.default_rng(0)
        X = rng.uniform(-1, 1, size=(n, 2))
        v = np.sin(3 * X[:, :1]) * X[:, 1:] / n
        counts.append(searched(X, v - v.mean(), tolerance=1e-4).visits / n)
    assert counts[1] < 1.5 * counts[0] < 1500


def test_threads_do_not_change_a_bit(rng):
    X, v = rng.standard_normal((3000, 4)), rng.standard_normal((3000, 1))
    one, three = (searched(X, v - v.mean(), tolerance=1e-3, jobs=jobs) for jobs in (1, 3))
    assert one.bound == three.bound and one.visits == three.visits
    for part in ("columns", "normals", "samples", "values"):
        assert np.array_equal(getattr(one.places, part), getattr(three.places, part))


def test_wherever_effort_ends_the_largest_bound_left_is_small(rng):
    """The more effort, the smaller; and never more than was allowed."""
    X, v = rng.standard_normal((300, 6)), rng.standard_normal((300, 1))
    v -= v.mean()
    best = searched(X, v).value
    level = [searched(X, v, budget=k * 15 * 300, alpha=best) for k in (16, 64, 256)]
    assert all(found.bound >= best for found in level)
    assert [found.bound for found in level] == sorted((f.bound for f in level), reverse=True)
    assert all(found.visits <= k * 15 * 300 for found, k in zip(level, (16, 64, 256)))
