"""What to change in a tour that breaks a rule."""

from __future__ import annotations

import numpy as np

from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, path
from redwood.problems.routing.repair_suggestions import SHOWN
from redwood.problems.routing.travel import path_length


def repair_suggestions(instance: OrienteeringInstance, solution: Tour) -> list[str]:
    """Return how to repair the ends, which repeated visits to drop, and then what to leave out until the budget suffices."""
    told = [f"take node {node} out." for node in solution.tour if not 0 <= node < instance.travel.size]
    nodes = [int(node) for node in path(instance, solution) if 0 <= node < instance.travel.size]
    if not nodes or nodes[0] != instance.start:
        told.append(f"begin at the start {instance.start}.")
        nodes.insert(0, instance.start)
    if nodes[-1] != instance.end or len(nodes) == 1:
        told.append(f"end at the end {instance.end}.")
        nodes.append(instance.end)
    inner: list[int] = []
    for node in nodes[1:-1]:
        if node in inner or node in (instance.start, instance.end):
            told.append(f"take the repeated visit of node {node} out.")
        else:
            inner.append(node)
    kept = np.array([instance.start, *inner, instance.end])
    while len(kept) > 2 and path_length(instance.travel, kept) > instance.limit:
        between = instance.travel.between
        saved = between(kept[:-2], kept[1:-1]) + between(kept[1:-1], kept[2:]) - between(kept[:-2], kept[2:])
        worst = 1 + int(np.argmin(instance.prizes[kept[1:-1]] / np.maximum(saved, 1e-12)))
        prize = instance.prizes[kept[worst]]
        told.append(f"leave node {kept[worst]} out (prize {prize:g}), which saves {saved[worst - 1]:g}.")
        kept = np.delete(kept, worst)
    return told[:SHOWN]
