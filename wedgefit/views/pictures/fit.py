"""One column: the fit, and where it bends."""

from __future__ import annotations

import numpy as np

from wedgefit.errors import UsageError
from wedgefit.model.calibration import groups_of
from wedgefit.views.pictures.naming import name_points
from wedgefit.views.pictures.scene import Scene, numbers_of, shown_name, shown_values
from wedgefit.views.pictures.style import (
    BAND,
    BLUE,
    CLASS_COLOURS,
    INK,
    PAPER,
    SOFT,
    band_key,
    count,
    dots,
    figure_of,
    label,
    title,
)
from wedgefit.views.units import inputs_at, scores_at


def fit(scene: Scene):
    """The rows of one numeric column, the prediction, and where it bends."""
    model = scene.model
    names = numbers_of(model)
    if len(names) != 1:
        raise UsageError(
            "--kind fit is for models of one column of numbers.", remedy="Try --kind effects."
        )
    (name,) = names
    figure = figure_of(scene.width(7.2), 4.3)
    axes = figure.subplots()
    low, high = scene.range(name)
    grid = _grid(scene, name, low, high)
    lines = shown_values(model, scores_at(model, {name: grid}))
    colours = dict(zip(lines, CLASS_COLOURS if len(lines) > 1 else [BLUE]))
    clouds = [_fit_rows(scene, axes, name, colours)]
    bands = _bands(scene, name, grid)
    for output, values in lines.items():
        words = "fit" if len(lines) == 1 else label(output)
        axes.plot(grid, values, color=colours[output], lw=2, zorder=4, label=words)
        clouds.append(np.column_stack([grid, values]))
        if output in bands:
            style = {"color": colours[output], "alpha": BAND, "lw": 0, "zorder": 2}
            axes.fill_between(grid, *bands[output], **style)
    axes.set_xlabel(label(name))
    axes.set_ylabel(shown_name(scene))
    axes.set_xlim(low, high)
    title(figure, f"{shown_name(scene)} by {label(name)}")
    bends = f"{count(len(model.layer(1)), 'hinge')}; the fit bends at the ringed rows"
    if model.scale == "quantile":
        bends += ", and where quantiles meet"
    axes.set_title(bends, color=SOFT)
    # Between the rows of both classes; else where there is most room.
    between = {"loc": "upper right", "bbox_to_anchor": (1, 0.93)}
    handles, _ = axes.get_legend_handles_labels()
    handles += [band_key(BLUE if len(lines) == 1 else SOFT)] * bool(bands)
    axes.legend(handles=handles, **between if model.has_probabilities else {"loc": "best"})
    _kinks(scene, figure, axes, name, np.vstack(clouds))
    return figure


def _grid(scene: Scene, name: str, low: float, high: float) -> np.ndarray:
    """Where the fit is drawn: everywhere, and at each of its bends."""
    curves = (curve for curve in scene.record["curves"] if curve["column"] == name)
    kinks = [knot["at"] for curve in curves for knot in curve["knots"] if low <= knot["at"] <= high]
    return np.unique(np.concatenate([np.linspace(low, high, 400), kinks]))


def _bands(scene: Scene, name: str, grid: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By line how low and how high the networks of the folds are beside it, each about its own
    average; nothing where no folds were run, or where a probability hangs on several outputs."""
    model = scene.model
    off = next((part for part in model.over_folds if part.columns == (name,)), None)
    if off is None or (model.has_probabilities and len(model.outputs) > 1):
        return {}
    effects = off.effect if isinstance(off.effect, dict) else {model.outputs[0]: off.effect}
    away = np.column_stack([np.interp(grid, off.at, effects[k]) for k in model.outputs])
    output = model.network.forward(inputs_at(model, {name: grid}))
    low, high = (
        shown_values(model, model.calibrated(output + side * away)) for side in (-1.0, 1.0)
    )
    return {line: (low[line], high[line]) for line in low}


def _fit_rows(scene: Scene, axes, name: str, colours: dict) -> np.ndarray:
    """The rows as dots, numbers at their value, classes at 0 and 1; returns where they are, (k,
    2)."""
    seen = scene.rows([name])
    if seen is None or seen.target is None:
        return np.empty((0, 2))
    x, places = seen.values[name], [np.empty((0, 2))]
    targets = seen.target.T
    classes = scene.model.has_probabilities
    bars = {"marker": "|", "s": 60, "edgecolors": None, "linewidths": 1.1}
    for target, colour in zip(targets, [SOFT] if len(targets) == 1 else colours.values()):
        y = (target > 0).astype(float) if classes else target
        words = "rows" if len(targets) == 1 else None
        dots(axes, x, y, colour, alpha=0.55, label=words, **(bars if classes else {}))
        places.append(np.column_stack([x, y]))
        if classes:
            places.append(_rates(axes, x, y, colour, labelled=len(targets) == 1))
    return np.vstack(places)


def _rates(axes, x: np.ndarray, came: np.ndarray, colour: str, labelled: bool) -> np.ndarray:
    """How often the class came true in tenths of the rows along the column, with two standard
    errors up and down; returns the points, (k, 2)."""
    place = groups_of(x)
    groups = [place == group for group in np.unique(place)]
    at, rate = (np.array([values[group].mean() for group in groups]) for values in (x, came))
    size = np.array([group.sum() for group in groups])
    # Where all or none came true the error is that of one row in all, not zero.
    error = 2 * np.sqrt(np.maximum(rate * (1 - rate), 1 / size) / size)
    ends = rate - np.maximum(rate - error, 0), np.minimum(rate + error, 1) - rate
    style = {"ms": 5, "mfc": PAPER, "elinewidth": 0.9, "zorder": 3}
    words = "part that came true, in tenths of the rows" if labelled else None
    axes.errorbar(at, rate, ends, fmt="o", color=colour, label=words, **style)
    return np.column_stack([at, rate])


def _kinks(scene: Scene, figure, axes, name: str, clouds: np.ndarray) -> None:
    """A ring where the fit bends, named by the rows there."""
    model = scene.model
    places: dict[float, set] = {}
    for sample in scene.anchors([name]):
        places.setdefault(sample["values"][name], set()).add(str(sample["id"]))
    if not places:
        return
    at = np.array(sorted(places))
    points = []
    for values in shown_values(model, scores_at(model, {name: at})).values():
        axes.scatter(
            at, values, s=42, facecolors=PAPER, edgecolors=INK, linewidths=1.2, zorder=5, label=None
        )
        points += list(zip(at, values))
    names = [", ".join(sorted(places[x], key=lambda row: (len(row), row))) for x in at]
    # Of several lines the first carries the names.
    name_points(figure, axes, np.array(points[: len(names)]), names, clouds)
