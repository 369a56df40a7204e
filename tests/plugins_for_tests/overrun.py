"""A problem on which HiGHS overruns its time limit: a single-file plugin for tests.

Find integers with 4 y = z and 8 x + z = total, of no cost. Where ``total`` is not a multiple of 4 there are none, and
without presolve HiGHS branches for ever: up to version 1.15 a limit of 6 s took 17 to 39 s; version 1.16 keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.plugins.spec import ProblemSpec, hookimpl
from redwood.problem import Instance, Problem, Solution
from redwood.views import Linear


@dataclass(frozen=True, eq=False, kw_only=True)
class Equations(Instance):
    """The right-hand side."""

    problem: ClassVar[str] = "overrun"
    total: int = -19

    @property
    def size(self) -> int:
        return 3


@dataclass(frozen=True, eq=False)
class Integers(Solution):
    """The values of x, y, z."""

    values: list[int]


class Overrun(Problem[Equations, Integers]):
    """Solve the equations in integers."""

    name = "overrun"
    sense = Sense.MIN
    solution_type = Integers
    variants = ("plain",)

    def make(self, *, total: int = -19) -> Equations:
        return Equations(total=total)

    def generate(self, size: int, rng: np.random.Generator, *, variant: str) -> Equations:
        return Equations(total=4 * int(rng.integers(-9, 10)))

    def validate(self, instance: Equations) -> None:
        """Accept everything, so that solvers meet instances without a solution."""

    def objective(self, instance: Equations, solution: Integers) -> float:
        return 0.0

    def violations(self, instance: Equations, solution: Integers) -> list[str]:
        x, y, z = solution.values
        broken = []
        if 4 * y != z:
            broken.append(f"4 y is {4 * y}, and z is {z}")
        if 8 * x + z != instance.total:
            broken.append(f"8 x + z is {8 * x + z} instead of {instance.total}")
        return broken


class EquationsLinear(Linear):
    """Free integer variables x, y, z and two equations."""

    def __init__(self, instance: Equations) -> None:
        self._instance = instance

    def model(self, incumbent: float | None = None) -> Any:
        import pyomo.environ as pyo

        model = pyo.ConcreteModel()
        model.x, model.y, model.z = (pyo.Var(domain=pyo.Integers) for _ in range(3))
        model.nothing = pyo.Objective(expr=0.0)
        model.fourfold = pyo.Constraint(expr=4 * model.y - model.z == 0)
        model.sum = pyo.Constraint(expr=8 * model.x + model.z == self._instance.total)
        return model

    def variables(self, model: Any) -> list[Any]:
        return [model.x, model.y, model.z]

    def solution(self, values: Array) -> Integers:
        return Integers([round(value) for value in values])


Overrun.views = {Linear: f"{__name__}:EquationsLinear"}


@hookimpl
def redwood_problems() -> Iterable[ProblemSpec]:
    return [
        ProblemSpec(
            "overrun",
            "Two equations in integers, without a solution where the total is odd.",
            f"{__name__}:Overrun",
            frozenset({"Linear"}),
        )
    ]
