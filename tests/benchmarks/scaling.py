"""Seconds against n, with proven gaps: python tests/benchmarks/scaling.py --help"""

from pathlib import Path

import click
import numpy as np
from common import (
    census,
    curve,
    described,
    fitted,
    genes,
    houses,
    peak_gigabytes,
    print_table,
    sorting_unit,
    standardized,
    surface,
    trained,
)
from sklearn.datasets import make_friedman1

from wedgefit.learning.policy import PROOF_EFFORT


def planes(largest):
    """The first, small one is for loading the kernels."""
    for n in (100, 1_000, 3_000, 10_000):
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
    sharp = [(500, 1e-6), (1_000, 1e-6), (5_000, 1e-6), (20_000, 1e-6)]
    for n, tol in (*sharp, (20_000, 1e-3), (100_000, 1e-3), (1_000_000, 1e-3)):
        if n <= 10 * largest:
            yield friedman(n, (1, 2), 1 / 200, tol)


def triples(largest):
    """The same with neurons of three columns, which patches of the sphere bound."""
    for n in (300, 1_000):
        if n <= largest:
            yield friedman(n, (1, 2, 3), 1 / 100, 1e-2, effort=PROOF_EFFORT)


def friedman(n, orders, ratio, tol, effort=np.inf):
    X, y = make_friedman1(n, 10, noise=1, random_state=0)
    solution, _, seconds = fitted(standardized(X), y, orders, 1, ratio, tol=tol, effort=effort)
    return [
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
    """Ordinary networks with weight decay, neurons that read all of three to five columns."""
    for columns, n in ((3, 300), (3, 1_000), (3, 10_000), (4, 1_000), (4, 10_000), (5, 1_000)):
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


def processes(largest):
    """Whole processes, from the file to the model, at a given alpha: what else takes time."""
    for n in (100_000, 1_000_000):
        if n <= 100 * largest:
            X, y = surface(n)
            table = {"a": X[:, 0], "b": X[:, 1], "y": y}
            told = ("--norm", "2", "--refine", "--alpha-ratio", "0.01", "--tol", "1e-3")
            yield [f"plane, {n:,}", *trained(table, *told)]


def defaults(largest):
    """Whole processes with default settings, the choice of alpha included."""
    made = (("genes", genes, 300), ("houses", houses, 20_640), ("census", census, 48_000))
    for name, make, n in made:
        for rows in (n // 10, n):
            if rows <= 10 * largest:
                table = make(rows)
                yield [f"{name}, {rows:,} × {len(table) - 1}", *trained(table)]


def california(path):
    """The real houses: default settings, and one given alpha."""
    told = ("--target", "median_house_value")
    fixed = ("--alpha-ratio", "0.001", "--tol", "5e-3")
    yield ["california", *trained(path, *told)]
    yield ["california, alpha_max/1,000", *trained(path, *told, *fixed)]


COMMON = ["n", "wedges", "objective", "gap", "scope", "seconds"]
PEAK = "peak GB so far"
WHOLE = ["table", "score", "neurons", "gap", "scope", "seconds", "peak GB"]
TABLES = {
    "lines": ("One column, alpha_max/100", [*COMMON, PEAK], lines),
    "friedman": ("Ten columns (Friedman 1), order 2, alpha_max/200", [*COMMON, PEAK], tables),
    "triples": ("The same, order 3, alpha_max/100", [*COMMON, PEAK], triples),
    "refined": (
        "Two columns, norm 2 and neurons off the wedges, alpha_max/100",
        [*COMMON, PEAK],
        large_planes,
    ),
    "decay": (
        "Neurons that read all columns, norm 2, alpha_max/20",
        ["columns", "n", *COMMON[2:], PEAK],
        weight_decay,
    ),
    "planes": (
        "Two columns, norm 2, alpha_max/100; T: argsort of n × n",
        [*COMMON, "seconds / T", PEAK],
        planes,
    ),
    "processes": ("From the file to the model, norm 2, refined, alpha_max/100", WHOLE, processes),
    "defaults": ("From the file to the model, default settings", WHOLE, defaults),
}


@click.command()
@click.option("--table", "names", multiple=True, type=click.Choice(list(TABLES)), help="Only this.")
@click.option(
    "--california",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file california_housing.csv: default fits of it, too.",
)
@click.option(
    "--largest",
    default=10_000,
    show_default=True,
    help="Scales the largest n of every table; some begin at a tenth or end at a hundred times it.",
)
def main(names, path, largest):
    """Seconds against n for one to five and ten columns, and of whole processes."""
    for name in names or TABLES:
        title, header, rows = TABLES[name]
        print_table(title, header, rows(largest))
    if path is not None:
        print_table("California, from the file to the model", WHOLE, california(path))


if __name__ == "__main__":
    main()
