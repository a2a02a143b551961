"""What pairs of columns do."""

from __future__ import annotations

import numpy as np

from wedgefit.errors import UsageError
from wedgefit.model.record import Model
from wedgefit.views.pictures.map import breaklines
from wedgefit.views.pictures.scene import Scene
from wedgefit.views.pictures.style import (
    DARK,
    GRID,
    MOST_PAIRS,
    SIGNED,
    SOFT,
    close_seams,
    dots,
    label,
    panels_of,
    short,
    title,
)
from wedgefit.views.units import hinges, pair_values


def pairs(scene: Scene):
    pairs = scene.record["pairs"][:MOST_PAIRS]
    if not pairs:
        raise UsageError(
            "no wedge of this model reads two columns.", remedy="Try --kind curves or importance."
        )
    figure, panels = panels_of(len(pairs), 2.5)
    draw_pairs(scene, figure, panels, pairs)
    left_out = len(scene.record["pairs"]) - len(pairs)
    more = f" ({len(pairs)} of {len(pairs) + left_out})" if left_out else ""
    title(figure, f"What pairs of columns add beyond single ones{more}")
    return figure


def draw_pairs(scene: Scene, figure, panels, pairs: list[dict]) -> None:
    """One scale of colours for all, white where nothing is added, full where the rows end."""
    model, units = scene.model, hinges(scene.model)
    grids = [[_pair_grid(scene, name) for name in pair["columns"]] for pair in pairs]
    maps = [_pair_map(model, pair, *grid) for pair, grid in zip(pairs, grids)]
    most = max(_most(scene, pair, values) for pair, values in zip(pairs, maps)) or 1.0
    for axes, pair, grid, values in zip(panels, pairs, grids, maps):
        shades = axes.contourf(
            *grid, values, levels=np.linspace(-most, most, 22), cmap=SIGNED, extend="both"
        )
        close_seams(shades)
        steps = [scene.is_step(name) for name in pair["columns"]]
        if not any(steps):
            breaklines(axes, [units[k] for k in pair["neurons"]], tuple(pair["columns"]))
        if scene.seen is not None:
            x, y = (scene.seen.values[name] for name in pair["columns"])
            # Two irrational steps: rows pulled apart both ways fill a square and not a line.
            x, y = _spread(x, 0.618034) if steps[0] else x, _spread(y, 0.754878) if steps[1] else y
            dots(axes, x, y, DARK, s=4, alpha=0.25, linewidths=0, rasterized=len(x) > 300)
        for name, step, (low, high), axis in zip(
            pair["columns"], steps, [(part[0], part[-1]) for part in grid], (axes.xaxis, axes.yaxis)
        ):
            axis.set_view_interval(low, high, ignore=True)
            axis.set_label_text(label(name, 24))
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
    bar.ax.set_yticklabels([short(-most), "0", "+" + short(most)])
    bar.outline.set_visible(False)


def _pair_grid(scene: Scene, name: str) -> np.ndarray:
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


def _most(scene: Scene, pair: dict, values: np.ndarray) -> float:
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
