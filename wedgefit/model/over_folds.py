"""How far effects depend on the rows: those of the networks that folds learnt, beside the model's.

Every fold's network is taken apart as the model's is, over the same distributions, so that what
differs is the network alone. Folds share most of their rows: what is told is how far networks of so
many rows are apart, no standard error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np

from wedgefit.data.distribution import quantile
from wedgefit.data.sample import Design
from wedgefit.data.table import Table
from wedgefit.model.effects import Effects, Key, deviations
from wedgefit.records import Complaint, at_least, items

if TYPE_CHECKING:
    from wedgefit.learning.kept import FoldNetwork

# At so many quantiles along a column of numbers, and at its ends.
PLACES = 31
# Importances are compared on so many rows at most, every so-many-th.
MOST_ROWS = 5000

Off = Annotated[float, at_least(0)]


@dataclass(frozen=True)
class OverFolds:
    """How far the folds' networks are from the model in one effect, root mean square over the
    folds: in its ``importance``, and of a column in the ``effect`` itself, at some places."""

    columns: Annotated[tuple[str, ...], items(1), "The column, or the two of a pair."]
    importance: Annotated[
        Off | dict[str, Off], "In units of the output; of several outputs by their names."
    ]
    at: Annotated[
        tuple[float, ...], "Places in rising order along a column of numbers; else empty."
    ] = ()
    levels: Annotated[tuple[str, ...], "The levels of a column of text; else empty."] = ()
    effect: Annotated[
        tuple[Off, ...] | dict[str, tuple[Off, ...]],
        "At every place or level; of several outputs by their names.",
    ] = ()

    def complaints(self) -> Iterator[Complaint]:
        """As many numbers as places, in the order of places."""
        places = len(self.at) + len(self.levels)
        effect = self.effect.values() if isinstance(self.effect, dict) else [self.effect]
        if any(len(values) != places for values in effect):
            yield Complaint("effect", "one for each place or level")
        if list(self.at) != sorted(set(self.at)):
            yield Complaint("at", "rising")


def over_folds(
    whole: Effects,
    keys: Sequence[Key],
    design: Design,
    folds: Sequence[tuple[np.ndarray, FoldNetwork]],
) -> tuple[OverFolds, ...]:
    """What the networks of the folds make of these effects of the ``whole`` model; ``folds`` are
    the rows that each learnt from (positions in the design) and its networks. Nothing without
    folds."""
    if not folds:
        return ()
    every = -(-len(design.y) // MOST_ROWS)
    table = design.table.take(np.arange(len(design.y))[::every])
    weights = np.ones(len(design.y)) if design.weights is None else design.weights
    places = {key: _places(whole, key) for key in keys}
    look = partial(_look, places=places, table=table, weights=weights[::every])
    own, off, seen = look(whole), [], [*whole.distributions.values()]
    for rows, kept in folds:
        encoding = design.encoding_of(rows)
        network = kept.network(len(encoding.names))
        fold = look(Effects(encoding, seen, network, whole.outputs))
        off.append([_away(*pair) for pair in zip(fold, own)])
    found = []
    for key, parts in zip(keys, zip(*off)):
        sizes, values = (np.sqrt(np.mean(np.square(each), axis=0)) for each in zip(*parts))
        found.append(_record(whole.outputs, key, sizes, values, places[key]))
    return tuple(found)


# Of one effect its importance (K,), and its values at some places (p, K).
Look = tuple[np.ndarray, np.ndarray]
Places = tuple[float, ...] | tuple[str, ...]


def _places(effects: Effects, key: Key) -> Places:
    """Where the effect of a column is looked at; nowhere that of a pair."""
    if len(key) == 2:
        return ()
    seen = effects.distributions[key[0]]
    if seen.levels:
        return seen.levels
    inner = [quantile(seen, part) for part in np.linspace(0, 1, PLACES)]
    return tuple(np.unique([*effects.ends(key[0]), *inner]).tolist())


def _look(
    effects: Effects, *, places: dict[Key, Places], table: Table, weights: np.ndarray
) -> list[Look]:
    """What effects come to, key by key; one that a network does not have is 0."""
    sizes, outputs = deviations(effects.at(table), weights), len(effects.outputs)
    found = []
    for key, here in places.items():
        values = np.zeros((len(here), outputs))
        if key in sizes and here:
            text = bool(effects.distributions[key[0]].levels)
            states = effects.levels if text else effects.numbers
            values = effects.of_states(key, states(key[0], here))
        found.append((sizes.get(key, np.zeros(outputs)), values))
    return found


def _away(one: Look, other: Look) -> Look:
    return one[0] - other[0], one[1] - other[1]


def _record(
    outputs: Key, key: Key, sizes: np.ndarray, values: np.ndarray, places: Places
) -> OverFolds:
    several = len(outputs) > 1
    effect = dict(zip(outputs, map(tuple, values.T.tolist())))
    text = bool(places) and isinstance(places[0], str)
    return OverFolds(
        key,
        dict(zip(outputs, sizes.tolist())) if several else float(sizes[0]),
        at=() if text else places,
        levels=places if text else (),
        effect=effect if several and places else effect[outputs[0]],
    )
