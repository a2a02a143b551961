"""How databases spell what differs between them: literals, names, types, and what the cell of a
table can be."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from wedgefit.data.words import shown
from wedgefit.errors import ColumnError

# What ``str.strip`` takes off a cell, by code point.
SPACE = [point for point in range(0x3001) if chr(point).isspace()]
# Beside the plain one, spaces that keep groups of digits together.
GROUPING_SPACES = "\u00a0\u202f"
LARGEST = 1.7976931348623157e308
# What ``parse_number`` reads, for databases with regular expressions.
NUMBER = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
# PostgreSQL cuts longer names, in bytes of UTF-8.
LONGEST_NAME = 63


def quoted_name(text: str) -> str:
    """A name as SQL writes it."""
    return '"' + text.replace('"', '""') + '"'


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

    # Literals

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
        """The query that numbers the rows of a table in a column ``row``."""

    @abstractmethod
    def cell(self, name: str, alias: str) -> str:
        """A column of the table in the rows that ``numbered`` gave, known as ``t``."""

    @abstractmethod
    def all_cells(self, alias: str) -> str:
        """What the result keeps of these rows, known as ``r``."""

    @abstractmethod
    def problem(self, columns: Sequence[str], names: Sequence[str]) -> str | None:
        """Why the database cannot hold these columns, and all these names."""

    def refusal(self, problem: str) -> ColumnError:
        """The error for a model that the database cannot hold."""
        remedy = "Rename it and train again, or choose another --format."
        return ColumnError(f"{self.name} cannot hold this model: {problem}.", remedy=remedy)


class Sqlite(Dialect):
    """SQLite from 3.35 on. Its cells have types, its columns only preferences."""

    name, double, greatest, least = "sqlite", "REAL", "MAX", "MIN"
    binary, most_columns, has_booleans = "BINARY", 2000, False

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def number(self, value: float) -> str:
        return plain(value)

    def is_gap(self, cell: str) -> str:
        return f"{cell} IS NULL"

    def is_number(self, cell: str) -> str:
        return f"typeof({cell}) IN ('integer', 'real')"

    def is_text(self, cell: str) -> str:
        return f"typeof({cell}) = 'text'"

    def is_boolean(self, cell: str) -> str:
        raise NotImplementedError("true and false are the numbers 1 and 0")

    def trimmed(self, text: str) -> str:
        return f"TRIM({text}, char({', '.join(map(str, SPACE))}))"

    def as_number(self, cell: str) -> str:
        return self.finite(f"CAST({cell} AS REAL)")

    def parsed(self, text: str) -> str:
        # CAST takes the longest beginning that is a number. A comparison with a number converts
        # all of a text that is one, and no other.
        number = f"CAST({text} AS REAL)"
        return (
            f"CASE WHEN CAST({text} AS NUMERIC) = {text} AND ABS({number}) <= {plain(LARGEST)} "
            f"THEN {number} END"
        )

    def ungrouped(self, text: str, mark: str, decimal: str) -> str:
        # Without regular expressions: the digits are grouped as printf groups them.
        for space in GROUPING_SPACES if mark == " " else "":
            text = f"REPLACE({text}, {self.text(space)}, ' ')"
        mark, decimal = self.text(mark), self.text(decimal)
        bare = f"LTRIM({text}, '+-')"
        end = f"MIN(INSTR({bare} || {decimal}, {decimal}), INSTR(LOWER({bare}) || 'e', 'e'))"
        whole = f"SUBSTR({bare}, 1, {end} - 1)"
        digits = f"CAST(REPLACE({whole}, {mark}, '') AS INTEGER)"
        return (
            f"CASE WHEN {whole} = REPLACE(printf('%,d', {digits}), ',', {mark}) "
            f"AND INSTR(SUBSTR({bare}, {end}), {mark}) = 0 "
            f"THEN REPLACE({text}, {mark}, '') ELSE {text} END"
        )

    def numbered(self, row: str, source: str, alias: str) -> str:
        return f"SELECT ROW_NUMBER() OVER () AS {row}, t.* FROM {source} AS t"

    def cell(self, name: str, alias: str) -> str:
        return f"t.{quoted_name(name)}"

    def all_cells(self, alias: str) -> str:
        return "r.*"

    def problem(self, columns: Sequence[str], names: Sequence[str]) -> str | None:
        return _one_name(columns)


class Typed(Dialect):
    """Databases whose columns have types, and whole rows as values.

    What is asked of a cell asks for its type first, and goes by way of its text, which every type
    has: so one query suits columns of every type.
    """

    double, greatest, least = "DOUBLE PRECISION", "GREATEST", "LEAST"
    has_booleans = True
    numbers: Iterable[str]

    @abstractmethod
    def type_of(self, cell: str) -> str:
        """The type of a cell, a text."""

    def number(self, value: float) -> str:
        return f"CAST({plain(value)} AS {self.double})"

    def is_gap(self, cell: str) -> str:
        nan = f"({self.is_number(cell)} AND LOWER(CAST({cell} AS TEXT)) = 'nan')"
        return f"{cell} IS NULL OR {nan}"

    def is_number(self, cell: str) -> str:
        return f"{self.type_of(cell)} IN ({', '.join(map(self.text, self.numbers))})"

    def is_text(self, cell: str) -> str:
        return "TRUE"

    def is_boolean(self, cell: str) -> str:
        return f"{self.type_of(cell)} = 'boolean'"

    @abstractmethod
    def matches(self, text: str, pattern: str) -> str:
        """A condition: the text matches a regular expression, from its beginning to its end."""

    def as_number(self, cell: str) -> str:
        return self.parsed(f"CAST({cell} AS TEXT)")

    def ungrouped(self, text: str, mark: str, decimal: str) -> str:
        marks = mark + GROUPING_SPACES if mark == " " else mark
        either = "|".join(map(_escaped, marks))
        number = f"[+-]?[1-9][0-9]?[0-9]?(({either})[0-9]{{3}})+({_escaped(decimal)}[0-9]*)?"
        grouped = self.matches(text, f"^{number}([eE][+-]?[0-9]+)?$")
        bare = text
        for space in marks:
            bare = f"REPLACE({bare}, {self.text(space)}, '')"
        return f"CASE WHEN {grouped} THEN {bare} ELSE {text} END"

    def numbered(self, row: str, source: str, alias: str) -> str:
        # The row as one value: a table may have a column called like the row number, as the saved
        # result of another query has.
        return f"SELECT ROW_NUMBER() OVER () AS {row}, {alias} FROM {source} AS {alias}"

    def cell(self, name: str, alias: str) -> str:
        return f"(t.{alias}).{quoted_name(name)}"


class Postgresql(Typed):
    """PostgreSQL from 12 on."""

    name, binary, most_columns = "postgresql", '"C"', 1600
    numbers = ("smallint", "integer", "bigint", "numeric", "real", "double precision")

    def text(self, value: str) -> str:
        # What a backslash means in a plain text depends on a setting of the server.
        literal = "'" + value.replace("'", "''") + "'"
        return "E" + literal.replace("\\", "\\\\") if "\\" in value else literal

    def type_of(self, cell: str) -> str:
        return f"CAST(pg_typeof({cell}) AS TEXT)"

    def trimmed(self, text: str) -> str:
        space = "".join(f"\\u{point:04x}" for point in SPACE)
        return f"BTRIM({text}, E'{space}')"

    def matches(self, text: str, pattern: str) -> str:
        return f"{text} ~ {self.text(pattern)}"

    def parsed(self, text: str) -> str:
        return f"CASE WHEN {self.matches(text, NUMBER)} THEN CAST({text} AS {self.double}) END"

    def finite(self, value: str) -> str:
        return value  # It refuses results that are not.

    def all_cells(self, alias: str) -> str:
        return f"(r.{alias}).*"

    def problem(self, columns: Sequence[str], names: Sequence[str]) -> str | None:
        """Names that would be cut."""
        long = [name for name in names if len(name.encode()) > LONGEST_NAME]
        return f"the name {shown(long[0])} is longer than {LONGEST_NAME} bytes" if long else None


class Duckdb(Typed):
    """DuckDB from 1.0 on."""

    name, double, binary, most_columns = "duckdb", "DOUBLE", "C", 10_000
    numbers = (
        "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger",
        "ubigint", "uhugeint", "float", "double", "decimal",
    )  # fmt: skip

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def type_of(self, cell: str) -> str:
        # DECIMAL(5,2) is a decimal.
        return f"LOWER(split_part(typeof({cell}), '(', 1))"

    def trimmed(self, text: str) -> str:
        return f"TRIM({text}, CONCAT({', '.join(f'chr({point})' for point in SPACE)}))"

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_matches({text}, {self.text(pattern)})"

    def parsed(self, text: str) -> str:
        number = f"TRY_CAST({text} AS {self.double})"
        known = f"{self.matches(text, NUMBER)} AND ABS({number}) <= {plain(LARGEST)}"
        return f"CASE WHEN {known} THEN {number} END"

    def all_cells(self, alias: str) -> str:
        return f"UNNEST(r.{alias})"

    def problem(self, columns: Sequence[str], names: Sequence[str]) -> str | None:
        return _one_name(columns)


def _escaped(mark: str) -> str:
    """One character as a regular expression."""
    return "\\" + mark if mark in "\\^$.|?*+()[]{}" else mark


def _one_name(columns: Sequence[str]) -> str | None:
    """The complaint about names of columns that differ in the case of Latin letters only."""
    seen: dict[str, str] = {}
    for name in columns:
        folded = "".join(
            character.lower() if character.isascii() else character for character in name
        )
        if folded in seen:
            return f"{shown(seen[folded])} and {shown(name)} are one name to it"
        seen[folded] = name
    return None


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (Sqlite(), Postgresql(), Duckdb())
}
