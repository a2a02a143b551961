"""Frozen dataclasses and strict JSON: read, written, checked and described from their annotations.

A record is a frozen dataclass. Its annotations say what its JSON looks like: ``str``, ``bool``,
``int``, ``float``, ``None``, ``Literal[...]``, ``X | Y``, ``tuple[X, ...]``, ``tuple[X, Y]``,
``list[X]``, ``dict[str, X]`` and other records. What a type cannot say is added to it:
``Annotated[float, above(0), "A strength."]`` holds rules and, as text, the description. What one
field cannot say of another, the record's own method ``complaints`` does. The keys of a field marked
``FLAT``, a record or the last one a dictionary, stand beside the others. From the same annotations
follow ``read`` (with every complaint at once), ``plain`` (the JSON data) and the JSON Schema
(``published``), so that a new field is written down once.

A field with a default may be absent; a key that is no field is refused, as its meaning would be
lost.
"""

import json
import math
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from wedgefit.errors import ModelFileError

Record = TypeVar("Record")
# Whole numbers beyond do not fit an int64 array, and floats beyond 2**53 have no units digit.
LARGEST_INT = 2**63
_UNIONS = (Union, types.UnionType)
_BARE = (float, str, int, bool, type(None))
SHOWN = 3  # So many complaints stand in a message; the rest is counted.


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong: where, what was expected there, and what was found."""

    path: str
    expected: str
    found: str = ""

    def __str__(self) -> str:
        found = f", not {self.found}" if self.found else ""
        return f"{self.path} should be {self.expected}{found}"

    def within(self, path: str) -> "Complaint":
        """The same complaint seen from outside the record at ``path``."""
        return Complaint(_joined(path, self.path), self.expected, self.found)


@dataclass(frozen=True, eq=False)
class Rule:
    """What a value must be beyond its type: in words, as a test, and as JSON Schema."""

    words: str
    holds: Callable[[Any], bool]
    schema: dict[str, Any] = field(default_factory=dict)


class _Flat:
    """Marks a field whose keys stand beside those of the record that holds it."""


FLAT = _Flat()


def above(limit: float) -> Rule:
    return Rule(f"above {limit:g}", lambda value: value > limit, {"exclusiveMinimum": limit})


def below(limit: float) -> Rule:
    return Rule(f"below {limit:g}", lambda value: value < limit, {"exclusiveMaximum": limit})


def at_least(limit: float) -> Rule:
    return Rule(f"{limit:g} or more", lambda value: value >= limit, {"minimum": limit})


def items(least: int) -> Rule:
    words = f"with {least} item{'s' * (least != 1)} or more"
    return Rule(words, lambda value: len(value) >= least, {"minItems": least})


def entries(least: int) -> Rule:
    words = f"with {least} entr{'ies' if least != 1 else 'y'} or more"
    return Rule(words, lambda value: len(value) >= least, {"minProperties": least})


DISTINCT = Rule(
    "of distinct items", lambda value: len(set(value)) == len(value), {"uniqueItems": True}
)


# Reading ------------------------------------------------------------------------------------------


def parse(text: str | bytes) -> Any:
    """JSON data without NaN, infinities and repeated keys. Raises ModelFileError."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"this is not JSON ({error}).") from None


# What to do about a file that is not what it should be.
TRAIN_AGAIN = "Train the model again."


def read(kind: type[Record], data: Any, place: str = "", *, remedy: str = TRAIN_AGAIN) -> Record:
    """The record that ``plain`` made this JSON data of.

    Raises ModelFileError, which names the fields that are wrong (as paths from ``place``), what is
    there and what should be.
    """
    reader = _Reader()
    record = reader.value(kind, data, place)
    if reader.complaints:
        raise refusal(reader.complaints, remedy)
    return record


def refusal(complaints: Iterable[Complaint], remedy: str = TRAIN_AGAIN) -> ModelFileError:
    """The error that tells the first of these complaints, and counts the others."""
    complaints = list(complaints)
    told = "; ".join(map(str, complaints[:SHOWN]))
    more = f" (and {len(complaints) - SHOWN} more)" if len(complaints) > SHOWN else ""
    return ModelFileError(f"{told}{more}.", remedy=remedy)


def shortened(value: Any) -> str:
    """JSON data as a short text for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


class _Reader:
    """Builds records and collects what is wrong; where anything is, the value built has no use."""

    def __init__(self):
        self.complaints: list[Complaint] = []

    def value(self, kind: Any, data: Any, path: str) -> Any:
        kind, rules, _ = parts_of(kind)
        before = len(self.complaints)
        value = self._bare(kind, data, path)
        if len(self.complaints) == before:
            for rule in rules:
                if not rule.holds(value):
                    self._complain(path, f"{_words(kind)} {rule.words}", data)
        return value

    def _bare(self, kind: Any, data: Any, path: str) -> Any:
        origin, parts = _made_of(kind)
        if origin in _UNIONS:
            return self._union(parts, data, path)
        if not _shape(kind)(data):
            self._complain(path, _words(kind), data)
            return None
        if kind is float:
            return float(data)
        if is_dataclass(kind):
            return self._record(kind, data, path)
        if origin is tuple:
            return self._tuple(parts, data, path)
        if origin is list:
            return list(self._items([parts[0]] * len(data), data, path))
        if origin is dict:
            item = parts[1]
            return {key: self.value(item, each, _joined(path, key)) for key, each in data.items()}
        return data

    def _union(self, options: tuple, data: Any, path: str) -> Any:
        """The first option that this can be read as; else the complaints of the only one of its
        outer shape, or one that names all options."""
        alike = [option for option in options if _shape(parts_of(option)[0])(data)]
        for option in alike:
            attempt = _Reader()
            value = attempt.value(option, data, path)
            if not attempt.complaints:
                return value
        if len(alike) == 1:
            self.complaints += attempt.complaints
        else:
            self._complain(path, " or ".join(map(_words, options)), data)
        return None

    def _tuple(self, parts: tuple, data: list, path: str) -> tuple:
        kinds = [parts[0]] * len(data) if parts[1:] == (...,) else parts
        if len(kinds) != len(data):
            self._complain(path, _words(tuple[parts]), data)
            return ()
        return tuple(self._items(kinds, data, path))

    def _items(self, kinds: Sequence, data: list, path: str) -> Iterable[Any]:
        # Most of a model's file are lists of numbers, which need no words for each.
        if {*kinds} <= {float} and all(map(_shape(float), data)):
            return map(float, data)
        numbered = enumerate(zip(kinds, data))
        return [self.value(kind, each, f"{path}[{i}]") for i, (kind, each) in numbered]

    def _record(self, kind: type, data: dict, path: str) -> Any:
        before, known = len(self.complaints), keys_of(kind)
        rest = next(
            (part.name for part, value in flat_fields(kind) if not is_dataclass(value)), None
        )
        if rest is None:
            for key in data.keys() - known.keys():
                self.complaints.append(Complaint(_joined(path, key), "absent: the key is unknown"))
        for name, (part, _) in known.items():
            if name not in data and is_required(part):
                self.complaints.append(Complaint(_joined(path, name), "there: the key is missing"))
        values = {
            name: self.value(annotation, data[name], _joined(path, name))
            for name, (part, annotation) in fields_of(kind).items()
            if name in data and not _is_flat(annotation)
        }
        for part, value in flat_fields(kind):
            if is_dataclass(value):
                own = {key: data[key] for key in keys_of(value) if key in data}
            else:
                own = {key: data[key] for key in data if key not in known}
            if not _missing_keys(value, own):
                values[part.name] = self.value(value, own, path)
        if len(self.complaints) > before:
            return None
        record = kind(**values)
        check: Callable[[], Iterator[Complaint]] = getattr(record, "complaints", lambda: ())
        self.complaints += [complaint.within(path) for complaint in check()]
        return record

    def _complain(self, path: str, expected: str, found: Any) -> None:
        self.complaints.append(Complaint(path or "this", expected, shortened(found)))


@cache
def fields_of(kind: type) -> dict[str, tuple[Field, Any]]:
    """The fields of a record that its JSON has, each with its annotation, by name."""
    hints = get_type_hints(kind, include_extras=True)
    return {part.name: (part, hints[part.name]) for part in fields(kind) if part.init}


@cache
def flat_fields(kind: type) -> list[tuple[Field, Any]]:
    """The fields of a record whose keys stand beside the others, with their types."""
    found = [(part, hint) for part, hint in fields_of(kind).values() if _is_flat(hint)]
    return [(part, parts_of(hint)[0]) for part, hint in found]


@cache
def keys_of(kind: type) -> dict[str, tuple[Field, Any]]:
    """What ``fields_of`` gives, in the order of the JSON's keys: those of flat records among
    them."""
    found = {}
    for name, (part, annotation) in fields_of(kind).items():
        inner = parts_of(annotation)[0]
        if not _is_flat(annotation):
            found[name] = part, annotation
        elif is_dataclass(inner):
            found |= keys_of(inner)
    return found


@cache
def _is_flat(kind: Any) -> bool:
    return get_origin(kind) is Annotated and FLAT in get_args(kind)


def _missing_keys(kind: Any, data: dict) -> bool:
    """Whether a flat record lacks keys, which has been complained about already."""
    known = keys_of(kind) if is_dataclass(kind) else {}
    return any(name not in data and is_required(part) for name, (part, _) in known.items())


# What follows is asked of every number of a file, and depends on the annotation alone.


@cache
def parts_of(kind: Any) -> tuple[Any, tuple[Rule, ...], tuple[str, ...]]:
    """A type without what ``Annotated`` adds; the rules; the descriptions."""
    if get_origin(kind) is not Annotated:
        return kind, (), ()
    bare, *more = get_args(kind)
    rules = tuple(part for part in more if isinstance(part, Rule))
    return bare, rules, tuple(part for part in more if isinstance(part, str))


@cache
def _made_of(kind: Any) -> tuple[Any, tuple]:
    return get_origin(kind), get_args(kind)


@cache
def _shape(kind: Any) -> Callable[[Any], bool]:
    """What tells whether JSON data has the outer shape of a type; all of it for what has no
    parts."""
    origin, parts = _made_of(kind)
    if origin in _UNIONS:
        options = [_shape(parts_of(option)[0]) for option in parts]
        return lambda data: any(option(data) for option in options)
    if origin is Literal:
        return lambda data: any(type(data) is type(part) and data == part for part in parts)
    if is_dataclass(kind) or origin is dict:
        return lambda data: isinstance(data, dict)
    if origin in (tuple, list):
        return lambda data: isinstance(data, list)
    if kind is float:
        return lambda data: type(data) in (int, float) and _finite(data)
    if kind is int:
        return lambda data: type(data) is int and abs(data) < LARGEST_INT
    only = type(None) if kind is None else kind
    return lambda data: type(data) is only


def _finite(number: float) -> bool:
    # JSON has no limits: 1e400 is read as infinity, and a whole number may exceed every float.
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _words(kind: Any) -> str:
    """What a type is called in a message."""
    kind, rules, _ = parts_of(kind)
    origin, parts = get_origin(kind), get_args(kind)
    if rules:
        return " ".join([_words(kind), *(rule.words for rule in rules)])
    if origin is Literal or origin in (Union, types.UnionType):
        return " or ".join(map(json.dumps if origin is Literal else _words, parts))
    if is_dataclass(kind) or origin is dict:
        return "an object"
    if origin is tuple and parts[1:] != (...,):
        return f"a list of {len(parts)}: {', '.join(map(_words, parts))}"
    if origin in (tuple, list):
        return "a list"
    return _NAMES[type(None) if kind is None else kind]


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def is_required(part: Field) -> bool:
    return part.default is MISSING and part.default_factory is MISSING


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path and not key.startswith("[") else f"{path}{key}"


def _no_constant(name: str):
    raise ValueError(f"{name} is not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says two things of the same key says nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shortened(twice)} is there twice")
    return found


# Writing ------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """The JSON data of a record, or of anything made of records, keys in the order of the
    fields."""
    if type(value) in _BARE:
        return value
    if is_dataclass(value):
        data = {}
        for name, (_, annotation) in fields_of(type(value)).items():
            part = plain(getattr(value, name))
            data |= part if _is_flat(annotation) else {name: part}
        return data
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def to_text(data: Any) -> str:
    """JSON data as the text of a file; raises ValueError for NaN and infinities."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
