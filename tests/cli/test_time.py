"""Folds in the order of time: no row is predicted from what later ones teach."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from kinds import table_of
from shell import fails, run

from wedgefit.data.roles import times_of
from wedgefit.data.sample import Sample
from wedgefit.errors import FitError
from wedgefit.learning import splits
from wedgefit.model.file import load

TOLD = ("--time", "day", "--order", "1", "--cv", "3")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def series(n=40, day=str, seed=0):
    """A series beside its last value, in d.csv, the rows in any order."""
    rng = np.random.default_rng(seed)
    y = np.cumsum(rng.normal(size=n + 1)).round(3)
    rows = [f"{day(t)},{t % 5},{y[t]},{y[t + 1]}" for t in range(n)]
    order = rng.permutation(n)
    Path("d.csv").write_text("\n".join(["day,week,last,y", *(rows[k] for k in order)]) + "\n")
    return order


def splits_of(times, folds, horizon=1, series=None):
    nothing, more = np.zeros((len(times), 1)), {"horizon": horizon, "series": series}
    sample = Sample(nothing, nothing, "regression", times=np.array(times), **more)
    return splits.splits_of(sample, folds, 0, "do without")


def test_folds_never_learn_from_the_future():
    rng = np.random.default_rng(0)
    times = rng.integers(0, 17, 60)
    found = splits_of(times, 4)
    assert len(found) == 4
    for learn, test in found:
        assert times[learn].max() < times[test].min() and len(test)
    held_out = np.concatenate([test for _, test in found])
    assert len({*held_out.tolist()}) == len(held_out)
    # All but the first block, and what is learnt from grows.
    first = found[0][0]
    assert sorted([*first, *held_out]) == list(range(60))
    assert [len(learn) for learn, _ in found] == sorted(len(learn) for learn, _ in found)


def test_what_lies_within_the_horizon_is_not_learnt():
    """Three rows ahead, the two before a block are not known yet; all blocks stay as they were."""
    times = np.random.default_rng(2).permutation(20)
    for (learn, test), (other, same) in zip(splits_of(times, 3, horizon=3), splits_of(times, 3)):
        assert times[learn].max() == times[test].min() - 3
        assert np.array_equal(test, same) and len(learn) == len(other) - 2
    assert splits_of(range(8), 3, horizon=2)[0][0].tolist() == [0]
    with pytest.raises(FitError, match="8 times cannot.*them, seen 3 times ahead.*smaller --cv"):
        splits_of(range(8), 3, horizon=3)


def test_of_several_series_the_horizon_counts_the_rows_of_each():
    """Two that take turns: two rows ahead are four times, of which the last three are not known."""
    turns = np.arange(24) % 2
    for learn, test in splits_of(range(24), 3, horizon=2, series=turns):
        for own in (0, 1):
            first = min(t for t in test if t % 2 == own)
            assert max(t for t in learn if t % 2 == own) == first - 4
    together = splits_of(np.arange(24) // 2, 3, horizon=2, series=turns)
    for (learn, _), (same, _) in zip(together, splits_of(np.arange(24) // 2, 3, horizon=2)):
        assert np.array_equal(learn, same)
    assert len(splits_of(range(8), 3, horizon=2)) == 3
    with pytest.raises(FitError, match="8 times cannot.*them, seen 2 times ahead"):
        splits_of(range(8), 3, horizon=2, series=np.arange(8) % 2)


def test_the_seed_has_no_part_in_it_and_order_of_rows_neither():
    """The same rows in another order give the same folds."""
    times = np.arange(20)
    order = np.random.default_rng(1).permutation(20)
    for (learn, test), (other_learn, other_test) in zip(
        splits_of(times, 3), splits_of(times[order], 3)
    ):
        assert {*times[learn]} == {*times[order][other_learn]}
        assert {*times[test]} == {*times[order][other_test]}


def test_training_in_time_order_through_the_command():
    order = series()
    text = run("train", "d.csv", *TOLD, "--predictions", "held.csv").stdout
    assert "Times" in text and "day" in text
    model = load("wedgefit.json")
    assert model.data.time == "day" and "day" not in model.encoding.names
    assert model.score.selection.folds == 3
    with open("held.csv", newline="") as file:
        held = [int(row["row"]) - 1 for row in csv.DictReader(file)]
    # The rows of the first of four blocks were not held out.
    assert sorted(order[k] for k in held) == list(range(10, 40))
    assert "The stored figures hold." in run("certify", "d.csv").stdout
    assert "The stored figures hold." in run("certify", "d.csv", "--all").stdout
    run("predict", "d.csv", "-o", "p.csv")


def test_dates_are_times():
    series(day=lambda t: f"2024-{1 + t // 28:02}-{1 + t % 28:02}")
    # Nobody need be told to spell them as numbers.
    assert "read as text" not in run("train", "d.csv", *TOLD).stderr
    assert "read as text" not in run("certify", "d.csv", "--all").stderr
    by_date = load("wedgefit.json")
    series()
    run("train", "d.csv", *TOLD)
    assert load("wedgefit.json").problem.alpha == by_date.problem.alpha
    assert load("wedgefit.json").score.curve == by_date.score.curve


def test_dates_in_several_spellings_are_in_the_order_of_time():
    spelt = [
        "2024-01",
        "2024-01-31T08:00",
        "2024-01-31 09:00",
        "2024-01-31 09:00Z",
        "2024-01-31T09:00:00.5Z",
        "2024-01-31T09:00:00.55Z",
        "2024-01-31 09:00:30",
        "2024-02-01",
    ]
    order = np.random.default_rng(0).permutation(len(spelt))
    values = np.array(spelt, dtype=object)[order]
    table = table_of({"day": values})
    assert times_of(table, "day").tolist() == np.array([0, 1, 2, 2, 3, 4, 5, 6])[order].tolist()


def test_intervals_of_a_series():
    series(60)
    run("train", "d.csv", *TOLD, "--intervals")
    run("predict", "d.csv", "--interval", "0.8", "-o", "p.csv")
    # Of 60 rows those of the first block were not held out.
    assert len(json.loads(Path("wedgefit.json").read_text())["intervals"][0]["quantiles"]) == 45


@pytest.mark.parametrize(
    "told, words",
    [
        (["--group", "week"], "--time and --group both say which rows stay together"),
        (["--target", "day"], "day"),
        (["--cv", "40"], "40 times cannot be split into 40 folds"),
        (["--drop", "day"], "--time"),
    ],
)
def test_what_does_not_go_together_is_refused(told, words):
    series()
    code = 2 if told[0] in ("--group", "--drop") else 1
    fails("train", "d.csv", *TOLD, *told, code=code, words=[words])


def test_times_that_are_none_are_refused():
    series(day=lambda t: "soon" if t == 7 else f"2024-01-{1 + t % 28:02}")
    fails("train", "d.csv", *TOLD, words=["this time is", "soon", "2024-01-31"])
    series(day=lambda t: "" if t == 7 else t)
    fails("train", "d.csv", *TOLD, words=["the time is missing", "leave the row out"])
