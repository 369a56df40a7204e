"""The calls of LKH's library, made in a process of their own (see `redwood.solvers.external.apart`)."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redwood.solvers.external.apart import Send

LARGE = 200
"""From this many nodes on a run of one trial comes first where time is limited, so that there is an answer."""


def search(send: Send, *, deadline: float, text: str, size: int, seeds: list[int], trials: int) -> None:
    """Send the tour of each run, with whether the run counts: one of a single trial, which only comes early, does not.

    Parameters
    ----------
    send
        Takes pairs of a tour and whether its run counts.
    deadline
        On the clock `time.monotonic`, infinite for none. LKH looks at its own clock between trials only.
    text
        The instance in TSPLIB's format.
    size
        Number of nodes.
    seeds
        One for each run.
    trials
        Trials of a run; 0 for LKH's own number.
    """
    if math.isfinite(deadline) and size >= LARGE and seeds:
        send([_tour(text, seeds[0], 1, deadline), False])
    for seed in seeds:
        if time.monotonic() >= deadline:
            break
        send([_tour(text, seed, trials, deadline), True])


def _tour(text: str, seed: int, trials: int, deadline: float) -> list[int]:
    from elkai import _elkai

    seconds = deadline - time.monotonic()
    settings = ["RUNS = 1", f"SEED = {seed}", "TRACE_LEVEL = 0"]
    settings += [f"MAX_TRIALS = {trials}"] if trials else []
    settings += [f"TIME_LIMIT = {max(seconds, 0.001):.3f}" if math.isfinite(seconds) else "TIME_LIMIT = 1000000000"]
    tour = _elkai.solve_problem("\n".join([*settings, "PROBLEM_FILE = :stdin:", ""]), text)
    return [int(node) - 1 for node in tour]
