"""Which pairs of columns a network may read together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from wedgefit.data.columns import Feature
from wedgefit.data.table import Table
from wedgefit.data.words import listed, shown, unknown_column
from wedgefit.errors import ColumnError, UsageError

# Two columns by their names.
Names = tuple[str, str]


def pairs_spelt(columns: Sequence[str], text: str) -> list[Names]:
    """All pairs of different columns that ``A:B`` may mean; several where names have colons."""
    found = ((text[: mark.start()], text[mark.end() :]) for mark in re.finditer(":", text))
    return [pair for pair in found if pair[0] != pair[1] and {*pair} <= {*columns}]


def pairs_named(
    table: Table, told: Sequence[str | tuple[str | int, str | int]], inputs: Sequence[str]
) -> tuple[Names, ...] | None:
    """The pairs of inputs that are told, as ``A:B`` or as two names or positions, each once and in
    the order of the table; None where none is told. Raises ColumnError for a column that is not
    there or that the network does not read, UsageError for what is no pair, or may be several."""
    if not told:
        return None
    pairs = [_spelt(table, pair) if isinstance(pair, str) else _at(pair, inputs) for pair in told]
    place = {name: position for position, name in enumerate(inputs)}
    for pair in pairs:
        _refuse(table, pair, inputs)
    ordered = {tuple(sorted(map(place.__getitem__, pair))) for pair in pairs}
    return tuple((inputs[a], inputs[b]) for a, b in sorted(ordered))


def every_pair(names: Sequence[str]) -> tuple[Names, ...]:
    """All pairs of these columns."""
    return tuple(combinations(dict.fromkeys(names), 2))


def sources_of(features: Sequence[Feature]) -> np.ndarray:
    """The column of the table that each column of the design comes from, (d,)."""
    return np.array([feature.source for feature in features], dtype=object)


def read_together(sources: np.ndarray, pairs: Sequence[Names]) -> np.ndarray:
    """Which columns of the design a neuron may read together, (d, d): those of one of the
    ``pairs``, and all that come from one column, its levels and its gaps, as in every network."""
    names = list(dict.fromkeys(sources.tolist()))
    place = {name: position for position, name in enumerate(names)}
    allowed = np.eye(len(names), dtype=bool)
    for a, b in pairs:
        # A column without a feature, as in a fold where it does not vary, is in no pair.
        if a in place and b in place:
            allowed[place[a], place[b]] = allowed[place[b], place[a]] = True
    own = [place[name] for name in sources.tolist()]
    return allowed[np.ix_(own, own)]


def _at(pair: tuple[str | int, str | int], inputs: Sequence[str]) -> Names:
    """The pair by name."""
    if wrong := [place for place in pair if isinstance(place, int) and place >= len(inputs)]:
        raise UsageError(
            f"--pairs names column {wrong[0]} (from 0), and there are {len(inputs)}.",
            remedy="Name columns that there are.",
        )
    first, second = (inputs[place] if isinstance(place, int) else place for place in pair)
    return first, second


def _spelt(table: Table, text: str) -> Names:
    """The one pair that ``A:B`` means in this table."""
    found = pairs_spelt(table.names, text)
    if len(found) == 1:
        return found[0]
    if found:
        meanings = ", or ".join(_words(pair) for pair in found)
        ways = (f"{b}:{a}" for a, b in found)
        other = [way for way in ways if len(pairs_spelt(table.names, way)) == 1]
        spelt = " and ".join(f"{shown(way)} is one of them" for way in other)
        raise UsageError(
            f"--pairs: {shown(text)} may be {meanings}.",
            remedy=f"The other way round {spelt}." if other else "Rename a column.",
        )
    first, _, second = text.partition(":")
    if ":" not in second:
        # What is wrong with the two is told where they are looked at.
        return first, second
    raise ColumnError(
        f"{shown(text)} is no pair of columns.",
        where=table.title,
        remedy=f"The columns are {listed([*map(shown, table.names)], 10)}.",
    )


def _refuse(table: Table, pair: Names, inputs: Sequence[str]) -> None:
    """Raises where these two are no pair of inputs."""
    if pair[0] == pair[1]:
        table.column(pair[0])
        raise UsageError(
            f"--pairs: {shown(pair[0])} and itself are no pair; neurons of one column are always "
            "there.",
            remedy="Name two different columns.",
        )
    for name in pair:
        if name not in table.names:
            raise unknown_column(name, inputs, where=f"{table.title}, --pairs")
        if name not in inputs:
            raise ColumnError(
                f"--pairs is for columns that the network reads, and {shown(name)} is none.",
                where=table.title,
                remedy=f"Leave the pair out, or let the network read {shown(name)}.",
            )


def _words(pair: Names) -> str:
    return f"{shown(pair[0])} and {shown(pair[1])}"
