"""Annealings of one instance of rich routing side by side, one for each thread, which now and then all go on from one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np

from redwood.kernels import RandomState
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import Plan
from redwood.solvers.local_search.threads import together
from redwood.solvers.local_search.vrp_kernels import anneal
from redwood.solvers.local_search.vrp_ruin import Strings
from redwood.solvers.local_search.vrp_search import (
    BEST,
    COOLING,
    CURRENT,
    FLEET,
    PENALTY,
    PRICE,
    STALE,
    TEMPERATURE,
    Search,
)

BEST_ROUTES = ("best_after", "best_kind", "best_window")


class Chain(NamedTuple):
    """Routes that change, and what their search remembers."""

    plan: Plan
    search: Search

    def rank(self) -> tuple[int, int, float, float]:
        """Order chains: first by vehicles, while they are saved, and by who is absent; then by cost."""
        values, saving = self.search.values, int(self.search.counters[FLEET])
        cost = float(values[CURRENT] + values[PRICE] * values[PENALTY])
        return (saving, int(self.plan.counts[1]), float(values[PENALTY]), cost) if saving else (0, 0, 0.0, cost)


class Chains:
    """Chains over the same instance, each with random numbers of its own.

    The first one is what single-threaded search works on; it has the best routes of all after `share`.

    Parameters
    ----------
    ground
        The fixed data of the instance.
    strings
        How much is ruined.
    states
        The generator's state of each chain.
    executor
        Lends the threads; ``None`` for one chain.
    """

    def __init__(self, ground: Ground, strings: Strings, states: Sequence[RandomState], executor: Executor | None) -> None:
        self._ground, self._strings, self._executor, self._states = ground, strings, executor, tuple(states)
        self._chains: list[Chain] = []

    def __len__(self) -> int:
        return len(self._states)

    def begin(self, plan: Plan, search: Search) -> None:
        """Begin anew with chains that all have these routes; the first works on the given arrays."""
        self._chains = [Chain(plan, search)]
        for _ in self._states[1:]:
            self._chains.append(Chain(Plan(*map(np.copy, plan)), Search(*map(np.copy, search))))

    def anneal(self, steps: int, limit: float) -> int:
        """Do ``steps`` iterations of each chain, or as many as ``limit`` allows in all, and return how many.

        A single chain may end before, with the saving of vehicles.
        """
        if len(self) == 1:
            plan, search = self._chains[0]
            return int(anneal(plan, self._ground, search, self._strings, self._states[0], int(min(steps, limit))))
        running = int(max(1, min(limit, len(self))))
        steps = int(max(1, min(steps, limit / running)))
        together(self._executor, [partial(self._advance, place, steps) for place in range(running)])
        return steps * running

    def _advance(self, place: int, steps: int) -> None:
        plan, search = self._chains[place]
        while steps > 0:  # a call ends where the saving of vehicles does
            steps -= max(1, int(anneal(plan, self._ground, search, self._strings, self._states[place], steps)))

    def heat(self, temperature: float, cooling: float) -> None:
        """Set the temperature, and the factor on it at each iteration."""
        for _, search in self._chains:
            search.values[TEMPERATURE], search.values[COOLING] = temperature, cooling

    def gather(self) -> None:
        """Let the first chain have the best routes of any."""
        first = self._chains[0].search
        search = min((chain.search for chain in self._chains), key=lambda search: float(search.values[BEST]))
        if search.values[BEST] < first.values[BEST]:
            for name in BEST_ROUTES:
                getattr(first, name)[...] = getattr(search, name)
            first.values[BEST] = search.values[BEST]
            _distrust(first)

    def share(self) -> None:
        """Let all chains go on from the routes of the one that ranks first, with the best routes of any."""
        self.gather()
        first, leader = self._chains[0], min(self._chains, key=Chain.rank)
        best = [np.copy(getattr(first.search, name)) for name in BEST_ROUTES]
        value = float(first.search.values[BEST])
        for chain in self._chains:
            if chain is not leader:
                for old, new in zip((*chain.plan, *chain.search), (*leader.plan, *leader.search), strict=True):
                    old[...] = new
        for _, search in self._chains:
            for name, array in zip(BEST_ROUTES, best, strict=True):
                getattr(search, name)[...] = array
            search.values[BEST] = value
            _distrust(search)

    @property
    def plans(self) -> list[Plan]:
        """The routes of now."""
        return [chain.plan for chain in self._chains]


def _distrust(search: Search) -> None:
    """Note that any route may differ from the best ones."""
    slots = len(search.stale)
    search.stale[:] = np.arange(slots)
    search.is_stale[:] = True
    search.counters[STALE] = slots
