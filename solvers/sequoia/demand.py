"""The fit of `CongestionPolicy`: what simulated episodes earn beyond or below the worths of arms, put down to demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.planning import Array, Planning
from redwood.solvers.sequoia.arm_features import DEMANDS, FEATURES, arm_features
from redwood.solvers.sequoia.congestion import CongestionPolicy
from redwood.solvers.sequoia.improving import (
    Episodes,
    Stops,
    earned_by,
    policy_for,
    simulated,
    surpasses,
    worth_of_levels,
)
from redwood.solvers.sequoia.pricing import Relaxation

RIDGE = 3e-2
"""Weight of the squares of coefficients, as a share of the number of episodes; columns are scaled to a variance of 1."""
OWN = slice(2, FEATURES - 1)
"""Inputs that tell arms and states of one step apart."""


@dataclass(frozen=True, eq=False)
class Congested:
    """A policy with congestion, by how much it was ahead of that of the worths alone, a step, and the standard error."""

    policy: CongestionPolicy
    ahead: float
    error: float
    accepted: bool


def congested(
    planning: Planning, relaxation: Relaxation, values: Array, *, episodes: int, seed: int, stops: Stops
) -> Congested | None:
    """Return a policy with congestion, fitted to as many episodes of the worths [H + 1, J, S] as it is then tried in.

    It is accepted where it is ahead with 95 % confidence, in the same episodes and freed of luck. ``None`` where the time
    was over before.
    """
    rng = np.random.default_rng([seed, 10])
    base = policy_for(planning, values)
    seen = simulated(planning, base, episodes, int(rng.integers(2**31)), stops)
    if seen is None:
        return None
    policy, trial = fitted_demand(planning, relaxation, values, seen), int(rng.integers(2**31))
    first = earned_by(planning, base, values, episodes, trial, stops)
    second = None if first is None else earned_by(planning, policy, values, episodes, trial, stops)
    if first is None or second is None:
        return None
    ahead = second - first
    error = float(ahead.std(ddof=1) / np.sqrt(episodes)) if episodes > 1 else 0.0
    return Congested(policy, float(ahead.mean()), error, surpasses(second, first))


def fitted_demand(planning: Planning, relaxation: Relaxation, values: Array, seen: Episodes) -> CongestionPolicy:
    """Return the policy whose joint worths are what the policy of the worths [H + 1, J, S] earned in episodes.

    As in `redwood.solvers.sequoia.improving.fitted`, what an episode misses from a step on is regressed on its states, but
    on few numbers, sums over arms, whatever the number of arms: the inputs of networks of arms, and squares of demands,
    whose coefficients may not be positive.
    """
    from scipy.optimize import lsq_linear

    inputs, _ = arm_features(planning, relaxation)
    horizon, episodes, arms = seen.states.shape
    count, own = inputs[..., DEMANDS].shape[-1], np.arange(arms)
    prospects = np.zeros((horizon + 1, arms, inputs.shape[2], count))
    prospects[:-1] = inputs[..., DEMANDS]
    usual, curvature, better = np.zeros((horizon + 1, count)), np.zeros((horizon + 1, count, count)), values.copy()
    table, directions, missed = worth_of_levels(planning, values), _directions(count), np.zeros(episodes)
    for step in range(horizon - 1, -1, -1):
        now, taken = seen.states[step], seen.levels[step]
        missed = missed + (table[step][own, taken, now] - values[step][own, now]).sum(axis=1)
        told = inputs[step][own, now].sum(axis=1)
        demand = told[:, DEMANDS]
        usual[step] = demand.mean(axis=0)
        scale = _scale(demand)
        shown = np.column_stack([told[:, OWN], ((demand - usual[step]) / scale @ directions.T) ** 2])
        level, spread = shown.mean(axis=0), _scale(shown)
        shown = (shown - level) / spread
        root = np.linalg.cholesky(shown.T @ shown / episodes + RIDGE * np.eye(shown.shape[1]))
        known = np.linalg.solve(root, shown.T @ (missed - missed.mean()) / episodes)
        linear = shown.shape[1] - len(directions)
        most = np.concatenate([np.full(linear, np.inf), np.zeros(len(directions))])
        found = lsq_linear(root.T, known, (-np.inf, most), method="bvls").x / spread
        curvature[step] = np.einsum("d,dk,dl->kl", np.minimum(found[linear:], 0.0), directions / scale, directions / scale)
        better[step] += inputs[step][..., OWN] @ found[:linear] + (missed.mean() - level @ found) / arms
    return CongestionPolicy(better, prospects, usual, curvature)


def _directions(count: int) -> Array:
    """Return the demands, their sums and their differences in pairs [D, K], whose squares span concave functions enough."""
    single = np.eye(count)
    first, second = np.triu_indices(count, 1)
    return np.concatenate([single, single[first] + single[second], single[first] - single[second]])


def _scale(columns: Array) -> Array:
    """Return the standard deviation of each column [E, K], or 1 where there is none."""
    spread: Array = columns.std(axis=0)
    return np.where(spread > 1e-9 * np.abs(columns).max(axis=0, initial=0.0), spread, 1.0)
