"""Networks with a shape: the best of all of them, against a conic solver that knows no ramps."""

import numpy as np
import oracles
import pytest

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import loss_of
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.ramps import Ramps
from wedgefit.engine.shaped_units import Plane, best_ramps, peaks
from wedgefit.engine.shapes import ShapedPricer, shortfall
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.engine.wedge import Wedges

UP, DOWN, CONVEX, CONCAVE, FREE = (1, 0), (-1, 0), (0, 1), (0, -1), (0, 0)
# Of one column, then of several.
SHAPES = [
    (UP,), (DOWN,), (CONVEX,), (CONCAVE,), ((1, 1),), ((1, -1),), ((-1, 1),), ((-1, -1),),
    (UP, FREE), (FREE, DOWN), (UP, DOWN), (CONVEX, UP), (CONCAVE, FREE), (UP, UP),
]  # fmt: skip
LOSSES = ["squared", "logistic", "huber", "quantile", "poisson", "gamma"]


# Of pairs, whose ridges go one way, or in one quadrant, bend one way, or are lines.
PAIRS = [
    (UP, FREE), (FREE, DOWN), (UP, UP), (DOWN, UP), (CONVEX, FREE), (CONCAVE, CONCAVE),
    (CONVEX, CONCAVE), ((1, 1), FREE), ((1, -1), DOWN), (UP, CONVEX), (UP, FREE, FREE),
    (UP, CONVEX, DOWN),
]  # fmt: skip


def priced_on(X, shapes, order=1):
    return ShapedPricer(np.array(shapes), Dictionary(X, (1, 2)[:order], 1, True))


def random_problem(loss, shapes, seed, n=13):
    """Rows on a grid, or not, and targets that go up and down, so that shapes bind."""
    rng = np.random.default_rng(seed)
    d = len(shapes)
    X = rng.normal(size=(n, d)) if seed % 2 else rng.integers(0, 5, size=(n, d)).astype(float)
    f = sum(np.sin(2 * x + k) for k, x in enumerate(X.T)) + 0.5 * rng.normal(size=n)
    way = sum(shape[0] for shape in shapes)
    f = f + 0.4 * way * X[:, 0]
    y = {
        "logistic": np.where(f > np.median(f), 1.0, -1.0),
        "poisson": rng.poisson(np.exp(f)).astype(float),
        "gamma": np.exp(f),
    }.get(loss, f)
    weights = rng.uniform(0.5, 2, size=n) if seed % 3 == 0 else None
    return X, Problem(y, 1.0, loss=loss_of(loss, quantile=0.3, huber_delta=0.7),
                      sample_weight=weights)  # fmt: skip


def hinges_of(X, order):
    """Hinges along every direction in which rows are level, through every row."""
    along = {}
    for columns, samples, w, _ in oracles.enumerate_wedges(X, [1, 2][:order], 1, True):
        for b in np.unique(np.round(-X @ w, 10)):
            along.setdefault((*np.round(w, 10) + 0.0, b + 0.0), (columns, samples, w, b))
    return list(along.values())


def optimum(X, problem, shapes, order):
    """By a conic solver: hinges of both signs, whose sums along each direction are constrained."""
    wedges = hinges_of(X, order)
    K, y, alpha, weights = oracles.hinge_matrix(X, wedges), problem.y[:, 0], problem.alpha, None
    shape = oracles.slopes_and_bends(wedges, X, shapes)
    weights, name = problem.shares, problem.loss.name
    if name == "squared":
        return oracles.lasso_optimum(K, y, alpha, True, weights, shape)[0]
    if name == "logistic":
        return oracles.logistic_lasso_optimum(K, y, alpha, True, weights, shape)[0]
    number = {"quantile": 0.3, "huber": 0.7}.get(name)
    return oracles.further_lasso_optimum(K, y, alpha, True, weights, name, number, shape)[0]


def check(loss, shapes, seed, ratio, order=1):
    X, problem = random_problem(loss, shapes, seed, n=13 if order == 1 else 8)
    pricer = priced_on(X, shapes, order)
    largest = largest_alpha(problem, pricer)
    assert largest > 0, "a seed whose best network is a constant tells nothing"
    problem = Problem(problem.y, ratio * largest, loss=problem.loss,
                      sample_weight=problem.sample_weight)  # fmt: skip
    found = solve(problem, pricer, tol=1e-7)
    best, certificate = optimum(X, problem, shapes, order), found.certificate
    assert certificate.scope == "exact" and certificate.relative_gap <= 1e-6
    assert certificate.objective == pytest.approx(best, rel=1e-6)
    assert certificate.lower_bound <= best + 1e-7 * abs(best)
    assert type(found.fit.wedges) is Wedges and len(found.fit.wedges) > 0
    assert not shortfall(X, found.fit.wedges, found.fit.coefficients, np.array(shapes)).any()


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_the_best_network_of_a_shape_is_that_of_a_conic_solver(shapes):
    check("squared", shapes, 3, 0.05)


@pytest.mark.parametrize("shapes", PAIRS, ids=str)
def test_the_best_sum_of_ridges_is_that_of_a_conic_solver(shapes):
    check("squared", shapes, 3, 0.05, order=2)


@pytest.mark.parametrize("loss", LOSSES[1:])
def test_other_losses_have_shapes_too(loss):
    check(loss, (UP, CONVEX), 1, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shapes", sorted({*SHAPES, *PAIRS}), ids=str)
def test_random_problems_of_a_shape(shapes, loss, order):
    """Ten of each loss, sixty of each shape."""
    if order > len(shapes):
        pytest.skip("of one column")
    # Of a quantile the objective soon is no more than the width of the loss's kink.
    done, ratios = 0, (0.3, 0.1, 0.1 if loss == "quantile" else 0.02)
    for seed in range(100):
        X, problem = random_problem(loss, shapes, seed, n=13 if order == 1 else 8)
        if largest_alpha(problem, priced_on(X, shapes, order)) < 1e-3:
            continue
        try:
            check(loss, shapes, seed, ratios[seed % 3], order)
        except ArithmeticError:  # The conic solver has no answer of this precision.
            continue
        done += 1
        if done == 10:
            break
    assert done == 10


@pytest.mark.parametrize("shapes", PAIRS[:-2], ids=str)
@pytest.mark.parametrize("grid", [False, True])
def test_no_direction_has_a_better_unit_than_those_of_rows_that_are_level(shapes, grid, rng):
    """Of 500 directions that belong to the shapes, all units through rows by hand."""
    X = rng.integers(0, 4, size=(12, 2)).astype(float) if grid else rng.normal(size=(12, 2))
    v = rng.normal(size=12)
    v -= v.mean()
    (way, bend), (other_way, other_bend) = shapes
    pricer = priced_on(X, shapes, 2)
    priced = pricer.price(v[:, None], 0.0, pricer.dictionary.none(), every_pencil=True)
    assert priced.exact and priced.bound == pytest.approx(priced.scores[0])
    directions, highest = rng.normal(size=(500, 2)), 0.0
    directions /= np.abs(directions).sum(axis=1, keepdims=True)
    bends, monotone = {bend, other_bend} - {0}, bool(way or other_way)
    for turn in (1, -1) if len(bends) < 2 else ():
        turned = turn * directions[np.all(turn * directions * (way, other_way) >= 0, axis=1)]
        heights = turned @ X.T
        through = np.sort(heights, axis=1)[:, :, None]
        rise = np.maximum(heights[:, None] - through, 0) @ v
        fall = np.maximum(through - heights[:, None], 0) @ v
        scores = [rise] if bends != {-1} else [-fall] if monotone else [-rise]
        if not bends:
            scores += [-fall] if monotone else [-rise, fall]
            if monotone:
                scores += [(rise[:, a, None] - rise[:, a:]) / 2 for a in range(12)]
        highest = max(highest, *(some.max(initial=0.0) for some in scores))
    assert highest <= priced.bound * (1 + 1e-9)
    two = priced.scores[priced.wedges.orders == 2].max(initial=0.0)
    assert highest >= 0.9 * two and (two > 0 or shapes == (CONVEX, CONCAVE))


def test_a_round_that_looks_at_some_directions_says_so(rng, monkeypatch):
    monkeypatch.setattr("wedgefit.engine.shapes.FULL_IS_CHEAP", 100)
    X = rng.normal(size=(60, 2))
    y = np.tanh(2 * X[:, 0] + X[:, 1]) + 0.2 * rng.normal(size=60)
    pricer = priced_on(X, (UP, FREE), 2)
    sampled = solve(Problem(y, 0.01), pricer, tol=1e-6, exact=False).certificate
    whole = solve(Problem(y, 0.01), priced_on(X, (UP, FREE), 2), tol=1e-6).certificate
    assert sampled.scope == "sampled" and sampled.wedges_priced < sampled.wedges_total
    assert sampled.network_lower_bound is None
    assert whole.scope == "exact" and whole.relative_gap <= 1e-6
    assert whole.lower_bound <= sampled.objective <= 1.02 * whole.objective


def test_a_shape_that_the_optimum_has_anyway_changes_nothing(rng):
    X = np.sort(rng.normal(size=(40, 1)), axis=0)
    y = np.cumsum(rng.uniform(0, 1, size=40))
    problem = Problem(y, 0.05)
    free = solve(problem, Pricer(Dictionary(X, (1,), 1, True)), tol=1e-10)
    up = solve(problem, priced_on(X, [UP]), tol=1e-10)
    assert not shortfall(X, free.fit.wedges, free.fit.coefficients, np.array([UP])).any()
    assert up.certificate.objective == pytest.approx(free.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(up.fit.output, free.fit.output, atol=1e-6)


def test_an_s_curve_needs_ramps(rng):
    """Signs of hinges alone would make what is increasing convex plus concave."""
    X = np.linspace(-3, 3, 60)[:, None]
    y = np.where(X[:, 0] < -1, -1.0, np.where(X[:, 0] > 1, 1.0, 0.0))
    found = solve(Problem(y, 1e-5), priced_on(X, [UP]), tol=1e-9)
    slopes = np.diff(found.fit.output[:, 0])
    assert slopes.min() >= -1e-12 and found.certificate.relative_gap <= 1e-9
    # It rises twice and is level before, between and after.
    rising = slopes > 0.1
    assert np.count_nonzero(np.diff(rising.astype(int)) == 1) >= 2 and not rising[[0, 29, -1]].any()


def test_shapes_hold_beyond_the_rows(rng):
    X = rng.normal(size=(50, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 0] - np.abs(X[:, 1]) + 0.1 * rng.normal(size=50)
    shapes = [(1, 0), (0, -1)]
    fit = solve(Problem(y, 0.01), priced_on(X, shapes), tol=1e-9).fit
    low, high = 5 * rng.normal(size=(10_000, 2)), 5 * rng.normal(size=(10_000, 2))
    high[:, 1] = low[:, 1]
    high[:, 0] = np.maximum(low[:, 0], high[:, 0])
    assert (fit.predict(high) - fit.predict(low)).min() >= -1e-12
    middle, beside = 5 * rng.normal(size=(10_000, 2)), np.abs(rng.normal(size=(10_000, 1)))
    step = np.hstack([np.zeros_like(beside), beside])
    bends = fit.predict(middle + step) + fit.predict(middle - step) - 2 * fit.predict(middle)
    assert bends.max() <= 1e-11


def test_ramps_are_two_hinges_at_the_price_of_two(rng):
    X = rng.normal(size=(9, 1))
    ramp = Ramps(
        np.array([[0], [0]]), np.array([[3], [5]]), np.array([[1.0], [-1.0]]),
        np.array([-X[3, 0], X[5, 0]]), np.array([-X[3, 0] - 1.0, -np.inf]),
        np.array([[7], [-1]]), np.array([1.0, -1.0]),
    )  # fmt: skip
    z = np.array([[2.0], [3.0]])
    wedges, own = ramp.as_hinges(z)
    np.testing.assert_allclose(ramp.combine(X, z), wedges.combine(X, own), atol=1e-15)
    assert np.abs(own).sum() == z.sum() and sorted(own[:, 0]) == [-3.0, -1.0, 1.0]
    rows = np.linspace(-4, 4, 50)[:, None]
    assert (np.diff(ramp.hinges(rows), axis=0) >= -1e-15).all()


def test_best_ramps_are_those_of_all_pairs(rng):
    heights = rng.normal(size=30)
    every = {(a, b): (heights[a] - heights[b]) / 2 for a in range(30) for b in range(a + 1, 30)}
    for ends in best_ramps(heights):
        start, stop, scores = ends
        assert (start <= stop).all() and scores.max() == pytest.approx(max(every.values()))
        for a, b, score in zip(*ends):
            assert a == b or every[a, b] == pytest.approx(score)
    assert peaks(np.array([0.0, 2, 3, 1, 5]), 1.5).tolist() == [2, 4]


@pytest.mark.parametrize(
    ("shape", "z", "short"),
    [(UP, (1.0, -1.0, 0.0), 0), (UP, (1.0, -1.5, 0.0), 0.5), (DOWN, (1.0, -1.0, 0.0), 1.0),
     (CONVEX, (1.0, 0.5, 2.0), 0), (CONVEX, (1.0, -0.25, 2.0), 0.25), (CONCAVE, (0, 0, 1.0), 1.0),
     (UP, (0.0, 0.0, -1.0), 0), (UP, (0.0, 0.0, 1.0), 1.0)],
)  # fmt: skip
def test_what_a_network_lacks_of_a_shape_is_measured(shape, z, short):
    """Hinges that rise from 0 and from 1 on, and one that falls up to 2."""
    none = np.zeros((3, 1), dtype=int)
    wedges = Wedges(none, none, np.array([[1.0], [1.0], [-1.0]]), np.array([0.0, -1.0, 2.0]))
    found = shortfall(np.eye(3, 1), wedges, np.array(z)[:, None], np.array([shape]))
    assert found == pytest.approx([short])


@pytest.mark.parametrize("shapes", PAIRS[:-2], ids=str)
def test_compiled_kernels_find_the_same_units(shapes, rng):
    pytest.importorskip("wedgefit.engine.shaped_compiled")
    X, v = rng.normal(size=(25, 2)), rng.normal(size=25)
    v -= v.mean()
    dictionary = Dictionary(X, (1, 2), 1, True)
    pair, told = np.array([0, 1]), np.array(shapes)
    found = []
    for memory, compiled in ((0.0, False), (1e9, False), (0.0, True), (1e9, True)):
        plane = Plane(dictionary, pair, told, memory, compiled)
        units, largest = plane.found(v, None, 0.1)
        scores = units.hinges(X).T @ v
        assert not len(scores) or largest == pytest.approx(scores.max())
        found.append((largest, np.sort(scores)))
    for largest, scores in found[1:]:
        assert largest == pytest.approx(found[0][0])
        np.testing.assert_allclose(scores, found[0][1], atol=1e-12)


def test_no_two_directions_are_taken_for_one(rng):
    """Beside a column a million times as large the weights of the other tell directions apart."""
    X = rng.normal(size=(20, 2)) * [1.0, 1e6]
    (plane,) = priced_on(X, (UP, FREE), 2)._planes
    sound = sum((X[i] != X[j]).all() for i in range(20) for j in range(i))
    assert len(plane.every) == sound
    none = np.zeros((2, 2), dtype=int)
    for turn, short in ((1.0, False), (1 + 1e-5, True)):
        second = np.array([[1 - 1e-6, 1e-6], [1 - 1e-6 * turn, 1e-6 * turn]])
        ramp = Wedges(none, none, second, np.array([0.0, -1.0]))
        found = shortfall(X, ramp, np.array([[1.0], [-1.0]]), np.array([UP, FREE]))
        assert found.any() == short
