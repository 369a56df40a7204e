"""The process of one benchmark job: loads the instance, runs the solver, and tells its parent about every step.

It speaks through a pipe, so that what a solver prints cannot be mistaken for a word of it, and it ends itself together
with its process group when its parent is gone.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from redwood.benchmarks.planning import Source
from redwood.clock import Timer
from redwood.errors import RedwoodError
from redwood.execution.channel import Mouth
from redwood.execution.running import Task, conclude, execute, execute_many
from redwood.execution.worker import die_with_parent
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solver import Incumbent
from redwood.solving.solve import find_solver, make_budget
from redwood.views.bound import Bound


class Teller:
    """Sends what happens to the parent, each as a pair of a word and what belongs to it."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth
        self.processor_at_start = 0.0

    def say(self, word: str, **facts: Any) -> None:
        """Send one word."""
        self._mouth.say(pickle.dumps((word, facts)))

    def ready(self, compile_seconds: float) -> None:
        """Say that everything is loaded and compiled: the clock of the time limit starts now."""
        self.processor_at_start = processor_seconds()
        self.say("ready", compile=compile_seconds)

    def improved(self, position: int, incumbent: Incumbent) -> None:
        """Pass an improvement of the instance at a position on; the parent opens the solution only if it has to."""
        facts = {"seconds": incumbent.seconds, "objective": incumbent.objective}
        self.say("improved", position=position, solution=pickle.dumps(incumbent.solution), **facts)


def serve() -> None:
    """Be a fresh interpreter: carry out the order on standard input, and end with whoever gave it."""
    order = json.loads(_read_line(0))
    threading.Thread(target=die_with_parent, daemon=True).start()
    sys.path[:] = order["path"]
    _carry_out(order, int(sys.argv[1]))


def attend(voice: int) -> None:
    """Be a fork, whose end is its keeper's affair: carry out the order on standard input."""
    order = json.loads(_read_line(0))
    sys.path[:] = order["path"]
    _carry_out(order, voice)


def _carry_out(order: dict[str, Any], voice: int) -> None:
    teller = Teller(Mouth(voice))
    if order["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, order["cores"])
    began = time.perf_counter()
    try:
        for file in order["files"]:
            host().load_file(file)
        instances = [_load(source, fingerprint, order["data"]) for source, fingerprint in order["instances"]]
        loaded = time.perf_counter() - began
        if len(instances) > 1:
            record = _run_batch(order, instances, loaded, teller)
        elif order["solver"]:
            record = _run(order, instances[0], loaded, teller)
        else:
            record = _bound(order, instances[0], teller)
    except Exception as error:  # whatever fails is recorded as what it is
        teller.say("refused", message=f"{type(error).__name__}: {error}")
    else:
        teller.say("result", **record)


def _load(facts: dict[str, Any], fingerprint: str, data: str | None) -> Instance:
    source = Source(**{key: value for key, value in facts.items() if value is not None})
    instance = source.load(None if data is None else Path(data))
    if instance.fingerprint() != fingerprint:
        raise RedwoodError("the instance is not what it was when the run was planned.")
    return instance


def _run(order: dict[str, Any], instance: Instance, loaded: float, teller: Teller) -> dict[str, Any]:
    problem = host().problem(instance.problem)
    entry, solver, note = find_solver(instance, order["solver"], order["time_limit"], order["options"])
    budget = make_budget(order["time_limit"], order["iterations"], None, None, None)
    task = Task(problem, instance, solver, budget, order["seed"], None, order["threads"])
    outcome = execute(task, on_improvement=partial(teller.improved, 0), on_ready=teller.ready)
    busy = processor_seconds() - teller.processor_at_start
    teller.say("done", processor_seconds=busy, seconds=outcome.solve_seconds)
    outcome.load_seconds += loaded
    found = conclude(task, entry, outcome, 0.0, None, note)
    margin = 0.0 if found.solution is None else problem.margin(instance, found.solution)
    result = found.to_dict()
    return {key: result[key] for key in RESULT_KEYS} | {"margin": margin, "peak_mb": _peak()}


def _run_batch(order: dict[str, Any], instances: list[Instance], loaded: float, teller: Teller) -> dict[str, Any]:
    """Solve several instances at once; instance i has seed ``seed + i``, as in `solve_many`."""
    problem = host().problem(instances[0].problem)
    entry, solver, note = find_solver(instances[0], order["solver"], order["time_limit"], order["options"])
    budget = make_budget(order["time_limit"], order["iterations"], None, None, None)
    tasks = [
        Task(problem, instance, solver, budget, order["seed"] + index, None, order["threads"])
        for index, instance in enumerate(instances)
    ]
    outcomes = execute_many(tasks, on_improvement=teller.improved, on_ready=teller.ready)
    seconds = sum(outcome.solve_seconds for outcome in outcomes)
    teller.say("done", processor_seconds=processor_seconds() - teller.processor_at_start, seconds=seconds)
    results = []
    for task, outcome in zip(tasks, outcomes, strict=True):
        outcome.load_seconds += loaded / len(tasks)
        found = conclude(task, entry, outcome, 0.0, None, note).to_dict()
        results.append({key: found[key] for key in RESULT_KEYS})
    return {"results": results, "peak_mb": _peak()}


RESULT_KEYS = (
    "solver",
    "version",
    "status",
    "termination",
    "objective",
    "bound",
    "seconds",
    "trajectory",
    "solution",
    "message",
)
"""What of a result goes into the record; the rest is in the record already, or follows from it."""


def _bound(order: dict[str, Any], instance: Instance, teller: Teller) -> dict[str, Any]:
    began = time.perf_counter()
    view = host().problem(instance.problem).view(Bound, instance)
    view.warm_up()
    compiled = time.perf_counter() - began
    teller.ready(compiled)
    clock = Timer(order["time_limit"])
    found = view.bound(clock, None)
    seconds = {"compile": round(compiled, 6), "solve": round(clock.seconds, 6)}
    teller.say("done", processor_seconds=processor_seconds() - teller.processor_at_start, seconds=clock.seconds)
    return {"bound": found.value, "method": found.method, "seconds": seconds, "message": "", "peak_mb": _peak()}


def processor_seconds() -> float:
    """Return the processor time of this process and its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak() -> float:
    """Return the largest resident memory of this process in megabytes (the kernel counts kilobytes)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _read_line(descriptor: int) -> bytes:
    """Return the first line of a descriptor, reading nothing beyond it."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 1)
        if not piece:
            break
        line += piece
    return line
