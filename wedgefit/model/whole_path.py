"""The whole path of alpha on all rows, beside the scores of the folds: the record behind ``wedgefit
path``."""

import time
from dataclasses import dataclass

import numpy as np

from wedgefit import __version__
from wedgefit.data.table import Table
from wedgefit.engine.certificate import total
from wedgefit.engine.layers import Stage, composed
from wedgefit.errors import UsageError
from wedgefit.learning.scores import MeanAndError, shown_score
from wedgefit.learning.settings import Options
from wedgefit.model.notes import curve_notes
from wedgefit.model.parts import Data, ProblemRecord
from wedgefit.model.training import Training, with_columns_chosen
from wedgefit.records import plain


@dataclass(frozen=True)
class PathPoint:
    """The networks at one alpha, together; ``cv`` is the score that is shown, over the folds."""

    alpha: float
    alpha_ratio: float
    neurons: int
    samples: int
    objective: float
    relative_gap: float
    scope: str
    cv: MeanAndError | None


@dataclass(frozen=True)
class Chosen:
    """The alpha that each rule would choose."""

    best: float
    one_standard_error: float


@dataclass(frozen=True)
class WholePath:
    """Every alpha of the path; ``problem`` is the same at all of them but for alpha."""

    data: Data
    problem: ProblemRecord
    score_name: str
    points: tuple[PathPoint, ...]
    chosen: Chosen
    notes: tuple[str, ...]
    seconds: float

    def report(self) -> dict:
        """The JSON of ``path --json``."""
        problem = plain(self.problem)
        del problem["alpha"]
        return {
            "schema": "wedgefit.path/1",
            "data": plain(self.data),
            "problem": problem,
            "score_name": self.score_name,
            "points": plain(self.points),
            "chosen": {"best": self.chosen.best, "1se": self.chosen.one_standard_error},
            "notes": list(self.notes),
            "seconds": {"total": self.seconds},
            "version": __version__,
        }


def path(table: Table, options: Options, progress) -> WholePath:
    """The whole path on all rows, beside the cross-validated scores."""
    if options.layers == "auto":
        raise UsageError(
            "a path has one number of layers.",
            remedy="Give it with --layers, or use wedgefit train --layers auto.",
        )
    clock = time.perf_counter()
    training, (_, curve) = with_columns_chosen(
        Training(table, options, progress),
        table,
        lambda learner, _: (
            options.layers,
            learner.cross_validated(progress.advance, options.layers, rules=("best", "1se")),
        ),
    )
    learner = training.learner
    name = shown_score(options.scoring, training.design.task, learner.loss.name)
    points, walk = [], learner.walk(options.layers)
    for position, alpha in enumerate(curve.alphas.tolist()):
        progress.advance("path", position, len(curve.alphas), f"alpha {alpha:.3g}")
        networks = walk.step(alpha, learner.deadline)
        points.append(_point(alpha, learner.alpha_max, networks, curve.summary(position)[name]))
    best, one_standard_error = (float(curve.alphas[curve.chosen(rule)]) for rule in ("best", "1se"))
    return WholePath(
        data=training.data(),
        problem=training.problem(0.0, options.layers - 1),
        score_name=name,
        points=tuple(points),
        chosen=Chosen(best, one_standard_error),
        notes=(*training.notes(), *curve_notes(curve)),
        seconds=time.perf_counter() - clock,
    )


def _point(
    alpha: float, alpha_max: float, networks: list[tuple[Stage, ...]], cv: MeanAndError | None
) -> PathPoint:
    deep = [composed(stages) for stages in networks]
    samples = np.concatenate(
        [wedges.samples.ravel() for network in deep for wedges in network.layers]
    )
    certificate = total([stages[-1].solution.certificate for stages in networks])
    return PathPoint(
        alpha=alpha,
        alpha_ratio=alpha / alpha_max,
        neurons=sum(network.neurons for network in deep),
        samples=len(np.unique(samples[samples >= 0])),
        objective=certificate.objective,
        relative_gap=certificate.relative_gap,
        scope=certificate.scope,
        cv=cv,
    )
