"""The command line run in process, as tests of several rooms need it."""

import json
from pathlib import Path

from click.testing import CliRunner

from wedgefit.cli import main


def run(*args, code=0, **more):
    done = CliRunner().invoke(main, list(map(str, args)), **more)
    assert done.exit_code == code, done.output
    return done


def strict(text):
    """The JSON document; NaN and infinity are no JSON."""

    def refuse(name):
        raise AssertionError(f"{name} in JSON")

    return json.loads(text, parse_constant=refuse)


def contents():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def fails(*args, code=1, words=(), **more):
    """The command ends with the code and one message that has the words; it prints nothing else and
    writes nothing."""
    before = contents()
    done = CliRunner().invoke(main, list(map(str, args)), **more)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert [line[:6] for line in done.stderr.splitlines()].count("Error:") == 1, done.stderr
    assert "Traceback" not in done.stderr
    message = done.stderr[done.stderr.index("Error:") :].strip()
    assert "\n" not in message
    for word in words:
        assert word in message
    assert contents() == before
    return message
