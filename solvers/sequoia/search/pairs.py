"""`PairMaximum`: the best joint action where pulls and pairs of pulled neighbours count, by the structure of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolverError
from redwood.planning.action_set import ActionSet
from redwood.planning.joint_maximum import JointMaximum, counts_of
from redwood.solvers.sequoia.search.pairs_kernels import FrontierPlan, best_along_frontier, climb_pairs
from redwood.tolerance import HIGHS_LOSS

LARGEST = 50_000_000
"""The most entries of a dynamic program; what has more goes to the mixed-integer program."""
STARTS = 12
"""Arms that an order of decisions is begun from, the best order being taken."""


@dataclass(frozen=True, eq=False)
class PairMaximum:
    """Maximises sums over pulled arms and over pairs of pulled neighbours, over an action set of two actions.

    Sets that limit the number of pulls alone are maximised by dynamic programming along a frontier of the graph, in time
    linear in the arms and exponential in the frontier, which is small where contacts are few or in clusters. Other sets and
    wide frontiers go to HiGHS, each pair as a column below or above what its arms allow.

    Attributes
    ----------
    actions
        The set.
    edges
        The pairs of arms [M, 2].

    References
    ----------
    Bertele, Brioschi (1972), Nonserial dynamic programming, chapter 2.
    """

    actions: ActionSet
    edges: Array

    @cached_property
    def plan(self) -> FrontierPlan | None:
        """The order of decisions; ``None`` where the set does more than limit pulls, or the frontier is too wide."""
        if not len(self._counts):
            return None
        found = frontier_plan(self.actions.arms, self.edges)
        entries = self.actions.arms * (1 << found.slots) * len(self._counts)
        return found if entries <= LARGEST else None

    @cached_property
    def _counts(self) -> Array:
        """Whether so many arms may be pulled, up to the most that may."""
        allowed = counts_of(self.actions)
        return allowed[: int(np.flatnonzero(allowed).max()) + 1] if allowed.any() else allowed

    def best(self, pulls: Array, pairs: Array) -> list[JointMaximum]:
        """Return the best joint action for values of pulls [N, J] and of pairs [N, M], N times, each with a proven bound."""
        if self.plan is None:
            return [self._program(*row) for row in zip(pulls, pairs, strict=True)]
        parts = np.ascontiguousarray(pulls, np.float64), np.ascontiguousarray(pairs, np.float64)
        actions, values = best_along_frontier(*parts, self._counts, self.plan)
        return [JointMaximum(action, value, value) for action, value in zip(actions, values.tolist(), strict=True)]

    def climbed(self, pulls: Array, pairs: Array) -> Array:
        """Return good joint actions [N, J], climbed to by swaps from the best without pairs: microseconds each."""
        found: Array = np.ascontiguousarray(self.actions.choose(np.stack([np.zeros_like(pulls), pulls], axis=-1)))
        parts = np.ascontiguousarray(pulls, np.float64), np.ascontiguousarray(pairs, np.float64)
        climb_pairs(found, self.actions.classes, *parts, self.edges)
        return found

    def _program(self, pulls: Array, pairs: Array) -> JointMaximum:
        """Return the best joint action by a mixed-integer program.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its action is not in the set.
        """
        import highspy

        compiled = self.actions.program.compiled
        highs = compiled.highs(mip_rel_gap=0.0, mip_abs_gap=1e-9, mip_heuristic_run_feasibility_jump=False)
        highs.changeColsCost(len(pulls), np.arange(len(pulls), dtype=np.int32), pulls)
        none = np.zeros(0, np.int32), np.zeros(0)
        for number, (one, other) in enumerate(self.edges.tolist()):
            column, value = compiled.size + number, float(pairs[number])
            highs.addCol(value, 0.0, 1.0, 0, *none)
            if value > 0:  # both arms cap the pair
                for arm in (one, other):
                    highs.addRow(-np.inf, 0.0, 2, np.array([column, arm], np.int32), np.array([1.0, -1.0]))
            else:  # both together force it
                highs.addRow(-1.0, np.inf, 3, np.array([column, one, other], np.int32), np.array([1.0, -1.0, -1.0]))
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"HiGHS ended with status {highs.getModelStatus()} on pairs of pulled neighbours.")
        action = np.rint(np.array(highs.getSolution().col_value)[: len(pulls)]).astype(np.int64)
        if not self.actions.contains(action):
            raise SolverError(f"the action {action.tolist()} that HiGHS found is not in the set.")
        value = value_of_pairs(action[None], pulls[None], pairs[None], self.edges)[0]
        return JointMaximum(action, float(value), max(float(value), float(highs.getInfo().mip_dual_bound) + HIGHS_LOSS))


def value_of_pairs(actions: Array, pulls: Array, pairs: Array, edges: Array) -> Array:
    """Return the value [N] of joint actions [N, J] of zeros and ones.

    Parameters
    ----------
    actions
        Joint actions [N, J].
    pulls, pairs
        Value [N, J] of each pull, and [N, M] of both of a pair.
    edges
        The pairs of arms [M, 2].
    """
    both = actions[:, edges[:, 0]] * actions[:, edges[:, 1]]
    found: Array = (pulls * actions).sum(axis=1) + (pairs * both).sum(axis=1)
    return found


def frontier_plan(arms: int, edges: Array) -> FrontierPlan:
    """Return an order of decisions in which few arms are in the frontier at once: greedy ones from several starts."""
    near: list[set[int]] = [set() for _ in range(arms)]
    for one, other in edges.tolist():
        near[one].add(other)
        near[other].add(one)
    starts = sorted(range(arms), key=lambda arm: len(near[arm]))[:STARTS]
    order = min((_greedy_order(start, near) for start in starts), key=lambda order: _widths(order, near))
    return _plan(order, near, {(min(pair), max(pair)): place for place, pair in enumerate(edges.tolist())})


def _greedy_order(start: int, near: list[set[int]]) -> list[int]:
    """Return arms in an order that keeps the frontier small, the arm that widens it least being next."""
    done: set[int] = set()
    frontier: set[int] = set()
    order: list[int] = []
    following = start
    while True:
        order.append(following)
        done.add(following)
        frontier = {arm for arm in frontier | {following} if near[arm] - done}
        rest = [arm for arm in range(len(near)) if arm not in done]
        if not rest:
            return order
        following = min(rest, key=lambda arm: (_growth(arm, frontier, done, near), len(near[arm] - done)))


def _growth(arm: int, frontier: set[int], done: set[int], near: list[set[int]]) -> int:
    """Return by how many arms the frontier grows when an arm is decided."""
    closed = sum(1 for other in near[arm] & frontier if near[other] - done == {arm})
    return bool(near[arm] - done) - closed


def _widths(order: list[int], near: list[set[int]]) -> tuple[int, int]:
    """Return the widest frontier of an order, and the sum of two to the power of all widths."""
    done: set[int] = set()
    frontier: set[int] = set()
    widest = total = 0
    for arm in order:
        done.add(arm)
        frontier.add(arm)
        widest, total = max(widest, len(frontier)), total + (1 << len(frontier))
        frontier = {other for other in frontier if near[other] - done}
    return widest, total


def _plan(order: list[int], near: list[set[int]], places: dict[tuple[int, int], int]) -> FrontierPlan:
    """Return the plan of an order: bits, pairs with the frontier, and who leaves it."""
    slot, free, done = [0] * len(order), list(range(len(order))), set[int]()
    frontier: set[int] = set()
    link: list[int] = []
    link_slot: list[int] = []
    left: list[int] = []
    link_begin, left_begin = [0], [0]
    for arm in order:
        slot[arm] = min(free)
        free.remove(slot[arm])
        for other in sorted(near[arm] & frontier):
            link.append(places[min(arm, other), max(arm, other)])
            link_slot.append(slot[other])
        done.add(arm)
        frontier.add(arm)
        for other in sorted(frontier):
            if not near[other] - done:
                frontier.remove(other)
                free.append(slot[other])
                left.append(other)
        link_begin.append(len(link))
        left_begin.append(len(left))

    def array(numbers: list[int]) -> Array:
        return np.array(numbers, np.int64)

    return FrontierPlan(
        array(order),
        array(slot),
        array(link),
        array(link_slot),
        array(link_begin),
        array(left),
        array(left_begin),
        1 + max(slot),
    )
