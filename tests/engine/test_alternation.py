"""Alternating over layers: what is asked for scores above alpha by brute force, the network that is
there moves unchanged, and the objective never rises."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from quick import only

from wedgefit.engine.alternation import ASKED, alternated, asked_for, moved
from wedgefit.engine.dictionary import Dictionary, orders_for
from wedgefit.engine.layers import Stage, composed, solve_stage
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.watch import Deadline

TOL = 1e-6


def pricer(X):
    return Pricer(Dictionary(X, orders_for(min(2, X.shape[1]), 1, X.shape[1]), 1, True), jobs=1)


def posed(kind, seed, rows=30):
    """Rows of three columns whose product decides, as numbers, two numbers, or two classes."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 3))
    y = X.prod(axis=1) * 8 + 0.1 * rng.normal(size=rows)
    if kind == "targets":
        return X, Problem(np.column_stack([y, X[:, 0] * X[:, 1]]), 0.05)
    if kind == "classes":
        return X, Problem(np.where(y > 0, 1.0, -1.0), 0.01, loss=LOSSES["logistic"])
    return X, Problem(y, 0.03)


def two_stages(X, problem):
    solve = partial(solve_stage, problem, X, pricer, tol=TOL, exact=False)
    first = solve()
    return first, solve(first)


def after(X, problem, first, second, turns):
    return alternated(
        problem,
        first,
        second,
        pricer(X),
        lambda stage, begin: solve_stage(
            problem, X, pricer, stage, begin=begin, tol=TOL, exact=False
        ),
        turns=turns,
        tol=TOL,
        deadline=Deadline(),
    )


@pytest.mark.parametrize("kind", only(["numbers", "classes"], ["numbers", "targets", "classes"]))
def test_the_objective_never_rises_and_falls_by_turns(kind):
    X, problem = posed(kind, 0)
    first, second = two_stages(X, problem)
    objective = second.objective
    for turns in (1, 2):
        below, stage = after(X, problem, first, second, turns)
        assert stage.objective <= objective
        objective = stage.objective
    assert 1 - objective / second.objective > 0.005
    # The layer below is what it was, but for what it hands on.
    assert below.solution is first.solution
    # The network that comes out is that of the last stage.
    deep = composed([below, stage])
    np.testing.assert_allclose(deep.predict(X), stage.fit.output, atol=1e-9)
    assert deep.network().forward(X) == pytest.approx(stage.fit.output, abs=1e-9)


def test_what_is_asked_for_pays_by_brute_force():
    X, problem = posed("numbers", 0)
    first, second = two_stages(X, problem)
    asked = asked_for(problem, first, second, first.units, pricer(X))
    assert 0 < len(asked) <= ASKED
    dual = problem.dual_point(second.fit.combined)[:, 0]
    active = second.fit.wedges.hinges(second.X) > 0
    scores = np.abs((active.T * dual) @ asked.hinges(X)).max(axis=0)
    assert np.all(scores > problem.alpha) and scores.argmax() == 0
    # Nothing scores more for any of the neurons: every wedge written out.
    every = pricer(X).dictionary.written_out()
    every = every.joined_with(every.flipped(-np.ones(len(every))))
    rest = np.abs((active.T * dual) @ every.hinges(X))
    there = np.round(np.column_stack([first.units.normals, first.units.offsets]), 9)
    planes = np.round(np.column_stack([every.normals, every.offsets]), 9)
    known = (planes[:, None] == there).all(axis=2).any(axis=1)
    assert scores[0] == pytest.approx(rest[:, ~known].max(), rel=1e-9)
    for plane in (asked, asked.flipped(-np.ones(len(asked)))):
        mine = np.round(np.column_stack([plane.normals, plane.offsets]), 9)
        assert not (mine[:, None] == there).all(axis=2).any()


def test_a_network_that_moves_to_wider_inputs_stays_the_same():
    X, problem = posed("targets", 1)
    first, second = two_stages(X, problem)
    wider = replace(first, more=asked_for(problem, first, second, first.units, pricer(X)))
    there = moved(second.fit, first.units, wider.units)
    # The products of wider matrices are added in another order.
    np.testing.assert_allclose(
        there.wedges.hinges(wider.activations), second.fit.wedges.hinges(second.X), atol=1e-14
    )
    columns = there.wedges.columns
    assert np.all((np.diff(columns, axis=1) > 0) | (columns[:, 1:] < 0))
    assert np.all(np.take_along_axis(there.wedges.normals, columns, axis=1)[columns >= 0] != 0)


def test_a_turn_that_gains_nothing_or_comes_too_late_changes_nothing():
    X, problem = posed("numbers", 2)
    first, second = two_stages(X, problem)
    assert after(X, problem, first, second, 0) == (first, second)
    late = Deadline(1e-9)
    assert late.due()
    same = alternated(problem, first, second, pricer(X), None, turns=3, tol=TOL, deadline=late)
    assert same == (first, second)

    def no_better(stage: Stage, begin) -> Stage:
        return second

    kept = alternated(
        problem, first, second, pricer(X), no_better, turns=3, tol=TOL, deadline=Deadline()
    )
    assert kept == (first, second)
