"""Conformance: the promises that every problem and solver makes, tried on small random instances.

Each check returns `Finding`s, an empty list where all is well, so that a plugin's own tests can say
``assert check_solver("mine", "tsp") == []``. `redwood.plugins.conformance.testing` makes pytest tests of the same rules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from redwood.budget import Sense
from redwood.errors import FitError, RedwoodError, UnknownNameError, suggestion
from redwood.planning.contract import Planning
from redwood.plugins.conformance.doctor import inspect_class
from redwood.plugins.conformance.planning_rules import PLANNING_RULES
from redwood.plugins.conformance.problem_rules import PROBLEM_RULES, ProblemCase
from redwood.plugins.conformance.rules import FOLDER, HANGS, Finding, Rule, broken, check_names, chosen, keep, smallest
from redwood.plugins.conformance.solver_rules import SOLVER_RULES, SolverCase
from redwood.plugins.host import PluginState, host
from redwood.problem import Instance
from redwood.result import Result
from redwood.solving.bound import bound
from redwood.solving.read import generate
from redwood.solving.solve import solve
from redwood.tolerance import contradicts
from redwood.views.bound import Bound

__all__ = ["Finding", "check_bounds", "check_name", "check_planning", "check_problem", "check_solver", "rule_names"]

CLASS_RULE = "views-as-declared"
BOUND_RULE = "no-bound-beaten"
LOAD_RULE = "loads"


def rule_names() -> list[str]:
    """Return the names of all rules, each documented under a heading of its own."""
    rules: tuple[Rule[Any], ...] = (*PROBLEM_RULES, *PLANNING_RULES, *SOLVER_RULES)
    return [LOAD_RULE, CLASS_RULE, BOUND_RULE, *(rule.name for rule in rules)]


def check_problem(
    name: str,
    *,
    size: int = 8,
    seeds: Iterable[int] = (0, 1, 2),
    exclude: Collection[str] = (),
    since: str | None = None,
    save: str | Path = FOLDER,
) -> list[Finding]:
    """Return the promises that a problem breaks on random instances of a size, every variant of its generator.

    Views may refuse its `variants_tried`, which are for solvers.

    Parameters
    ----------
    name
        A registered problem.
    size
        Size of the instances, as its generator takes it.
    seeds
        One instance of each variant for each of these.
    exclude
        Names of rules to leave out.
    since
        The release of Redwood whose rules are asked for, such as ``"0.1"``: younger rules are left out, so that a new
        release does not break a plugin's tests until it opts in. By default all rules.
    save
        Folder for counter-examples, made where there is one.
    """
    return _problem_findings(name, PROBLEM_RULES, True, size, seeds, exclude, since, Path(save))


def check_planning(
    name: str,
    *,
    size: int = 6,
    seeds: Iterable[int] = (0, 1),
    exclude: Collection[str] = (),
    since: str | None = None,
    save: str | Path = FOLDER,
) -> list[Finding]:
    """Return the promises that the view `Planning` of a problem breaks on random instances of a size.

    Parameters
    ----------
    name
        A registered problem with the view.
    size
        Size of the instances, as its generator takes it.
    seeds
        One instance of each variant for each of these.
    exclude
        Names of rules to leave out.
    since
        The release of Redwood whose rules are asked for; by default all rules.
    save
        Folder for counter-examples, made where there is one.

    Raises
    ------
    FitError
        Where the problem does not offer the view.
    """
    if not host().problem(name).offers(Planning):
        raise FitError(f"problem {name!r} does not offer the view Planning.")
    return _problem_findings(name, PLANNING_RULES, False, size, seeds, exclude, since, Path(save))


def check_solver(
    name: str,
    problem: str,
    *,
    size: int = 8,
    seeds: Iterable[int] = (0, 1),
    iterations: int = 20,
    exclude: Collection[str] = (),
    since: str | None = None,
    save: str | Path = FOLDER,
    **options: Any,
) -> list[Finding]:
    """Return the promises that a solver breaks on random instances of a problem.

    Where no variant is asked for, an instance of each of the problem's `variants_tried` follows, if the solver takes it.

    Parameters
    ----------
    name
        A registered solver.
    problem
        A problem, with or without a variant, that it takes.
    size
        Size of the instances, as the problem's generator takes it.
    seeds
        One instance for each of these; the solver gets them as well.
    iterations
        Iterations of a run, as the solver counts them.
    exclude
        Names of rules to leave out.
    since
        The release of Redwood whose rules are asked for; by default all rules.
    save
        Folder for counter-examples, made where there is one.
    **options
        Fields of the solver.
    """
    check_names(exclude, rule_names())
    entry = host().solver_entry(name, generate(problem, size=size, seed=0).problem)
    faults = _load_faults(entry.spec, entry)
    if faults:
        return [Finding(LOAD_RULE, f"solver {name}", fault) for fault in faults]
    findings: list[Finding] = []
    cases = [SolverCase(name, problem, size, seed, iterations, options) for seed in seeds]
    for number, case in enumerate([*cases, *_variants_tried(cases[:1])]):
        for rule in chosen(SOLVER_RULES, exclude, since):
            if rule.once and number:
                continue
            words = _try_solver(rule, case, Path(save))
            findings += words
            if words and rule.name == "budget-kept":
                return findings  # the other rules would wait for it
    return findings


def _variants_tried(cases: Iterable[SolverCase]) -> Iterator[SolverCase]:
    """Yield the same case on further variants of its problem, but for those that the solver refuses."""
    for case in cases:
        further = () if "/" in case.problem else host().problem(case.problem).variants_tried
        for variant in further:
            other = replace(case, problem=f"{case.problem}/{variant}")
            if not _refused(other):
                yield other


def _refused(case: SolverCase) -> bool:
    try:
        return not isinstance(case.first, Result)
    except FitError:
        return True
    except Exception:  # the rules say what is wrong
        return False


def check_bounds(
    problem: str,
    *,
    size: int = 8,
    seeds: Iterable[int] = (0, 1),
    iterations: int = 20,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Finding]:
    """Return the bounds of any solver, or of the problem's own view, that the best solution of all solvers contradicts.

    Parameters
    ----------
    problem
        A problem, with or without a variant.
    size
        Size of the instances, as its generator takes it.
    seeds
        One instance for each of these; the solvers get them as well.
    iterations
        Iterations of each solver, as it counts them.
    options
        Options of solvers, by the solvers' names, such as of those that would learn for long.
    """
    findings = []
    for seed in seeds:
        instance = generate(problem, size=size, seed=seed)
        results = list(_results_of_all(instance, iterations, options or {}))
        claims = [(result.solver, result.bound) for result in results if result.bound is not None]
        found = host().problem(instance.problem)
        if found.offers(Bound):
            claims.append(("the view Bound", bound(instance, time_limit=5).value))
        priced = [(result.objective, result.solution) for result in results if result.objective is not None]
        if not priced:
            continue
        best, solution = (min if found.sense is Sense.MIN else max)(priced, key=lambda pair: pair[0])
        margin = found.margin(instance, solution)
        for claimer, value in claims:
            if contradicts(found.sense, best, value, margin, found.magnitude(instance)):
                message = f"{claimer} claims the bound {value:.9g}, and a solution of {best:.9g} exists."
                findings.append(Finding(BOUND_RULE, f"{problem} of size {size}, seed {seed}", message))
    return findings


def check_name(name: str, **settings: Any) -> tuple[list[Finding], list[str]]:
    """Return the findings on every problem, solver and plugin of a name, and what was looked at.

    A problem is also asked for its planning rules; a solver is tried on every problem that it fits.

    Raises
    ------
    UnknownNameError
        Where nothing has the name.
    """
    found = host()
    findings: list[Finding] = []
    seen: list[str] = []
    records = [record for record in found.records if record.name == name]
    problems = {e.spec.name for e in found.problem_entries if name in (e.spec.name, e.plugin) and not e.missing}
    solvers = {entry.spec.name for entry in found.solver_entries if name in (entry.spec.name, entry.plugin)}
    for record in records:
        seen.append(f"plugin {name}")
        if record.state in (PluginState.FAILED, PluginState.INCOMPATIBLE):
            findings.append(Finding(LOAD_RULE, f"plugin {name}", record.message))
    named = {*(e.spec.name for e in found.problem_entries), *(e.spec.name for e in found.solver_entries)}
    if not (records or name in named or problems or solvers):
        raise UnknownNameError(f"no problem, solver or plugin is named {name!r}.{suggestion(name, named)}")
    findings += [Finding(LOAD_RULE, name, sentence) for sentence in found.conflicts() if f"{name!r}" in sentence]
    for problem in sorted(problems):
        seen.append(f"problem {problem}")
        findings += _guarded(f"problem {problem}", lambda problem=problem: _whole_problem(problem, settings))
    entries: list[Any] = [*found.problem_entries, *found.solver_entries]
    for absent in entries:
        if absent.missing and name in (absent.spec.name, absent.plugin):
            findings.append(Finding(LOAD_RULE, absent.spec.name, f"not installed: {'; '.join(absent.missing)}"))
    for solver in sorted(solvers):
        for problem in _problems_of(solver):
            seen.append(f"solver {solver} on {problem}")
            findings += _guarded(seen[-1], lambda s=solver, p=problem: check_solver(s, p, **settings))
    return findings, seen


def _whole_problem(name: str, settings: dict[str, Any]) -> list[Finding]:
    findings = check_problem(name, **settings)
    if (findings and findings[0].rule == LOAD_RULE) or not host().problem(name).offers(Planning):
        return findings
    return findings + check_planning(name, **settings)


def _guarded(subject: str, check: Any) -> list[Finding]:
    try:
        return list(check())
    except RedwoodError as error:
        return [Finding(LOAD_RULE, subject, str(error))]


def _problems_of(solver: str) -> list[str]:
    entries = [entry for entry in host().solver_entries if entry.spec.name == solver and not entry.missing]
    return sorted({p.spec.name for p in host().problem_entries for entry in entries if entry.spec.fits(p.spec)})


def _problem_findings(
    name: str,
    rules: Iterable[Rule[ProblemCase]],
    examine_class: bool,
    size: int,
    seeds: Iterable[int],
    exclude: Collection[str],
    since: str | None,
    folder: Path,
) -> list[Finding]:
    check_names(exclude, rule_names())
    entry = host().problem_entry(name)
    faults = _load_faults(entry.spec, entry)
    if faults and (examine_class or entry.cls is None):
        kind = CLASS_RULE if entry.cls is not None else LOAD_RULE
        return [] if kind in exclude else [Finding(kind, f"problem {name}", fault) for fault in faults]
    problem = host().problem(name)
    findings: list[Finding] = []
    variants = [variant for variant in problem.variants if variant not in problem.variants_tried]
    for label in [f"{name}/{variant}" for variant in variants] or [name]:
        for number, seed in enumerate(seeds):
            for rule in chosen(rules, exclude, since):
                if (rule.once and number) or any(f.rule == rule.name and f.message == HANGS for f in findings):
                    continue
                findings += _try_problem(rule, problem, label, size, seed, folder)
    return findings


def _try_problem(rule: Rule[ProblemCase], problem: Any, label: str, size: int, seed: int, folder: Path) -> list[Finding]:
    found = smallest(rule, lambda n: ProblemCase(problem, label, n, seed), size)
    if found is None:
        return []
    number, case, words = found
    subject = f"{label} of size {number}, seed {seed}"
    return _findings(rule.name, subject, words, case, folder)


def _try_solver(rule: Rule[SolverCase], case: SolverCase, folder: Path) -> list[Finding]:
    def make(size: int) -> SolverCase:
        return case if size == case.size else replace(case, size=size)

    if rule.once:
        words = broken(rule, case)
        found = (case.size, case, words) if words else None
    else:
        found = smallest(rule, make, case.size)
    if found is None:
        return []
    number, small, words = found
    subject = f"{case.solver} on {case.problem} of size {number}, seed {case.seed}"
    return _findings(rule.name, subject, words, small, folder)


def _findings(rule: str, subject: str, words: list[str], case: Any, folder: Path) -> list[Finding]:
    example = ""
    with contextlib.suppress(Exception):  # a generator that fails leaves no instance to keep
        example = keep(folder, rule, subject, words, case.instance)
    return [Finding(rule, subject, message, example) for message in words]


def _load_faults(spec: Any, entry: Any) -> list[str]:
    try:
        return inspect_class(spec, entry.load())
    except RedwoodError as error:
        return [str(error)]


def _results_of_all(instance: Instance, iterations: int, options: Mapping[str, Mapping[str, Any]]) -> Iterator[Result]:
    """Yield what every installed solver that takes the instance comes to."""
    for name in sorted({entry.spec.name for entry in host().fitting(instance.problem) if not entry.missing}):
        with contextlib.suppress(FitError):  # such as a policy without weights for this problem
            own = dict(options.get(name, {}))
            yield solve(instance, name, seed=0, iterations=iterations, time_limit=20, bound_time_limit=0, **own)
