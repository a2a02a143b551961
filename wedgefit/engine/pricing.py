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

from wedgefit.engine.bound_choice import CLOSE_BY, Proven
from wedgefit.engine.bound_look import Places, joined
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.choice import Choices, built, facing
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.instruments import Instruments, SoFar
from wedgefit.engine.nomination import Nominations
from wedgefit.engine.off_wedges import OffWedges
from wedgefit.engine.order_one import SortedColumns
from wedgefit.engine.pencil import (
    ROUNDS_OF_A_FIT,
    AtPoints,
    Pencils,
    Sweeper,
    Swept,
    in_blocks,
    sweep_at_points,
    sweep_block,
)
from wedgefit.engine.priced import Priced, excess
from wedgefit.engine.problem import has_sum
from wedgefit.engine.wedge import Wedges
from wedgefit.engine.workers import Machines, Threads, Workers
from wedgefit.watch import Deadline

# Sweeping past one sample in one pencil takes about so long, sorting included, with the compiled
# kernels.
SECONDS_PER_LOOK = 3e-8
# Pricing up to this many wedges takes a fraction of a second.
FULL_IS_QUICK = 5_000_000
# A first look at all intervals that visits at most so many rows takes some hundredths of a second.
LOOK_IS_CHEAP = 2_000_000
# Where nothing scouts, a partial round sorts random pencils, as long as looks at so many intervals.
INTERVALS_FOR_RANDOM = 2_000
# Visiting a row in one interval takes about so long with the compiled kernels.
SECONDS_PER_VISIT = 2e-8
# A proof to one per cent visits so many times the rows that its first look does, in two columns and
# in three; so many times more with each column beyond.
LOOKS_OF_PROOF, DEEPER = 10, 3
# A partial round takes as long as a proof by patches that visits so many rows, and so many more for
# each row, which ascents sort again and again.
VISITS_OF_PARTIAL, VISITS_OF_ASCENT = 1_000_000, 20_000
# From so many rows on the few pencils of a partial round go by points where rows coincide.
ROWS_MERGED = 1_000
# A bound this close above alpha, relatively, is as good as any: beyond is rounding.
SHARPEST = 1e-10


@dataclass(frozen=True, eq=False)
class _Outlook:
    """What is known before any pencil is swept.

    ``everything``: all wedges are to be priced, and ``bounds`` are what proves that, where sweeps
    do not. ``exact``: in the end all are. ``places``: those that promise most.
    """

    everything: bool
    exact: bool
    bounds: Proven | None
    places: Places | None

    @property
    def proven(self) -> Places | None:
        """The places that bounds have seen: none is better but by as much as these leave open."""
        return None if self.bounds is None else self.bounds.places

    @property
    def sweeps_all(self) -> bool:
        """Whether every pencil is swept."""
        return self.exact and self.bounds is None

    @property
    def sweeps_much(self) -> bool:
        """Whether every pencil is swept on purpose, at least of some pairs of columns."""
        return self.everything and (self.bounds is None or self.bounds.left is not None)


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
        self.effort, self.jobs, self.refine = effort, jobs, refine
        self._seed = seed
        # Through fewer rows than it has anchors no wedge passes, as in the folds of a tiny table.
        self._swept_orders = [
            order
            for order in dictionary.orders
            if order > 1 and dictionary.anchors(order) <= len(dictionary.X)
        ]
        self._sorted_columns = SortedColumns(dictionary) if 1 in dictionary.orders else None
        self._sweeper = Sweeper(dictionary, memory, rounds)
        self._threads = Threads(jobs)
        self._instruments = Instruments(dictionary, self._threads, refine=refine, memory=memory)
        self._so_far = SoFar()
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

    def proving_again(self, by_lines: bool) -> "Pricer":
        """A sibling for one proof, as if it were the first; ``by_lines`` where these can be."""
        other = self.sibling()
        other._so_far = SoFar(by_lines=by_lines and self._instruments.keeps_lines)
        return other

    def _begin_anew(self) -> None:
        """Draw from the seed, and forget the pencils that won."""
        self._rng = np.random.default_rng(self._seed)
        self._off_wedges = OffWedges(self.dictionary, self._rng)
        vars(self).pop("nominations", None)

    @cached_property
    def nominations(self) -> Nominations:
        return Nominations(
            self.dictionary,
            self._rng,
            scouted=self.scouts,
            neurons=self.refine and self._bounder is not None,
            larger=self._machines.larger,
        )

    @property
    def _bounder(self) -> Bounder | None:
        return self._instruments.bounder

    @property
    def scouts(self) -> bool:
        """Whether partial rounds look at all pairs of columns, not at pencils drawn at random."""
        return self._instruments.look is not None

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
            return not self.scouts and self._bounder.first_look <= cheap
        return not self._instruments.too_many_to_sweep

    @property
    def full_rounds_are_quick(self) -> bool:
        """Whether pricing everything, to the last digit, takes a fraction of a second."""
        return self.full_round_work <= FULL_IS_QUICK and not self.by_patches

    @property
    def partial_round_visits(self) -> float:
        """What a partial round takes in visits of a proof by patches; infinite of other proofs."""
        visits = VISITS_OF_PARTIAL + VISITS_OF_ASCENT * len(self.dictionary.X)
        return visits if self.by_patches else np.inf

    @property
    def by_patches(self) -> bool:
        """Whether proofs are by patches, where each digit takes longer than all before."""
        return self.bounds and self.dictionary.room > 2

    @property
    def full_round_work(self) -> int:
        """What sweeping everything takes, in looks at a wedge."""
        return self._instruments.work

    @property
    def full_round_seconds(self) -> float:
        """Roughly how long a round over everything takes here, for telling people."""
        if self._bounder is not None:
            looks = LOOKS_OF_PROOF * DEEPER ** max(self.dictionary.room - 3, 0)
            return looks * self._bounder.first_look * SECONDS_PER_VISIT / self.jobs
        looks = sum(map(self.dictionary.pencils, self._swept_orders)) * len(self.dictionary.X)
        looks = looks * (1 if self._sweeper.compiled else 5) + self._instruments.axes
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
        outlook = self._outlook(v, alpha, every_pencil, thorough, sharp, deadline)
        swept = [
            self._swept(order, v, alpha, used, thorough, outlook) for order in self._swept_orders
        ]
        choices, largest, priced = self._collected(swept, v, alpha)
        wedges, scores = self._best(choices, v, alpha, used, swept, outlook.proven)
        bounds, exact = outlook.bounds, outlook.exact
        largest = max(largest, scores.max(initial=0.0), self._off_wedges.largest(v, used))
        bound = float(max(largest, 0.0 if bounds is None else bounds.bound))
        return Priced(
            wedges=wedges,
            scores=scores,
            excess=excess(scores, alpha),
            bound=bound,
            supremum=self._known_supremum(v, bound, swept, bounds) if exact else None,
            exact=exact,
            bounded=bounds is not None,
            wedges_priced=self.dictionary.size if exact else priced,
            wedges_total=self.dictionary.size,
            cut_short=bounds is not None and bounds.cut_short,
            visits=0 if bounds is None else bounds.search.visits,
        )

    def _outlook(
        self,
        v: np.ndarray,
        alpha: float,
        every_pencil: bool,
        thorough: bool,
        sharp: float,
        deadline: Deadline | None,
    ) -> _Outlook:
        """What bounds, or else a coarse look at all pairs of columns, say of these scores."""
        bounds = None
        if every_pencil:
            bounds = self._instruments.prove(
                v, alpha, sharp, self.effort, self._machines, deadline, self._so_far
            )
        # Few pencils are soon swept, but where bounds prove they speak of all neurons.
        few = self.nominations.few(self._swept_orders, thorough) and not self.bounds
        exact = every_pencil or few
        places = None if bounds is None else bounds.places
        if not exact and (look := self._instruments.look):
            places = look(v, CLOSE_BY * (alpha if np.isfinite(alpha) else 0.0))
        return _Outlook(every_pencil, exact, bounds, places)

    def _swept(
        self,
        order: int,
        v: np.ndarray,
        alpha: float,
        used: Wedges,
        thorough: bool,
        outlook: _Outlook,
    ) -> Swept:
        """Sweep all pencils of an order; or the promising ones, and all in the pairs of columns
        that bounds leave to sweeps."""
        if outlook.sweeps_all and self._so_far.by_lines:
            swept = self._instruments.lines.swept(v, CLOSE_BY * alpha)
        else:
            swept = self._sweep(*self._blocks(order, v, used, thorough, outlook), v, outlook)
        if outlook.bounds is not None and order == self.dictionary.room:
            swept = swept.joined_with(outlook.bounds.priced)
        self.nominations.remember(order, swept)
        return swept

    def _blocks(
        self, order: int, v: np.ndarray, used: Wedges, thorough: bool, outlook: _Outlook
    ) -> tuple[list[Pencils], list[AtPoints]]:
        """The pencils that ``_swept`` sweeps, in blocks; beside them those that go by points."""
        if outlook.sweeps_all:
            return list(self.nominations.every(order)), []
        bounder = self._bounder if len(v) >= ROWS_MERGED else None
        clouds = None if bounder is None else bounder.clouds
        promising = self.nominations.promising(order, used, thorough, outlook.places)
        blocks, merged = in_blocks(promising, len(v), clouds)
        if outlook.bounds is not None and outlook.bounds.left is not None:
            blocks = [*blocks, *self.nominations.every(order, outlook.bounds.left)]
        return blocks, merged

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
        wedges = built(self.dictionary, choices)
        if self.refine:
            off = self._off_wedges.best(v, alpha, used, swept, wedges, proven)
            wedges = wedges.joined_with(off)
        return facing(self.dictionary.X, wedges, v, alpha)

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

    def _known_supremum(
        self, v: np.ndarray, bound: float, swept: list[Swept], bounds: Proven | None
    ) -> float | None:
        """The supremum over all neurons where every wedge was priced, none above ``bound``; None
        where that does not tell it."""
        knows = self._knows_supremum(v)
        if bounds is None and not knows:
            return None
        between = (float(found.suprema.max(initial=0.0)) for found in swept)
        proven = 0.0 if bounds is None else bounds.between(arcs=knows)
        return self._supremum(v, max(bound, *between, proven))

    def _supremum(self, v: np.ndarray, over_hyperplanes: float) -> float:
        """The supremum over all neurons, given that over all hyperplanes through a sample.

        Without an output bias v does not sum to zero; then a neuron with hidden weights near zero
        and a large bias is a constant at no cost, and no bound holds.
        """
        free_constant = self.dictionary.bias and has_sum(v)
        return np.inf if free_constant else over_hyperplanes

    def _sweep(
        self, blocks: list[Pencils], merged: list[AtPoints], v: np.ndarray, outlook: _Outlook
    ) -> Swept:
        """Sweep these blocks of pencils, the ``merged`` ones at points; where the others are all
        there are, of a pair at least, machines share them."""
        arcs = self._off_wedges.on_arcs and v.shape[1] == 1 and (outlook.exact or self.refine)
        workers = self._machines if outlook.sweeps_much else self._threads
        results = workers.run(sweep_block, self._sweeper, blocks, v, arcs)
        if merged and self._bounder is not None:
            sums = self._bounder.under(v).at_points
            results += self._threads.run(sweep_at_points, self._sweeper, merged, sums, arcs)
        pencils = [*blocks, *(block.pencils for block in merged)]
        return Swept(joined(*pencils), *(np.concatenate(parts) for parts in zip(*results)))
