"""Random instances of independent arms on which index policies and prices fail, each for a reason of its own.

``nonsync`` and ``conveyor``: arms alike that must be moved around a circle in turns, though prices want all in one place;
``sparse``: few arms, few possible moves, a short horizon; ``bundles``: one of some bundles of arms is pulled;
``deadlines``: jobs that arrive, need work and are due; ``shifting``: arms change over time, and pulls have windows;
``collapsing``: the state is seen only when an arm is pulled.

References
----------
Hong, Xie, Chen, Wang (2023), Restless bandits with average reward: breaking the uniform global attractor assumption,
arXiv:2306.00196.
Yu, Xu, Tong (2018), Deadline scheduling as restless bandits, arXiv:1610.00399.
Mate, Killian, Xu, Perrault, Tambe (2020), Collapsing bandits and their application to public health interventions,
arXiv:2007.04432.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet
from redwood.planning.beliefs import collapsing
from redwood.planning.calendar import by_week
from redwood.planning.contract import Arms
from redwood.problems.cormab.arms import make_arms
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.listed import ListedSet

CIRCLE = 8
"""States of a circle of arms alike."""
BRANCHES = 2
"""The most states that a sparse arm can go to from a state under an action."""
LEAD, WORK = 3, 2
"""The longest time that a job is there for, and the most work that it can need, in steps."""
REMEMBERED = 6
"""Steps since a pull that collapsing arms tell apart."""
CHANGES = 3
"""Times at which the arms of a shifting instance change."""
Draw = tuple[Arms, ActionSet]


def _draw_nonsync(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return alike arms of eight states, six of ten of which may be pulled, after an example of Hong and others.

    Pulled, an arm goes 0 to 1 and so on to 6, then back to 0; left alone, it falls to 0, but from state 6, which pays 1 when
    left alone, to 4 or 7. Pulls in 4, 5 and 7 pay 1. With probability U(0, 0.1) a move fails and the arm stays. Starts are
    uniform.
    """
    moves = np.zeros((2, CIRCLE, CIRCLE))
    moves[0, :, 0] = 1.0
    moves[0, 6] = 0.5 * (np.eye(CIRCLE)[4] + np.eye(CIRCLE)[7])
    moves[1, np.arange(6), np.arange(1, 7)] = 1.0
    moves[1, 6, 0] = moves[1, 7, 6] = 1.0
    rewards = np.zeros((2, CIRCLE))
    rewards[0, 6] = 1.0
    rewards[1, [4, 5, 7]] = 1.0
    stays = rng.uniform(0.0, 0.1)
    return _alike(size, max(1, round(0.6 * size)), (1.0 - stays) * moves + stays * np.eye(CIRCLE), rewards)


def _draw_conveyor(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return alike arms on a circle of eight states, half of which may be pulled: the "conveyor" of Hong and others.

    In the first four states a pull, in the last four rest, moves an arm on with probability U(0.4, 0.6), and the other
    action moves it back with U(0.3, 0.5). An arm that leaves the last state under rest pays 1. Starts are uniform.
    """
    onward, back = rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.5)
    moves, rewards = np.zeros((2, CIRCLE, CIRCLE)), np.zeros((2, CIRCLE))
    for state in range(CIRCLE):
        right = 1 if state < CIRCLE // 2 else 0
        moves[right, state, (state + 1) % CIRCLE] += onward
        moves[right, state, state] += 1.0 - onward
        moves[1 - right, state, max(state - 1, 0)] += back
        moves[1 - right, state, state] += 1.0 - back
    rewards[0, CIRCLE - 1] = onward
    return _alike(size, max(1, size // 2), moves, rewards)


def _alike(size: int, budget: int, moves: Array, rewards: Array) -> Draw:
    """Return alike arms with uniform starts under a budget."""
    start = np.full((size, CIRCLE), 1.0 / CIRCLE)
    arms = make_arms(np.repeat(moves[None], size, 0), np.repeat(rewards[None], size, 0), start)
    return arms, BudgetSet(size, budget)


def _draw_sparse(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return arms of three states with one or two successors each, rewards of states of which half are 0, random starts."""
    states = 3
    moves = np.zeros((size, 2, states, states))
    for row in moves.reshape(-1, states):
        to = rng.choice(states, int(rng.integers(1, BRANCHES + 1)), replace=False)
        row[to] = rng.dirichlet(np.ones(len(to)))
    rewards = rng.random((size, states)) * (rng.random((size, states)) < 0.5)
    start = np.eye(states)[rng.integers(0, states, size)]
    return make_arms(moves, np.repeat(rewards[:, None], 2, axis=1), start), BudgetSet(size, budget)


def _draw_bundles(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return arms of three states in bundles of a third of them each, of which one is pulled, or none.

    There are half as many bundles as arms, and at least three. A pull leads up with U(0.5, 0.9), rest down with
    U(0.05, 0.3), so that bundles are worth taking in turns; the highest state pays U(0.5, 1.5), the one below a third.
    """
    states = 3
    up, down = rng.uniform(0.5, 0.9, size), rng.uniform(0.05, 0.3, size)
    moves, worth = np.zeros((size, 2, states, states)), rng.uniform(0.5, 1.5, size)
    for state in range(states):
        moves[:, 1, state, min(state + 1, states - 1)] += up
        moves[:, 1, state, state] += 1.0 - up
        moves[:, 0, state, max(state - 1, 0)] += down
        moves[:, 0, state, state] += 1.0 - down
    rewards = worth[:, None, None] * np.array([0.0, 1.0 / 3.0, 1.0]) * np.ones((1, 2, 1))
    bundles = np.zeros((max(3, size // 2), size), np.int64)
    for bundle in bundles:
        bundle[rng.choice(size, max(1, size // 3), replace=False)] = 1
    for arm in np.flatnonzero(bundles.sum(axis=0) == 0):
        bundles[rng.integers(len(bundles)), arm] = 1
    rows = np.unique(np.concatenate([np.zeros((1, size), np.int64), bundles]), axis=0)
    return make_arms(moves, rewards), ListedSet(rows)


def _draw_deadlines(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return chargers to which jobs come: a step of work on an open one pays, work that is missing when it is due costs.

    State 0 is an empty charger, the others say how many steps a job is still there and how much work it needs. A pull does a
    step of work and pays U(0.6, 1); in a state without work it does nothing, so that these actions are as if not there. When
    the time is over, w steps of missing work cost 0.4 w^2, and a new job comes with probability U(0.3, 0.9), its time
    and work uniform.
    """
    states, rewards_of = 1 + LEAD * (WORK + 1), rng.uniform(0.6, 1.0, size)
    comes = rng.uniform(0.3, 0.9, size)
    arrival = np.zeros((size, states))
    for time in range(1, LEAD + 1):
        for work in range(1, WORK + 1):
            arrival[:, _job(time, work)] = comes / (LEAD * WORK)
    arrival[:, 0] = 1.0 - comes
    moves, rewards = np.zeros((size, 2, states, states)), np.zeros((size, 2, states))
    moves[:, :, 0] = arrival[:, None]
    for time in range(1, LEAD + 1):
        for work in range(WORK + 1):
            for pull in range(2):
                left, state = max(0, work - pull), _job(time, work)
                rewards[:, pull, state] = rewards_of * (work - left)
                if time == 1:
                    moves[:, pull, state] = arrival
                    rewards[:, pull, state] -= 0.4 * left**2
                else:
                    moves[:, pull, state, _job(time - 1, left)] = 1.0
    return make_arms(moves, rewards, arrival), BudgetSet(size, max(1, round(0.4 * size)))


def _job(time: int, work: int) -> int:
    """Return the state of a charger whose job is there for so many steps and needs so much work."""
    return 1 + (time - 1) * (WORK + 1) + work


def _draw_shifting(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return arms of two states that change at three random steps; each can be pulled in two thirds of the weeks.

    Between changes a pull leads to state 1 with U(0.5, 0.95) and keeps it with U(0.7, 1), rest does so with U(0, 0.3) and
    U(0.3, 0.9); state 1 pays U(0, 2).
    """
    changes = np.sort(rng.integers(1, max(2, horizon), CHANGES))
    moves, rewards = np.zeros((horizon, size, 2, 2, 2)), np.zeros((horizon, size, 2, 2))
    for begin, end in zip([0, *changes.tolist()], [*changes.tolist(), horizon], strict=True):
        up = _two_states(size, ((0.0, 0.3), (0.3, 0.9), (0.5, 0.95), (0.7, 1.0)), rng)
        moves[begin:end] = np.stack([1.0 - up, up], axis=-1)
        rewards[begin:end, :, :, 1] = rng.uniform(0.0, 2.0, size)[:, None]
    available = rng.random((horizon, size)) < 2.0 / 3.0
    arms = by_week(moves, rewards, np.tile([0.5, 0.5], (size, 1)), available=available)
    return make_arms(arms.transitions, arms.rewards, arms.start), BudgetSet(size, budget)


def _draw_collapsing(size: int, budget: int, horizon: int, rng: np.random.Generator) -> Draw:
    """Return people who take their medicine (state 1, which pays 1) or not, seen only when called; one of five begins so.

    A call leads to 1 with U(0.6, 0.95) and keeps it with U(0.9, 1); otherwise U(0.02, 0.1) and U(0.7, 0.95): few begin by
    themselves, and who was called needs no call for a while.
    """
    up = _two_states(size, ((0.02, 0.1), (0.7, 0.95), (0.6, 0.95), (0.9, 1.0)), rng)
    people = make_arms(np.stack([1.0 - up, up], axis=-1), np.tile([0.0, 1.0], (size, 2, 1)), np.tile([0.8, 0.2], (size, 1)))
    believed = collapsing(people, REMEMBERED)
    return make_arms(believed.transitions, believed.rewards, believed.start), BudgetSet(size, budget)


def _two_states(size: int, ranges: Sequence[tuple[float, float]], rng: np.random.Generator) -> Array:
    """Return how probable state 1 is next [J, A, S], between the ends of ``ranges``: of action 0 in states 0 and 1, of 1."""
    return np.stack([rng.uniform(low, high, size) for low, high in ranges], axis=1).reshape(size, 2, 2)


HARD: Mapping[str, Callable[[int, int, int, np.random.Generator], Draw]] = {
    "nonsync": _draw_nonsync,
    "conveyor": _draw_conveyor,
    "sparse": _draw_sparse,
    "bundles": _draw_bundles,
    "deadlines": _draw_deadlines,
    "shifting": _draw_shifting,
    "collapsing": _draw_collapsing,
}
"""The variants, by name: of a size, a budget, a horizon and a generator of random numbers."""

HORIZONS: Mapping[str, int] = {"nonsync": 40, "conveyor": 60, "sparse": 8}
"""Steps of the variants whose usual number is not 20."""
