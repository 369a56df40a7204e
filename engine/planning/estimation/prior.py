"""How alike the arms of a group are: the weights of a Dirichlet prior, drawn given all arms' counts."""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array

WALKERS, BURN_IN, KEPT, APART = 32, 150, 12, 15
"""Walkers of the ensemble, steps that are thrown away, how many of its later positions are kept, and steps between these."""
USUAL = 10.0
"""Scale of the total weight of the prior before any data are seen, in observations an arm; half of it lies below 4.1."""
LEAST_LOG, MOST_LOG = math.log(1e-3), 12.0
"""Between which logarithms of weights lie: gamma variables of less than 0.001 are 0 in floating point."""


def log_marginal(counts: Array, repeats: Array, alpha: Array) -> Array:
    """Return the log probability [W] of the arms' outcomes under each of several priors.

    Parameters
    ----------
    counts
        Distinct counts [U, S] of outcomes of an arm.
    repeats
        How many arms [U] have each.
    alpha
        Weights [W, S] of Dirichlet priors.
    """
    from scipy.special import gammaln

    total, given = counts.sum(axis=1), alpha.sum(axis=1)
    each = gammaln(given)[:, None] - gammaln(given[:, None] + total)
    each += (gammaln(alpha[:, None] + counts) - gammaln(alpha)[:, None]).sum(axis=2)
    return np.asarray(each @ repeats)


def log_prior(places: Array) -> Array:
    """Return the log density [W], but for a constant, of the logarithms [W, S] of weights before any data.

    The mean of the prior is uniform on the simplex, and its total weight k has a density in proportion to
    ``(USUAL + k)^-3``.
    """
    given = np.exp(places).sum(axis=1)
    return np.asarray(-3.0 * np.log(USUAL + given) + (1 - places.shape[1]) * np.log(given) + places.sum(axis=1))


def within(places: Array) -> Array:
    """Return which logarithms [W, S] of weights are allowed [W]."""
    return np.asarray(((places > LEAST_LOG) & (places < MOST_LOG)).all(axis=1))


def distinct(counts: Array) -> tuple[Array, Array]:
    """Return the distinct rows [U, S] of counts [J, S] that are not all 0, and how often [U] each occurs."""
    seen = counts[counts.sum(axis=1) > 0].astype(np.int64)
    base = int(seen.max(initial=0)) + 1
    if base ** seen.shape[1] < 2**62:  # one whole number a row, which sorts much faster
        _, first, repeats = np.unique(seen @ base ** np.arange(seen.shape[1]), return_index=True, return_counts=True)
        return seen[first].astype(float), repeats.astype(float)
    found, repeats = np.unique(seen, axis=0, return_counts=True)
    return found.astype(float), repeats.astype(float)


class Ensemble:
    """Walkers that draw the logarithms of a prior's weights, given the counts of the arms that share it.

    References
    ----------
    Goodman, Weare (2010), Ensemble samplers with affine invariance, doi:10.2140/camcos.2010.5.65, the horizon segment move.
    """

    def __init__(self, outcomes: int, rng: np.random.Generator, mean: Array | None = None) -> None:
        middle = np.full(outcomes, 1.0 / outcomes) if mean is None else mean
        self._places = np.log(0.5 * USUAL * middle) + 0.3 * rng.standard_normal((WALKERS, outcomes))

    @property
    def weights(self) -> Array:
        """The walkers' weights [W, S]."""
        return np.exp(self._places)

    def step(self, counts: Array, steps: int, rng: np.random.Generator) -> Array:
        """Move all walkers so many steps, given counts [J, S], and return the weights [S] of one of them."""
        rows, repeats = distinct(counts)
        places, half = self._places, WALKERS // 2
        values = _density(places, rows, repeats)
        for _ in range(steps):
            for mine, others in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
                segment = (1.0 + rng.random(half)) ** 2 / 2.0
                partner = places[others][rng.integers(half, size=half)]
                tried = partner + segment[:, None] * (places[mine] - partner)
                found = _density(tried, rows, repeats)
                taken = np.log(rng.random(half)) < (places.shape[1] - 1) * np.log(segment) + found - values[mine]
                places[mine] = np.where(taken[:, None], tried, places[mine])
                values[mine] = np.where(taken, found, values[mine])
        return np.asarray(self.weights[rng.integers(WALKERS)])


def draw_weights(counts: Array, rng: np.random.Generator, positions: int = KEPT) -> Array:
    """Return draws [D, S] of the weights of a Dirichlet prior, given counts [J, S] of the arms that share it.

    They are those of so many positions of all walkers.
    """
    ensemble = Ensemble(counts.shape[1], rng, (counts.sum(axis=0) + 1.0) / (counts.sum() + counts.shape[1]))
    ensemble.step(counts, BURN_IN, rng)
    kept = []
    for _ in range(positions):
        ensemble.step(counts, APART, rng)
        kept.append(ensemble.weights)
    return np.concatenate(kept)


def dirichlet(alpha: Array, rng: np.random.Generator) -> Array:
    """Return rows of Dirichlet laws with the weights [..., S], of which some may be 0."""
    drawn = rng.standard_gamma(alpha)
    total = drawn.sum(axis=-1, keepdims=True)
    if (total > 0).all():
        return np.asarray(drawn / total)
    likeliest = (np.arange(alpha.shape[-1]) == alpha.argmax(axis=-1)[..., None]).astype(float)
    return np.where(total > 0, drawn / np.where(total > 0, total, 1.0), likeliest)


def _density(places: Array, rows: Array, repeats: Array) -> Array:
    """Return the log density [W] of logarithms [W, S] of weights, given distinct counts [U, S]."""
    inside = within(places)
    held = np.clip(places, LEAST_LOG, MOST_LOG)
    found = log_prior(held) + log_marginal(rows, repeats, np.exp(held))
    return np.where(inside, found, -np.inf)
