"""What a query asks of a database, where databases differ: literals, names, types, what the cell of
a table can be, and how rows pass through the steps."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from wedgefit.errors import ColumnError

# What ``str.strip`` takes off a cell, by code point.
SPACE = [point for point in range(0x3001) if chr(point).isspace()]
# Beside the plain one, spaces that keep groups of digits together.
GROUPING_SPACES = "\u00a0\u202f"
LARGEST = 1.7976931348623157e308
# What ``parse_number`` reads, for databases with regular expressions.
NUMBER = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def plain(value: float) -> str:
    """The shortest literal of the number; a negative one in parentheses, so that two signs never
    meet and begin a comment."""
    return f"({float(value)!r})" if value < 0 else repr(float(value) + 0.0)


class Dialect(ABC):
    """What the query asks of a database.

    A ``cell`` is an expression for a cell of the table as it is, of any type that the database has
    for it; what is asked of it holds for the types that the database may find there.
    """

    name: str
    double: str
    greatest: str
    least: str
    binary: str  # the collation that compares texts byte by byte
    most_columns: int
    has_booleans: bool
    # A database that inlined the steps would compute a neuron again for every neuron that reads it.
    materialized = "AS MATERIALIZED"
    # Whether steps hand on the number of a row, by which the last one finds the row again; else
    # they hand on the row itself.
    joins = True
    longest_query = math.inf  # in bytes

    # Literals and names

    def quoted(self, name: str) -> str:
        """A name."""
        return '"' + name.replace('"', '""') + '"'

    def result(self, name: str) -> str:
        """How a column of the result is called that ``wedgefit predict`` calls so."""
        return name

    @abstractmethod
    def text(self, value: str) -> str:
        """A text as a literal."""

    @abstractmethod
    def number(self, value: float) -> str:
        """A number as a literal of the type of all computations."""

    def label(self, value: str | float | int) -> str:
        """A class as a literal."""
        if isinstance(value, float):
            return self.number(value)
        return self.text(value) if isinstance(value, str) else repr(value)

    # Cells

    @abstractmethod
    def is_gap(self, cell: str) -> str:
        """A condition: the cell is NULL or NaN."""

    @abstractmethod
    def is_number(self, cell: str) -> str:
        """A condition: the cell is of a type of numbers."""

    @abstractmethod
    def is_text(self, cell: str) -> str:
        """A condition: the cell is to be read as text. Of what is no number either, no prediction
        is made."""

    @abstractmethod
    def is_boolean(self, cell: str) -> str:
        """A condition, where ``has_booleans``: the cell is true or false."""

    def as_text(self, cell: str) -> str:
        """The cell as text, without space around it."""
        return self.trimmed(f"CAST({cell} AS TEXT)")

    def exact(self, text: str) -> str:
        """The text, compared byte by byte."""
        return f"({text} COLLATE {self.binary})"

    @abstractmethod
    def trimmed(self, text: str) -> str: ...

    @abstractmethod
    def as_number(self, cell: str) -> str:
        """A cell of numbers in the type of all computations, NULL if it is not finite."""

    @abstractmethod
    def parsed(self, text: str) -> str:
        """The finite number that a text spells, NULL if it spells none."""

    def pointed(self, text: str) -> str:
        """A text with the comma as its decimal mark as one with a point; NULL if it has one."""
        return f"CASE WHEN {text} NOT LIKE '%.%' THEN REPLACE({text}, ',', '.') END"

    @abstractmethod
    def ungrouped(self, text: str, mark: str, decimal: str) -> str:
        """A text without the mark between groups of three digits, if they are such groups."""

    def finite(self, value: str) -> str:
        """The value, NULL where it is beyond the range of numbers."""
        return f"CASE WHEN ABS({value}) <= {self.number(LARGEST)} THEN {value} END"

    # The table

    @abstractmethod
    def numbered(self, row: str, source: str, alias: str) -> str:
        """The query that numbers the rows of a table in a column ``row``, where it ``joins``."""

    @abstractmethod
    def cell(self, name: str, alias: str) -> str:
        """A column of the table in the rows that ``numbered`` gave, known as ``t``."""

    @abstractmethod
    def all_cells(self, alias: str) -> str:
        """What the result keeps of these rows, known as ``r`` where it ``joins``, else ``t``."""

    @abstractmethod
    def problem(
        self, table: Sequence[str], columns: Sequence[str], results: Sequence[str]
    ) -> str | None:
        """Why the database cannot hold a table of this name (its parts), these columns of it and
        these columns of the result."""

    def refusal(self, problem: str) -> ColumnError:
        """The error for a model that the database cannot hold."""
        remedy = "Rename it and train again, or choose another --format."
        return ColumnError(f"{self.name} cannot hold this model: {problem}.", remedy=remedy)
