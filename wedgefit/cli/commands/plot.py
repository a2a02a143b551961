"""``wedgefit plot``."""

import os

import click

from wedgefit.cli.arguments import FILE, Files, looks_like_a_model, pair_of_files
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking
from wedgefit.cli.output import check_output, check_stream, deliver
from wedgefit.data.words import shown

PICTURES = [
    "auto", "overview", "fit", "map", "effects", "pairs", "importance", "predicted", "residuals",
    "calibration", "path", "frames", "gap", "curves", "changes",
]  # fmt: skip
# They show how the model came about, and fit again.
TRACED = ("path", "gap", "frames")


def _files_to_plot(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Files:
    """MODEL and DATA; of a single file what is in it tells which it is."""
    if len(value) == 1 and looks_like_a_model(value[0]):
        return Files(value[0])
    return pair_of_files(ctx, param, value) if value else Files()


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
      map         two columns: what is predicted where, and the rows that its lines pass through
      overview    what moves the prediction, and the leading effects
      effects     what each column adds to the average (also called curves, changes)
      pairs       what pairs of columns add beyond that
      importance  how far each column and pair moves the prediction
      predicted   observed against predicted (DATA: labelled rows); residuals: what is left
      calibration whether probabilities are what they say (DATA: labelled rows)
      path        coefficients, neurons and scores against alpha (DATA: the training rows)
      frames      the map of two columns at six alphas of the path (DATA: the training rows)
      gap         how objective and lower bound met (DATA: the training rows)

    \b
    Examples:
      wedgefit plot data.csv
      wedgefit plot small.json data.csv -o small.png
      wedgefit plot small.json --kind effects
      wedgefit plot small.json test.csv --kind predicted -o predicted.png
      wedgefit plot data.csv --kind path -o path.pdf
    """
    output = output or f"{os.path.splitext(files.model_file)[0]}.svg"
    form = _form(output)
    _check(files, kind, output, talk)
    model = files.load(talk)
    table = None if files.data is None else _rows(files, model, kind, reading, talk)
    from wedgefit.views import pictures

    pictures.require()
    traced = _traced(model, table, kind, talk)
    content = pictures.picture(model, table, kind, form, traced, talk.notes)
    drawn = pictures.default_kind(model) if kind == "auto" else kind
    deliver(content, output, talk, {"schema": "wedgefit.picture/1", "kind": drawn})


def _check(files, kind: str, output: str, talk) -> None:
    if kind in TRACED and files.data is None:
        raise click.UsageError(f"--kind {kind} fits again: give the training DATA.")
    check_stream(output, talk)
    check_output(output, *files.named)


def _form(output: str) -> str:
    """The format that the end of a file's name asks for."""
    from wedgefit.views.pictures import SUFFIXES

    form = os.path.splitext(output)[1].lower().removeprefix(".") or "svg"
    if form not in SUFFIXES:
        raise click.UsageError(f"a picture is .svg, .png or .pdf, not {shown(output)}.")
    return form


def _rows(files: Files, model, kind: str, reading, talk):
    """The rows of DATA; those of training have their weights."""
    weight = model.data.weight if kind in TRACED else None
    table = files.table(model, reading, target=True, weight=weight)
    talk.notes(*table.notes, *model.encoding.remarks(table))
    return table


def _traced(model, table, kind: str, talk):
    """The record of a training run behind a picture that needs one."""
    if kind not in TRACED:
        return None
    from wedgefit.model import trace

    with talk.progress() as progress:
        kinds = {"path": trace.path, "gap": trace.rounds, "frames": trace.frames}
        return kinds[kind](model, table, progress)
