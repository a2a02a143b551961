"""Pictures: the right one for each model, the same bytes each time, what they show where it
belongs, and hostile names."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from kinds import table_of
from quick import only

pytest.importorskip("matplotlib")

from wedgefit.cli import main
from wedgefit.data.table import Table, read_table
from wedgefit.errors import UsageError
from wedgefit.model import trace
from wedgefit.model.build import Options, train
from wedgefit.model.record import Model
from wedgefit.views import pictures as plot
from wedgefit.views.curves import curve_values
from wedgefit.views.explain import explain
from wedgefit.views.pictures import draw, pairs, style
from wedgefit.views.pictures.effects import draw_levels
from wedgefit.views.pictures.map import breaklines
from wedgefit.views.pictures.scene import Scene, seen_rows
from wedgefit.views.pictures.style import in_style
from wedgefit.views.units import hinges, inputs_at, responses, scores_at, sum_at, typical_row
from wedgefit.watch import Silent

SVG = "{http://www.w3.org/2000/svg}"


def write(path: Path, columns: dict) -> Path:
    lines = [",".join('"' + name.replace('"', '""') + '"' for name in columns)]
    path.write_text(
        "\n".join([*lines, *(",".join(map(str, row)) for row in zip(*columns.values()))]) + "\n",
        encoding="utf-8",
    )
    return path


def columns_of(kind: str, rows: int = 40) -> dict:
    """Small tables: one number, two numbers, three classes in the plane, or numbers, text and
    gaps."""
    rng = np.random.default_rng(1)
    x, z = (rng.uniform(-2, 2, rows).round(2) for _ in range(2))
    y = (np.abs(x) + np.maximum(x - z, 0)).round(3)
    town = np.array(["Bonn", "Köln", "Ulm"])[rng.integers(3, size=rows)]
    return {
        "one": {"x": x, "y": (np.abs(x) + 0.1 * z).round(3)},
        "two": {"x": x, "z": z, "y": y},
        "yes or no": {"x": x, "z": z, "label": np.where(y > 1.5, "yes", "no")},
        "three": {"x": x, "z": z, "label": np.where(y > 2, "a", np.where(x > 0, "b", "c"))},
        "mixed": {
            "x": ["" if k % 6 == 2 else v for k, v in enumerate(x)],
            "z": z,
            "town": town,
            "y": (y + (town == "Ulm")).round(3),
        },
    }[kind]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[str, tuple[Model, Table]]:
    folder = tmp_path_factory.mktemp("plots")
    tables = {
        kind: read_table(write(folder / f"{kind}.csv", columns_of(kind)))
        for kind in ("one", "two", "yes or no", "three", "mixed")
    }
    return {
        kind: (train(table, Options(alpha_ratio=0.01), Silent()), table)
        for kind, table in tables.items()
    }


@pytest.fixture(scope="module")
def drawn_once(trained):
    """The bytes of a picture by model, picture, format, and whether with rows, drawn only once."""

    @cache
    def draw(kind: str, picture: str, form: str, rows: bool) -> bytes:
        model, table = trained[kind]
        return plot.picture(model, table if rows else None, picture, form)

    return lambda kind, picture, form="svg", rows=True: draw(kind, picture, form, rows)


def words(svg: bytes | str) -> list[str]:
    """The texts of a picture; matplotlib notes in a comment what it draws as outlines."""
    svg = svg.decode() if isinstance(svg, bytes) else svg
    return re.findall(r"<!-- (.*?) -->", svg)


@pytest.mark.parametrize(
    "kind, picture",
    [("one", "fit"), ("two", "map"), ("yes or no", "map"), ("three", "map"), ("mixed", "overview")],
)
def test_the_picture_fits_the_model(kind, picture, trained):
    assert plot.default_kind(trained[kind][0]) == picture


def test_auto_is_the_picture_that_fits(drawn_once):
    assert drawn_once("one", "auto") == drawn_once("one", "fit")


@pytest.mark.parametrize(
    "form, start",
    only(
        [("svg", b"<?xml"), ("png", b"\x89PNG")],
        [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")],
    ),
)
def test_same_model_same_bytes_in_every_format(form, start, trained, drawn_once):
    first = drawn_once("one", "fit", form)
    assert first.startswith(start) and first == plot.picture(*trained["one"], "fit", form)
    assert not re.search(rb"20\d\d-\d\d-\d\d", first), "no dates"


@pytest.mark.parametrize(
    "kind, rows",
    only(
        [("one", True), ("three", True), ("mixed", True), ("mixed", False)],
        [
            *((kind, True) for kind in ("one", "two", "yes or no", "three", "mixed")),
            ("two", False),
            ("mixed", False),
        ],
    ),
)
def test_every_picture_that_a_model_has_is_drawn(kind, rows, trained, drawn_once):
    for name in plot.kinds_of(trained[kind][0]):
        ElementTree.fromstring(drawn_once(kind, name, rows=rows))


def test_anchor_rows_are_named(trained, drawn_once):
    """The rows that the network stands on are in the picture by their ids."""
    for kind in ("one", "two", "three"):
        model, _ = trained[kind]
        found = set(words(drawn_once(kind, plot.default_kind(model))))
        ids = {str(row) for row in model.report()["samples"]}
        named = {row for word in found for row in word.split(", ")} & ids
        assert len(named) >= 0.7 * len(ids) > 2, kind
        for name in model.encoding.names:
            assert name in found


def test_the_drawn_line_is_the_prediction(trained):
    """The fit is drawn at the network's own outputs, kinks included."""
    model, table = trained["one"]
    grid = np.linspace(-3, 3, 50)
    feature = model.encoding.features[0]
    X = ((grid - feature.center) / feature.scale)[:, None]
    np.testing.assert_allclose(scores_at(model, {"x": grid}), model.network.forward(X), rtol=1e-12)


def pair_values(model, pair, first, second):
    """What the wedges of a pair of columns add to its output, (k,), at these values (k,)."""
    own = [neuron for neuron in model.neurons if neuron.id in pair["neurons"]]
    X = inputs_at(model, dict(zip(pair["columns"], (first, second))))
    return sum_at(model, own, pair["output"], X)


def test_curves_and_pairs_together_are_the_prediction(trained):
    """Nothing is drawn twice or left out: intercept, curves of single columns and maps of pairs add
    up to the score."""
    model, table = trained["two"]
    record = explain(model)
    x, z = (table.column(name).values for name in ("x", "z"))
    total = np.full(table.rows, record["intercept"])
    for curve in record["curves"]:
        total += curve_values(curve, table.column(curve["column"]).values)
    for pair in record["pairs"]:
        total += pair_values(model, pair, *({"x": x, "z": z}[name] for name in pair["columns"]))
    assert record["pairs"] and record["curves"]
    np.testing.assert_allclose(total, model.scores(table)[:, 0], rtol=1e-9, atol=1e-9)


def test_kinds_that_a_model_does_not_have_are_refused(trained):
    for kind, picture in (("two", "fit"), ("one", "map"), ("one", "pairs"), ("mixed", "map")):
        with pytest.raises(UsageError, match="--kind"):
            plot.picture(*trained[kind], picture, "svg")


def test_a_deep_network_is_drawn_by_its_output(trained):
    model, table = trained["two"]
    first = [replace(neuron, coefficient=None) for neuron in model.neurons[:2]]
    top = replace(
        first[0], id=99, layer=2, order=2, columns=[f"neuron {neuron.id}" for neuron in first],
        weights={f"neuron {first[0].id}": 0.5, f"neuron {first[1].id}": -0.5},
        bias=0.1, coefficient=1.5, share=1.0,
    )  # fmt: skip
    deep = replace(model, neurons=[*first, top], problem=replace(model.problem, layers=3))
    assert plot.kinds_of(deep) == ["map", "importance", "effects"]
    assert any("row" in word for word in words(plot.picture(deep, table, "changes", "svg")))
    for kind in plot.kinds_of(deep):
        ElementTree.fromstring(plot.picture(deep, table, kind, "svg"))


def test_changes_are_those_of_a_stored_row(trained):
    """The drawn change is the network's: the row with one cell replaced, minus the row as it is."""
    model, table = trained["mixed"]
    row = typical_row(model)
    k = table.row_ids.index(row)
    grid = np.array([-1.5, 0.25, 1.0])
    for record in responses(model, row, {"x": grid, "z": grid}):
        tried = record.get("at") or list(record["levels"])
        column = table.columns[record["column"]]
        copies = table.take([k] * len(tried))
        cells = replace(
            copies.columns[column.name], values=np.array(tried, dtype=column.values.dtype)
        )
        scores = model.scores(replace(copies, columns=copies.columns | {column.name: cells}))[:, 0]
        values = record.get("values") or list(record["levels"].values())
        np.testing.assert_allclose(values, scores - model.scores(table)[k, 0], atol=1e-9)


HOSTILE = {
    "a<script>alert(1)</script>": 0,
    'quote"&amp;': 0,
    "$\\frac{1}$": 0,
    "new\nline": 0,
    "right\u202eleft": 0,
    "人口": 0,
}


@pytest.mark.slow
def test_hostile_names_stay_text(tmp_path):
    """Its quick twin, on a page, is in test_report."""
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=40).round(3) for name in HOSTILE}
    values = list(columns.values())
    columns["<b>y</b>"] = (
        np.abs(values[0])
        + np.maximum(values[1], values[2])
        + values[3]
        + np.abs(values[4] - values[5])
    ).round(3)
    table = read_table(write(tmp_path / "hostile.csv", columns))
    model = train(table, Options(alpha_ratio=0.02), Silent())
    # Both have every name: importances here as outlines and comments, effects below as text.
    for kind in {*plot.kinds_of(model)} - {"effects"}:
        svg = plot.picture(model, table, kind, "svg")
        root = ElementTree.fromstring(svg)
        assert not list(root.iter(f"{SVG}script")) and b"\xe2\x80\xae" not in svg
    inline = plot.inline(model, table, "effects")
    assert "<script" not in inline and "<b>" not in inline and "\u202e" not in inline
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ElementTree.fromstring(inline.replace("<svg ", f"<svg {spaces} ", 1))


def test_pictures_on_one_page_share_no_ids(trained):
    model, table = trained["mixed"]
    page = "".join(plot.inline(model, table, kind) for kind in plot.kinds_of(model))
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids)) > 10
    assert set(re.findall(r'href="#([^"]*)"', page)) | set(
        re.findall(r"url\(#([^)]*)\)", page)
    ) <= set(ids)
    assert style.INK not in page and "var(--ink)" in page


# What is drawn where ------------------------------------------------------------------------------


def test_levels_stand_over_their_names():
    """Several outputs share a panel and the names below it: every dot is over the level it is the
    value of, read back from what is drawn."""
    from matplotlib.figure import Figure

    levels = {
        "a": {"Bonn": -1.0, "Köln": 2.0, "Ulm": 0.5},
        "b": {"Bonn": 3.0, "Köln": -4.0, "Ulm": 0.25},
    }
    axes = Figure().subplots()
    drawn = draw_levels(axes, levels, {"a": style.BLUE, "b": style.ORANGE})
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert sorted(names) == ["Bonn", "Köln", "Ulm"]
    for output, dots in zip(levels, axes.collections[1::2]):
        places = dots.get_offsets()
        found = {names[round(float(x))]: float(y) for x, y in places}
        assert found == levels[output]
    assert sorted(drawn) == sorted([0.0, *levels["a"].values(), *levels["b"].values()])


def test_levels_that_have_no_room_are_told():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    many = {"y": {f"level {k}": (-1) ** k * float(k) for k in range(12)}}
    drawn = draw_levels(axes, many, {"y": style.BLUE})
    names = {text.get_text() for text in axes.get_xticklabels()}
    assert names == {f"level {k}" for k in range(4, 12)}, "those that do most"
    assert axes.get_xlabel() == "8 of 12 levels" and min(drawn) == -11.0


@pytest.mark.parametrize(
    "kind, picture", only([("two", "map")], [("one", "fit"), ("two", "map"), ("yes or no", "map")])
)
def test_gaps_are_no_columns(kind, picture, tmp_path):
    """A column with gaps gives two features and is one column: its picture is the same kind, with
    the rows that have a value."""
    columns = columns_of(kind)
    columns["x"] = ["" if k % 5 == 2 else value for k, value in enumerate(columns["x"])]
    table = read_table(write(tmp_path / "gaps.csv", columns))
    model = train(table, Options(alpha_ratio=0.01), Silent())
    assert {feature.kind for feature in model.encoding.features} == {"number", "missing"}
    assert plot.default_kind(model) == picture
    ElementTree.fromstring(plot.picture(model, table, picture, "svg"))
    scene = Scene(model, explain(model), seen_rows(model, table))
    gaps = {row for row, gap in zip(table.row_ids, table.column("x").missing) if gap}
    assert len(scene.rows(["x"]).values["x"]) == table.rows - len(gaps) < table.rows
    assert scene.anchors(["x"]) and not gaps & {sample["id"] for sample in scene.anchors(["x"])}


def test_letters_without_a_font_are_told(tmp_path, monkeypatch):
    """Boxes in place of names are no silent loss: PNG tells, SVG leaves the letters to the
    viewer."""
    monkeypatch.setattr(style, "OTHER_FONTS", ())
    columns = columns_of("one")
    table = read_table(write(tmp_path / "cjk.csv", {"人口": columns["x"], "y": columns["y"]}))
    model = train(table, Options(alpha_ratio=0.05), Silent())
    told = []
    plot.picture(model, table, "fit", "png", tell=told.append)
    assert len(told) == 1 and "人" in told[0] and "Noto Sans CJK" in told[0]
    svg = plot.picture(model, table, "fit", "svg", tell=told.append)
    assert len(told) == 1 and "人口" in "".join(ElementTree.fromstring(svg).itertext())


def drawn(model, table, kind):
    """The figure of a picture, to read back what is in it."""
    return in_style(lambda: draw._drawn(model, table, kind, None))[0]


def test_effects_are_drawn_where_they_are(trained, drawn_once):
    """Every line is the effect of the column that its panel names, over the rows' range."""
    model, table = trained["mixed"]
    record = {tuple(effect["columns"]): effect for effect in explain(model)["effects"]}
    panels = [axes for axes in drawn(model, table, "effects").axes if axes.get_visible()]
    seen = set()
    for axes in panels:
        effect = record[(axes.get_title(loc="left"),)]
        if "levels" in effect:
            names = [text.get_text() for text in axes.get_xticklabels()]
            (dots,) = axes.collections[1::2]
            assert {
                names[round(float(x))]: float(y) for x, y in dots.get_offsets()
            } == pytest.approx(effect["levels"])
        else:
            np.testing.assert_allclose(axes.lines[0].get_xydata(), effect["curve"])
            assert axes.patches, "the density of the rows"
        seen.add(tuple(effect["columns"]))
    assert seen == {key for key in record if len(key) == 1} and len(seen) == 3
    assert draw.KINDS["curves"] is draw.KINDS["changes"] is draw.KINDS["effects"], "older names"
    assert drawn_once("mixed", "curves") == drawn_once("mixed", "effects")


def test_effects_on_log_odds_have_probabilities_beside_them(trained):
    """At the right end of a row of panels, where all other effects are zero."""
    model, table = trained["yes or no"]
    axes = drawn(model, table, "effects").axes[-1]
    (side,) = axes.child_axes
    baseline = explain(model)["baseline"]
    places = side.get_yticks()
    found = 1 / (1 + np.exp(-(baseline + places)))
    assert [text.get_text() for text in side.get_yticklabels()] == [f"{p:.0%}" for p in found]
    assert len(places) > 2 and "50%" in [text.get_text() for text in side.get_yticklabels()]
    low, high = axes.get_ylim()
    assert low < min(places) and max(places) < high
    for kind in ("mixed", "three"):
        assert not any(axes.child_axes for axes in drawn(*trained[kind], "effects").axes)


def test_the_overview_shows_the_largest_effects():
    """Columns before the pairs that are smaller; one pair at least, if it is worth it."""
    rng = np.random.default_rng(0)
    a, b, c, d = (rng.normal(size=80) for _ in range(4))
    columns = {"a": a, "b": b, "c": c, "d": d}
    y = 4 * np.abs(a) + 3 * b + 2 * np.abs(c) + np.maximum(d, 0) + np.maximum(a + b, 0)
    model = train(table_of(columns | {"y": y}), Options(alpha_ratio=0.003), Silent())
    ranked = [effect["columns"] for effect in explain(model)["effects"]]
    shown = [axes.get_title(loc="left") for axes in drawn(model, None, "overview").axes]
    names = [names[0] for names in ranked if len(names) == 1]
    assert shown[1:5] == names and shown[5].startswith("importance ")
    assert sum(len(columns) == 2 for columns in ranked) > 1


def test_bars_are_importances(trained):
    model, table = trained["mixed"]
    (axes,) = drawn(model, table, "importance").axes
    sizes = [bar.get_width() for bar in axes.patches]
    assert sizes == [part.importance for part in model.importances][: len(sizes)]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [" × ".join(part.columns) for part in model.importances][: len(names)]


def test_maps_of_pairs_end_where_rows_end(trained):
    """Nothing is shown where nobody has looked, and what is shown is the effect of the pair."""
    model, table = trained["two"]
    (record,) = [effect for effect in explain(model)["effects"] if len(effect["columns"]) == 2]
    few = table.take(np.flatnonzero(table.column("x").values > 0))
    every, some = (
        pairs._drawing(Scene(model, explain(model), seen_rows(model, rows)), record)
        for rows in (table, few)
    )
    assert some.shown.sum() < every.shown.sum()
    at, up = some.places
    assert not some.shown[: int(0.3 * len(at))].any()
    x, y = (np.array([place]) for place in (at[30], up[10]))
    effects = model.effects()
    value = effects.of_states(("x", "z"), effects.numbers("x", x), effects.numbers("z", y))
    assert some.values[30, 10] == pytest.approx(value[0, 0])


def test_maps_are_pale_where_no_row_is_near(tmp_path):
    """And their shades are those of the places near rows: corners that nobody has seen would take
    all of them."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 200)
    z = x + rng.normal(scale=0.05, size=200)
    table = table_of({"x": x, "z": z, "y": 10 * np.maximum(x, 0) + 40 * np.maximum(z - x, 0)})
    model = train(table, Options(alpha_ratio=0.003), Silent())
    axes, bar = drawn(model, table, "map").axes
    (pale,) = [c for c in axes.collections if c.get_alpha() == 0.75]
    (area,) = pale.get_paths()
    assert area.contains_point((0.9, -0.9)) and area.contains_point((-0.9, 0.9))
    assert not any(area.contains_point(place) for place in zip(x, z))
    corner = inputs_at(model, {"x": np.array([-1.0]), "z": np.array([1.0])})
    assert bar.get_ylim()[1] < model.network.forward(corner)[0, 0]
    plain = drawn(model, None, "map").axes[0]
    assert not [c for c in plain.collections if c.get_alpha() == 0.75]


def test_predictions_against_what_was_observed(trained):
    model, table = trained["mixed"]
    (axes,) = drawn(model, table, "predicted").axes
    points = axes.collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], model.scores(table)[:, 0], rtol=1e-9)
    np.testing.assert_allclose(points[:, 1], table.column("y").values)
    (axes,) = drawn(model, table, "residuals").axes
    left = axes.collections[0].get_offsets()
    np.testing.assert_allclose(left[:, 1], points[:, 1] - points[:, 0], atol=1e-12)


def test_calibration_is_the_observed_rate(trained):
    model, table = trained["yes or no"]
    upper, _ = drawn(model, table, "calibration").axes
    at, rate = upper.lines[1].get_xydata().T
    given = model.probabilities(model.scores(table))[:, 1]
    came = np.array([cell == "yes" for cell in table.column("label").values], dtype=float)
    groups = np.array_split(np.argsort(given, kind="stable"), len(at))
    np.testing.assert_allclose(at, [given[group].mean() for group in groups], rtol=1e-9)
    np.testing.assert_allclose(rate, [came[group].mean() for group in groups], rtol=1e-9)


@pytest.mark.parametrize(
    "kind, picture, rows",
    [
        ("yes or no", "predicted", True),
        ("mixed", "calibration", True),
        ("mixed", "predicted", False),
        ("yes or no", "calibration", False),
    ],
)
def test_pictures_of_how_good_need_what_they_show(kind, picture, rows, trained):
    model, table = trained[kind]
    with pytest.raises(UsageError):
        plot.picture(model, table if rows else None, picture, "svg")


@pytest.mark.parametrize(
    "value, text",
    [
        (2008.0, "2008"), (-9999.0, "−9999"), (1.2e6, "1.2 M"), (2.5e9, "2.5 G"),
        (20000, "20,000"), (0.05, "0.05"), (-3.5, "−3.5"),
        (0.0, "0"), (1e-7, "1e−07"), (1e15, "1e+15"),
    ],
)  # fmt: skip
def test_ticks_as_people_write_them(value, text):
    assert style.tick(value) == text


# Path and convergence -----------------------------------------------------------------------------


def test_the_traced_path_passes_through_the_model(tmp_path, few_alphas):
    """At the chosen alpha the traced coefficients cost what the model's cost: the penalty is
    unique, coefficients need not be."""
    table = read_table(write(tmp_path / "d.csv", columns_of("two", 60)))
    model = train(table, Options(cv=3), Silent())
    record = trace.path(model, table, Silent())
    at = int(np.argmin(np.abs(np.array(record.alphas) - model.problem.alpha)))
    assert record.alphas[at] == pytest.approx(model.problem.alpha) == record.chosen
    found = [along[at] for along in record.coefficients if along[at]]
    assert np.abs(found).sum() == pytest.approx(
        sum(abs(neuron.coefficient) for neuron in model.neurons), rel=1e-5
    )
    assert record.sizes[at] == len(found) and record.sizes[0] < record.sizes[-1]
    assert record.curve == list(model.score.curve)
    assert plot.picture(model, table, "path", "png", record).startswith(b"\x89PNG")


def test_traced_rounds_end_at_the_certificate(trained):
    for kind in ("two", "three"):
        model, table = trained[kind]
        record = trace.rounds(model, table, Silent())
        ends = [rounds[-1].certificate for _, rounds in record.networks]
        assert sum(end.objective for end in ends) == pytest.approx(
            model.certificate.objective, rel=1e-9
        )
        assert all(end.relative_gap <= record.tol and end.scope == "exact" for end in ends)
        assert [output for output, _ in record.networks] == list(model.separate)
        assert plot.picture(model, table, "gap", "png", record).startswith(b"\x89PNG")


# At the command line ------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch, trained):
    monkeypatch.chdir(tmp_path)
    write(Path("d.csv"), columns_of("two"))
    trained["two"][0].save("wedgefit.json")
    trained["two"][0].save("other.json")

    def run(*args, code=0, **more):
        done = CliRunner().invoke(main, ["plot", *map(str, args)], **more)
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.mark.slow
def test_one_file_is_told_by_its_name(desk):
    there = ("--kind", "pairs", "-o", "-")
    rows = desk("d.csv", *there).stdout_bytes
    bare = desk("wedgefit.json", *there).stdout_bytes
    assert rows != bare == desk(*there).stdout_bytes
    assert (
        rows
        == desk("other.json", "d.csv", *there).stdout_bytes
        == desk("-", *there, input=Path("d.csv").read_text()).stdout_bytes
    )


def test_the_suffix_decides_and_files_are_whole(desk):
    assert desk("other.json").stderr == "Written to other.svg.\n"
    assert Path("other.svg").read_bytes().startswith(b"<?xml")
    desk("d.csv", "-o", "p.PDF", "-q")
    assert Path("p.PDF").read_bytes().startswith(b"%PDF")
    assert "gif" in desk("d.csv", "-o", "p.gif", code=2).stderr
    assert "--json" in desk("d.csv", "-o", "-", "--json", code=2).stderr
    assert "training DATA" in desk("--kind", "gap", code=2).stderr
    assert not [
        path for path in Path().iterdir() if path.suffix not in (".csv", ".json", ".svg", ".PDF")
    ]


@pytest.mark.slow
def test_path_and_gap_from_the_command_line(desk):
    desk("d.csv", "--kind", "path", "-o", "path.svg")
    desk("d.csv", "--kind", "gap", "-o", "gap.svg")
    assert any("alpha" in word for word in words(Path("path.svg").read_bytes()))
    assert "relative gap" in words(Path("gap.svg").read_bytes())


def test_without_matplotlib_there_is_one_clear_error(desk, monkeypatch):
    monkeypatch.setattr(style.importlib.util, "find_spec", lambda name: None)
    done = desk("wedgefit.json", "d.csv", code=1)
    assert (
        done.stderr
        == "Error: pictures need matplotlib. Install it: python -m pip install 'wedgefit[plot]'\n"
    )
    assert not Path("wedgefit.svg").exists()


def test_plotting_loads_no_sklearn(desk):
    code = (
        "import sys; from wedgefit.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('sklearn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plot", "d.csv", "-q"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_breaklines_are_where_hinges_begin(trained):
    """The lines drawn through the map are the zero sets of the hinges."""
    from matplotlib.figure import Figure

    model, _ = trained["two"]
    found = [hinge for hinge in hinges(model).values() if len(hinge.reads) == 2]
    axes = Figure().subplots()
    breaklines(axes, found, model.encoding.names)
    assert len(axes.lines) == len(found) > 0
    for hinge, line in zip(found, axes.lines):
        (x, y), slope = line.get_xy1(), line.get_slope()
        for step in (0.0, 1.7):
            point = dict(zip(model.encoding.names, (x + step, y + step * slope)))
            assert hinge.bias + sum(
                weight * point[name] for name, weight in hinge.weights.items()
            ) == pytest.approx(0, abs=1e-12)


def test_the_fit_of_classes_has_the_rates_that_were_observed(tmp_path):
    """In tenths of the rows along the column, those of both classes in each."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 200).round(3)
    columns = {"x": x, "label": np.where(rng.random(200) < x, "yes", "no")}
    table = read_table(write(tmp_path / "rates.csv", columns))
    model = train(table, Options(alpha_ratio=0.1), Silent())
    (axes,) = drawn(model, table, "fit").axes
    (bars,) = axes.containers
    at, rates = bars[0].get_data()
    came, order = columns["label"] == "yes", np.argsort(x, kind="stable")
    tenths = np.array_split(order, 10)
    np.testing.assert_allclose(at, [x[rows].mean() for rows in tenths], atol=0.02)
    np.testing.assert_allclose(rates, [came[rows].mean() for rows in tenths], atol=0.1)
    assert sum(rates) == pytest.approx(sum(came[rows].mean() for rows in tenths), abs=0.2)
