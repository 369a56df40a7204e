"""Fitting a coordination graph to what joint actions of the same state earned afterwards."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.planning.contract import Planning
from redwood.solvers.sequoia.coordination_policy import CoordinationPolicy
from redwood.solvers.sequoia.learning.fitted import HELD_OUT, Samples, chosen_fit
from redwood.solvers.sequoia.networks.coordination import CoordinationNetwork, encode, neighbours
from redwood.solvers.sequoia.networks.network import single_thread

BATCH, RATE, DECAY = 256, 5e-3, 1e-4
"""States a gradient step, AdamW's first learning rate, which falls to nothing, and its weight decay."""
LOOK = 50
"""Gradient steps between two looks at what is held out."""


@single_thread()
def fit_coordination(
    planning: Planning, samples: Samples, base: Array, hidden: int, steps: int, rng: np.random.Generator, clock: Clock
) -> CoordinationPolicy:
    """Return the policy of a coordination graph fitted to how the actions of each sampled state differ.

    Additive values are fitted first, by least squares, and the network to what they leave. Some states are held out, and the
    network is taken as it was when it was best there.

    Parameters
    ----------
    planning
        The arms.
    samples
        What was earned.
    base
        Additive values [H + 1, J, S] that are corrected.
    hidden
        Width of the network.
    steps
        Gradient steps; fewer where the clock has no time for them.
    rng
        Of what is held out, of the first weights and of the batches.
    clock
        Says how much time there is.
    """
    held = rng.random(len(samples.steps)) < HELD_OUT
    held[:2] = True, False
    values = chosen_fit(planning, samples.part(~held), samples.part(held), base)
    features, rest = _seen(planning, samples, values)
    unit = max(float(rest.std()), 1e-9)
    pairs = neighbours(planning)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        network = CoordinationNetwork(base.shape[1], features.shape[2], hidden, pairs)
        network.arm.weight.data *= 0.1  # begins near the additive values
        network.pair.weight.data *= 0.1
    features[:, :, _advantage_place(planning)] /= unit
    inputs, targets = torch.as_tensor(features), torch.as_tensor(rest / unit, dtype=torch.float32)
    tried = torch.as_tensor(samples.actions, dtype=torch.float32)
    checked = torch.as_tensor(np.flatnonzero(held)[:4096])
    learnt = np.flatnonzero(~held)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    best, kept, begun = math.inf, copy.deepcopy(network.state_dict()), clock.seconds_left
    for step in range(steps):
        spent = 1.0 - clock.seconds_left / begun if 0 < begun < math.inf else 0.0
        progress = max(step / steps, spent)
        if progress >= 1.0 and step:
            break
        optimiser.param_groups[0]["lr"] = RATE * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
        rows = torch.as_tensor(rng.choice(learnt, min(BATCH, len(learnt)), replace=False))
        loss = _loss(network, inputs[rows], tried[rows], targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if (step + 1) % LOOK == 0 or step + 1 == steps:
            with torch.no_grad():
                missed = float(_loss(network, inputs[checked], tried[checked], targets[checked]))
            if missed < best:
                best, kept = missed, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return CoordinationPolicy(values, pairs, network.weights(), hidden, features.shape[2], unit, exact=False)


def _seen(planning: Planning, samples: Samples, values: Array) -> tuple[Array, Array]:
    """Return features [B, J, F], and by how much actions earned more [B, K] than their mean and additive values say."""
    rest = samples.earned - np.einsum("bkjs,bjs->bk", samples.moved, values[samples.steps], optimize=True)
    rest = planning.discount * (rest - rest.mean(axis=1, keepdims=True))
    places = [np.flatnonzero(samples.steps == step) for step in np.unique(samples.steps)]
    parts = [
        encode(planning, values, samples.states[rows], int(samples.steps[rows[0]]) - 1, 1.0).features for rows in places
    ]
    found = np.empty((len(samples.steps), *parts[0].shape[1:]), np.float32)
    for rows, part in zip(places, parts, strict=True):
        found[rows] = part
    return found, rest


def _advantage_place(planning: Planning) -> int:
    """Return which feature is what a pull brings by additive values, as `encode` orders them."""
    _, arm_actions, states = planning.arms.shape
    return states + arm_actions * (states - 1) + 1


def _loss(network: CoordinationNetwork, inputs: torch.Tensor, tried: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean square of errors in how the actions [B, K, J] of a state differ."""
    found = network.values(inputs, tried)
    errors = found - found.mean(dim=1, keepdim=True) - targets
    loss: torch.Tensor = (errors**2).mean()
    return loss
