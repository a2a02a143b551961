"""Records become pictures, by matplotlib: SVG, PNG or PDF, the same bytes for the same input.

Colours are those of Okabe and Ito and two perceptually even maps, so that they can be told apart by
everybody and in grey.
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wedgefit.data.table import Table
from wedgefit.errors import UsageError, WedgefitError
from wedgefit.model.record import Model
from wedgefit.views.explain import (
    curve_values,
    explain,
    hinges,
    pair_values,
    responses,
    scores_at,
    typical_row,
)

SUFFIXES = ("svg", "png", "pdf")
INK, SOFT, FAINT, PAPER = "#21272e", "#6b7480", "#dfe3e8", "#ffffff"
# On coloured ground, which stays light on a dark page: what is drawn there must not change with the
# page.
DARK, LIGHT = "#20262d", "#fffffe"
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, AMBER = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#a89b00",
    "#56b4e9",
    "#e69f00",
)
CLASS_COLOURS = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, YELLOW)
CLASS_MARKS = ("o", "^", "s", "D", "v", "P", "X")
SIZES, SIGNED = "YlGnBu", "RdBu_r"
MOST_BARS, MOST_CURVES, MOST_PAIRS, MOST_LABELS = 15, 9, 6, 60
# More marks than this are drawn as pixels, or a vector file would be too slow to open.
MOST_MARKS = 2000
GRID = 160  # Points along each side of a map.
STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left", "axes.labelsize": 9, "figure.titlesize": 12, "figure.titleweight": "bold",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": SOFT, "xtick.color": SOFT, "ytick.color": SOFT,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "axes.grid": True, "grid.color": FAINT, "grid.linewidth": 0.6, "axes.axisbelow": True, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.frameon": False, "legend.fontsize": 8, "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER,
    "lines.solid_capstyle": "round", "lines.solid_joinstyle": "round", "figure.dpi": 100, "savefig.dpi": 200,
    # A column called $x$ is no formula.
    "text.parse_math": False, "svg.hashsalt": "wedgefit",
}  # fmt: skip
# Where letters are missing from matplotlib's own font; only those that are installed are asked for.
OTHER_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans Arabic",
    "Arial Unicode MS",
)


# Making a picture ---------------------------------------------------------------------------------


def picture(
    model: Model, table: Table | None, kind: str, form: str, traced: dict | None = None
) -> bytes:
    """The bytes of one picture of a model: ``kind`` as on the command line, ``form`` svg, png or
    pdf.

    ``traced``: for the kinds "path" and "gap" the record of how the model was trained.

    Raises UsageError where the model has no picture of this kind.
    """
    return _in_style(lambda: _written(_drawn(model, table, kind, traced), form))


def inline(model: Model, table: Table | None, kind: str) -> str:
    """The same picture as an SVG element for a page: in the page's own colours for ink and paper,
    with letters as text."""
    svg = _in_style(
        lambda: _written(_drawn(model, table, kind, None), "svg"), **{"svg.fonttype": "none"}
    ).decode()
    svg = svg[svg.index("<svg") :]
    for part in ("metadata", r'style type="text/css"'):
        svg = re.sub(rf"<{part}>.*?</{part.split()[0]}>", "", svg, flags=re.DOTALL)
    # Several pictures share a page, and an id may occur only once in it.
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{kind}-", svg)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    svg = re.sub(
        r"<svg [^>]*>",
        f'<svg viewBox="0 0 {size[1]} {size[2]}" role="img" style="--width: {size[1]}">',
        svg,
        count=1,
    )
    for colour, variable in ((INK, "ink"), (SOFT, "soft"), (FAINT, "faint"), (PAPER, "paper")):
        svg = svg.replace(colour, f"var(--{variable})")
    return svg


def kinds_of(model: Model) -> list[str]:
    """The pictures that a model has, the one that shows most of it first."""
    record, first = explain(model), default_kind(model)
    has = {
        "importance": len(record["columns"]) > 1,
        "curves": bool(record["curves"]),
        "pairs": bool(record["pairs"]),
    }
    has["changes"] = (
        len(record["columns"]) > 1
        and not record["curves"]
        and not record["pairs"]
        and bool(record["terms"])
    )
    rest = [kind for kind, there in has.items() if there and first != "fit"]
    return rest if first == "overview" and rest else [first, *rest]


def default_kind(model: Model) -> str:
    """The picture that shows most of a model: of one number its fit, of two a map, else an
    overview."""
    numbers = all(feature.kind == "number" for feature in model.encoding.features)
    width = len(model.encoding.features)
    if numbers and width == 1:
        return "fit"
    several_maps = len(model.outputs) > 1 and model.encoding.target.classes is None
    return "map" if numbers and width == 2 and not several_maps else "overview"


def require() -> None:
    """Raises WedgefitError where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise WedgefitError(
            "pictures need matplotlib.", remedy="Install it: python -m pip install 'wedgefit[plot]'"
        )


def _in_style(draw: Callable, **more):
    """Run with matplotlib dressed for our pictures."""
    require()
    import matplotlib
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in OTHER_FONTS if font in installed)]
    with matplotlib.rc_context(STYLE | {"font.family": fonts} | more), warnings.catch_warnings():
        # A letter that no font has is drawn as a box, which says as much.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        return draw()


def _written(figure, form: str) -> bytes:
    file = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
    figure.savefig(file, format=form, metadata=undated)
    return file.getvalue()


def _drawn(model: Model, table: Table | None, kind: str, traced: dict | None):
    kind = default_kind(model) if kind == "auto" else kind
    scene = _Scene(model, explain(model), _seen(model, table))
    if kind in ("path", "gap"):
        return {"path": _path, "gap": _gap}[kind](scene, traced)
    return {
        "fit": _fit,
        "map": _map,
        "curves": _curves,
        "pairs": _pairs,
        "importance": _importance,
        "overview": _overview,
        "changes": _changes,
    }[kind](scene)


@dataclass(frozen=True)
class _Seen:
    """The rows of a table: features in original units by name, (n,) each, and the target or
    None."""

    values: dict[str, np.ndarray]
    target: np.ndarray | None


@dataclass(frozen=True)
class _Scene:
    """What is drawn: a model, its explanation, and rows if there are any."""

    model: Model
    record: dict
    seen: _Seen | None

    @property
    def target(self) -> str:
        return _label(self.model.encoding.target.name)

    @property
    def thing(self) -> str:
        """What one of several outputs is."""
        return "score" if self.model.encoding.target.classes else "target"

    @property
    def sum(self) -> str:
        """What everything is added up to."""
        if len(self.model.outputs) > 1:
            return (
                f"the {self.thing}s of {self.target}"
                if self.model.encoding.target.classes
                else self.target
            )
        return f"{'the ' if self.model.encoding.target.classes else ''}{self.output(self.model.outputs[0])}"

    def output(self, name: str) -> str:
        """What the curves of an output add to."""
        return (
            f"score of {self.target} = {_label(name)}"
            if self.model.encoding.target.classes
            else _label(name)
        )

    def range(self, name: str, margin: float = 0.05) -> tuple[float, float]:
        """Of a feature in the rows, or else in the rows that the model keeps, with a margin (a part
        of it) at both ends."""
        rows = (
            self.seen.values[name]
            if self.seen
            else np.array([sample["values"][name] for sample in self.record["samples"]])
        )
        low, high = (float(rows.min()), float(rows.max())) if len(rows) else (-1.0, 1.0)
        around = margin * (high - low) if high > low else 0.5 * abs(high) or 1.0
        return low - around, high + around

    def is_step(self, name: str) -> bool:
        """Whether a feature is 0 or 1."""
        return any(
            feature.name == name and feature.kind != "number"
            for feature in self.model.encoding.features
        )

    def has_numbers(self, count: int) -> bool:
        features = self.model.encoding.features
        return len(features) == count and all(feature.kind == "number" for feature in features)


def _seen(model: Model, table: Table | None) -> _Seen | None:
    if table is None:
        return None
    X = model.encoding.transform(table)
    values = {
        feature.name: X[:, j] * feature.scale + feature.center
        for j, feature in enumerate(model.encoding.features)
    }
    labelled = all(
        name in table.columns and not table.columns[name].missing.any()
        for name in model.encoding.target.names
    )
    return _Seen(values, model.encoding.target_values(table) if labelled else None)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _title(figure, words: str) -> None:
    """A title at the left, in two lines where one is too long for the figure."""
    letters = int(9 * figure.get_figwidth())
    figure.suptitle("\n".join(textwrap.wrap(words, letters)), x=0.008, ha="left")


def _label(text: object, longest: int = 32) -> str:
    """A name short enough to be read in a picture, with control characters made visible."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _count(many: int, thing: str) -> str:
    return f"{many:,} {thing}{'s' * (many != 1)}"


def _dots(axes, x, y, colours, **more):
    """Rows as small dots, with an edge in the colour of the paper so that neighbours stay apart."""
    few = len(x) <= MOST_MARKS
    style = {
        "s": 22 if few else 8,
        "edgecolors": PAPER,
        "linewidths": 0.5 if few else 0.1,
        "zorder": 3,
        "rasterized": not few,
    }
    return axes.scatter(x, y, c=colours, **(style | more))


# One column: the fit ------------------------------------------------------------------------------


def _fit(scene: _Scene):
    model = scene.model
    if not scene.has_numbers(1):
        raise UsageError(
            "--kind fit is for models of one column of numbers.", remedy="Try --kind curves."
        )
    (name,) = model.encoding.names
    figure = _figure(7.2, 4.3)
    axes = figure.subplots()
    low, high = scene.range(name)
    kinks = [
        knot["at"]
        for curve in scene.record["curves"]
        for knot in curve["knots"]
        if low <= knot["at"] <= high
    ]
    grid = np.unique(np.concatenate([np.linspace(low, high, 400), kinks]))
    lines = _shown_values(model, scores_at(model, {name: grid}))
    colours = dict(zip(lines, CLASS_COLOURS if len(lines) > 1 else [BLUE]))
    clouds = _fit_rows(scene, axes, name, colours)
    for output, values in lines.items():
        axes.plot(
            grid,
            values,
            color=colours[output],
            lw=2,
            zorder=4,
            label="fit" if len(lines) == 1 else _label(output),
        )
    _kinks(
        scene,
        figure,
        axes,
        name,
        np.vstack([clouds, *(np.column_stack([grid, values]) for values in lines.values())]),
    )
    axes.set_xlabel(_label(name))
    axes.set_ylabel(_shown_name(scene))
    axes.set_xlim(low, high)
    _title(figure, f"{_shown_name(scene)} by {_label(name)}")
    axes.set_title(
        f"{_count(len(model.layer(1)), 'hinge')}; the fit bends at the ringed rows", color=SOFT
    )
    axes.legend(loc="best")
    return figure


def _shown_values(model: Model, scores: np.ndarray) -> dict[str, np.ndarray]:
    """What is drawn up the side: numbers; probabilities of classes, or their scores where there are
    none."""
    probabilities = model.probabilities(scores)
    if probabilities is not None:
        names = [str(label) for label in model.encoding.target.classes]
        columns = dict(zip(names, probabilities.T))
        return columns if len(names) > 2 else {names[1]: columns[names[1]]}
    return dict(zip(model.outputs, scores.reshape(len(scores), len(model.outputs)).T))


def _shown_name(scene: _Scene) -> str:
    model = scene.model
    if model.problem["loss"] == "logistic":
        return f"probability of {scene.target}" + (
            f" = {_label(model.outputs[0])}" if len(model.outputs) == 1 else ""
        )
    return scene.output(model.outputs[0]) if len(model.outputs) == 1 else scene.target


def _fit_rows(scene: _Scene, axes, name: str, colours: dict) -> np.ndarray:
    """The rows as dots, numbers at their value, classes at 0 and 1; returns where they are, (k,
    2)."""
    seen, model = scene.seen, scene.model
    if seen is None or seen.target is None:
        return np.empty((0, 2))
    x, places = seen.values[name], []
    targets = seen.target.reshape(len(x), -1).T
    for target, colour in zip(targets, [SOFT] if len(colours) == 1 else colours.values()):
        y, style = target, {}
        if model.problem["loss"] == "logistic":
            y, style = (
                (target > 0).astype(float),
                {"marker": "|", "s": 60, "edgecolors": None, "linewidths": 1.1},
            )
        _dots(axes, x, y, colour, alpha=0.55, label="rows" if len(targets) == 1 else None, **style)
        places.append(np.column_stack([x, y]))
    return np.vstack(places)


def _kinks(scene: _Scene, figure, axes, name: str, clouds: np.ndarray) -> None:
    """A ring where the fit bends, named by the rows there."""
    model = scene.model
    places: dict[float, set] = {}
    for sample in scene.record["samples"]:
        places.setdefault(sample["values"][name], set()).add(str(sample["id"]))
    if not places:
        return
    at = np.array(sorted(places))
    points = []
    for values in _shown_values(model, scores_at(model, {name: at})).values():
        axes.scatter(
            at, values, s=42, facecolors=PAPER, edgecolors=INK, linewidths=1.2, zorder=5, label=None
        )
        points += list(zip(at, values))
    names = [", ".join(sorted(places[x], key=lambda row: (len(row), row))) for x in at]
    # Of several lines the first carries the names.
    _name_points(figure, axes, np.array(points[: len(names)]), names, clouds)


# Two columns: a map -------------------------------------------------------------------------------


def _map(scene: _Scene):
    model = scene.model
    if not scene.has_numbers(2):
        raise UsageError(
            "--kind map is for models of two columns of numbers.", remedy="Try --kind pairs."
        )
    if default_kind(model) != "map":
        raise UsageError("--kind map shows one target.", remedy="Try --kind curves.")
    first, second = model.encoding.names
    figure = _figure(7.2, 5.6)
    axes = figure.subplots()
    # Several classes are told apart cell by cell, which needs smaller ones than a contour.
    side = GRID if len(model.outputs) == 1 else 4 * GRID
    x, y = (np.linspace(*scene.range(name), side) for name in (first, second))
    across, up = np.meshgrid(x, y)
    scores = scores_at(model, {first: across.ravel(), second: up.ravel()})
    draw = _response if model.encoding.target.classes is None else _decision
    draw(scene, figure, axes, (x, y), scores)
    breaklines(axes, [hinges(model)[neuron.id] for neuron in model.layer(1)], (first, second))
    anchors = np.array(
        [[sample["values"][name] for name in (first, second)] for sample in scene.record["samples"]]
    ).reshape(-1, 2)
    axes.scatter(*anchors.T, s=58, facecolors="none", edgecolors=LIGHT, linewidths=2.6, zorder=4)
    axes.scatter(*anchors.T, s=58, facecolors="none", edgecolors=DARK, linewidths=1.2, zorder=5)
    axes.set(xlabel=_label(first), ylabel=_label(second), xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.grid(False)
    _title(figure, f"{scene.target} by {_label(first)} and {_label(second)}")
    shades = "shades: the predicted class; thin" if model.encoding.target.classes else "thin"
    axes.set_title(f"{shades} lines: where the network bends, through the ringed rows", color=SOFT)
    clouds = (
        np.column_stack([scene.seen.values[name] for name in (first, second)])
        if scene.seen
        else np.empty((0, 2))
    )
    _name_points(
        figure,
        axes,
        anchors,
        [str(sample["id"]) for sample in scene.record["samples"]],
        clouds,
        (DARK, LIGHT),
    )
    return figure


def _response(scene: _Scene, figure, axes, grid, scores: np.ndarray) -> None:
    """Numbers: the prediction as shades, the rows in the shade of their own value."""
    from matplotlib.colors import Normalize

    seen = scene.seen
    target = seen.target if seen is not None and seen.target is not None else scores
    norm = Normalize(min(target.min(), scores.min()), max(target.max(), scores.max()))
    if norm.vmin == norm.vmax:
        norm = Normalize(norm.vmin - 1, norm.vmax + 1)
    levels = (
        14
        if np.ptp(scores) > 1e-9 * np.abs(scores).max()
        else np.linspace(norm.vmin, norm.vmax, 14)
    )
    shades = axes.contourf(*grid, scores.reshape(GRID, GRID), levels=levels, cmap=SIZES, norm=norm)
    _close_seams(shades)
    if target is not scores:
        _dots(
            axes,
            *seen.values.values(),
            target,
            cmap=SIZES,
            norm=norm,
            edgecolors=DARK,
            linewidths=0.4,
        )
    figure.colorbar(shades, ax=axes, label=scene.target, aspect=30, pad=0.02).outline.set_visible(
        False
    )


def _decision(scene: _Scene, figure, axes, grid, scores: np.ndarray) -> None:
    """Classes: who is predicted where, the border, and the rows by their true class."""
    from matplotlib.colors import ListedColormap, to_rgb

    model, seen = scene.model, scene.seen
    classes = model.encoding.target.classes
    codes = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
    colours = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(len(classes))]
    pale = ListedColormap(
        [tuple(0.76 + 0.24 * part for part in to_rgb(colour)) for colour in colours]
    )
    if scores.ndim == 1:
        axes.contourf(
            *grid, scores.reshape(GRID, GRID), levels=[-np.inf, 0, np.inf], colors=pale.colors
        )
        if scores.min() < 0 < scores.max():
            axes.contour(*grid, scores.reshape(GRID, GRID), levels=[0], colors=DARK, linewidths=1.6)
    else:
        extent = (grid[0][0], grid[0][-1], grid[1][0], grid[1][-1])
        axes.imshow(
            codes.reshape(len(grid[1]), len(grid[0])),
            cmap=pale,
            vmin=-0.5,
            vmax=len(classes) - 0.5,
            origin="lower",
            extent=extent,
            aspect="auto",
        )
    for k, (label, colour) in enumerate(zip(classes, colours)):
        mark = {"marker": CLASS_MARKS[k % len(CLASS_MARKS)], "label": _label(label)}
        if seen is None or seen.target is None:
            axes.scatter([], [], c=colour, **mark)
            continue
        true = (
            (seen.target > 0).astype(int) if seen.target.ndim == 1 else seen.target.argmax(axis=1)
        )
        _dots(axes, *(values[true == k] for values in seen.values.values()), colour, **mark)
    figure.legend(loc="outside right upper", title=scene.target, alignment="left")


def breaklines(axes, found: Iterable, names: tuple[str, str]) -> None:
    """Where hinges of two columns begin to rise."""
    for hinge in found:
        across, up = (hinge.reads.get(name, 0.0) for name in names)
        if up:
            axes.axline(
                (0.0, -hinge.bias / up),
                slope=-across / up,
                color=DARK,
                lw=0.7,
                alpha=0.35,
                zorder=2,
            )
        elif across:
            axes.axvline(-hinge.bias / across, color=DARK, lw=0.7, alpha=0.35, zorder=2)


# Many columns -------------------------------------------------------------------------------------


def _curves(scene: _Scene):
    columns = _curve_columns(scene)
    if not columns:
        raise UsageError(
            "no wedge of this model reads one column alone.",
            remedy="Try --kind pairs or importance.",
        )
    figure, panels = _panels(min(len(columns), MOST_CURVES))
    _draw_curves(scene, panels, columns)
    left_out = f" ({MOST_CURVES} of {len(columns)})" if len(columns) > MOST_CURVES else ""
    _title(figure, f"What single columns add to {scene.sum}{left_out}")
    return figure


def _response_columns(scene: _Scene) -> dict[str, list[dict]]:
    """Of a network whose terms cannot be drawn one by one: how the output changes when one column
    does, as ``_curve_columns``."""
    numbers = [
        feature.name for feature in scene.model.encoding.features if feature.kind == "number"
    ]
    found: dict[str, list[dict]] = {
        column["name"]: [] for column in scene.record["columns"] if column["importance"]
    }
    grids = {name: np.linspace(*scene.range(name, margin=0.0), GRID) for name in numbers}
    for record in (
        responses(scene.model, typical_row(scene.model), grids)
        if found and scene.model.anchors
        else ()
    ):
        if record["column"] in found:
            found[record["column"]].append(record)
    return {column: records for column, records in found.items() if records}


def _changes(scene: _Scene):
    columns = _response_columns(scene)
    if not columns:
        raise UsageError(
            "nothing changes the prediction of this model.", remedy="Try --kind importance."
        )
    figure, panels = _panels(min(len(columns), MOST_CURVES))
    _draw_curves(scene, panels, columns)
    _title(
        figure,
        f"How {scene.sum} changes with one column, the others as in row {_label(typical_row(scene.model), 16)}",
    )
    return figure


def _panels(count: int, height: float = 2.3):
    columns = min(3, count)
    rows = math.ceil(count / columns)
    figure = _figure(max(2.7 * columns, 4.2), height * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in panels[count:]:
        spare.set_visible(False)
    return figure, panels[:count]


def _curve_columns(scene: _Scene) -> dict[str, list[dict]]:
    """The curves by column, one per output, the most important column first."""
    found: dict[str, list[dict]] = {}
    for curve in sorted(scene.record["curves"], key=lambda curve: -curve["importance"]):
        found.setdefault(curve["column"], []).append(curve)
    return found


def _draw_curves(scene: _Scene, panels, columns: dict[str, list[dict]]) -> None:
    """All with the same scale up the side, so that a flat curve is a small effect."""
    outputs = scene.model.outputs
    colours = (
        dict(zip(outputs, CLASS_COLOURS * len(outputs))) if len(outputs) > 1 else {outputs[0]: BLUE}
    )
    low, high = math.inf, -math.inf
    for axes, (column, curves) in zip(panels, columns.items()):
        for curve in curves:
            draw = _level_dots if curve["kind"] == "category" else _curve_line
            values = draw(scene, axes, curve, colours[curve["output"]])
            low, high = min(low, *values), max(high, *values)
        axes.set_title(_label(column, 28), fontweight="bold")
        axes.axhline(0, color=SOFT, lw=0.8, zorder=1)
    margin = 0.08 * (high - low) or 1.0
    for k, axes in enumerate(panels):
        axes.set_ylim(low - margin, high + margin)
        axes.tick_params(labelleft=k == 0 or axes.get_subplotspec().colspan.start == 0)
    start = next(iter(columns.values()))[0].get("row")
    target = scene.output(outputs[0]) if len(outputs) == 1 else f"the {scene.thing}"
    panels[0].set_ylabel(
        f"adds to {target}" if start is None else f"change from row {_label(start, 16)}"
    )
    if len(outputs) > 1:
        handles = [
            panels[0].plot([], [], color=colours[output], lw=2, label=_label(output))[0]
            for output in outputs[: len(CLASS_COLOURS)]
        ]
        panels[0].figure.legend(handles=handles, loc="outside right upper")


def _curve_line(scene: _Scene, axes, curve: dict, colour: str) -> list[float]:
    name = curve["column"]
    if name not in scene.model.encoding.names:  # Only whether there is a value matters.
        levels = {"there": curve["knots"][0]["value"], "missing": curve["missing"]}
        return _level_dots(scene, axes, {"levels": levels}, colour)
    # Only as far as there are rows: what a line does beyond them would stretch the scale.
    low, high = scene.range(name, margin=0.0)
    if "at" in curve:
        axes.plot(curve["at"], curve["values"], color=colour, lw=1.8)
        return _with_rug(scene, axes, name, curve["values"])
    inside = [knot for knot in curve["knots"] if low <= knot["at"] <= high]
    grid = np.array([low, *(knot["at"] for knot in inside), high])
    values = curve_values(curve, grid)
    axes.plot(grid, values, color=colour, lw=1.8)
    axes.scatter(
        grid[1:-1],
        values[1:-1],
        s=16,
        facecolors=PAPER,
        edgecolors=colour,
        linewidths=1.1,
        zorder=4,
    )
    return _with_rug(scene, axes, name, values.tolist())


def _with_rug(scene: _Scene, axes, name: str, values: list[float]) -> list[float]:
    if scene.seen is not None:
        _rug(axes, scene.seen.values[name])
    axes.set_xlim(*scene.range(name, margin=0.03))
    return values


def _rug(axes, values: np.ndarray) -> None:
    """Where the rows are, as small ticks along the bottom."""
    places = np.unique(values)
    places = places[:: math.ceil(len(places) / 400)]
    axes.plot(
        places,
        np.full(len(places), 0.015),
        "|",
        color=SOFT,
        ms=4,
        mew=0.5,
        alpha=0.6,
        transform=axes.get_xaxis_transform(),
        zorder=1,
    )


def _level_dots(scene: _Scene, axes, curve: dict, colour: str) -> list[float]:
    levels = dict(sorted(curve["levels"].items(), key=lambda item: -item[1])[:8])
    values = list(levels.values())
    axes.vlines(range(len(levels)), 0, values, color=colour, lw=1.8)
    axes.scatter(range(len(levels)), values, s=28, color=colour, zorder=4)
    crowded = sum(map(len, levels)) > 24
    axes.set_xticks(
        range(len(levels)),
        [_label(level, 14) for level in levels],
        rotation=35 if crowded else 0,
        ha="right" if crowded else "center",
    )
    axes.set_xlim(-0.6, len(levels) - 0.4)
    axes.grid(False, axis="x")
    return [0.0, *values]


def _pairs(scene: _Scene):
    pairs = scene.record["pairs"][:MOST_PAIRS]
    if not pairs:
        raise UsageError(
            "no wedge of this model reads two columns.", remedy="Try --kind curves or importance."
        )
    figure, panels = _panels(len(pairs), 2.5)
    _draw_pairs(scene, figure, panels, pairs)
    left_out = len(scene.record["pairs"]) - len(pairs)
    more = f" ({len(pairs)} of {len(pairs) + left_out})" if left_out else ""
    _title(figure, f"What pairs of columns add beyond single ones{more}")
    return figure


def _draw_pairs(scene: _Scene, figure, panels, pairs: list[dict]) -> None:
    """One scale of colours for all, white where nothing is added, full where the rows end."""
    model, units = scene.model, hinges(scene.model)
    grids = [[_pair_grid(scene, name) for name in pair["columns"]] for pair in pairs]
    maps = [_pair_map(model, pair, *grid) for pair, grid in zip(pairs, grids)]
    most = max(_most(scene, pair, values) for pair, values in zip(pairs, maps)) or 1.0
    for axes, pair, grid, values in zip(panels, pairs, grids, maps):
        shades = axes.contourf(
            *grid, values, levels=np.linspace(-most, most, 22), cmap=SIGNED, extend="both"
        )
        _close_seams(shades)
        steps = [scene.is_step(name) for name in pair["columns"]]
        if not any(steps):
            breaklines(axes, [units[k] for k in pair["neurons"]], tuple(pair["columns"]))
        if scene.seen is not None:
            x, y = (scene.seen.values[name] for name in pair["columns"])
            # Two irrational steps: rows pulled apart both ways fill a square and not a line.
            x, y = _spread(x, 0.618034) if steps[0] else x, _spread(y, 0.754878) if steps[1] else y
            _dots(axes, x, y, DARK, s=4, alpha=0.25, linewidths=0, rasterized=len(x) > 300)
        for name, step, (low, high), axis in zip(
            pair["columns"], steps, [(part[0], part[-1]) for part in grid], (axes.xaxis, axes.yaxis)
        ):
            axis.set_view_interval(low, high, ignore=True)
            axis.set_label_text(_label(name, 24))
            if step:
                axis.set_ticks([0, 1], ["no", "yes"])
        axes.grid(False)
        if len(model.outputs) > 1:
            axes.set_title(scene.output(pair["output"]), color=SOFT)
    name = scene.output(model.outputs[0]) if len(model.outputs) == 1 else f"the {scene.thing}"
    bar = figure.colorbar(
        shades,
        ax=list(panels),
        label=f"adds to {name}",
        aspect=30,
        pad=0.01,
        ticks=[-most, 0, most],
    )
    bar.ax.set_yticklabels([_short(-most), "0", "+" + _short(most)])
    bar.outline.set_visible(False)


def _close_seams(shades) -> None:
    """Viewers let the ground shine through between two shades unless these overlap a little."""
    shades.set_edgecolor("face")
    shades.set_linewidth(0.4)


def _pair_grid(scene: _Scene, name: str) -> np.ndarray:
    return (
        np.linspace(-0.5, 1.5, GRID)
        if scene.is_step(name)
        else np.linspace(*scene.range(name), GRID)
    )


def _pair_map(model: Model, pair: dict, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What the pair adds on a grid, (y, x); between the no and the yes of a level there is nothing
    but one or the other."""
    steps = {feature.name for feature in model.encoding.features if feature.kind != "number"}
    x, y = (
        np.round(part).clip(0, 1) if name in steps else part
        for name, part in zip(pair["columns"], (x, y))
    )
    across, up = np.meshgrid(x, y)
    return pair_values(model, pair, across.ravel(), up.ravel()).reshape(GRID, GRID)


def _most(scene: _Scene, pair: dict, values: np.ndarray) -> float:
    """The largest size that the colours must tell apart: on the rows, since corners without rows
    would bleach the rest."""
    if scene.seen is not None:
        values = pair_values(
            scene.model, pair, *(scene.seen.values[name] for name in pair["columns"])
        )
    return float(np.abs(values).max())


def _spread(values: np.ndarray, step: float) -> np.ndarray:
    """Zeros and ones pulled apart, the same way every time, so that they do not hide each other."""
    return values + 0.5 * ((np.arange(len(values)) * step) % 1.0 - 0.5)


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _importance(scene: _Scene):
    columns = scene.record["columns"][:MOST_BARS]
    figure = _figure(5.2, 0.9 + 0.3 * len(columns))
    axes = figure.subplots()
    _bars(scene, axes, columns)
    _title(figure, f"Which columns {scene.target} depends on")
    return figure


def _bars(scene: _Scene, axes, columns: list[dict], slots: int = 1) -> None:
    """``slots``: room for so many bars at least, so that a few stay slim."""
    sizes = [column["importance"] for column in columns]
    bars = axes.barh(range(len(columns)), sizes, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{100 * size:.1f}%" for size in sizes], padding=3, fontsize=8)
    axes.set_yticks(range(len(columns)), [_label(column["name"], 24) for column in columns])
    axes.set_ylim(max(len(columns), slots) - 0.5, -0.6)
    axes.set_xlim(0, 1.18 * max(sizes) or 1.0)
    axes.set_xticks([])
    axes.grid(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.set_title("share of the prediction's variation", color=SOFT)


def _overview(scene: _Scene):
    """Importance, the leading curves, the strongest pairs: six panels at most."""
    columns, pairs = list(_curve_columns(scene).items()), scene.record["pairs"]
    curves = dict(columns[: 2 if len(pairs) >= 3 else 5])
    pairs = pairs[: 3 if curves else 5]
    if not curves and not pairs:
        curves = dict(list(_response_columns(scene).items())[:5])
        if not curves:
            return _importance(scene)
    if not curves:
        figure, panels = _panels(1 + len(pairs), 2.6)
        _bars(scene, panels[0], scene.record["columns"][:8], slots=6)
        _draw_pairs(scene, figure, panels[1:], pairs)
    else:
        count = 1 + len(curves)
        heights = [math.ceil(count / 3)] + [1] * bool(pairs)
        figure = _figure(8.4, 2.6 * sum(heights) + 0.5)
        parts = figure.subfigures(2, 1, height_ratios=heights) if pairs else [figure]
        upper = parts[0].subplots(heights[0], min(3, count), squeeze=False).ravel()
        for spare in upper[count:]:
            spare.set_visible(False)
        _bars(scene, upper[0], scene.record["columns"][:8], slots=6)
        _draw_curves(scene, upper[1:count], curves)
        if pairs:
            lower = parts[1].subplots(1, len(pairs), squeeze=False).ravel()
            _draw_pairs(scene, parts[1], lower, pairs)
            if len(scene.model.outputs) == 1:
                lower[0].set_title("pairs of columns, beyond single ones", color=SOFT)
    _title(figure, f"How {scene.target} is predicted")
    return figure


# Training: path and convergence -------------------------------------------------------------------


def _path(scene: _Scene, traced: dict):
    """Coefficients, sizes and scores against alpha, from strong regularisation to weak, with the
    alpha that was chosen."""
    scores = traced["scores"]
    figure = _figure(7.2, 6.4 if scores else 4.8)
    panels = figure.subplots(
        3 if scores else 2, 1, sharex=True, height_ratios=[2, 1, 1.3][: 3 if scores else 2]
    )
    alphas = traced["alphas"]
    for neuron in traced["neurons"]:
        values = np.array(neuron["coefficients"])
        colour = BLUE if values[np.abs(values).argmax()] > 0 else ORANGE
        # Without the stretches at zero, where hundreds of lines would lie on each other.
        beside = np.convolve(values != 0, [1, 1, 1], mode="same") > 0
        panels[0].plot(alphas, np.where(beside, values, np.nan), color=colour, lw=1, alpha=0.75)
    panels[0].axhline(0, color=SOFT, lw=0.8)
    panels[0].set_ylabel("coefficient of each wedge")
    panels[1].step(alphas, traced["sizes"], color=INK, lw=1.5, where="mid")
    panels[1].set_ylabel("neurons")
    panels[1].set_ylim(bottom=0)
    if scores:
        at, mean, se = (
            np.array([point[part] for point in scores]) for part in ("alpha", "mean", "se")
        )
        panels[2].fill_between(
            at, mean - se, mean + se, color=GREEN, alpha=0.2, lw=0, label="± one standard error"
        )
        panels[2].plot(at, mean, "o-", color=GREEN, ms=3.5, lw=1.5, label="mean over folds")
        panels[2].set_ylabel(f"{traced['score_name'].replace('r2', 'R²')}\n(cross-validated)")
        panels[2].legend(loc="lower center", ncols=2)
    for axes in panels:
        axes.axvline(traced["chosen"], color=INK, lw=1, ls=(0, (4, 3)))
    panels[0].annotate(
        "chosen",
        (traced["chosen"], 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        fontsize=8,
    )
    _log(panels[-1].xaxis)
    panels[-1].set_xscale("log")
    _log(panels[-1].xaxis)
    panels[-1].invert_xaxis()
    panels[-1].set_xlabel("alpha (strong regularisation on the left)")
    panels[0].set_title("blue: raises the output; orange: lowers it", color=SOFT)
    _title(figure, f"From the constant to the full model of {scene.target}")
    return figure


def _log(axis) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axis.set_minor_formatter(NullFormatter())


def _gap(scene: _Scene, traced: dict):
    """How the objective and its lower bound close in on each other, round by round."""
    figure = _figure(7.2, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for k, network in enumerate(traced["networks"]):
        colour = CLASS_COLOURS[k % len(CLASS_COLOURS)]
        rounds = [point["round"] for point in network["rounds"]]
        several = len(traced["networks"]) > 1
        name = _label(network["output"]) if several else "objective"
        upper.plot(
            rounds,
            [point["objective"] for point in network["rounds"]],
            color=colour,
            lw=1.8,
            label=name,
        )
        bounds = [point["lower_bound"] for point in network["rounds"]]
        upper.plot(
            rounds,
            bounds,
            color=colour,
            lw=1.2,
            ls=(0, (4, 2)),
            label=None if several else "lower bound",
        )
        gaps = [max(point["relative_gap"], 1e-16) for point in network["rounds"]]
        lower.plot(rounds, gaps, color=colour, lw=1.2)
        for exact in (False, True):
            some = [
                (a, b)
                for a, b, point in zip(rounds, gaps, network["rounds"])
                if (point["scope"] == "exact") is exact
            ]
            if some:
                meaning = "every wedge priced" if exact else "some wedges priced: no proof yet"
                face = {"facecolors": colour if exact else PAPER, "edgecolors": colour}
                lower.scatter(
                    *zip(*some), s=24, zorder=4, label=meaning if k == 0 else None, **face
                )
    upper.legend(loc="best")
    upper.set_ylabel("objective")
    lower.axhline(traced["tol"], color=INK, lw=1, ls=(0, (4, 3)))
    lower.annotate(
        "tolerance",
        (1, traced["tol"]),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    lower.set_yscale("log")
    _log(lower.yaxis)
    lower.set(xlabel="round", ylabel="relative gap")
    lower.xaxis.get_major_locator().set_params(integer=True)
    lower.legend(loc="best")
    _title(figure, f"How the fit of {scene.target} came to its optimum")
    return figure


# Naming points ------------------------------------------------------------------------------------


def _name_points(
    figure, axes, points: np.ndarray, names: Sequence[str], clouds: np.ndarray, colours=(INK, PAPER)
) -> None:
    """Write names beside points, where they cover no other name and no ring and as few rows as
    possible.

    Where there is no room a point stays without its name.
    """
    figure.draw_without_rendering()
    place = axes.transData.transform
    scale = figure.dpi / 72
    rings, rows = place(points.reshape(-1, 2)), place(clouds.reshape(-1, 2))
    window, taken = axes.get_window_extent(), []
    # Not an outline around the letters: matplotlib would draw them as shapes, and nobody could
    # search for a row.
    ground = {
        "boxstyle": "round,pad=0.1",
        "facecolor": colours[1],
        "edgecolor": "none",
        "alpha": 0.8,
    }
    for (x, y), at, name in list(zip(rings, points, names))[:MOST_LABELS]:
        text = axes.annotate(
            _label(name, 16),
            at,
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=7.5,
            zorder=6,
            color=colours[0],
            bbox=ground,
        )
        text.set_in_layout(False)
        width, height = text.get_window_extent().width, 8.5 * scale
        best = None
        for side, rise in ((1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)):
            reach = 7 * scale
            left = x + side * reach + (side - 1) * width / 2
            bottom = y + rise * reach + (rise - 1) * height / 2
            box = (left, bottom, left + width, bottom + height)
            if not (
                window.x0 <= box[0]
                and box[2] <= window.x1
                and window.y0 <= box[1]
                and box[3] <= window.y1
            ):
                continue
            if any(
                box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                for other in taken
            ):
                continue
            if _inside(rings, box, 3 * scale):
                continue
            cost = _inside(rows, box, scale)
            if best is None or cost < best[0]:
                best = cost, box
        if best is None:
            text.remove()
            continue
        box = best[1]
        taken.append(box)
        text.set_position(((box[0] - x) / scale, (box[1] - y + 1.5 * scale) / scale))


def _inside(points: np.ndarray, box: tuple, margin: float) -> int:
    x, y = points.T
    return int(
        np.sum(
            (x > box[0] - margin)
            & (x < box[2] + margin)
            & (y > box[1] - margin)
            & (y < box[3] + margin)
        )
    )
