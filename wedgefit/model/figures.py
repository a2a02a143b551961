"""A model's figures, computed from its rows and its weights alone.

``train`` stores what these functions find and ``certify`` compares with it, so that an honest model
is accepted to the last digit; ``Leeway`` says what another machine's rounding may change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.data.distribution import distributions
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate, certify, relative_gap, sharp_enough, total
from wedgefit.engine.chains import all_layers_bound, are_chains
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.layers import DeepFit, activations, with_both_faces
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.proof import Proof
from wedgefit.engine.rounding import Leeway, leeway_of
from wedgefit.engine.schedule import QUICK_GAP
from wedgefit.engine.solve import worth_adding
from wedgefit.engine.wedge import Wedges
from wedgefit.errors import CertificateError, NoEffects
from wedgefit.learning.learn import Learner
from wedgefit.model.effects import importances
from wedgefit.model.neurons import reach_of, shares_of
from wedgefit.model.parts import AllLayers, Neuron, PerOutput, RowId, Stage, unit_name, values_of
from wedgefit.model.record import Model

# A bound found by a search may differ by so much of the objective.
UNSPLIT = 1e-7


@dataclass(frozen=True, eq=False)
class StageFound:
    """One stage of a network as found, and its leeway.

    ``exact``: its bound is about every wedge, and not about those drawn.
    """

    network: "NetworkOf"
    stage: Stage
    wedges: Wedges
    fit: Fit
    X: np.ndarray
    leeway: Leeway
    exact: bool

    @property
    def neurons(self) -> list[Neuron]:
        """The neurons that it has in the model, read or not."""
        return self.network.neurons(self.stage.layer)


@dataclass(frozen=True)
class NetworkOf:
    """One of the model's networks: all there is, or that of one class."""

    model: Model
    output: str | None
    row_of: dict[RowId, int]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Those of the model's outputs that it has."""
        return self.model.outputs if self.output is None else (self.output,)

    @property
    def depth(self) -> int:
        """How many hidden layers it has; a constant has the first one only."""
        own = [neuron.layer for neuron in self.model.neurons if neuron.output == self.output]
        return max(own, default=1)

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

    def told(self, layer: int) -> dict[str, PerOutput] | None:
        """The coefficients that are stored with the certificate of a layer; None where it speaks of
        the network's own, so that others would be about nothing."""
        apart = self.model.problem.apart or layer < self.depth
        return self.stage(layer).coefficients if apart else None

    def wedges(self, layer: int, room: int, width: int) -> Wedges:
        """The neurons of a layer, in ``width`` inputs of which the first are those that are
        stored."""
        neurons = self.neurons(layer)
        room = max([room, *(len(neuron.columns) for neuron in neurons)])
        inputs = (
            self.model.encoding.names
            if layer == 1
            else [unit_name(neuron.id) for neuron in self.neurons(layer - 1)]
        )
        column_of = {name: j for j, name in enumerate(inputs)}
        columns, samples = (np.full((len(neurons), room), -1) for _ in range(2))
        normals = np.zeros((len(neurons), width))
        for i, neuron in enumerate(neurons):
            # Ascending, as everywhere; units stand in another order than when they were trained.
            names = sorted(neuron.columns, key=column_of.__getitem__)
            columns[i, : len(names)] = [column_of[name] for name in names]
            samples[i, : len(neuron.samples)] = [self.row_of[row] for row in neuron.samples]
            normals[i, columns[i, : len(names)]] = [neuron.weights[name] for name in names]
        return Wedges(columns, samples, normals, np.array([neuron.bias for neuron in neurons]))

    def deep(self) -> DeepFit:
        """The network that is stored."""
        layers, width = [], len(self.model.encoding.names)
        for layer in range(1, self.depth + 1):
            layers.append(self.wedges(layer, 1, width))
            width = len(layers[-1])
        coefficients, intercept = self.stored()
        return DeepFit(tuple(layers), coefficients, intercept)

    def stored(self) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients (m, K) and the output bias (K,) of the last layer."""
        last = self.neurons(self.model.depth)
        intercept = np.array(values_of(self.model.intercept, self.outputs))
        return self._coefficients([neuron.coefficient for neuron in last]), intercept

    def _coefficients(self, values: Sequence[PerOutput | None]) -> np.ndarray:
        """Coefficients of neurons as they are stored, (m, K)."""
        table = np.empty((len(values), len(self.outputs)))
        for row, value in zip(table, values):
            row[:] = values_of(value, self.outputs)
        return table

    def certified(self, layer: int, problem: Problem, wedges: Wedges, X: np.ndarray) -> Fit:
        """What the certificate of this layer speaks of: the network itself, or the coefficients
        stored with the certificate."""
        coefficients = self.told(layer)
        if layer == self.depth and coefficients is None:
            z, intercept = self.stored()
            return Fit(wedges, z, intercept, wedges.combine(X, z))
        if coefficients is None:
            raise CertificateError(
                f"the model has no coefficients of its layer {layer}.",
                remedy="Train the model again.",
            )
        names = [unit_name(neuron.id) for neuron in self.neurons(layer)]
        own = [i for i, name in enumerate(names) if name in coefficients]
        z = self._coefficients([coefficients[names[i]] for i in own])
        return fit_on(X, problem, wedges.take(own), z)


def networks_of(model: Model, row_of: dict[RowId, int]) -> list[NetworkOf]:
    """The model's networks: one, or one per class."""
    return [NetworkOf(model, name, row_of) for name in model.separate]


# Certificates -------------------------------------------------------------------------------------


def stages_found(
    network: NetworkOf,
    problem: Problem,
    learner: Learner,
    pricer: Pricer,
    tol: float,
    proofs: Sequence[Proof] = (),
) -> Iterator[StageFound]:
    """Every stage of one network, with the status that is stored, priced again where the first
    ``proofs``, of its stages, are not of it; ``problem`` at the model's alpha."""
    X = learner.sample.X
    for layer in range(1, network.depth + 1):
        stored = network.stage(layer)
        pricer = pricer if layer == 1 else learner.policy.pricer(X, layer)
        wedges = network.wedges(layer, pricer.dictionary.room, X.shape[1])
        fit = network.certified(layer, problem, wedges, X)
        exact = stored.certificate.scope == "exact" or (layer == 1 and learner.exact)
        dual = problem.dual_point(fit.combined, fit.intercept)
        # As sharp as the solver's own last round; a bound below alpha need not be sharper.
        wanted = min(tol, QUICK_GAP) if pricer.full_rounds_are_quick else tol
        sharp = sharp_enough(problem, fit, dual, wanted)
        above = worth_adding(problem, wanted)
        # Where time was up nothing was proven but what a glance saw, and another sees other things.
        carried = exact and layer <= len(proofs) and stored.certificate.relative_gap <= tol
        priced = proofs[layer - 1].of(X, dual) if carried else None
        if priced is None:
            # A fit takes to lines after many proofs: this one by itself might end with bounds.
            by_lines = stored.certificate.scope == "exact" and not stored.certificate.bounded
            again = pricer.proving_again(by_lines)
            priced = again.price(dual, above, fit.wedges, every_pencil=exact, sharp=sharp)
        certificate = certify(X, problem, fit, dual, priced)
        exact = exact and certificate.scope == "exact"
        stage = Stage(
            layer=layer,
            output=network.output,
            status=stored.status,
            neurons=len(fit.wedges),
            certificate=certificate,
            coefficients=network.told(layer),
            penalty=problem.alpha * float(row_norms(fit.coefficients).sum()),
        )
        leeway = leeway_of(X, problem, fit, max(priced.bound, priced.supremum or 0.0))
        if priced.bounded:
            # Which parts a search for bounds leaves unsplit, the last digit may decide.
            more = min(sharp, UNSPLIT) * (certificate.objective - problem.floor)
            leeway = replace(leeway, bound=leeway.bound + more)
        yield StageFound(network, stage, wedges, fit, X, leeway, exact)
        if layer < network.depth:
            X = activations(with_both_faces(wedges), X)


def all_layers_found(
    X: np.ndarray, problems: Sequence[Problem], last: Sequence[StageFound]
) -> AllLayers | None:
    """What is proven of all layers of the networks together, on the rows X (n, d), from their last
    stages; None where nothing is."""
    model = last[0].network.model
    order = model.problem.order
    deeper = order[1:] if isinstance(order, tuple) else (order,)
    bias = model.problem.hidden_bias
    pairs = list(zip(problems, last))
    if any(each.network.depth < 2 for each in last) or not all(
        are_chains(X, problem, bias, deeper) for problem in problems
    ):
        return None
    found = [
        all_layers_bound(problem, X[:, 0], each.fit, lambda each=each: each.leeway.all)
        for problem, each in pairs
    ]
    objective = sum(each.stage.certificate.objective for each in last)
    below = sum(bound for bound, _ in found)
    return AllLayers(below, relative_gap(objective, below, sum(p.floor for p in problems)))


def with_status(stage: Stage, learner: Learner, tol: float) -> Stage:
    """The stage with what its run is to be called by its own gap: whether that meets ``tol`` is
    seen, why it does not is told."""
    gap = stage.certificate.relative_gap
    if learner.settings.refine and stage.certificate.network_relative_gap is not None:
        gap = stage.certificate.network_relative_gap
    if gap <= tol:
        return replace(stage, status="converged")
    return replace(stage, status="stalled") if stage.status == "converged" else stage


def together(found: list[Certificate]) -> Certificate:
    """The certificate of all networks."""
    return found[0] if len(found) == 1 else total(found)


def agree(one: Certificate, other: Certificate, leeway: Leeway) -> bool:
    """Whether two certificates of a network say the same but for rounding."""
    bounds = [
        (one.lower_bound, other.lower_bound),
        (one.network_lower_bound, other.network_lower_bound),
    ]
    return abs(one.objective - other.objective) <= leeway.objective and all(
        a == b or None not in (a, b) and abs(a - b) <= leeway.all for a, b in bounds
    )


# Neurons ------------------------------------------------------------------------------------------


def neurons_found(model: Model, networks: list[NetworkOf], learner: Learner) -> list[Neuron]:
    """The model's neurons with the figures that follow from their weights."""
    deep = [network.deep() for network in networks]
    weights = learner.problems[0].shares
    reach = [reach_of(each, learner.sample.X, weights) for each in deep]
    found = {}
    for network, below, shares in zip(networks, reach, shares_of(deep, reach)):
        for layer in range(1, network.depth + 1):
            for i, neuron in enumerate(network.neurons(layer)):
                found[neuron.id] = replace(
                    neuron,
                    order=len(neuron.columns),
                    active_rows=int(below[layer - 1][0][i]),
                    share=float(shares[layer - 1][i]),
                )
    return [found[neuron.id] for neuron in model.neurons]


def measured(model: Model, rows: Table, X: np.ndarray, weights: np.ndarray | None) -> Model:
    """The model with what its training rows hold in each column, and how far its effects go over
    them: X (n, d), weights (n,) or None."""
    model = replace(model, distributions=distributions(model.encoding, rows, weights))
    try:
        effects = model.effects()
    except NoEffects:
        return replace(model, importances=())
    return replace(model, importances=importances(effects, X, weights))
