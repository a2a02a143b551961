"""``wedgefit report``."""

import click

from wedgefit.cli.arguments import FILE, model_and_data
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
@click.option(
    "--row",
    metavar="ID",
    help="The row of DATA whose prediction is shown step by step.  [default: the first]",
)
@reading
@talking
def report(files, output, row, reading, talk):
    """Write a page about MODEL, as HTML.

    What was fitted, its certificate, scores, pictures, terms and rows. DATA: the training rows.

    The page needs nothing but itself, and suits light, dark, phones and paper.

    \b
    Examples:
      wedgefit report data.csv
      wedgefit report small.json data.csv -o small.html
      wedgefit report data.csv --row 17
    """
    check_stream(output, talk)
    check_output(output, *files.named)
    model = files.load(talk)
    table = files.table(model, reading, target=True, ids=True)
    talk.notes(*table.notes, *model.encoding.remarks(table))
    from wedgefit.views import page as pages

    pages.require()
    content = pages.page(model, table, files.model_file, row).encode(errors=ESCAPE)
    deliver(content, output, talk, {"schema": "wedgefit.page/1"})
