"""The best closed walk by dynamic programming over the layers that `redwood.problems.cormab.closed_walks` describes.

A layer holds, for each of its states, the greatest value that ``moves`` moves and ``pulls`` pulls collect; cells [state,
moves, pulls] lie one after the other in a buffer of all layers, a state's from its fewest to its most moves. What is worth
no more than fewer of both may be left out, as minus infinity: the best walk with the fewest moves and, of these, the fewest
pulls is made of none of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.cormab.budget_kernels import over_budget


class Steps(NamedTuple):
    """The program: ``layers``, ``begins`` and ``steps`` of `ClosedWalkProgram`."""

    layers: Array
    begins: Array
    steps: Array


class Table(NamedTuple):
    """What a decision fills.

    Attributes
    ----------
    gains
        Gain [J] of pulling each node.
    budget
        Most pulls; 0 where they are not counted.
    offsets
        Where each layer begins in the buffer, and its end, [N + 1].
    cells
        The buffer of all layers.
    kept, coefficients
        Room for the moves and pulls [K, 2] of the entries of one table, by rising moves, and for their values [K].
    """

    gains: Array
    budget: int
    offsets: Array
    cells: Array
    kept: Array
    coefficients: Array


@kernel
def offsets_of(layers: Array, budget: int) -> Array:
    """Return where each layer [N] begins in the buffer, and its end, for at most ``budget`` pulls; 0 counts none."""
    found = np.zeros(len(layers) + 1, np.int64)
    for layer in range(len(layers)):
        pulls = min(layers[layer, 3], budget)
        found[layer + 1] = found[layer] + layers[layer, 4] * (pulls + 1)
    return found


@kernel
def _raise(cells: Array, into: int, row: int, count: int, more: float) -> None:
    """Raise so many cells to those of another row and some more; without branches, for the sake of vector instructions."""
    low, high = cells[row : row + count], cells[into : into + count]
    for place in range(count):
        high[place] = max(high[place], low[place] + more)


@kernel
def _keep_useful(table: Table, start: int, far: int, many: int) -> int:
    """Keep the entries that are worth more than no more moves and pulls; return how many.

    They are those of ``far`` moves and ``many`` pulls that begin at a cell.
    """
    cells, kept, coefficients = table.cells, table.kept, table.coefficients
    best = np.full(many + 1, -np.inf)
    count = 0
    for moves in range(far + 1):
        fewer = -np.inf
        for pulls in range(many + 1):
            value = cells[start + moves * (many + 1) + pulls]
            if value > max(best[pulls], fewer):
                kept[count, 0], kept[count, 1] = moves, pulls
                coefficients[count] = value
                count += 1
            fewer = max(fewer, value)
            best[pulls] = max(best[pulls], fewer)
    return count


@kernel
def _join(table: Table, step: Array, before: int, few: int, after: int, pulls: int, useful: int) -> None:
    """Raise the cells of the state after a step to those of the state before and one of the ``useful`` entries kept.

    The tables of both states begin at the cells ``before`` and ``after``, at 0 moves; the former has at most ``few`` pulls,
    the latter ``pulls``. Only what is worth more than no more of both is joined.
    """
    cells, kept, coefficients = table.cells, table.kept, table.coefficients
    fewest, most, farthest = step[6], step[7], step[8]
    best = np.full(few + 1, -np.inf)
    for first in range(fewest, most + 1):
        fewer = -np.inf
        for pulled in range(few + 1):
            value = cells[before + first * (few + 1) + pulled]
            fewer = max(fewer, best[pulled])
            if value > fewer:
                fewer = value
                for number in range(useful):
                    second, also = kept[number]
                    if first + second > farthest:
                        break
                    if pulled + also <= pulls:
                        into = after + (first + second) * (pulls + 1) + pulled + also
                        cells[into] = max(cells[into], value + coefficients[number])
            best[pulled] = fewer


@kernel
def _fill(program: Steps, table: Table, layer: int) -> None:
    """Fill the cells of a layer from those of earlier ones."""
    layers, begins, steps = program.layers, program.begins, program.steps
    gains, budget, offsets, cells = table.gains, table.budget, table.offsets, table.cells
    source, other = layers[layer, 0], layers[layer, 1]
    pulls = min(layers[layer, 3], budget)
    width = pulls + 1
    if source < 0:  # a start: nothing, or a node of its own
        gain = max(gains[other], 0.0) if other >= 0 else 0.0
        cells[offsets[layer]] = 0.0 if budget > 0 else gain
        if pulls > 0:
            cells[offsets[layer] + 1] = gain
        return
    cells[offsets[layer] : offsets[layer + 1]] = -np.inf
    few = min(layers[source, 3], budget)
    useful = -1
    for place in range(begins[layer], begins[layer + 1]):
        made, fewest, most = steps[place, 2], steps[place, 6], steps[place, 7]
        before = offsets[source] + steps[place, 4] * (few + 1)
        after = offsets[layer] + steps[place, 5] * width
        if not steps[place, 3]:
            if few + 1 == width:  # all moves at once
                _raise(cells, after + (fewest + made) * width, before + fewest * width, (most + 1 - fewest) * width, 0.0)
                continue
            for first in range(fewest, most + 1):
                _raise(cells, after + (first + made) * width, before + first * (few + 1), few + 1, 0.0)
            continue
        if useful < 0:
            far, many = layers[other, 2], min(layers[other, 3], budget)
            useful = _keep_useful(table, offsets[other], far, many)
        _join(table, steps[place], before, few, after, pulls, useful)


@kernel
def _trace(program: Steps, table: Table, moves: int, pulls: int, arm_actions: Array, edges: Array) -> None:
    """Write the pulled nodes [J] and how often each edge [M] is walked that a value of the last layer stands for.

    Both are zeros before; ``moves`` and ``pulls`` are those of the walk.
    """
    layers, begins, steps = program.layers, program.begins, program.steps
    gains, budget, offsets, cells = table.gains, table.budget, table.offsets, table.cells
    last = len(layers) - 1
    stack = np.empty((len(layers), 3), np.int64)
    stack[0] = (last, moves, pulls)
    size = 1
    while size:  # each layer is put on the stack once
        size -= 1
        layer, made, pulled = stack[size]
        state, origin = 0, 0  # of the one state of a table
        while layers[layer, 0] >= 0:  # from layer to earlier layer
            source, other = layers[layer, 0], layers[layer, 1]
            width, few = min(layers[layer, 3], budget) + 1, min(layers[source, 3], budget)
            value = cells[offsets[layer] + (origin + made) * width + pulled]
            found = False
            for place in range(begins[layer], begins[layer + 1]):
                if steps[place, 1] != state:
                    continue
                fewest, most = steps[place, 6], steps[place, 7]
                before = offsets[source] + steps[place, 4] * (few + 1)
                if not steps[place, 3]:
                    first = made - steps[place, 2]
                    if fewest <= first <= most and pulled <= few and cells[before + first * (few + 1) + pulled] == value:
                        if steps[place, 2] > 0:
                            edges[other] += steps[place, 2]
                        state, origin, made, found = steps[place, 0], steps[place, 4], first, True
                        break
                    continue
                far, many = layers[other, 2], min(layers[other, 3], budget)
                for second in range(min(far, made - fewest) + 1):
                    first = made - second
                    if first > most:
                        continue
                    for also in range(min(many, pulled) + 1):
                        rest = pulled - also
                        if rest > few:
                            continue
                        beside = cells[offsets[other] + second * (many + 1) + also]
                        if cells[before + first * (few + 1) + rest] + beside == value:
                            stack[size] = (other, second, also)
                            size += 1
                            state, origin, made = steps[place, 0], steps[place, 4], first
                            pulled, found = rest, True
                            break
                    if found:
                        break
                if found:
                    break
            layer = source
        node = layers[layer, 1]
        if node >= 0 and gains[node] > 0.0 and (pulled > 0 or budget == 0):
            arm_actions[node] = 1


@kernel
def walk_best(program: Steps, gains: Array, budget: int, arm_actions: Array, edges: Array, cells: Array) -> float:
    """Return the greatest value of a closed walk, and write its pulled nodes [J] and how often it takes each edge [M].

    With ``budget`` 0 every node of positive gain that the walk visits is pulled, however many there are; else at most as
    many as ``budget``. Of closed walks that are worth the same the shortest, and of these one with the fewest pulls.

    Parameters
    ----------
    program
        The layers.
    gains
        Gain [J] of pulling each node.
    budget
        Most pulls; 0 where they are not counted.
    arm_actions, edges
        Room [J] and [M]. Get the pulled nodes and the walked edges.
    cells
        Room for all layers, `ClosedWalkProgram.cells`.
    """
    layers = program.layers
    offsets = offsets_of(layers, budget)
    room = (layers[:, 2].max() + 1) * (budget + 1)
    table = Table(gains, budget, offsets, cells, np.empty((room, 2), np.int64), np.empty(room))
    for layer in range(len(layers)):
        _fill(program, table, layer)
    last = len(layers) - 1
    width = min(layers[last, 3], budget) + 1
    best, moves, pulls = -np.inf, 0, 0
    for place in range(offsets[last + 1] - offsets[last]):
        value = cells[offsets[last] + place]
        if value > best:
            best, moves, pulls = value, place // width, place % width
    arm_actions[:] = 0
    edges[:] = 0
    _trace(program, table, moves, pulls, arm_actions, edges)
    return best


@kernel
def choose_closed_walks(program: Steps, gains: Array, budget: int, edges: int, cells: Array) -> Array:
    """Return the best actions [E, J] of at most ``budget`` pulls, 1 or more, for each of ``gains`` [E, J].

    Pulls are counted only where more arms than that would gain.

    Parameters
    ----------
    program
        The layers.
    gains
        Gain [E, J] of pulling each node in each episode.
    budget
        Most pulls, 1 or more.
    edges
        Number of edges M.
    cells
        Room for all layers, `ClosedWalkProgram.cells`.
    """
    arm_actions = np.zeros(gains.shape, np.int64)
    walked = np.zeros(edges, np.int64)
    for row in range(len(gains)):
        counted = budget if (gains[row] > 0.0).sum() > budget else 0
        walk_best(program, gains[row], counted, arm_actions[row], walked, cells)
    return arm_actions


@kernel
def beyond_closed_walks(program: Steps, arm_actions: Array, budget: int, edges: int, cells: Array) -> Array:
    """Return which of the joint actions [E, J] pull more than the budget, no walk visits, or are not of 0 and 1.

    Parameters
    ----------
    program
        The layers.
    arm_actions
        Joint actions [E, J].
    budget
        Most pulls, 1 or more.
    edges
        Number of edges M.
    cells
        Room for all layers where pulls are not counted.
    """
    refused = over_budget(arm_actions, budget)
    walked, pulled = np.zeros(edges, np.int64), np.zeros(arm_actions.shape[1], np.int64)
    for row in range(len(arm_actions)):
        total = arm_actions[row].sum()
        if total and not refused[row]:
            refused[row] = walk_best(program, 1.0 * arm_actions[row], 0, pulled, walked, cells) < total
    return refused
