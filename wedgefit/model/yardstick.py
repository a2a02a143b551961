"""A yardstick for other trainers: how far a network's objective is from the certified optimum for
its own weight decay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np

from wedgefit.data.kinds import LARGEST
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.dictionary import LayerOrder
from wedgefit.engine.loose import loose_lower_bound
from wedgefit.engine.network import Network
from wedgefit.engine.problem import Problem
from wedgefit.engine.schedule import Status
from wedgefit.engine.solve import Solution
from wedgefit.engine.wedge import Wedges
from wedgefit.errors import FitError
from wedgefit.learning.learn import Learner
from wedgefit.learning.scores import score_values
from wedgefit.learning.settings import Settings
from wedgefit.model.foreign import Foreign
from wedgefit.model.foreign_rows import sample_seen, settled
from wedgefit.records import FLAT
from wedgefit.watch import Deadline

SCHEMA = "wedgefit.yardstick/1"
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Objectives:
    """What a network costs as trained, and with each neuron rescaled to equal norms."""

    objective: float
    loss: float
    penalty: float
    rescaled_objective: float


@dataclass(frozen=True)
class Lost:
    """Which part of an objective is lost: so much is proven, and no more than so much."""

    at_least: float
    at_most: float | None


@dataclass(frozen=True)
class Between:
    """The interval that holds the optimum over all networks of a kind; ``loose``: from below by a
    bound that is proven, and not sharp."""

    lower_bound: float | None
    upper_bound: float
    lost: Lost
    loose: bool = False


@dataclass(frozen=True)
class SeenData:
    """The rows, in the columns that the network reads."""

    source: str
    rows: int
    columns: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Posed:
    """The problem that the network is held against."""

    loss: str
    alpha: float
    norm: int
    order: LayerOrder | tuple[LayerOrder, ...]
    hidden_bias: bool
    intercept: bool


@dataclass(frozen=True)
class Measured:
    """The network itself."""

    source: str
    neurons: int
    objectives: Annotated[Objectives, FLAT]
    score: Scores


@dataclass(frozen=True)
class Best:
    """The best network that was found, and what lies between."""

    neurons: int
    score: Scores
    between: Annotated[Between, FLAT]


@dataclass(frozen=True)
class Yardstick:
    """How far a network is from the certified optimum; in the units that it saw."""

    schema: Literal[SCHEMA]
    data: SeenData
    problem: Posed
    network: Measured
    optimum: Best
    certificate: Certificate


def measure(
    foreign: Foreign, table: Table, target: Sequence[str], settings: Settings, progress
) -> Yardstick:
    """The record behind ``wedgefit certify --weights``: the network's objective, the optimum, and
    what lies between.

    ``settings``: alpha, loss (None: those of the file, or by the target) and norm, and how to
    solve. Everything is in the units that the network saw.
    """
    rows = SeenRows(foreign, table, target, settings, progress)
    measured, solution = rows.measured(foreign), rows.optimum(progress, rows.learner.deadline)
    return Yardstick(
        SCHEMA,
        rows.data,
        rows.problem,
        measured,
        rows.best(solution, measured.objectives),
        solution.certificate,
    )


class SeenRows:
    """The rows that a network from elsewhere was trained on, in the units that it saw, and what
    learns from them under its own weight decay."""

    def __init__(
        self,
        foreign: Foreign,
        table: Table,
        target: Sequence[str],
        settings: Settings,
        progress,
    ):
        """``settings`` as for ``measure``."""
        self.foreign = foreign
        sample, encoding = sample_seen(foreign, table, target, settings.loss or foreign.loss)
        settings = settled(foreign, sample, settings)
        self.learner = learner = Learner(sample, settings, progress.note, roughly=True)
        self.posed = replace(learner.problems[0], alpha=settings.alpha)
        names = tuple(foreign.columns or encoding.names)
        self.data = SeenData(table.source, len(sample.y), names, encoding.target.name)
        self.problem = Posed(
            learner.loss.name,
            settings.alpha,
            settings.norm,
            learner.order,
            settings.bias,
            settings.intercept,
        )

    @property
    def X(self) -> np.ndarray:
        """What the network reads, (n, inputs)."""
        return self.learner.sample.X

    def measured(self, network: Foreign) -> Measured:
        """A network of these inputs: what it costs, and its scores. Raises FitError where its
        output overflows."""
        objectives = objectives_of(network.network, self.posed, self.X, self.problem.norm)
        scores = self._scores(network.network.forward(self.X))
        return Measured(network.source, network.units, objectives, scores)

    def optimum(self, progress, deadline: Deadline) -> Solution:
        """The best network that is found, beginning from the neurons of the one from elsewhere; who
        set an end hears where it came first."""
        learner, walk = self.learner, self.learner.walk()
        dictionary = learner.pricers[0].dictionary
        if dictionary.room == dictionary.X.shape[1]:
            walk.working[0].grow(own_neurons(self.foreign, dictionary.norm))
        networks = walk.step(self.problem.alpha, deadline, progress.advance)
        solution = networks[0][-1].solution
        if solution.status is Status.STOPPED:
            progress.note("time was up before the optimum was found and proven as far as it can be")
        return solution

    def best(self, solution: Solution, objectives: Objectives) -> Best:
        """The best network that was found beside one that costs so much."""
        fit = solution.fit
        found = between(self.learner, self.posed, solution, objectives)
        return Best(len(fit.wedges), self._scores(fit.output), found)

    def _scores(self, output: np.ndarray) -> Scores:
        return score_values(self.learner.sample, output, self.learner.loss)


def objectives_of(network: Network, problem: Problem, X: np.ndarray, norm: int) -> Objectives:
    """As trained, and with each neuron rescaled to equal norms, which leaves the function as it is
    (theory, section 1).

    Raises FitError where the network's output overflows.
    """
    (hidden, _), (outer, _) = network.layers
    with np.errstate(over="ignore", invalid="ignore"):
        output = network.forward(X)
    if not np.abs(output).max() < LARGEST:
        remedy = "Are its inputs scaled as for the training (center, scale)?"
        raise FitError("the network's output is too large to compute with.", remedy=remedy)
    outer, bias = network.layers[-1]
    # Not from the output: beside a target far from zero its digits would be lost.
    loss = problem.value(network.activations(X) @ outer, bias)
    penalty = network.penalty(problem.alpha, norm)
    rescaled = problem.alpha * float(
        np.linalg.norm(hidden, ord=norm, axis=0) @ np.linalg.norm(outer, axis=1)
    )
    return Objectives(loss + penalty, loss, penalty, loss + rescaled)


def own_neurons(foreign: Foreign, norm: int) -> Wedges:
    """The network's neurons as unit neurons that pass through no sample; those that read nothing
    are left out."""
    weights, biases = foreign.network.layers[0]
    sizes = np.linalg.norm(weights, ord=norm, axis=0)
    alive = np.flatnonzero(sizes)
    normals = (weights[:, alive] / sizes[alive]).T
    offsets = biases[alive] / sizes[alive]
    width = normals.shape[1]
    return Wedges(
        np.tile(np.arange(width), (len(alive), 1)),
        np.full((len(alive), width), -1),
        normals,
        offsets,
    )


def between(
    learner: Learner, problem: Problem, solution: Solution, objectives: Objectives
) -> Between:
    """The interval that holds the optimum over all networks of this kind, and which part of the
    objective is lost.

    ``upper_bound`` is the objective of a network that exists, so what is lost ``at_least`` is
    proven. A sharp lower bound for *all* networks exists where neurons may read every column and
    the pricing covers them: norm 1 with every order, norm 2 in up to five columns. Else there is a
    loose one with hidden biases and an output bias (norm 1 costs no less than norm 2), or None, and
    with it ``at_most``.
    """
    X, certificate = learner.sample.X, solution.certificate
    every_column = max(learner.pricers[0].dictionary.orders) == X.shape[1]
    lower = certificate.network_lower_bound if every_column else None
    loose = lower is None and learner.settings.bias and problem.intercept
    if loose:
        lower = loose_lower_bound(problem, X, solution.fit.combined, learner.settings.cores)
    upper = min(certificate.objective, objectives.rescaled_objective)
    own = objectives.objective
    at_most = None if lower is None else max(own - lower, 0.0) / own
    return Between(lower, upper, Lost(max(own - upper, 0.0) / own, at_most), loose)
