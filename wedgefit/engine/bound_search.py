"""How large a score can be in any pair of columns: intervals of directions, halved where their
bound is too high.

The number of intervals hardly depends on the number of rows, so a proof costs O(n) where a sweep of
all pencils costs O(n²) (theory, section 3). Levels of equal width are looked at as a whole, so that
what is found does not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from wedgefit.engine import bound
from wedgefit.engine.bound import Intervals, Looks

# Every pair begins with this many intervals in each of its two quadrants.
FIRST_PER_QUADRANT = 8
# Intervals are halved down to this width (radians): below, rounding is all that is left.
SMALLEST = 1e-11
# One block of intervals visits about this many rows: some milliseconds.
BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Places:
    """m directions where a score was seen, best first: columns (m, 2), angles (m,), a row on or
    near the hyperplane (m,), and the score (m,)."""

    columns: np.ndarray
    angles: np.ndarray
    samples: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, which) -> "Places":
        """The places at these positions."""
        return Places(*(getattr(self, part)[which] for part in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Bounded:
    """What a search over all directions of all pairs proved and saw.

    ``bound``: no neuron of two columns scores more. ``value``: one scores this much. ``places``:
    those seen above the floor. ``visits``: intervals looked at, times rows.
    """

    bound: float
    value: float
    places: Places
    visits: int


class Bounder:
    """Bounds scores over pairs of the columns of X (n, d), whatever v is; ``jobs`` threads share
    the intervals."""

    def __init__(self, X: np.ndarray, pairs: np.ndarray, *, norm: int, bias: bool, jobs: int = 1):
        # Biases make the middle of the columns free; sums then lose fewest digits.
        middle = 0.5 * (X.min(axis=0) + X.max(axis=0)) if bias else 0.0
        self.rows = np.ascontiguousarray((X - middle).T)
        self.pairs, self.norm, self.bias, self.jobs = pairs, norm, bias, jobs

    @property
    def first_look(self) -> int:
        """How many rows the first look at all pairs visits."""
        return 2 * FIRST_PER_QUADRANT * len(self.pairs) * self.rows.shape[1]

    @property
    def kernels(self):
        """The compiled kernels where they are installed, else those in NumPy."""
        if find_spec("numba") is None:
            return bound
        from wedgefit.engine import bound_compiled as kernels

        return kernels

    def search(
        self,
        v: np.ndarray,
        alpha: float,
        tolerance: float,
        budget: float = np.inf,
        floor: float | None = None,
    ) -> Bounded:
        """Bound the largest score under ``v`` (n, K).

        Intervals are halved until none is above (1 + ``tolerance``) times ``alpha`` or the best
        score seen, whichever is larger, or until about ``budget`` rows have been visited. Where a
        score exceeds alpha (not 0) nothing is to be proven yet: then twice its excess is as good.
        Places above ``floor`` are kept, ``alpha`` where it is None.
        """
        floor = alpha if floor is None else floor
        now = self._first()
        parents = np.full(len(now), np.inf)
        limit, top, best, visits, places = np.inf, 0.0, 0.0, 0, []
        while len(now):
            looks = self._look(v, now, limit, floor)
            visits += len(now) * self.rows.shape[1]
            bounds = np.minimum(looks.bounds, parents)
            best = max(best, float(looks.values.max()))
            excess = max(best - alpha, 0.0) if alpha else 0.0
            limit = max(alpha, best) * (1 + tolerance) + excess
            places.append(_places(now, looks))
            open_ = (bounds - looks.rounding > limit) & (now.halves > SMALLEST)
            if visits + 2 * np.count_nonzero(open_) * self.rows.shape[1] > budget:
                open_[:] = False
            top = max(top, float(bounds[~open_].max(initial=0.0)))
            now, parents = _halved(now.take(open_)), np.repeat(bounds[open_], 2)
        return Bounded(top, best, _best_first(places), visits)

    def _first(self) -> Intervals:
        """The intervals to begin with: the quadrants of every pair in equal parts."""
        half = np.pi / 4 / FIRST_PER_QUADRANT
        centres = half * (2 * np.arange(2 * FIRST_PER_QUADRANT) + 1)
        count = len(self.pairs)
        return Intervals(
            np.repeat(self.pairs, len(centres), axis=0),
            np.tile(centres, count),
            np.full(len(centres) * count, half),
        )

    def _look(self, v, intervals: Intervals, limit: float, floor: float) -> Looks:
        """Look at all intervals, in blocks that threads share."""
        look = self.kernels.look
        step = max(1, BLOCK // len(v))
        blocks = [
            intervals.take(slice(start, start + step)) for start in range(0, len(intervals), step)
        ]
        work: Callable[[Intervals], Looks] = lambda some: look(
            self.rows, v, some, norm=self.norm, bias=self.bias, limit=limit, floor=floor
        )
        if self.jobs == 1 or len(blocks) == 1:
            found = list(map(work, blocks))
        else:
            with ThreadPoolExecutor(self.jobs) as pool:
                found = list(pool.map(work, blocks))
        return Looks(
            *(
                np.concatenate([getattr(looks, part) for looks in found])
                for part in Looks.__dataclass_fields__
            )
        )


def _halved(intervals: Intervals) -> Intervals:
    """Both halves of every interval."""
    twice = intervals.take(np.repeat(np.arange(len(intervals)), 2))
    halves = twice.halves / 2
    sides = np.tile([-1.0, 1.0], len(intervals))
    return Intervals(twice.columns, twice.centres + sides * halves, halves)


def _places(intervals: Intervals, looks: Looks) -> Places:
    seen = np.flatnonzero(looks.samples >= 0)
    return Places(
        intervals.columns[seen], intervals.centres[seen], looks.samples[seen], looks.values[seen]
    )


def _best_first(parts: list[Places]) -> Places:
    together = Places(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in Places.__dataclass_fields__
        )
    )
    return together.take(np.argsort(-together.values, kind="stable"))
