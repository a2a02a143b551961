"""How large a score of units with a shape can be along any direction of a pair of columns:
intervals of directions, halved where their bound is too high (``shaped_bound``)."""

from dataclasses import dataclass, replace

import numpy as np

from wedgefit.engine import shaped_bound
from wedgefit.watch import Deadline

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

    def moved(self, by: float) -> "Found":
        """What is proven where no score has moved by more than this."""
        return replace(self, bound=self.bound + by, value=self.value - by)


@dataclass(frozen=True)
class Goal:
    """How far down scores are to be bounded: to ``sharp`` above alpha, relatively, or the best
    score seen if that is larger; and not below what is ``known`` that others score."""

    alpha: float
    sharp: float
    known: float = 0.0

    def limit(self, best: float) -> float:
        """What is low enough, where the best score seen is this one.

        Where that exceeds alpha (not 0) nothing is to be proven yet: twice its excess is as good.
        """
        excess = max(best - self.alpha, 0.0) if self.alpha else 0.0
        return max(max(self.alpha, best) * (1 + self.sharp) + excess, self.known)


@dataclass(frozen=True, eq=False)
class Sectors:
    """Rows at ``points`` (n, 2), and the units that they have along directions (``units_of``):
    their ``faces``, and the sign of their ``ramp``, 0 without one. ``compiled``: whether bounds
    are, too."""

    points: np.ndarray
    faces: list[tuple[float, float]]
    ramp: float
    compiled: bool = False

    def search(
        self, v: np.ndarray, goal: Goal, begins: list[float], effort: float, deadline: Deadline
    ) -> Found:
        """Bound the scores under v (n,), which has no sum, in the quadrants that begin at these
        angles, as far down as the goal says, or as ``effort`` looks at a row go; once ``deadline``
        is due one look is all."""
        edges = np.add.outer(begins, np.linspace(0.0, np.pi / 2, FIRST_PER_QUADRANT + 1))
        now = np.column_stack([edges[:, :-1].ravel(), edges[:, 1:].ravel()])
        above, settled, best, visits = np.full(len(now), np.inf), 0.0, 0.0, 0
        waiting, theirs, seen = now[:0], above[:0], []
        while len(now):
            values, bounds = self._look(v, now)
            visits += len(now) * len(v)
            bounds = np.minimum(bounds, above)
            best = max(best, float(values.max()))
            limit, alpha = goal.limit(best), goal.alpha or np.inf
            seen += [(-value, angle) for value, (angle, _) in zip(values, now) if value > alpha]
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

    def _look(self, v: np.ndarray, intervals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self.compiled:
            return shaped_bound.look(self.points, v, intervals, self.faces, self.ramp)
        from wedgefit.engine import shaped_bound_compiled

        return shaped_bound_compiled.look(self.points, v, intervals, self.faces, self.ramp)


def _halved(intervals: np.ndarray) -> np.ndarray:
    """The two halves of each of these (m, 2), (2m, 2)."""
    middle = intervals.mean(axis=1)
    return np.column_stack([intervals[:, 0], middle, middle, intervals[:, 1]]).reshape(-1, 2)
