"""Pricing: which wedges have the largest scores |vᵀ(Xw + b)₊|, found by sweeping pencils (theory,
section 3).

A pencil is the set of hyperplanes through fixed samples, all but one of a wedge's: it turns around
their span like the hand of a clock. Sorting the other samples by angle once lets a cumulative sum
give the score of every wedge of the pencil. Where pencils are many, intervals of directions are
bounded instead (``bound``): that proves as much, and shows which pencils are worth a sweep. The
dictionary is never stored; only a pricing that swept or bounded everything supports an exact
certificate.
"""

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wedgefit.engine.bound_choice import bounder_for, sweeps_instead
from wedgefit.engine.bound_search import FAR, Bounded, Places
from wedgefit.engine.choice import (
    MANY_ROWS,
    MOST_WEDGES,
    SIFTED,
    Choices,
    diversified,
    facing,
    unlike,
)
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.nomination import Nominations, axis
from wedgefit.engine.off_wedges import OffWedges
from wedgefit.engine.order_one import SortedColumns
from wedgefit.engine.pencil import ROUNDS_OF_A_FIT, Pencils, Sweeper, Swept, sweep_block
from wedgefit.engine.scout import Scout, scout_for
from wedgefit.engine.wedge import Wedges
from wedgefit.engine.workers import Machines, Threads, Workers
from wedgefit.watch import Deadline

# What the look sees a little below alpha may have a wedge above it close by.
CLOSE_BY = 0.8
# Sweeping past one sample in one pencil takes about so long, sorting included, with the compiled
# kernels.
SECONDS_PER_LOOK = 3e-8
# Up to this many wedges every round prices them all.
FULL_IS_CHEAP = 500_000
FULL_IS_QUICK = 5_000_000
# A first look at all intervals that visits at most so many rows takes some hundredths of a second.
LOOK_IS_CHEAP = 2_000_000
# Where nothing scouts, a partial round sweeps some hundred pencils at random, sorted each time: as
# long as a look at so many intervals, which sees everything.
INTERVALS_FOR_RANDOM = 2_000
# Visiting a row in one interval takes about so long with the compiled kernels.
SECONDS_PER_VISIT = 2e-8
# Bounds visit so many rows in a pair of columns for each look of the sweeps that would do as well,
# before they leave it to them; an interval takes as long as so many rows, however few there are.
VISITS_PER_LOOK = 0.1
ROWS_OF_INTERVAL = 100
# A bound this close above alpha, relatively, is as good as any: beyond is rounding.
SHARPEST = 1e-10
# With limited effort bounds in three columns and more need not be sharper: there patches get many.
PATCH_SHARP = 1e-3


@dataclass(frozen=True, eq=False)
class Priced:
    """What one pricing found.

    ``wedges`` violate the dual constraint (score > alpha), best first and diversified; ``scores``
    (m,) are theirs; ``excess``: by how much, relatively, the best is above alpha. ``bound`` is the
    largest score of any wedge priced; ``supremum`` the largest of *any* hidden neuron of the
    dictionary's class, wedge or not, None where that is not known. ``exact``: every wedge was
    priced, or with ``bounded`` lies below a bound; ``cut_short``: effort ended before that was as
    sharp as was asked for.
    """

    wedges: Wedges
    scores: np.ndarray
    excess: float
    bound: float
    supremum: float | None
    exact: bool
    bounded: bool
    wedges_priced: int
    wedges_total: int
    cut_short: bool = False


class Pricer:
    """Prices one dictionary again and again, remembering sorts and the pencils that won.

    ``jobs`` threads share the pencils; ``memory`` (bytes) bounds the sorts kept between rounds;
    ``seed`` draws the random pencils of partial rounds; ``refine`` (norm 2) nominates the best
    neurons of all, wedges or not; ``cluster`` is the address of a dask scheduler whose workers
    share the full rounds. ``effort`` bounds the rows that one proof by bounds may visit; about so
    many ``rounds`` will be asked for.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        *,
        jobs: int = 1,
        memory: float = 1e9,
        seed: int = 0,
        refine: bool = False,
        cluster: str | None = None,
        effort: float = np.inf,
        rounds: int = ROUNDS_OF_A_FIT,
    ):
        self.dictionary = dictionary
        self.effort = effort
        self.jobs = jobs
        self.refine = refine
        self._seed = seed
        # Through fewer rows than it has anchors no wedge passes, as in the folds of a tiny table.
        self._swept_orders = [
            order
            for order in dictionary.orders
            if order > 1 and dictionary.anchors(order) <= len(dictionary.X)
        ]
        self._sorted_columns = SortedColumns(dictionary) if 1 in dictionary.orders else None
        self._sweeper = Sweeper(dictionary, memory, rounds)
        self._bounder = bounder_for(dictionary, refine, jobs)
        self._threads = Threads(jobs)
        self._machines: Workers = self._threads
        if cluster is not None:
            rows = [] if self._bounder is None else [self._bounder.rows]
            self._machines = Machines(cluster, [self._sweeper, *rows], self._threads)
        self._begin_anew()

    def sibling(self) -> "Pricer":
        """A pricer of the same dictionary for another problem: it shares the sorts, but not the
        pencils that won."""
        other = copy(self)
        other._begin_anew()
        return other

    def _begin_anew(self) -> None:
        """Draw from the seed, and forget the pencils that won."""
        self._rng = np.random.default_rng(self._seed)
        self._off_wedges = OffWedges(self.dictionary, self._rng)
        self.nominations = Nominations(
            self.dictionary,
            self._rng,
            scouted=self._scout is not None,
            neurons=self.refine and self._bounder is not None,
            larger=self._machines.larger,
        )

    @cached_property
    def _scout(self) -> Scout | None:
        """What looks at all pairs in partial rounds; None where sweeping them all costs no more,
        where bounds look for neurons off the wedges, too, or where the rows are too many to keep
        them sorted."""
        dictionary = self.dictionary
        pairs = dictionary.bias and dictionary.orders[-1] == dictionary.room == 2
        if not pairs or not self._too_many_to_sweep or (self.refine and self._bounder is not None):
            return None
        return scout_for(dictionary)

    @property
    def scouts(self) -> bool:
        """Whether partial rounds look at all pairs of columns, instead of pencils drawn at
        random."""
        return self._scout is not None

    @property
    def _too_many_to_sweep(self) -> bool:
        return self.full_round_work > FULL_IS_CHEAP

    @property
    def bounds(self) -> bool:
        """Whether a round over everything bounds scores instead of sweeping every pencil."""
        return self._bounder is not None

    @property
    def work(self) -> int:
        """How much a round over everything is, in wedges."""
        return self.dictionary.size

    @property
    def full_rounds_only(self) -> bool:
        """Whether pricing everything is so cheap that partial rounds would save nothing."""
        if self._bounder is not None:
            cheap = max(LOOK_IS_CHEAP, INTERVALS_FOR_RANDOM * len(self.dictionary.X))
            return self._scout is None and self._bounder.first_look <= cheap
        return not self._too_many_to_sweep

    @property
    def full_rounds_are_quick(self) -> bool:
        """Whether pricing everything takes a fraction of a second."""
        return self.full_round_work <= FULL_IS_QUICK

    @property
    def full_round_work(self) -> int:
        """What sweeping everything takes: a look per wedge, and to find the pencils' axes as many
        as that takes, which in small tables of many columns is nearly all."""
        return self.dictionary.size + self._axes

    @property
    def _axes(self) -> int:
        """What finding the axes of all pencils costs, in looks at a sample."""
        return sum(self.dictionary.pencils(order) * axis(order) for order in self._swept_orders)

    @property
    def full_round_seconds(self) -> float:
        """Roughly how long a round over everything takes here, for telling people."""
        if self._bounder is not None:
            return 10 * self._bounder.first_look * SECONDS_PER_VISIT / self.jobs
        looks = sum(map(self.dictionary.pencils, self._swept_orders)) * len(self.dictionary.X)
        looks = looks * (1 if self._sweeper.compiled else 5) + self._axes
        return looks * SECONDS_PER_LOOK / self.jobs

    def price(
        self,
        v: np.ndarray,
        alpha: float,
        used: Wedges,
        *,
        every_pencil: bool,
        thorough: bool = False,
        sharp: float = SHARPEST,
        deadline: Deadline | None = None,
    ) -> Priced:
        """Price ``v`` (n, K) over every pencil, or over those of the ``used`` wedges, recent
        winners and a random few.

        ``thorough``: draw more, where this is cheap, before it is said that there is nothing to
        find. ``sharp``: a bound this close above alpha, relatively, needs not be sharper.
        ``deadline``: once it is due bounds become no sharper; a sweep is not ended. The score of K
        targets is the root of the sum of their squares.
        """
        bounded = self._bounded(v, alpha, sharp, deadline) if every_pencil else None
        exact = every_pencil or self.nominations.few(self._swept_orders, thorough)
        places = bounded.places if bounded else None if exact else self._scouted(v, alpha)
        left = self._left_to_sweep(bounded, alpha, sharp) if bounded else None
        all_there_are = every_pencil and (bounded is None or left is not None)
        swept = []
        for order in self._swept_orders:
            if exact and not bounded:
                blocks = list(self.nominations.every(order))
            else:
                blocks = self._nominated(order, used, thorough, places, left)
            swept.append(self._sweep(blocks, v, exact, all_there_are))
            self.nominations.remember(order, swept[-1])
        choices, largest, priced = self._collected(swept, v, alpha)
        proven = places if bounded else None
        wedges, scores = self._best(choices, v, alpha, used, swept, proven)
        bound = float(max(largest, scores.max(initial=0.0), self._off_wedges.largest(v, used)))
        if bounded:
            bound = max(bound, bounded.bound if left is None else bounded.settled)
        known = exact and (bounded is not None or self._knows_supremum(v))
        between = max((float(found.suprema.max(initial=0.0)) for found in swept), default=0.0)
        return Priced(
            wedges=wedges,
            scores=scores,
            excess=float(scores.max(initial=alpha) / alpha - 1) if 0 < alpha < np.inf else 0.0,
            bound=bound,
            supremum=self._supremum(v, max(bound, between)) if known else None,
            exact=exact,
            bounded=bounded is not None,
            wedges_priced=self.dictionary.size if exact else priced,
            wedges_total=self.dictionary.size,
            cut_short=left is None and bounded is not None and bounded.cut_short,
        )

    def _nominated(
        self, order: int, used: Wedges, thorough: bool, places: Places | None, left
    ) -> list[Pencils]:
        """The promising pencils of an order, and all in the sets of columns that are ``left``."""
        promising = self.nominations.promising(order, used, thorough, places)
        return promising if left is None else [*promising, *self.nominations.every(order, left)]

    def _best(
        self,
        choices: list[Choices],
        v: np.ndarray,
        alpha: float,
        used: Wedges,
        swept: list[Swept],
        proven: Places | None,
    ) -> tuple[Wedges, np.ndarray]:
        """What violates the dual constraint, best first, and its scores (m,): wedges, and neurons
        off them where these are asked for."""
        built = self._built(choices)
        if self.refine:
            off = self._off_wedges.best(v, alpha, used, swept, built, proven)
            built = built.joined_with(off)
        return facing(self.dictionary.X, built, v, alpha)

    def _collected(
        self, swept: list[Swept], v: np.ndarray, alpha: float
    ) -> tuple[list[Choices], float, int]:
        """The candidates of all orders, the largest score, and how many wedges were priced."""
        choices, largest, priced = [], 0.0, 0
        if self._sorted_columns:
            found, largest = self._sorted_columns.best(v, alpha)
            choices.append(found)
            priced += 2 * self.dictionary.X.size
        for order, part in zip(self._swept_orders, swept):
            largest = max(largest, part.scores.max(initial=0.0))
            # Each wedge lies in as many pencils as it has anchors.
            anchors = self.dictionary.anchors(order)
            priced += 2 * len(part.pencils) * (len(v) - anchors + 1) // anchors
            choices.append(part.choices(alpha))
        return choices, largest, priced

    def _knows_supremum(self, v: np.ndarray) -> bool:
        """Whether sweeping every pencil yields the supremum over all neurons of the class, wedges
        or not.

        For norm 1 wedges are the vertices of the class, where a convex score is largest; so they
        are in one column. For norm 2 and one target the arcs of a plane are searched.
        """
        return self.dictionary.norm == 1 or self.dictionary.room <= (2 if v.shape[1] == 1 else 1)

    def _supremum(self, v: np.ndarray, over_hyperplanes: float) -> float:
        """The supremum over all neurons, given that over all hyperplanes through a sample.

        Without an output bias v does not sum to zero; then a neuron with hidden weights near zero
        and a large bias is a constant at no cost, and no bound holds.
        """
        sums = np.abs(v.sum(axis=0))
        free_constant = self.dictionary.bias and np.any(sums > 1e-9 * np.abs(v).sum(axis=0))
        return np.inf if free_constant else over_hyperplanes

    def _bounded(
        self, v: np.ndarray, alpha: float, sharp: float, deadline: Deadline | None
    ) -> Bounded | None:
        """What bounding all sets of columns proves and shows; None where sweeps do that."""
        if self._bounder is None:
            return None
        goal = alpha if np.isfinite(alpha) else 0.0
        if self.dictionary.room > 2 and np.isfinite(self.effort):
            sharp = max(sharp, PATCH_SHARP)
        per_set = np.inf
        if sweeps_instead(self.dictionary):
            per_set = VISITS_PER_LOOK * max(len(v) - ROWS_OF_INTERVAL, 0) * len(v)
        return self._bounder.search(
            v,
            goal,
            sharp,
            self.effort,
            floor=alpha,
            per_set=per_set,
            workers=self._machines,
            deadline=deadline,
        )

    def _left_to_sweep(self, bounded: Bounded, alpha: float, sharp: float) -> np.ndarray | None:
        """The pairs of columns (m, 2) in which all pencils are to be swept after this search; None
        where it is enough, or has seen a wedge so good that nothing is to be proven yet."""
        near = not 0 < alpha < np.inf or bounded.value <= alpha * (1 + max(sharp, FAR))
        sweeps = near and len(bounded.left) and sweeps_instead(self.dictionary)
        return bounded.left if sweeps else None

    def _scouted(self, v: np.ndarray, alpha: float) -> Places | None:
        """What a coarse look at all pairs of columns shows; None where none is taken."""
        goal = alpha if np.isfinite(alpha) else 0.0
        return None if self._scout is None else self._scout.look(v, CLOSE_BY * goal)

    def _sweep(
        self, blocks: list[Pencils], v: np.ndarray, every_pencil: bool, all_there_are: bool
    ) -> Swept:
        """Sweep these blocks of pencils; where they are all there are, of a pair at least, machines
        share them."""
        arcs = self._off_wedges.on_arcs and v.shape[1] == 1 and (every_pencil or self.refine)
        workers = self._machines if all_there_are else self._threads
        results = workers.run(sweep_block, self._sweeper, blocks, v, arcs)
        pencils = Pencils(
            np.concatenate([b.columns for b in blocks]), np.concatenate([b.fixed for b in blocks])
        )
        return Swept(pencils, *(np.concatenate(parts) for parts in zip(*results)))

    def _built(self, choices: list[Choices]) -> Wedges:
        """A diversified few of the candidates as wedges."""
        X, wedges, scores = self.dictionary.X, self.dictionary.none(), np.empty(0)
        many = len(X) > MANY_ROWS
        most = SIFTED * MOST_WEDGES if many else MOST_WEDGES
        for chosen in diversified(choices, most, by_sets=many):
            some, sound = self.dictionary.wedges(chosen.columns, chosen.samples)
            wedges, scores = wedges.joined_with(some), np.append(scores, chosen.scores[sound])
        return wedges.take(unlike(X, wedges, scores)) if many else wedges
