"""What `redwood plugins check` does: everything that has a name, checked at several sizes, and what was tried in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from redwood.errors import RedwoodError, UnknownNameError, suggestion
from redwood.planning.contract import Planning
from redwood.plugins.conformance.checks import (
    LOAD_RULE,
    Tried,
    check_planning,
    check_problem,
    refuses,
    solver_findings,
)
from redwood.plugins.conformance.rules import Finding
from redwood.plugins.conformance.solver_rules import SolverCase
from redwood.plugins.entries import PluginState
from redwood.plugins.host import host

SIZES = (8, 30)
"""Sizes of the instances by default; a further one only of what passes the first quickly, and is not refused."""

SEEDS = (0, 1)
"""Of the instances that a solver is tried on."""

QUICK = 15.0
"""Seconds that the first size may take for the further ones to be tried by default."""


def check_name(name: str, *, sizes: Sequence[int] = (), **settings: Any) -> tuple[list[Finding], list[Tried]]:
    """Return the findings on every problem, solver and plugin of a name, and what was tried.

    A problem is also asked for its planning rules; a solver is tried on every problem that it fits.

    Parameters
    ----------
    name
        Of a problem, a solver or a plugin.
    sizes
        Of the instances; by default 8, and 30 where 8 was quick.
    **settings
        The arguments ``exclude``, ``since`` and ``save`` of `check_problem` and `check_solver`.

    Raises
    ------
    UnknownNameError
        Where nothing has the name.
    """
    found = host()
    problems = {e.spec.name for e in found.problem_entries if name in (e.spec.name, e.plugin) and not e.missing}
    solvers = {entry.spec.name for entry in found.solver_entries if name in (entry.spec.name, entry.plugin)}
    findings, seen = _registered(name, bool(problems or solvers))
    for problem in sorted(problems):
        words, tried = _problem_at(problem, sizes, settings)
        findings += words
        seen.append(tried)
    entries: list[Any] = [*found.problem_entries, *found.solver_entries]
    for absent in entries:
        if absent.missing and name in (absent.spec.name, absent.plugin):
            findings.append(Finding(LOAD_RULE, absent.spec.name, f"not installed: {'; '.join(absent.missing)}"))
    for solver in sorted(solvers):
        for problem in _problems_of(solver):
            words, tried = _solver_at(solver, problem, sizes, settings)
            findings += words
            seen.append(tried)
    return findings, seen


def _registered(name: str, is_known: bool) -> tuple[list[Finding], list[Tried]]:
    """Return what is wrong with the plugin of a name and with the name itself."""
    found = host()
    records = [record for record in found.records if record.name == name]
    named = {*(e.spec.name for e in found.problem_entries), *(e.spec.name for e in found.solver_entries)}
    if not (records or name in named or is_known):
        raise UnknownNameError(f"no problem, solver or plugin is named {name!r}.{suggestion(name, named)}")
    broken = [record for record in records if record.state in (PluginState.FAILED, PluginState.INCOMPATIBLE)]
    findings = [Finding(LOAD_RULE, f"plugin {name}", record.message) for record in broken]
    findings += [Finding(LOAD_RULE, name, sentence) for sentence in found.conflicts() if f"{name!r}" in sentence]
    return findings, [Tried(f"plugin {name}") for _ in records]


def _problem_at(name: str, sizes: Sequence[int], settings: dict[str, Any]) -> tuple[list[Finding], Tried]:
    tried = Tried(f"problem {name}")

    def check(size: int) -> list[Finding]:
        findings = check_problem(name, size=size, **settings)
        if findings and findings[0].rule == LOAD_RULE:
            return findings
        problem = host().problem(name)
        tried.variants |= dict.fromkeys(variant for variant in problem.variants if variant not in problem.variants_tried)
        return findings + (check_planning(name, size=size, **settings) if problem.offers(Planning) else [])

    return _at_sizes(tried, check, sizes), tried


def _solver_at(name: str, problem: str, sizes: Sequence[int], settings: dict[str, Any]) -> tuple[list[Finding], Tried]:
    tried = Tried(f"solver {name} on {problem}")

    def check(size: int) -> list[Finding]:
        cases = [SolverCase(name, problem, size, seed) for seed in SEEDS]
        if not sizes and tried.sizes and refuses(cases[0]):
            tried.refused[f"size {size}"] = None
            return []
        return solver_findings(cases, tried, **settings)

    return _at_sizes(tried, check, sizes), tried


def _at_sizes(tried: Tried, check: Callable[[int], list[Finding]], sizes: Sequence[int]) -> list[Finding]:
    """Return the findings at the sizes that are asked for, or at the default ones until something is found or slow."""
    findings: list[Finding] = []
    began = time.perf_counter()
    for size in sizes or SIZES:
        if not sizes and tried.sizes and (findings or time.perf_counter() - began > QUICK):
            break
        try:
            findings += check(size)
        except RedwoodError as error:
            findings.append(Finding(LOAD_RULE, tried.subject, str(error)))
        if f"size {size}" not in tried.refused:
            tried.sizes.append(size)
    return findings


def _problems_of(solver: str) -> list[str]:
    entries = [entry for entry in host().solver_entries if entry.spec.name == solver and not entry.missing]
    return sorted({p.spec.name for p in host().problem_entries for entry in entries if entry.spec.fits(p.spec)})
