"""The loop against an independent solver's optima, and the relations that the theory promises."""

from dataclasses import replace
from functools import cache

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import every, only

from wedgefit.engine import instruments, nomination, plainer
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import fit_on
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve, solve_written_out, working_set
from wedgefit.engine.wedge import Wedges
from wedgefit.engine.working_set import IDLE_SOLUTIONS

CASES = [record for record in oracles.reference_cases() if record["loss"] == "squared"]


def name(record):
    flags = "".join(letter for letter, key in (("b", "bias"), ("t", "intercept")) if record[key])
    return f"{record['file'][:5]}-p{record['norm']}-{record['order']}-{flags}-{record['alpha']}"


def setting(record):
    """The problem and pricer of a record."""
    X, y = oracles.load_case(record)
    orders = tuple(oracles.orders_of(record["order"], record["norm"], X.shape[1]))
    pricer = Pricer(Dictionary(X, orders, record["norm"], record["bias"]))
    return Problem(y, record["alpha"], record["intercept"]), pricer


def fitted(
    X,
    y,
    alpha,
    orders=(1, 2),
    norm=1,
    bias=True,
    intercept=True,
    *,
    tol=1e-6,
    exact=True,
    **options,
):
    """One solution from scratch."""
    return solve(
        Problem(y, alpha, intercept),
        Pricer(Dictionary(X, tuple(orders), norm, bias), **options),
        tol=tol,
        exact=exact,
    )


def top_alpha(X, y, orders=(1, 2), norm=1, bias=True, intercept=True):
    return largest_alpha(
        Problem(y, 1.0, intercept), Pricer(Dictionary(X, tuple(orders), norm, bias))
    )


def regression(rng, n=30, d=2, noise=0.1):
    X = rng.normal(size=(n, d))
    return X, np.abs(X @ np.linspace(1, -1, d) + 0.3) + np.maximum(X[:, 0], 0) + noise * rng.normal(
        size=n
    )


@cache
def optimum(file, target, order, norm, bias, alpha, intercept):
    """The conic solver's value for a record, computed rather than read."""
    X, y = oracles.load_case({"file": file, "target": target})
    K = oracles.hinge_matrix(
        X, list(oracles.enumerate_wedges(X, oracles.orders_of(order, norm, X.shape[1]), norm, bias))
    )
    return oracles.lasso_optimum(K, y, alpha, intercept)[0]


# The stored optima --------------------------------------------------------------------------------


@pytest.mark.parametrize("record", every(2, CASES), ids=name)
def test_solve_reaches_the_stored_optimum(record):
    """The product's promise: the global optimum, and a certificate that says so."""
    problem, pricer = setting(record)
    found = solve(problem, pricer, tol=1e-6)
    certificate = found.certificate
    assert found.status == "converged" and certificate.scope == "exact"
    assert certificate.wedges_priced == certificate.wedges_total == pricer.dictionary.size
    assert certificate.objective == pytest.approx(record["objective"], rel=1e-7)
    assert 0 <= certificate.relative_gap <= 1e-8
    assert certificate.lower_bound <= record["objective"] * (1 + 1e-7)
    assert largest_alpha(problem, pricer) == pytest.approx(record["alpha_max"], rel=1e-6)
    assert (
        problem.objective(found.fit.combined, found.fit.intercept, found.fit.coefficients)
        == certificate.objective
    )
    assert np.all(found.fit.coefficients != 0)


@pytest.mark.parametrize("record", every(5, CASES), ids=name)
def test_the_written_out_dictionary_reaches_it_too(record):
    """The slow solver behind ``--solver full``, with the same certificate."""
    problem, pricer = setting(record)
    assert pricer.dictionary.size <= 20_000
    found = solve_written_out(problem, pricer, tol=1e-5)
    assert found.certificate.objective == pytest.approx(record["objective"], rel=1e-4)
    assert found.certificate.objective >= record["objective"] * (1 - 1e-7)
    assert found.certificate.lower_bound <= record["objective"] * (1 + 1e-7)
    # scikit-learn's tolerance is relative to ‖y‖², the gap to the objective, which is up to a
    # hundred times smaller.
    assert found.certificate.relative_gap <= 5e-3


@pytest.mark.parametrize("record", CASES[::4], ids=name)
def test_every_certificate_on_the_way_is_true(record):
    """The bound lies below the optimum and the objective above it in every round, not only in the
    last."""
    problem, pricer = setting(record)
    seen = []
    found = solve(problem, pricer, tol=1e-6, on_round=lambda *round_: seen.append(round_))
    assert [round_ for round_, *_ in seen] == list(range(1, found.rounds + 1))
    assert seen[-1][2] == found.certificate
    for _, fit, certificate in seen:
        assert certificate.lower_bound <= record["objective"] * (1 + 1e-7)
        assert certificate.objective >= record["objective"] * (1 - 1e-7)
        assert certificate.relative_gap >= 0
        np.testing.assert_allclose(
            fit.predict(pricer.dictionary.X), fit.output, rtol=1e-12, atol=1e-12
        )


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.booleans(),
    st.floats(1e-3, 1.2),
)
def test_random_problems_against_the_conic_solver(seed, norm, bias, intercept, ratio):
    """Any data, any options: lower bound ≤ optimum ≤ objective, and the two meet."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(3, 9)), int(rng.integers(1, 4))
    X = rng.integers(-2, 3, size=(n, d)).astype(float) if seed % 2 else rng.normal(size=(n, d))
    y = rng.normal(size=n)
    orders = oracles.orders_of("full", norm, d)
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, orders, norm, bias)))
    top = top_alpha(X, y, orders, norm, bias, intercept)
    if top < 1e-6:
        return
    best, _, _ = oracles.lasso_optimum(K, y, ratio * top, intercept)
    found = fitted(X, y, ratio * top, orders, norm, bias, intercept).certificate
    assert found.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert found.lower_bound <= best * (1 + 1e-7) + 1e-9


# alpha_max ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm, orders", [(1, (1, 2)), (2, (2,)), (1, (1,))])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
def test_alpha_max_is_where_neurons_begin(norm, orders, bias, intercept, rng):
    X, y = regression(rng)
    top = top_alpha(X, y, orders, norm, bias, intercept)
    for ratio, empty in ((1.0001, True), (1.0, True), (0.99, False)):
        found = fitted(X, y, ratio * top, orders, norm, bias, intercept)
        assert (len(found.fit.wedges) == 0) == empty
        assert found.certificate.relative_gap <= 1e-9
    null = y.mean() if intercept else 0
    above = fitted(X, y, 1.5 * top, orders, norm, bias, intercept)
    assert above.fit.predict(X)[:, 0].tolist() == pytest.approx([null] * len(X))


# Invariance ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
def test_rotating_a_plane_changes_nothing_for_norm_2(bias, rng):
    """The 2-norm knows no axes; one that crept in (a column sorted, a scale taken) would show
    here."""
    X, y = regression(rng)
    alpha = 0.05 * top_alpha(X, y, (2,), 2, bias)
    plain = fitted(X, y, alpha, (2,), 2, bias)
    for angle in (0.3, 1.0, np.pi / 2):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned = fitted(X @ turn, y, alpha, (2,), 2, bias)
        assert turned.certificate.objective == pytest.approx(plain.certificate.objective, rel=1e-9)
        assert turned.certificate.network_lower_bound == pytest.approx(
            plain.certificate.network_lower_bound, rel=1e-4
        )
        np.testing.assert_allclose(turned.fit.output, plain.fit.output, atol=1e-4)


def test_turning_the_axes_changes_norm_1(rng):
    """Otherwise the test above proves nothing."""
    X, y = regression(rng)
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    objectives = [fitted(points, y, 0.02).certificate.objective for points in (X, X @ turn)]
    assert abs(objectives[0] / objectives[1] - 1) > 1e-3


@pytest.mark.parametrize("norm, orders", [(1, (1, 2)), (2, (2,))])
def test_shifts_and_row_orders_change_nothing(norm, orders, rng):
    """With hidden biases and an intercept neither the origin nor the order of the rows means
    anything."""
    X, y = regression(rng)
    alpha = 0.05 * top_alpha(X, y, orders, norm)
    plain = fitted(X, y, alpha, orders, norm)
    rows = rng.permutation(len(X))
    shuffled = fitted(X[rows], y[rows], alpha, orders, norm)
    shifted = fitted(X + [3.0, -50.0], y + 7, alpha, orders, norm)
    for other, output in ((shuffled, plain.fit.output[rows]), (shifted, plain.fit.output + 7)):
        assert other.certificate.objective == pytest.approx(plain.certificate.objective, rel=1e-9)
        np.testing.assert_allclose(other.fit.output, output, atol=1e-4)


def test_the_objective_scales_with_the_target(rng):
    """y → c·y with alpha → c·alpha multiplies the objective by c²: nothing in the loop may be
    absolute."""
    X, y = regression(rng)
    plain = fitted(X, y, 0.02)
    for c in (1e-6, 1e6):
        scaled = fitted(X, c * y, c * 0.02)
        assert scaled.certificate.objective == pytest.approx(
            c**2 * plain.certificate.objective, rel=1e-8
        )
        assert scaled.certificate.relative_gap <= 1e-6


# What the theory says -----------------------------------------------------------------------------


def test_range_dispersion_bounds_the_loss_of_norm_2(rng):
    """In R² without biases P_wedge ≤ P* / cos(επ/2), against the certified bound on every network
    (theory, section 2)."""
    for n in (4, 6, 12, 40):
        X, y = regression(rng, n)
        angles = np.sort(np.arctan2(X[:, 1], X[:, 0]) % np.pi)
        widest = np.max(np.diff([*angles, angles[0] + np.pi]))
        found = fitted(X, y, 0.02, (2,), 2, bias=False).certificate
        assert found.network_lower_bound <= found.lower_bound * (1 + 1e-12)
        assert found.objective <= found.network_lower_bound / np.cos(widest / 2) * (1 + 1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_norm_1_is_the_network_optimum(bias, rng):
    """Theorem 2: with all orders the two certificates are one; without the lower orders the optimum
    is worse."""
    X, y = regression(rng)
    every = fitted(X, y, 0.02, (1, 2), bias=bias).certificate
    assert every.network_lower_bound == every.lower_bound and every.network_relative_gap <= 1e-8
    highest = fitted(X, y, 0.02, (2,), bias=bias).certificate
    assert highest.objective > every.objective * 1.0001
    assert fitted(X, y, 0.02, (1,), bias=bias).certificate.objective > every.objective * 1.0001


def test_no_network_bound_without_an_output_intercept(rng):
    """Hidden biases are then a free constant: the bound that remains is zero (``test_oracles``
    shows a network below)."""
    X, y = regression(rng, 12)
    found = fitted(X, y + 5, 0.05, intercept=False).certificate
    assert found.relative_gap <= 1e-8
    assert found.network_lower_bound == 0 and found.network_relative_gap == 1


def test_one_dimension_has_one_norm(rng):
    """Theorem 1 holds for every p."""
    X, y = regression(rng, 40, 1)
    one, two = (fitted(X, y, 0.01, (1,), norm).certificate for norm in (1, 2))
    assert one.objective == two.objective
    assert two.network_relative_gap <= 1e-6


def test_objective_falls_with_alpha_and_with_orders(rng):
    X, y = regression(rng, 25, 3)
    by_alpha = [
        fitted(X, y, alpha, (1, 2)).certificate.objective for alpha in (0.3, 0.1, 0.03, 0.01)
    ]
    assert by_alpha == sorted(by_alpha, reverse=True) and len(set(by_alpha)) == 4
    by_order = [fitted(X, y, 0.02, range(1, k + 1)).certificate.objective for k in (1, 2, 3)]
    assert by_order[0] > by_order[1] >= by_order[2] * (1 - 1e-9)


# Rounds -------------------------------------------------------------------------------------------


def test_sampled_runs_say_so_and_do_not_beat_the_optimum(rng, few_draws):
    X, y = regression(rng, 40)
    alpha = 0.02 * top_alpha(X, y)
    best = fitted(X, y, alpha).certificate.objective
    for seed in range(3):
        found = fitted(X, y, alpha, exact=False, seed=seed)
        assert (
            found.certificate.scope == "sampled"
            and found.certificate.wedges_priced < found.certificate.wedges_total
        )
        assert found.certificate.network_lower_bound is None
        assert best * (1 - 1e-9) <= found.certificate.objective <= best * 1.1
        again = fitted(X, y, alpha, exact=False, seed=seed)
        np.testing.assert_array_equal(again.fit.output, found.fit.output)


def test_partial_rounds_look_among_the_columns_in_use(rng):
    """In wide tables pairs drawn from all alike hardly ever are the ones that matter; a thorough
    round draws more of both kinds."""
    X = rng.normal(size=(50, 60))
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    used = pricer.dictionary.wedges(np.array([[3], [17], [41]]), np.array([[0], [1], [2]]))[0]
    counts = []
    for thorough in (False, True):
        drawn = pricer.nominations.promising(2, used, thorough, None).columns
        among = np.isin(drawn, [3, 17, 41]).all(axis=1)
        assert set(map(tuple, drawn[among].tolist())) == {(3, 17), (3, 41), (17, 41)}
        counts.append((among.sum(), (~among).sum()))
    (some, others), (all_, many) = counts
    assert 50 < some < 100 < all_ == 3 * 50, "each pencil once"
    assert 50 < others <= 100 and many > 50 * others
    none = pricer.nominations.promising(2, pricer.dictionary.none(), False, None)
    assert 0 < len(none) <= nomination.RANDOM


def test_a_sampled_run_looks_thoroughly_before_it_ends(monkeypatch):
    """This one would stop a fifth above the objective of the right four columns, having drawn
    nothing useful in two rounds."""
    X = np.random.default_rng(1).normal(size=(300, 200))
    y = np.abs(X[:, 0] + X[:, 1]) + np.abs(X[:, 2] - X[:, 3])
    alone, among = (Pricer(Dictionary(columns, (1, 2), 1, True)) for columns in (X[:, :4], X))
    best = solve(Problem(y, 0.1), alone, tol=1e-3).certificate.objective
    assert solve(Problem(y, 0.1), among, tol=1e-3, exact=False).certificate.objective <= 1.05 * best


@pytest.mark.parametrize("norm, orders", [(1, (1, 2)), (2, (2,)), (1, (1, 2, 3))])
def test_partial_rounds_end_at_the_same_optimum(norm, orders, rng, monkeypatch):
    """Beyond a size most rounds are partial; the last one is full and the result the same."""
    X, y = regression(rng, 30, max(orders))
    alpha = 0.02 * top_alpha(X, y, orders, norm)
    whole = fitted(X, y, alpha, orders, norm)
    monkeypatch.setattr(instruments, "FULL_IS_CHEAP", 0)
    monkeypatch.setattr(nomination, "RANDOM", 5)
    scopes = []
    pricer = Pricer(Dictionary(X, orders, norm, True))
    partly = solve(
        Problem(y, alpha), pricer, tol=1e-9, on_round=lambda *round_: scopes.append(round_[2].scope)
    )
    assert scopes[0] == scopes[-1] == "exact" and "sampled" in scopes
    assert partly.status == "converged" and partly.certificate.scope == "exact"
    assert partly.certificate.objective == pytest.approx(whole.certificate.objective, rel=2e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_a_warm_path_is_a_series_of_cold_starts(intercept, rng):
    """The working set of the last alpha is a start, never part of the answer."""
    X, y = regression(rng)
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    problem = Problem(y, 1.0, intercept)
    working = working_set(pricer.dictionary, problem)
    top = largest_alpha(problem, pricer)
    for ratio in (0.7, 0.3, 0.1, 0.03, 0.01, 0.003, 0.2, 1.5):
        warm = solve(replace(problem, alpha=ratio * top), pricer, tol=1e-9, working=working)
        cold = fitted(X, y, ratio * top, intercept=intercept, tol=1e-9)
        assert warm.certificate.objective == pytest.approx(cold.certificate.objective, rel=1e-8)
        assert warm.status == cold.status == "converged"
        np.testing.assert_allclose(warm.fit.output, cold.fit.output, atol=1e-4)
    assert len(warm.fit.wedges) == 0


def test_working_set_keeps_its_books(rng):
    """Gram entries are made once and moved with their wedges: after growing and dropping they must
    still be right."""
    X, y = regression(rng, 25)
    dictionary = Dictionary(X, (1, 2), 1, True)
    every = dictionary.written_out()
    working = working_set(dictionary, Problem(y, 0.05))
    for chunk in (slice(0, 40), slice(40, 41), slice(300, 360)):
        working.grow(every.take(chunk))
        working.solve(0.05, 1e-10)
    assert len(working.unseen(every.take(slice(30, 50)))) == 9
    for _ in range(IDLE_SOLUTIONS + 1):
        working.solve(0.05, 1e-10)
        working.drop_idle()
    assert 0 < len(working.wedges) == np.count_nonzero(working.coefficients) < 101
    K = working.wedges.hinges(X)
    K -= K.mean(axis=0)
    np.testing.assert_allclose(working.gram.matrix, K.T @ K / 25, atol=1e-13)
    expected = K.T @ (y - y.mean()) / 25
    np.testing.assert_allclose(working.gram.correlation[:, 0], expected, atol=1e-13)
    fit = working.fit()
    assert fit.output.mean() == pytest.approx(y.mean())


def test_a_stall_is_called_a_stall(rng):
    """A tolerance below rounding cannot be met, and the status must not claim it."""
    X, y = regression(rng)
    found = fitted(X, y, 0.01, tol=1e-18)
    assert found.status == ("converged" if found.certificate.relative_gap <= 1e-18 else "stalled")
    assert found.certificate.relative_gap <= 1e-9


def test_a_perfect_fit_ends(rng):
    """Tiny alphas, a target that a few hinges make exactly: the objective goes to zero and the loop
    must not circle."""
    X = rng.normal(size=(15, 1))
    y = np.maximum(X[:, 0] - X[3, 0], 0)
    found = fitted(X, y, 1e-6 * top_alpha(X, y, (1,)), (1,))
    assert found.rounds < 50
    np.testing.assert_allclose(found.fit.output[:, 0], y, atol=1e-4)


def test_other_rows_are_predicted_as_the_network_does(rng):
    X, y = regression(rng)
    fit = fitted(X, y, 0.02).fit
    new = rng.normal(size=(10, 2)) * 3
    by_hand = fit.intercept + sum(
        np.outer(np.maximum(new @ w + b, 0), z)
        for z, w, b in zip(fit.coefficients, fit.wedges.normals, fit.wedges.offsets)
    )
    np.testing.assert_allclose(fit.predict(new), by_hand, atol=1e-12)
    on_them = fit.wedges.normals[:, None] * X[fit.wedges.samples]
    heights = on_them.sum(axis=2) + fit.wedges.offsets[:, None]
    assert np.abs(heights[fit.wedges.samples >= 0]).max() <= 1e-12, (
        "every wedge passes through the samples it names"
    )


# Larger -------------------------------------------------------------------------------------------


def against_scikit_learn(n, rng, tol):
    X, y = regression(rng, n)
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    problem = Problem(y, 0.01 * top_alpha(X, y))
    found = solve(problem, pricer, tol=1e-9)
    slow = solve_written_out(problem, pricer, tol=tol)
    assert found.certificate.relative_gap <= 1e-9
    assert found.certificate.objective <= slow.certificate.objective * (1 + 1e-9)
    assert slow.certificate.objective == pytest.approx(found.certificate.objective, rel=1e-4)
    assert slow.certificate.lower_bound <= found.certificate.objective


def test_the_whole_matrix_agrees_at_40_rows(rng):
    """1,720 wedges: more than fit in a round, so the working set must find the right ones."""
    against_scikit_learn(40, rng, 1e-6)


@pytest.mark.parametrize("norm, orders", only([(1, (1, 2))], [(1, (1, 2)), (2, (2,))]))
def test_no_column_of_the_whole_matrix_is_violated_at_300_rows(norm, orders, rng):
    """Brute force over all 90,000 hinges (216 MB): none scores above alpha, those in use score
    alpha, so it is optimal.

    Not against scikit-learn's ``Lasso`` on this matrix: it needs ten minutes for a gap of 1e-4.
    """
    X, y = regression(rng, 300)
    pricer = Pricer(Dictionary(X, orders, norm, True))
    problem = Problem(y, 0.01 * top_alpha(X, y, orders, norm))
    found = solve(problem, pricer, tol=1e-9)
    v = (y - found.fit.output[:, 0]) / 300
    assert abs(v.sum()) <= 1e-12
    signed = v @ found.fit.wedges.hinges(X)
    signs = np.sign(found.fit.coefficients[:, 0])
    np.testing.assert_allclose(signed, problem.alpha * signs, rtol=1e-7)
    every = pricer.dictionary.written_out()
    assert len(every) == pricer.dictionary.size
    for part in range(0, len(every), 30_000):
        scores = np.abs(v @ every.take(slice(part, part + 30_000)).hinges(X))
        assert scores.max() <= problem.alpha * (1 + 1e-8)
    assert found.certificate.relative_gap <= 1e-9


# Made easy to read --------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("targets", [1, 2])
def test_readable_networks_are_the_same_function_at_the_same_cost(targets, intercept, rng):
    """Integers: many rows agree in a column, so wedges of order 2 read one column, and linear
    hinges are common."""
    X = rng.integers(0, 4, (60, 2)) * 1.0
    y = np.column_stack(
        [X[:, 0] - 2 * np.abs(X[:, 1] - 1), np.maximum(X[:, 0] - X[:, 1], 0)]
    ) + 0.1 * rng.normal(size=(60, 2))
    y = y[:, 0] if targets == 1 else y
    problem = Problem(y, 0.05, intercept)
    fit = solve(problem, Pricer(Dictionary(X, (1, 2), 1, True)), tol=1e-9).fit
    plain = plainer.readable(X, problem, fit)
    new = rng.integers(0, 4, (30, 2)) * 1.0
    np.testing.assert_allclose(plain.output, fit.output, atol=1e-10)
    np.testing.assert_allclose(plain.predict(new), fit.predict(new), atol=1e-10)
    assert problem.objective(
        plain.combined, plain.intercept, plain.coefficients
    ) <= problem.objective(fit.combined, fit.intercept, fit.coefficients) * (1 + 1e-12)
    reads = (np.abs(plain.wedges.normals) > 1e-12).sum(axis=1)
    assert np.array_equal(reads, plain.wedges.orders) and len(set(plain.wedges.keys())) == len(
        plain.wedges
    )
    heights = X @ plain.wedges.normals.T + plain.wedges.offsets
    on_rows = [
        heights[row, k] for k, rows in enumerate(plain.wedges.samples) for row in rows[rows >= 0]
    ]
    assert np.abs(on_rows).max() <= 1e-12
    falling = (
        (reads == 1) & (plain.wedges.normals.sum(axis=1) < 0) & (heights >= -1e-12).all(axis=0)
    )
    assert not intercept or not falling.any()


def test_readable_by_hand():
    """Order 2 through rows 0 and 1, which agree in the first column, facing down from the largest
    value; and its twin of order 1."""
    X = np.array([[3.0, 0], [3, 1], [1, 5], [2, 2]])
    wedges = Wedges(
        np.array([[0, 1], [0, -1]]),
        np.array([[0, 1], [1, -1]]),
        np.array([[-1.0, 1e-17], [-1, 0]]),
        np.array([3.0, 3]),
    )
    problem = Problem(np.array([0.0, 0, 4, 2]), 0.1)
    found = plainer.readable(X, problem, fit_on(X, problem, wedges, np.array([[0.5], [1.0]])))
    assert found.wedges.columns.tolist() == [[0, -1]] and found.wedges.samples.tolist() == [[2, -1]]
    assert (
        found.wedges.normals.tolist() == [[1, 0]]
        and found.wedges.offsets.tolist() == [-1]
        and found.coefficients.tolist() == [[-1.5]]
    )
