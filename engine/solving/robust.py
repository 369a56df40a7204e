"""`robust()`: a policy that is good also where the arms are not what the mean says, against the worst draws."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.contract import Policy
from redwood.planning.evaluation import noise_seed
from redwood.problem import Instance
from redwood.settings import check_seed, whole
from redwood.solving.draws import checked_draws, drawn_instance, made_policy, rewards_over_draws

SMALL = 1e-6
"""Weight up to which a draw is none of the adversary's."""


class RobustCriterion(StrEnum):
    """What is made as good as possible.

    Attributes
    ----------
    MAX_MIN
        The least reward over the draws.
    REGRET
        The greatest loss against the policy that is made for the draw alone.
    """

    MAX_MIN = "max-min"
    REGRET = "minimax-regret"


@dataclass(frozen=True, eq=False)
class Robust:
    """A robust policy, beside the plan for the mean.

    Attributes
    ----------
    policy, mean_policy
        The robust policy, and the plan for the mean of the draws.
    rewards, mean_rewards
        Mean reward a step [D] of both under each draw, in other episodes than those that the policy was chosen by.
    episodes, mean_episodes
        The same by episode [D, E]; both policies have the same random numbers.
    scenarios
        The draws that were added as worst cases, in turn.
    """

    policy: Policy
    mean_policy: Policy
    episodes: Array
    mean_episodes: Array
    scenarios: tuple[int, ...]

    @property
    def rewards(self) -> Array:
        """Mean reward a step [D] of the robust policy under each draw."""
        return np.asarray(self.episodes.mean(axis=1))

    @property
    def mean_rewards(self) -> Array:
        """Mean reward a step [D] of the plan for the mean under each draw."""
        return np.asarray(self.mean_episodes.mean(axis=1))

    @property
    def worst_gain(self) -> float:
        """By how much the least reward over the draws is above that of the plan for the mean."""
        return float(self.rewards.min() - self.mean_rewards.min())

    @property
    def cost(self) -> float:
        """By how much the mean reward over the draws is below that of the plan for the mean."""
        return float(self.mean_rewards.mean() - self.rewards.mean())


def robust(
    instance: Instance,
    draws: Any,
    *,
    criterion: str = RobustCriterion.MAX_MIN,
    rounds: int = 8,
    solver: str = "lagrangian",
    episodes: int = 20,
    seed: int = 0,
) -> Robust:
    """Return the policy that is best in the worst of the draws, of those made for mixtures of worst draws.

    Worst cases are added one by one: an adversary weighs the draws so that the policies at hand, mixed as well as can be, do
    worst; the mean of the transitions under these weights is planned for next. The answer is a single policy, no mixture.

    Parameters
    ----------
    instance
        The arms at their means, with rewards and actions.
    draws
        Transitions [D, J, A, S, S], such as `redwood.planning.Estimate.sample`.
    criterion
        ``max-min`` or ``minimax-regret``; the latter plans for every draw alone as well.
    rounds
        The most worst cases that are added.
    solver
        Makes the plans.
    episodes
        Simulated for each policy and draw.
    seed
        Decides the noise.

    References
    ----------
    IWOCS: incremental worst-case search, arXiv:2410.06212; here over draws of a posterior, weighed by a matrix
    game.
    """
    if criterion not in list(RobustCriterion):
        raise OptionError(f"criterion {criterion!r} is not one of {', '.join(RobustCriterion)}.")
    rounds, episodes = whole("rounds", rounds, 1), whole("episodes", episodes, 2)
    seed = noise_seed(instance, check_seed(seed))
    moves = checked_draws(instance, draws)

    def plan(transitions: Array) -> Policy:
        return made_policy(drawn_instance(instance, transitions), solver)

    def earned(policy: Policy, moves: Array, seed: int) -> Array:
        return np.asarray(rewards_over_draws(instance, policy, moves, episodes, seed).mean(axis=2))

    policies = [plan(moves.mean(axis=0))]
    rows = [earned(policies[0], moves, seed).mean(axis=1)]
    goal = np.zeros(len(moves))
    if criterion == RobustCriterion.REGRET:
        goal = np.array([earned(plan(one), one[None], seed).mean() for one in moves])
    scenarios: dict[int, None] = {}
    for _ in range(rounds):
        weights = adversary(goal - np.array(rows))
        scenarios |= dict.fromkeys(np.flatnonzero(weights > SMALL).tolist())
        policies.append(plan(np.tensordot(weights, moves, axes=1)))
        rows.append(earned(policies[-1], moves, seed).mean(axis=1))
        others = goal - np.array(rows[:-1])
        if (rows[-1] >= np.max(rows[:-1], axis=0)).sum() == 0 and (goal - rows[-1]).max() > others.max(axis=1).min():
            break  # the new policy is best nowhere, and no better in its worst case: another round would repeat this one
    best = policies[int((goal - np.array(rows)).max(axis=1).argmin())]
    fresh = [earned(policy, moves, seed + 1) for policy in (best, policies[0])]
    return Robust(best, policies[0], fresh[0], fresh[1], tuple(scenarios))


def adversary(losses: Array) -> Array:
    """Return the weights [C] of scenarios that make the least loss of a mixture of policies greatest; losses are [P, C]."""
    from scipy.optimize import linprog

    policies, count = losses.shape
    cost = np.append(np.zeros(count), -1.0)  # the last variable is the loss that every policy has at least
    found = linprog(
        cost,
        A_ub=np.hstack((-losses, np.ones((policies, 1)))),
        b_ub=np.zeros(policies),
        A_eq=np.append(np.ones(count), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, 1)] * count + [(None, None)],
    )
    weights: Array = np.clip(np.asarray(found.x)[:count], 0.0, 1.0)
    return np.asarray(weights / weights.sum())
