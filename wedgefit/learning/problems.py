"""From a sample to the problems of its networks, and what they may cost."""

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.engine.losses import Loss, loss_of
from wedgefit.engine.problem import Problem
from wedgefit.errors import FitError
from wedgefit.learning.settings import Settings, loss_name

# Sorts kept between rounds take at most this many bytes; a round itself takes about this many per
# cell of the design.
SORTS_KEPT = 1e9
BYTES_PER_CELL = 120
# A 0/1 column with fewer rows on one side than this, or than a twentieth, leaves some folds without
# any.
FEW_ROWS = 10


def loss_for(sample: Sample, settings: Settings) -> Loss:
    """The loss that the settings name, else that of the task, with its number where it has one.

    Raises FitError where a number that is left open does not follow from the targets.
    """
    name = loss_name(settings, sample.task)
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


def problems_of(
    sample: Sample, loss: Loss, intercept: bool, class_weight: str | None
) -> list[Problem]:
    """One problem per network, at alpha 1: one in all, or for more than two classes one per class
    against the rest, unless the loss lets them share their neurons.

    ``class_weight`` "balanced" gives every class the same total weight.
    """
    several = sample.task == "classification" and not loss.couples
    targets = np.hsplit(sample.y, sample.y.shape[1]) if several else [sample.y]
    weights, labels = sample.weights, sample.labels
    if class_weight == "balanced":
        each = np.ones(len(labels)) if weights is None else weights
        weights = each / np.bincount(labels, weights=each)[labels]
    return [
        Problem(np.ascontiguousarray(y), 1.0, intercept, loss, weights, sample.exposure)
        for y in targets
    ]


def fill_space(X: np.ndarray, bias: bool) -> bool:
    """Whether the rows span all columns, and still do without the few that stand out in a column of
    two values. Rows that repeat another count once, so that no weight decides.

    If not, the wedges of full order are none but one hyperplane, or all pass through the same few
    rows, which the training rows of a fold may lack.
    """
    X = np.unique(X, axis=0)
    for column in X.T:
        others = int((column != column[0]).sum())
        two_values = others and np.ptp(column[column != column[0]]) == 0
        if two_values and min(others, len(X) - others) < max(FEW_ROWS, len(X) // 20):
            return False
    centred = X - X.mean(axis=0) if bias else X
    return bool(np.linalg.matrix_rank(centred / np.abs(centred).max(axis=0)) == X.shape[1])


def sorts_budget(cells: int, max_memory: float | None) -> float:
    """How many bytes sorts may take between rounds, given the cells of the design and
    ``--max-memory`` (bytes).

    Raises FitError before anything large is allocated when the rounds themselves do not fit.
    """
    if max_memory is None:
        return SORTS_KEPT
    left = max_memory - BYTES_PER_CELL * cells
    if left < 0:
        raise FitError(
            f"{BYTES_PER_CELL * cells / 1e9:.2g} GB are needed for {cells:,} cells, "
            "more than --max-memory allows.",
            remedy="Allow more, use fewer rows, or --keep fewer columns.",
        )
    return min(SORTS_KEPT, left)
