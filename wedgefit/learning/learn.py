"""From a design to certified networks: the choice of alpha, then one solution per network. What
train and estimators share."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.engine.certificate import Certificate, total
from wedgefit.engine.dictionary import order_of, range_dispersion
from wedgefit.engine.fit import Fit
from wedgefit.engine.layers import DeepFit, Stage, composed, orders_in_stage
from wedgefit.engine.pencil import ROUNDS_OF_A_PATH
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve_written_out
from wedgefit.engine.wedge import Hyperplanes
from wedgefit.errors import FitError
from wedgefit.learning.best_pairs import best_pairs
from wedgefit.learning.calibrating import Isotonic, Line
from wedgefit.learning.checks import check_settings
from wedgefit.learning.curve import Curve
from wedgefit.learning.out_of_fold import (
    FoldNetworks,
    OutOfFold,
    calibrated,
    out_of_fold,
    threshold_of,
)
from wedgefit.learning.path import (
    FOLD_TOL,
    Advance,
    AlphaPath,
    Stages,
    Walk,
    alpha_grid,
    finished,
    gap_wanted,
    neurons_of,
    pace_for,
)
from wedgefit.learning.policy import Means, Policy, default_order
from wedgefit.learning.problems import loss_for, problems_of
from wedgefit.learning.refusals import is_rounding, no_wedge_helps, refuse_next_to_nothing
from wedgefit.learning.select import cross_validate
from wedgefit.learning.settings import Settings, learn_from_folds
from wedgefit.learning.side_by_side import goes_side_by_side
from wedgefit.learning.splits import folds_walked
from wedgefit.learning.threshold import Threshold
from wedgefit.watch import Deadline

# The whole dictionary is written out only up to this much memory (bytes).
WRITTEN_OUT_UP_TO = 4e9

# The number of layers, and the curve that alpha is chosen on, None where it is given.
Selected = tuple[int, Curve | None]


@dataclass(frozen=True, eq=False)
class Learned:
    """What learning gives: the stages of every network, one per hidden layer, and the networks to
    predict with.

    ``fits`` are the last two layers of each network: those of its last stage, refitted if that was
    asked for. ``curve``: the cross-validation that chose ``alpha``, which stands at its
    ``position``; without cross-validation both are None. ``held_out``: the outputs for rows that
    folds held out, where that was asked for (``Curve.outputs``). ``threshold``: where yes begins,
    None where nobody said. ``calibration``: what outputs are calibrated by, a line being that which
    the outputs of ``fits`` are on.
    ``folds``: where folds were run, of each the rows that it learnt from and its networks at this
    alpha (``Curve.networks``).
    """

    alpha: float
    networks: list[Stages]
    fits: list[Fit]
    curve: Curve | None
    position: int | None
    seconds: dict[str, float]
    held_out: np.ndarray | None = None
    threshold: Threshold | None = None
    calibration: Line | Isotonic | None = None
    folds: FoldNetworks = ()

    @property
    def deep_fits(self) -> list[DeepFit]:
        """Every network with all its layers."""
        return [composed(stages, fit) for stages, fit in zip(self.networks, self.fits)]

    @property
    def depth(self) -> int:
        """How many hidden layers there are; a network that is a constant has less."""
        return max(map(len, self.networks))

    @property
    def certificate(self) -> Certificate:
        """The certificate of all networks together, each that of its last stage: objectives and
        bounds added up."""
        parts = [stages[-1].solution.certificate for stages in self.networks]
        return parts[0] if len(parts) == 1 else total(parts)


class Learner:
    """One sample under one set of settings: its problems, dictionary, pricers and alpha_max.

    ``note`` hears sentences that the user should read before a long wait. Raises UsageError for
    settings that contradict each other, FitError where nothing can be learnt.
    """

    def __init__(
        self,
        sample: Sample,
        settings: Settings,
        note: Callable[[str], None],
        deadline: Deadline | None = None,
        roughly: bool = False,
    ):
        """``roughly``: alpha_max need not be proven, where alpha is given and nobody is told it."""
        self.settings = settings
        self.deadline = deadline or Deadline(settings.max_seconds)
        check_settings(settings, sample)
        self.loss = loss_for(sample, settings)
        self.order, self.notes = settings.order, []
        if self.order is None:
            self.order, self.notes = default_order(sample, settings)
        for words in self.notes:
            note(words)
        self.policy = Policy(settings, self.order, note)
        self.problems_of = partial(problems_of, loss=self.loss, settings=settings)
        self.problems = self.problems_of(sample)
        means = Means(cluster=settings.cluster)
        self.sample = sample = self._with_its_pairs(
            sample, self.problems, means, self.deadline.share(4)
        )
        # Refuses an order that is wider than the rows; those of a fold may have fewer columns.
        orders_in_stage(self.order, settings.norm, sample.X.shape[1], 1)
        self.pricers = self.policy.pricers(sample, len(self.problems), means)
        self.exact = self.policy.exact(self.pricers[0])
        proven = self.exact and not roughly
        self.alpha_max = max(
            largest_alpha(problem, self.pricers[0], exact=proven) for problem in self.problems
        )
        if is_rounding(self.alpha_max, self.problems, sample.X, settings.bias):
            raise no_wedge_helps(sample, settings, self.order)
        if self._given_alpha is not None:
            refuse_next_to_nothing(self._given_alpha, self.alpha_max)

    def _with_its_pairs(
        self, sample: Sample, problems: list[Problem], means: Means, deadline: Deadline
    ) -> Sample:
        """The sample with the pairs of columns that these very rows choose, where there may only be
        so many."""
        most = self.settings.max_pairs
        if most is None:
            return sample
        pricers = self.policy.pricers(sample, len(problems), means)
        largest = max(largest_alpha(problem, pricers[0], exact=False) for problem in problems)
        if is_rounding(largest, problems, sample.X, self.settings.bias):
            return replace(sample, pairs=())
        walk = Walk(sample.X, problems, pricers, tol=FOLD_TOL)
        return replace(sample, pairs=best_pairs(sample, walk, largest, most, deadline))

    def order_of_layers(self, depth: int) -> int | str | list[int | str]:
        """The order for the record: one where all of so many hidden layers have the same, else a
        list."""
        orders = [order_of(self.order, layer) for layer in range(1, depth + 1)]
        return orders[0] if len(set(orders)) == 1 else orders

    @property
    def tol(self) -> float:
        """The relative gap to reach."""
        return gap_wanted(self.settings.tol, self.sample.X.size)

    @property
    def dispersion(self) -> float | None:
        """The range dispersion where it bounds the gap between wedges and all networks: the plane,
        no biases, norm 2."""
        bounds = self.sample.X.shape[1] == 2 and not self.settings.bias and self.settings.norm == 2
        return range_dispersion(self.sample.X) if bounds else None

    def cross_validated(
        self,
        advance: Advance,
        layers: int,
        deadline: Deadline | None = None,
        alpha: float | None = None,
        rules: tuple[str, ...] | None = None,
    ) -> Curve:
        """The scores of every alpha of the path, or of the one that is given, here or in the
        settings, in networks of so many layers; looked at closely where these ``rules`` choose, if
        not by that of the settings."""
        # One standard error above the best is known as well as the best is.
        own = ("best",) if self.settings.rule == "best" else ("best", "1se")
        pace = pace_for(self.sample.X.size)
        alpha = self._given_alpha if alpha is None else alpha
        alphas = alpha_grid(self.alpha_max, pace.per_decade) if alpha is None else np.array([alpha])
        return cross_validate(
            self.sample,
            self.settings,
            AlphaPath(alphas, self.alpha_max, pace, rules or own),
            self.loss,
            self.problems_of,
            partial(self._fold_walk, layers=layers, tol=pace.fold_tol),
            advance=advance,
            deadline=deadline or Deadline(),
        )

    def _fold_walk(
        self, learn: Sample, problems: list[Problem], *, layers: int, tol: float
    ) -> Walk:
        """The walk of one fold. All folds walk side by side, so each keeps its share of the
        sorts."""
        share = folds_walked(self.settings, self.sample)
        # Folds that take turns on the cores need one each.
        jobs = 1 if share > 1 and goes_side_by_side(self.settings.cores) else None
        means = Means(share=share, jobs=jobs, rounds=ROUNDS_OF_A_PATH)
        learn = self._with_its_pairs(learn, problems, means, Deadline())
        pricers = self.policy.pricers(learn, len(problems), means)
        deeper = [
            partial(self.policy.pricer, stage=stage, means=means) for stage in range(2, layers)
        ]
        alternate = self.settings.alternate
        return Walk(learn.X, problems, pricers, deeper, tol=tol, alternate=alternate)

    def walk(self, layers: int = 2) -> Walk:
        """The walk of all rows, in networks of so many layers."""
        kind = _WrittenOut if self.settings.solver == "full" else Walk
        means = Means(cluster=self.settings.cluster)
        deeper = [
            partial(self.policy.pricer, stage=stage, means=means) for stage in range(2, layers)
        ]
        return kind(
            self.sample.X,
            self.problems,
            self.pricers,
            deeper,
            tol=self.tol,
            exact=lambda pricer: (
                self.exact if pricer in self.pricers else self.policy.exact(pricer)
            ),
            alternate=self.settings.alternate,
        )

    def selected(self, advance: Advance, part: int = 2) -> Selected:
        """The number of layers, and the curve that alpha is chosen on (None where both are given).

        Takes at most a ``part``-th of the time that is left. "auto" adds a layer as long as that
        gains more than a standard error.
        """
        settings = self.settings
        # Of what reading and setting up left: the final fit needs the rest to have any neurons.
        half = self.deadline.share(part)
        layers = 2 if settings.layers == "auto" else settings.layers
        if settings.layers != "auto" and self._given_alpha is not None:
            return layers, None
        curve = self.cross_validated(advance, layers, half)
        position = curve.chosen(settings.rule, settings.max_neurons)
        while settings.layers == "auto" and not half.due():
            deeper = self.cross_validated(advance, layers + 1, half)
            its_position = deeper.chosen(settings.rule, settings.max_neurons)
            if not deeper.improves_on(curve, its_position, position):
                break
            layers, curve, position = layers + 1, deeper, its_position
        return layers, curve

    def _calibrated(self, curve: Curve) -> Curve:
        """The curve of what is predicted in the end."""
        if not self.settings.calibrate:
            return curve
        return calibrated(curve, self.sample, self.problems_of, self.settings.calibrate)

    def solved(
        self, alpha: float, advance: Advance, layers: int, begin: Sequence[Hyperplanes] = ()
    ) -> list[Stages]:
        """The stages of every network at this alpha, as far as the deadline allows; ``begin``: what
        the first layer of each may begin from."""
        walk = self.walk(layers)
        # Networks with a shape are not made of hinges while they are sought.
        if self.sample.shapes is None:
            walk.begin_with(begin)
        return walk.step(alpha, self.deadline, advance)

    def learn(
        self, advance: Advance, held_out: bool = False, selected: Selected | None = None
    ) -> Learned:
        """Choose alpha and the number of layers, unless given or ``selected``, then solve;
        ``held_out``: also say what folds make of the rows that they hold out."""
        clock = time.perf_counter()
        layers, raw = selected or self.selected(advance)
        curve = None if raw is None else self._calibrated(raw)
        chosen = time.perf_counter()
        alpha, position, networks = self._solved_small_enough(curve, layers, advance)
        networks, fits = self._finished(networks)
        needed = learn_from_folds(self.settings)
        told, place = curve, position
        if position is None and (held_out or needed):
            told = self._calibrated(self.cross_validated(advance, layers, alpha=alpha))
            place = 0
        found = None if place is None else self._out_of_fold(told, place)
        outputs = found.outputs(len(self.sample.y)) if held_out or needed else None
        calibration = None if found is None else found.calibration
        if isinstance(calibration, Line):
            fits = [calibration.refitted(fit) for fit in fits]
        # Not where folds are only run to be told of: that must not change the model.
        folds = found.folds if position is not None or needed else ()
        threshold = threshold_of(self.settings.threshold, self.sample, outputs)
        seconds = {"selection": chosen - clock, "fit": time.perf_counter() - chosen}
        return Learned(
            alpha, networks, fits, curve, position, seconds, outputs, threshold, calibration, folds
        )

    def _solved_small_enough(
        self, curve: Curve | None, layers: int, advance: Advance
    ) -> tuple[float, int | None, list[Stages]]:
        """The alpha that is given or chosen on the curve, its position there, and the networks at
        it: with ``max_neurons`` at the next larger alpha at which they have no more."""
        settings, position, begin = self.settings, None, ()
        with self.deadline.watching():
            if curve is None:
                alpha = self._given_alpha
            else:
                position = curve.chosen(settings.rule, settings.max_neurons)
                alpha, begin = float(curve.alphas[position]), curve.hyperplanes(position)
            networks = self.solved(alpha, advance, layers, begin)
            most = settings.max_neurons
            while most is not None and neurons_of(networks) > most:
                position, alpha = _larger(curve, position, alpha)
                networks = self.solved(alpha, advance, layers)
        return alpha, position, networks

    def _finished(self, networks: list[Stages]) -> tuple[list[Stages], list[Fit]]:
        """The stages of every network and its last two layers, as they are handed out."""
        bias, refit, shapes = self.settings.bias, self.settings.refit, self.sample.shapes
        pairs = [
            finished(problem, stages, bias=bias, refit=refit, shapes=shapes)
            for problem, stages in zip(self.problems, networks)
        ]
        return [stages for stages, _ in pairs], [fit for _, fit in pairs]

    def _out_of_fold(self, curve: Curve, position: int) -> OutOfFold:
        way = self.settings.calibrate
        return out_of_fold(curve, position, self.sample, self.problems_of, way)

    @property
    def _given_alpha(self) -> float | None:
        settings = self.settings
        return (
            settings.alpha
            if settings.alpha_ratio is None
            else settings.alpha_ratio * self.alpha_max
        )


class _WrittenOut(Walk):
    """Every network by the whole dictionary, written out and solved at once: for small data, as a
    reference."""

    def _stage(self, alpha: float, k: int, *_) -> Stage:
        size, rows = self.pricers[k].dictionary.size, len(self.X)
        if size * rows * 8 > WRITTEN_OUT_UP_TO:
            raise FitError(
                f"the dictionary has {size:,} wedges, too many to write out for {rows:,} rows.",
                remedy="Leave out --solver full: the working set gives the same optimum.",
            )
        problem = replace(self.problems[k], alpha=alpha)
        return Stage(self.X, solve_written_out(problem, self.pricers[k], tol=self.tol))


def _larger(curve: Curve, position: int | None, alpha: float) -> tuple[int | None, float]:
    """The next larger alpha of the path with its position, None above its first one: where wedges
    were only sampled, alpha_max may leave some neuron, and nothing is known of its scores."""
    if position:
        return position - 1, float(curve.alphas[position - 1])
    return None, alpha * 10 ** (1 / curve.pace.per_decade)
