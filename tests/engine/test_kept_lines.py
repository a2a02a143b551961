"""All pencils of a pair at once, by lines that are kept: beside sweeps pencil by pencil."""

import numpy as np
import pytest

from wedgefit.engine import coinciding, instruments, kept_lines
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.coinciding import Clouds
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.kept_lines import KeptLines, lines_among, lines_to_keep
from wedgefit.engine.pencil import Pencils
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.engine.workers import Threads


def awkward(rng, n=70):
    """Columns with many zeros, of 0/1, of whole numbers, far from the origin, and one that repeats
    another up to rounding; some rows coincide."""
    X = rng.normal(size=(n, 7))
    X[:, 0] = np.maximum(X[:, 0], 0.0)
    X[:, 1] = np.maximum(-X[:, 1], 0.0)
    X[:, 2] = rng.integers(2, size=n)
    X[:, 3] = rng.integers(5, size=n)
    X[:, 4] += 1e6
    X[:, 6] = X[:, 5] * (1 + 1e-15 * rng.integers(-1, 2, size=n))
    X[n // 2 : n // 2 + 5] = X[:5]
    return X


def clouds_of(dictionary):
    return Clouds.of(dictionary.X.T, dictionary.column_sets(2), few=256)


def kept(X, jobs=2):
    dictionary = Dictionary(X, (1, 2), 1, True)
    return dictionary, KeptLines(dictionary, clouds_of(dictionary), Threads(jobs))


def dual(rng, n, targets):
    v = rng.normal(size=(n, targets))
    return v - v.mean(axis=0)


def test_lines_are_those_of_all_points_by_slope(rng):
    dictionary, lines = kept(awkward(rng))
    assert len(lines.clouds) == 21 and len(lines) == lines_among(lines.clouds.sizes).sum()
    for number, lot in enumerate(lines._lots):
        for k, some in zip(lot.numbers, np.split(lines.lines_of(number), lot.starts[1:-1])):
            i, j = np.divmod(some.astype(int), 256)
            x, y = lines.clouds.of_pair(k) / dictionary.scales[lines.clouds.pairs[k]][:, None]
            assert np.all(i < j) and len(np.unique(some)) == len(some)
            assert len(some) == lines_among(len(x))
            angles = np.arctan2(y[j] - y[i], x[j] - x[i])
            assert np.all(np.diff(angles) >= -1e-9)


def test_without_memory_lines_are_sorted_again_and_the_same(rng, monkeypatch):
    monkeypatch.setattr(kept_lines, "BLOCK", 5_000)
    X = awkward(rng)
    dictionary, whole = kept(X)
    some = KeptLines(dictionary, whole.clouds, Threads(2), memory=len(whole))
    assert 2 < len(some._sorted) < len(some._lots) - 2 and len(some) == len(whole)
    v = dual(rng, len(X), 1)
    ours, theirs = whole.swept(v, 0.0), some.swept(v, 0.0)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    np.testing.assert_array_equal(ours.samples, theirs.samples)


@pytest.mark.parametrize("targets", [1, 2])
def test_pencils_score_as_when_each_is_swept(targets, rng):
    """The best of each, where all lines count; above a floor those that lie there."""
    X = awkward(rng)
    dictionary, lines = kept(X)
    v, pricer = dual(rng, len(X), targets), Pricer(dictionary)
    blocks = list(pricer.nominations.every(2))
    single = pricer._sweep(blocks, [], v, pricer._outlook(v, np.inf, False, False, 1.0, None))
    best = {}
    for (a, b), (row,), score in zip(
        single.pencils.columns.tolist(), single.pencils.fixed.tolist(), single.scores
    ):
        point = a, b, *X[row, [a, b]]
        best[point] = max(best.get(point, 0.0), score)
    for floor in (-1.0, 0.5 * max(best.values())):
        found = lines.swept(v, floor)
        ours = {
            (a, b, *X[row, [a, b]]): score
            for (a, b), (row,), score in zip(
                found.pencils.columns.tolist(), found.pencils.fixed.tolist(), found.scores
            )
        }
        assert len(ours) == len(found.scores)
        missed = [score for point, score in best.items() if point not in ours]
        assert max(missed, default=0.0) <= max(floor, 1e-9)
        for point, score in ours.items():
            if score > floor:
                assert score == pytest.approx(best[point], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("targets", [1, 2])
def test_the_samples_are_those_of_a_wedge_that_scores_so_much(targets, rng):
    X = awkward(rng)
    dictionary, lines = kept(X)
    v = dual(rng, len(X), targets)
    found = lines.swept(v, np.inf)
    which = found.scores > 0.01 * found.scores.max()
    assert len(np.unique(found.pencils.columns[which], axis=0)) >= 20
    through = np.sort(np.column_stack([found.pencils.fixed, found.samples]), axis=1)[which]
    wedges, sound = dictionary.wedges(found.pencils.columns[which], through)
    sides = [wedges.hinges(X).T @ v, wedges.flipped(-np.ones(len(wedges))).hinges(X).T @ v]
    scores = np.linalg.norm(sides, axis=2).max(axis=0)
    assert sound.all()
    np.testing.assert_allclose(scores, found.scores[which], rtol=1e-7)


def problem(rng, n=120, columns=40):
    X = rng.normal(size=(n, columns))
    X[:, ::2] = np.maximum(X[:, ::2], 0.0)
    y = np.abs(X[:, 1]) + np.maximum(X[:, 3] - X[:, 4], 0.0) + 0.3 * rng.normal(size=n)
    return Dictionary(X, (1, 2), 1, True), y


def test_when_bounds_take_long_lines_are_kept_and_prove_the_same(rng, monkeypatch):
    dictionary, y = problem(rng)
    solutions = []
    for lines_per_visit in (0.1, 1e9):
        monkeypatch.setattr(instruments, "LINES_PER_VISIT", lines_per_visit)
        pricer = Pricer(dictionary)
        alpha = 0.02 * largest_alpha(Problem(y, 1.0), pricer)
        assert pricer.bounds and not pricer._so_far.by_lines
        solutions.append(solve(Problem(y, alpha), pricer, tol=1e-6))
        assert pricer._so_far.by_lines == (lines_per_visit > 1)
        assert pricer.sibling()._so_far.by_lines == pricer._so_far.by_lines
        assert not pricer.proving_again(by_lines=False)._so_far.by_lines
    bounded, kept_ = (solution.certificate for solution in solutions)
    assert bounded.scope == kept_.scope == "exact" and bounded.bounded and not kept_.bounded
    assert kept_.objective == pytest.approx(bounded.objective, rel=2e-6)
    assert kept_.lower_bound >= bounded.lower_bound * (1 - 2e-6)
    assert kept_.wedges_priced == kept_.wedges_total == dictionary.size


def test_a_full_round_by_lines_finds_what_sweeping_every_pencil_finds(rng, monkeypatch):
    dictionary, y = problem(rng)
    v, priced = dual(rng, len(y), 1), []
    for keeps in (True, False):
        pricer = Pricer(dictionary)
        if keeps:
            pricer._so_far.by_lines = True
        else:
            pricer._instruments.bounder = None
        alpha = 0.6 * np.abs(dictionary.X.T @ v).max()
        priced.append(pricer.price(v, alpha, dictionary.none(), every_pencil=True))
    ours, swept = priced
    assert ours.exact and not ours.bounded and ours.bound == pytest.approx(swept.bound, rel=1e-12)
    np.testing.assert_allclose(ours.scores, swept.scores, rtol=1e-12)
    assert len(ours.scores) > 20
    np.testing.assert_array_equal(ours.wedges.samples, swept.wedges.samples)


@pytest.mark.parametrize(
    "norm, bias, points, most",
    [(2, True, 60, 1e8), (1, False, 60, 1e8), (1, True, 257, 1e8), (1, True, 60, 1e3)],
)
def test_where_lines_are_not_kept(norm, bias, points, most, rng, monkeypatch):
    monkeypatch.setattr(kept_lines, "MOST_LINES", most)
    X = rng.permutation(np.arange(points))[:, None] * np.ones(3) + [0, 1, 2]
    pairs = Clouds.of(X.T, np.array([[0, 1], [0, 2], [1, 2]]))
    assert np.isinf(lines_to_keep(Dictionary(X, (1, 2), norm, bias), pairs))


def test_points_count_not_rows(rng):
    X = rng.integers(4, size=(3_000, 3)).astype(float)
    clouds = Clouds.of(X.T, np.array([[0, 1], [0, 2], [1, 2]]))
    assert lines_to_keep(Dictionary(X, (1, 2), 1, True), clouds) == 3 * 16 * 15 / 2
    dictionary, lines = kept(X)
    v = dual(rng, 3_000, 1)
    found = lines.swept(v, np.inf)
    pencils = Pencils(found.pencils.columns, found.pencils.fixed)
    alone = Pricer(dictionary)._sweep(
        [pencils], [], v, Pricer(dictionary)._outlook(v, np.inf, False, False, 1.0, None)
    )
    assert found.scores.max() == pytest.approx(alone.scores.max(), rel=1e-9)


def test_where_points_are_too_many_to_keep_lines_are_not_kept(rng, monkeypatch):
    """Pairs whose points are not kept would be priced by nobody."""
    dictionary = Dictionary(rng.normal(size=(30, 5)), (1, 2), 1, True)
    for most, lines in ((300, 4350), (299, np.inf)):
        monkeypatch.setattr(coinciding, "MOST_POINTS", most)
        clouds = Clouds.of(dictionary.X.T, dictionary.column_sets(2))
        assert lines_to_keep(dictionary, clouds) == lines
    assert len(kept(dictionary.X)[1].clouds) < dictionary.sets_of(2)


def test_points_that_bounds_do_not_tell_apart_are_not_too_many(rng, monkeypatch):
    """Of numbers near zero bounds keep no digits beside the middle of their column: the points that
    are counted are those whose lines are kept."""
    X = rng.integers(15, size=(2_000, 2)) + rng.choice([0.0, 1e-17, 2e-17], size=(2_000, 2))
    X = np.column_stack([X, rng.integers(2, size=2_000)])
    assert len(np.unique(X[:, :2], axis=0)) > 256
    dictionary, v = Dictionary(X, (1, 2), 1, True), dual(rng, 2_000, 1)
    monkeypatch.setattr(instruments, "LINES_PER_VISIT", 1e9)
    monkeypatch.setattr(
        instruments,
        "bounder_for",
        lambda told, *_: Bounder(told.X, told.column_sets(2), norm=1, bias=True),
    )
    pricer, swept = Pricer(dictionary), Pricer(dictionary)
    swept._instruments.bounder = None
    alpha = 1.001 * swept.price(v, np.inf, dictionary.none(), every_pencil=True).bound
    ours, theirs = (
        each.price(v, alpha, dictionary.none(), every_pencil=True, sharp=1e-12)
        for each in (pricer, swept)
    )
    assert pricer._instruments.lines.clouds.sizes.max() <= 256
    assert ours.exact and ours.bound == pytest.approx(theirs.bound, rel=1e-12)


def test_numbers_too_small_for_their_scale_are_sorted_among_the_others(rng):
    X = np.array([[1e-314, 0.0], [2e-314, 0.0], [1e12, 1.0], [3e11, 0.5], [7e11, 0.1]])
    dictionary, lines = kept(X, jobs=1)
    assert sorted(lines.lines_of(0)) == [i << 8 | j for i in range(5) for j in range(i + 1, 5)]
    v = dual(rng, 5, 1)
    pricer = Pricer(dictionary)
    every = pricer._sweep(
        list(pricer.nominations.every(2)),
        [],
        v,
        pricer._outlook(v, np.inf, False, False, 1.0, None),
    )
    assert lines.swept(v, np.inf).scores.max() == pytest.approx(every.scores.max(), rel=1e-12)


def test_a_proof_asked_for_again_is_remembered(rng):
    """However many rows bounds may still visit before lines are sorted, and it costs none."""
    dictionary, y = problem(rng)
    pricer, v = Pricer(dictionary), dual(rng, len(y), 1)
    alpha = 1.001 * pricer.price(v, np.inf, dictionary.none(), every_pencil=True).bound
    told, found = pricer._instruments, []
    for _ in range(2):
        pricer.price(v, alpha, dictionary.none(), every_pencil=True, sharp=1e-6)
        found.append((pricer._so_far.halved, told.bounder._last.found))
    assert not pricer._so_far.by_lines and 0 < found[0][0] == found[1][0] < told._worth
    assert found[0][1] is found[1][1]


def test_points_that_differ_by_rounding_make_no_line():
    """It would tie with a line that is one, and stand for it."""
    X = np.array([[0.0, 0.0], [1e-14, 0.0], [1.0, 0.0], [0.3, 1.0]])
    _, lines = kept(X)
    found = lines.swept(np.array([[-0.5], [-0.5], [0.2], [0.8]]), 0.0)
    assert sorted(found.pencils.fixed[:2, 0]) == [0, 1]
    assert set(found.samples[:2]) == {2} and found.scores[0] == pytest.approx(0.8)


def test_bounds_end_at_once_where_they_will_not_do(rng):
    """Where halving all that is open takes more than is allowed; else some of it is."""
    dictionary, _ = problem(rng)
    bounder = Pricer(dictionary)._instruments.bounder
    v = dual(rng, len(dictionary.X), 1)
    first = bounder.first_look
    search = lambda allowed, **how: bounder.search(v, 0.0, 1e-9, allowed, **how)
    enough = search(np.inf)
    part, none = search(1.2 * first), search(1.01 * first, whole=True)
    assert part.cut_short and first < part.visits <= 1.2 * first < enough.visits
    assert none.cut_short and none.visits < 0.1 * first and none.bound == np.inf
    whole = search(2.5 * first, whole=True)
    assert not whole.cut_short and whole.bound == enough.bound <= part.bound
