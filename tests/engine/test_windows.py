"""Wedges priced one by one in narrow intervals, against brute force and full sweeps."""

from dataclasses import replace

import numpy as np
import pytest
from quick import only

from wedgefit.engine import bound_choice, windows
from wedgefit.engine.bound import Intervals
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.engine.windows import Windows

KINDS = {
    "generic": lambda X: X,
    "grid": lambda X: np.round(2 * X),
    "0/1": lambda X: (X > 0) * 1.0,
    "duplicates": lambda X: X[np.arange(len(X)) // 2],
    "collinear": lambda X: np.outer(np.round(3 * X[:, 0]), [1.0, -0.5]),
    "one column tiny, far away": lambda X: X * [1e-6, 1.0] + [0.0, 1e3],
}


def brute(X, v, centre, half):
    """The largest score of a wedge with a direction in the interval, in the slow way."""
    best = 0.0
    for i in range(len(X)):
        for k in range(i):
            x, y = X[i] - X[k]
            angle = np.arctan2(x, -y)
            away = (angle - centre + np.pi / 2) % np.pi - np.pi / 2
            if (x or y) and abs(away) <= half:
                heights = (X - X[k]) @ [-y, x] / np.hypot(x, y)
                faces = (np.maximum(sign * heights, 0) @ v for sign in (1, -1))
                best = max(best, *(np.linalg.norm(face) for face in faces))
    return best


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_window_finds_the_best_wedge_of_its_directions(kind, targets, rng, monkeypatch):
    monkeypatch.setattr(windows, "TOGETHER", 40)
    X = KINDS[kind](rng.normal(size=(25, 2)))
    v = rng.normal(size=(25, targets)) * 10.0 ** rng.uniform(-2, 0, size=(25, 1))
    v -= v.mean(axis=0)
    bounder = Bounder(X, np.array([[0, 1]]), norm=2, bias=True)
    for centre, half in ((0.31, 0.3), (0.8, 0.05), (2.2, 0.5), (np.pi / 2 + 0.1, 0.09)):
        interval = Intervals(np.array([[0, 1]]), np.array([centre]), np.array([half]))
        priced = Windows(bounder, Dictionary(X, (2,), 2, True), v)
        assert priced.price(interval, np.full(1, np.inf), 0.0) == priced.best
        truth = brute(X, v, centre, half)
        assert priced.best == pytest.approx(truth, rel=1e-9, abs=1e-12)
        for limit in truth * np.array([1 - 1e-9, 1.1]):
            lenient = Windows(bounder, Dictionary(X, (2,), 2, True), v)
            assert lenient.price(interval, np.full(1, np.inf), limit) >= truth * (1 - 1e-12)


def test_rows_that_cancel_in_the_middle_of_a_window_do_not_farther_on():
    """Round the first row the score is next to nothing at the centre, and so is its slope."""
    away = np.array([[0.0, 0.0], [-0.01, 1.0], [-0.01, -1.0], [-0.4, 1.0]])
    X = away @ [[np.cos(0.7), np.sin(0.7)], [-np.sin(0.7), np.cos(0.7)]]
    v = np.array([[-2.0], [1.0], [1.0], [0.0]])
    bounder = Bounder(X, np.array([[0, 1]]), norm=2, bias=True)
    interval = Intervals(np.array([[0, 1]]), np.array([0.7]), np.array([0.45]))
    truth = brute(X, v, 0.7, 0.45)
    priced = Windows(bounder, Dictionary(X, (2,), 2, True), v)
    assert priced.price(interval, np.full(1, np.inf), 0.9 * truth) == pytest.approx(truth)


def test_a_wedge_on_the_edge_of_two_windows_is_in_one_of_them(rng):
    """Two rows share a value of one column, and are close in the other: of their heights along the
    edge, told apart by rounding, nothing would be left but that."""
    for _ in range(20):
        X = np.column_stack([1e6 * np.repeat(rng.normal(size=6), 2), 1e-6 * rng.normal(size=12)])
        v = rng.normal(size=(12, 1))
        v -= v.mean()
        bounder = Bounder(X, np.array([[0, 1]]), norm=2, bias=True)
        priced = Windows(bounder, Dictionary(X, (2,), 2, True), v)
        priced.price(Intervals.all(np.array([[0, 1]])), np.full(16, np.inf), 0.0)
        assert priced.best == pytest.approx(brute(X, v, 0.0, np.pi), rel=1e-9)


def best_of_all(X, v):
    """The largest score of a neuron through a row, nearly: of many directions."""
    dense = 0.0
    for angle in np.linspace(0, np.pi, 5001):
        heights = X @ [np.cos(angle), np.sin(angle)]
        hinges = np.maximum(heights[:, None] - heights, 0)
        faces = hinges @ v, hinges.T @ v
        dense = max(dense, *(np.linalg.norm(face, axis=1).max() for face in faces))
    return dense


def test_between_wedges_the_best_neuron_is_found(rng):
    X, v = rng.normal(size=(30, 2)), rng.normal(size=(30, 1))
    v -= v.mean()
    bounder = Bounder(X, np.array([[0, 1]]), norm=2, bias=True)
    priced = Windows(bounder, Dictionary(X, (2,), 2, True), v)
    priced.price(Intervals.all(np.array([[0, 1]])), np.full(16, np.inf), 0.0)
    dense = best_of_all(X, v)
    assert priced.best < dense <= priced.between * (1 + 1e-12)
    assert priced.between == pytest.approx(dense, rel=1e-5)


@pytest.fixture
def windowed(monkeypatch):
    """Wedges of norm 2 are bounded, and priced in windows, however few the rows."""
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    monkeypatch.setattr(bound_choice, "WEDGES_SWEPT", 0)


@pytest.mark.parametrize("alpha", [np.inf, 0.9, 1.0])
@pytest.mark.parametrize("targets", only([1], [1, 2]))
@pytest.mark.parametrize("kind", only(["generic", "grid"], KINDS))
def test_windows_prove_as_much_as_sweeps(kind, targets, alpha, rng, request):
    """``alpha``: none, or a part of the largest score."""
    X = np.column_stack([KINDS[kind](rng.normal(size=(60, 2))), rng.normal(size=60)])
    v = rng.normal(size=(60, targets))
    v -= v.mean(axis=0)
    dictionary = Dictionary(X, (1, 2), 2, True)
    price = lambda alpha: Pricer(dictionary).price(v, alpha, dictionary.none(), every_pencil=True)
    swept = price(alpha := alpha * price(np.inf).bound)
    request.getfixturevalue("windowed")
    bounded = price(alpha)
    assert bounded.bounded and not swept.bounded and bounded.exact and swept.exact
    sharp = 1e-9 if alpha >= swept.bound else 0.3
    assert swept.bound * (1 - 1e-12) <= bounded.bound <= swept.bound * (1 + sharp)
    if targets == 1:
        above = swept.supremum * (1 - 1e-12)
        assert above <= bounded.supremum <= max(bounded.bound, swept.supremum * (1 + sharp))


def test_neurons_of_several_targets_are_bounded_in_pairs_left_to_sweeps(rng, monkeypatch):
    """A sweep searches arcs between wedges for one target alone."""
    pytest.importorskip("numba")
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    monkeypatch.setattr(bound_choice, "VISITS_PER_LOOK", 0)
    X, v = rng.normal(size=(120, 2)), rng.normal(size=(120, 2))
    v -= v.mean(axis=0)
    dictionary = Dictionary(X, (2,), 2, True)
    priced = Pricer(dictionary).price(v, np.inf, dictionary.none(), every_pencil=True)
    assert priced.bounded and priced.exact
    assert priced.bound < best_of_all(X, v) <= priced.supremum


def test_a_plane_is_proven_without_a_full_sweep(rng, monkeypatch):
    pytest.importorskip("numba")
    X = rng.uniform(-1, 1, size=(2500, 2))
    y = np.sin(3 * X[:, 0] + X[:, 1]) + np.abs(X[:, 0] - X[:, 1])

    def found():
        problem, pricer = Problem(y, 1.0), Pricer(Dictionary(X, (2,), 2, True))
        largest = largest_alpha(problem, pricer)
        swept, sweep = [], pricer._sweep
        pricer._sweep = lambda blocks, *rest: (
            swept.append(sum(map(len, blocks))) or sweep(blocks, *rest)
        )
        problem = replace(problem, alpha=0.02 * largest)
        return largest, solve(problem, pricer, tol=1e-9), max(swept)

    largest, bounded, most = found()
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 3000)
    every_largest, every, all_there_are = found()
    assert most < 500 and all_there_are == 2500
    assert largest == pytest.approx(every_largest, rel=1e-9)
    for certificate in (bounded.certificate, every.certificate):
        assert certificate.scope == "exact" and certificate.relative_gap <= 1e-9
    assert bounded.certificate.bounded and not every.certificate.bounded
    assert bounded.certificate.objective == pytest.approx(every.certificate.objective, rel=2e-9)
    among_all = every.certificate.network_relative_gap
    assert bounded.certificate.network_relative_gap == pytest.approx(among_all, rel=1e-2)


def test_without_an_output_bias_wedges_are_proven_as_sharply(rng, monkeypatch):
    """There a score has a sum, and bounds of all neurons are not sharp."""
    pytest.importorskip("numba")
    X = rng.uniform(-1, 1, size=(2100, 2))
    y = 2 + np.abs(X[:, 0] - X[:, 1])
    pricer = Pricer(Dictionary(X, (2,), 2, True))
    largest = largest_alpha(Problem(y, 1.0, False), pricer)
    found = solve(Problem(y, 0.1 * largest, False), pricer, tol=1e-9).certificate
    assert found.bounded and found.relative_gap <= 1e-9
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 3000)
    swept = Pricer(Dictionary(X, (2,), 2, True))
    assert largest == pytest.approx(largest_alpha(Problem(y, 1.0, False), swept), rel=1e-9)


def test_where_rows_coincide_intervals_of_their_few_points_are_narrow_at_once(rng):
    X = rng.integers(2, size=(500, 2)) * 1.0
    v = rng.normal(size=(500, 1))
    bounder = Bounder(X, np.array([[0, 1]]), norm=2, bias=True)
    narrow = Windows(bounder, Dictionary(X, (2,), 2, True), v).narrow
    assert narrow(bounder.first).all()
    others = Bounder(rng.normal(size=(500, 2)), np.array([[0, 1]]), norm=2, bias=True)
    assert not Windows(others, Dictionary(X, (2,), 2, True), v).narrow(others.first).any()


def test_windows_are_not_for_heavy_tails(rng):
    """There most rows lie close together, and each would pass nearly all others."""
    X, heavy = rng.normal(size=(2, 2500, 2))
    heavy[:, 0] = np.exp(3 * heavy[:, 0])
    assert windows.windows_pay(X) and not windows.windows_pay(heavy)
    assert windows.windows_pay(np.round(X)) and windows.windows_pay((X > 0) * 1.0)
    assert not Pricer(Dictionary(heavy, (2,), 2, True)).bounds
