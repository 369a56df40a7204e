"""`SimulatedPlanning`: the view `Planning` of arms and an action set, with the simulator. It knows no problem."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Arms, Criterion, Planning, Policy
from redwood.planning.coupling import CoupledArms, Exposure, JointReward
from redwood.planning.steps import arms_alone


class SimulatedPlanning(Planning):
    """Arms, actions and horizon, and their simulation in batches of episodes.

    Parameters
    ----------
    arms
        Transitions [J, A, S, S], rewards [J, A, S] and start [J, S] of the arms.
    actions
        The joint actions that each step allows.
    horizon
        Number of steps H.
    discount
        The reward of step t counts ``discount ** t``.
    criterion
        ``finite`` for the horizon's steps, or ``average`` for the average reward a step.
    exposure, joint
        What couples the arms besides their actions, as for `Planning`.
    """

    def __init__(
        self,
        arms: Arms,
        actions: ActionSet,
        horizon: int,
        *,
        discount: float = 1.0,
        criterion: str = "finite",
        exposure: Exposure | None = None,
        joint: JointReward | None = None,
    ) -> None:
        coupled = exposure is not None or joint is not None
        self.arms = CoupledArms(arms, exposure is not None, "" if joint is None else joint.kind) if coupled else arms
        self.exposure, self.joint = exposure, joint
        self.actions = actions
        self.horizon, self.discount = horizon, discount
        self.criterion = Criterion(criterion)

    def warm_up(self) -> None:
        """Load the kernels of the action set."""
        self.actions.warm_up()

    def rollouts(self, policy: Policy, episodes: int, seed: int) -> Array:
        """Return the expected one-step rewards [E, H], discounted, of a policy in simulated episodes."""
        from redwood.planning.simulator_kernels import draw_start

        move = self._mover(seed)
        states = draw_start(episodes, cumulative(self.arms.start), seed)
        rng = np.random.default_rng([seed, 1])
        policy.bind(self)
        averaged = self.criterion is Criterion.AVERAGE
        steps = 2 * self.horizon if averaged else self.horizon
        rewards = np.empty((episodes, steps))
        for step in range(steps):
            try:
                chosen = policy.choose(self, states, 0 if averaged else step, rng)
            except IndexError as error:  # its tables are those of another instance
                raise SolutionError(
                    f"the policy {policy.kind!r} cannot decide for {states.shape[1]} arms with {self.arms.shape[2]} states: "
                    f"{error}."
                ) from error
            arm_actions = _whole(policy, chosen)
            self._check(policy, arm_actions, states)
            joint = 0.0 if self.joint is None else self.joint.values(states, arm_actions)
            rewards[:, step] = self.discount**step * (move(states, arm_actions, step) + joint)
        return rewards[:, -self.horizon :]

    def _mover(self, seed: int) -> Callable[[Array, Array, int], Array]:
        """Return what moves states [E, J] by one step in place, and gives the arms' expected rewards [E] of the step."""
        from redwood.planning.simulator_kernels import advance, advance_exposed

        arms, exposure = arms_alone(self), self.exposure
        if exposure is None:
            ends = cumulative(arms.transitions)
            return lambda states, arm_actions, step: advance(states, arm_actions, step, seed, ends, arms.rewards)
        ends, (reached, begins) = cumulative(exposure.transitions), exposure.neighbours
        emits = exposure.emits
        return lambda states, arm_actions, step: advance_exposed(
            states, arm_actions, step, seed, ends, arms.rewards, emits, reached, begins
        )

    def _check(self, policy: Policy, arm_actions: Array, states: Array) -> None:
        """Raise `SolutionError` where a policy leaves the action set."""
        if arm_actions.shape != states.shape:
            raise SolutionError(
                f"the policy {policy.kind!r} gave actions {list(arm_actions.shape)} for states {list(states.shape)}."
            )
        refused = self.actions.refused(arm_actions)
        if len(refused):
            raise SolutionError(
                f"the policy {policy.kind!r} chose actions {arm_actions[refused[0]].tolist()} in the states "
                f"{states[refused[0]].tolist()}, which is not in the action set."
            )


def _whole(policy: Policy, chosen: Array) -> Array:
    """Return the actions that a policy chose as int64; raise `SolutionError` where they are no whole numbers."""
    arm_actions = np.asarray(chosen)
    if arm_actions.dtype.kind not in "biuf" or (
        arm_actions.dtype.kind == "f" and not (arm_actions == np.rint(arm_actions)).all()
    ):
        raise SolutionError(
            f"the policy {policy.kind!r} gave actions that are not whole numbers: {np.ravel(arm_actions)[:5]}."
        )
    return np.ascontiguousarray(arm_actions, dtype=np.int64)


def cumulative(rows: Array) -> Array:
    """Return the upper ends of each outcome's share of [0, 1); the last possible one has no end that rounding can miss."""
    ends = np.cumsum(rows, axis=-1)
    last = rows.shape[-1] - 1 - np.argmax(rows[..., ::-1] > 0, axis=-1)
    return np.where(np.arange(rows.shape[-1]) >= last[..., None], 2.0, ends)
