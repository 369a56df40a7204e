"""Sub-paths of a path as instances of their own, with their share of the budget and the unvisited nodes nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from redwood.arrays import Array
from redwood.problem import frozen
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, path
from redwood.problems.routing.subproblems import random_sub_paths
from redwood.problems.routing.travel import path_length

LEAST = 1e-9
"""By what share a sub-path of the same prize has to become shorter."""


@dataclass(frozen=True)
class SubPath:
    """A sub-path of a path.

    Attributes
    ----------
    owner
        Which instance of the view it belongs to.
    visits
        Its nodes in order, both ends included.
    nodes
        ``visits``, then the unvisited nodes that belong to it; the place in here is the number in the part.
    budget
        The length it may have.
    """

    owner: int
    visits: Array
    nodes: Array
    budget: float


def draw_sub_paths(
    owner: int, instance: OrienteeringInstance, points: Array, nodes: Array, size: int, rng: np.random.Generator
) -> list[SubPath]:
    """Return a path in sub-paths of at most ``size`` nodes between their ends; an unvisited node belongs to the nearest.

    Parameters
    ----------
    owner
        Which instance of the view the path belongs to.
    instance
        The instance.
    points
        Coordinates [N, 2] of its nodes.
    nodes
        The path's nodes in order, its ends included.
    size
        Nodes between the ends of a sub-path, at most.
    rng
        Draws where the path is cut.
    """
    sub_paths = random_sub_paths(nodes, size, rng)
    spare = max(0.0, instance.budget - path_length(instance.travel, nodes))
    good_draw = int(rng.integers(len(sub_paths)))
    unvisited = np.setdiff1d(np.arange(instance.travel.size), nodes)
    nearest = cKDTree(points[nodes[:-1]]).query(points[unvisited])[1] if len(unvisited) else unvisited
    ends = np.cumsum([len(visits) - 1 for visits in sub_paths])
    home = np.searchsorted(ends, nearest, side="right")
    return [
        SubPath(
            owner,
            visits,
            np.concatenate([visits, unvisited[home == k]]),
            path_length(instance.travel, visits) + (spare if k == good_draw else 0.0),
        )
        for k, visits in enumerate(sub_paths)
    ]


def subproblem_of(instance: OrienteeringInstance, sub_path: SubPath) -> OrienteeringInstance:
    """Return a sub-path as an instance of its own."""
    return OrienteeringInstance(
        travel=instance.travel.part(sub_path.nodes),
        prizes=frozen(instance.prizes[sub_path.nodes]),
        budget=sub_path.budget,
        start=0,
        end=len(sub_path.visits) - 1,
    )


def merge(
    instances: Sequence[OrienteeringInstance],
    solutions: Sequence[Tour],
    sub_paths: Sequence[SubPath],
    found: Sequence[Tour],
) -> list[Tour]:
    """Return the solutions with the sub-paths that earn more, or as much on a shorter way.

    Parameters
    ----------
    instances
        The instances of the view.
    solutions
        One solution of each.
    sub_paths
        The sub-paths of all of them, each with its owner.
    found
        A new path for each sub-path, in the numbers of its part.
    """
    pieces: list[list[Array]] = [[] for _ in solutions]
    changed = [False] * len(solutions)
    for sub_path, answer in zip(sub_paths, found, strict=True):
        instance: Any = instances[sub_path.owner]
        new = sub_path.nodes[answer.tour]
        better = _better(instance, new, sub_path.visits)
        pieces[sub_path.owner].append((new if better else sub_path.visits)[:-1])
        changed[sub_path.owner] |= better
    repaired = []
    for instance, old, own, better in zip(instances, solutions, pieces, changed, strict=True):
        nodes = np.append(np.concatenate(own), path(instance, old)[-1]) if better else None
        fits = nodes is not None and path_length(instance.travel, nodes) <= instance.limit  # tolerances may add up
        repaired.append(Tour(nodes) if fits and nodes is not None else old)
    return repaired


def _better(instance: OrienteeringInstance, new: Array, old: Array) -> bool:
    earned, before = float(instance.prizes[new[1:-1]].sum()), float(instance.prizes[old[1:-1]].sum())
    if not np.isclose(earned, before, rtol=1e-12, atol=0.0):
        return earned > before
    length, until = path_length(instance.travel, new), path_length(instance.travel, old)
    return length < until * (1.0 - LEAST)
