"""Instances whose arms are one draw of their transitions, and what policies earn under many draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, OptionError
from redwood.planning.contract import Planning, Policy
from redwood.plugins.host import host
from redwood.problem import Instance, instance_of


def view_of(instance: Instance) -> Planning:
    """Return an instance's view of planning; raise `FitError` where its problem has none."""
    problem = host().problem(instance_of(instance).problem)
    if not problem.offers(Planning):
        raise FitError(f"problem {instance.problem!r} is not one of planning.")
    found: Planning = problem.view(Planning, instance)
    return found


def made_policy(instance: Instance, policy: str | Policy, seconds: float = 10.0) -> Policy:
    """Return a policy, or the one that a solver of that name makes."""
    from redwood.solving.solve import solve

    if isinstance(policy, Policy):
        return policy
    if not isinstance(policy, str):
        raise OptionError(f"the policy is a {type(policy).__name__}; give one, or the name of a solver.")
    result = solve(instance, policy, time_limit=seconds, bound_time_limit=0)
    if not isinstance(result.solution, Policy):
        raise OptionError(f"{policy!r} made no policy ({result.status}): {result.message}")
    return result.solution


def checked_draws(instance: Instance, draws: Any) -> Array:
    """Return draws as an array [D, J, A, S, S]; raise `OptionError` where they do not fit the instance."""
    moves, shape = np.asarray(draws, float), view_of(instance).arms.transitions.shape
    if moves.ndim != 5 or moves.shape[1:] != shape or len(moves) < 2:
        raise OptionError(f"draws have shape {list(moves.shape)}; expected [D, {', '.join(map(str, shape))}], two at least.")
    return moves


def drawn_instance(instance: Instance, transitions: Array) -> Instance:
    """Return the instance with other transitions [J, A, S, S] of its arms."""
    made: Any = instance
    found: Instance = replace(made, arms=replace(made.arms, transitions=transitions))
    return found


def rewards_over_draws(instance: Instance, policy: Policy, moves: Array, episodes: int, seed: int) -> Array:
    """Return the reward [D, E, H] of a policy in each step of each episode under each of ``moves`` [D, J, A, S, S].

    Each draw has random numbers of its own, so that errors average out over draws; they are common to all policies.

    Parameters
    ----------
    instance
        Of a problem with the view `Planning`; the policy is bound to it at the end.
    policy
        Who chooses the actions.
    moves
        Draws [D, J, A, S, S] of the arms' transitions.
    episodes
        Number E of independent episodes under each draw.
    seed
        Decides, with the number of the draw, the noise of the episodes.
    """
    views = (view_of(drawn_instance(instance, one)) for one in moves)
    seeds = (noise_of_draw(seed, number) for number in range(len(moves)))
    found = np.array([view.rollouts(policy, episodes, own) for view, own in zip(views, seeds, strict=True)])
    policy.bind(view_of(instance))
    return found


def noise_of_draw(seed: int, number: int) -> int:
    """Return the seed of the random numbers of one draw."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)
