"""Types of vehicles that differ in nothing but capacity and costs: one takes over another's route in constant time."""

from __future__ import annotations

from redwood.kernels import kernel
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import LENGTH, PEAK, Plan


@kernel(_nrt=False)
def retype_alike(plan: Plan, ground: Ground, r: int) -> None:
    """Give a route the cheapest type of vehicle among those alike that is free and has the capacity."""
    own = plan.kind[r]
    end = ground.size + len(plan.kind) + r
    length = plan.head[end, LENGTH]
    best, least = own, 0.0
    for k in range(len(plan.used)):
        if not ground.alike[own, k] or plan.used[k] >= ground.number[k]:
            continue
        more = ground.by_vehicle[k] - ground.by_vehicle[own] + (ground.by_distance[k] - ground.by_distance[own]) * length
        if more < least and has_room(plan, ground, end, k):
            best, least = k, more
    if best != own:
        change_type(plan, r, best)
        plan.cost[r] += least


@kernel(_nrt=False)
def has_room(plan: Plan, ground: Ground, end: int, k: int) -> bool:
    """Return whether a type of vehicle has the capacity for a route.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    end, k
        The end of the route, and the type.
    """
    for m in range(ground.capacity.shape[1]):
        if plan.head_load[end, 3 * m + PEAK] > ground.capacity[k, m] + ground.load_slack:
            return False
    return True


@kernel(_nrt=False)
def change_type(plan: Plan, r: int, k: int) -> None:
    """Let a vehicle of type k, which is alike, drive a route."""
    plan.used[plan.kind[r]] -= 1
    plan.used[k] += 1
    plan.kind[r] = k
