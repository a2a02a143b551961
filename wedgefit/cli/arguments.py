"""MODEL and DATA: which of the files that were named is which, and the tables in them."""

import shlex
from dataclasses import replace

import click

from wedgefit.cli.options import Reading

MODEL_FILE = "wedgefit.json"

FILE = click.Path(allow_dash=True)
data_argument = click.argument("data", type=FILE)
model_argument = click.argument("model", type=FILE, default=MODEL_FILE)


def pair_of_files(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, str]:
    """One file is DATA, two are MODEL and DATA."""
    if not value:
        raise click.MissingParameter(ctx=ctx, param=param, param_hint="DATA", param_type="argument")
    if len(value) > 2:
        raise click.UsageError(
            f"too many files: {' '.join(map(shlex.quote, value))}. Expected [MODEL] DATA.", ctx
        )
    if len(value) == 1 and value[0].endswith(".json"):
        # It would be read as CSV, and a complaint about its quotes helps nobody.
        raise click.UsageError(
            f"{shlex.quote(value[0])} looks like a model, and DATA is missing. Expected [MODEL] DATA.",
            ctx,
        )
    return (MODEL_FILE, *value)[-2:]


model_and_data = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] DATA", callback=pair_of_files
)


def training_table(data: str, id_column: str | None, options, reading: Reading):
    """The table to fit, and the options without ``drop``: a stray cell in a dropped column must not
    stop the fit."""
    for name in options.drop:
        roles = {options.weight: "--weight", options.group: "--group", id_column: "--id"}
        role = (
            roles
            | dict.fromkeys(options.target, "--target")
            | dict.fromkeys(options.keep, "--keep")
        ).get(name)
        if role:
            raise click.UsageError(f"{name!r} is both in --drop and in {role}: choose one.")
    table = reading.table(data, types=dict.fromkeys(options.drop, "skip"), id_column=id_column)
    return table, replace(options, drop=())


def table_of(model, data: str, reading, talk, *, training: bool = False):
    """The rows of DATA as the model reads them, with their targets where they are there."""
    schema = model.encoding.schema(target=True)
    if training and model.data["weight"]:
        schema = {model.data["weight"]: "numeric"} | schema
    table = reading.table(data, schema=schema, id_column=model.data["id"])
    talk.notes(*table.notes, *model.encoding.remarks(table))
    return table
