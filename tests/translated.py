"""BigQuery runs nowhere but at Google's: its queries are read by sqlglot, which knows its grammar
and what its functions mean, and run in DuckDB as sqlglot translates them."""

import re
from functools import cache

import pytest
from exporting import quoted

# What FORMAT('%T') writes of a value: its literal in GoogleSQL.
LITERAL = """CREATE MACRO literal_of(cell) AS CASE
  WHEN cell IS NULL THEN 'NULL'
  WHEN typeof(cell) IN ('BOOLEAN', 'BIGINT', 'INTEGER') THEN CAST(cell AS TEXT)
  WHEN typeof(cell) = 'DOUBLE' AND isfinite(TRY_CAST(CAST(cell AS TEXT) AS DOUBLE))
    THEN CAST(cell AS TEXT)
  WHEN typeof(cell) = 'DOUBLE' THEN 'CAST("' || CAST(cell AS TEXT) || '" AS FLOAT64)'
  WHEN typeof(cell) LIKE 'DECIMAL%' THEN 'NUMERIC "' || CAST(cell AS TEXT) || '"'
  WHEN typeof(cell) = 'BLOB' THEN 'b"' || CAST(cell AS TEXT) || '"'
  WHEN typeof(cell) = 'DATE' THEN 'DATE "' || CAST(cell AS TEXT) || '"'
  ELSE '"' || CAST(cell AS TEXT) || '"' END"""
ESCAPED = re.compile(r"\\(u[0-9a-f]{4}|U[0-9a-f]{8}|.)")


def connected():
    """A database that such queries run in."""
    connection = pytest.importorskip("duckdb").connect()
    connection.execute(LITERAL)
    return connection


def asked(query, columns, lines):
    """What the query of BigQuery finds in a table ``data`` of these lines, whose columns have these
    names and types of DuckDB; in the order of the lines."""
    translated = in_duckdb(query)
    with connected() as connection:
        kinds = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE data (line INTEGER, {kinds})")
        marks = ", ".join("?" * (len(columns) + 1))
        numbered = [(number, *line) for number, line in enumerate(lines)]
        connection.executemany(f"INSERT INTO data VALUES ({marks})", numbered)
        return [
            found[1:]
            for found in sorted(
                connection.execute(translated).fetchall(), key=lambda found: found[0]
            )
        ]


@cache
def in_duckdb(query):
    """What DuckDB is to run."""
    sqlglot = pytest.importorskip("sqlglot")
    # It leaves escapes by number as they are.
    plain = ESCAPED.sub(
        lambda found: chr(int(found[1][1:], 16)) if found[1][0] in "uU" else found[0], query
    )
    (statement,) = sqlglot.parse(plain, read="bigquery", error_level=sqlglot.ErrorLevel.RAISE)
    for literal in list(statement.find_all(sqlglot.exp.Format)):
        (cell,) = literal.expressions
        literal.replace(sqlglot.exp.func("literal_of", cell))
    # The columns of a row.
    for star in list(statement.find_all(sqlglot.exp.Star)):
        column = star.parent
        row = sqlglot.exp.column(column.args["table"], table=column.args["db"])
        column.replace(sqlglot.exp.Explode(this=row))
    return statement.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
