"""Carrying an order out where an executor has sent it: on a core of its own, from a nursery that serves the whole run."""

from __future__ import annotations

import dataclasses
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from redwood.benchmarks.children import Children, children_for
from redwood.benchmarks.cores import lend_cores
from redwood.benchmarks.process import Order, Watched, run_job
from redwood.benchmarks.provenance import load_average, provenance


@dataclass(frozen=True)
class Done:
    """A job that is through: how it ended, when it began, and on what machine.

    Attributes
    ----------
    started
        Time of day, UTC, ISO 8601.
    load
        The machine's load average when it began.
    cores
        Those that it was bound to.
    host
        Name of the machine.
    machine
        Its `provenance`.
    """

    watched: Watched
    started: str
    load: float | None
    cores: tuple[int, ...]
    host: str
    machine: dict[str, Any]


def carry_out(order: Order) -> Done | None:
    """Carry out an order on this machine, and return what became of it; ``None`` where `leave` has stopped it."""
    if order.session in _left:
        return None
    with _workshop(order) as shop, lend_cores(order.job.threads) as cores:
        started, load = now(), load_average()
        watched = run_job(dataclasses.replace(order, cores=cores), shop.children, shop.stop)
    return None if watched is None else Done(watched, started, load, cores, platform.node(), _machine())


def leave(session: str) -> None:
    """Stop what this process carries out for a session, now and later, and return when nothing of it is left here."""
    with _changed:
        _left.add(session)
        for key, shop in list(_shops.items()):
            if key[0] == session:
                shop.stop.set()
                while shop.busy:
                    _changed.wait()
                _shops.pop(key, None)
                shop.children.close()


def now() -> str:
    """Return the time of day, UTC, to the second."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


@dataclass
class _Shop:
    """What the jobs of one session share in this process."""

    children: Children
    stop: threading.Event
    busy: int = 0


_shops: dict[tuple[str, int, bool], _Shop] = {}
_left: set[str] = set()
_changed = threading.Condition()


@contextmanager
def _workshop(order: Order) -> Iterator[_Shop]:
    """Lend the shop of an order, made at the first; shops of other sessions close here once they have nothing to do."""
    key = (order.session, order.job.threads, order.fresh)
    with _changed:
        for other in [other for other, shop in _shops.items() if other[0] != order.session and not shop.busy]:
            _shops.pop(other).children.close()
        if key not in _shops:
            _shops[key] = _Shop(children_for(order.job.threads, order.fresh, order.preload), threading.Event())
        shop = _shops[key]
        shop.busy += 1
    try:
        yield shop
    finally:
        with _changed:
            shop.busy -= 1
            _changed.notify_all()


@cache
def _machine() -> dict[str, Any]:
    return provenance()
