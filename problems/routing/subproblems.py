"""Parts of tours and paths that a policy decides anew."""

from __future__ import annotations

import itertools

import numpy as np

from redwood.arrays import Array


def random_arcs(tour: Array, size: int, rng: np.random.Generator, two_way: bool) -> list[Array]:
    """Return a closed tour, cut at random places into at least two arcs of about ``size`` nodes between their ends.

    Neighbouring arcs share an end. Where ``two_way``, the tour is turned around half of the time.

    Parameters
    ----------
    tour
        Nodes [N] in order.
    size
        Nodes between the ends of an arc, about.
    rng
        Draws where the tour is cut.
    two_way
        Whether a tour backwards is as good.
    """
    tour = np.roll(tour, -int(rng.integers(len(tour))))
    if two_way and rng.random() < 0.5:
        tour = tour[::-1]
    count = max(2, -(-len(tour) // (size + 1)))
    return _split(np.append(tour, tour[0]), np.linspace(0, len(tour), count + 1).astype(np.int64))


def random_sub_paths(nodes: Array, size: int, rng: np.random.Generator) -> list[Array]:
    """Return an open path, cut at random places into sub-paths of at most ``size`` nodes between their ends.

    Neighbouring sub-paths share an end.
    """
    last = len(nodes) - 1
    first = int(rng.integers(1, size + 2))
    cuts = np.unique(np.concatenate([[0], np.arange(first, last, size + 1), [last]]))
    return _split(nodes, cuts)


def _split(nodes: Array, cuts: Array) -> list[Array]:
    return [nodes[begin : end + 1] for begin, end in itertools.pairwise(cuts)]
