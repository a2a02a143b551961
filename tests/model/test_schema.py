"""The published schemas say what the program writes and reads: models of every kind fit, and damage
that the program refuses does not."""

import copy
import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from kinds import kinds

from wedgefit.errors import ModelFileError
from wedgefit.model import network_file
from wedgefit.model.file import loads, published_schema
from wedgefit.model.foreign import read_foreign
from wedgefit.records import to_text

DOCS = Path(__file__).parents[2] / "docs"
KINDS = list(kinds())


@cache
def validator(name):
    schema = json.loads((DOCS / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def changed(record, path, value):
    """A copy with another value at this path; ``...`` removes the key."""
    record = copy.deepcopy(record)
    *way, last = path
    place = record
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return record


def loadable(record):
    try:
        loads(json.dumps(record))
    except ModelFileError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind_fit(kind):
    validator("model.schema.json").validate(json.loads(kinds()[kind].dumps()))


def objects(value, path=()):
    """The path of every key of every object, the first item standing for all of a list."""
    if isinstance(value, dict):
        for key in value:
            yield (*path, key)
            yield from objects(value[key], (*path, key))
    elif isinstance(value, list) and value:
        yield from objects(value[0], (*path, 0))


@pytest.mark.parametrize(
    "kind, parts",
    [
        ("two classes", None),
        # Where these differ from the first.
        pytest.param(
            "deep targets",
            ("intercept", "neurons", "stages", "encoding"),
            marks=pytest.mark.slow,
        ),
        ("deep classes", ("neurons", "stages")),
    ],
)
def test_a_key_is_required_exactly_where_the_program_needs_it(kind, parts):
    record = json.loads(kinds()[kind].dumps())
    # What a missing key makes inconsistent, rather than incomplete, is more than a schema can say.
    related = ("weights", "intercept", "coefficient", "score", "importance")
    # So is a distribution without the ends of what was seen.
    for path in objects(record):
        if parts is not None and path[0] not in parts:
            continue
        without = changed(record, path, ...)
        if path[-1] != "seen" and not any(word in path[:-1] for word in related):
            fits = validator("model.schema.json").is_valid(without)
            assert fits == loadable(without), path


@pytest.mark.parametrize(
    "path, value",
    [
        (("schema",), "wedgefit.model/1"),
        (("data", "rows"), "40"),
        (("data", "target"), None),
        (("problem", "norm"), 3),
        (("problem", "order"), "all"),
        (("problem", "hidden_bias"), 1),
        (("certificate", "scope"), "full"),
        (("certificate", "objective"), None),
        (("stages", 0, "layer"), "1"),
        (("intercept",), None),
        (("intercept",), 1e301),
        (("neurons", 0, "bias"), "0"),
        (("neurons", 0, "weights"), {}),
        (("neurons", 0, "samples"), [1.5]),
        (("neurons", 0, "coefficient"), "z"),
        (("anchors", 0, "values"), [None]),
        (("encoding", "more"), 1),
        (("encoding", "features", 0, "scale"), 0.0),
        (("encoding", "features", 0, "kind"), "text"),
        (("encoding", "target", "classes"), ["a", 1]),
    ],
    ids=str,
)
def test_damage_fits_neither_the_schema_nor_the_program(path, value):
    record = changed(json.loads(kinds()["two classes"].dumps()), path, value)
    assert not validator("model.schema.json").is_valid(record)
    assert not loadable(record)


def test_keys_that_nobody_knows_are_refused():
    """A reader that left them aside could drop what changes the meaning of all others."""
    record = json.loads(kinds()["mixed"].dumps())
    for path in (("more",), ("data", "more"), ("neurons", 0, "more"), ("stages", 0, "more")):
        more = changed(record, path, 1)
        assert not validator("model.schema.json").is_valid(more) and not loadable(more)


def test_the_published_schema_is_that_of_the_records():
    """docs/file-format.md says how it is written, from ``model.file.published_schema``."""
    published = (DOCS / "model.schema.json").read_text(encoding="utf-8")
    assert published == to_text(published_schema())


def test_the_page_names_every_key():
    """The model's top level and neurons, and all of the network file."""
    page = (DOCS / "file-format.md").read_text(encoding="utf-8")
    schema = validator("model.schema.json").schema
    keys = {
        *schema["properties"],
        *schema["$defs"]["Neuron"]["properties"],
        *validator("network.schema.json").schema["properties"],
    }
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


NETWORK = {
    "hidden_weights": [[1, 2.5], [0, -1]], "hidden_biases": [0, 1],
    "output_weights": [1, 2], "output_bias": 0.5, "columns": ["a", "b"],
    "center": [0, 1], "scale": [1, 2], "target_center": 0,
    "target_scale": 2, "alpha": 0.1, "loss": "squared",
}  # fmt: skip


OPTIONAL = set(NETWORK) - {"hidden_weights", "output_weights"}


def test_the_published_schema_of_networks_is_that_of_their_records():
    published = (DOCS / "network.schema.json").read_text(encoding="utf-8")
    assert published == to_text(network_file.published_schema())


@pytest.mark.parametrize(
    "change, fits",
    [
        ({}, True),
        ({"output_weights": [[1], [2]], "output_bias": [0.5]}, True),
        (dict.fromkeys(sorted(OPTIONAL)), True),
        ({"hidden_weights": [1, 2]}, False),
        ({"output_weights": [[1, 2], [3, 4]]}, False),
        ({"scale": [1, 0]}, False),
        ({"alpha": 0}, False),
        ({"target_scale": -1}, False),
        ({"loss": "huber"}, False),
        ({"columns": [1, 2]}, False),
        ({"more": 1}, False),
    ],
    ids=str,
)
def test_networks_that_fit_are_those_that_are_read(change, fits, tmp_path):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(NETWORK | change))
    assert validator("network.schema.json").is_valid(NETWORK | change) == fits
    if fits:
        read_foreign(path)
    else:
        with pytest.raises(ModelFileError):
            read_foreign(path)
