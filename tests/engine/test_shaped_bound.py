"""Bounds of units with a shape over intervals of directions: never below a dense look, sharp, and
enough for a certificate that no look along every direction could give."""

import numpy as np
import pytest

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.problem import Problem
from wedgefit.engine.shaped_bound import Sectors, quadrants
from wedgefit.engine.shaped_units import Plane, units_of
from wedgefit.engine.shapes import ShapedPricer
from wedgefit.engine.solve import largest_alpha, solve

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


@pytest.mark.parametrize("unit", UNITS)
def test_no_direction_of_an_interval_scores_more_than_its_bound(unit):
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
        _, bound = Sectors(points, faces, ramp)._look(v, begin, begin + width)
        truth = dense(points, v, faces, ramp, np.linspace(begin, begin + width, 40))
        assert truth <= bound * (1 + 1e-12)
        tight.append(truth / bound)
    assert np.median(tight) > 0.97


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
        _, best = plane.found(v, plane.every, np.inf)
        # Where a quadrant ends are units of one column, which others look for.
        ends = np.add.outer(quadrants(plane.ways), [0.0, np.pi / 2]).ravel()
        outermost = dense(points, v, plane.faces, plane.ramp, ends)
        best = max(best, outermost)
        bound, _, _ = plane.bounded(v, 0.0, 1e-6, np.inf)
        assert best * (1 - 1e-12) <= bound <= best * (1 + 2e-6)
        below = 0.98 * best
        bound, rows, _ = plane.bounded(v, below, 1e-3, np.inf)
        assert best * (1 - 1e-12) <= bound <= best * (1 + 2e-3)
        _, seen = plane.found(v, plane.directions(np.unique(rows, axis=0)), np.inf)
        assert seen > below or outermost > below
        # Without effort it is what the first intervals say.
        loose, _, visits = plane.bounded(v, 0.0, 1e-6, 0.0)
        assert bound <= loose < 3 * bound and visits == 16 * len(quadrants(plane.ways)) * len(v)


@pytest.mark.parametrize("shapes", SHAPES)
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
