"""Broken lines of few bends: the best of all that bend at given values, proven.

A line without a penalty on its bends, but with a cap on their number, is no convex problem. It is
solved exactly by dynamic programming over the bends from left to right: what the rows up to a bend
cost is, as a function of the line's height there, the least of finitely many parabolas (Maidstone,
Fearnhead and Letchford, arXiv 1701.01672, with a penalty in place of the cap). Parabolas that are
nowhere the least are left out; so are those that, with the best straight lines on the remaining
rows, each on its own, end above a line that is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# Parabolas that all proofs together look at: a minute or two of one core.
MOST_LOOKS = 300_000_000
# What sums may lose to rounding, as a part of the variance of y.
ROUNDING = 1e-11
# A hinge that the bends there are explain to this part is not tried.
DEPENDENT = 1e-9
# Of more values than this some are tried first.
COARSE = 200
# Crossings this close, as a part of the heights in question, may be one.
NEAR = 1e-9


@dataclass(frozen=True, eq=False)
class BrokenLine:
    """A continuous line with bends at some of the values of x, (k,) ascending, and its heights at
    the smallest value, the bends, and the largest, (k + 2,).

    ``loss`` is Σ w (y − f)² / 2 with weights that add up to one. No line of at most k bends at
    values of x is below ``lower_bound``, which is the loss but for rounding where it is ``proven``
    to be the best. ``anywhere``: no line of k bends is below, wherever it bends.
    """

    bends: np.ndarray
    heights: np.ndarray
    loss: float
    lower_bound: float
    anywhere: float
    proven: bool


def broken_lines(
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    most: int,
    looks: int = MOST_LOOKS,
) -> list[BrokenLine]:
    """The best line of at most k bends for k = 0, …, ``most``, or as many as there are values
    between the ends; x, y and weights are (n,).

    After so many looks at parabolas the proofs end: the lines that are left are the best found.
    """
    rows = _Rows(x, y, weights)
    values = len(rows.x)
    most = max(0, min(most, values - 2))
    found = _exchanged(rows, most)
    apart = _apart(rows, most + 1)
    budget = _Budget(looks)
    lines, open_ = [], False
    for k in range(most + 1):
        bends = found[k]
        # More bends are no worse.
        if k and rows.cost(bends) > rows.cost(found[k - 1]):
            bends = found[k - 1]
        if not open_:
            better = _best(rows, k, bends, apart, budget)
            open_ = better is None
            bends = better or bends
        found[k] = bends
        lines.append(rows.line(bends, apart[k + 1, 0], proven=not open_))
    return lines


def _best(
    rows: "_Rows", k: int, known: list[int], apart: np.ndarray, budget: "_Budget"
) -> list[int] | None:
    """The best k bends, ``known`` or better ones; None where the budget ends before that is
    proven."""
    values = len(rows.x)
    # Among few values first: the closer a known line is, the less is kept.
    for step in (1 + values // COARSE, 1) if values > COARSE else (1,):
        better = _Proof(rows, k, rows.cost(known), apart, budget, step).bends()
        if better is None:
            return None
        if better:
            known = min(known, better if step == 1 else _moved(rows, better), key=rows.cost)
    return known


def cost_of_bends(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, bends: Iterable[float]
) -> float:
    """The loss of the best line with these bends, among the values of x: no penalty, as in
    ``broken_lines``."""
    rows = _Rows(x, y, weights)
    places = np.unique(np.searchsorted(rows.x, rows.placed(np.array(list(bends)))))
    inner = [int(place) for place in places if 0 < place < len(rows.x) - 1]
    return rows.line(inner, 0.0, proven=False).loss


class _Rows:
    """The rows as one point for each value of x, with x from 0 to 1, y of mean zero and variance
    one; costs are Σ w (y − f)², less what rows of equal x cost any line."""

    def __init__(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray):
        weights = weights / weights.sum()
        values, place = np.unique(x, return_inverse=True)
        self.w = np.bincount(place, weights)
        centre = float(weights @ y)
        means = np.bincount(place, weights * (y - centre)) / self.w
        self.within = float(weights @ (y - centre - means[place]) ** 2)
        self.unit = float(np.sqrt(self.w @ means**2)) or 1.0
        self.y, self.centre, self.values = means / self.unit, centre, values
        self.x = self.placed(values)

    def placed(self, values: np.ndarray) -> np.ndarray:
        """Values on the scale from 0 to 1."""
        return (values - self.values[0]) / (np.ptp(self.values) or 1.0)

    def tents(self, bends: Sequence[int]) -> np.ndarray:
        """The lines that are 1 at an end or a bend and 0 at all others, (values, k + 2)."""
        nodes = np.unique([0, *bends, len(self.x) - 1])
        return np.column_stack(
            [np.interp(self.x, self.x[nodes], row) for row in np.eye(len(nodes))]
        )

    def heights(self, bends: Sequence[int]) -> np.ndarray:
        """Of the best line with these bends, at its nodes."""
        root = np.sqrt(self.w)
        tents = self.tents(bends) * root[:, None]
        return np.linalg.lstsq(tents, self.y * root, rcond=None)[0]

    def cost(self, bends: Sequence[int]) -> float:
        """Of the best line with these bends."""
        return float(self.w @ (self.y - self.tents(bends) @ self.heights(bends)) ** 2)

    def line(self, bends: Sequence[int], apart: float, proven: bool) -> BrokenLine:
        """The best line with these bends, in the units of the rows."""

        def loss(cost: float) -> float:
            return (max(cost, 0.0) * self.unit**2 + self.within) / 2

        cost = self.cost(bends)
        anywhere = loss(min(apart, cost) - ROUNDING)
        return BrokenLine(
            self.values[list(bends)],
            self.heights(bends) * self.unit + self.centre,
            loss(cost),
            loss(cost - ROUNDING) if proven else anywhere,
            anywhere,
            proven,
        )


# Lines that are known -----------------------------------------------------------------------------


def _exchanged(rows: _Rows, most: int) -> list[list[int]]:
    """Good bends for every number of them: the best one more, then each for a better one as long
    as that gains."""
    found: list[list[int]] = [[]]
    for _ in range(most):
        found.append(_moved(rows, [*found[-1], _best_added(rows, found[-1])]))
    return found


def _moved(rows: _Rows, bends: list[int]) -> list[int]:
    """Each bend exchanged for a better one as long as that gains."""
    cost, tried = rows.cost(bends), 0
    # They take turns: the first one goes, and what is better there comes in last.
    while tried < len(bends):
        gone, *rest = bends
        other = [*rest, _best_added(rows, rest)]
        there = rows.cost(other)
        if there < cost * (1 - 1e-9) - ROUNDING:
            bends, cost, tried = other, there, 0
        else:
            bends, tried = [*rest, gone], tried + 1
    return sorted(bends)


def _best_added(rows: _Rows, bends: Sequence[int]) -> int:
    """The bend that lowers the cost most beside these, all values tried at once."""
    root = np.sqrt(rows.w)
    basis, _ = np.linalg.qr(rows.tents(bends) * root[:, None])
    rest = rows.y * root - basis @ (basis.T @ (rows.y * root))

    def with_hinges(columns: np.ndarray) -> np.ndarray:
        """The products of the hinge at each value, which rises to the right, with columns."""
        sums = np.cumsum(columns[::-1], axis=0)[::-1]
        moments = np.cumsum((columns * rows.x[:, None])[::-1], axis=0)[::-1]
        return moments - rows.x[:, None] * sums

    scores = with_hinges((rest * root)[:, None])[:, 0]
    behind = [np.cumsum((rows.w * rows.x**p)[::-1])[::-1] for p in range(3)]
    lengths = behind[2] - 2 * rows.x * behind[1] + rows.x**2 * behind[0]
    beyond = lengths - (with_hinges(basis * root[:, None]) ** 2).sum(axis=1)
    free = beyond > DEPENDENT * lengths
    gains = np.where(free, scores**2 / np.where(free, beyond, 1.0), 0.0)
    gains[[0, -1, *bends]] = -1.0
    return int(gains.argmax())


# Bounds -------------------------------------------------------------------------------------------


def _apart(rows: _Rows, most: int) -> np.ndarray:
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
class _Budget:
    """How many looks at parabolas are left."""

    looks: int


@dataclass(frozen=True, eq=False)
class _Parabolas:
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

    def take(self, which: np.ndarray) -> "_Parabolas":
        parts = (self.at, self.a, self.b, self.c, self.bend)
        return _Parabolas(*(part[which] for part in parts))

    def joined_with(self, other: "_Parabolas") -> "_Parabolas":
        pairs = zip(
            (self.at, self.a, self.b, self.c, self.bend),
            (other.at, other.a, other.b, other.c, other.bend),
        )
        return _Parabolas(*(np.concatenate(pair) for pair in pairs))


class _Proof:
    """Whether a line of ``most`` bends costs less than ``known``: all that could are kept, from
    left to right. ``step``: bends at every so-many-th value only."""

    def __init__(
        self,
        rows: _Rows,
        most: int,
        known: float,
        apart: np.ndarray,
        budget: _Budget,
        step: int = 1,
    ):
        self.rows, self.most, self.budget, self.step = rows, most, budget, step
        self.limits = known + ROUNDING - apart
        # Of every value sums over the rows after it, by their distance t: w, wt, wt², wy, wty, wy².
        self.sums = np.zeros((6, len(rows.x)))
        nothing = np.zeros(0)
        none = _Parabolas(nothing.astype(int), nothing, nothing, nothing, nothing.astype(int))
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

    def _reached(self, j: int, k: int) -> _Parabolas:
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

    def _first(self, j: int) -> _Parabolas:
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
        return _Parabolas(np.array([j]), a, b, c, np.array([-1]))

    def _continued(self, j: int, begun: _Parabolas) -> _Parabolas:
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
        return _Parabolas(begun.at, a, b, c, begun.bend)

    def _bend(self, j: int, k: int, reached: _Parabolas) -> None:
        """A bend at j, the next one after k."""
        limit = self.limits[self.most - k, j + 1]
        below = reached.take(reached.least <= limit)
        if not len(below):
            return
        kept = below.take(lower_envelope(below.a, below.b, below.c, limit, self.budget))
        names = np.arange(len(self.made), len(self.made) + len(kept))
        self.made += [(j, int(before)) for before in kept.bend]
        fresh = _Parabolas(np.full(len(kept), j), kept.a, kept.b, kept.c, names)
        self.begun[k + 1] = self.begun[k + 1].joined_with(fresh)

    def _traced(self, bend: int) -> list[int]:
        bends = []
        while bend >= 0:
            place, bend = self.made[bend]
            bends.append(place)
        return bends[::-1]


def lower_envelope(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, limit: float, budget: _Budget
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
