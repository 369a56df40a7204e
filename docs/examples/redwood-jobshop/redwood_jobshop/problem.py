"""The problem: what an instance and a schedule are, what is allowed, and what it costs."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from redwood.budget import Sense
from redwood.errors import FormatError, InstanceError, SolutionError
from redwood.problem import Instance, Problem, Solution, frozen
from redwood.views import Bound, Linear, Local
from redwood.views.stepwise import Stepwise
from redwood_jobshop.sequences import by_machine


@dataclass(frozen=True, eq=False, kw_only=True)
class JobShopInstance(Instance):
    """Operation o of job j runs on machine ``machines[j, o]`` for ``durations[j, o]``, both [J, M] int64."""

    problem = "jobshop"
    machines: np.ndarray
    durations: np.ndarray

    @property
    def size(self):
        """Number of jobs J."""
        return len(self.machines)


@dataclass(frozen=True, eq=False)
class Schedule(Solution):
    """The start [J, M] of every operation, from 0."""

    starts: np.ndarray

    def __post_init__(self):
        starts = frozen(self.starts, np.int64)
        if starts.ndim != 2:
            raise SolutionError(f"starts have shape {list(starts.shape)}; expected one row a job, [J, M].")
        object.__setattr__(self, "starts", starts)


class JobShop(Problem):
    """J jobs visit M machines, each in its own order; a machine does one operation at a time, without interruption."""

    name, sense, solution_type = "jobshop", Sense.MIN, Schedule
    variants, suffix = ("uniform",), ".jsp"
    views = {
        Linear: "redwood_jobshop.linear:JobShopLinear",
        Local: "redwood_jobshop.local:JobShopLocal",
        Stepwise: "redwood_jobshop.stepwise:JobShopStepwise",
        Bound: "redwood_jobshop.linear:JobShopBound",
    }

    def make(self, *, machines, durations, name="", best_known=None):
        arrays = {"machines": frozen(machines, np.int64), "durations": frozen(durations, np.int64)}
        made = JobShopInstance(**arrays, name=name, best_known=best_known)
        self.validate(made)
        return made

    def generate(self, size, rng, *, variant="uniform", machines=5):
        orders = rng.permuted(np.tile(np.arange(machines), (size, 1)), axis=1)
        return self.make(machines=orders, durations=rng.integers(1, 100, (size, machines)))

    def validate(self, instance):
        machines, durations = instance.machines, instance.durations
        if machines.ndim != 2 or machines.size == 0 or machines.shape != durations.shape:
            shapes = f"{list(machines.shape)} and {list(durations.shape)}"
            raise InstanceError(f"machines and durations have shapes {shapes}; expected the same [J, M].")
        for job in np.flatnonzero((np.sort(machines, axis=1) != np.arange(machines.shape[1])).any(axis=1)):
            raise InstanceError(f"job {job} visits machines {machines[job].tolist()}; it must visit each of them once.")
        for job, operation in np.argwhere(durations < 1):
            raise InstanceError(
                f"operation {operation} of job {job} takes {durations[job, operation]}; at least 1 is needed."
            )

    def objective(self, instance, solution):
        return float((solution.starts + instance.durations).max())

    def violations(self, instance, solution):
        starts, ends = solution.starts, solution.starts + instance.durations
        told = [f"operation {o} of job {j} starts at {starts[j, o]}, before 0." for j, o in np.argwhere(starts < 0)]
        for j, o in np.argwhere(starts[:, 1:] < ends[:, :-1]):
            told.append(
                f"job {j}: operation {o + 1} starts at {starts[j, o + 1]}, before operation {o} ends at {ends[j, o]}."
            )
        for machine, row in enumerate(by_machine(instance, starts)):
            for (a, p), (b, q) in pairwise(row):
                if starts[b, q] < ends[a, p]:
                    text = f"job {b} starts at {starts[b, q]}, while job {a} holds it until {ends[a, p]}."
                    told.append(f"machine {machine}: {text}")
        return told[:10]

    def format(self, instance):
        pairs = np.stack([instance.machines, instance.durations], axis=2).reshape(instance.size, -1)
        lines = [" ".join(map(str, row)) for row in ([*instance.machines.shape], *pairs.tolist())]
        return "\n".join(lines) + "\n"

    def parse(self, text, name):
        rows = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        try:
            jobs, machines = map(int, rows[0])
            pairs = np.array(rows[1 : jobs + 1], dtype=np.int64).reshape(jobs, machines, 2)
        except (ValueError, IndexError) as error:
            raise FormatError(f"{name}: expected 'J M' and J lines of M pairs of machine and duration: {error}") from error
        return self.make(machines=pairs[:, :, 0], durations=pairs[:, :, 1], name=name)

    def plot(self, instance, solution, axes):
        for job in range(instance.size if solution is not None else 0):
            places = instance.machines[job], instance.durations[job]
            axes.barh(*places, left=solution.starts[job], color=f"C{job % 10}", edgecolor="white", label=f"job {job}")
        axes.set(xlabel="time", ylabel="machine", yticks=range(instance.machines.shape[1]))
