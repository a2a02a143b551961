"""A map along the path of alpha: a few networks beside each other, from the first neurons to the
model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wedgefit.views.pictures.map import (
    bar_of,
    class_colours,
    class_rows,
    classes_as_areas,
    grid_of,
    numbers_as_shades,
    sizes_of,
)
from wedgefit.views.pictures.scene import Scene, Seen, numbers_of
from wedgefit.views.pictures.style import (
    DARK,
    MOST_MARKS,
    SIZES,
    SOFT,
    count,
    dots,
    label,
    panels_of,
    short,
    title,
)
from wedgefit.views.units import inputs_at

if TYPE_CHECKING:
    from wedgefit.model.trace import Frame

# Rows as small as this leave room for the map between them; many of them are drawn as pixels.
ROWS = {"s": 7, "linewidths": 0.2}


def frames(scene: Scene, traced: list[Frame]):
    """The map of two columns at a few alphas, from strong regularisation to that of the model; all
    in the same colours."""
    model, names = scene.model, numbers_of(scene.model)
    grid = grid_of(scene, names)
    across, up = np.meshgrid(*grid)
    X = inputs_at(model, dict(zip(names, (across.ravel(), up.ravel()))))
    scores = [frame.scores(X) for frame in traced]
    figure, panels = panels_of(len(traced), height=2.4, across=scene.across)
    draw = _classes if scene.classes else _numbers
    rows = scene.rows(names)
    drawn = 0 if rows is None else len(panels) * len(rows.values[names[0]])
    draw(scene, figure, panels, grid, scores, rows, ROWS | {"rasterized": drawn > MOST_MARKS})
    columns = min(scene.across, len(traced))
    for k, (axes, frame) in enumerate(zip(panels, traced)):
        # Areas as pixels: the outlines of six maps are half a megabyte.
        axes.get_children()[0].set_rasterized(True)
        axes.set(xlim=grid[0][[0, -1]], ylim=grid[1][[0, -1]])
        axes.grid(False)
        axes.set_title(f"alpha {short(frame.alpha)}: {count(frame.neurons, 'neuron')}", color=SOFT)
        axes.tick_params(labelleft=k % columns == 0, labelbottom=k + columns >= len(traced))
    figure.supxlabel(label(names[0]), fontsize=9)
    figure.supylabel(label(names[1]), fontsize=9)
    title(figure, f"{scene.target} along the path of alpha, down to that of the model")
    return figure


def _numbers(
    scene: Scene, figure, panels, grid, scores: Sequence, seen: Seen | None, marks: dict
) -> None:
    """Shades of one scale for all."""
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    predicted = [scene.model.predicted(each) for each in scores]
    norm = sizes_of(predicted)
    levels = MaxNLocator(14).tick_values(norm.vmin, norm.vmax)
    norm = Normalize(levels[0], levels[-1])
    for axes, each in zip(panels, predicted):
        shades = numbers_as_shades(axes, grid, each, norm, levels)
        if seen is not None and seen.target is not None:
            x, y = (seen.values[name] for name in numbers_of(scene.model))
            tint = {"cmap": SIZES, "norm": norm, "edgecolors": DARK}
            dots(axes, x, y, seen.target[:, 0], **(tint | marks))
    bar_of(figure, shades, list(panels), scene.target)


def _classes(
    scene: Scene, figure, panels, grid, scores: Sequence, seen: Seen | None, marks: dict
) -> None:
    """Who is predicted where: of two classes the second where its score is above zero."""
    colours = class_colours(scene)
    for axes, each in zip(panels, scores):
        classes_as_areas(axes, grid, each, list(colours.values()), 0.0)
        class_rows(scene, axes, seen, colours, **marks)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", title=scene.target, alignment="left")
