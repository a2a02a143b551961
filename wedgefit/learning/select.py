"""The choice of alpha by cross-validation along one warm-started path, and the scores that reports
quote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.engine.layers import DeepFit, PricerFor, Stage, composed, solve_layers
from wedgefit.engine.loss import class_probabilities
from wedgefit.engine.plainer import readable
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import refitted, working_set
from wedgefit.engine.wedge import Wedges
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
# Of the rows to learn from and the rows held out (positions), the two design matrices.
Encoder = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Problems = Callable[["Sample"], list[Problem]]


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
    def standard_error(values: np.ndarray) -> float | None:
        """Of the mean over folds; None of a single one, which has no spread."""
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def alpha_grid(largest: float, per_decade: int = PER_DECADE) -> np.ndarray:
    """The path's alphas: geometric, from alpha_max down, where there is no neuron yet."""
    count = int(round(-np.log10(SMALLEST_RATIO) * per_decade))
    return largest * 10.0 ** (-np.arange(count + 1) / per_decade)


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows that scores are about: X (n, d), y (n,) or (n, K) as in ``data.sample.Design``,
    the task, and per row a weight and a group.

    ``encoder`` encodes rows by what some of them teach; without one X is taken as it is, also in
    the folds of a cross-validation.
    """

    X: np.ndarray
    y: np.ndarray
    task: str
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    encoder: Encoder | None = None

    @property
    def labels(self) -> np.ndarray | None:
        """The class of each row as a number, (n,); None in regression."""
        if self.task != "classification":
            return None
        return (self.y > 0).astype(int) if self.y.ndim == 1 else self.y.argmax(axis=1)

    def take(self, rows) -> "Sample":
        """Some of the rows, in the columns of all."""
        weights, groups = (
            None if part is None else part[rows] for part in (self.weights, self.groups)
        )
        return Sample(self.X[rows], self.y[rows], self.task, weights, groups)

    def split(self, train: np.ndarray, test: np.ndarray) -> tuple["Sample", "Sample"]:
        """Rows to learn from and rows held out, both in the columns that the first ones teach:
        their medians, scales, ends and levels."""
        learn, held_out = self.take(train), self.take(test)
        if self.encoder is None:
            return learn, held_out
        X, unseen = self.encoder(train, test)
        return replace(learn, X=X), replace(held_out, X=unseen)


def cross_validate(
    sample: Sample,
    problems: Problems,
    pricers: Sequence[PricerFor],
    *,
    folds: int | Splits,
    alphas: np.ndarray,
    alpha_max: float,
    seed: int,
    advance: Advance,
    deadline: Deadline,
    scoring: str | None = None,
    refit: bool = False,
    pace: Pace = Pace(),
) -> Curve:
    """Scores of every alpha on held-out folds; all folds walk down the path together, until the
    score has turned.

    Nothing that a fold learns from has seen its held-out rows: neither the columns nor the weights
    of the classes. ``problems`` makes those of some rows, one per network. ``pricers``: for every
    hidden layer what makes the pricer of the matrix it reads. ``folds``: how many, or the rows to
    train and test on of each. From ``alpha_max`` on, where all rows leave no neuron, the folds have
    none either: the constant is a candidate. ``refit``: score the networks refitted without a
    penalty. Ends early, but not before the first networks, when the deadline is due.

    Raises FitError when the rows cannot be split so, or when ``scoring`` is undefined in a fold.
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
    walks, held_out = [], []
    for split in splits:
        learn, test = sample.split(*split)
        walks.append(_Walk(learn.X, problems(learn), pricers, refit, pace.fold_tol))
        held_out.append((test, problems(test)))
    kind = {
        "pace": pace,
        "scoring": scoring or "loss",
        "larger_is_better": SCORINGS[sample.task].get(scoring, False),
    }
    scores: list[list[dict]] = []
    for position, alpha in enumerate(alphas):
        row = []
        for fold, (walk, test) in enumerate(zip(walks, held_out)):
            detail = f"alpha {alpha:.3g}, fold {fold + 1} of {folds}"
            advance("cross-validation", position * folds + fold, len(alphas) * folds, detail)
            networks = walk.constants if alpha >= alpha_max else walk.step(alpha)
            row.append(_held_out(networks, *test))
        scores.append(row)
        curve = Curve(alphas[: position + 1], scores, **kind)
        if scoring and any(fold[scoring] is None for fold in row):
            raise FitError(
                f"--scoring {scoring} is undefined in a fold.",
                remedy="Try fewer folds or another --scoring.",
            )
        if curve.has_turned or any(walk.saturated for walk in walks):
            break
        if alpha < alpha_max and deadline.due():
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


class _Walk:
    """One descent along the alphas, of all networks; the first hidden layer starts warm, the others
    from the layer before."""

    def __init__(
        self, X, problems: list[Problem], pricers: Sequence[PricerFor], refit: bool, tol: float
    ):
        self.X, self.problems, self.refit, self.tol = X, problems, refit, tol
        self.deeper, self.working = pricers[1:], []
        if X.shape[1]:
            first = pricers[0](X)
            self.pricers = [first, *(first.sibling() for _ in problems[1:])]
            self.working = [working_set(first.dictionary, problem) for problem in problems]

    @property
    def constants(self) -> list[DeepFit]:
        """The best networks without neurons."""
        return [constant(problem, self.X.shape[1]) for problem in self.problems]

    def step(self, alpha: float) -> list[DeepFit]:
        """The networks at this alpha: constants where no column of the fold varies."""
        if not self.X.shape[1]:
            return self.constants
        return [
            self._solved(replace(problem, alpha=alpha), k)
            for k, problem in enumerate(self.problems)
        ]

    def _solved(self, problem: Problem, k: int) -> DeepFit:
        pricers = [lambda X: self.pricers[k], *self.deeper]
        stages = solve_layers(
            problem, self.X, pricers, tol=self.tol, exact=False, working=self.working[k]
        )
        if self.pricers[k].dictionary.bias:
            stages = with_readable_end(problem, stages)
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


def with_readable_end(problem: Problem, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The same stages, the last one made easy to read; those below have handed on both faces
    anyway.

    On other rows a readable network may go on in another direction, so the folds score these.
    """
    *below, last = stages
    solution = replace(last.solution, fit=readable(last.X, problem, last.fit))
    return (*below, Stage(last.X, solution))


def constant(problem: Problem, width: int) -> DeepFit:
    """The best network without neurons, on so many columns."""
    nothing = np.zeros_like(problem.y)
    coefficients = np.empty((0, *problem.y.shape[1:]))
    return DeepFit((Wedges.none(width, 1),), coefficients, problem.shift(nothing))


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
