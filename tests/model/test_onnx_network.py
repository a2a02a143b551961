"""Networks out of ONNX: graphs as exporters write them, against onnx's own evaluation."""

import numpy as np
import pytest

from wedgefit.errors import ModelFileError
from wedgefit.model.foreign import read_foreign

onnx = pytest.importorskip("onnx")
from onnx.reference import ReferenceEvaluator  # noqa: E402

FLOAT, DOUBLE, INT64 = 1, 11, 7
RNG = np.random.default_rng(4)
W, B, A, T = (
    RNG.normal(size=(3, 5)),
    RNG.normal(size=5),
    RNG.normal(size=(5, 1)),
    RNG.normal(size=1),
)
CENTER, SCALE = np.array([1.0, -2.0, 0.5]), np.array([2.0, 0.5, 4.0])
X = RNG.normal(size=(7, 3))
AXIS = np.array([-1])


def model_of(nodes, constants, *, opset=17, kind=FLOAT, given="x", made=("y",), inputs=3):
    """A graph of nodes (operator, inputs, output, attributes) whose constants have the type of the
    input; indices stay whole."""
    ml = {"Scaler", "ArrayFeatureExtractor"}
    make = onnx.helper
    dtype = np.float32 if kind == FLOAT else np.float64
    tensors = [
        onnx.numpy_helper.from_array(value if value.dtype.kind == "i" else value.astype(dtype), key)
        for key, value in constants.items()
    ]
    graph = make.make_graph(
        [
            make.make_node(
                operator,
                names,
                [output],
                domain="ai.onnx.ml" if operator in ml else "",
                **attributes,
            )
            for operator, names, output, attributes in nodes
        ],
        "main_graph",
        [make.make_tensor_value_info(given, kind, ["rows", inputs])],
        [
            make.make_tensor_value_info(name, INT64 if name == "label" else kind, ["rows", None])
            for name in made
        ],
        tensors,
    )
    opsets = [make.make_opsetid("", opset), make.make_opsetid("ai.onnx.ml", 3)]
    return make.make_model(graph, opset_imports=opsets, ir_version=8)


def read(model, tmp_path):
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    return read_foreign(tmp_path / "net.onnx")


def gemm(*names, **more):
    """Gemm as torch writes it."""
    return ("Gemm", list(names[:-1]), names[-1], {"alpha": 1.0, "beta": 1.0, "transB": 1} | more)


TORCH = {"0.weight": W.T, "0.bias": B, "2.weight": A.T, "2.bias": T}
LAST = gemm("/1/Relu_output_0", "2.weight", "2.bias", "y")
RELU = ("Relu", ["/0/Gemm_output_0"], "/1/Relu_output_0", {})
STACK = [gemm("x", "0.weight", "0.bias", "/0/Gemm_output_0"), RELU, LAST]
# torch's dynamo exporter, of 2.6 and of 2.9; the latter writes this Gemm.
TRANSPOSED = [
    ("Transpose", ["0.weight"], "val_0", {"perm": [1, 0]}),
    ("MatMul", ["x", "val_0"], "val_1", {}),
    ("Add", ["val_1", "0.bias"], "linear", {}),
    ("Relu", ["linear"], "relu", {}),
    ("Transpose", ["2.weight"], "val_3", {"perm": [1, 0]}),
    ("MatMul", ["relu", "val_3"], "val_4", {}),
    ("Add", ["val_4", "2.bias"], "y", {}),
]
NODE_LINEAR = [
    gemm("x", "0.weight", "0.bias", "linear", transA=0),
    ("Relu", ["linear"], "relu", {}),
    gemm("relu", "2.weight", "2.bias", "y", transA=0),
]
# A forward that scales the inputs, and the output back to the units of the target.
IN_UNITS = [
    ("Sub", ["x", "mean"], "/Sub_output_0", {}),
    ("Div", ["/Sub_output_0", "std"], "/Div_output_0", {}),
    gemm("/Div_output_0", "0.weight", "0.bias", "/0/Gemm_output_0"),
    RELU,
    gemm("/1/Relu_output_0", "2.weight", "2.bias", "/2/Gemm_output_0"),
    ("Mul", ["/2/Gemm_output_0", "y_std"], "/Mul_output_0", {}),
    ("Add", ["/Mul_output_0", "y_mean"], "/Add_output_0", {}),
    ("Squeeze", ["/Add_output_0", "axis"], "y", {}),
]
# x.view(x.size(0), -1)
VIEW = [
    ("Shape", ["x"], "/Shape_output_0", {}),
    ("Constant", [], "/Constant_output_0", {"value_int": 0}),
    ("Gather", ["/Shape_output_0", "/Constant_output_0"], "/Gather_output_0", {"axis": 0}),
    ("Unsqueeze", ["/Gather_output_0", "zero"], "/Unsqueeze_output_0", {}),
    ("Concat", ["/Unsqueeze_output_0", "rest"], "/Concat_output_0", {"axis": 0}),
    ("Reshape", ["x", "/Concat_output_0"], "/Reshape_output_0", {}),
    gemm("/Reshape_output_0", "0.weight", "0.bias", "/0/Gemm_output_0"),
    RELU,
    LAST,
]
# Keras by tf2onnx; its Normalization divides by max(√variance, ε).
KERAS = {
    "sequential/dense/MatMul/ReadVariableOp:0": W,
    "sequential/dense/BiasAdd/ReadVariableOp:0": B,
    "sequential/dense_1/MatMul/ReadVariableOp:0": A,
    "sequential/dense_1/BiasAdd/ReadVariableOp:0": T,
}
W_KERAS, B_KERAS, A_KERAS, T_KERAS = KERAS


def keras(first="x"):
    return [
        ("MatMul", [first, W_KERAS], "sequential/dense/MatMul:0", {}),
        ("Add", ["sequential/dense/MatMul:0", B_KERAS], "sequential/dense/BiasAdd:0", {}),
        ("Relu", ["sequential/dense/BiasAdd:0"], "sequential/dense/Relu:0", {}),
        ("MatMul", ["sequential/dense/Relu:0", A_KERAS], "sequential/dense_1/MatMul:0", {}),
        ("Add", ["sequential/dense_1/MatMul:0", T_KERAS], "dense_1", {}),
        ("Identity", ["dense_1"], "y", {}),
    ]


NORMALIZED = [
    ("Sub", ["x", "sub/y"], "sequential/normalization/sub:0", {}),
    ("Sqrt", ["variance"], "sequential/normalization/Sqrt:0", {}),
    ("Max", ["sequential/normalization/Sqrt:0", "tiny"], "sequential/normalization/Maximum:0", {}),
    (
        "Div",
        ["sequential/normalization/sub:0", "sequential/normalization/Maximum:0"],
        "sequential/normalization/truediv:0",
        {},
    ),
    *keras("sequential/normalization/truediv:0"),
]
# skl2onnx: biases have a row of their own.
SKL = {"coefficient": W, "intercepts": B[None], "coefficient1": A, "intercepts1": T[None]}
PASS = [
    ("MatMul", ["cast_input", "coefficient"], "mul_result", {}),
    ("Add", ["mul_result", "intercepts"], "add_result", {}),
    ("Relu", ["add_result"], "next_activations", {}),
    ("MatMul", ["next_activations", "coefficient1"], "mul_result1", {}),
    ("Add", ["mul_result1", "intercepts1"], "add_result1", {}),
]
REGRESSOR = [
    ("Cast", ["x"], "cast_input", {"to": FLOAT}),
    *PASS,
    ("Identity", ["add_result1"], "out_activations_result", {}),
    ("Reshape", ["out_activations_result", "shape_tensor"], "y", {}),
]
PIPELINE = [
    ("Scaler", ["x"], "scaled", {"offset": CENTER.tolist(), "scale": (1 / SCALE).tolist()}),
    ("Cast", ["scaled"], "cast_input", {"to": FLOAT}),
    *REGRESSOR[1:],
]
CLASSIFIER = [
    REGRESSOR[0],
    *PASS,
    ("Sigmoid", ["add_result1"], "out_activations_result", {}),
    ("Sub", ["unity", "out_activations_result"], "negative_class_proba", {}),
    ("Concat", ["negative_class_proba", "out_activations_result"], "probabilities", {"axis": 1}),
    ("ArgMax", ["probabilities"], "argmax_output", {"axis": 1}),
    ("ArrayFeatureExtractor", ["classes", "argmax_output"], "chosen", {}),
    ("Reshape", ["chosen", "shape_tensor"], "reshaped_result", {}),
    ("Cast", ["reshaped_result"], "label", {"to": INT64}),
]
MORE = {
    "mean": CENTER,
    "std": SCALE,
    "gain": np.array([0.5, 2.0, -1.0]),
    "lift": np.array([0.1, 0.2, -0.3]),
    "squares": SCALE**2,
    "nought": np.array(0.0),
    "turned": np.array([-1.0, 2.0, -0.5]),
    "downwards": np.array(-3.0),
    "y_std": np.array(3.0),
    "y_mean": np.array(-2.0),
    "axis": AXIS,
    "zero": np.array([0]),
    "rest": AXIS,
    "sub/y": CENTER[None],
    "variance": SCALE[None] ** 2,
    "tiny": np.array(1e-7),
    "shape_tensor": np.array([-1, 1]),
    "unity": np.array(1.0),
    "classes": np.array([0, 1], dtype=np.int32),
}
EXPORTERS = {
    "torchscript": STACK,
    "torch without biases": [
        ("MatMul", ["x", "W"], "/0/MatMul_output_0", {}),
        ("Relu", ["/0/MatMul_output_0"], "/1/Relu_output_0", {}),
        ("MatMul", ["/1/Relu_output_0", "A"], "y", {}),
    ],
    "torch of three axes": [
        ("MatMul", ["x", "W"], "/0/MatMul_output_0", {}),
        ("Add", ["0.bias", "/0/MatMul_output_0"], "/0/Add_output_0", {}),
        ("Relu", ["/0/Add_output_0"], "/1/Relu_output_0", {}),
        ("MatMul", ["/1/Relu_output_0", "A"], "/2/MatMul_output_0", {}),
        ("Add", ["2.bias", "/2/MatMul_output_0"], "y", {}),
    ],
    "torch in units": IN_UNITS,
    "torch turned round": [
        ("Mul", ["x", "turned"], "t", {}),
        gemm("t", "0.weight", "0.bias", "/0/Gemm_output_0"),
        RELU,
        gemm("/1/Relu_output_0", "2.weight", "2.bias", "o"),
        ("Mul", ["o", "downwards"], "y", {}),
    ],
    "torch with a view": VIEW,
    "torch with BatchNorm1d": [
        ("BatchNormalization", ["x", "gain", "lift", "mean", "squares"], "n", {"epsilon": 1e-3}),
        gemm("n", "0.weight", "0.bias", "/0/Gemm_output_0"),
        *STACK[1:],
    ],
    "torch with clamp(min=0)": [
        STACK[0],
        ("Constant", [], "least", {"value_float": 0.0}),
        ("Clip", ["/0/Gemm_output_0", "least", ""], "/1/Relu_output_0", {}),
        LAST,
    ],
    "dynamo with clamp(min=0)": [
        STACK[0],
        ("Max", ["/0/Gemm_output_0", "nought"], "/1/Relu_output_0", {}),
        LAST,
    ],
    "dynamo 2.6": TRANSPOSED,
    "dynamo 2.9": NODE_LINEAR,
    "tf2onnx": keras(),
    "tf2onnx with Normalization": NORMALIZED,
    "skl2onnx": REGRESSOR,
    "skl2onnx with a scaler": PIPELINE,
}
ALL = TORCH | KERAS | SKL | MORE | {"W": W, "A": A}


def used(nodes):
    names = {name for _, read, _, _ in nodes for name in read}
    return {name: value for name, value in ALL.items() if name in names}


@pytest.mark.parametrize("kind", [FLOAT, DOUBLE])
@pytest.mark.parametrize("name", EXPORTERS)
def test_what_exporters_write(name, kind, tmp_path):
    nodes = [
        (operator, read, made, more | {"to": kind} if operator == "Cast" else more)
        for operator, read, made, more in EXPORTERS[name]
    ]
    model = model_of(nodes, used(nodes), kind=kind)
    onnx.checker.check_model(model)
    found = read(model, tmp_path)
    given = X.astype(np.float32 if kind == FLOAT else np.float64)
    (truth,) = ReferenceEvaluator(model).run(None, {"x": given})
    output = found.network.forward((X - found.center) / found.scale)[:, 0]
    output = output * found.target_scale + found.target_center
    exact = {"rtol": 1e-4, "atol": 1e-5} if kind == FLOAT else {"rtol": 1e-12}
    np.testing.assert_allclose(output, np.ravel(truth), **exact)
    assert found.hidden_bias == found.intercept == ("without biases" not in name)
    # What weight decay sees are the weights as they stand, whatever scales them afterwards.
    turned = -1 if name == "torch turned round" else 1
    np.testing.assert_allclose(found.network.layers[1].weights, turned * A, rtol=1e-6)
    units = {"torch in units": (3.0, -2.0), "torch turned round": (3.0, 0.0)}
    assert (found.target_scale, found.target_center) == units.get(name, (1.0, 0.0))


def test_probabilities_of_two_classes_end_the_network(tmp_path):
    model = model_of(CLASSIFIER, used(CLASSIFIER), made=("label", "probabilities"))
    found = read(model, tmp_path)
    _, truth = ReferenceEvaluator(model).run(None, {"x": X.astype(np.float32)})
    output = found.network.forward(X)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-output)), truth[:, 1], rtol=1e-4)
    # Of a number that a sigmoid bounds it would be another network.
    assert found.loss == "logistic"
    assert read(model_of(STACK, used(STACK)), tmp_path).loss is None


def test_weights_in_a_file_beside_the_graph(tmp_path, monkeypatch):
    """torch's dynamo exporter writes net.onnx.data, however small the network is."""
    model = model_of(NODE_LINEAR, used(NODE_LINEAR))
    (tmp_path / "there").mkdir()
    onnx.save_model(
        model,
        tmp_path / "there" / "net.onnx",
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=0,
    )
    assert (tmp_path / "there" / "net.onnx.data").exists()
    monkeypatch.chdir(tmp_path)
    found = read_foreign("there/net.onnx")
    np.testing.assert_allclose(found.network.layers[0].weights, W, rtol=1e-6)
    (tmp_path / "there" / "net.onnx.data").unlink()
    with pytest.raises(ModelFileError, match=r"in net\.onnx\.data beside it.*together"):
        read_foreign("there/net.onnx")


def test_weights_listed_as_inputs(tmp_path):
    """keep_initializers_as_inputs, and exporters before version 4 of the format."""
    model = model_of(STACK, used(STACK))
    for tensor in model.graph.initializer:
        info = onnx.helper.make_tensor_value_info(tensor.name, FLOAT, list(tensor.dims))
        model.graph.input.append(info)
    np.testing.assert_allclose(read(model, tmp_path).network.layers[0].weights, W, rtol=1e-6)


BRANCHED = [*STACK[:2], gemm("/1/Relu_output_0", "2.weight", "2.bias", "o")]


@pytest.mark.parametrize(
    "nodes, words",
    [
        ([("Tanh", ["x"], "e", {}), gemm("e", "0.weight", "0.bias", "p"), RELU], "0 Relu|Tanh"),
        (STACK[:1] + [("Relu", ["/0/Gemm_output_0"], "y", {})], "after the Relu there is no Gemm"),
        ([*BRANCHED, ("Relu", ["o"], "y", {})], "2 Relu nodes"),
        ([*STACK[:1], ("Tanh", ["/0/Gemm_output_0"], "y", {})], "0 Relu nodes"),
        ([("Relu", ["x"], "r", {}), gemm("r", "0.weight", "0.bias", "y")], "Relu before the first"),
        ([*BRANCHED, ("Tanh", ["o"], "y", {})], "Tanh after the last layer"),
        ([*BRANCHED, ("Exp", ["o"], "y", {})], "Exp after the last layer"),
        ([*BRANCHED, ("Sub", ["y_mean", "o"], "y", {})], "Sub of a constant after the last"),
        ([*BRANCHED, ("Cast", ["o"], "y", {"to": INT64})], "Cast to whole numbers after"),
        ([*BRANCHED, gemm("o", "one", "2.bias", "y")], "two layers without a Relu"),
        # A way past the hidden layer.
        (
            [*BRANCHED, ("MatMul", ["x", "skip"], "s", {}), ("Add", ["o", "s"], "y", {})],
            "branches before the first layer",
        ),
        (
            [*BRANCHED[:1], ("Mul", ["/0/Gemm_output_0", "y_std"], "m", {}),
             ("Relu", ["m"], "/1/Relu_output_0", {}), LAST],
            "Mul between the first layer and the Relu",
        ),
        (
            [*STACK[:1], ("BatchNormalization", ["/0/Gemm_output_0", *["0.bias"] * 4], "n", {}),
             ("Relu", ["n"], "/1/Relu_output_0", {}), LAST],
            "BatchNormalization between.*dynamo=True",
        ),
        # What is cut off above, or at another height, is no Relu.
        ([*STACK[:1], ("Clip", ["/0/Gemm_output_0", "nil", "six"], "/1/Relu_output_0", {}), LAST],
         "0 Relu nodes"),
        ([*STACK[:1], ("Clip", ["/0/Gemm_output_0", "six"], "/1/Relu_output_0", {}), LAST],
         "0 Relu nodes"),
        ([*STACK[:1], ("Clip", ["/0/Gemm_output_0"], "/1/Relu_output_0", {}), LAST],
         "0 Relu nodes"),
        ([*STACK[:1], ("Max", ["/0/Gemm_output_0", "six"], "/1/Relu_output_0", {}), LAST],
         "0 Relu nodes"),
        ([gemm("x", "0.weight", "0.bias", "/0/Gemm_output_0", alpha=2.0), RELU, LAST], "alpha"),
        ([gemm("x", "2.weight", "0.bias", "/0/Gemm_output_0"), RELU, LAST], "reads 5 units"),
        ([*STACK[:2], gemm("/1/Relu_output_0", "wide", "pair", "y")], "2 outputs"),
        ([gemm("x", "missing", "0.bias", "/0/Gemm_output_0"), RELU, LAST], "no constant weights"),
        ([("Mul", ["x", "nil"], "z", {}), gemm("z", "0.weight", "0.bias", "/0/Gemm_output_0"),
          RELU, LAST], "multiplied by zero"),
        ([("MatMul", ["x", "0.weight"], "p", {}), ("Add", ["p", "upright"], "h", {}),
          ("Relu", ["h"], "/1/Relu_output_0", {}), LAST], "a constant for every row"),
    ],
)  # fmt: skip
def test_other_graphs_are_refused(nodes, words, tmp_path):
    constants = {
        "one": np.ones((1, 1)),
        "skip": np.ones((3, 1)),
        "nil": np.zeros(1),
        "six": np.array(6.0),
        "wide": np.ones((2, 5)),
        "pair": np.ones(2),
        "upright": np.ones((5, 1)),
    }
    with pytest.raises(ModelFileError, match=words) as caught:
        read(model_of(nodes, used(nodes) | constants), tmp_path)
    assert "net.onnx" in str(caught.value)


def test_damaged_graphs_are_refused(tmp_path):
    """Bytes that still are a graph, whose constants or steps are not what they say."""
    model = model_of(STACK, used(STACK))
    model.graph.initializer[0].dims[0] = 99
    with pytest.raises(ModelFileError, match=r"damaged \(the constant '0.weight'.*Export"):
        raised(model, tmp_path)
    model = model_of(STACK, used(STACK))
    model.graph.initializer[1].data_type = 53
    with pytest.raises(ModelFileError, match="damaged"):
        raised(model, tmp_path)
    model = model_of(STACK, used(STACK))
    del model.graph.node[0].input[1:]
    with pytest.raises(ModelFileError, match="Gemm before the first layer lacks"):
        raised(model, tmp_path)
    model = model_of(TRANSPOSED, used(TRANSPOSED))
    model.graph.node[0].attribute[0].ints[0] = 7
    with pytest.raises(ModelFileError, match="Transpose of constants cannot be computed"):
        raised(model, tmp_path)


def raised(model, tmp_path):
    """The whole message, in one line."""
    with pytest.raises(ModelFileError) as caught:
        read(model, tmp_path)
    assert "\n" not in str(caught.value)
    raise ModelFileError(str(caught.value))


def test_any_changed_bytes_are_read_or_refused(tmp_path):
    rng, path = np.random.default_rng(5), tmp_path / "net.onnx"
    whole = model_of(TRANSPOSED, used(TRANSPOSED)).SerializeToString()
    refused = 0
    for _ in range(300):
        raw = bytearray(whole)
        for at in rng.integers(len(raw), size=2):
            raw[at] = rng.integers(256)
        path.write_bytes(raw)
        try:
            read_foreign(path)
        except ModelFileError:
            refused += 1
    assert refused


def test_one_input_for_each_column_is_refused(tmp_path):
    model = model_of(STACK, used(STACK))
    model.graph.input.append(onnx.helper.make_tensor_value_info("z", FLOAT, ["rows", 1]))
    with pytest.raises(ModelFileError, match="2 inputs"):
        read(model, tmp_path)


def test_numbers_that_are_none_are_refused(tmp_path):
    constants = used(STACK) | {"0.bias": np.array([np.nan, *B[1:]])}
    with pytest.raises(ModelFileError, match=r"hidden_biases\[0\]"):
        read(model_of(STACK, constants), tmp_path)
