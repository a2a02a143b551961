"""Seconds against n for one, two and ten columns, in units of sorting: python
tests/benchmarks/scaling.py [LARGEST]"""

import sys

import numpy as np
from common import (
    curve,
    described,
    fitted,
    peak_gigabytes,
    print_table,
    sorting_unit,
    standardized,
    surface,
)
from sklearn.datasets import make_friedman1


def planes(largest):
    for n in (1_000, 3_000, 10_000):
        if n <= largest:
            solution, _, seconds = fitted(*surface(n), (2,), 2, 0.01)
            unit = sorting_unit(n)
            wedges = f"{solution.certificate.wedges_total:,}"
            yield [
                f"{n:,}",
                wedges,
                *described(solution),
                f"{seconds:.2f}",
                f"{seconds / unit:.1f}",
                f"{peak_gigabytes():.2f}",
            ]


def lines(largest):
    for n in (10_000, 100_000, 1_000_000):
        if n <= 100 * largest:
            solution, _, seconds = fitted(*curve(n), (1,), 1, 0.01)
            yield [
                f"{n:,}",
                f"{solution.certificate.wedges_total:,}",
                *described(solution),
                f"{seconds:.2f}",
                f"{peak_gigabytes():.2f}",
            ]


def tables(largest):
    """Friedman 1 in ten columns; from 2,000 rows on pairs of columns are proven by bounds."""
    for n, tol in ((500, 1e-6), (1_000, 1e-6), (5_000, 1e-6), (20_000, 1e-6), (100_000, 1e-3)):
        if n <= 10 * largest:
            X, y = make_friedman1(n, 10, noise=1, random_state=0)
            solution, _, seconds = fitted(standardized(X), y, (1, 2), 1, 1 / 200, tol=tol)
            yield [
                f"{n:,}",
                f"{solution.certificate.wedges_total:,}",
                *described(solution),
                f"{seconds:.2f}",
                f"{peak_gigabytes():.2f}",
            ]


def large_planes(largest):
    """All neurons of the plane, norm 2: what no sweep of all pairs of rows could reach."""
    for n, tol in ((10_000, 1e-6), (100_000, 1e-3), (100_000, 1e-6), (1_000_000, 1e-3)):
        if n <= 100 * largest:
            solution, _, seconds = fitted(*surface(n), (2,), 2, 0.01, tol=tol, refine=True)
            yield [
                f"{n:,}",
                f"{solution.certificate.wedges_total:,}",
                *described(solution),
                f"{seconds:.2f}",
                f"{peak_gigabytes():.2f}",
            ]


def weight_decay(largest):
    """Ordinary networks with weight decay, neurons that read all of three or four columns."""
    for columns, n in ((3, 300), (3, 1_000), (3, 10_000), (4, 1_000)):
        if n <= largest:
            rng = np.random.default_rng(0)
            X = rng.uniform(-1, 1, (n, columns))
            y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) * X[:, 2] + np.abs(X[:, 2:]).sum(axis=1)
            y += 0.1 * rng.standard_normal(n)
            solution, _, seconds = fitted(
                standardized(X), y, (columns,), 2, 1 / 20, tol=5e-3, refine=True
            )
            yield [
                f"{columns}",
                f"{n:,}",
                *described(solution),
                f"{seconds:.2f}",
                f"{peak_gigabytes():.2f}",
            ]


if __name__ == "__main__":
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    common = ["n", "wedges", "objective", "gap", "scope", "seconds"]
    print_table("One column, alpha_max/100", [*common, "peak GB so far"], lines(largest))
    print_table(
        "Ten columns (Friedman 1), order 2, alpha_max/200",
        [*common, "peak GB so far"],
        tables(largest),
    )
    print_table(
        "Two columns, norm 2 and neurons off the wedges, alpha_max/100",
        [*common, "peak GB so far"],
        large_planes(largest),
    )
    print_table(
        "Neurons that read all columns, norm 2, alpha_max/20",
        ["columns", "n", "objective", "gap", "scope", "seconds", "peak GB so far"],
        weight_decay(largest),
    )
    print_table(
        "Two columns, norm 2, alpha_max/100; T: argsort of n × n",
        [*common, "seconds / T", "peak GB so far"],
        planes(largest),
    )
