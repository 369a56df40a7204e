"""Degenerate instances of the problem `vrp` for the study `degenerate`: what is degenerate, the data, the best objective."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

Made = Iterator[tuple[str, dict[str, Any], float | None]]
NONE = math.inf
"""The best objective of an instance that has no solution."""
CLOSED = math.inf
"""A distance that is no way."""


def rich_routes(rng: np.random.Generator) -> Made:
    """Yield the cases: places, then loads and fleets, times, optional customers, matrices, and magnitudes."""
    for size in (0, 1, 2, 7):
        for cases in (_places, _loads, _times, _choices, _matrices):
            for name, data, best in cases(size):
                yield f"{size} customers, {name}", data, best
    for size in (1, 7):
        for name, data, best in _magnitudes(rng, size):
            yield f"{size} customers, {name}", data, best


def _row(size: int, **columns: Any) -> dict[str, Any]:
    """Return customers at 1, 2, 3... on a line from the depot at 0, all with the columns given."""
    rows = [{"name": f"c{k}", "x": k + 1, "y": 0, "delivery": 1, **columns} for k in range(size)]
    return {"customers": rows, "depots": [{"name": "depot", "x": 0, "y": 0}]}


def _spot(size: int, **columns: Any) -> dict[str, Any]:
    """Return customers at the depot's place."""
    return _row(size, **{"x": 0, **columns})


def _fleet(**columns: Any) -> dict[str, Any]:
    return {"vehicles": [{"name": "van", **columns}]}


def _places(size: int) -> Made:
    there_and_back = 2.0 * size
    yield "in a row, one vehicle", _row(size) | _fleet(number=1), there_and_back
    yield "in a row, any number of vehicles", _row(size) | _fleet(number=None), there_and_back
    yield "in a row, open", _row(size) | _fleet(end="none"), float(size)
    yield "at the depot's place", _spot(size) | _fleet(number=2), 0.0
    yield "at one place", _row(size, x=3, y=4) | _fleet(number=1), 10.0 if size else 0.0
    yield "at one place, fewest vehicles", _spot(size) | _fleet() | {"objective": "fewest-vehicles"}, None
    depots = {"depots": [{"name": f"d{k}", "x": 0, "y": 0} for k in range(3)]}
    yield "three depots at one place", _row(size) | depots | _fleet(start="d0", end="d2"), there_and_back
    yield "ways cost nothing", _row(size) | _fleet(distance_cost=0), 0.0


def _loads(size: int) -> Made:
    yield "no demands, no capacity", _spot(size, delivery=0) | _fleet(capacity=0), 0.0
    yield "demands, no capacity", _row(size) | _fleet(capacity=0), NONE if size else 0.0
    yield "each fills a vehicle", _spot(size, delivery=5) | _fleet(capacity=5), 0.0
    yield "one vehicle too few", _spot(size, delivery=5) | _fleet(capacity=5, number=max(0, size - 1)), NONE if size else 0.0
    yield "no vehicle", _row(size) | _fleet(number=0), NONE if size else 0.0
    yield "no kind of load", _row(size, delivery=[]) | _fleet(capacity=[]), None
    yield "only pickups", _spot(size, delivery=0, pickup=2) | _fleet(capacity=2), 0.0
    yield "nobody has the skill", _row(size, skills=["crane"]) | _fleet(), NONE if size else 0.0
    yield "nobody is allowed", _row(size) | _fleet(allowed=[]), NONE if size else 0.0


def _times(size: int) -> Made:
    yield "windows of no width", _spot(size, ready=0, due=0) | _fleet(), 0.0
    yield "windows of no width later", _spot(size, ready=7, due=7) | _fleet(number=1), 0.0
    yield "windows before anybody comes", _row(size, ready=0, due=0) | _fleet(), NONE if size else 0.0
    yield "a shift of no length", _spot(size) | _fleet(shift=[0, 0]), 0.0
    yield "a shift of no length, ways", _row(size) | _fleet(shift=[3, 3]), NONE if size else 0.0
    yield "no duration allowed", _spot(size) | _fleet(max_duration=0), 0.0
    yield "no distance allowed", _row(size) | _fleet(max_distance=0), NONE if size else 0.0
    yield "released after the window", _spot(size, release=9, ready=0, due=5) | _fleet(), NONE if size else 0.0
    yield "a service of no end", _spot(size, service=1e12) | _fleet(), 0.0
    shut = {"depots": [{"name": "depot", "x": 0, "y": 0, "ready": 5, "due": 5}]}
    yield "a depot that opens for a moment", _spot(size) | shut | _fleet(), 0.0


def _choices(size: int) -> Made:
    yield "all may be left out for nothing", _row(size, prize=0, required=False) | _fleet(), 0.0
    yield "all are dearer than their prize", _row(size, prize=1e-3) | _fleet(), 1e-3 * size
    yield "nobody can be served and nobody must", _row(size, prize=2, required=False) | _fleet(number=0), 2.0 * size
    grouped = _row(size, group="one") | {"groups": {"one": True}} if size else _row(size)
    yield "all are alternatives", grouped | _fleet(), 2.0 if size else 0.0
    idle = _row(size, group="one") | {"groups": {"one": False}} if size else _row(size)
    yield "all are alternatives and none must be", idle | _fleet(), 0.0
    if size >= 2:
        pair = {"shipments": [{"pickup": "c0", "delivery": "c1", "amount": 0}]}
        yield "a shipment of nothing", _spot(size, delivery=0) | pair | _fleet(number=1), 0.0
        prefix = {"prefixes": [{"vehicle": "van", "customers": [f"c{k}" for k in range(size)]}]}
        yield "every stop is fixed", _row(size) | prefix | _fleet(number=1), 2.0 * size


def _matrices(size: int) -> Made:
    nodes = size + 1
    named = {"customers": [{"name": f"c{k}", "delivery": 1} for k in range(size)], "depots": [{"name": "depot"}]}
    barred = np.full((nodes, nodes), CLOSED)
    np.fill_diagonal(barred, 0.0)
    ring = barred.copy()
    ring[np.arange(nodes), (np.arange(nodes) + 1) % nodes] = 1.0
    np.fill_diagonal(ring, 0.0)
    yield "no distances", named | {"distances": np.zeros((nodes, nodes))} | _fleet(), 0.0
    yield "no ways", named | {"distances": barred} | _fleet(), NONE if size else 0.0
    yield "one way round", named | {"distances": ring} | _fleet(number=1), float(nodes) if size else 0.0


def _magnitudes(rng: np.random.Generator, size: int) -> Made:
    spots = rng.random((size, 2))
    for scale in (1e-12, 1e-6, 1e7, 1e12):
        rows = [{"name": f"c{k}", "x": scale * x, "y": scale * y, "delivery": 1} for k, (x, y) in enumerate(spots.tolist())]
        made = {"customers": rows, "depots": [{"name": "depot", "x": 0, "y": 0}]}
        yield f"within {scale:g}", made | _fleet(capacity=3), None
        yield f"within {scale:g}, timed", made | _fleet(shift=[0, 10 * size * scale], duration_cost=1), None
        yield (
            f"prizes of {scale:g}",
            _row(size, prize=scale) | _fleet(),
            min(scale, 2.0) if size == 1 else None,
        )
        yield f"a vehicle costs {scale:g}", _row(size) | _fleet(fixed_cost=scale), scale + 2.0 * size
        yield f"loads of {scale:g}", _spot(size, delivery=scale) | _fleet(capacity=scale), 0.0
        yield f"a service of {scale:g}", _spot(size, service=scale) | _fleet(duration_cost=1), scale * size
        yield f"windows at {scale:g}", _spot(size, ready=scale, due=scale) | _fleet(number=1), 0.0
