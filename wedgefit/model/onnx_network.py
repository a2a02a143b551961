"""A two-layer ReLU network out of an ONNX graph, as torch, tf2onnx, skl2onnx and our own export
write them.

The graph is followed from its input to its output. What is met on the way is a part of the network,
or leaves numbers alone, or is refused: a step that was skipped in silence would be another network.
"""

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from wedgefit.errors import ModelFileError
from wedgefit.model.network_file import NetworkFile, from_arrays

# These leave the numbers of a row alone.
SAME_NUMBERS = {"Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout"}
# These look at the shape of a value only.
SHAPES = {"Shape", "Size"}
# What would make a step one that is understood.
FOLDED = (
    "Export it with torch.onnx.export(net.eval(), ..., dynamo=True), which folds it into the layer."
)
REMEDIES = {"BatchNormalization": FOLDED}
# How many values a step reads at least.
READ = {"Gemm": 2, "MatMul": 2, "BatchNormalization": 5} | dict.fromkeys(
    ("Add", "Sub", "Mul", "Div"), 2
)
# A cast to one of these would round: float, float16, double, bfloat16 do not.
FLOATS = {1, 10, 11, 16}


def read_onnx(raw: bytes, path: Path) -> NetworkFile:
    """The network in the bytes of the file at ``path``, beside which its weights may lie.

    Raises ModelFileError for graphs that are no ReLU network of one hidden layer and one output.
    """
    if not find_spec("onnx"):
        raise ModelFileError(
            "this is not JSON, and reading ONNX needs the package onnx.",
            remedy="pip install 'wedgefit[onnx]'.",
        )
    walk = _Walk(_loaded(raw, path))
    parts = walk.network()
    found = from_arrays({name: part for name, part in parts.items() if part is not None})
    return replace(found, loss="logistic") if walk.probable else found


def _loaded(raw: bytes, path: Path):
    """The model, with the tensors that lie in files beside it."""
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


@dataclass
class _Layer:
    """One affine map: weights (inputs, outputs), None before it is met, and biases."""

    weights: np.ndarray | None = None
    biases: np.ndarray | None = None


@dataclass
class _Met:
    """What was met on the way so far: slope · x + shift of the inputs, the two layers, whether the
    Relu is behind, and scale · output + center after them."""

    slope: np.ndarray = field(default_factory=lambda: np.ones(1))
    shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    hidden: _Layer = field(default_factory=_Layer)
    outer: _Layer = field(default_factory=_Layer)
    active: bool = False
    scale: float | None = None
    center: float = 0.0

    @property
    def layer(self) -> _Layer:
        return self.outer if self.active else self.hidden

    @property
    def place(self) -> str:
        """Where the walk is, in words."""
        if self.hidden.weights is None:
            return "before the first layer"
        if not self.active:
            return "between the first layer and the Relu"
        return f"after the {'Relu' if self.outer.weights is None else 'last layer'}"

    def plus(self, constant: np.ndarray) -> None:
        """A constant is added to what there is."""
        if self.layer.weights is None and not self.active:
            self.shift = _sum(self.shift, constant)
        elif self.layer.weights is None:
            raise ModelFileError("Add after the Relu is not understood.")
        elif self.scale is not None:
            self.center += _single(constant)
        else:
            before = self.layer.biases
            self.layer.biases = constant if before is None else _sum(before, constant)

    def times(self, constant: np.ndarray, kind: str) -> None:
        """What there is is multiplied by a constant."""
        if self.hidden.weights is None:
            _sum(self.shift, constant)
            self.slope, self.shift = self.slope * constant, self.shift * constant
        elif self.outer.weights is None:
            raise ModelFileError(f"{kind} {self.place} is not understood.")
        else:
            factor = _single(constant)
            self.scale = (1.0 if self.scale is None else self.scale) * factor
            self.center *= factor


def _sum(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of as many numbers, or one for all."""
    if 1 not in (len(one), len(other)) and len(one) != len(other):
        raise ModelFileError(f"{len(one)} numbers and {len(other)} do not fit together.")
    return one + other


def _single(constant: np.ndarray) -> float:
    if constant.size != 1:
        raise ModelFileError(
            f"the output is scaled by {constant.size} numbers; only networks with one output have"
            " a yardstick."
        )
    return float(constant[0])


class _Walk:
    """A graph that is walked from its input to its output; ``probable``: whether it makes
    probabilities of two classes of what the layers give, as no network of a number does."""

    def __init__(self, model):
        graph, self.opsets = model.graph, model.opset_import
        self.nodes = graph.node
        self.maker = {name: node for node in graph.node for name in node.output}
        self.users: dict[str, list] = {}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
        # Older exporters list the weights among the inputs.
        self.inputs = [part.name for part in graph.input if part.name not in self.constants]
        self.outputs = {value.name for value in graph.output}
        self.probable = False

    def network(self) -> dict[str, object]:
        """The parts of ``NetworkFile`` by name, None for those that are not there."""
        relus = sum(map(self._rectifies, self.nodes))
        if relus != 1:
            raise ModelFileError(
                f"the graph has {relus} Relu nodes; a network with one hidden layer has one."
            )
        if len(self.inputs) != 1:
            # A name that is no UTF-8 comes as bytes.
            names = ", ".join(map(str, self.inputs))
            raise ModelFileError(
                f"the graph has {len(self.inputs)} inputs ({names}); one is expected, of rows and"
                " columns.",
                remedy="Export it with one input. Constants that an exporter left out (tf2onnx"
                ' those of Keras\' Normalization) belong into "center" and "scale" of a JSON file'
                " (docs/yardstick.md).",
            )
        met, value = _Met(), self.inputs[0]
        while (node := self._next(value, met)) is not None:
            if node.op_type == "Sigmoid" and met.outer.weights is not None and met.scale is None:
                # Probabilities of two classes and what is made of them: the layers end here.
                self.probable = True
                break
            self._take(node, value, met)
            value = node.output[0]
        if met.outer.weights is None:
            raise ModelFileError(
                f"{met.place} there is no Gemm, nor a MatMul and an Add, with constant weights."
            )
        return _parts(met)

    def _next(self, value: str, met: _Met):
        """The one node that uses a value; None at the end."""
        users = [node for node in self.users.get(value, ()) if node.op_type not in SHAPES]
        if len(users) > 1 or (users and value in self.outputs):
            raise ModelFileError(
                f"the graph branches {met.place}; a plain stack of layers is expected."
            )
        return users[0] if users else None

    def _take(self, node, value: str, met: _Met) -> None:
        """The step of one node, which reads ``value``."""
        kind = node.op_type
        if len(node.input) < READ.get(kind, 1) or not node.output:
            raise _damaged(f"{kind} {met.place} lacks what it reads or makes")
        if kind in SAME_NUMBERS and node.input[0] == value:
            to = _numbers(node).get("to", 1)
            if kind == "Cast" and to not in FLOATS:
                raise ModelFileError(f"a Cast to whole numbers {met.place} is not understood.")
        elif self._rectifies(node) and met.hidden.weights is not None:
            met.active = True
        elif kind == "BatchNormalization" and met.hidden.weights is None and not _trains(node):
            self._standardized(node, met)
        elif kind == "Scaler" and met.hidden.weights is None:
            offset, scale = (_floats(node, name) for name in ("offset", "scale"))
            met.plus(-offset)
            met.times(scale, kind)
        elif kind in ("Gemm", "MatMul"):
            self._layer(node, value, met)
        elif kind in ("Add", "Sub", "Mul", "Div"):
            self._elementwise(node, value, met)
        else:
            remedy = REMEDIES.get(kind, "")
            raise ModelFileError(f"{kind} {met.place} is not understood.", remedy=remedy)

    def _rectifies(self, node) -> bool:
        """Whether a node is a Relu, also one that is written as the larger of zero and its
        input."""
        if node.op_type == "Max" and len(node.input) == 2:
            one, other = map(self._constant, node.input)
            constant = other if one is None else one
            return (one is None) != (other is None) and not np.any(constant)
        if node.op_type == "Clip":
            least, most = self._limits(node)
            return least == 0 and most >= np.finfo(np.float32).max
        return node.op_type == "Relu"

    def _limits(self, node) -> tuple[float, float]:
        """The ends of a Clip, NaN where they are no constants; attributes before version 11."""
        numbers, found = _numbers(node), []
        for at, name, free in ((1, "min", -np.inf), (2, "max", np.inf)):
            given = node.input[at] if len(node.input) > at else ""
            constant = self._constant(given) if given else np.array(numbers.get(name, free))
            found.append(np.nan if constant is None or constant.size != 1 else constant.item())
        return found[0], found[1]

    def _standardized(self, node, met: _Met) -> None:
        """The inputs less their running means, over their deviations."""
        scale, shift, mean, variance = (self._number(node, name, met) for name in node.input[1:5])
        met.plus(-mean)
        met.times(scale / np.sqrt(variance + _numbers(node).get("epsilon", 1e-5)), node.op_type)
        met.plus(shift)

    def _layer(self, node, value: str, met: _Met) -> None:
        """A Gemm or a MatMul with constant weights."""
        numbers = _numbers(node)
        weights = self._constant(node.input[1])
        if weights is None or node.input[0] != value or weights.ndim != 2:
            raise ModelFileError(
                f"{node.op_type} {met.place} has no constant weights, inputs × units."
            )
        if numbers.get("transA") or any(numbers.get(name, 1) != 1 for name in ("alpha", "beta")):
            raise ModelFileError("a Gemm with transA, alpha or beta is not understood.")
        if met.layer.weights is not None:
            raise ModelFileError(
                f"{node.op_type} {met.place}: two layers without a Relu between them."
            )
        met.layer.weights = weights.T if numbers.get("transB") else weights
        if len(node.input) > 2 and node.input[2]:
            met.plus(self._number(node, node.input[2], met))

    def _elementwise(self, node, value: str, met: _Met) -> None:
        """A sum, difference, product or quotient with a constant."""
        first, second = node.input[:2]
        other = self._number(node, second if first == value else first, met)
        if node.op_type == "Add":
            met.plus(other)
        elif node.op_type == "Mul":
            met.times(other, "Mul")
        elif first != value:
            raise ModelFileError(f"{node.op_type} of a constant {met.place} is not understood.")
        elif node.op_type == "Sub":
            met.plus(-other)
        elif not np.all(other):
            raise ModelFileError(f"a Div by zero {met.place}.")
        else:
            met.times(1 / other, "Div")

    def _number(self, node, name: str, met: _Met) -> np.ndarray:
        """A constant operand, one number for each column or one for all."""
        found = self._constant(name)
        if found is None:
            raise ModelFileError(
                f"{node.op_type} {met.place} joins two values that depend on the input; a plain"
                " stack of layers is expected."
            )
        if found.size != (found.shape or (1,))[-1]:
            raise ModelFileError(f"{node.op_type} {met.place} has a constant for every row.")
        return found.ravel()

    def _constant(self, name: str) -> np.ndarray | None:
        """The numbers of a constant, also of one that is computed from constants; None for what
        depends on the input."""
        found = self._evaluated(name)
        return None if found is None else np.asarray(found, dtype=np.float64)

    def _evaluated(self, name: str) -> np.ndarray | None:
        if name in self.constants:
            return self.constants[name]
        node = self.maker.get(name)
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
        alone = helper.make_model(graph, opset_imports=self.opsets)
        try:
            found = ReferenceEvaluator(alone).run([name], read)[0]
        except Exception as error:
            # Whatever a file holds may come to be computed here.
            raise _damaged(f"{node.op_type} of constants cannot be computed: {error}") from None
        self.constants[name] = found
        return found


def _numbers(node) -> dict[str, float]:
    return {part.name: part.i or part.f for part in node.attribute}


def _array(tensor) -> np.ndarray:
    """The numbers of a tensor in the file."""
    from onnx import numpy_helper

    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(f"the constant {tensor.name!r} is not what it says: {error}") from None


def _damaged(how: str) -> ModelFileError:
    line = " ".join(how.split())
    return ModelFileError(f"this ONNX file is damaged ({line[:160]}).", remedy="Export it again.")


def _trains(node) -> bool:
    """Whether a BatchNormalization is of training: by the means of whatever rows it is given."""
    return bool(_numbers(node).get("training_mode")) or len(node.output) > 1


def _floats(node, name: str) -> np.ndarray:
    return np.array([v for part in node.attribute if part.name == name for v in part.floats])


def _parts(met: _Met) -> dict[str, object]:
    """As the file has them: (x − center) / scale before, and a target that was scaled."""
    inputs, units = met.hidden.weights.shape
    read, outputs = met.outer.weights.shape
    if read != units:
        raise ModelFileError(f"the last layer reads {read} units, the first one has {units}.")
    if outputs != 1:
        raise ModelFileError(
            f"the network has {outputs} outputs; only networks with one have a yardstick: a number,"
            " or two classes."
        )
    if not np.all(met.slope):
        raise ModelFileError("the inputs are multiplied by zero.")
    scaled = np.any(met.slope != 1) or np.any(met.shift)
    biases = met.hidden.biases
    # A scale is positive: what turns an input round, or the output, goes into its weights.
    turned = _sum(np.sign(met.slope), np.zeros(inputs))
    upright = -1.0 if met.scale is not None and met.scale < 0 else 1.0
    bias = met.outer.biases
    return {
        "hidden_weights": met.hidden.weights * turned[:, None],
        "hidden_biases": None if biases is None else _sum(biases, np.zeros(units)),
        "output_weights": met.outer.weights[:, 0] * upright,
        "output_bias": None if bias is None else bias * upright,
        "center": _sum(-met.shift / met.slope, np.zeros(inputs)) if scaled else None,
        "scale": _sum(1 / np.abs(met.slope), np.zeros(inputs)) if scaled else None,
        "target_center": None if met.scale is None else np.array(met.center),
        "target_scale": None if met.scale is None else np.array(abs(met.scale)),
    }
