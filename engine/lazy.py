"""Importing things by name at first use."""

from __future__ import annotations

import importlib
from typing import Any

from redwood.errors import PluginError


def load_target(target: str | type) -> Any:
    """Return what a lazy target ``"package.module:Name"`` names; a class stands for itself.

    Raises
    ------
    PluginError
        Where the target is malformed, its module cannot be imported, or the module lacks the name.
    """
    if not isinstance(target, str):
        return target
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"lazy target {target!r} is not of the form 'package.module:Name'.")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise PluginError(f"{target!r} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise PluginError(f"module {module_name!r} has no {attribute!r}, which the lazy target {target!r} names.") from error
