"""A model held against its training data: every claim recomputed from the rows and the weights
alone."""

import os
from dataclasses import asdict, dataclass, replace
from numbers import Real

import numpy as np

from wedgefit.data.roles import row_weights, training_rows
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.certificate import certify as certify_fit
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.layers import activations, orders_in_stage, with_both_faces
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import refitted
from wedgefit.engine.wedge import Wedges
from wedgefit.errors import CertificateError
from wedgefit.learning.learn import total
from wedgefit.learning.problems import problems_of
from wedgefit.learning.scores import SCORES, score_values
from wedgefit.model.record import Model, Neuron, Stage, unit_name

# Recomputed figures may differ from stored ones by this much, relatively.
ROUNDING = 1e-9


def certify(model: Model, table: Table, jobs: int | None = None) -> dict:
    """Recompute a model's claims from the data and its weights alone, and hold the stored figures
    against them.

    Raises CertificateError when the data cannot be those that the model was trained on.
    """
    rows = _training_rows(model, table)
    weights = row_weights(rows, model.data.weight)
    sample = Sample(
        model.encoding.transform(rows),
        model.encoding.target_values(rows),
        model.encoding.target.task,
        weights,
    )
    problem = model.problem
    problems = problems_of(sample, problem.loss, problem.intercept, problem.class_weight)
    networks = [None] if len(problems) == 1 else model.outputs
    row_of = _rows_by_id(model, rows)
    checks, found = _shared_checks(model, sample.X, row_of), []
    for each, output in zip(problems, networks):
        each = replace(each, alpha=problem.alpha)
        some, certificate = _audit(
            _Network(model, output, row_of), each, sample.X, jobs or os.cpu_count() or 1
        )
        checks += some
        found.append(certificate)
    together = found[0] if len(found) == 1 else total(found)
    checks += _figure_checks(model.certificate, together, "" if len(found) == 1 else "together: ")
    checks += _score_checks(model, sample)
    wrong = ", ".join(check["name"] for check in checks if not check["agrees"])
    return {
        "schema": "wedgefit.certification/1",
        "agrees": not wrong,
        "checks": checks,
        "certificate": asdict(together),
        "message": f"the stored figures do not hold: {wrong}"
        if wrong
        else "the stored figures hold",
    }


@dataclass(frozen=True)
class _Network:
    """One of the model's networks: all there is, or that of one class."""

    model: Model
    output: str | None
    row_of: dict[int | str, int]

    @property
    def depth(self) -> int:
        """How many hidden layers it has; a constant has the first one only."""
        return max(
            (neuron.layer for neuron in self.model.neurons if neuron.output == self.output),
            default=1,
        )

    def neurons(self, layer: int) -> list[Neuron]:
        return [neuron for neuron in self.model.layer(layer) if neuron.output == self.output]

    def stage(self, layer: int) -> Stage:
        """The stored record of one layer. Raises CertificateError when there is none."""
        for stage in self.model.stages:
            if (stage.layer, stage.output) == (layer, self.output):
                return stage
        raise CertificateError(
            f"the model has no certificate of its layer {layer}.", remedy="Train the model again."
        )

    def wedges(self, layer: int, dictionary: Dictionary) -> Wedges:
        """The neurons of a layer as wedges of the dictionary, whose first inputs are those that are
        stored."""
        room = max([dictionary.room, *(len(neuron.columns) for neuron in self.neurons(layer))])
        neurons = self.neurons(layer)
        inputs = (
            self.model.encoding.names
            if layer == 1
            else [unit_name(neuron.id) for neuron in self.neurons(layer - 1)]
        )
        column_of = {name: j for j, name in enumerate(inputs)}
        columns, samples = (np.full((len(neurons), room), -1) for _ in range(2))
        normals = np.zeros((len(neurons), dictionary.X.shape[1]))
        for i, neuron in enumerate(neurons):
            columns[i, : len(neuron.columns)] = [column_of[name] for name in neuron.columns]
            samples[i, : len(neuron.samples)] = [self.row_of[row] for row in neuron.samples]
            normals[i, columns[i, : len(neuron.columns)]] = [
                neuron.weights[name] for name in neuron.columns
            ]
        return Wedges(columns, samples, normals, np.array([neuron.bias for neuron in neurons]))

    def stored(self) -> tuple[np.ndarray, float | np.ndarray]:
        """The coefficients, (m,) or (m, K), and output bias of the last layer."""
        model = self.model
        if self.output is not None:
            return np.array(
                [neuron.coefficient for neuron in self.neurons(model.depth)]
            ), model.intercept[self.output]
        intercept = model.intercept
        return model.coefficients, intercept if len(model.outputs) == 1 else np.array(
            [intercept[name] for name in model.outputs]
        )

    def certified(self, layer: int, problem: Problem, wedges: Wedges, X: np.ndarray) -> Fit:
        """What the certificate of this layer speaks of: the network itself, or the coefficients
        stored with the certificate."""
        coefficients = self.stage(layer).coefficients
        if layer == self.depth and (coefficients is None or not self.model.problem.refitted):
            return _as_stored(self, problem, wedges, X)
        if coefficients is None:
            raise CertificateError(
                f"the model has no coefficients of its layer {layer}.",
                remedy="Train the model again.",
            )
        names = [unit_name(neuron.id) for neuron in self.neurons(layer)]
        own = [i for i, name in enumerate(names) if name in coefficients]
        values = [coefficients[names[i]] for i in own]
        z = [
            [value[output] for output in self.model.outputs] if isinstance(value, dict) else value
            for value in values
        ]
        return fit_on(
            X, problem, wedges.take(own), np.array(z).reshape(len(own), *problem.y.shape[1:])
        )


def _audit(
    network: _Network, problem: Problem, X: np.ndarray, jobs: int
) -> tuple[list[dict], Certificate]:
    """The checks of one network, layer by layer, and the certificate of its last layer as
    recomputed."""
    claimed, depth = network.model.problem, network.depth
    prefix = "" if network.output is None else f"{network.output}: "
    checks = []
    for layer in range(1, depth + 1):
        place = prefix if depth == 1 else f"{prefix}layer {layer}, "
        orders = orders_in_stage(claimed.order, claimed.norm, X.shape[1], layer)
        pricer = Pricer(
            Dictionary(X, orders, claimed.norm, claimed.hidden_bias),
            jobs=jobs,
            refine=claimed.refined and network.stage(layer).certificate.bounded,
        )
        wedges = network.wedges(layer, pricer.dictionary)
        checks += _wedge_checks(wedges, X, claimed.norm, place)
        fit = network.certified(layer, problem, wedges, X)
        if layer == depth and claimed.refitted:
            checks.append(_refit_check(network, problem, wedges, X, place))
        stage = network.stage(layer)
        priced = pricer.price(
            problem.dual_point(fit.combined),
            np.inf,
            fit.wedges,
            every_pencil=stage.certificate.scope == "exact",
            sharp=pricer.sharp_for(stage.certificate.relative_gap),
        )
        found = certify_fit(problem, fit, priced)
        # The model's own figures follow; those of the only stage must not go by the same names.
        checks += _figure_checks(stage.certificate, found, place or f"layer {layer}, ")
        X = activations(with_both_faces(wedges), X)
    return checks, found


def _as_stored(network: _Network, problem: Problem, wedges: Wedges, X: np.ndarray) -> Fit:
    coefficients, intercept = network.stored()
    return Fit(wedges, coefficients, intercept, wedges.combine(X, coefficients))


# The checks ---------------------------------------------------------------------------------------


def _training_rows(model: Model, table: Table) -> Table:
    """The rows that the model was trained on: those with a target and a weight. Also checks that
    the weights are weights."""
    table, _ = training_rows(
        table, model.encoding.target.names, model.data.weight, drop_missing=True
    )
    if table.rows != model.data.rows:
        raise CertificateError(
            f"the model was trained on {model.data.rows:,} rows, this file has {table.rows:,}.",
            where=table.title,
            remedy="Certify against the very data the model was trained on.",
        )
    return table


def _rows_by_id(model: Model, rows: Table) -> dict[int | str, int]:
    row_of = {row_id: position for position, row_id in enumerate(rows.row_ids)}
    if absent := [row for row in model.anchors if row not in row_of]:
        raise CertificateError(
            f"the model stands on row {absent[0]}, which is not in this file.",
            where=rows.title,
            remedy="Is it the training data?",
        )
    return row_of


def _shared_checks(model: Model, X: np.ndarray, row_of: dict) -> list[dict]:
    """Are the anchor rows those of the data, and is there an output bias only where one is
    allowed?"""
    stored = np.array(list(model.anchors.values())).reshape(len(model.anchors), X.shape[1])
    moved = float(np.abs(stored - X[[row_of[row] for row in model.anchors]]).max(initial=0.0))
    biases = (
        list(model.intercept.values()) if isinstance(model.intercept, dict) else [model.intercept]
    )
    checks = [
        _check(
            "anchor rows, largest difference",
            0.0,
            moved,
            moved <= 1e-12 * max(1.0, float(np.abs(X).max())),
        )
    ]
    if not model.problem.intercept:
        checks.append(_check("output bias", 0.0, max(biases, key=abs), not any(biases)))
    return checks


def _wedge_checks(wedges: Wedges, X: np.ndarray, norm: int, place: str) -> list[dict]:
    """Is each neuron a unit wedge through the rows it names?"""
    lengths = np.abs(np.linalg.norm(wedges.normals, ord=norm, axis=1) - 1).max(initial=0.0)
    heights = np.abs(X @ wedges.normals.T + wedges.offsets)
    reach = heights.max(axis=0, initial=0.0)
    rows = [samples[samples >= 0] for samples in wedges.samples]
    away = max(
        (heights[rows[i], i].max(initial=0.0) / reach[i] for i in np.flatnonzero(reach)),
        default=0.0,
    )
    return [
        _check(f"{place}unit neurons, largest deviation", 0.0, float(lengths), lengths <= ROUNDING),
        _check(f"{place}distance from named rows, relative", 0.0, float(away), away <= ROUNDING),
    ]


def _refit_check(
    network: _Network, problem: Problem, wedges: Wedges, X: np.ndarray, place: str
) -> dict:
    """Are the coefficients those of least squares on the wedges selected?"""
    stored = _as_stored(network, problem, wedges, X)
    best = refitted(X, problem, fit_on(X, problem, wedges, np.ones_like(stored.coefficients)))
    values = [problem.value(fit.combined, fit.intercept) for fit in (stored, best)]
    nothing = np.zeros_like(problem.y)
    slack = ROUNDING * (abs(values[1]) + problem.value(nothing, problem.shift(nothing)))
    return _check(f"{place}loss after refitting", *values, abs(values[0] - values[1]) <= slack)


def _figure_checks(stored: Certificate, found: Certificate, place: str) -> list[dict]:
    """Do objective, bound and gap hold? A sampled bound depends on the pencils drawn, so only an
    exact one is compared."""
    slack = ROUNDING * abs(found.objective)
    checks = [
        _check(
            f"{place}objective",
            stored.objective,
            found.objective,
            abs(stored.objective - found.objective) <= slack,
        ),
        _check(
            f"{place}wedges",
            stored.wedges_total,
            found.wedges_total,
            stored.wedges_total == found.wedges_total,
        ),
    ]
    if stored.scope == "exact":
        proven = found.scope == "exact" and stored.lower_bound <= found.lower_bound + slack
        checks.append(_check(f"{place}lower bound", stored.lower_bound, found.lower_bound, proven))
        holds = stored.relative_gap >= found.relative_gap - ROUNDING
        checks.append(
            _check(f"{place}relative gap", stored.relative_gap, found.relative_gap, holds)
        )
        if stored.network_lower_bound is not None:
            bound, gap = found.network_lower_bound, found.network_relative_gap
            proven = bound is not None and stored.network_lower_bound <= bound + slack
            checks.append(
                _check(f"{place}network lower bound", stored.network_lower_bound, bound, proven)
            )
            proven = (
                gap is not None
                and stored.network_relative_gap is not None
                and stored.network_relative_gap >= gap - ROUNDING
            )
            checks.append(
                _check(f"{place}network relative gap", stored.network_relative_gap, gap, proven)
            )
    return checks


def _score_checks(model: Model, sample: Sample) -> list[dict]:
    """Are the scores on the training rows those of the stored weights?"""
    output, stored = model.network.forward(sample.X), model.score.train
    # Where outputs are equal but for rounding, the last digit decides on classes and ranks: any of
    # its values will do.
    last = (
        ROUNDING
        * max(1.0, float(np.abs(output).max()))
        * (sample.y if sample.task == "classification" else 0.0)
    )
    found, *others = (
        score_values(sample, output + shift, model.problem.loss) for shift in (0.0, last, -last)
    )
    scale = {
        name: float(np.abs(sample.y).max()) if SCORES[name].in_units else 1 + abs(value or 0.0)
        for name, value in found.items()
    }
    return [
        _check(
            f"training score, {name}",
            stored.get(name),
            value,
            _within(stored.get(name), [value, *(other[name] for other in others)], scale[name]),
        )
        for name, value in found.items()
    ]


def _within(stored, values: list[float | None], scale: float) -> bool:
    """Whether a stored figure lies among these, but for rounding; one that does not exist is stored
    as none."""
    if stored is None or values[0] is None:
        return stored is values[0]
    return (
        isinstance(stored, Real)
        and min(values) - ROUNDING * scale <= stored <= max(values) + ROUNDING * scale
    )


def _check(name: str, stored, recomputed, agrees) -> dict:
    return {"name": name, "stored": stored, "recomputed": recomputed, "agrees": bool(agrees)}
