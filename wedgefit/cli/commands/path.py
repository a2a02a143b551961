"""``wedgefit path``."""

import click

from wedgefit.cli.arguments import data_argument, training_table
from wedgefit.cli.failures import Command
from wedgefit.cli.options import id_option, path_fitting, reading, talking

# What to do where a stage would take long.
QUICKER = {"cross-validation": "--order 1 is quicker, and so are fewer folds, as with --cv 2"}


@click.command("path", cls=Command)
@data_argument
@path_fitting
@id_option
@reading
@talking
def path(data, id_column, options, reading, talk):
    """Show how size and score depend on alpha.

    The regularisation path of DATA: neurons, samples, objective, gap and cross-validated score for
    every alpha.

    \b
    Examples:
      wedgefit path data.csv
      wedgefit path data.csv --order 1 --cv 10 --scoring mae
      wedgefit path data.csv --json | jq .chosen
    """
    table, options = training_table(data, id_column, options, reading)
    # Told before the fit, which may fail for what the notes say.
    talk.notes(*table.notes)
    from wedgefit.model.whole_path import path as whole_path

    with talk.progress(QUICKER) as progress:
        found = whole_path(table, options, progress)
    talk.notes(*(note for note in found.notes if note not in table.notes))
    talk.result(found.report(), "path")
