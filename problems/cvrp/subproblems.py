"""Groups of neighbouring routes as instances of their own, to be routed anew.

References
----------
Luo et al. (2023), arXiv:2310.07985, section 4.3, for re-construction; Li, Yan, Wu (2021), *Learning to delegate*,
arXiv:2107.04139, for groups of routes as sub-problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from redwood.arrays import Array
from redwood.problem import frozen
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.travel import Travel

LEAST = 1e-9
"""By what share a group has to become shorter, so that rounding alone is not taken for it."""
GROWTH = 1.5
"""Customers of a group for each decision that is asked for: routes change only in company."""
MOST = 4
"""Greatest number of routes that a group is made of however many customers they have: of two alone little can change."""
PREFIX = 0.5
"""Share of the groups that begin in the middle of a route, whose first customers stay as they are."""


@dataclass(frozen=True)
class Group:
    """Some routes of a solution.

    Attributes
    ----------
    owner
        Which instance of the view they belong to.
    routes
        Their places in the solution.
    nodes
        The depot and their customers, as the instance numbers them; the place in here is the number in the part.
    prefix
        The first customers of a route, as the part numbers them, which stay; may be empty.
    """

    owner: int
    routes: list[int]
    nodes: Array
    prefix: Array


def draw_groups(owner: int, positions: Array, solution: Routes, size: int, rng: np.random.Generator) -> list[Group]:
    """Return all routes of a solution in groups of about `GROWTH` times ``size`` customers, two to `MOST` routes at least.

    Groups are grown around random routes by how near the customers of others come to theirs.

    Parameters
    ----------
    owner
        Which instance of the view the solution belongs to.
    positions
        Coordinates [N + 1, 2] of the depot and the customers.
    solution
        The routes.
    size
        Decisions that a group is to have, about.
    rng
        Draws the groups.
    """
    routes = [np.array(route) for route in solution.routes]
    open_routes = np.ones(len(routes), dtype=np.bool_)
    groups = []
    while open_routes.any():
        seed = int(rng.choice(np.flatnonzero(open_routes)))
        far = _apart(positions, routes, seed)
        order = [int(r) for r in np.argsort(far, kind="stable") if open_routes[r]]
        served = np.cumsum([len(routes[r]) for r in order])
        least = int(rng.integers(2, MOST + 1))
        chosen = order[: max(least, int(np.searchsorted(served, GROWTH * size, side="right")))]
        open_routes[chosen] = False
        groups.append(_group(owner, chosen, routes, rng))
    return groups


def subproblem_of(instance: CVRPInstance, group: Group) -> CVRPInstance:
    """Return a group as an instance of its own."""
    return CVRPInstance(
        travel=instance.travel.part(group.nodes),
        demands=frozen(instance.demands[group.nodes]),
        capacity=instance.capacity,
    )


def merge(
    instances: Sequence[CVRPInstance], solutions: Sequence[Routes], groups: Sequence[Group], found: Sequence[Routes]
) -> list[Routes]:
    """Return the solutions with the groups that became shorter; a limited fleet gets no more routes than it had.

    Parameters
    ----------
    instances
        The instances of the view.
    solutions
        One solution of each.
    groups
        The groups of all of them, each with its owner.
    found
        New routes of each group, in the numbers of its part.
    """
    routes: list[dict[int, list[int]]] = [dict(enumerate(solution.routes)) for solution in solutions]
    extra: list[list[list[int]]] = [[] for _ in solutions]
    changed = [False] * len(solutions)
    for group, answer in zip(groups, found, strict=True):
        owner, instance = group.owner, instances[group.owner]
        old = [solutions[owner].routes[r] for r in group.routes]
        new = [group.nodes[route].tolist() for route in answer.routes]
        fits = instance.vehicles is None or len(new) <= len(old)
        before = routes_length(instance.travel, old)
        if fits and routes_length(instance.travel, new) < before * (1.0 - LEAST):
            for r in group.routes:
                del routes[owner][r]
            extra[owner] += new
            changed[owner] = True
    repaired = zip(changed, solutions, routes, extra, strict=True)
    return [Routes([*kept.values(), *new]) if better else old for better, old, kept, new in repaired]


def routes_length(travel: Travel, routes: Sequence[Sequence[int]]) -> float:
    """Return the length of routes, from the depot and back to it."""
    walk = np.concatenate([[0], *[[*route, 0] for route in routes]]).astype(np.int64)
    return float(travel.between(walk[:-1], walk[1:]).sum())


def _apart(positions: Array, routes: Sequence[Array], seed: int) -> Array:
    """Return the mean distance of each route's customers from the nearest customer of the route ``seed``."""
    nearest = cKDTree(positions[routes[seed]]).query(positions[np.concatenate(routes)])[0]
    begins = np.cumsum([0, *map(len, routes[:-1])])
    return np.asarray(np.add.reduceat(nearest, begins) / [len(route) for route in routes])


def _group(owner: int, chosen: list[int], routes: Sequence[Array], rng: np.random.Generator) -> Group:
    """Return a group whose first route, in a random direction, may keep its first customers."""
    nodes = np.concatenate([[0], *[routes[r] for r in chosen]]).astype(np.int64)
    first = 1 + np.arange(len(routes[chosen[0]]))
    if rng.random() < 0.5:
        first = first[::-1]
    kept = int(rng.integers(1, len(first) + 1)) if rng.random() < PREFIX else 0
    return Group(owner, chosen, nodes, first[:kept])
