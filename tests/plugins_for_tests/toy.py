"""A sound problem with every method written out, for tests to break: give each worker one task, at the least total cost."""

from __future__ import annotations

import json
import threading  # noqa: F401
from dataclasses import dataclass

import numpy as np

from redwood.budget import Sense
from redwood.errors import FormatError, InstanceError
from redwood.plugins.spec import Format, ProblemSpec, hookimpl
from redwood.problem import Instance, Problem, Solution, frozen
from redwood.views import Linear, Local


@dataclass(frozen=True, eq=False, kw_only=True)
class ToyInstance(Instance):
    """Cost [N, N] of each worker (row) doing each task (column)."""

    problem = "toy"
    cost: np.ndarray

    @property
    def size(self):
        return len(self.cost)


@dataclass(frozen=True, eq=False)
class ToySolution(Solution):
    """The task of each worker, a list of N indices from 0."""

    tasks: list


class Toy(Problem):
    """Give each worker one task, at the least total cost."""

    name = "toy"
    sense = Sense.MIN
    solution_type = ToySolution
    variants = ("uniform",)
    suffix = ".json"

    def make(self, *, cost, name=""):
        made = ToyInstance(cost=frozen(cost, np.float64), name=name)
        self.validate(made)
        return made

    def generate(self, size, rng, *, variant="uniform"):
        return self.make(cost=rng.integers(1, 100, (size, size)))

    def validate(self, instance):
        shape = instance.cost.shape
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
            raise InstanceError(f"cost has shape {list(shape)}; expected a square matrix [N, N].")
        if not np.isfinite(instance.cost).all():
            raise InstanceError("a cost is not finite; give numbers.")

    def objective(self, instance, solution):
        return float(instance.cost[np.arange(instance.size), solution.tasks].sum())

    def violations(self, instance, solution):
        if len(solution.tasks) != instance.size:
            return [f"{len(solution.tasks)} tasks are given to {instance.size} workers."]
        counts = {task: solution.tasks.count(task) for task in solution.tasks}
        outside = [task for task in counts if not 0 <= task < instance.size]
        twice = [task for task, count in counts.items() if count > 1]
        return [f"task {t} does not exist." for t in outside[:5]] + [f"task {t} is done twice." for t in twice[:5]]

    def format(self, instance):
        return json.dumps({"toy": instance.cost.tolist()})

    def parse(self, text, name):
        try:
            return self.make(cost=json.loads(text)["toy"], name=name)
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError(f"{name}: no JSON object with a matrix 'toy': {error}") from error


class ToyLinear(Linear):
    """One binary variable for each worker and task."""

    def __init__(self, instance):
        self.cost = instance.cost

    def model(self, incumbent=None):
        import pyomo.environ as pyo

        n = len(self.cost)
        model = pyo.ConcreteModel("toy")
        model.x = pyo.Var(range(n), range(n), domain=pyo.Binary)
        model.worker = pyo.Constraint(range(n), rule=lambda m, i: sum(m.x[i, j] for j in range(n)) == 1)
        model.task = pyo.Constraint(range(n), rule=lambda m, j: sum(m.x[i, j] for i in range(n)) == 1)
        model.total = pyo.Objective(expr=sum(self.cost[i, j] * model.x[i, j] for i in range(n) for j in range(n)))
        return model

    def variables(self, model):
        return list(model.x.values())

    def solution(self, values):
        return ToySolution(np.argmax(np.reshape(values, self.cost.shape), axis=1).tolist())


class ToyLocal(Local):
    """Exchange the tasks of two workers. A state is the list of tasks."""

    def __init__(self, instance):
        self.cost = instance.cost

    def initial(self, rng):
        return rng.permutation(len(self.cost)).tolist()

    def construct(self, rng):
        tasks, free = [0] * len(self.cost), set(range(len(self.cost)))
        for worker in rng.permutation(len(self.cost)):
            tasks[worker] = min(sorted(free), key=lambda task: self.cost[worker, task])
            free.remove(tasks[worker])
        return tasks

    def state(self, solution):
        return list(solution.tasks)

    def copy(self, state):
        return list(state)

    def solution(self, state):
        return ToySolution(list(state))

    def objective(self, state):
        return float(self.cost[np.arange(len(state)), state].sum())

    def propose(self, state, rng):
        if len(state) < 2:
            return None
        i, j = (int(worker) for worker in rng.choice(len(state), 2, replace=False))
        return (i, j), self._change(state, i, j)

    def apply(self, state, move):
        i, j = move
        state[i], state[j] = state[j], state[i]

    def descend(self, state):
        improved = True
        while improved:
            improved = False
            for i in range(len(state)):
                for j in range(i):
                    if self._change(state, i, j) < -1e-9:
                        self.apply(state, (i, j))
                        improved = True

    def perturb(self, state, rng):
        for _ in range(3):
            move = self.propose(state, rng)
            if move is not None:
                self.apply(state, move[0])

    def _change(self, state, i, j):
        old = self.cost[i, state[i]] + self.cost[j, state[j]]
        this = self.cost[i, state[j]] + self.cost[j, state[i]]
        return float(this - old)


Toy.views = {Linear: f"{__name__}:ToyLinear", Local: f"{__name__}:ToyLocal"}


@hookimpl
def redwood_problems():
    pattern = r'\A\s*\{\s*"toy"'
    return [
        ProblemSpec(
            "toy",
            "Give each worker one task, at the least total cost.",
            f"{__name__}:Toy",
            frozenset({"Linear", "Local"}),
            (Format((".json",), pattern),),
        ),
    ]
