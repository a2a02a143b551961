"""Networks from elsewhere, polished and certified: python tests/benchmarks/polished.py [PART ...]

Parts: ``networks``, twenty of scikit-learn in two columns; ``exports``, those that torch and Keras
wrote as ONNX (``tests/model/exported``); and CSV files with numbers in their last column, or those
of this repository where no part is named. On a file a network is trained by Adam on four rows of
five, in columns as ``wedgefit train`` encodes them, and scored on the fifth. Losses are half the
mean squared error, on files of standardised targets.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import print_table
from descent import Case, table_of, trained

from wedgefit.data.encoding import fit_encoding
from wedgefit.data.settings import TableSettings
from wedgefit.data.table import read_table
from wedgefit.learning.settings import Settings
from wedgefit.model.foreign import Foreign, read_foreign
from wedgefit.model.polish import polish
from wedgefit.watch import Silent

ROOT = Path(__file__).parents[2]
EXPORTED = ROOT / "tests" / "model" / "exported"
FILES = [ROOT / "sample_data" / name for name in ("mcycle.csv", "concrete.csv")]
WIDTHS, SEEDS = (3, 6, 15, 40), 5
# Of a longer file so many rows are drawn.
MOST_ROWS = 2_000
SECONDS, TOL = 30.0, 1e-3
HEADER = [
    "network", "rows × columns", "units", "objective", "polished", "units", "optimum, at most",
    "at least", "still lost, at most", "held-out loss", "polished",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Given:
    """A network, the rows X (n, d) and y (n,) that it was trained on, and others to score it on, in
    the columns of their files."""

    name: str
    network: Foreign
    X: np.ndarray
    y: np.ndarray
    others: np.ndarray
    truth: np.ndarray
    alpha: float


def bend(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(rows, 2))
    return X, np.abs(X[:, 0]) + 0.3 * X[:, 1]


def networks() -> Iterator[Given]:
    rng = np.random.default_rng(0)
    (X, y), held = bend(40, rng), bend(2000, rng)
    y = y + 0.1 * rng.normal(size=len(y))
    for units in WIDTHS:
        for seed in range(SEEDS):
            solver = ("adam", "lbfgs", "sgd")[seed % 3]
            net = trained(Case(2, solver, units, 0.01, seed), X, y)
            yield Given(f"scikit-learn, {solver}, seed {seed}", net, X, y, *held, 0.01)


def exports() -> Iterator[Given]:
    """What the recipe beside the files trained on."""
    for name in ("torch_dynamo", "torch_script", "keras"):
        (X, y), (others, truth) = sloped(80, 0, 0.05), sloped(2000, 1, 0.0)
        yield Given(name, read_foreign(EXPORTED / f"{name}.onnx"), X, y, others, truth, 0.02)


def sloped(rows: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 2)).astype(np.float32)
    y = np.maximum(X[:, 0] + X[:, 1], 0) + 0.3 * X[:, 1] + noise * rng.standard_normal(rows)
    X[:, 1] = X[:, 1] * 3 + 5
    return X.astype(float), y


def files(paths: list[Path]) -> Iterator[Given]:
    for path in paths:
        table = read_table(str(path))
        rng = np.random.default_rng(0)
        order = rng.permutation(table.rows)[:MOST_ROWS]
        cut = len(order) * 4 // 5
        learn, other = (table.take(np.sort(part)) for part in (order[:cut], order[cut:]))
        encoding, design = fit_encoding(learn, TableSettings(task="regression"))
        y, truth = design.y[:, 0], other.columns[encoding.target.name].values.astype(float)
        center, scale = y.mean(), y.std()
        y, truth = (y - center) / scale, (truth - center) / scale
        net = trained(Case(design.X.shape[1], "adam", 50, 0.01, 0), design.X, y)
        held = encoding.transform(other), truth
        yield Given(f"{path.stem}, adam", net, design.X, y, *held, 0.01)


def row_of(given: Given) -> list[str]:
    settings = Settings(norm=2, jobs=1, tol=TOL, alpha=given.alpha, max_seconds=SECONDS)
    found = polish(given.network, table_of(given.X, given.y), (), settings, Silent())
    record, between = found.record, found.record.optimum.between

    def loss(net: Foreign) -> str:
        seen = (given.others - net.center) / net.scale
        output = net.network.forward(seen)[:, 0] * net.target_scale + net.target_center
        return f"{np.mean((output - given.truth) ** 2) / 2:.4f}"

    before, after = (part.objectives.objective for part in (record.before, record.after))
    assert after <= before * (1 + 1e-12) and record.after.neurons <= record.before.neurons
    lower = between.lower_bound
    assert lower is None or lower <= after
    rows, columns = given.X.shape
    loose = " (loose)" * between.loose
    return [
        given.name, f"{rows:,} × {columns}", str(record.before.neurons), f"{before:.5f}",
        f"{after:.5f}", str(record.after.neurons), f"{between.upper_bound:.5f}",
        "–" if lower is None else f"{lower:.5f}",
        "–" if lower is None else f"{100 * (after - lower) / after:.2g} %{loose}",
        loss(given.network), loss(found.network),
    ]  # fmt: skip


def main() -> None:
    named = sys.argv[1:] or ["networks", "exports", *map(str, FILES)]
    parts = {"networks": networks, "exports": exports}
    paths = [Path(name) for name in named if name not in parts]
    given = [parts[name] for name in named if name in parts]

    def rows() -> Iterator[list[str]]:
        for part in (*(make() for make in given), files(paths)):
            yield from map(row_of, part)

    print_table("Polished and certified, norm 2", HEADER, rows())


if __name__ == "__main__":
    main()
