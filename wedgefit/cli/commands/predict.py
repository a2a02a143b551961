"""``wedgefit predict``."""

import click

from wedgefit.cli.arguments import FILE, Files, model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import Reading, Talk, reading, talking
from wedgefit.cli.output import (
    ESCAPE,
    STANDARD_STREAM,
    check_output,
    csv_text,
    json_text,
    write_out,
)
from wedgefit.cli.values import Value
from wedgefit.data.words import shown
from wedgefit.errors import UsageError
from wedgefit.learning.threshold import Probability
from wedgefit.records import plain


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
    "id_columns",
    multiple=True,
    metavar="NAME",
    help="A column to copy. Repeatable.  [default: the id column of the model, or the times of one"
    " with lags]",
)
@click.option("--append", is_flag=True, help="Copy all columns, and add the predictions.")
@click.option(
    "--interval",
    type=Value(Probability()),
    metavar=Probability.metavar,
    help="Also the ends of the interval that holds the target in this part of rows like those of"
    " training (models trained with --intervals, or with two --quantile that have this part between"
    " them).",
)
@click.option("--proba", is_flag=True, help="Also the probability of every class.")
@click.option(
    "--contributions",
    is_flag=True,
    help="Also what every column and pair adds; with the average this is the score.",
)
@click.option(
    "--threshold",
    type=Value(Probability()),
    metavar=Probability.metavar,
    help="Of two classes: predict the second where its probability exceeds this."
    "  [default: the model's, or 0.5]",
)
@reading
@talking
def predict(
    files, output, id_columns, append, interval, proba, contributions, threshold, reading, talk
):
    """Write predictions for DATA as CSV.

    \b
    Examples:
      wedgefit predict new.csv | head -3
      wedgefit predict new.csv --proba
      wedgefit predict new.csv --threshold 0.2
      wedgefit predict new.csv --interval 0.9
      wedgefit predict new.csv --append -o with_predictions.csv
      wedgefit predict new.csv --contributions -o parts.csv
      wedgefit predict small.json new.csv --id name --id date -o predictions.csv
      wedgefit predict - < new.csv
    """
    if append and id_columns:
        raise click.UsageError("--append copies all columns: leave --id out.")
    check_output(output, *files.named)
    model = files.load(talk)
    _require_threshold(model, threshold)
    table, copied = _rows(files, model, id_columns, append, reading)
    talk.notes(*table.notes, *model.encoding.remarks(table))
    scores = model.scores(table)
    more = {} if interval is None else _interval(model, table, scores, interval)
    if proba:
        more["probabilities"] = _probabilities(model, scores)
    if contributions:
        more["contributions"] = _contributions(model, table, talk)
    predictions = model.decided(scores, threshold, _exposures(model, table, talk))
    instead = "leave --append out" if append else "choose another --id" if id_columns else None
    if talk.json:
        record = _record(model, table, predictions, copied) | more
        if append or id_columns:
            record["columns"] = {name: _present(cells) for name, cells in copied.items()}
        content = json_text(record)
    else:
        columns = _columns(model, predictions, more)
        content = csv_text(_beside(copied, columns, instead, talk) | columns)
    _write(content, output)


def _require_threshold(model, threshold: float | None) -> None:
    if threshold is not None:
        from wedgefit.model.evaluation import require_threshold

        require_threshold(model)


def _interval(model, table, scores, part: float) -> dict:
    return {"interval": part, "ends": _ends(model, table, scores, part)}


def _exposures(model, table, talk):
    """How long or how much each row was observed for, (n,); None where nothing says so."""
    exposure, name = model.exposures(table), model.data.exposure
    if name is not None and exposure is None:
        talk.notes(f"there is no column {shown(name)}: counts are for one unit of it")
    return exposure


def _write(content: str, output: str) -> None:
    if output == STANDARD_STREAM:
        write_out(content.encode(errors=ESCAPE))
    else:
        from wedgefit.files import write_whole

        write_whole(output, content)


def _rows(
    files: Files, model, id_columns: tuple[str, ...], append: bool, reading: Reading
) -> tuple:
    """The rows, and the columns to copy: all, those that are named, or that of the model's ids
    (without ids, of models with lags those of series and times) if it is there."""
    # Of lags rows without a whole history are left out: predictions need a name to go by.
    lags = model.lags if model.data.id is None else None
    names = [model.data.id] if lags is None else [lags.series, lags.time]
    by_default = [name for name in names if name is not None]
    table = files.table(model, reading, keep_cells=append or bool(id_columns or by_default))
    if id_columns:
        from wedgefit.data.words import unknown_column

        if absent := [name for name in id_columns if name not in table.names]:
            raise unknown_column(absent[0], table.names, where=table.title)
    wanted = table.names if append else id_columns or by_default
    return table, {name: list(table.cells[name]) for name in wanted if name in table.cells}


def _record(model, table, predictions: list, copied: dict[str, list[str]]) -> dict:
    target = plain(model.data.target)
    return {
        "schema": "wedgefit.predictions/1",
        "data": {"source": table.source, "rows": table.rows, "target": target},
        "ids": next(map(_present, copied.values()), None),
        "predictions": predictions,
    }


def _present(cells: list[str]) -> list[str | None]:
    """The cells for JSON, where an empty one is null."""
    return [cell if cell.strip() else None for cell in cells]


def _columns(model, predictions: list, more: dict) -> dict[str, list]:
    """The predictions, and ``more`` that the JSON has beside them, by the name of their column."""
    names = model.predicted_names
    by_target = [predictions] if len(names) == 1 else zip(*predictions)
    columns = {f"prediction_{name}": values for name, values in zip(names, by_target)}
    columns |= more.get("ends", {})
    for name, values in more.get("probabilities", {}).items():
        columns[f"probability_{name}"] = values
    return columns | more.get("contributions", {})


def _ends(model, table, scores, level: float) -> dict[str, list[float]]:
    """The ends of the intervals by the name of their column."""
    lower, upper = model.interval(model.encoding.transform(table), scores, level)
    found = {}
    for k, name in enumerate(model.encoding.target.names):
        found[f"lower_{name}"] = lower[:, k].tolist()
        found[f"upper_{name}"] = upper[:, k].tolist()
    return found


def _beside(
    copied: dict[str, list[str]], columns: dict[str, list], instead: str | None, talk: Talk
) -> dict[str, list[str]]:
    """The copied columns, which must not have the name of one that is predicted; ``instead``: what
    to do where they were asked for."""
    both = [name for name in copied if name in columns]
    if not both:
        return copied
    problem = f"column {shown(both[0])} of the file would be written over by what is predicted"
    if instead:
        raise UsageError(f"{problem}.", remedy=f"Rename it, or {instead}.")
    talk.notes(f"{problem}, and is left out")
    return {}


def _probabilities(model, scores) -> dict[str, list[float]]:
    """The probability of every class, by the class. Raises UsageError where the model has none."""
    found = model.probabilities(scores)
    if found is None:
        raise UsageError(
            "--proba needs a model of classes with the logistic or the softmax loss.",
            remedy="Leave it out; of classes, train without --loss squared.",
        )
    return {
        str(label): column.tolist() for label, column in zip(model.encoding.target.classes, found.T)
    }


def _contributions(model, table, talk: Talk) -> dict[str, list[float]]:
    """Per output its score (where it is not what is predicted), then the average and what
    every column and pair adds to it, or the intercept and what every neuron adds where the model is
    no sum of effects. A name that would stand twice is told apart, and who reads it told how."""
    from wedgefit.views.prediction import parts_of

    columns, scores = {}, model.network.forward(model.encoding.transform(table))
    for k, (output, parts) in enumerate(parts_of(model, table).items()):
        if model.scale != "prediction" or model.encoding.target.classes is not None:
            columns[f"score_{output}"] = scores[:, k].tolist()
        for name, meant, values in parts:
            kind, _, rest = name.partition("_")
            name = own = "_".join([kind, output, *[rest] * bool(rest)])
            while name in columns:  # A column called "a:b" beside the pair of a and b.
                name = f"{name} (2)"
            if name != own:
                of = " and ".join(map(shown, meant))
                together = " together" * (len(meant) > 1)
                talk.notes(
                    f"{shown(own)} is called like another, and {shown(name)} is of {of}{together}"
                )
            columns[name] = values.tolist()
    return columns
