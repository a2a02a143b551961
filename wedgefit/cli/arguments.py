"""MODEL and DATA: which of the files that were named is which, and what is in them."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace

import click

from wedgefit.cli.options import Reading, Talk
from wedgefit.cli.output import MODEL_FILE
from wedgefit.data.settings import SHAPES
from wedgefit.data.words import shown

FILE = click.Path(allow_dash=True)
data_argument = click.argument("data", type=FILE)


@dataclass(frozen=True)
class Files:
    """The files of a command. ``model`` is None where nobody named one: then it is the one that
    ``train`` writes by default, and the user is told."""

    model: str | None = None
    data: str | None = None

    @property
    def model_file(self) -> str:
        return MODEL_FILE if self.model is None else self.model

    @property
    def named(self) -> tuple[str, ...]:
        """All that are read."""
        return (self.model_file, *filter(None, [self.data]))

    def load(self, talk: Talk):
        """The model."""
        from wedgefit.model.file import load

        model = load(self.model_file)
        if self.model is None:
            targets = " and ".join(model.encoding.target.names)
            talk.notes(f"the model is {MODEL_FILE}, trained to predict {targets}")
        return model

    def table(
        self,
        model,
        reading: Reading,
        *,
        target: bool = False,
        ids: bool = False,
        weight: str | None = None,
        group: str | None = None,
        time: str | None = None,
        keep_cells: bool = False,
        left_out: bool = False,
    ):
        """The rows of DATA as the model reads them: its inputs, and where they are there its
        ``target``, the columns ``weight``, ``group`` and ``time``, and those that training left
        out for holding nothing.

        With ``ids`` rows go by those of the model if the file has them, each once; else, and by
        default, they count by number. Of models with lags these are made, of the target in the
        rows before.
        """
        lags = model.lags
        if lags is not None:
            from wedgefit.data.lags import with_lags

            target, time, group = True, lags.time, lags.series
        schema = model.encoding.schema(target=target)
        if lags is not None:
            schema = {name: kind for name, kind in schema.items() if name not in lags.names}
        more = dict.fromkeys(filter(None, (group, time)))
        more |= dict.fromkeys(filter(None, (weight, model.data.exposure)), "numeric")
        more |= _kinds_left_out(model) if left_out else {}
        found = reading.table(
            self.data, model=model, schema=more | schema,
            id_column=model.data.id if ids else None,
            apart=[name for name in (group, time) if name is not None],
            keep_cells=keep_cells,
        )  # fmt: skip
        return found if lags is None else with_lags(found, lags)


def _kinds_left_out(model) -> dict[str, str | None]:
    """The kinds of the columns that training left out, as far as they are known."""
    from wedgefit.data.fitting import ALL_RARE

    # What training was told of them stands in the reading; in older models only texts whose levels
    # are all rare betray it. Of the others the cells decide again.
    rare = {ALL_RARE: "category"}
    return {name: rare.get(reason) for name, reason in model.encoding.left_out}


def looks_like_a_model(name: str) -> bool:
    """Whether its name ends in .json, or it is a file that begins as JSON does."""
    # Looking into a pipe would take away what is in it.
    if name.endswith(".json") or not os.path.isfile(name):
        return name.endswith(".json")
    try:
        with open(name, "rb") as file:
            return file.read(64).lstrip().startswith(b"{")
    except OSError:
        return False


def pair_of_files(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Files:
    """One file is DATA, two are MODEL and DATA."""
    if not value:
        raise click.MissingParameter(ctx=ctx, param=param, param_hint="DATA", param_type="argument")
    named = " ".join(map(shlex.quote, value))
    if len(value) > 2:
        raise click.UsageError(f"too many files: {named}. Expected [MODEL] DATA.", ctx)
    # They would be read as CSV, and a complaint about their quotes helps nobody.
    *model, data = value
    if looks_like_a_model(data):
        if model and not looks_like_a_model(model[0]):
            swapped = " ".join(map(shlex.quote, value[::-1]))
            raise click.UsageError(
                f"{shlex.quote(data)} looks like a model, and comes first: swap them ({swapped}).",
                ctx,
            )
        raise click.UsageError(
            f"{shlex.quote(data)} looks like a model, and DATA is missing. Expected [MODEL] DATA.",
            ctx,
        )
    return Files(*model, data=data)


model_and_data = click.argument(
    "files", nargs=-1, type=FILE, metavar="[MODEL] DATA", callback=pair_of_files
)


def training_table(data: str, id_column: str | None, options, reading: Reading):
    """The table to fit, and the options without ``drop``: a stray cell in a dropped column must not
    stop the fit."""
    for name in options.drop:
        roles = {options.weight: "--weight", options.group: "--group"}
        roles |= {options.time: "--time", options.exposure: "--exposure", id_column: "--id"}
        for several in ("target", "keep", *SHAPES):
            roles |= dict.fromkeys(getattr(options, several), f"--{several}")
        if role := roles.get(name):
            raise click.UsageError(f"{shown(name)} is both in --drop and in {role}: choose one.")
    skipped = dict.fromkeys(options.drop, "skip")
    apart = [name for name in (options.group, options.time) if name is not None]
    table = reading.table(data, types=skipped, id_column=id_column, apart=apart)
    return table, replace(options, drop=())
