"""`simulate()` and `latency()`: what a policy earns in episodes, and how long its decisions take."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.errors import FitError, OptionError
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.planning.evaluation import RecordingPolicy, noise_seed, observe
from redwood.planning.gain import Gain, curve_over_draws
from redwood.planning.policies import NullPolicy
from redwood.planning.simulation import Rollouts
from redwood.planning.wording import wording_of
from redwood.plugins.host import host
from redwood.problem import Instance, instance_of
from redwood.settings import check_seed, not_negative, whole
from redwood.solving.bound import bound
from redwood.solving.draws import checked_draws, rewards_over_draws
from redwood.views.bound import Bound


@dataclass(frozen=True)
class Latency:
    """How long single decisions take, in seconds: the median, and what 99 % of them stay within."""

    median: float
    p99: float


def simulate(
    instance: Instance,
    policy: Policy,
    *,
    episodes: int = 50,
    seed: int = 0,
    bound_time_limit: float = 10.0,
    keep: bool = False,
    draws: Any = None,
) -> Rollouts:
    """Return what a policy earns on an instance of a planning problem.

    Parameters
    ----------
    instance
        Of a problem with the view `Planning`.
    policy
        Such as ``solve(instance, "lagrangian").solution``.
    episodes
        Number of independent episodes.
    seed
        Decides the noise of each arm in each step of each episode, whatever the policy does; every instance has its own.
    bound_time_limit
        Seconds for the problem's bound; 0 for none.
    keep
        Whether states and actions are kept, for `Rollouts.plot`.
    draws
        Draws [D, J, A, S, S] of the arms' transitions, such as those of `redwood.planning.Estimate.sample`; the gain over
        doing nothing is then simulated under each, with as many episodes, and told as `Rollouts.gain`. Two policies are
        compared by `Gain.above`.

    Raises
    ------
    FitError
        Where the problem has no view `Planning`.
    SolutionError
        Where the policy chooses an action that is not allowed.
    """
    problem = host().problem(instance_of(instance).problem)
    if not problem.offers(Planning):
        raise FitError(f"problem {instance.problem!r} is not one of planning, so there is nothing to simulate.")
    if not isinstance(policy, Policy):
        raise OptionError(f"the policy is {policy!r}; give one, such as solve(instance, 'lagrangian').solution.")
    episodes, seed = whole("episodes", episodes, 1), check_seed(seed)
    not_negative("bound time limit", bound_time_limit, " s", "give 0 for no bound")
    problem.validate(instance)
    seen = observe(problem.view(Planning, instance), policy, episodes, noise_seed(instance, seed))
    found = None
    if bound_time_limit > 0 and problem.offers(Bound):
        found = bound(instance, time_limit=bound_time_limit).value
    gained = None if draws is None else _gain_over_draws(instance, policy, draws, episodes, seed)
    states, arm_actions = (seen.states, seen.arm_actions) if keep else (None, None)
    return Rollouts(seen.rewards, found, states, arm_actions, seen.control, gained, wording_of(instance))


def _gain_over_draws(instance: Instance, policy: Policy, draws: Any, episodes: int, seed: int) -> Gain:
    """Return what a policy gains over doing nothing under each of ``draws`` [D, J, A, S, S] of the arms' transitions.

    Random numbers are common to both, and of each draw's own.

    Raises
    ------
    OptionError
        Where the draws have another shape, or there is one draw or one episode alone.
    """
    moves = checked_draws(instance, draws)
    if episodes < 2:
        raise OptionError(f"episodes {episodes} are too few for draws; give 2 at least.")
    noise = noise_seed(instance, seed)
    rewards = rewards_over_draws(instance, policy, moves, episodes, noise)
    nothing = rewards_over_draws(instance, NullPolicy(), moves, episodes, noise).mean(axis=2)
    scenario = hashlib.sha256(f"{noise} {moves.shape} {episodes}".encode() + moves.tobytes()).hexdigest()
    name, wording = str(policy.describe()["decides_by"]), wording_of(instance)
    return Gain(rewards.mean(axis=2), nothing, curve_over_draws(rewards), name, scenario, wording)


def latency(instance: Instance, policy: Policy, *, decisions: int = 200, seed: int = 0) -> Latency:
    """Return how long a policy takes to decide for one episode at a time, in states that it comes to itself.

    The first decision is left out, since it may compile or build what the others use.

    Parameters
    ----------
    instance
        Of a problem with the view `Planning`.
    policy
        Such as ``solve(instance, "lagrangian").solution``.
    decisions
        How many decisions are timed.
    seed
        Decides the episodes whose states are used.

    Raises
    ------
    OptionError
        Where there is not at least one decision to time.
    """
    decisions, seed = whole("decisions", decisions, 1), check_seed(seed)
    planning = host().problem(instance_of(instance).problem).view(Planning, instance)
    episodes = -(-decisions // planning.horizon)
    recorded = RecordingPolicy(policy)
    planning.rollouts(recorded, episodes, seed)
    policy.bind(planning)
    rng = np.random.default_rng(seed)
    seconds = []
    for index in range(-1, decisions):
        step = max(index, 0) % planning.horizon
        row = recorded.states[step][max(index, 0) // planning.horizon][None].astype(np.int64)
        began = time.perf_counter()
        policy.choose(planning, row, 0 if planning.criterion is Criterion.AVERAGE else step, rng)
        seconds.append(time.perf_counter() - began)
    return Latency(float(np.median(seconds[1:])), float(np.quantile(seconds[1:], 0.99)))
