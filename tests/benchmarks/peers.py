"""Ours against scikit-learn's Lasso on the dictionary written out, and against Adam, and on the
spiral of the paper's authors: python tests/benchmarks/peers.py [LARGEST], 0 for the spiral alone"""

import sys
import time
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from common import fitted, print_table, surface, timed
from sklearn.linear_model import Lasso
from sklearn.neural_network import MLPRegressor

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import solve

# What the authors' notebook prints on the spiral, at twice the coordinates of our file: the sum of
# squared residuals and 1e-3 times that of the coefficients.
THEIRS, DECAY = 0.8122728, 1e-3
MOST_BYTES = 6e9
# A peer that has not ended by then (seconds) is stopped.
LIMIT = 120


def materialised(X, y, alpha):
    """scikit-learn's Lasso on all wedges: objective and seconds, or why not; in a process of its
    own, which can be stopped."""
    size = Dictionary(X, (2,), 2, True).size * len(y) * 8
    if size > MOST_BYTES:
        return f"needs {size / 1e9:,.0f} GB", "–"
    with get_context("spawn").Pool(1) as pool:
        try:
            return pool.apply_async(written_out, (X, y, alpha)).get(LIMIT)
        except TimeoutError:
            return "–", f"over {LIMIT}"


def written_out(X, y, alpha):
    """scikit-learn's Lasso on all wedges: objective and seconds."""
    warnings.simplefilter("ignore")
    dictionary = Dictionary(X, (2,), 2, True)
    model = Lasso(alpha, tol=1e-8, max_iter=2_000)
    clock = time.perf_counter()
    columns = dictionary.written_out().hinges(X)
    residual = y - model.fit(columns, y).predict(columns)
    seconds = time.perf_counter() - clock
    objective = residual @ residual / (2 * len(y)) + alpha * np.abs(model.coef_).sum()
    return f"{objective:.9f}", f"{seconds:.2f}"


def adam(X, y, alpha):
    """An Adam-trained network of 100 neurons at the same weight decay: the network objective and
    seconds."""
    model = MLPRegressor(
        hidden_layer_sizes=(100,),
        alpha=alpha * len(y),
        max_iter=2_000,
        tol=1e-7,
        n_iter_no_change=50,
        random_state=0,
    )
    _, seconds = timed(lambda: model.fit(X, y))
    residual = y - model.predict(X)
    decay = sum(float(np.sum(weights**2)) for weights in model.coefs_)
    return f"{residual @ residual / (2 * len(y)) + 0.5 * alpha * decay:.9f}", f"{seconds:.2f}"


def rows(largest):
    for n in (50, 100, 200, 400, 1_000, 3_000):
        if n <= largest:
            X, y = surface(n)
            solution, alpha, seconds = fitted(X, y, (2,), 2, 0.01)
            ours = [f"{solution.certificate.objective:.9f}", f"{seconds:.2f}"]
            yield [
                f"{n:,}",
                f"{solution.certificate.wedges_total:,}",
                *ours,
                *materialised(X, y, alpha),
                *adam(X, y, alpha),
            ]


def spiral():
    """Ours on the authors' spiral: the cost in their units, the bound on that of any network, and
    seconds."""
    file = Path(__file__).parents[2] / "sample_data" / "spiral.csv"
    table = np.genfromtxt(file, delimiter=",", skip_header=1, dtype=str)
    X, y = 2 * table[:, :2].astype(float), np.where(table[:, 2] == table[0, 2], 1.0, -1.0)
    unit = 2 * len(y)
    yield ["their notebook", f"{THEIRS:.7f}", "–", "–"]
    for name, refine in (("over wedges", False), ("--refine", True)):

        def fit(refine=refine):
            pricer = Pricer(Dictionary(X, (2,), 2, True), jobs=2, refine=refine)
            return solve(Problem(y, DECAY / unit), pricer, tol=2e-6 if refine else 1e-9)

        solution, seconds = timed(fit)
        certificate = solution.certificate
        below = certificate.network_lower_bound
        yield [
            name,
            f"{unit * certificate.objective:.7f}",
            f"{unit * below:.7f}",
            f"{seconds:.2f}",
        ]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print_table(
        "The authors' spiral: 160 rows, norm 2",
        ["network", "cost", "no network is below", "s"],
        spiral(),
    )
    header = ["n", "wedges", "wedgefit", "s", "Lasso, written out", "s", "Adam", "s"]
    print_table(
        "Objective and seconds, two columns, norm 2, alpha_max/100",
        header,
        rows(int(sys.argv[1]) if len(sys.argv) > 1 else 3_000),
    )
