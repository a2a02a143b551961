"""Files of older schemas: read by one way up, with the same predictions, and certified."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from as_json import certify
from click.testing import CliRunner

from wedgefit.cli import main
from wedgefit.data.table import read_table
from wedgefit.errors import FitError, ModelFileError
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.file import UPGRADES, load, loads
from wedgefit.model.record import MODEL_SCHEMA
from wedgefit.watch import Silent

FOLDER = Path(__file__).parent / "schema_3"
KINDS = sorted(path.stem for path in FOLDER.glob("*.json"))


def rows_for(model):
    schema = model.encoding.schema(target=True)
    if model.data.weight:
        schema |= {model.data.weight: "numeric"}
    return read_table(FOLDER / "rows.csv", schema=schema, id_column=model.data.id)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_schema_3_predicts_as_it_did(kind):
    """Predictions as the version that wrote the file wrote them down, to all digits."""
    model = load(FOLDER / f"{kind}.json")
    with open(FOLDER / f"{kind}.predicted.csv", encoding="utf-8") as file:
        _, *lines = csv.reader(file)
    width = len(np.atleast_1d(model.predict(rows_for(model))[0]))
    told = [line[-width:] for line in lines]
    found = [np.atleast_1d(row).tolist() for row in model.predict(rows_for(model))]
    if model.encoding.target.task == "classification":
        assert told == found
    else:
        np.testing.assert_array_equal(np.array(told, dtype=float), found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_schema_3_is_certified_and_saved_anew(kind):
    model = load(FOLDER / f"{kind}.json")
    assert certify(model, rows_for(model), jobs=1)["agrees"]
    again = loads(model.dumps())
    assert json.loads(again.dumps())["schema"] == MODEL_SCHEMA
    assert again.dumps() == model.dumps() and model.options == {}


def test_the_way_up_ends_at_the_schema_that_is_written():
    for version in UPGRADES:
        for _ in UPGRADES:
            if version in UPGRADES:
                version, _ = UPGRADES[version]({"schema": version})
        assert version == MODEL_SCHEMA


def two_kinds_of_columns(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{'uv'[i % 2]},{abs(i - 5)}\n" for i in range(12)))
    return train(read_table(path), Options(alpha_ratio=0.1, order=1, jobs=1), Silent())


def test_ends_of_schema_4_have_one_home(tmp_path):
    """It had the range of a column in its distribution too."""
    model = two_kinds_of_columns(tmp_path)
    older = json.loads(model.dumps()) | {"schema": "wedgefit.model/4"}
    for part in older["distributions"]:
        part["range"] = None if part["levels"] else [part["values"][0], part["values"][-1]]
    assert loads(json.dumps(older)).dumps() == model.dumps()
    with pytest.raises(ModelFileError, match="range"):
        loads(json.dumps(older | {"schema": MODEL_SCHEMA}))


@pytest.mark.parametrize(
    "seen, words", [(None, "seen should be there"), ([0.0, 1e-9], "within what was seen")]
)
def test_a_distribution_lies_within_what_was_seen(seen, words, tmp_path):
    data = json.loads(two_kinds_of_columns(tmp_path).dumps())
    data["encoding"]["inputs"][0]["seen"] = seen
    with pytest.raises(ModelFileError, match=words):
        loads(json.dumps(data))


@pytest.mark.parametrize("version", ["wedgefit.model/1", "wedgefit.model/99", "wedgefit.model/"])
def test_other_schemas_are_refused_with_those_that_are_read(version):
    data = json.loads((FOLDER / "classes.json").read_text(encoding="utf-8"))
    with pytest.raises(
        ModelFileError, match=r"reads wedgefit.model/3, wedgefit.model/4, wedgefit.model/5"
    ):
        loads(json.dumps(data | {"schema": version}))


@pytest.mark.parametrize(
    "broken, words",
    [
        ({"rmse": float("inf")}, "not JSON compliant"),
        ({"rmse": [1.0]}, "score.train.rmse should be a number or null"),
    ],
)
def test_what_could_not_be_read_back_is_never_written(broken, words, monkeypatch, tmp_path):
    """Training ends with an error, and whoever saves a model has one that loads."""
    monkeypatch.setattr("wedgefit.model.build.score_values", lambda *_: broken)
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("x,y\n" + "".join(f"{i},{i * i % 7}\n" for i in range(12)))
    Path("wedgefit.json").write_text("old")
    with pytest.raises(FitError, match=f"d.csv: the model cannot be stored: .*{words}"):
        train(read_table("d.csv"), Options(alpha_ratio=0.1, order=1, jobs=1), Silent())
    done = CliRunner().invoke(main, ["train", "d.csv", "--alpha-ratio", "0.1", "--jobs", "1"])
    assert done.exit_code == 1 and Path("wedgefit.json").read_text() == "old"


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda columns: columns[::-1], "one or two input columns, in their order"),
        (lambda columns: columns[:1] * 2, "one or two input columns, in their order"),
        (None, "of distinct columns"),
    ],
)
def test_effects_are_told_apart(change, words, tmp_path):
    """A pair read backwards, a column with itself, an effect that is there twice."""
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{i * i % 7},{abs(i % 7 - i)}\n" for i in range(12)))
    data = json.loads(train(read_table(path), Options(alpha_ratio=0.1, jobs=1), Silent()).dumps())
    pair = next(effect for effect in data["effects"] if len(effect["columns"]) == 2)
    if change is None:
        data["effects"].append(pair)
    else:
        pair["columns"] = change(pair["columns"])
    with pytest.raises(ModelFileError, match=words):
        loads(json.dumps(data))
