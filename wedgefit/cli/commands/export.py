"""``wedgefit export``."""

from collections.abc import Iterator

import click

from wedgefit.cli.arguments import FILE, Files
from wedgefit.cli.failures import Command
from wedgefit.cli.options import talking
from wedgefit.cli.output import STANDARD_STREAM, check_output, check_stream, deliver
from wedgefit.cli.values import LaterChoice
from wedgefit.data.words import shown


def _languages():
    from wedgefit.exports.formats import LANGUAGES

    return LANGUAGES


def _dialects():
    from wedgefit.exports.dialects import DIALECTS

    return DIALECTS


@click.command("export", cls=Command)
@click.argument("model", type=FILE, required=False)
@click.option("--format", type=LaterChoice(_languages), help="What to write.  [required]")
@click.option(
    "-o",
    "--output",
    default=STANDARD_STREAM,
    type=FILE,
    metavar="FILE",
    help="Where to.  [default: standard output]",
)
@click.option(
    "--dialect",
    type=LaterChoice(_dialects),
    help="Of --format sql.  [default: sqlite]",
)
@click.option(
    "--table",
    metavar="NAME",
    help="The table that --format sql reads; SCHEMA.NAME for one in a schema.  [default: data]",
)
@talking
def export(model, format, output, dialect, table, talk):
    """Write MODEL as Python, SQL or ONNX.

    The same predictions where there is no wedgefit.

    \b
    Formats:
      onnx        a graph in float64, one input per column (needs the extra onnx)
      python      a module that needs nothing but Python, and a script for CSV files
      sql         one query over a table

    \b
    Examples:
      wedgefit export --format python -o model.py && python model.py < new.csv
      wedgefit export --format sql --table people | sqlite3 people.db
      wedgefit export small.json --format onnx -o small.onnx
    """
    if format is None:
        raise click.UsageError(f"--format is missing: choose one of {', '.join(_languages())}.")
    choices = {
        name: value for name, value in (("dialect", dialect), ("table", table)) if value is not None
    }
    if choices and not _languages()[format].of_tables:
        raise click.UsageError(f"--{next(iter(choices))} is for --format sql.")
    check_stream(output, talk)
    files = Files(model)
    check_output(output, *files.named)
    loaded = files.load(talk)
    from wedgefit.exports.formats import exported

    content = exported(loaded, format, **choices)
    content = content if isinstance(content, bytes) else content.encode()
    talk.notes(*_limits_of(loaded))
    deliver(content, output, talk, {"schema": "wedgefit.export/1", "format": format})


def _limits_of(model) -> Iterator[str]:
    """What to know of what is written."""
    if model.intervals:
        yield "what this writes predicts without intervals: they are in predict --interval alone"
    if model.lags is not None:
        name = shown(model.lags.names[0])
        yield (
            f"what this writes reads columns like {name}, the target of rows before: make them"
            " first"
        )
    if model.data.exposure is not None:
        column = shown(model.data.exposure)
        yield f"what this writes reads the column {column} too, which counts are for"
