"""``wedgefit evaluate``."""

import click

from wedgefit.cli.arguments import model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking


@click.command("evaluate", cls=Command)
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
