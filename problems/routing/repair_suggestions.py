"""What to change in an order of nodes that visits some of them not once."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.problems.routing.travel import Travel

SHOWN = 10
"""How many repair suggestions are told at most."""


def permutation_suggestions(travel: Travel, order: Array, size: int) -> list[str]:
    """Return which visits to drop, and where to put in what is missing at the least extra length."""
    inside = order[(order >= 0) & (order < size)]
    told = [f"take node {node} out at position {place}." for place, node in enumerate(order) if not 0 <= node < size]
    _, firsts = np.unique(inside, return_index=True)
    for place in np.setdiff1d(np.arange(len(inside)), firsts):
        told.append(f"take the repeated visit of node {inside[place]} out, after node {inside[place - 1]}.")
    kept = inside[np.sort(firsts)]
    for node in np.setdiff1d(np.arange(size), kept):
        if len(kept) < 2:
            told.append(f"put node {node} in.")
            continue
        before, after, extra = cheapest_gap(travel, kept, np.roll(kept, -1), int(node))
        told.append(f"put node {node} in between nodes {before} and {after}, where it adds {extra:g}.")
    return told[:SHOWN]


def cheapest_gap(travel: Travel, tails: Array, heads: Array, node: int) -> tuple[int, int, float]:
    """Return the nodes between which another one adds least, and how much.

    Parameters
    ----------
    travel
        The distances.
    tails, heads
        The two nodes [G] of each gap.
    node
        The node to put in.
    """
    own = np.full(len(tails), node)
    extra = travel.between(tails, own) + travel.between(own, heads) - travel.between(tails, heads)
    best = int(np.argmin(extra))
    return int(tails[best]), int(heads[best]), float(extra[best])
