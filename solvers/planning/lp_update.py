"""`LPUpdate`: the Lagrangian policy with prices found anew from the states that have been reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import OptionError, SolutionError
from redwood.planning.contract import Arms, Planning, Policy, check_finite
from redwood.planning.policies import worths
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver

if TYPE_CHECKING:
    from redwood.planning.bounds.duality import Priced
    from redwood.planning.bounds.segment import Stretch


LOOSE = 1e-3
"""Share of the bound by which the relaxed set's prices may miss it; where they miss it by more, updates use the hull."""
ENOUGH = 2e-3
"""Relative distance of bound and program at which an update over the hull ends."""


@dataclass(frozen=True, eq=False)
class UpdatedPolicy(Policy):
    """Price the next steps anew from the joint state in every so many steps, and act on what each arm then expects.

    An update begins at the first prices, and takes others only where they prove a tighter bound on what the window can
    bring from the episode's states. Between two updates an episode keeps the worths of its last one, so `choose`
    remembers its episodes by their rows: a call with other episodes than the last one's, or out of turn, updates first.

    Attributes
    ----------
    prices
        Price [H, J, A] of each level in each step at the start, where updates begin to look.
    ending
        Worth [H + 1, J, S] of an arm's states before each step under these prices: what follows a window.
    every
        Number of steps between two updates.
    window
        Number of steps that an update looks ahead.
    rounds
        The most rounds of an update that searches beyond the action set's relaxation.
    loose
        Whether prices of the relaxation are too far from the best ones, so that updates search over the hull of actions
        by column generation where the window is small enough for it.
    """

    kind: ClassVar[str] = "lp-update"
    prices: Array
    ending: Array
    every: int = 1
    window: int = 10
    rounds: int = 20
    loose: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "prices", frozen(self.prices, np.float64))
        object.__setattr__(self, "ending", frozen(self.ending, np.float64))
        for name in ("every", "window", "rounds"):
            if getattr(self, name) < 1:
                raise SolutionError(f"{name} {getattr(self, name)} is below 1; give at least 1.")

    def describe(self) -> dict[str, Any]:
        """Return that updated prices decide; the oracle proves each joint action to be a maximum under them."""
        return {"decides_by": "lp-update", "proven": True}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action for the worths of each episode's last update."""
        memory: _Memory | None = getattr(self, "_memory", None)
        since = 0 if memory is None else step - memory.step
        if memory is None or len(memory.tables) != len(states) or not 0 < since < self.every:
            memory, since = _Memory(step, self._updated(planning, states, step)), 0
            object.__setattr__(self, "_memory", memory)
        now = np.array([worths(table, row[None], since)[0] for table, row in zip(memory.tables, states, strict=True)])
        return planning.actions.choose(now)

    def _updated(self, planning: Planning, states: Array, step: int) -> list[Array]:
        """Return the worth [T, J, A, S] of the next steps for each row of states, rows that are the same sharing it."""
        from redwood.planning.bounds.duality import refinable, relaxable

        rows, which = np.unique(states, axis=0, return_inverse=True)
        ahead = self._window(planning, step)
        if self.loose and refinable(ahead):
            find = self._over_hull
        else:
            find = self._over_relaxation if relaxable(ahead) else self._searched
        starts = np.eye(planning.arms.start.shape[1])[rows]
        tables = [found.worth[: self.every] for found in find(ahead, starts, self._first(ahead, step))]
        return [tables[index] for index in which.ravel()]

    def _window(self, planning: Planning, step: int) -> Stretch:
        """Return the next steps, what follows being worth what the first prices say."""
        from redwood.planning.bounds.segment import Stretch

        steps = min(self.window, planning.horizon - step)
        ending = self.ending[step + steps] / planning.discount**step
        return Stretch(planning.arms, planning.actions, steps, planning.discount, ending)

    def _first(self, ahead: Stretch, step: int) -> Array:
        """Return the first prices of the window's steps."""
        prices: Array = self.prices[step : step + ahead.horizon] / ahead.discount**step
        return prices

    def _over_relaxation(self, ahead: Stretch, starts: Array, first: Array) -> Iterator[Priced]:
        """Yield the best prices for start chances [J, S]: the program stays the same but for these."""
        from redwood.planning.bounds.duality import price
        from redwood.planning.bounds.relaxing import RelaxedProgram

        program = RelaxedProgram(ahead, ahead.actions.relaxation)
        for start in starts:
            program.begin(start)
            prices = program.prices()
            there = _from(ahead, start)
            found = price(there, first if prices is None else prices)
            if prices is not None and not ahead.actions.relaxation.tight:
                found = min(price(there, first), found, key=lambda tried: tried.bound)
            yield found

    def _over_hull(self, ahead: Stretch, starts: Array, first: Array) -> Iterator[Priced]:
        """Yield the best prices for start chances [J, S] by column generation: the actions found for one serve the next."""
        from redwood.planning.bounds.duality import price, refined
        from redwood.planning.bounds.master import Master

        master = Master(ahead)
        for start in starts:
            there = _from(ahead, start)
            master.begin(start)
            yield refined(there, price(there, first), master, Timer(), self.rounds, ENOUGH)

    def _searched(self, ahead: Stretch, starts: Array, first: Array) -> Iterator[Priced]:
        """Yield the best prices for start chances [J, S] by searches that begin at the first prices."""
        from redwood.planning.bounds.duality import tighten

        for start in starts:
            yield tighten(_from(ahead, start), Timer(), self.rounds, first)


def _from(ahead: Stretch, start: Array) -> Stretch:
    """Return a window whose arms begin with chances [J, S] of their states."""
    return replace(ahead, arms=Arms(ahead.arms.transitions, ahead.arms.rewards, start))


@dataclass(frozen=True, eq=False)
class _Memory:
    """The step of the last update, and the worths [T, J, A, S] that it gave to each episode."""

    step: int
    tables: list[Array] = field(repr=False)


@dataclass(frozen=True)
class LPUpdate(Solver):
    """Find the prices of the tightest bound, and find them anew on the way, from the states that have been reached.

    The prices of `lagrangian` belong to the expected course of events; here they follow the actual one. An update looks
    ``window`` steps ahead, what follows being worth what the first prices say.

    Attributes
    ----------
    every
        Number of steps between two updates.
    window
        Number of steps that an update looks ahead.
    rounds
        The most rounds of an update.

    References
    ----------
    Gast, Gaujal, Yan (2022), LP-based policies for restless bandits: necessary and sufficient conditions for
    (exponentially fast) asymptotic optimality, arXiv:2211.01961, section on the LP-update policy.
    """

    every: int = 4
    window: int = 10
    rounds: int = 20

    def __post_init__(self) -> None:
        for name in ("every", "window", "rounds"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is below 1; give at least 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401

        planning = problem.view(Planning, instance)
        planning.actions.argmax(planning.arms.rewards[:, :, 0])

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.planning.bounds.duality import tighten

        planning = problem.view(Planning, instance)
        check_finite(planning, "lp-update")
        found = tighten(planning, run)
        ending = np.zeros((planning.horizon + 1, *planning.arms.start.shape))
        ending[:-1] = (found.worth - found.prices[..., None]).max(axis=2)
        bound = found.bound / planning.horizon
        loose = found.relaxed is None or found.relaxed > found.bound + LOOSE * abs(found.bound)
        policy = UpdatedPolicy(found.prices, ending, self.every, self.window, self.rounds, loose)
        return Answer(policy, bound=bound + 1e-9 * abs(bound))
