"""A model's line beside the best broken lines of few bends."""

from dataclasses import replace

import numpy as np
import pytest
from kinds import table_of
from shell import fails, run, strict

from wedgefit.errors import UsageError
from wedgefit.learning.settings import Options
from wedgefit.model import bends as room
from wedgefit.model.bends import bends, check
from wedgefit.model.build import train
from wedgefit.watch import Silent


def fitted(columns, **options):
    table = table_of(columns)
    return train(
        table, Options(**{"alpha_ratio": 0.01, "target": ("y",)} | options), Silent()
    ), table


def tent(rows=30, seed=0):
    """A line that bends twice, in units of its own, and noise."""
    rng = np.random.default_rng(seed)
    x = 50 + 3.0 * np.arange(rows)
    y = np.interp(x, x[[0, 8, 20, -1]], [0, 4, -2, 1]) + 0.2 * rng.normal(size=rows)
    return {"x": x, "y": y}


def test_fewer_bends_than_the_lasso():
    model, table = fitted(tent())
    found = bends(model, table, 3)
    y = table.columns["y"].values
    x = table.columns["x"].values
    assert (found.column, found.ends) == ("x", (50.0, 137.0))
    predicted = model.network.forward((x[:, None] - x.mean()) / x.std())[:, 0]
    assert found.loss == pytest.approx(np.mean((y - predicted) ** 2) / 2)
    # Bends of the prediction itself: where its slope changes.
    slopes = np.diff(predicted)
    assert found.bends == np.sum(np.abs(np.diff(slopes)) > 1e-9) > 2
    assert found.unpenalised <= found.loss and found.enough == 2 and found.fewer_do_not
    best = found.lines[2]
    assert best.proven and best.at == tuple(x[[row - 1 for row in best.rows]])
    line = np.interp(x, [50, *best.at, 137], best.heights)
    assert best.loss == pytest.approx(np.mean((y - line) ** 2) / 2)
    assert best.r2 == pytest.approx(1 - np.mean((y - line) ** 2) / np.var(y))


def test_a_line_that_is_not_enough():
    model, table = fitted(tent())
    found = bends(model, table, 1)
    assert found.enough is None and found.fewer_do_not and len(found.lines) == 2
    flat, rows = fitted({"x": np.arange(9.0), "y": np.arange(9.0) * 2}, alpha_ratio=0.1)
    assert bends(flat, rows, 1).enough == 0


def test_gaps_ends_and_weights_are_those_of_training():
    columns = tent(40)
    columns["w"] = np.arange(40.0) % 3 + 1
    columns["x"][5], columns["x"][39] = np.nan, 1e9
    model, table = fitted(columns | {"x": columns["x"]}, weight="w", drop=())
    if len(model.encoding.features) > 1:  # A gap has a column of its own.
        with pytest.raises(UsageError, match="one column of numbers"):
            bends(model, table, 2)
        columns["x"][5] = 51.0
        model, table = fitted(columns, weight="w")
    found = bends(model, table, 2)
    assert found.ends[1] < 1e9
    x = model.encoding.inputs[0].limited(columns["x"])
    w = columns["w"] / columns["w"].sum()
    line = np.interp(x, [found.ends[0], *found.lines[2].at, found.ends[1]], found.lines[2].heights)
    assert found.lines[2].loss == pytest.approx(w @ (columns["y"] - line) ** 2 / 2)


def test_what_is_no_line(monkeypatch):
    columns = tent()
    two, _ = fitted(columns | {"z": columns["x"] ** 2})
    quantile, _ = fitted(columns, loss="quantile", alpha_ratio=0.1)
    one, table = fitted(columns)
    deep = replace(one, problem=replace(one.problem, layers=3))
    through_origin, _ = fitted(columns, bias=False)
    for model, words in (
        (two, "one column"),
        (quantile, "squared loss"),
        (deep, "hidden layer"),
        (through_origin, "neurons with biases"),
    ):
        with pytest.raises(UsageError, match=words):
            check(model, 2)
    with pytest.raises(UsageError, match="0 to 50"):
        check(one, 51)
    monkeypatch.setattr(room, "MOST_VALUES", 10)
    with pytest.raises(UsageError, match="different values"):
        bends(one, table, 2)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    columns = tent()
    lines = [f"{x:g},{y:.3f}" for x, y in zip(columns["x"], columns["y"])]
    (tmp_path / "d.csv").write_text("\n".join(["x,y", *lines]))
    run("train", "d.csv", "--alpha-ratio", "0.01", "-q")
    record = strict(run("certify", "d.csv", "--bends", "2", "--json").stdout)["bends"]
    assert [line["bends"] for line in record["lines"]] == [0, 1, 2]
    text = run("certify", "d.csv", "--bends", "2").stdout
    assert "A line of 2 bends at rows does as well; no such line of fewer does (proven)." in text
    assert (
        "No line of 1 bend at rows was found that is as good; none there is (proven)."
        in run("certify", "d.csv", "--bends", "1").stdout
    )
    (tmp_path / "net.json").write_text("{}")
    fails("certify", "d.csv", "--weights", "net.json", "--bends", "0", code=2, words=["--bends is"])
