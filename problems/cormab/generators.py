"""Random instances of the published domains, and of three more; each draws from one generator in a stated order.

References
----------
Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
ICLR, arXiv:2503.01919, section 6 and appendix.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.contract import Arms
from redwood.problems.cormab.arms import STATES, draw_rewards, draw_state_success, draw_success, ladder
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.capacity import CapacitySet
from redwood.problems.cormab.generators_coupled import COUPLED
from redwood.problems.cormab.generators_hard import HARD, Draw
from redwood.problems.cormab.interventions import InterventionsSet
from redwood.problems.cormab.listed import ListedSet
from redwood.problems.cormab.path import PathSet
from redwood.problems.cormab.schedule import ScheduleSet
from redwood.problems.cormab.workers import WorkersSet

logger = logging.getLogger(__name__)

SLOTS = 5
REDRAWS = 200
"""How often the slots of a schedule are drawn, where these leave nothing to choose."""


def usual_budget(size: int, variant: str = "") -> int:
    """Return the published number of workers B for J arms: 5, 10, 20 for 20, 40, 100, and a quarter or fifth elsewhere.

    A schedule has two workers at least, since a pulled arm meets two.
    """
    return max(2 if variant == "schedule" else 1, size // 4 if size < 100 else size // 5)


def draw_budget(size: int, budget: int, rng: np.random.Generator) -> Draw:
    """Return the published arms (success at rest, when pulled, rewards) under a plain budget."""
    return _draw_arms(size, budget, rng), BudgetSet(size, budget)


def draw_state_dependent(size: int, budget: int, rng: np.random.Generator) -> Draw:
    """Return arms whose success depends on the state, under a plain budget."""
    success = draw_state_success(size, rng)
    return ladder(success, draw_rewards(size, min(budget, size), rng)), BudgetSet(size, budget)


def draw_capacity(size: int, budget: int, rng: np.random.Generator) -> Draw:
    """Return the published arms, then costs on 2..6 and capacities on 2..7."""
    arms = _draw_arms(size, budget, rng)
    costs = rng.integers(2, 7, size)
    return arms, CapacitySet(costs, rng.integers(2, 8, budget))


def draw_schedule(size: int, budget: int, rng: np.random.Generator) -> Draw:
    """Return the published arms, then slot weights of arms and of workers, then the slots of each.

    Arms prefer late slots (weights ascend) and are free in two of five; workers prefer early ones and are free in three.
    Slots are drawn anew where they leave nothing to choose: two arms at least can be pulled, alone, where there are two.
    """
    if budget < 2:
        raise OptionError(
            f"budget {budget} of a schedule allows no pull: each pulled arm meets two workers; give at least 2."
        )
    arms = _draw_arms(size, budget, rng)
    for _ in range(REDRAWS):
        actions = _draw_slots(size, budget, rng)
        pulls = (actions.contains(alone) for alone in np.eye(size, dtype=np.int64))
        if len(list(islice((pull for pull in pulls if pull), 2))) == min(size, 2):
            return arms, actions
    raise OptionError(f"no schedule of {size} arms and {budget} workers with two arms to choose from in {REDRAWS} draws.")


def _draw_slots(size: int, budget: int, rng: np.random.Generator) -> ScheduleSet:
    late, early = np.sort(rng.random(SLOTS)), np.sort(rng.random(SLOTS))[::-1]
    arm_slots, worker_slots = np.zeros((size, SLOTS), bool), np.zeros((budget, SLOTS), bool)
    for row in arm_slots:
        row[rng.choice(SLOTS, 2, replace=False, p=late / late.sum())] = True
    for row in worker_slots:
        row[rng.choice(SLOTS, 3, replace=False, p=early / early.sum())] = True
    return ScheduleSet(arm_slots, worker_slots, budget)


def _draw_path(size: int, budget: int, rng: np.random.Generator, strict: bool = True) -> Draw:
    """Return the published arms, then a random planar-like network with source 0, on which closed walks are real.

    Where not ``strict``, the action set is what the published model amounts to.
    """
    arms = _draw_arms(size, budget, rng)
    return arms, PathSet(draw_network(size, rng), size, 0, budget, strict)


def draw_interventions(size: int, budget: int, rng: np.random.Generator) -> Draw:
    """Return the published sigmoid arms and interventions in blocks; draws are rewards, A, b, c, then the wiring."""
    number = 2 * budget
    rewards = draw_rewards(size, min(budget, size), rng)
    good = np.arange(size) >= math.ceil(size * budget / number)
    weights = _wire_blocks(size, number, budget, good, rng)
    return _sigmoid_arms(good, rewards, InterventionsSet(weights, budget), rng)


def draw_overlapping(size: int, budget: int, rng: np.random.Generator) -> Draw:
    """Return sigmoid arms under interventions that share arms, with weights 1 to 4: each arm is wired to three of them."""
    number = 2 * budget
    rewards = draw_rewards(size, min(budget, size), rng)
    good = np.arange(size) >= math.ceil(size * budget / number)
    weights = np.zeros((number, size), np.int64)
    for arm in range(size):
        wired = rng.choice(number, min(3, number), replace=False)
        weights[wired, arm] = rng.integers(1, 5, len(wired))
    return _sigmoid_arms(good, rewards, InterventionsSet(weights, budget), rng)


def draw_network(size: int, rng: np.random.Generator) -> Array:
    """Return edges [M, 2] of a connected graph on uniform points: a shortest spanning tree and the shortest other pairs.

    There are about 1.45 edges a node, as in networks of railway lines.
    """
    points = rng.random((size, 2))
    distances = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    edges, inside = [], np.arange(size) == 0
    while not inside.all():
        between = np.where(inside[:, None] & ~inside[None], distances, np.inf)
        tail, head = np.unravel_index(int(np.argmin(between)), between.shape)
        edges.append((int(min(tail, head)), int(max(tail, head))))
        inside[head] = True
    tails, heads = np.triu_indices(size, 1)
    for pair in np.argsort(distances[tails, heads], kind="stable"):
        edge = (int(tails[pair]), int(heads[pair]))
        if len(edges) < round(1.45 * size) and edge not in edges:
            edges.append(edge)
    return np.array(sorted(edges), np.int64).reshape(-1, 2)


def _draw_arms(size: int, budget: int, rng: np.random.Generator) -> Arms:
    success = draw_success(size, rng)
    return ladder(success, draw_rewards(size, min(budget, size), rng))


def _wire_blocks(size: int, number: int, good_number: int, good: Array, rng: np.random.Generator) -> Array:
    """Return weights [N, J] of 3: blocks of three interventions on the same three arms, left-overs on three each."""
    weights = np.zeros((number, size), np.int64)
    for members, arms in (
        (np.arange(good_number), np.flatnonzero(good)),
        (np.arange(good_number, number), np.flatnonzero(~good)),
    ):
        untouched = rng.permutation(arms).tolist()
        whole = len(members) // 3 * 3
        blocks = [members[i : i + 3] for i in range(0, whole, 3)] + [members[i : i + 1] for i in range(whole, len(members))]
        for block in blocks:
            if len(untouched) < 3:
                logger.info("interventions %s are wired to %d arms instead of 3: no more are left", block, len(untouched))
            weights[np.ix_(block, untouched[:3])] = 3
            untouched = untouched[3:]
    return weights


def _sigmoid_arms(good: Array, rewards: Array, actions: InterventionsSet, rng: np.random.Generator) -> Draw:
    """Return arms that go up with probability 0.98 (A sigm(b x - c) - A / (1 + e^c)) + 0.01 under a load x."""
    size = len(good)
    scale = np.round(np.where(good, rng.uniform(0.7, 1.0, size), rng.uniform(0.2, 0.5, size)), 1)
    steep = np.where(good, np.round(rng.uniform(1.4, 1.9, size), 1), 1.0)
    shift = np.where(good, rng.integers(9, 11, size), rng.integers(1, 3, size))
    loads = np.maximum(actions.loads, 0)
    rise = 1.0 / (1.0 + np.exp(shift[:, None] - steep[:, None] * loads)) - 1.0 / (1.0 + np.exp(shift[:, None]))
    success = 0.98 * scale[:, None] * rise + 0.01
    return ladder(np.repeat(success[:, :, None], STATES, axis=2), rewards), actions


DRAWS: Mapping[str, Callable[[int, int, np.random.Generator], Draw]] = {
    "capacity": draw_capacity,
    "budget": draw_budget,
    "schedule": draw_schedule,
    "path": _draw_path,
    "path-published": partial(_draw_path, strict=False),
    "interventions": draw_interventions,
    "overlapping": draw_overlapping,
    "state-dependent": draw_state_dependent,
}
"""The variants whose arms are coupled by their actions alone, by name."""

VARIANTS = (*DRAWS, *COUPLED, *HARD)

KINDS: Mapping[str, Any] = {
    kind.kind: kind for kind in (BudgetSet, CapacitySet, ScheduleSet, PathSet, InterventionsSet, WorkersSet, ListedSet)
}
"""The built-in action sets, by the name that files use."""
