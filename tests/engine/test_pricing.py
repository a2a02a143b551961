"""Pricing by sweeps against brute force over every wedge, on data that is pleasant and on data that
is not."""

from collections import Counter

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from quick import only

from wedgefit.engine import nomination, order_one, pencil, sweep
from wedgefit.engine.choice import MOST_PER_SAMPLE, MOST_WEDGES
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.order_one import SortedColumns
from wedgefit.engine.pricing import Pricer

EVERY_KIND = [(norm, bias) for norm in (1, 2) for bias in (True, False)]


def priced(X, v, orders, norm, bias, *, alpha=0.0, every_pencil=True, used=None, **options):
    """One pricing by a fresh pricer."""
    dictionary = Dictionary(X, tuple(orders), norm, bias)
    return Pricer(dictionary, **options).price(
        v[:, None], alpha, dictionary.none() if used is None else used, every_pencil=every_pencil
    )


def present(row):
    return tuple(int(i) for i in row if i >= 0)


def hinge_score(X, v, w, b):
    return abs(v @ np.maximum(X @ w + b, 0))


def direction(rng, n, balanced=True):
    v = rng.normal(size=n)
    return v - v.mean() if balanced else v


def assert_best_is_brute_force(X, v, orders, norm, bias, *, tie=1e-9, **options):
    """The first wedge found is the oracle's, or one of those tied with it; bound and scores agree
    with it.

    ``tie``: how close to the best (relatively) another wedge must be for rounding to decide between
    them.
    """
    found = priced(X, v, orders, norm, bias, **options)
    wedges = list(oracles.enumerate_wedges(X, orders, norm, bias))
    sizes = np.abs(oracles.scores(v, oracles.hinge_matrix(X, wedges)))
    top = sizes.max(initial=0.0)
    # What a score can lose to rounding, and what counts as zero beside it.
    floor = 1e-13 * np.abs(v).sum() * max(np.abs(X).max(), 1e-300)
    assert found.exact and found.wedges_priced == found.wedges_total == oracles.dictionary_size(
        *X.shape, orders, bias
    )
    assert found.bound == pytest.approx(top, rel=tie, abs=floor)
    if top <= 1e3 * floor:
        return
    columns, samples = present(found.wedges.columns[0]), present(found.wedges.samples[0])
    w, b = found.wedges.normals[0], found.wedges.offsets[0]
    assert found.scores[0] == pytest.approx(top, rel=tie, abs=floor)
    assert hinge_score(X, v, w, b) == pytest.approx(top, rel=tie, abs=floor)
    tied = [wedges[j] for j in np.flatnonzero(sizes >= top * (1 - tie) - floor)]
    same = [wedge for wedge in tied if wedge[:2] == (columns, samples)]
    assert same, "the best wedge goes through other columns or samples"
    reach = np.abs(X).max(axis=0)
    assert any(
        np.allclose(w * reach, u * reach, rtol=1e-6, atol=1e-9 * max(reach))
        and abs(b - c) <= 1e-9 * (np.abs(u) @ reach)
        for *_, u, c in same
    )
    if len({wedge[:2] for wedge in tied}) == 1:
        assert (columns, samples) == oracles.best_wedge(X, v, orders, norm, bias)[2:4]


# Brute force --------------------------------------------------------------------------------------


def unpleasant(kind, n, d, rng):
    """X (n, d) of a kind that breaks careless code."""
    X = rng.normal(size=(n, d))
    if kind == "duplicates":
        return np.vstack([X[: n // 2], X[: n - n // 2]])
    if kind == "grid":
        return rng.integers(-1, 2, size=(n, d)).astype(float)
    if kind == "collinear":
        return rng.integers(-3, 4, size=(n, 1)) * rng.normal(size=d) + rng.normal(size=d) * (
            rng.random((n, 1)) < 0.3
        )
    if kind == "constant column":
        X[:, -1] = 0.7
    if kind == "offset":
        return X + 1e6
    if kind == "scales":
        return X * 10.0 ** rng.integers(-6, 7, size=d)
    return X


KINDS = ["generic", "duplicates", "grid", "collinear", "constant column", "offset", "scales"]


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
@pytest.mark.parametrize("d, n", only([(2, 11), (3, 8)], [(1, 12), (2, 11), (3, 8), (4, 6)]))
@pytest.mark.parametrize("kind", KINDS)
def test_best_wedge_of_all_orders(kind, d, n, norm, bias):
    """The heart: a wrong best wedge ends the loop early and signs a false certificate."""
    rng = np.random.default_rng(KINDS.index(kind))
    # At 1e6 the data themselves have lost six digits.
    tie = 1e-6 if kind in ("offset", "scales") else 1e-9
    for _ in range(2):
        X = unpleasant(kind, n, d, rng)
        assert_best_is_brute_force(X, direction(rng, n), range(1, d + 1), norm, bias, tie=tie)


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
@pytest.mark.parametrize(
    "d, orders", [(2, [2]), (3, [1, 2]), (3, [3]), (3, [1]), (4, [1, 2]), (4, [4])]
)
def test_best_wedge_of_some_orders(d, orders, norm, bias, rng):
    """A bounded order, and norm 2's order d alone, sweep other sets of pencils."""
    for balanced in (True, False):
        X = rng.normal(size=(8, d))
        assert_best_is_brute_force(X, direction(rng, 8, balanced), orders, norm, bias)


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
@pytest.mark.parametrize("kind", ["duplicates", "grid", "collinear"])
def test_pencils_without_an_axis_hold_no_wedges(kind, norm, bias, rng):
    """Around samples that coincide no hyperplane of order 3 turns; in lower orders such scores
    would hide."""
    for _ in range(5):
        assert_best_is_brute_force(unpleasant(kind, 8, 3, rng), direction(rng, 8), [3], norm, bias)


@given(
    hnp.arrays(float, st.tuples(st.integers(2, 6), st.integers(1, 3)), elements=st.integers(-2, 2)),
    st.lists(st.integers(-3, 3), min_size=6, max_size=6),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_best_wedge_on_integer_grids(X, v, norm, bias):
    """Points on common lines, on the axes and on one another, with scores that tie exactly."""
    v = np.array(v[: len(X)], dtype=float)
    assert_best_is_brute_force(X, v, range(1, X.shape[1] + 1), norm, bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("d", [1, 2])
def test_lowest_index_wins_exact_ties(d, bias, rng):
    """Repeated rows give the same wedge many names: the report must not depend on which the sort
    met first."""
    for _ in range(10):
        half = rng.normal(size=(5, d))
        X = np.vstack([half, half, half])
        v = direction(rng, 15, balanced=bias)
        found = priced(X, v, range(1, d + 1), 1, bias)
        _, _, columns, samples, *_ = oracles.best_wedge(X, v, range(1, d + 1), 1, bias)
        assert (present(found.wedges.columns[0]), present(found.wedges.samples[0])) == (
            columns,
            samples,
        )
        assert max(samples, default=0) < 5


def test_scores_belong_to_the_wedges_and_fall(rng):
    """Every wedge returned faces its better side, violates alpha, and is listed once, best
    first."""
    X, v = rng.normal(size=(40, 3)), direction(rng, 40)
    top = priced(X, v, (1, 2, 3), 1, True).bound
    found = priced(X, v, (1, 2, 3), 1, True, alpha=0.5 * top)
    assert len(found.wedges) == len(found.scores) > 10
    assert np.all(np.diff(found.scores) <= 0) and found.scores[-1] > 0.5 * top
    for w, b, score in zip(found.wedges.normals, found.wedges.offsets, found.scores):
        assert hinge_score(X, v, w, b) == pytest.approx(score, rel=1e-12)
        assert hinge_score(X, v, -w, -b) <= score * (1 + 1e-9)
    names = list(zip(map(present, found.wedges.columns), map(present, found.wedges.samples)))
    assert len(set(names)) == len(names)
    assert len(priced(X, v, (1, 2, 3), 1, True, alpha=top * 1.001).wedges) == 0
    assert priced(X, v, (1, 2, 3), 1, True, alpha=np.inf).bound == pytest.approx(top, rel=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_a_zero_residual_violates_nothing(bias):
    found = priced(np.arange(10.0).reshape(5, 2), np.zeros(5), (1, 2), 1, bias)
    assert found.bound == 0 and len(found.wedges) == 0


# The supremum over all neurons --------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "kind",
    only(
        ["generic", "grid", "scales"],
        ["generic", "duplicates", "grid", "collinear", "constant column", "scales"],
    ),
)
def test_supremum_over_continuous_neurons_of_norm_2(kind, bias):
    """The network certificate: too small a supremum would claim a bound that some network beats."""
    rng = np.random.default_rng(3)
    for _ in range(3):
        X, v = unpleasant(kind, 7, 2, rng), direction(rng, 7)
        if kind == "scales":
            X = X / np.abs(X).max() * [1, 0.02]
        found = priced(X, v, [2], 2, bias)
        expected = oracles.continuous_supremum_2d(X, v, bias, 2, directions=2000)
        assert expected * (1 - 1e-9) <= found.supremum <= expected * (1 + 3e-6)
        assert found.supremum >= found.bound * (1 - 1e-12)


def test_supremum_between_two_wedges_by_hand():
    """Samples e₁, e₂ and v = (1, 1) without biases: wedges score 1, the neuron halfway between them
    √2."""
    found = priced(np.eye(2), np.ones(2), [2], 2, False)
    assert found.bound == pytest.approx(1) and found.supremum == pytest.approx(
        np.sqrt(2), rel=1e-12
    )


@pytest.mark.parametrize("pays", [0, 10**9], ids=["compiled", "numpy"])
@pytest.mark.parametrize("x", [1, -1])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("y", [(1.0, -1.0), (0.1 + 0.2, -0.3)], ids=["exact", "rounded"])
def test_supremum_along_an_axis_by_hand(pays, x, axis, y, sign, monkeypatch):
    """Samples (1, y), (1, −y) and v = (1, 1) without biases: the best neuron, (1, 0), scores 2 and
    no wedge does.

    Its A lies exactly on the line at which the sweep begins and ends: its slope is infinite, of
    either sign.
    """
    if pays == 0:
        pytest.importorskip("numba")
    monkeypatch.setattr(pencil, "COMPILED_PAYS", pays)
    X = np.column_stack([np.full(2, float(x)), y])
    found = priced(np.roll(X, axis, axis=1), np.full(2, float(sign)), [2], 2, False)
    assert found.bound < 1.5 and found.supremum == pytest.approx(2, rel=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_norm_1_has_no_better_neuron_between_wedges(bias, rng):
    """Theorem 2: the supremum is the dictionary's own bound."""
    for _ in range(3):
        X, v = rng.normal(size=(8, 2)), direction(rng, 8)
        found = priced(X, v, [1, 2], 1, bias)
        assert found.supremum == found.bound
        assert found.bound == pytest.approx(oracles.continuous_supremum_2d(X, v, bias, 1), rel=1e-9)


def test_no_supremum_without_an_output_intercept(rng):
    """A free hidden bias is a free constant: a finite bound here would be false."""
    X, v = rng.normal(size=(6, 2)), direction(rng, 6, balanced=False)
    for norm, orders in ((1, [1, 2]), (2, [2])):
        assert priced(X, v, orders, norm, True).supremum == np.inf
        assert np.isfinite(priced(X, v, orders, norm, False).supremum)


def test_supremum_is_unknown_where_it_was_not_computed(rng, monkeypatch):
    """Norm 2 in three dimensions, and partial rounds, prove nothing about other neurons."""
    monkeypatch.setattr(nomination, "RANDOM", 3)
    X, v = rng.normal(size=(8, 3)), direction(rng, 8)
    assert priced(X, v, [3], 2, True).supremum is None
    assert priced(X, v, [1, 2], 1, True, every_pencil=False).supremum is None


def test_supremum_of_norm_2_in_the_pairs_of_three_columns(rng):
    """Order 2 on three columns: the class reads at most two, so the planes' suprema are all there
    is."""
    X, v = rng.normal(size=(7, 3)), direction(rng, 7)
    found = priced(X, v, [1, 2], 2, True)
    expected = max(
        oracles.continuous_supremum_2d(X[:, list(pair)], v, True, 2, directions=1000)
        for pair in [(0, 1), (0, 2), (1, 2)]
    )
    assert expected * (1 - 1e-9) <= found.supremum <= expected * (1 + 1e-5)


# Two sets of kernels, one contract ----------------------------------------------------------------


def pencils_of(kind, d, bias, rng):
    """Plane points, sorts, v and the map to weights, as the pricer hands them to a kernel."""
    X = unpleasant(kind, 14, d, rng)
    seen = []

    def catch(*arguments):
        seen.append(arguments)
        return sweep.sweep(*arguments)

    pricer = Pricer(Dictionary(X, (d,), 2 if d == 2 else 1, bias))
    pricer._kernels = type("Kernels", (), {"sweep": staticmethod(catch)})
    pricer.price(direction(rng, 14)[:, None], 0.0, pricer.dictionary.none(), every_pencil=True)
    return seen


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("kind", ["generic", "duplicates", "grid", "collinear", "constant column"])
def test_compiled_kernels_agree_with_numpy(kind, d, bias, rng):
    """The fallback is the reference: results must not depend on whether numba is installed."""
    kernels = pytest.importorskip("wedgefit.engine.sweep_compiled", exc_type=ImportError)
    for qx, qy, order, v, to_weights, _, wanted in pencils_of(kind, d, bias, rng):
        for norm, want in ((1, False), (2, wanted)):
            plain = sweep.sweep(qx, qy, order, v, to_weights, norm, want)
            compiled = kernels.sweep(qx, qy, order, v, to_weights, norm, want)
            np.testing.assert_allclose(compiled[0], plain[0], rtol=1e-9, atol=1e-13)
            real = plain[0] > 1e-9
            np.testing.assert_array_equal(compiled[1][real], plain[1][real])
            np.testing.assert_allclose(compiled[2], plain[2], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("past", [-1, 0, 1])
def test_compiled_kernels_agree_with_numpy_across_chunks(past, rng):
    """Compiled sweeps go by in chunks: none, one and many looks beyond a chunk's end, with ties on
    both sides of it."""
    kernels = pytest.importorskip("wedgefit.engine.sweep_compiled", exc_type=ImportError)
    n = 2 * kernels.CHUNK + past
    points = rng.integers(-40, 41, size=(n, 2)).astype(float) if past else rng.normal(size=(n, 2))
    qx, qy = (np.ascontiguousarray(points[:, k] - points[:5, k, None]) for k in (0, 1))
    order, v = sweep.sort_pencils(qx, qy), direction(rng, n)[:, None]
    for norm in (1, 2):
        given = (qx, qy, order, v, np.tile(np.eye(2), (5, 1, 1)), norm, norm == 2)
        plain, compiled = sweep.sweep(*given), kernels.sweep(*given)
        for ours, theirs in zip(compiled, plain):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm, bias", EVERY_KIND)
def test_brute_force_with_the_compiled_kernels(norm, bias, rng, monkeypatch):
    """What brute force proves of NumPy's kernels it must prove of the compiled ones."""
    pytest.importorskip("numba")
    monkeypatch.setattr(pencil, "COMPILED_PAYS", 0)
    for d, n in ((2, 10), (3, 8)):
        for kind in ("generic", "grid", "duplicates"):
            assert_best_is_brute_force(
                unpleasant(kind, n, d, rng), direction(rng, n), range(1, d + 1), norm, bias
            )


@pytest.mark.parametrize("n", [5, 64, 1000, 1025])
def test_sorting_by_slope_is_argsort(n, rng):
    """The packed integers keep eleven digits of a slope: generic data must come out as argsort
    orders it."""
    qx, qy = rng.normal(size=(2, 4, n))
    np.testing.assert_array_equal(sweep.sort_pencils(qx, qy), np.argsort(qy / qx, axis=1))


def test_sorting_by_slope_at_its_ends():
    """Vertical lines come last whichever way they point; equal slopes keep the order of the
    samples."""
    qx = np.array([[0.0, -1, 1, 0, 2, -1]])
    qy = np.array([[1.0, 5, -5, -1, -2, 1]])
    assert sweep.sort_pencils(qx, qy).tolist() == [[1, 2, 4, 5, 0, 3]]


@pytest.mark.parametrize("n", [1, 2, 255, 256, 65535, 65536, 65537])
def test_sorted_indices_fit_their_type(n, rng):
    q = rng.normal(size=(2, 1, n))
    order = sweep.sort_pencils(*q)
    assert order.dtype == sweep.index_type(n)
    np.testing.assert_array_equal(np.sort(order[0]), np.arange(n))


# Rounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("d, orders", [(2, [1, 2]), (3, [1, 2, 3]), (3, [3])])
def test_partial_rounds_never_exceed_the_exact_bound(d, orders, bias, rng, monkeypatch):
    """A partial round may miss the best wedge; it must say so, and count what it looked at."""
    monkeypatch.setattr(nomination, "RANDOM", 2)
    X, v = rng.normal(size=(30, d)), direction(rng, 30)
    whole = priced(X, v, orders, 1, bias)
    for seed in range(4):
        part = priced(X, v, orders, 1, bias, every_pencil=False, seed=seed)
        # Without biases a plane has one pencil.
        assert part.exact == (d == 2 and not bias) and part.wedges_total == whole.wedges_total
        assert 0 < part.wedges_priced <= part.wedges_total
        assert part.bound <= whole.bound * (1 + 1e-12)
        assert part.scores[0] == pytest.approx(part.bound, rel=1e-12)


@pytest.mark.parametrize("orders, norm", [([1, 2], 1), ([1, 2, 3], 1), ([2], 2)])
@pytest.mark.parametrize("thorough", [True, False])
def test_where_pencils_are_few_all_are_looked_at(orders, norm, thorough, rng, monkeypatch):
    """On a tiny table a draw would take them all: none is drawn, and nothing is sampled."""
    pricer = Pricer(Dictionary(rng.normal(size=(8, 3)), tuple(orders), norm, True))
    monkeypatch.setattr(pricer.nominations, "_drawn", None)
    v, none = direction(rng, 8)[:, None], pricer.dictionary.none()
    part = pricer.price(v, 0.0, none, every_pencil=False, thorough=thorough)
    whole = pricer.price(v, 0.0, none, every_pencil=True)
    assert part.exact and part.wedges_priced == part.wedges_total
    assert (part.bound, part.supremum) == (whole.bound, whole.supremum)


def test_wedges_are_counted_once(rng, monkeypatch):
    """However often a pencil is drawn, and though every wedge lies in several pencils."""
    monkeypatch.setattr(nomination, "RANDOM", 25)
    X, v = rng.normal(size=(8, 3)), direction(rng, 8)
    part = priced(X, v, [3], 1, True, every_pencil=False)
    assert 0 < part.wedges_priced <= 2 * 25 * 6 // 3 < part.wedges_total


@pytest.mark.parametrize("orders", [(5,), (1, 2, 5)])
@pytest.mark.parametrize("every_pencil", [True, False])
def test_fewer_rows_than_a_wedge_passes_through(orders, every_pencil, rng):
    """As in the folds of a tiny table with deep or wide networks: that order has no wedge."""
    X, v = rng.normal(size=(3, 5)), direction(rng, 3)
    found = priced(X, v, orders, 1, True, every_pencil=every_pencil)
    rest = priced(X, v, [order for order in orders if order < 5] or [1], 1, True)
    assert found.exact and found.wedges_priced == found.wedges_total == (90 if 1 in orders else 0)
    assert found.bound == (rest.bound if 1 in orders else 0)


def test_partial_rounds_can_miss(rng, monkeypatch):
    """Otherwise the test above proves nothing."""
    monkeypatch.setattr(nomination, "RANDOM", 3)
    X, v = rng.normal(size=(60, 2)), direction(rng, 60)
    whole = priced(X, v, [2], 1, True)
    assert any(
        priced(X, v, [2], 1, True, every_pencil=False, seed=seed).bound < 0.99 * whole.bound
        for seed in range(5)
    )


def test_order_1_alone_is_always_exact(rng):
    """All hinges of a column are priced at once: there is nothing to sample."""
    X, v = rng.normal(size=(30, 2)), direction(rng, 30)
    part = priced(X, v, [1], 1, True, every_pencil=False)
    assert part.exact and part.wedges_priced == part.wedges_total and part.supremum == part.bound


@pytest.mark.parametrize("d, bias", [(2, True), (2, False), (3, True), (3, False)])
def test_partial_rounds_look_around_the_wedges_in_use(d, bias, rng, monkeypatch):
    """The pencils of a wedge in use hold its best exchanges: none of them may be forgotten."""
    monkeypatch.setattr(nomination, "RANDOM", 1)
    X, v = rng.normal(size=(20, d)), direction(rng, 20)
    dictionary = Dictionary(X, (d,), 1, bias)
    every = dictionary.written_out()
    scores = np.abs(v @ every.hinges(X))
    mine = set(present(every.samples[0]))
    neighbours = [
        j for j in range(len(every)) if len(mine & set(present(every.samples[j]))) >= len(mine) - 1
    ]
    part = Pricer(dictionary).price(v[:, None], 0.0, every.take([0]), every_pencil=False)
    assert part.bound >= scores[neighbours].max() * (1 - 1e-9)


def test_partial_rounds_look_at_the_last_winners(rng, monkeypatch):
    """After a full round the best pencil is known: a partial round for the same v finds the same
    best wedge."""
    monkeypatch.setattr(nomination, "RANDOM", 1)
    X, v = rng.normal(size=(60, 2)), direction(rng, 60)
    dictionary = Dictionary(X, (2,), 1, True)
    pricer = Pricer(dictionary, seed=5)
    whole = pricer.price(v[:, None], 0.0, dictionary.none(), every_pencil=True)
    part = pricer.price(v[:, None], 0.0, dictionary.none(), every_pencil=False)
    assert part.bound == whole.bound and part.wedges_priced < part.wedges_total


def same(first, second):
    assert first.wedges.keys() == second.wedges.keys()
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.wedges.normals, second.wedges.normals)
    assert (first.bound, first.supremum, first.wedges_priced) == (
        second.bound,
        second.supremum,
        second.wedges_priced,
    )


@pytest.mark.parametrize(
    "variant", [{"jobs": 2}, {"memory": 0}, {"memory": 30 * 30 * 2}, {}], ids=str
)
@pytest.mark.parametrize(
    "orders, norm", only([([1, 2], 2)], [([1, 2], 1), ([1, 2], 2), ([1, 2, 3], 1)])
)
def test_same_input_same_bytes(orders, norm, variant, rng, monkeypatch):
    """Neither threads, nor kept sorts, nor running twice may change a digit over a series of
    rounds."""
    monkeypatch.setattr(nomination, "BLOCK", 200)  # several blocks, so that two jobs share them
    X = rng.normal(size=(30, 3))
    dictionary = Dictionary(X, tuple(orders), norm, True)
    plain, other = Pricer(dictionary, seed=1), Pricer(dictionary, seed=1, **variant)
    used = dictionary.none()
    for every_pencil in (False, True, False, True, True):
        v = direction(rng, 30)
        first, second = (
            pricer.price(v[:, None], 0.0, used, every_pencil=every_pencil)
            for pricer in (plain, other)
        )
        same(first, second)
        used = first.wedges.take(slice(0, 5))


def test_sorts_are_kept(rng, monkeypatch):
    """A sort does not depend on v; made again in every round it would be most of the work."""
    sorted_pencils = []
    monkeypatch.setattr(
        pencil,
        "sort_pencils",
        lambda qx, qy: sorted_pencils.append(len(qx)) or sweep.sort_pencils(qx, qy),
    )
    for memory, again in ((1e9, 0), (0, 90)):
        dictionary = Dictionary(rng.normal(size=(30, 3)), (2,), 1, True)
        pricer = Pricer(dictionary, memory=memory)
        for expected in (90, again):
            sorted_pencils.clear()
            pricer.price(direction(rng, 30)[:, None], 0.0, dictionary.none(), every_pencil=True)
            assert sum(sorted_pencils) == expected


def test_the_seed_draws_the_pencils(rng, monkeypatch):
    monkeypatch.setattr(nomination, "RANDOM", 3)
    X, v = rng.normal(size=(60, 2)), direction(rng, 60)
    bounds = [
        priced(X, v, [2], 1, True, every_pencil=False, seed=seed).bound for seed in (0, 0, 1, 2, 3)
    ]
    assert bounds[0] == bounds[1] and len(set(bounds)) > 1


# Diversification ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "d, orders, bias", [(1, [1], True), (2, [1, 2], True), (2, [2], False), (3, [1, 2, 3], True)]
)
def test_few_wedges_through_one_sample(d, orders, bias, rng):
    """Near-copies of the best wedge would fill a round and teach the solver nothing."""
    n = 60 if d < 3 else 30
    X, v = rng.normal(size=(n, d)), direction(rng, n)
    found = priced(X, v, orders, 1, bias)
    through = Counter(sample for row in found.wedges.samples for sample in present(row))
    assert max(through.values()) <= MOST_PER_SAMPLE and 0 < len(found.wedges) <= MOST_WEDGES


def test_few_wedges_in_one_round(rng):
    """A few hundred after a full round, even where a thousand violate."""
    X, v = rng.normal(size=(500, 3)), direction(rng, 500)
    found = priced(X, v, [1, 2], 1, True)
    assert len(found.wedges) == MOST_WEDGES
    through = Counter(sample for row in found.wedges.samples for sample in present(row))
    assert max(through.values()) <= MOST_PER_SAMPLE


def test_one_wedge_per_stretch_of_hinges():
    """Noise makes thousands of local maxima inside one stretch above alpha; only its best is a new
    idea."""
    x = np.linspace(-1, 1, 400)
    v = np.sin(2 * np.pi * 3 * x)
    v -= v.mean()
    X = x[:, None]
    sizes = np.max(
        [[hinge_score(X, v, np.array([s]), -s * t) for t in x] for s in (1.0, -1.0)], axis=0
    )
    alpha = 0.6 * sizes.max()
    stretches = np.count_nonzero(np.diff((sizes > alpha).astype(int), prepend=0) == 1)
    found = priced(X, v, [1], 1, True, alpha=alpha)
    assert len(found.wedges) == stretches > 1


@pytest.mark.parametrize("targets", [1, 2])
def test_columns_with_few_values_are_priced_value_by_value(targets, rng, monkeypatch):
    """As they are row by row."""
    X = np.column_stack(
        [rng.integers(2, size=200), rng.normal(size=200), rng.integers(7, size=200), np.ones(200)]
    ).astype(float)
    v = rng.normal(size=(200, targets))
    v -= v.mean(axis=0)
    found = []
    for few in (order_one.FEW_VALUES, 0):
        monkeypatch.setattr(order_one, "FEW_VALUES", few)
        choices, largest = SortedColumns(Dictionary(X, (1,), 1, True)).best(v, 0.3)
        rows = np.lexsort((choices.samples[:, 0], choices.columns[:, 0]))
        found.append((choices.take(rows), largest))
    (ours, top), (plain, highest) = found
    assert top == pytest.approx(highest, rel=1e-12) and set(ours.columns.ravel()) == {0, 1, 2}
    np.testing.assert_array_equal(ours.columns, plain.columns)
    np.testing.assert_array_equal(ours.samples, plain.samples)
    np.testing.assert_allclose(ours.scores, plain.scores, rtol=1e-9)


@pytest.mark.parametrize("bits", [0, 20])
def test_scores_in_one_column_keep_their_digits_far_from_zero(bits, rng):
    """The rows are moved exactly, those of few values and those of many."""
    X, v = np.round(2**bits * rng.normal(size=(200, 1))) / 2**bits, rng.normal(size=(200, 1))
    v -= v.mean()
    near, far = (
        SortedColumns(Dictionary(X + away, (1,), 1, True)).best(v, np.inf)[1]
        for away in (0.0, 2.0**24)
    )
    assert far == pytest.approx(near, rel=1e-12)
