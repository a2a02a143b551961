"""Exports agree with predict: the same numbers, labels and probabilities on rows of every sort, run
where they are meant to run."""

import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from kinds import kinds, mixed, table_of, trained

from wedgefit.cli import main
from wedgefit.data.table import DEFAULT_NA
from wedgefit.errors import ColumnError
from wedgefit.exports.formats import FORMATS, exported
from wedgefit.exports.python import to_python
from wedgefit.exports.sql import DIALECTS
from wedgefit.model.record import loads

KINDS = list(kinds())
EXTREME = [0.0, -0.0, 5e-324, 1e-300, 1e6, -1e6, 1e12, -1e12, 1e100, -1e100]
NEAR = [0.999, 1.001]  # times the limits of a column
SAME = {"rtol": 1e-9, "atol": 1e-9}


def rows_for(model, seed=1, count=80):
    """Rows as a file has them, dicts by column: numbers or texts, None for an empty cell. Random,
    with gaps, unseen, extreme."""
    rng = np.random.default_rng(seed)
    columns = {}
    for column in model.encoding.inputs:
        if column.kind == "numeric":
            values = rng.normal(column.fill, 3.0, size=count).tolist()
            ends = [
                limit * factor for limit in column.limits if limit is not None for factor in NEAR
            ]
            for value in [None, None, *EXTREME, *ends]:
                values[rng.integers(count)] = value
        else:
            texts = [
                *column.cells,
                *DEFAULT_NA,
                "(rare)",
                "(missing)",
                '"(rare)"',
                "unseen",
                "x' OR 1=1 --",
                "bonn",
                "NAN",
                "Null",
            ]
            values = [texts[i] for i in rng.integers(len(texts), size=count)]
        columns[column.name] = values
    return [dict(zip(columns, cells)) for cells in zip(*columns.values())]


def as_table(model, rows):
    """The rows as ``read_table`` would have them."""
    columns = {}
    for column in model.encoding.inputs:
        cells = [row[column.name] for row in rows]
        if column.kind == "numeric":
            columns[column.name] = np.array([np.nan if cell is None else cell for cell in cells])
        else:
            columns[column.name] = np.array(
                [None if cell in DEFAULT_NA else cell for cell in cells], dtype=object
            )
    return table_of(columns)


def expected(model, rows):
    """Predictions, and probabilities (rows, classes) or None."""
    scores = model.scores(as_table(model, rows))
    return model.decided(scores), model.probabilities(scores)


def agree(found, probabilities, model, rows):
    """What an export found is what the model predicts."""
    want, chances = expected(model, rows)
    if model.encoding.target.classes is None:
        np.testing.assert_allclose(np.array(found, dtype=float), np.array(want), **SAME)
    else:
        assert list(found) == want
    if chances is not None:
        np.testing.assert_allclose(np.array(probabilities, dtype=float), chances, **SAME)


# Python -------------------------------------------------------------------------------------------


def module_of(model):
    namespace = {"__name__": "written_out"}
    exec(compile(exported(model, "python"), "written_out.py", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("kind", KINDS)
def test_python_agrees(kind):
    model = kinds()[kind]
    rows, module = rows_for(model), module_of(model)
    logistic = model.problem["loss"] == "logistic"
    chances = [module["probabilities"](row) for row in rows] if logistic else None
    if logistic:
        assert all(list(chance) == list(model.encoding.target.classes) for chance in chances)
        chances = [list(chance.values()) for chance in chances]
    agree([module["predict"](row) for row in rows], chances, model, rows)


@pytest.mark.parametrize("kind", ["mixed", "hostile classes", "two targets", "deep classes"])
def test_python_script_agrees_with_predict_on_a_file(kind, tmp_path):
    """As a script it needs Python alone: it runs isolated, without site-packages."""
    model = kinds()[kind]
    rows = rows_for(model, count=30)
    path = tmp_path / "model.py"
    path.write_text(exported(model, "python"), encoding="utf-8")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    command = [sys.executable, "-I", "-S", str(path)]
    done = subprocess.run(
        command, input=("\ufeff" + text.getvalue()).encode(), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    header, *lines = csv.reader(io.StringIO(done.stdout.decode(), newline=""))
    target = model.encoding.target
    labels = target.classes if model.problem["loss"] == "logistic" else ()
    assert header == [f"prediction_{name}" for name in target.names] + [
        f"probability_{label}" for label in labels
    ]
    decisions = [line[: len(target.names)] for line in lines]
    found = [cells[0] if len(cells) == 1 else cells for cells in decisions]
    agree(found, [line[len(target.names) :] for line in lines], model, rows)


def test_python_reads_numbers_as_predict_does():
    """A text column may be given numbers, and cells have space around them; a number in words is
    refused with its column."""
    rng = np.random.default_rng(0)
    zips = rng.choice(np.array(["007", "12", "3.50"], dtype=object), size=60)
    x = rng.normal(size=60)
    module = module_of(trained({"zip": zips, "x": x, "y": x + (zips == "007") - (zips == "12")}))
    for number, text in (
        (7, " 007 "),
        (12.0, "12"),
        (3.5, "3.50"),
        (np.int64(7), "007"),
        (float("nan"), "NA"),
    ):
        assert module["predict"]({"zip": number, "x": 1}) == module["predict"](
            {"zip": text, "x": " 1.0"}
        )
    for cell in ("one", "1_0", "inf", "nAn", "١", float("inf"), [1]):
        with pytest.raises(ValueError, match="'x'.*not a finite number"):
            module["predict"]({"zip": "12", "x": cell})
    with pytest.raises(ValueError, match="missing: 'zip'"):
        module["predict"]({"x": 1.0})
    with pytest.raises(ValueError, match="no probabilities"):
        module["probabilities"]({"zip": "12", "x": 1.0})


# SQL ----------------------------------------------------------------------------------------------


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def filled(connection, model, rows, table="data"):
    """A table in SQLite with these rows, and columns of its own before and after."""
    kinds_ = [
        f"{quoted(column.name)} {'REAL' if column.kind == 'numeric' else 'TEXT'}"
        for column in model.encoding.inputs
    ]
    connection.execute(
        f"CREATE TABLE {quoted(table)} (number INTEGER, {', '.join(kinds_)}, more TEXT)"
    )
    marks = ", ".join("?" * (len(kinds_) + 2))
    connection.executemany(
        f"INSERT INTO {quoted(table)} VALUES ({marks})",
        [(i, *row.values(), "-") for i, row in enumerate(rows)],
    )


def run_sql(model, rows, table="data"):
    """The predictions and probabilities that SQLite computes, and the names of the columns."""
    with sqlite3.connect(":memory:") as connection:
        filled(connection, model, rows, table)
        cursor = connection.execute(exported(model, "sql", table=table))
        names = [part[0] for part in cursor.description]
        lines = cursor.fetchall()
        assert connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone() == (1,)
    connection.close()
    assert [line[1] for line in lines] == list(range(len(rows)))
    start, targets = len(model.encoding.inputs) + 3, len(model.encoding.target.names)
    found = [line[start] if targets == 1 else line[start : start + targets] for line in lines]
    return found, [line[start + targets :] for line in lines], names[start:]


@pytest.mark.parametrize("kind", KINDS)
def test_sqlite_agrees(kind):
    model = kinds()[kind]
    rows = rows_for(model)
    found, chances, names = run_sql(model, rows)
    labels = model.encoding.target.classes if model.problem["loss"] == "logistic" else ()
    assert names == [f"prediction_{name}" for name in model.encoding.target.names] + [
        f"probability_{label}" for label in labels
    ]
    agree(found, chances, model, rows)
    assert (
        type(found[0]) is type(model.predict(as_table(model, rows))[0])
        or model.encoding.target.classes is None
    )


def test_sqlite_reads_texts_as_cells():
    """A table imported from CSV holds numbers as texts; one that is no number gives NULL, not the
    prediction of zero."""
    model = kinds()["two classes"]
    rows = rows_for(model)
    texts = [
        {name: "" if cell is None else str(cell) for name, cell in row.items()} for row in rows
    ]
    for table in ("main.data", "data"):
        assert exported(model, "sql", table=table)
    with sqlite3.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE data (a TEXT COLLATE NOCASE, b TEXT, town TEXT COLLATE NOCASE)"
        )
        connection.executemany(
            "INSERT INTO data VALUES (?, ?, ?)", [tuple(row.values()) for row in texts]
        )
        lines = connection.execute(exported(model, "sql", table="main.data")).fetchall()
        agree([line[4] for line in lines], [line[5:] for line in lines], model, rows)
        for word in ("abc", "1,5", "inf", "-"):
            connection.execute("DELETE FROM data")
            connection.execute("INSERT INTO data VALUES (?, '5.0', 'Ulm')", [word])
            assert connection.execute(exported(model, "sql")).fetchone()[4:] == (None, None, None)
    connection.close()


@pytest.mark.parametrize("table", ['odd "name"', "select", "data--", "it's"])
def test_any_table_name_is_quoted(table):
    model = kinds()["one column"]
    rows = rows_for(model)
    agree(run_sql(model, rows, table)[0], None, model, rows)


def test_a_network_of_many_neurons_is_no_deep_expression():
    """SQLite refuses expressions more than 1,000 levels deep; a plain sum of 1,500 terms would be
    one."""
    model = kinds()["one column"]
    first = model.neurons[0]
    many = [replace(first, id=k + 1, bias=k / 100, coefficient=(-1.0) ** k) for k in range(1500)]
    model = replace(model, neurons=many)
    rows = rows_for(model, count=20)
    agree(run_sql(model, rows)[0], None, model, rows)
    with pytest.raises(ColumnError, match="2,000"):
        exported(replace(model, neurons=[replace(first, id=k) for k in range(2001)]), "sql")


@pytest.mark.parametrize(
    "dialect, name, words",
    [
        ("sqlite", "A", "one name"),
        ("sqlite", "a\0b", "does not store"),
        ("postgresql", "x\ud800", "does not store"),
        ("postgresql", "ü" * 40, "63 bytes"),
    ],
)
def test_names_that_a_database_cannot_hold_are_refused(dialect, name, words):
    x = np.linspace(-1, 1, 30)
    model = trained({"a": x, name: x**2, "y": np.abs(x) + x**2})
    with pytest.raises(ColumnError, match=words):
        exported(model, "sql", dialect=dialect)


def test_the_querys_own_names_give_way():
    x = np.linspace(-1, 1, 30)
    model = trained({"wedgefit_c1": x, "WEDGEFIT__row": x**2, "y": np.abs(x) + x**2})
    rows = rows_for(model)
    agree(run_sql(model, rows)[0], None, model, rows)


# PostgreSQL ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql():
    """Runs SQL in a PostgreSQL server of its own, without a port; skips where none is installed or
    may be started."""
    if absent := [program for program in ("initdb", "pg_ctl", "psql") if not shutil.which(program)]:
        pytest.skip(f"PostgreSQL is not installed: there is no {', '.join(absent)}")
    # The server refuses to run as root, and its account cannot enter the folders of pytest.
    root = os.getuid() == 0
    if root and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    account = ["runuser", "-u", "postgres", "--"] if root else []
    with tempfile.TemporaryDirectory() as folder:
        if root:
            shutil.chown(folder, "postgres")
        run = partial(subprocess.run, cwd="/", text=True, capture_output=True)
        made = run(
            [
                *account,
                "initdb",
                "-D",
                f"{folder}/db",
                "-U",
                "tester",
                "-E",
                "UTF8",
                "--locale",
                "C",
                "-A",
                "trust",
            ]
        )
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        started = run(
            [
                *account,
                "pg_ctl",
                "-D",
                f"{folder}/db",
                "-w",
                "-o",
                options,
                "-l",
                f"{folder}/log",
                "start",
            ]
        )
        if made.returncode or started.returncode:
            pytest.skip(f"PostgreSQL does not start: {made.stderr or started.stderr}")
        try:
            psql = [
                "psql",
                "-X",
                "-q",
                "-h",
                folder,
                "-U",
                "tester",
                "-d",
                "postgres",
                "--csv",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
            ]
            yield lambda script: run([*account, *psql], input=script)
        finally:
            run([*account, "pg_ctl", "-D", f"{folder}/db", "-m", "immediate", "stop"])


def run_postgresql(postgresql, model, rows):
    """The predictions and probabilities that PostgreSQL computes."""
    done = postgresql(postgresql_script(model, rows))
    assert done.returncode == 0, done.stderr
    lines = list(csv.reader(io.StringIO(done.stdout, newline="")))
    target, start = model.encoding.target, len(model.encoding.inputs) + 1
    numbers = target.classes and not isinstance(target.classes[0], str)
    found = [
        line[start] if len(target.names) == 1 else line[start : start + len(target.names)]
        for line in lines
    ]
    return [float(label) for label in found] if numbers else found, [
        line[start + len(target.names) :] for line in lines
    ]


def postgresql_script(model, rows):
    """Makes the table, fills it, and runs the query on it."""
    text = DIALECTS["postgresql"].quoted
    literal = lambda cell: (
        "NULL" if cell is None else repr(cell) if isinstance(cell, float) else text(cell)
    )
    kinds_ = [
        f"{quoted(column.name)} {'float8' if column.kind == 'numeric' else 'text'}"
        for column in model.encoding.inputs
    ]
    lines = ",\n".join(f"({', '.join(map(literal, row.values()))})" for row in rows)
    table = (
        f"CREATE TEMPORARY TABLE data ({', '.join(kinds_)});\nINSERT INTO data VALUES {lines};\n"
    )
    return table + exported(model, "sql", dialect="postgresql")


@pytest.mark.parametrize("kind", KINDS)
def test_postgresql_agrees(kind, postgresql):
    model = kinds()[kind]
    rows = [row for row in rows_for(model) if 5e-324 not in row.values()]
    agree(*run_postgresql(postgresql, model, rows), model, rows)


@pytest.mark.parametrize("setting", ["on", "off"])
def test_postgresql_texts_hold_backslashes(setting, postgresql):
    """Whether a backslash escapes in a plain literal depends on a setting of the server."""
    model = kinds()["hostile"]
    rows = rows_for(model)
    script = f"SET escape_string_warning = off; SET standard_conforming_strings = {setting};\n{postgresql_script(model, rows)}"
    assert postgresql(script).stdout == postgresql(postgresql_script(model, rows)).stdout != ""


# ONNX ---------------------------------------------------------------------------------------------


def run_onnx(model, rows):
    """What onnxruntime computes: predictions, and probabilities or None."""
    onnxruntime = pytest.importorskip("onnxruntime")
    feed = {}
    for column in model.encoding.inputs:
        cells = [row[column.name] for row in rows]
        numeric = column.kind == "numeric"
        cells = [(np.nan if numeric else "") if cell is None else cell for cell in cells]
        feed[column.name] = np.array(cells, dtype=float if numeric else object)[:, None]
    session = onnxruntime.InferenceSession(
        exported(model, "onnx"), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    results = dict(zip(names, session.run(None, feed)))
    assert [part.name for part in session.get_inputs()] == [
        column.name for column in model.encoding.inputs
    ]
    assert names == ["prediction", "probabilities"][: 1 + (model.problem["loss"] == "logistic")]
    return results["prediction"].tolist(), results.get("probabilities")


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_agrees(kind):
    model = kinds()[kind]
    rows = rows_for(model)
    found, chances = run_onnx(model, rows)
    agree(found, chances, model, rows)
    alone, _ = run_onnx(model, rows[:1])
    assert alone == found[:1] or model.encoding.target.classes is None


@pytest.mark.parametrize(
    "name, words", [("prediction", "name of an output"), ("x\ud800", "does not store")]
)
def test_names_that_onnx_cannot_hold_are_refused(name, words):
    x = np.linspace(-1, 1, 30)
    with pytest.raises(ColumnError, match=words):
        exported(trained({name: x, "y": np.abs(x)}), "onnx")


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A folder with a model in ``wedgefit.json``, and a function that runs the command line
    there."""
    monkeypatch.chdir(tmp_path)
    kinds()["two classes"].save("wedgefit.json")
    return lambda *words: CliRunner().invoke(main, ["export", *words])


@pytest.mark.parametrize("format", FORMATS)
def test_command_writes_the_same_to_a_file_and_to_standard_output(format, in_folder, tmp_path):
    model = kinds()["two classes"]
    content = exported(model, format)
    raw = content if isinstance(content, bytes) else content.encode()
    assert in_folder("--format", format).stdout_bytes == raw
    done = in_folder("wedgefit.json", "--format", format, "-o", "out")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "Written to out.\n")
    assert in_folder("--format", format, "-o", "out", "-q").output == ""
    record = json.loads(in_folder("--format", format, "-o", "out", "--json").stdout)
    assert record == {
        "schema": "wedgefit.export/1",
        "format": format,
        "output": "out",
        "bytes": len(raw),
    }
    assert (tmp_path / "out").read_bytes() == raw
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "wedgefit.json"]


def test_command_passes_dialect_and_table(in_folder):
    done = in_folder("--format", "sql", "--dialect", "postgresql", "--table", "public.people")
    assert 'FROM "public"."people"' in done.stdout and "DOUBLE PRECISION" in done.stdout


@pytest.mark.parametrize(
    "words, code, message",
    [
        ((), 2, "--format is missing"),
        (("--format", "sql", "--json"), 2, "both want standard output"),
        (("--format", "python", "--table", "x"), 2, "--table is for --format sql"),
        (("--format", "onnx", "--dialect", "sqlite"), 2, "--dialect is for --format sql"),
        (("--format", "sql", "--table", "a..b"), 1, "not the name of a table"),
        (("--format", "sql", "-o", "wedgefit.json"), 2, "would be overwritten"),
        (("--format", "sql", "-o", "no/such"), 1, "no such folder"),
        (("nothing.json", "--format", "sql"), 1, "no such model file"),
    ],
)
def test_command_refuses_in_one_message(words, code, message, in_folder, tmp_path):
    before = (tmp_path / "wedgefit.json").read_bytes()
    done = in_folder(*words)
    assert done.exit_code == code and message in done.stderr and not done.stdout
    assert (tmp_path / "wedgefit.json").read_bytes() == before


def test_without_the_package_onnx_the_others_still_work(monkeypatch, in_folder):
    monkeypatch.setattr("wedgefit.exports.onnx.find_spec", lambda name: None)
    done = in_folder("--format", "onnx")
    assert done.exit_code == 1 and "pip install 'wedgefit[onnx]'" in done.stderr
    assert in_folder("--format", "python").exit_code == 0


# All formats --------------------------------------------------------------------------------------


def run_python(model, rows):
    """What the module predicts, and no probabilities."""
    return list(map(module_of(model)["predict"], rows)), None


@pytest.mark.parametrize("run", [run_python, run_sql, run_onnx])
def test_a_level_that_spells_a_missing_cell_stays_a_level(run):
    """Tables that come from elsewhere than CSV may have Namibia's NA as a text."""
    rng = np.random.default_rng(0)
    country = rng.choice(np.array(["NA", "ZA", None], dtype=object), size=60)
    model = trained({"country": country, "y": rng.normal(size=60) + 3.0 * (country == "NA")})
    rows = [{"country": cell} for cell in ("NA", "ZA", None, "", "NaN")]
    want = model.predict(
        table_of({"country": np.array(["NA", "ZA", None, None, None], dtype=object)})
    )
    assert len(set(want)) > 1
    np.testing.assert_allclose(run(model, rows)[0], want, **SAME)


@pytest.mark.parametrize("run", [run_python, run_sql, run_onnx])
def test_features_may_come_in_any_order(run):
    """A model file may list the features of its columns mixed; the network reads them by name."""
    model = kinds()["mixed"]
    model = replace(model, encoding=replace(model.encoding, features=model.encoding.features[::-1]))
    rows = rows_for(model)
    agree(run(model, rows)[0], None, model, rows)


PIECES = [
    *"ab'\"\\-;%{}$\n\t ,()[]*/#?:@`=~&|!é😀",
    "\u2028",
    "\x7f",
    "\u202e",
    "select",
    "--",
    "/*",
    "*/",
    "'''",
    '"""',
    "{0}",
    "%s",
    "\\'",
    "E'",
]


def made_up_model(seed):
    """Names, levels and labels of random pieces that mean something to some language."""
    rng = np.random.default_rng(seed)
    words = ("".join(rng.choice(PIECES, size=rng.integers(1, 7))).strip() for _ in range(1000))
    words = list({word.casefold(): word for word in words if word}.values())
    columns, signal = mixed(seed=seed, names=words[:3], levels=words[3:7])
    labels = np.array(words[7:10], dtype=object)[
        np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    ]
    return trained(columns | {words[10]: labels if seed % 2 else signal})


@pytest.mark.parametrize("seed", range(6))
def test_no_name_level_or_label_is_taken_for_code(seed):
    model = made_up_model(seed)
    rows = rows_for(model, count=40)
    module = module_of(model)
    chances = [list(module["probabilities"](row).values()) for row in rows] if seed % 2 else None
    agree([module["predict"](row) for row in rows], chances, model, rows)
    agree(*run_sql(model, rows)[:2], model, rows)
    agree(*run_onnx(model, rows), model, rows)


@pytest.mark.parametrize("seed", range(6))
def test_no_name_level_or_label_is_taken_for_code_by_postgresql(seed, postgresql):
    model = made_up_model(seed)
    rows = [row for row in rows_for(model, count=40) if 5e-324 not in row.values()]
    agree(*run_postgresql(postgresql, model, rows), model, rows)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_model_gives_the_same_bytes(kind, format):
    model = kinds()[kind]
    assert exported(model, format) == exported(loads(model.dumps()), format)


def test_units_that_nobody_reads_stay_at_home():
    """A deep model keeps every neuron of a layer's own solution for ``certify``; an export needs
    those that are read only."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    columns = {"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] * X[:, 1]}
    table, model = table_of(columns), trained(columns, alpha_ratio=0.02, layers=3)
    pruned = model.pruned()
    np.testing.assert_allclose(pruned.scores(table), model.scores(table), rtol=1e-12, atol=1e-12)
    read = {name for neuron in model.layer(2) for name in neuron.weights}
    assert len(pruned.layer(1)) == len(read) < len(model.layer(1)) and pruned.layer(
        2
    ) == model.layer(2)
    assert len(exported(model, "python")) < len(to_python(model))
