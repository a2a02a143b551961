"""Tables that are made to break a proof, and what else can be said of each proven bound.

Columns of very different sizes, near-copies, whole numbers, rows on a line, weights far apart,
targets far from zero: of the network that is trained on them the largest score of any wedge is
found anew, one by one and in extended precision, and with it the bound that follows; and a descent
over its own units and the wedges of largest score looks for a better network. A bound above either
was not proven.

    PYTHONPATH=.:tests python tests/campaigns/adversary.py [TABLES [SEED]]
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from kinds import table_of
from scipy.optimize import minimize

from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.fit import Fit
from wedgefit.engine.problem import Problem
from wedgefit.errors import WedgefitError
from wedgefit.model.audit import certify
from wedgefit.model.build import Options, train
from wedgefit.model.figures import StageFound, networks_of, stages_found
from wedgefit.model.origin import learner_of, rows_by_id, rows_trained_on, sample_trained_on
from wedgefit.model.record import Model
from wedgefit.watch import Silent

LOSSES = (None, None, "huber", "quantile", "poisson", "gamma", "logistic", "softmax")
# Relative to the objective: what is beyond is no rounding.
AGREE = 1e-8
LONG = np.longdouble
# With norm 2 neurons may lie anywhere: so many directions are looked along beside the wedges'.
DIRECTIONS = 3_000
# Wedges of three columns and more are drawn.
PENCILS = 400


def column(rng: np.random.Generator, n: int, others: list[np.ndarray]) -> np.ndarray:
    """One column of a random sort."""
    kind = int(rng.integers(10))
    plain = rng.normal(size=n)
    if kind == 0 and others:
        return others[-1] + 10.0 ** rng.uniform(-14, -6) * plain * np.ptp(others[-1])
    if kind == 1 and others:
        return sum(rng.integers(-2, 3) * other for other in others) + 0.0
    if kind == 2:
        return np.full(n, float(rng.choice([0.0, 1.0, 1e9])))
    if kind in (3, 4):
        return rng.integers(-3, 4, size=n).astype(float)
    if kind == 5:
        return (plain > 0) * 1.0
    if kind == 6:
        return plain + 10.0 ** rng.uniform(3, 9)
    if kind == 7:
        return np.exp(6 * plain)
    return plain * 10.0 ** rng.uniform(-9, 9) if kind == 8 else plain


def made(seed: int) -> tuple[Table, Options]:
    """A table and what to train on it."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.choice([5, 8, 12, 20, 40, 60])), int(rng.integers(1, 5))
    columns: list[np.ndarray] = []
    for _ in range(d):
        columns.append(column(rng, n, columns))
    X = np.column_stack(columns)
    if rng.random() < 0.1:
        X = np.outer(rng.integers(-5, 6, size=n), rng.normal(size=d))
    if rng.random() < 0.2:
        X = X[rng.integers(n, size=n)]
    loss = LOSSES[int(rng.integers(len(LOSSES)))]
    signal = rng.normal(size=n) + np.abs(_plain(X[:, 0])) - _plain(X[:, -1]) * (rng.random() < 0.5)
    table = {f"x{j}": part.copy() for j, part in enumerate(X.T)}
    for part in table.values():
        part[rng.random(n) < (0.1 if rng.random() < 0.2 else 0.0)] = np.nan
    if rng.random() < 0.3:
        table["w"] = 10.0 ** rng.uniform(-rng.choice([1, 6, 9]), 2, size=n)
    table["y"] = target(rng, loss, signal)
    return table_of(table), told(rng, loss, d, "w" in table)


def _plain(part: np.ndarray) -> np.ndarray:
    return (part - part.mean()) / (part.std() or 1.0)


def target(rng: np.random.Generator, loss: str | None, signal: np.ndarray) -> np.ndarray:
    """What suits the loss, sometimes far from zero, with ties, or a line."""
    if loss == "logistic":
        return np.where(signal > np.median(signal), "up", "down").astype(object)
    if loss == "softmax":
        which = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
        return np.array(["p", "q", "r"], dtype=object)[which]
    if loss == "poisson":
        return rng.poisson(np.exp(np.clip(signal, -3, 4))).astype(float)
    if loss == "gamma":
        return np.exp(np.clip(signal, -3, 4)) * 10.0 ** rng.uniform(-5, 5)
    kind = int(rng.integers(5))
    if kind == 0:
        return signal + 10.0 ** rng.uniform(3, 10)
    if kind == 1:
        return np.round(signal)
    return signal * 10.0 ** rng.uniform(-9, 9) if kind == 2 else signal


def told(rng: np.random.Generator, loss: str | None, d: int, weighted: bool) -> Options:
    """Options that may go together, but for those that are refused."""
    norm = 2 if rng.random() < 0.35 else 1
    layers = 3 if loss in (None, "logistic") and rng.random() < 0.12 else 2
    order = int(rng.integers(1, 4)) if rng.random() < 0.7 else "full"
    order = min(order, d) if isinstance(order, int) else order
    order = 1 if layers > 2 else order
    refine = norm == 2 and loss in (None, "logistic") and bool(rng.random() < 0.6)
    shape = loss is None and norm == 1 and rng.random() < 0.15 and order in (1, 2)
    return Options(
        loss=loss, task="classification" if loss in ("logistic", "softmax") else "regression",
        weight="w" if weighted else None, norm=norm, order=order, layers=layers, refine=refine,
        bias=shape or bool(rng.random() < 0.85), intercept=shape or bool(rng.random() < 0.85),
        standardize=bool(rng.random() < 0.6), increasing=("x0",) if shape else (),
        alpha_ratio=float(10.0 ** rng.uniform(-5, -0.1)), jobs=1, certificate="exact",
        max_seconds=20.0,
    )  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """What was found of one stage: its stored bounds, that over the wedges being one over all
    neurons here, or None where nothing is claimed of these; the bound that follows from the largest
    score that was seen, and the best objective that was reached. ``unit``: what is above the floor
    of the loss."""

    lower: float | None
    network: float | None
    follows: float
    reached: float
    unit: float

    @property
    def excess(self) -> float:
        """By how much, relatively, a bound lies above what holds, at most."""
        bounds = [bound for bound in (self.lower, self.network) if bound is not None]
        highest = max(bounds, default=-np.inf)
        return (highest - min(self.follows, self.reached)) / self.unit


def attacked(model: Model, table: Table) -> Iterator[Attack]:
    """Every stage whose bound is about all wedges."""
    rows = rows_trained_on(model, table)
    sample = sample_trained_on(model, rows)
    learner = learner_of(model, sample, 1)
    problems = [replace(one, alpha=model.problem.alpha) for one in learner.problems]
    pricers = learner.pricers
    for network, problem, pricer in zip(
        networks_of(model, rows_by_id(model, rows)), problems, pricers
    ):
        for found in stages_found(network, problem, learner, pricer, 1e-6):
            certificate = network.stage(found.stage.layer).certificate
            if certificate.scope == "exact":
                yield attack(found, problem, certificate, model, pricer.dictionary.orders)


def attack(
    found: StageFound,
    problem: Problem,
    certificate: Certificate,
    model: Model,
    orders: tuple[int, ...],
) -> Attack:
    """The bounds of one stage, stored with this certificate, beside what follows from its dual
    point and what is reached from its network; ``orders`` are those of the first layer."""
    X, norm, bias = found.X, model.problem.norm, model.problem.hidden_bias
    dual = problem.dual_point(found.fit.combined, found.fit.intercept)
    orders = orders if found.stage.layer == 1 else (1,)
    rng = np.random.default_rng(0)
    wedges = normals_of(X, orders, bias, rng)
    if norm == 2:
        wedges = np.concatenate([wedges, random_normals(X.shape[1], orders, rng)])
    scores, hinges = best_hinges(X, dual, wedges, norm, bias)
    best = np.argsort(-scores)[:200]
    free = problem.intercept or not bias or np.all(np.abs(dual.sum(axis=0)) <= 1e-12)
    objective = problem.objective(found.fit.combined, found.fit.intercept, found.fit.coefficients)
    network = certificate.network_lower_bound if free else None
    return Attack(
        # With norm 2 a wedge's direction has better hinges through other rows.
        lower=certificate.lower_bound if norm == 1 else network,
        network=network,
        follows=below(problem, dual, float(scores.max(initial=0.0))),
        reached=min(objective, descended(problem, found.fit, X, hinges[:, best])),
        unit=max(abs(objective - problem.floor), 1e-300),
    )


def below(problem: Problem, dual: np.ndarray, score: float) -> float:
    """The bound that follows if this is the largest score."""
    limit = problem.alpha / score if score > 0 else np.inf
    scale = problem.loss.best_scale(problem.centred, dual, problem.weights, limit)
    return max(problem.floor, problem.dual_value(scale * dual))


def normals_of(X: np.ndarray, orders: tuple[int, ...], bias: bool, rng) -> np.ndarray:
    """Normals (m, d) of wedges: all of one and two columns, and some of three and more."""
    n, d = X.shape
    points = X.astype(LONG) if bias else np.vstack([X, np.zeros(d)]).astype(LONG)
    found = [np.eye(d, dtype=LONG)] if 1 in orders else [np.zeros((0, d), dtype=LONG)]
    for order in (one for one in orders if one > 1):
        for columns in combinations(range(d), order):
            part = points[:, columns]
            if order == 2:
                some, others = np.triu_indices(len(part), 1)
                keep = np.ones(len(some), bool) if bias else others == n
                apart = (part[some] - part[others])[keep]
                across = np.column_stack([-apart[:, 1], apart[:, 0]])
            else:
                across = np.array(list(oblique(part, order, rng)), dtype=LONG).reshape(-1, order)
            normals = np.zeros((len(across), d), dtype=LONG)
            normals[:, columns] = across
            found.append(normals[np.abs(across).max(axis=1, initial=0) > 0])
    return np.concatenate(found)


def oblique(points: np.ndarray, order: int, rng) -> Iterator[list[float]]:
    """Across so many rows at random of the points (n, order): what their differences' minors
    say."""
    for _ in range(PENCILS if len(points) >= order else 0):
        rows = rng.choice(len(points), order, replace=False)
        apart = points[rows[1:]] - points[rows[0]]
        plain = (apart / (np.abs(apart).max() or 1)).astype(float)
        yield [(-1) ** k * np.linalg.det(np.delete(plain, k, axis=1)) for k in range(order)]


def random_normals(d: int, orders: tuple[int, ...], rng) -> np.ndarray:
    """Directions at random that read as many columns as they may."""
    normals = rng.normal(size=(DIRECTIONS, d))
    for row in normals:
        row[rng.permutation(d)[orders[-1] :]] = 0.0
    return normals.astype(LONG)


def best_hinges(
    X: np.ndarray, dual: np.ndarray, normals: np.ndarray, norm: int, bias: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The scores of the unit hinges along these normals, each at its best row and on its best
    face, (m,), and the hinges (n, m), in extended precision."""
    X, dual = X.astype(LONG), dual.astype(LONG)
    lengths = (np.abs(normals) ** norm).sum(axis=1) ** (LONG(1) / norm)
    scores, hinges = np.zeros(len(normals)), np.zeros((len(X), len(normals)), dtype=LONG)
    for i, w in enumerate(normals / lengths[:, None]):
        p = X @ w
        heights = p - p[:, None] if bias else p[None]
        faces = np.concatenate([np.maximum(heights, 0), np.maximum(-heights, 0)])
        sizes = np.sqrt(((faces @ dual) ** 2).sum(axis=1))
        best = int(sizes.argmax())
        scores[i], hinges[:, i] = sizes[best], faces[best]
    return scores, hinges.astype(float)


def descended(problem: Problem, fit: Fit, X: np.ndarray, extra: np.ndarray) -> float:
    """The best objective that a descent over the network's own units and these hinges (n, m)
    reaches, from where it is."""
    K = np.hstack([fit.wedges.hinges(X), extra])
    sizes = np.abs(K).max(axis=0, initial=0.0)
    if problem.targets > 1 or not np.any(sizes):
        return np.inf
    z = np.concatenate([fit.coefficients[:, 0], np.zeros(extra.shape[1])]) * sizes
    K, z, sizes = K[:, sizes > 0], z[sizes > 0], sizes[sizes > 0]
    A = K / sizes
    unit = max(problem.objective(fit.combined, fit.intercept, fit.coefficients), 1e-300)

    def value(both):
        combined = (A @ (both[: len(sizes)] - both[len(sizes) :]))[:, None]
        intercept = problem.shift(combined)
        cost = problem.alpha * float(both @ np.tile(1 / sizes, 2))
        slope = A.T @ problem.dual_point(combined, intercept)[:, 0]
        gradient = np.concatenate([-slope, slope]) + problem.alpha * np.tile(1 / sizes, 2)
        return (problem.value(combined, intercept) + cost) / unit, gradient / unit

    start = np.concatenate([np.maximum(z, 0), np.maximum(-z, 0)])
    with np.errstate(all="ignore"):
        found = minimize(value, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return min(float(found.fun), value(start)[0]) * unit


def outcome(seed: int) -> tuple[str, list[Attack], list[str]]:
    """What became of one table, and what is wrong with it, in words."""
    table, options = made(seed)
    try:
        model = train(table, options, Silent())
    except WedgefitError as error:
        return f"refused: {error.message[:60]}", [], []
    checks = certify(model, table, jobs=1)
    wrong = (
        [] if checks.agrees else [f"certify: {[one for one in checks.checks if not one.agrees]}"]
    )
    attacks = list(attacked(model, table)) if not options.increasing else []
    worst = max((one.excess for one in attacks), default=-1.0)
    if worst > AGREE:
        wrong.append(f"a bound is above by {worst:.1e}: {attacks}")
    return "exact" if attacks else model.certificate.scope, attacks, wrong


def campaign(tables: int, seed: int = 0) -> tuple[Counter, float, list[str]]:
    """What became of so many tables, the largest excess of a bound, and what is wrong."""
    counts, largest, complaints = Counter(), -np.inf, []
    for number in range(seed, seed + tables):
        kind, attacks, wrong = outcome(number)
        counts[kind] += 1
        largest = max([largest, *(one.excess for one in attacks)])
        complaints += [f"table {number}: {words}" for words in wrong]
    return counts, largest, complaints


if __name__ == "__main__":
    counts, largest, complaints = campaign(*([int(part) for part in sys.argv[1:]] or [300]))
    print(f"largest excess of a bound {largest:.1e}", *counts.most_common(), *complaints, sep="\n")
    sys.exit(bool(complaints))
