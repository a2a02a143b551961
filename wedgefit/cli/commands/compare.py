"""``wedgefit compare``."""

import shlex

import click

from wedgefit.cli.arguments import FILE, Files, looks_like_a_model
from wedgefit.cli.failures import Command
from wedgefit.cli.options import Reading, reading, talking, weighting
from wedgefit.cli.output import check_output, csv_text
from wedgefit.cli.values import LaterChoice
from wedgefit.errors import UsageError


def _losses() -> list[str]:
    from wedgefit.model.comparison import LOSSES

    return list(LOSSES)


def _model(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value == "-" or not looks_like_a_model(value):
        raise click.UsageError(
            f"{shlex.quote(value)} does not look like a model. Expected two models, then DATA.", ctx
        )
    return value


@click.command("compare", cls=Command, short_help="Which of two models is better on DATA?")
@click.argument("first", type=FILE, metavar="A.json", callback=_model)
@click.argument("second", type=FILE, metavar="B.json", callback=_model)
@click.argument("data", type=FILE)
@click.option(
    "--loss",
    type=LaterChoice(_losses),
    metavar="NAME",
    help="What to compare by: squared, own (that of training) or absolute of numbers, log_loss or"
    " error of classes.  [default: that of training, if both have it]",
)
@weighting
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Also write the loss of every row, as CSV.",
)
@reading
@talking
def compare(first, second, data, loss, weighting, output, reading, talk):
    """Which of two models is better on labelled DATA, and by more than chance?

    Row by row the loss of A.json minus that of B.json: its mean and standard error. Where the mean
    is less than two standard errors, chance may have made it: take the smaller model. The rows must
    be such that neither model was trained on.

    \b
    Examples:
      wedgefit compare wedgefit.json small.json test.csv
      wedgefit compare a.json b.json test.csv --loss absolute
      wedgefit compare a.json b.json test.csv -o losses.csv
      wedgefit compare a.json b.json test.csv --json | jq .better
    """
    if looks_like_a_model(data):
        raise click.UsageError(
            f"{shlex.quote(data)} looks like a model, and DATA is missing. "
            "Expected two models, then DATA."
        )
    if output is not None:
        check_output(output, first, second, data)
    files = [Files(name, data) for name in (first, second)]
    models = tuple(each.load(talk) for each in files)
    tables = _tables(files, models, reading, weighting.looked_for(*models))
    weight = weighting.column(tables[0], talk, *models)
    from wedgefit.model.comparison import Contest, compare

    record = compare(Contest(models, (first, second), tables), weight, loss)
    rows = record.pop("rows")
    talk.notes(*record["notes"])
    if output is not None:
        from wedgefit.files import write_whole

        columns = {"row": rows["id"], "loss_A": rows["A"], "loss_B": rows["B"]}
        write_whole(output, csv_text(columns))
    talk.result(record, "compare")


def _tables(files: list[Files], models: tuple, reading: Reading, weight: str | None) -> tuple:
    """The rows as each model reads them: once where both read alike, as standard input asks for."""
    if any(model.lags is not None for model in models):
        return _in_common(files, models, reading, weight)
    schemas = [model.encoding.schema(target=True) for model in models]
    a, b = schemas
    alike = all(a[name] == b[name] for name in a.keys() & b.keys())
    if alike and models[0].encoding.reading == models[1].encoding.reading:
        columns = (weight, *(model.data.exposure for model in models))
        more = {name: "numeric" for name in columns if name is not None}
        table = reading.table(files[0].data, model=models[0], schema=more | a | b)
        return table, table
    if files[0].data == "-":
        raise UsageError(
            "the models read cells differently, and standard input can be read only once.",
            remedy="Give DATA a file.",
        )
    return tuple(
        each.table(model, reading, target=True, weight=weight) for each, model in zip(files, models)
    )


def _in_common(files: list[Files], models: tuple, reading: Reading, weight: str | None) -> tuple:
    """The rows that both models have the history for."""
    if files[0].data == "-":
        raise UsageError(
            "models with lags read DATA one after the other, and standard input only once.",
            remedy="Give DATA a file.",
        )
    tables = [
        each.table(model, reading, target=True, weight=weight) for each, model in zip(files, models)
    ]
    both = set(tables[0].row_ids) & set(tables[1].row_ids)
    return tuple(
        table.take([k for k, row in enumerate(table.row_ids) if row in both]) for table in tables
    )
