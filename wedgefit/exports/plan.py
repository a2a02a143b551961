"""The model described once, for every language that it is written in: columns become features,
features pass the layers, and the outputs become predictions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from wedgefit.data.columns import InputColumn
from wedgefit.data.kinds import spellings
from wedgefit.data.reading import Reading
from wedgefit.engine.losses import PROBABILITIES
from wedgefit.engine.network import Layer, Network
from wedgefit.errors import FitError
from wedgefit.learning.calibrating import Isotonic
from wedgefit.model.record import Model

# What every language makes of the outputs.
LINKS = ("identity", "log", "logistic", "softmax", "sorted")


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: what fills its gaps, and how numbers far out count: below ``low[0]`` as
    ``low[1]``, above ``high[0]`` as ``high[1]``; None: as they are."""

    name: str
    fill: float
    low: tuple[float, float] | None
    high: tuple[float, float] | None


@dataclass(frozen=True)
class TextColumn:
    """A column of text: the level that each text counts as.

    ``levels`` holds every text that training saw and every word for a missing cell; ``empty`` is
    the level of an empty cell and ``other`` that of all other texts, None where they are 0 in all
    features. ``numbers`` and ``booleans`` tell as which text of ``levels`` such cells count.
    """

    name: str
    levels: dict[str, str | None]
    empty: str | None
    other: str | None
    numbers: dict[float, str]
    booleans: dict[bool, str]


@dataclass(frozen=True)
class Feature:
    """What the network reads: (raw − center) / scale, where raw is the number of the column, or 1
    where it is missing, or 1 where its text, or number, counts as ``level``, else 0."""

    column: NumberColumn | TextColumn
    kind: str  # "number", "missing" or "level"
    level: str | float | None
    center: float
    scale: float

    def of(self, raw: float) -> float:
        """The value of the feature."""
        return (raw - self.center) / self.scale


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole way from cells to predictions.

    The ``network`` reads the ``features``, and all its layers have units. Its outputs are the
    ``targets`` (or the quantiles of one), or, where there are ``classes``, one score of the second
    of two or one score of each. ``link``: what the outputs are, one of ``LINKS``: with "logistic"
    and "softmax" they are log-odds, or logarithms up to a constant, of probabilities; with "log"
    their exponentials are predicted, with "sorted" those of a row in ascending order. ``cut``: the
    score above which the second of two classes is predicted. ``reading``: what training was told
    about cells and files. ``exposure``: the column that predictions are multiplied by, if any.
    """

    columns: tuple[NumberColumn | TextColumn, ...]
    features: tuple[Feature, ...]
    network: Network
    targets: tuple[str, ...]
    classes: tuple | None
    link: str
    cut: float
    reading: Reading
    exposure: str | None

    @property
    def read(self) -> list[int]:
        """The positions of the features that some unit reads."""
        return np.flatnonzero(self.network.layers[0].weights.any(axis=1)).tolist()

    @property
    def probable(self) -> bool:
        """Whether classes have probabilities."""
        return self.link in PROBABILITIES

    @property
    def shared(self) -> bool:
        """Whether these are the softmax of the outputs, and no log-odds of each."""
        return self.link == "softmax"

    @property
    def exponential(self) -> bool:
        """Whether outputs are the logarithms of what is predicted."""
        return self.link == "log"

    @property
    def ascending(self) -> bool:
        """Whether the outputs of a row are predicted in ascending order."""
        return self.link == "sorted"

    @property
    def missing(self) -> tuple[str, ...]:
        """The texts, without space around them, that mean a missing cell."""
        return _missing(self.reading)

    @property
    def prediction_names(self) -> list[str]:
        """What ``wedgefit predict`` calls its columns."""
        return [f"prediction_{name}" for name in self.targets]

    @property
    def probability_names(self) -> list[str]:
        """Likewise, for the probabilities that the model has."""
        return [f"probability_{label}" for label in self.classes] if self.probable else []

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        more = [] if self.exposure is None else [self.exposure]
        return [*(column.name for column in self.columns), *more]

    @property
    def texts(self) -> list[str]:
        """Every text that a language must be able to hold: names, cells, labels."""
        cells = [text for column in self.columns for text in getattr(column, "levels", ())]
        return [*self.names, *self.targets, *map(str, self.classes or ()), *cells]


def plan_of(model: Model) -> Plan:
    """The plan of a model, with the neurons only that its outputs depend on.

    Raises FitError where predictions are made of the outputs in a way that no language writes.
    """
    if model.loss.link not in LINKS:
        raise FitError(
            f"the link {model.loss.link} of the {model.loss.name} loss cannot be exported.",
            remedy="Use wedgefit predict.",
        )
    model = model.pruned()
    encoding = model.encoding
    missing = _missing(encoding.reading)
    columns = {column.name: _column(column, missing) for column in encoding.inputs}
    features = tuple(
        Feature(
            columns[feature.source],
            "level" if feature.level is not None or feature.kind == "end" else feature.kind,
            feature.level if feature.at is None else feature.at, feature.center, feature.scale,
        )
        for feature in encoding.features
    )  # fmt: skip
    target, network = encoding.target, _with_units(model.network)
    if model.steps:
        network = Isotonic(model.steps).after(network)
    return Plan(
        tuple(columns.values()), features, network,
        model.predicted_names, target.classes, model.loss.link, model.cut, encoding.reading,
        model.data.exposure,
    )  # fmt: skip


def _missing(reading: Reading) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("", *reading.na)))


def _with_units(network: Network) -> Network:
    """The network; of one without neurons the output layer, which reads the features with weights
    of zero."""
    outer, intercept = network.output
    if len(outer):
        return network
    return Network((Layer(np.zeros((network.inputs, len(intercept))), intercept),))


def _column(column: InputColumn, missing: tuple[str, ...]) -> NumberColumn | TextColumn:
    if column.kind == "numeric":
        return NumberColumn(column.name, column.fill, *column.ends)
    seen = {text: level for text, level in column.cells.items() if text is not None}
    empty = column.cells.get(None, column.other)
    levels = dict.fromkeys(missing, empty) | seen
    # No cell holds an infinite number, and most languages have no word for one.
    numbers = {n: text for n, text in spellings(levels).items() if math.isfinite(n)}
    booleans = {value: _truth(value, seen, numbers) for value in (False, True)}
    booleans = {value: text for value, text in booleans.items() if text is not None}
    return TextColumn(column.name, levels, empty, column.other, numbers, booleans)


def _truth(value: bool, seen: Iterable[str], numbers: dict[float, str]) -> str | None:
    """As which text that training saw this boolean counts: true, in any case, else t, else 1."""
    word = str(value).casefold()
    for spelled in (word, word[0]):
        # Of several spellings Python's own, if it is among them.
        if named := [text for text in seen if text.casefold() == spelled]:
            return str(value) if str(value) in named else min(named)
    return numbers.get(float(value))
