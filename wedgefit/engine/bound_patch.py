"""An upper bound of the score over a patch of directions in any number of columns, in NumPy: the
reference, and the fallback where no compiler is installed.

A patch is a cell of a face of the cube [−1, 1]^k: one coordinate is 1, the others lie in intervals;
c is its centre, and a direction in it c + τ. With p = c·x a row moves by τ·x, at most by r. As with
intervals (``bound``),

    Σ v (p + τ·x − b)₊  ≤  S(b) + τ·M(b) + E(b),
    S = Σ v (p − b),  M = Σ v x     over the rows above b,
    E = Σ |v| (r − |p − b|)₊        over the rows whose v pulls the score up, both sides of b,

and E grows with the way from c no slower than in a straight line. For norm 1, τ·x is at most
r = Σ h |x|, and in one orthant, where the cells are cut, the bound over ‖c + τ‖₁ is largest at c or
at a corner. For norm 2 c is of length one and t across it: a direction c + τ is one of c + t, and
t·u ≤ min(T ‖u‖, Σ h |u| / l) for u across c, with the longest t, T, and the least length l of a
c + τ along c. So much is r for the part of x across c, and H for that of M, Q its length; and with
the ball of radius ρ within the patch, E grows no faster than E |t| / ρ. The largest value is that
of (S + min(|t| Q, H) + min(|t| / ρ, 1) E) / √(1 + |t|²). Between two neighbouring p all of this is
convex in b.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from wedgefit.engine.bound import EPSILON, Looks


@dataclass(frozen=True, eq=False)
class Patches:
    """m cells of faces of the cube, each in k columns and inside one orthant.

    ``columns`` (m, k); ``lows`` and ``highs`` (m, k), equal to 1 in the coordinate of the face.
    """

    columns: np.ndarray
    lows: np.ndarray
    highs: np.ndarray

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, which) -> "Patches":
        """The patches at these positions or under a mask."""
        return Patches(self.columns[which], self.lows[which], self.highs[which])

    @property
    def normals(self) -> np.ndarray:
        """The directions of the centres, (m, k)."""
        return (self.lows + self.highs) / 2

    @property
    def widths(self) -> np.ndarray:
        """Half of the longest side of each, (m,)."""
        return (self.highs - self.lows).max(axis=1) / 2

    def halved(self) -> "Patches":
        """Both halves of every patch, cut across its longest side."""
        twice = self.take(np.repeat(np.arange(len(self)), 2))
        longest = (twice.highs - twice.lows).argmax(axis=1)
        at = np.arange(len(twice)), longest
        middle = twice.normals[at]
        lows, highs = twice.lows.copy(), twice.highs.copy()
        upper = np.arange(len(twice)) % 2 == 1
        lows[at] = np.where(upper, middle, lows[at])
        highs[at] = np.where(upper, highs[at], middle)
        return Patches(twice.columns, lows, highs)

    @classmethod
    def all(cls, sets: np.ndarray) -> "Patches":
        """Every direction of these column sets (m, k), up to sign: the faces of the cube, cut at
        the axes and once more."""
        lows, highs = [], []
        width = sets.shape[1]
        for face in range(width):
            for corner in product((-1.0, -0.5, 0.0, 0.5), repeat=width - 1):
                low = np.insert(corner, face, 1.0)
                lows.append(low)
                highs.append(np.where(np.arange(width) == face, 1.0, low + 0.5))
        count = len(lows)
        return cls(
            np.repeat(sets, count, axis=0),
            np.tile(np.array(lows), (len(sets), 1)),
            np.tile(np.array(highs), (len(sets), 1)),
        )


def look(rows, v, patches: Patches, *, norm, bias, limit, floor) -> Looks:
    """Bound the score over each patch of directions: see ``bound.look``."""
    found = [
        _look(rows[columns], v, low, high, norm, bias)
        for columns, low, high in zip(patches.columns, patches.lows, patches.highs)
    ]
    bounds, rounding, values, samples = (np.array(part) for part in zip(*found))
    return Looks(bounds, rounding, values, np.where(values > floor, samples, -1))


def _look(points, v, low, high, norm, bias) -> tuple[float, float, float, int]:
    """Bound, rounding, value and sample of one patch; ``points`` (k, n)."""
    shape = (_Box if norm == 1 else _Cell)(low, high)
    p, r = shape.centre @ points, shape.reaches(points)
    order = np.argsort(p, kind="stable")
    p, r, v, points = p[order], r[order], v[order], points[:, order]
    sizes = np.linalg.norm(v, axis=1)
    if bias:
        starts = np.flatnonzero(np.diff(p, prepend=-np.inf) > 0)
        first, reach = np.append(starts, len(p)), r.max()
        ends = np.stack([np.append(p[0] - reach, p[starts]), np.append(p[starts], p[-1] + reach)])
    else:
        first, ends = np.array([np.searchsorted(p, 0.0, side="right")]), np.zeros((2, 1))
    sums, M = (_suffix(part)[first] for part in (v, v[:, :, None] * points.T[:, None, :]))
    all_v, all_M = v.sum(axis=0), v.T @ points.T
    bound, at = 0.0, np.zeros(len(first))
    for face in range(2):
        if face == 1:
            sums, M = sums - all_v, M - all_M
        S = M @ shape.centre - ends[:, :, None] * sums
        at = np.maximum(at, np.linalg.norm(S[1], axis=1))
        for sign in (1.0, -1.0) if v.shape[1] == 1 else (1.0,):
            pulls = sign * v[:, 0] > 0 if v.shape[1] == 1 else sizes > 0
            E = _tents(p, r, np.where(pulls, sizes, 0.0), ends)
            bound = max(bound, *(shape.highest(sign * S[end], sign * M, E[end]) for end in (0, 1)))
    if bias:
        at[-1] = 0.0
    best = at.argmax()
    scale = np.abs(shape.centre[:, None] * points).sum(axis=0).max() + r.max()
    rounding = 16 * (8 + len(p)) * EPSILON * float(sizes.sum()) * scale / shape.least
    sample = order[min(first[best], len(p) - 1)] if bias else -1
    return bound + rounding, rounding, at[best] / shape.length, sample


def _suffix(part) -> np.ndarray:
    """Sums over the last n, n − 1, …, 0 rows."""
    sums = np.cumsum(part[::-1], axis=0)[::-1]
    return np.concatenate([sums, np.zeros((1, *part.shape[1:]))])


def _tents(p, r, sizes, b) -> np.ndarray:
    """Σ size (r − |p − b|)₊, for b of any shape."""
    height = np.zeros(b.shape)
    for foot, slope in ((p - r, 1.0), (p, -2.0), (p + r, 1.0)):
        order = np.argsort(foot)
        begun = np.searchsorted(foot[order], b)
        mass = np.concatenate([[0.0], np.cumsum(sizes[order])])[begun]
        moment = np.concatenate([[0.0], np.cumsum(sizes[order] * foot[order])])[begun]
        height += slope * (b * mass - moment)
    return np.maximum(height, 0.0)


class _Cell:
    """Norm 2: the patch as the directions c + t, with c of length one and t across it."""

    def __init__(self, low, high):
        middle, self.sides = (low + high) / 2, (high - low) / 2
        size = np.linalg.norm(middle)
        self.centre = middle / size
        corners = np.array(list(product(*np.stack([low, high], axis=1))))
        along = corners @ self.centre
        away = np.linalg.norm(corners - along[:, None] * self.centre, axis=1)
        # Not the arc cosine, which loses half of its digits near 1.
        self.T = float((away / along).max()) * (1 + 1e-14) + 4 * EPSILON
        self.shortest = (size - self.sides @ np.abs(self.centre)) * (1 - 1e-14)
        free = self.sides > 0
        ends = np.maximum(np.abs(low), np.abs(high))[free]
        within = self.sides[free] / np.sqrt(1 + ends**2) / size
        self.within = float(within.min(initial=self.T)) * (1 - 1e-14)
        self.length = self.least = 1.0

    def reaches(self, points) -> np.ndarray:
        return self._across(points.T)[1]

    def _across(self, rows) -> tuple[np.ndarray, np.ndarray]:
        """The length of each row (…, d) across the centre, and its largest product with any t."""
        squares = (rows**2).sum(axis=-1)
        along = rows @ self.centre
        lengths = np.sqrt(np.maximum(squares - along**2, 0.0) + 1e-14 * squares)
        turns = np.abs(rows - along[..., None] * self.centre) @ self.sides / self.shortest
        return lengths, np.minimum(self.T * lengths, turns + 1e-14 * self.T * np.sqrt(squares))

    def highest(self, S, M, E) -> float:
        """The largest score for S (k, K), M (k, K, d) and E (k,)."""
        Q, H = (np.linalg.norm(part, axis=1) for part in self._across(M))
        S = S[:, 0] if S.shape[1] == 1 else np.linalg.norm(S, axis=1)
        ends = np.maximum(H / np.where(Q > 0, Q, 1.0), self.within)
        near = _on_arc(S, Q + E / self.within, 0.0, self.within)
        return float(np.maximum(near, _on_arc(S + E, Q, self.within, ends)).max())


def _on_arc(S, Q, begin, end) -> np.ndarray:
    """The largest S cos φ + Q sin φ with begin ≤ tan φ ≤ end, for Q ≥ 0."""
    angle = np.clip(np.arctan2(Q, S), np.arctan(begin), np.arctan(end))
    return S * np.cos(angle) + Q * np.sin(angle)


class _Box:
    """Norm 1: the patch's corners, in one orthant."""

    def __init__(self, low, high):
        self.centre, self.sides = (low + high) / 2, (high - low) / 2
        self.length = np.abs(self.centre).sum()
        self.corners = np.array(list(product(*np.stack([-self.sides, self.sides], axis=1))))
        self.norms = np.abs(self.centre + self.corners).sum(axis=1)
        self.least = min(self.length, self.norms.min())

    def reaches(self, points) -> np.ndarray:
        return self.sides @ np.abs(points)

    def highest(self, S, M, E) -> float:
        """The largest score for S (k, K), M (k, K, d) and E (k,)."""
        at_corners = S[:, :, None] + M @ self.corners.T
        if S.shape[1] == 1:
            at_corners, S = at_corners[:, 0], S[:, 0]
        else:
            at_corners, S = np.linalg.norm(at_corners, axis=1), np.linalg.norm(S, axis=1)
        corners = (at_corners + E[:, None]) / self.norms
        return float(max(corners.max(), S.max() / self.length))
