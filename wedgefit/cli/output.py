"""Where results go: standard output, files that are whole or not there, and places that cannot be
written."""

import csv
import errno
import io
import json
import os
import sys
from contextlib import suppress

import click

from wedgefit.errors import UsageError, WedgefitError

# What ``train`` writes, and all others read, unless told otherwise.
MODEL_FILE = "wedgefit.json"
STANDARD_STREAM = "-"
# A file name may hold bytes that are no text; "\udc80" is how both Python and JSON spell them.
ESCAPE = "backslashreplace"


def write_out(text: str | bytes) -> None:
    """Write to standard output, all of it; the only door to it.

    A reader who has seen enough (``| head``) ends the program quietly; any other trouble is a
    failure.
    """
    if sys.stdout is None:
        raise click.ClickException("standard output is closed, and the result goes there.")
    try:
        # Standard output may be unable to write what names of columns contain; a ? is better than
        # no report.
        if isinstance(text, str) and (codec := getattr(sys.stdout, "encoding", None)):
            text = text.encode(codec, "replace").decode(codec)
        click.echo(text, nl=False)
    except OSError as error:
        forget_standard_output()
        if error.errno == errno.EPIPE:
            raise click.exceptions.Exit(0) from None
        raise click.ClickException(f"standard output: {error.strerror}.") from None


def forget_standard_output() -> None:
    # What is still in the buffer would fail again when Python shuts down, with a message and exit
    # code of its own.
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def json_text(record: dict) -> str:
    """A record as JSON at full precision."""
    return json.dumps(record, allow_nan=False, ensure_ascii=False, indent=2) + "\n"


def check_output(path: str, *inputs: str, option: str = "-o") -> None:
    """Refuse a place that cannot be written, before the work rather than after it; ``option`` is
    where it was given."""
    if path == STANDARD_STREAM:
        return
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise WedgefitError(
            "this is a folder.", where=path, remedy=f"Give {option} the name of a file."
        )
    if not os.path.isdir(folder):
        raise WedgefitError(
            "there is no such folder to write to.",
            where=folder,
            remedy=f"Make it, or choose another {option}.",
        )
    if os.path.exists(path) and any(
        os.path.exists(name) and os.path.samefile(name, path) for name in inputs
    ):
        raise UsageError(
            "this file would be overwritten by the output.",
            where=path,
            remedy=f"Choose another {option}.",
        )
    place = folder if not os.path.exists(path) or os.path.isfile(path) else path
    if not os.access(place, os.W_OK):
        raise WedgefitError(
            "no permission to write here.", where=place, remedy=f"Choose another {option}."
        )


def deliver(content: bytes, output: str, talk, record: dict) -> None:
    """Write a file whole or not at all, and say where it is: on standard error, or with --json as a
    record."""
    from wedgefit.files import write_whole

    if output == STANDARD_STREAM:
        write_out(content)
        return
    write_whole(output, content)
    if talk.json:
        write_out(
            json_text(record | {"output": output, "bytes": len(content)}).encode(errors=ESCAPE)
        )
    elif not talk.quiet:
        click.echo(f"Written to {output}.", err=True)


def check_stream(output: str, talk) -> None:
    if output == STANDARD_STREAM and talk.json:
        raise click.UsageError(
            "--json and -o - both want standard output: give -o a file, or leave --json out."
        )


def csv_text(columns: dict[str, list]) -> str:
    """The columns as CSV, numbers at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()
