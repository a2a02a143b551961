"""``wedgefit evaluate``."""

import click

from wedgefit.cli.arguments import model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking, weighting
from wedgefit.cli.values import Value
from wedgefit.learning.threshold import ProbabilityOrRule
from wedgefit.records import plain


@click.command("evaluate", cls=Command)
@model_and_data
@weighting
@click.option(
    "--threshold",
    "rule",
    type=Value(ProbabilityOrRule()),
    metavar=ProbabilityOrRule.metavar,
    help="Of two classes: the probability above which the second is predicted, or what to find one"
    " by on DATA.  [default: the model's, or 0.5]",
)
@reading
@talking
def evaluate(files, weighting, rule, reading, talk):
    """Score MODEL on labelled DATA.

    Beside every score stands the baseline, that of the best constant for these rows. Then what
    classes were taken for and whether probabilities are what they say, or how far predictions of
    numbers are off. Rows count by the weights of training where DATA has them.

    \b
    Examples:
      wedgefit evaluate test.csv
      wedgefit evaluate test.csv --weight exposure
      wedgefit evaluate test.csv --threshold 0.2
      wedgefit evaluate test.csv --threshold cost=1:4
      wedgefit evaluate test.csv --threshold best-f1
      wedgefit evaluate small.json test.csv --json | jq .score
      wedgefit evaluate small.json test.csv --json | jq .confusion
    """
    model = files.load(talk)
    looked_for = weighting.looked_for(model)
    table = files.table(model, reading, target=True, weight=looked_for)
    weight = weighting.column(table, talk, model)
    from wedgefit.model import evaluation

    record = evaluation.evaluate(model, table, weight, rule)
    talk.notes(*record.notes)
    talk.result(plain(record), "evaluate")
