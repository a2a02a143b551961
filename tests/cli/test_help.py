"""Help teaches by example, and the shell completes what it says."""

import pytest
from click.shell_completion import BashComplete
from shell import fails

from wedgefit.cli import main

COMMANDS = sorted(main.commands)


def completed(args, begun):
    """What the shell offers for a word that is begun."""
    complete = BashComplete(main, {}, "wedgefit", "_WEDGEFIT_COMPLETE")
    return [item.value for item in complete.get_completions(args, begun)]


@pytest.mark.parametrize(
    "args, begun, offered",
    [
        ([], "ex", ["explain", "export"]),
        (["train"], "--alpha", ["--alpha", "--alpha-ratio"]),
        (["train", "--certificate"], "", ["auto", "exact", "sampled"]),
        (["train", "--rule"], "1", ["1se"]),
        (["train", "--norm"], "", ["1", "2"]),
        (["train", "--layers"], "a", ["auto"]),
        (["train", "--order"], "f", ["full"]),
        (["train", "--no-in"], "--no-in", ["--no-intercept"]),
        (["plot", "--kind"], "pa", ["pairs", "path"]),
        (["export", "--format"], "s", ["sql"]),
    ],
)
def test_the_shell_completes(args, begun, offered):
    assert completed(args, begun) == offered


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_parse(name):
    """Each line of its help that begins with its name, up to a pipe or a redirection."""
    command = main.commands[name]
    with command.make_context(name, ["--help"], resilient_parsing=True) as ctx:
        text = command.get_help(ctx)
    # Also where nobody has asked the group before.
    assert "-h, --help" in text
    lines = [line.strip() for line in text.splitlines()]
    examples = [
        line[line.index("wedgefit") :].split() for line in lines if f"wedgefit {name}" in line
    ]
    examples = [words for words in examples if words[0] == "wedgefit" and words[1] == name]
    assert len(examples) >= 2
    for words in examples:
        stop = min([words.index(mark) for mark in ("|", ">", "<", "&&") if mark in words] + [99])
        given = [word.strip("'\"") for word in words[2:stop]]
        with command.make_context(name, given):
            pass


def test_the_groups_come_after_the_own_options():
    command = main.commands["train"]
    with command.make_context("train", ["--help"], resilient_parsing=True) as ctx:
        text = command.get_help(ctx)
    titles = ["Three recipes:", "Options:", "What to learn:", "Which network:", "How strongly:"]
    titles += ["How to solve:", "How to read:", "What to print:"]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "args, words",
    [
        (["train", "--calibrate", "platt", "d.csv"], ["sigmoid or isotonic", "'platt'"]),
        (["train", "d.csv", "--calibrate", "Isotonic"], ["sigmoid or isotonic", "'Isotonic'"]),
        (["train", "d.csv", "--calibrate=platt"], ["'platt' is not 'sigmoid' or 'isotonic'"]),
        (["train", "--intervals", "0.9", "d.csv"], ["--intervals takes no value", "'0.9'"]),
        (["train", "d.csv", "--no-standardize", "no"], ["--no-standardize takes no value"]),
        (["predict", "--proba", "yes", "d.csv"], ["--proba takes no value", "'yes'"]),
        (["explain", "-q", "2"], ["-q takes no value", "'2'"]),
    ],
)
def test_a_value_where_none_can_be_is_not_taken_for_a_file(args, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("x,y\n1,2\n")
    fails(*args, code=2, words=words)


def test_files_after_an_option_without_a_value_are_files(tmp_path, monkeypatch):
    """Also one that ends in nothing, one that is not there, a stream, and what looks like such an
    option but is the value of another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table").write_text("x,y\n1,2\n")
    for given in (["--calibrate", "table"], ["-q", "none.csv"], ["--json", "-"]):
        with main.commands["train"].make_context("train", given) as ctx:
            assert ctx.params["data"] == given[1]
    with main.commands["train"].make_context("train", ["--na", "--json", "table"]) as ctx:
        assert ctx.params["data"] == "table"
        assert ctx.params["na"] == ("--json",) and not ctx.params["json"]
