"""Compiled paths made of trees that collect prizes: each tree is walked in depth, untangled, shortened and filled up.

So every few steps of an ascent give a feasible path, as Lagrangian heuristics do (Beasley 1993, in Modern heuristic
techniques for combinatorial problems, chapter 6). Untangling exchanges two edges at a time; which positions are visited is
never tried in another way.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

PAIRS = 2
"""Numbers that tell of a pair of positions what the paths say."""
PATHS = 5
"""Numbers that tell of a position what the paths say."""
TINY = 1e-6
"""Least detour that a prize is divided by."""


@kernel
def path_of_tree(n: int, lengths: Array, prizes: Array, above: Array, kept: Array, budget: float, path: Array) -> int:
    """Write a path from position 0 to position 1 of at most a length, where there is one, and return how many are on it.

    Parameters
    ----------
    n
        Number of positions.
    lengths, prizes
        Of the pairs [n, n] and of the positions [n].
    above, kept
        The tree: what each position hangs on, [n], position 0 on nothing; and which belong to it. Position 1 is a leaf.
    budget
        Length that the path may have.
    path
        Room [n]. Gets the positions in order.
    """
    count = _walk(n, above, kept, path)
    _untangle(lengths, path[:count])
    length = 0.0
    for k in range(1, count):
        length += lengths[path[k - 1], path[k]]
    count, length = _shorten(count, lengths, prizes, length, budget, path)
    return _fill_up(n, count, lengths, prizes, length, budget, path)


@kernel
def _walk(n: int, above: Array, kept: Array, path: Array) -> int:
    """Write the positions of a tree as a walk in depth meets them, position 1 last; return their number."""
    child = np.full(n, -1, dtype=np.int32)
    sibling = np.full(n, -1, dtype=np.int32)
    leads = np.zeros(n, dtype=np.bool_)
    i = 1
    while i > 0:  # up the tree to its root
        leads[i] = True
        i = above[i]
    for i in range(1, n):
        if kept[i]:
            sibling[i] = child[above[i]]
            child[above[i]] = i
    stack = np.zeros(n, dtype=np.int32)
    top = 1
    count = 0
    while top > 0:  # each position is on the stack once
        top -= 1
        i = stack[top]
        path[count] = i
        count += 1
        for last in (True, False):  # what leads to position 1 waits at the bottom
            c = child[i]
            while c >= 0:  # along a list
                if leads[c] == last:
                    stack[top] = c
                    top += 1
                c = sibling[c]
    return count


@kernel
def _untangle(lengths: Array, path: Array) -> None:
    """Turn sub-paths of a path round while one gets shorter by that; its ends stay."""
    last = len(path) - 1
    better = True
    while better:  # ends: every exchange shortens the path by a share of its edges far above rounding
        better = False
        for a in range(last - 1):
            for b in range(a + 2, last):
                old = lengths[path[a], path[a + 1]] + lengths[path[b], path[b + 1]]
                new = lengths[path[a], path[b]] + lengths[path[a + 1], path[b + 1]]
                if new < old * (1.0 - TINY):
                    path[a + 1 : b + 1] = path[a + 1 : b + 1][::-1].copy()
                    better = True


@kernel
def _shorten(count: int, lengths: Array, prizes: Array, length: float, budget: float, path: Array) -> tuple[int, float]:
    """Take out the positions that bring least by the length they cost until the path fits; return number and length."""
    while length > budget and count > 2:  # one position fewer each time
        worst = math.inf
        where = 1
        saved = 0.0
        for k in range(1, count - 1):
            saving = lengths[path[k - 1], path[k]] + lengths[path[k], path[k + 1]] - lengths[path[k - 1], path[k + 1]]
            rate = prizes[path[k]] / max(saving, TINY)
            if rate < worst:
                worst = rate
                where = k
                saved = saving
        length -= saved
        count -= 1
        path[where:count] = path[where + 1 : count + 1].copy()
    return count, length


@kernel
def _fill_up(n: int, count: int, lengths: Array, prizes: Array, length: float, budget: float, path: Array) -> int:
    """Put in the positions that bring most by their detour while one fits; return the number of positions."""
    used = np.zeros(n, dtype=np.bool_)
    for k in range(count):
        used[path[k]] = True
    while True:  # one more position each time, or the end
        best = 0.0
        chosen = -1
        where = 0
        added = 0.0
        for k in range(1, count):
            first = lengths[path[k - 1]]
            second = lengths[path[k]]
            edge = first[path[k]]
            for i in range(2, n):
                detour = first[i] + second[i] - edge
                if used[i] or length + detour > budget:
                    continue
                rate = prizes[i] / max(detour, TINY)
                if rate > best:
                    best = rate
                    chosen = i
                    where = k
                    added = detour
        if chosen < 0:
            return count
        path[where + 1 : count + 1] = path[where:count].copy()
        path[where] = chosen
        used[chosen] = True
        length += added
        count += 1


@kernel
def collected(prizes: Array, path: Array) -> float:
    """Return the prizes of the positions on a path, its ends apart."""
    total = 0.0
    for k in range(1, len(path) - 1):
        total += prizes[path[k]]
    return total


@kernel
def count_path(path: Array, weight: float, joined: Array) -> None:
    """Add a weight to the pairs ``joined`` [n, n] that follow each other on a path, and on its diagonal to the positions."""
    for k in range(len(path)):
        joined[path[k], path[k]] += weight
        if k > 0:
            joined[path[k - 1], path[k]] += weight
            joined[path[k], path[k - 1]] += weight


@kernel
def describe_paths(tokens: int, best: Array, joined: Array, features: Array, edges: Array) -> None:
    """Write what the paths tell of tokens, to ``features`` [T, PATHS], and of pairs, to ``edges`` [T, T, PAIRS].

    ``best`` is the path of the highest prize, of which positions outside of the tokens do not count.

    Parameters
    ----------
    tokens
        How many of the first positions are shown.
    best
        Positions of the path of the highest prize, in order.
    joined
        Share [tokens or more, tokens or more] of the paths that have a pair, or on the diagonal a position.
    features, edges
        Zeros [tokens, PATHS] and [tokens, tokens, PAIRS]. Get the numbers.
    """
    for i in range(tokens):
        for j in range(tokens):
            if i != j:
                edges[i, j, 0] = joined[i, j]
        features[i, 1] = joined[i, i]
        features[i, 2] = joined[0, i] if i != 0 else 0.0
        features[i, 3] = joined[1, i] if i != 1 else 0.0
    for k in range(len(best)):
        i = best[k]
        if i >= tokens:
            continue
        features[i, 0] = 1.0
        if k == 1:
            features[i, 4] = 1.0
        if k > 0 and best[k - 1] < tokens:
            edges[best[k - 1], i, 1] = 1.0
            edges[i, best[k - 1], 1] = 1.0
