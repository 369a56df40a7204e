"""What the study `fuzz` reads: each kind of file with small valid ones, and its reader."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import redwood
from redwood.benchmarks.known import BestKnown
from redwood.benchmarks.provenance import provenance
from redwood.benchmarks.records import Session, read_records
from redwood.benchmarks.suite import parse_suite
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.saved import load_checkpoint
from redwood.solving.read import generate, load_solution, read_result

LARGEST = 4_000
"""Bytes of the files of ``REDWOOD_DATA`` that are mangled."""
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Target:
    """A kind of files.

    Attributes
    ----------
    kind
        Its name.
    originals
        Small files that are read without an error.
    read
        Reads the bytes of a file.
    """

    kind: str
    originals: list[bytes]
    read: Callable[[bytes], object]


WAY_BACK = [[0, 3, 4, 5], [9, 0, 2, 7], [9, 9, 0, 4], [0, 9, 9, 0]]
CONSTRAINED: dict[str, list[dict[str, Any]]] = {
    "tsp": [{"coords": [[0, 0], [1, 0], [1, 1], [0, 1]], "metric": "EUC_2D", "fixed_edges": [[0, 2], [2, 3]]}],
    "atsp": [{"matrix": WAY_BACK, "precedences": [[0, 3], [1, 3], [2, 3], [1, 2]]}],
}
"""Arguments of `Problem.make` for files with fixed edges and of TYPE SOP."""


def targets() -> list[Target]:
    """Return the kinds of files of all problems, of benchmarks and of trainings."""
    return [*_instances(), *_solutions(), _results(), _known(), _suites(), _records(), *_binary()]


def checked(found: list[Target]) -> list[Target]:
    """Return kinds of files, each original of which can be read, or raise what its reader does."""
    for target in found:
        for data in target.originals:
            target.read(data)
    return found


def from_file(suffix: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Return a reader of bytes that lets ``read`` read a file, one that is in memory where the system has such."""
    place = Path(tempfile.mkdtemp(prefix="redwood-fuzz-", dir=MEMORY if MEMORY.is_dir() else None)) / f"mangled{suffix}"

    def written(data: bytes) -> object:
        place.write_bytes(data)
        return read(place)

    return written


def _instances() -> Iterator[Target]:
    """Yield the files of every problem: generated ones, and those of ``REDWOOD_DATA`` up to `LARGEST` bytes."""
    folder = os.environ.get("REDWOOD_DATA")
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file()) if folder else []
    for entry in host().problem_entries:
        if not entry.spec.formats or entry.plugin != "builtin":
            continue
        problem = host().problem(entry.spec.name)
        texts = [problem.format(generate(entry.spec.name, size=size, seed=size)).encode() for size in (5, 12)]
        texts += [problem.format(problem.make(**data)).encode() for data in CONSTRAINED.get(entry.spec.name, ())]
        suffixes = {suffix for form in entry.spec.formats for suffix in form.suffixes}
        small = [path for path in paths if path.suffix in suffixes and path.stat().st_size < LARGEST]
        texts += [path.read_bytes() for path in small if _is_of(path, problem.name)][:40]
        yield Target(problem.name, texts, from_file(problem.suffix, partial(redwood.read, problem=problem.name)))


def _is_of(path: Path, problem: str) -> bool:
    try:
        redwood.read(path, problem)
    except redwood.errors.RedwoodError:
        return False
    return True


def _solutions() -> Iterator[Target]:
    """Yield the solution files of every problem, in its own format and as JSON."""
    for name in ("tsp", "atsp", "cvrp", "vrp", "knapsack", "orienteering"):
        made: Instance = generate(name, size=8, seed=0)
        solution = redwood.solve(made, "random" if name != "vrp" else "auto", time_limit=0.2, bound_time_limit=0).solution
        problem = host().problem(name)
        own = problem.format_solution(made, solution).encode()
        plain = json.dumps({"solution": solution.to_dict()}).encode()

        def read(path: Path, made: Instance = made) -> object:
            return redwood.check(made, load_solution(path, made))

        yield Target(f"{name} solution", [own], from_file(problem.solution_suffix, read))
        yield Target(f"{name} solution, JSON", [plain], from_file(".json", read))


def _results() -> Target:
    made = generate("tsp", size=6, seed=0)
    text = redwood.solve(made, "greedy", time_limit=0.2).to_json()
    return Target("result", [text.encode()], lambda data: read_result(data.decode(errors="replace")))


def _known() -> Target:
    return Target("best known values", [b"file,value\na.tsp,12\nb/c.vrp,3.5\n"], from_file(".csv", BestKnown.read))


def _suites() -> Target:
    folder = Path(redwood.__file__).parent / "benchmarks" / "suites"
    texts = [path.read_bytes() for path in sorted(folder.glob("*.toml"))]
    return Target("suite", texts, lambda data: parse_suite("mangled", data.decode(errors="replace")))


def _records() -> Target:
    shared = {
        "suite": "mangled",
        "session": "s",
        "started": "2026-01-01",
        "time_limit": 1.0,
        "threads": 1,
        "memory_gb": None,
    }
    process = {"seconds": 1.0, "cpu_share": None, "peak_mb": None, "load_average": None, "cores": [0], "host": "h"}
    case: dict[str, object] = {
        "problem": "tsp",
        "name": "a",
        "size": 3,
        "sense": "min",
        "fingerprint": "f",
        "best_known": None,
    }
    case["source"] = {"generate": "tsp", "size": 3}
    result = {
        "solver": "greedy",
        "status": "feasible",
        "termination": "converged",
        "objective": 3.0,
        "trajectory": [[0.1, 3.0]],
    }
    run: dict[str, object] = {
        "kind": "run",
        "job": "j1",
        "process": process,
        "code": {},
        "case": case,
        "solver": "greedy",
        "label": "greedy",
    }
    run |= shared | {"options": {}, "seed": 0, "iterations": None, "result": result}
    bound = {"kind": "bound", "job": "j2", "process": process, "code": {}, "case": case} | shared
    bound["result"] = {"bound": 2.0, "method": "a bound", "seconds": {"solve": 0.1}, "message": ""}
    session = Session(session="s", started="2026-01-01", executor="Local", jobs=1, machine=provenance())
    lines = [msgspec.json.encode(session).decode(), json.dumps(run), json.dumps(bound)]
    text = "".join(f"{line}\n" for line in lines)

    def read(path: Path) -> object:
        path.replace(path.with_name("records.jsonl"))
        return read_records(path.parent)

    return Target("records", [text.encode()], from_file(".jsonl", read))


def _binary() -> Iterator[Target]:
    """Yield weights, policies and checkpoints."""
    import torch

    from redwood.planning.policies import IndexPolicy
    from redwood.solvers.bq.network import Network, Shape
    from redwood.solvers.bq.weights import SHIPPED, load_weights, save_weights

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layout = load_weights(SHIPPED / "tsp.safetensors").layout
        save_weights(
            Network(layout, Shape(layers=1, width=8, heads=2, hidden=8, window=8)), folder / "small.safetensors", {}
        )
        weights = (folder / "small.safetensors").read_bytes()
        redwood.save_policy(IndexPolicy(np.zeros((2, 3, 2, 4))), folder / "policy.safetensors")
        policy = (folder / "policy.safetensors").read_bytes()
        torch.save({"network": {"w": torch.zeros(3, 3)}, "counters": {"steps": 1}}, folder / "checkpoint.pt")
        checkpoint = (folder / "checkpoint.pt").read_bytes()
    yield Target("weights", [weights], from_file(".safetensors", load_weights))
    yield Target("policy", [policy], from_file(".safetensors", redwood.load_policy))
    yield Target("checkpoint", [checkpoint], from_file(".pt", load_checkpoint))
