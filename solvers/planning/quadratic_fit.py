"""The fit of `QuadraticPolicy`: what simulated episodes earn beyond or below the values of arms, put down to demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.pricing import Relaxation
from redwood.planning.contract import Planning
from redwood.solvers.planning.arm_features import DEMANDS, FEATURES, arm_features
from redwood.solvers.planning.improving import (
    Episodes,
    Stops,
    earned_by,
    misses,
    policy_for,
    simulated,
    surpasses,
)
from redwood.solvers.planning.quadratic_policy import QuadraticPolicy

RIDGE = 3e-2
"""Weight of the squares of coefficients, as a share of the number of episodes; columns are scaled to a variance of 1."""
NOISE = 1e-6
"""Deviation of a column up to which it says nothing, relative to its size and to that of inputs, which have no units."""
LINEAR = slice(2, FEATURES - 1)
"""Inputs that tell arms and states of one step apart."""


@dataclass(frozen=True, eq=False)
class CouplingTrial:
    """A policy with quadratic coupling, how far ahead of the values alone it was, a step, and the standard error."""

    policy: QuadraticPolicy
    ahead: float
    error: float
    accepted: bool


def try_coupling(
    planning: Planning, relaxation: Relaxation, values: Array, *, episodes: int, seed: int, stops: Stops
) -> CouplingTrial | None:
    """Return a policy with quadratic coupling, fitted to as many episodes of the Q-values [H + 1, J, S] as it is then tried
    in.

    It is accepted where it is ahead with 95 % confidence, in the same episodes, variance-reduced by a control variate.
    ``None`` where the time was over before.

    Parameters
    ----------
    planning
        The instance.
    relaxation
        A relaxation of its action set, which tells what demand is.
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    episodes
        Simulated for the fit, and again for the trial.
    seed
        Decides the noise.
    stops
        Whether the time is over; asked every few episodes.
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
    return CouplingTrial(policy, float(ahead.mean()), error, surpasses(second, first))


def fitted_demand(planning: Planning, relaxation: Relaxation, values: Array, seen: Episodes) -> QuadraticPolicy:
    """Return the policy whose joint values are what the policy of the Q-values [H + 1, J, S] earned in episodes.

    As in `redwood.solvers.planning.improving.fitted`, what an episode misses from a step on is regressed on its
    states, but on few numbers, sums over arms, whatever the number of arms: the inputs of networks of arms, and squares of
    demands, whose coefficients may not be positive.

    Parameters
    ----------
    planning
        The instance.
    relaxation
        A relaxation of its action set, which tells what demand is.
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    seen
        Episodes of the policy that looks one step ahead of these values.
    """
    from scipy.optimize import lsq_linear

    inputs, _ = arm_features(planning, relaxation)
    horizon, episodes, arms = seen.states.shape
    count, own = inputs[..., DEMANDS].shape[-1], np.arange(arms)
    coupling_features = np.zeros((horizon + 1, arms, inputs.shape[2], count))
    coupling_features[:-1] = inputs[..., DEMANDS]
    mean_demand, curvature, better = np.zeros((horizon + 1, count)), np.zeros((horizon + 1, count, count)), values.copy()
    directions, to_come = _directions(count), misses(planning, values, seen)[::-1].cumsum(axis=0)[::-1]
    for step in range(horizon):
        told, missed = inputs[step][own, seen.states[step]].sum(axis=1), to_come[step]
        demand = told[:, DEMANDS]
        mean_demand[step] = demand.mean(axis=0)
        scale = _scale(demand)
        shown = np.column_stack([told[:, LINEAR], ((demand - mean_demand[step]) / scale @ directions.T) ** 2])
        arm_action, deviation = shown.mean(axis=0), _scale(shown)
        shown = (shown - arm_action) / deviation
        root = np.linalg.cholesky(shown.T @ shown / episodes + RIDGE * np.eye(shown.shape[1]))
        known = np.linalg.solve(root, shown.T @ (missed - missed.mean()) / episodes)
        linear = shown.shape[1] - len(directions)
        most = np.concatenate([np.full(linear, np.inf), np.zeros(len(directions))])
        found = lsq_linear(root.T, known, (-np.inf, most), method="bvls").x / deviation
        curvature[step] = np.einsum("d,dk,dl->kl", found[linear:], directions / scale, directions / scale)
        better[step] += inputs[step][..., LINEAR] @ found[:linear] + (missed.mean() - arm_action @ found) / arms
    return QuadraticPolicy(better, coupling_features, mean_demand, curvature)


def _directions(count: int) -> Array:
    """Return the demands, their sums and their differences in pairs [D, K], whose squares span concave functions enough."""
    single = np.eye(count)
    first, second = np.triu_indices(count, 1)
    return np.concatenate([single, single[first] + single[second], single[first] - single[second]])


def _scale(columns: Array) -> Array:
    """Return the standard deviation of each column [E, K], or 1 where it says nothing."""
    deviation: Array = columns.std(axis=0)
    return np.where(deviation > NOISE * np.maximum(np.abs(columns).max(axis=0, initial=0.0), 1.0), deviation, 1.0)
