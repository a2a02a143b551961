"""Which file is which, what its columns are called, and by what its rows go: the messages name what
is in the user's file and advise only what the command can do."""

import csv
import io
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from quick import only
from shell import FAST, SMALL, environment, fails, run, strict

COMMANDS = ["predict", "evaluate", "certify", "report", "plot", "explain"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a model whose rows have names: n.json, of d.csv with a column of names."""
    header, *rows = SMALL.splitlines()
    lines = [f"name,{header}", *(f"r{i},{row}" for i, row in enumerate(rows))]
    with chdir(tmp_path_factory.mktemp("named")):
        Path("d.csv").write_text("\n".join(lines))
        run("train", "d.csv", "--id", "name", *FAST, "-q", "-o", "n.json")
        return Path.cwd()


@pytest.fixture
def named(trained, folder):
    """A copy of that folder to work in."""
    shutil.copytree(trained, folder, dirs_exist_ok=True)


@pytest.mark.parametrize("command", ["predict", "evaluate", "certify", "report", "plot"])
def test_model_and_data_the_wrong_way_round(command, model):
    words = ["wedgefit.json looks like a model", "swap them (wedgefit.json d.csv)"]
    fails(command, "d.csv", "wedgefit.json", code=2, words=words)
    fails("explain", "d.csv", "wedgefit.json", "--row", "1", code=2, words=words)
    # By what is in it, whatever it is called.
    Path("wedgefit.json").rename("model.txt")
    fails(command, "d.csv", "model.txt", code=2, words=["swap them (model.txt d.csv)"])


def test_a_table_is_no_model_to_explain(model):
    fails("explain", "d.csv", code=2, words=["wedgefit explain d.csv --row ID"])
    fails("explain", "none", code=1, words=["none", "no such model file"])


@pytest.mark.parametrize("command", only({*COMMANDS, "export"} - {"plot"}, [*COMMANDS, "export"]))
def test_the_model_taken_by_default_is_named(command, model, without_pictures):
    data = [] if command in ("explain", "export") else ["d.csv"]
    more = ["--format", "sql"] if command == "export" else []
    note = "Note: the model is wedgefit.json, trained to predict y.\n"
    assert note in run(command, *data, *more).stderr
    if command not in ("report", "plot"):  # Slow to draw.
        assert note not in run(command, *data, *more, "-q").stderr
        assert note not in run(command, "wedgefit.json", *data, *more).stderr


def test_messages_name_the_columns_of_the_file(model):
    Path("case.csv").write_text("X,z,y\n1,2,3\n2,3,4\n")
    fails("predict", "case.csv", words=['no column "x"', 'Did you mean "X"?'])
    Path("other.csv").write_text("p,q\n1,2\n2,3\n")
    for command in ("predict", "evaluate", "plot", "report"):
        fails(command, "other.csv", words=['The columns are "p", "q".'])


def test_a_model_of_numbers_is_not_offered_text(model):
    Path("text.csv").write_text("x,z,y\n1,2,3\nhot,3,4\n")
    message = fails("predict", "text.csv", words=['"hot" is not a number', "numbers are expected"])
    assert "--type" not in message
    Path("text.csv").write_text("x,z,y\n1,2,3\n1e999,3,4\n")
    assert "--type" not in fails("predict", "text.csv", words=["numbers are expected"])
    # Before training the other kind is a way out.
    fails("train", "text.csv", words=["--type x=category"])


def test_rows_count_by_number_where_the_ids_are_not(named, without_pictures):
    Path("new.csv").write_text(SMALL)
    for command in (["predict"], ["evaluate"], ["plot"]):
        assert run(*command, "n.json", "new.csv").stderr.count("Note") == 0
    done = run("explain", "n.json", "new.csv", "--row", "3")
    assert done.stdout.startswith("Row 3 of new.csv")
    assert 'rows count by number: there is no column "name"' in done.stderr
    assert "rows count by number" in run("report", "n.json", "new.csv").stderr
    fails("certify", "n.json", "new.csv", words=["is it the training data"[3:]])


@pytest.mark.parametrize(
    "again, words",
    only([("r0", "is also that of row 1")], [("r0", "is also that of row 1"), ("", "is missing")]),
)
def test_an_id_that_names_no_row_does_not_stop_a_picture(again, words, named, without_pictures):
    lines = Path("d.csv").read_text().splitlines()
    lines[3] = again + lines[3][2:]
    Path("twice.csv").write_text("\n".join(lines))
    assert run("plot", "n.json", "twice.csv").stderr == "Written to n.svg.\n"
    for command in (["report"], ["explain", "--row", "3"]):
        note = run(command[0], "n.json", "twice.csv", *command[1:]).stderr
        assert 'rows count by number: in row 3 of column "name"' in note and words in note
    # To train, ids must be ids.
    fails("train", "twice.csv", "--id", "name", words=[words, "Choose another --id column"])


def test_copied_columns_are_what_the_file_says():
    """Letter by letter and whatever their role: whole numbers beyond 2**53, leading zeros, words
    that elsewhere mean missing."""
    wide = [9007199254740993 + k for k in range(30)]
    cells = [["NA", "null", "01001", "x y "][k % 4] for k in range(30)]
    header, *rows = SMALL.splitlines()
    lines = [f"{row},{big},{cell}" for row, big, cell in zip(rows, wide, cells)]
    Path("d.csv").write_text("\n".join([f"{header},big,word", *lines]))
    run("train", "d.csv", "--target", "y", "--drop", "word", *FAST, "-q")
    copied = ["--id", "word", "--id", "big", "--id", "x", "--id", "word"]
    table = list(csv.reader(io.StringIO(run("predict", "d.csv", *copied).stdout)))
    assert table[0] == ["word", "big", "x", "prediction_y"]
    assert [row[:3] for row in table[1:]] == [
        [cell, str(big), row.split(",")[0]] for cell, big, row in zip(cells, wide, rows)
    ]
    record = strict(run("predict", "d.csv", *copied, "--json").stdout)
    assert record["ids"] == record["columns"]["word"] == cells
    assert record["columns"]["big"] == list(map(str, wide))


def test_append_keeps_every_column(model):
    text = 'name,x,z,y\n"a, b",01.50,2,\n,1e0,3,?\n'
    Path("new.csv").write_text(text)
    table = list(csv.reader(io.StringIO(run("predict", "new.csv", "--append").stdout)))
    assert [row[:4] for row in table] == list(csv.reader(io.StringIO(text)))
    plain = run("predict", "new.csv").stdout.splitlines()
    assert [row[4] for row in table] == plain
    fails("predict", "new.csv", "--append", "--id", "x", code=2, words=["--append"])
    run("predict", "new.csv", "--append", "-o", "both.csv")
    fails("predict", "both.csv", "--append", code=2, words=["prediction_y", "leave --append"])
    fails("predict", "both.csv", "--id", "prediction_y", code=2, words=["choose another --id"])


def test_a_second_id_is_not_dropped():
    for option in ("--id", "--weight", "--group"):
        for command in ("train", "path"):
            words = [f'{option} names one column here, not "x" and "z"']
            fails(command, "d.csv", option, "x", option, "z", code=2, words=words)


WRONG_NAMES = [
    "train none.csv",
    "path none.csv",
    "train d.csv --type nine=numeric",
    *(f"{command} none.csv -q" for command in COMMANDS[:-1]),
    "explain none.json",
    "explain none.csv --row 1 -q",
    *(f"{command} none.json d.csv" for command in COMMANDS[:-1]),
    "export none.json --format sql",
    "certify none.csv --weights net.json",
]
# Run in a process of its own: after each command its exit code, and what large is loaded by then.
IN_TURN = """
import sys
from wedgefit.cli import main
for words in sys.argv[1:]:
    try:
        main(words.split())
    except SystemExit as end:
        large = {"sklearn", "scipy", "matplotlib", "joblib"} & sys.modules.keys()
        print(words, end.code, *sorted(large), sep=": ")
"""


def test_a_wrong_name_is_found_before_anything_large_is_loaded(model):
    Path("net.json").write_text(
        '{"hidden_weights": [[1], [1]], "hidden_biases": [0], '
        '"output_weights": [1], "output_bias": 0}'
    )
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, *WRONG_NAMES],
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [f"{words}: 1" for words in WRONG_NAMES]
    messages = [line for line in done.stderr.splitlines() if not line.startswith("Note: ")]
    assert len(messages) == len(WRONG_NAMES) and "Traceback" not in done.stderr
    assert all(line.startswith("Error: ") for line in messages)
