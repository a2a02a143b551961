"""Bounds of all scores where neurons of norm 2 read more columns than directions can be bounded in:
proven, and not sharp.

*By the spread beyond a few directions.* A hinge of u + q differs from that of u by at most |q|, and
residuals add up to zero, so only spreads matter: with the singular values s of the centred columns
and the largest score m of the neurons that read the first k principal directions alone, every score
is at most √(m² + ‖v‖² s²), with s the (k + 1)-th.

*By norm 1.* The ball of norm 2 lies within √d times that of norm 1, whose wedges of all orders may
be few enough to price.
"""

from collections.abc import Iterator

import numpy as np

from wedgefit.engine.certificate import lower_bound
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem

# So many principal directions are looked at in full.
DIRECTIONS = 2
# Wedges of norm 1 are priced up to this many: a fraction of a second for every dual point.
MOST_WEDGES = 40_000
# A look at all directions this close, relatively, is sharp beside the rest.
SHARP = 1e-2
# Where bounds are not sharp the best dual point is no residual of the best network, but one on the
# way from there to that of a constant.
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def loose_lower_bound(problem: Problem, X: np.ndarray, combined: np.ndarray, jobs: int) -> float:
    """What no two-layer network with hidden biases and weight decay (norm 2) is below, of any
    width, on the rows X (n, d); ``combined`` (n, 1) is what the neurons of a good one add up to.

    For one target with an output bias.
    """
    residual, null = problem.dual_point(combined), problem.null_dual()
    found = [problem.floor]
    bounds = _Scores(problem, X, jobs)
    for step in STEPS:
        dual = (1 - step) * residual + step * null
        found.append(lower_bound(problem, dual, bounds.largest(dual)))
    return max(found)


class _Scores:
    """Upper bounds of the scores of all neurons of norm 2 on the rows X (n, d)."""

    def __init__(self, problem: Problem, X: np.ndarray, jobs: int):
        self.problem, self.jobs = problem, jobs
        self.root = np.sqrt(problem.weights)[:, None]
        centred = X - problem.shares @ X
        _, self.spreads, directions = np.linalg.svd(self.root * centred, full_matrices=False)
        self.along = centred @ directions.T
        every = Dictionary(X, tuple(range(1, X.shape[1] + 1)), 1, True)
        self.norm_one = Pricer(every, jobs=jobs) if every.size <= MOST_WEDGES else None

    def largest(self, v: np.ndarray) -> float:
        """No neuron scores more under v (n, 1), which adds up to zero."""
        return min(self._bounds(v))

    def _bounds(self, v: np.ndarray) -> Iterator[float]:
        length = float(np.linalg.norm(v / self.root))
        for k in range(min(DIRECTIONS, len(self.spreads)) + 1):
            beyond = self.spreads[k] if k < len(self.spreads) else 0.0
            yield float(np.hypot(self._within(v, k), length * beyond))
        if self.norm_one is not None:
            priced = self._priced(self.norm_one, v)
            yield float(np.sqrt(len(self.norm_one.dictionary.X.T)) * priced)

    def _within(self, v: np.ndarray, k: int) -> float:
        """The largest score of neurons that read k principal directions."""
        if k == 0:
            return 0.0
        plane = np.ascontiguousarray(self.along[:, :k])
        pricer = Pricer(Dictionary(plane, (k,), 2, True), jobs=self.jobs, refine=True)
        return self._priced(pricer, v)

    def _priced(self, pricer: Pricer, v: np.ndarray) -> float:
        none = pricer.dictionary.none()
        priced = pricer.price(v, self.problem.alpha, none, every_pencil=True, sharp=SHARP)
        return priced.bound if priced.supremum is None else max(priced.bound, priced.supremum)
