"""What the outside solvers share: distances as whole numbers, and routes of a handful of nodes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolverError
from redwood.problems.cvrp.instance import SLACK, CVRPInstance
from redwood.problems.routing.travel import Travel

MOST_NODES = 20_000
"""Nodes beyond which no matrix is written down (3.2 GB)."""

MOST_LOAD = 10**9
"""Units of load in a vehicle at most: beyond, the penalties of some libraries overflow."""

MOST_PARTS = 10**8
"""Parts at most into which a capacity is cut to make fractional demands whole: finer ones are within `SLACK`."""
MOST_TOTAL = 2.0**60
"""Sums of whole numbers stay below this, so that no library overflows."""

PLACES = 9
"""Decimal places that numbers may have to be multiples of a common unit for that reason."""

FLOAT_SHARE = 2.0**-51
"""Share by which a float may differ from the number that was meant."""


@dataclass(frozen=True)
class Scaled:
    """Distances [N, N] as int64, and the number of their units in one unit of the instance."""

    matrix: Array
    scale: float


def scaled(travel: Travel, largest: float, *, upwards: bool = False) -> Scaled:
    """Return the distances as whole numbers of at most about ``largest``.

    Whole distances within the limit keep the scale 1; others are multiplied by ``largest`` over the longest one and
    rounded to the nearest whole number, or up.

    Raises
    ------
    SolverError
        Where the matrix would have more than `MOST_NODES` nodes.
    """
    if travel.size > MOST_NODES:
        raise SolverError(f"{travel.size} nodes need a matrix of {travel.size**2 * 8 / 1e9:.0f} GB; at most {MOST_NODES}.")
    matrix = np.array(travel.full(), dtype=np.float64)
    longest = max(float(matrix.max(initial=0.0)), 1e-300)
    scale = 1.0 if travel.integral and longest <= largest else largest / longest
    matrix *= scale
    rounded = np.ceil(matrix) if upwards else np.rint(matrix)
    return Scaled(rounded.astype(np.int64), scale)


def shortest_tiny_tour(matrix: Array) -> Array | None:
    """Return the best tour of up to three nodes, which some libraries refuse, or ``None`` for more."""
    if len(matrix) > 3:
        return None
    tours = [np.array([0, *rest]) for rest in itertools.permutations(range(1, len(matrix)))]
    return min(tours, key=lambda tour: float(matrix[tour, np.roll(tour, -1)].sum()))


def whole(values: Array, largest: float = 1e6, *, upwards: bool = False) -> tuple[Array, float]:
    """Return numbers as int64 and their scale: 1 where all are whole, else such that the largest becomes ``largest``."""
    numbers = np.asarray(values, dtype=np.float64)
    if np.array_equal(numbers, np.rint(numbers)):
        return numbers.astype(np.int64), 1.0
    scale = largest / float(numbers.max())
    return (np.ceil(numbers * scale) if upwards else np.rint(numbers * scale)).astype(np.int64), scale


@dataclass(frozen=True)
class Multiples:
    """Numbers as whole multiples [N] of a unit, and by how much they differ from them, all together."""

    counts: Array
    unit: Fraction
    error: float

    def fits(self, limit: float) -> tuple[int, bool]:
        """Return the most units within a limit, and whether exactly the sums of numbers within the limit have no more."""
        share = Fraction(limit) / self.unit
        most = math.floor(share)
        noise = (Fraction(self.error) + Fraction(len(self.counts) * 2.0**-52) * Fraction(limit)) / self.unit
        return most, noise <= share - most and noise < most + 1 - share


def multiples(numbers: Array, total: float = MOST_TOTAL) -> Multiples | None:
    """Return numbers from 0 up as multiples of a common unit, ``None`` where they have none or one that is too small.

    Parameters
    ----------
    numbers
        What is to be written as multiples, [N].
    total
        The multiples sum to no more than this.
    """
    distinct, places, often = np.unique(np.asarray(numbers, dtype=np.float64), return_inverse=True, return_counts=True)
    largest = float(distinct[-1]) if len(distinct) else 0.0
    if largest == 0.0:
        return Multiples(np.zeros(len(places), dtype=np.int64), Fraction(1), 0.0)
    unit = _common_part(distinct.tolist())
    counts = [] if unit is None else [round(Fraction(number) / unit) for number in distinct.tolist()]
    if unit is None or sum(count * int(many) for count, many in zip(counts, often, strict=True)) > total:
        return None
    errors = (abs(Fraction(n) - c * unit) * int(k) for n, c, k in zip(distinct.tolist(), counts, often, strict=True))
    return Multiples(np.array(counts, dtype=np.int64)[places], unit, float(sum(errors)) * (1.0 + 1e-9))


def _common_part(numbers: list[float]) -> Fraction | None:
    """Return the largest number of which all are multiples, up to what floats round, or ``None``; the largest is last."""
    if all(number.is_integer() for number in numbers):
        return Fraction(math.gcd(*map(int, numbers)))
    for power in range(1, PLACES + 1):  # decimal places, as files have them
        if all(_is_multiple(number, Fraction(1, 10**power)) for number in numbers):
            return Fraction(math.gcd(*(round(Fraction(number) * 10**power) for number in numbers)), 10**power)
    largest, parts = Fraction(numbers[-1]), 1
    for number in numbers:  # shares of the largest
        parts = math.lcm(parts, (Fraction(number) / largest).limit_denominator(MOST_PARTS).denominator)
        if parts > MOST_PARTS:
            return None
    return largest / parts if all(_is_multiple(number, largest / parts) for number in numbers) else None


def _is_multiple(number: float, unit: Fraction) -> bool:
    exact = Fraction(number)
    return abs(exact - round(exact / unit) * unit) <= Fraction(FLOAT_SHARE) * exact


@dataclass(frozen=True)
class Loads:
    """Demands [N + 1] as int64, and the capacity in the same unit."""

    demands: Array
    capacity: int


def whole_loads(instance: CVRPInstance) -> Loads:
    """Return demands and capacity as whole numbers of at most `MOST_LOAD`, in their largest common unit.

    Where they have one, exactly the routes within capacity stay within it. Where they have none, or too small a one,
    demands are rounded up to a billionth of the capacity.
    """
    loads = _common_unit(instance) or _rounded_up(instance)
    total = int(loads.demands.sum())
    return Loads(loads.demands, max(1, min(loads.capacity, total)))


def _common_unit(instance: CVRPInstance) -> Loads | None:
    """Return the loads without loss, or ``None``."""
    if np.issubdtype(instance.demands.dtype, np.integer):
        unit = max(1, int(np.gcd.reduce(instance.demands)))
        demands, capacity = instance.demands // unit, math.floor(instance.capacity) // unit
        capacity = min(capacity, int(demands.sum()))
        return Loads(demands, capacity) if capacity <= MOST_LOAD else None
    tolerance = SLACK / (4 * instance.size)
    numbers, places = np.unique(instance.demands, return_inverse=True)
    shares, parts = [], 1
    for number in (numbers / instance.capacity).tolist():
        share = Fraction(number).limit_denominator(MOST_PARTS)
        parts = math.lcm(parts, share.denominator)
        if parts > MOST_PARTS or abs(float(share) - number) > tolerance * number:
            return None
        shares.append(share)
    demands = np.array([int(share * parts) for share in shares], dtype=np.int64)[places]
    return Loads(demands, parts)


def _rounded_up(instance: CVRPInstance) -> Loads:
    scale = MOST_LOAD / instance.limit
    noise = 1e-6  # of the multiplication, in units: what fills a vehicle exactly must go on fitting
    return Loads(np.ceil(instance.demands * scale - noise).astype(np.int64), MOST_LOAD)
