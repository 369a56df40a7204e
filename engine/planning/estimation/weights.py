"""The weights of a Dirichlet prior as one step of a Gibbs sampler, also where they differ by the arms' features.

Arm j's weights are ``k softmax(b + B x_j)``, with a total k that all arms share and features x_j of mean 0:
Dirichlet-multinomial regression. Without features they are ``k softmax(b)``.

References
----------
Tjelmeland (2004), Using all Metropolis-Hastings proposals to estimate mean values, Statistics 4/2004, NTNU: a pool of
candidates around a random centre, of which one is taken in proportion to its density, is a valid step.
Guimaraes, Lindrooth (2007), Controlling for overdispersion in grouped conditional logit models,
doi:10.1111/j.1368-423X.2007.00207.x.
"""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.planning.estimation.prior import LEAST_LOG, MOST_LOG, USUAL, distinct, log_marginal, log_prior, within

POOL = 16
"""Candidates of a move."""
SCALES = (0.05, 1.5)
"""Between which the scale of a move lies, evenly by its logarithm."""
SLOPE = 1.0
"""Standard deviation of a slope before any data are seen, in logits for a deviation of the feature."""
STEEPEST = 8.0
"""By how many logits features move a mean at the most."""


class WeightChain:
    """A Markov chain of the weights of one law's prior, whose target is their posterior given counts that may change.

    Every step leaves the posterior given the counts of this step as it is, so that steps alternate with draws of counts in
    a Gibbs sampler. (An ensemble of walkers does not: its walkers follow counts of earlier steps.)

    Parameters
    ----------
    outcomes
        Number S of outcomes.
    features
        Features [J, F] of the arms, each of mean 0 and deviation 1 or so; ``None`` for none.
    """

    def __init__(self, outcomes: int, features: Array | None = None) -> None:
        self._base = np.full(outcomes, np.log(0.5 * USUAL / outcomes))
        self._features = features
        self._slopes = np.zeros((0 if features is None else features.shape[1], outcomes - 1))

    def step(self, counts: Array, rng: np.random.Generator) -> Array:
        """Move given counts [J, S] of the arms, and return the weights: [S] of all, or [J, S] with features."""
        if self._features is None:
            rows, repeats = distinct(counts)
        else:
            seen = counts.sum(axis=1) > 0
            rows, repeats = counts[seen].astype(float), self._features[seen]
        self._move(rows, repeats, rng, along=True)
        self._move(rows, repeats, rng)
        if self._features is None:
            return np.asarray(np.exp(self._base))
        self._move(rows, repeats, rng, slopes=True)
        return np.asarray(arm_weights(self._base[None], self._slopes[None], self._features)[0])

    def _move(
        self, rows: Array, other: Array, rng: np.random.Generator, *, along: bool = False, slopes: bool = False
    ) -> None:
        """Replace the base's weights, their total alone (``along``) or the slopes by one of a pool of candidates.

        ``other`` is how many arms [U] have each row of counts [U, S] or, with features, the features [U, F] of each.
        """
        place = self._slopes if slopes else self._base
        shape = (POOL, 1) if along else (POOL, *place.shape)
        scale = np.exp(rng.uniform(*np.log(SCALES)))
        pool = place + scale * rng.standard_normal(shape[1:]) + scale * rng.standard_normal(shape)
        pool[0] = place
        if slopes:
            values = self._density(np.broadcast_to(self._base, (POOL, len(self._base))), pool, rows, other)
        else:
            values = self._density(pool, np.broadcast_to(self._slopes, (POOL, *self._slopes.shape)), rows, other)
        taken = pool[(values + rng.gumbel(size=POOL)).argmax()]
        if slopes:
            self._slopes = taken
        else:
            self._base = taken

    def _density(self, bases: Array, slopes: Array, rows: Array, other: Array) -> Array:
        """Return the log density [W] of bases [W, S] and slopes [W, F, S - 1], but for a constant."""
        inside, held = within(bases), np.clip(bases, LEAST_LOG, MOST_LOG)
        found = log_prior(held)
        if self._features is None:
            return np.where(inside, found + log_marginal(rows, other, np.exp(held)), -np.inf)
        found -= 0.5 * ((slopes / SLOPE) ** 2).sum(axis=(1, 2))
        return np.where(inside, found + _log_marginal_of_each(rows, arm_weights(held, slopes, other)), -np.inf)


def arm_weights(bases: Array, slopes: Array, features: Array) -> Array:
    """Return weights [W, J, S] of arms with features [J, F], given bases [W, S] and slopes [W, F, S - 1]."""
    logits = np.clip(np.einsum("jf,wfs->wjs", features, slopes), -STEEPEST, STEEPEST)
    moved = np.concatenate((np.zeros_like(logits[..., :1]), logits), axis=-1)
    rising = np.exp(bases[:, None, :] + moved)
    total = np.exp(bases).sum(axis=1)[:, None, None]
    return np.asarray(total * rising / rising.sum(axis=-1, keepdims=True))


def _log_marginal_of_each(rows: Array, alpha: Array) -> Array:
    """Return the log probability [W] of outcomes [U, S] of arms that have weights [W, U, S] of their own."""
    from scipy.special import gammaln

    total, given = rows.sum(axis=1), alpha.sum(axis=2)
    each = gammaln(given) - gammaln(given + total) + (gammaln(alpha + rows) - gammaln(alpha)).sum(axis=2)
    return np.asarray(each.sum(axis=1))
