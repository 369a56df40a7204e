"""A lower bound on the length of tours: the minimum 1-tree under potentials that an ascent finds, then linear programs.

References
----------
M. Held and R. M. Karp, The traveling-salesman problem and minimum spanning trees: part II, 1971, doi:10.1007/BF01584070: the
bound. T. Volgenant and R. Jonker, 1982, doi:10.1016/0377-2217(82)90015-7: the direction of the steps. K. Helsgaun, 2000,
doi:10.1016/S0377-2217(99)00284-2: ascending on a sparse graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Share, Timer
from redwood.problems.routing.spanning import SpanningTrees
from redwood.problems.routing.spanning_kernels import SparseGraph
from redwood.problems.tsp.ascent_kernels import ascend
from redwood.problems.tsp.instance import TSPInstance
from redwood.problems.tsp.local import TSPLocal
from redwood.problems.tsp.relaxation import rehearse, relax
from redwood.tolerance import ROUNDING, STEP, eased, usable_step
from redwood.views.bound import Bound, BoundValue

NEIGHBOURS = 8
LEAVES = 30
"""How many leaves of the spanning tree are tried as the node with the second edge."""
LONGEST_STEP, SHORTEST_STEP = 3.0, 0.003
"""First and last step of the ascent, in mean edge lengths of the first 1-tree."""
SHRINKING = 0.7
"""How a step shrinks where the bound no longer grows by the share `PROGRESS`."""
PROGRESS = 1e-4
TOURED = 50_000
"""Up to this many nodes the sparse graph holds a heuristic tour, so that no ascent on it can exceed that tour's length."""
LARGEST = 5_000
"""Up to this many nodes the linear relaxation is tried: its reduced costs take a look at all pairs of them."""
SMALLEST = 5
"""Nodes from which on 1-trees may be worse than the best tour."""
TREE_SHARE = 0.2
"""Share of the time for the ascent where the linear relaxation follows."""
PATIENCE = 5e-4
"""Seconds for each node that have to be left for the linear relaxation to begin: with less it would not come as far."""
QUANTUM = 1024.0
"""Potentials are multiples of its inverse, so that whole distances add up without rounding errors."""


@dataclass(frozen=True)
class OneTree:
    """A minimum 1-tree of all nodes.

    Attributes
    ----------
    value
        The bound that it proves, not rounded up.
    potentials
        Of the nodes, [N].
    edges
        Its edges [N, 2]: a spanning tree and, last, the second edge of one of the tree's leaves, the leaf first.
    ended
        Whether the ascent took all the steps that it wanted to.
    """

    value: float
    potentials: Array
    edges: Array
    ended: bool = False


class TSPBound(Bound):
    """The 1-tree bound, raised by a linear relaxation with subtours, blossoms and combs.

    The ascent runs on a sparse graph (`NEIGHBOURS` nearest nodes, a spanning tree, a heuristic tour), which by itself
    proves nothing. After each round of steps a minimum spanning tree of *all* nodes gives a bound that is valid, and its
    edges join the sparse graph. Memory is linear in the nodes. Where time is too short for that, the bound is a plain
    1-tree, or half of the two shortest distances at each node. Up to `LARGEST` nodes the relaxation follows, whose edges
    begin with those of the 1-tree; see `redwood.problems.tsp.relaxation`.
    """

    def __init__(self, instance: TSPInstance) -> None:
        self.instance = instance
        self._trees = SpanningTrees(instance.travel)

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the bound, rounded up where distances are whole."""
        if self.instance.size < 3:
            tour = np.arange(self.instance.size)
            length = self.instance.travel.between(tour, tour[::-1]).sum() if len(tour) == 2 else 0.0
            return BoundValue(float(length), "the only tour")
        before = clock.seconds_left
        best = self._rounded(self._safe(self._trees.half_sum(clock)), "half of the two shortest edges at each node", True)
        seconds = before - clock.seconds_left if math.isfinite(before) else 0.0
        relaxes = SMALLEST <= self.instance.size <= LARGEST
        ascending = Share(clock, TREE_SHARE) if relaxes and math.isfinite(before) else clock
        tree = self.one_tree(ascending, incumbent, patience=8.0 * seconds)
        if tree is None:
            return best
        if tree.value > best.value:
            method = "1-tree with Held-Karp ascent" if tree.potentials.any() else "1-tree"
            best = self._rounded(tree.value, method, not tree.ended)
        if not relaxes or self._proves(tree.value, incumbent):
            return best
        if clock.stops() or clock.seconds_left < PATIENCE * self.instance.size:
            return replace(best, cut_short=True)
        relaxation = relax(self.instance, tree.edges, clock)
        value = relaxation.tighten(clock, math.inf if incumbent is None else self.goal(incumbent))
        raised = self._rounded(value, "linear program with subtours, blossoms and combs", not relaxation.ended)
        return raised if raised.value > best.value else BoundValue(best.value, best.method, raised.cut_short)

    def goal(self, incumbent: float) -> float:
        """Return what a bound has to exceed to prove that no tour is shorter than an incumbent."""
        step = usable_step(1.0 if self.instance.travel.integral else 0.0, abs(incumbent))
        return incumbent - max((1.0 - STEP) * step, ROUNDING * abs(incumbent))

    def warm_up(self) -> None:
        """Compile what `bound` needs, on the first nodes of the instance."""
        if self.instance.size > 2:
            few = self.instance.travel.part(np.arange(min(self.instance.size, 12)))
            TSPBound(TSPInstance(travel=few)).bound(Timer())
            rehearse(few.metric)

    def one_tree(
        self, clock: Clock, incumbent: float | None = None, *, patience: float = 0.0, rounds: float = math.inf
    ) -> OneTree | None:
        """Return the best 1-tree found, or ``None`` where the clock did not even allow one.

        The ascent ends at the first 1-tree that proves ``incumbent`` optimal, and does not begin where less than
        ``patience`` seconds are left; ``rounds`` limits it further. Without a time limit nothing depends on the clock.

        Parameters
        ----------
        clock
            Stops the ascent.
        incumbent
            Length of the best tour known, or ``None``; a bound that proves it ends the ascent.
        patience
            Seconds that have to be left for the ascent to begin.
        rounds
            Rounds of the ascent, at most; infinite for no limit.
        """
        size = self.instance.size
        best = None if clock.stops() else self._certify(np.zeros(size), self._trees.nearby(), clock)
        if best is None or clock.seconds_left < patience:
            return best
        hurried = False
        graph = self._sparse_graph(best.edges)
        longest = float(self.instance.travel.between(*best.edges.T).max())
        scale = max(best.value / size, 1.0 / QUANTUM if self.instance.travel.integral else ROUNDING * longest)
        potentials, previous = np.zeros(size), np.zeros(size)
        step, steps, began = LONGEST_STEP, 50 + size // 20, clock.seconds_left
        while step >= SHORTEST_STEP and rounds > 0 and not self._proves(best.value, incumbent):
            left, rounds = clock.seconds_left, rounds - 1
            round_best = self._ascend(graph, potentials, previous, step * scale, steps, clock, began / 20.0)
            found = None if round_best is None else self._certify(round_best, graph, clock)
            if found is None:
                hurried = True
                break
            grown = found.value - best.value
            best = found if grown > 0.0 else best
            graph = graph.joined(self.instance.travel, found.edges)
            if math.isfinite(clock.seconds_left):
                affordable = clock.seconds_left / max(left - clock.seconds_left, 1e-6) - 1.0
                hurried |= affordable < math.log(SHORTEST_STEP / step) / math.log(SHRINKING)
                rounds = min(rounds, affordable)
            step *= _shrinking(step, grown <= PROGRESS * abs(best.value), rounds)
        return replace(best, ended=not hurried or self._proves(best.value, incumbent))

    def _sparse_graph(self, edges: Array) -> SparseGraph:
        travel = self.instance.travel
        near = travel.nearest(NEIGHBOURS)
        graph = SparseGraph.of(travel, np.repeat(np.arange(travel.size), near.shape[1]), near.ravel())
        if travel.size <= TOURED:
            local = TSPLocal(self.instance)
            state = local.construct(np.random.default_rng(0))
            local.descend(state)
            edges = np.concatenate([edges, np.stack([state.tour, np.roll(state.tour, -1)], axis=1)])
        return graph.joined(travel, edges)

    def _ascend(
        self,
        graph: SparseGraph,
        potentials: Array,
        previous: Array,
        step: float,
        steps: int,
        clock: Clock,
        seconds: float,
    ) -> Array | None:
        """Make steps until there are ``steps`` of them or the seconds are over; return the best potentials met."""
        best, best_potentials = -math.inf, potentials.copy()
        began, done = clock.seconds_left, 0
        chunk = max(1, 20_000 // len(potentials))
        while done < steps and not began - clock.seconds_left > seconds:
            if clock.stops():
                return None
            best = ascend(graph, potentials, best_potentials, previous, best, step, min(chunk, steps - done))
            done += chunk
        return best_potentials

    def _certify(self, potentials: Array, graph: SparseGraph, clock: Clock) -> OneTree | None:
        """Return the minimum 1-tree of all nodes, or ``None`` where the clock stopped the work."""
        potentials = np.rint(potentials * QUANTUM) / QUANTUM if self.instance.travel.integral else potentials
        edges = self._trees.tree(potentials, graph, clock)
        if edges is None:
            return None
        degree = np.bincount(edges.ravel(), minlength=self.instance.size)
        extra = self._second_edge(potentials, graph, edges, degree)
        degree[extra] += 1
        edges = np.concatenate([edges, extra[None]])
        lengths = self.instance.travel.between(edges[:, 0], edges[:, 1])
        terms = np.concatenate([lengths, (degree - 2) * potentials])
        magnitude = float(lengths.sum() + 2.0 * np.abs(potentials).sum())
        return OneTree(self._safe(math.fsum(terms.tolist()), magnitude), potentials, edges)

    def _second_edge(self, potentials: Array, graph: SparseGraph, edges: Array, degree: Array) -> Array:
        """Return the second edge of the leaf at which it seems to cost most: with any leaf the 1-tree is a minimum one."""
        inner = np.full(self.instance.size, -1)
        inner[edges[:, 0]], inner[edges[:, 1]] = edges[:, 1], edges[:, 0]  # of a leaf: its only neighbour
        weights = graph.costs + potentials[graph.tails] + potentials[graph.heads]
        weights[graph.heads == inner[graph.tails]] = np.inf
        seconds = np.minimum.reduceat(weights, graph.starts[:-1])
        leaves = np.flatnonzero(degree == 1)
        best, edge = -np.inf, np.zeros(2, dtype=np.int64)
        for leaf in leaves[np.argsort(-seconds[leaves], kind="stable")][:LEAVES]:
            if seconds[leaf] <= best:
                break
            head, weight = self._trees.cheapest(int(leaf), int(inner[leaf]))
            if weight > best:
                best, edge = weight, np.array([leaf, head])
        return edge

    def _safe(self, value: float, magnitude: float | None = None) -> float:
        """Return a sum less what rounding can have added to it; sums of whole distances are exact."""
        size = abs(value) if magnitude is None else magnitude
        exact = self.instance.travel.integral and size * QUANTUM < 2**53
        return value if exact else value - ROUNDING * size

    def _proves(self, value: float, incumbent: float | None) -> bool:
        return incumbent is not None and value > self.goal(incumbent)

    def _rounded(self, value: float, method: str, cut_short: bool) -> BoundValue:
        if self.instance.travel.integral:
            value = eased(value, "min", step=1.0, share=ROUNDING)
        return BoundValue(float(max(0.0, value)), method, cut_short)


def _shrinking(step: float, stuck: bool, rounds: float) -> float:
    """Return by how much to shrink the step: where the bound is stuck, and so that the rounds left reach the last step."""
    factor = SHRINKING if stuck else 1.0
    return min(factor, (SHORTEST_STEP / step) ** (1.0 / max(1.0, rounds))) if math.isfinite(rounds) else factor
