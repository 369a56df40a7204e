"""The action set of a schedule: each pulled arm meets two workers in slots where all of them are free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.planning.action_set import Choice, Program, value_of
from redwood.planning.relaxation import Relaxation, relaxation_by_counts
from redwood.problem import frozen, whole_number, whole_numbers
from redwood.problems.cormab.batched import BatchedSet
from redwood.problems.cormab.capacity import choose_filled

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

MOST_SLOTS = 10
"""With more slots than this, their subsets are not written down and the whole model is solved instead."""
MOST_COUNTS = 200_000
"""With more count vectors than this, Hall's conditions go to mixed-integer programming instead."""
ROUNDING = 1e-9
"""Share of the values by which sums may differ."""
Meeting = tuple[int, int]
"""A worker and a slot."""


@dataclass(frozen=True, eq=False)
class ScheduleSet(BatchedSet):
    """A pulled arm needs two meetings with different workers, in slots where it and they are free.

    A worker meets at most one arm in a slot, and at most ``budget`` arms are pulled. By Hall's theorem, arms have two
    meetings each if and only if, for every set of slots, the arms that are free in no other slot need no more meetings
    than the workers have there. That the two workers differ follows in nearly all cases, and is checked.
    The published program lets one worker meet an arm twice: with few workers that allows actions which are refused here.

    Attributes
    ----------
    arm_slots
        Whether [J, K] an arm is free in a slot.
    worker_slots
        Whether [W, K] a worker is free in a slot.
    budget
        The most arms pulled in a step.
    """

    kind: ClassVar[str] = "schedule"
    arm_slots: Array
    worker_slots: Array
    budget: int

    def __post_init__(self) -> None:
        arm_slots, worker_slots = (whole_numbers(name, getattr(self, name)) for name in ("arm_slots", "worker_slots"))
        if arm_slots.ndim != 2 or worker_slots.ndim != 2 or arm_slots.shape[1] != worker_slots.shape[1]:
            raise InstanceError(
                f"arm_slots {list(arm_slots.shape)} and worker_slots {list(worker_slots.shape)} must have the shapes "
                "[J, K] and [W, K] with the same number of slots."
            )
        for name, slots in (("arm_slots", arm_slots), ("worker_slots", worker_slots)):
            if (slots > 1).any():
                raise InstanceError(f"{name} hold {slots.max()}; expected whether somebody is free in a slot, 0 or 1.")
            object.__setattr__(self, name, frozen(slots, np.bool_))
        object.__setattr__(self, "budget", whole_number("budget", self.budget, 1))

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return len(self.arm_slots)

    def model(self) -> ConcreteModel:
        """Return binaries for pulled arms and for who meets whom when."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, ConstraintList, Var, quicksum

        model = ConcreteModel("schedule")
        arms, workers, slots = (range(count) for count in (self.arms, *self.worker_slots.shape))
        model.pulled = Var(arms, domain=Binary)
        free = [(j, w, k) for j, w, k in product(arms, workers, slots) if self.arm_slots[j, k] and self.worker_slots[w, k]]
        model.meets = Var(free, domain=Binary)
        model.once, model.different, model.twice = ConstraintList(), ConstraintList(), ConstraintList()
        for worker, slot in product(workers, slots):
            here = [model.meets[entry] for entry in free if entry[1:] == (worker, slot)]
            if here:
                model.once.add(quicksum(here) <= 1)
        for arm in arms:
            own = [entry for entry in free if entry[0] == arm]
            model.twice.add(quicksum(model.meets[entry] for entry in own) - 2 * model.pulled[arm] == 0)
            for worker in {entry[1] for entry in own}:
                model.different.add(quicksum(model.meets[entry] for entry in own if entry[1] == worker) <= 1)
        model.within = Constraint(expr=quicksum(model.pulled.values()) <= self.budget)
        return model

    def argmax(self, coefficients: Array) -> Choice:
        """Return the best action under Hall's conditions, which is the best one of all if its workers can differ."""
        if self.arm_slots.shape[1] > MOST_SLOTS:
            return self.solve(coefficients)
        if self.counts is None:
            arm_actions, bound = self._maximise(coefficients)
        else:
            arm_actions = choose_filled(coefficients[None], self.counts, self.classes)[0]
            bound = value_of(coefficients, arm_actions)
        if not self.contains(arm_actions):
            return self.solve(coefficients)
        return Choice(arm_actions, value_of(coefficients, arm_actions), bound, self)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best action for each of many values."""
        if self.arm_slots.shape[1] > MOST_SLOTS or self.counts is None:
            return super().choose(coefficient_tables)
        arm_actions = choose_filled(coefficient_tables, self.counts, self.classes)
        for row in self.refused(arm_actions):
            arm_actions[row] = self.solve(coefficient_tables[row]).arm_actions
        return arm_actions

    def contains(self, arm_actions: Array) -> bool:
        """Return whether the pulled arms can meet two different workers each."""
        if not self.in_range(arm_actions) or int(np.sum(arm_actions)) > self.budget:
            return False
        return len(self._meetings(arm_actions)) > 0

    def enumerate(self, limit: int) -> Array | None:
        """Return all allowed actions [N, J] as bytes; ``None`` where they are more than a limit or nobody can list them."""
        from redwood.problems.cormab.enumeration import list_classes

        return None if self.counts is None else list_classes(self, self.counts, limit, self.contains)

    def refused(self, arm_actions: Array) -> Array:
        """Return which rows of joint actions [E, J] are not allowed."""
        from redwood.problems.cormab.schedule_kernels import without_meetings

        rows = np.ascontiguousarray(arm_actions, np.int64)
        return np.flatnonzero(without_meetings(self.arm_slots, self.worker_slots, rows, self.budget))

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return random actions: arms in random order, each pulled where two meetings are still free for it."""
        from redwood.kernels import random_state
        from redwood.problems.cormab.sampling_kernels import draw_meetings

        return np.asarray(draw_meetings(count, self.arm_slots, self.worker_slots, self.budget, random_state(rng)))

    def witness(self, arm_actions: Array) -> dict[int, list[Meeting]]:
        """Return the two meetings (worker, slot) of each pulled arm."""
        if not self.contains(arm_actions):
            raise SolutionError(f"the action {np.asarray(arm_actions).tolist()} is not in the set {type(self).__name__}.")
        slots = self._meetings(arm_actions)
        return {
            arm: [(worker, int(slots[arm, worker])) for worker in np.flatnonzero(slots[arm] >= 0).tolist()]
            for arm in np.flatnonzero(arm_actions).tolist()
        }

    @cached_property
    def counts(self) -> Array | None:
        """The maximal vectors [V, C] of how many arms of each class Hall's conditions allow; ``None`` where too many."""
        inside, supply = self._conditions
        needs = 2 * inside[:, [members[0] for members in self.members]].T
        sizes = np.array([len(members) for members in self.members])
        found = np.zeros((1, len(sizes)), np.int64)
        for kind, size in enumerate(sizes.tolist()):
            if len(found) * (min(size, self.budget) + 1) > 4 * MOST_COUNTS:
                return None
            found = np.concatenate(
                [found + pulled * (np.arange(len(sizes)) == kind) for pulled in range(min(size, self.budget) + 1)]
            )
            found = found[(found.sum(axis=1) <= self.budget) & (found @ needs <= supply).all(axis=1)]
        spare = supply - found @ needs
        room = (found.sum(axis=1) < self.budget)[:, None] & (found < sizes)
        for kind, need in enumerate(needs):
            room[:, kind] &= (need <= spare).all(axis=1)
        maximal = found[~room.any(axis=1)]
        return maximal if len(maximal) <= MOST_COUNTS else None

    @cached_property
    def classes(self) -> Array:
        """Which of the distinct sets of slots each arm [J] is free in."""
        return np.unique(self.arm_slots, axis=0, return_inverse=True)[1].ravel()

    @cached_property
    def relaxation(self) -> Relaxation:
        """Hall's conditions for the counts of arms by class, and the budget; the declared model's where slots are many.

        Only sets of actions where the two workers of an arm could not differ would leave something between them.
        """
        if self.arm_slots.shape[1] > MOST_SLOTS:
            return super().relaxation
        inside, supply = self._conditions
        rows = inside[:, [members[0] for members in self.members]]
        rows = np.concatenate((rows, np.ones((1, rows.shape[1]), np.int64)))
        return relaxation_by_counts(self.classes, rows, np.append(supply // 2, self.budget), tight=True)

    @cached_property
    def _conditions(self) -> tuple[Array, Array]:
        """Whether [T, J] an arm is free in no slot outside a set of slots, and the workers' meetings [T] there.

        The last row holds the arms that no two workers can meet, and nothing for them.
        """
        slots = self.arm_slots.shape[1]
        if slots > MOST_SLOTS:
            sets = np.ones((1, slots), bool)
        else:
            sets = ((np.arange(2**slots)[:, None] >> np.arange(slots)) & 1).astype(bool)
        inside = np.asarray(~(self.arm_slots[None] & ~sets[:, None]).any(axis=2))
        lonely = ((self.arm_slots.astype(np.int64) @ self.worker_slots.T) > 0).sum(axis=1) < 2
        supply = sets.astype(np.int64) @ self.worker_slots.sum(axis=0)
        return np.vstack((inside, lonely)).astype(np.int64), np.append(supply, 0)

    def _maximise(self, coefficients: Array) -> tuple[Array, float]:
        """Return the best actions under Hall's conditions and a bound on their value.

        The linear program nearly always ends at whole numbers, which its value then proves best.
        """
        arm_actions, bound = self._hall(whole=False).maximise(coefficients)
        inside, supply = self._conditions
        allowed = arm_actions.sum() <= self.budget and (2 * (inside @ arm_actions) <= supply).all()
        if allowed and value_of(coefficients, arm_actions) >= bound - ROUNDING * np.abs(coefficients).sum():
            return arm_actions, bound
        return self._hall(whole=True).maximise(coefficients)

    def _hall(self, *, whole: bool) -> Program:
        """Return the program of Hall's conditions, without meetings; ``whole`` says whether arms are pulled whole."""
        if whole not in self._programs:
            from pyomo.environ import Binary, ConcreteModel, ConstraintList, UnitInterval, Var, quicksum

            model = ConcreteModel("schedule by Hall's conditions")
            model.pulled = Var(range(self.arms), domain=Binary if whole else UnitInterval)
            model.rows = ConstraintList()
            model.rows.add(quicksum(model.pulled.values()) <= self.budget)
            for inside, supply in zip(*self._conditions, strict=True):
                members = np.flatnonzero(inside).tolist()
                if members:
                    model.rows.add(quicksum(model.pulled[arm] for arm in members) <= int(supply) // 2)
            indicators = list(model.pulled.values())
            self._programs[whole] = Program(model, indicators, self.arms, 2, implied=not whole)
        return self._programs[whole]

    @cached_property
    def _programs(self) -> dict[bool, Program]:
        return {}

    def _meetings(self, arm_actions: Array) -> Array:
        """Return the slot [J, W] in which each pulled arm meets a worker, or -1; an empty array where there is no way."""
        from redwood.problems.cormab.schedule_kernels import assign_meetings

        return np.asarray(assign_meetings(self.arm_slots, self.worker_slots, np.asarray(arm_actions, np.int64)))
