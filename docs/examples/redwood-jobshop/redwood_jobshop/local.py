"""The view `Local`: exchanges on a critical path (van Laarhoven, Aarts, Lenstra 1992, doi:10.1287/opre.40.1.113)."""

from dataclasses import dataclass

import numpy as np

from redwood.views import Local
from redwood_jobshop.kernels import critical, descended, timed
from redwood_jobshop.problem import Schedule
from redwood_jobshop.sequences import by_machine, left_shifted


@dataclass
class State:
    """Jobs [M, J] in the order in which each machine takes them, the starts [J, M], and the makespan."""

    orders: np.ndarray
    starts: np.ndarray
    makespan: int


class JobShopLocal(Local):
    """Machine orders. Neighbours that touch (one ends when the next begins) can change places without making a cycle."""

    def __init__(self, instance):
        self.instance, self.durations = instance, np.array(instance.durations)
        self.place = np.argsort(instance.machines, axis=1)  # which operation of job j runs on machine m, [J, M]
        self.machines = np.array(instance.machines)

    def initial(self, rng):
        return self._state(self._dispatched(rng.permutation(np.repeat(np.arange(self.instance.size), self.place.shape[1]))))

    def construct(self, rng):
        """Jobs take turns, so that each has its share of the work done at any time."""
        turns = np.cumsum(self.durations, axis=1) / self.durations.sum(axis=1, keepdims=True)
        noise = rng.uniform(0, 1e-3, turns.shape)
        jobs = np.argsort((turns + noise).ravel(), kind="stable") // turns.shape[1]
        return self._state(left_shifted(self.instance, self._dispatched(jobs)))

    def state(self, solution):
        return self._state(np.array(solution.starts))

    def copy(self, state):
        return State(state.orders.copy(), state.starts.copy(), state.makespan)

    def solution(self, state):
        return Schedule(state.starts)

    def objective(self, state):
        return float(state.makespan)

    def propose(self, state, rng):
        machine, position = critical(state.orders, self.place, self.machines, self.durations, state.starts, rng.random())
        if machine < 0:
            return None
        trial = self.copy(state)
        self.apply(trial, (machine, position))
        return (machine, position), float(trial.makespan - state.makespan)

    def apply(self, state, move):
        machine, position = move
        row = state.orders[machine]
        row[position - 1], row[position] = row[position], row[position - 1]
        state.makespan = int(timed(state.orders, self.place, self.machines, self.durations, state.starts))

    def descend(self, state):
        state.makespan = int(descended(state.orders, self.place, self.machines, self.durations, state.starts))

    def _dispatched(self, jobs):
        """Return starts when the operations are done in turn by a list of jobs, each as early as it can."""
        starts, done = np.zeros_like(self.durations), np.zeros(len(self.durations), np.int64)
        ready, free = np.zeros(len(done), np.int64), np.zeros(self.place.shape[1], np.int64)
        for job in jobs:
            machine = self.machines[job, done[job]]
            starts[job, done[job]] = max(ready[job], free[machine])
            ready[job] = free[machine] = starts[job, done[job]] + self.durations[job, done[job]]
            done[job] += 1
        return starts

    def _state(self, starts):
        orders = np.array([[job for job, _ in row] for row in by_machine(self.instance, starts)])
        made = State(orders, np.zeros_like(self.durations), 0)
        made.makespan = int(timed(orders, self.place, self.machines, self.durations, made.starts))
        return made
