"""A Parquet file is the same table as the CSV file of its rows."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from shell import fails, run, strict

from wedgefit.data.reading import Reading
from wedgefit.data.table import read_table
from wedgefit.errors import TableError, UsageError

duckdb = pytest.importorskip("duckdb")

ROWS = """
    SELECT * FROM (VALUES
        (1::TINYINT, 0.1::DOUBLE, 0.1::FLOAT, 12.50::DECIMAL(5, 2), 'Köln', TRUE,
         DATE '2024-02-29'),
        (-2, 1e300, -0.5, 0.01, 'Ulm, "Donau"', FALSE, DATE '1999-12-31'),
        (NULL, 'NaN'::DOUBLE, NULL, NULL, NULL, NULL, NULL)
    ) AS t(whole, double, single, money, town, flag, day)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(query, name="d.parquet"):
    with duckdb.connect() as database:
        database.execute(f"COPY ({query}) TO '{name}' (FORMAT parquet)")
    return name


def test_values_are_those_of_the_file():
    table = read_table(written(ROWS))
    numbers = {name: table.columns[name].values for name in ("whole", "double", "single", "money")}
    np.testing.assert_array_equal(numbers["whole"], [1, -2, np.nan])
    np.testing.assert_array_equal(numbers["double"], [0.1, 1e300, np.nan])
    np.testing.assert_array_equal(numbers["single"], [float(np.float32(0.1)), -0.5, np.nan])
    np.testing.assert_array_equal(numbers["money"], [12.5, 0.01, np.nan])
    texts = {name: list(table.columns[name].values) for name in ("town", "flag", "day")}
    assert texts["town"] == ["Köln", 'Ulm, "Donau"', None]
    assert texts["flag"] == ["True", "False", None]
    assert texts["day"] == [str(datetime.date(2024, 2, 29)), "1999-12-31", None]
    assert table.row_ids == range(1, 4)


def test_numbers_follow_the_reading_of_a_model():
    """One that was trained on 1.234,5 reads the same numbers here."""
    name = written("SELECT 0.5 AS x, 1234.5::DOUBLE AS y, DATE '2024-01-02' AS day")
    table = read_table(name, reading=Reading(decimal=",", thousands="."))
    assert table.columns["x"].values[0] == 0.5 and table.columns["y"].values[0] == 1234.5
    assert table.columns["day"].values[0] == "2024-01-02"


def test_a_model_is_that_of_the_csv_file():
    query = "SELECT i % 11 AS x, ['Ulm', 'Hof'][1 + i % 2] AS town, abs(i % 11 - 4) + i % 2 AS y"
    query += " FROM range(40) t(i)"
    written(query)
    with duckdb.connect() as database:
        database.execute(f"COPY ({query}) TO 'd.csv' (HEADER)")
    for name in ("d.parquet", "d.csv"):
        run("train", name, "--alpha-ratio", "0.05", "-o", f"{name}.json", "-q")
    one, other = (strict(Path(f"d.{kind}.json").read_text()) for kind in ("parquet", "csv"))
    assert one["neurons"] == other["neurons"] and one["score"] == other["score"]
    run("certify", "d.parquet.json", "d.csv")
    done = run("predict", "d.csv.json", "d.parquet", "--append")
    assert done.stdout.splitlines()[0] == "x,town,y,prediction_y"
    assert len(done.stdout.splitlines()) == 41


def test_what_is_no_table_is_refused():
    Path("no.parquet").write_text("x,y\n1,2\n")
    message = fails("train", "no.parquet", words=["cannot be read as Parquet"])
    assert "no.parquet" in message
    assert "no such file" in fails("train", "absent.parquet")
    written("SELECT 1 AS y, [1, 2] AS several", "list.parquet")
    fails("train", "list.parquet", words=['"several"', "several parts"])
    written("SELECT 1 AS y WHERE FALSE", "empty.parquet")
    fails("train", "empty.parquet", words=["no data rows"])
    written("SELECT 1 AS y", "a[1].parquet")
    with pytest.raises(TableError, match="Rename it"):
        read_table("a[1].parquet")


@pytest.mark.parametrize(
    "options", [("--no-header",), ("--delimiter", ";"), ("--encoding", "latin-1")]
)
def test_options_of_csv_files_are_refused(options):
    written("SELECT 1 AS x, 2 AS y")
    assert "are for CSV" in fails("train", "d.parquet", *options, code=2)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    written("SELECT 1 AS x, 2 AS y")
    monkeypatch.setattr("wedgefit.data.parquet_file.find_spec", lambda name: None)
    fails("train", "d.parquet", words=["pip install"])
    with pytest.raises(UsageError):
        read_table("d.parquet", reading=Reading(header=False))
