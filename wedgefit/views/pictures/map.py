"""Two columns: prediction or predicted class in the plane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from wedgefit.data.sample import class_codes
from wedgefit.errors import UsageError
from wedgefit.views.pictures.naming import name_points
from wedgefit.views.pictures.scene import Scene, Seen, default_kind, numbers_of
from wedgefit.views.pictures.style import (
    CLASS_COLOURS,
    CLASS_MARKS,
    DARK,
    GRID,
    LIGHT,
    SIZES,
    SOFT,
    close_seams,
    dots,
    figure_of,
    label,
    title,
)
from wedgefit.views.units import Hinge, hinges, scores_at


def map_(scene: Scene):
    """What is predicted in the plane of two numeric columns, and the rows that its lines pass
    through."""
    model = scene.model
    names = numbers_of(model)
    if len(names) != 2:
        raise UsageError(
            "--kind map is for models of two columns of numbers.", remedy="Try --kind pairs."
        )
    if default_kind(model) != "map":
        raise UsageError("--kind map shows one target.", remedy="Try --kind effects.")
    figure = figure_of(scene.width(7.2), 5.6)
    axes = figure.subplots()
    # Several classes are told apart cell by cell, which needs smaller ones than a contour.
    side = GRID if len(model.outputs) == 1 else 4 * GRID
    x, y = (np.linspace(*scene.range(name), side) for name in names)
    across, up = np.meshgrid(x, y)
    scores = scores_at(model, dict(zip(names, (across.ravel(), up.ravel()))))
    scores = scores if scene.classes else model.predicted(scores)
    seen = scene.rows(names)
    draw = _decision if scene.classes else _response
    draw(scene, figure, axes, (x, y), scores, seen)
    breaklines(axes, [hinges(model)[neuron.id] for neuron in model.layer(1)], names)
    axes.set(xlabel=label(names[0]), ylabel=label(names[1]), xlim=x[[0, -1]], ylim=y[[0, -1]])
    axes.grid(False)
    title(figure, f"{scene.target} by {label(names[0])} and {label(names[1])}")
    shades = "shades: the predicted class; thin" if scene.classes else "thin"
    axes.set_title(f"{shades} lines: where the network bends, through the ringed rows", color=SOFT)
    _rings(scene, figure, axes, names, seen)
    return figure


def _rings(scene: Scene, figure, axes, names: list[str], seen: Seen | None) -> None:
    """The rows that the network stands on, by their ids."""
    anchors = scene.anchors(names)
    places = np.array([[sample["values"][name] for name in names] for sample in anchors])
    places = places.reshape(-1, 2)
    for colour, width in ((LIGHT, 2.6), (DARK, 1.2)):
        style = {"facecolors": "none", "edgecolors": colour, "linewidths": width}
        axes.scatter(*places.T, s=58, zorder=4, **style)
    clouds = np.empty((0, 2))
    if seen is not None:
        clouds = np.column_stack([seen.values[name] for name in names])
    ids = [str(sample["id"]) for sample in anchors]
    name_points(figure, axes, places, ids, clouds, (DARK, LIGHT))


def _response(scene: Scene, figure, axes, grid, scores: np.ndarray, seen: Seen | None) -> None:
    """Numbers: the prediction as shades, the rows in the shade of their own value."""
    from matplotlib.colors import Normalize

    known = seen is not None and seen.target is not None and len(seen.target) > 0
    target = seen.target if known else scores
    norm = Normalize(min(target.min(), scores.min()), max(target.max(), scores.max()))
    if norm.vmin == norm.vmax:
        norm = Normalize(norm.vmin - 1, norm.vmax + 1)
    flat = np.ptp(scores) <= 1e-9 * np.abs(scores).max()
    levels = np.linspace(norm.vmin, norm.vmax, 14) if flat else 14
    shades = axes.contourf(*grid, scores.reshape(GRID, GRID), levels=levels, cmap=SIZES, norm=norm)
    close_seams(shades)
    if known:
        x, y = (seen.values[name] for name in numbers_of(scene.model))
        dots(axes, x, y, target[:, 0], cmap=SIZES, norm=norm, edgecolors=DARK, linewidths=0.4)
    bar = figure.colorbar(shades, ax=axes, label=scene.target, aspect=30, pad=0.02)
    bar.outline.set_visible(False)


def _decision(scene: Scene, figure, axes, grid, scores: np.ndarray, seen: Seen | None) -> None:
    """Classes: who is predicted where, the border, and the rows by their true class."""
    from matplotlib.colors import ListedColormap, to_rgb

    classes = scene.model.encoding.target.classes
    colours = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(len(classes))]
    pale = [tuple(0.76 + 0.24 * part for part in to_rgb(colour)) for colour in colours]
    if len(classes) == 2:
        heights = scores.reshape(GRID, GRID) - scene.model.cut
        axes.contourf(*grid, heights, levels=[-np.inf, 0, np.inf], colors=pale)
        if heights.min() < 0 < heights.max():
            axes.contour(*grid, heights, levels=[0], colors=DARK, linewidths=1.6)
    else:
        codes = scores.argmax(axis=1).reshape(len(grid[1]), len(grid[0]))
        extent = (grid[0][0], grid[0][-1], grid[1][0], grid[1][-1])
        shades = {"cmap": ListedColormap(pale), "vmin": -0.5, "vmax": len(classes) - 0.5}
        axes.imshow(codes, origin="lower", extent=extent, aspect="auto", **shades)
    _class_rows(scene, axes, seen, dict(zip(map(str, classes), colours)))
    figure.legend(loc="outside right upper", title=scene.target, alignment="left")


def _class_rows(scene: Scene, axes, seen: Seen | None, colours: dict[str, str]) -> None:
    """The rows by their true class, each class with a colour and a mark."""
    for k, (name, colour) in enumerate(colours.items()):
        mark = {"marker": CLASS_MARKS[k % len(CLASS_MARKS)], "label": label(name)}
        if seen is None or seen.target is None:
            axes.scatter([], [], c=colour, **mark)
            continue
        own = class_codes(seen.target) == k
        x, y = (seen.values[name][own] for name in numbers_of(scene.model))
        dots(axes, x, y, colour, **mark)


def breaklines(axes, found: Iterable[Hinge], names: Sequence[str]) -> None:
    """Where hinges of two columns begin to rise."""
    style = {"color": DARK, "lw": 0.7, "alpha": 0.35, "zorder": 2}
    for hinge in found:
        across, up = (hinge.reads.get(name, 0.0) for name in names)
        if up:
            axes.axline((0.0, -hinge.bias / up), slope=-across / up, **style)
        elif across:
            axes.axvline(-hinge.bias / across, **style)
