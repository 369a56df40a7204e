"""`QNetwork`: the expected reward to come of a joint action in a state at a time, in four forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from redwood.arrays import Array
from redwood.errors import OptionError, suggestion
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork
from redwood.torch_settings import torch_settings

KINDS = ("residual", "additive", "concave", "relu")


@dataclass(frozen=True)
class Shape:
    """Which form of network, for how many arms, actions, states and steps, and how wide its hidden layers are.

    ``relu`` is a perceptron of states, time and action; ``additive`` has a head an arm and is linear in the action;
    ``concave`` takes a sum of ReLUs of the action from such heads; ``residual`` adds that to a given table of values.
    """

    kind: str
    arms: int
    arm_actions: int
    states: int
    horizon: int
    hidden: tuple[int, ...] = (16, 32)
    unit: float = 1.0
    """What an output of 1 stands for: about the reward of an episode, so that weights stay near 1."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"network {self.kind!r} is not known.{suggestion(self.kind, KINDS)}")
        if not self.hidden or min(self.hidden) < 1:
            raise OptionError(f"hidden {list(self.hidden)} must be one or more widths from 1 up.")


class QNetwork(nn.Module):
    """Q of a joint action, a function of one-hot states, of the share of steps that remains, and of indicators.

    All forms are ``offset(s, t) + linear(s, t) u + trunk(first(s, t) + W u)``: with the state given, `condition` returns
    what is left as a function of the action alone.
    """

    table: Tensor

    @torch_settings()
    def __init__(self, shape: Shape, table: Array | None = None) -> None:
        super().__init__()
        self.shape = shape
        inputs = shape.arms * shape.states + 1
        count, widths = shape.arms * (shape.arm_actions - 1), shape.hidden
        if table is None:
            table = np.zeros((1, shape.arms, shape.arm_actions, shape.states))
        self.register_buffer("table", torch.tensor(table))
        if shape.kind == "relu":
            self.first = nn.Linear(inputs, widths[0], dtype=torch.float32)
            self.action = nn.Linear(count, widths[0], bias=False, dtype=torch.float32)
            self.rest = nn.ModuleList([nn.Linear(before, after, dtype=torch.float32) for before, after in pairwise(widths)])
            self.output = nn.Linear(widths[-1], 1, dtype=torch.float32)
        else:
            drawn = torch.randn(shape.arms, shape.states + 1, widths[0], dtype=torch.float32)
            self.arms = nn.Parameter(drawn / (shape.states + 1) ** 0.5)
            self.heads = nn.Parameter(torch.zeros(shape.arms, widths[0] + 1, shape.arm_actions, dtype=torch.float32))
            if shape.kind != "additive":
                self.first = nn.Linear(inputs, widths[-1], dtype=torch.float32)
                self.action = nn.Linear(count, widths[-1], bias=False, dtype=torch.float32)
                self.scale = nn.Parameter(torch.full((widths[-1],), 0.1, dtype=torch.float32))
        if shape.kind == "residual":
            nn.init.zeros_(self.action.weight)  # so that it starts as its table, exactly: see `parts`
            nn.init.constant_(self.scale, 1e-3)
        self.double()  # drawn in single precision before, whatever the user's default dtype is

    @property
    def corrects_nothing(self) -> bool:
        """Whether a ``residual`` network is its table, as it is before the first gradient step."""
        return not bool(self.heads.detach().any() or self.action.weight.detach().any())

    def encode(self, states: Tensor, steps: Tensor) -> Tensor:
        """Return inputs [B, J S + 1] for the states [B, J] after ``steps`` [B] steps."""
        hot = nn.functional.one_hot(states, self.shape.states).double().flatten(1)
        left = 1.0 - steps.double()[:, None] / self.shape.horizon
        return torch.cat([hot, left], dim=1)

    def arm_actions(self, states: Tensor, steps: Tensor) -> Tensor:
        """Return the part [B, J, A] of each arm that depends on its own state and action alone."""
        hot = nn.functional.one_hot(states, self.shape.states).double()
        left = (1.0 - steps.double() / self.shape.horizon)[:, None, None].expand(-1, self.shape.arms, 1)
        hidden = torch.relu(torch.einsum("bjf,jfh->bjh", torch.cat([hot, left], dim=2), self.arms))
        q_values = torch.einsum("bjh,jha->bja", torch.cat([hidden, torch.ones_like(left)], dim=2), self.heads)
        q_values = q_values * (self.shape.unit / self.shape.arms)
        if self.shape.kind == "residual":
            now = self.table[steps.clamp(max=len(self.table) - 1)]
            rows = torch.arange(self.shape.arms)[None]
            picked = now.transpose(2, 3)[torch.arange(len(states))[:, None], rows, states]
            return picked + q_values
        return q_values

    def parts(self, states: Tensor, steps: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return offset [B], linear part [B, K] and first-layer biases [B, n] of states [B, J] at steps [B]."""
        if self.shape.kind == "relu":
            zeros = states.new_zeros(len(states), self.action.weight.shape[1], dtype=torch.float64)
            return self.output.bias.expand(len(states)) * self.shape.unit, zeros, self.first(self.encode(states, steps))
        arm_actions = self.arm_actions(states, steps)
        offset, linear = arm_actions[:, :, 0].sum(dim=1), (arm_actions[:, :, 1:] - arm_actions[:, :, :1]).flatten(1)
        if self.shape.kind == "additive":
            return offset, linear, None
        first = self.first(self.encode(states, steps))
        if self.shape.kind == "residual":  # without an action the correction is nothing
            offset = offset + self.shape.unit * (torch.relu(first) @ self.scale.abs())
        return offset, linear, first

    def layers(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the matrices from the action on, the last [1, n], and the biases of hidden layers after the first."""
        if self.shape.kind == "relu":
            rest = [layer for layer in self.rest if isinstance(layer, nn.Linear)]
            matrices = [self.action.weight, *(layer.weight for layer in rest), self.output.weight * self.shape.unit]
            return matrices, [layer.bias for layer in rest]
        if self.shape.kind == "additive":
            return [], []
        return [self.action.weight, -self.shape.unit * self.scale.abs()[None]], []

    def forward(self, states: Tensor, steps: Tensor, actions: Tensor) -> Tensor:
        """Return Q [B] of the joint actions [B, J] in the states [B, J] at steps [B]."""
        chosen = actions[:, :, None] == torch.arange(1, self.shape.arm_actions)
        taken = chosen.flatten(1).double()
        offset, linear, value = self.parts(states, steps)
        total = offset + (linear * taken).sum(dim=1)
        if value is None:
            return total
        matrices, biases = self.layers()
        value = torch.relu(value + taken @ matrices[0].T)
        for matrix, bias in zip(matrices[1:-1], biases, strict=True):
            value = torch.relu(value @ matrix.T + bias)
        return total + (value @ matrices[-1].T)[:, 0]

    def matrices(self) -> tuple[Array, ...]:
        """Return the matrices as arrays: what an `Embedding` is built for."""
        return tuple(matrix.detach().numpy().copy() for matrix in self.layers()[0])

    @torch_settings()
    @torch.no_grad()
    def condition(self, states: Array, steps: Array) -> list[ConditionedNetwork]:
        """Return for each of the states [B, J] at steps [B] the network as a function of the action."""
        offset, linear, first = self.parts(torch.as_tensor(states), torch.as_tensor(steps))
        matrices, biases = self.matrices(), [bias.detach().numpy() for bias in self.layers()[1]]
        rows = zip(linear.numpy(), offset.tolist(), strict=True)
        if first is None:
            return [ConditionedNetwork(row, constant) for row, constant in rows]
        inner = first.numpy()
        return [ConditionedNetwork(row, constant, matrices, (inner[i], *biases)) for i, (row, constant) in enumerate(rows)]

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
            raise OptionError(f"weights of shape {list(values.shape)} do not fit a {self.shape.kind} network of {count}.")
        nn.utils.vector_to_parameters(torch.tensor(values, dtype=torch.float64), self.parameters())


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch use one thread inside: for networks this small, threads that wait for each other cost fifty times more."""
    with torch_settings(threads=1):
        yield


def load_optimisers() -> None:
    """Import what torch's optimisers import when the first one is made, which takes seconds."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
