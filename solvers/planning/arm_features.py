"""What an arm is known by: its values, prices and features, free of units, of the number of arms, and of names."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.pricing import Relaxation
from redwood.planning.contract import Planning

AHEAD = (1, 2, 4)
"""Steps ahead for which the arm's expected spending is told."""
FEATURES = 14
"""How many inputs there are for each state of an arm."""
DEMANDS = slice(5, 6 + len(AHEAD))
"""Those that say what it is expected to spend now and at the steps ahead."""


def arm_features(planning: Planning, relaxation: Relaxation) -> tuple[Array, float]:
    """Return inputs [H, J, S, F] for each arm's state before each step, and the value that an output of 1 stands for.

    The unit is the mean difference between the best and the worst state of an arm. An arm *spends* the price of the action
    that is best for it; states in which many arms want to spend more than there is are what the relaxation overrates.
    """
    priced, arms = relaxation.priced, planning.arms
    horizon, count, _, states = priced.q_values.shape
    values = relaxation.values[:-1]
    unit = max(float((values.max(axis=2) - values.min(axis=2)).mean()), 1e-12)
    net = priced.q_values - priced.prices[..., None]
    best = net.argmax(axis=2)
    rows, steps = np.arange(count)[:, None], np.arange(horizon)[:, None, None]
    paid = priced.prices[steps, rows[None], best] / unit
    moves = arms.transitions[rows[None], best, np.arange(states)[None, None]]
    left = np.arange(horizon, 0, -1)
    spending = _spending(paid, moves)
    gain = (net[:, :, 1:].max(axis=2) - net[:, :, 0]) / unit
    success = arms.transitions[:, :, :, -1]
    reward = arms.rewards[rows[None], best, np.arange(states)[None, None]] / unit
    shown = [
        (left / horizon)[:, None, None],
        (1.0 / left)[:, None, None],
        (values - values.mean(axis=2, keepdims=True)) / unit,
        (values.max(axis=2) - values.min(axis=2))[..., None] / unit,
        np.clip(gain, -4.0, 4.0),
        paid,
        *(_later(paid, moves, ahead) for ahead in AHEAD),
        spending,
        reward,
        np.clip(priced.prices.max(axis=2) / unit, 0.0, 10.0)[..., None],
        (success.max(axis=1) - success[:, 0])[None],
        np.full((1, 1, 1), 1.0 / np.sqrt(count)),
    ]
    return np.stack([np.broadcast_to(entry, (horizon, count, states)) for entry in shown], axis=-1), unit


def _spending(paid: Array, moves: Array) -> Array:
    """Return what an arm in a state [H, J, S] is expected to spend from each step to the end, a step on the average."""
    total = paid.copy()
    for step in range(len(paid) - 2, -1, -1):
        total[step] += np.einsum("jsz,jz->js", moves[step], total[step + 1])
    found: Array = total / np.arange(len(paid), 0, -1)[:, None, None]
    return found


def _later(paid: Array, moves: Array, ahead: int) -> Array:
    """Return what an arm in a state [H, J, S] is expected to spend so many steps later; nothing after the end."""
    found = np.zeros_like(paid)
    for step in range(len(paid) - ahead):
        value = paid[step + ahead]
        for later in range(step + ahead - 1, step - 1, -1):
            value = np.einsum("jsz,jz->js", moves[later], value)
        found[step] = value
    return found
