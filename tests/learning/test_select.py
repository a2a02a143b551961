"""Choosing alpha: the rules on curves made by hand, and the walk down the path against a slow
twin."""

import re
from functools import partial

import numpy as np
import pytest
from quick import only
from sklearn import metrics
from sklearn.model_selection import KFold, StratifiedKFold

from wedgefit.data.sample import Sample
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve, solve_written_out
from wedgefit.errors import FitError
from wedgefit.learning import path, select
from wedgefit.learning.curve import Curve, HeldOut
from wedgefit.learning.path import Walk, alpha_grid
from wedgefit.learning.problems import problems_of
from wedgefit.learning.scores import CurvePoint, MeanAndError, score_values
from wedgefit.learning.select import cross_validate
from wedgefit.learning.settings import Settings
from wedgefit.learning.splits import checked_splits, folds_walked
from wedgefit.watch import Deadline


def curve(*errors, neurons=None, **kind):
    """A curve with these losses, one row per alpha, of networks with so many ``neurons`` (one each,
    unless given)."""
    neurons = neurons or [1] * len(errors)
    folds = [
        [HeldOut(error, size, {"r2": 1 - error, "mae": None}) for error in row]
        for row, size in zip(errors, neurons)
    ]
    return Curve(2.0 ** -np.arange(len(errors)), folds, **kind)


def walk_for(prices=None, tol=1e-3):
    """What makes the walk of a fold."""

    def made(learn, problems):
        first = (prices or pricer_for)(learn.X)
        return Walk(learn.X, problems, [first, *(first.sibling() for _ in problems[1:])], tol=tol)

    return made


def pricer_for(X):
    return Pricer(Dictionary(X, tuple(range(1, X.shape[1] + 1)), 1, True))


def data(n=60, d=1, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.abs(X[:, 0]) + np.maximum(X[:, -1] - 0.5, 0) + noise * rng.normal(size=n)


def walk(X, y, alphas, task="regression", prices=None, **options):
    """``cross_validate`` with what most tests leave alone."""
    told = ("folds", "seed", "scoring", "max_neurons", "bias", "refit", "intercept", "class_weight")
    settings = {
        "cv" if name == "folds" else name: options.pop(name) for name in told if name in options
    }
    settings = Settings(**{"cv": 4} | settings)
    pace, largest = options.pop("pace", path.Pace(fold_tol=1e-3)), options.pop("alpha_max", np.inf)
    watched = {"advance": lambda *_: None, "deadline": Deadline()}
    parts = (options.pop(name, None) for name in ("weights", "groups", "encoder"))
    sample = Sample(X, np.reshape(y, (len(X), -1)), task, *parts)
    loss = LOSSES[options.pop("loss", "squared")]
    problems = partial(problems_of, loss=loss, settings=settings)
    walks = walk_for(prices, pace.fold_tol)
    alphas = path.AlphaPath(np.asarray(alphas), largest, pace)
    return cross_validate(sample, settings, alphas, loss, problems, walks, **watched | options)


def validated(X, y, task="regression", ratios=(0.3, 0.1, 0.03), intercept=True, **options):
    top = largest_alpha(Problem(y, 1.0, intercept), pricer_for(X))
    return walk(X, y, top * np.array(ratios), task, intercept=intercept, **options)


# The rules ----------------------------------------------------------------------------------------


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
    assert curve([5], [2], [1], [3]).chosen("1se") == 2, "a single fold has no error"


def test_standard_error_of_the_mean():
    """Over k folds: std with k − 1, over √k."""
    values = np.array([1.0, 2, 4, 9])
    assert Curve.standard_error(values) == pytest.approx(np.std(values, ddof=1) / 2)
    assert Curve.standard_error(values[:1]) is None, "one value has no spread"


def test_summary_keeps_undefined_scores_undefined():
    made = curve([5, 7], [2, 4])
    assert made.summary(1) == {"r2": MeanAndError(-2, pytest.approx(1)), "mae": None}


def test_scores_of_which_more_is_better():
    """Chosen by accuracy the largest mean wins, and one standard error lies below it."""
    folds = [
        [HeldOut(9.0, 1, {"accuracy": a, "log_loss": a}) for a in row]
        for row in ([0.5, 0.6], [0.7, 0.8], [0.7, 0.9], [0.6, 0.6])
    ]
    made = Curve(np.array([4.0, 3, 2, 1]), folds, "accuracy")
    assert made.chosen("best") == 2
    assert made.chosen("1se") == 1, "0.8 ± 0.1"
    assert Curve(np.array([4.0, 3, 2, 1]), folds, "log_loss").chosen("best") == 0, (
        "the sign matters"
    )


def test_few_neurons_only():
    """Only alphas whose folds are small enough count; the first always does, or nothing would be
    left."""
    made = curve([5, 7], [2, 4], [1, 3.5], [0, 0], neurons=[1, 3, 5, 9])
    assert [made.chosen("best", most) for most in (9, 8, 5, 4, 3, 2, 0)] == [3, 2, 2, 1, 1, 0, 0]
    assert [made.chosen("1se", most) for most in (9, 5, 4)] == [3, 1, 1]


def test_the_number_of_neurons_is_a_mean_over_folds():
    folds = [[HeldOut(3.0, 0, {})] * 2, [HeldOut(1.0, size, {}) for size in (1, 4)]]
    made = Curve(np.array([2.0, 1]), folds)
    assert (made.chosen("best", 2), made.chosen("best", 3)) == (0, 1)
    assert [point.neurons for point in made.points()] == [0, 2.5]


def test_a_curve_has_turned_when_it_has_not_improved_for_some_alphas():
    worse = [[3, 3]] * path.FINE.patience
    assert curve([2, 2], *worse).has_turned and not curve([2, 2], *worse[1:]).has_turned


def test_empty_networks_do_not_turn_a_curve():
    """Just below alpha_max no fold may have a neuron, and a constant's score cannot get worse: the
    path must go on."""
    empty = [[3, 3]] * (path.FINE.patience + 2)
    assert not curve(*empty, neurons=[0] * len(empty)).has_turned
    worse = [[4, 4]] * path.FINE.patience
    assert not curve(*empty, *worse, neurons=[0] * len(empty) + [1] * len(worse)).has_turned
    one_more = [*worse, [4, 4]]
    assert curve(*empty, *one_more, neurons=[0] * len(empty) + [1] * len(one_more)).has_turned


def test_points_are_the_curve_without_what_is_no_score():
    made = curve([5, 7], [2, 4], neurons=[0, 2])
    scores = {"r2": MeanAndError(-2, pytest.approx(1)), "mae": None}
    assert made.points()[1] == CurvePoint(0.5, 2.0, scores)


def test_large_tables_walk_in_wider_steps():
    """The same ends; whoever walks coarsely can tell, because the pace differs from the usual
    one."""
    fine, coarse = path.pace_for(path.LARGE - 1), path.pace_for(path.LARGE)
    assert fine == path.Pace() and coarse == path.COARSE != fine
    np.testing.assert_allclose(alpha_grid(3.0, coarse.per_decade), alpha_grid(3.0)[::2])


def test_the_pace_sets_tolerance_and_patience(monkeypatch):
    """Two alphas with the second worse: patience 1 ends there, and every fold is solved to the
    pace's tolerance."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 1))
    y = np.abs(X[:, 0]) + 0.5 * rng.standard_normal(40)
    tols, inner = [], path.solve_stage
    monkeypatch.setattr(
        path,
        "solve_stage",
        lambda *args, tol, **options: tols.append(tol) or inner(*args, tol=tol, **options),
    )
    pace = path.Pace(per_decade=4, stride=1, fold_tol=0.02, patience=1)
    found = walk(X, y, alpha_grid(0.3, 4), pace=pace)
    assert set(tols) == {0.02}
    assert len(found.alphas) == found.chosen("best") + 2


def test_alpha_grid_goes_down_geometrically():
    grid = alpha_grid(3.0)
    np.testing.assert_allclose(grid[1:] / grid[:-1], 10 ** (-1 / path.PER_DECADE))
    assert grid[0] == 3, "the constant is a candidate"
    assert grid[-1] == pytest.approx(3 * path.SMALLEST_RATIO)


# The walk -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "d, intercept", only([(1, True), (1, False)], [(1, True), (1, False), (2, True)])
)
def test_scores_are_those_of_separate_fits(d, intercept):
    """Every fold at every alpha, solved alone on the whole dictionary: warm starts and sampling
    change no digit that matters."""
    X, y = data(40, d)
    ratios = (0.3, 0.1, 0.03)
    found = validated(X, y, ratios=ratios, intercept=intercept)
    splits = list(KFold(4, shuffle=True, random_state=0).split(X))
    expected = np.empty((3, 4))
    for row, alpha in enumerate(found.alphas):
        for fold, (train, test) in enumerate(splits):
            solution = solve_written_out(
                Problem(y[train], alpha, intercept), pricer_for(X[train]), tol=1e-6
            )
            expected[row, fold] = np.mean((solution.fit.predict(X[test])[:, 0] - y[test]) ** 2) / 2
    np.testing.assert_allclose(found.errors, expected, rtol=0.03)
    summary = found.summary(1)
    assert summary["rmse"].mean == pytest.approx(np.sqrt(2 * found.errors[1]).mean(), rel=1e-12)
    assert set(summary) == {"r2", "rmse", "mae"}


def test_same_seed_same_curve():
    X, y = data(40, 2)
    first, again, other = (validated(X, y, seed=seed) for seed in (3, 3, 4))
    assert first.folds == again.folds
    assert first.folds != other.folds


def test_folds_are_stratified():
    """A rare class must be in every fold, or its scores are undefined and alpha is chosen by
    chance."""
    X, _ = data(60, 1)
    y = np.where(np.arange(60) % 12 == 0, 1.0, -1.0)
    found = validated(X, y, task="classification", folds=5)
    assert all(fold.scores["auc"] is not None for folds in found.folds for fold in folds)
    sizes = [
        np.sum(y[test] > 0)
        for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    ]
    assert sizes == [1] * 5


def test_the_path_ends_when_the_error_has_turned():
    """Small alphas cost the most and fit noise: going on would take most of the time for
    nothing."""
    X, y = data(60, 1, noise=1.0)
    top = largest_alpha(Problem(y, 1.0), pricer_for(X))
    grid = alpha_grid(top)
    found = walk(X, y, grid)
    best, last = (
        int(np.flatnonzero(grid == alpha)[0])
        for alpha in (found.alphas[found.chosen("best")], found.alphas[-1])
    )
    stride, patience = path.FINE.stride, path.FINE.patience
    assert abs(last - best - stride * patience) < stride and last < len(grid) - 1
    assert set(grid[: last + 1 : stride]) < set(found.alphas) <= set(grid)


@pytest.mark.parametrize("noise, seed", only([(1.0, 0)], [(1.0, 0), (0.3, 1), (0.3, 2)]))
def test_strides_find_what_all_alphas_do(noise, seed):
    """The best alpha, and the largest within a standard error, at half the looks."""
    X, y = data(60, 1, seed, noise)
    grid = alpha_grid(largest_alpha(Problem(y, 1.0), pricer_for(X)))
    found = walk(X, y, grid, alpha_max=grid[0])
    every = walk(X, y, grid, alpha_max=grid[0], pace=path.Pace(stride=1, patience=8))
    for rule in ("best", "1se"):
        assert found.alphas[found.chosen(rule)] == every.alphas[every.chosen(rule)]
    assert len(found.alphas) < 0.8 * len(every.alphas)


def fold_of(heights: dict[float, float], crowded: bool = False, neurons: int = 1) -> type:
    """A fold whose loss at every alpha is known before."""

    class Fold:
        def __init__(self, *_):
            pass

        def look(self, alpha, settings, largest):
            return HeldOut(heights[alpha], neurons, {}), 0.6 if crowded else 0.0

    return Fold


def test_scores_that_dip_twice_are_followed(monkeypatch):
    """The first dip is 0.1 above the second, seven of the path's alphas later."""
    grid = alpha_grid(1.0)
    heights = dict(zip(grid, [5, 4, 3, 2, 1.1, 1.15, 1.2, 1.25, 1.2, 1.1, 1.05, 1.0, *[1.5] * 99]))

    monkeypatch.setattr(select, "_Fold", fold_of(heights))
    X, y = data(20)
    found = walk(X, y, grid)
    assert found.alphas[found.chosen("best")] == grid[11]
    assert (np.diff(found.alphas) < 0).all() and found.errors[:, 0].tolist() == [
        heights[alpha] for alpha in found.alphas
    ]


def test_among_many_neurons_the_first_rise_ends_the_path(monkeypatch):
    """The same error falls again where neurons are few."""
    grid = alpha_grid(1.0)
    heights = dict(zip(grid, [5, 4, 3, 2, 2.5, 3, 3, 2, *[1.5] * 99]))
    X, y = data(20)
    for crowded in (True, False):
        monkeypatch.setattr(select, "_Fold", fold_of(heights, crowded))
        found = walk(X, y, grid)
        assert (found.alphas[-1] == grid[6]) == crowded
        assert (found.errors.min() == 1.5) != crowded


@pytest.mark.parametrize(
    ("rise", "neurons", "ends"), [(0.012, 300, True), (0.008, 300, False), (0.012, 100, False)]
)
def test_large_networks_are_looked_at_no_more_once_the_error_has_clearly_risen(
    monkeypatch, rise, neurons, ends
):
    """Of what was gained, 3, by more than a hundredth, in two steps. Where it has not, or where
    networks are small, the path goes on and finds a second dip."""
    grid = alpha_grid(1.0)
    seen = [5, 4, 2, 2 + rise, 2 + 3 * rise, 1]
    heights = dict(zip(grid[::2], [*seen, *[1.5] * 99])) | dict.fromkeys(grid[1::2], 4.5)
    monkeypatch.setattr(select, "_Fold", fold_of(heights, neurons=neurons))
    X, y = data(20)
    found = walk(X, y, grid)
    assert (found.errors.min() == 2) == ends
    assert (found.alphas[-1] == grid[8]) == ends


def test_one_rise_however_large_is_no_clear_one():
    assert not curve([5], [2], [4]).has_clearly_risen
    assert curve([5], [2], [2.1], [2.2]).has_clearly_risen
    assert not curve([5], [2], [2.1], [2.2], [2.19]).has_clearly_risen


def test_a_curve_takes_an_alpha_in_its_place():
    made = curve([5, 7], [2, 4], [3, 3])
    more = made.joined_with(0.7, [HeldOut(1.0, 1, {})] * 2)
    assert more.alphas.tolist() == [1, 0.7, 0.5, 0.25]
    np.testing.assert_array_equal(more.errors, [[5, 7], [1, 1], [2, 4], [3, 3]])


def test_what_was_passed_over_beside_the_chosen():
    grid = 2.0 ** -np.arange(9)
    made = Curve(grid[::2], curve([9, 9], [5, 7], [2, 4], [1, 3.5], [3, 3]).folds)
    assert made.chosen("best") == 3 and made.chosen("1se") == 2
    both = ("best", "1se")
    assert made.passed_over(grid, None, both) == grid[[3, 5, 7]].tolist()
    assert made.passed_over(grid, None, ["best"]) == grid[[5, 7]].tolist()
    lone = Curve(grid[::2], [folds[:1] for folds in made.folds])
    assert lone.passed_over(grid, None, both) == grid[[5, 7]].tolist(), "no standard error, no 1se"
    assert Curve(grid[:1], made.folds[:1]).passed_over(grid[:1], None, both) == []


def test_a_deadline_ends_the_path_after_one_alpha():
    X, y = data(30, 1)
    assert len(validated(X, y, deadline=Deadline(0.0)).alphas) == 1


def test_a_deadline_leaves_more_than_the_constant():
    X, y = data(30, 1)
    found = walk(X, y, [0.3, 0.1, 0.03], alpha_max=0.3, deadline=Deadline(0.0))
    sizes = [np.mean([fold.neurons for fold in folds]) for folds in found.folds]
    assert sizes[0] == 0 < sizes[1] and len(sizes) == 2 and found.cut_short


def test_from_alpha_max_on_the_folds_are_constants():
    """Their own alpha_max may be larger; a candidate without neurons is scored without neurons."""
    X, y = data(40, 1)
    top = largest_alpha(Problem(y, 1.0), pricer_for(X))
    splits = list(KFold(4, shuffle=True, random_state=0).split(X))
    own = [largest_alpha(Problem(y[learn], 1.0), pricer_for(X[learn])) for learn, _ in splits]
    assert max(own) > 1.02 * top, "or the test proves nothing"
    found = walk(X, y, [top], alpha_max=top)
    for fold, (learn, test) in zip(found.folds[0], splits):
        assert fold.neurons == 0
        assert fold.scores["rmse"] == pytest.approx(
            np.sqrt(np.mean((y[test] - y[learn].mean()) ** 2))
        )
    assert any(fold.neurons for fold in walk(X, y, [top]).folds[0])


def test_progress_hears_of_every_fit():
    X, y = data(30, 1)
    heard = []
    validated(X, y, folds=3, advance=lambda *step: heard.append(step))
    assert [step[:3] for step in heard[:4]] == [("cross-validation", k, 9) for k in (0, 1, 2, 3)]
    assert heard[0][3].endswith("fold 1 of 3")
    assert heard[-1] == ("cross-validation", 9, 9, "done", 1.0)
    # The way down that lies behind, squared, since work grows as it goes; every second alpha, then
    # the one between.
    way = [0, 1, 2, 6, 7, 8, 3, 4, 5]
    assert [step[4] for step in heard[:9]] == pytest.approx([(k / 9) ** 2 for k in way])


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


# Groups and classes -------------------------------------------------------------------------------


def held_out_rows(X, y, **options):
    """The rows that each fold leaves out, by what its pricer saw; X has distinct first cells."""
    seen = []

    def watching(rows):
        seen.append(rows[:, 0])
        return pricer_for(rows)

    walk(X, y, [10.0], prices=watching, **options)
    return [np.flatnonzero(~np.isin(X[:, 0], rows)) for rows in seen]


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_groups_are_never_split(task):
    """Rows of one patient on both sides would make the score a memory test; every row is still held
    out once."""
    X, y = data(60)
    y = np.where(y > np.median(y), 1.0, -1.0) if task == "classification" else y
    groups = np.random.default_rng(1).permutation(np.repeat(np.arange(12), 5))
    held_out = held_out_rows(X, y, task=task, groups=groups)
    assert len(held_out) == 4 and sorted(np.concatenate(held_out)) == list(range(60))
    for rows in held_out:
        assert not set(groups[rows]) & set(np.delete(groups, rows))
    plain = held_out_rows(X, y, task=task)
    assert any(set(groups[rows]) & set(np.delete(groups, rows)) for rows in plain), (
        "or the test proves nothing"
    )


def test_grouped_folds_are_stratified_too():
    """Groups of one class each: every fold gets some of both."""
    X, _ = data(60)
    groups = np.repeat(np.arange(20), 3)
    y = np.where(groups % 5 == 0, 1.0, -1.0)
    held_out = held_out_rows(X, y, task="classification", groups=groups)
    assert [np.sum(y[rows] > 0) for rows in held_out] == [3] * 4


def test_folds_of_several_classes_are_stratified():
    X, _ = data(60)
    codes = np.arange(60) % 12 // 4 % 3
    y = np.where(codes[:, None] == np.arange(3), 1.0, -1.0)
    held_out = held_out_rows(X, y, task="classification", loss="logistic")
    assert [np.bincount(codes[rows]).tolist() for rows in held_out] == [[5, 5, 5]] * 4


def test_a_class_of_fewer_rows_than_folds_is_grouped_without_a_warning():
    """Two rows in two groups, three folds: they cannot be spread over all, and need not be."""
    X, groups = np.arange(24.0)[:, None], np.repeat(np.arange(8), 3)
    y = np.where(np.isin(np.arange(24), [2, 21]), 1.0, -1.0)
    held_out = held_out_rows(X, y, task="classification", groups=groups)
    assert all(not set(groups[rows]) & set(np.delete(groups, rows)) for rows in held_out)


@pytest.mark.parametrize(
    "task, y, groups, words",
    [
        ("regression", np.arange(3.0), None, "3 rows cannot be split into 4 folds"),
        (
            "regression",
            np.arange(9.0),
            np.repeat([0, 1, 2], 3),
            "3 groups cannot be split into 4 folds",
        ),
        ("regression", np.arange(9.0), np.zeros(9, int), "1 group cannot be split"),
        (
            "classification",
            np.array([1.0] * 3 + [-1] * 9),
            None,
            "3 rows of the smallest class cannot be split",
        ),
        (
            "classification",
            np.array([1.0] * 1 + [-1] * 9),
            None,
            "1 row of the smallest class cannot be split",
        ),
        (
            "classification",
            np.array([1.0] * 4 + [-1] * 12),
            np.repeat([0, 1, 2, 3], 4),
            "a fold would have to learn without one of the classes",
        ),
    ],
    ids=["rows", "groups", "one group", "a class", "one row", "a class in one group"],
)
def test_impossible_splits_are_refused(task, y, groups, words):
    X = np.arange(len(y), dtype=float)[:, None]
    with pytest.raises(FitError, match=words) as caught:
        walk(X, y, [10.0], task, groups=groups)
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_scoring_that_is_undefined_in_a_fold_is_refused():
    """All rows of a class in one group, but for one: a fold without them has no AUC to choose
    by."""
    X, _ = data(40)
    groups = np.repeat(np.arange(4), 10)
    y = np.full(40, -1.0)
    y[[0, 1, 2, 3, 11]] = 1
    with pytest.raises(FitError, match="--scoring auc is undefined in a fold"):
        walk(X, y, [10.0], "classification", groups=groups, scoring="auc")
    assert len(walk(X, y, [10.0], "classification", groups=groups, scoring="accuracy").folds) == 1


@pytest.mark.parametrize("scoring", ["r2", "rmse", "mae"])
def test_scoring_picks_what_it_says(scoring):
    X, y = data(60, noise=0.8)
    found = validated(X, y, ratios=alpha_grid(1.0)[:20], scoring=scoring)
    means = [np.mean([fold.scores[scoring] for fold in folds]) for folds in found.folds]
    assert found.chosen("best") == (np.argmax(means) if scoring == "r2" else np.argmin(means))
    assert 0 < found.chosen("best")


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_alphas_are_chosen_by_the_loss_that_was_minimised(loss):
    """By default; accuracy is flat and noisy between alphas."""
    X, y = data(60)
    y = np.where(y + 0.5 * np.random.default_rng(5).normal(size=60) > np.median(y), 1.0, -1.0)
    alphas = [0.1, 0.03, 0.01]
    found = walk(X, y, alphas, "classification", loss=loss)
    splits = list(StratifiedKFold(4, shuffle=True, random_state=0).split(X, y > 0))
    for row, alpha in zip(found.errors, alphas):
        for error, (train, test) in zip(row, splits):
            problem = Problem(y[train], alpha, True, LOSSES[loss])
            output = solve(problem, pricer_for(X[train]), tol=1e-9).fit.predict(X[test])[:, 0]
            slow = (
                np.mean((output - y[test]) ** 2) / 2
                if loss == "squared"
                else np.mean(np.log1p(np.exp(-y[test] * output)))
            )
            assert error == pytest.approx(slow, rel=0.02)
    fold = found.folds[0][0]
    assert (fold.scores["log_loss"] is None) == (loss == "squared")
    assert loss == "squared" or fold.scores["log_loss"] == pytest.approx(fold.loss)


def test_refitted_folds_score_refitted_networks():
    """Or the alpha is chosen for networks that nobody gets."""
    X, y = data(40)
    top = largest_alpha(Problem(y, 1.0), pricer_for(X))
    found = walk(X, y, [0.3 * top], refit=True)
    for fold, (train, test) in zip(found.folds[0], KFold(4, shuffle=True, random_state=0).split(X)):
        wedges = solve(Problem(y[train], 0.3 * top), pricer_for(X[train]), tol=1e-9).fit.wedges
        K = np.column_stack([np.ones(len(train)), wedges.hinges(X[train])])
        slow = np.linalg.lstsq(K, y[train])[0]
        output = np.column_stack([np.ones(len(test)), wedges.hinges(X[test])]) @ slow
        assert fold.scores["rmse"] == pytest.approx(
            np.sqrt(np.mean((output - y[test]) ** 2)), rel=1e-2
        )


# Scores -------------------------------------------------------------------------------------------


def scored(y, output, task, loss="squared", weights=None):
    y, output = (np.reshape(part, (len(y), -1)).astype(float) for part in (y, output))
    return score_values(Sample(np.zeros((len(y), 1)), y, task, weights), output, LOSSES[loss])


def test_regression_scores_by_hand():
    assert scored([0, 2, 4], [0, 2, 1], "regression") == {
        "r2": pytest.approx(1 - 9 / 8), "rmse": pytest.approx(np.sqrt(3)), "mae": pytest.approx(1)
    }  # fmt: skip


@pytest.mark.parametrize("y", [[1.0], [2.0, 2.0]])
def test_r2_is_undefined_without_variation(y):
    """A fold of one row: null, not a warning, not NaN."""
    assert scored(y, np.zeros(len(y)), "regression")["r2"] is None


def test_classification_scores(rng):
    y, output = np.where(rng.random(50) < 0.4, 1.0, -1.0), rng.normal(size=50)
    found = scored(y, output, "classification")
    assert found["accuracy"] == np.mean((output > 0) == (y > 0))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, output))
    assert found["log_loss"] is None, "a squared loss gives no probabilities"
    logistic = scored(y, output, "classification", "logistic")
    assert logistic == found | {"log_loss": pytest.approx(np.mean(np.log1p(np.exp(-y * output))))}
    assert scored(np.ones(3), np.ones(3), "classification")["auc"] is None


def test_scores_of_several_classes(rng):
    """The auc is the mean over each class against the rest; probabilities add up to one."""
    codes = np.arange(40) % 3
    y, output = np.where(codes[:, None] == np.arange(3), 1.0, -1.0), rng.normal(size=(40, 3))
    weights = rng.exponential(size=40)
    found = scored(y, output, "classification", "logistic", weights)
    each = 1 / (1 + np.exp(-output))
    each /= each.sum(axis=1, keepdims=True)
    decided = output.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(np.average(decided == codes, weights=weights))
    assert found["log_loss"] == pytest.approx(
        np.average(-np.log(each[np.arange(40), codes]), weights=weights)
    )
    areas = [metrics.roc_auc_score(codes == k, each[:, k], sample_weight=weights) for k in range(3)]
    assert found["auc"] == pytest.approx(np.mean(areas))
    assert scored(y, output, "classification")["auc"] is None
    assert scored(y[codes < 2], output[codes < 2], "classification", "logistic")["auc"] is None, (
        "a class is missing"
    )


def test_weighted_scores_are_those_of_repeated_rows(rng):
    y, output, times = rng.normal(size=12), rng.normal(size=12), rng.integers(1, 5, size=12)
    rows = np.repeat(np.arange(12), times)
    assert scored(y, output, "regression", weights=times) == pytest.approx(
        scored(y[rows], output[rows], "regression")
    )
    y = np.where(y > 0, 1.0, -1.0)
    weighted = scored(y, output, "classification", "logistic", times)
    assert weighted == pytest.approx(scored(y[rows], output[rows], "classification", "logistic"))


def numbers(rows, **more):
    """A sample of so many rows for a regression."""
    return Sample(np.zeros((rows, 1)), np.zeros((rows, 1)), "regression", **more)


@pytest.mark.parametrize(
    ("settings", "rows", "folds"),
    [
        (Settings(), 4999, 5),
        (Settings(), 5000, 1),
        (Settings(rule="1se"), 5000, 2),
        (Settings(layers="auto"), 5000, 2),
        (Settings(calibrate=True), 5000, 2),
        (Settings(cv=7), 5000, 7),
        (Settings(cv=[((0, 1), (2,))] * 3), 5000, 3),
        (Settings(intervals=True), 4999, 10),
        (Settings(intervals=True), 5000, 1),
        (Settings(intervals=True, cv=5), 4999, 5),
    ],
)
def test_large_tables_hold_out_one_part_unless_folds_are_compared(settings, rows, folds):
    assert folds_walked(settings, numbers(rows)) == folds


@pytest.mark.parametrize(
    ("sample", "folds"),
    [
        (numbers(40), 10),
        (numbers(7), 7),
        (numbers(40, groups=np.arange(40) % 8), 8),
        (numbers(40, times=np.arange(40.0)), 5),
    ],
)
def test_intervals_hold_out_smaller_parts_where_there_are_as_many(sample, folds):
    """Residuals are then of networks that learnt from more rows. In the order of time more blocks
    would leave the first of them less to learn from."""
    splits = checked_splits(sample, Settings(intervals=True))
    held_out = np.concatenate([test for _, test in splits])
    assert len(splits) == folds == folds_walked(Settings(intervals=True), sample)
    assert len(np.unique(held_out)) == len(held_out)


@pytest.mark.parametrize("timed", [False, True])
def test_the_one_part_is_the_first_of_five_or_the_last_in_time(monkeypatch, timed):
    monkeypatch.setattr("wedgefit.learning.splits.ROWS_FOR_ONE", 30)
    X, y = data(40)
    sample = Sample(X, y[:, None], "regression", times=np.arange(40.0) if timed else None)
    five = checked_splits(sample, Settings(cv=5))
    ((learn, test),) = checked_splits(sample, Settings())
    np.testing.assert_array_equal(test, five[-1 if timed else 0][1])
    np.testing.assert_array_equal(learn, five[-1 if timed else 0][0])


@pytest.mark.parametrize("rare, parts", [(1, None), (2, 2), (3, 3), (5, 5), (9, 5)])
def test_a_rare_class_makes_fewer_parts_and_no_more_folds(rare, parts, monkeypatch):
    """Of which a large table holds out one all the same. Folds that were asked for stay."""
    X, labels = np.arange(30.0)[:, None], np.where(np.arange(30) < rare, 1.0, -1.0)
    sample = Sample(X, labels[:, None], "classification")
    if parts is None:
        with pytest.raises(FitError, match="takes 2 rows of the smallest class, and there is 1"):
            checked_splits(sample, Settings())
        return
    assert len(checked_splits(sample, Settings())) == parts
    monkeypatch.setattr("wedgefit.learning.splits.ROWS_FOR_ONE", 30)
    ((learn, test),) = checked_splits(sample, Settings())
    assert len(test) == 30 // parts and 0 < np.count_nonzero(labels[learn] > 0) < rare
    if rare < 5:
        with pytest.raises(FitError, match="smallest class cannot be split into 5 folds"):
            checked_splits(sample, Settings(cv=5))


@pytest.mark.parametrize(
    "rows, told, words, remedy",
    [
        (3, {}, "takes 5 rows unless --cv says otherwise, and there are 3.", "Try --cv 3, or"),
        (4, {"groups": [0, 0, 1, 1]}, "takes 5 groups unless --cv says otherwise, and there are 2.",
         "Try --cv 2, or"),
        (9, {"groups": [7] * 9}, "takes 5 groups unless --cv says otherwise, and there is 1.",
         "Use more rows, or"),
        (5, {"times": range(5)}, "takes 6 different times .* there are 5.", "Try --cv 4, or"),
    ],
)  # fmt: skip
def test_folds_that_nobody_asked_for_are_not_what_is_wrong(rows, told, words, remedy):
    """But what there is too little of; and what is to be tried then works."""
    X, y = data(rows)
    told = {name: np.array(values) for name, values in told.items()}
    sample = Sample(X, y[:, None], "regression", **told)
    with pytest.raises(FitError, match=words) as refused:
        checked_splits(sample, Settings())
    assert refused.value.remedy.startswith(remedy)
    assert refused.value.remedy.endswith("give --alpha or --alpha-ratio.")
    if fewer := re.search(r"--cv (\d+)", remedy):
        assert len(checked_splits(sample, Settings(cv=int(fewer[1])))) == int(fewer[1])


def test_paths_of_large_tables_end_where_networks_are_too_large_to_read():
    """Unless so many neurons were asked for."""
    X, y = data(40)
    pace = path.Pace(stride=1, most_neurons=2)
    alphas = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001]
    short = walk(X, y, alphas, pace=pace)
    assert 0.001 not in short.alphas
    assert short.sizes[-1] > 2 >= short.sizes[:-1].max(), "none looked at beyond the first of them"
    longer = walk(X, y, alphas, pace=pace, max_neurons=30)
    assert len(longer.alphas) > len(short.alphas)


def test_a_path_ends_where_networks_are_four_times_as_large_as_they_may_be():
    """And chooses as if it had been walked to its end."""
    X, y = data(60, d=2)
    alphas = np.geomspace(0.5, 1e-4, 24)
    whole = walk(X, y, alphas, pace=path.Pace(stride=1, patience=24, fold_tol=1e-3))
    for most in (2, 4):
        short = walk(X, y, alphas, max_neurons=most, pace=path.Pace(stride=1, fold_tol=1e-3))
        assert len(short.alphas) < len(whole.alphas) and short.sizes.max() > 4 * most
        (once,) = np.flatnonzero(short.sizes > 4 * most)
        for rule in ("best", "1se"):
            here, there = (curve.chosen(rule, most) for curve in (short, whole))
            assert short.alphas[here] == whole.alphas[there]


def test_the_gap_that_is_wanted_by_default_is_wider_for_large_tables():
    assert path.gap_wanted("auto", path.LARGE - 1) == 1e-6
    assert path.gap_wanted("auto", path.LARGE) == 1e-2
    assert path.gap_wanted(1e-4, path.LARGE) == 1e-4
