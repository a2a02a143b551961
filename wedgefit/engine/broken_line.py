"""Broken lines of few bends: the best of all that bend at given values, proven.

A line without a penalty on its bends, but with a cap on their number, is no convex problem. Good
lines come from exchanges of single bends; ``broken_line_proof`` finds better ones, or proves that
there are none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wedgefit.engine.broken_line_proof import ROUNDING, Budget, Points, Proof, apart

# Parabolas that all proofs together look at: a minute or two of one core.
MOST_LOOKS = 300_000_000
# A hinge that the bends there are explain to this part is not tried.
DEPENDENT = 1e-9
# Of more values than this some are tried first.
COARSE = 200


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
    straight = apart(rows.points, most + 1)
    budget = Budget(looks)
    lines, open_ = [], False
    for k in range(most + 1):
        bends = found[k]
        # More bends are no worse.
        if k and rows.cost(bends) > rows.cost(found[k - 1]):
            bends = found[k - 1]
        if not open_:
            better = _best(rows, k, bends, straight, budget)
            open_ = better is None
            bends = better or bends
        found[k] = bends
        lines.append(rows.line(bends, straight[k + 1, 0], proven=not open_))
    return lines


def _best(
    rows: "_Rows", k: int, known: list[int], straight: np.ndarray, budget: "Budget"
) -> list[int] | None:
    """The best k bends, ``known`` or better ones; None where the budget ends before that is
    proven."""
    values = len(rows.x)
    # Among few values first: the closer a known line is, the less is kept.
    for step in (1 + values // COARSE, 1) if values > COARSE else (1,):
        better = Proof(rows.points, k, rows.cost(known), straight, budget, step).bends()
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

    @property
    def points(self) -> Points:
        return Points(self.x, self.y, self.w)

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

    def line(self, bends: Sequence[int], unjoined: float, proven: bool) -> BrokenLine:
        """The best line with these bends, in the units of the rows; ``unjoined``: what lines cost
        that need not meet."""

        def loss(cost: float) -> float:
            return (max(cost, 0.0) * self.unit**2 + self.within) / 2

        cost = self.cost(bends)
        anywhere = loss(min(unjoined, cost) - ROUNDING)
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
