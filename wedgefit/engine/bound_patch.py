"""An upper bound of the score over a patch of hyperplanes in any number of columns, in NumPy: the
reference, and the fallback where no compiler is installed.

A patch is a box of hyperplanes w·x = b: w in a cell of a face of the cube [−1, 1]^k, where one
coordinate is 1, and inside one orthant; b in an interval. Rows that are on one side of all of its
hyperplanes add something linear to the score. Of the others, take the side on which they are at one
hyperplane of the patch and go on along that line: what the hinge adds beyond it is never negative,
and convex in (w, b). Where v pulls the score up it counts, where v pulls it down it is left out. So
the score is at most a convex function F of (w, b), which is the score itself at the hyperplane
where sides were told. For norm 1 ‖w‖ is linear in the orthant, for norm 2 at least w·ŵ with ŵ the
direction of that hyperplane: F over either is largest at a corner of the box.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from wedgefit.engine.bound import EPSILON, Intervals, Looks
from wedgefit.engine.problem import has_sum

# Every cell of directions begins with so many intervals of b.
FIRST_INTERVALS = 8
# A compiled look takes a patch apart so many times at most before it hands back what is open.
DEEPEST = 64


@dataclass(frozen=True, eq=False)
class Patches:
    """m boxes of hyperplanes w·x = b, each in k columns, with w in a cell of a face of the cube.

    ``columns`` (m, k); ``lows`` and ``highs`` (m, k + 1) of w, equal to 1 in the coordinate of the
    face, and of b; ``cuts`` (m,): across which side each is to be halved; ``normals`` (m, k): the
    direction that was, or is to be, looked along.
    """

    columns: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    cuts: np.ndarray
    normals: np.ndarray

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, which) -> "Patches":
        """The patches at these positions or under a mask."""
        return Patches(*(getattr(self, part)[which] for part in self.__dataclass_fields__))

    @property
    def widths(self) -> np.ndarray:
        """Half of the longest side of the cell of each, (m,)."""
        return (self.highs - self.lows)[:, :-1].max(axis=1) / 2

    def halved(self) -> "Patches":
        """Both halves of every patch."""
        twice = self.take(np.repeat(np.arange(len(self)), 2))
        at = np.arange(len(twice)), twice.cuts
        middle = (twice.lows[at] + twice.highs[at]) / 2
        lows, highs = twice.lows.copy(), twice.highs.copy()
        upper = np.arange(len(twice)) % 2 == 1
        lows[at] = np.where(upper, middle, lows[at])
        highs[at] = np.where(upper, highs[at], middle)
        normals = (lows + highs)[:, :-1] / 2
        return Patches(twice.columns, lows, highs, twice.cuts, normals)

    @classmethod
    def all(cls, sets: np.ndarray, rows: np.ndarray, bias: bool) -> "Patches":
        """Every hyperplane in these column sets (m, k), up to sign, that meets one of the ``rows``
        (d, n); without ``bias``, that passes through the origin."""
        lows, highs = cells(sets.shape[1])
        parts = [_with_offsets(columns, lows, highs, rows[columns], bias) for columns in sets]
        return cls(*(np.concatenate(some) for some in zip(*parts)))


def cells(width: int) -> tuple[np.ndarray, np.ndarray]:
    """The faces of the cube in so many columns, one of each pair, cut at the axes: their least and
    largest coordinates, (faces × orthants, width)."""
    lows, highs = [], []
    for face in range(width):
        for corner in product((-1.0, 0.0), repeat=width - 1):
            low = np.insert(corner, face, 1.0)
            lows.append(low)
            highs.append(np.where(np.arange(width) == face, 1.0, low + 1.0))
    return np.array(lows), np.array(highs)


def most_first(width: int) -> int:
    """How many patches a set of so many columns begins with."""
    return width * 2 ** (width - 1) * FIRST_INTERVALS


def _with_offsets(columns, lows, highs, points, bias) -> tuple[np.ndarray, ...]:
    """The fields of ``Patches`` for these cells of one set, with every b that its ``points`` (k, n)
    give; a little more, so that none is on the edge."""
    centres, sides = (lows + highs) / 2, (highs - lows) / 2
    parts = FIRST_INTERVALS if bias else 1
    edges = np.zeros((len(lows), parts + 1))
    if bias:
        p, r = centres @ points, sides @ np.abs(points)
        begin, end = (p - r).min(axis=1), (p + r).max(axis=1)
        margin = 1e-9 * np.maximum(np.abs(begin), np.abs(end)) + 1e-300
        edges = np.linspace(begin - margin, end + margin, parts + 1, axis=1)
    lows = np.column_stack([np.repeat(lows, parts, axis=0), edges[:, :-1].ravel()])
    highs = np.column_stack([np.repeat(highs, parts, axis=0), edges[:, 1:].ravel()])
    sides = highs[:, :-1] - lows[:, :-1]
    return (
        np.tile(columns, (len(lows), 1)),
        lows,
        highs,
        sides.argmax(axis=1),
        (lows + highs)[:, :-1] / 2,
    )


@dataclass(frozen=True, eq=False)
class Opened:
    """What a look at some regions left in their place: the parts of each that are still open, and
    what is closed as one; ``origins`` (m,) says which of them a part is of. ``visits``: rows
    looked at."""

    regions: Intervals | Patches
    looks: Looks
    origins: np.ndarray
    visits: int


def look(rows, v, patches: Patches, *, norm, bias, limit, floor, apart=0) -> Opened:
    """Bound the score over each patch: see ``bound.look``; ``rows`` (d, n), ``v`` (n, K).

    The compiled look takes a patch with a bound above the limit apart, visiting its rows up to
    ``apart`` times; this one does not.
    """
    found = [
        _look(rows[columns], v, low, high, norm, bias)
        for columns, low, high in zip(patches.columns, patches.lows, patches.highs)
    ]
    bounds, rounding, values, samples, cuts = (np.array(part) for part in zip(*found))
    looks = Looks(bounds, rounding, values, np.where(values > floor, samples, -1))
    centres = (patches.lows + patches.highs)[:, :-1] / 2
    some = Patches(patches.columns, patches.lows, patches.highs, cuts.astype(int), centres)
    return Opened(some, looks, np.arange(len(patches)), len(patches) * rows.shape[1])


def _look(points, v, low, high, norm, bias) -> tuple[float, float, float, int, int]:
    """Bound, rounding, value, sample and the side to cut, of one patch; ``points`` (k, n)."""
    centre, sides = (low + high) / 2, (high - low) / 2
    w, b = centre[:-1], centre[-1]
    z = w @ points - b
    crossing = np.abs(z) < sides[:-1] @ np.abs(points) + sides[-1]
    sizes, above = np.linalg.norm(v, axis=1), z > 0
    along = np.sign(w) if norm == 1 else w / np.linalg.norm(w)
    scale = np.maximum(np.abs(low), np.abs(high)) @ np.append(np.abs(points).max(axis=1), 1.0)
    rounding = rounding_of(len(v), float(sizes.sum()), float(scale))
    rounding /= along @ w - np.abs(along) @ sides[:-1]
    beyond = bias and not crossing.any() and (above.all() or not above.any())
    moments = np.stack([*points, -np.ones(len(v))])
    sums = [(moments * above) @ v, (moments * above) @ v - moments @ v]
    values = [float(np.linalg.norm(centre @ part)) / float(along @ w) for part in sums]
    best = int(np.argmax(values))
    value, sample = values[best], int(np.abs(z).argmin()) if bias else -1
    if bias and (above.all() or not above.any()) and has_sum(v):
        # Beyond all rows, where no hyperplane through one of them is.
        value, sample = 0.0, -1
    slopes = sums[best] - np.outer(np.append(along, 0.0), centre @ sums[best]) / (along @ w)
    swings = np.abs(moments)[:, crossing] @ sizes[crossing] + np.linalg.norm(slopes, axis=1)
    cut = int((sides * swings).argmax())
    bound = 0.0 if beyond else _at_corners(moments, v, z, sums, centre, sides, along)
    return bound + rounding, rounding, value, sample, cut


def _at_corners(moments, v, z, sums, centre, sides, along) -> float:
    """The largest of F over the norm at the corners of a box; z (n,) says the sides of rows at its
    centre, ``sums`` of either face are (k + 1, K)."""
    ways = [(1.0, -1.0) if side > 0 else (1.0,) for side in sides]
    corners = centre + np.array(list(product(*ways))) * sides
    heights = corners @ moments
    excess = np.maximum(np.where(z > 0, -heights, heights), 0.0)
    lengths, best = corners[:, :-1] @ along, 0.0
    for part in sums:
        scores = corners @ part
        if v.shape[1] > 1:
            scores = np.linalg.norm(scores, axis=1) + excess @ np.linalg.norm(v, axis=1)
            best = max(best, float((scores / lengths).max()))
            continue
        for sign in (1.0, -1.0):
            tops = sign * scores[:, 0] + excess @ np.maximum(sign * v[:, 0], 0.0)
            best = max(best, float((tops / lengths).max()))
    return best


def rounding_of(n: int, total: float, scale: float) -> float:
    """What sums over n rows of v, of sizes that add up to ``total``, times products up to
    ``scale``, may be off by."""
    return 16 * (8 + DEEPEST + n) * EPSILON * total * scale
