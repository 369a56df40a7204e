"""Restless bandits with an action set of your own: neighbours on a line must not be visited in the same week.

The set is declared once, in Pyomo. Every policy works with it: exact maximisation, Lagrangian prices, SEQUOIA.
"""

from dataclasses import dataclass

import numpy as np

import redwood
from redwood.planning import ActionSet


@dataclass(frozen=True, eq=False)
class NoNeighbours(ActionSet):
    """Of the arms on a line, at most ``most`` are pulled, and never two side by side."""

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


def wards(count=6, seed=0):
    """Return wards on a line, each well (state 1) or not; a visit makes it likelier to be well next week."""
    rng = np.random.default_rng(seed)
    well = rng.uniform([0.1, 0.5], [0.4, 0.9], (count, 2))  # probability of being well next week: left alone, visited
    rows = np.stack([well, np.minimum(1.0, well + 0.1)], axis=2)  # the same from state 0 and from state 1
    transitions = np.stack([1 - rows, rows], axis=3)
    rewards = np.tile([0.0, 1.0], (count, 2, 1))
    return redwood.instance(
        "cormab", transitions=transitions, rewards=rewards, actions=NoNeighbours(count, count // 3), horizon=10, name="wards"
    )


if __name__ == "__main__":
    instance = wards()
    for solver in ("myopic", "lagrangian"):
        result = redwood.solve(instance, solver, time_limit=10)
        rollouts = redwood.simulate(instance, result.solution, episodes=200, seed=1)
        print(f"{solver:<12}{rollouts.mean:.3f} a week, {rollouts.percent_of_bound:.1f} % of the bound")
