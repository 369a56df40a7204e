"""What the study `fuzz` reads of rich routing: every form of instance, tables, and the folder of a benchmark's run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from fuzz_targets import Target, from_file
from vrp_tiny import draw

import redwood
from redwood.benchmarks.page import render_page
from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import read_plan, read_records
from redwood.benchmarks.report import render
from redwood.benchmarks.runner import run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.errors import FormatError, InstanceError
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solving.explain import explain
from redwood.solving.read import generate

CORDEAU = b"""2 2 3 2
0 80
100 60
1 1 2 3 10 1 2 1 2
2 5 6 3 20 1 2 1 2
3 -4 2 3 30 1 2 1 2
4 0 0 0 0 0 0
5 9 9 0 0 0 0
"""
CORDEAU_TIMED = b"""4 2 2 1
0 80
0 0 0 0 0 0 0 0 900
1 1 2 3 10 1 1 1 10 200
2 5 6 3 20 1 1 1 20 300
"""
LI_LIM = b"""2 20 1
0 0 0 0 0 900 0 0 0
1 3 4 10 0 500 5 0 2
2 6 8 -10 0 700 5 1 0
"""
SOLOMON = b"""C1

VEHICLE
NUMBER     CAPACITY
  3         200

CUSTOMER
CUST NO.  XCOORD.  YCOORD.  DEMAND  READY TIME  DUE DATE  SERVICE TIME

    0      40         50          0          0       1236          0
    1      45         68         10          0       1127         90
    2      42         66         30         65        967         90
"""
SUITE = """
time_limit = 0.2
bound_time_limit = 0.2
[[instances]]
generate = "tsp/uniform"
sizes = [6]
[[solvers]]
name = "greedy"
[[solvers]]
name = "random"
"""


def routing_targets() -> Iterator[Target]:
    """Yield the forms of instances, the tables of customers and vehicles, solutions with every feature, and run folders."""
    problem = host().problem("vrp")
    made = [generate(f"vrp/{variant}", size=3, seed=1) for variant in problem.variants]
    read = partial(redwood.read, problem="vrp")
    plain = generate("vrp/windows", size=4, seed=2)
    yield Target("vrp, JSON", [problem.format(one).encode() for one in (*made, *_featured())], from_file(".json", read))
    yield Target("vrp, Solomon", [SOLOMON], from_file(".txt", read))
    yield Target("vrp, VRPLIB", [problem.format_as(plain, ".vrp").encode()], from_file(".vrp", read))
    yield Target("vrp, Cordeau", [CORDEAU, CORDEAU_TIMED], from_file(".txt", read))
    yield Target("vrp, Li and Lim", [LI_LIM], from_file(".txt", read))
    yield Target(
        "explained", [LI_LIM, problem.format(made[0]).encode()], from_file(".json", partial(explain, problem="vrp"))
    )
    yield from _tables()
    yield from _folder()


def _featured() -> Iterator[Instance]:
    """Yield instances with features of all kinds."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        try:
            yield redwood.instance("vrp", **draw(rng))
        except InstanceError:  # a draw may be one that no routes can serve
            continue


def _tables() -> Iterator[Target]:
    depots = [{"name": "depot", "x": 0, "y": 0}]
    customers = b"name,x,y,delivery,service,ready,due,prize,skills\na,1,2,3,1,0,90,,\nb,2,2,1,1,5,80,7,crane\n"
    vehicles = b"name,number,capacity,fixed_cost,max_duration,skills\nvan,2,9,1,800,crane\n"

    def of_customers(path: Path) -> object:
        return redwood.instance("vrp", customers=path, depots=depots, vehicles=[{"skills": ["crane"]}])

    def of_vehicles(path: Path) -> object:
        return redwood.instance("vrp", customers=[{"name": "a", "x": 1, "y": 1}], depots=depots, vehicles=path)

    yield Target("table of customers", [customers], from_file(".csv", of_customers))
    yield Target("table of vehicles", [vehicles], from_file(".csv", of_vehicles))


def _folder() -> Iterator[Target]:
    """Yield the files of a run's folder, each of which is mangled beside the others as they are."""
    with tempfile.TemporaryDirectory() as name:
        run_plan(make_plan(parse_suite("small", SUITE)), Path(name))
        plan, records = (Path(name, file).read_bytes() for file in ("plan.json", "records.jsonl"))

    def planned(path: Path) -> object:
        path.replace(path.with_name("plan.json"))
        kept = read_plan(path.parent)
        return parse_suite(kept.suite, kept.text, str(path))

    def reported(path: Path) -> object:
        path.replace(path.with_name("records.jsonl"))
        found = read_records(path.parent)
        if not found:
            raise FormatError(f"{path}: holds no record.")
        return render(found) + render_page(found)

    yield Target("plan of a run", [plan], from_file(".json", planned))
    yield Target("report of a run", [records], from_file(".jsonl", reported))
