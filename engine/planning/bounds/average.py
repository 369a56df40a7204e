"""The bound on the long-run mean reward a step, and the prices that prove it: arms priced apart, under the average reward.

For prices p[j, a] and relative values h[j, s] of states, an arm gains at most ``g_j = max_{a, s} r + E h' - p - h`` a step,
and ``sum_j g_j + max_{u in A} p(u)`` bounds the mean of every policy, from every start, connected chains or not. The least
such bound is the value of the linear program over stationary occupation measures whose activity mixes actions.

References
----------
Whittle (1988), Restless bandits: activity allocation in a changing world, doi:10.2307/3214163.
Puterman (1994), Markov decision processes, sections 8.4 and 8.8, doi:10.1002/9780470316887.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.planning.bounds.master import optimised
from redwood.planning.bounds.relaxing import linear_program
from redwood.planning.contract import Arms, Planning
from redwood.planning.relaxation import Relaxation

CLOSE = 1e-5
"""Relative distance of bound and program at which the column generation ends."""
ROUNDS = 200
"""The most rounds of column generation."""
LARGEST = 4000
"""The most occupation measures for column generation; larger instances keep the prices of the relaxed set."""
NUDGE = 1e-4
"""Share by which activity is raised and lowered to see both ends of the optimal prices."""
FAVOUR = 1e-3
"""Reward, as a share of the range of rewards, for states and actions of the program's solution: it decides ties."""
VISITED = 1e-9
"""Share of time above which a state and action belong to the program's solution."""
NEARLY_ONE, IMPROVEMENTS = 1.0 - 1e-5, 200
"""Discount that stands for none, and the most policies of an iteration of policies."""


@dataclass(frozen=True, eq=False)
class Stationary:
    """What prices under the average reward amount to.

    Attributes
    ----------
    prices
        Price [J, A] of each action.
    q_values
        Relative Q-values [J, A, S] of each action in each state, later prices paid and the current one not.
    bound
        Upper bound on the long-run mean reward a step of every policy.
    arm_actions
        A joint action [J] worth most under the prices.
    measures
        Share of time [J, A, S] that each arm spends in each state for each action in the program's solution:
        a corner of the program, so that all but a few arms have one recurrent class. ``None`` where time ran out.
    """

    prices: Array
    q_values: Array
    bound: float
    arm_actions: Array
    measures: Array | None = None


def solve_average(planning: Planning, clock: Clock) -> Stationary:
    """Return the prices of the tightest bound that the clock allows, first over the relaxed set, then over its hull.

    Optimal prices are seldom unique: the ones returned lie in the middle, and the relative values under them are those of
    each arm's own optimal policy, in states too that the program never visits.
    """
    arms, arm_actions, states = planning.arms.shape
    relaxation = planning.actions.relaxation
    best = _priced(planning, np.zeros((arms, arm_actions)), np.zeros((arms, states)))
    program = StationaryProgram(planning, relaxation)
    solved = program.solve(clock.seconds_left)
    if solved is not None:
        best = min(best, _priced(planning, *solved[1:]), key=lambda found: found.bound)
    if not relaxation.tight and arms * arm_actions * states <= LARGEST:
        program = StationaryProgram(planning, None)
        program.add(best.arm_actions)
        best, solved = _generated(planning, program, best, clock)
    return best if solved is None else _centred(planning, program, best, clock)


def _generated(
    planning: Planning, program: StationaryProgram, best: Stationary, clock: Clock
) -> tuple[Stationary, tuple[float, Array, Array] | None]:
    """Return better prices by column generation, and the last solution of the program over actions."""
    solved = None
    for _ in range(ROUNDS):
        solved = None if clock.stops() else program.solve(clock.seconds_left)
        if solved is None or best.bound - solved[0] <= CLOSE * abs(best.bound):
            break
        last = _priced(planning, *solved[1:])
        best = min(best, last, key=lambda found: found.bound)
        program.add(last.arm_actions)
        program.add(planning.actions.argmax((best.prices + last.prices) / 2.0).arm_actions)
    return best, solved


def _centred(planning: Planning, program: StationaryProgram, best: Stationary, clock: Clock) -> Stationary:
    """Return the bound with prices from the middle of the optimal ones, and values that say what to do in every state.

    A little more and a little less activity give prices from the two ends. Where arms are as well off in one recurrent
    class as in another, a small reward for the states and actions of the program's solution lets each prefer its own.
    """
    measures = program.measures()
    ends = [program.solve(clock.seconds_left, scale) for scale in (1.0 - NUDGE, 1.0 + NUDGE)]
    found = [end[1] for end in ends if end is not None]
    prices = np.mean(found, axis=0) if found else best.prices
    if found and _priced(planning, prices, relative_values(planning.arms, prices)).bound > best.bound * (1.0 + CLOSE):
        prices = best.prices
    favour = FAVOUR * float(np.ptp(planning.arms.rewards)) * (measures > VISITED)
    values = relative_values(replace(planning.arms, rewards=planning.arms.rewards + favour), prices)
    proven = _priced(planning, prices, relative_values(planning.arms, prices)).bound
    q_values = planning.arms.rewards + favour + np.matmul(planning.arms.transitions, values[:, None, :, None])[..., 0]
    return Stationary(prices, q_values, min(best.bound, proven), best.arm_actions, measures)


def relative_values(arms: Arms, prices: Array) -> Array:
    """Return relative values [J, S] of arms that pay prices [J, A] and do what is best for themselves.

    Policy iteration at a discount so near 1 that it stands for none: values are defined for arms of several recurrent
    classes too, and a state from which a better class can be reached has the greater value.
    """
    count, _, states = arms.shape
    paid = arms.rewards - prices[:, :, None]
    rows, columns = np.arange(count)[:, None], np.arange(states)
    chosen = paid.argmax(axis=1)
    slack = 1e-9 * max(1e-12, float(np.ptp(paid)))
    values: Array = np.zeros((count, states))
    for _ in range(IMPROVEMENTS):
        moves = arms.transitions[rows, chosen, columns]
        system = np.eye(states) - NEARLY_ONE * moves
        values = np.linalg.solve(system, paid[rows, chosen, columns][..., None])[..., 0]
        values -= values[:, :1]
        q_values = paid + NEARLY_ONE * np.matmul(arms.transitions, values[:, None, :, None])[..., 0]
        better = q_values.max(axis=1) > q_values[rows, chosen, columns] + slack
        if not better.any():
            break
        chosen = np.where(better, q_values.argmax(axis=1), chosen)
    return values


def _priced(planning: Planning, prices: Array, values: Array) -> Stationary:
    """Return what prices [J, A] and relative values [J, S] prove."""
    arms = planning.arms
    q_values = arms.rewards + np.matmul(arms.transitions, values[:, None, :, None])[..., 0]
    gains = (q_values - prices[:, :, None] - values[:, None]).max(axis=(1, 2))
    choice = planning.actions.argmax(prices)
    return Stationary(prices, q_values, float(gains.sum()) + choice.bound, choice.arm_actions)


class StationaryProgram:
    """Maximise the mean reward of stationary arms whose actions are those of a relaxed set, or of a mixture of actions.

    Columns are the measures x[j, a, s], then the set's variables or the weights of actions. Rows are each arm's whole
    measure, 1; its flow [J, S]; the link of its class's actions [K, A - 1]; and the set's own, or the sum of the weights.
    """

    def __init__(self, planning: Planning, relaxation: Relaxation | None) -> None:
        from scipy.sparse import block_array, csc_array

        arms, arm_actions, states = self._shape = planning.arms.shape
        self._classes = np.arange(arms) if relaxation is None else relaxation.classes
        whole, flow, link = _stationary(planning, self._classes)
        blocks = [[whole, None], [flow, None], [link, None]]
        right = np.concatenate((np.ones(arms), np.zeros(flow.shape[0] + link.shape[0])))
        if relaxation is None:
            least, most, lower, upper = np.zeros(0), np.zeros(0), np.ones(1), np.ones(1)
            matrix = block_array([[block[0]] for block in blocks] + [[csc_array((1, arms * arm_actions * states))]])
        else:
            least, most, lower, upper = relaxation.least, relaxation.most, relaxation.lower, relaxation.upper
            matrix = block_array([*blocks[:2], [link, -relaxation.links], [None, relaxation.rows]])
        self._sums = len(right)
        costs = np.concatenate((planning.arms.rewards.ravel(), np.zeros(len(most))))
        least = np.concatenate((np.zeros(arms * arm_actions * states), least))
        most = np.concatenate((np.full(arms * arm_actions * states, np.inf), most))
        self._sides = (lower, upper)
        self._variables = (least[arms * arm_actions * states :], most[arms * arm_actions * states :])
        whole_sides = (np.concatenate((right, lower)), np.concatenate((right, upper)))
        self._highs = linear_program(csc_array(matrix), costs, least, most, *whole_sides)

    def add(self, arm_actions: Array) -> None:
        """Add a joint action [J]."""
        arms, count, states = self._shape
        pulled = np.flatnonzero(arm_actions)
        rows = arms + arms * states + pulled * (count - 1) + arm_actions[pulled] - 1
        entries = np.append(np.full(len(pulled), -1.0), 1.0)
        self._highs.addCol(0.0, 0.0, np.inf, len(entries), np.append(rows, self._sums).astype(np.int32), entries)

    def solve(self, seconds: float, scale: float = 1.0) -> tuple[float, Array, Array] | None:
        """Return the program's value, prices [J, A] and relative values [J, S]; ``None`` where it is not solved.

        ``scale`` horizon segments or shrinks the set of what joint actions come to.
        """
        self._scale(scale)
        if not optimised(self._highs, seconds, "the program of stationary measures"):
            return None
        arms, arm_actions, states = self._shape
        duals = np.array(self._highs.getSolution().row_dual)
        values = duals[arms : arms + arms * states].reshape(arms, states)
        prices = np.zeros((int(self._classes.max()) + 1, arm_actions))
        prices[:, 1:] = duals[arms + arms * states : self._sums].reshape(-1, arm_actions - 1)
        return float(self._highs.getInfo().objective_function_value), prices[self._classes], values

    def measures(self) -> Array:
        """Return the measures [J, A, S] of the last solution."""
        size = int(np.prod(self._shape))
        found = np.array(self._highs.getSolution().col_value[:size]).reshape(self._shape)
        positive: Array = np.maximum(found, 0.0)
        return positive

    def _scale(self, scale: float) -> None:
        lower, upper = (scale * side for side in self._sides)
        rows = np.arange(self._sums, self._sums + len(lower), dtype=np.int32)
        self._highs.changeRowsBounds(len(rows), rows, lower, upper)
        least, most = (scale * side for side in self._variables)
        columns = np.arange(len(most), dtype=np.int32) + int(np.prod(self._shape))
        if len(columns):
            self._highs.changeColsBounds(len(columns), columns, least, most)


def _stationary(planning: Planning, classes: Array) -> tuple[Any, Any, Any]:
    """Return the rows of whole measures [J], of flow [J S] and of links [K (A - 1)] over the columns [J A S]."""
    from scipy.sparse import block_diag, csc_array, eye_array, kron

    arms, arm_actions, states = planning.arms.shape
    whole = kron(eye_array(arms), np.ones((1, arm_actions * states)))
    leaves = np.tile(np.eye(states), (1, arm_actions))
    enters = planning.arms.transitions.reshape(arms, arm_actions * states, states).transpose(0, 2, 1)
    flow = block_diag(list(leaves[None] - enters))
    of_class = csc_array(classes == np.arange(int(classes.max()) + 1)[:, None], dtype=float)
    pulled = np.kron(np.eye(arm_actions)[1:], np.ones((1, states)))
    return whole, flow, kron(of_class, pulled)
