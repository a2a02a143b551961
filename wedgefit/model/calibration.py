"""Are probabilities what they say? Rows with about the same probability, beside how often it came
true."""

from dataclasses import dataclass

import numpy as np

# Groups of rows, as equal in number as ties allow.
BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows with about the same probability: how many, the mean that was ``given``, and the part in
    which it ``came`` true; ``se`` is the standard error of that part if probabilities are right."""

    rows: int
    given: float
    came: float
    se: float


def calibration(
    given: np.ndarray, came: np.ndarray, weights: np.ndarray | None = None, bins: int = BINS
) -> list[Bin]:
    """The rows in at most so many groups by the probability ``given``, (n,), from the lowest to the
    highest, and how often it ``came`` true, (n,) of 0 and 1.

    Rows with the same probability are in the same group, so where they are few there are fewer
    groups: those of scikit-learn's ``calibration_curve`` by quantiles, which knows no weights.
    """
    place = groups_of(given, weights, bins)
    weights = np.ones(len(given)) if weights is None else weights
    found = []
    for group in np.unique(place):
        rows = place == group
        part = weights[rows] / weights[rows].sum()
        spread = np.sqrt(part**2 @ (given[rows] * (1 - given[rows])))
        # A quotient of sums, which is 1 where all came true: parts may add up to a little more.
        true = float((weights[rows] * came[rows]).sum() / weights[rows].sum())
        found.append(Bin(int(rows.sum()), float(part @ given[rows]), true, float(spread)))
    return found


def groups_of(
    values: np.ndarray, weights: np.ndarray | None = None, bins: int = BINS
) -> np.ndarray:
    """The group of each of the values (n,), by number: neighbours together, in at most so many
    groups, as equal in number as ties allow."""
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    by_weight = {} if weights is None else {"weights": weights, "method": "inverted_cdf"}
    return np.searchsorted(np.quantile(values, shares, **by_weight), values)
