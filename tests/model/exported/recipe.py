"""How the networks beside this file came about: python recipe.py torch | keras | sklearn

With torch 2.13 and onnxscript 0.7; tensorflow 2.21, keras 3.15 and tf2onnx 1.17; scikit-learn 1.9
and skl2onnx 1.20. None of these but scikit-learn is needed by the tests. Places in source
files, which torch writes beside every node, are taken out.
"""

import sys

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (80, 2)).astype("float32")
y = np.maximum(X[:, 0] + X[:, 1], 0) + 0.3 * X[:, 1] + 0.05 * RNG.standard_normal(80)
X[:, 1] = X[:, 1] * 3 + 5


def torch_networks():
    """Inputs that are standardised, by the dynamo exporter; a target that is, too, by the older
    one."""
    import torch
    from torch import nn

    class InUnits(nn.Module):
        def __init__(self, center, scale):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
            self.register_buffer("mean", torch.tensor(X.mean(axis=0)))
            self.register_buffer("std", torch.tensor(X.std(axis=0)))
            self.center, self.scale = center, scale

        def forward(self, x):
            output = self.layers((x - self.mean) / self.std)
            return output if self.scale == 1 else output * self.scale + self.center

    rows, target = torch.tensor(X), torch.tensor(y, dtype=torch.float32)[:, None]
    for name, net in (
        ("torch_dynamo", InUnits(0.0, 1.0)),
        ("torch_script", InUnits(float(y.mean()), float(y.std()))),
    ):
        steps = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(600):
            steps.zero_grad()
            nn.MSELoss()(net(rows), target).backward()
            steps.step()
        if name == "torch_dynamo":
            shapes = ({0: torch.export.Dim("n")},)
            more = {"dynamo": True, "external_data": False, "dynamic_shapes": shapes}
        else:
            more = {"dynamo": False, "input_names": ["input"], "output_names": ["output"]}
            more["dynamic_axes"] = {"input": {0: "n"}, "output": {0: "n"}}
        torch.onnx.export(net.eval(), (rows,), f"{name}.onnx", **more)
        without_places(f"{name}.onnx")


def without_places(path):
    import onnx

    model = onnx.load(path)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def keras_networks():
    """A stack of layers; and one behind a Normalization, whose mean and variance tf2onnx leaves
    without values, as inputs of the graph."""
    import keras
    import tensorflow as tf
    import tf2onnx

    layers, scaled = keras.layers, keras.layers.Normalization(axis=-1)
    scaled.adapt(X)
    body = [layers.Dense(8), layers.ReLU(), layers.Dropout(0.2), layers.Dense(1)]
    for name, stack in (
        ("keras", body),
        ("keras_normalization", [scaled, layers.Dense(8, activation="relu"), layers.Dense(1)]),
    ):
        net = keras.Sequential([layers.Input((2,)), *stack])
        net.compile(keras.optimizers.Adam(0.02), "mse")
        net.fit(X, y, epochs=30, batch_size=80, verbose=0)
        spec = (tf.TensorSpec((None, 2), tf.float32, name="input"),)
        graph = tf.function(lambda x, net=net: net(x, training=False), input_signature=spec)
        tf2onnx.convert.from_function(
            graph, input_signature=spec, opset=13, output_path=f"{name}.onnx"
        )


def sklearn_network():
    """Two classes behind a scaler."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs, labels = X.astype(float), np.where(y > np.median(y), "yes", "no")
    layers = MLPClassifier(hidden_layer_sizes=(8,), max_iter=300, random_state=0)
    net = make_pipeline(StandardScaler(), layers).fit(inputs, labels)
    with open("sklearn.onnx", "wb") as file:
        file.write(to_onnx(net, X[:1]).SerializeToString())


if __name__ == "__main__":
    makers = {"torch": torch_networks, "keras": keras_networks, "sklearn": sklearn_network}
    makers[sys.argv[1]]()
