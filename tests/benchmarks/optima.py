"""How near the certified optima are to those of other solvers, and whether a bound lies above one:

    PYTHONPATH=.:tests:tests/engine python tests/benchmarks/optima.py [reference|losses|shapes ...]

``reference``: the stored optima of ``tests/cases/losses``, through the command line. ``losses``: 60
random small problems of each loss, with and without biases and weights. ``shapes``: 60 of each
shape, ten of every loss, half of them over pairs of columns where there are two. The others are
conic solvers that are given every wedge. Differences are relative to the objective, or to what it
is above the loss's floor where that is more; a conic optimum is itself known to some 1e-8.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import oracles
import test_further_losses as further
import test_shapes as shaped
from click.testing import CliRunner
from common import print_table
from test_softmax import problem_of as problem_of_classes

from wedgefit.cli import main
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve

EACH = 60
LOSSES = ("squared", "huber", "quantile", "poisson", "gamma", "logistic", "softmax")
HEAD = ["", "problems", "objective off by", "bound above by", "largest gap"]


def row(name: str, found: list[tuple]) -> list[str]:
    """Of (certificate, optimum, unit)s: the largest differences, and the largest gap."""
    off = max(abs(one.objective - best) / unit for one, best, unit in found)
    above = max((one.lower_bound - best) / unit for one, best, unit in found)
    gap = max(one.relative_gap for one, _, _ in found)
    over = f"{above:.1e}" if above > 0 else "none is above"
    return [name, str(len(found)), f"{off:.1e}", over, f"{gap:.1e}"]


class Told:
    """The certificate of a report in JSON."""

    def __init__(self, report: dict):
        for name, value in report["certificate"].items():
            setattr(self, name, value)


def reference():
    """A row for each kind of stored optima."""
    records = oracles.further_cases(*LOSSES) + oracles.shaped_cases()
    kinds: dict[str, list] = {}
    with TemporaryDirectory() as folder:
        for record in records:
            name = record["loss"] + ", increasing" * ("increasing" in record)
            data, model = oracles.CASES / "losses" / record["file"], Path(folder) / "m.json"
            told = ["train", data, *oracles.told_of(record), "--json", "-q", "-o", model]
            done = CliRunner().invoke(main, list(map(str, told)), catch_exceptions=False)
            best = record["objective"]
            kinds.setdefault(name, []).append((Told(json.loads(done.stdout)), best, abs(best)))
    return [row(name, found) for name, found in kinds.items()]


def drawn(name: str, seed: int):
    """A random small problem of this loss, its pricer, and its optimum by another solver; None
    where the best network is a constant, or that solver has no answer."""
    rng = np.random.default_rng(seed)
    n, d, bias, intercept = int(rng.integers(5, 10)), 1 + seed % 2, seed % 5 > 0, seed % 7 > 0
    X = rng.normal(size=(n, d)) if seed % 3 else rng.integers(-2, 3, size=(n, d)).astype(float)
    weights = rng.exponential(size=n) + 0.1 if seed % 4 == 0 else None
    parameter = {"huber": rng.uniform(0.2, 2), "quantile": rng.uniform(0.05, 0.95)}.get(name)
    labels = np.append(np.arange(3), rng.integers(0, 3, size=n - 3))
    if name == "softmax":
        problem = problem_of_classes(labels, intercept=intercept, sample_weight=weights)
    elif name in ("squared", "logistic"):
        y = rng.normal(size=n) if name == "squared" else rng.permutation(np.sign(labels - 0.5))
        problem = Problem(y, 1.0, intercept, shaped.loss_of(name), weights)
    else:
        loss = further.loss_of(name, parameter)
        problem = Problem(further.targets_of(name, rng, n), 1.0, intercept, loss, weights)
    pricer = further.pricer_of(X, bias)
    top = largest_alpha(problem, pricer)
    if top < 1e-3:
        return None
    problem = replace(problem, alpha=float(rng.uniform(0.02, 1)) * top)
    K = oracles.hinge_matrix(X, list(oracles.enumerate_wedges(X, range(1, d + 1), 1, bias)))
    told, y = (problem.alpha, intercept, problem.shares), problem.y[:, 0]
    solvers = {
        "squared": lambda: oracles.lasso_optimum(K, y, *told),
        "logistic": lambda: oracles.logistic_lasso_optimum(K, y, *told),
        "softmax": lambda: oracles.softmax_lasso_optimum(K, labels, *told),
    }
    other = lambda: oracles.further_lasso_optimum(K, y, *told, name, parameter)
    return problem, pricer, solvers.get(name, other)


def of_shape(shapes, loss: str, seed: int, order: int):
    """The same with a shape."""
    X, problem = shaped.random_problem(loss, shapes, seed, n=13 if order == 1 else 8)
    pricer = shaped.priced_on(X, shapes, order)
    top = largest_alpha(problem, pricer)
    if top < 1e-3:
        return None
    ratio = (0.3, 0.1, 0.1 if loss == "quantile" else 0.02)[seed % 3]
    problem = replace(problem, alpha=ratio * top)
    return problem, pricer, lambda: (shaped.optimum(X, problem, shapes, order),)


def measured(problems, count: int) -> list[tuple]:
    """(certificate, optimum, unit) of the first so many that another solver has an answer to."""
    found = []
    for made in filter(None, problems):
        problem, pricer, optimum = made
        try:
            best = optimum()[0]
        except ArithmeticError:
            continue
        unit = max(abs(best), best - problem.floor, 1e-2)
        found.append((solve(problem, pricer, tol=1e-7).certificate, best, unit))
        if len(found) == count:
            break
    return found


def losses():
    for name in LOSSES:
        yield row(name, measured((drawn(name, seed) for seed in range(10**6)), EACH))


def shapes():
    for own in sorted({*shaped.SHAPES, *shaped.PAIRS}):
        found = []
        for loss in shaped.LOSSES:
            made = (of_shape(own, loss, s, 1 + (len(own) > 1) * (s % 2)) for s in range(10**6))
            found += measured(made, EACH // len(shaped.LOSSES))
        yield row(str(own), found)


if __name__ == "__main__":
    parts = {"reference": reference, "losses": losses, "shapes": shapes}
    for part in sys.argv[1:] or parts:
        print_table(part, HEAD, parts[part]())
