"""How far predictions of numbers are off: intervals from residuals of rows held out.

Cross-conformal prediction (Vovk, Annals of Mathematics and Artificial Intelligence 74, 2015) with a
local scale (Lei et al., JASA 113, 2018): residuals are divided by a size that is itself learnt from
them, so that intervals are narrow where the noise is small. What is left has one distribution for
all rows, whose quantiles are stored.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from wedgefit.errors import UsageError
from wedgefit.records import Complaint, at_least, items

# So many quantiles are stored at most: multiples of a quarter of a per cent.
MOST_QUANTILES = 399
# Fewer rows held out say next to nothing of the tails.
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Bend:
    """coefficient · max(0, weight · feature + bias), in the units that the solver saw."""

    feature: str
    weight: Annotated[float, "1 or −1."]
    bias: float
    coefficient: float


@dataclass(frozen=True)
class Spread:
    """How far predictions of one output are off: a typical size of residuals by row, exp of a sum
    of bends within ``low`` and ``high``, and the quantiles of |residual| / size on rows held out.
    """

    output: str
    intercept: float
    bends: tuple[Bend, ...]
    low: Annotated[float, "Logarithms of sizes below this count as it."]
    high: Annotated[float, "And above this."]
    quantiles: Annotated[
        tuple[Annotated[float, at_least(0)], ...],
        items(1),
        "The j-th of m is what a part j/(m + 1) of new rows is expected not to exceed.",
    ]

    def complaints(self) -> Iterator[Complaint]:
        """What the fields promise each other."""
        if not self.low <= self.high:
            yield Complaint("low", "at most high")
        if list(self.quantiles) != sorted(self.quantiles):
            yield Complaint("quantiles", "in ascending order")

    def sizes(self, X: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """The typical size of the residual of each row, (n,), X (n, d) being the features of these
        names."""
        total = np.full(len(X), self.intercept)
        for bend in self.bends:
            column = X[:, names.index(bend.feature)]
            total += bend.coefficient * np.maximum(bend.weight * column + bend.bias, 0.0)
        return np.exp(np.clip(total, self.low, self.high))

    def factor(self, level: float) -> float:
        """How many sizes to go on either side so that a part ``level`` of new rows is within.
        Raises UsageError where the rows held out are too few to say."""
        m = len(self.quantiles)
        place = math.ceil(level * (m + 1) - 1e-9)
        if place > m:
            raise UsageError(
                f"an interval of {level:g} needs more rows than were held out.",
                remedy=f"Try {math.floor(1000 * m / (m + 1)) / 1000:g} or less.",
            )
        return self.quantiles[max(place, 1) - 1]


# What intervals are asked to hold where nobody says how much.
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Reach:
    """How far intervals go from the prediction on either side, by the row: from ``least`` to
    ``most``, so that they hold a part ``level`` of rows like those of training."""

    output: str
    level: float
    least: float
    most: float


def reaches(spreads: Sequence[Spread]) -> tuple[Reach, ...]:
    """What is known of the widths without any row, at those of ``LEVELS`` that there are enough
    rows held out for."""
    return tuple(
        Reach(spread.output, level, *(factor * math.exp(end) for end in (spread.low, spread.high)))
        for spread in spreads
        for level in known_levels([spread])
        for factor in [spread.factor(level)]
    )


def known_levels(spreads: Sequence[Spread]) -> list[float]:
    """Those of ``LEVELS`` that there are enough rows held out for."""
    most = min((len(spread.quantiles) for spread in spreads), default=0)
    return [level for level in LEVELS if level <= most / (most + 1)]


def quantiles_around(levels: Sequence[float], part: float) -> tuple[int, int]:
    """Which two of the quantiles of these ascending ``levels`` have such a part of the rows between
    them: of several two with as much beyond on either side. Raises UsageError where none have."""
    pairs = [
        (abs(low + high - 1), i, j)
        for j, high in enumerate(levels)
        for i, low in enumerate(levels[:j])
        if math.isclose(high - low, part, abs_tol=1e-9)
    ]
    if not pairs:
        has = " and ".join(f"{level:g}" for level in levels)
        beyond = round((1 - part) / 2, 12)
        raise UsageError(
            f"no two of the model's quantiles ({has}) have a part {part:g} between them.",
            remedy=f"Train it with --quantile {beyond:g} --quantile {1 - beyond:g}.",
        )
    return min(pairs)[1:]


def conformal_quantiles(scores: np.ndarray, weights: np.ndarray | None) -> tuple[float, ...]:
    """What ``Spread.quantiles`` stores of the |residual| / size of rows held out, (n,), which count
    by their weights (n,)."""
    order, n = np.argsort(scores), len(scores)
    parts = np.full(n, 1.0) if weights is None else weights[order] * (n / weights.sum())
    reached, m = np.cumsum(parts), min(n, MOST_QUANTILES)
    # With one more row of their kind its place among the scores is any of n + 1.
    places = np.arange(1, m + 1) / (m + 1) * (n + 1)
    found = np.searchsorted(reached, places - 1e-9 * n)
    return tuple(scores[order][np.minimum(found, n - 1)].tolist())
