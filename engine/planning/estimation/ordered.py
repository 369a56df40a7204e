"""Posteriors in which rows of transitions are in order by construction: a better row is a worse one with outcomes lifted.

One law is at least as good as another, by first-order stochastic dominance, just if its outcome is that of the other, lifted
at random to an equal or better state. So a row is a base row followed by a chain of lifts, each of which has a law for every
outcome that it lifts. All of these laws have Dirichlet priors that the arms of a group share. Given the outcomes before each
lift, which the log does not show, the posterior is conjugate; they are drawn in turn with the laws (data augmentation).

References
----------
Tanner, Wong (1987), The calculation of posterior distributions by data augmentation, doi:10.1080/01621459.1987.10478458.
Strassen (1965), The existence of probability measures with given marginals, doi:10.1214/aoms/1177700153.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.planning.estimation.prior import dirichlet
from redwood.planning.estimation.weights import WeightChain

BURN_IN, APART = 100, 2
"""Rounds that are thrown away, and how many rounds lie between two that are kept."""
FEWEST_KEPT, MOST_KEPT, MOST_COUNTS = 150, 300, 1_000_000
"""Rounds that are kept: as many as have so many counts in all, within limits, and the fewest with features, which take
longer. Successive rounds are alike, so that seeds move an interval less where there are more."""
Cell = tuple[int, int]
"""An action and a state."""


@dataclass(frozen=True)
class Chain:
    """How the rows of an arm are made of laws.

    Attributes
    ----------
    laws
        The least outcome that each law allows: 0 for base rows, the lifted outcome for lifts.
    bases, lifts
        Of each cell, the law of its base row, and the laws [S] of each lift after it, in turn.
    """

    laws: tuple[int, ...]
    bases: dict[Cell, int]
    lifts: dict[Cell, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True, eq=False)
class Augmented:
    """Rounds of the sampler.

    Attributes
    ----------
    counts
        Outcomes [D, J, L, S] of each arm's laws, those that the log does not show drawn.
    weights
        Weights [D, P, L, S] of the priors of the laws, one for each group or one for each arm.
    owner
        Which of these priors [J] each arm has.
    chain
        How rows are made of laws.
    """

    counts: Array
    weights: Array
    owner: Array
    chain: Chain

    def rows(self, picked: Array, arms: Array, rng: np.random.Generator) -> Array:
        """Return rows [D, K, A, S, S] of some arms [K], given the rounds [D, K] that they are drawn from."""
        alpha = self.counts[picked, arms] + self.weights[picked, self.owner[arms]]
        return composed(self.chain, dirichlet(alpha, rng))


def chain_of(actions: int, states: int, *, action_helps: bool, states_ordered: bool) -> Chain:
    """Return the laws for an order: along actions in each state, along states under each action, or along both.

    With both, base rows are lifted along the states without an action, then along the actions.

    Parameters
    ----------
    actions, states
        Numbers A of actions and S of states.
    action_helps
        Whether the row of a higher action is at least as good in every state.
    states_ordered
        Whether the row of a better state is at least as good under every action.
    """
    laws: list[int] = []
    bases: dict[Cell, int] = {}
    lifts: dict[Cell, tuple[tuple[int, ...], ...]] = {}

    def law(least: int) -> int:
        laws.append(least)
        return len(laws) - 1

    for action in range(actions):
        for state in range(states):
            below = None
            if action_helps and action > 0:
                below = (action - 1, state)
            elif states_ordered and state > 0:
                below = (action, state - 1)
            if below is None:
                bases[action, state], lifts[action, state] = law(0), ()
            else:
                lift = tuple(law(outcome) for outcome in range(states))
                bases[action, state], lifts[action, state] = bases[below], (*lifts[below], lift)
    return Chain(tuple(laws), bases, lifts)


def augmented(
    counts: Array,
    group: Array,
    chain: Chain,
    rng: np.random.Generator,
    features: Array | None = None,
    kept: int | None = None,
) -> Augmented:
    """Return rounds of the sampler for counts [J, A, S, S] of arms in groups [J].

    Parameters
    ----------
    counts
        Transitions [J, A, S, S] in the log.
    group
        The group [J] of each arm, from 0 on.
    chain
        How rows are made of laws.
    rng
        The generator of random numbers; it moves on.
    features
        Features [J, F] of the arms, by which the means of the priors differ within a group; each of mean 0 and deviation 1.
    kept
        How many rounds are kept; by default as many as are cheap.
    """
    arms, _, states, _ = counts.shape
    least = np.array(chain.laws)
    members = [np.flatnonzero(group == number) for number in range(int(group.max()) + 1)]
    owner = group if features is None else np.arange(arms)
    free = [law for law, lowest in enumerate(chain.laws) if lowest < states - 1]  # others allow one outcome only
    allowed = np.arange(states) >= least[:, None]
    weights = np.where(allowed, np.where(least[:, None] == 0, 1.0, 0.5), 0.0)[None].repeat(int(owner.max()) + 1, axis=0)
    laws = dirichlet(weights[owner], rng)
    if kept is None:
        cheap = MOST_COUNTS // laws.size if features is None else 0
        kept = min(MOST_KEPT, max(FEWEST_KEPT, cheap))
    priors = {
        (g, law): WeightChain(states - chain.laws[law], None if features is None else features[members[g]])
        for g in range(len(members))
        for law in free
    }
    kept_counts, kept_weights = [], []
    for turn in range(BURN_IN + kept * APART):
        seen = draw_outcomes(counts, chain, laws, rng)
        for (g, law), prior in priors.items():
            lowest = chain.laws[law]
            weights[g if features is None else members[g], law, lowest:] = prior.step(seen[members[g], law, lowest:], rng)
        laws = dirichlet(seen + weights[owner], rng)
        if turn >= BURN_IN and (turn - BURN_IN) % APART == 0:
            kept_counts.append(seen.astype(np.int32))
            kept_weights.append(weights.astype(np.float32))
    return Augmented(np.array(kept_counts), np.array(kept_weights), owner, chain)


def composed(chain: Chain, laws: Array) -> Array:
    """Return rows [..., A, S, S] made of laws [..., L, S]."""
    actions, states = (1 + max(cell[axis] for cell in chain.bases) for axis in (0, 1))
    rows = np.empty((*laws.shape[:-2], actions, states, laws.shape[-1]))
    for (action, state), base in chain.bases.items():
        row = laws[..., base, :]
        for lift in chain.lifts[action, state]:
            row = np.matmul(row[..., None, :], laws[..., lift, :])[..., 0, :]
        rows[..., action, state, :] = row
    return np.asarray(np.minimum(rows, 1.0))  # sums of products may be above 1 by rounding


def draw_outcomes(counts: Array, chain: Chain, laws: Array, rng: np.random.Generator) -> Array:
    """Return how often [J, L, S] each law had each outcome, given the arms' transitions and laws [J, L, S].

    The outcome before a lift is drawn given the one after it, from the last lift to the first.

    Parameters
    ----------
    counts
        Transitions [J, A, S, S] in the log.
    chain
        How rows are made of laws.
    laws
        Probabilities [J, L, S] of the outcomes of each arm's laws.
    rng
        The generator of random numbers; it moves on.
    """
    found = np.zeros(laws.shape, np.int64)
    for (action, state), base in chain.bases.items():
        after = counts[:, action, state].astype(np.int64)
        lifts, row, before = chain.lifts[action, state], laws[:, base], []
        for lift in lifts:
            before.append(row)
            row = np.einsum("jz,jzy->jy", row, laws[:, lift])
        for lift, row in zip(reversed(lifts), reversed(before), strict=True):
            joint = row[:, :, None] * laws[:, lift] + 1e-300 * np.tri(row.shape[1]).T
            shares = np.swapaxes(joint / joint.sum(axis=1, keepdims=True), 1, 2)
            drawn = np.swapaxes(rng.multinomial(after, shares), 1, 2)  # [J, outcome before, outcome after]
            found[:, lift] += drawn
            after = drawn.sum(axis=2)
        found[:, base] += after
    return found
