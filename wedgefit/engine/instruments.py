"""What prices all wedges of a dictionary at once, or looks at all its pairs of columns: chosen once
per dictionary, and made when it is first asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import cast

import numpy as np

from wedgefit.engine.bound_choice import Proven, bounder_for, prove
from wedgefit.engine.bound_look import Places
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.coinciding import Clouds
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.kept_lines import MOST_POINTS, KeptLines, lines_to_keep
from wedgefit.engine.nomination import axis
from wedgefit.engine.scout import Scout, scout_for
from wedgefit.engine.workers import Threads, Workers
from wedgefit.watch import Deadline

# Up to this many wedges every round prices them all.
FULL_IS_CHEAP = 500_000
# So many lines are sorted while bounds visit a row in an interval that was halved.
LINES_PER_VISIT = 12


@dataclass
class SoFar:
    """What the proofs of some pricers of one dictionary took so far: how many rows bounds have
    visited in intervals that were ``halved``, and whether that was so many that proofs are now made
    ``by_lines``."""

    halved: int = 0
    by_lines: bool = False


class Instruments:
    """What the pricers of several problems with one dictionary share.

    ``threads`` share the work. ``refine``: whether neurons off the wedges may be used; ``memory``
    (bytes) bounds the lines that are kept, not what is found; ``sweeps_only``: whether nothing but
    sweeps knows the dictionary.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        threads: Threads,
        *,
        refine: bool = False,
        memory: float = np.inf,
        sweeps_only: bool = False,
    ):
        self.dictionary, self.refine, self.threads = dictionary, refine, threads
        self.memory, self.sweeps_only = memory, sweeps_only

    @property
    def axes(self) -> int:
        """What finding the axes of all pencils costs, in looks at a sample."""
        dictionary = self.dictionary
        wide = (order for order in dictionary.orders if order > 2)
        return sum(dictionary.pencils(order) * axis(order) for order in wide)

    @property
    def work(self) -> int:
        """What sweeping everything takes: a look per wedge, and to find the pencils' axes as many
        as that takes, which in small tables of many columns is nearly all."""
        return self.dictionary.size + self.axes

    @property
    def too_many_to_sweep(self) -> bool:
        """Whether partial rounds save work."""
        return self.work > FULL_IS_CHEAP

    @cached_property
    def bounder(self) -> Bounder | None:
        """What bounds scores; None where all wedges are swept instead."""
        if self.sweeps_only:
            return None
        return bounder_for(self.dictionary, self.refine, self.threads.jobs)

    def prove(
        self,
        v: np.ndarray,
        alpha: float,
        sharp: float,
        effort: float,
        workers: Workers,
        deadline: Deadline | None,
        so_far: SoFar,
    ) -> Proven | None:
        """What bounds prove of all scores under v (n, K), as sharply as need be
        (``Pricer.price``); None where everything is to be swept.

        When bounds have taken ``so_far`` as long as all ``lines`` are sorted, these are, and swept
        from then on.
        """
        if self.bounder is None or so_far.by_lines:
            return None
        # What no other proof will follow is left to bounds: the largest score of all.
        again = 0 < alpha < np.inf
        # Not what is left of it, or none would be asked for as the last one was, and remembered.
        worth = self._worth if so_far.halved < self._worth else 0
        allowed = self.bounder.first_look + worth if again else np.inf
        found = prove(
            self.bounder,
            self.dictionary,
            v,
            alpha,
            sharp=sharp,
            effort=min(effort, allowed),
            workers=workers,
            deadline=deadline,
            whole=allowed < effort,
        )
        if again:
            so_far.halved += max(0, found.search.visits - self.bounder.first_look)
        if effort <= allowed or not found.search.cut_short:
            return found
        so_far.by_lines = True
        return None

    @cached_property
    def lines(self) -> KeptLines:
        """The lines of all pairs, among the points that bounds see, from which they take over;
        sorted when they are first asked for."""
        bounder = cast(Bounder, self.bounder)
        pairs, clouds = self.dictionary.column_sets(2), bounder.clouds
        if len(clouds) < len(pairs):
            clouds = Clouds.of(bounder.rows, pairs, few=MOST_POINTS)
        return KeptLines(self.dictionary, clouds, self.threads, self.memory)

    @property
    def keeps_lines(self) -> bool:
        """Whether lines can take over from bounds."""
        return bool(np.isfinite(self._worth))

    @cached_property
    def _worth(self) -> float:
        """How many rows bounds may visit in intervals that were halved before lines are sorted."""
        if self.bounder is None:
            return np.inf
        return lines_to_keep(self.dictionary, self.bounder.clouds) / LINES_PER_VISIT

    @property
    def look(self) -> Callable[[np.ndarray, float], Places] | None:
        """What looks at all pairs: a scout, or where rows are too many for it compiled bounds."""
        if self.scout is not None:
            return self.scout.look
        if self._look_pays and self.bounder is not None and find_spec("numba") is not None:
            return self.bounder.glimpse
        return None

    @cached_property
    def scout(self) -> Scout | None:
        """What looks at all pairs, kept sorted; None where no look pays, or rows are too many."""
        return scout_for(self.dictionary) if self._look_pays else None

    @property
    def _look_pays(self) -> bool:
        """Whether partial rounds are to look at all pairs: not where sweeping them all costs no
        more, nor where bounds look for neurons off the wedges, too."""
        told = self.dictionary
        pairs = told.bias and told.orders[-1] == told.room == 2
        if self.sweeps_only or not pairs or not self.too_many_to_sweep:
            return False
        return not (self.refine and self.bounder is not None)
