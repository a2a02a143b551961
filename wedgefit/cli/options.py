"""Shared options: each decorator delivers one object."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

from wedgefit.cli.help import GroupedOption
from wedgefit.cli.output import ESCAPE, json_text, write_out
from wedgefit.cli.values import Value
from wedgefit.data.words import shown
from wedgefit.learning.settings import Options, Settings
from wedgefit.ranges import (
    ColumnName,
    Flag,
    Pair,
    Several,
    Switch,
    Text,
)
from wedgefit.setting import (
    LEARN,
    PRINT,
    READ,
    Setting,
    setting,
    settings_of,
)


def delivers(keyword: str, build: Callable, **options: Callable) -> Callable:
    """A decorator that adds the options and hands the command ``build(option=value, ...)`` as
    ``keyword``."""

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def command(**values):
            own = {name: values.pop(name) for name in options}
            return function(**{keyword: build(**own)}, **values)

        for option in reversed(options.values()):
            command = option(command)
        return command

    return decorate


def only_one(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> str | None:
    """The column of a role that only one can have: a second one is not dropped silently."""
    if len(value) > 1:
        option, names = param.opts[0], " and ".join(map(shown, value))
        raise click.UsageError(f"{option} names one column here, not {names}: give one.", ctx)
    return value[0] if value else None


def option_of(one: Setting, **changes) -> Callable:
    """The option that a setting is on the command line, a decorator. Its value is None, or an empty
    tuple, where it is not given: the setting has the default."""
    words = {"cls": GroupedOption, "group": one.group, "help": help_of(one)} | changes
    name = one.option
    if isinstance(one.range, Flag):
        if one.default is not False:
            name = f"{name}/--no-{name.removeprefix('--')}"
        words |= {"is_flag": True, "default": one.default}
    else:
        words |= {"type": Value(one.range), "metavar": one.range.metavar}
    if isinstance(one.range, Switch):
        words |= {"ways": one.range.choices, "metavar": f"[{one.range.metavar}]"}
    if one.range.repeatable:
        words |= {"multiple": True}
    if isinstance(one.range, ColumnName):
        words |= {"multiple": True, "callback": only_one}
    return click.option(*filter(None, [one.short, name]), one.name, **words)


def help_of(one: Setting) -> str:
    """The sentence of a setting, whether it may be repeated, and its default."""
    says = f"{one.says} Repeatable." if one.range.repeatable else one.says
    default = default_of(one)
    return f"{says}  [default: {default}]" if default else says


def default_of(one: Setting) -> str:
    """The default of a setting, in words; empty where it is plain nothing."""
    if isinstance(one.range, Flag | Switch) and not one.by_default:
        return one.option.removeprefix("--") if one.default else ""
    return one.by_default or ("" if one.default in (None, ()) else str(one.default))


@dataclass(frozen=True)
class Talk:
    """How much is said, and in which form."""

    json: bool = setting(False, Flag(), PRINT, "Print JSON at full precision instead of tables.")
    quiet: bool = setting(
        False, Flag(), PRINT, "No progress and no notes; from train, no tables either.", short="-q"
    )
    verbose: bool = setting(
        False,
        Flag(),
        PRINT,
        "More detail, and progress in lines if there is no terminal.",
        short="-v",
    )
    debug: bool = setting(False, Flag(), PRINT, "Show the traceback of an error.")

    def notes(self, *notes: str) -> None:
        """Tell the notes on standard error."""
        for note in () if self.quiet else notes:
            click.echo(f"Note: {note}{'' if note.endswith(('.', '?', '!')) else '.'}", err=True)

    def result(self, record: dict, name: str, **details) -> None:
        """Print the record: as JSON, or as the ``views.tables`` of that name."""
        if self.json:
            write_out(json_text(record).encode(errors=ESCAPE))
        else:
            from wedgefit.views import tables
            from wedgefit.views.terminal import to_text

            write_out(to_text(getattr(tables, name)(record, **details), sys.stdout))

    def progress(self, quicker: dict[str, str] | None = None):
        """The progress bar, a context manager; ``quicker``: by stages what would take less time."""
        from wedgefit.views.progress_bar import Progress

        return Progress(quiet=self.quiet, verbose=self.verbose, quicker=quicker)


@dataclass(frozen=True)
class Reading:
    """How files are read; what is None is as the model was trained, or as usual."""

    encoding: str = setting("utf-8", Text("NAME"), READ, "The encoding of the file.")
    delimiter: str | None = setting(
        None,
        Text("CHAR"),
        READ,
        'The delimiter, or "tab".',
        by_default="found in the header",
    )
    decimal: str | None = setting(
        None,
        Text("CHAR"),
        READ,
        'The decimal mark, "." or ",".',
        by_default='".", or as trained',
    )
    thousands: str | None = setting(
        None,
        Text("CHAR"),
        READ,
        "The mark between groups of three digits, as in 1,426.",
        by_default="none, or as trained",
    )
    header: bool | None = setting(
        None,
        Flag(),
        READ,
        "Whether the first line names the columns.",
        by_default="header, or as trained",
    )
    comment: str | None = setting(
        None,
        Text("CHAR"),
        READ,
        "Skip lines that begin with it.",
        by_default="none, or as trained",
    )
    na: tuple[str, ...] = setting(
        (), Several(Text()), READ, "A cell that also means missing; a model remembers it."
    )
    na_only: tuple[str, ...] = setting(
        (),
        Several(Text()),
        READ,
        'Besides empty cells only these mean missing, and NA is a text like others; "" is none.',
    )
    types: tuple[tuple[str, str], ...] = setting(
        (),
        Several(Pair("numeric", "category", "skip")),
        READ,
        "Read a column as numeric, category or skip.",
        option="--type",
    )

    def table(self, source: str, *, model=None, types: dict[str, str] | None = None, **more):
        """The table in that file, read as the model was trained where these options do not say
        otherwise."""
        from wedgefit.data.reading import Reading as Cells
        from wedgefit.data.table import read_table

        trained = Cells() if model is None else model.encoding.reading
        cells = trained.amended(
            na=self.na,
            na_only=self.na_only or None,
            decimal=self.decimal,
            thousands=self.thousands,
            header=self.header,
            comment=self.comment,
        )
        return read_table(
            source,
            reading=cells,
            encoding=self.encoding,
            delimiter=self.delimiter,
            types=dict(self.types) | (types or {}),
            **more,
        )


def options_of(kind: type, *names: str, **changes: dict) -> dict[str, Callable]:
    """The options of the settings that a record declares, of all or of those that are named."""
    declared = settings_of(kind)
    return {name: option_of(declared[name], **changes.get(name, {})) for name in names or declared}


def given(**values) -> dict:
    """The values of the options that were given."""
    return {name: value for name, value in values.items() if value not in (None, ())}


def made(kind: type) -> Callable:
    """What builds a record of settings; options that were not given have the default."""
    return lambda **values: kind(**given(**values))


def _fitting(**values) -> Options:
    own = given(**values)
    if own.keys() >= {"alpha", "alpha_ratio"}:
        raise click.UsageError(
            "--alpha and --alpha-ratio exclude each other: give one of them, or neither."
        )
    return Options(**own)


talking = delivers("talk", made(Talk), **options_of(Talk))
reading = delivers("reading", made(Reading), **options_of(Reading))
# What to learn, and from what, comes before how.
SETTINGS = sorted(settings_of(Options), key=settings_of(Settings).__contains__)
fitting = delivers("options", _fitting, **options_of(Options, *SETTINGS))
# A path runs through all alphas and marks the choice of both rules.
ONE_ALPHA = {
    "alpha",
    "alpha_ratio",
    "max_neurons",
    "rule",
    "max_seconds",
    "threshold",
    "intervals",
    "calibrate",
}
path_fitting = delivers(
    "options",
    _fitting,
    **options_of(Options, *(name for name in SETTINGS if name not in ONE_ALPHA)),
)


id_option = click.option(
    "--id",
    "id_column",
    cls=GroupedOption,
    group=LEARN,
    multiple=True,
    callback=only_one,
    metavar="NAME",
    help="A column that names the rows.  [default: row numbers]",
)
jobs_option = option_of(settings_of(Options)["jobs"])


@dataclass(frozen=True)
class Weighting:
    """How much rows with a known target count: by the column ``weight``; where nobody says, by that
    of training, unless they are to count alike."""

    weight: str | None
    unweighted: bool

    def __post_init__(self):
        if self.weight is not None and self.unweighted:
            raise click.UsageError("--weight and --unweighted exclude each other: give one.")

    def looked_for(self, *models) -> str | None:
        """The column to read, if DATA has it."""
        if self.weight is not None or self.unweighted:
            return self.weight
        trained = {model.data.weight for model in models}
        return trained.pop() if len(trained) == 1 else None

    def column(self, table, talk: Talk, *models) -> str | None:
        """The column that rows of this table count by; says what was done where nobody asked."""
        name = self.looked_for(*models)
        trained = [model.data.weight for model in models if model.data.weight is not None]
        if self.weight is not None or self.unweighted or not trained:
            return name
        if name is None:
            talk.notes(
                "the models were trained with other weights than each other: rows count alike"
            )
        elif name in table.columns:
            words = f"rows count by column {shown(name)}, as in training"
            talk.notes(f"{words}; --unweighted lets them count alike")
            return name
        else:
            talk.notes(
                f"there is no column {shown(name)}, the weights of training: rows count alike"
            )
        return None


weighting = delivers(
    "weighting",
    Weighting,
    weight=click.option(
        "--weight",
        multiple=True,
        callback=only_one,
        metavar="NAME",
        help="A column that says how much each row counts.  [default: that of training, where DATA"
        " has it]",
    ),
    unweighted=click.option("--unweighted", is_flag=True, help="Let all rows count alike."),
)


def network_options(when: str = "") -> Callable:
    """The settings that a network from elsewhere was trained with, those that are given, as
    ``own``; ``when``: what their help begins with."""
    alpha, norm = (
        f"{when}: {words}" if when else words[:1].upper() + words[1:]
        for words in (
            "its weight decay, on our scale.  [default: in the file]",
            "norm on the hidden weights.  [default: 2]",
        )
    )
    named = ("target", "loss", "alpha", "norm", "max_seconds")
    return delivers(
        "own", given, **options_of(Options, *named, alpha={"help": alpha}, norm={"help": norm})
    )
