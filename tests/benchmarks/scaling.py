"""Seconds against n for one, two and ten columns, in units of sorting: python
tests/benchmarks/scaling.py [LARGEST]"""

import sys

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
    for n, exact in ((500, True), (1_000, True), (5_000, False), (20_000, False)):
        if n <= 2 * largest:
            X, y = make_friedman1(n, 10, noise=1, random_state=0)
            tol = 1e-6 if exact else 1e-4
            solution, _, seconds = fitted(
                standardized(X), y, (1, 2), 1, 1 / 200, tol=tol, exact=exact
            )
            yield [
                f"{n:,}",
                f"{solution.certificate.wedges_total:,}",
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
        "Two columns, norm 2, alpha_max/100; T: argsort of n × n",
        [*common, "seconds / T", "peak GB so far"],
        planes(largest),
    )
