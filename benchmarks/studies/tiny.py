"""Tiny instances of odd scales and shapes, with answers by plain enumeration: what proofs are checked against.

Nothing here uses a problem's or a solver's own code, but for making the instance: distances, prices and rules are written
again from their definitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np
from tiny_rich import draw_bandit, draw_vrp

from redwood.errors import InstanceError
from redwood.plugins.host import host
from redwood.problem import Instance

Matrix = list[list[float]]
SHAPES = ("plane", "rounded", "matrix", "ties", "zeros", "huge", "mixed", "one-place")
"""How distances are drawn."""
SLACK = 1e-9
"""Share by which real weights, loads and lengths may exceed a limit, as the problems state it."""
LARGEST = 1e14
"""Distances stay below this; the problems refuse those above 1e15."""


@dataclass(frozen=True)
class Tiny:
    """An instance, what it looks like, and its truth.

    Attributes
    ----------
    instance
        Of any problem here.
    shape
        How it was drawn, in words.
    optimum
        Its optimum by enumeration; ``None`` where nothing is feasible.
    price
        The objective of a solution by the definition, ``None`` where it breaks a rule.
    """

    instance: Instance
    shape: str
    optimum: float | None
    price: Callable[[Any], float | None]


def draw(problem: str, rng: np.random.Generator) -> Tiny:
    """Return a random tiny instance of a problem."""
    return DRAWS[problem](rng)


def _draw_distances(rng: np.random.Generator, nodes: int, symmetric: bool) -> tuple[str, dict[str, Any], Matrix]:
    """Return a shape in words, what the problem is given, and the distances."""
    shape = str(rng.choice([name for name in SHAPES if symmetric or name not in ("plane", "rounded")]))
    scale = 10.0 ** float(rng.integers(-12, 15))
    if shape == "plane":
        coords = rng.random((nodes, 2)) * scale
        return f"{shape}, {scale:g}", {"coords": coords}, [[math.dist(a, b) for b in coords] for a in coords]
    if shape == "rounded":
        coords = rng.integers(0, int(rng.choice([4, 20, 1000])), (nodes, 2)).astype(float)
        given = {"coords": coords, "metric": "EUC_2D"}
        return shape, given, [[float(int(math.dist(a, b) + 0.5)) for b in coords] for a in coords]
    matrix = _draw_matrix(rng, nodes, shape, scale)
    matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T if symmetric else matrix
    np.fill_diagonal(matrix, 0.0)
    return f"{shape}, {scale:g}", {"matrix": matrix}, matrix.tolist()


def _draw_matrix(rng: np.random.Generator, nodes: int, shape: str, scale: float) -> np.ndarray[Any, Any]:
    matrix: np.ndarray[Any, Any] = rng.random((nodes, nodes)) * scale
    if shape == "ties":
        matrix = rng.integers(1, 4, (nodes, nodes)) * scale
    elif shape == "zeros":
        matrix = matrix * (rng.random((nodes, nodes)) < 0.5)
    elif shape == "huge":
        for _ in range(int(rng.integers(1, 3))):
            matrix[rng.integers(nodes), rng.integers(nodes)] = min(LARGEST, scale * 10.0 ** rng.integers(3, 13))
    elif shape == "mixed":
        matrix = matrix * 10.0 ** rng.integers(-6, 7, (nodes, nodes))
    elif shape == "one-place":
        matrix = np.zeros((nodes, nodes))
    if rng.random() < 0.3 and scale >= 1e3:
        matrix = np.rint(matrix)
    return np.asarray(np.minimum(matrix, LARGEST))


def _length(lengths: Matrix, walk: Sequence[int]) -> float:
    return math.fsum(lengths[tail][head] for tail, head in pairwise(walk))


def _draw_tour(problem: str, rng: np.random.Generator) -> Tiny:
    nodes = int(rng.integers(1, 8))
    shape, given, lengths = _draw_distances(rng, nodes, problem == "tsp")

    def price(solution: Any) -> float | None:
        tour = [int(node) for node in solution.tour]
        return _length(lengths, [*tour, tour[0]]) if sorted(tour) == list(range(nodes)) else None

    tours = ([0, *rest, 0] for rest in permutations(range(1, nodes)))
    optimum = min(_length(lengths, tour) for tour in tours)
    return Tiny(host().problem(problem).make(**given), shape, optimum, price)


def _draw_cvrp(rng: np.random.Generator) -> Tiny:
    customers = int(rng.integers(1, 6))
    shape, given, lengths = _draw_distances(rng, customers + 1, True)
    demands = [0.0, *rng.integers(0 if rng.random() < 0.3 else 1, 10, customers).tolist()]
    capacity = float(rng.integers(9, 25))
    whole = bool(rng.random() < 0.7)
    if not whole:
        unit = 10.0 ** float(rng.integers(-9, 3)) * 0.1
        demands, capacity = [demand * unit for demand in demands], capacity * unit
    vehicles = int(rng.integers(1, customers + 2)) if rng.random() < 0.5 else None
    limit = capacity if whole else capacity * (1.0 + SLACK)
    if vehicles is not None:  # the problem refuses fewer than the sum of the demands needs
        vehicles = max(vehicles, math.ceil(math.fsum(demands) / limit))
    most = customers if vehicles is None else vehicles
    cheapest = dict(_cheapest_routes(lengths, demands, limit, customers))

    def price(solution: Any) -> float | None:
        visited = sorted(stop for route in solution.routes for stop in route)
        loads = [math.fsum(demands[stop] for stop in route) for route in solution.routes]
        if visited != list(range(1, customers + 1)) or len(loads) > most or any(load > limit for load in loads):
            return None
        return math.fsum(_length(lengths, [0, *route, 0]) for route in solution.routes)

    given |= {"demands": [int(demand) for demand in demands] if whole else demands, "capacity": capacity}
    everybody = frozenset(range(1, customers + 1))
    best = _best_partition(cheapest, everybody, most)
    try:
        instance = host().problem("cvrp").make(**given, vehicles=vehicles)
    except InstanceError:
        if best is not None:
            raise
        vehicles, most = None, customers  # the problem may refuse a fleet that has no packing
        best, instance = _best_partition(cheapest, everybody, most), host().problem("cvrp").make(**given)
    words = f"{shape}, {'any' if vehicles is None else vehicles} vehicles"
    return Tiny(instance, words, best, price)


def _cheapest_routes(
    lengths: Matrix, demands: Sequence[float], limit: float, customers: int
) -> Iterator[tuple[frozenset[int], float]]:
    for count in range(1, customers + 1):
        for chosen in combinations(range(1, customers + 1), count):
            if math.fsum(demands[stop] for stop in chosen) <= limit:
                yield frozenset(chosen), min(_length(lengths, [0, *order, 0]) for order in permutations(chosen))


def _best_partition(cheapest: dict[frozenset[int], float], left: frozenset[int], most: int) -> float | None:
    """Return the least cost of serving the customers left by routes, ``None`` where it cannot be done."""
    if not left:
        return 0.0
    found = []
    for route, cost in cheapest.items() if most else ():
        if min(left) in route and route <= left:
            rest = _best_partition(cheapest, left - route, most - 1)
            if rest is not None:
                found.append(cost + rest)
    return min(found, default=None)


def _draw_orienteering(rng: np.random.Generator) -> Tiny:
    nodes = int(rng.integers(1, 8))
    shape, given, lengths = _draw_distances(rng, nodes, True)
    start, end = 0, int(rng.integers(nodes)) if rng.random() < 0.5 else 0
    prizes = rng.integers(0, 10, nodes) * 1.0
    if rng.random() < 0.5:
        prizes = rng.random(nodes) * 10.0 ** float(rng.integers(-12, 15))
    elif rng.random() < 0.3:
        prizes *= 10.0 ** rng.integers(-3, 4, nodes)
    inner = [node for node in range(nodes) if node not in (start, end)]
    paths = [[start, *order, end] for count in range(len(inner) + 1) for order in permutations(inner, count)]
    each = [_length(lengths, path) for path in paths]
    budget = float(rng.choice([min(each), float(np.median(each)), 0.5 * (min(each) + float(np.quantile(each, 0.3)))]))
    limit = budget * (1.0 + SLACK)

    def price(solution: Any) -> float | None:
        tour = [int(node) for node in solution.tour]
        tour = [*tour, end] if start == end and (len(tour) == 1 or tour[-1] != end) else tour
        middle = tour[1:-1]
        broken = (tour[0], tour[-1]) != (start, end) or len(set(middle)) < len(middle) or {start, end} & set(middle)
        if broken or _length(lengths, tour) > limit * (1.0 + 1e-14):
            return None
        return math.fsum(prizes[node] for node in set(tour))

    earned = [
        math.fsum(prizes[node] for node in set(path)) for path, length in zip(paths, each, strict=True) if length <= limit
    ]
    instance = host().problem("orienteering").make(**given, prizes=prizes, budget=budget, start=start, end=end)
    return Tiny(instance, f"{shape}, budget {budget:g}", max(earned), price)


def _draw_knapsack(rng: np.random.Generator) -> Tiny:
    items = int(rng.integers(1, 8))
    values, weights = _draw_numbers(rng, items), _draw_numbers(rng, items)
    share = float(rng.choice([0.0, 0.3, 0.6, 1.0]))
    capacity = float(min(weights) + share * (sum(weights) - min(weights)))
    words = f"values {max(values):g}, weights {max(weights):g}"
    if rng.random() < 0.4:  # an item that does not fit
        values.append(max(values) * 10.0 ** float(rng.integers(0, 6)))
        weights.append((capacity or 1.0) * 10.0 ** float(rng.integers(1, 9)))
        words += ", one does not fit"
    whole = all(weight == int(weight) for weight in weights)
    capacity = math.floor(capacity) if whole else capacity
    limit = capacity if whole else capacity * (1.0 + SLACK)

    def price(solution: Any) -> float | None:
        chosen = [int(item) for item in solution.items]
        heavy = math.fsum(weights[item] for item in chosen) > limit
        return None if heavy or len(set(chosen)) < len(chosen) else math.fsum(values[item] for item in chosen)

    packings = (chosen for count in range(len(values) + 1) for chosen in combinations(range(len(values)), count))
    optimum = max(
        math.fsum(values[item] for item in chosen)
        for chosen in packings
        if math.fsum(weights[item] for item in chosen) <= limit
    )
    return Tiny(host().problem("knapsack").make(values=values, weights=weights, capacity=capacity), words, optimum, price)


def _draw_numbers(rng: np.random.Generator, count: int) -> list[float]:
    """Return numbers of one magnitude or of many, some of them zero, whole or real."""
    kind = str(rng.choice(["whole", "real", "zeros", "mixed", "ties"]))
    scale = 10.0 ** float(rng.integers(-12, 16))
    if kind == "whole":
        return [float(number) for number in rng.integers(1, int(rng.choice([5, 100, 10**9])), count)]
    if kind == "ties":
        return [float(number) * scale for number in rng.integers(1, 4, count)]
    numbers = rng.random(count) * scale
    if kind == "zeros":
        numbers *= rng.random(count) < 0.6
    elif kind == "mixed":
        numbers *= 10.0 ** rng.integers(-6, 3, count)
    return [float(number) for number in numbers]


def _draw_vrp(rng: np.random.Generator) -> Tiny:
    return Tiny(*draw_vrp(rng))


def _draw_cormab(rng: np.random.Generator) -> Tiny:
    """Return a bandit, of whose claims only the bound is compared: its objective is an estimate."""
    return Tiny(*draw_bandit(rng), lambda policy: None)


DRAWS: dict[str, Callable[[np.random.Generator], Tiny]] = {
    "tsp": lambda rng: _draw_tour("tsp", rng),
    "atsp": lambda rng: _draw_tour("atsp", rng),
    "cvrp": _draw_cvrp,
    "knapsack": _draw_knapsack,
    "orienteering": _draw_orienteering,
    "vrp": _draw_vrp,
    "cormab": _draw_cormab,
}
