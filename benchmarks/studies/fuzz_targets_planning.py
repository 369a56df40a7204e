"""What the study `fuzz` reads of planning: bandits of every family, policies of every kind, logs and tables of people."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import embedding
import numpy as np
from fuzz_targets import Target, from_file

import redwood
from redwood.cli.act import _read_capacities
from redwood.cli.today import read_today
from redwood.embedding.read_onnx import read_onnx
from redwood.planning.estimation.log import read_log
from redwood.planning.policies import IndexPolicy, NullPolicy, RandomPolicy
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.problems.cormab.files import read_network
from redwood.solving.act import act_by_name, read_deployed
from redwood.solving.read import generate

ARMS = 4
NEEDS_FILES = ("path-published",)
SOLVERS = (
    *("constant", "exact", "greedy", "lagrangian", "lookahead", "myopic", "quadratic"),
    *("rollout", "sequoia", "whittle"),
)
"""Whose policies are mangled."""
INPUTS = 3


def planning_targets() -> Iterator[Target]:
    """Yield instances, policies, logs and tables."""
    instances = dict(_instances())
    texts = [host().problem("cormab").format(made).encode() for made in instances.values()]
    yield Target("cormab, all families", texts, from_file(".json", lambda path: redwood.read(path, "cormab")))
    yield Target("deployed policy", list(_deployed(instances["capacity"])), from_file(".json", _acts))
    yield Target("policies of all kinds", list(_saved(instances["budget"])), from_file(".safetensors", redwood.load_policy))
    yield from _tables()
    if find_spec("onnx") and find_spec("sklearn"):
        yield Target("ONNX model", list(_models()), from_file(".onnx", lambda path: read_onnx(path, INPUTS)))


def _instances() -> Iterator[tuple[str, Instance]]:
    for variant in host().problem("cormab").variants:
        if variant not in NEEDS_FILES:
            yield variant, generate(f"cormab/{variant}", size=ARMS, seed=1)


def _deployed(made: Instance) -> Iterator[bytes]:
    """Yield policies that carry their instance."""
    problem = host().problem("cormab")
    for solver in ("lagrangian", "myopic"):
        found = redwood.solve(made, solver, time_limit=0.5, bound_time_limit=0).solution
        yield problem.format_solution(made, found).encode()


def _acts(path: Path) -> object:
    instance, policy = read_deployed(path)
    names = instance.arm_names or tuple(map(str, range(instance.size)))
    return act_by_name(instance, policy, dict.fromkeys(names, 0))


def _saved(made: Instance) -> Iterator[bytes]:
    """Yield the files of policies of every class."""
    policies = [NullPolicy(), RandomPolicy(), IndexPolicy(np.zeros((2, 3, 2, 4)))]
    policies += [redwood.solve(made, name, time_limit=0.3, bound_time_limit=0).solution for name in SOLVERS]
    with tempfile.TemporaryDirectory() as name:
        for policy in policies:
            yield redwood.save_policy(policy, Path(name) / "policy").read_bytes()


def _tables() -> Iterator[Target]:
    """Yield the CSV files of people: a log of calls, the states of today, the workers of this week; and graphs."""
    rows = "".join(f"p{a},{w},{(a + w) % 2},{(a * w) % 2},{a % 3}\n" for a in range(3) for w in range(4))
    log = f"arm,step,state,action,age\n{rows}".encode()
    yield Target("call log", [log, log.replace(b",", b";")], from_file(".csv", read_log))
    today = b"arm,state,like,callable\np0,1,,1\np1,0,p0,0\nnew,1,p1,1\n"
    yield Target("states of today", [today], from_file(".csv", lambda path: read_today(path, None, {}, None)))
    yield Target("capacities", [b"worker,capacity\nanna,3\nben,0\n"], from_file(".csv", _read_capacities))
    graphs = json.dumps({"graphs": {"3": {"edges": [[0, 1], [1, 2]], "source": 0}}}).encode()
    yield Target("graphs", [graphs], from_file(".json", lambda path: read_network(path, 3)))


def _models() -> Iterator[bytes]:
    """Yield a network and a forest."""
    yield embedding.onnx_case(INPUTS, 1, 0, double=False).SerializeToString()
    yield embedding.onnx_forest(embedding.sklearn_case("forest", INPUTS, 0), INPUTS).SerializeToString()
