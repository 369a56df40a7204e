"""`ClosedWalkProgram`: the closed walks of bounded length on a graph as the layers of a dynamic program, for large graphs.

Whom a closed walk visits depends on how often it takes each edge alone: the edges taken once or twice must form a connected
graph that holds the source, with an even number of them at every node (Euler). The graph falls into blocks that share
single nodes. In a block nodes are eliminated one after the other; what has to be remembered is, for the nodes between the
eliminated ones and the rest, which of them are connected and whether they have an odd number of edges so far. What hangs
on a node, its own gain and the blocks behind it, is a table of its own by number of moves and of pulls.

The states are the same for all gains, so they are written down once, as steps from the states of a layer to those of the
next, and `redwood.problems.cormab.closed_walks_kernels` goes through them.

References
----------
Bodlaender, Cygan, Kratsch, Nederlof (2015), Deterministic single exponential time algorithms for connectivity problems
parameterized by treewidth, doi:10.1016/j.ic.2014.12.008, for programs whose states are partitions of a frontier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from redwood.arrays import Array

BEAM = 60
"""How many partial orders of elimination are kept."""
WIDE = 9
"""With more nodes than this between the eliminated ones and the rest, states are too many."""
State = tuple[tuple[int, int], ...]
"""For each node of the frontier its component, 0 where no walk has been, and whether its number of edges is odd."""


@dataclass(frozen=True, eq=False)
class ClosedWalkProgram:
    """Layers of states, each reached from an earlier layer.

    Attributes
    ----------
    layers
        For each layer [N, 5]: the layer before it, or -1 at a start; the layer whose table is joined, or the edge that is
        walked, or at a start the node whose gain it holds, -1 for none; its most moves, most pulls, and number of rows.
        A state has a row for each number of moves with which a walk gets there and can still end in time.
    begins
        The steps into layer i are ``begins[i]`` to ``begins[i + 1]``.
    steps
        For each step [S, 9]: the state before, the state after, the moves it makes, and whether the table is joined; the
        rows where the states before and after would have 0 moves; the fewest and most moves before, and the most after.
    edges
        Pairs of nodes [M, 2] of the edges, by the numbers that layers use.
    """

    layers: Array
    begins: Array
    steps: Array
    edges: Array

    def best(self, gains: Array, budget: int) -> tuple[float, Array, Array]:
        """Return what the best walk is worth for ``gains`` [J], whom it pulls [J], and how often it takes each edge [M].

        With ``budget`` 0 pulls are not counted.
        """
        from redwood.problems.cormab.closed_walks_kernels import Steps, walk_best

        arm_actions, walked = np.zeros(len(gains), np.int64), np.zeros(len(self.edges), np.int64)
        gains, cells = np.asarray(gains, float), self._buffer(budget)
        value = walk_best(Steps(self.layers, self.begins, self.steps), gains, budget, arm_actions, walked, cells)
        return float(value), arm_actions, walked

    def walk(self, arm_actions: Array, source: int) -> Array:
        """Return the nodes of a shortest closed walk from the source that visits the pulled nodes of ``arm_actions`` [J]."""
        import networkx

        graph: Any = networkx.MultiGraph()
        graph.add_node(source)
        for edge, times in zip(self.edges.tolist(), self.best(arm_actions, 0)[2].tolist(), strict=True):
            graph.add_edges_from([edge] * times)
        return np.array([source, *(head for _, head in networkx.eulerian_circuit(graph, source))], np.int64)

    def choose(self, gains: Array, budget: int) -> Array:
        """Return the best actions [E, J] with at most ``budget`` pulls for each of ``gains`` [E, J]."""
        from redwood.problems.cormab.closed_walks_kernels import Steps, choose_closed_walks

        gains = np.ascontiguousarray(gains, np.float64)
        program = Steps(self.layers, self.begins, self.steps)
        return np.asarray(choose_closed_walks(program, gains, budget, len(self.edges), self._buffer(budget)))

    def refused(self, arm_actions: Array, budget: int) -> Array:
        """Return which rows of joint actions [E, J] no walk can pull, or are more than ``budget`` pulls."""
        from redwood.problems.cormab.closed_walks_kernels import Steps, beyond_closed_walks

        rows = np.ascontiguousarray(arm_actions, np.int64)
        program = Steps(self.layers, self.begins, self.steps)
        return np.flatnonzero(beyond_closed_walks(program, rows, budget, len(self.edges), self._buffer(0)))

    def cells(self, budget: int) -> int:
        """Return how many cells a decision with so many pulls fills."""
        from redwood.problems.cormab.closed_walks_kernels import offsets_of

        return int(offsets_of(self.layers, budget)[-1])

    def _buffer(self, budget: int) -> Array:
        """Return the cells that decisions with so many pulls share: new memory would cost as much as filling it."""
        if budget not in self._buffers:
            self._buffers[budget] = np.empty(self.cells(budget))
        return self._buffers[budget]

    @cached_property
    def _buffers(self) -> dict[int, Array]:
        return {}


def closed_walk_program(edges: Array, distances: Array, source: int, moves: int, most: int) -> ClosedWalkProgram | None:
    """Return the program of the closed walks from a source with at most ``moves`` moves.

    Parameters
    ----------
    edges
        Pairs of nodes [M, 2].
    distances
        Moves [J] from the source to each node.
    source
        The node where walks begin and end.
    moves
        Moves of a walk, at most.
    most
        With more cells than this in the layers of one decision there is no program, and the answer is ``None``.
    """
    builder = _Builder(*blocks_of(edges, distances, source, moves), distances, moves, most)
    try:
        builder.table(source)
    except _TooLarge:
        return None
    return builder.program()


def blocks_of(
    edges: Array, distances: Array, source: int, moves: int
) -> tuple[dict[int, set[int]], dict[int, list[set[int]]]]:
    """Return the neighbours of the nodes within reach of so many moves, and the blocks that hang on each node.

    A block hangs on its node nearest to the source: every way from there leads through it.

    Parameters
    ----------
    edges
        Pairs of nodes [M, 2].
    distances
        Moves [J] from the source to each node.
    source
        The node where walks begin and end.
    moves
        Moves of a walk, at most; what is farther than half of them is left out.
    """
    import networkx

    graph: Any = networkx.Graph()
    graph.add_node(source)
    graph.add_edges_from(edge for edge in edges.tolist() if edge[0] != edge[1] and 2 * max(distances[edge]) <= moves)
    hanging: dict[int, list[set[int]]] = {}
    blocks: Any = networkx.biconnected_components(graph)
    for block in blocks:
        hanging.setdefault(min(block, key=lambda node: (distances[node], node)), []).append(block)
    return {node: set(graph.adj[node]) for node in graph}, hanging


class _TooLarge(Exception):
    """The program has more cells than allowed."""


@dataclass(eq=False)
class _Builder:
    """Appends layer after layer; blocks come before the nodes that they hang on."""

    near: dict[int, set[int]]
    hanging: dict[int, list[set[int]]]
    distances: Array
    moves: int
    most: int
    layers: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    steps: list[list[tuple[int, int, int, int]]] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    cells: int = 0

    def program(self) -> ClosedWalkProgram:
        """Return what has been built."""
        begins = np.cumsum([0] + [len(steps) for steps in self.steps])
        steps = np.array([step for steps in self.steps for step in steps], np.int64).reshape(-1, 4)
        edges = np.array(self.edges, np.int64).reshape(-1, 2)
        return ClosedWalkProgram(*_spanned(np.array(self.layers, np.int64), begins, steps), edges)

    def table(self, node: int) -> int:
        """Append the table of a node and of all that hangs on it, and return its layer."""
        own = self._append(-1, node, 0, 1, 1, [])
        for block in self.hanging.get(node, []):
            hung = self._block(node, block)
            moves, pulls = self._most(node, own, hung)
            own = self._append(own, hung, moves, pulls, 1, [(0, 0, 0, 1)])
        return own

    def _block(self, root: int, block: set[int]) -> int:
        """Append the layers of a block that hangs on its root, without the root's gain, and return the last one."""
        near = {node: sorted(block & self.near[node]) for node in sorted(block)}
        order = _elimination(root, near)
        tables = {node: self.table(node) for node in order}
        frontier = [root]
        states: dict[State, int] = {((1, 0),): 0}
        layer, moves = self._append(-1, -1, 0, 0, 1, []), 0
        farthest, done = self.moves - 2 * int(self.distances[root]), set[frozenset[int]]()
        for node in order:
            for head in near[node]:
                edge = frozenset((node, head))
                if edge in done:
                    continue
                done.add(edge)
                fresh = [end for end in (node, head) if end not in frontier]
                moves = min(farthest, moves + 2 * len(fresh))  # more would hold a cycle that nothing needs
                layer, frontier, states = self._walked(layer, frontier, states, (node, head), fresh, moves)
            moves = min(farthest, moves + self.layers[tables[node]][2])
            layer, frontier, states = self._eliminated(layer, frontier, states, node, tables[node], moves)
        ends = [(number, 0, 0, 0) for state, number in states.items() if state == ((1, 0),)]
        return self._append(layer, -1, moves, self.layers[layer][3], 1, ends)

    def _walked(
        self, layer: int, frontier: list[int], states: dict[State, int], edge: tuple[int, int], fresh: list[int], moves: int
    ) -> tuple[int, list[int], dict[State, int]]:
        """Append the layer after an edge has been left out, walked once or twice."""
        frontier = frontier + fresh
        tail, head = (frontier.index(end) for end in edge)
        after: dict[State, int] = {}
        steps = []
        for state, number in states.items():
            wide = state + ((0, 0),) * len(fresh)
            for times in range(3):
                reached = _joined(wide, tail, head, times)
                if reached is not None:
                    steps.append((number, after.setdefault(reached, len(after)), times, 0))
        self.edges.append(edge)
        made = self._append(layer, len(self.edges) - 1, moves, self.layers[layer][3], len(after), steps)
        return made, frontier, after

    def _eliminated(
        self, layer: int, frontier: list[int], states: dict[State, int], node: int, table: int, moves: int
    ) -> tuple[int, list[int], dict[State, int]]:
        """Append the layer after a node has all its edges: even where a walk has been, and connected to another node."""
        place = frontier.index(node)
        after: dict[State, int] = {}
        steps = []
        for state, number in states.items():
            component, odd = state[place]
            rest = state[:place] + state[place + 1 :]
            if odd or (component and all(other != component for other, _ in rest)):
                continue
            steps.append((number, after.setdefault(_canonical(rest), len(after)), 0, int(component > 0)))
        pulls = self.layers[layer][3] + self.layers[table][3]
        made = self._append(layer, table, moves, pulls, len(after), steps)
        return made, frontier[:place] + frontier[place + 1 :], after

    def _most(self, node: int, own: int, hung: int) -> tuple[int, int]:
        """Return the most moves and pulls of a node's table after another block has been hung on it."""
        moves = self.layers[own][2] + self.layers[hung][2]
        return min(moves, self.moves - 2 * int(self.distances[node])), self.layers[own][3] + self.layers[hung][3]

    def _append(
        self, before: int, beside: int, moves: int, pulls: int, states: int, steps: list[tuple[int, int, int, int]]
    ) -> int:
        pulls = min(pulls, moves + 1)
        self.layers.append((before, beside, moves, pulls, states))
        self.steps.append(steps)
        self.cells += states * (moves + 1) * (min(pulls, self.moves // 2) + 1)
        if self.cells > self.most:
            raise _TooLarge
        return len(self.layers) - 1


def _spanned(layers: Array, begins: Array, steps: Array) -> tuple[Array, Array, Array]:
    """Return layers, their begins and steps with rows for states in place of numbers of states, without steps in vain."""
    firsts = np.cumsum(np.append(0, layers[:, 4]))
    layer = np.repeat(np.arange(len(layers)), np.diff(begins))
    before, after, made = firsts[layers[layer, 0]] + steps[:, 0], firsts[layer] + steps[:, 1], steps[:, 2]
    fewest, most = _spans(layers, begins, firsts, before, after, made)
    rows = np.maximum(most - fewest + 1, 0)
    ends = np.cumsum(np.append(0, rows))
    origins = ends[:-1] - ends[np.repeat(firsts[:-1], layers[:, 4])] - fewest
    last = np.minimum(most[before], most[after] - made)
    whole = np.column_stack((steps, origins[before], origins[after], fewest[before], last, most[after]))
    useful = fewest[before] <= last
    counts = np.bincount(layer[useful], minlength=len(layers))
    return np.column_stack((layers[:, :4], np.diff(ends[firsts]))), np.cumsum(np.append(0, counts)), whole[useful]


def _spans(layers: Array, begins: Array, firsts: Array, before: Array, after: Array, made: Array) -> tuple[Array, Array]:
    """Return the fewest moves [T] that reach each state, and the most from which the last layer can be reached in time."""
    never = int(layers[:, 2].max()) + 1
    fewest, most = np.full(firsts[-1], never), np.full(firsts[-1], -1)
    fewest[firsts[:-1][layers[:, 0] < 0]] = 0
    most[firsts[:-1][~np.isin(np.arange(len(layers)), layers[:, 0])]] = never
    for start, end in pairwise(begins.tolist()):
        np.minimum.at(fewest, after[start:end], fewest[before[start:end]] + made[start:end])
    for layer in range(len(layers) - 1, -1, -1):
        own, step = slice(*firsts[layer : layer + 2]), slice(*begins[layer : layer + 2])
        most[own] = np.minimum(most[own], layers[layer, 2])
        np.maximum.at(most, before[step], most[after[step]] - made[step])
    return fewest, most


def _joined(state: State, tail: int, head: int, times: int) -> State | None:
    """Return the state after an edge is walked so often; ``None`` where walking it twice connects nothing new."""
    if times == 0:
        return state
    first, second = state[tail][0], state[head][0]
    if times == 2 and first and first == second:
        return None
    new = max(component for component, _ in state) + 1
    merged = [[new if component and component in (first, second) else component, odd] for component, odd in state]
    for place in (tail, head):
        merged[place] = [new, (merged[place][1] + times) % 2]
    return _canonical([(component, odd) for component, odd in merged])


def _canonical(state: Sequence[tuple[int, int]]) -> State:
    """Return a state with its components numbered in the order of their first nodes."""
    names = {0: 0}
    return tuple((names.setdefault(component, len(names)), odd) for component, odd in state)


def _elimination(root: int, near: dict[int, list[int]]) -> list[int]:
    """Return the nodes of a block, its root left out, in an order that keeps few nodes between the eliminated and the rest.

    A beam of partial orders; states grow about fourfold with each node in between.
    """
    nodes = list(near)
    bit = {node: 1 << place for place, node in enumerate(nodes)}
    around = {node: sum(bit[other] for other in near[node]) for node in nodes}
    beam: dict[int, tuple[float, int, list[int]]] = {0: (0.0, 0, [])}
    for _ in range(len(nodes) - 1):
        grown: dict[int, tuple[float, int, list[int]]] = {}
        for gone, (cost, edge, order) in beam.items():
            for node in nodes:
                if node == root or gone & bit[node]:
                    continue
                left = gone | bit[node]
                between = (edge | around[node]) & ~left | bit[root]
                price = cost + 4.0 ** between.bit_count() * (around[node] & ~gone).bit_count()
                if left not in grown or price < grown[left][0]:
                    grown[left] = (price, between, [*order, node])
        beam = dict(sorted(grown.items(), key=lambda entry: entry[1][0])[:BEAM])
    order = min(beam.values())[2]
    if max(_widths(order, root, bit, around)) > WIDE:
        raise _TooLarge
    return order


def _widths(order: list[int], root: int, bit: dict[int, int], around: dict[int, int]) -> Iterator[int]:
    """Yield how many nodes lie between the eliminated ones and the rest, the root among them."""
    gone, edge = 0, 0
    for node in order:
        gone |= bit[node]
        edge |= around[node]
        yield (edge & ~gone | bit[root]).bit_count()
