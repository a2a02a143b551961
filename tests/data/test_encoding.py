"""The encoding as a whole: new tables, storage, damage."""

import copy
import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from encoded import NAN, encode, error_of, fit, make, new
from hypothesis import given
from hypothesis import strategies as st

from wedgefit.data.columns import MISSING, RARE
from wedgefit.data.encoding import Encoding
from wedgefit.data.table import read_table
from wedgefit.errors import ColumnError, ModelFileError, WedgefitError
from wedgefit.records import plain, read

SAMPLES = Path(__file__).parents[2] / "sample_data"


def test_transform_starts_without_sklearn():
    code = (
        "import sys, json; from wedgefit.data.encoding import Encoding;"
        "from wedgefit.data.table import read_table; from wedgefit.records import read;"
        "e = read(Encoding, json.load(sys.stdin)); t = read_table(sys.argv[1]);"
        "e.transform(t); e.target_values(t);"
        "assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules"
    )
    encoding, _ = encode(read_table(SAMPLES / "titanic.csv"))
    subprocess.run(
        [sys.executable, "-c", code, str(SAMPLES / "titanic.csv")],
        input=json.dumps(plain(encoding)),
        text=True,
        check=True,
        cwd=SAMPLES.parent,
    )


def test_columns_are_matched_by_name():
    encoding, design = fit(a=[1, 2, 4.0], b=["u", "v", "u"])
    again = encoding.transform(make(junk=["?"] * 3, b=["u", "v", "u"], a=[1, 2, 4.0]))
    assert again.tobytes() == design.X.tobytes()
    assert encoding.transform(make(a=[1.0], b=["u"]).take([])).shape == (0, 2)


def test_missing_columns_are_named_at_once():
    encoding, _ = fit(a=[1, 2, 4.0], b=["u", "v", "u"], c=[1, 2, 3])
    for method in (encoding.transform, encoding.unseen):
        assert '2 columns are missing: "a", "b"' in error_of(ColumnError, method, make(c=[1]))
        assert 'there is no column "b". Did you mean "B"?' in error_of(
            ColumnError, method, make(a=[1], B=["u"], c=[1])
        )


def test_text_where_numbers_are_expected():
    encoding, _ = fit(a=[1, 2, 4.0])
    message = error_of(ColumnError, encoding.transform, make(a=["1", None, "x"]))
    assert 't.csv, row 3 (line 4), column "a": "x" is not a number' in message
    assert new(encoding, a=["007", None])["a"] == new(encoding, a=[7, NAN])["a"]


@pytest.mark.parametrize(
    "levels, number, level",
    [
        (["7", "x"], 7.0, "7"),
        (["007", "x"], 7.0, "007"),
        (["1.50", "x"], 1.5, "1.50"),
        (["7.0", "7", "x"], 7.0, "7"),
        (["07", "7", "x"], 7.0, "7"),
        (["0", "x"], 0.0, "0"),
        (["1e3", "x"], 1000.0, "1e3"),
    ],
)
def test_numbers_where_text_is_expected(levels, number, level):
    encoding, _ = fit(c=levels * 2 + ["many"] * 3)
    assert {name: value for name, (value,) in new(encoding, c=[number]).items() if value} == {
        f"c = {level}": 1
    }
    assert encoding.unseen(make(c=[number, 12.0, 0.25, NAN])) == {"c": (MISSING, "0.25", "12")}


def test_values_out_of_range():
    error_of(ColumnError, fit, a=[1.7e308, 1.6e308, -1.7e308])
    encoding, _ = fit(a=[1e-200, 2e-200, 4e-200])
    old = dataclasses.replace(
        encoding, inputs=(dataclasses.replace(encoding.inputs[0], limits=(None, None)),)
    )
    assert encoding.transform(make(a=[4e-200, 1e200])).std() == 0
    assert 'row 2 (line 3), column "a": the value 1e+200 is too large' in error_of(
        ColumnError, old.transform, make(a=[0, 1e200])
    )


def test_schema_reads_new_files_as_in_training(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("zip,junk,a,y\n1.50,1,1,0\n7,2,2,1\n8,x,3,1\n", encoding="utf-8")
    encoding, _ = encode(make(a=[1, 2, 3, 4], zip=["1.50", "x", "7", "7"], y=[0, 1, 1, 0]))
    assert encoding.schema() == {"a": "numeric", "zip": "category"}
    assert encoding.schema(target=True)["y"] == "numeric"
    table = read_table(path, schema=encoding.schema(target=True))
    assert (
        table.columns["zip"].values.tolist() == ["1.50", "7", "8"] and "junk" not in table.columns
    )
    assert encoding.target_values(table).tolist() == [[-1], [1], [1]]
    assert encode(make(a=[1, 2], y=["p", "q"]))[0].schema(target=True)["y"] == "category"


def test_row_permutation_permutes_the_design():
    table = read_table(SAMPLES / "titanic.csv")
    order = np.random.default_rng(0).permutation(table.rows)
    (encoding, design), (moved_encoding, moved) = (
        encode(table),
        encode(table.take(order)),
    )
    assert moved.row_ids == (order + 1).tolist() and moved.names == design.names
    np.testing.assert_allclose(moved.X, design.X[order], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(moved.y, design.y[order])
    assert encoding.inputs == moved_encoding.inputs


def through_json(encoding):
    return read(Encoding, json.loads(json.dumps(plain(encoding), allow_nan=False)))


@pytest.mark.parametrize("name", ["spiral", "mcycle", "concrete", "titanic"])
def test_stored_encodings_are_bit_equal(name):
    table = read_table(SAMPLES / f"{name}.csv")
    encoding, design = encode(table)
    stored = through_json(encoding)
    assert stored == encoding == read(Encoding, plain(encoding)) and repr(stored) == repr(encoding)
    assert (
        stored.transform(table).tobytes()
        == design.X.tobytes()
        == encoding.transform(table).tobytes()
    )
    assert stored.target_values(table).tobytes() == design.y.tobytes()


CELL = st.one_of(
    st.none(),
    st.sampled_from(["a", "b", "é\n", "7", RARE, MISSING]),
    st.text(max_size=3).filter(bool),
)


NUMBER = st.one_of(
    st.just(NAN), st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3).map(float)
)


@given(
    st.integers(2, 25).flatmap(
        lambda n: st.tuples(
            *[st.lists(kind, min_size=n, max_size=n) for kind in (CELL, NUMBER, NUMBER)]
        )
    )
)
def test_any_table_is_stored_bit_equal_or_refused(columns):
    text, number, y = columns
    table = make(n=number, t=text, y=y)
    try:
        encoding, design = encode(table, drop_missing_target=True)
    except WedgefitError as error:
        assert str(error)
        return
    stored = through_json(encoding)
    rows = table.take([row - 1 for row in design.row_ids])
    assert repr(stored) == repr(encoding) and stored.transform(rows).tobytes() == design.X.tobytes()
    assert np.isfinite(design.X).all() and len(set(design.names)) == design.X.shape[1]
    assert (np.ptp(design.X, axis=0) > 0).all() and not encoding.unseen(rows)


GOOD = plain(
    encode(make(a=[1, NAN, 4, 5.0], c=["u", "v", "u", "w"], k=[1, 1, 1, 1], y=[0, 1, 1, 0]))[0]
)


def broken(path, value):
    data = copy.deepcopy(GOOD)
    *parents, last = path
    part = data
    for key in parents:
        part = part[key]
    if value is KeyError:
        del part[last]
    else:
        part[last] = value
    return data


@pytest.mark.parametrize(
    "path, value",
    [
        (["inputs"], KeyError),
        (["inputs"], {}),
        (["inputs", 0], []),
        (["inputs", 0, "fill"], KeyError),
        (["inputs", 0, "extra"], 1),
        (["inputs", 0, "fill"], NAN),
        (["inputs", 0, "fill"], None),
        (["inputs", 0, "fill"], "4"),
        (["inputs", 0, "fill"], True),
        (["inputs", 0, "fill"], 10**400),
        (["inputs", 0, "levels"], ["x"]),
        (["inputs", 0, "kind"], "number"),
        (["inputs", 0, "kind"], []),
        (["inputs", 0, "name"], "c"),
        (["inputs", 0, "name"], "other"),
        (["inputs", 1, "fill"], 1.0),
        (["inputs", 1, "levels"], "u"),
        (["inputs", 1, "levels"], ["u", "u"]),
        (["inputs", 1, "levels"], [1]),
        (["inputs", 1, "rare"], ["u"]),
        (["inputs", 1, "name"], 1),
        (["features"], None),
        (["features", 0, "scale"], 0),
        (["features", 0, "scale"], -1.0),
        (["features", 0, "center"], math.inf),
        (["features", 0, "level"], "u"),
        (["features", 0, "kind"], "level"),
        (["features", 0, "kind"], "fourth"),
        (["features", 0, "name"], None),
        (["features", 0, "source"], "zzz"),
        (["features", 0, "name"], "a is missing"),
        (["features", 2, "level"], "zzz"),
        (["features", 2, "level"], None),
        (["features", 2, "kind"], "missing"),
        (["features", 2, "kind"], "number"),
        (["target"], None),
        (["target", "task"], "auto"),
        (["target", "task"], "regression"),
        (["target", "classes"], None),
        (["target", "classes"], [0]),
        (["target", "classes"], [1, 0]),
        (["target", "classes"], [0, 0]),
        (["target", "classes"], [0, "1"]),
        (["target", "classes"], [0, NAN]),
        (["target", "classes"], [False, True]),
        (["target", "classes"], [None, 1]),
        (["target", "name"], 3),
        (["left_out", 0], ["k"]),
        (["left_out", 0], "kc"),
        (["left_out", 0, 1], 1),
        (["standardized"], 1),
        (["more"], 1),
    ],
)
def test_damaged_encodings(path, value):
    assert read(Encoding, GOOD).left_out == (("k", "constant"),)
    message = error_of(ModelFileError, read, Encoding, broken(path, value))
    assert " should be " in message and "Train the model again." in message


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_not_an_encoding(data):
    error_of(ModelFileError, read, Encoding, data)


def test_records_are_frozen():
    encoding, design = fit(a=[1, 2, 4.0])
    for record in (encoding, design, encoding.target, encoding.inputs[0], encoding.features[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.name = "x"
