"""A network from elsewhere, written: the JSON and ONNX that ``foreign`` reads."""

from importlib.util import find_spec

import numpy as np

from wedgefit import __version__
from wedgefit.errors import FitError, UsageError
from wedgefit.model.foreign import Foreign
from wedgefit.records import to_text

OPSET, IR_VERSION = 17, 8
SUFFIXES = (".json", ".onnx")


def to_json(network: Foreign) -> str:
    """The file of docs/network.schema.json; what is at its default is left out."""
    (hidden, biases), (outer, bias) = network.network.layers
    parts = {
        "hidden_weights": hidden.tolist(),
        "hidden_biases": biases.tolist() if network.hidden_bias else None,
        "output_weights": outer[:, 0].tolist(),
        "output_bias": float(bias[0]) if network.intercept else None,
        "columns": network.columns and list(network.columns),
        "center": network.center.tolist() if np.any(network.center) else None,
        "scale": network.scale.tolist() if np.any(network.scale != 1) else None,
        "target_center": network.target_center or None,
        "target_scale": None if network.target_scale == 1 else network.target_scale,
        "alpha": network.alpha,
        "loss": network.loss,
    }
    return to_text({name: part for name, part in parts.items() if part is not None})


def check_onnx(network: Foreign) -> None:
    """Raises UsageError where ONNX cannot hold the network, FitError without the package onnx."""
    if network.target_center or network.target_scale != 1:
        raise UsageError(
            "ONNX has no place for the target's center and scale of this network.",
            remedy="Write a .json file.",
        )
    if not find_spec("onnx"):
        raise FitError(
            "writing .onnx needs the package onnx.",
            remedy="Install it: pip install 'wedgefit[onnx]', or write a .json file.",
        )


def to_onnx(network: Foreign) -> bytes:
    """One Gemm before the Relu and one after it, in float64: from ``input``, (rows, inputs), to
    ``output``, (rows, 1); subtraction and division before are center and scale."""
    check_onnx(network)
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = _nodes(network)
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "polished",
        [tensor("input", TensorProto.DOUBLE, ["rows", network.network.inputs])],
        [tensor("output", TensorProto.DOUBLE, ["rows", 1])],
        [numpy_helper.from_array(np.array(part, float), name) for name, part in constants.items()],
    )
    written = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION, producer_name="wedgefit", producer_version=__version__,
    )  # fmt: skip
    onnx.checker.check_model(written, full_check=True)
    return written.SerializeToString(deterministic=True)


def _nodes(network: Foreign) -> tuple[list, dict[str, np.ndarray]]:
    """The nodes from ``input`` to ``output``, and the constants that they read, by name."""
    from onnx import helper

    (hidden, biases), (outer, bias) = network.network.layers
    constants, nodes, value = {}, [], "input"
    scaling = (("Sub", "center", network.center), ("Div", "scale", network.scale))
    for operator, name, numbers in scaling:
        if np.any(numbers != (operator == "Div")):
            constants[name] = numbers
            nodes.append(helper.make_node(operator, [value, name], [f"{value}_{name}"]))
            value = f"{value}_{name}"
    for name, weights, shifts, biased in (
        ("hidden", hidden, biases, network.hidden_bias),
        ("output", outer, bias, network.intercept),
    ):
        constants[f"{name}_weights"] = weights
        read = [value, f"{name}_weights"]
        if biased:
            constants[f"{name}_biases"] = shifts
            read.append(f"{name}_biases")
        made = "output" if name == "output" else f"{name}_sums"
        nodes.append(helper.make_node("Gemm", read, [made]))
        if name == "hidden":
            nodes.append(helper.make_node("Relu", [made], ["hidden"]))
            value = "hidden"
    return nodes, constants
