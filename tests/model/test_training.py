"""Whether columns are taken apart is chosen by cross-validation, where it may matter."""

import numpy as np
import pytest
from kinds import table_of

from wedgefit.data.encoding import fit_encoding
from wedgefit.learning.curve import Curve, HeldOut
from wedgefit.learning.learn import Learner
from wedgefit.learning.settings import Options
from wedgefit.model import training
from wedgefit.model.audit import certify
from wedgefit.model.build import train
from wedgefit.model.training import Training, with_columns_chosen
from wedgefit.model.whole_path import path
from wedgefit.views.curves import curve_records, curve_values
from wedgefit.views.units import hinges, inputs_at, sum_at
from wedgefit.watch import Silent

FAST = {"order": 1, "jobs": 1, "certificate": "sampled", "tol": 1e-3, "cv": 2}


def traces(rows=70, seed=0, classes=3):
    """Amounts of which some classes have none, and a little tells more than much does."""
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=rows)
    amount = np.exp(2.0 * rng.normal(size=(rows, 3)))
    present = rng.random((rows, 3)) < np.where(label[:, None] == np.arange(3), 0.1, 0.9)
    columns = dict(zip("abc", np.where(present, amount, 0.0).T))
    return table_of(columns | {"y": np.array(["p", "q", "r"], dtype=object)[label]})


def even(rows=70, seed=0):
    """Three classes in columns without tails."""
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=rows)
    columns = {name: rng.uniform(size=rows) + (label == k) for k, name in enumerate("ab")}
    return table_of(columns | {"y": np.array(["p", "q", "r"], dtype=object)[label]})


def fitted(table, **options):
    return train(table, Options(**FAST | options), Silent())


@pytest.fixture
def walks(monkeypatch):
    """The designs that folds walked over, by their names."""
    found, own = [], Learner.cross_validated
    monkeypatch.setattr(
        Learner,
        "cross_validated",
        lambda self, *told, **more: found.append(self.sample.names) or own(self, *told, **more),
    )
    return found


def test_columns_are_taken_apart_where_that_predicts_better(walks):
    table = traces()
    model = fitted(table)
    apart = ("a", "a = 0", "b", "b = 0", "c", "c = 0")
    assert walks == [("a", "b", "c"), apart]
    assert model.problem.robust and model.data.columns == apart
    assert model.options["robust"] == "auto"
    off = fitted(table, robust="off")
    assert not off.problem.robust and off.data.columns == ("a", "b", "c")
    log_loss = lambda model: model.score.cv["log_loss"].mean
    assert log_loss(model) < 0.9 * log_loss(off)
    assert certify(model, table).agrees


def chosen(table, told, gains=(0.1, 0.1, 0.1), **more):
    """Whether columns are taken apart where that makes the errors of the folds smaller by so much;
    and the parts of the time that the walks may take."""
    parts = []

    def select(learner, part):
        parts.append(part)
        apart = "a = 0" in learner.sample.names
        losses = 1.0 - apart * np.array(gains)
        folds = [HeldOut(loss, 0, {}) for loss in losses.tolist()]
        return 2, Curve(np.array([1.0]), [folds], **more)

    plain = Training(table, Options(**FAST | told), Silent())
    own, (layers, curve) = with_columns_chosen(plain, table, select)
    assert layers == 2 and own.encoding.robust is bool(curve.errors.mean() < 1)
    return own.encoding.robust, parts


@pytest.mark.parametrize(
    ("gains", "apart"),
    [
        ((0.1, 0.1, 0.1), True),
        ((0.0, 0.0, 0.0), False),
        ((0.3, -0.1, -0.1), False),
        ((-0.1, -0.1, -0.1), False),
        ((0.1,), True),
        ((0.0,), False),
    ],
)
def test_the_gain_must_be_more_than_its_error(gains, apart):
    assert chosen(traces(), {}, gains) == (apart, [4, 3])


@pytest.mark.parametrize(
    ("table", "told", "why"),
    [
        (even(), {}, "no column is uneven"),
        (traces(classes=2), {}, "two classes"),
        (traces(), {"alpha_ratio": 0.1}, "alpha is given"),
        (traces(), {"alpha": 0.1}, "alpha is given"),
        (traces(), {"standardize": False}, "columns as they are"),
        (traces(), {"robust": "off"}, "told not to"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_nothing_is_tried_where_there_is_nothing_to_choose(table, told, why):
    assert chosen(table, told) == (False, [2]), why


def test_large_tables_are_spared_the_second_walk(monkeypatch):
    monkeypatch.setattr(training, "pace_for", lambda cells: None)
    assert chosen(traces(), {}) == (False, [2])


def test_time_that_is_up_leaves_columns_as_they_are():
    assert chosen(traces(), {}, cut_short=True) == (False, [4])


def test_folds_take_columns_apart_by_their_own_rows():
    """Of a fold in which few rows have nothing, the column has no end."""
    _, design = fit_encoding(traces(), Options(robust="on", target=("y",)))
    some = np.flatnonzero(design.table.column("a").values > 0)
    assert "a = 0" not in design.encoding_of(some).names and "a = 0" in design.names


def test_a_path_is_of_the_columns_that_are_chosen(walks):
    found = path(traces(), Options(**FAST), Silent())
    assert found.problem.robust and len(walks) == 2
    assert "a = 0" in found.data.columns


def test_an_end_follows_from_its_number_wherever_a_model_is_asked():
    """In curves, which leap there; away from the rows; and in effects, which add up."""
    table = traces()
    model = fitted(table, robust="on", alpha_ratio=0.02, cv="auto")
    X = model.encoding.transform(table)
    numbers = {name: table.column(name).values for name in "abc"}
    assert np.array_equal(inputs_at(model, numbers), X)
    effects = model.effects()
    parts = effects.at(table)
    for k, output in enumerate(model.outputs):
        total = effects.baseline[output] + sum(part[:, k] for part in parts.values())
        np.testing.assert_allclose(total, model.predictor.forward(X)[:, k], atol=1e-12)
    curves = [curve for curve in curve_records(model, hinges(model)) if curve["column"] == "a"]
    at = np.array([0.0, 1e-9, 0.5, model.encoding.inputs[0].seen[1]])
    for curve in curves:
        own = [neuron for neuron in model.neurons if neuron.id in curve["neurons"]]
        want = sum_at(model, own, curve["output"], inputs_at(model, {"a": at}))
        np.testing.assert_allclose(curve_values(curve, at), want, atol=1e-6)
    assert any(abs(np.diff(curve_values(curve, at[:2]))[0]) > 0.1 for curve in curves)
