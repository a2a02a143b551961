"""Walkers in processes of their own answer as they would here, and leave nothing behind."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from wedgefit import WedgeRegressor
from wedgefit.errors import FitError
from wedgefit.learning import side_by_side
from wedgefit.learning.side_by_side import SideBySide, goes_side_by_side

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="folds stay in one process")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(side_by_side, "SECONDS_HERE", -1.0)


class Summing:
    """Adds up what it is asked, and says in which process."""

    def __init__(self, start):
        self.total = start

    def __call__(self, question):
        self.total += question
        if self.total == 13:
            raise FitError("unlucky.", where="here", remedy="Try another.")
        if self.total == 99:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.total, os.getpid()


def test_walkers_go_on_from_where_they_were_in_processes_of_their_own():
    walkers = [Summing(start) for start in (0, 20, 40)]
    with SideBySide(walkers, jobs=2) as together:
        first, second, third = (list(together.answers(question)) for question in (1, 2, 3))
    assert [total for total, _ in first] == [1, 21, 41]
    assert [total for total, _ in second] == [3, 23, 43]
    assert [total for total, _ in third] == [6, 26, 46]
    own = {process for _, process in third}
    assert len(own) == 3 and os.getpid() not in own
    assert [process for _, process in second] == [process for _, process in third]
    assert not multiprocessing.active_children()


def test_the_first_that_takes_long_is_answered_here_and_the_rest_apart():
    with SideBySide([Summing(0), Summing(10)], jobs=2) as together:
        (_, here), (_, apart) = together.answers(1)
    assert here == os.getpid() != apart


def test_what_all_need_is_loaded_once_before_they_part():
    for jobs, times in ((1, 0), (2, 1)):
        loaded = []
        walkers, before = [Summing(0), Summing(20)], partial(loaded.append, "once")
        with SideBySide(walkers, jobs, before) as together:
            for question in (1, 2, 4):
                list(together.answers(question))
        assert loaded == ["once"] * times


@pytest.mark.parametrize("jobs, walkers", [(1, 3), (2, 1)])
def test_alone_they_stay_here(jobs, walkers):
    with SideBySide([Summing(start) for start in range(walkers)], jobs) as together:
        for question in (1, 2):
            assert {process for _, process in together.answers(question)} == {os.getpid()}


@pytest.mark.parametrize("room", [0, 1])
def test_without_room_for_processes_they_stay_here(room, monkeypatch):
    """A container may allow none, or too few; those that began are ended."""
    begun, start = [], multiprocessing.context.ForkProcess.start

    def limited(process):
        if len(begun) == room:
            raise BlockingIOError("no more processes")
        begun.append(process)
        start(process)

    monkeypatch.setattr(multiprocessing.context.ForkProcess, "start", limited)
    with SideBySide([Summing(0), Summing(20)], jobs=2) as together:
        found = [list(together.answers(question)) for question in (1, 2)]
    assert found == [[(1, os.getpid()), (21, os.getpid())], [(3, os.getpid()), (23, os.getpid())]]
    assert len(begun) == room and not multiprocessing.active_children()


def test_what_a_walker_raises_is_raised_here():
    with pytest.raises(FitError, match="here: unlucky. Try another.") as caught:
        with SideBySide([Summing(0), Summing(11)], jobs=2) as together:
            list(together.answers(1))
            list(together.answers(1))
    assert caught.value.remedy == "Try another."
    assert not multiprocessing.active_children()


def test_a_process_that_is_ended_from_outside_is_told():
    with pytest.raises(FitError, match="ended from outside.*--jobs 1"):
        with SideBySide([Summing(0), Summing(97)], jobs=2) as together:
            list(together.answers(1))
            list(together.answers(1))


def test_a_process_that_ends_between_questions_is_told():
    """A line that nobody reads any more is no fault of the one that writes."""
    with pytest.raises(FitError, match="ended from outside.*--jobs 1"):
        with SideBySide([Summing(0), Summing(20)], jobs=2) as together:
            _, (_, apart) = together.answers(1)
            os.kill(apart, signal.SIGKILL)
            multiprocessing.connection.wait([p.sentinel for p in multiprocessing.active_children()])
            list(together.answers(1))


LATE = {}


class Second:
    """A question that takes its time on the way to the walker of the first place."""

    def __reduce__(self):
        return _arrived, ()


def _arrived():
    time.sleep(0.3 if LATE["here"] else 0.0)
    return Second()


class Turning:
    """Ends itself when it is asked the second question."""

    def __init__(self, place):
        self.place = place

    def __call__(self, question):
        LATE["here"] = self.place == 0
        if isinstance(question, Second):
            os.kill(os.getpid(), signal.SIGKILL)


def test_no_walker_waits_for_the_turn_of_one_that_was_ended():
    """A walker that is ended while it has its turn never gives it back."""
    with pytest.raises(FitError, match="ended from outside"):
        with SideBySide([Turning(place) for place in range(3)], jobs=2) as together:
            list(together.answers("first"))
            list(together.answers(Second()))
    assert not multiprocessing.active_children()


def test_threads_and_daemons_do_not_part():
    found = []
    thread = threading.Thread(target=lambda: found.append(goes_side_by_side(4)))
    thread.start()
    thread.join()
    assert found == [False] and goes_side_by_side(2) and not goes_side_by_side(1)


def test_a_fit_is_the_same_to_the_last_bit(rng):
    X = rng.normal(size=(60, 3))
    y = np.abs(X[:, 0] - X[:, 1]) + 0.1 * rng.normal(size=60)
    fits = [WedgeRegressor(n_jobs=jobs, cv=3).fit(X, y) for jobs in (1, 2)]
    one, two = (fit.predict(X) for fit in fits)
    assert np.array_equal(one, two) and fits[0].alpha_ == fits[1].alpha_
    assert not multiprocessing.active_children()
