"""Networks with a shape: increasing or decreasing, convex or concave in some of the columns.

The best of all networks with a shape is a Lasso over units that have it, with coefficients from
zero up (theory, section 6). Which units these are is said per column by ``shapes`` (d, 2): +1 or −1
where it is to increase or decrease, +1 or −1 where it is to be convex or concave, else 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import reduce

import numpy as np

from wedgefit.engine.choice import MOST_WEDGES, rounded
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import SHARPEST, Priced, Pricer
from wedgefit.engine.ramps import Ramps, open_ramps
from wedgefit.engine.wedge import Wedges

# Slopes and bends may fall short of a shape by this part of all that their ridge bends.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class ShapedDictionary(Dictionary):
    """The units with a shape over the rows of X (n, d): of one column each, with biases.

    Its ``size`` counts the hinges that they are made of.
    """

    def none(self) -> Ramps:
        return open_ramps(super().none())


@dataclass(frozen=True, eq=False)
class _Found:
    """Units of one column by their place among its values: where they start and where they end (−1:
    nowhere), which way they rise, the sign that their coefficients have, and their scores."""

    start: np.ndarray
    stop: np.ndarray
    facing: float
    sign: float
    scores: np.ndarray


class _Line:
    """The values of one column in ascending order, each once, and the units that it may have."""

    def __init__(self, column: np.ndarray, shape: np.ndarray):
        self.values, self.first, self._place = np.unique(
            column, return_index=True, return_inverse=True
        )
        self._gaps = np.diff(self.values)
        self.faces, self.ramp = units_of(*map(int, shape))

    def found(self, v: np.ndarray, alpha: float) -> tuple[list[_Found], float]:
        """The best of each stretch of neighbouring units above alpha under v (n,), and the largest
        score of all, or 0."""
        sums = np.bincount(self._place, v, minlength=len(self.values))
        below = np.append(0.0, np.cumsum(self._gaps * np.cumsum(sums)[:-1]))
        tails = np.cumsum(sums[::-1])[::-1][1:]
        above = np.append(np.cumsum((self._gaps * tails)[::-1])[::-1], 0.0)
        found, largest = [], 0.0
        for facing, sign in self.faces:
            scores = sign * (above if facing > 0 else below)
            largest = max(largest, float(scores.max()))
            best = peaks(scores, alpha)
            found.append(_Found(best, np.full(len(best), -1), facing, sign, scores[best]))
        if self.ramp:
            for start, stop, scores in best_ramps(self.ramp * above):
                largest = max(largest, float(scores.max()))
                best = peaks(scores, alpha)
                found.append(_Found(start[best], stop[best], 1.0, self.ramp, scores[best]))
        return found, largest


def units_of(way: int, bend: int) -> tuple[list[tuple[float, float]], float]:
    """The units of a column that is to go this way (+1 increasing, −1 decreasing, 0 either) and to
    bend so (+1 convex, −1 concave, 0 either): its hinges, as pairs of the way in which they face
    and the sign of their coefficients, and the sign of its ramps that end, 0 where it has none."""
    hinges = [(facing, sign) for facing in (1.0, -1.0) for sign in (1.0, -1.0)]
    if way:
        hinges = [(facing, sign) for facing, sign in hinges if facing * sign == way]
    if bend:
        hinges = [(facing, sign) for facing, sign in hinges if sign == bend]
    return hinges, 0.0 if bend else float(way)


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


class ShapedPricer(Pricer):
    """Prices the units with these ``shapes`` (d, 2) that are made of a dictionary's hinges, all in
    every round, in O(n) a column."""

    def __init__(self, shapes: np.ndarray, dictionary: Dictionary, **options):
        own = (getattr(dictionary, field.name) for field in fields(Dictionary))
        super().__init__(ShapedDictionary(*own), **options)
        # Hinges of one column are units here, too.
        self._sorted_columns = None
        self._lines = [_Line(column, shape) for column, shape in zip(dictionary.X.T, shapes)]

    def price(
        self,
        v: np.ndarray,
        alpha: float,
        used: Wedges,
        *,
        every_pencil: bool,
        thorough: bool = False,
        sharp: float = SHARPEST,
    ) -> Priced:
        """Price ``v`` (n, 1) as ``Pricer.price``; scores are signed, as coefficients are."""
        rest = super().price(
            v, alpha, used, every_pencil=every_pencil, thorough=thorough, sharp=sharp
        )
        units, largest = self._of_lines(v[:, 0], alpha)
        scores = units.hinges(self.dictionary.X).T @ v[:, 0]
        order = np.argsort([-rounded(score) for score in scores], kind="stable")
        order = order[scores[order] > alpha][:MOST_WEDGES].astype(np.intp)
        bound = float(max(rest.bound, largest, scores.max(initial=0.0)))
        return replace(
            rest,
            wedges=units.take(order),
            scores=scores[order],
            excess=float(scores.max(initial=alpha) / alpha - 1) if 0 < alpha < np.inf else 0.0,
            bound=bound,
            supremum=None if rest.supremum is None else max(rest.supremum, bound),
        )

    def _of_lines(self, v: np.ndarray, alpha: float) -> tuple[Ramps, float]:
        """The best units of single columns, and the largest score of these."""
        units, largest = [self.dictionary.none()], 0.0
        for j, line in enumerate(self._lines):
            found, own = line.found(v, alpha)
            largest = max(largest, own)
            units += [self._placed(j, line, each) for each in found if len(each.start)]
        every = reduce(Ramps.joined_with, units)
        first = {key: i for i, key in reversed(list(enumerate(every.keys())))}
        return every.take(sorted(first.values())), largest

    def _placed(self, j: int, line: _Line, found: _Found) -> Ramps:
        """Units of column j."""
        count, room = len(found.start), self.dictionary.room
        columns, samples, stops = (np.full((count, room), -1) for _ in range(3))
        columns[:, 0], samples[:, 0] = j, line.first[found.start]
        ending = found.stop >= 0
        stops[ending, 0] = line.first[found.stop[ending]]
        normals = np.zeros((count, self.dictionary.X.shape[1]))
        normals[:, j] = found.facing
        ends = np.where(ending, -found.facing * line.values[found.stop], -np.inf)
        offsets = -found.facing * line.values[found.start]
        signs = np.full(count, found.sign)
        return Ramps(columns, samples, normals, offsets, ends, stops, signs)


# Whether a network has a shape --------------------------------------------------------------------


def shortfall(wedges: Wedges, coefficients: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """How far a network of plain hinges with coefficients (m, K) is from its ``shapes`` (d, 2) in
    each column, (d,): zero where it has them.

    Hinges along one direction make a function of one number, their ridge. It must not fall where
    the columns that it reads are to rise, nor bend down where they are to be convex. What it does
    of either is measured by the sum of its bends; ``ROUNDING`` of these is none.
    """
    missing = np.zeros(len(shapes))
    turn = np.array([row[np.flatnonzero(row)[0]] > 0 for row in wedges.normals]) * 2.0 - 1
    along: dict[bytes, list[int]] = {}
    for i, normal in enumerate(wedges.normals * turn[:, None] + 0.0):
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
