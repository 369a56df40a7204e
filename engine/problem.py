"""What a problem is: its instances, its solutions, and the one authority on their value."""

from __future__ import annotations

import hashlib
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np

from redwood.budget import Sense
from redwood.errors import FitError, FormatError, InstanceError, OptionError, SolutionError, suggestion
from redwood.files import read_text, stem
from redwood.renamed import option_suggestion
from redwood.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class Instance(ABC):
    """The data of one case, validated once by its problem and never changed after.

    Subclasses are frozen dataclasses whose arrays are read-only; their docstring states every shape and unit.
    """

    problem: ClassVar[str]
    name: str = ""
    best_known: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "best_known", known_value(self.best_known))

    @property
    def asks(self) -> frozenset[str]:
        """What the instance asks beyond the plain problem, and only solvers keep whose `Solver.keeps` names it."""
        return frozenset()

    @property
    @abstractmethod
    def size(self) -> int:
        """The number that the problem measures its instances by: nodes, customers, items, arms."""

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"{self.problem}{name} of size {self.size}"

    def fingerprint(self) -> str:
        """Return a SHA-256 over everything but names, to tell whether two runs had the same data.

        A field with ``metadata={"label": True}`` is a name too.
        """
        digest = hashlib.sha256(self.problem.encode())
        for entry in fields(self):
            if entry.name not in ("name", "best_known") and not entry.metadata.get("label"):
                add_to_digest(digest, entry.name, getattr(self, entry.name))
        return digest.hexdigest()


def instance_of(value: object) -> Instance:
    """Return an instance that somebody gave; raise `OptionError` where it is something else."""
    if not isinstance(value, Instance):
        raise OptionError(f"{value!r:.100} is of the type {type(value).__name__}, and no instance; read or make one first.")
    return value


def known_value(value: Any) -> float | None:
    """Return a best known value as a number of Python's own, an ``int`` where it came as one.

    Raises
    ------
    InstanceError
        Where it is not a finite number.
    """
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InstanceError(f"best_known {value!r} is not a number; give the objective of the best solution known, or None.")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise InstanceError(f"best_known {str(value)[:40]} is not a finite number that a float can hold.")
    return int(value) if isinstance(value, (int, np.integer)) else float(value)


@dataclass(frozen=True, eq=False)
class Solution:
    """One answer to an instance. Subclasses are frozen dataclasses of arrays, numbers and lists."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists and numbers, ready for JSON."""
        return {name: _plain(value) for name, value in self.to_data().items()}

    def to_data(self) -> dict[str, Any]:
        """Return what `from_dict` takes, arrays as they are."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the solution that `to_dict` wrote."""
        known = [entry.name for entry in fields(cls)]
        for key in data:
            if key not in known:
                raise SolutionError(f"{cls.__name__} has no field {key!r}.{suggestion(key, known)}")
        return cls(**data)


InstanceT = TypeVar("InstanceT", bound=Instance)
SolutionT = TypeVar("SolutionT", bound=Solution)


class Problem(ABC, Generic[InstanceT, SolutionT]):
    """The only authority on objective, sense and feasibility of its instances.

    A problem also offers *views*: the shapes in which solvers take it. `views` maps each view's base class to the
    implementation: a class or, to import it at first use, its lazy target ``"package.module:Class"``.
    """

    name: ClassVar[str]
    sense: ClassVar[Sense]
    solution_type: ClassVar[type[Solution]]
    views: ClassVar[Mapping[type[View], str | type[View]]] = {}
    measure: ClassVar[str] = ""
    """What the size of an instance counts, in the plural, such as ``"customers"``; reports say it."""
    variants: ClassVar[tuple[str, ...]] = ()
    """Names of the generator's variants, the first one being the default."""
    variants_tried: ClassVar[tuple[str, ...]] = ()
    """Variants that views may refuse, and on which the conformance kit tries solvers beside the default unless they do."""
    suffix: ClassVar[str] = ".txt"
    """Suffix of instance files that `format` writes."""
    other_suffixes: ClassVar[tuple[str, ...]] = ()
    """Suffixes of further formats, which `format_as` writes where an instance fits them."""
    pattern: ClassVar[str] = ""
    """What the beginning of such a file matches, for a spec that is made of the class; empty where there are no files."""
    solution_suffix: ClassVar[str] = ".sol"
    """Suffix of solution files that `format_solution` writes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the class alone: problems are made without arguments, and what they remember is no part of them."""
        return (type(self), ())

    @abstractmethod
    def make(self, *args: Any, **data: Any) -> InstanceT:
        """Return a validated instance from arrays, matrices or graphs.

        Raises
        ------
        InstanceError
            Where the data break a rule; the message names the entry, the rule and the value.
        """

    @abstractmethod
    def generate(self, size: int, rng: np.random.Generator, *, variant: str) -> InstanceT:
        """Return a random instance of one of the `variants`; subclasses may add keyword options."""

    @abstractmethod
    def validate(self, instance: InstanceT) -> None:
        """Raise `InstanceError` where the instance breaks a rule or can have no feasible solution."""

    @abstractmethod
    def objective(self, instance: InstanceT, solution: SolutionT) -> float:
        """Return the value of a well-formed solution, computed from the raw instance."""

    @abstractmethod
    def violations(self, instance: InstanceT, solution: SolutionT) -> list[str]:
        """Return every broken rule in words (at most about ten), or an empty list for a feasible solution."""

    def format_as(self, instance: InstanceT, suffix: str) -> str:
        """Return an instance in the format of one of `other_suffixes`; raise `FormatError` naming what that cannot hold."""
        raise NotImplementedError(f"problem {self.name!r} has no format for {suffix!r}.")

    def remarks(self, instance: InstanceT) -> list[str]:
        """Return what breaks no rule of an instance and yet stands in the way of a solution, in words; by default nothing.

        `explain` asks, so that it may take seconds.
        """
        return []

    def repair_suggestions(self, instance: InstanceT, solution: SolutionT) -> list[str]:
        """Return what to change in a solution that breaks rules, most important first; empty where nothing is known."""
        return []

    def margin(self, instance: InstanceT, solution: SolutionT) -> float:
        """Return how far `objective` may lie from the truth: 0 unless it is an estimate, as that of a policy is."""
        return 0.0

    def magnitude(self, instance: InstanceT) -> float:
        """Return the magnitude of an objective's terms where they can cancel out, as rewards of either sign do; else 0.

        Values near zero are then compared on the scale of what was added up.
        """
        return 0.0

    def comment(self, instance: InstanceT, solution: SolutionT, objective: float | None, bound: float | None) -> str:
        """Return a sentence for users on a checked solution, which its result has as a message; by default none.

        Parameters
        ----------
        instance
            What was solved.
        solution
            The solution.
        objective, bound
            Its objective, and the best bound; ``None`` where there is none.
        """
        return ""

    def solution(self, data: Any) -> SolutionT:
        """Return a solution from what a user has: a solution, a mapping of its fields, or its first field alone."""
        if isinstance(data, self.solution_type):
            return cast(SolutionT, data)
        try:
            made = self.solution_type.from_dict(data) if isinstance(data, Mapping) else self.solution_type(data)  # type: ignore[call-arg]
        except (TypeError, ValueError) as error:
            if isinstance(error, SolutionError):
                raise
            raise SolutionError(f"{type(data).__name__} is not a {self.solution_type.__name__}: {error}") from error
        return cast(SolutionT, made)

    def parse(self, text: str, name: str) -> InstanceT:
        """Return the validated instance that a file's text holds; raises `FormatError` naming the place.

        Subclasses may add keyword options, which `read` passes on.
        """
        raise FormatError(f"problem {self.name!r} cannot be read from files.")

    def read(self, path: Path, **options: Any) -> InstanceT:
        """Return the validated instance in a file; ``options`` are those of `parse`. Binary files: override it."""
        return self.parse(read_text(path), stem(path), **options)

    def format(self, instance: InstanceT) -> str:
        """Return the instance as the text of a file that `parse` reads back."""
        raise FormatError(f"problem {self.name!r} cannot be written to files.")

    def parse_solution(self, text: str, instance: InstanceT) -> SolutionT:
        """Return the solution that a file's text holds."""
        raise FormatError(f"solutions of {self.name!r} cannot be read from files.")

    def format_solution(self, instance: InstanceT, solution: SolutionT) -> str:
        """Return a solution as the text of a file in the problem's usual format."""
        raise FormatError(f"solutions of {self.name!r} cannot be written to files.")

    def plot(self, instance: InstanceT, solution: SolutionT | None, axes: Axes) -> None:
        """Draw the instance, and the solution where there is one, on matplotlib axes."""
        raise FitError(f"problem {self.name!r} has no picture.")

    def offers(self, view: type[View]) -> bool:
        """Return whether the problem offers a view."""
        return view in self.views

    def view(self, kind: type[ViewT], *instances: InstanceT) -> ViewT:
        """Return a view of one instance (of several, for `Stepwise`).

        Raises
        ------
        FitError
            Where the problem does not offer the view.
        """
        if kind not in self.views:
            offered = ", ".join(sorted(view.__name__ for view in self.views)) or "none"
            raise FitError(f"problem {self.name!r} does not offer the view {kind.__name__}; it offers {offered}.")
        from redwood.lazy import load_target

        return cast(ViewT, load_target(self.views[kind])(*instances))


ViewT = TypeVar("ViewT", bound=View)


def check_arguments(function: Any, given: Mapping[str, Any], what: str, skip: tuple[str, ...] = ()) -> None:
    """Raise `OptionError` where ``given`` has a key that ``function`` does not take; one that takes all has to check.

    Parameters
    ----------
    function
        The function that is to be called.
    given
        Arguments by name.
    what
        What the function is called in messages.
    skip
        Parameters that callers may not set.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in skip]
    for key in given:
        if key not in known:
            raise OptionError(f"{what} takes no {key!r}.{option_suggestion(key, known)}")


def frozen(array: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """Return a read-only contiguous copy of an array, for the fields of an instance or a solution."""
    copy: np.ndarray[Any, Any] = np.array(array, dtype=dtype, order="C")
    copy.setflags(write=False)
    return copy


def whole_number(name: str, value: Any, least: int = 0) -> int:
    """Return a field of an instance as a whole number.

    Raises
    ------
    InstanceError
        Where it is not one, or below ``least``.
    """
    numeric = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.complexfloating))
    if not numeric or not -(2**63) <= value < 2**63 or not float(value).is_integer() or value < least:
        raise InstanceError(f"{name} {value!r} is not a whole number from {least} on.")
    return int(value)


def whole_numbers(name: str, values: Any, least: int = 0) -> np.ndarray[Any, Any]:
    """Return a field of an instance as a read-only array of whole numbers, of whatever shape.

    Raises
    ------
    InstanceError
        Where a number is not whole or is below ``least``, or the values are no array of numbers.
    """
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InstanceError(f"{name} are no array of numbers: {str(error).rstrip('.')}.") from error
    wrong = numbers[~((numbers == np.rint(numbers)) & (numbers >= least) & (np.abs(numbers) < 2**53))]
    if len(wrong):
        raise InstanceError(f"{name} hold {wrong[0]:g}, which is not a whole number from {least} on.")
    return frozen(numbers, np.int64)


def add_to_digest(digest: hashlib._Hash, name: str, value: Any) -> None:
    """Add a field of an instance, by its name, to a digest."""
    digest.update(name.encode())
    _digest(digest, value)


def _digest(digest: hashlib._Hash, value: Any) -> None:
    """Add a field of an instance to a digest: an array, a dataclass of fields, or anything with a faithful ``repr``."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for entry in fields(value):
            digest.update(entry.name.encode())
            _digest(digest, getattr(value, entry.name))
    else:
        digest.update(repr(value).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value
