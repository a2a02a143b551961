"""Figures and phrases for people: the only place that rounds. JSON never passes through here."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wedgefit.learning import scores

NOTHING = "–"
# A list in one paragraph is parted into lines of about this width, as paper of pipes never wraps.
LINE = 100
SCORES = {score.name: score.title for score in scores.SCORES.values()}
# How the scores of several quantiles are those of one model.
OF_QUANTILES = "Of several quantiles the pinball losses are added up, and MAE is the mean."
# Of the levels that intervals are known at, a sentence says these.
SAID = (0.5, 0.9)
QUOTIENTS = ("r2", "d2")
# Of a figure, what is smaller than this part of it came from rounding.
ROUNDING = 1e-12
# A sentence names so many pairs of columns, and counts more.
MOST_PAIRS = 6


def number(value: float | None, digits: int = 4) -> str:
    """A number in so many significant digits, without an exponent where that reads well."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -5 < size < 9:
        return f"{value:.{digits - 1}e}"
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    return text.rstrip("0").rstrip(".") if float(value).is_integer() and "." in text else text


def score_number(name: str, value: float | None) -> str:
    """A score by its name, as a number."""
    return number(without_rounding(name, value))


def without_rounding(name: str, value: float | None) -> float | None:
    """A score by its name; of one that is 1 less a quotient, what rounding leaves of 0 is 0 to a
    reader."""
    nothing = name in QUOTIENTS and value is not None and abs(value) < 1e-12
    return 0.0 if nothing else value


def signed(value: float | None, digits: int = 4) -> str:
    """A number with its sign, as what is added."""
    return number(value, digits) if not value or value < 0 else f"+{number(value, digits)}"


def bound(value: float | None) -> str:
    """An upper bound in one significant digit, never rounded down."""
    if value is None or value == 0:
        return NOTHING if value is None else "0"
    size = math.floor(math.log10(abs(value)))
    rounded = float(f"{math.ceil(value / 10.0**size - 1e-9)}e{size}")
    return f"{rounded:.0e}".replace("e-0", "e-") if rounded < 1e-3 else f"{rounded:g}"


def each(value: float | dict[str, float] | None) -> str:
    """A number, or one per output with its name."""
    if isinstance(value, dict):
        return ", ".join(f"{plain(name)} {number(part)}" for name, part in value.items())
    return number(value)


def several(names: str | list[str]) -> list[str]:
    """One name or many, as a list."""
    return [names] if isinstance(names, str) else names


def percent(value: float | None, decimals: int = 2) -> str:
    """A share as per cent."""
    return NOTHING if value is None else f"{100 * value:.{decimals}f}%"


def about(seconds: float) -> str:
    """So many seconds as people say them who do not know exactly: ``40 seconds``, ``3 minutes``."""
    for size, unit in ((3600.0, "hour"), (60.0, "minute"), (10.0, "0 second")):
        many = round(seconds / size)
        if many >= (1 if size == 10 else 2):
            return f"{many}{'' if unit[0] == '0' else ' '}{unit}s"
    return "10 seconds"


def plain(text: object) -> str:
    """The text with control characters made visible, so that a name of a column cannot steer the
    terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def value_text(value: object, digits: int = 6) -> str:
    """A value as people write it, without zeros at its end; four digits, as of a year, without a
    comma."""
    if isinstance(value, float):
        text = number(value, digits)
        text = text.replace(",", "") if abs(value) < 10_000 else text
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return NOTHING if value is None else plain(value)


def count(many: int | str, thing: str) -> str:
    return f"{many:,} {thing}{'s' * (many != 1)}"


def told(name: object) -> str:
    """A name as a sentence tells it, ``unmistaken``."""
    return unmistaken(plain(name))


def unmistaken(text: str) -> str:
    """A name, in quotes where it could be taken for several, or for words of the sentence."""
    return f'"{text}"' if "," in text or " and " in text or text != text.strip() else text


def listed(items: Iterable) -> str:
    return ", ".join(map(told, items))


def in_lines(start: str, items: Iterable, width: int) -> str:
    """The items after each other, in lines of about this width that break between items only."""
    lines, text = [], start
    for item in map(told, items):
        if len(text) + len(item) > width and text != start:
            lines.append(text)
            text = f"  {item}, "
        else:
            text += f"{item}, "
    return "\n".join(line.rstrip() for line in [*lines, text]).removesuffix(",")


def shape_words(shapes: Mapping[str, Sequence[str]]) -> str:
    """``increasing in age and income, decreasing and convex in debt``."""
    alike: dict[str, list[str]] = {}
    for name, own in shapes.items():
        alike.setdefault(" and ".join(own), []).append(told(name))
    return ", ".join(f"{own} in {' and '.join(names)}" for own, names in alike.items())


def shaped(problem: Mapping[str, Any]) -> str:
    """Of which networks a network with a shape is the best; empty where it has none."""
    if not problem["shapes"]:
        return ""
    words = shape_words(problem["shapes"])
    # A sum may increase though not all of its ridges do.
    return f"made of ridges that are {words}" if problem["order"] == 2 else f"that are {words}"


def pair_words(pairs: Sequence[Sequence[str]]) -> str:
    """``age with weight, age with town``."""
    return ", ".join(f"{told(first)} with {told(second)}" for first, second in pairs)


def reading(problem: Mapping[str, Any]) -> str:
    """What neurons may read, of a network with ``pairs``: ``one column, or one of the pairs age
    with weight, age with town``."""
    pairs = problem["pairs"]
    if len(pairs) > MOST_PAIRS:
        return f"one column, or one of {len(pairs):,} pairs of columns"
    of = "one of the pairs " if len(pairs) > 1 else "the pair "
    return f"one column, or {of}{pair_words(pairs)}" if pairs else "one column"


def network_of(problem: Mapping[str, Any]) -> str:
    """What each of several networks is of."""
    return "class" if problem["quantile"] is None else "quantile"


def networks_words(problem: Mapping[str, Any], width: int, networks: int) -> str:
    """Which networks a certificate is about, of so many columns and networks."""
    biases = "" if problem["hidden_bias"] else " without hidden biases"
    each_class = "" if networks == 1 else f", one per {network_of(problem)},"
    order, kind = problem["order"], f"two-layer ReLU networks{biases}"
    if problem["layers"] > 2:
        order = order[-1] if isinstance(order, list) else order
        at_most = "" if order == "full" else f" whose hidden neurons read at most {order} of them"
        return f"{kind} on what the layers below pass on{each_class}{at_most}".rstrip(",")
    if problem["pairs"] is not None:
        return f"{kind}{each_class} whose hidden neurons read {reading(problem)}"
    if order == "full" or order >= width:
        return f"{kind}{each_class}".rstrip(",")
    return f"{kind}{each_class} whose hidden neurons read at most {count(order, 'column')}"


def interval_words(reaches: Sequence[Mapping[str, Any]]) -> list[str]:
    """How far intervals go, a sentence for each output: ``90% of rows like those of training are
    within ± 8 to ± 60 of the prediction``."""
    found: dict[str, list[str]] = {}
    for reach in (one for one in reaches if one["level"] in SAID):
        least, most = (number(reach[end], 3) for end in ("least", "most"))
        to = f" to ± {most}" if most != least else ""
        found.setdefault(reach["output"], []).append(
            f"{percent(reach['level'], 0)} within ± {least}{to}"
        )
    several = len(found) > 1
    return [
        f"{f'{told(name)}: ' if several else ''}{', '.join(levels)} of the prediction"
        for name, levels in found.items()
    ]


def either(items: Sequence) -> str:
    """``Adelie, Chinstrap or Gentoo``."""
    return " or ".join(filter(None, [listed(items[:-1]), told(items[-1])]))


def quoted(word: str) -> str:
    return plain(shlex.quote(word))


def error_number(mean: float | None, error: float | None) -> str:
    """A standard error; of scores that differ by rounding alone it is 0 to a reader."""
    nothing = error is not None and error <= ROUNDING * abs(mean or 0.0)
    return number(0.0 if nothing else error, 2)


def score_text(score: dict) -> str:
    """The scores that exist, those of cross-validation with their standard errors."""
    words = []
    for name, value in score.items():
        title = SCORES.get(name, plain(name))
        if isinstance(value, dict):
            mean = score_number(name, value["mean"])
            error = error_number(value["mean"], value["se"])
            words.append(f"{title} {mean}" + (f" ± {error}" if value["se"] is not None else ""))
        elif value is not None:
            words.append(f"{title} {score_number(name, value)}")
    return ", ".join(words)
