"""Pricing: which wedges have the largest scores |vᵀ(Xw + b)₊|, found by sweeping pencils (theory,
section 3).

A pencil is the set of hyperplanes through fixed samples, all but one of a wedge's: it turns around
their span like the hand of a clock. Sorting the other samples by angle once lets a cumulative sum
give the score of every wedge of the pencil. The dictionary is never stored; only a pricing that
swept every pencil supports an exact certificate.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import combinations, islice
from math import comb
from threading import Lock
from weakref import finalize

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import get_active_backend

from wedgefit.engine import sweep
from wedgefit.engine.ascent import ascend
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.problem import row_norms
from wedgefit.engine.sweep import TIE, index_type, sort_pencils
from wedgefit.engine.wedge import COINCIDENT, DEPENDENT, Wedges, row_chunks
from wedgefit.errors import FitError

# One block of pencils × samples has about this many entries: it stays in the processor's cache.
BLOCK = 1 << 16
# A block for another machine is this many times larger, so that it takes longer than its journey.
MACHINES_BLOCK = 32
# A round adds at most this many wedges, and at most this many through one sample (near-copies teach
# the solver nothing).
MOST_WEDGES = 300
MOST_PER_SAMPLE = 2
# A partial round looks at this many of the last round's best pencils, and at this many drawn at
# random from each kind.
WINNERS = 600
RANDOM = 100
# A thorough partial round draws more where rows are few: about so many looks at a sample from a
# pencil, well below a tenth of a second.
THOROUGH = 1_000_000
# An ascent for neurons off the wedges starts from this many of the best wedges, and of random
# directions.
STARTS = 40
# Sweeping past one sample in one pencil takes about so long, sorting included, with the compiled
# kernels.
SECONDS_PER_LOOK = 3e-8
# How long to wait for a scheduler to answer.
CONNECT_SECONDS = 10
# Up to this many wedges every round prices them all.
FULL_IS_CHEAP = 500_000
FULL_IS_QUICK = 5_000_000
# From this many wedges on the compiled kernels are worth the second it takes to load them.
COMPILED_PAYS = 500_000


@dataclass(frozen=True, eq=False)
class Priced:
    """What one pricing found.

    ``wedges`` violate the dual constraint (score > alpha), best first and diversified; ``scores``
    (m,) are theirs. ``bound`` is the largest score of any wedge priced; ``supremum`` the largest of
    *any* hidden neuron of the dictionary's class, wedge or not, None where that is not known.
    ``exact``: every wedge was priced.
    """

    wedges: Wedges
    scores: np.ndarray
    bound: float
    supremum: float | None
    exact: bool
    wedges_priced: int
    wedges_total: int


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
class _Choices:
    """m candidate wedges of one order: columns (m, s), samples (m, s or s − 1) ascending, and their
    scores (m,)."""

    columns: np.ndarray
    samples: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which) -> "_Choices":
        return _Choices(self.columns[which], self.samples[which], self.scores[which])


@dataclass(frozen=True, eq=False)
class _Swept:
    """What sweeping P pencils found: the best sample and score of each, and the supremum between
    lines with its weights.

    All are (P,), weights (P, 2); see ``sweep.sweep``.
    """

    pencils: Pencils
    scores: np.ndarray
    samples: np.ndarray
    suprema: np.ndarray
    weights: np.ndarray

    def choices(self, alpha: float) -> _Choices:
        """The best wedges above alpha, one per pencil."""
        best = _largest(self.scores, 20 * MOST_WEDGES, above=alpha)
        together = np.column_stack([self.pencils.fixed[best], self.samples[best]])
        return _Choices(self.pencils.columns[best], np.sort(together, axis=1), self.scores[best])


class Pricer:
    """Prices one dictionary again and again, remembering sorts and the pencils that won.

    ``jobs`` threads share the pencils; ``memory`` (bytes) bounds the sorts kept between rounds;
    ``seed`` draws the random pencils of partial rounds; ``refine`` (norm 2) nominates the best
    neurons of all, wedges or not; ``cluster`` is the address of a dask scheduler whose workers
    share the full rounds.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        *,
        jobs: int = 1,
        memory: float = 1e9,
        seed: int = 0,
        refine: bool = False,
        cluster: str | None = None,
    ):
        self.dictionary = dictionary
        self.jobs = jobs
        self.refine = refine
        self._seed, self._rng = seed, np.random.default_rng(seed)
        self._swept_orders = [order for order in dictionary.orders if order > 1]
        self._sorted_columns = _SortedColumns(dictionary) if 1 in dictionary.orders else None
        self._sweeper = Sweeper(dictionary, memory)
        self._machines = None if cluster is None else Machines(cluster, self._sweeper)
        self._winners: dict[int, Pencils] = {}

    def sibling(self) -> "Pricer":
        """A pricer of the same dictionary for another problem: it shares the sorts, but not the
        pencils that won."""
        other = copy(self)
        other._rng, other._winners = np.random.default_rng(self._seed), {}
        return other

    @property
    def full_rounds_only(self) -> bool:
        """Whether pricing everything is so cheap that partial rounds would save nothing."""
        return self.dictionary.size <= FULL_IS_CHEAP

    @property
    def full_rounds_are_quick(self) -> bool:
        """Whether pricing everything takes a fraction of a second."""
        return self.dictionary.size <= FULL_IS_QUICK

    @property
    def full_round_seconds(self) -> float:
        """Roughly how long a round over every pencil takes here, for telling people."""
        looks = sum(self._pencil_count(order) for order in self._swept_orders) * len(
            self.dictionary.X
        )
        return (
            looks
            * (SECONDS_PER_LOOK if self._sweeper.compiled else 5 * SECONDS_PER_LOOK)
            / self.jobs
        )

    def _winners_kept(self, order: int) -> int:
        return min(WINNERS, max(20, self._pencil_count(order) // 20))

    def _pencil_count(self, order: int) -> int:
        n, d = self.dictionary.X.shape
        return comb(d, order) * comb(n, self.dictionary.anchors(order) - 1)

    def price(
        self,
        v: np.ndarray,
        alpha: float,
        used: Wedges,
        *,
        every_pencil: bool,
        thorough: bool = False,
    ) -> Priced:
        """Price ``v``, (n,) or (n, K), over every pencil, or over those of the ``used`` wedges,
        recent winners and a random few.

        ``thorough``: draw more, where this is cheap, before it is said that there is nothing to
        find. The score of K targets is the root of the sum of their squares.
        """
        choices, refined, largest, supremum, priced = [], self.dictionary.none(), 0.0, 0.0, 0
        if self._sorted_columns:
            found, largest = self._sorted_columns.best(v, alpha)
            choices.append(found)
            priced += 2 * self.dictionary.X.size
        for order in self._swept_orders:
            swept = self._sweep(order, v, used, every_pencil, thorough)
            largest, supremum = (
                max(largest, swept.scores.max(initial=0.0)),
                max(supremum, swept.suprema.max(initial=0.0)),
            )
            priced += 2 * len(swept.pencils) * (len(v) - swept.pencils.fixed.shape[1])
            self._winners[order] = swept.pencils.take(
                _largest(np.maximum(swept.scores, swept.suprema), self._winners_kept(order))
            )
            choices.append(swept.choices(alpha))
            if self.refine and self._searches_arcs:
                best = _largest(swept.suprema, STARTS, above=alpha)
                refined = self._through_one(swept.pencils.take(best), swept.weights[best])
        built = self._built(choices)
        if self.refine and not self._searches_arcs:
            refined = self._ascended(v, used, built)
        wedges, scores = self._facing(built.joined_with(refined), v, alpha)
        bound = float(max(largest, scores.max(initial=0.0), self._largest_off_wedges(v, used)))
        exact = every_pencil or not self._swept_orders
        return Priced(
            wedges=wedges,
            scores=scores,
            bound=bound,
            supremum=self._supremum(v, max(bound, supremum))
            if exact and self._knows_supremum(v)
            else None,
            exact=exact,
            wedges_priced=self.dictionary.size if exact else min(priced, self.dictionary.size),
            wedges_total=self.dictionary.size,
        )

    def _largest_off_wedges(self, v: np.ndarray, used: Wedges) -> float:
        """The largest score of the neurons in use that are no wedges, which no sweep meets.

        A bound that leaves out a neuron of the network itself may lie above its objective.
        """
        anchors = (used.samples >= 0).sum(axis=1)
        off = used.take(anchors < [self.dictionary.anchors(order) for order in used.orders])
        return float(self._facing(off, v, -np.inf)[1].max(initial=0.0))

    @property
    def _searches_arcs(self) -> bool:
        """Whether the sweep also looks between the samples' lines: planes, where the ball of
        weights is round."""
        return self.dictionary.norm == 2 and self.dictionary.room == 2

    def _knows_supremum(self, v: np.ndarray) -> bool:
        """Whether sweeping every pencil yields the supremum over all neurons of the class, wedges
        or not.

        For norm 1 wedges are the vertices of the class, where a convex score is largest; so they
        are in one column. For norm 2 and one target the arcs of a plane are searched.
        """
        return self.dictionary.norm == 1 or self.dictionary.room <= (2 if v.ndim == 1 else 1)

    def _supremum(self, v: np.ndarray, over_hyperplanes: float) -> float:
        """The supremum over all neurons, given that over all hyperplanes through a sample.

        Without an output bias v does not sum to zero; then a neuron with hidden weights near zero
        and a large bias is a constant at no cost, and no bound holds.
        """
        sums = np.abs(v.sum(axis=0))
        free_constant = self.dictionary.bias and np.any(sums > 1e-9 * np.abs(v).sum(axis=0))
        return np.inf if free_constant else over_hyperplanes

    def _every(self, order: int) -> Iterator[Pencils]:
        """All pencils of an order, in blocks; a block spans several column sets where the rows are
        few."""
        n, sets, fixed = (
            len(self.dictionary.X),
            self.dictionary.column_sets(order),
            self.dictionary.anchors(order) - 1,
        )
        size = max(1, BLOCK * (MACHINES_BLOCK if self._machines else 1) // n)
        together = max(1, size // comb(n, fixed))
        for start in range(0, len(sets), together):
            some, subsets = sets[start : start + together], combinations(range(n), fixed)
            while batch := list(islice(subsets, size)):
                around = np.array(batch, dtype=np.int64).reshape(len(batch), -1)
                yield Pencils(np.repeat(some, len(around), axis=0), np.tile(around, (len(some), 1)))

    def _promising(self, order: int, used: Wedges, thorough: bool) -> Iterator[Pencils]:
        """The pencils of the wedges in use, of the last winners, and some drawn at random, of all
        and among the columns in use, in blocks."""
        n, anchors = len(self.dictionary.X), self.dictionary.anchors(order)
        # A refined neuron passes through one sample only: it has no pencil.
        mine = used.take((used.orders == order) & ((used.samples >= 0).sum(axis=1) == anchors))
        around = [np.delete(mine.samples[:, :anchors], k, axis=1) for k in range(anchors)]
        parts = [Pencils(mine.columns[:, :order], fixed) for fixed in around]
        sets = self.dictionary.column_sets(order)
        # Columns that matter together mostly matter alone, too: without this the right sets are a
        # needle in a haystack of wide tables.
        in_use = used.reads.any(axis=0)[sets].all(axis=1)
        draws = max(RANDOM, THOROUGH // n) if thorough else RANDOM
        for among in (sets, sets[in_use]):
            drawn = np.sort(self._rng.integers(n, size=(draws, anchors - 1)), axis=1)
            distinct = (np.diff(drawn, axis=1) > 0).all(axis=1)
            if len(among):
                parts.append(
                    Pencils(among[self._rng.integers(len(among), size=draws)], drawn).take(distinct)
                )
        if order in self._winners:
            parts.append(self._winners[order])
        pencils = Pencils.stack(parts)
        step = max(1, BLOCK // n)
        return (pencils.take(slice(start, start + step)) for start in range(0, len(pencils), step))

    def _sweep(
        self, order: int, v: np.ndarray, used: Wedges, every_pencil: bool, thorough: bool
    ) -> "_Swept":
        """Sweep the pencils of one order: all of them, or the promising ones."""
        blocks = list(
            self._every(order) if every_pencil else self._promising(order, used, thorough)
        )
        arcs = self._searches_arcs and v.ndim == 1 and (every_pencil or self.refine)
        if every_pencil and self._machines is not None:
            results = self._machines.sweep(self._sweeper, blocks, v, arcs, self.jobs)
        else:
            results = sweep_here(self._sweeper, blocks, v, arcs, self.jobs)
        pencils = Pencils(
            np.concatenate([b.columns for b in blocks]), np.concatenate([b.fixed for b in blocks])
        )
        return _Swept(pencils, *(np.concatenate(parts) for parts in zip(*results)))

    def _ascended(self, v: np.ndarray, used: Wedges, best: Wedges) -> Wedges:
        """The neurons that local ascent reaches from those in use, from the best wedges, and from
        random directions."""
        starts = used.joined_with(best.take(slice(0, STARTS))).joined_with(self._random_neurons())
        normals, samples = ascend(
            self.dictionary.X, v, starts.normals, starts.reads, self.dictionary.bias
        )
        return self.dictionary.through_one(starts.columns, normals, samples)

    def _random_neurons(self) -> Wedges:
        """Random directions in random columns, as many as the order allows, through the first
        sample."""
        width, room = self.dictionary.X.shape[1], self.dictionary.room
        columns = np.sort(
            self._rng.permuted(np.tile(np.arange(width), (STARTS, 1)), axis=1)[:, :room], axis=1
        )
        normals = np.zeros((STARTS, width))
        np.put_along_axis(normals, columns, self._rng.standard_normal((STARTS, room)), axis=1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return self.dictionary.through_one(columns, normals, np.zeros(STARTS, dtype=np.int64))

    def _through_one(self, pencils: Pencils, weights: np.ndarray) -> Wedges:
        """The neurons with these plane weights (m, 2) through the sample (or the origin) that their
        pencil turns around."""
        normals = np.zeros((len(pencils), self.dictionary.X.shape[1]))
        np.put_along_axis(normals, pencils.columns, weights, axis=1)
        samples = pencils.fixed[:, 0] if self.dictionary.bias else np.full(len(pencils), -1)
        return self.dictionary.through_one(pencils.columns, normals, samples)

    def _built(self, choices: list[_Choices]) -> Wedges:
        """A diversified few of the candidates as wedges."""
        wedges = self.dictionary.none()
        for chosen in _diversified(choices):
            wedges = wedges.joined_with(self.dictionary.wedges(chosen.columns, chosen.samples)[0])
        return wedges

    def _facing(self, wedges: Wedges, v: np.ndarray, alpha: float) -> tuple[Wedges, np.ndarray]:
        """Those of the wedges above alpha, facing their better side, best first, with exact
        scores."""
        signed = np.zeros((2, len(wedges), *v.shape[1:]))
        for rows in row_chunks(len(v), len(wedges)):
            heights = self.dictionary.X[rows] @ wedges.normals.T + wedges.offsets
            signed[0] += np.maximum(heights, 0.0).T @ v[rows]
            signed[1] += np.maximum(-heights, 0.0).T @ v[rows]
        scores = np.stack([row_norms(side) for side in signed])
        faces = np.where(scores[0] >= scores[1] * (1 - TIE), 1.0, -1.0)
        best = scores.max(axis=0)
        order = np.argsort([-_rounded(score) for score in best], kind="stable")
        order = order[best[order] > alpha].astype(np.intp)
        return wedges.flipped(faces).take(order), best[order]


class Sweeper:
    """All that a thread or a machine needs to sweep blocks of pencils; the sorts it keeps stay
    where they were made."""

    def __init__(self, dictionary: Dictionary, memory: float):
        self.rows = np.ascontiguousarray((dictionary.X / dictionary.scales).T)
        self.scales, self.norm, self.bias = dictionary.scales, dictionary.norm, dictionary.bias
        self.memory = memory if 2 in dictionary.orders and dictionary.bias else 0
        self.compiled = dictionary.size >= COMPILED_PAYS and find_spec("numba") is not None
        # Samples that differ by rounding only count as coincident; where no column has such values
        # nobody need look.
        steps = np.diff(
            np.sort(np.column_stack([self.rows, np.zeros(len(self.rows))]), axis=1), axis=1
        )
        self.near_copies = bool(np.any((steps > 0) & (steps <= COINCIDENT)))
        self.kept = _KeptSorts(self.rows.shape, self.memory)

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "kept"}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.compiled = self.compiled and find_spec("numba") is not None
        self.kept = _KeptSorts(self.rows.shape, self.memory)

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
            qx, qy = (self.rows[pencils.columns[:, k]] - base[:, k, None] for k in (0, 1))
            if self.near_copies:
                near = np.maximum(np.abs(qx), np.abs(qy)) <= COINCIDENT
                qx[near] = qy[near] = 0.0
            return qx, qy, (np.eye(2) / scales[:, :, None])
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


def sweep_block(sweeper: Sweeper, pencils: Pencils, v: np.ndarray, arcs: bool):
    """Sweep one block: see ``sweep.sweep`` for what comes back."""
    qx, qy, to_weights = sweeper.project(pencils)
    order = sweeper.kept.orders(pencils, qx, qy)
    return sweeper.kernels.sweep(qx, qy, order, v, to_weights, sweeper.norm, arcs)


def sweep_here(
    sweeper: Sweeper, blocks: list[Pencils], v: np.ndarray, arcs: bool, jobs: int
) -> list:
    """Sweep all blocks in threads: sorts and sweeps let go of the interpreter."""
    work = partial(sweep_block, sweeper, v=v, arcs=arcs)
    if jobs == 1 or len(blocks) == 1:
        return list(map(work, blocks))
    # Not joblib's threads: it looks for results every 10 ms, as long as a whole partial round
    # takes.
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, blocks))


class Machines:
    """The workers of a dask scheduler as a joblib backend; the rows are sent once, then only v
    travels.

    Raises FitError when the extra is not installed or nobody answers at the address.
    """

    def __init__(self, address: str, sweeper: Sweeper):
        if not find_spec("distributed"):
            raise FitError(
                "--cluster needs dask.", remedy="Install it: pip install 'wedgefit[cluster]'."
            )
        from distributed import Client

        try:
            self.client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise FitError(
                f"no dask scheduler answers ({error}).", where=address, remedy="Is it running?"
            ) from None
        finalize(self, self.client.close)
        # The backend that holds the scattered rows is made once; every round then runs under this
        # very instance.
        config = parallel_config(backend="dask", client=self.client, scatter=[sweeper])
        self.backend, _ = get_active_backend()
        config.unregister()

    def sweep(
        self, sweeper: Sweeper, blocks: list[Pencils], v: np.ndarray, arcs: bool, jobs: int
    ) -> list:
        """Sweep all blocks on the workers. dask gives a lost worker's blocks to the others; without
        any, they run here."""
        try:
            with parallel_config(backend=self.backend):
                return Parallel()(delayed(sweep_block)(sweeper, block, v, arcs) for block in blocks)
        except Exception:
            # Whatever a cluster can die of: the work itself is sound, or it fails again here, where
            # it can be told.
            return sweep_here(sweeper, blocks, v, arcs, jobs)


class _SortedColumns:
    """All wedges of order 1: each column is sorted once, then suffix sums price its 2n hinges in
    O(n)."""

    def __init__(self, dictionary: Dictionary):
        self.X, self.bias = dictionary.X, dictionary.bias
        if self.bias:
            self.order = np.argsort(self.X, axis=0, kind="stable")
            self.values = np.take_along_axis(self.X, self.order, axis=0)

    def best(self, v: np.ndarray, alpha: float) -> tuple[_Choices, float]:
        """The best hinge of each stretch of neighbouring hinges above alpha, and the largest score
        of all."""
        if not self.bias:
            scores = np.maximum(
                *(row_norms(np.maximum(side, 0.0).T @ v) for side in (self.X, -self.X))
            )
            columns = np.flatnonzero(scores > alpha)[:, None]
            return _Choices(
                columns, np.empty((len(columns), 0), dtype=np.int64), scores[columns[:, 0]]
            ), scores.max()
        scores = self._scores(v)
        padded = np.pad(scores > alpha, ((0, 0), (0, 1))).ravel()
        edges = np.flatnonzero(np.diff(padded, prepend=False))
        n = len(v)
        flat = np.pad(scores, ((0, 0), (0, 1))).ravel()
        samples = np.pad(self.order.T, ((0, 0), (0, 1))).ravel()
        if not len(edges):
            nothing = np.empty((0, 1), dtype=np.int64)
            return _Choices(nothing, nothing, np.empty(0)), float(scores.max())
        highest = np.maximum.reduceat(flat, edges)[::2]
        lengths = np.diff(edges)[::2]
        inside = np.concatenate([np.arange(a, b) for a, b in edges.reshape(-1, 2)])
        tied = flat[inside] >= np.repeat(highest, lengths) * (1 - TIE)
        starts = np.cumsum(lengths) - lengths
        best = np.minimum.reduceat(np.where(tied, samples[inside], n), starts)
        return _Choices((edges[::2] // (n + 1))[:, None], best[:, None], highest), float(
            scores.max()
        )

    def _scores(self, v: np.ndarray) -> np.ndarray:
        """The larger score of both faces at every sample, in sorted order, (d, n)."""
        faces = [self._faces(target[self.order]) for target in np.atleast_2d(v.T)]
        if len(faces) == 1:
            return np.maximum(*np.abs(faces[0])).T
        return np.sqrt(sum(np.square(face) for face in faces).max(axis=0)).T

    def _faces(self, v: np.ndarray) -> np.ndarray:
        """The signed score of the lower and of the upper face at every sample, for v in sorted
        order (n, d): (2, n, d)."""
        sums, moments = np.cumsum(v, axis=0), np.cumsum(v * self.values, axis=0)
        below = self.values * sums - moments
        above = (moments[-1] - moments) - self.values * (sums[-1] - sums)
        return np.stack([below, above])


class _KeptSorts:
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
        self.slots = np.full(pencils if capacity else 0, -1, dtype=np.int32)

    def orders(self, pencils: Pencils, qx: np.ndarray, qy: np.ndarray) -> np.ndarray:
        """The samples of each pencil sorted by slope, (P, n), kept or made now."""
        if not self.capacity or pencils.fixed.shape[1] != 1:
            return sort_pencils(qx, qy)
        keys = self._keys(pencils)
        slots = self.slots[keys]
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
        self.slots[keys[:count]] = slots


def _largest(scores: np.ndarray, count: int, above: float = -np.inf) -> np.ndarray:
    """Positions of the ``count`` largest scores above a floor."""
    candidates = np.flatnonzero(scores > above)
    if len(candidates) <= count:
        return candidates
    return np.sort(candidates[np.argpartition(-scores[candidates], count)[:count]])


def _rounded(score: float) -> float:
    """To ten digits: scores that differ by less are ties."""
    return float(f"{score:.9e}")


def _diversified(choices: list[_Choices]) -> list[_Choices]:
    """The best candidates of all orders, few through any one sample, each wedge once; ties go to
    the lowest index."""
    ranked = []
    for which, some in enumerate(choices):
        identities = zip(map(tuple, some.columns.tolist()), map(tuple, some.samples.tolist()))
        rounded = map(_rounded, some.scores)
        ranked += [
            (-score, which, *identity, row)
            for row, (score, identity) in enumerate(zip(rounded, identities))
        ]
    through: dict[int, int] = {}
    taken, seen = [[] for _ in choices], set()
    for _, which, columns, samples, row in sorted(ranked):
        if (columns, samples) in seen or any(through.get(i, 0) >= MOST_PER_SAMPLE for i in samples):
            continue
        seen.add((columns, samples))
        taken[which].append(row)
        for i in samples:
            through[i] = through.get(i, 0) + 1
        if len(seen) == MOST_WEDGES:
            break
    return [some.take(np.array(rows, dtype=np.int64)) for some, rows in zip(choices, taken)]
