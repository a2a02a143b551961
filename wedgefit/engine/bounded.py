"""What a search over all directions proved and saw, what it leaves to others, and what may price
narrow intervals for it."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from wedgefit.engine.bound import Intervals, Looks
from wedgefit.engine.bound_look import Places, Regions


class Narrow(Protocol):
    """What prices units in narrow intervals, where bounds of all neurons do not come down to these:
    ``best`` is the largest score found so far, and ``between`` them no neuron scores more."""

    best: float
    between: float

    def narrow(self, intervals: Intervals) -> np.ndarray:
        """Which of the intervals are so narrow that they are better priced than halved, (m,)."""

    def see(self, intervals: Intervals, looks: Looks) -> None:
        """Find a good unit near the best neuron that was seen."""

    def price(self, intervals: Intervals, bounds: np.ndarray, limit: float) -> float:
        """Price all that may score more than the limit; the bound of the intervals' units. Those
        of their neurons are ``bounds`` (m,)."""


@dataclass(frozen=True, eq=False)
class Bounded:
    """What a search over all directions of all sets proved and saw.

    ``bound``: no neuron of these columns scores more. ``value``: one scores this much. ``places``:
    those seen above the floor. ``visits``: intervals looked at, times rows. ``left``: the sets of
    columns (m, k) where the budget ended the search early; without these ``settled`` is the bound.
    ``cut_short``: it was effort that ended it, and not that a glance was enough. Where ``narrow``
    intervals were priced all this is of units, and ``between`` them no neuron scores more.
    """

    bound: float
    value: float
    places: Places
    visits: int
    left: np.ndarray
    settled: float
    cut_short: bool
    narrow: Narrow | None = None
    between: float = 0.0

    def moved(self, by: float) -> "Bounded":
        """What is proven where no score has moved by more than this; nothing is visited for it."""
        bound, settled, between = self.bound + by, self.settled + by, self.between + by
        value = self.value - by
        moved = replace(self, bound=bound, settled=settled, value=value, between=between)
        return replace(moved, visits=0)


class Left:
    """The sets of columns that a search leaves as they are: those that have had ``most`` regions,
    and those that are open at its end."""

    def __init__(self, regions: Regions, width: int, most: float):
        self.width, self.most = width, most
        self._had: np.ndarray | float = 0.0
        self._sets = [regions.columns[:0]]

    def told(self, regions: Regions, last: bool) -> np.ndarray:
        """Which of the open regions are left as they are, (m,): all of them at the end."""
        gone = np.full(len(regions), last)
        if np.isfinite(self.most) and not last:
            keys = regions.columns @ np.array([self.width, 1])
            self._had = self._had + np.bincount(keys, minlength=self.width**2)
            gone = self._had[keys] > self.most
        self._sets.append(regions.columns[gone])
        return gone

    @property
    def sets(self) -> np.ndarray:
        """Each of them once, (m, k)."""
        return np.unique(np.concatenate(self._sets), axis=0)
