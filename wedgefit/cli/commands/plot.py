"""``wedgefit plot``."""

import os

import click

from wedgefit.cli.arguments import FILE, MODEL_FILE, pair_of_files, table_of
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking
from wedgefit.cli.output import check_output, check_stream, deliver

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
    return pair_of_files(ctx, param, value) if value else (MODEL_FILE, None)


files_to_plot = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] [DATA]", callback=_files_to_plot
)


@click.command("plot", cls=Command)
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
    check_stream(output, talk)
    check_output(output, *filter(None, files))
    model = load(model_file)
    pictures.require()
    table = (
        None
        if data is None
        else table_of(model, data, reading, talk, training=kind in ("path", "gap"))
    )
    traced = _traced(model, table, kind, talk)
    content = pictures.picture(model, table, kind, form, traced, talk.notes)
    deliver(
        content,
        output,
        talk,
        {
            "schema": "wedgefit.picture/1",
            "kind": pictures.default_kind(model) if kind == "auto" else kind,
        },
    )


def _traced(model, table, kind: str, talk) -> dict | None:
    """The record of a training run behind a picture that needs one."""
    if kind not in ("path", "gap"):
        return None
    from wedgefit.model import trace

    with talk.progress() as progress:
        return {"path": trace.path, "gap": trace.rounds}[kind](model, table, progress)
