"""The model file as a record, held together.

What each field may hold stands in its annotation; what the parts promise each other, here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from wedgefit.data.distribution import Distribution
from wedgefit.data.encoding import Encoding
from wedgefit.data.lags import Lags, rows_before
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.dictionary import order_of
from wedgefit.learning.threshold import Threshold
from wedgefit.model.effects import Importance
from wedgefit.model.file_problem import problem_complaints, read_together
from wedgefit.model.intervals import Spread
from wedgefit.model.over_folds import OverFolds
from wedgefit.model.parts import (
    AllLayers,
    Anchor,
    Data,
    Neuron,
    PerOutput,
    ProblemRecord,
    RowId,
    Score,
    Stage,
    Told,
    row_order,
    unit_name,
)
from wedgefit.model.record import MODEL_SCHEMA, Model, loss_in, outputs_of, separate_networks
from wedgefit.ranges import Span, Whole
from wedgefit.records import DISTINCT, Complaint


@dataclass(frozen=True)
class ModelFile:
    """What ``Model.dumps`` writes, key by key."""

    schema: Literal[MODEL_SCHEMA]
    data: Data
    problem: ProblemRecord
    certificate: Certificate
    stages: Annotated[tuple[Stage, ...], "One per hidden layer and network."]
    score: Score
    intercept: Annotated[PerOutput, "The output bias t: a number, or one per output."]
    neurons: list[Neuron]
    samples: Annotated[tuple[RowId, ...], DISTINCT, "The distinct rows that neurons pass through."]
    version: Annotated[str, "The version of wedgefit that trained the model."]
    notes: Annotated[tuple[str, ...], "What the user was told."]
    anchors: Annotated[tuple[Anchor, ...], "The rows that neurons pass through."]
    encoding: Annotated[Encoding, "How cells become the numbers that the first layer reads."]
    options: Annotated[
        dict[str, Told], "What training was told, where that decides the result."
    ] = field(default_factory=dict)
    distributions: Annotated[
        tuple[Distribution, ...], "What training saw of each column, in the order of the encoding."
    ] = ()
    effects: Annotated[
        tuple[Importance, ...], "How far every effect moves the output, the largest first."
    ] = ()
    over_folds: Annotated[
        tuple[OverFolds, ...], "How far the networks of the folds are from it, effect by effect."
    ] = ()
    threshold: Annotated[
        Threshold | None,
        "Of two classes: the second is predicted above this probability; null: where it is more "
        "likely than not.",
    ] = None
    all_layers: Annotated[
        AllLayers | None, "What is proven of all layers together; null: nothing beyond the stages."
    ] = None
    intervals: Annotated[
        tuple[Spread, ...], "How far predictions of each target are off, where that was learnt."
    ] = ()

    def complaints(self) -> Iterator[Complaint]:
        """What the parts promise each other; of several, the first."""
        for part in (_problem, _outputs, _layers, _neurons, _stages, _effects, _intervals, _lags):
            if found := list(part(self)):
                yield from found
                return

    def model(self) -> Model:
        """The model that was written."""
        return Model(
            data=self.data,
            problem=self.problem,
            certificate=self.certificate,
            stages=self.stages,
            score=self.score,
            intercept=self.intercept,
            neurons=self.neurons,
            anchors={anchor.id: anchor.values for anchor in self.anchors},
            encoding=self.encoding,
            notes=self.notes,
            version=self.version,
            options=self.options,
            distributions=self.distributions,
            importances=self.effects,
            over_folds=self.over_folds,
            threshold=self.threshold,
            all_layers=self.all_layers,
            intervals=self.intervals,
        )


# What the parts promise each other ----------------------------------------------------------------


def _problem(file: ModelFile) -> Iterator[Complaint]:
    """Values of which only some have a meaning together."""
    return problem_complaints(file.problem, file.encoding, file.threshold)


def _output_names(file: ModelFile) -> tuple[str, ...]:
    return outputs_of(file.encoding.target, loss_in(file.problem))


def _outputs(file: ModelFile) -> Iterator[Complaint]:
    """One number per output where there are several, and as many values as columns."""
    outputs = _output_names(file)
    if complaint := _per_output(file.intercept, outputs, "intercept"):
        yield complaint
    for i, anchor in enumerate(file.anchors):
        if len(anchor.values) != len(file.encoding.names):
            words = f"{len(file.encoding.names)} values, one for each column"
            found = f"{len(anchor.values)} for row {anchor.id}"
            yield Complaint(f"anchors[{i}].values", words, found)
    if len({anchor.id for anchor in file.anchors}) < len(file.anchors):
        yield Complaint("anchors", "distinct rows")


def _layers(file: ModelFile) -> Iterator[Complaint]:
    """Layers without gaps, of neurons that can be told apart."""
    depth, neurons = file.problem.layers - 1, file.neurons
    if len({neuron.id for neuron in neurons}) < len(neurons):
        yield Complaint("neurons", "of distinct ids")
    if depth > 1 and not any(neuron.layer == depth for neuron in neurons):
        yield Complaint("neurons", f"in all of {depth} hidden layers")
    reaching = {neuron.output for neuron in neurons if neuron.layer == depth}
    for i, neuron in enumerate(neurons):
        if neuron.output not in reaching or neuron.layer > depth:
            words = f"below a neuron of the last hidden layer, {depth}"
            yield Complaint(f"neurons[{i}].layer", words, str(neuron.layer))


def _neurons(file: ModelFile) -> Iterator[Complaint]:
    """Each reads the layer below, passes through stored rows, and has the coefficients that its
    layer has."""
    neurons = file.neurons
    readable: dict[tuple, set[str]] = {}
    for neuron in neurons:
        readable.setdefault((neuron.layer + 1, neuron.output), set()).add(unit_name(neuron.id))
    anchors = {anchor.id for anchor in file.anchors}
    together = read_together(file.problem, file.encoding)
    for i, neuron in enumerate(neurons):
        inputs = readable.get((neuron.layer, neuron.output), set())
        if neuron.layer == 1:
            inputs = set(file.encoding.names)
        for complaint in (*_wedge(neuron, inputs, anchors, file.problem), *_z(neuron, file)):
            yield complaint.within(f"neurons[{i}]")
        if together is not None and not together(neuron.columns):
            yield Complaint(f"neurons[{i}].columns", "of one column, or of one of problem.pairs")
    # After the neurons: a wrong row in one of them is named there.
    rows = {row for neuron in file.neurons for row in neuron.samples}
    if list(file.samples) != sorted(rows, key=row_order):
        yield Complaint("samples", "the rows that neurons pass through, sorted")


def _wedge(
    neuron: Neuron, inputs: set[str], anchors: set[RowId], problem: ProblemRecord
) -> Iterator[Complaint]:
    order = order_of(problem.order, neuron.layer)
    widest = len(inputs) if order == "full" else order
    for name in neuron.weights:
        if name not in inputs:
            yield Complaint("weights", "of columns that the model has", name)
            return
    if set(neuron.weights) != set(neuron.columns) or not any(neuron.weights.values()):
        yield Complaint("weights", "one for each of its columns, not all zero")
    for row in neuron.samples:
        if row not in anchors:
            yield Complaint("samples", "rows whose values are stored as anchors", str(row))
    if not neuron.order == len(neuron.columns) <= widest:
        yield Complaint("order", f"the number of its columns, at most {widest}", str(neuron.order))
    through = neuron.order if problem.hidden_bias else neuron.order - 1
    # A ramp of a network with a shape ends where it is level with one row.
    fewer = problem.refined or problem.shapes
    if len(neuron.samples) != through and not (
        fewer and len(neuron.samples) == int(problem.hidden_bias)
    ):
        yield Complaint("samples", f"{through} rows", str(len(neuron.samples)))


def _z(neuron: Neuron, file: ModelFile) -> Iterator[Complaint]:
    """In the last layer: of one network a number, or one per target; of a network per output a
    number and that output."""
    outputs, several = _outputs_of_one(file)
    if several != (neuron.output is not None) or (
        several and neuron.output not in _output_names(file)
    ):
        yield Complaint("output", "one of the outputs" if several else "null")
    if neuron.layer < file.problem.layers - 1:
        if neuron.coefficient is not None:
            yield Complaint("coefficient", "null below the last hidden layer")
    elif complaint := _per_output(neuron.coefficient, outputs, "coefficient"):
        yield complaint


def _stages(file: ModelFile) -> Iterator[Complaint]:
    """Coefficients that certificates speak of belong to neurons of their layer and network."""
    outputs, _ = _outputs_of_one(file)
    own: dict[tuple, set[str]] = {}
    for neuron in file.neurons:
        own.setdefault((neuron.layer, neuron.output), set()).add(unit_name(neuron.id))
    for i, stage in enumerate(file.stages):
        for name, value in (stage.coefficients or {}).items():
            path = f"stages[{i}].coefficients"
            if name not in own.get((stage.layer, stage.output), ()):
                yield Complaint(path, "of neurons of this layer", name)
            elif complaint := _per_output(value, outputs, f"{path}.{name}"):
                yield complaint


def _effects(file: ModelFile) -> Iterator[Complaint]:
    """Distributions of the very columns that the model reads, and importances of effects of
    these."""
    inputs = [column.name for column in file.encoding.inputs]
    if file.distributions and [part.column for part in file.distributions] != inputs:
        yield Complaint("distributions", "one for each input column, in their order")
    for i, (part, column) in enumerate(zip(file.distributions, file.encoding.inputs)):
        levels = {*column.groups.values()}
        if column.kind == "category" and not {*part.levels} <= levels:
            yield Complaint(f"distributions[{i}].levels", "levels of its column")
        if (column.kind == "category") != bool(part.levels):
            yield Complaint(f"distributions[{i}]", f"that of a {column.kind} column")
        elif column.kind == "numeric" and column.seen is None:
            yield Complaint(f"encoding.inputs[{i}].seen", "there, as the distribution is")
        elif part.values and not (
            column.seen[0] <= part.values[0] and part.values[-1] <= column.seen[1]
        ):
            yield Complaint(f"distributions[{i}].values", "within what was seen of the column")
    if len({effect.columns for effect in file.effects}) < len(file.effects):
        yield Complaint("effects", "of distinct columns")
    for i, effect in enumerate(file.effects):
        named = tuple(name for name in inputs if name in effect.columns)
        if effect.columns != named or not 1 <= len(named) <= 2:
            yield Complaint(f"effects[{i}].columns", "one or two input columns, in their order")
        path = f"effects[{i}].importance"
        if complaint := _per_output(effect.importance, _output_names(file), path):
            yield complaint
    yield from _over_folds(file)


def _over_folds(file: ModelFile) -> Iterator[Complaint]:
    """One for each effect, in the numbers or levels of its column."""
    found, outputs = file.over_folds, _output_names(file)
    if found and [part.columns for part in found] != [part.columns for part in file.effects]:
        yield Complaint("over_folds", "one for each effect, in their order")
        return
    levels = {part.column: part.levels for part in file.distributions}
    for i, part in enumerate(found):
        own = () if len(part.columns) > 1 else levels.get(part.columns[0], ())
        if part.levels != own:
            yield Complaint(f"over_folds[{i}].levels", "those of the column's distribution")
        elif len(part.columns) == 1 and bool(part.at) == bool(own):
            yield Complaint(f"over_folds[{i}].at", "places in a column of numbers, else none")
        elif len(part.columns) > 1 and part.at:
            yield Complaint(f"over_folds[{i}].at", "empty for a pair")
        if complaint := _per_output(part.importance, outputs, f"over_folds[{i}].importance"):
            yield complaint
        by_output = set(part.effect) if isinstance(part.effect, dict) else None
        if len(part.columns) == 1 and by_output != (set(outputs) if len(outputs) > 1 else None):
            yield Complaint(f"over_folds[{i}].effect", "a list, or one for each of several outputs")


def _intervals(file: ModelFile) -> Iterator[Complaint]:
    """One for each target, of features that the model has, where means of numbers are predicted."""
    target, names = file.encoding.target, file.encoding.names
    if not file.intervals:
        if file.options.get("intervals") is True:
            yield Complaint("intervals", "one for each target, as options.intervals asks")
        return
    if target.classes is not None or file.problem.loss == "quantile":
        yield Complaint("intervals", "none where no means of numbers are predicted")
    elif tuple(spread.output for spread in file.intervals) != target.outputs:
        yield Complaint("intervals", "one for each target, in their order")
    for i, spread in enumerate(file.intervals):
        for bend in spread.bends:
            if bend.feature not in names:
                place = f"intervals[{i}].bends"
                yield Complaint(place, "of columns that the model has", bend.feature)


def _outputs_of_one(file: ModelFile) -> tuple[tuple[str, ...], bool]:
    """The outputs of a single network, and whether every output has a network of its own."""
    outputs = _output_names(file)
    several = separate_networks(file.encoding.target, loss_in(file.problem)) != (None,)
    return outputs[: 1 if several else None], several


def _lags(file: ModelFile) -> Iterator[Complaint]:
    """What makes columns of the rows before makes those that training read."""
    told, ahead = file.options.get("lags"), file.options.get("horizon")
    if told is None:
        return
    try:
        told, ahead = Span().take(tuple(told)), Whole(1).take(ahead)
    except (TypeError, ValueError):
        yield Complaint("options.lags", "two rising whole numbers from 1 up, beside a horizon")
        return
    read = [column.name for column in file.encoding.inputs]
    read += [name for name, _ in file.encoding.left_out]
    few = told[1] - told[0] < len(read) and file.data.time is not None
    target = file.encoding.target.names[0]
    if not few or not set(Lags(target, "", rows_before(told, ahead)).names) <= set(read):
        yield Complaint("options.lags", "those of columns of the model, which has times")


def _per_output(value, outputs: tuple[str, ...], path: str) -> Complaint | None:
    if len(outputs) == 1:
        return None if isinstance(value, float) else Complaint(path, "a number")
    fits = isinstance(value, dict) and set(value) == set(outputs)
    return None if fits else Complaint(path, "one number for each output")
