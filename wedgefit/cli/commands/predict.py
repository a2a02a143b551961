"""``wedgefit predict``."""

import click

from wedgefit.cli.arguments import FILE, model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking
from wedgefit.cli.output import (
    ESCAPE,
    STANDARD_STREAM,
    check_output,
    csv_text,
    json_text,
    write_out,
)
from wedgefit.errors import UsageError


@click.command("predict", cls=Command)
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

    check_output(output, *files)
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
        content = json_text(record | ({"contributions": parts} if contributions else {}))
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
        content = csv_text(columns if ids is None else {copied: ids} | columns)
    if output == STANDARD_STREAM:
        write_out(content.encode(errors=ESCAPE))
    else:
        write_whole(output, content)


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


def _contributions(model, table, scores) -> dict[str, list[float]]:
    """Per output its score (of classes: of numbers it is the prediction), the intercept, and what
    every neuron adds to it."""
    from wedgefit.views.prediction import contributions

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
