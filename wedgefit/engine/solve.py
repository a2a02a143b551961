"""The loop: price → certify → grow → solve, until the certificate says that nothing is left to
gain."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wedgefit.engine.certificate import Certificate, certify, sharp_enough
from wedgefit.engine.choice import MANY_ROWS
from wedgefit.engine.descent import ALL_ROWS, descended
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.lasso import full_lasso, least_squares
from wedgefit.engine.pricing import SHARPEST, Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.proof import Proof
from wedgefit.engine.schedule import PATIENCE, Schedule, Status
from wedgefit.engine.shared import one_blas_thread
from wedgefit.engine.working_set import WorkingSet, working_set
from wedgefit.errors import FitError
from wedgefit.watch import Deadline

# How far the alpha_max of very many rows, or by patches, may lie above the largest score,
# relatively.
SHARP_ENOUGH = 1e-6


@dataclass(frozen=True, eq=False)
class Solution:
    """A fit with its certificate, what proved that, and how it ended."""

    fit: Fit
    certificate: Certificate
    rounds: int
    status: Status
    proof: Proof


OnRound = Callable[[int, Fit, Certificate], None]


def solve(
    problem: Problem,
    pricer: Pricer,
    *,
    tol: float,
    exact: bool = True,
    working: WorkingSet | None = None,
    on_round: OnRound = lambda *_: None,
    deadline: Deadline | None = None,
) -> Solution:
    """The optimal network of a dictionary, to a relative duality gap of ``tol``.

    ``exact``: end only on a round that priced every wedge; else on partial rounds that find nothing
    more. ``working``: the working set of the same problem at a neighbouring alpha, to begin from;
    it is changed. ``deadline``: when it is due, one last round certifies the network as it stands;
    a round that bounds scores is the last if it is due by then, and its bounds become no sharper.

    Raises FitError where neurons of several targets are to be refined: they descend for one.
    """
    if pricer.refine and problem.targets > 1:
        raise FitError(
            f"neurons are refined for one target, and here are {problem.targets}.",
            remedy="Leave refine out, or solve for each target by itself.",
        )
    working = working_set(pricer.dictionary, problem) if working is None else working
    schedule = Schedule(pricer, tol, exact, deadline or Deadline())
    with one_blas_thread():
        return _rounds(problem, pricer, schedule, working, on_round)


def _rounds(
    problem: Problem, pricer: Pricer, schedule: Schedule, working: WorkingSet, on_round: OnRound
) -> Solution:
    threshold = worth_adding(problem, schedule.wanted)
    working.solve(problem.alpha, schedule.kkt)
    fit = working.fit()
    round_ = 0
    while True:
        round_ += 1
        schedule.begin(len(fit.wedges))
        dual = problem.dual_point(fit.combined, fit.intercept)
        priced = pricer.price(
            dual,
            threshold,
            fit.wedges,
            every_pencil=schedule.every_pencil,
            thorough=schedule.thorough,
            sharp=sharp_enough(problem, fit, dual, schedule.wanted),
            deadline=schedule.deadline,
        )
        certificate = certify(pricer.dictionary.X, problem, fit, dual, priced)
        on_round(round_, fit, certificate)
        fresh = working.unseen(priced.wedges)
        if status := schedule.verdict(certificate, priced, len(fresh)):
            proof = Proof(pricer.dictionary.X, pricer.dictionary.norm, dual, priced)
            return Solution(fit, certificate, round_, status, proof)
        if schedule.growing:
            working.grow(fresh)
            working.solve(problem.alpha, schedule.kkt)
            if pricer.refine:
                if len(problem.y) > ALL_ROWS:
                    # There a column costs much, and what descends comes back moved.
                    working.drop_idle(patience=0)
                moved = descended(problem, pricer.dictionary, working.fit(), schedule.kkt)
                working.grow(working.unseen(moved))
                working.solve(problem.alpha, schedule.kkt)
            working.drop_idle()
            fit = working.fit()


def worth_adding(problem: Problem, gap: float) -> float:
    """The score above which a wedge is worth adding where a relative gap of ``gap`` is wanted."""
    return problem.alpha * (1 + 0.1 * gap)


def solve_written_out(problem: Problem, pricer: Pricer, *, tol: float) -> Solution:
    """The slow reference for one target: the whole dictionary as a matrix, scikit-learn's ``Lasso``
    once, the same certificate."""
    wedges = pricer.dictionary.written_out()
    X = pricer.dictionary.X
    # scikit-learn measures its gap against ‖y‖², which is larger than the objective: the
    # certificate says what was reached.
    z = full_lasso(
        np.asfortranarray(wedges.hinges(X)),
        problem.centred[:, 0],
        problem.alpha,
        problem.intercept,
        tol,
        problem.weights,
    )
    kept = np.flatnonzero(z)
    fit = fit_on(X, problem, wedges.take(kept), z[kept, None])
    dual = problem.dual_point(fit.combined, fit.intercept)
    priced = pricer.price(dual, problem.alpha, fit.wedges, every_pencil=True)
    certificate = certify(X, problem, fit, dual, priced)
    return Solution(
        fit,
        certificate,
        1,
        Status.CONVERGED if certificate.relative_gap <= tol else Status.STALLED,
        Proof(X, pricer.dictionary.norm, dual, priced),
    )


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
        # A bound a little above serves as well, and the last digits cost as much as a whole fit.
        patches = pricer.bounds and pricer.dictionary.room > 2
        sharp = SHARP_ENOUGH if patches or len(null) > MANY_ROWS else SHARPEST
        none = pricer.dictionary.none()
        priced = pricer.price(null, np.inf, none, every_pencil=True, sharp=sharp)
        # Refined networks also have the neurons between wedges, which may score more.
        between = priced.supremum if pricer.refine else None
        if between is not None and np.isfinite(between):
            return max(priced.bound, between)
        return priced.bound
    best = pricer.dictionary.none()
    bounds: list[float] = []
    for _ in range(PATIENCE + 1):
        priced = pricer.price(null, 0.0, best, every_pencil=False)
        best, bounds = priced.wedges, [*bounds, priced.bound]
    return max(bounds)
