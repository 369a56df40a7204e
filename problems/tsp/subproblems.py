"""Regions of a tour to be decided anew: what lies around a centre is freed, what leaves it stays as fixed links.

References
----------
Destroying by distance rather than by sequence: arXiv:2505.08735. Re-construction of parts: Luo et al. (2023),
arXiv:2310.07985, section 4.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.travel import Travel, path_length

LEAST = 1e-12
"""By what share a region has to become shorter, so that rounding alone is not taken for it."""
SHARE = 0.5
"""Share of the nodes that all regions of a tour free together."""


@dataclass(frozen=True)
class Region:
    """A path through freed nodes and across fixed segments, which enter by their two ends only.

    Attributes
    ----------
    owner
        Which instance of the view it belongs to.
    nodes
        Nodes in the order of the tour, the first and the last one being the ends of the segment outside.
    link
        For each, the place of the other end of its segment, or -1.
    """

    owner: int
    nodes: Array
    link: Array


def least_nodes(size: int) -> int:
    """Return how many nodes a tour needs for regions of ``size``: then some segment outside has two ends."""
    return 2 * size + 2


def draw_regions(owner: int, tour: Array, positions: Array, size: int, rng: np.random.Generator) -> list[Region]:
    """Return regions of ``size`` freed nodes or a few less, far enough from each other to be decided at once.

    Centres are drawn in proportion to how much longer the two edges of a node are than its two shortest possible.

    Parameters
    ----------
    owner
        Which instance of the view the tour belongs to.
    tour
        Nodes [N] in order.
    positions
        Coordinates [N, 2] of the nodes.
    size
        Nodes that a region frees.
    rng
        Draws the centres.
    """
    N = len(tour)
    tree = cKDTree(positions)
    place = np.empty(N, dtype=np.int64)
    place[tour] = np.arange(N)
    steps = np.linalg.norm(positions[tour] - positions[np.roll(tour, -1)], axis=1)
    excess = (steps + np.roll(steps, 1))[place] - np.asarray(tree.query(positions, k=3)[0])[:, 1:].sum(axis=1)
    weights = np.maximum(excess, 0.0) + 1e-3 * steps.mean() + 1e-12
    used = np.zeros(N, dtype=np.bool_)
    regions = []
    for _ in range(max(1, int(SHARE * N / size))):
        probabilities = np.where(used, 0.0, weights)
        if not probabilities.any():
            break
        centre = int(rng.choice(N, p=probabilities / probabilities.sum()))
        around = np.atleast_1d(tree.query(positions[centre], k=size)[1])
        freed = place[around[~used[around]]]
        regions.append(_region(owner, tour, np.sort(freed)))
        for near in (freed - 1, freed, (freed + 1) % N):
            used[tour[near]] = True
    return regions


def merge(travel: Travel, tour: Array, regions: Sequence[Region], orders: Sequence[Array]) -> Array | None:
    """Return the tour with every region that became shorter and leaves it in one piece, or ``None`` for no change.

    Parameters
    ----------
    travel
        The distances.
    tour
        Nodes [N] in order, as they were.
    regions
        The regions of the tour.
    orders
        The new order of each region's nodes, as places in `Region.nodes`.
    """
    adjacent = np.stack([np.roll(tour, 1), np.roll(tour, -1)], axis=1)[np.argsort(tour)]
    best: Array | None = None
    for region, order in zip(regions, orders, strict=True):
        fresh = region.nodes[order]
        if path_length(travel, fresh) >= path_length(travel, region.nodes) * (1.0 - LEAST):
            continue
        changed = adjacent.copy()
        found = np.empty(len(tour), dtype=np.int64)
        replace_edges(changed, _free_edges(region, np.arange(len(region.nodes))), _free_edges(region, order))
        if walk(changed, found):
            adjacent, best = changed, found
    return best


def _region(owner: int, tour: Array, freed: Array) -> Region:
    """Return the region of the freed places [F] of a tour, in rising order."""
    N = len(tour)
    gaps = (np.roll(freed, -1) - freed - 1) % N if len(freed) > 1 else np.array([N - 1])
    first = (int(gaps.argmax()) + 1) % len(freed)  # the first freed place after the segment outside
    places: list[int] = [int(freed[first] - 1) % N]
    link: list[int] = [-1]
    for k in range(len(freed)):
        at, gap = int(freed[(first + k) % len(freed)]), int(gaps[(first + k) % len(freed)])
        places.append(at)
        link.append(-1)
        ends = [at + 1] if gap else []
        if gap > 1 and k < len(freed) - 1:
            ends.append(at + gap)
            link += [len(places) + 1, len(places)]
        else:
            link += [-1] * len(ends)
        places += [end % N for end in ends]
    return Region(owner, tour[np.array(places)], np.array(link, dtype=np.int32))


def _free_edges(region: Region, order: Array) -> Array:
    """Return the edges [E, 2] of a path that are not links."""
    free = region.link[order[:-1]] != order[1:]
    path = region.nodes[order]
    return np.stack([path[:-1][free], path[1:][free]], axis=1)


@kernel
def replace_edges(adjacent: Any, old: Any, fresh: Any) -> None:
    """Take edges ``old`` [E, 2] out of the neighbours [N, 2] of each node, and put ``fresh`` [E, 2] in."""
    for edges, taken in ((old, True), (fresh, False)):
        for k in range(len(edges)):
            for side in range(2):
                a = edges[k, side]
                b = edges[k, 1 - side]
                slot = 0 if adjacent[a, 0] == (b if taken else -1) else 1
                adjacent[a, slot] = -1 if taken else b


@kernel
def walk(adjacent: Any, tour: Any) -> bool:
    """Write the cycle through node 0 to ``tour`` [N]; return whether it has all nodes."""
    before = -1
    node = 0
    for k in range(len(tour)):
        tour[k] = node
        ahead = adjacent[node, 1] if adjacent[node, 0] == before else adjacent[node, 0]
        before = node
        node = ahead
        if node == 0:
            return bool(k == len(tour) - 1)
    return False
