"""What ``certify --without`` may leave out of a model, and what names mean of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wedgefit.data.pairs import pairs_spelt
from wedgefit.data.words import shown
from wedgefit.errors import UsageError
from wedgefit.model.record import Model

# A name may say what it is of; it must where it would be several things.
COLUMN, PAIR, ORDER = "column=", "pair=", "order="
# Of nine digits at most: no table has as many columns.
WHOLE = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class Part:
    """What to leave out: a column, the pair of two ``columns``, or every neuron that reads
    ``order`` columns or more."""

    name: str
    columns: tuple[str, ...] = ()
    order: int | None = None

    @property
    def key(self) -> tuple:
        """The same of all names for the same: A:B and B:A are one pair."""
        return frozenset(self.columns), self.order

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.order is not None:
            return f"all neurons that read {self.order} columns or more"
        kind = "the column " if len(self.columns) == 1 else "the pair of "
        return kind + " and ".join(map(shown, self.columns))


def parts_named(model: Model, names: Sequence[str]) -> list[Part]:
    """What these names mean: a column, ``A:B`` for a pair, ``order=K`` for all neurons that read K
    columns or more; each once. Raises UsageError for what the model does not have, and for names
    that mean several things."""
    if names and model.depth > 1:
        raise UsageError(
            "what a column costs is proven for one hidden layer.", remedy="Leave out --without."
        )
    found: dict[tuple, Part] = {}
    for part in (_part(model, name) for name in names):
        found.setdefault(part.key, part)
    return [*found.values()]


def _part(model: Model, name: str) -> Part:
    possible = _possible(model, name)
    if len(possible) > 1:
        meanings = ", or ".join(part.words for part in possible)
        spelt = ((_spelling(model, part), part) for part in possible)
        ways = [f"{shown(way)} is {part.words}" for way, part in spelt if way is not None]
        raise UsageError(
            f"--without {shown(name)}: that may be {meanings}.",
            remedy=f"Say which: {', and '.join(ways)}." if ways else "Rename a column, and train.",
        )
    if possible:
        return possible[0]
    for part in _readings(_columns(model), name):
        raise _refusal(model, part)
    raise UsageError(
        f"--without {shown(name)}: there is no such column, pair or order.",
        remedy=f"Columns are {', '.join(map(shown, _columns(model)))}; A:B is a pair, order=2 all"
        " pairs.",
    )


def _columns(model: Model) -> list[str]:
    return [column.name for column in model.encoding.inputs]


def _possible(model: Model, name: str) -> list[Part]:
    """All that a name means of this model."""
    parts = {part.key: part for part in _readings(_columns(model), name)}
    return [part for part in parts.values() if _refusal(model, part) is None]


def _readings(columns: Sequence[str], name: str) -> Iterator[Part]:
    """All that a name may say in these columns."""
    for text in dict.fromkeys([name, name.removeprefix(COLUMN)]):
        if text in columns:
            yield Part(name, (text,))
    for text in dict.fromkeys([name, name.removeprefix(PAIR)]):
        yield from (Part(name, pair) for pair in pairs_spelt(columns, text))
    digits = name.removeprefix(ORDER)
    if digits != name and WHOLE.fullmatch(digits):
        yield Part(name, order=int(digits))


def _spelling(model: Model, part: Part) -> str | None:
    """A name that means this part and nothing else; None where there is none."""
    names = [":".join(part.columns), ":".join(part.columns[::-1])]
    kind = COLUMN if len(part.columns) == 1 else PAIR
    names = [*names, *(kind + name for name in names)]
    if part.order is not None:
        names = [f"{ORDER}{part.order}", f"{ORDER}0{part.order}"]
    alone = [part.key]
    return next((n for n in names if [p.key for p in _possible(model, n)] == alone), None)


def _refusal(model: Model, part: Part) -> UsageError | None:
    """Why a model does not have this to leave out; None where it has."""
    if part.order is not None:
        return _order_refusal(model, part)
    if len(part.columns) == 2 and model.problem.norm != 1:
        return UsageError(
            "pairs are left out of networks of norm 1: neurons of norm 2 read all columns.",
            remedy="Leave out a column.",
        )
    read = model.problem.pairs
    if len(part.columns) == 2 and read is not None and {*part.columns} not in map(set, read):
        pairs = ", ".join(shown(":".join(pair)) for pair in read)
        return UsageError(
            f"--without {shown(part.name)}: no neuron of this model may read both.",
            remedy=f"Its pairs are {pairs}." if read else "Its neurons read no pairs.",
        )
    return None


def _order_refusal(model: Model, part: Part) -> UsageError | None:
    widest = len(model.encoding.names) if model.problem.order == "full" else model.problem.order
    if model.problem.norm == 1 and 2 <= part.order <= widest:
        return None
    columns = "column" if widest == 1 else "columns"
    some = "It has no order to leave out: name columns instead."
    if model.problem.norm == 1 and widest > 1:
        some = "Try order=2." if widest == 2 else f"Try an order from 2 to {widest}."
    return UsageError(
        f"--without {part.name}: neurons of this model read at most {widest} {columns}, "
        f"by norm {model.problem.norm}.",
        remedy=some,
    )
