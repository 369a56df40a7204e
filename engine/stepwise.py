"""The view `Stepwise`: instances as the bisimulation-quotient decision process, whose state is the tail sub-problem.

A *batch* holds B tail sub-problems: what is left to decide of B rollouts over the view's instances, with no history.
A policy looks at a *window* of each (its most relevant nodes as tokens, normalised), and chooses one (token, score).

References
----------
Drakulic, Michel, Mai, Sors, Andreoli (2023), BQ-NCO: Bisimulation Quotienting for Efficient Neural Combinatorial
Optimization, arXiv:2301.03313, section 3.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from redwood.problem import Instance, Solution
from redwood.views import View

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Layout:
    """What a policy network has to know of a problem: the shape of its windows and of its decisions.

    Attributes
    ----------
    features
        Numbers F that describe a token.
    marks
        How many tokens M lead the window with a role of their own (such as current node, destination).
    scores
        Actions A per token (two where a node can be reached in two ways).
    edges
        Numbers E that describe a pair of tokens, for problems given by a matrix; else 0.
    sets
        Whether the order of the label does not count, so that every action of a set is a right one.
    neighbours
        Whether labels tell the neighbours of each token on the best path, for an auxiliary output.
    """

    features: int
    marks: int
    scores: int = 1
    edges: int = 0
    sets: bool = False
    neighbours: bool = True


@dataclass(frozen=True)
class Lesson:
    """A kind of instances to make labels of.

    Attributes
    ----------
    size
        Size of the instances.
    count
        How many of them in a round.
    iterations
        Effort of the teacher for each, in the iterations that it counts; 0 lets it finish.
    """

    size: int
    count: int
    iterations: int


@dataclass(frozen=True)
class Window:
    """What the policy sees of B tail sub-problems: T tokens each, of which the first M are marked.

    Attributes
    ----------
    features
        Normalised description of the tokens, [B, T, F] float32; zero where no token is present.
    present
        Which tokens exist, [B, T] bool.
    mask
        Which actions are allowed, [B, T, A] bool. Every unfinished row has at least one.
    nodes
        What each token stands for in the problem's own numbering, [B, T] int32; -1 where no token is present.
    edges
        Normalised description of the pairs, [B, T, T, E] float32, or ``None``.
    """

    features: Array
    present: Array
    mask: Array
    nodes: Array
    edges: Array | None = None


@dataclass(frozen=True)
class Target:
    """What labels say about a window.

    Attributes
    ----------
    choice
        The right action, [B] int64 as token x A + score; -1 where it is outside of the window. For problems with
        ``sets`` it is the allowed truth [B, T, A] bool instead.
    neighbours
        Tokens next to each token on the best path, [B, T, 2] int32; -1 where outside of the window, or ``None``.
    """

    choice: Array
    neighbours: Array | None = None


@dataclass
class Batch:
    """B tail sub-problems, changed in place by `Stepwise.act`. Only the view that made it looks inside.

    Subclasses are dataclasses of arrays whose first dimension is B, or ``None``.

    Attributes
    ----------
    rows
        Which instance of the view each belongs to, [B] int64.
    left
        Upper bound on the decisions that are left, [B] int64; zero where the sub-problem is finished.
    """

    rows: Array
    left: Array

    def take(self, chosen: Array) -> Self:
        """Return copies of chosen rows, [C] integers in which a row may occur several times."""
        arrays: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        taken: dict[str, Any] = {name: None if array is None else array[chosen] for name, array in arrays.items()}
        return type(self)(**taken)

    def put(self, chosen: Array, other: Self) -> None:
        """Overwrite chosen rows [C], each at most once, with those of another batch of the same view."""
        for entry in fields(self):
            array = getattr(self, entry.name)
            if array is not None:
                array[chosen] = getattr(other, entry.name)


Teaches = Callable[[Instance, int, int], Solution]
"""Returns a good solution of an instance, given a number of iterations and a seed."""
BatchT = TypeVar("BatchT", bound=Batch)


@dataclass(frozen=True)
class Parts:
    """Parts of solutions to be decided anew.

    Attributes
    ----------
    view
        The parts as instances of their own.
    batch
        The parts as sub-problems of that view, not yet begun.
    origin
        What the view that cut them needs to put them back.
    """

    view: Stepwise[Any]
    batch: Batch
    origin: Any


class Stepwise(View, ABC, Generic[BatchT]):
    """Several instances (their sizes may differ) as decision processes, stepped together.

    Subclasses are made of instances: ``View(*instances)``. Methods trust their arguments.
    """

    layout: ClassVar[Layout]
    lessons: ClassVar[tuple[Lesson, ...]] = ()
    """What to train on."""
    symmetric: ClassVar[bool] = True
    """Whether there are several presentations of an instance; where not, further solutions have to be sampled."""

    @abstractmethod
    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> BatchT:
        """Return whole instances as sub-problems.

        Parameters
        ----------
        rows
            Instance of each sub-problem, [B] integers.
        rng
            Draws one of the symmetric presentations (start, rotation, mirror ...) for each row; by default all rows
            are presented as the data stand.
        """

    @abstractmethod
    def window(self, batch: BatchT, size: int) -> Window:
        """Return the marked tokens and at most ``size`` others of each sub-problem."""

    @abstractmethod
    def act(self, batch: BatchT, window: Window, choice: Array) -> None:
        """Take one allowed action in each unfinished row; ``choice`` [B] counts token x A + score."""

    @abstractmethod
    def solutions(self, batch: BatchT) -> list[Solution]:
        """Return the solutions of finished rows that began as whole instances."""

    def turn(self, batch: BatchT, rng: np.random.Generator) -> bool:
        """Show each sub-problem from a random side, the tokens of its window staying in order.

        Returns whether the problem has sides, such as rotations and mirrors of the plane.
        """
        return False

    def cut(self, solutions: Sequence[Solution], size: int, rng: np.random.Generator, nearby: bool = False) -> Parts | None:
        """Return disjoint random parts, about ``size`` decisions each, of one solution for each instance of the view.

        A part is a stretch of the solution's sequence, or where ``nearby``, and the problem has positions to go by, what
        lies close together. ``None`` where the problem has no parts that can be decided anew on their own.
        """
        return None

    def mend(self, solutions: Sequence[Solution], parts: Parts) -> list[Solution]:
        """Return the solutions with every finished part of `cut` put in that makes them better."""
        return list(solutions)

    def tails(self, batch: BatchT, teacher: Teaches, iterations: int, seed: int) -> tuple[list[Any], list[Any]] | None:
        """Return every unfinished sub-problem as an instance of its own with the teacher's solution, ready for `pack`.

        ``None`` where the teacher's problem has no words for a tail. Tails of a policy's own rollouts are what it is to
        master, and it does not meet all of them among the tails of labels (Ross et al. 2011, arXiv:1011.0686).
        """
        return None

    @abstractmethod
    def teach(self, solutions: Sequence[Solution]) -> None:
        """Keep a solution of each instance as its label, for `sample`."""

    @abstractmethod
    def sample(self, count: int, rng: np.random.Generator) -> BatchT:
        """Return random tails of the labels, in random symmetric presentations."""

    @abstractmethod
    def target(self, batch: BatchT, window: Window) -> Target:
        """Return what the labels say about a window of a batch that `sample` made."""

    @classmethod
    @abstractmethod
    def example(cls, size: int, rng: np.random.Generator) -> Instance:
        """Return a random instance to learn from: the kinds, densities and capacities that the policy is to master."""

    @classmethod
    @abstractmethod
    def pack(cls, instances: Sequence[Any], solutions: Sequence[Any]) -> dict[str, Array]:
        """Return labelled instances of one size as compact arrays for a file."""

    @classmethod
    @abstractmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[Any], list[Any]]:
        """Return the instances and solutions that `pack` wrote."""
