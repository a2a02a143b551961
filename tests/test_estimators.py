"""The scikit-learn contract, and the promise that estimators and command line are one core."""

import inspect
import json
import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner
from joblib import parallel_config
from quick import only
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import d2_pinball_score, d2_tweedie_score, mean_pinball_loss, r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_info

import wedgefit
from wedgefit import WedgeClassifier, WedgeFeatures, WedgeRegressor
from wedgefit.cli import main
from wedgefit.parameters import MONOTONIC, parameters_of

ESTIMATORS = [WedgeRegressor, WedgeClassifier, WedgeFeatures]


def data(rows=60, kind="numbers", seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    y = np.abs(X[:, 0]) + np.maximum(X[:, 1] - X[:, 0], 0) + 0.1 * rng.normal(size=rows)
    if kind == "two":
        return X, np.where(y > np.median(y), "up", "down")
    if kind == "three":
        return X, np.array(["low", "mid", "top"])[np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))]
    return X, y


def failures(estimator):
    """The checks that did not pass, but for those that scikit-learn itself skips."""
    results = check_estimator(estimator, on_fail=None)
    assert len(results) > 40
    return {
        result["check_name"]: result["exception"]
        for result in results
        if result["status"] not in ("passed", "skipped")
    }


# scikit-learn prints warnings of its own checks (feature names, deprecations).
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", only([WedgeRegressor, WedgeFeatures], ESTIMATORS))
def test_scikit_learn_is_content(kind):
    # One check weighs the rows of a class ten million times as much and wants it predicted in nine
    # of ten new rows: with less of a penalty, outputs go far enough to outweigh that.
    assert failures(kind(alpha_ratio=0.2, order=1)) == {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_scikit_learn_is_content_with_the_defaults(kind):
    """Pairs of columns, alpha by cross-validation: minutes."""
    assert failures(kind()) == {}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("tiny", [0, 1])
def test_classes_apart_with_a_column_of_tiny_numbers(classes, tiny, rng):
    """As they are, such numbers are right to the last digit, or are refused by name: whether they
    tell the classes apart, or stand beside the column that does."""
    X = rng.normal(size=(40, 2))
    y = np.digitize(X[:, 0], np.linspace(-1, 1, classes + 1)[1:-1])
    settings = {"standardize": False, "alpha_ratio": 0.05}
    table = lambda unit: X * np.where([tiny == 0, tiny], unit, 1)
    fit = lambda unit: WedgeClassifier(**settings).fit(table(unit), y)
    small, smaller = fit(2.0**-20), fit(2.0**-330)
    assert small.certificate_.relative_gap <= 1e-6
    assert small.certificate_.objective == smaller.certificate_.objective
    labels = smaller.predict(table(2.0**-330))
    assert (labels == small.predict(table(2.0**-20))).all()
    if tiny:
        assert np.mean(labels == y) >= 0.95
    for unit in (1e-120, 1e-200, 1e-300, 1e-310):
        with pytest.raises(ValueError, match=f'column "x{tiny}": .* too little to compute with'):
            fit(unit)


def test_the_ratio_decides_and_layers_have_orders():
    """As scikit-learn's checks set alpha on any estimator that has one, both together are no
    error."""
    X, y = data(30)
    both = WedgeRegressor(alpha=1e-9, alpha_ratio=0.1, order=1).fit(X, y)
    assert both.alpha_ == WedgeRegressor(alpha_ratio=0.1, order=1).fit(X, y).alpha_
    deep = WedgeRegressor(layers=3, order=[1, 2], alpha_ratio=0.1).fit(X, y)
    assert deep.model_.problem.order == (1, 2) and deep.model_.depth == 2
    assert WedgeRegressor(layers="auto", order=1, cv=3).fit(X, y).model_.depth >= 1
    for order in ([], [0], [1, "all"], "1"):
        with pytest.raises(ValueError, match="the parameter 'order'"):
            WedgeRegressor(order=order).fit(X, y)
    with pytest.raises(ValueError, match="the parameter 'layers'"):
        WedgeRegressor(layers="many").fit(X, y)


def test_far_out_values_are_named_and_held_back_later():
    X, y = data()
    X[7, 0] = 1e9
    model = WedgeRegressor(alpha_ratio=0.05).fit(X, y)
    end = np.delete(X, 7, axis=0)[:, 0].max()
    assert any("1 row (8)" in note for note in model.model_.notes)
    new = np.array([[1e7, 0.0, 0.0], [end, 0.0, 0.0]])
    assert model.predict(new)[0] == model.predict(new)[1]
    assert not WedgeRegressor(alpha_ratio=0.05, standardize=False).fit(X, y).model_.notes


def test_notes_and_refusals_speak_of_no_options(rng):
    """A model keeps its notes, whichever door it came through; errors name parameters."""
    X = np.column_stack([np.arange(40), rng.normal(size=40)])
    y = np.abs(X[:, 1])
    notes = WedgeRegressor(order=1, alpha_ratio=0.1, tol=1e-30).fit(X, y).model_.notes
    assert len(notes) == 2 and "counts the rows" in notes[0] and "above the tolerance" in notes[1]
    assert not any("--" in note for note in notes)
    far = WedgeRegressor(order=1, alpha_ratio=0.1, bias=False, standardize=False)
    with pytest.raises(ValueError, match="Leave out bias=False or standardize=False: a column"):
        far.fit(X[:, 1:] + 1e12, y)


# One core with the command line -------------------------------------------------------------------


def on_command_line(tmp_path, X, columns, *options):
    """The model file of ``wedgefit train`` on these columns: x0, x1, … and the others."""
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]).assign(**columns)
    frame.to_csv(tmp_path / "d.csv", index=False, float_format="%.17g")
    done = CliRunner().invoke(
        main, ["train", str(tmp_path / "d.csv"), "-o", str(tmp_path / "m.json"), "-q", *options]
    )
    assert done.exit_code == 0, done.output
    return json.loads((tmp_path / "m.json").read_text()), wedgefit.load(tmp_path / "m.json")


@pytest.mark.parametrize(
    "kind, estimator, parameters, options",
    [
        ("numbers", WedgeRegressor, {}, []),
        (
            "numbers",
            WedgeRegressor,
            {"alpha_ratio": 0.02, "order": 1, "standardize": False},
            ["--alpha-ratio", "0.02", "--order", "1", "--no-standardize"],
        ),
        (
            "numbers",
            WedgeRegressor,
            {"rule": "1se", "refit": True, "norm": 2, "order": 2, "cv": 2},
            ["--rule", "1se", "--refit", "--norm", "2", "--order", "2", "--cv", "2"],
        ),
        pytest.param(
            "two",
            WedgeClassifier,
            {"max_neurons": 5, "scoring": "auc", "cv": 2},
            ["--max-neurons", "5", "--scoring", "auc", "--cv", "2"],
            marks=pytest.mark.slow,
        ),
        (
            "three",
            WedgeClassifier,
            {"class_weight": "balanced", "alpha_ratio": 0.1},
            ["--class-weight", "balanced", "--alpha-ratio", "0.1"],
        ),
    ],
)
def test_equal_data_give_equal_coefficients(kind, estimator, parameters, options, tmp_path):
    X, y = data(30, kind)
    record, model = on_command_line(tmp_path, X, {"y": y}, *options)
    mine = estimator(**parameters).fit(X, y)
    np.testing.assert_array_equal(mine.coef_, np.squeeze(model.coefficients))
    assert mine.alpha_ == record["problem"]["alpha"] and mine.certificate_ == model.certificate
    assert [neuron.samples for neuron in mine.wedges_] == [
        neuron.samples for neuron in model.neurons
    ]
    assert (
        np.ravel(mine.intercept_).tolist()
        == np.ravel(list(model.intercept.values()) if kind == "three" else model.intercept).tolist()
    )
    assert mine.dual_gap_ == max(0.0, model.certificate.objective - model.certificate.lower_bound)


def test_weights_and_groups_as_on_the_command_line(tmp_path):
    X, y = data(30)
    rng = np.random.default_rng(1)
    weights, groups = rng.integers(0, 4, 30), rng.integers(0, 8, 30)
    record, model = on_command_line(
        tmp_path, X, {"w": weights, "g": groups, "y": y}, "--weight", "w", "--group", "g"
    )
    mine = WedgeRegressor().fit(X, y, sample_weight=weights, groups=groups)
    np.testing.assert_array_equal(mine.coef_, np.squeeze(model.coefficients))
    assert mine.alpha_ == record["problem"]["alpha"]


def test_a_saved_estimator_is_a_model_file(tmp_path):
    """``model_.save`` → ``wedgefit certify``: the two doors of one house."""
    X, y = data()
    mine = WedgeRegressor(alpha_ratio=0.05).fit(X, y)
    mine.model_.save(tmp_path / "m.json")
    pd.DataFrame(X, columns=["x0", "x1", "x2"]).assign(y=y).to_csv(
        tmp_path / "d.csv", index=False, float_format="%.17g"
    )
    done = CliRunner().invoke(main, ["certify", str(tmp_path / "m.json"), str(tmp_path / "d.csv")])
    assert done.exit_code == 0, done.output


# In scikit-learn's company ------------------------------------------------------------------------


def test_predictions_of_classes():
    for kind in ("two", "three"):
        X, y = data(kind=kind)
        mine = WedgeClassifier(alpha_ratio=0.05).fit(X, y)
        assert mine.classes_.tolist() == sorted(set(y))
        probabilities = mine.predict_proba(X)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_array_equal(mine.classes_[probabilities.argmax(axis=1)], mine.predict(X))
        assert mine.score(X, y) > 0.8
    assert not hasattr(WedgeClassifier(loss="squared"), "predict_proba")


@pytest.mark.parametrize("labels", [[0, 1], [-1.0, 2.0], [False, True], ["a", "b"]], ids=str)
def test_labels_of_any_kind_come_back(labels):
    X, y = data(kind="two")
    y = np.array(labels)[(y == "up").astype(int)]
    predicted = WedgeClassifier(alpha_ratio=0.05).fit(X, y).predict(X)
    assert predicted.dtype == y.dtype and np.mean(predicted == y) > 0.8


def test_grid_search_and_pipeline():
    X, y = data()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), WedgeRegressor()),
        {"wedgeregressor__alpha_ratio": [0.5, 0.02]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"wedgeregressor__alpha_ratio": 0.02}
    assert cross_val_score(WedgeRegressor(alpha_ratio=0.02), X, y, cv=3).mean() > 0.7


def test_features_serve_another_model():
    """The hinges that the network selects are its own: a linear model on them fits as well."""
    X, y = data(kind="two")
    features = WedgeFeatures(alpha_ratio=0.05).fit(X, y)
    hinges = features.transform(X)
    assert hinges.shape == (60, len(features.wedges_)) and (hinges >= 0).all()
    np.testing.assert_allclose(
        hinges @ features.coef_ + features.intercept_,
        WedgeClassifier(alpha_ratio=0.05).fit(X, y).decision_function(X),
    )
    assert (
        make_pipeline(WedgeFeatures(alpha_ratio=0.05), LogisticRegression()).fit(X, y).score(X, y)
        > 0.8
    )


@pytest.mark.parametrize("library", [pd, pl])
def test_frames_keep_their_names(library):
    X, y = data()
    frame = library.DataFrame({name: X[:, j] for j, name in enumerate(["age", "bmi", "max(0"])})
    mine = WedgeRegressor(alpha_ratio=0.05).fit(frame, y)
    assert mine.feature_names_in_.tolist() == ["age", "bmi", "max(0"]
    assert {name for neuron in mine.wedges_ for name in neuron.columns} <= set(
        mine.feature_names_in_
    )
    np.testing.assert_array_equal(mine.coef_, WedgeRegressor(alpha_ratio=0.05).fit(X, y).coef_)
    kind = "pandas" if library is pd else "polars"
    out = WedgeFeatures(alpha_ratio=0.05).set_output(transform=kind).fit(frame, y).transform(frame)
    assert isinstance(out, library.DataFrame) and all(
        name.startswith("max(0") for name in out.columns
    )


def test_columns_may_have_the_names_of_roles():
    """A column called "y" or "sample_weight" is an input like any other."""
    X, y = data()
    frame = pd.DataFrame(X, columns=["y", "sample_weight", "groups"])
    mine = WedgeRegressor(alpha_ratio=0.05).fit(frame, y, sample_weight=np.ones(60))
    np.testing.assert_allclose(
        mine.predict(frame), WedgeRegressor(alpha_ratio=0.05).fit(X, y).predict(X), rtol=1e-9
    )


def test_own_splits_are_used():
    """Folds from a splitter are counted in the rows given, of which those of weight zero are left
    out."""
    X, y = data(30)
    weights, groups = np.where(np.arange(30) % 5 == 0, 0.0, 1.0), np.arange(30) % 4
    mine = WedgeRegressor(cv=GroupKFold(4)).fit(X, y, sample_weight=weights, groups=groups)
    splits = [
        (np.flatnonzero(groups[weights > 0] != g), np.flatnonzero(groups[weights > 0] == g))
        for g in range(4)
    ]
    by_hand = WedgeRegressor(cv=splits).fit(X[weights > 0], y[weights > 0])
    assert mine.alpha_ == pytest.approx(by_hand.alpha_, rel=1e-12)


def test_estimators_can_be_pickled():
    X, y = data()
    mine = WedgeRegressor(alpha_ratio=0.05).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mine)).predict(X), mine.predict(X))


@pytest.mark.parametrize(
    "estimator, words",
    [
        (WedgeClassifier(scoring="r2"), "scoring='r2' is not for classification"),
        (WedgeClassifier(refine=True), "refine=True is for norm=2: with norm 1"),
        (WedgeClassifier(refit=True), "refit=True is for the squared loss. Add loss='squared'"),
        (WedgeClassifier(layers=3, order=(1, 2, 2)), "order names 3 hidden layers, and layers=3"),
        (WedgeClassifier(max_neurons=3, alpha=0.1), "max_neurons chooses alpha, and so do alpha"),
        (WedgeClassifier(rule="1se", alpha=0.1), "rule='1se' chooses alpha, and so does alpha"),
        (WedgeClassifier(cv=3, alpha=0.1), "cv is for the choice of alpha, and alpha leaves"),
        (WedgeClassifier(norm=3), "the parameter 'norm' of WedgeClassifier is 3; expected 1 or 2"),
        (WedgeClassifier(random_state=-1), "'random_state' .* expected a whole number from 0 up"),
    ],
)
def test_messages_speak_of_parameters(estimator, words):
    X, y = data(kind="two")
    with pytest.raises(ValueError, match=words) as caught:
        estimator.fit(X, y)
    assert "--" not in str(caught.value)


def test_messages_of_the_data_are_those_of_the_command_line():
    with pytest.raises(ValueError, match="no column is left"):
        WedgeRegressor().fit(np.ones((10, 2)), np.arange(10.0))


@pytest.mark.parametrize(
    "parameters",
    [
        {"order": np.int64(1), "norm": np.int32(1), "layers": np.int64(2)},
        {"alpha_ratio": np.float32(0.5), "tol": np.float32(1e-4), "max_seconds": np.float64(60)},
        {"alpha": np.float32(0.5), "random_state": np.int64(3), "n_jobs": np.int64(1)},
        {name: np.bool_(True) for name in ("bias", "fit_intercept", "standardize", "refit")},
        {"max_neurons": np.int64(2), "cv": np.int16(3)},
        {"order": [np.int64(1), "full"], "layers": 3, "refine": np.bool_(False)},
    ],
)
def test_what_a_search_over_arrays_finds_can_be_saved(parameters, tmp_path):
    X, y = data(30)
    given = {} if {"alpha", "max_neurons"} & parameters.keys() else {"alpha_ratio": 0.3}
    mine = WedgeRegressor(**given | parameters).fit(X, y)
    mine.model_.save(tmp_path / "m.json")
    assert wedgefit.load(tmp_path / "m.json").scores is not None


@pytest.mark.parametrize("by", ["sample_weight", "class_weight"])
def test_classes_are_those_of_rows_that_count(by):
    X, _ = data()
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    counts = y != "a"
    if by == "sample_weight":
        mine = WedgeClassifier(alpha_ratio=0.1).fit(X, y, sample_weight=counts.astype(float))
    else:
        mine = WedgeClassifier(alpha_ratio=0.1, class_weight={"a": 0, "b": 1, "c": 1}).fit(X, y)
    alone = WedgeClassifier(alpha_ratio=0.1).fit(X[counts], y[counts])
    assert mine.classes_.tolist() == ["b", "c"] == alone.classes_.tolist()
    assert mine.predict_proba(X).shape == (60, 2)
    np.testing.assert_array_equal(mine.predict(X), alone.predict(X))
    assert mine.score(X[counts], y[counts]) > 0.9


@pytest.mark.parametrize("absent", [np.nan, None])
def test_a_row_without_a_group_is_refused(absent):
    X, y = data(12)
    groups = np.array([0.0, 1, 2] * 4, dtype=object)
    groups[5] = absent
    for given in (groups, groups.astype(float)):
        with pytest.raises(ValueError, match=r"groups has no value in row 5 \(from 0\)"):
            WedgeRegressor(alpha_ratio=0.5).fit(X, y, groups=given)


def test_feature_names_tell_the_features_apart():
    """To four digits the bends of a column far from zero all look alike."""
    x = 1000 + np.linspace(0, 1, 40)[:, None]
    features = WedgeFeatures(alpha_ratio=0.003, order=1).fit(x, np.sin(20 * x[:, 0]))
    names = features.get_feature_names_out()
    assert len({*names}) == len(names) > 10
    frame = features.set_output(transform="polars").transform(x)
    assert frame.columns == names.tolist()
    # Where four digits do, there are four.
    X, y = data()
    names = WedgeFeatures(alpha_ratio=0.3).fit(X, y).get_feature_names_out()
    numbers = [number for name in names for number in re.findall(r"\d+\.\d+", name)]
    assert numbers and all(len(number.replace(".", "").lstrip("0")) <= 4 for number in numbers)


def test_fits_in_threads_leave_the_process_as_it_was():
    def blas():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    X, y = data(40)
    before = blas(), list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        # A warning is an error here: it would be raised.
        mine = list(
            pool.map(
                lambda k: WedgeRegressor(alpha_ratio=0.02, n_jobs=1).fit(X[k:], y[k:]), range(6)
            )
        )
    assert (blas(), list(warnings.filters)) == before
    np.testing.assert_array_equal(mine[0].coef_, WedgeRegressor(alpha_ratio=0.02).fit(X, y).coef_)


def test_scikit_learns_own_workers_say_nothing():
    """They put filters of their own in place when they begin, also while another fit is under way.
    A warning is an error here."""
    X, y = data(40)
    model = WedgeRegressor(alpha_ratio=0.02, n_jobs=1)
    with parallel_config(backend="threading", n_jobs=4):
        scores = cross_val_score(model, X, y, cv=KFold(6), error_score="raise")
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_signature_and_docstring_are_made_from_the_settings(kind):
    parameters = parameters_of(kind._task)
    if kind is not WedgeFeatures:  # Directions of features are several options.
        parameters |= {MONOTONIC.name: MONOTONIC}
    assert [*inspect.signature(kind).parameters] == [*parameters]
    assert kind().get_params().keys() == parameters.keys()
    for name, one in parameters.items():
        assert f"\n    {name} : {one.words}" in kind.__doc__
    assert "{" not in kind.__doc__ and "--" not in kind.__doc__.replace("-----", "")
    assert "loss" in parameters and ("quantile" in parameters) == (kind is WedgeRegressor)
    with pytest.raises(TypeError, match="unexpected keyword argument 'alhpa'"):
        kind(alhpa=1)
    with pytest.raises(TypeError):
        kind(1)


def test_the_package_imports_lazily():
    assert {"WedgeRegressor", "WedgeClassifier", "WedgeFeatures", "load"} <= set(dir(wedgefit))
    assert "import sklearn" not in Path(wedgefit.__file__).read_text()
    with pytest.raises(AttributeError, match="nothing"):
        wedgefit.nothing  # noqa: B018


@pytest.mark.parametrize("loss", ["huber", "quantile", "poisson", "gamma"])
def test_regressors_of_every_loss(loss, rng):
    """Predictions are on the scale of the target, scores those of scikit-learn, weights repeat
    rows."""
    X = rng.normal(size=(60, 2))
    y = rng.poisson(np.exp(np.abs(X[:, 0]))) + (loss == "gamma")
    given = {"quantile": {"quantile": 0.8}, "huber": {"huber_delta": 0.5}}.get(loss, {})
    weights = rng.integers(1, 3, size=60)
    model = WedgeRegressor(loss=loss, alpha=0.05, order=1, **given)
    predicted = model.fit(X, y, sample_weight=weights).predict(X)
    assert model.certificate_.relative_gap <= 1e-6
    expected = {
        "huber": lambda: r2_score(y, predicted, sample_weight=weights),
        "quantile": lambda: d2_pinball_score(y, predicted, sample_weight=weights, alpha=0.8),
        "poisson": lambda: d2_tweedie_score(y, predicted, sample_weight=weights, power=1),
        "gamma": lambda: d2_tweedie_score(y, predicted, sample_weight=weights, power=2),
    }[loss]()
    assert model.score(X, y, weights) == pytest.approx(expected, rel=1e-6)
    rows = np.repeat(np.arange(60), weights)
    again = WedgeRegressor(loss=loss, alpha=0.05, order=1, **given).fit(X[rows], y[rows])
    assert again.certificate_.objective == pytest.approx(model.certificate_.objective, rel=1e-6)


def test_several_quantiles_at_once(rng):
    """A column for each, without crossings; the score is D² of the sum of their losses."""
    X = rng.normal(size=(50, 2))
    y, weights = X[:, 0] + np.abs(X[:, 0]) * rng.normal(size=50), rng.integers(1, 3, size=50)
    levels = [0.9, 0.1, 0.2]
    model = WedgeRegressor(loss="quantile", quantile=levels, alpha=0.02, order=1)
    made = model.fit(X, y, sample_weight=weights).predict_quantiles(X)
    assert made.shape == (50, 3) and (np.diff(made, axis=1) >= 0).all()
    np.testing.assert_array_equal(model.predict(X), made)
    losses = lambda outputs: sum(
        mean_pinball_loss(y, column, sample_weight=weights, alpha=level)
        for column, level in zip(outputs.T, sorted(levels))
    )
    constant = np.quantile(y, sorted(levels), method="inverted_cdf", weights=weights)
    expected = 1 - losses(made) / losses(np.tile(constant, (50, 1)))
    assert model.score(X, y, weights) == pytest.approx(expected, rel=1e-6)
    assert model.get_params()["quantile"] is levels
    one = WedgeRegressor(loss="quantile", quantile=0.3, alpha=0.02, order=1).fit(X, y)
    assert one.predict(X).shape == (50,) and one.predict_quantiles(X).shape == (50, 1)
    assert not hasattr(WedgeRegressor(), "predict_quantiles")
    with pytest.raises(ValueError, match="several different ones"):
        WedgeRegressor(loss="quantile", quantile=[0.1, 0.1]).fit(X, y)
    found = WedgeRegressor(loss="quantile", quantile=np.array([0.1, 0.9]), alpha=0.1, order=1)
    assert found.fit(X, y).model_.problem.quantile == (0.1, 0.9)


def test_rates_weighed_by_their_exposure(rng):
    """As scikit-learn does it: the total that is predicted is the total that was counted."""
    X, exposure = rng.normal(size=(80, 1)), rng.uniform(0.2, 4, size=80)
    counts = rng.poisson(exposure * np.exp(X[:, 0]))
    model = WedgeRegressor(loss="poisson", alpha=0.02)
    rates = model.fit(X, counts / exposure, sample_weight=exposure).predict(X)
    assert exposure @ rates == pytest.approx(counts.sum(), rel=1e-6)


def test_losses_of_the_other_task_are_refused(rng):
    X, y = rng.normal(size=(30, 1)), rng.normal(size=30)
    with pytest.raises(ValueError, match="the target is -.*poisson loss is for counts"):
        WedgeRegressor(loss="poisson").fit(X, y)
    with pytest.raises(ValueError, match="the logistic loss is for classes"):
        WedgeRegressor(loss="logistic").fit(X, y)
    with pytest.raises(ValueError, match="the gamma loss is for numbers"):
        WedgeClassifier(loss="gamma").fit(X, y > 0)


@pytest.mark.parametrize("kind", [WedgeRegressor, WedgeClassifier])
def test_monotonic_cst_is_that_of_scikit_learn(kind, rng):
    X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = np.sin(2 * X["a"]) + X["a"] - X["b"] + 0.5 * rng.normal(size=60)
    if kind is WedgeClassifier:
        y = y > 0
    by_name = kind(alpha_ratio=0.02, monotonic_cst={"a": 1, "b": -1}).fit(X, y)
    by_place = kind(alpha_ratio=0.02, monotonic_cst=[1, -1, 0]).fit(X, y)
    as_array = kind(alpha_ratio=0.02, monotonic_cst=np.array([1, -1, 0])).fit(X, y)
    assert by_name.model_.problem.shapes == {"a": ("increasing",), "b": ("decreasing",)}
    for other in (by_place, as_array):
        assert other.coef_.tolist() == by_name.coef_.tolist()
    say = (
        by_name.predict
        if kind is WedgeRegressor
        else lambda rows: by_name.predict_proba(rows)[:, 1]
    )
    low = pd.DataFrame(2 * rng.normal(size=(5_000, 3)), columns=["a", "b", "c"])
    for column, way in (("a", 1), ("b", -1)):
        high = low.copy()
        high[column] += rng.exponential(1, size=5_000)
        steps = way * (say(high) - say(low))
        assert steps.min() >= -1e-12 and steps.max() > 0.1
    free = kind(alpha_ratio=0.02, order=1, monotonic_cst=[0, 0, 0]).fit(X, y)
    assert free.coef_.tolist() == kind(alpha_ratio=0.02, order=1).fit(X, y).coef_.tolist()
    assert clone(by_name).monotonic_cst == {"a": 1, "b": -1}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([1, 2], "expected an array with 1"),
        ([1], "has 1 numbers, and X has 2 features"),
        ("up", "expected an array with 1"),
        ({"x0": 1}, "X has no names of features"),
    ],
)
def test_a_monotonic_cst_of_no_meaning_is_refused(told, words, rng):
    X = rng.normal(size=(20, 2))
    with pytest.raises(ValueError, match=words):
        WedgeRegressor(monotonic_cst=told, alpha=0.1).fit(X, X[:, 0])


@pytest.mark.parametrize("kind", only([WedgeRegressor], [WedgeRegressor, WedgeClassifier]))
def test_pairs_are_named_or_numbered(kind, rng):
    X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = np.abs(X["a"] - X["b"]) + X["c"] + 0.3 * rng.normal(size=60)
    if kind is WedgeClassifier:
        y = y > 1
    told = [("b", "a")]
    by_name = kind(alpha_ratio=0.02, pairs=told).fit(X, y)
    assert by_name.model_.problem.pairs == (("a", "b"),) and clone(by_name).pairs == told
    read = {*map(tuple, (wedge.columns for wedge in by_name.wedges_))}
    assert ("a", "b") in read and {*map(len, read)} == {1, 2}
    assert not any({"c"} < {*columns} for columns in read)
    for rows, spelt in ((X.to_numpy(), [(0, 1)]), (X, ["a:b"]), (X, np.array([[1, 0]]))):
        other = kind(alpha_ratio=0.02, pairs=spelt).fit(rows, y)
        assert other.coef_.tolist() == by_name.coef_.tolist()
    chosen = kind(alpha_ratio=0.02, max_pairs=1).fit(X, y)
    assert chosen.coef_.tolist() == by_name.coef_.tolist()
    numbered = kind(alpha_ratio=0.02, pairs=[("x0", "x2")]).fit(X.to_numpy(), y)
    assert numbered.model_.problem.pairs == (("x0", "x2"),)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([("x0", "x7")], "pairs: there is no column .x7"),
        ([(0, 2)], "pairs names column 2 .from 0., and there are 2"),
        ([(0, 0)], "and itself are no pair"),
        ("x0:x1", "the parameter 'pairs' of WedgeRegressor is 'x0:x1'; expected"),
        ([(0, 1, 1)], "expected several times two columns like A:B, a list of pairs"),
    ],
)
def test_pairs_of_no_meaning_are_refused(told, words, rng):
    X = rng.normal(size=(20, 2))
    with pytest.raises(ValueError, match=words):
        WedgeRegressor(pairs=told, alpha=0.1).fit(X, X[:, 0])


def test_more_than_two_classes_have_no_direction(rng):
    X = rng.normal(size=(30, 2))
    with pytest.raises(ValueError, match="for one target, or for two classes"):
        WedgeClassifier(monotonic_cst=[1, 0], alpha=0.1).fit(X, np.arange(30) % 3)


def test_a_single_class_is_named_as_it_is_spelled():
    with pytest.raises(ValueError, match="one class only: 'a'"):
        WedgeClassifier(alpha_ratio=0.1).fit(np.arange(4.0)[:, None], ["a"] * 4)
