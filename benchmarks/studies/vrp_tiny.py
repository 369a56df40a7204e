"""Compare solvers and checker on tiny routing instances with enumeration: ``python benchmarks/studies/vrp_tiny.py``.

Nothing in `Truth` uses Redwood's own code: distances, times, loads and rules are written again from the definitions in
`VRP.make`, and every whole departure is tried. All drawn data are whole numbers, so that some best departure is one.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

import redwood
from redwood.errors import FitError, InstanceError
from redwood.problems.vrp.checks import NumberedRoute, cost, route_faults
from redwood.problems.vrp.instance import VRPInstance

FEATURES = (
    *("windows", "several", "release", "duration", "distance", "fleet", "depots", "open", "prizes", "groups", "shipments"),
    *("pickups", "skills", "profiles", "loads", "linehauls", "asymmetric", "allowed", "hours", "fewest"),
    *("waiting", "planned", "prefix"),
)
Data = dict[str, Any]


def draw(rng: np.random.Generator, most: int = 4) -> Data:
    """Return the arguments of `VRP.make` for 2 to ``most`` customers with a random choice of features."""
    has = {feature: rng.random() < 0.3 for feature in FEATURES}
    size, homes = int(rng.integers(2, most + 1)), 2 if has["depots"] else 1
    points = rng.integers(0, 20, size=(homes + size, 2)).tolist()
    rows = [_draw_customer(rng, has, k, points[homes + k]) for k in range(size)]
    zero: Any = [0, 0] if has["loads"] else 0
    shipments = []
    if has["groups"]:
        for row in rows[:2]:
            row["group"] = "either"
            row.pop("prize", None)
    elif has["shipments"] and not has["linehauls"]:
        shipments = [{"pickup": "c0", "delivery": "c1", "amount": [2, 1] if has["loads"] else 2}]
        for row in rows[:2]:
            row["delivery"] = zero
    depots = [{"name": f"d{k}", "x": points[k][0], "y": points[k][1]} for k in range(homes)]
    if has["hours"]:
        for depot in depots:
            depot["window"] = [int(rng.integers(0, 10)), int(rng.integers(60, 150))]
    data: Data = {
        "depots": depots,
        "customers": rows,
        "vehicles": [_draw_vehicle(rng, has, k, size, homes) for k in range(2 if has["fleet"] else 1)],
        "shipments": shipments,
        "groups": {"either": bool(rng.random() < 0.5)} if has["groups"] else {},
        "linehauls_first": has["linehauls"],
        "objective": "fewest-vehicles" if has["fewest"] else "cost",
        "prefixes": [],
    }
    if has["planned"]:
        for row in rows:
            row |= {"planned": f"v{rng.integers(len(data['vehicles']))}", "change_price": int(rng.integers(0, 30))}
    if has["prefix"]:
        begun = rng.permutation(size)[: int(rng.integers(1, size))].tolist()
        kind = f"v{rng.integers(len(data['vehicles']))}"
        data["prefixes"] = [{"vehicle": kind, "customers": [f"c{c}" for c in begun]}]
    data |= _draw_roads(rng, has, homes + size, data["vehicles"])
    if rng.random() < 0.3:
        _draw_reloads(rng, data)
    return data


def _draw_reloads(rng: np.random.Generator, data: Data) -> None:
    """Let most vehicles reload at some depots, and half of them be so small that they have to."""
    names = [depot["name"] for depot in data["depots"]]
    for depot in data["depots"]:
        depot["reload_time"] = int(rng.integers(0, 4))
    for vehicle in data["vehicles"]:
        if rng.random() < 0.8:
            vehicle["reload_depots"] = [name for name in names if rng.random() < 0.7] or names[:1]
            if rng.random() < 0.5:
                vehicle["max_reloads"] = int(rng.integers(0, 3))
        if rng.random() < 0.5:
            vehicle["capacity"] = [4, 4] if isinstance(vehicle["capacity"], list) else 4
            vehicle["number"] = 1


def _draw_customer(rng: np.random.Generator, has: dict[str, bool], k: int, point: Sequence[int]) -> Data:
    two = has["loads"]
    load: Any = [int(rng.integers(1, 5)), int(rng.integers(0, 3))] if two else int(rng.integers(1, 5))
    row: Data = {"name": f"c{k}", "x": point[0], "y": point[1], "delivery": load, "service": int(rng.integers(0, 4))}
    if has["windows"]:
        ready = int(rng.integers(0, 40))
        row["windows"] = [[ready, ready + int(rng.integers(5, 40))]]
        if has["several"]:
            row["windows"].append([row["windows"][0][1] + 5, row["windows"][0][1] + 20])
    if has["release"] and rng.random() < 0.5:
        row["release"] = int(rng.integers(0, 15))
    if has["prizes"] and not has["fewest"] and rng.random() < 0.6:
        row["prize"] = int(rng.integers(1, 40))
    if has["skills"] and rng.random() < 0.4:
        row["skills"] = ["crane"]
    if has["pickups"] or has["linehauls"]:
        row["pickup"] = [int(rng.integers(0, 4)), 0] if two else int(rng.integers(0, 5))
    if has["linehauls"]:
        draw_ = rng.random()
        if draw_ < 0.85:  # a delivery or a pickup, seldom both
            row["delivery" if draw_ < 0.35 else "pickup"] = [0, 0] if two else 0
    return row


def _draw_vehicle(rng: np.random.Generator, has: dict[str, bool], k: int, size: int, homes: int) -> Data:
    vehicle: Data = {"name": f"v{k}", "number": int(rng.integers(1, 4)), "capacity": 9 - 2 * k}
    if has["loads"]:
        vehicle["capacity"] = [9 - 2 * k, 5]
    if rng.random() < 0.1:
        vehicle["number"] = None
    vehicle |= {"fixed_cost": int(rng.integers(0, 20)), "distance_cost": int(rng.integers(0, 3))}
    if has["duration"]:
        vehicle |= {"max_duration": int(rng.integers(40, 120)), "duration_cost": int(rng.integers(0, 3))}
    if has["waiting"]:
        vehicle["waiting_cost"] = int(rng.integers(0, 4))
    if has["distance"]:
        vehicle["max_distance"] = int(rng.integers(40, 90))
    if has["skills"] and k == 0:
        vehicle["skills"] = ["crane"]
    if has["allowed"] and rng.random() < 0.7:
        vehicle["allowed"] = [f"c{c}" for c in range(size) if rng.random() < 0.8]
    vehicle["start"] = f"d{rng.integers(homes)}"
    vehicle["end"] = "none" if has["open"] else f"d{rng.integers(homes)}"
    vehicle["shift"] = [int(rng.integers(0, 5)), int(rng.integers(60, 150))]
    return vehicle


def _draw_roads(rng: np.random.Generator, has: dict[str, bool], places: int, vehicles: list[Data]) -> Data:
    if not (has["asymmetric"] or has["profiles"]):
        return {"rounding": "nearest"}
    near = rng.integers(1, 25, size=(places, places)).astype(float)
    np.fill_diagonal(near, 0.0)
    near[(rng.random((places, places)) < 0.03) & ~np.eye(places, dtype=bool)] = np.inf
    if not has["profiles"]:
        return {"distances": near}
    for k, vehicle in enumerate(vehicles):
        vehicle["profile"] = "ab"[k % 2]
    return {"distances": {"a": near, "b": near[::-1, ::-1].copy()}, "durations": {"a": near, "b": near.T.copy()}}


class Truth:
    """The price of every route, and the optimum, by enumeration. A reload on a route is -1 less the number of its depot."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.rows: list[Data] = data["customers"]
        self.size = len(self.rows)
        self.homes = [depot["name"] for depot in data["depots"]]
        self.number = {row["name"]: c for c, row in enumerate(self.rows)}
        self.pairs = [(self.number[s["pickup"]], self.number[s["delivery"]], s["amount"]) for s in data["shipments"]]
        self.prices = {
            (k, stops): self._price(vehicle, stops)
            for k, vehicle in enumerate(data["vehicles"])
            for length in range(1, self.size + 1)
            for order in itertools.permutations(range(self.size), length)
            for stops in self._with_reloads(vehicle, order)
        }

    def _with_reloads(self, vehicle: Data, order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """Yield an order with every choice of reloads between its customers."""
        depots = [-1 - self.homes.index(name) for name in vehicle.get("reload_depots", ())]
        for chosen in itertools.product([None, *depots], repeat=len(order) - 1):
            if sum(depot is not None for depot in chosen) <= vehicle.get("max_reloads", math.inf):
                pairs = zip(order, (*chosen, None), strict=True)
                yield tuple(stop for pair in pairs for stop in pair if stop is not None)

    def _matrix(self, key: str, vehicle: Data) -> Any:
        given = self.data.get(key, self.data.get("distances"))
        if given is None:
            places = [(place["x"], place["y"]) for place in (*self.data["depots"], *self.rows)]
            return [[math.floor(math.dist(a, b) + 0.5) for b in places] for a in places]
        return given[vehicle["profile"]] if isinstance(given, dict) else given

    def _price(self, vehicle: Data, stops: tuple[int, ...]) -> float | None:
        """Return what a route costs without missed prizes, or ``None`` where it breaks a rule."""
        order, trips = tuple(stop for stop in stops if stop >= 0), trips_of(stops)
        rows = [self.rows[c] for c in order]
        able = set(vehicle.get("skills", ()))
        allowed = vehicle.get("allowed", [row["name"] for row in self.rows])
        if vehicle["number"] == 0 or any(set(r.get("skills", ())) - able or r["name"] not in allowed for r in rows):
            return None
        for trip in trips:
            for a, b, _ in self.pairs:
                if (a in trip) != (b in trip) or (a in trip and trip.index(a) > trip.index(b)):
                    return None
        for prefix in self.data["prefixes"]:
            begun = tuple(self.number[name] for name in prefix["customers"])
            if set(begun) & set(order) and (vehicle["name"] != prefix["vehicle"] or stops[: len(begun)] != begun):
                return None
        for trip in trips:
            if not self._loads_fit(vehicle, trip) or not self._linehauls_first([self.rows[c] for c in trip]):
                return None
        places = [self.homes.index(vehicle["start"]), *(len(self.homes) + c if c >= 0 else -1 - c for c in stops)]
        if vehicle["end"] != "none":
            places.append(self.homes.index(vehicle["end"]))
        length = sum(self._matrix("distances", vehicle)[i][j] for i, j in itertools.pairwise(places))
        if length > vehicle.get("max_distance", math.inf) or math.isinf(length):
            return None
        hours = self._cost_of_time(vehicle, stops, places)
        changes = sum(r["change_price"] for r in rows if r.get("planned", vehicle["name"]) != vehicle["name"])
        return None if hours is None else float(vehicle["fixed_cost"] + vehicle["distance_cost"] * length + hours + changes)

    def _loads_fit(self, vehicle: Data, order: tuple[int, ...]) -> bool:
        def vector(value: Any) -> Any:
            return np.atleast_1d(np.array(value, dtype=float))

        most = vector(vehicle["capacity"])
        zero = np.zeros(len(most))
        load = sum((zero + vector(self.rows[c]["delivery"]) for c in order), zero)
        if (load > most).any():
            return False
        for c in order:
            load = load - vector(self.rows[c]["delivery"]) + vector(self.rows[c].get("pickup", 0))
            load = load + sum((vector(amount) * ((c == a) - (c == b)) for a, b, amount in self.pairs), zero)
            if (load > most).any():
                return False
        return True

    def _linehauls_first(self, rows: Sequence[Data]) -> bool:
        if not self.data["linehauls_first"]:
            return True
        brings = [bool(np.any(row["delivery"])) for row in rows]
        takes = [bool(np.any(row.get("pickup", 0))) for row in rows]
        picked = [i for i, taken in enumerate(takes) if taken]
        return any(brings) and all(not brings[j] for i in picked for j in range(i + 1, len(rows)))

    def _cost_of_time(self, vehicle: Data, stops: tuple[int, ...], places: list[int]) -> float | None:
        """Return the least cost of time over all whole departures, or ``None`` where none keeps every limit."""
        durations = self._matrix("durations" if "durations" in self.data else "distances", vehicle)
        travel = [durations[i][j] for i, j in itertools.pairwise(places)]
        homes = {depot["name"]: depot.get("window", [0, math.inf]) for depot in self.data["depots"]}
        opens, shuts = homes[vehicle["start"]]
        first = max(vehicle["shift"][0], opens, *(self.rows[c].get("release", 0) for c in trips_of(stops)[0]))
        end_opens, end_shuts = (-math.inf, math.inf) if vehicle["end"] == "none" else homes[vehicle["end"]]
        best = None
        for start in range(int(first), int(min(vehicle["shift"][1], shuts)) + 1):
            end = self._end(start, stops, travel)
            if end is None:
                continue
            end = max(end, end_opens)
            if end > min(vehicle["shift"][1], end_shuts) or end - start > vehicle.get("max_duration", math.inf):
                continue
            busy = sum(self.rows[c]["service"] if c >= 0 else self.data["depots"][-1 - c]["reload_time"] for c in stops)
            waiting = end - start - sum(travel) - busy
            price = vehicle.get("duration_cost", 0) * (end - start) + vehicle.get("waiting_cost", 0) * waiting
            best = price if best is None else min(best, price)
        return best

    def _end(self, start: int, stops: tuple[int, ...], travel: list[float]) -> float | None:
        """Return when the vehicle is done, or ``None`` where a window is missed."""
        time, later = float(start), iter(trips_of(stops)[1:])
        for c, way in zip(stops, travel, strict=False):
            time += way
            if c < 0:
                depot = self.data["depots"][-1 - c]
                opens, shuts = depot.get("window", [0, math.inf])
                if time > shuts:
                    return None
                loaded = max(self.rows[b].get("release", 0) for b in next(later))
                time = max(max(time, opens) + depot["reload_time"], loaded)
                continue
            fitting = [
                max(time, opening) for opening, closing in self.rows[c].get("windows", [[0, math.inf]]) if time <= closing
            ]
            if not fitting:
                return None
            time = min(fitting) + self.rows[c]["service"]
        return time + (travel[-1] if len(travel) > len(stops) else 0.0)

    def _optional(self, c: int) -> bool:
        begun = any(self.rows[c]["name"] in prefix["customers"] for prefix in self.data["prefixes"])
        return not begun and (self.rows[c].get("prize", 0) > 0 or "group" in self.rows[c])

    def optimum(self) -> tuple[int, float] | None:
        """Return the vehicles and the cost of the best routes by the objective, or ``None`` where nothing is feasible."""
        cheapest: dict[tuple[int, frozenset[int]], float] = {}
        for (k, stops), price in self.prices.items():
            if price is not None:
                key = (k, frozenset(stop for stop in stops if stop >= 0))
                cheapest[key] = min(price, cheapest.get(key, math.inf))
        found = []
        for size in range(self.size + 1):
            for served in itertools.combinations(range(self.size), size):
                if self._may_serve_only(served):
                    missed = sum(row.get("prize", 0) for c, row in enumerate(self.rows) if c not in served)
                    found += [(len(p), missed + price) for p, price in self._priced_partitions(served, cheapest)]
        if not found:
            return None
        fewest = self.data["objective"] == "fewest-vehicles"
        return min(found, key=lambda one: one if fewest else (one[1], one[0]))

    def _may_serve_only(self, served: tuple[int, ...]) -> bool:
        if any(c not in served and not self._optional(c) for c in range(self.size)):
            return False
        alternatives = sum("group" in self.rows[c] for c in served)
        needed = self.data["groups"].get("either", False)
        return alternatives <= 1 and (alternatives == 1 or not needed)

    def _priced_partitions(
        self, served: tuple[int, ...], cheapest: dict[tuple[int, frozenset[int]], float]
    ) -> Iterator[tuple[list[frozenset[int]], float]]:
        kinds = range(len(self.data["vehicles"]))
        limits = [math.inf if v["number"] is None else v["number"] for v in self.data["vehicles"]]
        for parts in partitions(list(served)):
            for chosen in itertools.product(kinds, repeat=len(parts)):
                if all(chosen.count(k) <= limits[k] for k in kinds):
                    prices = [cheapest.get((k, part), math.inf) for k, part in zip(chosen, parts, strict=True)]
                    if all(math.isfinite(price) for price in prices):
                        yield parts, sum(prices)


def trips_of(stops: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the customers of each trip of a route."""
    trips: list[tuple[int, ...]] = [()]
    for stop in stops:
        if stop < 0:
            trips.append(())
        else:
            trips[-1] += (stop,)
    return trips


def partitions(customers: list[int]) -> Iterator[list[frozenset[int]]]:
    """Yield every way to divide customers among unordered groups."""
    if not customers:
        yield []
        return
    first, rest = customers[0], customers[1:]
    for size in range(len(rest) + 1):
        for others in itertools.combinations(rest, size):
            left = [c for c in rest if c not in others]
            for parts in partitions(left):
                yield [frozenset((first, *others)), *parts]


@dataclass(frozen=True)
class Outcome:
    """What was compared on one instance: its kind, what disagrees, in words, and what a search without proof has missed."""

    kind: str
    faults: list[str]
    missed: list[str]


def compare(data: Data, solvers: Sequence[str] = ("highs",), iterations: int = 2000) -> Outcome:
    """Compare the checker on every route, and solvers on the optimum, with the truth.

    Parameters
    ----------
    data
        Arguments of `VRP.make`.
    solvers
        Names of solvers; those that prove (``highs``) must prove the optimum or infeasibility, others must find it.
    iterations
        Limit of the solvers that prove nothing.
    """
    truth = Truth(data)
    best = truth.optimum()
    try:
        instance = redwood.instance("vrp", **data)
    except InstanceError as error:
        known = ("so the fewest vehicles are none", "need one", "the prefix")  # stricter rules of the fields
        doubtful = best is not None and not any(words in str(error) for words in known)
        return Outcome("refused", [f"refused although it has the optimum {best}: {error}"] if doubtful else [], [])
    assert isinstance(instance, VRPInstance)
    missed: list[str] = []
    faults = _compare_checker(truth, instance)
    value = None if best is None else best[1] + instance.vehicle_price * best[0]
    least = redwood.bound(instance, time_limit=5.0).value
    if value is not None and least > value + 1e-6:
        faults.append(f"the bound {least} is above the optimum {value}")
    for solver in solvers:
        proves = solver == "highs"
        limits: Data = {"time_limit": 30} if proves else {"iterations": iterations}
        try:
            result = redwood.solve(instance, solver, bound_time_limit=0, seed=1, **limits)
        except FitError as error:
            faults += [f"{solver}: {error}"] if proves else []
            continue
        found = result.objective
        worse = value is not None and (found is None or found > value)
        if found != value and (found is None or value is None or not math.isclose(found, value, abs_tol=1e-6)):
            (missed if worse and not proves else faults).append(
                f"{solver} finds {found}, and the optimum is {value}: {result.status}, {result.message}"
            )
        elif proves and result.status != ("infeasible" if value is None else "optimal"):
            faults.append(f"{solver} proves nothing where the optimum is {value}: {result.status}, {result.message}")
    return Outcome("infeasible" if best is None else "solved", faults, missed)


def _compare_checker(truth: Truth, instance: VRPInstance) -> list[str]:
    faults = []
    for (k, stops), price in truth.prices.items():
        order = tuple(stop for stop in stops if stop >= 0)
        split = any(
            (a in trip) != (b in trip) or (a in trip and trip.index(a) > trip.index(b))
            for trip in trips_of(stops)
            for a, b, _ in truth.pairs
        )
        split |= any(set(customers) & set(order) for _, customers in instance.prefixes)
        if split or instance.vehicles[k].number == 0:
            continue  # no matter of one route
        route = NumberedRoute(k, np.array(stops))
        told = route_faults(instance, route)
        if bool(told) != (price is None):
            faults.append(f"route {stops} of type {k} costs {price} by its definition, and the checker says {told}")
        elif price is not None:
            checked = cost(instance, [route]) - float(instance.prize.sum() - instance.prize[list(order)].sum())
            if not math.isclose(checked, price, abs_tol=1e-6):
                faults.append(f"route {stops} of type {k} costs {price} by its definition, and the checker says {checked}")
    return faults


@click.command()
@click.option("--count", default=2000, show_default=True, help="How many instances.")
@click.option("--seed", default=1, show_default=True, help="Seed of the first instance; each has a seed of its own.")
@click.option("--solver", "solvers", multiple=True, default=("highs", "local-search"), show_default=True, help="Solvers.")
def main(count: int, seed: int, solvers: tuple[str, ...]) -> None:
    """Compare solvers and the checker with plain enumeration on random tiny instances."""
    kinds: Counter[str] = Counter()
    wrong = missed = 0
    for number in range(seed, seed + count):
        outcome = compare(draw(np.random.default_rng(number)), solvers)
        kinds[outcome.kind] += 1
        wrong += bool(outcome.faults)
        missed += bool(outcome.missed)
        for told in (*outcome.faults[:2], *outcome.missed[:2]):
            click.echo(f"seed {number}: {told}")
    click.echo(f"{count} instances: {dict(kinds)}; {wrong} with a disagreement, {missed} where a search missed the optimum.")


if __name__ == "__main__":
    main()
