"""Bounds of units with a shape over intervals of directions: never below a dense look, sharp, and
enough for a certificate that no look along every direction could give."""

import numpy as np
import pytest

from wedgefit.engine import shaped_bound, shaped_bound_compiled, shaped_compiled
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.problem import Problem
from wedgefit.engine.shaped_search import Goal, Sectors, quadrants
from wedgefit.engine.shaped_units import Plane, by_height, units_of
from wedgefit.engine.shapes import ShapedPricer
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.watch import Deadline

KERNELS = {"numpy": shaped_bound, "compiled": shaped_bound_compiled}
UNITS = [(1, 0), (0, 1), (1, 1), (0, 0), (0, -1), (1, -1)]
SHAPES = [((1, 0), (0, 0)), ((-1, 0), (1, 0)), ((0, 1), (0, 0)), ((1, -1), (0, 0))]


def dense(points, v, faces, ramp, angles):
    """The largest score along these directions, unit by unit."""
    top = 0.0
    for along in np.column_stack([np.cos(angles), np.sin(angles)]):
        heights = points @ along
        places = np.sort(heights)
        rise = np.maximum(heights - places[:, None], 0) @ v
        fall = np.maximum(places[:, None] - heights, 0) @ v
        scores = [(sign * (rise if facing > 0 else fall)).max() for facing, sign in faces]
        if ramp:
            scores += [0.5 * (ramp * (rise[a] - rise[a:])).max() for a in range(len(v))]
        top = max(top, max(scores) / np.abs(along).sum())
    return top


def made(seed, n=24):
    """Rows, every third time on a grid, and a v without a sum."""
    rng = np.random.default_rng(seed)
    points, v = rng.normal(size=(n, 2)), rng.normal(size=n)
    return rng, np.round(points) if seed % 3 == 0 else points, v - v.mean()


@pytest.mark.parametrize("kernels", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("unit", UNITS)
def test_no_direction_of_an_interval_scores_more_than_its_bound(unit, kernels):
    tight = []
    for seed in range(8):
        rng, points, v = made(seed)
        faces, ramp = units_of(*unit)
        # Around the best direction of a quadrant, so that both ends score less.
        start = rng.integers(4) * np.pi / 2
        grid = start + np.linspace(0.0, np.pi / 2, 100)
        best = grid[np.argmax([dense(points, v, faces, ramp, [angle]) for angle in grid])]
        width = 10 ** rng.uniform(-2, -0.5)
        begin = np.clip(best - width / 2, start, start + np.pi / 2 - width)
        _, (bound,) = kernels.look(points, v, np.array([[begin, begin + width]]), faces, ramp)
        truth = dense(points, v, faces, ramp, np.linspace(begin, begin + width, 40))
        assert truth <= bound * (1 + 1e-12)
        tight.append(truth / bound)
    assert np.median(tight) > 0.97


def awkward(seed):
    """Rows with ties, some of them twice, in 0/1 columns or far from the others, and a v of rows
    with weights."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 50))
    points = [
        lambda: rng.normal(size=(n, 2)),
        lambda: rng.integers(0, 4, size=(n, 2)).astype(float),
        lambda: rng.normal(size=(n, 2))[rng.integers(n, size=n)],
        lambda: np.column_stack([rng.normal(size=n), rng.integers(0, 2, size=n)]),
        lambda: rng.standard_cauchy(size=(n, 2)),
    ][seed % 5]()
    v = rng.normal(size=n) * rng.integers(0, 4, size=n)
    return rng, points, v - v.mean()


@pytest.mark.parametrize("unit", UNITS)
def test_compiled_bounds_are_those_of_the_reference(unit):
    """In one call or in many: an order of rows that others leave behind changes nothing."""
    faces, ramp = units_of(*unit)
    for seed in range(20):
        rng, points, v = awkward(seed)
        width = 10 ** rng.uniform(-8, -0.7, size=12)
        start = np.pi / 2 * rng.integers(4, size=12)
        begin = start + rng.uniform(size=12) * (np.pi / 2 - width) * (np.arange(12) > 2)
        intervals = np.column_stack([begin, begin + width])
        told = points, v, intervals, faces, ramp
        values, bounds = shaped_bound.look(*told)
        compiled = shaped_bound_compiled.look(*told)
        size = 1e-13 * np.abs(v).sum() * np.abs(points).max()
        np.testing.assert_allclose(compiled[0], values, rtol=1e-12, atol=size)
        np.testing.assert_allclose(compiled[1], bounds, rtol=1e-9, atol=size)
        alone = shaped_bound_compiled.look(points, v, intervals[5:6], faces, ramp)
        np.testing.assert_allclose(alone, np.array(compiled)[:, 5:6], rtol=1e-12, atol=size)


def test_compiled_sorts_are_those_of_the_reference():
    for seed in range(30):
        rng, points, _ = awkward(seed)
        points = np.repeat(points, 3, axis=0) if seed % 2 else points
        weights = np.vstack([rng.normal(size=(8, 2)), rng.integers(-1, 2, size=(8, 2))])
        if seed % 5 == 1:
            weights = np.round(weights)  # Sums of whole numbers are the same in any order.
        order = shaped_compiled.by_height(points, weights)
        heights = np.take_along_axis(weights @ points.T, order.astype(int), axis=1)
        assert (np.sort(order, axis=1) == np.arange(len(points))).all()
        assert (np.diff(heights, axis=1) >= -1e-12 * np.abs(heights).max()).all()
        if seed % 5 == 1:
            np.testing.assert_array_equal(order, by_height(points, weights))


@pytest.mark.parametrize("shapes", SHAPES)
def test_compiled_searches_go_as_the_reference_does(shapes):
    for seed in range(4):
        _, points, v = made(seed, n=60)
        told = Dictionary(points, (1, 2), 1, True), np.array([0, 1]), np.array(shapes)
        found, compiled = (
            Plane(*told, compiled=way).bounded(v, Goal(0.0, 1e-3), np.inf, Deadline())
            for way in (False, True)
        )
        assert compiled.bound == pytest.approx(found.bound, rel=1e-9)
        assert compiled.value == pytest.approx(found.value, rel=1e-9)
        assert compiled.visits == pytest.approx(found.visits, rel=0.05)


def test_nothing_is_proven_below_what_is_known_or_where_units_are_missing():
    _, points, v = made(1, n=60)
    shapes = Dictionary(points, (1, 2), 1, True), np.array([0, 1]), np.array(SHAPES[0])

    def found(*goal):
        return Plane(*shapes).bounded(v, Goal(*goal), np.inf, Deadline())

    whole = found(0.0, 1e-6)
    known = found(0.0, 1e-6, 1.1 * whole.value)
    assert whole.bound <= known.bound <= 1.1 * whole.value and known.visits < whole.visits / 2
    below = 0.9 * whole.value
    missing = found(below, 1e-6)
    assert whole.value * (1 - 1e-12) <= missing.bound <= 2 * missing.value - below + 1e-5
    assert len(missing.angles) and missing.visits < whole.visits / 2
    assert not len(whole.angles)  # At an alpha of zero nothing is wanted.


def test_asked_the_same_once_more_it_answers_from_memory(monkeypatch):
    """And holds: what is remembered is raised by as much as any score can have moved."""
    rng, points, v = made(1, n=60)
    plane = Plane(Dictionary(points, (1, 2), 1, True), np.array([0, 1]), np.array(SHAPES[0]))
    goal = Goal(0.0, 1e-4)
    first = plane.bounded(v, goal, np.inf, Deadline())
    searches = []
    search = Sectors.search
    watched = lambda *told: searches.append(1) or search(*told)
    monkeypatch.setattr(Sectors, "search", watched)
    other = v + 1e-14 * rng.normal(size=len(v))
    again = plane.bounded(other, goal, np.inf, Deadline())
    assert not searches and first.bound < again.bound <= first.bound * (1 + 1e-9)
    assert again.value < first.value
    for told in ((1.001 * v, goal, np.inf), (v, Goal(0.0, 1e-3), np.inf), (v, goal, 1e6)):
        searches.clear()
        plane.bounded(*told, Deadline())
        assert searches
    plane.bounded(v, goal, np.inf, Deadline(1e6))
    searches.clear()
    plane.bounded(v, goal, np.inf, Deadline())
    assert searches  # One that a deadline may have ended is not remembered.


def test_the_quadrants_are_those_of_the_ways():
    half = np.pi / 2
    assert quadrants(np.array([0, 0])) == [0.0, half]
    assert quadrants(np.array([1, 0])) == [0.0, 3 * half]
    assert quadrants(np.array([0, -1])) == [2 * half, 3 * half]
    assert quadrants(np.array([-1, 1])) == [half]


@pytest.mark.parametrize("shapes", SHAPES)
def test_a_search_ends_next_to_the_best_of_all_directions(shapes):
    """With pairs of rows whose direction has it, or one as good."""
    for seed in range(4):
        _, points, v = made(seed + 1)
        plane = Plane(Dictionary(points, (1, 2), 1, True), np.array([0, 1]), np.array(shapes))
        _, best = plane.found(v, None, np.inf)
        # Where a quadrant ends are units of one column, which others look for.
        ends = np.add.outer(quadrants(plane.ways), [0.0, np.pi / 2]).ravel()
        outermost = dense(points, v, plane.faces, plane.ramp, ends)
        best = max(best, outermost)
        whole = plane.bounded(v, Goal(0.0, 1e-6), np.inf, Deadline())
        assert best * (1 - 1e-12) <= whole.bound <= best * (1 + 2e-6)
        assert whole.bound / (1 + 2e-6) <= whole.value <= best * (1 + 1e-12)
        below = 0.98 * best
        found = plane.bounded(v, Goal(below, 1e-3), np.inf, Deadline())
        assert best * (1 - 1e-12) <= found.bound <= best * (1 + 2e-3) + (best - below)
        rows = np.unique(plane.level_near(v, found.angles), axis=0)
        _, seen = plane.found(v, plane.directions(rows), np.inf)
        assert seen > below or outermost > below
        # Without effort it is what the first intervals say, and with some no worse than that.
        loose = plane.bounded(v, Goal(0.0, 1e-6), 0.0, Deadline())
        first = 16 * len(quadrants(plane.ways)) * len(v)
        assert found.bound <= loose.bound < 3 * found.bound and loose.visits == first
        late = plane.bounded(v, Goal(0.0, 1e-6), np.inf, Deadline(0.0))
        assert (late.bound, late.visits) == (loose.bound, first)
        if best == outermost:
            continue  # It stands at the end of a first interval, and that is sharp.
        half = plane.bounded(v, Goal(0.0, 1e-6), (first + whole.visits) / 2, Deadline())
        assert best * (1 - 1e-12) <= half.bound <= loose.bound
        assert first < half.visits <= (first + whole.visits) / 2


@pytest.mark.parametrize(
    "shapes", [*SHAPES[:2], *(pytest.param(one, marks=pytest.mark.slow) for one in SHAPES[2:])]
)
def test_a_fit_is_certified_by_bounds(shapes, monkeypatch):
    """The optimum of a look along every direction lies between bound and objective, which are as
    near as was asked for."""
    _, X, noise = made(1, n=30)
    problem = Problem(np.tanh(2 * X[:, 0] - X[:, 1]) + 0.1 * noise, 1.0)

    def fitted(**told):
        pricer = ShapedPricer(np.array(shapes), Dictionary(X, (1, 2), 1, True), **told)
        alpha = 0.05 * highest if told else 0.05 * largest_alpha(problem, pricer)
        return alpha, solve(Problem(problem.y, alpha), pricer, tol=1e-4), pricer

    alpha, exact, pricer = fitted()
    highest = alpha / 0.05
    assert not pricer.bounds
    monkeypatch.setattr("wedgefit.engine.shapes.FULL_IS_CHEAP", 0)
    monkeypatch.setattr(ShapedPricer, "bounds", True)
    _, found, pricer = fitted(effort=3e9)
    certificate = found.certificate
    assert certificate.scope == "exact" and certificate.bounded
    assert certificate.relative_gap <= 2e-4
    best = exact.certificate
    assert certificate.lower_bound <= best.objective * (1 + 1e-12)
    assert best.lower_bound <= certificate.objective <= best.objective * (1 + 2e-4)
    assert largest_alpha(problem, pricer) == pytest.approx(highest, rel=2e-4)


def test_a_proof_that_effort_ended_says_so_and_is_not_tried_again(monkeypatch):
    """Another would take as long, and end as this one did."""
    _, X, noise = made(1, n=30)
    problem, shapes = Problem(np.tanh(2 * X[:, 0] - X[:, 1]) + 0.1 * noise, 1.0), SHAPES[0]
    monkeypatch.setattr("wedgefit.engine.shapes.FULL_IS_CHEAP", 0)
    monkeypatch.setattr("wedgefit.engine.shapes.FULL_IS_QUICK", 0)
    monkeypatch.setattr(ShapedPricer, "bounds", True)
    proofs = []

    class Watched(ShapedPricer):
        def price(self, *args, **told):
            found = super().price(*args, **told)
            proofs.extend([found.cut_short] if told["every_pencil"] else [])
            return found

    def fitted(effort):
        proofs.clear()
        pricer = Watched(np.array(shapes), Dictionary(X, (1, 2), 1, True), effort=effort)
        return solve(Problem(problem.y, 0.01), pricer, tol=1e-5)

    # The first saw units above alpha, and the second none: there it ends.
    ended = fitted(1.0)
    assert ended.status == "stalled" and proofs == [False, True]
    whole = fitted(np.inf)
    assert whole.status == "converged" and not any(proofs)
    assert ended.certificate.lower_bound <= whole.certificate.objective


@pytest.mark.parametrize("name", KERNELS)
def test_rows_on_a_line_are_told_apart_by_the_rounding_of_directions(name):
    """Across such a line what is left of a score is less than rounding turns a direction by."""
    rng = np.random.default_rng(0)
    faces, ramp = units_of(0, 0)
    for angle in rng.uniform(0.01, np.pi / 2 - 0.01, 40):
        points = np.outer(rng.normal(size=6), [np.cos(angle), np.sin(angle)])
        v = rng.normal(size=6)
        v -= v.mean()
        begin = angle + np.pi / 2
        end = begin + 1e-11
        _, bounds = KERNELS[name].look(points, v, np.array([[begin, end]]), faces, ramp)
        exact = points.astype(np.longdouble), v.astype(np.longdouble)
        assert bounds[0] >= dense(*exact, faces, ramp, np.array([begin, end], np.longdouble))
