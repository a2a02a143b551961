"""All pencils of a pair of columns turned at once, where its rows stand at few points: the lines
through two of these, sorted once by slope and kept.

A pencil turns around one point and meets the others in the order of their slopes; all pencils of a
pair together meet every line through two points once. Kept in that order, these price every wedge
of the pair in a pass of a few additions a line.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np

from wedgefit.engine import coinciding
from wedgefit.engine.choice import MOST_WEDGES, places_of_largest
from wedgefit.engine.coinciding import Clouds
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pencil import Pencils, Swept
from wedgefit.engine.workers import Threads

# A point's number takes one byte.
MOST_POINTS = 256
# Of more lines, two bytes each, a pass takes seconds.
MOST_LINES = 100_000_000
# Lines are sorted and passed by so many at a time.
BLOCK = 1 << 17
# Of all pencils the best are told, as many as a round may choose from.
TOLD = 20 * MOST_WEDGES


class KeptLines:
    """The lines of all pairs of columns of a dictionary (norm 1, with biases), and the points of
    these, ``clouds``, with those of every pair. ``threads`` share the work; lines beyond ``memory``
    (bytes) are sorted again whenever they are asked for."""

    def __init__(
        self, dictionary: Dictionary, clouds: Clouds, threads: Threads, memory: float = np.inf
    ):
        self.clouds = clouds
        self._scales = dictionary.scales[self.clouds.pairs]
        self._threads = threads
        counts = lines_among(self.clouds.sizes)
        self._lots = [_Lot(which, counts[which]) for which in _lots(counts)]
        kept = int(np.searchsorted(np.cumsum([lot.bytes for lot in self._lots]), memory, "right"))
        self._sorted = threads.run(KeptLines._sort, self, self._lots[:kept])

    def __len__(self) -> int:
        """How many lines there are."""
        return sum(int(lot.starts[-1]) for lot in self._lots)

    def lines_of(self, number: int) -> np.ndarray:
        """The lines of the lot of this number, by pairs and slopes: 256 times the lower of their
        points, and the other."""
        kept = number < len(self._sorted)
        return self._sorted[number] if kept else self._sort(self._lots[number])

    def _sort(self, lot: "_Lot") -> np.ndarray:
        from wedgefit.engine.kept_lines_compiled import sort_lines

        lines = np.empty(lot.starts[-1], dtype=np.uint16)
        points = self.clouds.values, self.clouds.starts, lot.numbers, self._scales
        sort_lines(*points, lines, lot.starts)
        return lines

    def swept(self, v: np.ndarray, floor: float) -> Swept:
        """The best pencils of all pairs under ``v`` (n, K), by their lines above ``floor``; of
        every pair at least that of its best line."""
        sums = self.clouds.under(v)
        scores, others = np.empty(len(sums)), np.empty(len(sums), dtype=np.intp)
        self._threads.run(self._turn, sums, range(len(self._lots)), floor, scores, others)
        best = places_of_largest(scores, TOLD, above=0.0)
        first, which = self.clouds.first, self._pair_of[best]
        pencils = Pencils(self.clouds.pairs[which], first[best][:, None])
        others = first[self.clouds.starts[which] + others[best]]
        return Swept(pencils, scores[best], others, np.zeros(len(best)), np.zeros((len(best), 2)))

    def _turn(
        self, sums: np.ndarray, number: int, floor: float, scores: np.ndarray, others: np.ndarray
    ) -> None:
        """Turn the pencils of one lot."""
        from wedgefit.engine.kept_lines_compiled import turned

        lot = self._lots[number]
        points = self.clouds.values, self.clouds.starts, lot.numbers, self._scales
        turned(*points, self.lines_of(number), lot.starts, sums, floor, scores, others)

    @cached_property
    def _pair_of(self) -> np.ndarray:
        """The pair that each point belongs to, (m,)."""
        return np.repeat(np.arange(len(self.clouds)), self.clouds.sizes)


def lines_to_keep(dictionary: Dictionary, clouds: Clouds) -> float:
    """How many lines a dictionary's pairs have, whose rows coincide as ``clouds`` tell; infinitely
    many where they cannot be kept: without compiled kernels, or where some pair has many points,
    or all have too many of them, or too many lines."""
    pairs, n = dictionary.sets_of(2), len(dictionary.X)
    points = np.append(clouds.sizes, np.full(pairs - len(clouds), n))
    plane = dictionary.norm == 1 and dictionary.bias and dictionary.room == 2
    many = points.max(initial=0) > MOST_POINTS or points.sum() > coinciding.MOST_POINTS
    if not plane or many or find_spec("numba") is None:
        return np.inf
    lines = float(lines_among(points).sum())
    return lines if lines <= MOST_LINES else np.inf


def lines_among(points: np.ndarray) -> np.ndarray:
    """How many pairs so many points have."""
    return points * (points - 1) // 2


@dataclass(frozen=True, eq=False)
class _Lot:
    """Neighbouring pairs, ``numbers`` (p,), and how many lines each has, ``counts`` (p,)."""

    numbers: np.ndarray
    counts: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the lines of each begin among those of all, and where they end, (p + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    @property
    def bytes(self) -> int:
        return 2 * int(self.starts[-1])


def _lots(counts: np.ndarray) -> list[np.ndarray]:
    """Neighbouring pairs with about as many lines together as a block has."""
    ends = np.flatnonzero(np.diff((np.cumsum(counts) - 1) // BLOCK)) + 1
    return np.split(np.arange(len(counts)), ends)
