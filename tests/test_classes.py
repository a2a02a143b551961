"""More than two classes: one network per class against the rest, certified one by one and together,
in one model."""

import json
from functools import partial

import numpy as np
import pytest
from as_json import certify, evaluate
from quick import only
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from wedgefit.data.table import read_table
from wedgefit.engine.losses import class_probabilities
from wedgefit.errors import WedgefitError
from wedgefit.model.build import Options, train
from wedgefit.model.file import loads
from wedgefit.model.whole_path import path
from wedgefit.views.explain import explain
from wedgefit.views.phrases import coefficient_for
from wedgefit.views.tables import explain as rendered_explain
from wedgefit.views.tables import train as rendered_train
from wedgefit.views.terminal import to_text
from wedgefit.watch import Silent

CLASSES = ("ash", "birch", "cedar")


def rows_of(n=45, classes=CLASSES, seed=0):
    """Two numbers, and a class that lies in a band of both; a little noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)).round(3) * [10, 1] + [3, 0]
    value = np.abs(X[:, 0] - 3) / 10 + X[:, 1] + 0.2 * rng.normal(size=n)
    codes = np.digitize(value, np.quantile(value, np.arange(1, len(classes)) / len(classes)))
    return X, [classes[code] for code in codes]


def written(folder, X, labels):
    """The table of a file with these rows."""
    file = folder / "trees.csv"
    lines = ["u,v,tree", *(f"{u},{v},{label}" for (u, v), label in zip(X, labels))]
    file.write_text("\n".join(lines) + "\n")
    return read_table(file)


@pytest.fixture
def read(tmp_path):
    return partial(written, tmp_path)


def trained(table, **options):
    told = {"alpha_ratio": 0.05, "jobs": 1, "loss": "logistic"}
    return train(table, Options(**told | options), Silent())


@pytest.mark.parametrize(
    "options",
    only(
        [{}, {"intercept": False, "bias": False}],
        [{}, {"loss": "squared"}, {"norm": 2}, {"intercept": False, "bias": False}, {"order": 1}],
    ),
    ids=str,
)
def test_each_network_is_the_binary_fit_of_its_class(options, read):
    """Class against rest at the same alpha: objective, bound, neurons and scores; the total is the
    sum."""
    X, labels = rows_of()
    table = read(X, labels)
    model = trained(table, **options)
    assert [stage.output for stage in model.stages] == list(CLASSES) == list(model.outputs)
    scores = model.scores(table)
    for k, (name, stage) in enumerate(zip(CLASSES, model.stages)):
        alone = trained(
            read(X, [1 if label == name else 0 for label in labels]),
            **options
            | {"alpha_ratio": None, "alpha": model.problem.alpha, "task": "classification"},
        )
        assert alone.stages[0].certificate.objective == pytest.approx(
            stage.certificate.objective, rel=1e-7
        )
        assert alone.certificate.lower_bound == pytest.approx(
            stage.certificate.lower_bound, rel=1e-6
        )
        assert (
            sum(neuron.output == name for neuron in model.neurons)
            == stage.neurons
            == len(alone.neurons)
        )
        np.testing.assert_allclose(scores[:, k], alone.scores(table)[:, 0], atol=1e-5)
    certificate = model.certificate
    for figure in ("objective", "lower_bound"):
        assert getattr(certificate, figure) == pytest.approx(
            sum(getattr(stage.certificate, figure) for stage in model.stages), rel=1e-14
        )
    assert certificate.relative_gap == pytest.approx(
        (certificate.objective - certificate.lower_bound) / certificate.objective, abs=1e-14
    )
    assert certificate.scope == "exact" and certificate.relative_gap <= 1e-6
    assert certificate.wedges_total == model.stages[0].certificate.wedges_total
    parts = [stage.certificate.network_lower_bound for stage in model.stages]
    assert certificate.network_lower_bound == (
        None if None in parts else pytest.approx(sum(parts), rel=1e-14)
    )
    assert sum(neuron.share for neuron in model.neurons) == pytest.approx(1)
    if not options.get("intercept", True):
        assert model.intercept == dict.fromkeys(CLASSES, 0.0)


def test_alpha_max_empties_every_network(read):
    """It is the largest of the classes'; one class's would leave neurons in another."""
    table = read(*rows_of())
    empty = trained(table, alpha_ratio=1.0001)
    assert not empty.neurons and trained(table, alpha_ratio=0.99).neurons
    counts = np.array([rows_of()[1].count(name) for name in CLASSES])
    odds = np.log(counts / (45 - counts))
    assert list(empty.intercept.values()) == pytest.approx(odds.tolist())
    assert set(empty.predict(table)) == {CLASSES[odds.argmax()]}
    assert loads(empty.dumps()).predict(table) == empty.predict(table)
    assert explain(empty)["terms"] == [] and certify(empty, table, jobs=1)["agrees"]


def test_probabilities_are_normalised_as_in_scikit_learn(read):
    """σ of each score over their sum; scikit-learn's one-vs-rest gives the same from the same
    scores."""
    X, labels = rows_of()
    table = read(X, labels)
    model = trained(table)
    scores = model.scores(table)
    found = model.probabilities(scores)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    each = 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(found, each / each.sum(axis=1, keepdims=True), rtol=1e-12)
    assert model.predict(table) == [CLASSES[k] for k in found.argmax(axis=1)]
    assert model.score.train["log_loss"] == pytest.approx(
        -np.mean(np.log(found[np.arange(45), [CLASSES.index(label) for label in labels]]))
    )
    slow = OneVsRestClassifier(LogisticRegression()).fit(X, labels)
    np.testing.assert_allclose(
        class_probabilities("logistic", slow.decision_function(X)),
        slow.predict_proba(X),
        rtol=1e-10,
    )
    assert trained(table, loss="squared").probabilities(scores) is None


def test_probabilities_far_from_every_class():
    """All scores at −1000: zero by zero, unless it is done in logarithms."""
    found = class_probabilities(
        "logistic", np.array([[-1000.0, -1001, -2000], [1000, 1000, -1000], [-3, 2, 900]])
    )
    np.testing.assert_allclose(found[0], [1 / (1 + np.exp(-1)), 1 / (1 + np.e), 0], rtol=1e-12)
    np.testing.assert_allclose(found[1], [0.5, 0.5, 0], rtol=1e-12)
    two = class_probabilities("logistic", np.array([[-1000.0], [0], [1000]]))
    assert two.tolist() == [[1, 0], [0.5, 0.5], [0, 1]]


def test_names_of_classes_only_order_the_outputs(read):
    """Sorted names come first: renamed, the same networks stand elsewhere."""
    X, labels = rows_of()
    renamed = dict(zip(CLASSES, ("zinnia", "aster", "mallow")))
    table = read(X, labels)
    plain, other = trained(table), trained(read(X, [renamed[label] for label in labels]))
    assert list(other.data.classes) == ["aster", "mallow", "zinnia"]
    order = [other.outputs.index(renamed[name]) for name in CLASSES]
    np.testing.assert_allclose(other.scores(table)[:, order], plain.scores(table), atol=1e-6)
    assert other.predict(table) == [renamed[label] for label in plain.predict(table)]
    assert other.certificate.objective == pytest.approx(plain.certificate.objective, rel=1e-9)


@pytest.mark.parametrize(
    "classes", [(1, 2, 10), (0.5, 2, 3), ("1", "b", "c"), ("1.0 m", "01", "x")], ids=str
)
def test_classes_of_any_kind(classes, read):
    """Numbers stay numbers in predictions, and names in the file find their networks again."""
    X, labels = rows_of(classes=classes)
    table = read(X, labels)
    model = trained(table, task="classification")
    again = loads(model.dumps())
    assert again.predict(table) == model.predict(table) and set(model.predict(table)) == set(
        classes
    )
    assert evaluate(again, table)["score"]["accuracy"] == model.score.train["accuracy"] > 0.8
    assert certify(again, table, jobs=1)["agrees"]


def test_explain_by_hand(read):
    """Every class has its formula; its terms on the raw cells are its score. Rows shared between
    classes name them all."""
    X, labels = rows_of()
    table = read(X, labels)
    model = trained(table, order=1, alpha_ratio=0.02)
    record = explain(model)
    assert record["outputs"] == list(CLASSES)
    scores = model.scores(table)
    for k, name in enumerate(CLASSES):
        total = np.full(45, record["intercept"][name])
        for term in record["terms"]:
            hinge = term["hinge"]
            height = hinge["bias"] + sum(
                weight * X[:, "uv".index(column)] for column, weight in hinge["weights"].items()
            )
            assert coefficient_for(term, name) == (
                hinge["coefficient"] if term["output"] == name else 0
            )
            total += coefficient_for(term, name) * np.maximum(height, 0)
        np.testing.assert_allclose(total, scores[:, k], atol=1e-9)
    assert [line.split(" = ")[0] for line in record["formula"].splitlines()] == [
        f"score of {name}" for name in CLASSES
    ]
    by_row = {sample["id"]: sample["outputs"] for sample in record["samples"]}
    for row, outputs in by_row.items():
        assert (
            outputs
            == sorted({neuron.output for neuron in model.neurons if row in neuron.samples})
            != []
        )
    assert any(len(outputs) > 1 for outputs in by_row.values()), "or the test proves nothing"
    text = to_text(rendered_explain(record), None)
    shared = next(row for row, outputs in by_row.items() if len(outputs) > 1)
    line = next(
        line
        for line in text.splitlines()
        if line.split()[:1] == [str(shared)] and ", ".join(by_row[shared]) in line
    )
    assert line.endswith(", ".join(by_row[shared]))
    assert "The class of the largest score is predicted." in text


def test_long_explanations_have_one_line_per_class(read):
    model = trained(read(*rows_of()))
    record = explain(model) | {"formula": None}
    lines = to_text(rendered_explain(record), None).splitlines()
    for k, name in enumerate(CLASSES):
        assert lines[k].startswith(f"score of {name} = ")
        own = [effect for effect in record["effects"] if effect["output"] == name]
        pairs = sum(len(effect["columns"]) == 2 for effect in own)
        assert f" on average + {len(own) - pairs} effect" in lines[k]


def test_the_report_speaks_of_one_network_per_class(read):
    """ "Among all networks" of one kind would claim that no single network with three outputs does
    better."""
    model = trained(read(*rows_of()))
    lines = to_text(rendered_train(model.report(), "m.json"), None).splitlines()
    assert (
        lines[-2]
        == "One network per class, each against the other classes: this is about all 3 together."
    )
    assert lines[-1].startswith(
        "Globally optimal among all 2,160 wedges, "
        "and among all two-layer ReLU networks, one per class: at most "
    )
    assert lines[-1].endswith(" of the sum of their objectives can be gained (exact).")
    text = "\n".join(lines)
    assert (
        f"{len(model.neurons)} neurons in 3 networks" in text
        and "classification, ash, birch or cedar" in text
    )
    table = text[text.index("Certificates") : text.index("Neurons")]
    assert [
        line.split()[0]
        for line in table.splitlines()
        if line.split() and line.split()[0] in CLASSES
    ] == list(CLASSES)


def test_the_path_adds_the_networks_up(read, monkeypatch):
    table = read(*rows_of())
    # Small alphas take long, and prove no more.
    monkeypatch.setattr("wedgefit.learning.path.SMALLEST_RATIO", 0.1)
    record = path(table, Options(cv=3, order=1, jobs=1, loss="logistic"), Silent()).report()
    assert record["score_name"] == "log_loss" and len(record["points"]) > 3
    point = record["points"][2]
    model = trained(table, order=1, alpha_ratio=None, alpha=point["alpha"])
    assert point["neurons"] == len(model.neurons) and point["objective"] == pytest.approx(
        model.certificate.objective, rel=1e-7
    )
    objectives = [point["objective"] for point in record["points"]]
    assert objectives == sorted(objectives, reverse=True)


# Tampering ----------------------------------------------------------------------------------------


def swap_outputs(data):
    first = data["neurons"][0]
    first["output"] = next(name for name in CLASSES if name != first["output"])


def drop_stage(data):
    data["stages"].pop()


def other_class_first(data):
    data["stages"][0]["output"], data["stages"][1]["output"] = "birch", "ash"


LIES = {
    "a neuron's class": swap_outputs,
    "a class without a certificate": drop_stage,
    "the classes' certificates": other_class_first,
    "one objective": lambda data: data["stages"][1].update(
        objective=data["stages"][1]["objective"] * 0.999
    ),
    "one bound": lambda data: data["stages"][2].update(
        lower_bound=data["stages"][2]["lower_bound"] * 1.001
    ),
    "the total": lambda data: data["certificate"].update(
        objective=data["certificate"]["objective"] * 0.999
    ),
    "the total bound": lambda data: data["certificate"].update(
        lower_bound=data["certificate"]["lower_bound"] * 1.001
    ),
    "one intercept": lambda data: data["intercept"].update(cedar=data["intercept"]["cedar"] + 1e-3),
    "one coefficient": lambda data: data["neurons"][-1].update(
        coefficient=data["neurons"][-1]["coefficient"] + 1e-3
    ),
    "one bias": lambda data: data["neurons"][0].update(bias=data["neurons"][0]["bias"] + 1e-3),
    "an unknown class": lambda data: data["neurons"][0].update(output="oak"),
    "no class": lambda data: data["neurons"][0].update(output=None),
    "no bias for a class": lambda data: data["intercept"].pop("ash"),
    "the loss": lambda data: data["problem"].update(loss="squared"),
    "no loss": lambda data: data["problem"].update(loss="hinge"),
    "the class weight": lambda data: data["problem"].update(class_weight="balanced"),
    "an unknown class weight": lambda data: data["problem"].update(class_weight="heavy"),
}


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A table, and the text of its model, which agrees with it."""
    X, labels = rows_of()
    labels[:6] = ["ash"] * 6  # Classes of uneven sizes, or balanced weights would change nothing.
    table = written(tmp_path_factory.mktemp("honest"), X, labels)
    model = trained(table)
    assert certify(model, table, jobs=1)["agrees"]
    return table, model.dumps()


@pytest.mark.parametrize("lie", LIES)
def test_certify_rejects(lie, honest):
    table, text = honest
    data = json.loads(text)
    LIES[lie](data)
    assert data != json.loads(text)
    try:
        found = certify(loads(json.dumps(data)), table, jobs=1)
    except WedgefitError as refusal:
        assert "\n" not in str(refusal)
        assert lie in {
            "an unknown class",
            "no class",
            "no bias for a class",
            "a class without a certificate",
            "no loss",
            "an unknown class weight",
        }
    else:
        assert not found["agrees"] and "do not hold" in found["message"]
        json.dumps(found, allow_nan=False)
