"""Random instances of families whose arms are coupled beyond the action set, so that planning them apart fails.

``coverage``: volunteers in groups, who tire of being called; a trip in each group is taken where at least one accepts.
``network``: an infection spreads over contacts, strongly, in clusters or a random graph; ``network-mild`` spreads slowly.

References
----------
Raman, Shi, Fang (2024), Global rewards in restless multi-armed bandits, arXiv:2406.00738.
Ou, Siebenbrunner, Killian, Brooks, Kempe, Vorobeychik, Tambe (2022), Networked restless multi-armed bandits for mobile
interventions, arXiv:2201.12408.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Arms
from redwood.planning.coupling import CoverageReward, Exposure, JointReward
from redwood.problems.cormab.arms import make_arms
from redwood.problems.cormab.budget import BudgetSet

VOLUNTEERS = 4
"""Volunteers a group, about."""
CLIQUE = 4
"""Nodes a clique of a clustered network, about."""
CONTACTS = 2.45
"""Mean number of contacts of a node in a random network: density 0.35 at 8 nodes."""
SICK, HEALTHY = 0, 1


class Coupled(NamedTuple):
    """Arms, their joint actions, and what else couples them."""

    arms: Arms
    actions: ActionSet
    exposure: Exposure | None = None
    joint: JointReward | None = None


@dataclass(frozen=True)
class Contagion:
    """How an infection spreads and is fought.

    Attributes
    ----------
    infect
        Probability that a sick neighbour infects a healthy node in a step.
    recover, treat
        Probability that a sick node recovers by itself, and when pulled.
    protect
        Share by which a pull lowers a healthy node's probability of infection.
    spread
        Rewards of healthy nodes are uniform on 1 - spread to 1 + spread.
    """

    infect: float
    recover: float
    treat: float
    protect: float
    spread: float


STRONG = (Contagion(0.4, 0.02, 0.7, 0.9, 0.0), Contagion(0.35, 0.0, 0.6, 1.0, 0.5))
MILD = (Contagion(0.25, 0.05, 0.8, 0.5, 0.0),)


def _draw_coverage(size: int, budget: int, edges: Array | None, rng: np.random.Generator) -> Coupled:
    """Return volunteers in groups of about four: available at first (state 1), tired by a call, recovering with time.

    A volunteer who is available and called accepts with probability U(0.5, 0.95). Draws are these, then how fast the tired
    recover, U(0.05, 0.3) a week (0.3 of that where they are called), who stays available though called, U(0.02, 0.15), and
    the groups' weights, U(0.5, 1.5). Twice the usual budget is called.
    """
    if edges is not None:
        raise OptionError("variant 'coverage' takes no network=; the variants 'network' and 'network-mild' do.")
    groups = max(1, size // VOLUNTEERS)
    accepts, recovers = rng.uniform(0.5, 0.95, size), rng.uniform(0.05, 0.3, size)
    stays, weights = rng.uniform(0.02, 0.15, size), rng.uniform(0.5, 1.5, groups)
    available = np.stack([np.stack([recovers, np.full(size, 0.97)]), np.stack([0.3 * recovers, stays])])  # [A, S, J]
    success = np.zeros((groups, size, 2, 2))
    success[np.arange(size) % groups, np.arange(size), 1, 1] = accepts
    up = available.transpose(2, 0, 1)
    arms = make_arms(np.stack([1.0 - up, up], axis=-1), np.zeros((size, 2, 2)), np.tile([0.0, 1.0], (size, 1)))
    return Coupled(arms, BudgetSet(size, min(size, 2 * budget)), joint=CoverageReward(weights, success))


def _draw_network(size: int, budget: int, edges: Array | None, rng: np.random.Generator) -> Coupled:
    """Return a strong infection on a clustered or a random graph: one of `STRONG`, by chance, and one graph, by chance."""
    how, clustered = STRONG[int(rng.integers(len(STRONG)))], bool(rng.integers(2))
    return _infection(size, budget, how, _contacts(size, clustered, rng) if edges is None else edges, rng)


def _draw_mild_network(size: int, budget: int, edges: Array | None, rng: np.random.Generator) -> Coupled:
    """Return a mild infection on a clustered or a random graph, by chance."""
    clustered = bool(rng.integers(2))
    return _infection(size, budget, MILD[0], _contacts(size, clustered, rng) if edges is None else edges, rng)


def _infection(size: int, budget: int, how: Contagion, edges: Array, rng: np.random.Generator) -> Coupled:
    """Return nodes in state 0, sick, or 1, healthy, of which the first quarter is sick at first.

    A healthy node stays so with the probability (1 - infect) to the power of its sick neighbours. Sick ones emit 1.
    """
    both = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    both = both[both[:, 0] != both[:, 1]]
    classes = 1 + int(np.bincount(both[:, 1], minlength=1).max(initial=0))
    escapes = (1.0 - how.infect) ** np.arange(classes)
    healthy = np.empty((classes, 2, 2))  # [C, A, S]: probability to be healthy next
    healthy[:, 0, HEALTHY], healthy[:, 1, HEALTHY] = escapes, 1.0 - (1.0 - escapes) * (1.0 - how.protect)
    healthy[:, 0, SICK], healthy[:, 1, SICK] = how.recover, how.treat
    moves = np.stack([1.0 - healthy, healthy], axis=-1)[:, None].repeat(size, axis=1)
    rewards = np.zeros((size, 2, 2))
    rewards[:, :, HEALTHY] = rng.uniform(1.0 - how.spread, 1.0 + how.spread, size)[:, None]
    emits = np.zeros((size, 2, 2), np.int64)
    emits[:, :, SICK] = 1
    start = np.tile([0.0, 1.0], (size, 1))
    start[: max(1, size // 4)] = [1.0, 0.0]
    return Coupled(make_arms(moves[0], rewards, start), BudgetSet(size, budget), exposure=Exposure(both, emits, moves))


def _contacts(size: int, clustered: bool, rng: np.random.Generator) -> Array:
    """Return contacts [M, 2]: cliques of about four joined in a ring by single bridges, or pairs by chance."""
    if not clustered:
        pairs = np.array(list(combinations(range(size), 2)), np.int64).reshape(-1, 2)
        return pairs[rng.random(len(pairs)) < min(1.0, CONTACTS / max(1, size - 1))]
    cliques = np.array_split(np.arange(size), max(1, size // CLIQUE))
    inside = [pair for clique in cliques for pair in combinations(clique.tolist(), 2)]
    ring = [(int(one[0]), int(other[0])) for one, other in zip(cliques, cliques[1:] + cliques[:1], strict=True)]
    return np.array(inside + [pair for pair in ring if pair[0] != pair[1]], np.int64).reshape(-1, 2)


COUPLED: Mapping[str, Callable[[int, int, Array | None, np.random.Generator], Coupled]] = {
    "coverage": _draw_coverage,
    "network": _draw_network,
    "network-mild": _draw_mild_network,
}
"""The variants, by name: of a size, a budget, edges in place of random ones, and a generator of random numbers."""
