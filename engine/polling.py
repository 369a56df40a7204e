"""How long compiled work may last between two returns to Python, where clocks are read and Ctrl-C is heard."""

from __future__ import annotations

import time

POLL_SECONDS = 0.02
"""Seconds of compiled work between two returns, about."""


def next_chunk(chunk: int, seconds: float, most: float = 4.0) -> int:
    """Return how many steps take about `POLL_SECONDS`, where ``chunk`` steps took ``seconds``.

    The number changes by a factor of at most ``most``, so that one slow look at the clock does not mislead it.
    """
    factor = POLL_SECONDS / max(seconds, 1e-6)
    return max(1, int(chunk * min(most, max(1.0 / most, factor))))


class Chunks:
    """The number of steps that a kernel may take at its next call, from the seconds that its last one took."""

    def __init__(self, first: int) -> None:
        self._steps = first
        self._began: float | None = None

    def __call__(self) -> int:
        """Return the number of steps of the call that follows at once."""
        now = time.perf_counter()
        if self._began is not None:
            self._steps = next_chunk(self._steps, now - self._began)
        self._began = now
        return self._steps
