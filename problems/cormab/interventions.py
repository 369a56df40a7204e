"""The action set of interventions: exactly so many are chosen, and each puts a load on some arms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.planning.action_set import Choice, value_of
from redwood.planning.relaxation import Relaxation
from redwood.problem import whole_number, whole_numbers
from redwood.problems.cormab.batched import BatchedSet

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

MOST = 12
"""Groups of more interventions than this are not enumerated; the choices of such sets are gone through one by one."""
MOST_CHOICES = 200_000
"""The most choices that are gone through; sets of more are maximised by mixed-integer programming."""


@dataclass(frozen=True, eq=False)
class InterventionsSet(BatchedSet):
    """Exactly ``budget`` of N interventions are chosen; the load of an arm is the sum of their weights on it.

    An arm's actions are the loads that it can have, ascending, from load 0 under action 0; arms with fewer loads than others
    never reach the highest actions. Where interventions fall into groups that share no arm, the best action is a
    knapsack over the groups.

    Attributes
    ----------
    weights
        Weight [N, J] of each intervention on each arm, whole, from 0 on.
    budget
        How many interventions are chosen.
    """

    kind: ClassVar[str] = "interventions"
    weights: Array
    budget: int

    def __post_init__(self) -> None:
        weights = whole_numbers("weights", self.weights)
        if weights.ndim != 2 or not weights.size:
            raise InstanceError(f"weights have shape {list(weights.shape)}; expected [N, J], none of them 0.")
        object.__setattr__(self, "budget", whole_number("budget", self.budget))
        if not 1 <= self.budget <= len(weights):
            raise InstanceError(f"budget {self.budget} is outside 1 to {len(weights)}, the number of interventions.")
        object.__setattr__(self, "weights", weights)

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return int(self.weights.shape[1])

    @property
    def arm_actions(self) -> int:
        """The largest number of loads that an arm can have."""
        return int(self.loads.shape[1])

    @cached_property
    def loads(self) -> Array:
        """Load [J, A] of each arm for each action; -1 for actions that it cannot reach."""
        reached = [_sums(column[column > 0].tolist()) for column in self.weights.T]
        table = np.full((self.arms, max(2, *map(len, reached))), -1)
        for arm, sums in enumerate(reached):
            table[arm, : len(sums)] = sums
        return table

    def model(self) -> ConcreteModel:
        """Return binaries for chosen interventions and for arms at actions, linked by the loads."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, Var, quicksum

        model = ConcreteModel("interventions")
        arms, arm_actions, choices = range(self.arms), range(1, self.arm_actions), range(len(self.weights))
        loads, weights = self.loads.tolist(), self.weights.tolist()
        model.at = Var(arms, arm_actions, domain=Binary)
        model.chosen = Var(choices, domain=Binary)
        for arm in arms:
            for arm_action in arm_actions:
                if loads[arm][arm_action] < 0:
                    model.at[arm, arm_action].setub(0)

        def loaded(model: ConcreteModel, arm: int) -> Any:
            if not any(row[arm] for row in weights):
                return Constraint.Skip
            put = quicksum(weights[i][arm] * model.chosen[i] for i in choices if weights[i][arm])
            return (
                quicksum(max(loads[arm][arm_action], 0) * model.at[arm, arm_action] for arm_action in arm_actions) - put == 0
            )

        def single(model: ConcreteModel, arm: int) -> Any:
            return quicksum(model.at[arm, arm_action] for arm_action in arm_actions) <= 1

        model.loaded = Constraint(arms, rule=loaded)
        model.single = Constraint(arms, rule=single)
        model.number = Constraint(expr=quicksum(model.chosen.values()) == self.budget)
        return model

    def indicators(self, model: ConcreteModel) -> list[Any]:
        """Return the variables of arms at actions."""
        return [model.at[arm, arm_action] for arm in range(self.arms) for arm_action in range(1, self.arm_actions)]

    @cached_property
    def relaxation(self) -> Relaxation:
        """A mixture of the subsets of each group, whose sizes sum to the budget; the declared model's for large groups."""
        from scipy.sparse import csc_array, hstack

        if self._groups is None:
            return super().relaxation
        links = []
        for group in self._groups:
            arms = np.repeat(group.arms[None], len(group.arm_actions), 0)
            subsets = np.arange(len(group.arm_actions))[:, None]
            pulled = group.arm_actions > 0
            where = arms[pulled] * (self.arm_actions - 1) + group.arm_actions[pulled] - 1
            entries = (np.ones(len(where)), (where, (subsets + 0 * arms)[pulled]))
            links.append(csc_array(entries, shape=(self.arms * (self.arm_actions - 1), len(group.arm_actions))))
        sizes = np.concatenate([group.sizes for group in self._groups]).astype(float)
        whose = np.repeat(np.arange(len(self._groups)), [len(group.arm_actions) for group in self._groups])
        rows = csc_array(np.vstack((whose == np.arange(len(self._groups))[:, None], sizes)))
        right = np.append(np.ones(len(self._groups)), float(self.budget))
        most = np.ones(rows.shape[1])
        return Relaxation(np.arange(self.arms), hstack(links, format="csc"), rows, right, right, 0 * most, most)

    def argmax(self, coefficients: Array) -> Choice:
        """Return the best action: a knapsack over the groups; where one is large, of all choices, or by a program."""
        if self._groups is None and self._listed is None:
            return self.solve(coefficients)
        return super().argmax(coefficients)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best action for each of many values."""
        if self._groups is None:
            if self._listed is None:
                return super().choose(coefficient_tables)
            from redwood.problems.cormab.listing_kernels import choose_listed

            return np.asarray(choose_listed(self._listed, np.ascontiguousarray(coefficient_tables, np.float64)))
        from redwood.problems.cormab.interventions_kernels import choose_groups

        return np.asarray(choose_groups(np.ascontiguousarray(coefficient_tables, np.float64), self.budget, *self._flat))

    def contains(self, arm_actions: Array) -> bool:
        """Return whether some choice of interventions gives these loads."""
        if not self.in_range(arm_actions):
            return False
        if self._groups is None and self._listed is not None:
            return np.asarray(arm_actions).astype(np.uint8).tobytes() in self._known
        return self._chosen(np.asarray(arm_actions)) is not None

    @cached_property
    def _listed(self) -> Array | None:
        """The distinct actions [N, J] that choices give, as bytes; ``None`` where there are too many choices."""
        if math.comb(len(self.weights), self.budget) > MOST_CHOICES:
            return None
        from redwood.problems.cormab.enumeration import list_choices

        return list_choices(self.weights, self.loads, self.budget, MOST_CHOICES)

    @cached_property
    def _known(self) -> set[bytes]:
        """The listed actions, each as its bytes."""
        return set() if self._listed is None else {arm_actions.tobytes() for arm_actions in self._listed}

    def enumerate(self, limit: int) -> Array | None:
        """Return all allowed actions [N, J] as bytes; ``None`` where they are more than a limit or nobody can list them."""
        from redwood.problems.cormab.enumeration import list_choices

        return list_choices(self.weights, self.loads, self.budget, limit)

    def climb(self, value: Callable[[Array], Array]) -> Array:
        """Choose interventions one at a time until there are as many as must be, whether or not Q grows."""
        load = np.zeros(self.arms, np.int64)
        rest = list(range(len(self.weights)))
        for _ in range(self.budget):
            tried = (self.loads[None] == (load + self.weights[rest])[:, :, None]).argmax(axis=2)
            chosen = rest.pop(int(np.argmax(value(tried))))
            load = load + self.weights[chosen]
        arm_actions: Array = (self.loads == load[:, None]).argmax(axis=1)
        return arm_actions

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return the loads of independent random choices of interventions, each equally likely."""
        ranks = np.argsort(np.argsort(rng.random((count, len(self.weights))), axis=1), axis=1)
        loads = (ranks < self.budget) @ self.weights
        arm_actions: Array = (self.loads[None] == loads[:, :, None]).argmax(axis=2)
        return arm_actions

    def greedy(self, coefficients: Array) -> Array:
        """Return the loads of interventions chosen one at a time, each time the one that gains most."""
        chosen: list[int] = []
        for _ in range(self.budget):
            rest = [i for i in range(len(self.weights)) if i not in chosen]
            values = [value_of(coefficients, self._arm_actions_of([*chosen, i])) for i in rest]
            chosen.append(rest[int(np.argmax(values))])
        return self._arm_actions_of(chosen)

    def witness(self, arm_actions: Array) -> Array:
        """Return the indices of interventions that give the actions."""
        chosen = self._chosen(np.asarray(arm_actions)) if self.in_range(arm_actions) else None
        if chosen is None:
            raise SolutionError(f"no {self.budget} interventions give the actions {np.asarray(arm_actions).tolist()}.")
        return chosen

    def _arm_actions_of(self, chosen: Any) -> Array:
        """Return the actions [J] that chosen interventions give."""
        load = self.weights[np.asarray(chosen)].sum(axis=0)
        found: Array = (self.loads == load[:, None]).argmax(axis=1)
        return found

    def _chosen(self, arm_actions: Array) -> Array | None:
        """Return interventions that give the actions, or ``None`` where none do."""
        if self._groups is None:
            values = self.program.values(arm_actions)
            return None if values is None else np.flatnonzero(values[self.arms * (self.arm_actions - 1) :] > 0.5)
        low, high, options = 0, 0, []
        for group in self._groups:
            rows = np.flatnonzero((group.arm_actions == arm_actions[group.arms]).all(axis=1))
            if not len(rows):
                return None
            options.append(rows[np.argsort(group.sizes[rows])])
            low, high = low + int(group.sizes[rows].min()), high + int(group.sizes[rows].max())
        outside = np.setdiff1d(np.arange(self.arms), np.concatenate([group.arms for group in self._groups]))
        if arm_actions[outside].any() or not low <= self.budget <= high:
            return None
        return _pick(self._groups, options, self.budget)

    @cached_property
    def _flat(self) -> tuple[Array, ...]:
        """The groups, one after the other, as `choose_groups` takes them."""
        groups = self._groups or []
        subsets, members = ([0, *map(len, lists)] for lists in zip(*((g.arm_actions, g.arms) for g in groups), strict=True))
        widths = np.repeat([len(group.arms) for group in groups], [len(group.arm_actions) for group in groups])
        begins = np.cumsum(widths) - widths
        sizes, arms = (np.concatenate(lists) for lists in zip(*((g.sizes, g.arms) for g in groups), strict=True))
        arm_actions = np.concatenate([group.arm_actions.ravel() for group in groups])
        return np.cumsum(subsets), sizes, np.cumsum(members), arms, begins, arm_actions

    @cached_property
    def _groups(self) -> list[_Group] | None:
        """The interventions in groups that share no arm; ``None`` where a group is large.

        Every subset is enumerated that can be part of as many interventions as are chosen, and those of one size and effect
        once.
        """
        left, groups = set(range(len(self.weights))), []
        while left:
            members = _connected(self.weights, min(left))
            if len(members) > MOST:
                return None
            left -= set(members.tolist())
            subsets = (np.arange(2 ** len(members))[:, None] >> np.arange(len(members))) & 1
            sizes, others = subsets.sum(axis=1), len(self.weights) - len(members)
            subsets = subsets[(sizes <= self.budget) & (sizes >= self.budget - others)]
            arms = np.flatnonzero(self.weights[members].any(axis=0))
            loads = subsets @ self.weights[np.ix_(members, arms)]
            kept = np.sort(np.unique(np.column_stack((subsets.sum(axis=1), loads)), axis=0, return_index=True)[1])
            arm_actions = (self.loads[arms][None] == loads[kept, :, None]).argmax(axis=2)
            groups.append(_Group(members, arms, subsets[kept], subsets[kept].sum(axis=1), arm_actions))
        return groups


@dataclass(frozen=True, eq=False)
class _Group:
    """Interventions [n] that share arms [m]; subsets [P, n] of them, the sizes of these, and the actions [P, m] given."""

    members: Array
    arms: Array
    subsets: Array
    sizes: Array
    arm_actions: Array


def _sums(weights: list[int]) -> list[int]:
    """Return all sums of subsets, ascending."""
    sums = {0}
    for weight in weights:
        sums |= {total + weight for total in sums}
    return sorted(sums)


def _connected(weights: Array, first: int) -> Array:
    """Return the interventions that are linked to one by shared arms, itself included."""
    members = np.zeros(len(weights), bool)
    members[first] = True
    while True:
        touched = weights[members].any(axis=0)
        grown = members | weights[:, touched].any(axis=1)
        if (grown == members).all():
            return np.flatnonzero(members)
        members = grown


def _pick(groups: list[_Group], options: list[Array], budget: int) -> Array | None:
    """Return interventions of one option a group whose number is the budget, or ``None`` where no combination is."""
    reach: list[dict[int, int]] = [{0: -1}]
    for group, rows in zip(groups, options, strict=True):
        reach.append({total + int(group.sizes[row]): int(row) for total in reach[-1] for row in rows})
    if budget not in reach[-1]:
        return None
    chosen = []
    for group, step in zip(reversed(groups), reversed(reach[1:]), strict=True):
        row = step[budget]
        chosen.append(group.members[group.subsets[row] == 1])
        budget -= int(group.sizes[row])
    return np.sort(np.concatenate(chosen))
