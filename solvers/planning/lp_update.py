"""`LPUpdate`: the Lagrangian policy with prices found anew from the states that have been reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import OptionError, SolutionError, SolverError
from redwood.planning.contract import Arms, Criterion, Planning, Policy
from redwood.planning.policies import q_values_of
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver
from redwood.solvers.planning.lp_priority import agreement

if TYPE_CHECKING:
    from redwood.planning.bounds.segment import HorizonSegment


LOOSE = 1e-3
"""Share of the bound by which the relaxed set's prices may miss it; where they miss it by more, updates use the hull."""
ROUNDS = 20
"""The most rounds of an update that searches beyond the action set's relaxation."""
ENOUGH = 2e-3
"""Relative distance of bound and program at which an update over the hull ends."""
VISITED = 1e-9
"""Probability above which the program's solution says what to do in a state."""


@dataclass(frozen=True, eq=False)
class Update:
    """What an update says of the next steps.

    Attributes
    ----------
    q_values
        Expected reward to come [T, J, A, S] of each action in each state, later prices paid.
    prices
        Price [T, J, A] of each action.
    measures
        Probability [T, J, A, S] of each state and action in the program's solution, up to a factor an arm and state;
        ``None`` where the prices were found without a program.
    """

    q_values: Array
    prices: Array
    measures: Array | None


@dataclass(frozen=True, eq=False)
class UpdatedPolicy(Policy):
    """Solve the linear program of the next steps anew from the joint state in every so many steps, and round its solution.

    In the step of an update, actions are drawn as often as the program's solution gives them in the arms' states, by
    systematic sampling, so that their number is that of the solution up to one; the joint action agrees with as many of
    them as the set allows. Between updates it is the joint action of the greatest total value.

    An update begins at the first prices, and takes others only where they prove a tighter bound on what the window can
    bring from the episode's states. Between two updates an episode keeps the values of its last one, so `choose`
    remembers its episodes by their rows: a call with other episodes than the last one's, or out of turn, updates first.

    Attributes
    ----------
    prices
        Price [H, J, A] of each action in each step at the start, where updates begin to look.
    ending
        Q-values [H + 1, J, S] of an arm's states before each step under these prices: what follows a window.
    every
        Number of steps between two updates.
    window
        Number of steps that an update looks ahead.
    loose
        Whether prices of the relaxation are too far from the best ones, so that updates search over the hull of actions
        by column generation where the window is small enough for it.
    """

    kind: ClassVar[str] = "lp-update"
    prices: Array
    ending: Array
    every: int = 1
    window: int = 10
    loose: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "prices", frozen(self.prices, np.float64))
        object.__setattr__(self, "ending", frozen(self.ending, np.float64))
        for name in ("every", "window"):
            if getattr(self, name) < 1:
                raise SolutionError(f"{name} {getattr(self, name)} is below 1; give at least 1.")

    def describe(self) -> dict[str, Any]:
        """Return that updated prices decide; the oracle proves each joint action to be a maximum under them."""
        return {"decides_by": "lp-update", "proven": True}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the joint action that each episode's last update suggests."""
        memory: _Memory | None = getattr(self, "_memory", None)
        since = 0 if memory is None else step - memory.step
        if memory is None or len(memory.updates) != len(states) or not 0 < since < self.every:
            memory, since = _Memory(step, self._updated(planning, states, step)), 0
            object.__setattr__(self, "_memory", memory)
        pairs = list(zip(memory.updates, states, strict=True))
        now = np.array([q_values_of(update.q_values, row[None], since)[0] for update, row in pairs])
        if since > 0 or memory.updates[0].measures is None:
            return planning.actions.choose(now)
        ideal = np.array([rounded(update, row, rng) for update, row in pairs])
        everywhere = np.ones(states.shape, bool)
        return planning.actions.choose(agreement(ideal, everywhere, np.ones(states.shape[1]), now))

    def _updated(self, planning: Planning, states: Array, step: int) -> list[Update]:
        """Return what updates say of the next steps for each row of states, rows that are the same sharing it."""
        from redwood.planning.bounds.duality import refinable, relaxable

        rows, which = np.unique(states, axis=0, return_inverse=True)
        ahead = self._window(planning, step)
        if self.loose and refinable(ahead):
            find = self._over_hull
        else:
            find = self._over_relaxation if relaxable(ahead) else self._searched
        starts = np.eye(planning.arms.start.shape[1])[rows]
        updates = [self._kept(found) for found in find(ahead, starts, self._first(ahead, step))]
        return [updates[index] for index in which.ravel()]

    def _kept(self, update: Update) -> Update:
        """Return the steps of an update that come before the next one."""
        measures = None if update.measures is None else update.measures[: self.every]
        return Update(update.q_values[: self.every], update.prices[: self.every], measures)

    def _window(self, planning: Planning, step: int) -> HorizonSegment:
        """Return the next steps, what follows being worth what the first prices say."""
        from redwood.planning.bounds.segment import HorizonSegment

        steps = min(self.window, len(self.prices) - step)
        ending = self.ending[step + steps] / planning.discount**step
        return HorizonSegment(planning.arms, planning.actions, steps, planning.discount, ending)

    def _first(self, ahead: HorizonSegment, step: int) -> Array:
        """Return the first prices of the window's steps."""
        prices: Array = self.prices[step : step + ahead.horizon] / ahead.discount**step
        return prices

    def _over_relaxation(self, ahead: HorizonSegment, starts: Array, first: Array) -> Iterator[Update]:
        """Yield updates for start probabilities [J, S]: the program stays the same but for these.

        Arms that are alike are one arm of the program, which starts with their number in each state.
        """
        from redwood.planning.bounds.duality import answered, price
        from redwood.planning.bounds.relaxing import RelaxedProgram

        relaxation = ahead.actions.relaxation
        if not relaxation.tight:
            yield from self._apart(ahead, starts, first)
            return
        one, same = alike(ahead, relaxation.classes)
        few = replace(
            ahead,
            arms=Arms(ahead.arms.transitions[one], ahead.arms.rewards[one], ahead.arms.start[one]),
            ending=ahead.ending[one],
        )
        program = RelaxedProgram(few, replace(relaxation, classes=relaxation.classes[one]))
        for start in starts:
            together = np.zeros(few.arms.start.shape)
            np.add.at(together, same, start)
            program.begin(together)
            prices = program.prices()
            if prices is None:
                found = price(_from(ahead, start), first)
                yield Update(found.q_values, found.prices, None)
                continue
            yield Update(answered(few, prices)[0][:, same], prices[:, same], program.measures()[:, same])

    def _apart(self, ahead: HorizonSegment, starts: Array, first: Array) -> Iterator[Update]:
        """Yield updates by a program over a loose relaxation; the first prices stay where they prove a tighter bound."""
        from redwood.planning.bounds.duality import price
        from redwood.planning.bounds.relaxing import RelaxedProgram

        program = RelaxedProgram(ahead, ahead.actions.relaxation)
        for start in starts:
            there = _from(ahead, start)
            program.begin(start)
            prices = program.prices()
            best = price(there, first)
            if prices is not None:
                best = min(best, price(there, prices), key=lambda tried: tried.bound)
            yield Update(best.q_values, best.prices, None)

    def _over_hull(self, ahead: HorizonSegment, starts: Array, first: Array) -> Iterator[Update]:
        """Yield updates for start probabilities [J, S] by column generation: actions found for one serve the next."""
        from redwood.planning.bounds.duality import price, refined
        from redwood.planning.bounds.master import Master

        master = Master(ahead)
        for start in starts:
            there = _from(ahead, start)
            master.begin(start)
            found = refined(there, price(there, first), master, Timer(), ROUNDS, ENOUGH)
            solved = master.solve(np.inf)
            yield Update(found.q_values, found.prices, None if solved is None else master.measures())

    def _searched(self, ahead: HorizonSegment, starts: Array, first: Array) -> Iterator[Update]:
        """Yield updates for start probabilities [J, S] by searches that begin at the first prices."""
        from redwood.planning.bounds.duality import tighten

        for start in starts:
            found = tighten(_from(ahead, start), Timer(), ROUNDS, first)
            yield Update(found.q_values, found.prices, None)


def alike(ahead: HorizonSegment, classes: Array) -> tuple[Array, Array]:
    """Return one arm of each kind, and the kind [J] of each arm: their chains, class and what follows are the same."""
    count = len(classes)
    parts = (ahead.arms.transitions, ahead.arms.rewards, ahead.ending, classes)
    flat = np.concatenate([part.reshape(count, -1) for part in parts], axis=1)
    _, one, same = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    return one, same.ravel()


def rounded(update: Update, states: Array, rng: np.random.Generator) -> Array:
    """Return actions [J] drawn as often as an update's solution gives them in its own states [J], by systematic sampling.

    Arms of one kind in one state come one after the other, so that the number of them under an action is that of the
    solution, up to one. States that the solution does not come to take the action of the greatest value, its price paid.
    """
    if update.measures is None:
        raise SolverError("this update has no solution of its program to round; its prices alone can be followed.")
    arms = np.arange(len(states))
    measures = np.maximum(update.measures[0][arms, :, states], 0.0)
    total = measures.sum(axis=1, keepdims=True)
    best = (update.q_values[0][arms, :, states] - update.prices[0]).argmax(axis=1)
    otherwise = np.eye(measures.shape[1])[best]
    shares = np.where(total > VISITED, measures / np.maximum(total, VISITED), otherwise)
    order = np.lexsort((states, *shares.T))
    drawn, left = np.zeros(len(states), np.int64), np.ones(len(states))
    for arm_action in range(shares.shape[1] - 1, 0, -1):  # each action among the arms that have none yet
        conditional = np.where(drawn > 0, 0.0, np.minimum(shares[:, arm_action] / np.maximum(left, VISITED), 1.0))
        begun = rng.random()
        ends = np.floor(np.round(np.cumsum(conditional[order]), 9) + begun)
        drawn[order[np.diff(ends, prepend=0.0) > 0]] = arm_action
        left = left - shares[:, arm_action]
    return drawn


def _from(ahead: HorizonSegment, start: Array) -> HorizonSegment:
    """Return a window whose arms begin with probabilities [J, S] of their states."""
    return replace(ahead, arms=Arms(ahead.arms.transitions, ahead.arms.rewards, start))


@dataclass(frozen=True, eq=False)
class _Memory:
    """The step of the last update, and what it said of each episode."""

    step: int
    updates: list[Update] = field(repr=False)


@dataclass(frozen=True)
class LPUpdate(Solver):
    """Find the prices of the tightest bound, and find them anew on the way, from the states that have been reached.

    The prices of `lagrangian` belong to the expected course of events; here they follow the actual one. An update looks
    ``window`` steps ahead, what follows being worth what the first prices say.

    Attributes
    ----------
    every
        Number of steps between two updates; under the average reward there is one in every step.
    window
        Number of steps that an update looks ahead.

    References
    ----------
    Gast, Gaujal, Yan (2022), LP-based policies for restless bandits: necessary and sufficient conditions for
    (exponentially fast) asymptotic optimality, arXiv:2211.01961, section on the LP-update policy.
    """

    every: int = 4
    window: int = 10

    def __post_init__(self) -> None:
        for name in ("every", "window"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is below 1; give at least 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401

        planning = problem.view(Planning, instance)
        planning.actions.argmax(planning.arms.rewards[:, :, 0])

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        if planning.criterion is Criterion.AVERAGE:
            return self._endless(planning, run)
        from redwood.planning.bounds.duality import tighten

        found = tighten(planning, run)
        ending = np.zeros((planning.horizon + 1, *planning.arms.start.shape))
        ending[:-1] = (found.q_values - found.prices[..., None]).max(axis=2)
        bound = found.bound / planning.horizon
        loose = found.relaxed is None or found.relaxed > found.bound + LOOSE * abs(found.bound)
        policy = UpdatedPolicy(found.prices, ending, self.every, self.window, loose)
        return Answer(policy, bound=bound + 1e-9 * abs(bound))

    def _endless(self, planning: Planning, run: Run) -> Answer:
        """Return the policy for the average reward: an update in every step, followed by the stationary program's values."""
        from redwood.planning.bounds.average import solve_average

        found = solve_average(planning, run)
        prices = np.repeat(found.prices[None], self.window, axis=0)
        ending = np.repeat((found.q_values - found.prices[..., None]).max(axis=1)[None], self.window + 1, axis=0)
        loose = not planning.actions.relaxation.tight
        policy = UpdatedPolicy(prices, ending, 1, self.window, loose)
        return Answer(policy, bound=found.bound + 1e-9 * abs(found.bound))
