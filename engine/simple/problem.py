"""Problems whose instances are arrays and whose files are JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from redwood.errors import FormatError, InstanceError, OptionError, PluginError, suggestion
from redwood.files import parse_json
from redwood.problem import Instance, InstanceT, Problem, SolutionT
from redwood.simple.instance import check_arrays, data_of, given_fields, numbers


class JsonProblem(Problem[InstanceT, SolutionT]):
    """A problem that makes, checks, reads and writes its instances by what their class says of its fields.

    What is left to write: ``name``, ``sense``, ``instance_type``, ``solution_type``, `generate`, `objective`, `violations`,
    and views. ``views`` may name the classes themselves; each of them is then told, in ``kind``, whose view it is.
    """

    instance_type: ClassVar[type[Instance]]
    """Class of the instances, a frozen dataclass such as `redwood.simple.ArrayInstance`."""
    suffix, solution_suffix = ".json", ".json"

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "name" in vars(cls):
            cls.pattern = rf'\A\s*\{{\s*"problem"\s*:\s*"{cls.name}"'
        if "instance_type" in vars(cls):
            cls.instance_type.problem = cls.name
        for view in vars(cls).get("views", {}).values():
            if not isinstance(view, str):
                _adopt(cls, view)

    def make(self, *, name: str = "", best_known: float | None = None, **data: Any) -> InstanceT:
        """Return the validated instance of data under the names of the instance's fields."""
        entries = given_fields(self.instance_type)
        names = [entry.name for entry in entries]
        for key in data:
            if key not in names:
                raise OptionError(f"an instance of {self.name!r} takes no {key!r}.{suggestion(key, names)}")
        absent = [key for key in names if key not in data]
        if absent:
            raise InstanceError(f"{absent[0]} is missing; an instance of {self.name!r} takes {', '.join(names)}.")
        values = {entry.name: numbers(entry, data[entry.name]) for entry in entries}
        made = cast(InstanceT, self.instance_type(name=name, best_known=best_known, **values))
        self.validate(made)
        return made

    def validate(self, instance: InstanceT) -> None:
        """Check the shapes of arrays and that numbers are finite; call it first where you add rules of your own."""
        check_arrays(instance)

    def format(self, instance: InstanceT) -> str:
        """Return a JSON object of the problem's name and the instance's fields."""
        known = {} if instance.best_known is None else {"best_known": instance.best_known}
        return json.dumps({"problem": self.name, **known, **data_of(instance)})

    def parse(self, text: str, name: str) -> InstanceT:
        """Return the instance that `format` wrote."""
        data = parse_json(text, name)
        if not isinstance(data, dict) or data.pop("problem", self.name) != self.name:
            raise FormatError(f'{name}: is not a JSON object that begins with "problem": "{self.name}".')
        try:
            return self.make(name=name, **data)
        except OptionError as error:
            raise FormatError(f"{name}: {error}") from error

    def format_solution(self, instance: InstanceT, solution: SolutionT) -> str:
        """Return the solution's fields as a JSON object."""
        return json.dumps(solution.to_dict())

    def parse_solution(self, text: str, instance: InstanceT) -> SolutionT:
        """Return the solution that `format_solution` wrote."""
        return self.solution(parse_json(text, "the solution"))


def _adopt(problem: type[Problem[Any, Any]], view: Any) -> None:
    """Tell a view's class whose it is."""
    owner = getattr(view, "kind", None)
    if owner is not None and owner.name != problem.name:
        raise PluginError(f"view {view.__name__} belongs to problem {owner.name!r}; give {problem.name!r} a subclass of it.")
    view.kind = problem


def permutation_violations(items: Sequence[int], size: int, what: str = "item") -> list[str]:
    """Return in words why a list is no order of 0 to ``size`` - 1, each once; at most ten sentences."""
    counts: dict[int, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    wrong = [f"{what} {item} does not exist." for item in counts if not 0 <= item < size]
    wrong += [f"{what} {item} stands there {count} times." for item, count in counts.items() if count > 1]
    return (wrong + [f"{what} {item} is missing." for item in range(size) if item not in counts])[:10]
