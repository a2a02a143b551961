"""Settings: each is declared once, and read by the command line, the estimators, the README and the
checks. No numpy here, so that ``--help`` answers at once.

A dataclass whose fields are made by ``setting`` is a list of settings; ``settings_of`` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from wedgefit.errors import UsageError
from wedgefit.ranges import Range


@dataclass(frozen=True)
class Group:
    """Settings that belong together, with an example of the options they become."""

    title: str
    example: str


LEARN = Group("What to learn", "--target price --drop name --weight count")
NETWORK = Group("Which network", "--order 1 --norm 1")
STRENGTH = Group("How strongly", "--rule 1se --scoring mae")
SOLVE = Group("How to solve", "--certificate exact --jobs 2")
READ = Group("How to read", "--delimiter ';' --decimal , --na unknown")
PRINT = Group("What to print", "--json")
GROUPS = (LEARN, NETWORK, STRENGTH, SOLVE, READ, PRINT)


@dataclass(frozen=True)
class Setting:
    """One setting: its name, range, default, group, and what it does, in one sentence.

    ``by_default`` says what a default of None comes to. ``parameter`` is its name among those of
    the estimators (None: they do not have it), ``task`` the only task that it is for, ``in_python``
    what its parameter may be besides.
    """

    name: str
    range: Range
    default: Any
    group: Group
    says: str
    by_default: str = ""
    parameter: str | None = None
    task: str | None = None
    in_python: str = ""
    option: str = ""
    short: str = ""

    @property
    def optional(self) -> bool:
        return self.default is None

    @property
    def words(self) -> str:
        """What its parameter may be."""
        return ", ".join(filter(None, [self.range.words, self.in_python])) + (
            " or None" if self.optional else ""
        )

    def take(self, value):
        """The plain value. Raises ValueError out of range."""
        return None if value is None and self.optional else self.range.take(value)


def setting(
    default,
    range_: Range,
    group: Group,
    says: str,
    *,
    parameter: str | bool = False,
    option: str = "",
    **more,
):
    """A field that declares a setting. ``parameter``: True where the estimators have it by the same
    name, else their name for it. ``option``: where it is not ``--`` and the name."""
    metadata = {"range": range_, "group": group, "says": says, "parameter": parameter}
    return field(default=default, metadata=metadata | {"option": option} | more)


@cache
def settings_of(kind: type) -> dict[str, Setting]:
    """The settings that the fields of a dataclass declare, by name."""
    found = {}
    for declared in fields(kind):
        told = dict(declared.metadata)
        range_, parameter = told.pop("range"), told.pop("parameter")
        option = told.pop("option") or "--" + declared.name.replace("_", "-")
        found[declared.name] = Setting(
            declared.name,
            range_,
            declared.default,
            parameter=declared.name if parameter is True else parameter or None,
            option=option,
            **told,
        )
    return found


class Declared:
    """Base of the lists whose values are checked and made plain when one is made. Raises UsageError
    for one out of range."""

    def __post_init__(self):
        for one in settings_of(type(self)).values():
            value = getattr(self, one.name)
            try:
                object.__setattr__(self, one.name, one.take(value))
            except (ValueError, TypeError, OverflowError):
                raise UsageError(
                    f"{one.option} is {value!r}; expected {one.range.words}."
                ) from None
