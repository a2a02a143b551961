"""Networks of torch, Keras and scikit-learn as their exporters wrote them (``exported/recipe.py``),
read, certified and polished."""

import json
from pathlib import Path

import numpy as np
import pytest
from shell import run

from wedgefit.errors import ModelFileError
from wedgefit.model.foreign import read_foreign

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

HERE = Path(__file__).parent / "exported"
NETWORKS = ("torch_dynamo", "torch_script", "keras", "sklearn")


def rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (80, 2)).astype(np.float32)
    y = np.maximum(X[:, 0] + X[:, 1], 0) + 0.3 * X[:, 1] + 0.05 * rng.standard_normal(80)
    X[:, 1] = X[:, 1] * 3 + 5
    return X, y


def said(name, X):
    """What the file says of the rows when it runs."""
    session = onnxruntime.InferenceSession(HERE / f"{name}.onnx")
    output = session.run(None, {session.get_inputs()[0].name: X})[-1]
    # A converter of classifiers gives a dictionary a row.
    return np.array([each["yes"] for each in output] if name == "sklearn" else np.ravel(output))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_the_one_that_was_exported(name):
    X, _ = rows()
    net = read_foreign(HERE / f"{name}.onnx")
    output = net.network.forward((X - net.center) / net.scale)[:, 0]
    output = output * net.target_scale + net.target_center
    if name == "sklearn":
        output = 1 / (1 + np.exp(-output))
    np.testing.assert_allclose(output, said(name, X), atol=2e-6)
    assert net.units == 8 and net.hidden_bias and net.intercept


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_polished_and_certified(name, tmp_path):
    X, y = rows()
    labels = np.where(y > np.median(y), "yes", "no")
    cells = labels if name == "sklearn" else [repr(float(value)) for value in y]
    table = tmp_path / "rows.csv"
    lines = [f"{a!r},{b!r},{cell}\n" for (a, b), cell in zip(X.tolist(), cells)]
    table.write_text("a,b,y\n" + "".join(lines))
    better = tmp_path / "better.onnx"
    asked = [table, "--alpha", "0.02", "--json"]
    record = json.loads(run("polish", HERE / f"{name}.onnx", *asked, "-o", better).stdout)
    before, after = record["before"], record["after"]
    assert after["objective"] < before["objective"] and after["neurons"] <= 8
    again = run("certify", table, "--weights", better, *asked[1:])
    measured = json.loads(again.stdout)
    assert measured["network"]["objective"] == pytest.approx(after["objective"], rel=1e-9)
    optimum = measured["optimum"]
    assert optimum["lower_bound"] <= measured["network"]["objective"] * (1 + 1e-9)
    assert optimum["lost"]["at_most"] < 0.02


def test_what_the_exporter_left_without_values_is_named():
    """Keras' Normalization by tf2onnx: its mean and deviation are inputs of the graph."""
    with pytest.raises(ModelFileError) as caught:
        read_foreign(HERE / "keras_normalization.onnx")
    assert "3 inputs" in str(caught.value) and "normalization_1/Sub/y" in str(caught.value)
    assert '"center" and "scale"' in caught.value.remedy
