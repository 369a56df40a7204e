"""Operations in the order of their starts: on each machine, and shifted to the left."""

import numpy as np


def by_machine(instance, starts):
    """Return for each machine the operations (job, operation) on it, by their starts."""
    rows = [[] for _ in range(instance.machines.shape[1])]
    for job, operation in np.argwhere(instance.machines >= 0)[np.argsort(starts, axis=None, kind="stable")].tolist():
        rows[instance.machines[job, operation]].append((job, operation))
    return rows


def left_shifted(instance, starts):
    """Return starts that are no later: each operation in turn goes into the first gap of its machine that holds it."""
    made, gaps = np.zeros_like(starts), [[(0, np.iinfo(np.int64).max)] for _ in range(starts.shape[1])]
    ready = np.zeros(len(starts), np.int64)
    for job, operation in np.argwhere(starts >= 0)[np.argsort(starts, axis=None, kind="stable")].tolist():
        row, length = gaps[instance.machines[job, operation]], instance.durations[job, operation]
        place = next(i for i, (low, high) in enumerate(row) if max(low, ready[job]) + length <= high)
        (low, high), begin = row[place], max(row[place][0], ready[job])
        row[place : place + 1] = [gap for gap in ((low, begin), (begin + length, high)) if gap[0] < gap[1]]
        made[job, operation], ready[job] = begin, begin + length
    return made
