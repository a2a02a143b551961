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

import numpy as np

from wedgefit.engine.bound import EPSILON, TURNED


def look(
    points: np.ndarray,
    v: np.ndarray,
    intervals: np.ndarray,
    faces: list[tuple[float, float]],
    ramp: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The largest score of any unit along the first direction of each of these intervals of angles
    (m, 2), of rows at points (n, 2) under v (n,), which has no sum, and a bound of those along all
    directions of it, each (m,); units as in ``units_of``.

    Sums may err by rounding; the bounds are widened by as much.
    """
    found = [_look(points, v, faces, ramp, *interval) for interval in intervals]
    values, bounds = np.array(found).reshape(-1, 2).T
    return values, bounds


def _look(points, v, faces, ramp, begin: float, end: float) -> tuple[float, float]:
    """The largest score along the first direction, and a bound of all in the interval."""
    T = np.tan(end - begin)
    along = np.array([np.cos(begin), np.sin(begin)])
    across = np.array([-along[1], along[0]])
    p, q = points @ along, points @ across
    first, last = np.abs(along).sum(), np.abs(along + T * across).sum()
    value = _highest(_Hinges(p, v), np.sort(p), faces, ramp) / first
    there = p + T * q
    # Between these nothing bends or jumps: tents go from a row's place to its place at the end.
    places = np.sort(np.concatenate([p, there]))
    tents = [_tents(p, q, np.maximum(sign * v, 0.0), T, places) for sign in (-1.0, 1.0)]
    highest = _highest(_Hinges(there, v), places, faces, ramp, *tents) / last
    return value, max(value, highest) + _rounding(v, p, q, T) / min(first, last)


def _rounding(v: np.ndarray, p: np.ndarray, q: np.ndarray, T: float) -> float:
    """More than sums over the rows can be wrong, and p: by that of the direction, across."""
    across = float(np.abs(q).max())
    terms = (8 + len(v)) * (float(np.abs(p).max()) + T * across) + TURNED * across
    return 8 * EPSILON * float(np.abs(v).sum()) * terms


def _highest(hinges: "_Hinges", places, faces, ramp, low=0.0, high=0.0) -> float:
    """The largest score of any unit that begins and ends at these ascending places, where hinges
    may be higher by ``low`` and lower by ``high`` than they are."""
    above = hinges.at(places)
    sides = {1.0: above + low, -1.0: -above + high}
    top = 0.0
    for facing, sign in faces:
        rest = 0.0 if facing > 0 else sign * hinges.whole
        top = max(top, float(sides[sign].max()) - rest)
    if ramp:
        start, stop = sides[ramp], sides[-ramp]
        top = max(top, 0.5 * float((np.maximum.accumulate(start) + stop).max()))
    return top


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
