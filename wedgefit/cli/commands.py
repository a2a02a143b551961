"""The command line: options → one call → render → exit code.

Only click and the error tree are imported at the top: numpy, scikit-learn and rich load inside the
commands that need them, so that ``--help`` and ``predict`` start at once.
"""

from __future__ import annotations

import csv
import errno
import functools
import io
import json
import math
import os
import shlex
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import click

from wedgefit import __version__
from wedgefit.errors import UsageError, WedgefitError

MODEL_FILE = "wedgefit.json"
STANDARD_STREAM = "-"
# A file name may hold bytes that are no text; "\udc80" is how both Python and JSON spell them.
ESCAPE = "backslashreplace"
INTERRUPTED = 130


# How every command ends ---------------------------------------------------------------------------


class Command(click.Command):
    """A command whose every failure is one message and an exit code; a traceback comes only with
    ``--debug``."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BaseException as error:
            if _is_interruption(error):
                # If it hit an import that runs code from text, as namedtuple does, Python has noted
                # that it must die by the signal rather than by our exit code; running any text
                # makes it forget that.
                exec("")
                click.echo("Interrupted.", err=True)
                raise click.exceptions.Exit(INTERRUPTED) from None
            if not isinstance(error, Exception):
                raise
            if ctx.params.get("debug"):
                click.echo(traceback.format_exc(), err=True, nl=False)
            raise _failure(error) from None


def _is_interruption(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: compiled modules turn an interrupted import into an
    ImportError."""
    return error is not None and (
        isinstance(error, KeyboardInterrupt) or _is_interruption(error.__cause__)
    )


def _failure(error: Exception) -> click.ClickException:
    """What the user reads of an exception, with the exit code."""
    if isinstance(error, WedgefitError):
        failure = click.ClickException(str(error))
        failure.exit_code = error.exit_code
        return failure
    if isinstance(error, MemoryError):
        return click.ClickException(
            "not enough memory. Try fewer rows, --keep fewer columns, or a smaller --order."
        )
    if isinstance(error, OSError) and error.strerror:
        where = (
            f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        )
        return click.ClickException(f"{where}{error.strerror}. --debug shows where it happened.")
    words = (str(error).strip() or "no message").splitlines()[0]
    return click.ClickException(
        f"wedgefit stumbled over a bug ({type(error).__name__}: {words}). Please report it with the output of --debug."
    )


def _out(text: str | bytes) -> None:
    """Write to standard output, all of it; the only door to it.

    A reader who has seen enough (``| head``) ends the program quietly; any other trouble is a
    failure.
    """
    try:
        # Standard output may be unable to write what names of columns contain; a ? is better than
        # no report.
        if isinstance(text, str) and (codec := getattr(sys.stdout, "encoding", None)):
            text = text.encode(codec, "replace").decode(codec)
        click.echo(text, nl=False)
    except OSError as error:
        _forget_standard_output()
        if error.errno == errno.EPIPE:
            raise click.exceptions.Exit(0) from None
        raise click.ClickException(f"standard output: {error.strerror}.") from None


def _forget_standard_output() -> None:
    # What is still in the buffer would fail again when Python shuts down, with a message and exit
    # code of its own.
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _json(record: dict) -> str:
    """A record as JSON at full precision."""
    return json.dumps(record, allow_nan=False, ensure_ascii=False, indent=2) + "\n"


def _check_output(path: str, *inputs: str) -> None:
    """Refuse a place that cannot be written, before the work rather than after it."""
    if path == STANDARD_STREAM:
        return
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise WedgefitError("this is a folder.", where=path, remedy="Give -o the name of a file.")
    if not os.path.isdir(folder):
        raise WedgefitError(
            "there is no such folder to write to.",
            where=folder,
            remedy="Make it, or choose another -o.",
        )
    if os.path.exists(path) and any(
        os.path.exists(name) and os.path.samefile(name, path) for name in inputs
    ):
        raise UsageError(
            "this file would be overwritten by the output.", where=path, remedy="Choose another -o."
        )
    place = folder if not os.path.exists(path) or os.path.isfile(path) else path
    if not os.access(place, os.W_OK):
        raise WedgefitError(
            "no permission to write here.", where=place, remedy="Choose another -o."
        )


# Types of options ---------------------------------------------------------------------------------


class Positive(click.ParamType):
    """A finite number above zero."""

    name = "float"

    def convert(self, value, param, ctx):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            self.fail(f"{value!r} is not a positive number.", param, ctx)
        return number


class Order(click.ParamType):
    """A whole number from 1 up, or "full"; or several with commas between them, one per hidden
    layer."""

    name = "int|full"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        orders = tuple(self._one(part.strip(), param, ctx) for part in value.split(","))
        return orders if len(orders) > 1 else orders[0]

    def _one(self, part: str, param, ctx) -> int | str:
        if part == "full":
            return part
        if not (part.isascii() and part.isdigit()) or int(part) < 1:
            self.fail(f"{part!r} is neither a whole number from 1 up nor 'full'.", param, ctx)
        return int(part)


class Layers(click.ParamType):
    """A whole number from 2 up, or "auto"."""

    name = "int|auto"

    def convert(self, value, param, ctx):
        if value == "auto" or isinstance(value, int):
            return value
        if not (value.isascii() and value.isdigit()) or int(value) < 2:
            self.fail(f"{value!r} is neither a whole number from 2 up nor 'auto'.", param, ctx)
        return int(value)


class Memory(click.ParamType):
    """A number of bytes, with K, M, G or T for powers of 1000."""

    name = "size"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        digits = value.upper().removesuffix("B")
        power = "KMGT".find(digits[-1:]) + 1 if digits else 0
        try:
            size = float(digits[:-1] if power else digits) * 1000**power
        except ValueError:
            size = math.nan
        if not 0 < size < math.inf:
            self.fail(f"{value!r} is not a size like 500M or 2G.", param, ctx)
        return size


class ColumnType(click.ParamType):
    """``NAME=KIND`` as a pair."""

    name = "column=kind"

    def convert(self, value, param, ctx):
        name, mark, kind = value.rpartition("=")
        if not mark or kind not in ("numeric", "category", "skip"):
            self.fail(f"{value!r} is not NAME=numeric, NAME=category or NAME=skip.", param, ctx)
        return name, kind


# Shared options: each decorator delivers one object -----------------------------------------------


def _delivers(keyword: str, build: Callable, **options: Callable) -> Callable:
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

    def result(self, record: dict, tables: str, **details) -> None:
        """Print the record: as JSON, or as the tables that ``render`` has under that name."""
        if self.json:
            _out(_json(record).encode(errors=ESCAPE))
        else:
            from wedgefit.views import terminal as render

            _out(render.to_text(getattr(render, tables)(record, **details), sys.stdout))

    def progress(self):
        """The progress bar, a context manager."""
        from wedgefit.views import terminal as render

        return render.Progress(quiet=self.quiet, verbose=self.verbose)


@dataclass(frozen=True)
class Reading:
    """How CSV files are read."""

    encoding: str
    delimiter: str | None
    decimal: str
    na: tuple[str, ...]
    types: dict[str, str]

    def table(self, source: str, *, types: dict[str, str] | None = None, **more):
        """The table in that file."""
        from wedgefit.data.table import DEFAULT_NA, read_table

        options = {"encoding": self.encoding, "delimiter": self.delimiter, "decimal": self.decimal}
        return read_table(
            source, na=(*DEFAULT_NA, *self.na), types=self.types | (types or {}), **options, **more
        )


def _reading(types: tuple, **options) -> Reading:
    return Reading(types=dict(types), **options)


def _fitting(norm: str, **options):
    """The options of a fit; those that the command does not have keep their default."""
    if options.get("alpha") is not None and options.get("alpha_ratio") is not None:
        raise click.UsageError(
            "--alpha and --alpha-ratio exclude each other: give one of them, or neither."
        )
    from wedgefit.model.build import Options

    return Options(norm=int(norm), **options)


talking = _delivers(
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
reading = _delivers(
    "reading",
    _reading,
    encoding=click.option("--encoding", default="utf-8", show_default=True, metavar="NAME", help="Encoding of the file."),
    delimiter=click.option("--delimiter", metavar="CHAR", help='Delimiter, or "tab".  [default: found in the header]'),
    decimal=click.option("--decimal", default=".", show_default=True, metavar="CHAR", help='Decimal mark, "." or ",".'),
    na=click.option("--na", multiple=True, metavar="TEXT", help="A cell that also means missing. Repeatable."),
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
    "weight": click.option("--weight", metavar="NAME", help="A column that says how much each row counts, as if repeated."),
    "group": click.option("--group", metavar="NAME", help="A column of groups that cross-validation does not split."),
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
fitting = _delivers("options", _fitting, **PROBLEM, **CHOICE, **NETWORK, **TIME)
# The path runs through all alphas and marks the choice of both rules.
path_fitting = _delivers(
    "options",
    _fitting,
    **PROBLEM,
    **{name: CHOICE[name] for name in ("cv", "scoring", "refit")},
    **NETWORK,
)
id_option = click.option(
    "--id",
    "id_column",
    metavar="NAME",
    help="A column that names the rows.  [default: row numbers]",
)
jobs_option = NETWORK["jobs"]
FILE = click.Path(allow_dash=True)
data_argument = click.argument("data", type=FILE)
model_argument = click.argument("model", type=FILE, default=MODEL_FILE)


def _model_and_data(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, str]:
    """One file is DATA, two are MODEL and DATA."""
    if not value:
        raise click.MissingParameter(ctx=ctx, param=param, param_hint="DATA", param_type="argument")
    if len(value) > 2:
        raise click.UsageError(
            f"too many files: {' '.join(map(shlex.quote, value))}. Expected [MODEL] DATA.", ctx
        )
    if len(value) == 1 and value[0].endswith(".json"):
        # It would be read as CSV, and a complaint about its quotes helps nobody.
        raise click.UsageError(
            f"{shlex.quote(value[0])} looks like a model, and DATA is missing. Expected [MODEL] DATA.",
            ctx,
        )
    return (MODEL_FILE, *value)[-2:]


def _files_to_explain(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """With --row as of ``predict``, else one file is MODEL."""
    if ctx.params.get("row") is not None:
        return _model_and_data(ctx, param, value)
    if len(value) > 1:
        raise click.UsageError(
            f"DATA is read for --row only, and there is none: {' '.join(map(shlex.quote, value))}.",
            ctx,
        )
    return value or (MODEL_FILE,)


model_and_data = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] DATA", callback=_model_and_data
)
files_to_explain = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] [DATA]", callback=_files_to_explain
)


# The commands -------------------------------------------------------------------------------------


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
\b
Start:
  wedgefit train data.csv         fit; writes wedgefit.json and prints a report
  wedgefit explain                the neurons as equations in your units
  wedgefit predict new.csv        predictions as CSV; with --proba probabilities
  wedgefit certify data.csv       the promises of the report, recomputed
\b
Tab completion (bash; zsh and fish likewise), in your ~/.bashrc:
  eval "$(_WEDGEFIT_COMPLETE=bash_source wedgefit)"
""",
)
@click.version_option(__version__, prog_name="wedgefit", message="%(prog)s %(version)s")
def main():
    """Train ReLU networks to certified global optimality on CSV files.

    Every hidden neuron is a hinge through a few of your own rows, and the report says how much a
    better network could still gain. DATA is a CSV file with a header line, or - for standard input.
    """


def command(name: str) -> Callable:
    return main.command(name, cls=Command)


@command("train")
@data_argument
@click.option(
    "-o",
    "--output",
    default=MODEL_FILE,
    show_default=True,
    type=FILE,
    help="The model file; - is standard output.",
)
@id_option
@fitting
@reading
@talking
def train(data, output, id_column, options, reading, talk):
    """Fit a network to DATA, write the model file, print the report.

    \b
    Examples:
      wedgefit train data.csv
      wedgefit train data.csv --target price --drop name --order 1
      wedgefit train data.csv --rule 1se --scoring auc --class-weight balanced
      wedgefit train data.csv --max-neurons 20 --refit
      wedgefit train data.csv --weight count --group patient
      wedgefit train data.csv --target height --target width
      wedgefit train data.csv --layers auto
      wedgefit train data.csv --alpha-ratio 0.01 -o small.json
      wedgefit train - --json < data.csv | jq .certificate
    """
    from wedgefit.model import build as fit

    to_stdout = output == STANDARD_STREAM
    if to_stdout and talk.json:
        raise click.UsageError(
            "--json and -o - both want standard output: give the model a file, or leave --json out."
        )
    _check_output(output, data)
    table, options = _training_table(data, id_column, options, reading)
    with talk.progress() as progress:
        deadline = fit.InterruptibleDeadline(options.max_seconds, _tell_at_once)
        model = fit.train(table, options, progress, deadline)
    if to_stdout:
        _out(model.dumps().encode(errors=ESCAPE))
    else:
        model.save(output)
    report = model.report()
    talk.notes(*report["notes"])
    if talk.json:
        talk.result(report, "train")
    elif not talk.quiet:
        from wedgefit.views import terminal as render

        stream = sys.stderr if to_stdout else sys.stdout
        short = render.is_terminal(stream) and not talk.verbose
        text = render.to_text(
            render.train(report, output, verbose=talk.verbose, short=short), stream
        )
        click.echo(text, err=True, nl=False) if to_stdout else _out(text)


@command("explain")
@files_to_explain
@click.option(
    "--row", metavar="ID", is_eager=True, help="Explain the prediction for this row of DATA."
)
@click.option(
    "--show",
    multiple=True,
    type=click.Choice(["wedges", "columns", "curves", "samples"]),
    help="Only this table. Repeatable.",
)
@click.option(
    "--sort", type=click.Choice(["importance", "id", "columns"]), help="Order of the lists.  [default: importance]"
)  # fmt: skip
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help="Only the first N of every list."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    help="[default: table]",
)
@reading
@talking
def explain(files, row, show, sort, top, form, reading, talk):
    """Read MODEL: its wedges in your units, and their rows.

    Lists the active wedges: the rows they pass through, their hinges in original units, their
    share.

    Then the columns by importance, what the wedges of one column add together, and the rows by
    influence. With --row: how the prediction for one row of DATA adds up.

    \b
    Examples:
      wedgefit explain
      wedgefit explain small.json --show wedges --top 10
      wedgefit explain --show curves --format csv > curves.csv
      wedgefit explain --json | jq .formula
      wedgefit explain data.csv --row 17
      wedgefit explain small.json data.csv --row 17 --format markdown
    """
    if talk.json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other: give one of them.")
    form = "json" if talk.json else form or "table"
    if row is not None and show:
        raise click.UsageError(
            "--show chooses among the tables of a model, and --row explains one prediction: give one of them."
        )
    if form == "csv" and len(show) > 1:
        raise click.UsageError("one CSV file holds one table: give --show once.")
    from wedgefit.model.record import load
    from wedgefit.views import explain as explanation

    model = load(files[0])
    if row is None:
        record = explanation.explain(model)
    else:
        id_column = model.data["id"]
        table = reading.table(files[1], schema=model.encoding.schema(), id_column=id_column)
        talk.notes(*table.notes, *model.encoding.remarks(table))
        record = explanation.explain_row(model, table, row)
    # JSON keeps the order of the model unless it is told otherwise.
    if form != "json" or sort or top:
        record = explanation.arranged(record, sort or "importance", top)
    if form == "json":
        _out(_json(record).encode(errors=ESCAPE))
    elif form == "csv":
        _out(_csv(explanation.flat(record, show[0] if show else "wedges")).encode(errors=ESCAPE))
    else:
        from wedgefit.views import terminal as render

        parts = render.explain(record, show) if row is None else render.local(record)
        # A table that comes first needs no blank line before its title.
        _out(
            render.to_text(parts, sys.stdout).lstrip("\n")
            if form == "table"
            else render.to_markdown(parts).encode(errors=ESCAPE)
        )


@command("predict")
@model_and_data
@click.option(
    "-o",
    "--output",
    default=STANDARD_STREAM,
    type=FILE,
    help="The CSV file to write.  [default: standard output]",
)
@click.option(
    "--id",
    "id_column",
    metavar="NAME",
    help="A column to copy.  [default: the id column of the model]",
)
@click.option("--proba", is_flag=True, help="Also the probability of every class (logistic loss).")
@click.option(
    "--contributions",
    is_flag=True,
    help="Also what every neuron adds; with the intercept this is the score.",
)
@reading
@talking
def predict(files, output, id_column, proba, contributions, reading, talk):
    """Write predictions for DATA as CSV.

    \b
    Examples:
      wedgefit predict new.csv | head -3
      wedgefit predict new.csv --proba
      wedgefit predict new.csv --contributions -o parts.csv
      wedgefit predict small.json new.csv --id name -o predictions.csv
      wedgefit predict - < new.csv
    """
    from wedgefit.files import write_whole
    from wedgefit.model.record import load

    _check_output(output, *files)
    model = load(files[0])
    schema = model.encoding.schema()
    copied = id_column or model.report()["data"].get("id")
    # Not read as ids: to copy a column it may repeat itself, and the model's may be absent.
    types = {id_column: "category"} if id_column is not None and id_column not in schema else {}
    table = reading.table(
        files[1], types=types, schema={copied: "category"} | schema if copied else schema
    )
    talk.notes(*table.notes, *model.encoding.remarks(table))
    ids = _present(table.column(copied)) if copied in table.columns else None
    scores = model.scores(table)
    predictions, target = model.decided(scores), model.encoding.target
    probabilities = _probabilities(model, scores) if proba else None
    parts = _contributions(model, table, scores) if contributions else {}
    if talk.json:
        data = {
            "source": table.source,
            "rows": table.rows,
            "target": model.report()["data"]["target"],
        }
        record = {
            "schema": "wedgefit.predictions/1",
            "data": data,
            "ids": ids,
            "predictions": predictions,
        }
        record |= {"probabilities": probabilities} if proba else {}
        content = _json(record | ({"contributions": parts} if contributions else {}))
    else:
        by_target = [predictions] if len(target.names) == 1 else zip(*predictions)
        columns = {f"prediction_{name}": values for name, values in zip(target.names, by_target)}
        columns |= {
            f"probability_{name}": values for name, values in (probabilities or {}).items()
        } | parts
        if ids is not None and copied in columns:
            problem = f"the ids in column {copied!r} would be written over by what is predicted"
            if id_column is not None:
                raise UsageError(f"{problem}.", remedy="Choose another --id.")
            talk.notes(f"{problem}, and are left out")
            ids = None
        content = _csv(columns if ids is None else {copied: ids} | columns)
    if output == STANDARD_STREAM:
        _out(content.encode(errors=ESCAPE))
    else:
        write_whole(output, content)


@command("evaluate")
@model_and_data
@click.option("--weight", metavar="NAME", help="A column that says how much each row counts.")
@reading
@talking
def evaluate(files, weight, reading, talk):
    """Score MODEL on labelled DATA.

    \b
    Examples:
      wedgefit evaluate test.csv
      wedgefit evaluate test.csv --weight exposure
      wedgefit evaluate small.json test.csv --json | jq .score
    """
    from wedgefit.model import build as fit
    from wedgefit.model.record import load

    model = load(files[0])
    schema = model.encoding.schema(target=True)
    table = reading.table(
        files[1], schema=schema if weight is None else {weight: "numeric"} | schema
    )
    record = fit.evaluate(model, table, weight)
    talk.notes(*record["notes"])
    talk.result(record, "evaluate")


@command("path")
@data_argument
@id_option
@path_fitting
@reading
@talking
def path(data, id_column, options, reading, talk):
    """Show how size and score depend on alpha.

    The regularisation path of DATA: neurons, samples, objective, gap and cross-validated score for
    every alpha.

    \b
    Examples:
      wedgefit path data.csv
      wedgefit path data.csv --order 1 --cv 10 --scoring mae
      wedgefit path data.csv --json | jq .chosen
    """
    from wedgefit.model import build as fit

    table, options = _training_table(data, id_column, options, reading)
    with talk.progress() as progress:
        record = fit.path(table, options, progress)
    talk.notes(*record.get("notes", ()))
    talk.result(record, "path")


@command("certify")
@model_and_data
@click.option(
    "--weights",
    type=FILE,
    metavar="NET",
    help="Measure a network trained elsewhere instead: JSON or ONNX.",
)
@_delivers(
    "own",
    dict,
    alpha=click.option(
        "--alpha",
        type=Positive(),
        help="With --weights: its weight decay, on our scale.  [default: in the file]",
    ),
    target=PROBLEM["target"],
    loss=NETWORK["loss"],
    norm=click.option(
        "--norm",
        type=click.Choice(["1", "2"]),
        help="With --weights: norm on the hidden weights.  [default: 2]",
    ),
    max_seconds=TIME["max_seconds"],
)
@jobs_option
@reading
@talking
def certify(files, weights, own, jobs, reading, talk):
    """Check the claims of MODEL against its training DATA.

    Objective, certificate and neurons are recomputed from the rows and the weights in MODEL alone.

    Exits with 1 when a stored figure and the recomputed one disagree.

    With --weights NET: how far is the training objective of a two-layer ReLU network from elsewhere
    above the certified optimum for its own weight decay?

    \b
    Examples:
      wedgefit certify data.csv
      wedgefit certify small.json data.csv && echo "as promised"
      wedgefit certify data.csv --weights net.json
      wedgefit certify data.csv --weights net.onnx --alpha 0.001 --target price
    """
    if weights is not None:
        _measure(files, weights, own, jobs, reading, talk)
        return
    if given := [name for name, value in own.items() if value not in (None, ())]:
        raise click.UsageError(
            f"--{given[0].replace('_', '-')} is for --weights: a model knows it."
        )
    from wedgefit.model import audit
    from wedgefit.model.record import load

    model = load(files[0])
    id_column = model.report()["data"].get("id")
    schema = model.encoding.schema(target=True)
    if weight := model.report()["data"]["weight"]:
        schema = {weight: "numeric"} | schema
    table = reading.table(files[1], schema=schema, id_column=id_column)
    record = audit.certify(model, table, jobs=jobs)
    talk.result(record, "certify")
    if not record["agrees"]:
        raise click.ClickException(record["message"])


def _measure(
    files: tuple[str, str], weights: str, own: dict, jobs: int | None, reading: Reading, talk: Talk
) -> None:
    """The yardstick: ``certify`` with ``--weights``."""
    if files[0] != MODEL_FILE:
        raise click.UsageError(
            "MODEL and --weights NET exclude each other: give DATA and one of them."
        )
    from wedgefit.learning.learn import Settings
    from wedgefit.model import yardstick
    from wedgefit.model.foreign import read_foreign

    foreign = read_foreign(weights)
    settings = Settings(
        alpha=own["alpha"],
        loss=own["loss"],
        norm=int(own["norm"] or 2),
        max_seconds=own["max_seconds"],
        jobs=jobs,
    )
    table = reading.table(files[1])
    talk.notes(*table.notes)
    with talk.progress() as progress:
        record = yardstick.measure(foreign, table, own["target"], settings, progress)
    talk.result(record, "yardstick")


@command("export")
@model_argument
@click.option(
    "--format", type=click.Choice(["onnx", "python", "sql"]), help="What to write.  [required]"
)
@click.option(
    "-o",
    "--output",
    default=STANDARD_STREAM,
    type=FILE,
    metavar="FILE",
    help="Where to.  [default: standard output]",
)
@click.option(
    "--dialect",
    type=click.Choice(["sqlite", "postgresql"]),
    help="Of --format sql.  [default: sqlite]",
)
@click.option(
    "--table",
    metavar="NAME",
    help="The table that --format sql reads; SCHEMA.NAME for one in a schema.  [default: data]",
)
@talking
def export(model, format, output, dialect, table, talk):
    """Write MODEL as Python, SQL or ONNX.

    The same predictions where there is no wedgefit.

    \b
    Formats:
      onnx        a graph in float64, one input per column (needs the extra onnx)
      python      a module that needs nothing but Python, and a script for CSV files
      sql         one query over a table

    \b
    Examples:
      wedgefit export --format python -o model.py && python model.py < new.csv
      wedgefit export --format sql --table people | sqlite3 people.db
      wedgefit export small.json --format onnx -o small.onnx
    """
    if format is None:
        raise click.UsageError("--format is missing: choose onnx, python or sql.")
    choices = {
        name: value for name, value in (("dialect", dialect), ("table", table)) if value is not None
    }
    if choices and format != "sql":
        raise click.UsageError(f"--{next(iter(choices))} is for --format sql.")
    from wedgefit.exports.formats import exported
    from wedgefit.model.record import load

    _check_stream(output, talk)
    _check_output(output, model)
    content = exported(load(model), format, **choices)
    content = content if isinstance(content, bytes) else content.encode()
    _deliver(content, output, talk, {"schema": "wedgefit.export/1", "format": format})


def _deliver(content: bytes, output: str, talk, record: dict) -> None:
    """Write a file whole or not at all, and say where it is: on standard error, or with --json as a
    record."""
    from wedgefit.files import write_whole

    if output == STANDARD_STREAM:
        _out(content)
        return
    write_whole(output, content)
    if talk.json:
        _out(_json(record | {"output": output, "bytes": len(content)}).encode(errors=ESCAPE))
    elif not talk.quiet:
        click.echo(f"Written to {output}.", err=True)


def _check_stream(output: str, talk) -> None:
    if output == STANDARD_STREAM and talk.json:
        raise click.UsageError(
            "--json and -o - both want standard output: give -o a file, or leave --json out."
        )


PICTURES = [
    "auto",
    "fit",
    "map",
    "curves",
    "pairs",
    "importance",
    "changes",
    "overview",
    "path",
    "gap",
]


def _files_to_plot(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, str | None]:
    """MODEL and DATA; of a single file the name tells which it is: a model's ends in .json."""
    if len(value) == 1:
        return (value[0], None) if value[0].endswith(".json") else (MODEL_FILE, value[0])
    return _model_and_data(ctx, param, value) if value else (MODEL_FILE, None)


files_to_plot = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] [DATA]", callback=_files_to_plot
)


@command("plot")
@files_to_plot
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    help="Where to; .svg, .png or .pdf.  [default: the model's name and .svg]",
)
@click.option(
    "--kind",
    type=click.Choice(PICTURES),
    default="auto",
    show_default=True,
    help="auto: what shows most of the model.",
)
@reading
@talking
def plot(files, output, kind, reading, talk):
    """Draw MODEL, with the rows of DATA if given.

    A single file that ends in .json is MODEL, any other DATA.

    \b
    Kinds:
      fit         one column: rows, fit, and the rows where it bends
      map         two columns: prediction or predicted class, and the rows that its lines pass through
      curves      what single columns add; pairs: what pairs of columns add; importance: bars
      changes     how the prediction changes with one column, the others as in a typical row
      overview    the leading ones of these
      path        coefficients, neurons and scores against alpha (DATA: the training rows)
      gap         how objective and lower bound met (DATA: the training rows)

    \b
    Examples:
      wedgefit plot data.csv
      wedgefit plot small.json data.csv -o small.png
      wedgefit plot small.json --kind curves
      wedgefit plot data.csv --kind path -o path.pdf
    """
    model_file, data = files
    output = output or f"{os.path.splitext(model_file)[0]}.svg"
    form = os.path.splitext(output)[1].lower().removeprefix(".") or "svg"
    from wedgefit.model.record import load
    from wedgefit.views import pictures

    if form not in pictures.SUFFIXES:
        raise click.UsageError(f"a picture is .svg, .png or .pdf, not {output!r}.")
    if kind in ("path", "gap") and data is None:
        raise click.UsageError(f"--kind {kind} fits again: give the training DATA.")
    _check_stream(output, talk)
    _check_output(output, *filter(None, files))
    model = load(model_file)
    pictures.require()
    table = (
        None
        if data is None
        else _table_of(model, data, reading, talk, training=kind in ("path", "gap"))
    )
    content = pictures.picture(model, table, kind, form, _traced(model, table, kind, talk))
    _deliver(
        content,
        output,
        talk,
        {
            "schema": "wedgefit.picture/1",
            "kind": pictures.default_kind(model) if kind == "auto" else kind,
        },
    )


@command("report")
@model_and_data
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=FILE,
    metavar="FILE",
    help="The page; - is standard output.",
)
@reading
@talking
def report(files, output, reading, talk):
    """Write a page about MODEL, as HTML.

    What was fitted, its certificate, scores, pictures, terms and rows. DATA: the training rows.

    The page needs nothing but itself, and suits light, dark, phones and paper.

    \b
    Examples:
      wedgefit report data.csv
      wedgefit report small.json data.csv -o small.html
    """
    from wedgefit.model.record import load
    from wedgefit.views import page as pages

    _check_stream(output, talk)
    _check_output(output, *files)
    model = load(files[0])
    pages.require()
    content = pages.page(model, _table_of(model, files[1], reading, talk), files[0]).encode(
        errors=ESCAPE
    )
    _deliver(content, output, talk, {"schema": "wedgefit.page/1"})


# Steps of commands --------------------------------------------------------------------------------


def _training_table(data: str, id_column: str | None, options, reading: Reading):
    """The table to fit, and the options without ``drop``: a stray cell in a dropped column must not
    stop the fit."""
    for name in options.drop:
        roles = {options.weight: "--weight", options.group: "--group", id_column: "--id"}
        role = (
            roles
            | dict.fromkeys(options.target, "--target")
            | dict.fromkeys(options.keep, "--keep")
        ).get(name)
        if role:
            raise click.UsageError(f"{name!r} is both in --drop and in {role}: choose one.")
    table = reading.table(data, types=dict.fromkeys(options.drop, "skip"), id_column=id_column)
    return table, replace(options, drop=())


def _tell_at_once(words: str) -> None:
    """Say it from within a signal handler: not through sys.stderr, which may be in the middle of a
    line."""
    with suppress(OSError):
        os.write(2, f"\nInterrupted: {words}.\n".encode())


def _probabilities(model, scores) -> dict[str, list[float]]:
    """The probability of every class, by the class. Raises UsageError where the model has none."""
    found = model.probabilities(scores)
    if found is None:
        raise UsageError(
            "--proba needs a model of classes with the logistic loss.",
            remedy="Leave it out, or train without --loss squared.",
        )
    return {
        str(label): column.tolist() for label, column in zip(model.encoding.target.classes, found.T)
    }


def _present(column) -> list:
    """The values of a column, None where one is missing."""
    return [
        None if missing else value for value, missing in zip(column.values.tolist(), column.missing)
    ]


def _csv(columns: dict[str, list]) -> str:
    """The columns as CSV, numbers at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _contributions(model, table, scores) -> dict[str, list[float]]:
    """Per output its score (of classes: of numbers it is the prediction), the intercept, and what
    every neuron adds to it."""
    from wedgefit.views.explain import contributions

    columns = {}
    for k, (output, record) in enumerate(contributions(model, table).items()):
        if model.encoding.target.classes is not None:
            columns[f"score_{output}"] = (scores if scores.ndim == 1 else scores[:, k]).tolist()
        columns[f"intercept_{output}"] = [record["intercept"]] * table.rows
        columns |= {
            f"contribution_{output}_{id_}": part
            for id_, part in zip(record["neurons"], record["parts"].T.tolist())
        }
    return columns


def _table_of(model, data: str, reading, talk, *, training: bool = False):
    """The rows of DATA as the model reads them, with their targets where they are there."""
    schema = model.encoding.schema(target=True)
    if training and model.data["weight"]:
        schema = {model.data["weight"]: "numeric"} | schema
    table = reading.table(data, schema=schema, id_column=model.data["id"])
    talk.notes(*table.notes, *model.encoding.remarks(table))
    return table


def _traced(model, table, kind: str, talk) -> dict | None:
    """The record of a training run behind a picture that needs one."""
    if kind not in ("path", "gap"):
        return None
    from wedgefit.model import trace

    with talk.progress() as progress:
        return {"path": trace.path, "gap": trace.rounds}[kind](model, table, progress)
