"""The sets of nodes that closed walks of a length visit, as bit masks."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def _place(nodes: Array, masks: Array, node: int, mask: np.uint64) -> np.int64:
    """Return the slot of a state in a hash table with linear probing: its own, or the free one where it belongs."""
    size = len(nodes)
    mixed = (mask ^ (np.uint64(node) * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    slot = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(size - 1))
    while nodes[slot] >= 0 and not (nodes[slot] == node and masks[slot] == mask):  # at least half of the table is free
        slot = (slot + 1) & (size - 1)
    return slot


@kernel
def _doubled(nodes: Array, masks: Array) -> tuple[Array, Array]:
    """Return a hash table of twice the size with the same states."""
    new_nodes = np.full(2 * len(nodes), -1, np.int64)
    new_masks = np.zeros(2 * len(nodes), np.uint64)
    for slot in range(len(nodes)):
        if nodes[slot] >= 0:
            free = _place(new_nodes, new_masks, nodes[slot], masks[slot])
            new_nodes[free] = nodes[slot]
            new_masks[free] = masks[slot]
    return new_nodes, new_masks


@kernel
def enumerate_visits(
    starts: Array, heads: Array, distances: Array, source: int, steps: int, most: int
) -> tuple[Array, Array]:
    """Return the distinct visited sets [V] of closed walks with at most ``steps`` moves, and the fewest moves [V] for each.

    None are returned where there are more than ``most`` states.

    States are expanded in order of the number of moves, so that a state is first met with the fewest moves.

    Parameters
    ----------
    starts, heads
        The neighbours of node i are ``heads[starts[i]:starts[i + 1]]``; 64 nodes at most.
    distances
        Moves [J] from each node to the source.
    source
        The node where walks begin and end.
    steps
        Moves of a walk, at most.
    most
        States (node, visited nodes) for which there is room.
    """
    nodes = np.full(1 << 12, -1, np.int64)
    masks = np.zeros(1 << 12, np.uint64)
    queue_nodes = np.empty(most, np.int64)
    queue_masks = np.empty(most, np.uint64)
    moves = np.zeros(most, np.int64)
    first = np.uint64(1) << np.uint64(source)
    slot = _place(nodes, masks, source, first)
    nodes[slot] = source
    masks[slot] = first
    queue_nodes[0] = source
    queue_masks[0] = first
    done, count = 0, 1
    for step in range(steps):
        layer = count
        while done < layer:  # each round expands one state
            for place in range(starts[queue_nodes[done]], starts[queue_nodes[done] + 1]):
                node = heads[place]
                if distances[node] > steps - step - 1:
                    continue
                mask = queue_masks[done] | (np.uint64(1) << np.uint64(node))
                slot = _place(nodes, masks, node, mask)
                if nodes[slot] >= 0:
                    continue
                if count == most:
                    return np.empty(0, np.uint64), np.empty(0, np.int64)
                nodes[slot] = node
                masks[slot] = mask
                queue_nodes[count] = node
                queue_masks[count] = mask
                moves[count] = step + 1
                count += 1
                if 2 * count > len(nodes):
                    nodes, masks = _doubled(nodes, masks)
            done += 1
    closed = queue_nodes[:count] == source
    return queue_masks[:count][closed], moves[:count][closed]


@kernel
def _bits(mask: np.uint64) -> int:
    """Return how many bits are set."""
    count = 0
    while mask:  # each round clears a bit
        mask &= mask - np.uint64(1)
        count += 1
    return count


@kernel
def _rarest(mask: np.uint64, counts: Array) -> int:
    """Return the bit of a mask that the fewest masks have."""
    rarest = -1
    for bit in range(64):
        if (mask >> np.uint64(bit)) & np.uint64(1) and (rarest < 0 or counts[bit] < counts[rarest]):
            rarest = bit
    return rarest


@kernel
def keep_maximal(masks: Array) -> Array:
    """Return the distinct masks [V], none of them empty, that are subsets of no other one.

    Larger masks come first, so a mask has only to be compared with those kept before it; of these, only the ones that
    hold its rarest bit can contain it, and they are kept side by side.
    """
    counts = np.zeros(64, np.int64)
    sizes = np.empty(len(masks), np.int64)
    for row in range(len(masks)):
        sizes[row] = _bits(masks[row])
        for bit in range(64):
            counts[bit] += np.int64((masks[row] >> np.uint64(bit)) & np.uint64(1))
    begins = np.zeros(65, np.int64)
    begins[1:] = np.cumsum(counts)
    ends = begins[:64].copy()
    holders = np.empty(begins[64], np.uint64)
    kept = np.empty(len(masks), np.uint64)
    total = 0
    for row in np.argsort(-sizes, kind="mergesort"):
        mask = masks[row]
        rarest = _rarest(mask, counts)
        inside = False
        for place in range(begins[rarest], ends[rarest]):
            if (holders[place] & mask) == mask:
                inside = True
                break
        if inside:
            continue
        kept[total] = mask
        total += 1
        for bit in range(64):
            if (mask >> np.uint64(bit)) & np.uint64(1):
                holders[ends[bit]] = mask
                ends[bit] += 1
    return kept[:total].copy()


@kernel
def choose_visits(masks: Array, gains: Array, budget: int) -> Array:
    """Return actions [E, J] that pull, for each of the gains [E, J], the best nodes of the best mask, ``budget`` at most."""
    episodes, arms = gains.shape
    arm_actions = np.zeros((episodes, arms), np.int64)
    for episode in range(episodes):
        order = np.argsort(-gains[episode], kind="mergesort")
        positive = 0
        while positive < arms and gains[episode, order[positive]] > 0:
            positive += 1
        best, best_row = -1.0, 0
        for row in range(len(masks)):
            total, pulled = 0.0, 0
            for place in range(positive):
                if (masks[row] >> np.uint64(order[place])) & np.uint64(1):
                    total += gains[episode, order[place]]
                    pulled += 1
                    if pulled == budget:
                        break
            if total > best:
                best, best_row = total, row
        pulled = 0
        for place in range(positive):
            if pulled < budget and (masks[best_row] >> np.uint64(order[place])) & np.uint64(1):
                arm_actions[episode, order[place]] = 1
                pulled += 1
    return arm_actions
