"""Ranges: what values a setting may have, from texts and from Python. No numpy here, so that
``--help`` answers at once."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


class Range(ABC):
    """The values of a setting.

    ``words`` say what is expected, ``metavar`` what stands for a value in the help, ``choices`` are
    the values that have a name. ``read`` makes a value of a text, ``take`` a plain Python value of
    one from Python (numpy's scalars included); both raise ValueError for what is not in range.
    """

    words: str
    metavar: str = ""
    choices: tuple = ()
    repeatable = False

    @abstractmethod
    def take(self, value): ...

    def read(self, text: str):
        return self.take(text)


def _plain(value):
    """The Python value of a scalar of numpy, which is what a model file can hold."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _expect(holds: bool) -> None:
    if not holds:
        raise ValueError


class Positive(Range):
    """A finite number above zero, or one of the words in ``names``."""

    def __init__(self, *names: str):
        self.choices = names
        self.words = " or ".join(["a positive number", *map(repr, names)])
        self.metavar = "|".join(["FLOAT", *names])

    def take(self, value) -> float | str:
        value = _plain(value)
        if isinstance(value, str) and value in self.choices:
            return value
        _expect(isinstance(value, Real) and not isinstance(value, bool) and 0 < value < math.inf)
        return float(value)

    def read(self, text: str) -> float | str:
        return self.take(text if text in self.choices else float(text))


class Whole(Range):
    """A whole number from ``least`` up, or one of the words in ``names``."""

    def __init__(self, least: int, *names: str):
        self.least, self.choices = least, names
        self.words = " or ".join([f"a whole number from {least} up", *map(repr, names)])
        self.metavar = "|".join(["INT", *names])

    def take(self, value) -> int | str:
        value = _plain(value)
        if isinstance(value, str) and value in self.choices:
            return value
        _expect(isinstance(value, Integral) and not isinstance(value, bool) and value >= self.least)
        return int(value)

    def read(self, text: str) -> int | str:
        return self.take(int(text) if text.isascii() and text.isdigit() else text)


class Span(Range):
    """``FIRST:LAST``, two whole numbers from 1 up, or one for both, as a tuple."""

    words, metavar = "a number of rows from 1 up, or two like 1:5", "FIRST:LAST"

    def take(self, value) -> tuple[int, int]:
        ends = value if isinstance(value, list | tuple) else (value, value)
        _expect(len(ends) == 2)
        first, last = map(Whole(1).take, ends)
        _expect(first <= last)
        return first, last

    def read(self, text: str) -> tuple[int, int]:
        first, mark, last = text.partition(":")
        return self.take([Whole(1).read(part.strip()) for part in (first, last if mark else first)])


class Folds(Whole):
    """A number of folds; from Python also the splits themselves, which are not looked at here."""

    def take(self, value):
        return super().take(value) if isinstance(_plain(value), Real | str) else value


class PerLayer(Range):
    """A value for all hidden layers, or several, one for each."""

    def __init__(self, each: Range):
        self.each, self.metavar, self.choices = each, each.metavar, each.choices
        self.words = f"{each.words}, or several of these"

    def take(self, value):
        if isinstance(value, list | tuple):
            _expect(len(value) > 0)
            return type(value)(map(self.each.take, value))
        return self.each.take(value)

    def read(self, text: str):
        values = tuple(self.each.read(part.strip()) for part in text.split(","))
        return values if len(values) > 1 else values[0]


class OneOf(Range):
    """One of a few values, or ``of`` the names in a list that is kept elsewhere; ``synonyms`` are
    texts that are taken for one of them."""

    def __init__(
        self, *values, of: Iterable[str] | None = None, synonyms: dict[str, Any] | None = None
    ):
        self._values, self.synonyms = values if of is None else of, synonyms or {}

    @property
    def choices(self) -> tuple:
        return tuple(self._values)

    @property
    def words(self) -> str:
        *first, last = map(repr, self.choices)
        return f"{', '.join(first)} or {last}" if first else last

    @property
    def metavar(self) -> str:
        return "|".join(map(str, self.choices))

    def take(self, value):
        value = self.synonyms.get(value, value) if isinstance(value, str) else _plain(value)
        known = [own for own in self.choices if type(own) is type(value) and own == value]
        _expect(bool(known))
        return known[0]

    def read(self, text: str):
        return self.take({str(value): value for value in self.choices}.get(text, text))


class Flag(Range):
    """Yes or no."""

    words = "True or False"

    def take(self, value) -> bool:
        value = _plain(value)
        _expect(isinstance(value, int | float) and value in (0, 1))
        return bool(value)


class Switch(OneOf):
    """Off, or on in one of several ways that have names: True in the first, else by name."""

    def take(self, value) -> bool | str:
        way = super().take(value) if isinstance(value, str) else Flag().take(value)
        return True if way == self.choices[0] else way


class Text(Range):
    """A text."""

    words = "a text"

    def __init__(self, metavar: str = "TEXT"):
        self.metavar = metavar

    def take(self, value) -> str:
        _expect(isinstance(value, str))
        return str(value)


class ColumnName(Text):
    """The name of a column; of several names none is dropped silently."""

    words = "the name of a column"

    def __init__(self):
        super().__init__("NAME")


class Several(Range):
    """Any number of values, as a tuple."""

    repeatable = True

    def __init__(self, each: Range):
        self.each, self.metavar = each, each.metavar
        self.words = f"several times {each.words}"

    def take(self, value) -> tuple:
        value = value.tolist() if getattr(value, "ndim", 0) else value
        _expect(isinstance(value, list | tuple))
        return tuple(map(self.each.take, value))

    def read(self, text: str):
        return self.each.read(text)


class OneOrSeveral(Range):
    """A value, or several different ones: these as a tuple in ascending order."""

    repeatable = True

    def __init__(self, each: Range):
        self.each, self.metavar = each, each.metavar
        self.words = f"{each.words}, or several different ones"

    def take(self, value):
        if getattr(value, "ndim", 0) == 1:
            value = value.tolist()
        if not isinstance(value, list | tuple):
            return self.each.take(value)
        values = sorted(set(map(self.each.take, value)))
        _expect(len(values) == len(value) > 0)
        return tuple(values) if len(values) > 1 else values[0]

    def read(self, text: str):
        return self.each.read(text)


class Pair(Range):
    """``NAME=KIND``: a column and one of some kinds, as a tuple."""

    metavar = "NAME=KIND"

    def __init__(self, *kinds: str):
        self.kinds = kinds
        *first, last = (f"NAME={kind}" for kind in kinds)
        self.words = f"{', '.join(first)} or {last}"

    def take(self, value) -> tuple[str, str]:
        _expect(isinstance(value, tuple) and len(value) == 2 and value[1] in self.kinds)
        return value

    def read(self, text: str) -> tuple[str, str]:
        name, mark, kind = text.rpartition("=")
        _expect(bool(mark))
        return self.take((name, kind))


class PairOfNames(Range):
    """``A:B``, a pair of columns: a text, or two names or positions (from 0), as a tuple."""

    words, metavar = "two columns like A:B", "A:B"

    def take(self, value) -> str | tuple[str | int, str | int]:
        if isinstance(value, list | tuple):
            _expect(len(value) == 2)
            first, second = map(self._column, value)
            return first, second
        _expect(isinstance(value, str) and ":" in value)
        return str(value)

    @staticmethod
    def _column(value) -> str | int:
        return Text().take(value) if isinstance(value, str) else Whole(0).take(value)


class Bytes(Range):
    """A number of bytes; as text with K, M, G or T for powers of 1000."""

    words, metavar = "a size like 500M or 2G", "SIZE"

    def take(self, value) -> float:
        return Positive().take(value)

    def read(self, text: str) -> float:
        digits = text.upper().removesuffix("B")
        power = "KMGT".find(digits[-1:]) + 1 if digits else 0
        return self.take(float(digits[:-1] if power else digits) * 1000**power)
