"""The calls of HGS-CVRP's library, made in a process of their own (see `redwood.solvers.external.apart`)."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redwood.solvers.external.apart import Send

FIRST_SHARE = 0.05
"""Share of the budget for a first answer, which also measures how much of a processor the process gets."""

ANSWERING = 0.02
"""Share of the time, and at least so many seconds, that is left to write and read the answer."""

CROWDED, CAUTION = 0.95, 0.9
"""Below this share of a processor others use it too, and may come to use more: so much of the share is planned with."""


def search(send: Send, *, deadline: float, data: dict[str, Any], seed: int, patience: int, iterations: int | None) -> None:
    """Send routes: of a short first search, and of one with the rest of the budget.

    Parameters
    ----------
    send
        Takes lists of routes; ``None`` where the library finds nothing feasible.
    deadline
        On the clock `time.monotonic`, infinite for none. The library counts the seconds of the processor: it is given as
        many as the process can expect by then.
    data
        What ``hygese`` takes: distances, demands, capacity, vehicles.
    seed
        Of the library.
    patience
        Iterations without improvement after which it starts anew, or ends where there is no time limit.
    iterations
        Iterations without improvement after which it ends, or ``None`` to use the time.
    """
    if iterations is not None:
        if iterations >= 2 / FIRST_SHARE and math.isfinite(deadline):
            send(_routes(data, seed, int(iterations * FIRST_SHARE), 0.0))
        send(_routes(data, seed, iterations, 0.0))
        return
    if math.isinf(deadline):
        send(_routes(data, seed, patience, 0.0))
        return
    import hygese  # noqa: F401 (so that the first search does not pay for it)

    wall, processor = time.monotonic(), time.process_time()
    send(_routes(data, seed, patience, max(0.01, FIRST_SHARE * (deadline - wall))))
    share = min(1.0, (time.process_time() - processor) / max(1e-6, time.monotonic() - wall))
    if share < CROWDED:
        share *= CAUTION
    left = deadline - time.monotonic()
    seconds = share * (left - max(ANSWERING, ANSWERING * left))
    if seconds > 0.0:
        send(_routes(data, seed, patience, seconds))


def _routes(data: dict[str, Any], seed: int, iterations: int, seconds: float) -> list[list[int]] | None:
    from hygese import AlgorithmParameters
    from hygese import Solver as Library

    parameters = AlgorithmParameters(seed=seed, nbIter=iterations, timeLimit=seconds)
    try:
        routes = Library(parameters, verbose=False).solve_cvrp(data).routes
        return [[int(node) for node in route] for route in routes] or None  # no routes: the time was too short for any
    except TypeError:  # the library's null pointer for "nothing feasible found"
        return None
