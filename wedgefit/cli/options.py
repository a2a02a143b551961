"""Shared options: each decorator delivers one object."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

from wedgefit.cli.output import ESCAPE, json_text, write_out
from wedgefit.cli.values import ColumnType, Layers, Memory, Order, Positive


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
        option, names = param.opts[0], " and ".join(map(repr, value))
        raise click.UsageError(f"{option} names one column here, not {names}: give one.", ctx)
    return value[0] if value else None


@dataclass(frozen=True)
class Talk:
    """How much is said, and in which form."""

    json: bool
    quiet: bool
    verbose: bool
    debug: bool

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

    def progress(self):
        """The progress bar, a context manager."""
        from wedgefit.views.progress_bar import Progress

        return Progress(quiet=self.quiet, verbose=self.verbose)


@dataclass(frozen=True)
class Reading:
    """How files are read; what is None is as the model was trained, or as usual."""

    encoding: str
    delimiter: str | None
    decimal: str | None
    thousands: str | None
    header: bool | None
    comment: str | None
    na: tuple[str, ...]
    na_only: tuple[str, ...]
    types: dict[str, str]

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
            types=self.types | (types or {}),
            **more,
        )


def _reading(types: tuple, **options) -> Reading:
    return Reading(types=dict(types), **options)


def _fitting(norm: str, **options):
    """The options of a fit; those that the command does not have keep their default."""
    if options.get("alpha") is not None and options.get("alpha_ratio") is not None:
        raise click.UsageError(
            "--alpha and --alpha-ratio exclude each other: give one of them, or neither."
        )
    from wedgefit.learning.settings import Options

    return Options(norm=int(norm), **options)


talking = delivers(
    "talk",
    Talk,
    json=click.option(
        "--json", is_flag=True, help="Print JSON at full precision instead of tables."
    ),
    quiet=click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="No progress and no notes; from train, no tables either.",
    ),
    verbose=click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="More detail, and progress in lines if there is no terminal.",
    ),
    debug=click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)
reading = delivers(
    "reading",
    _reading,
    encoding=click.option("--encoding", default="utf-8", show_default=True, metavar="NAME", help="Encoding of the file."),
    delimiter=click.option("--delimiter", metavar="CHAR", help='Delimiter, or "tab".  [default: found in the header]'),
    decimal=click.option("--decimal", metavar="CHAR", help='Decimal mark, "." or ",".  [default: ".", or as trained]'),
    thousands=click.option("--thousands", metavar="CHAR", help="Mark between groups of three digits, as in 1,426.  [default: none, or as trained]"),
    header=click.option("--header/--no-header", default=None, help="Whether the first line names the columns.  [default: header, or as trained]"),
    comment=click.option("--comment", metavar="CHAR", help="Skip lines that begin with it.  [default: none, or as trained]"),
    na=click.option("--na", multiple=True, metavar="TEXT", help="A cell that also means missing. Repeatable. A model remembers it."),
    na_only=click.option(
        "--na-only", multiple=True, metavar="TEXT",
        help='Besides empty cells only these mean missing, and NA is a text like others; "": none. Repeatable.',
    ),
    types=click.option(
        "--type", "types", multiple=True, type=ColumnType(), metavar="NAME=KIND",
        help="Read a column as numeric, category or skip. Repeatable.",
    ),
)  # fmt: skip
PROBLEM = {
    "target": click.option(
        "--target", multiple=True, metavar="NAME", help="The column to predict. Repeatable for numbers.  [default: the last]"
    ),
    "task": click.option(
        "--task", type=click.Choice(["auto", "regression", "classification"]), default="auto", show_default=True,
        help="auto: classification for text or two distinct values.",
    ),
    "keep": click.option("--keep", multiple=True, metavar="NAME", help="Use only these columns. Repeatable."),
    "drop": click.option("--drop", multiple=True, metavar="NAME", help="Leave a column out. Repeatable."),
    "weight": click.option("--weight", multiple=True, callback=only_one, metavar="NAME", help="A column that says how much each row counts, as if repeated."),
    "group": click.option("--group", multiple=True, callback=only_one, metavar="NAME", help="A column of groups that cross-validation does not split."),
    "drop_missing_target": click.option("--drop-missing-target", is_flag=True, help="Leave rows without a target out."),
}  # fmt: skip
CHOICE = {
    "alpha": click.option("--alpha", type=Positive(), help="Regularisation strength.  [default: by cross-validation]"),
    "alpha_ratio": click.option("--alpha-ratio", type=Positive(), help="The same, as a fraction of alpha_max."),
    "max_neurons": click.option("--max-neurons", type=click.IntRange(min=0), help="Choose alpha so that the network has at most so many neurons."),
    "cv": click.option("--cv", type=click.IntRange(min=2), default=5, show_default=True, help="Folds of cross-validation."),
    "rule": click.option(
        "--rule", type=click.Choice(["best", "1se"]), default="best", show_default=True,
        help="Take the alpha with the best score, or the largest within one standard error of it.",
    ),
    "scoring": click.option(
        "--scoring", type=click.Choice(["r2", "rmse", "mae", "accuracy", "auc", "log_loss"]),
        help="The score to choose alpha by.  [default: the loss]",
    ),
    "refit": click.option("--refit", is_flag=True, help="Then fit the chosen neurons without a penalty (squared loss)."),
}  # fmt: skip
NETWORK = {
    "loss": click.option(
        "--loss", type=click.Choice(["squared", "logistic"]), help="What to minimise; logistic gives probabilities.  [default: squared for numbers, logistic for classes]"
    ),
    "class_weight": click.option("--class-weight", type=click.Choice(["balanced"]), help="balanced: all classes have the same total weight."),
    "order": click.option(
        "--order", type=Order(),
        help="Most columns that one hidden neuron reads; 2,1: of each hidden layer.  [default: 2; with --norm 2 full, if the rows allow it]",
    ),
    "norm": click.option("--norm", type=click.Choice(["1", "2"]), default="1", show_default=True, help="Norm on hidden weights."),
    "layers": click.option(
        "--layers", type=Layers(), default=2, show_default=True,
        help="2: one hidden layer. More: each is certified given those below it. auto: as many as the score gains by.",
    ),
    "bias": click.option("--bias/--no-bias", default=True, help="Hidden neurons off or through the origin.  [default: bias]"),
    "intercept": click.option("--intercept/--no-intercept", default=True, help="Output bias.  [default: intercept]"),
    "standardize": click.option(
        "--standardize/--no-standardize", default=True, help="Give numeric columns mean 0, deviation 1.  [default: standardize]"
    ),
    "solver": click.option(
        "--solver", type=click.Choice(["auto", "working-set", "full"]), default="auto", show_default=True,
        help="full: the whole dictionary at once, by scikit-learn's Lasso (for reference on small data: slow).",
    ),
    "certificate": click.option(
        "--certificate", type=click.Choice(["auto", "exact", "sampled"]), default="auto", show_default=True,
        help="How far pricing goes before it may stop. auto: exact where it takes seconds.",
    ),
    "tol": click.option("--tol", type=Positive(), default=1e-6, show_default=True, help="Relative duality gap to reach."),
    "refine": click.option("--refine", is_flag=True, help="With --norm 2: also use neurons that are no wedges."),
    "max_memory": click.option("--max-memory", type=Memory(), metavar="SIZE", help="Refuse to use more, like 500M or 2G."),
    "cluster": click.option("--cluster", metavar="ADDRESS", help="A dask scheduler whose workers share the work, like tcp://host:8786."),
    "jobs": click.option("--jobs", type=click.IntRange(min=1), help="Threads.  [default: all cores]"),
    "seed": click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random."),
}  # fmt: skip
TIME = {
    "max_seconds": click.option(
        "--max-seconds",
        type=Positive(),
        help="End the fit early, with a certificate of what there is.",
    )
}
fitting = delivers("options", _fitting, **PROBLEM, **CHOICE, **NETWORK, **TIME)
# The path runs through all alphas and marks the choice of both rules.
path_fitting = delivers(
    "options",
    _fitting,
    **PROBLEM,
    **{name: CHOICE[name] for name in ("cv", "scoring", "refit")},
    **NETWORK,
)


id_option = click.option(
    "--id",
    "id_column",
    multiple=True,
    callback=only_one,
    metavar="NAME",
    help="A column that names the rows.  [default: row numbers]",
)
jobs_option = NETWORK["jobs"]
