"""The scores, in one list: a further one is one more entry. Nothing heavy is imported here, since
the command line reads the names before it loads anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from wedgefit.records import FLAT, above, at_least

if TYPE_CHECKING:
    import numpy as np

    from wedgefit.data.sample import Sample
    from wedgefit.engine.losses import Loss, Quantiles
    from wedgefit.engine.problem import Problem

NUMBERS, CLASSES = "regression", "classification"
# Losses whose predictions are means.
MEANS = ("squared", "huber", "poisson", "gamma")


@dataclass(frozen=True, eq=False)
class Predicted:
    """The truth beside what was predicted of n rows, which count by their ``weights``, (n,) or
    None.

    Numbers: ``truth`` and ``output`` (n, K), and the ``scores``, the network's outputs that were
    made predictions of. Classes: the ``truth`` as numbers from 0, (n,), the classes ``decided``,
    (n,), the ``output``, (n, 1) of two or (n, classes), and ``probabilities`` (n, classes), None
    where the loss gives none. ``loss`` is what was trained for.
    """

    truth: np.ndarray
    output: np.ndarray
    weights: np.ndarray | None
    classes: int = 0
    decided: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    loss: Loss | Quantiles | None = None
    scores: np.ndarray | None = None


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
    losses: tuple[str, ...] = ("squared", "logistic", "softmax")

    def needs_probabilities(self, classes: int) -> bool:
        """Whether it is undefined of so many classes where the loss gives no probabilities."""
        return self.from_classes is not None and classes >= self.from_classes

    def of(self, predicted: Predicted) -> float | None:
        """The score of predictions; None where it is undefined."""
        if self.needs_probabilities(predicted.classes) and predicted.probabilities is None:
            return None
        value = self.value(predicted)
        return None if value is None else float(value)


@dataclass(frozen=True)
class MeanAndError:
    """A score's mean over the folds and its standard error; null where one fold gives none."""

    mean: float
    se: float | None


@dataclass(frozen=True)
class CurvePoint:
    """Cross-validated scores at one alpha of the path, by name, and the mean number of neurons."""

    alpha: Annotated[float, above(0)]
    neurons: Annotated[float, at_least(0)]
    scores: Annotated[dict[str, MeanAndError | None], FLAT]


# Sums in NumPy: scikit-learn's scores, but for the last digit of the AUC, at a fiftieth of their
# time. A small fit asks for every score of every fold and alpha, and would spend a sixth of its
# time in checks of their input.


def _r2(predicted: Predicted) -> float | None:
    import numpy as np

    truth = predicted.truth
    if len(truth) < 2 or (truth == truth[0]).all(axis=0).any():
        return None
    errors = (truth - predicted.output) ** 2
    around = (truth - np.average(truth, axis=0, weights=predicted.weights)) ** 2
    if predicted.weights is not None:
        errors, around = ((predicted.weights * part.T).T for part in (errors, around))
    return np.mean(1 - errors.sum(axis=0) / around.sum(axis=0))


def _d2(predicted: Predicted) -> float | None:
    """The part of a constant's deviance that is explained."""
    import numpy as np

    truth = predicted.truth
    if len(truth) < 2 or (truth == truth[0]).all():
        return None
    nothing = np.zeros_like(truth)
    constant = sum(
        problem.value(nothing, problem.shift(nothing)) - problem.floor
        for problem, _ in _problems(predicted)
    )
    return 1 - _loss(predicted) / constant


def _deviance(predicted: Predicted) -> float:
    return 2 * _loss(predicted)


def _loss(predicted: Predicted) -> float:
    """The loss of the network's outputs, above the least that any have; of several quantiles the
    sum of their losses."""
    return sum(
        problem.value(scores, 0.0) - problem.floor for problem, scores in _problems(predicted)
    )


def _problems(predicted: Predicted) -> list[tuple[Problem, np.ndarray]]:
    """What the loss of these rows is computed by, with the outputs: one of each that networks are
    fitted apart with."""
    import numpy as np

    from wedgefit.engine.losses import fitted_apart
    from wedgefit.engine.problem import Problem

    losses, weights = fitted_apart(predicted.loss), predicted.weights
    problems = [Problem(predicted.truth, 1.0, loss=own, sample_weight=weights) for own in losses]
    if len(losses) == 1:
        return [(problems[0], predicted.scores)]
    return list(zip(problems, np.hsplit(predicted.output, len(losses))))


def _rmse(predicted: Predicted) -> float:
    return _mean((predicted.truth - predicted.output) ** 2, predicted) ** 0.5


def _mae(predicted: Predicted) -> float:
    """Of several quantiles the mean over these."""
    import numpy as np

    return _mean(np.abs(predicted.truth - predicted.output), predicted)


def _accuracy(predicted: Predicted) -> float:
    return _mean(predicted.truth == predicted.decided, predicted)


def _auc(predicted: Predicted) -> float | None:
    """Of more than two classes the mean over each against the rest."""
    import numpy as np

    truth, weights = predicted.truth, predicted.weights
    if len(set(truth.tolist())) < predicted.classes:
        return None
    weights = np.ones(len(truth)) if weights is None else weights
    if predicted.classes == 2:
        return _ranked(predicted.output[:, 0], truth == 1, weights)
    columns = enumerate(predicted.probabilities.T)
    return np.mean([_ranked(column, truth == label, weights) for label, column in columns])


def _ranked(output: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> float:
    """How often a positive row has the larger output than a negative one, equal ones counting
    half: the area under the curve."""
    import numpy as np

    place = np.unique(output, return_inverse=True)[1]
    above, below = (np.bincount(place, weights * rows) for rows in (positive, ~positive))
    return above @ (np.cumsum(below) - below / 2) / (above.sum() * below.sum())


def _log_loss(predicted: Predicted) -> float:
    import numpy as np

    eps = np.finfo(float).eps
    likelihood = predicted.probabilities[np.arange(len(predicted.truth)), predicted.truth]
    return _mean(-np.log(np.clip(likelihood, eps, 1 - eps)), predicted)


def _mean(values: np.ndarray, predicted: Predicted) -> float:
    """Over the rows as they count, then over the targets: ``values`` (n,) or (n, K)."""
    import numpy as np

    return np.mean(np.average(values, axis=0, weights=predicted.weights))


SCORES = {
    score.name: score
    for score in (
        Score("huber", "Huber loss", NUMBERS, False, _loss, losses=("huber",)),
        Score("deviance", "deviance", NUMBERS, False, _deviance, losses=("poisson", "gamma")),
        Score("pinball", "pinball loss", NUMBERS, False, _loss, losses=("quantile",)),
        Score("d2", "D²", NUMBERS, True, _d2, losses=("poisson", "gamma", "quantile")),
        Score("r2", "R²", NUMBERS, True, _r2, losses=("squared", "huber")),
        Score("rmse", "RMSE", NUMBERS, False, _rmse, in_units=True, losses=MEANS),
        Score("mae", "MAE", NUMBERS, False, _mae, in_units=True, losses=(*MEANS, "quantile")),
        Score("accuracy", "accuracy", CLASSES, True, _accuracy),
        Score("auc", "AUC", CLASSES, True, _auc, from_classes=3),
        Score("log_loss", "log loss", CLASSES, False, _log_loss, from_classes=2),
    )
}


def scores_of(task: str, loss: str) -> list[Score]:
    """The scores of what was trained for a task with the loss of that name, in the order of
    reports: of numbers the one that is the loss, or R² for the squared loss, comes first."""
    return [score for score in SCORES.values() if score.task == task and loss in score.losses]


def is_for(task: str, loss: str) -> bool:
    """Whether the loss of that name can be trained for a task: then there are scores of it."""
    return bool(scores_of(task, loss))


def shown_score(scoring: str | None, task: str, loss: str) -> str:
    """The name of the score to show beside a path: the one that alphas were chosen by, or that
    falls and rises with the loss."""
    if scoring in SCORES:
        return scoring
    if task == NUMBERS:
        return scores_of(task, loss)[0].name
    return "accuracy" if loss == "squared" else "log_loss"


def score_values(
    sample: Sample, output: np.ndarray, loss: Loss | Quantiles, cut: float = 0.0
) -> dict[str, float | None]:
    """Every score of the sample's task by name; None where it is undefined.

    ``output`` is shaped like the sample's y, of several quantiles it has a column for each; rows
    count by their weights, several targets are averaged. Of two classes the second is predicted
    where the output exceeds ``cut``.
    """
    predicted = _predicted(sample, output, loss, cut)
    return {score.name: score.of(predicted) for score in scores_of(sample.task, loss.name)}


def _predicted(sample: Sample, output: np.ndarray, loss: Loss | Quantiles, cut: float) -> Predicted:
    from wedgefit.data.sample import class_codes
    from wedgefit.engine.losses import class_probabilities, predicted

    if sample.task == NUMBERS:
        predictions = predicted(loss.link, output)
        truth, weights = sample.y, sample.weights
        if (exposure := sample.exposure) is not None:
            # Counts of unequal exposures are rates that weigh as much as they were exposed.
            truth = truth / exposure[:, None]
            weights = exposure if weights is None else weights * exposure
        return Predicted(truth, predictions, weights, loss=loss, scores=output)
    return Predicted(
        sample.labels,
        output,
        sample.weights,
        classes=max(2, sample.y.shape[1]),
        decided=class_codes(output, cut),
        probabilities=class_probabilities(loss.link, output),
    )
