"""A model's training, watched: the path to its alpha, and the rounds to its optimum. The records
behind two pictures."""

from dataclasses import asdict, replace

import numpy as np

from wedgefit.data.roles import training_rows
from wedgefit.data.table import Table
from wedgefit.engine.fit import Fit
from wedgefit.engine.solve import solve
from wedgefit.errors import UsageError
from wedgefit.learning.learn import Learner
from wedgefit.learning.path import alpha_grid
from wedgefit.learning.scores import shown_score
from wedgefit.model.evaluation import sample_of
from wedgefit.model.origin import settings_of
from wedgefit.model.record import Model

# The path is drawn down to this fraction of the chosen alpha, where no cross-validation went
# further.
BEYOND = 0.1


def path(model: Model, table: Table, progress) -> dict:
    """The coefficient of every wedge along the path of the model's own problem, and the scores that
    chose its alpha.

    ``alphas`` (k) descend, ``sizes`` (k) counts neurons; each of the ``neurons`` has ``columns``,
    ``samples`` and ``coefficients`` (k). ``scores``: alpha, mean and se of the cross-validation,
    None where there was none.
    """
    learner = _learner(model, table, progress)
    curve, chosen = model.score.curve, model.problem.alpha
    last = min([point.alpha for point in curve or ()] + [chosen]) * (1 - 1e-9 if curve else BEYOND)
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
    return {
        "schema": "wedgefit.trace.path/1",
        "alphas": alphas,
        "sizes": sizes,
        "neurons": [{"network": key[0], "coefficients": values} for key, values in found.items()],
        "chosen": chosen,
        "score_name": name,
        "scores": None
        if not curve
        else [
            {"alpha": point.alpha, **asdict(point.scores[name])}
            for point in curve
            if point.scores[name]
        ],
    }


def _note_coefficients(found: dict, network: int, fit: Fit, position: int, length: int) -> None:
    """Enter the coefficients of one fit; a wedge is known by its columns, its samples and the side
    that it rises on."""
    for k, z in enumerate(fit.coefficients):
        side = np.sign(fit.wedges.normals[k][np.abs(fit.wedges.normals[k]).argmax()])
        for target, value in enumerate(z):
            key = network, target, tuple(fit.wedges.columns[k]), tuple(fit.wedges.samples[k]), side
            found.setdefault(key, [0.0] * length)[position] = float(value)


def rounds(model: Model, table: Table, progress) -> dict:
    """Objective, lower bound and gap in every round of the fit at the model's alpha, per
    network."""
    learner = _learner(model, table, progress)
    outputs = model.outputs if len(learner.problems) > 1 else [None]
    networks = []
    for problem, pricer, output in zip(learner.problems, learner.pricers, outputs):
        seen: list[dict] = []

        def note(round_: int, fit: Fit, certificate, seen=seen) -> None:
            figures = {
                name: getattr(certificate, name)
                for name in ("objective", "lower_bound", "relative_gap", "scope")
            }
            seen.append({"round": round_, "neurons": len(fit.wedges), **figures})
            progress.advance("fit", round_, None, f"gap {certificate.relative_gap:.1e}")

        here = replace(problem, alpha=model.problem.alpha)
        solve(here, pricer, tol=learner.settings.tol, exact=learner.exact, on_round=note)
        networks.append({"output": output, "rounds": seen})
    return {"schema": "wedgefit.trace.rounds/1", "tol": learner.settings.tol, "networks": networks}


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
