"""Who calls whom: arms given to workers one by one, over workers that are taken if need be."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def assign_best(gains: Array, classes: Array, compatible: Array, capacities: Array) -> Array:
    """Return the best actions [E, J] for gains [E, J]; the sets of arms that workers can serve are a matroid.

    Arms are taken by gain, each if the workers can serve it beside those taken before. A class of arms that
    cannot be served once cannot be served later. ``classes`` [J] say which row of ``compatible`` [K, W] an arm has.

    Parameters
    ----------
    gains
        What action 1 gains over action 0 in each episode and arm [E, J], in units of reward.
    classes
        Which row of ``compatible`` each arm has [J].
    compatible
        Whether a worker may serve the arms of a class [K, W].
    capacities
        The most arms that each worker serves in a step [W].
    """
    episodes, arms = gains.shape
    kinds, workers = compatible.shape
    arm_actions = np.zeros((episodes, arms), np.int64)
    for episode in range(episodes):
        served = np.zeros((kinds, workers), np.int64)
        spare = capacities.copy()
        closed = np.zeros(kinds, np.bool_)
        for arm in np.argsort(-gains[episode], kind="mergesort"):
            if gains[episode, arm] <= 0.0:
                break
            kind = classes[arm]
            if not closed[kind]:
                if _served_one_more(kind, compatible, served, spare):
                    arm_actions[episode, arm] = 1
                else:
                    closed[kind] = True
    return arm_actions


@kernel
def unserved(arm_actions: Array, classes: Array, compatible: Array, capacities: Array) -> Array:
    """Return which of the joint actions [E, J] the workers cannot serve, or are not of 0 and 1.

    Parameters
    ----------
    arm_actions
        Joint actions [E, J]: 1 where an arm is to be served, else 0.
    classes
        Which row of ``compatible`` each arm has [J].
    compatible
        Whether a worker may serve the arms of a class [K, W].
    capacities
        The most arms that each worker serves in a step [W].
    """
    refused = np.zeros(len(arm_actions), np.bool_)
    for row in range(len(arm_actions)):
        refused[row] = assign_workers(arm_actions[row], classes, compatible, capacities)[0, 0] < 0
    return refused


@kernel
def assign_workers(arm_actions: Array, classes: Array, compatible: Array, capacities: Array) -> Array:
    """Return how many arms [K, W] of each class each worker serves for actions [J]; -1 first where that is impossible.

    Parameters
    ----------
    arm_actions
        A joint action [J]: 1 where an arm is to be served, else 0.
    classes
        Which row of ``compatible`` each arm has [J].
    compatible
        Whether a worker may serve the arms of a class [K, W].
    capacities
        The most arms that each worker serves in a step [W].
    """
    served = np.zeros(compatible.shape, np.int64)
    spare = capacities.copy()
    for arm in range(len(arm_actions)):
        strange = arm_actions[arm] < 0 or arm_actions[arm] > 1
        if strange or (arm_actions[arm] == 1 and not _served_one_more(classes[arm], compatible, served, spare)):
            served[0, 0] = -1
            break
    return served


@kernel
def _served_one_more(start: int, compatible: Array, served: Array, spare: Array) -> bool:
    """Serve one more arm of a class, moving others to other workers where necessary; return whether that was possible.

    A breadth-first search goes from classes to workers that may serve them, and from a full worker to the classes it serves.
    """
    kinds, workers = compatible.shape
    from_kind = np.full(workers, -1, np.int64)  # the class that would take a worker
    from_worker = np.full(kinds, -2, np.int64)  # the worker that a class would give up; -2 for classes not reached
    queue = np.empty(kinds, np.int64)
    queue[0], from_worker[start] = start, -1
    done, count = 0, 1
    while done < count:
        kind = queue[done]
        done += 1
        for worker in range(workers):
            if not compatible[kind, worker] or from_kind[worker] >= 0:
                continue
            from_kind[worker] = kind
            if spare[worker] > 0:
                spare[worker] -= 1
                while worker >= 0:
                    taker = from_kind[worker]
                    served[taker, worker] += 1
                    worker = from_worker[taker]
                    if worker >= 0:
                        served[taker, worker] -= 1
                return True
            for other in range(kinds):
                if served[other, worker] > 0 and from_worker[other] == -2:
                    from_worker[other] = worker
                    queue[count] = other
                    count += 1
    return False
