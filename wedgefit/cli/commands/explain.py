"""``wedgefit explain``."""

import os
import shlex
import sys

import click

from wedgefit.cli.arguments import FILE, Files, looks_like_a_model, pair_of_files
from wedgefit.cli.failures import Command
from wedgefit.cli.options import reading, talking
from wedgefit.cli.output import ESCAPE, csv_text, json_text, write_out
from wedgefit.cli.values import Value
from wedgefit.ranges import Whole


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


@click.command("explain", cls=Command, short_help="What columns do, and the wedges behind.")
@files_to_explain
@click.option(
    "--row", metavar="ID", is_eager=True, help="Explain the prediction for this row of DATA."
)
@click.option(
    "--show",
    multiple=True,
    type=click.Choice(["effects", "pairs", "wedges", "rows", "columns", "curves", "samples"]),
    help="Only this table. Repeatable.",
)
@click.option(
    "--sort",
    type=click.Choice(["importance", "id", "columns"]),
    help="Order of the lists.  [default: importance]",
)
@click.option(
    "--top",
    type=Value(Whole(1, "all")),
    metavar="N|all",
    help="Only the first N of every list; all: also on a terminal.",
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
    """Read MODEL: what its columns do, its wedges in your units, and their rows.

    First the effects of columns and pairs: with the average they add up to the prediction. Their
    importance is how far they move it over the training rows.

    Then the active wedges behind them: their hinges, the rows they pass through, their share; on a
    terminal the strongest. With --row: how the prediction for one row of DATA adds up.

    \b
    Examples:
      wedgefit explain
      wedgefit explain small.json --show wedges --top 10
      wedgefit explain --top all | less
      wedgefit explain --show curves --format csv > curves.csv
      wedgefit explain --json | jq .formula
      wedgefit explain data.csv --row 17
      wedgefit explain small.json data.csv --row 17 --format markdown
    """
    form = _form(form, talk)
    _check_show(show, form, row)
    record = _record(files, row, reading, talk)
    # JSON keeps the order of the model unless it is told otherwise.
    most = None if top == "all" else top
    if form != "json" or sort or most:
        from wedgefit.views.flat import arranged

        record = arranged(record, sort or "importance", most)
    if form == "json":
        write_out(json_text(record).encode(errors=ESCAPE))
    elif form == "csv":
        from wedgefit.views.flat import flat

        write_out(csv_text(flat(record, show[0] if show else "wedges")).encode(errors=ESCAPE))
    else:
        _print(record, show, form, row is not None, top)


def _form(form: str | None, talk) -> str:
    if talk.json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other: give one of them.")
    return "json" if talk.json else form or "table"


def _check_show(show: tuple[str, ...], form: str, row: str | None) -> None:
    if row is not None and {*show} - {"effects", "wedges"}:
        raise click.UsageError(
            "with --row, --show is effects or wedges: the other tables are about the whole model."
        )
    if form == "csv" and len(show) > 1:
        raise click.UsageError("one CSV file holds one table: give --show once.")


def _record(files: Files, row: str | None, reading, talk) -> dict:
    """What is explained: the model, or its prediction for a row."""
    model = files.load(talk)
    if row is None:
        from wedgefit.views.explain import explain as explained

        return explained(model)
    from wedgefit.views.prediction import explain_row

    table = files.table(model, reading, ids=True)
    talk.notes(*table.notes, *model.encoding.remarks(table))
    return explain_row(model, table, row)


def _print(record: dict, show: tuple[str, ...], form: str, one: bool, top) -> None:
    """The tables, for a terminal, a pipe or as Markdown; on a terminal the strongest alone."""
    from wedgefit.views import tables
    from wedgefit.views.terminal import is_terminal, to_markdown, to_text

    short = top is None and not show and form == "table" and is_terminal(sys.stdout)
    parts = tables.local(record, show) if one else tables.explain(record, show, short)
    if form == "markdown":
        write_out(to_markdown(parts).encode(errors=ESCAPE))
    else:
        # A table that comes first needs no blank line before its title.
        write_out(to_text(parts, sys.stdout).lstrip("\n"))
