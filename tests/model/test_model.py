"""The model file: what was saved is what is loaded, and anything else is refused with one clear
line."""

import copy
import json
import os
import stat
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wedgefit.data.cells import Column
from wedgefit.data.table import Table
from wedgefit.errors import ModelFileError, WedgefitError
from wedgefit.files import write_whole
from wedgefit.model import record as model_module
from wedgefit.model.build import Options, train
from wedgefit.model.file import load, loads
from wedgefit.model.record import MODEL_SCHEMA
from wedgefit.views.explain import explain
from wedgefit.views.tables import explain as rendered
from wedgefit.views.terminal import to_text
from wedgefit.watch import Silent


def table(rows=30, seed=0, label=False, ids=None):
    """Numbers, numbers with gaps, text, and a target: numbers, two labels (True) or three (3); rows
    named by numbers or texts."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(5, 2, size=rows)
    town = rng.choice(["Bonn", "Köln", "Ulm"], size=rows).astype(object)
    y = np.abs(a) + 0.3 * b + (town == "Ulm")
    b[3::8] = np.nan
    parts = np.digitize(y, np.quantile(y, [0.5] if label is True else [0.3, 0.6]))
    target = (
        Column("y", "category", np.array(["down", "up", "top"], dtype=object)[parts])
        if label
        else Column("y", "numeric", y)
    )
    columns = [
        Column("a", "numeric", a),
        Column("b", "numeric", b),
        Column("town", "category", town),
        target,
    ]
    row_ids = [f"p{i}" for i in range(rows)] if ids else list(range(1, rows + 1))
    return Table(
        "t.csv",
        ",",
        row_ids,
        np.arange(2, rows + 2),
        {column.name: column for column in columns},
        id_column=ids,
    )


@cache
def trained(label=False, ids=None, ratio=0.05):
    return train(table(label=label, ids=ids), Options(alpha_ratio=ratio), Silent())


def record(**options):
    """The JSON data of a model file."""
    return json.loads(trained(**options).dumps())


def refused(data, *words):
    """The one line with which this data is refused; it names these words."""
    with pytest.raises(ModelFileError) as caught:
        loads(data if isinstance(data, str) else json.dumps(data))
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400
    for word in words:
        assert word in text, f"{word!r} is not in {text!r}"
    return text


# Round trip ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label": True},
        {"label": 3},
        {"ids": "name"},
        {"ratio": 2.0},
        {"label": 3, "ratio": 2.0},
    ],
    ids=str,
)
def test_load_gives_back_what_was_saved(options, tmp_path):
    """Bit for bit: predictions of a loaded model may not differ in the last digit."""
    model, path = trained(**options), tmp_path / "m.json"
    model.save(path)
    again = load(path)
    new = table(50, seed=1)
    assert np.array_equal(again.scores(new), model.scores(new))
    assert again.predict(new) == model.predict(new)
    assert again.dumps() == model.dumps() == path.read_text(encoding="utf-8")
    assert again.report() | {"seconds": None} == json.loads(
        json.dumps(model.report() | {"seconds": None})
    )
    assert (again.anchors, again.neurons, again.certificate) == (
        model.anchors,
        model.neurons,
        model.certificate,
    )


def test_the_file_is_plain_json_and_reproducible(tmp_path):
    """No NaN, no timings, no pickle: the same training gives the same bytes."""
    text = train(table(), Options(alpha_ratio=0.05), Silent()).dumps()
    assert text == trained().dumps()
    data = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert data["schema"] == MODEL_SCHEMA and "seconds" not in data
    assert "Köln" in text


def test_classes_are_predicted_by_name():
    model = trained(label=True)
    data = table(label=True)
    expected = ["up" if score > 0 else "down" for score in model.scores(data)]
    assert model.predict(data) == expected and set(expected) == {"up", "down"}
    truth = data.column("y").values.tolist()
    assert np.mean([a == b for a, b in zip(expected, truth)]) > 0.9


def test_network_of_the_model_is_its_neurons():
    model = trained()
    (normals, offsets), z = model.units(1), model.coefficients
    X = model.encoding.transform(table())
    by_hand = model.intercept + np.maximum(X @ normals.T + offsets, 0) @ z
    np.testing.assert_allclose(model.network.forward(X), by_hand, rtol=1e-12)
    for neuron in model.neurons:
        for row in neuron.samples:
            w = [neuron.weights.get(name, 0.0) for name in model.encoding.names]
            assert abs(np.dot(w, model.anchors[row]) + neuron.bias) <= 1e-12


# Damage -------------------------------------------------------------------------------------------


def places(value, path=()):
    """The path of every value inside JSON data."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for position in range(len(value)):
            yield from places(value[position], (*path, position))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def changed(data, path, value):
    data = copy.deepcopy(data)
    at(data, path[:-1])[path[-1]] = value
    return data


REQUIRED = [
    (key,) for key in (
        "data", "problem", "certificate", "stages", "score", "intercept",
        "neurons", "samples", "version", "notes", "anchors", "encoding",
    )
] + [
    ("data", key) for key in (
        "source", "rows", "columns", "target", "task", "classes", "outputs",
        "id", "weight", "group", "rows_left_out", "left_out",
    )
] + [
    ("problem", key) for key in (
        "loss", "alpha", "alpha_max", "norm", "order", "layers", "hidden_bias",
        "intercept", "standardized", "class_weight", "refitted",
    )
] + [
    ("certificate", key) for key in (
        "objective", "lower_bound", "relative_gap", "scope", "wedges_total",
        "wedges_priced", "network_lower_bound", "network_relative_gap",
    )
] + [
    ("neurons", 0, key) for key in (
        "id", "layer", "order", "columns", "samples", "weights",
        "bias", "coefficient", "output", "active_rows", "share",
    )
] + [
    ("anchors", 0, key) for key in ("id", "values")
] + [
    ("encoding", key) for key in ("inputs", "features", "target", "left_out", "standardized")
]  # fmt: skip


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: ".".join(map(str, path)))
def test_every_missing_key_is_named(path):
    data = record()
    del at(data, path[:-1])[path[-1]]
    refused(data, path[-1])


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: ".".join(map(str, path)))
def test_every_wrong_type_is_refused_by_name(path):
    """A value that no place allows: a list of null."""
    refused(changed(record(), path, [None]), str(path[-1]) if path[0] != "anchors" else "anchors")


NUMBERS = [
    ("intercept",), ("problem", "alpha"), ("problem", "alpha_max"),
    ("certificate", "objective"), ("certificate", "lower_bound"),
    ("certificate", "network_lower_bound"), ("neurons", 0, "bias"),
    ("neurons", 0, "coefficient"), ("neurons", 0, "weights"),
    ("anchors", 0, "values", 0), ("encoding", "features", 0, "scale"), ("stages", 0, "objective"),
]  # fmt: skip


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1e999", '"1"', "true", "1" + "0" * 400]
)
@pytest.mark.parametrize("path", NUMBERS, ids=lambda path: ".".join(map(str, path)))
def test_numbers_are_finite_numbers(path, value):
    """JSON as Python writes it knows NaN; a weight that is one would make every prediction NaN."""
    data = record()
    if path[-1] == "weights":
        path = (*path, next(iter(at(data, path))))
    text = json.dumps(changed(data, path, "HERE")).replace('"HERE"', value)
    refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"wedgefit.model/1"',
        "{}",
        '{"schema": 1}',
        '{"schema": "wedgefit.report/1"}',
        "\ufeff{}",
    ],
)
def test_other_files_are_not_model_files(text):
    refused(text, "this is not")


def test_deeply_nested_json_is_refused():
    """Python's parser gives up with a RecursionError, which is no ValueError."""
    refused("[" * 100_000 + "]" * 100_000)


def test_other_versions_are_named_with_a_remedy():
    text = refused(
        changed(record(), ("schema",), "wedgefit.model/1"), "wedgefit.model/1", MODEL_SCHEMA
    )
    assert "Train" in text


def test_lengths_and_names_must_agree():
    data = record()
    sample, name = data["anchors"][0]["id"], data["neurons"][0]["columns"][0]
    refused(changed(data, ("anchors", 0, "values"), [1.0]), "anchors[0]", f"not 1 for row {sample}")
    refused(changed(data, ("neurons", 0, "weights"), {"nonesuch": 1.0}), "neurons[0]", "nonesuch")
    refused(changed(data, ("neurons", 0, "samples"), [999]), "neurons[0]", "999")
    refused(changed(data, ("encoding", "features", 0, "scale"), 0.0), "scale")
    assert name in data["neurons"][0]["weights"]


@pytest.mark.parametrize(
    "label, name, value, words",
    [
        (
            True,
            "loss",
            "hinge",
            'problem.loss should be "squared" or "huber" or "quantile" or "poisson" or "gamma" or '
            '"logistic" or "softmax", not "hinge"',
        ),
        (
            False,
            "loss",
            "logistic",
            'problem.loss should be "squared" in a regression, not "logistic"',
        ),
        (
            True,
            "class_weight",
            "heavy",
            'problem.class_weight should be "balanced" or null, not "heavy"',
        ),
        (False, "class_weight", "balanced", "problem.class_weight should be null in a regression"),
        (True, "refitted", True, "only networks of the squared loss"),
        (True, "alpha", -1.0, "problem.alpha should be a number above 0, not -1.0"),
        (False, "alpha", 0, "problem.alpha should be a number above 0, not 0"),
    ],
)
def test_the_problem_must_make_sense(label, name, value, words):
    """The commands rely on it: an unknown loss would be a KeyError, a negative alpha a bound of
    minus infinity, which is no JSON."""
    refused(changed(record(label=label), ("problem", name), value), words)


@pytest.mark.parametrize(
    "path",
    [("neurons", 0, "extra"), ("certificate", "extra"), ("anchors", 0, "extra"), ("extra",)],
    ids=str,
)
def test_unknown_keys_are_refused_or_ignored(path):
    """A key from a later version must not end in a TypeError."""
    try:
        loads(json.dumps(changed(record(), path, 1)))
    except ModelFileError as error:
        assert "extra" in str(error)


def test_load_names_the_file(tmp_path):
    path = tmp_path / "m.json"
    with pytest.raises(ModelFileError, match="no such model file") as caught:
        load(path)
    assert str(path) in str(caught.value) and "wedgefit train" in str(caught.value)
    for content in (
        b"\xff\xfe\x00",
        b"{",
        json.dumps(changed(record(), ("intercept",), None)).encode(),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load(tmp_path)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.just(10**400),
    st.floats(allow_nan=True), st.text(max_size=3),
    st.sampled_from(["wedgefit.model/1", "a", "y", "numeric", "level", "full", "exact"]),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(0, 1), max_size=2),
)  # fmt: skip
KINDS = st.sampled_from(["replace", "delete", "repeat", "empty", "add", "swap"])


def mutated(data, pick, kind, value):
    """One change at one place of the JSON; ``pick`` in [0, 1)."""
    data = copy.deepcopy(data)
    everywhere = [path for path in places(data) if path]
    path = everywhere[int(pick * len(everywhere))]
    parent, key = at(data, path[:-1]), path[-1]
    if kind == "delete":
        del parent[key]
    elif kind == "repeat" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif kind == "empty" and isinstance(parent[key], (list, dict)):
        parent[key] = type(parent[key])()
    elif kind == "add" and isinstance(parent, dict):
        parent["extra"] = value
    elif kind == "swap":
        other = everywhere[int((pick * 7919) % 1 * len(everywhere))]
        parent[key] = (
            copy.deepcopy(at(data, other))
            if other[: len(path)] != path and path[: len(other)] != other
            else value
        )
    else:
        parent[key] = value
    return data


def loaded(data):
    """The model, or None where the data is refused as it should be."""
    try:
        return loads(json.dumps(data))
    except ModelFileError as error:
        assert "\n" not in str(error)
        return None


@settings(max_examples=30)
@given(st.sampled_from([False, True, 3]), st.floats(0, 1, exclude_max=True), KINDS, VALUES)
def test_any_change_is_refused_or_works(label, pick, kind, value):
    """Whatever a disk or an editor did to the file: a ModelFileError of one line, or a model that
    every command can use or refuses in words; never another exception."""
    model = loaded(mutated(record(label=label), pick, kind, value))
    if model is not None:
        for use in (
            lambda: model.predict(table()),
            model.report,
            model.dumps,
            lambda: to_text(rendered(explain(model)), None),
        ):
            try:
                use()
            except WedgefitError:
                pass


@settings(max_examples=100)
@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True), st.text(max_size=2))
def test_any_damaged_text_loads_or_is_refused(start, length, patch):
    """Cut short, overwritten, patched: the same, below the level of JSON."""
    text = trained().dumps()
    first = int(start * len(text))
    broken = text[:first] + patch + text[first + int(length * length * 50) :]
    try:
        loads(broken)
    except ModelFileError as error:
        assert "\n" not in str(error)


# Writing ------------------------------------------------------------------------------------------


def test_failing_to_write_keeps_the_old_file(tmp_path, monkeypatch):
    """A full disk, a crash: readers see the old model, and no temporary file is left behind."""
    path = tmp_path / "m.json"
    path.write_text("old")

    def fails(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(WedgefitError, match="m.json: cannot be written: disk full"):
            trained().save(path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["m.json"]
    with monkeypatch.context() as patch:
        patch.setattr(model_module.Model, "dumps", fails)
        with pytest.raises(OSError, match="disk full"):
            trained().save(path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["m.json"]


def test_names_that_are_no_text_come_back(tmp_path):
    """A file name may hold bytes that are no UTF-8; JSON can spell them, and the reader gets the
    same name."""
    path = tmp_path / "m.json"
    write_whole(path, json.dumps("caf\udce9", ensure_ascii=False))
    assert json.loads(path.read_text(encoding="utf-8")) == "caf\udce9" and os.listdir(tmp_path) == [
        "m.json"
    ]


def test_a_link_stays_a_link(tmp_path):
    """The model behind ``latest.json`` is replaced, not the link."""
    path, link = tmp_path / "m.json", tmp_path / "latest.json"
    path.write_text("old")
    link.symlink_to(path)
    write_whole(link, "new")
    assert link.is_symlink() and path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_permissions_are_those_of_a_plain_file(tmp_path):
    """A temporary file is private; a model written over a shared one must stay shared."""
    path = tmp_path / "m.json"
    path.write_text("old")
    path.chmod(0o640)
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and path.read_text() == "new"
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "other.json", "new")
        assert os.umask(0o027) == 0o027, "the umask is put back"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "other.json").stat().st_mode) == 0o640


def test_writing_to_what_is_no_file():
    """``-o /dev/null`` must not replace the device by a file."""
    write_whole(os.devnull, "text")
    assert not Path(os.devnull).is_file()


def test_writing_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole("m.json", "ä")
    assert Path("m.json").read_text(encoding="utf-8") == "ä" and os.listdir() == ["m.json"]
