"""The arrays of batches and windows, as kernels of decision processes take them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np

from redwood.arrays import Array
from redwood.views.stepwise import Batch, Layout, Window

RowsT = TypeVar("RowsT", bound=tuple[Any, ...])


class WindowArrays(NamedTuple):
    """What the network is shown of B rows.

    Attributes
    ----------
    features, edges
        The numbers that describe tokens, [B, T, F], and pairs of them, [B, T, T, E]; 0 where there is none.
    nodes
        The node of each token, [B, T]; -1 where there is none.
    """

    features: Array
    edges: Array
    nodes: Array


def arrays_of(kind: type[RowsT], batch: Batch) -> RowsT:
    """Return a named tuple of those arrays of a batch that it names."""
    return kind(*(getattr(batch, name) for name in kind._fields))  # type: ignore[attr-defined]


def empty_window(rows: int, tokens: int, layout: Layout) -> WindowArrays:
    """Return room for a window of so many rows and tokens."""
    return WindowArrays(
        np.empty((rows, tokens, layout.features), dtype=np.float32),
        np.empty((rows, tokens, tokens, layout.edges), dtype=np.float32),
        np.empty((rows, tokens), dtype=np.int32),
    )


def open_window(arrays: WindowArrays, layout: Layout) -> Window:
    """Return a window in which every token but the marked ones may be chosen, in one way."""
    present = arrays.nodes >= 0
    mask = present[:, :, None].copy()
    mask[:, : layout.marks] = False
    return Window(arrays.features, present, mask, arrays.nodes, arrays.edges)
