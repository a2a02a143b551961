"""The choice of alpha by cross-validation along one warm-started path, and the scores that reports
quote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.engine.layers import DeepFit, PricerFor, composed, solve_layers
from wedgefit.engine.loss import class_probabilities
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import refitted, working_set
from wedgefit.errors import FitError
from wedgefit.watch import Deadline

# The path: this many alphas per factor of ten, down to this fraction of alpha_max.
PER_DECADE = 8
SMALLEST_RATIO = 1e-4
# Folds are solved to this relative gap, on sampled pencils: scores do not change in the digits that
# matter.
FOLD_TOL = 1e-3
# A path ends when this many alphas have brought less than this part of all that was gained so far.
PATIENCE = 4
SMALL_GAIN = 2e-3
# From this many rows × columns on a fold takes minutes, and paths are walked coarsely.
LARGE = 100_000
# Of each task, the scores and whether more is better. By default alphas are chosen by the loss that
# was minimised.
SCORINGS = {
    "regression": {"r2": True, "rmse": False, "mae": False},
    "classification": {"accuracy": True, "auc": True, "log_loss": False},
}

Advance = Callable[[str, int | None, int | None, str], None]
Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Pace:
    """How a path is walked: alphas per factor of ten, relative gap of the folds, and how many
    alphas past the last gain."""

    per_decade: int = PER_DECADE
    fold_tol: float = FOLD_TOL
    patience: int = PATIENCE


# On 20,000 rows a gap of 1e-2 moved no score in its fourth digit; neighbouring alphas differed by
# more.
COARSE = Pace(per_decade=4, fold_tol=1e-2, patience=1)


def pace_for(cells: int) -> Pace:
    """The pace for a design of so many rows × columns; who walks coarsely must say so."""
    return COARSE if cells >= LARGE else Pace()


@dataclass(frozen=True, eq=False)
class Curve:
    """Cross-validated scores along a path: alphas (k,) descending, and per alpha one record per
    fold.

    A record has the scores of ``score_values``, the held-out ``loss`` and the number of
    ``neurons``. ``scoring`` names the figure that alphas are chosen by, with ``larger_is_better``;
    ``pace`` is how the path was walked. ``cut_short``: time was up before it had turned.
    """

    alphas: np.ndarray
    folds: list[list[dict[str, float | None]]]
    scoring: str = "loss"
    larger_is_better: bool = False
    pace: Pace = Pace()
    cut_short: bool = False

    @property
    def errors(self) -> np.ndarray:
        """What is to be small, (k, folds): the score that alphas are chosen by, negative where more
        of it is better."""
        sign = -1.0 if self.larger_is_better else 1.0
        return sign * np.array([[fold[self.scoring] for fold in folds] for folds in self.folds])

    def chosen(self, rule: str, max_neurons: int | None = None) -> int:
        """The alpha of the smallest mean error ("best"), or the largest within one standard error
        of it ("1se").

        With ``max_neurons`` only alphas count at which the folds have no more neurons on average
        (the first always counts).
        """
        mean = self.errors.mean(axis=1)
        if max_neurons is not None:
            sizes = np.mean([[fold["neurons"] for fold in folds] for folds in self.folds], axis=1)
            mean = np.where((sizes <= max_neurons) | (np.arange(len(mean)) == 0), mean, np.inf)
        best = int(mean.argmin())
        if rule == "best":
            return best
        return int(np.flatnonzero(mean <= mean[best] + self.standard_error(self.errors[best]))[0])

    def improves_on(self, other: "Curve", position: int, its_position: int) -> bool:
        """Whether the mean error at ``position`` is smaller than the other curve's at
        ``its_position`` by more than that one's standard error."""
        before = other.errors[its_position]
        return bool(self.errors[position].mean() < before.mean() - self.standard_error(before))

    @property
    def has_turned(self) -> bool:
        """Whether the last alphas have gained next to nothing, not counting those at which no fold
        had a neuron yet."""
        constant = sum(not any(fold["neurons"] for fold in folds) for folds in self.folds)
        mean = self.errors.mean(axis=1)
        before = mean[: -self.pace.patience].min(initial=np.inf)
        return len(mean) - constant > self.pace.patience and before - mean.min() <= SMALL_GAIN * (
            mean[0] - mean.min()
        )

    def summary(self, position: int) -> dict[str, dict[str, float] | None]:
        """Mean and standard error over the folds of every score at one alpha."""
        folds = self.folds[position]
        return {
            name: self._mean_and_error([fold[name] for fold in folds])
            for name in folds[0]
            if name not in ("loss", "neurons")
        }

    def points(self) -> list[dict]:
        """The curve as records: alpha, the mean and standard error of every score, and the mean
        number of neurons."""
        neurons = ([fold["neurons"] for fold in folds] for folds in self.folds)
        return [
            {"alpha": float(alpha), "neurons": float(np.mean(counts)), **self.summary(position)}
            for position, (alpha, counts) in enumerate(zip(self.alphas, neurons))
        ]

    def _mean_and_error(self, values: list[float | None]) -> dict[str, float] | None:
        if None in values:
            return None
        return {"mean": float(np.mean(values)), "se": self.standard_error(np.array(values))}

    @staticmethod
    def standard_error(values: np.ndarray) -> float:
        """Of the mean over folds."""
        return float(values.std(ddof=1) / np.sqrt(len(values)))


def alpha_grid(largest: float, per_decade: int = PER_DECADE) -> np.ndarray:
    """The path's alphas: geometric, from just below alpha_max down."""
    count = int(round(-np.log10(SMALLEST_RATIO) * per_decade))
    return largest * 10.0 ** (-np.arange(1, count + 1) / per_decade)


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows that scores are about: X (n, d), y (n,) or (n, K) as in ``encode.Design``, the task,
    and per row a weight and a group."""

    X: np.ndarray
    y: np.ndarray
    task: str
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray | None:
        """The class of each row as a number, (n,); None in regression."""
        if self.task != "classification":
            return None
        return (self.y > 0).astype(int) if self.y.ndim == 1 else self.y.argmax(axis=1)

    def take(self, rows) -> "Sample":
        """Some of the rows."""
        weights, groups = (
            None if part is None else part[rows] for part in (self.weights, self.groups)
        )
        return Sample(self.X[rows], self.y[rows], self.task, weights, groups)


def cross_validate(
    sample: Sample, problems: Sequence[Problem], pricers: Sequence[PricerFor], *, folds: int | Splits, alphas: np.ndarray, seed: int,
    advance: Advance, deadline: Deadline, scoring: str | None = None, refit: bool = False, pace: Pace = Pace(),
) -> Curve:  # fmt: skip
    """Scores of every alpha on held-out folds; all folds walk down the path together, until the
    score has turned.

    ``problems``: one per network, over all rows of the sample. ``pricers``: for every hidden layer
    what makes the pricer of the matrix it reads. ``folds``: how many, or the rows to train and test
    on of each. ``refit``: score the networks refitted without a penalty. Ends early, after at least
    one alpha, when the deadline is due. Raises FitError when the rows cannot be split so, or when
    ``scoring`` is undefined in a fold.
    """
    splits = _splits(sample, folds, seed) if isinstance(folds, int) else folds
    folds = len(splits)
    labels = sample.labels
    if labels is not None and any(
        len(np.unique(labels[train])) < len(np.unique(labels)) for train, _ in splits
    ):
        raise FitError(
            "a fold would have to learn without one of the classes.",
            remedy="Try fewer folds, or other groups.",
        )
    walks = [
        _Walk(
            sample.X[train],
            [_restricted(problem, train) for problem in problems],
            pricers,
            refit,
            pace.fold_tol,
        )
        for train, _ in splits
    ]
    kind = {
        "pace": pace,
        "scoring": scoring or "loss",
        "larger_is_better": SCORINGS[sample.task].get(scoring, False),
    }
    scores: list[list[dict]] = []
    for position, alpha in enumerate(alphas):
        row = []
        for fold, (walk, (_, test)) in enumerate(zip(walks, splits)):
            detail = f"alpha {alpha:.3g}, fold {fold + 1} of {folds}"
            advance("cross-validation", position * folds + fold, len(alphas) * folds, detail)
            row.append(
                _held_out(
                    walk.step(alpha),
                    sample.take(test),
                    [_restricted(problem, test) for problem in problems],
                )
            )
        scores.append(row)
        curve = Curve(alphas[: position + 1], scores, **kind)
        if scoring and any(fold[scoring] is None for fold in row):
            raise FitError(
                f"--scoring {scoring} is undefined in a fold.",
                remedy="Try fewer folds or another --scoring.",
            )
        if curve.has_turned or any(walk.saturated for walk in walks):
            break
        if deadline.due():
            curve = replace(curve, cut_short=True)
            break
    advance("cross-validation", len(alphas) * folds, len(alphas) * folds, "done")
    return curve


def _held_out(networks: list[DeepFit], sample: Sample, problems: list[Problem]) -> dict:
    """One fold's record at one alpha."""
    outputs = [network.predict(sample.X) for network in networks]
    loss = sum(
        problem.loss.value(problem.y, output, problem.weights)
        for problem, output in zip(problems, outputs)
    )
    neurons = sum(network.neurons for network in networks)
    return score_values(sample, joined(outputs), problems[0].loss.name) | {
        "loss": loss,
        "neurons": neurons,
    }


def joined(outputs: list[np.ndarray]) -> np.ndarray:
    """The outputs of one network, (n,) or (n, K), or of K networks side by side, (n, K)."""
    return outputs[0] if len(outputs) == 1 else np.column_stack(outputs)


def _restricted(problem: Problem, rows) -> Problem:
    weights = problem.sample_weight
    return replace(
        problem, y=problem.y[rows], sample_weight=None if weights is None else weights[rows]
    )


class _Walk:
    """One descent along the alphas, of all networks; the first hidden layer starts warm, the others
    from the layer before."""

    def __init__(
        self, X, problems: list[Problem], pricers: Sequence[PricerFor], refit: bool, tol: float
    ):
        first = pricers[0](X)
        self.X, self.problems, self.deeper, self.refit, self.tol = (
            X,
            problems,
            pricers[1:],
            refit,
            tol,
        )
        self.pricers = [first, *(first.sibling() for _ in problems[1:])]
        self.working = [working_set(first.dictionary, problem) for problem in problems]

    def step(self, alpha: float) -> list[DeepFit]:
        return [
            self._solved(replace(problem, alpha=alpha), k)
            for k, problem in enumerate(self.problems)
        ]

    def _solved(self, problem: Problem, k: int) -> DeepFit:
        pricers = [lambda X: self.pricers[k], *self.deeper]
        stages = solve_layers(
            problem, self.X, pricers, tol=self.tol, exact=False, working=self.working[k]
        )
        return composed(
            stages, refitted(stages[-1].X, problem, stages[-1].fit) if self.refit else None
        )

    @property
    def saturated(self) -> bool:
        """Whether there are so many neurons that smaller alphas only fit noise."""
        return any(
            working.neurons > 0.7 * len(problem.y)
            for working, problem in zip(self.working, self.problems)
        )


def _splits(sample: Sample, folds: int, seed: int) -> Splits:
    """Training and test rows of each fold: shuffled, stratified by class, groups kept together.

    Raises FitError when there are too few rows, rows of a class, or groups.
    """
    from sklearn import model_selection

    labels, groups = sample.labels, sample.groups
    counts = (
        {"row": len(sample.y)}
        if labels is None
        else {"row of the smallest class": int(np.bincount(labels).min())}
    )
    if groups is not None:
        counts = {"group": len(np.unique(groups))}
    kind, count = next(iter(counts.items()))
    if count < folds:
        some = kind if count == 1 else kind.replace("row", "rows").replace("group", "groups")
        raise FitError(
            f"{count} {some} cannot be split into {folds} folds to choose alpha.",
            remedy="Try a smaller --cv, or give --alpha or --alpha-ratio.",
        )
    stratified, grouped = labels is not None, groups is not None
    name = f"{'Stratified' * stratified}{'Group' * grouped}KFold"
    splitter = getattr(model_selection, name)(folds, shuffle=True, random_state=seed)
    return list(splitter.split(sample.X, labels, groups))


def score_values(sample: Sample, output: np.ndarray, loss: str) -> dict[str, float | None]:
    """r2, rmse, mae of numbers, or accuracy, auc, log_loss of classes; None where a score is
    undefined.

    ``output`` is shaped like the sample's y; rows count by their weights. Several targets are
    averaged; the auc of more than two classes is the mean over each class against the rest.
    """
    from sklearn import metrics

    y, weights = sample.y, {"sample_weight": sample.weights}
    if sample.task == "regression":
        r2 = (
            float(metrics.r2_score(y, output, **weights))
            if len(y) > 1 and np.all(np.ptp(y, axis=0) > 0)
            else None
        )
        squared = float(metrics.mean_squared_error(y, output, **weights))
        return {
            "r2": r2,
            "rmse": squared**0.5,
            "mae": float(metrics.mean_absolute_error(y, output, **weights)),
        }
    labels = sample.labels
    decided = (output > 0).astype(int) if y.ndim == 1 else output.argmax(axis=1)
    classes = 2 if y.ndim == 1 else y.shape[1]
    probabilities = class_probabilities(output) if loss == "logistic" else None
    return {
        "accuracy": float(metrics.accuracy_score(labels, decided, **weights)),
        "auc": _auc(labels, output, classes, probabilities, weights),
        "log_loss": None
        if probabilities is None
        else float(metrics.log_loss(labels, probabilities, labels=range(classes), **weights)),
    }


def _auc(labels, output, classes: int, probabilities, weights) -> float | None:
    from sklearn import metrics

    if len(np.unique(labels)) < classes or (classes > 2 and probabilities is None):
        return None
    if classes == 2:
        return float(metrics.roc_auc_score(labels, output, **weights))
    return float(metrics.roc_auc_score(labels, probabilities, multi_class="ovr", **weights))
