"""read_table: what it reads, what it refuses, and that its refusals say where and what next."""

import csv
import gzip
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wedgefit.data.cells import Column
from wedgefit.data.csv_file import LONGEST_CELL
from wedgefit.data.reading import Reading, parse_number
from wedgefit.data.table import read_table
from wedgefit.data.words import listed, shown
from wedgefit.errors import ColumnError, TableError, UsageError, WedgefitError

CELLS_ARE = ("na", "na_only", "decimal", "thousands", "comment", "header")
SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.fixture
def read(tmp_path):
    """Write bytes or text to a file and read it as a table."""

    def write_and_read(content, **options):
        path = tmp_path / "d.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        told = {name: options.pop(name) for name in CELLS_ARE if name in options}
        return read_table(path, reading=Reading().amended(**told), **options)

    return write_and_read


def values(table):
    return {name: column.values.tolist() for name, column in table.columns.items()}


def kinds(table):
    return {name: column.kind for name, column in table.columns.items()}


# What it reads ------------------------------------------------------------------------------------


def test_types_ids_and_lines(read):
    table = read("age, town \n1.5,Paris\n-2e3, Rome\n")
    assert values(table) == {"age": [1.5, -2000.0], "town": ["Paris", "Rome"]}
    assert kinds(table) == {"age": "numeric", "town": "category"}
    assert (
        table.columns["age"].values.dtype == np.float64
        and table.columns["town"].values.dtype == object
    )
    assert (
        table.row_ids == range(1, 3) and table.line_numbers.tolist() == [2, 3] and table.rows == 2
    )
    assert table.delimiter == "," and table.notes == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_quoted_newlines(read, end):
    table = read(end.join(["a,b", '1,"two', 'lines"', "2,x", ""]).encode())
    assert values(table) == {"a": [1, 2], "b": [f"two{end}lines", "x"]}
    assert table.line_numbers.tolist() == [2, 4]


def test_only_newlines_end_lines(read):
    assert values(read("a,b\nx\u2028y\x85z\x0cw,1\n"))["a"] == ["x\u2028y\x85z\x0cw"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bom_and_gzip(read, mark, pack):
    assert values(read(pack(mark + "a,ü\n1,é\n".encode()))) == {"a": [1], "ü": ["é"]}


def test_gzip_of_two_members(read):
    assert values(read(gzip.compress(b"a\n1\n") + gzip.compress(b"2\n"))) == {"a": [1, 2]}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(read, encoding):
    assert values(read("a,ü\n1,é\n".encode(encoding), encoding=encoding)) == {"a": [1], "ü": ["é"]}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch, pack):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pack(b"a\n1\nx\n2\n3"))))
    with pytest.raises(
        TableError, match=r'^standard input, row 2 \(line 3\), column "a": "x" is not'
    ):
        read_table("-")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_splits_the_header_most(read, mark):
    table = read(f'a{mark}"b,;"{mark}c\n1{mark}2{mark}"3{mark}4"\n')
    assert table.delimiter == mark and list(table.columns) == ["a", "b,;", "c"]


def test_delimiter_given(read):
    assert list(read("a,b;c\n1,2;3\n", delimiter=";", types={"a,b": "category"}).columns) == [
        "a,b",
        "c",
    ]
    assert read("a\tb,c,d\n1\t2\n", delimiter="tab").rows == 1
    assert values(read("a:b\n1:2\n", delimiter=":")) == {"a": [1], "b": [2]}


def test_decimal_comma(read):
    assert values(read("a;b\n4,7;1\n-1,5e3;2\n", decimal=",")) == {"a": [4.7, -1500], "b": [1, 2]}
    assert values(read("a\n4,7\n", decimal=",")) == {"a": [4.7]}  # a comma cannot delimit here


def test_decimal_comma_does_not_take_a_point_for_thousands(read):
    with pytest.raises(TableError, match='"1.234" is not a number'):
        read("a;b\n4,7;1\n5,5;1\n1.234;2\n", decimal=",")
    assert kinds(read("a;b\n1.234;1\n5.678;2\n", decimal=","))["a"] == "category"


def test_missing_cells(read):
    table = read("a,b\n1,x\n NA ,null\n,\nnan,NaN\n3,y\n")
    assert np.isnan(table.columns["a"].values).tolist() == [False, True, True, True, False]
    assert values(table)["b"] == ["x", None, None, None, "y"]
    for column in table.columns.values():
        assert column.missing.tolist() == [False, True, True, True, False]


def test_missing_tokens_can_be_chosen_and_may_be_numbers(read):
    table = read("a,b\n1,?\n-999,x\n ,NA\n", na_only=("-999", " ? "))
    assert np.isnan(table.columns["a"].values).tolist() == [False, True, True]
    assert values(table)["b"] == [None, "x", "NA"]
    assert read("a\n1\n-999\n", na=["-999"]).columns["a"].missing.tolist() == [False, True]
    assert values(read("a,b\n1,x\n2,?\n", na=["?"]))["b"] == ["x", None]


def test_all_missing_is_numeric(read):
    table = read("a,b\n,1\nNA,2\n")
    assert kinds(table)["a"] == "numeric" and np.isnan(table.columns["a"].values).all()


@pytest.mark.parametrize(
    "cell", ["1_000", "１２", "٣", "-nan", "NAN", "0x1f", "1 000", "1e", "--1", "½"]
)
def test_what_only_float_takes_for_a_number_is_text(read, cell):
    assert parse_number(cell) is None
    assert kinds(read(f"a,b\n{cell},1\n{cell},2\n")) == {"a": "category", "b": "numeric"}


@pytest.mark.parametrize("cell", ["0", "-0", "1.", ".5", "+3", "1E-5", "1e-400", "007.5"])
def test_numbers(read, cell):
    assert values(read(f"a\n{cell}\n8\n"))["a"] == [float(cell), 8]


def test_leading_zeros_are_codes(read):
    table = read("zip,n\n00123,0\n,1\n45678,2\n")
    assert values(table) == {"zip": ["00123", None, "45678"], "n": [0, 1, 2]}
    assert table.notes == ('column "zip" has leading zeros and is read as text',)
    assert kinds(read("zip\n00123\n45678\n"))["zip"] == "category"
    assert values(read("zip\n007\n10\n", types={"zip": "numeric"}))["zip"] == [7, 10]
    assert kinds(read("zip\n007\n1.5\n"))["zip"] == "numeric"


def test_types(read):
    table = read("a,b,c\n1,2,3\n4,5,6\n", types={"a": "category", "b": "skip", "c": "numeric"})
    assert values(table) == {"a": ["1", "4"], "c": [3, 6]}


def test_schema_reads_what_a_model_needs_and_skips_the_rest(read):
    table = read(
        "a,b,junk\n1,2,3\n4,5,x\n7,8,9\n",
        schema={"a": "category", "b": "numeric", "absent": "numeric"},
    )
    assert values(table) == {"a": ["1", "4", "7"], "b": [2, 5, 8]}
    assert read("a\n1\n", schema={}).rows == 1
    assert kinds(read("a,b\n1,2\n", schema={"a": "numeric"}, types={"b": "category"})) == {
        "a": "numeric",
        "b": "category",
    }


def test_id_column(read):
    table = read("a,name\n1, 07 \n2,x\n", id_column="name")
    assert table.row_ids == ["07", "x"] and list(table.columns) == ["a"]
    assert table.place(1, "a").endswith('row "x" (line 3), column "a"')
    # An id is a name, whatever else NA may mean.
    assert read("a,id\n1,NA\n2,null\n", id_column="id").row_ids == ["NA", "null"]


def test_blank_lines(read):
    table = read("a,b\n1,2\n\n  \n3,4\n\n \n\n")
    assert values(table) == {"a": [1, 3], "b": [2, 4]}
    assert table.line_numbers.tolist() == [2, 5] and table.row_ids == range(1, 3)
    assert table.notes == ("blank lines were skipped: 3, 4",)


def test_blank_lines_of_one_column_are_missing_cells(read):
    table = read('a\n1\n\n3\n""\n\n\n')
    np.testing.assert_array_equal(table.columns["a"].values, [1, np.nan, 3, np.nan])
    assert table.line_numbers.tolist() == [2, 3, 4, 5]


LIKE_DATA = "the first line looks like data, not names: if it is, try --no-header"


def test_header_that_looks_like_data(read):
    assert read("1.5,2\n3,4\n").notes == (LIKE_DATA,)
    assert read("a,2\n3,4\n").notes == ()


def test_long_cells_leave_the_global_limit_alone(read):
    before = csv.field_size_limit()
    assert len(values(read("a,b\n" + "x" * 200_000 + ",1\n"))["a"][0]) == 200_000
    assert csv.field_size_limit() == before


def test_take(read):
    table = read("a,b\n1,x\n2,y\n3,z\n").take([2, 0])
    assert values(table) == {"a": [3, 1], "b": ["z", "x"]} and table.row_ids == [3, 1]
    assert table.line_numbers.tolist() == [4, 2] and table.rows == 2
    assert table.place(0).endswith("d.csv, row 3 (line 4)")
    assert table.take([]).rows == 0


def test_samples():
    shapes = {"spiral": (160, 3), "mcycle": (133, 2), "concrete": (1030, 9), "titanic": (891, 8)}
    for name, (rows, columns) in shapes.items():
        table = read_table(SAMPLES / f"{name}.csv")
        assert (table.rows, len(table.columns), table.notes) == (rows, columns, ())
    assert table.columns["Age"].missing.sum() == 177 and list(table.columns)[-1] == "Survived"


def test_spiral_is_made_as_its_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(
        re.search(r"```python\n(.*?)```", (SAMPLES / "README.md").read_text("utf-8"), re.DOTALL)[1],
        {},
    )
    made, stored = read_table("spiral.csv"), read_table(SAMPLES / "spiral.csv")
    assert values(made)["label"] == values(stored)["label"] == ["A", "B"] * 80
    for name in "xy":  # not equal: the last digit of a cosine depends on the platform
        np.testing.assert_allclose(
            made.columns[name].values, stored.columns[name].values, rtol=1e-14, atol=1e-15
        )


# What it refuses ----------------------------------------------------------------------------------


def refused(read, content, error=TableError, **options):
    with pytest.raises(error) as caught:
        read(content, **options)
    assert type(caught.value) is error and "\n" not in str(caught.value)
    assert caught.value.remedy and caught.value.message[-1] in ".?"
    return str(caught.value)


@pytest.mark.parametrize(
    "exception, words",
    [
        (FileNotFoundError(2, "x"), "no such file"),
        (IsADirectoryError(21, "x"), "a folder"),
        (PermissionError(13, "x"), "no permission"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_files_that_cannot_be_opened(monkeypatch, exception, words):
    def refuse(*_):
        raise exception

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(TableError, match=f"^some.csv: .*{words}"):
        read_table("some.csv")


def test_no_file_and_folder(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="a folder"):
        read_table(tmp_path)
    with pytest.raises(TableError, match="cannot be read"):
        read_table("a\0b")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b" \r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)]
)
def test_empty(read, content):
    assert "the file is empty" in refused(read, content)


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a\n\n\n", "a,b\n\n  \n"])
def test_header_only(read, content):
    assert "no data rows" in refused(read, content)


def test_names(read):
    assert 'columns 1 and 3 are both called "a"' in refused(read, "a,b, a\n1,2,3\n")
    assert "header: column 2 of 3 has no name" in refused(read, "a, ,c\n1,2,3\n")
    assert "column 1 of 1 has no name" in refused(read, '""\n1\n2\n')


@pytest.mark.parametrize(
    "content, words",
    [
        (b"a,b\n1,\xff\n", "byte 6 (0xff) is not utf-8"),
        (b"\xef\xbb\xbfa\n\0\n", "byte 5 (0x00)"),
        (b"a,b\n1,\0\n", "byte 6 (0x00)"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff\0a", "UTF-16"),
    ],
)
def test_binary(read, content, words):
    message = refused(read, content)
    assert words in message and "--encoding" in message


def test_nul_in_utf16_is_found_at_its_byte(read):
    assert "byte 8 " in refused(read, "a\n1\0\n".encode("utf-16"), encoding="utf-16")


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-9],
        lambda raw: raw[:-8] + b"12345678",
        lambda raw: raw + b"junk",
        lambda raw: raw[:10] + b"\xff\xff\xff" + raw[13:],
        lambda raw: raw[:5],
    ],
)
def test_corrupt_gzip(read, damage):
    assert "gzip data is damaged" in refused(read, damage(gzip.compress(b"a,b\n" + b"1,2\n" * 50)))


@pytest.mark.parametrize(
    "content, words",
    [
        ("a,b\n1,2\n3\n", "row 2 (line 3): 1 field found, 2 expected"),
        ('a,b\n1,"x\ny"\n3,4,5\n', "row 2 (line 4): 3 fields found, 2 expected"),
        ("a\n1,5\n", "row 1 (line 2): 2 fields found, 1 expected"),
        ("a,b\n1,2\n\n3\n", "row 2 (line 4): 1 field found"),
    ],
)
def test_ragged_rows(read, content, words):
    assert words in refused(read, content)


@pytest.mark.parametrize(
    "content, words",
    [
        (
            'a,b\n1,2\n3,"x\n5,6\n',
            "line 3: a quoted cell that starts in this record is never closed",
        ),
        ('a,"b\n1,2\n', "line 1: a quoted cell that starts in this record is never closed"),
        ('a,b\n1,"x"y\n', 'line 2: a quoted cell goes on behind its closing "'),
        ('a,b\n"x" ,1\n', "the delimiter comes next, without a space"),
    ],
)
def test_quotes(read, content, words):
    assert words in refused(read, content)


def test_endless_cell(read, monkeypatch):
    monkeypatch.setattr("wedgefit.data.csv_file.LONGEST_CELL", 1000)
    assert "line 2: a cell is longer than 1,000" in refused(read, 'a,b\n1,"' + "x,y\n" * 300)
    assert LONGEST_CELL > 1000 and csv.field_size_limit() == 131072


def test_one_cell_of_text_among_numbers(read):
    message = refused(read, "x,age\n1,10\n2,ten\n3,30\n")
    assert 'd.csv, row 2 (line 3), column "age": "ten" is not a number.' in message
    assert "--na ten" in message and "--type age=category" in message


@pytest.mark.parametrize(
    "text, numbers, kind",
    [(1, 2, None), (1, 1, "category"), (2, 2, "category"), (2, 19, None), (2, 18, "category")],
)
def test_how_much_text_makes_a_column_text(read, text, numbers, kind):
    content = "a\n" + "x\ny\n"[: 2 * text] + "1\n" * numbers
    if kind:
        assert kinds(read(content)) == {"a": kind}
    else:
        assert ("more cells" in refused(read, content)) == (text > 1)
        assert kinds(read(content, types={"a": "category"})) == {"a": "category"}
        assert kinds(read(content, na=["x", "y"])) == {"a": "numeric"}


def test_missing_cells_do_not_count_as_numbers(read):
    assert kinds(read("a,b\n1,1\nx,1\n,1\n,1\n")) == {"a": "category", "b": "numeric"}


def test_decimal_comma_is_recognised(read):
    assert '--decimal ","' in refused(read, "a;b\n1;2\n3;2\n4,7;2\n")
    table = read("a;b\n4,7;2\n5,1;3\n6;4\n")
    assert (
        kinds(table)["a"] == "category"
        and '"a"' in table.notes[0]
        and '--decimal ","' in table.notes[0]
    )
    assert read("a;b\nx,1;2\n5,1;3\n").notes == ()


def test_forced_numeric(read):
    assert 'row 1 (line 2), column "a": "x" is not a number' in refused(
        read, "a\nx\ny\n", types={"a": "numeric"}
    )
    assert '"x" is not a number' in refused(read, "a\nx\n", schema={"a": "numeric"})


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "-1e999"])
def test_infinities(read, cell):
    message = refused(read, f"a,b\n1,2\n{cell},2\n")
    assert f'row 2 (line 3), column "a": "{cell}" is not a finite number' in message
    assert kinds(read(f"a,b\n{cell},2\nx,2\ny,3\n"))["a"] == "category"


def test_unknown_columns(read):
    assert 'Did you mean "income"?' in refused(
        read, "income,b\n1,2\n", ColumnError, types={"incom": "skip"}
    )
    assert 'Did you mean "ID"?' in refused(read, "ID,b\n1,2\n", ColumnError, id_column="id")
    assert 'The columns are "a", "b".' in refused(read, "a,b\n1,2\n", ColumnError, id_column="zzz")
    wide = ",".join(f"c{i}" for i in range(14)) + "\n" + ",".join("1" * 14) + "\n"
    with pytest.raises(ColumnError, match="and 4 more"):
        read(wide).column("zzz")
    assert isinstance(read("a\n1\n").column("a"), Column)


@pytest.mark.parametrize(
    "cells, words",
    [
        ("x\nx", 'row 2 (line 3), column "id": the id "x" is also that of row 1'),
        ("x\n ", 'row 2 (line 3), column "id": the id is missing'),
    ],
)
def test_bad_ids(read, cells, words):
    first, second = cells.split("\n")
    assert words in refused(read, f"id,b\n{first},1\n{second},2\n", id_column="id")


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ""},
        {"delimiter": ",,"},
        {"delimiter": '"'},
        {"delimiter": "\n"},
        {"decimal": ";"},
        {"types": {"a": "number"}},
        {"encoding": "utf-99"},
        {"encoding": "hex"},
        {"encoding": "a\0"},
    ],
)
def test_options(read, options):
    with pytest.raises(UsageError):
        read("a,b\n1,2\n", **options)


def test_terminal_codes_and_long_cells_are_defused(read):
    message = refused(read, "a\n1\n2\n\x1b[31m" + "x" * 100 + "\n")
    assert "\x1b" not in message and "x" * 50 not in message and "--na …" in message
    assert shown('a"b') == '"a"b"' and shown("\n") == "'\\n'" and len(shown("x" * 99)) == 42
    assert "--type 'a b=category'" in refused(read, "a b\n1\n2\nx\n")


def test_listed():
    assert listed([1, 2]) == "1, 2" and listed(range(7)) == "0, 1, 2, 3, 4 and 2 more"


# Anything -----------------------------------------------------------------------------------------

PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")
CELLS = st.one_of(
    st.text(PLAIN, max_size=8), st.sampled_from(['"', ",", "\n", "\r\n", "a\rb", "NA", "é", ""])
)


@st.composite
def grids(draw):
    width = draw(st.integers(1, 4))
    names = draw(
        st.lists(CELLS.map(str.strip).filter(bool), min_size=width, max_size=width, unique=True)
    )
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6))
    return names, rows


def written(cell, mark, must_quote, chance):
    """The cell as CSV, quoted where it must be and at random elsewhere, quotes with a space before
    them at times."""
    if must_quote or any(sign in cell for sign in f'"\r\n{mark}') or chance.random() < 0.3:
        return " " * (chance.random() < 0.2) + '"' + cell.replace('"', '""') + '"'
    return cell


@given(
    grids(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_round_trip(tmp_path_factory, grid, mark, end, chance, bom):
    names, rows = grid
    # A blank record means something else, so lone cells are quoted; so is a space that would make a
    # row look blank.
    lines = [
        mark.join(written(cell, mark, len(names) == 1, chance) for cell in row)
        for row in [names, *rows]
    ]
    path = tmp_path_factory.mktemp("trip") / "t.csv"
    path.write_bytes(
        (b"\xef\xbb\xbf" if bom else b"") + (end.join(lines) + end * chance.randrange(3)).encode()
    )
    types = dict.fromkeys(names, "category")
    table = read_table(path, delimiter=mark, types=types, keep_cells=True)
    assert list(table.columns) == names
    assert list(table.cells.values()) == [tuple(row[j] for row in rows) for j in range(len(names))]
    missing = ("", "NA", "NaN", "nan", "null", "NULL")
    for j, column in enumerate(table.columns.values()):
        assert column.values.tolist() == [
            None if row[j].strip() in missing else row[j].strip() for row in rows
        ]


@given(
    st.lists(
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        max_size=20,
    )
)
def test_floats_come_back_bit_for_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("floats") / "t.csv"
    path.write_text(
        "a,b\n" + "".join(f"{'' if number is None else repr(number)},1\n" for number in numbers)
    )
    expected = np.array([math.nan if number is None else number for number in numbers])
    assert read_table(path).columns["a"].values.tobytes() == expected.tobytes()


@given(
    st.one_of(
        st.binary(max_size=60), st.text(alphabet='ab1,;\n"\r -.e\0é', max_size=40).map(str.encode)
    )
)
def test_anything_is_a_table_or_a_clear_error(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes(raw)
    try:
        table = read_table(path)
    except WedgefitError as error:
        assert str(error)
    else:
        assert table.rows == len(table.line_numbers) > 0
        assert all(len(column.values) == table.rows for column in table.columns.values())


@given(st.data())
def test_plain_path_and_careful_path_agree(tmp_path_factory, data):
    """The fast conversion of whole columns gives what the cell-by-cell one gives."""
    cells = data.draw(
        st.lists(
            st.sampled_from(["1", "0", "01", " 2", "3.5", "1_0", "inf", "nan", "１", "x", "-4"]),
            min_size=1,
            max_size=5,
        )
    )
    path = tmp_path_factory.mktemp("fast") / "t.csv"
    path.write_text("a,b\n" + "".join(f"{cell},1\n" for cell in cells), encoding="utf-8")
    outcomes = []
    for na in (("nan",), ("nan", "-999")):  # a number among the tokens rules out the fast path
        try:
            table = read_table(path, reading=Reading(na))
            outcomes.append((kinds(table), repr(values(table)), table.notes))
        except TableError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
