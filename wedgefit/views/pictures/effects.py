"""What single columns do: an effect each, or what is nearest to one."""

from __future__ import annotations

import math

import numpy as np

from wedgefit.errors import UsageError
from wedgefit.views.curves import curve_values
from wedgefit.views.pictures.scene import Scene
from wedgefit.views.pictures.style import (
    BAND,
    BLUE,
    CLASS_COLOURS,
    FAINT,
    GRID,
    MOST_CURVES,
    MOST_LEVELS,
    SOFT,
    band_key,
    label,
    panels_of,
    plain_ticks,
    short,
    title,
)
from wedgefit.views.units import responses, typical_row
from wedgefit.views.words import percent, signed

BARS = 24  # Of the density of rows below a curve.
# Probabilities to put on a scale, those first that are to have their place.
ROUND = (0.5, 0.1, 0.9, 0.01, 0.99, 0.25, 0.75, 0.05, 0.95)


def effects(scene: Scene):
    """A panel per column, the most important first, all on one scale."""
    columns = effect_columns(scene)
    if not columns:
        raise UsageError(
            "no column of this model has an effect of its own.",
            remedy="Try --kind pairs or importance.",
        )
    figure, panels = panels_of(min(len(columns), MOST_CURVES), across=scene.across)
    draw_effects(scene, panels, columns)
    draw_legend(scene, figure)
    left_out = f" ({MOST_CURVES} of {len(columns)} columns)" if len(columns) > MOST_CURVES else ""
    title(figure, f"{_whole(scene, columns)}{left_out}")
    return figure


def _whole(scene: Scene, columns: dict[str, list[dict]]) -> str:
    if (start := next(iter(columns.values()))[0].get("row")) is not None:
        row = f"the others as in row {label(start, 16)}"
        return f"How {scene.sum} changes with one column, {row}"
    baseline = scene.record["baseline"]
    beside = f", beside the average of {short(baseline)}" if isinstance(baseline, float) else ""
    return f"What each column adds to {scene.sum}{beside}"


def effect_columns(scene: Scene) -> dict[str, list[dict]]:
    """The effects by column, one per output, the most important column first.

    Where a model is no sum of effects: of one hidden layer the curves of its wedges of one column,
    of more how the output changes from a typical row when one column does.
    """
    if scene.record["no_effects"] is None:
        found = (
            effect | {"column": effect["columns"][0]}
            for effect in scene.record["effects"]
            if len(effect["columns"]) == 1
        )
        return _by_column(found)
    curves = sorted(scene.record["curves"], key=lambda curve: -curve["importance"])
    return _by_column(_points(scene, curve) for curve in curves) or _changes(scene)


def _by_column(records) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for record in records:
        found.setdefault(record["column"], []).append(record)
    return found


def _points(scene: Scene, curve: dict) -> dict:
    """A curve of wedges as a record of points, over the range of the rows."""
    if curve["kind"] == "category":
        return curve
    name = curve["column"]
    if name not in scene.model.encoding.names:  # Only whether there is a value matters.
        return curve | {
            "levels": {"there": curve["knots"][0]["value"], "missing": curve["missing"]}
        }
    low, high = scene.range(name, margin=0.0)
    inside = (knot["at"] for knot in curve["knots"] if low <= knot["at"] <= high)
    at = np.unique([low, *inside, high])
    return curve | {"curve": list(zip(at.tolist(), curve_values(curve, at).tolist()))}


def _changes(scene: Scene) -> dict[str, list[dict]]:
    """How the output changes when one column does, by column, the most important first."""
    if not scene.model.anchors:
        return {}
    features = scene.model.encoding.features
    numbers = [feature.name for feature in features if feature.kind == "number"]
    grids = {name: np.linspace(*scene.range(name, margin=0.0), GRID) for name in numbers}
    records = [
        record if "levels" in record else record | {"curve": [*zip(record["at"], record["values"])]}
        for record in responses(scene.model, typical_row(scene.model), grids)
    ]
    found = _by_column(records)
    ranked = (part["name"] for part in scene.record["columns"] if part["importance"])
    return {name: found[name] for name in ranked if name in found}


# Drawing ------------------------------------------------------------------------------------------


def draw_effects(scene: Scene, panels, columns: dict[str, list[dict]]) -> None:
    """All with the same scale up the side, so that a flat curve is a small effect."""
    outputs = scene.model.outputs
    colours = _colours(scene)
    found = [0.0]
    for axes, (column, records) in zip(panels, columns.items()):
        # One order of outputs in all panels, however strong they are in each.
        records = sorted(records, key=lambda record: outputs.index(record["output"]))
        found += _draw_column(scene, axes, column, records, colours)
        shapes = " and ".join(scene.model.problem.shapes.get(column, ()))
        name = label(column, 28)
        axes.set_title(f"{name}, {shapes}" if shapes else name, fontweight="bold")
        axes.axhline(0, color=SOFT, lw=0.8, zorder=1)
    margin = 0.08 * (max(found) - min(found)) or 1.0
    for k, axes in enumerate(panels):
        # Below the curves there is room for the density of the rows.
        axes.set_ylim(min(found) - 2.5 * margin, max(found) + margin)
        plain_ticks(axes.yaxis)
        axes.tick_params(labelleft=k == 0 or axes.get_subplotspec().colspan.start == 0)
    start = next(iter(columns.values()))[0].get("row")
    target = scene.output(outputs[0]) if len(outputs) == 1 else f"the {scene.thing}"
    change = f"change from row {label(start, 16)}"
    panels[0].set_ylabel(f"adds to {target}" if start is None else change)
    if scene.has_odds:
        _probabilities(scene, panels)


def _colours(scene: Scene) -> dict[str, str]:
    """A colour for every output."""
    outputs = scene.model.outputs
    return dict(zip(outputs, CLASS_COLOURS * len(outputs) if len(outputs) > 1 else [BLUE]))


def draw_legend(scene: Scene, figure, folds: bool = True) -> None:
    """What the colours are, and (``folds``) the bands; below, where it takes no width from panels
    and title."""
    from matplotlib.lines import Line2D

    colours = _colours(scene)
    shown = list(colours)[: len(CLASS_COLOURS)] if len(colours) > 1 else []
    handles = [Line2D([], [], color=colours[name], lw=2, label=label(name)) for name in shown]
    if folds and scene.model.over_folds and scene.record["no_effects"] is None:
        handles.append(band_key(SOFT if shown else BLUE))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _probabilities(scene: Scene, panels) -> None:
    """At the right end of every row of panels the probability that goes with an effect where all
    others are zero."""
    baseline = scene.record["baseline"]
    low, high = panels[0].get_ylim()
    odds = {part: math.log(part / (1 - part)) - baseline for part in ROUND}
    kept: dict[float, float] = {}
    for part, place in odds.items():
        apart = all(abs(place - other) > (high - low) / 9 for other in kept.values())
        if low < place < high and apart:
            kept[part] = place
    named = False
    for axes in panels:
        place = axes.get_subplotspec()
        if place.colspan.stop == place.get_gridspec().ncols:
            side = axes.secondary_yaxis("right")
            side.set_yticks(list(kept.values()), [percent(part, 0) for part in kept])
            side.set_ylabel("" if named else "probability, others average")
            named = True


def _draw_column(
    scene: Scene, axes, column: str, records: list[dict], colours: dict[str, str]
) -> list[float]:
    """The effects of one column, one per output; returns the values that they reach."""
    if "levels" in records[0]:
        levels = {record["output"]: record["levels"] for record in records}
        off = {
            record["output"]: (record.get("over_folds") or {}).get("levels") for record in records
        }
        return draw_levels(axes, levels, colours, off)
    values = []
    for record in records:
        at, heights = zip(*record["curve"])
        axes.plot(at, heights, color=colours[record["output"]], lw=1.8)
        values += [*heights, *_draw_band(axes, record, colours[record["output"]])]
    gaps = [(record["output"], record.get("missing")) for record in records]
    if len(gaps) == 1 and gaps[0][1] is not None and scene.record["no_effects"] is None:
        words = f"missing: {signed(gaps[0][1], 3)}".replace("-", "−")
        place = {"xycoords": "axes fraction"}
        axes.annotate(words, (0.98, 0.96), ha="right", va="top", fontsize=8, color=SOFT, **place)
    low, high = records[0]["curve"][0][0], records[0]["curve"][-1][0]
    draw_density(scene, axes, column, low, high)
    axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    plain_ticks(axes.xaxis, whole=scene.is_whole(column))
    return values


def _draw_band(axes, record: dict, colour: str) -> list[float]:
    """How far the networks of the folds are from a curve, around it; returns where the band ends,
    nothing where no folds were run."""
    if not record.get("over_folds"):
        return []
    at, heights = np.array(record["curve"]).T
    places, off = np.array(record["over_folds"]["curve"]).T
    # The curve bends between the places, and the band's ends bend where they stand.
    every = np.union1d(at, places)
    middle, away = np.interp(every, at, heights), np.interp(every, places, off)
    axes.fill_between(every, middle - away, middle + away, color=colour, alpha=BAND, lw=0, zorder=1)
    return [*(middle - away).tolist(), *(middle + away).tolist()]


def draw_density(scene: Scene, axes, column: str, low: float, high: float) -> None:
    """How many rows lie where, as faint bars along the bottom."""
    values, parts = scene.density(column)
    if not len(values) or low >= high:
        return
    heights, edges = np.histogram(values, BARS, range=(low, high), weights=parts)
    if heights.max() > 0:
        axes.bar(
            edges[:-1],
            0.16 * heights / heights.max(),
            np.diff(edges),
            align="edge",
            color=FAINT,
            transform=axes.get_xaxis_transform(),
            zorder=0,
        )


def draw_levels(
    axes,
    levels: dict[str, dict[str, float]],
    colours: dict[str, str],
    off: dict[str, dict[str, float] | None] | None = None,
) -> list[float]:
    """The values of levels, by output; returns those that are drawn. ``off``: by how much the
    networks of the folds differ from them.

    One order of levels for all outputs, as they share the names below: the level of the largest
    value first. Of more than MOST_LEVELS those that do most.
    """
    names = list(dict.fromkeys(name for values in levels.values() for name in values))
    sizes = {name: [values.get(name, 0.0) for values in levels.values()] for name in names}
    kept = sorted(names, key=lambda name: -max(map(abs, sizes[name])))[:MOST_LEVELS]
    kept.sort(key=lambda name: -sizes[name][0])
    beside = 0.5 / len(levels)  # Between the dots of neighbouring outputs.
    ends = []
    for k, (output, values) in enumerate(levels.items()):
        at = np.arange(len(kept)) + beside * (k - (len(levels) - 1) / 2)
        heights = [values.get(name, 0.0) for name in kept]
        axes.vlines(at, 0, heights, color=colours[output], lw=1.8)
        axes.scatter(at, heights, s=28, color=colours[output], zorder=4)
        if away := (off or {}).get(output):
            low, high = zip(*((h - away[name], h + away[name]) for h, name in zip(heights, kept)))
            wide = 16 if len(levels) == 1 else 9
            axes.vlines(at, low, high, color=colours[output], lw=wide, alpha=BAND, zorder=3)
            ends += [*low, *high]
    crowded = sum(map(len, kept)) > 24
    turned = {"rotation": 35, "ha": "right"} if crowded else {"rotation": 0, "ha": "center"}
    axes.set_xticks(range(len(kept)), [label(name, 14) for name in kept], **turned)
    axes.set_xlim(-0.6, len(kept) - 0.4)
    axes.grid(False, axis="x")
    if len(kept) < len(names):
        axes.set_xlabel(f"{len(kept)} of {len(names)} levels", color=SOFT)
    return [0.0, *ends, *(value for name in kept for value in sizes[name])]
