"""Annealings of one CVRP side by side, one for each thread, which now and then all go on from the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, random_state
from redwood.problems.cvrp.instance import CVRPInstance
from redwood.problems.cvrp.plan import Ground, Plan, make_plan, total_length
from redwood.solvers.local_search.cvrp_kernels import anneal
from redwood.solvers.local_search.cvrp_ruin import Strings
from redwood.solvers.local_search.cvrp_search import (
    BEST,
    COOLING,
    CURRENT,
    PENALTY,
    PRICE,
    TEMPERATURE,
    Search,
    make_search,
)
from redwood.solvers.local_search.threads import together


class Chain(NamedTuple):
    """Routes that change, what their search remembers, and its generator's state."""

    plan: Plan
    search: Search
    state: RandomState


class Chains:
    """Chains over the same instance, each with random numbers of its own.

    Parameters
    ----------
    ground
        The fixed data of the instance.
    strings
        How much is ruined.
    rngs
        A generator for each chain.
    executor
        Lends the threads; ``None`` for one chain.
    """

    def __init__(
        self, ground: Ground, strings: Strings, rngs: Sequence[np.random.Generator], executor: Executor | None
    ) -> None:
        self._ground, self._strings, self._executor = ground, strings, executor
        self._states = [random_state(rng) for rng in rngs]
        self._chains: list[Chain] = []

    def __len__(self) -> int:
        return len(self._states)

    def begin(self, instance: CVRPInstance, routes: list[list[int]], fees: Array) -> float:
        """Begin anew from routes, with the fee of leaving each customer out; returns their length."""
        self._chains = []
        for state in self._states:
            plan = make_plan(instance, self._ground, routes)
            length = total_length(plan, instance.size)
            self._chains.append(Chain(plan, make_search(self._ground, plan, length, fees), state))
        return length

    def anneal(self, steps: int, limit: float) -> int:
        """Do ``steps`` iterations of each chain, or as many as ``limit`` allows in all, and return how many."""
        running = self._chains[: max(1, int(min(limit, len(self._chains))))]
        steps = int(max(1, min(steps, limit / len(running))))
        ground, strings = self._ground, self._strings
        jobs = [partial(anneal, plan, ground, search, strings, state, steps) for plan, search, state in running]
        together(self._executor, jobs)
        return steps * len(running)

    def heat(self, temperature: float, cooling: float) -> None:
        """Set the temperature, and the factor on it at each iteration."""
        for chain in self._chains:
            chain.search.values[TEMPERATURE], chain.search.values[COOLING] = temperature, cooling

    def share(self) -> None:
        """Let all chains go on from the cheapest routes of now."""
        first = min(self._chains, key=_cost)
        for chain in self._chains:
            if chain is not first:
                for old, new in zip((*chain.plan, *chain.search), (*first.plan, *first.search), strict=True):
                    old[...] = new

    @property
    def best(self) -> Array:
        """The best routes of any chain that serve everyone, as `Plan.after`."""
        return self._leader.search.best

    @property
    def length(self) -> float:
        """The length of the best routes; infinite where there are none."""
        return float(self._leader.search.values[BEST])

    @property
    def plans(self) -> list[Plan]:
        """The routes of now."""
        return [chain.plan for chain in self._chains]

    @property
    def _leader(self) -> Chain:
        return min(self._chains, key=lambda chain: float(chain.search.values[BEST]))


def _cost(chain: Chain) -> float:
    values = chain.search.values
    return float(values[CURRENT] + values[PRICE] * values[PENALTY])
