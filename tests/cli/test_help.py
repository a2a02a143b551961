"""Help teaches by example, and the shell completes what it says."""

import pytest
from click.shell_completion import BashComplete

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
