"""Files that are almost CSV: read right, or refused with words of their own."""

import gc

import pytest

from wedgefit.data.hints import grouped_as_decimals
from wedgefit.data.reading import Reading
from wedgefit.data.table import read_table
from wedgefit.errors import TableError


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, delimiter=None, types=None, **told):
        path = tmp_path / "d.csv"
        path.write_text(content, encoding="utf-8")
        reading = Reading().amended(**told)
        table = read_table(path, reading=reading, delimiter=delimiter, types=types)
        columns = {name: column.values.tolist() for name, column in table.columns.items()}
        return columns, table.notes, table.line_numbers.tolist()

    return write_and_read


def refused(read, content, **told):
    with pytest.raises(TableError) as caught:
        read(content, **told)
    return str(caught.value)


def test_space_before_a_quote(read):
    columns, *_ = read('a, "b"\n1, "x, y"\n2,  "z"\n')
    assert columns == {"a": [1, 2], "b": ["x, y", "z"]}


@pytest.mark.parametrize("comment", [None, "#"])
def test_space_at_the_start_of_a_cell_is_its_own(tmp_path, comment):
    """Also in a file where others have it before their quotes: cells come out as they went in."""
    path = tmp_path / "t.csv"
    path.write_text('id, "b",c\n r1, "x, ""y""\nz",  1\nr 2 ,  w," 2"\n')
    reading = Reading(comment=comment)
    cells = read_table(path, reading=reading, keep_cells=True).cells
    assert cells == {"id": (" r1", "r 2 "), "b": ('x, "y"\nz', "  w"), "c": ("  1", " 2")}


def test_space_behind_a_quote(read):
    assert "goes on behind its closing" in refused(read, 'a,b\n"x" ,1\n')


def test_sep_line(read):
    columns, _, lines = read("sep=;\na;b\n1;2,5\n3;4,5\n", decimal=",")
    assert columns == {"a": [1, 3], "b": [2.5, 4.5]} and lines == [3, 4]
    assert read('"sep=:"\r\na:b\r\n1:2\r\n')[0] == {"a": [1], "b": [2]}
    assert "line 4" in refused(read, "sep=,\na,b\n1,2\n3\n")
    assert "the file is empty" in refused(read, "sep=,\n")


def test_comment_lines(read):
    content = '# made by "hand\na,b\n# in between, too\n1,"x\n# y"\n  # indented\n2,z\n#end\n'
    columns, notes, lines = read(content, comment="#")
    assert columns == {"a": [1, 2], "b": ["x\n# y", "z"]} and lines == [4, 7] and notes == ()
    assert '--comment "#"' in refused(read, "# made by hand\na,b\n1,2\n")
    assert "the file is empty" in refused(read, "# only\n#this\n", comment="#")
    assert "line 2: a quoted cell" in refused(read, '#\na,"b\n1,2\n', comment="#")


def test_no_header(read):
    columns, notes, lines = read("5.1,setosa\n4.9,other\n", header=False)
    assert columns == {"column_1": [5.1, 4.9], "column_2": ["setosa", "other"]}
    assert notes == () and lines == [1, 2]


def test_first_line_of_data_is_noticed(read):
    note = "the first line looks like data, not names: if it is, try --no-header"
    assert read("1.5,2\n3,4\n")[1] == (note,)
    assert read("5.1,setosa\n4.9,setosa\n4,x\n")[1] == (note,)
    assert read("country,2001,2002\nDE,1,2\nFR,2,3\n")[1] == ()
    assert "--no-header" in refused(read, "1,1,2\n3,4,5\n")


def test_unnamed_index(read):
    note = "the first column has no name and numbers the rows: it is left out"
    assert read(",a\n0,5\n1,6\n2,7\n")[:2] == ({"a": [5, 6, 7]}, (note,))
    assert read('"",a\n"17",5\n"3",6\n')[:2] == ({"a": [5, 6]}, (note,))
    assert "index=False" in refused(read, ",a\nx,5\ny,6\n")
    assert "index=False" in refused(read, ",a\n1,5\n1,6\n")
    message = refused(read, "a,b\n1,2,3\n2,3,4\n")
    assert "one field more than the first line" in message and "3 fields found, 2" in message


def test_trailing_delimiters(read):
    note = "lines end in a delimiter: the empty column behind it is left out"
    expected = {"a": [1, 3], "b": [2, 4]}
    for content in ("a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n", "a,b,\n1,2\n3,4\n",
                    "a,b,,,\n1,2,,,\n3,4,,,\n", "a,b,\n1,2,\n3,4\n"):  # fmt: skip
        assert read(content)[:2] == (expected, (note,)), content
    assert "column 3 of 3 has no name" in refused(read, "a,b,\n1,2,3\n3,4,\n")
    assert "remove it" in refused(read, "a,b\n1,2,\n3,4\n")


def test_a_repeated_header_is_named(read):
    assert "repeats the header" in refused(read, "a,b\n1,2\n3,4\na,b\n5,6\n")


def test_a_number_among_the_words_means_every_cell_of_that_number(read):
    columns, *_ = read("a,b\n-999,x\n-999.0,-999\n-9.99e2,-999.0\n1,y\n", na=["-999"])
    assert [value != value for value in columns["a"]] == [True, True, True, False]
    assert columns["b"] == ["x", None, "-999.0", "y"]


def test_large_whole_numbers_are_names(read):
    columns, notes, _ = read("id,b\n12345678901234567890,1\n7,2\n")
    assert columns["id"] == ["12345678901234567890", "7"] and "beyond 2^53" in notes[0]
    for cells in ("1e20\n7", "9007199254740992\n7", "12345678901234567890.0\n7", "1e300\n1.5"):
        assert isinstance(read(f"a\n{cells}\n")[0]["a"][0], float), cells
    told = read("a\n12345678901234567890\n7\n", types={"a": "numeric"})
    assert told[0]["a"] == [12345678901234567890.0, 7.0]


def test_three_decimals_beside_whole_hundreds_may_be_thousands():
    comma, plain = Reading(decimal=","), Reading()
    assert grouped_as_decimals(["1.426", "950", "7"], plain) == "1.426"
    assert grouped_as_decimals(["1,426", "7"], comma) == "1,426"
    for cells in (["1.426", "7"], ["1.426", "1950"], ["1.42", "950"], ["0.426", "950"], ["1.426"]):
        assert grouped_as_decimals(cells, plain) is None
    for cells in (["0,426", "7"], ["1,42", "7"], ["1,426"], ["1,426", "7", "1,5"]):
        assert grouped_as_decimals(cells, comma) is None


def test_thousands_taken_for_decimals_are_noted(read):
    note = 'column "a": 1.426 is read as 1.426, beside whole numbers; if the point groups thousands'
    assert read("a;b\n1.426;1\n950;2\n2.000;2\n")[1][0].startswith(note)
    assert "1.122 is read" in read("a;b\n1.122;1\n950;2\n1.001;2\n")[1][0]
    assert read("a;b\n1.426;1\n950;2\n;2\n")[1][0].startswith(note)
    assert read("a;b\n1.426;1\n950.5;2\n2.000;2\n")[1] == ()
    assert read("a;b\n1.426;1\n950;2\n", decimal=",", thousands=".")[1] == ()


def test_fields_between_spaces_are_noted(read):
    note = 'every line is one field of as many words: if these are the fields, try --delimiter " "'
    assert read("a b y\n1 2 3\n2 3 4\n")[1] == (note,)
    assert read("a b y\n1 2 3\n2 3 4\n", delimiter=" ")[0] == {
        "a": [1, 2],
        "b": [2, 3],
        "y": [3, 4],
    }
    assert read("town name\nBad Ems\nUlm\n")[1] == ()


def test_decimal_commas_that_delimit(read):
    assert "a decimal comma" in refused(read, "a,y\n0,5,1\n1,5,2\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("body", ["1,2\n\n3,4", "1,2\n \n3,4\n\n", "\n1,x\n3, y ", "1,2,\n3,4,"])
def test_files_without_quotes_are_read_as_files_with_them(read, body, end):
    """Rows, notes and lines are the same whether the reader may skip looking at every line."""
    text = body.replace("\n", end)
    plain = read(f"a,b{end}{text}")
    quoted = read(f'a,"b"{end}{text}')
    assert plain == quoted
    assert len(plain[2]) == 2


def test_a_ragged_row_is_named_by_its_line_without_quotes(read):
    assert "row 2 (line 4)" in refused(read, "a,b\n1,2\n\n3\n5,6\n")


def test_the_collector_is_left_as_it_was(read):
    for before in (gc.disable, gc.enable):
        before()
        was = gc.isenabled()
        read("a,b\n1,2\n3,4\n")
        refused(read, "a,b\n1\n")
        assert gc.isenabled() == was


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"a": [1, 2]}', "this is JSON"),
        ('[\n {"a": 1},\n {"a": 2}\n]\n', "this is JSON"),
        ('{"a": 1}\n{"a": 2}\n', "this is JSON"),
        ('{"schema": "wedgefit.model/5"}', "a file that wedgefit wrote"),
        ("\n<!DOCTYPE html>\n<body>404</body>", "a page of HTML"),
        ("<?xml version='1.0'?><a/>", "a page of HTML or XML"),
        ("PK\x03\x04 and more", "a spreadsheet"),
        ("PAR1 and more PAR1", "ends in .parquet"),
        ("%PDF-1.7", "a PDF file"),
    ],
)
def test_what_is_no_csv_is_called_by_its_name(read, content, words):
    told = refused(read, content)
    assert words in told and "not a CSV file" in told


def test_names_in_brackets_are_names(read):
    assert list(read("<DATE>,{x}\n1,2\n3,4\n")[0]) == ["<DATE>", "{x}"]
    assert read("[1]\n2\n3\n")[0] == {"[1]": [2, 3]}
    # JSON is not read so deep.
    deep = "[" * 100_000
    assert read(f"{deep}\n2\n3\n")[0] == {deep: [2, 3]}
    assert list(read("PK,PAR1\n1,2\n3,4\n")[0]) == ["PK", "PAR1"]


def test_another_delimiter_than_was_told_is_noted(read):
    assert read("a\tb\n1\t2\n3\t4\n", delimiter=",")[1] == (
        "every line is one field with a delimiter in it: try --delimiter tab",
    )
    assert read("a;b\n1;2\n3;4\n", delimiter="|")[1][0].endswith('try --delimiter ";"')
    # One of the lines has no other delimiter either.
    assert read("a;b\n1;2\n3\n", delimiter=",")[1] == ()
    # Here they are parts of the cells.
    assert read('"a,b"\n"x,p"\n"y,p"\n')[1] == ()


def test_a_line_above_the_names_is_named(read):
    told = refused(read, "Report of 2024\n\na,b,c\n1,2,3\n2,3,5\n")
    assert '"Report of 2024" is taken for the names of the columns' in told
    assert "Check its delimiters" in refused(read, "a\n1,2\n3\n")


def test_names_in_a_file_that_is_said_to_have_none(read):
    told = refused(read, "size,town\n1,x\n2,y\n3,x\n", header=False)
    assert "Leave --no-header out if the first line names the columns" in told
    assert "--no-header" not in refused(read, "1,x\nten,y\n3,x\n4,x\n5,x\n", header=False)


def test_other_words_among_numbers_are_named_with_the_first(read):
    rows = "".join(f"{i},1\n" for i in range(40))
    told = refused(read, f"a,b\n4+,1\n{rows}n/a,1\nstudio,1\n4+,1\n")
    assert '"4+" is not a number (nor are 3 more cells of the column, such as "n/a", "st' in told
    assert "more cells of the column). " in refused(read, f"a,b\n?,1\n{rows}?,1\n")
