"""How hard to try next, and when it is enough: what a fit asks between its rounds."""

import time
from enum import StrEnum

import numpy as np

from wedgefit.engine.certificate import Certificate
from wedgefit.engine.priced import Priced
from wedgefit.engine.pricing import Pricer
from wedgefit.watch import Deadline

# When the objective has stayed the same for this many rounds, only rounding is left to improve.
IDLE_ROUNDS = 4
# A proof begins when partial rounds have seen no more than this part of the gap that is wanted.
ROOM = 0.5
# A sampled fit ends after this many rounds in a row that found nothing worth adding.
PATIENCE = 2
# Where a full round costs little, a proof goes on to where digits end.
QUICK_GAP = 1e-9
# But for so many rounds only: neurons off the wedges may halve a gap with each round, and each of
# these solves a Lasso to its last digits.
ROUNDS_FOR_DIGITS = 5
# The KKT precision of a Lasso whose wedges are all there is.
FINEST = 1e-12


class Status(StrEnum):
    """How a fit ended."""

    CONVERGED = "converged"  # the gap that was asked for is reached
    STALLED = "stalled"  # rounding stops progress above it, or effort ended a proof
    STOPPED = "stopped"  # the deadline came first


class Schedule:
    """The course of one fit: ``begin`` a round, hear its ``verdict``, go on if there is none.

    ``exact``: a fit ends only on a round that priced every wedge; else on partial rounds that find
    nothing more.
    """

    def __init__(self, pricer: Pricer, tol: float, exact: bool, deadline: Deadline):
        self.tol, self.exact, self.deadline = tol, exact, deadline
        self.wanted = min(tol, QUICK_GAP) if exact and pricer.full_rounds_are_quick else tol
        self._finest = FINEST if exact else 0.1 * tol
        self.kkt = self._finest
        self._pricer = pricer
        self._every_next, self._satisfied = True, 0
        self._full_round = pricer.full_round_seconds
        self._rounds, self._lowest, self._idle = 0, np.inf, 0
        self._rounds_beyond = 0
        # Whether the last proof took longer than a partial round, which then comes before the next.
        self._long = False
        self.every_pencil = self._ending = self._constant = False

    def begin(self, neurons: int) -> None:
        """Choose how to price a network of so many neurons.

        When time is up this is the last round, which prices every wedge where a proof is wanted. A
        constant gets a partial round first, so that there is a network to end with.
        """
        self._rounds += 1
        self._constant = neurons == 0
        due = self.deadline.due(reserve=self._full_round if self.exact else 0.0)
        first = self._rounds == 1
        self._ending = due and (not first or neurons > 0)
        cheap = self._pricer.full_rounds_only or self._pricer.full_rounds_are_quick
        if first and (neurons or self._pricer.scouts) and not cheap:
            # Partial rounds will find enough to do.
            self._every_next = False
        self.every_pencil = self.exact and (self._ending or (self._every_next and not due))
        self._clock = time.monotonic()

    @property
    def thorough(self) -> bool:
        """Whether a partial round should look at more before it is said that nothing is left."""
        return not self.exact and self._satisfied > 0

    def verdict(self, certificate: Certificate, priced: Priced, fresh: int) -> Status | None:
        """How the fit ends with this round, which found so many new wedges; None when it goes
        on."""
        if self.every_pencil:
            self._full_round = time.monotonic() - self._clock
            self._long = priced.visits > self._pricer.partial_round_visits
            # Another round would certify a network that is better by what one round gains.
            if not self._constant and self.deadline.due():
                self._ending = True
        gap = self._gap(certificate)
        self._idle = (
            0
            if certificate.objective < self._lowest - 1e-12 * abs(certificate.objective)
            else self._idle + 1
        )
        self._lowest = min(self._lowest, certificate.objective)
        near = self._satisfied > 0 or not fresh
        stuck = (not fresh and self.kkt == self._finest) or self._idle >= IDLE_ROUNDS
        # What a partial round has not seen a proof will see: it begins when there is room for that.
        self._rounds_beyond += gap <= self.tol
        wanted = self.wanted if self._rounds_beyond <= ROUNDS_FOR_DIGITS else self.tol
        wanted *= 1.0 if priced.exact or not self.exact else ROOM
        self._satisfied = self._satisfied + 1 if gap <= wanted or stuck else 0
        finished = self._satisfied and (priced.exact or self._patience_is_over)
        # What is left to gain is little, and another proof would take as long and end as this one.
        finished = finished or (near and priced.cut_short)
        if finished or self._ending:
            if gap <= self.tol:
                return Status.CONVERGED
            return Status.STALLED if finished else Status.STOPPED
        full_only = self._pricer.full_rounds_only and not self._long
        self._every_next = full_only or self._satisfied > 0
        self.growing = gap > wanted
        if self.growing:
            # Far from the optimum the Lasso need not be solved to the last digit.
            # A glance leaves its bound loose; then what it saw says how far.
            far = min(gap, priced.excess) if priced.bounded else gap
            self.kkt = max(self._finest, 0.01 * min(0.1, far)) if fresh else self._finest
        return None

    @property
    def _patience_is_over(self) -> bool:
        return not self.exact and self._satisfied == (1 if self._pricer.scouts else PATIENCE)

    def _gap(self, certificate: Certificate) -> float:
        """The gap that counts: refined neurons are measured against all neurons where that bound is
        known."""
        among_all = certificate.network_relative_gap
        if self._pricer.refine and among_all is not None:
            return among_all
        return certificate.relative_gap
