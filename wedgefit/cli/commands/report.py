"""``wedgefit report``."""

import click

from wedgefit.cli.arguments import FILE, model_and_data, table_of
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking
from wedgefit.cli.output import ESCAPE, check_output, check_stream, deliver


@click.command("report", cls=Command)
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

    check_stream(output, talk)
    check_output(output, *files)
    model = load(files[0])
    pages.require()
    content = pages.page(model, table_of(model, files[1], reading, talk), files[0]).encode(
        errors=ESCAPE
    )
    deliver(content, output, talk, {"schema": "wedgefit.page/1"})
