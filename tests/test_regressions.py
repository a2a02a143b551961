"""Bugs that people met, one test each: the docstring tells what went wrong."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from as_json import certify
from shell import fails, run

from wedgefit import WedgeClassifier, WedgeRegressor
from wedgefit.data.sample import Sample
from wedgefit.data.table import read_table
from wedgefit.errors import ColumnError, FitError, UsageError
from wedgefit.learning.learn import Learner, Settings
from wedgefit.model import trace
from wedgefit.model.build import Options, train
from wedgefit.model.file import loads
from wedgefit.model.whole_path import path
from wedgefit.watch import Deadline, Silent

A, B = np.linspace(0, 5, 30).round(3), np.cos(np.arange(30)).round(3)
VALUE = (np.abs(A - 2) + B).round(3)
COLUMNS = {
    "w": 1 + np.arange(30) % 3,
    "a": A,
    "b": B,
    "kind": [["low", "mid", "top"][k] for k in np.digitize(VALUE, [1, 2])],
    "both": np.where(VALUE > 1.5, "yes", "no"),
    "y": VALUE,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def table_of(*names, **others):
    """These columns as a table, and as d.csv."""
    columns = {name: COLUMNS[name] for name in names} | others
    Path("d.csv").write_text(
        "\n".join([",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))])
        + "\n"
    )
    return read_table(Path("d.csv"))


@pytest.mark.parametrize(
    "names, targets", [(("a", "b", "kind"), ("kind",)), (("a", "b", "y", "w"), ("y", "w"))]
)
def test_the_path_of_several_networks_has_alphas_without_neurons(names, targets):
    """plot --kind path stumbled where one of several networks, or all targets together, had no
    neuron yet."""
    table = table_of(*names)
    model = train(table, Options(target=targets, alpha_ratio=0.5, order=1, jobs=1), Silent())
    record = trace.path(model, table, Silent())
    assert len(record.sizes) == len(record.alphas) and record.sizes[-1] > 0
    # Far above alpha_max no network has a neuron.
    fit = (
        Learner(Sample(np.c_[A, B], np.c_[VALUE, B], "regression"), Settings(jobs=1), Silent().note)
        .solved(1e6, Silent().advance, 2)[0][-1]
        .fit
    )
    found = {}
    trace._note_coefficients(found, 0, fit, 0, 1)
    assert not found


def test_setting_up_does_not_eat_the_time_of_the_final_fit(monkeypatch):
    """Cross-validation took half of --max-seconds however much was left: after a slow start the
    final fit got nothing, a constant."""
    learner = Learner(
        Sample(np.c_[A, B], np.c_[VALUE], "regression"),
        Settings(max_seconds=20.0, cv=2, order=1, jobs=1),
        Silent().note,
        Deadline(20.0),
    )
    ends = []

    class Enough(Exception):
        pass

    def watching(*_, deadline, **__):
        ends.append(deadline)
        raise Enough

    monkeypatch.setattr("wedgefit.learning.learn.cross_validate", watching)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 16)
    with pytest.raises(Enough):
        learner.learn(lambda *_: None)
    assert not ends[0].due()
    monkeypatch.setattr(time, "monotonic", lambda: now + 18.5)
    assert ends[0].due()


@pytest.mark.parametrize(
    "target, refit", [("y", False), ("y", True), ("kind", False), ("both", False)]
)
def test_certify_looks_at_the_scores(target, refit):
    """A model file that claimed any training score at all was certified: 'the stored figures
    hold'."""
    table = table_of("w", "a", "b", target)
    model = train(
        table, Options(weight="w", alpha_ratio=0.05, order=1, refit=refit, jobs=1), Silent()
    )
    assert certify(model, table, jobs=1)["agrees"]
    for name, value in model.score.train.items():
        for lie in (value + 1e-3, None):
            record = json.loads(model.dumps())
            record["score"]["train"][name] = lie
            found = certify(loads(json.dumps(record)), table, jobs=1)
            wrong = [check["name"] for check in found["checks"] if not check["agrees"]]
            assert wrong == [f"score.train.{name}"]


def test_ranks_that_rounding_decides_are_certified():
    """Scores of rows with equal outputs may differ in the last digit from one machine to the next:
    no reason to accuse a model."""
    table = table_of("a", both=["no", "yes"] * 15)
    model = train(table, Options(alpha=10.0, order=1, jobs=1), Silent())
    assert not model.neurons
    record = json.loads(model.dumps())
    record["score"]["train"]["auc"] = 0.6
    assert certify(loads(json.dumps(record)), table, jobs=1)["agrees"]


@pytest.mark.parametrize("parameters, words", [
    ({"norm": 3}, "'norm' of WedgeClassifier is 3; expected 1 or 2"),
    ({"rule": "x"}, "'rule'"), ({"class_weight": "x"}, "'class_weight'"),
    ({"loss": "hinge"}, "'loss'"), ({"tol": -1}, "'tol'"),
    ({"certificate": "x"}, "'certificate'"), ({"order": 0}, "'order'"),
    ({"order": "x"}, "'order'"), ({"order": 1.5}, "'order'"),
    ({"max_neurons": -1, "alpha_ratio": None}, "'max_neurons'"),
    ({"cv": 1}, "'cv'"), ({"alpha": -1}, "'alpha'"),
    ({"alpha_ratio": "x"}, "'alpha_ratio'"),
    ({"max_seconds": np.nan}, "'max_seconds'"), ({"n_jobs": 0}, "'n_jobs'"),
], ids=str)  # fmt: skip
def test_estimators_refuse_parameters_of_no_meaning(parameters, words):
    """WedgeRegressor(norm=3, rule="x") fitted something, and others ended in KeyError."""
    with pytest.raises(ValueError, match=words):
        WedgeClassifier(**{"alpha_ratio": 0.1, "order": 1} | parameters).fit(
            np.c_[A, B], COLUMNS["both"]
        )


def test_labels_that_float64_confuses_are_refused():
    """Of three such labels two became one class, and predict named the wrong ones without a
    word."""
    labels = np.array([2**53, 2**53 + 1, 7])[np.arange(30) % 3]
    with pytest.raises(ValueError, match="pass them as text"):
        WedgeClassifier(alpha_ratio=0.1, order=1).fit(np.c_[A, B], labels)
    found = WedgeClassifier(alpha_ratio=0.1, order=1).fit(np.c_[A, B], labels.astype(str))
    assert len(found.classes_) == found.decision_function(np.c_[A, B]).shape[1] == 3


def test_estimators_accept_numbers_of_numpy():
    found = WedgeRegressor(
        alpha_ratio=np.float32(0.1),
        order=np.int64(1),
        norm=np.int64(1),
        cv=np.int32(3),
        intervals=np.bool_(True),
    ).fit(np.c_[A, B], VALUE)
    assert len(found.coef_)


def test_rows_of_weight_zero_are_told_of_where_nothing_is_left():
    """'the target is "no" in every row' was said of a file with both classes, and 'one row' of one
    with thirty."""
    table = table_of("a", "both", w=(VALUE <= 1.5).astype(int))
    with pytest.raises(
        ColumnError,
        match=r'"no" in every row: nothing to predict; 13 rows .* left out: their weight is zero\.',
    ):
        train(table, Options(target=("both",), weight="w"), Silent())
    table = table_of("a", "both", w=(A == 0).astype(int))
    with pytest.raises(
        FitError, match=r"one row is not enough to fit anything; 29 rows .* their weight is zero\."
    ):
        train(table, Options(target=("both",), weight="w"), Silent())


def test_a_weight_that_is_too_large_is_told_the_limit():
    """'this weight is 1e+300; expected a number from 0 up' asked for what was there."""
    table = table_of("a", "y", w=[1e300, *[1] * 29])
    with pytest.raises(
        ColumnError, match=r"this weight is 1e\+300; expected a number from 0 up, at most 1e\+100"
    ):
        train(table, Options(target=("y",), weight="w"), Silent())


def test_auc_of_several_classes_needs_probabilities():
    """With the squared loss it was called undefined in a fold, and fewer folds were advised, which
    could not help."""
    Y = np.where(np.array(COLUMNS["kind"])[:, None] == ["low", "mid", "top"], 1.0, -1.0)
    with pytest.raises(
        UsageError, match="--scoring auc of more than two classes needs probabilities"
    ):
        Learner(
            Sample(np.c_[A, B], Y, "classification"),
            Settings(loss="squared", scoring="auc"),
            Silent().note,
        )


def test_names_cannot_steer_the_terminal_from_a_formula():
    """explain broke the formula in two at a line break in a name; the tables had shown it as \\n
    all along."""
    rows = "\n".join(f"{a},{b},{kind}" for a, b, kind in zip(A, B, COLUMNS["kind"]))
    Path("d.csv").write_text(f'"a\nz",b,"k\nd"\n{rows}\n')
    run(
        "train",
        "d.csv",
        "--target",
        "b",
        "--drop",
        "k\nd",
        "--alpha-ratio",
        "0.1",
        "--order",
        "1",
        "-q",
    )
    lines = run("explain").stdout.splitlines()
    assert lines[0].startswith("b = ") and "a\\nz" in lines[0] and lines[1] == ""
    run("train", "d.csv", "--alpha-ratio", "0.1", "--order", "1", "-q")
    lines = run("explain").stdout.splitlines()
    assert [line.split(" = ")[0] for line in lines[:3]] == [
        "score of low",
        "score of mid",
        "score of top",
    ]


@pytest.mark.parametrize("learn", [train, path])
def test_impossible_folds_name_the_file(learn):
    """'30 rows cannot be split into 60 folds' left open of which file."""
    with pytest.raises(FitError, match=r"^d\.csv: 30 rows cannot be split into 60 folds"):
        learn(table_of("a", "y"), Options(cv=60), Silent())


@pytest.mark.parametrize(
    "command", [["predict"], ["evaluate"], ["certify"], ["explain", "--row", "3"], ["report"]]
)
def test_a_model_without_data_is_wrong_usage(command):
    """'explain model.json --row 3' read the model as CSV and complained about its quotes."""
    Path("model.json").write_text("{}")
    fails(
        *command, "model.json", code=2, words=["model.json looks like a model, and DATA is missing"]
    )
