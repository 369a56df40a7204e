"""The linear ordering problem in one file: HiGHS, local search and a learnt policy solve it, each through a view."""

from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from redwood import Sense, Solution
from redwood.plugins.spec import ProblemSpec, hookimpl
from redwood.simple import ArrayInstance, JsonProblem, Moves, Picks, array, permutation_violations, scaled
from redwood.views import Linear, Local
from redwood.views.stepwise import Layout, Stage, Stepwise


@dataclass(frozen=True, eq=False, kw_only=True)
class OrderingInstance(ArrayInstance):
    """Weight [N, N] of putting the item of a row before that of a column."""

    weights: np.ndarray = array("N", "N")


@dataclass(frozen=True, eq=False)
class Order(Solution):
    """The items 0 to N - 1 from the first to the last."""

    order: list


class OrderingLinear(Linear):
    """A binary variable says of each pair i < j whether i goes first; no three may go round in a circle."""

    def model(self, incumbent=None):
        import pyomo.environ as pyo

        w, n, model = self.instance.weights, self.instance.size, pyo.ConcreteModel()
        pairs, triples = (list(combinations(range(n), count)) for count in (2, 3))
        model.x = pyo.Var(pairs, domain=pyo.Binary)
        model.circle = pyo.Constraint(triples, rule=lambda m, i, j, k: (0, m.x[i, j] + m.x[j, k] - m.x[i, k], 1))
        total = sum(w[i, j] * x + w[j, i] * (1 - x) for (i, j), x in model.x.items())
        model.total = pyo.Objective(expr=total, sense=pyo.maximize)
        return model

    def solution(self, values):
        first = np.zeros(self.instance.weights.shape)
        first[np.triu_indices(self.instance.size, 1)] = values
        followers = first.sum(axis=1) - first.sum(axis=0) + np.arange(self.instance.size)
        return Order(np.argsort(-followers).tolist())


class OrderingMoves(Moves):
    """Take the item at place p out and put it in at place q. A state is the order."""

    def initial(self, rng):
        return rng.permutation(self.instance.size).tolist()

    def moves(self, state):
        return permutations(range(len(state)), 2)

    def apply(self, state, move):
        state.insert(move[1], state.pop(move[0]))

    def change(self, state, move):
        (p, q), w = move, self.instance.weights
        sign, passed = (1, state[p + 1 : q + 1]) if p < q else (-1, state[q:p])
        return sign * float((w[passed, state[p]] - w[state[p], passed]).sum())


class OrderingPicks(Picks):
    """Pick the first item, then the first of the rest: what is left is a smaller instance of the same problem."""

    layout = Layout(features=3, marks=0, edges=1, neighbours=False)
    curriculum = (Stage(8, 20, 20), Stage(14, 20, 40))

    def describe(self, instance, picked, left):
        w = scaled(instance.weights[np.ix_(left, left)])
        ahead, behind = w.mean(axis=1), w.mean(axis=0)
        return np.stack([ahead, behind, ahead - behind], axis=1), (w - w.T)[:, :, None]


class LinearOrdering(JsonProblem):
    """Order items so that the weights of all pairs, taken the way they stand, sum to the most."""

    name, sense, variants = "linear-ordering", Sense.MAX, ("uniform",)
    instance_type, solution_type = OrderingInstance, Order
    views = {Linear: OrderingLinear, Local: OrderingMoves, Stepwise: OrderingPicks}

    def generate(self, size, rng, *, variant="uniform"):
        return self.make(weights=rng.integers(0, 100, (size, size)))

    def objective(self, instance, solution):
        return float(np.triu(instance.weights[np.ix_(solution.order, solution.order)], 1).sum())

    def violations(self, instance, solution):
        return permutation_violations(solution.order, instance.size, "item")


@hookimpl
def redwood_problems():
    return [ProblemSpec.of(LinearOrdering)]
