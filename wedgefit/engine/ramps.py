"""Ramps: units of networks with a shape, which rise where a hinge does and may be level again.

A network of one column increases iff its slope is nowhere negative, and such a slope is a sum of
indicators of intervals: the network is one of ramps with coefficients that are not negative. A ramp
between two rows is two hinges, and costs as much; one that never ends is one (theory, section 7).
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from wedgefit.engine.wedge import Wedges


@dataclass(frozen=True)
class Ramps(Wedges):
    """m units sign · ((w·x + b)₊ − (w·x + e)₊) / cost, with e < b, that only have coefficients from
    zero up.

    ``ends`` (m,) are the e, −∞ of those that never end, ``stops`` (m, s) the samples that the end
    passes through, padded with −1, and ``signs`` (m,) the signs. What ends costs two hinges: of
    what the penalty is paid for there is half of the ramp.
    """

    ends: np.ndarray
    stops: np.ndarray
    signs: np.ndarray

    nonnegative: ClassVar[bool] = True

    @classmethod
    def none(cls, width: int, order: int) -> "Ramps":
        return open_ramps(Wedges.none(width, order))

    @property
    def ending(self) -> np.ndarray:
        """Which of them end, (m,)."""
        return np.isfinite(self.ends)

    @property
    def costs(self) -> np.ndarray:
        """How many hinges each has, (m,)."""
        return 1.0 + self.ending

    def flipped(self, signs: np.ndarray) -> "Ramps":
        """The same hyperplanes of ramps that never end, those with sign −1 facing the other way."""
        return replace(self, normals=self.normals * signs[:, None], offsets=self.offsets * signs)

    def keys(self) -> list[tuple]:
        rest = zip(self.stops, self.signs)
        return [(*key, stop.tobytes(), sign) for key, (stop, sign) in zip(super().keys(), rest)]

    def hinges(self, X: np.ndarray) -> np.ndarray:
        """The units on the rows of X (n, d), (n, m)."""
        heights = X @ self.normals.T
        rising = np.maximum(heights + self.offsets, 0.0) - np.maximum(heights + self.ends, 0.0)
        return rising * (self.signs / self.costs)

    def as_hinges(self, coefficients: np.ndarray) -> tuple[Wedges, np.ndarray]:
        amounts = coefficients * (self.signs / self.costs)[:, None]
        ending = np.flatnonzero(self.ending)
        starts = Wedges(self.columns, self.samples, self.normals, self.offsets)
        ends = Wedges(self.columns, self.stops, self.normals, self.ends).take(ending)
        return _each_once(starts.joined_with(ends), np.concatenate([amounts, -amounts[ending]]))


def open_ramps(wedges: Wedges) -> Ramps:
    """Hinges as ramps that never end, of sign +1."""
    return Ramps(
        wedges.columns,
        wedges.samples,
        wedges.normals,
        wedges.offsets,
        np.full(len(wedges), -np.inf),
        np.full_like(wedges.samples, -1),
        np.ones(len(wedges)),
    )


def _each_once(wedges: Wedges, coefficients: np.ndarray) -> tuple[Wedges, np.ndarray]:
    """The same network with equal hinges as one, without those whose coefficients add up to
    zero."""
    merged: dict[tuple, int] = {}
    place = [merged.setdefault(key, len(merged)) for key in wedges.keys()]
    first = np.unique(place, return_index=True)[1].astype(np.intp)
    z = np.zeros((len(merged), coefficients.shape[1]))
    np.add.at(z, place, coefficients)
    used = np.any(z != 0, axis=1)
    return wedges.take(first[used]), z[used]
