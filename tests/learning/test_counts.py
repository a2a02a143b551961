"""A weight of 2 is a row that stands there twice, and only ratios count: in every default that
looks at how many rows there are."""

import numpy as np
import pytest
from as_json import certify, evaluate
from encoded import encode
from quick import only

from wedgefit import WedgeClassifier, WedgeFeatures, WedgeRegressor
from wedgefit.data.cells import Column
from wedgefit.data.roles import row_weights
from wedgefit.data.table import Table
from wedgefit.errors import ColumnError
from wedgefit.learning.policy import fill_space
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.watch import Silent

SCALES = [1.0, 0.1, 1 / 3, 1e16, 1e-30]


def table_of(columns, times=None, weights=None):
    """The columns as a table, each row so many ``times``, or with ``weights`` as a column w."""
    columns = dict(columns) | ({} if weights is None else {"w": weights})
    rows = len(next(iter(columns.values())))
    which = np.repeat(np.arange(rows), 1 if times is None else times)
    kind = lambda values: "numeric" if values.dtype.kind == "f" else "category"
    made = {name: Column(name, kind(values), values[which]) for name, values in columns.items()}
    ids = list(range(1, len(which) + 1))
    return Table("t.csv", ",", ids, np.arange(2, len(which) + 2), made)


def case(seed, rows=44, classes=False):
    """Gaps, ties at the middle, far-out cells, a rare level that is heavy and one that is light,
    two levels of which weights decide which is frequent."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=rows).round(1)
    b = rng.integers(0, 4, size=rows).astype(float)
    a[rng.integers(0, rows, size=3)] = np.nan
    b[0] = 1e7
    town = np.array(list("ppqqr"), dtype=object)[rng.integers(0, 5, size=rows)]
    town[1], town[2] = "light", "heavy"
    half = np.array(["u", "v"], dtype=object)[np.arange(rows) % 2]
    y = np.abs(np.nan_to_num(a)) + (town == "q") + 0.3 * rng.normal(size=rows)
    if classes:
        y = np.where(y > np.median(y), "yes", "no").astype(object)
    times = rng.integers(1, 4, size=rows)
    times[0], times[1], times[2] = 1, 1, 9
    return {"a": a, "b": b, "town": town, "half": half, "y": y}, times


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seed", range(6))
def test_encodings_of_weighted_and_of_repeated_rows_are_the_same(seed, scale):
    columns, times = case(seed)
    repeated, _ = encode(table_of(columns, times), target="y")
    weighted, design = encode(table_of(columns, weights=times * scale), target="y", weight="w")
    assert weighted.inputs == repeated.inputs, "medians, ends, levels: to the last digit"
    assert weighted.names == repeated.names
    for here, there in zip(weighted.features, repeated.features):
        assert (here.center, here.scale) == pytest.approx((there.center, there.scale), rel=1e-9)
    assert design.weights.mean() == pytest.approx(1.0)
    (town,) = [column for column in weighted.inputs if column.name == "town"]
    assert "light" in town.rare and "heavy" in town.levels
    plain, _ = encode(table_of(columns), target="y")
    assert plain.inputs != repeated.inputs, "or the test proves nothing"


@pytest.mark.parametrize(
    "scale, norm, classes",
    only(
        [(0.1, 1, False), (1e16, 1, True)],
        [(0.1, 1, False), (1e16, 2, False), (1e16, 1, True), (0.1, 2, True)],
    ),
)
def test_fits_of_weighted_and_of_repeated_rows_are_the_same(scale, norm, classes):
    """The order by default, alpha_max, networks along the path, their scores and certificates."""
    columns, times = case(3, classes=classes)
    columns = {name: columns[name] for name in ("a", "b", "half", "y")}
    every, counted = table_of(columns, times), table_of(columns, weights=times * scale)
    for ratio in (0.3, 0.05):
        options = {"alpha_ratio": ratio, "norm": norm, "target": ("y",), "jobs": 1}
        one = train(counted, Options(weight="w", **options), Silent())
        two = train(every, Options(**options), Silent())
        assert one.problem.order == two.problem.order
        assert one.problem.alpha_max == pytest.approx(two.problem.alpha_max, rel=1e-9)
        assert one.certificate.objective == pytest.approx(two.certificate.objective, rel=1e-6)
        # Rows that tie up to the solver's tolerance count by halves in the AUC.
        assert one.score.train == pytest.approx(two.score.train, rel=2e-3)
        assert evaluate(two, counted, "w")["score"] == pytest.approx(
            evaluate(two, every)["score"], rel=1e-9
        )
        assert certify(one, counted, jobs=1)["agrees"]


def test_equal_weights_are_none():
    columns, _ = case(0)
    columns = {name: columns[name] for name in ("a", "b", "y")}
    options = {"alpha_ratio": 0.1, "target": ("y",), "jobs": 1}
    plain = train(table_of(columns), Options(**options), Silent())
    even = train(
        table_of(columns, weights=np.full(44, 0.3)), Options(weight="w", **options), Silent()
    )
    assert even.certificate == plain.certificate and even.encoding == plain.encoding


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_order_by_default_counts_distinct_rows(times):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(60, 2)), np.arange(60) < 6])
    assert not fill_space(np.repeat(X, times, axis=0), True)
    X[:, 2] = np.arange(60) < 10
    assert fill_space(np.repeat(X, times, axis=0), True)


@pytest.mark.parametrize("weights", [[0.1, 0.2, 0.3], [1, 2, 3], [3, 2, 1], [0.3, 0.2, 0.1]])
def test_the_median_of_parts_that_meet_in_the_middle(weights):
    """0.1 + 0.2 is half of 0.6, whatever the last digit says."""
    columns = {"a": np.array([1.0, 5.0, 9.0]), "y": np.array([0.0, 1.0, 3.0])}
    table = table_of(columns, weights=np.array(weights, float))
    (column,) = encode(table, target="y", weight="w")[0].inputs
    first_half = weights[0] < weights[2]
    assert column.fill == (7.0 if first_half else 3.0)


def test_many_classes_are_counted_in_distinct_rows():
    """Twice as many rows do not make a column of names one of classes."""
    labels = np.array([f"n{k:02d}" for k in range(24)] * 9, dtype=object)
    columns = {"a": np.arange(216.0), "y": labels}
    for times in (np.ones(216, int), np.full(216, 2)):
        with pytest.raises(ColumnError, match="24 classes"):
            encode(table_of(columns, times), target="y")


def test_a_weight_that_is_lost_beside_the_others_is_refused():
    table = table_of({"a": np.arange(3.0)}, weights=np.array([1e-60, 1.0, 1e60]))
    with pytest.raises(
        ColumnError, match="row 1 .*: this weight is 1e-60, lost beside the largest"
    ):
        row_weights(table, "w")


def test_targets_of_a_small_spread_are_noted_by_weight():
    """A row that hardly counts does not make a target's units look large."""
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=30), "y": rng.normal(size=30), "z": 0.01 * rng.normal(size=30)}
    columns["z"][4] = 50.0
    weights = np.where(np.arange(30) == 4, 1e-9, 1.0)
    options = Options(target=("y", "z"), weight="w", alpha_ratio=0.5, order=1, jobs=1)
    notes = train(table_of(columns, weights=weights), options, Silent()).notes
    assert any("z hardly counts" in note for note in notes)


# Rows of weight zero ------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [["a", "b", "c"], ["a", "b", "c", "d"], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("by", ["sample_weight", "class_weight"])
def test_a_class_of_weight_zero_is_not_there(by, labels):
    X, y = np.arange(40.0)[:, None], np.repeat(labels, 40 // len(labels) + 1)[:40]
    kept = y != y[0]
    options = {"alpha_ratio": 0.05, "order": 1, "n_jobs": 1}
    if by == "class_weight":
        zero = {label: float(label != y[0]) for label in np.unique(y).tolist()}
        model = WedgeClassifier(class_weight=zero, **options).fit(X, y)
    else:
        model = WedgeClassifier(**options).fit(X, y, sample_weight=kept.astype(float))
    alone = WedgeClassifier(**options).fit(X[kept], y[kept])
    assert model.classes_.tolist() == alone.classes_.tolist() == np.unique(y[kept]).tolist()
    assert (model.predict(X) == alone.predict(X)).all()
    assert (model.predict(X[kept]) == y[kept]).mean() > 0.9
    assert model.predict_proba(X).shape == (40, len(model.classes_))


def test_features_take_two_values_that_count_for_classes():
    X, y = np.arange(30.0)[:, None], np.repeat([0.0, 1.0, 2.0], 10)
    model = WedgeFeatures(alpha_ratio=0.1, n_jobs=1).fit(X, y, sample_weight=(y > 0).astype(float))
    assert model.model_.data.task == "classification"


def test_estimators_know_only_ratios():
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(40, 2)), rng.integers(1, 4, size=40)
    y = np.abs(X[:, 0]) + X[:, 1]
    fits = [
        WedgeRegressor(alpha_ratio=0.1, n_jobs=1).fit(X, y, sample_weight=weights * scale)
        for scale in (1.0, 1e16, 0.1)
    ]
    for fit in fits[1:]:
        np.testing.assert_allclose(fit.predict(X), fits[0].predict(X), rtol=1e-6)
