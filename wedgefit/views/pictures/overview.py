"""Which columns matter, and the leading pictures of them together."""

from __future__ import annotations

import math

from wedgefit.views.pictures.curves import curve_columns, draw_curves, response_columns
from wedgefit.views.pictures.pairs import draw_pairs
from wedgefit.views.pictures.scene import Scene
from wedgefit.views.pictures.style import (
    BLUE,
    MOST_BARS,
    SOFT,
    figure_of,
    label,
    panels_of,
    title,
)


def importance(scene: Scene):
    columns = scene.record["columns"][:MOST_BARS]
    figure = figure_of(5.2, 0.9 + 0.3 * len(columns))
    axes = figure.subplots()
    draw_bars(scene, axes, columns)
    title(figure, f"Which columns {scene.target} depends on")
    return figure


def draw_bars(scene: Scene, axes, columns: list[dict], slots: int = 1) -> None:
    """``slots``: room for so many bars at least, so that a few stay slim."""
    sizes = [column["importance"] for column in columns]
    bars = axes.barh(range(len(columns)), sizes, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{100 * size:.1f}%" for size in sizes], padding=3, fontsize=8)
    axes.set_yticks(range(len(columns)), [label(column["name"], 24) for column in columns])
    axes.set_ylim(max(len(columns), slots) - 0.5, -0.6)
    axes.set_xlim(0, 1.18 * max(sizes) or 1.0)
    axes.set_xticks([])
    axes.grid(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.set_title("share of the prediction's variation", color=SOFT)


def overview(scene: Scene):
    """Importance, the leading curves, the strongest pairs: six panels at most."""
    columns, pairs = list(curve_columns(scene).items()), scene.record["pairs"]
    curves = dict(columns[: 2 if len(pairs) >= 3 else 5])
    pairs = pairs[: 3 if curves else 5]
    if not curves and not pairs:
        curves = dict(list(response_columns(scene).items())[:5])
        if not curves:
            return importance(scene)
    if not curves:
        figure, panels = panels_of(1 + len(pairs), 2.6)
        draw_bars(scene, panels[0], scene.record["columns"][:8], slots=6)
        draw_pairs(scene, figure, panels[1:], pairs)
    else:
        count = 1 + len(curves)
        heights = [math.ceil(count / 3)] + [1] * bool(pairs)
        figure = figure_of(8.4, 2.6 * sum(heights) + 0.5)
        parts = figure.subfigures(2, 1, height_ratios=heights) if pairs else [figure]
        upper = parts[0].subplots(heights[0], min(3, count), squeeze=False).ravel()
        for spare in upper[count:]:
            spare.set_visible(False)
        draw_bars(scene, upper[0], scene.record["columns"][:8], slots=6)
        draw_curves(scene, upper[1:count], curves)
        if pairs:
            lower = parts[1].subplots(1, len(pairs), squeeze=False).ravel()
            draw_pairs(scene, parts[1], lower, pairs)
            if len(scene.model.outputs) == 1:
                lower[0].set_title("pairs of columns, beyond single ones", color=SOFT)
    title(figure, f"How {scene.target} is predicted")
    return figure
