"""How every command ends: one message and an exit code."""

import os
import traceback

import click

from wedgefit.cli.help import GroupedCommand
from wedgefit.errors import WedgefitError

INTERRUPTED = 130


class Command(GroupedCommand):
    """A command whose every failure is one message and an exit code; a traceback comes only with
    ``--debug``."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BaseException as error:
            if _is_interruption(error):
                # If it hit an import that runs code from text, as namedtuple does, Python has noted
                # that it must die by the signal rather than by our exit code; running any text
                # makes it forget that.
                exec("")
                click.echo("Interrupted.", err=True)
                raise click.exceptions.Exit(INTERRUPTED) from None
            if not isinstance(error, Exception):
                raise
            if ctx.params.get("debug"):
                click.echo(traceback.format_exc(), err=True, nl=False)
            raise failure(error) from None


def _is_interruption(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: compiled modules turn an interrupted import into an
    ImportError."""
    return error is not None and (
        isinstance(error, KeyboardInterrupt) or _is_interruption(error.__cause__)
    )


def failure(error: Exception) -> click.ClickException:
    """What the user reads of an exception, with the exit code."""
    if isinstance(error, WedgefitError):
        failure = click.ClickException(str(error))
        failure.exit_code = error.exit_code
        return failure
    if isinstance(error, MemoryError):
        return click.ClickException(
            "not enough memory. Try fewer rows, --keep fewer columns, or a smaller --order."
        )
    if isinstance(error, OSError) and error.strerror:
        where = (
            f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        )
        return click.ClickException(f"{where}{error.strerror}. --debug shows where it happened.")
    words = (str(error).strip() or "no message").splitlines()[0]
    return click.ClickException(
        f"wedgefit stumbled over a bug ({type(error).__name__}: {words}). "
        "Please report it with the output of --debug."
    )
