"""What stands in a file is what is learnt and what comes out: words, marks, names and ids, through
every command."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from quick import only
from shell import fails, run

from wedgefit.model.file import load

FAST = ("--order", "1", "--alpha-ratio", "0.01")
SIXTY = range(60)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def wrote(text, name="d.csv"):
    Path(name).write_text(text, encoding="utf-8")
    return name


def table(header, rows, name="d.csv", delimiter=","):
    lines = [header, *(delimiter.join(map(str, row)) for row in rows)]
    return wrote("\n".join(lines) + "\n", name)


def r2(*arguments):
    return json.loads(run("evaluate", *arguments, "--json").stdout)["score"]["r2"]


# Words among numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", only(["-", "unknown"], ["N/A", "None", "-", "?", ".", "#N/A", "unknown"])
)
@pytest.mark.parametrize("share", [1, 6, 30, 57])
def test_one_word_in_a_column_of_numbers_is_an_error_at_any_share(word, share):
    table("a,b,y", [(word if i < share else i, i % 7, 3 * i) for i in SIXTY])
    message = fails("train", "d.csv", *FAST, code=1)
    assert 'row 1 (line 2), column "a"' in message and "is not a number" in message
    assert f"--na {word}" in message.replace("'", "") and "--type a=category" in message
    run("train", "d.csv", *FAST, "--na", word)
    run("train", "d.csv", *FAST, "--type", "a=category")


def test_usual_words_for_missing_may_differ():
    table("a,y", [("N/A" if i < 20 else "-" if i < 40 else i, i) for i in SIXTY])
    assert '"N/A" is not a number (nor are 39 more' in fails("train", "d.csv", *FAST, code=1)


def test_a_word_in_the_target_is_no_class():
    table("a,y", [(i, "?" if i < 9 else i % 2) for i in SIXTY])
    assert 'column "y": "?" is not a number' in fails("train", "d.csv", *FAST, code=1)


def test_texts_of_several_words_stay_text():
    table("a,y", [(("low", "high", 3, 4)[i % 4], i % 4 + i / 60) for i in SIXTY])
    run("train", "d.csv", *FAST)
    assert load("wedgefit.json").encoding.schema() == {"a": "category"}


# Kinds that were told -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, cells",
    [
        ("numeric", [10**18 + i for i in range(60)]),  # One number in float64, and 60 texts.
        ("numeric", ["007", "07", "7"] * 20),
        ("category", [f"{i}.5" for i in range(60)]),  # 60 numbers, and texts that are all rare.
    ],
)
def test_a_told_kind_holds_for_a_column_that_is_left_out(kind, cells):
    table("a,b,y", [(i % 9, cell, i % 9 + i % 2) for i, cell in enumerate(cells)])
    run("train", "d.csv", *FAST, "--type", f"b={kind}")
    model = load("wedgefit.json")
    assert [name for name, _ in model.encoding.left_out] == ["b"]
    assert model.encoding.reading.types == {"b": kind}
    for more in ([], ["--all"], ["--type", f"b={kind}"]):
        run("certify", "d.csv", *more)
    other = {"numeric": "category", "category": "numeric"}[kind]
    assert "encoding.left_out" in run("certify", "d.csv", "--type", f"b={other}", code=1).stderr


def test_training_again_finds_the_columns_of_every_role():
    rows = [(f"r{i}", i % 7, f"g{i % 4}", 1 + i % 2, abs(i % 7 - 3) + i % 2) for i in SIXTY]
    table("id,a,g,w,y", rows)
    roles = ("--id", "id", "--group", "g", "--weight", "w", "--order", "1", "--cv", "2")
    run("train", "d.csv", *roles)
    assert run("certify", "d.csv", "--all").stdout.endswith("The stored figures hold.\n")


def test_skipped_columns_and_those_of_other_files_are_not_remembered():
    table("a,b,y", [(i % 4, i % 3, (i % 4 == 1) + i % 3) for i in SIXTY])
    run("train", "d.csv", *FAST, "--type", "b=skip", "--type", "a=category")
    assert load("wedgefit.json").encoding.reading.types == {"a": "category"}
    run("train", "d.csv", *FAST, "--type", "b=category", "--drop", "a")
    table("b", [(0,), (1,)], name="new.csv")
    run("predict", "new.csv")


# Decorated numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, advice",
    [
        ("{}%", 'take off the "%"'),
        ("${}", 'take off the "$"'),
        ("{} kg", 'take off the "kg"'),
        ("1 {:03}", '--thousands " "'),
        ("({})", "write -37 for (37)"),
        ("2024-01-{:02}", "give a date or time as a number"),
    ],
)
def test_decorated_numbers_are_told_before_the_fit_and_when_it_fails(shape, advice):
    rows = [(shape.format(37 * i % 60), i % 7, 3.0 * (37 * i % 60)) for i in SIXTY]
    table("a,b,y", rows)
    told = run("train", "d.csv", *FAST).stderr
    assert f"its cells look like {rows[0][0]}" in told and advice in told
    table("a,y", [(a, y) for a, _, y in rows])
    message = fails("train", "d.csv", *FAST, "-q", code=1)
    assert "no column is left" in message and advice in message and rows[0][0] in message
    table("b,y", [(b, a) for a, b, _ in rows])
    message = fails("train", "d.csv", *FAST, "-q", code=1)
    assert "classes" in message and advice in message


def test_thousands_are_recognised_and_read():
    prices = [137 * i % 2000 + 300 for i in SIXTY]
    table("price,size,y", [(f'"{p:,}"', i % 7, 2 * p) for i, p in enumerate(prices)])
    told = run("train", "d.csv", *FAST).stderr
    assert '--thousands ","' in told and "--decimal" not in told
    run("train", "d.csv", *FAST, "--thousands", ",")
    assert r2("d.csv") > 0.99  # The model remembers.
    told = run("train", "d.csv", *FAST, "--decimal", ",").stderr
    assert "beside whole numbers" in told and '--decimal "." --thousands ","' in told


def test_european_files_are_told_first():
    table("a;b;y", [(f"{i},5", i % 7, f"{2 * i},1") for i in SIXTY], delimiter=";")
    failed = run("train", "d.csv", *FAST, "--task", "classification", code=1)
    first, *_, last = failed.stderr.splitlines()
    assert first.startswith("Note: the file has semicolons") and '--decimal ","' in first
    assert "60 classes" in last and '--decimal ","' in last
    run("train", "d.csv", *FAST, "--decimal", ",")
    assert r2("d.csv") > 0.99


# What a model remembers ---------------------------------------------------------------------------


def trained_with_gaps():
    rows = [("-999" if i % 5 == 2 else 7 * i, 1.4 * i) for i in SIXTY]
    table("x,y", [row for i, row in enumerate(rows) if i % 5 != 2], "full.csv")
    table("x,y", rows)
    run("train", "d.csv", "--na", "-999", *FAST)


def test_every_command_reads_missing_cells_as_training_did():
    trained_with_gaps()
    assert r2("full.csv") > 0.99
    assert r2("d.csv") == r2("d.csv", "--na", "-999") > 0.5
    told = run("predict", "d.csv").stdout
    assert told == run("predict", "d.csv", "--na", "-999").stdout
    wrote(Path("d.csv").read_text().replace("-999", "-999.0"), "float.csv")
    wrote(Path("d.csv").read_text().replace("-999", ""), "empty.csv")
    assert told == run("predict", "float.csv").stdout == run("predict", "empty.csv").stdout
    run("certify", "d.csv")
    local = json.loads(run("explain", "d.csv", "--row", "3", "--json").stdout)
    assert local == json.loads(run("explain", "empty.csv", "--row", "3", "--json").stdout) | {
        "data": local["data"]
    }
    wrote(Path("d.csv").read_text().replace("-999", "?"), "new.csv")
    assert told == run("predict", "new.csv", "--na", "?").stdout
    both = Path("new.csv").read_text().replace("?", "-999", 3)
    wrote(both, "both.csv")
    assert told == run("predict", "both.csv", "--na", "?").stdout


def test_marks_comments_and_the_header_are_remembered():
    rows = [(f"{1000 + 37 * i % 900:,}".replace(",", "."), f"{i},5") for i in SIXTY]
    table("# made by hand", rows, delimiter=";")
    options = ("--decimal", ",", "--thousands", ".", "--comment", "#", "--no-header")
    run("train", "d.csv", *options, "--target", "column_1", *FAST)
    encoding = load("wedgefit.json").encoding
    assert (encoding.reading.decimal, encoding.reading.thousands) == (",", ".")
    assert (encoding.reading.comment, encoding.reading.header) == ("#", False)
    first = run("predict", "d.csv").stdout
    assert len(first.splitlines()) == 61
    plain = [(1000 + 37 * i % 900, i + 0.5) for i in SIXTY]
    table("column_1,column_2", plain, "plain.csv")
    options = ("--decimal", ".", "--thousands", ",", "--header")
    assert run("predict", "plain.csv", *options).stdout == first


def test_na_can_be_text():
    rows = [(f"{i}", ("NA" if i % 3 else "ZA")) for i in SIXTY]
    table("a,country", rows)
    message = fails("train", "d.csv", *FAST, code=1)
    assert 'which hold "NA"' in message and '--na-only ""' in message
    run("train", "d.csv", *FAST, "--na-only", "")
    assert load("wedgefit.json").encoding.target.classes == ("NA", "ZA")
    assert {"NA", "ZA"} >= set(run("predict", "d.csv").stdout.split()[1:])


def test_blank_and_na_in_one_level_are_told():
    table("country,y", [(("NA", "", "ZA")[i % 3], i % 3 + i / 60) for i in SIXTY])
    told = run("train", "d.csv", *FAST).stderr
    assert 'column "country": empty cells and "NA" both count as missing' in told
    assert "both count" not in run("train", "d.csv", *FAST, "--na-only", "").stderr


def test_marks_that_clash_are_wrong_usage():
    table("a,y", [(i, i) for i in SIXTY])
    for options in (
        ("--thousands", "."), ("--thousands", "12"), ("--thousands", "5"), ("--decimal", ";"),
        ("--comment", "##"), ("--comment", '"'),
    ):  # fmt: skip
        fails("train", "d.csv", *options, code=2)


# Names stay what they are -------------------------------------------------------------------------


def test_ids_are_copied_as_they_stand_whatever_their_role():
    big = 9007199254740990
    table("id,a,y", [(big + i, i, 2 * i) for i in SIXTY])
    run("train", "d.csv", *FAST)
    ids = [line.split(",")[0] for line in run("predict", "d.csv", "--id", "id").stdout.split()]
    assert ids == ["id", *(str(big + i) for i in SIXTY)]
    told = json.loads(run("predict", "d.csv", "--id", "id", "--json").stdout)["ids"]
    assert told == ids[1:]
    table("zip,a,y", [(f"{i:02}" if i else "1000", i, 2 * i) for i in SIXTY])
    run("train", "d.csv", *FAST, "--type", "zip=numeric")
    lines = run("predict", "d.csv", "--id", "zip").stdout.split()
    assert [line.split(",")[0] for line in lines[1:4]] == ["1000", "01", "02"]
    table("cc,a,y", [(("DE", "NA", "null", "")[i % 4], i, 2 * i) for i in SIXTY])
    run("train", "d.csv", *FAST, "--drop", "cc")
    lines = run("predict", "d.csv", "--id", "cc").stdout.split()
    assert [line.split(",")[0] for line in lines[1:5]] == ["DE", "NA", "null", ""]
    assert "Did you mean" in fails("predict", "d.csv", "--id", "ccc", code=1)


def test_whole_numbers_beyond_float64_are_names():
    labels = ("10000000000000001", "20000000000000003")
    table("a,y", [(i, labels[i >= 30]) for i in SIXTY])
    assert "beyond 2^53" in run("train", "d.csv", *FAST).stderr
    assert set(run("predict", "d.csv").stdout.split()[1:]) == set(labels)
    near = ("9007199254740992", "9007199254740993")
    table("a,y", [(i, near[i >= 30]) for i in SIXTY])
    run("train", "d.csv", *FAST)
    assert set(run("predict", "d.csv").stdout.split()[1:]) == set(near)
    table("a,g,y", [(i, 1234567890123456780 + i % 8, i % 7) for i in SIXTY])
    run("train", "d.csv", "--order", "1", "--group", "g")
    table("a,y", [(10**16 + i, i) for i in SIXTY])
    assert "no column is left" in fails("train", "d.csv", *FAST, code=1)
    run("train", "d.csv", *FAST, "--type", "a=numeric")


# Messages -----------------------------------------------------------------------------------------


def test_messages_name_the_columns_of_the_file():
    table("a,b,y", [(i, i % 3, i) for i in SIXTY])
    run("train", "d.csv", *FAST)
    table("A,b,y", [(1, 2, 3)], "case.csv")
    assert 'Did you mean "A"?' in fails("predict", "case.csv", code=1)
    table("age,bee,y", [(1, 2, 3)], "other.csv")
    message = fails("predict", "other.csv", code=1)
    assert '"a", "b"' in message and '"age", "bee", "y"' in message
    table("a,b,y", [("hello", 2, 3), (1, 2, 3)], "text.csv")
    message = fails("predict", "text.csv", code=1)
    assert '"hello" is not a number' in message and "--type" not in message
    assert "numbers are expected" in message and "--na hello" in message


def test_exports_read_missing_cells_as_training_did():
    trained_with_gaps()
    told = run("predict", "d.csv").stdout
    run("export", "--format", "python", "-o", "p.py")
    wrote(Path("d.csv").read_text().replace("-999", "-999.0"), "float.csv")
    for name in ("d.csv", "float.csv"):
        with open(name) as source:
            done = subprocess.run([sys.executable, "p.py"], stdin=source, capture_output=True)
        assert numbers(done.stdout.decode()) == pytest.approx(numbers(told))
    run("export", "--format", "sql", "-o", "q.sql")
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE data (x REAL, y REAL)")
    rows = [line.split(",") for line in Path("d.csv").read_text().split()[1:]]
    database.executemany("INSERT INTO data VALUES (?, ?)", rows)
    found = [row[-1] for row in database.execute(Path("q.sql").read_text())]
    assert found == pytest.approx(numbers(told))


def numbers(text):
    return [float(line) for line in text.split()[1:]]


def test_columns_that_training_left_out_do_not_stop_certify():
    rows = [(i, i % 7, 7, f"name {i}", f"{i}%", i % 5 + i % 7) for i in SIXTY]
    table("a,b,same,name,part,y", rows)
    run("train", "d.csv", *FAST)
    assert len(load("wedgefit.json").encoding.left_out) == 3
    run("certify", "d.csv")
    # Also where numbers were told to be text.
    run("train", "d.csv", *FAST, "--type", "a=category")
    assert ("a", "all levels rare") in load("wedgefit.json").encoding.left_out
    run("certify", "d.csv")


def test_what_is_left_out_is_said_in_whole_sentences():
    rows = [(f"name {i}", i, 2 * i) for i in SIXTY]
    table("a,y,z", rows)
    message = fails("train", "d.csv", *FAST, "--target", "y", "--target", "z", code=1)
    assert "to predict y and z from: a has all levels rare" in message.replace('"', "")
