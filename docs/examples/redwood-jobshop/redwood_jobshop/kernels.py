"""Compiled steps of the local search. ``place`` [J, M] says which operation of a job runs on a machine."""

import numpy as np

from redwood.kernels import kernel


@kernel
def timed(orders, place, machines, durations, starts):
    """Write the earliest starts for given machine orders and return the makespan."""
    jobs, count = machines.shape
    done, taken = np.zeros(jobs, np.int64), np.zeros(count, np.int64)
    ready, free = np.zeros(jobs, np.int64), np.zeros(count, np.int64)
    left = jobs * count
    while left > 0:
        for machine in range(count):
            while (
                taken[machine] < jobs
                and done[orders[machine, taken[machine]]] == place[orders[machine, taken[machine]], machine]
            ):
                job = orders[machine, taken[machine]]
                begin = max(ready[job], free[machine])
                starts[job, done[job]] = begin
                ready[job] = free[machine] = begin + durations[job, done[job]]
                taken[machine] += 1
                done[job] += 1
                left -= 1
    return ready.max()


@kernel
def critical(orders, place, machines, durations, starts, draw):
    """Return a random place (machine, position) of a critical path where an operation follows another; -1 for none."""
    jobs, count = machines.shape
    position = np.empty((count, jobs), np.int64)
    for machine in range(count):
        for k in range(jobs):
            position[machine, orders[machine, k]] = k
    found, job, operation, machine_at, position_at = 0, 0, count - 1, -1, -1
    for other in range(jobs):
        if starts[other, count - 1] + durations[other, count - 1] > starts[job, count - 1] + durations[job, count - 1]:
            job = other
    while True:
        machine = machines[job, operation]
        k = position[machine, job]
        before = orders[machine, k - 1] if k > 0 else -1
        if (
            before >= 0
            and starts[before, place[before, machine]] + durations[before, place[before, machine]] == starts[job, operation]
        ):
            found += 1
            draw = (draw * 7919.0 + 0.5) % 1.0
            if draw * found < 1.0:
                machine_at, position_at = machine, k
            job, operation = before, place[before, machine]
        elif operation > 0:
            operation -= 1
        else:
            return machine_at, position_at


@kernel
def descended(orders, place, machines, durations, starts):
    """Exchange touching neighbours as long as that shortens the schedule; return the makespan."""
    jobs, count = machines.shape
    best, improved = timed(orders, place, machines, durations, starts), True
    while improved:
        improved = False
        for machine in range(count):
            for k in range(1, jobs):
                a, b = orders[machine, k - 1], orders[machine, k]
                if starts[a, place[a, machine]] + durations[a, place[a, machine]] == starts[b, place[b, machine]]:
                    orders[machine, k - 1], orders[machine, k] = b, a
                    made = timed(orders, place, machines, durations, starts)
                    if made < best:
                        best, improved = made, True
                    else:
                        orders[machine, k - 1], orders[machine, k] = a, b
                        timed(orders, place, machines, durations, starts)
    return best
