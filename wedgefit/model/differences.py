"""Two records as JSON data, held against each other field by field, and what came of it."""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from wedgefit.engine.certificate import Certificate

# Figures that no cancellation touches are the same but for this, relatively.
DIGITS = 1e-11


@dataclass(frozen=True)
class Check:
    """One field, or all of one kind: the stored and the recomputed value where they differ most."""

    name: str
    stored: Any
    recomputed: Any
    agrees: bool


@dataclass(frozen=True)
class NotChecked:
    """A figure that rows and weights cannot tell, and why."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Certification:
    """A model held against its training data, the record behind ``wedgefit certify``: every figure
    as stored and as recomputed, and the ``certificate`` as recomputed (None for what damaged
    figures make infinite)."""

    schema: str = "wedgefit.certification/1"
    agrees: bool
    checks: tuple[Check, ...]
    certificate: Certificate
    not_checked: tuple[NotChecked, ...]
    message: str


def compared(
    stored: dict,
    found: dict,
    slack: dict[str, float],
    skipped: Collection[str] = (),
    only: Collection[str] = (),
) -> list[Check]:
    """The fields of a stored record beside those found, figures by name, the others by their part.

    ``slack``: how far rounding may have moved each kind of field; ``skipped``: the parts that are
    not looked at; with ``only`` those alone are.
    """
    left, right = dict(_leaves(stored)), dict(_leaves(found))
    checks, alike = [], []
    for path in dict.fromkeys([*left, *right]):
        if only and not _within(path, only) or not only and _within(path, skipped):
            continue
        pair = left.get(path), right.get(path)
        both = path in left and path in right
        check = Check(path, *pair, both and same(*pair, slack.get(_kind(path), 0.0)))
        if check.agrees and not FIGURE.match(path):
            alike.append(check)
        else:
            checks.append(check)
    for part, some in groupby(alike, key=lambda check: re.split(r"[.\[]", check.name)[0]):
        number = len(list(some))
        words = f"{number} value{'s' * (number != 1)}"
        checks.append(Check(part, words, words, True))
    return checks


# Fields that are shown one by one.
FIGURE = re.compile(
    r"(certificate|stages\[\d+\])\.(objective|lower_bound|relative_gap|network_lower_bound|"
    r"network_relative_gap|wedges_total)$|score\.train\.|intercept|problem\.alpha_max"
)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that has no parts, by its path; an empty list or object is one."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for i, part in enumerate(value):
            yield from _leaves(part, f"{path}[{i}]")
    else:
        yield path, value


def _kind(path: str) -> str:
    """The path of all fields like this one: any place of a list, any output."""
    path = re.sub(r"\[\d+\]", "[*]", path)
    return "intercept.*" if path.startswith("intercept.") else path


def _within(path: str, parts) -> bool:
    return any(path == part or path.startswith((f"{part}.", f"{part}[")) for part in parts)


def same(stored: Any, found: Any, slack: float) -> bool:
    numbers = all(type(value) in (int, float) for value in (stored, found))
    if not numbers or type(stored) is type(found) is int:
        return type(stored) is type(found) and stored == found
    # A figure that overflows is no figure that another could be near to.
    near = math.isfinite(found) and abs(stored - found) <= DIGITS * abs(found) + slack
    return bool(stored == found or near)
