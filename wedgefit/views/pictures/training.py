"""How a model came about: the path to its alpha, and the rounds to its optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wedgefit.views.pictures.scene import Scene
from wedgefit.views.pictures.style import (
    BLUE,
    CLASS_COLOURS,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    SOFT,
    figure_of,
    label,
    title,
)
from wedgefit.views.words import SCORES

if TYPE_CHECKING:
    # Not in earnest: it brings all that a fit needs, and most pictures need none of it.
    from wedgefit.model.trace import Round, TracedPath, TracedRounds


def path(scene: Scene, traced: TracedPath):
    """Coefficients, sizes and scores against alpha, from strong regularisation to weak, with the
    alpha that was chosen."""
    rows = 3 if traced.curve else 2
    figure = figure_of(7.2, 6.4 if traced.curve else 4.8)
    panels = figure.subplots(rows, 1, sharex=True, height_ratios=[2, 1, 1.3][:rows])
    _coefficients(panels[0], traced)
    panels[1].step(traced.alphas, traced.sizes, color=INK, lw=1.5, where="mid")
    panels[1].set_ylabel("neurons")
    panels[1].set_ylim(bottom=0)
    if traced.curve:
        _scores(panels[2], traced)
    for axes in panels:
        axes.axvline(traced.chosen, color=INK, lw=1, ls=(0, (4, 3)))
    beside = {"xytext": (4, -2), "textcoords": "offset points", "va": "top", "fontsize": 8}
    place = (traced.chosen, 1)
    panels[0].annotate("chosen", place, xycoords=("data", "axes fraction"), **beside)
    panels[-1].set_xscale("log")
    _log(panels[-1].xaxis)
    panels[-1].invert_xaxis()
    panels[-1].set_xlabel("alpha (strong regularisation on the left)")
    title(figure, f"From the constant to the full model of {scene.target}")
    return figure


def _coefficients(axes, traced: TracedPath) -> None:
    """A line per wedge, where it is not zero."""
    for along in traced.coefficients:
        values = np.array(along)
        colour = BLUE if values[np.abs(values).argmax()] > 0 else ORANGE
        # Without the stretches at zero, where hundreds of lines would lie on each other.
        beside = np.convolve(values != 0, [1, 1, 1], mode="same") > 0
        shown = np.where(beside, values, np.nan)
        axes.plot(traced.alphas, shown, color=colour, lw=1, alpha=0.75)
    axes.axhline(0, color=SOFT, lw=0.8)
    axes.set_ylabel("coefficient of each wedge")
    axes.set_title("blue: raises the output; orange: lowers it", color=SOFT)


def _scores(axes, traced: TracedPath) -> None:
    """The cross-validated score, with its standard error over the folds."""
    scores = [point.scores[traced.score_name] for point in traced.curve]
    at = np.array([point.alpha for point in traced.curve])
    mean = np.array([score.mean for score in scores])
    se = np.array([score.se for score in scores], float)
    around = {"color": GREEN, "alpha": 0.2, "lw": 0, "label": "± one standard error"}
    if several := bool(np.isfinite(se).any()):
        axes.fill_between(at, mean - se, mean + se, **around)
    label = "mean over folds" if several else "on rows held out"
    axes.plot(at, mean, "o-", color=GREEN, ms=3.5, lw=1.5, label=label)
    name = SCORES.get(traced.score_name, traced.score_name)
    axes.set_ylabel(f"{name}\n(cross-validated)")
    axes.legend(loc="lower center", ncols=2)


def _log(axis) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axis.set_minor_formatter(NullFormatter())


def gap(scene: Scene, traced: TracedRounds):
    """How the objective and its lower bound close in on each other, round by round."""
    figure = figure_of(7.2, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True)
    several = len(traced.networks) > 1
    for k, (output, rounds) in enumerate(traced.networks):
        colour = CLASS_COLOURS[k % len(CLASS_COLOURS)]
        name = label(output) if several else "objective"
        _bounds(upper, rounds, colour, name, several)
        _gaps(lower, rounds, colour, first=k == 0)
    upper.legend(loc="best")
    upper.set_ylabel("objective")
    lower.axhline(traced.tol, color=INK, lw=1, ls=(0, (4, 3)))
    beside = {"xytext": (-2, 3), "textcoords": "offset points", "ha": "right", "fontsize": 8}
    place = (1, traced.tol)
    lower.annotate("tolerance", place, xycoords=("axes fraction", "data"), **beside)
    lower.set_yscale("log")
    _log(lower.yaxis)
    lower.set(xlabel="round", ylabel="relative gap")
    lower.xaxis.get_major_locator().set_params(integer=True)
    lower.legend(loc="best")
    title(figure, f"How the fit of {scene.target} came to its optimum")
    return figure


def _bounds(axes, rounds: list[Round], colour: str, name: str, several: bool) -> None:
    """Objective and lower bound of one network."""
    at = [round_.number for round_ in rounds]
    objectives = [round_.certificate.objective for round_ in rounds]
    bounds = [round_.certificate.lower_bound for round_ in rounds]
    axes.plot(at, objectives, color=colour, lw=1.8, label=name)
    words = None if several else "lower bound"
    axes.plot(at, bounds, color=colour, lw=1.2, ls=(0, (4, 2)), label=words)


def _gaps(axes, rounds: list[Round], colour: str, first: bool) -> None:
    """The gaps of one network; full marks where every wedge was priced."""
    gaps = [max(round_.certificate.relative_gap, 1e-16) for round_ in rounds]
    places = [(round_.number, gap) for round_, gap in zip(rounds, gaps)]
    proofs = [round_.certificate.scope == "exact" for round_ in rounds]
    axes.plot(*zip(*places), color=colour, lw=1.2)
    for exact in (False, True):
        some = [place for place, proof in zip(places, proofs) if proof is exact]
        if some:
            meaning = "every wedge priced" if exact else "some wedges priced: no proof yet"
            face = {"facecolors": colour if exact else PAPER, "edgecolors": colour}
            axes.scatter(*zip(*some), s=24, zorder=4, label=meaning if first else None, **face)
