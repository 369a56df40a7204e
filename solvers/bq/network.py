"""The attention policy: tokens of a window in, a score for each action out; shaped by what the problem declares."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from redwood.views.stepwise import Layout

POINTER = 32
"""Width of the vectors whose products tell which tokens are neighbours."""


@dataclass(frozen=True)
class Shape:
    """How large a network is.

    Attributes
    ----------
    layers, width, heads, hidden
        Blocks, token width, attention heads, width of the feed-forward part.
    window
        How many unmarked tokens it is shown, 0 for the whole state.
    rezero
        Whether blocks are scaled from zero in place of being normalised (Bachlechner et al. 2020, arXiv:2003.04887).
    """

    layers: int
    width: int
    heads: int
    hidden: int
    window: int
    rezero: bool = False


PRESETS = {
    "tiny": Shape(layers=3, width=64, heads=4, hidden=128, window=32),
    "small": Shape(layers=4, width=128, heads=4, hidden=256, window=32),
    "paper": Shape(layers=9, width=192, heads=12, hidden=512, window=0, rezero=True),
}
"""``small`` is what Redwood ships for routing and ``tiny`` for the knapsack: quick on a CPU. ``paper`` is the published
network, for owners of a GPU."""


linear = partial(nn.Linear, dtype=torch.float32)
"""A linear layer in single precision, whatever the user's default dtype is."""


class Block(nn.Module):
    """Self-attention and feed-forward part, each added to its input."""

    def __init__(self, shape: Shape, edges: int) -> None:
        super().__init__()
        self.heads = shape.heads
        self.mix = linear(shape.width, 3 * shape.width, bias=False)
        self.out = linear(shape.width, shape.width, bias=False)
        self.up = linear(shape.width, shape.hidden)
        self.down = linear(shape.hidden, shape.width)
        self.bias = linear(edges, shape.heads) if edges else None
        self.scale = nn.Parameter(torch.zeros(2, dtype=torch.float32)) if shape.rezero else None
        if self.scale is None:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.down.weight)

    def forward(self, tokens: Tensor, hidden: Tensor, edges: Tensor | None) -> Tensor:
        """Return new tokens [B, T, D]; ``hidden`` [B, 1, 1, T] is added to the attention logits, -inf for absent tokens."""
        if self.scale is not None:
            tokens = tokens + self.scale[0] * self._attend(tokens, hidden, edges)
            added: Tensor = self.scale[1] * self._feed(tokens)
            return tokens + added
        width = tokens.shape[-1:]  # plain layer norms: PyTorch has a fused kernel of them on the CPU, and none of RMS norms
        tokens = tokens + self._attend(functional.layer_norm(tokens, width), hidden, edges)
        return tokens + self._feed(functional.layer_norm(tokens, width))

    def _feed(self, tokens: Tensor) -> Tensor:
        fed: Tensor = self.down(functional.relu(self.up(tokens)))
        return fed

    def _attend(self, tokens: Tensor, hidden: Tensor, edges: Tensor | None) -> Tensor:
        B, T, D = tokens.shape
        query, key, value = self.mix(tokens).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        logits = query @ key.transpose(-1, -2) * (D // self.heads) ** -0.5 + hidden
        if self.bias is not None and edges is not None:
            logits = logits + self.bias(edges).permute(0, 3, 1, 2)
        mixed = torch.softmax(logits, dim=-1).to(value.dtype) @ value
        attended: Tensor = self.out(mixed.transpose(1, 2).reshape(B, T, D))
        return attended


class Network(nn.Module):
    """The policy network.

    Marked tokens get a learned vector each on top of their features. The first output scores the actions of each
    token; the second one, for training only, tells which tokens follow each other on the best path.
    """

    def __init__(self, layout: Layout, shape: Shape) -> None:
        super().__init__()
        self.layout, self.shape = layout, shape
        self.embed = linear(layout.features, shape.width)
        self.marks = nn.Parameter(0.5 * torch.randn(layout.marks, shape.width, dtype=torch.float32))
        self.blocks = nn.ModuleList(Block(shape, layout.edges) for _ in range(shape.layers))
        self.score = linear(shape.width, layout.scores)
        self.pointer = linear(shape.width, 2 * POINTER) if layout.neighbours else None
        self.pairs = linear(layout.edges, 1, bias=False) if layout.neighbours and layout.edges else None

    def forward(self, features: Tensor, present: Tensor, edges: Tensor | None = None) -> Tensor:
        """Return encoded tokens [B, T, D] from `redwood.views.stepwise.Window` fields."""
        device, M = features.device.type, self.layout.marks
        mixed = torch.is_autocast_enabled(device)
        with torch.autocast(device, enabled=False):  # eight bits would blur the positions
            tokens = self.embed(features)
            tokens = torch.cat([tokens[:, :M] + self.marks, tokens[:, M:]], dim=1)
        if mixed:
            tokens = tokens.to(torch.get_autocast_dtype(device))
        hidden = torch.zeros_like(present, dtype=tokens.dtype).masked_fill(~present, float("-inf"))[:, None, None, :]
        for block in self.blocks:
            tokens = block(tokens, hidden, edges)
        return tokens if self.shape.rezero else functional.layer_norm(tokens, tokens.shape[-1:])

    def scores(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of all actions [B, T x A], -inf where not allowed, from encoded tokens."""
        scores: Tensor = self.score(tokens).float()
        return scores.masked_fill(~mask, float("-inf")).flatten(1)

    def neighbours(self, tokens: Tensor, present: Tensor, edges: Tensor | None = None) -> Tensor:
        """Return logits [B, T, T] of token j being next to token i on the best path, from encoded tokens."""
        if self.pointer is None:
            raise TypeError("the layout has no neighbours, so the network has no output for them.")
        one, other = self.pointer(tokens).chunk(2, dim=-1)
        logits: Tensor = (one @ other.transpose(-1, -2)).float() * POINTER**-0.5
        if self.pairs is not None and edges is not None:
            logits = logits + self.pairs(edges)[..., 0].float()
        itself = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
        return logits.masked_fill(itself | ~present[:, None, :], float("-inf"))

    def describe(self) -> dict[str, Any]:
        """Return what is needed to build the network again."""
        return {"layout": asdict(self.layout), "shape": asdict(self.shape)}


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
