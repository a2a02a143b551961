"""What must hold of a model's own figures: gaps follow from bounds, wedges pass through their rows,
refitted and calibrated coefficients are what they should be."""

from collections.abc import Iterator

import numpy as np

from wedgefit.engine.certificate import relative_gap
from wedgefit.engine.fit import fit_on
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import refitted
from wedgefit.learning.calibrating import Isotonic, Line
from wedgefit.learning.settings import ISOTONIC
from wedgefit.model.differences import Check, same
from wedgefit.model.figures import StageFound
from wedgefit.model.parts import unit_name, values_of
from wedgefit.model.record import Model


def pair_checks(model: Model) -> Iterator[Check]:
    """Pairs that the rows chose are no more than there may be, and of those that were named; that
    they are the best, only training again can tell."""
    most, named = (model.options.get(name) for name in ("max_pairs", "pairs"))
    if most is None:
        return
    stored = model.problem.pairs
    known = {frozenset(pair) for pair in named or () if isinstance(pair, tuple)}
    few = stored is not None and isinstance(most, int) and len(stored) <= most
    if not few or known and not {*map(frozenset, stored)} <= known:
        of = " of those named" if known else ""
        yield Check("problem.pairs", str(stored), f"at most {most} pairs{of}", False)


def gap_checks(model: Model, wrong: set[str]) -> Iterator[Check]:
    """Gaps that are not those of the objectives and bounds beside them, where these hold: a gap is
    far smaller than what rounding may change in a bound, but it follows to the last digit."""
    # Older versions took a bound that rounding put above the objective for a gap of zero.
    slack = 0.0 if model.options else 1e-15
    for place, objective, name, gap, bound in _gaps(model):
        right = None if bound is None else relative_gap(objective, bound, model.problem.floor)
        holds = gap == right or None not in (gap, right) and same(gap, right, slack)
        parts = (name.replace("relative_gap", "lower_bound"), name)
        others = {f"{place}.{part}" for part in ("objective", *parts)}
        if not holds and not others & wrong:
            yield Check(f"{place}.{name}", gap, right, False)


def _gaps(model: Model) -> Iterator[tuple[str, float, str, float | None, float | None]]:
    """Every gap that a model tells: its place, the objective, its name, itself, and the bound."""
    places = {"certificate": model.certificate}
    places |= {f"stages[{i}]": stage.certificate for i, stage in enumerate(model.stages)}
    for place, stored in places.items():
        ours = stored.relative_gap, stored.lower_bound
        yield place, stored.objective, "relative_gap", *ours
        beyond = stored.network_relative_gap, stored.network_lower_bound
        yield place, stored.objective, "network_relative_gap", *beyond
    if model.all_layers is not None:
        theirs = model.all_layers.relative_gap, model.all_layers.lower_bound
        yield "all_layers", model.certificate.objective, "relative_gap", *theirs


def wedge_checks(found: StageFound, norm: int, bias: bool) -> Iterator[Check]:
    """Is each neuron a unit wedge through the rows it names, and without hidden biases through the
    origin?"""
    wedges, X = found.wedges, found.X
    if not len(wedges):
        return
    away = np.abs(np.linalg.norm(wedges.normals, ord=norm, axis=1) - 1)
    heights = np.abs(X @ wedges.normals.T + wedges.offsets)
    reach = heights.max(axis=0, initial=0.0)
    off = np.zeros(len(wedges))
    if not bias:
        off = np.abs(wedges.offsets) / np.where(reach > 0, reach, 1.0)
    for i, samples in enumerate(wedges.samples):
        if reach[i] and len(through := samples[samples >= 0]):
            off[i] = max(off[i], heights[through, i].max() / reach[i])
    for name, values, limit in (("weights", away, 1e-11), ("bias", off, 1e-9)):
        worst = int(np.argmax(np.where(np.isfinite(values), values, np.inf)))
        yield Check(
            f"neurons[{found.neurons[worst].id - 1}].{name}",
            float(values[worst]),
            0.0,
            bool(values[worst] <= limit),
        )


def refit_check(problem: Problem, found: StageFound) -> Check:
    """Are the coefficients those of least squares on the wedges selected?"""
    X, wedges, (z, _) = found.X, found.wedges, found.network.stored()
    stored = fit_on(X, problem, wedges, z)
    best = refitted(X, problem, fit_on(X, problem, wedges, np.ones_like(z)))
    values = [problem.value(fit.combined, fit.intercept) for fit in (stored, best)]
    slack = 1e-9 * (abs(values[1]) + problem.value(np.zeros_like(problem.y), problem.location))
    agrees = bool(abs(values[0] - values[1]) <= slack)
    return Check("neurons[*].coefficient", values[0], values[1], agrees)


def calibration_check(model: Model, found: StageFound) -> Check:
    """Is it what was asked for, and of a line: are the coefficients those of the certificate, times
    the slope?"""
    line, (z, _) = model.problem.calibration, found.network.stored()
    told = model.options.get("calibrate")
    kind = {True: Line, ISOTONIC: Isotonic}.get(told)
    if kind is None or type(line) is not kind:
        return Check("problem.calibration", type(line).__name__, str(told), False)
    if kind is Isotonic:
        return Check("problem.calibration", ISOTONIC, ISOTONIC, True)
    names = [unit_name(neuron.id) for neuron in found.neurons]
    told = found.stage.coefficients or {}
    rows = [values_of(told[name], model.outputs) for name in names if name in told]
    expected = line.slope * np.array(rows).reshape(-1, len(model.outputs))
    fits = expected.shape == z.shape and np.allclose(z, expected, rtol=1e-12, atol=0.0)
    sizes = (float(np.abs(part).sum()) for part in (z, expected))
    return Check("neurons[*].coefficient", *sizes, bool(fits))
