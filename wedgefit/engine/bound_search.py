"""How large a score can be in any pair, or set, of columns: intervals or patches of directions,
halved where their bound is too high.

The number of intervals hardly depends on the number of rows, so a proof costs O(n) where a sweep of
all pencils costs O(n²) (theory, section 3). Which ones are looked at together does not depend on
the number of threads, and so neither does what is found.
"""

from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from wedgefit.engine.bound import Intervals, Looks
from wedgefit.engine.bound_look import (
    Asked,
    Places,
    Regions,
    best_first,
    joined,
    look,
    look_among,
    open_up,
    seen_in,
    together,
)
from wedgefit.engine.bound_patch import Opened, Patches
from wedgefit.engine.bounded import Bounded, Left, Narrow
from wedgefit.engine.coinciding import Clouds, Dual
from wedgefit.engine.problem import has_sum, row_norms
from wedgefit.engine.remembered import Remembered
from wedgefit.engine.workers import Threads, Workers
from wedgefit.watch import Deadline

# Intervals and patches are halved down to this width: below, rounding is all that is left.
SMALLEST = 1e-11
# Without an output bias v has a sum, and a neuron scores more the farther its hyperplane is beyond
# the rows: an interval's own hyperplanes reach a little beyond those of each direction, which keeps
# its bound above the truth by a term linear in its width. Sharper than this would take too many.
SHARPEST_WITH_SUM = 1e-3
# Of the first intervals one in so many is looked at before the others.
ONE_IN = 13
# Intervals or patches are looked at together that visit so many rows, or a quarter of the open ones
# if that is more and nobody waits for an end.
AT_A_TIME = 1 << 26
# Where scores exceed alpha, a search visits at most this many times what its first look does; where
# time is up, about as many.
GLANCE = 4
# Unless they exceed it, relatively, by less than this: then a proof to twice as much takes little
# longer, and tells how far there is to go.
FAR = 0.02
# A glimpse sees so many directions in each of a pair's two quadrants.
GLIMPSED_PER_QUADRANT = 2
# The tolerance is half of what the wanted gap leaves open. Where a score exceeds alpha, so many
# times as much is as good.
ENOUGH = 1.7
# A look at a patch takes it apart, visiting its rows so many times. At first so few are looked at
# together, the most promising ones, and then twice as many each time: what these show saves others.
APART = 32
PATCHES_AT_FIRST = 8
# To price a narrow interval by itself takes as long as so many looks at it.
WINDOW = 5
# One block of intervals visits about this many rows: some milliseconds.
BLOCK = 1 << 20


class Bounder:
    """Bounds scores over sets of columns of X (n, d), ``sets`` (m, k), whatever v is; ``jobs``
    threads share the work."""

    def __init__(self, X: np.ndarray, sets: np.ndarray, *, norm: int, bias: bool, jobs: int = 1):
        # Biases make the middle of the columns free; sums then lose fewest digits.
        middle = 0.5 * (X.min(axis=0) + X.max(axis=0)) if bias else 0.0
        self.rows = np.ascontiguousarray((X - middle).T)
        self.norm, self.bias, self.threads = norm, bias, Threads(jobs)
        self.first: Regions = (
            Intervals.all(sets) if sets.shape[1] == 2 else Patches.all(sets, self.rows, bias)
        )
        self._dual: Dual | None = None
        self._last: Remembered[Bounded] | None = None

    @cached_property
    def first_look(self) -> int:
        """How many rows and points the first look at all sets visits."""
        return int(self.visits(self.first).sum())

    @cached_property
    def _first_parts(self) -> list[Regions]:
        """What is looked at first: a few intervals, which tell for the others how large bounds may
        be."""
        if isinstance(self.first, Patches):
            return [self.first]
        few = np.arange(len(self.first)) % ONE_IN == 0
        return [self.first.take(few), self.first.take(~few)]

    def visits(self, regions: Regions) -> np.ndarray:
        """How many rows or points each of these visits, (m,), if no patch is taken apart."""
        which, sizes = self.clouds.which(regions.columns), np.append(self.clouds.sizes, 0)
        return np.where(which >= 0, sizes[which], self.rows.shape[1])

    @cached_property
    def clouds(self) -> Clouds:
        """Where rows coincide; nowhere of patches, which are taken as they are."""
        pairs = np.unique(self.first.columns, axis=0)
        return Clouds.of(self.rows, pairs if pairs.shape[1] == 2 else np.empty((0, 2), dtype=int))

    def under(self, v: np.ndarray) -> Dual:
        """This v (n, K) with its sums where rows coincide; asked for the same array again, from
        memory."""
        if self._dual is None or self._dual.v is not v:
            sums = self.clouds.under(v)
            self._dual = Dual(v, sums, self.clouds.rounding(v, self._reach))
        return self._dual

    def glimpse(self, v: np.ndarray, floor: float) -> Places:
        """The best hyperplane under ``v`` (n, K) of a few directions in every pair of columns,
        those with a score above ``floor``, best first: nothing is proven by it."""
        asked = Asked(self.norm, self.bias, np.inf, floor, glimpse=True)
        looks = self._look(self.under(v), self._few, asked, self.threads)
        return best_first([seen_in(self._few, looks)])

    @cached_property
    def _few(self) -> Intervals:
        return Intervals.all(np.unique(self.first.columns, axis=0), GLIMPSED_PER_QUADRANT)

    def search(
        self,
        v: np.ndarray,
        alpha: float,
        tolerance: float,
        budget: float = np.inf,
        floor: float | None = None,
        per_set: float = np.inf,
        workers: Workers | None = None,
        deadline: Deadline | None = None,
        narrow: Narrow | None = None,
        whole: bool = False,
    ) -> Bounded:
        """Bound the largest score under ``v`` (n, K).

        Intervals or patches are halved until none is above (1 + ``tolerance``) times ``alpha`` or
        the best score seen, whichever is larger, or until about ``budget`` rows have been visited.
        Where a score exceeds alpha (not 0) nothing is to be proven yet: then twice its excess is as
        good, unless ``ENOUGH`` can be proven, and a glance enough. Places above ``floor`` are kept,
        ``alpha`` where it is None. A pair of columns in which so many rows as ``per_set`` have been
        visited is left as it is. ``workers``: who looks, the threads of this bounder unless told.
        With ``narrow`` scores are those of its units alone, priced where intervals are narrow.
        ``whole``: end at once when to halve all that is open, as far as the first few intervals
        tell, takes more than the budget.
        Once ``deadline`` is due a glance is all; what was proven by then is as true. Asked the same
        of a ``v`` that rounding tells from the last one, it answers from memory.
        """
        floor = alpha if floor is None else floor
        asked = alpha, tolerance, budget, floor, per_set
        if self._last and (same := self._last.under(v, asked, tolerance, self._reach)):
            return same
        workers, deadline = workers or self.threads, deadline or Deadline()
        # Where narrow intervals are priced by themselves none needs to be narrower.
        tolerance = self._attainable(tolerance, v) if narrow is None else tolerance
        left = Left(self.first, len(self.rows), per_set / self.rows.shape[1])
        course = _Course(self, alpha, tolerance, budget, deadline, left, narrow, whole)
        for now in self._first_parts:
            if course.hopeless:
                course.give_up()
                break
            found = self._opened(v, now, course, floor, workers)
            course.hear(found, np.full(len(found.origins), np.inf))
        while len((more := course.next_ones())[0]):
            now, parents = more[0].halved(), np.repeat(more[1], 2)
            found = self._opened(v, now, course, floor, workers)
            course.hear(found, parents[found.origins])
        result = course.result()
        # In a hurry intervals are taken in other lots, and what is proven differs a little.
        self._last = None if course.hurried else Remembered(v.copy(), asked, result)
        return result

    def _attainable(self, tolerance: float, v: np.ndarray) -> float:
        """The tolerance, or the one that bounds reach where v (n, K) has a sum."""
        return max(tolerance, SHARPEST_WITH_SUM) if self.bias and has_sum(v) else tolerance

    @cached_property
    def _reach(self) -> float:
        """No hinge of a unit neuron, with its hyperplane among the rows, is larger on any."""
        sizes = np.abs(self.rows).max(axis=0) if self.norm == 1 else row_norms(self.rows.T)
        return 2 * float(sizes.max())

    def _opened(
        self, v, regions: Regions, course: "_Course", floor: float, workers: Workers
    ) -> Opened:
        """Look at all intervals or patches, in blocks that workers share."""
        asked = Asked(self.norm, self.bias, course.limit, floor)
        if isinstance(regions, Intervals):
            looks = self._look(self.under(v), regions, asked, workers)
            visits = int(self.visits(regions).sum())
            return Opened(regions, looks, np.arange(len(regions)), visits)
        each = workers.larger * BLOCK // len(v)
        step = max(1, min(each // (1 + course.apart), -(-len(regions) // self.threads.jobs)))
        starts = list(range(0, len(regions), step))
        blocks = [regions.take(slice(start, start + step)) for start in starts]
        return together(workers.run(open_up, self.rows, blocks, v, asked, course.apart), starts)

    def _look(self, dual: Dual, regions: Intervals, asked: Asked, workers: Workers) -> Looks:
        """Look at all intervals, in blocks that workers share; where rows coincide at their points,
        here."""
        which = self.clouds.which(regions.columns)
        merged, others = np.flatnonzero(which >= 0), np.flatnonzero(which < 0)
        lots = [merged[lot] for lot in _lots(self.visits(regions.take(merged)))]
        among = partial(self._look_among, asked=asked)
        found = self.threads.run(among, dual, [(regions.take(lot), which[lot]) for lot in lots])
        each = max(1, workers.larger * BLOCK // len(dual.v))
        starts = range(0, len(others), each)
        blocks = [regions.take(others[start : start + each]) for start in starts]
        found += workers.run(look, self.rows, blocks, dual.v, asked)
        order, all_looks = np.argsort(np.concatenate([merged, others])), joined(*found)
        return Looks(*(getattr(all_looks, part)[order] for part in Looks.__dataclass_fields__))

    def _look_among(self, dual: Dual, lot: tuple[Intervals, np.ndarray], asked: Asked) -> Looks:
        """Look at intervals by the points of their pairs, which are these."""
        (intervals, which), clouds = lot, self.clouds
        points = clouds.values, dual.at_points, clouds.starts
        found = look_among(*points, which, intervals, asked)
        more = dual.rounding[which]
        samples = np.where(found.samples >= 0, clouds.first[found.samples], -1)
        bounds, rounding = found.bounds + more, found.rounding + more
        return replace(found, bounds=bounds, rounding=rounding, samples=samples)


class _Course:
    """The course of one search: what is open, largest bound first, what was proven of the rest, and
    when it is enough."""

    def __init__(
        self,
        bounder: Bounder,
        alpha: float,
        tolerance: float,
        budget: float,
        deadline: Deadline,
        left: Left,
        narrow: Narrow | None,
        whole: bool,
    ):
        self.narrow, self.whole = narrow, whole
        self.bounder, self.alpha, self.tolerance = bounder, alpha, tolerance
        self.effort, self.budget, self.deadline, self.left = budget, budget, deadline, left
        self.glance = GLANCE * bounder.first_look
        self.limit, self.best, self.visits = np.inf, 0.0, 0
        self.settled, self.given_up = 0.0, 0.0
        self.waiting, self.bounds = bounder.first.take(slice(0, 0)), np.empty(0)
        self.places: list[Places] = []
        self.most = PATCHES_AT_FIRST
        self.cut_short, self.hurried = False, deadline.known

    @property
    def apart(self) -> int:
        """How often the rows of a patch are visited to take it apart: not before it is known what
        for, and hardly where a glance is enough. Intervals are looked at whole."""
        if np.isinf(self.limit) or isinstance(self.waiting, Intervals):
            return 0
        return APART if self.budget == self.effort else 1

    @property
    def hopeless(self) -> bool:
        """Whether the budget will not do for the first intervals and their halves, if as many of
        all are open as of those that were looked at."""
        if not self.whole or self.budget != self.effort:
            return False
        first = self.bounder.first_look
        halves = 2 * int(self.bounder.visits(self.waiting).sum()) * first / max(1, self.visits)
        return self.budget < first + halves

    def give_up(self) -> None:
        """Prove nothing."""
        self.given_up, self.cut_short = np.inf, True
        self.waiting, self.bounds = self.waiting.take(slice(0, 0)), np.empty(0)

    def hear(self, found: Opened, parents: np.ndarray) -> None:
        """Take in what is left of intervals or patches, parts of some with the bounds ``parents``
        (m,)."""
        now, looks = found.regions, found.looks
        self.visits += found.visits
        self.most *= 2
        bounds = np.minimum(looks.bounds, parents)
        self._see(now, looks)
        excess = max(self.best - self.alpha, 0.0) if self.alpha else 0.0
        self.limit = max(self.alpha, self.best) * (1 + self.tolerance) + excess
        enough = self.alpha * (1 + ENOUGH * self.tolerance)
        provable = self.best * (1 + self.tolerance / 4) <= enough
        if provable:
            self.limit = min(self.limit, enough)
        self._heed(0.0 if provable else excess)
        self.places.append(seen_in(now, looks))
        open_ = (bounds - looks.rounding > self.limit) & (now.widths > SMALLEST)
        self._settle(bounds[~open_])
        open_ &= ~self._priced(now, bounds, open_)
        self.waiting = joined(self.waiting, now.take(open_))
        self.bounds = np.append(self.bounds, bounds[open_])
        still = self.bounds > self.limit
        self._settle(self.bounds[~still])
        self.waiting, self.bounds = self.waiting.take(still), self.bounds[still]

    def _see(self, now: Regions, looks: Looks) -> None:
        """Take in the best score seen; of units alone, one near it."""
        if self.narrow is None or not isinstance(now, Intervals):
            self.best = max(self.best, float(looks.values.max()))
        else:
            self.narrow.see(now, looks)
            self.best = self.narrow.best

    def _priced(self, now: Regions, bounds: np.ndarray, open_: np.ndarray) -> np.ndarray:
        """Price the narrow ones of the open intervals by themselves: which those are, (m,)."""
        if self.narrow is None or not isinstance(now, Intervals):
            return np.zeros(len(now), dtype=bool)
        those = open_ & self.narrow.narrow(now)
        if those.any():
            some = now.take(those)
            self._settle(np.array([self.narrow.price(some, bounds[those], self.limit)]))
            self.best = self.narrow.best
            self.visits += WINDOW * int(self.bounder.visits(some).sum())
        return those

    def _heed(self, excess: float) -> None:
        """Spend no more than a glance where a score exceeds alpha by so much that nothing is to be
        proven yet, and nothing more where time is up."""
        far = excess > max(0.5 * self.tolerance, FAR) * self.alpha
        if far:
            self.budget = min(self.budget, max(self.visits, self.glance))
        if self.visits >= self.glance and self.deadline.due():
            self.budget, self.hurried = min(self.budget, self.visits), True

    def _settle(self, bounds: np.ndarray) -> None:
        self.settled = max(self.settled, float(bounds.max(initial=0.0)))

    def next_ones(self) -> tuple[Regions, np.ndarray]:
        """What to halve and look at next, and the bounds of these (m,)."""
        now, parents = self.waiting.take(slice(0, 0)), np.empty(0)
        while len(self.waiting) and not len(now):
            # The largest bounds first: wherever effort ends, what is left is as small as it can be.
            some = np.argsort(-self.bounds, kind="stable")
            each = 2 * self.bounder.visits(self.waiting.take(some)) * (1 + self.apart)
            visits = np.cumsum(each)
            affordable = int(np.searchsorted(visits, self.budget - self.visits, side="right"))
            all_effort = self.budget == self.effort
            last = affordable < (len(visits) if self.whole and all_effort else 1)
            self.cut_short = last and all_effort
            some = some if last else some[: min(self._at_a_time(visits), affordable)]
            now, parents = self.waiting.take(some), self.bounds[some]
            self.waiting = _without(self.waiting, some)
            self.bounds = np.delete(self.bounds, some)
            kept = ~self.left.told(now, last)
            self.given_up = max(self.given_up, float(parents[~kept].max(initial=0.0)))
            now, parents = now.take(kept), parents[kept]
        return now, parents

    def _at_a_time(self, visits: np.ndarray) -> int:
        """How many of those that wait are looked at next, which visit so many rows with all before
        them, (m,)."""
        quarter = 0 if self.deadline.known else len(visits) // 4
        most = max(1, int(np.searchsorted(visits, AT_A_TIME, side="right")), quarter)
        return min(most, self.most) if isinstance(self.waiting, Patches) else most

    def result(self) -> Bounded:
        """What it all came to."""
        return Bounded(
            bound=max(self.settled, self.given_up),
            value=self.best,
            places=best_first(self.places),
            visits=self.visits,
            left=self.left.sets,
            settled=self.settled,
            cut_short=self.cut_short,
            narrow=self.narrow,
            between=0.0 if self.narrow is None else self.narrow.between,
        )


def _lots(visits: np.ndarray) -> list[np.ndarray]:
    """Neighbours that visit about as many rows together as a block does."""
    if not len(visits):
        return []
    ends = np.flatnonzero(np.diff((np.cumsum(visits) - 1) // BLOCK)) + 1
    return np.split(np.arange(len(visits)), ends)


def _without(regions, gone: np.ndarray):
    """The intervals or patches at all other positions."""
    return regions.take(np.delete(np.arange(len(regions)), gone))
