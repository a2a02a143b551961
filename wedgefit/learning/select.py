"""The choice of alpha: every alpha of the path scored on held-out folds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.engine.exchange import load_kernels
from wedgefit.engine.layers import DeepFit, composed
from wedgefit.engine.losses import Loss, Quantiles, predicted
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Hyperplanes
from wedgefit.errors import FitError
from wedgefit.learning.calibrating import Isotonic, Line, calibration_by
from wedgefit.learning.kept import FoldNetwork, kept
from wedgefit.learning.path import FINE, Advance, AlphaPath, Pace, Walk, constant, finished
from wedgefit.learning.scores import SCORES, CurvePoint, MeanAndError, score_values
from wedgefit.learning.settings import Settings
from wedgefit.learning.side_by_side import SideBySide
from wedgefit.learning.splits import checked_splits
from wedgefit.watch import Deadline

# A path ends when its last alphas have brought less than this part of all that was gained so far.
SMALL_GAIN = 2e-3
# A path ends when a fold has so many neurons for each of its rows, and with these, as soon as the
# error rises: from there on the few alphas left would take longer than all before together.
SATURATED = 0.7
CROWDED = 0.5

Problems = Callable[[Sample], list[Problem]]
WalkFor = Callable[[Sample, list[Problem]], Walk]


@dataclass(frozen=True)
class HeldOut:
    """What the networks of one fold make of its held-out rows at one alpha: the loss, every score
    by name, how many neurons there are, the ``outputs``, (m,) or (m, K), the ``networks``
    themselves where they are a sum of effects, and the ``hyperplanes`` of their first layers, by
    rows of all."""

    loss: float
    neurons: int
    scores: dict[str, float | None]
    # They follow from the networks, as the scores do, and arrays do not compare to one truth.
    outputs: np.ndarray | None = field(default=None, compare=False, repr=False)
    networks: FoldNetwork | None = field(default=None, compare=False, repr=False)
    hyperplanes: tuple[Hyperplanes, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Curve:
    """Cross-validated scores along a path: alphas (k,) descending, and per alpha what each fold
    holds.

    ``scoring`` names the score that alphas are chosen by, None the loss; ``pace`` is how the path
    was walked. ``cut_short``: time was up before it had turned. ``held_out`` and ``learnt``: the
    rows of each fold that it holds out and learns from, by position.
    """

    alphas: np.ndarray
    folds: list[list[HeldOut]]
    scoring: str | None = None
    pace: Pace = FINE
    cut_short: bool = False
    held_out: tuple[np.ndarray, ...] = ()
    learnt: tuple[np.ndarray, ...] = ()

    @property
    def errors(self) -> np.ndarray:
        """What is to be small, (k, folds): the score that alphas are chosen by, negative where more
        of it is better."""
        if self.scoring is None:
            return np.array([[fold.loss for fold in folds] for folds in self.folds])
        sign = -1.0 if SCORES[self.scoring].larger_is_better else 1.0
        scores = [[fold.scores[self.scoring] for fold in folds] for folds in self.folds]
        return sign * np.array(scores)

    @property
    def sizes(self) -> np.ndarray:
        """The mean number of neurons over the folds, (k,)."""
        return np.array([np.mean([fold.neurons for fold in folds]) for folds in self.folds])

    def chosen(self, rule: str, max_neurons: int | None = None) -> int:
        """The alpha of the smallest mean error ("best"), or the largest within one standard error
        of it ("1se").

        With ``max_neurons`` only alphas count at which the folds have no more neurons on average
        (the first always counts).
        """
        mean = self.errors.mean(axis=1)
        if max_neurons is not None:
            small = (self.sizes <= max_neurons) | (np.arange(len(mean)) == 0)
            mean = np.where(small, mean, np.inf)
        best = int(mean.argmin())
        error = self.standard_error(self.errors[best])
        # A single fold has no error to be within.
        if rule == "best" or error is None:
            return best
        return int(np.flatnonzero(mean <= mean[best] + error)[0])

    def hyperplanes(self, position: int) -> tuple[Hyperplanes, ...]:
        """Where the networks at one alpha may begin: those of the first fold, one for each."""
        return self.folds[position][0].hyperplanes

    def joined_with(self, alpha: float, row: list[HeldOut]) -> "Curve":
        """The curve with one more alpha, in its place."""
        place = int(np.count_nonzero(self.alphas > alpha))
        return replace(
            self,
            alphas=np.insert(self.alphas, place, alpha),
            folds=[*self.folds[:place], row, *self.folds[place:]],
        )

    def passed_over(
        self, alphas: np.ndarray, max_neurons: int | None, rules: Sequence[str]
    ) -> list[float]:
        """Of the path's alphas (k,) those beside the alphas that these rules would choose, where
        the walk has not been."""
        chosen = {self.chosen(rule, max_neurons) for rule in rules}
        places = {
            int(np.searchsorted(-alphas, -self.alphas[position])) + step
            for position in chosen
            for step in (-1, 1)
        }
        return [
            float(alphas[place])
            for place in sorted(places)
            if 0 <= place < len(alphas) and alphas[place] not in self.alphas
        ]

    def improves_on(self, other: "Curve", position: int, its_position: int) -> bool:
        """Whether the mean error at ``position`` is smaller than the other curve's at
        ``its_position`` by more than that one's standard error."""
        before = other.errors[its_position]
        return bool(self.errors[position].mean() < before.mean() - self.standard_error(before))

    @property
    def has_turned(self) -> bool:
        """Whether the last alphas have gained next to nothing, not counting those at which no fold
        had a neuron yet."""
        constant = int(np.count_nonzero(self.sizes == 0))
        mean = self.errors.mean(axis=1)
        before = mean[: -self.pace.patience].min(initial=np.inf)
        return len(mean) - constant > self.pace.patience and before - mean.min() <= SMALL_GAIN * (
            mean[0] - mean.min()
        )

    @property
    def has_risen(self) -> bool:
        """Whether the error at the last alpha is larger than at the one before."""
        mean = self.errors.mean(axis=1)
        return len(mean) > 1 and bool(mean[-1] > mean[-2])

    def summary(self, position: int) -> dict[str, MeanAndError | None]:
        """Mean and standard error over the folds of every score at one alpha."""
        folds = self.folds[position]
        return {
            name: self._mean_and_error([fold.scores[name] for fold in folds])
            for name in folds[0].scores
        }

    def points(self) -> tuple[CurvePoint, ...]:
        """The curve for the record, alpha by alpha."""
        return tuple(
            CurvePoint(float(alpha), float(size), self.summary(position))
            for position, (alpha, size) in enumerate(zip(self.alphas, self.sizes))
        )

    def outputs(self, position: int, rows: int) -> np.ndarray:
        """The outputs at one alpha for all rows, (rows, K), each by the networks that it
        was held out from: the mean of these where several folds hold it out, NaN where none does.
        """
        found = self.folds[position]
        total = np.zeros((rows, found[0].outputs.shape[1]))
        times = np.zeros((rows, 1))
        for fold, place in zip(found, self.held_out):
            total[place] += fold.outputs
            times[place] += 1
        with np.errstate(invalid="ignore"):
            return total / times

    def networks(self, position: int) -> tuple[tuple[np.ndarray, FoldNetwork], ...]:
        """Of every fold the rows that it learnt from and its networks at one alpha; none where they
        were not kept."""
        found = [fold.networks for fold in self.folds[position]]
        return () if None in found else tuple(zip(self.learnt, found))

    def _mean_and_error(self, values: list[float | None]) -> MeanAndError | None:
        if None in values:
            return None
        return MeanAndError(float(np.mean(values)), self.standard_error(np.array(values)))

    @staticmethod
    def standard_error(values: np.ndarray) -> float | None:
        """Of the mean over folds; None of a single one, which has no spread."""
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


class _Fold:
    """One fold: networks of the rows to learn from, along the alphas, and the rows held out."""

    def __init__(
        self,
        rows: np.ndarray,
        learn: Sample,
        test: Sample,
        loss: Loss | Quantiles,
        problems: Problems,
        walk_for: WalkFor,
    ):
        self.loss, self.problems, self.width = loss, problems(learn), learn.X.shape[1]
        self.rows, self.shapes = rows, learn.shapes
        if not all(np.isfinite(constant(one, self.width).intercept).all() for one in self.problems):
            raise FitError(
                "a fold would have to learn from rows whose target is 0 throughout.",
                remedy="Try fewer folds, or give --alpha or --alpha-ratio.",
            )
        # Where no column varies there is nothing to walk.
        self.walk = walk_for(learn, self.problems) if self.width else None
        self.test, self.test_problems = test, problems(test)

    def constants(self) -> list[DeepFit]:
        """The best networks without neurons."""
        return [constant(problem, self.width) for problem in self.problems]

    def look(self, alpha: float, settings: Settings, largest: float) -> tuple[HeldOut, float]:
        """What its networks at this alpha make of the rows held out, from ``largest`` on of
        constants; and how many neurons the fullest network has for each row."""
        at_end = alpha >= largest
        found = self.scored(self.constants() if at_end else self.networks(alpha, settings))
        return found, 0.0 if self.walk is None else self.walk.fullness

    def networks(self, alpha: float, settings: Settings) -> list[DeepFit]:
        """The networks at this alpha, as they would be handed out."""
        if self.walk is None:
            return self.constants()
        bias, refit = settings.bias, settings.refit
        steps = zip(self.problems, self.walk.step(alpha))
        return [
            composed(*finished(problem, stages, bias=bias, refit=refit, shapes=self.shapes))
            for problem, stages in steps
        ]

    def scored(self, networks: list[DeepFit]) -> HeldOut:
        """What these networks make of the rows held out."""
        outputs = [network.predict(self.test.X) for network in networks]
        output = np.hstack(outputs)
        if self.loss.link == "sorted":
            outputs = np.hsplit(predicted(self.loss.link, output), len(outputs))
        loss = sum(
            problem.loss.value(problem.rates, own, problem.weights)
            for problem, own in zip(self.test_problems, outputs)
        )
        scores = score_values(self.test, output, self.loss)
        neurons = sum(network.neurons for network in networks)
        first = [network.layers[0] for network in networks]
        hyperplanes = tuple(Hyperplanes.of(wedges, self.rows) for wedges in first)
        return HeldOut(loss, neurons, scores, output, kept(networks), hyperplanes)


def cross_validate(
    sample: Sample,
    settings: Settings,
    path: AlphaPath,
    loss: Loss | Quantiles,
    problems: Problems,
    walk_for: WalkFor,
    advance: Advance,
    deadline: Deadline,
) -> Curve:
    """Scores along the alphas on held-out folds: all folds walk down the path together, in strides,
    until the score has turned; then the alphas beside the ones to choose.

    Nothing that a fold learns from has seen its held-out rows: neither the columns nor the weights
    of the classes. ``loss`` is what all networks are trained for together, ``problems`` makes those
    of some rows, one per network, and ``walk_for`` what solves them. Where all rows leave no
    neuron, the folds have none either: the constant is a candidate. Ends early, but not before the
    first networks, when the deadline is due.

    Raises FitError when the rows cannot be split so, or when the score to choose by is undefined in
    a fold.
    """
    splits = checked_splits(sample, settings)
    folds = [_Fold(split[0], *sample.split(*split), loss, problems, walk_for) for split in splits]
    walkers = [partial(fold.look, settings=settings, largest=path.largest) for fold in folds]
    learnt, held_out = zip(*splits)
    curve = Curve(
        path.alphas[:0], [], settings.scoring, path.pace, held_out=held_out, learnt=learnt
    )
    with SideBySide(walkers, settings.cores, before=load_kernels) as together:
        walk = _Together(together, len(folds), path.alphas, advance)
        return _walked(curve, path, walk, settings, deadline)


class _Together:
    """All folds at one alpha after the other, and how far they are; ``fullness`` is that of the
    fullest network so far."""

    def __init__(self, folds: SideBySide, count: int, alphas: np.ndarray, advance: Advance):
        self._folds, self._count, self._advance = folds, count, advance
        self._alphas, self._steps, self.fullness = alphas, len(alphas) * count, 0.0

    def look(self, curve: Curve, alpha: float) -> Curve:
        """The curve with what all folds make of one more alpha."""
        row: list[HeldOut] = []
        answers = self._folds.answers(alpha)
        for fold in range(self._count):
            detail = f"alpha {alpha:.3g}, fold {fold + 1} of {self._count}"
            done = len(curve.alphas) * self._count + fold
            self._advance("cross-validation", done, self._steps, detail, self._part(alpha, fold))
            held_out, fullness = next(answers)
            row.append(held_out)
            self.fullness = max(self.fullness, fullness)
        _refuse_undefined(curve.scoring, row)
        return curve.joined_with(alpha, row)

    def done(self) -> None:
        self._advance("cross-validation", self._steps, self._steps, "done", 1.0)

    def _part(self, alpha: float, fold: int) -> float:
        """Which part of the work lies behind, if the path is walked to its end: the smaller alpha,
        the more neurons, so that work grows about as the square of the way."""
        way = (np.count_nonzero(self._alphas > alpha) + fold / self._count) / len(self._alphas)
        return float(way * way)


def _walked(
    curve: Curve, path: AlphaPath, walk: _Together, settings: Settings, deadline: Deadline
) -> Curve:
    """The curve of all alphas that are looked at: down the path, then beside the best."""
    for alpha in path.alphas[:: path.pace.stride]:
        curve = walk.look(curve, alpha)
        # Where networks are full smaller alphas only fit noise; where they are nearly so, a score
        # that has become worse stays so.
        if curve.has_turned or walk.fullness > SATURATED:
            break
        if curve.has_risen and walk.fullness > CROWDED:
            break
        if curve.sizes[-1] > _most_neurons(path, settings):
            break
        if alpha < path.largest and deadline.due():
            return replace(curve, cut_short=True)
    for alpha in curve.passed_over(path.alphas, settings.max_neurons, path.rules):
        curve = walk.look(curve, alpha)
    walk.done()
    return curve


def _most_neurons(path: AlphaPath, settings: Settings) -> float:
    """With how many neurons a path ends. None that has more than may be is chosen, but folds are
    solved loosely: how many they have at an alpha hangs on the way that led there, too."""
    allowed = settings.max_neurons
    return path.pace.most_neurons if allowed is None else 4 * allowed


def known_rows(output: np.ndarray) -> np.ndarray:
    """The rows that some fold held out, by position: those whose outputs (n, K) are no NaN."""
    return np.flatnonzero(np.isfinite(output).all(axis=1))


def calibration_of(
    sample: Sample, problems: Problems, output: np.ndarray, way: bool | str
) -> Line | Isotonic:
    """What outputs are calibrated by, in this ``way``, learnt from those (n, K) of rows held out,
    NaN where there are none."""
    known = known_rows(output)
    (problem,) = problems(sample.take(known))
    return calibration_by(way, problem, output[known])


def calibrated(curve: Curve, sample: Sample, problems: Problems, way: bool | str) -> Curve:
    """The curve with the losses and scores that calibrated networks have on rows held out, which
    alpha is to be chosen by: the outputs of each fold calibrated in this ``way`` by the rows that
    it learnt from, as far as other folds hold them out. Where rows have times these are earlier
    ones, as far as they are known then, and what none is before stays as it is."""
    points = []
    for folds in curve.folds:
        point = []
        for held_out, rows, known in zip(folds, curve.held_out, curve.learnt):
            others = [
                (other.outputs[apart], place[apart])
                for other, place in zip(folds, curve.held_out)
                if (apart := np.isin(place, known)).any()
            ]
            if not others:
                point.append(held_out)
                continue
            outputs, places = map(np.concatenate, zip(*others))
            (problem,) = problems(sample.take(places))
            moved = calibration_by(way, problem, outputs).of(held_out.outputs)
            (there,) = problems(sample.take(rows))
            loss = there.loss.value(there.rates, moved, there.weights)
            scores = score_values(sample.take(rows), moved, problem.loss)
            point.append(replace(held_out, loss=loss, outputs=moved, scores=scores))
        points.append(point)
    return replace(curve, folds=points)


def _refuse_undefined(scoring: str | None, row: Sequence[HeldOut]) -> None:
    if scoring is not None and any(fold.scores[scoring] is None for fold in row):
        raise FitError(
            f"--scoring {scoring} is undefined in a fold.",
            remedy="Try fewer folds or another --scoring.",
        )
