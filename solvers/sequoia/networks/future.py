"""`FutureNetwork`: the value of the steps after this one, as a function of where the arms are expected to be.

Given the joint state and action, arms move independently, so the probabilities m of their next states are all that an action
decides: the expected value of the next joint state is a function F(t, m) of them alone. A network of m learns it from single
simulated outcomes without bias, and is in a program through m, which is linear in the indicators of the joint action.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from redwood.arrays import Array
from redwood.torch_settings import torch_settings


class FutureArrays(NamedTuple):
    """A future network as arrays: ``output @ relu(first @ m + clock * left + bias) + constant``.

    m [J, S] are the probabilities of next states and left is the share of steps that remains after this one; ``first`` is
    [n, J, S], the others are [n].
    """

    first: Array
    clock: Array
    bias: Array
    output: Array
    constant: float


class FutureNetwork(nn.Module):
    """ReLUs of the probabilities of next states, of what they expose each arm to, and of the time left.

    Exposure is linear in the probabilities, so it is conditioned into the first layer where the network is used.

    Parameters
    ----------
    arms, states
        Numbers of arms and of states.
    hidden
        Number of ReLUs.
    exposed
        What each arm's next state adds [J, S, J] to the exposure of every arm; zeros where there is none.
    """

    exposed: Tensor

    @torch_settings()
    def __init__(self, arms: int, states: int, hidden: int, exposed: Array) -> None:
        super().__init__()
        self.arms, self.states = arms, states
        self.register_buffer("exposed", torch.tensor(exposed, dtype=torch.float32))
        self.inputs = arms * states + (arms if exposed.any() else 0)
        self.first = nn.Linear(self.inputs + 1, hidden, dtype=torch.float32)
        self.output = nn.Linear(hidden, 1, dtype=torch.float32)

    def encode(self, next_states: Tensor, left: Tensor) -> Tensor:
        """Return the inputs for probabilities [B, J, S] of next states and shares of steps left [B]."""
        parts = [next_states.flatten(1)]
        if self.inputs > self.arms * self.states:
            parts.append(next_states.flatten(1) @ self.exposed.flatten(0, 1))
        return torch.cat([*parts, left[:, None]], dim=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return F [B] of inputs that `encode` made."""
        found: Tensor = self.output(torch.relu(self.first(inputs)))[:, 0]
        return found

    def arrays(self, unit: float) -> FutureArrays:
        """Return the network as arrays, its output times a unit."""
        matrix = self.first.weight.detach().double().numpy()
        own = self.arms * self.states
        first = matrix[:, :own].reshape(-1, self.arms, self.states).copy()
        if self.inputs > own:
            first += np.einsum("ni,jsi->njs", matrix[:, own:-1], self.exposed.double().numpy())
        bias = self.first.bias.detach().double().numpy().copy()
        output = unit * self.output.weight.detach().double().numpy()[0]
        return FutureArrays(first, matrix[:, -1].copy(), bias, output, unit * float(self.output.bias.detach()[0]))
