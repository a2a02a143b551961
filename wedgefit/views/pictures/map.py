"""Two columns: prediction or predicted class in the plane."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

from wedgefit.data.sample import class_codes
from wedgefit.errors import UsageError
from wedgefit.views.pictures.naming import name_points
from wedgefit.views.pictures.scene import (
    SIDE,
    Scene,
    Seen,
    default_kind,
    near_rows,
    numbers_of,
)
from wedgefit.views.pictures.style import (
    CLASS_COLOURS,
    CLASS_MARKS,
    DARK,
    GRID,
    LIGHT,
    PAPER,
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
    x, y = grid_of(scene, names)
    across, up = np.meshgrid(x, y)
    scores = scores_at(model, dict(zip(names, (across.ravel(), up.ravel()))))
    scores = scores if scene.classes else model.predicted(scores)
    seen = scene.rows(names)
    draw = _decision if scene.classes else _response
    draw(scene, figure, axes, (x, y), scores, seen)
    _pale_where_nobody_looked(axes, (x, y), names, seen)
    breaklines(axes, [hinges(model)[neuron.id] for neuron in model.layer(1)], names)
    axes.set(xlabel=label(names[0]), ylabel=label(names[1]), xlim=x[[0, -1]], ylim=y[[0, -1]])
    axes.grid(False)
    title(figure, f"{scene.target} by {label(names[0])} and {label(names[1])}")
    shades = "shades: the predicted class; thin" if scene.classes else "thin"
    pale = "" if seen is None else "; pale: no rows near"
    bends = "lines: where the network bends, through the ringed rows"
    words = textwrap.wrap(f"{shades} {bends}{pale}", int(11 * figure.get_figwidth()))
    axes.set_title("\n".join(words), color=SOFT)
    _rings(scene, figure, axes, names, seen)
    return figure


def grid_of(scene: Scene, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Values along both sides of the map."""
    # Several classes are told apart cell by cell, which needs smaller ones than a contour.
    side = GRID if len(scene.model.outputs) == 1 else 4 * GRID
    x, y = (np.linspace(*scene.range(name), side) for name in names)
    return x, y


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
    from matplotlib.ticker import MaxNLocator

    target = seen.target if seen is not None else None
    shown = scores.ravel()[_looked_at(scene, grid, seen)]
    norm = sizes_of([shown] if target is None else [shown, target])
    levels = MaxNLocator(14).tick_values(norm.vmin, norm.vmax)
    norm = Normalize(levels[0], levels[-1])
    shades = numbers_as_shades(axes, grid, scores, norm, levels)
    if target is not None:
        x, y = (seen.values[name] for name in numbers_of(scene.model))
        dots(axes, x, y, target[:, 0], cmap=SIZES, norm=norm, edgecolors=DARK, linewidths=0.4)
    bar_of(figure, shades, axes, scene.target)


def _looked_at(scene: Scene, grid, seen: Seen | None) -> np.ndarray:
    """Which points of the grid, row by row, have rows near; all where there are no rows."""
    if seen is None or not len(seen.values[numbers_of(scene.model)[0]]):
        return np.ones(len(grid[0]) * len(grid[1]), dtype=bool)
    near = near_rows(seen, numbers_of(scene.model), [side[[0, -1]] for side in grid])
    x, y = (np.arange(len(side)) * SIDE // len(side) for side in grid)
    return near[np.ix_(x, y)].T.ravel()


def _pale_where_nobody_looked(axes, grid, names: Sequence[str], seen: Seen | None) -> None:
    """Pale where no row is near."""
    if seen is None or not len(seen.values[names[0]]):
        return
    near = near_rows(seen, names, [side[[0, -1]] for side in grid])
    places = [np.linspace(side[0], side[-1], SIDE) for side in grid]
    if not near.all():
        far = np.where(near, 0.0, 1.0).T
        axes.contourf(*places, far, levels=[0.5, 1.5], colors=[PAPER], alpha=0.75, zorder=1.5)


def sizes_of(parts: Sequence[np.ndarray]):
    """One scale of shades for all these numbers."""
    from matplotlib.colors import Normalize

    filled = [part for part in parts if len(part)]
    norm = Normalize(min(part.min() for part in filled), max(part.max() for part in filled))
    return Normalize(norm.vmin - 1, norm.vmax + 1) if norm.vmin == norm.vmax else norm


def numbers_as_shades(axes, grid, scores: np.ndarray, norm, levels=14):
    """Predictions in the plane, in so many shades, or with these limits of shades."""
    if np.ptp(scores) <= 1e-9 * np.abs(scores).max() and np.ndim(levels) == 0:
        levels = np.linspace(norm.vmin, norm.vmax, levels)
    heights = scores.reshape(GRID, GRID)
    beyond = heights.min() < norm.vmin, heights.max() > norm.vmax
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond)
    style = {"cmap": SIZES, "norm": norm, "extend": extend or "neither"}
    shades = axes.contourf(*grid, heights, levels=levels, **style)
    close_seams(shades)
    return shades


def bar_of(figure, shades, axes, name: str) -> None:
    bar = figure.colorbar(shades, ax=axes, label=name, aspect=30, pad=0.02)
    bar.outline.set_visible(False)


def _decision(scene: Scene, figure, axes, grid, scores: np.ndarray, seen: Seen | None) -> None:
    """Classes: who is predicted where, the border, and the rows by their true class."""
    colours = class_colours(scene)
    classes_as_areas(axes, grid, scores, list(colours.values()), scene.model.cut)
    class_rows(scene, axes, seen, colours)
    figure.legend(loc="outside right upper", title=scene.target, alignment="left")


def class_colours(scene: Scene) -> dict[str, str]:
    """The colour of every class by its name."""
    names = map(str, scene.model.encoding.target.classes)
    return {name: CLASS_COLOURS[k % len(CLASS_COLOURS)] for k, name in enumerate(names)}


def classes_as_areas(axes, grid, scores: np.ndarray, colours: Sequence[str], cut: float) -> None:
    """Who is predicted where, and of two classes the border: where the score is ``cut``."""
    from matplotlib.colors import ListedColormap, to_rgb

    pale = [tuple(0.76 + 0.24 * part for part in to_rgb(colour)) for colour in colours]
    if len(colours) == 2:
        heights = scores.reshape(GRID, GRID) - cut
        axes.contourf(*grid, heights, levels=[-np.inf, 0, np.inf], colors=pale)
        if heights.min() < 0 < heights.max():
            axes.contour(*grid, heights, levels=[0], colors=DARK, linewidths=1.6)
    else:
        codes = scores.argmax(axis=1).reshape(len(grid[1]), len(grid[0]))
        extent = (grid[0][0], grid[0][-1], grid[1][0], grid[1][-1])
        shades = {"cmap": ListedColormap(pale), "vmin": -0.5, "vmax": len(colours) - 0.5}
        axes.imshow(codes, origin="lower", extent=extent, aspect="auto", **shades)


def class_rows(scene: Scene, axes, seen: Seen | None, colours: dict[str, str], **more) -> None:
    """The rows by their true class, each class with a colour and a mark."""
    for k, (name, colour) in enumerate(colours.items()):
        mark = {"marker": CLASS_MARKS[k % len(CLASS_MARKS)], "label": label(name)}
        if seen is None or seen.target is None:
            axes.scatter([], [], c=colour, **mark)
            continue
        own = class_codes(seen.target) == k
        x, y = (seen.values[name][own] for name in numbers_of(scene.model))
        dots(axes, x, y, colour, **mark, **more)


def breaklines(axes, found: Iterable[Hinge], names: Sequence[str]) -> None:
    """Where hinges of two columns begin to rise."""
    style = {"color": DARK, "lw": 0.7, "alpha": 0.35, "zorder": 2}
    for hinge in found:
        across, up = (hinge.reads.get(name, 0.0) for name in names)
        if up:
            axes.axline((0.0, -hinge.bias / up), slope=-across / up, **style)
        elif across:
            axes.axvline(-hinge.bias / across, **style)
