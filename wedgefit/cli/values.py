"""Values of options that click has no type for."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from wedgefit.ranges import Range, Several


class LaterChoice(click.Choice):
    """One of some names that another room knows; it is asked for them when they are needed, so that
    the command line starts without it."""

    def __init__(self, names: Callable[[], Iterable[str]]):
        self._names, self.case_sensitive = names, True

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(self._names())


class Value(click.ParamType):
    """A value in the range of a setting."""

    def __init__(self, range_: Range):
        self.range = range_
        self.name = range_.metavar.lower() or "flag"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        try:
            return self.range.read(value)
        except (ValueError, OverflowError):
            each = self.range.each if isinstance(self.range, Several) else self.range
            self.fail(f"{value!r} is not {each.words}.", param, ctx)

    def shell_complete(self, ctx, param, incomplete):
        words = map(str, self.range.choices)
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]
