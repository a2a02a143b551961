"""What a search found, remembered: asked the same of a v that rounding tells from the last one, it
needs no other search."""

from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from wedgefit.engine.problem import row_norms

# What differs by less than this part is told apart by rounding alone: where alpha is small beside
# its largest value the dual point keeps few digits.
ROUNDED = 1e-8
# What that adds to a bound is no more than this part of what was left open, or this part of it.
HARDLY, LAST_DIGITS = 1e-2, 1e-10


class Proven(Protocol):
    """Bounds of scores, and the largest seen."""

    @property
    def value(self) -> float: ...

    def moved(self, by: float) -> Self: ...


Result = TypeVar("Result", bound=Proven)


@dataclass(frozen=True, eq=False)
class Remembered(Generic[Result]):
    """What was ``found`` under ``v`` (n, K), when it was ``asked`` so."""

    v: np.ndarray
    asked: tuple[float, ...]
    found: Result

    def under(
        self, v: np.ndarray, asked: tuple[float, ...], tolerance: float, reach: float
    ) -> Result | None:
        """The same for another ``v``, if no more than rounding is between them: a score moves by no
        more than the sum of that, times the ``reach`` of a hinge. None where there is more.
        ``tolerance``: so sharp a bound was asked for."""
        moved = reach * float(row_norms(v - self.v).sum())
        alike = all(
            a == b or np.isclose(a, b, rtol=ROUNDED, atol=0) for a, b in zip(asked, self.asked)
        )
        little = min(max(HARDLY * tolerance, LAST_DIGITS), ROUNDED)
        if not (alike and moved <= little * self.found.value):
            return None
        return self.found.moved(moved)
