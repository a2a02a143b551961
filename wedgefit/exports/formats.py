"""The languages that a model can be written in, for places where wedgefit is not.

A language is one entry in ``LANGUAGES``: whatever it needs of a model is in the plan.
"""

from collections.abc import Callable
from dataclasses import dataclass

from wedgefit.exports.dialects import DIALECTS
from wedgefit.exports.onnx import to_onnx
from wedgefit.exports.plan import Plan, plan_of
from wedgefit.exports.python import to_python
from wedgefit.exports.sql import to_sql
from wedgefit.model.record import Model


@dataclass(frozen=True)
class Place:
    """Where the cells come from, for languages of databases: the dialect, and the table
    ("schema.table" for one in a schema)."""

    dialect: str = "sqlite"
    table: str = "data"


@dataclass(frozen=True)
class Language:
    """How to write a plan, as source text or as the bytes of a file; ``of_tables``: whether the
    place matters."""

    write: Callable[[Plan, Place], str | bytes]
    of_tables: bool = False


LANGUAGES = {
    "onnx": Language(lambda plan, place: to_onnx(plan)),
    "python": Language(lambda plan, place: to_python(plan)),
    "sql": Language(
        lambda plan, place: to_sql(plan, DIALECTS[place.dialect], place.table), of_tables=True
    ),
}


def exported(
    model: Model, format: str, *, dialect: str = "sqlite", table: str = "data"
) -> str | bytes:
    """The model in one of ``LANGUAGES``; ``dialect`` and ``table`` are for SQL.

    All give the numbers, labels and probabilities of ``Model.predict``, from the neurons that are
    needed for it. Raises ColumnError for names that the language cannot hold, FitError where a
    package is missing.
    """
    return LANGUAGES[format].write(plan_of(model), Place(dialect, table))
