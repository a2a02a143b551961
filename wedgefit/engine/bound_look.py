"""Who looks at intervals and patches, and what a look leaves of them."""

from importlib.util import find_spec

import numpy as np

from wedgefit.engine import bound, bound_patch
from wedgefit.engine.bound import Intervals, Looks
from wedgefit.engine.bound_patch import Opened, Patches

Regions = Intervals | Patches


def look(rows, regions: Intervals, v, norm, bias, limit, floor) -> Looks:
    """Look at some intervals of the ``rows`` (d, n), wherever this runs."""
    kernels = kernels_for(True, v.shape[1])
    return kernels.look(rows, v, regions, norm=norm, bias=bias, limit=limit, floor=floor)


def open_up(rows, patches: Patches, v, norm, bias, limit, floor, apart) -> Opened:
    """Look at some patches of the ``rows`` (d, n), and take them apart by so many visits of all
    rows, wherever this runs."""
    kernels = kernels_for(False, v.shape[1])
    asked = {"norm": norm, "bias": bias, "limit": limit, "floor": floor}
    return kernels.look(rows, v, patches, apart=apart, **asked)


def kernels_for(pairs: bool, targets: int):
    """The compiled kernels where they are installed, else those in NumPy."""
    if find_spec("numba") is None or (not pairs and targets > 1):
        return bound if pairs else bound_patch
    from wedgefit.engine import bound_compiled, bound_patch_compiled

    return bound_compiled if pairs else bound_patch_compiled


def joined(some, *others):
    """Several lots of intervals, patches, looks or places as one."""
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
