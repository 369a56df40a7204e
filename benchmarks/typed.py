"""Typed data of suites, plans and records: what does not fit is an error with place, key, value and rule."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar, get_args

import msgspec
from msgspec import Meta

from redwood.errors import FormatError, RedwoodError, suggestion

DataT = TypeVar("DataT")

LARGEST = 1e300
"""Magnitude up to which values are taken, so that differences of two are finite."""

Value = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Magnitude = Annotated[float, Meta(ge=0, le=LARGEST)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Limit = Annotated[float, Meta(gt=0, le=1e12)]
Count = Annotated[int, Meta(ge=1, le=2**53)]
Whole = Annotated[int, Meta(ge=0, le=2**53)]
Several = Annotated[tuple[Whole, ...], Meta(min_length=1)]


class Typed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of data that are read strictly: unknown keys are refused, and values are checked."""


def convert(data: Any, kind: type[DataT], place: str, refuse: type[RedwoodError] = FormatError) -> DataT:
    """Return plain data as a typed struct.

    Parameters
    ----------
    data
        Mappings, lists, texts and numbers.
    kind
        What they are to become.
    place
        Where they stand, for the message.
    refuse
        The error that is raised where they do not fit.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise refuse(f"{place}{explain(error, data, kind)}") from error


def explain(error: msgspec.ValidationError, data: Any, *kinds: Any) -> str:
    """Return what is wrong with data, to follow the name of their place: the key, the value and the rule."""
    rule, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    value = data
    try:
        for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
            value = value[int(index) if index else key]
    except (LookupError, TypeError):  # inside of a mapping with keys of its own
        value = "a value in it"
    if "unknown field" in rule:
        key, known = rule.split("`")[1], set().union(*map(_names, kinds)) - {rule.split("`")[1]}
        return f"{path and f', {path}'} has the unknown key {key!r}.{suggestion(key, known)}"
    if "missing required" in rule:
        return f"{path and f', {path}'} has no {rule.split('`')[1]}."
    return f": {f'{path} = ' if path else ''}{value!r:.100}: {rule[0].lower()}{rule[1:].replace('`', '').rstrip('.')}."


def _names(kind: Any) -> set[str]:
    """Return the keys of a struct and of all that it holds."""
    names: set[str] = set()
    for part in (kind, *get_args(kind)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            for field in msgspec.structs.fields(part):
                names |= {field.encode_name} | _names(field.type)
        elif part is not kind:
            names |= _names(part)
    return names
