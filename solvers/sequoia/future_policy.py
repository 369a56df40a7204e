"""`FuturePolicy`: the exact reward of this step, and a Q-network for all that follows, maximised over the joint actions."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.action_set import ActionSet
from redwood.planning.additive_policy import arm_values
from redwood.planning.contract import Planning, Policy
from redwood.planning.joint_maximum import JointMaximum, Terms, climbed, joint_terms, listed_actions
from redwood.planning.steps import moves_in
from redwood.problem import frozen
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, indicators

BLOCK = 64
"""States whose terms are made at once."""
SINGLE = 4e-6
"""Share of the magnitudes of a sum that single precision may lose."""


@dataclass(frozen=True, eq=False)
class FuturePolicy(Policy):
    """Take the joint action of the greatest Q: the expected reward of this step and what a network says of the next state.

    ``Q_t(s, a) = r(s, a) + g(s, a) + discount (sum_j V_t+1(m_j) + output relu(first m + clock left + bias))``, with m the
    probabilities of the arms' next states given s and a. The maximum is found by going through all actions where these are
    few, and by a mixed-integer program elsewhere, with a proven bound on every other action's Q.

    Attributes
    ----------
    values
        Additive part V [H + 1, J, S] of the value of next states, discounted to their own step.
    first, clock, bias, output
        The network, as in `redwood.solvers.sequoia.networks.future.FutureArrays`.
    exact
        Whether actions are proven; without it they are climbed to by swaps, which takes microseconds.
    gap
        Relative distance of an action's Q to the bound on all others' up to which it counts as proven.
    """

    kind: ClassVar[str] = "future-q-network"
    values: Array
    first: Array
    clock: Array
    bias: Array
    output: Array
    exact: bool = True
    gap: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("values", "first", "clock", "bias", "output"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
            if not np.isfinite(getattr(self, name)).all():
                raise SolutionError(f"{name} of a Q-network must be finite numbers.")
        width = len(self.clock)
        if self.values.ndim != 3 or self.first.shape != (width, *self.values.shape[1:]) or not width:
            raise SolutionError(f"a Q-network of values {list(self.values.shape)} has no first {list(self.first.shape)}.")
        if self.bias.shape != (width,) or self.output.shape != (width,):
            raise SolutionError(f"bias {list(self.bias.shape)} and output {list(self.output.shape)} must be [{width}].")

    def describe(self) -> dict[str, Any]:
        """Return that a Q-network decides, how large it is, and whether its maxima are proven."""
        return {"decides_by": "q-network", "proven": self.exact, "relus": len(self.clock), "gap": self.gap}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action in each episode's states; equal states are decided once."""
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        if self.exact:
            arm_actions = np.array([found.arm_actions for found in self.decide(planning, distinct, step)], np.int64)
        else:
            arm_actions = self.climb(planning, distinct, step)
        return arm_actions[rows.ravel()]

    def decide(self, planning: Planning, states: Array, step: int) -> list[JointMaximum]:
        """Return the best joint action in each of the states [N, J], its Q, and a proven bound on that of all others.

        Raises
        ------
        FitError
            Where actions are too many to be listed, and what is asked for is in no program.
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        self._check(planning)
        listed = listed_actions(planning.actions)
        blocks = [states[begin : begin + BLOCK] for begin in range(0, len(states), BLOCK)]
        if listed is not None:
            return [found for block in blocks for found in self._listed(planning, listed, block, step)]
        return [found for block in blocks for found in self._programs(planning, block, step)]

    def climb(self, planning: Planning, states: Array, step: int) -> Array:
        """Return good actions [N, J], climbed to by swaps."""
        self._check(planning)
        return climbed(planning.actions, self.terms(planning, states, step))

    def terms(self, planning: Planning, states: Array, step: int) -> Terms:
        """Return what Q is made of in states [N, J]; a concave joint reward is below its tangents here."""
        later = planning.discount * self.values[min(step + 1, len(self.values) - 1)]
        moves = moves_in(planning, states)
        effects = np.einsum("njas,ujs->njau", moves, self.first, optimize=True)
        left = max(0, planning.horizon - step - 1) / planning.horizon
        offset = np.broadcast_to(self.bias + left * self.clock, (len(states), len(self.bias)))
        output = np.broadcast_to((planning.discount * self.output if left else 0.0 * self.output), offset.shape)
        own = Terms(arm_values(planning, states, later), effects, offset, output)
        return own if planning.joint is None else joint_terms(planning.joint, states, own)

    def _listed(self, planning: Planning, listed: Array, states: Array, step: int) -> list[JointMaximum]:
        """Return the best of all joint actions [K, J] in each of the states [N, J].

        They go through the network in single precision; all that come near the best are then compared in double precision.
        """
        terms = self.terms(without_joint(planning), states, step)
        direct, effects, offset, output = terms
        taken = _taken(planning.actions, listed, direct.shape[2])
        found = []
        for row, state in enumerate(states):
            gains = (effects[row, :, 1:] - effects[row, :, :1]).reshape(-1, effects.shape[-1])
            base = offset[row] + effects[row, :, 0].sum(axis=0)
            inner = taken @ gains.astype(np.float32)
            inner += base.astype(np.float32)
            np.maximum(inner, 0.0, out=inner)
            rough = inner @ output[row].astype(np.float32)
            rough += taken @ (direct[row, :, 1:] - direct[row, :, :1]).ravel().astype(np.float32)
            if planning.joint is not None:
                rough += planning.joint.values(np.broadcast_to(state, listed.shape), listed).astype(np.float32)
            error = SINGLE * (float(np.abs(rough).max()) + float(np.abs(output[row]) @ np.abs(gains).sum(axis=0)) + 1.0)
            near = np.flatnonzero(rough >= rough.max() - error)
            actions = listed[near]
            total = Terms(*(np.repeat(part[row][None], len(near), 0) for part in terms)).values(actions)
            if planning.joint is not None:
                total += planning.joint.values(np.broadcast_to(state, actions.shape), actions)
            place = int(np.argmax(total))
            found.append(JointMaximum(actions[place], float(total[place]), float(total[place])))
        return found

    def _programs(self, planning: Planning, states: Array, step: int) -> list[JointMaximum]:
        """Return the best joint action in each of the states [N, J] by search and, where that proves nothing, a program."""
        from redwood.solvers.sequoia.search.embedding import Embedding

        direct, effects, offset, output = self.terms(planning, states, step)
        found = []
        for row, state in enumerate(states):
            inner = effects[row, :, 1:] - effects[row, :, :1]
            weights = (inner.reshape(-1, inner.shape[-1]).T.copy(), output[row][None])
            linear = (direct[row, :, 1:] - direct[row, :, :1]).ravel()
            base = offset[row] + effects[row, :, 0].sum(axis=0)
            conditioned = ConditionedNetwork(linear, float(direct[row, :, 0].sum()), weights, (base,))
            decision = Embedding(planning.actions, weights, listed=False).decide(conditioned, tolerance=self.gap)
            value = decision.value
            if planning.joint is not None:  # tangents are above the joint reward: the bound holds, the value is exact
                value = float(self.q_values(planning, state[None], decision.arm_actions[None], step)[0])
            found.append(JointMaximum(decision.arm_actions, value, decision.bound))
        return found

    def q_values(self, planning: Planning, states: Array, arm_actions: Array, step: int) -> Array:
        """Return Q [N] of joint actions [N, J] in states [N, J].

        Parameters
        ----------
        planning
            The arms and what couples them.
        states
            State [N, J] of each arm, from 0 on.
        arm_actions
            Action [N, J] of each arm, from 0 on.
        step
            The step in which the actions are taken, from 0 on.
        """
        total = self.terms(without_joint(planning), states, step).values(arm_actions)
        return total if planning.joint is None else total + planning.joint.values(states, arm_actions)

    def _check(self, planning: Planning) -> None:
        if self.values.shape != (planning.horizon + 1, *planning.arms.start.shape):
            raise SolutionError(
                f"the Q-network is for {list(self.values.shape)} steps, arms and states; the instance has "
                f"{[planning.horizon + 1, *planning.arms.start.shape]}."
            )


def _taken(actions: ActionSet, listed: Array, arm_actions: int) -> Array:
    """Return the indicators [K, J (A - 1)] of all joint actions in single precision; they are made once a set."""
    if actions not in _TAKEN:
        _TAKEN[actions] = indicators(listed, arm_actions).astype(np.float32)
    return _TAKEN[actions]


_TAKEN: WeakKeyDictionary[ActionSet, Array] = WeakKeyDictionary()


def without_joint(planning: Planning) -> Planning:
    """Return the same view without its joint reward, for what is added to it exactly."""
    if planning.joint is None:
        return planning
    plain = copy(planning)
    plain.joint = None
    return plain
