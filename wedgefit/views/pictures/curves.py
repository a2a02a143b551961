"""What single columns do."""

from __future__ import annotations

import math

import numpy as np

from wedgefit.errors import UsageError
from wedgefit.views.explain import curve_values
from wedgefit.views.pictures.scene import Scene
from wedgefit.views.pictures.style import (
    BLUE,
    CLASS_COLOURS,
    GRID,
    MOST_CURVES,
    MOST_LEVELS,
    PAPER,
    SOFT,
    label,
    panels_of,
    title,
)
from wedgefit.views.units import responses, typical_row


def curves(scene: Scene):
    columns = curve_columns(scene)
    if not columns:
        raise UsageError(
            "no wedge of this model reads one column alone.",
            remedy="Try --kind pairs or importance.",
        )
    figure, panels = panels_of(min(len(columns), MOST_CURVES))
    draw_curves(scene, panels, columns)
    left_out = f" ({MOST_CURVES} of {len(columns)})" if len(columns) > MOST_CURVES else ""
    title(figure, f"What single columns add to {scene.sum}{left_out}")
    return figure


def response_columns(scene: Scene) -> dict[str, list[dict]]:
    """Of a network whose terms cannot be drawn one by one: how the output changes when one column
    does, as ``curve_columns``."""
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


def changes(scene: Scene):
    columns = response_columns(scene)
    if not columns:
        raise UsageError(
            "nothing changes the prediction of this model.", remedy="Try --kind importance."
        )
    figure, panels = panels_of(min(len(columns), MOST_CURVES))
    draw_curves(scene, panels, columns)
    title(
        figure,
        f"How {scene.sum} changes with one column, the others as in row {label(typical_row(scene.model), 16)}",
    )
    return figure


def curve_columns(scene: Scene) -> dict[str, list[dict]]:
    """The curves by column, one per output, the most important column first."""
    found: dict[str, list[dict]] = {}
    for curve in sorted(scene.record["curves"], key=lambda curve: -curve["importance"]):
        found.setdefault(curve["column"], []).append(curve)
    return found


def draw_curves(scene: Scene, panels, columns: dict[str, list[dict]]) -> None:
    """All with the same scale up the side, so that a flat curve is a small effect."""
    outputs = scene.model.outputs
    colours = dict(zip(outputs, CLASS_COLOURS * len(outputs) if len(outputs) > 1 else [BLUE]))
    found = [0.0]
    for axes, (column, curves) in zip(panels, columns.items()):
        found += _draw_column(scene, axes, column, curves, colours)
        axes.set_title(label(column, 28), fontweight="bold")
        axes.axhline(0, color=SOFT, lw=0.8, zorder=1)
    margin = 0.08 * (max(found) - min(found)) or 1.0
    for k, axes in enumerate(panels):
        axes.set_ylim(min(found) - margin, max(found) + margin)
        axes.tick_params(labelleft=k == 0 or axes.get_subplotspec().colspan.start == 0)
    start = next(iter(columns.values()))[0].get("row")
    target = scene.output(outputs[0]) if len(outputs) == 1 else f"the {scene.thing}"
    change = f"change from row {label(start, 16)}"
    panels[0].set_ylabel(f"adds to {target}" if start is None else change)
    if len(outputs) > 1:
        handles = [
            panels[0].plot([], [], color=colours[output], lw=2, label=label(output))[0]
            for output in outputs[: len(CLASS_COLOURS)]
        ]
        panels[0].figure.legend(handles=handles, loc="outside right upper")


def _draw_column(
    scene: Scene, axes, column: str, curves: list[dict], colours: dict[str, str]
) -> list[float]:
    """The curves of one column, one per output; returns the values that they reach."""
    if curves[0]["kind"] == "category":
        levels = {curve["output"]: curve["levels"] for curve in curves}
    elif column not in scene.model.encoding.names:  # Only whether there is a value matters.
        levels = {
            curve["output"]: {"there": curve["knots"][0]["value"], "missing": curve["missing"]}
            for curve in curves
        }
    else:
        values = []
        for curve in curves:
            values += _curve_line(scene, axes, curve, colours[curve["output"]])
        return values
    return draw_levels(axes, levels, colours)


def _curve_line(scene: Scene, axes, curve: dict, colour: str) -> list[float]:
    name = curve["column"]
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


def _with_rug(scene: Scene, axes, name: str, values: list[float]) -> list[float]:
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


def draw_levels(axes, levels: dict[str, dict[str, float]], colours: dict[str, str]) -> list[float]:
    """The values of levels, by output; returns those that are drawn.

    One order of levels for all outputs, as they share the names below: the level of the largest
    value first. Of more than MOST_LEVELS those that do most.
    """
    names = list(dict.fromkeys(name for values in levels.values() for name in values))
    sizes = {name: [values.get(name, 0.0) for values in levels.values()] for name in names}
    kept = sorted(names, key=lambda name: -max(map(abs, sizes[name])))[:MOST_LEVELS]
    kept.sort(key=lambda name: -sizes[name][0])
    beside = 0.5 / len(levels)  # Between the dots of neighbouring outputs.
    for k, (output, values) in enumerate(levels.items()):
        at = np.arange(len(kept)) + beside * (k - (len(levels) - 1) / 2)
        heights = [values.get(name, 0.0) for name in kept]
        axes.vlines(at, 0, heights, color=colours[output], lw=1.8)
        axes.scatter(at, heights, s=28, color=colours[output], zorder=4)
    crowded = sum(map(len, kept)) > 24
    turned = {"rotation": 35, "ha": "right"} if crowded else {"rotation": 0, "ha": "center"}
    axes.set_xticks(range(len(kept)), [label(name, 14) for name in kept], **turned)
    axes.set_xlim(-0.6, len(kept) - 0.4)
    axes.grid(False, axis="x")
    if len(kept) < len(names):
        axes.set_xlabel(f"{len(kept)} of {len(names)} levels", color=SOFT)
    return [0.0, *(value for name in kept for value in sizes[name])]
