"""Compiled Or-3opt for directed tours: exchanges of adjacent segments, none of which is reversed.

References
----------
Kanellakis, Papadimitriou (1980), Local search for the asymmetric traveling salesman problem, doi:10.1287/opre.28.5.1086,
for exchanges without reversal and the double bridge; Bentley (1992), doi:10.1287/ijoc.4.4.387, for neighbour lists and
don't-look bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below

GAIN_SHARE = 1e-13
"""An exchange pays where it gains more than this share of the edges that it takes out: its gain rounds to less than 2e-15 of
them, so every exchange made shortens the tour truly, and no sequence of exchanges can come back to a tour."""
LOGGED = 4096
"""Exchanges that one descent can log, and so make."""


class Ground(NamedTuple):
    """What does not change while a tour does.

    Attributes
    ----------
    matrix
        Costs [N, N].
    heads, tails
        The K cheapest nodes to go to from each node, and to come from to it, [N, K], cheapest first.
    """

    matrix: Array
    heads: Array
    tails: Array


class Draft(NamedTuple):
    """A tour that changes, and room for the work on it.

    Attributes
    ----------
    order, position
        The tour [N], and where each node stands in it, [N].
    buffer
        Room [N].
    stack, queued
        Nodes to look at, in room [N], and which nodes are among them, [N].
    log
        Exchanges as `swap` takes them: place, first and second length, in room [`LOGGED`, 3].
    """

    order: Array
    position: Array
    buffer: Array
    stack: Array
    queued: Array
    log: Array


@kernel
def make_draft(order: Array) -> Draft:
    """Return a draft that changes a tour [N] in place, with an empty stack."""
    size = len(order)
    position = np.empty(size, np.int64)
    for at in range(size):
        position[order[at]] = at
    buffer, stack, log = np.empty(size, np.int64), np.empty(size, np.int64), np.empty((LOGGED, 3), np.int64)
    return Draft(order, position, buffer, stack, np.zeros(size, np.bool_), log)


@kernel
def descend(ground: Ground, order: Array) -> float:
    """Improve a tour [N] by up to `LOGGED` exchanges and return the gain, which is 0 at a local optimum."""
    draft = make_draft(order)
    draft.stack[:], draft.queued[:] = order[::-1], True
    gained, _ = descend_from(ground, draft, len(order), 0)
    return gained


@kernel(_nrt=False)
def swap(draft: Draft, start: int, first: int, second: int) -> None:
    """Exchange the ``first`` nodes from place ``start`` on with the ``second`` nodes behind them (around the end).

    Parameters
    ----------
    draft
        The tour; changes.
    start
        Place of the first of the nodes.
    first, second
        How many nodes each of the two segments has, together N or fewer.
    """
    order, position, buffer = draft.order, draft.position, draft.buffer
    size = len(order)
    for k in range(first + second):
        at = start + k
        buffer[k] = order[at - size if at >= size else at]
    for k in range(first + second):
        at = start + k
        at = at - size if at >= size else at
        node = buffer[k + first if k < second else k - second]
        order[at] = node
        position[node] = at


@kernel(_nrt=False)
def bridge(ground: Ground, draft: Draft, random: RandomState, window: int) -> tuple[float, int, int]:
    """Turn three consecutive segments B C D into D C B; return the change in length, log entries and stack height.

    Parameters
    ----------
    ground, draft
        The costs, and the tour with an empty stack and log; changes.
    random
        The generator's state [2].
    window
        Nodes of a segment, at most.
    """
    matrix, order, log, stack, queued = ground.matrix, draft.order, draft.log, draft.stack, draft.queued
    size = len(order)
    most = min(window, (size - 1) // 3)
    b = 1 + random_below(random, most)
    c = 1 + random_below(random, most)
    d = 1 + random_below(random, most)
    start = random_below(random, size)
    a1, b0 = order[start - 1], order[start]
    b1, c0 = order[(start + b - 1) % size], order[(start + b) % size]
    c1, d0 = order[(start + b + c - 1) % size], order[(start + b + c) % size]
    d1, a0 = order[(start + b + c + d - 1) % size], order[(start + b + c + d) % size]
    change = matrix[a1, d0] + matrix[d1, c0] + matrix[c1, b0] + matrix[b1, a0]
    change -= matrix[a1, b0] + matrix[b1, c0] + matrix[c1, d0] + matrix[d1, a0]
    swap(draft, start, b, c + d)
    swap(draft, start, c, d)
    log[0, 0], log[0, 1], log[0, 2] = start, b, c + d
    log[1, 0], log[1, 1], log[1, 2] = start, c, d
    waiting = 0
    for node in (a1, b0, b1, c0, c1, d0, d1, a0):
        if not queued[node]:
            queued[node] = True
            stack[waiting] = node
            waiting += 1
    return change, 2, waiting


@kernel(_nrt=False)
def descend_from(ground: Ground, draft: Draft, waiting: int, logged: int) -> tuple[float, int]:
    """Improve around the waiting nodes until none helps or the log is full; return the gain and the entries logged.

    Parameters
    ----------
    ground, draft
        The costs, and the tour; changes.
    waiting
        Height of the stack.
    logged
        Entries of the log.
    """
    order, log, stack, queued = draft.order, draft.log, draft.stack, draft.queued
    size = len(order)
    gained = 0.0
    while waiting > 0:  # each round takes a node off the stack, and only an exchange, which is logged, puts nodes on it
        waiting -= 1
        node = stack[waiting]
        queued[node] = False
        if logged == len(log):
            continue
        gain, i, first, second = _best_exchange(ground, draft, node)
        if gain <= 0.0:
            continue
        gained += gain
        begin = i + 1
        last = begin + first + second
        for at in (i, begin, i + first, begin + first, last - 1, last):
            other = order[at % size]
            if not queued[other]:
                queued[other] = True
                stack[waiting] = other
                waiting += 1
        third = size - first - second
        if third < first or third < second:  # exchange the two shorter ones of the three segments: the same cycle
            if first >= second:
                begin, first, second = begin + first, second, third
            else:
                begin, first, second = begin + first + second, third, first
        begin %= size
        swap(draft, begin, first, second)
        log[logged, 0], log[logged, 1], log[logged, 2] = begin, first, second
        logged += 1
    return gained, logged


@kernel(_nrt=False)
def _best_exchange(ground: Ground, draft: Draft, node: int) -> tuple[float, int, int, int]:
    """Return the best exchange with a new edge out of or into a node.

    The tour a -> b .. c -> d .. e -> f becomes a -> d .. e -> b .. c -> f. Returned are the gain (0 for none), the place of
    a, and the numbers of nodes b .. c and d .. e.
    """
    best_gain, best_i, best_first, best_second = _leave(ground, draft, node)
    gain, i, first, second = _arrive(ground, draft, node)
    if gain > best_gain:
        return gain, i, first, second
    return best_gain, best_i, best_first, best_second


@kernel(_nrt=False)
def _leave(ground: Ground, draft: Draft, a: int) -> tuple[float, int, int, int]:
    """Look for a new edge a -> d, then for the best e of e -> b or f of c -> f."""
    matrix, heads, tails, order, position = ground.matrix, ground.heads, ground.tails, draft.order, draft.position
    size = len(order)
    i = position[a]
    b = order[i + 1 - size]
    freed = matrix[a, b]
    best, best_first, best_second = 0.0, 0, 0
    for k in range(heads.shape[1]):
        d = heads[a, k]
        if matrix[a, d] >= freed:
            break
        to_d = position[d] - i - 1
        to_d = to_d + size if to_d < 0 else to_d
        c = order[position[d] - 1]
        open_gain = freed - matrix[a, d] + matrix[c, d]
        for m in range(tails.shape[1]):
            e = tails[b, m]
            if matrix[e, b] >= open_gain:
                break
            to_e = position[e] - i - 1
            to_e = to_e + size if to_e < 0 else to_e
            if to_d <= to_e < size - 1:
                f = order[position[e] + 1 - size]
                gain = open_gain - matrix[e, b] + matrix[e, f] - matrix[c, f]
                if gain > best and gain > GAIN_SHARE * (freed + matrix[c, d] + matrix[e, f]):
                    best, best_first, best_second = gain, to_d, to_e - to_d + 1
        for m in range(heads.shape[1]):
            f = heads[c, m]
            if matrix[c, f] >= open_gain:
                break
            to_e = position[f] - i - 2
            to_e = to_e + size if to_e < 0 else to_e
            if to_d <= to_e < size - 1:
                e = order[position[f] - 1]
                gain = open_gain - matrix[c, f] + matrix[e, f] - matrix[e, b]
                if gain > best and gain > GAIN_SHARE * (freed + matrix[c, d] + matrix[e, f]):
                    best, best_first, best_second = gain, to_d, to_e - to_d + 1
    return best if best_first > 0 else 0.0, i, best_first, best_second


@kernel(_nrt=False)
def _arrive(ground: Ground, draft: Draft, b: int) -> tuple[float, int, int, int]:
    """Look for a new edge e -> b, then for the best c of c -> f or d of a -> d."""
    matrix, heads, tails, order, position = ground.matrix, ground.heads, ground.tails, draft.order, draft.position
    size = len(order)
    i = position[b] - 1
    i = i + size if i < 0 else i
    a = order[i]
    freed = matrix[a, b]
    best, best_first, best_second = 0.0, 0, 0
    for k in range(tails.shape[1]):
        e = tails[b, k]
        if matrix[e, b] >= freed:
            break
        to_e = position[e] - i - 1
        to_e = to_e + size if to_e < 0 else to_e
        f = order[position[e] + 1 - size]
        open_gain = freed - matrix[e, b] + matrix[e, f]
        for m in range(tails.shape[1]):
            c = tails[f, m]
            if matrix[c, f] >= open_gain:
                break
            to_d = position[c] - i
            to_d = to_d + size if to_d < 0 else to_d
            if 1 <= to_d <= to_e:
                d = order[position[c] + 1 - size]
                gain = open_gain - matrix[c, f] + matrix[c, d] - matrix[a, d]
                if gain > best and gain > GAIN_SHARE * (freed + matrix[c, d] + matrix[e, f]):
                    best, best_first, best_second = gain, to_d, to_e - to_d + 1
        for m in range(heads.shape[1]):
            d = heads[a, m]
            if matrix[a, d] >= open_gain:
                break
            to_d = position[d] - i - 1
            to_d = to_d + size if to_d < 0 else to_d
            if 1 <= to_d <= to_e:
                c = order[position[d] - 1]
                gain = open_gain - matrix[a, d] + matrix[c, d] - matrix[c, f]
                if gain > best and gain > GAIN_SHARE * (freed + matrix[c, d] + matrix[e, f]):
                    best, best_first, best_second = gain, to_d, to_e - to_d + 1
    return best if best_first > 0 else 0.0, i, best_first, best_second
