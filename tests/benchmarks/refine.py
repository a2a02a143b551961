"""Refined networks (norm 2) against L-BFGS on the weights, at the same alpha: python
tests/benchmarks/refine.py [SEEDS]"""

import sys
import warnings

import numpy as np
from common import fitted, print_table, standardized, timed
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.neural_network import MLPRegressor


def network_objective(model, X, y, alpha):
    """P(θ) of theory, section 1, of a scikit-learn network."""
    residual = y - model.predict(X)
    return residual @ residual / (2 * len(y)) + 0.5 * alpha * sum(
        float(np.sum(weights**2)) for weights in model.coefs_
    )


def lbfgs(X, y, alpha, seeds):
    """The best of several starts: objective and seconds of all."""
    settings = {
        "hidden_layer_sizes": (200,),
        "solver": "lbfgs",
        "alpha": alpha * len(y),
        "max_iter": 5_000,
        "max_fun": 10**6,
    }
    models, seconds = timed(
        lambda: [MLPRegressor(**settings, random_state=seed).fit(X, y) for seed in range(seeds)]
    )
    return min(network_objective(model, X, y, alpha) for model in models), seconds


def rows(seeds):
    tables = {
        "diabetes": load_diabetes(return_X_y=True),
        "Friedman 1 (500)": make_friedman1(500, 10, noise=1, random_state=0),
    }
    for name, (X, y) in tables.items():
        X, y = standardized(X), standardized(y)
        solution, alpha, seconds = fitted(
            X, y, (X.shape[1],), 2, 0.01, tol=1e-4, exact=False, refine=True
        )
        peer, peer_seconds = lbfgs(X, y, alpha, seeds)
        neurons = str(len(solution.fit.wedges))
        yield [
            name,
            f"{alpha:.6f}",
            f"{solution.certificate.objective:.6f}",
            neurons,
            f"{seconds:.1f}",
            f"{peer:.6f}",
            f"{peer_seconds:.1f}",
        ]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    header = ["data", "alpha", "--refine", "neurons", "s", f"L-BFGS, best of {seeds}", "s"]
    print_table("Network objective, norm 2, all columns", header, rows(seeds))
