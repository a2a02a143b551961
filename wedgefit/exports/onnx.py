"""A model as an ONNX graph in float64, with one input tensor per column; the package onnx is
imported only here, and only when used."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from itertools import count

import numpy as np

from wedgefit import __version__
from wedgefit.data.kinds import LARGEST
from wedgefit.data.words import shown
from wedgefit.engine.losses import LARGEST_EXPONENT
from wedgefit.errors import ColumnError, FitError
from wedgefit.exports.plan import Feature, NumberColumn, Plan, TextColumn

# Old enough for runtimes of the last years, and all that is needed.
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
RESULTS = ("prediction", "probabilities")


def to_onnx(plan: Plan) -> bytes:
    """The graph as the bytes of an ``.onnx`` file.

    Inputs: per column a tensor (rows, 1) of that name: double, NaN where missing; or string, where
    "" and the other words for missing cells are missing. Outputs: ``prediction``, (rows,) numbers
    or labels, or (rows, targets); where there are some ``probabilities`` (rows, classes).

    Raises FitError without the package onnx, ColumnError for names that the graph cannot hold.
    """
    if not find_spec("onnx"):
        raise FitError(
            "--format onnx needs the package onnx.",
            remedy="Install it: pip install 'wedgefit[onnx]'.",
        )
    _check_names(plan)
    import onnx

    graph = _Graph(plan.names)
    scores = _scores(graph, plan)
    outputs = [_prediction(graph, plan, scores)]
    if plan.probable:
        outputs.append(_probabilities(graph, plan, scores))
    helper, kinds = onnx.helper, onnx.TensorProto
    types = {NumberColumn: kinds.DOUBLE, TextColumn: kinds.STRING}
    declared = [
        helper.make_tensor_value_info(column.name, types[type(column)], ["rows", 1])
        for column in plan.columns
    ]
    if plan.exposure is not None:
        declared.append(helper.make_tensor_value_info(plan.exposure, kinds.DOUBLE, ["rows", 1]))
    results = [helper.make_tensor_value_info(*output) for output in outputs]
    written = helper.make_model(
        helper.make_graph(graph.nodes, "wedgefit", declared, results, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR_VERSION, producer_name="wedgefit", producer_version=__version__,
    )  # fmt: skip
    onnx.checker.check_model(written, full_check=True)
    return written.SerializeToString(deterministic=True)


class _Graph:
    """Nodes and constants as they are added, under names that no column has."""

    def __init__(self, columns: Iterable[str]):
        self.nodes, self.constants, self._numbers = [], [], count(1)
        self.prefix = "wedgefit_"
        while any(name.startswith(self.prefix) for name in columns):
            self.prefix += "_"

    def add(
        self,
        operator: str,
        *inputs: str | np.ndarray | float,
        name: str | None = None,
        **attributes,
    ) -> str:
        """The name of the operator's output; arrays and numbers among its inputs become
        constants."""
        from onnx import helper

        output = name or f"{self.prefix}{next(self._numbers)}"
        inputs = [part if isinstance(part, str) else self.constant(part) for part in inputs]
        self.nodes.append(
            helper.make_node(
                operator, inputs, [output], name=f"{self.prefix}{next(self._numbers)}", **attributes
            )
        )
        return output

    def flat(self, values: str, name: str | None = None) -> str:
        """Values (rows, 1) as (rows,)."""
        return self.add("Squeeze", values, np.array([1]), name=name)

    def constant(self, value: np.ndarray | float) -> str:
        """The name of a constant; numbers are double."""
        from onnx import TensorProto, helper, numpy_helper

        name, array = f"{self.prefix}{next(self._numbers)}", np.asarray(value)
        if array.dtype == object:
            self.constants.append(
                helper.make_tensor(name, TensorProto.STRING, array.shape, array.ravel().tolist())
            )
        else:
            self.constants.append(numpy_helper.from_array(array, name))
        return name


def _scores(graph: _Graph, plan: Plan) -> str:
    """The network's outputs, (rows, K)."""
    values = _features(graph, plan)
    for layer in plan.network.layers:
        sums = graph.add("MatMul", values, layer.weights)
        values = graph.add("Add", sums, layer.biases)
        if layer is not plan.network.output:
            values = graph.add("Max", values, 0.0)
    return values


def _features(graph: _Graph, plan: Plan) -> str:
    """What the network reads, (rows, d): the columns' blocks side by side, put into the order of
    the features."""
    blocks, order = [], []
    for column in plan.columns:
        own = {j: part for j, part in enumerate(plan.features) if part.column is column}
        if isinstance(column, NumberColumn):
            blocks += _number(graph, column, list(own.values()), plan.reading.missing_numbers)
        else:
            blocks.append(_text(graph, column, list(own.values())))
        order += own
    together = graph.add("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]
    if order == sorted(order):
        return together
    return graph.add("Gather", together, np.argsort(order), axis=1)


def _number(
    graph: _Graph, column: NumberColumn, features: list[Feature], missing: tuple[float, ...]
) -> list[str]:
    """Per feature of a column of numbers its values, (rows, 1)."""
    # NaN is the only number that is not itself.
    present = graph.add("Equal", column.name, column.name)
    for number in missing:
        other = graph.add("Not", graph.add("Equal", column.name, number))
        present = graph.add("And", present, other)
    number = column.name
    for beyond, end in (("Less", column.low), ("Greater", column.high)):
        if end is not None:
            number = graph.add("Where", graph.add(beyond, column.name, end[0]), end[1], number)
    raw = {"number": graph.add("Where", present, number, column.fill)}
    raw["missing"] = graph.add("Where", present, np.array([[0.0]]), 1.0)

    def raw_of(feature: Feature) -> str:
        if feature.kind != "level":
            return raw[feature.kind]
        there = graph.add("Equal", raw["number"], feature.level)
        return graph.add("Where", there, np.array([[1.0]]), 0.0)

    return [
        graph.add("Div", graph.add("Sub", raw_of(feature), feature.center), feature.scale)
        for feature in features
    ]


def _text(graph: _Graph, column: TextColumn, features: list[Feature]) -> str:
    """The features of a column of text, (rows, k): for each cell the line of a table that has one
    per level."""
    levels = list(dict.fromkeys([*column.levels.values(), column.other]))
    table = [
        [feature.of(float(level == feature.level)) for feature in features] for level in levels
    ]
    found = graph.add(
        "LabelEncoder",
        column.name,
        domain="ai.onnx.ml",
        keys_strings=list(column.levels),
        values_int64s=[levels.index(level) for level in column.levels.values()],
        default_int64=levels.index(column.other),
    )
    return graph.add("Gather", np.array(table), graph.flat(found), axis=0)


def _prediction(graph: _Graph, plan: Plan, scores: str) -> tuple:
    """Adds the output of that name: numbers, or of two classes the second where the output is above
    the cut, else the class of the largest."""
    from onnx import TensorProto

    classes, name = plan.classes, RESULTS[0]
    if plan.exponential:
        least, most = -LARGEST_EXPONENT, LARGEST_EXPONENT
        scores = graph.add("Exp", graph.add("Max", graph.add("Min", scores, most), least))
    if plan.exposure is not None:
        scores = _exposed(graph, plan, scores)
    if plan.ascending:
        scores = _ascending(graph, scores, len(plan.targets))
    if classes is None and len(plan.targets) > 1:
        together = graph.add("Identity", scores, name=name)
        return together, TensorProto.DOUBLE, ["rows", len(plan.targets)]
    if classes is None:
        return graph.flat(scores, name), TensorProto.DOUBLE, ["rows"]
    if len(classes) == 2:
        above = graph.add("Greater", graph.flat(scores), plan.cut)
        code = graph.add("Cast", above, to=TensorProto.INT64)
    else:
        code = graph.add("ArgMax", scores, axis=1, keepdims=0)
    texts = any(isinstance(label, str) for label in classes)
    labels = np.array(classes, dtype=object if texts else None)
    kind = (
        TensorProto.STRING
        if texts
        else TensorProto.INT64
        if labels.dtype == np.int64
        else TensorProto.DOUBLE
    )
    return graph.add("Gather", labels, code, name=name), kind, ["rows"]


def _exposed(graph: _Graph, plan: Plan, rates: str) -> str:
    """What is predicted for the exposure of the row; NaN where that is none."""
    known = graph.add("Greater", plan.exposure, 1 / LARGEST)
    known = graph.add("And", known, graph.add("LessOrEqual", plan.exposure, LARGEST))
    for number in plan.reading.missing_numbers:
        other = graph.add("Not", graph.add("Equal", plan.exposure, number))
        known = graph.add("And", known, other)
    return graph.add("Where", known, graph.add("Mul", rates, plan.exposure), np.nan)


def _ascending(graph: _Graph, scores: str, many: int) -> str:
    """So many scores of each row in ascending order, by neighbours that change places."""
    columns = [graph.add("Gather", scores, np.array([k]), axis=1) for k in range(many)]
    for step in range(many):
        for k in range(step % 2, many - 1, 2):
            pair = columns[k : k + 2]
            columns[k : k + 2] = graph.add("Min", *pair), graph.add("Max", *pair)
    return graph.add("Concat", *columns, axis=1)


def _probabilities(graph: _Graph, plan: Plan, scores: str) -> tuple:
    """Adds the output of that name: from log-odds of the second of two classes, or of each class
    against the rest, normalised, or the softmax of all outputs."""
    from onnx import TensorProto

    classes = len(plan.classes)
    if classes == 2:
        logs = graph.add(
            "Concat", _log_expit(graph, graph.add("Neg", scores)), _log_expit(graph, scores), axis=1
        )
        found = graph.add("Exp", logs, name=RESULTS[1])
    else:
        # In logarithms, so that rows far from every class do not divide zero by zero.
        logs = scores if plan.shared else _log_expit(graph, scores)
        found = graph.add("Softmax", logs, axis=1, name=RESULTS[1])
    return found, TensorProto.DOUBLE, ["rows", classes]


def _log_expit(graph: _Graph, values: str) -> str:
    """log(1 / (1 + exp(−x)))."""
    tail = graph.add("Exp", graph.add("Neg", graph.add("Abs", values)))
    return graph.add(
        "Sub", graph.add("Min", values, 0.0), graph.add("Log", graph.add("Add", tail, 1.0))
    )


def _check_names(plan: Plan) -> None:
    """Raises ColumnError for columns called like an output, and for texts that are no Unicode."""
    for name in plan.names:
        if name in RESULTS:
            raise _not_held(f"{shown(name)} is the name of an output")
    for text in plan.texts:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _not_held(f"{shown(text)} has characters that it does not store")


def _not_held(problem: str) -> ColumnError:
    return ColumnError(
        f"ONNX cannot hold this model: {problem}.",
        remedy="Rename it and train again, or choose another --format.",
    )
