"""The losses of imitation: right choices, and neighbours on the best path."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from redwood.solvers.bq.decoding import autocast, tensors
from redwood.solvers.bq.network import Network
from redwood.stepwise import Target, Window


def losses_of(network: Network, window: Window, target: Target) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss of the choice, the loss of the neighbours, and the share of right choices."""
    device = next(network.parameters()).device
    features, present, edges = tensors(window, device)
    mask = torch.from_numpy(window.mask).to(device)
    with autocast(device):
        tokens = network(features, present, edges)
        scores = network.scores(tokens, mask)
        pairs = network.neighbours(tokens, present, edges) if target.neighbours is not None else None
    choice, accuracy = _choice_loss(scores, torch.from_numpy(target.choice).to(device), network.layout.sets)
    if pairs is None:
        return choice, torch.zeros_like(choice), accuracy
    return choice, _neighbour_loss(pairs, torch.from_numpy(target.neighbours).to(device).long()), accuracy


def _choice_loss(scores: Tensor, target: Tensor, sets: bool) -> tuple[Tensor, Tensor]:
    best = scores.argmax(dim=1)
    if not sets:
        known = target >= 0
        loss = functional.cross_entropy(scores, target, ignore_index=-1, reduction="sum") / known.sum().clamp(min=1)
        return loss, (best == target).sum() / known.sum().clamp(min=1)
    right = target.flatten(1)
    known = right.any(dim=1)
    logs = torch.log_softmax(scores, dim=1).masked_fill(~right, 0.0)
    loss = -(logs.sum(dim=1) / right.sum(dim=1).clamp(min=1)).sum() / known.sum().clamp(min=1)
    return loss, right.gather(1, best[:, None]).sum() / known.sum().clamp(min=1)


def _neighbour_loss(pairs: Tensor, neighbours: Tensor) -> Tensor:
    """Cross-entropy of each token's row with its one or two neighbours in the window, uniform."""
    logs = torch.log_softmax(pairs, dim=-1)
    known = neighbours >= 0
    picked = logs.gather(2, neighbours.clamp(min=0)).masked_fill(~known, 0.0).sum(dim=-1)
    count = known.sum(dim=-1)
    return -(picked / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)
