"""`redwood plugins`: list, info, doctor."""

from typing import Literal

import pytest

from redwood.cli.option_schema import type_schema


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


def test_every_option_has_a_schema(json_lines):
    """Type, default and meaning of each built-in solver's options come as JSON schema, and every default fits its type."""
    kinds = {"boolean": bool, "integer": int, "number": (int, float), "string": str, "null": type(None), "array": list}
    for name in ("highs", "local-search", "bq", "sequoia", "lp-update", "pyvrp", "dask"):
        (described,) = json_lines("plugins", "info", name)
        for found in (*described["solvers"], *described["executors"]):
            schema = found["schema"]
            assert list(schema["properties"]) == [option["name"] for option in found["options"]]
            assert schema["additionalProperties"] is False
            for option, entry in schema["properties"].items():
                allowed = entry.get("enum"), [entry.get("type")] if isinstance(entry.get("type"), str) else entry.get("type")
                assert entry["description"], (name, option)
                if "default" in entry and allowed[0] is not None:
                    assert entry["default"] in allowed[0], (name, option)
                elif "default" in entry and allowed[1] is not None:
                    assert any(isinstance(entry["default"], kinds[kind]) for kind in allowed[1]), (name, option)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (int, {"type": "integer"}),
        (float | None, {"type": ["number", "null"]}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, float], {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number"}]}),
        (Literal["all"] | int, {"anyOf": [{"enum": ["all"]}, {"type": "integer"}]}),
        (object, {}),
    ],
)
def test_types_become_schemas(kind, expected):
    """Each kind of type that options have is said as JSON schema says it."""
    assert type_schema(kind) == expected


def test_info_describes_a_problem(json_lines):
    """A problem has its classes, its sense, its variants and the solvers that fit it."""
    (described,) = json_lines("plugins", "info", "countdown")
    (problem,) = described["problems"]
    assert problem["solution"].endswith(".Number")
    assert (problem["sense"], problem["variants"]) == ("min", ["plain"])
    assert {"steps", "proving"} <= set(problem["solvers"])


def test_info_says_what_an_instance_is_made_of(json_lines, redwood):
    """Every built-in problem tells, with a meaning, all that `redwood.instance` takes, and what a solution holds."""
    for name in ("tsp", "atsp", "cvrp", "knapsack", "orienteering", "vrp", "cormab"):
        (described,) = json_lines("plugins", "info", name)
        (problem,) = described["problems"]
        assert [entry["name"] for entry in problem["data"] if not entry["help"]] == []
        assert {"name", "best_known"} < {entry["name"] for entry in problem["data"]}
    data = {entry["name"]: entry["default"] for entry in json_lines("plugins", "info", "cvrp")[0]["problems"][0]["data"]}
    assert (data["capacity"], data["vehicles"]) == ("required", "None")
    shown = redwood("plugins", "info", "tsp").stdout
    assert "redwood.instance('tsp', ...) takes" in shown
    assert "EUC_2D" in shown


def test_info_of_a_simple_problem_lists_the_fields_of_its_instances():
    """A problem of `redwood.simple` takes the fields of its instance's class, all required."""
    import runpy
    from pathlib import Path

    from redwood.cli.describing import data_taken, solution_fields

    example = Path(__file__).parents[2] / "docs" / "examples" / "linear_ordering.py"
    problem = runpy.run_path(str(example))["LinearOrdering"]
    assert {entry["name"]: entry["default"] for entry in data_taken(problem)}["weights"] == "required"
    assert [entry["name"] for entry in solution_fields(problem)] == ["order"]


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


@pytest.fixture
def shortened(tmp_path):
    """Return a function that writes the plugin of a solver that raises an error beyond size 20, and returns its check."""

    def write(name, error):
        plugin = tmp_path / f"{name}.py"
        plugin.write_text(
            "from dataclasses import dataclass\n"
            "from redwood.errors import FitError\n"
            "from redwood.plugins.spec import SolverSpec, hookimpl\n"
            "from redwood.solver import Answer, Solver\n"
            "@dataclass(frozen=True)\n"
            "class Shortened(Solver):\n"
            "    def run(self, problem, instance, run):\n"
            "        if instance.size > 20:\n"
            f"            raise {error}('too long')\n"
            "        return Answer(problem.solution(instance.largest))\n"
            "@hookimpl\n"
            "def redwood_solvers():\n"
            f"    return [SolverSpec('{name}', 'A solver.', f'{{__name__}}:Shortened', problems=('countdown',))]\n"
        )
        return ("plugins", "check", name, "--plugin", plugin, "--exclude", "budget-kept", "--save", tmp_path)

    return write


def test_check_tries_several_sizes(json_lines, shortened):
    """Each size that is asked for is tried, and else a small and a larger one: some promises break on larger ones alone."""
    words = shortened("shortened", "RuntimeError")
    (small,) = json_lines(*words, "--size", 6)
    assert small["broken"] == 0, [finding["message"] for finding in small["findings"]]
    for sizes in (("--size", 6, "--size", 20), ()):
        (both,) = json_lines(*words, *sizes)
        assert both["broken"] > 0
        assert all("too long" in finding["message"] for finding in both["findings"])


def test_check_says_what_it_has_tried(redwood, shortened):
    """The line of success names the sizes that were tried, and what the solver has refused."""
    result = redwood(*shortened("refusing", "FitError"))
    said = " ".join(result.stdout.split())
    assert said.startswith("Every promise is kept. Tried: "), said
    assert said.endswith("solver refusing on countdown (size 8; refused size 30).")
