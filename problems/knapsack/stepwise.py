"""The knapsack as a decision process: pack one item after another into the room that is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.kernels import random_state
from redwood.problem import frozen
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.problems.knapsack.stepwise_kernels import (
    FEATURES,
    MARKS,
    TINY,
    Items,
    Rows,
    act_rows,
    begin_rows,
    look_ahead_rows,
    sample_rows,
    window_rows,
)
from redwood.views.stepwise import Batch, Layout, Stage, Stepwise, Target, Window


@dataclass
class Rooms(Batch):
    """B partly packed knapsacks. Items are numbered by falling value per weight; arrays are padded to N.

    Attributes
    ----------
    is_open, packed
        Items that may still be packed, and those that are, [B, N] bool.
    room
        Capacity left, [B].
    """

    is_open: Array
    packed: Array
    room: Array

    @property
    def arrays(self) -> Rows:
        """The arrays as kernels take them."""
        return Rows(self.rows, self.is_open, self.packed, self.room, self.left)


class KnapsackStepwise(Stepwise[Rooms]):
    """Knapsack instances as decision processes.

    Tokens are the rest as a whole, then the open items of best value over weight that fit into the room. The order in
    which the best set is packed does not count. There are no symmetries: presentations are all the same.
    """

    layout: ClassVar[Layout] = Layout(features=FEATURES, marks=MARKS, sets=True, neighbours=False)
    symmetric: ClassVar[bool] = False
    temperature: ClassVar[float] = 0.25
    trust: ClassVar[float] = 10.0
    curriculum: ClassVar[tuple[Stage, ...]] = (
        Stage(50, 400, 0),
        Stage(100, 400, 0),
        Stage(200, 200, 0),
        Stage(500, 100, 0),
        Stage(1000, 50, 0),
    )

    def __init__(self, *instances: KnapsackInstance) -> None:
        self.instances = instances
        self.offsets = np.concatenate([[0], np.cumsum([instance.size for instance in instances])]).astype(np.int64)
        self.orders = [_by_value(instance) for instance in instances]
        ordered = list(zip(instances, self.orders, strict=True))
        self.values = np.concatenate([np.empty(0), *[i.values[order].astype(np.float64) for i, order in ordered]])
        self.weights = np.concatenate([np.empty(0), *[i.weights[order].astype(np.float64) for i, order in ordered]])
        self.limits = np.array([instance.limit for instance in instances], dtype=np.float64)
        self._items = Items(self.offsets, self.values, self.weights)
        self._best: Array | None = None

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> Rooms:
        rows = np.asarray(rows, dtype=np.int64)
        sizes = self.offsets[rows + 1] - self.offsets[rows]
        shape = (len(rows), int(sizes.max(initial=1)))
        batch = Rooms(
            rows=rows,
            left=np.zeros(len(rows), dtype=np.int64),
            is_open=np.zeros(shape, dtype=np.bool_),
            packed=np.zeros(shape, dtype=np.bool_),
            room=self.limits[rows],
        )
        begin_rows(self._items, batch.arrays)
        return batch

    def window(self, batch: Rooms, size: int) -> Window:
        size = int(min(size, max(1, batch.left.max(initial=1))))
        items = np.empty((len(batch.rows), MARKS + size), dtype=np.int32)
        features = np.empty((*items.shape, FEATURES), dtype=np.float32)
        window_rows(self._items, batch.arrays, items, features)
        mask = items >= 0
        present = mask.copy()
        present[:, :MARKS] = True
        return Window(features, present, mask[:, :, None], items)

    def look_ahead(self, batch: Rooms, nodes: Array, scores: Array) -> Array:
        costs = np.empty(nodes.shape)
        look_ahead_rows(self._items, batch.arrays, nodes, costs)
        return costs

    def act(self, batch: Rooms, window: Window, choice: Array) -> None:
        act_rows(self._items, batch.arrays, window.nodes[np.arange(len(choice)), choice])

    def solutions(self, batch: Rooms) -> list[Packing]:  # type: ignore[override]
        rows = zip(batch.rows, batch.packed, strict=True)
        return [Packing(np.sort(self.orders[i][np.flatnonzero(packed[: len(self.orders[i])])])) for i, packed in rows]

    def set_labels(self, solutions: Sequence[Packing]) -> None:  # type: ignore[override]
        self._best = np.zeros(len(self.values), dtype=np.bool_)
        for i, solution in enumerate(solutions):
            chosen = np.zeros(len(self.orders[i]), dtype=np.bool_)
            chosen[solution.items] = True
            self._best[self.offsets[i] : self.offsets[i + 1]] = chosen[self.orders[i]]

    def sample(self, count: int, rng: np.random.Generator) -> Rooms:
        batch = self.begin(rng.integers(0, len(self.instances), size=count))
        sample_rows(self._items, self._labels(), batch.arrays, random_state(rng))
        return batch

    def target(self, batch: Rooms, window: Window) -> Target:
        right = (window.nodes >= 0) & self._labels()[self.offsets[batch.rows][:, None] + window.nodes.clip(min=0)]
        return Target(right[:, :, None])

    @classmethod
    def example(cls, size: int, rng: np.random.Generator) -> KnapsackInstance:
        """Return uniform values and weights, in half of the instances correlated; the capacity is 25 or a random share."""
        values, weights = rng.integers(1, 999, size=(2, size))
        if rng.random() < 0.5:
            mixed = weights + (values - weights) * rng.random() ** 2
            values = np.maximum(1, mixed.astype(np.int64))
        capacity = (
            min(25_000, int(weights.sum() * 0.9)) if rng.random() < 0.5 else int(weights.sum() * rng.uniform(0.02, 0.9))
        )
        capacity = max(capacity, int(weights.min()))
        return KnapsackInstance(values=frozen(values), weights=frozen(weights), capacity=capacity)

    @classmethod
    def pack(cls, instances: Sequence[KnapsackInstance], solutions: Sequence[Packing]) -> dict[str, Array]:
        chosen = np.zeros((len(instances), instances[0].size), dtype=np.bool_)
        for row, solution in zip(chosen, solutions, strict=True):
            row[solution.items] = True
        return {
            "values": np.stack([instance.values for instance in instances]),
            "weights": np.stack([instance.weights for instance in instances]),
            "capacities": np.array([instance.capacity for instance in instances]),
            "chosen": np.packbits(chosen, axis=1),
        }

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[KnapsackInstance], list[Packing]]:
        values, weights, capacities = arrays["values"], arrays["weights"], arrays["capacities"].tolist()
        rows = zip(values, weights, capacities, strict=True)
        instances = [KnapsackInstance(values=frozen(v), weights=frozen(w), capacity=c) for v, w, c in rows]
        chosen = np.unpackbits(arrays["chosen"], axis=1, count=values.shape[1])
        return instances, [Packing(np.flatnonzero(row)) for row in chosen]

    def _labels(self) -> Array:
        if self._best is None:
            raise FitError("tails can only be drawn from labelled instances; call set_labels() first.")
        return self._best


def _by_value(instance: KnapsackInstance) -> Array:
    return np.argsort(-instance.values / np.maximum(instance.weights, TINY), kind="stable")
