"""The documentation's commands do what it says: the README's two set-up blocks are there, every
block marked ``test`` runs and prints what it shows, those marked ``test: slow`` do in the slow run,
and those marked ``test: in order`` run one after the other.

Pages link to files that are there, and their pictures are small.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from copies import serving

from wedgefit.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = {
    page.name: page.read_text(encoding="utf-8")
    for page in [README, *sorted((ROOT / "docs").glob("*.md"))]
}
BLOCK = re.compile(
    r"^<!-- (setup: \w+|test(?:: slow|: in order)?) -->\n\s*^```(sh|console|python)\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
BLOCKS = {name: BLOCK.findall(text) for name, text in PAGES.items()}
MARKS = {"test": (), "test: slow": pytest.mark.slow}
EXAMPLES = [
    pytest.param(kind, body, id=f"{name}-{k}", marks=MARKS[mark])
    for name, blocks in BLOCKS.items()
    for k, (mark, kind, body) in enumerate(blocks)
    if mark in MARKS
]
SLOW = [
    (kind, body)
    for blocks in BLOCKS.values()
    for mark, kind, body in blocks
    if mark == "test: slow" and kind != "python"
]
IN_ORDER = {
    name: "".join(body for mark, _, body in blocks if mark == "test: in order")
    for name, blocks in BLOCKS.items()
}
LARGEST_PICTURE = 150_000


def script(kind, body):
    """The shell commands of a block: all of an ``sh`` block, the lines after ``$`` of a ``console``
    block, Python for ``python``."""
    if kind == "python":
        return f"python -c {shlex.quote(body)}"
    if kind == "sh":
        return body
    return "\n".join(line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ "))


@pytest.mark.parametrize("name", PAGES)
def test_every_mark_has_its_block(name):
    marks = re.findall(r"<!-- *((?:setup|test).*?) *-->", PAGES[name])
    assert marks == [mark for mark, _, _ in BLOCKS[name]]


def test_readme_sets_up_and_has_examples():
    readme = BLOCKS[README.name]
    assert [(mark, kind) for mark, kind, _ in readme if mark not in MARKS] == [
        ("setup: run", "sh"),
        ("setup: test", "sh"),
    ]
    assert any(mark == "test" for mark, _, _ in readme), "no example of the README is tested"


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    folder = ROOT if name == README.name else ROOT / "docs"
    links = re.findall(r"\]\(([^)#:]+)\)", PAGES[name])
    assert not [link for link in links if not (folder / link).exists()]


def test_pictures_are_small():
    assert not [
        picture.name
        for picture in (ROOT / "docs" / "pictures").iterdir()
        if picture.stat().st_size > LARGEST_PICTURE
    ]


def test_script_of_a_console_block_leaves_the_output_out():
    assert script("console", "$ a | b\noutput $ x\n$ c\n") == "a | b\nc"
    assert script("sh", "a\nb\n") == "a\nb\n"
    assert script("python", "print('a')\n") == """python -c 'print('"'"'a'"'"')\n'"""


def printed(kind, body):
    """A pattern of what a ``console`` block shows; an ellipsis stands for anything."""
    lines = (
        [line for line in body.splitlines() if not line.startswith("$ ")]
        if kind == "console"
        else []
    )
    return re.compile(".*?".join(map(re.escape, "\n".join(lines).split("…"))), re.DOTALL)


def test_pattern_of_a_console_block_knows_what_may_differ():
    assert printed("console", "$ a\nb … c\n…\n").search("b 1.5 c\nmore\n")
    assert not printed("console", "$ a\nb 1 c\n").search("b 2 c\n")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """The environment in which wedgefit starts at once, and a model that an example trains silently
    is taken from one that did so in the same words on the same files, where there is one."""
    with serving(tmp_path_factory.mktemp("once")) as environment:
        yield environment


@pytest.mark.parametrize("kind, body", EXAMPLES)
def test_example_runs(kind, body, tmp_path, once):
    done = run(script(kind, body), tmp_path, once)
    assert done.returncode == 0, done.stdout
    assert printed(kind, body).search(done.stdout), done.stdout


@pytest.mark.parametrize("kind, body", SLOW)
def test_options_of_a_slow_example_are_there(kind, body):
    """And take what they are given; that it runs is seen in the slow run."""
    commands = [shlex.split(line) for line in script(kind, body).splitlines()]
    for _, name, *words in (words for words in commands if words[0] == "wedgefit"):
        words = words[: words.index("|")] if "|" in words else words
        with main.commands[name].make_context(name, words):
            pass


def test_an_example_trains_what_no_other_has(tmp_path, once):
    """Other words or other files give another model; the same ones the same, wherever it goes."""
    train = "wedgefit train d.csv --order 1 --alpha-ratio 0.5 --quiet"
    lines = [
        f"{train} -o a.json",
        f"cp a.json first.json; {train} -o a.json",
        "cmp a.json first.json",
    ]
    lines += ["sed -i 's/,3$/,4/' d.csv", f"{train} -o a.json", "! cmp -s a.json first.json"]
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{k},{k % 4}\n" for k in range(20)))
    done = run("\n".join(lines), tmp_path, once)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, body in IN_ORDER.items() if body])
def test_blocks_run_in_order(name, tmp_path, once):
    done = run(IN_ORDER[name], tmp_path, once)
    assert done.returncode == 0, done.stdout


def run(script, folder, environment):
    """The script in a folder with the sample data, its two streams as one."""
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=os.environ | environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
