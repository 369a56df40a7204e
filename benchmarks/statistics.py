"""The figures of a benchmark, as pure functions of what was recorded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from redwood.planning.evaluation import half_width
from redwood.tolerance import gap_to

LEVEL = 0.05
"""Below which a p-value counts."""
TIE = 1e-6
"""Difference of two gaps, a share, up to which they are alike: solvers scale and round distances."""
TOO_FEW = "too few instances"
"""Stands for a p-value where no outcome could have come below the level."""
FIRST_GAP = 0.1
"""Gap that counts before the first solution is found, as in the DIMACS challenge: 10 % worse than the best known."""
RESAMPLES = 2000
"""How often seeds are drawn anew for an interval."""


def primal_integral(trajectory: Sequence[Sequence[float]], limit: float, reference: float, sense: str) -> float:
    """Return 100 times the mean gap of the incumbent over the time limit.

    For minimisation that is 100 * (integral of the incumbent / (limit * reference) - 1), with 1.1 * reference before
    the first solution.

    Parameters
    ----------
    trajectory
        Improvements as (seconds, objective), in order.
    limit
        Seconds that the run was given; what was found later does not count, and the last value holds until then.
    reference
        Best known objective.
    sense
        ``"min"`` or ``"max"``.

    References
    ----------
    12th DIMACS Implementation Challenge, "CVRP: Competition rules", http://dimacs.rutgers.edu/programs/challenge/vrp/
    """
    area, since, gap = 0.0, 0.0, FIRST_GAP
    for seconds, objective in trajectory:
        at = min(max(seconds, since), limit)
        area += (at - since) * gap
        since, gap = at, gap_to(objective, reference, sense) if seconds <= limit else gap
    return 100.0 * (area + (limit - since) * gap) / limit


def shifted_geometric_mean(values: Sequence[float]) -> float:
    """Return exp(mean(log(value + 1))) - 1, which neither the slowest nor the quickest run dominates."""
    return math.exp(float(np.mean(np.log(np.asarray(values, dtype=float) + 1.0)))) - 1.0


def bootstrap_interval(values: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """Return the 95 % interval that the mean over instances has with other seeds, or ``None`` without several seeds.

    Parameters
    ----------
    values
        For each instance one value a seed. The instances are taken as given; seeds are drawn anew within each.

    References
    ----------
    Efron, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7 (1979), doi:10.1214/aos/1176344552.
    """
    if not values or all(len(row) < 2 for row in values):
        return None
    rng = np.random.default_rng(0)
    means = np.zeros(RESAMPLES)
    for row in values:
        sample = np.asarray(row, dtype=float)
        means += sample[rng.integers(0, len(sample), size=(RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.percentile(means / len(values), [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class PairwiseTest:
    """Two solvers on the same cases: how often each is better, and how probable that is by chance.

    Attributes
    ----------
    wins, ties, losses
        Of the first against the second.
    difference, half_width
        Mean gap of the first minus mean gap of the second, negative where the first is better, and half the width of its
        95 % t interval over the cases; infinite for a single one.
    p_value
        Of the two-sided signed-rank test, before correction; 1 where all are ties.
    corrected
        The same after Holm's correction for all the pairwise tests of its table.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    difference: float
    half_width: float
    p_value: float
    corrected: float = math.nan


def signed_rank(differences: Sequence[float]) -> float:
    """Return the p-value of the two-sided paired signed-rank test; 1 without differences.

    Parameters
    ----------
    first, second
        Names of the two solvers.
    pairs
        For each case the gaps of the first and of the second one, as shares.
    tolerance
        Gaps that differ by no more are equal.

    References
    ----------
    Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bull. 1 (1945), doi:10.2307/3001968; zeros are
    to be dropped.
    """
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue) if differences else 1.0


def can_reject(cases: int, tests: int = 1) -> bool:
    """Return whether the signed-rank test of so many cases can come below `LEVEL` at all, one of so many tests."""
    return tests * 2.0 ** (1 - cases) <= LEVEL


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected so that the chance of any false alarm among them stays below the level.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979), 65-70.
    """
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def pairwise_tests(gaps: Mapping[str, Mapping[Hashable, float]]) -> list[PairwiseTest]:
    """Return every pair of solvers compared on the cases that both have, p-values corrected together.

    Parameters
    ----------
    gaps
        For each solver the gap of each case. Cases that one of a pair lacks do not count.
    """
    found = []
    for first, second in itertools.combinations(gaps, 2):
        differences = [gaps[first][case] - gaps[second][case] for case in gaps[first] if case in gaps[second]]
        apart = [difference for difference in differences if abs(difference) > TIE]
        wins, ties = sum(difference < 0 for difference in apart), len(differences) - len(apart)
        mean = float(np.mean(differences)) if differences else 0.0
        losses, width = len(apart) - wins, half_width(np.asarray(differences))
        found.append(PairwiseTest(first, second, wins, ties, losses, mean, width, signed_rank(apart)))
    corrected = holm([entry.p_value for entry in found])
    return [replace(entry, corrected=value) for entry, value in zip(found, corrected, strict=True)]
