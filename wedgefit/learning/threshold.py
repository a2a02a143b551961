"""Where yes begins: the probability from which on the second of two classes is predicted.

Nothing heavy is imported at the top, since the command line reads the range before it loads
anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Annotated

from wedgefit.ranges import Positive, Range
from wedgefit.records import above, at_least, below

if TYPE_CHECKING:
    import numpy as np

BEST_F1, COST = "best-f1", "cost="
# Without a threshold yes begins where it is more likely than no.
HALF = 0.5
# Log-odds beyond this are no probabilities that 16 digits tell from 0 and 1.
SUREST = 30.0


class Probability(Range):
    """A probability above 0 and below 1."""

    words, metavar = "a probability between 0 and 1, like 0.9", "FLOAT"

    def take(self, value) -> float:
        value = value.item() if getattr(value, "ndim", None) == 0 else value
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < 1:
            raise ValueError
        return float(value)

    def read(self, text: str) -> float:
        return self.take(float(text))


class ProbabilityOrRule(Probability):
    """A probability, or a rule that finds one on rows with a known class."""

    words = f"{Probability.words}, '{BEST_F1}' or '{COST}FP:FN' with two positive numbers"
    metavar = f"{BEST_F1}|{COST}FP:FN|FLOAT"
    choices = (BEST_F1,)

    def take(self, value) -> float | str:
        if not isinstance(value, str):
            return super().take(value)
        if value != BEST_F1:
            costs_of(value)
        return str(value)

    def read(self, text: str) -> float | str:
        return self.take(text if text == BEST_F1 or text.startswith(COST) else float(text))


def costs_of(rule: float | str) -> tuple[float, float] | None:
    """What a false yes and a missed yes cost by ``cost=FP:FN``; None of another rule. Raises
    ValueError where the costs are no positive numbers."""
    if not isinstance(rule, str) or rule == BEST_F1:
        return None
    if not rule.startswith(COST):
        raise ValueError
    false, missed = rule.removeprefix(COST).split(":")
    return Positive().read(false), Positive().read(missed)


@dataclass(frozen=True)
class Threshold:
    """Where yes begins, by which rule, and how right that is on the rows that it was found on or
    judged by; null where no rows were looked at, or nothing is defined.

    ``cost`` is the mean of a row, ``baseline_cost`` that of the same answer for all rows, the
    cheaper of both.
    """

    value: Annotated[float, above(0), below(1), "A probability of the second class."]
    rule: Annotated[float | str | None, "What was asked for; null: nothing."] = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    cost: Annotated[float, at_least(0)] | None = None
    baseline_cost: Annotated[float, at_least(0)] | None = None


@dataclass(frozen=True)
class Decisions:
    """How often yes is said of rows (by weight): ``hits`` of a yes, ``false`` of a no; of all
    ``yes`` and ``rows``. Each a number, or (k,) for k thresholds."""

    hits: float | np.ndarray
    false: float | np.ndarray
    yes: float
    rows: float

    @property
    def f1(self) -> float | np.ndarray:
        """The harmonic mean of precision and recall; 0 where both are 0 or undefined."""
        # The smallest number keeps 0 of 0 at 0.
        return 2 * self.hits / (self.hits + self.false + self.yes + 1e-300)

    def cost(self, false: float, missed: float) -> float | np.ndarray:
        """The mean cost of a row, where mistakes cost so much."""
        return (false * self.false + missed * (self.yes - self.hits)) / self.rows


def log_odds(threshold: float | None) -> float:
    """The score that yes is said above: 0 without a threshold."""
    return 0.0 if threshold is None else math.log(threshold) - math.log1p(-threshold)


def chosen(
    rule: float | str, scores: np.ndarray, yes: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The threshold that a rule finds on rows whose class is known, a probability above 0 and below
    1.

    ``scores`` (n,) are log-odds of the second class, ``yes`` (n,) whether a row has it. Of
    thresholds that are equally good the one nearest to one half is taken; between two neighbouring
    scores it lies in the middle.
    """
    import numpy as np

    if not isinstance(rule, str):
        return rule
    weights = np.ones(len(scores)) if weights is None else weights
    levels, place = np.unique(scores, return_inverse=True)
    middles = (levels[1:] + levels[:-1]) / 2
    # Also yes for every row, and for none.
    cuts = np.clip([levels[0] - 1, *middles, levels[-1] + 1], -SUREST, SUREST)
    above = {
        part: np.append(np.bincount(place, weights * mask, len(levels))[::-1].cumsum()[::-1], 0.0)
        for part, mask in (("hits", yes), ("false", ~yes))
    }
    decisions = Decisions(**above, yes=float(weights @ yes), rows=float(weights.sum()))
    good = goodness(rule)(decisions)
    best = np.flatnonzero(good >= good.max() - 1e-12 * np.abs(good).max())
    cut = float(cuts[best[np.abs(cuts[best]).argmin()]])
    return 1 / (1 + math.exp(-cut))


def goodness(rule: str) -> Callable[[Decisions], float | np.ndarray]:
    """What a rule makes large."""
    costs = costs_of(rule)
    return (lambda found: found.f1) if costs is None else (lambda found: -found.cost(*costs))


def decisions(
    threshold: float | None,
    scores: np.ndarray,
    yes: np.ndarray,
    weights: np.ndarray | None = None,
) -> Decisions:
    """What a threshold makes of rows whose class is known; as in ``chosen``."""
    import numpy as np

    weights = np.ones(len(scores)) if weights is None else weights
    said = scores > log_odds(threshold)
    return Decisions(
        float(weights @ (said & yes)),
        float(weights @ (said & ~yes)),
        float(weights @ yes),
        float(weights.sum()),
    )


def threshold_on(
    rule: float | str | None,
    scores: np.ndarray,
    yes: np.ndarray,
    weights: np.ndarray | None = None,
) -> Threshold:
    """The threshold that a rule gives, one half without a rule, judged on these rows; as in
    ``chosen``."""
    value = HALF if rule is None else chosen(rule, scores, yes, weights)
    found = decisions(value, scores, yes, weights)
    costs = costs_of(rule)
    always = replace(found, hits=found.yes, false=found.rows - found.yes)
    never = replace(found, hits=0.0, false=0.0)
    return Threshold(
        value,
        rule,
        _part(found.hits, found.hits + found.false),
        _part(found.hits, found.yes),
        float(found.f1),
        costs and found.cost(*costs),
        costs and min(same.cost(*costs) for same in (always, never)),
    )


def _part(some: float, of: float) -> float | None:
    return some / of if of else None
