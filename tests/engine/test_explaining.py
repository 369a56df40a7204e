"""`explain` names the part that breaks a rule, and what to change; following it mends the solution."""

import json
import pickle
import re

import numpy as np
import pytest
from click.testing import CliRunner

import redwood
from redwood.cli.root import root
from redwood.errors import FormatError


@pytest.fixture
def routes():
    """Six customers around a depot, each a unit of demand, for vehicles that carry three."""
    angles = np.arange(6) * np.pi / 3
    coords = np.vstack([[0, 0], np.column_stack([np.cos(angles), np.sin(angles)])])
    return redwood.instance("cvrp", coords=coords, demands=[0, 1, 1, 1, 1, 1, 1], capacity=3)


def test_a_sound_solution_has_nothing_wrong_and_its_value():
    """Nothing is wrong with a feasible packing; the explanation says what it is worth."""
    instance = redwood.instance("knapsack", values=[6, 10], weights=[1, 2], capacity=2)
    told = redwood.explain(instance, [1])
    assert (told.feasible, told.objective, told.repair_suggestions) == (True, 10, ())
    assert "nothing is wrong, objective 10" in str(told)


def test_leaving_out_what_it_says_repairs_a_packing():
    """Items of least value for their weight are to stay behind, and without them the packing fits."""
    instance = redwood.generate("knapsack", size=30, seed=1, capacity=5.0)
    told = redwood.explain(instance, np.arange(30))
    assert "exceeds the capacity" in told.faults[0]
    everything = redwood.check(instance, np.arange(30))
    assert not everything.feasible
    small = redwood.instance("knapsack", values=[9, 8, 1], weights=[3, 3, 3], capacity=6)
    repaired = redwood.explain(small, [0, 1, 2])
    assert repaired.repair_suggestions == ("leave item 2 out (value 1, weight 3).",)
    assert redwood.explain(small, [0, 1]).feasible


def test_tours_say_where_missing_nodes_go():
    """On a square, a missing corner goes between its neighbours; a repeated one comes out."""
    square = redwood.instance("tsp", coords=[[0, 0], [0, 10], [10, 10], [10, 0]])
    told = redwood.explain(square, [0, 1, 1, 3])
    assert any("node 2" in fault for fault in told.faults)
    assert told.repair_suggestions[0] == "take the repeated visit of node 1 out, after node 1."
    assert told.repair_suggestions[1].startswith("put node 2 in between nodes 1 and 3")


def test_routes_say_who_moves_where(routes):
    """An overloaded route gives a customer to the route with room, a missing one is put in, a repeated one comes out."""
    told = redwood.explain(routes, [[1, 2, 3, 4], [5, 5, 1]])
    assert any("route 1 carries 4" in fault for fault in told.faults)
    text = " ".join(told.repair_suggestions)
    assert "take customer 5 out of route 2" in text
    assert "take customer 1 out of route 2" in text
    assert re.search(r"move customer \d \(demand 1\) to route 2", text)
    assert "move customer 6 (demand 1) to route 2" in text
    assert "nobody serves it" in text


def test_a_tour_beyond_its_budget_says_what_to_leave_out():
    """The node that costs most length for its prize is left out first, until the budget suffices."""
    line = redwood.instance("orienteering", coords=[[0, 0], [1, 0], [5, 0]], prizes=[0, 1, 1], budget=4.0)
    told = redwood.explain(line, [0, 1, 2, 0])
    assert told.repair_suggestions == ("leave node 2 out (prize 1), which saves 8.",)
    assert redwood.explain(line, [0, 1, 0]).feasible


def test_a_file_that_is_refused_is_shown_with_its_line(tmp_path):
    """The command shows the offending line of an instance file, and ends with code 1; a file that is absent is wrong use."""
    file = tmp_path / "broken.kp"
    file.write_text("2 10\n5 3\n7 heavy\n")
    done = CliRunner().invoke(root, ["explain", str(file), "--problem", "knapsack"])
    assert done.exit_code == 1, done.output
    assert "rule is broken" in done.stdout
    assert "heavy" in done.stdout
    done = CliRunner().invoke(root, ["explain", str(tmp_path / "absent.kp")])
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.kp", "2 10\n5 3\n7 heavy\n", 3),
        ("a.kp", "2 10\n5 3\n", 2),
        ("a.tsp", "NAME: line 9\nTYPE: TSP\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 x 0\n", 7),
        ("a.vrp", "NAME: x\nTYPE: CVRP\nNAME: y\n", 3),
    ],
)
def test_errors_of_files_know_their_line(tmp_path, name, text, line):
    """A FormatError carries the number of the line that it names, through copies and processes, and no other number."""
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(FormatError, match=rf"line {line}\b") as caught:
        redwood.read(file)
    assert caught.value.line == pickle.loads(pickle.dumps(caught.value)).line == line


def test_an_error_without_a_line_shows_none(tmp_path):
    """A number in the name of a file is no line of it."""
    file = tmp_path / "line 1.kp"
    file.write_text("")
    assert redwood.explain(file).repair_suggestions == ()


def test_the_command_prints_what_programs_read(routes, tmp_path):
    """With --json the faults and repair suggestions come as lists."""
    file, solution = tmp_path / "six.vrp", tmp_path / "six.json"
    from redwood.plugins.host import host

    file.write_text(host().problem("cvrp").format(routes))
    solution.write_text(json.dumps({"routes": [[1, 2, 3, 4], [5]]}))
    done = CliRunner().invoke(root, ["explain", str(file), str(solution), "--json"])
    record = json.loads(done.stdout)
    assert done.exit_code == 1
    assert not record["feasible"]
    assert len(record["repair_suggestions"]) == 2
