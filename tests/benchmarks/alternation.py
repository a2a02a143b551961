"""Alternating over layers: python tests/benchmarks/alternation.py

The first hidden layer hands on further neurons that the second asks for (``--alternate``): how far
the training objective falls, what is proven of the last layer, and what rows held out say.
"""

import time
from collections.abc import Iterator

import numpy as np
from common import print_table
from depth import read

from wedgefit import WedgeRegressor

TURNS = (0, 1, 2, 4)
# A layer of more wedges is solved on sampled pencils.
SECONDS = 40.0


def spirals() -> tuple[np.ndarray, ...]:
    """Every fifth point is for testing."""
    X, y = read("spiral")
    test = np.arange(len(y)) // 2 % 5 == 4
    return X[~test], y[~test], X[test], y[test]


def product(rows: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (rows + 2000, 3))
    clean = X.prod(axis=1)
    return X[:rows], clean[:rows] + 0.02 * rng.normal(size=rows), X[rows:], clean[rows:]


def rows_of(name: str, data: tuple[np.ndarray, ...], ratio: float) -> Iterator[list[str]]:
    X, y, X_test, y_test = data
    first = None
    for turns in TURNS:
        clock = time.process_time()
        model = WedgeRegressor(
            layers=3, alternate=turns, alpha_ratio=ratio, standardize=False, n_jobs=1,
            max_seconds=SECONDS, certificate="sampled",
        ).fit(X, y)  # fmt: skip
        objective = model.certificate_.objective
        first = first or objective
        widths = "+".join(str(len(model.model_.layer(layer))) for layer in (1, 2))
        yield [
            name, f"1/{round(1 / ratio)}", str(turns), f"{objective:.6g}",
            f"{100 * (1 - objective / first):.1f} %", f"{model.certificate_.relative_gap:.0e}",
            widths, f"{model.score(X, y):.3f}", f"{model.score(X_test, y_test):.3f}",
            f"{time.process_time() - clock:.1f}",
        ]  # fmt: skip


def main() -> None:
    problems = [
        (f"x1 x2 x3, {n} rows", product(n), 1 / k) for n in (120, 300) for k in (10, 30, 100)
    ]
    problems.append(("two spirals, 128 rows", spirals(), 1 / 100))
    header = [
        "data", "alpha / alpha_max", "turns", "objective", "gained", "gap of the last layer",
        "neurons", "training R²", "held-out R²", "CPU s",
    ]  # fmt: skip
    print_table(
        "three layers, order 2", header, (row for each in problems for row in rows_of(*each))
    )


if __name__ == "__main__":
    main()
