"""Random small problems of every kind whose certificates rest on bounds, against a conic solver
that is given every wedge, and with norm 2 a thousand others.

Printed are, of every loss, by how much, relatively, a bound lies above that optimum, the objective
above it, and the largest gap that is left.

    PYTHONPATH=.:tests python tests/campaigns/conic.py [PROBLEMS [SEED]]
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import oracles
import pytest

from wedgefit.engine import bound_choice, instruments
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import LOSSES, Huber
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import Solution, largest_alpha, solve

KINDS = ("squared", "two targets", "logistic", "huber", "softmax")
# A hinge of norm 2 may lie anywhere: so many are given to the conic solver beside the wedges.
OTHERS = 1_000
SHARP = 1e-6
# Patches are not followed to the last digit: their number grows too fast.
SHARP_IN_SPACE = 1e-2


@contextmanager
def bounding(keeps_lines: bool = False) -> Iterator[None]:
    """Everything is bounded that can be, however few the rows, and nothing swept instead; or all
    ``keeps_lines`` that can after a few intervals."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(instruments, "LINES_PER_VISIT", 1e9 if keeps_lines else 1e-9)
        for name in ("WEDGES_SWEPT", "ROWS_BOUNDED", "WEDGES_BOUNDED"):
            patched.setattr(bound_choice, name, 0)
        yield


@dataclass(frozen=True)
class Case:
    """A problem at alpha 1, its rows X (n, d), and the class of its neurons."""

    kind: str
    X: np.ndarray
    problem: Problem
    norm: int
    bias: bool
    labels: np.ndarray
    ratio: float

    @property
    def orders(self) -> tuple[int, ...]:
        """Norm 2 is for neurons that read all columns."""
        d = self.X.shape[1]
        return tuple(range(1, d + 1)) if self.norm == 1 else (d,)


def drawn(seed: int) -> Case:
    """Grids and copies, both norms, two columns or three, with and without biases, weights
    far apart."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    n, d = int(rng.integers(5, 11)), int(rng.choice([2, 2, 2, 3]))
    n = min(n, 7) if d == 3 else n
    X = rng.integers(-2, 3, size=(n, d)).astype(float) if rng.random() < 0.4 else None
    X = rng.normal(size=(n, d)) if X is None else X
    X = X[rng.integers(n, size=n)] if rng.random() < 0.15 else X
    # With norm 2 bounds are for networks of one output, whose neurons may lie off the wedges.
    norm = 1 if kind in ("two targets", "softmax") else int(rng.choice([1, 2]))
    # Patches are bounded through the origin, too; pairs of columns are swept there.
    bias = d == 2 or bool(rng.random() < 0.6)
    intercept = bool(rng.random() < 0.8)
    weights = None if rng.random() < 0.6 else 10.0 ** rng.uniform(-2, 1, size=n)
    labels = np.append(np.arange(3), rng.integers(0, 3, size=n - 3))
    loss, y = LOSSES["squared"], rng.normal(size=(n, 2 if kind == "two targets" else 1))
    if kind == "logistic":
        loss, y = LOSSES["logistic"], np.sign(rng.permutation(labels) - 0.5)
    elif kind == "softmax":
        loss, y = LOSSES["softmax"], np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    elif kind == "huber":
        loss, y = Huber(float(rng.uniform(0.2, 2))), 2 * rng.standard_t(2, size=n)
    problem = Problem(y, 1.0, intercept, loss, weights)
    return Case(kind, X, problem, norm, bias, labels, float(rng.uniform(0.01, 1.1)))


def optimum(case: Case, problem: Problem, hinges: np.ndarray) -> float:
    """The conic solver's optimum over these hinges (n, m)."""
    told = problem.alpha, problem.intercept, problem.shares
    K = np.unique(np.round(hinges, 12), axis=1)
    if case.kind == "two targets":
        return oracles.group_lasso_optimum(K, problem.y, *told)
    if case.kind == "softmax":
        return oracles.softmax_lasso_optimum(K, case.labels, *told)[0]
    y = problem.y[:, 0]
    if case.kind == "huber":
        return oracles.further_lasso_optimum(K, y, *told, "huber", problem.loss.delta)[0]
    if case.kind == "logistic":
        return oracles.logistic_lasso_optimum(K, y, *told)[0]
    return oracles.lasso_optimum(K, y, *told)[0]


def hinges_for(case: Case, found: Solution) -> np.ndarray:
    """Every wedge (n, m); with norm 2 also the neurons that were found, and others at random."""
    wedges = list(oracles.enumerate_wedges(case.X, list(case.orders), case.norm, case.bias))
    parts = [oracles.hinge_matrix(case.X, wedges)]
    if case.norm == 2:
        rng = np.random.default_rng(1)
        w = rng.normal(size=(OTHERS, case.X.shape[1]))
        heights = case.X @ (w / np.linalg.norm(w, axis=1)[:, None]).T
        if case.bias:
            heights -= heights[rng.integers(len(heights), size=OTHERS), np.arange(OTHERS)]
        parts += [found.fit.wedges.hinges(case.X), np.maximum(heights, 0)]
    return np.hstack(parts)


@dataclass(frozen=True)
class Held:
    """What became of one problem: by how much, relatively, its bound lies above the conic optimum,
    and its objective above it; its gap, and whether a small one was to be had."""

    kind: str
    excess: float
    above: float
    gap: float
    sharp: bool


def held(case: Case) -> Held | None:
    """One problem against the conic solver; None where its best network is a constant, or the other
    solver gave up."""
    dictionary = Dictionary(case.X, case.orders, case.norm, case.bias)
    pricer = Pricer(dictionary, refine=case.norm == 2, effort=effort_for(case))
    top = largest_alpha(case.problem, pricer)
    if not 1e-6 < top < np.inf:
        return None
    problem = replace(case.problem, alpha=case.ratio * top)
    seen: list[Certificate] = []
    tol = SHARP if case.X.shape[1] == 2 else SHARP_IN_SPACE
    found = solve(problem, pricer, tol=tol, on_round=lambda *told: seen.append(told[2]))
    bounded = pricer.bounds and not pricer._so_far.by_lines
    assert found.certificate.bounded == bounded
    try:
        best = optimum(case, problem, hinges_for(case, found))
    except ArithmeticError:
        return None
    # Every round's bound is one, not the last round's alone.
    lower = max(one.lower_bound for one in seen if one.scope == "exact")
    gap = found.certificate.relative_gap
    unit = max(abs(best), 1e-9)
    return Held(
        kind=f"{case.kind}, norm {case.norm}, {case.X.shape[1]} columns",
        excess=(lower - best) / unit,
        above=(found.certificate.objective - best) / unit,
        gap=gap,
        # Without an output bias there are neurons that nothing bounds, and no bound is sharp.
        sharp=problem.intercept or not case.bias,
    )


def effort_for(case: Case) -> float:
    """Pairs are followed to the last digit, unless scores of whole numbers are level along many
    directions, each of which would be followed; and patches as far as seconds go: of several
    outputs they are bounded in NumPy."""
    if case.X.shape[1] == 2:
        return 1e6
    return 3e8 if case.problem.targets == 1 else 1e5


def campaign(
    problems: int, seed: int = 0, columns: int = 3, keeps_lines: bool = False
) -> list[Held]:
    """So many problems, of at most so many columns, that the conic solver has an answer to."""
    found: list[Held] = []
    with bounding(keeps_lines):
        while len(found) < problems:
            case = drawn(seed)
            one = held(case) if case.X.shape[1] <= columns else None
            found += [] if one is None else [one]
            seed += 1
    return found


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]] or [300]
    results = campaign(*numbers)
    for kind in sorted({one.kind for one in results}):
        of_kind = [one for one in results if one.kind == kind]
        print(
            f"{kind:32} {len(of_kind):3} problems: bound above by",
            f"{max(one.excess for one in of_kind):.1e},",
            f"objective by {max(one.above for one in of_kind):.1e},",
            f"largest gap {max((one.gap for one in of_kind if one.sharp), default=0.0):.1e}",
        )
