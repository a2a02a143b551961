"""The Lasso on given columns: the conic solver's optimum and the KKT conditions, on the columns
that hinges make."""

import numpy as np
import oracles
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from quick import only

from wedgefit.engine import exchange
from wedgefit.engine.lasso import coordinate_descent, full_lasso, solve_lasso
from wedgefit.engine.support import Gram, Support


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def twin(request, monkeypatch):
    """Both twins of the inner steps, however few columns there are."""
    compiled = request.param == "compiled"
    if compiled:
        pytest.importorskip("numba")
    monkeypatch.setattr(exchange, "COLUMNS_COMPILED", 0 if compiled else np.inf)


def gram_of(K, y):
    """The statistics of the Lasso with an intercept, and the constant that its objective leaves
    out."""
    K, y = K - K.mean(axis=0), y - y.mean()
    return Gram(K.T @ K / len(y), K.T @ y / len(y)), y @ y / (2 * len(y))


def hinges(x, knots):
    """Both faces of every hinge at the knots, (n, 2 knots)."""
    heights = x[:, None] - knots
    return np.maximum(np.hstack([heights, -heights]), 0)


def assert_kkt(gram, alpha, z, tol=1e-10):
    """|gradient| ≤ alpha, and = alpha · sign where z is not zero; up to ``tol`` and the rounding of
    Gz."""
    gradient = gram.correlation - gram.matrix @ z
    rounding = 1e-14 * (
        np.abs(gram.correlation).max(initial=0.0)
        + (np.abs(gram.matrix) @ np.abs(z)).max(initial=0.0)
    )
    allowed = tol * alpha + rounding
    assert np.all(np.abs(gradient) <= alpha + allowed)
    used = z != 0
    assert np.all(np.abs(gradient[used] - alpha * np.sign(z[used])) <= allowed)


def awkward(kind, rng, n=25, m=18):
    """Columns (n, m) of a kind that makes Gram matrices singular, or nearly so."""
    K = rng.normal(size=(n, m))
    if kind == "duplicated":
        return np.hstack([K[:, : m // 2], K[:, : m // 2]])
    if kind == "opposite":
        return np.hstack([K[:, : m // 2], -K[:, : m // 2]])
    if kind == "zero columns":
        K[:, ::3] = 0
    if kind == "constant columns":
        K[:, ::3] = 2.5
    if kind == "rank 4":
        return rng.normal(size=(n, 4)) @ rng.normal(size=(4, m))
    if kind == "more columns than rows":
        return rng.normal(size=(8, m))
    if kind == "hinges":
        x = np.sort(rng.normal(size=n))
        return hinges(x, x)
    if kind == "close hinges":
        x = np.sort(rng.normal(size=n))
        return hinges(x, np.concatenate([x[:9], x[:9] + 1e-7]))
    if kind == "scales":
        return K * 10.0 ** rng.integers(-4, 5, size=m)
    return K


KINDS = [
    "generic", "duplicated", "opposite", "zero columns",
    "constant columns", "rank 4", "more columns than rows", "hinges",
    "close hinges", "scales",
]  # fmt: skip


@pytest.mark.parametrize("ratio", only([0.1, 1e-2], [0.5, 0.1, 1e-2, 1e-3]))
@pytest.mark.parametrize("kind", KINDS)
def test_optimum_is_the_conic_solvers(kind, ratio, rng):
    """A Lasso that stops early on collinear columns makes the loop add the same wedges for ever."""
    K = awkward(kind, rng)
    y = rng.normal(size=len(K)) + K @ rng.normal(size=K.shape[1]) / (
        1 + np.abs(K).max(axis=0).sum()
    )
    gram, constant = gram_of(K, y)
    alpha = ratio * np.abs(gram.correlation).max()
    optimum, _, _ = oracles.lasso_optimum(K, y, alpha, True)
    for start in (np.zeros(K.shape[1]), rng.normal(size=K.shape[1]), np.ones(K.shape[1])):
        z = solve_lasso(gram, alpha, start.copy())
        assert_kkt(gram, alpha, z)
        assert gram.objective(z, alpha) + constant == pytest.approx(optimum, rel=1e-7, abs=1e-12)


def test_warm_start_at_the_optimum_stays_there(rng):
    """The path starts every alpha from its neighbour: an optimum must not be lost on the way in."""
    for kind in KINDS:
        gram, _ = gram_of(
            awkward(kind, rng), rng.normal(size=8 if kind == "more columns than rows" else 25)
        )
        alpha = 0.05 * np.abs(gram.correlation).max()
        z = solve_lasso(gram, alpha, np.zeros(len(gram.correlation)))
        again = solve_lasso(gram, alpha, z.copy())
        assert_kkt(gram, alpha, again)
        assert gram.objective(again, alpha) == pytest.approx(
            gram.objective(z, alpha), rel=1e-12, abs=1e-14
        )


@settings(max_examples=60)
@given(
    hnp.arrays(float, st.tuples(st.integers(2, 6), st.integers(1, 8)), elements=st.integers(-2, 2)),
    st.lists(st.integers(-3, 3), min_size=6, max_size=6),
    st.lists(st.integers(-2, 2), min_size=8, max_size=8),
    st.sampled_from([0.9, 0.3, 0.05, 1e-3, 1e-6]),
)
def test_kkt_on_integer_columns(K, y, start, ratio):
    """Integers tie, repeat and cancel exactly: every way in which a support can be dependent."""
    assume(np.any(np.ptp(K, axis=0)))
    gram, _ = gram_of(K, np.array(y[: len(K)], dtype=float))
    alpha = max(ratio * np.abs(gram.correlation).max(), 1e-9)
    z = solve_lasso(gram, alpha, np.array(start[: K.shape[1]], dtype=float))
    assert_kkt(gram, alpha, z, tol=1e-9)


@pytest.mark.parametrize("spread", only([1e-3, 1e-5], [1.0, 1e-3, 1e-5]))
def test_small_alphas_on_nearly_singular_hinges(spread, rng):
    """At the end of a path the support is large and its Gram matrix all but singular: the KKT
    conditions still hold."""
    x = np.sort(np.concatenate([k + spread * rng.normal(size=6) for k in range(6)]))
    y = np.sin(2 * x) + 0.3 * rng.normal(size=len(x))
    gram, constant = gram_of(hinges(x, x), y)
    largest = np.abs(gram.correlation).max()
    z = np.zeros(2 * len(x))
    previous = np.inf
    for ratio in np.geomspace(0.9, 1e-5, 10):
        z = solve_lasso(gram, ratio * largest, z)
        assert_kkt(gram, ratio * largest, z)
        value = gram.objective(z, ratio * largest) + constant
        assert -1e-12 <= value <= previous
        previous = value


def test_columns_that_enter_together_share_one_gradient(rng, monkeypatch):
    """From the first on at which columns violate; the next one is that of the optimum."""
    gram, _ = gram_of(np.linalg.qr(rng.normal(size=(60, 20)))[0], rng.normal(size=60))
    looks, times = [], Support.times
    monkeypatch.setattr(Support, "times", lambda *own: looks.append(own) or times(*own))
    size = np.sort(np.abs(gram.correlation))
    start = np.where(np.abs(gram.correlation) == size[-1], gram.correlation, 0.0)
    z = solve_lasso(gram, 0.5 * size[0], start)
    assert_kkt(gram, 0.5 * size[0], z)
    # Rounding may ask for one more.
    assert np.count_nonzero(z) == 20 and len(looks) <= 4


def test_loading_kernels_compiles_what_fits_ask_for(rng):
    """Of the same types, or every copy of the process would compile its own."""
    kernels = pytest.importorskip("wedgefit.engine.exchange_compiled")
    exchange.load_kernels()
    before = [len(kernels.exchange_among.signatures), len(kernels.settle.signatures)]
    gram, _ = gram_of(awkward("hinges", rng), rng.normal(size=25))
    solve_lasso(gram, 0.1 * np.abs(gram.correlation).max(), np.zeros(len(gram.matrix)))
    assert before == [len(kernels.exchange_among.signatures), len(kernels.settle.signatures)]
    assert min(before) > 0


@pytest.mark.parametrize("kind", ["hinges", "close hinges", "rank 4", "duplicated"])
def test_both_twins_end_at_the_same_objective(kind, rng, monkeypatch):
    """Dependent columns may share the weight in other ways."""
    pytest.importorskip("numba")
    gram, _ = gram_of(awkward(kind, rng), rng.normal(size=25))
    found = []
    for columns in (0, np.inf):
        monkeypatch.setattr(exchange, "COLUMNS_COMPILED", columns)
        z = np.zeros(len(gram.matrix))
        for ratio in (0.5, 0.1, 0.02):
            alpha = ratio * np.abs(gram.correlation).max()
            z = solve_lasso(gram, alpha, z)
            found.append(gram.objective(z, alpha))
    np.testing.assert_allclose(found[:3], found[3:], rtol=1e-11)


@pytest.mark.parametrize("sets", only([2], [2, 8]))
def test_many_random_hinge_sets(sets, rng):
    """Working sets as pricing makes them: hinges of neighbouring samples in a few columns."""
    for _ in range(sets):
        X = rng.normal(size=(40, 2))
        wedges = list(oracles.enumerate_wedges(X[:12], [1, 2], 1, True))
        K = oracles.hinge_matrix(X, [wedges[j] for j in rng.choice(len(wedges), 60, replace=False)])
        gram, _ = gram_of(K, np.abs(X[:, 0] - X[:, 1]) + 0.1 * rng.normal(size=40))
        z = np.zeros(60)
        for ratio in (0.5, 0.05, 5e-3, 5e-4, 5e-5):
            z = solve_lasso(gram, ratio * np.abs(gram.correlation).max(), z)
            assert_kkt(gram, ratio * np.abs(gram.correlation).max(), z)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 1e6])
def test_above_alpha_max_all_are_zero(ratio, rng):
    """From any start, exactly zero: a neuron with a coefficient of 1e-17 is a neuron in the
    report."""
    gram, _ = gram_of(rng.normal(size=(20, 6)), rng.normal(size=20))
    z = solve_lasso(gram, ratio * np.abs(gram.correlation).max(), rng.normal(size=6))
    assert z.tolist() == [0] * 6
    z = solve_lasso(gram, 0.99 * np.abs(gram.correlation).max(), np.zeros(6))
    assert np.count_nonzero(z) == 1


def test_soft_threshold_by_hand():
    """One column with square 2 and correlation 3 at alpha 1: z = (3 − 1)/2."""
    gram = Gram(np.array([[2.0]]), np.array([3.0]))
    assert solve_lasso(gram, 1.0, np.zeros(1)).item() == pytest.approx(1, rel=1e-14)
    assert solve_lasso(gram, 1.0, np.array([-7.0])).item() == pytest.approx(1, rel=1e-14)
    assert gram.objective(np.array([1.0]), 1.0) == 1 - 3 + 1


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_nothing_but_zero_columns(start):
    """Columns without variation have coefficient zero; scikit-learn divides by the number of rows
    left, none."""
    assert solve_lasso(Gram(np.zeros((2, 2)), np.zeros(2)), 1.0, np.full(2, start)).tolist() == [
        0,
        0,
    ]


def test_no_column_at_all():
    """The first round has an empty working set."""
    assert solve_lasso(Gram(np.empty((0, 0)), np.empty(0)), 1.0, np.empty(0)).shape == (0,)


@example(0, 3, 5)
@given(st.integers(0, 50), st.integers(1, 12), st.integers(2, 15))
def test_a_looser_tolerance_is_still_kept(seed, m, n):
    """Far from the optimum the loop asks for few digits; it must get at least those."""
    rng = np.random.default_rng(seed)
    gram, _ = gram_of(rng.normal(size=(n, m)), rng.normal(size=n))
    alpha = 0.1 * np.abs(gram.correlation).max() + 1e-12
    z = solve_lasso(gram, alpha, np.zeros(m), kkt=1e-3)
    assert np.all(np.abs(gram.correlation - gram.matrix @ z) <= alpha * (1 + 1.1e-3))


def test_coordinate_descent_finds_most_of_it(rng):
    """It hands the polish its support: if it solved another problem the polish would have to undo
    it."""
    K, y = rng.normal(size=(60, 10)), rng.normal(size=60)
    gram, _ = gram_of(K, y)
    alpha = 0.1 * np.abs(gram.correlation).max()
    descended, best = (
        coordinate_descent(gram, alpha, np.zeros(10)),
        solve_lasso(gram, alpha, np.zeros(10)),
    )
    np.testing.assert_allclose(descended, best, atol=1e-4)
    assert gram.objective(best, alpha) <= gram.objective(descended, alpha) + 1e-15


def test_start_is_left_alone(rng):
    gram, _ = gram_of(rng.normal(size=(20, 6)), rng.normal(size=20))
    start = rng.normal(size=6)
    before = start.copy()
    solve_lasso(gram, 0.01, start)
    np.testing.assert_array_equal(start, before)


@pytest.mark.parametrize("intercept", [True, False])
def test_full_lasso_is_the_reference(intercept, rng):
    """The slow solver must solve the same problem, or comparing with it proves nothing."""
    K, y = np.asfortranarray(rng.normal(size=(30, 12)) + 1), rng.normal(size=30) + 2
    optimum, z, t = oracles.lasso_optimum(K, y, 0.05, intercept)
    found = full_lasso(K.copy(order="F"), y, 0.05, intercept, 1e-10, np.full(30, 1 / 30))
    np.testing.assert_allclose(found, z, atol=1e-5)
    found_t = np.mean(y - K @ found) if intercept else 0.0
    assert found_t == pytest.approx(t, abs=1e-5)
    value = np.sum((K @ found + found_t - y) ** 2) / 60 + 0.05 * np.abs(found).sum()
    assert value == pytest.approx(optimum, rel=1e-8)


@pytest.mark.parametrize("ratio", only([1e-30], [1e-12, 1e-30]))
def test_an_alpha_lost_in_rounding_ends_with_numbers(ratio, rng):
    """Steps at random once left the range of numbers, with warnings and then NaN; what comes back
    is no worse than nothing."""
    columns = np.maximum(rng.normal(size=(20, 1)) - rng.normal(size=60), 0)
    columns -= columns.mean(axis=0)
    y = rng.normal(size=20)
    gram = Gram(columns.T @ columns / 20, columns.T @ y / 20)
    alpha = ratio * float(np.abs(gram.correlation).max())
    z = solve_lasso(gram, alpha, np.zeros(60))
    assert np.isfinite(z).all() and gram.objective(z, alpha) <= 0
