"""The best closed walk by dynamic programming over the layers that `redwood.problems.cormab.walks` describes.

A layer holds, for each of its states, the greatest worth that ``moves`` moves and at most ``pulls`` pulls collect; cells
[state, moves, pulls] lie one after the other in a buffer of all layers, minus infinity where the moves fit nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.kernels import kernel

Array = np.ndarray[Any, np.dtype[Any]]


@kernel
def offsets_of(layers: Array, budget: int) -> Array:
    """Return where each layer [N] begins in the buffer, and its end, for at most ``budget`` pulls; 0 counts none."""
    found = np.zeros(len(layers) + 1, np.int64)
    for layer in range(len(layers)):
        pulls = min(layers[layer, 3], budget)
        found[layer + 1] = found[layer] + layers[layer, 4] * (layers[layer, 2] + 1) * (pulls + 1)
    return found


@kernel
def _raise(cells: Array, into: int, row: int, count: int, more: float) -> None:
    """Raise so many cells to those of another row and some more; without branches, for the sake of vector instructions."""
    low, high = cells[row : row + count], cells[into : into + count]
    for place in range(count):
        high[place] = max(high[place], low[place] + more)


@kernel
def _fill(
    layer: int, layers: Array, begins: Array, steps: Array, gains: Array, budget: int, offsets: Array, cells: Array
) -> None:
    """Fill the cells of a layer from those of earlier ones."""
    source, other, moves = layers[layer, 0], layers[layer, 1], layers[layer, 2]
    pulls = min(layers[layer, 3], budget)
    width = pulls + 1
    if source < 0:  # a start: nothing, or a node of its own
        gain = max(gains[other], 0.0) if other >= 0 else 0.0
        cells[offsets[layer]] = 0.0 if budget > 0 else gain
        if pulls > 0:
            cells[offsets[layer] + 1] = gain
        return
    cells[offsets[layer] : offsets[layer + 1]] = -np.inf
    most, few = layers[source, 2], min(layers[source, 3], budget)
    for place in range(begins[layer], begins[layer + 1]):
        before = offsets[source] + steps[place, 0] * (most + 1) * (few + 1)
        after = offsets[layer] + steps[place, 1] * (moves + 1) * width
        if not steps[place, 3]:
            made = steps[place, 2]
            if few + 1 == width:  # all moves at once
                _raise(cells, after + made * width, before, (min(most, moves - made) + 1) * width, 0.0)
                continue
            for first in range(min(most, moves - made) + 1):
                row, into = before + first * (few + 1), after + (first + made) * width
                if cells[row] == -np.inf:
                    continue
                _raise(cells, into, row, few + 1, 0.0)
                for pulled in range(few + 1, width):
                    cells[into + pulled] = max(cells[into + pulled], cells[row + few])
            continue
        far, many = layers[other, 2], min(layers[other, 3], budget)
        for first in range(min(most, moves) + 1):
            row = before + first * (few + 1)
            if cells[row] == -np.inf:
                continue
            for second in range(min(far, moves - first) + 1):
                beside, into = offsets[other] + second * (many + 1), after + (first + second) * width
                if cells[beside] == -np.inf:
                    continue
                for also in range(many + 1):
                    _raise(cells, into + also, row, min(few, pulls - also) + 1, cells[beside + also])


@kernel
def _trace(
    moves: int,
    layers: Array,
    begins: Array,
    steps: Array,
    gains: Array,
    budget: int,
    offsets: Array,
    cells: Array,
    levels: Array,
    edges: Array,
) -> None:
    """Write the pulled nodes [J] and how often each edge [M] is walked that the last layer's best value stands for."""
    last = len(layers) - 1
    stack = np.empty((len(layers), 4), np.int64)
    stack[0] = (last, 0, moves, min(layers[last, 3], budget))
    size = 1
    while size:
        size -= 1
        layer, state, made, pulled = stack[size]
        while layers[layer, 0] >= 0:
            source, other = layers[layer, 0], layers[layer, 1]
            pulls, few = min(layers[layer, 3], budget), min(layers[source, 3], budget)
            most = layers[source, 2]
            value = cells[offsets[layer] + (state * (layers[layer, 2] + 1) + made) * (pulls + 1) + pulled]
            found = False
            for place in range(begins[layer], begins[layer + 1]):
                if steps[place, 1] != state:
                    continue
                before = offsets[source] + steps[place, 0] * (most + 1) * (few + 1)
                if not steps[place, 3]:
                    first = made - steps[place, 2]
                    if 0 <= first <= most and cells[before + first * (few + 1) + min(pulled, few)] == value:
                        if steps[place, 2] > 0:
                            edges[other] += steps[place, 2]
                        state, made, pulled, found = steps[place, 0], first, min(pulled, few), True
                        break
                    continue
                far, many = layers[other, 2], min(layers[other, 3], budget)
                for second in range(min(far, made) + 1):
                    first = made - second
                    if first > most or cells[before + first * (few + 1)] == -np.inf:
                        continue
                    for also in range(min(many, pulled) + 1):
                        rest = pulled - also
                        if rest > few:
                            continue
                        beside = cells[offsets[other] + second * (many + 1) + also]
                        if cells[before + first * (few + 1) + rest] + beside == value:
                            stack[size] = (other, 0, second, also)
                            size += 1
                            state, made, pulled, found = steps[place, 0], first, rest, True
                            break
                    if found:
                        break
                if found:
                    break
            layer = source
        node = layers[layer, 1]
        if node >= 0 and gains[node] > 0.0 and (pulled > 0 or budget == 0):
            levels[node] = 1


@kernel
def walk_best(
    layers: Array, begins: Array, steps: Array, gains: Array, budget: int, levels: Array, edges: Array, cells: Array
) -> float:
    """Return the greatest worth of a closed walk, and write its pulled nodes [J] and how often it takes each edge [M].

    With ``budget`` 0 every node of positive gain that the walk visits is pulled, however many there are; else at most as
    many as ``budget``. Of walks that are worth the same the shortest.
    """
    offsets = offsets_of(layers, budget)
    for layer in range(len(layers)):
        _fill(layer, layers, begins, steps, gains, budget, offsets, cells)
    last = len(layers) - 1
    pulls = min(layers[last, 3], budget)
    best, moves = -np.inf, 0
    for made in range(layers[last, 2] + 1):
        value = cells[offsets[last] + made * (pulls + 1) + pulls]
        if value > best:
            best, moves = value, made
    levels[:] = 0
    edges[:] = 0
    _trace(moves, layers, begins, steps, gains, budget, offsets, cells, levels, edges)
    return best


@kernel
def choose_walks(layers: Array, begins: Array, steps: Array, gains: Array, budget: int, edges: int, cells: Array) -> Array:
    """Return the best levels [E, J] within the budget for each of ``gains`` [E, J].

    Pulls are counted only where a walk that is free to pull all that it visits pulls too many.
    """
    levels = np.zeros(gains.shape, np.int64)
    walked = np.zeros(edges, np.int64)
    for row in range(len(gains)):
        walk_best(layers, begins, steps, gains[row], 0, levels[row], walked, cells)
        if levels[row].sum() > budget:
            walk_best(layers, begins, steps, gains[row], budget, levels[row], walked, cells)
    return levels


@kernel
def beyond_walks(layers: Array, begins: Array, steps: Array, levels: Array, budget: int, edges: int, cells: Array) -> Array:
    """Return which of the joint actions [E, J] pull more than the budget, no walk visits, or are not of 0 and 1."""
    refused = np.zeros(len(levels), np.bool_)
    walked, pulled = np.zeros(edges, np.int64), np.zeros(levels.shape[1], np.int64)
    for row in range(len(levels)):
        total, strange = 0, False
        for arm in range(levels.shape[1]):
            total += levels[row, arm]
            strange |= levels[row, arm] < 0 or levels[row, arm] > 1
        refused[row] = strange or total > budget
        if total and not refused[row]:
            refused[row] = walk_best(layers, begins, steps, 1.0 * levels[row], 0, pulled, walked, cells) < total
    return refused
