"""Which data of an instance a file format cannot hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError
from redwood.problems.vrp.instance import VRPInstance


def refuse(instance: VRPInstance, form: str, features: Iterable[str]) -> None:
    """Raise `FormatError` that names the first of some features which the instance has, and a format has no place for.

    Parameters
    ----------
    instance
        What is to be written.
    form
        What the message calls the format.
    features
        Keys of `FEATURES`.
    """
    for feature in features:
        what = FEATURES[feature](instance)
        if what:
            raise FormatError(f"{form} has no place for {what}; write the instance as .json.")


def _vehicle(text: str, has: Callable[..., object]) -> Callable[[VRPInstance], str]:
    def name(instance: VRPInstance) -> str:
        return next((f"{text} of vehicle {v.name!r}" for v in instance.vehicles if has(v)), "")

    return name


def _customer(text: str, has: Callable[[VRPInstance], Any]) -> Callable[[VRPInstance], str]:
    def name(instance: VRPInstance) -> str:
        found = np.flatnonzero(has(instance))
        return f"{text} of customer {instance.customers[found[0]]!r}" if len(found) else ""

    return name


def _whole(text: str, has: Callable[[VRPInstance], object]) -> Callable[[VRPInstance], str]:
    return lambda instance: text if has(instance) else ""


def _optional_without_prize(instance: VRPInstance) -> Array:
    alone = (instance.group_of < 0) & (instance.partner < 0)
    return np.asarray(alone & (instance.required == (instance.prize > 0)))


def _loads_beside_shipments(instance: VRPInstance) -> Array:
    loaded = instance.delivery.any(axis=1) | instance.pickup.any(axis=1)
    return np.asarray(loaded & (len(instance.shipments) > 0))


FEATURES: dict[str, Callable[[VRPInstance], str]] = {
    "several windows": _customer("several time windows", lambda i: np.diff(i.window_starts) > 1),
    "release": _customer("the release time", lambda i: i.release > 0),
    "prize": _customer("the prize", lambda i: i.prize > 0),
    "optional": _customer("whether it is optional", _optional_without_prize),
    "unserved": _customer("that it need not be served", lambda i: ~i.required),
    "pickup": _customer("the pickup", lambda i: i.pickup.any(axis=1)),
    "planned": _customer("the price of a change of vehicle", lambda i: i.change_price > 0),
    "loads beside shipments": _customer("the load, beside shipments,", _loads_beside_shipments),
    "prefixes": _whole("beginnings of routes that are fixed", lambda i: i.prefixes),
    "shipments": _whole("shipments", lambda i: len(i.shipments)),
    "groups": _whole("groups of customers", lambda i: i.groups),
    "optional groups": _whole("groups of which nobody need be served", lambda i: not all(i.group_required)),
    "linehauls": _whole("deliveries before pickups", lambda i: i.linehauls_first),
    "linehauls beside shipments": _whole("deliveries before pickups", lambda i: i.linehauls_first and len(i.shipments)),
    "fewest": _whole("the objective 'fewest-vehicles', which is said when it is read,", lambda i: i.objective != "cost"),
    "depots": _whole("several depots", lambda i: len(i.depots) > 1),
    "types": _whole("several types of vehicles", lambda i: len(i.vehicles) > 1),
    "dimensions": _whole("several loads", lambda i: i.dimensions > 1),
    "profiles": _whole("several profiles", lambda i: len({v.profile for v in i.vehicles}) > 1),
    "skills": _whole("skills", lambda i: not i.may_serve.all()),
    "number": _vehicle("the missing number", lambda v: v.number is None),
    "reloads": _vehicle("reloads", lambda v: v.reload_depots),
    "reload time": _whole("the time that reloads take", lambda i: i.reload_time.any()),
    "fixed cost": _vehicle("the fixed cost", lambda v: v.fixed_cost > 0),
    "distance cost": _vehicle("the cost of distance", lambda v: v.distance_cost != 1),
    "time cost": _vehicle("the cost of time", lambda v: v.duration_cost > 0 or v.waiting_cost > 0),
    "shift": _vehicle("the shift", lambda v: v.shift[0] > 0 or math.isfinite(v.shift[1])),
    "other end": _vehicle("an end that is not its start", lambda v: v.end != v.start),
    "max duration": _vehicle("the greatest duration", lambda v: math.isfinite(v.max_duration)),
    "max distance": _vehicle("the greatest distance", lambda v: math.isfinite(v.max_distance)),
    "any load": _vehicle("a capacity without a limit", lambda v: not all(map(math.isfinite, v.capacity))),
}
"""What each feature is called where an instance has it; an empty text where it has not."""
