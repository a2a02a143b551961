"""From a table to a model, and a model's scores on data: what the commands do, without their words."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from wedgefit import __version__
from wedgefit.certificate import row_norms
from wedgefit.encode import Design, Target, fit_encoding
from wedgefit.errors import FitError
from wedgefit.learn import Learned, Learner, Settings, total
from wedgefit.model import Model, Neuron
from wedgefit.select import Curve, Pace, Sample, joined, score_values
from wedgefit.solve import Deadline, Fit, Solution, working_set
from wedgefit.table import Table


@dataclass(frozen=True)
class Options(Settings):
    """What ``train`` and ``path`` may be told; the meanings are those of the command line."""

    target: tuple[str, ...] = ()
    task: str = "auto"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    weight: str | None = None
    group: str | None = None
    drop_missing_target: bool = False
    standardize: bool = True


class InterruptibleDeadline(Deadline):
    """A deadline that the first Ctrl-C during the fit brings forward; the second one stops at once.

    ``tell`` is called with a sentence when the first arrives.
    """

    def __init__(self, seconds: float | None, tell: Callable[[str], None]):
        super().__init__(seconds)
        self._tell, self._asked = tell, False

    def due(self, reserve: float = 0.0) -> bool:
        return self._asked or super().due(reserve)

    @contextmanager
    def watching(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupted(self, *_) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._tell("ending after this round, with a certificate for the network so far; press Ctrl-C again to stop at once")


class _Setting:
    """One table under one set of options: how it is encoded, the design, and what learns from it."""

    def __init__(self, table: Table, options: Options, progress, deadline: Deadline | None = None):
        self.table, self.options = table, options
        self.encoding, self.design = fit_encoding(
            table, target=options.target, task=options.task, keep=options.keep, drop=options.drop, weight=options.weight,
            group=options.group, standardize=options.standardize, drop_missing_target=options.drop_missing_target,
        )  # fmt: skip
        self.sample = sample_of(self.design, self.encoding.target)
        with self.named():
            self.learner = Learner(self.sample, options, progress.note, deadline)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Within, a FitError that does not say where it arose names the table."""
        try:
            yield
        except FitError as error:
            raise FitError(error.message, where=error.where or self.table.title, remedy=error.remedy) from None

    def data(self) -> dict:
        target = self.encoding.target
        return {
            "source": self.table.source,
            "rows": len(self.design.y),
            "columns": list(self.design.names),
            "target": target.names[0] if len(target.names) == 1 else list(target.names),
            "task": target.task,
            "classes": None if target.classes is None else list(target.classes),
            "outputs": list(target.outputs),
            "id": self.table.id_column,
            "weight": self.options.weight,
            "group": self.options.group,
            "delimiter": self.table.delimiter,
            "rows_left_out": self.table.rows - len(self.design.y),
            "left_out": [list(pair) for pair in self.encoding.left_out],
        }

    def problem(self, alpha: float) -> dict:
        options, learner = self.options, self.learner
        return {
            "loss": learner.loss, "alpha": alpha, "alpha_max": learner.alpha_max, "norm": options.norm, "order": learner.order,
            "layers": options.layers, "hidden_bias": options.bias, "intercept": options.intercept,
            "standardized": options.standardize, "refined": options.refine, "refitted": options.refit,
            "class_weight": options.class_weight, "range_dispersion": learner.dispersion,
        }  # fmt: skip

    def notes(self) -> list[str]:
        left_out = [f"column {name!r} left out: {reason}" for name, reason in self.encoding.left_out]
        return [*self.table.notes, *self.design.notes, *left_out, *_scale_notes(self.design, self.encoding.target)]


def sample_of(design: Design, target: Target) -> Sample:
    """The rows of a design as the learner sees them."""
    return Sample(design.X, design.y, target.task, design.weights, design.groups)


def train(table: Table, options: Options, progress, deadline: Deadline | None = None) -> Model:
    """Fit a table: choose alpha where it is not given, solve, certify. ``progress.advance`` hears of every step.

    ``deadline``: ends the fit early, with a certificate for the network as it stands; by default ``max_seconds`` from now.
    """
    clock = time.perf_counter()
    setting = _Setting(table, options, progress, deadline)
    setup = time.perf_counter() - clock
    with setting.named():
        learned = setting.learner.learn(progress.advance)
    return _model(setting, learned, setup)


def path(table: Table, options: Options, progress) -> dict:
    """The whole path on all rows, beside the cross-validated scores: the record behind ``wedgefit path``."""
    clock = time.perf_counter()
    setting = _Setting(table, options, progress)
    learner = setting.learner
    with setting.named():
        curve = learner.cross_validated(progress.advance)
    points, working = [], [working_set(pricer.dictionary, problem) for pricer, problem in zip(learner.pricers, learner.problems)]
    for position, alpha in enumerate(curve.alphas):
        progress.advance("path", position, len(curve.alphas), f"alpha {alpha:.3g}")
        solutions = learner.solved(float(alpha), lambda *_: None, working)
        points.append(_point(setting, float(alpha), solutions, curve.summary(position)))
    name = options.scoring or {"regression": "r2", "classification": "accuracy"}[setting.sample.task]
    problem = setting.problem(0.0)
    del problem["alpha"]
    return {
        "schema": "wedgefit.path/1",
        "data": setting.data(),
        "problem": problem,
        "score_name": name,
        "points": [point | {"cv": point["cv"][name]} for point in points],
        "chosen": {rule: float(curve.alphas[curve.chosen(rule)]) for rule in ("best", "1se")},
        "notes": setting.notes() + _curve_notes(curve),
        "seconds": {"total": time.perf_counter() - clock},
        "version": __version__,
    }


def evaluate(model: Model, table: Table) -> dict:
    """The model's scores on labelled data."""
    sample = Sample(model.encoding.transform(table), model.encoding.target_values(table), model.encoding.target.task)
    score = score_values(sample, model.network.forward(sample.X), model.problem["loss"])
    return {"schema": "wedgefit.evaluation/1", "data": {"source": table.source, "rows": table.rows}, "score": score}


def _model(setting: _Setting, learned: Learned, setup: float) -> Model:
    design, outputs = setting.design, setting.encoding.target.outputs
    separate = outputs if len(learned.fits) > 1 else [None]
    scored = learned.curve is not None and learned.position >= 0
    intercepts = np.atleast_1d(joined([np.atleast_1d(fit.intercept) for fit in learned.fits])).ravel().tolist()
    used = sorted({int(sample) for fit in learned.fits for sample in fit.wedges.samples.ravel() if sample >= 0})
    return Model(
        data=setting.data(),
        problem=setting.problem(learned.alpha),
        certificate=learned.certificate,
        stages=[_stage(solution, output) for solution, output in zip(learned.solutions, separate)],
        score={
            "train": score_values(setting.sample, joined([fit.output for fit in learned.fits]), setting.learner.loss),
            "cv": learned.curve.summary(learned.position) if scored else None,
            "curve": None if learned.curve is None else learned.curve.points(),
        },
        intercept=intercepts[0] if len(outputs) == 1 else dict(zip(outputs, intercepts)),
        neurons=_neurons(setting, learned.fits, separate),
        anchors={design.row_ids[row]: design.X[row].tolist() for row in used},
        encoding=setting.encoding,
        notes=[
            *setting.notes(), *_curve_notes(learned.curve),
            *(note for solution, output in zip(learned.solutions, separate) for note in _status_notes(solution, output)),
        ],
        seconds={"setup": setup, **learned.seconds},
    )  # fmt: skip


def _stage(solution: Solution, output: str | None) -> dict:
    return {
        "layer": 1, "output": output, "status": solution.status, "neurons": len(solution.fit.wedges), **asdict(solution.certificate),
    }  # fmt: skip


def _curve_notes(curve: Curve | None) -> list[str]:
    if curve is None:
        return []
    pace = curve.pace
    coarse = f"large table: cross-validation looked at {pace.per_decade} alphas per factor of ten, on sampled wedges, to a gap of {pace.fold_tol:g}"
    ended = f"time was up for cross-validation at alpha {curve.alphas[-1]:.3g}: a smaller alpha may score better"
    return [note for note, holds in ((coarse, pace != Pace()), (ended, curve.cut_short)) if holds]


def _status_notes(solution: Solution, output: str | None) -> list[str]:
    which = "" if output is None else f" for {output!r}"
    gap = f"at a relative gap of {solution.certificate.relative_gap:.1e}"
    notes = {"stalled": f"the solver came to an end{which} {gap}, above --tol", "stopped": f"stopped early{which}, {gap}"}
    return [notes[solution.status]] if solution.status in notes else []


def _scale_notes(design: Design, target: Target) -> list[str]:
    """Targets learnt together share one loss: those of a small spread hardly count."""
    if target.task != "regression" or design.y.ndim == 1:
        return []
    spread = design.y.std(axis=0)
    small = [name for name, part in zip(target.names, spread) if part < 0.1 * spread.max()]
    return [f"the targets' units differ much, and {', '.join(small)} hardly counts: scale them alike"] if small else []


def _neurons(setting: _Setting, fits: list[Fit], separate) -> list[Neuron]:
    """The wedges of all networks as records that name columns and rows, largest share first."""
    design, weights = setting.design, setting.learner.problems[0].weights
    parts = []
    for fit, output in zip(fits, separate):
        heights = design.X @ fit.wedges.normals.T + fit.wedges.offsets
        active = (heights > 1e-9 * np.maximum(np.abs(heights).max(axis=0, initial=0.0), 1e-300)).sum(axis=0)
        hinges = np.maximum(heights, 0.0)
        variation = np.sqrt(weights @ (hinges - weights @ hinges) ** 2) * row_norms(fit.coefficients)
        parts += [(variation[k], fit, k, output, int(active[k])) for k in range(len(fit.wedges))]
    whole = sum(part[0] for part in parts)
    return [
        _neuron(setting, position, fit, k, output, active, float(variation / whole) if whole > 0 else 0.0)
        for position, (variation, fit, k, output, active) in enumerate(sorted(parts, key=lambda part: -part[0]), start=1)
    ]


def _neuron(setting: _Setting, position: int, fit: Fit, k: int, output: str | None, active: int, share: float) -> Neuron:
    names, row_ids, z = setting.design.names, setting.design.row_ids, fit.coefficients[k]
    columns = [int(column) for column in fit.wedges.columns[k] if column >= 0]
    return Neuron(
        id=position,
        layer=1,
        order=len(columns),
        columns=[names[column] for column in columns],
        samples=[row_ids[sample] for sample in fit.wedges.samples[k] if sample >= 0],
        weights={names[column]: float(fit.wedges.normals[k, column]) for column in columns},
        bias=float(fit.wedges.offsets[k]),
        coefficient=float(z) if np.ndim(z) == 0 else dict(zip(setting.encoding.target.outputs, z.tolist())),
        output=output,
        active_rows=active,
        share=share,
    )


def _point(setting: _Setting, alpha: float, solutions: list[Solution], cv: dict) -> dict:
    samples = np.concatenate([solution.fit.wedges.samples.ravel() for solution in solutions])
    certificate = total([solution.certificate for solution in solutions])
    return {
        "alpha": alpha,
        "alpha_ratio": alpha / setting.learner.alpha_max,
        "neurons": sum(len(solution.fit.wedges) for solution in solutions),
        "samples": len(np.unique(samples[samples >= 0])),
        "objective": certificate.objective,
        "relative_gap": certificate.relative_gap,
        "scope": certificate.scope,
        "cv": cv,
    }
