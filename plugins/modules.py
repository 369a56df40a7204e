"""The modules of plugins: by name, and from single files."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from redwood.errors import PluginError


def importer(name: str) -> Callable[[], ModuleType]:
    """Return what imports a module by its name."""
    return lambda: importlib.import_module(name)


def import_file(path: Path) -> ModuleType:
    """Return the module of a single file, the same one for the same content; raise `PluginError` where it is none."""
    if not path.is_file():
        raise PluginError("the file does not exist.")
    digest = hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:8]
    name = f"redwood_file_{path.stem}_{digest}"
    if name in sys.modules:  # of another host in this process: its classes must stay the same ones
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError("it is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
