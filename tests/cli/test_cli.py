"""The command line keeps its contract: results on stdout, one message per failure, exit codes,
files whole or not at all."""

import csv
import errno
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from click.testing import CliRunner
from quick import only
from shell import FAST, LOADED, SMALL, X1, X2, contents, environment, fails, run, strict

from wedgefit import __version__
from wedgefit.cli import main
from wedgefit.model import build as fit
from wedgefit.ranges import Bytes
from wedgefit.views import tables
from wedgefit.views.progress_bar import Progress
from wedgefit.views.terminal import to_text
from wedgefit.views.words import about, bound, number

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
COMMANDS = sorted(main.commands)


# What all commands share --------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_by_example_and_takes_the_shared_options(name):
    text = run(name, "--help").stdout
    assert f"  wedgefit {name}" in text
    for option in ("--json", "-q, --quiet", "-v, --verbose", "--debug", "-h, --help"):
        assert option in text


WITHOUT_DATA = {"explain", "export", "plot"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_wrong_usage_with_2(name):
    fails(name, "--no-such-option", code=2, words=["--no-such-option"])
    fails(name, "a", "b", "c", code=2)


# Of those that take DATA alone, or beside a model that is there by default.
@pytest.mark.parametrize("name", sorted({*COMMANDS} - WITHOUT_DATA - {"compare", "polish"}))
@pytest.mark.parametrize(
    "data, words", [("none.csv", "no such file"), (".", "folder"), ("empty.csv", "empty")]
)
def test_every_command_says_what_is_wrong_with_its_data(name, data, words, model):
    Path("empty.csv").write_text("")
    fails(name, data, words=[data, words])


# Of those that take DATA alone, or beside a model that is there by default.
@pytest.mark.parametrize("name", sorted({*COMMANDS} - WITHOUT_DATA - {"compare", "polish"}))
def test_every_command_asks_for_its_data(name):
    fails(name, code=2, words=["Missing argument", "DATA"])


def test_commands_of_other_files_say_what_is_wrong_with_their_data(model):
    net = {"hidden_weights": [[1.0], [1.0]], "output_weights": [1.0], "alpha": 0.1}
    Path("net.json").write_text(json.dumps(net))
    Path("empty.csv").write_text("")
    for first in (("compare", "wedgefit.json", "wedgefit.json"), ("polish", "net.json")):
        for data, words in (("none.csv", "no such file"), (".", "folder"), ("empty.csv", "empty")):
            fails(*first, data, words=[data, words])
        fails(*first, code=2, words=["Missing argument", "DATA"])


@pytest.mark.parametrize("name", ["certify", "evaluate", "explain", "predict"])
@pytest.mark.parametrize(
    "text, words",
    [
        (None, "Train one first"),
        ("", "not JSON"),
        ("x,y\n1,2\n", "model"),
        ("[]", "not a wedgefit model file"),
        ('{"schema": "wedgefit.model/99"}', "wedgefit.model/99"),
        ('{"schema": "wedgefit.model/3"}', "data should be there"),
        ('{"schema": NaN}', "NaN"),
    ],
)
def test_every_reader_of_models_refuses_other_files(name, text, words):
    if text is not None:
        Path("m.json").write_text(text)
    fails(name, "m.json", *["d.csv"] * (name != "explain"), words=["m.json", words])


@pytest.mark.parametrize("name", ["certify", "evaluate", "explain", "predict"])
def test_a_folder_is_no_model(name):
    fails(name, ".", *["d.csv"] * (name != "explain"))


def test_version_and_bare_help():
    assert run("--version").stdout == f"wedgefit {__version__}\n"
    text = run("--help").stdout
    assert all(name in text for name in COMMANDS)
    assert "_WEDGEFIT_COMPLETE=bash_source" in text


# Bad input ----------------------------------------------------------------------------------------

BAD_DATA = {
    "header only": ("x,y\n", "no data rows"),
    "one row": ("x,y\n1,2\n", "d.csv"),
    "ragged row": ("x,y\n1,2\n3\n4,5\n", "row 2 (line 3)"),
    "duplicate name": ("x,x,y\n1,2,3\n4,5,6\n", '"x"'),
    "empty name": ("x,,y\n1,2,3\n4,5,6\n", "column 2 of 3 has no name"),
    "constant target": ("x,y\n1,2\n2,2\n3,2\n", '"y"'),
    "missing target": ("x,y\n1,\n2,\n3,\n", "missing"),
    "some targets missing": ("x,y\n1,1\n2,\n3,4\n4,9\n", "--drop-missing-target"),
    "many classes": ("x,y\n" + "".join(f"{i},name {i}\n" for i in range(30)), "30 classes"),
    "stray cell": ("x,y\n1,1\n2,2\noops,5\n4,7\n", 'row 3 (line 4), column "x": "oops"'),
    "infinity": ("x,y\n1,1\n2,2\ninf,5\n4,7\n", '"inf"'),
    "too large": ("x,y\n1,1\n2,2\n1e400,5\n4,7\n", '"1e400"'),
    "only the target": ("y\n1\n2\n4\n", "no column is left"),
    "constant inputs": ("x,y\n1,1\n1,2\n1,4\n", "no column is left"),
}


@pytest.mark.parametrize("name", ["train", "path"])
@pytest.mark.parametrize("text, words", BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(name, text, words):
    Path("d.csv").write_text(text)
    fails(name, "d.csv", "--cv", 2, words=[words])


def test_binary_junk():
    Path("d.csv").write_bytes(bytes(range(128, 256)) * 4)
    fails("train", "d.csv", words=["d.csv", "byte 0"])


@pytest.mark.parametrize(
    "options, code, words",
    [
        (["--target", "Y"], 1, '"Y"'),
        (["--drop", "w"], 1, '"w"'),
        (["--keep", "w"], 1, '"w"'),
        (["--id", "w"], 1, '"w"'),
        (["--type", "w=numeric"], 1, '"w"'),
        (["--drop", "y", "--target", "y"], 2, "--target"),
        (["--drop", "x", "--keep", "x"], 2, "--keep"),
        (["--drop", "x", "--id", "x"], 2, "--id"),
        (["--type", "x=number"], 2, "--type"),
        (["--type", "x"], 2, "--type"),
        (["--alpha", "-1"], 2, "--alpha"),
        (["--alpha", "0"], 2, "positive"),
        (["--alpha", "nan"], 2, "positive"),
        (["--alpha", "inf"], 2, "positive"),
        (["--alpha", "much"], 2, "positive"),
        (["--alpha-ratio", "0"], 2, "--alpha-ratio"),
        (["--alpha", "1", "--alpha-ratio", "0.1"], 2, "exclude each other"),
        (["--tol", "0"], 2, "--tol"),
        (["--order", "0"], 2, "--order"),
        (["--order", "-2"], 2, "--order"),
        (["--order", "all"], 2, "full"),
        (["--norm", "3"], 2, "--norm"),
        (["--layers", "1"], 2, "--layers"),
        (["--cv", "1"], 2, "--cv"),
        (["--cv", "31"], 1, "folds"),
        (["--rule", "2se"], 2, "--rule"),
        (["--task", "ranking"], 2, "--task"),
        (["--solver", "lars"], 2, "--solver"),
        (["--certificate", "none"], 2, "--certificate"),
        (["--jobs", "0"], 2, "--jobs"),
        (["--seed", "-1"], 2, "--seed"),
        (["--max-memory", "much"], 2, "500M"),
        (["--max-memory", "0"], 2, "500M"),
        (["--max-memory", "1B", *FAST], 1, "--max-memory"),
        (["--max-seconds", "0"], 2, "--max-seconds"),
        (["--refine", *FAST], 2, "--refine"),
        (["--delimiter", "ab"], 2, "delimiter"),
        (["--decimal", ";"], 2, "decimal"),
        (["--encoding", "klingon"], 2, "encoding"),
        (["--json", "-o", "-"], 2, "standard output"),
        (["-o", "d.csv"], 2, "overwritten"),
        (["-o", "."], 1, "folder"),
        (["-o", "none/m.json"], 1, "no such folder"),
    ],
)
def test_bad_options(options, code, words, model):
    fails("train", "d.csv", *options, code=code, words=[words])


def test_an_order_above_the_number_of_columns_is_refused():
    result = CliRunner().invoke(main, ["train", "d.csv", "--order", "3", *FAST])
    assert result.exit_code in (1, 2)
    assert "order" in result.stderr
    assert not Path("wedgefit.json").exists()


@pytest.mark.parametrize(
    "text, size", [("17", 17), ("2k", 2e3), ("500M", 5e8), ("1.5GB", 1.5e9), ("1T", 1e12)]
)
def test_sizes_of_memory(text, size):
    assert Bytes().read(text) == size


def test_text_is_no_target_of_a_regression():
    Path("d.csv").write_text("x,y\n1,a\n2,b\n3,a\n")
    fails("train", "d.csv", "--task", "regression", words=['"a" is not a number'])


@pytest.mark.parametrize(
    "text, words",
    [
        ("x,y\n1,2\n", '"z"'),
        ("y\n1\n", "2 columns are missing"),
        ("x,z\n1,much\n", '"much"'),
        ("x,z\n1,1e999\n", '"1e999"'),
    ],
)
def test_data_that_the_model_cannot_use(text, words, model):
    Path("new.csv").write_text(text)
    fails("predict", "new.csv", words=["new.csv", words])


def test_evaluation_needs_the_target(model):
    Path("new.csv").write_text("x,z\n1,2\n")
    fails("evaluate", "new.csv", words=['"y"'])


# Bugs and a machine that fails --------------------------------------------------------------------


@pytest.mark.parametrize(
    "error, words",
    [
        (ValueError("odd\nand more"), "ValueError: odd"),
        (AssertionError(), "AssertionError"),
        (MemoryError(), "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "m.json"), "m.json: Permission denied"),
    ],
)
def test_an_unexpected_exception_is_one_line_and_a_traceback_only_for_debug(
    error, words, model, monkeypatch
):
    def broken(*_):
        raise error

    monkeypatch.setattr(fit, "trained", broken)
    message = fails("train", "d.csv", words=[words])
    assert "--debug" in message or isinstance(error, MemoryError)
    assert "Traceback" in run("train", "d.csv", "--debug", code=1).stderr


def test_a_failure_to_write_the_model_leaves_the_old_one(model, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    fails("train", "d.csv", *FAST, words=["No space left"])


# train --------------------------------------------------------------------------------------------


def test_train_writes_the_model_and_reports_in_plain_words():
    done = run("train", "d.csv", *FAST)
    assert Path("wedgefit.json").exists()
    assert done.stderr == ""
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("R² ") and first.endswith("; a constant alone has 0.")
    assert last.startswith("Globally optimal among all ")
    assert last.endswith("of the objective can be gained (exact).")
    assert "norm" not in done.stdout and "squared" not in done.stdout
    assert "squared loss, alpha" in run("train", "d.csv", *FAST, "--verbose").stdout
    for words in (
        "30 rows",
        "y (regression)",
        "Model written to wedgefit.json",
        "Next: wedgefit explain\n",
    ):
        assert words in done.stdout


REPORT = {
    "data": {"source", "rows", "columns", "target", "task", "classes"},
    "problem": {
        "loss", "alpha", "alpha_max", "norm", "order",
        "layers", "hidden_bias", "intercept", "standardized",
    },
    "certificate": {
        "objective", "lower_bound", "relative_gap", "scope",
        "wedges_total", "wedges_priced", "network_lower_bound",
        "network_relative_gap", "bounded",
    },
    "score": {"train", "cv"},
    "seconds": None,
}  # fmt: skip
NEURON = {
    "id",
    "layer",
    "order",
    "columns",
    "samples",
    "weights",
    "bias",
    "coefficient",
    "output",
    "active_rows",
    "share",
}
STAGE = {"layer", "neurons", "objective", "lower_bound", "relative_gap", "scope"}


def test_the_json_of_train_has_the_keys_of_the_contract():
    report = strict(run("train", "d.csv", "--json", *FAST).stdout)
    assert report.keys() == {
        "schema",
        *REPORT,
        "stages",
        "threshold",
        "intercept",
        "neurons",
        "samples",
        "version",
        "notes",
    }
    assert report["schema"] == "wedgefit.report/1"
    for name, keys in REPORT.items():
        # The contract may be extended inside, say by what reading the file again needs.
        assert report[name].keys() >= (keys or set())
    assert report["certificate"].keys() == REPORT["certificate"]
    assert report["neurons"] and all(neuron.keys() == NEURON for neuron in report["neurons"])
    assert all(stage.keys() >= STAGE for stage in report["stages"])
    assert report["samples"] == sorted(
        {sample for neuron in report["neurons"] for sample in neuron["samples"]}
    )
    assert report["score"]["train"].keys() == {"r2", "rmse", "mae"}
    assert report["score"]["cv"] is None
    assert sum(neuron["share"] for neuron in report["neurons"]) == pytest.approx(1)


def test_the_json_of_a_classification():
    rows = [f"{a},{'yes' if a > 2 else 'no'}" for a in X1]
    Path("d.csv").write_text("\n".join(["x,y", *rows]))
    report = strict(run("train", "d.csv", "--json", *FAST).stdout)
    assert report["data"]["classes"] == ["no", "yes"]
    assert report["score"]["train"].keys() == {"accuracy", "auc", "log_loss"}
    predicted = run("predict", "d.csv").stdout.splitlines()
    assert predicted[0] == "prediction_y"
    assert set(predicted[1:]) == {"yes", "no"}
    assert "yes is predicted where the score is positive" in run("explain").stdout
    assert "accuracy" in run("evaluate", "d.csv").stdout
    run("certify", "d.csv")


def test_the_same_input_gives_the_same_bytes():
    texts = []
    for name in ("a.json", "b.json"):
        report = strict(run("train", "d.csv", "--json", "--cv", 3, "-o", name).stdout)
        assert report.pop("seconds") is not None
        texts.append(json.dumps(report))
    assert texts[0] == texts[1]
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_standard_input_gives_the_same_model(model):
    report = strict(run("train", "-", "--json", *FAST, input=SMALL).stdout)
    assert report["data"]["source"] == "-"
    assert report["neurons"] == model["neurons"]


def test_the_model_on_standard_output_leaves_the_report_to_standard_error():
    done = run("train", "d.csv", *FAST, "-o", "-")
    assert strict(done.stdout)["schema"].startswith("wedgefit.model/")
    assert "Globally optimal" in done.stderr
    assert not Path("wedgefit.json").exists()


def test_quiet_says_nothing_and_json_is_said_anyway():
    Path("d.csv").write_text(
        SMALL.replace("x,z,y", "1,2,3")
    )  # Names that look like data give a note.
    assert "Note: " in run("train", "d.csv", *FAST).stderr
    done = run("train", "d.csv", *FAST, "-q")
    assert done.output == ""
    done = run("train", "d.csv", *FAST, "-q", "--json")
    assert strict(done.stdout)["notes"]
    assert done.stderr == ""


def test_verbose_tells_the_steps_in_lines_where_there_is_no_terminal():
    done = run("train", "d.csv", "--cv", 2, "-v")
    assert "cross-validation 0/" in done.stderr
    assert (
        "Seconds" in done.stdout
        and "by the loss over 2 folds, solved on sampled wedges to a gap of 0.01" in done.stdout
    )


def test_the_options_reach_the_problem():
    options = [
        "--norm",
        2,
        "--refine",
        "--order",
        1,
        "--no-bias",
        "--no-intercept",
        "--no-standardize",
        "--alpha",
        0.05,
    ]
    options += ["--max-memory", "1G", "--max-seconds", 60, "--jobs", 1, "--seed", 1, "--tol", 1e-3]
    report = strict(
        run("train", "d.csv", "--json", "--target", "z", "--drop", "y", *options).stdout
    )
    assert report["data"]["target"] == "z"
    assert report["data"]["columns"] == ["x"]
    expected = {
        "loss": "squared", "alpha": 0.05,
        "norm": 2, "order": 1, "layers": 2, "hidden_bias": False,
        "intercept": False, "standardized": False, "refined": True, "refitted": False,
        "class_weight": None, "range_dispersion": None,
    }  # fmt: skip
    assert expected.items() <= report["problem"].items()


def test_a_dropped_column_may_hold_anything():
    Path("d.csv").write_text(SMALL.replace("x,z,y", "x,z,y").replace("\n0.0,1.0,", "\n0.0,oops,"))
    fails("train", "d.csv", *FAST, words=["oops"])
    report = strict(run("train", "d.csv", *FAST, "--drop", "z", "--json").stdout)
    assert report["data"]["columns"] == ["x"]
    assert (
        strict(run("train", "d.csv", *FAST, "--na", "oops", "--json").stdout)["data"]["columns"][1]
        == "z"
    )


def test_reading_options():
    text = SMALL.replace(",", ";").replace(".", ",").replace("x;z;y", "größe;z;y")
    Path("d.csv").write_text(text, encoding="utf-16")
    read = ["--encoding", "utf-16", "--delimiter", ";", "--decimal", ","]
    report = strict(run("train", "d.csv", *FAST, *read, "--json").stdout)
    assert report["data"]["columns"] == ["größe", "z"]
    run("certify", "d.csv", *read)
    assert len(run("predict", "d.csv", *read).stdout.splitlines()) == 31


def test_names_that_look_like_markup_or_steer_the_terminal_are_printed_as_they_are():
    Path("d.csv").write_text(SMALL.replace("x,z,y", '[red]x,"[/]\x1b[31m",[bold]y'))
    for args in (
        ["train", "d.csv", *FAST, "-v"],
        ["explain"],
        ["path", "d.csv", "--cv", "2"],
        ["certify", "d.csv"],
    ):
        done = run(*args)
        assert "\x1b" not in done.output
        if args[0] in ("train", "explain"):
            assert "[red]x" in done.stdout
            assert "[/]\\x1b[31m" in done.stdout
            assert "[bold]y" in done.stdout
    message = fails("train", "d.csv", "--target", "[red]y")
    assert '"[red]y"' in message


def test_a_model_without_neurons():
    done = run("train", "d.csv", "--alpha-ratio", 2)
    assert "No neurons" in done.stdout
    assert "y = " in run("explain").stdout
    assert len(set(run("predict", "d.csv").stdout.splitlines()[1:])) == 1
    run("certify", "d.csv")


# explain, predict, evaluate, path, certify --------------------------------------------------------


def test_explain_lists_wedges_and_samples(model):
    record = strict(run("explain", "--json").stdout)
    assert record["schema"] == "wedgefit.explanation/1"
    assert [term["id"] for term in record["terms"]] == [neuron["id"] for neuron in model["neurons"]]
    assert [sample["id"] for sample in record["samples"]] == model["samples"]
    text = run("explain").stdout
    assert all(term["hinge"]["text"] in text for term in record["terms"])
    assert run("explain", "wedgefit.json").stdout == text


def test_explanation_in_original_units_gives_the_predictions(model):
    record = strict(run("explain", "--json").stdout)
    predicted = [float(line) for line in run("predict", "d.csv").stdout.splitlines()[1:]]
    for a, b, prediction in zip(X1, X2, predicted):
        value = record["intercept"]
        for term in record["terms"]:
            inner = sum(
                weight * {"x": a, "z": b}[name] for name, weight in term["hinge"]["weights"].items()
            )
            value += term["hinge"]["coefficient"] * max(0, inner + term["hinge"]["bias"])
        assert value == pytest.approx(prediction, abs=1e-9)


def test_predict_writes_csv_at_full_precision(model):
    done = run("predict", "d.csv")
    assert done.stderr == "Note: the model is wedgefit.json, trained to predict y.\n"
    lines = done.stdout.splitlines()
    assert lines[0] == "prediction_y"
    record = strict(run("predict", "wedgefit.json", "d.csv", "--json").stdout)
    assert [float(line) for line in lines[1:]] == record["predictions"]
    assert run("predict", "-", input=SMALL).stdout == done.stdout
    assert run("predict", "d.csv", "-o", "p.csv").stdout == ""
    assert Path("p.csv").read_text() == done.stdout


def test_predict_refuses_to_overwrite_what_it_reads(model):
    fails("predict", "d.csv", "-o", "d.csv", code=2)
    fails("predict", "d.csv", "-o", "wedgefit.json", code=2)
    fails("predict", "d.csv", "-o", "none/p.csv")


def test_output_may_be_a_device(model):
    run("predict", "d.csv", "-o", os.devnull)
    run("train", "d.csv", *FAST, "-o", os.devnull)
    assert not Path(os.devnull).is_file()


def test_ids_travel_from_the_file_to_report_and_predictions():
    header, *rows = SMALL.splitlines()
    named = "\n".join([f"name,{header}", *(f"r{i},{row}" for i, row in enumerate(rows))])
    Path("d.csv").write_text(named)
    report = strict(run("train", "d.csv", "--id", "name", *FAST, "--json").stdout)
    assert all(sample.startswith("r") for sample in report["samples"])
    run("certify", "d.csv")
    table = list(csv.reader(io.StringIO(run("predict", "d.csv").stdout)))
    assert table[0] == ["name", "prediction_y"]
    assert [row[0] for row in table[1:3]] == ["r0", "r1"]
    # New data may repeat a name, or have no names at all.
    Path("new.csv").write_text("name,x,z\na,1,2\na,1,2\n,1,2\n")
    assert [line.split(",")[0] for line in run("predict", "new.csv").stdout.splitlines()] == [
        "name",
        "a",
        "a",
        "",
    ]
    assert strict(run("predict", "new.csv", "--json").stdout)["ids"] == ["a", "a", None]
    Path("new.csv").write_text("x,z\n1,2\n")
    assert run("predict", "new.csv").stdout.startswith("prediction_y\n")
    fails("predict", "new.csv", "--id", "nam", words=['"nam"'])
    assert run("predict", "new.csv", "--id", "x").stdout.startswith("x,prediction_y\n1,")


def test_unseen_levels_are_noted_on_standard_error():
    rows = [f"{a},{'paris' if i % 2 else 'rome'},{a + i % 2}" for i, a in enumerate(X1)]
    Path("d.csv").write_text("\n".join(["x,town,y", *rows]))
    run("train", "d.csv", *FAST, "-q")
    Path("new.csv").write_text("x,town,y\n1,oslo,2\n2,rome,3\n")
    for name in ("predict", "evaluate"):
        done = run(name, "new.csv")
        assert 'Note: column "town" has levels that training did not see: oslo.' in done.stderr
        assert "oslo" not in done.stdout
        assert run(name, "new.csv", "-q").stderr == ""


def test_evaluate(model):
    record = strict(run("evaluate", "d.csv", "--json").stdout)
    assert record["data"] == {"source": "d.csv", "rows": 30, "weight": None, "exposure": None}
    assert record["score"] == pytest.approx(model["score"]["train"])
    assert "RMSE" in run("evaluate", "wedgefit.json", "d.csv").stdout
    Path("one.csv").write_text("\n".join(SMALL.splitlines()[:2]))
    assert strict(run("evaluate", "one.csv", "--json").stdout)["score"]["r2"] is None


def test_evaluate_with_weights_counts_rows_as_repeated(model):
    header, *rows = SMALL.splitlines()
    counts = [i % 3 for i in range(len(rows))]
    Path("weighted.csv").write_text(
        "\n".join([f"w,{header}", *(f"{count},{row}" for count, row in zip(counts, rows))])
    )
    Path("repeated.csv").write_text(
        "\n".join([header, *(row for count, row in zip(counts, rows) for _ in range(count))])
    )
    done = run("evaluate", "weighted.csv", "--weight", "w", "--json")
    record = strict(done.stdout)
    assert record["score"] == pytest.approx(
        strict(run("evaluate", "repeated.csv", "--json").stdout)["score"], rel=1e-12
    )
    assert record["score"] != pytest.approx(
        strict(run("evaluate", "weighted.csv", "--json").stdout)["score"], rel=1e-6
    )
    assert record["data"] == {
        "source": "weighted.csv",
        "rows": sum(count > 0 for count in counts),
        "weight": "w",
        "exposure": None,
    }
    assert "weight" in done.stderr and "weight" in record["notes"][0]
    assert "no column" in run("evaluate", "d.csv", "--weight", "w", code=1).stderr
    assert "is the target" in run("evaluate", "d.csv", "--weight", "y", code=1).stderr
    Path("one.csv").write_text(f"w,{header}\n2,{rows[0]}\n0,{rows[1].rsplit(',', 1)[0]},\n")
    assert strict(run("evaluate", "one.csv", "--weight", "w", "--json").stdout)["data"]["rows"] == 1


def test_predictions_write_over_no_column(model):
    header, *rows = SMALL.splitlines()
    Path("named.csv").write_text(
        "\n".join([f"prediction_y,{header}", *(f"r{i},{row}" for i, row in enumerate(rows))])
    )
    assert '"prediction_y"' in run("predict", "named.csv", "--id", "prediction_y", code=2).stderr
    assert run("predict", "named.csv").stdout.splitlines()[0] == "prediction_y"
    assert strict(run("predict", "named.csv", "--id", "prediction_y", "--json").stdout)["ids"][
        :2
    ] == ["r0", "r1"]
    run("train", "named.csv", "--id", "prediction_y", *FAST)
    done = run("predict", "named.csv")
    assert "left out" in done.stderr and done.stdout.splitlines()[0] == "prediction_y"


def test_path_marks_the_choices():
    record = strict(run("path", "d.csv", "--cv", 3, "--order", 1, "--json").stdout)
    assert record["schema"] == "wedgefit.path/1"
    alphas = [point["alpha"] for point in record["points"]]
    assert alphas == sorted(alphas, reverse=True)
    assert record["chosen"]["best"] <= record["chosen"]["1se"]
    assert record["points"][0].keys() >= {
        "alpha",
        "alpha_ratio",
        "neurons",
        "samples",
        "objective",
        "relative_gap",
        "scope",
        "cv",
    }
    text = run("path", "d.csv", "--cv", 3, "--order", 1).stdout
    assert "best" in text
    assert f"--alpha {record['chosen']['best']!r}" in text


def test_path_chooses_the_alpha_that_train_chooses():
    record = strict(run("path", "d.csv", "--cv", 3, "--order", 1, "--json").stdout)
    for rule, alpha in record["chosen"].items():
        report = strict(
            run("train", "d.csv", "--cv", 3, "--order", 1, "--rule", rule, "--json").stdout
        )
        assert report["problem"]["alpha"] == alpha


def test_certify_agrees_with_train(model):
    done = run("certify", "d.csv")
    assert "NO" not in done.stdout
    record = strict(run("certify", "wedgefit.json", "d.csv", "--json", "--jobs", 1).stdout)
    assert record["agrees"] is True
    assert record["certificate"].keys() == REPORT["certificate"]
    assert all(
        check.keys() == {"name", "stored", "recomputed", "agrees"} for check in record["checks"]
    )


def test_certify_sees_a_false_figure_and_other_data(model):
    text = json.dumps(
        model
        | {
            "certificate": model["certificate"]
            | {"objective": model["certificate"]["objective"] / 2}
        }
    )
    Path("false.json").write_text(text)
    done = run("certify", "false.json", "d.csv", code=1)
    assert "NO" in done.stdout
    assert done.stderr.count("Error:") == 1
    assert strict(run("certify", "false.json", "d.csv", "--json", code=1).stdout)["agrees"] is False
    Path("other.csv").write_text("\n".join(SMALL.splitlines()[:-1]))
    fails("certify", "other.csv", words=["29"])


# render -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "–"), (0.0, "0"), (1.0, "1"), (12, "12"), (0.123456, "0.1235"),
        (-1234.5, "-1,234"), (12345678.9, "12,345,679"),
        (1e-7, "1.000e-07"), (3.2e12, "3.200e+12"), (99.996, "100.00"),
    ],
)  # fmt: skip
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "–"), (0.0, "0"), (1.2e-15, "2e-15"), (1.01e-9, "2e-9"),
        (3e-9, "3e-9"), (9.5e-7, "1e-6"), (0.031, "0.04"),
        (0.5, "0.5"), (0.98, "1"),
    ],
)  # fmt: skip
def test_a_bound_is_never_rounded_down(value, text):
    assert bound(value) == text


CERTIFICATE = {
    "objective": 1.0, "lower_bound": 1.0, "relative_gap": 1e-9,
    "scope": "exact", "wedges_total": 28_780_000,
    "wedges_priced": 4_000, "network_lower_bound": 1.0, "network_relative_gap": 1e-9,
}  # fmt: skip
CLAIM = "Globally optimal among all 28,780,000 wedges"
GAIN = "at most 1e-9 of the objective can be gained (exact)."
READING = "two-layer ReLU networks whose hidden neurons read at most 2 columns"


@pytest.mark.parametrize(
    "certificate, problem, lines",
    [
        ({}, {}, [f"{CLAIM}, and among all {READING}: {GAIN}"]),
        ({}, {"order": "full"}, [f"{CLAIM}, and among all two-layer ReLU networks: {GAIN}"]),
        ({}, {"order": 5}, [f"{CLAIM}, and among all two-layer ReLU networks: {GAIN}"]),
        ({"network_relative_gap": None}, {}, [f"{CLAIM}: {GAIN}"]),
        # Norm 2: the network's bound is another one, however small.
        (
            {"network_relative_gap": 0.0101}, {},
            [
                f"{CLAIM}: {GAIN}",
                f"Among all {READING} at most 1.1% of the objective can be gained.",
            ],
        ),
        (
            {"network_relative_gap": 5e-5}, {},
            [
                f"{CLAIM}: {GAIN}",
                f"Among all {READING} at most 5e-5 of the objective can be gained.",
            ],
        ),
        (
            {"relative_gap": 0.0, "network_relative_gap": None}, {},
            [f"{CLAIM}: {GAIN.replace('1e-9', '1e-15')}"],
        ),
        (
            {"relative_gap": 0.02, "network_relative_gap": 0.02}, {},
            [
                f"Proven within 2.0% of the optimum among all 28,780,000 wedges, and among all "
                f"{READING}: no more of the objective can be gained (exact)."
            ],
        ),
        (
            {"relative_gap": 0.2, "network_relative_gap": 0.2}, {},
            [
                "Not proven optimal: up to 20.0% of the objective could still be gained "
                f"among all 28,780,000 wedges, and among all {READING} (exact)."
            ],
        ),
        (
            {"scope": "sampled", "relative_gap": 0.02, "network_relative_gap": None}, {},
            [
                "Sampled: up to 2.0% of the objective could still be gained among the 4,000 wedges "
                "priced in the last round, of 28,780,000 in all; no claim beyond."
            ],
        ),
        (
            {"scope": "sampled", "network_relative_gap": None}, {},
            [
                "Sampled: best among the 4,000 wedges priced in the last round, "
                "of 28,780,000 in all; no claim beyond."
            ],
        ),
        (
            {"network_relative_gap": None}, {"layers": 4},
            [
                "Layer by layer: this is about hidden layer 3 of 3, given those below it; "
                "no claim is made about all layers together.",
                f"Optimal, given the layers below, among all 28,780,000 wedges: {GAIN}",
            ],
        ),
        (
            {}, {"layers": 3, "order": [2, 1]},
            [
                "Layer by layer: this is about hidden layer 2 of 2, given those below it; "
                "no claim is made about all layers together.",
                "Optimal, given the layers below, among all 28,780,000 wedges, "
                "and among all two-layer ReLU networks on what the layers below pass on "
                f"whose hidden neurons read at most 1 of them: {GAIN}",
            ],
        ),
    ],
)  # fmt: skip
def test_the_headline_claims_what_the_certificate_says_and_no_more(
    certificate, problem, lines, model
):
    report = model | {
        "seconds": None,
        "certificate": CERTIFICATE | certificate,
        "problem": model["problem"] | problem,
    }
    report["data"] = model["data"] | {"columns": list("abcde")}
    text = to_text(tables.train(report, "m.json"), io.StringIO())
    assert text.split("\n\n")[-1].splitlines() == lines


@pytest.mark.parametrize("asked, name", [((), "R²"), (("--scoring", "mae"), "MAE")])
def test_the_report_begins_with_the_score_beside_its_baseline(asked, name):
    run("train", "d.csv", "--cv", "2", *asked, "-q")
    report = json.loads(Path("wedgefit.json").read_text())
    first = to_text(tables.train(report | {"seconds": None}, "m.json"), None).splitlines()[0]
    score = report["score"]
    key = {"R²": "r2", "MAE": "mae"}[name]
    base = score["curve"][0][key]["mean"]
    assert first.startswith(f"{name} {number(score['cv'][key]['mean'])} ± ")
    assert first.endswith(f"on rows held out; a constant alone has {number(base)}.")
    assert score["baseline"]["r2"] == pytest.approx(0, abs=1e-12)


def test_piped_tables_are_neither_wrapped_nor_cut(model):
    neuron = model["neurons"][0] | {
        "columns": ["a very long name " * 20],
        "samples": list(range(500)),
    }
    report = model | {"seconds": None, "neurons": [neuron] * 50}
    text = to_text(tables.train(report, "m.json"), io.StringIO())
    assert text.count("a very long name " * 19) == 50
    assert text.count(", ".join(map(str, range(500)))) == 50
    assert all(line == line.rstrip() for line in text.splitlines())
    short = to_text(tables.train(report, "m.json", short=True), io.StringIO())
    assert "and 30 smaller ones" in short


def test_progress_is_silent_unless_asked(capsys):
    for options in ({}, {"quiet": True}, {"quiet": True, "verbose": True}):
        with Progress(**options) as progress:
            progress.advance("fit", 1, 2, "detail")
    assert capsys.readouterr() == ("", "")


def test_progress_in_lines_is_sparse(capsys):
    with Progress(verbose=True) as progress:
        for step in range(10_000):
            progress.advance("cross-validation", step, 10_000, "alpha [red]1")
        progress.advance("fit", 3, None, "")
    assert capsys.readouterr().err == "cross-validation 0/10,000: alpha [red]1\nfit 3\n"


class Clock:
    """A time that passes when a test says so."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr("wedgefit.views.progress_bar.time.monotonic", lambda: self.now)


def test_a_long_stage_is_foretold_once_with_what_is_quicker(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    with Progress(quicker={"cross-validation": "--cv 3 is quicker", "fit": "end"}) as progress:
        for second in range(100):
            clock.now = 100.0 + second
            progress.advance("cross-validation", second, 100, "alpha", second / 100)
        for _ in range(3):
            progress.advance("fit", 1, None, "", 0.5)
            clock.now += 1
    # Nothing is known before 5 of 100 parts; then 94 seconds are left.
    assert capsys.readouterr().err == "cross-validation: about 2 minutes left; --cv 3 is quicker\n"


def test_what_cannot_be_foretold_is_told_when_it_takes_long(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    with Progress(quicker={"fit": "--tol 1e-3 ends sooner"}) as progress:
        for second in range(30):
            clock.now = 100.0 + second
            progress.advance("fit", second, None, "", 0.01)
    words = "fit: it cannot be foretold yet how long this takes; --tol 1e-3 ends sooner\n"
    assert capsys.readouterr().err == words


@pytest.mark.parametrize(
    "part, words",
    [(0.0, "it cannot be foretold yet how long this takes"), (0.5, "about 20 seconds left")],
)
def test_a_step_that_takes_long_is_told_of_while_nothing_is_heard(monkeypatch, capsys, part, words):
    monkeypatch.setattr(Progress, "BETWEEN_LOOKS", 0.001)
    clock = Clock(monkeypatch)
    with Progress(quicker={"fit": "--tol 1e-2 ends sooner"}) as progress:
        progress.advance("fit", 1, None, "", part)
        clock.now += 20
        while progress._quicker:
            sleep(0.001)
    assert capsys.readouterr().err == f"fit: {words}; --tol 1e-2 ends sooner\n"


@pytest.mark.parametrize("options", ({}, {"quiet": True}))
def test_nothing_is_foretold_where_nothing_is_quicker_or_all_is_quiet(monkeypatch, capsys, options):
    clock = Clock(monkeypatch)
    quicker = {"fit": "end"} if options else {}
    with Progress(quicker=quicker, **options) as progress:
        for second in range(50):
            clock.now = 100.0 + second
            progress.advance("fit", second, 50, "", second / 50)
    assert capsys.readouterr() == ("", "")


def test_lines_say_how_much_is_left(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    with Progress(verbose=True) as progress:
        progress.advance("fit", 1, None, "gap 0.5", 0.1)
        clock.now += 20
        progress.advance("fit", 2, None, "gap 0.1", 0.2)
        clock.now += 20
        progress.advance("fit", 3, None, "gap 1e-6", 1.0)
    assert capsys.readouterr().err.splitlines() == [
        "fit 1: gap 0.5", "fit 2: gap 0.1, about 80 seconds left", "fit 3: gap 1e-6",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "seconds, words",
    [(3, "10 seconds"), (14, "10 seconds"), (37, "40 seconds"), (94, "2 minutes"),
     (80, "80 seconds"), (3000, "50 minutes"), (8000, "2 hours")],
)  # fmt: skip
def test_about(seconds, words):
    assert about(seconds) == words


def test_training_foretells_by_the_work_that_is_behind(monkeypatch):
    """What learning says of its stages: a growing part, which ends with all of it."""
    told = []
    monkeypatch.setattr(Progress, "advance", lambda self, *step: told.append((step[0], step[-1])))
    run("train", "d.csv", "--cv", "2", "--order", "1", "-q")
    parts = {stage: [part for name, part in told if name == stage] for stage, _ in told}
    for stage in ("cross-validation", "fit"):
        assert all(0 <= part <= 1 for part in parts[stage])
        assert parts[stage][-1] == 1.0 and len(parts[stage]) > 1
    down = parts["cross-validation"]
    assert down[:3] == sorted(down[:3]) and down[0] == 0


# In a process of its own --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args, loaded",
    [
        ("--help", ""),
        ("train --help", ""),
        ("predict d.csv -q", "numpy"),
        ("explain -q --json", "numpy"),
        ("explain -q", "numpy rich"),
    ],
)
def test_a_command_loads_only_what_it_needs(args, loaded, model):
    command = [sys.executable, "-c", LOADED, *args.split()]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, loaded)


BUFFERING = pytest.mark.parametrize(
    "buffering", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"]
)


@pytest.mark.parametrize(
    "command, buffering",
    only(
        [("predict many.csv -q", {})],
        [("predict many.csv -q", {}), ("explain -q --json", {"PYTHONUNBUFFERED": "1"})],
    ),
)
def test_a_closed_pipe_ends_quietly(command, buffering, model):
    Path("many.csv").write_text("x,z\n" + "1,2\n" * 50_000)
    script = "; ".join(
        f'"$0" -m wedgefit {command} | {reader}; echo "${{PIPESTATUS[0]}}"'
        for reader in ("head -1", "true")
    )
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=environment(**buffering),
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == ["0", "0"]


@BUFFERING
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "args",
    only([["explain", "-q"]], [["predict", "-q", "d.csv"], ["explain", "-q"], ["--help"]]),
)
def test_a_full_disk_is_one_message(args, buffering, model):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "wedgefit", *args]
        done = subprocess.run(
            command, env=environment(**buffering), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "Error: standard output: No space left on device.\n"


def test_a_terminal_of_few_letters_gets_the_tables_all_the_same(model):
    command = [sys.executable, "-m", "wedgefit", "explain", "-q"]
    done = subprocess.run(
        command, env=environment(PYTHONIOENCODING="ascii"), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "through rows" in done.stdout
    assert done.stdout.isascii()


# Runs commands after each other in one process, which has imported everything once.
SEVERAL = """
import json, sys
from wedgefit.cli import main
for number, words in enumerate(json.loads(sys.argv[1])):
    if number:
        print("NEXT", flush=True)
    main(words, standalone_mode=False)
"""


def on_terminal(*commands, **settings):
    """What a terminal of 60 columns sees."""
    parent, child = pty.openpty()
    command = [sys.executable, "-c", SEVERAL, json.dumps(commands)]
    settings = environment(TERM="xterm", COLUMNS="60", **settings)
    process = subprocess.Popen(command, env=settings, stdin=child, stdout=child, stderr=child)
    os.close(child)
    seen = b""
    while True:
        try:
            block = os.read(parent, 65536)
        except OSError:  # How Linux says that the terminal has no writer any more.
            block = b""
        if not block:
            break
        seen += block
    os.close(parent)
    assert process.wait() == 0, seen.decode()
    return seen.decode()


def test_colours_are_for_terminals_and_for_those_who_want_them(model):
    assert "\x1b[1m" in on_terminal(["explain"])
    quiet = on_terminal(["explain"], NO_COLOR="1")
    assert "\x1b" not in quiet
    assert max(map(len, quiet.splitlines())) <= 60


def test_a_terminal_sees_a_progress_bar_that_leaves_no_trace_in_the_report():
    loud = ("train", "d.csv", "--cv", "2", "--order", "1")
    seen, silent = on_terminal(loud, [*loud, "-q"]).split("NEXT")
    assert "cross-validation" in seen
    assert "Globally optimal" in seen
    assert "cross-validation" not in silent


def test_an_interrupted_import_is_an_interruption(monkeypatch):
    def broken(*_):
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr(fit, "trained", broken)
    assert run("train", "d.csv", code=130).stderr == "Interrupted.\n"


@pytest.mark.slow
def test_interruption_is_one_line_and_the_old_model_survives(model):
    shutil.copy(SAMPLES / "concrete.csv", "long.csv")
    before = contents()
    # It has seconds to go, and not by the compiling of bounds.
    command = [sys.executable, "-m", "wedgefit", "train", "long.csv", "--order", "1", "-v"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # What a shell runs in the background inherits that interrupts are ignored, as tests may be.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, env=environment(), preexec_fn=heard, **pipes) as process:
        try:
            first = [process.stderr.readline() for _ in range(2)]
            process.send_signal(signal.SIGINT)
            # A kernel that is being compiled for the first time ends before anything is heard.
            out, rest = process.communicate(timeout=180)
        finally:
            process.kill()
    assert first[0] == "setup\n" and first[1].startswith("cross-validation")
    assert process.returncode == 130
    assert out == ""
    assert [line for line in rest.splitlines() if not line.startswith("cross-validation")] == [
        "Interrupted."
    ]
    assert contents() == before


def test_the_first_interrupt_of_a_fit_ends_it_with_a_certificate(monkeypatch, capfd):
    """What there is so far is a network, and its gap is a true one: certify agrees."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (100, 2))
    y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) + 0.1 * rng.standard_normal(100)
    table = np.column_stack([X, y])
    np.savetxt("long.csv", table, delimiter=",", header="a,b,y", comments="")
    asked = iter([signal.SIGINT])

    def advance(self, stage, *_):
        if stage == "fit" and (kind := next(asked, None)) is not None:
            signal.raise_signal(kind)

    monkeypatch.setattr(Progress, "advance", advance)
    done = run("train", "long.csv", "--norm", "2", "--alpha-ratio", "1e-4")
    assert "Interrupted: ending" in capfd.readouterr().err and "stopped early" in done.stderr
    assert done.stdout.splitlines()[-1].startswith(("Not proven optimal", "Proven within"))
    assert json.loads(Path("wedgefit.json").read_text())["stages"][0]["status"] == "stopped"
    run("certify", "long.csv")
