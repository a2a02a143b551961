"""A model's training, watched: the path to its alpha, and the rounds to its optimum."""

from dataclasses import dataclass, replace

import numpy as np

from wedgefit.data.roles import training_rows
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.fit import Fit
from wedgefit.engine.layers import DeepFit, composed
from wedgefit.engine.solve import solve
from wedgefit.errors import UsageError
from wedgefit.learning.learn import Learner
from wedgefit.learning.path import alpha_grid
from wedgefit.learning.scores import CurvePoint, shown_score
from wedgefit.model.evaluation import sample_of
from wedgefit.model.origin import settings_of
from wedgefit.model.record import Model

# So many networks along the path are shown beside each other.
FRAMES = 6
# The path is drawn down to this fraction of the chosen alpha, where no cross-validation went
# further.
BEYOND = 0.1


@dataclass(frozen=True, eq=False)
class TracedPath:
    """The path of a model's own problem: ``alphas`` (k,) descend, ``sizes`` (k,) counts neurons,
    and of every wedge there is its coefficient at each alpha, (k,).

    ``curve``: the points of the cross-validation that have the score of that name; there are none
    where alpha was given.
    """

    alphas: list[float]
    sizes: list[int]
    coefficients: list[list[float]]
    chosen: float
    score_name: str
    curve: list[CurvePoint]


@dataclass(frozen=True)
class Round:
    """One round of a fit: how many neurons there were, and what was proven of them."""

    number: int
    neurons: int
    certificate: Certificate


@dataclass(frozen=True)
class TracedRounds:
    """All rounds of each network, by the class that it is of (None: of all), and the gap to
    reach."""

    tol: float
    networks: list[tuple[str | None, list[Round]]]


@dataclass(frozen=True, eq=False)
class Frame:
    """What there is at one alpha of the path: a network of each class, or one of all outputs."""

    alpha: float
    networks: list[DeepFit]

    @property
    def neurons(self) -> int:
        return sum(network.neurons for network in self.networks)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """The outputs of all networks on X (n, d), (n, K)."""
        return np.hstack([network.predict(X) for network in self.networks])


def frames(model: Model, table: Table, progress) -> list[Frame]:
    """A few networks along the path of the model's own problem, at equal ratios of alpha from
    little below alpha_max, where there is none, down to the model's own.

    Raises UsageError for models that are no map of two columns.
    """
    inputs = {column.name for column in model.encoding.inputs}
    numbers = {part.name for part in model.encoding.features if part.kind == "number"}
    several = len(model.outputs) > 1 and model.encoding.target.classes is None
    if len(inputs) != 2 or not inputs <= numbers or several:
        raise UsageError(
            "--kind frames shows maps of one target by two columns of numbers.",
            remedy="Try --kind path.",
        )
    learner = _learner(model, table, progress)
    own, largest = model.problem.alpha, learner.alpha_max
    alphas = np.geomspace(largest, own, FRAMES + 1)[1:].tolist() if own < largest else [own]
    walk, found = learner.walk(), []
    for position, alpha in enumerate(alphas):
        progress.advance("path", position, len(alphas), f"alpha {alpha:.3g}")
        found.append(Frame(alpha, [composed(stages) for stages in walk.step(alpha)]))
    return found


def path(model: Model, table: Table, progress) -> TracedPath:
    """The coefficient of every wedge along the path of the model's own problem, and the scores that
    chose its alpha."""
    learner = _learner(model, table, progress)
    curve, chosen = model.score.curve or (), model.problem.alpha
    last = min([point.alpha for point in curve] + [chosen]) * (1 - 1e-9 if curve else BEYOND)
    alphas = [alpha for alpha in alpha_grid(learner.alpha_max).tolist() if alpha >= last]
    walk = learner.walk()
    found: dict[tuple, list[float]] = {}
    sizes = []
    for position, alpha in enumerate(alphas):
        progress.advance("path", position, len(alphas), f"alpha {alpha:.3g}")
        fits = [stages[-1].fit for stages in walk.step(alpha)]
        sizes.append(sum(len(fit.wedges) for fit in fits))
        for network, fit in enumerate(fits):
            _note_coefficients(found, network, fit, position, len(alphas))
    selection = model.score.selection
    scoring = None if selection is None else selection.scoring
    name = shown_score(scoring, model.encoding.target.task, learner.loss.name)
    scored = [point for point in curve if point.scores[name]]
    return TracedPath(alphas, sizes, list(found.values()), chosen, name, scored)


def _note_coefficients(found: dict, network: int, fit: Fit, position: int, length: int) -> None:
    """Enter the coefficients of one fit; a wedge is known by its columns, its samples and the side
    that it rises on."""
    for k, z in enumerate(fit.coefficients):
        side = np.sign(fit.wedges.normals[k][np.abs(fit.wedges.normals[k]).argmax()])
        for target, value in enumerate(z):
            key = network, target, tuple(fit.wedges.columns[k]), tuple(fit.wedges.samples[k]), side
            found.setdefault(key, [0.0] * length)[position] = float(value)


def rounds(model: Model, table: Table, progress) -> TracedRounds:
    """Objective, lower bound and gap in every round of the fit at the model's alpha."""
    learner = _learner(model, table, progress)
    outputs = model.outputs if len(learner.problems) > 1 else [None]
    networks = []
    for problem, pricer, output in zip(learner.problems, learner.pricers, outputs):
        seen: list[Round] = []

        def note(number: int, fit: Fit, certificate: Certificate, seen=seen) -> None:
            seen.append(Round(number, len(fit.wedges), certificate))
            progress.advance("fit", number, None, f"gap {certificate.relative_gap:.1e}")

        here = replace(problem, alpha=model.problem.alpha)
        solve(here, pricer, tol=learner.tol, exact=learner.exact, on_round=note)
        networks.append((output, seen))
    return TracedRounds(learner.tol, networks)


def _learner(model: Model, table: Table, progress) -> Learner:
    """What learns from these rows as the model did."""
    data = model.data
    if model.depth > 1:
        raise UsageError(
            "paths and rounds are drawn of networks with one hidden layer.",
            remedy="Try --kind importance.",
        )
    names = model.encoding.target.names
    rows, _ = training_rows(table, names, data.weight, bool(data.rows_left_out))
    sample = sample_of(model, rows, data.weight)
    return Learner(sample, settings_of(model), progress.note)
