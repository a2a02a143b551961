"""The command line: options → one call → render → exit code.

Only click and the error tree are imported at the top: numpy, scikit-learn and rich load inside the
commands that need them, so that ``--help`` and ``predict`` start at once.
"""

import sys

import click

from wedgefit import __version__
from wedgefit.cli import streams
from wedgefit.cli.commands.certify import certify
from wedgefit.cli.commands.compare import compare
from wedgefit.cli.commands.evaluate import evaluate
from wedgefit.cli.commands.explain import explain
from wedgefit.cli.commands.export import export
from wedgefit.cli.commands.path import path
from wedgefit.cli.commands.plot import plot
from wedgefit.cli.commands.polish import polish
from wedgefit.cli.commands.predict import predict
from wedgefit.cli.commands.report import report
from wedgefit.cli.commands.train import train
from wedgefit.cli.help import HELP
from wedgefit.cli.output import forget_standard_output


class Program(click.Group):
    """The commands together, on streams that may be closed or full."""

    def main(self, *args, **more):
        streams.prepare()
        try:
            return super().main(*args, **more)
        except OSError as error:
            # Only help and completion are written by click itself.
            forget_standard_output()
            click.echo(f"Error: standard output: {error.strerror}.", err=True)
            sys.exit(1)


@click.group(
    cls=Program,
    context_settings=HELP,
    epilog="""
\b
Start:
  wedgefit train data.csv         fit; writes wedgefit.json and prints a report
  wedgefit explain                what each column does, and the wedges behind it
  wedgefit predict new.csv        predictions as CSV; with --proba probabilities
  wedgefit certify data.csv       the promises of the report, recomputed
\b
Tab completion (bash; zsh and fish likewise), in your ~/.bashrc:
  eval "$(_WEDGEFIT_COMPLETE=bash_source wedgefit)"
""",
)
@click.version_option(__version__, prog_name="wedgefit", message="%(prog)s %(version)s")
def main():
    """Train ReLU networks to certified global optimality on CSV files.

    Every hidden neuron is a hinge through a few of your own rows, and the report says how much a
    better network could still gain. DATA is a CSV file with a header line, or - for standard input.
    """


for command in (
    train,
    explain,
    predict,
    evaluate,
    compare,
    path,
    certify,
    polish,
    export,
    plot,
    report,
):
    main.add_command(command)
