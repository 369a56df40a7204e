"""Every parameter of long signatures is documented, in numpydoc's form: those of public functions, and those of kernels."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator

import redwood

PUBLIC, KERNEL = 4, 8
"""From so many parameters on, ``self`` and ``cls`` not counted, public functions and kernels document them all."""
FAULTS = ("PR01", "PR02")
"""Codes of numpydoc: a parameter is not documented; what is documented is no parameter."""


def modules() -> Iterator[Any]:
    """Yield all modules of Redwood but the one that runs the program."""
    for found in pkgutil.walk_packages(redwood.__path__, "redwood."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def functions(module: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the function and the class, if any, of the functions that a module itself defines."""
    for name, thing in vars(module).items():
        if inspect.isclass(thing) and thing.__module__ == module.__name__:
            for method, member in vars(thing).items():
                plain = getattr(member, "__func__", member)
                if inspect.isfunction(plain):
                    yield f"{name}.{method}", plain, thing
        elif inspect.isfunction(inspect.unwrap(python_of(thing))) and python_of(thing).__module__ == module.__name__:
            yield name, thing, None


def python_of(thing: Any) -> Any:
    """Return the Python function of a kernel, and anything else as it is."""
    return getattr(thing, "py_func", thing)


def names_of(function: Any) -> list[str]:
    """Return the parameters of a function that its callers give."""
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def overrides(function: Any, owner: Any) -> bool:
    """Return whether a method stands in for one of a base class, which documents the parameters for all."""
    return owner is not None and any(function.__name__ in vars(base) for base in owner.__mro__[1:])


def has_to_tell(name: str, thing: Any, owner: Any) -> bool:
    """Return whether a function's parameters have to be documented."""
    count = len(names_of(python_of(thing)))
    if thing is not python_of(thing) and count >= KERNEL:
        return True
    public = not any(part.startswith("_") for part in name.split("."))
    return public and count >= PUBLIC and not overrides(thing, owner)


def faults(function: Any) -> list[str]:
    """Return what is wrong with the parameters of a function's docstring, by the codes of numpydoc."""
    found = Validator(get_doc_object(function)).parameter_mismatches
    return [message for code, message in found if code in FAULTS]


@functools.cache
def examined() -> dict[str, list[str]]:
    """Return the faults of all functions that have to document their parameters."""
    return {
        f"{module.__name__}.{name}": faults(python_of(thing))
        for module in modules()
        for name, thing, owner in functions(module)
        if has_to_tell(name, thing, owner)
    }


def test_long_signatures_document_every_parameter():
    """Public functions of four or more parameters and kernels of eight or more document each of them, and no other."""
    wrong = [f"{name}: {fault}" for name, found in examined().items() for fault in found]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.mark.parametrize(
    "name",
    [
        "redwood.solving.solve.solve",
        "redwood.plugins.host.Host.register",
        "redwood.problems.vrp.shipment_insertion._delivery_cost",
    ],
)
def test_the_check_sees_functions_methods_and_kernels(name):
    """A public function, a method and a private kernel are among those examined."""
    assert name in examined()
