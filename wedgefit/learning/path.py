"""The walk down the path of alpha: one for folds, fits, paths and pictures."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.engine.alternation import alternated
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.chains import are_chains, solve_all_layers
from wedgefit.engine.fit import Fit
from wedgefit.engine.layers import DeepFit, PricerFor, Stage, composed, solve_stage
from wedgefit.engine.plainer import readable
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import OnRound, refitted
from wedgefit.engine.wedge import Hyperplanes, Wedges
from wedgefit.engine.working_set import working_set
from wedgefit.learning.settings import TOL, TOL_OF_LARGE
from wedgefit.watch import Deadline

# The path: this many alphas per factor of ten, down to this fraction of alpha_max.
PER_DECADE = 8
SMALLEST_RATIO = 1e-5
# Folds are solved to this relative gap, on sampled pencils. Against 1e-3 no score of seven tables
# moved by more than 6e-4, and the alphas chosen were the same in six; neighbouring alphas differ by
# more.
FOLD_TOL = 1e-2
# From this many rows × columns on a fold takes minutes, and paths are walked coarsely.
LARGE = 100_000

# Hears of a stage of the work: its name, how much is done, of how much, in words, and which part of
# its work that is.
Advance = Callable[[str, int | None, int | None, str, float], None]
# The stages of one network, one for each hidden layer.
Stages = tuple[Stage, ...]


@dataclass(frozen=True)
class Pace:
    """How a path is walked: alphas per factor of ten; which of them are looked at on the way down,
    every ``stride``-th; relative gap of the folds; how many of those past the last gain; and beyond
    how many neurons no further."""

    per_decade: int = PER_DECADE
    stride: int = 2
    fold_tol: float = FOLD_TOL
    patience: int = 4
    most_neurons: float = np.inf


# Every second alpha, and one whole factor of ten past the last gain, since the scores of order 2
# can dip twice; then the alphas beside the best. On 15 paths of three tables that found the same
# best alpha as all alphas did, and the same within a standard error of it.
FINE = Pace()
# Beyond so many neurons one more alpha takes as long as all before, and nobody reads the network.
# Neighbouring alphas differ by much more than what a gap of 3e-2 leaves, in half the time.
COARSE = Pace(per_decade=4, stride=1, fold_tol=3e-2, patience=1, most_neurons=800)


def pace_for(cells: int) -> Pace:
    """The pace for a design of so many rows × columns; who walks coarsely must say so."""
    return COARSE if cells >= LARGE else FINE


def gap_wanted(tol: float | str, cells: int) -> float:
    """The relative gap that a fit to a design of so many rows × columns is to reach."""
    if isinstance(tol, str):
        return TOL_OF_LARGE if cells >= LARGE else TOL
    return tol


def alpha_grid(largest: float, per_decade: int = PER_DECADE) -> np.ndarray:
    """The path's alphas: geometric, from alpha_max down, where there is no neuron yet."""
    count = int(round(-np.log10(SMALLEST_RATIO) * per_decade))
    return largest * 10.0 ** (-np.arange(count + 1) / per_decade)


@dataclass(frozen=True, eq=False)
class AlphaPath:
    """The alphas (k,) that are looked at, descending, and how they are walked. From ``largest`` on,
    alpha_max, there is no neuron. Beside the alphas that these ``rules`` choose none is passed
    over."""

    alphas: np.ndarray
    largest: float
    pace: Pace = FINE
    rules: tuple[str, ...] = ("best", "1se")


@dataclass(frozen=True)
class _Watch:
    """When a stage ends, and who hears of its rounds."""

    deadline: Deadline
    on_round: OnRound


class Walk:
    """All networks of one sample, along the alphas.

    The first hidden layer starts from where it was at the alpha before, each further one from the
    layer below. All networks get their first hidden layer, then all their second, and so on until a
    deadline is due, so that they are equally deep; only one that is a constant has nothing to go on
    from.
    """

    def __init__(
        self,
        X: np.ndarray,
        problems: Sequence[Problem],
        pricers: Sequence[Pricer],
        deeper: Sequence[PricerFor] = (),
        *,
        tol: float,
        exact: Callable[[Pricer], bool] = lambda pricer: False,
        alternate: int = 0,
    ):
        """``pricers``: of X, one per problem. ``deeper``: for every further hidden layer what makes
        the pricer of the matrix it reads. ``exact``: whether a stage must price every wedge of its
        dictionary before it ends. ``alternate``: how often each may ask the one below for more."""
        self.X, self.problems, self.pricers, self.deeper = X, problems, pricers, deeper
        self.tol, self.exact, self.alternate = tol, exact, alternate
        self.working = [
            working_set(pricer.dictionary, problem) for pricer, problem in zip(pricers, problems)
        ]

    def begin_with(self, hyperplanes: Sequence[Hyperplanes]) -> None:
        """Let the first hidden layers begin from these, (networks,), which spares rounds where each
        looks at a part of all wedges."""
        for working, pricer, found in zip(self.working, self.pricers, hyperplanes):
            if not pricer.full_rounds_only:
                working.grow(working.unseen(pricer.dictionary.through(found)))

    def step(
        self,
        alpha: float,
        deadline: Deadline | None = None,
        advance: Advance = lambda *_: None,
    ) -> list[Stages]:
        """The stages of every network at this alpha."""
        deadline = deadline or Deadline()
        networks: list[Stages] = [()] * len(self.problems)
        for layer in range(1, len(self.deeper) + 2):
            if layer > 1 and deadline.due():
                break
            for k in range(len(networks)):
                if layer > 1 and not len(networks[k][-1].fit.wedges):
                    continue
                left = (len(self.deeper) + 2 - layer) * len(networks) - k
                place = (k, len(networks)), (layer, len(self.deeper) + 1)
                slower = layer == 1 and self.pricers[k].by_patches
                heard = _round_reporter(advance, *place, self.tol, slower)
                watch = _Watch(deadline.share(left), heard)
                if layer == 2 and self._makes_chains(k, networks[k][0]):
                    networks[k] = self._both_layers(alpha, k, networks[k][0], watch)
                else:
                    stage = self._stage(alpha, k, networks[k], watch)
                    networks[k] = self._alternated(alpha, k, (*networks[k], stage), watch)
        return networks

    def _makes_chains(self, k: int, below: Stage) -> bool:
        """Whether the best two hidden layers of network k can be found together."""
        dictionary = self.deeper[0](below.activations).dictionary
        return are_chains(self.X, self.problems[k], dictionary.bias, dictionary.orders)

    def _both_layers(self, alpha: float, k: int, below: Stage, watch: _Watch) -> Stages:
        """The first two stages of network k, so that both layers together are the best."""
        return solve_all_layers(
            replace(self.problems[k], alpha=alpha),
            below,
            lambda stage: self._stage(alpha, k, (stage,), watch),
            tol=self.tol,
            deadline=watch.deadline,
        )

    def _alternated(self, alpha: float, k: int, stages: Stages, watch: _Watch) -> Stages:
        """The stages of network k after the last one has asked the one below for more neurons."""
        *lower, below, last = stages if len(stages) > 1 else (None, *stages)
        if below is None or not self.alternate:
            return stages
        deeper = self.deeper[len(lower) - 1](below.X) if lower else self.pricers[k].sibling()
        return *lower, *alternated(
            replace(self.problems[k], alpha=alpha),
            below,
            last,
            deeper,
            lambda stage, begin: self._stage(alpha, k, (*lower, stage), watch, begin),
            turns=self.alternate,
            tol=self.tol,
            deadline=watch.deadline,
        )

    def _stage(
        self, alpha: float, k: int, below: Stages, watch: _Watch, begin: Fit | None = None
    ) -> Stage:
        """The next stage of network k, above those ``below``, from ``begin`` on where that is
        given."""
        pricer = self.deeper[len(below) - 1](below[-1].activations) if below else self.pricers[k]
        return solve_stage(
            replace(self.problems[k], alpha=alpha),
            self.X,
            lambda X: pricer,
            below[-1] if below else None,
            begin,
            None if below else self.working[k],
            tol=self.tol,
            exact=self.exact(pricer),
            deadline=watch.deadline,
            on_round=watch.on_round,
        )

    @property
    def fullness(self) -> float:
        """How many neurons the fullest network has for each row."""
        return max(
            working.neurons / len(problem.y)
            for working, problem in zip(self.working, self.problems)
        )


def finished(
    problem: Problem,
    stages: Stages,
    *,
    bias: bool,
    refit: bool,
    shapes: np.ndarray | None = None,
) -> tuple[Stages, Fit]:
    """The network as it is handed out: its stages, the last one easy to read where hidden neurons
    have biases, and the fit to predict with, refitted without a penalty if asked for.

    On other rows a readable network may go on in another direction, so folds score finished ones
    too. The stages below have handed on both faces anyway. With ``shapes`` (d, 2) it has them
    there, too.
    """
    *below, last = stages
    if bias:
        bent = None if shapes is None else shapes[:, 1] != 0
        plain = readable(last.X, problem, last.fit, bent)
        last = Stage(last.X, replace(last.solution, fit=plain))
    fit = refitted(last.X, problem, last.fit) if refit else last.fit
    return (*below, last), fit


def constant(problem: Problem, width: int) -> DeepFit:
    """The best network without neurons, on so many columns."""
    nothing = np.zeros_like(problem.y)
    coefficients = np.empty((0, problem.targets))
    return DeepFit((Wedges.none(width, 1),), coefficients, problem.shift(nothing))


def neurons_of(networks: Sequence[Stages]) -> int:
    """How many neurons the networks have together, in all layers."""
    return sum(composed(stages).neurons for stages in networks)


def _round_reporter(
    advance: Advance, network: tuple[int, int], layer: tuple[int, int], tol: float, slower: bool
):
    """Tells of every round: where the fit stands, and how fast wedges are priced. How far it is,
    the digits of the gap tell: they come about evenly, or each ``slower`` than the one before."""
    which = "" if network[1] == 1 else f"network {network[0] + 1} of {network[1]}: "
    which += "" if layer[1] == 1 else f"hidden layer {layer[0]} of {layer[1]}: "
    clock = time.monotonic()
    place, places = network[0] + (layer[0] - 1) * network[1], network[1] * layer[1]
    proves = False

    def part_behind(certificate: Certificate) -> float:
        nonlocal proves
        proves = proves or certificate.scope == "exact"
        if proves and certificate.scope != "exact":
            # A gap among the wedges that were looked at is no digit of a proof.
            return float(place / places)
        gap = min(max(certificate.relative_gap, tol), 1.0)
        digits = np.log(gap) / np.log(tol) if tol < 1 else 0.0
        return (place + digits ** (2 if slower else 1)) / places

    def report(round_: int, fit: Fit, certificate: Certificate) -> None:
        nonlocal clock
        before, clock = clock, time.monotonic()
        rate = certificate.wedges_priced / max(clock - before, 1e-9)
        figures = (
            f"{len(fit.wedges)} neurons",
            f"objective {certificate.objective:.6g}",
            f"gap {certificate.relative_gap:.1e}",
            f"{rate:.1e} wedges/s",
        )
        advance("fit", round_, None, which + ", ".join(figures), part_behind(certificate))

    return report
