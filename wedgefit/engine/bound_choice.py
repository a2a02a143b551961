"""Whether a dictionary is bounded or swept where everything is to be priced, and what bounds leave
to sweeps."""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import comb

import numpy as np

from wedgefit.engine.bound_look import Places
from wedgefit.engine.bound_patch import most_first
from wedgefit.engine.bound_search import FAR, Bounder
from wedgefit.engine.bounded import Bounded
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pencil import Swept
from wedgefit.engine.windows import WedgeBounder, Windows, windows_pay
from wedgefit.engine.workers import Workers
from wedgefit.watch import Deadline

# From this many rows, or wedges, on pairs of columns are bounded: a proof takes some hundred
# intervals a pair, whatever the number of rows, and a sweep as many pencils as there are rows.
ROWS_BOUNDED = 2_000
WEDGES_BOUNDED = 200_000_000
# Compiled bounds pay from fewer rows on, unless all wedges are swept in less time than it takes to
# load the kernels.
ROWS_COMPILED = 100
WEDGES_QUICK = 5_000_000
# Sweeping as many wedges takes a minute: where there are more, only bounds can prove.
WEDGES_SWEPT = 2_000_000_000
# Patches of the sphere in this many columns: in more they are too many before one is done.
MOST_COLUMNS = 5
# A first look at all patches that visits at most this many rows takes some ten seconds.
PATCHES_POSSIBLE = 500_000_000
# Bounds visit so many rows in a pair of columns for each look of the sweeps that would do as well,
# before they leave it to them; an interval takes as long as so many rows, however few there are.
VISITS_PER_LOOK = 0.5
ROWS_OF_INTERVAL = 100
# What a look sees a little below alpha may have a wedge above it close by.
CLOSE_BY = 0.9
# With limited effort bounds in three columns and more need not be sharper, and are enough a little
# above, where a wedge may have been seen: there patches get many.
PATCH_SHARP, PATCH_ENOUGH = 7e-5, 1e-4


def bounder_for(dictionary: Dictionary, refine: bool, jobs: int) -> Bounder | None:
    """What bounds the scores of this dictionary; None where all its wedges are swept instead.

    ``refine``: whether neurons off the wedges may be used. Bounds hold for all neurons of as many
    columns. Wedges of norm 2 alone fall a little short of them: those are priced one by one where
    no bound comes down to them, which takes more intervals, and from as few rows on it must be
    compiled.
    """
    if not _pays(dictionary, refine):
        return None
    sets = dictionary.column_sets(dictionary.room)
    kind = WedgeBounder if _counts_wedges(dictionary, refine) else Bounder
    return kind(dictionary.X, sets, norm=dictionary.norm, bias=dictionary.bias, jobs=jobs)


@dataclass(frozen=True, eq=False)
class Proven:
    """What bounds prove of all scores of a dictionary: their search, and the pairs of columns
    (m, 2) ``left`` to sweeps, in which all pencils are to be swept; None where it is enough, or has
    seen a wedge so good that nothing is to be proven yet."""

    search: Bounded
    left: np.ndarray | None

    @property
    def bound(self) -> float:
        """No score is larger but for those in the pairs that are left."""
        return self.search.bound if self.left is None else self.search.settled

    def between(self, arcs: bool) -> float:
        """Nor that of any neuron between wedges that were priced one by one; ``arcs``: sweeps find
        those between wedges themselves, in the pairs that are left."""
        return self.search.between if arcs else max(self.search.between, self.search.bound)

    @property
    def places(self) -> Places:
        return self.search.places

    @property
    def priced(self) -> list[Swept]:
        """What was found where wedges were priced one by one."""
        windows = self.search.narrow
        return windows.swept if isinstance(windows, Windows) else []

    @property
    def cut_short(self) -> bool:
        return self.left is None and self.search.cut_short


def prove(
    bounder: Bounder,
    dictionary: Dictionary,
    v: np.ndarray,
    alpha: float,
    *,
    sharp: float,
    effort: float,
    workers: Workers,
    deadline: Deadline | None,
    whole: bool = False,
) -> Proven:
    """Bound all scores under v (n, K), as sharply as need be (``Pricer.price``), and leave to
    sweeps what is hard to bound; ``whole``: all of it when effort will not do."""
    asked = sharp
    if dictionary.room > 2 and np.isfinite(effort):
        sharp = max(sharp, PATCH_SHARP)
    windows = Windows(bounder, dictionary, v) if isinstance(bounder, WedgeBounder) else None
    sweeps, per_set = _sweeps_instead(dictionary, windows is not None), np.inf
    if sweeps:
        per_set = VISITS_PER_LOOK * max(len(v) - ROWS_OF_INTERVAL, 0) * len(v)
    found = bounder.search(
        v,
        alpha if np.isfinite(alpha) else 0.0,
        sharp,
        effort,
        floor=CLOSE_BY * alpha,
        per_set=per_set,
        workers=workers,
        deadline=deadline,
        narrow=windows,
        whole=whole,
    )
    near = not 0 < alpha < np.inf or found.value <= alpha * (1 + max(sharp, FAR))
    if asked < sharp and found.bound <= alpha * (1 + PATCH_ENOUGH):
        # Another proof could do hardly more.
        found = replace(found, cut_short=True)
    return Proven(found, found.left if near and len(found.left) and sweeps else None)


def _sweeps_instead(dictionary: Dictionary, wedges_alone: bool) -> bool:
    """Whether pairs of columns that bounds find hard can be swept instead: where wedges alone
    count, or with norm 1, where those of a pair, and of its two columns, are the best of its
    neurons."""
    few = dictionary.size <= WEDGES_SWEPT
    wedges = dictionary.norm == 1 or wedges_alone
    return few and wedges and dictionary.bias and dictionary.room == 2


def _pays(dictionary: Dictionary, refine: bool) -> bool:
    room, many = dictionary.room, dictionary.size > WEDGES_BOUNDED
    if dictionary.norm == 1 and dictionary.orders != tuple(range(1, room + 1)):
        # The axes belong to every patch, and to no wedge of high order.
        return False
    if dictionary.together is not None and room > 2:
        # A set that is left out takes its parts with it, which may stand in no other set.
        return False
    if room == 2:
        # Through the origin one sweep a pair is all.
        alike = dictionary.norm == 1 or refine
        alike = alike or (find_spec("numba") is not None and _counts_wedges(dictionary, refine))
        enough = alike and len(dictionary.X) >= ROWS_BOUNDED
        return dictionary.bias and (many or enough or _compiled_pays(dictionary))
    if not 3 <= room <= MOST_COLUMNS:
        return False
    n, d = dictionary.X.shape
    visits = n * comb(d, room) * most_first(room)
    return (many if dictionary.norm == 1 else refine) and visits <= PATCHES_POSSIBLE


def _counts_wedges(dictionary: Dictionary, refine: bool) -> bool:
    """Whether bounds are of wedges alone: of pairs of columns with norm 2, whose neurons between
    wedges score more; unless windows would hold too many rows."""
    return dictionary.norm == dictionary.room == 2 and not refine and windows_pay(dictionary.X)


def _compiled_pays(dictionary: Dictionary) -> bool:
    """Whether compiled bounds of pairs take less than sweeps, on fewer rows than bounds in NumPy
    need."""
    compiled = dictionary.norm == 1 and find_spec("numba") is not None
    rows, wedges = len(dictionary.X), dictionary.size
    return compiled and rows >= ROWS_COMPILED and wedges > WEDGES_QUICK
