"""Help that teaches: options in groups, each with an example."""

import click

from wedgefit.setting import GROUPS, Group

# Given to the group and to each command: click keeps the help option that a command had first, and
# one that is asked without its group (as the shell's completion may) would have had --help alone.
HELP = {"help_option_names": ["-h", "--help"]}


class GroupedOption(click.Option):
    """An option that the help lists in its group."""

    def __init__(self, *words, group: Group | None = None, **more):
        super().__init__(*words, **more)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help has its own options first, then those of the groups."""

    def __init__(self, *words, **more):
        super().__init__(*words, context_settings=HELP, **more)

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
