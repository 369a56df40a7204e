"""`redwood plugins`: list, info, doctor."""


def test_list_has_problems_solvers_and_plugins(json_lines, redwood):
    """The list names what is registered, with summary, plugin, views and what is missing."""
    (listed,) = json_lines("plugins", "list")
    problems = {entry["name"]: entry for entry in listed["problems"]}
    assert problems["countdown"]["views"] == ["Bound"]
    assert problems["tsp"]["plugin"] == "builtin"
    assert any(entry["name"] == "steps" and entry["problems"] == ["countdown"] for entry in listed["solvers"])
    assert {record["name"] for record in listed["plugins"]} >= {"builtin", "countdown"}
    assert "Find the smallest number from 3 up." in redwood("plugins", "list").stdout


def test_info_lists_options_with_types_and_defaults(json_lines, redwood):
    """A solver's options have name, type, default and text."""
    (described,) = json_lines("plugins", "info", "highs")
    (solver,) = described["solvers"]
    options = {option["name"]: option for option in solver["options"]}
    assert options["mip_rel_gap"]["type"] == "a number"
    assert options["mip_rel_gap"]["default"] == 0.0
    assert options["mip_rel_gap"]["help"]
    assert "knapsack" in solver["fits"]
    assert "mip_rel_gap" in redwood("plugins", "info", "highs").stdout


def test_info_describes_a_problem(json_lines):
    """A problem has its classes, its sense, its variants and the solvers that fit it."""
    (described,) = json_lines("plugins", "info", "countdown")
    (problem,) = described["problems"]
    assert problem["solution"].endswith(".Number")
    assert (problem["sense"], problem["variants"]) == ("min", ["plain"])
    assert {"steps", "proving"} <= set(problem["solvers"])


def test_doctor_ends_with_code_1_when_something_is_wrong(redwood, tmp_path):
    """A target that cannot be imported is a finding that counts."""
    plugin = tmp_path / "ailing.py"
    plugin.write_text(
        "from redwood.plugins.spec import SolverSpec, hookimpl\n"
        "@hookimpl\n"
        "def redwood_solvers():\n"
        "    return [SolverSpec('ailing', 'A solver.', 'no_such_module:S', problems=('countdown',))]\n"
    )
    from redwood.plugins import host as hosting

    saved, hosting._host = hosting._host, None
    try:
        result = redwood("plugins", "doctor", "--plugin", plugin)
    finally:
        hosting._host = saved
    assert result.exit_code == 1
    assert "No module named 'no_such_module'" in result.stdout
