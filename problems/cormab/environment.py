"""A `gymnasium` environment of coupled restless bandits, for learners that come from outside. Needs the extra ``gym``."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Criterion
from redwood.planning.simulated import cumulative
from redwood.problems.cormab.instance import BanditInstance


class JointActions(gymnasium.spaces.MultiDiscrete):
    """The actions [J] of arms that an action set allows: `sample` draws from the set, and `contains` asks it."""

    def __init__(self, actions: ActionSet, seed: int | None = None) -> None:
        super().__init__(np.full(actions.arms, actions.arm_actions), seed=seed)
        self.actions = actions

    def sample(self, mask: Any = None, probability: Any = None) -> Array:
        """Return random allowed actions. Masks are not supported: the set is the mask."""
        if mask is not None or probability is not None:
            raise SolutionError("a joint action is drawn from its action set, which takes neither mask nor probability.")
        return self.actions.sample(self.np_random).astype(np.int64)

    def contains(self, x: Any) -> bool:
        """Return whether actions are allowed."""
        return bool(super().contains(x)) and self.actions.contains(np.asarray(x))


@batch_space.register(JointActions)
def _batch(space: JointActions, n: int = 1) -> gymnasium.spaces.Tuple[Any]:
    """Return the space of ``n`` environments' actions: one of the set for each, drawn apart."""
    copies = tuple(copy.deepcopy(space) for _ in range(n))
    for copied in copies[1:]:
        copied.seed(int(copies[0].np_random.integers(2**31)))
    return gymnasium.spaces.Tuple(copies)


class BanditEnvironment(gymnasium.Env[dict[str, Any], Array]):
    """One episode of an instance: observe the arms' states and the steps done, act by an action for each arm.

    Rewards are the expected ones of the step, discounted as in `redwood.simulate`. An episode ends after H steps by
    termination, since the horizon belongs to the problem; by truncation where the criterion is the average reward.
    Noise comes from the environment's generator, so that episodes repeat with the seed of `reset`; they are not the
    episodes of `redwood.simulate`.

    Parameters
    ----------
    instance
        The bandits.

    Raises
    ------
    SolutionError
        From `step`, where the action is not in the set.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (gymnasium's own declaration)

    def __init__(self, instance: BanditInstance) -> None:
        arms, _, states = instance.arms.shape
        self.instance = instance
        self.action_space = JointActions(instance.actions)
        self.observation_space = gymnasium.spaces.Dict(
            {
                "states": gymnasium.spaces.MultiDiscrete(np.full(arms, states)),
                "step": gymnasium.spaces.Discrete(instance.horizon + 1),
            }
        )
        self._moves, self._starts = cumulative(instance.arms.transitions), cumulative(instance.arms.start)
        self._states = np.zeros(arms, np.int64)
        self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode in random start states."""
        super().reset(seed=seed)
        self._states = self._drawn(self._starts)
        self._step = 0
        return self._observed(), {}

    def step(self, action: Array) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Act on the arms, and return what is observed, the reward, whether the episode ended, false, nothing."""
        arm_actions = np.asarray(action)
        if not self.instance.actions.contains(arm_actions):
            raise SolutionError(
                f"the action {arm_actions.tolist()} is not in the set {type(self.instance.actions).__name__}."
            )
        arms, arm_actions = np.arange(len(arm_actions)), arm_actions.astype(np.int64)
        reward = (
            float(self.instance.arms.rewards[arms, arm_actions, self._states].sum()) * self.instance.discount**self._step
        )
        self._states = self._drawn(self._moves[arms, arm_actions, self._states])
        self._step += 1
        ended, averaged = self._step >= self.instance.horizon, self.instance.criterion == Criterion.AVERAGE
        return self._observed(), reward, ended and not averaged, ended and averaged, {}

    def _drawn(self, ends: Array) -> Array:
        """Return outcomes [J], given the upper ends [J, S] of their shares."""
        return np.asarray((self.np_random.random((len(ends), 1)) >= ends).sum(axis=1))

    def _observed(self) -> dict[str, Any]:
        return {"states": self._states.copy(), "step": np.int64(self._step)}
