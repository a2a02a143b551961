"""From a table to a model, and a model held against data: what the commands do, without their words."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from wedgefit import __version__
from wedgefit.certificate import Certificate, Problem
from wedgefit.certificate import certify as certify_fit
from wedgefit.dictionary import Dictionary, orders_for, range_dispersion
from wedgefit.encode import Design, Encoding, fit_encoding
from wedgefit.errors import CertificateError, FitError, UsageError
from wedgefit.model import Model, Neuron
from wedgefit.pricing import Pricer
from wedgefit.select import Curve, Pace, alpha_grid, cross_validate, pace_for, score_values
from wedgefit.solve import Deadline, Fit, Solution, WorkingSet, largest_alpha, solve, solve_written_out
from wedgefit.table import Table
from wedgefit.wedge import Wedges

# "auto" proves optimality over every wedge up to this many: a matter of seconds. Beyond, it says that it sampled.
EXACT_UP_TO = 200_000_000
# An exact certificate over more wedges than this would take weeks; it is refused with an order that would work.
EXACT_POSSIBLE = 10_000_000_000_000
# Sorts kept between rounds take at most this many bytes; a round itself takes about this many per cell of the design.
SORTS_KEPT = 1e9
BYTES_PER_CELL = 120
# Recomputed figures may differ from stored ones by this much, relatively.
ROUNDING = 1e-9
# The whole dictionary is written out only up to this much memory (bytes).
WRITTEN_OUT_UP_TO = 4e9


@dataclass(frozen=True)
class Options:
    """What ``train`` and ``path`` may be told; the meanings are those of the command line."""

    target: str | None = None
    task: str = "auto"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    drop_missing_target: bool = False
    alpha: float | None = None
    alpha_ratio: float | None = None
    cv: int = 5
    rule: str = "best"
    order: int | str | None = None
    norm: int = 1
    layers: int = 2
    bias: bool = True
    intercept: bool = True
    standardize: bool = True
    solver: str = "auto"
    certificate: str = "auto"
    tol: float = 1e-6
    refine: bool = False
    max_seconds: float | None = None
    max_memory: float | None = None
    cluster: str | None = None
    jobs: int | None = None
    seed: int = 0


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


def sorts_budget(cells: int, max_memory: float | None) -> float:
    """How many bytes sorts may take between rounds, given the cells of the design and ``--max-memory`` (bytes).

    Raises FitError before anything large is allocated when the rounds themselves do not fit.
    """
    if max_memory is None:
        return SORTS_KEPT
    left = max_memory - BYTES_PER_CELL * cells
    if left < 0:
        raise FitError(
            f"{BYTES_PER_CELL * cells / 1e9:.2g} GB are needed for {cells:,} cells, more than --max-memory allows.",
            remedy="Allow more, use fewer rows, or --keep fewer columns.",
        )
    return min(SORTS_KEPT, left)


class _Setting:
    """One table under one set of options: design, dictionary, pricer, alpha_max."""

    def __init__(self, table: Table, options: Options, progress, deadline: Deadline | None = None):
        self.deadline = deadline or Deadline(options.max_seconds)
        if options.layers != 2:
            raise UsageError(f"{options.layers} layers are not supported yet.", remedy="Try --layers 2.")
        self.options = options
        self.encoding, self.design = _encoded(table, options)
        self.task = self.encoding.target.task
        width = self.design.X.shape[1]
        default = "full" if options.norm == 2 else min(2, width)
        self.order = default if options.order is None else options.order
        self.orders = orders_for(self.order, options.norm, width)
        if options.refine and options.norm != 2:
            raise UsageError("--refine is for --norm 2: with norm 1 the wedges are already the best of all neurons.")
        self.pricer = self.pricer_for(self.design.X, options.cluster)
        self.exact = self._exact()
        if self.exact and self.pricer.dictionary.size > EXACT_UP_TO:
            size, seconds = self.pricer.dictionary.size, self.pricer.full_round_seconds
            progress.note(f"a round over all {size:,} wedges takes about {seconds:,.0f} seconds, and a fit a few of them")
        self.alpha_max = largest_alpha(self.problem(1.0), self.pricer, exact=self.exact)
        if self._no_wedge_helps():
            raise FitError(
                "every hinge of this dictionary is zero on the rows, or unrelated to the target.",
                where=table.title,
                remedy="Try --order 2: rows in a hyperplane have no wedges of full order." if options.norm == 2 else "Use other columns.",
            )

    def pricer_for(self, X: np.ndarray, cluster: str | None = None, share: int = 1) -> Pricer:
        dictionary = Dictionary(X, self.orders, self.options.norm, self.options.bias)
        jobs = self.options.jobs or os.cpu_count() or 1
        kept = sorts_budget(X.size, self.options.max_memory) / share
        return Pricer(dictionary, jobs=jobs, memory=kept, seed=self.options.seed, refine=self.options.refine, cluster=cluster)

    def problem(self, alpha: float) -> Problem:
        return Problem(self.design.y, alpha, self.options.intercept)

    def _no_wedge_helps(self) -> bool:
        """Whether alpha_max is nothing but rounding: no score exceeds Σ|v| times the columns' ranges."""
        dual = self.problem(1.0).dual_point(self.problem(1.0).null_output())
        points = self.design.X if self.options.bias else np.vstack([self.design.X, np.zeros(self.design.X.shape[1])])
        return self.alpha_max <= 1e-12 * float(np.abs(dual).sum() * np.ptp(points, axis=0).sum())

    def _exact(self) -> bool:
        size = self.pricer.dictionary.size
        if self.options.certificate == "exact" and size > EXACT_POSSIBLE:
            possible = [s for s in self.orders if self._size_up_to(s) <= EXACT_POSSIBLE]
            order = f"--order {max(possible)} (all its wedges can be priced), or " if possible else ""
            raise FitError(
                f"an exact certificate would have to price {size:,} wedges, which would take weeks.",
                remedy=f"Try {order}--certificate sampled.",
            )
        return {"auto": size <= EXACT_UP_TO, "exact": True, "sampled": False}[self.options.certificate]

    def _size_up_to(self, order: int) -> int:
        dictionary = self.pricer.dictionary
        return Dictionary(dictionary.X, tuple(range(1, order + 1)), dictionary.norm, dictionary.bias).size

    def cross_validated(self, advance) -> Curve:
        self._check_folds()
        return cross_validate(
            self.design.X, self.design.y, self.task, self._pricer_of_fold, folds=self.options.cv,
            alphas=alpha_grid(self.alpha_max, self.pace.per_decade), pace=self.pace,
            intercept=self.options.intercept, seed=self.options.seed, advance=advance,
            deadline=Deadline(None if self.options.max_seconds is None else self.options.max_seconds / 2),
        )  # fmt: skip

    def _pricer_of_fold(self, X: np.ndarray) -> Pricer:
        """All folds walk side by side, so each keeps its share of the sorts."""
        return self.pricer_for(X, share=self.options.cv)

    @property
    def pace(self) -> Pace:
        """How carefully this table's path is walked."""
        return pace_for(self.design.X.size)

    def _check_folds(self) -> None:
        rows = len(self.design.y)
        if self.task == "classification":
            rows = int(min(np.sum(self.design.y > 0), np.sum(self.design.y < 0)))
        if rows < self.options.cv:
            kind = f"row{'s' * (rows != 1)}" + " of the smaller class" * (self.task == "classification")
            raise FitError(
                f"{rows} {kind} cannot be split into {self.options.cv} folds to choose alpha.",
                remedy="Try a smaller --cv, or give --alpha or --alpha-ratio.",
            )

    def solved(self, alpha: float, advance, working: WorkingSet | None = None) -> Solution:
        if self.options.solver == "full":
            return self._written_out(alpha)
        report = _round_reporter(advance)
        limits = {"tol": self.options.tol, "exact": self.exact, "deadline": self.deadline}
        return solve(self.problem(alpha), self.pricer, **limits, working=working, on_round=report)

    def _written_out(self, alpha: float) -> Solution:
        size = self.pricer.dictionary.size
        if size * len(self.design.y) * 8 > WRITTEN_OUT_UP_TO:
            raise FitError(
                f"the dictionary has {size:,} wedges, too many to write out for {len(self.design.y):,} rows.",
                remedy="Leave out --solver full: the working set gives the same optimum.",
            )
        return solve_written_out(self.problem(alpha), self.pricer, tol=self.options.tol)

    def data(self, table: Table) -> dict:
        target = self.encoding.target
        return {
            "source": table.source,
            "rows": len(self.design.y),
            "columns": list(self.design.names),
            "target": target.name,
            "task": target.task,
            "classes": None if target.classes is None else list(target.classes),
            "id": table.id_column,
            "delimiter": table.delimiter,
            "rows_without_target": table.rows - len(self.design.y),
            "left_out": [list(pair) for pair in self.encoding.left_out],
        }

    def problem_record(self, alpha: float) -> dict:
        options = self.options
        return {
            "loss": "squared", "alpha": alpha, "alpha_max": self.alpha_max, "norm": options.norm, "order": self.order,
            "layers": options.layers, "hidden_bias": options.bias, "intercept": options.intercept,
            "standardized": options.standardize, "refined": options.refine, "range_dispersion": self._dispersion(),
        }  # fmt: skip

    def _dispersion(self) -> float | None:
        """The range dispersion where it bounds the gap between wedges and all networks: the plane, no biases, norm 2."""
        bounds = self.design.X.shape[1] == 2 and not self.options.bias and self.options.norm == 2
        return range_dispersion(self.design.X) if bounds else None

    def notes(self, table: Table) -> list[str]:
        left_out = [f"column {name!r} left out: {reason}" for name, reason in self.encoding.left_out]
        return [*table.notes, *self.design.notes, *left_out]


def train(table: Table, options: Options, progress, deadline: Deadline | None = None) -> Model:
    """Fit a table: choose alpha where it is not given, solve, certify. ``progress.advance`` hears of every step.

    ``deadline``: ends the fit early, with a certificate for the network as it stands; by default ``max_seconds`` from now.
    """
    clock = time.perf_counter()
    setting = _Setting(table, options, progress, deadline)
    ready = time.perf_counter()
    curve, alpha = None, _given_alpha(options, setting.alpha_max)
    if alpha is None:
        curve = setting.cross_validated(progress.advance)
        alpha = float(curve.alphas[curve.chosen(options.rule)])
    chosen = time.perf_counter()
    with setting.deadline.watching():
        solution = setting.solved(alpha, progress.advance)
    seconds = {"setup": ready - clock, "selection": chosen - ready, "fit": time.perf_counter() - chosen}
    return _model(setting, table, alpha, solution, curve, seconds)


def path(table: Table, options: Options, progress) -> dict:
    """The whole path on all rows, beside the cross-validated scores: the record behind ``wedgefit path``."""
    clock = time.perf_counter()
    setting = _Setting(table, options, progress)
    curve = setting.cross_validated(progress.advance)
    points, working = [], WorkingSet(setting.pricer.dictionary, setting.problem(setting.alpha_max))
    for position, alpha in enumerate(curve.alphas):
        progress.advance("path", position, len(curve.alphas), f"alpha {alpha:.3g}")
        solution = setting.solved(float(alpha), lambda *_: None, working)
        points.append(_point(setting, float(alpha), solution, curve.summary(position)))
    name = "r2" if setting.task == "regression" else "accuracy"
    problem = setting.problem_record(0.0)
    del problem["alpha"]
    return {
        "schema": "wedgefit.path/1",
        "data": setting.data(table),
        "problem": problem,
        "score_name": name,
        "points": [point | {"cv": point["cv"][name]} for point in points],
        "chosen": {rule: float(curve.alphas[curve.chosen(rule)]) for rule in ("best", "1se")},
        "notes": setting.notes(table) + _curve_notes(curve, setting.pace),
        "seconds": {"total": time.perf_counter() - clock},
        "version": __version__,
    }


def evaluate(model: Model, table: Table) -> dict:
    """The model's scores on labelled data."""
    y = model.encoding.target_values(table)
    scores = score_values(y, model.scores(table), model.encoding.target.task)
    del scores["squared_error"]
    return {"schema": "wedgefit.evaluation/1", "data": {"source": table.source, "rows": table.rows}, "score": scores}


def certify(model: Model, table: Table, jobs: int | None = None) -> dict:
    """Recompute a model's claims from the data and its weights alone, and hold the stored figures against them.

    Raises CertificateError when the data cannot be those that the model was trained on.
    """
    rows = _training_rows(model, table)
    X, y = model.encoding.transform(rows), model.encoding.target_values(rows)
    problem = Problem(y, model.problem["alpha"], model.problem["intercept"])
    normals, offsets, coefficients = model.weights
    output = np.maximum(X @ normals.T + offsets, 0.0) @ coefficients + model.intercept
    orders = orders_for(model.problem["order"], model.problem["norm"], X.shape[1])
    pricer = Pricer(Dictionary(X, orders, model.problem["norm"], model.problem["hidden_bias"]), jobs=jobs or os.cpu_count() or 1)
    wedges, moved = _wedges_of(model, pricer.dictionary, rows)
    exact = model.certificate.scope == "exact"
    priced = pricer.price(problem.dual_point(output), np.inf, wedges, every_pencil=exact)
    found = certify_fit(problem, output, coefficients, priced)
    checks = [*_structure_checks(model, wedges, X, moved), *_figure_checks(model.certificate, found)]
    agrees = all(check["agrees"] for check in checks)
    wrong = ", ".join(check["name"] for check in checks if not check["agrees"])
    return {
        "schema": "wedgefit.certification/1",
        "agrees": agrees,
        "checks": checks,
        "certificate": asdict(found),
        "message": "the stored figures hold" if agrees else f"the stored figures do not hold: {wrong}",
    }


def _encoded(table: Table, options: Options) -> tuple[Encoding, Design]:
    return fit_encoding(
        table, target=options.target, task=options.task, keep=options.keep, drop=options.drop,
        standardize=options.standardize, drop_missing_target=options.drop_missing_target,
    )  # fmt: skip


def _given_alpha(options: Options, alpha_max: float) -> float | None:
    return options.alpha_ratio * alpha_max if options.alpha_ratio is not None else options.alpha


def _round_reporter(advance):
    def report(round_: int, fit: Fit, certificate: Certificate) -> None:
        detail = f"{len(fit.wedges)} neurons, objective {certificate.objective:.6g}, gap {certificate.relative_gap:.1e}"
        advance("fit", round_, None, detail)

    return report


def _model(setting: _Setting, table: Table, alpha: float, solution: Solution, curve: Curve | None, seconds: dict) -> Model:
    fit, design, certificate = solution.fit, setting.design, solution.certificate
    cv = None if curve is None else curve.summary(curve.chosen(setting.options.rule))
    train_scores = score_values(design.y, fit.output, setting.task)
    del train_scores["squared_error"]
    used = sorted({int(sample) for sample in fit.wedges.samples.ravel() if sample >= 0})
    return Model(
        data=setting.data(table),
        problem=setting.problem_record(alpha),
        certificate=certificate,
        stages=[_stage(solution)],
        score={"train": train_scores, "cv": cv},
        intercept=fit.intercept,
        neurons=_neurons(fit, design),
        anchors={design.row_ids[row]: design.X[row].tolist() for row in used},
        encoding=setting.encoding,
        notes=setting.notes(table) + _curve_notes(curve, setting.pace) + _status_notes(solution),
        seconds=seconds,
    )


def _stage(solution: Solution) -> dict:
    certificate = solution.certificate
    return {
        "layer": 1, "status": solution.status, "neurons": len(solution.fit.wedges), "objective": certificate.objective,
        "lower_bound": certificate.lower_bound, "relative_gap": certificate.relative_gap, "scope": certificate.scope,
    }  # fmt: skip


def _curve_notes(curve: Curve | None, pace: Pace) -> list[str]:
    if curve is None:
        return []
    coarse = f"large table: cross-validation looked at {pace.per_decade} alphas per factor of ten, on sampled wedges, to a gap of {pace.fold_tol:g}"
    ended = f"time was up for cross-validation at alpha {curve.alphas[-1]:.3g}: a smaller alpha may score better"
    return [note for note, holds in ((coarse, pace != Pace()), (ended, curve.cut_short)) if holds]


def _status_notes(solution: Solution) -> list[str]:
    gap = f"at a relative gap of {solution.certificate.relative_gap:.1e}"
    notes = {"stalled": f"the solver came to an end {gap}, above --tol", "stopped": f"stopped early, {gap}"}
    return [notes[solution.status]] if solution.status in notes else []


def _neurons(fit: Fit, design: Design) -> list[Neuron]:
    """The wedges as records that name columns and rows, largest share first."""
    heights = design.X @ fit.wedges.normals.T + fit.wedges.offsets
    active = heights > 1e-9 * np.maximum(np.abs(heights).max(axis=0, initial=0.0), 1e-300)
    variation = np.std(np.maximum(heights, 0.0), axis=0) * np.abs(fit.coefficients)
    share = variation / variation.sum() if variation.sum() > 0 else variation
    neurons = []
    for position, wedge in enumerate(np.argsort(-share, kind="stable"), start=1):
        columns = [int(column) for column in fit.wedges.columns[wedge] if column >= 0]
        neurons.append(
            Neuron(
                id=position,
                layer=1,
                order=len(columns),
                columns=[design.names[column] for column in columns],
                samples=[design.row_ids[sample] for sample in fit.wedges.samples[wedge] if sample >= 0],
                weights={design.names[column]: float(fit.wedges.normals[wedge, column]) for column in columns},
                bias=float(fit.wedges.offsets[wedge]),
                coefficient=float(fit.coefficients[wedge]),
                active_rows=int(active[:, wedge].sum()),
                share=float(share[wedge]),
            )
        )
    return neurons


def _point(setting: _Setting, alpha: float, solution: Solution, cv: dict) -> dict:
    samples = solution.fit.wedges.samples
    return {
        "alpha": alpha,
        "alpha_ratio": alpha / setting.alpha_max,
        "neurons": len(solution.fit.wedges),
        "samples": len(np.unique(samples[samples >= 0])),
        "objective": solution.certificate.objective,
        "relative_gap": solution.certificate.relative_gap,
        "scope": solution.certificate.scope,
        "cv": cv,
    }


# Holding a model against its data --------------------------------------------------------------------------------


def _training_rows(model: Model, table: Table) -> Table:
    """The rows that the model was trained on: all, or those with a target where the others were left out."""
    if model.data["rows_without_target"]:
        table = table.take(np.flatnonzero(~table.column(model.encoding.target.name).missing))
    if table.rows != model.data["rows"]:
        raise CertificateError(
            f"the model was trained on {model.data['rows']:,} rows, this file has {table.rows:,}.",
            where=table.title,
            remedy="Certify against the very data the model was trained on.",
        )
    return table


def _wedges_of(model: Model, dictionary: Dictionary, rows: Table) -> tuple[Wedges, float]:
    """The model's neurons as wedges of these rows, and how far the data are from the stored anchor rows."""
    row_of = {row_id: position for position, row_id in enumerate(rows.row_ids)}
    if absent := [row for row in model.anchors if row not in row_of]:
        raise CertificateError(
            f"the model stands on row {absent[0]}, which is not in this file.", where=rows.title, remedy="Is it the training data?"
        )
    column_of = {name: j for j, name in enumerate(model.encoding.names)}
    blank = np.full((len(model.neurons), dictionary.room), -1)
    columns, samples = blank.copy(), blank.copy()
    for i, neuron in enumerate(model.neurons):
        columns[i, : len(neuron.columns)] = [column_of[name] for name in neuron.columns]
        samples[i, : len(neuron.samples)] = [row_of[row] for row in neuron.samples]
    normals, offsets, _ = model.weights
    stored = np.array(list(model.anchors.values())).reshape(len(model.anchors), dictionary.X.shape[1])
    found = dictionary.X[[row_of[row] for row in model.anchors]]
    return Wedges(columns, samples, normals, offsets), float(np.abs(stored - found).max(initial=0.0))


def _structure_checks(model: Model, wedges: Wedges, X: np.ndarray, moved: float) -> list[dict]:
    """Is each neuron a unit wedge through the rows it names?"""
    lengths = np.linalg.norm(wedges.normals, ord=model.problem["norm"], axis=1)
    heights = np.abs(X @ wedges.normals.T + wedges.offsets)
    reach = heights.max(axis=0, initial=0.0)
    on_rows = [heights[samples[samples >= 0], i].max(initial=0.0) / reach[i] for i, samples in enumerate(wedges.samples) if reach[i] > 0]
    bias = 0.0 if not model.problem["intercept"] else model.intercept
    return [
        _check("output bias", bias, model.intercept, bias == model.intercept),
        _check("anchor rows, largest difference", 0.0, moved, moved <= 1e-12 * max(1.0, float(np.abs(X).max()))),
        _check("unit neurons, largest deviation", 0.0, float(np.abs(lengths - 1).max(initial=0.0)), np.abs(lengths - 1).max(initial=0.0) <= ROUNDING),
        _check("distance from named rows, relative", 0.0, max(on_rows, default=0.0), max(on_rows, default=0.0) <= ROUNDING),
    ]


def _figure_checks(stored: Certificate, found: Certificate) -> list[dict]:
    """Do objective, bound and gap hold? A sampled bound depends on the pencils drawn, so only an exact one is compared."""
    same = abs(stored.objective - found.objective) <= ROUNDING * abs(found.objective)
    checks = [_check("objective", stored.objective, found.objective, same)]
    checks.append(_check("wedges", stored.wedges_total, found.wedges_total, stored.wedges_total == found.wedges_total))
    if stored.scope == "exact":
        slack = ROUNDING * abs(found.objective)
        holds = stored.lower_bound <= found.lower_bound + slack
        checks.append(_check("lower bound", stored.lower_bound, found.lower_bound, holds))
        consistent = stored.relative_gap >= found.relative_gap - ROUNDING
        checks.append(_check("relative gap", stored.relative_gap, found.relative_gap, consistent))
        if stored.network_lower_bound is not None:
            bound, gap = found.network_lower_bound, found.network_relative_gap
            proven = bound is not None and stored.network_lower_bound <= bound + slack
            checks.append(_check("network lower bound", stored.network_lower_bound, bound, proven))
            proven = gap is not None and stored.network_relative_gap is not None and stored.network_relative_gap >= gap - ROUNDING
            checks.append(_check("network relative gap", stored.network_relative_gap, gap, proven))
    return checks


def _check(name: str, stored, recomputed, agrees) -> dict:
    return {"name": name, "stored": stored, "recomputed": recomputed, "agrees": bool(agrees)}
