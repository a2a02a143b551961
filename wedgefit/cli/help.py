"""Help that teaches: options in groups, each with an example."""

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
        is one of those: in ``--calibrate data.csv`` it is a file."""
        options = {
            name: param
            for param in self.get_params(ctx)
            if getattr(param, "ways", ())
            for name in param.opts
        }
        end = args.index("--") if "--" in args else len(args)
        following = [*args[1:end], ""]
        spelled = [
            f"{arg}={options[arg].ways[0]}"
            if arg in options and after not in options[arg].ways
            else arg
            for arg, after in zip(args[:end], following)
        ]
        return super().parse_args(ctx, spelled + args[end:])

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
