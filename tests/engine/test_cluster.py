"""Many machines: the workers of a dask scheduler on the loopback give what threads give, and may
die. By default they are threads of this process that are spoken to through sockets, as machines
are; the slow tests have processes, and kill one."""

import gc
import os
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.errors import FitError

# What a library of servers warns about when its processes are killed is its own affair.
pytestmark = pytest.mark.filterwarnings("ignore")


def surface(n):
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (n, 2))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + 0.1 * rng.standard_normal(n)


@contextmanager
def cluster_of(processes):
    """Two workers behind a scheduler."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=processes, protocol="tcp://",
        dashboard_address=None,
    ) as cluster:  # fmt: skip
        yield cluster
        # Clients that are still connected would go on looking for the scheduler when it is gone.
        gc.collect()


@pytest.fixture(scope="module")
def machines():
    with cluster_of(processes=False) as cluster:
        yield cluster


def solved(n, cluster=None, on_round=lambda *_: None):
    X, y = surface(n)
    pricer = Pricer(Dictionary(X, (2,), 2, True), jobs=2, cluster=cluster)
    alpha = largest_alpha(Problem(y, 1.0), pricer) / 50
    return solve(Problem(y, alpha), pricer, tol=1e-8, on_round=on_round)


def test_two_workers_give_the_same_network(machines):
    """Bit for bit: the same blocks are swept by the same code."""
    check_two_workers(machines, 400)


@pytest.mark.slow
def test_two_processes_give_the_same_network():
    with cluster_of(processes=True) as cluster:
        check_two_workers(cluster, 800)


def check_two_workers(machines, rows):
    here, there = solved(rows), solved(rows, machines.scheduler_address)
    assert there.certificate == here.certificate and there.certificate.scope == "exact"
    assert np.array_equal(there.fit.wedges.samples, here.fit.wedges.samples)
    assert np.array_equal(there.fit.coefficients, here.fit.coefficients)


def bounded(cluster=None):
    """Pairs of columns of many rows, which bounds prove: the solution, and by whom blocks were
    bounded and swept."""
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, (2_100, 3))
    y = np.sin(2 * X[:, 0]) * X[:, 1] + np.abs(X[:, 2]) + 0.1 * rng.standard_normal(len(X))
    pricer = Pricer(Dictionary(X, (1, 2), 1, True), jobs=2, cluster=cluster)
    assert pricer.bounds
    kinds = []
    run = pricer._machines.run

    def told(work, shared, parts, *more):
        kinds.append((work.__name__, len(parts)))
        return run(work, shared, parts, *more)

    pricer._machines.run = told
    alpha = largest_alpha(Problem(y, 1.0), pricer) / 30
    return solve(Problem(y, alpha), pricer, tol=1e-4), kinds


def test_bounds_of_two_workers_are_those_of_threads(monkeypatch, machines):
    """Bit for bit: an interval's bound does not depend on the block that it is looked at in."""
    monkeypatch.setattr("wedgefit.engine.bound_search.BLOCK", 1 << 14)
    monkeypatch.setattr("wedgefit.engine.workers.Machines.larger", 2)
    (here, local), (there, sent) = bounded(), bounded(machines.scheduler_address)
    assert here.certificate.bounded and there.certificate == here.certificate
    assert np.array_equal(there.fit.coefficients, here.fit.coefficients)
    looks = [parts for work, parts in sent if work == "look"]
    assert looks and max(looks) > 1, "the intervals were sent"
    assert sum(looks) < sum(parts for work, parts in local if work == "look"), "in larger blocks"


def test_a_worker_that_leaves_takes_nothing_along():
    """It closes in the middle of a round; the solution is the same."""
    with cluster_of(processes=False) as cluster:
        victim = next(iter(cluster.workers.values()))
        check_a_loss(cluster, 500, lambda: cluster.loop.add_callback(victim.close, nanny=False))
        assert victim.status.name in ("closing", "closed")


@pytest.mark.slow
def test_a_killed_worker_loses_nothing():
    """Its process dies in the middle of a round."""
    with cluster_of(processes=True) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        check_a_loss(cluster, 1200, lambda: os.kill(victim, 9))


def check_a_loss(cluster, rows, lose):
    rounds = []

    def lose_soon(round_, *_):
        rounds.append(round_)
        if round_ == 1:
            threading.Timer(0.02, lose).start()
            time.sleep(0.01)

    there = solved(rows, cluster.scheduler_address, lose_soon)
    here = solved(rows)
    assert len(rounds) > 2
    assert there.certificate == here.certificate


def test_the_rows_travel_once(machines):
    """Only v is sent in later rounds: the scattered rows are the same future in all of them; bounds
    have their own."""
    X, y = surface(400)
    pricer = Pricer(Dictionary(X, (2,), 2, True), cluster=machines.scheduler_address)
    before = dict(pricer._machines.backend.data_futures)
    for _ in range(3):
        pricer.price((y - y.mean())[:, None], 1.0, pricer.dictionary.none(), every_pencil=True)
    assert len(before) == 1 and pricer._machines.backend.data_futures == before


def test_nobody_at_the_address(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("wedgefit.engine.workers.CONNECT_SECONDS", 1)
    X, _ = surface(10)
    with pytest.raises(FitError, match="scheduler"):
        Pricer(Dictionary(X, (2,), 2, True), cluster="tcp://127.0.0.1:9")


def test_a_cluster_that_is_gone_is_done_without(machines):
    """The connection breaks between two rounds: the rest is priced here."""
    X, y = surface(300)
    pricer = Pricer(Dictionary(X, (2,), 2, True), cluster=machines.scheduler_address)
    first = pricer.price((y - y.mean())[:, None], 1.0, pricer.dictionary.none(), every_pencil=True)
    pricer._machines.client.close()
    second = pricer.price((y - y.mean())[:, None], 1.0, pricer.dictionary.none(), every_pencil=True)
    assert second.bound == first.bound and np.array_equal(
        second.wedges.samples, first.wedges.samples
    )
