"""The units that networks with a shape have in one column and in a pair of columns, and their
scores (theory, section 7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from wedgefit.engine.choice import places_of_largest
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.ramps import Ramps
from wedgefit.engine.remembered import Remembered
from wedgefit.engine.shaped_search import Found, Goal, Sectors, quadrants
from wedgefit.engine.sweep import index_type
from wedgefit.engine.wedge import COINCIDENT
from wedgefit.watch import Deadline

# Directions are looked at in blocks of about so many rows, which stay in the processor's cache.
BLOCK = 1 << 12
# Compiled kernels keep next to nothing beside the order of the rows.
COMPILED_BLOCK = 1 << 20
# Of a pair of columns so many units are told, those of the largest scores.
MOST_UNITS = 200
# Weights of a direction beside its largest that rounding may have left of zero.
NO_WEIGHT = 1e-12
# So many directions that a bound saw above alpha are told, each with so many pairs of rows that are
# level next to it on either side.
MOST_SEEN, NEAREST = 20, 2
# Rows whose heights differ by less than this part of the largest value are level.
LEVEL = 1e-12


def units_of(way: int, bend: int) -> tuple[list[tuple[float, float]], float]:
    """The units of one direction that is to go this way (+1 increasing, −1 decreasing, 0 either)
    and to bend so (+1 convex, −1 concave, 0 either): its hinges, as pairs of the way in which they
    face and the sign of their coefficients, and the sign of its ramps that end, 0 where it has
    none."""
    hinges = [(facing, sign) for facing in (1.0, -1.0) for sign in (1.0, -1.0)]
    if way:
        hinges = [(facing, sign) for facing, sign in hinges if facing * sign == way]
    if bend:
        hinges = [(facing, sign) for facing, sign in hinges if sign == bend]
    return hinges, 0.0 if bend else float(way)


# One column ---------------------------------------------------------------------------------------


class Line:
    """The values of column ``j`` in ascending order, each once, and the units that it may have,
    given its ``shape`` (2,)."""

    def __init__(self, dictionary: Dictionary, j: int, shape: np.ndarray):
        self.j, self.width, self.room = j, dictionary.X.shape[1], dictionary.room
        self.values, self.first, self._place = np.unique(
            dictionary.X[:, j], return_index=True, return_inverse=True
        )
        self.faces, self.ramp = units_of(*map(int, shape))

    def found(self, v: np.ndarray, alpha: float) -> tuple[list[Ramps], float]:
        """The best of each stretch of neighbouring units above alpha under v (n,), and the largest
        score of all, or 0."""
        sums = np.bincount(self._place, v, minlength=len(self.values))
        above, below = _faces(self.values - self.values[len(self.values) // 2], sums)
        found, largest = [], 0.0
        for facing, sign in self.faces:
            scores = sign * (above if facing > 0 else below)
            largest = max(largest, float(scores.max()))
            best = peaks(scores, alpha)
            found.append(self._built(best, None, facing, sign))
        if self.ramp:
            for start, stop, scores in best_ramps(self.ramp * above):
                largest = max(largest, float(scores.max()))
                best = peaks(scores, alpha)
                found.append(self._built(start[best], stop[best], 1.0, self.ramp))
        return found, largest

    def _built(
        self, start: np.ndarray, stop: np.ndarray | None, facing: float, sign: float
    ) -> Ramps:
        """Units that start at these places among the values, and end at those, if they do."""
        count = len(start)
        columns, samples, stops = (np.full((count, self.room), -1) for _ in range(3))
        columns[:, 0], samples[:, 0] = self.j, self.first[start]
        normals, ends = np.zeros((count, self.width)), np.full(count, -np.inf)
        normals[:, self.j] = facing
        if stop is not None:
            stops[:, 0], ends = self.first[stop], -facing * self.values[stop]
        signs = np.full(count, sign)
        offsets = -facing * self.values[start]
        return Ramps(columns, samples, normals, offsets, ends, stops, signs)


def _faces(places: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores of the hinges (·, k) that rise from each of these ascending places (·, k) on, and
    of those that fall up to it, given the sums of v at them (·, k)."""
    heads, moments = np.cumsum(sums, axis=-1), np.cumsum(sums * places, axis=-1)
    below = places * heads - moments
    above = (moments[..., -1:] - moments) - places * (heads[..., -1:] - heads)
    return above, below


def best_ramps(heights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each end of a ramp the best start before it, then for each start the best end after it,
    with their scores: of hinges with scores ``heights`` (k,), half of what they fall from one to
    the other."""
    places = np.arange(len(heights))
    highest = np.maximum.accumulate(heights)
    start = np.maximum.accumulate(np.where(heights == highest, places, 0))
    yield start, places, 0.5 * (highest - heights)
    lowest = np.minimum.accumulate(heights[::-1])[::-1]
    last = np.where(heights == lowest, places, len(heights) - 1)
    stop = np.minimum.accumulate(last[::-1])[::-1]
    yield places, stop, 0.5 * (heights - lowest)


def peaks(scores: np.ndarray, alpha: float) -> np.ndarray:
    """The place of the largest score in each stretch above alpha."""
    above = np.concatenate([[False], scores > alpha, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    return np.array([a + int(scores[a:b].argmax()) for a, b in edges], dtype=np.intp)


# A pair of columns --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Directions:
    """m directions of a pair of columns, each that in which two rows are level: weights (m, 2) with
    ‖·‖₁ = 1, and these rows (m, 2)."""

    weights: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, which) -> "Directions":
        return Directions(self.weights[which], self.rows[which])


class Plane:
    """A pair of columns (2,) of which some are to have a shape (2, 2), and its units of two
    columns.

    Along each direction these are the units of a line. It goes the way that its column goes, or
    both do: only directions that rise in the one and fall in the other as they should belong here.
    The best unit of all lies along a direction in which two rows are level, one end through both.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        columns: np.ndarray,
        shapes: np.ndarray,
        memory: float = 0.0,
        compiled: bool = False,
    ):
        """``memory``: so many bytes may be kept between rounds."""
        self.dictionary, self.columns, self.memory = dictionary, columns, memory
        self.compiled, self._kernels = compiled, _compiled() if compiled else _IN_NUMPY
        self.points = dictionary.X[:, columns]
        # Biases make the middle of the columns free; sums then lose fewest digits.
        self._middle = 0.5 * (self.points.min(axis=0) + self.points.max(axis=0))
        self.ways, bends = shapes[:, 0], shapes[:, 1]
        self.faces, self.ramp = units_of(int(self.ways.any()), int(bends[np.abs(bends).argmax()]))
        # What is to bend up in one column and down in the other is a line, which one column has.
        self.empty = {*bends.tolist()} >= {1, -1}
        self._last: Remembered[Found] | None = None

    @cached_property
    def every(self) -> Directions:
        """All directions in which two rows are level."""
        return self.directions(np.column_stack(np.triu_indices(len(self.points), 1)))

    def directions(self, rows: np.ndarray) -> Directions:
        """Those in which these pairs of rows (m, 2) are level, each once."""
        scales = self.dictionary.scales[self.columns]
        edges = (self.points[rows[:, 0]] - self.points[rows[:, 1]]) / scales
        apart = np.abs(edges).max(axis=1, initial=0.0) > COINCIDENT
        edges, rows = edges[apart], rows[apart]
        # In units of the columns' ranges, in which no column's weights are lost beside another's.
        across = np.column_stack([edges[:, 1], -edges[:, 0]])
        across /= np.abs(across).max(axis=1, keepdims=True)
        turn = np.ones(len(across))
        for column in np.flatnonzero(self.ways)[:1]:
            turn = np.sign(across[:, column]) * self.ways[column]
        across *= turn[:, None]
        right = (across * self.ways >= 0).all(axis=1) & (np.abs(across).min(axis=1) > NO_WEIGHT)
        across, rows = across[right], rows[right]
        # As complex numbers they sort ten times as fast as rows do.
        near = np.round(across, 12)
        _, first = np.unique(near[:, 0] + 1j * near[:, 1], return_index=True)
        weights = across[np.sort(first)] / scales
        weights /= np.abs(weights).sum(axis=1, keepdims=True)
        return Directions(weights, rows[np.sort(first)])

    @cached_property
    def _orders(self) -> np.ndarray | None:
        """The rows by height along every direction, (m, n); None where that is too much to keep."""
        if self.every.weights.shape[0] * len(self.points) * 4 > self.memory:
            return None
        kept = [self._order(some) for some in self._blocks(self.every)]
        return np.concatenate(kept) if kept else None

    def _order(self, some: Directions) -> np.ndarray:
        """The rows by height along these directions, (m, n)."""
        return self._kernels.by_height(self.points, some.weights)

    def found(self, v: np.ndarray, chosen: Directions | None, alpha: float) -> tuple[Ramps, float]:
        """The best unit along each of the best of these directions, or of all there are, where it
        is above alpha under v (n,), and the largest score of all, or 0."""
        parts, done = [_Best.none(0)], 0
        directions, kept = (self.every, self._orders) if chosen is None else (chosen, None)
        for some in self._blocks(directions):
            order = self._order(some) if kept is None else kept[done : done + len(some)]
            units = self.points - self._middle, v, some.weights, order, self.faces, self.ramp
            parts.append(_Best(*self._kernels.best_units(*units)))
            done += len(some)
        best = _Best.joined(parts)
        kept = places_of_largest(best.scores, MOST_UNITS, above=alpha)
        largest = float(best.scores.max(initial=0.0))
        return self._built(directions.take(kept), best.take(kept)), largest

    def bounded(self, v: np.ndarray, goal: Goal, effort: float, deadline: Deadline) -> Found:
        """A bound of the scores under v (n,) along all directions (``Sectors.search``); asked the
        same of a ``v`` that rounding tells from the last one, it answers from memory."""
        asked, points = (goal.alpha, goal.sharp, goal.known, effort), self.points - self._middle
        reach = 2 * float(np.abs(points).max())
        if self._last and (same := self._last.under(v[:, None], asked, goal.sharp, reach)):
            return same
        sectors = Sectors(points, self.faces, self.ramp, self.compiled)
        found = sectors.search(v, goal, quadrants(self.ways), effort, deadline)
        # What a deadline may have ended is no whole search.
        self._last = None if deadline.known else Remembered(v[:, None].copy(), asked, found)
        return found

    def level_near(self, v: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """Pairs of rows (m, 2) that are level along directions next to the first of these."""
        none = np.empty((0, 2), dtype=np.int64)
        return np.concatenate([none, *(self._level_with_best(v, a) for a in angles[:MOST_SEEN])])

    def _level_with_best(self, v: np.ndarray, angle: float) -> np.ndarray:
        """Rows in pairs (m, 2), an end of the best unit along a direction and another row each,
        that are level along the directions nearest to it."""
        along = np.array([[np.cos(angle), np.sin(angle)]])
        order = np.argsort(along @ self.points.T, axis=1, kind="stable")
        units = self.points - self._middle, v, along, order, self.faces, self.ramp
        _, start, stop, _, _ = best_units(*units)
        pairs = [np.empty((0, 2), dtype=np.int64)]
        for row in {int(start[0]), int(stop[0])} - {-1}:
            edges = self.points - self.points[row]
            rise, run = edges @ along[0], edges @ np.array([-along[0, 1], along[0, 0]])
            turn = np.divide(rise, run, out=np.full(len(run), np.nan), where=run != 0)
            # On either side, as the score may rise towards either.
            for side in (1.0, -1.0):
                away = np.where(side * turn >= 0, np.abs(turn), np.inf)
                nearest = np.argsort(away)[: min(NEAREST, int(np.isfinite(away).sum()))]
                pairs.append(np.column_stack([np.full(len(nearest), row), nearest]))
        return np.sort(np.concatenate(pairs), axis=1)

    def _blocks(self, directions: Directions) -> Iterator[Directions]:
        step = max(1, (COMPILED_BLOCK if self.compiled else BLOCK) // len(self.points))
        for begin in range(0, len(directions), step):
            yield directions.take(slice(begin, begin + step))

    def _built(self, some: Directions, best: "_Best") -> Ramps:
        """These units along these directions."""
        count, width, facing = len(some), self.dictionary.X.shape[1], best.facing
        normals = np.zeros((count, width))
        normals[:, self.columns] = some.weights * facing[:, None]
        heights = np.einsum("mnd,md->mn", self.points[some.rows], some.weights)
        offsets, samples = self._end(some, heights, best.start)
        ends, stops = self._end(some, heights, best.stop)
        ends, stops = np.where(best.stop < 0, np.inf, ends), np.where(best.stop < 0, -1, stops.T).T
        columns = np.tile(self.columns, (count, 1))
        return Ramps(columns, samples, normals, -facing * offsets, -ends, stops, best.signs)

    def _end(
        self, some: Directions, heights: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How high these rows (m,) are along their directions, and which rows are at this height
        that are known to be: the two that are level, or this one; ``heights`` (m, 2) are theirs."""
        own = np.einsum("md,md->m", self.points[rows], some.weights)
        reach = np.abs(self.points).max(initial=0.0)
        level = np.abs(heights - own[:, None]).max(axis=1, initial=0.0) <= LEVEL * reach
        alone = np.column_stack([rows, np.full(len(rows), -1)])
        return np.where(level, heights[:, 0], own), np.where(level[:, None], some.rows, alone)


@dataclass(eq=False)
class _Best:
    """The best unit along each of m directions so far: its score, the rows at which it starts and
    ends (−1: nowhere), which way it faces and the sign of its coefficient."""

    scores: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    facing: np.ndarray
    signs: np.ndarray

    @classmethod
    def none(cls, count: int) -> "_Best":
        nowhere = np.full(count, -1)
        return cls(np.zeros(count), nowhere, nowhere, np.ones(count), np.ones(count))

    def improve(self, *others: np.ndarray | float) -> None:
        """Take these units (of whose parts some are the same for all) where they score more."""
        better = others[0] > self.scores
        for field, other in zip(fields(self), others):
            setattr(self, field.name, np.where(better, other, getattr(self, field.name)))

    @classmethod
    def joined(cls, parts: list["_Best"]) -> "_Best":
        return cls(
            *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(cls))
        )

    def take(self, which: np.ndarray) -> "_Best":
        return _Best(*(getattr(self, field.name)[which] for field in fields(self)))


def by_height(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rows at points (n, 2) by their height along each of these directions (m, 2), (m, n); rows
    at one height as they come."""
    order = np.argsort(weights @ points.T, axis=1, kind="stable")
    return order.astype(index_type(len(points)))


def best_units(points, v, weights, order, faces, ramp):
    """The best unit along each of m directions, weights (m, 2), of rows at points (n, 2) under v
    (n,), given the rows by their height, ``order`` (m, n), and the units that there are as in
    ``units_of``: scores, the rows where they start and end (−1: nowhere), which way they face and
    the signs of their coefficients, each (m,); no unit scores less than zero."""
    places = np.take_along_axis(weights @ points.T, order.astype(np.intp), axis=1)
    above, below = _faces(places, v[order])
    best, each = _Best.none(len(weights)), np.arange(len(weights))
    for facing, sign in faces:
        scores = sign * (above if facing > 0 else below)
        start = scores.argmax(axis=1)
        best.improve(scores[each, start], order[each, start].astype(int), -1, facing, sign)
    if ramp:
        rises = ramp * above
        falls = 0.5 * (np.maximum.accumulate(rises, axis=1) - rises)
        stop = falls.argmax(axis=1)
        before = np.arange(len(v)) <= stop[:, None]
        start = np.where(before, rises, -np.inf).argmax(axis=1)
        ends = (order[each, place].astype(int) for place in (start, stop))
        best.improve(falls[each, stop], *ends, 1.0, ramp)
    return best.scores, best.start, best.stop, best.facing, best.signs


@dataclass(frozen=True)
class _Kernels:
    """What looks along directions."""

    by_height: Callable[[np.ndarray, np.ndarray], np.ndarray]
    best_units: Callable[..., tuple[np.ndarray, ...]]


_IN_NUMPY = _Kernels(by_height, best_units)


def _compiled() -> _Kernels:
    from wedgefit.engine import shaped_compiled

    return _Kernels(shaped_compiled.by_height, shaped_compiled.best_units)
