"""Distance matrices from networkx graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError


def graph_matrix(graph: Any, weight: str = "weight") -> Array:
    """Return the distances [N, N] on the edges of a complete networkx graph; node i is the i-th of ``graph.nodes``.

    Parameters
    ----------
    graph
        A networkx graph without parallel edges, undirected or directed, with an edge between every two nodes.
    weight
        The edge attribute that holds the distance.

    Raises
    ------
    InstanceError
        Where it is no graph, an edge is missing, or an edge has no such attribute or no number in it.
    """
    if not hasattr(graph, "nodes") or not hasattr(graph, "edges"):
        raise InstanceError(f"graph= takes a networkx graph, not {type(graph).__name__}.")
    if graph.is_multigraph():
        raise InstanceError("the graph has parallel edges; give a networkx.Graph or DiGraph with the one distance each.")
    numbers = {node: i for i, node in enumerate(graph.nodes)}
    matrix = np.full((len(numbers), len(numbers)), np.nan)
    np.fill_diagonal(matrix, 0.0)
    for tail, head, value in graph.edges(data=weight):
        if tail == head:
            continue
        if value is None:
            raise InstanceError(f"the edge from node {tail!r} to {head!r} has no attribute {weight!r}.")
        try:
            matrix[numbers[tail], numbers[head]] = value
        except (TypeError, ValueError) as error:
            raise InstanceError(f"{weight} {value!r} of the edge from node {tail!r} to {head!r} is no number.") from error
        if np.isnan(matrix[numbers[tail], numbers[head]]):
            raise InstanceError(f"{weight} of the edge from node {tail!r} to {head!r} is not a number (NaN).")
        if not graph.is_directed():
            matrix[numbers[head], numbers[tail]] = value
    return _complete(matrix, list(graph.nodes))


def _complete(matrix: Array, nodes: list[Any]) -> Array:
    missing = np.argwhere(np.isnan(matrix))
    if len(missing):
        tail, head = missing[0]
        raise InstanceError(
            f"the graph has no edge from node {nodes[tail]!r} to {nodes[head]!r}; a complete graph is needed "
            "(shortest-path distances can fill it up: networkx.floyd_warshall_numpy)."
        )
    return matrix
