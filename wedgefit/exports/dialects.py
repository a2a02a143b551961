"""How databases spell what differs between them, a class each."""

import unicodedata
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

from wedgefit.data.words import shown
from wedgefit.exports.dialect import GROUPING_SPACES, LARGEST, NUMBER, SPACE, Dialect, plain

# PostgreSQL cuts longer names, in bytes of UTF-8.
LONGEST_NAME = 63
# How BigQuery's names of columns must not begin.
RESERVED = (
    "_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER",
    "_CHANGE_SEQUENCE_NUMBER", "_CHANGE_TYPE", "_CHANGE_TIMESTAMP",
)  # fmt: skip


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
        return f"t.{self.quoted(name)}"

    def all_cells(self, alias: str) -> str:
        return "r.*"

    def problem(
        self, table: Sequence[str], columns: Sequence[str], results: Sequence[str]
    ) -> str | None:
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

    def cast_if_number(self, cast: str, text: str) -> str:
        """The finite number that a text spells, else NULL, by a ``cast`` that makes NULL of what it
        cannot read."""
        number = f"{cast}({text} AS {self.double})"
        known = f"{self.matches(text, NUMBER)} AND ABS({number}) <= {plain(LARGEST)}"
        return f"CASE WHEN {known} THEN {number} END"

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
        return f"(t.{alias}).{self.quoted(name)}"


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

    def problem(
        self, table: Sequence[str], columns: Sequence[str], results: Sequence[str]
    ) -> str | None:
        """Names that would be cut."""
        names = [*table, *columns, *results]
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
        return self.cast_if_number("TRY_CAST", text)

    def all_cells(self, alias: str) -> str:
        return f"UNNEST(r.{alias})"

    def problem(
        self, table: Sequence[str], columns: Sequence[str], results: Sequence[str]
    ) -> str | None:
        return _one_name(columns)


class Bigquery(Typed):
    """GoogleSQL of BigQuery.

    Rows have no order and no numbers that two readings of a table agree in, and steps are inlined:
    every step hands on the row itself. NULL as an argument makes NULL of every function, so that
    cells that could not be read need no care.
    """

    name, double, most_columns = "bigquery", "FLOAT64", 10_000
    materialized, joins, longest_query = "AS", False, 2**20

    def quoted(self, name: str) -> str:
        return f"`{self._spelled(name, '`')}`"

    def result(self, name: str) -> str:
        return "".join(character if _flexible(character) else "_" for character in name)

    def text(self, value: str) -> str:
        return f"'{self._spelled(value, chr(39))}'"

    def _spelled(self, text: str, quote: str) -> str:
        """What stands between quotes."""
        return "".join(
            "\\" + character
            if character in ("\\", quote)
            else character
            if character.isprintable()
            else f"\\u{ord(character):04x}"
            if ord(character) < 0x10000
            else f"\\U{ord(character):08x}"
            for character in text
        )

    def type_of(self, cell: str) -> str:
        # There is no such function, but the literal of a value tells its type: 12, 1.5,
        # NUMERIC "1.5", CAST("nan" AS FLOAT64), true, "text", b"bytes", DATE "2026-01-02", NULL.
        return f"FORMAT('%T', {cell})"

    def is_gap(self, cell: str) -> str:
        return f"{cell} IS NULL OR LOWER({self.type_of(cell)}) = 'cast(\"nan\" as float64)'"

    def is_number(self, cell: str) -> str:
        return self.matches(self.type_of(cell), "^(-?[0-9]|(BIG)?NUMERIC |CAST)")

    def is_text(self, cell: str) -> str:
        return f"{self.type_of(cell)} NOT LIKE 'b%'"

    def is_boolean(self, cell: str) -> str:
        return f"{self.type_of(cell)} IN ('true', 'false')"

    def as_text(self, cell: str) -> str:
        return self.trimmed(f"SAFE_CAST({cell} AS STRING)")

    def as_number(self, cell: str) -> str:
        return self.parsed(f"SAFE_CAST({cell} AS STRING)")

    def exact(self, text: str) -> str:
        return f"COLLATE({text}, '')"

    def trimmed(self, text: str) -> str:
        return f"TRIM({text}, {self.text(''.join(map(chr, SPACE)))})"

    def matches(self, text: str, pattern: str) -> str:
        return f"REGEXP_CONTAINS({text}, {self.text(pattern)})"

    def parsed(self, text: str) -> str:
        return self.cast_if_number("SAFE_CAST", text)

    def finite(self, value: str) -> str:
        return value  # It refuses results that are not.

    def numbered(self, row: str, source: str, alias: str) -> str:
        return f"SELECT {alias} FROM {source} AS {alias}"

    def cell(self, name: str, alias: str) -> str:
        return f"t.{alias}.{self.quoted(name)}"

    def all_cells(self, alias: str) -> str:
        return f"t.{alias}.*"

    def problem(
        self, table: Sequence[str], columns: Sequence[str], results: Sequence[str]
    ) -> str | None:
        for name in (*columns, *results):
            if len(name) > 300:
                return f"the name {shown(name)} is longer than 300 characters"
            if strange := [character for character in name if not _flexible(character)]:
                return f"the name {shown(name)} has a {shown(strange[0])}"
            if name.upper().startswith(RESERVED):
                return f"the name {shown(name)} begins as its own columns do"
        return _one_name([*columns, *results], str.casefold)


def _flexible(character: str) -> bool:
    """Whether BigQuery's names of columns may have this character ("flexible column names")."""
    kind = unicodedata.category(character)
    return kind[0] in "LNM" or kind in ("Pc", "Pd", "Zs") or character in "&%=+:'<>#|\t"


def _escaped(mark: str) -> str:
    """One character as a regular expression."""
    return "\\" + mark if mark in "\\^$.|?*+()[]{}" else mark


def _lower_latin(name: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in name)


def _one_name(columns: Sequence[str], fold: Callable[[str], str] = _lower_latin) -> str | None:
    """The complaint about names of columns that differ only in what ``fold`` takes off them: the
    case of letters, of Latin ones unless told."""
    seen: dict[str, str] = {}
    for name in columns:
        folded = fold(name)
        if folded in seen:
            return f"{shown(seen[folded])} and {shown(name)} are one name to it"
        seen[folded] = name
    return None


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (Sqlite(), Postgresql(), Duckdb(), Bigquery())
}
