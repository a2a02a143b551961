"""``wedgefit certify``."""

from dataclasses import dataclass

import click

from wedgefit.cli.arguments import FILE, Files, model_and_data
from wedgefit.cli.failures import Command
from wedgefit.cli.options import (
    Reading,
    Talk,
    delivers,
    jobs_option,
    network_options,
    reading,
    talking,
)
from wedgefit.learning.settings import TOL, Options, Settings
from wedgefit.records import plain
from wedgefit.setting import settings_of


@dataclass(frozen=True)
class More:
    """What is asked for beside the claims of the model."""

    everything: bool
    without: tuple[str, ...]
    unique: bool
    bends: int | None

    @property
    def options(self) -> list[str]:
        """The options that were given."""
        given = {"--all": self.everything, "--without": self.without, "--unique": self.unique}
        given["--bends"] = self.bends is not None
        return [option for option, value in given.items() if value]


MORE = {
    "everything": click.option(
        "--all",
        "everything",
        is_flag=True,
        help="Train again as well, and check what only that can tell: scores of the folds, notes.",
    ),
    "without": click.option(
        "--without",
        multiple=True,
        metavar="NAME|A:B|order=K",
        help="Also prove what it costs the objective to leave out a column, a pair of columns, or"
        " all neurons that read K columns or more. Repeatable.",
    ),
    "unique": click.option(
        "--unique",
        is_flag=True,
        help="Also say whether there is one optimum, else how large each column's share can be.",
    ),
    "bends": click.option(
        "--bends",
        type=click.IntRange(min=0),
        metavar="K",
        help="Of one column, also find the best broken lines of up to K bends, proven, beside the"
        " model's line.",
    ),
}


@click.command("certify", cls=Command)
@model_and_data
@click.option(
    "--weights",
    type=FILE,
    metavar="NET",
    help="Measure a network trained elsewhere instead: JSON or ONNX.",
)
@network_options("With --weights")
@delivers("more", More, **MORE)
@jobs_option
@reading
@talking
def certify(files, weights, own, more, jobs, reading, talk):
    """Check the claims of MODEL against its training DATA.

    Every figure is recomputed from the rows and the weights in MODEL alone. What only training
    again could tell is listed as not checked; --all trains again.

    Exits with 1 when a stored figure and the recomputed one disagree.

    With --without: how much larger the best objective is without a column, a pair, or all neurons
    of an order, at the same alpha; proven from both sides, about these rows.

    With --bends K: of all lines that bend at most K times, at values of rows, the best ones; so how
    few bends would do as well as the model's.

    With --weights NET: how far is the training objective of a two-layer ReLU network from elsewhere
    above the certified optimum for its own weight decay?

    \b
    Examples:
      wedgefit certify data.csv
      wedgefit certify small.json data.csv && echo "as promised"
      wedgefit certify data.csv --all
      wedgefit certify data.csv --unique
      wedgefit certify data.csv --without age --without age:weight --without order=2
      wedgefit certify data.csv --bends 6
      wedgefit certify data.csv --weights net.json
      wedgefit certify data.csv --weights net.onnx --alpha 0.001 --target price
    """
    if weights is not None and more.options:
        raise click.UsageError(
            f"{more.options[0]} is for models: a network from elsewhere was not trained here."
        )
    if weights is None and own:
        option = settings_of(Options)[next(iter(own))].option
        raise click.UsageError(f"{option} is for --weights: a model knows it.")
    if weights is not None:
        _measure(files, weights, own, jobs, reading, talk)
    else:
        _audit(files, more, jobs, reading, talk)


def _audit(files: Files, more: More, jobs: int | None, reading: Reading, talk: Talk) -> None:
    """A model held against its data, and what is asked for besides."""
    model = files.load(talk)
    table = files.table(
        model,
        reading,
        target=True,
        ids=True,
        weight=model.data.weight,
        group=model.data.group if more.everything else None,
        time=model.data.time if more.everything else None,
        left_out=True,
    )
    talk.notes(*table.notes)
    # Only now what is large: a wrong name is told before.
    from wedgefit.model import audit, cost, left_out, uniqueness
    from wedgefit.model import bends as broken

    if more.unique:
        uniqueness.check(model)
    if more.bends is not None:
        broken.check(model, more.bends)
    parts = left_out.parts_named(model, more.without)
    found, asked = audit.certify(model, table, jobs=jobs, everything=more.everything), {}
    if parts and found.agrees:
        with talk.progress() as progress:
            asked["without"] = cost.costs(model, table, found.certificate, parts, progress, jobs)
    if more.unique and found.agrees:
        asked["unique"] = uniqueness.uniqueness(model, table, jobs)
    if more.bends is not None and found.agrees:
        asked["bends"] = broken.bends(model, table, more.bends)
    talk.result(plain(found) | plain(asked), "certify")
    if not found.agrees:
        raise click.ClickException(found.message)


def _measure(
    files: Files, weights: str, own: dict, jobs: int | None, reading: Reading, talk: Talk
) -> None:
    """The yardstick: ``certify`` with ``--weights``."""
    if files.model is not None:
        raise click.UsageError(
            "MODEL and --weights NET exclude each other: give DATA and one of them."
        )
    from wedgefit.model.foreign import read_foreign

    foreign = read_foreign(weights)
    target = own.pop("target", ())
    settings = Settings(**{"norm": 2, "tol": TOL} | own, jobs=jobs)
    table = reading.table(files.data)
    talk.notes(*table.notes)
    from wedgefit.model import yardstick

    with talk.progress() as progress:
        record = yardstick.measure(foreign, table, target, settings, progress)
    talk.result(plain(record), "yardstick")
