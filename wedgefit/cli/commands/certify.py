"""``wedgefit certify``."""

import click

from wedgefit.cli.arguments import FILE, Files, model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import (
    NETWORK,
    PROBLEM,
    TIME,
    Reading,
    Talk,
    delivers,
    jobs_option,
    reading,
    talking,
)
from wedgefit.cli.values import Positive


@click.command("certify", cls=Command)
@model_and_data
@click.option(
    "--weights",
    type=FILE,
    metavar="NET",
    help="Measure a network trained elsewhere instead: JSON or ONNX.",
)
@delivers(
    "own",
    dict,
    alpha=click.option(
        "--alpha",
        type=Positive(),
        help="With --weights: its weight decay, on our scale.  [default: in the file]",
    ),
    target=PROBLEM["target"],
    loss=NETWORK["loss"],
    norm=click.option(
        "--norm",
        type=click.Choice(["1", "2"]),
        help="With --weights: norm on the hidden weights.  [default: 2]",
    ),
    max_seconds=TIME["max_seconds"],
)
@jobs_option
@reading
@talking
def certify(files, weights, own, jobs, reading, talk):
    """Check the claims of MODEL against its training DATA.

    Objective, certificate and neurons are recomputed from the rows and the weights in MODEL alone.

    Exits with 1 when a stored figure and the recomputed one disagree.

    With --weights NET: how far is the training objective of a two-layer ReLU network from elsewhere
    above the certified optimum for its own weight decay?

    \b
    Examples:
      wedgefit certify data.csv
      wedgefit certify small.json data.csv && echo "as promised"
      wedgefit certify data.csv --weights net.json
      wedgefit certify data.csv --weights net.onnx --alpha 0.001 --target price
    """
    if weights is not None:
        _measure(files, weights, own, jobs, reading, talk)
        return
    if given := [name for name, value in own.items() if value not in (None, ())]:
        raise click.UsageError(
            f"--{given[0].replace('_', '-')} is for --weights: a model knows it."
        )
    model = files.load(talk)
    table = files.table(model, reading, target=True, ids=True, weight=model.data.weight)
    talk.notes(*table.notes)
    from wedgefit.model import audit

    record = audit.certify(model, table, jobs=jobs)
    talk.result(record, "certify")
    if not record["agrees"]:
        raise click.ClickException(record["message"])


def _measure(
    files: Files, weights: str, own: dict, jobs: int | None, reading: Reading, talk: Talk
) -> None:
    """The yardstick: ``certify`` with ``--weights``."""
    if files.model is not None:
        raise click.UsageError(
            "MODEL and --weights NET exclude each other: give DATA and one of them."
        )
    from wedgefit.learning.settings import Settings
    from wedgefit.model.foreign import read_foreign

    foreign = read_foreign(weights)
    settings = Settings(
        alpha=own["alpha"],
        loss=own["loss"],
        norm=int(own["norm"] or 2),
        max_seconds=own["max_seconds"],
        jobs=jobs,
    )
    table = reading.table(files.data)
    talk.notes(*table.notes)
    from wedgefit.model import yardstick

    with talk.progress() as progress:
        record = yardstick.measure(foreign, table, own["target"], settings, progress)
    talk.result(record, "yardstick")
