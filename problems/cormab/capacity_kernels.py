"""Count vectors that no other one exceeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.kernels import kernel

Array = np.ndarray[Any, np.dtype[Any]]


@kernel
def keep_undominated(vectors: Array) -> Array:
    """Return the vectors [V, K] that no earlier one is at least as large as everywhere; larger sums come first."""
    kept = np.empty_like(vectors)
    count = 0
    for row in range(len(vectors)):
        dominated = False
        for other in range(count):
            dominated = True
            for place in range(vectors.shape[1]):
                if kept[other, place] < vectors[row, place]:
                    dominated = False
                    break
            if dominated:
                break
        if not dominated:
            kept[count] = vectors[row]
            count += 1
    return kept[:count].copy()
