"""The yardstick: the objective is the trainer's own, the bounds hold for every network, and every
word of the verdict is true."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from kinds import table_of, trained
from quick import only
from sklearn.neural_network import MLPClassifier, MLPRegressor

from wedgefit.cli import main
from wedgefit.engine.network import balanced_network
from wedgefit.errors import ColumnError, FitError, ModelFileError, UsageError
from wedgefit.learning.learn import Settings
from wedgefit.model.foreign import read_foreign
from wedgefit.model.yardstick import measure
from wedgefit.records import plain
from wedgefit.watch import Silent

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)) * [1.0, 3.0] + [0.0, 5.0]
Y = np.abs(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * RNG.normal(size=40)
LABELS = np.where(np.median(Y) < Y, "up", "down").astype(object)
CENTER, SCALE = X.mean(axis=0), X.std(axis=0)
Z = (X - CENTER) / SCALE


def columns(y=Y, x=X):
    return {**{f"x{j}": values for j, values in enumerate(x.T)}, "y": y}


def record_of(net, alpha, **more):
    """The JSON file's content for a fitted scikit-learn network: the recipe of the
    documentation."""
    (hidden, outer), (biases, bias) = net.coefs_, net.intercepts_
    arrays = {
        "hidden_weights": hidden,
        "hidden_biases": biases,
        "output_weights": outer,
        "output_bias": bias,
    }
    return {name: array.tolist() for name, array in arrays.items()} | {"alpha": alpha} | more


def made_up(rng, inputs=2, units=5, **more):
    """The content of a JSON file with random arrays."""
    arrays = {
        "hidden_weights": (inputs, units),
        "hidden_biases": units,
        "output_weights": units,
        "output_bias": (),
    }
    return (
        {name: rng.normal(size=shape).tolist() for name, shape in arrays.items()}
        | {"alpha": 0.01}
        | more
    )


def measured(record, tmp_path, data=None, *, norm=2, **settings):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(record))
    found = measure(
        read_foreign(path),
        table_of(data or columns()),
        (),
        Settings(norm=norm, jobs=1, **settings),
        Silent(),
    )
    return plain(found)


def by_hand(record, X, y, norm=2, logistic=False):
    """The network's output and objective, neuron by neuron."""
    output, penalty = np.full(len(X), float(np.ravel(record["output_bias"])[0])), 0.0
    for weights, bias, outer in zip(
        np.array(record["hidden_weights"]).T,
        record["hidden_biases"],
        np.ravel(record["output_weights"]),
    ):
        for i, row in enumerate(X):
            output[i] += outer * max(0.0, sum(a * b for a, b in zip(weights, row)) + bias)
        size = sum(abs(w) for w in weights) ** 2 if norm == 1 else sum(w * w for w in weights)
        penalty += 0.5 * record["alpha"] * (size + outer**2)
    loss = np.mean(np.log1p(np.exp(-y * output))) if logistic else 0.5 * np.mean((output - y) ** 2)
    return float(loss + penalty)


# The objective ------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", only([5.0], [0.5, 5.0]))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_objective_of_a_regressor_is_scikit_learns_own(alpha, tmp_path):
    """scikit-learn divides its alpha by the number of rows, penalises all weights and no bias."""
    y = (Y - Y.mean()) / Y.std()
    net = MLPRegressor(
        hidden_layer_sizes=(8,), alpha=alpha, solver="lbfgs", max_iter=200, random_state=0
    ).fit(Z, y)
    record = record_of(net, alpha / len(y), center=CENTER.tolist(), scale=SCALE.tolist())
    found = measured(record | {"target_center": Y.mean(), "target_scale": Y.std()}, tmp_path)
    assert found["network"]["objective"] == pytest.approx(net.loss_, rel=1e-9)
    assert found["network"]["score"]["r2"] == pytest.approx(net.score(Z, y), rel=1e-9)
    assert found["optimum"]["lower_bound"] <= found["optimum"]["upper_bound"] <= net.loss_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_objective_of_a_classifier_is_scikit_learns_own(tmp_path):
    net = MLPClassifier(
        hidden_layer_sizes=(8,), alpha=1.0, solver="lbfgs", max_iter=200, random_state=0
    ).fit(Z, LABELS)
    found = measured(
        record_of(net, 1.0 / len(Y), center=CENTER.tolist(), scale=SCALE.tolist()),
        tmp_path,
        columns(LABELS),
    )
    assert found["problem"]["loss"] == "logistic"
    assert found["network"]["objective"] == pytest.approx(net.loss_, rel=1e-9)
    assert found["network"]["score"]["accuracy"] == net.score(Z, LABELS)
    assert found["optimum"]["lower_bound"] <= found["optimum"]["upper_bound"] <= net.loss_


@pytest.mark.parametrize("norm", [1, 2])
def test_objective_by_hand(norm, tmp_path, rng):
    record = made_up(rng)
    found = measured(record, tmp_path, norm=norm)["network"]
    assert found["objective"] == pytest.approx(by_hand(record, X, Y, norm), rel=1e-12)
    assert found["objective"] == pytest.approx(found["loss"] + found["penalty"], rel=1e-12)
    signs = np.where(LABELS == "up", 1.0, -1.0)
    found = measured(record, tmp_path, columns(LABELS), norm=norm)["network"]
    assert found["objective"] == pytest.approx(
        by_hand(record, X, signs, norm, logistic=True), rel=1e-12
    )


def test_rescaling_the_neurons_changes_the_objective_only(tmp_path, rng):
    """w and b times c, a divided by c: the same function, and the same objective once rescaled."""
    record = made_up(rng)
    factors = rng.uniform(0.2, 5.0, size=5)
    scaled = record | {
        name: (np.array(record[name]) * factors).tolist()
        for name in ("hidden_weights", "hidden_biases")
    }
    scaled["output_weights"] = (np.array(record["output_weights"]) / factors).tolist()
    first, second = (measured(each, tmp_path)["network"] for each in (record, scaled))
    assert first["rescaled_objective"] == pytest.approx(second["rescaled_objective"], rel=1e-12)
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-12) and first[
        "objective"
    ] != pytest.approx(second["objective"])
    assert first["rescaled_objective"] <= min(first["objective"], second["objective"])


# The bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm, inputs", only([(2, 1), (2, 2)], [(1, 2), (2, 1), (2, 2)]))
def test_no_network_is_below_the_lower_bound(norm, inputs, tmp_path, rng):
    """The bound knows nothing of these networks: it holds for all, near-optimal ones too."""
    data = columns(x=X[:, :inputs])
    optimum = measured(made_up(rng, inputs), tmp_path, data, norm=norm, tol=1e-8)["optimum"]
    assert 0 < optimum["lower_bound"] <= optimum["upper_bound"] * (1 + 1e-12)
    assert optimum["upper_bound"] == pytest.approx(optimum["lower_bound"], rel=1e-6)
    net = MLPRegressor(
        hidden_layer_sizes=(30,), alpha=0.01 * len(Y), solver="lbfgs", max_iter=1000, tol=1e-9,
        random_state=0,
    )  # fmt: skip
    record = record_of(net.fit(X[:, :inputs], Y), 0.01)
    found = measured(record, tmp_path, data, norm=norm, max_seconds=0.01)["network"]["objective"]
    assert optimum["lower_bound"] <= found
    # Trained for norm 2 it should come near, or the data would prove nothing.
    assert found <= 1.1 * optimum["lower_bound"] or norm == 1


@pytest.mark.parametrize("norm", [1, 2])
def test_a_certified_network_has_nothing_to_gain(norm, tmp_path):
    model = trained(columns(), norm=norm, refine=norm == 2, order="full")
    network = balanced_network(*model.units(1), model.coefficients, np.array([model.intercept]))
    (hidden, biases), (outer, bias) = network.layers
    features = model.encoding.features
    record = {
        "hidden_weights": hidden.tolist(), "hidden_biases": biases.tolist(),
        "output_weights": outer.tolist(), "output_bias": bias.tolist(),
        "alpha": model.problem.alpha, "center": [f.center for f in features],
        "scale": [f.scale for f in features],
    }  # fmt: skip
    found = measured(record, tmp_path, norm=norm)
    assert found["network"]["objective"] == pytest.approx(model.certificate.objective, rel=1e-12)
    assert found["network"]["rescaled_objective"] == pytest.approx(
        model.certificate.objective, rel=1e-12
    )
    lost = found["optimum"]["lost"]
    assert 0 <= lost["at_least"] <= lost["at_most"] <= 1.1e-3


def test_in_more_columns_the_bound_is_not_sharp_and_says_so(tmp_path, rng):
    """For norm 2 and six columns not all directions are bounded, and the search begins from the
    network's own neurons."""
    x = rng.normal(size=(20, 6))
    y = np.abs(x @ [1.0, -1.0, 0.5, 0.2, 0.1, -0.1])
    net = MLPRegressor(
        hidden_layer_sizes=(6,), alpha=0.3, solver="lbfgs", max_iter=2000, random_state=1
    ).fit(x, y)
    found = measured(record_of(net, 0.01), tmp_path, columns(y, x), max_seconds=0.01)
    optimum = found["optimum"]
    assert optimum["loose"] and found["certificate"]["network_lower_bound"] is None
    own = found["network"]["objective"]
    assert 0 < optimum["lower_bound"] < 0.9 * optimum["upper_bound"]
    assert optimum["lost"]["at_most"] == pytest.approx(1 - optimum["lower_bound"] / own)
    assert found["certificate"]["objective"] <= found["network"]["rescaled_objective"] * (1 + 1e-9)
    assert (
        found["optimum"]["upper_bound"]
        <= found["network"]["rescaled_objective"]
        <= found["network"]["objective"]
    )


def test_norm_1_has_a_bound_in_three_columns(tmp_path, rng):
    x = rng.normal(size=(12, 3))
    found = measured(
        made_up(rng, 3, alpha=0.1), tmp_path, columns(np.abs(x.sum(axis=1)), x), norm=1
    )
    assert found["problem"]["order"] == "full" and found["certificate"]["scope"] == "exact"
    assert found["optimum"]["lower_bound"] == pytest.approx(
        found["optimum"]["upper_bound"], rel=1e-5
    )


def test_networks_of_at_most_two_columns_bound_no_others(tmp_path, rng):
    """Where all orders are too many, neurons that read two columns give a network, but no bound
    that is sharp."""
    x = rng.normal(size=(90, 6))
    found = measured(made_up(rng, 6, alpha=0.2), tmp_path, columns(x[:, 0] * x[:, 1], x), norm=1)
    assert (
        found["problem"]["order"] == 2 and found["certificate"]["network_lower_bound"] is not None
    )
    optimum = found["optimum"]
    assert optimum["loose"] and 0 < optimum["lower_bound"] < 0.9 * optimum["upper_bound"]


def test_without_biases_many_columns_have_no_bound(tmp_path, rng):
    x = rng.normal(size=(12, 6))
    record = made_up(rng, 6, alpha=0.2)
    del record["hidden_biases"]
    found = measured(record, tmp_path, columns(x[:, 0] * x[:, 1], x), max_seconds=0.01)
    optimum = found["optimum"]
    assert optimum["lower_bound"] is None and optimum["lost"]["at_most"] is None
    assert not optimum["loose"]


def test_a_class_without_biases_stays_without(tmp_path, rng):
    record = made_up(rng)
    del record["hidden_biases"], record["output_bias"]
    found = measured(record, tmp_path)
    assert not found["problem"]["hidden_bias"] and not found["problem"]["intercept"]
    record |= {"hidden_biases": [0.0] * 5, "output_bias": 0.0}
    assert found["network"]["objective"] == pytest.approx(by_hand(record, X, Y), rel=1e-12)


@pytest.mark.parametrize("size", [1e120, 1e200])
def test_a_network_that_overflows_is_refused(size, tmp_path, rng):
    record = made_up(rng)
    record["hidden_weights"] = (size * np.array(record["hidden_weights"])).tolist()
    record["output_weights"] = (size * np.array(record["output_weights"])).tolist()
    with pytest.raises(FitError, match="too large to compute with"):
        measured(record, tmp_path)


# Which columns ------------------------------------------------------------------------------------


def test_columns_may_be_named_in_any_order(tmp_path, rng):
    record = made_up(rng)
    turned = record | {"hidden_weights": record["hidden_weights"][::-1], "columns": ["x1", "x0"]}
    more = {"extra": RNG.normal(size=40)} | columns()
    first, second = measured(turned, tmp_path, more), measured(record, tmp_path)
    assert first["network"]["objective"] == pytest.approx(second["network"]["objective"], rel=1e-12)
    assert first["data"]["columns"] == ["x1", "x0"]


@pytest.mark.parametrize(
    "change, data, error, words",
    [
        ({"columns": ["x0", "no"]}, {}, ColumnError, 'reads "no", which is not in the table'),
        (
            {"columns": ["x0", "flat"]},
            {"flat": np.ones(40)},
            ColumnError,
            'reads "flat", which is constant',
        ),
        ({}, {"more": X[:, 0] ** 2}, ColumnError, "reads 2 inputs, and the table has 3"),
        ({}, {"x1": np.where(np.arange(40) == 3, np.nan, X[:, 1])}, ColumnError, "reads 2 inputs"),
        (
            {"columns": ["x0", "x1"]},
            {"x1": np.where(np.arange(40) == 3, np.nan, X[:, 1])},
            ColumnError,
            'values of "x1" are missing',
        ),
        ({"columns": ["x1", "x1"]}, {}, ColumnError, 'reads "x1" twice'),
        ({"columns": ["x0", "y"]}, {}, ColumnError, 'reads "y", which is the target'),
        ({"scale": [1.0, 1e-200]}, {}, FitError, "values of the inputs are too large"),
        (
            {"scale": [1.0, 1e-300], "center": [0.0, 1e300]},
            {},
            FitError,
            "values of the inputs are too large",
        ),
        ({"scale": [1.0, 1e200]}, {}, FitError, "values of the inputs differ too little"),
        ({"center": [0.0, 1e40]}, {}, FitError, "values of the inputs differ too little"),
        ({"target_scale": 1e-300}, {}, FitError, "values of the target are too large"),
        ({"target_scale": 1e300}, {}, FitError, "values of the target differ too little"),
        ({"target_center": 1e60}, {}, FitError, "values of the target differ too little"),
        ({"alpha": None}, {}, UsageError, "weight decay is not known"),
        ({"alpha": 1e-300}, {}, FitError, "below what numbers of 16 digits"),
        ({"loss": "logistic"}, {}, UsageError, "probabilities of two classes"),
        (
            {},
            {"y": np.array(["a", "b", "c", "a"] * 10, dtype=object)},
            UsageError,
            "only one number, or two classes",
        ),
    ],
)
def test_what_does_not_fit_the_table_is_refused(change, data, error, words, tmp_path, rng):
    with pytest.raises(error, match=words):
        measured(
            made_up(rng) | change,
            tmp_path,
            {**{k: v for k, v in columns().items() if k != "y"}, **data, "y": data.get("y", Y)},
        )


@pytest.mark.parametrize("columns_of", [lambda t: (t, 1 - t), lambda t: (t, 2 * t)])
def test_rows_on_one_line_have_an_optimum_too(columns_of, tmp_path, rng):
    """No hyperplane through two of them is a wedge; the optimum is that of the one column along the
    line, with its weights shorter by the length that a step along it has in both."""
    t = rng.normal(size=30)
    X = np.column_stack(columns_of(t))
    y = np.abs(t) + 0.1 * rng.normal(size=30)
    net = made_up(rng)
    found = measured(net, tmp_path, columns(y=y, x=X))
    step = np.linalg.norm(X[1] - X[0]) / (t[1] - t[0])
    alone = made_up(rng, inputs=1)
    single = measured(alone, tmp_path, {"x0": t * step, "y": y})
    upper, lower = (found["optimum"][end] for end in ("upper_bound", "lower_bound"))
    assert lower <= single["optimum"]["upper_bound"] * (1 + 1e-9)
    assert upper == pytest.approx(single["optimum"]["upper_bound"], rel=1e-5)
    assert upper - lower <= 1e-5 * upper


@pytest.mark.parametrize(
    "said",
    only(
        [{"target_scale": 0.5, "target_center": 0.4}],
        [{"loss": "squared"}, {"target_scale": 0.5, "target_center": 0.4}],
    ),
)
def test_two_numbers_are_numbers_for_a_network_that_saw_them_so(said, tmp_path, rng):
    """Labels of 0 and 1 learnt by the squared loss, or in units, are no classes of −1 and 1."""
    net, y = made_up(rng), (np.median(Y) < Y) * 1.0
    found = measured(net | said, tmp_path, columns(y=y))
    seen = (y - said.get("target_center", 0.0)) / said.get("target_scale", 1.0)
    assert found["problem"]["loss"] == "squared"
    assert found["network"]["objective"] == pytest.approx(by_hand(net, X, seen), rel=1e-12)
    plain_logits = measured(net, tmp_path, columns(y=y))
    assert plain_logits["problem"]["loss"] == "logistic"


def test_remedies_name_options_that_there_are(in_folder):
    (Path("net.json")).write_text(json.dumps(made_up(np.random.default_rng(3), inputs=3)))
    assert "--drop" not in in_folder("data.csv", "--weights", "net.json").stderr
    (Path("net.json")).write_text(json.dumps(made_up(np.random.default_rng(3))))
    refused = in_folder("data.csv", "--weights", "net.json", "--alpha", "1e-300").stderr
    option, alpha = refused.split("Try ")[1].split(",")[0].split()
    assert option == "--alpha"
    done = in_folder("data.csv", "--weights", "net.json", option, alpha, "--max-seconds", "2")
    assert done.exit_code == 0, done.stderr


# Files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, words",
    [
        ({"hidden_weights": [1, 2]}, r"hidden_weights\[0\] should be a list, not 1"),
        ({"hidden_weights": [[1, "a"]]}, r'hidden_weights\[0\]\[1\] should be a number, not "a"'),
        ({"hidden_weights": [[1.0, 2.0], [3.0]]}, r"hidden_weights\[1\] should be 2 numbers"),
        (
            {"hidden_biases": [1.0]},
            r"hidden_biases should be 5 numbers to fit hidden_weights \(2 × 5\), not 1",
        ),
        ({"output_weights": [[1.0, 2.0]] * 5}, r"output_weights\[0\].*networks with one output"),
        ({"output_bias": [1.0, 2.0]}, "output_bias should be a list of one number"),
        ({"scale": [1.0, 0.0]}, r"scale\[1\] should be a number above 0, not 0.0"),
        ({"center": [1.0]}, "center should be 2 numbers"),
        ({"alpha": -1}, "alpha should be a number above 0"),
        ({"alpha": float("nan")}, "NaN is not a number"),
        ({"columns": ["a"]}, "columns should be 2 names, one per input, not 1"),
        ({"columns": "ab"}, "columns should be a list"),
        ({"loss": "huber"}, '"squared" or "logistic"'),
        ({"wieghts": 1}, "wieghts should be absent: the key is unknown"),
    ],
)
def test_damaged_files_are_refused_in_one_line(change, words, tmp_path, rng):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(made_up(rng) | change))
    with pytest.raises(ModelFileError, match=words) as caught:
        read_foreign(path)
    assert "net.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"{", "not JSON"),
        (b"{}", "hidden_weights should be there: the key is missing"),
        (b"\x01\xff", "neither JSON nor ONNX"),
        (b"", "neither JSON nor ONNX"),
        (b"[1, 2]", "neither JSON nor ONNX"),
        (b'{"schema": "wedgefit.model/5", "score": 1}', r"file of wedgefit \(wedgefit\.model/5\)"),
    ],
)
def test_other_files_are_refused(raw, words, tmp_path):
    path = tmp_path / "net"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError, match=words):
        read_foreign(path)
    with pytest.raises(ModelFileError, match="No such file"):
        read_foreign(tmp_path / "nothing")


def test_json_as_an_editor_of_windows_writes_it(tmp_path, rng):
    path = tmp_path / "net.json"
    path.write_bytes(json.dumps(made_up(rng), indent=1).replace("\n", "\r\n").encode("utf-8-sig"))
    assert read_foreign(path).units == 5


def recipe(title):
    """The Python block under this heading of the documentation."""
    page = (Path(__file__).parents[2] / "docs" / "yardstick.md").read_text(encoding="utf-8")
    return page.split(f"\n## {title}\n")[1].split("```python\n")[1].split("```")[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver, batch", [("lbfgs", 40), ("adam", 40)])
def test_the_recipe_for_scikit_learn_works(solver, batch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = MLPRegressor(
        hidden_layer_sizes=(4,), alpha=0.3, solver=solver, max_iter=20, random_state=0
    ).fit(X, Y)
    exec(recipe("scikit-learn"), {"json": json, "Path": Path, "net": net, "n": len(Y)})
    found = read_foreign("net.json")
    np.testing.assert_allclose(found.network.forward(X)[:, 0], net.predict(X), rtol=1e-12)
    assert found.alpha == pytest.approx(0.3 / batch)


def test_the_recipe_for_torch_gives_the_network(tmp_path, monkeypatch, rng):
    """With stand-ins for torch's layers: their weights are (outputs, inputs)."""
    monkeypatch.chdir(tmp_path)
    net = [
        SimpleNamespace(weight=rng.normal(size=shape), bias=rng.normal(size=shape[0]))
        for shape in ((5, 2), (0, 0), (1, 5))
    ]
    exec(recipe("torch"), {"json": json, "Path": Path, "net": net, "alpha": 0.1})
    by_torch = np.maximum(X @ net[0].weight.T + net[0].bias, 0) @ net[2].weight.T + net[2].bias
    np.testing.assert_allclose(read_foreign("net.json").network.forward(X), by_torch, rtol=1e-12)


def test_the_recipe_for_keras_gives_the_network(tmp_path, monkeypatch, rng):
    """With stand-ins for its layers: their weights are (inputs, outputs)."""
    monkeypatch.chdir(tmp_path)
    weights = [[rng.normal(size=(2, 5)), rng.normal(size=5)], [rng.normal(size=(5, 1)), [0.5]]]
    weights[1][1] = np.array(weights[1][1])
    dense = [
        SimpleNamespace(name=f"dense_{k}", get_weights=lambda k=k: weights[k]) for k in range(2)
    ]
    layers = [SimpleNamespace(name="normalization"), dense[0], SimpleNamespace(name="re_lu")]
    net = SimpleNamespace(layers=[*layers, dense[1]])
    exec(recipe("Keras"), {"json": json, "Path": Path, "net": net, "alpha": 0.1})
    (W, b), (w, c) = weights
    expected = np.maximum(X @ W + b, 0) @ w + c
    np.testing.assert_allclose(read_foreign("net.json").network.forward(X), expected, rtol=1e-12)


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A folder with data and a network, and a function that runs ``wedgefit certify`` there."""
    monkeypatch.chdir(tmp_path)
    lines = [",".join(map(repr, map(float, row))) for row in np.column_stack([X, Y])]
    (tmp_path / "data.csv").write_text("x0,x1,y\n" + "\n".join(lines) + "\n")
    (tmp_path / "net.json").write_text(json.dumps(made_up(np.random.default_rng(3))))
    return lambda *words: CliRunner().invoke(main, ["certify", *words])


def test_command_says_what_is_lost(in_folder):
    done = in_folder("data.csv", "--weights", "net.json")
    assert done.exit_code == 0, done.stderr
    first, second, third, *_ = done.stdout.splitlines()
    record = json.loads(in_folder("data.csv", "--weights", "net.json", "--json").stdout)
    assert record["schema"] == "wedgefit.yardstick/1"
    own, optimum = record["network"]["objective"], record["optimum"]
    assert float(
        first.removeprefix("Your network: ").rstrip(".").replace(",", "")
    ) == pytest.approx(own, rel=1e-3)
    low, high = (
        float(word) for word in second.removesuffix(".").split("between ")[1].split(" and ")
    )
    assert low <= optimum["lower_bound"] <= optimum["upper_bound"] <= high
    least, most = (float(part.split("%")[0].split()[-1]) / 100 for part in third.split(";"))
    assert least <= optimum["lost"]["at_least"] <= optimum["lost"]["at_most"] <= most


def test_command_says_of_a_loose_bound_what_it_is(in_folder, tmp_path, rng):
    x = rng.normal(size=(12, 6))
    rows = [",".join(f"{value:.4f}" for value in (*row, row[0] * row[1])) for row in x]
    (tmp_path / "wide.csv").write_text("\n".join(["a,b,c,d,e,f,y", *rows]))
    (tmp_path / "wide.json").write_text(json.dumps(made_up(rng, 6, alpha=0.2)))
    done = in_folder("wide.csv", "--weights", "wide.json", "--max-seconds", "0.01")
    assert done.exit_code == 0, done.stderr
    _, second, third, *_ = done.stdout.splitlines()
    assert second.startswith("The optimum, over all two-layer ReLU networks: between ")
    assert second.endswith(", by a bound that is not sharp.") and "(proven" in third


def test_command_takes_alpha_and_norm(in_folder):
    record = json.loads(
        in_folder(
            "data.csv", "--weights", "net.json", "--alpha", "0.2", "--norm", "1", "--json"
        ).stdout
    )
    assert (record["problem"]["alpha"], record["problem"]["norm"]) == (0.2, 1)


@pytest.mark.parametrize(
    "words, message",
    [
        (("m.json", "data.csv", "--weights", "net.json"), "exclude each other"),
        (("data.csv", "--alpha", "1"), "--alpha is for --weights"),
        (("data.csv", "--target", "y"), "--target is for --weights"),
        (("--weights", "net.json"), "DATA"),
    ],
)
def test_command_refuses_what_contradicts(words, message, in_folder):
    done = in_folder(*words)
    assert done.exit_code == 2 and message in done.stderr
