"""Count vectors that no other one exceeds, and the best actions that such vectors allow, many at a time."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def keep_undominated(vectors: Array) -> Array:
    """Return the vectors [V, K] that no earlier one is at least as large as everywhere; larger sums come first."""
    kept = np.empty_like(vectors)
    count = 0
    for row in range(len(vectors)):
        dominated = False
        for other in range(count):
            dominated = True
            for place in range(vectors.shape[1]):
                if kept[other, place] < vectors[row, place]:
                    dominated = False
                    break
            if dominated:
                break
        if not dominated:
            kept[count] = vectors[row]
            count += 1
    return kept[:count].copy()


@kernel
def choose_counts(gains: Array, counts: Array, classes: Array) -> Array:
    """Return the best actions [E, J] for gains [E, J] where ``counts`` [V, K] arms of each class may be pulled.

    Of vectors that are worth the same the first, and of arms the first; ``classes`` [J] are those of the arms.
    """
    episodes, arms = gains.shape
    vectors, kinds = counts.shape
    arm_actions = np.zeros((episodes, arms), np.int64)
    reach = np.zeros((kinds, arms + 1))  # worth of the best arms of a class, by their number
    for episode in range(episodes):
        order = np.argsort(-gains[episode], kind="mergesort")
        sizes = np.zeros(kinds, np.int64)
        for arm in order:
            kind = classes[arm]
            sizes[kind] += 1
            reach[kind, sizes[kind]] = reach[kind, sizes[kind] - 1] + max(gains[episode, arm], 0.0)
        best, place = -np.inf, 0
        for vector in range(vectors):
            total = 0.0
            for kind in range(kinds):
                total += reach[kind, counts[vector, kind]]
            if total > best:
                best, place = total, vector
        left = counts[place].copy()
        for arm in order:
            if gains[episode, arm] > 0.0 and left[classes[arm]] > 0:
                arm_actions[episode, arm] = 1
                left[classes[arm]] -= 1
    return arm_actions


@kernel
def beyond_counts(arm_actions: Array, counts: Array, classes: Array) -> Array:
    """Return which of the joint actions [E, J] pull more arms of a class than every vector allows, or are not of 0 and 1."""
    refused = np.ones(len(arm_actions), np.bool_)
    pulled = np.empty(counts.shape[1], np.int64)
    for row in range(len(arm_actions)):
        pulled[:], strange = 0, False
        for arm in range(arm_actions.shape[1]):
            pulled[classes[arm]] += arm_actions[row, arm]
            strange |= arm_actions[row, arm] < 0 or arm_actions[row, arm] > 1
        for vector in range(0 if strange else len(counts)):
            fits = True
            for kind in range(len(pulled)):
                if pulled[kind] > counts[vector, kind]:
                    fits = False
                    break
            if fits:
                refused[row] = False
                break
    return refused
