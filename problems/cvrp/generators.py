"""Random instances: the uniform ones of neural solvers, clustered ones, and those of the X and XML100 benchmarks.

References
----------
Kool, van Hoof, Welling (2019), Attention, Learn to Solve Routing Problems!, arXiv:1803.08475, and Drakulic et al.
(2023), BQ-NCO, arXiv:2301.03313, for `uniform`. Uchoa et al. (2017), New benchmark instances for the Capacitated Vehicle
Routing Problem, doi:10.1016/j.ejor.2016.08.012, section 4, and Queiroga et al. (2022), 10,000 optimal CVRP solutions
for testing machine learning based heuristics, for `xml100`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, suggestion

VARIANTS = ("uniform", "clustered", "xml100", "matrix", "fleet")
SIZES = (10, 20, 50, 100, 200, 500, 1000)
CAPACITIES = (20, 30, 40, 50, 80, 100, 250)
"""Vehicle capacities of uniform instances of `SIZES` customers: from 20 to 100 as Kool et al. have them, from 100 as
BQ-NCO has them, 10 by extension. Between two sizes they are interpolated, beyond the ends kept."""

GRID = 1000
"""Coordinates of `xml100` are whole numbers from 0 to this."""

ROUTE_LENGTHS: Mapping[str, tuple[float, float]] = {
    "very-short": (3, 5),
    "short": (5, 8),
    "medium": (8, 12),
    "long": (12, 16),
    "very-long": (16, 25),
    "ultra-long": (25, 50),
}
"""Ranges of the mean number of customers on a route."""

Placement = Callable[[int, np.random.Generator], Array]
Draw = Callable[[Array, np.random.Generator], Array]
EntryT = TypeVar("EntryT")


def uniform_capacity(size: int) -> int:
    """Return the capacity of a uniform instance with ``size`` customers and demands from 1 to 9."""
    return round(float(np.interp(size, SIZES, CAPACITIES)))


def uniform_coords(size: int, rng: np.random.Generator) -> Array:
    """Return a depot and ``size`` customers uniform on the unit square, [N + 1, 2]."""
    return rng.random((size + 1, 2))


def clustered_coords(size: int, rng: np.random.Generator, spread: float = 0.05) -> Array:
    """Return a uniform depot and customers around 3 to 8 uniform centres on the unit square, [N + 1, 2].

    ``spread`` is the standard deviation of the customers around their centre; those outside are mirrored back.
    """
    centres = rng.random((int(rng.integers(3, 9)), 2))
    customers = centres[rng.integers(len(centres), size=size)] + spread * rng.standard_normal((size, 2))
    folded = np.abs(np.mod(customers + 1.0, 2.0) - 1.0)
    return np.concatenate([rng.random((1, 2)), folded])


def detours(coords: Array, rng: np.random.Generator) -> Array:
    """Return symmetric distances [N + 1, N + 1]: straight lines, each longer at random by up to a half."""
    straight = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    longer = np.triu(1.0 + 0.5 * rng.random(straight.shape), 1)
    return np.asarray(straight * (longer + longer.T))


def packed(demands: Array, capacity: int) -> int:
    """Return how many vehicles serve all demands where each goes, the largest first, to the first vehicle with room."""
    rooms: list[int] = []
    for demand in sorted(demands.tolist(), reverse=True):
        fits = next((vehicle for vehicle, room in enumerate(rooms) if room >= demand), None)
        if fits is None:
            rooms.append(capacity - demand)
        else:
            rooms[fits] -= demand
    return len(rooms)


def xml_coords(size: int, rng: np.random.Generator, depot: str, customers: str) -> Array:
    """Return whole coordinates [N + 1, 2] of a depot and customers placed as in the X benchmark.

    Parameters
    ----------
    size
        Number of customers N.
    rng
        Draws the places.
    depot, customers
        A key of `DEPOTS` and of `CUSTOMERS`; others are refused.
    """
    place = choose("depot", depot, DEPOTS)(1, rng)
    return np.concatenate([place, choose("customers", customers, CUSTOMERS)(size, rng)]).astype(np.float64)


def xml_demands(coords: Array, rng: np.random.Generator, demands: str) -> Array:
    """Return demands [N + 1], the depot's 0, of one of the classes of the X benchmark."""
    drawn = choose("demands", demands, DEMANDS)(coords[1:], rng)
    return np.concatenate([np.zeros(1, dtype=np.int64), drawn])


def xml_capacity(demands: Array, rng: np.random.Generator, route_length: str) -> int:
    """Return the capacity at which a route of mean demands holds a random number of customers of the given range."""
    low, high = choose("route_length", route_length, ROUTE_LENGTHS)
    wanted = float(rng.uniform(low, high)) * float(demands.sum()) / max(1, len(demands) - 1)
    return int(max(demands.max(), np.floor(wanted) if demands.max() == 1 else np.ceil(wanted)))


def choose(what: str, given: str, known: Mapping[str, EntryT]) -> EntryT:
    """Return the entry of ``known`` that ``given`` names; raises `OptionError` where there is none."""
    if not isinstance(given, str) or given not in known:
        raise OptionError(f"{what} {given!r} is unknown.{suggestion(str(given), known)}")
    return known[given]


def _grid(size: int, rng: np.random.Generator) -> Array:
    return rng.integers(0, GRID + 1, size=(size, 2))


def _clusters(size: int, rng: np.random.Generator) -> Array:
    """Return the cluster seeds, and points kept with probability sum of exp(-distance / 40) over the seeds."""
    count = min(size, int(rng.integers(3, 9)))
    seeds = _grid(count, rng)
    points = [seeds]
    missing = size - count
    while missing > 0:
        tries = _grid(max(64, 8 * missing), rng)
        distance = np.sqrt(((tries[:, None, :] - seeds[None]) ** 2).sum(axis=2))
        kept = tries[rng.random(len(tries)) <= np.exp(-distance / 40.0).sum(axis=1)][:missing]
        points.append(kept)
        missing -= len(kept)
    return np.concatenate(points)


def _half_clustered(size: int, rng: np.random.Generator) -> Array:
    return np.concatenate([_grid(size // 2, rng), _clusters(size - size // 2, rng)])


def _range(low: int, high: int) -> Draw:
    return lambda coords, rng: rng.integers(low, high + 1, size=len(coords))


def _quadrant(coords: Array, rng: np.random.Generator) -> Array:
    """Return demands 1..50 in two opposite quadrants and 51..100 in the others."""
    upper = (coords >= GRID / 2).sum(axis=1) != 1
    return np.asarray(rng.integers(1, 51, size=len(coords)) + 50 * upper)


def _many_small(coords: Array, rng: np.random.Generator) -> Array:
    """Return demands 1..10 for 70 to 95 % of the customers and 50..100 for the others."""
    small = rng.random(len(coords)) < rng.uniform(0.70, 0.95)
    return np.where(small, rng.integers(1, 11, size=len(coords)), rng.integers(50, 101, size=len(coords)))


DEPOTS: Mapping[str, Placement] = {
    "random": _grid,
    "centre": lambda size, rng: np.full((size, 2), GRID // 2),
    "corner": lambda size, rng: np.zeros((size, 2), dtype=np.int64),
}
CUSTOMERS: Mapping[str, Placement] = {"random": _grid, "clustered": _clusters, "random-clustered": _half_clustered}
DEMANDS: Mapping[str, Draw] = {
    "unitary": _range(1, 1),
    "small-varied": _range(1, 10),
    "small-even": _range(5, 10),
    "large-varied": _range(1, 100),
    "large-even": _range(50, 100),
    "quadrant": _quadrant,
    "many-small": _many_small,
}
