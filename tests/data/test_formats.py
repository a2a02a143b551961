"""A format of files is one room: a toy, defined here alone, is read, trained on and predicted."""

from pathlib import Path

import numpy as np
import pytest
from shell import fails, run

from wedgefit.data import table
from wedgefit.data.sheet import Sheet
from wedgefit.data.table import read_table
from wedgefit.errors import TableError


def read_blocks(source, reading, options):
    """One column a line: ``name: cell cell cell``."""
    lines = Path(source).read_text(options.encoding).splitlines()
    cells = {name.strip(): tuple(rest.split()) for name, rest in (one.split(":") for one in lines)}
    if len({len(column) for column in cells.values()}) > 1:
        raise TableError("columns of different length.", where=source, remedy="Fill them up.")
    rows = len(next(iter(cells.values())))
    return Sheet(source, cells, range(1, rows + 1), notes=("a toy",))


@pytest.fixture(autouse=True)
def blocks(tmp_path, monkeypatch):
    monkeypatch.setitem(table.FORMATS, ".blocks", read_blocks)
    monkeypatch.chdir(tmp_path)
    x = np.arange(40) % 11
    towns = [("Ulm", "Hof")[i % 2] for i in range(40)]
    columns = {"x": x, "town": towns, "y": abs(x - 4) + (np.arange(40) % 2)}
    text = "\n".join(f"{name}: {' '.join(map(str, cells))}" for name, cells in columns.items())
    Path("d.blocks").write_text(text)


def test_a_format_of_its_own_is_read_into_typed_columns():
    found = read_table("d.blocks")
    assert found.columns["x"].kind == "numeric" and found.columns["town"].kind == "category"
    assert found.notes == ("a toy",) and found.rows == 40
    assert read_table("d.BLOCKS".lower(), types={"x": "category"}).columns["x"].values[0] == "0"


def test_every_command_takes_it():
    run("train", "d.blocks", "--alpha-ratio", "0.01")
    run("certify", "d.blocks")
    assert len(run("predict", "d.blocks", "--id", "town").stdout.splitlines()) == 41
    run("explain", "d.blocks", "--row", "3")
    Path("ragged.blocks").write_text("x: 1 2 3\ny: 1 2")
    assert "different length" in fails("train", "ragged.blocks", code=1)
    Path("word.blocks").write_text("x: 1 2 ? 4\ny: 1 2 3 5")
    assert 'row 3 (line 3), column "x": "?" is not' in fails("train", "word.blocks", code=1)
