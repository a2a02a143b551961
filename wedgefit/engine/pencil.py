"""Pencils: the hyperplanes through fixed samples, all but one of a wedge's, and how blocks of them
are swept (theory, section 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Lock

import numpy as np

from wedgefit.engine import sweep
from wedgefit.engine.bound_look import Places, joined
from wedgefit.engine.choice import MOST_WEDGES, Choices, places_of_largest
from wedgefit.engine.coinciding import Clouds
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.sweep import index_type, sort_pencils
from wedgefit.engine.wedge import COINCIDENT, DEPENDENT

# One block of pencils × samples has about this many entries: it stays in the processor's cache.
BLOCK = 1 << 16
# From this many looks at wedges on, over all rounds, the compiled kernels are worth the second it
# takes to load them.
COMPILED_PAYS = 2_500_000
# A fit takes about so many rounds, and a path with all its fits.
ROUNDS_OF_A_FIT, ROUNDS_OF_A_PATH = 5, 50


@dataclass(frozen=True, eq=False)
class Pencils:
    """P pencils of one order s: the columns they live in, (P, s), and the samples they turn around,
    (P, f)."""

    columns: np.ndarray
    fixed: np.ndarray

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, which) -> "Pencils":
        """The pencils at these positions."""
        return Pencils(self.columns[which], self.fixed[which])

    @classmethod
    def stack(cls, parts: list["Pencils"]) -> "Pencils":
        """All of them, each pencil once."""
        width = parts[0].columns.shape[1]
        rows = np.unique(np.concatenate([np.hstack([p.columns, p.fixed]) for p in parts]), axis=0)
        return cls(rows[:, :width], rows[:, width:])


@dataclass(frozen=True, eq=False)
class AtPoints:
    """Pencils in one pair of columns, whose rows lie at the points of the cloud ``number``."""

    pencils: Pencils
    clouds: Clouds
    number: int


def in_blocks(
    pencils: Pencils, rows: int, clouds: Clouds | None
) -> tuple[list[Pencils], list[AtPoints]]:
    """Pencils in blocks that stay in the processor's cache, there being so many ``rows``; beside
    them those in a pair of columns where these coincide."""
    if clouds is None or pencils.columns.shape[1] > 2:
        return list(_blocks(pencils, rows)), []
    which, merged = clouds.which(pencils.columns), []
    for number in np.unique(which[which >= 0]).tolist():
        some = _blocks(pencils.take(which == number), int(clouds.sizes[number]))
        merged += [AtPoints(block, clouds, number) for block in some]
    others = pencils.take(which < 0)
    return list(_blocks(others, rows)) if len(others) or not merged else [], merged


def _blocks(pencils: Pencils, rows: int) -> Iterator[Pencils]:
    step = max(1, BLOCK // rows)
    for start in range(0, max(1, len(pencils)), step):
        yield pencils.take(slice(start, start + step))


def pointed_at(dictionary: Dictionary, places: Places, order: int) -> Pencils:
    """The pencils around the rows nearest to the places' hyperplanes."""
    X = dictionary.X
    if places.columns.shape[1] != order or not dictionary.bias:
        return Pencils(
            np.empty((0, order), dtype=np.int64),
            np.empty((0, dictionary.anchors(order) - 1), dtype=np.int64),
        )
    if order == 2:
        return Pencils(places.columns, places.samples[:, None])
    fixed = []
    for columns, normal, sample in zip(places.columns, places.normals, places.samples):
        heights = X[:, columns] @ normal
        away = np.abs(heights - heights[sample])
        fixed.append(np.sort(np.argsort(away, kind="stable")[: order - 1]))
    return Pencils(places.columns, np.array(fixed, dtype=np.int64).reshape(len(places), order - 1))


@dataclass(frozen=True, eq=False)
class Swept:
    """What sweeping P pencils found: the best sample and score of each, and the supremum between
    lines with its weights.

    All are (P,), weights (P, 2); see ``sweep.sweep``.
    """

    pencils: Pencils
    scores: np.ndarray
    samples: np.ndarray
    suprema: np.ndarray
    weights: np.ndarray

    def joined_with(self, others: list["Swept"]) -> "Swept":
        """What these and the others found, one after the other."""
        pencils = joined(self.pencils, *(other.pencils for other in others))
        found = [
            [getattr(one, part) for one in (self, *others)]
            for part in ("scores", "samples", "suprema", "weights")
        ]
        return Swept(pencils, *map(np.concatenate, found))

    def choices(self, alpha: float) -> Choices:
        """The best wedges above alpha, one per pencil."""
        best = places_of_largest(self.scores, 20 * MOST_WEDGES, above=alpha)
        together = np.column_stack([self.pencils.fixed[best], self.samples[best]])
        return Choices(self.pencils.columns[best], np.sort(together, axis=1), self.scores[best])


class Sweeper:
    """All that a thread or a machine needs to sweep blocks of pencils; the sorts it keeps stay
    where they were made."""

    def __init__(self, dictionary: Dictionary, memory: float, rounds: int = ROUNDS_OF_A_FIT):
        """``memory`` (bytes) bounds the sorts that are kept; about so many ``rounds`` will ask for
        them."""
        self.rows = np.ascontiguousarray((dictionary.X / dictionary.scales).T)
        self.scales, self.norm, self.bias = dictionary.scales, dictionary.norm, dictionary.bias
        self.memory = memory if 2 in dictionary.orders and dictionary.bias else 0
        pays = rounds * dictionary.size >= COMPILED_PAYS
        self.compiled = pays and find_spec("numba") is not None
        # Samples that differ by rounding only count as coincident; where no column has such values
        # nobody need look.
        steps = np.diff(
            np.sort(np.column_stack([self.rows, np.zeros(len(self.rows))]), axis=1), axis=1
        )
        self.near_copies = bool(np.any((steps > 0) & (steps <= COINCIDENT)))
        self.kept = KeptSorts(self.rows.shape, self.memory)

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "kept"}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.compiled = self.compiled and find_spec("numba") is not None
        self.kept = KeptSorts(self.rows.shape, self.memory)

    @property
    def kernels(self):
        """The compiled kernels where they are installed and pay for being loaded, else those in
        NumPy."""
        if not self.compiled:
            return sweep
        from wedgefit.engine import sweep_compiled as kernels

        return kernels

    def project(self, pencils: Pencils):
        """The samples seen along each pencil's axis, qx and qy (P, n), and the map (P, s, 2) from a
        normal to weights."""
        order = pencils.columns.shape[1]
        scales = self.scales[pencils.columns]
        if self.bias:
            base = self.rows[pencils.columns, pencils.fixed[:, :1]]
        else:
            base = np.zeros(pencils.columns.shape)
        if order == 2:
            x, y = (self.rows[pencils.columns[:, k]] for k in (0, 1))
            return self._in_plane(x, y, base, scales)
        away = self.rows[pencils.columns] - base[:, :, None]
        anchors = pencils.fixed[:, 1:] if self.bias else pencils.fixed
        edges = np.take_along_axis(away, anchors[:, None, :], axis=2).transpose(0, 2, 1)
        _, sizes, directions = np.linalg.svd(edges, full_matrices=True)
        plane = directions[:, -2:, :]
        qx, qy = np.moveaxis(plane @ away, 1, 0)
        dependent = (sizes[:, 0] <= COINCIDENT) | (sizes[:, -1] <= DEPENDENT * sizes[:, 0])
        # Beside the pencil's own edges too: a copy of its first sample, up to rounding, has nothing
        # but rounding to be judged by.
        reach = np.maximum(np.abs(away).max(axis=1), np.abs(edges).max(axis=(1, 2))[:, None])
        near = np.maximum(np.abs(qx), np.abs(qy)) <= DEPENDENT * reach
        none = near | dependent[:, None]
        return (
            np.where(none, 0.0, qx),
            np.where(none, 0.0, qy),
            plane.transpose(0, 2, 1) / scales[:, :, None],
        )

    def project_points(self, block: AtPoints):
        """The same of a pair's points, of which there are fewer than rows."""
        clouds, pencils = block.clouds, block.pencils
        scales = self.scales[pencils.columns]
        points = clouds.of_pair(block.number) / scales[0][:, None]
        base = points[:, clouds.place_of(block.number, pencils.fixed[:, 0])].T
        return self._in_plane(points[0], points[1], base, scales)

    def _in_plane(self, x, y, base, scales):
        """Rows or points (n,), or (P, n), seen along P pencils through ``base`` (P, 2)."""
        qx, qy = x - base[:, :1], y - base[:, 1:]
        if self.near_copies:
            near = np.maximum(np.abs(qx), np.abs(qy)) <= COINCIDENT
            qx[near] = qy[near] = 0.0
        return qx, qy, np.eye(2) / scales[:, :, None]


def sweep_block(sweeper: Sweeper, pencils: Pencils, v: np.ndarray, arcs: bool):
    """Sweep one block: see ``sweep.sweep`` for what comes back."""
    qx, qy, to_weights = sweeper.project(pencils)
    order = sweeper.kept.orders(pencils, qx, qy)
    return sweeper.kernels.sweep(qx, qy, order, v, to_weights, sweeper.norm, arcs)


def sweep_at_points(sweeper: Sweeper, block: AtPoints, sums: np.ndarray, arcs: bool):
    """The same by the points of a pair, under the ``sums`` (m, K) of v at all points."""
    qx, qy, to_weights = sweeper.project_points(block)
    mine, first = block.clouds.slice_of(block.number), block.clouds.first
    told = sums[mine], to_weights, sweeper.norm, arcs
    scores, points, suprema, weights = sweeper.kernels.sweep(qx, qy, sort_pencils(qx, qy), *told)
    return scores, first[mine][points], suprema, weights


class KeptSorts:
    """The sorted samples of pencils through one sample in two columns, kept between rounds within a
    memory budget."""

    LARGEST_INDEX = 5_000_000

    def __init__(self, shape: tuple[int, int], memory: float):
        self.width, self.n = shape
        pencils = self.width * (self.width - 1) // 2 * self.n
        kind = np.dtype(index_type(self.n))
        capacity = (
            int(min(pencils, memory // (self.n * kind.itemsize)))
            if pencils <= self.LARGEST_INDEX
            else 0
        )
        self.used, self.capacity, self.lock = 0, capacity, Lock()
        self.rows = np.empty((capacity, self.n), dtype=kind)
        # Where each pencil's is, from 1 on: of zeros only what is used takes memory.
        self.slots = np.zeros(pencils if capacity else 0, dtype=np.int32)

    def orders(self, pencils: Pencils, qx: np.ndarray, qy: np.ndarray) -> np.ndarray:
        """The samples of each pencil sorted by slope, (P, n), kept or made now."""
        if not self.capacity or pencils.fixed.shape[1] != 1:
            return sort_pencils(qx, qy)
        keys = self._keys(pencils)
        slots = self.slots[keys] - 1
        orders = self.rows[slots]
        missing = np.flatnonzero(slots < 0)
        if len(missing):
            orders[missing] = sort_pencils(qx[missing], qy[missing])
            self._keep(keys[missing], orders[missing])
        return orders

    def _keys(self, pencils: Pencils) -> np.ndarray:
        """The pencil's place among all: by pair of columns, then by sample."""
        first, second = pencils.columns[:, 0], pencils.columns[:, 1]
        pair = first * (2 * self.width - first - 1) // 2 + second - first - 1
        return pair * self.n + pencils.fixed[:, 0]

    def _keep(self, keys: np.ndarray, orders: np.ndarray) -> None:
        with self.lock:
            count = min(len(keys), self.capacity - self.used)
            slots = np.arange(self.used, self.used + count)
            self.used += count
        self.rows[slots] = orders[:count]
        # Only now may other threads see them.
        self.slots[keys[:count]] = slots + 1
