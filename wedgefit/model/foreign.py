"""Two-layer ReLU networks that were trained elsewhere, read from a JSON file of their arrays or
from ONNX."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from wedgefit.engine.network import Network
from wedgefit.errors import ModelFileError

ARRAYS = ("hidden_weights", "hidden_biases", "output_weights", "output_bias")
OPTIONAL = (
    "hidden_biases",
    "output_bias",
    "columns",
    "center",
    "scale",
    "target_center",
    "target_scale",
    "alpha",
    "loss",
)
# What may stand between an ONNX graph's input and its first layer, or after its last one, without
# being a part of the network.
_BETWEEN = {"Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze"}


@dataclass(frozen=True, eq=False)
class Foreign:
    """A network t + Σ_k a_k max(0, w_k·u + b_k) of inputs u = (x − center) / scale, with weights w
    (inputs, units).

    Without hidden biases, or without an output bias, these arrays are None: the network belongs to
    the class without them. ``columns`` names the inputs (None: those of the table). Its output
    stands for (target − target_center) / target_scale. ``alpha`` and ``loss`` are what it was
    trained with, None where the file does not say.
    """

    source: str
    hidden_weights: np.ndarray
    hidden_biases: np.ndarray | None
    output_weights: np.ndarray
    output_bias: float | None
    center: np.ndarray
    scale: np.ndarray
    columns: tuple[str, ...] | None = None
    target_center: float = 0.0
    target_scale: float = 1.0
    alpha: float | None = None
    loss: str | None = None

    @property
    def network(self) -> Network:
        biases = (
            np.zeros(len(self.output_weights)) if self.hidden_biases is None else self.hidden_biases
        )
        return Network(
            (
                (self.hidden_weights, biases),
                (self.output_weights[:, None], np.array([self.output_bias or 0.0])),
            )
        )


def read_foreign(path: str | os.PathLike) -> Foreign:
    """The network in a JSON or ONNX file. Raises ModelFileError for anything else."""
    name = os.fspath(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"the network cannot be read ({error.strerror}).", where=name
        ) from None
    try:
        return _from_json(raw, name) if raw.lstrip()[:1] == b"{" else _from_onnx(raw, name)
    except ModelFileError as error:
        raise ModelFileError(error.message, where=name, remedy=error.remedy) from None


# JSON ---------------------------------------------------------------------------------------------


def _from_json(raw: bytes, source: str) -> Foreign:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"this is not JSON ({error}).") from None
    if absent := [name for name in ARRAYS if name not in record and name not in OPTIONAL]:
        raise ModelFileError(
            f"{', '.join(absent)} missing.",
            remedy="docs/file-format.md says what the file should hold.",
        )
    if unknown := [name for name in record if name not in (*ARRAYS, *OPTIONAL)]:
        raise ModelFileError(
            f"{', '.join(unknown)}: not known.",
            remedy=f"Expected {', '.join([*ARRAYS, *OPTIONAL[2:]])}.",
        )
    arrays = {
        name: _array(record[name], name)
        for name in (*ARRAYS, "center", "scale")
        if record.get(name) is not None
    }
    single = [
        name for name in ("target_center", "target_scale", "alpha") if record.get(name) is not None
    ]
    numbers = {name: float(_array(record[name], name)) for name in single}
    columns = record.get("columns")
    if columns is not None and not (
        isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    ):
        raise ModelFileError("columns should be a list of names.")
    if record.get("loss") not in (None, "squared", "logistic"):
        raise ModelFileError("loss should be squared or logistic.")
    return _checked(
        source, arrays, columns=columns and tuple(columns), loss=record.get("loss"), **numbers
    )


def _array(value, name: str) -> np.ndarray:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelFileError(f"{name} is not an array of numbers.") from None
    if not np.isfinite(array).all() or (
        array.ndim and name in ("target_center", "target_scale", "alpha")
    ):
        raise ModelFileError(
            f"{name} should be {'finite numbers' if array.ndim else 'a finite number'}."
        )
    return array


def _checked(source: str, arrays: dict[str, np.ndarray], **more) -> Foreign:
    """The network, once its arrays fit each other. Raises ModelFileError."""
    hidden, outer = arrays["hidden_weights"], arrays["output_weights"]
    if hidden.ndim != 2 or not hidden.size:
        raise ModelFileError(
            f"hidden_weights should be inputs × units numbers, not {_shape(hidden)}."
        )
    inputs, units = hidden.shape
    if outer.ndim == 2 and outer.shape[1] > 1:
        raise ModelFileError(
            f"the network has {outer.shape[1]} outputs.",
            remedy="Only networks with one output have a yardstick: a number, or two classes.",
        )
    _refuse_other_lengths(arrays, inputs, units)
    biases, bias = arrays.get("hidden_biases"), arrays.get("output_bias")
    center, scale = (
        arrays.get("center", np.zeros(inputs)).ravel(),
        arrays.get("scale", np.ones(inputs)).ravel(),
    )
    if np.any(scale <= 0) or more.get("target_scale", 1.0) <= 0 or more.get("alpha", 1.0) <= 0:
        raise ModelFileError("scale, target_scale and alpha should be positive.")
    if more.get("columns") is not None and len(more["columns"]) != inputs:
        raise ModelFileError(
            f"columns names {len(more['columns'])} inputs, hidden_weights has {inputs}."
        )
    return Foreign(
        source,
        hidden,
        None if biases is None else biases.ravel(),
        outer.ravel(),
        None if bias is None else float(bias.ravel()[0]),
        center,
        scale,
        **more,
    )


def _refuse_other_lengths(arrays: dict[str, np.ndarray], inputs: int, units: int) -> None:
    lengths = {
        "output_weights": units,
        "hidden_biases": units,
        "output_bias": 1,
        "center": inputs,
        "scale": inputs,
    }
    for name, length in lengths.items():
        array = arrays.get(name)
        if array is not None and array.size != length:
            expected = f"{length} number{'s' * (length != 1)}"
            raise ModelFileError(
                f"{name} should be {expected} to fit hidden_weights ({inputs} × {units}), "
                f"not {_shape(array)}."
            )


def _shape(array: np.ndarray) -> str:
    return " × ".join(map(str, array.shape)) if array.ndim else "a single number"


# ONNX ---------------------------------------------------------------------------------------------


def _from_onnx(raw: bytes, source: str) -> Foreign:
    """The one Relu of the graph, and the affine maps before and after it."""
    if not find_spec("onnx"):
        raise ModelFileError(
            "this is not JSON, and reading ONNX needs the package onnx.",
            remedy="pip install 'wedgefit[onnx]'.",
        )
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_model_from_string(raw).graph
    except DecodeError:
        raise ModelFileError("this is neither JSON nor ONNX.") from None
    walk = _Walk(graph)
    relus = [node for node in graph.node if node.op_type == "Relu"]
    if len(relus) != 1:
        raise ModelFileError(
            f"the graph has {len(relus)} Relu nodes; a network with one hidden layer has one."
        )
    hidden, biases, before = walk.affine_ending_at(relus[0].input[0])
    center, scale = walk.scaling(before, len(hidden))
    outer, bias = walk.affine_starting_at(relus[0].output[0])
    arrays = dict(zip(ARRAYS, (hidden, biases, outer, bias))) | {"center": center, "scale": scale}
    return _checked(source, {name: array for name, array in arrays.items() if array is not None})


class _Walk:
    """A graph that can be walked from a value to the node that makes it, and to those that use
    it."""

    def __init__(self, graph):
        from onnx import numpy_helper

        self.maker = {name: node for node in graph.node for name in node.output}
        self.users = {}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.inputs = {value.name for value in graph.input}
        self.constants = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer
        }
        for node in graph.node:
            if node.op_type == "Constant":
                values = [
                    numpy_helper.to_array(part.t) for part in node.attribute if part.name == "value"
                ]
                self.constants |= dict.fromkeys(node.output, values[0] if values else None)

    def constant(self, name: str) -> np.ndarray | None:
        """The constant's numbers, behind a Cast or a Transpose too; None for what is computed from
        the inputs."""
        if (found := self.constants.get(name)) is not None:
            return np.asarray(found, dtype=np.float64)
        node = self.maker.get(name)
        if node is None or node.op_type not in ("Cast", "Identity", "Transpose"):
            return None
        inner = self.constant(node.input[0])
        return inner.T if inner is not None and node.op_type == "Transpose" else inner

    def affine_ending_at(self, value: str) -> tuple[np.ndarray, np.ndarray | None, str]:
        """Weights (inputs, units), biases (units,) or None, and the value that they are applied
        to."""
        node, bias = self._made_by(value), None
        if node is not None and node.op_type == "Add":
            bias, value = self._constant_and_other(node)
            node = self._made_by(value)
        found = self._product(node)
        if found is None:
            raise ModelFileError(
                "before the Relu there is no Gemm, nor a MatMul and an Add, with constant weights."
            )
        weights, own, read = found
        return weights, own if bias is None else bias, read

    def affine_starting_at(self, value: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Weights (units, outputs) and biases (outputs,) or None of the map that is applied to a
        value."""
        for node in self._after(value):
            if (found := self._product(node)) is None:
                continue
            weights, bias, _ = found
            following = next(self._after(node.output[0]), None)
            if bias is None and following is not None and following.op_type == "Add":
                bias, _ = self._constant_and_other(following)
            return weights, bias
        raise ModelFileError(
            "after the Relu there is no Gemm, nor a MatMul and an Add, with constant weights."
        )

    def scaling(self, value: str, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Center and scale of the inputs: what subtractions and divisions by constants do before
        the first layer."""
        slope, shift = (
            np.ones(inputs),
            np.zeros(inputs),
        )  # what is done to x so far, from the end: slope · x + shift
        while value not in self.inputs:
            node = self.maker.get(value)
            attributes = (
                {}
                if node is None
                else {
                    part.name: np.array(part.floats) for part in node.attribute if len(part.floats)
                }
            )
            if node is not None and node.op_type in _BETWEEN:
                value = node.input[0]
                continue
            if node is not None and node.op_type == "Scaler":
                slope, shift = (
                    slope * attributes["scale"],
                    shift - slope * attributes["scale"] * attributes["offset"],
                )
                value = node.input[0]
                continue
            constant = None if node is None or len(node.input) < 2 else self.constant(node.input[1])
            if constant is None or node.op_type not in ("Sub", "Add", "Div", "Mul"):
                found = "nothing" if node is None else node.op_type
                raise ModelFileError(f"{found} before the first layer is not understood.")
            if node.op_type in ("Sub", "Add"):
                shift = shift + (slope if node.op_type == "Add" else -slope) * constant.ravel()
            else:
                slope = slope * (
                    constant.ravel() if node.op_type == "Mul" else 1 / constant.ravel()
                )
            value = node.input[0]
        return -shift / slope, 1 / slope

    def _made_by(self, value: str):
        node = self.maker.get(value)
        while node is not None and node.op_type in _BETWEEN:
            node = self.maker.get(node.input[0])
        return node

    def _after(self, value: str) -> Iterator:
        """The nodes that use a value, at once or behind ones that leave its numbers alone."""
        for node in self.users.get(value, ()):
            if node.op_type in _BETWEEN:
                yield from self._after(node.output[0])
            else:
                yield node

    def _constant_and_other(self, node) -> tuple[np.ndarray | None, str]:
        first, second = node.input
        return (
            (self.constant(second), first)
            if self.constant(first) is None
            else (self.constant(first), second)
        )

    def _product(self, node) -> tuple[np.ndarray, np.ndarray | None, str] | None:
        """Weights (inputs, outputs), bias and operand of a Gemm or MatMul with constant weights."""
        if (
            node is None
            or node.op_type not in ("Gemm", "MatMul")
            or (weights := self.constant(node.input[1])) is None
        ):
            return None
        numbers = {part.name: part.i or part.f for part in node.attribute}
        if node.op_type == "MatMul":
            return weights, None, node.input[0]
        if (
            numbers.get("transA")
            or numbers.get("alpha", 1.0) != 1.0
            or numbers.get("beta", 1.0) != 1.0
        ):
            raise ModelFileError("a Gemm with transA, alpha or beta is not understood.")
        bias = self.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        return weights.T if numbers.get("transB") else weights, bias, node.input[0]
