"""Texts that were meant as numbers are recognised, and the advice would make numbers of them."""

import pytest

from wedgefit.data.hints import hint
from wedgefit.data.reading import Reading

COMMA, PLAIN = Reading(decimal=","), Reading()


def advice(texts, plain=(), reading=PLAIN, pointed=False):
    return hint(texts, list(plain), reading, lambda: pointed)


@pytest.mark.parametrize(
    "texts, words",
    [
        (["37%", "4.5 %"], 'take off the "%"'),
        (["$37", "-$4.50", "$-3"], 'take off the "$"'),
        (["'37", "'4"], 'take off the "\'"'),
        (["37 €", "4 €"], 'take off the "€"'),
        (["USD 37", "USD 4"], 'take off the "USD"'),
        (["37 kg", "4kg"], 'take off the "kg"'),
        (["37 kg", "1.2 t", "3 g"], 'take off the "kg" and "t" and "g"'),
        (["21 °C", "-4 °C"], 'take off the "°C"'),
        (["1.2M", "350K"], 'take off the "M" and "K"'),
        (["(37)", "(4.5)"], "write -37 for (37)"),
        (["37-", "4-"], "write -37 for 37-"),
        (["−37", "−4"], "write -37 for −37"),
        (["$1,037.50", "($37.00)"], 'take off the "$", write -37 for (37), try --thousands ","'),
        (["1 037 kg", "2 500 kg"], 'take off the "kg", try --thousands " "'),
    ],
)
def test_what_stands_around_numbers(texts, words):
    assert advice(texts) == f"if they are numbers, {words}"


@pytest.mark.parametrize(
    "texts, plain, reading, words",
    [
        (["1,426", "12,000,000"], ["950"], PLAIN, 'try --thousands ","'),
        (["1,426.50"], ["950.25"], PLAIN, 'try --thousands ","'),
        (["1 426", "12\u00a0000", "3\u202f000"], [], PLAIN, 'try --thousands " "'),
        (["1'426"], ["3"], PLAIN, 'try --thousands "\'"'),
        (["1_426"], ["3"], PLAIN, 'try --thousands "_"'),
        (["1.426,50", "3.000"], ["7"], COMMA, 'try --thousands "."'),
        (["1.426", "2.000"], ["7"], COMMA, 'try --thousands "."'),
        (["0,5", "12,25", "-,5"], ["3"], PLAIN, 'try --decimal ","'),
        (["0,426", "1,500"], ["3"], PLAIN, 'try --decimal ","'),
        (["1,5e3"], [], PLAIN, 'try --decimal ","'),
        (["0.5", "2.25"], ["3"], COMMA, 'try --decimal "."'),
        (["1.426,50", "950,25"], ["3"], PLAIN, 'try --decimal "," --thousands "."'),
        (["1.426.000"], ["3"], PLAIN, 'try --decimal "," --thousands "."'),
    ],
)
def test_marks(texts, plain, reading, words):
    assert advice(texts, plain, reading) == words


def test_one_group_alone_may_be_either():
    words = advice(["1,426", "2,750"])
    assert '--thousands ","' in words and '--decimal ","' in words


def test_a_decimal_comma_is_never_advised_where_it_would_damage():
    assert advice(["0,5"], ["1.5"]) == 'write "." for the decimal mark everywhere'
    assert advice(["0,5"], ["1"], pointed=True) == 'write "." for the decimal mark everywhere'
    assert "--decimal" not in advice(["1,426"], ["950"])


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-37", "2023-12-31"], ["01/02/2024"], ["1.2.24", "31.12.1999"],
        ["10:30", "9:05:07"], ["2024-01-15T10:00:00Z", "2024-01-15 10:30"],
    ],
)  # fmt: skip
def test_dates(texts):
    assert advice(texts).startswith("give a date or time as a number")


@pytest.mark.parametrize(
    "texts",
    [
        ["Paris", "Rome"], ["S+", "37"], ["x,1", "5,1"], ["1-2", "3-4"], ["a1", "b2"], [],
        ["12 Main St", "9 Elm Rd", "3 Oak Rd", "1 Ash Rd"], ["1,42,3"], ["1,2,3"], ["37%", "Rome"],
    ],
)  # fmt: skip
def test_other_texts_are_left_in_peace(texts):
    assert advice(texts) is None


@pytest.mark.parametrize(
    "text, told, number",
    [
        ("1,426", {"thousands": ","}, 1426.0),
        ("-12,000,000.5", {"thousands": ","}, -12000000.5),
        ("950", {"thousands": ","}, 950.0),
        ("1 426,5", {"thousands": " ", "decimal": ","}, 1426.5),
        ("1\u00a0426\u202f000", {"thousands": " "}, 1426000.0),
        ("1.426,5", {"thousands": ".", "decimal": ","}, 1426.5),
        ("1'426", {"thousands": "'"}, 1426.0),
        ("1,42", {"thousands": ","}, None),
        ("0,426", {"thousands": ","}, None),
        ("1,4266", {"thousands": ","}, None),
        (",426", {"thousands": ","}, None),
        ("1.5", {"thousands": ".", "decimal": ","}, None),
        ("1.426", {"decimal": ","}, None),
    ],
)
def test_numbers_as_told(text, told, number):
    assert Reading().amended(**told).number(text) == number
