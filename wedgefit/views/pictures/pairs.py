"""What pairs of columns do beyond their own effects: a map, lines by level, or cells."""

from __future__ import annotations

import numpy as np

from wedgefit.data.distribution import Distribution
from wedgefit.errors import UsageError
from wedgefit.views.effects import states_at
from wedgefit.views.pictures.scene import SIDE, Scene, near_rows
from wedgefit.views.pictures.style import (
    CLASS_COLOURS,
    DARK,
    LIGHT,
    MOST_LEVELS,
    MOST_PAIRS,
    SIGNED,
    SOFT,
    close_seams,
    dots,
    label,
    panels_of,
    plain_ticks,
    tick,
    title,
)
from wedgefit.views.words import number, signed

MOST_LINES = 5
MOST_FIGURES = 16  # More cells have no room for them.
FULL = 0.98  # Colours are full where this part of the places is less.


def pairs(scene: Scene):
    """A panel per pair, the strongest first, all on one scale."""
    every = pair_effects(scene)
    if not every:
        raise UsageError(
            "this model has no effect of a pair of columns.",
            remedy="Try --kind effects or importance.",
        )
    most = min(len(every), 2 * scene.across if scene.narrow else MOST_PAIRS)
    figure, panels = panels_of(most, 2.6, scene.across)
    draw_pairs(scene, figure, panels, every[:most])
    more = f" ({most} of {len(every)})" if len(every) > most else ""
    title(figure, f"What pairs of columns add to {scene.sum}, beyond each column's effect{more}")
    return figure


def pair_effects(scene: Scene) -> list[dict]:
    """The effects of pairs, the strongest first."""
    return [effect for effect in scene.record["effects"] if len(effect["columns"]) == 2]


def draw_pairs(scene: Scene, figure, panels, records: list[dict]) -> None:
    """Each in the way that suits its columns; one scale, white or level where nothing is added."""
    drawings = [_drawing(scene, record) for record in records]
    most = max(drawing.most for drawing in drawings) or 1.0
    shades = None
    for axes, record, drawing in zip(panels, records, drawings):
        shades = drawing.draw(scene, axes, most) or shades
        of = f"{label(record['output'], 16)}: " if len(scene.model.outputs) > 1 else ""
        words = f"{of}importance {number(record['importance'], 2)}"
        axes.set_title(words, fontsize=8.5, color=SOFT)
        axes.grid(False)
    if shades is not None:
        outputs = scene.model.outputs
        name = scene.output(outputs[0]) if len(outputs) == 1 else f"the {scene.thing}"
        style = {"aspect": 30, "pad": 0.01, "label": f"adds to {name}"}
        bar = figure.colorbar(shades, ax=list(panels), ticks=[-most, 0, most], **style)
        bar.ax.set_yticklabels([f"−{number(most, 2)}", "0", f"+{number(most, 2)}"])
        bar.outline.set_visible(False)


def _drawing(scene: Scene, record: dict):
    effects = scene.model.effects()
    texts = [is_levels(effects.distributions[name]) for name in record["columns"]]
    kind = _Cells if all(texts) else _Lines if any(texts) else _Map
    return kind(scene, record)


def is_levels(seen: Distribution) -> bool:
    """Whether a column is drawn level by level: text, and codes of a few numbers."""
    return bool(seen.levels) or len(seen.values) <= MOST_LINES


class _Drawing:
    """One pair: its values at places along both columns, and how far they go."""

    def __init__(self, scene: Scene, record: dict):
        self.effects = scene.model.effects()
        self.names = tuple(record["columns"])
        self.output = scene.model.outputs.index(record["output"])
        self.places = [self.places_along(name) for name in self.names]
        first, second = (
            states_at(self.effects, name, places) for name, places in zip(self.names, self.places)
        )
        x, y = (part.ravel() for part in np.indices((len(first), len(second))))
        found = self.effects.of_states(self.names, first[x], second[y])[:, self.output]
        self.values = found.reshape(len(first), len(second))
        self.shown = self.visible(scene)
        kept = np.abs(self.values[self.shown])
        self.most = float(np.quantile(kept, FULL)) if len(kept) else 0.0

    def places_along(self, name: str) -> list:
        """Levels, the most frequent first, or places of equal distance."""
        seen = self.effects.distributions[name]
        if seen.levels:
            ranked = sorted(zip(seen.levels, seen.parts), key=lambda item: -item[1])
            return [level for level, _ in ranked[:MOST_LEVELS]]
        if is_levels(seen):
            return list(seen.values)
        return np.linspace(*self.effects.ends(name), SIDE).tolist()

    def visible(self, scene: Scene) -> np.ndarray:
        return np.ones(self.values.shape, dtype=bool)


class _Map(_Drawing):
    """Two columns of numbers: shades where rows are near."""

    def visible(self, scene: Scene) -> np.ndarray:
        seen = scene.rows(self.names)
        if seen is None or not len(seen.values[self.names[0]]):
            return super().visible(scene)
        spans = [(places[0], places[-1]) for places in self.places]
        return near_rows(seen, self.names, spans)

    def draw(self, scene: Scene, axes, most: float):
        values = np.ma.masked_array(self.values, ~self.shown).T
        levels = np.linspace(-most, most, 16)
        shades = axes.contourf(*self.places, values, levels=levels, cmap=SIGNED, extend="both")
        close_seams(shades)
        seen = scene.rows(self.names)
        if seen is not None:
            x, y = (seen.values[name] for name in self.names)
            dots(axes, x, y, DARK, s=4, alpha=0.25, linewidths=0, rasterized=len(x) > 300)
        ends = [(places[0], places[-1]) for places in self.places]
        axes.set(xlim=ends[0], ylim=ends[1])
        for axis, name in zip((axes.xaxis, axes.yaxis), self.names):
            axis.set_label_text(label(name, 24))
            plain_ticks(axis, whole=scene.is_whole(name))
        return shades


class _Lines(_Drawing):
    """A column of text and one of numbers: a line per level."""

    def draw(self, scene: Scene, axes, most: float) -> None:
        text = 0 if is_levels(self.effects.distributions[self.names[0]]) else 1
        at, levels = self.places[1 - text], self.places[text][:MOST_LINES]
        values = self.values if text == 0 else self.values.T
        for line, level, colour in zip(values, levels, CLASS_COLOURS):
            axes.plot(at, line, color=colour, lw=1.6, label=_written(level))
        axes.axhline(0, color=SOFT, lw=0.8, zorder=1)
        axes.set_ylim(-1.3 * most, 1.3 * most)
        axes.set_xlabel(label(self.names[1 - text], 24))
        plain_ticks(axes.xaxis, whole=scene.is_whole(self.names[1 - text]))
        plain_ticks(axes.yaxis)
        name = label(self.names[text], 16)
        # Many levels side by side: a high box would lie on the lines.
        box = {"ncols": 1 if len(levels) <= 3 else 2, "handlelength": 1.2, "columnspacing": 1.2}
        axes.legend(loc="best", title=name, fontsize=7, title_fontsize=7.5, **box)


class _Cells(_Drawing):
    """Two columns of text: a cell per pair of levels."""

    def draw(self, scene: Scene, axes, most: float):
        shades = axes.imshow(self.values.T, cmap=SIGNED, vmin=-most, vmax=most, aspect="auto")
        for axis, name, places in zip((axes.xaxis, axes.yaxis), self.names, self.places):
            axis.set_ticks(range(len(places)), [_written(level) for level in places])
            axis.set_label_text(label(name, 24))
        if self.values.size <= MOST_FIGURES:
            for (i, k), value in np.ndenumerate(self.values):
                colour = LIGHT if abs(value) > 0.6 * most else DARK
                words = signed(value, 2).replace("-", "−")
                axes.text(i, k, words, ha="center", va="center", color=colour, fontsize=8)
        return shades


def _written(level: str | float) -> str:
    """A level, or a number that stands for one."""
    return tick(level) if isinstance(level, float) else label(level, 12)
