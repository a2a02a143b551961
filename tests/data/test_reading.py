"""What a model keeps of how its cells were read: amended, written, read back, refused."""

import json

import pytest

from wedgefit.data.reading import DEFAULT_NA, Reading
from wedgefit.errors import ModelFileError, UsageError
from wedgefit.records import plain, read


def test_what_is_told_later_adds_or_takes_the_place():
    trained = Reading().amended(na=["-999", " ? "], decimal=",", thousands=".", comment="#")
    assert trained.na == (*DEFAULT_NA, "-999", "?")
    later = trained.amended(na=["x", "?"], header=False)
    assert later.na == (*DEFAULT_NA, "-999", "?", "x")
    assert (later.decimal, later.thousands, later.comment) == (",", ".", "#") and not later.header
    assert trained.amended(na_only=["x"]).na == ("x",)
    assert trained.amended(na_only=[""], na=["y"]).na == ("", "y")
    assert trained.amended() == trained


def test_words_that_spell_numbers():
    told = Reading().amended(na=["-999", "1.234,5", "9e2", "?"], decimal=",", thousands=".")
    assert told.missing_numbers == (-999.0, 900.0, 1234.5)
    assert told.words == {"", *told.na} and Reading(()).words == {""}
    assert Reading().missing_numbers == ()


@pytest.mark.parametrize(
    "told",
    [{}, {"na_only": ["x"]}, {"decimal": ",", "thousands": " ", "comment": "%", "header": False}],
)
def test_records_come_back(told):
    reading = Reading().amended(**told)
    assert read(Reading, json.loads(json.dumps(plain(reading)))) == reading


@pytest.mark.parametrize(
    "changed",
    [
        {"decimal": ";"}, {"thousands": "."}, {"thousands": "12"}, {"thousands": "1"},
        {"comment": ""}, {"comment": "##"}, {"na": "NA"}, {"na": [1]}, {"header": 1}, {"more": 1},
    ],
)  # fmt: skip
def test_damage_is_refused(changed):
    with pytest.raises(ModelFileError):
        read(Reading, plain(Reading()) | changed)


@pytest.mark.parametrize(
    "told",
    [
        {"decimal": ""}, {"thousands": "+"}, {"thousands": ""}, {"thousands": "a"},
        {"thousands": ","  , "decimal": ","}, {"comment": '"'}, {"comment": "\n"},
    ],
)  # fmt: skip
def test_marks_that_cannot_be_told_apart_are_wrong_usage(told):
    with pytest.raises(UsageError):
        Reading().amended(**told)
