"""`Stability`: a penalty on ReLUs that some action switches on and another one off, each of which costs a binary."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from redwood.arrays import Array
from redwood.planning.contract import ActionSet
from redwood.solvers.sequoia.networks.conditioned import coefficients_of, indicators
from redwood.solvers.sequoia.networks.network import QNetwork

RENEWED = 50
"""Gradient steps between two looks for the actions at which first-layer neurons are lowest and highest."""


class Stability:
    """How far the ReLUs of a ``relu`` network are from being stable over an action set.

    The limits of the first layer's inputs are those of the program (`redwood.solvers.sequoia.networks.conditioned.limits`):
    the extremes of ``W_1 u`` over the set, whose gradient is the extreme action itself. The limits of later layers follow by
    intervals.

    Attributes
    ----------
    lowest, highest
        Indicators [n, K] of the actions at which each neuron of the first layer is lowest and highest.

    References
    ----------
    Xiao, Tjeng, Shafiullah, Madry (2019), Training for faster adversarial robustness verification via inducing ReLU
    stability, ICLR, arXiv:1809.03008, section 3.3. Theirs is a smooth sign of the product of the limits, whose gradient
    vanishes where limits are wide; here it is the distance to the nearer limit as a share of both.
    """

    def __init__(self, actions: ActionSet) -> None:
        self._actions = actions
        self.lowest = self.highest = torch.zeros(0, 0, dtype=torch.float64)
        self._age = 0

    def penalty(self, network: QNetwork, states: Array, steps: Array) -> Tensor:
        """Return the mean over states [B, J] at steps [B] and hidden neurons: 0 where stable, 1/2 where most unstable."""
        if self._age % RENEWED == 0:
            self._renew(network.matrices()[0])
        self._age += 1
        matrices, biases = network.layers()
        first = network.parts(torch.as_tensor(states), torch.as_tensor(steps))[2]
        if first is None:
            raise TypeError("the network has no hidden neurons to be made stable.")
        low, high = first + (matrices[0] * self.lowest).sum(dim=1), first + (matrices[0] * self.highest).sum(dim=1)
        shares = [_share(low, high)]
        for matrix, bias in zip(matrices[1:-1], biases, strict=True):
            low, high = torch.relu(low), torch.relu(high)
            up, down = matrix.clamp(min=0.0).T, matrix.clamp(max=0.0).T
            low, high = low @ up + high @ down + bias, high @ up + low @ down + bias
            shares.append(_share(low, high))
        return torch.cat(shares, dim=1).mean()

    def state(self) -> dict[str, Tensor]:
        """Return what an exact continuation needs."""
        return {"lowest": self.lowest, "highest": self.highest, "age": torch.tensor(self._age)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        self.lowest, self.highest, self._age = state["lowest"], state["highest"], int(state["age"])

    def _renew(self, matrix: Array) -> None:
        """Ask the set's oracle for the extreme actions of each neuron of the first layer."""
        self.lowest, self.highest = (self._extremes(sign * matrix) for sign in (-1.0, 1.0))

    def _extremes(self, matrix: Array) -> Tensor:
        arm_actions = self._actions.choose(np.stack([coefficients_of(self._actions, row) for row in matrix]))
        return torch.as_tensor(indicators(arm_actions, self._actions.arm_actions))


def _share(low: Tensor, high: Tensor) -> Tensor:
    """Return the distance of 0 to the nearer limit as a share of that between the limits; 0 outside of them."""
    width = (high - low).detach().clamp(min=1e-9)
    return torch.minimum(-low, high).clamp(min=0.0) / width
