"""The views `Linear`, the disjunctive model of Manne (1960, doi:10.1287/opre.8.2.219), and `Bound`, the busiest machine."""

import numpy as np

from redwood.views import Bound, BoundValue, Linear
from redwood_jobshop.problem import Schedule
from redwood_jobshop.sequences import left_shifted


class JobShopLinear(Linear):
    """A start for each operation, and for each two jobs and machine which one goes first."""

    def __init__(self, instance):
        self.instance = instance
        self.place = np.argsort(instance.machines, axis=1)  # which operation of job j runs on machine m, [J, M]

    def model(self, incumbent=None):
        import pyomo.environ as pyo

        machines, durations, place = self.instance.machines, self.instance.durations, self.place
        jobs, count = machines.shape
        horizon = float(durations.sum() if incumbent is None else incumbent)
        heads, tails = heads_and_tails(durations)
        model = pyo.ConcreteModel("jobshop")
        model.start = pyo.Var(range(jobs), range(count), bounds=lambda m, j, o: (heads[j, o], horizon - tails[j, o]))
        pairs = [(m, i, j) for m in range(count) for i in range(jobs) for j in range(i)]
        model.first = pyo.Var(pairs, domain=pyo.Binary)  # job i before job j on machine m
        model.end = pyo.Var(bounds=(0, horizon))
        model.rows = pyo.ConstraintList()
        for j in range(jobs):
            for o in range(count - 1):
                model.rows.add(model.start[j, o + 1] >= model.start[j, o] + durations[j, o])
            model.rows.add(model.end >= model.start[j, count - 1] + durations[j, -1])
        for m, i, j in pairs:
            a, b = (i, place[i, m]), (j, place[j, m])
            for one, other, last in ((a, b, 1 - model.first[m, i, j]), (b, a, model.first[m, i, j])):
                overlap = float(horizon - tails[one] + durations[one] - heads[other])
                model.rows.add(model.start[other] >= model.start[one] + durations[one] - overlap * last)
        model.makespan = pyo.Objective(expr=model.end)
        return model

    def variables(self, model):
        return [*model.start.values(), *model.first.values(), model.end]

    def solution(self, values):
        starts = np.reshape(values[: self.instance.machines.size], self.instance.machines.shape)
        return Schedule(left_shifted(self.instance, starts))

    def start(self, solution):
        jobs, count = self.place.shape
        on = np.take_along_axis(solution.starts, self.place, axis=1)
        first = [float(on[i, m] < on[j, m]) for m in range(count) for i in range(jobs) for j in range(i)]
        end = (solution.starts + self.instance.durations).max()
        return np.array([*solution.starts.ravel(), *first, end], dtype=np.float64)


class JobShopBound(Bound):
    """The longest job, or the busiest machine with the shortest ways to it and from it."""

    def __init__(self, instance):
        self.instance = instance

    def bound(self, clock, incumbent=None):
        machines, durations = self.instance.machines, self.instance.durations
        heads, tails = heads_and_tails(durations)
        best = durations.sum(axis=1).max()
        for machine in range(machines.shape[1]):
            on = machines == machine
            best = max(best, heads[on].min() + durations[on].sum() + (tails - durations)[on].min())
        return BoundValue(float(best), "busiest machine")


def heads_and_tails(durations):
    """Return the work of the job before each operation, and that from its start on, both [J, M]."""
    done = np.cumsum(durations, axis=1)
    return done - durations, done[:, -1:] - done + durations
