"""The settings of what is made of a table, declared once: what to learn, from which columns and
rows."""

from __future__ import annotations

from dataclasses import dataclass

from wedgefit.setting import LEARN, NETWORK, ColumnName, Declared, Flag, OneOf, Several, setting

NUMBERS, CLASSES = "regression", "classification"


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
        None, ColumnName(), LEARN, "A column of groups that cross-validation does not split."
    )
    exposure: str | None = setting(
        None,
        ColumnName(),
        LEARN,
        "With --loss poisson: a column that says how long, or how much, each row was counted; the"
        " network predicts counts per unit of it.",
    )
    drop_missing_target: bool = setting(False, Flag(), LEARN, "Leave rows without a target out.")
    standardize: bool = setting(
        True,
        Flag(),
        NETWORK,
        "Whether numeric columns get mean 0 and deviation 1 first.",
        parameter=True,
    )
