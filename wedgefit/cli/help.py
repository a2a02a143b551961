"""Help that teaches: options in groups, each with an example."""

import os
from collections.abc import Sequence

import click

from wedgefit.setting import GROUPS, Group

# Given to the group and to each command: click keeps the help option that a command had first, and
# one that is asked without its group (as the shell's completion may) would have had --help alone.
HELP = {"help_option_names": ["-h", "--help"]}


class GroupedOption(click.Option):
    """An option that the help lists in its group. ``ways``: of one that may stand alone the values
    that it may have, and the first of which it then has."""

    def __init__(self, *words, group: Group | None = None, ways: Sequence[str] = (), **more):
        alone = {"is_flag": False, "flag_value": ways[0]} if ways else {}
        super().__init__(*words, **more | alone)
        self.group, self.ways = group, ways


class GroupedCommand(click.Command):
    """A command whose help has its own options first, then those of the groups."""

    def __init__(self, *words, **more):
        super().__init__(*words, context_settings=HELP, **more)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, but what follows an option that may stand alone is its value only where it
        is one of those: in ``--calibrate data.csv`` it is a file. Raises UsageError where it is
        neither, as in ``--calibrate platt`` and ``--intervals 0.9``."""
        options = {
            name: param
            for param in self.get_params(ctx)
            if isinstance(param, click.Option)
            for name in (*param.opts, *param.secondary_opts)
        }
        spelled, left = [], list(args)
        while left and left[0] != "--":
            word, after = left.pop(0), left[0] if left else ""
            option = options.get(word)
            ways = getattr(option, "ways", ())
            if option is None or after in ways or not (option.is_flag or ways):
                # With its value, which may look like an option.
                own = [left.pop(0)] if option is not None and left else []
                spelled += [word, *own]
                continue
            if not (option.is_eager or ctx.resilient_parsing or _is_for_a_file(after)):
                raise click.UsageError(_no_value(word, after, ways), ctx)
            spelled.append(f"{word}={ways[0]}" if ways else word)
        return super().parse_args(ctx, spelled + left)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed: dict[Group | None, list] = {group: [] for group in (None, *GROUPS)}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                listed[getattr(param, "group", None)].append(record)
        for group, records in listed.items():
            if records:
                with formatter.section("Options" if group is None else group.title):
                    formatter.write_dl(records)
                    if group is not None and (example := self._example(ctx, group)):
                        formatter.write_paragraph()
                        # In one line, or it could not be copied.
                        formatter.write(f"{'':{formatter.current_indent}}Example: {example}\n")

    def _example(self, ctx: click.Context, group: Group) -> str:
        """The group's example with this command; none where it lacks an option of it or DATA."""
        known = {name for param in self.get_params(ctx) for name in param.opts}
        words = {word for word in group.example.split() if word.startswith("--")}
        arguments = [
            param.make_metavar(ctx)
            for param in self.get_params(ctx)
            if isinstance(param, click.Argument)
        ]
        if not words <= known or not any(name.endswith("DATA") for name in arguments):
            return ""
        files = ("data.csv" if name.endswith("DATA") else name for name in arguments)
        return f"wedgefit {self.name} {' '.join(files)} {group.example}"


def _is_for_a_file(word: str) -> bool:
    """Whether a word of the command line is another option, or names a file: one that is there, or
    that looks so."""
    ending = os.path.splitext(word)[1]
    looks_so = os.sep in word or any(map(str.isalpha, ending))
    return not word or word.startswith("-") or looks_so or os.path.exists(word)


def _no_value(option: str, word: str, ways: Sequence[str]) -> str:
    """Why this word cannot follow this option."""
    told = f"may be followed by {' or '.join(ways)}" if ways else "takes no value"
    return f"{option} {told}, and {word!r} after it is no file."
