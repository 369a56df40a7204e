"""The losses of imitation: right choices, and neighbours on the best path."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from redwood.solvers.bq.decoding import autocast, tensors
from redwood.solvers.bq.network import Network
from redwood.views.stepwise import Target, Window


@dataclass(frozen=True)
class Judged:
    """What labels say of a network's answers to B windows.

    Attributes
    ----------
    right
        Log-likelihood of what is right, [B]: of the action; of a *set*, the mean over its actions; where any action of
        several will do, of doing one of them.
    known
        Where the windows hold something right, [B].
    hit
        Whether the likeliest action is right, [B].
    neighbours
        Mean loss of the neighbours, 0 without them.
    """

    right: Tensor
    known: Tensor
    hit: Tensor
    neighbours: Tensor


def losses_of(network: Network, window: Window, target: Target) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss of the choice, the loss of the neighbours, and the share of right choices."""
    judged = judge(network, window, target)
    count = judged.known.sum().clamp(min=1)
    return -judged.right[judged.known].sum() / count, judged.neighbours, judged.hit[judged.known].sum() / count


def judge(network: Network, window: Window, target: Target) -> Judged:
    """Let a network answer and compare with the labels."""
    device = next(network.parameters()).device
    features, present, edges = tensors(window, device)
    mask = torch.from_numpy(window.mask).to(device)
    with autocast(device):
        tokens = network(features, present, edges)
        scores = network.scores(tokens, mask)
        pairs = network.neighbours(tokens, present, edges) if target.neighbours is not None else None
    loss = scores.new_zeros(())
    if pairs is not None:
        loss = _neighbour_loss(pairs, torch.from_numpy(target.neighbours).to(device).long())
    logs = torch.log_softmax(torch.where(mask.flatten(1).any(dim=1, keepdim=True), scores, 0.0), dim=1)
    best = scores.argmax(dim=1, keepdim=True)
    if target.choice.ndim == 1 and target.right is None:
        choice = torch.from_numpy(target.choice).to(device)
        right = logs.gather(1, choice.clamp(min=0)[:, None])[:, 0]
        return Judged(right, choice >= 0, best[:, 0] == choice, loss)
    allowed = torch.from_numpy(target.choice if target.right is None else target.right).to(device).flatten(1)
    if target.right is None:
        right = logs.masked_fill(~allowed, 0.0).sum(dim=1) / allowed.sum(dim=1).clamp(min=1)
    else:
        right = torch.logsumexp(logs.masked_fill(~allowed, -1e30), dim=1)
    return Judged(right, allowed.any(dim=1), allowed.gather(1, best)[:, 0], loss)


def _neighbour_loss(pairs: Tensor, neighbours: Tensor) -> Tensor:
    """Cross-entropy of each token's row with its one or two neighbours in the window, uniform."""
    logs = torch.log_softmax(pairs, dim=-1)
    known = neighbours >= 0
    picked = logs.gather(2, neighbours.clamp(min=0)).masked_fill(~known, 0.0).sum(dim=-1)
    count = known.sum(dim=-1)
    return -(picked / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)
