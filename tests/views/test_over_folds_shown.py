"""How far the folds' networks are from a model stands beside its effects: in records, tables, CSV,
pictures and on the page; without folds nobody speaks of them."""

import numpy as np
import pytest
from kinds import kinds, mixed, table_of
from matplotlib.collections import PolyCollection

from wedgefit.model.build import Options, train
from wedgefit.views import tables
from wedgefit.views.explain import explain
from wedgefit.views.flat import flat
from wedgefit.views.page import page
from wedgefit.views.pictures.draw import _drawn
from wedgefit.views.terminal import to_text
from wedgefit.views.words import number, percent
from wedgefit.watch import Silent


@pytest.fixture(scope="module")
def model():
    return kinds()["folds"]


@pytest.fixture(scope="module")
def without(model):
    return kinds()["mixed"]


def text_of(model, tmp_path):
    with open(tmp_path / "out", "w") as stream:
        return to_text(tables.explain(explain(model)), stream)


def test_records_and_csv(model, without):
    off = {part.columns: part for part in model.over_folds}
    for effect in explain(model)["effects"]:
        part = off[tuple(effect["columns"])]
        assert effect["over_folds"]["importance"] == part.importance
        if "levels" in effect:
            assert effect["over_folds"]["levels"] == dict(zip(part.levels, part.effect))
        elif "curve" in effect:
            assert effect["over_folds"]["curve"] == [list(p) for p in zip(part.at, part.effect)]
            # As far as the curve itself.
            ends = [effect["curve"][k][0] for k in (0, -1)]
            assert [part.at[0], part.at[-1]] == ends
    column = flat(explain(model), "effects")["over_folds"]
    assert sorted(column) == sorted(part.importance for part in model.over_folds)
    assert all(effect["over_folds"] is None for effect in explain(without)["effects"])
    assert set(flat(explain(without), "effects")["over_folds"]) == {None}


def test_tables(model, without, tmp_path):
    shown = text_of(model, tmp_path)
    for part in model.over_folds:
        name = " × ".join(part.columns) + "  "
        line = next(line for line in shown.splitlines() if line.startswith(name))
        assert f" {number(part.importance, 2)} " in line
    assert "± folds: how far" in shown
    assert "folds" not in text_of(without, tmp_path)


def test_bands(model, without):
    """A band around the curve of every column of numbers, as wide as it is said to be."""
    figure = _drawn(model, None, "effects", None)
    bands = {
        axes.get_title(): [c for c in axes.collections if isinstance(c, PolyCollection)]
        for axes in figure.axes
    }
    numbers = [part for part in model.over_folds if part.at]
    assert numbers
    for part in numbers:
        (band,) = bands[part.columns[0]]
        corners = band.get_paths()[0].vertices
        for at, off in zip(part.at, part.effect):
            here = corners[np.isclose(corners[:, 0], at), 1]
            assert np.ptp(here) == pytest.approx(2 * off)
    figure = _drawn(without, None, "effects", None)
    assert not any(isinstance(c, PolyCollection) for axes in figure.axes for c in axes.collections)


def test_bars(model, without):
    words = [text.get_text() for text in _drawn(model, None, "importance", None).axes[0].texts]
    assert words[0].endswith(f"± {number(model.over_folds[0].importance, 2)}")
    words = [text.get_text() for text in _drawn(without, None, "importance", None).axes[0].texts]
    assert not any("±" in text for text in words)


def test_bars_of_several_outputs():
    """Shares, each as far off as its importances are on average over the outputs."""
    columns, signal = mixed()
    labels = np.array(["p", "q", "r"], dtype=object)[np.digitize(signal, [2.3, 3.0])]
    model = train(
        table_of(columns | {"y": labels}),
        Options(order=1, cv=2, alpha_ratio=0.1, calibrate=True),
        Silent(),
    )
    bars = _drawn(model, None, "importance", None).axes[0]
    first = model.over_folds[0]
    whole = {
        name: sum(part.importance[name] for part in model.importances) for name in model.outputs
    }
    off = np.mean([first.importance[name] / whole[name] for name in model.outputs])
    named = dict(zip([text.get_text() for text in bars.get_yticklabels()], bars.texts))
    assert named[first.columns[0]].get_text().endswith(f"± {percent(off, 1)}")
    assert "± over the folds" in bars.get_title()


@pytest.mark.parametrize("loss, link", [("squared", lambda f: f), ("poisson", np.exp)])
def test_the_band_of_a_fit(loss, link):
    """Around the curve, in the numbers that are predicted, as far as the folds are off."""
    t = np.linspace(-2, 2, 40)
    table = table_of({"t": t, "y": np.round(np.exp(np.abs(t))) + np.arange(40) % 3})
    model = train(table, Options(cv=2, loss=loss, alpha_ratio=0.1, intervals=True), Silent())
    (part,) = model.over_folds
    (axes,) = _drawn(model, table, "fit", None).axes
    (band,) = [c for c in axes.collections if isinstance(c, PolyCollection)]
    corners = band.get_paths()[0].vertices
    at, off = part.at[-1], part.effect[-1]
    middle = model.scores(table)[-1, 0]
    # Between neighbouring points of the grid the curve is a line.
    grid = np.unique(corners[:, 0])
    low, high = (np.interp(at, grid, pick) for pick in _ends(corners, grid))
    assert (low, high) == pytest.approx((link(middle - off), link(middle + off)), rel=2e-3)
    assert "± over the folds" in [text.get_text() for text in axes.get_legend().get_texts()]


def legend_of(found):
    return [text.get_text() for text in found.get_texts()]


def test_legends_name_the_bands(model, without):
    t = np.linspace(-2, 2, 40)
    two = table_of({"t": t, "low": np.abs(t), "high": np.maximum(t, 0) + np.arange(40) % 3})
    told = Options(target=("low", "high"), cv=2)
    (axes,) = _drawn(train(two, told, Silent()), None, "fit", None).axes
    assert legend_of(axes.get_legend()) == ["low", "high", "± over the folds"]
    (found,) = _drawn(model, None, "effects", None).legends
    assert legend_of(found) == ["± over the folds"]
    assert not _drawn(without, None, "effects", None).legends


def _ends(corners, grid):
    """The lower and the upper edge of a band at the places of its grid."""
    by_place = [corners[corners[:, 0] == place, 1] for place in grid]
    return [part.min() for part in by_place], [part.max() for part in by_place]


def test_page(model, without, without_pictures):
    columns, signal = mixed()
    table = table_of(columns | {"y": signal})
    assert "The bands: how far" in (shown := page(model, table))
    assert '<th class="n">± folds</th>' in shown
    assert "folds" not in page(without, table).replace("over the folds", "")
