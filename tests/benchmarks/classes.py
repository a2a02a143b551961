"""Two classes: python tests/benchmarks/classes.py [TABLE ...]

At sizes for which semidefinite relaxations of the training problem were published (Prakhya, Birdal
and Yurtsever, arXiv 2410.22311). Those tables are not at hand, so the rows are made up in their
sizes, with scikit-learn's breast cancer and the two spirals beside them. Squared loss on ±1; every
row says against which networks the gap is proven.
"""

import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import fitted, print_table, standardized
from sklearn.datasets import load_breast_cancer, make_classification

MOST_PATCHED = 5
SPIRAL = Path(__file__).parents[2] / "sample_data" / "spiral.csv"
RATIO, TOL, SECONDS = 0.05, 1e-4, 60.0
# All directions of three columns or more take a minute to be bounded as sharply as this.
PATCHED_TOL = 2e-3
# A proof by bounds looks at a row so often at most: a minute or two of one core.
EFFORT = 3e9
# The tables of the paper by rows, columns: Pima diabetes, ionosphere, bank notes.
SIZES = {"768 × 8": (768, 8), "351 × 34": (351, 34), "1,372 × 4": (1372, 4)}


def made_up(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    X, labels = make_classification(
        rows, columns, n_informative=min(columns, 5), n_redundant=0, flip_y=0.05, random_state=0
    )
    return standardized(X), 2.0 * labels - 1


def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    X, labels = load_breast_cancer(return_X_y=True)
    return standardized(X), 2.0 * labels - 1


def spirals() -> tuple[np.ndarray, np.ndarray]:
    with open(SPIRAL, newline="") as file:
        _, *rows = csv.reader(file)
    X = np.array([row[:-1] for row in rows], dtype=float)
    return X, np.where(np.array([row[-1] for row in rows]) == rows[0][-1], 1.0, -1.0)


def rows_of(name: str, X: np.ndarray, y: np.ndarray) -> Iterator[list[str]]:
    """Neurons of two columns at most (norm 1), and of all columns with weight decay (norm 2) in up
    to five: in more, not all directions can be bounded."""
    width = X.shape[1]
    kinds = [("at most 2 columns, norm 1", (1, 2), 1)]
    if width <= MOST_PATCHED:
        kinds.append(("all columns, norm 2", (width,), 2))
    for kind, orders, norm in kinds:
        tol = PATCHED_TOL if norm == 2 and width > 2 else TOL
        clock = time.process_time()
        solution, *_ = fitted(
            X, y, orders, norm, RATIO, tol=tol, jobs=1, refine=norm == 2, seconds=SECONDS,
            effort=EFFORT,
        )  # fmt: skip
        seconds = time.process_time() - clock
        certificate = solution.certificate
        gap = certificate.network_relative_gap
        correct = np.mean(np.sign(solution.fit.output[:, 0]) == y)
        yield [
            name, kind, str(len(solution.fit.wedges)), f"{certificate.objective:.6f}",
            "–" if gap is None else f"{gap:.1e}", certificate.scope, f"{correct:.3f}",
            f"{seconds:.1f}",
        ]  # fmt: skip


def main() -> None:
    tables = {name: (made_up, *size) for name, size in SIZES.items()}
    tables |= {"breast cancer, 569 × 30": (breast_cancer,), "two spirals, 160 × 2": (spirals,)}
    chosen = sys.argv[1:] or tables
    header = [
        "table", "networks whose neurons read", "neurons", "objective", "proven gap", "scope",
        "training accuracy", "CPU seconds",
    ]  # fmt: skip
    print_table(
        f"alpha_max · {RATIO:g}",
        header,
        (
            row
            for name, (make, *size) in tables.items()
            if name in chosen
            for row in rows_of(name, *make(*size))
        ),
    )


if __name__ == "__main__":
    main()
