"""Upper bounds of orienteering: a knapsack at once, then a linear program while the clock allows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.orienteering.instance import OrienteeringInstance
from redwood.problems.orienteering.network import Network, make_network
from redwood.tolerance import STEP, eased, usable_step
from redwood.views.bound import Bound, BoundValue

LARGEST = 1500
"""Up to this many nodes all distances are written down, and the linear program is tried."""


class OrienteeringBound(Bound):
    """The prizes within reach, a fractional knapsack over half edges, and the relaxation with generalised subtour rows.

    In the knapsack a node weighs half of its two shortest edges: together with half of the first and the last edge, every
    path is as long as the weights of its nodes at least.
    """

    def __init__(self, instance: OrienteeringInstance) -> None:
        self._instance = instance

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the best bound that the clock allows; it ends early where it proves ``incumbent`` optimal."""
        instance = self._instance
        if instance.travel.size > LARGEST + 2:
            return BoundValue(float(instance.prizes.sum()), "all prizes")
        network = make_network(instance)
        everything = BoundValue(network.constant + float(network.prizes.sum()), "prizes within reach")
        knapsack = BoundValue(_rounded(network, half_edge_bound(network)), "fractional knapsack over half edges")
        best = min(everything, knapsack, key=lambda found: found.value)
        goal = -math.inf if incumbent is None else incumbent - network.constant
        if network.size == 0 or clock.stops() or best.value <= goal + network.constant:
            return best
        from redwood.problems.orienteering.relaxation import Relaxation

        value = Relaxation(network).tighten(clock, goal + (1.0 - STEP) * usable_step(network.step, abs(best.value)))
        best = min(
            best,
            BoundValue(_rounded(network, value), "linear program with subtour rows"),
            key=lambda found: found.value,
        )
        return replace(best, cut_short=clock.stops() and best.value > goal + network.constant)

    def warm_up(self) -> None:
        """Import what `bound` needs: nothing is compiled."""
        import scipy.sparse.csgraph  # noqa: F401

        import redwood.problems.orienteering.relaxation  # noqa: F401


def half_edge_bound(network: Network) -> float:
    """Return the value of the fractional knapsack, for the inner nodes alone."""
    size = network.size
    if size == 0:
        return 0.0
    both = network.allowed | network.allowed.T
    lengths = np.where(both, network.lengths, np.inf)
    at_ends = lengths[size : size + 2, :size].min(axis=1)
    inner = lengths[:size]
    if network.instance.closed:  # the edge to the root may be used twice
        inner = np.concatenate([inner, inner[:, size : size + 1]], axis=1)
        at_ends = at_ends[[0, 0]]
    weights = np.partition(inner, 1, axis=1)[:, :2].sum(axis=1) / 2.0
    capacity = network.limit - float(at_ends.sum()) / 2.0
    usable = np.isfinite(weights)
    if not usable.any() or not capacity >= 0.0:
        return 0.0
    return _fractional_knapsack(network.prizes[usable], weights[usable], capacity)


def _fractional_knapsack(values: Array, weights: Array, capacity: float) -> float:
    order = np.argsort(-values / np.maximum(weights, 1e-300), kind="stable")
    values, weights = values[order], weights[order]
    filled = np.cumsum(weights)
    whole = int(np.searchsorted(filled, capacity, side="right"))
    if whole == len(values):
        return float(values.sum())
    left = capacity - (float(filled[whole - 1]) if whole else 0.0)
    return float(values[:whole].sum() + values[whole] * left / max(float(weights[whole]), 1e-300))


def _rounded(network: Network, value: float) -> float:
    """Return the bound with the ends' prizes, eased by what floats can lose, or down to a sum that prizes have."""
    return network.constant + max(0.0, eased(value, "max", step=network.step))
