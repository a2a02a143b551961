"""What is drawn: a model, its explanation, and rows if there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wedgefit.data.table import Table
from wedgefit.model.record import Model
from wedgefit.views.pictures.style import (
    label,
)

SIDE = 40  # Places along each side of a map of two columns.
NEAR = 3  # So many places from a row a map ends.


@dataclass(frozen=True)
class Seen:
    """The rows of a table: features in original units by name, (n,) each, where cells are missing
    by column, and the target or None."""

    values: dict[str, np.ndarray]
    missing: dict[str, np.ndarray]
    target: np.ndarray | None

    def complete(self, names: Sequence[str]) -> Seen:
        """The rows without a gap in these columns."""
        kept = ~np.any([self.missing[name] for name in names], axis=0)
        values, missing = (
            {name: part[kept] for name, part in parts.items()}
            for parts in (self.values, self.missing)
        )
        return Seen(values, missing, None if self.target is None else self.target[kept])


@dataclass(frozen=True)
class Scene:
    """What is drawn: a model, its explanation, and rows if there are any."""

    model: Model
    record: dict
    seen: Seen | None
    # For a page that is also read on a phone: nothing so wide that its letters could not be read.
    narrow: bool = False

    @property
    def across(self) -> int:
        """How many panels stand side by side."""
        return 2 if self.narrow else 3

    def width(self, inches: float) -> float:
        """The width of a figure that would like to have this."""
        return min(inches, 5.6) if self.narrow else inches

    @property
    def target(self) -> str:
        per = self.model.data.exposure
        name = self.model.encoding.target.name
        return label(name) if per is None else label(f"{name} per {per}")

    @property
    def classes(self) -> bool:
        return self.model.encoding.target.classes is not None

    @property
    def has_odds(self) -> bool:
        """Whether the one output is the log-odds of a class, in effects."""
        model = self.model
        one = model.has_probabilities and len(model.outputs) == 1 and not model.steps
        return one and self.record["no_effects"] is None

    @property
    def thing(self) -> str:
        """What one of several outputs is."""
        return "score" if self.classes else "target"

    @property
    def sum(self) -> str:
        """What everything is added up to."""
        if len(self.model.outputs) > 1:
            return f"the {self.thing}s of {self.target}" if self.classes else self.target
        return f"{'the ' if self.classes else ''}{self.output(self.model.outputs[0])}"

    def output(self, name: str) -> str:
        """What the curves of an output add to."""
        if self.classes:
            return f"score of {self.target} = {label(name)}"
        return f"log {label(name)}" if self.model.scale == "log" else label(name)

    def range(self, name: str, margin: float = 0.05) -> tuple[float, float]:
        """Of a feature in the rows, or else in the rows that the model keeps, with a margin (a part
        of it) at both ends."""
        kept = [sample["values"][name] for sample in self.record["samples"]]
        rows = self.seen.values[name] if self.seen else np.array(kept)
        low, high = (float(rows.min()), float(rows.max())) if len(rows) else (-1.0, 1.0)
        around = margin * (high - low) if high > low else 0.5 * abs(high) or 1.0
        return low - around, high + around

    def density(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Where the rows lie along a column of numbers, and with which weights: the rows at hand,
        or else what training saw."""
        if self.seen is not None:
            values = self.seen.complete([column]).values[column]
            return values, np.ones(len(values))
        for part in self.model.distributions:
            if part.column == column:
                return np.array(part.values), np.array(part.parts)
        return np.empty(0), np.empty(0)

    def is_whole(self, column: str) -> bool:
        """Whether a column holds whole numbers only, of a range in which halves would stand out."""
        values, _ = self.density(column)
        whole = bool(np.all(values == np.round(values)))
        return whole and len(values) > 0 and float(np.ptp(values)) <= 20

    def rows(self, names: Sequence[str]) -> Seen | None:
        """The rows that can be drawn against these columns: those without a gap in them."""
        return None if self.seen is None else self.seen.complete(names)

    def anchors(self, names: Sequence[str]) -> list[dict]:
        """The rows that the network stands on and that have a value in these columns."""
        return [
            sample
            for sample in self.record["samples"]
            if all(sample["cells"][name] is not None for name in names)
        ]


def near_rows(seen: Seen, names: Sequence[str], spans) -> np.ndarray:
    """Where in the plane of two columns some row is near, (SIDE, SIDE) over these spans: beyond,
    nobody has looked."""
    rows = [seen.values[name] for name in names]
    count, _, _ = np.histogram2d(*rows, bins=SIDE, range=spans)
    near = np.zeros((SIDE, SIDE), dtype=bool)
    for i, k in np.argwhere(count > 0):
        near[max(0, i - NEAR) : i + NEAR + 1, max(0, k - NEAR) : k + NEAR + 1] = True
    return near


def numbers_of(model: Model) -> list[str]:
    """The columns that a model reads, if all of them are numbers, else none: what can be drawn as
    a line or a map. A gap is no column of its own."""
    names = {feature.name for feature in model.encoding.features if feature.kind == "number"}
    columns = [column.name for column in model.encoding.inputs]
    return columns if names >= set(columns) else []


def default_kind(model: Model) -> str:
    """The picture that shows most of a model: of one number its fit, of two a map, else an
    overview."""
    several_maps = len(model.outputs) > 1 and model.encoding.target.classes is None
    kinds = {1: "fit", 2: "overview" if several_maps else "map"}
    return kinds.get(len(numbers_of(model)), "overview")


def seen_rows(model: Model, table: Table | None) -> Seen | None:
    """The rows of a table as they can be drawn."""
    if table is None:
        return None
    X = model.encoding.transform(table)
    values = {
        feature.name: X[:, j] * feature.scale + feature.center
        for j, feature in enumerate(model.encoding.features)
    }
    missing = {column.name: table.columns[column.name].missing for column in model.encoding.inputs}
    labelled = all(
        name in table.columns and not table.columns[name].missing.any()
        for name in model.encoding.target.names
    )
    target = model.encoding.target_values(table) if labelled else None
    exposure = model.exposures(table)
    if target is not None and exposure is not None:
        target = target / exposure[:, None]
    return Seen(values, missing, target)


def shown_values(model: Model, scores: np.ndarray) -> dict[str, np.ndarray]:
    """What is drawn up the side: numbers; probabilities of classes, or their scores where there are
    none."""
    probabilities = model.probabilities(scores)
    if probabilities is not None:
        names = [str(label) for label in model.encoding.target.classes]
        columns = dict(zip(names, probabilities.T))
        return columns if len(names) > 2 else {names[1]: columns[names[1]]}
    return dict(zip(model.outputs, model.predicted(scores).T))


def shown_name(scene: Scene) -> str:
    """What is drawn up the side, in words."""
    model = scene.model
    if model.has_probabilities:
        which = f" = {label(model.outputs[0])}" if len(model.outputs) == 1 else ""
        return f"probability of {scene.target}{which}"
    one = len(model.outputs) == 1 and scene.classes
    return scene.output(model.outputs[0]) if one else scene.target
