"""The wedges that the Lasso may use now, and the Lasso on them (theory, section 4)."""

from dataclasses import replace
from typing import cast

import numpy as np

from wedgefit.engine.coupled_lasso import settled
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.group_lasso import solve_group_lasso
from wedgefit.engine.hinges import Hinges
from wedgefit.engine.linear_program import quantile_lasso
from wedgefit.engine.losses import Quantile, Softmax
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.support import Gram
from wedgefit.engine.wedge import Wedges, row_chunks

# A wedge that stayed at zero for this many solutions is dropped; pricing can bring it back.
IDLE_SOLUTIONS = 4
# Proximal Newton converges in a handful of steps; a step that must be shortened below 2^-HALVINGS
# gains nothing.
NEWTON_STEPS = 50
HALVINGS = 30
# Where a loss is a line, rows count with this part of the largest curvature at first: with more
# after a step that had to be shortened, with less after one that had not.
DAMPING = 1e-3
# The kink of a quantile's loss is so narrow that slopes within have no more digits than this; a
# step or two of Newton's method lead to them from the linear program.
FINEST_OF_KINKS = 1e-7
STEPS_OF_KINKS = 10
# Beyond this many unknowns a Newton step for classes takes longer than the proximal steps that do
# without.
MOST_UNKNOWNS = 3000


class WorkingSet:
    """The wedges that the Lasso may use now, with their coefficients; hinge values are made in
    chunks and never kept."""

    def __init__(self, dictionary: Dictionary, problem: Problem):
        self.X, self.problem = dictionary.X, problem
        self.wedges = dictionary.none()
        self.coefficients = np.empty((0, problem.targets))
        self.idle = np.empty(0, dtype=int)
        # The output bias that belongs to the coefficients, where they are found together.
        self.bias: np.ndarray | None = None

    @property
    def neurons(self) -> int:
        """How many of the wedges are in use."""
        return int(np.count_nonzero(row_norms(self.coefficients)))

    def unseen(self, wedges: Wedges) -> Wedges:
        """Those of the wedges that are not in the set."""
        present = set(self.wedges.keys())
        return wedges.take([i for i, key in enumerate(wedges.keys()) if key not in present])

    def grow(self, wedges: Wedges) -> None:
        """Take in new wedges, with coefficient zero."""
        new = len(wedges)
        self.wedges = self.wedges.joined_with(wedges)
        self.coefficients = np.concatenate(
            [self.coefficients, np.zeros((new, self.problem.targets))]
        )
        self.idle = np.concatenate([self.idle, np.zeros(new, dtype=int)])

    def solve(self, alpha: float, kkt: float) -> None:
        """The Lasso on the set, warm, to a relative violation of the KKT conditions of ``kkt``."""
        self.coefficients = self._optimal(alpha, kkt)
        self.idle = np.where(row_norms(self.coefficients) == 0, self.idle + 1, 0)

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        raise NotImplementedError

    def drop_idle(self, patience: int = IDLE_SOLUTIONS) -> None:
        """Forget the columns that have been zero for more than so many solutions."""
        kept = np.flatnonzero(self.idle <= patience)
        if len(kept) < len(self.idle):
            self._keep(kept)

    def _keep(self, kept: np.ndarray) -> None:
        self.wedges, self.coefficients, self.idle = (
            self.wedges.take(kept),
            self.coefficients[kept],
            self.idle[kept],
        )

    def fit(self) -> Fit:
        """The network as it stands."""
        used = np.flatnonzero(row_norms(self.coefficients))
        wedges, coefficients = self.wedges.take(used).as_hinges(self.coefficients[used])
        return fit_on(self.X, self.problem, wedges, coefficients, self.bias)


class QuadraticWorkingSet(WorkingSet):
    """For the squared loss: each entry of the Gram matrix is computed once, when the later of its
    two wedges arrives."""

    def __init__(self, dictionary: Dictionary, problem: Problem):
        super().__init__(dictionary, problem)
        self.means = np.empty(0)
        self.gram = Gram(np.empty((0, 0)), np.empty((0, problem.targets)))

    def grow(self, wedges: Wedges) -> None:
        old, new = len(self.wedges), len(wedges)
        super().grow(wedges)
        n, weights = len(self.X), self.problem.weights
        means = np.zeros(new)
        if self.problem.intercept:
            for rows in row_chunks(n, new):
                means += weights[rows] @ wedges.hinges(self.X[rows])
        self.means = np.concatenate([self.means, means])
        residual = self.problem.null_dual()
        block, correlation = np.zeros((old + new, new)), np.zeros((new, self.problem.targets))
        for rows in row_chunks(n, old + new):
            columns = self.wedges.hinges(self.X[rows]) - self.means
            block += columns.T @ (weights[rows, None] * columns[:, old:])
            correlation += columns[:, old:].T @ residual[rows]
        matrix = np.empty((old + new, old + new))
        matrix[:old, :old] = self.gram.matrix
        matrix[:, old:] = block
        matrix[old:, :old] = matrix[:old, old:].T
        self.gram = Gram(matrix, np.concatenate([self.gram.correlation, correlation]))

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        nonnegative = self.wedges.nonnegative
        return solve_group_lasso(
            self.gram, alpha, self.coefficients, kkt=kkt, nonnegative=nonnegative
        )

    def _keep(self, kept: np.ndarray) -> None:
        super()._keep(kept)
        self.means = self.means[kept]
        self.gram = Gram(self.gram.matrix[np.ix_(kept, kept)], self.gram.correlation[kept])


class CurvedWorkingSet(WorkingSet):
    """For any other loss: proximal Newton, each step a weighted Lasso on the wedges that are in use
    or violate (section 4)."""

    steps = NEWTON_STEPS

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        z, damping, nonnegative = self.coefficients.copy(), DAMPING, self.wedges.nonnegative
        hinges = Hinges(self.X, self.wedges)
        # With the best bias in it, which is close to the best one after a step.
        output = self.problem.settled(hinges.combined(z))
        for _ in range(self.steps):
            gradient = hinges.products(self.problem.dual_at(output))
            violation = _violations(gradient, z, alpha, nonnegative)
            worst = violation.max(initial=0.0) / alpha
            if worst <= kkt:
                break
            active = np.flatnonzero((row_norms(z) > 0) | (violation > 0))
            some = hinges.take(active)
            matrix = self._curved_gram(some, self.problem.curvature_at(output, damping))
            model = Gram(matrix, gradient[active] + matrix @ z[active])
            fine = max(0.1 * kkt, 1e-12, min(1e-3, 0.1 * worst))
            target = solve_group_lasso(model, alpha, z[active], kkt=fine, nonnegative=nonnegative)
            step = target - z[active]
            promised = float(np.vdot(gradient[active], step)) - alpha * float(
                row_norms(target).sum() - row_norms(z[active]).sum()
            )
            change = some.combined(step)
            moved, output = self._line_search(alpha, z[active], output, step, change, promised)
            damping = damping / 10 if moved == 1 else min(10 * damping, 1.0)
            if not moved:
                break
            z[active] = (
                np.where(step == 0, z[active], z[active] + moved * step) if moved < 1 else target
            )
        return z

    def _curved_gram(self, hinges: Hinges, curvature: np.ndarray) -> np.ndarray:
        """The loss's second derivative in the coefficients of these hinges, with the output bias
        eliminated, (k, k), from that in the outputs (n, K).

        One matrix for all targets, so that they can share their columns: by the largest curvature
        of a row's targets the model lies above the loss, and its steps are a little short.
        """
        curvature = curvature.max(axis=1)
        count = len(hinges.wedges)
        matrix, means = np.zeros((count, count)), np.zeros(count)
        root = np.sqrt(curvature)
        for rows, columns in hinges.blocks():
            # Of a matrix and itself half the products are enough, and BLAS sees that they are.
            columns = root[rows, None] * columns
            matrix += columns.T @ columns
            means += root[rows] @ columns
        if not self.problem.intercept:
            return matrix
        return matrix - np.outer(means, means) / curvature.sum()

    def _line_search(
        self, alpha: float, z, output, step, change, promised: float
    ) -> tuple[float, np.ndarray]:
        """How far along the step from z, which changes the output by ``change``, the objective
        falls as it should (0: nowhere), and the output there, with its best bias."""
        before, length = self._objective(alpha, output, z), 1.0
        for _ in range(HALVINGS):
            reached = self._with_its_bias(output + length * change)
            after = self._objective(alpha, reached, z + length * step)
            # Near the optimum rounding hides the gain: then the full step is the best guess.
            if after <= before - 1e-4 * length * promised + 1e-15 * abs(before):
                return length, reached
            length /= 2
        return 0.0, output

    def _with_its_bias(self, output: np.ndarray) -> np.ndarray:
        return self.problem.settled(output)

    def _objective(self, alpha: float, output: np.ndarray, z: np.ndarray) -> float:
        """The objective of coefficients z, from an output with its best bias."""
        problem = self.problem
        value = problem.loss.value(problem.centred, output, problem.weights)
        return value + alpha * float(row_norms(z).sum())


class CoupledWorkingSet(CurvedWorkingSet):
    """For several classes: which wedges are in use, proximal steps find, under one curvature for
    all outputs; how large they are, Newton's method with the outputs' own. Both move the bias
    along, since to seek the best one takes as long as a step."""

    steps = NEWTON_STEPS

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        z, lowest = self.coefficients.copy(), np.inf
        hinges = Hinges(self.X, self.wedges)
        problem, loss = self.problem, self.problem.loss
        for _ in range(self.steps):
            combined = hinges.combined(z)
            self.bias = bias = problem.shift(combined, self.bias)
            output = combined + (bias - problem.location)
            dual = loss.negative_gradient(problem.centred, output, problem.weights)
            gradient = hinges.products(dual)
            violation = _violations(gradient, z, alpha)
            worst = violation.max(initial=0.0) / alpha
            objective = self._objective(alpha, output, z)
            if worst <= kkt or objective >= lowest - 1e-15 * abs(lowest):
                break
            lowest = objective
            entering = violation[row_norms(z) == 0].max(initial=0.0) > kkt * alpha
            if entering or not self._small(z):
                fine = max(0.1 * kkt, 0.1 * worst)
                z, drift = self._proximal(alpha, hinges, z, output, gradient, fine)
                self.bias = bias = bias + drift
            if self._small(z):
                z, self.bias = self._settled(alpha, hinges, z, bias, max(0.5 * kkt, 1e-3 * worst))
        return z

    def _small(self, z: np.ndarray) -> bool:
        """Whether Newton's method can take the wedges in use."""
        unknowns = np.count_nonzero(row_norms(z)) * (z.shape[1] - 1)
        return 0 < unknowns <= MOST_UNKNOWNS

    def _proximal(
        self, alpha, hinges, z, output, gradient, kkt: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients after one step of the wedges that are in use or violate, and how far the
        bias goes with them, as the curvature says."""
        problem, violation = self.problem, _violations(gradient, z, alpha)
        active = np.flatnonzero((row_norms(z) > 0) | (violation > 0))
        some = hinges.take(active)
        curvature = problem.loss.curvature(problem.centred, output, problem.weights)
        matrix = self._curved_gram(some, curvature)
        model = Gram(matrix, gradient[active] + matrix @ z[active])
        target = solve_group_lasso(model, alpha, z[active], kkt=min(kkt, 3e-2))
        step = target - z[active]
        promised = float(np.vdot(gradient[active], step)) - alpha * float(
            row_norms(target).sum() - row_norms(z[active]).sum()
        )
        change, rows = some.combined(step), curvature.max(axis=1)
        drift = -(rows @ change) / rows.sum() if problem.intercept else np.zeros(z.shape[1])
        moved, _ = self._line_search(alpha, z[active], output, step, change + drift, promised)
        found = z.copy()
        found[active] = target if moved == 1 else z[active] + moved * step
        return found, moved * drift

    def _settled(
        self, alpha: float, hinges: Hinges, z: np.ndarray, bias: np.ndarray, kkt: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best coefficients of the wedges in use, some of which may turn out to be zero, and
        the bias that belongs to them."""
        used, found, problem = np.flatnonzero(row_norms(z)), z.copy(), self.problem
        columns = hinges.take(used).values()
        found[used], bias = settled(replace(problem, alpha=alpha), columns, z[used], bias, kkt)
        return found, bias

    def _with_its_bias(self, output: np.ndarray) -> np.ndarray:
        return output


class KinkedWorkingSet(CurvedWorkingSet):
    """For a quantile: the linear program finds a corner of the optimum, and from there a step or
    two the optimum of the loss with its kink rounded, whose slopes are the dual point."""

    steps = STEPS_OF_KINKS

    def __init__(self, dictionary: Dictionary, problem: Problem):
        self.quantile = cast("Quantile", problem.loss).rounded
        super().__init__(dictionary, replace(problem, loss=self.quantile))

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        problem, z = self.problem, self.coefficients
        if len(z):
            corner = quantile_lasso(
                self.wedges.hinges(self.X),
                problem.centred.ravel(),
                problem.weights,
                self.quantile.level,
                alpha,
                problem.intercept,
                self.wedges.nonnegative,
            )
            self.coefficients = z if corner is None else corner.reshape(z.shape)
        z = super()._optimal(alpha, max(kkt, FINEST_OF_KINKS))
        settled = self._settled(alpha, z)
        if self.wedges.nonnegative and settled.min(initial=0.0) < 0:
            return z
        return settled if self._excess(alpha, settled) < self._excess(alpha, z) else z

    def _settled(self, alpha: float, z: np.ndarray) -> np.ndarray:
        """The coefficients, shaped like z, at which the columns in use have score alpha, if the
        same rows stay within their kinks.

        Newton's method sees these rows through a Gram matrix, which has the square of their
        condition; here slopes and coefficients are solved for side by side.
        """
        problem, used = self.problem, np.flatnonzero(z)
        output = self.wedges.combine(self.X, z)
        y, weights, dual = problem.centred.ravel(), problem.weights, problem.dual_point(output)
        inside = problem.loss.curvature(y, y - self._rest(output), weights) > 0
        columns = self.wedges.take(used).hinges(self.X)
        goal = alpha * np.sign(z.ravel()[used])
        if problem.intercept:
            columns, goal = np.column_stack([columns, np.ones(len(y))]), np.append(goal, 0.0)
        near, width = columns[inside], self.quantile.width(y, weights)
        slopes, unknowns = near.shape
        system = np.block(
            [
                [width * np.eye(slopes), near],
                [near.T * weights[inside], np.zeros((unknowns, unknowns))],
            ]
        )
        right = np.concatenate(
            [
                y[inside] + width * (self.quantile.level - 0.5),
                goal - columns[~inside].T @ dual.ravel()[~inside],
            ]
        )
        found = z.copy()
        try:
            found.ravel()[used] = np.linalg.solve(system, right)[slopes:][: len(used)]
        except np.linalg.LinAlgError:  # Columns that are dependent on these rows.
            return z
        return found

    def _rest(self, output: np.ndarray) -> np.ndarray:
        """y less the output at its best bias, (n,)."""
        problem = self.problem
        bias = problem.shift(output) - problem.location
        return (problem.centred - output - bias).ravel()

    def _excess(self, alpha: float, z: np.ndarray) -> float:
        """How far the largest score in the set lies above alpha."""
        dual = self.problem.dual_point(self.wedges.combine(self.X, z))
        products = Hinges(self.X, self.wedges).products(dual)
        scores = products if self.wedges.nonnegative else np.abs(products)
        return float(scores.max(initial=0.0)) - alpha


def _violations(
    gradient: np.ndarray, z: np.ndarray, alpha: float, nonnegative: bool = False
) -> np.ndarray:
    """By how much each row of coefficients z (m, K) fails the KKT conditions, (m,)."""
    length = row_norms(z)
    sizes = gradient[:, 0] if nonnegative else row_norms(gradient)
    unit = z / np.where(length > 0, length, 1.0)[:, None]
    return np.where(
        length > 0,
        row_norms(gradient - alpha * unit),
        np.maximum(sizes - alpha, 0.0),
    )


def working_set(dictionary: Dictionary, problem: Problem) -> WorkingSet:
    """An empty working set that can solve this problem's loss."""
    if isinstance(problem.loss, Quantile):
        return KinkedWorkingSet(dictionary, problem)
    if isinstance(problem.loss, Softmax):
        return CoupledWorkingSet(dictionary, problem)
    return (QuadraticWorkingSet if problem.loss.quadratic else CurvedWorkingSet)(
        dictionary, problem
    )
