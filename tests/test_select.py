"""Choosing alpha: the rules on curves made by hand, and the walk down the path against a slow twin."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.model_selection import KFold, StratifiedKFold

from wedgefit import select
from wedgefit.certificate import Problem
from wedgefit.dictionary import Dictionary
from wedgefit.pricing import Pricer
from wedgefit.select import Curve, alpha_grid, cross_validate, score_values
from wedgefit.solve import Deadline, largest_alpha, solve_written_out


def curve(*errors):
    """A curve with these squared errors, one row per alpha."""
    folds = [[{"r2": 1 - error, "mae": None, "squared_error": error} for error in row] for row in errors]
    return Curve(2.0 ** -np.arange(len(errors)), folds)


def pricer_for(X):
    return Pricer(Dictionary(X, tuple(range(1, X.shape[1] + 1)), 1, True))


def data(n=60, d=1, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.abs(X[:, 0]) + np.maximum(X[:, -1] - 0.5, 0) + noise * rng.normal(size=n)


def walk(X, y, alphas, task="regression", prices=pricer_for, **options):
    """``cross_validate`` with what most tests leave alone."""
    usual = {"folds": 4, "intercept": True, "seed": 0, "advance": lambda *_: None, "deadline": Deadline()}
    return cross_validate(X, y, task, prices, alphas=np.asarray(alphas), **usual | options)


def validated(X, y, task="regression", ratios=(0.3, 0.1, 0.03), intercept=True, **options):
    top = largest_alpha(Problem(y, 1.0, intercept), pricer_for(X))
    return walk(X, y, top * np.array(ratios), task, intercept=intercept, **options)


# The rules -------------------------------------------------------------------------------------------------------


def test_best_is_the_smallest_mean_error():
    made = curve([5, 7], [2, 4], [1, 3.5], [3, 3])
    np.testing.assert_array_equal(made.errors, [[5, 7], [2, 4], [1, 3.5], [3, 3]])
    assert made.chosen("best") == 2


def test_ties_go_to_the_larger_alpha():
    """The same score from fewer neurons is the better model."""
    assert curve([3, 3], [2, 2], [2, 2]).chosen("best") == 1


def test_one_standard_error_rule():
    """The best mean is 2.25 with standard error 1.25: the largest alpha up to 3.5 is the second."""
    made = curve([5, 7], [2, 4], [1, 3.5], [3, 3])
    assert made.standard_error(np.array([1, 3.5])) == pytest.approx(1.25)
    assert made.chosen("1se") == 1
    assert curve([5, 7], [2.2, 2.3], [2, 2]).chosen("1se") == 2, "no spread at the best, no slack"
    assert curve([2, 3], [1, 3.5], [3, 3]).chosen("1se") == 0


def test_standard_error_of_the_mean():
    """Over k folds: std with k − 1, over √k."""
    values = np.array([1.0, 2, 4, 9])
    assert Curve.standard_error(values) == pytest.approx(np.std(values, ddof=1) / 2)


def test_summary_keeps_undefined_scores_undefined():
    made = curve([5, 7], [2, 4])
    assert made.summary(1) == {"r2": {"mean": -2, "se": pytest.approx(1)}, "mae": None}


def test_large_tables_walk_in_wider_steps():
    """The same ends; whoever walks coarsely can tell, because the pace differs from the usual one."""
    fine, coarse = select.pace_for(select.LARGE - 1), select.pace_for(select.LARGE)
    assert fine == select.Pace() and coarse == select.COARSE != fine
    np.testing.assert_allclose(alpha_grid(3.0, coarse.per_decade), alpha_grid(3.0)[1::2])


def test_the_pace_sets_tolerance_and_patience(monkeypatch):
    """Two alphas with the second worse: patience 1 ends there, and every fold is solved to the pace's tolerance."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 1))
    y = np.abs(X[:, 0]) + 0.5 * rng.standard_normal(40)
    tols, inner = [], select.solve
    monkeypatch.setattr(select, "solve", lambda *args, tol, **options: tols.append(tol) or inner(*args, tol=tol, **options))
    pace = select.Pace(per_decade=4, fold_tol=0.02, patience=1)
    found = walk(X, y, alpha_grid(0.3, 4), pace=pace)
    assert set(tols) == {0.02}
    assert len(found.alphas) == found.chosen("best") + 2


def test_alpha_grid_goes_down_geometrically():
    grid = alpha_grid(3.0)
    np.testing.assert_allclose(grid[1:] / grid[:-1], 10 ** (-1 / select.PER_DECADE))
    assert grid[0] < 3 and grid[0] == pytest.approx(3 * 10 ** (-1 / select.PER_DECADE))
    assert grid[-1] == pytest.approx(3 * select.SMALLEST_RATIO)


# The walk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d, intercept", [(1, True), (1, False), (2, True)])
def test_scores_are_those_of_separate_fits(d, intercept):
    """Every fold at every alpha, solved alone on the whole dictionary: warm starts and sampling change no digit that matters."""
    X, y = data(40, d)
    ratios = (0.3, 0.1, 0.03)
    found = validated(X, y, ratios=ratios, intercept=intercept)
    splits = list(KFold(4, shuffle=True, random_state=0).split(X))
    expected = np.empty((3, 4))
    for row, alpha in enumerate(found.alphas):
        for fold, (train, test) in enumerate(splits):
            solution = solve_written_out(Problem(y[train], alpha, intercept), pricer_for(X[train]), tol=1e-6)
            expected[row, fold] = np.mean((solution.fit.predict(X[test]) - y[test]) ** 2)
    np.testing.assert_allclose(found.errors, expected, rtol=0.03)
    summary = found.summary(1)
    assert summary["rmse"]["mean"] == pytest.approx(np.sqrt(found.errors[1]).mean(), rel=1e-12)
    assert set(summary) == {"r2", "rmse", "mae"}


def test_same_seed_same_curve():
    X, y = data(40, 2)
    first, again, other = (validated(X, y, seed=seed) for seed in (3, 3, 4))
    assert first.folds == again.folds
    assert first.folds != other.folds


def test_folds_are_stratified():
    """A rare class must be in every fold, or its scores are undefined and alpha is chosen by chance."""
    X, _ = data(60, 1)
    y = np.where(np.arange(60) % 12 == 0, 1.0, -1.0)
    found = validated(X, y, task="classification", folds=5)
    assert all(fold["auc"] is not None for folds in found.folds for fold in folds)
    sizes = [np.sum(y[test] > 0) for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)]
    assert sizes == [1] * 5


def test_the_path_ends_when_the_error_has_turned():
    """Small alphas cost the most and fit noise: going on would take most of the time for nothing."""
    X, y = data(60, 1, noise=1.0)
    top = largest_alpha(Problem(y, 1.0), pricer_for(X))
    grid = alpha_grid(top)
    found = walk(X, y, grid)
    assert len(found.alphas) < len(grid)
    assert len(found.alphas) == len(found.folds) == found.chosen("best") + select.PATIENCE + 1
    np.testing.assert_array_equal(found.alphas, grid[: len(found.alphas)])


def test_a_deadline_ends_the_path_after_one_alpha():
    X, y = data(30, 1)
    assert len(validated(X, y, deadline=Deadline(0.0)).alphas) == 1


def test_progress_hears_of_every_fit():
    X, y = data(30, 1)
    heard = []
    validated(X, y, folds=3, advance=lambda *step: heard.append(step))
    assert [step[:3] for step in heard[:4]] == [("cross-validation", k, 9) for k in (0, 1, 2, 3)]
    assert heard[0][3].endswith("fold 1 of 3") and heard[-1] == ("cross-validation", 9, 9, "done")


def test_held_out_rows_are_held_out():
    """A pricer that saw a test row would make the scores too good."""
    X, y = data(20, 1)
    seen = []

    def watching(rows):
        seen.append(rows[:, 0])
        return pricer_for(rows)

    walk(X, y, [0.1], prices=watching)
    assert [len(rows) for rows in seen] == [15] * 4
    missing = np.concatenate([np.setdiff1d(X[:, 0], rows) for rows in seen])
    np.testing.assert_array_equal(np.sort(missing), np.sort(X[:, 0]))


# Scores ----------------------------------------------------------------------------------------------------------


def test_regression_scores_by_hand():
    y, output = np.array([0.0, 2, 4]), np.array([0.0, 2, 1])
    assert score_values(y, output, "regression") == {
        "r2": pytest.approx(1 - 9 / 8), "rmse": pytest.approx(np.sqrt(3)), "mae": pytest.approx(1), "squared_error": pytest.approx(3)
    }  # fmt: skip


@pytest.mark.parametrize("y", [[1.0], [2.0, 2.0]])
def test_r2_is_undefined_without_variation(y):
    """A fold of one row: null, not a warning, not NaN."""
    assert score_values(np.array(y), np.zeros(len(y)), "regression")["r2"] is None


def test_classification_scores(rng):
    y, output = np.where(rng.random(50) < 0.4, 1.0, -1.0), rng.normal(size=50)
    found = score_values(y, output, "classification")
    assert found["accuracy"] == np.mean((output > 0) == (y > 0))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, output))
    assert found["squared_error"] == pytest.approx(np.mean((y - output) ** 2))
    assert score_values(np.ones(3), np.ones(3), "classification")["auc"] is None
