"""The action set of a walk: arms are nodes of a graph, and a closed walk of bounded length pulls arms that it visits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.planning.action_set import Choice
from redwood.planning.relaxation import Relaxation, relaxation_by_counts
from redwood.problem import whole_number, whole_numbers
from redwood.problems.cormab.batched import BatchedSet
from redwood.problems.cormab.closed_walks_relaxation import relaxation_by_blocks

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from redwood.problems.cormab.closed_walks import ClosedWalkProgram

MOST = 24_000_000
"""The most states (node, visited nodes) of the enumeration of visited sets."""
CELLS = 20_000_000
"""The most cells of the dynamic program over blocks; wider graphs are maximised by mixed-integer programming."""
QUICK = 100_000
"""With more cells than this, the program over blocks is slower than scanning visited sets, where these can be listed."""
FEW = 100
"""The most visited sets that the relaxation mixes; larger graphs are relaxed by blocks."""


@dataclass(frozen=True, eq=False)
class PathSet(BatchedSet):
    """A closed walk from the source, of 2 ``budget`` steps (waiting is a step), pulls at most ``budget`` of its nodes.

    The best walk is found by dynamic programming over the blocks of the graph (`redwood.problems.cormab.closed_walks`),
    which takes milliseconds for 100 nodes that hang together loosely; where blocks are wide, on graphs of up to 62 nodes
    among the enumerated sets of nodes that closed walks visit, and on larger ones that are too wide by mixed-integer
    programming.

    Attributes
    ----------
    edges
        Pairs of nodes [M, 2], undirected; node j is arm j, and the graph is connected.
    count
        Number of arms J.
    source
        Node where the walk begins and ends.
    budget
        The most arms pulled in a step; the walk has twice as many steps. More than J allows nothing that J does not, since a
        walk of 2 (J - 1) steps visits every node, and is kept as J.
    strict
        ``False`` for the set that the published model amounts to: its waiting loops stand outside the one-unit
        constraint, so that every node counts as visited and only the budget is left.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
    arXiv:2503.01919, for the domain.
    """

    kind: ClassVar[str] = "path"
    edges: Array
    count: int
    source: int
    budget: int
    strict: bool = True

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("source", 0), ("budget", 1)):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least))
        object.__setattr__(self, "budget", min(self.budget, self.count))
        if not isinstance(self.strict, (bool, np.bool_)):
            raise InstanceError(f"strict {self.strict!r} is neither true nor false.")
        edges = whole_numbers("edges", self.edges)
        if (self.count > 1 or edges.size) and (edges.ndim != 2 or edges.shape[1:] != (2,)):
            raise InstanceError(f"edges have shape {list(edges.shape)}; expected pairs of nodes [M, 2].")
        edges = edges.reshape(-1, 2)
        if len(edges) and edges.max() >= self.count:
            raise InstanceError(f"edges name node {edges.max()}; nodes are 0 to {self.count - 1}.")
        if self.source >= self.count:
            raise InstanceError(f"source {self.source} is not one of the nodes 0 to {self.count - 1}.")
        object.__setattr__(self, "edges", edges)
        lost = np.flatnonzero(self._distances < 0)
        if len(lost):
            raise InstanceError(
                f"the graph is not connected: node {lost[0]} cannot be reached from the source {self.source}."
            )

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return self.count

    def model(self) -> ConcreteModel:
        """Return one unit of flow over edges and waiting loops in every step, and pulls only where it passes."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, ConstraintList, Var, quicksum

        model = ConcreteModel("path")
        nodes, steps = range(self.count), range(2 * self.budget)
        model.pulled = Var(nodes, domain=Binary)
        model.within = Constraint(expr=quicksum(model.pulled.values()) <= self.budget)
        if not self.strict:
            return model
        arcs = [(tail, head) for tail in nodes for head in (tail, *self._neighbours[tail])]
        model.moves = Var([(step, *arc) for step in steps for arc in arcs], domain=Binary)
        model.flow, model.visited = ConstraintList(), ConstraintList()
        into: dict[int, list[Any]] = {node: [] for node in nodes}
        for step in steps:
            for node in nodes:
                heads = (node, *self._neighbours[node])
                left = quicksum(model.moves[step, node, head] for head in heads)
                came = quicksum(model.moves[step - 1, head, node] for head in heads) if step else int(node == self.source)
                model.flow.add(left == came)
                into[node].append(left)
        for node in nodes:
            model.visited.add(model.pulled[node] <= quicksum(into[node]))
        for node in nodes:
            if node != self.source:
                for tail in (node, *self._neighbours[node]):
                    model.moves[2 * self.budget - 1, tail, node].setub(0)
        return model

    @cached_property
    def classes(self) -> Array:
        """Each arm by itself; without closed walks all arms are alike."""
        return np.arange(self.count) if self.strict else np.zeros(self.count, np.int64)

    @cached_property
    def closed_walks(self) -> ClosedWalkProgram | None:
        """The dynamic program of the closed walks; ``None`` where it would be too large, and without closed walks."""
        from redwood.problems.cormab.closed_walks import closed_walk_program

        return closed_walk_program(self.edges, self._distances, self.source, 2 * self.budget, CELLS) if self.strict else None

    @cached_property
    def _blocks(self) -> ClosedWalkProgram | None:
        """The dynamic program where nothing is quicker."""
        quick = self.closed_walks is not None and self.closed_walks.cells(self.budget) <= QUICK
        return self.closed_walks if quick or self.visits is None else None

    @cached_property
    def visits(self) -> Array | None:
        """The maximal sets [V] of nodes that closed walks visit, as bit masks; ``None`` where they are too many."""
        from redwood.problems.cormab.path_kernels import enumerate_visits, keep_maximal

        if self.count > 62 or not self.strict:
            return None
        starts, heads = self._adjacency
        found, _ = enumerate_visits(starts, heads, self._distances, self.source, 2 * self.budget, MOST)
        return np.asarray(keep_maximal(found)) if len(found) else None

    @cached_property
    def relaxation(self) -> Relaxation:
        """A mixture of maximal visited sets, and pulls within it and the budget; for many sets mixtures in each block."""
        from scipy.sparse import csc_array

        if not self.strict:
            return relaxation_by_counts(self.classes, [[1.0]], [self.budget], tight=True)
        if self.visits is None or len(self.visits) > FEW:
            blocks = relaxation_by_blocks(self.edges, self._distances, self.source, self.budget)
            return super().relaxation if blocks is None else blocks
        nodes = np.arange(self.count, dtype=np.uint64)
        visited = ((self.visits[None] >> nodes[:, None]) & np.uint64(1)).astype(float)
        one, sets = np.eye(self.count), len(self.visits)
        rows = np.vstack((np.hstack((one, -visited)), np.repeat(np.eye(2), (self.count, sets), axis=1)))
        upper = np.concatenate((np.zeros(self.count), [self.budget, 1.0]))
        links, most = csc_array(np.hstack((one, 0 * visited))), np.ones(self.count + sets)
        return Relaxation(np.arange(self.count), links, csc_array(rows), np.full(len(upper), -np.inf), upper, 0 * most, most)

    def argmax(self, coefficients: Array) -> Choice:
        """Return the best nodes of the best walk."""
        if self.strict and self._blocks is None and self.visits is None:
            return self.solve(coefficients)
        return super().argmax(coefficients)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best action for each of many values."""
        gains = np.ascontiguousarray(coefficient_tables[:, :, 1] - coefficient_tables[:, :, 0], dtype=np.float64)
        if not self.strict:
            from redwood.problems.cormab.budget_kernels import choose_best

            return np.asarray(choose_best(gains, self.budget))
        if self._blocks is not None:
            return self._blocks.choose(gains, self.budget)
        if self.visits is None:
            return super().choose(coefficient_tables)
        from redwood.problems.cormab.path_kernels import choose_visits

        return np.asarray(choose_visits(self.visits, gains, self.budget))

    def warm_up(self) -> None:
        """Compile the scan of the maximal visited sets, which only large networks need."""
        from redwood.problems.cormab.path_kernels import choose_visits

        choose_visits(np.ones(1, np.uint64), np.ones((1, 2)), 1)

    def contains(self, arm_actions: Array) -> bool:
        """Return whether a closed walk visits all pulled arms."""
        if not self.in_range(arm_actions) or int(np.sum(arm_actions)) > self.budget:
            return False
        if not self.strict or not np.any(arm_actions):
            return True
        if self._blocks is not None:
            return self._blocks.best(arm_actions, 0)[0] == int(np.sum(arm_actions))
        if self.visits is None:
            return super().contains(arm_actions)
        mask = np.uint64(sum(1 << int(arm) for arm in np.flatnonzero(arm_actions)))
        return bool(((self.visits & mask) == mask).any())

    def enumerate(self, limit: int) -> Array | None:
        """Return all allowed actions [N, J] as bytes; ``None`` where they are more than a limit or nobody can list them."""
        from redwood.problems.cormab.enumeration import at_most, list_classes, list_subsets

        if not self.strict:
            return list_classes(self, at_most(self.budget, self.count), limit)
        return None if self.visits is None else list_subsets(self.count, self.visits, self.budget, limit)

    def refused(self, arm_actions: Array) -> Array:
        """Return which rows of joint actions [E, J] are not allowed."""
        if self.strict and self._blocks is not None:
            return self._blocks.refused(arm_actions, self.budget)
        if not self.strict or self.visits is None:
            return super().refused(arm_actions)
        masks = (np.asarray(arm_actions) > 0) @ (np.uint64(1) << np.arange(self.count, dtype=np.uint64))
        walked = np.array([bool(((self.visits & mask) == mask).any()) for mask in masks], bool)
        ranged = ((arm_actions >= 0) & (arm_actions <= 1)).all(axis=1) & (arm_actions.sum(axis=1) <= self.budget)
        return np.flatnonzero(~(walked & ranged))

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return random actions: random nodes, within the budget, of random closed walks that like new nodes."""
        from redwood.kernels import random_state
        from redwood.problems.cormab.sampling_kernels import draw_closed_walks

        starts, heads = self._adjacency
        distances = self._distances if self.strict else np.zeros(self.count, np.int64)
        state = random_state(rng)
        return np.asarray(draw_closed_walks(count, starts, heads, distances, self.source, self.budget, self.strict, state))

    def witness(self, arm_actions: Array) -> Array:
        """Return the nodes [2B + 1] of a closed walk that visits the pulled arms; only strict sets have one."""
        if not self.strict:
            raise SolutionError("actions of the published path set have no walk: it allows every arm to be pulled.")
        if self.closed_walks is None:
            moves = sorted(tuple(map(int, name[6:-1].split(","))) for name in super().witness(arm_actions))
            return np.array([*(tail for _, tail, _ in moves), self.source], np.int64)
        if not self.contains(arm_actions):
            raise SolutionError(f"the action {np.asarray(arm_actions).tolist()} is not in the set {type(self).__name__}.")
        walk = self.closed_walks.walk(np.asarray(arm_actions), self.source)
        return np.append(walk, np.full(2 * self.budget + 1 - len(walk), self.source))

    @cached_property
    def _neighbours(self) -> list[list[int]]:
        found: list[set[int]] = [set() for _ in range(self.count)]
        for tail, head in self.edges.tolist():
            if tail != head:
                found[tail].add(head)
                found[head].add(tail)
        return [sorted(nodes) for nodes in found]

    @cached_property
    def _adjacency(self) -> tuple[Array, Array]:
        """The neighbours of node i: ``heads[starts[i]:starts[i + 1]]``."""
        starts = np.cumsum([0] + [len(nodes) for nodes in self._neighbours])
        return starts, np.array([head for nodes in self._neighbours for head in nodes], np.int64)

    @cached_property
    def _distances(self) -> Array:
        """Steps [J] from the source to each node, -1 where there is no way."""
        distances = np.full(self.count, -1)
        distances[self.source], frontier = 0, [self.source]
        while frontier:
            node = frontier.pop(0)
            for head in self._neighbours[node]:
                if distances[head] < 0:
                    distances[head] = distances[node] + 1
                    frontier.append(head)
        return distances
