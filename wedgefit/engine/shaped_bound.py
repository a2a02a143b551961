"""An upper bound of the scores of units with a shape over whole intervals of directions, where
these are too many to look along each.

A pair of columns, a direction w at one end of the interval, across it u; p = w·x, q = u·x. The
direction w + t u, 0 ≤ t ≤ T, has the hinges h_t(b) = Σ v (p + t q − b)₊. Split the rows by the side
on which they are at t = 0: what is not linear in t is what rows that change sides add, for each of
them v times a number from 0 up that is convex in t and nothing at t = 0, at T a tent over b (see
``bound``). So with E⁺ and E⁻ the tents of the rows with v above and below 0, in all of the interval

    h_t(b) ≤ (1 − t/T) h_0(b) + t/T (h_T(b) + E⁻(b)),   −h_t(b) ≤ − … + t/T E⁺(b),

and so is h_t(a) − h_t(b), the score of a ramp from a to b, below what both make together: lines in
t, over a norm that is a line in t within a quadrant. The largest is at one of the ends: at t = 0 as
it is, at T with the tents, which shrink as T² does where rows are spread.
"""

from dataclasses import dataclass

import numpy as np

from wedgefit.watch import Deadline

EPSILON = np.finfo(float).eps
# Every quadrant begins with this many intervals.
FIRST_PER_QUADRANT = 16
# Narrower than this, rounding is all that is left.
SMALLEST = 1e-9


def quadrants(ways: np.ndarray) -> list[float]:
    """The angles at which those quadrants begin in which directions go these ways (2,): +1 up, −1
    down, 0 either; where both may go either way only one of a direction and its opposite."""
    if not ways.any():
        return [0.0, np.pi / 2]
    signs = {0.0: (1, 1), np.pi / 2: (-1, 1), np.pi: (-1, -1), 1.5 * np.pi: (1, -1)}
    return [angle for angle, sign in signs.items() if (np.array(sign) * ways >= 0).all()]


@dataclass(frozen=True, eq=False)
class Found:
    """``bound``: no unit along any of the directions scores more; ``value``: one scores this much;
    ``visits``: how many rows were looked at; ``angles``: of the directions along which one was seen
    to score above alpha, the best first."""

    bound: float
    value: float
    visits: int
    angles: np.ndarray


@dataclass(frozen=True, eq=False)
class Sectors:
    """Rows at ``points`` (n, 2), and the units that they have along directions (``units_of``):
    their ``faces``, and the sign of their ``ramp``, 0 without one."""

    points: np.ndarray
    faces: list[tuple[float, float]]
    ramp: float

    def search(
        self,
        v: np.ndarray,
        alpha: float,
        sharp: float,
        begins: list[float],
        effort: float,
        deadline: Deadline,
    ) -> Found:
        """Bound the scores under v (n,), which has no sum, in the quadrants that begin at these
        angles, down to (1 + ``sharp``) times alpha, or the best score seen if that is larger, or as
        far as ``effort`` looks at a row go; once ``deadline`` is due one look is all."""
        edges = np.add.outer(begins, np.linspace(0.0, np.pi / 2, FIRST_PER_QUADRANT + 1))
        now = np.column_stack([edges[:, :-1].ravel(), edges[:, 1:].ravel()])
        above, settled, best, visits = np.full(len(now), np.inf), 0.0, 0.0, 0
        waiting, theirs, seen = now[:0], above[:0], []
        while len(now):
            looks = [self._look(v, *interval) for interval in now]
            visits += len(now) * len(v)
            values, bounds = np.array(looks).T
            bounds = np.minimum(bounds, above)
            best = max(best, float(values.max()))
            seen += [(-value, angle) for value, (angle, _) in zip(values, now) if value > alpha]
            limit = max(alpha, best) * (1 + sharp)
            narrow = now[:, 1] - now[:, 0] <= SMALLEST
            settled = max(settled, float(bounds[narrow].max(initial=0.0)))
            waiting = np.concatenate([waiting, now[~narrow]])
            theirs = np.append(theirs, bounds[~narrow])
            still = theirs > limit
            settled = max(settled, float(theirs[~still].max(initial=0.0)))
            # The largest first: wherever effort ends, what is left is as small as it can be.
            order = np.flatnonzero(still)[np.argsort(-theirs[still], kind="stable")]
            waiting, theirs = waiting[order], theirs[order]
            left = 0.0 if deadline.due() else max(0.0, effort - visits)
            most = int(min(len(order), left / (2 * len(v))))
            now, above = _halved(waiting[:most]), np.repeat(theirs[:most], 2)
            waiting, theirs = waiting[most:], theirs[most:]
        bound = max(settled, float(theirs.max(initial=0.0)))
        return Found(bound, best, visits, np.array([angle for _, angle in sorted(seen)]))

    def _look(self, v: np.ndarray, begin: float, end: float) -> tuple[float, float]:
        """The largest score along the first direction, and a bound of all in the interval."""
        T = np.tan(end - begin)
        along = np.array([np.cos(begin), np.sin(begin)])
        across = np.array([-along[1], along[0]])
        p, q = self.points @ along, self.points @ across
        order = np.argsort(p)
        p, q, v = p[order], q[order], v[order]
        value = self._highest(_Hinges(p, v), p) / np.abs(along).sum()
        last = np.abs(along + T * across).sum()
        places = np.sort(np.concatenate([p, p - T * np.abs(q), p + T * np.abs(q)]))
        tents = [_tents(p, q, np.maximum(sign * v, 0.0), T, places) for sign in (-1.0, 1.0)]
        there = self._highest(_Hinges(p + T * q, v), places, *tents) / last
        reach = float(np.abs(p).max() + T * np.abs(q).max())
        rounding = 8 * (8 + len(v)) * EPSILON * float(np.abs(v).sum()) * reach
        return value, max(value, there) + rounding / min(last, np.abs(along).sum())

    def _highest(self, hinges: "_Hinges", places, low=0.0, high=0.0) -> float:
        """The largest score of any unit that begins and ends at these places, where hinges may be
        higher by ``low`` and lower by ``high`` than they are."""
        above = hinges.at(places)
        sides = {1.0: above + low, -1.0: -above + high}
        top = 0.0
        for facing, sign in self.faces:
            rest = 0.0 if facing > 0 else sign * hinges.whole
            top = max(top, float(sides[sign].max()) - rest)
        if self.ramp:
            start, stop = sides[self.ramp], sides[-self.ramp]
            top = max(top, 0.5 * float((np.maximum.accumulate(start) + stop).max()))
        return top


def _halved(intervals: np.ndarray) -> np.ndarray:
    """The two halves of each of these (m, 2), (2m, 2)."""
    middle = intervals.mean(axis=1)
    return np.column_stack([intervals[:, 0], middle, middle, intervals[:, 1]]).reshape(-1, 2)


class _Hinges:
    """The scores of hinges that rise from a place on, of rows at places p (n,) under v (n,), which
    has no sum."""

    def __init__(self, p: np.ndarray, v: np.ndarray):
        order = np.argsort(p)
        self._p, v = p[order], v[order]
        self._sums = np.append(np.cumsum(v[::-1])[::-1], 0.0)
        self._moments = np.append(np.cumsum((v * self._p)[::-1])[::-1], 0.0)
        self.whole = float(self._moments[0])

    def at(self, places: np.ndarray) -> np.ndarray:
        first = np.searchsorted(self._p, places, side="right")
        return self._moments[first] - places * self._sums[first]


def _tents(p, q, size, T, places) -> np.ndarray:
    """Σ size (T|q| − |p − b|)₊ at these places b over the rows that can change sides there: above
    with q < 0, below with q > 0."""
    reach = T * np.abs(q)
    total = np.zeros(len(places))
    for those, start, stop, slope in (
        (q < 0, p - reach, p, 1.0),
        (q > 0, p, p + reach, -1.0),
    ):
        begun, ended = start[those], stop[those]
        own = size[those]
        # The tent's foot is where it begins or ends: slope · (b − foot) in between.
        foot = begun if slope > 0 else ended
        inside = _line(begun, own, foot, places, "right")
        total += slope * (inside - _line(ended, own, foot, places, "left"))
    return np.maximum(total, 0.0)


def _line(starts, size, foot, places, side) -> np.ndarray:
    """Σ size (b − foot) over those that start before the places b, or, on the right, at them."""
    order = np.argsort(starts)
    sums = np.append(0.0, np.cumsum(size[order]))
    moments = np.append(0.0, np.cumsum((size * foot)[order]))
    many = np.searchsorted(starts[order], places, side=side)
    return places * sums[many] - moments[many]
