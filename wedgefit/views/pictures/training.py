"""How a model came about: the path to its alpha, and the rounds to its optimum."""

from __future__ import annotations

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


def path(scene: Scene, traced: dict):
    """Coefficients, sizes and scores against alpha, from strong regularisation to weak, with the
    alpha that was chosen."""
    scores = traced["scores"]
    figure = figure_of(7.2, 6.4 if scores else 4.8)
    panels = figure.subplots(
        3 if scores else 2, 1, sharex=True, height_ratios=[2, 1, 1.3][: 3 if scores else 2]
    )
    alphas = traced["alphas"]
    for neuron in traced["neurons"]:
        values = np.array(neuron["coefficients"])
        colour = BLUE if values[np.abs(values).argmax()] > 0 else ORANGE
        # Without the stretches at zero, where hundreds of lines would lie on each other.
        beside = np.convolve(values != 0, [1, 1, 1], mode="same") > 0
        panels[0].plot(alphas, np.where(beside, values, np.nan), color=colour, lw=1, alpha=0.75)
    panels[0].axhline(0, color=SOFT, lw=0.8)
    panels[0].set_ylabel("coefficient of each wedge")
    panels[1].step(alphas, traced["sizes"], color=INK, lw=1.5, where="mid")
    panels[1].set_ylabel("neurons")
    panels[1].set_ylim(bottom=0)
    if scores:
        at, mean, se = (
            np.array([point[part] for point in scores], float) for part in ("alpha", "mean", "se")
        )
        panels[2].fill_between(
            at, mean - se, mean + se, color=GREEN, alpha=0.2, lw=0, label="± one standard error"
        )
        panels[2].plot(at, mean, "o-", color=GREEN, ms=3.5, lw=1.5, label="mean over folds")
        panels[2].set_ylabel(f"{SCORES.get(name := traced['score_name'], name)}\n(cross-validated)")
        panels[2].legend(loc="lower center", ncols=2)
    for axes in panels:
        axes.axvline(traced["chosen"], color=INK, lw=1, ls=(0, (4, 3)))
    panels[0].annotate(
        "chosen",
        (traced["chosen"], 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        fontsize=8,
    )
    _log(panels[-1].xaxis)
    panels[-1].set_xscale("log")
    _log(panels[-1].xaxis)
    panels[-1].invert_xaxis()
    panels[-1].set_xlabel("alpha (strong regularisation on the left)")
    panels[0].set_title("blue: raises the output; orange: lowers it", color=SOFT)
    title(figure, f"From the constant to the full model of {scene.target}")
    return figure


def _log(axis) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axis.set_minor_formatter(NullFormatter())


def gap(scene: Scene, traced: dict):
    """How the objective and its lower bound close in on each other, round by round."""
    figure = figure_of(7.2, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for k, network in enumerate(traced["networks"]):
        colour = CLASS_COLOURS[k % len(CLASS_COLOURS)]
        rounds = [point["round"] for point in network["rounds"]]
        several = len(traced["networks"]) > 1
        name = label(network["output"]) if several else "objective"
        upper.plot(
            rounds,
            [point["objective"] for point in network["rounds"]],
            color=colour,
            lw=1.8,
            label=name,
        )
        bounds = [point["lower_bound"] for point in network["rounds"]]
        upper.plot(
            rounds,
            bounds,
            color=colour,
            lw=1.2,
            ls=(0, (4, 2)),
            label=None if several else "lower bound",
        )
        gaps = [max(point["relative_gap"], 1e-16) for point in network["rounds"]]
        lower.plot(rounds, gaps, color=colour, lw=1.2)
        for exact in (False, True):
            some = [
                (a, b)
                for a, b, point in zip(rounds, gaps, network["rounds"])
                if (point["scope"] == "exact") is exact
            ]
            if some:
                meaning = "every wedge priced" if exact else "some wedges priced: no proof yet"
                face = {"facecolors": colour if exact else PAPER, "edgecolors": colour}
                lower.scatter(
                    *zip(*some), s=24, zorder=4, label=meaning if k == 0 else None, **face
                )
    upper.legend(loc="best")
    upper.set_ylabel("objective")
    lower.axhline(traced["tol"], color=INK, lw=1, ls=(0, (4, 3)))
    lower.annotate(
        "tolerance",
        (1, traced["tol"]),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    lower.set_yscale("log")
    _log(lower.yaxis)
    lower.set(xlabel="round", ylabel="relative gap")
    lower.xaxis.get_major_locator().set_params(integer=True)
    lower.legend(loc="best")
    title(figure, f"How the fit of {scene.target} came to its optimum")
    return figure
