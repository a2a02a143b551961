"""``wedgefit evaluate``."""

import click

from wedgefit.cli.arguments import model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import only_one, reading, talking


@click.command("evaluate", cls=Command)
@model_and_data
@click.option(
    "--weight",
    multiple=True,
    callback=only_one,
    metavar="NAME",
    help="A column that says how much each row counts.",
)
@reading
@talking
def evaluate(files, weight, reading, talk):
    """Score MODEL on labelled DATA.

    Beside every score stands the baseline, that of the best constant for these rows. Then what
    classes were taken for, or how far predictions of numbers are off.

    \b
    Examples:
      wedgefit evaluate test.csv
      wedgefit evaluate test.csv --weight exposure
      wedgefit evaluate small.json test.csv --json | jq .score
      wedgefit evaluate small.json test.csv --json | jq .confusion
    """
    model = files.load(talk)
    table = files.table(model, reading, target=True, weight=weight)
    from wedgefit.model import evaluation

    record = evaluation.evaluate(model, table, weight)
    talk.notes(*record["notes"])
    talk.result(record, "evaluate")
