"""A setting is declared once and present at every border: options, parameters, docstrings, the
README, checks and messages."""

import ast
import inspect
import re
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from cli import reference

import wedgefit
from wedgefit.cli import main
from wedgefit.cli.options import ONE_ALPHA, Reading, Talk
from wedgefit.errors import UsageError
from wedgefit.learning.settings import Options, Settings
from wedgefit.parameters import as_parameters, parameters_of
from wedgefit.ranges import (
    Bytes,
    Flag,
    Folds,
    OneOf,
    Pair,
    PerLayer,
    Positive,
    Several,
    Text,
    Whole,
)
from wedgefit.setting import GROUPS, LEARN, setting, settings_of

PACKAGE = Path(wedgefit.__file__).parent
COMMANDS = main.commands
OPTIONS = settings_of(Options)


def options(command):
    return {
        name for param in COMMANDS[command].params for name in (*param.opts, *param.secondary_opts)
    }


# Every border -------------------------------------------------------------------------------------


def test_every_field_is_a_setting():
    assert [*OPTIONS] == [field.name for field in fields(Options)]
    assert all(one.group in GROUPS and one.says.endswith(".") for one in OPTIONS.values())
    assert all(one.option == "--" + name.replace("_", "-") for name, one in OPTIONS.items())


@pytest.mark.parametrize("name", OPTIONS)
def test_train_has_every_setting_with_its_words_in_its_group(name):
    one = OPTIONS[name]
    assert one.option in options("train")
    assert (one.option in options("path")) == (name not in ONE_ALPHA)
    if isinstance(one.range, Flag) and one.default is not False:
        assert f"--no-{name}" in options("train")
    with COMMANDS["train"].make_context("train", ["d.csv"]) as ctx:
        text = COMMANDS["train"].get_help(ctx)
    groups = dict(
        zip(
            [group.title for group in GROUPS],
            re.split("|".join(f"{group.title}:" for group in GROUPS), text)[1:],
        )
    )
    words = " ".join(groups[one.group.title].split())
    assert f"{one.option} " in words and one.says in words


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "export"])
def test_reading_and_printing_are_everywhere(command):
    for kind in (Reading, Talk):
        assert {one.option for one in settings_of(kind).values()} <= options(command)


def test_no_option_of_train_stands_beside_the_settings():
    declared = [one for kind in (Options, Reading, Talk) for one in settings_of(kind).values()]
    known = {one.option for one in declared} | {one.short for one in declared}
    known |= {f"--no-{one.option[2:]}" for one in declared if isinstance(one.range, Flag)}
    assert options("train") - known == {"--output", "-o", "--predictions", "--id", "data"}


def test_every_default_is_that_of_the_record():
    """Nobody repeats a default: a command without options delivers plain ``Options()``."""
    train = COMMANDS["train"]
    with train.make_context("train", ["d.csv"]) as ctx:
        values = {name: ctx.params[name] for name in OPTIONS}
    given = {name: value for name, value in values.items() if value not in (None, ())}
    assert Options(**given) == Options()
    assert given.keys() == {name for name, one in OPTIONS.items() if isinstance(one.range, Flag)}


def test_the_readme_has_the_table():
    text = reference.README.read_text(encoding="utf-8")
    found = reference.TABLE.search(text)[0]
    assert found == reference.table(), "write it: python tests/cli/reference.py"


def test_groups_have_examples_that_work():
    """Each is shown with train, and parses."""
    with COMMANDS["train"].make_context("train", ["d.csv"]) as ctx:
        text = COMMANDS["train"].get_help(ctx)
    for group in GROUPS:
        assert f"Example: wedgefit train data.csv {group.example}" in text
        words = [word.strip("'") for word in group.example.split()]
        with COMMANDS["train"].make_context("train", ["d.csv", *words]):
            pass
    assert text.index("readable") < text.index("small") < text.index("accurate")
    assert text.index("accurate") < text.index("Options:")


# Messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message, spelled",
    [
        ("--refine is for --norm 2: so.", "refine=True is for norm=2: so."),
        ("Leave out --loss squared.", "Leave out loss='squared'."),
        ("as in --order full,2.", "as in order=('full', 2)."),
        ("a smaller --cv, or --alpha-ratio.", "a smaller cv, or alpha_ratio."),
        ("Leave out --no-intercept", "Leave out fit_intercept=False"),
        ("Try --quantile 0.1 --quantile 0.9.", "Try quantile=(0.1, 0.9)."),
        ("--jobs 2 or --seed", "n_jobs=2 or random_state"),
        ("--keep fewer columns, --solver full", "keep fewer columns, solver full"),
        ("a--b -- c", "a--b -- c"),
    ],
)
def test_messages_for_python(message, spelled):
    assert as_parameters(message) == spelled


def texts(path):
    """Every text in a module but style sheets, which have names of their own."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [text for text in found if isinstance(text, str) and "var(--" not in text]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_messages_name_options_that_there_are(path):
    """No advice to use an option that is not there, in any text of the package."""
    known = {"--debug", "--version", "--help"} | {name for one in COMMANDS for name in options(one)}
    # Of a picture's style, and where such names are made.
    known |= {"--width", "--no"}
    found = {
        name for text in texts(path) for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)
    }
    assert found <= known


# Ranges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "range_, good, bad",
    [
        (Positive(), {"0.5": 0.5, "1e-9": 1e-9}, ["0", "-1", "nan", "inf", "x", ""]),
        (Whole(2, "auto"), {"2": 2, "auto": "auto"}, ["1", "-3", "2.0", "x", "²", ""]),
        (PerLayer(Whole(1, "full")), {"2": 2, "full": "full", "2, 1": (2, 1)}, ["0", "2,", "1,x"]),
        (OneOf(1, 2), {"1": 1, "2": 2}, ["3", "01", "", "1.0"]),
        (OneOf("a", "b", synonyms={"c": "a"}), {"a": "a", "c": "a"}, ["A", "d"]),
        (Bytes(), {"500M": 5e8, "2G": 2e9, "1.5kb": 1500.0, "7": 7.0}, ["", "G", "-1K", "nan"]),
        (Pair("numeric", "skip"), {"a=b=skip": ("a=b", "skip")}, ["a", "a=", "=x", "a=text"]),
        (Folds(2), {"5": 5}, ["1", "x"]),
    ],
)
def test_texts_in_and_out_of_range(range_, good, bad):
    assert {text: range_.read(text) for text in good} == good
    for text in bad:
        with pytest.raises(ValueError):
            range_.read(text)


@pytest.mark.parametrize(
    "range_, value, plain",
    [
        (Positive(), np.float32(0.5), 0.5),
        (Positive(), np.int64(2), 2.0),
        (Whole(1), np.int8(3), 3),
        (Whole(1), np.array(3), 3),
        (OneOf(1, 2), np.int64(2), 2),
        (Flag(), np.bool_(True), True),
        (Flag(), 0, False),
        (PerLayer(Whole(1)), [np.int64(1), 2], [1, 2]),
        (Several(Text()), ["a", np.str_("b")], ("a", "b")),
    ],
)
def test_values_become_plain(range_, value, plain):
    taken = range_.take(value)
    assert taken == plain and type(taken) is type(plain)
    if isinstance(plain, list | tuple):
        assert [*map(type, taken)] == [*map(type, plain)]


@pytest.mark.parametrize(
    "range_, value",
    [
        (Positive(), True), (Positive(), "1"), (Positive(), np.nan), (Whole(0), False),
        (Whole(0), 1.0), (OneOf(1, 2), True), (OneOf(1, 2), 1.0), (Flag(), "yes"), (Flag(), 2),
        (PerLayer(Whole(1)), []), (Several(Text()), "ab"), (Text(), 1),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(range_, value):
    with pytest.raises(ValueError):
        range_.take(value)


def test_records_check_themselves():
    with pytest.raises(UsageError, match="--alpha-ratio is -1; expected a positive number[.]"):
        Settings(alpha_ratio=-1)
    with pytest.raises(UsageError, match="--rule is 'worst'; expected 'best' or '1se'"):
        Options(rule="worst")
    assert Options(order=np.int64(2)).order == 2 and Options(solver="working-set") == Options()


def test_a_new_setting_is_one_declaration():
    """What ``--class-weight`` needs at the borders: an option, a parameter, words, checks."""

    @dataclass(frozen=True)
    class More(Options):
        depth: int = setting(1, Whole(1), LEARN, "How deep.", parameter=True)

    one = settings_of(More)["depth"]
    assert (one.option, one.parameter, one.words) == (
        "--depth",
        "depth",
        "a whole number from 1 up",
    )
    with pytest.raises(UsageError, match="--depth is 0; expected a whole number from 1 up"):
        More(depth=0)


def test_parameters_are_for_their_task():
    assert "class_weight" in parameters_of("classification")
    assert "class_weight" not in parameters_of("regression")
    assert "target" not in parameters_of("classification")
    assert {one.parameter for one in OPTIONS.values() if one.parameter} == {
        *parameters_of("classification"),
        *parameters_of("regression"),
    }
    assert "n_jobs" in inspect.signature(wedgefit.WedgeRegressor).parameters
