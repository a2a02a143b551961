"""Where yes begins: against every threshold there is, tried one by one."""

import numpy as np
import pytest
from quick import only
from sklearn import metrics

from wedgefit.engine.losses import sigmoid
from wedgefit.learning.threshold import (
    Probability,
    ProbabilityOrRule,
    chosen,
    costs_of,
    decisions,
    log_odds,
)

RULES = ("best-f1", "cost=1:1", "cost=1:5", "cost=7:2")


def goodness(rule, threshold, scores, yes, weights=None):
    said = scores > log_odds(threshold)
    if rule == "best-f1":
        w = np.ones(len(yes)) if weights is None else weights
        return 2 * (w @ (yes & said)) / (w @ yes + w @ said)
    false, missed = costs_of(rule)
    return -np.average(false * (said & ~yes) + missed * (~said & yes), weights=weights)


def rows(seed, n=40):
    rng = np.random.default_rng(seed)
    # Rounded, so that there are ties.
    scores = rng.normal(size=n).round(1)
    return scores, rng.random(n) < sigmoid(scores + rng.normal()), rng.integers(1, 4, n) * 1.0


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", only(range(2), range(8)))
def test_no_other_threshold_is_better(rule, seed):
    scores, yes, weights = rows(seed)
    for w in (None, weights):
        found = chosen(rule, scores, yes, w)
        every = [goodness(rule, sigmoid(s), scores, yes, w) for s in np.arange(-9, 9, 0.05)]
        assert goodness(rule, found, scores, yes, w) == pytest.approx(max(every), abs=1e-12)


def test_of_equally_good_ones_the_nearest_to_one_half_is_taken():
    scores = np.array([-3.0, -2.0, 1.0, 2.0])
    yes = np.array([False, False, True, True])
    assert chosen("cost=1:1", scores, yes) == pytest.approx(sigmoid(-0.5))
    # Without any yes a missed one costs nothing, and no is said of all; and the other way round.
    assert chosen("cost=1:1", scores, ~(scores > 9)) == pytest.approx(sigmoid(-4.0))
    assert chosen("cost=1:1", scores, scores > 9) == pytest.approx(sigmoid(3.0))


def test_weights_are_repeated_rows():
    scores, yes, weights = rows(3)
    again = np.repeat(np.arange(len(scores)), weights.astype(int))
    for rule in RULES:
        assert chosen(rule, scores, yes, weights) == chosen(rule, scores[again], yes[again])


def test_decisions_are_those_of_sklearn():
    scores, yes, weights = rows(1)
    found, said = decisions(0.4, scores, yes, weights), sigmoid(scores) > 0.4
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        yes, said, average="binary", sample_weight=weights
    )
    assert found.hits / (found.hits + found.false) == pytest.approx(precision)
    assert found.hits / found.yes == pytest.approx(recall)
    assert found.f1 == pytest.approx(f1)
    assert found.cost(2, 3) == pytest.approx(-goodness("cost=2:3", 0.4, scores, yes, weights))


def test_scores_without_end_stay_probabilities():
    scores, yes = np.array([-1e3, -900.0, 1e3, 1e5]), np.array([False, True, True, True])
    for rule in RULES:
        assert 0 < chosen(rule, scores, yes) < 1
    assert decisions(0.5, scores, ~yes & yes).f1 == 0


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1",
        "nan",
        "-0.1",
        "1e400",
        "yes",
        "cost=",
        "cost=1",
        "cost=1:0",
        "cost=-1:2",
        "cost=1:inf",
        "cost=1:2:3",
        "best",
    ],
)
def test_what_is_no_threshold(text):
    with pytest.raises(ValueError):
        ProbabilityOrRule().read(text)


def test_what_is_a_threshold():
    assert (
        ProbabilityOrRule().read("0.25")
        == Probability().read("0.25")
        == ProbabilityOrRule().take(np.float64(0.25))
        == 0.25
    )
    assert (
        ProbabilityOrRule().read("best-f1") == "best-f1"
        and ProbabilityOrRule().read("cost=1:2.5") == "cost=1:2.5"
    )
    assert costs_of("cost=1:2.5") == (1.0, 2.5) and costs_of(0.3) is costs_of("best-f1") is None
    with pytest.raises(ValueError):
        ProbabilityOrRule().take(True)
