"""The best broken lines of few bends: against every choice of bends there is."""

from itertools import combinations

import numpy as np
import pytest
from quick import only

from wedgefit.engine import broken_line as room
from wedgefit.engine.broken_line import broken_lines, cost_of_bends

# Of twelve rows no line needs more bends than lie between them.
MOST = 10


def problem(seed):
    """Up to twelve rows: noise or a wave, every third with equal values, every fourth weighted."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 13))
    x = rng.integers(0, 7, n).astype(float) if seed % 3 == 0 else rng.normal(size=n)
    y = rng.normal(size=n) if seed % 2 else np.sin(3 * x) + 0.1 * rng.normal(size=n)
    weights = rng.uniform(0.1, 3, n) if seed % 4 == 0 else np.ones(n)
    return x, y, weights / weights.sum()


def exhaustive(x, y, weights, most):
    """The least loss for every number of bends, by least squares on hinges at every choice."""
    inner, root = np.unique(x)[1:-1], np.sqrt(weights)
    losses = []
    for k in range(min(most, len(inner)) + 1):
        least = np.inf
        for bends in combinations(inner, k):
            hinges = [np.maximum(x - bend, 0) for bend in bends]
            A = np.column_stack([np.ones_like(x), x, *hinges])
            z = np.linalg.lstsq(A * root[:, None], y * root, rcond=None)[0]
            least = min(least, weights @ (y - A @ z) ** 2 / 2)
        losses.append(least)
    return losses


def loss_of(line, x, y, weights):
    nodes = [x.min(), *line.bends, x.max()]
    return weights @ (y - np.interp(x, nodes, line.heights)) ** 2 / 2


@pytest.mark.parametrize("seeds", only([range(8)], [range(8), range(8, 40)]), ids=len)
def test_no_choice_of_bends_is_better(seeds):
    better_than_exchanges = 0
    for seed in seeds:
        x, y, weights = problem(seed)
        lines = broken_lines(x, y, weights, MOST)
        truth = exhaustive(x, y, weights, MOST)
        small = 1e-10 * max(np.var(y), 1e-300)
        np.testing.assert_allclose([line.loss for line in lines], truth, rtol=1e-8, atol=small)
        rows = room._Rows(x, y, weights)
        known = room._exchanged(rows, len(lines) - 1)
        costs = [rows.line(bends, 0.0, proven=False).loss for bends in known]
        better_than_exchanges += any(line.loss < cost - 1e-6 for line, cost in zip(lines, costs))
        for line in lines:
            assert line.proven and set(line.bends) <= set(x)
            assert loss_of(line, x, y, weights) == pytest.approx(line.loss, abs=small)
            assert line.anywhere <= line.lower_bound <= line.loss
            assert line.lower_bound == pytest.approx(line.loss, abs=small)
    # Else the search by exchanges alone would pass, too.
    assert better_than_exchanges


def test_bends_between_rows_are_bounded_too():
    """A line that bends between rows goes through all of them; one that bends at rows cannot."""
    x = np.arange(8.0)
    y = np.abs(x - 3.5)
    weights = np.full(8, 1 / 8)
    one = broken_lines(x, y, weights, 1)[1]
    assert one.proven and one.loss > 1e-3
    assert one.anywhere == 0.0


def test_more_rows_than_can_be_tried():
    """Where the truth is a line of three bends it is found among 500,000 choices; also in other
    units and from right to left."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(size=150))
    nodes = x[[0, 40, 80, 120, -1]]
    y = np.interp(x, nodes, [0, 1, -1, 2, 0])
    weights = np.full(150, 1 / 150)
    line = broken_lines(x, y, weights, 3)[3]
    np.testing.assert_array_equal(line.bends, nodes[1:-1])
    np.testing.assert_allclose(line.heights, [0, 1, -1, 2, 0], atol=1e-9)
    noisy = y + 0.1 * rng.normal(size=150)
    straight = broken_lines(x, noisy, weights, 3)
    turned = broken_lines(-1e6 * x + 7e8, 1e-3 * noisy + 5, weights, 3)
    for one, other in zip(straight, turned):
        assert other.loss == pytest.approx(1e-6 * one.loss, rel=1e-6)
        np.testing.assert_allclose(other.bends[::-1], -1e6 * one.bends + 7e8)


def test_weights_are_repeated_rows():
    x, y, _ = problem(2)
    times = np.arange(len(x)) % 3 + 1
    one = broken_lines(x, y, times.astype(float), 3)
    other = broken_lines(np.repeat(x, times), np.repeat(y, times), np.ones(times.sum()), 3)
    np.testing.assert_allclose([line.loss for line in one], [line.loss for line in other])


def test_a_proof_that_is_given_up_says_so():
    rng = np.random.default_rng(1)
    x, y, weights = np.arange(60.0), rng.normal(size=60), np.full(60, 1 / 60)
    sure = broken_lines(x, y, weights, 3)
    unsure = broken_lines(x, y, weights, 3, looks=800)
    assert [line.proven for line in unsure] == [True, True, False, False]
    for one, other in zip(sure[2:], unsure[2:]):
        assert other.lower_bound <= one.lower_bound <= one.loss <= other.loss
        assert other.lower_bound == other.anywhere == one.anywhere


@pytest.mark.parametrize("values", [1, 2, 3])
def test_few_values(values):
    x = np.arange(12.0) % values
    y = np.sin(np.arange(12.0))
    lines = broken_lines(x, y, np.ones(12), 5)
    means = np.array([y[x == value].mean() for value in range(values)])
    assert len(lines) == max(1, values - 1)
    assert lines[-1].loss == pytest.approx(np.mean((y - means[x.astype(int)]) ** 2) / 2)


def test_the_cost_of_given_bends():
    x, y, weights = problem(1)
    for line in broken_lines(x, y, weights, 3):
        assert cost_of_bends(x, y, weights, line.bends) == pytest.approx(line.loss, abs=1e-12)
