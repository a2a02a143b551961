"""From a sample to the problems of its networks."""

from collections.abc import Callable

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.engine.losses import Loss, Quantiles, fitted_apart, loss_of
from wedgefit.engine.problem import Problem
from wedgefit.errors import FitError
from wedgefit.learning.settings import Settings, loss_name

# The problems of some rows, one for each network, at alpha 1: ``problems_of`` under one set of
# settings.
ProblemsOf = Callable[[Sample], list[Problem]]


def loss_for(sample: Sample, settings: Settings) -> Loss | Quantiles:
    """The loss that the settings name, else that of the task, with its number where it has one.

    Raises FitError where a number that is left open does not follow from the targets.
    """
    name = loss_name(settings, sample.task, sample.y.shape[1])
    delta = settings.huber_delta
    if name == "huber" and delta is None:
        delta = _between_quartiles(sample)
    return loss_of(name, quantile=settings.quantile, huber_delta=delta)


def _between_quartiles(sample: Sample) -> float:
    """The distance between the quartiles of the target, the default of ``--huber-delta``. Raises
    FitError where it is zero."""
    by_weight = {} if sample.weights is None else {"weights": sample.weights}
    low, high = np.quantile(sample.y[:, 0], (0.25, 0.75), method="inverted_cdf", **by_weight)
    if high > low:
        return float(high - low)
    raise FitError(
        f"half of the rows have the target {low:g}: no --huber-delta follows from its quartiles.",
        remedy="Give --huber-delta, the residual from which on the loss is a line.",
    )


def problems_of(sample: Sample, loss: Loss | Quantiles, settings: Settings) -> list[Problem]:
    """One problem per network, at alpha 1: one in all; for more than two classes one per class
    against the rest, unless the loss lets them share their neurons; of several quantiles one of
    each."""
    losses = fitted_apart(loss)
    several = sample.task == "classification" and not losses[0].couples
    targets = np.hsplit(sample.y, sample.y.shape[1]) if several else [sample.y]
    weights, labels = sample.weights, sample.labels
    if settings.class_weight == "balanced":
        each = np.ones(len(labels)) if weights is None else weights
        weights = each / np.bincount(labels, weights=each)[labels]
    return [
        Problem(np.ascontiguousarray(y), 1.0, settings.intercept, part, weights, sample.exposure)
        for y in targets
        for part in losses
    ]
