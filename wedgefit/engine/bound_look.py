"""Who looks at intervals and patches, and what a look leaves of them."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from wedgefit.engine import bound, bound_patch
from wedgefit.engine.bound import Intervals, Looks
from wedgefit.engine.bound_patch import Opened, Patches

Regions = Intervals | Patches


@dataclass(frozen=True)
class Asked:
    """What is asked of every look (``bound.look``): the ``norm`` of hidden weights, whether there
    are hidden biases, up to which ``limit`` bounds may be loose, from which ``floor`` on values
    need a sample, and whether a ``glimpse`` at values is enough."""

    norm: int
    bias: bool
    limit: float
    floor: float
    glimpse: bool = False


@dataclass(frozen=True, eq=False)
class Places:
    """m directions where a score was seen, best first: columns and normals in them, (m, k), a row
    on or near the hyperplane (m,), and the score (m,)."""

    columns: np.ndarray
    normals: np.ndarray
    samples: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, which) -> "Places":
        """The places at these positions."""
        return Places(*(getattr(self, part)[which] for part in self.__dataclass_fields__))


def look(rows, intervals: Intervals, v, asked: Asked) -> Looks:
    """Look at some intervals of the ``rows`` (d, n), wherever this runs."""
    return kernels_for(True, v.shape[1]).look(rows, v, intervals, **vars(asked))


def look_among(points, v, starts, which, intervals: Intervals, asked: Asked) -> Looks:
    """Look at intervals each at some of the points: see ``bound.look_among``."""
    kernels = kernels_for(True, v.shape[1])
    return kernels.look_among(points, v, starts, which, intervals, **vars(asked))


def open_up(rows, patches: Patches, v, asked: Asked, apart: int) -> Opened:
    """Look at some patches of the ``rows`` (d, n), and take them apart by so many visits of all
    rows, wherever this runs."""
    told = {"norm": asked.norm, "bias": asked.bias, "limit": asked.limit, "floor": asked.floor}
    return kernels_for(False, v.shape[1]).look(rows, v, patches, apart=apart, **told)


def kernels_for(pairs: bool, targets: int):
    """The compiled kernels where they are installed, else those in NumPy."""
    if find_spec("numba") is None or (not pairs and targets > 1):
        return bound if pairs else bound_patch
    from wedgefit.engine import bound_compiled, bound_patch_compiled

    return bound_compiled if pairs else bound_patch_compiled


def joined(some, *others):
    """Several lots of the same kind (intervals, looks, places, pencils) as one."""
    parts = (
        np.concatenate([getattr(one, part) for one in (some, *others)])
        for part in some.__dataclass_fields__
    )
    return type(some)(*parts)


def together(lots: list[Opened], firsts: list[int]) -> Opened:
    """What looks at several lots of patches left, whose first ones are at these positions."""
    origins = [lot.origins + first for lot, first in zip(lots, firsts)]
    return Opened(
        joined(*(lot.regions for lot in lots)),
        joined(*(lot.looks for lot in lots)),
        np.concatenate(origins),
        sum(lot.visits for lot in lots),
    )


def seen_in(regions: Regions, looks: Looks) -> Places:
    """Where these looks have seen a score above their floor."""
    seen = np.flatnonzero(looks.samples >= 0)
    return Places(
        regions.columns[seen], regions.normals[seen], looks.samples[seen], looks.values[seen]
    )


def best_first(parts: list[Places]) -> Places:
    """All places, the largest score first."""
    everything = joined(*parts)
    return everything.take(np.argsort(-everything.values, kind="stable"))


def spread(places: Places) -> Places:
    """The same places, the best of every column set first, then the second of every set, and so on:
    what the best set alone holds are near-copies."""
    _, which = np.unique(places.columns, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    starts = np.flatnonzero(np.diff(which.ravel()[order], prepend=-1))
    rank = np.empty(len(places), dtype=np.int64)
    counts = np.diff(starts, append=len(places))
    rank[order] = np.arange(len(places)) - np.repeat(starts, counts)
    return places.take(np.argsort(rank, kind="stable"))
