"""A model as an ONNX graph in float64, with one input tensor per column; the package onnx is
imported only here, and only when used."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import count

import numpy as np

from wedgefit import __version__
from wedgefit.data.encoding import Encoding, InputColumn
from wedgefit.data.table import DEFAULT_NA, shown
from wedgefit.errors import ColumnError, FitError
from wedgefit.model.record import Model

# Old enough for runtimes of the last years, and all that is needed.
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
RESULTS = ("prediction", "probabilities")


def to_onnx(model: Model) -> bytes:
    """The graph as the bytes of an ``.onnx`` file.

    Inputs: per column a tensor (rows, 1) of that name: double, NaN where missing; or string, where
    "" and the other words for missing cells are missing. Outputs: ``prediction``, (rows,) numbers
    or labels, or (rows, targets); with the logistic loss ``probabilities`` (rows, classes).

    Raises FitError without the package onnx, ColumnError for names that the graph cannot hold.
    """
    if not find_spec("onnx"):
        raise FitError(
            "--format onnx needs the package onnx.",
            remedy="Install it: pip install 'wedgefit[onnx]'.",
        )
    _check_names(model.encoding)
    import onnx

    graph = _Graph(model.encoding)
    scores = _scores(graph, model)
    outputs = [_prediction(graph, model, scores)]
    if model.problem["loss"] == "logistic":
        outputs.append(_probabilities(graph, scores, len(model.encoding.target.classes)))
    helper, kinds = onnx.helper, onnx.TensorProto
    declared = [
        helper.make_tensor_value_info(
            column.name, kinds.DOUBLE if column.kind == "numeric" else kinds.STRING, ["rows", 1]
        )
        for column in model.encoding.inputs
    ]
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

    def __init__(self, encoding: Encoding):
        self.nodes, self.constants, self._numbers = [], [], count(1)
        self.prefix = "wedgefit_"
        while any(column.name.startswith(self.prefix) for column in encoding.inputs):
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


def _scores(graph: _Graph, model: Model) -> str:
    """The network's outputs, (rows, K)."""
    *hidden, (outer, intercepts) = model.network.layers
    values = _features(graph, model.encoding)
    for weights, biases in (layer for layer in hidden if len(layer[1])):
        values = graph.add(
            "Max", graph.add("Add", graph.add("MatMul", values, weights), biases), 0.0
        )
    if not len(outer):
        outer = np.zeros((len(model.encoding.features), len(intercepts)))
    return graph.add("Add", graph.add("MatMul", values, outer), intercepts)


def _features(graph: _Graph, encoding: Encoding) -> str:
    """What the network reads, (rows, d): the columns' blocks side by side, put into the order of
    the features."""
    blocks, order = [], []
    for column in encoding.inputs:
        positions = [
            j for j, feature in enumerate(encoding.features) if feature.source == column.name
        ]
        make = _numeric if column.kind == "numeric" else _text
        blocks += make(graph, column, [encoding.features[j] for j in positions])
        order += positions
    together = graph.add("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]
    return (
        together
        if order == sorted(order)
        else graph.add("Gather", together, np.argsort(order), axis=1)
    )


def _numeric(graph: _Graph, column: InputColumn, features: list) -> list[str]:
    """Per feature of a column of numbers its values, (rows, 1)."""
    # NaN is the only number that is not itself.
    present = graph.add("Equal", column.name, column.name)
    number = column.name
    for operator, limit in zip(("Max", "Min"), column.limits):
        number = number if limit is None else graph.add(operator, number, limit)
    raw = {"number": graph.add("Where", present, number, column.fill)}
    raw["missing"] = graph.add("Where", present, np.array([[0.0]]), 1.0)
    return [
        graph.add("Div", graph.add("Sub", raw[feature.kind], feature.center), feature.scale)
        for feature in features
    ]


def _text(graph: _Graph, column: InputColumn, features: list) -> list[str]:
    """The features of a column of text, (rows, k): for each cell the line of a table that has one
    per level, and one for other texts."""
    levels = list(dict.fromkeys(column.cells.values()))
    encoded = lambda level, feature: (
        (float(level == feature.level) - feature.center) / feature.scale
    )
    table = [[encoded(level, feature) for feature in features] for level in [*levels, column.other]]
    line = {text: levels.index(level) for text, level in column.cells.items() if text is not None}
    missing = column.cells.get(None, column.other)
    line = (
        dict.fromkeys(DEFAULT_NA, levels.index(missing) if missing in levels else len(levels))
        | line
    )
    lines = {
        "keys_strings": list(line),
        "values_int64s": list(line.values()),
        "default_int64": len(levels),
    }
    found = graph.add("LabelEncoder", column.name, domain="ai.onnx.ml", **lines)
    return [graph.add("Gather", np.array(table), graph.flat(found), axis=0)]


def _prediction(graph: _Graph, model: Model, scores: str) -> tuple:
    """Adds the output of that name: numbers, or of two classes the second where the output is
    positive, else the class of the largest."""
    from onnx import TensorProto

    classes, name = model.encoding.target.classes, RESULTS[0]
    if classes is None and len(model.outputs) > 1:
        return (
            graph.add("Identity", scores, name=name),
            TensorProto.DOUBLE,
            ["rows", len(model.outputs)],
        )
    if classes is None:
        return graph.flat(scores, name), TensorProto.DOUBLE, ["rows"]
    if len(classes) == 2:
        code = graph.add(
            "Cast", graph.add("Greater", graph.flat(scores), 0.0), to=TensorProto.INT64
        )
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


def _probabilities(graph: _Graph, scores: str, classes: int) -> tuple:
    """Adds the output of that name: from log-odds of the second of two classes, or of each class
    against the rest, normalised."""
    from onnx import TensorProto

    if classes == 2:
        logs = graph.add(
            "Concat", _log_expit(graph, graph.add("Neg", scores)), _log_expit(graph, scores), axis=1
        )
        found = graph.add("Exp", logs, name=RESULTS[1])
    else:
        # In logarithms, so that rows far from every class do not divide zero by zero.
        found = graph.add("Softmax", _log_expit(graph, scores), axis=1, name=RESULTS[1])
    return found, TensorProto.DOUBLE, ["rows", classes]


def _log_expit(graph: _Graph, values: str) -> str:
    """log(1 / (1 + exp(−x)))."""
    tail = graph.add("Exp", graph.add("Neg", graph.add("Abs", values)))
    return graph.add(
        "Sub", graph.add("Min", values, 0.0), graph.add("Log", graph.add("Add", tail, 1.0))
    )


def _check_names(encoding: Encoding) -> None:
    """Raises ColumnError for columns called like an output, and for texts that are no Unicode."""
    for column in encoding.inputs:
        if column.name in RESULTS:
            raise _not_held(f"{shown(column.name)} is the name of an output")
        for text in (
            column.name,
            *filter(None, column.cells),
            *map(str, encoding.target.classes or ()),
        ):
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise _not_held(f"{shown(text)} has characters that it does not store")


def _not_held(problem: str) -> ColumnError:
    return ColumnError(
        f"ONNX cannot hold this model: {problem}.",
        remedy="Rename it and train again, or choose another --format.",
    )
