"""``wedgefit train``."""

import os
import sys
from contextlib import suppress

import click

from wedgefit.cli.arguments import FILE, data_argument, training_table
from wedgefit.cli.failures import Command
from wedgefit.cli.options import Talk, fitting, id_option, reading, talking
from wedgefit.cli.output import (
    ESCAPE,
    MODEL_FILE,
    STANDARD_STREAM,
    check_output,
    csv_text,
    write_out,
)
from wedgefit.files import write_whole

# What to do where a stage of the fit would take long.
QUICKER = {
    "setup": "first fits compile, once; --order 1 is quicker, --max-seconds 60 ends in time",
    "cross-validation": "--alpha-ratio 0.001 makes one fit of it, --max-seconds 60 ends in time",
    "fit": "--tol 1e-2 ends sooner, --max-seconds 60 in time, with the gap that is left",
}


@click.command("train", cls=Command)
@data_argument
@click.option(
    "-o",
    "--output",
    default=MODEL_FILE,
    show_default=True,
    type=FILE,
    help="The model file; - is standard output.",
)
@click.option(
    "--predictions",
    type=click.Path(),
    metavar="FILE",
    help="Also write, as CSV, what the folds predict of the rows that they hold out.",
)
@fitting
@id_option
@reading
@talking
def train(data, output, predictions, id_column, options, reading, talk):
    """Fit a network to DATA, write the model file, print the report.

    \b
    Three recipes:
      readable  wedgefit train data.csv --order 1 --rule 1se
      small     wedgefit train data.csv --max-neurons 10 --refit
      accurate  wedgefit train data.csv

    \b
    More examples:
      wedgefit train data.csv --target price --drop name --order 1
      wedgefit train data.csv --rule 1se --scoring auc --class-weight balanced
      wedgefit train data.csv --threshold cost=1:5 --predictions held_out.csv
      wedgefit train data.csv --increasing age --decreasing debt
      wedgefit train data.csv --pairs age:weight --pairs age:town
      wedgefit train data.csv --max-pairs 3
      wedgefit train data.csv --weight count --group patient
      wedgefit train data.csv --target height --target width
      wedgefit train data.csv --layers auto
      wedgefit train data.csv --alpha-ratio 0.01 -o small.json
      wedgefit train - --json < data.csv | jq .certificate
    """
    _check_outputs(data, output, predictions, talk)
    table, options = training_table(data, id_column, options, reading)
    # Told before the fit, which may fail for what the notes say.
    talk.notes(*table.notes)
    from wedgefit.model import build as fit
    from wedgefit.watch import InterruptibleDeadline

    # Who has set an end knows how long it takes.
    with talk.progress(QUICKER if options.max_seconds is None else None) as progress:
        deadline = InterruptibleDeadline(options.max_seconds, _tell_at_once)
        wanted = predictions is not None
        model, held_out = fit.trained(table, options, progress, deadline, wanted)
    _write(model, output)
    if held_out is not None:
        write_whole(predictions, csv_text(held_out.columns(model)))
    talk.notes(*(note for note in model.notes if note not in table.notes))
    _report(model.report(), output, talk)


def _write(model, output: str) -> None:
    if output == STANDARD_STREAM:
        write_out(model.dumps().encode(errors=ESCAPE))
    else:
        model.save(output)


def _check_outputs(data: str, output: str, predictions: str | None, talk: Talk) -> None:
    """Raises UsageError for files that could not be written in the end."""
    if output == STANDARD_STREAM and talk.json:
        raise click.UsageError(
            "--json and -o - both want standard output: give the model a file, or leave --json out."
        )
    check_output(output, data)
    if predictions is not None:
        check_output(predictions, data, option="--predictions")
        if os.path.realpath(predictions) == os.path.realpath(output):
            raise click.UsageError("--predictions and -o are the same file: give two.")


def _report(report: dict, output: str, talk: Talk) -> None:
    """What was fitted: on standard output, unless the model goes there."""
    if talk.json:
        talk.result(report, "train")
    elif not talk.quiet:
        from wedgefit.views import tables
        from wedgefit.views.terminal import is_terminal, to_text

        to_stdout = output == STANDARD_STREAM
        stream = sys.stderr if to_stdout else sys.stdout
        short = is_terminal(stream) and not talk.verbose
        text = to_text(tables.train(report, output, verbose=talk.verbose, short=short), stream)
        click.echo(text, err=True, nl=False) if to_stdout else write_out(text)


def _tell_at_once(words: str) -> None:
    """Say it from within a signal handler: not through sys.stderr, which may be in the middle of a
    line."""
    with suppress(OSError):
        os.write(2, f"\nInterrupted: {words}.\n".encode())
