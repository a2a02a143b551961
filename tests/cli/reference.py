"""The README's table of options, made from the settings: ``python tests/cli/reference.py`` writes
it."""

import re
from pathlib import Path

from wedgefit.cli.options import SETTINGS, Reading, Talk, default_of
from wedgefit.learning.settings import Options
from wedgefit.ranges import Flag
from wedgefit.setting import GROUPS, settings_of

README = Path(__file__).parents[2] / "README.md"
TABLE = re.compile(r"(?<=<!-- options -->\n).*?(?=<!-- end of options -->)", re.DOTALL)


def table():
    """One row per setting, by groups."""
    declared = [settings_of(Options)[name] for name in SETTINGS]
    declared += [one for kind in (Reading, Talk) for one in settings_of(kind).values()]
    rows = ["| option | meaning | default |", "|---|---|---|"]
    for group in GROUPS:
        rows.append(f"| **{group.title}** | | |")
        rows += [row(one) for one in declared if one.group == group]
    return "\n".join(rows) + "\n"


def row(one):
    if isinstance(one.range, Flag) and one.default is not False:
        option = f"--no-{one.option.removeprefix('--')}"
    else:
        option = f"{one.option} {one.range.metavar}".strip()
    spelled = ", ".join(f"`{word}`" for word in filter(None, [one.short, option]))
    says = f"{one.says} Repeatable." if one.range.repeatable else one.says
    cells = [spelled, says, default_of(one)]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(TABLE.sub(lambda _: table(), text), encoding="utf-8")
