"""Records and JSON: what is written is read back, what is wrong is named, and the schema published
says the same."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wedgefit.errors import ModelFileError
from wedgefit.published import schema
from wedgefit.records import (
    DISTINCT,
    FLAT,
    Complaint,
    above,
    at_least,
    entries,
    items,
    parse,
    plain,
    read,
    to_text,
)


@dataclass(frozen=True)
class Point:
    """A place on a map."""

    x: float
    y: Annotated[float, above(0), "Height."] = 1.0


@dataclass(frozen=True)
class Map:
    """Everything that a record may hold."""

    name: str
    scale: Annotated[int, at_least(1)]
    open: bool
    kind: Literal["town", "country"]
    centre: Point | None
    points: Annotated[tuple[Point, ...], items(1)]
    box: tuple[float | None, float | None]
    labels: tuple[str, ...] | tuple[int | float, ...] | None
    order: Literal["full"] | Annotated[int, at_least(1)] | tuple[int, ...]
    weights: Annotated[dict[str, float], entries(1)]
    ids: Annotated[list[int | str], DISTINCT]
    value: float | dict[str, float]
    inner: dict[str, Point] = field(default_factory=dict)

    def complaints(self) -> Iterator[Complaint]:
        if self.name == self.kind:
            yield Complaint("name", "another name than the kind", self.name)


GOOD = {
    "name": "Bonn", "scale": 3, "open": True, "kind": "town", "centre": {"x": 1, "y": 2.5},
    "points": [{"x": 0.0}], "box": [None, 2], "labels": ["a"], "order": "full",
    "weights": {"a": 1}, "ids": [1, "b"], "value": {"u": 1.5}, "inner": {"p": {"x": 5, "y": 6}},
}  # fmt: skip
SCHEMA = schema(Map, "A map", "For tests.")


def changed(path, value):
    data = json.loads(json.dumps(GOOD))
    *parents, last = path
    part = data
    for key in parents:
        part = part[key]
    if value is KeyError:
        del part[last]
    else:
        part[last] = value
    return data


def refused(data):
    with pytest.raises(ModelFileError) as caught:
        read(Map, data, "map")
    return caught.value.message


def test_a_record_is_read_with_its_types():
    found = read(Map, GOOD)
    assert found.points == (Point(0.0, 1.0),) and found.centre == Point(1.0, 2.5)
    assert type(found.centre.x) is float and type(found.weights["a"]) is float
    assert found.box == (None, 2.0) and found.ids == [1, "b"] and found.inner["p"].y == 6
    assert read(Map, plain(found)) == found
    assert json.loads(to_text(plain(found))) == plain(found)


@pytest.mark.parametrize(
    "path, value, words",
    [
        (["name"], 3, "map.name should be text, not 3"),
        (["name"], "town", "map.name should be another name than the kind, not town"),
        (["name"], KeyError, "map.name should be there: the key is missing"),
        (["more"], 1, "map.more should be absent: the key is unknown"),
        (["scale"], 1.0, "map.scale should be a whole number, not 1.0"),
        (["scale"], True, "map.scale should be a whole number, not true"),
        (["scale"], 0, "map.scale should be a whole number 1 or more, not 0"),
        (["scale"], 2**63, "map.scale should be a whole number, not 9223372036854775808"),
        (["open"], 1, "map.open should be true or false, not 1"),
        (["kind"], "sea", 'map.kind should be "town" or "country", not "sea"'),
        (["kind"], [], 'map.kind should be "town" or "country", not []'),
        (["centre"], 3, "map.centre should be an object or null, not 3"),
        (["centre", "x"], None, "map.centre.x should be a number, not null"),
        (["centre", "y"], -1, "map.centre.y should be a number above 0, not -1"),
        (["points"], [], "map.points should be a list with 1 item or more, not []"),
        (["points", 0, "x"], "0", 'map.points[0].x should be a number, not "0"'),
        (["points", 0], 1, "map.points[0] should be an object, not 1"),
        (["box"], [1], "map.box should be a list of 2: a number or null, a number or null, not"),
        (["box", 1], True, "map.box[1] should be a number or null, not true"),
        (["labels"], ["a", 1], "map.labels should be a list or a list or null"),
        (["order"], "half", 'map.order should be "full" or a whole number 1 or more or a list'),
        (["order"], [1, 0.5], "map.order[1] should be a whole number, not 0.5"),
        (["weights"], {}, "map.weights should be an object with 1 entry or more, not {}"),
        (["weights", "a"], False, "map.weights.a should be a number, not false"),
        (["ids"], [1, 1], "map.ids should be a list of distinct items, not [1, 1]"),
        (["value"], [1], "map.value should be a number or an object, not [1]"),
        (["value", "u"], None, "map.value.u should be a number, not null"),
        (["inner", "p", "x"], [], "map.inner.p.x should be a number, not []"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(path, value, words):
    message = refused(changed(path, value))
    assert words in message and message.count(" should be ") == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400])
def test_numbers_are_finite(number):
    text = to_text(changed(["centre", "x"], "HERE")).replace('"HERE"', number)
    with pytest.raises(ModelFileError):
        read(Map, parse(text))


def test_whole_numbers_where_numbers_are_expected_are_floats():
    """Beyond 2**63 they would turn an array of numbers into one of objects."""
    found = read(Map, changed(["weights", "a"], 10**25))
    assert found.weights == {"a": 1e25} and type(found.weights["a"]) is float


@dataclass(frozen=True)
class Place:
    """A flat record in the middle, and at the end whatever other keys there are."""

    name: str
    point: Annotated[Point, FLAT]
    last: int
    more: Annotated[dict[str, Point | None], FLAT]


def test_flat_fields_stand_beside_the_others():
    data = {"name": "p", "x": 1.0, "y": 2.0, "last": 3, "q": {"x": 4.0, "y": 5.0}, "r": None}
    found = read(Place, data)
    assert found == Place("p", Point(1.0, 2.0), 3, {"q": Point(4.0, 5.0), "r": None})
    assert plain(found) == data and list(plain(found)) == list(data)
    published = jsonschema.Draft202012Validator(schema(Place, "A place", ""))
    assert published.is_valid(data)
    for key, value, words in [
        ("x", KeyError, "x should be there"),
        ("x", None, "x should be a number, not null"),
        ("y", -1, "y should be a number above 0"),
        ("q", 1, "q should be an object or null, not 1"),
    ]:
        broken = (
            {k: v for k, v in data.items() if k != key}
            if value is KeyError
            else data | {key: value}
        )
        assert not published.is_valid(broken)
        with pytest.raises(ModelFileError, match=words):
            read(Place, broken)


def test_all_complaints_at_once_in_one_line():
    data = changed(["name"], 3) | {"scale": 0.5, "open": None, "kind": 1, "box": {}}
    message = refused(data)
    assert message.count(" should be ") == 3 and message.endswith("(and 2 more).")


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1, "a": 2}', "[NaN]", "[" * 100_000, "1" * 5_000, "\ufeff{}", b"\xff"]
)
def test_what_is_not_strict_json_is_refused(text):
    with pytest.raises(ModelFileError, match="this is not JSON"):
        parse(text)


def test_nothing_that_is_no_number_is_written():
    with pytest.raises(ValueError):
        to_text(plain(Point(np.nan)))


def test_the_schema_is_a_schema_and_describes():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$defs"]["Point"]["description"] == "A place on a map."
    assert SCHEMA["$defs"]["Point"]["required"] == ["x"]
    height = {"type": "number", "exclusiveMinimum": 0, "description": "Height."}
    assert SCHEMA["$defs"]["Point"]["properties"]["y"] == height


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(-2, 3).filter(lambda x: x % 1)
    | st.sampled_from(["full", "town", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "y", "a"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(GOOD)), JSON | st.just(KeyError))
def test_reader_and_schema_agree(key, value):
    """Whatever JSON stands there: both accept it or both refuse it. (JSON Schema counts 1.0 as a
    whole number; the strategy has none.)"""
    data = changed([key], value)
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(data)
    if data.get("name") == "town":
        return
    if valid:
        assert read(Map, data).kind in ("town", "country")
    else:
        refused(data)
