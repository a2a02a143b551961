"""What matters, and the leading pictures of it together."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from wedgefit.errors import UsageError
from wedgefit.views.pictures.effects import draw_effects, draw_legend, effect_columns
from wedgefit.views.pictures.pairs import draw_pairs, pair_effects
from wedgefit.views.pictures.scene import Scene
from wedgefit.views.pictures.style import (
    BLUE,
    INK,
    MOST_BARS,
    SKY,
    SOFT,
    figure_of,
    label,
    panels_of,
    title,
)
from wedgefit.views.words import number, percent

# A pair of a smaller share of all effects has no place in the overview.
WORTH = 0.02


def importance(scene: Scene):
    """A bar per effect of a column or a pair: how far it moves the output."""
    every = _bars_of(scene)
    if not every:
        raise UsageError(
            "nothing moves this model: it is a constant.", remedy="Try a smaller alpha."
        )
    bars = every[:MOST_BARS]
    figure = figure_of(5.6, 0.9 + 0.3 * len(bars))
    draw_bars(scene, figure.subplots(), bars)
    more = f" ({len(bars)} of {len(every)})" if len(bars) < len(every) else ""
    title(figure, f"What moves the prediction of {scene.target}{more}")
    return figure


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its size, what is written beside it, its colour, and how far the networks
    of the folds are from it, where that is known."""

    name: str
    size: float
    figure: str
    colour: str
    off: float | None = None


def _bars_of(scene: Scene) -> list[Bar]:
    """The bars of effects, or of models that have none of the columns by their share of the
    penalty."""
    if scene.record["no_effects"] is not None:
        shares = {part["name"]: part["penalty_share"] for part in scene.record["columns"]}
        ranked = sorted(shares.items(), key=lambda item: -item[1])
        return [
            Bar(label(name, 28), share, percent(share, 1), BLUE) for name, share in ranked if share
        ]
    if len(scene.model.outputs) == 1:
        return [_bar(effect) for effect in scene.record["effects"]]
    # Several outputs have units of their own: the mean share of each effect.
    shares: dict[str, list[dict]] = {}
    for effect in scene.record["effects"]:
        shares.setdefault(_name(effect), []).append(effect)
    many = len(scene.model.outputs)
    bars = [_mean_share(name, effects, many) for name, effects in shares.items()]
    return sorted(bars, key=lambda bar: -bar.size)


def _mean_share(name: str, effects: list[dict], many: int) -> Bar:
    """The mean share of an effect in so ``many`` outputs, and how far those of the folds are from
    it at most."""
    size = sum(effect["share"] for effect in effects) / many
    figure, off = percent(size, 1), None
    if all(effect["over_folds"] is not None for effect in effects):
        off = sum(_share_off(effect) for effect in effects) / many
        figure += f" ± {percent(off, 1)}"
    return Bar(name, size, figure, _colour(effects[0]), off)


def _share_off(effect: dict) -> float:
    """How far the folds are from an importance, as a part of all importances of its output."""
    return effect["over_folds"]["importance"] * effect["share"] / effect["importance"]


def _bar(effect: dict) -> Bar:
    off = effect["over_folds"] and effect["over_folds"]["importance"]
    figure = number(effect["importance"], 3)
    if off is not None:
        figure += f" ± {number(off, 2)}"
    return Bar(_name(effect), effect["importance"], figure, _colour(effect), off)


def _name(effect: dict) -> str:
    return " × ".join(label(name, 20) for name in effect["columns"])


def _colour(effect: dict) -> str:
    return BLUE if len(effect["columns"]) == 1 else SKY


def draw_bars(scene: Scene, axes, bars: list[Bar], slots: int = 1) -> None:
    """``slots``: room for so many bars at least, so that a few stay slim."""
    places, sizes = range(len(bars)), [bar.size for bar in bars]
    axes.barh(places, sizes, color=[bar.colour for bar in bars], height=0.62)
    ends = [bar.size + (bar.off or 0.0) for bar in bars]
    for place, bar, end in zip(places, bars, ends):
        if bar.off is not None:
            axes.hlines(place, max(bar.size - bar.off, 0.0), end, color=INK, lw=1.2, zorder=3)
        beside = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        axes.annotate(bar.figure, (end, place), (3, 0), **beside)
    axes.set_yticks(places, [bar.name for bar in bars])
    axes.set_ylim(max(len(bars), slots) - 0.5, -0.6)
    figures = 0.2 if all(bar.off is None for bar in bars) else 0.4
    axes.set_xlim(0, (1 + figures) * max(ends) or 1.0)
    axes.set_xticks([])
    axes.grid(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(left=False)
    # Beside other panels there is room for half a line.
    words = textwrap.wrap(_measure(scene), 34 if slots > 1 else 80)
    axes.set_title("\n".join(words), color=SOFT, fontsize=8.5)


def _measure(scene: Scene) -> str:
    if scene.record["no_effects"] is not None:
        return "share of the penalty"
    scale = f" ({scene.model.scale})" if scene.classes and scene.model.has_probabilities else ""
    words = f"standard deviation of the effect{scale}"
    if len(scene.model.outputs) > 1:
        words = "share of all effects"
    return f"{words} ± over the folds" if scene.model.over_folds else words


def overview(scene: Scene):
    """What moves the prediction, and the leading effects: six panels at most."""
    bars = _bars_of(scene)[:8]
    columns, pairs = _leading(scene)
    if not columns or len(bars) == 0:
        return importance(scene)
    if not pairs:
        figure, panels = panels_of(1 + len(columns), 2.7)
        draw_bars(scene, panels[0], bars, slots=6)
        draw_effects(scene, panels[1:], columns)
    else:
        figure = figure_of(8.6, 2.7 * 2 + 0.5)
        upper, lower = figure.subfigures(2, 1)
        above = upper.subplots(1, min(3, 1 + len(columns)), squeeze=False).ravel()
        below = lower.subplots(1, max(0, len(columns) - 2) + len(pairs), squeeze=False).ravel()
        many = len(below) - len(pairs)
        draw_bars(scene, above[0], bars, slots=6)
        draw_effects(scene, [*above[1:], *below[:many]], columns)
        draw_pairs(scene, lower, below[many:], pairs)
    draw_legend(scene, figure, folds=False)
    title(figure, f"How {scene.target} is predicted")
    return figure


def _leading(scene: Scene) -> tuple[dict[str, list[dict]], list[dict]]:
    """The columns and the pairs to show: the five largest effects, two columns and, where one is
    worth it, a pair among them."""
    every = effect_columns(scene)
    pairs = [effect for effect in pair_effects(scene) if effect["share"] >= WORTH]
    if not pairs:
        return dict(list(every.items())[:5]), []
    names: list[str] = list(every)[:2]
    shown = pairs[:1]
    for effect in scene.record["effects"]:
        if len(names) + len(shown) == 5:
            break
        if len(effect["columns"]) == 1 and effect["columns"][0] not in names:
            names.append(effect["columns"][0])
        elif effect in pairs and effect not in shown:
            shown.append(effect)
    return {name: every[name] for name in names}, shown
