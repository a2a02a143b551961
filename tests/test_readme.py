"""The README's commands do what it says: the two set-up blocks are there, and every block marked ``test`` runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8") if README.exists() else ""
BLOCKS = re.findall(r"^<!-- (setup: \w+|test) -->\n\s*^```(sh|console)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
EXAMPLES = [(kind, body) for mark, kind, body in BLOCKS if mark == "test"]


def script(kind, body):
    """The shell commands of a block: all of an ``sh`` block, the lines after ``$`` of a ``console`` block."""
    if kind == "sh":
        return body
    return "\n".join(line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ "))


def test_every_mark_has_its_block():
    marks = re.findall(r"<!-- *((?:setup|test).*?) *-->", TEXT)
    assert marks == [mark for mark, _, _ in BLOCKS]
    assert [(mark, kind) for mark, kind, _ in BLOCKS if mark != "test"] == [("setup: run", "sh"), ("setup: test", "sh")]
    assert EXAMPLES, "no example of the README is tested"


def test_script_of_a_console_block_leaves_the_output_out():
    assert script("console", "$ a | b\noutput $ x\n$ c\n") == "a | b\nc"
    assert script("sh", "a\nb\n") == "a\nb\n"


@pytest.mark.parametrize("kind, body", EXAMPLES)
def test_example_runs(kind, body, tmp_path):
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script(kind, body)],
        cwd=tmp_path, env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
