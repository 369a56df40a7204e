"""Who meets whom in which slot: a flow of two units from each pulled arm, over its workers, to their free slots."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.cormab.budget_kernels import over_budget


@kernel
def assign_meetings(arm_slots: Array, worker_slots: Array, arm_actions: Array) -> Array:
    """Return the slot [J, W] in which each pulled arm meets a worker, -1 where it does not; empty where there is no way.

    Each arm with action 1 gets two different workers, and a worker meets one arm in a slot. Flow is augmented along
    shortest paths, over meetings that are taken if need be, so an empty answer proves that there is no way.
    """
    arms, slots = arm_slots.shape
    workers = worker_slots.shape[0]
    slot_of = np.full((arms, workers), -1, np.int64)
    holder = np.full((workers, slots), -1, np.int64)
    for arm in range(arms):
        for _ in range(2 * arm_actions[arm]):
            if not _augment(arm, arm_slots, worker_slots, slot_of, holder):
                return np.empty((0, workers), np.int64)
    return slot_of


@kernel
def without_meetings(arm_slots: Array, worker_slots: Array, arm_actions: Array, budget: int) -> Array:
    """Return which of the joint actions [E, J] pull too many arms, leave some without meetings, or are not of 0 and 1.

    Parameters
    ----------
    arm_slots, worker_slots
        Whether an arm, [J, K], and a worker, [W, K], is free in a slot.
    arm_actions
        Joint actions [E, J].
    budget
        Most arms pulled.
    """
    refused = over_budget(arm_actions, budget)
    for row in range(len(arm_actions)):
        if not refused[row]:
            refused[row] = len(assign_meetings(arm_slots, worker_slots, arm_actions[row])) == 0
    return refused


@kernel
def _augment(start: int, arm_slots: Array, worker_slots: Array, slot_of: Array, holder: Array) -> bool:
    """Give an arm one more meeting, moving others where necessary, and return whether that was possible.

    The search goes from arms to meetings with new workers, and from a taken meeting to its arm, which may move to another
    slot with the same worker or give the worker up. Meeting m is worker m // K in slot m % K.
    """
    arms, slots = arm_slots.shape
    workers = worker_slots.shape[0]
    taker = np.full(workers * slots, -1, np.int64)  # the arm that would take a meeting
    instead = np.full(workers * slots, -1, np.int64)  # the meeting with the same worker that it would give up, or -1
    lost = np.full(arms, -2, np.int64)  # the meeting that an arm would lose; -2 for arms not reached
    queue = np.empty(workers * slots + arms, np.int64)  # meetings, then workers * slots + arm
    queue[0] = workers * slots + start
    lost[start] = -1
    done, count = 0, 1
    while done < count:  # each arm and each meeting is queued once
        entry = queue[done]
        done += 1
        first, last, arm = 0, workers, entry - workers * slots
        if entry < workers * slots:
            first, arm = entry // slots, holder[entry // slots, entry % slots]
            last = first + 1
            if lost[arm] == -2:
                lost[arm] = entry
                queue[count] = workers * slots + arm
                count += 1
        for worker in range(first, last):
            if entry >= workers * slots and slot_of[arm, worker] >= 0:
                continue
            for slot in range(slots):
                meeting = worker * slots + slot
                if not (arm_slots[arm, slot] and worker_slots[worker, slot]) or taker[meeting] >= 0 or meeting == entry:
                    continue
                taker[meeting] = arm
                instead[meeting] = entry if entry < workers * slots else -1
                if holder[worker, slot] < 0:
                    _move(meeting, taker, instead, lost, slot_of, holder)
                    return True
                queue[count] = meeting
                count += 1
    return False


@kernel
def _move(meeting: int, taker: Array, instead: Array, lost: Array, slot_of: Array, holder: Array) -> None:
    """Hand over the meetings of a path that ends at a free one, from its end to its start."""
    slots = holder.shape[1]
    while meeting >= 0:  # back along the path, to its start
        arm, worker, slot = taker[meeting], meeting // slots, meeting % slots
        holder[worker, slot] = arm
        slot_of[arm, worker] = slot
        if instead[meeting] >= 0:
            meeting = instead[meeting]
        else:
            meeting = lost[arm]
            if meeting >= 0:
                slot_of[arm, meeting // slots] = -1
