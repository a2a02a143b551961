"""How good predictions are on rows with a known target: against what was observed."""

from __future__ import annotations

import numpy as np

from wedgefit.errors import UsageError
from wedgefit.model.calibration import BINS
from wedgefit.model.calibration import calibration as bins_of
from wedgefit.views.pictures.scene import Scene, Seen
from wedgefit.views.pictures.style import (
    BLUE,
    CLASS_COLOURS,
    FAINT,
    ORANGE,
    PAPER,
    SOFT,
    dots,
    figure_of,
    label,
    plain_ticks,
    title,
)
from wedgefit.views.units import scores_at
from wedgefit.views.words import number

MANY = 1000  # More rows than this are drawn as pixels, which then take less room.


def predicted(scene: Scene):
    """What was observed against what is predicted, and the line on which both agree."""
    figure, panels, pairs = _numbers(scene, "predicted")
    for axes, (output, at, observed) in zip(panels, pairs):
        dots(axes, at, observed, BLUE, alpha=0.5, rasterized=len(at) > MANY)
        ends = [min(at.min(), observed.min()), max(at.max(), observed.max())]
        axes.plot(ends, ends, color=SOFT, lw=1, ls=(0, (4, 3)), zorder=4)
        middle = np.column_stack([_binned(at, at), _binned(at, observed)])
        axes.plot(*middle.T, "o-", color=ORANGE, ms=4, lw=1.4, zorder=5, label="mean of a tenth")
        spread = np.sum((observed - observed.mean()) ** 2)
        fit = 1 - np.sum((observed - at) ** 2) / spread if spread else np.nan
        axes.set(xlabel=f"predicted {label(output)}", ylabel=f"observed {label(output)}")
        axes.set_title(f"R² {number(float(fit), 3)} on these rows", color=SOFT)
        axes.legend(loc="upper left")
    title(figure, f"{scene.target}: observed against predicted")
    return figure


def residuals(scene: Scene):
    """What is left over against what is predicted: no shape should be seen here."""
    figure, panels, pairs = _numbers(scene, "residuals")
    for axes, (output, at, observed) in zip(panels, pairs):
        left = observed - at
        dots(axes, at, left, BLUE, alpha=0.5, rasterized=len(at) > MANY)
        axes.axhline(0, color=SOFT, lw=1, ls=(0, (4, 3)), zorder=4)
        axes.plot(_binned(at, at), _binned(at, left), "o-", color=ORANGE, ms=4, lw=1.4, zorder=5)
        low, high = (_binned(at, left, part) for part in (0.1, 0.9))
        axes.fill_between(_binned(at, at), low, high, color=ORANGE, alpha=0.15, lw=0)
        axes.set(xlabel=f"predicted {label(output)}", ylabel="observed − predicted")
        axes.set_title("orange: mean of a tenth of the rows, and 8 of 10 of them", color=SOFT)
    title(figure, f"{scene.target}: what is left over")
    return figure


def calibration(scene: Scene):
    """How often a class comes true where it is given a probability."""
    model, seen = scene.model, _known(scene, "calibration")
    probabilities = model.probabilities(_scores(scene, seen))
    if probabilities is None:
        raise UsageError(
            "--kind calibration is for models that give probabilities of classes.",
            remedy="Try --kind predicted.",
        )
    names = [str(name) for name in model.encoding.target.classes]
    shown = [1] if len(names) == 2 else range(len(names))
    figure = figure_of(5.4, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    upper.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (4, 3)))
    for k, colour in zip(shown, CLASS_COLOURS):
        came = (seen.target[:, 0 if len(names) == 2 else k] > 0).astype(float)
        given = probabilities[:, k]
        _calibrated(upper, given, came, colour, f"{scene.target} = {label(names[k])}")
        # Bars of several classes would hide each other.
        several = {"histtype": "step", "color": colour, "lw": 1.2}
        lower.hist(given, 25, range=(0, 1), **(several if len(names) > 2 else {"color": FAINT}))
    # A little beyond, so that marks at the ends are whole.
    ends = (-0.02, 1.02)
    upper.set(ylabel="part of the rows where it came true", xlim=ends, ylim=ends)
    upper.legend(loc="upper left")
    lower.set(xlabel="probability given", ylabel="rows")
    title(figure, f"{scene.target}: are probabilities what they say?")
    return figure


def _calibrated(axes, given: np.ndarray, came: np.ndarray, colour: str, words: str) -> None:
    """Tenths of the rows by their probability, each with two standard errors up and down."""
    bins = ((found.given, found.came, 2 * found.se) for found in bins_of(given, came))
    at, rate, error = np.array(list(bins)).T
    low, high = rate - np.maximum(rate - error, 0), np.minimum(rate + error, 1) - rate
    style = {"ms": 5, "lw": 1.2, "mfc": PAPER, "elinewidth": 0.9, "label": words}
    axes.errorbar(at, rate, [low, high], fmt="o-", color=colour, **style)


# The rows -----------------------------------------------------------------------------------------


def _known(scene: Scene, kind: str) -> Seen:
    """The rows with their target. Raises UsageError where there are none."""
    if scene.seen is None or scene.seen.target is None or not len(scene.seen.target):
        raise UsageError(
            f"--kind {kind} needs rows with their target.", remedy="Give DATA with all targets."
        )
    return scene.seen


def _scores(scene: Scene, seen: Seen) -> np.ndarray:
    return scores_at(scene.model, seen.values)


def _numbers(scene: Scene, kind: str):
    """A figure with a panel per target, and per target its name, prediction and value, (n,)."""
    if scene.classes:
        raise UsageError(
            f"--kind {kind} is for models of numbers.", remedy="Try --kind calibration."
        )
    seen = _known(scene, kind)
    scores = scene.model.predicted(_scores(scene, seen)).T
    # Of several quantiles each is held against the same target.
    targets = np.broadcast_to(seen.target.T, scores.shape)
    figure = figure_of(5.2 * len(scores), 4.6)
    panels = figure.subplots(1, len(scores), squeeze=False).ravel()
    for axes in panels:
        plain_ticks(axes.xaxis)
        plain_ticks(axes.yaxis)
    return figure, panels, list(zip(scene.model.outputs, scores, targets))


def _binned(by: np.ndarray, values: np.ndarray, part: float | None = None) -> np.ndarray:
    """The mean of the values, or a quantile, in groups of equal size along ``by``."""
    groups = np.array_split(values[np.argsort(by, kind="stable")], min(BINS, len(by)))
    return np.array([
        group.mean() if part is None else np.quantile(group, part) for group in groups
    ])  # fmt: skip
