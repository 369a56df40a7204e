"""`QNetwork`: the expected reward to come of a joint action in a state at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork
from redwood.torch_settings import torch_settings


@dataclass(frozen=True)
class Shape:
    """For how many arms, actions, states and steps a network is, and how wide its hidden layers are."""

    arms: int
    arm_actions: int
    states: int
    horizon: int
    hidden: tuple[int, ...] = (16, 32)
    unit: float = 1.0
    """What an output of 1 stands for: about the reward of an episode, so that weights stay near 1."""


class QNetwork(nn.Module):
    """Q of a joint action: a perceptron of one-hot states, of the share of steps that remains, and of indicators.

    With the state given, `condition` returns what is left as a function of the action alone.
    """

    @torch_settings()
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        inputs, widths = shape.arms * shape.states + 1, shape.hidden
        self.first = nn.Linear(inputs, widths[0], dtype=torch.float32)
        self.action = nn.Linear(shape.arms * (shape.arm_actions - 1), widths[0], bias=False, dtype=torch.float32)
        self.rest = nn.ModuleList([nn.Linear(before, after, dtype=torch.float32) for before, after in pairwise(widths)])
        self.output = nn.Linear(widths[-1], 1, dtype=torch.float32)
        self.double()  # drawn in single precision before, whatever the user's default dtype is

    def encode(self, states: Tensor, steps: Tensor) -> Tensor:
        """Return inputs [B, J S + 1] for the states [B, J] after ``steps`` [B] steps."""
        hot = nn.functional.one_hot(states, self.shape.states).double().flatten(1)
        left = 1.0 - steps.double()[:, None] / self.shape.horizon
        return torch.cat([hot, left], dim=1)

    def layers(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the matrices from the action on, the last [1, n], and the biases of hidden layers after the first."""
        rest = [layer for layer in self.rest if isinstance(layer, nn.Linear)]
        matrices = [self.action.weight, *(layer.weight for layer in rest), self.output.weight * self.shape.unit]
        return matrices, [layer.bias for layer in rest]

    def forward(self, states: Tensor, steps: Tensor, actions: Tensor) -> Tensor:
        """Return Q [B] of the joint actions [B, J] in the states [B, J] at steps [B]."""
        chosen = actions[:, :, None] == torch.arange(1, self.shape.arm_actions)
        matrices, biases = self.layers()
        value = torch.relu(self.first(self.encode(states, steps)) + chosen.flatten(1).double() @ matrices[0].T)
        for matrix, bias in zip(matrices[1:-1], biases, strict=True):
            value = torch.relu(value @ matrix.T + bias)
        return self.output.bias.expand(len(states)) * self.shape.unit + (value @ matrices[-1].T)[:, 0]

    def matrices(self) -> tuple[Array, ...]:
        """Return the matrices as arrays: what an `Embedding` is built for."""
        return tuple(matrix.detach().numpy().copy() for matrix in self.layers()[0])

    @torch_settings()
    @torch.no_grad()
    def condition(self, states: Array, steps: Array) -> list[ConditionedNetwork]:
        """Return for each of the states [B, J] at steps [B] the network as a function of the action."""
        first = self.first(self.encode(torch.as_tensor(states), torch.as_tensor(steps))).numpy()
        matrices, biases = self.matrices(), [bias.detach().numpy() for bias in self.layers()[1]]
        none, offset = np.zeros(matrices[0].shape[1]), float(self.output.bias) * self.shape.unit
        return [ConditionedNetwork(none, offset, matrices, (inner, *biases)) for inner in first]

    def vector(self) -> Array:
        """Return all parameters [P] in one array."""
        packed: Array = nn.utils.parameters_to_vector(self.parameters()).detach().numpy().copy()
        return packed

    @torch_settings()
    def load_vector(self, values: Array) -> None:
        """Take all parameters from an array [P].

        Raises
        ------
        OptionError
            Where its length is not that of this shape.
        """
        count = sum(parameter.numel() for parameter in self.parameters())
        if values.shape != (count,):
            raise OptionError(f"weights of shape {list(values.shape)} do not fit a network of {count}.")
        nn.utils.vector_to_parameters(torch.tensor(values, dtype=torch.float64), self.parameters())


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch use one thread inside: for networks this small, threads that wait for each other cost fifty times more."""
    with torch_settings(threads=1):
        yield


def load_optimisers() -> None:
    """Import what torch's optimisers import when the first one is made, which takes seconds."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
