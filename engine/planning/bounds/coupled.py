"""Arms that are coupled beyond the action set, priced apart: upper bounds, and additive values for the future.

A bound takes the best exposure for every arm, and for the joint reward a sum over arms that is nowhere below it. Good values
take the mean exposure and the tangent of the joint reward that the policy itself meets, in turns with simulating it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.bounds.duality import Priced, tighten
from redwood.planning.bounds.segment import HorizonSegment
from redwood.planning.contract import Arms, Planning
from redwood.planning.coupling import ConcaveReward, Exposure
from redwood.planning.evaluation import RecordingPolicy
from redwood.planning.steps import arms_alone, is_coupled

TURNS = 4
"""How often a policy is simulated to renew the exposure and the loads that its values assume."""
EPISODES = 200
"""Episodes in which candidates are tried, with common random numbers."""
SCALES = (0.5, 0.75, 1.0, 1.5)
"""Multiples of mean loads at which tangents are tried for a bound."""


@dataclass(frozen=True, eq=False)
class AdditiveValues:
    """Values of arms' states, and how they did.

    Attributes
    ----------
    values
        Value [H + 1, J, S] of each arm's state before each step, discounted to that step.
    mean
        Mean reward a step of their policy in trial episodes.
    name
        Which of the candidates they are.
    tried
        How many candidates there were.
    """

    values: Array
    mean: float
    name: str
    tried: int


def coupled_bound(planning: Planning, clock: Clock) -> float:
    """Return an upper bound on the expected total reward of every policy of coupled arms, over a finite horizon."""
    arms, exposure, joint = arms_alone(planning), planning.exposure, planning.joint
    rewards = arms.rewards if joint is None else arms.rewards + joint.envelope()
    if exposure is not None:
        best = best_exposure(replace(arms, rewards=rewards), exposure)
        if best is None:
            return _free_arms(replace(arms, rewards=rewards), exposure, planning)
        arms = replace(arms, transitions=best)
    found = tighten(_apart(planning, replace(arms, rewards=rewards)), clock)
    bound = found.bound
    if exposure is None and isinstance(joint, ConcaveReward):
        weights = float((planning.discount ** np.arange(planning.horizon)).sum())
        values = _values(planning, found)
        _, loads = _met(planning, AdditivePolicy(values, exact=False), 0)
        for scale in SCALES:
            if clock.stops():
                break
            slope, constant = joint.tangent(scale * loads)
            apart = _apart(planning, replace(arms, rewards=arms.rewards + slope))
            bound = min(bound, tighten(apart, clock).bound + weights * constant)
    return bound


def best_exposure(arms: Arms, exposure: Exposure) -> Array | None:
    """Return the transitions [J, A, S, S] of the exposure that is best for each arm, ``None`` where nobody can say which.

    It is known where states are ordered, from the first or from the last one on: rewards do not fall, higher states lead to
    higher ones under each action, and one exposure class leads to the highest. Values are then monotone, whatever is paid
    for actions, so no other class is better.
    """
    for flip in (False, True):
        moves, rewards = exposure.transitions, arms.rewards
        if flip:
            moves, rewards = moves[..., ::-1, ::-1], rewards[..., ::-1]
        tails = np.cumsum(moves[..., ::-1], axis=-1)[..., ::-1]
        dominating = (tails >= tails.max(axis=0) - 1e-12).all(axis=-1)
        if not dominating.any(axis=0).all():
            continue
        chosen = np.argmax(dominating, axis=0)
        own = np.indices(chosen.shape)
        rows = moves[chosen, own[0], own[1], own[2]]
        upper = np.cumsum(rows[..., ::-1], axis=-1)[..., ::-1]
        if (np.diff(rewards, axis=2) >= -1e-12).all() and (np.diff(upper, axis=2) >= -1e-12).all():
            return np.ascontiguousarray(rows[..., ::-1, ::-1]) if flip else rows
    return None


def additive_values(planning: Planning, clock: Clock, seed: int) -> AdditiveValues:
    """Return the best additive values of several relaxations, by what their policies earn in the same simulated episodes.

    The clock is for all of it; the first candidate is made in any case.
    """
    found: list[AdditiveValues] = []
    quick = not isinstance(planning.joint, ConcaveReward)
    for name, values in _candidates(planning, clock, seed):
        earned = float(planning.rollouts(AdditivePolicy(values, exact=quick), EPISODES, seed).mean())
        found.append(AdditiveValues(values, earned, name, len(found) + 1))
        if clock.stops():
            break
    return replace(max(found, key=lambda each: each.mean), tried=len(found))


def _candidates(planning: Planning, clock: Clock, seed: int) -> Iterator[tuple[str, Array]]:
    """Yield values [H + 1, J, S] by name: of the next state's reward alone, of the best exposure, and of what is met."""
    alone = arms_alone(planning)
    next_state = np.repeat(alone.rewards.max(axis=1)[None], planning.horizon + 1, axis=0)
    next_state[-1] = 0.0
    yield "the next state's rewards", next_state
    start, quick = alone, not isinstance(planning.joint, ConcaveReward)
    if planning.exposure is not None:
        best = best_exposure(alone, planning.exposure)
        start = alone if best is None else replace(alone, transitions=best)
    rewards = alone.rewards if planning.joint is None else alone.rewards + planning.joint.envelope()
    values = _values(planning, tighten(_apart(planning, replace(start, rewards=rewards)), clock))
    yield "the best exposure and arms alone", values
    if not is_coupled(planning):
        return
    for begun in (values, next_state):
        values = begun
        for turn in range(TURNS):
            if clock.stops():
                return
            met, loads = _met(planning, AdditivePolicy(values, exact=quick), seed + 1 + turn)
            rewards = alone.rewards
            if isinstance(planning.joint, ConcaveReward):
                rewards = rewards + planning.joint.tangent(loads)[0]
            elif planning.joint is not None:
                rewards = rewards + planning.joint.envelope()
            found = tighten(_apart(planning, replace(alone, transitions=met, rewards=rewards)), clock)
            values = _values(planning, found)
            yield f"the exposure and loads met in turn {turn + 1}", values


def _met(planning: Planning, policy: AdditivePolicy, seed: int) -> tuple[Array, Array]:
    """Return the mean transitions [J, A, S, S] of arms and the mean loads [G] of the joint reward that a policy meets."""
    recorder = RecordingPolicy(policy)
    planning.rollouts(recorder, EPISODES, seed)
    states = np.concatenate(recorder.states).astype(np.int64)
    arm_actions = np.concatenate(recorder.arm_actions)
    moves, loads = arms_alone(planning).transitions, np.zeros(0)
    if planning.exposure is not None:
        met = planning.exposure.of(states, arm_actions)[:, :, None] == np.arange(planning.exposure.classes)
        moves = np.einsum("jc,cjasz->jasz", met.mean(axis=0), planning.exposure.transitions, optimize=True)
    if isinstance(planning.joint, ConcaveReward):
        loads = planning.joint.loads_of(states, arm_actions).mean(axis=0)
    return moves, loads


def _apart(planning: Planning, arms: Arms) -> HorizonSegment:
    """Return the problem of other arms under the same actions."""
    return HorizonSegment(arms, planning.actions, planning.horizon, planning.discount, np.zeros_like(arms.start))


def _values(planning: Planning, found: Priced) -> Array:
    """Return values [H + 1, J, S] of states under prices, these paid, each discounted to its own step."""
    values = np.zeros((planning.horizon + 1, *planning.arms.start.shape))
    paid = found.q_values - found.prices[..., None]
    values[:-1] = paid.max(axis=2) / (planning.discount ** np.arange(planning.horizon))[:, None, None]
    return values


def _free_arms(arms: Arms, exposure: Exposure, planning: Planning) -> float:
    """Return what arms would earn that chose their action and their exposure freely, whatever the action set says."""
    values = np.zeros_like(arms.start)
    for _ in range(planning.horizon):
        moved = np.einsum("cjasz,jz->cjas", exposure.transitions, values).max(axis=0)
        values = (arms.rewards + planning.discount * moved).max(axis=1)
    return float((arms.start * values).sum())
