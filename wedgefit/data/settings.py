"""The settings of what is made of a table, declared once: what to learn, from which columns and
rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wedgefit.ranges import (
    ColumnName,
    Flag,
    OneOf,
    PairOfNames,
    Several,
    Span,
    Whole,
)
from wedgefit.setting import LEARN, NETWORK, Declared, setting

NUMBERS, CLASSES = "regression", "classification"
# What a network can be in a column of numbers: options, and as numbers of the engine.
DIRECTIONS = {"increasing": 1, "decreasing": -1}
CURVATURES = {"convex": 1, "concave": -1}
SHAPES = (*DIRECTIONS, *CURVATURES)


@dataclass(frozen=True)
class TableSettings(Declared):
    """What to learn from a table. Raises UsageError for a value that is out of range."""

    target: tuple[str, ...] = setting(
        (),
        Several(ColumnName()),
        LEARN,
        "A column to predict; several are for numbers.",
        by_default="the last",
    )
    task: str = setting(
        "auto",
        OneOf("auto", NUMBERS, CLASSES),
        LEARN,
        "auto is classification for text or two distinct values.",
    )
    keep: tuple[str, ...] = setting((), Several(ColumnName()), LEARN, "Use only these columns.")
    drop: tuple[str, ...] = setting((), Several(ColumnName()), LEARN, "Leave a column out.")
    weight: str | None = setting(
        None,
        ColumnName(),
        LEARN,
        "A column that says how much each row counts, as if it were repeated.",
    )
    group: str | None = setting(
        None,
        ColumnName(),
        LEARN,
        "A column of groups that cross-validation does not split; with --lags each is a series of"
        " its own.",
    )
    time: str | None = setting(
        None,
        ColumnName(),
        LEARN,
        "A column of times, numbers or dates like 2024-01-31: cross-validation learns from earlier"
        " rows what it predicts of later ones.",
    )
    lags: tuple[int, int] | None = setting(
        None,
        Span(),
        LEARN,
        "With --time: the target of so many rows before as columns, like 1:5.",
    )
    horizon: int = setting(
        1,
        Whole(1),
        LEARN,
        "With --lags: how many rows ahead is predicted; lags are counted from the last row that is"
        " known then.",
    )
    exposure: str | None = setting(
        None,
        ColumnName(),
        LEARN,
        "With --loss poisson: a column that says how long, or how much, each row was counted; the"
        " network predicts counts per unit of it.",
    )
    increasing: tuple[str, ...] = setting(
        (),
        Several(ColumnName()),
        NETWORK,
        "The network must not fall in this column, whatever the others are; it is the best of all"
        " that do not, proven.",
    )
    decreasing: tuple[str, ...] = setting(
        (), Several(ColumnName()), NETWORK, "The network must not rise in this column."
    )
    convex: tuple[str, ...] = setting(
        (), Several(ColumnName()), NETWORK, "The network must not bend downwards in this column."
    )
    concave: tuple[str, ...] = setting(
        (), Several(ColumnName()), NETWORK, "The network must not bend upwards in this column."
    )
    pairs: tuple[str | tuple[str | int, str | int], ...] = setting(
        (),
        Several(PairOfNames()),
        NETWORK,
        "With --order 2: neurons read one column, or two that are such a pair, and no others"
        " together.",
        by_default="all pairs",
        parameter=True,
        in_python="a list of pairs of names, or of positions from 0",
    )
    robust: str = setting(
        "auto",
        OneOf("auto", "on", "off"),
        LEARN,
        "Whether columns of numbers are taken apart: those in the tails, where a boxplot draws"
        " points, count as the nearest of the rest, and a smallest or largest number that many rows"
        " share, like 0, has a column of its own. auto lets cross-validation choose where there are"
        " three classes or more, and alpha is not given.",
        parameter=True,
    )
    drop_missing_target: bool = setting(False, Flag(), LEARN, "Leave rows without a target out.")
    standardize: bool = setting(
        True,
        Flag(),
        NETWORK,
        "Whether numeric columns get mean 0 and deviation 1 first.",
        parameter=True,
    )

    @property
    def shapes(self) -> dict[str, tuple[str, ...]]:
        """What the network is to be in each column that it is to be something in."""
        return shapes_by_column({shape: getattr(self, shape) for shape in SHAPES})


def shapes_by_column(columns: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The shapes of each column, given the columns of each shape."""
    found: dict[str, dict[str, None]] = {}
    for shape in SHAPES:
        for name in columns.get(shape, ()):
            found.setdefault(name, {})[shape] = None
    return {name: tuple(shapes) for name, shapes in found.items()}


def columns_by_shape(shapes: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The columns of each shape, given the shapes of each column."""
    return {shape: tuple(name for name, own in shapes.items() if shape in own) for shape in SHAPES}
