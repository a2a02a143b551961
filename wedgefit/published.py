"""The JSON Schema of records, published for those who read their files without wedgefit."""

import types
from dataclasses import is_dataclass
from functools import partial
from typing import Any, Literal, Union, get_args, get_origin

from wedgefit.records import flat_fields, is_required, keys_of, parts_of


def schema(kind: type, title: str, description: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the JSON that ``read`` accepts, but for what the records'
    ``complaints`` add."""
    known: dict[str, dict] = {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        **_object_schema(kind, known),
        "$defs": dict(sorted(known.items())),
    }


def _object_schema(kind: type, known: dict[str, dict]) -> dict[str, Any]:
    keys = keys_of(kind)
    rest = [value for _, value in flat_fields(kind) if not is_dataclass(value)]
    return {
        "type": "object",
        "required": [name for name, (part, _) in keys.items() if is_required(part)],
        "additionalProperties": _schema(get_args(rest[0])[1], known) if rest else False,
        "properties": {name: _schema(hint, known) for name, (_, hint) in keys.items()},
    }


def _schema(kind: Any, known: dict[str, dict]) -> dict[str, Any]:
    kind, rules, descriptions = parts_of(kind)
    described = {"description": " ".join(descriptions)} if descriptions else {}
    parts = _bare_schema(kind, known)
    for rule in rules:
        parts = parts | rule.schema
    return parts | described


def _bare_schema(kind: Any, known: dict[str, dict]) -> dict[str, Any]:
    origin, parts, inner = get_origin(kind), get_args(kind), partial(_schema, known=known)
    if is_dataclass(kind):
        if kind.__name__ not in known:
            known[kind.__name__] = {}  # A record may hold records of its own kind.
            known[kind.__name__] = {
                "description": " ".join(kind.__doc__.split("\n\n")[0].split()),
                **_object_schema(kind, known),
            }
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin is Literal:
        return {"const": parts[0]} if len(parts) == 1 else {"enum": list(parts)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [inner(part) for part in parts]}
    if origin is tuple and parts[1:] != (...,):
        listed = [inner(part) for part in parts]
        return {"type": "array", "prefixItems": listed, "items": False, "minItems": len(listed)}
    if origin in (tuple, list):
        return {"type": "array", "items": inner(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": inner(parts[1])}
    return {"type": _TYPES[type(None) if kind is None else kind]}


_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
