"""The choice of alpha: every alpha of the path scored on held-out folds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.engine.exchange import load_kernels
from wedgefit.engine.layers import DeepFit, composed
from wedgefit.engine.losses import Loss, Quantiles, predicted
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Hyperplanes
from wedgefit.errors import FitError
from wedgefit.learning.curve import Curve, HeldOut
from wedgefit.learning.kept import kept
from wedgefit.learning.path import Advance, AlphaPath, Walk, constant, finished
from wedgefit.learning.problems import ProblemsOf
from wedgefit.learning.scores import score_values
from wedgefit.learning.settings import Settings
from wedgefit.learning.side_by_side import SideBySide
from wedgefit.learning.splits import checked_splits
from wedgefit.watch import Deadline

# A path ends when a fold has so many neurons for each of its rows, and with these, as soon as the
# error rises: from there on the few alphas left would take longer than all before together. On 90
# curves of nine tables none of them would have been better.
SATURATED = 0.7
CROWDED = 0.4
# Networks of so many neurons are looked at no more once their error has clearly risen: each further
# alpha may take ten times as long as the one before. Smaller ones cost little, and an error can
# rise a little before the first neurons find how columns act together.
COSTLY = 200

WalkFor = Callable[[Sample, list[Problem]], Walk]


class _Fold:
    """One fold: networks of the rows to learn from, along the alphas, and the rows held out."""

    def __init__(
        self,
        rows: np.ndarray,
        learn: Sample,
        test: Sample,
        loss: Loss | Quantiles,
        problems: ProblemsOf,
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
    problems: ProblemsOf,
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
    lowest = 0.0
    for alpha in path.alphas[:: path.pace.stride]:
        curve = walk.look(curve, alpha)
        if curve.has_turned:
            break
        if _is_full(curve, path, walk.fullness, settings):
            lowest = alpha
            break
        if alpha < path.largest and deadline.due():
            return replace(curve, cut_short=True)
    for alpha in curve.passed_over(path.alphas, settings.max_neurons, path.rules):
        if alpha > lowest:
            curve = walk.look(curve, alpha)
    walk.done()
    return curve


def _is_full(curve: Curve, path: AlphaPath, fullness: float, settings: Settings) -> bool:
    """Whether networks are so full that smaller alphas only fit noise, or nearly so, or large, and
    their score has become worse, which it will stay; or as large as they may be."""
    crowded = fullness > SATURATED or (curve.has_risen and fullness > CROWDED)
    past = curve.has_clearly_risen and curve.sizes[-1] > COSTLY
    return crowded or past or curve.sizes[-1] > _most_neurons(path, settings)


def _most_neurons(path: AlphaPath, settings: Settings) -> float:
    """With how many neurons a path ends. None that has more than may be is chosen, but folds are
    solved loosely: how many they have at an alpha hangs on the way that led there, too."""
    allowed = settings.max_neurons
    return path.pace.most_neurons if allowed is None else 4 * allowed


def _refuse_undefined(scoring: str | None, row: Sequence[HeldOut]) -> None:
    if scoring is not None and any(fold.scores[scoring] is None for fold in row):
        raise FitError(
            f"--scoring {scoring} is undefined in a fold.",
            remedy="Try fewer folds or another --scoring.",
        )
