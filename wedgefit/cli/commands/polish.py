"""``wedgefit polish``."""

import os

import click

from wedgefit.cli.arguments import FILE
from wedgefit.cli.failures import Command
from wedgefit.cli.options import jobs_option, network_options, reading, talking
from wedgefit.cli.output import ESCAPE, check_output
from wedgefit.data.words import shown
from wedgefit.learning.settings import Settings
from wedgefit.records import plain


@click.command("polish", cls=Command)
@click.argument("net", type=FILE, metavar="NET")
@click.argument("data", type=FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default="polished.json",
    show_default=True,
    metavar="FILE",
    help="The better network; .json or .onnx.",
)
@network_options()
@jobs_option
@reading
@talking
def polish(net, data, output, own, jobs, reading, talk):
    """Make a network from elsewhere better: NET is JSON or ONNX.

    What is written has at most as many units, and no worse an objective on the rows of DATA, which
    are those that it was trained on. Then: what is left to the certified optimum, and for every
    unit the rows nearest to it and what it was replaced by. docs/yardstick.md has recipes.

    \b
    Examples:
      wedgefit polish net.json data.csv
      wedgefit polish net.onnx data.csv --alpha 0.001 --target price -o better.onnx
      wedgefit polish net.json data.csv --json | jq .after.objective
    """
    suffix = os.path.splitext(output)[1].lower()
    from wedgefit.model import network_export

    if suffix not in network_export.SUFFIXES:
        raise click.UsageError(f"a network is written as .json or .onnx, not {shown(output)}.")
    check_output(output, net, data)
    from wedgefit.model.foreign import read_foreign

    if suffix == ".onnx":
        network_export.check_onnx()
    foreign = read_foreign(net)
    target = own.pop("target", ())
    settings = Settings(**{"norm": 2} | own, jobs=jobs)
    table = reading.table(data)
    talk.notes(*table.notes)
    from wedgefit.files import write_whole
    from wedgefit.model import polish as room

    with talk.progress() as progress:
        polished = room.polish(foreign, table, target, settings, progress)
    if suffix == ".onnx":
        write_whole(output, network_export.to_onnx(polished.network))
    else:
        write_whole(output, network_export.to_json(polished.network).encode(errors=ESCAPE))
    talk.result(plain(polished.record) | {"output": output}, "polish")
