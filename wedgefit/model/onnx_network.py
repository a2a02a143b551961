"""A two-layer ReLU network out of an ONNX graph, as torch, tf2onnx, skl2onnx and our own export
write them.

The graph is followed from its input to its output. What is met on the way is a part of the network,
or leaves numbers alone, or is refused: a step that was skipped in silence would be another network.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from wedgefit.errors import ModelFileError
from wedgefit.model.network_file import NetworkFile, from_arrays
from wedgefit.model.onnx_graph import Graph, attributes, damaged, floats

# These leave the numbers of a row alone.
SAME_NUMBERS = {"Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout"}
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
    walk = _Walk(Graph(raw, path))
    parts = walk.network()
    found = from_arrays({name: part for name, part in parts.items() if part is not None})
    return replace(found, loss="logistic") if walk.probable else found


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

    def __init__(self, graph: Graph):
        self.graph, self.probable = graph, False

    def network(self) -> dict[str, object]:
        """The parts of ``NetworkFile`` by name, None for those that are not there."""
        relus = sum(map(self._rectifies, self.graph.nodes))
        if relus != 1:
            raise ModelFileError(
                f"the graph has {relus} Relu nodes; a network with one hidden layer has one."
            )
        if len(self.graph.inputs) != 1:
            # A name that is no UTF-8 comes as bytes.
            names = ", ".join(map(str, self.graph.inputs))
            raise ModelFileError(
                f"the graph has {len(self.graph.inputs)} inputs ({names}); one is expected, of rows"
                " and columns.",
                remedy="Export it with one input. Constants that an exporter left out (tf2onnx"
                ' those of Keras\' Normalization) belong into "center" and "scale" of a JSON file'
                " (docs/yardstick.md).",
            )
        met, value = _Met(), self.graph.inputs[0]
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
        users = self.graph.users(value)
        if len(users) > 1 or (users and value in self.graph.outputs):
            raise ModelFileError(
                f"the graph branches {met.place}; a plain stack of layers is expected."
            )
        return users[0] if users else None

    def _take(self, node, value: str, met: _Met) -> None:
        """The step of one node, which reads ``value``."""
        kind = node.op_type
        if len(node.input) < READ.get(kind, 1) or not node.output:
            raise damaged(f"{kind} {met.place} lacks what it reads or makes")
        if kind in SAME_NUMBERS and node.input[0] == value:
            to = attributes(node).get("to", 1)
            if kind == "Cast" and to not in FLOATS:
                raise ModelFileError(f"a Cast to whole numbers {met.place} is not understood.")
        elif self._rectifies(node) and met.hidden.weights is not None:
            met.active = True
        elif kind == "BatchNormalization" and met.hidden.weights is None and not _trains(node):
            self._standardized(node, met)
        elif kind == "Scaler" and met.hidden.weights is None:
            offset, scale = (floats(node, name) for name in ("offset", "scale"))
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
            one, other = map(self.graph.constant, node.input)
            constant = other if one is None else one
            return (one is None) != (other is None) and not np.any(constant)
        if node.op_type == "Clip":
            least, most = self._limits(node)
            return least == 0 and most >= np.finfo(np.float32).max
        return node.op_type == "Relu"

    def _limits(self, node) -> tuple[float, float]:
        """The ends of a Clip, NaN where they are no constants; attributes before version 11."""
        told, found = attributes(node), []
        for at, name, free in ((1, "min", -np.inf), (2, "max", np.inf)):
            given = node.input[at] if len(node.input) > at else ""
            constant = self.graph.constant(given) if given else np.array(told.get(name, free))
            found.append(np.nan if constant is None or constant.size != 1 else constant.item())
        return found[0], found[1]

    def _standardized(self, node, met: _Met) -> None:
        """The inputs less their running means, over their deviations."""
        scale, shift, mean, variance = (self._number(node, name, met) for name in node.input[1:5])
        met.plus(-mean)
        met.times(scale / np.sqrt(variance + attributes(node).get("epsilon", 1e-5)), node.op_type)
        met.plus(shift)

    def _layer(self, node, value: str, met: _Met) -> None:
        """A Gemm or a MatMul with constant weights."""
        told = attributes(node)
        weights = self.graph.constant(node.input[1])
        if weights is None or node.input[0] != value or weights.ndim != 2:
            raise ModelFileError(
                f"{node.op_type} {met.place} has no constant weights, inputs × units."
            )
        if told.get("transA") or any(told.get(name, 1) != 1 for name in ("alpha", "beta")):
            raise ModelFileError("a Gemm with transA, alpha or beta is not understood.")
        if met.layer.weights is not None:
            raise ModelFileError(
                f"{node.op_type} {met.place}: two layers without a Relu between them."
            )
        met.layer.weights = weights.T if told.get("transB") else weights
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
        found = self.graph.constant(name)
        if found is None:
            raise ModelFileError(
                f"{node.op_type} {met.place} joins two values that depend on the input; a plain"
                " stack of layers is expected."
            )
        if found.size != (found.shape or (1,))[-1]:
            raise ModelFileError(f"{node.op_type} {met.place} has a constant for every row.")
        return found.ravel()


def _trains(node) -> bool:
    """Whether a BatchNormalization is of training: by the means of whatever rows it is given."""
    return bool(attributes(node).get("training_mode")) or len(node.output) > 1


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
