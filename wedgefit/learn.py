"""From a design to certified networks: the choice of alpha, then one solution per network. What train and estimators share."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from wedgefit.certificate import Certificate, Problem, relative_gap
from wedgefit.dictionary import Dictionary, orders_for, range_dispersion
from wedgefit.errors import FitError, UsageError
from wedgefit.loss import LOSSES
from wedgefit.pricing import Pricer
from wedgefit.select import SCORINGS, Advance, Curve, Sample, Splits, alpha_grid, cross_validate, pace_for
from wedgefit.solve import Deadline, Fit, Solution, WorkingSet, largest_alpha, refitted, solve, solve_written_out, upright

# "auto" proves optimality over every wedge up to this many: a matter of seconds. Beyond, it says that it sampled.
EXACT_UP_TO = 200_000_000
# An exact certificate over more wedges than this would take weeks; it is refused with an order that would work.
EXACT_POSSIBLE = 10_000_000_000_000
# Sorts kept between rounds take at most this many bytes; a round itself takes about this many per cell of the design.
SORTS_KEPT = 1e9
BYTES_PER_CELL = 120
# The whole dictionary is written out only up to this much memory (bytes).
WRITTEN_OUT_UP_TO = 4e9


@dataclass(frozen=True)
class Settings:
    """How to learn; the meanings are those of the command line."""

    loss: str | None = None
    class_weight: str | None = None
    alpha: float | None = None
    alpha_ratio: float | None = None
    cv: int | Splits = 5
    rule: str = "best"
    scoring: str | None = None
    max_neurons: int | None = None
    refit: bool = False
    order: int | str | None = None
    norm: int = 1
    layers: int = 2
    bias: bool = True
    intercept: bool = True
    solver: str = "auto"
    certificate: str = "auto"
    tol: float = 1e-6
    refine: bool = False
    max_seconds: float | None = None
    max_memory: float | None = None
    cluster: str | None = None
    jobs: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Learned:
    """What learning gives: one solution per network, and the networks to predict with.

    ``fits`` are those of the ``solutions``, made easy to read, and refitted if that was asked for. ``curve``: the cross-validation that chose ``alpha``,
    at its ``position`` (below zero: beyond the curve's largest alpha, so that there are no scores).
    """

    alpha: float
    solutions: list[Solution]
    fits: list[Fit]
    curve: Curve | None
    position: int
    seconds: dict[str, float]

    @property
    def certificate(self) -> Certificate:
        """The certificate of all networks together: their objectives and bounds added up."""
        parts = [solution.certificate for solution in self.solutions]
        return parts[0] if len(parts) == 1 else total(parts)


def total(parts: list[Certificate]) -> Certificate:
    """Of several networks over one dictionary: sums of objectives and bounds, and the weakest scope."""
    objective, lower = (sum(getattr(part, name) for part in parts) for name in ("objective", "lower_bound"))
    bounds = [part.network_lower_bound for part in parts]
    network = None if None in bounds else sum(bounds)
    return Certificate(
        objective=objective,
        lower_bound=lower,
        relative_gap=relative_gap(objective, lower),
        scope="exact" if all(part.scope == "exact" for part in parts) else "sampled",
        wedges_total=parts[0].wedges_total,
        wedges_priced=min(part.wedges_priced for part in parts),
        network_lower_bound=network,
        network_relative_gap=None if network is None else relative_gap(objective, network),
    )


class Learner:
    """One sample under one set of settings: its problems, dictionary, pricers and alpha_max.

    ``note`` hears sentences that the user should read before a long wait. Raises UsageError for settings that contradict
    each other, FitError where nothing can be learnt.
    """

    def __init__(self, sample: Sample, settings: Settings, note: Callable[[str], None], deadline: Deadline | None = None):
        self.sample, self.settings = sample, settings
        self.deadline = deadline or Deadline(settings.max_seconds)
        self.loss = settings.loss or ("logistic" if sample.task == "classification" else "squared")
        self._check_settings()
        width = sample.X.shape[1]
        default = "full" if settings.norm == 2 else min(2, width)
        self.order = default if settings.order is None else settings.order
        self.orders = orders_for(self.order, settings.norm, width)
        self.problems = problems_of(sample, self.loss, settings.intercept, settings.class_weight)
        first = self.pricer_for(sample.X, settings.cluster)
        self.pricers = [first, *(first.sibling() for _ in self.problems[1:])]
        self.exact = self._exact()
        if self.exact and first.dictionary.size > EXACT_UP_TO:
            size, seconds = first.dictionary.size, first.full_round_seconds
            note(f"a round over all {size:,} wedges takes about {seconds:,.0f} seconds, and a fit a few of them")
        self.alpha_max = max(largest_alpha(problem, first, exact=self.exact) for problem in self.problems)
        if self._no_wedge_helps():
            raise FitError(
                "every hinge of this dictionary is zero on the rows, or unrelated to the target.",
                remedy="Try --order 2: rows in a hyperplane have no wedges of full order." if settings.norm == 2 else "Use other columns.",
            )

    def _check_settings(self) -> None:
        settings, sample = self.settings, self.sample
        classes = sample.task == "classification"
        if settings.layers != 2:
            raise UsageError(f"{settings.layers} layers are not supported yet.", remedy="Try --layers 2.")
        if settings.refine and settings.norm != 2:
            raise UsageError("--refine is for --norm 2: with norm 1 the wedges are already the best of all neurons.")
        if self.loss == "logistic" and not classes:
            raise UsageError("the logistic loss is for classes, and the target is a number.", remedy="Try --task classification.")
        if settings.class_weight and not classes:
            raise UsageError("--class-weight is for classification.", remedy="Leave it out, or try --weight.")
        if settings.scoring and settings.scoring not in SCORINGS[sample.task]:
            names = ", ".join(SCORINGS[sample.task])
            raise UsageError(f"--scoring {settings.scoring} is not for {sample.task}.", remedy=f"Try one of {names}.")
        if settings.scoring == "log_loss" and self.loss != "logistic":
            raise UsageError("--scoring log_loss needs probabilities.", remedy="Leave out --loss squared.")
        if settings.scoring == "auc" and self.loss != "logistic" and classes and sample.y.ndim == 2:
            raise UsageError("--scoring auc of more than two classes needs probabilities.", remedy="Leave out --loss squared.")
        if settings.max_neurons is not None and (settings.alpha is not None or settings.alpha_ratio is not None):
            raise UsageError("--max-neurons chooses alpha, and so do --alpha and --alpha-ratio.", remedy="Give one of them.")
        several = sample.y.ndim == 2 and not classes
        for option, given in (("--solver full", settings.solver == "full"), ("--refine", settings.refine)):
            if given and several:
                raise UsageError(f"{option} is for one target.", remedy="Leave it out, or give one --target.")
        for option, given in (("--solver full", settings.solver == "full"), ("--refit", settings.refit)):
            if given and self.loss != "squared":
                raise UsageError(f"{option} is for the squared loss.", remedy="Add --loss squared, or leave it out.")

    def pricer_for(self, X: np.ndarray, cluster: str | None = None, share: int = 1) -> Pricer:
        """What prices the wedges of X (n, d), with a ``share``-th of the memory that sorts may take."""
        settings = self.settings
        dictionary = Dictionary(X, self.orders, settings.norm, settings.bias)
        kept = sorts_budget(X.size, settings.max_memory) / share
        jobs = settings.jobs or os.cpu_count() or 1
        return Pricer(dictionary, jobs=jobs, memory=kept, seed=settings.seed, refine=settings.refine, cluster=cluster)

    def _no_wedge_helps(self) -> bool:
        """Whether alpha_max is nothing but rounding: no score exceeds Σ|v| times the columns' ranges."""
        duals = [problem.dual_point(problem.null_output()) for problem in self.problems]
        X = self.sample.X
        points = X if self.settings.bias else np.vstack([X, np.zeros(X.shape[1])])
        return self.alpha_max <= 1e-12 * max(float(np.abs(dual).sum()) for dual in duals) * float(np.ptp(points, axis=0).sum())

    def _exact(self) -> bool:
        size = self.pricers[0].dictionary.size
        if self.settings.certificate == "exact" and size > EXACT_POSSIBLE:
            possible = [s for s in self.orders if self._size_up_to(s) <= EXACT_POSSIBLE]
            order = f"--order {max(possible)} (all its wedges can be priced), or " if possible else ""
            raise FitError(
                f"an exact certificate would have to price {size:,} wedges, which would take weeks.",
                remedy=f"Try {order}--certificate sampled.",
            )
        return {"auto": size <= EXACT_UP_TO, "exact": True, "sampled": False}[self.settings.certificate]

    def _size_up_to(self, order: int) -> int:
        return replace(self.pricers[0].dictionary, orders=tuple(range(1, order + 1))).size

    @property
    def dispersion(self) -> float | None:
        """The range dispersion where it bounds the gap between wedges and all networks: the plane, no biases, norm 2."""
        bounds = self.sample.X.shape[1] == 2 and not self.settings.bias and self.settings.norm == 2
        return range_dispersion(self.sample.X) if bounds else None

    def cross_validated(self, advance: Advance) -> Curve:
        """The scores of every alpha of the path; they take at most half of the time that is left."""
        settings = self.settings
        # Half of what reading and setting up left: the final fit needs the other half to have any neurons.
        half = self.deadline.share(2)
        pace = pace_for(self.sample.X.size)
        # All folds walk side by side, so each keeps its share of the sorts.
        folds = settings.cv if isinstance(settings.cv, int) else len(settings.cv)
        return cross_validate(
            self.sample, self.problems, partial(self.pricer_for, share=folds), folds=settings.cv,
            alphas=alpha_grid(self.alpha_max, pace.per_decade), seed=settings.seed, advance=advance, deadline=half,
            scoring=settings.scoring, refit=settings.refit, pace=pace,
        )  # fmt: skip

    def solved(self, alpha: float, advance: Advance, working: list[WorkingSet] | None = None) -> list[Solution]:
        """Every network at this alpha; ``working``: their working sets at a neighbouring alpha."""
        solutions = []
        for k, (problem, pricer) in enumerate(zip(self.problems, self.pricers)):
            here = replace(problem, alpha=alpha)
            if self.settings.solver == "full":
                solutions.append(self._written_out(here, pricer))
                continue
            deadline, report = self.deadline.share(len(self.problems) - k), _round_reporter(advance, k, len(self.problems))
            limits = {"tol": self.settings.tol, "exact": self.exact, "deadline": deadline}
            solutions.append(solve(here, pricer, **limits, working=working and working[k], on_round=report))
        return solutions

    def _written_out(self, problem: Problem, pricer: Pricer) -> Solution:
        size, rows = pricer.dictionary.size, len(problem.y)
        if size * rows * 8 > WRITTEN_OUT_UP_TO:
            raise FitError(
                f"the dictionary has {size:,} wedges, too many to write out for {rows:,} rows.",
                remedy="Leave out --solver full: the working set gives the same optimum.",
            )
        return solve_written_out(problem, pricer, tol=self.settings.tol)

    def learn(self, advance: Advance) -> Learned:
        """Choose alpha where it is not given, then solve."""
        settings, clock = self.settings, time.perf_counter()
        curve, position = None, 0
        if settings.alpha is None and settings.alpha_ratio is None:
            curve = self.cross_validated(advance)
            position = curve.chosen(settings.rule, settings.max_neurons)
        chosen = time.perf_counter()
        with self.deadline.watching():
            alpha = self._alpha_at(curve, position)
            solutions = self.solved(alpha, advance)
            while settings.max_neurons is not None and sum(len(solution.fit.wedges) for solution in solutions) > settings.max_neurons:
                position -= 1
                alpha = self._alpha_at(curve, position)
                solutions = self.solved(alpha, advance)
        fits = [solution.fit for solution in solutions]
        if settings.bias:
            fits = [upright(self.sample.X, problem, fit) for problem, fit in zip(self.problems, fits)]
        if settings.refit:
            fits = [refitted(self.sample.X, problem, fit) for problem, fit in zip(self.problems, fits)]
        seconds = {"selection": chosen - clock, "fit": time.perf_counter() - chosen}
        return Learned(alpha, solutions, fits, curve, position, seconds)

    def _alpha_at(self, curve: Curve | None, position: int) -> float:
        """The alpha that was given, or that of the path, which goes on above the curve's first one."""
        if curve is None:
            return self.settings.alpha if self.settings.alpha_ratio is None else self.settings.alpha_ratio * self.alpha_max
        return float(curve.alphas[position] if position >= 0 else curve.alphas[0] * 10 ** (-position / curve.pace.per_decade))


def problems_of(sample: Sample, loss: str, intercept: bool, class_weight: str | None) -> list[Problem]:
    """One problem per network, at alpha 1: one in all, or for more than two classes one per class against the rest.

    ``class_weight`` "balanced" gives every class the same total weight.
    """
    targets = sample.y.T if sample.task == "classification" and sample.y.ndim == 2 else [sample.y]
    weights, labels = sample.weights, sample.labels
    if class_weight == "balanced":
        each = np.ones(len(labels)) if weights is None else weights
        weights = each / np.bincount(labels, weights=each)[labels]
    return [Problem(np.ascontiguousarray(y), 1.0, intercept, LOSSES[loss], weights) for y in targets]


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


def _round_reporter(advance: Advance, network: int, networks: int):
    """Tells of every round: where the fit stands, and how fast wedges are priced."""
    which = "" if networks == 1 else f"network {network + 1} of {networks}: "
    clock = time.monotonic()

    def report(round_: int, fit: Fit, certificate: Certificate) -> None:
        nonlocal clock
        before, clock = clock, time.monotonic()
        rate = certificate.wedges_priced / max(clock - before, 1e-9)
        figures = f"objective {certificate.objective:.6g}, gap {certificate.relative_gap:.1e}, {rate:.1e} wedges/s"
        advance("fit", round_, None, f"{which}{len(fit.wedges)} neurons, {figures}")

    return report
