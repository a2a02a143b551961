"""An ONNX file as a graph: its nodes, what reads which value, and the constants that it holds or
computes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from wedgefit.errors import ModelFileError

# These look at the shape of a value only.
SHAPES = {"Shape", "Size"}


class Graph:
    """The graph in the bytes of the file at ``path``, beside which its weights may lie.

    Raises ModelFileError for what is no ONNX, and for weights that cannot be read.
    """

    def __init__(self, raw: bytes, path: Path):
        model = _loaded(raw, path)
        graph, self._opsets = model.graph, model.opset_import
        self.nodes = graph.node
        self._makers = {name: node for node in graph.node for name in node.output}
        self._users: dict[str, list] = {}
        for node in graph.node:
            for name in node.input:
                self._users.setdefault(name, []).append(node)
        self._constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
        # Older exporters list the weights among the inputs.
        self.inputs = [part.name for part in graph.input if part.name not in self._constants]
        self.outputs = {value.name for value in graph.output}

    def users(self, value: str) -> list:
        """The nodes that read the numbers of a value."""
        return [node for node in self._users.get(value, ()) if node.op_type not in SHAPES]

    def constant(self, name: str) -> np.ndarray | None:
        """The numbers of a constant, also of one that is computed from constants; None for what
        depends on the input."""
        found = self._evaluated(name)
        return None if found is None else np.asarray(found, dtype=np.float64)

    def _evaluated(self, name: str) -> np.ndarray | None:
        if name in self._constants:
            return self._constants[name]
        node = self._makers.get(name)
        if node is None:
            return None
        read = {part: self._evaluated(part) for part in node.input if part}
        if any(part is None for part in read.values()):
            return None
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        graph = helper.make_graph(
            [node],
            "constant",
            [helper.make_empty_tensor_value_info(part) for part in read],
            [helper.make_empty_tensor_value_info(name)],
        )
        alone = helper.make_model(graph, opset_imports=self._opsets)
        try:
            found = ReferenceEvaluator(alone).run([name], read)[0]
        except Exception as error:
            # Whatever a file holds may come to be computed here.
            raise damaged(f"{node.op_type} of constants cannot be computed: {error}") from None
        self._constants[name] = found
        return found


def attributes(node) -> dict[str, float]:
    """The attributes of a node that are a number, by name."""
    return {part.name: part.i or part.f for part in node.attribute}


def floats(node, name: str) -> np.ndarray:
    """The attribute of a node that is a list of numbers."""
    return np.array([v for part in node.attribute if part.name == name for v in part.floats])


def _loaded(raw: bytes, path: Path):
    """The model, with the tensors that lie in files beside it."""
    if not find_spec("onnx"):
        raise ModelFileError(
            "this is not JSON, and reading ONNX needs the package onnx.",
            remedy="pip install 'wedgefit[onnx]'.",
        )
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import load_external_data_for_model, uses_external_data

    try:
        model = onnx.load_model_from_string(raw)
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node:
        raise ModelFileError(
            "this is neither JSON nor ONNX.",
            remedy="docs/yardstick.md says how a network becomes either.",
        )
    beside = {
        entry.value
        for tensor in model.graph.initializer
        if uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    try:
        load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError):
        names = ", ".join(sorted(map(str, beside)))
        raise ModelFileError(
            f"its weights are not in it but in {names} beside it, which cannot be read.",
            remedy="Keep the files together, or export with external_data=False.",
        ) from None
    return model


def _array(tensor) -> np.ndarray:
    """The numbers of a tensor in the file."""
    from onnx import numpy_helper

    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(f"the constant {tensor.name!r} is not what it says: {error}") from None


def damaged(how: str) -> ModelFileError:
    """The error of a file that is not what it says."""
    line = " ".join(how.split())
    return ModelFileError(f"this ONNX file is damaged ({line[:160]}).", remedy="Export it again.")
