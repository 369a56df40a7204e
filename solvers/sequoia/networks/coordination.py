"""`CoordinationNetwork`: what each pull is worth in a joint state, and what two pulls next to each other add.

The state is known when an action is sought, so any function of it may decide how much a pull brings: only the joint action
must enter simply. Here a graph network of the joint state gives one number an arm and one a pair of neighbours, and the
value of a joint action is the sum over pulled arms and over pairs of neighbours that are both pulled. Weights are shared by
all arms, so that few samples teach many arms; a vector of each arm tells them apart.

References
----------
Boehmer, Kurin, Whiteson (2020), Deep coordination graphs, ICML, arXiv:1910.00091.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.planning.additive_policy import arm_values
from redwood.planning.contract import Planning
from redwood.planning.coupling import Exposure
from redwood.planning.steps import arms_alone, moves_in
from redwood.torch_settings import torch_settings

LAYERS = 2
"""Layers in which arms hear of their neighbours: as many steps away they look."""
OWN = 8
"""Numbers of each arm's own vector."""


class Encoded(NamedTuple):
    """What a network sees of joint states: features [N, J, F], and what a pull brings by additive values [N, J]."""

    features: Array
    advantages: Array


def encode(planning: Planning, values: Array, states: Array, step: int, unit: float) -> Encoded:
    """Return what a network sees of joint states at a step.

    Parameters
    ----------
    planning
        Arms of two actions whose exposure is known from their states.
    values
        Additive values [H + 1, J, S].
    states
        Joint states [N, J].
    step
        The step in which an action is sought, from 0 on.
    unit
        What a feature of 1 stands for where it is a reward.
    """
    exposure = _exposure(planning)
    count, (arms, _, kinds) = len(states), planning.arms.shape
    moves, rewards = moves_in(planning, states), arms_alone(planning).rewards
    table = arm_values(planning, states, planning.discount * values[min(step + 1, len(values) - 1)])
    advantages = table[:, :, 1] - table[:, :, 0]
    at = (states[:, :, None] == np.arange(kinds)).astype(np.float64)
    left, degrees = max(0, planning.horizon - step - 1) / planning.horizon, exposure.reach.sum(axis=0)
    scaled = rewards / max(1e-12, float(np.abs(rewards).max()))
    parts = [
        at,
        moves[:, :, :, 1:].reshape(count, arms, -1),
        (exposure.of(states, np.zeros_like(states)) / max(1, exposure.classes - 1))[:, :, None],
        (advantages / unit)[:, :, None],
        np.broadcast_to(scaled.reshape(1, arms, -1), (count, arms, scaled[0].size)),
        np.broadcast_to((degrees / max(1.0, float(degrees.max())))[None, :, None], (count, arms, 1)),
        np.full((count, arms, 1), left),
        np.broadcast_to(at.mean(axis=1)[:, None], at.shape),
    ]
    return Encoded(np.concatenate(parts, axis=2, dtype=np.float32), advantages)


class CoordinationNetwork(nn.Module):
    """Two layers of messages between neighbours, then one number an arm and one a pair of neighbours.

    Parameters
    ----------
    arms, features
        Numbers of arms and of features of each.
    hidden
        Width of all layers.
    pairs
        The pairs of neighbours [M, 2], each once.
    """

    near: Tensor
    ends: Tensor

    @torch_settings()
    def __init__(self, arms: int, features: int, hidden: int, pairs: Array) -> None:
        super().__init__()
        near = np.zeros((arms, arms))
        near[pairs[:, 0], pairs[:, 1]] = near[pairs[:, 1], pairs[:, 0]] = 1.0
        near /= max(1.0, float(near.sum(axis=0).mean()))
        ends = np.arange(arms) == pairs.T[:, :, None]
        self.register_buffer("ends", torch.tensor(ends, dtype=torch.float32), persistent=False)
        self.register_buffer("near", torch.tensor(near, dtype=torch.float32), persistent=False)
        self.entry = nn.Linear(features, hidden, dtype=torch.float32)
        self.own = nn.Parameter(0.1 * torch.randn(arms, OWN, dtype=torch.float32))
        self.inward = nn.Linear(OWN, hidden, bias=False, dtype=torch.float32)
        self.layers = nn.ModuleList(nn.Linear(3 * hidden, hidden, dtype=torch.float32) for _ in range(LAYERS))
        self.arm = nn.Linear(hidden, 1, dtype=torch.float32)
        self.both = nn.Linear(2 * hidden, hidden, dtype=torch.float32)
        self.pair = nn.Linear(hidden, 1, dtype=torch.float32)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the value of each arm's pull [N, J] and of both pulls of each pair [N, M], for features [N, J, F]."""
        seen = torch.relu(self.entry(features) + self.inward(self.own))
        for layer in self.layers:
            everyone = seen.mean(dim=1, keepdim=True).expand_as(seen)
            seen = seen + torch.relu(layer(torch.cat([seen, self.near @ seen, everyone], dim=2)))
        one, other = self.ends[0] @ seen, self.ends[1] @ seen  # products: gradients of indexing are many times slower
        both = torch.relu(self.both(torch.cat([one + other, one * other], dim=2)))
        return self.arm(seen)[:, :, 0], self.pair(both)[:, :, 0]

    def values(self, features: Tensor, actions: Tensor) -> Tensor:
        """Return the values [N, K] of joint actions [N, K, J] of zeros and ones, for features [N, J, F]."""
        pulls, pairs = self(features)
        both = (actions @ self.ends[0].T) * (actions @ self.ends[1].T)
        found: Tensor = (actions @ pulls[:, :, None] + both @ pairs[:, :, None])[:, :, 0]
        return found

    def weights(self) -> Array:
        """Return all parameters [P], one after another."""
        return torch.cat([each.detach().ravel() for each in self.parameters()]).double().numpy()

    def load(self, weights: Array) -> None:
        """Take all parameters [P] from `weights`."""
        with torch.no_grad():
            nn.utils.vector_to_parameters(torch.as_tensor(np.array(weights, np.float32)), self.parameters())


def neighbours(planning: Planning) -> Array:
    """Return the pairs of arms [M, 2] of which one reaches the other, each once."""
    edges = np.sort(_exposure(planning).edges, axis=1)
    found: Array = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)
    return found


def _exposure(planning: Planning) -> Exposure:
    if planning.exposure is None:
        raise FitError("a coordination graph needs arms that expose their neighbours, and these have no exposure.")
    return planning.exposure
