"""Which wedges are allowed, how many there are, and, when they are few, all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from math import comb
from typing import Literal

import numpy as np

from wedgefit.engine.wedge import Hyperplanes, Wedges, column_scales, wedges_through
from wedgefit.errors import UsageError

# The order of one hidden layer; that of all hidden layers, or one for each.
LayerOrder = int | Literal["full"]
Order = LayerOrder | list[LayerOrder] | tuple[LayerOrder, ...]
# Wedges are made in batches of this many when the whole dictionary is written out.
BATCH = 20_000


@dataclass(frozen=True, eq=False)
class Dictionary:
    """All wedges of the given orders over the rows of X (n, d).

    ``orders``: the orders present, ascending; ``norm``: 1 or 2, of the hidden weights; ``bias``:
    whether hidden neurons have a bias (else every hyperplane passes through the origin);
    ``together`` (d, d): which columns a wedge may read together, None where all. Theory, section 2.
    """

    X: np.ndarray
    orders: tuple[int, ...]
    norm: int
    bias: bool
    together: np.ndarray | None = None

    @cached_property
    def scales(self) -> np.ndarray:
        """Powers of two near the columns' ranges, (d,)."""
        return column_scales(self.X, self.bias)

    @property
    def room(self) -> int:
        """How many samples (and columns) the widest wedge has."""
        return max(self.orders)

    @property
    def size(self) -> int:
        """2 Σ_s C(d, s) C(n, s), or C(n, s − 1) without biases: both faces of every choice,
        degenerate ones included."""
        n = len(self.X)
        return sum(2 * self.sets_of(s) * comb(n, self.anchors(s)) for s in self.orders)

    def sets_of(self, order: int) -> int:
        """How many choices of so many columns there are."""
        if self.together is None:
            return comb(self.X.shape[1], order)
        return len(self.column_sets(order))

    def anchors(self, order: int) -> int:
        """How many samples a wedge of this order passes through."""
        return order if self.bias else order - 1

    def pencils(self, order: int) -> int:
        """How many pencils of this order there are: choices of columns, and of all anchors but
        one."""
        return self.sets_of(order) * comb(len(self.X), self.anchors(order) - 1)

    def column_sets(self, order: int) -> np.ndarray:
        """All choices of ``order`` columns that may be read together in lexicographic order,
        (C(d, order), order) where all may."""
        if self.together is None:
            return all_subsets(self.X.shape[1], order)
        if order == 2:
            # A few pairs of many columns are found without listing all.
            return np.ascontiguousarray(np.argwhere(np.triu(self.together, 1)))
        sets = all_subsets(self.X.shape[1], order)
        pairs = combinations(sets.T, 2)
        return sets[np.all([self.together[a, b] for a, b in pairs], axis=0)] if order > 1 else sets

    def wedges(self, columns: np.ndarray, samples: np.ndarray) -> tuple[Wedges, np.ndarray]:
        """The wedges of one order through these samples, padded to this dictionary's room, and
        which were sound."""
        wedges, sound = wedges_through(
            self.X, columns, samples, norm=self.norm, bias=self.bias, scales=self.scales
        )
        padded = Wedges(
            self._pad(wedges.columns), self._pad(wedges.samples), wedges.normals, wedges.offsets
        )
        return padded, sound

    def through(self, hyperplanes: Hyperplanes) -> Wedges:
        """Those of the hyperplanes that are wedges of this dictionary."""
        wedges, columns, samples = self.none(), hyperplanes.columns, hyperplanes.samples
        orders, anchors = (columns >= 0).sum(axis=1), (samples >= 0).sum(axis=1)
        for order in self.orders:
            mine = (orders == order) & (anchors == self.anchors(order))
            mine &= (columns < self.X.shape[1]).all(axis=1)
            if self.together is not None:
                allowed = set(map(tuple, self.column_sets(order).tolist()))
                mine &= [tuple(own) in allowed for own in columns[:, :order].tolist()]
            some, sound = self.wedges(columns[mine, :order], samples[mine, : self.anchors(order)])
            wedges = wedges.joined_with(some.flipped(hyperplanes.faces[mine][sound]))
        return wedges

    def through_one(self, columns: np.ndarray, normals: np.ndarray, samples: np.ndarray) -> Wedges:
        """Refined neurons: any unit normals (m, d), reading ``columns`` (m, s), through one sample
        each (m,), or the origin."""
        offsets = (
            -np.einsum("md,md->m", normals, self.X[samples])
            if self.bias
            else np.zeros(len(normals))
        )
        anchors = (samples if self.bias else np.full(len(normals), -1))[:, None]
        return Wedges(self._pad(columns), self._pad(anchors), normals, offsets)

    def none(self) -> Wedges:
        """No wedge at all, in this dictionary's shape."""
        return Wedges.none(self.X.shape[1], self.room)

    def written_out(self) -> Wedges:
        """Every wedge that is not degenerate: by order, columns, samples, then the two faces. For
        small data only."""
        batches = [self.none(), *self.batches()]
        stacked = zip(*((b.columns, b.samples, b.normals, b.offsets) for b in batches))
        return Wedges(*(np.concatenate(parts) for parts in stacked))

    def batches(self) -> Iterator[Wedges]:
        """The same, a batch at a time."""
        for order in self.orders:
            for columns in self.column_sets(order):
                for samples in _batches(len(self.X), self.anchors(order)):
                    one_side, _ = self.wedges(np.tile(columns, (len(samples), 1)), samples)
                    twice = one_side.take(np.repeat(np.arange(len(one_side)), 2))
                    yield twice.flipped(np.tile([1.0, -1.0], len(one_side)))

    def _pad(self, choice: np.ndarray) -> np.ndarray:
        if choice.shape[1] == self.room:
            return choice
        padded = np.full((len(choice), self.room), -1, dtype=choice.dtype)
        padded[:, : choice.shape[1]] = choice
        return padded


def order_of(order: Order, layer: int) -> LayerOrder:
    """The order of one hidden layer (1, 2, …): ``order`` is one for all, or a list with one for
    each, of which the last repeats."""
    return order[min(layer, len(order)) - 1] if isinstance(order, list | tuple) else order


def orders_for(order: LayerOrder, norm: int, width: int) -> tuple[int, ...]:
    """The orders that ``--order`` stands for on data with ``width`` columns.

    ``"full"`` is every order up to the width for norm 1 (exact, Theorem 2), the width alone for
    norm 2; an integer k is 1..k, "every hidden neuron reads at most k columns".

    Raises UsageError when k exceeds the width.
    """
    if order == "full":
        return tuple(range(1, width + 1)) if norm == 1 else (width,)
    if order > width:
        raise UsageError(
            f"order {order} asks for neurons that read {order} columns, "
            f"but there are only {width}.",
            remedy=f"Try --order {width} or --order full.",
        )
    return tuple(range(1, order + 1))


def range_dispersion(X: np.ndarray) -> float:
    """ε: the largest turn, in units of π, from one sample's line through the origin to the next,
    for X (n, 2).

    Without hidden biases and with norm 2 the wedge optimum is at most 1 / cos(επ/2) times that of
    all networks (section 2).
    """
    lines = np.sort(np.arctan2(X[:, 1], X[:, 0])[np.any(X != 0, axis=1)] % np.pi)
    return float(np.diff(lines, append=lines[0] + np.pi).max() / np.pi) if len(lines) else 1.0


def all_subsets(population: int, size: int) -> np.ndarray:
    """All ``size``-subsets of range(population) in lexicographic order, (C(population, size),
    size)."""
    count = comb(population, size)
    flat = chain.from_iterable(combinations(range(population), size))
    return np.fromiter(flat, dtype=np.int64, count=count * size).reshape(count, size)


def _batches(population: int, size: int) -> Iterator[np.ndarray]:
    """The subsets of ``all_subsets`` in batches, so that one column set never needs more than a
    batch of memory."""
    pending = combinations(range(population), size)
    remaining = comb(population, size)
    while remaining:
        count = min(BATCH, remaining)
        flat = chain.from_iterable(next(pending) for _ in range(count))
        yield np.fromiter(flat, dtype=np.int64, count=count * size).reshape(count, size)
        remaining -= count
