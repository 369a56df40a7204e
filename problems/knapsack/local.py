"""The view `Local` of a knapsack instance: adding, dropping and exchanging items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.kernels import random_state
from redwood.problems.knapsack import local_kernels as kernels
from redwood.problems.knapsack.instance import SLACK, KnapsackInstance, Packing
from redwood.views.local import Local

FEW = 12
"""Items that `KnapsackLocal.warm_up` takes."""
Move = tuple[int, int]
"""The item that leaves and the item that enters; -1 for none."""


@dataclass
class State:
    """A packing that is being changed.

    Attributes
    ----------
    order
        Items [N], the packed ones first.
    where
        Place [N] of each item in ``order``.
    count
        Number of packed items, [1].
    totals
        Weight and value of the packed items, [2].
    moves
        Moves made since ``totals`` were last added up from scratch.
    """

    order: Array
    where: Array
    count: Array
    totals: Array
    moves: int = 0

    @property
    def arrays(self) -> kernels.PackingArrays:
        """The state as kernels take it."""
        return self.order, self.where, self.count, self.totals


class KnapsackLocal(Local):
    """Neighbourhoods: pack an item, unpack one, exchange a packed item for another that fits in its place.

    `descend` ends where neither packing an item nor any exchange improves the packing; a pass costs O(N log N).
    """

    def __init__(self, instance: KnapsackInstance) -> None:
        self._instance = instance
        self._values = instance.values.astype(np.float64)
        self._weights = instance.weights.astype(np.float64)
        whole = np.issubdtype(instance.weights.dtype, np.integer)
        self._capacity = float(instance.capacity) * (1.0 if whole else 1.0 + SLACK / 2)  # the rest is for rounding
        with np.errstate(over="ignore"):
            free = np.full(instance.size, np.inf)
            self._ratios = np.divide(self._values, self._weights, out=free, where=self._weights > 0)
        self._by_ratio = np.argsort(-self._ratios, kind="stable")
        self._by_weight = np.argsort(self._weights, kind="stable")
        self._sorted_weights = self._weights[self._by_weight]
        used = np.cumsum(self._weights[self._by_ratio])
        self._centre = int(np.searchsorted(used, self._capacity, side="right"))

    def initial(self, rng: np.random.Generator) -> State:
        """Return the state that packs, in random order, whatever still fits."""
        return self._filled(self._empty(), rng.permutation(self._instance.size))

    def construct(self, rng: np.random.Generator) -> State:
        """Return the state that packs by value per weight whatever still fits; ``rng`` orders items of the same ratio.

        Where the most valuable single item is worth more than that, it is packed first, so that the value is at least
        half of the optimum.
        """
        sequence = np.lexsort((rng.random(self._instance.size), -self._ratios))
        state = self._filled(self._empty(), sequence)
        best = int(np.argmax(np.where(self._weights <= self._capacity, self._values, -1.0)))
        if self._values[best] <= state.totals[1]:
            return state
        return self._filled(self._filled(self._empty(), np.array([best])), sequence)

    def state(self, solution: Packing) -> State:  # type: ignore[override]
        """Return the state of a feasible packing."""
        state = self._empty()
        for item in solution.items:
            kernels.add_item(state.arrays, self._values, self._weights, item)
        return state

    def copy(self, state: State) -> State:
        """Return an independent copy."""
        return State(state.order.copy(), state.where.copy(), state.count.copy(), state.totals.copy(), state.moves)

    def solution(self, state: State) -> Packing:
        """Return the packing of a state."""
        return Packing(np.sort(state.order[: state.count[0]]))

    def objective(self, state: State) -> float:
        """Return the value of the packed items."""
        return float(state.totals[1])

    def propose(self, state: State, rng: np.random.Generator) -> tuple[Move, float] | None:
        """Return a random feasible move and the change of value."""
        leaving, entering = kernels.draw_move(state.arrays, self._weights, self._capacity, random_state(rng))
        if leaving == entering == kernels.NONE:
            return None
        gain = 0.0 if entering == kernels.NONE else self._values[entering]
        loss = 0.0 if leaving == kernels.NONE else self._values[leaving]
        return (leaving, entering), float(gain - loss)

    def apply(self, state: State, move: Move) -> None:
        """Make a proposed move."""
        kernels.make_move(state.arrays, self._values, self._weights, *move)
        state.moves += 1
        if state.moves > 1000 + self._instance.size:
            kernels.recount(state.arrays, self._values, self._weights)
            state.moves = 0

    def descend(self, state: State) -> None:
        """Add and exchange items until neither improves the packing."""
        kernels.recount(state.arrays, self._values, self._weights)
        while kernels.descend(
            state.arrays,
            self._values,
            self._weights,
            self._capacity,
            self._by_ratio,
            self._by_weight,
            self._sorted_weights,
        ):  # ends: each exchange is for an item of a higher value, so that no packing comes back
            if self.out_of_time(self._instance.size):
                break
        state.moves = 0

    def perturb(self, state: State, rng: np.random.Generator) -> None:
        """Unpack a few items, mostly near the break of the greedy packing, and pack others."""
        random = random_state(rng)
        kernels.shake(state.arrays, self._values, self._weights, self._capacity, self._by_ratio, self._centre, random)

    def warm_up(self) -> None:
        """Compile what the other methods need, on the first items of the instance."""
        whole = self._instance
        few = KnapsackInstance(values=whole.values[:FEW], weights=whole.weights[:FEW], capacity=whole.capacity)
        super(KnapsackLocal, KnapsackLocal(few)).warm_up()

    def _empty(self) -> State:
        size = self._instance.size
        return State(np.arange(size), np.arange(size), np.zeros(1, dtype=np.int64), np.zeros(2))

    def _filled(self, state: State, sequence: Array) -> State:
        kernels.fill(state.arrays, self._values, self._weights, self._capacity, sequence)
        return state
