"""Tiny rich routing instances and restless bandits in odd units, with answers by enumeration; `tiny` has the others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from vrp_tiny import Data, Truth
from vrp_tiny import draw as draw_routing

from redwood.errors import InstanceError
from redwood.plugins.host import host
from redwood.problem import Instance

LENGTHS = ("service", "release", "prize", "change_price", "fixed_cost", "max_duration", "max_distance", "reload_time")
"""Fields in the unit of lengths, times and costs; windows and shifts are lists of them."""
LOADS = ("delivery", "pickup", "capacity", "amount")


def draw_vrp(rng: np.random.Generator) -> tuple[Instance, str, float | None, Any]:
    """Return an instance, its shape in words, its optimum, and what prices a solution of it."""
    while True:
        data = draw_routing(rng, most=3) | {"objective": "cost"}
        unit, load = 10.0 ** float(rng.integers(-9, 9)), 10.0 ** float(rng.integers(-9, 9))
        truth = Truth(data)
        try:
            instance = host().problem("vrp").make(**in_units(truth, unit, load))
        except InstanceError:  # it is plain that no routes can serve everybody
            continue
        best = truth.optimum()
        optimum = None if best is None else unit * best[1]
        return instance, f"lengths of {unit:g}, loads of {load:g}", optimum, partial(price_routes, truth, unit)


def in_units(truth: Truth, unit: float, load: float) -> Data:
    """Return the data with all lengths, times and costs times a unit, and all loads times another; lengths as matrices."""

    def changed(row: Data) -> Data:
        row = {key: value for key, value in row.items() if key not in ("x", "y")}
        for key, factor in (*((key, unit) for key in LENGTHS), *((key, load) for key in LOADS)):
            if key in row and not isinstance(row[key], str):  # the ends of shipments are names
                row[key] = (factor * np.asarray(row[key], float)).tolist()
        for key in ("window", "windows", "shift"):
            if key in row:
                row[key] = (unit * np.asarray(row[key], float)).tolist()
        return row

    data = dict(truth.data)
    matrices = {}
    for key in ("distances", "durations") if "durations" in data else ("distances",):
        found = {v.get("profile", ""): unit * np.asarray(truth._matrix(key, v), float) for v in data["vehicles"]}
        matrices[key] = found if isinstance(data.get(key), dict) else next(iter(found.values()))
    data.pop("rounding", None)
    tables = {key: [changed(row) for row in data[key]] for key in ("depots", "customers", "vehicles", "shipments")}
    return data | tables | matrices


def price_routes(truth: Truth, unit: float, found: Any) -> float | None:
    """Return what a solution costs by the definition, ``None`` where it breaks a rule."""
    kinds = {vehicle["name"]: k for k, vehicle in enumerate(truth.data["vehicles"])}
    routes = [(kinds[route.vehicle], _stops(truth, route)) for route in found.routes]
    prices = [truth.prices.get(route) for route in routes]  # that of more reloads than are allowed is none
    served = [c for _, stops in routes for c in stops if c >= 0]
    numbers = [vehicle["number"] for vehicle in truth.data["vehicles"]]
    many = any(n is not None and sum(kind == k for kind, _ in routes) > n for k, n in enumerate(numbers))
    if many or None in prices or len(set(served)) < len(served) or not truth._may_serve_only(tuple(sorted(served))):
        return None
    missed = math.fsum(row.get("prize", 0) for c, row in enumerate(truth.rows) if c not in served)
    return unit * (math.fsum(price for price in prices if price is not None) + missed)


def _stops(truth: Truth, route: Any) -> tuple[int, ...]:
    """Return the stops of a route by number, a reload as -1 less the number of its depot."""
    stops: list[int] = []
    for k, trip in enumerate(route.trips):
        stops += [-1 - truth.homes.index(route.reloads[k - 1].depot)] if k else []
        stops += [truth.number[name] for name in trip]
    return tuple(stops)


def draw_bandit(rng: np.random.Generator) -> tuple[Instance, str, float]:
    """Return a bandit of 2 or 3 arms with 2 states under a budget, its shape in words, and its optimum a step."""
    arms, horizon = int(rng.integers(2, 4)), int(rng.integers(1, 5))
    scale, discount = 10.0 ** float(rng.integers(-12, 13)), float(rng.choice([1.0, 0.9, 0.5]))
    stay = rng.choice([0.0, 0.5, 1.0], (arms, 2, 2)) if rng.random() < 0.3 else rng.random((arms, 2, 2))
    transitions = np.stack([stay, 1.0 - stay], axis=-1)
    rewards = np.rint(2 * rng.random((arms, 2, 2))) * scale if rng.random() < 0.3 else rng.normal(size=(arms, 2, 2)) * scale
    start = np.eye(2)[rng.integers(0, 2, arms)]
    budget = int(rng.integers(1, arms + 1))
    made = (
        host()
        .problem("cormab")
        .make(
            horizon=horizon,
            discount=discount,
            actions={"kind": "budget", "count": arms, "budget": budget},
            start=start,
            rewards=rewards,
            transitions=transitions,
        )
    )
    pulls = [pull for pull in itertools.product((0, 1), repeat=arms) if sum(pull) <= budget]
    best = _best_value(transitions.tolist(), rewards.tolist(), pulls, horizon, discount)
    first = tuple(int(state) for state in np.argmax(start, axis=1))
    return made, f"rewards of {scale:g}, {horizon} steps", best[first] / horizon


def _best_value(
    transitions: Any, rewards: Any, pulls: Sequence[tuple[int, ...]], horizon: int, discount: float
) -> dict[tuple[int, ...], float]:
    """Return the best discounted reward from each joint state, by backward induction over all joint states and actions."""
    arms = range(len(rewards))
    states = list(itertools.product((0, 1), repeat=len(rewards)))
    later = dict.fromkeys(states, 0.0)

    def value(state: tuple[int, ...], pull: tuple[int, ...]) -> float:
        now = math.fsum(rewards[j][pull[j]][state[j]] for j in arms)
        ahead = math.fsum(
            math.prod(transitions[j][pull[j]][state[j]][after[j]] for j in arms) * later[after] for after in states
        )
        return now + discount * ahead

    for _ in range(horizon):
        later = {state: max(value(state, pull) for pull in pulls) for state in states}
    return later
