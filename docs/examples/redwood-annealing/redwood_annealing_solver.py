"""The solver: a worse solution is accepted with the probability exp(-loss / temperature), and it cools down."""

import math
from dataclasses import dataclass

from redwood.budget import Sense
from redwood.errors import OptionError
from redwood.solver import Answer, Solver
from redwood.views import Local

PROPOSALS = 100
"""Moves proposed in one iteration, after which the budget is asked."""
WITHOUT_LIMIT = 1000
"""Iterations of one annealing where the budget says nothing of its length."""


@dataclass(frozen=True)
class Annealing(Solver):
    """Anneal from the greedy solution over the whole budget, then descend from the best one met.

    Attributes
    ----------
    warmth
        Temperature at the beginning, in mean losses of the moves that worsen the first solution.
    cold
        Temperature at the end, as a share of that at the beginning.

    References
    ----------
    Kirkpatrick, Gelatt, Vecchi (1983), Optimization by simulated annealing, doi:10.1126/science.220.4598.671.
    """

    warmth: float = 1.0
    cold: float = 0.001

    def __post_init__(self):
        if not self.warmth > 0 or not 0 < self.cold <= 1:
            raise OptionError(f"warmth {self.warmth} must be positive, cold {self.cold} above 0 and at most 1.")

    def prepare(self, problem, instance):
        problem.view(Local, instance).warm_up()

    def run(self, problem, instance, run):
        view, sign = problem.view(Local, instance), 1.0 if run.sense is Sense.MIN else -1.0
        state = view.construct(run.rng) if run.initial is None else view.state(run.initial)
        best = view.copy(state)
        run.report(view.solution(best))
        losses = [sign * move[1] for move in (view.propose(state, run.rng) for _ in range(PROPOSALS)) if move is not None]
        worse = [loss for loss in losses if loss > 0]
        hot = self.warmth * sum(worse) / len(worse) if worse else 1.0
        told = 0.0
        while losses and not run.stops():
            share = run.used or run.iterations % WITHOUT_LIMIT / WITHOUT_LIMIT
            best = anneal(view, state, best, hot * self.cold**share, sign, run.rng)
            run.advance()
            if run.seconds > told + 0.1:
                told = run.seconds
                run.report(view.solution(best))
        view.descend(best)
        run.report(view.solution(best))
        return Answer(run.best)


def anneal(view, state, best, heat, sign, rng):
    """Propose moves at one temperature, change the state, and return the best one met."""
    for _ in range(PROPOSALS):
        move = view.propose(state, rng)
        if move is not None and (sign * move[1] <= 0 or rng.random() < math.exp(-sign * move[1] / heat)):
            view.apply(state, move[0])
            if sign * view.objective(state) < sign * view.objective(best):
                best = view.copy(state)
    return best
