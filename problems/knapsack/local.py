"""The view `Local` of a knapsack instance: adding, dropping and exchanging items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from redwood.arrays import Array
from redwood.kernels import random_state
from redwood.problems.knapsack import local_kernels as kernels
from redwood.problems.knapsack.instance import SLACK, KnapsackInstance, Packing
from redwood.views.local import Local

Move = tuple[int, int]
"""The item that leaves and the item that enters; -1 for none."""


@dataclass
class State:
    """A packing that is being changed.

    Attributes
    ----------
    packed
        The items, as kernels take them.
    moves
        Moves made since totals were last added up from scratch.
    """

    packed: kernels.Packed
    moves: int = 0


class KnapsackLocal(Local):
    """Neighbourhoods: pack an item, unpack one, exchange a packed item for another that fits in its place.

    `descend` ends where neither packing an item nor any exchange improves the packing; a pass costs O(N log N).
    """

    def __init__(self, instance: KnapsackInstance) -> None:
        self._instance = instance
        values, weights = instance.values.astype(np.float64), instance.weights.astype(np.float64)
        whole = np.issubdtype(instance.weights.dtype, np.integer)
        capacity = float(instance.capacity) * (1.0 if whole else 1.0 + SLACK / 2)  # the rest is for rounding
        with np.errstate(over="ignore"):
            free = np.full(instance.size, np.inf)
            self._ratios = np.divide(values, weights, out=free, where=weights > 0)
        by_ratio, by_weight = np.argsort(-self._ratios, kind="stable"), np.argsort(weights, kind="stable")
        centre = int(np.searchsorted(np.cumsum(weights[by_ratio]), capacity, side="right"))
        self._items = kernels.Items(values, weights, capacity, by_ratio, centre, by_weight, weights[by_weight])

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
        best = int(np.argmax(np.where(self._items.weights <= self._items.capacity, self._items.values, -1.0)))
        if self._items.values[best] <= self.objective(state):
            return state
        return self._filled(self._filled(self._empty(), np.array([best])), sequence)

    def state(self, solution: Packing) -> State:  # type: ignore[override]
        """Return the state of a feasible packing."""
        state = self._empty()
        for item in solution.items:
            kernels.add_item(self._items, state.packed, item)
        return state

    def copy(self, state: State) -> State:
        """Return an independent copy."""
        return State(kernels.Packed(*(array.copy() for array in state.packed)), state.moves)

    def solution(self, state: State) -> Packing:
        """Return the packing of a state."""
        return Packing(np.sort(state.packed.order[: state.packed.number[0]]))

    def objective(self, state: State) -> float:
        """Return the value of the packed items."""
        return float(state.packed.totals[1])

    def propose(self, state: State, rng: np.random.Generator) -> tuple[Move, float] | None:
        """Return a random feasible move and the change of value."""
        leaving, entering = kernels.draw_move(self._items, state.packed, random_state(rng))
        if leaving == entering == kernels.NONE:
            return None
        gain = 0.0 if entering == kernels.NONE else self._items.values[entering]
        loss = 0.0 if leaving == kernels.NONE else self._items.values[leaving]
        return (leaving, entering), float(gain - loss)

    def apply(self, state: State, move: Move) -> None:
        """Make a proposed move."""
        kernels.make_move(self._items, state.packed, *move)
        state.moves += 1
        if state.moves > 1000 + self._instance.size:
            kernels.recount(self._items, state.packed)
            state.moves = 0

    def descend(self, state: State) -> None:
        """Add and exchange items until neither improves the packing."""
        kernels.recount(self._items, state.packed)
        while kernels.descend(self._items, state.packed):  # ends: each exchange is for an item of a higher value
            if self.out_of_time(self._instance.size):
                break
        state.moves = 0

    def perturb(self, state: State, rng: np.random.Generator) -> None:
        """Unpack a few items, mostly near the break of the greedy packing, and pack others."""
        kernels.shake(self._items, state.packed, random_state(rng))

    def warm_up(self) -> None:
        """Compile what the other methods need, once a process and on a few items: kernels take all numbers as float64."""
        _rehearse()

    def _empty(self) -> State:
        size = self._instance.size
        return State(kernels.Packed(np.arange(size), np.arange(size), np.zeros(1, dtype=np.int64), np.zeros(2)))

    def _filled(self, state: State, sequence: Array) -> State:
        kernels.fill(self._items, state.packed, sequence)
        return state


@cache
def _rehearse() -> None:
    few = KnapsackInstance(values=np.array([1, 2, 3, 4]), weights=np.array([1, 1, 2, 2]), capacity=3)
    super(KnapsackLocal, KnapsackLocal(few)).warm_up()
