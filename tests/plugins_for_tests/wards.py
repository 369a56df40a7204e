"""A planning problem in one file: wards on a line, of which no two neighbours may be visited in the same week."""

import json
from dataclasses import dataclass

import numpy as np

from redwood.planning import ActionSet, Arms, LagrangianBound, Planning, PlanningProblem, SimulatedPlanning
from redwood.plugins.spec import ProblemSpec, hookimpl
from redwood.problem import Instance
from redwood.views import Bound


@dataclass(frozen=True, eq=False)
class NoNeighbours(ActionSet):
    """At most ``most`` of ``count`` wards, and never two side by side."""

    count: int
    most: int

    @property
    def arms(self):
        return self.count

    def model(self):
        import pyomo.environ as pyo

        model = pyo.ConcreteModel("no-neighbours")
        model.pulled = pyo.Var(range(self.count), domain=pyo.Binary)
        model.apart = pyo.Constraint(range(self.count - 1), rule=lambda m, j: m.pulled[j] + m.pulled[j + 1] <= 1)
        model.within = pyo.Constraint(expr=sum(model.pulled.values()) <= self.most)
        return model

    def indicators(self, model):
        return list(model.pulled.values())


@dataclass(frozen=True, eq=False, kw_only=True)
class WardsInstance(Instance):
    """Probability [J, 2] of being well next week, left alone and visited."""

    problem = "wards"
    well: np.ndarray
    most: int
    horizon: int = 6

    @property
    def size(self):
        return len(self.well)


class WardsPlanning(SimulatedPlanning):
    """Each ward is well (1) or not (0); its reward is its state."""

    def __init__(self, instance):
        well = np.repeat(instance.well[:, :, None], 2, axis=2)
        rewards = np.tile([0.0, 1.0], (instance.size, 2, 1))
        start = np.tile([0.5, 0.5], (instance.size, 1))
        arms = Arms(start=start, rewards=rewards, transitions=np.stack([1 - well, well], axis=3))
        super().__init__(arms, NoNeighbours(instance.size, instance.most), instance.horizon)


class WardsBound(LagrangianBound):
    """The bound of arms priced apart."""

    def __init__(self, instance):
        super().__init__(WardsPlanning(instance), float(instance.size))


class Wards(PlanningProblem[WardsInstance]):
    """Visit wards so that as many as possible are well."""

    name = "wards"
    views = {Planning: WardsPlanning, Bound: WardsBound}  # noqa: RUF012
    suffix = ".wards"

    def make(self, *, well, most, horizon=6, name=""):
        return WardsInstance(well=np.asarray(well, float), most=most, horizon=horizon, name=name)

    def generate(self, size, rng, *, variant=""):
        return self.make(well=rng.uniform([0.1, 0.5], [0.4, 0.9], (size, 2)), most=max(1, size // 2))

    def validate(self, instance):
        pass

    def parse(self, text, name):
        return self.make(**json.loads(text), name=name)

    def format(self, instance):
        return json.dumps({"well": instance.well.tolist(), "most": instance.most, "horizon": instance.horizon})


@hookimpl
def redwood_problems():
    return [ProblemSpec.of(Wards)]
