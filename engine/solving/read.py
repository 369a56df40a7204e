"""Getting instances and solutions: from files, from data, from generators."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import FormatError, SolutionError, UnknownNameError, suggestion
from redwood.files import parse_json, path_of, read_text, stem, suffix, with_path
from redwood.plugins.host import host
from redwood.plugins.spec import ProblemSpec
from redwood.problem import Instance, Problem, Solution, check_arguments, instance_of
from redwood.result import Result
from redwood.settings import check_seed, whole

HEAD = 65536
"""Characters of a file that decide what it is."""


def read(path: str | Path, problem: str | None = None, **options: Any) -> Instance:
    """Return the validated instance in a file, recognised by its content and, where that is not enough, its suffix.

    Parameters
    ----------
    path
        The file.
    problem
        Name of the problem, where the file should not be guessed at.
    **options
        What the problem's reader takes, such as ``rounded=False`` for a CVRP with distances as they are.

    Raises
    ------
    FormatError
        Where the file cannot be read, is of no known format, or breaks the rules of its format.
    InstanceError
        Where its data break a rule of the problem.
    OptionError
        Where the problem's reader takes no option of that name.
    """
    file = path_of(path)
    text = None if problem is not None and _reads_itself(host().problem(problem)) else read_text(file)
    kind = host().problem(problem or recognise(text or "", file))
    asked = kind.read if _reads_itself(kind) else kind.parse
    check_arguments(asked, options, f"the reader of {kind.name!r}", skip=("path", "text", "name"))
    try:
        found: Instance = kind.read(file, **options) if text is None else kind.parse(text, stem(file), **options)
    except FormatError as error:
        message = with_path(str(error), file)
        if problem is None and kind.name not in _matching(text or ""):
            wrong = f"its content matches no known format, and it is no {kind.name} file either, as its suffix says"
            message = f"{file}: {wrong}: {message.removeprefix(str(file)).lstrip(':, ')}"
        raise FormatError(message, error.line) from error
    return found


def recognise(text: str, path: Path) -> str:
    """Return the name of the problem that the text of a file holds an instance of."""
    specs = [entry.spec for entry in host().problem_entries]
    matching = _matching(text)
    suffixed = {spec.name for spec in specs if any(suffix(path) in form.suffixes for form in spec.formats)}
    for names in (matching & suffixed, matching, suffixed):
        if len(names) == 1:
            return next(iter(names))
        if names:
            unknown = "" if matching else "its content matches no known format; by its suffix it "
            raise FormatError(
                f"{path}: {unknown}may hold an instance of {' or '.join(sorted(names))}; say which with problem=."
            )
    known = ", ".join(sorted({suffix for spec in specs for form in spec.formats for suffix in form.suffixes}))
    table = " A table goes through redwood.instance(PROBLEM, ...) in Python." if suffix(path) == ".csv" else ""
    raise FormatError(
        f"{path}: is of no known instance format (suffixes known: {known}); "
        f"say which with problem=, in the shell --problem.{table}"
    )


def instance(problem: str, **data: Any) -> Instance:
    """Return a validated instance of a problem from arrays, matrices or graphs.

    The names of the data are those that the problem's ``make`` takes, such as ``coords=``, ``matrix=`` or ``graph=`` for
    ``"tsp"``.

    Raises
    ------
    OptionError
        Where the problem takes no data of that name.
    InstanceError
        Where the data break a rule of the problem.
    """
    found = host().problem(problem)
    check_arguments(found.make, data, f"an instance of {problem!r}")
    made: Instance = found.make(**data)
    return made


def generate(problem: str, size: int, seed: int = 0, **options: Any) -> Instance:
    """Return a random instance; the same arguments give the same instance on every machine.

    Parameters
    ----------
    problem
        Name of the problem, with the variant of its generator after a slash if not the first: ``"tsp/clustered"``.
    size
        In the problem's own measure: nodes, customers, items, arms.
    seed
        The one source of randomness.
    **options
        What the problem's generator takes.
    """
    name, _, variant = problem.partition("/")
    found = host().problem(name)
    if variant and variant not in found.variants:
        raise UnknownNameError(f"problem {name!r} has no variant {variant!r}.{suggestion(variant, found.variants)}")
    size, seed = whole("size", size, 1), check_seed(seed)
    check_arguments(found.generate, options, f"the generator of {name!r}", skip=("size", "rng", "variant"))
    default = found.variants[0] if found.variants else ""
    made: Instance = found.generate(size, np.random.default_rng(seed), variant=variant or default, **options)
    if made.name:
        return made
    label = "-".join(part for part in (name, variant, str(size), f"s{seed}") if part)
    return dataclasses.replace(made, name=label)


def read_solution(path: str | Path, instance: Instance) -> Solution:
    """Return the solution of an instance that a file in the problem's own format holds (``.tour``, ``.sol``)."""
    text = read_text(path_of(path))
    try:
        found: Solution = host().problem(instance_of(instance).problem).parse_solution(text, instance)
    except (FormatError, SolutionError) as error:
        words = _placed(str(error), path)
        raise (FormatError(words, error.line) if isinstance(error, FormatError) else SolutionError(words)) from error
    return found


def _placed(message: str, path: str | Path) -> str:
    """Return a message about a solution with the name of its file in the front, once."""
    if str(path) in message:
        return message
    message = message.removeprefix("tour: ")
    return f"{path}, {message.removeprefix('tour, ')}" if message.startswith(("line ", "tour, ")) else f"{path}: {message}"


def load_solution(path: Path, instance: Instance) -> Solution:
    """Return the solution in a file: in the problem's own format, or as JSON (a solution, or a whole result).

    Raises
    ------
    FormatError
        Where the file cannot be read or holds no solution.
    """
    if suffix(path) != ".json":
        return read_solution(path, instance)
    data = parse_json(read_text(path), path)
    if isinstance(data, dict) and "solution" in data:
        data = data["solution"]
    if data is None:
        raise FormatError(f"{path}: the result in it has no solution.")
    solution: Solution = host().problem(instance_of(instance).problem).solution(data)
    return solution


def read_result(text: str) -> Result:
    """Return the result that `Result.to_json` wrote; its problem must be registered.

    Raises
    ------
    FormatError
        Where the text is not such a result.
    """
    try:
        data = parse_json(text, "the text")
        problem = host().problem(str(data["problem"]))
    except (TypeError, KeyError) as error:
        raise FormatError(f"the text is not a Redwood result: {type(error).__name__}: {error}") from error
    return Result.from_dict(data, problem)


@dataclass(frozen=True)
class Check:
    """What a problem says of a solution: its value, or the rules that it breaks."""

    objective: float | None
    violations: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        """Whether no rule is broken."""
        return not self.violations


def check(instance: Instance, solution: Any) -> Check:
    """Return the objective of a solution, priced on the raw instance, or the rules that it breaks."""
    problem = host().problem(instance_of(instance).problem)
    made = problem.solution(solution)
    violations = tuple(problem.violations(instance, made))
    return Check(None if violations else float(problem.objective(instance, made)), violations)


def _reads_itself(kind: Problem[Any, Any]) -> bool:
    """Return whether a problem reads files in a way of its own, such as binary ones."""
    return type(kind).read is not Problem.read


def _matching(text: str) -> set[str]:
    """Return the names of the problems whose formats the text begins as."""
    lines = (line for line in text[:HEAD].splitlines() if line.strip())
    head = "\n".join(lines)  # without empty lines, over which patterns would search again and again
    return {entry.spec.name for entry in host().problem_entries if _matches(entry.spec, head)}


def _matches(spec: ProblemSpec, head: str) -> bool:
    return any(re.search(form.pattern, head, re.MULTILINE | re.IGNORECASE) for form in spec.formats)
