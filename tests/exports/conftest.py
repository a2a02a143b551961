"""A PostgreSQL server for the tests, where one is installed."""

import os
import shutil
import subprocess
import tempfile
from functools import partial

import pytest


@pytest.fixture(scope="session")
def postgresql():
    """Runs SQL in a PostgreSQL server of its own, without a port; skips where none is installed or
    may be started."""
    if absent := [program for program in ("initdb", "pg_ctl", "psql") if not shutil.which(program)]:
        pytest.skip(f"PostgreSQL is not installed: there is no {', '.join(absent)}")
    # The server refuses to run as root, and its account cannot enter the folders of pytest.
    root = os.getuid() == 0
    if root and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    account = ["runuser", "-u", "postgres", "--"] if root else []
    with tempfile.TemporaryDirectory() as folder:
        if root:
            shutil.chown(folder, "postgres")
        run = partial(subprocess.run, cwd="/", text=True, capture_output=True)
        made = run(
            [
                *account,
                "initdb",
                "-D",
                f"{folder}/db",
                "-U",
                "tester",
                "-E",
                "UTF8",
                "--locale",
                "C",
                "-A",
                "trust",
            ]
        )
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        started = run(
            [
                *account,
                "pg_ctl",
                "-D",
                f"{folder}/db",
                "-w",
                "-o",
                options,
                "-l",
                f"{folder}/log",
                "start",
            ]
        )
        if made.returncode or started.returncode:
            pytest.skip(f"PostgreSQL does not start: {made.stderr or started.stderr}")
        try:
            psql = [
                "psql",
                "-X",
                "-q",
                "-h",
                folder,
                "-U",
                "tester",
                "-d",
                "postgres",
                "--csv",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
            ]
            yield lambda script: run([*account, *psql], input=script)
        finally:
            run([*account, "pg_ctl", "-D", f"{folder}/db", "-m", "immediate", "stop"])
