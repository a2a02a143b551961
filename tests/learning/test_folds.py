"""What the folds of a cross-validation learn from: their own rows, and nothing of those held
out."""

import json

import numpy as np
import pytest
from encoded import encode
from quick import only
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, PredefinedSplit, ShuffleSplit

from wedgefit import WedgeClassifier, WedgeRegressor
from wedgefit.data.cells import Column
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.engine.losses import LOSSES
from wedgefit.learning.problems import problems_of
from wedgefit.learning.settings import Settings
from wedgefit.model.build import Options, train
from wedgefit.model.file import loads
from wedgefit.model.whole_path import path
from wedgefit.watch import Silent


def table_of(**columns):
    cells = {name: np.asarray(values) for name, values in columns.items()}
    kinds = {
        name: ("numeric", values.astype(float))
        if values.dtype.kind in "if"
        else ("category", values.astype(object))
        for name, values in cells.items()
    }
    rows = len(next(iter(cells.values())))
    return Table(
        "t.csv",
        ",",
        list(range(1, rows + 1)),
        np.arange(2, rows + 2),
        {name: Column(name, *kind) for name, kind in kinds.items()},
    )


def mixed(n=60, seed=0):
    """Numbers with gaps and one slip, a text with rare levels, another that is nearly constant."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.exponential(size=n)
    y = np.abs(a) + 0.3 * b + 0.1 * rng.normal(size=n)
    a[[3, 20, 41]] = np.nan
    b[7] = 1e5
    town = np.array(list("ppppqqqrrs"), dtype=object)[rng.integers(0, 10, size=n)]
    seldom = np.full(n, "usual", dtype=object)
    seldom[holdout()[0][1][:3]] = "x"
    return {"a": a, "b": b, "town": town, "seldom": seldom, "y": y}


def holdout(n=60, folds=4):
    return list(KFold(folds, shuffle=True, random_state=0).split(np.zeros(n)))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_fold_is_encoded_as_if_the_other_rows_were_not_there(weighted, standardize):
    """As an encoding of the fold's own table, on both sides; but for the last digit of weights."""
    columns = mixed() | {"w": np.random.default_rng(1).exponential(size=60)}
    table, roles = table_of(**columns), {"target": "y", "standardize": standardize}
    roles |= {"weight": "w"} if weighted else {"drop": ["w"]}
    _, design = encode(table, **roles)
    widths = set()
    for learn, held_out in holdout():
        alone, own = encode(table.take(learn), **roles)
        found = design.encoder(learn, held_out)
        X, unseen = found.rows, found.held_out
        np.testing.assert_allclose(X, own.X, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            unseen, alone.transform(table.take(held_out)), rtol=1e-12, atol=1e-12
        )
        widths.add(X.shape[1])
        assert np.ptp(X[:, 0] - design.X[learn][:, 0]) > 1e-3, "or all rows teach the same"
    assert len(widths) > 1, "or no fold lacks a level"


@pytest.mark.parametrize("weighted", only([True], [False, True]))
def test_scores_are_those_of_whole_fits_on_the_other_folds(weighted):
    """Encoding included: the slip that a fold has not seen is far out to it as to the others."""
    columns = mixed() | {"w": np.random.default_rng(1).exponential(size=60)}
    roles = {"target": ("y",), "order": 1, "jobs": 1}
    roles |= {"weight": "w"} if weighted else {"drop": ("w",)}
    record = path(table_of(**columns), Options(cv=4, scoring="r2", **roles), Silent()).report()
    point = record["points"][4]
    slow = []
    for learn, held_out in holdout():
        fold, new = (
            table_of(**{name: values[rows] for name, values in columns.items()})
            for rows in (learn, held_out)
        )
        model = train(fold, Options(alpha=point["alpha"], **roles), Silent())
        weights = columns["w"][held_out] if weighted else None
        slow.append(
            r2_score(columns["y"][held_out], np.array(model.predict(new)), sample_weight=weights)
        )
    assert min(slow) > 0
    assert point["cv"]["mean"] == pytest.approx(np.mean(slow), rel=0.05)


def test_the_estimators_hold_out_as_the_command_line_does():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=60)
    X[7] = 1e6
    options = {"order": 1, "n_jobs": 1}
    model = WedgeRegressor(cv=KFold(4, shuffle=True, random_state=0), **options).fit(X, y).model_
    splits, point = holdout(), model.score.curve[4]
    slow = [
        WedgeRegressor(alpha=point.alpha, **options).fit(X[learn], y[learn]).score(X[new], y[new])
        for learn, new in splits
    ]
    assert min(slow) > 0.5
    assert point.scores["r2"].mean == pytest.approx(np.mean(slow), rel=0.05)
    same = train(table_of(x0=X[:, 0], y=y), Options(order=1, cv=4, jobs=1), Silent()).score.curve
    assert same == model.score.curve


@pytest.mark.parametrize("rows, slips", only([(500, 2), (60, 1)], [(500, 1), (500, 2), (60, 1)]))
def test_a_slipped_cell_does_not_cost_the_network(rows, slips):
    """One cell per column: neither the fit nor the fold that must predict its row runs off."""
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(rows, 2)), rng.normal(size=(300, 2))
    truth = lambda X: np.abs(X[:, 0]) + 0.5 * X[:, 1]
    y = truth(X) + 0.1 * rng.normal(size=rows)
    for j in range(slips):
        X[7 + 90 * j, j] = (-1) ** j * 1e6
    fitted = WedgeRegressor(order=1, n_jobs=1).fit(X, y)
    assert fitted.score(new, truth(new)) > 0.95 and len(fitted.wedges_) > 2
    assert fitted.model_.score.cv["r2"].mean > 0.85
    ends = np.array([column.seen for column in fitted.model_.encoding.inputs])
    far = np.array([[1e12, 0.3], [0.3, -1e12]])
    inside = [[ends[0, 1], 0.3], [0.3, ends[1, 0]]]
    assert fitted.predict(far).tolist() == fitted.predict(inside).tolist()


def test_weights_of_balanced_classes_are_those_of_the_fold():
    """The frequency of a class among all rows is something that the held-out rows tell, too."""
    rng = np.random.default_rng(2)
    y = np.where(rng.random((60, 1)) < 0.3, 1.0, -1.0)
    sample = Sample(rng.normal(size=(60, 1)), y, "classification")
    learn, held_out = sample.split(np.arange(40), np.arange(40, 60))
    for part in (learn, held_out):
        (problem,) = problems_of(part, LOSSES["logistic"], Settings(class_weight="balanced"))
        assert problem.weights[part.y[:, 0] > 0].sum() == pytest.approx(0.5)


# Folds that lack something ------------------------------------------------------------------------


@pytest.mark.parametrize("order", [None, 2])
def test_a_column_that_a_fold_sees_constant_is_no_column_there(order, monkeypatch):
    """Level b occurs in one group only: the fold without it reads one column, so order 2 is order 1
    for it."""
    monkeypatch.setattr("wedgefit.learning.path.SMALLEST_RATIO", 0.2)
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(4), 10)
    columns = {"x": rng.normal(size=40), "t": np.where(group == 2, "b", "a").astype(object)}
    columns["y"] = np.abs(columns["x"]) + (group == 2) + 0.1 * rng.normal(size=40)
    table = table_of(**columns, g=group)
    model = train(table, Options(group="g", order=order, cv=2, jobs=1), Silent())
    assert model.data.columns == ("x", "t = b") and model.problem.order == 2
    assert len(model.score.curve) == 5
    assert loads(model.dumps()).predict(table) == model.predict(table)


@pytest.mark.parametrize("layers", [2, 3])
def test_a_fold_without_any_column_predicts_a_constant(layers):
    """All that varies varies in one group; the fold without it can only take the mean."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(3), 8)
    t, y = np.where(group == 1, "b", "a").astype(object), rng.normal(size=24) + 2 * (group == 1)
    table = table_of(t=t, g=group, y=y)
    options = Options(target=("y",), group="g", cv=3, layers=layers, order=1, scoring="mae", jobs=1)
    record = path(table, options, Silent()).report()
    errors = [np.abs(y[group == k] - y[group != k].mean()).mean() for k in range(3)]
    assert record["points"][0]["cv"]["mean"] == pytest.approx(np.mean(errors))
    several = table_of(t=t, g=group, y=y, z=y**2)
    options = Options(target=("y", "z"), group="g", cv=3, order=1, alpha_ratio=None, jobs=1)
    assert train(several, options, Silent()).score.curve[0].neurons == 0


# The constant -------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("rule", only(["best"], ["best", "1se"]))
def test_noise_ends_without_neurons(rule, classes):
    """Where no alpha predicts better than the mean, the mean is the answer."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    kind = WedgeClassifier if classes else WedgeRegressor
    model = kind(rule=rule, order=1, n_jobs=1).fit(X, (y > 0).astype(int) if classes else y).model_
    assert model.neurons == [] and model.problem.alpha == model.problem.alpha_max
    assert model.certificate.relative_gap <= 1e-6
    if not classes:
        assert model.score.cv["r2"].mean < 0.05 and model.intercept == pytest.approx(y.mean())


def test_one_standard_error_may_reach_the_constant():
    """A signal too weak to be sure of: best uses it, 1se leaves it alone."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    y = 0.4 * X[:, 0] + rng.normal(size=60)
    best, simple = (
        WedgeRegressor(rule=rule, order=1, n_jobs=1).fit(X, y) for rule in ("best", "1se")
    )
    assert len(best.wedges_) > 0 and simple.wedges_ == []
    looked_at, fewer = (
        {point.alpha for point in model.model_.score.curve} for model in (simple, best)
    )
    assert fewer < looked_at, "beside the alpha that it chooses, too"


# One split ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv",
    [
        PredefinedSplit(np.where(np.arange(60) < 40, -1, 0)),
        ShuffleSplit(1, random_state=0),
        [(np.arange(40), np.arange(40, 60))],
    ],
    ids=["predefined", "shuffled", "rows"],
)
def test_one_validation_split_has_scores_and_no_standard_error(cv):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=60)
    model = WedgeRegressor(cv=cv, order=1, n_jobs=1).fit(X, y).model_
    assert model.score.cv["r2"].se is None and model.score.cv["r2"].mean > 0.8
    assert model.score.selection.folds == 1
    again = loads(model.dumps())
    assert json.loads(again.dumps()) == json.loads(model.dumps())


@pytest.mark.parametrize("settings", [{"rule": "1se"}, {"layers": "auto"}], ids=str)
def test_what_needs_a_standard_error_refuses_one_split(settings):
    X = np.random.default_rng(0).normal(size=(30, 1))
    with pytest.raises(ValueError, match="needs a standard error, and a single split has none"):
        WedgeRegressor(cv=ShuffleSplit(1, random_state=0), **settings).fit(X, X[:, 0])
