"""Options given as ``key=value``, read by the type that the solver or the generator declares."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from redwood.errors import OptionError


def split_options(pairs: Sequence[str]) -> dict[str, str]:
    """Return the texts of options by name; a dash in a name means an underscore."""
    options: dict[str, str] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        name = key.strip().replace("-", "_")
        if not equals or not name:
            hint = "" if equals else " Files to write are named by --out." if "." in pair else ""
            raise OptionError(f"option {pair!r} is not of the form key=value.{hint}")
        if name in options:
            raise OptionError(f"option {name!r} is given twice: {options[name]!r} and {text!r}.")
        options[name] = text.strip()
    return options


def class_options(cls: Any, what: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return options of a class with the types of its fields; unknown ones stay as they are for it to refuse."""
    kinds = {field.name: field.type for field in dataclasses.fields(cls) if field.init}
    kinds |= {key: kind for key, kind in type_hints(cls).items() if key in kinds}
    return _typed(kinds, what, texts)


def call_options(function: Callable[..., Any], what: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return keyword arguments of a function with the types that it declares."""
    kinds: dict[str, Any] = {key: given.annotation for key, given in inspect.signature(function).parameters.items()}
    return _typed({**kinds, **type_hints(function)}, what, texts)


def _typed(kinds: Mapping[str, Any], what: str, texts: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for key, text in texts.items():
        try:
            values[key] = parse_value(text, kinds.get(key, str))
        except ValueError:
            raise OptionError(f"option {key!r} of {what} takes {describe_type(kinds[key])}, not {text!r}.") from None
    return values


def type_hints(thing: Any) -> dict[str, Any]:
    """Return the types that a class or function declares; none where one of them is imported for type checkers only."""
    try:
        return typing.get_type_hints(thing)
    except NameError:
        return {}


def parse_value(text: str, kind: Any) -> Any:
    """Return a text as a value of a declared type; a type that is none of the plain ones is guessed at.

    Raises
    ------
    ValueError
        Where the text is no value of the type.
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _first_that_fits(text, parts)
    if origin is Literal:
        return _one_of(text, {str(part): part for part in parts})
    if origin in (tuple, list):
        inner = parts[0] if parts else str
        return origin(parse_value(piece.strip(), inner) for piece in text.split(",") if piece.strip())
    if kind is bool:
        return _one_of(text.lower(), {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False})
    if kind in (int, float):
        return kind(text)
    if kind in (str, Path):
        return kind(text)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _one_of(text, {str(member.value): member for member in kind})
    return _first_that_fits(text, (None, int, float, bool, str))


def describe_type(kind: Any) -> str:
    """Return a declared type in words, for messages and tables."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(part) for part in parts)
    if origin is Literal:
        return "one of " + ", ".join(str(part) for part in parts)
    if origin in (tuple, list):
        return f"a list ({describe_type(parts[0])}, with commas between)" if parts else "a list with commas between"
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "one of " + ", ".join(str(member.value) for member in kind)
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", Path: "a path"}
    return words.get(kind, "none" if kind in (None, type(None)) else getattr(kind, "__name__", str(kind)))


def _first_that_fits(text: str, kinds: Sequence[Any]) -> Any:
    """Return the text as the first of several types that takes it, ``None`` before all and ``str`` after all."""
    ordered = sorted(kinds, key=lambda kind: (kind is str, kind not in (None, type(None))))
    for kind in ordered:
        if kind in (None, type(None)):
            if text.lower() in ("none", ""):
                return None
            continue
        try:
            return parse_value(text, kind)
        except ValueError:
            continue
    raise ValueError(text)


def _one_of(text: str, values: Mapping[str, Any]) -> Any:
    if text not in values:
        raise ValueError(text)
    return values[text]
