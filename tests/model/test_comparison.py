"""Two models on the same rows: against differences computed by hand, and against chance."""

from dataclasses import replace

import numpy as np
import pytest
from kinds import mixed, table_of
from scipy import special, stats
from sklearn import metrics

from wedgefit.errors import UsageError
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.comparison import LOSSES, Contest, compare, mean_and_error
from wedgefit.views.tables import compare as shown
from wedgefit.views.terminal import to_text
from wedgefit.watch import Silent

BY_LOSS = {"squared": "numbers", "absolute": "numbers", "log_loss": "two", "error": "two"}


def data(kind="numbers", rows=60, seed=0):
    columns, signal = mixed(rows, seed)
    labels = {"two": ["no", "yes"], "three": ["a", "b", "c"], "numbers": None}[kind]
    y = signal
    if labels is not None:
        y = np.array(labels, dtype=object)[np.digitize(signal, [2.3, 3.0][: len(labels) - 1])]
    weights = np.random.default_rng(seed).integers(1, 4, rows).astype(float)
    return table_of(columns | {"w": weights, "y": y}, "test.csv")


def fitted(table, **options):
    given = {"alpha_ratio": 0.1, "order": 1, "tol": 1e-3, "drop": ("w",), "target": ("y",)}
    model = train(table, Options(**given | options), Silent())
    return replace(model, data=replace(model.data, source="train.csv"))


def contest(kind="numbers", **more):
    table = data(kind)
    models = fitted(table, alpha_ratio=0.02), fitted(table, alpha_ratio=0.5)
    return Contest(models, ("a.json", "b.json"), (data(kind, seed=1),) * 2)


def by_hand(loss, model, table):
    scores, y = model.scores(table), table.columns["y"].values
    if loss == "squared":
        return (y - scores[:, 0]) ** 2
    if loss == "absolute":
        return np.abs(y - scores[:, 0])
    classes = list(model.encoding.target.classes)
    true = [classes.index(label) for label in y]
    p = model.probabilities(scores)
    if loss == "log_loss":
        return -np.log(p[np.arange(len(y)), true])
    return (p.argmax(axis=1) != true).astype(float)


@pytest.mark.parametrize(
    "loss, kind", [*BY_LOSS.items(), ("log_loss", "three"), ("error", "three")]
)
def test_differences_are_those_by_hand(loss, kind):
    pair = contest(kind)
    record = compare(pair, loss=loss)
    a, b = (by_hand(loss, *each) for each in zip(pair.models, pair.tables))
    np.testing.assert_allclose(record["rows"]["A"], a)
    np.testing.assert_allclose(record["rows"]["B"], b)
    difference = record["difference"]
    assert difference["mean"] == pytest.approx((a - b).mean())
    assert difference["se"] == pytest.approx(stats.sem(a - b))
    z = difference["mean"] / difference["se"]
    assert record["better"] == (None if abs(z) <= 2 else "A" if z < 0 else "B")
    assert [model["loss"] for model in record["models"]] == pytest.approx([a.mean(), b.mean()])
    assert record["models"][0]["neurons"] > record["models"][1]["neurons"]


def test_the_loss_by_default():
    assert compare(contest())["loss"]["name"] == "squared"
    assert compare(contest("two"))["loss"]["name"] == "log_loss"
    table = data("two")
    models = fitted(table), fitted(table, loss="squared")
    found = compare(Contest(models, ("a", "b"), (table, table)))
    assert found["loss"]["name"] == "error"
    with pytest.raises(UsageError, match="not for these models"):
        compare(Contest(models, ("a", "b"), (table, table)), loss="log_loss")
    with pytest.raises(UsageError, match="squared or own or absolute"):
        compare(contest(), loss="error")


def counted(**options):
    rng = np.random.default_rng(0)
    x, time = rng.uniform(0, 3, 60), rng.uniform(0.5, 2, 60)
    counts = rng.poisson(time * np.exp(x - 1)).astype(float)
    table = table_of({"x": x, "time": time, "y": counts}, "test.csv")
    given = {"order": 1, "tol": 1e-3, "loss": "poisson", "exposure": "time", "keep": ("x",)}
    models = (
        train(table, Options(alpha_ratio=a, **given | options), Silent()) for a in (0.05, 0.7)
    )
    return Contest(tuple(models), ("a", "b"), (table, table))


def test_models_of_one_loss_are_judged_by_it():
    """Poisson's: half the difference of their deviances, row by row."""
    pair = counted()
    record = compare(pair)
    assert record["loss"]["name"] == "own"
    y = pair.tables[0].columns["y"].values
    means = [np.array(model.predict(pair.tables[0])) for model in pair.models]
    losses = [mean - special.xlogy(y, mean) for mean in means]
    difference = np.array(record["rows"]["A"]) - np.array(record["rows"]["B"])
    np.testing.assert_allclose(difference, losses[0] - losses[1], rtol=1e-9, atol=1e-12)
    # Of different losses there is none that is fair to both.
    other = counted(loss="squared", exposure=None)
    mixed_pair = Contest((pair.models[0], other.models[1]), pair.sources, pair.tables)
    assert compare(mixed_pair)["loss"]["name"] == "squared"
    with pytest.raises(UsageError, match="not for these models"):
        compare(mixed_pair, loss="own")


def test_scores_are_those_of_sklearn():
    pair = contest("two")
    for found, model, table in zip(compare(pair)["models"], pair.models, pair.tables):
        p = model.probabilities(model.scores(table))[:, 1]
        yes = table.columns["y"].values == "yes"
        assert found["score"]["auc"] == pytest.approx(metrics.roc_auc_score(yes, p))


def test_columns_are_those_of_the_file():
    """Not their levels and gaps, each of which is a column of the network."""
    record = compare(contest())
    own = contest().models[0]
    names = {name for neuron in own.neurons for name in neuron.columns}
    assert record["models"][0]["columns"] == len(own.encoding.inputs) < len(names)


def test_swapped_models_swap_the_verdict():
    pair = contest()
    back = Contest(pair.models[::-1], pair.sources, pair.tables)
    one, other = compare(pair), compare(back)
    assert one["better"] == "A" and other["better"] == "B"
    assert one["difference"]["mean"] == pytest.approx(-other["difference"]["mean"], rel=1e-12)


def test_a_model_is_no_better_than_itself():
    pair = contest()
    record = compare(Contest(pair.models[:1] * 2, ("a", "a"), pair.tables))
    assert record["difference"] == {"mean": 0, "se": 0} and record["better"] is None
    assert "chance may have made it" in to_text(shown(record), None)


def test_weights_count():
    pair = contest()
    record = compare(pair, "w")
    w = pair.tables[0].columns["w"].values
    a, b = (by_hand("squared", *each) for each in zip(pair.models, pair.tables))
    assert record["difference"]["mean"] == pytest.approx(np.average(a - b, weights=w))
    equal = mean_and_error(a - b, np.full(len(a), 3.0))
    assert equal == pytest.approx(((a - b).mean(), stats.sem(a - b)))


def test_the_error_is_that_of_chance():
    rng = np.random.default_rng(0)
    means, errors = zip(*(mean_and_error(rng.normal(size=30), np.ones(30)) for _ in range(400)))
    assert np.std(means) == pytest.approx(np.mean(errors), rel=0.1)
    # About one pair in twenty of equally good models is called different.
    assert 0.02 < np.mean(np.abs(means) > 2 * np.array(errors)) < 0.1


def test_one_row_has_no_error():
    pair = contest()
    record = compare(Contest(pair.models, pair.sources, (pair.tables[0].take([3]),) * 2))
    assert record["difference"]["se"] is None and record["better"] is None
    assert "–" in to_text(shown(record), None)


def test_training_rows_are_noted():
    pair = contest()
    own = replace(pair.models[0], data=replace(pair.models[0].data, source="test.csv"))
    record = compare(Contest((own, pair.models[1]), pair.sources, pair.tables))
    (note,) = [note for note in record["notes"] if "was trained on" in note]
    assert note.startswith("A ")
    assert not [note for note in compare(pair)["notes"] if "was trained on" in note]


@pytest.mark.parametrize(
    "first, second, word", [("numbers", "two", "tasks"), ("two", "three", "classes")]
)
def test_models_of_other_targets_are_refused(first, second, word):
    models = fitted(data(first)), fitted(data(second))
    with pytest.raises(UsageError, match=f"different {word}"):
        compare(Contest(models, ("a", "b"), (data(first),) * 2))


def test_what_a_reader_sees():
    text = to_text(shown(compare(contest())), None)
    assert "A is better, by more than two standard errors." in text and "squared error" in text
    assert {loss.name for loss in LOSSES.values()} == {*LOSSES}


@pytest.mark.parametrize("loss, kind, twice", [
    ("absolute", "numbers", "MAE"), ("log_loss", "two", "log loss"), ("squared", "numbers", None),
])  # fmt: skip
def test_no_figure_stands_there_twice(loss, kind, twice):
    """Nor under two names: the mean absolute error is the loss that the models are compared by."""
    record = compare(contest(kind), loss=loss)
    header = to_text(shown(record), None).splitlines()[2]
    title = record["loss"]["title"]
    assert header.count(title) == 1
    assert twice == title or twice is None or twice not in header
    assert "RMSE" in header or "AUC" in header
