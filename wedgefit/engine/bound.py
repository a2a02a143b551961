"""An upper bound of the score over a whole interval of directions, in NumPy: the reference, and the
fallback where no compiler is installed.

A pair of columns, a direction w at the interval's centre, across it u; p = w·x, q = u·x. A
direction t = tan φ away has the neuron (p + t q − b)₊, so with the rows split by the side on which
they are at the centre

    Σ v (p + t q − b)₊ = S(b) + t Q(b) + C,   S = Σ v (p − b),  Q = Σ v q   over the rows above b,

where C is what rows that change sides add: v times (|t q| − |p − b|)₊, for t > 0 over the rows
above with q < 0 and those below with q > 0, for t < 0 over the others. Where v pulls the score up,
this is convex in t and nothing at t = 0, hence at most t · e(b), e = Σ |v| (|q| − |p − b| / T)₊
with T = tan δ. Where it pulls the score down, C is at most nothing, and at most what it would be
had these rows changed sides from the start, Z(b) − t D(b) with D = Σ |v q| and Z = Σ |v (p − b)|
over those that cross up to T. So the score of a half interval is at most the lower of two lines,

    S + t (Q + e)   and   S + Z + t (Q + e − D),

over the norm, which is √(1 + t²) or, in one quadrant, linear in t. Without the second line a ridge
of the score, along which a row stays on the hyperplane, would keep a bound above it of first order
in δ. While b passes neither a p nor the foot of a tent p ± T|q|, all but e is linear in (t, b), and
where the two lines meet is linear too; so with the larger e of both ends the largest value lies at
an end, or on the seam between. With several targets S and Q are vectors, every row may pull either
way, and there is no second line.
"""

from dataclasses import dataclass

import numpy as np

EPSILON = np.finfo(float).eps
# What rounding turns a direction by, the cosine's and that of halving, is less than 8 times as many
# EPSILON.
TURNED = 8
# Every pair begins with this many intervals in each of its two quadrants.
FIRST_PER_QUADRANT = 4


@dataclass(frozen=True, eq=False)
class Intervals:
    """m intervals of directions (cos θ, sin θ), each in a pair of columns and inside one quadrant.

    ``columns`` (m, 2); ``centres`` and ``halves`` (half the widths) in radians, (m,).
    """

    columns: np.ndarray
    centres: np.ndarray
    halves: np.ndarray

    def __len__(self) -> int:
        return len(self.centres)

    def take(self, which) -> "Intervals":
        """The intervals at these positions or under a mask."""
        return Intervals(self.columns[which], self.centres[which], self.halves[which])

    @property
    def normals(self) -> np.ndarray:
        """The directions of the centres, (m, 2)."""
        return np.column_stack([np.cos(self.centres), np.sin(self.centres)])

    @property
    def widths(self) -> np.ndarray:
        """Half of the width of each, (m,)."""
        return self.halves

    def halved(self) -> "Intervals":
        """Both halves of every interval."""
        twice = self.take(np.repeat(np.arange(len(self)), 2))
        halves = twice.halves / 2
        sides = np.tile([-1.0, 1.0], len(self))
        return Intervals(twice.columns, twice.centres + sides * halves, halves)

    @classmethod
    def all(cls, pairs: np.ndarray, per_quadrant: int = FIRST_PER_QUADRANT) -> "Intervals":
        """Every direction of these pairs (m, 2), up to sign: both quadrants in equal parts."""
        half = np.pi / 4 / per_quadrant
        centres = half * (2 * np.arange(2 * per_quadrant) + 1)
        return cls(
            np.repeat(pairs, len(centres), axis=0),
            np.tile(centres, len(pairs)),
            np.full(len(centres) * len(pairs), half),
        )


@dataclass(frozen=True, eq=False)
class Looks:
    """What looking at m intervals found, each (m,).

    ``bounds``: no neuron with a direction in the interval scores more; of this, ``rounding`` allows
    for that of the sums. ``values``: the best score seen at the centre; ``samples``: a row at or
    near the hyperplane that reaches it, −1 where nothing above the floor was seen or hyperplanes
    pass through the origin.
    """

    bounds: np.ndarray
    rounding: np.ndarray
    values: np.ndarray
    samples: np.ndarray


def look(
    rows: np.ndarray,
    v: np.ndarray,
    intervals: Intervals,
    *,
    norm: int,
    bias: bool,
    limit: float,
    floor: float,
    glimpse: bool = False,
) -> Looks:
    """Bound the score |vᵀ(Xw + b)₊| / ‖w‖ over each interval of directions, both faces, every b
    that some hyperplane through a row can have; without ``bias`` only b = 0.

    ``rows`` (d, n) are the columns of X, ``v`` (n, K). ``limit``: bounds below it need not be
    sharp; values up to ``floor`` need no sample. Sums may err by rounding; the bounds are widened
    by as much. ``glimpse``: values alone are asked for, and the bounds are infinite.
    """
    found = [
        _look(rows[pair], v, centre, half, norm, bias)
        for pair, centre, half in zip(intervals.columns, intervals.centres, intervals.halves)
    ]
    return _looks(found, floor, glimpse)


def look_among(
    points: np.ndarray,
    v: np.ndarray,
    starts: np.ndarray,
    which: np.ndarray,
    intervals: Intervals,
    *,
    norm: int,
    bias: bool,
    limit: float,
    floor: float,
    glimpse: bool = False,
) -> Looks:
    """The same for intervals (m) that look each at some of the ``points`` (2, n) in the plane, v
    (n, K): those from ``starts``[k] up to ``starts``[k + 1], k its entry in ``which`` (m,)."""
    found = []
    for k, centre, half in zip(which, intervals.centres, intervals.halves):
        begin, end = starts[k], starts[k + 1]
        bound, rounding, value, sample = _look(
            points[:, begin:end], v[begin:end], centre, half, norm, bias
        )
        found.append((bound, rounding, value, sample + begin if sample >= 0 else -1))
    return _looks(found, floor, glimpse)


def _looks(found: list[tuple], floor: float, glimpse: bool) -> Looks:
    """What was found of every interval: bound, rounding, value and sample."""
    bounds, rounding, values, samples = (np.array(part) for part in zip(*found))
    bounds = np.full(len(bounds), np.inf) if glimpse else bounds
    return Looks(bounds, rounding, values, np.where(values > floor, samples, -1))


def _look(points, v, centre, half, norm, bias) -> tuple[float, float, float, int]:
    """Bound, rounding, value and sample of one interval; ``points`` (2, n)."""
    cos, sin = np.cos(centre), np.sin(centre)
    p, q = cos * points[0] + sin * points[1], cos * points[1] - sin * points[0]
    order = np.argsort(p, kind="stable")
    rows = _Sorted(p[order], q[order], v[order], np.tan(half))
    first, ends = rows.pieces() if bias else rows.origin()
    crossing = rows.crossing(first, ends)
    shape = _Shape(cos, sin, half, norm)
    S, Q = rows.above(first, ends)
    all_S, all_Q = rows.all(ends)
    bound = max(shape.highest(S, Q, *crossing), shape.highest(S - all_S, Q - all_Q, *crossing))
    b, values = ends[1], np.maximum(*(np.linalg.norm(side[1], axis=1) for side in (S, S - all_S)))
    # Beyond the outermost rows there is no neuron at the centre, only at other directions.
    if bias:
        values[(b < rows.p[0]) | (b > rows.p[-1])] = 0.0
    best = values.argmax()
    sample = order[np.abs(rows.p - b[best]).argmin()] if bias else -1
    rounding = rows.rounding() / shape.least
    return bound + rounding, rounding, values[best] / shape.centre, sample


@dataclass(frozen=True, eq=False)
class _Sorted:
    """The rows of one interval, sorted by p: p and q (n,), v (n, K), T = tan δ."""

    p: np.ndarray
    q: np.ndarray
    v: np.ndarray
    T: float

    def pieces(self) -> tuple[np.ndarray, np.ndarray]:
        """Pieces of b, from a little below all p to a little above, at whose inner points no row
        lies and no tent begins or ends: the first row above, (k,), and both ends, (2, k)."""
        reach = self.T * np.abs(self.q)
        outer = [self.p[0] - reach.max(), self.p[-1] + reach.max()]
        b = np.unique(np.concatenate([outer, self.p, self.p - reach, self.p + reach]))
        if len(b) == 1:
            b = np.repeat(b, 2)
        return np.searchsorted(self.p, b[:-1], side="right"), np.stack([b[:-1], b[1:]])

    def origin(self) -> tuple[np.ndarray, np.ndarray]:
        """The only hyperplane of this direction through the origin, as a piece."""
        return np.array([np.searchsorted(self.p, 0.0, side="right")]), np.zeros((2, 1))

    def above(self, first, b) -> tuple[np.ndarray, np.ndarray]:
        """S (2, k, K) and Q (k, K) of the rows from ``first`` on at b, (2, k)."""
        sums, moments, across = (
            np.vstack([np.cumsum(part[::-1], axis=0)[::-1], np.zeros((1, self.v.shape[1]))])
            for part in (self.v, self.v * self.p[:, None], self.v * self.q[:, None])
        )
        return moments[first] - b[:, :, None] * sums[first], across[first]

    def all(self, b) -> tuple[np.ndarray, np.ndarray]:
        """What S and Q would be if all rows were above."""
        return self.p @ self.v - b[:, :, None] * self.v.sum(axis=0), (self.q @ self.v)[None]

    def crossing(self, first, ends) -> tuple[np.ndarray, np.ndarray]:
        """e(b) at both ends, and D, of both halves (t > 0, t < 0) and of rows that pull the score
        up or down: (2, 2, 2, k) and (2, 2, k); with several targets every row may pull either
        way."""
        size = np.linalg.norm(self.v, axis=1)
        pulls = [self.v[:, 0] > 0, self.v[:, 0] < 0] if self.v.shape[1] == 1 else 2 * [size > 0]
        slopes, swings = np.zeros((2, 2, *ends.shape)), np.zeros((2, 2, len(first)))
        for half, across in enumerate((self.q, -self.q)):
            for pull, those in enumerate(pulls):
                falls = np.where(those & (across < 0), size, 0.0)
                rises = np.where(those & (across > 0), size, 0.0)
                slopes[half, pull] = self._heights(falls, rises, first, ends) / self.T
                swings[half, pull] = self._swings(falls, rises, first, ends.mean(axis=0))
        return slopes, swings

    def _heights(self, falls, rises, first, b) -> np.ndarray:
        """Σ size (T|q| − |p − b|)₊ over the rows above that can fall and those below that can
        rise."""
        start, end = self.p - self.T * np.abs(self.q), self.p + self.T * np.abs(self.q)
        height = _hinges(start, falls, b) - _linear(start, falls, first, b)
        height += _hinges(end, rises, b) - _linear(end, rises, first, b)
        return np.maximum(height, 0.0)

    def _swings(self, falls, rises, first, b) -> np.ndarray:
        """Σ size |q| over the same rows."""
        reach = self.T * np.abs(self.q)
        falls, rises = falls * np.abs(self.q), rises * np.abs(self.q)
        swing = _begun(self.p - reach, falls, b) - _prefix(falls)[first]
        return swing + _prefix(rises)[first] - _begun(self.p + reach, rises, b)

    def rounding(self) -> float:
        """More than sums over the rows can be wrong, and p: by that of the direction, across."""
        across = np.abs(self.q).max()
        terms = (8 + len(self.p)) * (np.abs(self.p).max() + self.T * across) + TURNED * across
        return 8 * EPSILON * float(np.abs(self.v).sum()) * terms


def _prefix(size) -> np.ndarray:
    """Sums of the first 0, 1, …, n numbers."""
    return np.concatenate([[0.0], np.cumsum(size)])


def _begun(start, size, b) -> np.ndarray:
    """Σ size over the rows whose ``start`` is below b, (k,)."""
    order = np.argsort(start)
    return _prefix(size[order])[np.searchsorted(start[order], b)]


def _hinges(start, size, b) -> np.ndarray:
    """Σ size (b − start)₊ over all rows, (k,)."""
    return b * _begun(start, size, b) - _begun(start, size * start, b)


def _linear(start, size, first, b) -> np.ndarray:
    """Σ size (b − start) over the rows before ``first``, (k,)."""
    return b * _prefix(size)[first] - _prefix(size * start)[first]


class _Shape:
    """The norm over one interval: what S, Q, e and D make of the score."""

    def __init__(self, cos: float, sin: float, half: float, norm: int):
        self.norm, self.half, self.T = norm, half, np.tan(half)
        self.centre, self.turn = 1.0, 0.0
        if norm == 1:
            self.centre = abs(cos) + abs(sin)
            self.turn = np.sign(sin) * cos - np.sign(cos) * sin
        self.least = min(self.centre, *(self.centre + t * self.turn for t in (self.T, -self.T)))

    def highest(self, S, Q, e, D) -> float:
        """The largest score that S (2, k, K), Q (k, K), e (2, 2, 2, k) and D (2, 2, k) allow in
        either half."""
        top = 0.0
        for half, turn in enumerate((1.0, -1.0)):
            if Q.shape[1] > 1:
                top = max(
                    top, *(self._lengths(s, turn * Q, e[half, 0].max(axis=0), turn) for s in S)
                )
                continue
            for up, sign in enumerate((1.0, -1.0)):
                slope = sign * turn * Q[:, 0] + e[half, up].max(axis=0)
                piece = sign * S[:, :, 0], slope, e[half, 1 - up], D[half, 1 - up]
                top = max(top, self._two_lines(*piece, turn))
        return float(top)

    def _two_lines(self, S, Q, e, D, turn) -> float:
        """The largest of the lower of S + t Q and S + Z + t (Q − D), Z = T (D − e), over the norm:
        S and e are (2, k), Q and D (k,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            meet = np.where(D > 0, np.clip(self.T * (1 - e / D), 0.0, self.T), self.T)
        top, Z = 0.0, self.T * (D - e)
        for end in range(2):
            begin, finish = np.zeros_like(Q), np.full_like(Q, self.T)
            top = max(top, self._line(S[end], Q, begin, meet[end], turn))
            top = max(top, self._line(S[end] + Z[end], Q - D, meet[end], finish, turn))
        at = np.maximum(S + meet * Q, S + Z + meet * (Q - D))
        width = np.where(meet[0] == meet[1], 1.0, meet[1] - meet[0])
        slope = np.where(meet[0] == meet[1], 0.0, (at[1] - at[0]) / width)
        seam = self._line(at[0] - slope * meet[0], slope, meet.min(axis=0), meet.max(axis=0), turn)
        return max(top, seam)

    def _line(self, S, Q, begin, end, turn) -> float:
        """The largest (S + t Q) / ‖w‖ with begin ≤ t ≤ end."""
        if self.norm == 1:
            ends = ((S + t * Q) / (self.centre + t * turn * self.turn) for t in (begin, end))
            return max(map(np.max, ends))
        angle = np.clip(np.arctan2(Q, S), np.arctan(begin), np.arctan(end))
        return np.max(S * np.cos(angle) + Q * np.sin(angle))

    def _lengths(self, S, Q, e, turn) -> float:
        if self.norm == 1:
            end = np.linalg.norm(S + self.T * Q, axis=1) + self.T * e
            lengths = np.linalg.norm(S, axis=1) / self.centre
            return max(lengths.max(), end.max() / (self.centre + self.T * turn * self.turn))
        return np.max(_longest(S, Q, self.half) + e * np.sin(self.half))


def _longest(S, Q, half) -> np.ndarray:
    """The largest ‖S cos φ + Q sin φ‖ with 0 ≤ φ ≤ half, for S and Q (k, K): (k,)."""
    S2, Q2, SQ = (S * S).sum(axis=1), (Q * Q).sum(axis=1), (S * Q).sum(axis=1)
    angle = np.clip(0.5 * np.arctan2(2 * SQ, S2 - Q2), 0.0, half)
    cos, sin = np.cos(angle), np.sin(angle)
    inside = S2 * cos**2 + 2 * SQ * cos * sin + Q2 * sin**2
    end = S2 * np.cos(half) ** 2 + 2 * SQ * np.cos(half) * np.sin(half) + Q2 * np.sin(half) ** 2
    return np.sqrt(np.maximum(np.maximum(inside, end), S2))
