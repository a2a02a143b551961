"""Data, timing and tables shared by the benchmark scripts; every script prints one markdown
table."""

import resource
import time
from collections.abc import Callable, Iterable

import numpy as np

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import Solution, largest_alpha, solve
from wedgefit.watch import Deadline


def surface(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n noisy samples of sin(3 x0) cos(2 x1) on the square, columns standardised."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 2))
    y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) + 0.1 * rng.standard_normal(n)
    return standardized(X), y


def curve(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n noisy samples of sin(6 x) + 0.3 |x|, the column standardised."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 1))
    y = np.sin(6 * X[:, 0]) + 0.3 * np.abs(X[:, 0]) + 0.1 * rng.standard_normal(n)
    return standardized(X), y


def standardized(X: np.ndarray) -> np.ndarray:
    return (X - X.mean(axis=0)) / X.std(axis=0)


def fitted(
    X,
    y,
    orders,
    norm,
    ratio,
    *,
    tol=1e-9,
    exact=True,
    jobs=2,
    refine=False,
    seconds=None,
    effort=np.inf,
    on_round=lambda *_: None,
):
    """Solve at ``ratio`` of alpha_max: the solution, alpha and the seconds it took, alpha_max
    included."""
    clock = time.perf_counter()
    pricer = Pricer(Dictionary(X, orders, norm, True), jobs=jobs, refine=refine, effort=effort)
    alpha = ratio * largest_alpha(Problem(y, 1.0), pricer, exact=exact)
    solution = solve(
        Problem(y, alpha),
        pricer,
        tol=tol,
        exact=exact,
        on_round=on_round,
        deadline=Deadline(seconds),
    )
    return solution, alpha, time.perf_counter() - clock


def sorting_unit(n: int) -> float:
    """T(n): the seconds of one argsort of n × n random numbers along the rows, one thread."""
    rows = min(n, 2_000)
    keys = np.random.default_rng(0).random((rows, n))
    clock = time.perf_counter()
    np.argsort(keys, axis=1)
    return (time.perf_counter() - clock) * n / rows


def peak_gigabytes() -> float:
    """The largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def print_table(title: str, header: list[str], rows: Iterable[list[str]]) -> None:
    """Print a markdown table row by row, as the rows come."""
    print(f"### {title}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


def timed(work: Callable):
    """The result of ``work()`` and its seconds."""
    clock = time.perf_counter()
    result = work()
    return result, time.perf_counter() - clock


def described(solution: Solution) -> list[str]:
    """Objective, gap and scope as table cells."""
    certificate = solution.certificate
    return [f"{certificate.objective:.12f}", f"{certificate.relative_gap:.0e}", certificate.scope]
