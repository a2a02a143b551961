"""Two-layer ReLU networks that were trained elsewhere, read from a JSON file of their arrays or
from ONNX."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from wedgefit.engine.network import Layer, Network
from wedgefit.errors import ModelFileError
from wedgefit.model.network_file import NetworkFile, from_arrays, from_json

# What may stand between an ONNX graph's input and its first layer, or after its last one, without
# being a part of the network.
_BETWEEN = {"Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze"}


@dataclass(frozen=True, eq=False)
class Foreign:
    """A network of inputs u = (x − center) / scale, with center and scale (inputs,).

    Without ``hidden_bias``, or without an ``intercept``, it belongs to the class of networks
    without them, and these parts of it are zero. ``columns`` names the inputs (None: those of the
    table). Its output stands for (target − target_center) / target_scale. ``alpha`` and ``loss``
    are what it was trained with, None where the file does not say.
    """

    source: str
    network: Network
    hidden_bias: bool
    intercept: bool
    center: np.ndarray
    scale: np.ndarray
    columns: tuple[str, ...] | None
    target_center: float
    target_scale: float
    alpha: float | None
    loss: str | None

    @property
    def units(self) -> int:
        """How many hidden neurons it has."""
        return len(self.network.layers[0].biases)


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
        file = from_json(raw) if raw.lstrip()[:1] == b"{" else _from_onnx(raw)
    except ModelFileError as error:
        raise ModelFileError(error.message, where=name, remedy=error.remedy) from None
    return _foreign(file, name)


def _foreign(file: NetworkFile, source: str) -> Foreign:
    hidden, outer = file.array("hidden_weights"), file.array("output_weights")
    inputs, units = hidden.shape
    biases, bias = file.array("hidden_biases"), file.array("output_bias")
    center, scale = file.array("center"), file.array("scale")
    first = Layer(hidden, np.zeros(units) if biases is None else biases)
    last = Layer(outer.reshape(units, 1), np.zeros(1) if bias is None else bias.reshape(1))
    return Foreign(
        source,
        Network((first, last)),
        biases is not None,
        bias is not None,
        np.zeros(inputs) if center is None else center,
        np.ones(inputs) if scale is None else scale,
        file.columns,
        0.0 if file.target_center is None else file.target_center,
        1.0 if file.target_scale is None else file.target_scale,
        file.alpha,
        file.loss,
    )


# ONNX ---------------------------------------------------------------------------------------------


def _from_onnx(raw: bytes) -> NetworkFile:
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
    arrays = {
        "hidden_weights": hidden,
        "hidden_biases": biases,
        "output_weights": outer,
        "output_bias": bias,
        "center": center,
        "scale": scale,
    }
    return from_arrays(
        {
            name: array if array.ndim == 2 else np.ravel(array)
            for name, array in arrays.items()
            if array is not None
        }
    )


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
