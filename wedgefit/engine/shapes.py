"""Networks with a shape: increasing or decreasing, convex or concave in some of the columns.

The best of all networks with a shape is a Lasso over units that have it, with coefficients from
zero up (theory, section 7). Which units these are is said per column by ``shapes`` (d, 2): +1 or −1
where it is to increase or decrease, +1 or −1 where it is to be convex or concave, else 0. Units of
two columns of which none is to have a shape are the wedges that every network has.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from importlib.util import find_spec
from math import comb
from typing import cast

import numpy as np

from wedgefit.engine.choice import MOST_PER_SAMPLE, MOST_WEDGES, rounded
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.instruments import Instruments
from wedgefit.engine.priced import Priced, excess
from wedgefit.engine.pricing import SHARPEST, Pricer
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


@dataclass(frozen=True, eq=False)
class _Found:
    """The best ``units`` of one column or of two, the ``largest`` score of all that were priced,
    and along how many directions of pairs of columns that was."""

    units: list[Ramps]
    largest: float
    looks: int = 0


@dataclass(frozen=True, eq=False)
class _Proof:
    """A ``bound`` of the scores of units of pairs, and of others that are known; of each pair the
    rows that are ``level`` where one was seen above alpha (``Plane.level_near``), none without a
    search; and whether effort left the bound less sharp than was asked for, with nothing above
    alpha to be seen."""

    bound: float
    level: Sequence[np.ndarray] = ()
    cut_short: bool = False


class ShapedPricer(Pricer):
    """Prices the units with these ``shapes`` (d, 2) that are made of a dictionary's hinges: those
    of one column all in every round, in O(n) a column; those of a pair along each direction in
    which two rows are level, in O(n log n) a direction, all of them or some."""

    def __init__(self, shapes: np.ndarray, dictionary: Dictionary, **options):
        own = (getattr(dictionary, field.name) for field in fields(Dictionary))
        self._shaped = ShapedDictionary(*own, shapes=shapes)
        self._column_lines = [Line(dictionary, j, shape) for j, shape in enumerate(shapes)]
        none = np.empty((0, 2), dtype=np.int64)
        pairs = self._shaped.shaped_pairs() if dictionary.room == 2 else none
        looks = len(pairs) * len(dictionary.X) * comb(len(dictionary.X), 2)
        self._compiled = looks >= COMPILED_PAYS and find_spec("numba") is not None
        memory = options.get("memory", 0.0) / max(1, len(pairs))
        planes = (Plane(dictionary, p, shapes[p], memory, self._compiled) for p in pairs)
        self._planes = [plane for plane in planes if not plane.empty]
        super().__init__(self._shaped, **options)
        # Hinges of one column are units here, too; and bounds know of no shape.
        self._sorted_columns = None
        self._instruments = Instruments(self._shaped, self._threads, sweeps_only=True)
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
        reads_shaped = used.reads[:, self._shaped.shapes.any(axis=1)].any(axis=1)
        rest = super().price(
            v,
            alpha,
            used.take(~reads_shaped),
            every_pencil=every_pencil,
            thorough=thorough,
            sharp=sharp,
            deadline=deadline,
        )
        bounded = every_pencil and self.bounds
        every = (every_pencil and not bounded) or self.full_rounds_only
        own = self._of_columns(v[:, 0], alpha, rest)
        proof = _Proof(own.largest)
        if bounded:
            known = own.largest, deadline or Deadline()
            proof = self._bounded_pairs(v[:, 0], alpha, sharp, *known)
        pairs = self._of_pairs(v[:, 0], alpha, None if every else self._rows(used, proof.level))
        exact = rest.exact and (every or bounded)
        found = self._joined(rest, [own, pairs], proof, v, alpha)
        return replace(
            found,
            supremum=self._supremum(v, found.bound) if exact else None,
            exact=exact,
            bounded=bounded,
            wedges_priced=self._shaped.size if exact else self._priced(rest, pairs.looks),
        )

    def _joined(
        self, rest: Priced, found: list[_Found], proof: _Proof, v: np.ndarray, alpha: float
    ) -> Priced:
        """What the ``rest`` found, with the best of all units in place of its wedges."""
        units = [some for one in found for some in one.units]
        self._winners, scores = _best_first(units, self._shaped.X, v, alpha)
        largest = max(one.largest for one in found)
        return replace(
            rest,
            wedges=self._winners,
            scores=scores,
            excess=excess(scores, alpha),
            bound=float(max(proof.bound, largest, scores.max(initial=0.0))),
            cut_short=proof.cut_short,
        )

    def _of_columns(self, v: np.ndarray, alpha: float, rest: Priced) -> _Found:
        """The best units of one column under v (n,), beside the wedges of columns without a shape
        that the ``rest`` found."""
        plain = cast("Ramps", rest.wedges)
        units = [replace(plain, signs=np.sign(plain.hinges(self._shaped.X).T @ v))]
        largest = rest.bound
        for line in self._column_lines:
            found, score = line.found(v, alpha)
            units, largest = [*units, *found], max(largest, score)
        return _Found(units, largest)

    def _of_pairs(self, v: np.ndarray, alpha: float, rows: list[np.ndarray] | None) -> _Found:
        """The best units of every pair of columns, along the directions in which two of its
        ``rows`` (m, 2) are level; None: along all."""
        found = _Found([], 0.0)
        for p, plane in enumerate(self._planes):
            directions = None if rows is None else plane.directions(rows[p])
            best, score = plane.found(v, directions, alpha)
            looks = len(plane.every if directions is None else directions)
            found = _Found([*found.units, best], max(found.largest, score), found.looks + looks)
        return found

    def _priced(self, rest: Priced, looks: int) -> int:
        """How many units were priced where not all of them were: with the ``rest``, along so many
        directions of pairs."""
        if rest.exact:
            pairs_of_rows = comb(len(self._shaped.X), 2)
            return self._shaped.size - 2 * (len(self._planes) * pairs_of_rows - looks)
        return rest.wedges_priced + 2 * (looks + self._shaped.X.size)

    def _bounded_pairs(
        self, v: np.ndarray, alpha: float, sharp: float, largest: float, deadline: Deadline
    ) -> _Proof:
        """Bound the scores under v (n,) of the units of all pairs, the ``largest`` of others
        known."""
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
        cut_short = largest > highest * (1 + sharp) and highest <= alpha * (1 + enough)
        return _Proof(largest, rows, cut_short)

    def _rows(self, used: Wedges, level: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Of every pair of columns the pairs of rows (m, 2) along whose directions a round looks
        that does not look along all, and those that bounds found ``level``."""
        rows = [self._some_rows(plane, used) for plane in self._planes]
        return [np.concatenate(parts) for parts in zip(rows, level)] if level else rows

    def _some_rows(self, plane: Plane, used: Wedges) -> np.ndarray:
        """Pairs of rows (m, 2): those of the units in use and of the last winners, others with one
        of these rows, and some drawn."""
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
    some: list[Ramps], X: np.ndarray, v: np.ndarray, alpha: float
) -> tuple[Ramps, np.ndarray]:
    """A diversified few of the units above alpha, best first, with their scores under v (n, 1):
    each once, and few of two columns through any one row."""
    units = reduce(Ramps.joined_with, some)
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
