"""What greedy insertion with blinks needs of any problem: candidates in order, and positions that are overlooked.

References
----------
Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914, Algorithm 3.
"""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float


@kernel(_nrt=False)
def sort_by_keys(candidates: Array, keys: Array, count: int) -> None:
    """Sort the first candidates, and their keys with them, by insertion: they are few, and equal ones stay in order."""
    for k in range(1, count):
        key, c, at = keys[k], candidates[k], k
        while at > 0 and keys[at - 1] > key:
            keys[at], candidates[at] = keys[at - 1], candidates[at - 1]
            at -= 1
        keys[at], candidates[at] = key, c


@kernel(_nrt=False)
def next_blink(blink: float, state: RandomState) -> int:
    """Return how many positions are looked at before the next one is overlooked (geometric)."""
    if blink <= 0.0:
        return 1 << 60
    return int(min(1e15, math.log(1.0 - random_float(state)) / math.log(1.0 - blink)))
