"""Whatever a cell holds, an export reads it as ``wedgefit predict`` does, or refuses it."""

import io
import sqlite3
from decimal import Decimal

import numpy as np
import pandas
import pytest
from exporting import (
    REFUSED,
    by_postgresql,
    by_python,
    by_sqlite,
    exported_once,
    plain_model,
    predicted,
    row,
    same,
    script,
    written_module,
)
from kinds import trained

# Texts in a column of numbers. Some are numbers, some only begin like one.
NUMBERS = [
    *"1 +.5 5. -0 1E+2 1e5 00012 9007199254740993 12345678901234567890123 NA NaN null".split(),
    *"1e 1e+ e5 . - + --1 1.5.2 1_0 1,5 0x10 0b1 1d5 1f ½ ١ １ inf -Infinity nAn Null na".split(),
    *"1-2 1+2 true t abc 5% $5 (5) 1e400".split(),
    "", "  ", " 3 ", "\u00a03\u2003", "\t4", "1 2",
]  # fmt: skip
# Texts in a column of text that is TRUE or FALSE, 007, 12 or 3.50.
TEXTS = [
    "TRUE", "FALSE", " TRUE ", "\tFALSE\u3000", "true", "True", "t", "1", "0", "", "NA", "unseen",
    "007", "7", "12", "12.0", "3.50", "3.5", "1e0",
]  # fmt: skip


CELLS = [("a", text) for text in NUMBERS] + [(name, t) for name in ("flag", "code") for t in TEXTS]


def predicted_unless_refused(name, text, tmp_path):
    """What predict says of this text, which a cell of another type stands for; None where no text
    does."""
    return REFUSED if text is REFUSED else predicted(plain_model(), row(**{name: text}), tmp_path)


def test_the_cells_make_a_difference(tmp_path):
    found = {predicted(plain_model(), row(**{name: text}), tmp_path) for name, text in CELLS}
    assert len(found) > 12 and REFUSED in found


@pytest.mark.parametrize("name, text", CELLS)
def test_a_text_is_read_as_in_a_file(name, text, tmp_path):
    cells = row(**{name: text})
    expected = predicted(plain_model(), cells, tmp_path)
    same(by_python(plain_model(), cells), expected)
    same(by_sqlite(plain_model(), cells), expected)
    same(by_sqlite(plain_model(), cells, ("TEXT", "TEXT COLLATE NOCASE", "TEXT")), expected)


def test_texts_in_postgresql_are_read_as_in_a_file(postgresql, tmp_path):
    literal = lambda text: "'" + str(text) + "'"
    rows = [row(**{name: text}) for name, text in CELLS if text != "1e400"]
    lines = ", ".join(f"({', '.join(map(literal, cells.values()))})" for cells in rows)
    done = postgresql(
        "CREATE TEMPORARY TABLE data (a text, flag text, code text);\n"
        f"INSERT INTO data VALUES {lines};\n"
        + exported_once(plain_model(), "sql", dialect="postgresql")
    )
    assert done.returncode == 0, done.stderr
    found = [line.split(",")[-1] for line in io.StringIO(done.stdout) if line.count(",") >= 3]
    assert len(found) == len(rows)
    for cells, prediction in zip(rows, found):
        value = float(prediction) if prediction.strip() else REFUSED
        same(value, predicted(plain_model(), cells, tmp_path))


@pytest.mark.parametrize(
    "name, cell, text",
    [
        ("flag", True, "TRUE"),
        ("flag", False, "FALSE"),
        ("flag", np.True_, "TRUE"),
        ("flag", 1, "1"),
        ("flag", None, ""),
        ("flag", float("nan"), ""),
        ("flag", pandas.NA, ""),
        ("flag", pandas.NaT, ""),
        ("flag", b"TRUE", REFUSED),
        ("flag", [1], REFUSED),
        ("flag", 10**400, REFUSED),
        ("flag", float("inf"), REFUSED),
        ("code", 7, "007"),
        ("code", 7.0, "007"),
        ("code", np.int64(12), "12"),
        ("code", np.float32(3.5), "3.50"),
        ("code", Decimal("3.50"), "3.50"),
        ("code", Decimal("NaN"), ""),
        ("code", True, REFUSED),
        ("code", 8, "8"),
        ("a", True, "1"),
        ("a", np.False_, "0"),
        ("a", np.float32("nan"), ""),
        ("a", pandas.NA, ""),
        ("a", Decimal("2.5"), "2.5"),
        ("a", b"5", REFUSED),
        ("a", bytearray(b"5"), REFUSED),
        ("a", 10**400, REFUSED),
        ("a", float("-inf"), REFUSED),
        ("a", 1j, REFUSED),
        ("a", "1e308", "1e308"),
        ("a", 1e308, "1e6"),
    ],
)
def test_python_callers_hold_more_than_texts(name, cell, text, tmp_path):
    expected = (
        REFUSED if text is REFUSED else predicted(plain_model(), row(**{name: text}), tmp_path)
    )
    same(by_python(plain_model(), row(**{name: cell})), expected)


@pytest.mark.parametrize(
    "name, kind, cell, text",
    [
        ("flag", "BOOLEAN", True, "TRUE"),
        ("flag", "BOOLEAN", False, "FALSE"),
        ("flag", "BOOLEAN", "TRUE", "TRUE"),
        ("flag", "", 1.0, "TRUE"),
        ("flag", "", 2, "2"),
        ("flag", "", None, ""),
        ("flag", "BLOB", b"TRUE", REFUSED),
        ("code", "INTEGER", 7, "007"),
        ("code", "REAL", 12, "12"),
        ("code", "", 3.5, "3.50"),
        ("code", "TEXT", 12, "12"),
        ("code", "", 1, "1"),
        ("a", "INTEGER", True, "1"),
        ("a", "NUMERIC", "1e2", "100"),
        ("a", "", b"5", REFUSED),
        ("a", "REAL", float("inf"), REFUSED),
        ("a", "REAL", 9007199254740993, "9007199254740993"),
    ],
)
def test_sqlite_holds_more_than_texts(name, kind, cell, text, tmp_path):
    cells = row(**{name: cell})
    types = [kind if column == name else "" for column in cells]
    expected = (
        REFUSED if text is REFUSED else predicted(plain_model(), row(**{name: text}), tmp_path)
    )
    same(by_sqlite(plain_model(), cells, types), expected)


@pytest.mark.parametrize(
    "name, kind, literal, text",
    [
        ("flag", "boolean", "true", "TRUE"),
        ("flag", "boolean", "false", "FALSE"),
        ("flag", "boolean", "NULL", ""),
        ("flag", "integer", "1", "1"),
        ("flag", "varchar", "' TRUE'", "TRUE"),
        ("flag", "char(9)", "'TRUE'", "TRUE"),
        ("code", "boolean", "true", REFUSED),
        ("code", "smallint", "7", "007"),
        ("code", "float8", "12", "12"),
        ("code", "numeric(5,2)", "3.5", "3.50"),
        ("code", "numeric", "'NaN'", ""),
        ("code", "date", "'2026-01-02'", "2026-01-02"),
        ("a", "boolean", "true", "1"),
        ("a", "numeric", "2.5", "2.5"),
        ("a", "float8", "'NaN'", ""),
        ("a", "float8", "'Infinity'", REFUSED),
        ("a", "real", "0.5", "0.5"),
        ("a", "date", "'2026-01-02'", REFUSED),
        ("a", "bigint", "9007199254740993", "9007199254740993"),
    ],
)
def test_postgresql_has_types(name, kind, literal, text, postgresql, tmp_path):
    cells = {"a": "5.0", "flag": "'TRUE'", "code": "'12'"} | {name: literal}
    types = {"a": "float8", "flag": "text", "code": "text"} | {name: kind}
    expected = (
        REFUSED if text is REFUSED else predicted(plain_model(), row(**{name: text}), tmp_path)
    )
    same(by_postgresql(postgresql, plain_model(), cells, types.values()), expected)


@pytest.mark.parametrize(
    "name, kind, literal, text",
    [
        ("flag", "BOOLEAN", "true", "TRUE"),
        ("flag", "BOOLEAN", "false", "FALSE"),
        ("flag", "TEXT COLLATE NOCASE", "'true'", "true"),
        ("code", "BOOLEAN", "true", REFUSED),
        ("code", "UTINYINT", "7", "007"),
        ("code", "DECIMAL(5,2)", "3.5", "3.50"),
        ("code", "DOUBLE", "'NaN'", ""),
        ("code", "DATE", "'2026-01-02'", "2026-01-02"),
        ("a", "BOOLEAN", "true", "1"),
        ("a", "DECIMAL(9,4)", "2.5", "2.5"),
        ("a", "DOUBLE", "'NaN'", ""),
        ("a", "DOUBLE", "'-Infinity'", REFUSED),
        ("a", "DATE", "'2026-01-02'", REFUSED),
        ("a", "BIGINT", "9007199254740993", "9007199254740993"),
    ],
)
def test_duckdb_has_types(name, kind, literal, text, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    cells = {"a": "5.0", "flag": "'TRUE'", "code": "'12'"} | {name: literal}
    types = {"a": "DOUBLE", "flag": "TEXT", "code": "TEXT"} | {name: kind}
    expected = (
        REFUSED if text is REFUSED else predicted(plain_model(), row(**{name: text}), tmp_path)
    )
    columns = ", ".join(f"{column} {type_}" for column, type_ in types.items())
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE data ({columns})")
        connection.execute(f"INSERT INTO data VALUES ({', '.join(cells.values())})")
        query = exported_once(plain_model(), "sql", dialect="duckdb")
        (found,) = connection.execute(query).fetchall()
        connection.execute(f"CREATE TABLE saved AS {query}")
        again = exported_once(plain_model(), "sql", dialect="duckdb", table="saved")
        (twice,) = connection.execute(again).fetchall()
        assert len(twice) == len(found) + 1 and twice[-1] == found[-1]
    same(found[-1], expected)


@pytest.mark.parametrize(
    "false, true", [("False", "True"), ("f", "t"), ("0", "1"), ("false", "TRUE"), ("0.0", "1.0")]
)
def test_booleans_are_what_training_saw(false, true, tmp_path, postgresql):
    """A column that is written as text and held as a boolean, in any spelling of it."""
    texts = np.array([false, true] * 20, dtype=object)
    y = 3.0 * (texts == true) + np.linspace(0, 1, 40)
    model = trained({"flag": texts, "y": y}, alpha_ratio=0.01)
    for truth, text in ((True, true), (False, false)):
        expected = predicted(model, {"flag": text}, tmp_path)
        same(by_python(model, {"flag": truth}), expected)
        same(by_sqlite(model, {"flag": truth}, ["BOOLEAN"]), expected)
        literal = {"flag": str(truth).lower()}
        same(by_postgresql(postgresql, model, literal, ["boolean"]), expected)


def test_large_numbers_are_the_texts_that_they_spell(tmp_path):
    """Two ids that are one number in float64."""
    ids = np.array(["9007199254740992", "9007199254740993", "5"] * 12, dtype=object)
    y = 3.0 * (ids == "9007199254740993") - 2.0 * (ids == "5") + np.linspace(0, 0.1, 36)
    model = trained({"id": ids, "y": y}, alpha_ratio=0.01)
    for text in ids[:3]:
        expected = predicted(model, {"id": text}, tmp_path)
        same(by_python(model, {"id": int(text)}), expected)
        same(by_sqlite(model, {"id": int(text)}, ["INTEGER"]), expected)


def test_a_neuron_does_not_rest_on_a_cell_that_was_refused():
    """NULL is the smallest of numbers to some functions of some databases: of any prediction that
    depends on such a cell nothing is left."""
    x = np.linspace(-3, 3, 40)
    model = trained({"x": x, "y": np.maximum(0, x)})
    for cell in ("no number", b"1", float("inf")):
        assert by_sqlite(model, {"x": cell}) is None


# Files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\n\na,flag,code\n5,TRUE,12\n",
        "\r\n  \r\na,flag,code\r\n5,TRUE,12\r\n",
        "\ufeffa,flag,code\n5,TRUE,12",
        "\ufeff\n,,\na,flag,code\n5,TRUE,12\n\n\n",
        'code,"flag",more, a \n12," TRUE ",,5\n\n',
        "a,flag,code,,\n5,TRUE,12,,\n",
    ],
)
def test_the_script_reads_the_files_that_predict_reads(text, tmp_path):
    done = script(text.encode(), written_module(plain_model(), tmp_path))
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.decode().split()
    assert header == "prediction_y"
    same([float(found) for found in rows], [by_python(plain_model(), row())])


@pytest.mark.parametrize(
    "text, words",
    [
        ("a,flag,code,a\n5,TRUE,12,6\n", "several columns are called 'a'"),
        ("a,flag,code\n5,TRUE,12\n5,TRUE\n", "record 3: 2 fields, 3 expected"),
        ("\n\na,flag,code\n5,TRUE,12\n\n1,2,3,4\n", "record 6: 4 fields, 3 expected"),
        ("a,flag\n5,TRUE\n", "columns are missing: 'code'"),
        ("a,flag,code\n5,TRUE,12\n1-2,TRUE,12\n", "'1-2' is not a finite number"),
    ],
)
def test_the_script_refuses_before_it_writes(text, words, tmp_path):
    done = script(text.encode(), written_module(plain_model(), tmp_path))
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.decode().startswith("error: ") and words in done.stderr.decode()


# A query over its own result ----------------------------------------------------------------------


def test_sqlite_takes_the_saved_result_of_another_query():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE data (a, flag, code)")
        lines = [(5.0, "TRUE", "12"), (1.0, "FALSE", "007")]
        connection.executemany("INSERT INTO data VALUES (?, ?, ?)", lines)
        query = exported_once(plain_model(), "sql")
        first = connection.execute(query).fetchall()
        connection.execute(f"CREATE TABLE saved AS {query}")
        again = exported_once(plain_model(), "sql", table="saved")
        second = connection.execute(again).fetchall()
        connection.execute(f"CREATE TABLE twice AS {again}")
    connection.close()
    assert [line[-1] for line in second] == [line[-1] for line in first]


def test_postgresql_takes_the_saved_result_of_another_query(postgresql):
    query = exported_once(plain_model(), "sql", dialect="postgresql")
    again = exported_once(plain_model(), "sql", dialect="postgresql", table="saved")
    done = postgresql(
        "CREATE TEMPORARY TABLE data (wedgefit_row bigint, a float8, flag text, code text);\n"
        "INSERT INTO data VALUES (7, 5, 'TRUE', '12'), (7, 1, 'FALSE', '007');\n"
        f"CREATE TEMPORARY TABLE saved AS {query}"
        f"{again}"
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(",") for line in done.stdout.split()]
    assert [line[:4] for line in lines] == [["7", "5", "TRUE", "12"], ["7", "1", "FALSE", "007"]]
    assert [line[4] for line in lines] == [line[5] for line in lines]
