"""The joint action of the greatest sum of arms' values and a joint reward: by listing, or by a program with tangents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, SolverError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Planning
from redwood.planning.coupling import ConcaveReward, JointReward
from redwood.tolerance import HIGHS_LOSS

LISTED = 60_000
"""The most joint actions that are listed."""
BLOCK = 2_000_000
"""About how many loads of listed actions are priced at once."""
PIECES = 12
"""Linear pieces of each load's reward where it is replaced by tangents; lists and reported values are exact."""
ROUNDS = 200
"""The most programs for one state; each adds the tangents at an action that it found."""
TANGENTS = 6
"""Tangents of each load that a program begins with."""
CLOSE = 1e-7
"""Relative distance of an action's value to its bound at which it is proven to be the best."""


@dataclass(frozen=True, eq=False)
class JointMaximum:
    """A joint action [J], its value, and a proven bound on that of every other one."""

    arm_actions: Array
    value: float
    bound: float


class Terms(NamedTuple):
    """What the value of a joint action is made of in N states: ``direct`` ones, and ``output @ relu(offset + effects)``.

    ``direct`` [N, J, A] and ``effects`` [N, J, A, n] are sums over arms; ``offset`` and ``output`` are [N, n].
    """

    direct: Array
    effects: Array
    offset: Array
    output: Array

    def values(self, arm_actions: Array) -> Array:
        """Return the value [N] of a joint action [N, J] in each state."""
        rows, own = np.arange(len(arm_actions))[:, None], np.arange(arm_actions.shape[1])
        inner = self.offset + self.effects[rows, own, arm_actions].sum(axis=1)
        found: Array = self.direct[rows, own, arm_actions].sum(axis=1) + (self.output * np.maximum(inner, 0.0)).sum(axis=1)
        return found


def climbed(actions: ActionSet, terms: Terms) -> Array:
    """Return good joint actions [N, J]: swaps from the best by direct values, then from the best by the slope there."""
    from redwood.planning.climb_kernels import climb_swaps

    parts = [np.ascontiguousarray(part) for part in terms]
    count, arms = terms.direct.shape[:2]
    own, rows = np.arange(arms), np.arange(count)[:, None]
    best, value, counts = actions.choose(terms.direct), np.full(count, -np.inf), counts_of(actions)
    tried = best.copy()
    for _ in range(2):
        found = climb_swaps(tried, actions.classes, counts, *parts)
        better = found > value
        best[better], value[better] = tried[better], found[better]
        inner = terms.offset + terms.effects[rows, own, best].sum(axis=1)
        slope = np.einsum("nu,njau->nja", terms.output * (inner > 0), terms.effects, optimize=True)
        tried = actions.choose(terms.direct + slope)
    return best


def counts_of(actions: ActionSet) -> Array:
    """Return whether so many arms may be pulled [J + 1], for sets of two actions and one class; empty for all others."""
    if actions not in _COUNTS:
        alike = actions.arm_actions == 2 and not actions.classes.any()
        allowed = [actions.contains(np.arange(actions.arms) < count) for count in range(actions.arms + 1)] if alike else []
        _COUNTS[actions] = np.array(allowed, bool)
    return _COUNTS[actions]


_COUNTS: WeakKeyDictionary[ActionSet, Array] = WeakKeyDictionary()


def joint_terms(joint: JointReward, states: Array, own: Terms) -> Terms:
    """Return terms with a concave joint reward added, as it is below its tangents: slopes at 0 and ReLUs that bend them.

    Raises
    ------
    FitError
        Where the joint reward is not declared concave.
    """
    if not isinstance(joint, ConcaveReward):
        raise FitError(f"the joint reward {joint.kind!r} is declared by no program, and the actions are many.")
    count, arms = states.shape
    loads = joint.loads[:, np.arange(arms), :, states].transpose(0, 1, 3, 2)  # [N, J, A, G]
    nothing = float(joint.of(np.zeros((1, loads.shape[3]))).sum())
    slope, bends, drops = tangent_bends(joint)
    repeated = np.repeat(loads, bends.shape[1], axis=3)
    return Terms(
        own.direct + loads @ slope + nothing / arms,
        np.concatenate([own.effects, repeated], axis=3),
        np.concatenate([own.offset, np.broadcast_to(-bends.ravel(), (count, bends.size))], axis=1),
        np.concatenate([own.output, np.broadcast_to(-drops.ravel(), (count, drops.size))], axis=1),
    )


def tangent_bends(joint: ConcaveReward) -> tuple[Array, Array, Array]:
    """Return slopes [G] at load 0, and where [G, P] tangents meet and by how much [G, P] the slope drops there.

    The tangents are those on a grid that is finer at low loads; their least one is nowhere below the reward of the loads.
    """
    most = joint.loads.max(axis=(2, 3)).sum(axis=1)
    grid = most[:, None] * np.linspace(0.0, 1.0, PIECES) ** 2  # [G, P]
    q_values, slopes = joint.of(grid.T).T, joint.slopes(grid.T).T
    drops = slopes[:, :-1] - slopes[:, 1:]
    intercepts = q_values - slopes * grid
    bends = (intercepts[:, 1:] - intercepts[:, :-1]) / np.where(drops > 1e-12, drops, 1.0)
    return slopes[:, 0], bends, np.where(drops > 1e-12, drops, 0.0)


def joint_argmax(actions: ActionSet, values: Array, joint: JointReward | None, states: Array) -> list[JointMaximum]:
    """Return the best joint action in each of N joint states.

    Parameters
    ----------
    actions
        The set.
    values
        Value [N, J, A] of each arm for each action.
    joint
        The joint reward that is added; ``None`` for none.
    states
        The joint states [N, J].

    Raises
    ------
    FitError
        Where a joint reward is not declared concave, and the actions are too many to be listed.
    """
    if joint is None:
        choices = [actions.argmax(row) for row in values]
        return [JointMaximum(choice.arm_actions, choice.value, choice.bound) for choice in choices]
    listed = listed_actions(actions)
    if listed is not None:
        return _best_listed(listed, values, joint, states)
    if not isinstance(joint, ConcaveReward):
        raise FitError(f"the joint reward {joint.kind!r} is declared by no program, and there are over {LISTED} actions.")
    return [TangentProgram(actions, joint, row, state).solve() for row, state in zip(values, states, strict=True)]


def listed_actions(actions: ActionSet) -> Array | None:
    """Return all joint actions [K, J] of a set, or ``None`` where they are many; they are listed once a set."""
    if actions not in _LISTED:
        found = actions.enumerate(LISTED)
        _LISTED[actions] = None if found is None else found.astype(np.int64)
    return _LISTED[actions]


_LISTED: WeakKeyDictionary[ActionSet, Array | None] = WeakKeyDictionary()


def _best_listed(listed: Array, values: Array, joint: JointReward, states: Array) -> list[JointMaximum]:
    """Return the best of all joint actions [K, J] in each of the states [N, J]."""
    arms, arm_actions = values.shape[1:]
    taken = (listed[:, :, None] == np.arange(arm_actions)).reshape(len(listed), -1).astype(np.float64)
    groups = joint.loads.shape[0] if isinstance(joint, ConcaveReward) else 1
    size, found = max(1, BLOCK // (len(listed) * groups)), []
    for begin in range(0, len(states), size):
        some, rows = states[begin : begin + size], values[begin : begin + size]
        total = rows.reshape(len(some), -1) @ taken.T  # [n, K]
        if isinstance(joint, ConcaveReward):
            loads = joint.loads[:, np.arange(arms), :, some].transpose(0, 2, 1, 3).reshape(len(some) * groups, -1)
            each = (loads @ taken.T).reshape(len(some), groups, -1)
            total += joint.of(each.transpose(0, 2, 1).reshape(-1, groups)).sum(axis=1).reshape(total.shape)
        else:
            total += np.stack([joint.values(np.broadcast_to(state, listed.shape), listed) for state in some])
        best = total.argmax(axis=1)
        most = total[np.arange(len(some)), best].tolist()
        found += [JointMaximum(listed[place], value, value) for place, value in zip(best.tolist(), most, strict=True)]
    return found


@dataclass(frozen=True, eq=False)
class TangentProgram:
    """The action set with a column for what each load brings, below tangents of it: an outer approximation.

    Attributes
    ----------
    actions, joint
        The set and the joint reward.
    values
        Value [J, A] of each arm for each action.
    state
        State [J] of each arm.

    References
    ----------
    Kelley (1960), The cutting-plane method for solving convex programs, doi:10.1137/0108053.
    """

    actions: ActionSet
    joint: ConcaveReward
    values: Array
    state: Array

    def solve(self) -> JointMaximum:
        """Return the best action, begun from tangents on a grid, with those at each action found until none is missing.

        Raises
        ------
        SolverError
            Where HiGHS fails.
        """
        import highspy

        program = self.actions.program
        gains = (self.values[:, 1:] - self.values[:, :1]).ravel()
        loads = self.joint.loads[:, np.arange(len(self.state)), :, self.state].transpose(1, 0, 2)  # [G, J, A]
        highs, first = self._loaded(gains, loads)
        best = JointMaximum(np.zeros(len(self.state), np.int64), -np.inf, np.inf)
        for _ in range(ROUNDS):
            highs.run()
            if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                raise SolverError(
                    f"HiGHS ended with status {highs.getModelStatus()} on the tangents of {self.joint.kind!r}."
                )
            bound = float(highs.getInfo().mip_dual_bound) + HIGHS_LOSS + float(self.values[:, 0].sum())
            chosen = np.rint(np.array(highs.getSolution().col_value)[: len(gains)]).reshape(len(self.state), -1)
            arm_actions = (chosen * np.arange(1, chosen.shape[1] + 1)).sum(axis=1).astype(np.int64)
            value = self._value(arm_actions)
            if value > best.value:
                best = replace(best, arm_actions=arm_actions, value=value)
            best = replace(best, bound=bound)
            if best.bound - best.value <= HIGHS_LOSS + CLOSE * max(1.0, abs(best.value)):
                break
            self._add(highs, first, loads, loads[:, np.arange(len(self.state)), arm_actions].sum(axis=1))
        if not self.actions.contains(best.arm_actions):
            raise SolverError(
                f"the action {best.arm_actions.tolist()} of {program.name} that HiGHS found is not in the set."
            )
        return best

    def _loaded(self, gains: Array, loads: Array) -> tuple[Any, int]:
        """Return HiGHS with the set and the first tangents, and the column of the first load."""
        compiled = self.actions.program.compiled
        highs = compiled.highs(
            mip_rel_gap=0.0, mip_abs_gap=1e-9, mip_heuristic_effort=0.0, mip_heuristic_run_feasibility_jump=False
        )
        highs.changeColsCost(len(gains), np.arange(len(gains), dtype=np.int32), gains)
        greatest = loads.max(axis=2).sum(axis=1)
        for _ in greatest:
            highs.addCol(1.0, -np.inf, np.inf, 0, np.zeros(0, np.int32), np.zeros(0))
        for share in np.linspace(0.0, 1.0, TANGENTS) ** 2:
            self._add(highs, compiled.size, loads, share * greatest)
        nothing = Terms(self.values[None], np.zeros((1, *self.values.shape, 0)), np.zeros((1, 0)), np.zeros((1, 0)))
        begun = climbed(self.actions, joint_terms(self.joint, self.state[None], nothing))[0]
        self._add(highs, compiled.size, loads, loads[:, np.arange(len(begun)), begun].sum(axis=1))
        return highs, compiled.size

    def _add(self, highs: Any, first: int, loads: Array, at: Array) -> None:
        """Add the tangents of all loads at given ones [G]: no more than the value there and the slope times the rest."""
        q_values, slope = self.joint.of(at[None])[0], self.joint.slopes(at[None])[0]
        for group, share in enumerate(loads):
            weights = (share[:, 1:] - share[:, :1]).ravel()
            used = np.flatnonzero(weights)
            most = q_values[group] + slope[group] * (float(share[:, 0].sum()) - at[group])
            columns = np.concatenate([[first + group], used]).astype(np.int32)
            entries = np.concatenate([[1.0], -slope[group] * weights[used]])
            highs.addRow(-np.inf, float(most), len(columns), columns, entries)

    def _value(self, arm_actions: Array) -> float:
        """Return the value of a joint action [J]."""
        own = float(self.values[np.arange(len(arm_actions)), arm_actions].sum())
        return own + float(self.joint.values(self.state[None], arm_actions[None])[0])


def swapped(planning: Planning, arm_actions: Array) -> Array:
    """Return the actions [K, J] in which two arms of a class have swapped their actions."""
    classes = planning.actions.classes
    one, other = np.nonzero(np.triu((arm_actions[:, None] != arm_actions) & (classes[:, None] == classes)))
    found = np.repeat(arm_actions[None], len(one), axis=0)
    rows = np.arange(len(one))
    found[rows, one], found[rows, other] = arm_actions[other], arm_actions[one]
    return found if len(found) else arm_actions[None]
