"""The losses held against finite differences, scipy, grids and Fenchel: everything the solver and
its certificates rest on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from wedgefit.engine.losses import (
    LOSSES,
    Gamma,
    Huber,
    Logistic,
    Poisson,
    Quantile,
    Squared,
    log_sigmoid,
    sigmoid,
)
from wedgefit.learning.settings import LOSS_NAMES

# One output at a time; what couples outputs is tested for itself (test_softmax).
ALONE = {name: loss for name, loss in LOSSES.items() if not loss.couples}
EVERY = pytest.mark.parametrize("loss", ALONE.values(), ids=ALONE)
SEEDS = st.integers(0, 10**6)
# What the rounding of a quantile's kink may leave of an equality.
ROUNDED = 1e-6


def example(loss, seed, n=8, spread=2.0):
    """Targets (n, 1) that suit the loss (labels of both signs), outputs, and uneven weights that
    add up to one."""
    rng = np.random.default_rng(seed)
    y, output, weights = (
        rng.normal(size=(n, 1)),
        spread * rng.normal(size=(n, 1)),
        rng.exponential(size=n) + 0.01,
    )
    if isinstance(loss, Logistic):
        y = np.where(y > 0, 1.0, -1.0)
        y[:2, 0] = 1, -1
    if isinstance(loss, Poisson):
        y = rng.poisson(2.0, size=(n, 1)).astype(float)
    if isinstance(loss, Gamma):
        y = rng.exponential(size=(n, 1)) + 0.05
    return y, output, weights / weights.sum()


def feasible(loss, seed, y, weights):
    """Any dual point in the domain of the dual objective."""
    rng = np.random.default_rng(seed + 1)
    shape = y.shape
    return weights[:, None] * {
        "squared": rng.normal(size=shape),
        "huber": rng.uniform(-1, 1, size=shape),
        "quantile": rng.uniform(-0.5, 0.5, size=shape),
        "logistic": y * rng.uniform(size=shape),
        "poisson": y - rng.exponential(size=shape),
        "gamma": rng.exponential(size=shape) - 1,
    }.get(loss.name)


def column(*values):
    """One target or output of some rows, (n, 1)."""
    return np.array(values, dtype=float)[:, None]


def test_by_hand():
    y, output, even = column(1, 2, 4), column(1, 0, 5), np.full(3, 1 / 3)
    assert Squared().value(y, output, even) == pytest.approx((4 + 1) / 6, rel=1e-15)
    np.testing.assert_allclose(
        Squared().negative_gradient(y, output, even), column(0, 2 / 3, -1 / 3), rtol=1e-15
    )
    assert Squared().shift(y, output, np.array([0.5, 0.25, 0.25])) == [0.25]
    y, output, weights = column(1, -1), column(0, np.log(3)), np.array([0.25, 0.75])
    assert Logistic().value(y, output, weights) == pytest.approx(
        0.25 * np.log(2) + 0.75 * np.log(4), rel=1e-15
    )
    np.testing.assert_allclose(
        Logistic().negative_gradient(y, output, weights), column(0.125, -0.75 * 0.75), rtol=1e-15
    )
    np.testing.assert_allclose(
        Logistic().curvature(y, output, weights), column(0.0625, 0.75 * 3 / 16), rtol=1e-15
    )
    assert Logistic().shift(y, column(0, 0), weights) == pytest.approx([-np.log(3)], rel=1e-14)
    assert Logistic().dual_value(y, column(0.125, -0.375), weights) == pytest.approx(
        np.log(2), rel=1e-15
    )
    assert Logistic().dual_value(y, column(-0.001, -0.375), weights) == -np.inf
    assert Logistic().dual_value(y, column(0.251, -0.375), weights) == -np.inf


@EVERY
@given(SEEDS)
def test_slopes_are_those_of_finite_differences(loss, seed):
    """A wrong gradient makes the dual point, and with it every certificate, wrong; a wrong
    curvature only costs time."""
    y, output, weights = example(loss, seed)
    for i, step in enumerate(1e-5 * np.eye(len(y))[:, :, None]):
        up, down = (loss.value(y, output + sign * step, weights) for sign in (1, -1))
        close = dict(abs=1e-9 * max(1.0, abs(up)), rel=1e-7)
        assert -(up - down) / 2e-5 == pytest.approx(
            loss.negative_gradient(y, output, weights)[i], **close
        )
        up, down = (loss.negative_gradient(y, output + sign * step, weights)[i] for sign in (1, -1))
        assert -(up - down) / 2e-5 == pytest.approx(loss.curvature(y, output, weights)[i], **close)


@pytest.mark.parametrize("loss", [Huber(0.3), Huber(2.0), Quantile(0.2).rounded], ids=str)
@given(SEEDS)
def test_parabolas_lie_above_losses_that_have_no_curvature_everywhere(loss, seed):
    """Where the loss is a line the largest curvature of all rows: every step of the solver
    gains."""
    y, output, weights = example(loss, seed, spread=1.0)
    start, slope = loss.value(y, output, weights), loss.negative_gradient(y, output, weights)
    curvature = loss.largest_curvature(y, weights) * weights[:, None]
    assert (loss.curvature(y, output, weights) <= curvature).all()
    for size in (1e-3, 0.1, 1.0, 10.0):
        step = size * np.random.default_rng(seed).normal(size=y.shape)
        above = start - np.vdot(slope, step) + 0.5 * np.vdot(curvature, step**2)
        assert loss.value(y, output + step, weights) <= above + 1e-14


@EVERY
@given(SEEDS, st.sampled_from([0.1, 3.0, 30.0]))
def test_shift_is_the_best_constant(loss, seed, spread):
    """Against scipy, and to rounding: the dual point must be orthogonal to constants, or the bound
    is false."""
    y, output, weights = example(loss, seed, spread=spread)
    found = loss.shift(y, output, weights)
    slow = minimize_scalar(
        lambda t: loss.value(y, output + t, weights),
        bracket=(found[0] - 3, found[0] + 2),
        tol=1e-12,
    )
    slack = 1e-14 * max(abs(slow.fun), np.abs(output + found).max())
    rounded = ROUNDED if loss.name == "quantile" else 0.0
    assert loss.value(y, output + found, weights) <= slow.fun + slack + rounded
    dual = loss.negative_gradient(y, output + found, weights)
    assert abs(dual.sum()) <= (1e-13 + rounded) * np.abs(dual).sum() + 1e-300


def test_shift_of_rows_far_on_their_side():
    """Separated classes: both slopes are 1e-11 or 1e-40, and their balance is (−25 + 30) / 2 all
    the same."""
    y, even = column(1, -1), np.array([0.5, 0.5])
    for far in (25.0, 90.0):
        found = Logistic().shift(y, column(far + 5, -far), even)
        assert found == pytest.approx([-2.5], rel=1e-10)


def test_shift_of_very_uneven_weights():
    """The rarer class by its own weights, not as 1 minus the rest, which is zero in rounding."""
    weights = np.array([1 - 1e-20, 1e-20])
    found = Logistic().shift(column(1, -1), column(0, 0), weights)
    assert found == pytest.approx([20 * np.log(10)], rel=1e-9)


@EVERY
@given(SEEDS)
def test_dual_value_bounds_the_value(loss, seed):
    """Fenchel: D(v) ≤ loss(f) + v·f for all f and feasible v, with equality at v = −gradient."""
    y, output, weights = example(loss, seed)
    v = loss.negative_gradient(y, output, weights)
    value = loss.value(y, output, weights)
    slack = 1e-13 * max(1.0, abs(value), np.abs(v * output).sum())
    slack += ROUNDED if loss.name == "quantile" else 0.0
    assert loss.dual_value(y, v, weights) == pytest.approx(value + np.vdot(v, output), abs=slack)
    other = feasible(loss, seed, y, weights)
    assert loss.dual_value(y, other, weights) <= value + np.vdot(other, output) + slack


@EVERY
@given(SEEDS, st.sampled_from([0.0, 1e-3, 0.1, 1.0, 100.0, np.inf]))
def test_best_scale_is_best(loss, seed, limit):
    """Against a fine grid: a worse multiple of the dual point is a looser bound than the numbers
    allow."""
    y, _, weights = example(loss, seed)
    dual = feasible(loss, seed, y, weights) * 10.0 ** (seed % 5 - 4)
    best = loss.best_scale(y, dual, weights, limit)
    assert 0 <= best <= limit
    reached = loss.dual_value(y, best * dual, weights)
    grid = np.concatenate(
        [
            np.linspace(0, min(limit, 50), 60),
            best * np.linspace(0.9, min(1.1, limit / best if best else 1), 60),
        ]
    )
    assert reached >= max(loss.dual_value(y, s * dual, weights) for s in grid) - 1e-12
    assert loss.best_scale(y, np.zeros_like(y), weights, limit) == 0


def test_best_scale_of_logistic_near_the_end_of_its_domain():
    """One row at a = 1 − 1e-12: no logarithm of zero, and never beyond the domain."""
    y, weights = column(1, -1), np.array([0.5, 0.5])
    dual = column(0.5, -0.5e-9)
    best = Logistic().best_scale(y, dual, weights, np.inf)
    assert 0 < best <= 1 and np.isfinite(Logistic().dual_value(y, best * dual, weights))
    tiny = 1e-200 * dual
    assert Logistic().best_scale(y, tiny, weights, np.inf) * 1e-200 == pytest.approx(best, rel=1e-9)


@EVERY
@given(SEEDS)
def test_whole_weights_are_repeated_rows(loss, seed):
    y, output, _ = example(loss, seed)
    times = np.random.default_rng(seed).integers(1, 5, size=len(y))
    rows = np.repeat(np.arange(len(y)), times)
    weights, even = times / times.sum(), np.full(len(rows), 1 / len(rows))
    assert loss.value(y, output, weights) == pytest.approx(
        loss.value(y[rows], output[rows], even), rel=1e-13
    )
    assert loss.shift(y, output, weights) == pytest.approx(
        loss.shift(y[rows], output[rows], even), rel=1e-9, abs=1e-12
    )
    dual = loss.negative_gradient(y, output, weights)
    every = loss.negative_gradient(y[rows], output[rows], even)
    np.testing.assert_allclose(dual[:, 0], np.bincount(rows, every[:, 0]), rtol=1e-12)
    curvature = np.bincount(rows, loss.curvature(y[rows], output[rows], even)[:, 0])
    np.testing.assert_allclose(loss.curvature(y, output, weights)[:, 0], curvature, rtol=1e-12)
    assert loss.dual_value(y, dual, weights) == pytest.approx(
        loss.dual_value(y[rows], every, even), rel=1e-12, abs=1e-13
    )
    best = loss.best_scale(y, 0.3 * dual, weights, 10.0)
    assert best == pytest.approx(loss.best_scale(y[rows], 0.3 * every, even, 10.0), rel=1e-9)


@pytest.mark.parametrize(
    "loss", [Squared(), Huber(), Quantile(), Logistic()], ids=lambda loss: loss.name
)
@pytest.mark.parametrize("size", [1e4, 700.0, 40.0])
@pytest.mark.parametrize("side", [1, -1])
def test_extreme_outputs_make_no_noise(loss, size, side):
    """No overflow and no logarithm of zero, on the right side or the wrong one: warnings are errors
    here."""
    y, weights = column(1, -1, 1, -1), np.array([0.1, 0.2, 0.3, 0.4])
    output = side * size * y + column(0, 1, 2, 3)
    dual = loss.negative_gradient(y, output, weights)
    figures = [
        loss.value(y, output, weights),
        loss.dual_value(y, dual, weights),
        loss.best_scale(y, dual, weights, 2.0),
    ]
    figures += [*dual[:, 0], *loss.curvature(y, output, weights)[:, 0]]
    figures += [*loss.shift(y, output, weights)]
    assert np.all(np.isfinite(figures))
    if loss.name == "logistic":
        assert figures[0] == pytest.approx(size if side < 0 else 0.0, abs=4)


def test_sigmoid_in_both_tails():
    x = np.array([-1e4, -700.0, -40.0, 0.0, 40.0, 1e4])
    np.testing.assert_allclose(sigmoid(x), [0, np.exp(-700), np.exp(-40), 0.5, 1, 1], rtol=1e-13)
    np.testing.assert_allclose(
        log_sigmoid(x), [-1e4, -700, -40, -np.log(2), -np.exp(-40), 0], rtol=1e-13
    )


@EVERY
def test_several_targets_add_up(loss):
    """(n, K): the sum over the columns of what each gives alone."""
    parts = [example(loss, seed, n=7) for seed in range(3)]
    y, output = (np.hstack([part[i] for part in parts]) for i in (0, 1))
    columns, weights = [part[:2] for part in parts], parts[0][2]
    dual = loss.negative_gradient(y, output, weights)
    for method in (loss.negative_gradient, *[loss.curvature] * (not loss.quadratic)):
        alone = np.hstack([method(a, b, weights) for a, b in columns])
        np.testing.assert_allclose(method(y, output, weights), alone)
    assert loss.value(y, output, weights) == pytest.approx(
        sum(loss.value(a, b, weights) for a, b in columns)
    )
    np.testing.assert_allclose(
        loss.shift(y, output, weights),
        np.concatenate([loss.shift(a, b, weights) for a, b in columns]),
    )
    for method in (loss.dual_value, loss.dual_terms):
        pairs = zip(columns, np.hsplit(dual, 3))
        alone = sum(method(a, v, weights) for (a, _), v in pairs)
        assert method(y, dual, weights) == pytest.approx(alone)
    best = loss.best_scale(y, 0.3 * dual, weights, 2.0)
    value = lambda s: loss.dual_value(y, s * 0.3 * dual, weights)
    assert value(best) >= max(value(s) for s in np.linspace(0, 2, 200)) - 1e-12


@pytest.mark.parametrize("loss", [Poisson(), Gamma()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("far", [-1e4, 1e4])
def test_a_mean_beyond_the_numbers_costs_infinitely_much(loss, far):
    """A step too far must be taken back, without noise: warnings are errors here. The best constant
    brings it back."""
    y, even = column(1, 2, 3), np.full(3, 1 / 3)
    output = np.full((3, 1), far)
    costly = (far > 0) == (loss.name == "poisson")
    assert (loss.value(y, output, even) == np.inf) == costly
    assert loss.shift(y, output, even) == pytest.approx([np.log(2) - far], rel=1e-14)
    assert loss.shift(y, np.zeros((3, 1)), even) == pytest.approx([np.log(2)], rel=1e-14)


def test_hubers_best_constants_are_an_interval():
    """Two rows far apart pull alike from anywhere between: the middle, which rounding does not
    move."""
    even = np.array([0.5, 0.5])
    assert Huber(0.1).shift(column(0, 1), column(0, 0), even) == [pytest.approx(0.5)]
    assert Huber(0.1).shift(column(0, 1), column(0, 0), np.array([0.6, 0.4])) == (
        [pytest.approx(0.1 * 0.4 / 0.6)]
    )


def test_quantiles_by_hand():
    y, even = column(0, 1, 2, 10), np.full(4, 0.25)
    loss = Quantile(0.75)
    assert loss.value(y, np.ones((4, 1)), even) == pytest.approx((0.25 + 0 + 0.75 + 0.75 * 9) / 4)
    np.testing.assert_allclose(
        loss.negative_gradient(y, np.full((4, 1), 1.5), even), column(-1, -1, 3, 3) / 16
    )
    assert 2 <= loss.shift(y, np.zeros((4, 1)), even)[0] <= 10
    assert Quantile(0.7).shift(y, np.zeros((4, 1)), even) == [pytest.approx(2, abs=1e-6)]
    assert loss.dual_value(y, 0.19 * column(1, -0.3, 0, 0), even) == -np.inf
    assert loss.dual_value(y, column(0, -0.06, 0.18, 0), even) == pytest.approx(0.3)


def test_every_loss_can_be_asked_for_by_name():
    assert set(LOSS_NAMES) == set(LOSSES) and len(LOSS_NAMES) == len(LOSSES)
