"""Budgets: when a run has to stop, in one-method pieces that compose with ``|``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum

from redwood.settings import not_negative, number, positive, whole
from redwood.tolerance import relative_gap, same


class Sense(StrEnum):
    """Whether a problem minimises or maximises its objective."""

    MIN = "min"
    MAX = "max"

    def better(self, candidate: float, incumbent: float | None) -> bool:
        """Return whether ``candidate`` is strictly better than ``incumbent`` (``None`` is worst)."""
        if incumbent is None:
            return True
        return candidate < incumbent if self is Sense.MIN else candidate > incumbent


class Termination(StrEnum):
    """Why a run stopped."""

    OPTIMAL = "optimal"
    TARGET = "target"
    TIME = "time"
    ITERATIONS = "iterations"
    INTERRUPTED = "interrupted"
    CONVERGED = "converged"
    INFEASIBLE = "infeasible"
    KILLED = "killed"
    ERROR = "error"


@dataclass(frozen=True)
class Progress:
    """How far a run has come: what a budget decides on."""

    seconds: float
    iterations: int
    objective: float | None
    bound: float | None
    sense: Sense


class Budget(ABC):
    """A rule that ends a run. Subclass it and implement `reason` to write one of your own."""

    @abstractmethod
    def reason(self, progress: Progress) -> Termination | None:
        """Return why the run must stop now, or ``None`` to go on."""

    def seconds_left(self, progress: Progress) -> float:
        """Return the seconds that are left, infinite where time does not matter."""
        return math.inf

    def iterations_left(self, progress: Progress) -> float:
        """Return the iterations that are left, infinite where they do not matter."""
        return math.inf

    def __or__(self, other: Budget) -> Budget:
        """Return the budget that ends when either of the two does."""
        return AnyOf((self, other))


@dataclass(frozen=True)
class Seconds(Budget):
    """Stop after a time on the wall clock."""

    limit: float

    def __post_init__(self) -> None:
        positive("time limit", self.limit, " s", "give more than 0 seconds")

    def reason(self, progress: Progress) -> Termination | None:
        return Termination.TIME if progress.seconds >= self.limit else None

    def seconds_left(self, progress: Progress) -> float:
        return max(0.0, self.limit - progress.seconds)


@dataclass(frozen=True)
class Iterations(Budget):
    """Stop after a number of iterations, counted as the solver documents them."""

    limit: int

    def __post_init__(self) -> None:
        whole("iteration limit", self.limit, 1)

    def reason(self, progress: Progress) -> Termination | None:
        return Termination.ITERATIONS if progress.iterations >= self.limit else None

    def iterations_left(self, progress: Progress) -> float:
        return max(0, self.limit - progress.iterations)


@dataclass(frozen=True)
class Target(Budget):
    """Stop at a solution as good as an objective value, or the same up to rounding."""

    objective: float

    def __post_init__(self) -> None:
        number("target", self.objective)

    def reason(self, progress: Progress) -> Termination | None:
        if progress.objective is None:
            return None
        short = progress.sense.better(self.objective, progress.objective) and not same(self.objective, progress.objective)
        return None if short else Termination.TARGET


@dataclass(frozen=True)
class TargetGap(Budget):
    """Stop when the solver's own bound is within a relative gap of its solution."""

    gap: float

    def __post_init__(self) -> None:
        not_negative("target gap", self.gap, "", "give 0 or more (0.01 is one per cent)")

    def reason(self, progress: Progress) -> Termination | None:
        gap = relative_gap(progress.objective, progress.bound, progress.sense)
        return Termination.TARGET if gap is not None and gap <= self.gap else None


@dataclass(frozen=True)
class AnyOf(Budget):
    """Stop when the first of several budgets does; without parts, never."""

    parts: tuple[Budget, ...] = ()

    def reason(self, progress: Progress) -> Termination | None:
        return next((r for part in self.parts if (r := part.reason(progress)) is not None), None)

    def seconds_left(self, progress: Progress) -> float:
        return min((part.seconds_left(progress) for part in self.parts), default=math.inf)

    def iterations_left(self, progress: Progress) -> float:
        return min((part.iterations_left(progress) for part in self.parts), default=math.inf)
