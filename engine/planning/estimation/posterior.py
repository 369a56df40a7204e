"""The posterior of every arm's transitions: Dirichlet rows under a prior that its group shares, ordered where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, suggestion
from redwood.planning.estimation.ordered import Augmented, augmented, chain_of
from redwood.planning.estimation.prior import KEPT, dirichlet, draw_weights

AT_ONCE = 1_000_000
"""Probabilities that are drawn at once."""
REDRAWS = 50
"""How often an arm is drawn anew that construction alone does not keep in order."""
ROUNDING = 1e-12
"""By how much sums of probabilities may be out of order."""
DRAWS = 400
"""Draws that the mean of an ordered posterior is taken over."""


class Order(StrEnum):
    """What is known of all arms beforehand.

    Attributes
    ----------
    ACTION_HELPS
        A higher action never makes a better state less likely (first-order stochastic dominance in every state).
    STATES_ORDERED
        A better state never makes a better next state less likely.
    """

    ACTION_HELPS = "action-helps"
    STATES_ORDERED = "states-ordered"


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is known of the arms' transitions.

    Attributes
    ----------
    counts
        Transitions [J, A, S, S] in the log.
    group
        The group [J] of each arm.
    order
        Constraints that every draw meets.
    weights
        Draws [D, G, A, S, S] of the weights of the groups' priors; with an order or features, rounds of the sampler of rows
        that are in order, or whose priors differ by features.
    """

    counts: Array
    group: Array
    order: tuple[Order, ...]
    weights: Array | Augmented

    def mean(self) -> Array:
        """Return the posterior mean [J, A, S, S]: in closed form, or over draws where there are an order or features."""
        if isinstance(self.weights, Augmented):
            return np.asarray(np.minimum(self.sample(DRAWS, np.random.default_rng(0)).mean(axis=0), 1.0))
        total = np.zeros_like(self.counts)
        for weights in self.weights:
            alpha = self.counts + weights[self.group]
            total += alpha / alpha.sum(axis=-1, keepdims=True)
        return total / len(self.weights)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return draws [D, J, A, S, S] of all transitions."""
        at_once = max(1, AT_ONCE // self.counts.size)
        parts = [min(at_once, count - begun) for begun in range(0, count, at_once)]
        return np.concatenate([self._drawn(part, rng) for part in parts])

    def _drawn(self, count: int, rng: np.random.Generator) -> Array:
        if not isinstance(self.weights, Augmented):
            picked = self.weights[rng.integers(len(self.weights), size=count)]
            return dirichlet(self.counts + picked[:, self.group], rng)
        rounds, arms = len(self.weights.counts), len(self.group)
        picked = np.repeat(rng.integers(rounds, size=(count, 1)), arms, axis=1)
        rows = self.weights.rows(picked, np.arange(arms), rng)
        wrong = np.argwhere(~self.holds(rows))  # only with both constraints: worse states may be passed under an action
        for _ in range(REDRAWS):
            if not len(wrong):
                return rows
            picked = rng.integers(rounds, size=(1, len(wrong)))
            rows[wrong[:, 0], wrong[:, 1]] = self.weights.rows(picked, wrong[:, 1], rng)[0]
            wrong = wrong[~self.holds(rows[wrong[:, 0], wrong[:, 1]])]
        rows[wrong[:, 0], wrong[:, 1]] = self._repaired(rows[wrong[:, 0], wrong[:, 1]])
        return rows

    def holds(self, rows: Array) -> Array:
        """Return which arms of rows [..., A, S, S] are in order."""
        tails = upper_tails(rows)
        fine = np.ones(rows.shape[:-3], bool)
        if Order.ACTION_HELPS in self.order:
            fine &= (np.diff(tails, axis=-3) >= -ROUNDING).all(axis=(-3, -2, -1))
        if Order.STATES_ORDERED in self.order:
            fine &= (np.diff(tails, axis=-2) >= -ROUNDING).all(axis=(-3, -2, -1))
        return fine

    def _repaired(self, rows: Array) -> Array:
        """Return rows in order near those given: tails are raised to those of lower actions and worse states."""
        tails = upper_tails(rows)
        if Order.ACTION_HELPS in self.order:
            tails = np.maximum.accumulate(tails, axis=-3)
        if Order.STATES_ORDERED in self.order:
            tails = np.maximum.accumulate(tails, axis=-2)
        whole, none = np.ones_like(tails[..., :1]), np.zeros_like(tails[..., :1])
        return np.clip(-np.diff(np.concatenate((whole, tails, none), axis=-1), axis=-1), 0.0, 1.0)


def fitted(
    counts: Array,
    group: Array,
    order: str | Sequence[str] | None,
    rng: np.random.Generator,
    features: Array | None = None,
    kept: int | None = None,
) -> Posterior:
    """Return the posterior given counts [J, A, S, S] and the arms' groups [J].

    Parameters
    ----------
    counts
        Transitions [J, A, S, S] in the log.
    group
        The group [J] of each arm, from 0 on.
    order
        Names of constraints of `Order` that every draw meets, one or several; ``None`` for none.
    rng
        The generator of random numbers; it moves on.
    features
        Features [J, F] by which arms differ within a group, each of mean 0 and deviation 1; ``None`` for none.
    kept
        Rounds of the sampler that are kept, by default as many as are cheap; one is enough for a single draw.

    Raises
    ------
    OptionError
        Where ``order`` names a constraint that is not known.
    """
    wanted = (order,) if isinstance(order, str) else tuple(order or ())
    for name in wanted:
        if name not in list(Order):
            raise OptionError(f"order {name!r} is not known.{suggestion(str(name), map(str, Order))}")
    _, actions, states, _ = counts.shape
    if wanted or features is not None:
        named = tuple(Order(name) for name in wanted)
        helps, ordered = Order.ACTION_HELPS in named, Order.STATES_ORDERED in named
        chain = chain_of(actions, states, action_helps=helps, states_ordered=ordered)
        return Posterior(counts, group, named, augmented(counts, group, chain, rng, features, kept))
    positions = KEPT if kept is None else min(KEPT, kept)
    weights = np.empty((0, 0, 0, 0, 0))
    for g in range(int(group.max()) + 1):
        for action in range(actions):
            for state in range(states):
                drawn = draw_weights(counts[group == g, action, state], rng, positions)
                if not weights.size:
                    weights = np.empty((len(drawn), int(group.max()) + 1, actions, states, states))
                weights[:, g, action, state] = rng.permutation(drawn)  # cells are independent, and so are their draws
    return Posterior(counts, group, (), weights)


def upper_tails(rows: Array) -> Array:
    """Return the probability [..., S - 1] that the next state is at least 1, 2, and so on."""
    return np.asarray(np.cumsum(rows[..., :0:-1], axis=-1)[..., ::-1])
