"""Several quantiles of one target: each the optimum of its own problem, and what is predicted of
them crosses nowhere and is never worse."""

import numpy as np
import oracles
import pytest
from as_json import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import table_of
from scipy.optimize import linprog

from wedgefit.engine.losses import Quantile, Quantiles, fitted_apart, loss_of, numbers_of, predicted
from wedgefit.learning.scores import score_values
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.watch import Silent

LEVELS = (0.1, 0.5, 0.8)


def problem(seed, rows=14, columns=2):
    """Noise that grows, in which quantiles cross soon where the penalty is small."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(rows, columns)), 2)
    y = np.round(X[:, 0] + (1 + np.abs(X[:, 0])) * rng.standard_t(3, size=rows), 2)
    return X, y, rng.integers(1, 4, size=rows).astype(float)


def taught(X, y, weights=None, alpha=0.02, **options):
    columns = {f"x{j}": column for j, column in enumerate(X.T)}
    told = {}
    if weights is not None:
        columns["w"], told = weights, {"weight": "w"}
    options = {"loss": "quantile", "quantile": LEVELS, "standardize": False} | told | options
    return train(table_of(columns | {"y": y}), Options(alpha=alpha, **options), Silent())


def optimum(K, y, weights, levels, alpha, apart):
    """The least Σ over the levels of pinball loss and α‖z‖₁, in K (n, m), weights (n,) that add up
    to one; with ``apart`` of any networks, else of those whose outputs do not cross on the rows."""
    n, m = K.shape
    # Per level z⁺, z⁻ ≥ 0, t free, and per row how far it lies above, and below.
    output = np.hstack([K, -K, np.ones((n, 1)), np.zeros((n, 2 * n))])
    rest = np.hstack([np.zeros((n, 2 * m + 1)), np.eye(n), -np.eye(n)])
    costs = [
        np.concatenate([np.full(2 * m, alpha), [0.0], level * weights, (1 - level) * weights])
        for level in levels
    ]
    free = [(0, None)] * (2 * m) + [(None, None)] + [(0, None)] * (2 * n)
    crossing = np.kron(np.eye(len(levels))[:-1] - np.eye(len(levels))[1:], output)
    found = linprog(
        np.concatenate(costs),
        A_ub=None if apart else crossing,
        b_ub=None if apart else np.zeros(len(crossing)),
        A_eq=np.kron(np.eye(len(levels)), output + rest),
        b_eq=np.tile(y, len(levels)),
        bounds=free * len(levels),
        method="highs",
    )
    assert found.status == 0
    return found.fun


@settings(max_examples=3)
@given(st.integers(0, 10**6), st.booleans())
def test_every_quantile_is_its_own_optimum_and_bounds_those_that_do_not_cross(seed, weighted):
    X, y, weights = problem(seed)
    model = taught(X, y, weights if weighted else None)
    shares = weights / weights.sum() if weighted else np.full(len(y), 1 / len(y))
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, (1, 2), 1, True)))
    best = optimum(K, y, shares, LEVELS, 0.02, apart=True)
    found = model.certificate
    assert found.scope == "exact" and found.relative_gap <= 1e-6
    assert found.objective == pytest.approx(best, rel=2e-6)
    assert found.lower_bound <= best + 1e-9
    for stage, level in zip(model.stages, LEVELS):
        own = optimum(K, y, shares, (level,), 0.02, apart=True)
        assert stage.output == f"q{level}"
        assert stage.certificate.objective == pytest.approx(own, rel=2e-6)
    # No networks that do not cross on the rows are better, so the bound is theirs, too.
    assert found.lower_bound <= optimum(K, y, shares, LEVELS, 0.02, apart=False) + 1e-9


def crossing(seed=3):
    """A model whose outputs cross, with its rows and their targets."""
    X, y, _ = problem(seed, rows=40)
    return taught(X, y, alpha=0.01, tol=1e-4), X, y


def test_what_is_predicted_crosses_nowhere_and_is_never_worse():
    model, X, y = crossing()
    rng = np.random.default_rng(0)
    far = np.vstack([X, 5 * rng.normal(size=(2000, 2))])
    raw = model.network.forward(far)
    assert (np.diff(raw, axis=1) < 0).any(axis=1).sum() > 20
    made = model.predicted(raw)
    assert (np.diff(made, axis=1) >= 0).all()
    np.testing.assert_array_equal(made, np.sort(raw, axis=1))
    for target in (-30.0, -1.0, 0.0, 0.5, 40.0):
        losses = [pinball(outputs, np.full(len(far), target)) for outputs in (raw, made)]
        assert (losses[1] <= losses[0] + 1e-12).all()


def pinball(outputs, y):
    """Σ over the levels, row by row."""
    rest = y[:, None] - outputs
    return np.maximum(np.array(LEVELS) * rest, (np.array(LEVELS) - 1) * rest).sum(axis=1)


def test_scores_are_those_of_what_is_predicted():
    model, X, y = crossing()
    table = table_of({"x0": X[:, 0], "x1": X[:, 1], "y": y})
    made = model.predicted(model.scores(table))
    assert not np.array_equal(made, model.scores(table))
    found = evaluate(model, table)
    mean = pinball(made, y).mean()
    constant = pinball(
        np.tile(np.quantile(y, LEVELS, method="inverted_cdf"), (len(y), 1)), y
    ).mean()
    assert found["score"]["pinball"] == pytest.approx(mean, rel=1e-12)
    assert model.score.train["pinball"] == pytest.approx(mean, rel=1e-12)
    assert found["score"]["d2"] == pytest.approx(1 - mean / constant, rel=1e-6)
    assert found["score"]["mae"] == pytest.approx(np.abs(y[:, None] - made).mean(), rel=1e-12)
    assert found["baseline"]["pinball"] == pytest.approx(constant, rel=1e-6)
    assert list(found["residuals"]) == ["q0.1", "q0.5", "q0.8"]
    levels, (between,) = found["quantiles"]["levels"], found["quantiles"]["between"]
    assert [each["level"] for each in levels] == list(LEVELS)
    assert sum(each["pinball"] for each in levels) == pytest.approx(mean, rel=1e-12)
    near = 1e-6 * np.abs(y - y.mean()).mean()
    for each, column in zip(levels, made.T):
        assert each["below"] == pytest.approx(np.mean(y <= column + near))
    within = (made[:, 0] - near <= y) & (y <= made[:, -1] + near)
    assert between["coverage"] == pytest.approx(within.mean())
    assert between["expected"] == pytest.approx(0.7)
    assert between["width"] == pytest.approx((made[:, -1] - made[:, 0]).mean())


def test_a_row_that_weighs_twice_is_a_row_that_is_there_twice():
    X, y, weights = problem(5)
    often = np.repeat(np.arange(len(y)), weights.astype(int))
    one, other = taught(X, y, weights), taught(X[often], y[often])
    for stage, same in zip(one.stages, other.stages):
        assert stage.certificate.objective == pytest.approx(same.certificate.objective, rel=2e-6)


def test_one_level_is_what_it_was():
    X, y, _ = problem(1)
    plain, listed = (taught(X, y, quantile=levels) for levels in (0.8, [0.8]))
    assert listed.dumps() == plain.dumps()
    assert plain.problem.quantile == 0.8 and plain.outputs == ("y",)


def test_the_order_of_the_levels_does_not_matter():
    X, y, _ = problem(1)
    one, other = (taught(X, y, quantile=levels) for levels in (LEVELS, LEVELS[::-1]))
    assert one.dumps() == other.dumps() and one.outputs == ("q0.1", "q0.5", "q0.8")


def test_folds_choose_alpha_by_the_loss_of_what_is_predicted():
    X, y, _ = problem(7, rows=24, columns=1)
    model = taught(X, y, alpha=None, order=1, cv=2)
    best = min(model.score.curve, key=lambda point: point.scores["pinball"].mean)
    assert model.problem.alpha == best.alpha
    assert model.score.cv["pinball"] == best.scores["pinball"]


def test_rising_networks_make_rising_quantiles():
    """Those of a row in ascending order rise where all of them do."""
    X, y, _ = problem(2, rows=40)
    model = taught(X, y, alpha=0.003, order=1, increasing=("x0",), tol=1e-4)
    grid = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)])
    raw = model.network.forward(grid)
    assert (np.diff(model.predicted(raw), axis=0) >= -1e-12).all()


def test_the_loss_of_several_levels():
    loss = loss_of("quantile", quantile=(0.2, 0.7))
    assert isinstance(loss, Quantiles) and loss == Quantiles((0.2, 0.7))
    assert fitted_apart(loss) == (Quantile(0.2), Quantile(0.7))
    assert numbers_of(loss) == {"quantile": (0.2, 0.7), "huber_delta": None}
    output, y, ones = np.array([[3.0, 1.0]]), np.array([[2.0]]), np.ones(1)
    assert predicted(loss.link, output).tolist() == [[1.0, 3.0]]
    assert loss.value(y, output, ones) == pytest.approx(0.2 * 1 + 0.3 * 1)
    rows = type("Rows", (), {"task": "regression", "y": y, "weights": None, "exposure": None})()
    assert score_values(rows, output, loss)["pinball"] == pytest.approx(0.5)
