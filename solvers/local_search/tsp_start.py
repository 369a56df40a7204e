"""Nodes in the order along a space-filling curve."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

_BITS = 16


def curve_order(coords: Array) -> Array:
    """Return the nodes [N] in the order in which a Hilbert curve visits them."""
    low = coords.min(axis=0)
    extent = float((coords.max(axis=0) - low).max()) or 1.0
    cells = ((coords - low) * ((2**_BITS - 1) / extent)).astype(np.int64)
    keys = np.empty(len(coords), dtype=np.int64)
    _hilbert_keys(cells, keys)
    return np.argsort(keys, kind="stable")


@kernel(nogil=True)
def _hilbert_keys(cells: Array, keys: Array) -> None:
    for i in range(len(cells)):
        x, y = cells[i, 0], cells[i, 1]
        key = 0
        side = 1 << (_BITS - 1)
        while side > 0:  # halved each time
            right = 1 if x & side else 0
            upper = 1 if y & side else 0
            key += side * side * ((3 * right) ^ upper)
            if upper == 0:
                if right == 1:
                    x, y = side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1))
                x, y = y, x
            x &= side - 1
            y &= side - 1
            side >>= 1
        keys[i] = key
