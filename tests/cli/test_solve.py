"""`redwood solve`: what it prints, writes and returns."""

import json
import re

import pytest

from redwood.cli import progress

HEAD = ["file", "problem", "instance", "size", "solver", "version", "seed", "status", "termination"]
KEYS = [*HEAD, "objective", "bound", "gap", "best_known", "seconds", "solution", "message"]


def test_json_has_the_keys_of_the_design(json_lines, count_file):
    """--json prints one object an instance, with exactly the documented keys in their order."""
    (record,) = json_lines("solve", count_file(), "--solver", "steps")
    assert list(record) == KEYS
    assert list(record["seconds"]) == ["load", "compile", "solve"]
    assert (record["problem"], record["instance"], record["size"]) == ("countdown", "toy", 30)
    assert (record["objective"], record["bound"], record["gap"]) == (3.0, 3.0, 0.0)
    assert record["solution"] == {"value": 3}


def test_trajectory_adds_the_improvements(json_lines, count_file):
    """With --trajectory the record also has every improvement, the start, and the bound's seconds."""
    (record,) = json_lines("solve", count_file(10), "--solver", "steps", "--trajectory")
    assert [point[1] for point in record["trajectory"]] == [10, 9, 8, 7, 6, 5, 4, 3]
    assert record["initial"] is None
    assert "bound" in record["seconds"]


def test_files_are_solved_in_order_one_line_each(json_lines, count_file):
    """Several files give several lines, in the order of the arguments."""
    files = [count_file(name=name) for name in ("b", "a", "c")]
    assert [record["instance"] for record in json_lines("solve", *files)] == ["b", "a", "c"]


def test_folders_and_patterns_stand_for_their_files(json_lines, count_file, tmp_path):
    """A folder stands for its files with a known suffix, a pattern for the files it matches, each file once."""
    count_file(name="one")
    count_file(name="two")
    (tmp_path / "notes.md").write_text("no instance")
    names = [record["instance"] for record in json_lines("solve", tmp_path, tmp_path / "o*.count")]
    assert names == ["one", "two"]


def test_the_table_names_objective_bound_and_status(redwood, count_file):
    """Without --json people get a table."""
    result = redwood("solve", count_file(), "--solver", "steps")
    assert result.exit_code == 0
    heading, _, row = result.stdout.strip().splitlines()[:3]
    assert {"instance", "solver", "objective", "bound", "gap", "status", "seconds"} <= set(heading.split())
    assert row.split()[:6] == ["toy", "30", "steps", "3", "3", "0.00"]


def test_options_have_the_types_of_the_fields(json_lines, count_file):
    """A value is read as the type of the solver's field; auto's options are those of the solver that it chooses."""
    (record,) = json_lines("solve", count_file(15), "-o", "pause=0.001", "--iterations", 5)
    assert record["solver"] == "steps"
    assert record["objective"] == 10


def test_limits_reach_the_solver(json_lines, count_file):
    """Iterations, target and time limit end a run, and the record says which did."""
    slow = ("solve", count_file(500), "--solver", "steps", "-o", "pause=0.001")
    assert json_lines(*slow, "--iterations", 3)[0]["termination"] == "iterations"
    assert json_lines(*slow, "--target", 495)[0]["objective"] == 495
    assert json_lines(*slow, "--time-limit", 0.05)[0]["termination"] == "time"


def test_isolate_kills_a_solver_that_hangs(json_lines, count_file):
    """With --isolate a solver that never returns ends at its limit, and what it had reported is the result."""
    (record,) = json_lines("solve", count_file(), "--solver", "hang", "--time-limit", 0.2, "--isolate")
    assert (record["termination"], record["objective"]) == ("killed", 7)


@pytest.mark.parametrize(("value", "outcome"), [(8, "accepted"), (99, "rejected: number 99 is not between 3 and 30")])
def test_the_start_is_judged_aloud(redwood, json_lines, count_file, tmp_path, value, outcome):
    """--initial takes a JSON solution; the table and the message say whether it was accepted, and why not."""
    start = tmp_path / "start.json"
    start.write_text(json.dumps({"solution": {"value": value}}))
    words = ("solve", count_file(), "--solver", "steps", "--initial", start)
    assert outcome in json_lines(*words)[0]["message"]
    assert f"initial solution {outcome}" in redwood(*words).stdout


def test_best_known_values_come_from_a_table(redwood, json_lines, count_file, tmp_path):
    """--best-known fills the record's field and the table's column; a file is found by the tail of its path."""
    table = tmp_path / "known.csv"
    table.write_text(f"problem,file,value\ncountdown,{tmp_path.name}/toy.count,4\ncountdown,other.count,\n")
    words = ("solve", count_file(), "--solver", "steps", "--iterations", 22, "--best-known", table)
    (record,) = json_lines(*words)
    assert (record["best_known"], record["objective"]) == (4.0, 8.0)
    assert "100.00 %" in redwood(*words).stdout


def test_code_1_where_an_instance_has_no_solution(redwood, count_file):
    """The exit code is 1 when a solver finds nothing feasible, and standard error says why."""
    result = redwood("solve", count_file(), "--solver", "cheat", "--bound-time-limit", 0)
    assert result.exit_code == 1
    assert "number 0 is not between 3 and 30" in result.stderr


def test_code_0_where_a_failed_solver_left_a_solution(json_lines, redwood, count_file):
    """A solver that crashes after a report leaves a checked solution: status failed, exit code 0."""
    assert json_lines("solve", count_file(), "--solver", "crash")[0]["status"] == "failed"
    assert redwood("solve", count_file(), "--solver", "crash").exit_code == 0


def test_a_bad_file_does_not_keep_the_others_from_being_solved(redwood, count_file, tmp_path):
    """With one unreadable file the rest is solved, and the exit code is 2."""
    result = redwood("solve", tmp_path / "absent.count", count_file(), "--json")
    assert result.exit_code == 2
    assert "absent.count: cannot be read" in result.stderr
    assert [json.loads(line)["objective"] for line in result.stdout.splitlines()] == [3.0]


def test_progress_is_silent_without_a_terminal(redwood, count_file):
    """Nothing but errors goes to standard error where it is not a terminal."""
    assert redwood("solve", count_file()).stderr == ""


def test_several_files_say_how_far_they_are_without_a_terminal(redwood, count_file, monkeypatch):
    """Where the table comes at the end, standard error says what there is to do, and at intervals what is done."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    said = redwood("solve", count_file(name="a"), count_file(name="b"), "--time-limit", 2).stderr.splitlines()
    assert said[0] == "2 files, 2 s of search each."
    assert re.fullmatch(r"1 of 2 files are solved after \d+ s\.", said[-1])
    assert redwood("solve", count_file(name="a"), count_file(name="b"), "--quiet").stderr == ""


def test_solutions_and_pictures_are_written(redwood, tmp_path):
    """--out writes solution files that `check` accepts, --plot writes pictures."""
    made = redwood("generate", "tsp", "--size", 8, "--count", 2, "--out", tmp_path / "in")
    assert made.exit_code == 0, made.stderr
    result = redwood("solve", tmp_path / "in", "--solver", "exact", "--out", tmp_path / "out", "--plot", tmp_path / "pics")
    assert result.exit_code == 0, result.stderr
    for file in (tmp_path / "in").iterdir():
        assert redwood("check", file, tmp_path / "out" / f"{file.stem}.tour").exit_code == 0
        assert (tmp_path / "pics" / f"{file.stem}.png").stat().st_size > 1000


def test_what_cannot_be_drawn_is_solved_all_the_same(redwood, count_file, tmp_path):
    """An instance without a picture is named on standard error, and its solution counts."""
    result = redwood("solve", count_file(), "--plot", tmp_path / "pics")
    assert result.exit_code == 0
    assert "Not drawn: toy: problem 'countdown' has no picture." in result.stderr


def test_a_policy_is_kept_as_a_file_and_checked(redwood, tmp_path):
    """--out writes the policy of a planning problem, under a suffix that no instance has, and `check` prices it the same."""
    bandit = tmp_path / "bandit.json"
    assert redwood("generate", "cormab/budget", "--size", 5, "--out", bandit).exit_code == 0
    solved = redwood("solve", bandit, "--solver", "lagrangian", "--time-limit", 5, "--out", tmp_path, "--json")
    assert solved.exit_code == 0
    checked = redwood("check", bandit, tmp_path / "bandit.policy", "--json")
    assert json.loads(checked.stdout)["objective"] == json.loads(solved.stdout)["objective"]
    (tmp_path / "bad.policy").write_text("{")
    assert redwood("check", bandit, tmp_path / "bad.policy").exit_code == 2


def test_jobs_solve_files_at_a_time_in_their_order(json_lines, tmp_path):
    """With --jobs 2 the lines are those of one job, in the files' order, each with its file; a bad file ends no other."""
    import redwood

    files = [tmp_path / f"{name}.kp" for name in "cab"]
    for seed, file in enumerate(files):
        redwood.write(redwood.generate("knapsack", 10, seed=seed), file)
    words = ("solve", *files, "--solver", "exact", "--bound-time-limit", 0)
    one, two = json_lines(*words), json_lines(*words, "--jobs", 2)
    assert [record["file"] for record in two] == [str(file) for file in files]
    assert [record["solution"] for record in two] == [record["solution"] for record in one]


def test_a_bad_file_ends_no_other_with_jobs(redwood, tmp_path):
    """With --jobs 2 an unreadable file is named, the other is solved all the same, and the exit code is 2."""
    import redwood as library

    library.write(library.generate("knapsack", 10, seed=1), tmp_path / "good.kp")
    (tmp_path / "bad.kp").write_text("{")
    done = redwood("solve", tmp_path / "bad.kp", tmp_path / "good.kp", "--solver", "exact", "--jobs", 2, "--json")
    assert done.exit_code == 2
    assert "bad.kp" in done.stderr
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [str(tmp_path / "good.kp")]
