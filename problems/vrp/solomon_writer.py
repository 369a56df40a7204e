"""Writing the text of Solomon's instances, which `redwood.problems.vrp.solomon` reads back; customers are numbered in it."""

from __future__ import annotations

import numpy as np

from redwood.errors import FormatError
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.misfits import refuse
from redwood.problems.vrp.roads import Metric, Rounding

FORM = "Solomon's text"
_REFUSED = (
    *("several windows", "release", "prize", "unserved", "pickup", "planned", "prefixes", "shipments", "groups"),
    *("linehauls", "fewest", "depots", "types", "dimensions", "profiles", "skills", "number", "fixed cost"),
    *("distance cost", "time cost", "shift", "other end", "max duration", "max distance", "any load", "reloads"),
)


def format(instance: VRPInstance) -> str:
    """Return the instance as Solomon's text.

    Raises
    ------
    FormatError
        Where the instance has what the format has no place for.
    """
    refuse(instance, FORM, _REFUSED)
    roads = instance.roads
    plain = roads.metric is Metric.EUCLIDEAN and roads.rounding is Rounding.NONE and roads.scale == 1.0
    if not plain or roads.distances is not None or roads.durations is not None or roads.speeds[0] != 1.0:
        raise FormatError(f"{FORM} has straight, unrounded distances that are the durations too; write .json.")
    windows = np.concatenate([instance.depot_windows, instance.windows])
    if not np.isfinite(windows).all():
        name = (*instance.depots, *instance.customers)[int(np.argmin(np.isfinite(windows).all(axis=1)))]
        raise FormatError(f"{FORM} wants a time window of every place, and {name!r} has none; give it a last time.")
    vehicle = instance.vehicles[0]
    columns = [
        np.arange(instance.size + 1),
        *np.asarray(roads.coords, dtype=np.float64).T,
        np.concatenate([[0.0], instance.delivery[:, 0]]),
        *windows.T,
        np.concatenate([[0.0], instance.service]),
    ]
    head = "CUST NO.  XCOORD.  YCOORD.  DEMAND  READY TIME  DUE DATE  SERVICE TIME"
    lines = [" ".join(map(_word, row)) for row in zip(*(column.tolist() for column in columns), strict=True)]
    fleet = f"{vehicle.number} {_word(vehicle.capacity[0])}"
    name = " ".join((instance.name or "vrp").split())
    return "\n".join([name, "", "VEHICLE", "NUMBER CAPACITY", fleet, "", "CUSTOMER", head, "", *lines, ""])


def _word(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
