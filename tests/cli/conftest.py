"""A folder with a small table, and a model of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from shell import FAST, SMALL

from wedgefit.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test works in a folder of its own with a small table."""
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text(SMALL)
    return tmp_path


@pytest.fixture(scope="session")
def model_text(tmp_path_factory):
    data = tmp_path_factory.mktemp("trained") / "d.csv"
    data.write_text(SMALL)
    done = CliRunner().invoke(main, ["train", str(data), *FAST, "-o", "-", "-q"])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def model(model_text):
    Path("wedgefit.json").write_text(model_text)
    return json.loads(model_text)
