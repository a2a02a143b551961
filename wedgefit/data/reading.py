"""What the cells of a file mean: which texts are missing, how numbers are spelled, what is no data.

A model keeps the reading that it was trained with, so that every command and every export reads
later files in the same way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from wedgefit.data.words import shown
from wedgefit.errors import UsageError
from wedgefit.records import Complaint

DEFAULT_NA = ("", "NA", "NaN", "nan", "null", "NULL")
# A space that groups thousands is often one that keeps the groups together.
SPACES = " \u00a0\u202f"
_SWAP_MARKS = str.maketrans(",.", ".,")


def parse_number(cell: str) -> float | None:
    """The number that a stripped cell spells, infinite when it is too large; None for text.

    Stricter than ``float``: 1_000, fullwidth digits and spellings of NaN are text.
    """
    if "_" in cell or not cell.isascii():
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if math.isnan(value) else value


@dataclass(frozen=True)
class Reading:
    """How the cells of a file are read."""

    na: Annotated[
        tuple[str, ...],
        "Texts that mean missing, besides the empty one; one that spells a number means every cell "
        "of the same number in a column of numbers.",
    ] = DEFAULT_NA
    decimal: Literal[".", ","] = "."
    thousands: Annotated[str | None, "The mark between groups of three digits."] = None
    comment: Annotated[str | None, "Lines that begin with this character are no data."] = None
    header: Annotated[bool, "Whether the first line names the columns."] = True
    types: Annotated[
        dict[str, Literal["numeric", "category"]],
        "Columns of which training was told what they are; the cells say it of the others.",
    ] = field(default_factory=dict)

    def amended(
        self,
        *,
        na: Iterable[str] = (),
        na_only: Iterable[str] | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        comment: str | None = None,
        header: bool | None = None,
    ) -> Reading:
        """The same with what is told anew; ``na`` adds to the words for missing cells, ``na_only``
        takes their place. Raises UsageError for a mark out of its range."""
        words = self.na if na_only is None else tuple(na_only)
        told: dict[str, Any] = {
            "decimal": decimal,
            "thousands": thousands,
            "comment": comment,
            "header": header,
        }
        told = {name: value for name, value in told.items() if value is not None}
        amended = replace(self, na=_distinct((*words, *na)), **told)
        amended.check()
        return amended

    def typed(self, types: Mapping[str, str]) -> Reading:
        """The same, remembering the kinds of these columns, too, but for those that are skipped."""
        told: dict[str, Any] = {name: kind for name, kind in types.items() if kind != "skip"}
        return replace(self, types={**self.types, **told})

    def check(self) -> None:
        """Raises UsageError for marks that cannot be told apart."""
        if self.decimal not in (".", ","):
            raise UsageError(f'the decimal mark must be "." or ",", not {shown(self.decimal)}.')
        mark = self.thousands
        if mark is not None and (len(mark) != 1 or mark.isalnum() or mark in '+-"\r\n\0'):
            raise UsageError(
                f"the mark of thousands must be one character that is no digit, letter or sign, "
                f"not {shown(mark)}."
            )
        if mark == self.decimal:
            raise UsageError(
                f"{shown(self.decimal)} cannot be both the decimal mark and that of thousands.",
                remedy="Give --decimal and --thousands different marks.",
            )
        if self.comment is not None and (len(self.comment) != 1 or self.comment in '"\r\n\0'):
            raise UsageError(
                f"the mark of comment lines must be one character, not {shown(self.comment)}."
            )

    def complaints(self) -> Iterator[Complaint]:
        """What ``check`` refuses, for a record that is read from a file."""
        try:
            self.check()
        except UsageError:
            yield Complaint("", "with marks that can be told apart")

    @cached_property
    def words(self) -> frozenset[str]:
        """All texts that mean missing, the empty one among them."""
        return frozenset({"", *self.na})

    @cached_property
    def missing_numbers(self) -> tuple[float, ...]:
        """The numbers that mean missing in columns of numbers, sorted."""
        numbers = (self.number(word) for word in self.na)
        return tuple(sorted({number for number in numbers if number is not None}))

    @property
    def plain(self) -> bool:
        """Whether numbers are spelled as in program code."""
        return self.decimal == "." and self.thousands is None

    def number(self, cell: str) -> float | None:
        """The number that a stripped cell spells, infinite when it is too large; None for text."""
        if self.plain:
            return parse_number(cell)
        if self.thousands is not None and self._grouped.match(cell):
            cell = self._marks.sub("", cell)
        # Swapped rather than replaced, so that 1.234 (thousands?) is not taken for a number.
        return parse_number(cell.translate(_SWAP_MARKS) if self.decimal == "," else cell)

    @cached_property
    def _marks(self) -> re.Pattern:
        marks = SPACES if self.thousands == " " else self.thousands or ""
        return re.compile(f"[{re.escape(marks)}]")

    @cached_property
    def _grouped(self) -> re.Pattern:
        mark, decimal = self._marks.pattern, re.escape(self.decimal)
        return re.compile(
            rf"[+-]?[1-9]\d{{0,2}}({mark}\d{{3}})+({decimal}\d*)?([eE][+-]?\d+)?\Z", re.ASCII
        )


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words))
