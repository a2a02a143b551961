"""The loop: price → certify → grow → solve, until the certificate says that nothing is left to gain."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import count

import numpy as np
from threadpoolctl import ThreadpoolController

from wedgefit.certificate import Certificate, Problem, certify
from wedgefit.descent import descended
from wedgefit.dictionary import Dictionary
from wedgefit.lasso import Gram, full_lasso, solve_lasso
from wedgefit.pricing import Priced, Pricer
from wedgefit.wedge import Wedges, row_chunks

# A column of the working set that stayed at zero for this many rounds is dropped, and pricing can bring it back; when the
# objective has stayed the same for as many rounds, only rounding is left to improve.
IDLE_ROUNDS = 4
# A sampled run ends after this many rounds in a row that found nothing worth adding.
PATIENCE = 2


@dataclass(frozen=True, eq=False)
class Fit:
    """A network on the training rows: its wedges (m), coefficients z (m,), output bias t and output (n,)."""

    wedges: Wedges
    coefficients: np.ndarray
    intercept: float
    output: np.ndarray

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The network's output on other rows (n, d), (n,)."""
        return self.wedges.combine(X, self.coefficients) + self.intercept


@dataclass(frozen=True, eq=False)
class Solution:
    """A fit with its certificate.

    ``status``: "converged", "stalled" when rounding stops progress above ``tol``, "stopped" when a deadline came first.
    """

    fit: Fit
    certificate: Certificate
    rounds: int
    status: str


OnRound = Callable[[int, Fit, Certificate], None]


class Deadline:
    """When a solve should end before it is done: after ``seconds`` from now, or never."""

    def __init__(self, seconds: float | None = None):
        self._end = None if seconds is None else time.monotonic() + seconds

    def due(self, reserve: float = 0.0) -> bool:
        """Whether it is time to end, if the last step will still take ``reserve`` seconds."""
        return self._end is not None and time.monotonic() + reserve >= self._end

    def watching(self) -> AbstractContextManager:
        """What surrounds the fit that may be ended early."""
        return nullcontext()


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

    ``exact``: end only on a round that priced every wedge; else on partial rounds that find nothing more. ``working``:
    the working set of the same problem at a neighbouring alpha, to begin from; it is changed. ``deadline``: when it is
    due, one last round certifies the network as it stands.
    """
    working = WorkingSet(pricer.dictionary, problem) if working is None else working
    # One BLAS thread: on matrices this small more threads cost far more than they give.
    with _blas().limit(limits=1, user_api="blas"):
        return _rounds(problem, pricer, tol, exact, working, on_round, deadline or Deadline())


def _rounds(problem, pricer, tol: float, exact: bool, working: "WorkingSet", on_round: OnRound, deadline: Deadline) -> Solution:
    # Where a full round costs next to nothing, go on until rounding; folds of a cross-validation need not.
    wanted = min(tol, 1e-9) if exact and pricer.full_rounds_only else tol
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
        priced = pricer.price(problem.dual_point(fit.output), threshold, fit.wedges, every_pencil=every_pencil)
        certificate = certify(problem, fit.output, fit.coefficients, priced)
        full_round = time.monotonic() - clock if every_pencil else full_round
        on_round(round_, fit, certificate)
        gap = certificate.network_relative_gap if pricer.refine and priced.supremum is not None else certificate.relative_gap
        fresh = working.unseen(priced.wedges)
        idle = 0 if certificate.objective < lowest * (1 - 1e-12) else idle + 1
        lowest = min(lowest, certificate.objective)
        stuck = (not len(fresh) and kkt == finest) or idle >= IDLE_ROUNDS
        satisfied = satisfied + 1 if gap <= wanted or stuck else 0
        finished = satisfied and (priced.exact or (not exact and satisfied == PATIENCE))
        if finished or ending:
            return Solution(fit, certificate, round_, "converged" if gap <= tol else "stalled" if finished else "stopped")
        every_pencil = exact and (pricer.full_rounds_only or satisfied > 0)
        if gap > wanted:
            # Far from the optimum the Lasso need not be solved to the last digit.
            kkt = max(finest, 0.01 * min(0.1, gap)) if len(fresh) else finest
            working.grow(fresh)
            working.solve(problem.alpha, kkt)
            if pricer.refine:
                fit = working.fit()
                working.grow(working.unseen(descended(problem, pricer.dictionary, fit.wedges, fit.coefficients, fit.intercept)))
                working.solve(problem.alpha, kkt)
            working.drop_idle()
            fit = working.fit()


def solve_written_out(problem: Problem, pricer: Pricer, *, tol: float) -> Solution:
    """The slow reference: the whole dictionary as a matrix, scikit-learn's ``Lasso`` once, the same certificate."""
    wedges = pricer.dictionary.written_out()
    X = pricer.dictionary.X
    # scikit-learn measures its gap against ‖y‖², which is larger than the objective: the certificate says what was reached.
    z, intercept = full_lasso(np.asfortranarray(wedges.hinges(X)), problem.y, problem.alpha, problem.intercept, tol)
    kept = np.flatnonzero(z)
    fit = _fit_on(X, wedges.take(kept), z[kept], intercept)
    priced = pricer.price(problem.dual_point(fit.output), problem.alpha, fit.wedges, every_pencil=True)
    certificate = certify(problem, fit.output, fit.coefficients, priced)
    return Solution(fit, certificate, 1, "converged" if certificate.relative_gap <= tol else "stalled")


def _fit_on(X: np.ndarray, wedges: Wedges, coefficients: np.ndarray, intercept: float) -> Fit:
    return Fit(wedges, coefficients, intercept, wedges.combine(X, coefficients) + intercept)


def largest_alpha(problem: Problem, pricer: Pricer, *, exact: bool = True) -> float:
    """alpha_max: the smallest alpha at which the network has no neuron, the largest score at the null model.

    Not ``exact``: the largest that a few partial rounds find, each around the winners of the one before.
    """
    null = problem.dual_point(problem.null_output())
    if exact:
        return pricer.price(null, np.inf, pricer.dictionary.none(), every_pencil=True).bound
    best = pricer.dictionary.none()
    bounds = []
    for _ in range(PATIENCE + 1):
        priced = pricer.price(null, 0.0, best, every_pencil=False)
        best, bounds = priced.wedges, [*bounds, priced.bound]
    return max(bounds)


@cache
def _blas() -> ThreadpoolController:
    """The loaded thread pools; finding them takes milliseconds, so it is done once."""
    return ThreadpoolController()


class WorkingSet:
    """The wedges that the Lasso may use now, with their Gram matrix; hinge values are made in chunks and never kept.

    Each entry of the Gram matrix is computed once, when the later of its two wedges arrives.
    """

    def __init__(self, dictionary: Dictionary, problem: Problem):
        self.X, self.problem = dictionary.X, problem
        self.wedges = dictionary.none()
        self.means = np.empty(0)
        self.gram = Gram(np.empty((0, 0)), np.empty(0))
        self.coefficients = np.empty(0)
        self.idle = np.empty(0, dtype=int)

    def unseen(self, wedges: Wedges) -> Wedges:
        """Those of the wedges that are not in the set."""
        present = set(self.wedges.keys())
        return wedges.take([i for i, key in enumerate(wedges.keys()) if key not in present])

    def grow(self, wedges: Wedges) -> None:
        """Take in new wedges, with coefficient zero."""
        old, new = len(self.wedges), len(wedges)
        n = len(self.X)
        means = np.zeros(new)
        if self.problem.intercept:
            for rows in row_chunks(n, new):
                means += wedges.hinges(self.X[rows]).sum(axis=0) / n
        joined = self.wedges.joined_with(wedges)
        self.means = np.concatenate([self.means, means])
        centred_y = self.problem.y - self.problem.null_output()
        block, correlation = np.zeros((old + new, new)), np.zeros(new)
        for rows in row_chunks(n, old + new):
            columns = joined.hinges(self.X[rows]) - self.means
            block += columns.T @ columns[:, old:]
            correlation += centred_y[rows] @ columns[:, old:]
        matrix = np.empty((old + new, old + new))
        matrix[:old, :old] = self.gram.matrix
        matrix[:, old:] = block / n
        matrix[old:, :old] = matrix[:old, old:].T
        self.gram = Gram(matrix, np.concatenate([self.gram.correlation, correlation / n]))
        self.wedges = joined
        self.coefficients = np.concatenate([self.coefficients, np.zeros(new)])
        self.idle = np.concatenate([self.idle, np.zeros(new, dtype=int)])

    def solve(self, alpha: float, kkt: float) -> None:
        """The Lasso on the set, warm, to a relative violation of the KKT conditions of ``kkt``."""
        self.coefficients = solve_lasso(self.gram, alpha, self.coefficients, kkt=kkt)
        self.idle = np.where(self.coefficients == 0, self.idle + 1, 0)

    def drop_idle(self) -> None:
        """Forget the columns that have been zero for long."""
        kept = np.flatnonzero(self.idle <= IDLE_ROUNDS)
        if len(kept) < len(self.idle):
            self.wedges, self.means = self.wedges.take(kept), self.means[kept]
            self.gram = Gram(self.gram.matrix[np.ix_(kept, kept)], self.gram.correlation[kept])
            self.coefficients, self.idle = self.coefficients[kept], self.idle[kept]

    def fit(self) -> Fit:
        """The network as it stands."""
        used = np.flatnonzero(self.coefficients)
        wedges, z = self.wedges.take(used), self.coefficients[used]
        base = float(self.problem.null_output()[0])
        return _fit_on(self.X, wedges, z, base - float(self.means[used] @ z))
