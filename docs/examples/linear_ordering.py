"""The linear ordering problem in one file: HiGHS, local search and a learnt policy solve it, each through a view."""

import json
from dataclasses import dataclass

import numpy as np

from redwood.budget import Sense
from redwood.errors import FormatError, InstanceError
from redwood.plugins.spec import Format, ProblemSpec, hookimpl
from redwood.problem import Instance, Problem, Solution, frozen
from redwood.stepwise import Batch, Layout, Lesson, Stepwise, Target, Window
from redwood.views import Linear, Local


@dataclass(frozen=True, eq=False, kw_only=True)
class OrderingInstance(Instance):
    """Weight [N, N] of putting the item of a row before that of a column."""

    problem = "linear-ordering"
    weights: np.ndarray

    @property
    def size(self):
        return len(self.weights)


@dataclass(frozen=True, eq=False)
class Order(Solution):
    """The items 0 to N - 1 from the first to the last."""

    order: list


class LinearOrdering(Problem):
    """Order items so that the weights of all pairs, taken the way they stand, sum to the most."""

    name, sense, solution_type = "linear-ordering", Sense.MAX, Order
    variants, suffix = ("uniform",), ".json"

    def make(self, *, weights, name=""):
        made = OrderingInstance(weights=frozen(weights, np.float64), name=name)
        self.validate(made)
        return made

    def generate(self, size, rng, *, variant="uniform"):
        return self.make(weights=rng.integers(0, 100, (size, size)))

    def validate(self, instance):
        shape = instance.weights.shape
        if len(shape) != 2 or shape[0] != shape[1] or not np.isfinite(instance.weights).all():
            raise InstanceError(f"weights have shape {list(shape)}; expected a square matrix [N, N] of finite numbers.")

    def objective(self, instance, solution):
        return float(np.triu(instance.weights[np.ix_(solution.order, solution.order)], 1).sum())

    def violations(self, instance, solution):
        wrong = sorted(set(range(instance.size)) ^ set(solution.order))
        if wrong:
            return [f"item {wrong[0]} is missing, or does not exist."]
        return [] if len(solution.order) == instance.size else ["an item stands twice in the order."]

    def format(self, instance):
        return json.dumps({"linear-ordering": instance.weights.tolist()})

    def parse(self, text, name):
        try:
            return self.make(weights=json.loads(text)["linear-ordering"], name=name)
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError(f"{name}: no JSON object with a matrix 'linear-ordering': {error}") from error


class OrderingLinear(Linear):
    """A binary variable says of each pair i < j whether i goes first; no three may go round in a circle."""

    def __init__(self, instance):
        self.weights, self.n = instance.weights, instance.size

    def model(self, incumbent=None):
        import pyomo.environ as pyo

        w, n, model = self.weights, self.n, pyo.ConcreteModel("linear-ordering")
        model.x = pyo.Var([(i, j) for i in range(n) for j in range(i + 1, n)], domain=pyo.Binary)
        model.circle = pyo.ConstraintList()
        for i, j in model.x:
            for k in range(j + 1, n):
                model.circle.add((0, model.x[i, j] + model.x[j, k] - model.x[i, k], 1))
        worth = sum(w[i, j] * x + w[j, i] * (1 - x) for (i, j), x in model.x.items())
        model.worth = pyo.Objective(expr=worth, sense=pyo.maximize)
        return model

    def variables(self, model):
        return list(model.x.values())

    def solution(self, values):
        before = np.zeros((self.n, self.n))
        before[np.triu_indices(self.n, 1)] = values
        before += np.tril(1 - before.T, -1)
        return Order(np.argsort(-before.sum(axis=1), kind="stable").tolist())


class OrderingLocal(Local):
    """Take one item out and put it in elsewhere. A state is the order."""

    def __init__(self, instance):
        self.weights = instance.weights

    def initial(self, rng):
        return rng.permutation(len(self.weights)).tolist()

    def state(self, solution):
        return list(solution.order)

    def solution(self, state):
        return Order(list(state))

    def objective(self, state):
        return float(np.triu(self.weights[np.ix_(state, state)], 1).sum())

    def propose(self, state, rng):
        p, q = (int(place) for place in rng.integers(0, len(state), 2))
        return (p, q), float(self.gains(state, p)[q])

    def apply(self, state, move):
        state.insert(move[1], state.pop(move[0]))

    def descend(self, state):
        p = waited = 0
        while waited < len(state):
            gains = self.gains(state, p)
            q, waited = int(gains.argmax()), waited + 1
            if gains[q] > 1e-9:
                self.apply(state, (p, q))
                waited = 0
            p = (p + 1) % len(state)

    def gains(self, state, p):
        """Return what it is worth [N] to move the item at place p to each place."""
        change = self.weights[state[p], state] - self.weights[state, state[p]]
        return np.concatenate([np.cumsum(change[:p][::-1])[::-1], [0.0], np.cumsum(-change[p + 1 :])])


@dataclass
class Rest(Batch):
    """Which items are open [B, N], and the order so far [B, N]."""

    is_open: np.ndarray
    order: np.ndarray


class OrderingStepwise(Stepwise):
    """Place the first item, then the first of the rest: what is left is a smaller instance of the same problem."""

    layout = Layout(features=3, marks=0, edges=1, neighbours=False)
    lessons = (Lesson(8, 20, 20), Lesson(14, 20, 40))
    symmetric, kind = False, LinearOrdering

    def __init__(self, *instances):
        super().__init__(*instances)
        n = max(i.size for i in instances)
        self.sizes = np.array([i.size for i in instances])
        self.weights = np.stack([np.pad(i.weights, (0, n - i.size)) for i in instances])

    def begin(self, rows, rng=None):
        is_open = np.arange(self.weights.shape[1]) < self.sizes[rows][:, None]
        return Rest(np.asarray(rows), self.sizes[rows], is_open, np.zeros(is_open.shape, np.int64))

    def window(self, batch, size):
        both = batch.is_open[:, :, None] & batch.is_open[:, None, :]
        weights = self.weights[batch.rows] * both
        scale = np.maximum(weights.max(axis=(1, 2)), 1e-9)[:, None]
        ahead, behind = weights.sum(axis=2) / scale, weights.sum(axis=1) / scale
        shown = np.argsort(np.where(batch.is_open, behind - ahead, np.inf), axis=1, kind="stable")[:, :size]
        pick = lambda array: np.take_along_axis(array, shown, axis=1)  # noqa: E731
        present, mean = pick(batch.is_open), np.maximum(batch.left, 1)[:, None]
        features = np.stack([pick(a) / mean for a in (ahead, behind, ahead - behind)], axis=2).astype(np.float32)
        rows = np.arange(len(shown))[:, None, None]
        edges = ((weights - weights.swapaxes(1, 2)) / scale[:, :, None])[rows, shown[:, :, None], shown[:, None, :]]
        nodes = np.where(present, shown, -1)
        return Window(features, present, present[:, :, None], nodes, edges[..., None].astype(np.float32))

    def act(self, batch, window, choice):
        going = np.flatnonzero(batch.left)
        item = window.nodes[going, choice[going]]
        batch.order[going, self.sizes[batch.rows[going]] - batch.left[going]] = item
        batch.is_open[going, item] = False
        batch.left[going] -= 1

    def solutions(self, batch):
        return [Order(order[: self.sizes[row]].tolist()) for row, order in zip(batch.rows, batch.order, strict=True)]

    def target(self, batch, window):
        rows = zip(batch.rows, batch.is_open, strict=True)
        firsts = [next((item for item in self.labels[row].order if left[item]), -2) for row, left in rows]
        right = window.nodes == np.array(firsts)[:, None]
        return Target(np.where(right.any(axis=1), right.argmax(axis=1), -1))


LinearOrdering.views = {kind: f"{__name__}:Ordering{kind.__name__}" for kind in (Linear, Local, Stepwise)}


@hookimpl
def redwood_problems():
    form = Format((".json",), r'\A\s*\{\s*"linear-ordering"')
    summary = "Order items so that the weights of all pairs sum to the most."
    views = frozenset({"Linear", "Local", "Stepwise"})
    return [ProblemSpec("linear-ordering", summary, f"{__name__}:LinearOrdering", views, (form,))]
