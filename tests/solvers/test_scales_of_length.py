"""Promises of all local searches on lengths far from 1: the unit of the lengths changes nothing, and every descent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import redwood
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.problems.cvrp.local import NEAR, CVRPLocal
from redwood.problems.cvrp.local_kernels import descend_plan
from redwood.problems.cvrp.plan import make_ground
from redwood.problems.cvrp.problem import CVRP
from redwood.problems.cvrp.swap_star import descend_swap_star
from redwood.problems.tsp.local import TSPLocal
from redwood.problems.tsp.local_kernels import Ground, descend
from redwood.problems.tsp.problem import TSP
from redwood.views.local import Local

SCALES = (2.0**-40, 2.0**25, 2.0**40)
"""About 1e-12, 3e7 and 1e12: powers of two, by which every float operation scales exactly."""
PROBLEMS = ("tsp", "atsp", "cvrp", "orienteering")
MERCATOR = 2.0**25


def scaled(problem: str, scale: float, size: int = 40, forbidden: float = 0.0) -> Instance:
    """Return a random instance whose lengths are of the order of ``scale``, perhaps with forbidden edges."""
    rng = np.random.default_rng(5)
    coords = scale * rng.random((size, 2))
    data: dict[str, Any] = {"coords": coords}
    if problem == "atsp" or forbidden:
        matrix = np.sqrt(((coords[:, None] - coords[None]) ** 2).sum(axis=-1))
        barred = rng.random(matrix.shape) < 0.1
        matrix[barred | barred.T] = forbidden or matrix.max()
        data = {"matrix": matrix}
    if problem == "cvrp":
        data |= {"demands": np.minimum(np.arange(size), 1 + np.arange(size) % 3), "capacity": 9}
    if problem == "orienteering":
        data |= {"prizes": 1 + np.arange(size) % 7, "budget": 2.0 * scale}
    return redwood.instance(problem, **data)


@pytest.mark.parametrize("solver", ["local-search", "greedy"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_unit_of_lengths_changes_nothing(problem: str, scale: float, solver: str) -> None:
    """In a unit that is a power of two as long, a search of the same seed returns a solution exactly as good."""
    one, other = (
        redwood.solve(scaled(problem, unit), solver, iterations=300, bound_time_limit=0).objective for unit in (1.0, scale)
    )
    assert one is not None
    assert other == (one if problem == "orienteering" else scale * one)


@pytest.mark.parametrize("solver", ["local-search", "greedy"])
@pytest.mark.parametrize("forbidden", [1e7, 1e15])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_forbidden_edges_are_avoided_and_end_no_descent_early(problem: str, forbidden: float, solver: str) -> None:
    """With a tenth of the edges forbidden by a length of 1e7 or 1e15, searches end without one, as short as with 1e3."""
    short, tall = (
        redwood.solve(scaled(problem, 1.0, forbidden=length), solver, iterations=300, bound_time_limit=0).objective
        for length in (1e3, forbidden)
    )
    assert short is not None
    assert tall is not None
    assert tall == pytest.approx(short, rel=0.1)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_bounds_end_at_the_scale_of_a_map(problem: str) -> None:
    """A bound in metres of a map is that of kilometres, and comes within its time."""
    near, far = (redwood.bound(scaled(problem, unit, size=20), time_limit=5).value for unit in (1.0, MERCATOR))
    assert far == pytest.approx(near if problem == "orienteering" else MERCATOR * near, rel=1e-2)


def test_a_tsp_descent_in_pieces_is_the_whole() -> None:
    """A descent that returns after every node ends at the same tour, which no move improves, and says what waits."""
    instance = scaled("tsp", MERCATOR, 60)
    view = TSPLocal(instance)
    whole, pieces = (view.initial(np.random.default_rng(1)) for _ in range(2))
    view.descend(whole)
    ground, left, calls = Ground(instance.travel.arrays, instance.travel.nearest(8)), 60, 0
    while left > 0 and calls < 100_000:
        _, left = descend(ground, pieces.tour, pieces.place, pieces.waiting, 1)
        calls += 1
    assert left == 0
    assert calls > 60
    assert not pieces.waiting.any()
    view.descend(pieces)
    assert TSP().objective(instance, view.solution(pieces)) == pytest.approx(
        TSP().objective(instance, view.solution(whole)), rel=0.1
    )


def test_a_cvrp_descent_in_pieces_is_the_whole() -> None:
    """Descents by moves and by SWAP* that return after every step end at the routes of a descent at once."""
    instance = scaled("cvrp", MERCATOR, 60)
    view, ground = CVRPLocal(instance), make_ground(instance, NEAR)
    whole, pieces = (view.initial(np.random.default_rng(1)) for _ in range(2))
    descend_plan(whole.plan, ground, NEAR, np.ones(60, np.bool_), 1, 10**9)
    fresh, customer, calls = np.ones(60, np.bool_), 1, 0
    while customer and calls < 100_000:
        _, customer = descend_plan(pieces.plan, ground, NEAR, fresh, customer, 1)
        calls += 1
    assert calls > 60
    np.testing.assert_array_equal(pieces.plan.after, whole.plan.after)
    routes = len(whole.plan.load)
    descend_swap_star(whole.plan, ground, NEAR, np.zeros((routes, routes), np.bool_), 1, 10**9)
    tried, customer, calls = np.zeros((routes, routes), np.bool_), 1, 0
    while customer and calls < 100_000:
        _, customer = descend_swap_star(pieces.plan, ground, NEAR, tried, customer, 1)
        calls += 1
    assert customer == 0
    gained = CVRP().objective(instance, view.solution(pieces)), CVRP().objective(instance, view.solution(whole))
    assert gained[0] == pytest.approx(gained[1], rel=0.1)


def mercator(problem: str) -> Path:
    """Return the file of a case that ran for ever."""
    named = os.environ.get("REDWOOD_DATA")
    path = Path(named or "").parent / "cases" / "endless-large-distances"
    names = {"tsp": "millimetres.tsp", "cvrp": "mercator.vrp", "orienteering": "mercator.oplib"}
    if not named or not path.is_dir():
        pytest.skip("no folder of cases lies beside REDWOOD_DATA")
    return path / names[problem]


@pytest.mark.parametrize("problem", ["tsp", "cvrp", "orienteering"])
def test_cases_that_ran_for_ever_end_by_themselves(problem: str) -> None:
    """In metres of a map and with no solver named, a limit of 0.5 s gives a feasible result and a bound in time."""
    instance = redwood.read(mercator(problem))
    result = redwood.solve(instance, time_limit=0.5)
    assert result.status in ("feasible", "optimal")
    assert result.seconds.solve < 1.5


@pytest.mark.parametrize("problem", ["tsp", "cvrp", "orienteering"])
def test_ctrl_c_ends_a_run_at_the_scale_of_a_map(problem: str, tmp_path: Path) -> None:
    """A SIGINT in the middle of a long search ends the program within seconds, with the best solution found."""
    copied = tmp_path / mercator(problem).name
    copied.write_bytes(mercator(problem).read_bytes())
    code = (
        "import sys, redwood\n"
        "told = lambda found: print('improved', flush=True)\n"
        "result = redwood.solve(redwood.read(sys.argv[1]), time_limit=300, bound_time_limit=0, on_improvement=told)\n"
        "print(result.termination, result.status)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(copied)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "improved\n"
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.perf_counter() - began < 10
    assert output.split()[-2:] == ["interrupted", "feasible"]


@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp", "knapsack", "orienteering"])
def test_views_rehearse_on_few_nodes(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warming up a local search calls nothing on the instance itself, however large it is."""
    generated = redwood.generate(problem, size=400, seed=0)
    view: Any = host().problem(problem).view(Local, generated)
    for method in ("initial", "construct", "descend", "perturb", "propose"):
        monkeypatch.setitem(vars(view), method, None)
    view.warm_up()


@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp", "orienteering"])
def test_descents_end_where_lengths_of_all_magnitudes_meet(problem: str) -> None:
    """Lengths from 1 to 1e15 in one instance leave only rounding of the short ones: descents after perturbations still end.

    A process of its own, since a descent that does not end could not be left.
    """
    code = (
        "import sys, numpy as np, redwood\n"
        "from redwood.plugins.host import host\n"
        "from redwood.views import Local\n"
        "problem = sys.argv[1]\n"
        "for seed in range(100):\n"
        "    rng = np.random.default_rng(seed)\n"
        "    matrix = np.where(rng.random((20, 20)) < 0.5, 10.0 ** rng.integers(8, 16), rng.random((20, 20)))\n"
        "    matrix = matrix if problem == 'atsp' else np.maximum(matrix, matrix.T)\n"
        "    data = {'cvrp': {'demands': np.minimum(np.arange(20), 2), 'capacity': 7},\n"
        "            'orienteering': {'prizes': np.ones(20), 'budget': 1e15}}.get(problem, {})\n"
        "    view = host().problem(problem).view(Local, redwood.instance(problem, matrix=matrix, **data))\n"
        "    state = view.initial(rng)\n"
        "    for _ in range(10):\n"
        "        view.descend(state)\n"
        "        view.perturb(state, rng)\n"
        "print('ended')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, problem], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout == "ended\n"
