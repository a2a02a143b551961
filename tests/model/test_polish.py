"""A network made better: never a worse objective, never more units, whatever comes in."""

import json
from pathlib import Path

import numpy as np
import pytest
from kinds import table_of
from quick import only
from shell import fails, run, strict
from sklearn.neural_network import MLPClassifier, MLPRegressor

from wedgefit.learning.settings import Settings
from wedgefit.model import polish as room
from wedgefit.model.foreign import read_foreign
from wedgefit.model.network_export import to_json, to_onnx
from wedgefit.model.polish import polish
from wedgefit.model.yardstick import measure
from wedgefit.watch import Silent

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
Y = np.abs(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * RNG.normal(size=40)
Y = (Y - Y.mean()) / Y.std()
LABELS = np.where(np.median(Y) < Y, "up", "down").astype(object)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def columns(y=Y, x=X):
    return {**{f"x{j}": values for j, values in enumerate(x.T)}, "y": y}


def made_up(seed, inputs=2, units=5, **more):
    rng = np.random.default_rng(seed)
    return {
        "hidden_weights": rng.normal(size=(inputs, units)).tolist(),
        "hidden_biases": rng.normal(size=units).tolist(),
        "output_weights": rng.normal(size=units).tolist(),
        "output_bias": float(rng.normal()),
        "alpha": 0.02,
    } | more


def foreign_of(record, tmp_path):
    (tmp_path / "net.json").write_text(json.dumps(record))
    return read_foreign(tmp_path / "net.json")


def by_hand(record, x, y, norm=2):
    """½ mean squared error and weight decay, neuron by neuron."""
    W, a = np.array(record["hidden_weights"]), np.ravel(record["output_weights"])
    b = np.array(record.get("hidden_biases", np.zeros(len(a))))
    hidden = np.maximum(x @ W + b, 0)
    output = hidden @ a + float(np.ravel(record.get("output_bias", 0.0))[0])
    sizes = np.linalg.norm(W, ord=norm, axis=0)
    return 0.5 * np.mean((output - y) ** 2) + 0.5 * record["alpha"] * np.sum(sizes**2 + a**2)


def polished(record, tmp_path, data=None, norm=2):
    foreign = foreign_of(record, tmp_path)
    settings = Settings(norm=norm, jobs=1, tol=1e-4)
    return polish(foreign, table_of(data or columns()), (), settings, Silent())


@pytest.mark.parametrize("norm", only([2], [1, 2]))
@pytest.mark.parametrize("seed, units", [(0, 5), (1, 1), (2, 2), (3, 12)])
def test_never_worse_and_never_wider(seed, units, norm, tmp_path):
    record = made_up(seed, units=units)
    found = polished(record, tmp_path, norm=norm)
    written = json.loads(to_json(found.network))
    assert len(np.ravel(written["output_weights"])) <= units
    before, after = by_hand(record, X, Y, norm), by_hand(written, X, Y, norm)
    assert found.record.before.objectives.objective == pytest.approx(before, rel=1e-9)
    assert found.record.after.objectives.objective == pytest.approx(after, rel=1e-9)
    # These were not trained at all.
    assert after < 0.9 * before
    lower = found.record.optimum.between.lower_bound
    assert lower <= after * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_wide_networks_become_optimal(seed, tmp_path):
    record = made_up(seed, units=40, alpha=0.05)
    found = polished(record, tmp_path)
    assert found.record.optimum.between.lost.at_most < 2e-4


@pytest.mark.slow
@pytest.mark.parametrize("units", [3, 6, 15, 40])
def test_twenty_trained_networks(units, tmp_path, rng):
    """Objective before and after, what is left to the bound, and the loss on other rows."""
    other = rng.normal(size=(500, 2))
    truth = np.abs(other[:, 0]) + 0.3 * other[:, 1]
    y = np.abs(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=len(X))
    for seed in range(5):
        net = MLPRegressor(
            hidden_layer_sizes=(units,), alpha=0.01 * len(Y), solver=("adam", "lbfgs")[seed % 2],
            max_iter=500, random_state=seed,
        )  # fmt: skip
        net.fit(X, y)
        (hidden, outer), (biases, bias) = net.coefs_, net.intercepts_
        record = {
            "hidden_weights": hidden.tolist(), "hidden_biases": biases.tolist(),
            "output_weights": outer.tolist(), "output_bias": bias.tolist(), "alpha": 0.01,
        }  # fmt: skip
        found = polished(record, tmp_path, columns(y))
        before, after = (
            part.objectives.objective for part in (found.record.before, found.record.after)
        )
        lower = found.record.optimum.between.lower_bound
        assert lower <= after <= before * (1 + 1e-12) and found.network.units <= units
        held_out = [
            float(np.mean((truth - f(other).ravel()) ** 2) / 2)
            for f in (net.predict, found.network.network.forward)
        ]
        print(
            f"{units} units, {net.solver}, seed {seed}: {before:.5f} -> {after:.5f}, bound "
            f"{lower:.5f}; held out {held_out[0]:.4f} -> {held_out[1]:.4f}"
        )


@pytest.mark.parametrize("units, alpha", only([(2, 0.02)], [(2, 0.02), (3, 0.01)]))
def test_narrow_networks_are_better_than_trained_ones(units, alpha, tmp_path):
    """Fewer units than the optimum has: better than L-BFGS from five starts all the
    same, or as good."""
    best, start = np.inf, None
    for seed in range(5):
        net = MLPRegressor(
            hidden_layer_sizes=(units,), alpha=alpha * len(Y), solver="lbfgs", max_iter=300,
            random_state=seed,
        ).fit(X, Y)  # fmt: skip
        best = min(best, net.loss_)
        start = start or record_of(net, alpha)
    found = polished(start, tmp_path)
    assert found.record.after.neurons <= units < found.record.optimum.neurons
    assert found.record.after.objectives.objective <= best * (1 + 1e-4)


def record_of(net, alpha, **more):
    """The recipe of the documentation."""
    (hidden, outer), (biases, bias) = net.coefs_, net.intercepts_
    arrays = dict(
        hidden_weights=hidden, hidden_biases=biases, output_weights=outer, output_bias=bias
    )
    return {name: array.tolist() for name, array in arrays.items()} | {"alpha": alpha} | more


def put_back(net, record):
    """The recipe of the documentation, back into the network."""
    outer = np.reshape(record["output_weights"], (-1, 1))
    net.coefs_ = [np.array(record["hidden_weights"]), outer]
    net.intercepts_ = [np.array(record["hidden_biases"]), np.array([record["output_bias"]])]
    return net


@pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
def test_a_network_of_scikit_learn_goes_and_comes_back(kind, tmp_path):
    y = Y if kind is MLPRegressor else LABELS
    net = kind(hidden_layer_sizes=(6,), alpha=0.4, max_iter=60, random_state=0).fit(X, y)
    found = polished(record_of(net, net.alpha / 40), tmp_path, columns(y))
    score = net.score(X, y)
    record = json.loads(to_json(found.network))
    again = put_back(net, record)
    output = again.predict(X) if kind is MLPRegressor else again.predict_proba(X)[:, 1]
    mine = found.network.network.forward(X)[:, 0]
    np.testing.assert_allclose(output, mine if kind is MLPRegressor else 1 / (1 + np.exp(-mine)))
    assert again.score(X, y) >= score
    assert found.record.after.objectives.objective < found.record.before.objectives.objective


def test_what_the_network_has_not_it_does_not_get(tmp_path):
    record = made_up(0, units=4)
    del record["hidden_biases"], record["output_bias"]
    found = polished(record, tmp_path)
    written = json.loads(to_json(found.network))
    assert not {"hidden_biases", "output_bias"} & written.keys()
    assert by_hand(written, X, Y) <= by_hand(record, X, Y)


def test_dead_units_are_left_out_and_said_so(tmp_path):
    record = made_up(0, units=4)
    record["hidden_biases"][1] = -100.0
    for row in record["hidden_weights"]:
        row[2] = 0.0
    found = polished(record, tmp_path)
    units = found.record.units
    assert [unit.unit for unit in units] == [1, 2, 3, 4]
    assert units[1].replaced_by is None and units[2].replaced_by is None
    assert units[2].rows == () and units[2].distance is None
    assert units[0].replaced_by is not None and 0 < units[0].alike <= 1


def test_nearest_rows_are_nearest(tmp_path):
    record = made_up(4, units=3)
    found = polished(record, tmp_path)
    W, b = np.array(record["hidden_weights"]), np.array(record["hidden_biases"])
    for k, unit in enumerate(found.record.units):
        away = np.abs(X @ W[:, k] + b[k]) / np.linalg.norm(W[:, k])
        assert list(unit.rows) == (np.argsort(away)[:2] + 1).tolist()
        assert unit.distance == pytest.approx(np.sort(away)[1])


def test_an_optimal_network_stays_as_good(tmp_path):
    once = polished(made_up(0, units=40, alpha=0.05), tmp_path)
    twice = polished(json.loads(to_json(once.network)), tmp_path)
    first, second = (each.record.after.objectives.objective for each in (once, twice))
    assert second <= first * (1 + 1e-12)


def test_beyond_the_largest_alpha_a_constant_is_left(tmp_path):
    found = polished(made_up(0, units=3, alpha=50.0), tmp_path)
    assert found.record.after.objectives.objective == pytest.approx(np.var(Y) / 2, rel=1e-9)
    written = foreign_of(json.loads(to_json(found.network)), tmp_path)
    np.testing.assert_allclose(written.network.forward(X)[:, 0], Y.mean(), atol=1e-9)


# Time ---------------------------------------------------------------------------------------------


class Told(Silent):
    def __init__(self):
        self.notes = []

    def note(self, words):
        self.notes.append(words)


def in_time(record, tmp_path, seconds, data=None, norm=2):
    progress = Told()
    settings = Settings(norm=norm, jobs=1, tol=1e-4, max_seconds=seconds)
    foreign = foreign_of(record, tmp_path)
    return polish(foreign, table_of(data or columns()), (), settings, progress), progress.notes


@pytest.mark.parametrize("inputs", [2, 3, 6])
def test_without_time_it_is_no_worse_and_what_is_said_is_true(inputs, tmp_path, rng, monkeypatch):
    """Neither the search for the optimum nor that for the network goes on; 40 rows of three columns
    are bounded, of six they have 4 million wedges, which say nothing of other neurons."""
    x = rng.normal(size=(40, inputs))
    data, record = columns(Y, x), made_up(0, inputs=inputs, units=4)
    whole = polished(record, tmp_path, data) if inputs == 2 else None
    moved = []
    monkeypatch.setattr(room, "descend", lambda *_: moved.append(1))
    found, notes = in_time(record, tmp_path, 1e-9, data)
    assert not moved and any("time was up" in words for words in notes)
    written = json.loads(to_json(found.network))
    after = by_hand(written, x, Y)
    assert found.record.after.objectives.objective == pytest.approx(after, rel=1e-9)
    assert after < by_hand(record, x, Y)
    optimum = found.record.optimum.between
    assert optimum.lower_bound <= after
    if whole is not None:
        best = whole.record.optimum.between
        assert optimum.lower_bound <= best.upper_bound and best.lower_bound <= optimum.upper_bound
        assert whole.record.after.objectives.objective <= after


def test_with_time_enough_nothing_is_said(tmp_path):
    found, notes = in_time(made_up(0), tmp_path, 3600.0)
    same_as = polished(made_up(0), tmp_path)
    assert found.record == same_as.record and not notes


def test_a_proof_that_time_has_no_room_for_is_not_begun(tmp_path, rng):
    """By norm 1 every wedge would be looked at, which cannot be ended in the middle: the bound that
    there is then is said not to be sharp."""
    x = rng.normal(size=(20, 4))
    record, data = made_up(0, inputs=4, units=3), columns(Y[:20], x)
    quick, _ = in_time(record, tmp_path, 1e-9, data, norm=1)
    whole = polished(record, tmp_path, data, norm=1).record.optimum.between
    assert quick.record.optimum.between.loose and not whole.loose
    assert quick.record.optimum.between.lower_bound <= whole.lower_bound


# Files --------------------------------------------------------------------------------------------


def same(one, other):
    """The same record, but for the last digit of 1 / (1 / scale)."""
    for left, right in zip(one.network.layers, other.network.layers):
        for a, b in zip(left, right):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(one.center, other.center, rtol=1e-15)
    np.testing.assert_allclose(one.scale, other.scale, rtol=1e-15)
    assert (one.hidden_bias, one.intercept) == (other.hidden_bias, other.intercept)
    assert (one.target_center, one.target_scale) == (other.target_center, other.target_scale)


IN_UNITS = {
    "center": [1.0, -2.0],
    "scale": [2.0, 0.5],
    "target_center": 3.0,
    "target_scale": 2.0,
}


@pytest.mark.parametrize("scaled", [{}, IN_UNITS, {"target_center": 3.0}])
@pytest.mark.parametrize("without", [(), ("hidden_biases", "output_bias")])
def test_onnx_is_the_same_network(scaled, without, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    record = made_up(2) | scaled
    record = {name: part for name, part in record.items() if name not in without}
    network = foreign_of(record, tmp_path)
    (tmp_path / "net.onnx").write_bytes(to_onnx(network))
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"))
    (output,) = session.run(None, {"input": X})
    seen = (X - network.center) / network.scale
    truth = network.network.forward(seen)[:, 0] * network.target_scale + network.target_center
    np.testing.assert_allclose(output[:, 0], truth, rtol=1e-12)
    again = read_foreign(tmp_path / "net.onnx")
    same(again, network)


def test_json_is_the_same_network(tmp_path):
    record = made_up(1, columns=["x0", "x1"], target_center=3.0, target_scale=2.0, loss="squared")
    network = foreign_of(record, tmp_path)
    again = foreign_of(json.loads(to_json(network)), tmp_path)
    same(again, network)
    assert again.columns == network.columns and again.target_scale == 2.0
    assert (again.target_center, again.alpha, again.loss) == (3.0, 0.02, "squared")


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [",".join(map(str, row)) for row in np.column_stack([X, Y]).round(4)]
    Path("d.csv").write_text("\n".join(["x0,x1,y", *lines]))
    Path("net.json").write_text(json.dumps(made_up(0)))
    text = run("polish", "net.json", "d.csv", "-o", "better.json").stdout
    assert "What became of the units" in text and "Written to better.json." in text
    record = strict(run("polish", "net.json", "d.csv", "-o", "b.json", "--json").stdout)
    measured = measure(
        read_foreign("b.json"), table_of(columns(Y.round(4), X.round(4))), (),
        Settings(norm=2, jobs=1), Silent(),
    )  # fmt: skip
    after = record["after"]["objective"]
    assert measured.network.objectives.objective == pytest.approx(after, rel=1e-12)
    assert record["output"] == "b.json"
    fails("polish", "net.json", "d.csv", "-o", "b.txt", code=2, words=[".json or .onnx"])
    fails("polish", "net.json", "d.csv", "-o", "net.json", code=2, words=["overwritten"])
