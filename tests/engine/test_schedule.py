"""How hard to try next, and when it is enough, without a fit; and fits that run out of time."""

from types import SimpleNamespace

import numpy as np
import pytest

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.schedule import IDLE_ROUNDS, ROUNDS_FOR_DIGITS, Schedule, Status
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.watch import Deadline


def schedule(
    exact=True, tol=1e-6, cheap=False, quick=False, seconds=None, scouts=False, partial=np.inf
):
    pricer = SimpleNamespace(
        scouts=scouts,
        full_rounds_only=cheap,
        full_rounds_are_quick=quick,
        full_round_seconds=5.0,
        partial_round_visits=partial,
        refine=False,
    )
    return Schedule(pricer, tol, exact, Deadline(seconds))


def heard(schedule, gap, fresh=1, objective=1.0, neurons=1, visits=0):
    """One round: whether every wedge was priced, and the verdict."""
    schedule.begin(neurons)
    every = schedule.every_pencil
    certificate = SimpleNamespace(objective=objective, relative_gap=gap, network_relative_gap=None)
    priced = SimpleNamespace(exact=every, bounded=False, cut_short=False, visits=visits)
    return every, schedule.verdict(certificate, priced, fresh)


def test_a_proof_ends_only_on_a_round_over_every_wedge():
    course = schedule()
    assert heard(course, 0.5, objective=3.0, neurons=0) == (True, None)
    assert heard(course, 0.1, objective=2.0) == (False, None), "far away partial rounds will do"
    assert heard(course, 1e-7, objective=1.0) == (False, None), "no proof yet"
    assert heard(course, 1e-7, objective=0.9) == (True, Status.CONVERGED)


def test_where_full_rounds_are_cheap_there_are_no_others():
    course = schedule(cheap=True)
    assert [heard(course, gap, objective=gap)[0] for gap in (0.5, 0.1, 0.01)] == [True] * 3


def test_after_a_proof_that_took_longer_partial_rounds_come_before_the_next():
    course = schedule(cheap=True, partial=100)
    assert heard(course, 0.1, objective=4.0, visits=100) == (True, None)
    assert heard(course, 0.1, objective=3.0, visits=101) == (True, None)
    assert heard(course, 0.1, objective=2.0) == (False, None)
    assert heard(course, 1e-7, objective=1.0) == (False, None), "no proof yet"
    assert heard(course, 1e-7, objective=1.0) == (True, Status.CONVERGED)


def test_where_full_rounds_are_quick_the_proof_goes_on_to_where_digits_end():
    assert heard(schedule(quick=True), 1e-8) == (True, None)
    assert heard(schedule(quick=True), 1e-10) == (True, Status.CONVERGED)
    assert heard(schedule(quick=False), 1e-8, neurons=0) == (True, Status.CONVERGED)


def test_digits_that_do_not_come_are_not_waited_for():
    course = schedule(cheap=True, quick=True)
    rounds = [heard(course, 1e-7, objective=1 - 1e-9 * k)[1] for k in range(ROUNDS_FOR_DIGITS + 1)]
    assert rounds == [None] * ROUNDS_FOR_DIGITS + [Status.CONVERGED]
    slow = schedule(cheap=True, quick=True)
    far = [heard(slow, 1e-5, objective=1 - 1e-9 * k)[1] for k in range(ROUNDS_FOR_DIGITS + 3)]
    assert set(far) == {None}, "those that were asked for are"


def test_a_warm_start_begins_with_a_partial_round_where_full_ones_are_long():
    course = schedule()
    assert heard(course, 1e-7) == (False, None)
    assert heard(course, 1e-7) == (True, Status.CONVERGED)


def test_where_partial_rounds_look_at_all_pairs_they_come_first_and_one_is_enough():
    assert heard(schedule(scouts=True), 1e-7, neurons=0) == (False, None)
    assert heard(schedule(scouts=True, exact=False), 1e-7) == (False, Status.CONVERGED)
    assert heard(schedule(exact=False), 1e-7) == (False, None)


def test_a_sampled_fit_looks_twice_the_second_time_thoroughly():
    course = schedule(exact=False)
    assert not course.thorough
    assert heard(course, 1e-7) == (False, None)
    assert course.thorough
    assert heard(course, 1e-7) == (False, Status.CONVERGED)


def test_nothing_new_and_nothing_gained_is_the_end():
    course = schedule()
    stalled = heard(course, 0.5, fresh=0, neurons=0)
    assert stalled == (True, Status.STALLED), "the finest Lasso, no wedge left"
    course = schedule(cheap=True)
    verdicts = [heard(course, 0.5, objective=1.0)[1] for _ in range(IDLE_ROUNDS + 1)]
    assert verdicts == [None] * IDLE_ROUNDS + [Status.STALLED]


def test_the_lasso_is_solved_as_precisely_as_the_gap_asks():
    course = schedule()
    heard(course, 0.05)
    assert course.growing and course.kkt == pytest.approx(5e-4)
    heard(course, 1e-4, objective=0.5, fresh=0)
    assert course.kkt == 1e-12, "without new wedges only precision is left to gain"


def test_when_time_is_up_the_next_round_is_the_last():
    course = schedule(seconds=0.0)
    assert heard(course, 1.0, neurons=0) == (False, None), "a constant is nothing to end with"
    assert heard(course, 0.5, objective=0.5) == (True, Status.STOPPED)
    assert heard(schedule(seconds=0.0), 0.5) == (True, Status.STOPPED), "a warm start is"
    assert heard(schedule(seconds=1.0), 0.5)[1] == Status.STOPPED, "a full round takes longer"
    assert heard(schedule(exact=False, seconds=0.0), 0.5) == (False, Status.STOPPED)


def test_a_full_round_that_outlasts_the_time_is_the_last():
    """Its certificate is there; another one would take as long again."""
    for neurons, verdict in ((1, Status.STOPPED), (0, None)):
        course = schedule(cheap=True, seconds=3600.0)
        course.begin(neurons)
        course.deadline = Deadline(0.0)
        found = SimpleNamespace(objective=1.0, relative_gap=0.5, network_relative_gap=None)
        priced = SimpleNamespace(exact=True, bounded=False, cut_short=False, visits=0)
        assert course.every_pencil and course.verdict(found, priced, 1) == verdict


@pytest.mark.parametrize("exact", [True, False])
def test_a_fit_without_time_is_a_network_with_a_certificate(exact):
    """It was the constant, and a sampled one could claim a gap of 1e-13."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 6))
    y = np.abs(X[:, 0] + X[:, 1]) + 0.1 * rng.normal(size=100)
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    problem = Problem(y, largest_alpha(Problem(y, 1.0), pricer) / 20)
    found = solve(problem, pricer, tol=1e-6, exact=exact, deadline=Deadline(0.0))
    nothing = np.zeros((100, 1))
    constant = problem.objective(nothing, problem.shift(nothing), np.empty((0, 1)))
    assert found.status == "stopped" and found.rounds == 2
    assert len(found.fit.wedges) and found.certificate.objective < 0.7 * constant
    assert found.certificate.scope == ("exact" if exact else "sampled")
    assert 1e-6 < found.certificate.relative_gap < 1


def test_a_proof_that_effort_ended_is_not_tried_again_where_little_is_left():
    """Far from the optimum the fit goes on instead."""
    told = SimpleNamespace(exact=True, bounded=True, cut_short=True, excess=0.01, visits=0)
    certificate = SimpleNamespace(objective=1.0, relative_gap=0.3, network_relative_gap=None)
    assert schedule().verdict(certificate, told, 5) is None
    assert schedule().verdict(certificate, told, 0) == Status.STALLED
    course = schedule()
    heard(course, 1e-7)
    assert course.verdict(certificate, told, 5) == Status.STALLED, "near among the wedges seen"
