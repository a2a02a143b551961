"""Windows: the wedges of norm 2 whose directions lie in a narrow interval, each priced by itself.

Between two wedges the ball of weights is round, and neurons there score a little more: no bound of
all neurons comes down to the best wedge. So an interval that is narrow and still too high is priced
instead. A row turns the hyperplane through it from one end of the interval to the other; the sum
that is its score changes only where it passes another row, and in a narrow interval these are few.
Most rows cannot reach the limit at all, by the bound of their score in the middle.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wedgefit.engine.bound import EPSILON, Intervals, Looks
from wedgefit.engine.bound_search import Bounder
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pencil import Pencils, Swept
from wedgefit.engine.problem import row_norms
from wedgefit.engine.sweep import TIE
from wedgefit.engine.wedge import COINCIDENT

# Of n rows, or points, an interval of this over n radians is narrow: each passes few others in it.
PASSED = 10
# Unless a column has ends so far out that it passes more than this on the average.
MOST_PASSED = 200
# A window reaches a little beyond its interval, whose ends are rounded.
BEYOND = 1e-12
# So many passings are looked at together.
TOGETHER = 1 << 19
# Around the best neuron seen wedges are priced that score at least this part of it, or all.
NEARLY = 0.9


def windows_pay(X: np.ndarray) -> bool:
    """Whether each of the rows X (n, d) passes few others in a narrow interval: not where heavy
    tails make a column so wide that most rows are close together in it."""
    for column in X.T:
        values = np.unique(column)
        reach = PASSED / len(values) * np.ptp(values)
        first, last = np.searchsorted(values, np.stack([values - reach, values + reach]))
        if np.mean(last - first) > MOST_PASSED:
            return False
    return True


class WedgeBounder(Bounder):
    """Bounds scores of wedges of norm 2 alone, and not of neurons between them."""


class Windows:
    """Prices the wedges of pairs of columns in narrow intervals of directions, under v (n, K).

    ``best``: the largest score of a wedge priced so far; ``between``: no neuron between wedges of
    the intervals that were priced scores more; ``swept``: what was found round each row.
    """

    def __init__(self, bounder: Bounder, dictionary: Dictionary, v: np.ndarray):
        self.best = self.between = 0.0
        self.swept: list[Swept] = []
        self._bounder, self._dictionary = bounder, dictionary
        self._dual = bounder.under(v)

    def narrow(self, intervals: Intervals) -> np.ndarray:
        """Which of the intervals are narrow, (m,)."""
        return intervals.halves <= self._width(intervals)

    def _width(self, intervals: Intervals) -> np.ndarray:
        return PASSED / self._bounder.visits(intervals)

    def see(self, intervals: Intervals, looks: Looks) -> None:
        """Price wedges around the best neuron that these looks saw, if it is better than they."""
        top = int(looks.values.argmax())
        value = float(looks.values[top])
        if value > self.best:
            some = intervals.take([top])
            half = np.minimum(some.halves, self._width(some) / 4)
            around = Intervals(some.columns, some.centres, half)
            self._price(around, max(self.best, NEARLY * value))
            if not self.best:
                self._price(around, 0.0)

    def price(self, intervals: Intervals, bounds: np.ndarray, limit: float) -> float:
        """Price the wedges of these intervals that may score more than the limit; no wedge in them
        scores more than what is returned. ``bounds`` (m,) are those of all their neurons."""
        between = self._price(intervals, limit)
        if self._dual.v.shape[1] > 1:
            between = float(bounds.max())
        self.between = max(self.between, between)
        return max(limit, self.best)

    def _price(self, intervals: Intervals, limit: float) -> float:
        """Price these intervals; the largest score between their wedges, of one target."""
        between, numbers = 0.0, self._bounder.clouds.which(intervals.columns)
        for pair, centre, half, number in zip(
            intervals.columns, intervals.centres, intervals.halves, numbers.tolist()
        ):
            rows, v = self._points(number)
            X = self._dictionary.X[np.ix_(rows, pair)].T
            window = _Window(self._bounder.rows[np.ix_(pair, rows)], X, v, centre, half)
            for some in window.lots(limit):
                turns = window.turns(some, self._dictionary.scales[pair])
                scores, partners = turns.best()
                between = max(between, turns.between())
                self.best = max(self.best, float(scores.max()))
                around = Pencils(np.tile(pair, (len(some), 1)), rows[window.order[some], None])
                none = np.zeros(len(some)), np.zeros((len(some), 2))
                found = Swept(around, scores, rows[window.order[partners]], *none)
                self.swept.append(found)
        return between

    def _points(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """All rows, and v on them; or where rows of a pair coincide the first one at each of its
        points, with the sum of their v."""
        bounder, dual = self._bounder, self._dual
        if number < 0:
            return np.arange(len(dual.v)), dual.v
        mine = bounder.clouds.slice_of(number)
        return bounder.clouds.first[mine], dual.at_points[mine]


class _Window:
    """The rows of one interval in the ``order`` of p, along the direction in its middle; q is
    across, and a direction t away from the middle has the heights p + t q, |t| ≤ T. ``centred``
    and ``X`` are the rows, (2, n) each, around the middle of their columns and as they stand."""

    def __init__(
        self, centred: np.ndarray, X: np.ndarray, v: np.ndarray, centre: float, half: float
    ):
        self._direction = np.cos(centre), np.sin(centre)
        p, q = self._turned(centred)
        self.order = np.argsort(p, kind="stable")
        self.p, self.q = p[self.order], q[self.order]
        self.X, self.v = X[:, self.order], v[self.order]
        self.T = float(np.tan(half)) + BEYOND
        # Σ v, Σ v p and Σ v q of the rows from each one on, (3, n + 1, K).
        terms = np.stack([np.ones_like(self.p), self.p, self.q])[:, :, None] * self.v
        self.sums = np.zeros((3, len(v) + 1, v.shape[1]))
        self.sums[:, :-1] = np.cumsum(terms[:, ::-1], axis=1)[:, ::-1]
        # From the hyperplane through a row those that are farther than this stay on their side.
        self.reach = self.T * float(np.ptp(self.q)) + 8 * EPSILON * self._size
        self.first = np.searchsorted(self.p, self.p - self.reach, side="left")
        self.last = np.searchsorted(self.p, self.p + self.reach, side="right")

    def _turned(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far points (2, m) lie along the direction in the middle, and across."""
        cos, sin = self._direction
        return cos * points[0] + sin * points[1], cos * points[1] - sin * points[0]

    @property
    def _size(self) -> float:
        """The largest |p| and |q| together."""
        return float(np.abs(self.p).max() + np.abs(self.q).max())

    def lots(self, limit: float) -> list[np.ndarray]:
        """The rows through which a hyperplane may score more than the limit, in lots that pass not
        too many others."""
        sizes = row_norms(self.v)
        up_to = np.concatenate([[0.0], np.cumsum(sizes)])
        rows = np.arange(len(self.p))
        above, all_ = self._moments(rows, rows + 1), self._moments(rows, 0 * rows)
        scores = [row_norms(S) + self.T * row_norms(Q) for S, Q in (above, above - all_)]
        bounds = np.maximum(*scores) + self.reach * (up_to[self.last] - up_to[self.first])
        rounding = 8 * EPSILON * float(sizes.sum()) * (8 + len(rows)) * self._size
        some = np.flatnonzero(bounds + rounding > limit)
        passings = np.cumsum(self.last[some] - self.first[some])
        ends = np.flatnonzero(np.diff(passings // TOGETHER)) + 1
        return np.split(some, ends) if len(some) else []

    def _moments(self, rows: np.ndarray, begins: np.ndarray) -> np.ndarray:
        """Σ v p and Σ v q as seen from each of r rows, of all those from ``begins`` (r,) on:
        (2, r, K)."""
        seen_from = np.stack([self.p[rows], self.q[rows]])[:, :, None]
        return self.sums[1:, begins] - seen_from * self.sums[0, begins]

    def turns(self, rows: np.ndarray, scales: np.ndarray) -> "_Turns":
        """The turns round these rows (r,); ``scales`` (2,) are those of the columns."""
        counts = self.last[rows] - self.first[rows]
        begins = np.cumsum(counts) - counts
        which = np.repeat(np.arange(len(rows)), counts)
        others = np.arange(len(which)) + np.repeat(self.first[rows] - begins, counts)
        centres = rows[which]
        # Of rows close by the difference is as good as exact, and that of their p and q is not:
        # the wedge through them may lie on the edge of two windows, and is to be in one.
        apart = self.X[:, others] - self.X[:, centres]
        p, q = self._turned(apart)
        distinct = (np.abs(apart) / scales[:, None]).max(axis=0) > COINCIDENT
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.where(distinct, -p / q, np.inf)
        passed = np.abs(at) <= self.T
        moments = np.stack([p, q])[:, :, None] * self.v[others]
        # Before the turn those are above that will fall, and of those that stay the upper ones.
        above = np.where(passed, q < 0, p > 0)
        near = np.add.reduceat(np.where(above[:, None], moments, 0.0), begins, axis=1)
        mine = np.flatnonzero(passed)
        mine = mine[np.lexsort((at[mine], which[mine]))]
        return _Turns(
            T=self.T,
            start=self._moments(rows, self.last[rows]) + near,
            all_=self._moments(rows, 0 * rows),
            counts=np.bincount(which[mine], minlength=len(rows)),
            at=at[mine],
            others=others[mine],
            change=moments[:, mine] * np.sign(q[mine])[:, None],
        )


@dataclass(frozen=True, eq=False)
class _Turns:
    """Hyperplanes that turn from −T to T, each round one of r rows. A (2, K), of the rows above, is
    Σ v p and Σ v q as seen from there: at the ``start`` (2, r, K), and of ``all_`` rows. On its way
    each passes ``counts`` (r,) others, m in all, ``at`` t (m,) ascending, where A ``change``s
    (2, m, K)."""

    T: float
    start: np.ndarray
    all_: np.ndarray
    counts: np.ndarray
    at: np.ndarray
    others: np.ndarray
    change: np.ndarray

    @cached_property
    def _begins(self) -> np.ndarray:
        """Where the passings of each turn begin, (r,)."""
        return np.cumsum(self.counts) - self.counts

    @cached_property
    def _which(self) -> np.ndarray:
        """The turn of each passing, (m,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def _after(self) -> np.ndarray:
        """A after each passing, (2, m, K)."""
        sums = np.zeros((2, len(self.at) + 1, self.change.shape[2]))
        np.cumsum(self.change, axis=1, out=sums[:, 1:])
        return self.start[:, self._which] + sums[:, 1:] - sums[:, self._begins[self._which]]

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The largest score of a wedge of each turn, −inf where there is none, and the row that it
        passes beside the turn's own, (r,) each."""
        t, best = self.at[:, None], np.full(len(self.counts), -np.inf)
        partners = np.zeros(len(self.counts), dtype=np.intp)
        some = np.flatnonzero(self.counts)
        if len(some):
            sides = self._after, self._after - self.all_[:, self._which]
            scores = np.maximum(*(row_norms(A[0] + t * A[1]) for A in sides))
            scores /= np.sqrt(1 + self.at**2)
            begins = self._begins[some]
            best[some] = np.maximum.reduceat(scores, begins)
            tied = scores >= best[self._which] * (1 - TIE)
            last = len(self.others) and self.others.max()
            partners[some] = np.minimum.reduceat(np.where(tied, self.others, last), begins)
        return best, partners

    def between(self) -> float:
        """The largest score of one target between the passings: where a direction points along A,
        its score is ‖A‖."""
        ends = np.append(self.at, self.T)
        follow = np.where(np.diff(self._which, append=-1) == 0, ends[1:], self.T)
        first = np.where(self.counts > 0, ends[self._begins], self.T)
        low = np.concatenate([np.full(len(first), -self.T), self.at])
        high = np.concatenate([first, follow])
        one = np.concatenate([self.start, self._after], axis=1)[:, :, 0]
        turn = np.concatenate([np.arange(len(first)), self._which])
        highest = 0.0
        for p, q in (one, one - self.all_[:, turn, 0]):
            with np.errstate(divide="ignore", invalid="ignore"):
                inside = (low <= q / p) & (q / p <= high)
            highest = max(highest, float(np.hypot(p, q)[inside].max(initial=0.0)))
        return highest
