"""`register`: a problem or a solver for this process, without packaging anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redwood.lazy import load_target
from redwood.planning import files
from redwood.planning.contract import POLICY_TARGETS, Policy
from redwood.plugins.host import host
from redwood.plugins.spec import Choice, Determinism


def register(
    thing: Any,
    *,
    name: str = "",
    summary: str = "",
    views: Iterable[str] = (),
    problems: Iterable[str] = (),
    determinism: Determinism = Determinism.SEEDED,
    choices: Iterable[Choice] = (),
    takes: Mapping[str, Any] | None = None,
) -> Any:
    """Register a `Problem` class, a `Solver` class, a spec or a module with hooks, and return it.

    For a trainer, policies or requirements register a `SolverSpec` with them in the place of the class.

    Parameters
    ----------
    thing
        What to register. Registering a class again under the same name replaces it.
    name
        Needed for a solver class; a problem class says its own.
    summary
        One line for ``redwood plugins list``; by default the first line of the docstring.
    views
        Names of the views that a solver needs, such as ``["Linear"]``.
    problems
        Names of the problems that a solver is made for, where it needs no view.
    determinism
        What the same seed and iteration budget give.
    choices
        When ``auto`` may choose a solver.
    takes
        Settings of the problem's generator under which it gives instances that a solver takes; by default it takes all.

    Raises
    ------
    PluginError
        Where something is missing, or the thing is none of these.
    """
    host().register(
        thing,
        name=name,
        summary=summary,
        views=views,
        problems=problems,
        determinism=determinism,
        choices=tuple(choices),
        takes=dict(takes or {}),
    )
    return thing


def find_policy(kind: str) -> type | None:
    """Import and return the class of a kind of policy that a registered solver names; ``None`` where none does."""
    host()  # declares the kinds of all plugins
    return load_target(POLICY_TARGETS[kind]) if kind in POLICY_TARGETS else None


def load_policy(path: str | Path) -> Policy:
    """Return the policy of a file that `save_policy` wrote, of whatever plugin.

    Raises
    ------
    SolutionError
        Where the file cannot be read, holds no policy, or was written by a later version.
    """
    host()
    return files.load_policy(path)
