"""Conformance: the promises that every problem and solver makes, tried on small random instances.

Each check returns `Finding`s, an empty list where all is well, so that a plugin's own tests can say
``assert check_solver("mine", "tsp") == []``. `redwood.plugins.conformance.testing` makes pytest tests of the same rules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redwood.budget import Sense
from redwood.errors import FitError, RedwoodError
from redwood.execution.messages import error_text
from redwood.planning.contract import Planning
from redwood.plugins.conformance.doctor import inspect_class
from redwood.plugins.conformance.planning_rules import PLANNING_RULES
from redwood.plugins.conformance.problem_rules import PROBLEM_RULES, ProblemCase
from redwood.plugins.conformance.rules import FOLDER, HANGS, Finding, Rule, broken, check_names, chosen, keep, smallest
from redwood.plugins.conformance.solver_rules import SOLVER_RULES, SolverCase
from redwood.plugins.host import host
from redwood.plugins.spec import SolverSpec
from redwood.problem import Instance
from redwood.result import Result
from redwood.solving.bound import bound
from redwood.solving.read import generate
from redwood.solving.solve import solve
from redwood.tolerance import contradicts
from redwood.views.bound import Bound

__all__ = ["Finding", "check_bounds", "check_planning", "check_problem", "check_solver", "rule_names"]

CLASS_RULE = "views-as-declared"
BOUND_RULE = "no-bound-beaten"
LOAD_RULE = "loads"


@dataclass
class Tried:
    """What was looked at, on which sizes and variants, and what of it was refused; for people as a text."""

    subject: str
    sizes: list[int] = field(default_factory=list)
    variants: dict[str, None] = field(default_factory=dict)
    refused: dict[str, None] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"size{'s' * (len(self.sizes) > 1)} {' and '.join(map(str, self.sizes))}"] if self.sizes else []
        parts += [f"variants {', '.join(self.variants)}"] if self.variants else []
        parts += [f"refused {', '.join(self.refused)}"] if self.refused else []
        return self.subject + (f" ({'; '.join(parts)})" if parts else "")


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
    cases = [SolverCase(name, problem, size, seed, iterations, options) for seed in seeds]
    return solver_findings(cases, Tried(name), exclude=exclude, since=since, save=save)


def solver_findings(
    cases: Sequence[SolverCase],
    tried: Tried,
    *,
    exclude: Collection[str] = (),
    since: str | None = None,
    save: str | Path = FOLDER,
) -> list[Finding]:
    """Return the promises that a solver breaks in some cases, and in the first one on the problem's `variants_tried`.

    Parameters
    ----------
    cases
        Of one solver, problem and size.
    tried
        Is told which variants were tried, and which were refused.
    exclude, since, save
        As of `check_solver`.
    """
    check_names(exclude, rule_names())
    first = cases[0]
    entry = host().solver_entry(first.solver, generate(first.problem, size=first.size, seed=0).problem)
    faults = _load_faults(entry.spec, entry) or _draw_faults(first, entry.spec)
    if faults:
        return [Finding(LOAD_RULE, f"solver {first.solver}", fault) for fault in faults]
    findings: list[Finding] = []
    for number, case in enumerate([*cases, *_variants_tried(first, tried)]):
        for rule in chosen(SOLVER_RULES, exclude, since):
            if rule.once and number:
                continue
            words = _try_solver(rule, case, Path(save))
            findings += words
            if words and rule.name == "budget-kept":
                return findings  # the other rules would wait for it
    return findings


def _variants_tried(case: SolverCase, tried: Tried) -> Iterator[SolverCase]:
    """Yield a case on further variants of its problem, but for those that the solver refuses."""
    further = () if "/" in case.problem else host().problem(case.problem).variants_tried
    for variant in further:
        other = replace(case, problem=f"{case.problem}/{variant}")
        if refuses(other):
            tried.refused[variant] = None
        else:
            tried.variants[variant] = None
            yield other


def refuses(case: SolverCase) -> bool:
    """Return whether the solver says that it does not take the instance of a case."""
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


def _draw_faults(case: SolverCase, spec: SolverSpec) -> list[str]:
    """Return what keeps the problem's generator from drawing an instance under the settings that a solver takes."""
    if spec.takes:
        try:
            case.drawn()
        except Exception as error:  # whatever a generator makes of a value that it does not expect
            reason = str(error) if isinstance(error, RedwoodError) else error_text(error)
            return [f"takes is {dict(spec.takes)!r}, and no instance of {case.problem!r} can be drawn so: {reason}"]
    return []


def _results_of_all(instance: Instance, iterations: int, options: Mapping[str, Mapping[str, Any]]) -> Iterator[Result]:
    """Yield what every installed solver that takes the instance comes to."""
    for name in sorted({entry.spec.name for entry in host().fitting(instance.problem) if not entry.missing}):
        with contextlib.suppress(FitError):  # such as a policy without weights for this problem
            own = dict(options.get(name, {}))
            yield solve(instance, name, seed=0, iterations=iterations, time_limit=20, bound_time_limit=0, **own)
