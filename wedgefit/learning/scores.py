"""The scores, in one list: a further one is one more entry. Nothing heavy is imported here, since
the command line reads the names before it loads anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from wedgefit.data.sample import Sample

NUMBERS, CLASSES = "regression", "classification"


@dataclass(frozen=True, eq=False)
class Predicted:
    """The truth beside what was predicted of n rows, which count by their ``weights``, (n,) or
    None.

    Numbers: ``truth`` and ``output`` (n,) or (n, K). Classes: the ``truth`` as numbers from 0, the
    classes ``decided``, (n,), the ``output``, (n,) of two or (n, classes), and ``probabilities``
    (n, classes), None where the loss gives none.
    """

    truth: np.ndarray
    output: np.ndarray
    weights: np.ndarray | None
    classes: int = 0
    decided: np.ndarray | None = None
    probabilities: np.ndarray | None = None


@dataclass(frozen=True)
class Score:
    """One score: its ``name`` in options and records, its ``title`` for people, its task.

    ``value`` is None where the rows leave it undefined, such as R² of one row. Scores that need
    probabilities ``from_classes`` classes on are undefined without them. ``in_units``: it scales
    with the target.
    """

    name: str
    title: str
    task: str
    larger_is_better: bool
    value: Callable[[Predicted], float | None]
    from_classes: int | None = None
    in_units: bool = False

    def needs_probabilities(self, classes: int) -> bool:
        """Whether it is undefined of so many classes where the loss gives no probabilities."""
        return self.from_classes is not None and classes >= self.from_classes

    def of(self, predicted: Predicted) -> float | None:
        """The score of predictions; None where it is undefined."""
        if self.needs_probabilities(predicted.classes) and predicted.probabilities is None:
            return None
        value = self.value(predicted)
        return None if value is None else float(value)


def _r2(predicted: Predicted) -> float | None:
    from sklearn.metrics import r2_score

    truth = predicted.truth
    if len(truth) < 2 or (truth == truth[0]).all(axis=0).any():
        return None
    return r2_score(truth, predicted.output, sample_weight=predicted.weights)


def _rmse(predicted: Predicted) -> float:
    from sklearn.metrics import mean_squared_error

    return mean_squared_error(*_pair(predicted), sample_weight=predicted.weights) ** 0.5


def _mae(predicted: Predicted) -> float:
    from sklearn.metrics import mean_absolute_error

    return mean_absolute_error(*_pair(predicted), sample_weight=predicted.weights)


def _accuracy(predicted: Predicted) -> float:
    from sklearn.metrics import accuracy_score

    return accuracy_score(predicted.truth, predicted.decided, sample_weight=predicted.weights)


def _auc(predicted: Predicted) -> float | None:
    """Of more than two classes the mean over each against the rest."""
    from sklearn.metrics import roc_auc_score

    if len(set(predicted.truth.tolist())) < predicted.classes:
        return None
    if predicted.classes == 2:
        return roc_auc_score(*_pair(predicted), sample_weight=predicted.weights)
    return roc_auc_score(
        predicted.truth,
        predicted.probabilities,
        multi_class="ovr",
        sample_weight=predicted.weights,
    )


def _log_loss(predicted: Predicted) -> float:
    from sklearn.metrics import log_loss

    return log_loss(
        predicted.truth,
        predicted.probabilities,
        labels=range(predicted.classes),
        sample_weight=predicted.weights,
    )


def _pair(predicted: Predicted) -> tuple[np.ndarray, np.ndarray]:
    return predicted.truth, predicted.output


SCORES = {
    score.name: score
    for score in (
        Score("r2", "R²", NUMBERS, True, _r2),
        Score("rmse", "RMSE", NUMBERS, False, _rmse, in_units=True),
        Score("mae", "MAE", NUMBERS, False, _mae, in_units=True),
        Score("accuracy", "accuracy", CLASSES, True, _accuracy),
        Score("auc", "AUC", CLASSES, True, _auc, from_classes=3),
        Score("log_loss", "log loss", CLASSES, False, _log_loss, from_classes=2),
    )
}


def scores_of(task: str) -> list[Score]:
    """The scores of a task, in the order of reports."""
    return [score for score in SCORES.values() if score.task == task]


def shown_score(scoring: str | None, task: str, loss: str) -> str:
    """The name of the score to show beside a path: the one that alphas were chosen by, or that
    falls and rises with the loss."""
    if scoring in SCORES:
        return scoring
    if task == NUMBERS:
        return "r2"
    return "log_loss" if loss == "logistic" else "accuracy"


def score_values(
    sample: Sample, output: np.ndarray, loss: str, cut: float = 0.0
) -> dict[str, float | None]:
    """Every score of the sample's task by name; None where it is undefined.

    ``output`` is shaped like the sample's y; rows count by their weights, several targets are
    averaged. Of two classes the second is predicted where the output exceeds ``cut``.
    """
    predicted = _predicted(sample, output, loss, cut)
    return {score.name: score.of(predicted) for score in scores_of(sample.task)}


def _predicted(sample: Sample, output: np.ndarray, loss: str, cut: float) -> Predicted:
    from wedgefit.engine.losses import class_probabilities

    if sample.task == NUMBERS:
        return Predicted(sample.y, output, sample.weights)
    two = sample.y.ndim == 1
    return Predicted(
        sample.labels,
        output,
        sample.weights,
        classes=2 if two else sample.y.shape[1],
        decided=(output > cut).astype(int) if two else output.argmax(axis=1),
        probabilities=class_probabilities(output) if loss == "logistic" else None,
    )
