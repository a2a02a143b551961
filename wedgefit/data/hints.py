"""What texts look like that were meant as numbers, and what would make numbers of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from wedgefit.data.reading import SPACES, Reading
from wedgefit.data.words import shown

# Besides the usual words for missing cells, what people write where a number is not known.
WORDS_FOR_MISSING = frozenset(
    "N/A n/a #N/A #N/A! #NA NA N.A. n.a. NaN nan NAN null NULL Null None none NONE nil missing "
    "Missing unknown Unknown undefined - -- --- – — ? ?? . .. ... * #REF! #VALUE! #DIV/0! #NULL! "
    "#NUM! #NAME? (null) <NA> \\N".split()
)
MOST_UNITS = 3  # More different endings than this are no units of measurement.

_PLAIN = r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_GROUPED = r"[+-]?[1-9][0-9]{0,2}(?:[ \u00a0\u202f'’_.,][0-9]{3})+(?:[.,][0-9]+)?"
_NUMBER = f"(?:{_GROUPED}|{_PLAIN})"
_DECORATED = re.compile(
    rf"(?P<before>[^\w\s.,()\"+-]{{1,3}}|[A-Z]{{3}}(?=\s))?\s*"
    rf"(?P<number>{_NUMBER})\s*(?P<after>[^0-9\s(),;][^0-9(),;]{{0,11}})?\Z"
    rf"|(?P<sign>-)(?P<currency>[^\w\s.,()'\"+-]{{1,3}})\s*(?P<amount>{_NUMBER})\Z"
)
# Ways of writing -37, and how a number is told from it.
_NEGATIVE = {
    "(37)": re.compile(rf"\(\s*(?P<number>[^\w\s]?{_NUMBER}[^\w\s]?)\s*\)\Z"),
    "37-": re.compile(rf"(?P<number>{_NUMBER})\s*-\Z"),
    "−37": re.compile(rf"[−–]\s*(?P<number>{_NUMBER})\Z"),
}
_TIME = (
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?\s*(?:Z|[+-][0-9]{2}:?[0-9]{2}|[aApP][mM])?"
)
_DATE = re.compile(
    r"(?:(?:[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}"
    r"|[0-9]{1,2}([-/.])[0-9]{1,2}\2(?:[0-9]{4}|[0-9]{2}))"
    rf"(?:[ T]{_TIME})?|{_TIME})\Z"
)
_TWO_MARKS = {
    ".": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})\Z"),
    ",": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})\Z"),
}


def hint(
    texts: Sequence[str], plain: Sequence[str], reading: Reading, pointed: Callable[[], bool]
) -> str | None:
    """What would make numbers of the texts of a column, beginning with a verb; None where they
    are no numbers.

    ``plain``: its cells that are numbers as they stand; ``pointed`` says whether other columns
    have numbers with the decimal mark that was told.
    """
    if not texts:
        return None
    if are_dates(texts):
        return "give a date or time as a number, such as the year or the days since a certain day"
    marks = _mark_hint(texts, plain, reading, pointed)
    return marks or _decoration_hint(texts, plain, reading, pointed)


def are_dates(texts: Sequence[str]) -> bool:
    """Whether all texts are dates or times of day."""
    return all(map(_DATE.match, texts))


def grouped_as_decimals(cells: Sequence[str], reading: Reading) -> str | None:
    """A cell such as 1,426 that a decimal comma makes 1.426, where all cells with a comma have
    three digits behind it and the others are whole: it may well be 1426. Likewise of points, if
    some of the whole numbers have three digits. None if there is none."""
    if reading.thousands is not None:
        return None
    mark = reading.decimal
    whole = [cell for cell in cells if mark not in cell]
    grouped = [cell for cell in cells if mark in cell]
    if not (whole and grouped and all(map(_one_group(f"[{mark}]").match, grouped))):
        return None
    hundreds = mark == "," or (all(len(cell) <= 3 for cell in whole) and max(map(len, whole)) == 3)
    return grouped[0] if hundreds and all(map(str.isdigit, whole)) else None


# The marks in numbers -----------------------------------------------------------------------------


def _one_group(mark: str) -> re.Pattern:
    return re.compile(rf"[+-]?[1-9][0-9]{{0,2}}{mark}[0-9]{{3}}\Z")


def _groups(mark: str, decimal: str) -> re.Pattern:
    """Numbers whose digits are in groups of three."""
    return re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+(?:[{decimal}][0-9]*)?\Z")


def _mark_hint(
    texts: Sequence[str], plain: Sequence[str], reading: Reading, pointed: Callable[[], bool]
) -> str | None:
    """What to say where the decimal mark or that of thousands is another than was told."""
    decimal = reading.decimal
    other = "," if decimal == "." else "."
    for mark, shape in ((other, f"[{other}]"), (" ", f"[{SPACES}]"), *((m, m) for m in "'’_")):
        if all(map(_groups(shape, decimal).match, texts)):
            alone = not plain and all(map(_one_group(shape).match, texts))
            if mark != other or not alone:
                return f'try --thousands "{mark}"'
            return (
                f'try --thousands "{other}" if the mark groups thousands, '
                f'--decimal "{other}" if it is the decimal mark'
            )
    spelled = re.compile(rf"[+-]?(?:[0-9]*[{other}]?[0-9]+|[0-9]+[{other}])(?:[eE][+-]?[0-9]+)?\Z")
    both = _TWO_MARKS[decimal]
    if not all(both.match(text) or spelled.match(text) for text in texts):
        return None
    if any(decimal in cell for cell in plain) or pointed():
        return f'write "{decimal}" for the decimal mark everywhere'
    thousands = f' --thousands "{decimal}"' if any(map(both.match, texts)) else ""
    return f'try --decimal "{other}"{thousands}'


# What stands around numbers -----------------------------------------------------------------------


def _decoration_hint(
    texts: Sequence[str], plain: Sequence[str], reading: Reading, pointed: Callable[[], bool]
) -> str | None:
    """What to take off or to write otherwise."""
    advice, bare = [], []
    for text in texts:
        example, text = _positive(text)
        match = _DECORATED.match(text)
        if match is None:
            return None
        if example:
            advice.append(f"write -37 for {example}")
        bare.append(match)
    around = _around(bare)
    if around is None:
        return None
    numbers = [match["number"] or match["amount"] for match in bare]
    rest = [number for number in numbers if reading.number(number) is None]
    if rest:
        plain = [*plain, *(number for number in numbers if reading.number(number) is not None)]
        marks = _mark_hint(rest, plain, reading, pointed)
        if marks is None:
            return None
        around.append(marks)
    found = [*around[:1], *dict.fromkeys(advice), *around[1:]]
    return f"if they are numbers, {', '.join(found)}" if found else None


def _positive(text: str) -> tuple[str | None, str]:
    """How -37 is written in such a text, and what is left of it."""
    for example, pattern in _NEGATIVE.items():
        if match := pattern.match(text):
            return example, match["number"]
    return None, text


def _around(matches: Sequence[re.Match]) -> list[str] | None:
    """``take off the "$"``, as a list of at most one; None if too many different things stand
    around the numbers."""
    before = dict.fromkeys(match["before"] or match["currency"] for match in matches)
    after = dict.fromkeys((match["after"] or "").strip() for match in matches)
    if max(len(before), len(after)) > MOST_UNITS:
        return None
    found = [shown(text) for text in [*before, *after] if text]
    return [f"take off the {' and '.join(found)}"] if found else []
