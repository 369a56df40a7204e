"""Fixed edges of a symmetric tour: checked, missed in tours, and turned into distances that no tour gains by leaving out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, InstanceError
from redwood.problem import frozen
from redwood.problems.routing.sequence import SHOWN
from redwood.problems.routing.travel import Metric, Travel

LARGEST = 5000
"""Most nodes whose distances are written down as a matrix (200 MB)."""


def check_fixed_edges(values: Any, size: int) -> Array:
    """Return fixed edges [E, 2], read-only int64, from pairs of node numbers; none for ``None``.

    Raises
    ------
    InstanceError
        Where they are no pairs of different nodes, come twice, or cannot all be in one tour.
    """
    pairs = node_pairs(values, size, "fixed_edges")
    unordered = np.sort(pairs, axis=1)
    if len(np.unique(unordered, axis=0)) < len(pairs):
        raise InstanceError("fixed_edges holds an edge twice.")
    counts = np.bincount(pairs.ravel(), minlength=size)
    if counts.max(initial=0) > 2:
        node = int(counts.argmax())
        raise InstanceError(f"node {node} has {counts[node]} fixed edges, and a tour has two at each node.")
    for path, closed in chains(pairs, size):
        if closed and len(path) < size:
            raise InstanceError(f"fixed_edges close a cycle of {len(path)} nodes through node {path[0]}, which is no tour.")
    return frozen(pairs, np.int64)


def node_pairs(values: Any, size: int, what: str) -> Array:
    """Return pairs [P, 2] of different nodes from 0 to ``size - 1``; raises `InstanceError` for anything else."""
    if values is None:
        return np.empty((0, 2), dtype=np.int64)
    try:
        pairs = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"{what} is not a list of pairs of nodes: {error}.") from error
    if pairs.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise InstanceError(f"{what} is not a list of pairs of node numbers; its shape is {list(pairs.shape)}.")
    for first, second in pairs.tolist():
        if not (0 <= first < size and 0 <= second < size):
            raise InstanceError(f"{what} names the pair ({first}, {second}), and nodes are 0 to {size - 1}.")
        if first == second:
            raise InstanceError(f"{what} joins node {first} to itself.")
    return pairs.astype(np.int64)


def chains(edges: Array, size: int) -> list[tuple[list[int], bool]]:
    """Return the paths of at least one node that edges join nodes to, each with whether it is a closed cycle."""
    sides: list[list[int]] = [[] for _ in range(size)]
    for first, second in edges.tolist():
        sides[first].append(second)
        sides[second].append(first)
    found: list[tuple[list[int], bool]] = []
    seen = [False] * size
    for begin in sorted(range(size), key=lambda node: len(sides[node]) > 1):  # ends of paths come first
        if seen[begin]:
            continue
        path: list[int] = []
        node = begin
        while not seen[node]:
            seen[node] = True
            path.append(node)
            node = next((other for other in sides[node] if not seen[other]), node)
        found.append((path, len(path) > 2 and begin in sides[path[-1]]))
    return found


def missing_edges(tour: Array, edges: Array) -> list[str]:
    """Return in words which fixed edges a tour of all nodes does not use."""
    following = np.empty(len(tour), dtype=np.int64)
    following[tour] = np.roll(tour, -1)
    gone = edges[(following[edges[:, 0]] != edges[:, 1]) & (following[edges[:, 1]] != edges[:, 0])]
    return [f"tour does not use the edge between {first} and {second}, which is fixed." for first, second in gone[:SHOWN]]


def lifted(travel: Travel, edges: Array) -> Travel:
    """Return distances of which those of all other edges are longer by more than any tour: the best tours keep the edges.

    Raises
    ------
    FitError
        Where there are more than `LARGEST` nodes.
    """
    if travel.size > LARGEST:
        raise FitError(f"{travel.size} nodes are more than the {LARGEST} for which fixed edges are kept, by a matrix.")
    matrix = np.array(travel.full(), dtype=np.float64)
    more = 2.0 ** math.ceil(math.log2(1.0 + travel.size * float(matrix.max(initial=0.0))))
    first, second = edges.T
    raised = matrix + more
    raised[first, second], raised[second, first] = matrix[first, second], matrix[second, first]
    np.fill_diagonal(raised, 0.0)
    return Travel(Metric.EXPLICIT, None, raised)


def nearest_chains(travel: Travel, edges: Array) -> Array:
    """Return a tour [N] that uses all fixed edges: from the end of each path of them to the nearest end of another."""
    paths = {end: path for path, _ in chains(edges, travel.size) for end in (path[0], path[-1])}
    tour = list(paths[0] if 0 in paths else next(iter(paths.values())))
    paths.pop(tour[0])
    paths.pop(tour[-1], None)
    while paths:
        ends = np.fromiter(paths, dtype=np.int64)
        end = int(ends[np.argmin(travel.between(np.full(len(ends), tour[-1]), ends))])
        path = paths.pop(end)
        paths.pop(path[-1] if path[0] == end else path[0], None)
        tour += path if path[0] == end else path[::-1]
    return np.array(tour, dtype=np.int64)
