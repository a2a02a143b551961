"""The whole path of alpha on all rows, beside the scores of the folds: the record behind ``wedgefit
path``."""

import time

import numpy as np

from wedgefit import __version__
from wedgefit.data.table import Table
from wedgefit.engine.certificate import total
from wedgefit.engine.layers import Stage, composed
from wedgefit.errors import UsageError
from wedgefit.learning.scores import shown_score
from wedgefit.learning.settings import Options
from wedgefit.model.build import Training
from wedgefit.model.notes import curve_notes
from wedgefit.records import plain


def path(table: Table, options: Options, progress) -> dict:
    """The whole path on all rows, beside the cross-validated scores: the record behind ``wedgefit
    path``."""
    if options.layers == "auto":
        raise UsageError(
            "a path has one number of layers.",
            remedy="Give it with --layers, or use wedgefit train --layers auto.",
        )
    clock = time.perf_counter()
    training = Training(table, options, progress)
    learner = training.learner
    with training.named():
        curve = learner.cross_validated(progress.advance, options.layers)
    points, walk = [], learner.walk(options.layers)
    for position, alpha in enumerate(curve.alphas):
        progress.advance("path", position, len(curve.alphas), f"alpha {alpha:.3g}")
        networks = walk.step(float(alpha), learner.deadline)
        points.append(_point(training, float(alpha), networks, curve.summary(position)))
    name = shown_score(options.scoring, training.design.task, learner.loss.name)
    problem = plain(training.problem(0.0, options.layers - 1))
    del problem["alpha"]
    return {
        "schema": "wedgefit.path/1",
        "data": plain(training.data()),
        "problem": problem,
        "score_name": name,
        "points": [point | {"cv": point["cv"][name]} for point in points],
        "chosen": {rule: float(curve.alphas[curve.chosen(rule)]) for rule in ("best", "1se")},
        "notes": training.notes() + curve_notes(curve),
        "seconds": {"total": time.perf_counter() - clock},
        "version": __version__,
    }


def _point(training: Training, alpha: float, networks: list[tuple[Stage, ...]], cv: dict) -> dict:
    deep = [composed(stages) for stages in networks]
    samples = np.concatenate(
        [wedges.samples.ravel() for network in deep for wedges in network.layers]
    )
    certificate = total([stages[-1].solution.certificate for stages in networks])
    return {
        "alpha": alpha,
        "alpha_ratio": alpha / training.learner.alpha_max,
        "neurons": sum(network.neurons for network in deep),
        "samples": len(np.unique(samples[samples >= 0])),
        "objective": certificate.objective,
        "relative_gap": certificate.relative_gap,
        "scope": certificate.scope,
        "cv": cv,
    }
