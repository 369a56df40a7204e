"""The view `Stepwise`: instances as the bisimulation-quotient decision process, whose state is the tail sub-problem.

A *batch* holds B tail sub-problems: what is left to decide of B rollouts over the view's instances, with no history.
A policy looks at a *window* of each (its most relevant nodes as tokens, normalised), and chooses one (token, score).

References
----------
Drakulic, Michel, Mai, Sors, Andreoli (2023), BQ-NCO: Bisimulation Quotienting for Efficient Neural Combinatorial
Optimization, arXiv:2301.03313, section 3.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.problem import Instance, Problem, Solution
from redwood.views.view import View

STATES = 4
"""How many states of one walk along a label are drawn, since walking costs more than keeping."""


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
class Stage:
    """A kind of instances to make labels of.

    Attributes
    ----------
    size
        Size of the instances.
    count
        How many of them in a round.
    iterations
        Effort of the expert for each, in the iterations that it counts; 0 lets it finish.
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

    def take(self, rows: Array) -> Window:
        """Return the windows of some rows."""
        edges = None if self.edges is None else self.edges[rows]
        return Window(self.features[rows], self.present[rows], self.mask[rows], self.nodes[rows], edges)


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
    right
        Where a label knows several right actions of which any will do: all of them, [B, T, A] bool; else ``None``.
    """

    choice: Array
    neighbours: Array | None = None
    right: Array | None = None


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


Expert = Callable[[Instance, int, int], Solution]
"""Returns a good solution of an instance, given a number of iterations and a seed."""
BatchT = TypeVar("BatchT", bound=Batch)


@dataclass(frozen=True)
class Subproblems:
    """Parts of solutions to be decided anew.

    Attributes
    ----------
    view
        The parts as instances of their own.
    batch
        The parts as sub-problems of that view, not yet begun.
    origin
        What the view that destroyed needs to merge them.
    """

    view: Stepwise[Any]
    batch: Batch
    origin: Any


class Stepwise(View, ABC, Generic[BatchT]):
    """Several instances (their sizes may differ) as decision processes, stepped together.

    Subclasses are made of instances: ``View(*instances)``. Methods trust their arguments. To construct solutions takes
    `begin`, `window`, `act` and `solutions`. To be learnt takes `curriculum`, `kind` and `target` besides: the other methods
    have defaults, which a problem overrides where it can do better.
    """

    layout: ClassVar[Layout]
    curriculum: ClassVar[tuple[Stage, ...]] = ()
    """What to train on."""
    kind: ClassVar[type[Problem[Any, Any]] | None] = None
    """The problem's class, of which the defaults of `example`, `pack` and `unpack` make use."""
    sure: ClassVar[float] = 1.0
    """Confidence from which on a step may be followed by the token's neighbour on the best path without looking again; 1 for
    never, where tokens have several scores, one action may forbid another, or a new look tells much more."""
    trust: ClassVar[float] = 0.0
    """By how much an action's score falls for each per cent that `look_ahead` takes it to be worse than the best; 0 for no
    look-ahead."""
    symmetric: ClassVar[bool] = True
    """Whether there are several presentations of an instance; where not, further solutions have to be sampled."""
    temperature: ClassVar[float] = 0.0
    """Of sampled decisions in all but the first of several solutions; 0 where presentations make them differ enough."""

    def __init__(self, *instances: Any) -> None:
        self.instances: tuple[Any, ...] = instances
        self.labels: Sequence[Solution] = ()

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

    def look_ahead(self, batch: BatchT, nodes: Array, scores: Array) -> Array:
        """Return an estimate of what each of some actions leads to, for a policy that is in doubt between them.

        Such as a bound on what is left after the action, or what a quick construction makes of it. Estimates of one row are
        compared with each other only. Asked for where `trust` is above 0.

        Parameters
        ----------
        batch
            Unfinished sub-problems; left unchanged.
        nodes
            What the tokens of allowed actions stand for, [B, K] int32, -1 for none.
        scores
            Which of the scores of their tokens the actions are, [B, K].

        Returns
        -------
        array
            What the action and all that is left after it will cost, or minus what they will earn: [B, K], infinite where
            there is no action.
        """
        raise NotImplementedError(f"{type(self).__name__} trusts in its look_ahead(), but has none.")

    @abstractmethod
    def solutions(self, batch: BatchT) -> list[Solution]:
        """Return the solutions of finished rows that began as whole instances."""

    def destroy(self, solutions: Sequence[Solution], size: int, rng: np.random.Generator) -> Subproblems | None:
        """Return disjoint random parts, about ``size`` decisions each, of one solution for each instance of the view.

        A part is what lies close together where the problem has positions to go by, else a sub-path of the solution's
        sequence. ``None`` where the problem has no parts that can be decided anew on their own.
        """
        return None

    def repair(self, solutions: Sequence[Solution], subproblems: Subproblems) -> list[Solution]:
        """Return the solutions with every finished part of `destroy` put in that makes them better."""
        return list(solutions)

    def tails(self, batch: BatchT, expert: Expert, iterations: int, seed: int) -> tuple[list[Any], list[Any]] | None:
        """Return every unfinished sub-problem as an instance of its own with the expert's solution, ready for `pack`.

        ``None`` where the expert's problem has no words for a tail. Tails of a policy's own rollouts are what it is to
        master, and it does not meet all of them among the tails of labels (Ross et al. 2011, arXiv:1011.0686).

        Parameters
        ----------
        batch
            Sub-problems under way; left unchanged.
        expert
            Solves an instance in a number of iterations, with a seed.
        iterations, seed
            What the expert is given.
        """
        return None

    def set_labels(self, solutions: Sequence[Solution]) -> None:
        """Keep a solution of each instance as its label, for `sample` and `target`."""
        self.labels = list(solutions)

    def sample(self, count: int, rng: np.random.Generator) -> BatchT:
        """Return random tails of the labels, in random symmetric presentations.

        Unless overridden, the labels are followed from the beginning, by right actions that `target` tells of the whole
        state, and each state that is met on the way is as likely to be the one that is returned.
        """
        if len(self.labels) != len(self.instances):
            raise FitError("tails can only be drawn from labelled instances; call set_labels() first.")
        walks = rng.integers(0, len(self.instances), size=-(-count // STATES))
        batch, met = self.begin(walks, rng if self.symmetric else None), 0
        kept, walker = batch.take(np.arange(count) // STATES), np.arange(count) // STATES
        while batch.left.any():
            met += 1
            chosen = np.flatnonzero((batch.left[walker] > 0) & (rng.random(count) * met < 1))
            kept.put(chosen, batch.take(walker[chosen]))
            going = np.flatnonzero(batch.left)
            part = batch.take(going)
            window = self.window(part, int(part.left.max()))
            self.act(part, window, _right(self.target(part, window), window, rng))
            batch.put(going, part)
        return kept

    def target(self, batch: BatchT, window: Window) -> Target:
        """Return what the labels say about a window of a batch that `sample` made."""
        raise FitError(f"{type(self).__name__} says nothing of its labels, so it cannot be learnt; write target().")

    @classmethod
    def example(cls, size: int, rng: np.random.Generator) -> Instance:
        """Return a random instance to learn from: the kinds, densities and capacities that the policy is to master.

        Unless overridden, the variants of the problem's generator are drawn alike.
        """
        problem = cls._problem()
        if not problem.variants:
            return problem.generate(size, rng, variant="")  # type: ignore[no-any-return]
        return problem.generate(size, rng, variant=str(rng.choice(problem.variants)))  # type: ignore[no-any-return]

    @classmethod
    def pack(cls, instances: Sequence[Any], solutions: Sequence[Any]) -> dict[str, Array]:
        """Return labelled instances of one size as compact arrays for a file; unless overridden, as the texts of files."""
        problem = cls._problem()
        return {
            "instances": np.array([problem.format(instance) for instance in instances]),
            "solutions": np.array([json.dumps(solution.to_dict()) for solution in solutions]),
        }

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[Any], list[Any]]:
        """Return the instances and solutions that `pack` wrote."""
        problem = cls._problem()
        instances = [problem.parse(text, "label") for text in arrays["instances"].tolist()]
        return instances, [problem.solution(json.loads(text)) for text in arrays["solutions"].tolist()]

    @classmethod
    def _problem(cls) -> Problem[Any, Any]:
        if cls.kind is None:
            raise FitError(f"{cls.__name__} names no problem; set `kind` to its class, or write example, pack and unpack.")
        return cls.kind()


def _right(target: Target, window: Window, rng: np.random.Generator) -> Array:
    """Return a right action [B] of each row, a random one where there are several.

    Raises
    ------
    FitError
        Where a row has none.
    """
    rows = len(window.mask)
    if target.choice.ndim == 1:
        right = np.zeros((rows, window.mask[0].size), dtype=np.bool_)
        known = np.flatnonzero(target.choice >= 0)
        right[known, target.choice[known]] = True
    else:
        right = target.choice.reshape(rows, -1)
    right = right & window.mask.reshape(rows, -1)
    if not right.any(axis=1).all():
        raise FitError("target() tells no allowed action of a state on the way of a label, so the label cannot be followed.")
    return np.asarray(np.where(right, rng.random(right.shape), -1.0).argmax(axis=1))
