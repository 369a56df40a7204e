"""What is reachable with alike arms `nonSA8` of eight states, of which six of ten may be pulled: bounds are not.

    python benchmarks/studies/nonsync.py exact --arms 3 5
    python benchmarks/studies/nonsync.py priorities --arms 100 300 1000

``exact`` counts arms by state, and iterates relative values over all counts: the optimum of the average reward, and what
the best priorities have of it. ``priorities`` simulates orders in which states may be served, from uniform starts. An arm
in state 4, 5 or 7 that is not pulled falls out of the paying circle, and how many need a pull varies by chance.

References
----------
Hong, Xie, Chen, Wang (2023), Restless bandits with average reward: breaking the uniform global attractor assumption,
arXiv:2306.00196, the example without the synchronisation property.
"""

from __future__ import annotations

import argparse
import sys
from itertools import permutations, product
from math import comb

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

STATES = 8
AFTER_PULL = np.array([1, 2, 3, 4, 5, 6, 0, 6])
PAYS = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0])
RESTING = 6
"""The state that pays when left alone, and then leads to 4 or 7, one as probable as the other."""
ORDERS = [(*paying, 3, 2, 1, 0) for paying in permutations((4, 5, 7))]
"""Orders of the states in which a pull helps: those that pay first, then those nearest to paying."""
SETTLED = 1e-4
"""Difference an arm of the least and greatest rise of relative values at which iterations end."""


def counted(arms: int) -> Array:
    """Return all numbers of arms by state [N, 8], in lexicographic order."""
    rows = [row for row in product(range(arms + 1), repeat=STATES - 1) if sum(row) <= arms]
    return np.array([[*row, arms - sum(row)] for row in rows], np.int64)


@kernel
def place(counts: Array, arms: int, ways: Array) -> int:
    """Return the row of counts [8] in `counted`; ``ways`` are binomial coefficients."""
    row, left = 0, arms
    for state in range(7):
        for fewer in range(counts[state]):
            row += ways[left - fewer + 6 - state, 6 - state]
        left -= counts[state]
    return row


@kernel
def q_value(counts: Array, pulled: Array, values: Array, arms: int, ways: Array) -> float:
    """Return the reward of pulling arms [8] in counts [8], and the expected value of where that leads."""
    after = np.zeros(8, np.int64)
    reward = 0.0
    for state in range(8):
        after[AFTER_PULL[state]] += pulled[state]
        reward += PAYS[state] * pulled[state]
    resting = counts[RESTING] - pulled[RESTING]
    after[0] += arms - after.sum() - resting
    fourth, total = after[4], 0.0
    for some in range(resting + 1):
        after[4], after[7] = fourth + some, resting - some
        total += ways[resting, some] * 0.5**resting * values[place(after, arms, ways)]
    return float(reward + resting + total)


@kernel
def greatest(all_counts: Array, values: Array, budget: int, ways: Array) -> Array:
    """Return the greatest Q-value [N] over all pulls within the budget."""
    arms, found, pulled = all_counts[0].sum(), np.full(len(all_counts), -1e18), np.zeros(8, np.int64)
    for row in range(len(all_counts)):
        counts = all_counts[row]
        pulled[:] = 0
        while True:
            if pulled.sum() <= budget:
                found[row] = max(found[row], q_value(counts, pulled, values, arms, ways))
            state = 0
            while state < 8 and (state == RESTING or pulled[state] == counts[state]):
                pulled[state] = 0
                state += 1
            if state == 8:
                break
            pulled[state] += 1
    return found


@kernel
def served(all_counts: Array, values: Array, budget: int, ways: Array, order: Array) -> Array:
    """Return the Q-value [N] of serving states in an order."""
    arms, found, pulled = all_counts[0].sum(), np.empty(len(all_counts)), np.zeros(8, np.int64)
    for row in range(len(all_counts)):
        left = budget
        pulled[:] = 0
        for state in order:
            pulled[state] = min(all_counts[row, state], left)
            left -= pulled[state]
        found[row] = q_value(all_counts[row], pulled, values, arms, ways)
    return found


def average(arms: int, order: tuple[int, ...] | None) -> tuple[float, float]:
    """Return bounds on the average reward a step of an order of states, or of the best policy."""
    ways = np.array([[comb(of, some) for some in range(arms + 9)] for of in range(arms + 9)], np.int64)
    rows, budget = counted(arms), round(0.6 * arms)
    values = np.zeros(len(rows))
    while True:
        if order is None:
            following = greatest(rows, values, budget, ways)
        else:
            following = served(rows, values, budget, ways, np.array(order))
        rise = following - values
        if np.ptp(rise) < SETTLED * arms:
            return float(rise.min()), float(rise.max())
        values = (values + following) / 2  # lazy, since the circle has a period
        values -= values[0]


def simulated(order: tuple[int, ...], given: argparse.Namespace, arms: int) -> float:
    """Return the mean reward a step of serving states in an order, from uniform starts."""
    rng = np.random.default_rng(0)
    counts, total = rng.multinomial(arms, np.full(STATES, 1.0 / STATES), given.episodes), 0.0
    for _ in range(given.horizon):
        left, pulled = np.full(given.episodes, round(0.6 * arms)), np.zeros_like(counts)
        for state in order:
            pulled[:, state] = np.minimum(counts[:, state], left)
            left = left - pulled[:, state]
        total += float((pulled @ PAYS + counts[:, RESTING]).mean())
        after = np.zeros_like(counts)
        for state in order:
            after[:, AFTER_PULL[state]] += pulled[:, state]
            after[:, 0] += counts[:, state] - pulled[:, state]
        fourth = rng.binomial(counts[:, RESTING], 0.5)
        after[:, 4] += fourth
        after[:, 7] += counts[:, RESTING] - fourth
        counts = after
    return float(total / given.horizon)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("exact", "priorities"))
    parser.add_argument("--arms", nargs="+", type=int, default=[3, 5])
    parser.add_argument("--horizon", type=int, default=200, help="steps of simulations")
    parser.add_argument("--episodes", type=int, default=100, help="of simulations")
    given = parser.parse_args()
    for arms in given.arms:
        if given.what == "exact":
            low, high = average(arms, None)
            least, most = average(arms, (4, 5, 7, 3, 2, 1, 0))
            sys.stdout.write(f"{arms} arms: optimum {low:.4f} to {high:.4f}, order 4573210 {least:.4f} to {most:.4f}\n")
            continue
        told = sorted(((simulated(order, given, arms), order) for order in ORDERS), reverse=True)
        for mean, order in told:
            sys.stdout.write(f"{arms} arms, order {''.join(map(str, order))}: {mean:.3f} a step\n")


if __name__ == "__main__":
    main()
