"""Which pencils a round sweeps: all of them, or those that promise most.

A partial round looks around the wedges in use, at the pencils that won lately, and at those that a
look at all pairs points at; where there is no such look, at some drawn at random.
"""

from collections.abc import Iterator
from functools import partial
from itertools import combinations, islice
from math import comb

import numpy as np

from wedgefit.engine.bound_look import Places, spread
from wedgefit.engine.choice import places_of_largest
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pencil import BLOCK, Pencils, Swept, pointed_at
from wedgefit.engine.wedge import Wedges

# A partial round looks at this many of the last round's best pencils, and at this many drawn at
# random from each kind.
WINNERS = 600
RANDOM = 100
# Where all pairs have been looked at, so many are enough, of pencils that won and of those that the
# look points at.
SCOUTED = 60
# A thorough partial round draws more where rows are few: about so many looks at a sample from a
# pencil, well below a tenth of a second.
THOROUGH = 1_000_000
# To find the axis of a pencil in more than two columns takes as long as so many looks per column.
AXIS = 100
# More sets of columns than this are not listed for drawing some of them.
LISTED = 200_000
# The pencils that bounds nominate visit about so many rows together: as long as the bounds take.
NOMINATED = 20_000_000
# What bounds see is a neuron by itself: where it may be used as it is, sweeps around it add little.
BESIDE_NEURONS = 1_000_000


class Nominations:
    """The pencils of one dictionary that its rounds sweep, and those that won.

    ``rng`` draws; ``scouted``: whether a ``Scout`` tells partial rounds where to look, so that
    fewer pencils will do; ``neurons``: whether bounds show neurons that may be used as they are;
    ``larger``: how many times larger the blocks of full rounds are than those of partial ones.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        rng: np.random.Generator,
        *,
        scouted: bool,
        neurons: bool = False,
        larger: int = 1,
    ):
        self.dictionary, self._rng = dictionary, rng
        self._block = BLOCK * larger
        fewest, visits = (4, BESIDE_NEURONS) if neurons else (20, NOMINATED)
        self._most = min(SCOUTED if scouted else WINNERS, max(fewest, visits // len(dictionary.X)))
        self._winners: dict[int, Pencils] = {}

    def few(self, orders: list[int], thorough: bool) -> bool:
        """Whether there are no more pencils than a partial round would draw, so that it looks at
        all of them."""
        return all(
            self.dictionary.pencils(order) <= self._draws(order, thorough) for order in orders
        )

    def every(self, order: int, sets: np.ndarray | None = None) -> Iterator[Pencils]:
        """All pencils of an order, or of these column ``sets`` (m, order) alone, in blocks; a block
        spans several column sets where the rows are few."""
        n, fixed = len(self.dictionary.X), self.dictionary.anchors(order) - 1
        sets = self.dictionary.column_sets(order) if sets is None else sets
        size = max(1, self._block // n)
        together = max(1, size // comb(n, fixed))
        for start in range(0, len(sets), together):
            some, subsets = sets[start : start + together], combinations(range(n), fixed)
            while batch := list(islice(subsets, size)):
                around = np.array(batch, dtype=np.int64).reshape(len(batch), -1)
                yield Pencils(np.repeat(some, len(around), axis=0), np.tile(around, (len(some), 1)))

    def promising(self, order: int, used: Wedges, thorough: bool, places: Places | None) -> Pencils:
        """The pencils of an order that promise most: those that ``places`` point at instead of
        random ones where they are known. ``thorough``: draw more."""
        parts = self._around(order, used)
        if places is not None:
            best = spread(places).take(slice(0, self._most))
            parts.append(pointed_at(self.dictionary, best, order))
        if places is None or order < self.dictionary.room or not self.dictionary.bias:
            parts += self._drawn(order, used, thorough)
        return Pencils.stack(parts)

    def remember(self, order: int, swept: Swept) -> None:
        """Keep the pencils that scored most, for the next round."""
        kept = min(self._most, max(20, self.dictionary.pencils(order) // 20))
        best = places_of_largest(np.maximum(swept.scores, swept.suprema), kept)
        self._winners[order] = swept.pencils.take(best)

    def _draws(self, order: int, thorough: bool) -> int:
        """How many pencils of an order a partial round draws of each kind."""
        each = len(self.dictionary.X) + axis(order)
        return max(RANDOM, THOROUGH // each) if thorough else RANDOM

    def _around(self, order: int, used: Wedges) -> list[Pencils]:
        """The pencils of the wedges in use, and of the last winners."""
        anchors = self.dictionary.anchors(order)
        # A refined neuron passes through one sample only: it has no pencil.
        mine = used.take((used.orders == order) & ((used.samples >= 0).sum(axis=1) == anchors))
        around = [np.delete(mine.samples[:, :anchors], k, axis=1) for k in range(anchors)]
        parts = [Pencils(mine.columns[:, :order], fixed) for fixed in around]
        return [*parts, self._winners[order]] if order in self._winners else parts

    def _drawn(self, order: int, used: Wedges, thorough: bool) -> list[Pencils]:
        """Pencils drawn at random, of all and among the columns in use."""
        n, anchors = len(self.dictionary.X), self.dictionary.anchors(order)
        draws = self._draws(order, thorough)
        parts = []
        for columns in self._column_draws(order, used, draws):
            drawn = np.sort(self._rng.integers(n, size=(draws, anchors - 1)), axis=1)
            distinct = (np.diff(drawn, axis=1) > 0).all(axis=1)
            if (sets := columns()) is not None:
                parts.append(Pencils(sets, drawn).take(distinct))
        return parts

    def _column_draws(self, order: int, used: Wedges, draws: int):
        """What draws so many sets of columns, of all and of those in use; None where there is no
        set.

        Columns that matter together mostly matter alone, too: without the second the right sets are
        a needle in a haystack of wide tables.
        """
        in_use = np.logical_or.reduce(used.reads, axis=0)
        if self.dictionary.sets_of(order) > LISTED and self.dictionary.together is None:
            every = np.arange(len(in_use))
            return [
                partial(_drawn_sets, self._rng, among, order, draws)
                for among in (every, every[in_use])
            ]
        sets = self.dictionary.column_sets(order)
        listed = (sets, sets[in_use[sets].all(axis=1)])
        return [partial(_drawn_rows, self._rng, among, draws) for among in listed]


def axis(order: int) -> int:
    """The cost of one pencil's axis, in looks at a sample; in two columns there is none to find."""
    return AXIS * order if order > 2 else 0


def _drawn_rows(rng: np.random.Generator, sets: np.ndarray, draws: int) -> np.ndarray | None:
    """So many of these sets of columns, (draws, s)."""
    return sets[rng.integers(len(sets), size=draws)] if len(sets) else None


def _drawn_sets(
    rng: np.random.Generator, columns: np.ndarray, order: int, draws: int
) -> np.ndarray | None:
    """So many sets of ``order`` of these columns, (draws, order), each as likely as any other."""
    if len(columns) < order:
        return None
    places = np.argsort(rng.random((draws, len(columns))), axis=1)[:, :order]
    return np.sort(columns[places], axis=1)
