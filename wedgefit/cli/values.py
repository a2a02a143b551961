"""Values of options that click has no type for."""

import math
from collections.abc import Callable, Iterable

import click


class LaterChoice(click.Choice):
    """One of some names that another room knows; it is asked for them when they are needed, so that
    the command line starts without it."""

    def __init__(self, names: Callable[[], Iterable[str]]):
        self._names, self.case_sensitive = names, True

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(self._names())


class Positive(click.ParamType):
    """A finite number above zero."""

    name = "float"

    def convert(self, value, param, ctx):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            self.fail(f"{value!r} is not a positive number.", param, ctx)
        return number


class Order(click.ParamType):
    """A whole number from 1 up, or "full"; or several with commas between them, one per hidden
    layer."""

    name = "int|full"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        orders = tuple(self._one(part.strip(), param, ctx) for part in value.split(","))
        return orders if len(orders) > 1 else orders[0]

    def _one(self, part: str, param, ctx) -> int | str:
        if part == "full":
            return part
        if not (part.isascii() and part.isdigit()) or int(part) < 1:
            self.fail(f"{part!r} is neither a whole number from 1 up nor 'full'.", param, ctx)
        return int(part)


class Layers(click.ParamType):
    """A whole number from 2 up, or "auto"."""

    name = "int|auto"

    def convert(self, value, param, ctx):
        if value == "auto" or isinstance(value, int):
            return value
        if not (value.isascii() and value.isdigit()) or int(value) < 2:
            self.fail(f"{value!r} is neither a whole number from 2 up nor 'auto'.", param, ctx)
        return int(value)


class Memory(click.ParamType):
    """A number of bytes, with K, M, G or T for powers of 1000."""

    name = "size"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        digits = value.upper().removesuffix("B")
        power = "KMGT".find(digits[-1:]) + 1 if digits else 0
        try:
            size = float(digits[:-1] if power else digits) * 1000**power
        except ValueError:
            size = math.nan
        if not 0 < size < math.inf:
            self.fail(f"{value!r} is not a size like 500M or 2G.", param, ctx)
        return size


class ColumnType(click.ParamType):
    """``NAME=KIND`` as a pair."""

    name = "column=kind"

    def convert(self, value, param, ctx):
        name, mark, kind = value.rpartition("=")
        if not mark or kind not in ("numeric", "category", "skip"):
            self.fail(f"{value!r} is not NAME=numeric, NAME=category or NAME=skip.", param, ctx)
        return name, kind
