"""Is a model the only answer? Whether its training problem has one optimum, or what all optima give
every column."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.data.table import Table
from wedgefit.engine.alternatives import CURVATURES, Alternatives, alternatives
from wedgefit.errors import UsageError
from wedgefit.learning.learn import Learner
from wedgefit.model.figures import networks_of
from wedgefit.model.origin import learner_of, rows_trained_on, sample_trained_on
from wedgefit.model.record import Model

# Making every wedge and looking at it on every row: about a minute of one core.
MOST_LOOKS = 2_000_000_000


@dataclass(frozen=True)
class Share:
    """The part of the penalty that wedges reading a column have in this model, and the least and
    the largest part over all optima. A wedge of two columns counts for both."""

    column: str
    share: float
    least: float
    most: float


@dataclass(frozen=True)
class Uniqueness:
    """Whether the optimum is ``unique`` (wedges that say the same on the rows counted as one): yes,
    proven; no, another one exists; None where neither is shown. ``candidates``: so many wedges may
    be used by an optimum, of which this model has ``neurons``."""

    unique: bool | None
    candidates: int
    neurons: int
    shares: tuple[Share, ...]


def check(model: Model) -> None:
    """Raises UsageError for models whose optima are not looked at."""
    problem = model.problem
    for holds, what in (
        (model.depth > 1, "more than one hidden layer"),
        (problem.refined, "neurons that are no wedges"),
        (bool(problem.shapes), "a shape"),
        (problem.loss not in CURVATURES, f"the {problem.loss} loss"),
        (len(model.outputs) > 1 and model.data.classes is None, "several targets"),
    ):
        if holds:
            remedy = "Leave it out"
            if problem.loss == "softmax":
                remedy += ", or train with --loss logistic, a network for each class"
            raise UsageError(f"--unique is not for models with {what}.", remedy=f"{remedy}.")


def uniqueness(model: Model, table: Table, jobs: int | None) -> Uniqueness:
    """Look at every wedge on the rows that the model was trained on. Raises UsageError where they
    are too many."""
    check(model)
    rows = rows_trained_on(model, table)
    sample = sample_trained_on(model, rows)
    learner = learner_of(model, sample, jobs)
    dictionary = learner.pricers[0].dictionary
    if (looks := dictionary.size * len(sample.y)) > MOST_LOOKS:
        raise UsageError(
            f"--unique looks at every wedge on every row, {looks:,} times: too many.",
            remedy="Leave it out, or train with a smaller --order.",
        )
    names = [column.name for column in model.encoding.inputs]
    features = model.encoding.features
    groups = [[j for j, f in enumerate(features) if f.source == name] for name in names]
    found, sizes = zip(*_of_networks(model, rows, learner, groups))
    # Every network has its own optima: their shares of all coefficients add up.
    parts = np.array(sizes) / (sum(sizes) or 1.0)
    now, least, most = (
        sum(part * getattr(each, name) for part, each in zip(parts, found))
        for name in ("now", "least", "most")
    )
    answers = [each.unique for each in found]
    return Uniqueness(
        False if False in answers else None if None in answers else True,
        sum(each.candidates for each in found),
        len(model.neurons),
        tuple(
            Share(name, float(a), float(b), float(c))
            for name, a, b, c in zip(names, now, least, most)
        ),
    )


def _of_networks(
    model: Model, rows: Table, learner: Learner, groups: list[list[int]]
) -> Iterator[tuple[Alternatives, float]]:
    """All optima of every network by groups of columns, and the size of its coefficients."""
    row_of = {row: position for position, row in enumerate(rows.row_ids)}
    X = learner.sample.X
    parts = zip(networks_of(model, row_of), learner.problems, learner.pricers)
    for network, problem, pricer in parts:
        here = replace(problem, alpha=model.problem.alpha)
        wedges = network.wedges(1, pricer.dictionary.room, X.shape[1])
        fit = network.certified(1, here, wedges, X)
        point = here.dual_point(fit.combined)
        largest = pricer.price(point, here.alpha, fit.wedges, every_pencil=True).bound
        optima = alternatives(here, pricer.dictionary, fit, largest, groups)
        yield optima, float(np.abs(fit.coefficients).sum())
