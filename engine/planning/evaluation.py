"""What a policy earns, estimated from simulated episodes: control variates, intervals, and noise of each instance's own."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.planning.coupling import ConcaveReward
from redwood.planning.steps import arms_alone, outcomes

if TYPE_CHECKING:
    from redwood.problem import Instance

PILOT = 20, 100
"""The fewest and the most episodes that a control variate is fitted in; it is half as many as are asked for in between."""
FEWEST = 8
"""With fewer episodes than this there is no control variate, since its own episodes would outnumber them."""
UNSEEN = 0.1
"""What an interval allows a control variate to leave unexplained in one episode more than were seen, as a share of the
standard deviation without it. A variate that explains nearly everything leaves rare large errors, and few episodes do not
show these."""
LARGEST = 50_000_000
"""The most states of arms that are kept for a control variate."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What a policy did in simulated episodes.

    Attributes
    ----------
    rewards
        Expected one-step reward [E, H], discounted.
    states, arm_actions
        State and level [E, H, J] of each arm before each counted step.
    control
        Control variate [E] to be taken off an episode's mean reward a step, of expectation 0; ``None`` for few episodes.
    """

    rewards: Array
    states: Array
    arm_actions: Array
    control: Array | None


def observe(planning: Planning, policy: Policy, episodes: int, seed: int) -> Observed:
    """Return what a policy does in simulated episodes, and a control variate for the noise that single arms explain.

    The control variate is the sum of what the arms' values rose by in each step beyond their expectation, for values as if
    each arm got its actions by chance, as often as it does in each step and state. Values and coefficient come from episodes
    of their own, so that the variate has the expectation 0 whatever they are, and adjusted episodes stay independent.

    Parameters
    ----------
    planning
        The instance's view.
    policy
        Whose actions are simulated.
    episodes
        Number of independent episodes E.
    seed
        Decides the noise; see `noise_seed`.

    References
    ----------
    Henderson, Glynn (2002), Approximating martingales for variance reduction in Markov process simulation,
    doi:10.1287/moor.27.2.253.494, section 2.
    """
    seen = _recorded(planning, policy, episodes, seed)
    if episodes < FEWEST or seen.states.size > LARGEST:
        return seen
    pilot = _recorded(planning, policy, min(max(PILOT[0], episodes // 2), PILOT[1]), seed + 1)
    values = _values(planning, pilot.states, pilot.arm_actions)
    control, fitted = (_martingale(planning, values, each.states, each.arm_actions) for each in (seen, pilot))
    spread, means = fitted - fitted.mean(), pilot.rewards.mean(axis=1)
    square = float(spread @ spread)
    coefficient = float(spread @ means) / square if square > 0 else 0.0
    return replace(seen, control=coefficient * control)


def _recorded(planning: Planning, policy: Policy, episodes: int, seed: int) -> Observed:
    """Return what a policy does in episodes."""
    recorder = RecordingPolicy(policy)
    rewards = planning.rollouts(recorder, episodes, seed)
    policy.bind(planning)
    states, arm_actions = (np.stack(kept[-planning.horizon :], axis=1) for kept in (recorder.states, recorder.arm_actions))
    return Observed(rewards, states, arm_actions.astype(np.min_scalar_type(planning.arms.shape[1])), None)


def values_alone(planning: Planning, policy: Policy, seed: int) -> Array:
    """Return what each arm earns [J, S] from each state on, with actions by chance, as often as a policy chooses them."""
    pilot = _recorded(planning, policy, PILOT[0], seed)
    return np.asarray(_values(planning, pilot.states, pilot.arm_actions)[0])


def transition_noise(planning: Planning, values: Array, before: Array, arm_actions: Array, after: Array) -> Array:
    """Return by how much values [J, S] rose beyond their expectation [E] in a step from ``before`` to ``after`` [E, J].

    Parameters
    ----------
    planning
        The instance's view.
    values
        Any function of an arm and its state.
    before, after
        States of the arms.
    arm_actions
        The actions between.
    """
    risen: Array = values[np.arange(after.shape[1]), after].sum(axis=1)
    return risen - _expected(planning, values, before, arm_actions)


def noise_seed(instance: Instance, seed: int) -> int:
    """Return a seed of the instance's own: noise is independent between instances and the same for all its policies."""
    return int(hashlib.sha256(f"{seed} {instance.fingerprint()}".encode()).hexdigest()[:15], 16)


def _values(planning: Planning, states: Array, arm_actions: Array) -> Array:
    """Return the value [H, J, S] of each arm's state before each step, were its actions drawn as often as given.

    Exposure is drawn as often as it was met, and joint rewards are taken by their tangents at mean loads: any values do.
    """
    steps = planning.horizon
    count, choices, kinds = planning.arms.shape
    counts = np.zeros((steps, count, kinds, choices))
    np.add.at(counts, (np.arange(steps)[None, :, None], np.arange(count)[None, None], states, arm_actions), 1.0)
    if planning.criterion is Criterion.AVERAGE:
        counts = np.broadcast_to(counts.sum(axis=0), counts.shape)
    whole = counts.sum(axis=(0, 2))[None, :, None]
    smoothed = counts + whole / whole.sum(axis=-1, keepdims=True)
    shares = smoothed / smoothed.sum(axis=-1, keepdims=True)
    values, ahead = np.empty((steps, count, kinds)), np.zeros((count, kinds))
    for step in range(steps - 1, -1, -1):
        moves, rewards = _averaged(planning, states[:, step].astype(np.int64), arm_actions[:, step])
        q_values = planning.discount**step * rewards + np.matmul(moves, ahead[:, None, :, None])[..., 0]
        values[step] = ahead = np.einsum("jas,jsa->js", q_values, shares[step])
    return values


def _averaged(planning: Planning, states: Array, arm_actions: Array) -> tuple[Array, Array]:
    """Return transitions [J, A, S, S] and rewards [J, A, S] of arms alone, on average over states and actions [E, J]."""
    alone, exposure, joint = arms_alone(planning), planning.exposure, planning.joint
    moves, rewards = alone.transitions, alone.rewards
    if exposure is not None:
        met = exposure.of(states, arm_actions)[:, :, None] == np.arange(exposure.classes)
        moves = np.einsum("jc,cjasz->jasz", met.mean(axis=0), exposure.transitions, optimize=True)
    if isinstance(joint, ConcaveReward):
        rewards = rewards + joint.tangent(joint.loads_of(states, arm_actions).mean(axis=0))[0]
    return moves, rewards


def _martingale(planning: Planning, values: Array, states: Array, arm_actions: Array) -> Array:
    """Return what values rose by beyond their expectation [E], over all steps and arms, a step."""
    arms = np.arange(states.shape[2])
    total = np.zeros(len(states))
    if planning.criterion is Criterion.FINITE:
        start = float((planning.arms.start * values[0]).sum())
        total += values[0][arms, states[:, 0]].sum(axis=1) - start
    for step in range(planning.horizon - 1):
        total += transition_noise(planning, values[step + 1], states[:, step], arm_actions[:, step], states[:, step + 1])
    return total / planning.horizon


def _expected(planning: Planning, values: Array, states: Array, arm_actions: Array) -> Array:
    """Return the expectation [E] of the sum of next states' values [J, S], after states and actions [E, J]."""
    if planning.exposure is None:
        table = np.einsum("jasz,jz->jas", arms_alone(planning).transitions, values)
        found: Array = table[np.arange(states.shape[1]), arm_actions, states].sum(axis=1)
        return found
    moved = outcomes(planning, states.astype(np.int64), arm_actions.astype(np.int64))
    found = np.einsum("ejs,js->e", moved, values, optimize=True)
    return found


def adjusted(rewards: Array, control: Array | None) -> Array:
    """Return the mean reward a step [E] of episodes with rewards [E, H], less their control variate [E] if there is one."""
    means: Array = rewards.mean(axis=1)
    return means if control is None else means - control


def half_width(values: Array) -> float:
    """Return half the width of Student's 95 % t interval of the mean of independent values [E]; infinite for one."""
    if len(values) < 2:
        return math.inf
    return _quantile(len(values)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))


def interval_half_width(rewards: Array, control: Array | None) -> float:
    """Return half the width of Student's 95 % t interval of the mean reward a step of episodes with rewards [E, H].

    Its standard error is `standard_error`; `benchmarks/studies/intervals.py` counts how often such intervals hold the truth.

    Parameters
    ----------
    rewards
        Rewards [E, H], or differences of such.
    control
        The control variate [E], ``None`` for none.
    """
    return math.inf if len(rewards) < 2 else _quantile(len(rewards)) * standard_error(rewards, control)


def standard_error(rewards: Array, control: Array | None) -> float:
    """Return the standard error of the mean reward a step of two or more episodes with rewards [E, H].

    It is that of the episodes less their control variate, widened as if one more episode had been seen that the variate
    explained less well.
    """
    count = len(rewards)
    seen, plain = (float(np.std(each, ddof=1)) for each in (adjusted(rewards, control), rewards.mean(axis=1)))
    return (seen if control is None else math.hypot(seen, UNSEEN * plain / math.sqrt(count))) / math.sqrt(count)


def _quantile(count: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, count - 1))


@dataclass(frozen=True, eq=False)
class RecordingPolicy(Policy):
    """Do as another policy does, and keep the states [E, J] and the actions [E, J] of each step."""

    kind: ClassVar[str] = "recording"
    base: Policy
    states: list[Array] = field(default_factory=list)
    arm_actions: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.base.kind)  # complaints shall name the policy that acts

    def bind(self, planning: Planning) -> None:
        """Bind the other policy as well, since it may remember episodes."""
        super().bind(planning)
        self.base.bind(planning)

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return what the other policy chooses."""
        arm_actions = self.base.choose(planning, states, step, rng)
        self.states.append(states.astype(np.min_scalar_type(planning.arms.shape[2])))
        self.arm_actions.append(np.array(arm_actions))
        return arm_actions
