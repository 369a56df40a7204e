"""What solving adds to the execution of a run: plugins for other processes, partners by name, and the hook at the end."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redwood.errors import FitError, SolverError
from redwood.execution.checking import Checker
from redwood.execution.messages import error_text
from redwood.execution.processes import ForkServer
from redwood.execution.supervisor import Request, longest_seconds, run_apart
from redwood.execution.task import Listener, Outcome, Task, execute
from redwood.plugins.entries import PluginWarning
from redwood.plugins.host import host
from redwood.result import Result
from redwood.solver import Solver


@dataclass(frozen=True)
class PluginFiles:
    """Loads plugins that are single files into the host of another process."""

    files: tuple[Path, ...]

    def __call__(self) -> None:
        for file in self.files:
            host().load_file(file)


def plugin_files() -> PluginFiles | None:
    """Return what loads the plugins that came from files, or ``None`` where none did."""
    return PluginFiles(tuple(host().files)) if host().files else None


def find_partner(solver: Solver, problem: str) -> Solver | None:
    """Return the solver that another hands its best solutions to, or ``None`` where it names none.

    Raises
    ------
    FitError
        Where the partner does not fit the problem.
    """
    if not solver.partner:
        return None
    try:
        partner: Solver = host().solver_entry(solver.partner, problem).load()()
    except FitError as error:
        raise FitError(f"{type(solver).__name__} would hand its solutions on, but {error}") from None
    return partner


def run_tasks(
    tasks: Sequence[Task], checkers: Sequence[Checker], *, isolate: bool, on_improvement: Listener | None = None
) -> list[Outcome]:
    """Run tasks of one problem and solver, in this process or in one of their own, and return what they came to.

    Parameters
    ----------
    tasks
        Of one problem and one solver.
    checkers
        Of their instances.
    isolate
        Whether to run them in a fresh interpreter that is killed at the limit.
    on_improvement
        Called with each improvement.
    """
    if not isolate:
        return execute(tasks, on_improvement)
    limit = longest_seconds(tasks[0].budget, tasks[0].problem.sense)
    request = Request(partial(tuple, tasks), checkers, limit, set_up=plugin_files())
    with ForkServer(tasks[0].threads, quiet=False) as server:
        outcomes = run_apart(request, server, on_improvement=on_improvement)
    if outcomes is None:
        raise SolverError("the run was stopped.")
    return outcomes


def announce(result: Result) -> Result:
    """Tell plugins of a finished result, and return it; a plugin that fails over it is a warning."""
    try:
        host().manager.hook.redwood_solved(result=result)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        warnings.warn(f"a plugin's hook redwood_solved failed: {error_text(error)}", PluginWarning, stacklevel=2)
    return result
