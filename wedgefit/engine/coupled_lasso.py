"""Newton's method for outputs whose loss couples them, on the neurons in use: where none is at its
kink the objective of the softmax loss is smooth (theory, section 4).

Nothing changes where all outputs of a row move alike, and no optimum has coefficients that move
them so: Newton steps are taken in the K − 1 directions that are left.
"""

from functools import cache

import numpy as np
from scipy.linalg import lapack, null_space

from wedgefit.engine.losses import softmax
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.support import DEPENDENT

# Newton steps of one support, and the shortest that is worth a try.
SETTLING_STEPS = 30
SHORTEST = 1e-6


def settled(
    problem: Problem, columns: np.ndarray, z: np.ndarray, near: np.ndarray | None, kkt: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """The best coefficients of columns (n, k), from z (k, K) on, none of which is zero, to a
    relative violation of the KKT conditions of ``kkt``, and the output bias (K,) that belongs to
    them, from ``near`` on where that is known; some coefficients may turn out to be zero.

    Newton's method moves the output biases along, as coefficients of a column of ones that cost
    nothing.
    """
    alpha, y, weights = problem.alpha, problem.centred, problem.weights
    rows, kept = z.copy(), np.arange(len(z))
    if problem.intercept:
        columns = np.column_stack([columns, np.ones(len(columns))])
        rows = np.vstack([rows, problem.shift(columns[:, :-1] @ z, near)])
    bias = len(rows) - len(z)

    def objective(rows: np.ndarray) -> float:
        penalty = alpha * float(row_norms(rows[: len(rows) - bias]).sum())
        return problem.loss.value(y, columns @ rows, weights) + penalty

    for _ in range(SETTLING_STEPS):
        used = np.flatnonzero(row_norms(rows)[: len(rows) - bias])
        if len(used) < len(rows) - bias:
            still = np.append(used, len(rows) - 1) if bias else used
            columns, rows, kept = columns[:, still], rows[still], kept[used]
        if not len(used):
            break
        output = columns @ rows
        slope = columns.T @ problem.loss.negative_gradient(y, output, weights)
        lengths = row_norms(rows[: len(used)])[:, None]
        slope[: len(used)] -= alpha * rows[: len(used)] / lengths
        if row_norms(slope).max() <= kkt * alpha:
            break
        matrix = curvature_of(columns, softmax(output), weights)
        step, gain = _newton_step(matrix, alpha, rows, slope, bias)
        if (moved := _line_search(objective, rows, step, gain, bias)) is None:
            break
        rows = moved
    found = np.zeros_like(z)
    found[kept] = rows[: len(kept)]
    return found, rows[-1] if bias else near


@cache
def differing(outputs: int) -> np.ndarray:
    """An orthonormal basis of what K outputs differ by, (K, K − 1)."""
    return null_space(np.ones((1, outputs)))


def curvature_of(columns: np.ndarray, chances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The second derivative of the loss in the coefficients of columns (n, k), as they move the
    differences of K outputs with probabilities ``chances`` (n, K): (k (K − 1), k (K − 1))."""
    basis = differing(chances.shape[1])
    k, free = columns.shape[1], basis.shape[1]
    grams = np.stack([columns.T @ (part[:, None] * columns) for part in (weights * chances.T)])
    pairs = np.einsum("as,at->ast", basis, basis)
    matrix = np.tensordot(grams, pairs, axes=(0, 0)).transpose(0, 2, 1, 3)
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


def _line_search(objective, z: np.ndarray, step: np.ndarray, gain: float, bias: int):
    """How far along the step the objective falls as it should; None where it does nowhere.

    A column that would turn round has its optimum at zero, which Newton steps would only approach.
    """
    fraction, before, costly = 1.0, objective(z), slice(0, len(z) - bias)
    while gain > 0 and fraction > SHORTEST:
        moved = z + fraction * step
        turned = np.einsum("jt,jt->j", z, moved)[costly] <= 0
        moved[costly][turned] = 0.0
        # Near the optimum rounding hides the gain.
        if objective(moved) <= before - 1e-4 * fraction * gain + 1e-15 * abs(before):
            return moved
        fraction /= 2
    return None
