"""Rows that count more than others: a weight of three is three rows, from the standardisation to
the certificate."""

import json

import numpy as np
import pytest
from as_json import certify, evaluate
from quick import only

from wedgefit.data.table import read_table
from wedgefit.errors import ColumnError, WedgefitError
from wedgefit.model.build import Options, train
from wedgefit.watch import Silent


def rows_of(n=24, classes=None, seed=0):
    """Rows of cells: two numbers (one with gaps), a text, a target; and a whole weight for each."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(50, 20, size=n).round(2), rng.normal(size=n).round(3)
    town = [["Bonn", "Ulm", "Köln"][i % 3] for i in range(n)]
    value = np.abs(a - 50) / 20 + b + 0.3 * rng.normal(size=n)
    if classes:
        y = [
            classes[k]
            for k in np.digitize(
                value, np.quantile(value, np.arange(1, len(classes)) / len(classes))
            )
        ]
    else:
        y = value.round(4).tolist()
    gaps = ["" if i % 5 == 1 else str(a[i]) for i in range(n)]
    return [f"{gaps[i]},{b[i]},{town[i]},{y[i]}" for i in range(n)], rng.integers(1, 5, size=n)


@pytest.fixture
def read(tmp_path):
    """A table of these rows, with weights if there are any."""

    def from_rows(rows, weights=None):
        file = tmp_path / "data.csv"
        header = "a,b,town,y"
        if weights is not None:
            header, rows = f"w,{header}", [f"{weight},{row}" for weight, row in zip(weights, rows)]
        file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return read_table(file)

    return from_rows


def trained(table, weighted=True, **options):
    return train(
        table,
        Options(**{"alpha_ratio": 0.03, "jobs": 1, "weight": "w" if weighted else None} | options),
        Silent(),
    )


KINDS = pytest.mark.parametrize("classes, loss", [
    (None, "squared"), (("no", "yes"), "logistic"),
    pytest.param(("no", "yes"), "squared", marks=pytest.mark.slow), (("p", "q", "r"), "logistic"),
], ids=["numbers", "two classes", "two classes squared", "three classes"])  # fmt: skip


def assert_same(one, other, table, rel=1e-7):
    """The same problem, optimum, certificate, scores and predictions."""
    for name in ("alpha", "alpha_max"):
        here, there = (getattr(model.problem, name) for model in (one, other))
        assert here == pytest.approx(there, rel=1e-9)
    assert one.certificate.objective == pytest.approx(other.certificate.objective, rel=rel)
    assert one.certificate.lower_bound == pytest.approx(other.certificate.lower_bound, rel=rel)
    assert max(one.certificate.relative_gap, other.certificate.relative_gap) <= 1e-6
    for here, there in zip(one.encoding.features, other.encoding.features, strict=True):
        assert (here.name, here.center, here.scale) == (
            there.name,
            pytest.approx(there.center),
            pytest.approx(there.scale),
        )
    np.testing.assert_allclose(one.scores(table), other.scores(table), atol=1e-4)
    for name, score in one.score.train.items():
        assert score == (
            None
            if other.score.train[name] is None
            else pytest.approx(other.score.train[name], rel=1e-4)
        )


@KINDS
@pytest.mark.parametrize("standardize", only([True], [True, False]))
def test_whole_weights_are_repeated_rows(classes, loss, standardize, read):
    """Means, deviations, medians, output bias, loss, certificate, scores: one that forgets the
    weights shows here."""
    rows, times = rows_of(classes=classes)
    every = read([row for row, many in zip(rows, times) for _ in range(many)])
    repeated = trained(every, False, loss=loss, standardize=standardize)
    weighted = trained(read(rows, times), loss=loss, standardize=standardize)
    assert_same(weighted, repeated, every)
    plain = trained(read(rows), False, loss=loss, standardize=standardize)
    assert abs(plain.certificate.objective / repeated.certificate.objective - 1) > 1e-3, (
        "or the test proves nothing"
    )
    assert sum(neuron.share for neuron in weighted.neurons) == pytest.approx(1)


@KINDS
def test_shares_are_parts_of_the_weighted_variation(classes, loss, read):
    """Each neuron's coefficient times the deviation of its hinge over the rows as they count."""
    rows, times = rows_of(classes=classes)
    table = read(rows, times)
    model = trained(table, loss=loss)
    normals, offsets = model.units(1)
    hinges = np.maximum(model.encoding.transform(table) @ normals.T + offsets, 0)
    spread = np.std(np.repeat(hinges, times, axis=0), axis=0) * [
        abs(neuron.coefficient) for neuron in model.neurons
    ]
    np.testing.assert_allclose(
        [neuron.share for neuron in model.neurons], spread / spread.sum(), rtol=1e-9
    )


@pytest.mark.parametrize("solver", ["working-set", "full"])
def test_every_solver_knows_the_weights(solver, read):
    rows, times = rows_of(16)
    every = read([row for row, many in zip(rows, times) for _ in range(many)])
    weighted, repeated = trained(read(rows, times), solver=solver), trained(every, False)
    assert weighted.certificate.objective == pytest.approx(repeated.certificate.objective, rel=1e-4)


@KINDS
def test_only_the_ratios_of_weights_count(classes, loss, read):
    rows, times = rows_of(classes=classes)
    plain = trained(read(rows, times), loss=loss)
    for factor in (1e-6, 1e6):
        table = read(rows, times * factor)
        assert_same(trained(table, loss=loss), plain, table)
    even = read(rows, np.full(len(rows), 7))
    assert_same(trained(even, loss=loss), trained(read(rows), False, loss=loss), even)


@KINDS
def test_a_row_of_weight_zero_is_not_there(classes, loss, read):
    """Also not as a sample for wedges to pass through; and it is said, not silent."""
    rows, times = rows_of(classes=classes)
    times[[2, 9]] = 0
    table = read(rows, times)
    model = trained(table, loss=loss)
    assert list(model.notes) == ["2 rows (3, 10) left out: their weight is zero"]
    assert (model.data.rows, model.data.rows_left_out) == (22, 2)
    assert not {3, 10} & set(model.report()["samples"])
    kept = [i for i in range(24) if times[i]]
    shorter = read([rows[i] for i in kept], times[kept])
    assert_same(model, trained(shorter, loss=loss), shorter)
    assert certify(model, table, jobs=1)["agrees"]


def test_weights_are_no_input_and_the_report_names_them(read):
    rows, times = rows_of()
    model = trained(read(rows, times))
    assert model.data.weight == "w" and "w" not in model.data.columns
    new, weighted = read(rows), read(rows, times)
    assert model.predict(new) == model.predict(weighted), "predict needs no weights"
    assert evaluate(model, new)["score"].keys() == {"r2", "rmse", "mae"}


@pytest.mark.parametrize("classes", [("no", "yes"), ("p", "q", "r")], ids=len)
@pytest.mark.parametrize("loss", only(["logistic"], ["squared", "logistic"]))
def test_balanced_classes_are_explicit_weights(classes, loss, read):
    """n / (classes · rows of the class), as in scikit-learn; with --weight, on top of it."""
    rows, times = rows_of(30, classes)
    # Without gaps: weights of a column move the median that fills them, those of the classes do
    # not.
    rows = [f"50{row}" if row.startswith(",") else row for row in rows]
    rows = [row for row in rows if not row.endswith(classes[0])] + [
        row for row in rows if row.endswith(classes[0])
    ][:4]
    labels = [row.rsplit(",", 1)[1] for row in rows]
    balanced = [len(rows) / (len(classes) * labels.count(label)) for label in labels]
    table = read(rows, balanced)
    options = {"loss": loss, "standardize": False}
    by_column = trained(table, **options)
    by_option = trained(read(rows), False, class_weight="balanced", **options)
    assert by_option.certificate.objective == pytest.approx(
        by_column.certificate.objective, rel=1e-7
    )
    np.testing.assert_allclose(by_option.scores(table), by_column.scores(table), atol=1e-4)
    times = times[: len(rows)]
    total = {
        label: sum(time for time, each in zip(times, labels) if each == label) for label in classes
    }
    both = trained(read(rows, times), class_weight="balanced", **options)
    explicit = read(rows, [time / total[label] for time, label in zip(times, labels)])
    assert both.certificate.objective == pytest.approx(
        trained(explicit, **options).certificate.objective, rel=1e-7
    )
    assert certify(both, read(rows, times), jobs=1)["agrees"]
    assert both.problem.class_weight == "balanced" and by_column.problem.class_weight is None


def test_certify_weighs_the_rows(read):
    """Other weights are other data; but scaled all alike they are the same."""
    rows, times = rows_of()
    model = trained(read(rows, times))
    assert certify(model, read(rows, times), jobs=1)["agrees"]
    assert certify(model, read(rows, times * 2.5), jobs=1)["agrees"]
    changed = times.astype(float)
    changed[4] += 0.01
    assert not certify(model, read(rows, changed), jobs=1)["agrees"]
    assert not certify(model, read(rows, np.ones(24)), jobs=1)["agrees"]


@pytest.mark.parametrize("cell", ["", "-1", "0", "x", "1e300"])
def test_certify_answers_bad_weights_in_words(cell, read):
    """A file that was edited since: a mismatch or a message, never a traceback or a NaN in the
    record."""
    rows, times = rows_of()
    model = trained(read(rows, times))
    try:
        found = certify(model, read(rows, [cell, *times[1:]]), jobs=1)
    except WedgefitError as refusal:
        assert "\n" not in str(refusal)
        return
    json.dumps(found, allow_nan=False)
    assert not found["agrees"]


def test_certify_needs_the_column_of_weights(read):
    rows, times = rows_of()
    model = trained(read(rows, times))
    with pytest.raises(ColumnError, match='"w"'):
        certify(model, read(rows), jobs=1)


def test_folds_are_weighted(read):
    """The choice of alpha too: rows of weight 1e-9 neither fit nor score, so a curve cannot tell
    what they hold."""
    rows, _ = rows_of(40)
    weights = [1e-9 if i % 4 == 0 else 1 for i in range(40)]
    other = [
        row.rsplit(",", 1)[0] + ",99" if weight < 1 else row for row, weight in zip(rows, weights)
    ]
    options = {"alpha_ratio": None, "cv": 3, "order": 1, "standardize": False}
    one, two = (trained(read(some, weights), **options) for some in (rows, other))
    assert one.problem.alpha == pytest.approx(two.problem.alpha, rel=1e-3)
    for here, there in zip(one.score.curve, two.score.curve):
        assert here.scores["mae"].mean == pytest.approx(there.scores["mae"].mean, rel=1e-2)
