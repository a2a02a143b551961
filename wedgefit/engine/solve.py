"""The loop: price → certify → grow → solve, until the certificate says that nothing is left to
gain."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from wedgefit.engine.certificate import Certificate, certify
from wedgefit.engine.descent import descended
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.lasso import Gram, full_lasso, least_squares, solve_group_lasso, solve_lasso
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.shared import one_blas_thread
from wedgefit.engine.wedge import Wedges, row_chunks
from wedgefit.watch import Deadline

# A column of the working set that stayed at zero for this many rounds is dropped, and pricing can
# bring it back; when the objective has stayed the same for as many rounds, only rounding is left to
# improve.
IDLE_ROUNDS = 4
# Proximal Newton converges in a handful of steps; a step that must be shortened below 2^-HALVINGS
# gains nothing.
NEWTON_STEPS = 50
HALVINGS = 30
# A weight this small beside the largest is what rounding left of zero.
SMALLEST_WEIGHT = 1e-12
# A sampled run ends after this many rounds in a row that found nothing worth adding.
PATIENCE = 2


@dataclass(frozen=True, eq=False)
class Solution:
    """A fit with its certificate.

    ``status``: "converged", "stalled" when rounding stops progress above ``tol``, "stopped" when a
    deadline came first.
    """

    fit: Fit
    certificate: Certificate
    rounds: int
    status: str


OnRound = Callable[[int, Fit, Certificate], None]


def solve(
    problem: Problem,
    pricer: Pricer,
    *,
    tol: float,
    exact: bool = True,
    working: "WorkingSet | None" = None,
    on_round: OnRound = lambda *_: None,
    deadline: Deadline | None = None,
) -> Solution:
    """The optimal network of a dictionary, to a relative duality gap of ``tol``.

    ``exact``: end only on a round that priced every wedge; else on partial rounds that find nothing
    more. ``working``: the working set of the same problem at a neighbouring alpha, to begin from;
    it is changed. ``deadline``: when it is due, one last round certifies the network as it stands.
    """
    working = working_set(pricer.dictionary, problem) if working is None else working
    with one_blas_thread():
        return _rounds(problem, pricer, tol, exact, working, on_round, deadline or Deadline())


def _rounds(
    problem,
    pricer,
    tol: float,
    exact: bool,
    working: "WorkingSet",
    on_round: OnRound,
    deadline: Deadline,
) -> Solution:
    # Where a full round costs little, go on to where digits end; folds of a cross-validation need
    # not.
    wanted = min(tol, 1e-9) if exact and pricer.full_rounds_are_quick else tol
    finest = 1e-12 if exact else 0.1 * tol
    threshold = problem.alpha * (1 + 0.1 * wanted)
    kkt = finest
    working.solve(problem.alpha, kkt)
    fit = working.fit()
    every_pencil, satisfied, full_round, lowest, idle = exact, 0, 0.0, np.inf, 0
    for round_ in count(1):
        ending = deadline.due(reserve=full_round if exact else 0.0)
        clock = time.monotonic()
        every_pencil = every_pencil or (ending and exact)
        point = problem.dual_point(fit.combined)
        priced = pricer.price(
            point,
            threshold,
            fit.wedges,
            every_pencil=every_pencil,
            thorough=not exact and satisfied > 0,
            sharp=0.5 * wanted,
        )
        certificate = certify(problem, fit, priced)
        full_round = time.monotonic() - clock if every_pencil else full_round
        on_round(round_, fit, certificate)
        gap = (
            certificate.network_relative_gap
            if pricer.refine and priced.supremum is not None
            else certificate.relative_gap
        )
        fresh = working.unseen(priced.wedges)
        idle = 0 if certificate.objective < lowest * (1 - 1e-12) else idle + 1
        lowest = min(lowest, certificate.objective)
        stuck = (not len(fresh) and kkt == finest) or idle >= IDLE_ROUNDS
        satisfied = satisfied + 1 if gap <= wanted or stuck else 0
        finished = satisfied and (priced.exact or (not exact and satisfied == PATIENCE))
        if finished or ending:
            return Solution(
                fit,
                certificate,
                round_,
                "converged" if gap <= tol else "stalled" if finished else "stopped",
            )
        every_pencil = exact and (pricer.full_rounds_only or satisfied > 0)
        if gap > wanted:
            # Far from the optimum the Lasso need not be solved to the last digit.
            kkt = max(finest, 0.01 * min(0.1, gap)) if len(fresh) else finest
            working.grow(fresh)
            working.solve(problem.alpha, kkt)
            if pricer.refine:
                fit = working.fit()
                working.grow(working.unseen(descended(problem, pricer.dictionary, fit)))
                working.solve(problem.alpha, kkt)
            working.drop_idle()
            fit = working.fit()


def solve_written_out(problem: Problem, pricer: Pricer, *, tol: float) -> Solution:
    """The slow reference: the whole dictionary as a matrix, scikit-learn's ``Lasso`` once, the same
    certificate."""
    wedges = pricer.dictionary.written_out()
    X = pricer.dictionary.X
    # scikit-learn measures its gap against ‖y‖², which is larger than the objective: the
    # certificate says what was reached.
    z = full_lasso(
        np.asfortranarray(wedges.hinges(X)),
        problem.centred,
        problem.alpha,
        problem.intercept,
        tol,
        problem.weights,
    )
    kept = np.flatnonzero(z)
    fit = fit_on(X, problem, wedges.take(kept), z[kept])
    priced = pricer.price(
        problem.dual_point(fit.combined), problem.alpha, fit.wedges, every_pencil=True
    )
    certificate = certify(problem, fit, priced)
    return Solution(
        fit, certificate, 1, "converged" if certificate.relative_gap <= tol else "stalled"
    )


def readable(X: np.ndarray, problem: Problem, fit: Fit) -> Fit:
    """The same function at the same cost, as plain as it can be said; for networks with hidden
    biases.

    A wedge through two rows that agree in one of its columns reads the other one alone: it becomes
    of order 1, and equal neurons one. Those of order 1 that are linear on the rows rise: max(0, 3 −
    x) is 3 − x where x never exceeds 3, and an output bias can turn it into −max(0, x − 1).
    """
    if not len(fit.wedges):
        return fit
    wedges = _of_order_one(X, fit.wedges)
    sign = np.ones(len(wedges))
    if problem.intercept:
        wedges, sign = _rising(X, wedges)
    merged: dict[tuple, int] = {}
    place = [merged.setdefault(key, len(merged)) for key in wedges.keys()]
    z = np.zeros((len(merged), *fit.coefficients.shape[1:]))
    np.add.at(z, place, (fit.coefficients.T * sign).T)
    return fit_on(X, problem, wedges.take(np.unique(place, return_index=True)[1]), z)


def _of_order_one(X: np.ndarray, wedges: Wedges) -> Wedges:
    """The same hyperplanes; one that reads a single column names this column and the first row that
    it passes through only."""
    weights = np.abs(wedges.normals)
    single = np.flatnonzero(
        (weights > SMALLEST_WEIGHT * weights.max(axis=1, keepdims=True)).sum(axis=1) == 1
    )
    columns, samples, normals, offsets = (
        part.copy() for part in (wedges.columns, wedges.samples, wedges.normals, wedges.offsets)
    )
    column = weights[single].argmax(axis=1)
    # Of the rows with this value the first, so that equal neurons can be told.
    sample = (X[:, column] == X[samples[single, 0], column]).argmax(axis=0)
    facing = np.sign(normals[single, column])
    columns[single], samples[single], normals[single] = -1, -1, 0.0
    columns[single, 0], samples[single, 0], normals[single, column] = column, sample, facing
    offsets[single] = -facing * X[sample, column]
    return Wedges(columns, samples, normals, offsets)


def _rising(X: np.ndarray, wedges: Wedges) -> tuple[Wedges, np.ndarray]:
    """Those of order 1 that fall and are linear on the rows, turned to pass through the lowest row;
    −1 where one was, (m,)."""
    falling = np.flatnonzero((wedges.orders == 1) & (wedges.normals.sum(axis=1) < 0))
    column = wedges.columns[falling, 0]
    linear = X[wedges.samples[falling, 0], column] == X.max(axis=0)[column]
    turned, column = falling[linear], column[linear]
    lowest, sign = X.argmin(axis=0)[column], np.ones(len(wedges))
    sign[turned] = -1.0
    samples, offsets = wedges.samples.copy(), wedges.offsets.copy()
    samples[turned, 0], offsets[turned] = lowest, -X[lowest, column]
    return Wedges(wedges.columns, samples, wedges.normals * sign[:, None], offsets), sign


def refitted(X: np.ndarray, problem: Problem, fit: Fit) -> Fit:
    """The same wedges with the coefficients of least squares, without a penalty (the relaxed
    Lasso).

    For the squared loss. The certificate of ``fit`` then speaks of the choice of the wedges, not of
    these coefficients.
    """
    if not len(fit.wedges):
        return fit
    coefficients = least_squares(
        fit.wedges.hinges(X), problem.centred, problem.intercept, problem.weights
    )
    return fit_on(X, problem, fit.wedges, coefficients)


def largest_alpha(problem: Problem, pricer: Pricer, *, exact: bool = True) -> float:
    """alpha_max: the smallest alpha at which the network has no neuron, the largest score at the
    null model.

    Not ``exact``: the largest that a few partial rounds find, each around the winners of the one
    before.
    """
    null = problem.null_dual()
    if exact:
        return pricer.price(null, np.inf, pricer.dictionary.none(), every_pencil=True).bound
    best = pricer.dictionary.none()
    bounds = []
    for _ in range(PATIENCE + 1):
        priced = pricer.price(null, 0.0, best, every_pencil=False)
        best, bounds = priced.wedges, [*bounds, priced.bound]
    return max(bounds)


class WorkingSet:
    """The wedges that the Lasso may use now, with their coefficients; hinge values are made in
    chunks and never kept."""

    def __init__(self, dictionary: Dictionary, problem: Problem):
        self.X, self.problem = dictionary.X, problem
        self.wedges = dictionary.none()
        self.coefficients = np.empty((0, *problem.y.shape[1:]))
        self.idle = np.empty(0, dtype=int)

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
            [self.coefficients, np.zeros((new, *self.coefficients.shape[1:]))]
        )
        self.idle = np.concatenate([self.idle, np.zeros(new, dtype=int)])

    def solve(self, alpha: float, kkt: float) -> None:
        """The Lasso on the set, warm, to a relative violation of the KKT conditions of ``kkt``."""
        self.coefficients = self._optimal(alpha, kkt)
        self.idle = np.where(row_norms(self.coefficients) == 0, self.idle + 1, 0)

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        raise NotImplementedError

    def drop_idle(self) -> None:
        """Forget the columns that have been zero for long."""
        kept = np.flatnonzero(self.idle <= IDLE_ROUNDS)
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
        return fit_on(self.X, self.problem, self.wedges.take(used), self.coefficients[used])


class QuadraticWorkingSet(WorkingSet):
    """For the squared loss: each entry of the Gram matrix is computed once, when the later of its
    two wedges arrives."""

    def __init__(self, dictionary: Dictionary, problem: Problem):
        super().__init__(dictionary, problem)
        self.means = np.empty(0)
        self.gram = Gram(np.empty((0, 0)), np.empty((0, *problem.y.shape[1:])))

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
        block, correlation = np.zeros((old + new, new)), np.zeros((new, *self.problem.y.shape[1:]))
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
        solver = solve_lasso if self.coefficients.ndim == 1 else solve_group_lasso
        return solver(self.gram, alpha, self.coefficients, kkt=kkt)

    def _keep(self, kept: np.ndarray) -> None:
        super()._keep(kept)
        self.means = self.means[kept]
        self.gram = Gram(self.gram.matrix[np.ix_(kept, kept)], self.gram.correlation[kept])


class CurvedWorkingSet(WorkingSet):
    """For any other loss: proximal Newton, each step a weighted Lasso on the wedges that are in use
    or violate (section 4)."""

    def _optimal(self, alpha: float, kkt: float) -> np.ndarray:
        z = self.coefficients.copy()
        output = self.wedges.combine(self.X, z)
        for _ in range(NEWTON_STEPS):
            dual = self.problem.dual_point(output)
            gradient = self._correlations(dual)
            violation = np.where(
                z != 0,
                np.abs(gradient - alpha * np.sign(z)),
                np.maximum(np.abs(gradient) - alpha, 0.0),
            )
            worst = violation.max(initial=0.0) / alpha
            if worst <= kkt:
                break
            active = np.flatnonzero((z != 0) | (violation > 0))
            matrix = self._curved_gram(active, output)
            model = Gram(matrix, gradient[active] + matrix @ z[active])
            target = solve_lasso(
                model, alpha, z[active], kkt=max(0.1 * kkt, 1e-12, min(1e-3, 0.1 * worst))
            )
            step = target - z[active]
            promised = float(gradient[active] @ step) - alpha * float(
                np.abs(target).sum() - np.abs(z[active]).sum()
            )
            moved, output = self._line_search(alpha, z, output, active, step, promised)
            if not moved:
                break
            z[active] = (
                np.where(step == 0, z[active], z[active] + moved * step) if moved < 1 else target
            )
        return z

    def _correlations(self, dual: np.ndarray) -> np.ndarray:
        """Kᵀ dual, (m,)."""
        total = np.zeros(len(self.wedges))
        for rows in row_chunks(len(self.X), len(self.wedges)):
            total += dual[rows] @ self.wedges.hinges(self.X[rows])
        return total

    def _curved_gram(self, active: np.ndarray, output: np.ndarray) -> np.ndarray:
        """The loss's second derivative in the coefficients of these wedges, with the output bias
        eliminated, (k, k)."""
        problem, wedges = self.problem, self.wedges.take(active)
        curvature = problem.curvature(output)
        matrix, means = np.zeros((len(active), len(active))), np.zeros(len(active))
        for rows in row_chunks(len(self.X), len(active)):
            columns = wedges.hinges(self.X[rows])
            weighted = curvature[rows, None] * columns
            matrix += columns.T @ weighted
            means += weighted.sum(axis=0)
        return matrix - np.outer(means, means) / curvature.sum() if problem.intercept else matrix

    def _line_search(
        self, alpha, z, output, active, step, promised: float
    ) -> tuple[float, np.ndarray]:
        """How far along the step the objective falls as it should (0: nowhere), and the output
        there."""
        problem = replace(self.problem, alpha=alpha)
        change = self.wedges.take(active).combine(self.X, step)
        before = problem.objective(output, problem.shift(output), z[active])
        length = 1.0
        for _ in range(HALVINGS):
            reached = output + length * change
            after = problem.objective(reached, problem.shift(reached), z[active] + length * step)
            # Near the optimum rounding hides the gain: then the full step is the best guess.
            if after <= before - 1e-4 * length * promised + 1e-15 * abs(before):
                return length, reached
            length /= 2
        return 0.0, output


def working_set(dictionary: Dictionary, problem: Problem) -> WorkingSet:
    """An empty working set that can solve this problem's loss."""
    return (QuadraticWorkingSet if problem.loss.quadratic else CurvedWorkingSet)(
        dictionary, problem
    )
