"""The action set of workers with capacities: each pulled arm is served by one worker, at a cost of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.planning.action_set import Choice, Program, value_of
from redwood.planning.relaxation import Relaxation
from redwood.problem import frozen, whole_numbers
from redwood.problems.cormab.batched import BatchedSet

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

MOST = 40_000
"""The most count vectors kept; for sets with more, a program decides how many workers take which packing."""
MOST_PACKINGS = 100_000
"""The most packings of one worker that are listed; for sets with more, the declared model decides."""


@dataclass(frozen=True, eq=False)
class CapacitySet(BatchedSet):
    """Worker i serves arms whose costs sum to at most ``capacities[i]``; an arm is pulled if some worker serves it.

    What matters is how many arms of each cost are pulled. The vectors of such counts that the workers can serve, and
    that no other one exceeds, are few, and the best arms of each cost are plain to see.

    Attributes
    ----------
    costs
        Cost [J] of each arm, whole, from 1 on.
    capacities
        Capacity [B] of each worker, whole, from 0 on.
    """

    kind: ClassVar[str] = "capacity"
    costs: Array
    capacities: Array

    def __post_init__(self) -> None:
        for name, least in (("costs", 1), ("capacities", 0)):
            numbers = whole_numbers(name, getattr(self, name), least)
            if numbers.ndim != 1 or not len(numbers):
                raise InstanceError(f"{name} have shape {list(numbers.shape)}; expected a list of at least one number.")
            object.__setattr__(self, name, numbers)
        most = sum(self.costs.tolist())  # who can serve everybody needs no more
        object.__setattr__(self, "capacities", frozen([min(one, most) for one in self.capacities.tolist()], np.int64))

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return len(self.costs)

    def model(self) -> ConcreteModel:
        """Return binaries for pulled arms and for which worker serves which arm, one row a worker and one an arm."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, Var, quicksum

        model = ConcreteModel("capacity")
        arms, workers = range(self.arms), range(len(self.capacities))
        costs, capacities = self.costs.tolist(), self.capacities.tolist()
        model.pulled = Var(arms, domain=Binary)
        model.serves = Var(workers, arms, domain=Binary)

        def fits(model: ConcreteModel, worker: int) -> Any:
            return quicksum(costs[arm] * model.serves[worker, arm] for arm in arms) <= capacities[worker]

        def served(model: ConcreteModel, arm: int) -> Any:
            return quicksum(model.serves[worker, arm] for worker in workers) == model.pulled[arm]

        model.fits = Constraint(workers, rule=fits)
        model.served = Constraint(arms, rule=served)
        return model

    @cached_property
    def counts(self) -> Array | None:
        """The maximal vectors [V, K] of how many arms of each distinct cost are pulled; ``None`` where too many."""
        kinds, sizes = np.unique(self.costs, return_counts=True)
        found = np.zeros((1, len(kinds)), np.int64)
        for capacity in np.sort(self.capacities)[::-1].tolist():
            listed = _packings(kinds.tolist(), sizes.tolist(), capacity)
            if listed is None or len(found) * len(listed) > 16 * MOST:
                return None
            packs = np.array(listed, np.int64)
            sums = np.minimum((found[:, None] + packs[None]).reshape(-1, len(kinds)), sizes)
            found = _maximal(np.unique(sums, axis=0))
            if len(found) > MOST:
                return None
        return found

    def argmax(self, coefficients: Array) -> Choice:
        """Return the best arms of each cost for the best count vector."""
        if self._packs is None:
            return self.solve(coefficients)
        if self.counts is None:
            _, bound = self._packed.maximise(coefficients)
            room = (self._packed.others() @ self._packs).astype(np.int64)
            counts = np.minimum(room, np.bincount(self.classes))
            arm_actions = fill(coefficients, counts[None], self.members)
            return Choice(arm_actions, value_of(coefficients, arm_actions), bound, self)
        return super().argmax(coefficients)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best action for each of many values."""
        if self.counts is None:
            return super().choose(coefficient_tables)
        return choose_filled(coefficient_tables, self.counts, self.classes)

    def contains(self, arm_actions: Array) -> bool:
        """Return whether the workers can serve the pulled arms."""
        if not self.in_range(arm_actions):
            return False
        if self._packs is None:
            return super().contains(arm_actions)
        if self.counts is None:
            return self._packed.values(arm_actions) is not None
        wanted = np.bincount(self.classes[np.asarray(arm_actions) > 0], minlength=self.counts.shape[1])
        return bool((wanted <= self.counts).all(axis=1).any())

    def enumerate(self, limit: int) -> Array | None:
        """Return all allowed actions [N, J] as bytes; ``None`` where they are more than a limit or nobody can list them."""
        from redwood.problems.cormab.enumeration import list_classes

        return None if self.counts is None else list_classes(self, self.counts, limit)

    def refused(self, arm_actions: Array) -> Array:
        """Return which rows of joint actions [E, J] are not allowed."""
        if self.counts is None:
            return super().refused(arm_actions)
        from redwood.problems.cormab.capacity_kernels import beyond_counts

        return np.flatnonzero(beyond_counts(np.ascontiguousarray(arm_actions, np.int64), self.counts, self.classes))

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return random actions: arms in random order, each given to a random worker with room for it."""
        from redwood.kernels import random_state
        from redwood.problems.cormab.sampling_kernels import draw_packings

        return np.asarray(draw_packings(count, self.costs, self.capacities, random_state(rng)))

    def witness(self, arm_actions: Array) -> Array:
        """Return the worker [J] who serves each arm, -1 for arms that are not pulled."""
        worker_of = np.full(self.arms, -1)
        for name in super().witness(arm_actions):
            worker, arm = name[name.index("[") + 1 : -1].split(",")
            worker_of[int(arm)] = int(worker)
        return worker_of

    @cached_property
    def classes(self) -> Array:
        """Which of the distinct costs each arm has [J]: arms of one cost are alike."""
        return np.unique(self.costs, return_inverse=True)[1].ravel()

    @cached_property
    def _packed(self) -> Program:
        """The program of how many workers of each capacity take each packing: alike workers are not told apart.

        Where these numbers are whole, the best arms of each cost are pulled as wholes.
        """
        from pyomo.environ import ConcreteModel, ConstraintList, NonNegativeIntegers, UnitInterval, Var, quicksum

        workers = np.unique(self.capacities, return_counts=True)[1]
        packs = self._listed or []
        model = ConcreteModel("capacity by packings")
        model.pulled = Var(range(self.arms), domain=UnitInterval)
        keys = [(size, pack) for size, found in enumerate(packs) for pack in range(len(found))]
        model.taken = Var(keys, domain=NonNegativeIntegers)
        model.rows = ConstraintList()
        for size, number in enumerate(workers.tolist()):
            model.rows.add(quicksum(model.taken[size, pack] for pack in range(len(packs[size]))) <= number)
        for kind, members in enumerate(self.members):
            room = quicksum(packs[size][pack][kind] * model.taken[size, pack] for size, pack in keys)
            model.rows.add(quicksum(model.pulled[arm] for arm in members.tolist()) <= room)
        return Program(model, list(model.pulled.values()), self.arms, 2, implied=True)

    @cached_property
    def relaxation(self) -> Relaxation:
        """How often each packing is taken by workers of each capacity, and what room that makes for arms of each cost."""
        from scipy.sparse import csc_array

        if self._listed is None or self._packs is None:
            return super().relaxation
        sizes, workers = np.unique(self.capacities, return_counts=True)
        taken = [len(found) for found in self._listed]
        owners, kinds = np.repeat(np.arange(len(sizes)), taken), np.bincount(self.classes)
        count, most = len(owners), np.concatenate((kinds, workers[owners])).astype(float)
        one, none = np.eye(len(kinds)), np.zeros((len(kinds), count))
        rows = np.block(
            [[-one, self._packs.T], [np.zeros((len(sizes), len(kinds))), owners == np.arange(len(sizes))[:, None]]]
        )
        lower = np.concatenate((np.zeros(len(kinds)), np.full(len(sizes), -np.inf)))
        upper = np.concatenate((np.full(len(kinds), np.inf), workers))
        links = csc_array(np.hstack((one, none)))
        return Relaxation(self.classes, links, csc_array(rows), lower, upper, 0 * most, most)

    @cached_property
    def _listed(self) -> list[list[list[int]]] | None:
        """The packings of a worker of each distinct capacity; ``None`` where they are too many."""
        kinds, sizes = np.unique(self.costs, return_counts=True)
        found = []
        for capacity in np.unique(self.capacities).tolist():
            listed = _packings(kinds.tolist(), sizes.tolist(), capacity)
            if listed is None:
                return None
            found.append(listed)
        return found

    @cached_property
    def _packs(self) -> Array | None:
        """The packings [P, K] of `_packed`, in the order of its variables: arms of each distinct cost."""
        return None if self._listed is None else np.array([pack for found in self._listed for pack in found])


def choose_filled(coefficient_tables: Array, counts: Array, classes: Array) -> Array:
    """Return what `fill` returns for each of ``coefficient_tables`` [E, J, 2]; ``classes`` [J] is each arm's class."""
    from redwood.problems.cormab.capacity_kernels import choose_counts

    gains = np.ascontiguousarray(coefficient_tables[:, :, 1] - coefficient_tables[:, :, 0], dtype=np.float64)
    return np.asarray(choose_counts(gains, np.ascontiguousarray(counts), classes))


def fill(coefficients: Array, counts: Array, classes: Sequence[Array]) -> Array:
    """Return the best actions [J] for ``coefficients`` [J, 2] where ``counts`` [V, K] arms of each class may be pulled."""
    gains = coefficients[:, 1] - coefficients[:, 0]
    total = np.zeros(len(counts))
    ranked = []
    for kind, members in enumerate(classes):
        order = members[np.argsort(-gains[members], kind="stable")]
        reach = np.concatenate(([0.0], np.cumsum(np.maximum(gains[order], 0.0))))
        total += reach[counts[:, kind]]
        ranked.append(order)
    arm_actions = np.zeros(len(coefficients), np.int64)
    for order, count in zip(ranked, counts[int(np.argmax(total))].tolist(), strict=True):
        arm_actions[order[:count]] = gains[order[:count]] > 0
    return arm_actions


def _packings(costs: Sequence[int], sizes: Sequence[int], capacity: int) -> list[list[int]] | None:
    """Return the count vectors of what one worker can serve to which nothing can be added; ``None`` where too many.

    Parameters
    ----------
    costs, sizes
        Each distinct cost, and how many arms have it.
    capacity
        The worker's.
    """
    begun: list[tuple[list[int], int]] = [([], capacity)]
    for kind, (cost, size) in enumerate(zip(costs, sizes, strict=True)):
        rest = sum(one * many for one, many in zip(costs[kind + 1 :], sizes[kind + 1 :], strict=True))
        begun = [
            ([*counts, count], left - count * cost)
            for counts, left in begun
            for count in range(max(0, min(size, (left - rest) // cost)), min(size, left // cost) + 1)
        ]
        if len(begun) > MOST_PACKINGS:
            return None
    return [counts for counts, _ in begun]


def _maximal(vectors: Array) -> Array:
    """Return the distinct vectors [V, K] that no other one is at least as large as everywhere."""
    from redwood.problems.cormab.capacity_kernels import keep_undominated

    return np.asarray(keep_undominated(vectors[np.argsort(-vectors.sum(axis=1), kind="stable")]))
