"""``wedgefit explain``."""

import os
import shlex
import sys

import click

from wedgefit.cli.arguments import FILE, Files, looks_like_a_model, pair_of_files
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking
from wedgefit.cli.output import ESCAPE, csv_text, json_text, write_out


def _files_to_explain(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Files:
    """With --row as of ``predict``, else one file is MODEL."""
    if ctx.params.get("row") is not None:
        return pair_of_files(ctx, param, value)
    if len(value) > 1:
        raise click.UsageError(
            f"DATA is read for --row only, and there is none: {' '.join(map(shlex.quote, value))}.",
            ctx,
        )
    if value and os.path.isfile(value[0]) and not looks_like_a_model(value[0]):
        name = shlex.quote(value[0])
        raise click.UsageError(
            f"{name} does not look like a model. Its rows: wedgefit explain {name} --row ID.", ctx
        )
    return Files(*value)


files_to_explain = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] [DATA]", callback=_files_to_explain
)


@click.command("explain", cls=Command)
@files_to_explain
@click.option(
    "--row", metavar="ID", is_eager=True, help="Explain the prediction for this row of DATA."
)
@click.option(
    "--show",
    multiple=True,
    type=click.Choice(["wedges", "columns", "curves", "samples"]),
    help="Only this table. Repeatable.",
)
@click.option(
    "--sort", type=click.Choice(["importance", "id", "columns"]), help="Order of the lists.  [default: importance]"
)  # fmt: skip
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help="Only the first N of every list."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    help="[default: table]",
)
@reading
@talking
def explain(files, row, show, sort, top, form, reading, talk):
    """Read MODEL: its wedges in your units, and their rows.

    Lists the active wedges: the rows they pass through, their hinges in original units, their
    share.

    Then the columns by importance, what the wedges of one column add together, and the rows by
    influence. With --row: how the prediction for one row of DATA adds up.

    \b
    Examples:
      wedgefit explain
      wedgefit explain small.json --show wedges --top 10
      wedgefit explain --show curves --format csv > curves.csv
      wedgefit explain --json | jq .formula
      wedgefit explain data.csv --row 17
      wedgefit explain small.json data.csv --row 17 --format markdown
    """
    if talk.json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other: give one of them.")
    form = "json" if talk.json else form or "table"
    if row is not None and show:
        raise click.UsageError(
            "--show chooses among the tables of a model, and --row explains one prediction: give one of them."
        )
    if form == "csv" and len(show) > 1:
        raise click.UsageError("one CSV file holds one table: give --show once.")
    model = files.load(talk)
    from wedgefit.views.explain import explain as explained
    from wedgefit.views.flat import arranged, flat
    from wedgefit.views.prediction import explain_row

    if row is None:
        record = explained(model)
    else:
        table = files.table(model, reading, ids=True)
        talk.notes(*table.notes, *model.encoding.remarks(table))
        record = explain_row(model, table, row)
    # JSON keeps the order of the model unless it is told otherwise.
    if form != "json" or sort or top:
        record = arranged(record, sort or "importance", top)
    if form == "json":
        write_out(json_text(record).encode(errors=ESCAPE))
    elif form == "csv":
        write_out(csv_text(flat(record, show[0] if show else "wedges")).encode(errors=ESCAPE))
    else:
        from wedgefit.views import tables
        from wedgefit.views.terminal import to_markdown, to_text

        parts = tables.explain(record, show) if row is None else tables.local(record)
        # A table that comes first needs no blank line before its title.
        write_out(
            to_text(parts, sys.stdout).lstrip("\n")
            if form == "table"
            else to_markdown(parts).encode(errors=ESCAPE)
        )
