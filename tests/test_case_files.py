"""The small inputs that went wrong once, read and solved in this process or by their own scripts."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import redwood
from redwood.benchmarks.known import BestKnown
from redwood.errors import FormatError, InstanceError
from redwood.files import read_text
from redwood.problems.routing.comments import stated_fleet, stated_value

QUICK = {"time_limit": 0.3, "bound_time_limit": 0}


def run_script(folder, script="try.py", **environment):
    """Run a case's own script and return what it printed; it has to end well."""
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_best_known_value_that_is_not_finite_is_refused_with_its_line(case):
    """The table of best known values is wrong, and the message says where."""
    folder = case("best-known-not-finite")
    with pytest.raises(FormatError, match=r"nan\.csv, line 2: value 'nan' is not a finite number"):
        BestKnown.read(folder / "nan.csv")
    run_script(folder)


def test_thousands_separators_belong_to_a_value(case):
    """1,234 is no 1."""
    assert redwood.read(case("comment-values") / "thousands.vrp").best_known == 1234


@pytest.mark.parametrize(
    ("comment", "value"),
    [
        ("(Augerat et al, No of trucks: 5, Optimal value: 784)", 784),
        ("Best value: 1,234,567.5 (proven)", 1234567.5),
        ("Best known solution : 1e+20", 1e20),
        ("Optimal: 27591.", 27591),
        ("Best value: 2 hours", None),
        ("Best solution: 12.5 % gap", None),
        ("Best value: 1,23", None),
        ("Best known solution: version 2, value 7", None),
        ("Optimal value: 2019 by Foo: 784", None),
        ("Non-optimal value: 800", None),
        ("not optimal: 800", None),
        ("Best value: 1.234,5", None),
    ],
)
def test_only_a_number_beyond_doubt_is_a_value(comment, value):
    """Words before or behind a number make it something else."""
    assert stated_value(comment) == value


@pytest.mark.parametrize(
    ("comment", "vehicles"),
    [("Min no of trucks: 5, x", 5), ("number of vehicles: 5 hours", None), ("No of trucks: 0", None)],
)
def test_a_fleet_is_stated_beyond_doubt_too(comment, vehicles):
    """The number of trucks of the sets A and P, and nothing else."""
    assert stated_fleet(comment) == vehicles


@pytest.mark.parametrize("solver", ["highs", "greedy", "random", "hgs", "pyvrp", "ortools-routing"])
def test_fleets_that_say_nothing_and_fractions_are_solved(case, solver):
    """A million vehicles are no limit; three demands of 0.1 fit a capacity of 0.3; four of 4 do not fit two of 10."""
    folder = case("cvrp-fleet")
    pytest.importorskip({"hgs": "hygese", "pyvrp": "pyvrp", "ortools-routing": "ortools"}.get(solver, "numpy"))
    limits = QUICK | {"time_limit": 1.5} if solver == "hgs" else QUICK  # it starts a process in this time
    assert redwood.solve(redwood.read(folder / "many-vehicles.vrp"), solver, **limits).objective == pytest.approx(
        6.828, 1e-3
    )
    fractions = redwood.solve(redwood.read(folder / "fractions.vrp"), solver, **limits)
    assert fractions.objective == pytest.approx(9.4787, 1e-4) if solver != "random" else fractions.status == "feasible"
    tight = redwood.instance(
        "cvrp", coords=np.arange(12.0).reshape(6, 2), demands=[0, 4, 4, 4, 4, 4], capacity=10, vehicles=2
    )
    assert str(redwood.solve(tight, solver, **limits).status) in ("none", "infeasible")


@pytest.mark.parametrize(("file", "objective"), [("vehicles.tsp", 44), ("tspsol.oplib", 1), ("solomon.txt", 2 * 2**0.5)])
def test_entries_that_change_nothing_are_passed_over(case, file, objective):
    """One vehicle of a TSP, the tour through all of an orienteering instance; and Solomon's text is known."""
    result = redwood.solve(redwood.read(case("entries-that-do-no-harm") / file), **QUICK)
    assert result.objective == pytest.approx(objective)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("VEHICLES : 3", "line 8: VEHICLES is '3', and a TSP has one tour"),
        ("FIXED_EDGES_SECTION\n1 1\n-1", "line 8: fixed_edges joins node 0 to itself"),
        ("DEPOT_SECTION\n1\n2\n-1", "line 8: DEPOT_SECTION names several depots"),
        ("DEMAND_SECTION\n1 0", "line 8: DEMAND_SECTION asks for demands"),
    ],
)
def test_entries_that_would_change_the_question_are_refused(tmp_path, words, message):
    """Several vehicles, an edge of one node, depots and demands are named; nothing else is suggested."""
    head = "NAME : v\nTYPE : TSP\nDIMENSION : 3\nEDGE_WEIGHT_TYPE : EUC_2D\nEOF"
    text = head.replace("EOF", f"NODE_COORD_SECTION\n1 0 0\n2 1 0\n{words}\nEOF").replace(": 3", ": 2", 1)
    (tmp_path / "v.tsp").write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        redwood.read(tmp_path / "v.tsp")
    assert "Did you mean" not in str(caught.value)


def test_empty_sections_that_could_change_the_question_do_not(tmp_path):
    """No fixed edge and one depot leave a TSP a TSP."""
    rows = "NODE_COORD_SECTION\n1 0 0\n2 1 0\nFIXED_EDGES_SECTION\n-1\nDEPOT_SECTION\n2\n-1\nEOF\n"
    (tmp_path / "v.tsp").write_text(f"NAME : v\nTYPE : TSP\nSALESMEN : 1\nDIMENSION : 2\nEDGE_WEIGHT_TYPE : EUC_2D\n{rows}")
    assert redwood.read(tmp_path / "v.tsp").size == 2


@pytest.mark.parametrize(("name", "words"), [("some.txt", "orienteering or vrp"), ("some.kp", "no knapsack file either")])
def test_a_suffix_alone_is_said_to_be_all_that_is_known(tmp_path, name, words):
    """A text of no known format is not called a wrong file of the format that its suffix stands for."""
    (tmp_path / name).write_text("MADEUP\n\nFLEET\n1 2 3 4\n")
    with pytest.raises(FormatError, match=f"{name}: its content matches no known format.*{words}"):
        redwood.read(tmp_path / name)


@pytest.mark.parametrize(
    ("instance", "solution", "objective"),
    [("no-limit.vrp", "lkh3.sol", 12.5366), ("no-limit.vrp", "optimal.sol", 12.5366), ("base.tsp", "concorde.sol", 44)],
)
def test_solutions_of_other_programs_are_priced(case, instance, solution, objective):
    """LKH-3, PyVRP's collection and Concorde."""
    folder = case("solution-files")
    made = redwood.read(folder / instance)
    found = redwood.check(made, redwood.solving.read.read_solution(folder / solution, made))
    assert found.objective == pytest.approx(objective, 1e-5)


@pytest.mark.parametrize(
    ("instance", "solution", "message"),
    [
        ("base.tsp", "lkh3.sol", r"lkh3\.sol, line 1: .*not supported"),
        ("no-limit.vrp", "concorde.sol", r"concorde\.sol, line 1: '5' is neither a route nor a cost"),
        ("base.tsp", "short.sol", r"short\.sol: a tour of Concorde begins with the number of nodes.*TYPE TOUR"),
    ],
)
def test_errors_in_solutions_name_the_file(case, instance, solution, message):
    """The file stands in the front, and the line where there is one."""
    folder = case("solution-files")
    (folder / "short.sol").write_text("4\n0 1 2 3\n")
    with pytest.raises(FormatError, match=message):
        redwood.solving.read.read_solution(folder / solution, redwood.read(folder / instance))


def test_a_network_with_a_weight_that_is_no_number_is_refused(case):
    """The successor of `network_block` names the layer; the old name says the new one."""
    torch, pyo = pytest.importorskip("torch"), pytest.importorskip("pyomo.environ")
    assert "redwood.embed" in run_script(case("network-block"), "nan.py")
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    network[0].weight.data[0, 0] = float("nan")
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(0, 1))
    with pytest.raises(redwood.errors.ModelError, match="nan"):
        redwood.embed(model, network, list(model.x.values()))


@pytest.mark.parametrize("how", ["hook", "subclass"])
def test_a_layer_that_does_more_is_not_embedded_as_one_that_does_not(how):
    """A forward hook and another forward are found."""
    torch, pyo = pytest.importorskip("torch"), pytest.importorskip("pyomo.environ")

    class Doubled(torch.nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    layer = Doubled(2, 1) if how == "subclass" else torch.nn.Linear(2, 1)
    if how == "hook":
        layer.register_forward_hook(lambda module, given, found: found + 1)
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(0, 1))
    with pytest.raises(redwood.errors.ModelError):
        redwood.embed(model, torch.nn.Sequential(layer), list(model.x.values()))


@pytest.mark.parametrize("kind", ["SyncVectorEnv", "AsyncVectorEnv"])
def test_vector_environments_draw_joint_actions(kind):
    """Twenty steps of random actions of three environments at once are all allowed, and differ."""
    gymnasium = pytest.importorskip("gymnasium")
    from redwood.problems.cormab.environment import BanditEnvironment

    bandit = redwood.generate("cormab/capacity", size=6, seed=1)
    many = getattr(gymnasium.vector, kind)([lambda: BanditEnvironment(bandit)] * 3)
    many.reset(seed=1)
    many.action_space.seed(1)
    drawn = [many.action_space.sample() for _ in range(20)]
    for actions in drawn:
        many.step(actions)
    many.close()
    assert any(not np.array_equal(one, two) for one, two, _ in drawn)


@pytest.mark.parametrize("script", ["seeds-not-checked", "torch-defaults", "vector-environment"])
def test_the_scripts_of_cases_end_well(case, script):
    """Each ends with an error where its case is not repaired."""
    if script == "vector-environment":
        pytest.importorskip("gymnasium")
    if script == "torch-defaults":
        pytest.importorskip("torch")
    run_script(case(script))


def test_every_wrong_seed_is_told(case):
    """Four seeds that are none give four messages."""
    assert len(run_script(case("seeds-not-checked")).splitlines()) == 4


def test_a_callback_raises_the_same_way_isolated_or_not(case):
    """Both calls raise what the callback did."""
    assert run_script(case("callback-errors")).splitlines() == ["False raised mine", "True raised mine"]


def test_bq_answers_in_a_fork(case):
    """Parent and child print a number each."""
    pytest.importorskip("torch")
    assert [line.split()[0] for line in run_script(case("bq-after-fork"), "fork.py").splitlines()] == ["parent", "child"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the scripts are for a shell")
@pytest.mark.parametrize("script", ["run.sh", "run_ok.sh"])
def test_an_edited_kernel_is_compiled_anew(case, script):
    """With and without a folder for the cache the second number follows the edit."""
    folder = case("stale-kernel-cache")
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.stdout.split() == ["20", "1010"], done.stderr


def test_no_home_and_no_cache_still_compile(case):
    """Where nothing can be written at home, kernels compile, and a warning says so."""
    folder = case("numba-cache-read-only")
    command = [sys.executable, "-m", "redwood", "solve", "three.kp", "--solver", "greedy", "--time-limit", "0.2", "--json"]
    environment = {**os.environ, "HOME": "/proc/nothing", "REDWOOD_CACHE": "/proc/nothing"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert json.loads(done.stdout)["status"] != "failed"
    assert "cannot be kept in /proc/nothing" in done.stderr


def test_a_file_in_the_working_folder_shadows_nothing(case):
    """Isolated runs and benchmarks pass by a `random.py` that raises."""
    folder = case("working-folder-shadows")
    solve = ("solve", "base.tsp", "--isolate", "--time-limit", "0.2", "--bound-time-limit", "0", "--json")
    bench = ("bench", "run", "s.toml", "--data", ".", "--out", "r")
    for words in (solve, bench):
        done = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "redwood"), *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in read_text(folder / "r" / "records.jsonl").splitlines()]
    assert any(record.get("result", {}).get("objective") is not None for record in results)


@pytest.mark.parametrize("solver", ["bq", "greedy", "highs", "local-search", "cp-sat", "ortools-routing", "pyvrp", "random"])
def test_a_start_and_an_end_are_a_solution(case, solver):
    """Nothing else is there to visit; the prize of the end is 1."""
    pytest.importorskip(
        {"bq": "torch", "cp-sat": "ortools", "ortools-routing": "ortools", "pyvrp": "pyvrp"}.get(solver, "numpy")
    )
    two = redwood.read(case("orienteering-degenerate") / "two.oplib")
    assert redwood.solve(two, solver, **QUICK).objective == 1


@pytest.mark.parametrize("solver", ["highs", "local-search", "cp-sat", "ortools-routing", "pyvrp"])
def test_a_budget_that_is_the_length_of_a_tour_through_all_is_enough(solver):
    """Four corners of a square and a budget of its circumference: nothing is lost to rounding."""
    pytest.importorskip({"cp-sat": "ortools", "ortools-routing": "ortools", "pyvrp": "pyvrp"}.get(solver, "numpy"))
    corners = [(0, 0), (0, 7), (7, 7), (7, 0)]
    square = redwood.instance("orienteering", coords=corners, prizes=[1, 1, 1, 1], budget=28, start=0, end=0)
    assert redwood.solve(square, solver, **QUICK).objective == 4


def test_only_errors_of_instances_leave_a_reader(case):
    """Every file of every case is read, or refused by an error that names it."""
    names = {}
    for name in ("byte-order-mark", "comment-values", "cvrp-fleet", "endless-large-distances", "entries-that-do-no-harm"):
        for file in case(name).iterdir():
            try:
                names[file.name] = redwood.read(file).problem
            except InstanceError as error:
                names[file.name] = str(error)
    unnamed = [(file, said) for file, said in names.items() if " " in said and file not in said]
    assert not unnamed
    assert sum(name in ("tsp", "cvrp", "knapsack", "orienteering", "vrp") for name in names.values()) >= 10
