"""The Lasso of K targets that share their columns: whole rows of coefficients are zero or not
(theory, section 4)."""

import numpy as np
from scipy.linalg import lapack

from wedgefit.engine.lasso import solve_lasso
from wedgefit.engine.problem import row_norms
from wedgefit.engine.support import DEPENDENT, Gram

# Newton steps of one support, and the shortest that is worth a try.
NEWTON_STEPS = 50
SHORTEST = 1e-6
# The exchange of columns gives up when the objective has not fallen for this many of them.
PATIENCE = 20


def solve_group_lasso(
    gram: Gram,
    alpha: float,
    start: np.ndarray,
    *,
    kkt: float = 1e-12,
    nonnegative: bool = False,
) -> np.ndarray:
    """The coefficients z (m, K) that minimise ½ tr(zᵀGz) − tr(Cᵀz) + alpha Σ_j ‖z_j‖₂, from any
    start.

    Of one target rows are numbers, and this is the Lasso. Where no column in use is zero the
    objective is smooth: Newton's method settles the support, then the column that violates the KKT
    conditions most enters, until none does by more than ``kkt``, relatively, or rounding ends the
    progress. ``nonnegative``: of one target, without a negative coefficient.
    """
    if start.shape[1] == 1:
        single = Gram(gram.matrix, gram.correlation[:, 0])
        found = solve_lasso(single, alpha, start[:, 0], kkt=kkt, nonnegative=nonnegative)
        return found[:, None]
    z, lowest, idle = start.copy(), np.inf, 0
    while idle < PATIENCE:
        for _ in range(NEWTON_STEPS):
            slope = _slope_of_groups(gram, alpha, z)
            if row_norms(slope).max(initial=0.0) <= 0.1 * kkt * alpha:
                break
            if not _newton_on_groups(gram, alpha, z, slope):
                # A column beside its kink at zero is in the way: steps of single columns take it
                # there.
                _sweep_groups(gram, alpha, z)
        gradient = gram.correlation - gram.matrix @ z
        length = row_norms(z)
        violation = np.where(length > 0, 0.0, row_norms(gradient))
        worst = int(violation.argmax()) if len(z) else 0
        if not len(z) or violation[worst] <= alpha * (1 + kkt):
            break
        objective = float(alpha * length.sum() - 0.5 * np.vdot(z, gram.correlation + gradient))
        idle = 0 if objective < lowest - 1e-15 * abs(lowest) else idle + 1
        lowest = min(lowest, objective)
        # The best step of this column alone: towards its gradient, as far as the penalty lets it.
        z[worst] = (1 - alpha / violation[worst]) * gradient[worst] / gram.matrix[worst, worst]
    return z


def _slope_of_groups(gram: Gram, alpha: float, z: np.ndarray) -> np.ndarray:
    """Minus the objective's gradient in the columns in use, (k, T)."""
    used = np.flatnonzero(np.any(z != 0, axis=1))
    return (
        gram.correlation[used]
        - gram.matrix[np.ix_(used, used)] @ z[used]
        - alpha * z[used] / row_norms(z[used])[:, None]
    )


def _sweep_groups(gram: Gram, alpha: float, z: np.ndarray) -> None:
    """The best step of each column in use in turn, in place."""
    for j in np.flatnonzero(np.any(z != 0, axis=1)):
        own = gram.matrix[j, j]
        target = gram.correlation[j] - gram.matrix[j] @ z + own * z[j]
        z[j] = (
            max(0.0, 1 - alpha / np.linalg.norm(target)) * target / own if np.any(target) else 0.0
        )


def _newton_on_groups(gram: Gram, alpha: float, z: np.ndarray, slope: np.ndarray) -> bool:
    """One damped Newton step in all coefficients of the columns in use, in place; False where no
    length of it gains."""
    used = np.flatnonzero(np.any(z != 0, axis=1))
    part, targets = z[used], z.shape[1]
    matrix, correlation = gram.matrix[np.ix_(used, used)], gram.correlation[used]
    length = row_norms(part)
    unit = part / length[:, None]
    # One block per column on the diagonal: alpha (I − u uᵀ) / ‖z_j‖, the curvature of its norm.
    curvature = (
        alpha * (np.eye(targets) - unit[:, :, None] * unit[:, None, :]) / length[:, None, None]
    )
    hessian = np.einsum("ij,st->isjt", matrix, np.eye(targets))
    hessian[np.arange(len(used)), :, np.arange(len(used)), :] += curvature
    hessian = hessian.reshape(part.size, part.size)
    hessian[np.diag_indices_from(hessian)] += DEPENDENT * matrix.diagonal().repeat(targets)
    step = lapack.dposv(hessian, slope.ravel())[1].reshape(part.shape)
    gain, fraction, before = (
        float(np.vdot(slope, step)),
        1.0,
        _group_objective(matrix, correlation, alpha, part),
    )
    while gain > 0 and fraction > SHORTEST:
        moved = part + fraction * step
        # A column that would turn round has its optimum at zero, which Newton steps would only
        # approach.
        moved[np.einsum("jt,jt->j", unit, moved) <= 0] = 0.0
        if _group_objective(matrix, correlation, alpha, moved) < before - 1e-4 * fraction * gain:
            z[used] = moved
            return True
        fraction /= 2
    return False


def _group_objective(
    matrix: np.ndarray, correlation: np.ndarray, alpha: float, z: np.ndarray
) -> float:
    return float(
        0.5 * np.vdot(z, matrix @ z) - np.vdot(correlation, z) + alpha * row_norms(z).sum()
    )
