"""The Lasso of K targets that share their columns: whole rows of coefficients are zero or not
(theory, section 4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

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
        _settle(gram, alpha, z, kkt)
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


def _settle(gram: Gram, alpha: float, z: np.ndarray, kkt: float) -> None:
    """The best coefficients of the columns in use, some of which may turn out to be zero, in
    place."""
    here = _InUse.of(gram, alpha, z)
    for _ in range(NEWTON_STEPS):
        if row_norms(here.slope).max(initial=0.0) <= kkt * alpha:
            break
        if moved := here.newton():
            z[here.used] = moved.z
            # Columns that have reached zero are in use no longer.
            here = moved if moved.length.all() else _InUse.of(gram, alpha, z)
        else:
            # A column beside its kink at zero is in the way: steps of single columns take it
            # there.
            _sweep_groups(gram, alpha, z)
            here = _InUse.of(gram, alpha, z)


@dataclass(frozen=True, eq=False)
class _InUse:
    """The columns with coefficients z (k, T) other than zero, their Gram matrix (k, k) and
    correlations (k, T)."""

    used: np.ndarray
    matrix: np.ndarray
    correlation: np.ndarray
    alpha: float
    z: np.ndarray

    @classmethod
    def of(cls, gram: Gram, alpha: float, z: np.ndarray) -> "_InUse":
        used = np.flatnonzero(z.any(axis=1))
        return cls(used, gram.matrix[np.ix_(used, used)], gram.correlation[used], alpha, z[used])

    @cached_property
    def length(self) -> np.ndarray:
        return row_norms(self.z)

    @cached_property
    def unit(self) -> np.ndarray:
        return self.z / self.length[:, None]

    @cached_property
    def _product(self) -> np.ndarray:
        return self.matrix @ self.z

    @cached_property
    def objective(self) -> float:
        quadratic = 0.5 * np.vdot(self.z, self._product) - np.vdot(self.correlation, self.z)
        return float(quadratic + self.alpha * self.length.sum())

    @cached_property
    def slope(self) -> np.ndarray:
        """Minus the objective's gradient, (k, T)."""
        return self.correlation - self._product - self.alpha * self.unit

    def newton(self) -> "_InUse | None":
        """Where one damped Newton step in all coefficients leads; None where no length of it
        gains."""
        step = lapack.dposv(self._hessian(), self.slope.ravel())[1].reshape(self.z.shape)
        gain = float(np.vdot(self.slope, step))
        for fraction in fractions(self.z, step) if gain > 0 else ():
            moved = self.z + fraction * step
            # A column that would turn round has its optimum at zero, which Newton steps would only
            # approach.
            moved[np.vecdot(self.unit, moved) <= 0] = 0.0
            there = replace(self, z=moved)
            if there.objective < self.objective - 1e-4 * fraction * gain:
                return there
        return None

    def _hessian(self) -> np.ndarray:
        count, targets = self.z.shape
        blocks = np.zeros((count, targets, count, targets))
        for t in range(targets):
            blocks[:, t, :, t] = self.matrix
        # One block per column on the diagonal: alpha (I − u uᵀ) / ‖z_j‖, the curvature of its norm.
        across = np.eye(targets) - self.unit[:, :, None] * self.unit[:, None, :]
        each = np.arange(count)
        blocks[each, :, each, :] += (self.alpha / self.length)[:, None, None] * across
        hessian = blocks.reshape(self.z.size, self.z.size)
        diagonal = hessian.reshape(-1)[:: self.z.size + 1]
        diagonal += DEPENDENT * self.matrix.diagonal().repeat(targets)
        return hessian


def fractions(z: np.ndarray, step: np.ndarray) -> Iterator[float]:
    """The parts of a step of rows z (k, K) that are worth a try: the whole, the one that takes the
    first row as far as it goes before it turns round, and halves of these."""
    yield 1.0
    length, along = row_norms(z), np.vecdot(z, step)
    turning = along < 0
    with np.errstate(over="ignore"):
        ends = length[turning] * (length[turning] / -along[turning])
    # Beyond the end by no more than rounding, so that the row is seen to have turned.
    first = float(ends.min(initial=np.inf)) * (1 + 1e-12)
    fraction = first if first < 1 else 0.5
    yield fraction
    while (fraction := fraction / 2) > SHORTEST:
        yield fraction


def _sweep_groups(gram: Gram, alpha: float, z: np.ndarray) -> None:
    """The best step of each column in use in turn, in place."""
    for j in np.flatnonzero(np.any(z != 0, axis=1)):
        own = gram.matrix[j, j]
        target = gram.correlation[j] - gram.matrix[j] @ z + own * z[j]
        z[j] = (
            max(0.0, 1 - alpha / np.linalg.norm(target)) * target / own if np.any(target) else 0.0
        )
