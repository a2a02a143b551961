"""What one pricing found."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.wedge import Wedges


@dataclass(frozen=True, eq=False)
class Priced:
    """What one pricing found.

    ``wedges`` violate the dual constraint (score > alpha), best first and diversified; ``scores``
    (m,) are theirs; ``excess``: by how much, relatively, the best is above alpha. ``bound`` is the
    largest score of any wedge priced; ``supremum`` the largest of *any* hidden neuron of the
    dictionary's class, wedge or not, None where that is not known. ``exact``: every wedge was
    priced, or with ``bounded`` lies below a bound; ``cut_short``: effort ended before that was as
    sharp as was asked for. ``visits``: how many rows bounds looked at.
    """

    wedges: Wedges
    scores: np.ndarray
    excess: float
    bound: float
    supremum: float | None
    exact: bool
    bounded: bool
    wedges_priced: int
    wedges_total: int
    cut_short: bool = False
    visits: int = 0


def excess(scores: np.ndarray, alpha: float) -> float:
    """By how much, relatively, the best of these scores (m,) is above alpha; 0 where none is."""
    return float(scores.max(initial=alpha) / alpha - 1) if 0 < alpha < np.inf else 0.0
