"""Neurons off the wedges: the climb only rises, and refined networks are certified among all
networks."""

import numpy as np
import oracles
import pytest

from wedgefit.engine.ascent import ascend
from wedgefit.engine.bound_look import Places
from wedgefit.engine.certificate import certify
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.off_wedges import OffWedges
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve


def best_score(X, v, w, bias):
    """The largest |score| of a direction over both faces and, with biases, all offsets through a
    sample; by loops."""
    starts = X @ w if bias else [0.0]
    return max(
        abs(v @ np.maximum(face * (X @ w - start), 0)) for start in starts for face in (1, -1)
    )


def random_problem(seed, n, d):
    rng = np.random.default_rng(seed)
    X, v = rng.standard_normal((n, d)), rng.standard_normal(n)
    starts = rng.standard_normal((20, d))
    return X, v - v.mean(), starts / np.linalg.norm(starts, axis=1, keepdims=True)


def everything(normals):
    """Neurons that may read every column."""
    return np.ones(normals.shape, dtype=bool)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_climb_never_ends_lower_than_it_started(d, bias):
    X, v, starts = random_problem(d, 30, d)
    before = [best_score(X, v, w, bias) for w in starts]
    normals, samples = ascend(X, v, starts.copy(), everything(starts), bias)
    after = [best_score(X, v, w, bias) for w in normals]
    assert all(b >= a * (1 - 1e-12) for a, b in zip(before, after))
    assert d == 1 or sum(b > 1.05 * a for a, b in zip(before, after)) > 10
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    assert (samples == -1).all() if not bias else (samples >= 0).all()


@pytest.mark.parametrize("bias", [True, False])
def test_the_sample_named_is_where_the_best_hinge_begins(bias):
    X, v, starts = random_problem(7, 25, 3)
    normals, samples = ascend(X, v, starts, everything(starts), bias)
    for w, sample in zip(normals, samples):
        offset = X[sample] @ w if bias else 0.0
        assert abs(v @ np.maximum(X @ w - offset, 0)) == pytest.approx(
            best_score(X, v, w, bias), rel=1e-12
        )


def test_a_full_step_can_lower_the_score_and_is_not_taken():
    """The score is not convex in the weights, because v has both signs: here the best direction of
    the active rows scores 0."""
    X = np.array([[0.0, -2.0], [1.0, 0.0], [1.0, -2.0], [0.0, 0.0]])
    v = np.array([-2.0, -2.0, 2.0, 2.0])
    start = np.array([-0.24013999, 0.97073827]) / np.hypot(0.24013999, 0.97073827)
    active = (X - X[0]) @ start > 0
    full_step = ((X - X[0]) * (v * active)[:, None]).sum(axis=0)
    assert (
        best_score(X, v, full_step / np.linalg.norm(full_step), True)
        < 1e-12
        < best_score(X, v, start, True)
    )
    normals, _ = ascend(X, v, start[None], everything(start[None]), True)
    assert best_score(X, v, normals[0], True) >= best_score(X, v, start, True)


@pytest.mark.parametrize("bias", [True, False])
def test_climbs_from_every_wedge_of_a_plane_find_its_supremum(bias):
    X, v, _ = random_problem(3, 12, 2)
    wedges = np.array([w for _, _, w, _ in oracles.enumerate_wedges(X, (2,), 2, bias)])
    normals, _ = ascend(X, v, wedges, everything(wedges), bias)
    highest = max(best_score(X, v, w, bias) for w in normals)
    assert highest == pytest.approx(oracles.continuous_supremum_2d(X, v, bias, 2), rel=1e-4)


def surface(n, d):
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (n, d))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + 0.5 * np.abs(
        X.sum(axis=1)
    ) + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("bias", [True, False])
def test_a_refined_plane_is_optimal_among_all_networks(bias):
    """The refined objective lies between the bound against all networks and the optimum over
    wedges."""
    X, y = surface(40, 2)
    plain = Pricer(Dictionary(X, (2,), 2, bias))
    problem = Problem(y, largest_alpha(Problem(y, 1.0), plain) / 50)
    wedges = solve(problem, plain, tol=1e-9).certificate
    refined = solve(problem, Pricer(Dictionary(X, (2,), 2, bias), refine=True), tol=1e-8)
    assert refined.status == "converged" and refined.certificate.scope == "exact"
    assert refined.certificate.network_relative_gap <= 1e-8
    assert (
        wedges.network_lower_bound <= refined.certificate.objective <= wedges.objective * (1 + 1e-9)
    )
    assert refined.certificate.objective < wedges.objective * (1 - 1e-7)
    anchors = (refined.fit.wedges.samples >= 0).sum(axis=1)
    assert set(anchors) <= {0, 1, 2} and min(anchors) == int(bias)


@pytest.mark.parametrize("bias", [True, False])
def test_alpha_max_is_where_neurons_off_the_wedges_begin(bias):
    """With few rows a neuron between wedges scores clearly more than all of them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    dictionary = Dictionary(X, (2,), 2, bias)
    plain, refining = Pricer(dictionary), Pricer(dictionary, refine=True)
    over_wedges, top = (largest_alpha(Problem(y, 1.0), pricer) for pricer in (plain, refining))
    assert top > 1.04 * over_wedges
    for alpha, empty in ((1.0001 * top, True), (top, True), (0.5 * (top + over_wedges), False)):
        found = solve(Problem(y, alpha), refining, tol=1e-9)
        assert (len(found.fit.wedges) == 0) == empty
        assert found.certificate.network_relative_gap <= 1e-9


def test_the_bound_over_wedges_heeds_the_networks_own_neurons():
    """All wedges may score less than the neurons between them: the bound over wedges alone then
    lies above the objective, and an honest network would be refused."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(25, 2))
    y = np.abs(X.sum(axis=1)) + 0.1 * rng.normal(size=25)
    dictionary = Dictionary(X, (2,), 2, True)
    pricer = Pricer(dictionary, refine=True)
    problem = Problem(y, largest_alpha(Problem(y, 1.0), pricer) / 10)
    found = solve(problem, pricer, tol=1e-6)
    dual = problem.dual_point(found.fit.combined)
    audited = Pricer(dictionary).price(dual, np.inf, found.fit.wedges, every_pencil=True)
    again = certify(pricer.dictionary.X, problem, found.fit, dual, audited)
    # The solver's own bound also heeds the neurons that its last round nominated: a little weaker.
    assert 0 <= again.relative_gap <= found.certificate.relative_gap + 1e-12
    assert again.lower_bound >= found.certificate.lower_bound * (1 - 1e-12)
    assert again.lower_bound <= found.certificate.objective


def test_refined_neurons_in_more_columns_do_what_sampled_wedges_do():
    """Five columns: the climb is as good as wedges drawn at random (within what sampling varies),
    and claims nothing beyond."""
    X, y = surface(40, 5)
    plain, refining = (
        Pricer(Dictionary(X, (5,), 2, True), refine=refine) for refine in (False, True)
    )
    problem = Problem(y, largest_alpha(Problem(y, 1.0), plain, exact=False) / 20)
    wedges = solve(problem, plain, tol=1e-4, exact=False)
    refined = solve(problem, refining, tol=1e-4, exact=False)
    assert refined.certificate.objective < wedges.certificate.objective * 1.02
    assert (
        refined.certificate.scope == "sampled" and refined.certificate.network_lower_bound is None
    )
    heights = X @ refined.fit.wedges.normals.T + refined.fit.wedges.offsets
    for column, samples in enumerate(refined.fit.wedges.samples):
        assert np.abs(heights[samples[samples >= 0], column]).max() < 1e-12


def test_a_climb_stays_within_the_columns_it_may_read():
    X, v, starts = random_problem(4, 30, 5)
    reads = np.arange(5) < 3
    starts = starts * reads
    starts /= np.linalg.norm(starts, axis=1, keepdims=True)
    normals, samples = ascend(X, v, starts.copy(), np.tile(reads, (len(starts), 1)), True)
    within, there = ascend(X[:, :3], v, starts[:, :3].copy(), everything(starts[:, :3]), True)
    np.testing.assert_allclose(normals[:, :3], within, atol=1e-12)
    assert (normals[:, 3:] == 0).all() and (samples == there).all()


@pytest.mark.parametrize("bias", [True, False])
def test_refined_neurons_read_the_columns_they_name(bias):
    """Climbs of a bounded order once wandered into every column, while the report named the first
    few."""
    X, y = surface(60, 5)
    pricer = Pricer(Dictionary(X, (1, 2, 3), 2, bias), refine=True)
    problem = Problem(y, largest_alpha(Problem(y, 1.0), pricer, exact=False) / 50)
    wedges = solve(problem, pricer, tol=1e-3, exact=False).fit.wedges
    assert (wedges.normals[~wedges.reads] == 0).all()
    assert len({tuple(columns) for columns in wedges.columns}) > 3


def test_of_what_patches_show_near_copies_are_left_out():
    """Parts of one patch see the same peak; what a round adds is to be from all of them."""
    rng = np.random.default_rng(0)
    X, v = rng.standard_normal((200, 3)), rng.standard_normal((200, 1))
    dictionary = Dictionary(X, (3,), 2, True)
    peaks = np.repeat(np.eye(3)[:2], [300, 5], axis=0)
    normals = peaks + 1e-3 * rng.standard_normal((305, 3))
    middle = np.abs(X).sum(axis=1).argmin()
    places = Places(
        np.tile(np.arange(3), (305, 1)), normals, np.full(305, middle), np.linspace(2, 1, 305)
    )
    none = dictionary.none()
    found = OffWedges(dictionary, rng).best(v - v.mean(), 0.1, none, [], none, places)
    assert np.abs(found.normals).argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(np.linalg.norm(found.normals, axis=1), 1.0)
