"""States of the process under overlapping users: set by the first, taken back by the last."""

import warnings
from threading import Barrier, Event, Thread

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

from wedgefit.engine import lasso
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.shared import Shared, one_blas_thread
from wedgefit.engine.solve import solve


def blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_the_last_to_go_takes_it_back():
    """Two that overlap, not nested: the first ends while the second goes on."""
    log = []

    def begin():
        log.append("begin")
        return lambda: log.append("end")

    shared = Shared(begin)
    first, second = shared(), shared()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert log == ["begin"]
    second.__exit__(None, None, None)
    assert log == ["begin", "end"]
    with shared():
        assert log == ["begin", "end", "begin"], "and it can begin anew"


def test_overlapping_limits_leave_the_threads_as_they_were():
    before = blas()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert set(blas()) == {1}
    first.__exit__(None, None, None)
    assert set(blas()) == {1}
    second.__exit__(None, None, None)
    assert blas() == before


def test_a_limit_that_one_thread_sets_another_takes_back():
    before, entered, leave = blas(), Event(), Event()

    def other():
        with one_blas_thread():
            entered.set()
            leave.wait()

    thread = Thread(target=other)
    with one_blas_thread():
        thread.start()
        entered.wait()
    assert set(blas()) == {1}
    leave.set()
    thread.join()
    assert blas() == before
    with one_blas_thread():
        assert set(blas()) == {1}, "and this thread is heard again"
    assert blas() == before


def test_a_worker_that_brings_its_own_filters_hears_nothing_either():
    """scikit-learn's workers put a list of filters in place when they begin, which may be while
    another fit is under way; in the end no list is left with ours."""
    unfinished = ConvergenceWarning("Objective did not converge. You might want to ...")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        outer, other = warnings.filters, list(warnings.filters)
        before = list(outer)
        with lasso._quiet():
            warnings.filters = other
            with lasso._quiet():
                warnings.warn(unfinished, stacklevel=1)
            warnings.filters = outer
            warnings.warn(unfinished, stacklevel=1)
        assert heard == [] and outer == other == before
        warnings.warn(unfinished, stacklevel=1)
        assert [each.message for each in heard] == [unfinished]


def test_a_filter_of_the_users_own_stays():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Objective did not converge", ConvergenceWarning)
        before = list(warnings.filters)
        with lasso._quiet():
            pass
        assert warnings.filters == before


def test_fits_in_threads_leave_nothing_behind_and_say_nothing():
    """scikit-learn's warnings of unfinished descent are ours to hold back, in every thread."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = np.sin(2 * X[:, 0]) * X[:, 1]
    before, filters, together = blas(), list(warnings.filters), Barrier(4)

    def fit():
        together.wait()
        for _ in range(2):
            solve(Problem(y, 2e-4), Pricer(Dictionary(X, (1, 2), 1, True)), tol=1e-6)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        inside = list(warnings.filters)
        threads = [Thread(target=fit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == inside
    assert [str(warning.message) for warning in heard] == []
    assert blas() == before and list(warnings.filters) == filters
