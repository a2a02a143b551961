"""Standard streams that are closed, full, or read by nobody: nothing is lost silently, and what
cannot be said does not change the result."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shell import FAST, environment, run, strict

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")


def shell(script):
    """The exit code, standard output and standard error of a line of shell; W is wedgefit."""
    script = script.replace("W ", f"{sys.executable} -m wedgefit ")
    done = subprocess.run(["bash", "-c", script], env=environment(), capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_closed_standard_output_is_said(model):
    words = "Error: standard output is closed, and the result goes there.\n"
    assert shell("W predict -q d.csv >&-") == (1, "", words)
    assert shell("W predict -q d.csv -o p.csv >&-") == (0, "", "")
    assert Path("p.csv").read_text().startswith("prediction_y\n")


def test_a_closed_standard_input_is_said(model):
    code, out, words = shell("W predict -q - <&-")
    assert (code, out) == (1, "") and "standard input: it is closed" in words


def test_a_closed_standard_error_does_not_get_into_the_model():
    run("train", "d.csv", *FAST, "-q", "-o", "plain.json")
    assert shell(f"W train d.csv {' '.join(FAST)} -v -o m.json >&- 2>&- <&-")[0] == 1
    assert Path("m.json").read_text() == Path("plain.json").read_text()


@FULL
def test_a_full_standard_error_changes_nothing(model):
    code, out, _ = shell("W predict d.csv 2>/dev/full")
    assert code == 0 and out == shell("W predict -q d.csv")[1]
    assert shell("W predict none.csv 2>/dev/full") == (1, "", "")
    assert shell("W predict d.csv --none 2>/dev/full") == (2, "", "")
    code, out, _ = shell(f"W train d.csv {' '.join(FAST)} -v --json -o m.json 2>/dev/full")
    assert code == 0 and strict(out)["data"]["rows"] == 30


def test_standard_error_that_nobody_reads_changes_nothing(model):
    assert shell("W predict d.csv -o p.csv 2> >(true); echo $?") == (0, "0\n", "")


@FULL
def test_a_full_disk_names_the_file(model, without_pictures):
    words = "Error: /dev/full: cannot be written: No space left on device."
    for command in ("predict d.csv", "plot", "report d.csv", "export --format sql"):
        done = run(*command.split(), "-q", "-o", "/dev/full", code=1)
        assert done.stdout == "" and done.stderr.startswith(words)
