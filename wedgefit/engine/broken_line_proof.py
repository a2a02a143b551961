"""Whether a line of few bends costs less than one that is known: dynamic programming over bends,
from left to right.

What the rows up to a bend cost is, as a function of the line's height there, the least of finitely
many parabolas (Maidstone, Fearnhead and Letchford, arXiv 1701.01672, with a penalty in place of the
cap). Parabolas that are nowhere the least are left out; so are those that, with the best straight
lines on the remaining rows, each on its own, end above a line that is known.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# What sums may lose to rounding, as a part of the variance of y.
ROUNDING = 1e-11
# Crossings this close, as a part of the heights in question, may be one.
NEAR = 1e-9


class Points(NamedTuple):
    """The rows of a line, one for each value of x: x ascending from 0 to 1, y of variance one, and
    weights that add up to one; all (values,)."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray


def apart(rows: Points, most: int) -> np.ndarray:
    """What the rows from each value on cost at least with s straight lines that need not meet,
    (most + 1, values + 1): rows without a line cost infinity."""
    values = len(rows.x)
    least = np.full((most + 1, values + 1), np.inf)
    least[:, values] = 0.0
    for j in range(values - 1, -1, -1):
        t, w, y = rows.x[j:] - rows.x[j], rows.w[j:], rows.y[j:] - rows.y[j]
        w_, wt, wy = np.cumsum(w), np.cumsum(w * t), np.cumsum(w * y)
        spread = np.cumsum(w * t * t) - wt * wt / w_
        slope = np.cumsum(w * t * y) - wt * wy / w_
        rises = spread > 0
        cost = np.cumsum(w * y * y) - wy * wy / w_
        cost -= np.where(rises, slope**2 / np.where(rises, spread, 1.0), 0.0)
        cost = np.maximum(cost, 0.0)
        # Two points are on a line.
        cost[:2] = 0.0
        least[1:, j] = (cost + least[:-1, j + 1 :]).min(axis=1)
    return np.minimum.accumulate(least, axis=0)


@dataclass
class Budget:
    """How many looks at parabolas are left."""

    looks: int


@dataclass(frozen=True, eq=False)
class Parabolas:
    """Costs a·h² − 2·b·h + c of the height h at the value ``at``, each with the ``bend`` that led
    there, by its place in the list of bends; all (m,)."""

    at: np.ndarray
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    bend: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    @property
    def least(self) -> np.ndarray:
        return self.c - self.b**2 / self.a

    def take(self, which: np.ndarray) -> "Parabolas":
        parts = (self.at, self.a, self.b, self.c, self.bend)
        return Parabolas(*(part[which] for part in parts))

    def joined_with(self, other: "Parabolas") -> "Parabolas":
        pairs = zip(
            (self.at, self.a, self.b, self.c, self.bend),
            (other.at, other.a, other.b, other.c, other.bend),
        )
        return Parabolas(*(np.concatenate(pair) for pair in pairs))


class Proof:
    """Whether a line of ``most`` bends costs less than ``known``: all that could are kept, from
    left to right. ``straight``: what ``apart`` says; ``step``: bends at every so-many-th value
    only."""

    def __init__(
        self,
        rows: Points,
        most: int,
        known: float,
        straight: np.ndarray,
        budget: Budget,
        step: int = 1,
    ):
        self.rows, self.most, self.budget, self.step = rows, most, budget, step
        self.limits = known + ROUNDING - straight
        # Of every value sums over the rows after it, by their distance t: w, wt, wt², wy, wty, wy².
        self.sums = np.zeros((6, len(rows.x)))
        nothing = np.zeros(0)
        none = Parabolas(nothing.astype(int), nothing, nothing, nothing, nothing.astype(int))
        # By the number of bends so far: what the line after the last of them may begin with.
        self.begun = [none] * (most + 1)
        self.made: list[tuple[int, int]] = []

    def bends(self) -> list[int] | None:
        """Of the best line, if there is one below what is known, else of none; None where the
        budget ended before."""
        last = len(self.rows.x) - 1
        for j in range(last + 1):
            self._see(j)
            # Downwards: what bends here may not bend here again.
            for k in range(self.most, -1, -1):
                reached = self._reached(j, k)
                if j == last and k == self.most and len(reached):
                    return self._traced(int(reached.bend[reached.least.argmin()]))
                if 0 < j < last and k < self.most and len(reached) and j % self.step == 0:
                    self._bend(j, k, reached)
            if self.budget.looks < 0:
                return None
        return []

    def _see(self, j: int) -> None:
        """The row at j belongs to all lines that begin before it."""
        t, w, y = self.rows.x[j] - self.rows.x[:j], self.rows.w[j], self.rows.y[j]
        self.sums[:, :j] += [
            w + 0 * t,
            w * t,
            w * t * t,
            w * y + 0 * t,
            w * y * t,
            w * y * y + 0 * t,
        ]

    def _reached(self, j: int, k: int) -> Parabolas:
        """What the rows up to j may cost after k bends, by the height there."""
        if k == 0:
            here = self._first(j)
        else:
            here = self._continued(j, self.begun[k])
        alive = here.least <= self.limits[self.most - k + 1, j + 1]
        if alive.all():
            return here
        if k:
            # The cost only grows: what is too much now is too much for good.
            self.begun[k] = self.begun[k].take(alive)
        return here.take(alive)

    def _first(self, j: int) -> Parabolas:
        """The first line: its slope is free."""
        t, w, y = (
            part[: j + 1] for part in (self.rows.x - self.rows.x[j], self.rows.w, self.rows.y)
        )
        w_, wt, wtt, wy, wty, wyy = w.sum(), w @ t, w @ (t * t), w @ y, w @ (t * y), w @ (y * y)
        if wtt > 0:
            parts = w_ - wt * wt / wtt, wy - wt * wty / wtt, wyy - wty * wty / wtt
        else:
            parts = w_, wy, wyy
        a, b, c = (np.array([part]) for part in parts)
        return Parabolas(np.array([j]), a, b, c, np.array([-1]))

    def _continued(self, j: int, begun: Parabolas) -> Parabolas:
        """Lines from a bend to j, the height at the bend the best for that at j."""
        self.budget.looks -= len(begun)
        w, wt, wtt, wy, wty, wyy = self.sums[:, begun.at]
        length = self.rows.x[j] - self.rows.x[begun.at]
        # The line is (1 − r) times the height at the bend and r = t / length times that at j.
        right, right_y = wtt / length**2, wty / length
        mixed = wt / length - right
        left, left_y = w - wt / length - mixed, wy - right_y
        own, own_y = begun.a + left, begun.b + left_y
        a = right - mixed * mixed / own
        b = right_y - mixed * own_y / own
        c = begun.c + wyy - own_y * own_y / own
        return Parabolas(begun.at, a, b, c, begun.bend)

    def _bend(self, j: int, k: int, reached: Parabolas) -> None:
        """A bend at j, the next one after k."""
        limit = self.limits[self.most - k, j + 1]
        below = reached.take(reached.least <= limit)
        if not len(below):
            return
        kept = below.take(lower_envelope(below.a, below.b, below.c, limit, self.budget))
        names = np.arange(len(self.made), len(self.made) + len(kept))
        self.made += [(j, int(before)) for before in kept.bend]
        fresh = Parabolas(np.full(len(kept), j), kept.a, kept.b, kept.c, names)
        self.begun[k + 1] = self.begun[k + 1].joined_with(fresh)

    def _traced(self, bend: int) -> list[int]:
        bends = []
        while bend >= 0:
            place, bend = self.made[bend]
            bends.append(place)
        return bends[::-1]


def lower_envelope(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, limit: float, budget: Budget
) -> np.ndarray:
    """Which of the parabolas a·h² − 2·b·h + c, each somewhere below the limit, are the least of
    all at some h where the least is.

    A walk from left to right: from the least parabola to the one that crosses it first.
    """
    half = np.sqrt(np.maximum((limit - (c - b**2 / a)) / a, 0.0))
    h, end = float((b / a - half).min()), float((b / a + half).max())
    left = np.arange(len(a))
    current = int(np.lexsort((a, a * h - b, a * h * h - 2 * b * h + c))[0])
    kept = {current}
    # Where many cross in one point rounding would lead round in circles: none comes twice there.
    there, point, near = [current], h, NEAR * (end - h)
    # Two parabolas cross at most twice.
    for _ in range(2 * len(a)):
        budget.looks -= len(left)
        steps = _crossings(a, b, c, left, current, h)
        # Who crosses nowhere to the right stays above.
        left, steps = left[np.isfinite(steps)], steps[np.isfinite(steps)]
        ahead = np.where(np.isin(left, there) & (h + steps <= point + near), np.inf, steps)
        if not h + ahead.min(initial=np.inf) <= end:
            break
        h += float(ahead.min())
        first = left[ahead <= ahead.min()]
        left = np.append(left, current)
        current = int(first[np.lexsort((a[first], a[first] * h - b[first]))[0]])
        if h > point + near:
            there, point = [], h
        there.append(current)
        kept.add(current)
    else:
        return np.arange(len(a))
    return np.array(sorted(kept))


def _crossings(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, others: np.ndarray, current: int, h: float
) -> np.ndarray:
    """How far to the right of h each of the others gets below the current parabola, which is the
    least at h; infinity for nowhere."""
    curve = a[others] - a[current]
    slope = 2 * (curve * h - (b[others] - b[current]))
    height = (curve * h - 2 * (b[others] - b[current])) * h + (c[others] - c[current])
    height = np.maximum(height, 0.0)
    inside = slope * slope - 4 * curve * height
    crosses = (inside >= 0) & ((slope < 0) | (curve < 0)) & (others != current)
    below = np.sqrt(np.where(crosses, inside, 0.0)) - slope
    steps = np.where(below > 0, 2 * height / np.where(below > 0, below, 1.0), 0.0)
    return np.where(crosses, steps, np.inf)
