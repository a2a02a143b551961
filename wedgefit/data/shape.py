"""Which columns a network is to rise or to fall in, or to bend upwards or downwards in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wedgefit.data.columns import Feature
from wedgefit.data.settings import CURVATURES, DIRECTIONS
from wedgefit.data.table import Table
from wedgefit.data.words import shown
from wedgefit.errors import ColumnError, UsageError

# The shapes of columns by their names.
Shapes = Mapping[str, Sequence[str]]


def contradiction(shapes: Sequence[str]) -> tuple[str, str, str] | None:
    """Two shapes of one column that exclude each other, and what they leave; None if there are
    none."""
    for pair, leaves in ((DIRECTIONS, "a constant"), (CURVATURES, "a line")):
        if {*pair} <= {*shapes}:
            one, other = pair
            return one, other, leaves
    return None


def refuse_shapes(table: Table, shapes: Shapes, inputs: Sequence[str]) -> None:
    """Raises UsageError for shapes that exclude each other, ColumnError for columns that have no
    order, or that the network does not read."""
    for name, own in shapes.items():
        if found := contradiction(own):
            one, other, leaves = found
            raise UsageError(
                f"--{one} and --{other} are both given for {shown(name)}, which leaves {leaves}.",
                remedy="Give one of them.",
            )
    for name, (shape, *_) in shapes.items():
        column = table.column(name)
        if name not in inputs:
            raise ColumnError(
                f"--{shape} is for columns that the network reads, and {shown(name)} is none.",
                where=table.title,
                remedy=f"Leave it out, or let the network read {shown(name)}.",
            )
        if column.kind != "numeric":
            raise ColumnError(
                f"a column of text has no order in which a network could be {shape}.",
                where=table.at(name),
                remedy="Leave it out, or write the levels as numbers.",
            )


def shapes_of(features: Sequence[Feature], shapes: Shapes) -> np.ndarray | None:
    """The shapes of the design's columns as the engine is told, (d, 2); None where there is none.

    They hold between numbers: where a number is missing the network has a level of its own.
    """
    if not shapes:
        return None
    own = [shapes.get(feature.source, ()) for feature in features]
    own = [names if feature.kind == "number" else () for names, feature in zip(own, features)]
    return np.array([[_told(names, DIRECTIONS), _told(names, CURVATURES)] for names in own])


def gap_notes(features: Sequence[Feature], shapes: Shapes) -> tuple[str, ...]:
    """What a shape says of rows where its column is missing: nothing."""
    return tuple(
        f"column {shown(feature.source)} is {' and '.join(shapes[feature.source])} in its numbers; "
        "rows where it is missing have a level of their own"
        for feature in features
        if feature.kind == "missing" and feature.source in shapes
    )


def _told(names: Sequence[str], numbers: Mapping[str, int]) -> int:
    return next((numbers[name] for name in names if name in numbers), 0)
