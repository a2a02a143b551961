"""Networks with a shape: increasing or decreasing, convex or concave in some of the columns.

The best of all networks with a shape is a Lasso over units that have it, with coefficients from
zero up (theory, section 7). Which units these are is said per column by ``shapes`` (d, 2): +1 or −1
where it is to increase or decrease, +1 or −1 where it is to be convex or concave, else 0. Units of
two columns of which none is to have a shape are the wedges that every network has.
"""

from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import reduce
from importlib.util import find_spec
from math import comb
from typing import cast

import numpy as np

from wedgefit.engine.choice import MOST_PER_SAMPLE, MOST_WEDGES, rounded
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import SHARPEST, Priced, Pricer
from wedgefit.engine.ramps import Ramps, open_ramps
from wedgefit.engine.shaped_search import Goal
from wedgefit.engine.shaped_units import Line, Plane
from wedgefit.engine.wedge import Wedges, column_scales
from wedgefit.watch import Deadline

# Slopes and bends may fall short of a shape by this part of all that their ridge bends.
ROUNDING = 1e-12
# Up to so many rows in all directions together every round looks at them all: some hundredths of a
# second. A partial round looks at about as many.
FULL_IS_CHEAP = 500_000
# A fraction of a second.
FULL_IS_QUICK = 5_000_000
# Compiled kernels look at so many times as many in that time; from here on they are worth the
# seconds that it takes to load them.
FASTER, COMPILED_PAYS = 10, 200_000
# From so many on bounds of intervals of directions prove it instead: as long as that takes, a look
# along each direction takes a minute or more.
BOUNDED_FROM = 200_000_000
# Where effort is limited they need not be sharper than this, relatively: some hundreds of intervals
# a pair are enough then, whatever the number of rows. A look at a row in one takes so many times
# what one takes in an interval of pairs without a shape, compiled or not.
BOUND_SHARP, SLOWER, SLOWER_IN_NUMPY = 1e-4, 8, 100
INTERVALS, SECONDS_PER_VISIT = 300, 2e-8
# A partial round looks along so many directions of a pair at least.
FEWEST = 200
# Looking at one row in one direction takes about so long, sorting included.
SECONDS_PER_LOOK = 1.2e-7


@dataclass(frozen=True, eq=False, kw_only=True)
class ShapedDictionary(Dictionary):
    """The units of networks with ``shapes`` (d, 2), which are made of a dictionary's hinges.

    Its ``size`` counts these hinges. What it says of sets of columns is of those without a shape,
    whose wedges are swept.
    """

    shapes: np.ndarray

    @property
    def size(self) -> int:
        sets = {
            order: len(super(ShapedDictionary, self).column_sets(order)) for order in self.orders
        }
        return sum(2 * many * comb(len(self.X), self.anchors(s)) for s, many in sets.items())

    def none(self) -> Ramps:
        return open_ramps(super().none())

    def wedges(self, columns: np.ndarray, samples: np.ndarray) -> tuple[Ramps, np.ndarray]:
        wedges, sound = super().wedges(columns, samples)
        return open_ramps(wedges), sound

    def sets_of(self, order: int) -> int:
        return len(self.column_sets(order))

    def column_sets(self, order: int) -> np.ndarray:
        sets = super().column_sets(order)
        return sets if order == 1 else sets[~self._shaped(sets)]

    def shaped_pairs(self) -> np.ndarray:
        """The pairs of columns of which some are to have a shape, (m, 2)."""
        pairs = super().column_sets(2)
        return pairs[self._shaped(pairs)]

    def _shaped(self, sets: np.ndarray) -> np.ndarray:
        return np.any(self.shapes, axis=1)[sets].any(axis=1)


class ShapedPricer(Pricer):
    """Prices the units with these ``shapes`` (d, 2) that are made of a dictionary's hinges: those
    of one column all in every round, in O(n) a column; those of a pair along each direction in
    which two rows are level, in O(n log n) a direction, all of them or some."""

    def __init__(self, shapes: np.ndarray, dictionary: Dictionary, **options):
        own = (getattr(dictionary, field.name) for field in fields(Dictionary))
        self._shaped = ShapedDictionary(*own, shapes=shapes)
        self._lines = [Line(dictionary, j, shape) for j, shape in enumerate(shapes)]
        none = np.empty((0, 2), dtype=np.int64)
        pairs = self._shaped.shaped_pairs() if dictionary.room == 2 else none
        looks = len(pairs) * len(dictionary.X) * comb(len(dictionary.X), 2)
        self._compiled = looks >= COMPILED_PAYS and find_spec("numba") is not None
        memory = options.get("memory", 0.0) / max(1, len(pairs))
        planes = (Plane(dictionary, p, shapes[p], memory, self._compiled) for p in pairs)
        self._planes = [plane for plane in planes if not plane.empty]
        super().__init__(self._shaped, **options)
        # Hinges of one column are units here, too; and bounds know of no shape.
        self._sorted_columns = self._bounder = self._scout = None
        self._swept_orders = [s for s in self._swept_orders if self._shaped.sets_of(s)]
        self._begin_anew()

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._winners = self._shaped.none()

    @property
    def looks(self) -> int:
        """How many rows a round over everything looks at, along all directions of all pairs."""
        n = len(self._shaped.X)
        return len(self._planes) * n * comb(n, 2)

    @property
    def work(self) -> int:
        return max(self.looks, super().work)

    @property
    def full_rounds_only(self) -> bool:
        return self.looks <= FULL_IS_CHEAP * self._pace and super().full_rounds_only

    @property
    def full_rounds_are_quick(self) -> bool:
        quick = self.looks <= FULL_IS_QUICK * self._pace
        return quick and super().full_rounds_are_quick

    @property
    def bounds(self) -> bool:
        """Whether a round over everything bounds the units of pairs instead of looking along every
        direction; the wedges of the other pairs are swept all the same."""
        return self.looks > BOUNDED_FROM and super().full_round_work <= BOUNDED_FROM

    @property
    def _pace(self) -> int:
        return FASTER if self._compiled else 1

    @property
    def _slower(self) -> int:
        return SLOWER if self._compiled else SLOWER_IN_NUMPY

    @property
    def full_round_seconds(self) -> float:
        if self.bounds:
            visits = INTERVALS * len(self._planes) * len(self._shaped.X)
            return super().full_round_seconds + visits * self._slower * SECONDS_PER_VISIT
        return super().full_round_seconds + self.looks * SECONDS_PER_LOOK / self._pace

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
        """Price ``v`` (n, 1) as ``Pricer.price``; scores are signed, as coefficients are."""
        bound_to = self._shaped.shapes.any(axis=1)
        free = used.take(~used.reads[:, bound_to].any(axis=1))
        rest = super().price(
            v,
            alpha,
            free,
            every_pencil=every_pencil,
            thorough=thorough,
            sharp=sharp,
            deadline=deadline,
        )
        bounded = every_pencil and self.bounds
        every = (every_pencil and not bounded) or self.full_rounds_only
        plain = cast("Ramps", rest.wedges)
        swept = replace(plain, signs=np.sign(plain.hinges(self._shaped.X).T @ v[:, 0]))
        units, largest, cut_short = [swept], rest.bound, False
        for line in self._lines:
            found, own = line.found(v[:, 0], alpha)
            units, largest = [*units, *found], max(largest, own)
        rows = [
            np.empty((0, 2), dtype=np.int64) if every else self._rows(p, used) for p in self._planes
        ]
        if bounded:
            told = v[:, 0], alpha, sharp, largest, deadline or Deadline()
            largest, seen, cut_short = self._bounded_pairs(*told)
            rows = [np.concatenate(parts) for parts in zip(rows, seen)]
        looks = 0
        for plane, some in zip(self._planes, rows):
            directions = None if every else plane.directions(some)
            best, own = plane.found(v[:, 0], directions, alpha)
            units, largest = [*units, best], max(largest, own)
            looks += len(plane.every if directions is None else directions)
        wedges, scores = _best_first(reduce(Ramps.joined_with, units), self._shaped.X, v, alpha)
        self._winners = wedges
        bound = float(max(largest, scores.max(initial=0.0)))
        exact = rest.exact and (every or bounded)
        unseen = 2 * (len(self._planes) * comb(len(v), 2) - looks)
        priced = rest.wedges_priced + 2 * (looks + self._shaped.X.size)
        priced = self._shaped.size - unseen if rest.exact else priced
        return replace(
            rest,
            wedges=wedges,
            scores=scores,
            excess=float(scores.max(initial=alpha) / alpha - 1) if 0 < alpha < np.inf else 0.0,
            bound=bound,
            supremum=self._supremum(v, bound) if exact else None,
            exact=exact,
            bounded=bounded,
            wedges_priced=self._shaped.size if exact else priced,
            cut_short=cut_short,
        )

    def _bounded_pairs(
        self, v: np.ndarray, alpha: float, sharp: float, largest: float, deadline: Deadline
    ) -> tuple[float, list[np.ndarray], bool]:
        """A bound of the scores under v (n,) of the units of all pairs and of the ``largest`` of
        others; of each pair the rows that are level where one was seen above it
        (``Plane.level_near``); and whether effort left it less sharp than was asked for, with
        nothing above alpha to be seen."""
        alpha, effort = alpha if np.isfinite(alpha) else 0.0, self.effort / self._slower
        enough = max(sharp, BOUND_SHARP) if np.isfinite(self.effort) else sharp
        rows, highest = [], max(alpha, largest)
        for left, plane in zip(range(len(self._planes), 0, -1), self._planes):
            # What one pair leaves of its part is for those that follow, and below what is known of
            # others nothing is to be proven.
            goal = Goal(alpha, enough, known=largest)
            found = plane.bounded(v, goal, effort / left, deadline)
            largest, highest = max(largest, found.bound), max(highest, found.value)
            effort -= found.visits
            rows.append(plane.level_near(v, found.angles))
        return largest, rows, largest > highest * (1 + sharp) and highest <= alpha * (1 + enough)

    def _rows(self, plane: Plane, used: Wedges) -> np.ndarray:
        """The pairs of rows (m, 2) along whose directions a partial round looks: those of the units
        in use and of the last winners, others with one of these rows, and some drawn."""
        n = len(self._shaped.X)
        pairs, most = [], max(FEWEST, FULL_IS_CHEAP // (n * len(self._planes)))
        for some in (used, self._winners):
            own = some.samples[(some.columns == plane.columns).all(axis=1)]
            pairs.append(own[(own >= 0).all(axis=1)])
        known = np.unique(np.concatenate(pairs)[: most // 4])
        draws = [self._rng.integers(n, size=(most // 2, 2))]
        if len(known):
            partners = self._rng.integers(n, size=most // 2)
            draws.append(np.column_stack([self._rng.choice(known, most // 2), partners]))
        drawn = np.concatenate([*pairs, *draws])
        drawn = np.sort(drawn[drawn[:, 0] != drawn[:, 1]], axis=1)
        return np.unique(drawn, axis=0)


def _best_first(
    units: Ramps, X: np.ndarray, v: np.ndarray, alpha: float
) -> tuple[Ramps, np.ndarray]:
    """A diversified few of the units above alpha, best first, with their scores under v (n, 1):
    each once, and few of two columns through any one row."""
    scores = units.hinges(X).T @ v[:, 0]
    through: Counter[int] = Counter()
    seen: set[tuple] = set()
    taken: list[int] = []
    order, keys = np.argsort([-rounded(score) for score in scores], kind="stable"), units.keys()
    rows = np.hstack([units.samples, units.stops])
    # Of one column units have been chosen apart.
    rows[units.orders == 1] = -1
    for i in order[scores[order] > alpha]:
        own = [row for row in rows[i].tolist() if row >= 0]
        if keys[i] in seen or any(through[row] >= MOST_PER_SAMPLE for row in own):
            continue
        seen.add(keys[i])
        through.update(own)
        taken.append(i)
        if len(taken) == MOST_WEDGES:
            break
    which = np.array(taken, dtype=np.intp)
    return units.take(which), scores[which]


# Whether a network has a shape --------------------------------------------------------------------


def shortfall(
    X: np.ndarray, wedges: Wedges, coefficients: np.ndarray, shapes: np.ndarray
) -> np.ndarray:
    """How far a network of plain hinges with coefficients (m, K) is from its ``shapes`` (d, 2) in
    each column, (d,): zero where it has them, on any rows. Those of X (n, d) tell the size of a
    column.

    Hinges along one direction make a function of one number, their ridge. It must not fall where
    the columns that it reads are to rise, nor bend down where they are to be convex. What it does
    of either is measured by the sum of its bends; ``ROUNDING`` of these is none.
    """
    missing = np.zeros(len(shapes))
    turn = np.array([row[np.flatnonzero(row)[0]] > 0 for row in wedges.normals]) * 2.0 - 1
    along: dict[bytes, list[int]] = {}
    across = wedges.normals * turn[:, None] * column_scales(X, bias=True)
    across /= np.abs(across).max(axis=1, keepdims=True)
    for i, normal in enumerate(np.round(across, 10) + 0.0):
        along.setdefault(normal.tobytes(), []).append(i)
    for own in along.values():
        direction = wedges.normals[own[0]] * turn[own[0]]
        kinks, facing = -wedges.offsets[own] * turn[own], turn[own]
        for z in coefficients[own].T:
            slopes, bends = _slopes_and_bends(kinks, facing, z)
            size = ROUNDING * float(np.abs(z).sum())
            for j in np.flatnonzero(direction):
                rise = np.sign(direction[j]) * shapes[j, 0] * slopes
                least = min(rise.min(), (shapes[j, 1] * bends).min())
                missing[j] = max(missing[j], -least if least < -size else 0.0)
    return missing


def _slopes_and_bends(
    kinks: np.ndarray, facing: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The slopes of Σ z (facing · (t − kink))₊ on its pieces, and by how much each kink bends."""
    places, where = np.unique(kinks, return_inverse=True)
    bends = np.bincount(where, z, minlength=len(places))
    first = -float(z[facing < 0].sum())
    return first + np.append(0.0, np.cumsum(bends)), bends
