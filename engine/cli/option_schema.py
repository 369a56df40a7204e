"""Options of solvers and executors as JSON schema, for forms, editors and checks of suites."""

from __future__ import annotations

import dataclasses
import enum
import math
import types
import typing
from pathlib import Path
from typing import Any, Literal, Union

from redwood.cli.describing import option_texts
from redwood.cli.values import type_hints

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The version of JSON schema that is written."""

PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string", type(None): "null"}
"""Types that JSON has."""


def option_schema(cls: Any) -> dict[str, Any]:
    """Return the JSON schema of the options of a class: of each its type, its default and its meaning.

    A type that JSON does not know is left open, and so is a default that is no JSON.
    """
    texts, kinds = option_texts(cls), type_hints(cls)
    properties = {}
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        entry = type_schema(kinds.get(field.name, Any))
        default = _json(_default(field))
        if default is not _NOTHING:
            entry["default"] = default
        if field.name in texts:
            entry["description"] = texts[field.name]
        properties[field.name] = entry
    return {"$schema": DIALECT, "type": "object", "properties": properties, "additionalProperties": False}


def type_schema(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type; an empty one, which takes everything, where JSON does not know it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        several = [type_schema(part) for part in parts]
        names = [one.get("type") for one in several]
        plain = all(len(one) == 1 and isinstance(name, str) for one, name in zip(several, names, strict=True))
        return {"type": names} if plain else {"anyOf": several}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (tuple, list):
        inner = parts[0] if parts and (origin is list or parts[1:] == (...,)) else None
        if inner is not None:
            return {"type": "array", "items": type_schema(inner)}
        return {"type": "array", "prefixItems": [type_schema(part) for part in parts]} if parts else {"type": "array"}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    return {"type": PLAIN[kind]} if kind in PLAIN else {}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _json(value: Any) -> Any:
    """Return a value as JSON has it, `_NOTHING` where JSON has no such value."""
    if isinstance(value, enum.Enum):
        return _json(value.value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        items = [_json(item) for item in value]
        return _NOTHING if _NOTHING in items else items
    if isinstance(value, float) and not math.isfinite(value):
        return _NOTHING
    return value if isinstance(value, (bool, int, float, str, type(None))) else _NOTHING


_NOTHING = object()
