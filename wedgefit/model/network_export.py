"""A network from elsewhere, written: the JSON and ONNX that ``foreign`` reads."""

from importlib.util import find_spec

import numpy as np

from wedgefit import __version__
from wedgefit.errors import FitError
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


def check_onnx() -> None:
    """Raises FitError without the package onnx."""
    if not find_spec("onnx"):
        raise FitError(
            "writing .onnx needs the package onnx.",
            remedy="Install it: pip install 'wedgefit[onnx]', or write a .json file.",
        )


def to_onnx(network: Foreign) -> bytes:
    """One Gemm before the Relu and one after it, in float64: from ``input``, (rows, inputs), to
    ``output``, (rows, 1); subtraction and division before are center and scale, a product and a sum
    after them those of the target."""
    check_onnx()
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
    scaled = network.target_scale != 1 or network.target_center != 0
    constants = {"hidden_weights": hidden, "output_weights": outer}
    constants |= {"hidden_biases": biases} if network.hidden_bias else {}
    constants |= {"output_bias": bias} if network.intercept else {}
    steps = []
    for operator, name, numbers in (
        ("Sub", "center", network.center),
        ("Div", "scale", network.scale),
    ):
        if np.any(numbers != (operator == "Div")):
            constants[name] = numbers
            steps.append((operator, [name]))
    steps.append(
        ("Gemm", [name for name in ("hidden_weights", "hidden_biases") if name in constants])
    )
    steps.append(("Relu", []))
    steps.append(
        ("Gemm", [name for name in ("output_weights", "output_bias") if name in constants])
    )
    if scaled:
        # Both: a sum alone would be an output bias.
        constants["target_scale"] = np.array(network.target_scale)
        constants["target_center"] = np.array(network.target_center)
        steps += [("Mul", ["target_scale"]), ("Add", ["target_center"])]
    values = ["input", *(f"value_{k}" for k in range(1, len(steps))), "output"]
    nodes = [
        helper.make_node(operator, [value, *read], [made])
        for (operator, read), value, made in zip(steps, values, values[1:])
    ]
    return nodes, constants
