"""The smaller commands: generate, bound, check, plot, info, warmup."""

import json

import redwood as package


def test_generate_repeats_itself(redwood, tmp_path):
    """The same arguments give the same text, another seed another one, and the text reads back."""
    first, again, other = (redwood("generate", "tsp", "--size", 6, "--seed", seed).stdout for seed in (1, 1, 2))
    assert first == again != other
    file = tmp_path / "drawn.tsp"
    file.write_text(first)
    assert package.read(file).size == 6


def test_generate_writes_one_file_a_seed(json_lines, tmp_path):
    """--count draws with successive seeds, and --json lists the files."""
    records = json_lines("generate", "knapsack", "--size", 5, "--seed", 3, "--count", 2, "--out", tmp_path)
    assert [record["seed"] for record in records] == [3, 4]
    assert {package.read(record["file"]).size for record in records} == {5}


def test_bound_prints_value_and_method(json_lines, redwood, count_file):
    """A bound comes with how it was proven."""
    (record,) = json_lines("bound", count_file())
    assert (record["bound"], record["method"]) == (3.0, "by eye")
    assert "by eye" in redwood("bound", count_file()).stdout


def test_check_prices_feasible_solutions(json_lines, redwood, count_file, tmp_path):
    """A feasible solution is priced; the JSON of `solve` serves as a solution file."""
    file, answer = count_file(), tmp_path / "answer.json"
    answer.write_text(redwood("solve", file, "--solver", "steps", "--iterations", 4, "--json").stdout)
    (record,) = json_lines("check", file, answer)
    assert (record["feasible"], record["objective"], record["violations"]) == (True, 26.0, [])


def test_check_names_broken_rules_with_code_1(redwood, count_file, tmp_path):
    """An infeasible solution has the rules that it breaks, and exit code 1."""
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"value": 31}))
    result = redwood("check", count_file(), answer)
    assert result.exit_code == 1
    assert "number 31 is not between 3 and 30" in result.stdout


def test_plot_draws_instance_and_solution(redwood, tmp_path):
    """A picture is written with and without a solution."""
    redwood("generate", "tsp", "--size", 6, "--out", tmp_path / "six.tsp")
    (tmp_path / "tour.json").write_text(json.dumps({"tour": [0, 1, 2, 3, 4, 5]}))
    for more in ((), (tmp_path / "tour.json",)):
        picture = tmp_path / f"picture{len(more)}.png"
        assert redwood("plot", tmp_path / "six.tsp", *more, "--out", picture).exit_code == 0
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_info_knows_the_versions(json_lines, redwood):
    """`info` has Redwood's version and those of the libraries."""
    (facts,) = json_lines("info")
    assert facts["redwood"] == package.__version__
    assert {"numpy", "numba", "highspy"} <= set(facts["libraries"])
    assert facts["plugins"]["loaded"] >= 1
    assert "numpy" in redwood("info", "--versions").stdout


def test_warmup_reports_each_pair(json_lines):
    """`warmup` has compile seconds for the bound and every solver of a problem, and code 1 where one fails."""
    (report,) = json_lines("warmup", "--problem", "countdown", "--solver", "steps")
    (pair,) = report["pairs"]
    assert (pair["problem"], pair["solver"], pair["message"]) == ("countdown", "steps", "")
    assert pair["seconds"] >= pair["compile_seconds"] >= 0


def test_warmup_fails_where_a_solver_fails(redwood):
    """A solver that fails on tiny instances is named, and the exit code is 1."""
    result = redwood("warmup", "--problem", "countdown", "--solver", "crash")
    assert result.exit_code == 1
    assert "out of paper" in result.stdout
