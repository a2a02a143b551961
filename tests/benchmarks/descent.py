"""How far from optimal is gradient descent? python tests/benchmarks/descent.py [COLUMNS ...]

Networks of scikit-learn, trained by Adam, SGD and L-BFGS from several seeds, in 1 to 5 columns and
with several widths and penalties: the part of the training objective that is proven to be lost,
before and after polishing, and the error on rows held out. Every figure is against all two-layer
ReLU networks with the same weight decay. Rows are printed as they come, and the columns can be
chosen, so that what took long need not be run again. Each number of columns takes one to three
minutes of one core.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from common import print_table, standardized
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from wedgefit.data.cells import Column
from wedgefit.data.table import Table
from wedgefit.engine.network import Layer, Network
from wedgefit.learning.settings import Settings
from wedgefit.model.foreign import Foreign
from wedgefit.model.polish import polish
from wedgefit.model.yardstick import measure
from wedgefit.watch import Silent

ROWS, HELD_OUT = 200, 2000
WIDTHS = (10, 50)
# A proof takes ten times as many patches of directions with each column more, and more the smaller
# alpha is: in four and five columns one that is not small, and one seed, have to do.
ALPHAS = {4: (0.03, 0.01), 5: (0.03,)}
SEEDS = {1: range(2), 2: range(2)}
STEPS = {"adam": 2000, "sgd": 2000, "lbfgs": 5000}
# The gap to be proven.
TOL = {5: 5e-3}
# One proof for all networks of a problem may take long; each then looks for a better one, half of
# the time among all networks and half among those of its width.
PROOF_SECONDS, SECONDS = 120.0, 20.0
TITLE = f"{ROWS} rows, weight decay (norm 2), against all two-layer ReLU networks"
HEADER = [
    "columns", "alpha", "units", "trained by", "seed", "objective", "of it is lost", "polished",
    "of it is lost", "no network is below", "held-out RMSE", "polished", "CPU s of polishing",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One training: the data and the network that came out."""

    columns: int
    solver: str
    units: int
    alpha: float
    seed: int


def data(columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Waves of the first columns and a bend of each other, with noise: rows to train on, and
    clean rows to score on."""
    rng = np.random.default_rng(columns)
    X = standardized(rng.uniform(-1, 1, (ROWS + HELD_OUT, columns)))
    clean = np.sin(2 * X[:, 0]) + np.abs(X[:, 1:]).sum(axis=1) / max(1, columns - 1)
    if columns > 1:
        clean = clean + 0.5 * X[:, 0] * X[:, 1]
    noisy = clean[:ROWS] + 0.2 * rng.normal(size=ROWS)
    return X[:ROWS], noisy, X[ROWS:], clean[ROWS:]


def trained(case: Case, X: np.ndarray, y: np.ndarray) -> Foreign:
    """A network of scikit-learn: of SGD and Adam all rows are one batch, so that alpha is the same
    for all."""
    net = MLPRegressor(
        hidden_layer_sizes=(case.units,),
        alpha=case.alpha * len(y),
        solver=case.solver,
        batch_size=len(y),
        learning_rate_init=0.01 if case.solver == "adam" else 0.02,
        max_iter=STEPS[case.solver],
        n_iter_no_change=STEPS[case.solver],
        tol=1e-9,
        random_state=case.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, y)
    (hidden, outer), (biases, bias) = net.coefs_, net.intercepts_
    network = Network((Layer(hidden, biases), Layer(outer, bias)))
    width = X.shape[1]
    return Foreign(
        case.solver, network, True, True, np.zeros(width), np.ones(width), None, 0.0, 1.0,
        case.alpha, "squared",
    )  # fmt: skip


def table_of(X: np.ndarray, y: np.ndarray) -> Table:
    columns = {f"x{j}": values for j, values in enumerate(X.T)} | {"y": y}
    typed = {name: Column(name, "numeric", values) for name, values in columns.items()}
    rows = len(y)
    return Table("benchmark", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), typed)


def rows_of(cases: list[Case]) -> Iterator[list[str]]:
    """The rows of networks of the same columns and alpha, which have one optimum: what is proven of
    it beside the last of them holds for all."""
    columns = cases[0].columns
    X, y, held, clean = data(columns)
    table = table_of(X, y)
    networks = [trained(case, X, y) for case in cases]
    settings = Settings(norm=2, jobs=1, tol=TOL.get(columns, 1e-3), max_seconds=PROOF_SECONDS)
    proven = measure(networks[-1], table, (), settings, Silent()).optimum.between
    lower, upper = proven.lower_bound, proven.upper_bound

    def lost(objective: float) -> str:
        least, most = ((objective - end) / objective for end in (upper, lower))
        return f"{100 * max(least, 0.0):.2f} to {100 * max(most, 0.0):.2f} %"

    def error(network: Network) -> str:
        return f"{np.sqrt(np.mean((network.forward(held)[:, 0] - clean) ** 2)):.3f}"

    # In five columns once is enough: else every network would be proven again.
    certificate = "sampled" if columns > 4 else "auto"
    quick = replace(settings, certificate=certificate, max_seconds=SECONDS)
    for case, foreign in zip(cases, networks):
        clock = time.process_time()
        better = polish(foreign, table, (), quick, Silent())
        seconds = time.process_time() - clock
        before, after = (
            part.objectives.objective for part in (better.record.before, better.record.after)
        )
        upper = min(upper, after, better.record.optimum.between.upper_bound)
        yield [
            str(case.columns), f"{case.alpha:g}", str(case.units), case.solver, str(case.seed),
            f"{before:.5f}", lost(before), f"{after:.5f}", lost(after), f"{lower:.5f}",
            error(foreign.network), error(better.network.network), f"{seconds:.1f}",
        ]  # fmt: skip


def main() -> None:
    chosen = [int(word) for word in sys.argv[1:]] or range(1, 6)
    groups = (
        [
            Case(columns, solver, units, alpha, seed)
            for units in WIDTHS
            for solver in STEPS
            for seed in SEEDS.get(columns, range(1))
        ]
        for columns in chosen
        for alpha in ALPHAS.get(columns, (0.03, 0.003))
    )
    print_table(TITLE, HEADER, (row for cases in groups for row in rows_of(cases)))


if __name__ == "__main__":
    main()
