"""What training was told of cells and files is part of the model, and of every export."""

import csv
import io
from dataclasses import replace
from functools import cache

import pytest
from exporting import (
    REFUSED,
    by_python,
    by_sqlite,
    exported_once,
    plain_model,
    predicted,
    row,
    run_onnx,
    same,
    script,
    written_module,
)

from wedgefit.exports.dialects import DIALECTS

# Texts in a column of numbers, in marks of the south; some are numbers there that are none here.
GROUPED = [
    *"1,5 -1,5 +,5 1.234 1.234,5 -1.234.567,8 12.345 1.23 1234,5 0.123 01.234 1.2345".split(),
    *"1,234 1,2,3 1.5,000 1e2 1.234e1 1,5E-1 . , -.5 --1.234 1.234-2 1.234,5,6 1.234,5.678".split(),
    *"1.234.56 -999 -999,0 -999.0 -999,5 x NA 999 1a.234 9.007.199.254.740.993".split(),
    "", " 1.234 ",
]  # fmt: skip
SPACED = [
    "1 234", "1\u00a0234,5", "1\u202f234 567", "12 34", "1  234", "1 234 5", "1 234,5 6", "1.234",
    "-1 234", "1 234e1", "0 123", "1 234-2",
]  # fmt: skip
MARKED = [
    "1,234",
    "1,234.5",
    "1,23",
    "12,345,678",
    "1,234,5",
    "1.234,5",
    "1.5",
    "-1,234e2",
    "1,,234",
]


@cache
def told(decimal, thousands):
    """A model whose training was told of these marks, and that -999 and "." are missing."""
    base = plain_model()
    reading = base.encoding.reading.amended(
        na=["-999", "."], decimal=decimal, thousands=thousands, comment="#"
    )
    return replace(base, encoding=replace(base.encoding, reading=reading))


CASES = [
    (decimal, mark, text)
    for decimal, mark, texts in (
        (",", ".", GROUPED), (",", " ", SPACED), (".", ",", MARKED), (",", None, GROUPED),
        (".", None, ["-999", "-999.0", "-999e0", "-998", ".", "1,5"]),
        (".", "'", ["1'234.5", "1'23"]), (".", "|", ["1|234", "1|23"]),
        (".", "^", ["1^234", "12^34"]),
    )
    for text in texts
]  # fmt: skip


@pytest.mark.parametrize("decimal, mark, text", CASES)
def test_the_reading_of_training_is_that_of_every_export(decimal, mark, text, tmp_path):
    model, cells = told(decimal, mark), row(a=text)
    expected = predicted(model, cells | {"a": text}, tmp_path, reading=model.encoding.reading)
    same(by_python(model, cells), expected)
    same(by_sqlite(model, cells), expected)
    same(by_sqlite(model, cells, ("TEXT", "", "")), expected)


@pytest.mark.parametrize("decimal, mark", dict.fromkeys(case[:2] for case in CASES))
def test_the_reading_of_training_is_that_of_typed_databases(decimal, mark, postgresql, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    model = told(decimal, mark)
    texts = [case[2] for case in CASES if case[:2] == (decimal, mark)]
    table = "CREATE TEMPORARY TABLE data (a text, flag text, code text);\nINSERT INTO data VALUES "
    quote = DIALECTS["duckdb"].text
    table += ", ".join(f"({quote(text)}, 'TRUE', '12')" for text in texts) + ";\n"
    done = postgresql(table + exported_once(model, "sql", dialect="postgresql"))
    assert done.returncode == 0, done.stderr
    lines = list(csv.reader(io.StringIO(done.stdout)))
    with duckdb.connect() as connection:
        connection.execute(table)
        rows = connection.execute(exported_once(model, "sql", dialect="duckdb")).fetchall()
    for text, line, found in zip(texts, lines, rows, strict=True):
        expected = predicted(model, row(a=text), tmp_path, reading=model.encoding.reading)
        assert line[0] == found[0] == text
        same(float(line[-1]) if line[-1] else REFUSED, expected)
        same(found[-1], expected)


@pytest.mark.parametrize("cell", [-999, -999.0, 5, 1.5])
def test_numbers_have_no_marks_but_may_mean_missing(cell, tmp_path):
    model = told(",", ".")
    text = str(float(cell)).replace(".", ",")
    expected = predicted(model, row(a=text), tmp_path, reading=model.encoding.reading)
    same(by_python(model, row(a=cell)), expected)
    same(by_sqlite(model, row(a=cell), ["REAL", "", ""]), expected)
    rows = [{"a": float(cell), "flag": "TRUE", "code": "12"}]
    same(run_onnx(model, rows)[0][0], expected)


def test_a_word_for_missing_is_one_in_columns_of_text(tmp_path):
    model = told(".", None)
    for column in ("flag", "code"):
        cells = row(**{column: " -999"})
        expected = predicted(model, cells, tmp_path, reading=model.encoding.reading)
        same(by_python(model, cells), expected)
        same(by_python(model, row(**{column: -999})), expected)
        same(by_sqlite(model, cells), expected)
        same(by_sqlite(model, row(**{column: -999})), expected)
        same(run_onnx(model, [row(**{column: "-999"})])[0][0], expected)


@pytest.mark.parametrize(
    "text",
    [
        "# of 2026\na;flag;code\n# more\n1.234,5;TRUE;12\n",
        '"a";"flag";"code"\n"1.234,5";" TRUE";12\n#\n',
        "a\tflag\tcode\n1.234,5\tTRUE\t12\n",
        'a,flag,code\n"1.234,5",TRUE,12\n',
    ],
)
def test_the_script_reads_files_as_training_did(text, tmp_path):
    done = script(text.encode(), written_module(told(",", "."), tmp_path))
    assert done.returncode == 0, done.stderr
    found = float(done.stdout.split()[1])
    same(found, by_python(told(",", "."), row(a=1234.5)))
