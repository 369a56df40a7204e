"""Bounds with a cold kernel cache: nothing is compiled while their clock runs."""

import json
import os
import subprocess
import sys

import pytest

from redwood.plugins.host import host
from redwood.views.bound import Bound

PROGRAM = """
import json, sys
import numpy as np
import redwood
from numba.core import event
from redwood.clock import Timer
from redwood.plugins.host import host
from redwood.views.bound import Bound


class Compilations(event.Listener):
    names = []

    def on_start(self, started):
        self.names.append(started.data["dispatcher"].py_func.__qualname__)

    def on_end(self, ended):
        pass


def explicit(instance):
    matrix = np.rint(1000 * instance.travel.full())
    return redwood.instance("cvrp", matrix=matrix, demands=0.3 * instance.demands, capacity=0.3 * instance.capacity)


values = []
for case in sys.argv[1:]:
    name, size, change = case.split(":")
    instance = redwood.generate(name, size=int(size), seed=1)
    if change:
        instance = globals()[change](instance)
    view = host().problem(instance.problem).view(Bound, instance)
    view.warm_up()
    with event.install_listener("numba:compile", Compilations()):
        values.append(view.bound(Timer(5.0)).value)
print(json.dumps([Compilations.names, values]))
"""

CASES = {
    "tsp": ["tsp:40:"],
    "atsp": ["atsp:40:"],
    "cvrp": ["cvrp:30:", "cvrp:80:explicit"],
    "knapsack": ["knapsack:60:"],
    "orienteering": ["orienteering:40:"],
    "cormab": ["cormab/capacity:12:", "cormab/schedule:12:", "cormab/path:40:", "cormab/interventions:12:"],
    "vrp": ["vrp/windows:8:"],
}
"""Of each problem instances, as name, size and change, that are bounded one after the other in a process."""


@pytest.mark.slow
@pytest.mark.parametrize("problem", CASES)
def test_no_kernel_is_compiled_inside_the_clock_of_a_bound(problem, tmp_path):
    """After `warm_up` in a fresh process with an empty cache folder, a bound compiles nothing."""
    environment = {**os.environ, "REDWOOD_CACHE": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *CASES[problem]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    compiled, values = json.loads(done.stdout.splitlines()[-1])
    assert compiled == []
    assert min(values) > 0


def test_every_bound_is_among_the_cases():
    """A built-in problem that offers a bound is tested here."""
    offering = {
        entry.spec.name
        for entry in host().problem_entries
        if entry.plugin == "builtin" and Bound.__name__ in entry.spec.views
    }
    assert offering == CASES.keys()
