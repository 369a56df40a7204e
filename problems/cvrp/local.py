"""The view `Local`: routes as linked lists, with relocate, swap, 2-opt*, 2-opt and SWAP* over near customers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.kernels import random_state
from redwood.polling import Chunks
from redwood.problem import frozen
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.local_kernels import descend_plan, make_move, move_change, propose_move
from redwood.problems.cvrp.packing import packed_routes, random_routes
from redwood.problems.cvrp.plan import Ground, Plan, make_ground, make_plan, plan_routes, total_length
from redwood.problems.cvrp.savings import savings_routes
from redwood.problems.cvrp.swap_star import descend_swap_star
from redwood.views.local import Local

NEAR = 20
"""How many nearest customers moves look at."""
TRIES = 200
"""How many random moves are tried until one is allowed."""
FEW = 12
"""Customers that `CVRPLocal.warm_up` takes."""
KICK = 4
"""Random moves of a perturbation."""

Move = tuple[int, int, int]


@dataclass
class RoutesState:
    """Routes that change, and their length."""

    plan: Plan
    length: float


class CVRPLocal(Local):
    """Moves over the `NEAR` nearest customers of each customer."""

    def __init__(self, instance: CVRPInstance) -> None:
        self._instance = instance

    def initial(self, rng: np.random.Generator) -> RoutesState:
        """Return routes over a random order of the customers."""
        return self._of(random_routes(self._instance, rng))

    def construct(self, rng: np.random.Generator) -> RoutesState:
        """Return the routes of Clarke and Wright's savings; where there are too few vehicles, of a packing by demand."""
        routes = savings_routes(self._ground)
        return self._of(routes if len(routes) <= self._instance.slots else packed_routes(self._instance, rng))

    def state(self, solution: Routes) -> RoutesState:  # type: ignore[override]
        """Return the state of some routes."""
        return self._of(solution.routes)

    def copy(self, state: RoutesState) -> RoutesState:
        """Return an independent copy."""
        return RoutesState(Plan(*(array.copy() for array in state.plan)), state.length)

    def solution(self, state: RoutesState) -> Routes:
        """Return the routes of a state."""
        return plan_routes(state.plan.after, self._instance.size)

    def objective(self, state: RoutesState) -> float:
        """Return the length of the routes."""
        return state.length

    def propose(self, state: RoutesState, rng: np.random.Generator) -> tuple[Move, float] | None:
        """Return a random allowed move (kind, customer, near customer) and its change of length."""
        kind, customer, near, change = propose_move(state.plan, self._ground, random_state(rng), NEAR, TRIES)
        return None if kind < 0 else ((kind, customer, near), change)

    def apply(self, state: RoutesState, move: Move) -> None:
        """Make a proposed move."""
        state.length += move_change(state.plan, self._ground, *move)
        make_move(state.plan, self._ground, *move)

    def descend(self, state: RoutesState) -> None:
        """Make improving moves until there are none, SWAP* where the others have come to their end."""
        self._descend_by_moves(state.plan)
        while self._descend_by_swaps(state.plan):  # ends: every exchange shortens the routes, see GAIN_SHARE
            self._descend_by_moves(state.plan)
        state.length = total_length(state.plan, self._instance.size)

    def _descend_by_moves(self, plan: Plan) -> None:
        fresh, customer, chunk = np.ones(self._instance.size + 1, dtype=np.bool_), 1, Chunks(100)
        while customer:
            _, customer = descend_plan(plan, self._ground, NEAR, fresh, customer, chunk())

    def _descend_by_swaps(self, plan: Plan) -> bool:
        """Make improving exchanges of SWAP* until there are none; return whether there was one."""
        tried, customer, total = np.zeros((len(plan.load), len(plan.load)), dtype=np.bool_), 1, 0.0
        chunk = Chunks(10_000)
        while customer:
            change, customer = descend_swap_star(plan, self._ground, NEAR, tried, customer, chunk())
            total += change
        return total < 0.0

    def perturb(self, state: RoutesState, rng: np.random.Generator) -> None:
        """Make a few random allowed moves, whatever they cost."""
        for _ in range(KICK):
            proposed = self.propose(state, rng)
            if proposed is not None:
                self.apply(state, proposed[0])

    def warm_up(self) -> None:
        """Compile what the other methods need, on the first customers of the instance."""
        few = np.arange(min(self._instance.size, FEW) + 1)
        part = self._instance.travel.part(few)
        small = CVRPInstance(travel=part, demands=frozen(self._instance.demands[few]), capacity=self._instance.capacity)
        super(CVRPLocal, CVRPLocal(small)).warm_up()

    @cached_property
    def _ground(self) -> Ground:
        return make_ground(self._instance, NEAR)

    def _of(self, routes: list[list[int]]) -> RoutesState:
        plan = make_plan(self._instance, self._ground, routes)
        return RoutesState(plan, total_length(plan, self._instance.size))
