"""The oracles are right: against the stored optima of another solver, by hand, and against one
another."""

from functools import cache
from math import inf, isclose, sqrt

import numpy as np
import oracles
import pytest
from quick import every

CASES = oracles.reference_cases()


def name(record):
    flags = "".join(letter for letter, key in (("b", "bias"), ("t", "intercept")) if record[key])
    problem = f"{record['loss']}-p{record['norm']}-{record['order']}"
    return f"{record['file'][:5]}-{problem}-{flags}-{record['alpha']}"


@cache
def dictionary(file, order, norm, bias):
    """X, its wedges and their hinges, for every record that shares them."""
    X, _ = oracles.load_case({"file": file, "target": "y"})
    wedges = list(
        oracles.enumerate_wedges(X, oracles.orders_of(order, norm, X.shape[1]), norm, bias)
    )
    return X, wedges, oracles.hinge_matrix(X, wedges)


def problem(record):
    """K and the target of a record."""
    _, _, K = dictionary(record["file"], record["order"], record["norm"], record["bias"])
    return K, oracles.load_case(record)[1]


def lasso(X, y, alpha, orders, norm, bias=True, intercept=True):
    """The optimum over a dictionary, and v = residual / n."""
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, orders, norm, bias)))
    objective, z, t = oracles.lasso_optimum(K, y, alpha, intercept)
    return objective, (y - K @ z - t) / len(y)


# The stored optima


@pytest.mark.parametrize("record", every(5, CASES), ids=name)
def test_optimum_is_the_stored_one(record):
    solver, digits = {
        "squared": (oracles.lasso_optimum, 1e-7),
        "logistic": (oracles.logistic_lasso_optimum, 1e-6),
    }[record["loss"]]
    K, y = problem(record)
    objective, _, _ = solver(K, y, record["alpha"], record["intercept"])
    assert objective == pytest.approx(record["objective"], rel=digits)


@pytest.mark.parametrize(
    "record", every(5, [record for record in CASES if record["loss"] == "squared"]), ids=name
)
def test_best_wedge_of_the_null_model_gives_alpha_max(record):
    X, y = oracles.load_case(record)
    v = (y - y.mean() * record["intercept"]) / len(y)
    orders = oracles.orders_of(record["order"], record["norm"], X.shape[1])
    _, score, _, _, w, b = oracles.best_wedge(X, v, orders, record["norm"], record["bias"])
    assert abs(score) == pytest.approx(record["alpha_max"], rel=1e-9)
    assert score == pytest.approx(v @ np.maximum(X @ w + b, 0), rel=1e-12)


# Wedges


def test_wedges_of_three_points_on_a_line_by_hand():
    wedges = list(oracles.enumerate_wedges(np.array([[0.0], [1.0], [3.0]]), [1], 1, True))
    assert [(columns, samples, w.item(), b) for columns, samples, w, b in wedges] == [
        ((0,), (0,), 1, 0), ((0,), (0,), -1, 0),
        ((0,), (1,), 1, -1), ((0,), (1,), -1, 1),
        ((0,), (2,), 1, -3), ((0,), (2,), -1, 3),
    ]  # fmt: skip
    K = oracles.hinge_matrix(np.array([[2.0]]), wedges)
    assert K.tolist() == [[2, 0, 1, 0, 0, 1]]
    assert oracles.scores(np.array([3.0]), K).tolist() == [6, 0, 3, 0, 0, 3]


@pytest.mark.parametrize("norm, length", [(1, 7), (2, 5)])
def test_oblique_wedge_by_hand(norm, length):
    """The line through (0, 3) and (4, 0) is 3x + 4y = 12."""
    (plus, minus) = oracles.enumerate_wedges(np.array([[0.0, 3.0], [4.0, 0.0]]), [2], norm, True)
    assert plus[:2] == minus[:2] == ((0, 1), (0, 1))
    np.testing.assert_allclose([*plus[2], plus[3]], np.array([3, 4, -12]) / length)
    np.testing.assert_allclose([*minus[2], minus[3]], np.array([-3, -4, 12]) / length)


def test_wedges_without_biases_pass_through_the_origin():
    wedges = list(oracles.enumerate_wedges(np.array([[3.0, -4.0]]), [1, 2], 2, False))
    assert [(columns, samples) for columns, samples, _, _ in wedges[::2]] == [
        ((0,), ()),
        ((1,), ()),
        ((0, 1), (0,)),
    ]
    np.testing.assert_allclose(wedges[4][2], [0.8, 0.6])
    assert all(b == 0 for *_, b in wedges)


def test_hinge_is_the_volume_over_the_length_of_the_normal(rng):
    """Before normalising, w·x + b is the signed volume spanned with x (theory, section 2)."""
    X = rng.normal(size=(4, 3))
    _, _, w, b = next(oracles.enumerate_wedges(X[:3], [3], 2, True))
    area = np.linalg.norm(np.cross(X[1] - X[0], X[2] - X[0]))
    assert isclose(abs(np.linalg.det(X[1:] - X[0])) / area, abs(X[3] @ w + b))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm", [1, 2])
def test_wedges_are_unit_normals_through_their_samples_in_canonical_order(norm, bias, rng):
    X = rng.normal(size=(6, 3)) * [1, 1e3, 1e-3]
    wedges = list(oracles.enumerate_wedges(X, [1, 2, 3], norm, bias))
    assert (
        len(wedges)
        == oracles.dictionary_size(6, 3, [1, 2, 3], bias)
        == (2 * (18 + 45 + 20) if bias else 2 * (3 + 18 + 15))
    )
    keys = [(len(columns), columns, samples) for columns, samples, _, _ in wedges]
    assert keys == sorted(keys)
    for (columns, samples, w, b), (*_, minus_w, minus_b) in zip(
        wedges[::2], wedges[1::2], strict=True
    ):
        assert set(np.flatnonzero(w)) == set(columns) and w[columns[0]] > 0
        assert isclose(np.linalg.norm(w, norm), 1)
        assert np.all(
            np.abs(X[list(samples)] @ w + b) <= 1e-12 * np.abs(X[list(samples)]) @ np.abs(w)
        )
        assert np.array_equal(w, -minus_w) and b == -minus_b


@pytest.mark.parametrize("scale", [1e-8, 1, 1e8])
@pytest.mark.parametrize("shift", [0, 1e-13])
def test_degenerate_sets_have_no_wedge_at_any_scale(scale, shift):
    """Samples 0 and 1 coincide, 0, 2 and 3 lie on one line, up to a relative ``shift``."""
    X = np.array([[0, 0, 0], [0, 0, 0], [1, 2, 3], [2, 4, 6], [1, 0, 0]]) * 1.0
    X[1, 0] += shift
    found = {samples for _, samples, _, _ in oracles.enumerate_wedges(X * scale, [3], 1, True)}
    assert found == {(0, 2, 4), (0, 3, 4), (1, 2, 4), (1, 3, 4), (2, 3, 4)}
    lines = {
        samples for _, samples, _, _ in oracles.enumerate_wedges(X[:, :2] * scale, [2], 1, True)
    }
    assert (0, 1) not in lines and len(lines) == 9


@pytest.mark.parametrize("bias", [True, False])
def test_a_constant_column_makes_no_set_degenerate(bias, rng):
    """Without biases it is how one adds them by hand, and its range is its distance from the
    origin."""
    X = np.column_stack([np.full(5, 1e12), rng.normal(size=(5, 2))])
    assert len(list(oracles.enumerate_wedges(X, [1, 2, 3], 1, bias))) == oracles.dictionary_size(
        5, 3, [1, 2, 3], bias
    )


def test_best_wedge_takes_the_first_of_equals():
    """Samples 0 and 1 are the same, and so are their hinges."""
    X = np.array([[0.0], [0.0], [1.0]])
    index, score, columns, samples, w, b = oracles.best_wedge(
        X, np.array([-0.5, -0.5, 1.0]), [1], 1, True
    )
    assert (index, score, columns, samples, w.item(), b) == (0, 1, (0,), (0,), 1, 0)


# Optima


def test_soft_threshold_by_hand():
    """One column (2,) and y = 3: (2z − 3)²/2 + |z| is least at z = 5/4; for α ≥ 6 at zero."""
    objective, z, t = oracles.lasso_optimum(
        np.array([[2.0]]), np.array([3.0]), 1.0, intercept=False
    )
    assert (objective, z.item(), t) == pytest.approx((1.375, 1.25, 0), rel=1e-8)
    assert oracles.lasso_optimum(np.array([[2.0]]), np.array([3.0]), 6.1, intercept=False)[
        0
    ] == pytest.approx(4.5)


def test_null_models_by_hand():
    """With a huge alpha only the intercept is left: the mean, and the log-odds."""
    K = np.eye(4)
    assert oracles.lasso_optimum(K, np.array([1.0, 2, 3, 6]), 9.0, intercept=True)[
        ::2
    ] == pytest.approx((1.75, 3), rel=1e-7)
    entropy = -(np.log(0.25) / 4 + 3 * np.log(0.75) / 4)
    labels = np.array([1.0, 1, 1, -1])
    assert oracles.logistic_lasso_optimum(K, labels, 9.0, intercept=True)[::2] == pytest.approx(
        (entropy, np.log(3)), rel=1e-5
    )
    assert oracles.logistic_lasso_optimum(K, labels, 9.0, intercept=False)[0] == pytest.approx(
        np.log(2)
    )


# Networks


def test_network_by_hand():
    """f(x) = 5 + 2 (x₁ − x₂ + 1)_+ − (3x₂)_+ ."""
    layers = [
        (np.array([[1.0, 0], [-1, 3]]), np.array([1.0, 0])),
        (np.array([[2.0], [-1]]), np.array([5.0])),
    ]
    assert oracles.network_forward(layers, [1, 1]).item() == 5 + 2 - 3
    assert oracles.network_forward(layers, [-3, -1]).item() == 5
    X, y = np.array([[1, 1], [-3, -1]]), np.array([4.0, 3])
    assert isclose(
        oracles.network_objective(layers, X, y, 0.1, 1), 2**2 / 4 + 0.05 * (2**2 + 2**2 + 3**2 + 1)
    )
    assert isclose(
        oracles.network_objective(layers, X, y, 0.1, 2), 2**2 / 4 + 0.05 * (2 + 2**2 + 3**2 + 1)
    )


def test_three_layers_by_hand():
    layers = [
        (np.array([[1.0]]), np.zeros(1)),
        (np.array([[-1.0]]), np.ones(1)),
        (np.array([[2.0]]), np.zeros(1)),
    ]
    assert [oracles.network_forward(layers, [x]).item() for x in (-1, 0.25, 2)] == [2, 1.5, 0]


@pytest.mark.parametrize("norm", [1, 2])
def test_balanced_network_costs_what_the_lasso_costs(norm):
    """Theory, section 1."""
    record = next(r for r in CASES if r["file"].startswith("case2") and r["norm"] == norm)
    X, wedges, K = dictionary(record["file"], "full", norm, True)
    y = oracles.load_case(record)[1]
    objective, z, t = oracles.lasso_optimum(K, y, record["alpha"], True)
    root = np.sqrt(np.abs(z))
    W, b = np.array([w for *_, w, _ in wedges]).T * root, np.array([b for *_, b in wedges]) * root
    layers = [(W, b), ((np.sign(z) * root)[:, None], np.array([t]))]
    assert isclose(
        oracles.network_objective(layers, X, y, record["alpha"], norm), objective, rel_tol=1e-12
    )


# The theory, with continuous neurons


@pytest.mark.parametrize("bias", [True, False])
def test_norm_1_dictionary_is_exact(bias, rng):
    """No neuron at all violates the dual constraint at the dictionary's optimum (theory, section
    2)."""
    X, y = rng.normal(size=(9, 2)), rng.normal(size=9)
    _, v = lasso(X, y, 0.05, [1, 2], 1, bias)
    assert oracles.continuous_supremum_2d(X, v, bias, 1) == pytest.approx(0.05, rel=1e-6)
    _, v = lasso(X, y, 0.05, [2], 1, bias)
    assert oracles.continuous_supremum_2d(X, v, bias, 1) > 0.0505, (
        "without the lower orders it is not"
    )


def test_range_dispersion_bounds_what_norm_2_misses(rng):
    """In R² without biases no neuron scores more than the best wedge over cos(επ/2) (theory,
    section 2)."""
    for _ in range(5):
        X, v = rng.normal(size=(5, 2)), rng.normal(size=5)
        angles = np.sort(np.arctan2(X[:, 1], X[:, 0]) % np.pi)
        widest = np.max(np.diff([*angles, angles[0] + np.pi]))
        best = abs(oracles.best_wedge(X, v, [2], 2, False)[1])
        supremum = oracles.continuous_supremum_2d(X, v, False, 2)
        assert best * (1 - 1e-12) <= supremum <= best / np.cos(widest / 2) * (1 + 1e-12)


def test_supremum_between_two_wedges_by_hand():
    """Samples e₁, e₂ and v = (1, 1) without biases: wedges score 1, the neuron halfway between them
    √2."""
    X, v = np.eye(2), np.ones(2)
    assert isclose(abs(oracles.best_wedge(X, v, [2], 2, False)[1]), 1)
    assert oracles.continuous_supremum_2d(X, v, False, 2) == pytest.approx(sqrt(2), rel=1e-6)


def test_hidden_biases_are_a_free_intercept():
    """A neuron with b = 1 and w → 0 is a constant at no cost: without an output bias the wedges are
    not exact."""
    X, y = np.array([[0.0, 0], [1, 0], [0, 1]]), np.array([3.0, 4, 3])
    without, v = lasso(X, y, 0.1, [1, 2], 1, intercept=False)
    assert oracles.continuous_supremum_2d(X, v, True, 1) == inf
    constant = [
        (np.array([[1e-3], [0]]), np.array([1e3])),
        (np.array([[y.mean() / 1e3]]), np.zeros(1)),
    ]
    assert oracles.network_objective(constant, X, y, 0.1, 1) < without


@pytest.mark.parametrize("optimum", [oracles.lasso_optimum, oracles.logistic_lasso_optimum])
def test_whole_weights_are_repeated_rows(optimum):
    rng = np.random.default_rng(3)
    K, times = np.abs(rng.normal(size=(6, 4))), np.array([1, 3, 2, 1, 4, 1])
    y = np.array([1.0, -1, 1, 1, -1, -1])
    rows = np.repeat(np.arange(6), times)
    weighted = optimum(K, y, 0.05, True, times / times.sum())
    assert weighted[0] == pytest.approx(optimum(K[rows], y[rows], 0.05, True)[0], rel=1e-7)
    assert weighted[0] != pytest.approx(optimum(K, y, 0.05, True)[0], rel=1e-2)
