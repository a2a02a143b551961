"""Newton's method for outputs whose loss couples them, on the neurons in use: where none is at its
kink the objective of the softmax loss is smooth (theory, section 4).

Nothing changes where all outputs of a row move alike, and no optimum has coefficients that move
them so: Newton steps are taken in the K − 1 directions that are left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import numpy as np
from scipy.linalg import lapack, null_space

from wedgefit.engine.group_lasso import fractions
from wedgefit.engine.losses.softmax import Around, Softmax
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.support import DEPENDENT

# Newton steps of one support.
SETTLING_STEPS = 30


@dataclass(frozen=True, eq=False)
class _Place:
    """Coefficients (k, K), the loss there, and their objective."""

    rows: np.ndarray
    loss: Around
    objective: float


def settled(
    problem: Problem, columns: np.ndarray, z: np.ndarray, start: np.ndarray, kkt: float
) -> tuple[np.ndarray, np.ndarray]:
    """The best coefficients of columns (n, k), from z (k, K) on, none of which is zero, to a
    relative violation of the KKT conditions of ``kkt``, and the output bias (K,) that belongs to
    them, from ``start`` on; some coefficients may turn out to be zero.

    Newton's method moves the biases along, as coefficients of a column of ones that cost nothing.
    """
    # What moves all outputs alike costs and changes nothing, and no step would take it away.
    alpha, rows, kept = problem.alpha, z - z.mean(axis=1, keepdims=True), np.arange(len(z))
    if bias := int(problem.intercept):
        rows = np.vstack([rows, start])
        columns = np.column_stack([columns, np.ones(len(columns))])
    nowhere = cast("Softmax", problem.loss).around(problem.centred, columns @ rows, problem.weights)

    def place(rows: np.ndarray) -> _Place:
        loss = nowhere.moved_to(rows.T @ columns.T)
        penalty = alpha * float(row_norms(rows[: len(rows) - bias]).sum())
        return _Place(rows, loss, loss.value + penalty)

    here = place(rows)
    for _ in range(SETTLING_STEPS):
        used, still = _in_use(here.rows, bias)
        if len(still) < len(here.rows):
            columns, kept = columns[:, still], kept[used]
            here = replace(here, rows=here.rows[still])
        if not len(kept):
            break
        slope = _slope(here, columns, alpha, bias)
        if row_norms(slope).max() <= kkt * alpha:
            break
        curvature = curvature_of(columns, here.loss.chances.T, problem.weights)
        step, gain = _newton_step(curvature, alpha, here.rows, slope, bias)
        if (moved := _line_search(place, here, step, gain, bias)) is None:
            break
        here = moved
    z = np.zeros_like(z)
    z[kept] = here.rows[: len(kept)]
    return z, here.rows[-1] if bias else start


def _in_use(rows: np.ndarray, bias: int) -> tuple[np.ndarray, np.ndarray]:
    """Which coefficients are not zero, without and with the last ``bias`` rows, those of biases."""
    costly = len(rows) - bias
    used = np.flatnonzero(row_norms(rows[:costly]))
    return used, np.append(used, np.arange(costly, len(rows)))


def _slope(here: _Place, columns: np.ndarray, alpha: float, bias: int) -> np.ndarray:
    """How fast the objective falls with each coefficient, (k, K); none is zero."""
    costly = here.rows[: len(here.rows) - bias]
    slope = (here.loss.pull @ columns).T
    slope[: len(costly)] -= alpha * costly / row_norms(costly)[:, None]
    return slope


@cache
def differing(outputs: int) -> np.ndarray:
    """An orthonormal basis of what K outputs differ by, (K, K − 1)."""
    return null_space(np.ones((1, outputs)))


@cache
def _differing_pairs(outputs: int) -> np.ndarray:
    """The products of every two of its directions, output by output: (K, K − 1, K − 1)."""
    basis = differing(outputs)
    return basis[:, :, None] * basis[:, None, :]


def curvature_of(columns: np.ndarray, chances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The second derivative of the loss in the coefficients of columns (n, k), as they move the
    differences of K outputs with probabilities ``chances`` (n, K): (k (K − 1), k (K − 1))."""
    basis = differing(chances.shape[1])
    k, free = columns.shape[1], basis.shape[1]
    grams = np.stack([columns.T @ (part[:, None] * columns) for part in (weights * chances.T)])
    matrix = np.tensordot(grams, _differing_pairs(len(grams)), axes=(0, 0)).transpose(0, 2, 1, 3)
    means = np.sqrt(weights)[:, None] * (chances @ basis)
    spread = (columns[:, :, None] * means[:, None, :]).reshape(len(columns), k * free)
    return matrix.reshape(k * free, k * free) - spread.T @ spread


def _newton_step(
    matrix: np.ndarray, alpha: float, z: np.ndarray, slope: np.ndarray, bias: int
) -> tuple[np.ndarray, float]:
    """Newton's step of coefficients z (k, K), of which the last ``bias`` cost nothing, whose
    objective falls by ``slope`` (k, K) and whose loss is curved by ``matrix``; and what it promises
    to gain."""
    basis = differing(z.shape[1])
    k, free, costly = len(z), basis.shape[1], np.arange(len(z) - bias)
    length = row_norms(z[costly])
    unit = (z[costly] / length[:, None]) @ basis
    # One block per column on the diagonal: alpha (I − u uᵀ) / ‖z_j‖, the curvature of its norm.
    blocks = alpha * (np.eye(free) - unit[:, :, None] * unit[:, None, :]) / length[:, None, None]
    by_column = matrix.reshape(k, free, k, free).copy()
    by_column[costly, :, costly, :] += blocks
    hessian = by_column.reshape(k * free, k * free)
    hessian[np.diag_indices_from(hessian)] *= 1 + DEPENDENT
    right = (slope @ basis).ravel()
    step = lapack.dposv(hessian, right)[1]
    return step.reshape(k, free) @ basis.T, float(right @ step)


def _line_search(
    place: Callable[[np.ndarray], _Place], here: _Place, step: np.ndarray, gain: float, bias: int
) -> _Place | None:
    """How far along the step the objective falls as it should; None where it does nowhere.

    A column that would turn round has its optimum at zero, which Newton steps would only approach.
    """
    costly = slice(0, len(step) - bias)
    for fraction in fractions(here.rows[costly], step[costly]) if gain > 0 else ():
        moved = here.rows + fraction * step
        turned = np.vecdot(here.rows, moved)[costly] <= 0
        moved[costly][turned] = 0.0
        there = place(moved)
        # Near the optimum rounding hides the gain.
        slack = 1e-15 * abs(here.objective)
        if there.objective <= here.objective - 1e-4 * fraction * gain + slack:
            return there
    return None
