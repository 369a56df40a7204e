"""Decoding a policy: batched rollouts over tail sub-problems."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from redwood.problem import Solution
from redwood.solvers.bq.network import Network
from redwood.stepwise import Array, Batch, Stepwise, Window

CHUNK = 512
"""Windows in one forward pass at most, which bounds the memory."""


def window_size(network: Network, batch: Batch) -> int:
    """Return how many unmarked tokens the network is to be shown: its window, or all there are."""
    return network.shape.window or int(batch.left.max(initial=1))


def tensors(window: Window, device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return features, presence and edges of a window on a device."""
    edges = None if window.edges is None else torch.from_numpy(window.edges).to(device)
    return torch.from_numpy(window.features).to(device), torch.from_numpy(window.present).to(device), edges


@torch.inference_mode()
def logits(network: Network, window: Window) -> Array:
    """Return the scores of all actions [B, T x A] float32, -inf where not allowed, computed in chunks."""
    device = next(network.parameters()).device
    features, present, edges = tensors(window, device)
    mask = torch.from_numpy(window.mask).to(device)
    parts = []
    with autocast(device):
        for begin in range(0, len(features), CHUNK):
            part = slice(begin, begin + CHUNK)
            tokens = network(features[part], present[part], None if edges is None else edges[part])
            parts.append(network.scores(tokens, mask[part]))
    scores: Array = torch.cat(parts).cpu().numpy()
    return scores


def autocast(device: torch.device) -> torch.autocast:
    """Return the context for mixed precision in bfloat16, switched on where the hardware multiplies it fast."""
    return torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device))


def fast_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type != "cpu":
        return False
    supported: Callable[[], bool] | None = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported is not None and supported())


def greedy(network: Network, view: Stepwise[Batch], batch: Batch) -> None:
    """Take the action of the highest score until every row is finished."""
    while batch.left.any():
        window = view.window(batch, window_size(network, batch))
        view.act(batch, window, logits(network, window).argmax(axis=1))


def rollouts(network: Network, view: Stepwise[Batch], rows: Array, rng: np.random.Generator | None) -> list[Solution]:
    """Return greedy solutions of the view's instances ``rows`` [B], in random presentations where ``rng`` is given."""
    batch = view.begin(rows, rng)
    greedy(network, view, batch)
    return view.solutions(batch)
